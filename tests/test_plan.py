"""Plans: the scratchpad carries what the next prompt needs, a failing step is tried again, taken apart, then given up."""

from __future__ import annotations

import re

import pytest

from aha.chat import Chat, render
from aha.errors import ConfigError
from aha.models.folder import load_model, resolve
from aha.models.precision import DTYPES, fastest
from aha.rollout.engine import TorchEngine
from aha.search.plan import Plan, filled
from aha.search.plan_sums import Sums, taken_apart
from aha.search.plan_written import Written
from aha.tasks.arithmetic import arithmetic
from aha.types import Problem
from tests.search_toys import Scripted, total, toy_task

TASK = arithmetic(test_count=0)
QUESTION = "What is 12 + 30 - 7?"


def chain(question: str = QUESTION, value: int = 35) -> Problem:
    return Problem(render(question), {"chain": question[8:-1], "steps": 2, "value": value, "language": "en"})


def asked(prompt: str) -> str:
    return prompt.removeprefix("User: ").partition("\n")[0]


def adds(wrong: dict[str, list[int]] | None = None):
    """A model that does one operation, and gets some wrong: its answers to them, one after the other, then the right one."""
    left = {text: list(values) for text, values in (wrong or {}).items()}

    def script(prompt: str, sample: int, seed: int) -> str:
        a, op, b = re.fullmatch(r"(?:What is )?(\d+) ([+-]) (\d+)(?:\?| 等于多少？)", asked(prompt)).groups()
        right = int(a) + int(b) if op == "+" else int(a) - int(b)
        value = left[f"{a} {op} {b}"].pop(0) if left.get(f"{a} {op} {b}") else right
        assert prompt.endswith(f"<think>{a} {op} {b}")
        return f" = {value}</think><answer>{value}</answer><|end|>"

    return script


def questions(engine: Scripted) -> list[str]:
    return [asked(text) for texts, _ in engine.calls for text in texts]


def test_each_step_is_a_prompt_of_its_own_that_carries_the_running_value():
    engine = Scripted(adds())
    [solved] = Plan(Sums())(engine, TASK, [chain()], 0)
    assert questions(engine) == ["What is 12 + 30?", "What is 42 - 30?", "What is 42 - 7?", "What is 35 + 7?"]
    assert solved.answer == 35 and solved.chosen.reply.text == (
        "<think>12 + 30 = 42\n42 - 7 = 35</think><answer>35</answer>"
    )
    assert TASK.rubric(chain(), [solved.chosen.reply])[0].parts == {"correct": 1.0, "formatted": 1.0}
    assert (solved.cost.tokens, solved.cost.prompt_tokens) == (engine.ledger.tokens, engine.ledger.prompt_tokens)


def test_a_result_that_does_not_lead_back_is_tried_again_with_other_noise():
    engine = Scripted(adds({"12 + 30": [43, 41]}))
    [solved] = Plan(Sums())(engine, TASK, [chain()], 0)
    assert solved.answer == 35 and questions(engine)[:3] == ["What is 12 + 30?", "What is 43 - 30?", "What is 12 + 30?"]
    assert [s.temperature for _, s in engine.calls[:4]] == [0.0, 0.0, 0.6, 0.6]
    assert len({s.seed for _, s in engine.calls}) == 4


def test_without_a_check_the_first_result_stands():
    [solved] = Plan(Sums(checked=False))(Scripted(adds({"12 + 30": [43]})), TASK, [chain()], 0)
    assert solved.answer == 36


def test_a_step_that_keeps_failing_is_taken_apart():
    engine = Scripted(adds({"12 + 30": [43] * 3, "27 + 15": []}))
    [solved] = Plan(Sums())(engine, TASK, [chain()], 0)
    assert solved.answer == 35 and "12 + 15 = 27\n27 + 15 = 42\n42 - 7 = 35" in solved.chosen.reply.text
    assert taken_apart(47) == [40, 7] and taken_apart(40) == [20, 20] and taken_apart(1) == [1]
    assert all(sum(taken_apart(n)) == n for n in range(1, 200))


def test_a_plan_that_cannot_go_on_has_no_answer():
    never = adds({"12 + 30": [43] * 99})
    [solved] = Plan(Sums(), plans=1)(Scripted(never), TASK, [chain()], 0)
    assert solved.answer is None and solved.chosen is None and len(solved.candidates) == 1
    [solved] = Plan(Sums())(Scripted(adds({"12 + 30": [43] * 99, "12 + 15": [1] * 99})), TASK, [chain()], 0)
    assert solved.answer is None
    [solved] = Plan(Sums())(Scripted(adds()), TASK, [chain("How are you?")], 0)
    assert solved.answer is None and solved.cost.tokens == 0


def test_the_number_of_tries_is_bounded():
    engine = Scripted(adds({"12 + 30": [43] * 99, "12 + 15": [1] * 99}))
    Plan(Sums(), tries=2, plans=2)(engine, TASK, [chain()], 0)
    assert questions(engine).count("What is 12 + 30?") == 2 and questions(engine).count("What is 12 + 15?") == 2


def test_a_result_that_was_cut_off_is_none():
    engine = Scripted(lambda p, s, seed: "</think><answer>42</answer> and so on<|end|>")
    [solved] = Plan(Sums(checked=False), max_tokens=4)(engine, TASK, [chain()], 0)
    assert solved.answer is None and len(questions(engine)) > 1


def test_problems_go_side_by_side_and_equal_steps_in_calls_of_their_own():
    engine = Scripted(adds())
    solved = Plan(Sums(checked=False))(engine, TASK, [chain(), chain("What is 12 + 30?", 42), chain()], 0)
    assert [s.answer for s in solved] == [35, 42, 35] and [len(texts) for texts, _ in engine.calls] == [1, 1, 1, 1, 1]
    assert total([s.cost for s in solved], "tokens") == engine.ledger.tokens
    assert solved[0].cost.tokens == solved[2].cost.tokens
    engine = Scripted(adds())
    Plan(Sums(checked=False))(engine, TASK, [chain(), chain("What is 20 + 30 - 7?", 43)], 0)
    assert [len(texts) for texts, _ in engine.calls] == [2, 2]


def test_a_chinese_chain_is_asked_in_chinese():
    problem = Problem(render("12 + 30 - 7 等于多少？"), {"value": 35})
    engine = Scripted(adds())
    assert Plan(Sums(checked=False))(engine, TASK, [problem], 0)[0].answer == 35
    assert questions(engine)[0] == "12 + 30 等于多少？"


def test_the_scratchpad_is_filled_in_once():
    assert filled("{a} {b} {c}", {"a": "{b}", "b": "2"}) == "{b} 2 {c}"


def test_steps_can_be_watched():
    events = []
    Plan(Sums())(Scripted(adds({"12 + 30": [43]})), TASK, [chain()], 0, events.append)
    steps = [(e["text"], e["kept"]) for e in events if e["kind"] == "step"]
    assert steps == [("12 + 30 = 43", False), ("12 + 30 = 42", True), ("42 - 7 = 35", True)]
    assert [e["kind"] for e in events[-2:]] == ["reply", "answer"]


def written(prompt: str, sample: int, seed: int) -> str:
    """A model that follows instructions: two steps, the second of which it gets wrong once."""
    said = "35"
    if "Write a plan" in prompt:
        said = "1. Add 12 and 30 {notes}\n2. <|end|>Take 7 away"
    elif "Write the steps that are left" in prompt:
        said = "1. Count down by 7"
    elif "Is this result right" in prompt:
        said = "Yes." if re.search("Result: (42|35)", prompt) else "no"
    elif "Add 12 and 30" in prompt.partition("Do this step only")[2]:
        said = "42"
    elif "Take" in prompt.partition("Do this step only")[2]:
        said = "34"
    return f"<think></think><answer>{said}</answer><|end|>"


def test_a_model_can_write_the_plan_and_the_rest_of_it_anew():
    task, _ = toy_task()
    engine = Scripted(lambda p, s, seed: written(p, s, seed).replace("<|end|>Take", "Take"))
    [solved] = Plan(Written(), tries=2)(engine, task, [chain()], 0)
    assert solved.answer == "35" and solved.chosen.reply.text == (
        "<think>Add 12 and 30 (notes): 42\nCount down by 7: 35\nAnswer: 35</think><answer>35</answer>"
    )
    last = engine.calls[-1][0][0]
    assert "- Add 12 and 30 (notes): 42\n- Count down by 7: 35\nAnswer the task" in last
    assert solved.cost.tokens == engine.ledger.tokens


def test_a_reply_without_a_list_is_no_plan():
    task, _ = toy_task()
    engine = Scripted(lambda p, s, seed: "<think></think><answer>I would add them up</answer><|end|>")
    assert Plan(Written())(engine, task, [chain()], 0)[0].answer is None and len(engine.calls) == 1


def test_settings_that_cannot_be_are_refused():
    for make in (lambda: Plan(Sums(), tries=0), lambda: Plan(Sums(), plans=0), lambda: Written(longest=0)):
        with pytest.raises(ConfigError, match="give"):
            make()


@pytest.mark.slow
def test_the_embedded_model_gets_further_with_a_plan():
    folder = resolve("tiny")
    engine, task = (
        TorchEngine(load_model(folder, DTYPES[fastest()]), Chat.load(folder)),
        arithmetic(("en",), (8,), test_count=20),
    )
    solved = Plan(Sums())(engine, task, task.test, seed=1)
    assert sum(s.cost.tokens for s in solved) == engine.ledger.tokens
    right = sum(s.answer == s.problem.answer["value"] for s in solved)
    given = sum(s.answer is not None for s in solved)
    assert right >= 10 and given - right <= 3
    [alone] = Plan(Sums())(engine, task, task.test[7:8], seed=1)
    assert (alone.answer, alone.cost.tokens) == (solved[7].answer, solved[7].cost.tokens)
