"""How a conversation is written for the model, and how its reply is read back.

R1-Zero's template is plain text (arXiv 2501.12948, table 1): the user's question, then `Assistant:`, and the model
opens `<think>` itself.

    User: Using the numbers 44, 19, 35, make 98.
    Assistant:<think>44 + 19 = 63, 63 + 35 = 98 yes</think><answer>(44 + 19) + 35</answer><|end|>
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from aha.errors import ModelError

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
_UNSPOKEN = re.compile(r"</?(?:think|answer)>")


def language_counts(text: str) -> tuple[int, int]:
    """(Chinese characters, Latin words): the unit of the language reward."""
    spoken = _UNSPOKEN.sub(" ", text)
    return len(_HAN.findall(spoken)), len(_LATIN.findall(spoken))


def is_mixed(text: str) -> bool:
    """Whether a text uses both Chinese characters and Latin words."""
    return all(language_counts(text))


class Chat:
    """A tokenizer with the template's special tokens known by name."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        ids = {token: tokenizer.token_to_id(token) for token in (PAD, END)}
        missing = [token for token, id in ids.items() if id is None]
        if missing:
            raise ModelError(f"the tokenizer lacks {', '.join(missing)}")
        self.pad_id, self.end_id = ids[PAD], ids[END]

    @classmethod
    def load(cls, folder: Path) -> Chat:
        """Read `tokenizer.json` from a model folder. Raises ModelError when it is missing or unreadable."""
        file = Path(folder) / "tokenizer.json"
        if not file.is_file():
            raise ModelError(f"{file} is missing: a model folder holds its tokenizer beside its weights")
        try:
            return cls(Tokenizer.from_file(str(file)))
        except ModelError:
            raise
        except Exception as error:  # the library raises bare Exception for any damage to the file
            raise ModelError(f"{file} cannot be read: {error}") from error

    def encode(self, text: str) -> list[int]:
        """Token ids of a text; special tokens in it are recognised."""
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def encode_batch(self, texts: list[str]) -> list[list[int]]:
        """Token ids of many texts."""
        return [encoding.ids for encoding in self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)]

    def decode(self, ids: Iterable[int]) -> str:
        """Text of token ids, tags included, without padding and end marks."""
        return self.tokenizer.decode([i for i in ids if i not in (self.pad_id, self.end_id)], skip_special_tokens=False)

    def decode_batch(self, rows: list[list[int]]) -> list[str]:
        """Texts of many rows of token ids, as `decode` gives them."""
        hidden = (self.pad_id, self.end_id)
        kept = [[i for i in row if i not in hidden] for row in rows]
        return self.tokenizer.decode_batch(kept, skip_special_tokens=False)

    def __len__(self) -> int:
        return self.tokenizer.get_vocab_size()
