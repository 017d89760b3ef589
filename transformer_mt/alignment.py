"""Which source token does each target token look at? Attention becomes word links.

Shape letters as in `model.py`; further: C choices of layer and head, U_s and U_t units of source
and target. Layers and heads count from 0. Row t of cross-attention is the step that emits target
token t; the last token of both sides is eos.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from transformer_mt.batches import length_batches, pad
from transformer_mt.config import UserError
from transformer_mt.files import progress
from transformer_mt.model import AttentionTrace, Trace, Transformer
from transformer_mt.tokenizer import Tokenizer
from transformer_mt.units import Link, is_punctuation, parse_links, split_units


@dataclass
class Side:
    """One side of a sentence pair: its tokens, the units that links index, and which token writes
    which unit.
    """

    text: str
    ids: list[int]
    """Eos last; n of them."""
    tokens: list[str]
    """The vocabulary's names of `ids`."""
    units: list[tuple[int, int]]
    """Character spans in `text`; U of them."""
    overlap: np.ndarray
    """Bool `(n, U)`: the token writes at least one character of the unit. Eos writes none."""
    n_prefix: int = 0
    """Tokens at the beginning that are no text: the mark of the target's language, 1 or 0."""

    @property
    def unit_texts(self) -> list[str]:
        return [self.text[start:end] for start, end in self.units]

    @cached_property
    def punctuation(self) -> np.ndarray:
        """Bool `(n,)`: the token writes punctuation marks and nothing else."""
        marks = np.array([is_punctuation(unit) for unit in self.unit_texts], dtype=bool)
        writes_something = self.overlap.any(1)
        writes_a_word = (self.overlap & ~marks).any(1)
        return np.asarray(writes_something & ~writes_a_word)

    @cached_property
    def same_word(self) -> np.ndarray:
        """Bool `(n, n)`: both tokens write a part of the same unit; each token goes with itself."""
        overlap = self.overlap.astype(np.float32)
        return np.asarray((overlap @ overlap.T > 0) | np.eye(len(self.ids), dtype=bool))


def make_side(
    tokenizer: Tokenizer,
    ids: list[int],
    units: list[tuple[int, int]] | str,
    written: str | None = None,
) -> Side:
    """The side that `ids`, eos last, write.

    Args:
        units: character spans of the units in the side's text; or "words", by `split_units`; or
            "subwords", the tokens themselves.
        written: the text that was encoded as `ids`, which the vocabulary may change; None = `ids`
            are the model's, and the text is what they decode to.
    """
    if written is None:
        text, spans = tokenizer.spans(ids)
    else:
        text, spans = written, tokenizer.written_spans(written)
    tokens = tokenizer.pieces(ids)
    n_prefix = len(tokenizer.prefix_ids)
    if units == "subwords":
        # Every token but prefix and eos is a unit, which it alone writes.
        overlap = np.eye(len(ids), dtype=bool)[:, n_prefix:-1]
        return Side(text, ids, tokens, spans[n_prefix:-1], overlap, n_prefix)
    bounds = split_units(text) if isinstance(units, str) else units
    starts, ends = np.array(spans).T
    unit_starts, unit_ends = np.array(bounds, dtype=int).reshape(-1, 2).T
    # Two spans overlap where the later start comes before the earlier end: (n, U).
    overlap = np.maximum(starts[:, None], unit_starts) < np.minimum(ends[:, None], unit_ends)
    return Side(text, ids, tokens, bounds, overlap, n_prefix)


@dataclass(frozen=True)
class Rule:
    """How hard links are read from cross-attention."""

    layer: int | None = None
    """None: the mean over all layers and heads."""
    head: int | None = None
    """None: the mean over the layer's heads."""
    shift: bool = False
    """Read at the step that consumes the token, one later, instead of the step that emits it (Chen
    et al. 2020)."""
    mask_eos: bool = True
    """The source's eos cannot win; otherwise a token that looks at it has no link."""
    mask_punctuation: bool = False
    """Source punctuation cannot win, but for target punctuation."""
    threshold: float | None = None
    """None: each target token is linked to the word with the largest share, see `contested`. A
    number: to all with a larger weight."""
    both: bool = False
    """Read the map both ways: the links of its rows, as said above, are joined with those of its
    columns by `agree`."""
    column_threshold: float = 0.2
    """With `both`, each source token is linked to the arg-max of its column where that weight is
    larger. The best of six values on the starter's validation set."""

    def __post_init__(self) -> None:
        thresholds = {"column_threshold": self.column_threshold}
        if self.threshold is not None:
            thresholds["threshold"] = self.threshold
        for name, value in thresholds.items():
            if not 0 <= value < 1:
                raise UserError(f"{name}={value} is out of range: it must be from 0 to below 1.")

    def __str__(self) -> str:
        """Layer, head, shift, ways, eos and threshold in words."""
        head = "mean of its heads" if self.head is None else f"head {self.head}"
        words = "mean of all layers" if self.layer is None else f"layer {self.layer}, {head}"
        if self.shift:
            words += ", shifted"
        if self.both:
            words += ", both ways"
        if not self.mask_eos:
            words += ", eos may win"
        if self.threshold is not None:
            words += f", weights above {self.threshold:g}"
        return words


LEAST_SUM = 0.5
"""The smallest column sum that `contested` divides by. Below 0.3 a trained head of the starter is
read worse. Between 0.3 and 1 the error rate on real text differs by 0.003 (after 1,000 updates by
0.008)."""

BASE = Rule(mask_punctuation=True)
"""The masks that choices are measured with, unless asked otherwise. On the starter masking
punctuation lowers the error rate by 0.003."""


@dataclass(frozen=True)
class Reason:
    """Why links are read by a rule.

    `str` says it in English; a page has words of its own for the key.
    """

    key: str
    """`chosen_on`: it was the best on gold links; `as_trained`: an imported model was taught links
    so, as its card says; `as_opus_mt`: the card says nothing, and models of opus-mt usually were;
    `no_gold`: there are no gold links to choose on; `by_option`."""
    subject: str = ""
    """The gold links, as `alignment.json` calls them; with `no_gold` the direction."""
    changed: bool = False
    """An option changed the shift, the threshold or a mask of that rule."""
    taught: bool = False
    """Training taught its head links; other heads are the model's own. `str` does not say so."""

    def __str__(self) -> str:
        texts = {
            "chosen_on": f"chosen on {self.subject}",
            "as_trained": "as its training had it",
            "as_opus_mt": "assumed, because opus-mt trains so",
            "no_gold": f"no gold links for {self.subject}",
            "by_option": "chosen by option",
        }
        return texts[self.key] + ("; changed by option" if self.changed else "")


def reading(rule: Rule, reason: Reason) -> str:
    """How links are read and why so, for a person."""
    taught = "; training taught this head links" if reason.taught else ""
    return f"links: {rule} ({reason}{taught})"


def choices(n_layers: int, n_heads: int) -> list[tuple[int | None, int | None]]:
    """Layer and head of every choice: each head, the mean of a layer's heads, the mean of all."""
    heads = [(layer, head) for layer in range(n_layers) for head in range(n_heads)]
    return [*heads, *((layer, None) for layer in range(n_layers)), (None, None)]


def soft(cross: np.ndarray, layer: int | None, head: int | None) -> np.ndarray:
    """The attention `(T, S)` of one choice, from `cross` `(L, H, T, S)`."""
    if layer is None:
        return np.asarray(cross.mean((0, 1), dtype=np.float64))
    if head is None:
        return np.asarray(cross[layer].mean(0, dtype=np.float64))
    return np.asarray(cross[layer, head])


def soft_of_traces(cross: list[AttentionTrace], layer: int | None, head: int | None) -> Tensor:
    """The attention `(B, T, S)` of one choice, from what each layer computed."""
    if layer is None:
        return torch.stack([trace.weights.mean(1) for trace in cross]).mean(0)
    weights = cross[layer].weights  # (B, H, T, S)
    return weights.mean(1) if head is None else weights[:, head]


def shifted(maps: np.ndarray, shift: bool) -> np.ndarray:
    """Rows for the target tokens without eos: `(…, T - 1, S)` of `(…, T, S)`.

    With `shift` they are read one step later, where the decoder has the token as its input.
    """
    return maps[..., 1:, :] if shift else maps[..., :-1, :]


def unmasked(src: Side, tgt: Side, rule: Rule) -> np.ndarray:
    """Which source tokens a target token may be linked to, bool `(T - 1, S)`."""
    allowed = np.ones((len(tgt.ids) - 1, len(src.ids)), dtype=bool)
    allowed[:, -1] = not rule.mask_eos
    allowed[:, : src.n_prefix] = False
    if rule.mask_punctuation:
        allowed &= ~src.punctuation | tgt.punctuation[:-1, None]
    return allowed


def word_weights(maps: np.ndarray, src: Side) -> np.ndarray:
    """Give each source token the summed weight of all tokens of its word: `(…, T - 1, S)`.

    Otherwise a word would lose to one that is written in fewer subwords, or to eos.
    """
    return np.asarray(maps @ src.same_word.astype(maps.dtype))


def contested(words: np.ndarray) -> np.ndarray:
    """Divide each weight by the sum of its column: the target tokens compete for the words.

    So a word that every token looks at a little wins no row by that alone. A sum counts as
    `LEAST_SUM` at least, so that a word that hardly any token looks at wins none either.
    """
    return np.asarray(words / np.maximum(words.sum(-2, keepdims=True), LEAST_SUM))


def hard(maps: np.ndarray, src: Side, tgt: Side, rule: Rule) -> np.ndarray:
    """Links between subwords that the rows find: bool `(…, T - 1, S)` from weights of that
    shape.

    A row links to the word with the largest share, see `contested`, and there to the subword with
    the largest weight. Where eos has more weight than that word, it has no link.
    """
    allowed = unmasked(src, tgt, rule)
    words = np.where(allowed, word_weights(maps, src), 0.0)
    allowed[:, -1] = False  # eos is no word
    if rule.threshold is not None:
        return np.asarray(allowed & (words > rule.threshold))
    # Weights are at least 0, so that -1 never wins against an allowed one.
    winner = np.where(allowed, contested(words), -1.0).argmax(-1)[..., None]
    is_subword = allowed & src.same_word[winner[..., 0]]
    largest = np.where(is_subword, maps, -1.0).argmax(-1)[..., None]
    # A row without any allowed column has an arg-max, too.
    links = (largest == np.arange(maps.shape[-1])) & allowed
    return np.asarray(links & (np.take_along_axis(words, winner, -1) >= words[..., -1:]))


def hard_columns(maps: np.ndarray, src: Side, tgt: Side, rule: Rule) -> np.ndarray:
    """Links between subwords that the columns find: bool `(…, T - 1, S)` from weights of that
    shape. The subwords of a word find the same one.
    """
    if maps.shape[-2] == 0:  # an empty translation has no arg-max
        return np.zeros(maps.shape, dtype=bool)
    masked = np.where(unmasked(src, tgt, rule), word_weights(maps, src), -1.0)
    is_largest = masked.argmax(-2)[..., None, :] == np.arange(maps.shape[-2])[:, None]
    links = is_largest & (masked > rule.column_threshold)
    links[..., -1] = False  # eos is no word
    return np.asarray(links)


def merge_links(links: np.ndarray, src: Side, tgt: Side) -> np.ndarray:
    """Links between units, bool `(…, U_s, U_t)`, from links between subwords, `(…, T - 1, S)`.

    Two units are linked when a linked pair of subwords overlaps them.
    """
    from_units = src.overlap.T.astype(np.float32)  # (U_s, S)
    to_units = tgt.overlap[:-1].astype(np.float32)  # (T - 1, U_t)
    return np.asarray(from_units @ np.swapaxes(links, -1, -2) @ to_units > 0)


def merge_weights(weights: np.ndarray, src: Side, tgt: Side) -> np.ndarray:
    """Soft attention over units and, last, eos: `(U_t + 1, U_s + 1)` of `(T, S)`.

    A source token's weight is shared equally among the units that it overlaps; rows are means over
    their tokens. Weights `(T - 1, S)`, without eos's row, give a result without it.
    """
    overlap = tgt.overlap[: len(weights)]
    columns = src.overlap / np.maximum(1, src.overlap.sum(1, keepdims=True))  # (S, U_s)
    rows = overlap / np.maximum(1, overlap.sum(0))  # (T, U_t)
    src_eos = np.eye(len(src.ids))[:, -1:]
    columns = np.hstack([columns, src_eos])
    if len(weights) == len(tgt.ids):
        tgt_eos = np.eye(len(tgt.ids))[:, -1:]
        rows = np.hstack([rows, tgt_eos])
    return np.asarray(rows.T @ weights @ columns)


def read_ways(cross: np.ndarray, src: Side, tgt: Side, rule: Rule) -> tuple[set[Link], set[Link]]:
    """Hard links between units, source first, that rows and columns of the rule's map find.

    Args:
        cross: `(L, H, T, S)`.

    Returns:
        The links of the rows, and those of the columns: none where the rule reads rows alone.
    """
    maps = shifted(soft(cross, rule.layer, rule.head), rule.shift)
    rows = merge_links(hard(maps, src, tgt, rule), src, tgt)  # (U_s, U_t)
    if not rule.both:
        return links_of(rows), set()
    return links_of(rows), links_of(merge_links(hard_columns(maps, src, tgt, rule), src, tgt))


def read_links(cross: np.ndarray, src: Side, tgt: Side, rule: Rule) -> set[Link]:
    """Hard links between units, source first, from `cross` `(L, H, T, S)`."""
    rows, columns = read_ways(cross, src, tgt, rule)
    return agree(rows, columns) if rule.both else rows


def links_of(table: np.ndarray) -> set[Link]:
    """The links in a table, bool `(U_s, U_t)`."""
    return set(zip(*(axis.tolist() for axis in table.nonzero()), strict=True))


def agree(forward: set[Link], backward: set[Link]) -> set[Link]:
    """Join the links of two directions, both source first (grow-diag-final-and, Koehn et al. 2005).

    It begins with the links that both find. From them it grows, step by step, to neighbours that
    one of them finds, where such a link is the first of its source or of its target unit. At last
    it takes links between two units that have none.
    """
    links, rest = forward & backward, forward ^ backward
    src_linked, tgt_linked = {i for i, _ in links}, {j for _, j in links}

    def add(i: int, j: int) -> None:
        links.add((i, j))
        rest.discard((i, j))
        src_linked.add(i)
        tgt_linked.add(j)

    # Sorted, so that the outcome does not depend on the order of a set.
    queue, others = sorted(links), sorted(rest)
    while queue and rest:
        i, j = queue.pop(0)
        for near in others:
            is_near = abs(near[0] - i) <= 1 and abs(near[1] - j) <= 1
            is_first = near[0] not in src_linked or near[1] not in tgt_linked
            if is_near and is_first and near in rest:
                add(*near)
                queue.append(near)
    for i, j in sorted(forward & rest) + sorted(backward & rest):
        if i not in src_linked and j not in tgt_linked:
            add(i, j)
    return links


def agree_in_tables(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """`agree` for many choices at once: bool `(C, U_s, U_t)` from tables of that shape."""
    joined = rows & columns
    for n in (rows != columns).any((1, 2)).nonzero()[0]:
        for i, j in agree(links_of(rows[n]), links_of(columns[n])):
            joined[n, i, j] = True
    return joined


# ---------------------------------------------------------------------------------- forced decoding


@torch.inference_mode()
def forced_batches(
    model: Transformer,
    pairs: list[tuple[list[int], list[int]]],
    bos_id: int,
    batch_tokens: int,
    with_encoder: bool = False,
) -> Iterator[tuple[list[int], Trace]]:
    """One teacher-forced pass over finished translations, in batches of like length.

    Args:
        pairs: ids of source and target, eos last.
        batch_tokens: padded tokens of the longer side that pass through the model together.
        with_encoder: the encoder's attention is wanted as well, which takes a little longer.

    Yields:
        The numbers of the pairs of a batch, and what attention computed on them, padded.
    """
    for group in length_batches([max(map(len, pair)) for pair in pairs], batch_tokens):
        src = pad([pairs[i][0] for i in group], model.pad_id).to(model.device)
        # Causality hides the target's padding, whatever it is.
        tgt_in = pad([[bos_id, *pairs[i][1][:-1]] for i in group], 0).to(model.device)
        trace = Trace()
        memory = model.encode(src, trace if with_encoder else None)
        model.decode_states(tgt_in, memory, src == model.pad_id, trace)
        yield group, trace


def cross_attention(
    model: Transformer,
    pairs: list[tuple[list[int], list[int]]],
    bos_id: int,
    batch_tokens: int = 4096,
) -> Iterator[tuple[int, np.ndarray]]:
    """All cross-attention of finished translations; arguments as for `forced_batches`.

    Yields:
        The number of a pair and its weights `(L, H, T, S)`; those of like length come together.
    """
    for group, trace in forced_batches(model, pairs, bos_id, batch_tokens):
        cross = torch.stack([layer.weights for layer in trace.cross]).cpu().numpy()
        for row, i in enumerate(group):  # cross: (L, B, H, T, S), padded
            yield i, cross[:, row, :, : len(pairs[i][1]), : len(pairs[i][0])]


# ------------------------------------------------------------------------------- against gold links


@dataclass
class Gold:
    """A sentence pair with gold links."""

    src: Side
    tgt: Side
    sure: np.ndarray
    """Bool `(U_s, U_t)`."""
    possible: np.ndarray
    """Bool `(U_s, U_t)`; sure links are possible ones, too."""


def make_gold(src: Side, tgt: Side, line: str, where: str) -> Gold:
    """A pair with its links in Pharaoh form, source first.

    Raises:
        UserError: a link has another form, or points beyond a sentence.
    """
    sure, possible = np.zeros((2, len(src.units), len(tgt.units)), dtype=bool)
    sure_links, possible_links = parse_links(line, len(src.units), len(tgt.units), where)
    for i, j in sure_links:
        sure[i, j] = True
    for i, j in possible_links:
        possible[i, j] = True
    return Gold(src, tgt, sure, sure | possible)


@dataclass
class Quality:
    """How well links A agree with sure links S and possible links P (Och and Ney 2003).

    Counts are summed over sentences.
    """

    n_links: int = 0
    n_sure: int = 0
    n_links_sure: int = 0
    """|A ∩ S|"""
    n_links_possible: int = 0
    """|A ∩ (S ∪ P)|"""

    def add(self, links: np.ndarray, gold: Gold) -> None:
        """Count the links of one sentence pair, bool `(U_s, U_t)`."""
        for field, count in zip(fields(self), counts(links[None], gold)[0], strict=True):
            setattr(self, field.name, getattr(self, field.name) + int(count))

    @property
    def aer(self) -> float:
        """Alignment error rate, 1 - (|A ∩ S| + |A ∩ (S ∪ P)|) / (|A| + |S|)."""
        return 1 - (self.n_links_sure + self.n_links_possible) / max(1, self.n_links + self.n_sure)

    @property
    def precision(self) -> float:
        return self.n_links_possible / max(1, self.n_links)

    @property
    def recall(self) -> float:
        return self.n_links_sure / max(1, self.n_sure)

    def report(self) -> dict[str, float]:
        return {"aer": self.aer, "precision": self.precision, "recall": self.recall}


def counts(links: np.ndarray, gold: Gold) -> np.ndarray:
    """The counts of a `Quality`, in the order of its fields: `(C, 4)` of links `(C, U_s, U_t)`."""
    return np.stack(
        [
            links.sum((1, 2)),
            np.broadcast_to(gold.sure.sum(), len(links)),
            (links & gold.sure).sum((1, 2)),
            (links & gold.possible).sum((1, 2)),
        ],
        axis=1,
    )


def measure(
    model: Transformer, gold_pairs: list[Gold], bos_id: int, base: Rule
) -> dict[Rule, Quality]:
    """The quality of every choice of layer, head and shift, of reading it one way or both, and of
    masking eos or not; punctuation and thresholds are as in `base`.
    """
    names = choices(model.config.n_decoder_layers, model.config.n_heads)
    rules = [
        replace(base, layer=layer, head=head, shift=shift, mask_eos=mask_eos, both=both)
        for both in (False, True)
        for mask_eos in (True, False)
        for shift in (False, True)
        for layer, head in names
    ]
    totals = np.zeros((len(rules), len(fields(Quality))), dtype=int)
    ids = [(gold.src.ids, gold.tgt.ids) for gold in gold_pairs]
    maps_of_pairs = cross_attention(model, ids, bos_id)
    for i, cross in progress(maps_of_pairs, total=len(ids), unit="pairs", desc="measure heads"):
        gold = gold_pairs[i]
        # All choices at once: their maps differ, the masks and the merging do not.
        maps = np.stack([soft(cross, *name) for name in names])  # (C, T, S)
        maps = np.concatenate([shifted(maps, False), shifted(maps, True)])  # (2 C, T - 1, S)
        sides = gold.src, gold.tgt
        rows = [
            merge_links(hard(maps, *sides, replace(base, mask_eos=mask_eos)), *sides)
            for mask_eos in (True, False)
        ]
        columns = merge_links(hard_columns(maps, *sides, base), *sides)
        joined = [agree_in_tables(rows_of_mask, columns) for rows_of_mask in rows]
        totals += counts(np.concatenate([*rows, *joined]), gold)
    return {rule: Quality(*row) for rule, row in zip(rules, totals.tolist(), strict=True)}


def best(table: dict[Rule, Quality]) -> Rule:
    """The rule with the lowest alignment error rate."""
    return min(table, key=lambda rule: table[rule].aer)


# ----------------------------------------------------------------------------------- alignment.json


def rule_to_json(table: dict[Rule, Quality], chosen_on: str, steps: list[int]) -> str:
    """The text of `alignment.json`: the best rule, the gold and the weights that it was chosen on,
    and the whole table.

    Args:
        steps: after which updates the weights were taken.
    """
    rule = best(table)
    rows = [{**asdict(other), **quality.report()} for other, quality in table.items()]
    values = {
        **asdict(rule),
        "chosen_on": chosen_on,
        "steps": steps,
        **table[rule].report(),
        "table": rows,
    }
    return json.dumps(values, ensure_ascii=False, indent=1) + "\n"


def unmeasured_rule_to_json(rule: Rule, reason: Reason, steps: list[int]) -> str:
    """The text of `alignment.json` for a rule that comes with the model, before any gold."""
    values = {**asdict(rule), "reason": reason.key, "steps": steps, "table": []}
    return json.dumps(values, ensure_ascii=False, indent=1) + "\n"


def rule_from_json(
    text: str | bytes, n_layers: int, n_heads: int, where: str
) -> tuple[Rule, dict[str, Any]]:
    """The rule, and everything else that `alignment.json` says.

    Args:
        where: the file's name for errors.
    Raises:
        UserError: the text is damaged, or the model has no such layer or head.
    """
    try:
        # Files of version 0.1.0 know of rows alone.
        values = {"both": False, "column_threshold": Rule.column_threshold} | json.loads(text)
        if values.get("reason") not in (None, "as_trained", "as_opus_mt"):
            raise ValueError
        rule = Rule(**{field.name: values[field.name] for field in fields(Rule)})
        check_types(rule)
        fits = (rule.layer, rule.head) in choices(n_layers, n_heads)
        of_rule = {"both": False, "mask_eos": rule.mask_eos}
        # A choice that does not fit the model is told before what else is wrong.
        values["table"] = [of_rule | row for row in values["table"]] if fits else []
        for row in values["table"]:
            check_types(Rule(**{key: row[key] for key in ("layer", "head", "shift", *of_rule)}))
            if not 0 <= row["aer"] <= 1:  # false for NaN, too
                raise ValueError
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        missing = f" (it has no {error})" if isinstance(error, KeyError) else ""
        raise UserError(
            f"{where}: damaged{missing}; delete it, or make it anew with align --gold --save."
        ) from None
    if not fits:
        raise UserError(f"{where}: the model has no {rule}; make it anew with align --gold --save.")
    return rule, values


def saved_reason(values: dict[str, Any]) -> Reason:
    """Why `alignment.json` has its rule, from its values as `rule_from_json` gives them."""
    if key := values.get("reason"):
        return Reason(key)
    # Somebody wrote the file by hand.
    unnamed = "gold links that alignment.json does not name"
    return Reason("chosen_on", str(values.get("chosen_on") or unnamed))


def check_types(rule: Rule) -> None:
    """Raise TypeError unless switches are bools and numbers whole, which JSON does not promise."""
    switches = (rule.shift, rule.mask_eos, rule.mask_punctuation, rule.both)
    if not all(isinstance(switch, bool) for switch in switches):
        raise TypeError
    if not all(number is None or type(number) is int for number in (rule.layer, rule.head)):
        raise TypeError


def with_links(gold_pairs: Iterable[Gold], where: str) -> list[Gold]:
    """The pairs that have gold links; raises UserError when none has."""
    linked = [gold for gold in gold_pairs if gold.possible.any()]
    if not linked:
        raise UserError(f"{where}: no gold links to measure on; give --src, --tgt and --gold FILE.")
    return linked
