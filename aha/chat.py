"""How a conversation is written for the model, and how its reply is read back.

R1-Zero's template is plain text (arXiv 2501.12948, table 1): the user's question, then `Assistant:`, and the model
opens `<think>` itself.

    User: Using the numbers 44, 19, 35, make 98.
    Assistant:<think>44 + 19 = 63, 63 + 35 = 98 yes</think><answer>(44 + 19) + 35</answer><|end|>
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from aha.errors import ModelError
from aha.template import Message, Template, read_source

PAD, END = "<|pad|>", "<|end|>"
THINK, THINK_END, ANSWER, ANSWER_END = "<think>", "</think>", "<answer>", "</answer>"
SPECIAL = (PAD, END, THINK, THINK_END, ANSWER, ANSWER_END)

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}User: {{ message['content'] }}\n"
    "{% elif message['role'] == 'assistant' %}Assistant:{{ message['content'] }}<|end|>\n"
    "{% else %}{{ message['content'] }}\n{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)
"""The same template as `render`, in the form that other tools read from `chat_template.jinja`."""


def render(question: str) -> str:
    """The text a model continues to answer `question`."""
    return f"User: {question}\nAssistant:"


_TURN = re.compile(r"(?:(?P<system>.*?)\n)?User: (?P<user>.*)\nAssistant:(?P<reply>.*)", re.DOTALL)


def turns(prompt: str) -> tuple[list[Message], str] | None:
    """The messages of a prompt in the form of `render`, and what its reply begins with. None for any other text."""
    parts = [_TURN.fullmatch(part) for part in prompt.split(f"{END}\n")]
    messages: list[Message] = []
    for part in parts:
        if part is None:
            return None
        if part["system"]:
            messages.append({"role": "system", "content": part["system"]})
        messages.append({"role": "user", "content": part["user"]})
        messages.append({"role": "assistant", "content": part["reply"]})
    return messages[:-1], messages[-1]["content"]


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that follows the template, split into its two parts, both stripped of spaces."""

    thinking: str
    answer: str

    @property
    def conclusion(self) -> str:
        """The last line of the answer: a reply may sum up how it got there in the lines before."""
        return self.answer.rpartition("\n")[2].strip()


_TAGS = [THINK, THINK_END, ANSWER, ANSWER_END]
_TAG = re.compile(r"</?(?:think|answer)>")


def parse_reply(text: str) -> Reply | None:
    """Split a reply, or None when it strays from the template.

    The template is exactly one `<think>` block, then exactly one `<answer>` block, and nothing else. An unclosed or
    repeated tag is never repaired: a reply cut off inside its thinking has no answer.
    """
    if _TAG.findall(text) != _TAGS:
        return None
    before, thinking, between, answer, after = _TAG.split(text)
    if before.strip() or between.strip() or after.strip() or not answer:
        return None
    return Reply(thinking.strip(), answer.strip())


REFLECTION = (
    "wait", "mistake", "however", "but", "retry", "error", "verify", "wrong", "evaluate", "check",
)  # fmt: skip
"""The word list of the paper's figure on reflection (v2, appendix C.2)."""
REFLECTION_ZH = ("等等", "错误", "然而", "但是", "重试", "验证", "不过", "检查")

_REFLECTION = re.compile(rf"\b(?:{'|'.join(REFLECTION)})\b|{'|'.join(REFLECTION_ZH)}", re.IGNORECASE)


def count_reflection(text: str) -> int:
    """How many words of reflection a text holds, English and Chinese."""
    return len(_REFLECTION.findall(text))


_HAN, _LATIN = re.compile(r"[\u4e00-\u9fff]"), re.compile(r"[A-Za-z]+")
_WORD = re.compile(r"[A-Za-z]{2}")
_UNSPOKEN = re.compile(r"</?(?:think|answer)>")


def language_counts(text: str) -> tuple[int, int]:
    """(Chinese characters, Latin words)."""
    spoken = _UNSPOKEN.sub(" ", text)
    return len(_HAN.findall(spoken)), len(_LATIN.findall(spoken))


def is_mixed(text: str) -> bool:
    """Whether a text uses both Chinese characters and Latin words.

    Single letters are no words: they name variables and options, as in the language reward.
    """
    spoken = _UNSPOKEN.sub(" ", text)
    return bool(_HAN.search(spoken) and _WORD.search(spoken))


@dataclass(frozen=True, slots=True)
class Marks:
    """The tokens around replies, by name: the one that ends a reply, all that may, and the one that pads."""

    end: str = END
    ends: tuple[str, ...] = (END,)
    pad: str = PAD
    begin: str | None = None
    """The token that begins every text, of models that have one."""


class Chat:
    """A tokenizer, the tokens that end its replies, and the template of its own that a chat model was made for.

    Prompts come in the form of `render`. Without a template they are read as they are.
    """

    def __init__(self, tokenizer: Tokenizer, marks: Marks | None = None, template: Template | None = None) -> None:
        self.tokenizer, self.marks, self.template = tokenizer, marks or Marks(), template
        named = (self.marks.pad, *self.marks.ends)
        ids = {token: id for token in named if (id := tokenizer.token_to_id(token)) is not None}
        missing = [token for token in named if token not in ids]
        if missing:
            raise ModelError(f"the tokenizer lacks {', '.join(missing)}")
        self.pad_id, self.end_id = ids[self.marks.pad], ids[self.marks.end]
        self.end_ids = tuple(ids[end] for end in self.marks.ends)
        self._hidden = {self.pad_id, *self.end_ids}
        bare, whole = (tokenizer.encode("a", add_special_tokens=special).ids for special in (False, True))
        self.begin_ids: list[int] = whole[: whole.index(bare[0])] if bare and bare[0] in whole else []
        """What the model expects before any text."""

    @classmethod
    def load(cls, folder: Path) -> Chat:
        """Read a model folder's tokenizer and template. Raises ModelError when one is missing or unusable."""
        file = Path(folder) / "tokenizer.json"
        if not file.is_file():
            raise ModelError(
                f"{file} is missing: a model folder holds its tokenizer beside its weights; for a folder with a "
                "tokenizer of another kind, AutoTokenizer.from_pretrained(folder).save_pretrained(folder) writes it"
            )
        try:
            tokenizer = Tokenizer.from_file(str(file))
        except BaseException as error:  # the library raises bare Exception for damage, or panics, which is no Exception
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            raise ModelError(f"{file} cannot be read: {' '.join(str(error).split())[:300]}") from error
        if all(tokenizer.token_to_id(token) is not None for token in (PAD, END)):
            return cls(tokenizer)
        return cls(tokenizer, *read_marks(Path(folder), tokenizer))

    def prompt(self, text: str) -> str:
        """A prompt as this model's own template writes it; a text that `render` did not write stays as it is."""
        read = turns(text) if self.template else None
        if self.template is None or read is None:
            return text.replace(END, self.marks.end)
        messages, opening = read
        return self.template.render(messages) + opening

    def prompt_ids(self, prompts: Sequence[str]) -> list[list[int]]:
        """Token ids of prompts, as the model reads them."""
        rows = self.encode_batch([self.prompt(text) for text in prompts])
        if not self.begin_ids:
            return rows
        return [
            ids if self.template and turns(text) else self.begin_ids + ids
            for text, ids in zip(prompts, rows, strict=True)
        ]

    def encode(self, text: str) -> list[int]:
        """Token ids of a text; special tokens in it are recognised."""
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def encode_batch(self, texts: list[str]) -> list[list[int]]:
        """Token ids of many texts."""
        return [encoding.ids for encoding in self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    def decode(self, ids: Iterable[int]) -> str:
        """Text of token ids, tags included, without padding and end marks."""
        return self.tokenizer.decode([i for i in ids if i not in self._hidden], skip_special_tokens=False)

    def decode_batch(self, rows: list[list[int]]) -> list[str]:
        """Texts of many rows of token ids, as `decode` gives them."""
        kept = [[i for i in row if i not in self._hidden] for row in rows]
        return self.tokenizer.decode_batch(kept, skip_special_tokens=False)

    def __len__(self) -> int:
        return self.tokenizer.get_vocab_size()


def read_marks(folder: Path, tokenizer: Tokenizer) -> tuple[Marks, Template | None]:
    """The tokens that end a model's replies, and its template where its replies end by it. Raises ModelError for none.

    Some base models come with the template of their chat model, whose turns end in a token that they never learnt to
    write. They are read as base models.
    """
    config, generation, model = (
        _json(folder / name) for name in ("tokenizer_config.json", "generation_config.json", "config.json")
    )
    named = {kind: _name(config.get(f"{kind}_token")) for kind in ("bos", "eos", "pad", "unk")}
    ids: Any = next((c["eos_token_id"] for c in (generation, model) if c.get("eos_token_id") is not None), [])
    listed = [tokenizer.id_to_token(i) for i in (ids if isinstance(ids, list) else [ids]) if isinstance(i, int)]
    ends = tuple(dict.fromkeys(end for end in [named["eos"], *listed] if end))
    if not ends:
        raise ModelError(f"{folder} names no token that ends a reply: eos_token in tokenizer_config.json")
    file = folder / "chat_template.jinja"
    source = read_source(config, file.read_text(errors="replace") if file.is_file() else None)
    tokens = {f"{kind}_token": name for kind, name in named.items() if name}
    template = (
        Template(source, tokens, str(file if file.is_file() else folder / "tokenizer_config.json")) if source else None
    )
    end = template.ends_with(ends) if template else None
    return Marks(end or ends[0], ends, named["pad"] or end or ends[0], named["bos"]), template if end else None


def _name(token: Any) -> str | None:
    """A token's text, however it is written down."""
    return token.get("content") if isinstance(token, dict) else token if isinstance(token, str) else None


def _json(file: Path) -> dict[str, Any]:
    """A file's record, empty where there is none. Raises ModelError for what is no record."""
    try:
        read = json.loads(file.read_bytes()) if file.is_file() else {}
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{file} is not JSON: {error}") from error
    if not isinstance(read, dict):
        raise ModelError(f"{file} holds no record of settings")
    return read
