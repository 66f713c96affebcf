"""`aha data`: show, check, decontaminate."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from aha.cli import app
from aha.errors import ConfigError, DataError, RunError
from aha.tools.data import columns_of

ASK = [{"Frage": f"Ann had {n} apples, {n} pears and {n} plums; how many is that?", "Zahl": 3 * n} for n in range(1, 6)]
PAIR = {"prompt": "Hi", "chosen": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}],
        "rejected": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "What?"}]}  # fmt: skip


def run(*words):
    found = CliRunner().invoke(app, ["data", *map(str, words)])
    if found.exception and not isinstance(found.exception, SystemExit):
        raise found.exception
    return found.exit_code, found.output


def written(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def test_show_says_what_each_column_becomes_and_three_rows_as_they_are_asked(tmp_path):
    _, out = run("show", written(tmp_path / "a.jsonl", ASK), "--columns", "question=Frage,answer=Zahl")
    assert "5 rows, licence not stated" in out and "kind math" in out
    assert "question  <- Frage" in out and "answer    <- Zahl" in out and "solution  <- (none)" in out
    assert out.count("asked: Ann had") == 3 and "give the final answer alone" in out and "answer: \\boxed{3}" in out


def test_show_and_check_know_preference_pairs(tmp_path):
    name = written(tmp_path / "p.jsonl", [PAIR, PAIR | {"rejected": PAIR["chosen"]}])
    assert "chosen: Hello!" in run("show", name)[1]
    code, out = run("check", name)
    assert code == 1 and "1 right, 1 wrong" in out and "row 2: both replies are the same" in out


def test_check_fails_where_a_reference_is_wrong(tmp_path):
    columns = ("--columns", "question=Frage,answer=Zahl")
    assert run("check", written(tmp_path / "a.jsonl", ASK), *columns) == (0, f"{tmp_path}/a.jsonl: 5 right\n")
    code, out = run("check", written(tmp_path / "b.jsonl", [*ASK, {"Frage": "?"}]), *columns)
    assert code == 1 and "5 right, 1 damaged" in out and "row 6: no column 'Zahl'; it has: Frage" in out


def test_decontaminate_keeps_the_rest_and_tells_which_met_which(tmp_path):
    train, test = (
        written(tmp_path / "a.jsonl", [{"question": row["Frage"], "answer": "1"} for row in ASK]),
        tmp_path / "b.jsonl",
    )
    written(test, [{"question": "Well: " + ASK[2]["Frage"].upper(), "answer": "4"}])
    _, out = run("decontaminate", train, "--against", test, "--out", tmp_path / "kept.jsonl")
    assert (
        "4 of 5 rows kept" in out and "1 rows meet one of its" in out and f"row 3 meets {test}, row 1: ann had 3" in out
    )
    assert len((tmp_path / "kept.jsonl").read_text().splitlines()) == 4
    [removed] = map(json.loads, (tmp_path / "kept.removed.jsonl").read_text().splitlines())
    assert removed["columns"]["question"] == ASK[2]["Frage"] and removed["meets"][0]["where"] == f"{test}, row 1"
    _, out = run("decontaminate", train, "--against", test, "--out", tmp_path / "kept.jsonl", "--ngram", 30)
    assert "5 of 5 rows kept" in out


def test_decontaminate_writes_over_nothing_that_it_reads(tmp_path):
    train = written(tmp_path / "a.jsonl", [{"question": row["Frage"], "answer": "1"} for row in ASK])
    test = written(tmp_path / "b.jsonl", ASK[:1])
    before = (train.read_bytes(), test.read_bytes())
    named = ("--against", test, "--against-columns", "question=Frage,answer=Zahl", "--out")
    for out, said in (
        (train, "is read from"),
        (test, "is read from"),
        (tmp_path, "ends in .jsonl"),
        ("x.csv", "ends in"),
    ):
        with pytest.raises(ConfigError, match=said):
            run("decontaminate", train, *named, out)
    with pytest.raises(RunError, match="cannot be written"):
        run("decontaminate", train, *named, train / "c.jsonl")
    assert "4 of 5 rows kept" in run("decontaminate", train, *named, tmp_path / "new" / "c.jsonl")[1]
    assert before == (train.read_bytes(), test.read_bytes())


def test_all_three_print_json_and_nothing_else(tmp_path):
    name, columns = written(tmp_path / "a.jsonl", [*ASK, {"Frage": "?"}]), ("--columns", "question=Frage,answer=Zahl")
    shown = json.loads(run("show", name, *columns, "--json")[1])
    assert shown["rows"] == 6 and shown["columns"]["question"] == "Frage" and len(shown["samples"]) == 3
    code, out = run("check", name, *columns, "--json")
    checked = json.loads(out)
    assert code == 1 and checked["counts"] == {"right": 5, "damaged": 1} and not checked["good"]
    against = written(tmp_path / "b.jsonl", [{"question": ASK[2]["Frage"], "answer": "4"}])
    train = written(tmp_path / "c.jsonl", [{"question": row["Frage"], "answer": "1"} for row in ASK])
    out = run("decontaminate", train, "--against", against, "--out", tmp_path / "kept.jsonl", "--json")[1]
    found = json.loads(out)
    assert found["kept"] == 4 and found["against"][0]["met"] == 1 and found["removed"][0]["row"] == f"{train}, row 3"


def test_mistakes_are_told(tmp_path):
    with pytest.raises(DataError, match="did you mean 'gsm8k'"):
        run("show", "gsm-8k")
    with pytest.raises(ConfigError, match="--columns should be like question=Problem"):
        columns_of("question:Frage")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="cut.parquet cannot be read"):
        run("show", tmp_path / "cut.parquet")
