"""Which replies a report picks out of many, and that it holds few of them at a time."""

from __future__ import annotations

import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aha.record import probe_replies
from aha.report import picked
from aha.report.picked import Keeper, repeats, scan
from aha.report.replies import suspected
from tests.test_report import read, sample, write_run


def drawn(step, problem, reply="<think>1 + 1 = 2</think><answer>2</answer>", **changed):
    """A reply of training, not to a fixed prompt."""
    return sample(step, problem, reply, **({"probe": False, "advantage": 0.0} | changed))


def test_the_best_was_right_where_others_were_not_and_the_worst_the_other_way(tmp_path):
    rows = [drawn(0, f"p{i}", advantage=i / 10, reward=1.0) for i in range(9)]
    rows += [drawn(0, f"q{i}", advantage=-i / 10, reward=0.0) for i in range(9)]
    found = scan(write_run(tmp_path / "run", samples=rows))
    assert [row["problem"] for row in found.best.rows()] == ["p8", "p7", "p6", "p5"]
    assert [row["problem"] for row in found.worst.rows()] == ["q8", "q7", "q6", "q5"]
    assert len(found.drawn.rows()) == 4 and (found.replies, found.rewarded) == (18, 9)


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("long", {"tokens": 500}),
        ("cut off", {"finish": "length"}),
        ("wrong", {"parts": json.dumps({"correct": 0.0})}),
        ("mixed", {"reply": "<think>now 我们 add</think><answer>2</answer>"}),
        ("repeats", {"reply": "wait, check.\n" * 9}),
    ],
)
def test_a_rewarded_reply_is_suspicious(tmp_path, kind, changed):
    rows = [drawn(0, f"p{i}", reply=f"<think>{i}</think><answer>2</answer>") for i in range(8)]
    found = scan(write_run(tmp_path / "run", samples=[*rows, drawn(0, "odd", **changed)]))
    assert found.counts == {kind: 1} and [row["problem"] for row in found.suspects[kind].rows()] == ["odd"]
    assert suspected(found)[0].level == "watch"


def test_the_same_fault_without_a_reward_is_none(tmp_path):
    rows = [drawn(0, "a"), drawn(0, "b", reward=0.0, finish="length"), drawn(0, "c", reward=None, finish="length")]
    found = scan(write_run(tmp_path / "run", samples=rows))
    assert not found.counts and suspected(found)[0].level == "good"


def test_one_reply_to_many_prompts_is_suspicious(tmp_path):
    text = "<think>I am sure that it is what you asked me for, at once</think><answer>2</answer>"
    found = scan(write_run(tmp_path / "run", samples=[drawn(0, f"p{i}", reply=text) for i in range(5)]))
    assert found.counts == {"same": 5}


def test_a_text_that_says_everything_twice_does_not_repeat_itself_by_half():
    assert repeats("a\n" * 6) and not repeats("a\nb\nc\na\nb\nc") and not repeats("a\na\na")


def test_a_keeper_has_one_row_a_problem_and_the_earlier_of_equals():
    keeper, generator = Keeper(3), random.Random(1)
    for i in range(5000):
        keeper.offer({"problem": generator.randrange(1000), "i": i}, float(generator.randrange(50)))
    keeper.offer({"problem": 7, "i": -1}, 50.0)
    keeper.offer({"problem": 7, "i": -2}, 50.0)
    rows = keeper.rows()
    assert rows[0]["i"] == -1 and len({row["problem"] for row in rows}) == 3 and len(keeper.best) <= 16 * 3 + 1


def test_of_many_files_some_are_read_from_the_first_to_the_last(tmp_path, monkeypatch):
    run = write_run(tmp_path / "run", samples=[drawn(step, "a", f"reply {step}") for step in range(100)])
    seen = []
    monkeypatch.setattr(picked, "_usual", lambda file: seen.append(file.name) or picked._Usual(1.0, 1.0, frozenset()))
    found = scan(run)
    assert (found.files, found.of, len(seen)) == (24, 100, 24)
    assert seen[0] == "step-000000.parquet" and seen[-1] == "step-000099.parquet"


def test_a_torn_file_is_told_and_the_others_are_read(tmp_path):
    run = write_run(tmp_path / "run", samples=[drawn(0, "a"), drawn(1, "b")])
    (run / "samples" / "step-000000.parquet").write_bytes(b"PAR1")
    found = scan(run)
    assert found.replies == 1 and "step-000000.parquet cannot be read" in found.troubles[0]
    assert "step-000000.parquet cannot be read" in read(run)[1].text


def test_rows_without_most_columns_are_shown(tmp_path):
    run = write_run(tmp_path / "run")
    pq.write_table(pa.table({"reply": ["hello"], "other": [{"a": 1}]}), run / "samples" / "step-000003.parquet")
    assert scan(run).replies == 1
    assert "hello" in read(run)[1].text


def test_thoughts_stand_apart_from_answers(tmp_path):
    html, _ = read(write_run(tmp_path / "run", samples=[drawn(0, "a")]))
    assert '<pre class="thought" tabindex="0">1 + 1 = 2</pre>' in html
    assert '<pre class="answer">2</pre>' in html


def test_files_without_fixed_prompts_are_known_by_their_footers(tmp_path, monkeypatch):
    rows = [drawn(step, "a") for step in range(6)] + [sample(step, "fixed", f"reply {step}") for step in (0, 5)]
    run = write_run(tmp_path / "run", samples=rows)
    read_files = []
    whole = pq.ParquetFile.read
    monkeypatch.setattr(pq.ParquetFile, "read", lambda self, **names: read_files.append(1) or whole(self, **names))
    [replies], _ = probe_replies(run)
    assert [row["reply"] for row in replies] == ["reply 0", "reply 5"] and len(read_files) == 2
