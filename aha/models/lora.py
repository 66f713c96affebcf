"""Low-rank adapters: of every matrix inside the blocks only a small correction is learnt (LoRA, arXiv 2106.09685).

    adapt(model, rank=16)            # W stays W0 until B is no longer zero
    ...                              # train what requires a gradient: A and B
    for layer in adapted(model): layer.merge()

W = W0 + (32 / rank) B A, with A [rank, in] random and B [out, rank] zero at first, both fp32. The scale leaves the best
learning rate about the same for all ranks. A layer always multiplies by the merged W, so the model that trains is the
one that samples and is saved, to the bit; and the backward pass never forms the gradient of W, a third of training's
arithmetic. The price is a second copy of W0.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aha.models.transformer import Transformer

ALPHA = 32.0
"""The paper's alpha; 32 as in "LoRA Without Regret" (Schulman and others, 2025)."""


class Adapted(nn.Module):
    """A linear layer of which the correction B A is learnt. `weight` and `bias` are what it multiplies by and adds."""

    base: Tensor

    def __init__(self, linear: nn.Linear, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias
        self.register_buffer("base", linear.weight.detach().clone(), persistent=False)
        rows, columns = linear.weight.shape
        a_RI = torch.randn(rank, columns, generator=generator) / columns**0.5
        self.lora_a = nn.Parameter(a_RI.to(linear.weight.device))
        self.lora_b = nn.Parameter(torch.zeros(rows, rank, device=linear.weight.device))

    @property
    def scale(self) -> float:
        """What B A is multiplied by."""
        return ALPHA / len(self.lora_a)

    def forward(self, x: Tensor) -> Tensor:
        return _Adapted.apply(x, self.weight, self.bias, self.lora_a, self.lora_b, self.scale)  # type: ignore[no-any-return]

    @torch.no_grad()
    def merge(self) -> None:
        """Write W0 + scale B A into the weight, rounded to its dtype."""
        self.weight.copy_(torch.addmm(self.base.float(), self.lora_b, self.lora_a, alpha=self.scale))

    def plain(self) -> nn.Linear:
        """The layer as it is now, without its adapter."""
        rows, columns = self.weight.shape
        linear = nn.Linear(columns, rows, bias=False, device="meta")
        linear.weight, linear.bias = self.weight, self.bias
        return linear


class _Adapted(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[no-untyped-def]
        ctx: Any, x: Tensor, weight_OI: Tensor, bias: Tensor | None, a_RI: Tensor, b_OR: Tensor, scale: float
    ):
        ctx.save_for_backward(x, weight_OI, a_RI, b_OR)
        ctx.scale = scale
        return F.linear(x, weight_OI, bias)

    @staticmethod
    def backward(ctx, grad: Tensor):  # type: ignore[no-untyped-def]
        x, weight_OI, a_RI, b_OR = ctx.saved_tensors
        x_NI, grad_NO = (y.reshape(-1, y.shape[-1]) for y in (x, grad))
        a_RI, b_OR = a_RI.to(x.dtype), b_OR.to(x.dtype)
        da_RI = (grad_NO @ b_OR).mT @ x_NI
        db_OR = grad_NO.mT @ (x_NI @ a_RI.mT)
        dx = grad @ weight_OI if ctx.needs_input_grad[0] else None
        return dx, None, None, da_RI.float() * ctx.scale, db_OR.float() * ctx.scale, None


def adapt(model: Transformer, rank: int) -> None:
    """Freeze a model and give every matrix inside its blocks an adapter. The same start for the same model and rank."""
    model.requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    for within, name in _places(model):
        setattr(within, name, Adapted(getattr(within, name), rank, generator))


def adapted(model: nn.Module) -> Iterator[Adapted]:
    """The layers that have an adapter."""
    return (module for module in model.modules() if isinstance(module, Adapted))


def plain_copy(model: Transformer) -> Transformer:
    """A copy on weights of its own without adapters: what they learnt is merged in."""
    copied = copy.deepcopy(model)
    for within, name in _places(copied):
        if isinstance(layer := getattr(within, name), Adapted):
            setattr(within, name, layer.plain())
    return copied


def _places(model: Transformer) -> Iterator[tuple[nn.Module, str]]:
    """Where the matrices inside the blocks are."""
    for block in model.layers():
        yield from ((block.attention, "qkv"), (block.attention, "out"))
        yield from ((block.mlp, "gate"), (block.mlp, "up"), (block.mlp, "down"))
