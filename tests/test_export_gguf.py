"""GGUF files and Modelfiles: read back, and run by llama.cpp where it is installed."""

from __future__ import annotations

import importlib.util
import json

import gguf
import numpy as np
import pytest
import torch
from tokenizers import Regex, Tokenizer, pre_tokenizers

from aha.chat import SPECIAL, Chat
from aha.errors import ModelError
from aha.models.export import placed, write_folder
from aha.models.export_gguf import write_gguf
from aha.models.export_ollama import modelfile, pieces_of
from aha.models.export_vocabulary import Kind, vocabulary
from aha.models.folder import load_model, read_config, read_weights, save_model, shipped
from aha.models.rope import RopeScaling
from aha.rollout.engine import TorchEngine
from aha.tasks.arithmetic import arithmetic
from aha.tasks.choices import choices
from aha.tasks.general import general
from aha.template import Template
from aha.types import Sampling
from tests.toys import toy_chat, toy_model

NAMES = ("tiny", "half", "mini-llama", "mini-qwen")
needs_llama_cpp = pytest.mark.skipif(
    importlib.util.find_spec("xllamacpp") is None, reason="llama.cpp is not installed: pip install xllamacpp"
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("exports")
    for name in NAMES:
        with placed(root / name) as draft:
            write_folder(shipped()[name], draft, trained=True)
            for kind in ("f16", "q8_0"):
                write_gguf(draft, draft / f"{kind}.gguf", kind, name)
    return root


def read(file):
    reader = gguf.GGUFReader(file)
    return {tensor.name: tensor for tensor in reader.tensors}, {
        name: field.contents() for name, field in reader.fields.items()
    }


@pytest.fixture(scope="module")
def tokenizers():
    """Ours, and one that cuts text as llama.cpp does under `superbpe`, with the merges of a GGUF file."""
    folder = shipped()["tiny"]
    raw = json.loads((folder / "tokenizer.json").read_text())
    raw["model"]["merges"] = vocabulary(folder, len(raw["model"]["vocab"])).merges
    theirs = Tokenizer.from_str(json.dumps(raw))
    cuts = [pre_tokenizers.Split(Regex(rule), "isolated") for rule in (r"\p{N}+", r"(?=(\d{3})+(?!\d))")]
    theirs.pre_tokenizer = pre_tokenizers.Sequence(
        [*cuts, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    return Chat.load(folder).tokenizer, theirs


@pytest.mark.parametrize("kind, error", [("f16", 1e-3), ("q8_0", 1e-2)])
@pytest.mark.parametrize("name", ["tiny", "mini-qwen"])
def test_weights_and_sizes_read_back(folders, name, kind, error):
    tensors, fields = read(folders / name / f"{kind}.gguf")
    theirs, config = read_weights(folders / name), read_config(folders / name)
    family = config.family
    assert fields["general.architecture"] == family and fields[f"{family}.context_length"] == 2048
    assert len(tensors) == len(theirs) and "output.weight" not in tensors
    for ours, other in (("token_embd", "model.embed_tokens"), ("blk.1.ffn_down", "model.layers.1.mlp.down_proj")):
        found = tensors[f"{ours}.weight"]
        weights = gguf.quants.dequantize(found.data, found.tensor_type)
        expected = theirs[f"{other}.weight"].float().numpy()
        assert np.abs(weights - expected).max() <= error * np.abs(expected).max()


def test_the_tokenizer_and_its_template_read_back(folders):
    _, fields = read(folders / "tiny" / "f16.gguf")
    tokens, kinds = fields["tokenizer.ggml.tokens"], fields["tokenizer.ggml.token_type"]
    assert tokens[:6] == list(SPECIAL) and kinds[:2] == [Kind.CONTROL] * 2
    assert kinds[2:6] == [Kind.USER_DEFINED] * 4  # a control token is not shown, so no thought would ever end
    assert fields["tokenizer.ggml.eos_token_id"] == 1 and not fields["tokenizer.ggml.add_bos_token"]
    assert fields["tokenizer.chat_template"] == (folders / "tiny" / "chat_template.jinja").read_text()


def test_marks_and_spaces_become_the_same_tokens_by_merges_alone(tokenizers):
    ours, theirs = tokenizers
    marks = (
        ", ",
        ": ",
        "? ",
        "! ",
        " = ",
        " + ",
        " - ",
        " * ",
        " / ",
        ") + ",
        ")) * ",
        " - (",
        " + ((",
        ") - (",
        "), ",
        " ",
    )
    texts = [a + mark + b for a in ("a", "7", "好", "345") for mark in marks for b in ("the", "12", "数")]
    assert [t for t in texts if ours.encode(t).ids != theirs.encode(t).ids] == []


def test_the_prompts_of_the_world_become_the_same_tokens(tokenizers):
    ours, theirs = tokenizers
    prompts = [p.prompt for task in (arithmetic(), choices(), general()) for p in task.draw(200, 1)]
    prompts.append("User: Using the numbers 44, 19, 35, make 98.\nAssistant:<think>44 + 19 = 63, (63) * 35 no</think>")
    odd = [text for text in prompts if ours.encode(text).ids != theirs.encode(text).ids]
    assert len(odd) < 0.01 * len(prompts), odd


def test_a_tokenizer_that_cuts_in_a_way_of_its_own_is_refused(folders, tmp_path):
    raw = json.loads((folders / "tiny" / "tokenizer.json").read_text())
    raw["pre_tokenizer"]["pretokenizers"][0]["pattern"] = {"Regex": r"\w+|\W"}
    (tmp_path / "tokenizer.json").write_text(json.dumps(raw))
    with pytest.raises(ModelError, match="llama.cpp has no code"):
        vocabulary(tmp_path, 2048)
    with pytest.raises(ModelError, match="more tokens than the 100"):
        vocabulary(folders / "tiny", 100)


def test_a_modelfile_shows_the_thought_between_its_tags(folders):
    text = modelfile(folders / "tiny", "tiny-Q8_0.gguf", 2048, "apache-2.0")
    assert "{{ if and $last .Thinking }}<think>{{ .Thinking }}</think>{{ end }}" in text  # what Ollama looks for
    assert "{{ range $i, $_ := .Messages }}" in text and "PARAMETER num_ctx 2048\n" in text
    assert "FROM ./tiny-Q8_0.gguf\n" in text and 'PARAMETER stop "<|end|>"\n' in text
    assert "User: {{ end }}{{ .Content }}\nAssistant:{{ if $last }}<think>" in text


def test_a_template_of_another_kind_is_taken_apart_or_refused():
    chatml = (
        "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nHelp.<|im_end|>\n{% endif %}{% for m in messages %}"
        "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    )
    pieces = pieces_of(Template(chatml, {}, "chatml"))
    assert pieces.begin == "<|im_start|>system\nHelp.<|im_end|>\n<|im_start|>user\n"
    assert pieces.after_user == "<|im_end|>\n<|im_start|>assistant\n"
    counted = "{% for m in messages %}{{ loop.index }} {{ m['content'] }}{% endfor %}"
    with pytest.raises(ModelError, match="leave out --ollama"):
        pieces_of(Template(counted, {}, "counted"))


def greedy(file, prompts, tokens=64):
    """What llama.cpp continues prompts with, and how many tokens each prompt is."""
    import xllamacpp

    told = xllamacpp.CommonParams()
    told.model.path, told.n_ctx, told.n_parallel, told.cpuparams.n_threads = str(file), 512, 1, 1
    ask = xllamacpp.Server(told).handle_completions
    answers = [ask({"prompt": prompt, "max_tokens": tokens, "temperature": 0.0}) for prompt in prompts]
    return [answer["choices"][0]["text"] for answer in answers], [a["usage"]["prompt_tokens"] for a in answers]


def ours(model, chat, prompts, tokens=64):
    groups = TorchEngine(model, chat).generate(prompts, Sampling(max_tokens=tokens, temperature=0.0))
    return [group[0].text for group in groups], [len(chat.encode(prompt)) for prompt in prompts]


@needs_llama_cpp
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_llama_cpp_gives_our_greedy_text(folders, name):
    chat = Chat.load(folders / name)
    prompts = [problem.prompt + "<think>" for problem in [*arithmetic().draw(12, 5), *general().draw(8, 5)]]
    expected, lengths = ours(load_model(folders / name), chat, prompts)
    for kind, least in (("f16", 19), ("q8_0", 14)):
        found, theirs = greedy(folders / name / f"{kind}.gguf", prompts)
        assert sum(a == b for a, b in zip(found, expected, strict=True)) >= least, kind
        assert theirs == lengths


STRETCHED = {"rope_scaling": RopeScaling("llama3", 4.0, 32), "max_position_embeddings": 512}


@needs_llama_cpp
@pytest.mark.slow
@pytest.mark.parametrize(
    "family, changes",
    [
        ("llama", {"tie_word_embeddings": False, "attention_bias": True}),
        ("llama", STRETCHED),
        ("qwen2", {}),
        ("qwen3", {}),
    ],
)
def test_llama_cpp_gives_the_greedy_text_of_every_family(tmp_path, family, changes):
    model = toy_model(family, **changes)
    with torch.no_grad():
        for name, bias in model.named_parameters():
            if name.endswith("bias"):
                bias.normal_(generator=torch.Generator().manual_seed(1))
    save_model(model, toy_chat(), tmp_path / "toy")
    write_folder(tmp_path / "toy", tmp_path / "out", trained=True)
    write_gguf(tmp_path / "out", tmp_path / "toy.gguf", "f16", "toy")
    prompts = ["User 1 make 2", "yes no 345 make numbers 12 User 1", "make" * 40]
    assert greedy(tmp_path / "toy.gguf", prompts, 24) == ours(model, toy_chat(), prompts, 24)
