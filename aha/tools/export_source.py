"""Where a model comes from, read from its run: base, stages, data, evaluations, and the licences that were stated."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from aha.errors import ModelError, RunError
from aha.models.folder import resolve, shipped
from aha.models.scorer import MARK
from aha.pipeline.cost import cost_of
from aha.pipeline.runner import RECORD, Stage, digest_of
from aha.pipeline.whole import Whole, load_whole
from aha.record import Row, first_try, load_run, points, tasks
from aha.stats import Interval

OURS = "apache-2.0"
"""The licence of this package, of the models that come with it, and of the data that it generates."""
STATED = {"smollm2": ("HuggingFaceTB/SmolLM2-135M-Instruct", OURS)}
"""Models that other packages bring: their name on the hub, and the licence that their makers state there."""


@dataclass(frozen=True, slots=True)
class Part:
    """The base, or something that was learnt from. An empty licence is one that nobody stated."""

    name: str
    licence: str
    what: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """One evaluation, of the base and of the model."""

    name: str
    before: Interval | None
    after: Interval
    protocol: Row


@dataclass(frozen=True, slots=True)
class Source:
    """A model folder and all that its run says of it."""

    model: Path
    name: str
    base: Part
    trained: bool = False
    stages: list[tuple[str, str, str]] = field(default_factory=list)
    """Name, what it was made from, and what came of it."""
    data: list[Part] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    command: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    cost: str = ""

    @property
    def unstated(self) -> list[str]:
        """What has a licence that nobody stated."""
        return [part.name for part in (self.base, *self.data) if not part.licence]


def find(name: str, stage: str = "") -> Source:
    """The model that a name, a model folder or a run folder means; `stage` says which of a run of stages.

    Raises ModelError where there is none, RunError for a stage that made none.
    """
    folder = Path(name).expanduser()
    if name not in shipped():
        if (folder / "stages").is_dir():
            return of_stages(folder, stage)
        made = folder if (folder / RECORD).is_file() else folder.parent
        if (made / RECORD).is_file() and made.parent.name == "stages":
            return of_stages(made.parents[1], json.loads((made / RECORD).read_text(encoding="utf-8"))["stage"])
        run = folder.parents[1] if folder.parent.name == "checkpoints" else folder
        if not stage and (run / "settings.toml").is_file() and (run / "checkpoints").is_dir():
            return of_run(run, resolve(name))
    if stage:
        raise RunError(f"--stage {stage}: {name} is no run of stages")
    model = resolve(name)
    return Source(model, Path(name).name, base_of(name))


def of_run(run: Path, model: Path) -> Source:
    """A checkpoint of one stretch of reinforcement."""
    log = load_run(run)
    try:
        told = tomllib.loads(log.settings)
    except tomllib.TOMLDecodeError as error:
        raise RunError(f"{run / 'settings.toml'} cannot be read: {error}") from None
    if not isinstance(told.get("base"), str):
        raise RunError(f"{run / 'settings.toml'} names no base model, so it is damaged or not a run's")
    base = base_of(told["base"])
    results = []
    for name, rows in tasks(log.evals).items():
        measured = [(row, found) for row in rows if (found := first_try(row))]
        if measured:
            (_, before), (last, after) = measured[0], measured[-1]
            comparable = len(measured) > 1 and all(
                measured[0][0].get(k) == last.get(k) for k in ("samples", "max_tokens")
            )
            results.append(Result(name, before if comparable else None, after, last))
    seconds = sum(spent for _, spent in points(log.metrics, "seconds/step"))
    stages = [(run.resolve().name, base.name, f"{len(log.metrics)} steps of reinforcement")]
    return Source(
        model, run.resolve().name, base, True, stages, data_of([told]), results, command_of(log.environment),
        _public(told), f"{seconds / 60:.1f} minutes of training steps",
    )  # fmt: skip


def of_stages(run: Path, wanted: str) -> Source:
    """The model of a stage, R1 or the last one unless `wanted` names another."""
    whole = load_whole(run)
    makers = {stage.name: stage for stage in whole.stages if _makes_model(stage)}
    if not makers or (wanted and wanted not in makers):
        raise RunError(
            f"{run}: no stage {wanted or 'of it'} made a model; those that did: {', '.join(makers) or 'none'}"
        )
    stage = makers[wanted] if wanted else makers.get("r1", list(makers.values())[-1])
    line = _ancestors(whole, stage)
    base_name, base = _root(whole, stage)
    exams = whole.exams
    before, after = exams.get(base_name, {}), exams.get(stage.name, {})
    results = [
        Result(name, first_try(before.get(name, {})), found, row)
        for name, row in after.items()
        if (found := first_try(row))
    ]
    told = [(s.name, ", ".join(_inputs(s)), str(s.record.get("headline", ""))) for s in line]
    settings = {s.name: _public(s.record.get("settings") or {}) for s in line}
    starts = [start for log in whole.logs.values() for start in log.environment]
    data = data_of([s.record.get("settings") or {} for s in line], line)
    return Source(
        stage.model, stage.name, base, True, told, data, results, command_of(starts), settings, cost_of(line).in_words()
    )


def _makes_model(stage: Stage) -> bool:
    config = stage.model / "config.json"
    return config.is_file() and json.loads(config.read_text(encoding="utf-8")).get("model_type") != MARK


def _inputs(stage: Stage) -> list[str]:
    return [str(told["stage"]) for told in stage.record["inputs"].values()]


def _ancestors(whole: Whole, stage: Stage) -> list[Stage]:
    """The stage and all that went into it, in their order."""
    wanted, by_name = [stage.name], {s.name: s for s in whole.stages}
    for name in wanted:
        wanted += [told for told in _inputs(by_name[name]) if told in by_name and told not in wanted]
    return [s for s in whole.stages if s.name in wanted]


def _root(whole: Whole, stage: Stage) -> tuple[str, Part]:
    """The given model whose weights a stage began with: its name in the run, and what it is."""
    by_name = {s.name: s for s in whole.stages}
    told = stage.record["inputs"].get("base", {})
    while told.get("stage") in by_name:
        told = by_name[told["stage"]].record["inputs"].get("base", {})
    name, digest = str(told.get("stage", "")), told.get("digest")
    for known, folder in shipped().items():
        if digest == digest_of([folder / "model.safetensors", folder / "config.json"]):
            return name, Part(known, OURS, "comes with aha")
    return name, Part(name or "an unknown model", "", "given to the run")


def base_of(name: str) -> Part:
    """A model by the name that a recipe gives it, with the licence that its card states."""
    if name in shipped():
        return Part(name, OURS, "comes with aha")
    if name in STATED:
        return Part(*STATED[name])
    try:
        folder = resolve(name)
    except ModelError:
        return Part(PurePath(name).name or "an unknown model", "")
    shown = name if re.fullmatch(r"[\w.-]+/[\w.-]+", name) and not Path(name).exists() else PurePath(name).name
    return Part(shown, stated_in(folder))


def stated_in(folder: Path) -> str:
    """The licence in the front matter of a folder's README.md; empty where none is stated."""
    file = folder / "README.md"
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    front = re.match(r"---\n(.*?)\n---", text, re.DOTALL)
    found = re.search(r"""^license:\s*["']?([\w.+-]+)""", front[1], re.MULTILINE) if front else None
    return found[1].lower() if found else ""


def data_of(settings: Sequence[Mapping[str, Any]], stages: Iterable[Stage] = ()) -> list[Part]:
    """What was learnt from: files, problems that were generated, examples that stages made, and served models."""
    parts: dict[str, Part] = {}
    for told in map(_flat, settings):
        for key, found in told.items():
            group, _, last = key.rpartition(".")
            if last == "url" and found:
                name = f"replies of {told.get(f'{group}.model') or 'a served model'}"
                parts.setdefault(name, Part(name, "", "a model on a server"))
            elif last in ("train", "test") and isinstance(found, str):
                name = PurePath(found).name
                parts.setdefault(name, Part(name, stated_in(Path(found).parent), f"a file to {last} on"))
            elif group == "world" and isinstance(found, float) and found > 0 and last != "chinese":
                parts.setdefault(last, Part(last, OURS, "problems generated by aha"))
        if told.get("task.numbers") and not told.get("task.train"):
            parts.setdefault("countdown", Part("countdown", OURS, "problems generated by aha"))
    for stage in stages:
        if "kept" in stage.record or "rows" in stage.record and stage.data.is_file():
            what = str(stage.record.get("headline", ""))
            parts.setdefault(stage.name, Part(stage.name, "the run's own", what))
    return list(parts.values())


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, found in settings.items():
        flat |= _flat(found, f"{prefix}{key}.") if isinstance(found, Mapping) else {prefix + key: found}
    return flat


def _public(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by dotted names, without where anything lay on the machine that it ran on."""
    flat = {key: found for key, found in _flat(settings).items() if key != "out"}
    return {key: PurePath(v).name if isinstance(v, str) and PurePath(v).is_absolute() else v for key, v in flat.items()}


def command_of(starts: Sequence[Row]) -> str:
    """The command of a run, with the recipe by its last two names and other files by their last, and no --out."""
    argv = starts[0].get("argv") if starts else None
    words = ["aha"]
    for word in argv[1:] if isinstance(argv, list) else []:
        option, equals, told = str(word).partition("=")
        if option == "--out" and equals:
            continue
        if equals and option.startswith("--"):
            words.append(f"{option}={PurePath(told).name if PurePath(told).is_absolute() else told}")
        else:
            words.append("/".join(PurePath(str(word)).parts[-2:]) if "/" in str(word) else str(word))
    return shlex.join(words) if len(words) > 1 else ""
