"""Cancel the alarm of the harness, take over its signals, and hang.

Why: in-process time limits by SIGALRM belong to whoever set them last.
Seen: HumanEval execution.py and APPS testing_util.py limit the time by SIGALRM
Limit: wall
"""

import signal
import time

signal.alarm(0)
signal.setitimer(signal.ITIMER_REAL, 0)
for number in (signal.SIGALRM, signal.SIGVTALRM, signal.SIGXCPU, signal.SIGTERM):
    signal.signal(number, lambda *_: print("AC"))
while True:
    try:
        time.sleep(10**6)
    except BaseException:
        continue
