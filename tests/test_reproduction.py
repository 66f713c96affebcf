"""A run of stages as a Markdown page."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from aha.errors import RunError
from aha.pipeline.account import Sheet
from aha.pipeline.reproduction import fenced, reproduction, sparkline, table
from tests.stages_run import stages_run
from tests.test_report_stages import torn


def outside_fences(text):
    """What Markdown reads as Markdown."""
    return re.sub(r"^(`{3,})text\n.*?\n\1$", "", text, flags=re.DOTALL | re.MULTILINE)


def test_the_page_has_every_part(tmp_path):
    text = reproduction(stages_run(tmp_path))
    titles = re.findall("^##? (.*)", outside_fences(text), re.MULTILINE)
    assert titles == [
        "Reproduction: the paper's stages in the embedded world", "Stage table", "The shape, beside the paper's",
        "Students", "Stages", "What the filters took", "Data card", "Reward models", "Curves",
        "The same prompts through all stages",
    ]  # fmt: skip
    assert "| countdown, 3 numbers | 20.0 (14–26) | 80.0 (74–86) |" in text
    assert "- seed: 0" in text and "- began: 2026-09-21" in text and "aha run a.toml" in text


def test_the_base_stands_beside_the_last_model(tmp_path):
    part = reproduction(stages_run(tmp_path)).partition("## The same prompts")[2]
    names = re.findall(r"^\*\*(.*)\*\*$", part, re.MULTILINE)
    assert names == 10 * ["base", "r1", "zero", "dev1", "dev2", "dev3"]


def test_no_reply_can_leave_its_fence(tmp_path):
    text = reproduction(stages_run(tmp_path))
    assert "<script>" in text and "<script>" not in outside_fences(text) and "not a heading" not in outside_fences(text)
    assert "\x1b" not in text and "\u202e" not in text
    assert fenced("a ```` b") == "`````text\na ```` b\n`````"


def test_cells_cannot_leave_their_table():
    made = table(Sheet("a<b>", ["", "x|y"], [["<img>\nnew", "`z` * [a](b)"]]))
    assert made.splitlines() == [
        "a&lt;b>:", "", "|  | x\\|y |", "| --- | --- |", "| &lt;img> new | \\`z\\` \\* \\[a\\](b) |",
    ]  # fmt: skip


def test_a_sparkline_spans_its_values():
    assert sparkline([(x, float(x)) for x in range(8)]) == "▁▂▃▄▅▆▇█"
    assert sparkline([(0, 3.0), (1, 3.0)]) == "▁▁"


def test_a_torn_run_has_a_page_that_says_so(tmp_path):
    text = reproduction(torn(stages_run(tmp_path)))
    assert "- dev1-0123456789ab could not be read" in text and "## Students" in text


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(RunError, match="is no run of stages"):
        reproduction(tmp_path)


def test_it_is_a_command_whose_mistakes_are_one_line(tmp_path):
    called = subprocess.run(
        [sys.executable, "-m", "aha.pipeline.reproduction", tmp_path], capture_output=True, text=True
    )
    assert called.returncode == 1 and called.stderr.count("\n") == 1 and "is no run of stages" in called.stderr
