"""The records that travel between phases, and the two protocols everything plugs into.

    Problem -> Engine.generate -> Completion -> Reward -> Score -> training batch

All records are frozen and hold no logic. `None` as a reward means "the grader failed": such a reply is left out of
the advantage and counted, and never read as a zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Finish = Literal["stop", "length"]
"""Why a reply ended: on a stop token or stop string, or because it ran out of tokens."""
Precision = Literal["bf16", "fp32"]
"""What sampling and learning compute in."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A question, and whatever its reward needs to grade a reply.

    >>> Problem("Using the numbers 1, 2, 4, make 6.", answer={"numbers": [1, 2, 4], "target": 6}, id="countdown/17")
    """

    prompt: str
    answer: Any = None
    solution: str | None = None
    """A full reply known to earn full marks, if there is one."""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to draw replies: `n` for each prompt, together called a group.

    temperature 0 is greedy. top_k 0 and top_p 1 leave the distribution whole. `seed` fixes the noise of every token
    of every sample of every prompt, whatever else is in the batch.
    """

    n: int = 1
    max_tokens: int = 512
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    stop: tuple[str, ...] = ()
    stop_token_ids: tuple[int, ...] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """One sampled reply, with what training needs to learn from it.

    >>> Completion("<think>1 + 1 = 2</think><answer>2</answer>", prompt_ids=[5, 9], token_ids=[3, 7, 1],
    ...            logprobs=[-0.1, -0.7, -0.01], finish="stop")

    `logprobs` are those of `token_ids` under the distribution that was sampled: after temperature, top-k and top-p.
    The stop token, when there is one, is the last of `token_ids` and is not part of `text`.
    """

    text: str
    prompt_ids: list[int] = field(default_factory=list)
    token_ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finish: Finish = "stop"


@dataclass(frozen=True, slots=True)
class Score:
    """What a reply earned: the weighted sum, its unweighted parts by reward name, and why it fell short.

    >>> Score(total=0.1, parts={"correct": 0.0, "formatted": 1.0}, reason="wrong value")

    `total` is None when a grader failed.
    """

    total: float | None
    parts: dict[str, float | None]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt and the reply to be learnt: what supervised fine-tuning reads.

    >>> Example("User: Hello!\nAssistant:", "<think></think><answer>Hello!</answer>", domain="talk", language="en")

    `prompt` is in the model's template already, as a Problem's is; `reply` stands without the end token.
    """

    prompt: str
    reply: str
    source: str = ""
    """Which stage or rule wrote the reply."""
    domain: str = ""
    """The task it belongs to."""
    language: str = ""
    id: str = ""
    """The problem's id, so that data can be traced and deduplicated."""


Reward = Callable[[Problem, Sequence[Completion]], Sequence[float | None]]
"""Grades one group of replies to one problem: a number for each reply, or None where the grader itself failed."""

GroupDone = Callable[[int, list[Completion]], None]

Prompt = str | list[int]
"""Text in the model's template, or its exact tokens when a partial reply is being continued."""


class Engine(Protocol):
    """Anything that can continue prompts. Engines know nothing of tasks, rewards or training."""

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling, done: GroupDone | None = None
    ) -> list[list[Completion]]:
        """Draw `sampling.n` replies to each prompt, in prompt order.

        `done` is called with a prompt's index and its replies as soon as the last of them has ended, from any thread.
        """
        ...

    def load_weights(self, named_tensors: dict[str, Any]) -> None:
        """Sample from these weights from the next call on."""
        ...
