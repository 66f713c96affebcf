"""One program at every level of the jail, and the level that this machine would take."""

from __future__ import annotations

from aha.sandbox.jail import LEVELS, JailBroken, best_level
from aha.sandbox.policy import Limits
from aha.sandbox.pool import Pool
from aha.sandbox.verdict import Program

print("this machine takes:", best_level()[0])
for level in LEVELS:
    try:
        with Pool(1, level) as pool:
            found = pool.run(Program("print(input()[::-1])", b"abc", limits=Limits(wall=60, cpu=60)))
        print(f"{level:9} {found.verdict} {found.stdout!r} in {found.milliseconds:.0f} ms")
    except JailBroken as error:
        print(f"{level:9} does not work: {error}")
