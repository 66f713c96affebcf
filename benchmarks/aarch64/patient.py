"""A pytest plugin: all that waits for a program in the jail waits eight times as long, for an emulated machine is slow.

A program's milliseconds count an eighth, so that what must end soon may take eight times as long too."""

from __future__ import annotations

from typing import Any

from aha.sandbox import jail
from aha.sandbox.policy import Limits
from aha.sandbox.verdict import Outcome

TIMES = 8
_begin, _end = Limits.__init__, Outcome.__init__


def _with_time(self: Limits, *args: Any, **named: Any) -> None:
    _begin(self, *args, **named)
    for name in ("wall", "cpu"):
        object.__setattr__(self, name, TIMES * getattr(self, name))  # the class is frozen


def _in_less(self: Outcome, *args: Any, **named: Any) -> None:
    _end(self, *args, **named)
    object.__setattr__(self, "milliseconds", self.milliseconds / TIMES)


Outcome.__init__ = _in_less  # type: ignore[method-assign]
Limits.__init__ = _with_time  # type: ignore[method-assign]
jail.GRACE *= TIMES
