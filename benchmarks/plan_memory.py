"""Success against the number of steps: a chain of sums in one go, and by a plan with a scratchpad.

    python -m benchmarks.plan_memory [tiny | FOLDER] [--task chains] [--questions 100] [--steps 2,4,8,12,16,20] [--only NAME]

Questions are English, from the test split; the embedded base has read chains of up to six, and never an errand (two
purses, `aha.tasks.errands`). `right` has a 95 % interval over
questions; `none` is the share without an answer: cut off, off the template, or a plan that its checks ended. Tokens are
those read and drawn for a question, repeated prompts counted each time.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from aha.chat import THINK, Chat
from aha.models.folder import load_model, resolve
from aha.models.precision import DTYPES, fastest
from aha.rewards.judge_prompts import question_of
from aha.rollout.engine import TorchEngine
from aha.search.ledger import Metered
from aha.search.plan import Plan
from aha.search.plan_sums import Reads, Sums, chain_sums, errand_sums
from aha.search.sample import Chain, Vote, decided
from aha.search.select import candidate, majority
from aha.search.types import Solved, Strategy, Watch, unwatched
from aha.stats import question_interval
from aha.tasks.arithmetic import arithmetic
from aha.tasks.base import Task
from aha.tasks.errands import errands
from aha.types import Engine, Problem, Sampling


@dataclass(frozen=True)
class Begun:
    """One go, greedy, whose thought begins with the first operation, as the thoughts of a plan's steps do."""

    reads: Reads
    max_tokens: int = 384

    def __call__(
        self, engine: Engine, task: Task, problems: Sequence[Problem], seed: int, watch: Watch = unwatched
    ) -> list[Solved]:
        """Answer all problems in one call of the engine."""
        meter = Metered(engine, len(problems))
        openings = [self._opening(problem) for problem in problems]
        prompts = [problem.prompt + opening for problem, opening in zip(problems, openings, strict=True)]
        groups = meter.generate(prompts, Sampling(1, self.max_tokens, 0.0, seed=seed))
        whole = [replace(reply, text=opening + reply.text) for opening, [reply] in zip(openings, groups, strict=True)]
        found = [[candidate(task, problem, reply)] for problem, reply in zip(problems, whole, strict=True)]
        return decided(meter, problems, found, majority, watch)

    def _opening(self, problem: Problem) -> str:
        read = self.reads(question_of(problem))
        if read is None:
            raise ValueError(f"no sums in {problem.prompt!r}")
        start, [first, *_] = read
        return f"{THINK}{start[first.who]} {first.op} {first.number}"


def drawn(name: str, steps: int, questions: int) -> tuple[Task, Reads]:
    """The task by name, and what reads its questions."""
    if name == "errands":
        return errands(("en",), (steps,), test_count=questions), errand_sums
    return arithmetic(("en",), (steps,), test_count=questions), chain_sums


def strategies(reads: Reads) -> Iterator[tuple[str, Strategy]]:
    """Name and strategy of every row."""
    yield "in one go, greedy", Chain(max_tokens=384)
    yield "in one go, thought begun", Begun(reads)
    yield "in one go, vote of 8", Vote(8, max_tokens=384)
    yield "plan, unchecked", Plan(Sums(reads, checked=False))
    yield "plan, checked", Plan(Sums(reads))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", nargs="?", default="tiny")
    parser.add_argument("--task", choices=("chains", "errands"), default="chains")
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--steps", default="2,4,8,12,16,20")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="rows whose name begins so")
    args = parser.parse_args()
    folder = resolve(args.model)
    engine = TorchEngine(load_model(folder, DTYPES[fastest()]), Chat.load(folder))
    print("| steps | | right | wrong | none | tokens |\n|---|---|---|---|---|---|")
    for steps in map(int, args.steps.split(",")):
        task, reads = drawn(args.task, steps, args.questions)
        for name, strategy in strategies(reads):
            if name.startswith(args.only):
                solved = strategy(engine, task, task.test, args.seed)
                right = [[float(s.answer == s.problem.answer["value"])] for s in solved]
                told = question_interval(right)
                none = sum(s.answer is None for s in solved) / len(solved)
                wrong = sum(s.answer not in (None, s.problem.answer["value"]) for s in solved) / len(solved)
                tokens = sum(s.cost.tokens + s.cost.prompt_tokens for s in solved) / len(solved)
                print(f"| {steps} | {name} | {100 * told.mean:.0f} ({100 * told.low:.0f}-{100 * told.high:.0f}) "
                      f"| {100 * wrong:.0f} | {100 * none:.0f} | {tokens:.0f} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
