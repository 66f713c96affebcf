"""A plan that the model writes itself, for models that follow instructions.

The plan is a list, one step a line. Each step is asked with the task and the notes so far; its result is shown to the model
again with the question whether it is right. Where a step fails, the model writes the rest of the plan anew. The last
step answers the task from the notes. What the model has written goes back into prompts on one line and without special tokens.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aha.chat import render
from aha.rewards.format import read_reply
from aha.rewards.judge_prompts import question_of
from aha.search.apart import apart
from aha.search.citations import inert
from aha.search.facts import YES
from aha.search.ledger import Metered
from aha.search.plan import Asked, Step, Work, filled
from aha.search.sample import check
from aha.types import Completion, Sampling

PLAN = """Task: {task}
Write a plan of at most {longest} steps, one a line, as 1. 2. 3. Each step is one small thing to find out or to compute. Do
not do the steps yet."""
AGAIN = """Task: {task}
Done so far:
{{notes}}
This step failed: {failed}
Write the steps that are left in another way, at most {longest}, one a line, as 1. 2. 3. Do not do them yet."""
DO = """Task: {task}
Done so far:
{{notes}}
Do this step only, and answer with its result alone: {step}"""
CHECK = """Task: {task}
Done so far:
{{notes}}
Step: {step}
Result: {{result}}
Is this result right? Answer yes or no."""
CLOSE = """Task: {task}
Done so far:
{{notes}}
Answer the task with its result alone."""

_LINE = re.compile(r"^\s*(?:[0-9]{1,3}\s*[.)、:：]|[-*•])\s*(\S.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Written:
    """Plans of at most `longest` steps, written by the engine. `template` makes a prompt of a question."""

    longest: int = 20
    max_tokens: int = 512
    checked: bool = True
    template: Callable[[str], str] = render

    def __post_init__(self) -> None:
        check(longest=(self.longest, 1), max_tokens=(self.max_tokens, 1))

    def plan(self, meter: Metered, works: Sequence[Work], seed: int) -> None:
        """One call of the engine. A reply without a list, or one that was cut off, is no plan."""
        texts = [filled(self._asked(work), work.seen()) for work in works]
        prompts = [self.template(text) for text in texts]
        for call in apart(prompts):
            owners = [works[k].owner for k in call]
            sampling = Sampling(1, self.max_tokens, 0.0, seed=seed)
            for k, [reply] in zip(
                call, meter.generate([prompts[k] for k in call], sampling, owners=owners), strict=True
            ):
                works[k].todo = self._steps(works[k], reply)

    def read(self, reply: Completion) -> str | None:
        """The last line of a reply's answer; "yes" in whatever way it is said."""
        read, _ = read_reply(reply)
        if read is None:
            return None
        text = inert(read.conclusion)
        return "yes" if text.strip(" .!。！").lower() in YES else text

    def _asked(self, work: Work) -> str:
        task = _one_line(question_of(work.problem))
        if not work.todo:
            return PLAN.format(task=task, longest=self.longest)
        return AGAIN.format(task=task, longest=self.longest, failed=work.todo[0].note)

    def _steps(self, work: Work, reply: Completion) -> list[Step]:
        read, _ = read_reply(reply)
        task, lines = _one_line(question_of(work.problem)), _LINE.findall(read.answer) if read else []
        steps = [self._step(task, _one_line(line)) for line in lines[: self.longest]]
        return [*steps, Step(Asked(self.template(CLOSE.format(task=task))), "Answer:")] if steps else []

    def _step(self, task: str, line: str) -> Step:
        again = Asked(self.template(CHECK.format(task=task, step=line))) if self.checked else None
        return Step(Asked(self.template(DO.format(task=task, step=line))), f"{line}:", check=again, expects="yes")


def _one_line(text: str) -> str:
    """A foreign text without what the template or a scratchpad would read."""
    return inert(text).replace("{", "(").replace("}", ")")
