"""Budget forcing, step by step and hidden reasoning on a model that says what it is told to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aha.errors import ConfigError, RunError
from aha.rollout.engine import TorchEngine
from aha.search.budget import Budget, StepByStep
from aha.search.draft import Draft, answering, ending, reopened, thought_length
from aha.search.hidden import Hidden, shown
from aha.search.sample import Chain
from aha.search.thought import stride
from aha.types import Completion
from tests.search_toys import Scripted, goes_on, toy_task
from tests.toys import toy_chat, toy_model

LONG = "<think>" + "7 " * 100 + "</think><answer>7</answer><|end|>"


def thought(reply: Completion) -> str:
    return reply.text.removeprefix("<think>").partition("</think>")[0]


def only(strategy, script, opening="", watch=lambda event: None):
    engine = Scripted(script)
    task, [problem] = toy_task("1 + 1")
    problem = replace(problem, prompt=problem.prompt + opening)
    [solved] = strategy(engine, task, [problem], 0, watch)
    return solved, engine


@pytest.mark.parametrize("opening", ["", "<think>", "<think>\n"])
def test_a_cap_closes_the_thought_and_asks_for_the_answer(opening):
    solved, engine = only(Budget(cap=20, reserve=8), goes_on(LONG), opening)
    reply = solved.chosen.reply
    assert len(toy_chat().encode(thought(reply).removeprefix("\n"))) == 20
    assert reply.text.endswith("</think><answer>7</answer>") and solved.answer == "7"
    assert engine.calls[-1][1].max_tokens == 8


def test_a_thought_within_the_cap_is_left_alone():
    solved, engine = only(Budget(cap=400), goes_on("<think>1 + 1</think><answer>2</answer><|end|>"))
    assert solved.chosen.reply.text == "<think>1 + 1</think><answer>2</answer>" and len(engine.calls) == 2


def test_the_answer_has_its_own_reserve_and_is_no_answer_when_that_runs_out():
    solved, _ = only(
        Budget(cap=20, reserve=3), goes_on("<think>" + "7 " * 100 + "</think><answer>7 7 7 7</answer><|end|>")
    )
    assert solved.answer is None and solved.candidates[0].reply.finish == "length"


def wavering(prompt: str, sample: int, seed: int) -> str:
    """Ends its thought early, and answers by how often it was made to wait."""
    written = prompt.rpartition("Assistant:")[2]
    if "<answer>" in written or "</think>" in written:
        return f"<answer>{written.count('wait, ')}</answer><|end|>".removeprefix("<answer>" * ("<answer>" in written))
    return ("" if "<think>" in written else "<think>") + "1 2 3</think>"


@pytest.mark.parametrize("opening", ["", "<think>"])
@pytest.mark.parametrize(
    ("waits", "floor", "answer"), [(0, 90, "0"), (1, 90, "1"), (3, 90, "3"), (3, 0, "0"), (9, 17, "2")]
)
def test_a_floor_puts_wait_in_place_of_an_early_end(opening, waits, floor, answer):
    solved, _ = only(Budget(cap=90, floor=floor, waits=waits), wavering, opening)
    assert solved.answer == answer
    assert thought(solved.chosen.reply) == "1 2 3" + "wait, 1 2 3" * int(answer)


def test_the_word_is_chinese_for_a_chinese_question_or_what_is_asked_for():
    engine, (task, problems) = Scripted(wavering), toy_task("用数字算出二", "1 + 1")
    chinese, english = Budget(cap=60, floor=60)(engine, task, problems, 0)
    assert thought(chinese.chosen.reply) == "1 2 3等等, 1 2 3" and thought(english.chosen.reply) == "1 2 3wait, 1 2 3"
    told = Budget(cap=60, floor=60, wait="Hm, ")(engine, task, problems, 0)
    assert [thought(solved.chosen.reply) for solved in told] == ["1 2 3Hm, 1 2 3"] * 2


@pytest.mark.parametrize("cap", [17, 30, 31, 33, 48, 64, 90])
def test_the_cap_is_counted_anew_after_each_continuation(cap):
    solved, engine = only(Budget(cap=cap, floor=cap, waits=50), wavering, "<think>")
    chat = toy_chat()
    thinking, turn = len(chat.encode(thought(solved.chosen.reply))), len(chat.encode("wait, 1 2 3"))
    assert cap - turn - stride(cap) < thinking <= cap
    rooms = [sampling.max_tokens for _, sampling in engine.calls[:-1]]
    assert (
        rooms[0] == cap and all(room % stride(cap) == 0 for room in rooms[1:]) and rooms == sorted(rooms, reverse=True)
    )


def test_a_thought_that_goes_on_to_the_cap_is_closed_there():
    def script(prompt, sample, seed):
        if prompt.endswith("<answer>"):
            return "5</answer><|end|>"
        return "1 " * 200 if "wait" in prompt else "1 2 3</think>"

    solved, _ = only(Budget(cap=60, floor=60), script, "<think>")
    thinking = len(toy_chat().encode(thought(solved.chosen.reply)))
    assert 60 - stride(60) < thinking <= 60 and solved.answer == "5"


def test_a_thought_that_ends_the_reply_is_closed_and_answered():
    def script(prompt, sample, seed):
        return "2</answer><|end|>" if prompt.endswith("</think><answer>") else "<think>1 + 1<|end|>"

    solved, _ = only(Budget(cap=50), script)
    assert solved.chosen.reply.text == "<think>1 + 1</think><answer>2</answer>"


def test_a_reply_that_opens_no_thought_is_left_as_it_is():
    solved, engine = only(Budget(cap=50, floor=50, waits=3), goes_on("the answer is 2<|end|>"))
    assert solved.answer is None and solved.candidates[0].reply.text == "the answer is 2" and len(engine.calls) == 1


def test_tokens_put_in_have_log_probability_zero_and_are_not_paid_as_drawn():
    solved, engine = only(Budget(cap=20, reserve=8), goes_on(LONG))
    reply, chat = solved.chosen.reply, toy_chat()
    assert chat.decode(reply.token_ids) == reply.text and len(reply.logprobs) == len(reply.token_ids)
    put = chat.encode("</think><answer>")
    assert reply.logprobs.count(0.0) == len(put) and solved.cost.tokens == len(reply.token_ids) - len(put)


def test_a_budget_that_never_cuts_in_gives_the_greedy_chain():
    engine, (task, problems) = TorchEngine(toy_model(), toy_chat()), toy_task()
    problems = [replace(p, prompt=p.prompt + "<think>") for p in problems]
    for solved in Budget(cap=30, reserve=10)(engine, task, problems, 0):
        [greedy] = Chain(30)(engine, task, [solved.problem], 0)
        assert solved.candidates[0].reply.token_ids[:30] == greedy.candidates[0].reply.token_ids


def test_a_budget_that_contradicts_itself_and_an_engine_without_tokens_are_refused():
    with pytest.raises(ConfigError, match="floor = 9 is above cap = 5"):
        Budget(cap=5, floor=9)
    with pytest.raises(ConfigError, match="reserve = 0"):
        Budget(reserve=0)
    engine = Scripted(wavering)
    engine.chat = False
    with pytest.raises(RunError, match="does not show its tokens"):
        Budget()(engine, *toy_task(), 0)


def test_step_by_step_begins_the_thought_and_asks_for_an_answer_where_there_is_none():
    starts = []

    def script(prompt, sample, seed):
        starts.append(prompt.rpartition("Assistant:")[2])
        return "2</answer><|end|>" if prompt.endswith("<answer>") else "1 + 1 = 2<|end|>"

    solved, _ = only(StepByStep(), script)
    assert starts[0] == "<think>Let's think step by step.\n"
    assert solved.chosen.reply.text == "<think>Let's think step by step.\n1 + 1 = 2</think><answer>2</answer>"
    engine, (task, problems) = Scripted(script), toy_task("一加一")
    [solved] = StepByStep()(engine, task, problems, 0)
    assert thought(solved.chosen.reply).startswith("让我们一步一步地思考。")


def test_step_by_step_opens_no_second_thought():
    solved, _ = only(
        StepByStep(), goes_on("<think>Let's think step by step.2</think><answer>2</answer><|end|>"), "<think>\n"
    )
    assert solved.chosen.reply.text.count("<think>") == 1 and solved.answer == "2"


def draft(text: str, finish="stop", opening="") -> Draft:
    ids = tuple(toy_chat().encode(text))
    return Draft(0, [1], opening, ids, (-1.0,) * len(ids), finish)


@pytest.mark.parametrize(
    ("text", "finish", "opening", "how"),
    [
        ("<think>a</think>", "stop", "", "closed"), ("a</think>", "stop", "<think>", "closed"),
        ("<think>a<|end|>", "stop", "", "ended"), ("<think>a", "length", "", "cut"), ("a", "length", "<think>", "cut"),
        ("a<|end|>", "stop", "", "stray"), ("a</think>", "stop", "", "stray"), (" \n<think>a", "length", "", "cut"),
    ],
)  # fmt: skip
def test_how_a_thought_ended_is_told(text, finish, opening, how):
    assert ending(toy_chat(), draft(text, finish, opening)) == how


@pytest.mark.parametrize(
    ("text", "finish", "left"),
    [("<think>a b</think>", "stop", "<think>a b"), ("<think>a b<|end|>", "stop", "<think>a b")],
)
def test_what_ended_a_thought_can_be_taken_away(text, finish, left):
    chat = toy_chat()
    again = reopened(chat, draft(text, finish))
    assert again.text(chat) == left and again.finish == "length" and len(again.logprobs) == len(again.token_ids)
    assert thought_length(chat, again) == len(chat.encode("a b"))
    assert answering(chat, draft(text, finish)).text(chat) == left + (
        "</think>" if "</" in text else "</think><answer>"
    )


def test_hidden_reasoning_goes_on_until_two_answers_agree_and_shows_the_last_alone():
    def script(prompt, sample, seed):
        written = prompt.rpartition("Assistant:")[2]
        if "</think>" in written:
            return f"<answer>{min(2, written.count('wait, '))}</answer><|end|>"
        return ("" if "<think>" in written else "<think>") + "1 2 3</think>"

    events = []
    solved, engine = only(Hidden(rounds=9, cap=200), script, watch=events.append)
    assert solved.chosen.reply.text == "<think></think><answer>2</answer>" and solved.answer == "2"
    assert [e["answer"] for e in events if e["kind"] == "reply"] == ["0", "1", "2", "2"]
    assert not any("1 2 3" in str(e) for e in events) and solved.candidates[0].reply.token_ids == []
    assert solved.cost.tokens == engine.ledger.tokens
    solved, _ = only(Hidden(rounds=2, cap=200), script)
    assert solved.answer == "1"


def test_hidden_reasoning_shows_the_last_answer_there_was_and_stops_at_its_cap():
    def script(prompt, sample, seed):
        if "</think>" in prompt:
            return "no<|end|>" if "wait" in prompt else "<answer>2</answer><|end|>"
        return "1 2 3</think>"

    solved, engine = only(Hidden(rounds=9, cap=40), script, "<think>")
    assert solved.answer == "2" and 2 < len(engine.calls) < 18


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("<think>secret</think><answer>2</answer>", "<think></think><answer>2</answer>"), ("<think>secret", ""),
        ("plain words", "plain words"), ("<think>a</think>b<think>c", "<think></think>b<think>c"),
    ],
)  # fmt: skip
def test_what_is_shown_of_a_reply_holds_no_thinking(text, seen):
    reply = shown(Completion(text, [1], [2, 3], [-1.0, -1.0]))
    assert reply.text == seen and (seen == text or reply.token_ids == [])
