"""Where a run was started: machine, versions and command, kept beside what it measured."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import sys
from contextlib import suppress
from pathlib import Path

import aha
from aha import disk


def record(file: Path) -> None:
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
        "cpu": cpu_model(),
        "argv": sys.argv,
    }
    disk.write_whole(file, json.dumps([*starts, start], indent=2).encode() + b"\n")


def cpu_model() -> str:
    """What the processor calls itself."""
    with suppress(OSError):
        match = re.search(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if match:
            return match[1]
    return platform.processor() or platform.machine()
