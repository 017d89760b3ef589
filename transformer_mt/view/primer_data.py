"""What the primer shows of a run: everything that `primer.html` needs, from one sentence pair.

`primer_data` tells the story, with a function for each section of the page. Shape letters as in
`model.py`; N counts the pieces of text of sections 2 and 3.
"""

import copy
import itertools
import math
from collections import Counter
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from transformer_mt.alignment import Rule, Side
from transformer_mt.config import Config, UserError
from transformer_mt.files import progress, read_text
from transformer_mt.inspector import Attention, Inspector
from transformer_mt.model import (
    SPATIAL_KERNEL,
    AttentionTrace,
    Gates,
    MultiHeadAttention,
    Transformer,
    causal_mask,
)
from transformer_mt.text import is_chinese, one_line, page_language, refuse_surrogates
from transformer_mt.tokenizer import Tokenizer
from transformer_mt.translator import Translator
from transformer_mt.view.equations import (
    head_contributions,
    head_projections,
    image_gates,
    inner_products,
    median_cosine,
    nearest,
    path_shapes,
    row_information,
    scales,
    scaling_study,
    sequential_steps,
    sink_shares,
    softmax_rows,
    spread,
    switch_off_head,
    temporal_gate,
    untrained_gates,
)
from transformer_mt.view.page import packed
from transformer_mt.view.sources import sources_data

LONGEST = 40
"""Tokens of a side, its end mark included, that the page can draw."""

LONGEST_CHARACTERS = 60
"""Characters of the Chinese side that sections 2 and 3 can draw."""

DRAWN_BYTES = 600_000
"""Size of the vectors and columns of weights. A large model's page shows some of its layers."""

WORD_BYTES = 240_000
"""Size of the vectors of words that section 2 compares."""

N_NEAREST = 5
"""Neighbours of each word."""

D_KS = tuple(2**i for i in range(11))
"""The lengths of queries and keys that section 5 compares."""

N_SRC, N_TGT = -1, -2
"""They stand for the numbers of source and target tokens where a page computes for any sentence."""

LONGEST_COUNTED = 64
"""Tokens up to which section 9 counts the steps of a recurrent network and of attention."""


# ---- The sentence pair ----


def check_source(translator: Translator, text: str) -> str:
    """`text` as the page can show it.

    Raises:
        UserError: it is empty, too long to draw, or has characters that the vocabulary lacks.
    """
    refuse_surrogates(text, "the sentence")
    text = one_line(text)
    if not text:
        raise UserError("the sentence is empty.")
    ids = translator.run.encode_src([translator.run.convert_src(text)])[0]
    if len(ids) > LONGEST:
        raise UserError(
            f"the sentence has {len(ids)} tokens, but the page draws at most {LONGEST}; leave "
            "words out, or take one clause of it."
        )
    if translator.src_tokenizer.unk_id in ids:
        raise UserError(f"the vocabulary lacks some of the sentence's characters ({text:.60}).")
    return text


def check_target(src: Side, tgt: Side) -> None:
    """Raise UserError where the translation is empty, or too long to draw."""
    if not tgt.text.strip():
        raise UserError(f"the model translates {src.text:.60} to nothing; choose another sentence.")
    if len(tgt.ids) > LONGEST:
        raise UserError(
            f"the translation has {len(tgt.ids)} tokens, but the page draws at most {LONGEST}; "
            "shorten the sentence."
        )


def run_data(translator: Translator) -> dict[str, Any]:
    """The model's name and sizes, for the page's heading."""
    config, model = translator.config, translator.config.model
    return {
        "name": translator.run_dir.resolve().name,
        "direction": config.direction,
        "step": max(translator.run.metadata["steps"]),
        "norm": model.norm.value,
        "cross_attention": model.cross_attention.value,
        "d_model": model.d_model,
        "n_heads": model.n_heads,
        "d_head": model.d_model // model.n_heads,
        "d_ff": model.d_ff,
        "n_encoder_layers": model.n_encoder_layers,
        "n_decoder_layers": model.n_decoder_layers,
    }


def pair_texts(config: Config, attention: Attention, is_forced: bool) -> dict[str, Any]:
    """Both sides in text and tokens; of the target what the decoder reads, and how sure it was."""
    src, tgt = attention.src, attention.tgt
    return {
        "src": {
            "text": src.text,
            "language": page_language(config.src_language),
            "tokens": src.tokens,
        },
        "tgt": {
            "text": tgt.text,
            "language": page_language(config.tgt_language),
            "tokens": tgt.tokens,
            "in_tokens": attention.tgt_in_tokens,
            "forced": is_forced,
            "probabilities": [math.exp(p) for p in attention.log_probs.tolist()],
        },
    }


# ---- Sections 2 and 3: embeddings ----


def character_vectors(
    tokenizer: Tokenizer, table: Tensor, text: str
) -> tuple[list[str], list[int], Tensor]:
    """A vector for each character of `text` but white space.

    It is the embedding of the character's own piece; where there is none, the mean of the
    embeddings of the pieces that it becomes, which are its UTF-8 bytes in our own vocabularies.

    Args:
        table: embeddings `(V, D)`.

    Returns:
        The N characters; the numbers of those that have no piece of their own; the vectors
        `(N, D)`.
    Raises:
        UserError: the vocabulary has neither.
    """
    characters = [c for c in text if not c.isspace()]
    spelt, vectors = [], []
    for i, character in enumerate(characters):
        ids = [tokenizer.id_of(character)]
        if ids[0] == tokenizer.unk_id:
            # Our vocabularies spell it in bytes; an imported one may have another form of it, such
            # as a comma for the full-width one. The space before a text is no part of it.
            encoded = tokenizer.encode([character])[0][len(tokenizer.prefix_ids) : -1]
            ids = [j for j in encoded if tokenizer.pieces([j]) != ["\u2581"]]
            spelt += [i] if len(ids) > 1 else []
        if not ids or tokenizer.unk_id in ids:
            raise UserError(f"the vocabulary lacks {character!r}; choose a sentence without it.")
        vectors.append(table[ids].mean(0))
    return characters, spelt, torch.stack(vectors)


def embeddings(translator: Translator, is_tgt: bool) -> tuple[Tokenizer, Tensor]:
    """The vocabulary of one side, and its embeddings `(V, D)`."""
    model = translator.model
    if is_tgt:
        return translator.tgt_tokenizer, model.tgt_embedding.weight.detach().cpu()
    return translator.src_tokenizer, model.src_embedding.weight.detach().cpu()


def study_data(
    translator: Translator, side: Side, is_tgt: bool, text: str | None = None
) -> dict[str, Any]:
    """The embeddings X `(N, D)` of one side: by character where it is Chinese, else by token.

    Args:
        text: Chinese characters to study instead of the side's own.
    """
    config = translator.config
    tokenizer, table = embeddings(translator, is_tgt)
    by_character = is_chinese(config.tgt_language if is_tgt else config.src_language)
    if by_character:
        text = text or tokenizer.decode([side.ids])[0]
        labels, spelt, x = character_vectors(tokenizer, table, text)
    else:
        labels, spelt, x = side.tokens[:-1], [], table[side.ids[:-1]]
    if len(labels) > LONGEST_CHARACTERS:
        raise UserError(
            f"the Chinese side has {len(labels)} characters, but the page draws at most "
            f"{LONGEST_CHARACTERS}; shorten the sentence."
        )
    return {
        "on_tgt": is_tgt,
        "by_character": by_character,
        "labels": labels,
        "spelt": spelt,
        "x": packed(x.numpy()),
    }


def is_word(piece: str, by_character: bool) -> bool:
    """Whether a piece of a vocabulary is a word that a reader knows."""
    if by_character:
        return piece.isalpha() and not piece.isascii()
    return piece.startswith("\u2581") and len(piece) > 2 and piece[1:].isalpha()


def words_of_run(translator: Translator, side: Side, is_tgt: bool, at_most: int) -> list[int]:
    """Ids of words of a language: those of the sentence, and those that the run's validation set
    uses most.

    Pieces that the text never uses were hardly trained, and their vectors mean nothing. Where the
    run keeps no validation set the order is the vocabulary's.
    """
    tokenizer, table = embeddings(translator, is_tgt)
    language = translator.config.tgt_language if is_tgt else translator.config.src_language
    path = translator.run.path / "valid.tsv"
    rows = [line.split("\t") for line in read_text(path)] if path.is_file() else []
    encoded = tokenizer.encode([row[int(is_tgt)] for row in rows if len(row) > 1])
    counts = Counter(itertools.chain.from_iterable(encoded))
    frequent = [i for i, _ in counts.most_common()] or list(range(len(table)))
    ids = list(dict.fromkeys([*side.ids, *frequent]))
    pieces = tokenizer.pieces(ids)
    by_character = is_chinese(language)
    words = [i for i, piece in zip(ids, pieces, strict=True) if is_word(piece, by_character)]
    return words[:at_most]


def words_data(translator: Translator, side: Side, is_tgt: bool) -> dict[str, Any]:
    """Words of the run's vocabulary, their embeddings and each one's nearest neighbours."""
    tokenizer, table = embeddings(translator, is_tgt)
    vector_bytes = 4 * table.size(1) * 4 // 3  # base64 makes 4 bytes of 3
    ids = words_of_run(translator, side, is_tgt, WORD_BYTES // vector_bytes)
    if len(ids) < 2:  # nothing to compare
        return {"labels": [], "x": "", "nearest": [], "cosines": [], "median": 0.0}
    x = table[ids]
    neighbours, similarities = nearest(x, N_NEAREST)
    return {
        "labels": tokenizer.pieces(ids),
        "x": packed(x.numpy()),
        "nearest": neighbours.tolist(),
        "cosines": similarities.tolist(),
        "median": median_cosine(x),
    }


# ---- Sections 4, 5 and 8: self-attention, head by head ----


def some_layers(n_layers: int, at_most: int) -> list[int]:
    """The numbers of `at_most` layers, spread evenly from the first to the last."""
    n = min(n_layers, at_most)
    return sorted({round(i * (n_layers - 1) / max(1, n - 1)) for i in range(n)})


def n_drawn_layers(config: Config, n_tokens: int) -> int:
    """How many layers of self-attention fit into `DRAWN_BYTES`: x, out, q, k, v and H columns."""
    d_model, n_heads = config.model.d_model, config.model.n_heads
    layer_bytes = 4 * d_model * (5 * n_tokens + n_heads) * 4 // 3  # base64 makes 4 bytes of 3
    return max(1, DRAWN_BYTES // layer_bytes)


def layer_data(layer: MultiHeadAttention, trace: AttentionTrace) -> dict[str, Any]:
    """Everything that one layer of the encoder's self-attention computes on n tokens."""
    x, z = trace.x[0], trace.z[0]  # (n, D)
    d_head = x.size(1) // layer.n_heads
    heads = [head_projections(layer, x, head) for head in range(layer.n_heads)]
    q, k, v = (torch.stack(parts) for parts in zip(*heads, strict=True))  # (H, n, K)
    return {
        "x": packed(x.numpy()),
        "out": packed(trace.output[0].numpy()),
        "q": packed(q.numpy()),
        "k": packed(k.numpy()),
        "v": packed(v.numpy()),
        # The first column of each head's W_Q, with which the page works out one number of q.
        "first_columns": packed(layer.w_q.weight[::d_head].detach().numpy()),
        "first_biases": layer.w_q.bias[::d_head].tolist(),
        "contributions": head_contributions(layer, z).tolist(),
        "spread": [
            {name: spread(q[head], k[head], scale) for name, scale in scales(d_head).items()}
            for head in range(layer.n_heads)
        ],
    }


def self_data(
    layers: list[MultiHeadAttention],
    traces: list[AttentionTrace],
    weights: np.ndarray,
    at_most: int,
) -> dict[str, Any]:
    """The encoder's self-attention, in `at_most` of its layers.

    Args:
        weights: of all its layers and heads, `(L, H, S, S)`.

    Returns:
        `information` is `row_information` of each head, `layer` (a number of `layers`) and `head`
        are where it is largest.
    """
    numbers = some_layers(len(layers), at_most)
    drawn = [{"layer": i} | layer_data(layers[i], traces[i]) for i in numbers]
    information = row_information(torch.from_numpy(weights[numbers]))  # (drawn layers, H)
    layer, head = divmod(int(information.argmax()), weights.shape[1])
    return {
        "n_layers": len(layers),
        "layers": drawn,
        "information": information.tolist(),
        "layer": layer,
        "head": head,
    }


def sink_data(weights: np.ndarray) -> dict[str, Any]:
    """How much the decoder's heads leave with the start of the sentence.

    Args:
        weights: of the decoder's self-attention, `(L, H, T, T)`.

    Returns:
        `shares` `(L, H)`; the layer and the head with the largest; and its weights `(T, T)`.
    """
    shares = sink_shares(torch.from_numpy(weights))
    layer, head = divmod(int(shares.argmax()), weights.shape[1])
    return {
        "shares": shares.tolist(),
        "layer": layer,
        "head": head,
        "weights": packed(weights[layer, head]),
    }


# ---- Sections 1, 6, 7 and 10: attention between the sentences ----


def rule_of_writing(inspector: Inspector) -> Rule:
    """The run's rule, or where that reads a head one step later, the best head that is read at the
    step which writes a token: the page's rows are named by the token that is being written.
    """
    saved = inspector.saved_rule()
    if saved is None:
        return Rule()
    rule, table = saved[0], saved[1]["table"]
    heads = [row for row in table if not row["shift"] and row["head"] is not None]
    if not rule.shift or not heads:
        return replace(rule, shift=False)
    best = min(heads, key=lambda row: row["aer"])
    return Rule(best["layer"], best["head"])


def first_choice(attention: Attention) -> tuple[int, int]:
    """Layer and head of cross-attention to begin with.

    They are those of the run's rule. Where it names none, it is the last layer, and the head whose
    largest weights are largest there.
    """
    layer, head = attention.rule.layer, attention.rule.head
    if layer is None:
        layer = len(attention.cross) - 1
    if head is None:
        largest = attention.cross[layer].max(-1)  # (H, T)
        head = int(largest.mean(-1).argmax())
    return layer, head


def cross_data(
    layer: MultiHeadAttention, trace: AttentionTrace, memory: Tensor, number: int, head: int
) -> dict[str, Any]:
    """q `(T, K)`, k `(S, K)` and v `(S, K)` of one head of cross-attention."""
    q, k, v = head_projections(layer, trace.x[0], head, memory[0])
    return {
        "layer": number,
        "head": head,
        "q": packed(q.numpy()),
        "k": packed(k.numpy()),
        "v": packed(v.numpy()),
    }


def kinds_of_weights(attention: Attention, layer: int) -> dict[str, Any]:
    """Section 7: the weights of each kind, `(H, rows, columns)`, in one layer."""
    encoder_layer = min(layer, len(attention.encoder_self) - 1)  # it may have fewer layers
    return {
        "layers": {"encoder_self": encoder_layer, "decoder_self": layer, "cross": layer},
        "encoder_self": packed(attention.encoder_self[encoder_layer]),
        "decoder_self": packed(attention.decoder_self[layer]),
        "cross": packed(attention.cross[layer]),
    }


# ---- Section 8: without a head ----


def with_own_model(translator: Translator) -> Translator:
    """The same translator on a copy of the model, which can be changed while others use theirs."""
    run = replace(translator.run, model=copy.deepcopy(translator.model))
    twin = copy.copy(translator)
    twin.run, twin.model, twin.inspector = run, run.model, Inspector(run)
    return twin


def outcome(translator: Translator, attention: Attention) -> dict[str, Any]:
    """What the model translates the source to, and the log-probability of the page's target."""
    src, tgt = attention.src, attention.tgt
    (hypotheses,) = translator.search([src.ids])
    ids = hypotheses[0].ids
    log_probs = translator.inspector.attention(src, tgt, attention.rule).log_probs  # (T,)
    text = one_line(translator.tgt_tokenizer.decode([ids])[0])
    return {"text": text, "log_prob": float(log_probs.sum())}


def without_heads(translator: Translator, attention: Attention, at_most: int) -> dict[str, Any]:
    """The outcome with the whole model, and without each head of `at_most` layers of each kind."""
    whole = outcome(translator, attention)
    translator = with_own_model(translator)
    all_layers = translator.model.attention_layers()
    heads = [
        (kind, number, head)
        for kind, layers in all_layers.items()
        for number in some_layers(len(layers), at_most)
        for head in range(translator.config.model.n_heads)
    ]
    rows = []
    for kind, number, head in progress(heads, total=len(heads), unit="heads switched off"):
        with switch_off_head(all_layers[kind][number], head):
            row = outcome(translator, attention)
        rows.append({"kind": kind, "layer": number, "head": head} | row)
    return {"whole": whole, "rows": rows}


# ---- Section 9: what a translator adds ----


def mask_data(layer: MultiHeadAttention, trace: AttentionTrace, head: int) -> dict[str, Any]:
    """Scores `(T, T)` of one head of the decoder's self-attention, before the mask, and the
    mask."""
    q, k, _ = head_projections(layer, trace.x[0], head)
    scores = q @ k.T / math.sqrt(q.size(1))
    return {
        "scores": packed(scores.numpy()),
        "allowed": causal_mask(len(scores)).int().tolist(),
    }


# ---- Section 10: kinds of attention ----


def kinds_data(model: Transformer, features: Tensor) -> dict[str, Any]:
    """Gates on the encoder's output: the model's own where it was trained with them, else
    untrained.

    Args:
        features: the encoder's output before any gate, a map of positions by channels, `(S, D)`.
    """
    untrained = untrained_gates(features.size(1))
    trained = {
        name: getattr(model.gates, name, None) is not None for name in ("channel", "spatial")
    }
    channel_gate, spatial_gate = (
        getattr(cast(Gates, model.gates if is_trained else untrained), name)
        for name, is_trained in trained.items()
    )

    no_padding = torch.zeros(1, len(features), dtype=torch.bool)
    channel = channel_gate(features[None], no_padding)[0]  # (D,)
    # The spatial gate comes after the channel gate, unless the model has the spatial one alone.
    is_spatial_alone = trained["spatial"] and not trained["channel"]
    gated = features if is_spatial_alone else features * channel
    spatial = spatial_gate(gated[None], no_padding)[0]  # (S,)
    return {
        "trained": trained,
        "hidden": channel_gate.w_0.out_features,
        "kernel": SPATIAL_KERNEL,
        "channel": {
            "mean": features.mean(0).tolist(),
            "max": features.amax(0).tolist(),
            "gate": channel.tolist(),
        },
        "spatial": {
            "mean": gated.mean(1).tolist(),
            "max": gated.amax(1).tolist(),
            "gate": spatial.tolist(),
        },
        "temporal": [temporal_gate(features, i).tolist() for i in range(len(features))],
    }


SKY, GROUND, SUN = (0.45, 0.7, 0.95), (0.35, 0.6, 0.25), (1.0, 0.85, 0.2)
WALL, ROOF, CLOUD = (0.9, 0.8, 0.65), (0.8, 0.25, 0.2), (0.8, 0.83, 0.88)


def tiny_image(sun: int, is_cloudy: bool = False) -> Tensor:
    """A house under the sun in 12 × 12 pixels, `(3, 12, 12)`; `sun` is the sun's left column."""
    image = torch.empty(12, 12, 3)
    image[:9] = torch.tensor(CLOUD if is_cloudy else SKY)
    image[9:] = torch.tensor(GROUND)
    if not is_cloudy:
        image[1:4, sun : sun + 3] = torch.tensor(SUN)
    image[7:10, 7:11] = torch.tensor(WALL)
    image[6, 6:12] = image[5, 7:11] = image[4, 8:10] = torch.tensor(ROOF)
    return image.permute(2, 0, 1)


def patches_of(image: Tensor, size: int) -> Tensor:
    """The squares of `size` pixels that make up an image, row by row, as vectors `(n, 3 size²)`."""
    squares = image.unfold(1, size, size).unfold(2, size, size)  # (3, rows, columns, size, size)
    return squares.permute(1, 2, 0, 3, 4).flatten(2).flatten(0, 1)


def image_data() -> dict[str, Any]:
    """Kinds of attention on one tiny image, with nothing learned, so that a glance explains them.

    Returns:
        `pixels` `(3, 12, 12)`, `channel` and `spatial` gates; `frames` `(F, 3, 12, 12)` of a film
        and `temporal`, how far each is let through where each is the reference; `patches`, weights
        of each square of 4 × 4 pixels, blurred, on the other squares.
    """
    image = tiny_image(sun=1)
    channel, spatial = image_gates(image)
    films = [tiny_image(0), tiny_image(1), tiny_image(2), tiny_image(0, is_cloudy=True)]
    frames = torch.stack(films)
    changes = (frames - frames.mean(0)).flatten(1)  # what stays the same says nothing
    temporal = [temporal_gate(changes, i).tolist() for i in range(len(frames))]

    keys = patches_of(functional.avg_pool2d(image, 2), 2)  # blurred squares, 3 · 2 · 2 numbers
    keys = (keys - keys.mean(0)) / keys.std()
    scores = inner_products(keys) / math.sqrt(keys.size(1))
    weights = softmax_rows(scores.fill_diagonal_(-math.inf))  # each looks at the others
    return {
        "pixels": packed(image.numpy()),
        "channel": channel.tolist(),
        "spatial": packed(spatial.numpy()),
        "frames": packed(frames.numpy()),
        "temporal": temporal,
        "patches": weights.tolist(),
    }


# ---- The whole page ----


@torch.inference_mode()
def primer_data(
    translator: Translator,
    src_text: str,
    tgt_text: str | None = None,
    study_text: str | None = None,
) -> dict[str, Any]:
    """What the template shows.

    Args:
        src_text: in the run's source language.
        tgt_text: a translation to look at; None = the model's own.
        study_text: Chinese characters for sections 2 and 3; None = those of the Chinese side.
    Raises:
        UserError: a text is empty, too long to draw, or has characters that the vocabulary lacks.
    """
    src_text = check_source(translator, src_text)
    attention = translator.attention(src_text, tgt_text, rule=rule_of_writing(translator.inspector))
    src, tgt = attention.src, attention.tgt
    check_target(src, tgt)

    config, model = translator.config, translator.model
    layers = model.attention_layers()
    forced = translator.inspector.forced_pass(src, tgt)
    trace, memory = forced.trace, forced.memory
    number, head = first_choice(attention)

    # Sections 2 and 3 study the Chinese side, and sections 4, 5 and 8 the encoder's attention.
    is_tgt = is_chinese(config.tgt_language)
    at_most = n_drawn_layers(config, len(src.ids))
    encoder = self_data(layers["encoder_self"], trace.encoder_self, attention.encoder_self, at_most)

    assert trace.features is not None
    n_layers = config.model.n_encoder_layers
    return {
        "run": run_data(translator),
        **pair_texts(config, attention, tgt_text is not None),
        "study": study_data(translator, tgt if is_tgt else src, is_tgt, study_text),
        "words": words_data(translator, tgt if is_tgt else src, is_tgt),
        "self": encoder | {"kind": "encoder_self", "labels": src.tokens},
        "sink": sink_data(attention.decoder_self),
        "scaling": scaling_study(D_KS, seed=0),
        "cross": cross_data(layers["cross"][number], trace.cross[number], memory, number, head),
        "pair": kinds_of_weights(attention, number),
        "off": without_heads(translator, attention, at_most),
        "mask": mask_data(layers["decoder_self"][number], trace.decoder_self[number], head),
        "positions": packed(model.positions[:LONGEST].cpu().numpy()),
        "path": path_shapes(model, len(src.ids), len(tgt.ids)),
        "steps": [sequential_steps(n, n_layers) for n in range(1, LONGEST_COUNTED + 1)],
        "kinds": kinds_data(model, trace.features[0]),
        "image": image_data(),
        "sources": sources_data(),
    }


def any_sentence_data(translator: Translator) -> dict[str, Any]:
    """What `primerData` in `primer_engine.js` needs beside the model, to compute the parts of
    `primer_data` that depend on the sentence.
    """
    config, model = translator.config, translator.model
    rule = rule_of_writing(translator.inspector)
    gates = untrained_gates(config.model.d_model).state_dict()
    return {
        "rule": {"layer": rule.layer, "head": rule.head},
        "on_tgt": is_chinese(config.tgt_language),
        "by_character": is_chinese(config.tgt_language) or is_chinese(config.src_language),
        "longest": LONGEST,
        "longest_characters": LONGEST_CHARACTERS,
        "path": path_shapes(model, N_SRC, N_TGT),
        "gates": {f"gates.{name}": packed(tensor.numpy()) for name, tensor in gates.items()},
    }
