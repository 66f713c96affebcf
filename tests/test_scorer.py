"""Scorers: one number a text from its last token, whoever shares the batch, and folders nobody takes for a policy."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file

from aha.errors import ModelError
from aha.models.folder import TINY, load_model, save_model
from aha.models.scorer import HEAD, Scorer, ScoringModel, batches
from aha.rewards.learned import helpful
from aha.types import Completion, Problem
from tests.toys import toy_chat, toy_model

PAIRS = [("User: a\nAssistant:", text) for text in ("yes", "no no no no", "make numbers", "", "Assistant yes")]


def toy_scorer(seed=0):
    model = ScoringModel(toy_model())
    torch.manual_seed(seed)
    torch.nn.init.normal_(model.head.weight)
    return Scorer(model, toy_chat())


def test_the_score_is_the_head_on_the_state_of_the_end_token():
    scorer = toy_scorer()
    chat, model = scorer.chat, scorer.model
    ids = chat.encode("User: a\nAssistant:") + chat.encode("yes") + [chat.end_id]
    state_E = model.decoder.hidden(torch.tensor([ids]))[0, -1].detach()
    assert scorer.scores(PAIRS[:1]) == pytest.approx([float(state_E @ model.head.weight[0].detach())], rel=1e-5)


def test_a_score_does_not_depend_on_who_shares_the_batch():
    scorer = toy_scorer()
    alone = [scorer.scores([pair])[0] for pair in PAIRS]
    assert scorer.scores(PAIRS) == pytest.approx(alone, abs=1e-4) and len(set(alone)) == len(PAIRS)


def test_scores_come_in_the_order_of_the_pairs_and_equal_pairs_score_the_same():
    scorer = toy_scorer()
    there, back = scorer.scores(PAIRS), scorer.scores([*PAIRS[::-1], PAIRS[0]])
    assert back[:-1] == pytest.approx(there[::-1], abs=1e-4) and back[-1] == back[-2]
    assert scorer([]) == []


def test_small_batches_change_nothing(monkeypatch):
    scorer = toy_scorer()
    together = scorer.scores(PAIRS)
    monkeypatch.setattr("aha.models.scorer.BATCH_TOKENS", 1)
    assert scorer.scores(PAIRS) == pytest.approx(together, abs=1e-4)


def test_batches_hold_every_row_once_within_the_budget():
    rows = [[0] * n for n in (3, 9, 1, 4, 4, 30)]
    parts = list(batches(rows, 16))
    assert sorted(i for part in parts for i in part) == list(range(6)) and parts[0] == [5]
    assert all(len(part) == 1 or sum(len(rows[i]) for i in part) <= 16 for part in parts)


def test_a_new_head_scores_everything_zero_and_the_end_of_a_long_text_is_kept(tmp_path):
    save_model(toy_model(), toy_chat(), tmp_path)
    scorer = Scorer.from_base(tmp_path)
    assert scorer.scores(PAIRS) == [0.0] * len(PAIRS)
    whole = scorer.ids("User: a\nAssistant:", "yes no")
    assert scorer.ids("User: a\nAssistant:", "yes no", longest=4) == whole[-4:] and whole[-1] == toy_chat().end_id


@pytest.mark.parametrize("family", ["llama", "qwen3"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_is_saved_is_loaded(tmp_path, family, dtype):
    scorer = toy_scorer()
    scorer.model.decoder = toy_model(family).to(dtype)
    scorer.save(tmp_path)
    again = Scorer.load(tmp_path, dtype)
    assert again.scores(PAIRS) == scorer.scores(PAIRS) and again.model.decoder.dtype == dtype
    assert set(load_file(tmp_path / HEAD)) == {"score.weight"}


def test_a_scorer_is_not_mistaken_for_a_language_model(tmp_path):
    toy_scorer().save(tmp_path)
    with pytest.raises(ModelError, match="model_type 'aha-scorer' is not one of"):
        load_model(tmp_path)
    assert not (tmp_path / "generation_config.json").exists()


def test_a_language_model_is_not_mistaken_for_a_scorer(tmp_path):
    with pytest.raises(ModelError, match="holds no scorer but a model of type 'llama'"):
        Scorer.load(TINY)
    with pytest.raises(ModelError, match="is no scorer's folder"):
        Scorer.load(tmp_path)


def test_damaged_folders_are_refused(tmp_path):
    toy_scorer().save(tmp_path)
    (tmp_path / HEAD).unlink()
    with pytest.raises(ModelError, match="holds no whole scorer"):
        Scorer.load(tmp_path)
    toy_scorer().save(tmp_path)
    file = tmp_path / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"hidden_size": 64}))
    with pytest.raises(ModelError, match="holds no whole scorer"):
        Scorer.load(tmp_path)


def test_a_scorer_is_a_reward():
    scorer = toy_scorer()
    [grade] = helpful(scorer)(Problem(PAIRS[0][0]), [Completion("<think></think><answer>yes</answer>")])
    assert grade == pytest.approx(torch.sigmoid(torch.tensor(scorer.scores(PAIRS[:1]))).item())
