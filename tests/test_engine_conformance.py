"""What every engine must show, whatever is behind it: the embedded model in fp32, in ours, behind our server, in others.

vLLM has an environment of its own (`docs/engines.md`); where it is not installed its tests are skipped.
"""

from __future__ import annotations

import importlib.util
import sys
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import torch

from aha.chat import Chat, render
from aha.errors import ConfigError, RunError
from aha.models.folder import load_model, resolve, to_hugging_face
from aha.models.transformer import Transformer
from aha.rollout.engine import TorchEngine
from aha.rollout.http_engine import HttpEngine
from aha.rollout.transformers_engine import TransformersEngine
from aha.rollout.vllm_engine import VllmEngine, check
from aha.types import Engine, Sampling
from tests.serve_toys import serving

FOLDER = resolve("tiny")
CHAT, MODEL = Chat.load(FOLDER), load_model(FOLDER)
PROMPTS = [
    render("Using the numbers 44, 19, 35, make 98."),
    render("What is 12 + 30?"),
    render("Name a fruit that is yellow, and say in a few words where it grows and what it tastes like."),
]
HAS_VLLM = importlib.util.find_spec("vllm") is not None


@dataclass
class Case:
    """An engine, and whether it tells token ids and log-probabilities, takes new weights, and under whose names."""

    engine: Engine
    tells_tokens: bool = True
    takes_weights: bool = True
    named: Callable[[Transformer], dict[str, torch.Tensor]] = Transformer.state_dict

    def told(self, groups):
        """What identifies the replies: their tokens, or their texts where no tokens are told."""
        return [[tuple(reply.token_ids) if self.tells_tokens else reply.text for reply in group] for group in groups]


@contextmanager
def http():
    with serving("tiny") as (url, _), pytest.MonkeyPatch.context() as patch:
        patch.setenv("no_proxy", "127.0.0.1")
        yield Case(HttpEngine(url + "/v1", "tiny"), tells_tokens=False, takes_weights=False)


@contextmanager
def torch_engine():
    yield Case(TorchEngine(load_model(FOLDER), CHAT))


@contextmanager
def transformers_engine():
    pytest.importorskip("transformers")
    yield Case(TransformersEngine.load(FOLDER, torch.float32), named=with_head)


def with_head(model):
    """Weights as transformers names them, the tied head once more."""
    theirs = to_hugging_face(model)
    return theirs | {"lm_head.weight": theirs["model.embed_tokens.weight"]}


@contextmanager
def vllm_engine():
    if not HAS_VLLM:
        pytest.skip("vllm is not installed here: docs/engines.md says how to install it beside aha")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the library's own imports
        engine = VllmEngine(FOLDER, torch.float32, memory=1 << 30)
    yield Case(engine)


ENGINES = {"torch": torch_engine, "http": http, "transformers": transformers_engine, "vllm": vllm_engine}


@pytest.fixture(scope="module", params=ENGINES.values(), ids=ENGINES)
def case(request):
    with request.param() as case:
        yield case


@pytest.fixture
def trainable(case):
    if not case.tells_tokens:
        pytest.skip("this engine tells no tokens and no log-probabilities")
    return case


def model_logp(reply, sampling, model=MODEL):
    """Log-probabilities of a reply's tokens under our model, by one forward pass and with nothing clever."""
    ids = torch.tensor([reply.prompt_ids + reply.token_ids])
    with torch.no_grad():
        logits_TV = model(ids)[0, len(reply.prompt_ids) - 1 : -1].float() / (sampling.temperature or 1.0)
    if sampling.top_k:
        logits_TV[logits_TV < logits_TV.topk(sampling.top_k).values[:, -1:]] = -torch.inf
    p_TV, order_TV = logits_TV.softmax(-1).sort(descending=True)
    above_TV = p_TV.cumsum(-1) - p_TV
    logits_TV.masked_fill_((above_TV >= sampling.top_p).gather(1, order_TV.argsort(1)), -torch.inf)
    return logits_TV.log_softmax(-1).gather(1, torch.tensor(reply.token_ids)[:, None])[:, 0]


def test_groups_come_in_the_order_of_prompts_and_each_is_announced_once(case):
    seen = {}
    groups = case.engine.generate(PROMPTS, Sampling(n=3, max_tokens=12), lambda i, group: seen.update({i: group}))
    assert [len(group) for group in groups] == [3, 3, 3] and [seen[i] for i in range(3)] == groups
    if case.tells_tokens:
        for ids, group in zip(CHAT.prompt_ids(PROMPTS), groups, strict=True):
            assert all(reply.prompt_ids == ids and len(reply.token_ids) == len(reply.logprobs) for reply in group)


def test_greedy_replies_are_those_of_the_torch_engine(case):
    sampling = Sampling(max_tokens=120, temperature=0)
    expected = TorchEngine(MODEL, CHAT).generate(PROMPTS, sampling)
    found = case.engine.generate(PROMPTS, sampling)
    assert case.told(found) == case.told(expected)
    assert [g[0].text for g in found] == [g[0].text for g in expected]
    assert [g[0].finish for g in found] == [g[0].finish for g in expected]


def test_replies_end_by_themselves_and_their_last_token_is_the_end(case):
    [group] = case.engine.generate([PROMPTS[1]], Sampling(n=8, max_tokens=400))
    ended = [reply for reply in group if reply.finish == "stop"]
    assert ended and not any("<|end|>" in reply.text for reply in ended)
    if case.tells_tokens:
        assert all(r.token_ids[-1] == CHAT.end_id and CHAT.end_id not in r.token_ids[:-1] for r in ended)


def test_max_tokens_cuts_a_reply_and_says_so(case):
    for [reply] in case.engine.generate(PROMPTS, Sampling(max_tokens=3, temperature=0)):
        assert reply.finish == "length" and reply.text
        assert not case.tells_tokens or len(reply.token_ids) == 3


def test_a_stop_string_ends_a_reply(case):
    greedy = Sampling(max_tokens=60, temperature=0)
    [[free]] = TorchEngine(MODEL, CHAT).generate(PROMPTS[:1], greedy)
    middle = free.text[len(free.text) // 2 :][:4]
    [[cut]] = case.engine.generate(PROMPTS[:1], Sampling(max_tokens=60, temperature=0, stop=(middle, "never")))
    assert cut.finish == "stop"
    if case.tells_tokens:  # up to the token that completed it
        count = len(cut.token_ids)
        assert cut.token_ids == free.token_ids[:count] and cut.text == CHAT.decode(free.token_ids[:count])
        assert middle in cut.text and middle not in CHAT.decode(free.token_ids[: count - 1])
    else:  # a server leaves it out
        assert cut.text == free.text[: free.text.index(middle)]


def test_a_stop_token_ends_a_reply_and_is_its_last(trainable):
    [[free]] = trainable.engine.generate(PROMPTS[:1], Sampling(max_tokens=30, temperature=0))
    token = free.token_ids[9]
    [[cut]] = trainable.engine.generate(PROMPTS[:1], Sampling(max_tokens=30, temperature=0, stop_token_ids=(token,)))
    assert cut.token_ids == free.token_ids[: free.token_ids.index(token) + 1] and cut.finish == "stop"


@pytest.mark.parametrize(
    "changes", [{}, {"temperature": 0.0}, {"temperature": 0.7}, {"top_k": 4}, {"top_p": 0.8}, {"top_k": 9, "top_p": 0.9, "temperature": 1.3}], ids=str
)  # fmt: skip
def test_logprobs_are_those_of_the_sampled_distribution(trainable, changes):
    sampling = Sampling(n=4, max_tokens=60, seed=2, **changes)
    replies = [reply for group in trainable.engine.generate(PROMPTS, sampling) for reply in group]
    told = torch.tensor([logp for reply in replies for logp in reply.logprobs])
    gap = (told - torch.cat([model_logp(reply, sampling) for reply in replies])).abs()
    assert (told <= 0).all() and gap.mean() < 1e-4 and gap.max() < 5e-3


def test_tokens_come_as_often_as_their_logprobs_say(trainable):
    begun = CHAT.prompt_ids(PROMPTS[1:2])[0] + CHAT.encode("<think>")  # where it thinks or does not
    [group] = trainable.engine.generate([begun], Sampling(n=512, max_tokens=1, seed=5))
    drawn = torch.tensor([reply.token_ids[0] for reply in group])
    with torch.inference_mode():
        p_V = MODEL(torch.tensor([begun]))[0, -1].softmax(-1)
    assert 0.1 < p_V.max() < 0.9
    assert (drawn.bincount(minlength=len(p_V)) / 512 - p_V).abs().max() < 5 * (0.25 / 512) ** 0.5


def test_samples_of_a_prompt_and_equal_prompts_differ(case):
    first, second = case.told(case.engine.generate([PROMPTS[2]] * 2, Sampling(n=6, max_tokens=24)))
    assert len(set(first)) > 2 and len(set(second)) > 2 and first != second


def test_the_seed_decides_the_replies(case):
    first, again, other = (case.engine.generate(PROMPTS, Sampling(n=2, max_tokens=24, seed=s)) for s in (7, 7, 8))
    assert case.told(first) == case.told(again) != case.told(other)


def test_a_reply_does_not_depend_on_its_batch_mates(case):
    sampling = Sampling(n=3, max_tokens=40, seed=3)
    together = case.engine.generate(PROMPTS, sampling)
    alone = [case.engine.generate([prompt], sampling)[0] for prompt in reversed(PROMPTS)][::-1]
    assert case.told(together) == case.told(alone)


def test_a_prompt_may_be_its_exact_tokens(case):
    sampling = Sampling(n=2, max_tokens=20, temperature=0)
    ids = CHAT.prompt_ids(PROMPTS)
    assert case.told(case.engine.generate(ids, sampling)) == case.told(case.engine.generate(PROMPTS, sampling))


def test_no_prompts_give_no_replies_and_an_empty_one_is_refused(case):
    assert case.engine.generate([], Sampling()) == []
    with pytest.raises(RunError):
        case.engine.generate([PROMPTS[0], []], Sampling(max_tokens=4))
    assert len(case.engine.generate(PROMPTS[:1], Sampling(max_tokens=4))) == 1


def test_new_weights_are_sampled_from_at_once(case):
    if not case.takes_weights:
        with pytest.raises(RunError, match="cannot take new weights"):
            case.engine.load_weights({})
        return
    greedy, other = Sampling(max_tokens=40, temperature=0), load_model(FOLDER)
    with torch.no_grad():
        other.blocks[1].attention.qkv.weight.mul_(0.5)
        other.embed.weight[:400].mul_(1.1)  # which is the head's as well
    before = case.engine.generate(PROMPTS, greedy)
    case.engine.load_weights(case.named(other))
    [after, sampled] = [case.engine.generate(PROMPTS, s) for s in (greedy, Sampling(n=2, max_tokens=40))]
    case.engine.load_weights(case.named(MODEL))
    assert case.told(after) == case.told(TorchEngine(other, CHAT).generate(PROMPTS, greedy)) != case.told(before)
    gaps = [torch.tensor(r.logprobs) - model_logp(r, Sampling(), other) for group in sampled for r in group]
    assert torch.cat(gaps).abs().mean() < 1e-4
    assert case.told(case.engine.generate(PROMPTS, greedy)) == case.told(before)


def test_a_missing_vllm_is_one_clear_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(ConfigError, match="docs/engines.md"):
        VllmEngine(FOLDER)


@pytest.mark.parametrize("changes", [{"temperature": 0.001}, {"temperature": 3.0}, {"max_tokens": 98}], ids=str)
def test_what_vllm_would_change_or_refuse_is_one_clear_line(changes):
    check([[1, 2], [3]], Sampling(max_tokens=97, temperature=0.0), context=99)
    with pytest.raises(RunError, match="temperature 0 or 0.01 to 2|lower max_tokens"):
        check([[1, 2], [3]], Sampling(**{"max_tokens": 97} | changes), context=99)
