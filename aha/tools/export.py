"""`aha export`: a model as others use it: a Hugging Face folder with its card, GGUF files, a Modelfile for Ollama."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from aha.errors import AhaError, ConfigError


def export(
    source: Annotated[str, typer.Argument(metavar="RUN_OR_MODEL", help="A run folder, a model folder, or 'tiny'.")],
    out: Annotated[Path, typer.Option(help="The folder to make. An earlier export there is replaced, nothing else.")],
    stage: Annotated[
        str, typer.Option(help="Which stage's model, of a run of stages; without it R1 or the last.")
    ] = "",
    gguf: Annotated[str, typer.Option(help="GGUF files to add: f16, q8_0, or both with a comma.")] = "",
    ollama: Annotated[bool, typer.Option("--ollama", help="Add a Modelfile, for the last --gguf or for q8_0.")] = False,
    licence: Annotated[str, typer.Option("--license", help="The model's licence, where its base states none.")] = "",
) -> None:
    """Write a model as a folder that transformers, vLLM, llama.cpp and Ollama load, with a card that its run writes."""
    if gguf or ollama:
        try:
            import gguf as _  # noqa: F401, fails here, before anything is read
        except ImportError:
            raise AhaError("gguf is missing: pip install 'aha[export]'") from None
    from aha.models.export import check_replaceable, placed
    from aha.models.export_gguf import kinds_of
    from aha.tools.export_source import find
    from aha.tools.export_write import write

    kinds = kinds_of(gguf) or (["q8_0"] if ollama else [])
    check_replaceable(out)
    found = find(source, stage)
    given = licence_for(found.base.licence, found.unstated, licence)
    with placed(out) as draft:
        write(found, draft, safe(out.resolve().name), kinds, ollama, given, stated=bool(licence))
    sizes = [f"  {file.name:<32} {file.stat().st_size / 1e6:9.2f} MB" for file in sorted(out.iterdir())]
    typer.echo("\n".join([f"{found.name}, from {found.base.name}, {given}: {out}", *sizes]))
    if ollama:
        typer.echo(f"ollama create {safe(out.resolve().name).lower()} -f {out / 'Modelfile'}")


def licence_for(inherited: str, unstated: list[str], stated: str) -> str:
    """The licence of an export: the one stated for it, or its base's. Raises ConfigError where nobody stated one."""
    if stated and not re.fullmatch(r"[A-Za-z0-9][\w.+-]{0,63}", stated):
        raise ConfigError(f"--license {stated!r}: give a short name such as apache-2.0, mit or llama3.2")
    if unstated and not stated:
        raise ConfigError(f"nobody stated a licence for {', '.join(unstated)}: find out, then give --license NAME")
    if stated and inherited and stated.lower() != inherited.lower():
        raise ConfigError(
            f"--license {stated}: the base is under {inherited}, which what is made of it inherits; leave it out"
        )
    return stated.lower() or inherited


def safe(name: str) -> str:
    """A name for files that needs no quotes anywhere."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-")[:80] or "model"
