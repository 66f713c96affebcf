"""What a run shows: a panel on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from io import StringIO

import pytest
from rich.console import Console

from aha.pipeline import panel
from aha.pipeline.panel import Panel, clock, sparkline
from aha.pipeline.screen import Screen
from tests.test_report import metric


def drawn(shown, width=80):
    console = Console(file=StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(shown.picture(width))
    return console.file.getvalue()


def test_the_panel_has_stage_step_time_left_curves_and_speeds(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(panel.time, "monotonic", lambda: now[0])
    shown = Panel()
    shown.begin("zero")
    for step in range(1, 31):
        now[0] += 8
        shown.step(metric(step, sampled_per_second=15838.0, trained_per_second=16666.0), 120)
    text = drawn(shown)
    for said in ("zero", "step 30 of 120", "4:00 gone", "about 12:00 left", "reward", "right", "26%", "55%", "length", "176",
                 "cut off", "sampling 15,838", "training 16,666"):  # fmt: skip
        assert said in text, said
    assert max(map(len, text.splitlines())) <= 80


def test_a_new_stage_starts_anew_and_fine_tuning_has_its_own_curves():
    shown = Panel()
    shown.step(metric(3), 10)
    shown.begin("dev1")
    assert "at work" in drawn(shown)
    shown.step({"step": 1, "loss": 2.0, "trained_per_second": 4000.0}, 320)
    assert "loss" in drawn(shown, 30) and "length" not in drawn(shown) and shown.left is None


def test_odd_numbers_do_not_stop_the_panel():
    shown = Panel()
    for value in (float("nan"), None, -1.0, 1e30):
        shown.step({"step": 1, "reward": value, "loss": value}, 10)
    assert "reward" in drawn(shown)


def test_off_a_terminal_there_are_plain_lines_only():
    console = Console(file=StringIO(), width=100)
    with Screen(console) as screen:
        screen.stage("zero")
        screen.step(metric(7), 120)
        screen.learn({"step": 1, "loss": 2.0}, 10)
    lines = console.file.getvalue().splitlines()
    assert lines == ["", "zero", "step   7/120  right  32%  length   84  reflection 0.61  cut off  2%   7.8 s"]


def test_on_a_terminal_steps_stay_in_the_panel_and_notes_above_it():
    console = Console(file=StringIO(), width=90, force_terminal=True)
    with Screen(console) as screen:
        screen.stage("zero")
        screen.step(metric(7), 120)
        screen.note("a note")
        time.sleep(0.7)
    text = console.file.getvalue()
    assert "step 7 of 120" in text and "a note" in text and "step   7/120" not in text


@pytest.mark.parametrize(("seconds", "said"), [(7, "0:07"), (750, "12:30"), (3723, "1:02:03"), (-1, "0:00")])
def test_times_are_told_as_clocks(seconds, said):
    assert clock(seconds) == said


def test_a_sparkline_averages_neighbours():
    assert (
        sparkline([0, 0, 1, 1], 2, 0, 1) == " █" and sparkline([], 5, 0, 1) == "" and sparkline([3, 3], 4, 3, 3) == "  "
    )
