"""`aha scale` and `aha route`: every way to think longer on one page, and whether simple questions should think at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aha.errors import ConfigError

if TYPE_CHECKING:
    from aha.search.parse import Scorers
    from aha.types import Engine, Problem

RESERVE = 96
"""Positions that are kept for what strategies put into a reply, and for the answer after a thought."""


def scale(
    model: Annotated[str, typer.Argument(help="A model folder, a run folder, or 'tiny'.")],
    task: Annotated[
        str, typer.Option(help="A preset of aha eval, such as countdown, arithmetic, choice.")
    ] = "countdown",
    numbers: Annotated[str, typer.Option(help="How many numbers a Countdown puzzle has, such as 3 or 3,4.")] = "4",
    data: Annotated[Path | None, typer.Option(help="The preset's file of questions, where it has one.")] = None,
    questions: Annotated[int, typer.Option(min=2, help="Questions asked at most.")] = 100,
    samples: Annotated[
        int, typer.Option(min=1, help="Samples a question; every smaller number is read off them.")
    ] = 64,
    scorer: Annotated[
        list[Path] | None, typer.Option(help="Folder of an outcome or process reward model; may be given twice.")
    ] = None,
    searches: Annotated[str, typer.Option(help="Sizes of beam and tree searches.")] = "4,16",
    methods: Annotated[str, typer.Option(help="Only these, such as vote,best,beam; a wrong name lists all.")] = "",
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest reply.")] = 512,
    temperature: Annotated[float, typer.Option(min=0.0, max=10.0, help="Of everything that is sampled.")] = 0.6,
    top_p: Annotated[float, typer.Option(min=0.0, max=1.0, help="Of everything that is sampled.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Seed of everything drawn.")] = 0,
    dtype: Annotated[str, typer.Option(help="bf16 or fp32; as it is, what this processor is faster in.")] = "",
    out: Annotated[Path, typer.Option(help="Where samples and results are kept.")] = Path("runs/scale"),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON and nothing else; progress goes to stderr.")
    ] = False,
) -> None:
    """Run every way to think longer on the same questions: accuracy against tokens, as a picture and a table."""
    from aha.evaluation import scale_lines, scale_page
    from aha.evaluation.presets import Source, preset
    from aha.evaluation.scale import Bench
    from aha.evaluation.scale_arms import Plan, check_methods
    from aha.evaluation.scale_result import summed_up
    from aha.models.allocator import keep_memory
    from aha.models.precision import precision
    from aha.tools.evaluate import whole_numbers

    dtype = precision(dtype)
    plan = Plan(samples, max_tokens, temperature, top_p, seed, whole_numbers(searches, "--searches"), _words(methods))
    scorers, marks = both_scorers(scorer or [])
    check_methods(plan, scorers)
    chosen = preset(task)
    source = chosen.source(Source(data, numbers=whole_numbers(numbers), questions=questions))
    found = chosen.build(source).task
    problems = found.test[:questions]
    keep_memory()
    engine = fitting(model, dtype, problems, max_tokens)
    bench = Bench(engine, found, problems, plan, scorers, out, marks, say=partial(typer.echo, err=as_json))
    head = {
        "model": model, "dtype": dtype, "digest": bench.pool.digest, "task": _asked(task, numbers), "samples": samples,
        "scorers": [str(path) for path in scorer or []], "max_tokens": max_tokens, "temperature": temperature,
        "top_p": top_p, "seed": seed,
    }  # fmt: skip
    record = summed_up(bench.run(), bench.facts(), head)
    page = scale_page.write(out, record)
    if as_json:
        return typer.echo(json.dumps(record | {"page": str(page)}, ensure_ascii=False))
    typer.echo("\n".join(["", *scale_lines.verdicts(record), "", f"picture: {page}", f"table: {out / 'table.md'}"]))


def route(
    model: Annotated[str, typer.Argument(help="A model folder, a run folder, or 'tiny'.")],
    questions: Annotated[int, typer.Option(min=2, help="Questions of each kind at most.")] = 100,
    data: Annotated[
        Path | None, typer.Option(help="A folder with webquestions/val.json or mawps/singleop.jsonl, asked as well.")
    ] = None,
    votes: Annotated[int, typer.Option(min=1, help="Thoughts that vote on hard questions; 1 thinks once.")] = 1,
    glances: Annotated[int, typer.Option(min=2, help="Direct samples whose agreement is looked at.")] = 5,
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest thought.")] = 512,
    seed: Annotated[int, typer.Option(help="Seed of everything drawn.")] = 0,
    dtype: Annotated[str, typer.Option(help="bf16 or fp32; as it is, what this processor is faster in.")] = "",
    out: Annotated[Path, typer.Option(help="Where samples and results are kept.")] = Path("runs/route"),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON and nothing else; progress goes to stderr.")
    ] = False,
) -> None:
    """Measure routing: simple questions answered at once, hard ones with thinking, by three rules, against an oracle."""
    from aha.evaluation import route_page
    from aha.evaluation.route_exams import exams
    from aha.evaluation.route_report import Settings, measure
    from aha.models.allocator import keep_memory
    from aha.models.precision import precision

    dtype = precision(dtype)
    asked = exams(questions, data)
    keep_memory()
    problems = [problem for exam in asked for problem in exam.problems]
    engine = fitting(model, dtype, problems, max_tokens)
    settings, say = Settings(max_tokens, votes, glances, seed), partial(typer.echo, err=as_json)
    record, classifier = measure(engine, asked, settings, out, say=say)
    record |= {"model": model, "dtype": dtype}
    page = route_page.write(out, record, classifier)
    if as_json:
        return typer.echo(json.dumps(record | {"page": str(page)}, ensure_ascii=False))
    whole = next(part for part in record["parts"] if part["name"] == "all")
    for name, right, tokens, *_ in route_page.table(whole)[2]:
        typer.echo(f"{name:<22} {right:<26} {tokens:>6} tokens a question")
    typer.echo(f"\npicture: {page}\nclassifier: {out / 'classifier.json'}")


def both_scorers(folders: Sequence[Path]) -> tuple[Scorers, dict[str, str]]:
    """The reward models in folders, one of a kind, and the digest of each kind's weights.

    Raises ModelError for a folder without one, and ConfigError for two of a kind.
    """
    from dataclasses import replace

    from aha.evaluation.digest import model_digest
    from aha.models.folder import resolve
    from aha.search.parse import Scorers
    from aha.tools.solve import load_scorers

    found, marks = Scorers(), dict[str, str]()
    for folder in folders:
        one = load_scorers(folder)
        kind = "process" if one.process is not None else "outcome"
        if kind in marks:
            raise ConfigError(f"{folder} is a second {kind} model: give one of each kind")
        found = replace(found, **{kind: getattr(one, kind)})
        marks[kind] = model_digest(resolve(str(folder)))
    return found, marks


def fitting(model: str, dtype: str, problems: Sequence[Problem], max_tokens: int) -> Engine:
    """A model as an engine, if these prompts with replies of `max_tokens` fit it. Raises ConfigError if not."""
    from aha.tools.solve import load_engine

    engine: Any = load_engine(model, dtype)
    longest = max(len(ids) for ids in engine.chat.prompt_ids([problem.prompt for problem in problems]))
    room = engine.model.config.max_position_embeddings - longest - RESERVE
    if max_tokens > room:
        raise ConfigError(f"--max-tokens {max_tokens} does not fit: {model} has room for {room} behind these questions")
    return engine  # type: ignore[no-any-return]


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _asked(task: str, numbers: str) -> str:
    return f"{task}, {numbers} numbers" if task.endswith("countdown") else task
