"""The equations of the primer: each function is one idea of attention, on numbers.

Shape letters as in `model.py`: T queries, S keys, D d_model, K d_head, H heads, L layers; n rows of whatever it is.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from transformer_mt.config import EncoderGate
from transformer_mt.model import Gates, MultiHeadAttention, Transformer, attention, hard_weights


def equal_shares(scores: Tensor) -> Tensor:
    """What everything gets without attention: 1 / S each, in the shape `(..., S)` of `scores`."""
    return scores.new_full(scores.shape, 1 / scores.size(-1))


def inner_products(x: Tensor) -> Tensor:
    """X X^T: the inner product of every row of `x` `(n, D)` with every other, `(n, n)`."""
    return x @ x.T


def projection(a: Tensor, b: Tensor) -> dict[str, float]:
    """The geometry of a · b = |a| |b| cos(angle), for vectors `(D,)`.

    Returns:
        `dot`, the lengths `a` and `b`, `cosine`, `angle` in degrees, and `projection`: a · b / |b|, how far a reaches
        in the direction of b.
    """
    dot, length_a, length_b = float(a @ b), float(a.norm()), float(b.norm())
    cosine = max(-1.0, min(1.0, dot / (length_a * length_b)))
    return {
        "dot": dot, "a": length_a, "b": length_b, "cosine": cosine, "angle": math.degrees(math.acos(cosine)),
        "projection": dot / length_b,
    }  # fmt: skip


def softmax_rows(scores: Tensor) -> Tensor:
    """exp(s_j) / sum_k exp(s_k) along the last dimension: positive, and every row adds up to 1."""
    exps = (
        scores - scores.amax(-1, keepdim=True)
    ).exp()  # the shift cancels out, and keeps exp from overflowing
    return exps / exps.sum(-1, keepdim=True)


def self_attention_plain(x: Tensor) -> tuple[Tensor, Tensor]:
    """softmax(X X^T) X, attention with nothing learned: new vectors `(n, D)` and weights `(n, n)` of `x` `(n, D)`."""
    weights = softmax_rows(inner_products(x))
    return weights @ x, weights


def head_projections(
    layer: MultiHeadAttention, x: Tensor, head: int, other: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """x W_Q + b_Q, x W_K, x W_V + b_V with the columns of one head (Vaswani et al. 2017, section 3.2.2).

    Args:
        x: what the attention layer is given, `(T, D)`.
        other: where keys and values come from in cross-attention, `(S, D)`; None = from `x`: self-attention.

    Returns:
        q `(T, K)`, k `(S, K)` and v `(S, K)`.
    """
    d_head = layer.w_q.out_features // layer.n_heads
    columns = slice(
        head * d_head, (head + 1) * d_head
    )  # of W; torch keeps W transposed, so rows of `weight`
    source = x if other is None else other
    q = x @ layer.w_q.weight[columns].T + layer.w_q.bias[columns]
    k = source @ layer.w_k.weight[columns].T
    v = source @ layer.w_v.weight[columns].T + layer.w_v.bias[columns]
    return q, k, v


def softmax_gradient(weights: Tensor) -> Tensor:
    """d weights_i / d score_j = weights_i (1[i = j] - weights_j): rows `(..., S)` to Jacobians `(..., S, S)`."""
    return weights.diag_embed() - weights[..., :, None] * weights[..., None, :]


def spread(q: Tensor, k: Tensor, scale: float, attn_mask: Tensor | None = None) -> dict[str, float]:
    """What dividing the scores by `scale` does to attention.

    Args:
        q: queries `(..., T, K)`.
        k: keys `(..., S, K)`.
        attn_mask: bool `(T, S)`, True = may attend.

    Returns:
        `variance` of the scores q · k / scale; `entropy` of the weights in nats, the mean over the rows: log S where
        all are equal, 0 where one takes everything; `softmax_gradient`: the Frobenius norm of d weights / d scores, and
        `query_gradient`: that of d weights / d q, which is what training passes on. Both are medians over the rows:
        without scaling a few undecided rows have huge gradients and most have none, so that a mean says little.
    """
    scores = q @ k.transpose(-2, -1) / scale
    seen = scores.flatten() if attn_mask is None else scores[..., attn_mask].flatten()
    weights = softmax_rows(
        scores if attn_mask is None else scores.masked_fill(~attn_mask, -math.inf)
    )
    jacobian = softmax_gradient(weights)  # (..., T, S, S)
    reaching_q = (jacobian.flatten(-3, -2) @ k / scale).view(
        *jacobian.shape[:-1], k.size(-1)
    )  # (..., T, S, K)
    return {
        "variance": float(seen.var(correction=0)),
        "entropy": abs(
            float(weights.xlogy(weights).sum(-1).mean())
        ),  # minus the sum; abs, for there is no -0
        "softmax_gradient": float(jacobian.flatten(-2).norm(dim=-1).quantile(0.5)),
        "query_gradient": float(reaching_q.flatten(-2).norm(dim=-1).quantile(0.5)),
    }


def scales(d_k: int) -> dict[str, float]:
    """The three divisors that section 5 compares."""
    return {"1": 1.0, "sqrt": math.sqrt(d_k), "d_k": float(d_k)}


def scaling_study(d_ks: Sequence[int], seed: int) -> list[dict[str, Any]]:
    """`spread` for random queries and keys with components of mean 0 and variance 1: 32 sets of 16 by 16, one row for
    each d_k. The variance of q · k is then d_k: a sum of d_k independent products of variance 1."""
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for d_k in d_ks:
        q, k = torch.randn(2, 32, 16, d_k, generator=generator, dtype=torch.float64)
        rows.append(
            {
                "d_k": d_k,
                "spread": {name: spread(q, k, scale) for name, scale in scales(d_k).items()},
            }
        )
    return rows


def retrieval(
    query: Tensor, keys: Tensor, values: Tensor, temperature: float = 1.0
) -> tuple[Tensor, Tensor]:
    """A soft dictionary: softmax(query · keys / (sqrt(d_k) temperature)) values.

    Args:
        query: `(K,)`; keys: `(S, K)`; values: `(S, K)`.
        temperature: 1 = what the model does; towards infinity every value gets the same share; 0 = a dictionary's
            exact hit, the value of the best key alone.

    Returns:
        The value found `(K,)` and the weights `(S,)`.
    """
    if temperature == 0:
        weights = hard_weights(keys @ query)
        return weights @ values, weights
    found, weights = attention(query[None] / temperature, keys, values)
    return found[0], weights[0]


@contextmanager
def switch_off_head(layer: MultiHeadAttention, head: int) -> Iterator[None]:
    """Inside, the head's rows of W_O are zero, so that it adds nothing to the concatenated heads' projection."""
    whole, d_head = layer.w_o.weight, layer.w_o.in_features // layer.n_heads
    cut = whole.detach().clone()
    cut[:, head * d_head : (head + 1) * d_head] = 0  # torch keeps matrices transposed
    layer.w_o.weight = torch.nn.Parameter(cut, requires_grad=False)
    try:
        yield
    finally:
        layer.w_o.weight = whole


def head_contributions(layer: MultiHeadAttention, z: Tensor) -> Tensor:
    """|z_h W_O,h|: how long a vector each head adds to the output, `(n, H)`, of concatenated heads `z` `(n, D)`. The
    contributions themselves add up to the output less its bias."""
    heads = z.view(len(z), layer.n_heads, 1, -1)  # (n, H, 1, K)
    w_o = layer.w_o.weight.T.view(layer.n_heads, -1, layer.w_o.out_features)  # (H, K, D)
    return (heads @ w_o).squeeze(2).norm(dim=-1)


def sequential_steps(length: int, n_layers: int) -> dict[str, int]:
    """How many computations must wait for each other while `length` tokens pass through `n_layers` layers (Vaswani et
    al. 2017, table 1, with layers).

    Returns:
        `recurrent`: each state waits for the one before it; layers may work one token behind each other. `attention`:
        in training every position of a layer at once. `decoding`: a translation is written token by token, by either.
        `recurrent_path`, `attention_path`: layer steps between the first token and the last.
    """
    return {
        "recurrent": length + n_layers - 1, "attention": n_layers, "decoding": length * n_layers,
        "recurrent_path": length - 1, "attention_path": min(1, length - 1),
    }  # fmt: skip


def path_shapes(model: Transformer, n_src: int, n_tgt: int) -> list[tuple[str, list[int]]]:
    """Name and shape of everything between a source sentence and the probabilities of its translation."""
    c = model.config
    s, t, d, h, k = n_src, n_tgt, c.d_model, c.n_heads, c.d_model // c.n_heads
    sizes = {"channel": [d], "spatial": [s]}
    gates = [
        (f"{name}_gate", size)
        for name, size in sizes.items()
        if getattr(model.gates, name, None) is not None
    ]
    return [
        ("src_ids", [s]), ("src_embedded", [s, d]),
        ("encoder_qkv", [h, s, k]), ("encoder_weights", [h, s, s]), ("encoder_concat", [s, d]),
        ("encoder_hidden", [s, c.d_ff]), *gates, ("memory", [s, d]),
        ("tgt_in", [t]), ("tgt_embedded", [t, d]), ("decoder_weights", [h, t, t]),
        ("cross_queries", [h, t, k]), ("cross_keys", [h, s, k]), ("cross_weights", [h, t, s]),
        ("decoder_hidden", [t, c.d_ff]), ("decoder_states", [t, d]), ("logits", [t, model.output.out_features]),
    ]  # fmt: skip


def temporal_gate(features: Tensor, reference: int) -> Tensor:
    """EDVR's temporal attention, sigmoid(theta(F_i) · phi(F_reference)) (Wang et al. 2019, equation 5), one number for
    each row of `features` `(n, D)`. Its two learned convolutions are not here: theta and phi make vectors unit long."""
    unit = features / features.norm(dim=1, keepdim=True)
    return (unit @ unit[reference]).sigmoid()


def untrained_gates(d_model: int) -> Gates:
    """Gates of both kinds as they are before training, always the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Gates(EncoderGate.both, d_model)
