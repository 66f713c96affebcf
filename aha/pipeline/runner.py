"""Each stage once. A stage's folder is named by the hash of what went into it.

    run/stages/zero-3fa29c1b04de/         a stage that is complete: what it made, and stage.json about it
    run/stages/dev1-81c0e2aa90f3.part/    a stage at work, or one that was interrupted and will go on from there
    run/lock                              held while a process works on the run

Same inputs and settings, same name: the stage is not run again. A changed setting gives the stage and all that depends
on it other names; nothing else runs again, and nothing old is overwritten.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aha
from aha import disk
from aha.config import Settings, flatten
from aha.errors import CheckpointError, RunError
from aha.pipeline.recipe import Machine
from aha.pipeline.screen import Screen
from aha.runlog import take_lock
from aha.sandbox.pool import shared_level, unprotect

PACE = ("keep", "save_every", "unprotected")
"""Settings that do not change what a stage makes."""
RECORD = "stage.json"


@dataclass(frozen=True)
class Stage:
    """A stage that is complete, or a given model: what it is called, where it lies, and the hash of what it made."""

    name: str
    folder: Path
    digest: str
    record: dict[str, Any]

    @property
    def model(self) -> Path:
        """The model folder of a stage that made one."""
        return self.folder / "model" if self.record else self.folder

    @property
    def data(self) -> Path:
        """The data file of a stage that made one."""
        return self.folder / "data.jsonl"


Setting = Settings | float | int | str

Work = Callable[[Path], dict[str, Any]]
"""Does a stage's work in a folder, perhaps continuing there, and returns what is to be said about it."""


class Runner:
    """Runs stages in one run folder, each of them once."""

    def __init__(self, out: Path, machine: Machine, screen: Screen) -> None:
        """Raises RunError when another process works in the folder."""
        self.out, self.machine, self.screen = out, machine, screen
        self.stages: list[Stage] = []
        if machine.unprotected:
            unprotect()
        with disk.writing(out):
            (out / "stages").mkdir(parents=True, exist_ok=True)
            self._lock = take_lock(out / "lock")

    def close(self) -> None:
        """Let other processes use the run folder."""
        os.close(self._lock)

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def given(self, name: str, folder: Path) -> Stage:
        """A model that no stage of this run makes."""
        from aha.models.load import weight_files  # it loads torch, which whoever only reads a run does without

        return Stage(name, folder, digest_of([*weight_files(folder), folder / "config.json"]), {})

    def stage(
        self,
        name: str,
        settings: Mapping[str, Setting],
        inputs: Mapping[str, Stage],
        outputs: tuple[str, ...],
        work: Work,
    ) -> Stage:
        """The stage `name`, done now unless it has been. `outputs` are the files that it makes and others may read."""
        key = key_of(name, settings, self.machine, inputs)
        folder = self.out / "stages" / f"{name}-{key}"
        if (folder / RECORD).exists():
            done = self._kept(name, folder)
        else:
            done = self._done(name, folder, settings, inputs, outputs, work)
        self.stages.append(done)
        self._list()
        return done

    def _kept(self, name: str, folder: Path) -> Stage:
        """A stage done before. Raises CheckpointError when its files have changed since."""
        try:
            disk.verify(folder)
        except CheckpointError as error:
            raise CheckpointError(f"{error}; delete {folder} and the stage is made again") from None
        record = json.loads((folder / RECORD).read_text())
        self.screen.note(f"{name}: done before ({folder.name})")
        return Stage(name, folder, record["digest"], record)

    def _done(
        self, name: str, folder: Path, settings: Mapping[str, Setting], inputs: Mapping[str, Stage], outputs: tuple[str, ...],
        work: Work,
    ) -> Stage:  # fmt: skip
        import torch  # whoever only reads a run does without

        draft = folder.with_name(folder.name + ".part")
        self.screen.stage(name, "going on" if draft.exists() else "")
        began = time.time()
        with disk.writing(folder):
            draft.mkdir(exist_ok=True)
        told = work(draft)
        missing = [file for file in outputs if not (draft / file).exists()]
        if missing:
            raise RunError(f"stage {name} ended without {', '.join(missing)}")
        record = {
            "stage": name,
            "inputs": {role: {"stage": stage.name, "digest": stage.digest} for role, stage in inputs.items()},
            "settings": flat(settings),
            "machine": shared(self.machine),
            "threads": torch.get_num_threads(),
            "jail": shared_level(),
            "aha": aha.__version__,
            "digest": digest_of([draft / file for file in outputs]),
            "seconds": round(told.pop("seconds", time.time() - began), 1),
            "began": began,
        } | told
        with disk.writing(folder):
            shutil.rmtree(draft / "checkpoints", ignore_errors=True)
            disk.write_whole(draft / RECORD, (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode())
            disk.seal(draft, -1)
            disk.rename(draft, folder)
        self.screen.note(f"{name}: {record.get('headline', 'done')} ({record['seconds']:.0f} s)")
        return Stage(name, folder, record["digest"], record)

    def ends_with(self, model: Stage) -> None:
        """What the run's folder stands for where a model is asked for: this stage's."""
        from aha.models.folder import RESULT  # it loads torch, which whoever only reads a run does without

        disk.write_whole(
            self.out / RESULT, (json.dumps({"model": f"stages/{model.folder.name}/model"}) + "\n").encode()
        )

    def _list(self) -> None:
        """Keep the list of this recipe's stages, in order: older ones may lie beside them."""
        disk.write_whole(
            self.out / "stages.json", json.dumps([stage.folder.name for stage in self.stages], indent=1).encode()
        )


def read_stages(out: Path) -> list[Stage]:
    """The stages of a run that are complete, in order. Raises RunError when the folder is no such run."""
    file = out / "stages.json"
    if not file.exists():
        raise RunError(f"{out} is no run of stages: it has no stages.json")
    stages = []
    for name in json.loads(file.read_text()):
        record = json.loads((out / "stages" / name / RECORD).read_text())
        stages.append(Stage(record["stage"], out / "stages" / name, record["digest"], record))
    return stages


def key_of(name: str, settings: Mapping[str, Setting], machine: Machine, inputs: Mapping[str, Stage]) -> str:
    """What a stage's folder is named by: a hash of its settings and of what its inputs are, not of where they lie."""
    chosen = {k: v for k, v in flat(settings).items() if k.rpartition(".")[2] not in PACE}
    same = {k: v for k, v in shared(machine).items() if k not in PACE}
    told = [name, chosen, same, {role: stage.digest for role, stage in inputs.items()}]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:12]


def shared(machine: Machine) -> dict[str, Any]:
    """The settings that all stages share, whatever else the recipe says."""
    return {name: getattr(machine, name) for name in Machine.model_fields}


def flat(settings: Mapping[str, Setting]) -> dict[str, Any]:
    """Settings by their dotted names."""
    told: dict[str, Any] = {}
    for name, value in settings.items():
        told |= {f"{name}.{k}": v for k, v in flatten(value).items()} if isinstance(value, Settings) else {name: value}
    return told


def digest_of(files: list[Path]) -> str:
    """One hash of several files' bytes; of a folder, all that is in it."""
    digest = hashlib.sha256()
    for file in files:
        for part in sorted(path for path in (file.rglob("*") if file.is_dir() else [file]) if path.is_file()):
            digest.update(part.name.encode() + b"\0" + hashlib.sha256(part.read_bytes()).digest())
    return digest.hexdigest()
