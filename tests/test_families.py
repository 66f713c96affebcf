"""Other people's models: the decoder against transformers, their configs, and folders that lie."""

from __future__ import annotations

import json
import struct
import time

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from aha.errors import ModelError
from aha.models.decode import Decoder, Memory
from aha.models.families import UnknownFamily, config_of, read_config, written
from aha.models.folder import load_model, resolve, save_model
from aha.models.load import count
from aha.models.transformer import Cache
from tests.toys import toy_chat, toy_model

SIZES = {
    "vocab_size": 301, "hidden_size": 48, "intermediate_size": 72, "num_hidden_layers": 4, "num_attention_heads": 6,
    "num_key_value_heads": 2, "max_position_embeddings": 256,
}  # fmt: skip
LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip
YARN = {"rope_type": "yarn", "rope_theta": 1e6, "factor": 4.0, "original_max_position_embeddings": 64}
KINDS = {
    "llama 2": ("llama", {"tie_word_embeddings": False, "num_key_value_heads": 6}),
    "llama 3.1": ("llama", {"rope_parameters": LLAMA3, "head_dim": 16}),
    "llama, linear": ("llama", {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}}),
    "smollm2": ("llama", {"tie_word_embeddings": True, "rope_parameters": {"rope_type": "default", "rope_theta": 1e5}}),
    "llama, biases": ("llama", {"attention_bias": True, "mlp_bias": True}),
    "qwen2.5": ("qwen2", {"tie_word_embeddings": True, "num_key_value_heads": 1}),
    "qwen2.5, yarn": ("qwen2", {"rope_parameters": YARN}),
    "qwen3": ("qwen3", {"head_dim": 16, "tie_word_embeddings": True}),
    "qwen3, yarn": ("qwen3", {"head_dim": 10, "rope_parameters": YARN | {"beta_fast": 16, "mscale": 0.7}}),
    "smollm3": ("smollm3", {"no_rope_layer_interval": 2, "attention_bias": True, "pad_token_id": 0}),
}


def theirs_of(kind, folder):
    """A model of transformers with random weights and biases, saved in several files."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    family, changes = KINDS[kind]
    config = transformers.AutoConfig.for_model(family, **(SIZES | changes))
    model = transformers.AutoModelForCausalLM.from_config(config).float().eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.normal_(1 if "norm" in name else 0, 0.3 if weight.dim() == 1 else 0.15)
    model.save_pretrained(folder, max_shard_size="50KB")
    return model


@pytest.mark.parametrize("kind", KINDS)
def test_logits_equal_those_of_transformers(tmp_path, kind):
    theirs = theirs_of(kind, tmp_path)
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    ids_BT = torch.randint(0, SIZES["vocab_size"], (2, 150))
    with torch.inference_mode():
        expected, ours = theirs(ids_BT).logits, load_model(tmp_path)(ids_BT)
    assert expected.std() > 0.5
    assert (ours - expected).abs().max() < 1e-4
    tied = theirs.config.tie_word_embeddings * theirs.lm_head.weight.numel()
    assert count(tmp_path) == sum(p.numel() for p in theirs.state_dict().values()) - tied


@pytest.mark.parametrize("kind", ["qwen2.5, yarn", "smollm3"])
def test_decoding_stretched_and_unturned_positions_equals_one_forward(tmp_path, kind):
    theirs_of(kind, tmp_path)
    model, ids, shared = load_model(tmp_path), torch.randint(0, 301, (90,)).tolist(), 30
    with torch.inference_mode():
        cache = Cache(model.config, 1, shared, model.dtype, model.device)
        model.hidden(torch.tensor([ids[:shared]]), cache)
        memory = Memory(model.config, prompts=1, longest=shared, slots=1, positions=64, dtype=model.dtype)
        memory.store(0, cache, 0)
        decoder, logits = Decoder(model, 100), []
        for held, token in enumerate(ids[shared:]):
            rows = tuple(np.array([x]) for x in (0, shared, 0, held))
            logits.append(decoder.step(np.array([token]), memory, rows).clone())
        whole = model(torch.tensor([ids]))[0, shared:]
    torch.testing.assert_close(torch.cat(logits), whole, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_of_a_config_is_read_back_the_same(tmp_path, kind):
    theirs_of(kind, tmp_path)
    config = read_config(tmp_path)
    assert config_of(written(config), tmp_path / "config.json") == config


def edit(folder, **changes):
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"model_type": "mamba"}, UnknownFamily, "mamba"),
        ({"hidden_act": "gelu"}, UnknownFamily, "gelu"),
        ({"quantization_config": {"quant_method": "gptq"}}, UnknownFamily, "quantized"),
        ({"use_sliding_window": True}, UnknownFamily, "sliding"),
        ({"rope_scaling": {"rope_type": "longrope"}}, UnknownFamily, "longrope"),
        ({"rope_scaling": {"rope_type": "yarn", "factor": -1}}, ModelError, "factor"),
        ({"rope_scaling": {"rope_type": "linear", "factor": 0}}, ModelError, "cannot be stretched"),
        ({"rope_scaling": {"rope_type": "yarn"}}, ModelError, "without a factor"),
        ({"num_hidden_layers": 10**12}, ModelError, "num_hidden_layers is 1000000000000"),
        ({"num_hidden_layers": 1024}, ModelError, "do not fit"),
        ({"hidden_size": "64"}, ModelError, "hidden_size is '64'"),
        ({"num_attention_heads": 0}, ModelError, "num_attention_heads"),
        ({"num_key_value_heads": 3}, ModelError, "do not share"),
        ({"rms_norm_eps": "x"}, ModelError, "rms_norm_eps"),
        ({"vocab_size": None}, ModelError, "vocab_size is missing"),
    ],
)
def test_a_config_that_cannot_be_is_refused_in_one_line(tmp_path, changes, error, says):
    save_model(toy_model(), toy_chat(), tmp_path)
    edit(tmp_path, **changes)
    with pytest.raises(error, match=says) as raised:
        load_model(tmp_path)
    assert "\n" not in str(raised.value)


def header(record, data=b""):
    text = json.dumps(record).encode()
    return struct.pack("<Q", len(text)) + text + data


F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
LIES = {
    "empty": b"",
    "shorter than its header's length": b"\x10",
    "header of a gigabyte": struct.pack("<Q", 1 << 30) + b"{}",
    "header of all memory": struct.pack("<Q", 1 << 62) + b"{}",
    "overlapping": header({"a": F32, "b": F32}, b"\0" * 8),
    "a hole": header({"a": F32, "b": F32 | {"data_offsets": [12, 20]}}, b"\0" * 20),
    "a shape that is larger than its bytes": header({"a": F32 | {"shape": [1 << 40, 1 << 40]}}, b"\0" * 8),
    "a kind that is wider than its bytes": header({"a": F32 | {"dtype": "F64"}}, b"\0" * 8),
    "truncated": header({"a": F32}, b"\0" * 4),
    "no JSON": struct.pack("<Q", 4) + b"{{{{",
    "whole numbers": header({"a": F32 | {"dtype": "I64", "shape": [1]}}, b"\0" * 8),
}


@pytest.mark.parametrize("lie", LIES)
def test_weights_that_lie_are_refused_at_once(tmp_path, lie):
    save_model(toy_model(), toy_chat(), tmp_path)
    (tmp_path / "model.safetensors").write_bytes(LIES[lie])
    began = time.perf_counter()
    with pytest.raises(ModelError, match=r"damaged|can be read") as raised:
        load_model(tmp_path)
    assert "\n" not in str(raised.value)
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    ("index", "says"),
    [
        ({"weight_map": {"a": "../model.safetensors"}}, "no safetensors file beside it"),
        ({"weight_map": {"a": "/etc/passwd"}}, "no safetensors file beside it"),
        ({"weight_map": {"a": "pytorch_model.bin"}}, "no safetensors file beside it"),
        ({"weight_map": {"a": "part-2.safetensors"}}, "missing"),
        ({"weight_map": ["a"]}, "no weight_map"),
        ([], "no record"),
    ],
)
def test_an_index_that_points_elsewhere_is_refused(tmp_path, index, says):
    save_model(toy_model(), toy_chat(), tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match=says):
        load_model(tmp_path)


def test_a_pickle_is_never_opened(tmp_path):
    save_model(toy_model(), toy_chat(), tmp_path)
    (tmp_path / "model.safetensors").unlink()
    canary = tmp_path / "canary"
    code = f"cbuiltins\nexec\n(Vopen({str(canary)!r}, 'w')\ntR.".encode()
    (tmp_path / "pytorch_model.bin").write_bytes(code)
    with pytest.raises(ModelError, match="pickles, which can run code"):
        load_model(tmp_path)
    assert not canary.exists()


def test_a_weight_too_many_or_too_few_is_named(tmp_path):
    save_model(toy_model(), toy_chat(), tmp_path)
    save_file({"model.layers.0.extra.weight": torch.zeros(3)}, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match="first at lm_head|first at model.embed_tokens.weight: is missing"):
        load_model(tmp_path)


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    model = toy_model()
    model.blocks[0].norm1.weight.data[2] = torch.nan
    save_model(model, toy_chat(), tmp_path)
    with pytest.raises(ModelError, match="input_layernorm.weight holds numbers that are not finite"):
        load_model(tmp_path)


def test_a_model_in_the_hubs_cache_is_found_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    place, commit = tmp_path / "models--some--model", "0123abcd"
    save_model(toy_model(), toy_chat(), place / "snapshots" / commit)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(commit)
    assert load_model(resolve("some/model")).config == toy_model().config
    (place / "refs" / "main").write_text("../../../etc")
    for name in ("some/model", "some/other"):
        with pytest.raises(ModelError, match="hf download"):
            resolve(name)
