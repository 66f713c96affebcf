"""What a client asks, checked: every number has a bound, and a refusal is one line that names the field."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from aha.errors import AhaError
from aha.serve.split import Begin

LARGEST_N, LARGEST_TOP, STOPS, STOP_LENGTH = 128, 20, 16, 256
EFFORTS = {"minimal": 0.1, "low": 0.2, "medium": 0.5, "high": 0.8, "xhigh": 0.95}
"""How much of `max_tokens` a thought may take; "none" is no thought and "max" no bound."""


class Refused(AhaError):
    """A request that is answered with an error: its status, and the field that is at fault."""

    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.param, self.code = status, param, code
        self.headers: dict[str, str] = {}


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, frozen=True)


class Message(_Open):
    """One turn of a conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[dict[str, Any]] | None = None
    reasoning_content: str | None = None
    """Accepted and left out of the prompt, as R1's template does; so is `reasoning`."""
    reasoning: str | None = None


class StreamOptions(_Open):
    """How to stream."""

    include_usage: bool = False
    continuous_usage_stats: bool = False
    """vLLM's: usage while the reply is written, too."""


class Thinking(_Open):
    """DeepSeek's and Anthropic's way to say whether and how long to think; "auto" leaves it to the model."""

    type: Literal["enabled", "disabled", "auto"] = "auto"
    budget_tokens: int | None = Field(None, ge=-1, le=1 << 30)


class TemplateKwargs(_Open):
    """vLLM's and SGLang's way to say whether to think, under the names of Qwen3's and of DeepSeek's template."""

    enable_thinking: bool | None = None
    thinking: bool | None = None


class Vendor(_Open):
    """What only this server understands: `progress` and `events` of a strategy while it works."""

    progress: bool = False
    events: bool = False


class Ask(_Open):
    """The fields that both endpoints share."""

    model: str = Field(max_length=512)
    n: Annotated[int, BeforeValidator(lambda n: 1 if n is None else n)] = Field(1, ge=1, le=LARGEST_N)
    max_tokens: int | None = Field(None, ge=1, le=1 << 30)
    temperature: float | None = Field(None, ge=0, le=10, allow_inf_nan=False)
    top_p: float | None = Field(None, gt=0, le=1, allow_inf_nan=False)
    top_k: int | None = Field(None, ge=-1, le=1 << 30)
    seed: int | None = Field(None, ge=-(1 << 63), lt=1 << 64)
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    @property
    def stops(self) -> tuple[str, ...]:
        """The stop strings. Raises Refused where there are too many, or one is empty or too long."""
        strings = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        if len(strings) > STOPS:
            raise Refused(400, f"stop: {len(strings)} strings, at most {STOPS}", "stop")
        if any(not 0 < len(string) <= STOP_LENGTH for string in strings):
            raise Refused(400, f"stop: each string has 1 to {STOP_LENGTH} characters", "stop")
        return strings

    @property
    def drawn_with(self) -> int:
        """The seed that was asked for, or a fresh one."""
        return secrets.randbits(31) if self.seed is None else self.seed

    @property
    def with_usage(self) -> bool:
        """Whether a stream ends with a chunk of usage."""
        return self.stream_options is not None and self.stream_options.include_usage

    @property
    def with_running_usage(self) -> bool:
        """Whether a stream tells usage after all that comes."""
        return self.with_usage and self.stream_options is not None and self.stream_options.continuous_usage_stats


class ChatAsk(Ask):
    """A request to /v1/chat/completions."""

    messages: list[Message] = Field(min_length=1, max_length=2048)
    max_completion_tokens: int | None = Field(None, ge=1, le=1 << 30)
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=LARGEST_TOP)
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    thinking_token_budget: int | None = Field(None, ge=-1, le=1 << 30)
    thinking: Thinking | None = None
    chat_template_kwargs: TemplateKwargs | None = None
    aha: Vendor = Vendor()

    @model_validator(mode="after")
    def _shown_with_logprobs(self) -> ChatAsk:
        if self.top_logprobs and not self.logprobs:
            raise Refused(400, "top_logprobs: needs logprobs to be true", "top_logprobs")
        return self

    @property
    def longest(self) -> int | None:
        """Tokens of a reply at most, under either name."""
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens


class TextAsk(Ask):
    """A request to /v1/completions."""

    prompt: str | list[Any]
    logprobs: int | None = Field(None, ge=0, le=LARGEST_TOP)

    @field_validator("prompt")
    @classmethod
    def _of_one_kind(cls, prompt: str | list[Any]) -> str | list[Any]:
        """One look at each part: a prompt of a million tokens is no million parts that are not texts."""
        kinds: set[type] = {str} if isinstance(prompt, str) else set(map(type, prompt))
        if kinds == {list}:
            kinds = set().union(*(map(type, part) for part in prompt)) or {int}
            kinds = kinds if kinds == {int} else {list}
        if kinds not in ({str}, {int}, set()):
            raise ValueError("give text, tokens, or a list of either")
        return prompt

    @property
    def prompts(self) -> list[str | list[int]]:
        """The prompts, one or many."""
        if isinstance(self.prompt, str):
            return [self.prompt]
        if all(isinstance(part, int) for part in self.prompt):
            return [list(self.prompt)]  # type: ignore[arg-type]
        return list(self.prompt)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Thought:
    """How to think: what the prompt ends with, and how many tokens a thought may have (None: no bound)."""

    begin: Begin
    budget: int | None


def thought_of(ask: ChatAsk, max_tokens: int) -> Thought:
    """What the ways to bound a thought come to. Raises Refused where they contradict one another."""
    kind, by = _kind(ask)
    told = {
        "thinking_token_budget": ask.thinking_token_budget,
        "thinking.budget_tokens": ask.thinking.budget_tokens if ask.thinking else None,
        "reasoning_effort": _effort(ask.reasoning_effort, max_tokens),
    }
    given = {name: budget for name, budget in told.items() if budget is not None}
    if len(set(given.values())) > 1:
        raise Refused(400, f"{' and '.join(given)} contradict each other: give one", next(iter(given)))
    budget = next(iter(given.values()), -1)
    if kind == "enabled" and budget == 0:
        raise Refused(400, f"{by}: thinking is enabled, with a budget of no tokens", by)
    if kind == "disabled" and budget not in (0, -1):
        raise Refused(400, f"{by}: disabled, and {next(iter(given))} contradict each other: give one", by)
    if kind == "disabled" or budget == 0:
        return Thought("answer", None)
    opened = kind == "enabled" or ask.reasoning_effort is not None
    return Thought("opened" if opened else "start", None if budget < 0 else budget)


def _kind(ask: ChatAsk) -> tuple[str, str]:
    """Whether thinking is "enabled", "disabled" or left to the model ("auto"), and the field that says so."""
    kwargs = ask.chat_template_kwargs or TemplateKwargs()
    told = {ask.thinking.type} if ask.thinking else set()
    told |= {"enabled" if on else "disabled" for on in (kwargs.enable_thinking, kwargs.thinking) if on is not None}
    told -= {"auto"}
    if len(told) > 1:
        raise Refused(400, "thinking: both enabled and disabled, here and in chat_template_kwargs", "thinking")
    return next(iter(told), "auto"), "thinking" if ask.thinking else "chat_template_kwargs"


def _effort(effort: str | None, max_tokens: int) -> int | None:
    if effort is None:
        return None
    return {"none": 0, "max": -1}.get(effort, max(1, int(EFFORTS.get(effort, 0) * max_tokens)))
