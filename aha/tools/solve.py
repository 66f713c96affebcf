"""`aha solve`: one question, answered by any strategy, with everything it tries on the screen and its bill at the end."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aha.errors import AhaError, ModelError

if TYPE_CHECKING:
    from aha.search.parse import Scorers
    from aha.search.types import Solved
    from aha.tasks.base import Task
    from aha.types import Completion, Engine


def solve(
    model: Annotated[str, typer.Argument(help="A model folder, a run folder, or 'tiny'.")],
    question: Annotated[str, typer.Argument(help="Any text; Countdown's answers are checked.")],
    strategy: Annotated[str, typer.Option(help="NAME:NUMBER,KEY=VALUE, such as vote:16; help lists them.")] = "vote:16",
    budget: Annotated[int, typer.Option(min=1, help="Tokens drawn from the model at most, by all it tries.")] = 4000,
    scorer: Annotated[Path | None, typer.Option(help="Folder of an outcome or process reward model.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything drawn.")] = 0,
    dtype: Annotated[str, typer.Option(help="bf16 or fp32; as it is, what this processor is faster in.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Answer one question by thinking longer, and show what it took."""
    from aha.chat import render
    from aha.models.allocator import keep_memory
    from aha.search.capped import Capped
    from aha.search.parse import KINDS, parse
    from aha.tasks.asked import asked
    from aha.tools.solve_screen import SolveScreen

    if strategy == "help":
        return typer.echo("\n".join(f"{name:<10} {kind.about}" for name, kind in KINDS.items()))
    if not question.strip():
        raise AhaError("the question is empty")
    chosen = parse(strategy, load_scorers(scorer))
    keep_memory()
    task, problem = asked(question, render(question))
    loaded = load_engine(model, dtype)
    check_fits(loaded, problem.prompt)
    engine = Capped(loaded, budget)
    if as_json:
        [found] = chosen(engine, task, [problem], seed)
        return typer.echo(json.dumps(record(task, found), ensure_ascii=False, default=str))
    with SolveScreen(strategy) as screen:
        [found] = chosen(engine, task, [problem], seed, screen.watch)
    screen.end(record(task, found), budget)


def load_engine(model: str, dtype: str) -> Engine:
    """A model as an engine. Raises AhaError for a model or a precision that does not exist."""
    from aha.models.folder import resolve
    from aha.models.precision import DTYPES, precision
    from aha.rollout import load

    return load.load_engine(resolve(model), DTYPES[precision(dtype)])


def check_fits(engine: Any, prompt: str) -> None:
    """Raise AhaError for a prompt that leaves no room for a reply; one that cannot have room is not read for minutes."""
    positions = getattr(engine.model.config, "max_position_embeddings", 0)
    least = len(prompt) // max(map(len, engine.chat.tokenizer.get_vocab()))
    tokens = least if least >= positions else len(engine.chat.prompt_ids([prompt])[0])
    if positions and tokens >= positions:
        said = "at least " if tokens == least else ""
        raise AhaError(f"the question has {said}{tokens} tokens, and this model reads {positions} with its reply")


def load_scorers(folder: Path | None) -> Scorers:
    """The reward model in a folder, or that a run ends with, of whichever kind. Raises ModelError where there is none."""
    from aha.models import process_scorer, scorer
    from aha.models.folder import resolve
    from aha.search.parse import Scorers

    if folder is None:
        return Scorers()
    folder = resolve(str(folder))
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
