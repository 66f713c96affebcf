"""The runs view: its routes, which only read. Folders are looked up by name, work is done beside the event loop."""

from __future__ import annotations

import json
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import anyio
import duckdb
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from aha.errors import AhaError
from aha.serve import runs_query as query
from aha.serve.ask import Refused
from aha.serve.runs_curves import Tails, charts, measures, seconds_left
from aha.serve.runs_find import Folders, Found
from aha.serve.runs_index import Index
from aha.serve.runs_query import Asked
from aha.serve.runs_stages import files_of, folder_of, in_full
from aha.serve.runs_summary import Summaries, last_step, steps_of

AT_A_TIME = 2
"""Requests that are worked on at a time; the model servers want the processor too."""
WAITING = 32
"""Requests that may wait; more are refused."""
READING = 0.5
"""Seconds that one request spends on taking in new files."""
INDEXES = 4
"""Stages whose replies are kept ready."""


class Which(BaseModel):
    """A run, a stage of it, and what of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: str = Field(max_length=4096)
    stage: str = Field("", max_length=256)
    version: str = Field("", max_length=200)
    extra: str = Field("", max_length=200)
    problem: str = Field("", max_length=2000)
    most: int = Field(12, ge=2, le=100)
    step: int = Field(0, ge=0, le=1 << 62)
    file: int = Field(0, ge=0, le=1 << 62)
    row: int = Field(0, ge=0, le=1 << 62)


class Answer(JSONResponse):
    """JSON in ASCII: half a surrogate pair in a file or its name is sent as what it is, and ends no request."""

    def render(self, content: Any) -> bytes:
        """The body. Raises ValueError for NaN, which no JSON has."""
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


Model = TypeVar("Model", bound=BaseModel)


class Runs:
    """The run folders under `root`, and what has been read of them."""

    def __init__(self, root: Path, reading: float = READING) -> None:
        if not root.is_dir():
            raise AhaError(f"--runs {root}: there is no such folder")
        self.reading = reading
        self.folders, self.summaries, self.tails = Folders(root), Summaries(), Tails()
        self._room = tempfile.TemporaryDirectory(prefix="aha-runs-")
        self._indexes: OrderedDict[Path, Index] = OrderedDict()
        self._made = 0
        self._lock = threading.Lock()
        self._limiter: anyio.CapacityLimiter | None = None

    def close(self) -> None:
        """Delete what was made beside the run folders."""
        for index in self._indexes.values():
            index.close()
        self._room.cleanup()

    def routes(self) -> list[Route]:
        """GET /v1/runs and what is below it."""
        answers: dict[str, Callable[[Request], Any]] = {
            "": self._list, "/one": self._show, "/curves": self._curves, "/replies": self._replies,
            "/facets": self._facets, "/reply": self._reply, "/prompts": self._prompts, "/prompt": self._prompt,
        }  # fmt: skip
        return [Route(f"/v1/runs{path}", self._answering(work)) for path, work in answers.items()]

    def _answering(self, work: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            limiter = self._limiter = self._limiter or anyio.CapacityLimiter(AT_A_TIME)
            if limiter.statistics().tasks_waiting >= WAITING:
                refused = Refused(429, "too many requests for runs at a time; try again")
                refused.headers["Retry-After"] = "1"
                raise refused
            try:
                told = await anyio.to_thread.run_sync(work, request, limiter=limiter)
                return Answer(told, headers={"Cache-Control": "no-store"})
            except Refused:
                raise
            except (AhaError, OSError, LookupError, TypeError, ValueError, RecursionError, duckdb.Error) as error:
                raise Refused(422, f"this run cannot be read: {error}"[:300], "run", "run_damaged") from None

        return answer

    def _found(self, name: str) -> Found:
        found = self.folders.all().get(name)
        if found is None:
            raise Refused(404, f"no run {name[:100]!r}", "run", "run_not_found")
        return found

    def _folder(self, which: Which | Asked) -> Path:
        found = self._found(which.run)
        folder = folder_of(found, which.stage)
        if folder is None:
            said = found.trouble or f"no stage {which.stage[:100]!r} in this run"
            raise Refused(404, said, "stage", "stage_not_found")
        return folder

    def _list(self, request: Request) -> Any:
        lines = [self.summaries.of(found) for found in self.folders.all().values()]
        return {"root": self.folders.root.name, "runs": sorted(lines, key=lambda line: -line["changed"])}

    def _show(self, request: Request) -> Any:
        found = self._found(read(Which, request).run)
        return in_full(found, self.summaries.of(found))

    def _curves(self, request: Request) -> Any:
        which = read(Which, request)
        folder = self._folder(which)
        metrics, evals = self.tails.of(folder)
        version = f"{metrics.version}-{evals.version}-{which.extra}"
        settings = folder / "settings.toml"
        steps = steps_of(settings.read_text(errors="replace")) if settings.exists() else 0
        told = {"version": version, "step": last_step(metrics.rows), "steps": steps, "unreadable": metrics.bad + evals.bad,
                "seconds_left": seconds_left(metrics.rows, steps)}  # fmt: skip
        if version == which.version:
            return told
        drawn = charts(metrics.rows, evals.rows, which.extra)
        return told | {"charts": drawn, "measures": measures(metrics.rows)}

    def _index(self, which: Which | Asked) -> tuple[Index, dict[str, Any]]:
        """The index of a stage, with some of its new files taken in, and how far that is."""
        folder = self._folder(which)
        files = files_of(folder)
        with self._lock:
            if folder not in self._indexes:
                self._made += 1
                self._indexes[folder] = Index(Path(self._room.name) / f"{self._made}.duckdb")
            self._indexes.move_to_end(folder)
            index = self._indexes[folder]
            old = [self._indexes.popitem(last=False)[1] for _ in range(len(self._indexes) - INDEXES)]
        for other in old:
            other.close()
        with index.lock:
            left = index.refresh(files, self.reading)
            damaged = sorted(index.damaged.values())
            return index, {"files": len(files), "left": left, "damaged": damaged[:20], "version": index.version}

    def _replies(self, request: Request) -> Any:
        asked = read(Asked, request)
        index, reading = self._index(asked)
        return query.replies(index, asked) | {"reading": reading}

    def _facets(self, request: Request) -> Any:
        index, reading = self._index(read(Which, request))
        return query.facets(index) | {"reading": reading}

    def _reply(self, request: Request) -> Any:
        which = read(Which, request)
        found = query.one(self._index(which)[0], which.step, which.file, which.row)
        if found is None:
            raise Refused(404, f"no reply {which.row} of step {which.step} in this stage", "row", "reply_not_found")
        return found

    def _prompts(self, request: Request) -> Any:
        index, reading = self._index(read(Which, request))
        return ({"prompts": query.prompts(index)} if not reading["left"] else {}) | {"reading": reading}

    def _prompt(self, request: Request) -> Any:
        which = read(Which, request)
        return query.across(self._index(which)[0], which.problem, which.most)


def read(kind: type[Model], request: Request) -> Model:
    """The query of a request. Raises Refused, one line that names the field."""
    given = {name: value for name, value in request.query_params.items() if value or name == "reason"}
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = str(first["loc"][0])[:100] if first["loc"] else ""
        raise Refused(400, f"{where}: {first['msg']}", where) from None
