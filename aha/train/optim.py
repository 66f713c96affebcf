"""Optimizers over fp32 master weights of a model that computes in another dtype."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from aha.errors import UnsoundError
from aha.models.load import all_finite
from aha.models.lora import adapted
from aha.threads import side_by_side

M = TypeVar("M", bound=nn.Module)
T = TypeVar("T")
R = TypeVar("R")


class MasterWeights:
    """Full-precision copies of the weights of a model that learn, which collect its gradients and feed it back rounded.

    Gradients of many micro-batches add up in fp32, whatever the model computes in. For an fp32 model the copies share
    the model's memory.

        masters = MasterWeights(model)
        optimizer = torch.optim.AdamW(masters.tensors, lr=1e-4)
        gradients_side_by_side(model, masters, shares, backward)
        optimizer.step(); masters.publish()
    """

    def __init__(self, model: nn.Module) -> None:
        self.names, self.weights = zip(*((n, p) for n, p in model.named_parameters() if p.requires_grad), strict=True)
        self.tensors: list[Tensor] = [
            nn.Parameter(p.detach().float() if p.dtype != torch.float32 else p.detach()) for p in self.weights
        ]
        self.adapted = list(adapted(model))
        self.replicas: list[Replica[Any]] = []
        """Kept from step to step: making one takes as long as a layer of a small model."""

    def add(self, gradients: Sequence[Tensor | None]) -> None:
        """Add gradients, one for each of the model's weights or None, to the masters'."""
        for grad, master in zip(gradients, self.tensors, strict=True):
            if grad is not None:
                master.grad = grad.float() if master.grad is None else master.grad.add_(grad)

    def clip(self, largest: float) -> float:
        """Scale the gradients down to a norm of at most `largest`; returns the norm before."""
        return float(nn.utils.clip_grad_norm_(self.tensors, largest))

    def zero(self) -> None:
        """Forget the collected gradients."""
        for master in self.tensors:
            master.grad = None

    @torch.no_grad()
    def publish(self) -> None:
        """Write the masters into the model, rounded to its dtype, and forget the gradients.

        Raises UnsoundError where a weight has become NaN or infinite: nothing that is saved, sampled or measured after
        that would mean anything.
        """
        for name, weight, master in zip(self.names, self.weights, self.tensors, strict=True):
            if weight.dtype != torch.float32:
                weight.copy_(master)
            if not all_finite(weight):
                raise UnsoundError(
                    f"the update left weights that are no finite numbers, first in {name}: lower the learning rate (lr), or "
                    f"take dtype = fp32. What was saved before is whole"
                )
        for layer in self.adapted:
            layer.merge()
        self.zero()


class Replica(Generic[M]):
    """A model on the same weights with gradients of its own, so that another thread can train on it."""

    def __init__(self, model: M) -> None:
        shared: dict[int, Tensor] = {id(p): nn.Parameter(p.data, p.requires_grad) for p in model.parameters()}
        shared |= {id(b): b for b in model.buffers()}
        self.model: M = copy.deepcopy(model, shared)
        self.weights = [p for p in self.model.parameters() if p.requires_grad]
        self.sums: list[Tensor | None] = [None] * len(self.weights)

    def shares_memory(self, model: M) -> bool:
        """Whether it still stands on this model's weights."""
        ours, theirs = self.model.parameters(), model.parameters()
        return all(a.data_ptr() == b.data_ptr() for a, b in zip(ours, theirs, strict=True))

    def collect(self) -> None:
        """Add the gradients to the sums, in fp32, and clear them."""
        for i, weight in enumerate(self.weights):
            if weight.grad is not None:
                held = self.sums[i]
                self.sums[i] = weight.grad.float() if held is None else held.add_(weight.grad)
                weight.grad = None

    def clear(self) -> None:
        """Forget the sums, and what a part that failed may have left."""
        self.sums = [None] * len(self.weights)
        for weight in self.weights:
            weight.grad = None


def gradients_side_by_side(
    model: M, masters: MasterWeights, shares: Sequence[Iterable[T]], backward: Callable[[M, T], R]
) -> list[R]:
    """Leave the gradients of all parts of all shares in the masters; a share is worked off by a thread of its own.

    `backward` computes one part's gradient on the model it is given. Returns what it returned, in order. Sums are taken
    in the order of the shares, so the result does not depend on who was done first.
    """
    kept = [replica for replica in masters.replicas if replica.shares_memory(model)]
    masters.replicas = kept + [Replica(model) for _ in shares[len(kept) :]]
    replicas = masters.replicas[: len(shares)]
    for replica in replicas:
        replica.clear()

    def work(replica: Replica[M], share: Iterable[T]) -> list[R]:
        results = []
        for part in share:
            results.append(backward(replica.model, part))
            replica.collect()
        return results

    done = side_by_side([partial(work, *pair) for pair in zip(replicas, shares, strict=True)])
    for replica in replicas:
        masters.add(replica.sums)
    return [result for results in done for result in results]


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
