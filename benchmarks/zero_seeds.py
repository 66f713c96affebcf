"""How far R1-Zero comes in the time of the demo, and how much that depends on the seed.

    python -m benchmarks.zero_seeds --test test.parquet [--seeds 1 2 3] [--out runs/seeds] [--json] [-- --grpo.lr 1e-4]

Each seed is a whole run of `recipes/zero.toml` (further settings after `--`), then an evaluation on the test file's
first `--questions` rows of three numbers, 16 replies each at temperature 1. Runs and evaluations that are done are
not repeated. The spread is the standard deviation between seeds; intervals of one seed are over questions.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from aha.stats import mean_and_spread

ROOT = Path(__file__).resolve().parent.parent


def train(out: Path, seed: int, settings: list[str]) -> None:
    """A run of the recipe in `out`, or the rest of it."""
    words = [sys.executable, "-m", "aha", "run", str(ROOT / "recipes" / "zero.toml")]
    subprocess.run([*words, f"--out={out}", f"--seed={seed}", *settings], check=True, stdout=sys.stderr)


def measure(out: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The evaluation of a run, kept in its folder."""
    kept = out / "test.json"
    if not kept.exists():
        words = [sys.executable, "-m", "aha", "eval", str(out), "--test", str(options.test), "--json"]
        words += ["--questions", str(options.questions), "--samples", str(options.samples)]
        words += ["--numbers", str(options.numbers), "--max-tokens", str(options.max_tokens)]
        done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
        kept.write_text(done.stdout)
    return json.loads(kept.read_text())


def row(out: Path, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """What one seed came to."""
    found = measure(out, options)
    steps = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return {
        "seed": seed, "steps": len(steps), "training_seconds": round(sum(step["seconds/step"] for step in steps)),
        "pass@1": found["pass@1"], "pass@1_low": found["pass@1_low"], "pass@1_high": found["pass@1_high"],
        "votes": found["cons@k"][str(options.samples)], "votes_low": found["cons_low"], "votes_high": found["cons_high"],
        "pass@k": found["pass@k"][str(options.samples)], "length": found["length_mean"], "reflection": found["reflection"],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--out", type=Path, default=Path("runs/seeds"))
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--numbers", type=int, default=3)
    parser.add_argument("--max-tokens", type=int, default=480)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("settings", nargs="*", help="settings of the recipe, after --")
    options = parser.parse_args()
    rows = []
    for seed in options.seeds:
        out = options.out / f"seed-{seed}"
        train(out, seed, options.settings)
        rows.append(row(out, seed, options))
    whole = {name: vars_of([r[name] for r in rows]) for name in ("pass@1", "votes", "pass@k", "length", "reflection")}
    print(json.dumps({"rows": rows, "mean_and_spread": whole}) if options.json else readable(rows, whole))


def vars_of(values: list[float]) -> dict[str, float | None]:
    """Mean and standard deviation between seeds."""
    found = mean_and_spread(values)
    return {"mean": found.mean, "spread": found.sd}


def readable(rows: list[dict[str, Any]], whole: dict[str, dict[str, float | None]]) -> str:
    """The table for people."""
    lines = [f"{'seed':>6}{'training':>10}{'pass@1':>24}{'votes':>24}{'pass@k':>8}{'length':>8}{'reflection':>11}"]
    for r in rows:
        lines.append(
            f"{r['seed']:>6}{r['training_seconds']:>8} s{percent(r, 'pass@1'):>24}{percent(r, 'votes'):>24}"
            f"{100 * r['pass@k']:>8.1f}{r['length']:>8.1f}{r['reflection']:>11.2f}"
        )
    for name, found in whole.items():
        spread = "" if found["spread"] is None else f" +- {found['spread']:.4f}"
        lines.append(f"{name:>12}: mean {found['mean']:.4f}{spread} over {len(rows)} seeds")
    return "\n".join(lines)


def percent(r: dict[str, Any], name: str) -> str:
    """`73.9 (71.9 to 75.9)`"""
    return f"{100 * r[name]:.1f} ({100 * r[name + '_low']:.1f} to {100 * r[name + '_high']:.1f})"


if __name__ == "__main__":
    main()
