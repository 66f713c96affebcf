"""Where a piece of aha's work spends its time: PyTorch's operations and the compiled loops in one table."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import torch
from torch.profiler import ProfilerActivity, profile, record_function

LOOPS = {
    "aha.models.decode": ("attend", "norm_loop", "add_norm_loop", "swiglu_loop"),
    "aha.rollout.engine_run": ("draw",),
}
"""Loops of sampling, which PyTorch's profiler would not see. Those of training count to the function they are called in."""


def profiled(work: Callable[[], Any], rows: int = 15) -> None:
    """Do `work` with one thread, and print on stderr the operations that most of its time goes to."""
    torch.set_num_threads(1)
    with ExitStack() as patches:
        for module, names in LOOPS.items():
            for name in names:
                loop = getattr(importlib.import_module(module), name)
                patches.enter_context(patch(f"{module}.{name}", _recorded(name, loop)))
        began, worked = time.perf_counter(), time.process_time()
        with profile(activities=[ProfilerActivity.CPU]) as trace:
            work()
        seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    table = trace.key_averages().table(sort_by="self_cpu_time_total", row_limit=rows, max_name_column_width=48)
    print(table, f"{seconds:.2f} s, {cpu:.2f} s of the processor, one thread", sep="\n", file=sys.stderr)


def _recorded(name: str, loop: Callable[..., Any]) -> Callable[..., Any]:
    def call(*words: Any) -> Any:
        with record_function(name):
            return loop(*words)

    return call
