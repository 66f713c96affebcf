"""Optimizers over fp32 master weights of a model that computes in another dtype."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


class MasterWeights:
    """Full-precision copies of a model's weights, which collect its gradients and feed it back rounded.

    Gradients of many micro-batches add up in fp32, whatever the model computes in. For an fp32 model the copies share
    the model's memory.

        masters = MasterWeights(model)
        optimizer = torch.optim.AdamW(masters.tensors, lr=1e-4)
        loss.backward(); masters.collect()      # once a micro-batch
        optimizer.step(); masters.publish()     # once a step
    """

    def __init__(self, model: nn.Module) -> None:
        self.names, self.weights = zip(*((n, p) for n, p in model.named_parameters() if p.requires_grad), strict=True)
        self.tensors: list[Tensor] = [
            nn.Parameter(p.detach().float() if p.dtype != torch.float32 else p.detach()) for p in self.weights
        ]

    def collect(self) -> None:
        """Add the model's gradients to the masters' and clear them."""
        for weight, master in zip(self.weights, self.tensors, strict=True):
            if weight.grad is None:
                continue
            if master.grad is None:
                master.grad = weight.grad.float()
            else:
                master.grad.add_(weight.grad)
            weight.grad = None

    def clip(self, largest: float) -> float:
        """Scale the gradients down to a norm of at most `largest`; returns the norm before."""
        return float(nn.utils.clip_grad_norm_(self.tensors, largest))

    def zero(self) -> None:
        """Forget the collected gradients."""
        for master in self.tensors:
            master.grad = None

    @torch.no_grad()
    def publish(self) -> None:
        """Write the masters into the model, rounded to its dtype, and forget the gradients."""
        for weight, master in zip(self.weights, self.tensors, strict=True):
            if weight.dtype != torch.float32:
                weight.copy_(master)
        self.zero()


def split_for_muon(masters: MasterWeights) -> tuple[list[Tensor], list[Tensor]]:
    """(matrices inside the blocks, everything else): Muon is for the first, AdamW for the second."""
    inner = [t for n, t in zip(masters.names, masters.tensors, strict=True) if n.startswith("blocks.") and t.dim() == 2]
    chosen = {id(t) for t in inner}
    return inner, [t for t in masters.tensors if id(t) not in chosen]


def set_lr(optimizers: Iterable[torch.optim.Optimizer], scale: float) -> None:
    """Set every group's learning rate to `scale` times the one it was made with."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = scale * group.setdefault("initial_lr", group["lr"])


def state_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The optimizer's state, as `torch.save` stores it and `load_state_dict` takes it back."""
    return optimizer.state_dict()
