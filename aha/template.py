"""A chat model's own template: Jinja text that comes beside its tokenizer, run in a sandbox.

    template = Template(source, {"eos_token": "<|im_end|>"}, "chat_template.jinja")
    template.render([{"role": "user", "content": "Hello!"}])

A template comes from whoever made the model, so it sees the messages and the names of a few tokens and nothing else. It
is not told what day it is: a prompt must not depend on when a run is made. Left out: tools, and templates by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from aha.errors import ModelError

OPEN, CLOSE = "<think>", "</think>"
ASKED, SAID = "What is aha?", "A small word."
"""What a template is tried with."""
LONGEST = 1 << 20
"""Characters of a template."""

Message = Mapping[str, str]


class _Generation(Extension):
    """`{% generation %}` marks what an assistant says. Only training tools that mask by it look at that."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _environment() -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", _Generation]
    )
    made.filters["tojson"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
    made.globals["raise_exception"] = _raise
    return made


def _raise(message: str) -> None:
    raise TemplateError(message)


class Template:
    """A template that has been tried. Raises ModelError, which names `where`, for one that cannot be used."""

    def __init__(self, source: str, tokens: Mapping[str, str], where: str) -> None:
        """`tokens` are what templates call bos_token, eos_token and so on."""
        if len(source) > LONGEST:
            raise ModelError(f"{where}: a template of {len(source)} characters; at most {LONGEST} are read")
        self.source, self.tokens, self.where = source, dict(tokens), where
        try:
            self._template = _environment().from_string(source)
        except TemplateSyntaxError as error:
            raise ModelError(f"{where}, line {error.lineno}: {_line(error)}") from error
        except (TemplateError, RecursionError) as error:
            raise ModelError(f"{where}: {_line(error)}") from error
        self._try()

    def _try(self) -> None:
        if ASKED not in self.render([_user(ASKED)]):
            raise ModelError(f"{self.where}: the template leaves out what the user says")
        thought = f"{OPEN}\n{ASKED}\n{CLOSE}\n\n{SAID}"
        earlier = self.render([_user(ASKED), _assistant(thought)], reply=False)
        if earlier.count(OPEN) > earlier.count(CLOSE):
            raise ModelError(f"{self.where}: the template opens {OPEN} in an earlier reply and does not close it")

    def render(self, messages: Sequence[Message], reply: bool = True) -> str:
        """The conversation as the model reads it, up to its next reply. Raises ModelError where the template does.

        A thought that the template opens itself is left to the model to open, so that it is part of the reply.
        """
        text = self._render(messages, reply)
        return text.rstrip().removesuffix(OPEN) if reply and text.rstrip().endswith(OPEN) else text

    def _render(self, messages: Sequence[Message], reply: bool) -> str:
        try:
            return self._template.render(
                messages=[dict(message) for message in messages], add_generation_prompt=reply, **self.tokens
            )
        except Exception as error:  # whatever the template's own expressions may raise
            raise ModelError(f"{self.where}: the template cannot be used: {_line(error)}") from error

    @property
    def opens_thought(self) -> bool:
        """Whether every reply is made to begin with a thought."""
        return self._render([_user(ASKED)], reply=True).rstrip().endswith(OPEN)

    @property
    def knows_thoughts(self) -> bool:
        """Whether it says anything of thoughts at all."""
        return OPEN in self.source or CLOSE in self.source

    @property
    def keeps_thoughts(self) -> bool:
        """Whether the model is shown what it thought in earlier turns."""
        thought = f"{OPEN}\n{SAID}\n{CLOSE}\n\nYes."
        return SAID in self.render([_user(ASKED), _assistant(thought), _user(ASKED)])

    def ends_with(self, ends: Sequence[str]) -> str | None:
        """The one of these tokens that ends a reply, or None: then the model was not made for this template."""
        after = self.render([_user(ASKED), _assistant(SAID)], reply=False).rpartition(SAID)[2]
        found = [(after.index(end), end) for end in ends if end in after]
        return min(found)[1] if found else None


def _user(text: str) -> Message:
    return {"role": "user", "content": text}


def _assistant(text: str) -> Message:
    return {"role": "assistant", "content": text}


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def read_source(config: dict[str, Any], beside: str | None) -> str | None:
    """The text of a template: of `chat_template.jinja` where there is one, else as `tokenizer_config.json` has it."""
    if beside is not None:
        return beside
    named = config.get("chat_template")
    if isinstance(named, list):  # several, by name
        named = next((t.get("template") for t in named if isinstance(t, dict) and t.get("name") == "default"), None)
    return named if isinstance(named, str) else None
