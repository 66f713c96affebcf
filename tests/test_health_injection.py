"""Faults planted in real training of toy models: no broken step changes a weight, and the guard names what was done."""

from __future__ import annotations

import copy
import dataclasses
import math

import pytest
import torch

from aha.chat import Chat
from aha.errors import DataError
from aha.models.folder import load_model, resolve
from aha.models.precision import DTYPES, fastest
from aha.rewards.rubric import Rubric, each, name_of
from aha.rollout.engine import TorchEngine
from aha.tasks.base import Task
from aha.tasks.countdown import countdown
from aha.train import grpo
from aha.train.health import Health, HealthSettings
from aha.train.rollouts import ADVANTAGES
from aha.train.settings import Grpo
from aha.types import Problem
from tests.toys import toy_chat, toy_model

HERE = fastest()
SMALL = Grpo(problems=4, group=8, max_tokens=6, lr=0.02, warmup=0, micro_tokens=64)
WIDE = SMALL.model_copy(update={"problems": 16, "group": 4})


@each
def low_token(problem, completion):
    """Half of the vocabulary is right, so a random model earns about a half."""
    return float(sum(i < 700 for i in completion.token_ids) / len(completion.token_ids))


def toy_task(*weighted):
    problems = [Problem(f"question {i}", id=str(i)) for i in range(50)]

    def draw(count, seed):
        return [problems[(seed + i) % 50] for i in range(count)]

    return Task("toy", draw, problems, Rubric(*weighted), lambda p, c: c.text)


class Switch:
    """An engine that can be exchanged while a run goes on, and that may change what it is asked and what it answers."""

    def __init__(self, model):
        self.engine = TorchEngine(model, toy_chat())
        self.asked = self.answered = lambda x: x

    def generate(self, prompts, sampling, done=None):
        groups = self.answered(self.engine.generate(prompts, self.asked(sampling)))
        for index, group in enumerate(groups):
            done(index, group)
        return groups


class Run:
    """Training step by step, with the guard's verdict on each."""

    def __init__(self, settings=SMALL, task=None, model=None, patience=3, seed=0):
        self.model = model or toy_model(seed=seed)
        self.engine, self.state = Switch(self.model), grpo.start(self.model, settings)
        self.health = Health(HealthSettings(patience=patience), "fp32")
        task = task or toy_task((1.0, low_token))
        self.steps = grpo.train(self.model, self.engine, task, settings, self.state, 1000, seed)

    def go(self, steps=1):
        """Take steps; returns the verdict on the last."""
        for _ in range(steps):
            self.record = next(self.steps)[1]
            self.verdict = self.health.check(self.record)
        return self.verdict

    def remembers(self):
        """All that training changes: the weights, and the optimizer's moments, as bytes."""
        moments = self.state.optimizer.state.values()
        return [
            t.detach().numpy().tobytes() for t in (*self.model.parameters(), *(t for m in moments for t in m.values()))
        ]


def ending(finish):
    """Replies that all end the same way."""
    return lambda groups: [[dataclasses.replace(reply, finish=finish) for reply in group] for group in groups]


# G1: not a number ----------------------------------------------------------------------------------------------------


def one_logprob(value):
    """Replies of which one token carries a log-probability that cannot be."""

    def change(groups):
        first, *others = groups[0]
        broken = dataclasses.replace(first, logprobs=[value, *first.logprobs[1:]])
        return [[broken, *others], *groups[1:]]

    return change


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("surrogate", ["clipped", "cispo", "gspo"])
def test_a_log_probability_that_is_no_number_changes_nothing(surrogate, value):
    run = Run(SMALL.model_copy(update={"surrogate": surrogate}))
    run.go(2)
    before = run.remembers()
    run.engine.answered = one_logprob(value)
    assert run.go().guard == "not-finite" and run.record["skipped_updates"] == 1.0
    assert run.remembers() == before
    run.engine.answered = lambda groups: groups
    run.go()
    assert run.record["skipped_updates"] == 0.0 and run.remembers() != before


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_gradient_that_is_no_number_changes_nothing_and_stops_the_run_when_it_stays(monkeypatch, value):
    run, honest = Run(), grpo.backward
    run.go(2)
    before = run.remembers()

    def poisoned(policy, *rest):
        stats = honest(policy, *rest)
        next(policy.parameters()).grad[0, 0] = value
        return stats

    monkeypatch.setattr(grpo, "backward", poisoned)
    assert [run.go().state for _ in range(3)] == ["warn", "warn", "halt"]
    assert run.verdict.guard == "not-finite" and run.remembers() == before


# G2: a learning rate far too high ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_a_thousandfold_learning_rate_rolls_back_within_five_steps(seed):
    run = Run(SMALL.model_copy(update={"lr": 20.0}), seed=seed)
    states = [run.go().state for _ in range(5)]
    assert "rollback" in states and run.verdict.good == 0 and "grpo.lr" in run.verdict.words


def test_a_learning_rate_raised_in_the_middle_rolls_back_to_before(monkeypatch):
    run, honest = Run(), grpo.learning_rate
    run.go(4)
    monkeypatch.setattr(grpo, "learning_rate", lambda *a: 1000 * honest(*a))
    states = [run.go().state for _ in range(5)]
    assert "rollback" in states
    assert run.verdict.good == 4  # step 5 broke it, which the replies of step 6 show


@pytest.mark.slow
@pytest.mark.parametrize("dtype", sorted({"fp32", fastest()}))
def test_a_thousandfold_learning_rate_breaks_the_embedded_model_and_is_rolled_back(dtype):
    settings = Grpo(problems=8, group=8, max_tokens=96, lr=0.2)
    states = [verdict.guard for _, verdict in embedded(settings, 5, dtype=dtype)]
    assert "explosion" in states


# G3: no signal -------------------------------------------------------------------------------------------------------


def test_a_constant_reward_is_named_at_once_halts_and_moves_nothing():
    flat = False

    @each
    def sometimes(problem, completion):
        return 0.25 if flat else low_token.__wrapped__(problem, completion)

    run = Run(WIDE, toy_task((1.0, sometimes)), patience=10)
    run.engine.answered = ending("stop")
    run.go(3)
    flat, before = True, run.remembers()
    states = [run.go().state for _ in range(10)]
    assert states == ["warn"] * 9 + ["halt"] and "0.25" in run.verdict.words
    assert run.remembers() == before


def test_a_gradient_of_zero_takes_no_step_although_there_is_momentum():
    run = Run()
    run.go(2)
    before = run.remembers()
    for tensor in run.state.masters.tensors:
        tensor.grad = torch.zeros_like(tensor)
    assert grpo.apply(SMALL, run.state)["skipped_updates"] == 0.0
    assert run.remembers() == before


# G4: the sampler is not the trainer ----------------------------------------------------------------------------------


def colder(run, before):
    run.engine.asked = lambda sampling: dataclasses.replace(sampling, temperature=0.9 * sampling.temperature)


def stale(run, before):
    run.engine.engine = TorchEngine(before, toy_chat())


def one_layer_stale(run, before):
    mixed = copy.deepcopy(run.model)
    mixed.blocks[1].load_state_dict(before.blocks[1].state_dict())
    run.engine.engine = TorchEngine(mixed, toy_chat())


@pytest.mark.parametrize("fault", [colder, stale, one_layer_stale])
def test_a_sampler_that_differs_from_the_trainer_halts_the_run_in_one_step(fault):
    run = Run(SMALL.model_copy(update={"lr": 0.002, "updates": 2}))
    run.go(2)
    before = copy.deepcopy(run.model)
    assert run.go().guard != "mismatch"
    fault(run, before)
    assert (run.go().state, run.verdict.guard) == ("halt", "mismatch") and "weights" in run.verdict.words


@pytest.mark.slow
def test_a_wrong_temperature_is_told_from_the_rounding_of_bf16():
    settings, cold = Grpo(problems=8, group=8, max_tokens=96, lr=2e-4), False

    def change(engine):
        honest = engine.generate
        engine.generate = lambda prompts, sampling, done: honest(
            prompts, dataclasses.replace(sampling, temperature=0.8 if cold else 1.0), done
        )

    steps = embedded(settings, 4, change=change)
    assert [next(steps)[1].state for _ in range(2)] == ["ok", "ok"]
    cold = True
    assert next(steps)[1].guard == "mismatch"


# G5 and G6: replies too long, and paid for it ------------------------------------------------------------------------


def test_replies_that_are_all_cut_off_are_told_from_a_reward_that_is_constant():
    @each
    def ended(problem, completion):
        return float(completion.finish == "stop")

    run = Run(WIDE.model_copy(update={"max_tokens": 2}), toy_task((1.0, ended)), patience=10)
    run.engine.answered = ending("length")
    assert run.go().words.startswith("100 % of replies are cut off at 2 tokens: raise grpo.max_tokens")
    assert run.go(9).state == "halt" and run.verdict.guard == "cut-off"


@pytest.mark.slow
def test_a_reward_that_pays_for_length_is_found_out():
    task = countdown([3], "target", test_count=1)

    @each
    def long(problem, completion):
        return len(completion.token_ids) / 64

    [correct] = [reward for _, reward in task.rubric.weighted(task.test[0]) if name_of(reward) == "correct"]
    leaking = dataclasses.replace(task, rubric=Rubric((1.0, correct), (1.0, long)))
    settings = Grpo(problems=8, group=8, max_tokens=192, lr=1e-3)
    found = [verdict for _, verdict in embedded(settings, 20, leaking, "fp32")]
    assert (found[-1].state, found[-1].guard) == ("halt", "length")


# G8: rewards that are none -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "1", [1.0]])
def test_a_reward_that_is_no_number_is_an_error_that_names_it(value):
    @each
    def strange(problem, completion):
        return value

    run = Run(task=toy_task((1.0, strange)))
    before = run.remembers()
    with pytest.raises(DataError, match="strange"):
        run.go()
    assert run.remembers() == before


@pytest.mark.parametrize("count", [0, 7, 9])
def test_a_list_of_rewards_of_another_length_is_an_error_that_names_it(count):
    def uneven(problem, group):
        return [1.0] * count

    with pytest.raises(DataError, match=f"'uneven' returned {count} values for 8 replies"):
        Run(task=toy_task((1.0, uneven))).go()


@pytest.mark.parametrize("advantage", ADVANTAGES)
def test_a_reward_of_a_billion_still_teaches_and_larger_ones_are_refused(advantage):
    def rich(amount):
        return toy_task((amount, low_token))

    settings = SMALL.model_copy(update={"advantage": advantage})
    run = Run(settings, rich(1e9))
    before = run.remembers()
    run.go()
    assert run.record["skipped_updates"] == 0.0 and math.isfinite(run.record["loss"]) and run.remembers() != before
    for amount in (1e19, 1e39, 1e300):
        with pytest.raises(DataError, match="more than fp32 can compare"):
            Run(settings, rich(amount)).go()


@pytest.mark.parametrize("advantage", ADVANTAGES.values(), ids=ADVANTAGES)
@pytest.mark.parametrize(
    "rewards", [[None] * 4, [None, None, None, 1.0], [0.0, 1e9, -1e9, None], [1e9, 1e9, None, 1e9]]
)
def test_replies_without_a_grade_never_make_an_advantage_of_nan(advantage, rewards):
    reward_BG = torch.tensor([[math.nan if r is None else r for r in rewards]])
    found_BG = advantage(reward_BG)
    assert found_BG.isfinite().all() and found_BG[0, [r is None for r in rewards]].eq(0).all()


def test_graders_that_fail_often_are_told_from_a_task_without_signal():
    @each
    def flaky(problem, completion):
        return None if completion.token_ids[0] % 2 else low_token.__wrapped__(problem, completion)

    run = Run(WIDE, toy_task((1.0, flaky)))
    assert run.go().guard == "graders" and run.go(2).state == "halt"


# G9: sound runs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("changes", [{}, {"updates": 2, "kl": 0.01}, {"problems": 2, "group": 4}], ids=str)
def test_a_sound_toy_run_is_never_stopped(seed, changes):
    run = Run(SMALL.model_copy(update=changes), seed=seed, patience=10)
    assert {run.go().state for _ in range(15)} <= {"ok", "warn"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_a_sound_run_of_the_embedded_model_is_never_stopped(seed):
    settings = Grpo(problems=8, group=8, max_tokens=160, lr=2e-4)
    assert {verdict.state for _, verdict in embedded(settings, 12, seed=seed)} <= {"ok", "warn"}


def embedded(settings, steps, task=None, dtype=HERE, seed=0, change=lambda engine: None):
    """Train the embedded model on Countdown; yields records and verdicts until the run is stopped."""
    folder = resolve("tiny")
    model, health = load_model(folder, DTYPES[dtype]), Health(HealthSettings(), dtype)
    engine, state = TorchEngine(model, Chat.load(folder)), grpo.start(model, settings)
    change(engine)
    for _, record in grpo.train(
        model, engine, task or countdown([3], "target", test_count=1), settings, state, steps, seed
    ):
        verdict = health.check(record)
        yield record, verdict
        if verdict.state in ("halt", "rollback"):
            return
