"""Search step by step under a process model: beam search, diverse trees, lookahead (arXiv 2408.03314, section 5.2).

    Beam(scorer, n=16, width=4)                  beam search: 4 beams live, each goes on in 4 ways
    Beam(scorer, n=16, width=4, trees=0)         diverse verifier tree search: 4 trees, the best of 4 ways in each
    Beam(scorer, n=16, width=4, lookahead=1)     a beam is judged with the next step it would greedily take

A round draws one step (`aha.models.steps`) in `width` ways for every live beam of every problem, in one call of the engine
in which the ways share what they go on from, and judges all of them in one call of the scorer. The first round draws `n`
first steps. Then:

* Of equal beams of a tree one is kept. The best n / width, or those of each tree, stay, finished or not.
* A finished one keeps its place to the end; the live ones go on. One that runs out of tokens has no place.
* Every finished reply is a candidate, also one that did not stay; equal ones are several candidates. `choose` decides
  among them: by the sum of their scores (`weighted`, the default), or for the highest (`best`).
* With lookahead a live beam is judged by the text with the steps ahead, which are drawn greedily, paid for, and forgotten.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from aha.chat import Chat
from aha.errors import ConfigError
from aha.models.steps import Aggregate, last, line_ends, split
from aha.search.draft import Draft, begun, draw, tokenizer_of
from aha.search.ledger import Metered
from aha.search.sample import check, decided, told
from aha.search.select import Choose, weighted
from aha.search.tree import Path, as_candidate, capped, is_open, judge, remembering
from aha.search.types import Candidate, Solved, StepScorer, Watch, unwatched
from aha.tasks.base import Task
from aha.types import Engine, Problem, Sampling

Tree = tuple[int, int]
"""A problem, and which of its trees."""


@dataclass(frozen=True, slots=True)
class Beam:
    """Beam search with `n` ways a round, `width` for each beam; `trees` independent ones, 0 for as many as there can be.

    A step of more than `step_tokens` goes on in the next round. `aggregate` makes one score of those of the steps, for
    the search and for the choice.
    """

    scorer: StepScorer
    n: int = 16
    width: int = 4
    trees: int = 1
    lookahead: int = 0
    aggregate: Aggregate = last
    choose: Choose = weighted
    max_tokens: int = 512
    step_tokens: int = 128
    temperature: float = 1.0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        check(n=(self.n, 1), width=(self.width, 1), trees=(self.trees, 0), lookahead=(self.lookahead, 0))
        check(max_tokens=(self.max_tokens, 1), step_tokens=(self.step_tokens, 1), temperature=(self.temperature, 0))
        if self.n % (self.width * (self.trees or 1)):
            parts = f"width = {self.width}" + (f" times trees = {self.trees}" if self.trees > 1 else "")
            raise ConfigError(f"n = {self.n} is no multiple of {parts}: a round could not be dealt out evenly")

    def __call__(
        self, engine: Engine, task: Task, problems: Sequence[Problem], seed: int, watch: Watch = unwatched
    ) -> list[Solved]:
        """Answer all problems. Raises RunError for an engine that does not show its tokens."""
        meter, chat = Metered(engine, len(problems)), tokenizer_of(engine)
        found: list[list[Candidate]] = [[] for _ in problems]
        sampling = Sampling(
            1, self.step_tokens, self.temperature, self.top_p, stop_token_ids=line_ends(chat), seed=seed
        )
        trees = self.trees or self.n // self.width
        places = Counter({(i, t): self.n // self.width // trees for i in range(len(problems)) for t in range(trees)})
        with remembering(engine, self.scorer):
            drafts = draw(meter, begun(chat, problems), replace(sampling, n=self.n))
            owners: list[Tree] = [(i, k * trees // self.n) for i in range(len(problems)) for k in range(self.n)]
            while drafts:
                drafts = [capped(chat, draft, self.max_tokens) for draft in drafts]
                paths = self._judged(meter, chat, problems, drafts, sampling)
                for path in paths:
                    if not is_open(path.draft, self.max_tokens):
                        i = path.draft.owner
                        found[i].append(as_candidate(chat, task, problems[i], path))
                        watch({**told(i, found[i][-1]), "score": path.value})
                kept = self._kept(owners, paths, places, watch)
                drafts = draw(meter, [path.draft for _, path in kept], replace(sampling, n=self.width))
                owners = [tree for tree, _ in kept for _ in range(self.width)]
        return decided(meter, problems, found, self.choose, watch)

    def _judged(
        self, meter: Metered, chat: Chat, problems: Sequence[Problem], drafts: Sequence[Draft], sampling: Sampling
    ) -> list[Path]:
        """The drafts with their scores, those of equal live ones asked for once."""
        ahead = {(draft.owner, draft.token_ids): draft for draft in drafts}
        greedy = replace(sampling, n=1, temperature=0.0, top_p=1.0)
        for _ in range(self.lookahead):
            rolling = [key for key, draft in ahead.items() if is_open(draft, self.max_tokens)]
            rolled = draw(meter, [ahead[key] for key in rolling], greedy)
            ahead |= {k: capped(chat, draft, self.max_tokens) for k, draft in zip(rolling, rolled, strict=True)}
        seen = [ahead[draft.owner, draft.token_ids] for draft in drafts] if self.lookahead else drafts
        return judge(meter, chat, self.scorer, self.aggregate, problems, drafts, seen)

    def _kept(
        self, owners: Sequence[Tree], paths: Sequence[Path], places: Counter[Tree], watch: Watch
    ) -> list[tuple[Tree, Path]]:
        """The live beams that go on, tree by tree, the best first; those that ended take their places away."""
        ways: dict[Tree, dict[str, Path]] = defaultdict(dict)
        for tree, path in zip(owners, paths, strict=True):
            if path.draft.finish == "stop" or is_open(path.draft, self.max_tokens):
                ways[tree].setdefault(path.text, path)
        kept = list[tuple[Tree, Path]]()
        for tree, distinct in ways.items():
            ranked = sorted(distinct.items(), key=lambda way: -way[1].value)
            for rank, (text, path) in enumerate(ranked):
                if path.draft.finish == "stop":
                    continue
                stays, step = rank < places[tree], (split(text) or [""])[-1]
                event = {"problem": tree[0], "tree": tree[1], "kind": "step", "text": step, "reply": text}
                watch({**event, "score": path.value, "kept": stays})
                if stays:
                    kept.append((tree, path))
            places[tree] -= sum(path.draft.finish == "stop" for _, path in ranked[: places[tree]])
        return kept
