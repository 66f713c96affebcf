"""`aha eval` and `aha compare`: measure a model by a preset, keep its replies, and compare what was measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from aha.errors import AhaError, ConfigError


def evaluate(
    model: Annotated[
        str, typer.Argument(help="A model folder, a run folder, 'tiny', or a server's http://host/v1.")
    ] = "tiny",
    task: Annotated[
        str, typer.Option(help="A preset, such as countdown or r1/gsm8k; a wrong name lists all.")
    ] = "countdown",
    data: Annotated[Path | None, typer.Option("--data", "--test", help="The preset's file of questions.")] = None,
    train: Annotated[Path | None, typer.Option(help="A file of training rows, to take examples from.")] = None,
    numbers: Annotated[str, typer.Option(help="How many numbers a Countdown puzzle has, such as 3 or 3,4.")] = "3",
    questions: Annotated[int | None, typer.Option(min=1, help="Questions asked at most.")] = None,
    samples: Annotated[
        int | None, typer.Option(min=1, max=65_536, help="Replies to each, instead of the preset's k.")
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Longest reply, instead of the preset's.")] = None,
    temperature: Annotated[
        float | None, typer.Option(min=0.0, max=10.0, help="Instead of the preset's; 0 is greedy.")
    ] = None,
    top_p: Annotated[float | None, typer.Option(min=0.0, max=1.0, help="Instead of the preset's.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the replies.")] = 1,
    shots: Annotated[
        int, typer.Option(min=0, max=100, help="Solved examples before the question, compared with none.")
    ] = 0,
    dtype: Annotated[str, typer.Option(help="bf16 or fp32; as it is, what this processor is faster in.")] = "",
    served: Annotated[str, typer.Option(help="The name of the model on a server.")] = "",
    key_variable: Annotated[str, typer.Option(help="The environment variable that holds the server's key.")] = "",
    workers: Annotated[int, typer.Option(min=0, help="Threads; 0 takes all cores. Replies do not depend on it.")] = 0,
    share: Annotated[str, typer.Option(help="Of several processes, which this is: 2/4. It does not grade.")] = "1/1",
    out: Annotated[Path, typer.Option(help="Where folders of replies are kept.")] = Path("evals"),
    regrade: Annotated[
        Path | None, typer.Option(help="A folder of replies to grade again; nothing is sampled.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Measure a model: pass@1 with its interval, pass@k, votes, lengths. Replies are kept, and the same command goes on."""
    from aha.models.allocator import keep_memory
    from aha.tools import evaluate_lines, evaluate_work

    keep_memory()
    request = evaluate_work.Request(
        model=model, task=task, data=data, train=train, numbers=whole_numbers(numbers), questions=questions, samples=samples,
        max_tokens=max_tokens, temperature=temperature, top_p=top_p, seed=seed, shots=shots, dtype=dtype, served=served,
        key_variable=key_variable, workers=workers, share=part_of(share), out=out,
    )  # fmt: skip
    found = evaluate_work.graded_again(regrade, data) if regrade else evaluate_work.measured(request, _progress)
    typer.echo(json.dumps(found, ensure_ascii=False) if as_json else evaluate_lines.readable(found))


def compare(
    folders: Annotated[list[Path], typer.Argument(help="Folders of aha eval: the first model, then the second.")],
    seeds: Annotated[
        bool, typer.Option("--seeds", help="The folders are one recipe with several training seeds.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Compare two models on the same questions, or take the mean over training seeds."""
    from aha.evaluation.compare import against, over_seeds, read
    from aha.tools import evaluate_lines

    if not seeds and len(folders) != 2:
        raise AhaError(
            f"two folders are compared, not {len(folders)}; say --seeds for one recipe with several training seeds"
        )
    records = [read(folder) for folder in folders]
    found = over_seeds(records) if seeds else against(*records)
    lines = evaluate_lines.of_seeds if seeds else evaluate_lines.of_pair
    typer.echo(json.dumps(found, ensure_ascii=False) if as_json else "\n".join(lines(found)))


def _progress(done: int, of: int) -> None:
    if done == of or done % max(1, of // 10) == 0:
        typer.echo(f"  {done} of {of} questions", err=True)


def whole_numbers(text: str, option: str = "--numbers") -> tuple[int, ...]:
    """The numbers of "3,4". Raises ConfigError, which names the option."""
    parts: list[Any] = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise ConfigError(f"{option} should be whole numbers, got {text!r}")
    return tuple(map(int, parts))


def part_of(text: str) -> tuple[int, int]:
    """(2, 4) for "2/4". Raises ConfigError for anything that is no part of a whole."""
    first, _, of = text.partition("/")
    if not (first.isascii() and first.isdigit() and of.isascii() and of.isdigit() and 1 <= int(first) <= int(of)):
        raise ConfigError(f"--share should be like 2/4, the second of four, got {text!r}")
    return int(first), int(of)
