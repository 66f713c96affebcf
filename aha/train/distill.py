"""Logit distillation: learn a teacher's whole distribution over each reply token, not only the token (1503.02531).

    loss of a token = alpha * T^2 * KL(softmax(z_teacher / T) || softmax(z_student / T)) + (1 - alpha) * -log p_student

R1's students are plain fine-tuning on the teacher's replies (`sft.py`, arXiv 2501.12948 section 2.4), which works across
vocabularies; this needs one vocabulary. T^2 keeps the gradient's size when T changes (1503.02531 section 2.1).
Legend: N reply tokens, C of a chunk, E width of the student, F of the teacher, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from pydantic import Field
from torch import Tensor
from torch.autograd.function import once_differentiable

from aha.chat import Chat
from aha.errors import ModelError
from aha.models.transformer import Transformer
from aha.train import sft
from aha.train.batch import Batch, pack
from aha.train.sft import Sft, start
from aha.train.state import State
from aha.types import Example

__all__ = ["Distill", "imitate", "imitation_loss", "start", "train"]

CHUNK = 512
"""Tokens whose logits are held at once: of a vocabulary of 2048, 4 MB in fp32 for each model."""


class Distill(Sft):
    """How a student is trained on a teacher's distributions."""

    alpha: float = Field(0.9, ge=0, le=1)
    """Share of the teacher's distribution in the loss; the rest is the examples' own tokens."""
    temperature: float = Field(1.0, gt=0)
    """Both distributions are softened by it."""


def train(
    policy: Transformer,
    chat: Chat,
    teacher: Transformer,
    teacher_chat: Chat,
    examples: Sequence[Example],
    settings: Distill,
    state: State,
    seed: int,
    hold: Callable[[], None] = lambda: None,
) -> Iterator[dict[str, float]]:
    """Train `policy`, the student, as `sft.train` does, on the teacher's distributions over the examples' replies.

    `loss` mixes both parts, `kl` is KL(teacher || student) at the temperature, without T^2, and `nll` is -log p of the
    examples' tokens, means over the step's reply tokens. Raises ModelError when the vocabularies differ.
    """
    same = chat.tokenizer.get_vocab() == teacher_chat.tokenizer.get_vocab()
    if not same or policy.config.vocab_size != teacher.config.vocab_size:
        raise ModelError(
            f"logit distillation needs one vocabulary, but the teacher's {teacher.config.vocab_size} tokens are not the "
            f"student's {policy.config.vocab_size}; fine-tune on the teacher's replies instead"
        )
    backward = partial(imitate, teacher=teacher, settings=settings)
    yield from sft.train(policy, chat, examples, settings, state, seed, hold, backward)


def imitate(policy: Transformer, micro: Batch, teacher: Transformer, settings: Distill) -> dict[str, float]:
    """Leave the gradient of a micro-batch's loss in the student; returns its share of the step's means."""
    packed, learnt_BT = pack(micro), micro.mask_BT > 0
    with torch.no_grad():
        theirs_NF = teacher.hidden_packed(packed.ids_M, packed.at_M, packed.stretches)[packed.replies]
    ours_NE = policy.hidden_packed(packed.ids_M, packed.at_M, packed.stretches)[packed.replies]
    loss, kl_N, logp_N = imitation_loss(
        ours_NE, policy.head_weight_VE, theirs_NF, teacher.head_weight_VE, micro.target_BT[learnt_BT],
        micro.weight_BT[learnt_BT], settings.alpha, settings.temperature,
    )  # fmt: skip
    loss.backward()  # type: ignore[no-untyped-call]
    weight_N = micro.weight_BT[learnt_BT]
    means = {"loss": loss.item(), "kl": float((weight_N * kl_N).sum()), "nll": -float((weight_N * logp_N).sum())}
    return means | {"trained_tokens": float(len(kl_N)), "computed_tokens": float(len(packed.ids_M))}


def imitation_loss(
    ours_NE: Tensor,
    ours_VE: Tensor,
    theirs_NF: Tensor,
    theirs_VF: Tensor,
    target_N: Tensor,
    weight_N: Tensor,
    alpha: float,
    temperature: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """(weighted sum of the tokens' losses, KL of each token at the temperature, log p of each target) in fp32.

    States and head matrices of student (E wide) and teacher (F wide). The sum carries gradients to the student's; the
    other two carry none. No more than a chunk of logits is ever held.
    """
    return _Imitation.apply(ours_NE, ours_VE, theirs_NF, theirs_VF, target_N, weight_N, alpha, temperature)


class _Imitation(torch.autograd.Function):
    """Takes the gradient while the logits are at hand; the backward pass only scales it."""

    @staticmethod
    def forward(
        ctx: Any, ours_NE: Tensor, ours_VE: Tensor, theirs_NF: Tensor, theirs_VF: Tensor, target_N: Tensor,
        weight_N: Tensor, alpha: float, temperature: float,
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        exact = torch.promote_types(ours_NE.dtype, torch.float32)
        kl_N, logp_N = ours_NE.new_empty(2, len(ours_NE), dtype=exact).unbind()
        grad_NE, grad_VE = torch.empty_like(ours_NE), torch.zeros_like(ours_VE, dtype=exact)
        for begin in range(0, len(ours_NE), CHUNK):
            rows = slice(begin, begin + CHUNK)
            logits_CV = (ours_NE[rows] @ ours_VE.T).to(exact)
            log_p_CV = ((theirs_NF[rows] @ theirs_VF.T).to(exact) / temperature).log_softmax(1)
            log_q_CV = (logits_CV / temperature).log_softmax(1)
            log_one_CV = log_q_CV if temperature == 1 else logits_CV.log_softmax(1)
            p_CV = log_p_CV.exp()
            kl_N[rows] = (p_CV * (log_p_CV - log_q_CV)).sum(1)
            logp_N[rows] = log_one_CV.gather(1, target_N[rows, None])[:, 0]
            # d KL / d logits is (q - p) / T, and T^2 of it is wanted
            error_CV = (log_q_CV.exp() - p_CV) * (alpha * temperature) + log_one_CV.exp() * (1 - alpha)
            error_CV.scatter_add_(1, target_N[rows, None], error_CV.new_full((len(error_CV), 1), alpha - 1))
            error_CV = (error_CV * weight_N[rows, None]).to(ours_NE.dtype)
            grad_NE[rows] = error_CV @ ours_VE
            grad_VE += error_CV.T @ ours_NE[rows]
        ctx.save_for_backward(grad_NE, grad_VE.to(ours_VE.dtype))
        ctx.mark_non_differentiable(kl_N, logp_N)
        return (weight_N * (alpha * temperature**2 * kl_N - (1 - alpha) * logp_N)).sum(), kl_N, logp_N

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        grad_NE, grad_VE = ctx.saved_tensors
        return grad_NE * grad, grad_VE * grad, None, None, None, None, None, None
