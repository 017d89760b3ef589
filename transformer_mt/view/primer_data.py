"""What the primer shows of a run: everything that `primer.html` needs, computed from one sentence pair."""

import math
from typing import Any, cast

import torch
from torch import Tensor
from tqdm import tqdm

from transformer_mt.alignment import Rule, Side
from transformer_mt.config import UserError
from transformer_mt.model import KERNEL, Gates, MultiHeadAttention, Transformer, causal_mask
from transformer_mt.text import is_chinese, is_written_in, language_name, one_line
from transformer_mt.tokenizer import Tokenizer
from transformer_mt.translator import Attention, Translator, refuse_surrogates
from transformer_mt.view.equations import (
    head_contributions,
    head_projections,
    path_shapes,
    scales,
    scaling_study,
    sequential_steps,
    spread,
    switch_off_head,
    temporal_gate,
    untrained_gates,
)
from transformer_mt.view.page import packed

LONGEST = 24
"""Tokens of a side, its end mark included, that the page can draw."""


LONGEST_CHARACTERS = 36
"""Characters of the Chinese side that sections 2 and 3 can draw."""


DRAWN_BYTES = 600_000
"""Of vectors and columns of weights: where the model is large, the page shows some of its layers only."""


D_KS = tuple(2**i for i in range(11))


def observe(
    translator: Translator, src: Side, tgt: Side
) -> tuple[dict[str, list[dict[str, Tensor]]], Tensor]:
    """One teacher-forced pass, watched: by kind and layer the attention sub-layer's `x` (before post-norm's norm, after
    pre-norm's), its concatenated heads `z` and its output `out`, `(n, D)` each; and the memory `(S, D)`."""
    model, device = translator.model, translator.device
    layers = model.attention_layers()
    seen: dict[str, list[dict[str, Tensor]]] = {
        kind: [{} for _ in found] for kind, found in layers.items()
    }
    handles = []
    for kind, found in layers.items():
        for layer, notes in zip(found, seen[kind], strict=True):

            def whole(
                _: object, args: Any, output: Tensor, notes: dict[str, Tensor] = notes
            ) -> None:
                notes["x"], notes["out"] = args[0][0], output[0]

            def inside(_: object, args: Any, notes: dict[str, Tensor] = notes) -> None:
                notes["z"] = args[0][0]

            handles += [
                layer.register_forward_hook(whole),
                layer.w_o.register_forward_pre_hook(inside),
            ]
    src_ids = torch.tensor([src.ids], device=device)
    tgt_in = torch.tensor([[translator.tgt_tokenizer.bos_id, *tgt.ids[:-1]]], device=device)
    try:
        memory = model.encode(src_ids)
        model.decode(tgt_in, memory, torch.zeros_like(src_ids, dtype=torch.bool))
    finally:
        for handle in handles:
            handle.remove()
    return seen, memory[0]


def character_vectors(
    tokenizer: Tokenizer, table: Tensor, text: str
) -> tuple[list[str], list[int], Tensor]:
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


def check_source(translator: Translator, text: str) -> str:
    """`text` as the page can show it; raises UserError otherwise."""
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
    if (
        translator.src_tokenizer.unk_id
        in translator.src_tokenizer.encode([translator.convert(text)])[0]
    ):
        raise UserError(f"the vocabulary lacks some of the sentence's characters ({text:.60}).")
    return text


def some_layers(n_layers: int, at_most: int) -> list[int]:
    """The numbers of all layers, or of `at_most` of them, spread evenly from the first to the last."""
    n = min(n_layers, at_most)
    return sorted({round(i * (n_layers - 1) / max(1, n - 1)) for i in range(n)})


def self_data(
    layers: list[MultiHeadAttention], seen: list[dict[str, Tensor]], causal: bool, at_most: int
) -> dict[str, Any]:
    """Sections 4, 5 and 8: everything that one kind of self-attention computes, head by head, in `at_most` layers."""
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


def first_choice(attention: Attention) -> tuple[int, int]:
    """Layer and head of cross-attention to begin with: as the run's rule says; where it names none, the last layer, and
    there the head whose largest weights are largest."""
    layer = len(attention.cross) - 1 if attention.rule.layer is None else attention.rule.layer
    head = (
        int(attention.cross[layer].max(-1).mean(-1).argmax())
        if attention.rule.head is None
        else attention.rule.head
    )
    return layer, head


def without_heads(translator: Translator, attention: Attention, at_most: int) -> dict[str, Any]:
    """Section 8: translation and log-probability of the page's target, whole and with each head off, one after another,
    of `at_most` layers of each kind."""
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
        return {
            "text": one_line(translator.tgt_tokenizer.decode([ids])[0]),
            "log_prob": float(forced.sum()),
        }

    rows = []
    for kind, number, layer, head in tqdm(chosen, desc="heads switched off", leave=False):
        with switch_off_head(layer, head):
            rows.append({"kind": kind, "layer": number, "head": head} | both())
    return {"whole": both(), "rows": rows}


def kinds_data(model: Transformer, features: Tensor) -> dict[str, Any]:
    """Section 10: gates on the encoder's output, a map of positions by channels `(S, D)`: the model's own where it was
    trained with them, else untrained ones."""
    own, others = model.gates, untrained_gates(features.size(1))
    trained = {name: getattr(own, name, None) is not None for name in ("channel", "spatial")}
    channel_gate, spatial_gate = (
        getattr(cast(Gates, own if trained[n] else others), n) for n in trained
    )
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


def primer_data(
    translator: Translator, src_text: str, tgt_text: str | None = None
) -> dict[str, Any]:
    """What the template shows.

    Args:
        src_text: in the run's source language.
        tgt_text: a translation to look at; None = the model's own.
    Raises:
        UserError: a text is empty, too long to draw, in another script than the run reads, or has unknown characters.
    """
    with torch.inference_mode():
        return _primer_data(translator, check_source(translator, src_text), tgt_text)


def _primer_data(translator: Translator, src_text: str, tgt_text: str | None) -> dict[str, Any]:
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
    layer_bytes = (
        4 * d_model * (5 * len(seen[kind][0]["x"]) + n_heads) * 4 // 3
    )  # base64 makes 4 of 3
    at_most = max(1, DRAWN_BYTES // layer_bytes)
    layer, head = first_choice(attention)
    cross = head_projections(layers["cross"][layer], seen["cross"][layer]["x"], head, memory)
    masked_q, masked_k, _ = head_projections(
        layers["decoder_self"][layer], seen["decoder_self"][layer]["x"], head
    )
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
