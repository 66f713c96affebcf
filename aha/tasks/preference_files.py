"""Read preference pairs from data: LLaMA-Factory's DPO format, Anthropic's HH format, chats and plain texts.

Nothing is repaired: a row that cannot be used is a DataError that names the file, the row (the first is row 1), what
was expected and what was there.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from aha.chat import END, render
from aha.errors import DataError
from aha.tasks.data_names import source
from aha.tasks.preferences import Pair

HUMAN, ASSISTANT = "\n\nHuman:", "\n\nAssistant:"


def read_dpo(path: Path | str) -> list[Pair]:
    """Pairs of a LLaMA-Factory file in the ShareGPT style: a JSON list, or JSON Lines if its name ends in .jsonl.

        {"conversations": [{"from": "human", "value": "Hi"}], "chosen": {"from": "gpt", "value": "Hello!"},
         "rejected": {"from": "gpt", "value": "What?"}}

    Roles are system, human and gpt; a conversation ends with human.
    """
    path, pairs = Path(path), []
    for number, row in _lines(path) if path.suffix in (".jsonl", ".gz") else _list(path):
        pairs.append(dpo_pair(row, f"{path}, row {number}"))
    return _some(pairs, path)


def dpo_pair(row: Any, where: str) -> Pair:
    """The pair of a row as `read_dpo` describes it. Raises DataError."""
    turns = _field(row, "conversations", list, where)
    said = [_turn(turn, ("system", "human", "gpt"), where) for turn in turns]
    if not said or said[-1][0] != "human":
        raise _bad(where, "`conversations` to end with a turn of human", said[-1][0] if said else turns)
    chosen, rejected = (_turn(_field(row, c, dict, where), ("gpt",), where)[1] for c in ("chosen", "rejected"))
    return Pair(_prompt(said), chosen, rejected)


def read_hh(path: Path | str) -> list[Pair]:
    """Pairs of an Anthropic HH file, JSON Lines and perhaps gzipped: two transcripts that differ in the last reply.

    {"chosen": "\\n\\nHuman: Hi\\n\\nAssistant: Hello!", "rejected": "\\n\\nHuman: Hi\\n\\nAssistant: What?"}
    """
    path = Path(path)
    return _some([hh_pair(row, f"{path}, row {number}") for number, row in _lines(path)], path)


def hh_pair(row: Any, where: str) -> Pair:
    """The pair of a row as `read_hh` describes it. Raises DataError."""
    chosen, rejected = (_field(row, column, str, where) for column in ("chosen", "rejected"))
    cut = chosen.rfind(ASSISTANT) + len(ASSISTANT)
    if cut < len(ASSISTANT) or not chosen.startswith(HUMAN):
        raise _bad(where, f"`chosen` to begin with {HUMAN!r} and hold {ASSISTANT!r}", chosen)
    if rejected[:cut] != chosen[:cut]:
        raise _bad(where, "`rejected` to begin as `chosen` does, up to the last reply", rejected)
    asked = _prompt(_transcript(chosen[: cut - len(ASSISTANT)], where))
    return Pair(asked, chosen[cut:].strip(), rejected[cut:].strip())


ROLES = {"system": "system", "user": "human", "assistant": "gpt"}
"""What the turns of a chat are called, here and in the DPO format."""


def pair_of(row: Any, where: str) -> Pair:
    """The pair of a row of any of the formats, told from its columns: also two chats that differ in the last reply, as
    lists of {"role": ..., "content": text}, and plain texts under `prompt`, `chosen` and `rejected`. Raises DataError.
    """
    if isinstance(row, dict) and "conversations" in row:
        return dpo_pair(row, where)
    if isinstance(row, dict) and isinstance(row.get("chosen"), list):
        return _chat_pair(row, where)
    if isinstance(row, dict) and "prompt" in row:
        asked, chosen, rejected = (_field(row, column, str, where) for column in ("prompt", "chosen", "rejected"))
        return Pair(render(asked), chosen, rejected)
    return hh_pair(row, where)


def _chat_pair(row: Any, where: str) -> Pair:
    chats = []
    for column in ("chosen", "rejected"):
        told = [
            {"from": ROLES.get(str(turn.get("role"))), "value": turn.get("content")} if isinstance(turn, dict) else turn
            for turn in _field(row, column, list, where)
        ]
        chats.append([_turn(turn, ("system", "human", "gpt"), where) for turn in told])
    chosen, rejected = chats
    if len(chosen) < 2 or chosen[-1][0] != "gpt" or chosen[-2][0] != "human" or chosen[:-1] != rejected[:-1]:
        raise _bad(where, "two chats that differ in the assistant's last reply", row["rejected"])
    return Pair(_prompt(chosen[:-1]), chosen[-1][1], rejected[-1][1])


def read_pairs(name: Path | str, side: str = "train") -> list[Pair]:
    """The pairs of a file, of a name on the hub or of a data set known by a short name. Raises DataError."""
    return [pair_of(row, where) for where, row in source(name, side).rows()]


def _transcript(text: str, where: str) -> list[tuple[str, str]]:
    """The turns of "\\n\\nHuman: ...\\n\\nAssistant: ...", the last of which is human."""
    turns: list[tuple[str, str]] = []
    for part in text.split(HUMAN)[1:]:
        asked, *answers = part.split(ASSISTANT)
        turns += [("human", asked.strip()), *(("gpt", answer.strip()) for answer in answers)]
    if turns[-1][0] != "human":
        raise _bad(where, f"the last reply to follow {HUMAN!r}", turns[-1][1])
    return turns


def _prompt(turns: Sequence[tuple[str, str]]) -> str:
    """A conversation in the model's template, as `aha.chat.CHAT_TEMPLATE` writes it."""
    earlier = [
        f"User: {text}\n" if role == "human" else f"Assistant:{text}{END}\n" if role == "gpt" else f"{text}\n"
        for role, text in turns[:-1]
    ]
    return "".join(earlier) + render(turns[-1][1])


def _turn(turn: Any, roles: tuple[str, ...], where: str) -> tuple[str, str]:
    role, text = (turn.get(key) if isinstance(turn, dict) else None for key in ("from", "value"))
    if role not in roles or not isinstance(text, str):
        wish = "` or `".join(roles)
        raise _bad(where, f'a turn as {{"from": ..., "value": text}} with `from` one of `{wish}`', turn)
    return str(role), text


def _field(row: Any, name: str, kind: type, where: str) -> Any:
    if not isinstance(row, dict):
        raise _bad(where, "a record", row)
    if not isinstance(row.get(name), kind):
        wish = {"list": "a list", "dict": "a record", "str": "text"}[kind.__name__]
        raise _bad(where, f"`{name}` to be {wish}", row.get(name))
    return row[name]


def _bad(where: str, expected: str, got: Any) -> DataError:
    text = "nothing" if got is None else repr(got)
    return DataError(f"{where}: expected {expected}, got {text if len(text) <= 60 else text[:57] + '...'}")


def _some(pairs: list[Pair], path: Path) -> list[Pair]:
    if not pairs:
        raise DataError(f"{path}: expected rows, got none")
    return pairs


def _text(path: Path) -> str:
    if not path.is_file():
        raise DataError(f"{path} is not a file")
    try:
        data = path.read_bytes()
        return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}") from None


def _list(path: Path) -> Iterator[tuple[int, Any]]:
    try:
        rows = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: expected a JSON list, got text that is not JSON ({error})") from None
    if not isinstance(rows, list):
        raise _bad(str(path), "a JSON list of rows", rows)
    yield from enumerate(rows, 1)


def _lines(path: Path) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(_text(path).split("\n"), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{path}, row {number}: expected JSON, got {line[:40]!r} ({error})") from None
