"""What does each head look at? Shares of its weight on places that have a name, over many pairs.

Rows are named by the token that is written, as everywhere.
"""

from collections.abc import Iterator

import numpy as np
import torch

from transformer_mt.alignment import Gold, forced_batches, make_gold
from transformer_mt.config import UserError
from transformer_mt.files import read_text
from transformer_mt.inspector import KINDS, Inspector

N_PAIRS = 100
"""Validation pairs that heads are measured on, the first that fit the model."""
CLEAR = 0.5
"""A head has a role from this share on: it gives most of its weight to one kind of place."""

BATCH_TOKENS = 1024
"""Padded tokens that pass through the model together."""

Shares = dict[str, dict[str, np.ndarray]]
"""By kind of attention, then by place: `(L, H)`, from 0 to 1."""


def diagonal(n_rows: int, n_columns: int, offset: int) -> np.ndarray:
    """True where the column is the row plus `offset`: bool `(rows, columns)`."""
    return np.eye(n_rows, n_columns, offset, dtype=bool)


def one_column(n_rows: int, n_columns: int, column: int) -> np.ndarray:
    """True in one column: bool `(rows, columns)`."""
    mask = np.zeros((n_rows, n_columns), dtype=bool)
    mask[:, column] = True
    return mask


def places(gold: Gold) -> dict[str, dict[str, np.ndarray]]:
    """Where the places of a pair are, by kind of attention: bool `(rows, columns)`.

    A row in which a place does not exist has none of it: the first token has no previous one.
    """
    s, t = len(gold.src.ids), len(gold.tgt.ids)
    written = gold.src.overlap.astype(int)
    aligned = gold.tgt.overlap.astype(int) @ gold.sure.T @ gold.src.overlap.T > 0  # (T, S)
    encoder = {
        "previous": diagonal(s, s, -1),
        "next": diagonal(s, s, 1),
        "word": (written @ written.T > 0) | diagonal(s, s, 0),
        "first": one_column(s, s, 0),
        "end": one_column(s, s, -1),
    }
    # Column j of the decoder's input holds token j - 1, so that the newest is on the diagonal.
    decoder = {
        "previous": diagonal(t, t, 0),
        "one_before": diagonal(t, t, -1),
        "start": one_column(t, t, 0),
    }
    cross = {
        "aligned": aligned,
        # Of the newest token that the decoder has read, one step after it was written.
        "aligned_read": np.vstack([np.zeros((1, s), dtype=bool), aligned[:-1]]),
        "first": one_column(t, s, 0),
        "end": one_column(t, s, -1),
    }
    # Where two places are one, a head cannot say which of them it looks at.
    encoder["first"][:2] = encoder["end"][-2:] = False
    decoder["previous"][0] = decoder["start"][0] = decoder["one_before"][1] = False
    return {"encoder_self": encoder, "decoder_self": decoder, "cross": cross}


def measure(inspector: Inspector, pairs: list[Gold]) -> Shares:
    """The mean share of its weight that each head gives to each place, over the rows that have it.

    A place that no row has is missing.
    """
    totals: dict[tuple[str, str], np.ndarray] = {}
    n_rows: dict[tuple[str, str], int] = {}
    for gold, weights in weights_of(inspector, pairs):
        for kind, masks in places(gold).items():
            for place, mask in masks.items():
                if mask.any():
                    key, rows = (kind, place), mask.any(1)
                    totals[key] = totals.get(key, 0) + (weights[kind] * mask).sum((2, 3))
                    n_rows[key] = n_rows.get(key, 0) + int(rows.sum())
    shares: Shares = {kind: {} for kind in KINDS}
    for (kind, place), total in totals.items():
        shares[kind][place] = total / n_rows[kind, place]
    return shares


def weights_of(
    inspector: Inspector, pairs: list[Gold]
) -> Iterator[tuple[Gold, dict[str, np.ndarray]]]:
    """Each pair with its weights, by kind `(L, H, rows, columns)`; those of like length
    come together.
    """
    run = inspector.run
    ids = [(gold.src.ids, gold.tgt.ids) for gold in pairs]
    batches = forced_batches(run.model, ids, run.tgt_tokenizer.bos_id, BATCH_TOKENS, True)
    for group, trace in batches:
        padded = {
            kind: torch.stack([layer.weights for layer in getattr(trace, kind)]).cpu().numpy()
            for kind in KINDS
        }  # (L, B, H, rows, columns)
        for row, i in enumerate(group):
            s, t = map(len, ids[i])
            sizes = {"encoder_self": (s, s), "decoder_self": (t, t), "cross": (t, s)}
            yield (
                pairs[i],
                {kind: padded[kind][:, row, :, :n, :m] for kind, (n, m) in sizes.items()},
            )


def held_out(inspector: Inspector) -> list[Gold]:
    """The first validation pairs of the run that fit the model, with their links where they have
    some; empty where the run keeps none, as an imported one.
    """
    path = inspector.run.path / "valid.tsv"
    pairs: list[Gold] = []
    for number, line in enumerate(read_text(path) if path.is_file() else [], start=1):
        if len(pairs) == N_PAIRS:
            break
        src_text, tgt_text, links = (*line.split("\t"), "", "")[:3]
        where = f"{path}: line {number}"
        try:
            src = inspector.side(src_text, True, "words", where)
            tgt = inspector.side(tgt_text, False, "words", where)
            pairs.append(make_gold(src, tgt, links, where))
        except UserError:  # too long, or damaged: the commands that depend on it say so
            continue
    return pairs


def clear_roles(shares: Shares) -> dict[str, list[list[dict[str, float | str] | None]]]:
    """By kind, layer and head: the place that a head gives most of its weight to, and the share;
    None where it gives no place as much as `CLEAR`.
    """
    roles: dict[str, list[list[dict[str, float | str] | None]]] = {}
    for kind, by_place in shares.items():
        names = list(by_place)
        stack = np.stack([by_place[name] for name in names])  # (places, L, H)
        roles[kind] = [
            [
                {"place": names[best], "share": round(float(column[best]), 4)}
                if column[best := int(column.argmax())] >= CLEAR
                else None
                for column in layer.T
            ]
            for layer in stack.swapaxes(0, 1)
        ]
    return roles
