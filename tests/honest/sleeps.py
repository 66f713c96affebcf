"""Sleeps a tenth of a second."""

import time

began = time.perf_counter()
time.sleep(0.1)
print(input(), time.perf_counter() - began >= 0.1)
