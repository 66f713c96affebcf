"""What `aha eval` does: find the questions and the model, sample what is missing, grade."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from aha.errors import ConfigError
from aha.evaluation.compare import against
from aha.evaluation.digest import model_digest, prompts_digest, revision, text_digest
from aha.evaluation.presets import Preset, Source, preset
from aha.evaluation.results import Exam, grade
from aha.evaluation.sample import LOT, Plan, sample
from aha.evaluation.shots import examples, with_shots
from aha.evaluation.store import Identity, Store
from aha.models.folder import resolve
from aha.models.precision import DTYPES, precision
from aha.rollout.engine import TorchEngine
from aha.rollout.http_engine import HttpEngine
from aha.rollout.load import load_engine
from aha.tasks.benchmarks import Benchmark
from aha.tasks.data_presets import KNOWN
from aha.types import Engine, Problem, Sampling

Record = dict[str, Any]
Say = Callable[[int, int], None]
SHOTS_SEED = 0
"""Which training problems are shown: the same in every evaluation of a task."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asks for; None leaves a setting to the preset."""

    model: str
    task: str
    data: Path | None = None
    train: Path | None = None
    numbers: tuple[int, ...] = (3,)
    questions: int | None = None
    samples: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int = 1
    shots: int = 0
    dtype: str = ""
    served: str = ""
    key_variable: str = ""
    workers: int = 0
    share: tuple[int, int] = (1, 1)
    out: Path = Path("evals")

    @property
    def http(self) -> bool:
        """Whether the model is on a server."""
        return self.model.startswith(("http://", "https://"))


@dataclass(frozen=True, slots=True)
class Subject:
    """The model to be measured: how to get an engine of it, and what names it."""

    make: Callable[[], Engine]
    name: str
    digest: str
    engine: str
    room: Callable[[Sequence[Problem]], int | None]
    """The longest reply that fits behind the longest of these prompts; None where only the server knows."""


def measured(request: Request, say: Say) -> Record:
    """Evaluate, or go on with it. With shots, also without: the difference is under `shots_against_none`.

    Where only a share was sampled, a record that tells how much is missing.
    """
    chosen = preset(request.task)
    source = _source(chosen, request)
    subject = _subject(request)
    benchmark = chosen.build(source)
    count = min(len(benchmark.task.test), request.questions or chosen.questions or len(benchmark.task.test))
    arms = {shots: prompts(benchmark, shots, source.plain) for shots in dict.fromkeys((0, request.shots))}
    sampling = _sampling(chosen, request, subject.room([problem for arm in arms.values() for problem in arm]))
    records = []
    for shots, arm in arms.items():
        identity = Identity(
            subject.name, subject.digest, subject.engine, chosen.name, revision(benchmark.task.test),
            prompts_digest(problem.prompt for problem in arm), sampling, shots,
        )  # fmt: skip
        exam = exam_of(chosen, source, benchmark, arm[:count], sampling, shots)
        records.append(_measured(Store.open(request.out, identity), exam, source, subject, request, say))
    if len(records) == 2 and all("by_question" in record for record in records):
        return records[1] | {"shots_against_none": against(records[0], records[1])}
    return records[-1]


def graded_again(folder: Path, data: Path | None = None) -> Record:
    """Grade the replies in a folder again, with the questions of `data` or of the file they came from.

    Answers may have been corrected; a question whose wording changed has no replies, which is a RunError.
    """
    store = Store(folder)
    asked = store.request()
    chosen = preset(store.settings["preset"])
    told = asked["source"]
    source = Source(
        data or _path(told["data"]), _path(told["train"]), told["plain"], tuple(told["numbers"]), told["questions"]
    )
    benchmark = chosen.build(chosen.source(source))
    arm = prompts(benchmark, store.settings["shots"], source.plain)[: asked["questions"]]
    sampling = Sampling(**{**store.settings["sampling"], "n": asked["samples"], "stop": (), "stop_token_ids": ()})
    return grade(store, exam_of(chosen, source, benchmark, arm, sampling, store.settings["shots"]))


def prompts(benchmark: Benchmark, shots: int, plain: bool) -> list[Problem]:
    """All questions of a benchmark as they are asked."""
    shown = examples(benchmark.task, benchmark.task.test, shots, SHOTS_SEED) if shots else []
    return with_shots(benchmark.asked or benchmark.task.test, shown, plain)


def exam_of(
    chosen: Preset, source: Source, benchmark: Benchmark, asked: Sequence[Problem], sampling: Sampling, shots: int
) -> Exam:
    """What is graded, and how it departs from the preset."""
    every, usual = benchmark.task.test, chosen.questions or len(benchmark.task.test)
    fewer_made = not source.data and source.questions < usual
    wanted = {**_settings(chosen.sampling), "questions": usual if fewer_made else min(len(every), usual), "shots": 0}
    had = {**_settings(sampling), "questions": len(asked), "shots": shots}
    departures = {name: [wanted[name], had[name]] for name in wanted if wanted[name] != had[name]}
    return Exam(chosen, benchmark.task, every[: len(asked)], asked, sampling, departures, benchmark.left_out)


def _settings(sampling: Sampling) -> Record:
    names = {"n": "samples", "max_tokens": "max_tokens", "temperature": "temperature", "top_p": "top_p"}
    return {told: getattr(sampling, name) for name, told in names.items()}


def _measured(store: Store, exam: Exam, source: Source, subject: Subject, request: Request, say: Say) -> Record:
    """One evaluation, in its folder."""
    told = {**asdict(source), "data": _text(source.data), "train": _text(source.train)}
    store.note({"source": told, "questions": len(exam.asked), "samples": exam.sampling.n})
    plan = Plan(0 if request.http else LOT, request.workers or torch.get_num_threads(), request.share)
    sample(subject.make, store, exam.asked, exam.sampling, plan, say)
    if request.share != (1, 1):
        missing = len(store.missing(exam.asked, exam.sampling.n))
        return {"folder": str(store.folder), "questions": len(exam.asked), "missing": missing}
    return grade(store, exam) | {"folder": str(store.folder)}


def _source(chosen: Preset, request: Request) -> Source:
    made = request.questions or chosen.questions or 0
    return chosen.source(Source(_file(request.data), _file(request.train), request.http, request.numbers, made))


def _file(path: Path | None) -> Path | None:
    """A file's whole path, so that grading again finds it; the name of a data set as it is."""
    return path.absolute() if path and path.exists() and str(path) not in KNOWN else path


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _text(path: Path | None) -> str | None:
    return str(path) if path else None


def _sampling(chosen: Preset, request: Request, room: int | None) -> Sampling:
    """The preset's, with what the user asks for instead, and replies no longer than fit."""
    fixed = chosen.sampling
    longest = request.max_tokens or fixed.max_tokens
    return replace(
        fixed, n=request.samples or fixed.n, seed=request.seed, max_tokens=min(longest, room or longest),
        temperature=fixed.temperature if request.temperature is None else request.temperature,
        top_p=fixed.top_p if request.top_p is None else request.top_p,
    )  # fmt: skip


def _subject(request: Request) -> Subject:
    if request.http:
        if request.share != (1, 1):
            raise ConfigError("--share is for models that run here; a server takes all requests at once")
        if not request.served:
            raise ConfigError("a server may have several models; name the one to measure with --served NAME")
        engine = HttpEngine(request.model, request.served, request.key_variable, chat=True)
        digest = text_digest(f"{request.model} {request.served}")
        return Subject(lambda: engine, request.served, digest, "http", lambda asked: None)
    arithmetic, folder = precision(request.dtype), resolve(request.model)
    loaded = load_engine(folder, DTYPES[arithmetic], slots=LOT)

    def room(asked: Sequence[Problem]) -> int:
        lengths = [len(ids) for ids in loaded.chat.prompt_ids([problem.prompt for problem in asked])]
        longest, positions = max(lengths), int(loaded.model.config.max_position_embeddings)
        if longest >= positions:
            where = asked[lengths.index(longest)].id
            raise ConfigError(
                f"{where}: the prompt has {longest} tokens, and {request.model} reads {positions} with its reply; leave the "
                f"row out, or give fewer --shots"
            )
        return positions - longest

    kind = "torch" if isinstance(loaded, TorchEngine) else "transformers"
    return Subject(lambda: loaded, request.model, model_digest(folder), f"{kind} {arithmetic}", room)
