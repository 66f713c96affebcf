"""A request's body, read: its fields checked, what is wrong worded in one line, what is not known named."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ValidationError

from aha.serve.ask import ChatAsk, Refused, TextAsk

UNSUPPORTED = (
    "tools", "functions", "logit_bias", "presence_penalty", "frequency_penalty", "response_format", "echo", "suffix",
    "repetition_penalty", "min_p", "best_of", "guided_json", "guided_regex", "guided_grammar", "modalities", "audio", "prediction",
)  # fmt: skip
"""Fields that would change the answer if they were honoured: refused unless they are at their defaults."""
THINKING = ("thinking", "thinking_token_budget", "reasoning_effort", "chat_template_kwargs")
"""Fields that say how to think; they mean nothing where a text is continued as it is."""
DEFAULTS: tuple[Any, ...] = (None, 0, 0.0, [], {}, False, "", {"type": "text"}, ["text"])
_SAID = {"model_type": "should be an object", "dict_type": "should be an object", "missing": "is missing"}
SILENT = ("user", "store", "metadata", "tool_choice", "parallel_tool_calls")
"""Fields that clients send and that change nothing here."""


def read(body: bytes, kind: type[ChatAsk] | type[TextAsk]) -> tuple[Any, list[str]]:
    """A request, and the fields in it that are not known and ignored. Raises Refused, one line that names the field."""
    raw = _object(body)
    for name in UNSUPPORTED:
        if raw.get(name) not in DEFAULTS and not (name in ("best_of", "repetition_penalty") and raw[name] == 1):
            raise Refused(400, f"{name} is not supported", name, "unsupported_parameter")
    for name in THINKING if kind is TextAsk else ():
        if raw.get(name) is not None:
            raise Refused(400, f"{name}: ask /v1/chat/completions; here a text goes on as it is", name)
    try:
        ask = kind.model_validate(raw)
    except ValidationError as error:
        raise _refusal(error) from None
    return ask, sorted(set(_unknown(ask)) - set(UNSUPPORTED) - set(SILENT))


def _object(body: bytes) -> dict[str, Any]:
    try:
        raw = json.loads(body, parse_constant=_no_constant)
    except RecursionError:
        raise Refused(400, "the body is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise Refused(400, f"the body is not UTF-8: byte {error.start} is no part of a character") from None
    except json.JSONDecodeError as error:
        raise Refused(400, f"the body is not JSON: {error}"[:200]) from None
    except ValueError as error:
        said = "a number has too many digits" if "digits" in str(error) else str(error)
        raise Refused(400, f"the body is not JSON: {said}"[:200]) from None
    if not isinstance(raw, dict):
        raise Refused(400, "the body should be a JSON object")
    return raw


def _unknown(part: Any, where: str = "") -> list[str]:
    """The fields that no record has, those inside of others too, by their path."""
    if isinstance(part, list):
        return [name for item in part for name in _unknown(item, where)]
    if not isinstance(part, BaseModel):
        return []
    inner = [
        name for field in part.model_fields_set for name in _unknown(getattr(part, field, None), f"{where}{field}.")
    ]
    return [where + name for name in part.model_extra or {}] + inner


def _refusal(error: ValidationError) -> Refused:
    """The first thing that is wrong; where a field may be several kinds of thing, what each would have to be."""
    errors = error.errors(include_url=False, include_input=False)
    where = _path(errors[0]["loc"])
    said = [_SAID.get(e["type"], e["msg"]) for e in errors if _path(e["loc"]) == where]
    said = [text.removeprefix("Value error, ").removeprefix("Input ").replace("valid ", "") for text in said]
    alike = [said[0], *(text.removeprefix("should be ") for text in dict.fromkeys(said) if text != said[0])]
    first = str(errors[0]["loc"][0]) if errors[0]["loc"] else None
    return Refused(400, f"{where}: {' or '.join(alike)}"[:300], first)


def _path(loc: tuple[int | str, ...]) -> str:
    """Where an error is, without the kinds that pydantic writes between the names."""
    kinds = ("str", "int")
    return ".".join(str(part) for part in loc if part not in kinds and "[" not in str(part))[:100]


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
