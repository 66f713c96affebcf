"""Exported folders: what others load from them, what their cards say, and what is left alone."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
import yaml

from aha import cli
from aha.chat import THINK, Chat, render
from aha.errors import RunError
from aha.models.export import placed, write_folder
from aha.models.folder import load_model, save_model, shipped
from aha.models.load import read_weights
from aha.serve.ask import Message
from aha.serve.turns import prompt_of
from aha.tools.export import safe
from tests.toys import toy_chat, toy_model

ASKED = [{"role": "user", "content": "Using the numbers 44, 19, 35, make 98."}]
TALK = [
    {"role": "system", "content": "Be brief."}, *ASKED,
    {"role": "assistant", "content": "<think>44 + 19</think><answer>(44 + 19) + 35</answer>"},
    {"role": "user", "content": "计算 84 - 7 + 33。"},
]  # fmt: skip


@pytest.fixture
def aha(monkeypatch, capsys):
    def run(*words):
        monkeypatch.setattr("sys.argv", ["aha", *map(str, words)])
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        out, err = capsys.readouterr()
        return leaving.value.code or 0, out, err

    return run


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("exports")
    for name in ("tiny", "mini-qwen"):
        with placed(root / name) as draft:
            write_folder(shipped()[name], draft, trained=True)
    return root


@pytest.fixture
def run(tmp_path):
    """A run folder as a stretch of reinforcement leaves it."""
    root = tmp_path / "runs" / "a|b <script>"
    shutil.copytree(shipped()["mini-llama"], root / "checkpoints" / "step-000020")
    (root / "settings.toml").write_text('base = "tiny"\nout = "/home/me/runs/x"\n[task]\nnumbers = [3]\n')
    argv = ["/usr/bin/aha", "run", "/home/me/recipes/zero.toml", "--out=/home/me/runs/x", "--seed=3"]
    (root / "environment.json").write_text(json.dumps([{"argv": argv}]))
    rows = [
        {"step": step, "task": "countdown", "pass@1": right, "pass@1_low": right - 0.1, "pass@1_high": right + 0.1}
        | {"questions": 100, "samples": 4, "temperature": 1.0, "max_tokens": 320}
        for step, right in ((0, 0.2), (20, 0.75))
    ]
    (root / "evals.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


@pytest.mark.parametrize("name", ["tiny", "mini-qwen"])
def test_transformers_loads_the_folder_and_gives_our_logits(folders, name):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    theirs = AutoModelForCausalLM.from_pretrained(folders / name, dtype=torch.float32)
    tokenizer, text = AutoTokenizer.from_pretrained(folders / name), f"{render('1 + 12345?')}<think>a</think>"
    ids_BT = torch.tensor([tokenizer(text).input_ids])
    with torch.no_grad():
        torch.testing.assert_close(theirs(ids_BT).logits, load_model(shipped()[name])(ids_BT), rtol=0, atol=1e-4)
    assert tokenizer(text).input_ids == Chat.load(shipped()[name]).encode(text)
    assert tokenizer.decode(tokenizer(text).input_ids, skip_special_tokens=True) == text
    assert (theirs.generation_config.temperature, theirs.generation_config.top_p) == (0.6, 0.95)


def test_its_template_opens_the_thought_and_leaves_old_ones_out(folders):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folders / "tiny")

    def theirs(messages, **options):
        return tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False, **options)

    ours = prompt_of([Message(**message) for message in TALK])
    assert theirs(ASKED) == render(ASKED[0]["content"]) + THINK
    assert theirs(TALK) == ours + THINK and "44 + 19</think>" not in ours
    assert theirs(TALK, enable_thinking=False) == ours + "<think></think>"
    whole = tokenizer.apply_chat_template(TALK[1:3], tokenize=False)
    assert whole == render(ASKED[0]["content"]) + TALK[2]["content"] + "<|end|>\n"


def test_a_card_says_base_data_results_and_how_to_repeat_them(aha, run, tmp_path):
    out = tmp_path / "My model"
    code, told, _ = aha("export", run, "--out", out)
    card = (out / "README.md").read_text()
    front = yaml.safe_load(card.split("---\n")[1])
    assert code == 0 and "apache-2.0" in told
    assert front["license"] == "apache-2.0" and front["model-index"][0]["results"][0]["metrics"][0]["value"] == 75.0
    assert "| countdown | 20.0 (10.0 to 30.0) | 75.0 (65.0 to 85.0) | 100 | 4 | 1 | 320 |" in card
    assert "aha run recipes/zero.toml --seed=3" in card and "/home/me" not in card + (out / "training.json").read_text()
    assert "<script>" not in card and "a\\|b &lt;script&gt;" in card


def test_settings_that_name_no_base_are_told_as_damage(aha, run, tmp_path):
    (run / "settings.toml").write_text("")
    code, _, refused = aha("export", run, "--out", tmp_path / "out")
    assert code == 2 and "names no base model" in refused and "licence" not in refused


def test_a_licence_that_nobody_stated_is_refused_unless_it_is_given(aha, run, tmp_path):
    (run / "settings.toml").write_text('base = "someone"\n[task]\nnumbers = [3]\ntrain = "/data/rows.jsonl"\n')
    code, _, refused = aha("export", run, "--out", tmp_path / "out")
    assert code == 2 and refused.count("\n") == 1 and "someone, rows.jsonl" in refused
    assert not (tmp_path / "out").exists()
    assert aha("export", run, "--out", tmp_path / "out", "--license", "MIT")[0] == 0
    assert "No licence was found for someone, rows.jsonl." in (tmp_path / "out" / "README.md").read_text()
    assert aha("export", tmp_path / "out", "--out", tmp_path / "again")[0] == 0  # its card states one now


def test_nothing_but_an_earlier_export_is_replaced(aha, tmp_path):
    out = tmp_path / "out"
    assert aha("export", "mini-qwen", "--out", out)[0] == aha("export", "mini-llama", "--out", out)[0] == 0
    assert json.loads((out / "config.json").read_text())["model_type"] == "llama"
    (out / "notes.txt").write_text("mine")
    code, _, refused = aha("export", "mini-llama", "--out", out)
    assert code == 2 and "notes.txt" in refused and (out / "notes.txt").read_text() == "mine"
    (out / "notes.txt").unlink()
    (out / "config.json").write_text("{}")
    assert aha("export", "mini-llama", "--out", out)[0] == 2 and (out / "config.json").read_text() == "{}"


def test_an_interrupted_export_leaves_nothing_half(tmp_path):
    with pytest.raises(KeyboardInterrupt), placed(tmp_path / "out") as draft:
        (draft / "config.json").write_text("{}")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="is a file"), placed(tmp_path / "file"):
        pass


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_weights_leave_in_the_numbers_they_are_kept_in_whatever_the_config_says(aha, tmp_path, dtype):
    save_model(toy_model().to(dtype), toy_chat(), tmp_path / "in")
    config = json.loads((tmp_path / "in" / "config.json").read_text())
    (tmp_path / "in" / "config.json").write_text(json.dumps(config | {"torch_dtype": "bfloat16"}))
    assert aha("export", tmp_path / "in", "--out", tmp_path / "out", "--license", "mit")[0] == 0
    before, after = (read_weights(tmp_path / name) for name in ("in", "out"))
    assert all(torch.equal(tensor, after[name]) and after[name].dtype == dtype for name, tensor in before.items())


@pytest.mark.parametrize("name", ["../../etc", "a b;rm -rf", "", "模型", ".hidden", "x" * 300])
def test_files_have_names_that_need_no_quotes(name):
    assert safe(name).isascii() and 0 < len(safe(name)) <= 80
    assert not set(safe(name)) & set("/; ") and not safe(name).startswith((".", "-"))


def test_what_no_run_has_is_one_line(aha, tmp_path):
    for words in (
        ["tiny", "--license", "mit"],
        ["nowhere"],
        ["tiny", "--stage", "dev1"],
        ["tiny", "--gguf", "q2"],
        ["tiny", "--license", "a b"],
    ):
        code, _, refused = aha("export", *words, "--out", tmp_path / "out")
        assert code == 2 and refused.startswith("aha: ") and refused.count("\n") == 1, words
    assert not (tmp_path / "out").exists()
