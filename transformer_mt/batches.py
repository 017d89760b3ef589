"""Which rows come together? Those of like length, padded, under a budget of padded tokens."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence


@dataclass
class Links:
    """Where the target tokens of a batch should look: n cells of an attention map `(B, T, S)`."""

    cells: Tensor
    """Row of the batch, position in `tgt_out`, position in `src`: `(3, n)`."""
    weights: Tensor
    """`(n,)`; those of a target token sum to 1."""

    def to(self, device: torch.device) -> "Links":
        cells, weights = (x.to(device, non_blocking=True) for x in (self.cells, self.weights))
        return Links(cells, weights)


@dataclass
class Batch:
    """Sentence pairs, padded on the right."""

    src: Tensor
    """Ids `(B, S)`, eos last."""
    tgt_in: Tensor
    """Ids `(B, T)`, bos first: what the decoder reads."""
    tgt_out: Tensor
    """Ids `(B, T)`, eos last: what it must say at each of these positions."""
    positions: Tensor
    """Bool `(B, T)`, True = a real target token."""
    links: Links | None = None
    """None: no row has any."""

    @property
    def n_tokens(self) -> int:
        return int(self.positions.sum())

    def to(self, device: torch.device) -> "Batch":
        tensors = (self.src, self.tgt_in, self.tgt_out, self.positions)
        src, tgt_in, tgt_out, positions = (x.to(device, non_blocking=True) for x in tensors)
        links = None if self.links is None else self.links.to(device)
        return Batch(src, tgt_in, tgt_out, positions, links)


def pad(rows: list[list[int]], pad_id: int) -> Tensor:
    """Ids `(B, longest)`, padded on the right."""
    return pad_sequence(
        [torch.tensor(row, dtype=torch.long) for row in rows],
        batch_first=True,
        padding_value=pad_id,
    )


def make_batch(
    src: list[list[int]],
    tgt: list[list[int]],
    src_pad: int,
    tgt_pad: int,
    bos: int,
    links: list[np.ndarray] | None = None,
) -> Batch:
    """A batch of ids that end with eos.

    The decoder's input is the target shifted right by one, with bos first.

    Args:
        links: those of each row, see `make_links`; None = no row has any.
    """
    tgt_out = pad(tgt, tgt_pad)
    tgt_in = pad([[bos, *row[:-1]] for row in tgt], tgt_pad)
    tgt_lengths = torch.tensor([len(row) for row in tgt])
    positions = torch.arange(tgt_out.size(1)) < tgt_lengths[:, None]  # (B, T)
    token_links = make_links(links or [], src, tgt)
    return Batch(pad(src, src_pad), tgt_in, tgt_out, positions, token_links)


def make_links(links: list[np.ndarray], src: list[list[int]], tgt: list[list[int]]) -> Links | None:
    """Share the weight 1 of each target token but eos out among its links.

    A target token without any looks at the source's eos. Rows without any are left out, because
    nobody said what is linked there.

    Args:
        links: of each row, numbers `(n, 3)`: position in the target, position in the source, and
            the weight beside the token's other links, above 0.
    """
    cells, weights = [], []
    for row, of_row in enumerate(links):
        if len(of_row) == 0:
            continue
        t, s = of_row[:, :2].astype(np.int64).T
        weight = of_row[:, 2]
        total = np.bincount(t, weight, minlength=len(tgt[row]) - 1)  # (T - 1,)
        free = np.flatnonzero(total == 0)
        weights.append(np.append(weight / total[t], np.ones(len(free))))
        t, s = np.append(t, free), np.append(s, np.full(len(free), len(src[row]) - 1))
        cells.append(np.stack([np.full(len(t), row), t, s]))
    if not cells:
        return None
    dtype = torch.get_default_dtype()
    return Links(
        torch.from_numpy(np.concatenate(cells, 1)),
        torch.from_numpy(np.concatenate(weights)).to(dtype),
    )


class BatchSampler:
    """Batches of row numbers under a budget of padded tokens.

    Their order depends on (seed, epoch) alone, so that a run can go on in the middle of an epoch.
    """

    pool = 1_000_000
    """Rows that are sorted together: enough that the lengths in a batch agree, few enough to sort
    in memory."""

    def __init__(
        self, src_lengths: np.ndarray, tgt_lengths: np.ndarray, token_budget: int, seed: int
    ) -> None:
        self.src_lengths = src_lengths
        self.tgt_lengths = tgt_lengths
        self.token_budget = token_budget
        self.seed = seed

    def epoch(self, epoch: int) -> list[np.ndarray]:
        """Every row once, in batches of rows that are about equally long.

        The number of rows times the longest padded side stays within the budget. Chance decides
        which rows of equal length meet in a batch, and in which order batches come.
        """
        rng = np.random.default_rng((self.seed, epoch))
        order = rng.permutation(len(self.src_lengths)).astype(np.int32)
        batches: list[np.ndarray] = []
        for start in range(0, len(order), self.pool):
            pool = order[start : start + self.pool]
            longest = np.maximum(self.src_lengths[pool], self.tgt_lengths[pool])
            # The last key counts most. The sort is stable: chance stays among equals.
            by_length = np.lexsort((self.src_lengths[pool], self.tgt_lengths[pool], longest))
            pool, longest = pool[by_length], longest[by_length]
            i = 0
            while i < len(pool):
                # As many rows as fit if all were as short as the first; then as many as fit if all
                # were as long as the last of those.
                n = max(1, self.token_budget // int(longest[i]))
                n = max(1, self.token_budget // int(longest[min(i + n, len(pool)) - 1]))
                batches.append(pool[i : i + n])
                i += n
        return [batches[i] for i in rng.permutation(len(batches))]


def length_batches(lengths: list[int], batch_tokens: int) -> Iterator[list[int]]:
    """Indexes in groups of falling length.

    The size of a group times its longest stays within `batch_tokens`.
    """
    group: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if group and lengths[group[0]] * (len(group) + 1) > batch_tokens:
            yield group
            group = []
        group.append(i)
    if group:
        yield group
