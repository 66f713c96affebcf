"""`chunked_logp` against log_softmax over all logits at once: values, gradients, dtypes, extremes."""

import pytest
import torch

from aha.train import head as head_module
from aha.train.head import chunked_logp


def naive_logp(hidden, weight, target, temperature=1.0):
    logp = ((hidden @ weight.T).to(torch.promote_types(hidden.dtype, torch.float32)) / temperature).log_softmax(1)
    return logp.gather(1, target[:, None])[:, 0], -(logp.exp() * logp).sum(1)


def head(dtype, rows=23, vocabulary=37, width=16):
    noise = torch.Generator().manual_seed(0)
    hidden = torch.randn(rows, width, generator=noise, dtype=torch.float64).to(dtype).requires_grad_()
    weight = torch.randn(vocabulary, width, generator=noise, dtype=torch.float64).to(dtype).requires_grad_()
    return hidden, weight, torch.randint(vocabulary, (rows,), generator=noise)


@pytest.mark.parametrize("tile", [None, (1, 37), (8, 10), (23, 5), (100, 100)])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-4), (torch.bfloat16, 3e-2)]
)
def test_chunked_logp_is_log_softmax_at_the_target(tile, temperature, dtype, tolerance):
    hidden, weight, target = head(dtype)
    grad = torch.linspace(-1, 1, len(target))
    expected = naive_logp(hidden, weight, target, temperature)
    gradients = torch.autograd.grad((expected[0] * grad).sum(), (hidden, weight))
    actual = chunked_logp(hidden, weight, target, temperature, tile)
    assert actual[0].dtype == torch.promote_types(dtype, torch.float32) and not actual[1].requires_grad
    # bf16 products are rounded alike whatever the tile, so that only the gradients differ by bf16's rounding
    exact = min(tolerance, 1e-4)
    torch.testing.assert_close(actual, expected, rtol=exact, atol=exact)
    (actual[0] * grad).sum().backward()
    for mine, theirs in zip((hidden.grad, weight.grad), gradients, strict=True):
        assert mine.dtype == dtype
        torch.testing.assert_close(mine, theirs, rtol=tolerance, atol=tolerance * theirs.abs().max().item())


@pytest.mark.parametrize("most", [0, 23 * 37])
def test_logits_that_are_kept_give_the_same_gradients_twice(monkeypatch, most):
    """The second time they are gone, and multiplied out again."""
    monkeypatch.setattr(head_module, "KEPT_LOGITS", most)
    hidden, weight, target = head(torch.float32)
    logp = chunked_logp(hidden, weight, target, 0.7, (8, 37))[0].sum()
    first, second = (torch.autograd.grad(logp, (hidden, weight), retain_graph=True) for _ in range(2))
    expected = torch.autograd.grad(naive_logp(hidden, weight, target, 0.7)[0].sum(), (hidden, weight))
    for mine, again, theirs in zip(first, second, expected, strict=True):
        assert torch.equal(mine, again)
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


def test_chunked_logp_passes_gradcheck():
    hidden, weight, target = head(torch.float64, rows=5, vocabulary=7, width=3)
    assert torch.autograd.gradcheck(lambda h, w: chunked_logp(h, w, target, 0.8, (2, 3))[0], (hidden, weight))


def test_chunked_logp_survives_logits_that_overflow_exp():
    hidden, weight = torch.tensor([[1000.0], [-1000.0]], requires_grad=True), torch.tensor([[1.0], [0.0]])
    logp, entropy = chunked_logp(hidden, weight, torch.tensor([0, 0]))
    logp.sum().backward()
    assert logp.tolist() == [0.0, -1000.0] and entropy.tolist() == [0.0, 0.0]
    assert hidden.grad.tolist() == [[0.0], [1.0]]


def test_chunked_logp_of_nothing_and_without_gradient():
    hidden, weight, target = head(torch.float32)
    assert chunked_logp(hidden[:0], weight, target[:0])[0].shape == (0,)
    with torch.no_grad():
        assert not chunked_logp(hidden, weight, target)[0].requires_grad
    frozen = chunked_logp(hidden, weight.detach(), target)[0]
    frozen.sum().backward()
    assert hidden.grad is not None and weight.grad is None


def test_chunked_logp_takes_autocast_at_its_word():
    hidden, weight, target = head(torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logp, _ = chunked_logp(hidden, weight, target)
    logp.sum().backward()
    torch.testing.assert_close(logp, naive_logp(hidden.bfloat16(), weight.bfloat16(), target)[0], rtol=1e-4, atol=1e-4)
    assert hidden.grad.dtype == weight.grad.dtype == torch.float32


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_is_not_finite_is_never_hidden(bad, dtype):
    hidden, weight, target = head(dtype)
    with torch.no_grad():
        hidden[3] = bad
    logp, _ = chunked_logp(hidden, weight, target)
    logp.sum().backward()
    assert not logp[3].isfinite() and logp[:3].isfinite().all() and not weight.grad.isfinite().all()
