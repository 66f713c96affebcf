"""The decoder against transformers, its folders, and its attention against plain matrix products."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from aha.errors import ModelError
from aha.models import decode
from aha.models.attention import causal_attention
from aha.models.decode import Decoder, Memory
from aha.models.folder import load_model, save_model
from aha.models.kernels import add_norm, rms_norm, rotate, swiglu
from aha.models.transformer import Cache
from tests.toys import toy_chat, toy_model

VARIANTS = {
    "llama": [{}, {"tie_word_embeddings": False, "num_key_value_heads": 4}, {"attention_bias": True, "mlp_bias": True}],
    "qwen2": [{}, {"num_key_value_heads": 1, "rope_theta": 1e6, "head_dim": 8}],
    "qwen3": [{}, {"head_dim": 16, "tie_word_embeddings": False}],
}


@pytest.mark.parametrize(
    ("family", "changes"),
    [(family, changes) for family, list_ in VARIANTS.items() for changes in list_],
    ids=lambda value: str(value),
)
def test_logits_equal_those_of_transformers(tmp_path, family, changes):
    transformers = pytest.importorskip("transformers")
    ours = toy_model(family, **changes)
    save_model(ours, toy_chat(), tmp_path)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    ids_BT = torch.randint(0, ours.config.vocab_size, (3, 70))
    with torch.inference_mode():
        logits = ours(ids_BT)
        difference = (logits - theirs(ids_BT).logits).abs().max()
    assert difference < 1e-4, f"logits up to {logits.abs().max():.1f}"


@pytest.mark.parametrize("family", VARIANTS)
def test_a_folder_written_by_transformers_loads(tmp_path, family):
    transformers = pytest.importorskip("transformers")
    config = transformers.AutoConfig.for_model(
        family, vocab_size=300, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8,
    )  # fmt: skip
    theirs = transformers.AutoModelForCausalLM.from_config(config)
    theirs.save_pretrained(tmp_path)
    ids_BT = torch.randint(0, 300, (2, 20))
    with torch.inference_mode():
        torch.testing.assert_close(load_model(tmp_path)(ids_BT), theirs(ids_BT).logits, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("family", VARIANTS)
def test_saving_and_loading_keeps_every_weight(tmp_path, family):
    model = toy_model(family)
    save_model(model, toy_chat(), tmp_path)
    loaded = load_model(tmp_path).state_dict()
    assert all(torch.equal(tensor, loaded[name]) for name, tensor in model.state_dict().items())


def test_bf16_attention_has_the_gradients_of_plain_products():
    torch.manual_seed(0)
    q, k, v = (torch.randn(3, heads, 150, 16, requires_grad=True) for heads in (4, 2, 2))
    grad = torch.randn(3, 4, 150, 16)
    causal_attention(q, k, v).backward(grad)
    halves = [x.detach().bfloat16().requires_grad_() for x in (q, k, v)]
    causal_attention(*halves).backward(grad.bfloat16())
    for exact, half in zip((q, k, v), halves, strict=True):
        error = (exact.grad - half.grad).norm() / exact.grad.norm()
        assert error < 0.03


def turned(x, cos, sin, heads):
    a, b = x[..., :heads, :].chunk(2, -1)
    rotated = torch.cat((a * cos - b * sin, b * cos + a * sin), -1)
    return torch.cat((rotated, x[..., heads:, :]), -2)


def plain_add_norm(x, more, weight):
    total = x + more
    return total.square(), total * (total.square().mean(-1, keepdim=True) + 1e-6).rsqrt() * weight


def summed(outputs):
    """One number from any outputs, in which no gradient cancels."""
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    return sum((out * torch.linspace(-1, 2, out.numel()).view_as(out)).sum() for out in outputs)


ANGLE = torch.linspace(0, 3, 20).view(5, 4)
X, Y, W = torch.randn(3, 5, 16), torch.randn(3, 5, 16), torch.rand(16) + 0.5
KERNELS = {
    "norm": (lambda x, w: rms_norm(x, w, 1e-6), lambda x, w: plain_add_norm(x, 0, w)[1], (X, W)),
    "add_norm": (
        lambda x, y, w: (lambda s, n: (s.square(), n))(*add_norm(x, y, w, 1e-6)), plain_add_norm, (X, Y, W),
    ),
    "swiglu": (swiglu, lambda x: F.silu(x.chunk(2, -1)[0]) * x.chunk(2, -1)[1], (X,)),
    "rotate": (
        lambda x: rotate(x.view(3, 5, 2, 8), ANGLE.cos(), ANGLE.sin(), 1),
        lambda x: turned(x.view(3, 5, 2, 8), ANGLE.cos()[:, None], ANGLE.sin()[:, None], 1), (X,),
    ),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", KERNELS)
def test_element_wise_kernels_and_their_gradients_equal_plain_operations(name, dtype):
    kernel, plain, inputs = KERNELS[name]
    found, expected = ([x.to(dtype, copy=True).requires_grad_() for x in inputs] for _ in range(2))
    a, b = summed(kernel(*found)), summed(plain(*expected))
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-3)
    for x, y in zip(torch.autograd.grad(a, found), torch.autograd.grad(b, expected), strict=True):
        torch.testing.assert_close(x, y, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("few", [0, 48])
@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
def test_decoding_one_token_at_a_time_equals_one_forward(family, few, monkeypatch):
    monkeypatch.setattr(decode, "FEW", few)
    model, ids, shared = toy_model(family), list(range(7, 47)), 10
    with torch.inference_mode():
        cache = Cache(model.config, 1, shared, model.dtype, model.device)
        model.hidden(torch.tensor([ids[:shared]]), cache)
        memory = Memory(model.config, prompts=1, longest=shared, slots=2, positions=40, dtype=model.dtype)
        memory.store(0, cache, 0)
        decoder, logits = Decoder(model, 50), []
        for held, token in enumerate(ids[shared:]):
            rows = tuple(np.array([x]) for x in (0, shared, 1, held))
            logits.append(decoder.step(np.array([token]), memory, rows).clone())
        whole = model(torch.tensor([ids]))[0, shared:]
    torch.testing.assert_close(torch.cat(logits), whole, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda f: (f / "config.json").unlink(), "no config.json"),
        (lambda f: (f / "config.json").write_text("{"), "not JSON"),
        (lambda f: (f / "model.safetensors").unlink(), "missing"),
        (lambda f: (f / "model.safetensors").write_bytes(b"\x00" * 50), "damaged"),
        (lambda f: edit(f, model_type="gpt9"), "gpt9"),
        (lambda f: edit(f, hidden_size=16), "do not fit"),
        (lambda f: edit(f, rope_scaling={"rope_type": "longrope"}), "longrope"),
    ],
)
def test_a_bad_folder_is_named_in_one_line(tmp_path, damage, says):
    save_model(toy_model(), toy_chat(), tmp_path)
    damage(tmp_path)
    with pytest.raises(ModelError, match=says) as error:
        load_model(tmp_path)
    assert "\n" not in str(error.value)


def edit(folder, **changes):
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
