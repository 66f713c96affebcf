"""An engine with a budget: however a strategy goes about it, no more than so many tokens are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from aha.types import Completion, Engine, GroupDone, Prompt, Sampling


class Capped:
    """`engine`, for one problem, drawing at most `tokens` in all.

    The replies of a call share what is left evenly. When nothing is left they come back empty and cut off, so a strategy
    ends as it would on replies that ran out of tokens.
    """

    def __init__(self, engine: Engine, tokens: int) -> None:
        self.engine, self.left = engine, tokens
        self.chat, self.model = getattr(engine, "chat", None), getattr(engine, "model", None)
        self.ledger = getattr(engine, "ledger", None)
        self.remembering = getattr(engine, "remembering", nullcontext)

    def load_weights(self, named_tensors: dict[str, Any]) -> None:
        """Hand the weights on."""
        self.engine.load_weights(named_tensors)

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling, done: GroupDone | None = None
    ) -> list[list[Completion]]:
        """As the engine's own, with `max_tokens` lowered to a reply's share of what is left."""
        each = self.left // max(1, len(prompts) * sampling.n)
        if not each:
            groups = [[Completion("", finish="length") for _ in range(sampling.n)] for _ in prompts]
            if done:
                for i, group in enumerate(groups):
                    done(i, group)
            return groups
        groups = self.engine.generate(prompts, replace(sampling, max_tokens=min(sampling.max_tokens, each)), done)
        self.left -= sum(len(reply.token_ids) for group in groups for reply in group)
        return groups
