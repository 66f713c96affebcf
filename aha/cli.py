"""The command line. Each command imports what it needs when it runs, so `aha --help` answers at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from aha.errors import AhaError
from aha.tools.evaluate import compare, evaluate
from aha.tools.grade import grade
from aha.tools.machine import doctor, sandbox
from aha.tools.reward import reward
from aha.tools.scale import route, scale
from aha.tools.serve import serve
from aha.tools.solve import solve

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="The DeepSeek-R1 recipe in one command, on whatever you have.",
)  # fmt: skip
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
FREE = {"allow_extra_args": True, "ignore_unknown_options": True}
"""Commands that take settings as --name=value, which the recipe's own settings check."""


@app.command(context_settings=FREE)
def run(
    context: typer.Context,
    recipe: Annotated[Path, typer.Argument(help="A recipe file, such as recipes/zero.toml.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print settings and estimates, and do nothing.")] = False,
) -> None:
    """Run a recipe, or go on with it where it stopped. Settings: --steps 50 --grpo.group=16."""
    from aha.config import dump
    from aha.pipeline.recipe import Zero
    from aha.pipeline.recipe_small import Journey, SkyT1
    from aha.pipeline.recipes import load_recipe

    settings = load_recipe(recipe, context.args)
    if dry_run:
        from aha.pipeline import estimate, small_estimate

        if isinstance(settings, SkyT1 | Journey):
            lines = small_estimate.estimate(settings)
        else:
            lines = estimate.estimate(settings)
        typer.echo(dump(settings).rstrip())
        typer.echo("\n".join(f"# {line}" for line in lines))
        return
    from aha.models.allocator import keep_memory
    from aha.pipeline.rl import zero
    from aha.pipeline.screen import Screen
    from aha.pipeline.small_budget import journey, sky_t1
    from aha.pipeline.stages import r1
    from aha.report import write_report

    keep_memory()
    with Screen() as screen:
        match settings:
            case Zero():
                folder = zero(settings, screen)
            case SkyT1():
                folder = sky_t1(settings, screen)
            case Journey():
                folder = journey(settings, screen)
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
    with Screen() as screen:
        folder = claims_run.claims(settings, screen)
    typer.echo(f"claims: {folder / 'claims.md'}")


@app.command()
def show(
    folder: Annotated[Path, typer.Argument(help="The run folder of a recipe with stages.")],
    price: Annotated[float, typer.Option(min=0.0, help="What a core-hour costs, in any currency.")] = 0.0,
) -> None:
    """Draw a run's stages as a tree, each with its data and result, and what all of it cost."""
    from aha.pipeline.show import tree

    typer.echo("\n".join(tree(folder, price)))


@app.command()
def report(folder: Annotated[Path, typer.Argument(help="A run folder.")]) -> None:
    """Write a run's report: one HTML file that needs no network."""
    from aha.report import write_report

    typer.echo(f"report: {write_report(folder)}")


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
    """Entry point: a user's mistake is one line on stderr and status 2; anything else keeps its traceback."""
    try:
        app()
    except AhaError as error:
        print(f"aha: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("aha: stopped; the same command continues", file=sys.stderr)
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
