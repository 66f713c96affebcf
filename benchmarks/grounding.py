"""How often a model answers facts of the embedded world wrongly as if it knew them: with and without passages and checks.

    python -m benchmarks.grounding [tiny | FOLDER] [--shift 0] [--teach 0] [--wordings 2] [--seed 0] [--only NAME]

Questions are facts in wordings that are not held out. With `--shift` every fact is another than the world's (Paris is the
capital of some other country), and so is the table: who answers from memory is wrong, only who reads is right. With
`--teach N` the model is first fine-tuned on N questions behind passages, whose facts are shifted otherwise; the seconds of CPU are told.

Every question ends as one of: `right`; `wrong`, given as if known (a hallucination); `withheld`; `none` (no answer could
be read, or it was cut off). `wrong/given` is wrong among those that were given. `borne out` is the share of claims that any
of the passages found for the question supports, cited or not; `cited` the share that a passage supports which it cites;
`phantom` the share of claims that cite a passage which does not exist. Wordings of one fact are one cluster: intervals are
at 95 % over facts.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from aha.chat import Chat
from aha.models.folder import load_model, resolve
from aha.models.precision import DTYPES, fastest
from aha.models.world.questions import Question
from aha.rollout.engine import TorchEngine
from aha.search.abstain import WITHHELD
from aha.search.citations import uncited
from aha.search.crosscheck import Agree, Supported, Verify
from aha.search.facts import other_way
from aha.search.ledger import Metered
from aha.search.passages import Index
from aha.search.retrieve import Grounded, Retrieve, claims_in
from aha.search.sample import Chain, Vote
from aha.search.select import weighted
from aha.search.support import Citation, by_names
from aha.search.types import Solved, Strategy
from aha.stats import question_interval
from aha.tasks.base import Task
from aha.tasks.general import general, problem_of
from benchmarks.grounding_teach import invented, lessons, table, teach

TOKENS = 64


def strategies(index: Index) -> Iterator[tuple[str, Strategy]]:
    """Name and strategy of every row."""
    vote, chain = Vote(8, max_tokens=TOKENS), Chain(TOKENS)
    look = Retrieve(index.search, by_names, max_tokens=TOKENS)
    look8 = Retrieve(index.search, by_names, n=8, choose=weighted, max_tokens=TOKENS, temperature=0.6, top_p=0.95)
    yield "greedy", chain
    yield "vote of 8", vote
    yield "agreement 1/2 of 8", Agree(vote, 0.5)
    yield "agreement 7/8 of 8", Agree(vote, 0.875)
    yield "verified", Verify(chain, other_way, by=chain)
    yield "verified, 3 tries of 8", Verify(vote, other_way, by=chain, tries=3)
    yield "passages", look
    yield "passages, supported", Supported(look)
    yield "passages, supported of 8", Supported(look8)
    yield "passages, verified by passages", Verify(look, other_way, by=look)


def outcome(task: Task, solved: Solved) -> str:
    """What became of a question: right, wrong, withheld or none. Raises ValueError where the grader failed."""
    if solved.chosen is None or solved.answer is None:
        return "none"
    if solved.answer == WITHHELD:
        return "withheld"
    [score] = task.rubric(solved.problem, [uncited(solved.chosen.reply)])
    if score.total is None:
        raise ValueError(f"the grader failed on {solved.problem.id}")
    return "right" if score.parts["correct"] == 1 else "wrong"


def claims(index: Index, solved: Solved, question: str) -> list[dict[str, float]]:
    """Of every claim that is given: whether it is borne out, and by what it cites, or cites what does not exist."""
    if solved.chosen is None or solved.answer == WITHHELD:
        return []
    passages = solved.passages if isinstance(solved, Grounded) else tuple(index.search(question, 3))
    checked = solved.claims if isinstance(solved, Grounded) else claims_in(solved.chosen, 0)
    found = []
    for claim in checked:
        against = [Citation(0, solved.problem, claim.text, passage.text) for passage in passages]
        found.append({
            "borne out": float(True in by_names(Metered(None, 1), against)),  # type: ignore[arg-type]
            "cited": float(claim.verdict == "supported"),
            "phantom": float(bool(claim.phantoms)),
        })  # fmt: skip
    return found


def share(rows: Sequence[tuple[str, float]]) -> str:
    """A mean over (cluster, value), with its interval over clusters."""
    clusters: dict[str, list[float]] = defaultdict(list)
    for topic, value in rows:
        clusters[topic].append(value)
    if not clusters:
        return "-"
    told = question_interval(list(clusters.values()))
    return f"{100 * told.mean:.0f} ({100 * told.low:.0f}-{100 * told.high:.0f})"


def told(task: Task, index: Index, questions: Sequence[Question], solved: Sequence[Solved]) -> list[str]:
    """The cells of a row."""
    both = list(zip(questions, solved, strict=True))
    ends = [(q.topic, outcome(task, s)) for q, s in both]
    said = [(q.topic, claim) for q, s in both for claim in claims(index, s, q.text)]
    cells = [share([(topic, end == name) for topic, end in ends]) for name in ("right", "wrong", "withheld", "none")]
    cells.append(share([(topic, end == "wrong") for topic, end in ends if end in ("right", "wrong")]))
    cells += [share([(topic, claim[name]) for topic, claim in said]) for name in ("borne out", "cited", "phantom")]
    return [*cells, f"{sum(s.cost.tokens + s.cost.prompt_tokens for s in solved) / len(solved):.0f}"]


def asked(shift: int, wordings: int) -> list[Question]:
    """Each fact in its first wordings that are not held out."""
    found: dict[tuple[str, str, str], list[Question]] = defaultdict(list)
    for question in invented(shift):
        if not question.held_out:
            found[question.kind, question.language, question.subject].append(question)
    return [question for group in found.values() for question in group[:wordings]]


def prepared(name: str, count: int, shift: int) -> TorchEngine:
    """The model, taught first where it is to be; what that took is printed."""
    folder = resolve(name)
    chat, began = Chat.load(folder), time.process_time()
    model = load_model(folder, DTYPES[fastest()])
    if count:
        others = [s for s in range(15) if s != shift]
        losses = teach(model, chat, lessons(count, others, seed=1))
        spent = time.process_time() - began
        print(
            f"taught on {count} questions in {spent:.0f} s of CPU, loss {losses[0]:.2f} to {sum(losses[-5:]) / 5:.3f}"
        )
    return TorchEngine(model, chat)


def report(write: Callable[[str], None], engine: TorchEngine, shift: int, wordings: int, seed: int, only: str) -> None:
    """One row a strategy."""
    questions, task = asked(shift, wordings), general(("fact",), test_count=0)
    index, problems = Index(table(invented(shift))), [problem_of(q, q.replies[0]) for q in questions]
    found = sum(q.replies[0] in [p.text for p in index.search(q.text, 3)] for q in questions)
    write(f"{len(questions)} questions on {len({q.topic for q in questions})} facts; {len(index.passages)} passages; "
          f"the one that tells is among the first three for {found} questions")  # fmt: skip
    names = ("right", "wrong", "withheld", "none", "wrong/given", "borne out", "cited", "phantom", "tokens")
    write("| | " + " | ".join(names) + " |\n|" + "---|" * (len(names) + 1))
    for name, strategy in strategies(index):
        if name.startswith(only):
            solved = strategy(engine, task, problems, seed)
            write(f"| {name} | " + " | ".join(told(task, index, questions, solved)) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", nargs="?", default="tiny")
    parser.add_argument("--shift", type=int, default=0, help="how far facts are moved from the world's")
    parser.add_argument("--teach", type=int, default=0, help="questions behind passages to fine-tune on first")
    parser.add_argument("--wordings", type=int, default=2, help="wordings of each fact, in each language")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="rows whose name begins so")
    args = parser.parse_args()
    engine = prepared(args.model, args.teach, args.shift)
    report(lambda line: print(line, flush=True), engine, args.shift, args.wordings, args.seed, args.only)


if __name__ == "__main__":
    main()
