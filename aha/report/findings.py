"""Is a run healthy? Every check, with what it found.

The guards that watch a run while it trains (`aha.train.health`) are asked again, step by step; what they cannot know,
because it shows over many steps only, is checked here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from aha.errors import AhaError
from aha.figures import SECONDS
from aha.pipeline.shape import deception
from aha.record import Run, first_try, points, tasks, value
from aha.report.blocks import Finding, Level
from aha.report.changes import ends, from_to
from aha.svg import number
from aha.train.health import Health, HealthSettings
from aha.types import Precision

Said = tuple[Level, str] | None
"""What a check says; None where the run did not record what it looks at."""


def truncation(run: Run) -> Said:
    """Whether replies get to their end."""
    cut = ends(run.metrics, "truncated")
    if cut is None:
        return None
    rising = cut[1] > cut[0] + 0.03
    if cut[1] >= 0.05:
        return ("problem" if cut[1] >= 0.2 else "watch", f"{'rose ' * rising}{from_to(cut, '', True)} of replies: raise grpo.max_tokens.")  # fmt: skip
    return "watch" if rising else "good", f"{from_to(cut, '', True)} of replies ran out of tokens."


def entropy(run: Run) -> Said:
    """Whether replies still vary."""
    found = ends(run.metrics, "entropy") or ends(run.metrics, "sampled_entropy")
    if found is None:
        return None
    if found[0] > 0 and found[1] < 0.15 * found[0]:
        return (
            "watch",
            f"{from_to(found, ' nats a token')}: replies hardly vary. Raise grpo.clip_high, or take fewer steps.",
        )
    return "good", f"{from_to(found, ' nats a token')}: replies still vary."


def signal(run: Run) -> Said:
    """How much of what is sampled teaches nothing."""
    flat = ends(run.metrics, "zero_signal")
    if flat is None:
        return None
    whole = sum(y == 1 for _, y in points(run.metrics, "zero_signal"))
    lost = f"; {whole} steps had no signal at all" if whole else ""
    said = f"{from_to(flat, '', True)} of groups earn the same for every reply{lost}"
    if flat[1] < 0.6 and not whole:
        return "good", f"{said}."
    return "watch", f"{said}: take harder problems as the model gets better, or set grpo.refill."


def distance(run: Run) -> Said:
    """Whether the policy stays near its reference, without leaps."""
    kl = points(run.metrics, "kl")
    if not kl:
        return None
    leaps = [
        step for i, (step, y) in enumerate(kl) if i >= 8 and y > max(0.05, 5 * median(y for _, y in kl[i - 8 : i]))
    ]
    if leaps:
        return "watch", f"leaps at {_steps(leaps)}: five times what the steps before had. Lower grpo.lr."
    return "good", f"{number(kl[-1][1])} nats a token from the reference at the end, without leaps."


def gap(run: Run) -> Said:
    """Whether sampler and trainer agree."""
    found = [y for _, y in points(run.metrics, "gap_mean")]
    if not found:
        return None
    return (
        "good",
        f"they differ by {number(fmean(found))} nats a token on average, {number(max(found))} in the worst step.",
    )


def graders(run: Run) -> Said:
    """Replies without a grade."""
    failed, replies = (sum(y for _, y in points(run.metrics, key)) for key in ("failed", "replies"))
    if not points(run.metrics, "failed"):
        return None
    if not failed:
        return "good", "every reply was graded."
    part = f" of {replies:,.0f}" if replies else ""
    grave = bool(replies) and failed > 0.05 * replies
    return "problem" if grave else "watch", f"{failed:,.0f} replies{part} have no grade and taught nothing."


def updates(run: Run) -> Said:
    """Updates that were dropped."""
    found = points(run.metrics, "skipped_updates")
    dropped = [step for step, y in found if y]
    if not found:
        return None
    return ("watch", f"dropped at {_steps(dropped)}: not finite.") if dropped else ("good", "none was dropped.")


def learned(run: Run) -> Said:
    """The learned reward against the strict rule that watches it."""
    said = deception(run.metrics)
    if not said:
        return None
    return "problem" if said.endswith("being deceived.") else "watch" if said.endswith("fell.") else "good", said


def language(run: Run) -> Said:
    """Replies in two languages."""
    mixed = ends(run.metrics, "mixed_language")
    if mixed is None:
        return None
    grew = mixed[1] > mixed[0] + 0.05 and mixed[1] > 0.1
    why = "; a language reward speaks against it" if grew else ""
    return "watch" if grew else "good", f"{from_to(mixed, '', True)} of replies mix two languages{why}."


def pace(run: Run) -> Said:
    """Where the time goes, and whether steps get slower for the same work."""
    steps = points(run.metrics, "seconds/step")
    whole = sum(y for _, y in steps)
    if not whole:
        return None
    parts = {name: sum(y for _, y in points(run.metrics, f"seconds/{name}")) for name in ("sample", "reward", "train")}
    usual = median(y for _, y in steps)
    said = f"a step takes {number(usual)} seconds: " + ", ".join(
        f"{parts[key] / whole:.0%} {name}" for name, key in SECONDS.items() if key in parts
    )
    if parts["reward"] > 0.25 * whole:
        return "watch", f"{said}. Graders take long."
    each = [s / n for (_, s), (_, n) in zip(steps, points(run.metrics, "sampled_tokens"), strict=False) if n]
    fifth = max(1, len(each) // 5)
    slower = median(each[-fifth:]) / median(each[:fifth]) if each else 1.0
    if slower > 1.5:
        return "watch", f"{said}. The same tokens take {slower:.1f} times as long as at first."
    slow = [step for step, y in steps if y > 4 * usual]
    return ("watch", f"{said}. Far slower: {_steps(slow)}.") if slow else ("good", f"{said}.")


def peak(run: Run) -> Said:
    """Whether an earlier evaluation was better than the last."""
    for task, rows in tasks(run.evals).items():
        found = [(row["step"], x) for row in rows if (x := first_try(row))]
        if len(found) > 1:
            step, best = max(found, key=lambda pair: pair[1].mean)
            last = found[-1][1]
            if best.low > last.high:
                return (
                    "watch",
                    f"{task} was better at step {step:g} ({best.mean:.1%}) than at the end ({last.mean:.1%}).",
                )
    return ("good", "no earlier evaluation was clearly better.") if len(run.evals) > 1 else None


def _steps(found: Sequence[float]) -> str:
    shown = ", ".join(f"{step:g}" for step in found[:6])
    return f"step{'s' * (len(found) > 1)} {shown}{f' and {len(found) - 6} more' if len(found) > 6 else ''}"


CHECKS: tuple[tuple[str, str, Callable[[Run], Said]], ...] = (
    ("Updates:", "not-finite", updates), ("Sampler against trainer:", "mismatch", gap),
    ("Last against earlier evaluations:", "", peak), ("Graders:", "graders", graders), ("Cut off:", "cut-off", truncation),
    ("Entropy:", "entropy", entropy), ("Signal:", "no-signal", signal), ("Distance:", "", distance),
    ("Learned reward:", "deceived", learned), ("Languages:", "", language), ("Time:", "", pace),
    ("Policy:", "explosion", lambda run: None), ("Length and reward:", "length", lambda run: None),
)  # fmt: skip
"""Each check under its title, with the guard that looks at the same thing."""


@dataclass
class _Objection:
    level: Level
    steps: list[float]
    words: str


def objections(run: Run, dtype: str = "") -> dict[str, _Objection]:
    """What each guard says when it sees the run's records again, where it says something."""
    settings, held = _told(run, dtype)
    guard, found = Health(settings, held), dict[str, _Objection]()
    for row in run.metrics if points(run.metrics, "reward") else []:
        verdict = guard.check(row)
        if verdict.words:
            one = found.setdefault(verdict.guard, _Objection("watch", [], ""))
            one.steps.append(value(row, "step") or 0.0)
            one.words = verdict.words
            one.level = "problem" if verdict.state in ("halt", "rollback") else one.level
    return found


def _told(run: Run, dtype: str) -> tuple[HealthSettings, Precision]:
    """The guards' settings, and the precision, as far as the run's settings say them."""
    try:
        told = tomllib.loads(run.settings)
        settings = HealthSettings.model_validate(told.get("health") or {})
    except (ValueError, AhaError):
        told, settings = {}, HealthSettings()
    return settings, "fp32" if (dtype or told.get("dtype")) == "fp32" else "bf16"


def health(run: Run, dtype: str = "") -> list[Finding]:
    """Every check that the run's records allow, the worst first."""
    objected, found = objections(run, dtype), []
    for title, guard, check in CHECKS:
        if one := objected.get(guard):
            found.append(Finding(one.level, title, f"{one.words} ({_steps(one.steps)})"))
        elif said := check(run):
            found.append(Finding(said[0], title, said[1]))
    return worst_first(found)


def worst_first(found: Sequence[Finding]) -> list[Finding]:
    """Problems, then what to look at, then the rest."""
    return sorted(found, key=lambda finding: ("problem", "watch", "note", "good").index(finding.level))
