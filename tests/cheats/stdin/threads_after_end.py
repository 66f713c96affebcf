"""Let a thread that is no daemon print on after the main thread has ended.

Why: the end of the main thread is not the end of the output.
Seen: not seen; a variation of late writing
"""

import threading
import time


def later():
    for _ in range(5):
        time.sleep(0.05)
        print("52\n-1 3", flush=True)


threading.Thread(target=later).start()
