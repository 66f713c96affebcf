"""A run of stages made by hand, with plausible records and hostile replies."""

from __future__ import annotations

import json

from aha.tables import json_line

HOSTILE = "<script>alert(1)</script></pre></details>```\n# not a heading\n| a | b |\x1b[31m \u202egnihton <img src=x onerror=alert(2)>"
EXAMS = ("countdown, 3 numbers", "arithmetic", "talk", "safety")
PASS = {  # by model, for each evaluation
    "base": (0.20, 0.30, 0.10, 0.00), "zero": (0.80, 0.90, 0.10, 0.05), "dev1": (0.60, 0.80, 0.30, 0.10),
    "dev2": (0.82, 0.90, 0.32, 0.10), "dev3": (0.80, 0.91, 0.70, 0.60), "r1": (0.81, 0.91, 0.95, 0.95),
    "half": (0.05, 0.10, 0.00, 0.00), "distill-half": (0.40, 0.60, 0.50, 0.50),
}  # fmt: skip
TREE = {  # each stage's inputs, by role
    "zero": {"base": "base"}, "cold": {"zero": "zero"}, "dev1": {"base": "base", "data": "cold"},
    "dev2": {"base": "dev1"}, "traces": {"model": "dev2"}, "data": {"traces": "traces"},
    "dev3": {"base": "base", "data": "data"}, "helpful": {"base": "dev3"},
    "r1": {"base": "dev3", "helpful": "helpful"}, "distill-half": {"base": "half", "data": "data"},
}  # fmt: skip
START = {
    "aha": "0.1",
    "python": "3.11",
    "torch": "2.13",
    "cpu": "Toy CPU",
    "cpus": 2,
    "argv": ["/x/aha", "run", "a.toml"],
}
DOMAIN = {"examples": 30, "tokens": 810, "mean_tokens": 27.0, "languages": {"en": 20, "zh": 10}, "sources": {"dev2": 30},
          "without_thinking": 0}  # fmt: skip
SAID = {
    "zero": {"headline": "test pass@1 20 % -> 80 %", "sampled_tokens": 4e6, "trained_tokens": 3e6, "weights": 2e6},
    "cold": {"in": 400, "kept": 100, "reasons": {"wrong": 250, "mixed languages": 50}, "sampled_tokens": 1e5},
    "data": {"domains": {"countdown": DOMAIN, "general": DOMAIN | {"examples": 10}}, "repeated": 3, "overlapping": 2},
    "helpful": {"accuracy": 0.9, "accuracy_low": 0.86, "accuracy_high": 0.93, "rows": 500},
}


def result(mean, model="base"):
    half = 0.06
    return {
        "questions": 100, "samples": 4, "temperature": 0.6, "top_p": 0.95, "max_tokens": 400, "pass@1": mean,
        "pass@1_low": max(0, mean - half), "pass@1_high": min(1, mean + half), "cons@k": {"4": mean},
        "length_mean": 60.0, "truncated": 0.02, "mixed_language": 0.1, "reflection": 0.5, "readable": 0.5,
        "readable_low": 0.4, "readable_high": 0.6, "tokens": 24_000, "seconds": 3.0,
        "examples": [{"prompt": f"User: question {i}\nAssistant:", "reply": f"{model} {i} {HOSTILE}"} for i in (0, 1, 2)],
    }  # fmt: skip


def add(root, name, inputs, record, metrics=()):
    """Write one complete stage, and return its folder."""
    folder = root / "stages" / f"{name}-0123456789ab"
    folder.mkdir(parents=True)
    told = {
        "stage": name, "inputs": {role: {"stage": stage, "digest": "d"} for role, stage in inputs.items()},
        "settings": {"rl.steps": 6}, "machine": {"seed": 0, "dtype": "bf16"}, "threads": 2, "digest": "d",
        "seconds": 60.0, "began": 1.79e9,
    }  # fmt: skip
    (folder / "stage.json").write_text(json.dumps(told | record))
    if metrics:
        (folder / "metrics.jsonl").write_bytes(b"".join(map(json_line, metrics)))
        (folder / "environment.json").write_text(json.dumps([START]))
    return folder


def steps(name):
    """What a stage logged: reinforcement rewards, fine-tuning losses, a reward model choices."""
    learned = {"reward/preferred": 0.4, "reward/strict": 0.5} if name == "r1" else {}
    for step in range(1, 7):
        moved = {key: level + 0.05 * step * (-1 if key.endswith("strict") else 1) for key, level in learned.items()}
        told = {"reward": 0.1 * step, "reward/correct": 0.1 * step, "length_mean": 20 * step, "reflection": 0.2 * step}
        if name == "helpful":
            told = {"loss": 0.7 / step, "accuracy": 0.5 + 0.05 * step}
        elif name in ("dev1", "dev3", "distill-half"):
            told = {"loss": 2 / step}
        yield {"step": step, "reflection_base": 0.1, "mixed_language": 0.2} | told | moved


def stages_run(root):
    """A whole run."""
    names = []
    for name, inputs in TREE.items():
        logged = name not in ("cold", "traces", "data")
        names.append(add(root, name, inputs, SAID.get(name, {}), list(steps(name)) if logged else ()).name)
    for model, means in PASS.items():
        results = {exam: result(mean, model) for exam, mean in zip(EXAMS, means, strict=True)}
        names.append(add(root, f"exam-{model}", {"model": model}, {"results": results}).name)
    (root / "stages.json").write_text(json.dumps(names))
    return root
