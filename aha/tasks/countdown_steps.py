"""What is true of the steps of a Countdown reply: exact labels, to train on and to hold sampled ones against.

The embedded world thinks in attempts, one a line, each ending in a verdict:

    36 + 12 = 48, 67 - 48 = 19 no
    67 - 12 = 55, 55 + 36 = 91 yes

Two questions about them have exact answers, and they are different questions:

* Is the line right? (`exact_labels`) Its sums hold, it uses each given number or result at most once and nothing else,
  and its verdict is true: "yes" where all numbers are used up and the result is the target, "no" where that is not so.
  Lines without a sum claim nothing and have no label. The closing step is as right as the answer. This is what a process
  model is trained on and what a first error is. It does not say that the reply is lost: the next line may be right.
* Can the target still be reached? (`reachable`) After a whole line always, since the next attempt begins anew with all
  numbers. Within an attempt not: after `36 + 12 = 48` there is only what 48 and the numbers left can make. This is what
  a Monte-Carlo label of a place within an attempt estimates, if the attempt is drawn to its end and no further.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from aha.chat import THINK, THINK_END
from aha.models.steps import split
from aha.tasks.countdown_grade import correct
from aha.tasks.countdown_solver import apply, find
from aha.tasks.process_labels import Label, LabelledSteps
from aha.types import Completion, Engine, Problem, Sampling

YES, NO = ("yes", "对"), ("no", "wrong", "不对", "错误")
_NUMBER = r"\(?(-?[0-9]{1,12})\)?"
_SUM = re.compile(rf"{_NUMBER}\s*([-+*/])\s*{_NUMBER}(?:\s*=\s*{_NUMBER})?", re.ASCII)
_PART = re.compile(rf"[^0-9()=+*/-]*{_SUM.pattern}[^0-9()=+*/-]*", re.ASCII)
"""A sum with words around it, such as a doubt or a verdict."""
_WORDS = re.compile(r"[^0-9=]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A line that tries something, as far as it goes."""

    holds: bool
    """Every sum is true and uses only what was there."""
    left: tuple[int, ...]
    """The numbers not used, and the results so far, in any order; of no meaning where it does not hold."""
    verdict: bool | None
    """What the line says of itself; None if it does not say."""
    fails: bool = False
    """It ends with a division that leaves a remainder, written without a result."""

    def is_right(self, target: int) -> bool:
        """Whether the line says nothing false."""
        done = self.left == (target,) and not self.fails
        return self.holds and (self.verdict is None or self.verdict == done)


def read_attempt(line: str, numbers: Sequence[int]) -> Attempt | None:
    """A line's attempt, or None for a line without a sum, or with something else than sums that nobody can check."""
    left, sums = list(numbers), 0
    verdict, parts = _verdict(line), [part for part in re.split("[,，]", line) if not _WORDS.fullmatch(part)]
    for k, part in enumerate(parts):
        found = _PART.fullmatch(part)
        if found is None:
            return None
        a, b, sums = int(found[1]), int(found[3]), sums + 1
        value = apply(found[2], a, b)
        if not _take(left, a, b):
            return Attempt(False, (), verdict)
        if found[4] is None:  # only a division that fails may go without, and it ends the attempt
            fails = k == len(parts) - 1 and found[2] == "/" and not isinstance(value, int)
            return Attempt(fails, tuple(left), verdict, fails)
        if value != int(found[4]):
            return Attempt(False, (), verdict)
        left.append(int(found[4]))
    return Attempt(True, tuple(left), verdict) if sums else None


def _take(left: list[int], a: int, b: int) -> bool:
    """Take two numbers away; False where they are not there."""
    for number in (a, b):
        if number not in left:
            return False
        left.remove(number)
    return True


def _verdict(line: str) -> bool | None:
    """The verdict a line ends with."""
    said = line.rstrip().removesuffix(".")
    if said.endswith(NO):
        return False
    return True if said.endswith(YES) else None


def exact_labels(problem: Problem, reply: Completion) -> LabelledSteps:
    """Whether each step of a reply is right, 1 or 0. The unfinished last line of a reply that was cut off has no label."""
    steps = split(reply.text)
    numbers, target = problem.answer["numbers"], problem.answer["target"]
    labels: list[Label] = []
    for k, step in enumerate(steps):
        if reply.finish == "length" and k == len(steps) - 1:
            labels.append(None)
        elif step.startswith(THINK_END):
            [grade] = correct(problem, [reply])
            labels.append(grade[0] if isinstance(grade, tuple) else grade)
        else:
            attempt = read_attempt(step.removeprefix(THINK), numbers)
            labels.append(None if attempt is None else float(attempt.is_right(target)))
    return LabelledSteps(problem.prompt, tuple(steps), tuple(labels), problem.id)


def reachable(problem: Problem, begun: str) -> bool:
    """Whether an attempt that begins with these sums, each of which has its result, can still end at the target."""
    attempt = read_attempt(begun, problem.answer["numbers"])
    left = tuple(problem.answer["numbers"]) if attempt is None else attempt.left
    holds = attempt is None or (attempt.holds and not attempt.fails)
    return holds and find(left, problem.answer["target"]) is not None


def sums_of(line: str) -> list[str]:
    """The beginnings of an attempt that end with a sum and its result, the last of them without the verdict."""
    return [line[: found.end()] for found in _SUM.finditer(line) if found[4] is not None]


def reach_shares(engine: Engine, problems: Sequence[Problem], begun: Sequence[str], sampling: Sampling) -> list[float]:
    """The share of `sampling.n` ways to end an attempt that end it at the target; one call of the engine.

    `begun` are beginnings of replies, one to each problem, up to a place within an attempt. What a way says of itself
    does not matter, and a line that runs out of tokens does not end at the target.
    """
    prompts = [problem.prompt + text for problem, text in zip(problems, begun, strict=True)]
    groups = engine.generate(prompts, replace(sampling, stop=("\n", THINK_END)))
    shares = []
    for problem, text, group in zip(problems, begun, groups, strict=True):
        line, goal = text.rpartition("\n")[2].removeprefix(THINK), (problem.answer["target"],)
        ends = [read_attempt(split(line + reply.text)[0], problem.answer["numbers"]) for reply in group]
        shares.append(sum(end is not None and end.holds and end.left == goal for end in ends) / len(ends))
    return shares
