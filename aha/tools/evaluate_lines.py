"""What `aha eval` and `aha compare` print: every share with its interval, and what it took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aha.page import plain

Record = dict[str, Any]
CUT = 0.05
"""From this share of replies cut off on, the limit on tokens is part of the result."""


def readable(record: Record) -> str:
    """A record of `aha eval` as lines."""
    if "by_question" not in record:
        return f"{record['folder']}: {record['missing']} of {record['questions']} questions still lack replies"
    rows = [*_head(record), *_shares(record), *_manners(record), *_tail(record)]
    lines = [f"{name:<12} {plain(value)}" for name, value in rows]
    if record["truncated"] >= CUT:
        lines.append(
            f"warning: {record['truncated']:.1%} of the replies were cut off at {record['max_tokens']:,} tokens and count as not "
            "solved; give more with --max-tokens"
        )
    return "\n".join(lines)


def _head(record: Record) -> list[tuple[str, str]]:
    asked = (
        f"{record['questions']} questions x {record['samples']} replies, at most {record['max_tokens']:,} tokens, "
        f"temperature {record['temperature']:g}, top-p {record['top_p']:g}"
    )
    rows = [("model", record["model"]), ("task", record["preset"]), ("asked", asked)]
    told = [
        f"{name} {_number(was)} instead of {_number(wanted)}" for name, (wanted, was) in record["departures"].items()
    ]
    rows += [("departs", ", ".join(told))] if told else []
    if record["left_out"]:
        rows.append(("left out", f"{len(record['left_out'])} rows, the first: {record['left_out'][0]}"))
    return rows


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _shares(record: Record) -> list[tuple[str, str]]:
    if not record["questions"]:
        return [("pass@1", "unknown: a grader failed at every question")]
    n, cut = str(record["samples"]), record["truncated"]
    first = share(record["pass@1"], [record["pass@1_low"], record["pass@1_high"]])
    rows = [("pass@1", f"{first}; {cut:.1%} cut off")]
    if "strict" in record:
        rows.append(("strict", f"{share(record['strict'], record['strict_interval'])}, by the rules of the reward"))
    rows += [
        (f"pass@{k}", share(value, record["pass@k_intervals"][k])) for k, value in record["pass@k"].items() if k != "1"
    ]
    if int(n) > 1:
        rows.append((f"cons@{n}", share(record["cons@k"][n], record["cons@k_intervals"][n])))
    if "codeforces" in record:
        found = record["codeforces"]
        rows.append(
            (
                "rating",
                f"{found['rating']:.0f}  ({found['low']:.0f} to {found['high']:.0f}), above {found['percentile']:.1f} % of rated users",
            )
        )
    return rows


def share(value: float, interval: Sequence[float]) -> str:
    """A share and its 95 % interval, always in one cell."""
    return f"{value:.1%}  (95 % interval {interval[0]:.1%} to {interval[1]:.1%})"


def _manners(record: Record) -> list[tuple[str, str]]:
    length = (
        "unknown: the server does not tell tokens"
        if record["length_mean"] is None
        else f"{record['length_mean']:.0f} tokens"
    )
    if "length_interval" in record:
        low, high = record["length_interval"]
        length += f"  ({low:.0f} to {high:.0f})"
    own = f"; {record['own_language']:.1%} of words in the question's language" if "own_language" in record else ""
    return [
        ("replies", ", ".join(f"{kind} {value:.1%}" for kind, value in record["outcomes"].items())),
        ("length", length),
        ("cut off", share(record["truncated"], record["rate_intervals"]["truncated"])),
        ("format", share(record["formatted"], record["rate_intervals"]["formatted"])),
        (
            "mixed",
            f"{share(record['mixed_language'], record['rate_intervals']['mixed_language'])}: Chinese and Latin words{own}",
        ),
        ("reflection", f"{record['reflection']:.2f} words a reply"),
        ("reasons", ", ".join(f"{why} {value:.1%}" for why, value in _commonest(record["reasons"])) or "-"),
    ]


def _commonest(reasons: dict[str, float], most: int = 6) -> list[tuple[str, float]]:
    return sorted(reasons.items(), key=lambda pair: -pair[1])[:most]


def _tail(record: Record) -> list[tuple[str, str]]:
    rows = [("extractor", record["extractor"])]
    if record["failed"]:
        rows.append(("failed", f"{record['failed']} questions are left out, since a grader failed at them"))
    rows.append(("took", f"{record['tokens']:,} tokens, {record['seconds']:.0f} s"))
    if "folder" in record:
        rows.append(("kept in", record["folder"]))
    if "shots_against_none" in record:
        found = record["shots_against_none"]
        rows.append(("examples", f"{record['shots']} examples against none: {points(found['difference'])}"))
    return rows


def points(interval: dict[str, float]) -> str:
    """A difference of shares in points."""
    return f"{100 * interval['mean']:+.1f} points  (95 % interval {100 * interval['low']:+.1f} to {100 * interval['high']:+.1f})"


def of_pair(record: Record) -> list[str]:
    """A record of `against` as lines."""
    drawn, test = record["bootstrap"], record["mcnemar"]
    rows = [
        ("a", f"{record['a']}  pass@1 {record['a_pass@1']:.1%}"),
        ("b", f"{record['b']}  pass@1 {record['b_pass@1']:.1%}"),
        (
            "questions",
            f"{record['questions']} in both" + (f", {record['unpaired']} in one only" if record["unpaired"] else ""),
        ),
        ("b minus a", points(record["difference"])),
        ("bootstrap", f"{points(drawn['interval'])}, p = {drawn['p']:.4f}"),
        ("McNemar", f"by vote, only b is right at {test['only_b']}, only a at {test['only_a']}, p = {test['p']:.4f}"),
    ]
    return [f"{name:<12} {plain(value)}" for name, value in rows]


def of_seeds(record: Record) -> list[str]:
    """A record of `over_seeds` as lines."""
    rows = [
        (f"run {i}", f"{score:.1%}  {model}")
        for i, (model, score) in enumerate(zip(record["models"], record["pass@1"], strict=True), 1)
    ]
    if record["interval"] is None:
        rows.append(("mean", f"{record['mean']:.1%}  (no interval: one run)"))
    else:
        ends = [record["interval"]["low"], record["interval"]["high"]]
        rows.append(("mean", f"{share(record['mean'], ends)} over {record['runs']} runs, sd {record['sd']:.1%}"))
    return [f"{name:<12} {plain(value)}" for name, value in rows]
