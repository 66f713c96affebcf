"""reasoning-gym as a source: its verifier is the reward, its failure is None, and what it evaluates reaches nothing."""

from __future__ import annotations

import importlib.util
from contextlib import suppress

import pytest

from aha.errors import ConfigError
from aha.sandbox.jail import landlock_version
from aha.tasks import gym as g
from aha.tasks.gym_plain import is_plain
from aha.tasks.gym_worker import Worker, WorkerDied
from aha.types import Completion

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("reasoning_gym") is None, reason='needs pip install "aha[gym]"'),
    pytest.mark.skipif(landlock_version() < 3, reason="needs Landlock (Linux 6.2)"),
]


def reply(text):
    return Completion(f"<think>\n</think><answer>{text}</answer>")


def test_questions_are_the_same_for_a_seed_and_training_meets_no_test_question():
    task = g.gym("gym:chain_sum:min_terms=2,max_terms=2,min_digits=1,max_digits=1", 20)
    drawn = task.draw(30, 5)
    assert drawn[:3] == task.draw(3, 5) != task.draw(3, 6)
    assert not {p.prompt for p in drawn} & {p.prompt for p in task.test}


def test_the_verifier_is_the_reward():
    task = g.gym("gym:leg_counting", 3)
    for problem in task.test:
        right, wrong = task.rubric(problem, [Completion(g.reference_reply(problem)), reply("1")])
        assert right.total == 1.1 and right.parts["correct"] == 1 and wrong.parts["correct"] == 0


def test_a_verifier_that_fails_grades_nobody(monkeypatch):
    task = g.gym("gym:leg_counting", 1)
    g._score.cache_clear()
    monkeypatch.setattr(g, "shared_worker", lambda: Broken())
    [score] = task.rubric(task.test[0], [reply("1")])
    assert score.total is None and score.parts["verified"] is score.parts["correct"] is None


class Broken:
    def ask(self, request):
        raise WorkerDied("no reply in 10 s")


ESCAPES = [
    "__import__('os').system('touch {path}')",
    "open('{path}', 'w').write('x')",
    "__import__('socket').socket()",
    "9**9**9**9",
]


def test_an_answer_that_is_a_program_reaches_nothing(tmp_path):
    worker, path, spec = Worker(seconds=3.0), tmp_path / "here", {"task": "countdown", "options": {}, "seed": 1}
    try:
        for text in ESCAPES:
            with suppress(WorkerDied):
                assert worker.ask(spec | {"answer": text.format(path=path)}).get("score", 0.0) < 1, text
            assert not path.exists(), text
        assert "question" in worker.ask(spec)
    finally:
        worker.end()


PLAIN = {
    "countdown": (["(44 + 19) * 3", "5/2", "x"], ["open('x')", "().__class__", "eval(1)", "1 if 1 else 2", "x.y", "a1", "[1]"]),
    "simple_integration": (["3*x**2/2 + C", "exp(-x)*sin(2*x) + C"], ["exp.mro()", "Lambda(x, 1)", "sin(x);1", "S('1')"]),
    "spiral_matrix": (["1 2 3", "[1, 2, 3]", "abc"], ["[print(1)]", "(lambda: 1)()", "[x for x in ()]", "a.b"]),
    "leg_counting": (["print(1)"], []),
}  # fmt: skip


@pytest.mark.parametrize("task", PLAIN)
def test_what_a_verifier_would_run_as_a_program_is_wrong_unasked(task):
    plain, programs = PLAIN[task]
    assert all(is_plain(task, text) for text in plain) and not any(is_plain(task, text) for text in programs)


def test_an_unknown_task_or_setting_is_told():
    with pytest.raises(ConfigError, match="gym:leg_count: reasoning-gym says: .*leg_count"):
        g.gym("gym:leg_count", 1)
    with pytest.raises(ConfigError, match="stand like gym:chain_sum:min_terms=2"):
        g.parsed("gym:chain_sum:min_terms")
