"""One run folder: what the run was told, where it ran, what it measured and drew, and checkpoints that outlive a kill.

    run/settings.toml                       a reopened run must bring the same settings
    run/environment.json                    machine, versions and command, once for each start
    run/metrics.jsonl, run/evals.jsonl      one record a line
    run/samples/step-000012.parquet         the replies a step drew
    run/checkpoints/step-000010/            what the trainer wrote, and manifest.json: sizes and SHA-256
    run/lock                                held while a process uses the folder

    with RunLog.open(Path("run"), dump(settings)) as log:
        found = log.latest()
        log.rewind(found[0] if found else -1)

A kill at any instant leaves the checkpoints announced before it, and never half of a new one. Left out:
shared folders without `flock`, and checkpoints written by several ranks.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from aha import disk, environment, tables
from aha.errors import CheckpointError, RunError

LOGS = ("metrics.jsonl", "evals.jsonl")


class RunLog:
    """An open run folder; `open` is the way in. Every file it cannot write is a RunError with what to do."""

    def __init__(self, root: Path, lock: int, keep: int) -> None:
        self.root, self.keep, self._lock = root, max(1, keep), lock
        self.warn: Callable[[str], None] = lambda message: print(f"warning: {message}", file=sys.stderr)
        _open_logs.add(self)

    @classmethod
    def open(cls, root: Path, settings_text: str, *, ignore: Sequence[str] = (), keep: int = 2) -> RunLog:
        """Create the folder, or reopen it with the same settings.

        `ignore` names settings that may differ, dotted, so that a run can be made longer; `keep` is how many
        checkpoints stay. Raises RunError when another process uses the folder or it holds other settings.
        """
        root = Path(root)
        with disk.writing(root):
            for folder in (root, root / "samples", root / "checkpoints"):
                folder.mkdir(parents=True, exist_ok=True)
            log = cls(root, take_lock(root / "lock"), keep)
            try:
                _agree(root / "settings.toml", settings_text, ignore)
                environment.record(root / "environment.json")
                for name in LOGS:
                    tables.mend(root / name)
            except BaseException:
                log.close()
                raise
        return log

    def close(self) -> None:
        """Let other processes use the folder. Closing twice is fine."""
        if self._lock >= 0:
            os.close(self._lock)
        self._lock = -1
        _open_logs.discard(self)

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def metrics(self, record: dict[str, Any]) -> None:
        """Append what a step measured. `record["step"]` is what `rewind` goes by; NaN and infinity become null."""
        disk.append(self.root / "metrics.jsonl", tables.json_line(record))

    def evaluation(self, record: dict[str, Any]) -> None:
        """Append the result of an evaluation, likewise."""
        disk.append(self.root / "evals.jsonl", tables.json_line(record))

    def samples(self, step: int, rows: list[dict[str, Any]]) -> None:
        """Write the replies of a step as one Parquet file, replacing an earlier one of that step."""
        file = _samples_file(self.root, step)
        with disk.writing(file):
            disk.write_whole(file, tables.parquet(rows))

    def checkpoint(self, step: int, write: Callable[[Path], None]) -> Path:
        """Let `write` fill a folder and seal it as the checkpoint of `step`; once this returns, a crash cannot undo it.

        A step that already has a whole checkpoint keeps it. When the disk refuses, RunError, and the earlier ones stay.
        """
        folder = self.root / "checkpoints" / f"step-{step:06d}"
        if folder.exists() and disk.is_whole(folder):
            return folder
        draft = folder.with_name(disk.DRAFT + folder.name)
        with disk.writing(folder):
            try:
                self._discard(folder)
                shutil.rmtree(draft, ignore_errors=True)
                draft.mkdir()
                disk.at(f"before write {draft.name}")
                write(draft)
                disk.at(f"after write {draft.name}")
                for log in self._logs():
                    disk.fsync(log)
                disk.seal(draft, step)
                disk.rename(draft, folder)
                self._retire()
            except Exception:
                shutil.rmtree(draft, ignore_errors=True)  # give the disk its space back
                raise
        return folder

    def latest(self) -> tuple[int, Path] | None:
        """The newest checkpoint whose bytes match its manifest, or None before the first.

        A damaged one is skipped with a warning. Raises CheckpointError when every one is damaged: starting afresh
        would hide the loss.
        """
        for draft in self.root.glob(f"checkpoints/{disk.DRAFT}*"):
            shutil.rmtree(draft, ignore_errors=True)
        found = self._checkpoints()
        for step, folder in found:
            try:
                disk.verify(folder)
            except CheckpointError as error:
                self.warn(f"{error}; looking for an older checkpoint")
            else:
                return step, folder
        if found:
            raise CheckpointError(
                f"{found[0][1].parent}: none of the {len(found)} checkpoints is whole. Restore one from a copy, or "
                f"start again in another folder"
            )
        return None

    def rewind(self, step: int) -> None:
        """Forget what came after `step`, so that a resumed run's log equals an uninterrupted one. -1 forgets all."""
        with disk.writing(self.root):
            for later, folder in self._checkpoints():
                if later > step:
                    self._discard(folder)
            self._retire()
            for file in self._logs():
                records = list(tables.records(file))
                kept = [line for line, record in records if record.get("step", 0) <= step]
                if len(kept) < len(records):
                    disk.write_whole(file, b"".join(kept))
            for file in (self.root / "samples").glob("step-*.parquet"):
                if disk.step_of(file) > step:
                    file.unlink()

    def forget(self, step: int) -> None:
        """Give up the checkpoints after `step`; the run then goes on from the newest that is left."""
        with disk.writing(self.root):
            for later, folder in self._checkpoints():
                if later > step:
                    self._discard(folder)

    def _logs(self) -> list[Path]:
        """Its own logs, and no other file of somebody's that may lie beside them."""
        return [file for name in LOGS if (file := self.root / name).exists()]

    def _checkpoints(self) -> list[tuple[int, Path]]:
        """Newest first."""
        folders = self.root.glob("checkpoints/step-*/")
        return sorted(((disk.step_of(folder), folder) for folder in folders if disk.step_of(folder) >= 0), reverse=True)

    def _retire(self) -> None:
        """Delete what is older than the newest `keep` whole checkpoints. Damaged ones do not count."""
        found, whole = self._checkpoints(), 0
        for _, folder in found if len(found) > self.keep else []:
            if whole == self.keep:
                self._discard(folder)
            else:
                whole += disk.is_whole(folder)

    def _discard(self, folder: Path) -> None:
        """Take the name away first: half of a deleted checkpoint must not look like a damaged one."""
        if folder.exists():
            doomed = folder.with_name(f"{disk.DRAFT}old-{folder.name}")
            shutil.rmtree(doomed, ignore_errors=True)
            disk.rename(folder, doomed)
            shutil.rmtree(doomed)


def read_samples(root: Path, step: int) -> list[dict[str, Any]]:
    """The rows that `RunLog.samples` wrote for a step."""
    return tables.read_parquet(_samples_file(Path(root), step))


_open_logs: set[RunLog] = set()


def _let_go() -> None:
    """A forked worker that outlives its parent must not hold the parent's lock."""
    for log in list(_open_logs):
        log.close()


os.register_at_fork(after_in_child=_let_go)


def take_lock(file: Path) -> int:
    """The kernel drops this lock with the process, however that ends, so no lock is ever stale."""
    lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    except OSError as error:
        owner = os.pread(lock, 32, 0).decode().strip()
        os.close(lock)
        if not isinstance(error, BlockingIOError):
            raise
        who = f"process {owner}" if owner else "another process"
        raise RunError(f"{file.parent} is already in use by {who}: wait for it to end, or use another folder") from None
    return lock


def _agree(file: Path, text: str, ignore: Sequence[str]) -> None:
    """Keep the settings of a new run; refuse others in an old one."""
    if file.exists():
        if file.read_bytes() == text.encode():
            return
        try:
            old = _flat(tomllib.loads(file.read_text(encoding="utf-8")))
        except ValueError as error:
            raise RunError(f"{file} cannot be read: {error}. Use another folder") from None
        new = _flat(tomllib.loads(text))
        for key in dict.fromkeys([*old, *new]):
            ignored = any(f"{key}.".startswith(f"{name}.") for name in ignore)
            if old.get(key) != new.get(key) and not ignored:
                before, now = (side.get(key, f"no {key}") for side in (old, new))
                raise RunError(f"{file} has `{before}`, now it is `{now}`: use the same settings, or another folder")
    disk.write_whole(file, text.encode())


def _flat(table: dict[str, Any], at: str = "") -> dict[str, str]:
    """Every setting by its dotted name, as a line that shows it."""
    lines: dict[str, str] = {}
    for key, value in table.items():
        inner = _flat(value, f"{at}{key}.") if isinstance(value, dict) else {}
        lines |= inner or {at + key: f"{at}{key} = {json.dumps(value, default=str)}"}
    return lines


def _samples_file(root: Path, step: int) -> Path:
    return root / "samples" / f"step-{step:06d}.parquet"
