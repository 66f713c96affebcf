"""Search trees of Countdown as text: the way to the goal alone, or the whole walk with its wrong branches
(journey learning, arXiv 2410.18982; stream of search, arXiv 2404.03683).

    44 + 19 = 63, 63 + 35 = 98 yes           shortcut

    44 - 35 = 9, 9 * 19 = 171 no             journey
    wait, 35 - 19 = 16, 44 + 16 = 60 no
    wait, 44 + 19 = 63, 63 + 35 = 98 yes

A node is what is left on the table, a branch one operation on two of it. A line is the way from the root to a leaf, as
the base model writes attempts, and a line that goes back to another branch of the root begins with a word of doubt.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from aha.models.world.countdown_text import WORDS, Term, Writer, combine, operations
from aha.types import Problem

WALKS = 50
"""How often a tree is walked anew, to arrive within the limit."""


@dataclass(frozen=True, slots=True)
class Node:
    """The values on the table, and the steps that led there."""

    table: tuple[Term, ...]
    steps: tuple[str, ...] = ()

    @property
    def is_leaf(self) -> bool:
        """Whether there is nothing left to do."""
        return len(self.table) == 1


@dataclass(frozen=True, slots=True)
class Trace:
    """One puzzle's reply, twice."""

    problem: Problem
    shortcut: str
    journey: str
    branches: int
    """Wrong branches that the journey goes into."""


def children(node: Node) -> list[Node]:
    """Every node one operation further, each once."""
    found: dict[str, Node] = {}
    for i, j in combinations(range(len(node.table)), 2):
        a, b = sorted((node.table[i], node.table[j]), key=lambda term: -term.value)
        rest = [term for k, term in enumerate(node.table) if k not in (i, j)]
        for op in operations(a, b):
            made = combine(a, b, op)
            step = f"{a.value} {op} {b.value} = {made.value}"
            found.setdefault(step, Node((*rest, made), (*node.steps, step)))
    return list(found.values())


def walk(rng: random.Random, node: Node, target: int, trials: int) -> Iterator[Node]:
    """The leaves below a node in the order that a depth-first search meets them.

    Last operations are tried from the one that comes nearest to the target, others in random order. Below the root
    `trials` children of a node are tried.
    """
    if node.is_leaf:
        yield node
        return
    branches = children(node)
    if len(node.table) == 2:
        branches.sort(key=lambda child: abs(child.table[0].value - target))
    else:
        rng.shuffle(branches)
    for child in branches[:trials] if node.steps else branches:
        yield from walk(rng, child, target, trials)


def search(rng: random.Random, numbers: Sequence[int], target: int, trials: int, branches: int) -> list[Node] | None:
    """The leaves of a walk that arrives, the right one last; None where no walk comes upon it within the limit.

    Walks that do not arrive are walked anew in another order, so walks that are kept are shorter than chance has them.
    """
    root = Node(tuple(Term(n, str(n)) for n in numbers))
    for _ in range(WALKS):
        leaves: list[Node] = []
        for leaf in walk(rng, root, target, trials):
            leaves.append(leaf)
            if leaf.table[0].value == target:
                return leaves
            if len(leaves) > branches:
                break
    return None


def trace(problem: Problem, seed: int, trials: int, branches: int) -> Trace | None:
    """Both replies to a puzzle, which end alike; None where no walk arrives."""
    rng = random.Random(f"journey {seed} {problem.id}")
    target, language = problem.answer["target"], problem.answer["language"]
    leaves = search(rng, problem.answer["numbers"], target, trials, branches)
    if leaves is None:
        return None
    writer = Writer(rng, language, mixed=False)
    *wrong, right = leaves
    lines = [_line(writer, before, leaf, "no") for before, leaf in zip([None, *wrong], wrong, strict=False)]
    lines.append(_line(writer, wrong[-1] if wrong else None, right, "yes"))
    answer = right.table[0].text
    return Trace(problem, _reply(_line(writer, None, right, "yes"), answer), _reply("".join(lines), answer), len(wrong))


def _line(writer: Writer, before: Node | None, leaf: Node, verdict: str) -> str:
    """The way to a leaf, with a word of doubt where it leaves the root by another branch than the leaf before."""
    goes_back = before is not None and before.steps[0] != leaf.steps[0]
    doubt = writer.say("doubt") if goes_back else ""
    return f"{doubt}{', '.join(leaf.steps)}{WORDS[writer.language][verdict][0]}\n"


def _reply(thinking: str, answer: str) -> str:
    return f"<think>{thinking}</think><answer>{answer}</answer>"


def traces(problems: Sequence[Problem], seed: int, trials: int, branches: int) -> list[Trace]:
    """The traces of the puzzles whose walks arrive."""
    return [found for problem in problems if (found := trace(problem, seed, trials, branches))]
