"""The arithmetic of the comparison with TRL; the measurement itself takes a quarter of an hour."""

import json
from argparse import Namespace

import pytest

from benchmarks.smollm2_vs_trl import check_same_tokens, table, verdicts, words_of, write_texts


def grpo(*seconds, gib, tokens=800):
    return {"seconds": list(seconds), "peak_rss_gib": gib, "prompt_tokens": tokens}


def test_steps_an_hour_and_memory_are_those_of_the_fastest_dtype():
    reports = {
        ("aha", "bf16"): [grpo(10.0, 15.0, gib=4.0), grpo(12.0, 12.0, gib=5.0)],
        ("trl", "bf16"): [grpo(60.0, 60.0, gib=10.0)],
        ("trl", "fp32"): [grpo(90.0, gib=20.0)],
    }
    rows = table("grpo", reports)
    assert rows[0]["speed"] == pytest.approx((360 + 240 + 300 + 300) / 4)
    assert (rows[0]["slowest"], rows[0]["fastest"], rows[0]["measured"], rows[0]["gib"]) == (240, 360, 4, 5.0)
    assert verdicts("grpo", rows) == [{"times": 5.0, "memory": 0.5, "reached": True, "memory_reached": True}]


def test_fine_tuning_counts_the_tokens_of_all_examples():
    run = {"seconds": [4.0], "peak_rss_gib": 1.0, "tokens_per_example": 200.0, "examples": 32}
    rows = table("sft", {("aha", "bf16"): [run], ("trl", "bf16"): [run | {"seconds": [5.0]}]})
    assert [row["speed"] for row in rows] == [1600, 1280]
    assert verdicts("sft", rows) == [{"times": 1.25, "memory": 1.0, "reached": False}]


def test_sampling_is_judged_for_each_number_of_rows():
    def run(name, few, many):
        rows = [{"rows": 32, "all": {name: [few]}}, {"rows": 64, "all": {name: [many]}}]
        return {"peak_rss_gib": 2.0, "rows": rows}

    reports = {
        ("aha", "bf16"): [run("ours", 900.0, 1200.0)],
        ("transformers", "bf16"): [run("transformers", 300.0, 500.0)],
    }
    found = verdicts("sample", table("sample", reports))
    assert [(v["rows"], v["times"], v["reached"]) for v in found] == [(32, 3.0, True), (64, 2.4, False)]


def test_sides_that_read_other_tokens_are_not_compared():
    with pytest.raises(ValueError, match=r"prompt_tokens \[800, 808\]"):
        check_same_tokens({("aha", "bf16"): [grpo(1.0, gib=1)], ("trl", "bf16"): [grpo(1.0, gib=1, tokens=808)]})


def test_texts_of_the_folder_are_written_with_their_tokens(tmp_path):
    from aha.chat import Chat
    from aha.models.folder import TINY

    (tmp_path / "train.jsonl").write_text(json.dumps({"question": "1 + 1?", "answer": "2"}) + "\n")
    write_texts(TINY, tmp_path / "train.jsonl", tmp_path / "texts.jsonl", 1)
    [line] = map(json.loads, (tmp_path / "texts.jsonl").read_text().splitlines())
    chat = Chat.load(TINY)
    assert line["prompt_ids"] == chat.encode("User: 1 + 1?\nAssistant:")
    assert line["reply_ids"] == [*chat.encode("2"), chat.end_id]


def test_a_missing_data_set_is_one_clear_line(tmp_path):
    with pytest.raises(SystemExit, match="is missing: --data names a folder"):
        write_texts(tmp_path, tmp_path / "train.jsonl", tmp_path / "texts.jsonl", 1)


def test_trl_is_given_several_micro_batches_to_try_and_aha_one(tmp_path):
    options = Namespace(threads=2, steps=1, micro=4096, trl_micro=[8, 16])
    ours, theirs = (words_of("grpo", who, "bf16", tmp_path, options) for who in ("aha", "trl"))
    assert (ours[-2:], theirs[-3:]) == (["--micro", "4096"], ["--micro", "8", "16"])
    assert ours[:-2] == theirs[:-3]
