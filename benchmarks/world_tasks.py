"""What the base model gets right, unasked, on the tasks of the embedded world: is there room, and something to reinforce?

    python -m benchmarks.world_tasks [tiny | FOLDER] [--questions 60] [--only NAME]

Sixteen replies of at most 200 tokens to each held-out question, or to the one question of a program without numbers.
`mixed` is the share of questions with both right and wrong replies, those that GRPO learns from.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from aha.chat import Chat
from aha.evaluate import evaluate
from aha.models.folder import load_model, resolve
from aha.models.precision import DTYPES, fastest
from aha.models.world.choice_text import QUESTIONS
from aha.rollout.engine import TorchEngine
from aha.tasks.arithmetic import arithmetic
from aha.tasks.base import Task
from aha.tasks.choices import choices
from aha.tasks.countdown import countdown
from aha.tasks.short_programs import COMPOSED, FAMILIES, short_programs
from aha.types import Problem, Sampling


def rows(questions: int) -> Iterator[tuple[str, Task, list[Problem]]]:
    """Name, task and questions of every row."""
    for language in ("en", "zh"):
        task = countdown(language=language, test_count=questions)
        yield f"countdown {language}", task, list(task.test)
        for steps in (2, 3, 4, 5):
            task = arithmetic((language,), (steps,), test_count=questions)
            yield f"arithmetic {steps} {language}", task, list(task.test)
    for family, language in QUESTIONS:
        task = choices((language,), test_count=4 * questions)
        yield f"choice {family} {language}", task, [p for p in task.test if p.answer["family"] == family][:questions]
    for name, family in (FAMILIES | COMPOSED).items():
        task = short_programs({name: family}, test_count=questions if "{k}" in family.task else 0)
        yield f"programs {name}", task, list(task.test) or task.draw(1, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", nargs="?", default="tiny")
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--only", default="", help="rows whose name begins so")
    args = parser.parse_args()
    folder = resolve(args.model)
    engine = TorchEngine(load_model(folder, DTYPES[fastest()]), Chat.load(folder))
    print(f"{'task':<28}questions  pass@1           95 %  pass@16  mixed  format  tokens")
    for name, task, problems in rows(args.questions):
        if name.startswith(args.only):
            result = evaluate(engine, task, problems, Sampling(16, 200))
            told = result.summary
            mixed = sum(len({score.parts["correct"] for score in row}) > 1 for row in result.scores) / len(problems)
            low_high = f"{told['pass@1_low']:.3f}-{told['pass@1_high']:.3f}"
            print(f"{name:<28}{told['questions']:>9}{told['pass@1']:>8.3f}{low_high:>15}{told['pass@k']['16']:>9.3f}"
                  f"{mixed:>7.2f}{told['formatted']:>8.3f}{told['length_mean']:>8.1f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
