"""Stand-ins shared by tests: a random model of a few thousand weights, and a tokenizer of bytes and digits."""

from __future__ import annotations

from functools import cache
from io import StringIO

import torch
from rich.console import Console

from aha.chat import Chat
from aha.models.tokenizer import train_tokenizer
from aha.models.transformer import ModelConfig, Transformer
from aha.pipeline.screen import Screen

VOCAB = 1400


@cache
def toy_chat() -> Chat:
    """A tokenizer with the template's tokens, all digit strings, and hardly any words."""
    return Chat(train_tokenizer(["User Assistant numbers make yes no"] * 4, VOCAB))


def toy_model(family: str = "llama", seed: int = 0, **changes) -> Transformer:
    """A random decoder in fp32 whose logits are spread enough to have clear winners."""
    torch.manual_seed(seed)
    sizes = {
        "vocab_size": len(toy_chat()), "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2 if family != "llama" else 1, "head_dim": 8,
        "family": family, "eos_token_id": toy_chat().end_id, "pad_token_id": toy_chat().pad_id,
    }  # fmt: skip
    model = Transformer(ModelConfig(**(sizes | changes)))
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(5 if weight.dim() == 2 else 1)
    return model


def quiet_screen():
    """A screen that shows nothing."""
    return Screen(Console(file=StringIO()))
