"""The decoder against transformers, its folders, and its attention against plain matrix products."""

from __future__ import annotations

import json

import pytest
import torch

from aha.errors import ModelError
from aha.models.attention import causal_attention
from aha.models.folder import load_model, save_model
from aha.models.kernels import rms_norm, rotate, swiglu
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


@pytest.mark.parametrize("kernel", ["rms_norm", "swiglu", "rotate"])
def test_written_out_gradients_are_right(kernel):
    torch.manual_seed(0)
    x = torch.randn(2, 5, 3, 8, dtype=torch.float64, requires_grad=True)
    if kernel == "rms_norm":
        weight = torch.randn(8, dtype=torch.float64, requires_grad=True)
        plain = x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt() * weight
        expected = torch.autograd.grad(plain.pow(3).sum(), (x, weight))
        found = torch.autograd.grad(rms_norm(x, weight, 1e-6).pow(3).sum(), (x, weight))
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    elif kernel == "swiglu":
        assert torch.autograd.gradcheck(swiglu, (x, torch.randn_like(x, requires_grad=True)))
    else:
        angle = torch.randn(5, 1, 4, dtype=torch.float64)
        assert torch.autograd.gradcheck(lambda x: rotate(x, angle.cos(), angle.sin()), (x,))


def test_decoding_one_token_at_a_time_equals_one_forward():
    model = toy_model("qwen3")
    from aha.rollout.rows import Rows

    ids = list(range(7, 47))
    rows = Rows(model, 1, 2)
    with torch.inference_mode():
        from aha.models.transformer import Cache

        cache = Cache(model.config, 1, 1, model.dtype, model.device)
        model.hidden(torch.tensor([ids[:1]]), cache)
        rows.add([0], [ids[:1]], [cache.row(0)])
        states = []
        for token in ids[1:]:
            states.append(model.decode(rows.last_S, rows.cache, rows.next_step()))
            rows.advance(torch.tensor([token]))
        whole = model.hidden(torch.tensor([ids]))[0, :-1]
    torch.testing.assert_close(torch.cat(states), whole, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda f: (f / "config.json").unlink(), "no config.json"),
        (lambda f: (f / "config.json").write_text("{"), "not JSON"),
        (lambda f: (f / "model.safetensors").unlink(), "missing"),
        (lambda f: (f / "model.safetensors").write_bytes(b"\x00" * 50), "damaged"),
        (lambda f: edit(f, model_type="gpt9"), "gpt9"),
        (lambda f: edit(f, hidden_size=16), "do not fit"),
        (lambda f: edit(f, rope_scaling={"rope_type": "yarn"}), "yarn"),
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
