"""Files that outlive a kill or a full disk: written so, sealed under a manifest, and verified.

A file's bytes reach the disk before its name does, and a folder's manifest is written after all that it promises.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import aha
from aha.errors import CheckpointError, RunError

MANIFEST = "manifest.json"
DRAFT = ".draft-"
"""Begins every name that a crash may leave behind; nothing of value carries it."""

_checkpointed_write_hook: Callable[[str], None] | None = None
"""Called with a label before and after every write, fsync and rename; tests set it to fail or die there."""


def at(label: str) -> None:
    """Tell the hook that a write, fsync or rename is about to happen, or has."""
    if _checkpointed_write_hook is not None:
        _checkpointed_write_hook(label)


_ADVICE = {
    errno.ENOSPC: "free some disk space",
    errno.EDQUOT: "free some disk space",
    errno.EACCES: "make the folder writable",
    errno.EROFS: "make the folder writable",
}


@contextmanager
def writing(path: Path) -> Iterator[None]:
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


def fsync(path: Path) -> None:
    """Return once a file, or a folder's list of names, is on the disk."""
    at(f"before fsync {path.name}")
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    at(f"after fsync {path.name}")


def rename(source: Path, target: Path) -> None:
    """Rename, and return once the new name is on the disk."""
    at(f"before rename {target.name}")
    os.rename(source, target)
    at(f"after rename {target.name}")
    fsync(target.parent)


def _write(file: Path, data: bytes) -> None:
    at(f"before write {file.name}")
    file.write_bytes(data)
    at(f"after write {file.name}")
    fsync(file)


def write_whole(file: Path, data: bytes) -> None:
    """Write a file that is never seen half written."""
    draft = file.with_name(DRAFT + file.name)
    _write(draft, data)
    rename(draft, file)


def append(file: Path, data: bytes) -> None:
    """Add to the end of a log. No fsync, which would slow every step: the next checkpoint sees to it."""
    with writing(file):
        at(f"before write {file.name}")
        with file.open("ab") as stream:
            stream.write(data)
        at(f"after write {file.name}")


def seal(draft: Path, step: int) -> None:
    """Put every byte on the disk, then the manifest that promises them."""
    files = sorted(path for path in draft.rglob("*") if path.is_file())
    promised = {}
    for file in files:
        fsync(file)
        promised[file.relative_to(draft).as_posix()] = {"size": file.stat().st_size, "sha256": _sha256(file)}
    manifest = {"step": step, "aha": aha.__version__, "files": promised}
    _write(draft / MANIFEST, json.dumps(manifest, indent=2).encode() + b"\n")
    for folder in [*(path for path in draft.rglob("*") if path.is_dir()), draft]:
        fsync(folder)


def verify(folder: Path) -> None:
    """Raise CheckpointError, naming the file, unless every byte of a checkpoint is what its manifest promises."""
    file = folder / MANIFEST
    try:
        manifest = json.loads(file.read_bytes())
        if step_of(folder) not in (-1, manifest["step"]):
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


def is_whole(folder: Path) -> bool:
    """Whether every byte of a checkpoint is what its manifest promises."""
    with suppress(CheckpointError):
        verify(folder)
        return True
    return False


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def step_of(path: Path) -> int:
    """The step in a name of ours, -1 for any other name."""
    match = re.fullmatch(r"step-(\d+)(\.parquet)?", path.name)
    return int(match[1]) if match else -1
