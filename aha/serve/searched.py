"""An answer by a strategy: it runs in a thread beside the event loop, tells its progress, and shows its votes and bill."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, fields, replace
from functools import cache
from typing import Any

from aha.errors import AhaError
from aha.models.steps import split
from aha.rollout.jobs import Full, Job, Piece
from aha.search.capped import Capped
from aha.search.types import Event, Solved, Strategy
from aha.serve.ask import ChatAsk, Refused, thought_of
from aha.serve.calls import Failed, busy
from aha.serve.engine import Cancelled, LiveEngine
from aha.serve.mailbox import Mailbox
from aha.serve.models import Checkpoint
from aha.serve.step_tree import SHOWN, StepTree, worded
from aha.serve.summary import without_thought
from aha.serve.turns import question_of
from aha.serve.wire import PING, Sheet, usage
from aha.serve.writing import Delta, Writing
from aha.tasks.asked import asked
from aha.types import Sampling


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(64, "strategy")


class Searched:
    """One run of a strategy for one request: `start`, then `whole` or `events`."""

    def __init__(
        self, state: Any, checkpoint: Checkpoint, strategy: Strategy, prompt: str, ask: ChatAsk, sheet: Sheet
    ) -> None:
        for name in ("stop", "logprobs", "top_logprobs"):
            if getattr(ask, name):
                raise Refused(400, f"{name}: a strategy decides that itself", name, "unsupported_parameter")
        thought = thought_of(ask, checkpoint.live.context)
        if thought.begin != "start" or thought.budget is not None:
            told = ("thinking", "thinking_token_budget", "reasoning_effort")
            name = next(name for name in told if getattr(ask, name) is not None)
            raise Refused(400, f"{name}: a strategy decides that itself; see budget@N", name, "unsupported_parameter")
        self.state, self.checkpoint, self.ask, self.sheet = state, checkpoint, ask, sheet
        self.open = state.settings.thoughts == "shown"
        self.strategy = _set(strategy, ask)
        self.task, self.problem = asked(question_of(ask.messages), prompt)
        self.seed, self.engine, self.mailbox = ask.drawn_with, LiveEngine(checkpoint.live), Mailbox()
        self.writing = Writing(checkpoint.chat, "start", (), sheet.shown == "tags")
        self.began = time.perf_counter()
        self.cost: dict[str, Any] = {}
        self.replies, self.answers, self.tree, self.gone = 0, Counter[str](), StepTree(), False

    def start(self) -> None:
        """Hand the work to a thread. Raises Refused (429) where too many run."""
        if self.state.searching >= self.state.settings.searches:
            live = self.checkpoint.live
            raise busy(Full(live.slots), live, self.state.metrics)
        self.state.searching += 1
        loop = asyncio.get_running_loop()

        def put(item: Any) -> None:
            loop.call_soon_threadsafe(self.mailbox.put, item)

        def work() -> None:
            try:
                engine = Capped(self.engine, self.state.settings.search_tokens)
                [found] = self.strategy(engine, self.task, [self.problem], self.seed, put)
                put(found)
            except BaseException as error:
                put(error)

        _threads().submit(work)

    async def _news(self) -> AsyncIterator[Event | Solved | None]:
        """Events, then what was found; None when nothing happens for a while. Raises Failed."""
        while True:
            items = await self.mailbox.take(self.state.settings.ping)
            if not items:
                yield None
            for item in items:
                if isinstance(item, AhaError):
                    raise Failed(str(item))
                if isinstance(item, Cancelled):
                    raise Failed("the search was cancelled")
                if isinstance(item, BaseException):
                    raise item
                yield item
                if isinstance(item, Solved):
                    return

    async def whole(self) -> dict[str, Any]:
        """The answer in one piece. Raises Failed."""
        async for item in self._news():
            if isinstance(item, Solved):
                await self._conclude(item)
            elif item is not None:
                self.tree.add(item)
        return self.sheet.whole([self.writing], self.usage())

    async def events(self, with_usage: bool, running: bool = False) -> AsyncIterator[bytes]:
        """The answer as server-sent events; usage is known at its end alone. Raises Failed."""
        yield self.sheet.first(0)
        async for item in self._news():
            if item is None:
                yield PING
            elif isinstance(item, Solved):
                for delta in await self._conclude(item):
                    yield self.sheet.delta(0, delta)
            else:
                yield self._told(item)
        yield self.sheet.last(0, self.writing.finish)
        yield self.sheet.bare(aha=self.sheet.vendor)
        if with_usage:
            yield self.sheet.bare(usage=self.usage())

    def _told(self, item: Event) -> bytes:
        """Progress for those who asked: as a thought, as an event, or nothing."""
        out, nodes = b"", self.tree.add(item)
        if item["kind"] == "reply":
            self.replies += 1
            self.answers[worded(item["answer"])] += 1
            if self.ask.aha.progress:
                tally = ", ".join(f"{answer[:80]} ×{count}" for answer, count in self.answers.most_common(6))
                most = getattr(self.strategy, "n", 0)
                line = f"[{self.replies}{f'/{most}' if most else ''} done] answers: {tally}\n"
                out += self.sheet.delta(0, Delta("reasoning", line))
        if self.ask.aha.events and self.open:
            told = {k: _plain(v) for k, v in item.items() if k not in ("problem", "reply", "votes")}
            if item.get("votes"):
                told["votes"] = {worded(answer): weight for answer, weight in item["votes"].items()}
            if nodes:
                told["nodes"] = nodes
            out += self.sheet.bare(aha={"event": told})
        return out

    async def _conclude(self, found: Solved) -> list[Delta]:
        """The chosen reply, and what stands under the vendor's key."""
        self.cost = asdict(found.cost)
        self.sheet.vendor = {
            "seed": self.seed, "answer": None if found.answer is None else worded(found.answer),
            "votes": {worded(answer): weight for answer, weight in (found.votes or {}).items()},
            "candidates": [
                {
                    "answer": None if c.answer is None else worded(c.answer), "score": c.score,
                    "step_scores": list(c.step_scores), "tokens": len(c.reply.token_ids), "finish": c.reply.finish,
                    "chosen": c is found.chosen, "text": c.reply.text if self.open else without_thought(c.reply.text),
                    "steps": split(c.reply.text) if c.step_scores and self.open else [],
                }
                for c in found.candidates
            ],
            "tree": self.tree.conclude(found.candidates) if self.open else None, "cost": self.cost,
        }  # fmt: skip
        cut = all(c.reply.finish == "length" for c in found.candidates)
        shown = found.chosen or (found.candidates[0] if cut and found.candidates else None)  # a thought, if no answer
        if shown is None:
            self.writing.finish = "length" if cut else "stop"
            return []
        ids = self.checkpoint.chat.encode(shown.reply.text)  # with what the strategy itself put into the reply
        piece = Piece(Job([], Sampling(), print), 0, ids, finish=shown.reply.finish)
        deltas, summariser = self.writing.add(piece), self.state.summariser()
        if summariser is None:
            return deltas
        self.sheet.vendor["thoughts"] = summariser.told
        return await summariser.shorten(self.writing, deltas)

    def usage(self) -> dict[str, Any]:
        """Everything drawn is paid for; what is not in the shown answer counts as thinking."""
        drawn = self.cost.get("tokens", 0)
        shown = len(self.writing.ids) - self.writing.reasoning_tokens
        return usage(self.cost.get("prompt_tokens", 0), drawn, max(0, drawn - shown))

    def leave(self) -> None:
        """End the search, and count what it drew. Calling it again does nothing."""
        if self.gone:
            return
        self.gone = True
        self.engine.cancel()
        self.state.searching -= 1
        metrics, name, ledger = self.state.metrics, self.checkpoint.name, self.engine.ledger
        metrics.reply_tokens[name] += ledger.tokens
        metrics.prompt_tokens[name] += ledger.prompt_tokens
        metrics.whole.add(time.perf_counter() - self.began)


def _set(strategy: Strategy, ask: ChatAsk) -> Strategy:
    """The strategy with what the request says of it, where it has such settings."""
    wanted = {"temperature": ask.temperature, "top_p": ask.top_p, "max_tokens": ask.longest}
    has = {f.name for f in fields(strategy)}  # type: ignore[arg-type]
    changed = {k: v for k, v in wanted.items() if v is not None and k in has}
    inner = {k: _set(getattr(strategy, k), ask) for k in ("think", "direct") if k in has}
    return replace(strategy, **changed | inner)  # type: ignore[type-var]


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | bool | type(None)) else worded(value)[:SHOWN]
