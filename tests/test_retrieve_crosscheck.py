"""Answers checked by agreement and by questions, and what becomes of those that fail."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from aha.chat import Chat
from aha.models.folder import load_model, resolve
from aha.rollout.engine import TorchEngine
from aha.search.abstain import SAID, WITHHELD, abstains
from aha.search.apart import apart
from aha.search.crosscheck import Agree, Supported, Verify, agreement
from aha.search.facts import fact_table, is_it_so, other_way, yes_or_no
from aha.search.passages import Index
from aha.search.retrieve import Grounded, Retrieve
from aha.search.sample import Chain, Vote
from aha.search.support import by_names
from aha.tasks.general import general, problem_of, questions
from aha.types import Completion
from tests.search_toys import Scripted, candidates, total, toy_task

FACTS = {q.text: q for q in questions(held_out=False)["fact"]}
TASK = general(("fact",), test_count=0)
FRANCE, BACK = "What is the capital of France?", "{} is the capital of which country?"


def fact(text: str):
    return problem_of(FACTS[text], FACTS[text].replies[0])


def knows(answers: dict[str, list[str]]):
    """A model that answers a question with one of its answers, by sample."""

    def script(prompt: str, sample: int, seed: int) -> str:
        said = answers[prompt.partition("User: ")[2].partition("\n")[0]]
        return f"<think></think><answer>{said[sample % len(said)]}</answer><|end|>"

    return script


def test_an_answer_that_few_replies_give_is_withheld():
    engine = Scripted(knows({FRANCE: ["Paris", "Rome", "Paris", "Oslo"]}))
    for least, expected in ((0.5, ("Paris",)), (0.6, WITHHELD)):
        [solved] = Agree(Vote(4), least)(engine, TASK, [fact(FRANCE)], 0)
        assert solved.answer == expected and len(solved.candidates) == 4 and solved.cost.tokens
    assert solved.chosen.reply.text == "<think></think><answer>I do not know.</answer>"


def test_no_answer_stays_no_answer():
    engine = Scripted(lambda p, s, seed: "<think>on and on" + " x" * 9 + "<|end|>")
    for strategy in (Agree(Vote(2, max_tokens=4)), Verify(Chain(4), other_way), Supported(Chain(4))):
        [solved] = strategy(engine, TASK, [fact(FRANCE)], 0)
        assert solved.answer is None and solved.chosen is None


def test_agreement_counts_replies_without_an_answer():
    task, problems = toy_task("1 + 1")
    [solved] = Vote(4)(Scripted(lambda p, s, seed: "<think>a</think><answer>2</answer><|end|>"), task, problems, 0)
    assert agreement(solved) == 1.0
    assert agreement(replace(solved, candidates=tuple(candidates(("2", 1), (None, 1))))) == 0.5


def test_an_answer_that_leads_back_stands_and_one_that_does_not_is_withheld():
    for said, back, expected in (("Paris", "France", ("Paris",)), ("Rome", "Italy", WITHHELD), ("hm", "-", WITHHELD)):
        engine = Scripted(knows({FRANCE: [said], BACK.format(said): [back]}))
        [solved] = Verify(Chain(), other_way)(engine, TASK, [fact(FRANCE)], 0)
        assert solved.answer == expected and solved.cost.tokens == engine.ledger.tokens
        assert solved.cost.prompt_tokens == engine.ledger.prompt_tokens


def test_the_next_most_voted_answer_replaces_one_that_fails():
    script = knows(
        {FRANCE: ["Rome", "Rome", "Paris"], BACK.format("Rome"): ["Italy"], BACK.format("Paris"): ["France"]}
    )
    events = []
    [solved] = Verify(Vote(3), other_way, tries=2)(Scripted(script), TASK, [fact(FRANCE)], 0, events.append)
    assert solved.answer == ("Paris",) and "Paris" in solved.chosen.reply.text
    assert [e["answer"] for e in events if e["kind"] == "answer"] == [("Paris",)]
    [solved] = Verify(Vote(3), other_way, tries=1)(Scripted(script), TASK, [fact(FRANCE)], 0)
    assert solved.answer == WITHHELD


def test_a_fact_that_has_no_way_back_is_asked_in_other_words():
    text = "How many legs does a cat have?"
    c = candidates((("4",), 3))[0]
    [(asked, expected)] = other_way(fact(text), c)
    assert expected == ("4",) and asked.prompt != fact(text).prompt and "a cat" in asked.prompt
    every = [(q, other_way(fact(q.text), candidates(((q.value,), 3))[0])) for q in FACTS.values()]
    assert all(len(put) == 1 and q.subject in (put[0][1][0], put[0][0].answer["subject"]) for q, put in every)


def test_a_verifying_question_does_not_carry_the_right_answer():
    for text in (FRANCE, "法国的首都是哪里？"):
        [(asked, expected)] = other_way(fact(text), candidates((("罗马",), 3))[0])
        assert FACTS[text].value not in asked.prompt + str(asked.answer) and expected == (FACTS[text].subject,)


def test_the_model_can_be_asked_whether_it_is_so():
    task, [problem] = toy_task("1 + 1")
    script = knows({"1 + 1": ["2"], "Question: 1 + 1": ["Yes."]})
    [solved] = Verify(Chain(), is_it_so, task=yes_or_no())(Scripted(script), task, [problem], 0)
    assert solved.answer == "2"
    [(asked, _)] = is_it_so(problem, solved.chosen)
    assert asked.prompt.endswith("Question: 1 + 1\nAnswer: 2\nIs this answer right? Reply with yes or no.\nAssistant:")
    read = [
        yes_or_no().answer_of(asked, Completion(f"<think></think><answer>{a}</answer>")) for a in ("对。", "No", "2")
    ]
    assert read == [True, False, None]


def test_both_languages_say_that_they_do_not_know():
    for said in SAID.values():
        assert abstains(Completion(f"<think></think><answer>{said}</answer>"))
        assert not abstains(Completion(f"<think></think><answer>{said}</answer>", finish="length"))
    assert not abstains(Completion("<think>I do not know</think><answer>Paris</answer>"))


def test_equal_prompts_are_asked_in_calls_of_their_own():
    assert apart(["a", "b", "a", "a", "b"]) == [[0, 1], [2, 4], [3]] and apart([]) == []


@pytest.mark.slow
def test_what_a_fact_is_answered_does_not_depend_on_what_else_is_asked():
    folder = resolve("tiny")
    engine = TorchEngine(load_model(folder, torch.float32), Chat.load(folder))
    problems = [fact(text) for text in list(FACTS)[:12]]
    look = Retrieve(Index(fact_table()).search, by_names, n=4, max_tokens=48, temperature=0.6)
    for strategy in (Verify(Vote(4, max_tokens=48), other_way, by=Vote(2, max_tokens=48), tries=2), Supported(look)):
        before = engine.ledger.tokens
        whole = strategy(engine, TASK, problems, seed=3)
        assert sum(s.cost.tokens for s in whole) == engine.ledger.tokens - before
        [alone] = strategy(engine, TASK, problems[5:6], seed=3)
        assert (alone.answer, alone.cost.tokens) == (whole[5].answer, whole[5].cost.tokens)
    assert all(isinstance(s, Grounded) and len(s.passages) == 3 for s in whole)
    assert total([s.cost for s in whole], "prompt_tokens") > 50 * len(problems)
