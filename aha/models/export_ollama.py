"""A Modelfile, by which Ollama runs an exported GGUF file, with a template in Go's language.

Ollama takes a model for one that thinks where the template walks over Messages and shows .Thinking between two tags.
What its template writes is found by trying the model's own, so the two agree or there is no Modelfile.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aha.chat import THINK, THINK_END, Chat
from aha.errors import ModelError
from aha.models.export import TEMPERATURE, TOP_P
from aha.template import Template

LARGEST_CONTEXT = 32_768
"""Tokens of a conversation: Ollama's own 4,096 cut thoughts off."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """What a template writes around messages. A reply is expected after every question."""

    before_system: str
    after_system: str
    begin: str
    """Before a question that nothing precedes."""
    after_user: str
    after_assistant: str

    def render(self, messages: list[tuple[str, str]]) -> str:
        """(role, text) pairs that end with a question, as the template writes them."""
        text = "" if messages[0][0] == "system" else self.begin
        after = {"system": self.after_system, "user": self.after_user, "assistant": self.after_assistant}
        for role, content in messages:
            text += (self.before_system if role == "system" else "") + content + after[role]
        return text

    def in_go(self, opens_thought: bool) -> str:
        """The same as a template of Ollama's."""
        old = "{{ .Content }}"
        shown = f"{{{{ if and $last .Thinking }}}}{THINK}{{{{ .Thinking }}}}{THINK_END}{{{{ end }}}}{old}"
        without = f"{{{{ if and $.IsThinkSet (not $.Think) }}}}{THINK_END}{{{{ end }}}}"
        opening = f"{{{{ if $last }}}}{THINK}{without}{{{{ end }}}}" if opens_thought else ""
        return (
            "{{ range $i, $_ := .Messages }}{{ $last := eq (len (slice $.Messages $i)) 1 }}"
            f'{{{{ if eq .Role "system" }}}}{self.before_system}{old}{self.after_system}'
            f'{{{{ else if eq .Role "user" }}}}{{{{ if eq $i 0 }}}}{self.begin}{{{{ end }}}}{old}{self.after_user}{opening}'
            f"{{{{ else }}}}{shown if opens_thought else old}{{{{ if not $last }}}}{self.after_assistant}{{{{ end }}}}"
            "{{ end }}{{ end }}"
        )


def pieces_of(template: Template) -> Pieces:
    """What a template writes around messages. Raises ModelError where pieces alone do not say it."""

    def written(messages: list[tuple[str, str]]) -> str:
        return template.render([{"role": role, "content": content} for role, content in messages])

    def between(*messages: tuple[str, str]) -> list[str]:
        text, found = written(list(messages)), []
        for _, content in messages:
            before, _, text = text.partition(content)
            found.append(before)
        return found

    system, user, assistant = ("system", "told-by-aha"), ("user", "asked-by-aha"), ("assistant", "said-by-aha")
    before_system, after_system = between(system, user)
    made = Pieces(before_system, after_system, *between(user, assistant, user))
    several = [user, assistant, user, assistant, user]
    for tried in ([user], [system, user], several, [system, *several]):
        if made.render(tried) != written(tried):
            raise ModelError(f"{template.where}: Ollama's templates cannot say what this one does; leave out --ollama")
    return made


def modelfile(folder: Path, gguf: str, context: int, licence: str) -> str:
    """The text of a Modelfile for a GGUF file beside it. Raises ModelError for a template that Ollama cannot have."""
    chat = Chat.load(folder)
    file = folder / "chat_template.jinja"
    marks = {"bos_token": chat.marks.begin or "", "eos_token": chat.marks.end, "pad_token": chat.marks.pad}
    template = Template(file.read_text(encoding="utf-8"), marks, str(file))
    go = pieces_of(template).in_go(template.opens_thought)
    if '"""' in go or go.count("{{") != go.count("}}"):
        raise ModelError(f"{file}: it writes quotes or braces that a Modelfile cannot hold; leave out --ollama")
    numbers = {
        "temperature": TEMPERATURE, "top_p": TOP_P, "top_k": 0, "repeat_penalty": 1,
        "num_ctx": min(context, LARGEST_CONTEXT),
    }  # fmt: skip
    lines = [f"FROM ./{gguf}", f'TEMPLATE """{go}"""']
    lines += [f"PARAMETER {name} {value}" for name, value in numbers.items()]
    lines += [f'PARAMETER stop "{end}"' for end in chat.marks.ends]
    return "\n".join([*lines, f'LICENSE "{licence}"']) + "\n"
