"""The second data set and its card: sources, counts, tokens, languages, domains, as the paper's table of its 800
thousand examples (arXiv 2501.12948 v2, table 5).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aha import disk, tables
from aha.chat import Chat
from aha.pipeline.collect import write_rows
from aha.pipeline.filters import contaminated
from aha.pipeline.recipe_r1 import General
from aha.tasks.general import examples as general_examples

Row = dict[str, Any]


def joined(
    folder: Path, traces: Path, settings: General, seed: int, known: set[tuple[str, ...]], chat: Chat
) -> dict[str, Any]:
    """Write reasoning traces and general examples as one data set, without repetitions, and its card beside it.

    `chat` counts the tokens of what is to be learnt: replies as they stand in the data, not as they were sampled.
    """
    reasoning = _once(tables.read_jsonl(traces))
    count = max(1, round(len(reasoning) / settings.ratio))
    drawn = [asdict(example) | {"tokens": 0} for example in general_examples(2 * count, seed)]
    clean = [row for row in drawn if not contaminated(row["prompt"], known)]
    general = clean[:count]
    rows = reasoning + general
    for row, ids in zip(rows, chat.encode_batch([row["reply"] for row in rows]), strict=True):
        row["tokens"] = len(ids)
    write_rows(folder / "data.jsonl", rows)
    card = {
        "domains": describe(rows),
        "overlapping": len(drawn) - len(clean),
        "repeated": len(tables.read_jsonl(traces)) - len(reasoning),
    }
    disk.write_whole(folder / "card.json", (json.dumps(card, indent=1, ensure_ascii=False) + "\n").encode())
    disk.write_whole(folder / "card.md", as_markdown(card).encode())
    return {"headline": f"{len(reasoning)} reasoning and {len(general)} general examples", "kept": len(rows)} | card


def _once(rows: list[Row]) -> list[Row]:
    """Rows without those that repeat a prompt and reply."""
    return list({(row["prompt"], row["reply"]): row for row in rows}.values())


def describe(rows: list[Row]) -> dict[str, dict[str, Any]]:
    """For each domain: examples, tokens of their replies, languages, sources, and how many do not think."""
    by_domain: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_domain[row["domain"]].append(row)
    return {
        domain: {
            "examples": len(held),
            "tokens": sum(row["tokens"] for row in held),
            "mean_tokens": sum(row["tokens"] for row in held) / len(held),
            "languages": dict(Counter(row["language"] for row in held)),
            "sources": dict(Counter(row["source"] for row in held)),
            "without_thinking": sum("<think></think>" in row["reply"] for row in held),
        }
        for domain, held in sorted(by_domain.items())
    }


def as_markdown(card: dict[str, Any]) -> str:
    """The card as a page."""
    lines = [
        "# Data card", "",
        "| domain | examples | mean tokens | languages | sources | without thinking |", "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for domain, told in card["domains"].items():
        languages, sources = (", ".join(f"{k} {v}" for k, v in told[name].items()) for name in ("languages", "sources"))
        lines.append(
            f"| {domain} | {told['examples']} | {told['mean_tokens']:.0f} | {languages} | {sources} | "
            f"{told['without_thinking']} |"
        )
    total, tokens = (sum(told[name] for told in card["domains"].values()) for name in ("examples", "tokens"))
    lines += [f"| all | {total} | {tokens / max(1, total):.0f} | | | |", ""]
    lines.append(
        f"Left out: {card['repeated']} repeated examples and {card['overlapping']} whose prompt overlaps an evaluation."
    )
    return "\n".join(lines) + "\n"
