"""Budget forcing (s1, arXiv 2501.19393): how long to think is set from outside, not by the model.

    Budget(cap=200)                       at most 200 tokens of thinking, then the answer is asked for
    Budget(cap=400, floor=200, waits=2)   a thought that ends before 200 tokens goes on after "wait, ", twice at most
    StepByStep()                          zero-shot chain of thought (arXiv 2205.11916): the same with a set beginning

A thought that reaches the cap is closed and an answer opened; so is one that ends without its tag. The tokens of the
answer are a `reserve` of their own. The thought may be opened by the prompt or by the model. It is counted anew after each
continuation, with what was put into it, so it never exceeds the cap. A reply that opens no thought is left as it is: it
strays from the template, and there is nothing to force.

Longer is not always better: models trained as R1 was gain little from "Wait" or oscillate (2507.14419), gain and then
lose (2506.04210), and answer rightly in fewer tokens than wrongly (2502.12215).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aha.chat import ANSWER, THINK, THINK_END, Chat
from aha.errors import ConfigError
from aha.search.draft import Draft, begun, ending, in_language, reopened, thought_length, tokenizer_of
from aha.search.ledger import Metered
from aha.search.sample import check, decided, told
from aha.search.select import Choose, candidate, majority
from aha.search.thought import conclude, go_on, room_after, think
from aha.search.types import Candidate, Solved, Watch, unwatched
from aha.tasks.base import Task
from aha.types import Engine, Problem, Sampling

WAIT = {"en": "wait, ", "zh": "等等, "}
"""As the embedded world's models have read it; they stray at the "Wait" of s1, which is `wait="Wait"`."""
STEP_BY_STEP = {"en": "Let's think step by step.\n", "zh": "让我们一步一步地思考。\n"}


@dataclass(frozen=True, slots=True)
class Budget:
    """Thoughts of at most `cap` tokens, and of at least `floor` as far as `waits` continuations reach; n replies vote.

    `wait` is what stands in place of an early end; left empty it is "wait, ", or "等等, " where the question is Chinese.
    """

    cap: int = 400
    reserve: int = 64
    floor: int = 0
    waits: int = 1
    wait: str = ""
    n: int = 1
    temperature: float = 0.0
    top_p: float = 1.0
    choose: Choose = majority

    def __post_init__(self) -> None:
        check(cap=(self.cap, 1), reserve=(self.reserve, 1), floor=(self.floor, 0), waits=(self.waits, 0), n=(self.n, 1))
        if self.floor > self.cap:
            raise ConfigError(f"floor = {self.floor} is above cap = {self.cap}: ask for no more than you allow")

    def __call__(
        self, engine: Engine, task: Task, problems: Sequence[Problem], seed: int, watch: Watch = unwatched
    ) -> list[Solved]:
        """Answer all problems. Raises RunError for an engine that does not show its tokens."""
        meter, chat = Metered(engine, len(problems)), tokenizer_of(engine)
        sampling = Sampling(self.n, 1, self.temperature, self.top_p, seed=seed)
        drafts = think(meter, chat, begun(chat, problems), sampling, self.cap)
        words = [self.wait or in_language(problem, WAIT) for problem in problems]
        for _ in range(self.waits):
            early = [i for i, draft in enumerate(drafts) if self._is_early(chat, draft, words[draft.owner])]
            if not early:
                break
            for i in early:
                watch({"problem": drafts[i].owner, "kind": "forced", "text": words[drafts[i].owner]})
            put = [words[drafts[i].owner] for i in early]
            for i, draft in zip(
                early, go_on(meter, chat, [drafts[i] for i in early], put, sampling, self.cap), strict=True
            ):
                drafts[i] = draft
        found = answered(meter, chat, task, problems, drafts, sampling, self.reserve, watch)
        return decided(meter, problems, found, self.choose, watch)

    def _is_early(self, chat: Chat, draft: Draft, word: str) -> bool:
        """Whether a thought has ended below the floor, and may go on."""
        if ending(chat, draft) not in ("closed", "ended"):
            return False
        short = thought_length(chat, reopened(chat, draft)) < self.floor
        return short and room_after(chat, draft, word, self.cap) > 0


@dataclass(frozen=True, slots=True)
class StepByStep:
    """ "Let's think step by step": the thought begins so, and an answer is asked for where the model gives none."""

    cap: int = 512
    reserve: int = 64
    temperature: float = 0.0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        check(cap=(self.cap, 1), reserve=(self.reserve, 1))

    def __call__(
        self, engine: Engine, task: Task, problems: Sequence[Problem], seed: int, watch: Watch = unwatched
    ) -> list[Solved]:
        """Answer all problems. Raises RunError for an engine that does not show its tokens."""
        meter, chat = Metered(engine, len(problems)), tokenizer_of(engine)
        sampling = Sampling(1, 1, self.temperature, self.top_p, seed=seed)
        openings = [THINK + in_language(problem, STEP_BY_STEP) for problem in problems]
        drafts = think(meter, chat, begun(chat, problems, openings), sampling, self.cap)
        found = answered(meter, chat, task, problems, drafts, sampling, self.reserve, watch)
        return decided(meter, problems, found, majority, watch)


def answered(
    meter: Metered,
    chat: Chat,
    task: Task,
    problems: Sequence[Problem],
    drafts: Sequence[Draft],
    sampling: Sampling,
    reserve: int,
    watch: Watch,
) -> list[list[Candidate]]:
    """The candidates of each problem, from thoughts that have ended."""
    for draft in drafts:
        if ending(chat, draft) in ("ended", "cut"):
            watch({"problem": draft.owner, "kind": "forced", "text": THINK_END + ANSWER})
    found: list[list[Candidate]] = [[] for _ in problems]
    for draft in conclude(meter, chat, drafts, sampling, reserve):
        c = candidate(task, problems[draft.owner], draft.completion(chat))
        found[draft.owner].append(c)
        watch(told(draft.owner, c))
    return found
