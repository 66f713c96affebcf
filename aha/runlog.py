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

A kill at any instant leaves the checkpoints announced before it, and never half of a new one. A file's bytes reach
the disk before its name does. Left out: shared folders without `flock`, and checkpoints written by several ranks.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import importlib.metadata
import io
import json
import math
import os
import platform
import re
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import aha
from aha.errors import CheckpointError, RunError

MANIFEST = "manifest.json"
_DRAFT = ".draft-"

_checkpointed_write_hook: Callable[[str], None] | None = None
"""Called with a label before and after every write, fsync and rename; tests set it to fail or die there."""


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
        with _writing(root):
            for folder in (root, root / "samples", root / "checkpoints"):
                folder.mkdir(parents=True, exist_ok=True)
            log = cls(root, _take_lock(root / "lock"), keep)
            try:
                _agree(root / "settings.toml", settings_text, ignore)
                _record_environment(root / "environment.json")
                for name in ("metrics.jsonl", "evals.jsonl"):
                    _mend(root / name)
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
        _append(self.root / "metrics.jsonl", record)

    def evaluation(self, record: dict[str, Any]) -> None:
        """Append the result of an evaluation, likewise."""
        _append(self.root / "evals.jsonl", record)

    def samples(self, step: int, rows: list[dict[str, Any]]) -> None:
        """Write the replies of a step as one Parquet file, replacing an earlier one of that step."""
        file = _samples_file(self.root, step)
        with _writing(file):
            _write_whole(file, _parquet(rows))

    def checkpoint(self, step: int, write: Callable[[Path], None]) -> Path:
        """Let `write` fill a folder and seal it as the checkpoint of `step`; once this returns, a crash cannot undo it.

        A step that already has a whole checkpoint keeps it. When the disk refuses, RunError, and the earlier ones stay.
        """
        folder = self.root / "checkpoints" / f"step-{step:06d}"
        if folder.exists() and _is_whole(folder):
            return folder
        draft = folder.with_name(_DRAFT + folder.name)
        with _writing(folder):
            try:
                self._discard(folder)
                shutil.rmtree(draft, ignore_errors=True)
                draft.mkdir()
                _at(f"before write {draft.name}")
                write(draft)
                _at(f"after write {draft.name}")
                for log in self.root.glob("*.jsonl"):
                    _fsync(log)
                _seal(draft, step)
                _rename(draft, folder)
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
        for draft in self.root.glob(f"checkpoints/{_DRAFT}*"):
            shutil.rmtree(draft, ignore_errors=True)
        found = self._checkpoints()
        for step, folder in found:
            try:
                verify(folder)
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
        with _writing(self.root):
            for later, folder in self._checkpoints():
                if later > step:
                    self._discard(folder)
            self._retire()
            for file in self.root.glob("*.jsonl"):
                records = list(_records(file))
                kept = [line for line, record in records if record.get("step", 0) <= step]
                if len(kept) < len(records):
                    _write_whole(file, b"".join(kept))
            for file in (self.root / "samples").glob("step-*.parquet"):
                if _step_of(file) > step:
                    file.unlink()

    def _checkpoints(self) -> list[tuple[int, Path]]:
        """Newest first."""
        folders = self.root.glob("checkpoints/step-*/")
        return sorted(((_step_of(folder), folder) for folder in folders if _step_of(folder) >= 0), reverse=True)

    def _retire(self) -> None:
        """Delete what is older than the newest `keep` whole checkpoints. Damaged ones do not count."""
        found, whole = self._checkpoints(), 0
        for _, folder in found if len(found) > self.keep else []:
            if whole == self.keep:
                self._discard(folder)
            else:
                whole += _is_whole(folder)

    def _discard(self, folder: Path) -> None:
        """Take the name away first: half of a deleted checkpoint must not look like a damaged one."""
        if folder.exists():
            doomed = folder.with_name(f"{_DRAFT}old-{folder.name}")
            shutil.rmtree(doomed, ignore_errors=True)
            _rename(folder, doomed)
            shutil.rmtree(doomed)


def verify(folder: Path) -> None:
    """Raise CheckpointError, naming the file, unless every byte of a checkpoint is what its manifest promises."""
    file = folder / MANIFEST
    try:
        manifest = json.loads(file.read_bytes())
        if _step_of(folder) not in (-1, manifest["step"]):
            raise CheckpointError(f"{file} is that of step {manifest['step']}")
        for name, promised in manifest["files"].items():
            file = folder / name
            if file.stat().st_size != promised["size"]:
                raise CheckpointError(f"{file} has {file.stat().st_size} bytes, not {promised['size']}")
            if _sha256(file) != promised["sha256"]:
                raise CheckpointError(f"{file} has changed since it was written: its SHA-256 differs")
    except FileNotFoundError:
        raise CheckpointError(f"{file} is missing") from None
    except OSError as error:
        raise CheckpointError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CheckpointError(f"{file} is damaged: it is not a manifest") from None


def read_jsonl(file: Path) -> list[dict[str, Any]]:
    """The records of a log. A last line cut short by a crash is left out; damage elsewhere is an error."""
    return [record for _, record in _records(file)]


def read_samples(root: Path, step: int) -> list[dict[str, Any]]:
    """The rows that `RunLog.samples` wrote for a step."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = _samples_file(Path(root), step)
    try:
        return pq.read_table(file).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"{file} cannot be read: {error}") from None


_open_logs: set[RunLog] = set()


def _let_go() -> None:
    """A forked worker that outlives its parent must not hold the parent's lock."""
    for log in list(_open_logs):
        log.close()


os.register_at_fork(after_in_child=_let_go)


def _at(label: str) -> None:
    if _checkpointed_write_hook is not None:
        _checkpointed_write_hook(label)


_ADVICE = {
    errno.ENOSPC: "free some disk space",
    errno.EDQUOT: "free some disk space",
    errno.EACCES: "make the folder writable",
    errno.EROFS: "make the folder writable",
}


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn a disk's refusal into a RunError. Libraries that write tensors report a full disk in errors of their own."""
    try:
        yield
    except Exception as error:
        refused = isinstance(error, OSError) or "No space left" in str(error)
        if isinstance(error, RunError) or not refused:
            raise
        number = error.errno if isinstance(error, OSError) else errno.ENOSPC
        advice = _ADVICE.get(number or 0, "check the disk")
        reason = getattr(error, "strerror", None) or error
        raise RunError(
            f"{path} cannot be written: {reason}. What was saved before is whole: {advice}, then start again "
            f"in the same folder"
        ) from error


def _fsync(path: Path) -> None:
    _at(f"before fsync {path.name}")
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    _at(f"after fsync {path.name}")


def _rename(source: Path, target: Path) -> None:
    _at(f"before rename {target.name}")
    os.rename(source, target)
    _at(f"after rename {target.name}")
    _fsync(target.parent)


def _write(file: Path, data: bytes) -> None:
    _at(f"before write {file.name}")
    file.write_bytes(data)
    _at(f"after write {file.name}")
    _fsync(file)


def _write_whole(file: Path, data: bytes) -> None:
    """Write a file that is never seen half written."""
    draft = file.with_name(_DRAFT + file.name)
    _write(draft, data)
    _rename(draft, file)


def _append(file: Path, record: dict[str, Any]) -> None:
    line = json.dumps(_finite(record), allow_nan=False, default=str) + "\n"
    with _writing(file):
        _at(f"before write {file.name}")
        with file.open("ab") as stream:
            stream.write(line.encode())
        _at(f"after write {file.name}")


def _finite(value: Any) -> Any:
    """A value as JSON can hold it: arrays and tensors as numbers, NaN and infinity as None."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _records(file: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Each line with its record."""
    lines = file.read_bytes().splitlines(keepends=True) if file.exists() else []
    for number, line in enumerate(lines, 1):
        try:
            yield line, dict(json.loads(line))
        except (ValueError, TypeError):
            if line.endswith(b"\n"):
                raise RunError(f"{file}:{number}: not a JSON record; mend or delete this line") from None


def _mend(file: Path) -> None:
    """End the last line, or remove what a crash left of it, so that the next record starts on a line of its own."""
    data = file.read_bytes() if file.exists() else b""
    tail = data.rpartition(b"\n")[2]
    if not tail:
        return
    try:
        json.loads(tail)
    except ValueError:
        os.truncate(file, len(data) - len(tail))
    else:
        with file.open("ab") as stream:
            stream.write(b"\n")


def _take_lock(file: Path) -> int:
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
    _write_whole(file, text.encode())


def _flat(table: dict[str, Any], at: str = "") -> dict[str, str]:
    """Every setting by its dotted name, as a line that shows it."""
    lines: dict[str, str] = {}
    for key, value in table.items():
        inner = _flat(value, f"{at}{key}.") if isinstance(value, dict) else {}
        lines |= inner or {at + key: f"{at}{key} = {json.dumps(value, default=str)}"}
    return lines


def _record_environment(file: Path) -> None:
    """Add this start to the list of starts."""
    starts = []
    with suppress(FileNotFoundError, ValueError):
        starts = json.loads(file.read_bytes())
    torch = None
    with suppress(importlib.metadata.PackageNotFoundError):
        torch = importlib.metadata.version("torch")
    start = {
        "aha": aha.__version__,
        "python": platform.python_version(),
        "torch": torch,
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "cpu": _cpu_model(),
        "argv": sys.argv,
    }
    _write_whole(file, json.dumps([*starts, start], indent=2).encode() + b"\n")


def _cpu_model() -> str:
    with suppress(OSError):
        match = re.search(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if match:
            return match[1]
    return platform.processor() or platform.machine()


def _seal(draft: Path, step: int) -> None:
    """Put every byte on the disk, then the manifest that promises them."""
    files = sorted(path for path in draft.rglob("*") if path.is_file())
    promised = {}
    for file in files:
        _fsync(file)
        promised[file.relative_to(draft).as_posix()] = {"size": file.stat().st_size, "sha256": _sha256(file)}
    manifest = {"step": step, "aha": aha.__version__, "files": promised}
    _write(draft / MANIFEST, json.dumps(manifest, indent=2).encode() + b"\n")
    for folder in [*(path for path in draft.rglob("*") if path.is_dir()), draft]:
        _fsync(folder)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _is_whole(folder: Path) -> bool:
    with suppress(CheckpointError):
        verify(folder)
        return True
    return False


def _step_of(path: Path) -> int:
    """The step in a name of ours, -1 for any other name."""
    match = re.fullmatch(r"step-(\d+)(\.parquet)?", path.name)
    return int(match[1]) if match else -1


def _samples_file(root: Path, step: int) -> Path:
    return root / "samples" / f"step-{step:06d}.parquet"


def _parquet(rows: Sequence[dict[str, Any]]) -> bytes:
    """Rows as Parquet bytes. A column whose values share no type is kept as JSON text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row.get(name) for row in rows]
        try:
            column = pa.array(values)
            pq.write_table(pa.table({name: column}).slice(0, 0), io.BytesIO())  # a few types exist in memory only
        except (pa.ArrowException, UnicodeError, OverflowError, TypeError):
            column = pa.array([json.dumps(value, default=str) for value in values])
        columns[name] = column
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()
