"""The two endpoints that draw text: what is asked, checked against the model, becomes a call."""

from __future__ import annotations

import hashlib
import secrets
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from aha.chat import THINK_END
from aha.serve.ask import LARGEST_N, Ask, ChatAsk, Refused, TextAsk, Thought, thought_of
from aha.serve.calls import Call, jobs_for
from aha.serve.models import Checkpoint
from aha.serve.read import read
from aha.serve.respond import body_of, respond
from aha.serve.state import Settings, State
from aha.serve.turns import encodable, opening, prompt_of
from aha.serve.wire import Sheet
from aha.serve.writing import Writing
from aha.types import Sampling

COLD = 1e-4
"""Below this temperature a reply is greedy: 1 / temperature would overflow."""


async def chat_completions(request: Request) -> Response:
    """POST /v1/chat/completions."""
    state, ask, ignored = await _asked(request, ChatAsk)
    checkpoint, strategy = state.catalogue.find(ask.model)
    prompt = prompt_of(ask.messages)
    bare = _encoded(checkpoint, prompt, "messages")
    longest = _longest(
        state,
        checkpoint,
        ask.longest,
        len(bare),
        "max_completion_tokens" if ask.max_completion_tokens else "max_tokens",
    )
    thought = thought_of(ask, longest)
    if strategy is not None:
        from aha.serve.searched import Searched

        if ask.n != 1:
            raise Refused(400, "n: a strategy gives one answer; its own n stands in the model's name", "n")
        run = Searched(state, checkpoint, strategy, prompt, ask, sheet(state, checkpoint, ask, True))
        return await respond(request, run, ask, ignored)
    [ids] = checkpoint.chat.prompt_ids([prompt + opening(thought.begin)])
    longest = min(longest, checkpoint.live.context - len(ids))
    _check(checkpoint, ids, longest, thought)
    call = _chat_call(state, checkpoint, ask, ids, longest, thought)
    return await respond(request, call, ask, ignored)


def _chat_call(
    state: State, checkpoint: Checkpoint, ask: ChatAsk, ids: list[int], longest: int, thought: Thought
) -> Call:
    settings = state.settings
    page = sheet(state, checkpoint, ask, True)
    seed = ask.drawn_with
    page.vendor = {"seed": seed, "thinking_budget": 0 if thought.begin == "answer" else thought.budget}
    page.logprobs = bool(ask.logprobs)
    options = {
        "stream": bool(ask.stream or ask.stops), "top": (ask.top_logprobs or 0) if ask.logprobs else 0,
        "budget": thought.budget, "opened": thought.begin == "opened",
    }  # fmt: skip
    jobs = jobs_for([ids], sampling_of(settings, ask, longest, seed), ask.n, **options)
    raw = settings.shown == "tags"
    writings = [
        Writing(checkpoint.chat, thought.begin, ask.stops, raw, bool(ask.logprobs), settings.unclosed) for _ in jobs
    ]
    summariser = state.summariser()
    if summariser:
        page.vendor["thoughts"] = summariser.told
    return Call(
        checkpoint.live, checkpoint.chat, state.post, page, state.metrics, writings, jobs, settings.ping, summariser
    )  # fmt: skip


def _check(checkpoint: Checkpoint, ids: list[int], longest: int, thought: Thought) -> None:
    """Raise Refused where nothing can be drawn after these tokens, or a thought cannot be bounded."""
    if longest < 1:
        said = f"the prompt has {len(ids)} tokens and leaves no room in a context of {checkpoint.live.context}"
        raise Refused(400, said, "messages", "context_length_exceeded")
    if thought.budget is not None and checkpoint.chat.tokenizer.token_to_id(THINK_END) is None:
        said = f"this model has no token {THINK_END} with which a thought could be closed"
        raise Refused(400, said, "thinking_token_budget")


async def completions(request: Request) -> Response:
    """POST /v1/completions: text goes on as it is, tags and all."""
    state, ask, ignored = await _asked(request, TextAsk)
    if state.settings.thoughts != "shown":
        raise Refused(403, "this server does not show thoughts, and here they would be text: ask /v1/chat/completions")
    checkpoint, strategy = state.catalogue.find(ask.model)
    if strategy is not None:
        raise Refused(400, "model: strategies answer at /v1/chat/completions", "model")
    if not 0 < len(ask.prompts) * ask.n <= LARGEST_N:
        said = f"prompt: {len(ask.prompts)} prompts of {ask.n} replies each, at most {LARGEST_N} replies in all"
        raise Refused(400, said, "prompt")
    prompts = [_encoded(checkpoint, prompt, "prompt") for prompt in ask.prompts]
    longest = _longest(state, checkpoint, ask.max_tokens or 16, max(map(len, prompts)), "max_tokens")
    page, seed = sheet(state, checkpoint, ask, False), ask.drawn_with
    page.vendor, page.logprobs = {"seed": seed}, ask.logprobs is not None
    jobs = jobs_for(
        prompts, sampling_of(state.settings, ask, longest, seed), ask.n, stream=bool(ask.stream or ask.stops),
        top=ask.logprobs or 0,
    )  # fmt: skip
    writings = [Writing(checkpoint.chat, "start", ask.stops, True, page.logprobs, in_thoughts=True) for _ in jobs]
    call = Call(checkpoint.live, checkpoint.chat, state.post, page, state.metrics, writings, jobs, state.settings.ping)
    return await respond(request, call, ask, ignored)


async def _asked(request: Request, kind: Any) -> tuple[State, Any, list[str]]:
    """The server's state, the request, and the fields in it that are ignored. Raises Refused."""
    state: State = request.app.state.aha
    if state.draining:
        refused = Refused(503, "the server is about to stop; ask another", code="draining")
        refused.headers["Retry-After"] = "5"
        raise refused
    ask, ignored = read(await body_of(request, state.settings), kind)
    return state, ask, ignored


def _encoded(checkpoint: Checkpoint, prompt: str | list[int], param: str) -> list[int]:
    """A prompt's tokens. Raises Refused for one that cannot fit, without reading much more of it than could."""
    context = checkpoint.live.context
    if isinstance(prompt, list):
        if len(prompt) >= context:
            raise overflow(str(len(prompt)), context, param)
        wrong = next((id for id in prompt if not 0 <= id < len(checkpoint.chat)), None)
        if wrong is not None:
            raise Refused(400, f"{param}: there is no token {wrong}; tokens are 0 to {len(checkpoint.chat) - 1}", param)
        ids = prompt
    else:
        encodable(prompt, param)
        at_least = len(prompt) // longest_token(checkpoint)
        if at_least >= context:
            raise overflow(f"at least {at_least}", context, param)
        ids = checkpoint.chat.encode(prompt)
    if not ids:
        raise Refused(400, f"{param}: is empty", param)
    if len(ids) >= context:
        raise overflow(str(len(ids)), context, param)
    return ids


def longest_token(checkpoint: Checkpoint) -> int:
    """Characters of the tokenizer's longest token."""
    found: int = checkpoint.__dict__.get("longest_token", 0)
    if not found:
        found = max(map(len, checkpoint.chat.tokenizer.get_vocab()))
        object.__setattr__(checkpoint, "longest_token", found)
    return found


def overflow(tokens: str, context: int, param: str) -> Refused:
    """The prompt alone is too long."""
    said = f"the prompt has {tokens} tokens, and the context of this model is {context}"
    return Refused(400, said, param, "context_length_exceeded")


def _longest(state: State, checkpoint: Checkpoint, asked: int | None, prompt: int, param: str) -> int:
    """Tokens that the reply may have. Raises Refused where more are asked for than fit."""
    room = checkpoint.live.context - prompt
    if asked is None:
        return min(room, state.settings.max_tokens or room)
    if asked > room:
        said = f"{param}: {prompt} tokens of prompt and {asked} of reply, and the context of this model is {checkpoint.live.context}"
        raise Refused(400, said, param, "context_length_exceeded")
    if state.settings.max_tokens and asked > state.settings.max_tokens:
        raise Refused(400, f"{param}: {asked}, and this server gives {state.settings.max_tokens} at most", param)
    return asked


def sampling_of(settings: Settings, ask: Ask, longest: int, seed: int) -> Sampling:
    """How to draw one choice."""
    temperature = settings.temperature if ask.temperature is None else ask.temperature
    temperature = 0.0 if temperature < COLD else temperature
    top_p = settings.top_p if ask.top_p is None else ask.top_p
    return Sampling(1, longest, temperature, top_p, max(0, ask.top_k or 0), seed=seed)


def sheet(state: State, checkpoint: Checkpoint, ask: Ask, chat: bool) -> Sheet:
    """The head of an answer."""
    prints = hashlib.blake2b(f"{checkpoint.name}:{checkpoint.created}".encode(), digest_size=6).hexdigest()
    kind = "chatcmpl" if chat else "cmpl"
    return Sheet(
        f"{kind}-{secrets.token_hex(12)}", int(time.time()), ask.model, f"fp_{prints}", state.settings.shown, chat
    )
