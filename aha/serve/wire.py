"""The JSON that goes over the wire: OpenAI's shapes, thoughts under both names that clients read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.responses import JSONResponse, Response

from aha.serve.ask import Refused
from aha.serve.writing import Delta, Writing

Shown = Literal["both", "reasoning_content", "reasoning", "none", "tags"]
"""How thoughts are shown: under which names, not at all, or as tags inside the content."""
TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
DONE = b"data: [DONE]\n\n"
PING = b": ping\n\n"


def thoughts(text: str | None, shown: Shown) -> dict[str, str | None]:
    """A thought under its names."""
    names = {
        "both": ("reasoning_content", "reasoning"),
        "reasoning_content": ("reasoning_content",),
        "reasoning": ("reasoning",),
    }
    return dict.fromkeys(names.get(shown, ()), text)


def usage(prompt: int, completion: int, reasoning: int) -> dict[str, Any]:
    """Token counts."""
    return {
        "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }  # fmt: skip


def error_body(message: str, kind: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """An error as OpenAI words it."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def refusal(error: Refused) -> Response:
    """An error as a response."""
    kind = TYPES.get(error.status, "invalid_request_error" if error.status < 500 else "server_error")
    body = error_body(str(error), kind, error.param, error.code)
    return JSONResponse(body, error.status, error.headers)


def event(body: dict[str, Any]) -> bytes:
    """One server-sent event."""
    return b"data: " + _json(body) + b"\n\n"


_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def _json(body: dict[str, Any]) -> bytes:
    return _encoder.encode(body).encode(errors="replace")


@dataclass
class Sheet:
    """What all parts of one answer share; `chat` tells which of the two endpoints it is for."""

    id: str
    created: int
    model: str
    fingerprint: str
    shown: Shown
    chat: bool = True
    logprobs: bool = False
    vendor: dict[str, Any] = field(default_factory=dict)
    begun: bytes = b""

    def _head(self, chunk: bool) -> dict[str, Any]:
        kind = ("chat.completion.chunk" if chunk else "chat.completion") if self.chat else "text_completion"
        return {
            "id": self.id, "object": kind, "created": self.created, "model": self.model,
            "system_fingerprint": self.fingerprint,
        }  # fmt: skip

    def whole(self, writings: list[Writing], counts: dict[str, Any]) -> dict[str, Any]:
        """The answer in one piece."""
        choices = [self._choice(i, w) for i, w in enumerate(writings)]
        return self._head(False) | {"choices": choices, "usage": counts, "aha": self.vendor}

    def _choice(self, index: int, w: Writing) -> dict[str, Any]:
        noted = w.all_logprobs if self.logprobs else None
        end = {"index": index, "finish_reason": w.finish}
        if not self.chat:
            return end | {"text": w.content, "logprobs": None if noted is None else old_logprobs(noted)}
        message: dict[str, Any] = {"role": "assistant", "content": w.content} | thoughts(
            (w.reasoning if w.summary is None else w.summary) or None, self.shown
        )
        message |= {"refusal": None, "tool_calls": None}
        return end | {"message": message, "logprobs": None if noted is None else {"content": noted, "refusal": None}}

    def first(self, index: int) -> bytes:
        """The chunk that opens a choice."""
        return self._chunk(index, {"role": "assistant", "content": ""}, None) if self.chat else b""

    def delta(self, index: int, delta: Delta) -> bytes:
        """A bit of a choice; nothing for a thought that is not shown."""
        if not self.chat:
            return self._text_chunk(index, delta.text, None, delta.logprobs)
        if delta.kind == "content":
            return self._chunk(index, {"content": delta.text}, None, delta.logprobs)
        said = thoughts(delta.text, self.shown)
        return self._chunk(index, said, None) if said else b""

    def last(self, index: int, finish: str | None) -> bytes:
        """The chunk that ends a choice."""
        return self._chunk(index, {}, finish) if self.chat else self._text_chunk(index, "", finish, [])

    def bare(self, **more: Any) -> bytes:
        """A chunk without choices: usage, or something for those who know this server."""
        return event(self._head(True) | {"choices": []} | more)

    def _chunk(
        self, index: int, said: dict[str, Any], finish: str | None, noted: list[dict[str, Any]] | None = None
    ) -> bytes:
        logprobs = {"content": noted, "refusal": None} if noted else None
        return self._event({"index": index, "delta": said, "logprobs": logprobs, "finish_reason": finish})

    def _text_chunk(self, index: int, text: str, finish: str | None, noted: list[dict[str, Any]]) -> bytes:
        logprobs = old_logprobs(noted) if noted else None
        return self._event({"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish})

    def _event(self, choice: dict[str, Any]) -> bytes:
        """A chunk; what all of them begin with is written out once."""
        if not self.begun:
            self.begun = b"data: " + _json(self._head(True))[:-1] + b',"choices":['
        return self.begun + _json(choice) + b"]}\n\n"


def old_logprobs(noted: list[dict[str, Any]]) -> dict[str, Any]:
    """Log-probabilities as /v1/completions has them."""
    return {
        "tokens": [n["token"] for n in noted], "token_logprobs": [n["logprob"] for n in noted],
        "top_logprobs": [{t["token"]: t["logprob"] for t in n["top_logprobs"]} for n in noted],
    }  # fmt: skip
