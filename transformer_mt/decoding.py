"""Which ids come next? Beam search, of which greedy search is the case of one beam.

Ids in, ids out; it knows no text. Shape letters as in `model.py`; N is the beam size.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from transformer_mt.batches import length_batches, make_batch, pad
from transformer_mt.config import DecodeConfig
from transformer_mt.fast import CHUNK
from transformer_mt.model import AttentionTrace, DecoderCache, Trace, Transformer
from transformer_mt.runtime import autocast
from transformer_mt.tokenizer import SpecialIds
from transformer_mt.workers import workers

Step = Callable[[Tensor, DecoderCache], Tensor]
"""How the search meets the model: ids `(B, N)` and a cache to logits `(B, N, V)`."""

Look = Callable[[list[AttentionTrace]], Tensor]
"""Makes one map `(B, T, S)` of what cross-attention computed, layer by layer."""

LOOK_TOKENS = 512
"""Padded target tokens that pass through the decoder together when it looks back."""
FEWEST_ROWS = 8
"""Sentences from which on a worker of their own is worth its overhead."""


@dataclass
class Hypothesis:
    """A finished translation."""

    ids: list[int]
    """Without bos and eos."""
    score: float
    """Log-probability, eos included, divided by the length penalty."""
    attention: Tensor | None = field(default=None, repr=False, compare=False)
    """`(T, S)`, eos counted: the map that `search` was asked for."""

    def log_prob_per_token(self, alpha: float) -> float:
        """The log-probability divided by the number of tokens, eos counted.

        Args:
            alpha: of the length penalty that the score was divided by.
        """
        n_tokens = len(self.ids) + 1
        return self.score * float(length_penalty(n_tokens, alpha)) / n_tokens


def length_penalty(length: Tensor | int, alpha: float) -> Tensor:
    """((5 + length) / 6)^alpha, eos counted (Wu et al. 2016, equation 14)."""
    return ((5.0 + torch.as_tensor(length, dtype=torch.float64)) / 6.0) ** alpha


@dataclass
class BeamState:
    """The sentences that are still searched, B of them, with N slots each.

    A slot holds a live hypothesis or is empty: its score is -inf. Before the first step each
    sentence has one slot with an empty hypothesis.
    """

    sentence: Tensor
    """`(B,)`: which of the caller's sentences this is."""
    max_lengths: Tensor
    """`(B,)`: eos counted; a hypothesis that reaches it ends there."""
    largest_penalty: Tensor
    """`(B,)`: the length penalty of a translation that long."""
    ids: Tensor
    """`(B, N, t)`: live hypotheses of t tokens, bos first."""
    scores: Tensor
    """`(B, N)`: their summed log-probabilities, float64 where the device has it."""
    taken: Tensor
    """Bool `(B, N)`: the last slots, one for each hypothesis that has ended."""
    bound: Tensor
    """`(B,)`: the score that a live hypothesis must beat: of the `n_best`-th finished one, -inf
    while there are fewer."""

    def keep(self, rows: Tensor) -> None:
        """Keep only these sentences."""
        # Every field has a row for each sentence.
        for name, value in vars(self).items():
            setattr(self, name, value[rows])


def first_state(max_lengths: Tensor, bos_id: int, beam_size: int, alpha: float) -> BeamState:
    """Every sentence with one hypothesis that is nothing but bos."""
    n_sentences, device = len(max_lengths), max_lengths.device
    # Sums of many log-probabilities decide by small differences.
    precision = torch.float32 if device.type == "mps" else torch.float64
    return BeamState(
        sentence=torch.arange(n_sentences, device=device),
        max_lengths=max_lengths,
        # Computed on the CPU, because Apple's GPUs have no float64.
        largest_penalty=length_penalty(max_lengths.cpu(), alpha).to(device, precision),
        ids=torch.full((n_sentences, 1, 1), bos_id, device=device),
        scores=torch.zeros((n_sentences, 1), dtype=precision, device=device),
        taken=torch.zeros((n_sentences, beam_size), dtype=torch.bool, device=device),
        bound=torch.full((n_sentences,), -math.inf, dtype=precision, device=device),
    )


@torch.inference_mode()
def beam_search(
    step: Step,
    cache: DecoderCache,
    max_lengths: Tensor,
    special: SpecialIds,
    options: DecodeConfig,
) -> list[list[Hypothesis]]:
    """Find the best translations of each sentence.

    Each step extends the live hypotheses of a sentence by its best tokens. One that ends keeps its
    slot, so the beam of that sentence narrows. A sentence is done, and leaves the batch, when no
    slot is live or no live hypothesis can still win. With one slot this is greedy search. Limits
    and stopping depend on the sentence alone.

    Args:
        step: the model.
        cache: of B sources, before the first step.
        max_lengths: `(B,)`, eos counted; a hypothesis that reaches it ends there.
        special: the target vocabulary's.
        options: beam size, length penalty and how many translations to give.

    Returns:
        For each sentence at most `options.n_best` hypotheses, best first.
    """
    beam_size = options.beam_size
    state = first_state(max_lengths, special.bos, beam_size, options.length_penalty)
    shortest, longest = int(max_lengths.min()), int(max_lengths.max())
    finished: list[list[Hypothesis]] = [[] for _ in range(len(max_lengths))]
    # `length` counts the tokens of the live hypotheses after the step, bos left out.
    for length in range(1, longest + 1):
        logits = step(state.ids[:, :, -1], cache)  # (B, N, V), N = 1 at first
        log_probs = next_log_probs(logits, special)
        if length >= shortest:
            end_at_limit(log_probs, state.max_lengths <= length, special.eos)
        parents = extend(state, log_probs)
        finish(state, length, special.eos, options, finished)
        if beam_size > 1:
            cache.reorder(parents)

        # Sentences that are done leave the batch, so that the others become faster.
        done = is_done(state)
        if done.all():
            break
        if done.any():
            left = (~done).nonzero(as_tuple=True)[0]
            state.keep(left)
            cache.keep(left)
    return [best_of(hypotheses, options.n_best) for hypotheses in finished]


def next_log_probs(logits: Tensor, special: SpecialIds) -> Tensor:
    """Log-probabilities `(B, N, V)` of the next token, -inf for what no translation contains."""
    log_probs = log_softmax(logits)
    for never in (special.pad, special.unk, special.bos):
        log_probs.select(-1, never).fill_(-math.inf)
    return log_probs


def log_softmax(logits: Tensor) -> Tensor:
    """Log-probabilities of the last dimension, in float32 at least."""
    return logits.log_softmax(-1, dtype=torch.promote_types(logits.dtype, torch.float32))


def end_at_limit(log_probs: Tensor, at_limit: Tensor, eos_id: int) -> None:
    """Allow nothing but eos where a sentence is `at_limit`, bool `(B,)`; changes `log_probs`."""
    ends = log_probs[..., eos_id].clone()
    log_probs.masked_fill_(at_limit[:, None, None], -math.inf)
    log_probs[..., eos_id] = ends


def extend(state: BeamState, log_probs: Tensor) -> Tensor:
    """Replace the hypotheses of each sentence by their N best extensions.

    Other searches take 2 N candidates, because there a finished hypothesis makes room for another
    live one. Here it keeps its slot, so N suffice. The best N of a sentence are among the best N of
    each slot, and sorting those first spares a sort of N * V scores.

    Returns:
        `(B, N)`: the slot that each new hypothesis comes from.
    """
    beam_size = state.taken.size(1)
    width = min(beam_size, log_probs.size(-1))
    slot_scores, slot_tokens = log_probs.topk(width, dim=-1)  # (B, N, width)
    candidates = (state.scores[:, :, None] + slot_scores).flatten(1)
    # The first step has one slot, and may have fewer candidates than the beam has room for.
    n = min(beam_size, candidates.size(1))
    scores, index = candidates.topk(n, dim=-1)  # (B, n), best first
    parents = index.div(width, rounding_mode="floor")
    tokens = slot_tokens.flatten(1).gather(1, index)
    prefixes = state.ids.take_along_dim(parents[:, :, None], dim=1)
    state.ids = torch.cat((prefixes, tokens[:, :, None]), dim=2)
    # The slots that are taken are the last ones, where the worst candidates stand.
    state.scores = scores.masked_fill(state.taken[:, :n], -math.inf)
    return parents


def finish(
    state: BeamState,
    length: int,
    eos_id: int,
    options: DecodeConfig,
    finished: list[list[Hypothesis]],
) -> None:
    """Move the hypotheses that have just ended to `finished`, and raise the bound accordingly."""
    ended = (state.ids[:, :, -1] == eos_id) & (state.scores > -math.inf)
    if not ended.any():
        return
    # Only those that ended leave the device: most steps end none.
    rows, slots = ended.nonzero(as_tuple=True)
    scores = state.scores[rows, slots] / float(length_penalty(length, options.length_penalty))
    sentences, texts = state.sentence[rows].tolist(), state.ids[rows, slots, 1:-1].tolist()
    bounds = state.bound.tolist()
    for row, sentence, ids, score in zip(
        rows.tolist(), sentences, texts, scores.tolist(), strict=True
    ):
        hypotheses = finished[sentence]
        hypotheses.append(Hypothesis(ids, score))
        if len(hypotheses) >= options.n_best:
            bounds[row] = best_of(hypotheses, options.n_best)[-1].score
    state.bound = state.bound.new_tensor(bounds)
    state.scores = state.scores.masked_fill(ended, -math.inf)
    n_taken = state.taken.sum(1) + ended.sum(1)  # (B,)
    rank = torch.arange(state.taken.size(1), device=ended.device)
    state.taken = rank >= (len(rank) - n_taken)[:, None]


def is_done(state: BeamState) -> Tensor:
    """Bool `(B,)`: whether no live hypothesis can still be among the n best.

    Log-probabilities only fall and the penalty only grows with length, so a hypothesis can at best
    reach what it has now, divided by the penalty of the longest translation allowed.
    """
    return state.scores.amax(1) / state.largest_penalty <= state.bound  # -inf: no slot is live


def best_of(hypotheses: list[Hypothesis], n: int) -> list[Hypothesis]:
    """The n best, best first; of equals, the one that ended first."""
    return sorted(hypotheses, key=lambda hypothesis: -hypothesis.score)[:n]


def forced_log_probs(
    model: Transformer,
    pairs: list[tuple[list[int], list[int]]],
    bos_id: int,
    batch_tokens: int,
    dtype: torch.dtype = torch.float32,
    n_workers: int = 1,
) -> Iterator[tuple[int, Tensor]]:
    """Log-probability of every token of given translations, as the search would add them up.

    Args:
        pairs: ids of source and target, eos last.
        batch_tokens: padded tokens of the longer side that pass through the model together.
        dtype: of matrix products.
        n_workers: threads that share the batches; see `workers`.

    Yields:
        The number of a pair and its log-probabilities `(T,)`; those of like length come together.
    """

    def force(rows: list[int]) -> list[Tensor]:
        src, tgt = [pairs[i][0] for i in rows], [pairs[i][1] for i in rows]
        with torch.inference_mode(), autocast(model.device, dtype):
            batch = make_batch(src, tgt, model.pad_id, bos_id, bos_id).to(model.device)
            states = model(batch.src, batch.tgt_in)[batch.positions]  # (n, D)
            labels = batch.tgt_out[batch.positions]
            # The logits of a whole batch would be its largest tensor by far.
            parts = [
                log_softmax(model.output(x)).gather(1, y[:, None])[:, 0]
                for x, y in zip(torch.split(states, CHUNK), torch.split(labels, CHUNK), strict=True)
            ]
            return list(torch.split(torch.cat(parts), [len(ids) for ids in tgt]))

    batches = shared_batches([max(map(len, pair)) for pair in pairs], batch_tokens, n_workers)
    with workers(max(1, min(n_workers, len(batches)))) as share_out:
        for batch, outputs in zip(batches, share_out(force, batches), strict=True):
            yield from zip(batch, outputs, strict=True)


def search(
    model: Transformer,
    sources: list[list[int]],
    special: SpecialIds,
    options: DecodeConfig,
    dtype: torch.dtype = torch.float32,
    n_workers: int = 1,
    look: Look | None = None,
) -> Iterator[tuple[int, list[Hypothesis]]]:
    """Translate ids (eos last), those of similar length together, batches side by side.

    A translation has at most twice the tokens of its source plus 20, and at most the model's
    `max_len`.

    Args:
        dtype: of matrix products.
        n_workers: threads that share the batches; see `workers`.
        look: makes the attention that each hypothesis keeps, by a forced pass over them.

    Yields:
        The index of a source and its translations, best first, batch by batch.
    """

    def translate(batch: list[int]) -> list[list[Hypothesis]]:
        with torch.inference_mode(), autocast(model.device, dtype):
            src = pad([sources[i] for i in batch], model.pad_id).to(model.device)
            padding_mask = src == model.pad_id
            # Without a mask cross-attention is faster.
            mask = padding_mask if padding_mask.any() else None
            memory = model.encode(src)
            cache = model.start(memory, mask)
            lengths = torch.tensor([len(sources[i]) for i in batch], device=model.device)
            max_lengths = (2 * lengths + 20).clamp(max=model.config.max_len)
            hypotheses = beam_search(model.step, cache, max_lengths, special, options)
            if look is not None:
                look_back(model, hypotheses, memory, padding_mask, special, look)
            return hypotheses

    batches = shared_batches([len(ids) for ids in sources], options.batch_tokens, n_workers)
    with workers(max(1, min(n_workers, len(batches)))) as share_out:
        for batch, outputs in zip(batches, share_out(translate, batches), strict=True):
            yield from zip(batch, outputs, strict=True)


def look_back(
    model: Transformer,
    hypotheses: list[list[Hypothesis]],
    memory: Tensor,
    padding_mask: Tensor,
    special: SpecialIds,
    look: Look,
) -> None:
    """Set the attention of finished hypotheses, by one teacher-forced pass over all of them.

    The search itself cannot keep it, because its hypotheses change places.

    Args:
        hypotheses: those of each row of `memory` `(B, S, D)`.
        padding_mask: bool `(B, S)`, True = padding.
    """
    finished = [(row, each) for row, group in enumerate(hypotheses) for each in group]
    n_src = (~padding_mask).sum(1).tolist()
    # One that did not find its end would stretch all others, so that like lengths go together.
    for batch in length_batches([len(each.ids) + 1 for _, each in finished], LOOK_TOKENS):
        part = [finished[i] for i in batch]
        rows = torch.tensor([row for row, _ in part], device=memory.device)
        # Causality hides the padding.
        tgt_in = pad([[special.bos, *each.ids] for _, each in part], special.pad)
        trace = Trace()
        model.decode_states(tgt_in.to(memory.device), memory[rows], padding_mask[rows], trace)
        for (row, each), weights in zip(part, look(trace.cross).cpu(), strict=True):
            each.attention = weights[: len(each.ids) + 1, : n_src[row]]


def shared_batches(lengths: list[int], batch_tokens: int, n_workers: int) -> list[list[int]]:
    """Batches of sentences of similar length, dealt out so that all workers have as much to do.

    Every batch stays within `batch_tokens`, but for what the last row dealt adds to some.
    """
    n_shares = max(1, min(n_workers, len(lengths) // FEWEST_ROWS))
    groups = length_batches(lengths, n_shares * batch_tokens)
    return [group[i::n_shares] for group in groups for i in range(min(n_shares, len(group)))]
