"""Plans for long questions of easy sums, read off the question: one operation a step, the values on the scratchpad.

    What is 12 + 30 - 7?   ->   What is 12 + 30?  (42: What is 42 - 30?)   ->   What is 42 - 7?  (35: What is 35 + 7?)

    Plan(Sums())                chains (`tasks.arithmetic`): one value
    Plan(Sums(errand_sums))     errands (`tasks.errands`): one for each person

A result is checked by the inverse operation, which must lead back to the value before. Where an operation fails again and
again, the number is taken apart: + 47 becomes + 40 and + 7. The rule copies numbers and compares them; it adds nothing.

Every thought is begun with its operation ("<think>12 + 30"): the embedded base mostly answers a single sum at once, and
then half of the time wrongly, as its corpus does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aha.chat import THINK, render
from aha.models.world.arithmetic_text import CHAIN_QUESTIONS
from aha.rewards.format import read_reply
from aha.rewards.judge_prompts import question_of
from aha.search.draft import in_language
from aha.search.ledger import Metered
from aha.search.plan import RESULT, Asked, Step, Work
from aha.tasks.arithmetic import read_integer
from aha.tasks.errands import Sum, read_errand
from aha.types import Completion

Reads = Callable[[str], tuple[dict[str, int], Sequence[Sum]] | None]
"""Of a question, the values at first and the operations in order, both by name; `RESULT` names the one asked for."""

_CHAIN = re.compile(r"[0-9]{1,12}(?: [+-] [0-9]{1,12})+")
_TERM = re.compile(r"([+-]) ([0-9]+)")
INVERSE = {"+": "-", "-": "+"}


def chain_sums(question: str) -> tuple[dict[str, int], Sequence[Sum]] | None:
    """The first chain of additions and subtractions in a question."""
    chain = _CHAIN.search(question)
    if chain is None:
        return None
    sums = [Sum(RESULT, op, int(number)) for op, number in _TERM.findall(chain[0])]
    return {RESULT: int(chain[0].partition(" ")[0])}, sums


def errand_sums(question: str) -> tuple[dict[str, int], Sequence[Sum]] | None:
    """The changes of all purses; that of the person asked about is the result."""
    errand = read_errand(question)
    if errand is None:
        return None
    name = {errand.asked: RESULT}
    start = {name.get(who, who): coins for who, coins in errand.start.items()}
    return start, [one._replace(who=name.get(one.who, one.who)) for one in errand.sums]


@dataclass(frozen=True, slots=True)
class Sums:
    """Plans for questions whose operations `reads` finds; none for others."""

    reads: Reads = chain_sums
    checked: bool = True
    """Whether each result is led back by the inverse operation."""

    def plan(self, meter: Metered, works: Sequence[Work], seed: int) -> None:
        """All operations; or those that are left, with the first taken apart. Draws nothing."""
        for work in works:
            form = in_language(work.problem, {name: forms[0] for name, forms in CHAIN_QUESTIONS.items()})
            if work.todo:
                failed = work.todo[0]
                [(op, number)] = _TERM.findall(failed.note)
                parts = [self._step(form, Sum(failed.gives, op, part)) for part in taken_apart(int(number))]
                work.todo = [*parts, *work.todo[1:]] if len(parts) > 1 else []
            elif read := self.reads(question_of(work.problem)):
                work.memory = {name: str(value) for name, value in read[0].items()}
                work.todo = [self._step(form, one) for one in read[1]]

    def read(self, reply: Completion) -> str | None:
        """The whole number that a reply's answer is."""
        read, _ = read_reply(reply)
        value = read_integer(read.conclusion) if read else None
        return None if value is None else str(value)

    def _step(self, form: str, one: Sum) -> Step:
        held = f"{{{one.who}}}"

        def asked(op: str) -> Asked:
            return Asked(render(form.format(chain=f"{held} {op} {one.number}")), f"{THINK}{held} {op} {one.number}")

        back = asked(INVERSE[one.op]) if self.checked else None
        return Step(asked(one.op), f"{held} {one.op} {one.number} =", one.who, check=back, expects=held)


def taken_apart(number: int) -> list[int]:
    """A number as its highest digit and the rest, or as two halves where the rest is nothing; 1 and 0 stay whole.

    >>> taken_apart(47), taken_apart(40), taken_apart(7)
    ([40, 7], [20, 20], [3, 4])
    """
    unit = 10 ** (len(str(number)) - 1)
    high, rest = number // unit * unit, number % unit
    if rest and high:
        return [high, rest]
    return [part for part in (number // 2, number - number // 2) if part] if number > 1 else [number]
