"""The model against formulas, against torch's own layers, and against itself computed otherwise."""

import math

import numpy as np
import pytest
import torch
from helpers import EXACT, VARIANTS, logits_of, random_ids, tiny_config, tiny_model
from torch import nn
from torch.nn import functional as F

from transformer_mt.config import Activation, CrossAttention, EncoderGate, Norm
from transformer_mt.model import (
    ChannelGate,
    FeedForward,
    Gates,
    MultiHeadAttention,
    SpatialGate,
    Trace,
    Transformer,
    attention,
    causal_mask,
    hard_attention,
    key_mask,
    positional_encoding,
    straight_through,
)

# ---------------------------------------------------------------------------------------- attention


@pytest.mark.parametrize("masked", [False, True])
def test_attention_equals_the_fused_kernel_and_a_loop(float64, masked):
    torch.manual_seed(1)
    q, k, v = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 6, 5), torch.randn(2, 3, 6, 5)
    mask = torch.rand(2, 1, 4, 6) < 0.6 if masked else None
    if mask is not None:
        mask[..., 0] = True
    z, weights = attention(q, k, v, mask)
    torch.testing.assert_close(z, F.scaled_dot_product_attention(q, k, v, mask), **EXACT)
    for b, h, t in np.ndindex(2, 3, 4):
        allowed = [s for s in range(6) if mask is None or mask[b, 0, t, s]]
        terms = []
        for s in allowed:
            product = sum(q[b, h, t, i] * k[b, h, s, i] for i in range(5))
            terms.append(math.exp(product / math.sqrt(5)))
        expected = [0.0] * 6
        for s, term in zip(allowed, terms, strict=True):
            expected[s] = term / sum(terms)
        torch.testing.assert_close(weights[b, h, t], torch.tensor(expected), **EXACT)
        expected_z = sum(expected[s] * v[b, h, s] for s in allowed)
        torch.testing.assert_close(z[b, h, t], expected_z, **EXACT)


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
    """Copy our weights into torch's module, whose key bias becomes 0."""
    key_bias = torch.zeros_like(ours.w_q.bias)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat((ours.w_q.weight, ours.w_k.weight, ours.w_v.weight)))
        theirs.in_proj_bias.copy_(torch.cat((ours.w_q.bias, key_bias, ours.w_v.bias)))
        theirs.out_proj.load_state_dict(ours.w_o.state_dict())


@pytest.mark.parametrize("n_keys", [6, 40])
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
    trace = [] if recorded else None
    z = ours(x, *ours.keys_values(other), key_mask(padding), trace)
    torch.testing.assert_close(z, expected, **EXACT)
    if trace is not None:
        torch.testing.assert_close(trace[0].weights, expected_weights, **EXACT)


def test_attention_stores_nothing_on_the_module():
    module = MultiHeadAttention(8, 2)
    before = set(vars(module))
    x = torch.randn(1, 3, 8)
    module(x, *module.keys_values(x), None, [])
    assert set(vars(module)) == before


# ----------------------------------------------------------------------- feed-forward and positions


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
        (Activation.swish, lambda h: h / (1 + torch.exp(-h))),
    ],
)
def test_relu_gelu_and_swish_equal_their_formulas(float64, activation, formula):
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


# -------------------------------------------------------------------- the whole model against torch


def copy_norm(theirs: nn.LayerNorm, ours: nn.LayerNorm) -> None:
    theirs.load_state_dict(ours.state_dict())


def torch_twin(model: Transformer) -> nn.Transformer:
    """torch's own encoder-decoder with the weights of `model`.

    It is in training mode, because in evaluation torch takes shortcuts.
    """
    config = model.config
    twin = nn.Transformer(
        config.d_model,
        config.n_heads,
        config.n_encoder_layers,
        config.n_decoder_layers,
        config.d_ff,
        dropout=0.0,
        activation=config.activation.value,
        norm_first=config.norm is Norm.pre,
        batch_first=True,
    )
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
    else:  # torch adds a norm after the last layer's own; the paper does not
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
    future = torch.ones(5, 5, dtype=torch.bool).triu(1)
    states = twin.decoder(tgt_x, memory, tgt_mask=future, memory_key_padding_mask=padding)
    expected = states @ model.output.weight.T

    torch.testing.assert_close(model.encode(src)[~padding], memory[~padding], **EXACT)
    logits = logits_of(model, src, tgt_in)
    torch.testing.assert_close(logits, expected, **EXACT)

    weighting = torch.randn_like(logits)
    (logits * weighting).sum().backward()
    (expected * weighting).sum().backward()
    for ids, x, table in ((src, src_x, model.src_embedding), (tgt_in, tgt_x, model.tgt_embedding)):
        gradients = x.grad.flatten(0, 1) * math.sqrt(16)
        gradient = torch.zeros_like(table.weight).index_add_(0, ids.flatten(), gradients)
        torch.testing.assert_close(table.weight.grad, gradient, **EXACT)
    ours, theirs = model.decoder_layers[0].cross_attention, twin.decoder.layers[0].multihead_attn
    gradient = torch.cat((ours.w_q.weight.grad, ours.w_k.weight.grad, ours.w_v.weight.grad))
    torch.testing.assert_close(gradient, theirs.in_proj_weight.grad, **EXACT)
    assert theirs.in_proj_bias.grad[16:32].abs().max() < 1e-12  # why our keys have no bias


def test_forward_gives_the_states_below_the_output_layer(float64):
    model = tiny_model()
    src, tgt_in = random_ids(3, 6, 13), random_ids(3, 5, 11)
    src[1, 4:] = 0
    states = model(src, tgt_in)
    assert states.shape == (3, 5, 16)
    logits = model.decode(tgt_in, model.encode(src), src == 0)
    torch.testing.assert_close(model.output(states), logits, **EXACT)


# ------------------------------------------------------------------------------- recorded attention


@pytest.mark.parametrize("changes", VARIANTS)
@pytest.mark.parametrize("s, t", [(6, 5), (36, 35)])
def test_recording_the_weights_changes_nothing_and_every_row_is_a_distribution(
    float64, changes, s, t
):
    model = tiny_model(7, **changes)
    src, tgt_in = random_ids(2, s, 13), random_ids(2, t, 11)
    src[1, 3:] = 0
    padding = src == 0
    trace = Trace()
    memory = model.encode(src, trace)
    logits = model.decode(tgt_in, memory, padding, trace)
    torch.testing.assert_close(logits, logits_of(model, src, tgt_in), **EXACT)

    assert [layer.weights.shape for layer in trace.encoder_self] == [(2, 4, s, s)] * 2
    assert [layer.weights.shape for layer in trace.decoder_self] == [(2, 4, t, t)] * 2
    assert [layer.weights.shape for layer in trace.cross] == [(2, 4, t, s)] * 2
    future = torch.ones(t, t, dtype=torch.bool).triu(1)
    for layer in (*trace.encoder_self, *trace.cross):
        assert layer.weights.masked_select(padding[:, None, None]).eq(0).all()
    for layer in trace.decoder_self:
        assert layer.weights.masked_select(future).eq(0).all()
    for layer in (*trace.encoder_self, *trace.decoder_self, *trace.cross):
        ones = torch.ones(layer.weights.shape[:-1])
        torch.testing.assert_close(layer.weights.sum(-1), ones, **EXACT)


@pytest.mark.parametrize("changes", VARIANTS)
def test_a_trace_holds_every_number_of_every_attention_layer(float64, changes):
    """Each number follows from the ones before it and from the layer's own matrices."""
    model = tiny_model(8, **changes)
    src, tgt_in = random_ids(2, 6, 13), random_ids(2, 5, 11)
    src[1, 3:] = 0
    trace = Trace()
    memory = model.encode(src, trace)
    model.decode(tgt_in, memory, src == 0, trace)
    for kind, layers in model.attention_layers().items():
        for layer, record in zip(layers, getattr(trace, kind), strict=True):
            source = memory if kind == "cross" else record.x
            for heads, x, matrix in (
                (record.q, record.x, layer.w_q),
                (record.k, source, layer.w_k),
                (record.v, source, layer.w_v),
            ):
                expected = matrix(x).unflatten(-1, (4, 4)).transpose(1, 2)
                torch.testing.assert_close(heads, expected, **EXACT)
            scores = record.q @ record.k.transpose(-2, -1) / 2
            hidden = record.weights == 0
            weights = scores.masked_fill(hidden, -torch.inf).softmax(-1)
            torch.testing.assert_close(record.weights, weights, **EXACT)
            if layer.hard:
                weights = F.one_hot(weights.argmax(-1), weights.size(-1)).double()
            z = (weights @ record.v).transpose(1, 2).flatten(2)
            torch.testing.assert_close(record.z, z, **EXACT)
            torch.testing.assert_close(record.output, layer.w_o(z), **EXACT)


# ----------------------------------------------------------------------------- what must not matter


def test_future_tokens_change_nothing(float64):
    model = tiny_model(9)
    src, tgt_in = random_ids(2, 6, 13), random_ids(2, 5, 11)
    logits = logits_of(model, src, tgt_in)
    for t in range(1, 5):
        changed = tgt_in.clone()
        changed[:, t:] = changed[:, t:] % 10 + 1
        other = logits_of(model, src, changed)
        torch.testing.assert_close(other[:, :t], logits[:, :t], **EXACT)
        assert (other[:, t] - logits[:, t]).abs().max() > 1e-3


@pytest.mark.parametrize("changes", VARIANTS)
def test_source_padding_and_batch_mates_change_nothing(float64, changes):
    model = tiny_model(10, **changes)
    src, tgt_in = random_ids(1, 4, 13), random_ids(1, 5, 11)
    alone = logits_of(model, src, tgt_in)
    mates = random_ids(2, 9, 13, seed=3)
    batch = torch.cat((F.pad(src, (0, 5)), mates))
    together = logits_of(model, batch, torch.cat((tgt_in, random_ids(2, 5, 11, seed=4))))
    torch.testing.assert_close(together[:1], alone, **EXACT)
    torch.testing.assert_close(model.encode(batch)[:1, :4], model.encode(src), **EXACT)
    changed = src.clone()
    changed[0, 3] = changed[0, 3] % 12 + 1
    assert (logits_of(model, changed, tgt_in) - alone).abs().max() > 1e-3


def test_a_source_of_padding_alone_gives_numbers():
    model = tiny_model()
    src, tgt_in = torch.zeros(1, 3, dtype=torch.long), random_ids(1, 2, 11)
    assert logits_of(model, src, tgt_in).isfinite().all()


# --------------------------------------------------------------------------------------- parameters

ATTENTION = [f"w_{name}.weight" for name in "qkvo"] + [f"w_{name}.bias" for name in "qvo"]
FEED_FORWARD = ["w_in.weight", "w_in.bias", "w_out.weight", "w_out.bias"]
NORM = ["norm.weight", "norm.bias"]
ENCODER_LAYER = {
    "self_attention": ATTENTION,
    "self_residual": NORM,
    "feed_forward": FEED_FORWARD,
    "feed_forward_residual": NORM,
}
DECODER_LAYER = ENCODER_LAYER | {"cross_attention": ATTENTION, "cross_residual": NORM}


def layer_names(layer: str, parts: dict[str, list[str]]) -> set[str]:
    return {f"{layer}.{part}.{name}" for part, names in parts.items() for name in names}


@pytest.mark.parametrize("norm", Norm)
def test_parameter_names(norm):
    """Saved models carry these names, so a changed one makes every old model unreadable."""
    model = tiny_model(n_encoder_layers=1, n_decoder_layers=1, norm=norm)
    expected = {"tgt_embedding.weight", "src_embedding.weight"}
    expected |= layer_names("encoder_layers.0", ENCODER_LAYER)
    expected |= layer_names("decoder_layers.0", DECODER_LAYER)
    if norm is Norm.pre:
        expected |= {"encoder_norm.weight", "encoder_norm.bias"}
        expected |= {"decoder_norm.weight", "decoder_norm.bias"}
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
    logits_of(model, random_ids(2, 5, 13), random_ids(2, 4, 11)).square().sum().backward()
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
    logits = logits_of(model, random_ids(8, 12, 500), random_ids(8, 12, 700))
    loss = F.cross_entropy(logits.flatten(0, 1), random_ids(8, 12, 700, seed=1).flatten())
    assert loss.item() == pytest.approx(math.log(700), abs=1.0)


# ------------------------------------------------------------------------------------------ dropout


def test_a_model_in_training_drops_and_in_evaluation_does_not():
    model = tiny_model(dropout=0.3)
    src, tgt_in = random_ids(2, 5, 13), random_ids(2, 4, 11)
    assert torch.equal(logits_of(model, src, tgt_in), logits_of(model, src, tgt_in))
    model.train()
    assert not torch.equal(logits_of(model, src, tgt_in), logits_of(model, src, tgt_in))


# ----------------------------------------------------------------------- device, limits, precision


def test_a_model_says_on_which_device_it_is():
    model = tiny_model(joint=True)
    assert model.device == torch.device("cpu")
    assert model.to("meta").device == torch.device("meta")


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
    trace = Trace()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model.decode(tgt_in, model.encode(src, trace), src == 0, trace)
        fused = logits_of(model, src, tgt_in)
    assert logits.dtype is torch.bfloat16
    for layer in (*trace.encoder_self, *trace.decoder_self, *trace.cross):
        rows = layer.weights
        assert rows.dtype is torch.float32
        torch.testing.assert_close(rows.sum(-1), torch.ones(rows.shape[:-1]), rtol=0, atol=1e-6)
    exact = logits_of(model, src, tgt_in)
    for other in (logits.float(), fused.float()):
        assert (other - exact).abs().max() < 0.1 * exact.abs().max()


# --------------------------------------------------------------------------- one position at a time


@pytest.mark.parametrize(
    "option, values",
    [
        ("norm", Norm),
        ("activation", Activation),
        ("cross_attention", CrossAttention),
        ("encoder_gate", EncoderGate),
    ],
)
def test_the_variants_have_every_kind_of_layer(option, values):
    """Whoever adds a kind adds it to VARIANTS, so that steps and traces of it are tested, too."""
    assert {getattr(tiny_config(**changes), option) for changes in VARIANTS} == set(values)


def step_logits(model: Transformer, src: torch.Tensor, tgt_in: torch.Tensor) -> torch.Tensor:
    """Logits `(B, N, T, V)` of N hypotheses `(B, N, T)` for each sentence, step by step.

    Where all begin alike, they begin as one, as in beam search.
    """
    padding = src == model.pad_id
    cache = model.start(model.encode(src), padding if padding.any() else None)
    first, n = tgt_in[:, :1, 0], tgt_in.size(1)
    if n > 1 and tgt_in[..., 0].eq(first).all():
        logits = [model.step(first, cache).expand(-1, n, -1)]
        cache.reorder(torch.zeros(len(src), n, dtype=torch.long))
    else:
        logits = [model.step(tgt_in[..., 0], cache)]
    logits += [model.step(ids, cache) for ids in tgt_in[..., 1:].unbind(2)]
    return torch.stack(logits, dim=2)


@pytest.mark.parametrize("changes", VARIANTS)
@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("n", [1, 3])
def test_every_step_is_the_last_position_of_the_whole_model(float64, changes, n, together):
    model = tiny_model(11, max_len=40, **changes)
    src, tgt_in = random_ids(3, 6, 13), random_ids(3 * n, 35, 11).view(3, n, 35)
    src[1, 2:] = 0
    if together:
        tgt_in[..., 0] = 1
    with torch.no_grad():
        logits = step_logits(model, src, tgt_in).flatten(0, 1)
        repeated, targets = src.repeat_interleave(n, 0), tgt_in.flatten(0, 1)
        torch.testing.assert_close(logits, logits_of(model, repeated, targets), **EXACT)
        memory = model.encode(repeated)
        for t in range(35):
            prefix = model.decode(targets[:, : t + 1], memory, repeated == 0)
            torch.testing.assert_close(logits[:, t], prefix[:, -1], **EXACT)


@pytest.mark.parametrize("n", [1, 2, 8])
def test_hypotheses_are_reordered_and_sentences_leave(float64, n):
    """Move at random as beam search moves: often all hypotheses go on from one of them."""
    model = tiny_model(13, max_len=64)
    src = random_ids(6, 5, 13)
    src[1, 3:] = 0
    generator = torch.Generator().manual_seed(n)

    def draw(high: int, *shape: int) -> torch.Tensor:
        return torch.randint(0, high, shape, generator=generator)

    with torch.no_grad():
        cache, sentences = model.start(model.encode(src), src == 0), torch.arange(6)
        ids = torch.empty(6, 1, 0, dtype=torch.long)
        for step in range(50):
            new = 1 + draw(10, *ids.shape[:2], 1)
            ids = torch.cat((ids, new), 2)
            sources = src[sentences].repeat_interleave(ids.size(1), 0)
            expected = logits_of(model, sources, ids.flatten(0, 1))[:, -1]
            logits = model.step(new[..., 0], cache).flatten(0, 1)
            torch.testing.assert_close(logits, expected, **EXACT)
            parents = draw(ids.size(1), len(ids), n if step % 3 else 1).expand(-1, n)
            ids = ids.take_along_dim(parents[:, :, None], 1)
            cache.reorder(parents)
            remaining = {2: [0, 2, 3, 4, 5], 9: [0, 2, 4], 20: [0, 1], 30: [1]}.get(step)
            if remaining is not None:
                ids, sentences = ids[remaining], sentences[remaining]
                cache.keep(torch.tensor(remaining))


def test_one_hypothesis_goes_on_from_one_of_several(float64):
    model = tiny_model(15)
    src, ids = random_ids(2, 5, 13), 1 + random_ids(2, 4, 10)
    with torch.no_grad():
        cache = model.start(model.encode(src), None)
        model.step(ids[:, :1], cache)
        cache.reorder(torch.zeros(2, 2, dtype=torch.long))
        model.step(torch.stack((ids[:, 1] % 9 + 1, ids[:, 1]), dim=1), cache)
        cache.reorder(torch.ones(2, 1, dtype=torch.long))
        model.step(ids[:, 2:3], cache)
        logits = model.step(ids[:, 3:], cache)[:, 0]
        torch.testing.assert_close(logits, logits_of(model, src, ids)[:, -1], **EXACT)


def test_positions_that_no_hypothesis_descends_from_are_dropped():
    """A beam of 8 that always goes on from one of them needs one position a step, and its own."""
    model = tiny_model(16, max_len=64)
    with torch.no_grad():
        cache = model.start(model.encode(random_ids(2, 5, 13)), None)
        for _ in range(60):
            model.step(torch.ones(2, 8, dtype=torch.long), cache)
            cache.reorder(torch.zeros(2, 8, dtype=torch.long))
    assert cache.ancestors.size(2) < 8 * 60 / 2
    assert cache.layers[0].n_positions == cache.ancestors.size(2)


def test_more_steps_than_max_len_are_refused():
    model = tiny_model(max_len=8)
    cache = model.start(model.encode(random_ids(1, 6, 13)), None)
    for _ in range(8):
        model.step(torch.tensor([[1]]), cache)
    with pytest.raises(ValueError, match=r"9 tokens, but .* at most model\.max_len=8"):
        model.step(torch.tensor([[1]]), cache)


def test_steps_in_bf16_are_near():
    """Under autocast products are in bf16 and sums in float32."""
    model = tiny_model(14)
    src, tgt_in = random_ids(2, 6, 13), random_ids(2, 5, 11)
    with torch.no_grad():
        exact = logits_of(model, src, tgt_in)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = step_logits(model, src, tgt_in[:, None])[:, 0]
    assert logits.dtype is torch.bfloat16
    assert 0 < (logits.float() - exact).abs().max() < 0.1 * exact.abs().max()


# ------------------------------------------------------------------------- gates and hard attention


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def numpy_channel(f: np.ndarray, w_0: np.ndarray, w_1: np.ndarray) -> np.ndarray:
    """The channel gate of one sentence `(n, D)` (Woo et al. 2018, equation 2)."""
    hidden = [np.maximum(w_0 @ pooled, 0) for pooled in (f.mean(0), f.max(0))]
    return sigmoid(w_1 @ hidden[0] + w_1 @ hidden[1])


def numpy_spatial(f: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The spatial gate of one sentence `(n, D)` with a kernel `(2, 7)` (equation 3)."""
    padded = np.pad(np.stack([f.mean(1), f.max(1)]), ((0, 0), (3, 3)))
    return sigmoid(np.array([(padded[:, i : i + 7] * kernel).sum() for i in range(len(f))]))


def sentences() -> tuple[torch.Tensor, torch.Tensor]:
    """Three sentences of 9, 5 and 1 positions, with large rubbish where the padding is."""
    x = torch.from_numpy(np.random.default_rng(4).normal(size=(3, 9, 32)))
    padding = torch.arange(9) >= torch.tensor([[9], [5], [1]])
    return x.masked_fill(padding[..., None], 1e3), padding


@pytest.mark.parametrize("kind", [EncoderGate.channel, EncoderGate.spatial, EncoderGate.both])
def test_gates_equal_their_papers_formulas_sentence_by_sentence(float64, kind):
    torch.manual_seed(1)
    module, (x, padding) = Gates(kind, 32), sentences()
    if module.channel is not None:  # 32 channels, which the paper reduces by 16
        assert module.channel.w_0.weight.shape == (2, 32)
    gated, gates = module(x, padding)
    assert set(gates) == ({"channel", "spatial"} if kind is EncoderGate.both else {kind.value})
    for row, n in enumerate((9, 5, 1)):
        f = x[row, :n].numpy()
        if module.channel is not None:
            w_0, w_1 = (w.detach().numpy() for w in module.channel.parameters())
            gate = numpy_channel(f, w_0, w_1)
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
    trace: list = []
    z = layer(x, keys, values, None, trace if recorded else None)
    q = layer.w_q(x).view(1, 3, 2, 4).transpose(1, 2)
    best = (q @ keys.transpose(-2, -1)).argmax(-1)
    best_values = values.gather(2, best[..., None].expand(-1, -1, -1, 4))
    torch.testing.assert_close(z, layer.w_o(best_values.transpose(1, 2).reshape(1, 3, 8)), **EXACT)
    assert not recorded or torch.equal(trace[0].weights.argmax(-1), best)


def test_a_model_with_all_of_them_learns_everywhere_and_shows_its_gates(float64):
    changes = {"encoder_gate": EncoderGate.both, "cross_attention": CrossAttention.hard}
    model = tiny_model(5, **changes).train()
    src, tgt_in = random_ids(3, 6, 13), random_ids(3, 5, 11)
    src[1, 3:] = 0
    (logits_of(model, src, tgt_in) * torch.randn(3, 5, 11)).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name
    trace = Trace()
    memory = model.eval().encode(src, trace)
    gates = trace.gates["channel"][:, None] * trace.gates["spatial"][..., None]
    torch.testing.assert_close(memory, trace.features * gates, **EXACT)


def test_the_output_bias_is_added_to_every_logit_and_is_no_parameter_where_it_is_not_wanted():
    without, having = tiny_model(4), tiny_model(4, output_bias=True)
    with torch.no_grad():
        for name, parameter in without.named_parameters():
            having.get_parameter(name).copy_(parameter)
    assert having.output.bias.abs().min() > 0
    src, tgt_in = random_ids(2, 5, 13), random_ids(2, 4, 11)
    expected = logits_of(without, src, tgt_in) + having.output.bias
    torch.testing.assert_close(logits_of(having, src, tgt_in), expected)
    names = {name for name, _ in without.named_parameters()}
    assert {name for name, _ in having.named_parameters()} - names == {"output.bias"}
