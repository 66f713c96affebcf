"""Which run folders lie under the folder that is shown, and at which of them a process is at work.

A name that a client sends is never joined to a path: it is looked up among the folders that were found.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

DEEP = 4
"""Levels of folders that are looked through."""
MOST_RUNS = 1000
MOST_FOLDERS = 20_000
SIGNS = ("stages", "metrics.jsonl", "evals.jsonl", "settings.toml")
"""A folder that holds one of these is a run."""
FRESH = 1.0
"""Seconds for which a look around is good."""


@dataclass(frozen=True, slots=True)
class Found:
    """A run folder, and a sentence where it must not be read."""

    name: str
    folder: Path
    trouble: str = ""


class Folders:
    """The run folders under `root`, looked up again when a second has passed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._runs: dict[str, Found] = {}
        self._looked = -FRESH

    def all(self) -> dict[str, Found]:
        """Every run by its name: its path below the root."""
        with self._lock:
            if time.monotonic() - self._looked > FRESH:
                self._runs = {found.name: found for found in self._look()}
                self._looked = time.monotonic()
            return self._runs

    def _look(self) -> Iterator[Found]:
        root = self.root.resolve()
        seen, runs = 0, 0
        waiting = [(root, 0)]
        while waiting and seen < MOST_FOLDERS and runs < MOST_RUNS:
            folder, depth = waiting.pop()
            seen += 1
            try:
                entries = list(os.scandir(folder))
            except OSError:
                continue
            if any(entry.name in SIGNS for entry in entries):
                runs += 1
                name = folder.relative_to(root).as_posix() if folder != root else root.name
                yield Found(readable(name), folder, leads_out(root, folder))
            elif depth < DEEP:
                below = [e.path for e in entries if not e.name.startswith(".") and e.is_dir(follow_symlinks=False)]
                waiting += [(Path(path), depth + 1) for path in below]


def readable(name: str) -> str:
    """A file's name as text that can be sent: bytes that are no UTF-8 are written out."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def leads_out(root: Path, run: Path) -> str:
    """A sentence where a link in the run, or in a stage of it, leads to a place outside of `root`; else empty."""
    stages = run / "stages"
    folders = [run, stages, run / "samples"]
    with suppress(OSError):
        folders += [Path(e.path) for e in os.scandir(stages) if e.is_dir(follow_symlinks=False)]
    folders += [folder / "samples" for folder in folders[3:]]
    for folder in folders:
        try:
            links = [entry.path for entry in os.scandir(folder) if entry.is_symlink()]
        except OSError:
            continue
        for link in links:
            if not Path(os.path.realpath(link)).is_relative_to(root):
                return f"{readable(os.path.relpath(link, run))} is a link that leads out of the served folder"
    return ""


def at_work(lock: Path) -> bool:
    """Whether a process holds the lock file of a run. Where the system lists no locks: whether its writer lives."""
    try:
        status, owner = lock.stat(), lock.read_text(errors="replace").strip()
        table = Path("/proc/locks").read_text()
    except FileNotFoundError:
        return lock.exists() and _lives(lock)
    except OSError:
        return False
    for row in table.splitlines():
        words = row.split()
        if len(words) < 6 or words[1] != "FLOCK":
            continue
        major, minor, inode = words[5].split(":")
        device = os.makedev(int(major, 16), int(minor, 16))
        if int(inode) == status.st_ino and (device == status.st_dev or words[4] == owner):  # layered disks tell others
            return True
    return False


def _lives(lock: Path) -> bool:
    try:
        os.kill(int(lock.read_text()), 0)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return True
