"""Data sets of the hub: only the files of a split are fetched, downloads go on, and refusals are one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import huggingface_hub.constants as hf
import pytest

from aha.errors import DataError
from aha.tasks import data_hub, data_names
from aha.tasks.data import Data
from tests import hub_toys

CARD = """---
license: mit
configs:
- config_name: main
  data_files:
  - {split: train, path: main/train-*}
  - {split: test, path: main/test-*}
- config_name: socratic
  data_files:
  - {split: train, path: [socratic/train-*]}
---
# GSM8K
"""


def lines(count, start=0):
    rows = (
        {"question": f"What is {i} + {i} when {i} ducks swim by?", "answer": str(2 * i)}
        for i in range(start, start + count)
    )
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


SETS = {
    "openai/gsm8k": {
        "README.md": CARD.encode(), ".gitattributes": b"", "gsm8k.py": b"raise SystemExit",
        "main/train-00000-of-00002.jsonl": lines(20), "main/train-00001-of-00002.jsonl": lines(20, 20),
        "main/test-00000-of-00001.jsonl": lines(5, 100), "socratic/train-00000-of-00001.jsonl": lines(3),
    },
    "HuggingFaceH4/MATH-500": {".gitattributes": b"", "test.jsonl": lines(4)},
    "old/script": {".gitattributes": b"", "script.py": b"raise SystemExit"},
}  # fmt: skip


@pytest.fixture
def hub(tmp_path, monkeypatch):
    with hub_toys.served(SETS) as (served, address):
        monkeypatch.setattr(hf, "ENDPOINT", address)
        monkeypatch.setattr(hf, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")
        monkeypatch.setattr(hf, "HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setattr(hf, "HF_HUB_DISABLE_PROGRESS_BARS", True)
        yield served


def test_a_split_is_fetched_and_nothing_else(hub):
    source = data_names.source("openai/gsm8k:main", "train")
    assert len(list(source.rows())) == 40 and source.licence == "mit" and source.title == "gsm8k"
    fetched = {path.rpartition("/")[2] for _, path, _ in hub.asked if "/resolve/" in path}
    assert fetched == {
        "README.md",
        ".gitattributes",
        *(f.rpartition("/")[2] for f in SETS["openai/gsm8k"] if "main/train" in f),
    }


def test_a_test_split_is_found_and_never_trained_on(hub):
    task = Data(train="openai/gsm8k:main").load().task
    assert len(task.test) == 5 and all("100 + 100" not in p.prompt for p in task.draw(40, 0))


def test_what_was_fetched_is_enough_offline_and_what_was_not_is_told(hub, monkeypatch):
    assert len(list(data_names.source("openai/gsm8k:main", "train").rows())) == 40
    monkeypatch.setattr(hf, "HF_HUB_OFFLINE", True)
    assert len(list(data_names.source("openai/gsm8k:main", "train").rows())) == 40
    with pytest.raises(
        DataError, match="openai/gsm8k is not whole in the cache, and the hub was not asked or not reached"
    ):
        data_names.source("openai/gsm8k:main", "test")
    with pytest.raises(DataError, match="HuggingFaceH4/MATH-500 is not whole in the cache") as told:
        data_names.source("HuggingFaceH4/MATH-500", "test")
    assert "\n" not in str(told.value)


def test_a_download_that_breaks_off_goes_on(hub, monkeypatch):
    monkeypatch.setattr(hf, "DOWNLOAD_CHUNK_SIZE", 16)
    file = "/datasets/openai/gsm8k/resolve/" + hub_toys.COMMIT + "/main/test-00000-of-00001.jsonl"
    hub.cut[file] = 50
    source = data_names.source("openai/gsm8k:main#test", "train")
    assert source.files[0].read_bytes() == lines(5, 100)
    assert [r for method, path, r in hub.asked if path == file and method == "GET" and r], hub.asked


REFUSED = {
    "openai/gsm8k": "several parts: write openai/gsm8k:main or openai/gsm8k:socratic",
    "openai/gsm8k:man": "no part 'man'; did you mean :main",
    "openai/gsm8k:main#tset": "no split 'tset'; did you mean #test",
    "openai/gsm8k:main#test.jsonl": "no file 'test.jsonl'; it has: .gitattributes, README.md",
    "HuggingFaceH4/MATH-500": "no split 'train'.* HuggingFaceH4/MATH-500#test",
    "nobody/nothing": "the hub has no data set 'nobody/nothing', or it is private",
    "old/script": "no file of rows .* old/script@refs/convert/parquet",
    "gsm8": "no data 'gsm8': did you mean 'gsm8k'",
    "gsm8k#validation": "gsm8k has no split 'validation'; it has gsm8k#train",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_name_that_cannot_be_is_refused_in_one_line_with_what_there_is(hub, name):
    with pytest.raises(DataError, match=REFUSED[name]) as told:
        data_names.source(name, "train")
    assert "\n" not in str(told.value)


def test_a_folder_is_read_like_a_data_set_of_the_hub(tmp_path):
    for path, data in SETS["openai/gsm8k"].items():
        (tmp_path / "set" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / path).write_bytes(data)
    assert len(list(data_names.source(f"{tmp_path}/set:main", "train").rows())) == 40
    (tmp_path / "set" / "main" / "train-00001-of-00002.jsonl").unlink()
    with pytest.raises(DataError, match="is not whole: 1 of 2 files of train"):
        data_names.source(f"{tmp_path}/set:main", "train")


LAYOUTS = {
    ("train.csv", "test.csv", "notes.txt"): {"default": {"train": ["train.csv"], "test": ["test.csv"]}},
    ("data/train_prefs-00000-of-00001.parquet",): {"default": {"train_prefs": ["data/train_prefs-00000-of-00001.parquet"]}},
    ("de/test/0000.parquet", "fr/test/0000.parquet"): {
        "de": {"test": ["de/test/0000.parquet"]}, "fr": {"test": ["fr/test/0000.parquet"]},
    },
    ("rows.jsonl", "dev.json"): {"default": {"train": ["rows.jsonl"], "validation": ["dev.json"]}},
}  # fmt: skip


@pytest.mark.parametrize("files", LAYOUTS)
def test_without_a_card_names_of_files_and_folders_tell_the_splits(files):
    assert data_hub.splits(data_hub.Listing("x", files, {}, list)) == LAYOUTS[files]


def test_a_damaged_card_is_told(tmp_path):
    (tmp_path / "README.md").write_text("---\nlicense: [mit\n---\n")
    with pytest.raises(DataError, match="README.md: its heading cannot be read"):
        data_names.source(str(tmp_path), "train")


def test_the_command_asks_the_hub_that_the_environment_names(tmp_path):
    command = [sys.executable, "-m", "aha", "data", "show", "openai/gsm8k:main", "--kind", "number"]
    with hub_toys.served(SETS) as (_, address):
        environment = os.environ | {
            "HF_ENDPOINT": address,
            "HF_HOME": str(tmp_path),
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        }
        online = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert "40 rows, licence mit" in online.stdout and "What is 0 + 0 when 0 ducks" in online.stdout, online.stderr
    environment["HF_HUB_OFFLINE"] = "1"
    assert subprocess.run(command, env=environment, capture_output=True, text=True).stdout == online.stdout
    refused = subprocess.run([*command[:5], "who/ever"], env=environment, capture_output=True, text=True)
    assert refused.returncode == 2 and refused.stderr.startswith("aha: who/ever is not whole in the cache")


def test_a_cache_that_another_version_filled_is_read_offline(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(hf, "HF_HUB_OFFLINE", True)
    place = tmp_path / "hub" / "datasets--HuggingFaceH4--MATH-500"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text("b" * 40)
    (place / "snapshots" / ("b" * 40)).mkdir(parents=True)
    (place / "snapshots" / ("b" * 40) / "test.jsonl").write_bytes(lines(4))
    assert len(list(data_names.source("HuggingFaceH4/MATH-500#test").rows())) == 4 and not hub.asked
