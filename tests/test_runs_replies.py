"""Browsing replies: every filter, order and page against plain Python; damaged and hostile files; files that come and go."""

from __future__ import annotations

import json
import os

import pytest

from aha.tables import json_line, parquet
from tests.runs_toys import HOSTILE, got, reply, showing, training_run
from tests.stages_run import add, stages_run

ROWS = [reply(step, sample) | {"step": step} for step in range(1, 5) for sample in range(6)]


def keys(answer):
    return [(row["step"], row["sample"]) for row in answer["rows"]]


def wanted(test, key=None, reverse=False):
    rows = [row for row in ROWS if test(row)]
    return [(row["step"], row["sample"]) for row in (sorted(rows, key=key, reverse=reverse) if key else rows)]


FILTERS = [
    ({"part": "correct", "least": 1}, lambda r: json.loads(r["parts"])["correct"] >= 1),
    ({"part": "correct", "most": 0.5}, lambda r: json.loads(r["parts"])["correct"] <= 0.5),
    ({"least": 1.0, "most": 1.2}, lambda r: 1 <= r["reward"] <= 1.2),
    ({"part": "no such part"}, lambda r: False),
    ({"text": "wait 3"}, lambda r: "wait 3" in r["reply"]),
    ({"text": "WAIT 3"}, lambda r: False),
    ({"text": "%' OR 1=1 --"}, lambda r: False),
    ({"reason": "wrong value", "first": 2, "last": 3}, lambda r: r["reason"] and 2 <= r["step"] <= 3),
    ({"reason": ""}, lambda r: not r["reason"]),
    ({"problem": "toy/1"}, lambda r: r["problem"] == "toy/1"),
    ({"finish": "length"}, lambda r: False),
    ({"kind": "training"}, lambda r: True),
    ({"kind": "probes"}, lambda r: False),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    training_run(root / "zero")
    with showing(root) as client:
        yield client


@pytest.mark.parametrize("asked, test", FILTERS, ids=[str(asked) for asked, _ in FILTERS])
def test_a_filter_finds_what_python_finds(client, asked, test):
    answer = got(client, "/replies", run="zero", order="oldest", size=100, **asked)
    assert keys(answer) == wanted(test) and answer["total"] == len(wanted(test))


ORDERS = {
    "longest": (lambda r: r["tokens"], True), "shortest": (lambda r: r["tokens"], False),
    "worst": (lambda r: (r["reward"], -r["step"]), False), "newest": (lambda r: (-r["step"], r["sample"]), False),
}  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_is_python_s(client, order):
    key, reverse = ORDERS[order]
    assert keys(got(client, "/replies", run="zero", order=order, size=100)) == wanted(lambda r: True, key, reverse)


def test_pages_follow_one_another_without_gap_or_repetition(client):
    pages = [got(client, "/replies", run="zero", order="best", size=7, page=page) for page in range(5)]
    assert [len(page["rows"]) for page in pages] == [7, 7, 7, 3, 0] and {page["total"] for page in pages} == {24}
    assert len({key for page in pages for key in keys(page)}) == 24


def test_facets_tell_what_there_is(client):
    told = got(client, "/facets", run="zero")
    assert (told["first"], told["last"], told["replies"], told["probes"]) == (1, 4, 24, 0)
    assert [(part["name"], part["mean"]) for part in told["parts"]] == [("correct", 0.5), ("formatted", 1.0)]
    assert told["reasons"] == [["", 12], ["wrong value", 12]]


def test_the_same_prompt_stands_at_every_step(client):
    prompts = got(client, "/prompts", run="zero")["prompts"]
    assert {(row["problem"], row["steps"]) for row in prompts} == {("toy/0", 4), ("toy/1", 4), ("toy/2", 4)}
    told = got(client, "/prompt", run="zero", problem="toy/1", most=3)
    assert [row["step"] for row in told["rows"]] == [1, 3, 4] and told["steps"] == 4
    assert told["rows"][0]["reply"] == reply(1, 1)["reply"] and told["rows"][0]["replies"] == 2


def test_one_reply_comes_whole(tmp_path):
    training_run(tmp_path / "zero", steps=1)
    long = "é" * 50_000
    (tmp_path / "zero/samples/step-000009.parquet").write_bytes(parquet([reply(9, 0, reply=long)]))
    with showing(tmp_path) as client:
        [row] = got(client, "/replies", run="zero", first=9)["rows"]
        assert row["characters"] == 50_000 and len(row["reply"]) < 10_000
        whole = got(client, "/reply", run="zero", step=9, file=row["file"], row=row["row"])
        assert whole["reply"] == long
        assert client.get("/v1/runs/reply", params={"run": "zero", "step": 77}).status_code == 404


BAD = [{"size": 101}, {"size": 0}, {"page": -1}, {"page": 10**30}, {"least": "nan"}, {"least": "x"}, {"order": "row; DROP"},
       {"text": "x" * 201}, {"nonsense": 1}, {"first": -1}]  # fmt: skip


@pytest.mark.parametrize("asked", BAD, ids=str)
def test_a_wrong_field_is_refused_by_name(client, asked):
    answer = client.get("/v1/runs/replies", params={"run": "zero"} | asked)
    assert answer.status_code == 400 and next(iter(asked)) in answer.json()["error"]["message"]


def torn(root):
    """Files that are cut, empty, of another kind, of other types, of text that is none, and without anything."""
    samples = root / "samples"
    whole = (samples / "step-000001.parquet").read_bytes()
    (samples / "step-000020.parquet").write_bytes(whole[:-9])
    (samples / "step-000021.parquet").write_bytes(b"")
    (samples / "step-000022.parquet").write_bytes(b"PAR1" + os.urandom(500) + b"PAR1")
    (samples / "step-000023.parquet").mkdir()
    odd = {"reply": 7, "reward": "high", "parts": "[1", "tokens": "many", "probe": None, "problem": None}
    (samples / "step-000024.parquet").write_bytes(parquet([odd, odd]))
    (samples / "step-000025.parquet").write_bytes(parquet([{"something": "else"}]))
    strange = {"reward": float("nan"), "advantage": float("inf"), "parts": '{"a": NaN, "b": "x", "c": 1e999, "a": 2}'}
    (samples / "step-000026.parquet").write_bytes(parquet([reply(26, 0, **strange)]))
    broken = bytearray(whole)
    broken[200:260] = os.urandom(60)
    (samples / "step-000027.parquet").write_bytes(bytes(broken))


def test_damaged_files_are_told_and_the_rest_is_read(tmp_path):
    torn(training_run(tmp_path / "zero"))
    with showing(tmp_path) as client:
        answer = got(client, "/replies", run="zero", size=100)
        told = " ".join(answer["reading"]["damaged"])
        assert all(f"step-0000{n}" in told for n in (20, 21, 22, 23)) and answer["reading"]["left"] == 0
        rows = {row["step"]: row for row in answer["rows"]}
        assert {1, 2, 3, 4, 24, 25, 26} <= set(rows)
        assert rows[24]["reply"] == "7" and rows[24]["reward"] is None and rows[24]["parts"] == {}
        assert rows[26]["reward"] is None and rows[26]["advantage"] is None and rows[25]["reply"] == ""
        assert got(client, "/facets", run="zero")["replies"] == answer["total"]


def test_files_that_come_change_and_go_are_followed(tmp_path):
    root = training_run(tmp_path / "zero", steps=2)
    file = root / "samples" / "step-000003.parquet"
    with showing(tmp_path) as client:
        assert got(client, "/replies", run="zero")["total"] == 12
        file.write_bytes(parquet([reply(3, s) for s in range(6)])[:50])
        assert got(client, "/replies", run="zero")["reading"]["damaged"]
        file.write_bytes(parquet([reply(3, s, reply="fresh") for s in range(6)]))
        answer = got(client, "/replies", run="zero", text="fresh")
        assert answer["total"] == 6 and not answer["reading"]["damaged"]
        (root / "samples" / "step-000001.parquet").unlink()
        assert got(client, "/replies", run="zero")["total"] == 12


def test_what_a_collection_kept_and_what_not_can_be_browsed(tmp_path):
    root = stages_run(tmp_path / "whole")
    folder = add(root, "more", {"model": "zero"}, {"in": 3, "kept": 1})
    names = json.loads((root / "stages.json").read_text())
    (root / "stages.json").write_text(json.dumps([*names, folder.name]))
    row = {"prompt": "User: a\nAssistant:", "reply": HOSTILE, "id": "x/1", "tokens": 5}
    (folder / "data.jsonl").write_bytes(json_line(row))
    lost = [json_line(row | {"reason": reason}) for reason in ("wrong", "cut off")]
    (folder / "rejected.jsonl").write_bytes(b"".join(lost))
    with showing(tmp_path) as client:
        told = got(client, "/facets", run="whole", stage=folder.name)
        assert sorted(told["reasons"]) == [["cut off", 1], ["kept", 1], ["wrong", 1]]
        assert got(client, "/replies", run="whole", stage=folder.name, reason="kept")["rows"][0]["reply"] == HOSTILE


def test_many_files_are_taken_in_over_several_requests_the_newest_first(tmp_path):
    training_run(tmp_path / "zero", steps=3)
    with showing(tmp_path, reading=1e-6) as client:
        seen = []
        while not seen or seen[-1]["reading"]["left"]:
            seen.append(got(client, "/replies", run="zero", order="oldest"))
    assert [answer["reading"]["left"] for answer in seen] == [2, 1, 0]
    assert [(answer["total"], answer["rows"][0]["step"]) for answer in seen] == [(6, 3), (12, 2), (18, 1)]


def test_a_large_file_goes_in_piece_by_piece(tmp_path, monkeypatch):
    monkeypatch.setattr("aha.serve.runs_index.LINES", 2)
    monkeypatch.setattr("aha.serve.runs_index.BATCH", 4)
    training_run(tmp_path / "zero", steps=1, samples=11)
    with showing(tmp_path) as client:
        rows = got(client, "/replies", run="zero", order="oldest")["rows"]
        assert [(row["row"], row["sample"]) for row in rows] == [(n, n) for n in range(11)]
        last = got(client, "/reply", run="zero", step=1, file=rows[10]["file"], row=10)
        assert last["reply"] == reply(1, 10)["reply"]
