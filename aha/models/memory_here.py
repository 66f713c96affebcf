"""How much memory this machine has and how much of it is free, where a container may allow less than there is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

UNLIMITED = 1 << 60
"""A limit from here on is none."""
V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
V2 = ("memory.max", "memory.current", "inactive_file")
"""For each version of control groups the files of the limit and of what is used, and what of that is only cached files."""


def available(root: Path = Path("/")) -> int:
    """Bytes that a program may still take: this machine's memory less what is in use, within its control group's limits."""
    return memory_here(root)[1]


def memory_here(root: Path = Path("/")) -> tuple[int, int]:
    """(all, free) bytes of memory, the less of the machine's and of every control group's this process is in.

    `root` is where proc and sys are. Without them the system is asked, and what it does not tell is taken to be free.
    """
    total, free = _machine(root)
    for limit, used in _groups(root):
        if limit < UNLIMITED:
            total, free = min(total, limit), min(free, max(0, limit - used))
    return total, free


def _machine(root: Path) -> tuple[int, int]:
    with suppress(OSError, ValueError, KeyError):
        rows = (line.split() for line in (root / "proc/meminfo").read_text().splitlines())
        told = {row[0].rstrip(":"): int(row[1]) << 10 for row in rows if len(row) > 1}
        return told["MemTotal"], told["MemAvailable"]
    page = os.sysconf("SC_PAGE_SIZE")
    total = page * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):  # macOS does not tell
        return total, page * os.sysconf("SC_AVPHYS_PAGES")
    return total, total


def _groups(root: Path) -> Iterator[tuple[int, int]]:
    """(limit, used) of the group this process is in and those above it, as far as they can be seen from here."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = (line.split(":", 2) + ["", ""])[:3]
        if controllers and "memory" not in controllers.split(","):
            continue
        base, names = (root / "sys/fs/cgroup/memory", V1) if controllers else (root / "sys/fs/cgroup", V2)
        within = Path(path.lstrip("/"))
        for folder in dict.fromkeys((within, *within.parents)):
            with suppress(OSError, ValueError):
                yield _group(base / folder, names)


def _group(folder: Path, names: tuple[str, str, str]) -> tuple[int, int]:
    limit, used = ((folder / name).read_text().strip() for name in names[:2])
    cached = 0
    with suppress(OSError, ValueError):
        rows = (line.split() for line in (folder / "memory.stat").read_text().splitlines())
        cached = next((int(count) for name, count in rows if name == names[2]), 0)
    return UNLIMITED if limit == "max" else int(limit), int(used) - cached
