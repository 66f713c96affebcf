"""A conversation in the model's template, and what a prompt goes on with."""

from __future__ import annotations

from aha.chat import ANSWER, THINK, THINK_END
from aha.serve.ask import Message, Refused
from aha.serve.split import Begin


def prompt_of(messages: list[Message]) -> str:
    """The conversation in the model's template, up to the reply. Thoughts of earlier replies are left out."""
    lines = []
    for i, message in enumerate(messages):
        text = _text(message, i)
        if message.role == "user":
            lines.append(f"User: {text}\n")
        elif message.role == "assistant":
            lines.append(f"Assistant:{_answer_only(text)}<|end|>\n")
        else:
            lines.append(f"{text}\n")
    return "".join(lines) + "Assistant:"


def question_of(messages: list[Message]) -> str:
    """What the last turn of the user asks; empty where there is none."""
    return next((_text(messages[i], i) for i in reversed(range(len(messages))) if messages[i].role == "user"), "")


def opening(begin: Begin) -> str:
    """What a prompt goes on with."""
    return {"start": "", "opened": THINK, "answer": THINK + THINK_END + ANSWER}[begin]


def _answer_only(text: str) -> str:
    before, closed, after = text.partition(THINK_END)
    return after.lstrip() if closed and before.lstrip().startswith(THINK) else text


def _text(message: Message, i: int) -> str:
    if isinstance(message.content, list):
        parts = [part.get("text") for part in message.content]
        if any(part.get("type") != "text" or not isinstance(part.get("text"), str) for part in message.content):
            raise Refused(400, f"messages.{i}.content: only parts of type text", "messages")
        text = "".join(map(str, parts))
    else:
        text = message.content or ""
    return encodable(text, "messages")


def encodable(text: str, param: str) -> str:
    """The text. Raises Refused where half a surrogate pair makes it no text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused(400, f"{param}: holds half a surrogate pair, which is no text", param) from None
    return text
