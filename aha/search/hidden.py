"""Hidden reasoning: the model goes over a question again and again, and only what it concludes is shown (as of o1).

    Hidden(rounds=4)

A thought is followed by its answer; then the thought goes on after "wait, " instead, and is followed by its answer again,
until two answers in a row agree, or the rounds or the thinking tokens are spent. What is shown is the last answer, behind
an empty thought. The thinking, and the answers that nobody sees, are in the cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aha.chat import THINK, THINK_END, Chat
from aha.search.budget import WAIT
from aha.search.draft import Draft, begun, ending, in_language, tokenizer_of
from aha.search.ledger import Metered
from aha.search.sample import check, decided, told
from aha.search.select import candidate, majority
from aha.search.thought import conclude, go_on, room_after, think
from aha.search.types import Candidate, Solved, Watch, unwatched
from aha.tasks.base import Task
from aha.types import Completion, Engine, Problem, Sampling


@dataclass(frozen=True, slots=True)
class Hidden:
    """Up to `rounds` conclusions from one thought of at most `cap` tokens, each answer of at most `reserve`."""

    rounds: int = 4
    cap: int = 512
    reserve: int = 64
    wait: str = ""
    temperature: float = 0.0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        check(rounds=(self.rounds, 1), cap=(self.cap, 1), reserve=(self.reserve, 1))

    def __call__(
        self, engine: Engine, task: Task, problems: Sequence[Problem], seed: int, watch: Watch = unwatched
    ) -> list[Solved]:
        """Answer all problems. Raises RunError for an engine that does not show its tokens."""
        meter, chat = Metered(engine, len(problems)), tokenizer_of(engine)
        sampling = Sampling(1, 1, self.temperature, self.top_p, seed=seed)
        words = [self.wait or in_language(problem, WAIT) for problem in problems]
        thoughts = think(meter, chat, begun(chat, problems), sampling, self.cap)
        said: list[list[Candidate]] = [[] for _ in problems]
        asked = list(range(len(problems)))
        for turn in range(self.rounds):
            drafts = conclude(meter, chat, [thoughts[i] for i in asked], sampling, self.reserve)
            for i, draft in zip(asked, drafts, strict=True):
                said[i].append(candidate(task, problems[i], shown(draft.completion(chat))))
                watch(told(i, said[i][-1]))
            asked = [i for i in asked if turn + 1 < self.rounds and self._is_open(chat, thoughts[i], said[i], words[i])]
            if not asked:
                break
            for i in asked:
                watch({"problem": i, "kind": "forced", "text": words[i]})
            longer = [thoughts[i] for i in asked], [words[i] for i in asked]
            for i, draft in zip(asked, go_on(meter, chat, *longer, sampling, self.cap), strict=True):
                thoughts[i] = draft
        last = [[c for c in row if c.answer is not None][-1:] or row[-1:] for row in said]
        return decided(meter, problems, last, majority, watch)

    def _is_open(self, chat: Chat, thought: Draft, said: Sequence[Candidate], word: str) -> bool:
        """Whether a question is to be gone over again."""
        agreed = len(said) > 1 and said[-1].answer is not None and said[-1].answer == said[-2].answer
        return not agreed and ending(chat, thought) != "stray" and room_after(chat, thought, word, self.cap) > 0


def shown(reply: Completion) -> Completion:
    """A reply as its reader sees it: an empty thought, then what follows the thinking.

    A thought that was never closed leaves nothing to show; a reply without one is shown whole. The tokens, from which
    the thinking could be read, are left out.
    """
    if THINK not in reply.text:
        return reply
    _, closed, rest = reply.text.partition(THINK_END)
    return Completion(THINK + THINK_END + rest if closed else "", reply.prompt_ids, finish=reply.finish)
