"""The claims in a report: of their own folder, of a seed in it, and damaged."""

from __future__ import annotations

import json

import pytest

from aha.errors import RunError
from aha.report import write_report
from tests.stages_run import stages_run
from tests.test_report import HOSTILE, read

PART = {
    "title": HOSTILE, "role": "part", "paper": "15.6 to 77.9", "verdict": "holds", "holds_if": "above 0", "measure": "correct",
    "difference": 0.41, "low": 0.38, "high": 0.44, "why": "",
}  # fmt: skip
LACKING = PART | {
    "title": "students",
    "verdict": "not measured",
    "difference": None,
    "low": None,
    "high": None,
    "why": "seed 0: no",
}
CLAIMS = [
    {"name": "zero", "sentence": "Reinforcement alone makes it reason", "verdict": "holds", "parts": [PART]},
    {"name": "distill", "sentence": "Students learn more from traces", "verdict": "not measured", "parts": [LACKING]},
]


def told(root, rows=CLAIMS):
    (root / "claims.json").write_text(json.dumps({"claims": rows}))
    return root


def test_a_folder_of_claims_has_a_report_of_verdicts_and_parts(tmp_path):
    _, reader = read(told(tmp_path))
    for said in (
        "Reinforcement alone makes it reason: holds.",
        "+41.00 (+38.00 to +44.00)",
        "seed 0: no",
        "1of 2 claims",
    ):
        assert said in reader.text, said
    assert "script" not in reader.tags
    facts = json.loads((tmp_path / "report.json").read_text())["facts"]
    assert facts["holds"] == 1 and facts["kind"] == "claims"


def test_a_seed_s_report_has_the_claims_it_was_measured_for(tmp_path):
    told(tmp_path)
    (tmp_path / "seed-0").mkdir()
    _, reader = read(stages_run(tmp_path / "seed-0"))
    assert "Students learn more from traces: not measured." in reader.text and "Stage table" in reader.text


def test_damaged_claims_are_one_line_and_leave_the_rest_standing(tmp_path):
    run = stages_run(tmp_path)
    (run / "claims.json").write_text('{"claims": 3}')
    assert "claims.json cannot be read" in read(run)[1].text
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "claims.json").write_text("{")
    with pytest.raises(RunError, match="claims.json cannot be read"):
        write_report(tmp_path / "alone")
