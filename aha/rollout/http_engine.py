"""An engine behind a URL: any server that speaks OpenAI's protocol, such as vLLM, llama.cpp, Ollama or a paid service.

    engine = HttpEngine("http://127.0.0.1:8000/v1", "Qwen/Qwen2.5-7B-Instruct")
    engine = HttpEngine("https://api.deepseek.com/v1", "deepseek-chat", key_variable="DEEPSEEK_API_KEY", chat=True)

Each sample is a request with a seed of its own, so a reply depends on nobody who shares its batch, as far as the server
keeps to seeds. A request that is refused for the moment (429, 5xx), times out or loses its connection is sent again,
later and later; one that stays without a reply raises EngineError, so it never looks like an empty reply.

Left out: streaming, token ids and log-probabilities, so this engine can judge and be evaluated but not be trained. What
`Sampling` leaves at "off" (top_k 0) is not sent, and then a server's own default applies.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import random
import re
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aha.errors import ConfigError, EngineError, RunError
from aha.types import Completion, GroupDone, Prompt, Sampling

LONGEST_PAUSE = 60.0
"""Seconds; also of what a server may ask for with Retry-After."""
LARGEST_REPLY = 64 << 20
"""Bytes of one answer of the server."""
GIVE_UP = 4
"""When so many requests in a row (or as many as run at once) stay without a reply, the rest of a call is not tried."""

_BROKEN = (OSError, http.client.HTTPException, ValueError, OverflowError)
"""What urllib raises where there is no connection; the last two for a host or port that cannot exist."""
_jitter = random.Random()  # not the global generator, on which other draws may depend


class _Lost(Exception):
    """One try without a reply: why, whether another may help, and how long the server asked to wait."""

    def __init__(self, why: str, again: bool, pause: float = 0.0) -> None:
        super().__init__(why)
        self.again, self.pause = again, pause


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the key to another host."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirects)


class HttpEngine:
    """Continues prompts with a model on a server.

    `url` ends in /v1. `key_variable` names the environment variable that holds the key, which is in no message. `chat`
    uses /chat/completions, where the server writes a prompt into its model's template; otherwise prompts are raw text
    or tokens. `timeout`, in seconds, is for one try; a trickling reply may take twice that. `retries` follow the first
    try, after about `pause` seconds, then twice that, and so on. `concurrency` requests run at once. Raises ConfigError
    for a URL or key that cannot be used.
    """

    def __init__(
        self,
        url: str,
        model: str,
        key_variable: str = "",
        chat: bool = False,
        timeout: float = 120.0,
        retries: int = 4,
        pause: float = 1.0,
        concurrency: int = 8,
    ) -> None:
        host = re.fullmatch(r"https?://((?:[\w.-]+|\[[\w:.]+\])(?::\d{1,5})?)(?:/[^\s?#]*)?", url, re.ASCII)
        if host is None:
            raise ConfigError("a server's address looks like http://127.0.0.1:8000/v1, without a password in it")
        if timeout <= 0 or retries < 0 or pause < 0 or concurrency < 1:
            raise ConfigError("an engine needs timeout > 0, retries >= 0, pause >= 0 and concurrency >= 1")
        self.model, self.chat, self.timeout, self.retries = model, chat, timeout, retries
        self.pause, self.concurrency = pause, concurrency
        self.host = host[1]
        self.address = url.rstrip("/") + ("/chat/completions" if chat else "/completions")
        self._key = _read_key(key_variable)
        self.ledger: Counter[str] = Counter()  # requests, retries, failed, seconds; tokens where the server tells
        self._lock = threading.Lock()

    def load_weights(self, named_tensors: dict[str, Any]) -> None:
        """Raises RunError: a server's weights are its own."""
        raise RunError(f"the model at {self.host} cannot take new weights: train with the torch engine")

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling, done: GroupDone | None = None
    ) -> list[list[Completion]]:
        """Draw `sampling.n` replies to each prompt, in prompt order, with empty token ids and log-probabilities.

        Raises EngineError when any request stayed without a reply, and RunError for tokens as a prompt of a chat.
        """
        bodies = self._bodies(prompts, sampling)
        began, call = time.perf_counter(), _Call(self)
        pool = ThreadPoolExecutor(max(1, min(self.concurrency, len(bodies))))
        try:
            found = list(pool.map(call.ask, bodies))
        finally:  # an interruption waits for no server: what is under way ends with its timeout and is not tried again
            call.stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
        self.count(seconds=time.perf_counter() - began)
        n, failures = sampling.n, [reply for reply in found if isinstance(reply, str)]
        groups = [_whole(found[i * n : (i + 1) * n]) for i in range(len(prompts))]
        for index, group in enumerate(groups):
            if done and group is not None:
                done(index, group)
        if failures:
            lost = f"{len(failures)} of {len(found)} requests to {self.host} failed"
            raise EngineError(f"{lost}, the first with {failures[0]}", groups)
        return [group for group in groups if group is not None]

    def _bodies(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[dict[str, Any]]:
        """One request for each sample of each prompt."""
        if self.chat and not all(isinstance(prompt, str) for prompt in prompts):
            raise RunError("a chat takes text, not tokens: make the engine without chat to continue a partial reply")
        optional = {"top_k": sampling.top_k, "stop": sampling.stop, "stop_token_ids": sampling.stop_token_ids}
        shared = {"model": self.model} | {
            name: getattr(sampling, name) for name in ("max_tokens", "temperature", "top_p")
        }
        shared |= {name: value for name, value in optional.items() if value}
        seen: Counter[str] = Counter()
        bodies = []
        for prompt in prompts:
            asked = {"messages": [{"role": "user", "content": prompt}]} if self.chat else {"prompt": prompt}
            for sample in range(sampling.n):
                name = f"{sampling.seed}:{seen[str(prompt)]}:{sample}:{prompt}".encode("utf-8", "replace")
                seed = int.from_bytes(hashlib.blake2b(name, digest_size=4).digest(), "little") >> 1
                bodies.append(shared | asked | {"seed": seed})
            seen[str(prompt)] += 1
        return bodies

    def count(self, **more: Any) -> None:
        """Add to the ledger, from any thread."""
        with self._lock:
            self.ledger.update(more)

    def post(self, body: dict[str, Any]) -> bytes:
        """The server's answer to one try. Raises _Lost."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self._key}"} if self._key else {})
        try:
            request = urllib.request.Request(self.address, json.dumps(body).encode(), headers, method="POST")
            with _opener.open(request, timeout=self.timeout) as response:
                return _read(response, time.monotonic() + self.timeout)
        except urllib.error.HTTPError as error:
            raise self._refused(error) from None
        except _BROKEN as error:
            raise _Lost(f"no connection ({self._excerpt(str(error) or type(error).__name__)})", again=True) from None

    def _refused(self, error: urllib.error.HTTPError) -> _Lost:
        with error:
            try:
                said = _read(error, time.monotonic() + self.timeout).decode("utf-8", "replace")
            except _BROKEN:
                said = ""
        hint = "; does the URL end in /v1, and does the server know this model?" if error.code == 404 else ""
        asked = error.headers.get("Retry-After", "") if error.headers else ""
        pause = float(asked) if asked.isascii() and asked.isdigit() else 0.0
        again = error.code in (408, 429) or error.code >= 500
        return _Lost(f"HTTP {error.code}: {self._excerpt(said)}{hint}", again, min(pause, LONGEST_PAUSE))

    def _excerpt(self, said: str) -> str:
        """A foreign text in one short, printable line, without the key that a server may repeat."""
        said = said.replace(self._key, "***") if self._key else said
        return " ".join("".join(c if c.isprintable() else " " for c in said[:2000]).split())[:200]

    def completion(self, raw: bytes) -> Completion:
        """The reply in the server's answer. Raises _Lost when there is none, or not all of it."""
        try:
            answer = json.loads(raw)
            choice = answer["choices"][0]
            text, finish = choice["message"]["content"] if self.chat else choice["text"], choice["finish_reason"]
        except (ValueError, RecursionError, KeyError, IndexError, TypeError):
            said = self._excerpt(raw[:2000].decode("utf-8", "replace"))
            raise _Lost(f"an answer that holds no reply: {said}", again=True) from None
        if finish not in ("stop", "length") or not isinstance(text, str):
            raise _Lost(f"a reply that ended by {self._excerpt(repr(finish))}", again=False)
        usage = answer.get("usage")
        if isinstance(usage, dict):
            used = {"prompt_tokens": usage.get("prompt_tokens"), "tokens": usage.get("completion_tokens")}
            self.count(**{name: tokens for name, tokens in used.items() if isinstance(tokens, int)})
        text = text.encode("utf-8", "replace").decode()  # half a surrogate pair could not be saved
        return Completion(text, finish=finish)


class _Call:
    """One call of `generate`, whose requests learn from each other that a server is gone."""

    def __init__(self, engine: HttpEngine) -> None:
        self.engine, self.stopped = engine, threading.Event()
        self.unanswered = 0

    def ask(self, body: dict[str, Any]) -> Completion | str:
        """The reply, or why there is none."""
        engine, why = self.engine, "no try, because too many before it failed"
        for attempt in range(engine.retries + 1):
            if self.stopped.is_set() or self.unanswered >= max(GIVE_UP, engine.concurrency):
                break
            engine.count(requests=1, retries=int(attempt > 0))
            try:
                reply = engine.completion(engine.post(body))
            except _Lost as lost:
                why = str(lost)
                if not lost.again or attempt == engine.retries:
                    self.unanswered += lost.again
                    break
                # uneven, so that requests that failed together come back apart
                backoff = min(LONGEST_PAUSE, engine.pause * 2**attempt) * _jitter.uniform(0.5, 1.5)
                self.stopped.wait(max(lost.pause, backoff))
            else:
                self.unanswered = 0
                return reply
        engine.count(failed=1)
        return why


def _whole(group: list[Completion | str]) -> list[Completion] | None:
    """The replies to one prompt, or None when one of them is missing."""
    replies = [reply for reply in group if isinstance(reply, Completion)]
    return replies if len(replies) == len(group) else None


def _read(response: Any, deadline: float) -> bytes:
    """The body, unless it is too large or still coming in after the deadline. Raises OSError."""
    pieces, size = [], 0
    while piece := response.read1(1 << 16):
        pieces.append(piece)
        size += len(piece)
        if size > LARGEST_REPLY or time.monotonic() > deadline:
            raise OSError("the answer is too large" if size > LARGEST_REPLY else "timed out")
    return b"".join(pieces)


def _read_key(variable: str) -> str:
    if not variable:
        return ""
    key = os.environ.get(variable, "").strip()
    if not re.fullmatch("[!-~]+", key):
        raise ConfigError(f"the environment variable {variable} holds no key that could be sent to the server")
    return key
