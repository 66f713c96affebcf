"""Labels of steps: sampled ones, and those of PRM800K's files."""

from __future__ import annotations

import json

import pytest

from aha.chat import parse_reply, render
from aha.errors import DataError
from aha.rewards.rubric import Rubric, each
from aha.rollout.engine import TorchEngine
from aha.tasks.base import Task
from aha.tasks.process_files import read_prm800k
from aha.tasks.process_labels import LabelledSteps, hard, monte_carlo, outcomes
from aha.types import Completion, Problem, Sampling
from tests.toys import toy_chat, toy_model

CHAT = toy_chat()


# Sampled labels


class Ends:
    """An engine whose samples end a reply in set ways, the same from everywhere."""

    def __init__(self, *ends):
        self.ends, self.asked = ends, []

    def generate(self, prompts, sampling, done=None):
        self.asked += prompts
        return [[Completion(e, list(p), CHAT.encode(e), finish=f) for e, f in self.ends] for p in prompts]


@each
def correct(problem, reply):
    read = parse_reply(reply.text) if reply.finish == "stop" else None
    return None if read and read.answer == "?" else float(bool(read) and read.answer == problem.answer)


TASK = Task("toy", lambda count, seed: [], [], Rubric((1.0, correct)), lambda problem, reply: None)
ONE = Problem(render("make 1"), "1", id="one")
END = "</think><answer>{}</answer>"


def reply_of(text, finish="stop"):
    return Completion(
        text, CHAT.encode(ONE.prompt), CHAT.encode(text) + [CHAT.end_id] * (finish == "stop"), finish=finish
    )


def test_the_soft_label_is_the_share_of_completions_that_are_right():
    engine = Ends(*[(END.format(a), "stop") for a in "1200"])
    [row] = monte_carlo(engine, CHAT, TASK, [ONE], [[reply_of("<think>yes\nno\n" + END.format(1))]], Sampling(n=4))
    assert row == LabelledSteps(ONE.prompt, ("<think>yes\n", "no\n", END.format(1)), (0.25, 0.25, 1.0), "one")
    assert hard(row).labels == (1.0, 1.0, 1.0)


def test_prefixes_are_gone_on_from_by_their_tokens_each_once_and_all_in_one_call():
    engine = Ends((END.format(1), "stop"))
    first, second = reply_of("<think>yes\nno\n" + END.format(1)), reply_of("<think>yes\nyes\n" + END.format(2))
    rows = monte_carlo(engine, CHAT, TASK, [ONE, ONE], [[first, second], [first]], Sampling(n=1))
    begins = ["<think>yes\n", "<think>yes\nno\n", "<think>yes\nyes\n", "<think>yes\n", "<think>yes\nno\n"]
    assert engine.asked == [CHAT.encode(ONE.prompt + begin) for begin in begins]
    assert [row.labels for row in rows] == [(1.0, 1.0, 1.0), (1.0, 1.0, 0.0), (1.0, 1.0, 1.0)]


def test_cut_off_completions_are_not_right_and_failed_graders_do_not_count():
    reply = reply_of("<think>yes\n" + END.format(1))
    ways = (END.format(1), "stop"), (END.format(1), "length"), (END.format("?"), "stop")
    [row] = monte_carlo(Ends(*ways), CHAT, TASK, [ONE], [[reply]], Sampling(n=3))
    [none] = monte_carlo(Ends(ways[2]), CHAT, TASK, [ONE], [[reply]], Sampling(n=1))
    [short] = monte_carlo(Ends(ways[0]), CHAT, TASK, [ONE], [[reply]], Sampling(n=1, max_tokens=4))
    assert (row.labels, none.labels, short.labels) == ((0.5, 1.0), (None, 1.0), (0.0, 1.0))
    assert hard(none).labels == (None, 1.0)


def test_the_last_step_of_a_cut_off_reply_has_no_label_and_an_empty_reply_no_steps():
    engine = Ends((END.format(1), "stop"))
    rows = monte_carlo(engine, CHAT, TASK, [ONE], [[reply_of("<think>yes\nno", "length"), reply_of("")]], Sampling(n=1))
    assert [(row.steps, row.labels) for row in rows] == [(("<think>yes\n", "no"), (1.0, None)), ((), ())]


def test_a_reply_is_one_sample_from_each_of_its_own_steps():
    texts = ["<think>yes\n" + END.format(a) for a in "12?"]
    group = [*map(reply_of, texts), reply_of("<think>yes\nno", "length"), reply_of("", "length")]
    found = [row.labels for row in outcomes(CHAT, TASK, [ONE], [group])]
    assert found == [(1.0, 1.0), (0.0, 0.0), (None, None), (0.0, None), ()]


def test_sampled_labels_repeat_on_a_real_engine():
    engine = TorchEngine(toy_model(), CHAT)
    groups = engine.generate([ONE.prompt], Sampling(n=4, max_tokens=30, seed=1))
    groups[0].append(reply_of("<think>yes\nno\n" + END.format(1)))
    first, second = (monte_carlo(engine, CHAT, TASK, [ONE], groups, Sampling(n=2, max_tokens=40)) for _ in "ab")
    assert first == second and ["".join(row.steps) for row in first] == [reply.text for reply in groups[0]]


# Files


def write(path, *rows):
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return path


def solution(*steps):
    return {"question": {"problem": "2 + 2?"}, "label": {"steps": list(steps)}}


def step(*completions, chosen=0, human=None):
    rated = [{"text": text, "rating": rating, "flagged": None} for text, rating in completions]
    return {"completions": rated, "chosen_completion": chosen, "human_completion": human}


def test_a_labelled_solution_is_read_with_the_ways_not_chosen(tmp_path):
    file = write(
        tmp_path / "a.jsonl", "", solution(step(("two\nand", 1), ("bad", -1)), step(("so 4", 0), ("hm", None)))
    )
    ask = render("2 + 2?")
    assert read_prm800k(file) == [
        LabelledSteps(ask, ("<think>two and\n", "so 4\n"), (1.0, 1.0), "2"),
        LabelledSteps(ask, ("<think>bad\n",), (0.0,), "2"),
    ]


def test_a_solution_without_a_choice_ends_with_its_first_completion_or_goes_on_with_a_persons(tmp_path):
    ended = solution(step(("a", 1)), step(("wrong", -1), ("other", -1), chosen=None))
    written = solution(step(("wrong", -1), chosen=None, human={"text": "mine", "rating": None}), step(("b", 1)))
    plain = solution(step(("wrong", -1), chosen=None, human="mine"))
    rows = read_prm800k(write(tmp_path / "a.jsonl", ended, written, plain))
    assert [(row.steps[-1], row.labels) for row in rows] == [
        ("wrong\n", (1.0, 0.0)), ("other\n", (None, 0.0)),
        ("b\n", (1.0, 1.0)), ("<think>wrong\n", (0.0,)), ("<think>mine\n", (1.0,)), ("<think>wrong\n", (0.0,)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("{", "row 2: expected JSON, got '{'"),
        ([1], r"row 2: expected a record, got \[1\]"),
        ({"question": {}}, "row 2: expected `question.problem` to be text, got nothing"),
        (solution() | {"label": {"steps": 5}}, "row 2: expected `label.steps` to be a list, got 5"),
        (solution({"completions": None}), r"row 2: expected `label.steps\[0\].completions` to be a list"),
        (
            solution(step(("a", 7))),
            r"row 2: expected `label.steps\[0\].completions\[0\].rating` to be -1, 0, 1 or null, got 7",
        ),
        (
            solution(step(("a", 1), chosen=3)),
            r"row 2: expected `label.steps\[0\].chosen_completion` to number one of 1",
        ),
    ],
)
def test_a_bad_row_is_named_with_its_file(tmp_path, row, says):
    file = write(tmp_path / "bad.jsonl", solution(step(("a", 1))), row)
    with pytest.raises(DataError, match=f"bad.jsonl, {says}"):
        read_prm800k(file)


def test_files_without_rows_are_refused(tmp_path):
    with pytest.raises(DataError, match="got none"):
        read_prm800k(write(tmp_path / "a.jsonl"))
    with pytest.raises(DataError, match="cannot be read"):
        read_prm800k(tmp_path / "none.jsonl")
