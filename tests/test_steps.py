"""One position at a time against the whole model, for every kind of layer and every number of rows."""

import pytest
import torch
from helpers import EXACT, VARIANTS, random_ids, tiny_model
from transformer_mt.steps import FEW, MANY, Decoder, OutputLayer, Product, Steps


@pytest.fixture(params=[1, 3])
def n_threads(request):
    """The weights are laid out for the threads at hand."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def follow(steps: Steps, tgt_in: torch.Tensor, n: int) -> torch.Tensor:
    """The logits `(B * N, T, V)` of N hypotheses for each sentence, which begin as one if their first tokens agree."""
    first, rows = tgt_in[:, 0], 1
    if (first.view(-1, n) == first[::n, None]).all():
        first, rows = first[::n], n
    logits = [steps(first).repeat_interleave(rows, 0)]
    steps.select(torch.arange(n).expand(len(tgt_in) // n, n) * (rows == 1), None)
    return torch.stack([*logits, *(steps(ids) for ids in tgt_in[:, 1:].unbind(1))], 1)


@pytest.mark.parametrize("changes", VARIANTS)
@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("n", [1, 3])
def test_every_step_is_the_last_position_of_the_whole_model(
    float64, n_threads, changes, n, together
):
    model = tiny_model(11, max_len=40, **changes)
    src, tgt_in = random_ids(3, 6, 13), random_ids(3 * n, 35, 11)
    src[1, 2:] = 0
    if together:
        tgt_in[:, 0] = 1
    repeated = src.repeat_interleave(n, 0)
    memory, whole = model.encode(repeated), model(repeated, tgt_in)
    steps = Steps(Decoder(model), src)
    logits = follow(steps, tgt_in, n)
    torch.testing.assert_close(logits, whole, **EXACT)
    for t in range(35):
        torch.testing.assert_close(
            logits[:, t], model.decode(tgt_in[:, : t + 1], memory, repeated == 0)[:, -1], **EXACT
        )
    assert steps.cross.size(2) == 3  # the hypotheses share the source's keys


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("n_rows", [1, 2, FEW, FEW + 1, MANY, MANY + 1])
def test_any_number_of_rows(float64, n_threads, n_rows, tied):
    """Of one sentence without padding, and with a vocabulary that does not fall into equal blocks."""
    model = tiny_model(12, tie_embeddings=tied, n_tgt=1031)
    src, tgt_in = random_ids(1, 5, 13), random_ids(n_rows, 3, 1031)
    tgt_in[:, 0] = 1
    steps = Steps(Decoder(model), src)
    assert steps.cross_mask is None
    torch.testing.assert_close(
        follow(steps, tgt_in, n_rows), model(src.expand(n_rows, -1), tgt_in), **EXACT
    )


@pytest.mark.parametrize("n", [1, 2, 8])
def test_hypotheses_are_reordered_and_sentences_leave(float64, n):
    """Random moves as beam search makes them: often all go on from one, so that what the others saw is forgotten."""
    model = tiny_model(13, max_len=64)
    src = random_ids(6, 5, 13)
    src[1, 3:] = 0
    steps, sentences = Steps(Decoder(model), src), torch.arange(6)
    generator = torch.Generator().manual_seed(n)

    def draw(high: int, *shape: int) -> torch.Tensor:
        return torch.randint(0, high, shape, generator=generator)

    ids, forgotten, calls = torch.empty(6, 1, 0, dtype=torch.long), 0, []
    make_room, cross = steps.make_room, steps.cross.data_ptr()
    steps.make_room = lambda n: calls.append(steps.filled) or make_room(n)
    for step in range(50):
        new = 1 + draw(10, *ids.shape[:2], 1)
        ids = torch.cat((ids, new), 2)
        expected = model(src[sentences].repeat_interleave(ids.size(1), 0), ids.flatten(0, 1))[:, -1]
        filled = steps.filled + ids.size(1)
        torch.testing.assert_close(steps(new.flatten()), expected, **EXACT)
        forgotten += filled - steps.filled
        left = {2: [0, 5, 2, 3, 4], 9: [0, 4, 2], 20: [0, 1], 30: [1]}.get(step)
        left = None if left is None else torch.tensor(left)
        if left is not None:
            ids, sentences = ids[left], sentences[left]
        parents = draw(ids.size(1), len(ids), n if step % 3 else 1).expand(-1, n)
        ids = ids.take_along_dim(parents[:, :, None], 1)
        steps.select(parents, left)
        assert steps.cross.size(2) == steps.own.size(3) == len(sentences)
        assert steps.cross.data_ptr() == cross  # moved within, not copied
    assert len(calls) <= 12, calls
    assert forgotten + steps.filled == 1 + 49 * n
    assert forgotten == 0 if n == 1 else forgotten > 20 * n - 20


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
