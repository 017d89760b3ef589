"""How does a head of cross-attention learn word links? From the links of a training pair to a loss.

One head of one layer gets a second loss (Garg et al. 2019): its weights should lie where the links
are. By default it looks at the counterpart of a token at the step that has the token as its input
(Chen et al. 2020), where nothing has to be guessed. There are no further parameters. A head that
was taught so is an aligner inside the model; what it shows explains no translation.
"""

import numpy as np
from torch import Tensor

from transformer_mt.alignment import Rule, Side
from transformer_mt.batches import Links
from transformer_mt.config import GuideStep
from transformer_mt.units import parse_links

HEAD = 0
"""Which head of the layer is guided. They are all alike before training."""
SURE, POSSIBLE = 2, 1
"""Kinds of links, the stronger is the larger."""
LEAST = 1e-9
"""Doubt that keeps the logarithm of an attention of 0 finite."""


def unit_links(line: str, src: Side, tgt: Side, tgt_first: bool, where: str) -> np.ndarray:
    """Links of Pharaoh form as numbers `(n, 3)`: target unit, source unit, kind.

    Args:
        tgt_first: whether a link names the target's unit first.
    Raises:
        UserError: a link has another form, or points beyond a sentence; it says `where`.
    """
    first, second = (tgt, src) if tgt_first else (src, tgt)
    sure, possible = parse_links(line, len(first.units), len(second.units), where)
    rows = [(*link, SURE) for link in sure] + [(*link, POSSIBLE) for link in possible]
    links = np.array(sorted(rows), dtype=np.int32).reshape(-1, 3)
    return links if tgt_first else links[:, [1, 0, 2]]


def token_links(links: np.ndarray, src: Side, tgt: Side) -> np.ndarray:
    """Links between tokens from links between units, both `(n, 3)` as `unit_links` has them.

    Two tokens are linked when they write parts of linked units, and surely if one link is sure.
    """
    kinds = np.zeros((len(tgt.ids), len(src.ids)), dtype=np.int32)  # (T, S)
    for j, i, kind in links:
        cells = np.ix_(tgt.overlap[:, j], src.overlap[:, i])
        kinds[cells] = np.maximum(kinds[cells], kind)
    t, s = np.nonzero(kinds)
    return np.stack([t, s, kinds[t, s]], axis=1).astype(np.int32)


def weighted(links: np.ndarray, possible: float) -> np.ndarray:
    """Links `(n, 3)` with weights for kinds: 1 for a sure one, `possible` for others.

    Those that weigh nothing are left out.
    """
    weights = np.where(links[:, 2] == SURE, 1.0, possible)
    return np.column_stack([links[:, :2], weights])[weights > 0]


def unpack(links: bytes) -> np.ndarray:
    """Links `(n, 3)` from their bytes, as a corpus keeps them."""
    return np.frombuffer(links, dtype=np.int32).reshape(-1, 3)


def guided_rule(layer: int, step: GuideStep) -> Rule:
    """How links are read from a head of `layer` that was guided: eos may win, because it was taught
    to stand for no counterpart.
    """
    shift = step is GuideStep.consume
    return Rule(layer, HEAD, shift, mask_eos=False)


def guide_loss(attention: Tensor, links: Links, step: GuideStep, doubt: float) -> Tensor:
    """Cross-entropy of a head's attention A to links G, summed over the target tokens but eos:
    -sum G[t, s] log((A[t, s] + d) / (1 + d)), where d is the doubt (Garg et al. 2019 with d = 0).

    A plain logarithm pulls hardest where the head disagrees most with a link, and there an aligner
    is often wrong. With doubt no link pulls more than 1 / d times its weight.

    Row t of A is the step that emits token t, or with `consume` the one after, which has it as its
    input (Chen et al. 2020).

    Args:
        attention: `(B, T, S)`, float32 or wider.
    """
    row, t, s = links.cells
    if step is GuideStep.consume:
        t = t + 1
    doubt = max(doubt, LEAST)
    doubted = (attention[row, t, s] + doubt) / (1 + doubt)
    return -(links.weights * doubted.log()).sum()
