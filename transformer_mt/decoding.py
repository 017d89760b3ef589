"""Which ids come next? Beam search, of which greedy search is the case of one beam. Ids in, ids out; knows no text."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from transformer_mt.batches import length_batches, pad
from transformer_mt.steps import Decoder, Steps


@dataclass
class Hypothesis:
    """A finished translation."""

    ids: list[int]
    """Without bos and eos."""
    score: float
    """Log-probability, eos included, divided by the length penalty."""


def length_penalty(length: Tensor | int, alpha: float) -> Tensor:
    """((5 + length) / 6)^alpha, eos counted (Wu et al. 2016, equation 14)."""
    return ((5.0 + torch.as_tensor(length, dtype=torch.float64)) / 6.0) ** alpha


@dataclass
class BeamState:
    """The sentences still being searched, B of them with N slots each; before the first step all begin as one
    hypothesis. A slot with score -inf is empty."""

    sentence: Tensor
    """`(B,)`: which of the caller's sentences this is."""
    ids: Tensor
    """`(B, N, t)`: live hypotheses, bos first."""
    scores: Tensor
    """`(B, N)`: their summed log-probabilities, float64 where the device has it."""
    finished_ids: Tensor
    """`(B, N, longest)`: finished hypotheses, eos included."""
    finished_lengths: Tensor
    """`(B, N)`: eos counted."""
    finished_scores: Tensor
    """`(B, N)`: penalised; -inf where there is none yet."""
    enough: Tensor
    """`(B,)`: the score of the finished hypothesis that is the last of the `n_best`; -inf while there are fewer."""
    free: Tensor
    """`(B, N)`: the slots that no finished hypothesis has taken, the first ones."""
    min_lengths: Tensor
    """`(B,)`: eos counted."""
    max_lengths: Tensor
    """`(B,)`: eos counted."""
    largest_penalties: Tensor
    """`(B,)`: of a translation that long."""

    def keep(self, rows: Tensor) -> None:
        """Only these sentences stay."""
        for name, value in vars(self).items():
            setattr(self, name, value[rows])


@torch.inference_mode()
def beam_search(
    steps: Steps,
    min_lengths: Tensor,
    max_lengths: Tensor,
    bos_id: int,
    eos_id: int,
    forbidden: list[int],
    beam_size: int,
    alpha: float,
    n_best: int = 1,
) -> list[list[Hypothesis]]:
    """The best translations of each sentence.

    Each step extends the live hypotheses of a sentence by its best tokens. One that ends keeps its slot, so the beam
    of that sentence narrows; a sentence is done, and leaves the batch, when no slot is live or no live hypothesis can
    still win: log-probabilities only fall, so its score is at best what it has now at the largest length penalty. With
    one slot this is greedy search. Limits and stopping depend on the sentence alone.

    Args:
        steps: the model, at the start of B sentences; asked for B rows, then for B * `beam_size`.
        min_lengths: `(B,)`, eos counted, at least 1.
        max_lengths: `(B,)`, eos counted; a hypothesis that reaches it ends there.
        forbidden: ids that are never produced.
        alpha: exponent of the length penalty; 0 = off.
        n_best: translations to return, at most `beam_size`.

    Returns:
        For each sentence at most `n_best` hypotheses, best first.
    """
    n_sentences, device, n = len(max_lengths), max_lengths.device, beam_size
    shortest, longest, longest_minimum = (
        int(max_lengths.min()),
        int(max_lengths.max()),
        int(min_lengths.max()),
    )
    precision = torch.float32 if device.type == "mps" else torch.float64
    forbidden_ids = torch.tensor(forbidden, dtype=torch.long, device=device)
    state = BeamState(
        sentence=torch.arange(n_sentences, device=device),
        ids=torch.full((n_sentences, 1, 1), bos_id, device=device),
        scores=torch.zeros((n_sentences, 1), dtype=precision, device=device),
        finished_ids=torch.full((n_sentences, n, longest), eos_id, device=device),
        finished_lengths=torch.zeros((n_sentences, n), dtype=torch.long, device=device),
        finished_scores=torch.full((n_sentences, n), -math.inf, dtype=precision, device=device),
        enough=torch.full((n_sentences,), -math.inf, dtype=precision, device=device),
        free=torch.ones((n_sentences, n), dtype=torch.bool, device=device),
        min_lengths=min_lengths,
        max_lengths=max_lengths,
        largest_penalties=length_penalty(max_lengths.cpu(), alpha).to(device, precision),
    )
    rank = torch.arange(n, device=device)
    results: list[list[Hypothesis]] = [[] for _ in range(n_sentences)]
    for length in range(1, longest + 1):
        logits = steps(state.ids[:, :, -1].flatten())  # (B * N, V); N = 1 at first
        log_probs = logits.log_softmax(-1, dtype=torch.promote_types(logits.dtype, torch.float32))
        log_probs.index_fill_(1, forbidden_ids, -math.inf)
        log_probs = log_probs.view(*state.scores.shape, -1)
        if length < longest_minimum:
            log_probs[..., eos_id].masked_fill_((state.min_lengths > length)[:, None], -math.inf)
        if length >= shortest:
            at_limit = state.max_lengths <= length
            ends = log_probs[..., eos_id].clone()
            log_probs.masked_fill_(at_limit[:, None, None], -math.inf)
            log_probs[..., eos_id] = ends

        # The best tokens of each slot, then the best of all slots: `n` of each suffice.
        width = min(n, log_probs.size(-1))
        slot_scores, slot_tokens = log_probs.topk(width, dim=-1)
        slot_scores = (state.scores[:, :, None] + slot_scores).flatten(1)  # (B, N * width)
        scores, index = slot_scores.topk(min(n, slot_scores.size(1)), dim=-1)
        if empty := n - scores.size(1):  # a beam wider than the vocabulary
            scores, index = F.pad(scores, (0, empty), value=-math.inf), F.pad(index, (0, empty))
        parents = index.div(width, rounding_mode="floor")  # (B, N): the slot where each comes from
        tokens = slot_tokens.flatten(1).gather(1, index)
        state.ids = torch.cat(
            (state.ids.take_along_dim(parents[:, :, None], 1), tokens[:, :, None]), 2
        )

        alive = (scores > -math.inf) & state.free
        ended = alive & (tokens == eos_id)
        if ended.any():
            n_finished = n - state.free.sum(1)
            slot = n_finished[:, None] + ended.cumsum(1) - 1
            b, k = ended.nonzero(as_tuple=True)
            state.finished_ids[b, slot[b, k], :length] = state.ids[b, k, 1:]
            state.finished_lengths[b, slot[b, k]] = length
            state.finished_scores[b, slot[b, k]] = scores[b, k] / float(
                length_penalty(length, alpha)
            )
            state.enough = state.finished_scores.topk(n_best, dim=1).values[:, -1]
            state.free = rank < (n - n_finished - ended.sum(1))[:, None]
        state.scores = scores.masked_fill(~(alive ^ ended), -math.inf)

        done = (
            state.scores.amax(1) / state.largest_penalties <= state.enough
        )  # -inf: no slot is live
        if done.any():
            collect(state, done, eos_id, n_best, results)
            left = places(done)
            if len(left) == 0:
                break
            state.keep(left)
            steps.select(parents[left], left)
        elif n > 1:
            steps.select(parents, None)
    return results


def places(done: Tensor) -> Tensor:
    """The indexes of the sentences that are left, `(B,)`: the last of them come to the places of those that are done,
    all others stay where they are."""
    n_left = len(done) - int(done.sum())
    left = torch.arange(n_left, device=done.device)
    left[done[:n_left]] = n_left + (~done[n_left:]).nonzero(as_tuple=True)[0]
    return left


def collect(
    state: BeamState, done: Tensor, eos_id: int, n_best: int, results: list[list[Hypothesis]]
) -> None:
    """Move the finished hypotheses of the sentences that are `done` to `results`, best first."""
    order = state.finished_scores[done].argsort(dim=1, descending=True, stable=True)[:, :n_best]
    scores = state.finished_scores[done].gather(1, order).tolist()
    n_ids = state.finished_lengths[done].gather(1, order).tolist()
    ids = (
        state.finished_ids[done]
        .gather(1, order[:, :, None].expand(-1, -1, state.finished_ids.size(2)))
        .tolist()
    )
    for i, sentence in enumerate(state.sentence[done].tolist()):
        results[sentence] = [
            Hypothesis(ids[i][j][: n_ids[i][j] - 1], scores[i][j])
            for j in range(len(scores[i]))
            if scores[i][j] > -math.inf
        ]


def search(
    decoder: Decoder,
    sources: list[list[int]],
    bos_id: int,
    eos_id: int,
    forbidden: list[int],
    beam_size: int,
    alpha: float,
    batch_tokens: int,
    n_best: int = 1,
    on_batch: Callable[[int], object] = lambda n: None,
) -> list[list[Hypothesis]]:
    """Translate ids (eos last), sorted by length and batched by padded source tokens; results in the given order.

    A translation has at most twice the tokens of its source plus 20, and at most the model's `max_len`.
    `on_batch` hears how many sentences each batch finished.
    """
    model = decoder.model
    device = model.positions.device
    results: list[list[Hypothesis]] = [[] for _ in sources]
    with torch.inference_mode():
        for group in length_batches([len(ids) for ids in sources], batch_tokens):
            lengths = torch.tensor([len(sources[i]) for i in group], device=device)
            src = pad([sources[i] for i in group], model.pad_id).to(device)
            found = beam_search(
                Steps(decoder, src),
                min_lengths=torch.full_like(lengths, 1),
                max_lengths=(2 * lengths + 20).clamp(max=model.config.max_len),
                bos_id=bos_id,
                eos_id=eos_id,
                forbidden=forbidden,
                beam_size=beam_size,
                alpha=alpha,
                n_best=n_best,
            )
            for i, hypotheses in zip(group, found, strict=True):
                results[i] = hypotheses
            on_batch(len(group))
    return results
