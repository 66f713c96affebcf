"""The server as its clients use it: the openai client, plain HTTP, curl; the embedded model behind real sockets."""

from __future__ import annotations

import json
import shutil
import subprocess
import time

import httpx2
import openai
import pytest
import torch

from aha.chat import Chat, render
from aha.models.folder import TINY, load_model
from aha.rollout.engine import TorchEngine
from aha.types import Sampling
from tests.serve_toys import PUZZLE, ask, joined, says, serving, streamed

SAID = [{"role": "user", "content": PUZZLE}]
THINKING = {"thinking": {"type": "enabled"}}


@pytest.fixture(scope="module")
def url():
    with serving("tiny", "mini-llama", ping=0.2) as (url, _):
        yield url


@pytest.fixture(scope="module")
def told():
    """A server whose model is made to write one reply."""
    with serving("tiny") as (url, catalogue):
        says(catalogue, f"<think>{THOUGHT}</think><answer>{ANSWER}</answer>")
        yield url


def openai_client(url):
    http = openai.DefaultHttpxClient(trust_env=False)
    return openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, http_client=http)


@pytest.fixture
def client(url):
    with openai_client(url) as c:
        yield c


THOUGHT = "I try the larger two first.\n44 + 35 = 79, 79 + 19 = 98 yes, wait: 等等, é"
ANSWER = "Add all three.\n44 + 19 + 35"
COUNT = len(Chat.load(TINY).encode(THOUGHT))


@pytest.mark.parametrize("thinking", [{}, THINKING])
def test_the_openai_client_gets_thought_and_answer(told, thinking):
    with openai_client(told) as client:
        reply = client.chat.completions.create(model="tiny", messages=SAID, extra_body=thinking)
    message, usage = reply.choices[0].message, reply.usage
    assert (message.content, message.reasoning, message.reasoning_content) == (ANSWER, THOUGHT, THOUGHT)
    assert reply.choices[0].finish_reason == "stop" and message.role == "assistant"
    assert usage.completion_tokens_details.reasoning_tokens == COUNT < usage.completion_tokens
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_the_openai_client_streams_what_it_gets_whole(client, url):
    options = {"model": "tiny", "messages": SAID, "seed": 5, "max_tokens": 300, "n": 3, "temperature": 1}
    whole = client.chat.completions.create(**options)
    chunks = list(client.chat.completions.create(**options, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].choices == [] and chunks[-1].usage == whole.usage
    assert len({(c.id, c.created, c.model) for c in chunks}) == 1
    for choice in whole.choices:
        deltas = [c for chunk in chunks for c in chunk.choices if c.index == choice.index]
        assert "".join(d.delta.content or "" for d in deltas) == choice.message.content
        both = [[getattr(d.delta, name, None) or "" for d in deltas] for name in ("reasoning", "reasoning_content")]
        assert both[0] == both[1] and "".join(both[0]) == (choice.message.reasoning or "")
        assert not any(getattr(d.delta, "reasoning", None) and d.delta.content for d in deltas)
        assert [d.finish_reason for d in deltas if d.finish_reason] == [choice.finish_reason]


def test_the_stream_is_openai_s_to_the_letter(url):
    chunks, lines = streamed(url, stream_options={"include_usage": True})
    assert chunks[0]["choices"] == [
        {"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None}
    ]
    assert {c["object"] for c in chunks} == {"chat.completion.chunk"} and lines[-1] == "data: [DONE]"
    assert chunks[-1]["choices"] == [] and set(chunks[-1]["usage"]) >= {"prompt_tokens", "completion_tokens"}
    assert [c["choices"][0]["finish_reason"] for c in chunks if c["choices"]][-1] in ("stop", "length")


def test_usage_is_told_while_a_reply_is_written_to_who_asks():
    with serving("tiny") as (url, catalogue):
        says(catalogue, f"<think>{THOUGHT}</think><answer>{ANSWER}</answer>")
        decoder = catalogue.checkpoints["tiny"].live.rows.decoder
        step = decoder.step
        decoder.step = lambda *given: (time.sleep(0.01), step(*given))[1]
        chunks, _ = streamed(url, stream_options={"include_usage": True, "continuous_usage_stats": True})
    counts = [c["usage"]["completion_tokens_details"]["reasoning_tokens"] for c in chunks if c.get("usage")]
    assert counts == sorted(counts) and len(set(counts)) > 3 and counts[-1] == COUNT


def test_a_seed_gives_what_the_bare_engine_draws(url):
    engine = TorchEngine(load_model(TINY, torch.float32), Chat.load(TINY))
    [[expected]] = engine.generate([render(PUZZLE)], Sampling(1, 200, 0.6, 0.95, seed=7))
    reply = httpx2.post(
        f"{url}/v1/completions", json={"model": "tiny", "prompt": render(PUZZLE), "max_tokens": 200, "seed": 7},
        trust_env=False,
    ).json()  # fmt: skip
    assert reply["choices"][0]["text"] == expected.text and reply["usage"]["completion_tokens"] == len(
        expected.token_ids
    )


def test_a_reply_cut_off_in_its_thought_has_no_answer(told):
    status, body = ask(told, max_tokens=20, **THINKING)
    [choice] = body["choices"]
    assert choice["finish_reason"] == "length" and choice["message"]["content"] == ""
    assert (
        status == 200
        and THOUGHT.startswith(choice["message"]["reasoning"])
        and body["usage"]["completion_tokens_details"]["reasoning_tokens"] == 20
    )


@pytest.mark.parametrize(
    "field", [{"thinking_token_budget": 15}, {"thinking": {"type": "enabled", "budget_tokens": 15}}]
)
def test_a_thought_keeps_to_its_budget(told, field):
    _, body = ask(told, **field)
    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] == 15 and body["aha"]["thinking_budget"] == 15
    assert body["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    "field",
    [
        {"thinking_token_budget": 0}, {"thinking": {"type": "disabled"}}, {"reasoning_effort": "none"},
        {"chat_template_kwargs": {"enable_thinking": False}},
    ],
)  # fmt: skip
def test_no_thought_where_none_is_wanted(url, field):
    _, body = ask(url, **field)
    message = body["choices"][0]["message"]
    assert message["reasoning"] is None and message["content"] and "<" not in message["content"]
    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] == 0


def test_more_effort_allows_longer_thoughts(told):
    _, low = ask(told, reasoning_effort="minimal", max_tokens=200)
    _, high = ask(told, reasoning_effort="high", max_tokens=200)
    assert (low["aha"]["thinking_budget"], high["aha"]["thinking_budget"]) == (20, 160)
    counts = [body["usage"]["completion_tokens_details"]["reasoning_tokens"] for body in (low, high)]
    assert counts == [20, COUNT]


def test_stop_strings_end_the_answer_and_never_the_thought(told):
    _, body = ask(told, stop=["44", "three.\n"])
    [choice] = body["choices"]
    assert (choice["message"]["content"], choice["message"]["reasoning"]) == ("Add all ", THOUGHT)
    assert (
        choice["finish_reason"] == "stop"
        and joined(streamed(told, stop=["44", "three.\n"])[0], "content") == "Add all "
    )


def test_log_probabilities_with_alternatives(url):
    _, body = ask(url, logprobs=True, top_logprobs=2, temperature=1, top_p=1)
    noted = body["choices"][0]["logprobs"]["content"]
    assert "".join(n["token"] for n in noted).strip() == body["choices"][0]["message"]["content"]
    assert all(n["logprob"] <= 0 and len(n["top_logprobs"]) == 2 for n in noted)
    chunks, _ = streamed(url, logprobs=True, top_logprobs=2, temperature=1, top_p=1)
    assert [n for c in chunks for x in c["choices"] if x["logprobs"] for n in x["logprobs"]["content"]] == noted


def test_earlier_thoughts_are_taken_and_left_out(url):
    past = {"role": "assistant", "content": "98"}
    turns = [[SAID[0], past | extra, SAID[0]] for extra in ({}, {"reasoning_content": "x"}, {"reasoning": "y"})]
    bodies = [ask(url, messages=messages)[1] for messages in turns]
    assert len({b["usage"]["prompt_tokens"] for b in bodies}) == 1
    assert ask(url, messages=[{"role": "developer", "content": "Be brief."}, *SAID])[0] == 200


def test_strategies_are_models(client):
    ids = [m.id for m in client.models.list()]
    assert {"tiny", "tiny:majority@16", "mini-llama", "mini-llama:majority@16"} <= set(ids)
    reply = client.chat.completions.create(model="tiny:majority@8", messages=SAID, seed=1, max_tokens=200)
    told = reply.aha
    assert len(told["candidates"]) == 8 and told["cost"]["tokens"] == reply.usage.completion_tokens
    assert sum(c["tokens"] for c in told["candidates"]) == reply.usage.completion_tokens
    assert sum(told["votes"].values()) == sum(c["answer"] is not None for c in told["candidates"])
    assert reply.choices[0].message.content in next(c["text"] for c in told["candidates"] if c["chosen"])


def test_a_strategy_tells_its_progress_where_it_is_asked_to(url):
    quiet, _ = streamed(url, model="tiny:majority@4")
    loud, _ = streamed(url, model="tiny:majority@4", aha={"progress": True, "events": True})
    assert "[4/4 done]" in joined(loud, "reasoning") and "done]" not in joined(quiet, "reasoning")
    assert joined(loud, "content") == joined(quiet, "content")
    assert sum("event" in c.get("aha", {}) for c in loud) >= 5 and quiet[-1]["aha"]["candidates"]


def test_a_strategy_whose_replies_are_all_cut_off_shows_one(url):
    _, body = ask(url, model="tiny:majority@2", max_tokens=4)
    [choice] = body["choices"]
    said = (choice["message"]["reasoning_content"] or "") + choice["message"]["content"]
    assert choice["finish_reason"] == "length" and said and body["aha"]["answer"] is None


def test_curl_reads_the_stream(url):
    if not shutil.which("curl"):
        pytest.skip("no curl here")
    body = json.dumps({"model": "tiny", "messages": SAID, "stream": True, "max_tokens": 30})
    command = ["curl", "-sN", "--noproxy", "*", f"{url}/v1/chat/completions", "-d", body]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert said.startswith("data: {") and said.endswith("data: [DONE]\n\n")


def test_a_reader_of_the_first_non_empty_field_sees_each_thought_once(told):
    chunks, _ = streamed(told)
    seen = ""
    for chunk in chunks:
        for choice in chunk["choices"]:
            delta = choice["delta"]
            seen += delta.get("reasoning_content") or delta.get("reasoning") or delta.get("thinking") or ""
    assert seen == THOUGHT and joined(chunks, "content") == ANSWER


def test_plain_completions_go_on_with_text_and_tokens(client, url):
    ids = Chat.load(TINY).encode(render(PUZZLE))
    both = client.completions.create(model="tiny", prompt=[ids, ids], n=2, max_tokens=12, seed=1, logprobs=1)
    assert [c.index for c in both.choices] == [0, 1, 2, 3] and len({c.text for c in both.choices}) > 1
    assert both.choices[0].text.startswith("<") and both.usage.prompt_tokens == 2 * len(ids)
    assert len(both.choices[0].logprobs.tokens) == len(both.choices[0].logprobs.token_logprobs)


def test_thoughts_can_be_hidden_or_left_as_tags():
    whole = f"<think>{THOUGHT}</think><answer>{ANSWER}</answer>"
    with serving(thoughts="hidden") as (url, catalogue):
        says(catalogue, whole)
        hidden = ask(url)[1]
        assert "reasoning" not in hidden["choices"][0]["message"]
        assert hidden["usage"]["completion_tokens_details"]["reasoning_tokens"] == COUNT
        assert not joined(streamed(url)[0], "reasoning")
    with serving(shown="tags") as (url, catalogue):
        says(catalogue, whole)
        assert ask(url)[1]["choices"][0]["message"]["content"] == whole
