"""All that changes while a policy is trained, and how a checkpoint holds it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from aha.chat import Chat
from aha.models.folder import save_model
from aha.models.transformer import Transformer
from aha.train.optim import MasterWeights

MASTERS, ADAPTERS = "masters.safetensors", "adapters.safetensors"
"""What learns, in fp32: all weights, or the adapters that correct those of the model a training began from."""


@dataclass
class State:
    """All that changes while training, besides the policy: what a checkpoint must hold."""

    masters: MasterWeights
    optimizer: torch.optim.Optimizer
    step: int = 0
    """Steps completed."""
    planned: int = 0
    """Steps to be taken in all, which the learning rate goes by; `train` sets it."""
    reference: Transformer | None = None


def store(policy: Transformer, chat: Chat, state: State, folder: Path) -> None:
    """A checkpoint's files. The masters are kept apart only when the model is not made of them."""
    save_model(policy, chat, folder)
    if policy.dtype != torch.float32 or state.masters.adapted:
        file = ADAPTERS if state.masters.adapted else MASTERS
        save_file(dict(zip(state.masters.names, state.masters.tensors, strict=True)), folder / file)
    if state.reference is not None:
        save_file(state.reference.state_dict(), folder / "reference.safetensors")
    torch.save(state.optimizer.state_dict(), folder / "optimizer.pt")
    (folder / "state.json").write_text(json.dumps({"step": state.step}) + "\n")


def restore(policy: Transformer, state: State, folder: Path, dtype: torch.dtype) -> None:
    """Undo `store`: the policy is loaded already (with adapters the one that was adapted), the rest is put in place."""
    if policy.dtype != torch.float32 or state.masters.adapted:
        masters = load_file(folder / (ADAPTERS if state.masters.adapted else MASTERS))
        with torch.no_grad():
            for name, tensor in zip(state.masters.names, state.masters.tensors, strict=True):
                tensor.copy_(masters[name])
    if state.masters.adapted:
        state.masters.publish()
    if state.reference is not None:
        state.reference.load_state_dict(load_file(folder / "reference.safetensors"))
    state.optimizer.load_state_dict(torch.load(folder / "optimizer.pt", weights_only=True))
    state.step = json.loads((folder / "state.json").read_text())["step"]
