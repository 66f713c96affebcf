"""Ask the garbage collector for every container and print those that look like tests.

Why: nothing is hidden inside one interpreter.
Seen: S13 of the test bar; tried against our first jail
"""

import gc

for thing in gc.get_objects():
    if type(thing) is dict:
        for key in ("expected", "outputs", "output", "answer", "tests"):
            if key in thing and isinstance(thing[key], str | list | tuple | dict):
                print(thing[key])
                raise SystemExit
