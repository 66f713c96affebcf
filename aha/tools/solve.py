"""`aha solve`: one question, answered by any strategy, with everything it tries on the screen and its bill at the end."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aha.errors import AhaError, ModelError

if TYPE_CHECKING:
    from aha.search.parse import Scorers
    from aha.search.types import Solved
    from aha.tasks.base import Task
    from aha.types import Completion, Engine, Problem

COUNTDOWN = (
    re.compile(r"Using the numbers ([0-9]{1,6}(?:, ?[0-9]{1,6}){1,5}), make (-?[0-9]{1,6})\.?"),
    re.compile(r"用数字 ?([0-9]{1,6}(?:[,，、] ?[0-9]{1,6}){1,5}) ?算出 ?(-?[0-9]{1,6})。?"),
)
"""The questions of the Countdown task, whose answers can be checked."""


def solve(
    model: Annotated[str, typer.Argument(help="A model folder, a run folder, or 'tiny'.")],
    question: Annotated[str, typer.Argument(help="Any text; Countdown's answers are checked.")],
    strategy: Annotated[str, typer.Option(help="NAME:NUMBER,KEY=VALUE, such as vote:16; help lists them.")] = "vote:16",
    budget: Annotated[int, typer.Option(min=1, help="Tokens drawn from the model at most, by all it tries.")] = 4000,
    scorer: Annotated[Path | None, typer.Option(help="Folder of an outcome or process reward model.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything drawn.")] = 0,
    dtype: Annotated[str, typer.Option(help="bf16 or fp32.")] = "bf16",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Answer one question by thinking longer, and show what it took."""
    from aha.models.allocator import keep_memory
    from aha.search.capped import Capped
    from aha.search.parse import KINDS, parse
    from aha.tools.solve_screen import SolveScreen

    if strategy == "help":
        return typer.echo("\n".join(f"{name:<10} {kind.about}" for name, kind in KINDS.items()))
    if not question.strip():
        raise AhaError("the question is empty")
    chosen = parse(strategy, load_scorers(scorer))
    keep_memory()
    task, problem = asked(question)
    engine = Capped(load_engine(model, dtype), budget)
    if as_json:
        [found] = chosen(engine, task, [problem], seed)
        return typer.echo(json.dumps(record(task, found), ensure_ascii=False, default=str))
    with SolveScreen(strategy) as screen:
        [found] = chosen(engine, task, [problem], seed, screen.watch)
    screen.end(record(task, found), budget)


def asked(question: str) -> tuple[Task, Problem]:
    """The question as a problem, and a task that can read answers to it."""
    from aha.chat import render
    from aha.rewards.format import formatted
    from aha.rewards.rubric import Rubric
    from aha.tasks.base import Task
    from aha.tasks.countdown import answer_of, binary
    from aha.types import Problem

    prompt = render(question)
    for wording in COUNTDOWN:
        if match := wording.fullmatch(question.strip()):
            numbers = [int(number) for number in re.findall("[0-9]+", match[1])]
            puzzle = Problem(prompt, {"numbers": numbers, "target": int(match[2])}, id="asked")
            return Task("countdown", _none, (puzzle,), binary(), answer_of), puzzle
    problem = Problem(prompt, id="asked")
    return Task("question", _none, (problem,), Rubric((1.0, formatted)), said), problem


def _none(count: int, seed: int) -> list[Problem]:
    """There is nothing to train on."""
    return []


def said(problem: Problem, reply: Completion) -> str | int | None:
    """What an answer to any question votes for: a whole number, or its last line without doubled spaces."""
    from aha.rewards.format import read_reply
    from aha.tasks.arithmetic import read_integer

    read, _ = read_reply(reply)
    if read is None:
        return None
    number = read_integer(read.conclusion)
    return " ".join(read.conclusion.split()) if number is None else number


def load_engine(model: str, dtype: str) -> Engine:
    """A model as an engine. Raises AhaError for a model or a precision that does not exist."""
    from aha.chat import Chat
    from aha.models.folder import load_model, resolve
    from aha.pipeline.training import DTYPES
    from aha.rollout.engine import TorchEngine

    if dtype not in DTYPES:
        raise AhaError(f"--dtype is {dtype!r}; give {' or '.join(DTYPES)}")
    folder = resolve(model)
    return TorchEngine(load_model(folder, DTYPES[dtype]), Chat.load(folder))


def load_scorers(folder: Path | None) -> Scorers:
    """The reward model in a folder, of whichever kind it is. Raises ModelError where there is none."""
    from aha.models import process_scorer, scorer
    from aha.search.parse import Scorers

    if folder is None:
        return Scorers()
    try:
        kind = json.loads((folder / "config.json").read_text()).get("model_type")
    except (OSError, ValueError, AttributeError):
        raise ModelError(f"{folder} holds no reward model: its config.json cannot be read") from None
    if kind == process_scorer.MARK:
        return Scorers(process=process_scorer.ProcessScorer.load(folder))
    return Scorers(outcome=scorer.Scorer.load(folder))


def record(task: Task, found: Solved) -> dict[str, Any]:
    """What came out, as JSON can hold it. `right` is None for a question whose answer cannot be checked."""
    from aha.tools.solve_screen import worded

    reply = found.chosen.reply if found.chosen else None
    right, reason = None, ""
    if task.name == "countdown" and reply:
        [score] = task.rubric(found.problem, [reply])
        right, reason = score.parts["correct"] == 1.0, score.reason
    votes = {worded(answer): weight for answer, weight in (found.votes or {}).items()}
    return {
        "answer": conclusion(reply) if reply else None, "right": right, "reason": reason,
        "reply": reply.text if reply else None, "votes": votes, "candidates": len(found.candidates),
        "cut_off": sum(c.reply.finish == "length" for c in found.candidates), "cost": asdict(found.cost),
    }  # fmt: skip


def conclusion(reply: Completion) -> str:
    """The answer as the reply words it."""
    from aha.chat import parse_reply

    read = parse_reply(reply.text)
    return read.conclusion if read else reply.text
