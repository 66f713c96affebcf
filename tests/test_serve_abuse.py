"""What the server refuses, survives and lets go of: hostile requests, hang-ups, floods, keys, counters, health."""

from __future__ import annotations

import json
import socket
import threading
import time

import httpx2
import pytest

from aha.serve.app import COUNTED, OPEN
from tests.serve_toys import PUZZLE, ask, counters, servers, serving, settled

CHAT = "/v1/chat/completions"
SAID = [{"role": "user", "content": PUZZLE}]
LONG = {"model": "tiny", "messages": SAID, "max_tokens": 1900, "temperature": 10, "stream": True}
"""At such a temperature the embedded model goes on and on."""


@pytest.fixture(scope="module")
def url():
    with serving("tiny") as (url, _):
        yield url


def post(url: str, content: bytes, path: str = CHAT, **headers: str):
    return httpx2.post(f"{url}{path}", content=content, headers=headers, timeout=60, trust_env=False)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n", 10**9), ("n", 0), ("n", "3"), ("max_tokens", 10**9), ("max_tokens", 10**30), ("max_completion_tokens", 0),
        ("temperature", -1), ("temperature", 1e9), ("top_p", 0), ("top_p", 2), ("top_logprobs", 10**6), ("seed", 2**70),
        ("stop", ["x"] * 10_000), ("stop", [""]), ("stop", "x" * 1000), ("messages", []), ("messages", "hello"),
        ("reasoning_effort", "huge"), ("thinking_token_budget", -2), ("tools", [{"type": "function"}]),
        ("logit_bias", {"5": 100}), ("model", 7), ("stream", "yes"), ("frequency_penalty", 1.5),
    ],
)  # fmt: skip
def test_a_field_out_of_bounds_is_refused_in_one_line_that_names_it(url, field, value):
    began = time.perf_counter()
    status, body = ask(url, **{field: value})
    assert status == 400 and body["error"]["param"] == field and time.perf_counter() - began < 5
    assert field in body["error"]["message"] and "\n" not in body["error"]["message"]


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (b"", 400, "not JSON"),
        (b"\xff\xfe{}", 400, "not JSON"),
        (b"[" * 100_000, 400, "nested too deeply"),
        (b'{"a":' * 100_000, 400, "nested too deeply"),
        (b"[1]", 400, "JSON object"),
        (b'{"model": NaN}', 400, "no JSON"),
        (b'{"model":"tiny","messages":[{"role":"user","content":"\\ud800"}]}', 400, "surrogate"),
        (b'{"model":"tiny","messages":[{"role":"tool","content":"x"}]}', 400, "role"),
        (
            json.dumps({"model": "tiny", "messages": [{"role": "user", "content": "x " * 450_000}]}).encode(),
            400,
            "2048",
        ),
        (b" " * (2 << 20), 413, "1048576 bytes"),
    ],
)
def test_a_hostile_body_is_answered_with_one_line(url, content, status, says):
    reply = post(url, content)
    assert reply.status_code == status and says in reply.json()["error"]["message"]
    assert len(reply.json()["error"]["message"]) < 300


def test_an_unknown_model_is_told_which_there_are(url):
    for model in ("gpt-9", "tiny:nonsense@4", "tiny:", "tiny:beam@4", "tiny:vote@4,model=/etc/passwd"):
        status, body = ask(url, model=model)
        assert status == 404 and body["error"]["param"] == "model"
    assert "tiny:majority@16" in ask(url, model="gpt-9")[1]["error"]["message"]


def test_a_context_that_overflows_is_told_both_numbers(url):
    status, body = ask(url, max_tokens=2040)
    assert status == 400 and body["error"]["code"] == "context_length_exceeded"
    assert "2040" in body["error"]["message"] and "2048" in body["error"]["message"]
    status, body = ask(url, messages=[{"role": "user", "content": "7 " * 3000}])
    assert status == 400 and "2048" in body["error"]["message"]


def test_a_token_that_is_none_is_refused(url):
    for prompt in ([5, 10**6], [[5], [-1]], []):
        reply = post(url, json.dumps({"model": "tiny", "prompt": prompt}).encode(), "/v1/completions")
        assert reply.status_code == 400 and "prompt" in reply.json()["error"]["message"]


def test_budgets_that_contradict_each_other_are_refused(url):
    status, body = ask(url, thinking_token_budget=5, thinking={"type": "enabled", "budget_tokens": 9})
    assert status == 400 and "contradict" in body["error"]["message"]
    for off in ({"thinking": {"type": "disabled"}}, {"chat_template_kwargs": {"enable_thinking": False}}):
        status, body = ask(url, reasoning_effort="high", **off)
        assert status == 400 and "contradict" in body["error"]["message"]


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ({"stop": 5}, "stop: should be a string or a list"), ({"stream_options": 3}, "stream_options: should be an object"),
        ({"top_logprobs": 2}, "top_logprobs: needs logprobs"), ({"messages": [{"content": "x"}]}, "messages.0.role: is missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_the_words_of_json(url, field, says):
    status, body = ask(url, **field)
    assert status == 400 and body["error"]["message"] == says or body["error"]["message"].startswith(says)


def test_a_text_that_goes_on_as_it_is_has_no_thinking_to_set(url):
    for field in ({"reasoning_effort": "low"}, {"chat_template_kwargs": {"enable_thinking": False}}):
        reply = post(url, json.dumps({"model": "tiny", "prompt": "x"} | field).encode(), "/v1/completions")
        assert reply.status_code == 400 and reply.json()["error"]["param"] == next(iter(field))


def test_the_settings_of_a_strategy_are_checked(url):
    for model in ("tiny:majority@", "tiny:majority@0", "tiny:majority@abc", "tiny:short@4,m=9", "tiny:vote@1000000000"):
        status, body = ask(url, model=model)
        assert status == 400 and body["error"]["param"] == "model" and "\n" not in body["error"]["message"]


@pytest.mark.parametrize("field", [{"repetition_penalty": 1.2}, {"min_p": 0.1}])
def test_what_would_change_the_answer_and_is_not_supported_is_refused(url, field):
    status, body = ask(url, **field)
    assert status == 400 and body["error"]["param"] == next(iter(field))


@pytest.mark.parametrize("field", [{"thinking_token_budget": 5}, {"reasoning_effort": "low"}])
def test_a_strategy_refuses_a_bound_on_thoughts_by_the_name_it_was_given(url, field):
    status, body = ask(url, model="tiny:majority@2", **field)
    assert status == 400 and body["error"]["param"] == next(iter(field))


def test_unknown_fields_are_named_and_ignored(url):
    body = {"model": "tiny", "messages": SAID, "max_tokens": 5, "mirostat": 2, "user": "me", "n": None, "min_p": 0}
    reply = post(url, json.dumps(body).encode())
    assert reply.status_code == 200 and reply.headers["x-aha-ignored"] == "mirostat"
    inside = {"messages": [{"role": "user", "content": "hello", "name": "Ann"}], "thinking": {"budget": 5}}
    reply = post(url, json.dumps(body | inside).encode())
    assert reply.headers["x-aha-ignored"] == "messages.name, mirostat, thinking.budget"
    reply = post(url, json.dumps(body | {f"field_{i:03}": i for i in range(500)}).encode())
    assert reply.headers["x-aha-ignored"].endswith("more") and len(reply.headers["x-aha-ignored"]) < 450


def test_every_route_needs_the_key_but_health():
    with serving("tiny", key="sk-secret") as (url, _):
        for path in ("/v1/models", "/v1/models/tiny", "/version", "/metrics", "/nowhere", *OPEN):
            status = httpx2.get(f"{url}{path}", trust_env=False).status_code
            assert (status == 401) == (path not in OPEN)
        for path in COUNTED:
            for key in ({}, {"Authorization": "Bearer sk-secre"}, {"Authorization": "Basic sk-secret"}):
                assert post(url, b"{}", path, **key).status_code == 401
            assert post(url, b"{}", path, Authorization="Bearer sk-secret").status_code == 400


def test_pages_and_names_of_other_places_are_refused(url):
    assert post(url, b"{}", Host="evil.example").status_code == 403
    assert post(url, b"{}", Origin="http://evil.example").status_code == 403
    assert post(url, b"{}", Origin=url).status_code == 400


def test_a_client_that_hangs_up_frees_its_slot(url):
    before = counters(url)['aha_requests_total{outcome="aborted"}']
    for _ in range(4):
        with httpx2.stream("POST", f"{url}{CHAT}", json=LONG | {"n": 4}, timeout=60, trust_env=False) as reply:
            next(reply.iter_lines())
    assert settled(url)
    assert counters(url)['aha_requests_total{outcome="aborted"}'] - before == 4


def test_a_client_that_hangs_up_before_the_headers_frees_its_slot(url):
    body = json.dumps(LONG | {"n": 8, "stream": False}).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    before = counters(url)['aha_requests_total{outcome="aborted"}']
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as s:
            s.sendall(head + body)
            time.sleep(0.02)
    assert settled(url) and counters(url)['aha_requests_total{outcome="aborted"}'] - before == 5


def test_a_search_nobody_waits_for_ends(url):
    with httpx2.stream(
        "POST", f"{url}{CHAT}", json={**LONG, "model": "tiny:majority@64"}, timeout=60, trust_env=False
    ) as reply:
        next(reply.iter_lines())
    assert settled(url)


def test_a_flood_is_refused_at_once_and_the_admitted_are_served():
    with serving("tiny", loop={"slots": 2, "queue": 2}) as (url, _):
        statuses, waits = [], []

        def one():
            began = time.perf_counter()
            reply = httpx2.post(
                f"{url}{CHAT}", json=LONG | {"stream": False, "max_tokens": 300}, timeout=120, trust_env=False
            )
            statuses.append(reply.status_code)
            if reply.status_code == 429:
                waits.append((time.perf_counter() - began, int(reply.headers["Retry-After"])))

        threads = [threading.Thread(target=one) for _ in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(statuses) == {200, 429} and statuses.count(200) >= 4 and all(1 <= w <= 60 for _, w in waits)
        outcomes = counters(url)
        assert outcomes['aha_requests_total{outcome="success"}'] == statuses.count(200)
        assert outcomes['aha_requests_total{outcome="rejected"}'] == statuses.count(429)


def test_outcomes_add_up_to_the_requests_that_were_sent():
    with serving("tiny") as (url, catalogue):
        sent = [ask(url), ask(url, n=0), ask(url, model="none"), ask(url, model="tiny:majority@2")]
        assert [status for status, _ in sent] == [200, 400, 404, 200]
        rows = catalogue.checkpoints["tiny"].live.rows
        step = rows.decoder.step
        rows.decoder.step = lambda *args: step(*args) * float("nan")
        assert ask(url)[0] == 500
        with httpx2.stream("POST", f"{url}{CHAT}", json=LONG, timeout=60, trust_env=False) as reply:  # a late failure
            assert '"error":{' in reply.read().decode() and reply.status_code == 200
        rows.decoder.step = step
        now = counters(url)
        assert [now[f'aha_requests_total{{outcome="{o}"}}'] for o in ("success", "rejected", "error", "aborted")] == [
            2,
            2,
            2,
            0,
        ]
        assert ask(url)[0] == 200


def test_the_openai_client_raises_a_late_failure():
    import openai

    with serving("tiny") as (url, catalogue):
        rows = catalogue.checkpoints["tiny"].live.rows
        step = rows.decoder.step
        rows.decoder.step = lambda *args: step(*args) * float("nan")
        http = openai.DefaultHttpxClient(trust_env=False)
        with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, http_client=http) as client:
            stream = client.chat.completions.create(model="tiny", messages=SAID, stream=True)
            with pytest.raises(openai.APIError, match="not finite"):
                list(stream)


def test_a_loop_that_hangs_is_told_by_health():
    with serving("tiny") as (url, catalogue):
        live = catalogue.checkpoints["tiny"].live
        assert httpx2.get(f"{url}/health", trust_env=False).status_code == 200
        hold = threading.Event()
        step = live.rows.decoder.step

        def hanging(*args):
            hold.wait(60)
            return step(*args)

        live.rows.decoder.step = hanging
        threading.Thread(target=ask, args=(url,), daemon=True).start()
        time.sleep(0.3)
        live.beat -= 10.5  # as if so long ago
        reply = httpx2.get(f"{url}/health", trust_env=False)
        hold.set()
        assert reply.status_code == 503 and reply.json()["stuck"] == ["tiny"]


def test_a_slow_sender_holds_up_nobody():
    with serving("tiny", body_seconds=0.5) as (url, _):
        port = int(url.rpartition(":")[2])
        slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(50)]
        for s in slow:
            s.sendall(f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{{".encode())
        assert ask(url, max_tokens=5)[0] == 200
        slow[0].settimeout(20)
        assert b" 408 " in slow[0].recv(100)
        for s in slow:
            s.close()


def test_a_draining_server_is_not_ready_and_lives_until_the_last_reply():
    with serving("tiny", drain=20.0) as (url, _):
        state = servers[url].app.state.aha
        with httpx2.stream("POST", f"{url}{CHAT}", json=LONG, timeout=60, trust_env=False) as reply:
            lines = reply.iter_lines()
            next(lines)
            state.draining = True
            assert httpx2.get(f"{url}/ready", trust_env=False).status_code == 503
            assert httpx2.get(f"{url}/health", trust_env=False).status_code == 200
            status, body = ask(url)
            assert status == 503 and body["error"]["code"] == "draining"
            assert [line for line in lines if line][-1] == "data: [DONE]"
