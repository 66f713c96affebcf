"""The command line. Each command imports what it needs when it runs, so `aha --help` answers at once."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from aha.errors import AhaError, UnexpectedError
from aha.page import plain
from aha.tools.chat import chat
from aha.tools.data import data
from aha.tools.evaluate import compare, evaluate
from aha.tools.export import export
from aha.tools.failure import logged
from aha.tools.grade import grade
from aha.tools.ls import ls
from aha.tools.machine import doctor, sandbox
from aha.tools.reward import reward
from aha.tools.scale import route, scale
from aha.tools.serve import serve
from aha.tools.show import show
from aha.tools.solve import solve

USAGE: type[Exception] = typer.BadParameter.__bases__[0]
"""What a command's words are refused with, by the click that typer carries or the one beside it."""

app = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False,
    help="The DeepSeek-R1 recipe in one command, on whatever you have.",
)  # fmt: skip
app.add_typer(data, name="data")
app.add_typer(sandbox, name="sandbox")
app.add_typer(reward, name="reward")
app.command()(doctor)
app.command()(grade)
app.command(name="eval")(evaluate)
app.command()(compare)
app.command()(solve)
app.command()(scale)
app.command()(route)
app.command()(serve)
app.command()(chat)
app.command()(ls)
app.command()(show)
app.command()(export)
FREE = {"allow_extra_args": True, "ignore_unknown_options": True}
"""Commands that take settings as --name=value, which the recipe's own settings check."""


@app.command(context_settings=FREE)
def run(
    context: typer.Context,
    recipe: Annotated[Path, typer.Argument(help="A recipe file, such as recipes/zero.toml.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print settings and estimates, read the data, and run nothing.")
    ] = False,
) -> None:
    """Run a recipe, or go on with it where it stopped. Settings: --steps 50 --grpo.group=16."""
    from aha.config import dump
    from aha.pipeline.recipe import Zero
    from aha.pipeline.recipe_process import Process
    from aha.pipeline.recipe_small import Journey, SkyT1
    from aha.pipeline.recipe_tune import Tune
    from aha.pipeline.recipes import load_recipe

    settings = load_recipe(recipe, context.args)
    if dry_run:
        from aha.pipeline import estimate, small_estimate

        if isinstance(settings, SkyT1 | Journey | Process):
            lines = small_estimate.estimate(settings)
        else:
            lines = estimate.estimate(settings)
        typer.echo(dump(settings).rstrip())
        typer.echo("\n".join(f"# {line}" for line in lines))
        for line in estimate.data_lines(settings):  # last: sizes are worth knowing before the data are there
            typer.echo(f"# {line}")
        return
    from aha.models.allocator import keep_memory
    from aha.pipeline.claim import claim
    from aha.pipeline.process import process
    from aha.pipeline.rl import zero
    from aha.pipeline.screen import Screen
    from aha.pipeline.small_budget import journey, sky_t1
    from aha.pipeline.stages import r1
    from aha.pipeline.tune import tune
    from aha.report.write import write_report

    keep_memory()
    claim(Path(settings.out), settings.recipe)
    with logged(Path(settings.out)), Screen() as screen:
        screen.panel.begin(settings.recipe)
        match settings:
            case Zero():
                folder = zero(settings, screen)
            case SkyT1():
                folder = sky_t1(settings, screen)
            case Journey():
                folder = journey(settings, screen)
            case Process():
                folder = process(settings, screen)
            case Tune():
                folder = tune(settings, screen)
            case _:
                folder = r1(settings, screen)
    typer.echo(f"report: {write_report(folder)}")


@app.command(context_settings=FREE)
def claims(
    context: typer.Context,
    recipe: Annotated[Path, typer.Argument(help="recipes/claims.toml, or claims-short.toml to see that it works.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print settings and estimates, and do nothing.")] = False,
) -> None:
    """Measure the paper's claims, each with its verdict, or go on where it stopped. Settings: --seeds '[0, 1]'."""
    from aha.config import dump, load
    from aha.models.allocator import keep_memory
    from aha.pipeline import claims_run
    from aha.pipeline.recipe_claims import Claims
    from aha.pipeline.screen import Screen

    settings = load(Claims, recipe, context.args)
    if dry_run:
        typer.echo(dump(settings).rstrip())
        typer.echo("\n".join(f"# {line}" for line in claims_run.estimate(settings)))
        return
    keep_memory()
    with logged(Path(settings.out)), Screen() as screen:
        folder = claims_run.claims(settings, screen)
    typer.echo(f"claims: {folder / 'claims.md'}")


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="A run folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON and nothing else.")] = False,
) -> None:
    """Write a run's report: one HTML file that needs no network, and the same as Markdown and as JSON."""
    from aha.report.write import write_report

    file = write_report(folder)
    typer.echo(file.with_suffix(".json").read_text(encoding="utf-8") if as_json else f"report: {file}")


@app.command(context_settings=FREE)
def pretrain(context: typer.Context, out: Annotated[Path, typer.Argument(help="Folder for the model.")]) -> None:
    """Make the embedded base model from nothing: corpus, tokenizer, weights. Under two hours on two cores."""
    from aha.config import load
    from aha.models.allocator import keep_memory
    from aha.train.pretrain import Pretrain, make_base

    settings = load(Pretrain, None, context.args)
    keep_memory()
    make_base(settings, out, lambda line: typer.echo(line))


def main() -> None:
    """Entry point: a failure is one line on stderr. A user's mistake has status 2, a run that met a fault has 1, and
    its log the traceback. Anything else keeps its own.
    """
    try:
        status = app(standalone_mode=False)
    except AhaError as error:
        print(f"aha: {plain(str(error))}", file=sys.stderr)  # it may quote data or a model
        raise SystemExit(1 if isinstance(error, UnexpectedError) else 2) from None
    except USAGE as error:
        print(misused(error), file=sys.stderr)
        raise SystemExit(2) from None
    except BrokenPipeError:  # whoever read has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise SystemExit(1) from None
    except (KeyboardInterrupt, typer.Abort):
        print("aha: stopped; the same command continues", file=sys.stderr)
        raise SystemExit(130) from None
    raise SystemExit(status if isinstance(status, int) else 0)


def misused(error: Any) -> str:
    """What was wrong with the words of a command, in one line; the help where there were no words at all."""
    said, context = error.format_message(), error.ctx
    if type(error).__name__ == "NoArgsIsHelpError":
        return str(said)
    known = getattr(context.command, "commands", {}) if context and said.startswith("No such command") else {}
    there = f" There are {', '.join(known)}." if known else ""
    return f"aha: {' '.join(plain(said).split()).rstrip('.')}.{there} See: {context.command_path if context else 'aha'} --help"


if __name__ == "__main__":
    main()
