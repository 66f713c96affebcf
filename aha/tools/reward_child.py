"""The process in which `aha reward test` runs a file's rewards: they may hang, crash or leave, and it is told.

    python -m aha.tools.reward_child FILE

Writes a JSON object a line: before a reply is graded what it is, then what was found, and an empty one at the end. What
the file prints goes to stderr.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import sys
import traceback
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

from aha.errors import DataError
from aha.rewards.functions import reward_of
from aha.rewards.hostile import Example, Finding, attempt, brief, trials
from aha.types import Problem


def main() -> None:
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    file = Path(sys.argv[1])
    tell(channel, reading=str(file))
    try:
        module = load(file)
        rewards = [(function, examples(module, file, function.__name__)) for function in functions(module, file)]
    except DataError as error:
        return tell(channel, refused=str(error))
    for function, (wanted, conversational) in rewards:
        run(channel, file, function, wanted, conversational)
    tell(channel)


def tell(channel: TextIO, **message: Any) -> None:
    """One message to who started this process."""
    channel.write(json.dumps(message) + "\n")
    channel.flush()


def run(channel: TextIO, file: Path, function: Any, wanted: list[Example], conversational: bool) -> None:
    """Try one reward on every reply, whatever becomes of it on the ones before."""
    for trial in trials(wanted):
        about = Finding(brief(trial.problem), trial.name, None, trial.wanted, False)
        tell(channel, reward=function.__name__, grading=asdict(about))
        try:
            found = asdict(attempt(reward_of(function, conversational), trial))
        except DataError as error:
            hint = (
                "; the name of a helper that is no reward begins with _" if "asks for the column" in str(error) else ""
            )
            found = asdict(about) | {"error": str(error) + hint}
        except (Exception, SystemExit) as error:
            found = asdict(about) | {"error": where(error, file)}
        tell(channel, reward=function.__name__, found=found)


def where(error: BaseException, file: Path) -> str:
    """An exception in a line, with the line of the user's file that it came from."""
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return f"line {error.lineno}: {error.msg}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    text = " ".join(f"{type(error).__name__}: {error}".split())
    if "string indices must be integers" in text:
        text += " (a function that reads messages is tested with prompts that are lists of messages)"
    return f"line {lines[-1]}: {text}" if lines else text


def load(file: Path) -> ModuleType:
    """The user's own file, run as a module; it may import what lies beside it. Raises DataError where that fails."""
    if not file.is_file():
        raise DataError(f"{file} is not a file")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise DataError(f"{file} is no Python file; its name should end in .py")
    sys.path.insert(0, str(file.parent.resolve()))
    module = sys.modules[file.stem] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise DataError(f"{file} does not run: {where(error, file)}") from None
    return module


def functions(module: ModuleType, file: Path) -> list[Any]:
    """The rewards that a file defines. Raises DataError when there is none."""
    found = [
        value
        for name, value in vars(module).items()
        if inspect.isfunction(value) and not name.startswith("_") and value.__module__ == module.__name__
    ]
    if not found:
        raise DataError(
            f"{file} defines no public function; a reward is one, such as `def correct(answer_text, target):`"
        )
    return found


def examples(module: ModuleType, file: Path, name: str) -> tuple[list[Example], bool]:
    """The file's examples for one reward, and whether their prompts are messages. Raises DataError for what is no example."""
    given = getattr(module, "EXAMPLES", None)
    if not given:
        raise DataError(f'{file} has no EXAMPLES; add EXAMPLES = [{{"prompt": ..., "reply": ..., "score": 1.0}}]')
    if not isinstance(given, list | tuple):
        raise DataError(f"{file}: EXAMPLES is a {type(given).__name__}; give a list of dicts")
    problems: dict[str, Problem] = {}
    found = [_example(row, f"{file}, example {number}", name, problems) for number, row in enumerate(given, 1)]
    return found, any(isinstance(row["prompt"], list) for row in given)


def _example(row: Any, place: str, name: str, problems: dict[str, Problem]) -> Example:
    if not isinstance(row, dict):
        raise DataError(f"{place}: a {type(row).__name__}; give a dict with prompt, reply and score")
    missing = [key for key in ("prompt", "reply", "score") if key not in row]
    if missing:
        raise DataError(f"{place}: no {', '.join(missing)}")
    prompt, reply, score = row["prompt"], row["reply"], row["score"]
    if isinstance(prompt, list) and prompt and isinstance(prompt[-1], dict):
        prompt = prompt[-1].get("content")
    if not isinstance(prompt, str) or not isinstance(reply, str):
        raise DataError(f"{place}: prompt and reply are texts; a prompt may also be a list of messages")
    if isinstance(score, dict):
        if name not in score:
            raise DataError(
                f"{place}: no score for {name!r}; give one, or begin the function's name with _ if it is no reward"
            )
        score = score[name]
    if isinstance(score, bool | int | float):
        columns = {key: value for key, value in row.items() if key not in ("prompt", "reply", "score")}
        problem = problems.setdefault(repr((prompt, columns)), Problem(prompt, columns))
        return Example(problem, reply, float(score))
    raise DataError(f"{place}: the score is {score!r}; give a number, or a dict of numbers by reward")


if __name__ == "__main__":
    main()
