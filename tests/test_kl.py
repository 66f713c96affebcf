"""Both estimators of the distance to the reference: values and gradients by hand, and what the gradients mean."""

import math

import torch

from aha.train.loss import k3, k3_corrected

LN2 = math.log(2)


def close(actual, expected):
    torch.testing.assert_close(actual, torch.as_tensor(expected, dtype=actual.dtype), rtol=1e-5, atol=1e-6)


def test_k3_and_its_gradient_by_hand():
    logp = torch.tensor([[-1.0, -1.0]], requires_grad=True)
    kl = k3(logp, torch.tensor([[-1.0 + LN2, -1.0]]))
    close(kl.detach(), [[1 - LN2, 0.0]])
    kl.sum().backward()
    close(logp.grad, [[-1.0, 0.0]])  # 1 - r with r = 2 and 1


def test_k3_corrected_by_hand():
    logp = torch.tensor([[-1.0]], requires_grad=True)
    kl = k3_corrected(logp, logp.detach() + LN2, old_logp_BT=logp.detach() - math.log(3))
    close(kl.detach(), [[3 * (1 - LN2)]])
    kl.sum().backward()
    close(logp.grad, [[-3 * LN2]])  # ratio * log(p / ref)


def test_k3_corrected_has_the_gradient_of_the_reverse_kl_whatever_sampled():
    logits = torch.tensor([0.1, -0.4, 0.9], dtype=torch.float64, requires_grad=True)
    old, ref = torch.tensor([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]], dtype=torch.float64).log()
    logp = logits.log_softmax(0)
    (exact,) = torch.autograd.grad((logp.exp() * (logp - ref)).sum(), logits, retain_graph=True)
    (expected,) = torch.autograd.grad((old.exp() * k3_corrected(logp, ref, old_logp_BT=old)).sum(), logits)
    torch.testing.assert_close(expected, exact)
