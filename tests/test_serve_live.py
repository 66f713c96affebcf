"""The live decode loop against the torch engine, and its promises on cancelling, bounds, faults and budgets."""

from __future__ import annotations

import queue
import time
from contextlib import contextmanager
from unittest.mock import MagicMock

import pytest
import torch

from aha.chat import ANSWER, THINK, THINK_END
from aha.errors import RunError
from aha.rollout.engine import TorchEngine
from aha.rollout.jobs import Full, Job
from aha.rollout.live import PATIENCE, Live
from aha.rollout.live_rows import NOT_FINITE
from aha.types import Sampling
from tests.toys import toy_chat, toy_model

PROMPTS = ["User: 1 + 1\nAssistant:", "User: a longer question about 12, 13 and 14\nAssistant:", "x"]


@contextmanager
def looping(**options):
    live = Live(toy_model(), toy_chat(), context=256, **options)
    live.start()
    assert live.warm.wait(120)
    try:
        yield live
    finally:
        live.close()


def replies(live: Live, *jobs: tuple[str, Sampling], **options):
    """Tokens, log-probabilities and ends of each job's samples, all jobs in at once."""
    said: queue.Queue = queue.Queue()
    made = [Job(live.chat.encode(prompt), sampling, said.put, **options) for prompt, sampling in jobs]
    for job in made:
        live.submit(job)
    found = {(i, s): ([], [], []) for i, (_, sampling) in enumerate(jobs) for s in range(sampling.n)}
    left = len(found)
    while left:
        for piece in said.get(timeout=60):
            ids, logprobs, ends = found[made.index(piece.job), piece.sample]
            ids += piece.token_ids
            logprobs += piece.logprobs
            if piece.finish or piece.error:
                ends.append(piece.error or piece.finish)
                left -= 1
    return [[found[i, s] for s in range(sampling.n)] for i, (_, sampling) in enumerate(jobs)]


@pytest.mark.parametrize("slots", [2, 8])
def test_the_loop_draws_what_the_torch_engine_draws_whoever_shares_the_batch(slots):
    jobs = [
        (PROMPTS[0], Sampling(3, 40, seed=1)),
        (PROMPTS[1], Sampling(2, 30, temperature=0.0)),
        (PROMPTS[2], Sampling(4, 50, temperature=0.7, top_p=0.9, seed=2)),
        (PROMPTS[1], Sampling(2, 60, stop=("1",), seed=3)),
    ]
    engine = TorchEngine(toy_model(), toy_chat())
    with looping(slots=slots) as live:
        together = replies(live, *jobs, stream=True)
    for (prompt, sampling), group in zip(jobs, together, strict=True):
        [expected] = engine.generate([prompt], sampling)
        assert [(ids, ends) for ids, _, ends in group] == [(c.token_ids, [c.finish]) for c in expected]
        torch.testing.assert_close([x[1] for x in group], [c.logprobs for c in expected], atol=1e-4, rtol=1e-4)


def test_a_cancelled_job_leaves_within_one_step_and_frees_all():
    with looping(slots=4) as live:
        said: queue.Queue = queue.Queue()
        job = Job(live.chat.encode(PROMPTS[0]), Sampling(6, 200, seed=1), said.put, stream=True)
        live.submit(job)
        said.get(timeout=60)
        live.cancel(job)
        replies(live, (PROMPTS[2], Sampling(1, 5)))  # has a slot although six samples were before it
        assert (live.held, len(live.rows), live.rows.room, len(live.rows.free_blocks)) == (0, 0, 4, 4)
        assert live.tokens < 6 * 200


@pytest.mark.parametrize(
    ("running", "waiting", "step", "enter"),
    [(0, 1, 0.001, True), (6, 1, 0.001, True), (12, 1, 0.001, False), (12, 2, 0.001, True), (12, 1, 1.0, True)],
)
def test_who_comes_while_many_run_waits_for_others_but_not_for_long(running, waiting, step, enter):
    live = Live(toy_model(), toy_chat(), context=256, slots=32)
    rows = MagicMock(room=32 - running, __len__=lambda _: running)
    live.pending.extend([object()] * waiting)
    live.step_seconds = step
    assert live._are_enough(rows) == enter
    time.sleep(PATIENCE)
    assert live._are_enough(rows)


def test_more_than_may_wait_is_refused():
    with looping(slots=2, queue=3) as live:
        job = Job([5], Sampling(5, 200), lambda pieces: None)
        live.submit(job)
        with pytest.raises(Full):
            live.submit(Job([5], Sampling(1, 5), lambda pieces: None))
        live.cancel(job)


def test_what_does_not_fit_is_refused():
    with looping() as live, pytest.raises(RunError, match="do not fit in 256"):
        live.submit(Job([5] * 250, Sampling(max_tokens=7), lambda pieces: None))


def test_a_poisoned_request_fails_alone():
    jobs = [(prompt, Sampling(1, 40, seed=1)) for prompt in PROMPTS]
    with looping() as live:
        clean = replies(live, *jobs)
        step = live.rows.decoder.step

        def poisoned(ids_R, memory, rows):
            logits_RV = step(ids_R, memory, rows)
            for r, past in enumerate(rows[1].tolist()):
                if past == len(live.chat.encode(PROMPTS[1])) - 1:
                    logits_RV[r] = float("nan")
            return logits_RV

        live.rows.decoder.step = poisoned
        found = replies(live, *jobs)
        assert found[1][0][2] == [NOT_FINITE]
        assert [found[0], found[2]] == [clean[0], clean[2]]


def test_a_broken_step_fails_its_requests_and_the_loop_lives_on():
    with looping() as live:
        step = live.rows.decoder.step

        def broken(*_):
            live.rows.decoder.step = step
            raise ValueError("no")

        live.rows.decoder.step = broken
        [[(_, _, [why])]] = replies(live, (PROMPTS[0], Sampling(1, 5)))
        assert "the engine failed: ValueError: no" in why
        [[(ids, _, _)]] = replies(live, (PROMPTS[0], Sampling(1, 5)))
        assert ids


@pytest.mark.parametrize("opened", [True, False])
def test_a_thought_is_closed_after_its_budget(opened):
    with looping() as live:
        think, *close = (live.chat.tokenizer.token_to_id(tag) for tag in (THINK, THINK_END, ANSWER))
        prompt = PROMPTS[0] + (THINK if opened else "")
        live.rows.think_id = think if opened else None
        if not opened:  # whatever it draws first opens the thought
            [[([live.rows.think_id], _, _)]] = replies(live, (prompt, Sampling(1, 1, seed=1)))
        [[(ids, logprobs, _)]] = replies(live, (prompt, Sampling(1, 60, seed=1)), budget=7, opened=opened)
        at = 7 if opened else 8
        assert ids[at : at + 2] == close and logprobs[at : at + 2] == [0.0, 0.0]
        assert close[0] not in ids[:at]


def test_the_likeliest_tokens_are_told_on_request():
    with looping() as live:
        said: queue.Queue = queue.Queue()
        live.submit(Job(live.chat.encode(PROMPTS[0]), Sampling(1, 6, temperature=0.0), said.put, top=3))
        [piece] = said.get(timeout=60)
        assert [alternatives[0][0] for alternatives in piece.top] == piece.token_ids
        assert [alternatives[0][1] for alternatives in piece.top] == pytest.approx(piece.logprobs, abs=1e-4)
