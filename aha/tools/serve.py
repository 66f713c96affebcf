"""`aha serve`: checkpoints and their strategies behind an OpenAI-compatible server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from aha.errors import AhaError, ConfigError

if TYPE_CHECKING:
    from aha.serve.runs import Runs

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(
    models: Annotated[
        list[str] | None, typer.Argument(help="Model folders, run folders, 'tiny', or NAME=FOLDER.")
    ] = None,
    runs: Annotated[
        Path | None, typer.Option("--runs", help="Folder of run folders to look into, at /runs. Needs no model.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    key_variable: Annotated[str, typer.Option(help="Environment variable that holds the key clients must send.")] = "",
    unsafe: Annotated[bool, typer.Option("--unsafe", help="Listen to other machines without a key.")] = False,
    cors: Annotated[str, typer.Option(help="Origin of pages that may ask, or '*'.")] = "",
    slots: Annotated[int, typer.Option(min=1, max=4096, help="Replies drawn at a time, of each model.")] = 64,
    queue: Annotated[int, typer.Option(min=0, max=100_000, help="Replies that may wait; more are refused.")] = 256,
    memory: Annotated[int, typer.Option(min=1, help="Megabytes for keys and values, of each model.")] = 4096,
    context: Annotated[int, typer.Option(min=0, help="Tokens of prompt and reply; 0 is the model's own.")] = 0,
    max_tokens: Annotated[
        int, typer.Option(min=0, help="Tokens of a reply at most; 0 is what the context leaves.")
    ] = 0,
    temperature: Annotated[float, typer.Option(min=0.0, max=10.0, help="Where a request has none.")] = 0.6,
    top_p: Annotated[float, typer.Option(min=0.01, max=1.0, help="Where a request has none.")] = 0.95,
    thoughts: Annotated[str, typer.Option(help="What clients see of them: shown, hidden, or summary.")] = "shown",
    summary_by: Annotated[
        str, typer.Option(help="Served model that sums thoughts up; without one, their first and last line.")
    ] = "",
    reasoning: Annotated[
        str, typer.Option(help="Field of thoughts: both, reasoning_content, reasoning, tags.")
    ] = "both",
    unclosed: Annotated[
        str, typer.Option(help="What a thought that never closes is: reasoning or content.")
    ] = "reasoning",
    scorer: Annotated[Path | None, typer.Option(help="Folder of an outcome or process reward model.")] = None,
    searches: Annotated[int, typer.Option(min=1, max=32, help="Strategies at a time; more are refused.")] = 4,
    search_tokens: Annotated[int, typer.Option(min=1, help="Tokens that one answer of a strategy may draw.")] = 32_768,
    body: Annotated[int, typer.Option(min=1024, help="Bytes of a request at most.")] = 1 << 20,
    drain: Annotated[float, typer.Option(min=0.0, help="Seconds that running requests get at the end.")] = 30.0,
    dtype: Annotated[str, typer.Option(help="bf16 or fp32; as it is, what this processor is faster in.")] = "",
) -> None:
    """Serve models to any OpenAI client, each strategy a model as well; look into training runs with --runs."""
    if not models and not runs:
        raise AhaError("there is nothing to serve: give a model, such as tiny, or --runs FOLDER")
    key = key_of(key_variable)
    if host not in LOOPBACK and not key and not unsafe:
        raise AhaError(f"--host {host} lets other machines in: give --key-variable, or --unsafe to do without a key")
    check_thoughts(thoughts, summary_by, reasoning, unclosed)
    try:
        from aha.serve.server import listening, run
    except ImportError as error:
        raise AhaError(f"{error.name} is missing: pip install 'aha[serve]'") from None
    import sys

    from aha.models.allocator import keep_memory
    from aha.models.precision import DTYPES, precision
    from aha.serve.app import application
    from aha.serve.models import Catalogue, load, named
    from aha.serve.state import Settings, Thoughts
    from aha.serve.wire import Shown
    from aha.tools.solve import load_scorers

    view, arithmetic = view_of(runs), DTYPES[precision(dtype)]
    folders = named(models or [])
    if summary_by and summary_by not in folders:
        raise ConfigError(f"--summary-by {summary_by}: no such model is served; there is {', '.join(folders)}")
    sock = listening(host, port)
    keep_memory()
    sys.setswitchinterval(0.001)  # so that a stream's bookkeeping holds a decode loop up less
    scorers = load_scorers(scorer)
    options = {"slots": slots, "queue": queue, "context": context, "memory": memory << 20}
    checkpoints = [load(name, folder, arithmetic, scorers, **options) for name, folder in folders.items()]
    settings = Settings(
        cast(Shown, reasoning), cast(Thoughts, thoughts), summary_by, unclosed, max_tokens, temperature, top_p, body,
        searches=searches, search_tokens=search_tokens,
    )  # fmt: skip
    app = application(
        Catalogue(checkpoints), settings, key, local=host in LOOPBACK and not key, origins=cors,
        more=view.routes() if view else (),
    )  # fmt: skip
    where = f"http://{host if ':' not in host else f'[{host}]'}:{sock.getsockname()[1]}"
    if folders:
        typer.echo(f"serving {', '.join(folders)} at {where}/v1; a page to chat on is at {where}/")
    if view:
        typer.echo(f"showing the runs of {runs} at {where}/runs")
    run(app, sock, drain)
    for checkpoint in checkpoints:
        checkpoint.live.close()
    if view:
        view.close()


def check_thoughts(thoughts: str, summary_by: str, reasoning: str, unclosed: str) -> None:
    """Raise AhaError for values that do not exist or do not go together."""
    choice("--reasoning", reasoning, ("both", "reasoning_content", "reasoning", "tags"))
    choice("--unclosed", unclosed, ("reasoning", "content"))
    choice("--thoughts", thoughts, ("shown", "hidden", "summary"))
    if thoughts != "shown" and reasoning == "tags":
        raise ConfigError(f"--reasoning tags leaves thoughts in the answer, and --thoughts {thoughts} takes them out")
    if summary_by and thoughts != "summary":
        raise ConfigError(f"--summary-by {summary_by} needs --thoughts summary")


def view_of(runs: Path | None) -> Runs | None:
    """The runs view of a folder. Raises AhaError where that is none, or a library is missing."""
    if runs is None:
        return None
    try:
        from aha.serve.runs import Runs
    except ImportError as error:
        raise AhaError(f"{error.name} is missing: pip install 'aha[serve]'") from None
    return Runs(runs)


def key_of(variable: str) -> str:
    """The key in an environment variable; empty where none is asked for. Raises ConfigError where it is not set."""
    if not variable:
        return ""
    key = os.environ.get(variable, "").strip()
    if not key:
        raise ConfigError(f"--key-variable {variable}: that environment variable is not set or is empty")
    return key


def choice(option: str, value: str, among: tuple[str, ...]) -> None:
    """Raise AhaError for a value that is none of these."""
    if value not in among:
        raise AhaError(f"{option} is {value!r}; give one of {', '.join(among)}")
