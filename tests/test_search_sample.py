"""Whole replies: chains of thought, direct answers, votes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aha.chat import Chat
from aha.errors import ConfigError
from aha.models.folder import load_model, resolve
from aha.models.precision import DTYPES, fastest
from aha.rollout.engine import TorchEngine
from aha.search.capped import Capped
from aha.search.pool import Pool
from aha.search.sample import BestOf, Chain, Direct, Vote
from aha.search.select import mean_credit
from aha.stats import cons_at_k
from aha.tasks.countdown import countdown
from aha.types import Sampling
from tests.search_toys import Scripted, toy_task
from tests.toys import toy_chat, toy_model


def tiny() -> TorchEngine:
    folder = resolve("tiny")
    return TorchEngine(load_model(folder, DTYPES[fastest()]), Chat.load(folder))


def by_sample(*answers: str):
    return lambda prompt, sample, seed: f"<think>a</think><answer>{answers[sample]}</answer><|end|>"


def test_a_greedy_chain_is_the_engines_greedy_reply():
    engine, (task, problems) = TorchEngine(toy_model(), toy_chat()), toy_task()
    solved = Chain(20)(engine, task, problems, seed=5)
    expected = engine.generate([p.prompt for p in problems], Sampling(max_tokens=20, temperature=0))
    assert [s.candidates[0].reply for s in solved] == [group[0] for group in expected]


@pytest.mark.parametrize(("opening", "put"), [("", "<think></think><answer>"), ("<think>\n", "</think><answer>")])
def test_a_direct_answer_leaves_no_room_for_thinking(opening, put):
    engine, (task, [problem, _]) = Scripted(lambda p, s, seed: "2</answer><|end|>"), toy_task()
    [solved] = Direct()(engine, task, [replace(problem, prompt=problem.prompt + opening)], 0)
    assert engine.calls[0][0] == [problem.prompt + opening + put]
    assert solved.chosen.reply.text.replace("\n", "") == "<think></think><answer>2</answer>" and solved.answer == "2"


def test_a_thought_that_the_prompt_opens_is_part_of_the_reply():
    engine, (task, [problem, _]) = Scripted(lambda p, s, seed: "a</think><answer>2</answer><|end|>"), toy_task()
    [solved] = Vote(3)(engine, task, [replace(problem, prompt=problem.prompt + "<think>\n")], 0)
    assert solved.chosen.reply.text == "<think>\na</think><answer>2</answer>" and solved.votes == {"2": 3}


def test_the_majority_is_drawn_in_one_call_that_computes_each_prompt_once():
    engine, (task, problems) = Scripted(by_sample("2", "3", "3", "4")), toy_task()
    solved = Vote(4)(engine, task, problems, 0)
    assert [s.answer for s in solved] == ["3", "3"] and len(engine.calls) == 1
    assert [s.cost.prompt_tokens for s in solved] == [len(toy_chat().encode(p.prompt)) for p in problems]


def test_what_happens_can_be_watched():
    engine, (task, problems) = Scripted(by_sample("2", "3")), toy_task()
    events = []
    Vote(2)(engine, task, problems, 0, events.append)
    replies = [(e["problem"], e["answer"]) for e in events if e["kind"] == "reply"]
    assert replies == [(0, "2"), (0, "3"), (1, "2"), (1, "3")]
    assert [e["problem"] for e in events if e["kind"] == "answer"] == [0, 1] and events[-1]["votes"] == {"2": 1, "3": 1}


def test_settings_that_cannot_be_are_refused():
    for make in (lambda: Vote(0), lambda: Chain(0), lambda: Vote(4, temperature=-1), lambda: BestOf(0, rate=None)):
        with pytest.raises(ConfigError, match="give"):
            make()


def test_no_strategy_draws_more_than_a_capped_engine_has():
    task, problems = toy_task("1 + 1")
    engine = Capped(TorchEngine(toy_model(), toy_chat()), 50)
    first, second, third = (Vote(4, max_tokens=100)(engine, task, problems, seed)[0] for seed in range(3))
    assert max(len(c.reply.token_ids) for c in first.candidates) == 12
    assert first.cost.tokens + second.cost.tokens + third.cost.tokens + engine.left == 50 and 0 <= engine.left < 4
    [solved] = Vote(4, max_tokens=100)(engine, task, problems, 3)
    assert solved.cost.tokens == 0 and solved.answer is None and len(solved.candidates) == 4
    assert all(c.reply.finish == "length" for c in solved.candidates)


@pytest.mark.slow
def test_any_smaller_vote_of_the_embedded_model_is_read_off_one_run(tmp_path):
    engine, task = tiny(), countdown((2,), by="expression", largest=20, test_count=20)
    pool = Pool(engine, tmp_path)
    whole = Vote(16, max_tokens=64)(pool, task, task.test, seed=3)
    drawn = engine.ledger.tokens
    fewer = Vote(5, max_tokens=64)(pool, task, task.test, seed=3)
    assert engine.ledger.tokens == drawn and [s.candidates for s in fewer] == [s.candidates[:5] for s in whole]
    fresh = Vote(5, max_tokens=64)(tiny(), task, task.test, seed=3)
    for one, other in zip(fresh, fewer, strict=True):  # log-probabilities differ by the rounding of bf16
        assert [c.reply.token_ids for c in one.candidates] == [c.reply.token_ids for c in other.candidates]
        assert (one.cost.tokens, one.cost.prompt_tokens) == (other.cost.tokens, other.cost.prompt_tokens)
    answers = [[c.answer for c in s.candidates] for s in whole]
    right = [[s.parts["correct"] for s in task.rubric(w.problem, [c.reply for c in w.candidates])] for w in whole]
    credits = cons_at_k(answers, right, 5)
    ours = [mean_credit(w.candidates, r, 5, Vote().choose) for w, r in zip(whole, right, strict=True)]
    assert sum(map(sum, right)) > 0 and credits == pytest.approx(ours, abs=0.25)
