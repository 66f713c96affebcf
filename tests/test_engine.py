"""The torch engine against naive decoding, and its promises on batch mates, memory, stops and randomness."""

from __future__ import annotations

import pytest
import torch

from aha.errors import RunError
from aha.models import decode
from aha.rollout.engine import TorchEngine
from aha.rollout.engine_run import Run
from aha.types import Sampling
from tests.toys import toy_chat, toy_model

PROMPTS = ["User: 1 + 1\nAssistant:", "User: a longer question about 12, 13 and 14\nAssistant:", "x"]


@pytest.fixture(params=["llama", "qwen2", "qwen3"])
def engine(request):
    return TorchEngine(toy_model(family=request.param), toy_chat())


def naive_greedy(model, ids, count, stop):
    ids = list(ids)
    start = len(ids)
    with torch.inference_mode():
        while len(ids) - start < count:
            ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
            if ids[-1] == stop:
                break
    return ids[start:]


def test_greedy_equals_naive_decoding_token_for_token(engine):
    groups = engine.generate(PROMPTS, Sampling(max_tokens=50, temperature=0))
    for prompt, [reply] in zip(PROMPTS, groups, strict=True):
        expected = naive_greedy(engine.model, engine.chat.encode(prompt), 50, engine.chat.end_id)
        assert reply.token_ids == expected
        assert reply.finish == ("stop" if expected[-1] == engine.chat.end_id else "length")


def test_greedy_is_the_same_from_matrices_in_the_librarys_own_layout(engine, monkeypatch):
    """As large ones are in fp32."""
    sampling = Sampling(n=64, max_tokens=50, temperature=0)  # more rows than the compiled step takes
    plain = engine.generate(PROMPTS, sampling)
    monkeypatch.setattr(decode, "LARGE", 0)
    packed = engine.generate(PROMPTS, sampling)
    assert [[reply.token_ids for reply in group] for group in packed] == [[r.token_ids for r in g] for g in plain]


def test_logprobs_are_those_of_the_sampled_distribution(engine):
    sampling = Sampling(n=3, max_tokens=20, temperature=0.7)
    for [first, *_] in engine.generate(PROMPTS, sampling):
        ids = first.prompt_ids + first.token_ids
        with torch.inference_mode():
            logits = engine.model(torch.tensor([ids]))[0] / 0.7
        logp = logits.log_softmax(-1)[len(first.prompt_ids) - 1 : -1]
        expected = logp.gather(1, torch.tensor(first.token_ids)[:, None])[:, 0]
        torch.testing.assert_close(torch.tensor(first.logprobs), expected, atol=1e-4, rtol=1e-4)


def test_a_reply_does_not_depend_on_its_batch_mates(engine):
    sampling = Sampling(n=5, max_tokens=40, seed=3)
    together = engine.generate(PROMPTS, sampling)
    alone = [engine.generate([prompt], sampling)[0] for prompt in reversed(PROMPTS)][::-1]
    assert [[r.token_ids for r in g] for g in together] == [[r.token_ids for r in g] for g in alone]


@pytest.mark.parametrize("slots", [1, 3, 8, 17])
def test_few_slots_give_the_same_replies_as_many(slots):
    model, chat = toy_model(), toy_chat()
    sampling = Sampling(n=9, max_tokens=40, stop_token_ids=tuple(range(100)))
    wide = TorchEngine(model, chat, slots=64).generate(PROMPTS, sampling)
    narrow = TorchEngine(model, chat, slots=slots).generate(PROMPTS, sampling)
    assert len({len(r.token_ids) for g in wide for r in g}) > 10
    assert [[r.token_ids for r in g] for g in wide] == [[r.token_ids for r in g] for g in narrow]


def test_waiting_requests_enter_as_soon_as_a_row_leaves():
    engine = TorchEngine(toy_model(), toy_chat(), slots=8)
    sampling = Sampling(n=40, max_tokens=200, stop_token_ids=tuple(range(100)))
    [group] = engine.generate([PROMPTS[0]], sampling)
    tokens, longest = sum(len(reply.token_ids) for reply in group), max(len(reply.token_ids) for reply in group)
    assert tokens / 8 <= engine.ledger.steps < tokens / 8 + longest


def test_as_many_threads_as_there_are_give_the_same_replies():
    model, chat, before = toy_model(), toy_chat(), torch.get_num_threads()
    drawn = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        engine = TorchEngine(model, chat)
        drawn.append([[r.token_ids for r in g] for g in engine.generate(PROMPTS, Sampling(n=40, max_tokens=8, seed=1))])
        assert torch.get_num_threads() == threads and engine.ledger.tokens == sum(map(len, sum(drawn[-1], [])))
    torch.set_num_threads(before)
    assert drawn[0] == drawn[1] == drawn[2]


def test_what_breaks_in_one_thread_stops_the_others(monkeypatch):
    step, taken = Run.step, []

    def failing(run):
        if run.requests[0].prompt == 1:
            raise ZeroDivisionError
        taken.append(0)
        step(run)

    monkeypatch.setattr(Run, "step", failing)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    with pytest.raises(ZeroDivisionError):
        TorchEngine(toy_model(), toy_chat()).generate(PROMPTS, Sampling(n=40, max_tokens=5000))
    assert torch.get_num_threads() == 2 and len(taken) < 2500
    torch.set_num_threads(before)


def test_half_precision_is_decoded_like_one_forward_in_half_precision():
    model, chat = toy_model("qwen3").bfloat16(), toy_chat()
    [[reply]] = TorchEngine(model, chat).generate([PROMPTS[1]], Sampling(max_tokens=30))
    ids = torch.tensor([reply.prompt_ids + reply.token_ids])
    with torch.inference_mode():
        logp = model(ids)[0].float().log_softmax(-1)[len(reply.prompt_ids) - 1 : -1]
    gap = logp.gather(1, torch.tensor(reply.token_ids)[:, None])[:, 0] - torch.tensor(reply.logprobs)
    assert gap.abs().mean() < 0.05


def test_equal_prompts_get_different_replies_and_share_one_prefill():
    engine = TorchEngine(toy_model(), toy_chat())
    a, b = engine.generate([PROMPTS[1]] * 2, Sampling(n=4, max_tokens=16))
    assert len({tuple(reply.token_ids) for reply in a + b}) == 8
    single = TorchEngine(engine.model, engine.chat)
    single.generate([PROMPTS[1]], Sampling(n=8, max_tokens=16))
    assert single.ledger.prompt_tokens == len(engine.chat.encode(PROMPTS[1]))


def test_the_memory_limit_bounds_the_rows_and_refuses_what_cannot_fit():
    model, chat = toy_model(), toy_chat()
    row = 2 * model.config.num_hidden_layers * model.config.head_dim * 4 * 100
    engine = TorchEngine(model, chat, memory=3 * row)
    assert engine.slots_for(100) == 3
    with pytest.raises(RunError, match="lower max_tokens"):
        engine.slots_for(400)


def test_stop_strings_and_stop_tokens_end_a_reply():
    engine = TorchEngine(toy_model(), toy_chat())
    [[free]] = engine.generate([PROMPTS[0]], Sampling(max_tokens=30, seed=1))
    token = free.token_ids[5]
    [[stopped]] = engine.generate([PROMPTS[0]], Sampling(max_tokens=30, seed=1, stop_token_ids=(token,)))
    assert stopped.token_ids == free.token_ids[: free.token_ids.index(token) + 1]
    assert stopped.finish == "stop"
    text = engine.chat.decode(free.token_ids[:8])[-3:]
    [[cut]] = engine.generate([PROMPTS[0]], Sampling(max_tokens=30, seed=1, stop=(text,)))
    assert len(cut.token_ids) <= 8 and cut.finish == "stop"


def test_new_weights_are_sampled_from_at_once():
    engine = TorchEngine(toy_model(), toy_chat())
    before = engine.generate(PROMPTS, Sampling(max_tokens=12, temperature=0))
    engine.load_weights(toy_model(seed=9).state_dict())
    after = engine.generate(PROMPTS, Sampling(max_tokens=12, temperature=0))
    fresh = TorchEngine(toy_model(seed=9), engine.chat).generate(PROMPTS, Sampling(max_tokens=12, temperature=0))
    assert before != after and after == fresh


def test_no_prompts_and_no_samples_give_no_replies():
    engine = TorchEngine(toy_model(), toy_chat())
    assert engine.generate([], Sampling()) == []
    with pytest.raises(RunError, match="empty"):
        engine.generate([[]], Sampling())
