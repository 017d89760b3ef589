"""The model against formulas, against torch's own layers, and against itself by other ways of computing the same."""

import math

import pytest
import torch
from helpers import EXACT, VARIANTS, random_ids, tiny_config, tiny_model
from torch import nn
from torch.nn import functional as F

from transformer_mt.config import Activation, Norm
from transformer_mt.fast import Dropout
from transformer_mt.model import (
    AttentionWeights,
    FeedForward,
    MultiHeadAttention,
    Transformer,
    attention,
    causal_mask,
    key_mask,
    positional_encoding,
)

# ------------------------------------------------------------------------------------------------------ attention


@pytest.mark.parametrize("masked", [False, True])
def test_attention_equals_the_fused_kernel_and_a_loop(float64, masked):
    torch.manual_seed(1)
    q, k, v = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 6, 5), torch.randn(2, 3, 6, 5)
    mask = torch.rand(2, 1, 4, 6) < 0.6 if masked else None
    if mask is not None:
        mask[..., 0] = True
    z, weights = attention(q, k, v, mask)
    torch.testing.assert_close(z, F.scaled_dot_product_attention(q, k, v, mask), **EXACT)
    for b in range(2):
        for h in range(3):
            for t in range(4):
                seen = [s for s in range(6) if mask is None or mask[b, 0, t, s]]
                terms = [
                    math.exp(sum(q[b, h, t, i] * k[b, h, s, i] for i in range(5)) / math.sqrt(5))
                    for s in seen
                ]
                expected = [0.0] * 6
                for s, term in zip(seen, terms, strict=True):
                    expected[s] = term / sum(terms)
                torch.testing.assert_close(weights[b, h, t], torch.tensor(expected), **EXACT)
                torch.testing.assert_close(
                    z[b, h, t], sum(expected[s] * v[b, h, s] for s in seen), **EXACT
                )


def test_a_row_that_sees_nothing_gives_zeros_on_both_paths(float64):
    q, k, v = torch.randn(1, 2, 3, 4), torch.randn(1, 2, 5, 4), torch.randn(1, 2, 5, 4)
    mask = torch.ones(1, 1, 3, 5, dtype=torch.bool)
    mask[:, :, 1] = False
    z, weights = attention(q, k, v, mask)
    assert weights[:, :, 1].eq(0).all() and z[:, :, 1].eq(0).all()
    torch.testing.assert_close(z, F.scaled_dot_product_attention(q, k, v, mask), **EXACT)
    torch.testing.assert_close(weights[:, :, 0].sum(-1), torch.ones(1, 2), **EXACT)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_softmax_of_half_precision_is_in_float32(dtype):
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 50, 8).to(dtype) for _ in range(3))
    z, weights = attention(q, k, v)
    assert weights.dtype is torch.float32 and z.dtype is dtype
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 50), rtol=0, atol=1e-6)


def test_masks_say_who_sees_what():
    assert key_mask(torch.tensor([[False, False, True]])).tolist() == [[[[True, True, False]]]]
    assert causal_mask(3).tolist() == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]


def copy_attention(theirs: nn.MultiheadAttention, ours: MultiHeadAttention) -> None:
    """Our weights into torch's module, whose key bias becomes 0."""
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat((ours.w_q.weight, ours.w_k.weight, ours.w_v.weight)))
        theirs.in_proj_bias.copy_(
            torch.cat((ours.w_q.bias, torch.zeros_like(ours.w_q.bias), ours.w_v.bias))
        )
        theirs.out_proj.load_state_dict(ours.w_o.state_dict())


@pytest.mark.parametrize(
    "n_keys", [6, 40]
)  # few enough for the equation, and enough for the fused kernel
@pytest.mark.parametrize("recorded", [False, True])
def test_multi_head_attention_equals_torchs_with_copied_weights(float64, recorded, n_keys):
    torch.manual_seed(2)
    ours, theirs = MultiHeadAttention(12, 3), nn.MultiheadAttention(12, 3, batch_first=True)
    copy_attention(theirs, ours)
    x, other = torch.randn(2, 4, 12), torch.randn(2, n_keys, 12)
    padding = torch.tensor([[False] * n_keys, [False] * 4 + [True] * (n_keys - 4)])
    expected, expected_weights = theirs(
        x, other, other, key_padding_mask=padding, average_attn_weights=False
    )
    weights = [] if recorded else None
    z = ours(x, *ours.keys_values(other), key_mask(padding), weights)
    torch.testing.assert_close(z, expected, **EXACT)
    if weights is not None:
        torch.testing.assert_close(weights[0], expected_weights, **EXACT)


def test_nothing_is_kept_on_the_module():
    module = MultiHeadAttention(8, 2)
    before = set(vars(module))
    x = torch.randn(1, 3, 8)
    module(x, *module.keys_values(x), None, [])
    assert set(vars(module)) == before


# -------------------------------------------------------------------------------------- feed-forward and positions


def test_swiglu_equals_its_formula(float64):
    torch.manual_seed(3)
    block = FeedForward(6, 10, Activation.swiglu)
    x = torch.randn(2, 5, 6)
    gate = x @ block.w_gate.weight.T + block.w_gate.bias
    inner = gate / (1 + torch.exp(-gate)) * (x @ block.w_in.weight.T + block.w_in.bias)
    torch.testing.assert_close(block(x), inner @ block.w_out.weight.T + block.w_out.bias, **EXACT)


@pytest.mark.parametrize(
    "activation, formula",
    [
        (Activation.relu, lambda h: torch.where(h > 0, h, 0.0)),
        (Activation.gelu, lambda h: h * (1 + torch.erf(h / math.sqrt(2))) / 2),
    ],
)
def test_relu_and_gelu_equal_their_formulas(float64, activation, formula):
    torch.manual_seed(3)
    block = FeedForward(6, 10, activation)
    assert block.w_gate is None
    x = torch.randn(2, 5, 6)
    inner = formula(x @ block.w_in.weight.T + block.w_in.bias)
    torch.testing.assert_close(block(x), inner @ block.w_out.weight.T + block.w_out.bias, **EXACT)


def test_positional_encoding_is_the_papers(float64):
    table = positional_encoding(40, 10)
    assert table.shape == (40, 10)
    for pos in range(40):
        for i in range(5):
            angle = pos / 10000 ** (2 * i / 10)
            assert table[pos, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-12)
            assert table[pos, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-12)


def test_far_positions_are_as_precise_as_near_ones():
    table = positional_encoding(60_000, 4)
    assert table.dtype is torch.float32
    assert table[59_999, 0].item() == pytest.approx(math.sin(59_999), abs=1e-7)


# ------------------------------------------------------------------------------------ the whole model against torch


def copy_norm(theirs: nn.LayerNorm, ours: nn.LayerNorm) -> None:
    theirs.load_state_dict(ours.state_dict())


def torch_twin(model: Transformer) -> nn.Transformer:
    """torch's own encoder-decoder with the weights of `model`, in training mode, which has no shortcuts."""
    config = model.config
    twin = nn.Transformer(
        config.d_model, config.n_heads, config.n_encoder_layers, config.n_decoder_layers, config.d_ff, dropout=0.0,
        activation=config.activation.value, norm_first=config.norm is Norm.pre, batch_first=True,
    )  # fmt: skip
    for theirs, ours in zip(twin.encoder.layers, model.encoder_layers, strict=True):
        copy_attention(theirs.self_attn, ours.self_attention)
        copy_norm(theirs.norm1, ours.self_residual.norm)
        copy_norm(theirs.norm2, ours.feed_forward_residual.norm)
        theirs.linear1.load_state_dict(ours.feed_forward.w_in.state_dict())
        theirs.linear2.load_state_dict(ours.feed_forward.w_out.state_dict())
    for theirs, ours in zip(twin.decoder.layers, model.decoder_layers, strict=True):
        copy_attention(theirs.self_attn, ours.self_attention)
        copy_attention(theirs.multihead_attn, ours.cross_attention)
        copy_norm(theirs.norm1, ours.self_residual.norm)
        copy_norm(theirs.norm2, ours.cross_residual.norm)
        copy_norm(theirs.norm3, ours.feed_forward_residual.norm)
        theirs.linear1.load_state_dict(ours.feed_forward.w_in.state_dict())
        theirs.linear2.load_state_dict(ours.feed_forward.w_out.state_dict())
    if config.norm is Norm.pre:
        copy_norm(twin.encoder.norm, model.encoder_norm)
        copy_norm(twin.decoder.norm, model.decoder_norm)
    else:  # the paper has no norm after the last layer's; torch adds one
        twin.encoder.norm = twin.decoder.norm = None
    return twin.train()


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("norm", Norm)
@pytest.mark.parametrize("activation", [Activation.relu, Activation.gelu])
def test_encoder_decoder_equals_torchs_with_copied_weights(float64, norm, activation):
    model = tiny_model(4, norm=norm, activation=activation, tie_embeddings=False)
    twin = torch_twin(model)
    src, tgt_in = random_ids(3, 7, 13, seed=5), random_ids(3, 5, 11, seed=6)
    src[1, 4:] = 0
    src[2, 1:] = 0
    padding = src == 0

    def embed(ids: torch.Tensor, table: nn.Embedding) -> torch.Tensor:
        return table(ids) * math.sqrt(16) + positional_encoding(64, 16)[: ids.size(1)]

    src_x = embed(src, model.src_embedding).detach().requires_grad_()
    tgt_x = embed(tgt_in, model.tgt_embedding).detach().requires_grad_()
    memory = twin.encoder(src_x, src_key_padding_mask=padding)
    states = twin.decoder(
        tgt_x,
        memory,
        tgt_mask=torch.ones(5, 5, dtype=torch.bool).triu(1),
        memory_key_padding_mask=padding,
    )
    expected = states @ model.output.weight.T

    torch.testing.assert_close(model.encode(src)[~padding], memory[~padding], **EXACT)
    logits = model(src, tgt_in)
    torch.testing.assert_close(logits, expected, **EXACT)

    weighting = torch.randn_like(logits)
    (logits * weighting).sum().backward()
    (expected * weighting).sum().backward()
    for ids, x, table in ((src, src_x, model.src_embedding), (tgt_in, tgt_x, model.tgt_embedding)):
        gradient = torch.zeros_like(table.weight).index_add_(
            0, ids.flatten(), x.grad.flatten(0, 1) * math.sqrt(16)
        )
        torch.testing.assert_close(table.weight.grad, gradient, **EXACT)
    ours, theirs = model.decoder_layers[0].cross_attention, twin.decoder.layers[0].multihead_attn
    torch.testing.assert_close(
        torch.cat((ours.w_q.weight.grad, ours.w_k.weight.grad, ours.w_v.weight.grad)), theirs.in_proj_weight.grad,
        **EXACT,
    )  # fmt: skip
    assert theirs.in_proj_bias.grad[16:32].abs().max() < 1e-12  # why our keys have no bias


def test_positions_give_the_states_below_the_output_layer(float64):
    model = tiny_model()
    src, tgt_in = random_ids(3, 6, 13), random_ids(3, 5, 11)
    positions = torch.tensor([[True] * 5, [True] * 2 + [False] * 3, [True] * 4 + [False]])
    states = model(src, tgt_in, positions)
    assert states.shape == (11, 16)
    torch.testing.assert_close(model.output(states), model(src, tgt_in)[positions], **EXACT)


# --------------------------------------------------------------------------------------------- recorded attention


@pytest.mark.parametrize("changes", VARIANTS)
@pytest.mark.parametrize("s, t", [(6, 5), (36, 35)])
def test_recording_the_weights_changes_nothing_and_every_row_is_a_distribution(
    float64, changes, s, t
):
    model = tiny_model(7, **changes)
    src, tgt_in = random_ids(2, s, 13), random_ids(2, t, 11)
    src[1, 3:] = 0
    padding = src == 0
    weights = AttentionWeights()
    memory = model.encode(src, weights)
    logits = model.decode(tgt_in, memory, padding, weights=weights)
    torch.testing.assert_close(logits, model(src, tgt_in), **EXACT)

    assert [w.shape for w in weights.encoder_self] == [(2, 4, s, s)] * 2
    assert [w.shape for w in weights.decoder_self] == [(2, 4, t, t)] * 2
    assert [w.shape for w in weights.cross] == [(2, 4, t, s)] * 2
    future = torch.ones(t, t, dtype=torch.bool).triu(1)
    for rows in (*weights.encoder_self, *weights.cross):
        assert rows.masked_select(padding[:, None, None]).eq(0).all()
    for rows in weights.decoder_self:
        assert rows.masked_select(future).eq(0).all()
    for rows in (*weights.encoder_self, *weights.decoder_self, *weights.cross):
        torch.testing.assert_close(rows.sum(-1), torch.ones(rows.shape[:-1]), **EXACT)


# ------------------------------------------------------------------------------------------ what must not matter


def test_future_tokens_change_nothing(float64):
    model = tiny_model(9)
    src, tgt_in = random_ids(2, 6, 13), random_ids(2, 5, 11)
    logits = model(src, tgt_in)
    for t in range(1, 5):
        changed = tgt_in.clone()
        changed[:, t:] = changed[:, t:] % 10 + 1
        other = model(src, changed)
        torch.testing.assert_close(other[:, :t], logits[:, :t], **EXACT)
        assert (other[:, t] - logits[:, t]).abs().max() > 1e-3


@pytest.mark.parametrize("changes", VARIANTS)
def test_source_padding_and_batch_mates_change_nothing(float64, changes):
    model = tiny_model(10, **changes)
    src, tgt_in = random_ids(1, 4, 13), random_ids(1, 5, 11)
    alone = model(src, tgt_in)
    mates = random_ids(2, 9, 13, seed=3)
    batch = torch.cat((F.pad(src, (0, 5)), mates))
    together = model(batch, torch.cat((tgt_in, random_ids(2, 5, 11, seed=4))))
    torch.testing.assert_close(together[:1], alone, **EXACT)
    torch.testing.assert_close(model.encode(batch)[:1, :4], model.encode(src), **EXACT)
    changed = src.clone()
    changed[0, 3] = changed[0, 3] % 12 + 1
    assert (model(changed, tgt_in) - alone).abs().max() > 1e-3


def test_a_source_of_padding_alone_gives_numbers():
    model = tiny_model()
    assert model(torch.zeros(1, 3, dtype=torch.long), random_ids(1, 2, 11)).isfinite().all()


# ---------------------------------------------------------------------------------------------- parameters

ATTENTION = [
    "w_q.weight",
    "w_q.bias",
    "w_k.weight",
    "w_v.weight",
    "w_v.bias",
    "w_o.weight",
    "w_o.bias",
]
FEED_FORWARD = ["w_in.weight", "w_in.bias", "w_out.weight", "w_out.bias"]
NORM = ["norm.weight", "norm.bias"]
ENCODER_LAYER = {
    "self_attention": ATTENTION, "self_residual": NORM, "feed_forward": FEED_FORWARD, "feed_forward_residual": NORM,
}  # fmt: skip
DECODER_LAYER = ENCODER_LAYER | {"cross_attention": ATTENTION, "cross_residual": NORM}


def layer_names(layer: str, parts: dict[str, list[str]]) -> set[str]:
    return {f"{layer}.{part}.{name}" for part, names in parts.items() for name in names}


@pytest.mark.parametrize("norm", Norm)
def test_parameter_names(norm):
    """Saved models carry these names: a changed one makes every old model unreadable."""
    model = tiny_model(n_encoder_layers=1, n_decoder_layers=1, norm=norm)
    expected = {"tgt_embedding.weight", "src_embedding.weight"}
    expected |= layer_names("encoder_layers.0", ENCODER_LAYER) | layer_names(
        "decoder_layers.0", DECODER_LAYER
    )
    if norm is Norm.pre:
        expected |= {
            f"{side}_norm.{name}" for side in ("encoder", "decoder") for name in ("weight", "bias")
        }
    assert {name for name, _ in model.named_parameters()} == expected
    assert "positions" not in model.state_dict()


def test_parameter_names_that_options_add():
    model = tiny_model(tie_embeddings=False, activation=Activation.swiglu)
    names = {name for name, _ in model.named_parameters()}
    assert {"output.weight", "encoder_layers.0.feed_forward.w_gate.weight"} <= names
    joint = tiny_model(n_src=11, joint=True)
    assert "src_embedding.weight" not in {name for name, _ in joint.named_parameters()}


@pytest.mark.parametrize(
    "joint, tie, tables",
    [(True, True, 11), (False, True, 13 + 11), (False, False, 13 + 2 * 11), (True, False, 33)],
)
def test_tying_and_the_number_of_parameters(joint, tie, tables):
    model = tiny_model(n_src=11 if joint else 13, joint=joint, tie_embeddings=tie)
    assert (model.output.weight is model.tgt_embedding.weight) == tie
    assert (model.src_embedding is model.tgt_embedding) == (joint and tie)
    d, f = 16, 24
    attention_size, feed_forward, norm = 4 * d * d + 3 * d, 2 * d * f + f + d, 2 * d
    encoder_layer = attention_size + feed_forward + 2 * norm
    decoder_layer = 2 * attention_size + feed_forward + 3 * norm
    expected = tables * d + 2 * encoder_layer + 2 * decoder_layer + 2 * norm
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


def test_every_parameter_has_a_gradient():
    model = tiny_model(tie_embeddings=False, activation=Activation.swiglu)
    model(random_ids(2, 5, 13), random_ids(2, 4, 11)).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("tie", [True, False])
def test_initial_values_are_as_stated(tie):
    torch.manual_seed(0)
    config = tiny_config(d_model=128, d_ff=256, tie_embeddings=tie)
    model = Transformer(config, 500, 700, pad_id=0, joint=False)
    for name, tensor in model.named_parameters():
        if "embedding" in name or name == "output.weight":
            assert tensor.std().item() == pytest.approx(128**-0.5, rel=0.02), name
            assert abs(tensor.mean().item()) < 4 * 128**-0.5 / math.sqrt(tensor.numel()), name
            assert tensor.abs().max() > 3 * 128**-0.5, name  # normal, not uniform
        elif name.endswith("bias"):
            assert tensor.eq(0).all(), name
        elif "norm" in name:
            assert tensor.eq(1).all(), name
        else:
            bound = math.sqrt(6 / sum(tensor.shape))
            assert 0.99 * bound < tensor.abs().max() <= bound, name
            assert tensor.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.02), name


def test_an_untrained_model_is_nearly_uniform():
    torch.manual_seed(0)
    model = Transformer(tiny_config(d_model=128, d_ff=256), 500, 700, pad_id=0, joint=False)
    logits = model(random_ids(8, 12, 500), random_ids(8, 12, 700))
    loss = F.cross_entropy(logits.flatten(0, 1), random_ids(8, 12, 700, seed=1).flatten())
    assert loss.item() == pytest.approx(math.log(700), abs=1.0)


# ------------------------------------------------------------------------------------------------------- dropout


@pytest.mark.parametrize("p", [0.1, 0.25, 0.5, 0.9])
def test_dropout_rate_and_expectation(p):
    torch.manual_seed(0)
    n = 200_003  # not a multiple of eight
    y = Dropout(p)(torch.ones(n))
    rate = round(p * 256) / 256
    assert abs(rate - p) <= 1 / 512
    dropped = y.eq(0).double().mean().item()
    assert dropped == pytest.approx(rate, abs=5 * math.sqrt(rate * (1 - rate) / n))
    torch.testing.assert_close(y[y != 0], torch.full_like(y[y != 0], 1 / (1 - rate)))
    assert y.mean().item() == pytest.approx(1, abs=5 * math.sqrt(rate / (1 - rate) / n))


def test_dropout_drops_elements_independently():
    torch.manual_seed(0)
    kept = Dropout(0.5)(torch.ones(8 * 50_000)).view(-1, 8).ne(0).double()
    correlation = torch.corrcoef(kept.T) - torch.eye(8, dtype=torch.float64)
    assert correlation.abs().max() < 5 / math.sqrt(50_000)


def test_dropout_in_evaluation_or_of_nothing_is_the_identity():
    x = torch.randn(3, 5)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0)(x) is x


@pytest.mark.parametrize("p", [1e-6, 0.999])
def test_dropout_of_any_allowed_probability_is_finite(p):
    assert Dropout(p)(torch.ones(1000)).isfinite().all()


def test_dropout_is_reproducible_under_a_seed():
    x, dropout = torch.randn(4, 7, 9), Dropout(0.4)
    torch.manual_seed(5)
    first, second = dropout(x), dropout(x)
    torch.manual_seed(5)
    assert torch.equal(dropout(x), first)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_gradient_passes_through_the_same_mask(dtype):
    x = torch.randn(6, 35).to(dtype).T.requires_grad_()  # not contiguous
    y = Dropout(0.4)(x)
    assert y.dtype is dtype and y.shape == x.shape
    y.sum().backward()
    torch.testing.assert_close(y.detach(), x.detach() * x.grad)
    assert x.grad.eq(0).any() and x.grad.ne(0).any()


def test_a_model_in_training_drops_and_in_evaluation_does_not():
    model = tiny_model(dropout=0.3)
    src, tgt_in = random_ids(2, 5, 13), random_ids(2, 4, 11)
    assert torch.equal(model(src, tgt_in), model(src, tgt_in))
    model.train()
    assert not torch.equal(model(src, tgt_in), model(src, tgt_in))


# --------------------------------------------------------------------------------------------- limits, precision


def test_more_than_max_len_is_refused():
    model = tiny_model(max_len=8)
    src = random_ids(1, 6, 13)
    memory = model.encode(src)
    with pytest.raises(ValueError, match=r"9 tokens, but .* at most model\.max_len=8"):
        model.encode(random_ids(1, 9, 13))
    model.decode(random_ids(1, 8, 11), memory, src == 0)
    with pytest.raises(ValueError, match=r"9 tokens, but .* at most model\.max_len=8"):
        model.decode(random_ids(1, 9, 11), memory, src == 0)


def test_bf16_runs_and_its_recorded_rows_sum_to_one():
    model = tiny_model(14)
    src, tgt_in = random_ids(2, 6, 13), random_ids(2, 5, 11)
    weights = AttentionWeights()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model.decode(tgt_in, model.encode(src, weights), src == 0, weights=weights)
        fused = model(src, tgt_in)
    assert logits.dtype is torch.bfloat16
    for rows in (*weights.encoder_self, *weights.decoder_self, *weights.cross):
        assert rows.dtype is torch.float32
        torch.testing.assert_close(rows.sum(-1), torch.ones(rows.shape[:-1]), rtol=0, atol=1e-6)
    exact = model(src, tgt_in)
    for other in (logits.float(), fused.float()):
        assert (other - exact).abs().max() < 0.1 * exact.abs().max()
