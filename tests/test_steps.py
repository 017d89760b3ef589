"""One position at a time against the whole model, for every kind of layer and every number of rows."""

import pytest
import torch
from conftest import random_ids, tiny_model
from test_model import EXACT, VARIANTS

from transformer_mt.steps import FEW, MANY, Decoder, OutputLayer, Product, Steps


@pytest.fixture(params=[1, 3])
def n_threads(request):
    """The weights are laid out for the threads at hand."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("changes", VARIANTS)
@pytest.mark.parametrize("n", [1, 3])
def test_every_step_is_the_last_position_of_the_whole_model(float64, n_threads, changes, n):
    model = tiny_model(11, max_len=40, **changes)
    src, tgt_in = random_ids(3, 6, 13), random_ids(3 * n, 35, 11)
    src[1, 2:] = 0
    steps, repeated = Steps(Decoder(model), src), src.repeat_interleave(n, 0)
    memory, whole = model.encode(repeated), model(repeated, tgt_in)
    for t in range(35):
        logits = steps(tgt_in[:, t])
        torch.testing.assert_close(logits, whole[:, t], **EXACT)
        torch.testing.assert_close(logits, model.decode(tgt_in[:, : t + 1], memory, repeated == 0)[:, -1], **EXACT)
    assert steps.cross[0][0].size(0) == 3 and steps.own.size(2) == 3 * n  # the rows share the source's keys


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("n_rows", [1, 2, FEW, FEW + 1, MANY, MANY + 1])
def test_any_number_of_rows(float64, n_threads, n_rows, tied):
    """Of one sentence without padding, and with a vocabulary that does not fall into equal blocks."""
    model = tiny_model(12, tie_embeddings=tied, n_tgt=1031)
    src, tgt_in = random_ids(1, 5, 13), random_ids(n_rows, 3, 1031)
    steps = Steps(Decoder(model), src)
    assert steps.cross_mask is None
    whole = model(src.expand(n_rows, -1), tgt_in)
    for t in range(3):
        torch.testing.assert_close(steps(tgt_in[:, t]), whole[:, t], **EXACT)


def test_rows_are_reordered_and_sentences_leave(float64):
    """Random moves as beam search makes them."""
    model = tiny_model(13)
    src = random_ids(3, 5, 13)
    src[1, 3:] = 0
    steps = Steps(Decoder(model), src)
    generator = torch.Generator().manual_seed(0)
    sentences = torch.arange(3)
    ids = torch.empty(6, 0, dtype=torch.long)
    for step in range(20):
        new = torch.randint(1, 11, (2 * len(sentences), 1), generator=generator)
        ids = torch.cat((ids, new), 1)
        expected = model(src[sentences].repeat_interleave(2, 0), ids)[:, -1]
        torch.testing.assert_close(steps(new[:, 0]), expected, **EXACT)
        rows = torch.arange(2 * len(sentences)) // 2 * 2 + torch.randint(
            0, 2, (2 * len(sentences),), generator=generator
        )
        left = None
        if step == 2:  # the second sentence is done
            rows, left = rows[[0, 1, 4, 5]], torch.tensor([0, 2])
            sentences = sentences[left]
        before = steps.cross
        steps.select(rows, left)
        assert (steps.cross is before) == (left is None)
        ids = ids[rows]


@pytest.mark.parametrize("n_out", [1, 101, 1029])
@pytest.mark.parametrize("n_rows", [1, 5, FEW + 5, MANY + 1])
def test_products_in_blocks_are_products(float64, n_threads, n_out, n_rows):
    torch.manual_seed(n_out)
    with_bias, without = torch.nn.Linear(6, n_out), torch.nn.Linear(6, n_out, bias=False)
    x = torch.randn(n_rows, 6)
    with torch.no_grad():
        both = torch.cat((with_bias(x), without(x)), 1)
        torch.testing.assert_close(Product(torch.float64, with_bias, without)(x), both, **EXACT)
        torch.testing.assert_close(Product(torch.float64, with_bias)(x), with_bias(x), **EXACT)
        torch.testing.assert_close(OutputLayer(torch.float64, without)(x), without(x), **EXACT)


def test_more_steps_than_max_len_are_refused():
    model = tiny_model(max_len=8)
    steps = Steps(Decoder(model), random_ids(1, 6, 13))
    for _ in range(8):
        steps(torch.tensor([1]))
    with pytest.raises(ValueError, match=r"9 tokens, but .* at most model\.max_len=8"):
        steps(torch.tensor([1]))


def test_bf16_is_near():
    """As under autocast: the weights of products in bf16, sums in float32."""
    model = tiny_model(14)
    src, tgt_in = random_ids(2, 6, 13), random_ids(2, 5, 11)
    exact = model(src, tgt_in)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        steps = Steps(Decoder(model, bf16=True), src)
        logits = torch.stack([steps(tgt_in[:, t]) for t in range(5)], 1)
    assert logits.dtype is torch.bfloat16
    assert 0 < (logits.float() - exact).abs().max() < 0.1 * exact.abs().max()
