"""SmolLM2-135M on this machine's processor: GRPO, fine-tuning and sampling of aha beside TRL 1.16 and transformers.

    python -m benchmarks.smollm2_vs_trl [--what grpo sft sample] [--rounds 2] [--steps 2] [--dtypes bf16] [--data FOLDER]
                                         [--profile] [--json]

    grpo     8 questions of GSM8K x 8 replies of at most 160 tokens, temperature 1, no KL term, one update
    sft      32 worked solutions of GSM8K, of which the replies are learnt; the same ones every step
    sample   32 and 64 questions at a time, replies of exactly 128 tokens, beside plain `generate`

Both sides get the same texts, which have the same tokens (checked), and the same allocator settings. Each measurement is
a process of its own, with an untimed step first, and the sides alternate. TRL runs in each of --dtypes at the fastest of
some layouts, tried for a step each; neither side checkpoints activations. The fastest dtype of each side is compared.
Needs `pip install -e ".[trl,smollm2]"` and GSM8K's training questions: `gsm8k/train.jsonl` in the folder --data or that
the environment variable AHA_DATA names. `--profile` prints what one of aha's steps spends its time in, with one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

from aha.models.precision import fastest
from benchmarks.grpo_vs_trl import machine, side

MEMORY = 0.7
"""At most this share of TRL's peak memory, and at least so many times its speed."""
TIMES = {"grpo": 3.0, "sft": 1.5, "sample": 3.0}
TITLES = {
    "grpo": "GRPO steps an hour",
    "sft": "SFT, prompt and reply tokens a second",
    "sample": "sampled tokens a second",
}
SIDES = {"grpo": ("aha_side", "trl_side"), "sft": ("sft_speed", "trl_sft_side")}
Reports = dict[tuple[str, str], list[dict[str, Any]]]
"""Of (side, dtype), the report of every round."""


def write_texts(model: Path, source: Path, file: Path, count: int) -> None:
    """The first training questions with their solutions, as the model's own template writes them, and their tokens."""
    from aha.chat import Chat, render
    from aha.train import sft
    from aha.types import Example

    if not source.is_file():
        raise SystemExit(f"{source} is missing: --data names a folder that holds gsm8k/train.jsonl")
    rows = [json.loads(line) for line in source.read_text().splitlines()[:count]]
    chat = Chat.load(model)
    examples = [Example(chat.prompt(render(row["question"])), row["answer"]) for row in rows]
    replies = sft.tokenize(examples, chat, sft.Sft())
    if len(replies) < count:
        raise SystemExit(f"{source} has {len(replies)} usable rows among the first {count}")
    lines = [
        {"prompt": e.prompt, "reply": e.reply, "prompt_ids": r.prompt_ids, "reply_ids": r.token_ids}
        for e, r in zip(examples, replies, strict=True)
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def words_of(what: str, who: str, dtype: str, texts: Path, options: argparse.Namespace) -> list[str]:
    """The command line of a side, less its name, the model and --json."""
    shared = ["--threads", str(options.threads), "--dtype", dtype]
    if what == "sample":
        sizes = ["--batches", *map(str, options.rows), "--tokens", "128", "--repeats", "1"]
        return [*shared, *sizes, "--sides", "ours" if who == "aha" else "transformers"]
    shared += ["--steps", str(options.steps), "--warm-up", "1"]
    if what == "sft":
        data = ["--data", str(texts), "--examples", str(options.examples)]
        return [*shared, *data, *(["--micro", str(options.micro), "--lr", "1e-12"] if who == "aha" else [])]
    sizes = ["--problems", "8", "--replies", "8", "--max-tokens", "160", "--prompts", str(texts)]
    micro = [options.micro] if who == "aha" else options.trl_micro
    return [*shared, *sizes, "--micro", *map(str, micro)]


def alternate(what: str, model: Path, texts: Path, options: argparse.Namespace) -> Reports:
    """Both sides in each dtype, in turn. What TRL finds fastest in the first round is kept for the others."""
    reports: Reports = {}
    for number in range(options.rounds):
        for dtype in options.dtypes:
            for i, who in enumerate(("aha", "trl" if what != "sample" else "transformers")):
                words = words_of(what, who, dtype, texts, options)
                if who == "aha" and options.profile and number == 0:
                    words.append("--profile")
                before = reports.setdefault((who, dtype), [])
                for name in ("mode", "micro", "batch") if before and who == "trl" else ():
                    words += [f"--{name}", str(before[0][name])] if name in before[0] else []
                before.append(side(SIDES.get(what, ("smollm2_sampling",) * 2)[i], model, *words))
    return reports


def table(what: str, reports: Reports) -> list[dict[str, Any]]:
    """A row for every side and dtype, of sampling also for every number of rows: speeds over all timed steps, memory."""
    found = []
    for (who, dtype), runs in reports.items():
        row: dict[str, Any] = {"side": who, "dtype": dtype, "gib": max(run["peak_rss_gib"] for run in runs)}
        row |= {name: runs[0][name] for name in ("mode", "batch", "micro", "tried") if name in runs[0]}
        for name in ("sample_per_second", "train_per_second", "peak_share"):
            if name in runs[0]:
                row[name] = statistics.mean(run[name] for run in runs)
        for speeds, more in speeds_of(what, runs):
            summary = {"speed": statistics.mean(speeds), "slowest": min(speeds), "fastest": max(speeds)}
            found.append(row | more | summary | {"measured": len(speeds)})
    return found


def speeds_of(what: str, runs: list[dict[str, Any]]) -> list[tuple[list[float], dict[str, Any]]]:
    """The speed of every timed step of all rounds, in the unit of TITLES; of sampling, for each number of rows."""
    if what == "sample":
        sizes = [rows["rows"] for rows in runs[0]["rows"]]
        return [
            ([speed for run in runs for speed in next(iter(run["rows"][i]["all"].values()))], {"rows": rows})
            for i, rows in enumerate(sizes)
        ]
    seconds = [second for run in runs for second in run["seconds"]]
    if what == "grpo":
        return [([3600 / second for second in seconds], {})]
    tokens = runs[0]["tokens_per_example"] * runs[0]["examples"]
    return [([tokens / second for second in seconds], {})]


def check_same_tokens(reports: Reports) -> None:
    """Raise ValueError if the sides read different numbers of prompt tokens (GRPO) or of all tokens (SFT)."""
    for name in ("prompt_tokens", "tokens_per_example"):
        seen = {run[name] for runs in reports.values() for run in runs if name in run}
        if len(seen) > 1:
            raise ValueError(f"the sides were not given the same texts: {name} {sorted(seen)}")


def verdicts(what: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The fastest dtype of aha against that of the other side."""
    found = []
    for size in sorted({row.get("rows", 0) for row in rows}):
        judged = [row for row in rows if row.get("rows", 0) == size]
        ours, theirs = (
            max((row for row in judged if (row["side"] == "aha") is mine), key=lambda row: row["speed"])
            for mine in (True, False)
        )
        times, memory = ours["speed"] / theirs["speed"], ours["gib"] / theirs["gib"]
        found.append({"times": round(times, 2), "memory": round(memory, 2), "reached": times >= TIMES[what]})
        if size:
            found[-1]["rows"] = size
        if what == "grpo":
            found[-1]["memory_reached"] = memory <= MEMORY
    return found


def readable(what: str, rows: list[dict[str, Any]], found: list[dict[str, Any]]) -> str:
    """The table of one comparison for people."""
    lines = [f"\n{TITLES[what]}", f"{'':24}{'mean':>9}{'range':>20}{'n':>4}{'GiB':>7}{'of peak':>9}"]
    for row in rows:
        name = f"{row['side']} {row['dtype']}" + (f" {row['rows']} rows" if "rows" in row else "")
        spread, share = f"{row['slowest']:.1f} - {row['fastest']:.1f}", row.get("peak_share")
        layout = "  " + str(row.get("batch") or " ".join(str(row[n]) for n in ("mode", "micro") if n in row))
        peak = f"{100 * share:.0f} %" if share else ""
        lines.append(f"{name:24}{row['speed']:9.1f}{spread:>20}{row['measured']:4}{row['gib']:7.2f}{peak:>9}{layout}")
    for verdict in found:
        where = f"{verdict['rows']} rows: " if "rows" in verdict else ""
        limit = f" (at most {MEMORY} wanted)" if what == "grpo" else ""
        lines.append(
            f"{where}{verdict['times']} times the speed (at least {TIMES[what]} wanted), "
            f"{verdict['memory']} of the memory{limit}"
        )
    return "\n".join(lines)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--what", nargs="+", choices=TIMES, default=list(TIMES))
    parser.add_argument("--rounds", type=int, default=2, help="alternations of the sides")
    parser.add_argument("--steps", type=int, default=2, help="timed steps of each measurement")
    parser.add_argument("--dtypes", nargs="+", choices=["bf16", "fp32"], default=[fastest()])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--micro", type=int, default=4096, help="aha's tokens in a micro-batch")
    parser.add_argument(
        "--trl-micro", type=int, nargs="+", default=[8, 16], help="replies in a micro-batch, to be tried"
    )
    parser.add_argument("--examples", type=int, default=32, help="examples a step of fine-tuning")
    parser.add_argument("--rows", type=int, nargs="+", default=[32, 64], help="rows sampled at a time")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("AHA_DATA", "../shared/data")))
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> None:
    options = parse()
    from aha.models.folder import resolve

    model, report = resolve(options.model).resolve(), {"machine": machine()}
    if not options.json:
        print(report["machine"])
    with tempfile.TemporaryDirectory() as folder:
        texts = Path(folder) / "texts.jsonl"
        write_texts(model, options.data / "gsm8k" / "train.jsonl", texts, max(8, options.examples))
        for what in options.what:
            reports = alternate(what, model, texts, options)
            check_same_tokens(reports)
            rows = table(what, reports)
            report[what] = {"rows": rows, "verdicts": verdicts(what, rows)}
            if not options.json:
                print(readable(what, rows, report[what]["verdicts"]), flush=True)
    if options.json:
        print(json.dumps(report))


if __name__ == "__main__":
    main()
