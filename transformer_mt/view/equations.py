"""The equations of the primer: each function is one idea of attention, on numbers.

Shape letters as in `model.py`: T queries, S keys, D d_model, K d_head, H heads, L layers; n counts
rows of any kind. Papers: Vaswani et al. 2017 "Attention Is All You Need"; Woo et al. 2018 "CBAM";
Wang et al. 2019 "EDVR".
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from transformer_mt.config import EncoderGate
from transformer_mt.model import Gates, MultiHeadAttention, Transformer, attention, hard_weights

# ---- Sections 1 to 3: shares, inner products, softmax, the weighted sum ----


def equal_shares(scores: Tensor) -> Tensor:
    """1 / S for each of the S places in a row: what everything gets without attention.

    Args:
        scores: `(..., S)`; only their shape counts.
    """
    return torch.full_like(scores, 1 / scores.size(-1))


def inner_products(x: Tensor) -> Tensor:
    """X X^T: the inner product of every row of `x` `(n, D)` with every other, `(n, n)`."""
    return x @ x.T


def projection(a: Tensor, b: Tensor) -> dict[str, float]:
    """a · b = |a| |b| cos(angle) as geometry, for vectors `(D,)`.

    Returns:
        `dot`; the lengths `a` and `b`; `cosine`; `angle` in degrees; and `projection`, a · b / |b|:
        how far a reaches in the direction of b.
    """
    dot = float(a @ b)
    length_a, length_b = float(a.norm()), float(b.norm())
    cosine = dot / (length_a * length_b)
    cosine = max(-1.0, min(1.0, cosine))  # rounding can leave the domain of acos
    return {
        "dot": dot,
        "a": length_a,
        "b": length_b,
        "cosine": cosine,
        "angle": math.degrees(math.acos(cosine)),
        "projection": dot / length_b,
    }


def cosines(x: Tensor) -> Tensor:
    """The cosine of the angle between every row of `x` `(n, D)` and every other, `(n, n)`."""
    unit = x / x.norm(dim=-1, keepdim=True)
    return inner_products(unit)


def nearest(x: Tensor, n_nearest: int) -> tuple[Tensor, Tensor]:
    """The other rows that point most nearly in the direction of each row.

    Args:
        x: `(n, D)`.

    Returns:
        Their numbers and their cosines, best first, `(n, n_nearest)` each.
    """
    others = cosines(x).fill_diagonal_(-math.inf)
    best = others.topk(min(n_nearest, len(x) - 1))
    return best.indices, best.values


def median_cosine(x: Tensor) -> float:
    """The median over all pairs of different rows of `x` `(n, D)`: how alike any two are."""
    above = torch.ones(len(x), len(x), dtype=torch.bool).triu(1)
    return float(cosines(x)[above].quantile(0.5))


def softmax_rows(scores: Tensor) -> Tensor:
    """exp(s_j) / sum_k exp(s_k) along the last dimension: positive numbers that add up to 1."""
    # Taking off the largest score cancels out, and keeps exp from overflowing.
    exps = (scores - scores.amax(-1, keepdim=True)).exp()
    return exps / exps.sum(-1, keepdim=True)


def self_attention_plain(x: Tensor) -> tuple[Tensor, Tensor]:
    """softmax(X X^T) X: attention in which nothing is learned.

    Args:
        x: one vector for each piece of text, `(n, D)`.

    Returns:
        A new vector for each, `(n, D)`, and the weights `(n, n)`.
    """
    weights = softmax_rows(inner_products(x))
    return weights @ x, weights


# ---- Section 4: queries, keys, values ----


def head_projections(
    layer: MultiHeadAttention, x: Tensor, head: int, memory: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """x W_Q + b_Q, x W_K, x W_V + b_V with the columns of one head (Vaswani et al., section 3.2.2).

    Args:
        x: what the attention layer is given, `(T, D)`.
        memory: where the keys and values of cross-attention come from, `(S, D)`; None: from `x`,
            which is self-attention.

    Returns:
        q `(T, K)`, k `(S, K)` and v `(S, K)`.
    """
    d_head = layer.w_q.out_features // layer.n_heads
    # The head's columns of W. torch keeps matrices transposed, so they are rows of `weight`.
    columns = slice(head * d_head, (head + 1) * d_head)
    source = x if memory is None else memory

    q = x @ layer.w_q.weight[columns].T + layer.w_q.bias[columns]  # (T, K)
    k = source @ layer.w_k.weight[columns].T  # (S, K)
    v = source @ layer.w_v.weight[columns].T + layer.w_v.bias[columns]  # (S, K)
    return q, k, v


def row_information(weights: Tensor) -> Tensor:
    """How much the place of attention says about the row that attends, in nats.

    It is the entropy of the mean row less the mean entropy of the rows, which is the mutual
    information of row and column. It is 0 where all rows look the same way, evenly or at one token,
    and large where each looks sharply at a place of its own: that head has most to show.

    Args:
        weights: `(..., T, S)`.

    Returns:
        `(...)`.
    """
    return entropy(weights.mean(-2)) - entropy(weights).mean(-1)


def sink_shares(weights: Tensor) -> Tensor:
    """The mean share that goes to the first token, `<s>`, in every row but its own.

    Args:
        weights: of causal self-attention, `(..., T, T)`.

    Returns:
        `(...)`.
    """
    rows = weights[..., 1:, 0] if weights.size(-2) > 1 else weights[..., 0]
    return rows.mean(-1)


# ---- Section 5: why the scores are divided by sqrt(d_k) ----


def softmax_gradient(weights: Tensor) -> Tensor:
    """d weights_i / d score_j = weights_i (1[i = j] - weights_j).

    Args:
        weights: rows of a softmax, `(..., S)`.

    Returns:
        The Jacobian matrix of each row, `(..., S, S)`.
    """
    return weights.diag_embed() - weights[..., :, None] * weights[..., None, :]


def query_gradient(weights: Tensor, k: Tensor, scale: float) -> Tensor:
    """d weights / d q = (d weights / d scores) K / scale, because the scores are q K^T / scale.

    Args:
        weights: `(..., T, S)`.
        k: keys `(..., S, K)`.

    Returns:
        How every weight of a row moves with every component of the row's query, `(..., T, S, K)`.
    """
    jacobian = softmax_gradient(weights)  # (..., T, S, S)
    rows = jacobian.flatten(-3, -2) @ k / scale  # (..., T * S, K)
    return rows.view(*jacobian.shape[:-1], -1)


def entropy(weights: Tensor) -> Tensor:
    """-sum_j w_j log w_j of rows `(..., S)`, in nats `(...)`.

    It is log S where all weights are equal, and 0 where one takes everything.
    """
    return weights.xlogy(weights).sum(-1).neg().abs()  # abs, because -0 is printed as such


def spread(q: Tensor, k: Tensor, scale: float, attn_mask: Tensor | None = None) -> dict[str, float]:
    """What dividing the scores by `scale` does to attention.

    Args:
        q: queries `(..., T, K)`.
        k: keys `(..., S, K)`.
        attn_mask: bool `(T, S)`, True = may attend.

    Returns:
        `variance` of the scores q · k / scale; `entropy` of the weights, the mean over the rows;
        `softmax_gradient` and `query_gradient`, which training passes on, as Frobenius norms. The
        latter two are medians over the rows, because without scaling a few undecided rows have huge
        gradients and most have none, so that a mean says little.
    """
    scores = q @ k.transpose(-2, -1) / scale  # (..., T, S)
    if attn_mask is None:
        allowed_scores, masked_scores = scores, scores
    else:
        allowed_scores = scores[..., attn_mask]
        masked_scores = scores.masked_fill(~attn_mask, -math.inf)
    weights = softmax_rows(masked_scores)

    to_scores = softmax_gradient(weights).flatten(-2).norm(dim=-1)  # (..., T)
    to_q = query_gradient(weights, k, scale).flatten(-2).norm(dim=-1)  # (..., T)
    return {
        "variance": float(allowed_scores.flatten().var(correction=0)),
        "entropy": float(entropy(weights).mean()),
        "softmax_gradient": float(to_scores.quantile(0.5)),
        "query_gradient": float(to_q.quantile(0.5)),
    }


def scales(d_k: int) -> dict[str, float]:
    """The three divisors that section 5 compares: 1, sqrt(d_k) and d_k."""
    return {"1": 1.0, "sqrt": math.sqrt(d_k), "d_k": float(d_k)}


def scaling_study(d_ks: Sequence[int], seed: int) -> list[dict[str, Any]]:
    """`spread` of random queries and keys, for each d_k and each divisor.

    Components have mean 0 and variance 1, so q · k is a sum of d_k independent products of variance
    1, and its variance is d_k (Vaswani et al., section 3.2.1, footnote 4).

    Returns:
        For each d_k a row with `d_k` and, by divisor, `spread`.
    """
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for d_k in d_ks:
        # 32 sets of 16 queries and 16 keys.
        q, k = torch.randn(2, 32, 16, d_k, generator=generator, dtype=torch.float64)
        by_divisor = {name: spread(q, k, scale) for name, scale in scales(d_k).items()}
        rows.append({"d_k": d_k, "spread": by_divisor})
    return rows


# ---- Section 6: a soft lookup ----


def retrieval(
    query: Tensor, keys: Tensor, values: Tensor, temperature: float = 1.0
) -> tuple[Tensor, Tensor]:
    """A soft dictionary: softmax(query · keys / (sqrt(d_k) temperature)) values.

    Args:
        query: `(K,)`.
        keys: `(S, K)`.
        values: `(S, K)`.
        temperature: 1 is what the model does. Towards infinity every value gets the same share. 0
            is the exact hit of a dictionary: the value of the best key alone.

    Returns:
        The value `(K,)` that is looked up, and the weights `(S,)`.
    """
    if temperature == 0:
        weights = hard_weights(keys @ query)
        return weights @ values, weights
    z, weights = attention(query[None] / temperature, keys, values)  # (1, K), (1, S)
    return z[0], weights[0]


def letter_scores(query: str, keys: Sequence[str]) -> Tensor:
    """How many characters of a query stand at the same place in each key, `(S,)`.

    It is an inner product: write each text as zeros and ones, a 1 for each character at its place.
    5G · 5G = 2 and 5G · 4G = 1, so that 4G is half as relevant to 5G as 5G itself.
    """
    counts = [sum(a == b for a, b in zip(query, key, strict=False)) for key in keys]
    return torch.tensor(counts, dtype=torch.float64)


# ---- Section 8: many heads ----


@contextmanager
def switch_off_head(layer: MultiHeadAttention, head: int) -> Iterator[None]:
    """Let a head add nothing to the projection of the concatenated heads, while the context lasts.

    The head's rows of W_O are zero inside, which everyone sees who uses the layer: give it one of a
    model that nobody else has.
    """
    d_head = layer.w_o.in_features // layer.n_heads
    # torch keeps matrices transposed, so rows of W_O are columns of `weight`.
    rows = layer.w_o.weight.detach()[:, head * d_head : (head + 1) * d_head]
    trained = rows.clone()
    rows.zero_()
    try:
        yield
    finally:
        rows.copy_(trained)


def head_contributions(layer: MultiHeadAttention, z: Tensor) -> Tensor:
    """|z_h W_O,h|: how long a vector each head adds to the output.

    The vectors themselves add up to the output less its bias.

    Args:
        z: the concatenated heads `(n, D)`.

    Returns:
        `(n, H)`.
    """
    heads = z.view(len(z), layer.n_heads, 1, -1)  # (n, H, 1, K)
    w_o = layer.w_o.weight.T.view(layer.n_heads, -1, layer.w_o.out_features)  # (H, K, D)
    contributions = (heads @ w_o).squeeze(2)  # (n, H, D)
    return contributions.norm(dim=-1)


# ---- Section 9: from a sentence to a translation ----


def sequential_steps(length: int, n_layers: int) -> dict[str, int]:
    """How many computations must wait for each other (Vaswani et al., table 1, with layers).

    Returns:
        While `length` tokens pass through `n_layers` layers: `recurrent`, where each state waits
        for the one before it, though layers may work one token behind each other; `attention`,
        which in training computes all positions of a layer at once; `decoding`, where either writes
        token by token. Between the first token and the last of one layer: `recurrent_path` and
        `attention_path`.
    """
    return {
        "recurrent": length + n_layers - 1,
        "attention": n_layers,
        "decoding": length * n_layers,
        "recurrent_path": length - 1,
        "attention_path": min(1, length - 1),
    }


def path_shapes(model: Transformer, n_src: int, n_tgt: int) -> list[tuple[str, list[int]]]:
    """Name and shape of everything between a source sentence and its translation's
    probabilities."""
    config = model.config
    s, t, d, h = n_src, n_tgt, config.d_model, config.n_heads
    k = d // h
    gate_shapes = {"channel": [d], "spatial": [s]}
    gates = [
        (f"{name}_gate", shape)
        for name, shape in gate_shapes.items()
        if getattr(model.gates, name, None) is not None
    ]
    return [
        ("src_ids", [s]),
        ("src_embedded", [s, d]),
        ("encoder_qkv", [h, s, k]),
        ("encoder_weights", [h, s, s]),
        ("encoder_concat", [s, d]),
        ("encoder_hidden", [s, config.d_ff]),
        *gates,
        ("memory", [s, d]),
        ("tgt_in", [t]),
        ("tgt_embedded", [t, d]),
        ("decoder_weights", [h, t, t]),
        ("cross_queries", [h, t, k]),
        ("cross_keys", [h, s, k]),
        ("cross_weights", [h, t, s]),
        ("decoder_hidden", [t, config.d_ff]),
        ("decoder_states", [t, d]),
        ("logits", [t, model.output.out_features]),
    ]


# ---- Section 10: gates. `model.py` has those that can be trained ----


def temporal_gate(features: Tensor, reference: int) -> Tensor:
    """EDVR's temporal attention, sigmoid(theta(F_i) · phi(F_reference)) (Wang et al., equation 5).

    The paper's theta and phi are learned convolutions; here both make vectors unit long, and
    nothing more.

    Args:
        features: `(n, D)`.
        reference: the row that the others are compared with.

    Returns:
        A number from 0 to 1 for each row, `(n,)`.
    """
    unit = features / features.norm(dim=1, keepdim=True)
    return (unit @ unit[reference]).sigmoid()


def plain_gate(pooled: Tensor) -> Tensor:
    """A gate in which nothing is learned: sigmoid of how far each number lies above the mean.

    Args:
        pooled: of any shape.

    Returns:
        Numbers from 0 to 1 in the shape of `pooled`.
    """
    return ((pooled - pooled.mean()) / pooled.std(correction=0)).sigmoid()


def image_gates(image: Tensor) -> tuple[Tensor, Tensor]:
    """Both gates of CBAM on an image, without what they learn.

    Args:
        image: `(C, height, width)`.

    Returns:
        A gate for each channel `(C,)`, from its average and its maximum over the places; and one
        for each place `(height, width)`, from both over the channels.
    """
    channel = plain_gate(image.mean((1, 2)) + image.amax((1, 2)))
    spatial = plain_gate(image.mean(0) + image.amax(0))
    return channel, spatial


def untrained_gates(d_model: int) -> Gates:
    """Gates of both kinds as they are before training, always the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Gates(EncoderGate.both, d_model)
