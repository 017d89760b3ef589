"""The primer: an introduction to attention recomputed from a run's own model, `python -m transformer_mt.primer RUN`.

Each function is one equation; `primer_data` gathers what they give on one sentence pair, and `primer.html` shows it.
Shape letters as in `model.py`: T queries, S keys, D d_model, K d_head, H heads, L layers; n rows of whatever it is.
"""

import argparse
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from transformer_mt import cli
from transformer_mt.config import Config, UserError
from transformer_mt.files import talk
from transformer_mt.text import is_chinese, is_written_in, language_name, language_of, one_line

if TYPE_CHECKING:  # torch takes a second, and --help needs none of it
    from torch import Tensor

    from transformer_mt.alignment import Side
    from transformer_mt.model import Gates, MultiHeadAttention, Transformer
    from transformer_mt.tokenizer import Tokenizer
    from transformer_mt.translator import Attention, Translator

EXAMPLE = """  python -m transformer_mt.primer runs/starter-en-zh-tiny
  python -m transformer_mt.primer runs/starter-en-zh-tiny "I like apples." --output apples.html"""

DEFAULTS = {"zh": "早上好", "en": "Good morning."}
LONGEST = 24
"""Tokens of a side, its end mark included, that the page can draw."""
LONGEST_CHARACTERS = 36
"""Characters of the Chinese side that sections 2 and 3 can draw."""
DRAWN_BYTES = 600_000
"""Of vectors and columns of weights: where the model is large, the page shows some of its layers only."""
D_KS = tuple(2**i for i in range(11))


# ------------------------------------------------------------------------------ sections 1 to 4: one head, from nothing


def equal_shares(scores: "Tensor") -> "Tensor":
    """What everything gets without attention: 1 / S each, in the shape `(..., S)` of `scores`."""
    return scores.new_full(scores.shape, 1 / scores.size(-1))


def inner_products(x: "Tensor") -> "Tensor":
    """X X^T: the inner product of every row of `x` `(n, D)` with every other, `(n, n)`."""
    return x @ x.T


def projection(a: "Tensor", b: "Tensor") -> dict[str, float]:
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


def softmax_rows(scores: "Tensor") -> "Tensor":
    """exp(s_j) / sum_k exp(s_k) along the last dimension: positive, and every row adds up to 1."""
    exps = (scores - scores.amax(-1, keepdim=True)).exp()  # the shift cancels out, and keeps exp from overflowing
    return exps / exps.sum(-1, keepdim=True)


def self_attention_plain(x: "Tensor") -> tuple["Tensor", "Tensor"]:
    """softmax(X X^T) X, attention with nothing learned: new vectors `(n, D)` and weights `(n, n)` of `x` `(n, D)`."""
    weights = softmax_rows(inner_products(x))
    return weights @ x, weights


def head_projections(
    layer: "MultiHeadAttention", x: "Tensor", head: int, other: "Tensor | None" = None
) -> tuple["Tensor", "Tensor", "Tensor"]:
    """x W_Q + b_Q, x W_K, x W_V + b_V with the columns of one head (Vaswani et al. 2017, section 3.2.2).

    Args:
        x: what the attention layer is given, `(T, D)`.
        other: where keys and values come from in cross-attention, `(S, D)`; None = from `x`: self-attention.

    Returns:
        q `(T, K)`, k `(S, K)` and v `(S, K)`.
    """
    d_head = layer.w_q.out_features // layer.n_heads
    columns = slice(head * d_head, (head + 1) * d_head)  # of W; torch keeps W transposed, so rows of `weight`
    source = x if other is None else other
    q = x @ layer.w_q.weight[columns].T + layer.w_q.bias[columns]
    k = source @ layer.w_k.weight[columns].T
    v = source @ layer.w_v.weight[columns].T + layer.w_v.bias[columns]
    return q, k, v


# ------------------------------------------------------------------------------------------------ section 5: the scale


def softmax_gradient(weights: "Tensor") -> "Tensor":
    """d weights_i / d score_j = weights_i (1[i = j] - weights_j): rows `(..., S)` to Jacobians `(..., S, S)`."""
    return weights.diag_embed() - weights[..., :, None] * weights[..., None, :]


def spread(q: "Tensor", k: "Tensor", scale: float, attn_mask: "Tensor | None" = None) -> dict[str, float]:
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
    weights = softmax_rows(scores if attn_mask is None else scores.masked_fill(~attn_mask, -math.inf))
    jacobian = softmax_gradient(weights)  # (..., T, S, S)
    reaching_q = (jacobian.flatten(-3, -2) @ k / scale).view(*jacobian.shape[:-1], k.size(-1))  # (..., T, S, K)
    return {
        "variance": float(seen.var(correction=0)),
        "entropy": abs(float(weights.xlogy(weights).sum(-1).mean())),  # minus the sum; abs, for there is no -0
        "softmax_gradient": float(jacobian.flatten(-2).norm(dim=-1).quantile(0.5)),
        "query_gradient": float(reaching_q.flatten(-2).norm(dim=-1).quantile(0.5)),
    }


def scales(d_k: int) -> dict[str, float]:
    """The three divisors that section 5 compares."""
    return {"1": 1.0, "sqrt": math.sqrt(d_k), "d_k": float(d_k)}


def scaling_study(d_ks: Sequence[int], seed: int) -> list[dict[str, Any]]:
    """`spread` for random queries and keys with components of mean 0 and variance 1: 32 sets of 16 by 16, one row for
    each d_k. The variance of q · k is then d_k: a sum of d_k independent products of variance 1."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    rows = []
    for d_k in d_ks:
        q, k = torch.randn(2, 32, 16, d_k, generator=generator, dtype=torch.float64)
        rows.append({"d_k": d_k, "spread": {name: spread(q, k, scale) for name, scale in scales(d_k).items()}})
    return rows


# -------------------------------------------------------------------------------- sections 6 to 9: lookup, heads, time


def retrieval(query: "Tensor", keys: "Tensor", values: "Tensor", temperature: float = 1.0) -> tuple["Tensor", "Tensor"]:
    """A soft dictionary: softmax(query · keys / (sqrt(d_k) temperature)) values.

    Args:
        query: `(K,)`; keys: `(S, K)`; values: `(S, K)`.
        temperature: 1 = what the model does; towards infinity every value gets the same share; 0 = a dictionary's
            exact hit, the value of the best key alone.

    Returns:
        The value found `(K,)` and the weights `(S,)`.
    """
    from transformer_mt.model import attention, hard_weights

    if temperature == 0:
        weights = hard_weights(keys @ query)
        return weights @ values, weights
    found, weights = attention(query[None] / temperature, keys, values)
    return found[0], weights[0]


@contextmanager
def switch_off_head(layer: "MultiHeadAttention", head: int) -> Iterator[None]:
    """Inside, the head's rows of W_O are zero, so that it adds nothing to the concatenated heads' projection."""
    import torch

    whole, d_head = layer.w_o.weight, layer.w_o.in_features // layer.n_heads
    cut = whole.detach().clone()
    cut[:, head * d_head : (head + 1) * d_head] = 0  # torch keeps matrices transposed
    layer.w_o.weight = torch.nn.Parameter(cut, requires_grad=False)
    try:
        yield
    finally:
        layer.w_o.weight = whole


def head_contributions(layer: "MultiHeadAttention", z: "Tensor") -> "Tensor":
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


def path_shapes(model: "Transformer", n_src: int, n_tgt: int) -> list[tuple[str, list[int]]]:
    """Name and shape of everything between a source sentence and the probabilities of its translation."""
    c = model.config
    s, t, d, h, k = n_src, n_tgt, c.d_model, c.n_heads, c.d_model // c.n_heads
    sizes = {"channel": [d], "spatial": [s]}
    gates = [(f"{name}_gate", size) for name, size in sizes.items() if getattr(model.gates, name, None) is not None]
    return [
        ("src_ids", [s]), ("src_embedded", [s, d]),
        ("encoder_qkv", [h, s, k]), ("encoder_weights", [h, s, s]), ("encoder_concat", [s, d]),
        ("encoder_hidden", [s, c.d_ff]), *gates, ("memory", [s, d]),
        ("tgt_in", [t]), ("tgt_embedded", [t, d]), ("decoder_weights", [h, t, t]),
        ("cross_queries", [h, t, k]), ("cross_keys", [h, s, k]), ("cross_weights", [h, t, s]),
        ("decoder_hidden", [t, c.d_ff]), ("decoder_states", [t, d]), ("logits", [t, model.output.out_features]),
    ]  # fmt: skip


# ------------------------------------------------------------------------------------- section 10: kinds of attention


def temporal_gate(features: "Tensor", reference: int) -> "Tensor":
    """EDVR's temporal attention, sigmoid(theta(F_i) · phi(F_reference)) (Wang et al. 2019, equation 5), one number for
    each row of `features` `(n, D)`. Its two learned convolutions are not here: theta and phi make vectors unit long."""
    unit = features / features.norm(dim=1, keepdim=True)
    return (unit @ unit[reference]).sigmoid()


def untrained_gates(d_model: int) -> "Gates":
    """Gates of both kinds as they are before training, always the same."""
    import torch

    from transformer_mt.config import EncoderGate
    from transformer_mt.model import Gates

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Gates(EncoderGate.both, d_model)


# ------------------------------------------------------------------------------------------------ from a model to data


def observe(
    translator: "Translator", src: "Side", tgt: "Side"
) -> tuple[dict[str, list[dict[str, "Tensor"]]], "Tensor"]:
    """One teacher-forced pass, watched: by kind and layer the attention sub-layer's `x` (before post-norm's norm, after
    pre-norm's), its concatenated heads `z` and its output `out`, `(n, D)` each; and the memory `(S, D)`."""
    import torch

    model, device = translator.model, translator.device
    layers = model.attention_layers()
    seen: dict[str, list[dict[str, Tensor]]] = {kind: [{} for _ in found] for kind, found in layers.items()}
    handles = []
    for kind, found in layers.items():
        for layer, notes in zip(found, seen[kind], strict=True):

            def whole(_: object, args: Any, output: "Tensor", notes: dict[str, "Tensor"] = notes) -> None:
                notes["x"], notes["out"] = args[0][0], output[0]

            def inside(_: object, args: Any, notes: dict[str, "Tensor"] = notes) -> None:
                notes["z"] = args[0][0]

            handles += [layer.register_forward_hook(whole), layer.w_o.register_forward_pre_hook(inside)]
    src_ids = torch.tensor([src.ids], device=device)
    tgt_in = torch.tensor([[translator.tgt_tokenizer.bos_id, *tgt.ids[:-1]]], device=device)
    try:
        memory = model.encode(src_ids)
        model.decode(tgt_in, memory, torch.zeros_like(src_ids, dtype=torch.bool))
    finally:
        for handle in handles:
            handle.remove()
    return seen, memory[0]


def character_vectors(tokenizer: "Tokenizer", table: "Tensor", text: str) -> tuple[list[str], list[int], "Tensor"]:
    """The characters of `text`, white space left out; which have no piece of their own; and their vectors `(n, D)` in
    the embedding `table`: the piece's, or else the mean of the pieces of its UTF-8 bytes.

    Raises:
        UserError: the vocabulary has neither.
    """
    find = tokenizer.processor.piece_to_id
    characters = [c for c in text if not c.isspace()]
    spelt, vectors = [], []
    for i, character in enumerate(characters):
        ids = [find(character)]
        if ids[0] == tokenizer.unk_id:
            spelt.append(i)
            ids = [find(f"<0x{byte:02X}>") for byte in character.encode()]
        if tokenizer.unk_id in ids:
            raise UserError(f"the vocabulary lacks {character!r}; choose a sentence without it.")
        vectors.append(table[ids].mean(0))
    return characters, spelt, table.new_tensor([vector.tolist() for vector in vectors])


def check_source(translator: "Translator", text: str) -> str:
    """`text` as the page can show it; raises UserError otherwise."""
    from transformer_mt.translator import refuse_surrogates

    refuse_surrogates(text, "the sentence")
    text, code = one_line(text), translator.config.src_language
    if not text:
        raise UserError("the sentence is empty.")
    if not is_written_in(text, code):
        name = language_name(code)
        raise UserError(
            f"the sentence is not {name} ({text:.60}), but this run ({translator.config.direction}) reads {name}."
        )
    n_tokens = translator.n_tokens(translator.convert(text))
    if n_tokens > LONGEST:
        raise UserError(
            f"the sentence has {n_tokens} tokens, but the page draws at most {LONGEST}; leave words out, or take one "
            "clause of it."
        )
    if translator.src_tokenizer.unk_id in translator.src_tokenizer.encode([translator.convert(text)])[0]:
        raise UserError(f"the vocabulary lacks some of the sentence's characters ({text:.60}).")
    return text


def some_layers(n_layers: int, at_most: int) -> list[int]:
    """The numbers of all layers, or of `at_most` of them, spread evenly from the first to the last."""
    n = min(n_layers, at_most)
    return sorted({round(i * (n_layers - 1) / max(1, n - 1)) for i in range(n)})


def self_data(
    layers: list["MultiHeadAttention"], seen: list[dict[str, "Tensor"]], causal: bool, at_most: int
) -> dict[str, Any]:
    """Sections 4, 5 and 8: everything that one kind of self-attention computes, head by head, in `at_most` layers."""
    import torch

    from transformer_mt.model import causal_mask
    from transformer_mt.page import packed

    n_heads, d_model = layers[0].n_heads, layers[0].w_q.out_features
    d_head = d_model // n_heads
    mask = causal_mask(len(seen[0]["x"])) if causal else None
    drawn = []
    for number in some_layers(len(layers), at_most):
        layer, notes = layers[number], seen[number]
        heads = [head_projections(layer, notes["x"], head) for head in range(n_heads)]
        q, k, v = (torch.stack(parts) for parts in zip(*heads, strict=True))
        drawn.append({
            "layer": number, "x": packed(notes["x"].numpy()), "out": packed(notes["out"].numpy()),
            "q": packed(q.numpy()), "k": packed(k.numpy()), "v": packed(v.numpy()),
            "first_columns": packed(layer.w_q.weight[::d_head].detach().numpy()),  # of W_Q, one for each head
            "first_biases": layer.w_q.bias[::d_head].tolist(),
            "contributions": head_contributions(layer, notes["z"]).tolist(),
            "spread": [
                {name: spread(q[head], k[head], scale, mask) for name, scale in scales(d_head).items()}
                for head in range(n_heads)
            ],
        })  # fmt: skip
    return {"causal": causal, "n_layers": len(layers), "layers": drawn}


def first_choice(attention: "Attention") -> tuple[int, int]:
    """Layer and head of cross-attention to begin with: as the run's rule says; where it names none, the last layer, and
    there the head whose largest weights are largest."""
    layer = len(attention.cross) - 1 if attention.rule.layer is None else attention.rule.layer
    head = int(attention.cross[layer].max(-1).mean(-1).argmax()) if attention.rule.head is None else attention.rule.head
    return layer, head


def without_heads(translator: "Translator", attention: "Attention", at_most: int) -> dict[str, Any]:
    """Section 8: translation and log-probability of the page's target, whole and with each head off, one after another,
    of `at_most` layers of each kind."""
    from tqdm import tqdm

    src, tgt = attention.src, attention.tgt
    chosen = [
        (kind, number, layer, head)
        for kind, layers in translator.model.attention_layers().items()
        for number, layer in enumerate(layers)
        if number in some_layers(len(layers), at_most)
        for head in range(layer.n_heads)
    ]

    def both() -> dict[str, Any]:
        ids = translator.search([src.ids], translator.config.decode)[0][0].ids
        forced = translator.force(src, tgt, attention.rule).log_probs
        return {"text": one_line(translator.tgt_tokenizer.decode([ids])[0]), "log_prob": float(forced.sum())}

    rows = []
    for kind, number, layer, head in tqdm(chosen, desc="heads switched off", leave=False):
        with switch_off_head(layer, head):
            rows.append({"kind": kind, "layer": number, "head": head} | both())
    return {"whole": both(), "rows": rows}


def kinds_data(model: "Transformer", features: "Tensor") -> dict[str, Any]:
    """Section 10: gates on the encoder's output, a map of positions by channels `(S, D)`: the model's own where it was
    trained with them, else untrained ones."""
    import torch

    from transformer_mt.model import KERNEL, Gates

    own, others = model.gates, untrained_gates(features.size(1))
    trained = {name: getattr(own, name, None) is not None for name in ("channel", "spatial")}
    channel_gate, spatial_gate = (getattr(cast(Gates, own if trained[n] else others), n) for n in trained)
    nothing = torch.zeros(1, len(features), dtype=torch.bool)
    channel = channel_gate(features[None], nothing)[0]
    gated = features if trained == {"channel": False, "spatial": True} else features * channel
    return {
        "trained": trained, "hidden": channel_gate.w_0.out_features, "kernel": KERNEL,
        "channel": {"mean": features.mean(0).tolist(), "max": features.amax(0).tolist(), "gate": channel.tolist()},
        "spatial": {
            "mean": gated.mean(1).tolist(), "max": gated.amax(1).tolist(),
            "gate": spatial_gate(gated[None], nothing)[0].tolist(),
        },
        "temporal": [temporal_gate(features, i).tolist() for i in range(len(features))],
    }  # fmt: skip


def primer_data(translator: "Translator", src_text: str, tgt_text: str | None = None) -> dict[str, Any]:
    """What the template shows.

    Args:
        src_text: in the run's source language.
        tgt_text: a translation to look at; None = the model's own.
    Raises:
        UserError: a text is empty, too long to draw, in another script than the run reads, or has unknown characters.
    """
    import torch

    with torch.inference_mode():
        return _primer_data(translator, check_source(translator, src_text), tgt_text)


def _primer_data(translator: "Translator", src_text: str, tgt_text: str | None) -> dict[str, Any]:
    import torch

    from transformer_mt.alignment import Rule
    from transformer_mt.model import causal_mask
    from transformer_mt.page import packed

    config, model = translator.config, translator.model
    saved = translator.saved_rule()
    attention = translator.attention(src_text, tgt_text, rule=saved[0] if saved else Rule())
    src, tgt = attention.src, attention.tgt
    if not tgt.text.strip():
        raise UserError(f"the model translates {src.text:.60} to nothing; choose another sentence.")
    if len(tgt.ids) > LONGEST:
        raise UserError(
            f"the translation has {len(tgt.ids)} tokens, but the page draws at most {LONGEST}; shorten the sentence."
        )

    # The side that sections 2 to 4 study: the Chinese one.
    on_tgt = is_chinese(config.tgt_language)
    studied, tokenizer, embedding, language = (
        (tgt, translator.tgt_tokenizer, model.tgt_embedding, config.tgt_language)
        if on_tgt
        else (src, translator.src_tokenizer, model.src_embedding, config.src_language)
    )
    table = embedding.weight.detach().cpu()
    by_character = is_chinese(language)
    if by_character:
        labels, spelt, x = character_vectors(tokenizer, table, studied.text)
    else:
        labels, spelt, x = studied.tokens[:-1], [], table[studied.ids[:-1]]
    if len(labels) > LONGEST_CHARACTERS:
        raise UserError(
            f"the Chinese side has {len(labels)} characters, but the page draws at most {LONGEST_CHARACTERS}; shorten "
            "the sentence."
        )

    seen, memory = observe(translator, src, tgt)
    layers = model.attention_layers()
    kind = "decoder_self" if on_tgt else "encoder_self"
    d_model, n_heads = config.model.d_model, config.model.n_heads
    layer_bytes = 4 * d_model * (5 * len(seen[kind][0]["x"]) + n_heads) * 4 // 3  # base64 makes 4 of 3
    at_most = max(1, DRAWN_BYTES // layer_bytes)
    layer, head = first_choice(attention)
    cross = head_projections(layers["cross"][layer], seen["cross"][layer]["x"], head, memory)
    masked_q, masked_k, _ = head_projections(layers["decoder_self"][layer], seen["decoder_self"][layer]["x"], head)
    below = min(layer, len(layers["encoder_self"]) - 1)
    d_head = d_model // n_heads
    return {
        "run": {
            "name": translator.run_dir.resolve().name, "direction": config.direction,
            "step": max(translator.metadata["steps"]), "norm": config.model.norm.value,
            "cross_attention": config.model.cross_attention.value,
            "d_model": d_model, "n_heads": n_heads, "d_head": d_head,
            "d_ff": config.model.d_ff, "n_encoder_layers": config.model.n_encoder_layers,
            "n_decoder_layers": config.model.n_decoder_layers,
        },
        "src": {"text": src.text, "language": config.src_language, "tokens": src.tokens},
        "tgt": {
            "text": tgt.text, "language": config.tgt_language, "tokens": tgt.tokens,
            "in_tokens": attention.tgt_in_tokens, "forced": tgt_text is not None,
            "probabilities": [math.exp(p) for p in attention.log_probs.tolist()],
        },
        "study": {
            "on_tgt": on_tgt, "by_character": by_character, "labels": labels, "spelt": spelt, "x": packed(x.numpy()),
        },
        "self": self_data(layers[kind], seen[kind], on_tgt, at_most)
        | {"kind": kind, "labels": attention.tgt_in_tokens if on_tgt else src.tokens},
        "scaling": scaling_study(D_KS, seed=0),
        "cross": {"layer": layer, "head": head}
        | {name: packed(part.numpy()) for name, part in zip("qkv", cross, strict=True)},
        "pair": {
            "layers": {"encoder_self": below, "decoder_self": layer, "cross": layer},
            "encoder_self": packed(attention.encoder_self[below]),
            "decoder_self": packed(attention.decoder_self[layer]),
            "cross": packed(attention.cross[layer]),
        },
        "off": without_heads(translator, attention, at_most),
        "mask": {
            "scores": packed((masked_q @ masked_k.T / math.sqrt(d_head)).numpy()),
            "allowed": causal_mask(len(tgt.ids)).int().tolist(),
        },
        "positions": packed(model.positions[:LONGEST].cpu().numpy()),
        "path": path_shapes(model, len(src.ids), len(tgt.ids)),
        "steps": [sequential_steps(n, config.model.n_encoder_layers) for n in range(1, 65)],
        "kinds": kinds_data(model, model.features(torch.tensor([src.ids]))[0]),
    }  # fmt: skip


# ---------------------------------------------------------------------------------------------------------- the command


def options(arguments: list[str]) -> argparse.Namespace:
    parser = cli.parser("primer", "Walk through attention, step by step, with a run's own numbers.", EXAMPLE)
    parser.add_argument(
        "sentence", metavar="SENTENCE", nargs="?",
        help="in the run's source language (default: 早上好 with Good morning.)",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, metavar="FILE", default=Path("primer.html"), help="default: primer.html")
    chosen = parser.parse_intermixed_args(arguments)
    if chosen.output.is_dir():
        parser.error(f"--output {chosen.output} is a folder: name a file")
    return chosen


def default_pair(config: Config) -> tuple[str, str]:
    """Source and target of the default sentence; raises UserError for a run of other languages."""
    codes = [language_of(code) for code in (config.src_language, config.tgt_language)]
    if sorted(codes) != sorted(DEFAULTS):
        raise UserError(
            f"the default sentence is Chinese and English, but this run is {config.direction}; give a SENTENCE."
        )
    return DEFAULTS[codes[0]], DEFAULTS[codes[1]]


def main(arguments: list[str]) -> None:
    chosen = options(arguments)
    from transformer_mt import page
    from transformer_mt.files import write_text
    from transformer_mt.translator import Translator

    translator = Translator.from_pretrained(chosen.run, "cpu", "fp32")
    src, tgt = (chosen.sentence, None) if chosen.sentence is not None else default_pair(translator.config)
    data = primer_data(translator, src, tgt)
    write_text(chosen.output, page.render(data, "primer.html"))
    talk(f"open {chosen.output}")
    print(data["tgt"]["text"])


if __name__ == "__main__":
    cli.run(main)
