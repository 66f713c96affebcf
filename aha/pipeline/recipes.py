"""Which recipe a file is: its setting `recipe` says so."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar, get_args

from aha.config import flatten, load
from aha.errors import ConfigError
from aha.pipeline.recipe import Machine, Zero
from aha.pipeline.recipe_process import Process
from aha.pipeline.recipe_r1 import R1
from aha.pipeline.recipe_small import Journey, SkyT1
from aha.pipeline.recipe_tune import Tune
from aha.pipeline.runner import RECORD
from aha.types import Precision

M = TypeVar("M", bound=Machine)
Recipe = Zero | R1 | SkyT1 | Journey | Process | Tune
RECIPES: dict[str, type[Recipe]] = {
    "zero": Zero, "r1": R1, "sky-t1": SkyT1, "journey": Journey, "process": Process, "tune": Tune,
}  # fmt: skip


def load_recipe(file: Path, overrides: Sequence[str]) -> Recipe:
    """The settings of a recipe file and a command line. Raises ConfigError, one line, for what cannot be understood."""
    told: dict[str, object] = {}
    with suppress(OSError, ValueError, RecursionError):  # `load` says what is wrong with the file
        told = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    name = told.get("recipe", "zero")
    if name == "claims":
        raise ConfigError(f"{file} is a recipe of claims; start it with: aha claims {file}")
    if not isinstance(name, str) or name not in RECIPES:
        raise ConfigError(f"{file}: no recipe {name!r}; there are: {', '.join(RECIPES)}")
    kind = RECIPES[name]
    settings = going_on(load(kind, file, overrides))
    for name, value in flatten(settings).items():
        if name.split(".")[-1] == "engine" and value == "vllm" and find_spec("vllm") is None:
            raise ConfigError(f"{name} is vllm, which is not installed here: docs/engines.md says how to install it")
    return settings


def going_on(settings: M) -> M:
    """The settings, in the arithmetic that their run folder began with where they do not say which.

    So a run that moves to another processor goes on; in another arithmetic all that was made would be made again.
    """
    if "dtype" in settings.model_fields_set:
        return settings
    out = Path(str(settings.out))  # type: ignore[attr-defined]  # a run folder is a setting of each recipe
    for file in (out / "settings.toml", *sorted(out.glob(f"stages/*/{RECORD}"))):
        with suppress(OSError, ValueError, LookupError, TypeError):
            text = file.read_text(encoding="utf-8")
            began = json.loads(text)["machine"] if file.suffix == ".json" else tomllib.loads(text)
            if began["dtype"] in get_args(Precision):
                return settings.model_copy(update={"dtype": began["dtype"]})
    return settings
