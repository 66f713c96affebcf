"""Replies that are kept: however a run was interrupted and whoever went on with it, they are those of one whole run."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace

import pytest
import torch

from aha.errors import EngineError, ModelError, RunError
from aha.evaluation.digest import model_digest, revision, written
from aha.evaluation.sample import Plan, sample
from aha.evaluation.store import Identity, Store, names
from aha.rollout.engine import TorchEngine
from aha.types import Completion, Problem, Sampling
from tests.toys import toy_chat, toy_model

QUESTIONS = [Problem(f"question {i % 5}", id=str(i)) for i in range(8)]
"""Three of them twice, as real files have them too."""
SAMPLING = Sampling(3, 8, seed=1)


class Noisy:
    """An engine whose replies are pure noise of the request: seed, prompt, which of equal prompts, sample."""

    def __init__(self, fail_after=10**9, error=KeyboardInterrupt):
        self.asked, self.fail_after, self.error = 0, fail_after, error

    def generate(self, prompts, sampling, done=None):
        seen, groups = Counter(), []
        for index, prompt in enumerate(prompts):
            texts = [f"{sampling.seed} {prompt} {seen[prompt]} {s}" for s in range(sampling.n)]
            seen[prompt] += 1
            groups.append([Completion(hashlib.md5(text.encode()).hexdigest(), token_ids=[1]) for text in texts])
            self.asked += sampling.n
            if done:
                done(index, groups[-1])
            if self.asked > self.fail_after:
                raise self.error
        return groups


def identity(**changes):
    return replace(Identity("m", "d", "e", "toy", "r", "p", SAMPLING), **changes)


def texts(store, n=3, problems=QUESTIONS):
    return [[reply.text for reply in group] for group in store.groups(problems, n)]


@pytest.fixture
def whole(tmp_path):
    """What one call for everything draws."""
    return [[reply.text for reply in group] for group in Noisy().generate([p.prompt for p in QUESTIONS], SAMPLING)]


@pytest.mark.parametrize("lot", [0, 1, 7, 256])
@pytest.mark.parametrize("workers", [1, 3])
def test_lots_and_workers_do_not_change_a_reply(tmp_path, whole, lot, workers):
    store = Store.open(tmp_path, identity())
    sample(Noisy, store, QUESTIONS, SAMPLING, Plan(lot, workers))
    assert texts(store) == whole and len({text for group in whole for text in group}) == 24


@pytest.mark.parametrize(("questions", "sizes"), [(0, []), (1, [1]), (100, [50, 50]), (600, [150] * 4), (5, [3, 2])])
def test_two_workers_have_equal_shares_however_few_the_questions(tmp_path, questions, sizes):
    engine, found = Noisy(), list[int]()
    draw = engine.generate
    engine.generate = lambda prompts, *rest: found.append(len(prompts)) or draw(prompts, *rest)
    asked = [Problem(f"question {number}") for number in range(questions)]
    sample(lambda: engine, Store.open(tmp_path, identity()), asked, replace(SAMPLING, n=1), Plan())
    assert found == sizes


@pytest.mark.parametrize("after", range(0, 24, 5))
@pytest.mark.parametrize("lot", [0, 7])
def test_an_interrupted_run_goes_on_to_the_replies_of_a_whole_one(tmp_path, whole, after, lot):
    """Equal prompts make it hard: the second of them asked alone would repeat the first."""
    store = Store.open(tmp_path, identity())
    with pytest.raises(KeyboardInterrupt):
        sample(lambda: Noisy(after), store, QUESTIONS, SAMPLING, Plan(lot))
    with pytest.raises(RunError, match="replies are missing"):
        store.groups(QUESTIONS, 3)
    sample(Noisy, store, QUESTIONS, SAMPLING, Plan(lot, workers=2))
    assert texts(store) == whole


def test_what_is_there_is_not_sampled_again(tmp_path):
    store = Store.open(tmp_path, identity())
    engine = Noisy()
    sample(lambda: engine, store, QUESTIONS, SAMPLING, Plan(7))
    sample(lambda: engine, store, QUESTIONS, SAMPLING, Plan(7))
    assert engine.asked == 24


def test_more_samples_and_more_questions_keep_the_first_ones(tmp_path, whole):
    store = Store.open(tmp_path, identity())
    sample(Noisy, store, QUESTIONS[:4], replace(SAMPLING, n=2), Plan(7))
    sample(Noisy, store, QUESTIONS, SAMPLING, Plan(7))
    assert texts(store) == whole
    assert texts(store, 2, QUESTIONS[:4]) == [group[:2] for group in whole[:4]]


def test_processes_that_share_the_work_draw_each_reply_once(tmp_path, whole):
    store, engines = Store.open(tmp_path, identity()), [Noisy() for _ in range(3)]
    for i, engine in enumerate(engines, 1):
        sample(lambda engine=engine: engine, store, QUESTIONS, SAMPLING, Plan(7, share=(i, 3)))
    assert texts(store) == whole and sum(engine.asked for engine in engines) == 24


def test_an_engine_that_fails_on_some_leaves_the_others_kept(tmp_path, whole):
    store = Store.open(tmp_path, identity())
    with pytest.raises(EngineError, match="what came is kept"):
        sample(lambda: Noisy(6, EngineError("lost", [])), store, QUESTIONS, SAMPLING, Plan(0))
    engine = Noisy()
    sample(lambda: engine, store, QUESTIONS, SAMPLING, Plan(0))
    assert texts(store) == whole and engine.asked < 24


PROMPTS = [Problem(f"User: {i} + {i * 7}\nAssistant:", id=str(i)) for i in range(24)]


class Stopped(TorchEngine):
    """An engine that somebody stops when so many questions are answered."""

    left = 10

    def generate(self, prompts, sampling, done=None):
        def count(index, group):
            done(index, group)
            self.left -= 1
            if self.left == 0:
                raise KeyboardInterrupt

        return super().generate(prompts, sampling, count)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_torch_engine_resumes_bit_for_bit_with_other_workers(tmp_path, dtype):
    """In bf16 the company of a batch can change a reply, so lots must be drawn as they were."""
    model, sampling = toy_model().to(dtype), Sampling(8, 24, seed=2)

    def run(folder, workers, stop):
        store = Store.open(tmp_path / folder, identity(sampling=sampling))
        if stop:
            with pytest.raises(KeyboardInterrupt):
                sample(lambda: Stopped(model, toy_chat()), store, PROMPTS, sampling, Plan(64))
        sample(lambda: TorchEngine(model, toy_chat()), store, PROMPTS, sampling, Plan(64, workers))
        return [[reply.token_ids for reply in group] for group in store.groups(PROMPTS, 8)]

    assert run("whole", 1, stop=False) == run("shared", 3, stop=False) == run("stopped", 2, stop=True)


def test_an_identity_is_what_decides_a_reply():
    changed = [identity(digest="x"), identity(engine="x"), identity(preset="x"), identity(revision="x"), identity(prompts="x"),
               identity(shots=2), identity(sampling=replace(SAMPLING, seed=2)), identity(sampling=replace(SAMPLING, top_p=0.9)),
               identity(sampling=replace(SAMPLING, max_tokens=9))]  # fmt: skip
    assert len({one.key() for one in [identity(), *changed]}) == 10
    assert identity(model="elsewhere").key() == identity(sampling=replace(SAMPLING, n=64)).key() == identity().key()


def test_a_model_is_named_by_its_bytes(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    first = model_digest(tmp_path)
    (tmp_path / "optimizer.bin").write_bytes(b"something else")
    assert model_digest(tmp_path) == first
    (tmp_path / "model.safetensors").write_bytes(b"weights!")
    assert model_digest(tmp_path) != first
    with pytest.raises(ModelError, match="no weights"):
        model_digest(tmp_path / "nowhere")


def test_a_revision_changes_with_any_question_or_answer_and_not_with_the_process():
    one = [Problem("p", {"tests": frozenset({"x", "y"}), "target": 3}, id="1")]
    assert revision(one) == revision([replace(one[0], answer={"target": 3, "tests": frozenset({"y", "x"})})])
    others = [replace(one[0], prompt="q"), replace(one[0], id="2"), replace(one[0], answer={"target": 4})]
    assert len({revision([other]) for other in [*one, *others]}) == 4
    assert written({"b": [1, (2.5,)], "a": {"z", "y"}}) == "{'a':<'y','z'>,'b':[1,[2.5]]}"


def test_equal_prompts_have_names_of_their_own():
    found = names(QUESTIONS)
    assert len(set(found)) == 8 and found[0][0] == found[5][0] and (found[0][1], found[5][1]) == (0, 1)


def test_a_folder_without_an_evaluation_or_with_damaged_replies_is_one_line(tmp_path):
    with pytest.raises(RunError, match="holds no evaluation"):
        Store(tmp_path)
    store = Store.open(tmp_path, identity())
    (store.folder / "replies" / "x.parquet").write_bytes(b"damage")
    with pytest.raises(RunError, match="x.parquet cannot be read"):
        store.replies()
