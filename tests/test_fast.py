"""Each replacement of a line of torch, made for its speed, gives what torch gives."""

import math
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from helpers import EXACT
from torch.nn import functional as F

from transformer_mt.fast import NEVER, Linear, dropout, label_smoothed_loss, random_numbers


@pytest.mark.parametrize("n_out", [6, 4096, 4098, 4099])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(1,), (0, 1), (1, 1), (2, 2), (9, 1), (3, 5, 2), (129, 1)])
def test_linear_is_linear_for_any_number_of_rows(float64, shape, bias, n_out):
    """Few rows are multiplied in other ways, but not where gradients are wanted."""
    torch.manual_seed(1)
    layer = Linear(16, n_out, bias)
    x = torch.randn(*shape, 16)
    expected = F.linear(x, layer.weight, layer.bias)
    torch.testing.assert_close(layer(x), expected, rtol=0, atol=0)
    with torch.no_grad():
        y = layer(x)
        assert y.shape == (*shape, n_out)
        torch.testing.assert_close(y, expected, **EXACT)
        columns = x.transpose(0, -2)  # not contiguous
        torch.testing.assert_close(
            layer(columns), F.linear(columns, layer.weight, layer.bias), **EXACT
        )


def test_linear_under_autocast_is_in_its_type():
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert Linear(16, 4096)(torch.randn(2, 16)).dtype is torch.bfloat16


# ------------------------------------------------------------------------------------------ dropout


@pytest.mark.parametrize("p", [0.1, 0.25, 0.5, 0.9])
def test_dropout_rate_and_expectation(p):
    torch.manual_seed(0)
    n = 200_003  # not a multiple of eight
    y = dropout(torch.ones(n), p, training=True)
    rate = round(p * 256) / 256
    assert abs(rate - p) <= 1 / 512
    dropped = y.eq(0).double().mean().item()
    assert dropped == pytest.approx(rate, abs=5 * math.sqrt(rate * (1 - rate) / n))
    torch.testing.assert_close(y[y != 0], torch.full_like(y[y != 0], 1 / (1 - rate)))
    assert y.mean().item() == pytest.approx(1, abs=5 * math.sqrt(rate / (1 - rate) / n))


def test_dropout_drops_elements_independently():
    torch.manual_seed(0)
    y = dropout(torch.ones(8 * 50_000), 0.5, training=True).view(-1, 8)
    nonzero = y.ne(0).double()
    correlation = torch.corrcoef(nonzero.T) - torch.eye(8, dtype=torch.float64)
    assert correlation.abs().max() < 5 / math.sqrt(50_000)


def test_dropout_in_evaluation_or_of_nothing_is_the_identity():
    x = torch.randn(3, 5)
    assert dropout(x, 0.5, training=False) is x
    assert dropout(x, 0.0, training=True) is x


@pytest.mark.parametrize("p", [1e-6, 0.999])
def test_dropout_of_any_allowed_probability_is_finite(p):
    assert dropout(torch.ones(1000), p, training=True).isfinite().all()


def test_dropout_is_reproducible_under_a_seed():
    x = torch.randn(4, 7, 9)
    torch.manual_seed(5)
    first, second = (dropout(x, 0.4, training=True) for _ in range(2))
    torch.manual_seed(5)
    assert torch.equal(dropout(x, 0.4, training=True), first)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_gradient_passes_through_the_same_mask(dtype):
    x = torch.randn(6, 35).to(dtype).T.requires_grad_()  # not contiguous
    y = dropout(x, 0.4, training=True)
    assert y.dtype is dtype and y.shape == x.shape
    y.sum().backward()
    torch.testing.assert_close(y.detach(), x.detach() * x.grad)
    assert x.grad.eq(0).any() and x.grad.ne(0).any()


# --------------------------------------------------------------------------------------------- loss


def loss_inputs(n: int, n_vocab: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """States `(n, 3)`, the weights of an output layer, and targets among all ids but 0."""
    generator = torch.Generator().manual_seed(n)
    states = torch.randn(n, 3, generator=generator).requires_grad_()
    weight = torch.randn(n_vocab, 3, generator=generator).requires_grad_()
    return states, weight, torch.randint(1, n_vocab, (n,), generator=generator)


@pytest.mark.parametrize("chunk", [1, 3, 512])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
def test_the_loss_is_the_cross_entropy_against_the_smoothed_distribution(
    float64, monkeypatch, smoothing, chunk
):
    monkeypatch.setattr("transformer_mt.fast.CHUNK", chunk)
    states, weight, targets = loss_inputs(5, 7)
    distribution = torch.full((5, 7), smoothing / 6)  # over six words; padding gets nothing
    distribution[:, 0] = 0
    distribution[torch.arange(5), targets] += 1 - smoothing
    torch.testing.assert_close(distribution.sum(1), torch.ones(5), **EXACT)

    loss = label_smoothed_loss(states, weight, targets, smoothing, 0)
    expected = -(distribution * (states @ weight.t()).log_softmax(-1)).sum()
    torch.testing.assert_close(loss, expected, **EXACT)
    gradients = torch.autograd.grad(2 * loss, (states, weight))
    expected_gradients = torch.autograd.grad(2 * expected, (states, weight))
    torch.testing.assert_close(gradients, expected_gradients, **EXACT)


@pytest.mark.parametrize("chunk", [1, 3, 512])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
def test_ids_that_stand_for_nothing_leave_the_loss_of_an_output_with_a_bias(
    float64, monkeypatch, smoothing, chunk
):
    """Padding need not be the first of them, nor the one that the bias says."""
    monkeypatch.setattr("transformer_mt.fast.CHUNK", chunk)
    states, weight, _ = loss_inputs(5, 9)
    pad, unused = 3, [1, 3, 8]
    words = [i for i in range(9) if i not in unused]
    targets = torch.tensor([words[i] for i in (0, 2, 5, 2, 4)])
    bias = torch.linspace(-1, 2, 9)
    bias[[1, 8]] = NEVER
    bias.requires_grad_()
    loss = label_smoothed_loss(states, weight, targets, smoothing, pad, bias)
    # A vocabulary without these ids, but for padding, which the model can still say.
    distribution = torch.full((5, 9), smoothing / len(words))
    distribution[:, unused] = 0
    distribution[torch.arange(5), targets] += 1 - smoothing
    real = [*words, pad]
    log_probs = (states @ weight[real].t() + bias[real]).log_softmax(-1)
    expected = -(distribution[:, real] * log_probs).sum()
    torch.testing.assert_close(loss, expected, **EXACT)
    gradients = torch.autograd.grad(2 * loss, (states, weight, bias))
    expected_gradients = torch.autograd.grad(2 * expected, (states, weight, bias))
    torch.testing.assert_close(gradients, expected_gradients, **EXACT)
    for gradient in gradients[1:]:
        assert not gradient[[1, 8]].any()  # so that Adam leaves them as they are
    with torch.inference_mode():
        again = label_smoothed_loss(states, weight, targets, smoothing, pad, bias)
    torch.testing.assert_close(again, loss.detach(), **EXACT)


def test_the_loss_without_smoothing_is_torchs_cross_entropy(float64):
    states, weight, targets = loss_inputs(6, 9)
    loss = label_smoothed_loss(states, weight, targets, 0.0, 0)
    expected = F.cross_entropy(states @ weight.t(), targets, reduction="sum")
    torch.testing.assert_close(loss, expected, **EXACT)
    with torch.inference_mode():
        assert label_smoothed_loss(states, weight, targets, 0.0, 0) == loss


@pytest.mark.parametrize("scale", [1, 6, 40])
def test_the_loss_of_tokens_that_are_certain_is_exact_in_float32(scale):
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(2000, 64, generator=generator) * scale
    weight = torch.randn(500, 64, generator=generator) * 0.3
    targets = (states @ weight[1:].t()).argmax(1) + 1
    for smoothing in (0.0, 0.1):
        loss = label_smoothed_loss(states, weight, targets, smoothing, 0)
        exact = label_smoothed_loss(states.double(), weight.double(), targets, smoothing, 0)
        assert float(loss) == pytest.approx(float(exact), rel=1e-6)


def test_the_loss_of_half_precision_products_is_summed_in_float32():
    states, weight, targets = loss_inputs(40, 50)
    with torch.autocast("cpu", torch.bfloat16):
        loss = label_smoothed_loss(states, weight, targets, 0.1, 0)
    rounded = [x.bfloat16() for x in (states, weight)]
    logits = (rounded[0] @ rounded[1].t()).float()
    expected = label_smoothed_loss(logits, torch.eye(50), targets, 0.1, 0)
    assert loss.dtype is torch.float32
    torch.testing.assert_close(loss, expected)

    gradients = torch.autograd.grad(loss, (states, weight))
    exact_loss = label_smoothed_loss(states, weight, targets, 0.1, 0)
    exact_gradients = torch.autograd.grad(exact_loss, (states, weight))
    for gradient, exact in zip(gradients, exact_gradients, strict=True):
        assert gradient.dtype is torch.float32
        torch.testing.assert_close(gradient, exact, rtol=0.05, atol=0.05)


def test_a_thread_may_have_random_numbers_of_its_own():
    """The same for the same seed; torch's own generator is as if nothing had been drawn."""

    def draw(seed: int) -> torch.Tensor:
        with random_numbers(seed):
            return dropout(torch.ones(1000), 0.5, True)

    with ThreadPoolExecutor(2) as pool:
        first, again, other = pool.map(draw, (7, 7, 8))
    assert torch.equal(first, again) and not torch.equal(first, other)
    torch.manual_seed(1)
    expected = dropout(torch.ones(1000), 0.5, True)
    torch.manual_seed(1)
    draw(7)
    assert torch.equal(dropout(torch.ones(1000), 0.5, True), expected)
