"""A search by steps as a tree that people can look at: every beginning of a reply that was judged, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aha.models.steps import split
from aha.search.types import Candidate, Event

SHOWN = 400
"""Characters of a step that are shown."""
MOST = 4000
"""Steps that are kept; a search of more shows its first ones."""

Node = dict[str, Any]


def worded(answer: object) -> str:
    """An answer in words. Countdown's are pairs: a text, and whether it is made of the given numbers."""
    if isinstance(answer, tuple):
        whole = len(answer) == 2 and isinstance(answer[1], bool)
        return f"{answer[0]}{'' if answer[1] else ' (other numbers)'}" if whole else ", ".join(map(str, answer))
    return "none" if answer is None else str(answer)


class StepTree:
    """Nodes {id, parent, text, score, kept}; one where a reply ended has its `answer` too."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.ids: dict[tuple[int, str], int] = {}
        """Tree and text of the reply so far, of every node."""
        self.ended: list[Event] = []
        """Whole replies that came before any step: whether the search tells steps is not known yet."""

    def add(self, event: Event) -> list[Node]:
        """The nodes that a search's event makes; none for other events, and for a reply that is there already."""
        before = len(self.nodes)
        if event["kind"] == "step" and "reply" in event:
            for ended in self.ended:
                self._end(ended)
            self.ended = []
            text, tree = event["reply"], event.get("tree", 0)
            self._node(tree, text, self._begun(text, tree)[1], event["score"], event["kept"])
        elif event["kind"] == "reply" and self.nodes:
            self._end(event)
        elif event["kind"] == "reply":
            self.ended.append(event)
        return self.nodes[before:]

    def conclude(self, candidates: Sequence[Candidate]) -> list[Node]:
        """The whole tree. Where a search told no steps, it is made of the replies that have scores for theirs."""
        if not self.nodes:
            for candidate in candidates:
                self._grow(candidate)
        return self.nodes

    def _end(self, event: Event) -> None:
        tree, begun = self._begun(event["text"])
        self._node(tree, event["text"], begun, event.get("score"), True, answer=_said(event["answer"]))

    def _grow(self, candidate: Candidate) -> None:
        steps, begun = split(candidate.reply.text), ""
        for k, (step, score) in enumerate(zip(steps, candidate.step_scores, strict=False)):
            ends = {"answer": _said(candidate.answer)} if k == len(steps) - 1 else {}
            self._node(0, begun + step, begun, score, True, **ends)
            begun += step

    def _begun(self, text: str, tree: int | None = None) -> tuple[int, str]:
        """The tree and text of the longest beginning of `text` that was gone on from, in any tree where none is said."""
        known = [
            (len(begun), own, begun) for (own, begun), id in self.ids.items()
            if tree in (None, own) and self.nodes[id]["kept"] and len(begun) < len(text) and text.startswith(begun)
        ]  # fmt: skip
        _, own, begun = max(known, default=(0, tree or 0, ""))
        return own, begun

    def _node(self, tree: int, text: str, begun: str, score: float | None, kept: bool, **more: Any) -> None:
        if (tree, text) in self.ids or len(self.nodes) >= MOST:
            return
        step, parent = text[len(begun) :][:SHOWN], self.ids.get((tree, begun))
        self.ids[tree, text] = id = len(self.nodes)
        self.nodes.append({"id": id, "parent": parent, "text": step, "score": score, "kept": kept} | more)


def _said(answer: object) -> str | None:
    return None if answer is None else worded(answer)[:SHOWN]
