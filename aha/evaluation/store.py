"""Where replies are kept: Parquet files in one folder for each model, problem set, prompts and way of sampling.

    evals/r1-aime24-3f9c1b7a20/
        settings.json       what the name stands for
        request.json        what was asked last: how many questions and samples, of which file
        replies/*.parquet   one row a reply: its prompt, which of equal prompts, which sample, text, tokens, why it ended

A reply is named by its prompt and the numbers of the occurrence and the sample, never by who drew it or when, so any number of
processes may add to a folder, and a folder goes on wherever it was left. Two rows of one name: the first is used.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aha import disk, tables
from aha.errors import RunError
from aha.evaluation.digest import text_digest
from aha.types import Completion, Problem, Sampling

FORMAT = "aha-replies/1"
NEEDED = ("format", "model", "digest", "engine", "preset", "revision", "prompts", "sampling", "shots")
"""What settings.json says."""
Name = tuple[str, int]
"""Of a question: its prompt's digest, and which of equal prompts it is."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What decides a reply, besides the number of its sample."""

    model: str
    """For people; the digest is what counts."""
    digest: str
    engine: str
    """What computes, and in which precision: "torch bf16", "http"."""
    preset: str
    revision: str
    prompts: str
    sampling: Sampling
    shots: int = 0

    def key(self) -> str:
        """Ten digits that name the folder. Where the model lies and how many samples are drawn do not matter."""
        told = self.record()
        del told["model"]
        return text_digest(json.dumps(told, sort_keys=True))[:10]

    def record(self) -> dict[str, Any]:
        """As JSON."""
        told = asdict(self) | {"format": FORMAT}
        del told["sampling"]["n"]
        return json.loads(json.dumps(told))


def names(problems: Sequence[Problem]) -> list[Name]:
    """The name of each question."""
    seen: Counter[str] = Counter()
    found = []
    for problem in problems:
        digest = text_digest(problem.prompt)
        found.append((digest, seen[digest]))
        seen[digest] += 1
    return found


class Store:
    """The replies of one identity. `open` makes or finds the folder; `Store(folder)` reads one that is there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.settings: dict[str, Any] = json.loads((folder / "settings.json").read_text("utf-8"))
            if lacking := [name for name in NEEDED if name not in self.settings]:
                raise ValueError(f"it lacks {', '.join(lacking)}")
        except (OSError, ValueError, TypeError) as error:
            raise RunError(
                f"{folder} holds no evaluation: settings.json cannot be read ({error}); remove the folder, or give another"
            ) from None

    @classmethod
    def open(cls, root: Path, identity: Identity) -> Store:
        """The folder of an identity under `root`."""
        folder = root / f"{identity.preset.replace('/', '-')}-{identity.key()}"
        with disk.writing(folder):
            (folder / "replies").mkdir(parents=True, exist_ok=True)
            if not (folder / "settings.json").exists():
                told = json.dumps(identity.record(), indent=1, ensure_ascii=False) + "\n"
                disk.write_whole(folder / "settings.json", told.encode())
        return cls(folder)

    def note(self, request: dict[str, Any]) -> None:
        """Keep what was asked last, beside the identity: how many questions and samples, and where the questions came from."""
        with disk.writing(self.folder):
            disk.write_whole(self.folder / "request.json", (json.dumps(request, indent=1) + "\n").encode())

    def request(self) -> dict[str, Any]:
        """What `note` kept. Raises RunError where there is nothing."""
        try:
            found: dict[str, Any] = json.loads((self.folder / "request.json").read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(f"{self.folder}: request.json cannot be read ({error}); run its aha eval again") from None
        return found

    def add(self, groups: Sequence[tuple[Name, Sequence[Completion]]]) -> None:
        """Keep whole groups: all samples of some questions, numbered from 0."""
        rows = [
            {"prompt": prompt, "occurrence": occurrence, "sample": sample, "reply": reply.text, "finish": reply.finish,
             "token_ids": list(reply.token_ids)}
            for (prompt, occurrence), group in groups for sample, reply in enumerate(group)
        ]  # fmt: skip
        data = tables.parquet(rows)
        file = self.folder / "replies" / f"{hashlib.sha256(data).hexdigest()[:16]}.parquet"
        if file.exists():
            return
        with disk.writing(file):
            disk.write_whole(file, data)

    def replies(self) -> dict[Name, dict[int, Completion]]:
        """Every reply by question and sample. Raises RunError for a damaged file."""
        found: dict[Name, dict[int, Completion]] = defaultdict(dict)
        for file in sorted((self.folder / "replies").glob("*.parquet")):
            if file.name.startswith(disk.DRAFT):
                continue
            for row in tables.read_parquet(file):
                reply = Completion(row["reply"], token_ids=row["token_ids"], finish=row["finish"])
                found[row["prompt"], row["occurrence"]].setdefault(row["sample"], reply)
        return found

    def groups(self, problems: Sequence[Problem], n: int) -> list[list[Completion]]:
        """The first `n` samples of each question. Raises RunError, saying how many, where some are missing."""
        found = self.replies()
        groups = [[found[name][s] for s in range(n) if s in found.get(name, {})] for name in names(problems)]
        short = [len(group) for group in groups if len(group) < n]
        if short:
            raise RunError(
                f"{self.folder}: {n * len(short) - sum(short)} of {n * len(groups)} replies are missing, at {len(short)} "
                "questions; the command that began it samples the rest"
            )
        return groups

    def missing(self, problems: Sequence[Problem], n: int) -> set[Name]:
        """Questions without all of their first `n` samples."""
        found = self.replies()
        return {name for name in names(problems) if any(s not in found.get(name, {}) for s in range(n))}
