"""Whole GRPO steps, aha beside TRL 1.16, on the same weights and prompts, alternating in one run.

    python benchmarks/grpo_vs_trl.py [--model tiny] [--threads 2 1] [--rounds 2] [--steps 3] [--profile] [--json]

32 prompts x 16 replies of at most 256 tokens, temperature 1, no KL term. TRL runs in fp32 and bf16, each at the fastest
of a few micro-batches and modes, without checkpointing; both sides get the same allocator settings. Each measurement is
a process of its own with one untimed step first. `peak` is the share of the measured matrix peak that training reaches.
Needs `pip install -e ".[trl]"`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from aha.models.folder import resolve  # noqa: E402
from aha.tasks.countdown import generate  # noqa: E402

ALLOCATOR = {"MALLOC_TRIM_THRESHOLD_": "2147483647", "MALLOC_MMAP_THRESHOLD_": "1073741824"}
"""What `aha.models.allocator` asks for, given to TRL's processes too."""


def side(name: str, model: Path, *words: str) -> dict[str, Any]:
    """Run one side, a module of this package, in its own process and read its report."""
    command = [sys.executable, "-m", f"benchmarks.{name}", str(model), "--json", *words]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | ALLOCATOR, check=True, stdout=subprocess.PIPE, text=True)
    report = json.loads(done.stdout.splitlines()[-1])
    print(f"{name} {report['dtype']}: {report.get('seconds', '')} s", file=sys.stderr)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--threads", type=int, nargs="+", default=[2, 1])
    parser.add_argument("--rounds", type=int, default=2, help="alternations of the two sides")
    parser.add_argument("--steps", type=int, default=3, help="timed steps of each measurement")
    parser.add_argument("--micro", type=int, nargs="+", default=[16, 64], help="TRL's micro-batches to try")
    parser.add_argument("--dtypes", nargs="+", choices=["bf16", "fp32"], default=["bf16", "fp32"])
    parser.add_argument("--profile", action="store_true", help="print where one of aha's steps spends its time")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    model = resolve(options.model).resolve()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        prompts = Path(folder) / "prompts.jsonl"
        problems = generate(32, seed=7)
        prompts.write_text("".join(json.dumps({"prompt": p.prompt}) + "\n" for p in problems))
        for threads in options.threads:
            rows += compare(model, threads, options, prompts)
    print(json.dumps({"machine": machine(), "rows": rows}) if options.json else readable(rows))


def compare(model: Path, threads: int, options: argparse.Namespace, prompts: Path) -> list[dict[str, Any]]:
    """All configurations at one number of threads, in turn, `rounds` times."""
    shared = ["--threads", str(threads), "--steps", str(options.steps), "--prompts", str(prompts)]
    runs: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for number in range(options.rounds):
        for dtype in options.dtypes:
            traced = ["--profile"] if options.profile and number == 0 and dtype == "bf16" else []
            runs.setdefault(("aha", dtype), []).append(side("aha_side", model, "--dtype", dtype, *shared, *traced))
            chosen = runs.get(("trl", dtype))
            best = (
                ["--micro", str(chosen[0]["micro"]), "--mode", chosen[0]["mode"]]
                if chosen
                else ["--micro", *map(str, options.micro)]
            )
            runs.setdefault(("trl", dtype), []).append(side("trl_side", model, "--dtype", dtype, *shared, *best))
    best_trl = min(statistics.mean(seconds(run)) for (who, _), run in runs.items() if who == "trl")
    return [
        {"side": who, "dtype": dtype, "threads": threads}
        | together(run)
        | {"times_best_trl": round(best_trl / statistics.mean(seconds(run)), 2)}
        for (who, dtype), run in runs.items()
    ]


def seconds(run: list[dict[str, Any]]) -> list[float]:
    """Seconds of every timed step of all rounds."""
    return [value for report in run for value in report["seconds"]]


def together(run: list[dict[str, Any]]) -> dict[str, Any]:
    """One row of the table: means over rounds, spread over steps."""
    times = seconds(run)
    means = {
        name: round(statistics.mean(report[name] for report in run), 3)
        for name in ("sample_per_second", "train_per_second", "sampled_tokens", "peak_rss_gib", "peak_share")
        if name in run[0]
    }
    return {
        "seconds_per_step": round(statistics.mean(times), 2), "fastest": min(times), "slowest": max(times),
        "steps": len(times), "micro": run[0]["micro"], "mode": run[0].get("mode", ""),
    } | means  # fmt: skip


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    from importlib.metadata import version

    names = [
        line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    return {
        "processor": names[0] if names else platform.processor(), "cores": os.cpu_count(),
        **{package: version(package) for package in ("torch", "trl", "transformers")},
        "date": time.strftime("%Y-%m-%d"), "command": " ".join(["python", *sys.argv]),
    }  # fmt: skip


def readable(rows: list[dict[str, Any]]) -> str:
    """The table for people."""
    lines = [
        str(machine()),
        f"{'':14}{'s/step':>8}{'range':>16}{'sampled/s':>11}{'trained/s':>11}{'GiB':>6}{'peak':>7}{'x TRL':>7}",
    ]
    for r in rows:
        name = f"{r['side']} {r['dtype']} {r['threads']}t"
        spread = f"{r['fastest']}-{r['slowest']}"
        peak = f"{100 * r['peak_share']:.0f} %" if "peak_share" in r else ""
        lines.append(
            f"{name:14}{r['seconds_per_step']:8.2f}{spread:>16}{r['sample_per_second']:11.0f}{r['train_per_second']:11.0f}"
            f"{r['peak_rss_gib']:6.2f}{peak:>7}{r['times_best_trl']:7.1f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
