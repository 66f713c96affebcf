"""What is written down about a step: how its replies were, how its updates went, where its time went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from aha.chat import count_reflection, is_mixed
from aha.train.rollouts import Rollout


def merge(stats: Sequence[dict[str, float]]) -> dict[str, float]:
    """Means over the updates of a step, and sums of tokens; a step without any signal has trained on none."""
    if not stats:
        return {"trained_tokens": 0.0, "computed_tokens": 0.0}
    total = {name: sum(part[name] for part in stats) for name in stats[0]}
    merged = {name: value if name.endswith("_tokens") else value / len(stats) for name, value in total.items()}
    return merged | {"useful_tokens": total["trained_tokens"] / total["computed_tokens"]}


def describe(rollout: Rollout) -> dict[str, Any]:
    """What the replies of a step were like: rewards and their parts, lengths, behaviours, and reasons for failure."""
    replies = [completion for group in rollout.groups for completion in group]
    scores = [score for row in rollout.scores for score in row]
    graded = [score.total for score in scores if score.total is not None]
    lengths = sorted(len(reply.token_ids) for reply in replies)
    count = max(1, len(replies))
    record: dict[str, Any] = {"reward": sum(graded) / max(1, len(graded)), "failed": len(scores) - len(graded)}
    for name in scores[0].parts:
        values = [v for score in scores if (v := score.parts[name]) is not None]
        record[f"reward/{name}"] = sum(values) / max(1, len(values))
    record |= {
        "length_mean": sum(lengths) / count,
        "length_p90": lengths[int(0.9 * (len(lengths) - 1))],
        "truncated": sum(reply.finish == "length" for reply in replies) / count,
        "zero_signal": rollout.flat_groups / max(1, rollout.sampled_groups),
        "mixed_groups": 1 - rollout.flat_groups / max(1, rollout.sampled_groups),
        "reflection": sum(count_reflection(reply.text) for reply in replies) / count,
        "mixed_language": sum(is_mixed(reply.text) for reply in replies) / count,
        "sampled_tokens": sum(lengths),
    }
    reasons = Counter(score.reason for score in scores if score.reason)
    return record | {f"reason/{reason}": n / count for reason, n in sorted(reasons.items())}


def timing(rollout: Rollout, seconds: dict[str, float]) -> dict[str, float]:
    """Where a step's time went, and how fast it sampled and trained."""
    tokens = sum(len(completion.token_ids) for group in rollout.groups for completion in group)
    return {f"seconds/{name}": value for name, value in seconds.items()} | {
        "seconds/step": sum(seconds.values()),
        "sampled_per_second": tokens / max(1e-9, seconds["sample"]),
        "trained_per_second": tokens / max(1e-9, seconds["train"]),
    }
