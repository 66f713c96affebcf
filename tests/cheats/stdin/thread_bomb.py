"""Start threads without end.

Why: threads count as processes for the limit and fail inside the interpreter.
Seen: S5 of the test bar
Limit: processes
"""

import threading
import time

while True:
    try:
        threading.Thread(target=time.sleep, args=(10**6,), daemon=True).start()
    except RuntimeError:
        time.sleep(0.01)
