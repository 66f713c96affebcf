"""What is written down about a step: how its replies were, how its updates went, where its time went."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from aha.chat import count_reflection, is_mixed
from aha.train.rollouts import Rollout


def merge(stats: Sequence[dict[str, float]]) -> dict[str, float]:
    """Means over the updates of a step, and sums of tokens; a step without any signal has trained on none.

    `gap_first` is the gap of the first update alone, the only one that the sampler's own weights took.
    """
    if not stats:
        return {"trained_tokens": 0.0, "computed_tokens": 0.0}
    total = {name: sum(part[name] for part in stats) for name in stats[0]}
    merged = {name: value if name.endswith("_tokens") else value / len(stats) for name, value in total.items()}
    useful = total["trained_tokens"] / total["computed_tokens"]
    return merged | {"useful_tokens": useful, "gap_first": stats[0]["gap_mean"]}


def describe(rollout: Rollout) -> dict[str, Any]:
    """What the replies of a step were like: rewards and their parts, lengths, behaviours, and reasons for failure."""
    replies = [completion for group in rollout.groups for completion in group]
    scores = [score for row in rollout.scores for score in row]
    graded = [score.total for score in scores if score.total is not None]
    lengths = sorted(len(reply.token_ids) for reply in replies)
    whole = [len(reply.token_ids) for reply in replies if reply.finish != "length"]
    logprobs = [logprob for reply in replies for logprob in reply.logprobs]
    count = max(1, len(replies))
    record: dict[str, Any] = {"reward": sum(graded) / max(1, len(graded)), "failed": len(scores) - len(graded)}
    for name in dict.fromkeys(name for score in scores for name in score.parts):
        values = [v for score in scores if (v := score.parts.get(name)) is not None]
        record[f"reward/{name}"] = sum(values) / max(1, len(values))
    if logprobs:  # an engine of someone else's may have none
        record["sampled_entropy"] = -sum(logprobs) / len(logprobs)
    record |= {
        "groups": rollout.sampled_groups,
        "replies": len(replies),
        "length_reward": length_reward(rollout),
        "length_mean": sum(lengths) / count,
        "length_p90": lengths[int(0.9 * (len(lengths) - 1))],
        "length_whole": sum(whole) / len(whole) if whole else None,
        "truncated": sum(reply.finish == "length" for reply in replies) / count,
        "zero_signal": rollout.flat_groups / max(1, rollout.sampled_groups),
        "mixed_groups": 1 - rollout.flat_groups / max(1, rollout.sampled_groups),
        "reflection": sum(count_reflection(reply.text) for reply in replies) / count,
        "mixed_language": sum(is_mixed(reply.text) for reply in replies) / count,
        "sampled_tokens": sum(lengths),
    }
    reasons = Counter(score.reason for score in scores if score.reason)
    return record | {f"reason/{reason}": n / count for reason, n in sorted(reasons.items())}


def length_reward(rollout: Rollout) -> float:
    """The correlation of reward and length within groups, -1 to 1; 0 where either does not vary.

    1 says that nothing but length is rewarded.
    """
    xx = yy = xy = 0.0
    for group, scores in zip(rollout.groups, rollout.scores, strict=True):
        pairs = [
            (len(reply.token_ids), score.total)
            for reply, score in zip(group, scores, strict=True)
            if score.total is not None
        ]
        if pairs:
            x_mean, y_mean = (sum(column) / len(pairs) for column in zip(*pairs, strict=True))
            xx += sum((x - x_mean) ** 2 for x, _ in pairs)
            yy += sum((y - y_mean) ** 2 for _, y in pairs)
            xy += sum((x - x_mean) * (y - y_mean) for x, y in pairs)
    return xy / math.sqrt(xx * yy) if xx * yy > 1e-12 else 0.0


def timing(rollout: Rollout, seconds: dict[str, float]) -> dict[str, float]:
    """Where a step's time went, and how fast it sampled and trained."""
    tokens = sum(len(completion.token_ids) for group in rollout.groups for completion in group)
    return {f"seconds/{name}": value for name, value in seconds.items()} | {
        "seconds/step": sum(seconds.values()),
        "sampled_per_second": tokens / max(1e-9, seconds["sample"]),
        "trained_per_second": tokens / max(1e-9, seconds["train"]),
    }
