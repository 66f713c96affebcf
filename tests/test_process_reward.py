"""Process reward models: scores after every step, the published loss, runs that repeat and resume, honest measures."""

from __future__ import annotations

import json
import math
from itertools import islice

import pytest
import torch

from aha.chat import render
from aha.errors import DataError, ModelError
from aha.models.folder import TINY, save_model
from aha.models.process_scorer import ProcessScorer
from aha.models.scorer import Scorer, ScoringModel
from aha.models.steps import AGGREGATES, least, mean, split, split_ids
from aha.tasks.process_labels import LabelledSteps
from aha.train.process_reward import ProcessReward, items, restore, start, store, train
from tests.toys import toy_chat, toy_model

CHAT, ASK = toy_chat(), render("make 1")
REPLY = "<think>yes\nno no\nyes</think><answer>1</answer>"
SMALL = ProcessReward(batch=4, lr=0.01, warmup=0, epochs=6)
ROWS = [
    LabelledSteps(render(f"make {n}"), ("<think>yes\n", "no\n", "yes\n"), (1.0, 0.0, None)) for n in range(8)
]  # fmt: skip


def toy_scorer(dtype=torch.float32, **changes):
    scorer = ProcessScorer(ScoringModel(toy_model().to(dtype)), CHAT, **changes)
    torch.manual_seed(0)
    torch.nn.init.normal_(scorer.model.head.weight)
    return scorer


def weights(scorer):
    return torch.cat([p.detach().float().flatten() for p in scorer.model.parameters()])


# Steps


@pytest.mark.parametrize(
    "steps",
    [
        ["<think>yes\n", "no\n", "</think><answer>1\n2</answer>"],
        ["<think>a\n\n", "b", "</think>x"],
        ["\n\na\n", "b"],
        ["\n"],
        ["<answer>5</answer>"],
        ["你好\n", "等等\n", "</think>\n<answer>"],
        [],
    ],
)
def test_a_reply_splits_into_its_lines_and_its_end_by_text_and_by_tokens(steps):
    reply = "".join(steps)
    assert split(reply) == steps
    ids = CHAT.encode(reply) + [CHAT.end_id]
    by_token = split_ids(CHAT, ids)
    assert [i for step in by_token for i in step] == ids
    assert [CHAT.decode(step) for step in by_token] == (steps or [""])


def test_a_character_of_several_tokens_is_not_lost_between_steps():
    ids = [i for part in ("嗯\n", "嗯") for i in CHAT.encode(part)]
    assert [CHAT.decode(step) for step in split_ids(CHAT, ids)] == ["嗯\n", "嗯"] and len(ids) > 3


def test_aggregates_by_hand():
    found = {name: aggregate([0.5, 0.2, 0.8]) for name, aggregate in AGGREGATES.items()}
    assert found == pytest.approx({"last": 0.8, "min": 0.2, "product": 0.08, "mean": 0.5})
    assert {aggregate([]) for aggregate in AGGREGATES.values()} == {0.0}


# Scores


def test_a_score_is_the_logistic_of_the_head_at_the_steps_last_token():
    scorer = toy_scorer()
    ends, ids = [], CHAT.encode(ASK)
    for step in split(REPLY):
        ids += CHAT.encode(step)
        ends.append(len(ids) - 1)
    logit_T = scorer.model.head(scorer.model.decoder.hidden(torch.tensor([ids]))[0])[:, 0]
    [scores], [read] = scorer([ASK], [REPLY])
    assert scores == pytest.approx(logit_T[ends].sigmoid().tolist(), abs=1e-5) and read == len(ids)
    assert len(scores) == 4 and len(set(scores)) == 4


def test_scores_do_not_depend_on_what_follows_or_on_who_shares_the_batch():
    scorer = toy_scorer()
    replies = ["".join(split(REPLY)[:k]) for k in (1, 2, 3, 4)] + ["<think>yes\nyes\n", "", REPLY]
    scores, _ = scorer([ASK] * len(replies), replies)
    for row, reply in zip(scores, replies, strict=True):
        assert row == pytest.approx(scores[3][: len(row)] if reply != replies[4] else row, abs=1e-5)
        assert row == pytest.approx(scorer([ASK], [reply])[0][0], abs=1e-5)
    assert [len(row) for row in scores] == [1, 2, 3, 4, 2, 0, 4]


def test_equal_texts_are_read_once_and_so_is_what_texts_begin_with():
    scorer, size = toy_scorer(), lambda text: len(CHAT.encode(text))
    begin = "<think>yes\nno\n"
    ways = [begin + "yes\n", begin + "no no\n", begin + "yes\n"]
    _, read = scorer([ASK] * 3, ways)
    assert sum(read) == size(ASK) + size(begin) + size("yes\n") + size("no no\n") and read[2] == 0


def test_what_was_read_is_not_read_again_while_it_is_remembered_and_scores_stay():
    scorer, rows = toy_scorer(within=mean), ["<think>yes\n", "<think>no\n", "<think>yes\nno no\n", "<think>yes\nyes\n"]
    anew = [scorer([ASK], [reply])[0][0] for reply in rows]
    with scorer.remembering():
        first, paid = scorer([ASK] * 2, rows[:2])
        after, paid_again = scorer([ASK] * 2, rows[2:])
    assert [x for row in first + after for x in row] == pytest.approx([x for row in anew for x in row], abs=1e-5)
    sizes = [len(CHAT.encode(text)) for text in (ASK, "<think>yes\n", "<think>no\n", "no no\n", "yes\n")]
    assert (sum(paid), paid_again) == (sum(sizes[:3]), sizes[3:])
    assert scorer([ASK], rows[2:3])[1] == [sizes[0] + sizes[1] + sizes[3]]


def test_a_step_can_be_scored_by_all_of_its_tokens():
    by_last, by_mean, by_min = (toy_scorer(within=w)([ASK], [REPLY])[0][0] for w in (lambda s: s[-1], mean, least))
    assert len(by_mean) == len(by_last) == 4 and by_min[0] < by_mean[0] != by_last[0]


def test_large_batches_are_cut_and_nothing_changes(monkeypatch):
    scorer = toy_scorer()
    replies = [f"<think>{n} + 1\n{n}\n" for n in range(40)]
    together = scorer([ASK] * 40, replies)[0]
    monkeypatch.setattr("aha.models.readings.BATCH_TOKENS", 30)
    assert [x for row in scorer([ASK] * 40, replies)[0] for x in row] == pytest.approx(
        [x for row in together for x in row], abs=1e-5
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_is_saved_is_loaded_and_not_taken_for_another_kind_of_model(tmp_path, dtype):
    scorer = toy_scorer(dtype)
    scorer.save(tmp_path)
    assert ProcessScorer.load(tmp_path, dtype)([ASK], [REPLY]) == scorer([ASK], [REPLY])
    with pytest.raises(ModelError, match="holds no scorer"):
        Scorer.load(tmp_path)
    Scorer(scorer.model, CHAT).save(tmp_path)
    with pytest.raises(ModelError, match="holds no process scorer but an outcome scorer"):
        ProcessScorer.load(tmp_path)
    with pytest.raises(ModelError, match="holds no process scorer but a model of type 'llama'"):
        ProcessScorer.load(TINY)


def test_a_new_head_scores_everything_a_half(tmp_path):
    save_model(toy_model(), CHAT, tmp_path)
    assert ProcessScorer.from_base(tmp_path)([ASK], [REPLY])[0] == [[0.5] * 4]


# Training


def test_the_loss_is_the_mean_cross_entropy_over_labelled_steps_soft_ones_too():
    scorer = toy_scorer()
    rows = [
        LabelledSteps(ASK, ("<think>yes\n", "no\n"), (0.25, None)),
        LabelledSteps(ASK, ("<think>no\n", "yes\n"), (1.0, 0.0)),
    ]
    [a, _], [b, c] = scorer([ASK, ASK], ["".join(row.steps) for row in rows])[0]
    by_hand = -(0.25 * math.log(a) + 0.75 * math.log(1 - a) + math.log(b) + math.log(1 - c)) / 3
    [record] = islice(train(scorer, rows, SMALL, start(scorer, SMALL)), 1)
    assert record["loss"] == pytest.approx(by_hand, rel=1e-4) and record["labels"] == 3


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_labels_are_learnt(dtype):
    scorer, settings = toy_scorer(dtype), SMALL.model_copy(update={"epochs": 20})
    records = list(train(scorer, ROWS, settings, start(scorer, settings)))
    scores = scorer([row.prompt for row in ROWS], ["".join(row.steps) for row in ROWS])[0]
    assert all(right > 0.9 and wrong < 0.1 for right, wrong, _ in scores) and records[-1]["accuracy"] == 1.0
    assert [r["step"] for r in records] == list(range(1, 41)) and records[0]["steps"] == 40


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_run_goes_on_from_its_checkpoint_as_if_never_stopped(tmp_path, dtype):
    whole = toy_scorer(dtype)
    losses = [r["loss"] for r in train(whole, ROWS, SMALL, start(whole, SMALL))]
    first = toy_scorer(dtype)
    state = start(first, SMALL)
    list(islice(train(first, ROWS, SMALL, state), 5))
    store(first, state, tmp_path)
    again = ProcessScorer.load(tmp_path, dtype)
    state = start(again, SMALL)
    restore(again, state, tmp_path)
    assert [r["loss"] for r in train(again, ROWS, SMALL, state)] == losses[5:]
    assert torch.equal(weights(whole), weights(again)) and state.step == 12


@pytest.mark.parametrize("micro_tokens", [20, 1])
def test_cutting_into_micro_batches_changes_nothing(micro_tokens):
    ends = []
    for settings in (SMALL, SMALL.model_copy(update={"micro_tokens": micro_tokens})):
        scorer = toy_scorer()
        record = next(iter(train(scorer, ROWS, settings, start(scorer, settings))))
        ends.append([record["grad_norm"], record["loss"], *scorer([ASK], [REPLY])[0][0]])
    assert ends[0] == pytest.approx(ends[1], rel=1e-3, abs=1e-3)


def test_of_a_long_reply_the_last_steps_are_left_out_and_all_tokens_can_be_learnt():
    scorer, row = toy_scorer(), ROWS[0]
    sizes = [len(CHAT.encode(text)) for text in (row.prompt, *row.steps)]
    [whole] = items(scorer, [row], SMALL)
    [short] = items(scorer, [row], SMALL.model_copy(update={"max_tokens": sum(sizes[:3]) - 1}))
    [every] = items(scorer, [row], SMALL.model_copy(update={"every_token": True}))
    assert (whole.labels, short.labels) == ([1.0, 0.0], [1.0])
    assert whole.positions == [sum(sizes[:2]) - 1, sum(sizes[:3]) - 1]
    assert every.labels == [1.0] * sizes[1] + [0.0] * sizes[2]


def test_rows_that_teach_nothing_are_refused():
    scorer = toy_scorer()
    for rows, says in (
        ([], "needs labelled steps"),
        ([LabelledSteps(ASK, ("a\n",), (None,))], "needs labelled steps"),
        ([LabelledSteps(ASK, ("a\n",), (1.0, 0.0))], "row 0 has 1 steps and 2 labels"),
    ):
        with pytest.raises(DataError, match=says):
            next(train(scorer, rows, SMALL, start(scorer, SMALL)))


def test_settings_are_those_of_reward_models_and_one_more():
    assert json.loads(ProcessReward().model_dump_json())["every_token"] is False
