"""What answers cost, noted by the engine itself: a wrapper that tells every problem its share of each call.

    meter = Metered(engine, len(problems))
    groups = meter.generate(prompts, sampling, owners=[0, 0, 1])   # two prompts of problem 0, one of problem 1
    scores = meter.score(model, prompts, replies, owners=[0, 0, 1])
    meter.costs[0].tokens

Strategies draw and score through it and do no bookkeeping. Where the engine has a ledger, each call's change of that
ledger is dealt out, so the sums equal it exactly, whatever an engine chooses to compute: a prompt prefilled by two threads
counts twice, and a partial reply that is continued counts as a prompt again, but for what the engine kept of it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

from aha.search.types import Cost, StepScorer
from aha.types import Completion, Engine, GroupDone, Prompt, Sampling


def shares(total: int, weights: Sequence[int]) -> list[int]:
    """`total` dealt out in proportion to `weights`: whole numbers whose sum is `total`, equal to the weights if theirs is.

    Without any weight the parts are as even as can be.
    """
    if not any(weights):
        weights = [1] * len(weights)
    whole = sum(weights) or 1
    edges = [total * upto // whole for upto in accumulate(weights, initial=0)]
    return [high - low for low, high in pairwise(edges)]


def weights_of(holder: Any) -> int:
    """How many weights the `.model` of an engine or scorer has, 0 where it holds none that could be counted."""
    parameters = getattr(getattr(holder, "model", None), "parameters", None)
    return sum(weight.numel() for weight in parameters()) if callable(parameters) else 0


def counters(engine: Any) -> dict[str, Any]:
    """An engine's own counters as they stand; empty for an engine that keeps none."""
    ledger = getattr(engine, "ledger", None)
    if ledger is None:
        return {}
    return dict(ledger) if isinstance(ledger, Mapping) else dict(vars(ledger))


class Metered:
    """An engine for `problems` problems that notes in `costs` what each of them took."""

    def __init__(self, engine: Engine, problems: int) -> None:
        self.engine = engine
        self.chat, self.model = getattr(engine, "chat", None), getattr(engine, "model", None)
        self.costs = [Cost()] * problems
        self._weights = weights_of(engine)

    def load_weights(self, named_tensors: dict[str, Any]) -> None:
        """Hand the weights on."""
        self.engine.load_weights(named_tensors)

    def generate(
        self,
        prompts: Sequence[Prompt],
        sampling: Sampling,
        done: GroupDone | None = None,
        owners: Sequence[int] | None = None,
    ) -> list[list[Completion]]:
        """As `Engine.generate`; `owners` are the problems that the prompts belong to, by default one prompt each."""
        if not prompts:
            return []
        before, began = counters(self.engine), time.perf_counter()
        groups = self.engine.generate(prompts, sampling, done)
        own = {"seconds": time.perf_counter() - began}
        own |= {"prompt_tokens": sum(len(group[0].prompt_ids) for group in groups if group), "reused_tokens": 0}
        own |= {"tokens": sum(len(reply.token_ids) for group in groups for reply in group)}
        after = counters(self.engine)
        spent = {name: after[name] - before.get(name, 0) if name in after else own[name] for name in own}
        self._note(range(len(prompts)) if owners is None else owners, prompts, groups, spent)
        return groups

    def _note(
        self,
        owners: Sequence[int],
        prompts: Sequence[Prompt],
        groups: Sequence[Sequence[Completion]],
        spent: dict[str, Any],
    ) -> None:
        """Deal out what one call has spent."""
        told, sizes = getattr(self.engine, "last_read", {}), _prompt_sizes(prompts, groups)
        read, found = (shares(spent[name], told.get(name, sizes)) for name in ("prompt_tokens", "reused_tokens"))
        drawn = shares(spent["tokens"], _reply_sizes(groups))
        total, longest = sum(read) + sum(drawn), Counter[int]()
        for owner, group, prompt_tokens, tokens, reused in zip(owners, groups, read, drawn, found, strict=True):
            both = prompt_tokens + tokens
            seconds = spent["seconds"] * (both / total if total else 1 / len(prompts))
            flops = 2.0 * self._weights * both
            self.costs[owner] += Cost(prompt_tokens, tokens, flops=flops, seconds=seconds, reused_tokens=reused)
            longest[owner] = max(longest[owner], *(len(reply.token_ids) for reply in group))
        for owner, passes in longest.items():
            self.costs[owner] += Cost(passes=passes)

    def score(
        self, scorer: StepScorer, prompts: Sequence[str], replies: Sequence[str], owners: Sequence[int]
    ) -> list[list[float]]:
        """What a process model says of each reply; its tokens, operations and seconds are noted."""
        began = time.perf_counter()
        scores, tokens = scorer(prompts, replies) if prompts else ([], [])
        self.note_scoring(owners, tokens, time.perf_counter() - began, weights_of(scorer))
        return scores

    def note_scoring(self, owners: Sequence[int], tokens: Sequence[int], seconds: float, weights: int = 0) -> None:
        """Note that a scorer of so many weights read `tokens` for replies of the problems `owners`."""
        each = seconds / max(1, sum(tokens))
        for owner, read in zip(owners, tokens, strict=True):
            self.costs[owner] += Cost(scorer_tokens=read, flops=2.0 * weights * read, seconds=each * read)


def _prompt_sizes(prompts: Sequence[Prompt], groups: Sequence[Sequence[Completion]]) -> list[int]:
    """Tokens of each prompt; characters where the engine hides its tokens."""
    sizes = [len(group[0].prompt_ids) if group else 0 for group in groups]
    return sizes if any(sizes) else [len(prompt) for prompt in prompts]


def _reply_sizes(groups: Sequence[Sequence[Completion]]) -> list[int]:
    """Tokens drawn for each prompt; characters where the engine hides its tokens."""
    sizes = [sum(len(reply.token_ids) for reply in group) for group in groups]
    return sizes if any(sizes) else [sum(len(reply.text) for reply in group) for group in groups]
