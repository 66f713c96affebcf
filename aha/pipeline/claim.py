"""Whose a run folder is: one recipe's, from its first start on, and nobody else's files are in it."""

from __future__ import annotations

import json
from pathlib import Path

from aha import disk
from aha.errors import RunError
from aha.runlog import LOGS

MARK = "run.json"
"""Says which recipe a folder is of."""
TRAINING = ("settings.toml", "checkpoints", "samples", *LOGS)
OURS = ("lock", "aha.log", "environment.json", "report.html", "report.md", "report.json", "result.json", "stages.json")


def claim(out: Path, recipe: str) -> None:
    """Take a folder for a recipe, or go on in one that it has. Raises RunError where anybody else has it."""
    with disk.writing(out):
        found = sorted(file.name for file in out.iterdir()) if out.exists() else []
        had = _recipe(out, found)
        if not had and "stages" in found and recipe == "zero":
            had = "with stages"
        if had and had != recipe:
            raise RunError(f"{out} holds a run of recipe {had}, and this is {recipe}; choose another --out")
        foreign = [name for name in found if name not in OURS and not name.startswith(disk.DRAFT)]
        if not had and foreign and "stages" not in found:
            raise RunError(
                f"{out} holds files of no run ({foreign[0]}); choose another --out, a folder of the run's own"
            )
        if MARK not in found:
            out.mkdir(parents=True, exist_ok=True)
            disk.write_whole(out / MARK, (json.dumps({"recipe": recipe}) + "\n").encode())


def _recipe(out: Path, found: list[str]) -> str:
    """The recipe of a folder, empty where nothing says it; runs from before there was a mark are told by their files."""
    if MARK in found:
        try:
            return str(json.loads((out / MARK).read_text("utf-8"))["recipe"])
        except (ValueError, LookupError, TypeError):
            raise RunError(f"{out / MARK} is damaged; remove it, and the run goes on") from None
    if "stages" in found or "settings.toml" not in found:
        return ""
    return "zero" if set(found) & set(TRAINING[1:]) else ""
