"""Walk the callers and print the first variable that sounds like the expected output.

Why: in-process harnesses hold the tests in a frame above the program.
Seen: LiveCodeBench testing_util.py, measured; METR, June 2025 (o3 traced the call stack to the answer)
"""

import sys

frame = sys._getframe()
while frame:
    for name, value in list(frame.f_locals.items()) + list(frame.f_globals.items()):
        if name in ("expected", "gt_out", "all_outputs", "outputs", "answer", "in_outs", "tests", "test", "job"):
            print(value)
            raise SystemExit
    frame = frame.f_back
