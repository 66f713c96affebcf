"""Sequential revision: what the model is shown, and who is chosen."""

from __future__ import annotations

import re
from dataclasses import replace

from aha.search.rate import outcome
from aha.search.revise import Revise, as_turn, in_thought
from aha.search.select import best
from tests.search_toys import Scripted, toy_task

FIRST = "<think>x</think><answer>5</answer>"


def test_the_new_thought_begins_with_the_answers_so_far():
    _, [problem, _] = toy_task()
    again, opening = in_thought(problem, [FIRST, FIRST.replace("5", "6")])
    assert again is problem and opening == "<think>maybe 5\nmaybe 6\nwait, "
    _, [chinese] = toy_task("一加一")
    assert in_thought(chinese, [FIRST])[1] == "<think>也许 5\n等等, "


def test_or_the_conversation_goes_on_with_the_question_once_more():
    _, [problem, _] = toy_task()
    again, opening = as_turn(problem, [FIRST])
    assert opening == "" and again.prompt == (
        "User: 1 + 1\nAssistant:<think>x</think><answer>5</answer><|end|>\n"
        "User: Check your answer and try again. 1 + 1\nAssistant:"
    )
    opened = replace(problem, prompt=problem.prompt + "<think>\n")
    assert as_turn(opened, ["<think>\nx</think><answer>5</answer>"])[0].prompt == (
        "User: 1 + 1\nAssistant:<think>\nx</think><answer>5</answer><|end|>\n"
        "User: Check your answer and try again. 1 + 1\nAssistant:<think>\n"
    )


def counting(prompt: str, sample: int, seed: int) -> str:
    """Answers one more than the last answer it sees."""
    written = prompt.rpartition("Assistant:")[2]
    seen = [int(answer) for answer in re.findall(r"maybe (\d+)", written)]
    return ("" if "<think>" in written else "<think>") + f"x</think><answer>{max(seen, default=4) + 1}</answer><|end|>"


def test_each_revision_sees_the_answer_before_it():
    engine, (task, problems) = Scripted(counting), toy_task()
    solved = Revise(rounds=3)(engine, task, problems, 0)
    assert [[c.answer for c in s.candidates] for s in solved] == [["5", "6", "7"]] * 2 and len(engine.calls) == 3
    assert solved[0].candidates[1].reply.text == "<think>maybe 5\nwait, x</think><answer>6</answer>"


def test_a_reply_without_an_answer_is_not_shown_and_the_next_is_a_fresh_try():
    def script(prompt, sample, seed):
        return "never ends " * 9 if seed == 0 else counting(prompt, sample, seed)

    engine, (task, [problem, _]) = Scripted(script), toy_task()
    [solved] = Revise(rounds=3, max_tokens=15)(engine, task, [problem], 0)
    assert [c.answer for c in solved.candidates] == [None, "5", "6"]
    prompts = [texts[0] for texts, _ in engine.calls]
    assert prompts[0] == prompts[1] == problem.prompt and len({s.seed for _, s in engine.calls}) == 3


def chains(prompt: str, sample: int, seed: int) -> str:
    """Chain 0 says 1, 2, 2; chain 1 says 9, 8, 8 and chain 2 says 2, 2, 2."""
    follows = {"1": "2", "2": "2", "9": "8", "8": "8"}
    written = prompt.rpartition("maybe ")[2].partition("\n")[0] if "maybe" in prompt else ""
    answer = follows[written] if written else "192"[sample]
    return ("" if "<think>" in prompt else "<think>") + f"x</think><answer>{answer}</answer><|end|>"


def test_a_chain_chooses_first_then_the_chains_do():
    engine, (task, problems) = Scripted(chains), toy_task()
    for solved in Revise(rounds=3, chains=3)(engine, task, problems, 0):
        assert [c.answer for c in solved.candidates] == ["1", "2", "2", "9", "8", "8", "2", "2", "2"]
        assert solved.votes == {"2": 2, "8": 1} and solved.answer == "2"
    assert engine.calls[0][1].n == 3 and len(engine.calls[0][0]) == 2 and len(engine.calls[1][0]) == 6


def test_a_scorer_can_choose_among_revisions():
    engine, (task, problems) = Scripted(chains), toy_task()
    rate = outcome(lambda pairs: [float(">9<" in text) for _, text in pairs])
    for solved in Revise(rounds=3, chains=3, rate=rate, choose=best)(engine, task, problems, 0):
        assert solved.answer == "9" and solved.chosen.score > 0.7 and solved.cost.scorer_tokens > 0


def test_more_than_the_last_answer_can_be_remembered():
    engine, (task, [problem, _]) = Scripted(counting), toy_task()
    events = []
    Revise(rounds=4, memory=2)(engine, task, [problem], 0, events.append)
    assert engine.calls[-1][0][0].endswith("<think>maybe 6\nmaybe 7\nwait, ")
    assert [e["answer"] for e in events if e["kind"] == "reply"] == ["5", "6", "7", "8"]
