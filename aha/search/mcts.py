"""Monte-Carlo tree search over the steps of a reply, with the values of a process model.

    Mcts(scorer, n=16, width=4)      16 whole replies to each problem, 4 a round

A node is the beginning of a reply, up to the end of a step. A round goes down from the root to the first node that has
been gone on from in fewer than `width` ways, always to the child with the largest

    Q + exploration * P * sqrt(N of the parent) / (1 + N)          (PUCT, Silver et al. 2017)

draws `width` whole replies from there, reads each of them once with the process model, and adds all their steps to the tree.
N is how many replies went through a node. Q is the mean of the model's score right after the node, counted as one reply,
and the values of those replies: `aggregate` of all their steps' scores, and 0 for a reply that ran out of tokens, because
it is no answer. P is the share of the parent's draws that took this step, which is what the policy thinks of it.
Nodes where a reply ended are not visited again; a node that has no other goes on anew.

Every token drawn is part of a whole reply, so nothing is thrown away, and all replies are candidates; `choose` decides among
them. All problems take their rounds together: one call of the engine and one of the scorer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from aha.chat import Chat
from aha.errors import ConfigError
from aha.models.steps import Aggregate, last, split, split_ids
from aha.search.draft import Draft, begun, draw, tokenizer_of
from aha.search.ledger import Metered
from aha.search.sample import check, decided, told
from aha.search.select import Choose, weighted
from aha.search.tree import Path, as_candidate, capped, is_open, judge, remembering
from aha.search.types import Candidate, Solved, StepScorer, Watch, unwatched
from aha.tasks.base import Task
from aha.types import Engine, Problem, Sampling


@dataclass
class Node:
    """The beginning of a reply, and what came of it."""

    draft: Draft
    own: float = 0.0
    """The process model's score after its last step."""
    visits: int = 0
    total: float = 0.0
    """Values of the replies that went through it."""
    draws: int = 0
    """How often the policy took this step, of all times it went on from the parent."""
    is_open: bool = True
    children: dict[tuple[int, ...], Node] = field(default_factory=dict)

    @property
    def quality(self) -> float:
        """The mean of its own score and the values of its replies."""
        return (self.own + self.total) / (1 + self.visits)

    def best(self, exploration: float) -> Node | None:
        """The child to visit next; None where all have ended."""
        taken = sum(child.draws for child in self.children.values())

        def puct(child: Node) -> float:
            prior = child.draws / taken
            return child.quality + exploration * prior * math.sqrt(self.visits) / (1 + child.visits)

        return max((child for child in self.children.values() if child.is_open), key=puct, default=None)


@dataclass(frozen=True, slots=True)
class Mcts:
    """Tree search with a budget of `n` whole replies to each problem, `width` drawn from a node at a time."""

    scorer: StepScorer
    n: int = 16
    width: int = 4
    exploration: float = 1.0
    aggregate: Aggregate = last
    choose: Choose = weighted
    max_tokens: int = 512
    temperature: float = 1.0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        check(n=(self.n, 1), width=(self.width, 1), exploration=(self.exploration, 0))
        check(max_tokens=(self.max_tokens, 1), temperature=(self.temperature, 0))
        if self.n % self.width:
            raise ConfigError(f"n = {self.n} is no multiple of width = {self.width}: the last round would be smaller")

    def __call__(
        self, engine: Engine, task: Task, problems: Sequence[Problem], seed: int, watch: Watch = unwatched
    ) -> list[Solved]:
        """Answer all problems. Raises RunError for an engine that does not show its tokens."""
        meter, chat = Metered(engine, len(problems)), tokenizer_of(engine)
        roots = [Node(draft) for draft in begun(chat, problems)]
        found: list[list[Candidate]] = [[] for _ in problems]
        with remembering(engine, self.scorer):
            for turn in range(self.n // self.width):
                ways = [descend(root, self.width, self.exploration) for root in roots]
                for i, way in enumerate(ways):
                    text = chat.decode(way[-1].draft.token_ids)
                    watch({"problem": i, "kind": "visit", "text": text, "depth": len(way)})
                # another seed for each round, or a node that goes on anew would go on as before
                seed_of_turn = seed + turn * 1_000_003
                sampling = Sampling(self.width, self.max_tokens, self.temperature, self.top_p, seed=seed_of_turn)
                drawn = draw(meter, [way[-1].draft for way in ways], sampling)
                drafts = [capped(chat, draft, self.max_tokens) for draft in drawn]
                for path in judge(meter, chat, self.scorer, self.aggregate, problems, drafts, drafts):
                    i = path.draft.owner
                    grow(chat, ways[i], path, self.max_tokens)
                    found[i].append(as_candidate(chat, task, problems[i], path))
                    watch({**told(i, found[i][-1]), "score": path.value})
        return decided(meter, problems, found, self.choose, watch)


def descend(root: Node, width: int, exploration: float) -> list[Node]:
    """The way from the root to the node to go on from."""
    way = [root]
    while sum(child.draws for child in way[-1].children.values()) >= width:
        child = way[-1].best(exploration)
        if child is None:
            break
        way.append(child)
    return way


def grow(chat: Chat, way: Sequence[Node], path: Path, max_tokens: int) -> None:
    """Add the steps of a reply that was drawn from the end of `way`, and tell all its nodes what it is worth."""
    nodes, node, at = list(way), way[-1], len(way[-1].draft.token_ids)
    for step in split_ids(chat, path.draft.token_ids[at:]):
        at += len(step)
        if tuple(step) not in node.children:
            begin = path.draft if at == len(path.draft.token_ids) else path.draft.first(at)
            steps = len(split(chat.decode(begin.token_ids)))
            own = path.scores[steps - 1] if steps else 0.0
            node.children[tuple(step)] = Node(begin, own, is_open=is_open(begin, max_tokens))
        node = node.children[tuple(step)]
        node.draws += 1
        nodes.append(node)
    value = path.value if path.draft.finish == "stop" else 0.0
    for node in nodes:
        node.visits += 1
        node.total += value
