"""Is a run of reinforcement still sound? Nine guards read the record of every step, warn, and stop what cannot go well.

    health = Health(HealthSettings(), dtype="bf16")
    verdict = health.check(record)  # after every step
    if verdict.state == "halt": stop, and say verdict.words
    if verdict.state == "rollback": give up what was learnt after step verdict.good, too

A guard warns at the first bad step and stops the run after several; a good step in between is forgiven. A verdict is a
function of the records alone, so a continued run that checks its old records first goes on as if it had never stopped.
Left out: guards on evaluations, and on what a reply says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from aha.config import Settings
from aha.train.guards import (
    GROUPS,
    Finding,
    Past,
    Record,
    Streak,
    collapse,
    cut_off,
    deceived,
    explosion,
    graders,
    length_leak,
    mismatch,
    no_signal,
    not_finite,
    number,
)  # fmt: skip
from aha.types import Precision

Verb = Literal["ok", "warn", "halt", "rollback"]
Name = Literal[
    "not-finite", "mismatch", "explosion", "graders", "cut-off", "entropy", "no-signal", "length", "deceived"
]


class HealthSettings(Settings):
    """When a run is stopped for its own good."""

    patience: int = Field(10, ge=1)
    """Bad steps in a row after which a run that learns nothing, or the wrong thing, is stopped."""
    gap: float = Field(0.0, ge=0)
    """Mean difference between sampled and trained log-probabilities that stops a run; 0 goes by dtype."""
    only_warn: list[Name] = []
    """Guards that never stop the run."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done after a step, and why."""

    state: Verb
    guard: str = ""
    words: str = ""
    """What is wrong and what to do about it, one line."""
    good: int | None = None
    """For a rollback, the last step whose weights are beyond suspicion; a checkpoint of a later one is not."""


@dataclass(frozen=True, slots=True)
class Guard:
    """A check, and what it does about `after` fatal findings (0: the settings' patience) that `forgive` good steps clear."""

    find: Callable[[Record, Past], Finding | None]
    act: Literal["halt", "rollback"] = "halt"
    after: int = 0
    forgive: int = 1
    groups: int = 0


GUARDS: dict[str, Guard] = {
    "not-finite": Guard(not_finite, after=3, forgive=20),
    "mismatch": Guard(mismatch, after=1),
    "explosion": Guard(explosion, "rollback", after=2),
    "graders": Guard(graders),
    "cut-off": Guard(cut_off, groups=GROUPS),
    "entropy": Guard(collapse),
    "no-signal": Guard(no_signal, groups=GROUPS),
    "length": Guard(length_leak),
    "deceived": Guard(deceived),
}
"""Causes before their effects: of findings equally grave the first is named."""
ARITHMETIC = ("not-finite", "mismatch", "explosion")
"""What these object to is no measure of what is usual."""
GRAVITY = ("ok", "warn", "halt", "rollback")


class Health:
    """The one guard of a run. `reasons` holds the step and verdict of every change of its opinion."""

    def __init__(self, settings: HealthSettings, dtype: Precision = "bf16") -> None:
        self.settings, self.past = settings, Past(settings.gap, dtype)
        self.reasons: list[tuple[int, Verdict]] = []
        self.step = 0

    def check(self, record: Record) -> Verdict:
        """What to do after the step of `record`, as `aha.train.metrics` describes it; names it lacks are not judged."""
        self.step = int(number(record, "step") or self.step + 1)
        found = {name: finding for name, guard in GUARDS.items() if (finding := guard.find(record, self.past))}
        for name in set(self.past.streaks) - set(found):
            self._forgive(name)
        verdicts = [self._count(name, finding, record) for name, finding in found.items()]
        worst = max(verdicts, key=lambda verdict: GRAVITY.index(verdict.state), default=Verdict("ok"))
        if not any(name in found for name in ARITHMETIC):
            self.past.add(record)
        last = self.reasons[-1][1] if self.reasons else Verdict("ok")
        if (worst.state, worst.guard) != (last.state, last.guard):
            self.reasons.append((self.step, worst))
        return worst

    @property
    def suspect(self) -> bool:
        """Whether the last update may have broken the weights, so that no checkpoint should be made of them yet."""
        return "explosion" in self.past.streaks

    def _count(self, name: str, finding: Finding, record: Record) -> Verdict:
        """Add a finding to its streak, and see whether that is enough."""
        guard = GUARDS[name]
        streak = self.past.streaks.setdefault(name, Streak(self.step, record))
        streak.good = 0
        if finding.fatal:
            streak.fatal += 1
            streak.groups += int(number(record, "groups") or GROUPS)
        enough = streak.fatal >= (guard.after or self.settings.patience) and streak.groups >= guard.groups
        if not (finding.fatal and enough) or name in self.settings.only_warn:
            return Verdict("warn", name, finding.words)
        good = max(0, streak.began - 2) if guard.act == "rollback" else None
        return Verdict(guard.act, name, finding.words, good)

    def _forgive(self, name: str) -> None:
        streak = self.past.streaks[name]
        streak.good += 1
        if streak.good >= GUARDS[name].forgive:
            del self.past.streaks[name]
