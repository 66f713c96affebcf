"""What a model takes, against sums by hand, and what a machine has, against files as Linux writes them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from aha.models import memory
from aha.models.families import config_of
from aha.models.lora import adapt
from aha.models.transformer import ModelConfig
from aha.train.optim import MasterWeights
from tests.toys import toy_model

BF16, FP32 = torch.bfloat16, torch.float32
QWEN = {
    "0.5B": (896, 24, 14, 2, 4864, 151936, True), "1.5B": (1536, 28, 12, 2, 8960, 151936, True),
    "7B": (3584, 28, 28, 4, 18944, 152064, False),
}  # fmt: skip
"""Qwen2.5: width, layers, heads, key and value heads, feed-forward width, vocabulary, and whether it is tied."""
NAMES = (
    "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "intermediate_size", "vocab_size",
    "tie_word_embeddings",
)  # fmt: skip


def qwen(size: str) -> ModelConfig:
    raw = dict(zip(NAMES, QWEN[size], strict=True)) | {"model_type": "qwen2", "max_position_embeddings": 32768}
    return config_of(raw, "config.json")


@pytest.mark.parametrize(("size", "published"), [("0.5B", 494_032_768), ("1.5B", 1_543_714_304), ("7B", 7_615_616_512)])
def test_weights_are_counted_as_published(size, published):
    assert memory.weights(qwen(size)) == published


def test_what_training_holds_of_each_weight_is_what_it_makes():
    model = toy_model()
    count = sum(p.numel() for p in model.parameters())
    held = memory.parts(model.config, 64, FP32, threads=2)
    assert (held.weights, held.masters, held.moments, held.sums) == (4 * count, 0, 8 * count, 8 * count)
    bf16 = memory.parts(model.config, 64, BF16, reference=True, threads=1)
    assert (bf16.weights, bf16.masters, bf16.sums, bf16.reference) == (2 * count, 4 * count, 4 * count, 2 * count)


def test_adapters_are_counted_as_they_are_made():
    model = toy_model().to(BF16)
    count, copied = sum(p.numel() for p in model.parameters()), 0
    adapt(model, 3)
    copied = sum(b.numel() for b in model.buffers())
    learnt = sum(t.numel() for t in MasterWeights(model).tensors)
    held = memory.parts(model.config, 64, BF16, lora=3, threads=1)
    assert held.weights == 2 * (count + copied) and held.masters == held.sums == 4 * learnt
    assert held.moments == 8 * learnt


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
def test_a_layer_keeps_what_autograd_keeps(family):
    """By hooks on all that is saved: what a layer more keeps is what the estimate counts for it."""
    found = []
    for layers in (2, 3):
        model, seen = toy_model(family, num_hidden_layers=layers), dict[int, int]()

        def keep(x, seen=seen, model=model):
            if not any(x.data_ptr() == p.data_ptr() for p in model.parameters()):
                seen[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
            return x

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
            kept = model.hidden(torch.zeros(4, 64, dtype=torch.long))
        found.append(sum(seen.values()))
        assert kept.requires_grad
    counted = [memory._activations(replace(model.config, num_hidden_layers=n), 256, 4, False, False, 1) for n in (2, 3)]
    assert counted[1] - counted[0] == pytest.approx(found[1] - found[0], rel=0.12)


def training(*told, **more) -> int:
    return memory.parts(*told, **more).total


def test_computing_layers_again_takes_less():
    plain, again = (training(qwen("0.5B"), 8192, BF16, 16, recompute, threads=2) for recompute in (False, True))
    assert again < plain / 2


def test_more_tokens_threads_rows_and_a_reference_take_more():
    config = qwen("0.5B")
    least = training(config, 1024, BF16, 16, threads=1)
    assert least < training(config, 2048, BF16, 16, threads=1)
    assert least < training(config, 1024, BF16, 16, threads=2)
    assert training(config, 1024, BF16, 16, reference=True, threads=1) == least + 2 * memory.weights(config)
    assert memory.drawing(config, 64, 512, BF16) < memory.drawing(config, 64, 1024, BF16)
    assert memory.reinforcing(config, 256, 64, 8192, BF16, 16, threads=1) > training(config, 256, BF16, 16, threads=1)


def test_keys_and_values_are_two_of_each_key_head_and_layer():
    assert memory.row_bytes(qwen("7B"), 1000, BF16) == 2 * 28 * 4 * 128 * 1000 * 2


def test_an_engine_draws_no_more_rows_than_it_holds():
    import inspect

    from aha.rollout.engine import TorchEngine

    defaults = {name: p.default for name, p in inspect.signature(TorchEngine).parameters.items()}
    assert (defaults["slots"], defaults["memory"]) == (memory.SLOTS, memory.CACHE)
    assert memory.rows_at_once(qwen("7B"), 10_000, 4096, BF16) == (4 << 30) // memory.row_bytes(qwen("7B"), 4096, BF16)


def written(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


MACHINE = {"proc/meminfo": "MemTotal:  8000 kB\nMemFree:  100 kB\nMemAvailable:   6000 kB\n"}


def test_free_memory_is_that_of_the_machine_without_groups(tmp_path):
    assert memory.memory_here(written(tmp_path, MACHINE)) == (8000 << 10, 6000 << 10)


def test_the_limits_of_a_container_hold_and_cached_files_are_free(tmp_path):
    group = {
        "proc/self/cgroup": "0::/a/b\n",
        "sys/fs/cgroup/a/b/memory.max": "max",
        "sys/fs/cgroup/a/b/memory.current": "5",
    }
    group |= {"sys/fs/cgroup/a/memory.max": "4000000", "sys/fs/cgroup/a/memory.current": "3000000",
              "sys/fs/cgroup/a/memory.stat": "anon 1\ninactive_file 500000\n"}  # fmt: skip
    assert memory.memory_here(written(tmp_path, MACHINE | group)) == (4_000_000, 1_500_000)


def test_so_do_those_of_the_first_version_of_groups(tmp_path):
    base = "sys/fs/cgroup/memory/memory"
    group = {"proc/self/cgroup": "5:cpu:/x\n4:memory:/elsewhere\n0::/\n", f"{base}.limit_in_bytes": "2000000",
             f"{base}.usage_in_bytes": "2500000"}  # fmt: skip
    assert memory.memory_here(written(tmp_path, MACHINE | group)) == (2_000_000, 0)
    (tmp_path / f"{base}.limit_in_bytes").write_text("9223372036854771712")
    assert memory.memory_here(tmp_path) == (8000 << 10, 6000 << 10)


def test_a_machine_that_tells_nothing_is_asked(tmp_path):
    total, free = memory.memory_here(tmp_path)
    assert 0 < free <= total and memory.available() > 0


def test_bytes_are_read_easily():
    assert [memory.gigabytes(n) for n in (1, 5 << 20, 3 << 29)] == ["1 MiB", "5 MiB", "1.5 GiB"]
