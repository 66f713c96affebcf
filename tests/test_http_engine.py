"""The HTTP engine against a real server in a thread: what it sends, what it makes of answers, how it fails."""

from __future__ import annotations

import json
import signal
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from aha.errors import ConfigError, EngineError, RunError
from aha.rewards.judge import Judge, correctness
from aha.rollout.http_engine import HttpEngine
from aha.types import Completion, Problem, Sampling

KEY = "sk-very-secret"


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A client that hung up is part of the tests."""


@contextmanager
def serving(answer):
    """A server that answers a request's body with `answer(body)`: (status, body, headers), or a handler's own doing."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append((self.path, body, dict(self.headers)))
            status, said, headers = answer(body, self)
            said = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(said)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *args):
            pass

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def saying(text, finish="stop", **more):
    return 200, {"choices": [{"text": text, "finish_reason": finish}], **more}, {}


def echo(body, handler):
    return saying(f"re: {body['prompt']}", usage={"prompt_tokens": 2, "completion_tokens": 3})


def in_turn(*answers):
    left = list(answers)
    return lambda body, handler: left.pop(0) if len(left) > 1 else left[0]


def engine_at(url, **settings):
    return HttpEngine(url, "toy", **{"pause": 0.0, "timeout": 5.0} | settings)


def test_replies_come_in_the_order_of_prompts():
    with serving(echo) as (url, seen):
        engine = engine_at(url)
        groups = engine.generate(["a", [1, 2]], Sampling(n=2))
    assert groups == [[Completion("re: a")] * 2, [Completion("re: [1, 2]")] * 2]
    assert engine.ledger["requests"] == 4 and (engine.ledger["prompt_tokens"], engine.ledger["tokens"]) == (8, 12)
    assert {path for path, _, _ in seen} == {"/v1/completions"}


def test_the_sampling_travels_and_what_is_off_stays_home():
    with serving(echo) as (url, seen):
        engine_at(url).generate(
            ["a"], Sampling(max_tokens=7, temperature=0.5, top_p=0.9, stop=("\n",), stop_token_ids=(3,))
        )
    body = seen[0][1]
    assert body.pop("seed") >= 0
    assert body == {"model": "toy", "prompt": "a", "max_tokens": 7, "temperature": 0.5, "top_p": 0.9, "stop": ["\n"],
                    "stop_token_ids": [3]}  # fmt: skip
    assert "Authorization" not in seen[0][2]


def test_every_sample_has_its_own_seed_whoever_shares_the_call():
    with serving(echo) as (url, seen):
        engine = engine_at(url, concurrency=1)
        for prompts in (["a"], ["b", "a", "a"]):
            engine.generate(prompts, Sampling(n=2, seed=5))
    seeds = [body["seed"] for _, body, _ in seen]
    assert seeds[:2] == seeds[4:6] and len(set(seeds)) == 6


def test_a_chat_sends_messages_and_takes_no_tokens():
    answer = 200, {"choices": [{"message": {"content": "hi"}, "finish_reason": "length"}]}, {}
    with serving(lambda body, handler: answer) as (url, seen):
        engine = engine_at(url + "/", chat=True)
        assert engine.generate(["a"], Sampling()) == [[Completion("hi", finish="length")]]
        with pytest.raises(RunError, match="takes text, not tokens"):
            engine.generate([[1]], Sampling())
    assert seen[0][0] == "/v1/chat/completions" and seen[0][1]["messages"] == [{"role": "user", "content": "a"}]


def test_an_empty_reply_is_a_reply():
    with serving(in_turn(saying(""))) as (url, _):
        assert engine_at(url).generate(["a"], Sampling()) == [[Completion("")]]
        assert engine_at(url).generate([], Sampling()) == []


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_refusal_for_the_moment_is_tried_again(status):
    with serving(in_turn((status, {}, {}), (status, {}, {}), saying("late"))) as (url, seen):
        engine = engine_at(url)
        assert engine.generate(["a"], Sampling()) == [[Completion("late")]]
    assert len(seen) == 3 and engine.ledger["retries"] == 2 and engine.ledger["failed"] == 0


def test_pauses_grow_and_a_server_may_ask_for_a_longer_one():
    with serving(in_turn((503, {}, {}), (503, {}, {}), saying("late"))) as (url, _):
        began = time.perf_counter()
        engine_at(url, pause=0.1).generate(["a"], Sampling())
        assert time.perf_counter() - began >= 0.5 * (0.1 + 0.2)
    with serving(in_turn((429, {}, {"Retry-After": "1"}), saying("late"))) as (url, _):
        began = time.perf_counter()
        engine_at(url).generate(["a"], Sampling())
        assert time.perf_counter() - began >= 1.0


@pytest.mark.parametrize("status", [400, 401, 404, 422])
def test_a_mistake_is_not_tried_again_and_is_one_line(status):
    refusal = status, b"no\n such \x1b[31m model", {}
    line = f"1 of 1 requests.*HTTP {status}: no such .*model"
    with serving(in_turn(refusal)) as (url, seen), pytest.raises(EngineError, match=line) as caught:
        engine_at(url).generate(["a"], Sampling())
    assert len(seen) == 1 and "\n" not in str(caught.value) and "\x1b" not in str(caught.value)


def test_what_arrived_is_kept_beside_what_was_lost():
    def choosy(body, handler):
        return (500, {}, {}) if body["prompt"] == "b" else echo(body, handler)

    with serving(choosy) as (url, _), pytest.raises(EngineError, match="2 of 6") as caught:
        engine_at(url, retries=1).generate(["a", "b", "c"], Sampling(n=2))
    assert caught.value.groups == [[Completion("re: a")] * 2, None, [Completion("re: c")] * 2]


@pytest.mark.parametrize(
    "answer",
    [(200, b"<html>", {}), (200, b"\xff", {}), (200, {}, {}), (200, [], {}), (200, {"choices": []}, {}), saying(None),
     saying("a", "content_filter"), saying("a", None), (302, {}, {"Location": "/v1/completions"}), (200, b"[" * 10**5, {}),
     (200, b'{"choices"', {"Content-Length": "99"})],
    ids=str,
)  # fmt: skip
def test_an_answer_that_holds_no_whole_reply_is_a_failure(answer):
    with serving(in_turn(answer)) as (url, _), pytest.raises(EngineError) as caught:
        engine_at(url, retries=0).generate(["a"], Sampling())
    assert caught.value.groups == [None] and len(str(caught.value)) < 400


@contextmanager
def hanging(start=b""):
    """A server that begins its answer with these bytes, one every 50 ms, and never ends it."""
    done = threading.Event()

    def answer(body, handler):
        if start:
            handler.send_response(200)
            handler.end_headers()
        for byte in start:
            handler.wfile.write(bytes([byte]))
            done.wait(0.05)
        done.wait(60)
        return saying("late")

    with serving(answer) as (url, seen):
        try:
            yield url, seen
        finally:
            done.set()


@pytest.mark.parametrize("start", [b"", b" " * 1000], ids=["silent", "trickling"])
def test_a_server_that_takes_too_long_is_given_up(start):
    with hanging(start) as (url, _), pytest.raises(EngineError, match="timed out"):
        began = time.perf_counter()
        engine_at(url, timeout=0.2, retries=0).generate(["a"], Sampling())
    assert time.perf_counter() - began < 10, "and not the minute that the server would take"


@pytest.fixture
def interruptible():
    """A worker of a parallel test run ignores SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interruption_waits_for_no_server(interruptible):
    with hanging() as (url, seen):
        main = threading.main_thread().ident
        threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGINT)).start()
        began = time.perf_counter()
        with pytest.raises(KeyboardInterrupt):
            engine_at(url, timeout=30.0, concurrency=2).generate(["a"] * 9, Sampling())
        assert time.perf_counter() - began < 10
    time.sleep(0.2)
    assert len(seen) <= 2, "nothing is asked afterwards"


def test_a_server_that_is_gone_is_not_asked_for_every_prompt():
    with serving(echo) as (url, _):
        pass
    engine = engine_at(url, retries=1, concurrency=2)
    with pytest.raises(EngineError, match="50 of 50 requests.*no connection") as caught:
        engine.generate(["a"] * 50, Sampling())
    assert caught.value.groups == [None] * 50 and engine.ledger["requests"] < 20


def test_requests_run_side_by_side_and_never_more_than_allowed():
    running, most, lock, three = 0, 0, threading.Lock(), threading.Barrier(3)

    def watch(body, handler):
        nonlocal running, most
        with lock:
            running, most = running + 1, max(most, running + 1)
        three.wait(30)  # breaks unless three are here at once
        with lock:
            running -= 1
        return saying("x")

    with serving(watch) as (url, _):
        assert len(engine_at(url, concurrency=3, timeout=60.0).generate(["a"] * 12, Sampling())) == 12
    assert most == 3


def test_the_key_is_sent_and_never_shown(monkeypatch):
    monkeypatch.setenv("TOY_KEY", KEY + "\n")
    with serving(in_turn((401, f"bad key {KEY}".encode(), {}))) as (url, seen):
        engine = engine_at(url, key_variable="TOY_KEY")
        with pytest.raises(EngineError, match=r"bad key \*\*\*") as caught:
            engine.generate(["a"], Sampling())
    assert seen[0][2]["Authorization"] == f"Bearer {KEY}"
    assert KEY not in str(caught.value) and KEY not in repr(engine)


@pytest.mark.parametrize("value", [None, " ", "sk-a b", "sk-\u00e9"])
def test_a_key_that_cannot_be_sent_is_refused_without_showing_it(monkeypatch, value):
    monkeypatch.delenv("TOY_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("TOY_KEY", value)
    with pytest.raises(ConfigError, match="TOY_KEY") as caught:
        HttpEngine("http://127.0.0.1/v1", "toy", key_variable="TOY_KEY")
    assert "sk-" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8000/v1", "file:///etc/passwd", "http://", "http://me:pass@host/v1", "http://[::1"]
)
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(ConfigError):
        HttpEngine(url, "toy")


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999/v1", "http://a..b/v1", "http://[::z]/v1"])
def test_an_address_where_nobody_can_live_is_a_failure(url):
    with pytest.raises(EngineError, match="no connection"):
        engine_at(url, retries=0).generate(["a"], Sampling())


@pytest.mark.parametrize("settings", [{"timeout": 0}, {"retries": -1}, {"pause": -1.0}, {"concurrency": 0}])
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ConfigError, match="concurrency >= 1"):
        engine_at("http://127.0.0.1/v1", **settings)


def test_weights_cannot_be_loaded():
    with pytest.raises(RunError, match="cannot take new weights"):
        engine_at("http://127.0.0.1:1/v1").load_weights({})


def test_half_a_surrogate_pair_becomes_text_that_can_be_saved():
    with serving(in_turn((200, b'{"choices": [{"text": "a\\ud83d", "finish_reason": "stop"}]}', {}))) as (url, _):
        assert engine_at(url).generate(["a\ud83d"], Sampling()) == [[Completion("a?")]]


def test_a_judge_behind_a_server_fails_for_some_and_grades_the_others():
    def choosy(body, handler):
        if "> 14" in body["prompt"]:
            return 503, {}, {}
        return saying("I think so." if "> 15" in body["prompt"] else '{"analysis": "other", "verdict": "incorrect"}')

    with serving(choosy) as (url, _):
        judge = Judge(engine_at(url, retries=1), template=str)
        replies = [Completion(f"<think></think><answer>{n}</answer>") for n in (13, 14, 15)]
        grades = correctness(judge)(Problem("What is 7 + 5?", answer=12), replies)
    assert grades == [(0.0, "judged wrong"), (None, "judge unreachable"), (None, "judge strayed from its JSON")]
    assert judge.counts == {"asked": 3, "judge unreachable": 1, "judge strayed from its JSON": 1}
