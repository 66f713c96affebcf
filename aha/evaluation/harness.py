"""Results in the layout of lm-evaluation-harness 0.4, for tools that read it.

harness/<model>/results_<time>.json            metrics with their standard errors, clustered by question
harness/<model>/samples_<task>_<time>.jsonl    a line a question: prompt, replies, what was read out of them, its score
"""

from __future__ import annotations

import json
import math
import re
import shutil
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from statistics import stdev
from typing import Any

import aha
from aha import disk
from aha.evaluate import Evaluation, voted
from aha.evaluation.digest import text_digest, written
from aha.tasks.base import Task
from aha.types import Problem

Record = dict[str, Any]


def export(folder: Path, record: Record, found: Evaluation, task: Task, asked: Sequence[Problem]) -> Path:
    """Write both files, in place of earlier ones of the same replies; returns the results file."""
    shutil.rmtree(folder, ignore_errors=True)
    out = folder / re.sub(r'["<>:/|\\?*\[\]]+', "__", record["model"])
    out.mkdir(parents=True)
    now, name = datetime.now().isoformat().replace(":", "-"), re.sub(r"\W", "_", record["preset"])
    lines = [
        _sample(i, found, task, asked[i].prompt, record) for i in range(len(found.problems)) if _is_graded(found, i)
    ]  # fmt: skip
    samples = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    disk.write_whole(out / f"samples_{name}_{now}.jsonl", samples.encode("utf-8", "replace"))
    results = out / f"results_{now}.json"
    disk.write_whole(results, (json.dumps(_results(name, record, lines), indent=2, ensure_ascii=False) + "\n").encode())
    return results


def _is_graded(found: Evaluation, question: int) -> bool:
    return all(score.parts["correct"] is not None for score in found.scores[question])


def _results(name: str, record: Record, lines: Sequence[Record]) -> Record:
    metrics = _metrics(record)
    generation = {key: record[key] for key in ("temperature", "top_p", "max_tokens", "seed")}
    config = {
        "task": name, "output_type": "generate_until", "num_fewshot": record["shots"], "repeats": record["samples"],
        "generation_kwargs": generation, "metadata": {"version": record["revision"], "extractor": record["extractor"]},
    }  # fmt: skip
    count = {"original": record["questions"] + record["failed"], "effective": record["questions"]}
    hashes = "".join(line["doc_hash"] + line["prompt_hash"] + line["target_hash"] for line in lines)
    return {
        "results": {name: {"alias": record["preset"]} | metrics},
        "group_subtasks": {name: []},
        "configs": {name: config},
        "versions": {name: record["revision"]},
        "n-shot": {name: record["shots"]},
        "higher_is_better": {name: {key.split(",")[0]: True for key in metrics if "_stderr," not in key}},
        "n-samples": {name: count},
        "config": {"model": record["engine"], "model_args": f"pretrained={record['model']}", "gen_kwargs": generation},
        "git_hash": None, "date": time.time(), "lm_eval_version": None, "aha_version": aha.__version__,
        "task_hashes": {name: text_digest(hashes)},
        "model_source": record["engine"], "model_name": record["model"],
        "model_name_sanitized": re.sub(r'["<>:/|\\?*\[\]]+', "__", record["model"]),
        "total_evaluation_time_seconds": str(record["seconds"]),
    }  # fmt: skip


def _metrics(record: Record) -> Record:
    """`metric,filter` and its standard error, as lm-evaluation-harness names them."""
    found: Record = {}
    if not record["questions"]:
        return found
    found |= {"pass@1,none": record["pass@1"], "pass@1_stderr,none": standard_error(record["by_question"]["correct"])}
    k = str(record["samples"])
    found |= {
        f"cons@{k},none": record["cons@k"][k],
        f"cons@{k}_stderr,none": standard_error(record["by_question"]["vote"]),
    }
    for tries, share in record["pass@k"].items():
        if tries != "1":
            found |= {f"pass@{tries},none": share, f"pass@{tries}_stderr,none": "N/A"}
    if "strict" in record:
        found |= {"pass@1,strict": record["strict"], "pass@1_stderr,strict": "N/A"}
    return found


def standard_error(values_Q: Sequence[float]) -> float | str:
    """Of the mean over questions; "N/A" for fewer than two."""
    return stdev(values_Q) / math.sqrt(len(values_Q)) if len(values_Q) > 1 else "N/A"


def _sample(question: int, found: Evaluation, task: Task, prompt: str, record: Record) -> Record:
    problem, group, scores = found.problems[question], found.groups[question], found.scores[question]
    generation = {"temperature": record["temperature"], "top_p": record["top_p"], "max_gen_toks": record["max_tokens"]}
    answers = [voted(task, problem, reply) for reply in group]
    target = target_of(problem)
    return {
        "doc_id": question,
        "doc": {"id": problem.id, "prompt": prompt},
        "target": target,
        "arguments": {"gen_args_0": {"arg_0": prompt, "arg_1": generation}},
        "resps": [[reply.text for reply in group]],
        "filtered_resps": ["[no answer]" if answer is None else str(answer) for answer in answers],
        "filter": "none",
        "metrics": ["pass@1"],
        "doc_hash": text_digest(problem.id + prompt),
        "prompt_hash": text_digest(prompt),
        "target_hash": text_digest(target),
        "pass@1": sum(float(score.parts["correct"] or 0.0) for score in scores) / len(scores),
    }


def target_of(problem: Problem) -> str:
    """What is right, in a line: an answer or letter, or all columns of the problem where it has neither."""
    answer = problem.answer
    if isinstance(answer, dict):
        answer = next((answer[key] for key in ("answer", "letter") if key in answer), None) or written(answer)
    return str(answer)[:1000]
