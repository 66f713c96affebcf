"""Routing: who thinks, what it costs, and the classifier behind one of the rules."""

from __future__ import annotations

import json

import numpy as np
import pytest

from aha.chat import render
from aha.errors import ConfigError, ModelError
from aha.search.route import Disagree, Glances, Helps, Route, routed
from aha.search.sample import Chain, Vote
from aha.search.select import majority, solved
from aha.search.simple import FEATURES, Simple, agreement, features, fit, looks_hard
from aha.search.types import Cost
from aha.types import Problem
from tests.search_toys import Scripted, candidates, total, toy_task

EASY, HARD = "2 + 2", "1 + 1"
DIRECT = "<think></think><answer>"


def script(direct: dict[str, list[str]], thought: str = "<think>1</think><answer>7</answer><|end|>"):
    """What is answered at once, by question and sample, and one thought for all."""

    def say(prompt: str, sample: int, seed: int) -> str:
        if not prompt.replace("\n", "").endswith(DIRECT):
            return thought
        replies = next(replies for question, replies in direct.items() if question in prompt)
        return replies[sample % len(replies)]

    return say


def is_hard(problem: Problem) -> bool:
    return HARD in problem.prompt


def run(route: Route, direct: dict[str, list[str]], **more):
    task, problems = toy_task(HARD, EASY)
    engine, events = Scripted(script(direct, **more)), []
    return engine, route(engine, task, problems, 0, events.append), events


SURE = {HARD: ["1</answer><|end|>"], EASY: ["4</answer><|end|>"]}


@pytest.mark.parametrize(
    ("question", "hard"),
    [
        ("What is the capital of France?", False), ("法国的首都是哪里？", False), ("How many legs does a spider have?", False),
        ("What is the opposite of well-known?", False), ("How many people lived there in 1,234,567 BC?", False),
        ("Using the numbers 44, 19, 35, make 98.", True), ("用数字 12, 5 算出 17。", True), ("What is 12 - 30?", True),
        ("What is 12 + 30?", True), ("Why is the sky blue?", True), ("证明这个定理。", True), ("word " * 60, True),
    ],
)  # fmt: skip
def test_the_look_of_a_question_tells_whether_it_takes_steps(question, hard):
    assert looks_hard(Problem(render(question))) is hard


def test_a_hard_look_thinks_at_once_and_pays_for_no_direct_answer():
    engine, found, events = run(Route(before=is_hard), SURE)
    assert [s.answer for s in found] == ["7", "4"] and [len(s.candidates) for s in found] == [1, 1]
    assert total([s.cost for s in found], "tokens") == engine.ledger.tokens
    assert total([s.cost for s in found], "prompt_tokens") == engine.ledger.prompt_tokens
    assert [(e["problem"], e["answer"]) for e in events if e["kind"] == "answer"] == [(0, "7"), (1, "4")]
    assert sorted((e["problem"], e["answer"]) for e in events if e["kind"] == "reply") == [(0, "7"), (1, "4")]


def test_a_question_without_a_direct_answer_thinks_and_pays_for_both():
    engine, found, _ = run(Route(), {HARD: ["<|end|>"], EASY: SURE[EASY]})
    assert [s.answer for s in found] == ["7", "4"] and [len(s.candidates) for s in found] == [2, 1]
    assert total([s.cost for s in found], "tokens") == engine.ledger.tokens
    assert found[0].cost.passes == sum(len(c.reply.token_ids) for c in found[0].candidates)


def test_where_thinking_is_cut_off_the_direct_answer_stands():
    route = Route(Chain(max_tokens=3), after=lambda problem, direct: is_hard(problem))
    _, found, _ = run(route, SURE)
    assert found[0].answer == "1" and found[0].candidates[1].reply.finish == "length"


def test_direct_answers_that_differ_are_thought_about():
    split = {HARD: ["1</answer><|end|>", "2</answer><|end|>"], EASY: SURE[EASY]}
    _, strict, _ = run(Route(direct=Glances(4), after=Disagree()), split)
    assert [s.answer for s in strict] == ["7", "4"] and [len(s.candidates) for s in strict] == [5, 4]
    _, lenient, _ = run(Route(direct=Glances(4), after=Disagree(0.5)), split)
    assert [s.answer for s in lenient] == ["1", "4"]


def direct(*told, question: str = "What is it?"):
    found = candidates(*told)
    return Problem(render(question)), solved(Problem(""), found, majority(found), Cost())


def test_agreement_is_the_share_of_all_replies_that_say_the_same():
    assert agreement(direct(("a", 1), ("a", 1), ("b", 1), (None, 1))[1]) == 0.5
    assert agreement(direct((None, 1))[1]) == agreement(direct()[1]) == 0.0


def test_features_are_of_the_question_and_of_the_direct_answer():
    problem, found = direct(("a", 3, -1.0), ("a", 1, -0.2), question="Is 3 + 4 more than 5?")
    told = dict(zip(FEATURES, features(problem, found), strict=True))
    assert told["numbers"] == np.log1p(3) and told["operators"] == np.log1p(1) and told["words"] == np.log1p(3)
    assert told["answered"] == told["agreement"] == 1.0 and told["weakest"] == -1.0
    assert told["likelihood"] == pytest.approx((-3.0 - 0.2) / 4) and told["length"] == np.log1p(1)
    nothing = dict(zip(FEATURES, features(*direct((None, 2))), strict=True))
    assert nothing["answered"] == nothing["length"] == 0.0


def rows(*values: float) -> list[list[float]]:
    return [[value, *[1.0] * (len(FEATURES) - 1)] for value in values]


def test_a_classifier_of_nothing_but_constants_gives_the_share_that_was_helped():
    model = fit(rows(1, 1, 1, 1), [1, 0, 0, 0])
    chance = model.chance(rows(1)[0])
    assert 4 * chance - 1 + 0.01 * model.bias == pytest.approx(0, abs=1e-9) and chance == pytest.approx(0.25, abs=0.01)


def test_the_fit_is_where_the_penalised_likelihood_is_flat():
    values, helped = [-2.0, -1.0, 0.0, 1.0, 2.0, 3.0], [0, 0, 1, 0, 1, 1]
    model = fit(rows(*values), helped, ridge=0.5)
    z = (np.array(values) - np.mean(values)) / np.std(values)
    error = np.array([model.chance(row) for row in rows(*values)]) - helped
    assert error @ z + 0.5 * model.weight_F[0] == pytest.approx(0, abs=1e-8)
    assert model.weight_F[0] > 0 and set(model.weight_F[1:]) == {0.0}
    assert fit(rows(-1, 1), [0, 1], ridge=1e-3).chance(rows(9)[0]) > 0.99


def test_a_chance_above_its_price_is_worth_thinking():
    model = fit(rows(1, 1, 1, 1), [1, 0, 0, 0])
    problem, found = direct(("a", 1))
    assert Helps(model, 0.2)(problem, found) and not Helps(model, 0.3)(problem, found)
    assert Helps(model, 1.0)(*direct((None, 1)))


def test_labels_that_fit_nothing_are_refused():
    for labels in ([], [0.5], [2, 0]):
        with pytest.raises(ValueError, match="do not fit"):
            fit(rows(1, 2), labels)


def test_a_classifier_comes_back_from_its_file_and_damage_is_told(tmp_path):
    model, file = fit(rows(1, 2, 3), [0, 1, 1]), tmp_path / "classifier.json"
    model.save(file)
    assert Simple.load(file) == model
    told = json.loads(file.read_text())
    for damage in ({"features": ["words"]}, {"weight_F": [1.0]}, {"bias": "x"}, {"scale_F": [0.0] * 8}, {"format": 1}):
        file.write_text(json.dumps(told | damage))
        with pytest.raises(ModelError, match="classifier.json"):
            Simple.load(file)
    with pytest.raises(ModelError, match="nowhere"):
        Simple.load(tmp_path / "nowhere")


def test_the_text_of_a_strategy_makes_a_route(tmp_path):
    assert Route(**routed({})) == Route(Chain(512), before=looks_hard)
    assert Route(**routed({"n": "8", "by": "agreement", "k": "3", "least": "0.6", "max_tokens": "99"})) == Route(
        Vote(8, max_tokens=99), Glances(3), after=Disagree(0.6)
    )
    fit(rows(1, 2), [0, 1]).save(tmp_path / "c.json")
    found = routed({"by": "classifier", "model": str(tmp_path / "c.json"), "least": "0.3"})["after"]
    assert isinstance(found, Helps) and found.least == 0.3


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"by": "luck"}, "by=luck: use rule, classifier, agreement"), ({"by": "classifier"}, "needs model=FILE"),
        ({"by": "agreement", "k": "x"}, "k should be a whole number"), ({"k": "3"}, "by=rule has no k"),
        ({"by": "agreement", "k": "0"}, "k = 0"),
    ],
)  # fmt: skip
def test_routes_that_cannot_be_are_one_line(options, says):
    with pytest.raises(ConfigError, match=says):
        routed(options)
