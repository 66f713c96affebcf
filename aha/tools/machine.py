"""`aha sandbox run` and `aha doctor`: programs in the jail, and what this machine gives."""

from __future__ import annotations

import json
import os
import platform
from importlib.util import decode_source
from pathlib import Path
from typing import Annotated, Any

import typer

from aha.errors import AhaError, DataError, SandboxError
from aha.page import plain

sandbox = typer.Typer(no_args_is_help=True, help="Run untrusted Python in the jail.")


@sandbox.command(name="run")
def sandbox_run(
    file: Annotated[Path, typer.Argument(help="A Python program.")],
    stdin: Annotated[Path | None, typer.Option(help="What it reads.")] = None,
    wall: Annotated[float, typer.Option(min=0.05, max=86_400, help="Seconds it may take.")] = 10.0,
    memory: Annotated[int, typer.Option(min=16, max=1 << 20, help="Megabytes it may hold.")] = 512,
    level: Annotated[
        str, typer.Option(help="forks, fresh, landlock, or none: unprotected. Default: the best there is.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Run a program in the jail, and tell how it ended. Exits with 1 where the verdict is not AC."""
    from aha.sandbox.jail import LEVELS, bubblewrap, jail_advice, problem_of
    from aha.sandbox.policy import Limits
    from aha.sandbox.pool import Pool
    from aha.sandbox.verdict import Program

    if level and level not in (*LEVELS, "none"):
        raise AhaError(f"--level is {level!r}; give one of {', '.join(LEVELS)} or none")
    if level and level != "none" and (problem := problem_of(level)):  # type: ignore[arg-type]
        advice = jail_advice({level: problem}, bubblewrap() is not None)
        raise SandboxError(f"level {level} does not work here: {problem}; {advice}")
    limits = Limits(wall=wall, cpu=wall, memory=memory << 20)
    program = Program(read_text(file), stdin.read_bytes() if stdin and readable(stdin) else b"", limits=limits)
    with Pool(1, level or None) as pool:  # type: ignore[arg-type]
        outcome = pool.run(program)
        record: dict[str, Any] = {
            "verdict": outcome.verdict, "reason": outcome.reason, "exit_code": outcome.exit_code,
            "stdout": outcome.stdout.decode(errors="replace"), "stderr": outcome.stderr.decode(errors="replace"),
            "milliseconds": outcome.milliseconds, "level": pool.level,
        }  # fmt: skip
    if as_json:
        typer.echo(json.dumps(record))
    else:
        why = f" ({record['reason']})" if record["reason"] else ""
        typer.echo(
            f"{outcome.verdict}{why}, exit code {outcome.exit_code}, {outcome.milliseconds:.0f} ms, level {pool.level}"
        )
        for name in ("stdout", "stderr"):
            if record[name]:
                typer.echo(f"{name}:\n{plain(record[name]).rstrip()}")
    raise SystemExit(0 if outcome.verdict == "AC" else 1)


def read_text(file: Path) -> str:
    """A program's text. Raises DataError when there is none."""
    readable(file)
    try:
        return decode_source(file.read_bytes())  # as Python would, by its mark or its comment on coding
    except (SyntaxError, UnicodeDecodeError):
        return file.read_text(encoding="utf-8", errors="surrogateescape")


def readable(file: Path) -> bool:
    """True. Raises DataError when the file is missing or unreadable."""
    if not file.is_file():
        raise DataError(f"{file} is not a file")
    if not os.access(file, os.R_OK):
        raise DataError(f"{file} cannot be read")
    return True


WHAT_LEVELS_KEEP = {
    "forks": "bubblewrap, and in it every program in namespaces of its own: nothing outside can be seen or reached",
    "fresh": "a bubblewrap for each program: as safe, five times slower",
    "landlock": "no namespaces: files by Landlock, the rest by a system call filter; names of processes stay visible, and "
    "disk is bounded for each file only",
    "none": "unprotected",
}


def doctor(
    model: Annotated[
        str, typer.Argument(help="Look at this model instead: a folder, a GGUF file, or a name such as smollm2.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """What this machine gives: processor, memory, disk, a jail for untrusted code. Or what a model is and takes."""
    if model:
        from aha.tools.diagnose import diagnose, lines

        found = diagnose(model)
        return typer.echo(json.dumps(found.record()) if as_json else plain("\n".join(lines(found))))
    from aha.models.memory import gigabytes
    from aha.sandbox.jail import best_level, bubblewrap, jail_advice, landlock_version

    level, problems = best_level()
    record = {
        "python": platform.python_version(), "machine": platform.machine(), "system": platform.platform(),
        "cores": os.cpu_count(), "jail": level, "problems": problems, "bubblewrap": bubblewrap(),
        "landlock": landlock_version() if platform.system() == "Linux" else 0, **resources(),
    }  # fmt: skip
    if as_json:
        typer.echo(json.dumps(record))
    else:
        typer.echo(f"python     {record['python']} on {record['system']}, {record['cores']} cores")
        typer.echo(
            f"torch      {record['torch']}, {record['threads']} threads, computes in "
            + ("bf16" if record["bf16"] else "fp32, since this processor does not multiply bf16")
        )
        typer.echo(f"memory     {gigabytes(record['memory'])}, of which {gigabytes(record['memory_free'])} are free")
        typer.echo(f"disk       {gigabytes(record['disk_free'])} free here")
        typer.echo(f"jail       {level or 'none that holds: programs are refused'}")
        if level:
            typer.echo(f"           {WHAT_LEVELS_KEEP[level]}")
        for tried, problem in problems.items():
            typer.echo(f"           {tried}: {problem}")
        if advice := jail_advice(problems, record["bubblewrap"] is not None):
            typer.echo(f"better     {advice}")
    raise SystemExit(0 if level else 1)


def resources() -> dict[str, Any]:
    """What computing has here: memory and disk in bytes, within what a container allows, and torch."""
    import shutil

    import torch

    from aha.models.memory import memory_here
    from aha.models.precision import fastest

    there, free = memory_here()
    return {
        "memory": there, "memory_free": free, "disk_free": shutil.disk_usage(".").free, "torch": torch.__version__,
        "threads": torch.get_num_threads(), "bf16": fastest() == "bf16",
    }  # fmt: skip
