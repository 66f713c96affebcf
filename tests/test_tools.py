"""The commands beside a run, as a user calls them: the jail, the doctor, grading a file, testing a reward."""

from __future__ import annotations

import json

import pytest

from aha import cli
from aha.sandbox import jail, pool
from aha.sandbox.jail import best_level, jail_advice

needs_jail = pytest.mark.skipif(best_level()[0] is None, reason="no jail holds here")
MATHS = {"reply": "<think>half</think><answer>0.5</answer>", "answer": "1/2"}
CODE = {
    "reply": "<think></think><answer>```python\nprint(2 * int(input()))\n```</answer>",
    "tests": {"stdin": [["4", "8"], ["5", "10"]]},
}


@pytest.fixture
def aha(monkeypatch, capsys):
    def run(*words):
        monkeypatch.setattr("sys.argv", ["aha", *map(str, words)])
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        out, err = capsys.readouterr()
        return leaving.value.code or 0, out, err

    return run


def written(path, *rows):
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return path


@needs_jail
def test_a_program_runs_in_the_jail_and_its_end_is_told(aha, tmp_path):
    (tmp_path / "p.py").write_text("print('\x1b[31m' + input())")
    (tmp_path / "in").write_text("red")
    code, out, _ = aha("sandbox", "run", tmp_path / "p.py", "--stdin", tmp_path / "in")
    assert code == 0 and "AC" in out and "\x1b" not in out and "red" in out
    code, out, _ = aha("sandbox", "run", tmp_path / "p.py", "--json")
    assert code == 1 and json.loads(out)["verdict"] == "RE" and json.loads(out)["level"] == best_level()[0]


@needs_jail
def test_limits_of_the_command_hold(aha, tmp_path):
    (tmp_path / "p.py").write_text("while True: pass")
    assert json.loads(aha("sandbox", "run", tmp_path / "p.py", "--wall", "0.5", "--json")[1])["verdict"] == "TLE"
    (tmp_path / "p.py").write_text("x = bytearray(b'1') * (100 << 20)\nimport time\ntime.sleep(1)")
    assert json.loads(aha("sandbox", "run", tmp_path / "p.py", "--memory", "64", "--json")[1])["verdict"] == "MLE"


def test_the_doctor_says_what_the_machine_gives(aha):
    code, out, _ = aha("doctor", "--json")
    record = json.loads(out)
    assert record["jail"] == best_level()[0] and code == (0 if record["jail"] else 1)
    assert 0 < record["memory_free"] <= record["memory"] and record["disk_free"] > 0 and record["threads"] >= 1
    assert f"torch      {record['torch']}" in aha("doctor")[1]


@pytest.mark.parametrize(
    ("problems", "installed", "says"),
    [({}, True, ""), ({"forks": "x"}, False, "apt install bubblewrap"), ({"forks": "x"}, True, "user namespaces")],
)
def test_the_doctor_says_what_would_help(problems, installed, says):
    assert says in jail_advice(problems, installed)


@pytest.mark.parametrize(
    ("kind", "row", "score"),
    [
        ("math", MATHS, 1.0), ("math", MATHS | {"answer": "2"}, 0.0), ("format", MATHS, 1.0), ("format", {"reply": "2"}, 0.0),
        ("language", {"reply": "<think>now we add the two numbers</think><answer>3</answer>"}, 1.0),
        ("language", {"reply": "<think>now we add the two numbers</think><answer>3</answer>", "language": "zh"}, 0.0),
        pytest.param("code", CODE, 1.0, marks=needs_jail), pytest.param("code", CODE | {"reply": "print(8)"}, 0.0, marks=needs_jail),
    ],
)  # fmt: skip
def test_a_file_of_replies_is_graded_with_reason_and_extractor(aha, tmp_path, kind, row, score):
    code, out, _ = aha("grade", kind, written(tmp_path / "rows.jsonl", row), "--json")
    found = json.loads(out)
    assert code == 0 and found["score"] == score and found["extractor"] and (score == 1 or found["reason"])


@pytest.mark.parametrize(
    ("kind", "rows", "says"),
    [
        ("math", ["{"], "row 1: not JSON"), ("math", [MATHS, {"answer": "1"}], "row 2: no text under `reply`"),
        ("math", [{"reply": "x"}], "row 1: no `answer`; it has 'reply'"), ("code", [MATHS], "row 1: no `tests`"),
        ("code", [CODE | {"tests": {}}], "row 1: a code problem needs tests"),
        ("code", [CODE | {"tests": {"inputs": []}}], "row 1: tests with an unknown inputs"),
        ("format", [""], "has no rows"), ("language", [MATHS | {"language": "klingon"}], "klingon"),
    ],
)  # fmt: skip
def test_a_bad_row_is_one_clear_line(aha, tmp_path, kind, rows, says):
    code, _, err = aha("grade", kind, written(tmp_path / "rows.jsonl", *rows))
    assert code == 2 and says in err and err.count("\n") == 1


REWARD = """
EXAMPLES = [
    {"prompt": "What is 1 + 1?", "target": "2", "reply": "<think>x</think><answer>2</answer>", "score": 1.0},
    {"prompt": "What is 1 + 1?", "target": "2", "reply": "<think>x</think><answer>3</answer>", "score": 0.0},
]
"""


def test_a_sound_reward_passes_its_test_and_one_that_pays_hostile_replies_fails(aha, tmp_path):
    (tmp_path / "good.py").write_text(REWARD + "def right(answer_text, target): return answer_text == target")
    (tmp_path / "bad.py").write_text(REWARD + "def lax(text, target): return target in text")
    assert aha("reward", "test", tmp_path / "good.py")[0] == 0
    code, out, _ = aha("reward", "test", tmp_path / "bad.py")
    assert code == 1 and "FAIL        1  wanted at most 0   hostile: answer repeated" in " ".join(out.splitlines())


def test_the_test_of_a_reward_prints_json_and_nothing_else(aha, tmp_path):
    (tmp_path / "bad.py").write_text(REWARD + "print('hello')\ndef lax(text, target): return target in text")
    code, out, _ = aha("reward", "test", tmp_path / "bad.py", "--json")
    record = json.loads(out)
    broken = [finding["reply"] for finding in record["rewards"]["lax"] if not finding["held"]]
    assert code == 1 and record["failed"] == len(broken) > 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no public function"),
        ("def f(text): return 1", "has no EXAMPLES"),
        ("EXAMPLES = [{}]\ndef f(text): return 1", "no prompt"),
    ],
)
def test_a_file_that_is_no_reward_is_told_what_it_lacks(aha, tmp_path, text, says):
    (tmp_path / "r.py").write_text(text)
    code, _, err = aha("reward", "test", tmp_path / "r.py")
    assert code == 2 and says in err


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("[1.0, 1.0]", "'odd' returned 2 values for 1 replies"), ("[float('nan')]", "'odd' gave nan"),
        ("['much']", "'odd' gave a str"), ("None", "'odd' returned a NoneType"), ("1 / 0", "line 6: ZeroDivisionError"),
        ("[completions[0][0]['role']]", "prompts that are lists of messages"), ("exit(0)", "line 6: SystemExit"),
        ("os._exit(0)", "ended the program with status 0"), ("time.sleep(60)", "took longer than 1 s"),
    ],
)  # fmt: skip
def test_a_reward_that_gives_no_grade_fails_its_test_and_says_where(aha, tmp_path, body, says):
    code = "import os, time" + REWARD + f"def odd(completions, **columns): return {body}"
    (tmp_path / "r.py").write_text(code)
    code, out, err = aha("reward", "test", tmp_path / "r.py", "--limit", 1)
    assert code == 1 and says in out and out.count(says) < 5 and not err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("def f(:", "line 1: invalid syntax"),
        ("import nothing_such", "ModuleNotFoundError"),
        ("exit(0)", "SystemExit"),
        ("import os; os._exit(0)", "ended the program with status 0"),
        ("\0", "null bytes"),
        ("import time; time.sleep(60)", "took longer than 1 s"),
        ("EXAMPLES = 5\ndef f(text): pass", "EXAMPLES is a int"),
    ],
)
def test_a_reward_file_that_cannot_be_read_is_one_line(aha, tmp_path, text, says):
    (tmp_path / "r.py").write_text(text)
    code, _, err = aha("reward", "test", tmp_path / "r.py", "--limit", 1)
    assert code == 2 and says in err and err.count("\n") == 1


def test_a_function_that_reads_messages_gets_them_where_the_examples_have_them(aha, tmp_path):
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass _A:\n    n: int\n"
    text += REWARD.replace('"What is 1 + 1?"', '[{"role": "user", "content": "What is 1 + 1?"}]')
    text += "def right(completions, target, **_): return [float(f'>{t}</answer>' in c[0]['content'] and "
    text += "c[0]['content'].count('answer') == 2) for c, t in zip(completions, target)]"
    (tmp_path / "r.py").write_text(text)
    assert aha("reward", "test", tmp_path / "r.py")[0] == 0


def test_nothing_is_no_pay_for_a_reward_that_also_takes_away(aha, tmp_path):
    text = REWARD.replace("]", '{"prompt": "What is 1 + 1?", "target": "2", "reply": "2", "score": -1.0}]')
    text += "def right(answer_text, target): return -1.0 if answer_text is None else float(answer_text == target)"
    (tmp_path / "r.py").write_text(text)
    assert aha("reward", "test", tmp_path / "r.py")[0] == 0


def test_one_bad_row_costs_no_other(aha, tmp_path):
    rows = written(tmp_path / "rows.jsonl", MATHS, "{", MATHS | {"answer": None}, MATHS)
    code, out, err = aha("grade", "math", rows)
    assert code == 2 and "mean 1.0000 over 2 of 4 replies" in out
    assert "row 2: not JSON" in err and "row 3: `answer` is null; give text or a number" in err


@pytest.mark.parametrize(
    ("tests", "says"),
    [
        ({"stdin": [["4"]]}, "test 1 of `stdin` is ['4']; give [input, output]"), ({"stdin": None}, "`stdin` is None"),
        ({"stdin": [["4", None]]}, "the output of test 1 is None"), ({"stdin": [["\ud800", "8"]]}, "half of a character"),
        ({"function": "f", "calls": [[4, 8]]}, "test 1 of `calls` is [4, 8]; give [[arguments], result]"),
        ({"function": "f", "calls": [[[4], 8]], "tolerance": -1}, "`tolerance` is -1"),
    ],
)  # fmt: skip
def test_tests_of_code_are_read_strictly(aha, tmp_path, tests, says):
    code, _, err = aha("grade", "code", written(tmp_path / "rows.jsonl", CODE | {"tests": tests}))
    assert code == 2 and f"row 1: {says}" in err.replace("the input of test 1 has ", "") and err.count("\n") == 1


@needs_jail
def test_tests_written_as_records_are_the_same_tests(aha, tmp_path):
    row = CODE | {"tests": {"stdin": [{"input": "4", "output": "8"}]}}
    assert json.loads(aha("grade", "code", written(tmp_path / "rows.jsonl", row), "--json")[1])["score"] == 1.0


def test_nothing_of_a_file_reaches_the_terminal_unseen(aha, tmp_path):
    _, _, err = aha("grade", "math", written(tmp_path / "rows.jsonl", {"reply": "x", "\x1b[31mEVIL": 1}))
    assert "EVIL" in err and "\x1b" not in err


def test_a_level_that_does_not_work_here_is_refused_with_the_fix(aha, tmp_path, monkeypatch):
    (tmp_path / "p.py").write_text("print(1)")
    monkeypatch.setattr(jail, "bubblewrap", lambda: None)
    code, _, err = aha("sandbox", "run", tmp_path / "p.py", "--level", "forks")
    assert code == 2 and "level forks does not work here: bubblewrap is not installed; install" in err


def test_where_nothing_holds_no_program_runs(aha, tmp_path, monkeypatch):
    (tmp_path / "p.py").write_text("print(1)")
    monkeypatch.setattr(pool, "best_level", lambda: (None, {"forks": "bubblewrap is not installed"}))
    code, out, err = aha("sandbox", "run", tmp_path / "p.py")
    assert code == 2 and not out and "bubblewrap is not installed" in err and "--level none" in err


@pytest.mark.parametrize("kind", ["grade math", "reward test", "sandbox run"])
def test_a_missing_file_is_named(aha, kind):
    code, _, err = aha(*kind.split(), "nothing.such")
    assert code == 2 and "nothing.such is not a file" in err and err.count("\n") == 1
