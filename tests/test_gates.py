"""Gates and hard attention against their papers' formulas written in NumPy, and what must not matter to them."""

import numpy as np
import pytest
import torch
from helpers import random_ids, tiny_model

from transformer_mt.config import CrossAttention, EncoderGate
from transformer_mt.model import (
    AttentionWeights,
    ChannelGate,
    Gates,
    MultiHeadAttention,
    SpatialGate,
    hard_attention,
    straight_through,
)

EXACT = {"rtol": 1e-10, "atol": 1e-12}


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def numpy_channel(f: np.ndarray, w_0: np.ndarray, w_1: np.ndarray) -> np.ndarray:
    """Woo et al. 2018, equation 2, of one sentence `(n, D)`."""
    hidden = [np.maximum(w_0 @ pooled, 0) for pooled in (f.mean(0), f.max(0))]
    return sigmoid(w_1 @ hidden[0] + w_1 @ hidden[1])


def numpy_spatial(f: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Equation 3, of one sentence `(n, D)`, kernel `(2, 7)`."""
    padded = np.pad(np.stack([f.mean(1), f.max(1)]), ((0, 0), (3, 3)))
    return sigmoid(np.array([(padded[:, i : i + 7] * kernel).sum() for i in range(len(f))]))


def sentences() -> tuple[torch.Tensor, torch.Tensor]:
    """Three of 9, 5 and 1 positions, with large rubbish where the padding is."""
    x = torch.from_numpy(np.random.default_rng(4).normal(size=(3, 9, 32)))
    padding = torch.arange(9) >= torch.tensor([[9], [5], [1]])
    return x.masked_fill(padding[..., None], 1e3), padding


@pytest.mark.parametrize("kind", [EncoderGate.channel, EncoderGate.spatial, EncoderGate.both])
def test_gates_equal_their_papers_formulas_sentence_by_sentence(float64, kind):
    torch.manual_seed(1)
    module, (x, padding) = Gates(kind, 32), sentences()
    assert module.channel is None or module.channel.w_0.weight.shape == (
        2,
        32,
    )  # the paper's reduction by 16
    gated, gates = module(x, padding)
    assert set(gates) == ({"channel", "spatial"} if kind is EncoderGate.both else {kind.value})
    for row, n in enumerate((9, 5, 1)):
        f = x[row, :n].numpy()
        if module.channel is not None:
            gate = numpy_channel(
                f, *(w.weight.detach().numpy() for w in (module.channel.w_0, module.channel.w_1))
            )
            np.testing.assert_allclose(gates["channel"][row].detach().numpy(), gate, **EXACT)
            f = f * gate
        if module.spatial is not None:
            gate = numpy_spatial(f, module.spatial.f.weight.detach().numpy()[0])
            np.testing.assert_allclose(gates["spatial"][row, :n].detach().numpy(), gate, **EXACT)
            f = f * gate[:, None]
        np.testing.assert_allclose(gated[row, :n].detach().numpy(), f, **EXACT)


def test_every_parameter_of_the_gates_has_a_gradient(float64):
    torch.manual_seed(2)
    module, (x, padding) = Gates(EncoderGate.both, 32), sentences()
    gated, _ = module(x, padding)
    (gated * torch.randn_like(gated))[~padding].sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad.abs().max() > 1e-6, name


@pytest.mark.parametrize("module", [ChannelGate(32), SpatialGate()])
def test_what_stands_in_the_padding_changes_no_gate(float64, module):
    x, padding = sentences()
    module = module.double()
    other = torch.where(padding[..., None], torch.randn_like(x), x)
    real = ~padding if isinstance(module, SpatialGate) else slice(None)
    torch.testing.assert_close(module(other, padding)[real], module(x, padding)[real], **EXACT)


def test_hard_attention_takes_the_value_of_the_best_key(float64):
    torch.manual_seed(3)
    q, k, v = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 6, 5), torch.randn(2, 3, 6, 5)
    mask = torch.rand(2, 1, 4, 6) < 0.6
    mask[..., 0] = True
    z, weights = hard_attention(q, k, v, mask)
    for b, h, t in np.ndindex(2, 3, 4):
        scores = [float(q[b, h, t] @ k[b, h, s]) if mask[b, 0, t, s] else -np.inf for s in range(6)]
        best = int(np.argmax(scores))
        torch.testing.assert_close(z[b, h, t], v[b, h, best], rtol=0, atol=0)
        exps = np.exp(np.array(scores) / np.sqrt(5))
        np.testing.assert_allclose(weights[b, h, t].numpy(), exps / exps.sum(), **EXACT)


def test_a_row_that_may_attend_to_nothing_takes_nothing():
    q, k, v = torch.randn(1, 2, 4), torch.randn(1, 3, 4), torch.randn(1, 3, 4)
    z, weights = hard_attention(q, k, v, torch.tensor([[True] * 3, [False] * 3]))
    assert z[0, 1].eq(0).all() and weights[0, 1].eq(0).all() and z[0, 0].ne(0).any()


def test_hard_attention_goes_straight_through():
    scores = torch.tensor([[1.0, 3.0, 2.0], [5.0, 5.0, 0.0]], requires_grad=True)
    weights = straight_through(scores.softmax(-1))
    assert weights.tolist() == [[0, 1, 0], [1, 0, 0]]
    values = torch.tensor([1.0, 2.0, 4.0])
    (weights @ values).sum().backward()
    hard = scores.grad.clone()
    scores.grad = None
    (scores.softmax(-1) @ values).sum().backward()
    torch.testing.assert_close(hard, scores.grad)
    assert hard.abs().max() > 0.01


@pytest.mark.parametrize("recorded", [False, True])
def test_a_hard_layer_is_hard_whether_recorded_or_not(float64, recorded):
    torch.manual_seed(4)
    layer = MultiHeadAttention(8, 2, hard=True)
    x, memory = torch.randn(1, 3, 8), torch.randn(1, 50, 8)
    keys, values = layer.keys_values(memory)
    weights: list = []
    z = layer(x, keys, values, None, weights if recorded else None)
    q = layer.w_q(x).view(1, 3, 2, 4).transpose(1, 2)
    best = (q @ keys.transpose(-2, -1)).argmax(-1)
    taken = values.gather(2, best[..., None].expand(-1, -1, -1, 4))
    torch.testing.assert_close(z, layer.w_o(taken.transpose(1, 2).reshape(1, 3, 8)), **EXACT)
    assert not recorded or torch.equal(weights[0].argmax(-1), best)


def test_a_model_with_all_of_them_learns_everywhere_and_shows_its_gates(float64):
    model = tiny_model(
        5, encoder_gate=EncoderGate.both, cross_attention=CrossAttention.hard
    ).train()
    src, tgt_in = random_ids(3, 6, 13), random_ids(3, 5, 11)
    src[1, 3:] = 0
    (model(src, tgt_in) * torch.randn(3, 5, 11)).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name
    weights = AttentionWeights()
    memory = model.eval().encode(src, weights)
    gates = weights.gates["channel"][:, None] * weights.gates["spatial"][..., None]
    torch.testing.assert_close(memory, model.features(src) * gates, **EXACT)
