"""Presets: everything that decides a score besides the model, fixed under one name.

    found = preset("r1/aime24")
    benchmark = found.build(found.source(data=Path("aime24.jsonl")))

The `r1/` presets follow DeepSeek-R1's protocol (arXiv 2501.12948 v2, section 3, and the model's README): temperature 0.6, top-p
0.95, at most 32,768 tokens, no system prompt, no examples, no stop strings. The number of samples is the paper's for AIME,
GPQA, MATH, LiveCodeBench and Codeforces; for the others, which it does not report, enough that questions and not samples
decide the interval. The rest are the embedded world's tasks, sampled as they are trained on: from the whole distribution.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ConfigDict

from aha.config import Settings, load
from aha.errors import ConfigError, DataError
from aha.rewards.judge_prompts import question_of
from aha.tasks import benchmarks_code, benchmarks_grade
from aha.tasks.arithmetic import arithmetic
from aha.tasks.base import Task
from aha.tasks.benchmarks import (
    BOXED,
    TAGGED,
    Benchmark,
    Wording,
    mathematics,
    multiple_choice,
    programming,
)
from aha.tasks.choices import choices
from aha.tasks.countdown import countdown
from aha.tasks.data import Data, benchmark
from aha.tasks.data_names import GYM
from aha.tasks.data_presets import FOLDER, KNOWN
from aha.tasks.data_read import rows_of
from aha.tasks.general import general
from aha.tasks.short_programs import short_programs
from aha.types import Sampling

R1_WINDOW = ("2024-08-01", "2025-01-31")
"""The contests of LiveCodeBench that DeepSeek-R1 was measured on."""
TEMPLATE = "think and answer blocks, the task's own rule; world/1"


@dataclass(frozen=True, slots=True)
class Source:
    """Where questions come from, and who writes the model's template around them."""

    data: Path | None = None
    train: Path | None = None
    """Rows to take worked examples from; never rows that are asked."""
    plain: bool = False
    """Leave the template to the server."""
    numbers: tuple[int, ...] = (3,)
    """How many numbers a Countdown puzzle has."""
    questions: int = 400
    """How many questions a task that makes its own is to make."""


@dataclass(frozen=True, slots=True)
class Preset:
    """One protocol. `sampling.n` is its k."""

    name: str
    sampling: Sampling
    extractor: str
    """How answers are read and compared, with its version."""
    build: Callable[[Source], Benchmark]
    get: str = ""
    """Where its file comes from; empty where questions are made."""
    files: tuple[str, ...] = ()
    """Names under which the file is looked for in the folder AHA_DATA."""
    questions: int | None = None
    """How many questions are asked; None asks all there are."""

    def source(self, source: Source) -> Source:
        """The same source with its file found. Raises DataError, saying where to get the file, when it is not."""
        folder = os.environ.get(FOLDER)
        if source.data is None and folder:
            found = next((path for name in self.files if (path := Path(folder) / name).is_file()), None)
            source = replace(source, data=found)
        if source.data is None and self.get:
            looked = f"; {FOLDER}={folder} holds none of {', '.join(self.files)}" if folder else ""
            raise DataError(
                f"{self.name} needs a file of questions{looked}: get {self.get}, and give it with --data FILE"
            )
        return source


def preset(name: str) -> Preset:
    """The preset of that name. Raises ConfigError, which lists them all, where there is none."""
    known = {one.name: one for one in PRESETS}
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise ConfigError(f"no task {name!r}; {hint}there are: {', '.join(known)}")
    return known[name]


def _mathematics(name: str) -> Callable[[Source], Benchmark]:
    def build(source: Source) -> Benchmark:
        known = KNOWN.get(str(source.data))
        language = known.language if known else "en"
        if name == "mgsm" and source.data and not known:
            language = source.data.stem.rpartition("_")[2]
        return mathematics(name, _file(source), Wording(BOXED, source.plain), source.train, language)

    return build


def _programming(name: str, window: tuple[str, str] = ("", "")) -> Callable[[Source], Benchmark]:
    return lambda source: programming(name, _file(source), source.plain, source.train, window)


def _file(source: Source) -> Path:
    if source.data is None:
        raise DataError("this benchmark needs a file of questions: give it with --data FILE")
    return source.data


class _Recipe(Settings):
    """A recipe of which only the data are read."""

    model_config = ConfigDict(extra="ignore")
    data: Data | None = None


def _data(source: Source) -> Benchmark:
    """Any data: a name of theirs, or a recipe whose own test questions are meant, worded as it words them."""
    path = _file(source)
    if str(path).startswith(GYM):
        return Benchmark(Data(train=str(path), test_count=source.questions or 400).load(source.plain).task)
    if path.suffix != ".toml":
        return benchmark(rows_of(str(path), "test"), plain=source.plain)
    told = load(_Recipe, path).data
    if told is None:
        raise DataError(f"{path} has no [data]")
    return Benchmark(told.load(source.plain).task)


def _countdown(source: Source) -> Benchmark:
    count = 10**9 if source.data else source.questions
    task = countdown(source.numbers, test=source.data, train=source.train, test_count=count)
    test = [problem for problem in task.test if len(problem.answer["numbers"]) in source.numbers]
    if not test:
        raise DataError(f"{source.data} has no row of {' or '.join(map(str, source.numbers))} numbers")
    return _world(replace(task, test=test), source)


def _world(task: Task, source: Source) -> Benchmark:
    """A task of the embedded world; a model that does not know the template is told it."""
    if not source.plain:
        return Benchmark(task)
    told = Wording(TAGGED, plain=True)
    return Benchmark(task, asked=tuple(replace(p, prompt=told(question_of(p))) for p in task.test))


def _made(make: Callable[..., Task]) -> Callable[[Source], Benchmark]:
    return lambda source: _world(make(test_count=source.questions or 400), source)


def _r1(k: int, max_tokens: int = 32_768) -> Sampling:
    return Sampling(k, max_tokens, temperature=0.6, top_p=0.95, seed=1)


_TRAINED = Sampling(16, 480, seed=1)
_MATH, _CODE, _QWEN = benchmarks_grade.MATHEMATICS, benchmarks_code.EXTRACTOR, "of github.com/QwenLM/Qwen2.5-Math"

PRESETS = (
    Preset(
        "r1/aime24", _r1(64), _MATH, _mathematics("aime24"),
        f"evaluation/data/aime24/test.jsonl {_QWEN} (30 rows with `problem` and `answer`)", ("aime24.jsonl", "aime24/test.jsonl"),
    ),
    Preset(
        "r1/math500", _r1(16), _MATH, _mathematics("math500"),
        "test.jsonl of the data set HuggingFaceH4/MATH-500 (500 rows with `problem` and `answer`)",
        ("math500.jsonl", "math500/test.jsonl"),
    ),
    Preset(
        "r1/gpqa", _r1(64), benchmarks_grade.LETTER, lambda source: multiple_choice("gpqa", _file(source), source.plain),
        "gpqa_diamond.csv of the data set Idavidrein/gpqa (198 rows; its authors ask not to publish it)", ("gpqa_diamond.csv",),
    ),
    Preset(
        "r1/livecodebench", _r1(8), _CODE, _programming("livecodebench", R1_WINDOW),
        "the test*.jsonl files of the data set livecodebench/code_generation_lite, joined into one", ("livecodebench.jsonl",),
    ),
    Preset(
        "r1/codeforces", _r1(16), _CODE, _programming("codeforces"),
        "a Parquet file of the data set open-r1/codeforces (rows with `official_tests` and `rating`)", ("codeforces.parquet",),
    ),
    Preset(
        "r1/gsm8k", _r1(4), _MATH, _mathematics("gsm8k"),
        "grade_school_math/data/test.jsonl of github.com/openai/grade-school-math (1,319 rows)",
        ("gsm8k.jsonl", "gsm8k/test.jsonl"),
    ),
    Preset(
        "r1/svamp", _r1(4), _MATH, _mathematics("svamp"), f"evaluation/data/svamp/test.jsonl {_QWEN} (1,000 rows)",
        ("svamp.jsonl", "svamp/test.jsonl"),
    ),
    Preset(
        "r1/multiarith", _r1(4), _MATH, _mathematics("multiarith"),
        f"evaluation/data/mawps/multiarith.jsonl {_QWEN} (600 rows)", ("multiarith.jsonl", "mawps/multiarith.jsonl"),
    ),
    Preset(
        "r1/mgsm", _r1(8), _MATH, _mathematics("mgsm"),
        "mgsm/mgsm_de.tsv or another language of github.com/google-research/url-nlp (250 rows; keep the file's name)",
        ("mgsm_en.tsv", "mgsm/mgsm_en.tsv"),
    ),
    Preset(
        "r1/humaneval", _r1(16), _CODE, _programming("humaneval"),
        "data/HumanEval.jsonl.gz of github.com/openai/human-eval (164 rows)", ("HumanEval.jsonl.gz", "humaneval/HumanEval.jsonl.gz"),
    ),
    Preset(
        "r1/mbpp", _r1(8), _CODE, _programming("mbpp"),
        "mbpp.jsonl of github.com/google-research/google-research, cut to the 500 test rows (task_id 11 to 510)",
        ("mbpp.jsonl", "mbpp/test.jsonl"),
    ),
    Preset(
        "data", _r1(4, 4096), "by the data's kind, as benchmarks of that kind; data/1", _data,
        "any data set that aha data show can read, or a recipe with [data]",
    ),
    Preset("r1/countdown", _r1(16, 1024), TEMPLATE, _countdown, questions=400),
    Preset("countdown", _TRAINED, TEMPLATE, _countdown, questions=400),
    Preset("arithmetic", _TRAINED, TEMPLATE, _made(arithmetic), questions=200),
    Preset("programs", _TRAINED, f"{TEMPLATE}; {_CODE}", _made(short_programs), questions=200),
    Preset("choice", _TRAINED, TEMPLATE, _made(choices), questions=200),
    Preset("general", _TRAINED, TEMPLATE, _made(general), questions=200),
)  # fmt: skip
