"""What can be asked of an index of replies. Every value that a client sends is a parameter of a fixed query."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from aha.serve.runs_index import Index

PAGE = 20
LARGEST_PAGE = 100
DEEPEST = 10_000_000
"""Replies that paging goes past at most."""
PROMPT, REPLY = 2_000, 6_000
"""Characters of a prompt and a reply in a list; a single reply comes whole."""
ORDERS = {
    "newest": "step DESC, file, row", "oldest": "step, file, row", "longest": "tokens DESC NULLS LAST, step, row",
    "shortest": "tokens NULLS LAST, step, row", "best": "reward DESC NULLS LAST, step DESC, row",
    "worst": "reward NULLS LAST, step DESC, row", "surprising": "abs(advantage) DESC NULLS LAST, step DESC, row",
}  # fmt: skip
SORTED = "step, file, row, tokens, reward, advantage"
"""What orders go by."""
KINDS = {"training": "NOT coalesce(probe, false)", "probes": "coalesce(probe, false)"}
COLUMNS = (
    "step", "file", "row", "problem", "sample", "reward", "parts", "reason", "finish", "tokens", "advantage", "probe",
)  # fmt: skip


class Asked(BaseModel):
    """A look at replies: which, in what order, and which page of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: str = Field(max_length=4096)
    stage: str = Field("", max_length=256)
    text: str = Field("", max_length=200)
    part: str = Field("", max_length=200)
    least: float | None = Field(None, allow_inf_nan=False)
    most: float | None = Field(None, allow_inf_nan=False)
    reason: str | None = Field(None, max_length=2000)
    finish: str = Field("", max_length=200)
    kind: Literal["all", "training", "probes"] = "all"
    problem: str = Field("", max_length=2000)
    first: int | None = Field(None, ge=0, le=1 << 62)
    last: int | None = Field(None, ge=0, le=1 << 62)
    order: Literal["newest", "oldest", "longest", "shortest", "best", "worst", "surprising"] = "newest"
    page: int = Field(0, ge=0, le=DEEPEST)
    size: int = Field(PAGE, ge=1, le=LARGEST_PAGE)


def where(asked: Asked) -> tuple[str, list[Any]]:
    """The condition of a look, and its parameters."""
    measure, named = ("parts[?]", [asked.part]) if asked.part else ("reward", [])
    told: list[tuple[bool, str, list[Any]]] = [
        (asked.kind != "all", KINDS.get(asked.kind, ""), []),
        (asked.least is not None, f"{measure} >= ?", [*named, asked.least]),
        (asked.most is not None, f"{measure} <= ?", [*named, asked.most]),
        (bool(asked.part) and asked.least is None and asked.most is None, "parts[?] IS NOT NULL", named),
        (asked.reason is not None, "coalesce(reason, '') = ?", [asked.reason]),
        (bool(asked.finish), "finish = ?", [asked.finish]),
        (bool(asked.problem), "problem = ?", [asked.problem]),
        (asked.first is not None, "step >= ?", [asked.first]),
        (asked.last is not None, "step <= ?", [asked.last]),
        (bool(asked.text), *_containing(asked.text)),
    ]
    chosen = [(clause, values) for wanted, clause, values in told if wanted]
    return " AND ".join(clause for clause, _ in chosen) or "true", [x for _, values in chosen for x in values]


def _containing(text: str) -> tuple[str, list[Any]]:
    """Text in lower case is found in any case, as editors do it."""
    return f"contains({'low' if text == text.lower() else 'reply'}, ?)", [text]


def replies(index: Index, asked: Asked) -> dict[str, Any]:
    """A page of replies, and how many there are in all."""
    condition, values = where(asked)
    source, key, version = "replies", "rowid", index.version
    with index.lock:
        if asked.text:  # the texts are gone through once, then pages and orders are of what was found
            if index.looked_for != (condition, values, version):
                hits = f"SELECT rowid AS id, {SORTED} FROM replies WHERE {condition}"
                _rows(index, f"CREATE OR REPLACE TEMP TABLE hits AS {hits}", values)
                index.looked_for = (condition, values, version)
            source, key, condition, values = "hits", "id", "true", []
        [(total,)] = _rows(index, f"SELECT count(*) FROM {source} WHERE {condition}", values)
        page = f"SELECT {key} FROM {source} WHERE {condition} ORDER BY {ORDERS[asked.order]} LIMIT ? OFFSET ?"
        ids = [id for (id,) in _rows(index, page, [*values, asked.size, asked.page * asked.size])]
        shown = f"substr(prompt, 1, {PROMPT}), substr(reply, 1, {REPLY}), length(reply)"
        texts = f"SELECT rowid, {', '.join(COLUMNS)}, {shown} FROM replies WHERE rowid IN (SELECT unnest(?))"
        found = {id: _reply(tuple(rest)) for id, *rest in _rows(index, texts, [ids])} if ids else {}
    return {"total": total, "rows": [found[id] for id in ids]}


def one(index: Index, step: int, file: int, row: int) -> dict[str, Any] | None:
    """One reply whole, or None."""
    found = _rows(
        index,
        f"SELECT {', '.join(COLUMNS)}, prompt, reply, length(reply) FROM replies WHERE step = ? AND file = ? AND row = ?",
        [step, file, row],
    )
    return _reply(found[0]) if found else None


def _reply(row: tuple[Any, ...]) -> dict[str, Any]:
    *told, prompt, reply, characters = row
    shown = dict(zip(COLUMNS, told, strict=True)) | {"parts": dict(told[COLUMNS.index("parts")] or {})}
    return shown | {"prompt": prompt or "", "reply": reply or "", "characters": characters or 0}


def facets(index: Index) -> dict[str, Any]:
    """What there is to filter by."""
    steps = _rows(index, "SELECT min(step), max(step), count(*), count_if(coalesce(probe, false)) FROM replies", [])[0]
    parts = _rows(
        index,
        "SELECT entry.key, min(entry.value), max(entry.value), avg(entry.value) FROM "
        "(SELECT unnest(map_entries(parts)) AS entry FROM replies) GROUP BY 1 ORDER BY 1 LIMIT 100",
        [],
    )
    reasons = _rows(
        index, "SELECT coalesce(reason, ''), count(*) FROM replies GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 40", []
    )
    ends = "SELECT finish, count(*) FROM replies WHERE finish <> '' GROUP BY 1 ORDER BY 2 DESC LIMIT 20"
    return {
        "first": steps[0], "last": steps[1], "replies": steps[2], "probes": steps[3],
        "parts": [dict(zip(("name", "least", "most", "mean"), row, strict=True)) for row in parts],
        "reasons": reasons, "finishes": _rows(index, ends, []),
    }  # fmt: skip


def prompts(index: Index, most: int = 50) -> list[dict[str, Any]]:
    """The prompts that were asked at more than one step, the fixed ones first."""
    rows = _rows(
        index,
        f"SELECT problem, substr(any_value(prompt), 1, {PROMPT}), count(DISTINCT step) AS steps, bool_or(probe) AS fixed "
        "FROM replies WHERE problem IS NOT NULL GROUP BY problem HAVING count(DISTINCT step) > 1 "
        "ORDER BY coalesce(fixed, false) DESC, steps DESC, problem LIMIT ?",
        [most],
    )
    return [dict(zip(("problem", "prompt", "steps", "fixed"), row, strict=True)) for row in rows]


def across(index: Index, problem: str, most: int) -> dict[str, Any]:
    """One prompt over the steps: at each, how its replies did, and the first of them."""
    rows = _rows(
        index,
        f"SELECT step, count(*), avg(reward), avg(tokens), substr(arg_min(reply, (coalesce(sample, 0), row)), 1, {REPLY}), "
        f"arg_min(reward, (coalesce(sample, 0), row)), substr(any_value(prompt), 1, {PROMPT}) "
        "FROM replies WHERE problem = ? GROUP BY step ORDER BY step",
        [problem],
    )
    kept = [rows[round(i * (len(rows) - 1) / (most - 1))] for i in range(most)] if len(rows) > most else rows
    told = ("step", "replies", "reward", "tokens", "reply", "first_reward")
    return {
        "problem": problem, "prompt": rows[0][6] if rows else "", "steps": len(rows),
        "rows": [dict(zip(told, row[:6], strict=True)) for row in kept],
    }  # fmt: skip


def _rows(index: Index, query: str, values: list[Any]) -> list[tuple[Any, ...]]:
    with index.lock:
        return index.db.execute(query, values).fetchall()
