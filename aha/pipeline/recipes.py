"""Which recipe a file is: its setting `recipe` says so."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from aha.config import load
from aha.errors import ConfigError
from aha.pipeline.recipe import Zero
from aha.pipeline.recipe_process import Process
from aha.pipeline.recipe_r1 import R1
from aha.pipeline.recipe_small import Journey, SkyT1
from aha.pipeline.recipe_tune import Tune

Recipe = Zero | R1 | SkyT1 | Journey | Process | Tune
RECIPES: dict[str, type[Recipe]] = {
    "zero": Zero, "r1": R1, "sky-t1": SkyT1, "journey": Journey, "process": Process, "tune": Tune,
}  # fmt: skip


def load_recipe(file: Path, overrides: Sequence[str]) -> Recipe:
    """The settings of a recipe file and a command line. Raises ConfigError, one line, for what cannot be understood."""
    told: dict[str, object] = {}
    with suppress(OSError, ValueError):  # `load` says what is wrong with the file
        told = tomllib.loads(file.read_text(encoding="utf-8"))
    name = told.get("recipe", "zero")
    if name == "claims":
        raise ConfigError(f"{file} is a recipe of claims; start it with: aha claims {file}")
    if name not in RECIPES:
        raise ConfigError(f"{file}: no recipe {name!r}; there are: {', '.join(RECIPES)}")
    kind = RECIPES[str(name)]
    return load(kind, file, overrides)
