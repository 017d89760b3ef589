"""From attention to links to error rates, each against a slow loop or a case done by hand."""

import itertools
import json
import math
import re
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from helpers import (
    logits_of,
    random_ids,
    slow_aer,
    slow_agree,
    slow_columns,
    slow_cross,
    slow_hard,
    slow_links,
    slow_soft,
    slow_ways,
    tiny_config,
    tiny_model,
    written,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

from transformer_mt.alignment import (
    Gold,
    Quality,
    Reason,
    Rule,
    Side,
    agree,
    agree_in_tables,
    best,
    choices,
    cross_attention,
    hard,
    hard_columns,
    make_gold,
    make_side,
    measure,
    merge_links,
    merge_weights,
    read_links,
    read_ways,
    rule_from_json,
    rule_to_json,
    saved_reason,
    shifted,
    soft,
    unmeasured_rule_to_json,
    with_links,
)
from transformer_mt.config import UserError
from transformer_mt.model import Trace, Transformer

# --------------------------------------------------------------------------- sides and maps by hand


def side(words: list[str], tokens: list[list[int]]) -> Side:
    """A side whose token k writes the words `tokens[k]`; eos follows."""
    text, spans = " ".join(words), []
    for word in words:
        start = spans[-1][1] + 1 if spans else 0
        spans.append((start, start + len(word)))
    overlap = np.zeros((len(tokens) + 1, len(words)), dtype=bool)
    for k, words_of_token in enumerate(tokens):
        overlap[k, words_of_token] = True
    ids = [*range(4, 4 + len(tokens)), 3]
    return Side(text, ids, [*(f"t{k}" for k in range(len(tokens))), "</s>"], spans, overlap)


def table_of(links: set[tuple[int, int]], gold: Gold) -> np.ndarray:
    """The links as a bool table of source units by target units, as large as that of `gold`."""
    table = np.zeros(gold.sure.shape, dtype=bool)
    for link in links:
        table[link] = True
    return table


def pairs_of(table: np.ndarray) -> set[tuple[int, int]]:
    """Where a bool table is true."""
    return {(int(row), int(column)) for row, column in np.argwhere(table)}


WORDS = ["I", "like", ",", "tea", "!", "3", "我", "。"]


@st.composite
def sides(draw) -> Side:
    """Tokens that write nothing, part of a word, a word, or two. Some words no token writes."""
    words = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4))
    units_of_a_token = st.lists(st.integers(0, len(words) - 1), max_size=2, unique=True)
    return side(words, draw(st.lists(units_of_a_token, min_size=1, max_size=5)))


def weights(
    n_layers: int, n_heads: int, rows: int, columns: int, seed: int, levels: int | None = None
) -> np.ndarray:
    """Float32 rows that sum to 1. With `levels` they are few different eighths, whose sums are
    exact, hence ties.
    """
    rng = np.random.default_rng(seed)
    shape = (n_layers, n_heads, rows, columns)
    if levels is not None:
        return (rng.integers(1, levels + 1, shape) / 8).astype(np.float32)
    raw = rng.random(shape)
    return (raw / raw.sum(-1, keepdims=True)).astype(np.float32)


RULES = st.builds(
    Rule,
    layer=st.none(),
    shift=st.booleans(),
    mask_eos=st.booleans(),
    mask_punctuation=st.booleans(),
    # No weight is equal to one of these up to rounding.
    threshold=st.sampled_from([None, None, 0.0, 0.2111, 0.3501]),
    both=st.booleans(),
    column_threshold=st.sampled_from([0.0, 0.2111, 0.3501]),
)


# ---------------------------------------------------------------------------- from weights to links


@given(sides(), sides(), RULES, st.integers(0, 999), st.sampled_from([None, 3]))
@settings(deadline=None)
def test_links_between_subwords_are_those_of_the_slow_loop(src, tgt, rule, seed, levels):
    maps = weights(1, 1, len(tgt.ids), len(src.ids), seed, levels)[0, 0, :-1]
    assert pairs_of(hard(maps, src, tgt, rule)) == slow_hard(maps.tolist(), src, tgt, rule)
    by_columns = pairs_of(hard_columns(maps, src, tgt, rule))
    assert by_columns == slow_columns(maps.tolist(), src, tgt, rule)


HAND_SRC = side(["a", "b", "."], [[0], [1], [2]])
HAND_TGT = side(["x", "y", "。"], [[0], [1], [2]])
HAND = np.array(
    [
        [0.10, 0.20, 0.30, 0.40],  # eos first, then the full stop, then b
        [0.35, 0.35, 0.20, 0.10],  # a tie
        [0.05, 0.15, 0.20, 0.60],
    ],
    dtype=np.float32,
)


@pytest.mark.parametrize(
    "rule, expected",
    [
        (Rule(), {(0, 2), (1, 0), (2, 2)}),
        (Rule(mask_eos=False), {(1, 0)}),
        (Rule(mask_punctuation=True), {(0, 1), (1, 0), (2, 2)}),
        (Rule(mask_eos=False, mask_punctuation=True), {(1, 0)}),
        (Rule(threshold=0.2), {(0, 2), (1, 0), (1, 1)}),
        (Rule(threshold=0.1), {(0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 1), (2, 2)}),
        (Rule(threshold=0.1, mask_punctuation=True), {(0, 1), (1, 0), (1, 1), (2, 1), (2, 2)}),
        (Rule(threshold=0.9), set()),
    ],
)
def test_links_by_hand(rule, expected):
    """Eos and punctuation lose where they are masked. The leftmost of a tie wins."""
    assert pairs_of(hard(HAND, HAND_SRC, HAND_TGT, rule)) == expected


@pytest.mark.parametrize(
    "rule, expected",
    [
        (Rule(), {(1, 0), (1, 1), (0, 2)}),
        (Rule(mask_eos=False), {(1, 0), (1, 1), (0, 2)}),
        (Rule(mask_punctuation=True, column_threshold=0.1), {(1, 0), (1, 1), (2, 2)}),
        # 0.2 for the target's full stop is not above 0.2
        (Rule(mask_punctuation=True), {(1, 0), (1, 1)}),
        (Rule(column_threshold=0.3), {(1, 0), (1, 1)}),
        (Rule(column_threshold=0.35), set()),
    ],
)
def test_links_of_columns_by_hand(rule, expected):
    """Eos has no column. The uppermost of a tie wins."""
    maps = HAND.astype(float).round(2)
    assert pairs_of(hard_columns(maps, HAND_SRC, HAND_TGT, rule)) == expected
    tie = np.full((3, 4), 0.25)
    assert pairs_of(hard_columns(tie, HAND_SRC, HAND_TGT, Rule())) == {(0, 0), (0, 1), (0, 2)}


def test_both_ways_by_hand():
    """Rows find a-x, which columns leave out, and columns find c-y, a neighbour of a-y."""
    src, tgt = side(["a", "b", "c"], [[0], [1], [2]]), side(["x", "y"], [[0], [1]])
    maps = [[0.40, 0.30, 0.10, 0.20], [0.05, 0.60, 0.25, 0.10], [0, 0, 0, 1]]
    cross = np.array(maps)[None, None]
    one_way, both_ways = Rule(0, 0), Rule(0, 0, both=True)
    assert read_ways(cross, src, tgt, one_way) == ({(0, 0), (1, 1)}, set())
    assert read_ways(cross, src, tgt, both_ways) == (
        {(0, 0), (1, 1)},
        {(0, 0), (1, 1), (2, 1)},
    )
    assert read_links(cross, src, tgt, both_ways) == {(0, 0), (1, 1), (2, 1)}
    high = replace(both_ways, column_threshold=0.42)
    assert read_links(cross, src, tgt, high) == {(0, 0), (1, 1)}


def test_target_tokens_compete_for_a_word():
    """Both look at b most. It has 1.1 in all, of which y has 0.45; of a, it has 0.8."""
    src, tgt = side(["a", "b"], [[0], [1]]), side(["x", "y"], [[0], [1]])
    maps = np.array([[0.10, 0.60, 0.30], [0.40, 0.50, 0.10]])
    assert pairs_of(hard(maps, src, tgt, Rule())) == {(0, 1), (1, 0)}
    # A word that hardly anybody looks at is won by nobody.
    maps = np.array([[0.02, 0.60, 0.38], [0.00, 0.90, 0.10]])
    assert pairs_of(hard(maps, src, tgt, Rule())) == {(0, 1), (1, 1)}


def test_a_word_has_the_weight_of_all_its_subwords():
    """b is written in two, each of which has less than a, and than eos."""
    src, tgt = side(["a", "b"], [[0], [1], [1]]), side(["x"], [[0]])
    maps = np.array([[0.26, 0.20, 0.25, 0.29]])
    for rule in (Rule(), Rule(mask_eos=False)):
        assert pairs_of(hard(maps, src, tgt, rule)) == {(0, 2)}
    assert pairs_of(hard(maps, src, tgt, Rule(threshold=0.4))) == {(0, 1), (0, 2)}
    columns = hard_columns(maps, src, tgt, Rule(column_threshold=0.4))
    assert pairs_of(columns) == {(0, 1), (0, 2)}


def test_a_row_with_every_column_masked_has_no_link():
    src, tgt = side(["!", "?"], [[0], [1]]), side(["a"], [[0]])
    maps = np.full((1, 3), 1 / 3)
    for threshold in (None, 0.0):
        rule = Rule(mask_punctuation=True, threshold=threshold)
        assert not hard(maps, src, tgt, rule).any()
    assert not hard_columns(maps, src, tgt, Rule(mask_punctuation=True)).any()


def test_many_maps_at_once_are_each_as_alone():
    src, tgt = side(["a", "b", "!"], [[0], [1], [1], [2]]), side(["x", "y"], [[0], [0, 1], []])
    maps = weights(2, 3, 3, 5, seed=1)
    for rule in (Rule(), Rule(mask_eos=False, mask_punctuation=True), Rule(threshold=0.2)):
        together = merge_links(hard(maps, src, tgt, rule), src, tgt)
        for index in np.ndindex(2, 3):
            alone = merge_links(hard(maps[index], src, tgt, rule), src, tgt)
            assert np.array_equal(together[index], alone)
        columns = hard_columns(maps, src, tgt, rule)
        for index in np.ndindex(2, 3):
            assert np.array_equal(columns[index], hard_columns(maps[index], src, tgt, rule))


def test_a_shift_reads_one_step_later():
    """Row t emits token t, and row t + 1 consumes it. The row that emits eos is no token's own."""
    maps = np.arange(12.0).reshape(4, 3)
    assert shifted(maps, False).tolist() == maps[[0, 1, 2]].tolist()
    assert shifted(maps, True).tolist() == maps[[1, 2, 3]].tolist()
    assert shifted(np.stack([maps, -maps]), True)[1].tolist() == (-maps[[1, 2, 3]]).tolist()


def test_the_choices_are_every_head_every_layer_and_all():
    assert choices(2, 3) == [
        (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, None), (1, None), (None, None),
    ]  # fmt: skip


@pytest.mark.parametrize("layer, head", choices(2, 3))
def test_the_attention_of_a_choice_is_the_mean_of_its_heads(layer, head):
    cross = weights(2, 3, 4, 5, seed=2)
    assert np.allclose(soft(cross, layer, head), slow_soft(cross, layer, head), atol=1e-7, rtol=0)


# -------------------------------------------------------------------------------- subwords to units


@given(sides(), sides(), RULES, st.integers(0, 999))
@settings(deadline=None)
def test_links_between_units_are_those_of_the_slow_loop(src, tgt, rule, seed):
    cross = weights(2, 2, len(tgt.ids), len(src.ids), seed)
    for layer, head in choices(2, 2):
        full_rule = replace(rule, layer=layer, head=head)
        expected = slow_links(cross, src, tgt, full_rule)
        assert read_links(cross, src, tgt, full_rule) == expected, full_rule
        assert read_ways(cross, src, tgt, full_rule) == slow_ways(cross, src, tgt, full_rule)


def test_merging_links_by_hand():
    """A token that spans two words brings both, and two tokens of a word bring it once.

    A token of spaces alone brings none.
    """
    src = side(["in", "ter", "est"], [[0, 1], [2], [2], []])
    tgt = side(["兴", "趣"], [[0], [0, 1], []])
    links = np.zeros((3, 5), dtype=bool)
    links[0, 1] = links[0, 2] = True  # both tokens of est
    assert pairs_of(merge_links(links, src, tgt)) == {(2, 0)}
    links[1, 0] = True
    assert pairs_of(merge_links(links, src, tgt)) == {(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)}
    links[:] = False
    links[1, 3] = links[2, 1] = True  # from spaces, and to a token that writes nothing
    assert not merge_links(links, src, tgt).any()


def test_merging_weights_by_hand():
    src = side(["new", "york", "!"], [[0, 1], [1], []])  # nobody writes the mark
    tgt = side(["纽", "约"], [[0], [0, 1]])
    rows = np.array([[0.4, 0.3, 0.2, 0.1], [0.8, 0.0, 0.0, 0.2], [0.0, 0.5, 0.0, 0.5]])
    expected = [
        [0.3, 0.45, 0.0, 0.15],  # 纽: the mean of both rows; new has half of the first token
        [0.4, 0.4, 0.0, 0.2],  # 约
        [0.0, 0.5, 0.0, 0.5],  # the row that emits eos
    ]
    assert np.allclose(merge_weights(rows, src, tgt), expected)
    assert np.allclose(merge_weights(rows[:-1], src, tgt), expected[:-1])


@given(sides(), sides(), st.integers(0, 999), st.booleans())
@settings(deadline=None)
def test_merging_weights_loses_only_what_writes_nothing(src, tgt, seed, with_eos):
    rows = weights(1, 1, len(tgt.ids), len(src.ids), seed)[0, 0]
    rows = rows if with_eos else rows[:-1]
    merged = merge_weights(rows, src, tgt)
    n_src, n_tgt, eos = len(src.units), len(tgt.units), len(src.ids) - 1
    assert merged.shape == (n_tgt + with_eos, n_src + 1)
    heard = [s for s in range(eos) if written(src, s)] + [eos]
    for unit in range(n_tgt + with_eos):
        own = [t for t in range(len(tgt.ids) - 1) if unit in written(tgt, t)]
        if unit == n_tgt:  # the row that emits eos
            own = [len(tgt.ids) - 1]
        expected = np.zeros(n_src + 1)
        for t in own:
            for s in range(eos):
                for u in written(src, s):
                    expected[u] += rows[t][s] / len(written(src, s)) / len(own)
            expected[-1] += rows[t][eos] / len(own)
        assert np.allclose(merged[unit], expected, atol=1e-6)
        mass = np.mean([sum(rows[t][s] for s in heard) for t in own]) if own else 0.0
        assert np.isclose(merged[unit].sum(), mass, atol=1e-6)


CHARACTERS = st.sampled_from("Iabelokpst .!'3我喜欢苹果，é\u2009😀")
TEXTS = st.text(CHARACTERS, min_size=1, max_size=20).map(str.strip)


@given(TEXTS.filter(bool), st.sampled_from([0, 1]))
@settings(deadline=None)
@example("I like 😀 apples and books every day.", 0)
@example("我们每天喜欢苹果和书é。", 1)
def test_a_side_knows_which_token_writes_which_unit(tokenizers, text, which):
    """The pieces say so themselves, put one after the other, byte by byte."""
    tokenizer = tokenizers[which]
    ids = tokenizer.encode([text])[0]
    side = make_side(tokenizer, ids, "words")
    assert side.text == text
    assert side.overlap.shape == (len(ids), len(side.units)) and not side.overlap[-1].any()
    raw = []  # every byte, and the token that writes it
    for k, piece in enumerate(side.tokens[:-1]):
        byte = re.fullmatch("<0x([0-9A-F]{2})>", piece)
        raw += [(k, value) for value in (bytes.fromhex(byte[1]) if byte else piece.encode())]
    whole = bytes(value for _, value in raw).decode()
    writers, at = [], 0  # of every character
    for character in whole:
        writers.append({k for k, _ in raw[at : at + len(character.encode())]})
        at += len(character.encode())
    prefix = len(whole) - len(text)  # the space that English begins with
    assert prefix == (which == 0) and whole[prefix:].replace("▁", " ") == text
    for unit, (start, end) in enumerate(side.units):
        expected = set().union(*writers[prefix + start : prefix + end])
        assert set(np.flatnonzero(side.overlap[:, unit])) == expected, unit


def test_units_may_be_subwords_or_given(tokenizers):
    ids = tokenizers[1].encode(["我们喜欢苹果！"])[0]
    subwords = make_side(tokenizers[1], ids, "subwords")
    assert subwords.overlap.tolist() == np.eye(len(ids), len(ids) - 1, dtype=bool).tolist()
    assert "".join(subwords.unit_texts) == "我们喜欢苹果！" and len(subwords.units) == len(ids) - 1
    given_side = make_side(tokenizers[1], ids, [(0, 2), (2, 2), (2, 6), (6, 7)])
    assert given_side.unit_texts == ["我们", "", "喜欢苹果", "！"]
    assert not given_side.overlap[:, 1].any() and given_side.overlap[:, 2].any()


def test_the_end_alone_is_a_side_of_no_units(tokenizers):
    """A model may translate to nothing."""
    for units in ("words", "subwords"):
        nothing = make_side(tokenizers[1], [tokenizers[1].eos_id], units)
        assert nothing.text == "" and nothing.units == [] and nothing.overlap.shape == (1, 0)
        cross = weights(1, 1, 1, len(HAND_SRC.ids), seed=0)
        for both in (False, True):
            assert read_links(cross, HAND_SRC, nothing, Rule(0, 0, both=both)) == set()


def test_punctuation_tokens_write_marks_and_nothing_else():
    punctuation = side(["don't", "!", "?"], [[0], [0, 1], [1], [1, 2], []]).punctuation
    assert punctuation.tolist() == [False, False, True, True, False, False]


# ---------------------------------------------------------------------------------- both directions

LINKS = st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=14)


def neighbours(link: tuple[int, int]) -> set[tuple[int, int]]:
    """The eight links around one."""
    return {(link[0] + di, link[1] + dj) for di in (-1, 0, 1) for dj in (-1, 0, 1)} - {link}


def ends(links: set[tuple[int, int]]) -> set[tuple[str, int]]:
    """The units that have links."""
    return {("src", i) for i, _ in links} | {("tgt", j) for _, j in links}


def grown_from(start: set[tuple[int, int]], links: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """`start`, and all of `links` that a walk over neighbours reaches from it."""
    reached, left = set(start), list(start)
    while left:
        near = (neighbours(left.pop()) & links) - reached
        reached |= near
        left += near
    return reached


@given(LINKS, LINKS)
@settings(deadline=None)
def test_agreement_grows_from_the_intersection_and_ends_when_nothing_can_be_added(
    forward, backward
):
    links, inside, union = agree(forward, backward), forward & backward, forward | backward
    assert inside <= links <= union
    grown = grown_from(inside, links)

    # A neighbour that would give a unit its first link is not left out.
    for link in grown:
        for i, j in (neighbours(link) & union) - links:
            assert {("src", i), ("tgt", j)} <= ends(grown)
    # Every grown link gives a unit its first one.
    assert len(grown - inside) <= len(ends(grown) - ends(inside))
    # The last step, final-and, joins units that have no link.
    for i, j in links - grown:
        others = ends(links - {(i, j)})
        assert ("src", i) not in others and ("tgt", j) not in others
    # No link between two units without links is left out.
    for i, j in union - links:
        assert ("src", i) in ends(links) or ("tgt", j) in ends(links)


@given(LINKS, LINKS)
@settings(deadline=None, max_examples=300)
@example({(0, 0), (0, 1), (3, 4)}, {(0, 0), (4, 4), (0, 5)})
def test_agreement_is_that_of_the_slow_loop(forward, backward):
    assert agree(forward, backward) == slow_agree(forward, backward)


@given(st.lists(st.tuples(LINKS, LINKS), min_size=1, max_size=5))
@settings(deadline=None)
def test_agreement_in_tables_is_that_of_sets(pairs):
    words = side(list("abcdef"), [[0]])
    gold = gold_of(words, words, set())
    rows, columns = (
        np.stack([table_of(links, gold) for links in way]) for way in zip(*pairs, strict=True)
    )
    for joined, (forward, backward) in zip(agree_in_tables(rows, columns), pairs, strict=True):
        assert pairs_of(joined) == slow_agree(forward, backward)


@given(LINKS, LINKS, LINKS.filter(bool))
@settings(deadline=None)
def test_agreement_of_equals_changes_nothing_and_the_order_of_directions_only_the_last_step(
    forward, backward, common
):
    forward, backward = forward | common, backward | common
    assert agree(forward, forward) == forward
    inside = forward & backward
    grown = grown_from(inside, agree(forward, backward))
    assert grown == grown_from(inside, agree(backward, forward))


@given(LINKS)
@settings(deadline=None)
def test_agreement_of_disjoint_directions_takes_one_link_each(links):
    """There is nothing to grow from, so it takes links whose units have none, in order."""
    expected = set()
    for i, j in sorted(links):
        if all(i != a and j != b for a, b in expected):
            expected.add((i, j))
    assert agree(links, set()) == agree(set(), links) == expected


@pytest.mark.parametrize(
    "forward, backward, expected",
    [
        # a diagonal neighbour, and from it on the next
        ({(0, 0), (1, 1)}, {(0, 0), (2, 2)}, {(0, 0), (1, 1), (2, 2)}),
        # a neighbour whose units both have links already
        ({(0, 0), (1, 1), (0, 1)}, {(0, 0), (1, 1)}, {(0, 0), (1, 1)}),
        # beside the intersection one end is enough; far from it both must be free
        ({(0, 0), (0, 1), (3, 4)}, {(0, 0), (4, 4), (0, 5)}, {(0, 0), (0, 1), (3, 4)}),
        # the forward direction is first in the last step
        ({(3, 3)}, {(2, 3)}, {(3, 3)}),
        (set(), set(), set()),
    ],
)
def test_agreement_by_hand(forward, backward, expected):
    assert agree(forward, backward) == expected


# ----------------------------------------------------------------------------- alignment error rate


def gold_of(src: Side, tgt: Side, sure: set, possible: set = frozenset()) -> Gold:
    """A pair with these gold links."""
    line = " ".join([*(f"{i}-{j}" for i, j in sure), *(f"{i}p{j}" for i, j in possible)])
    return make_gold(src, tgt, line, "gold")


def test_alignment_error_rate_by_hand():
    """S = {0-0, 1-1}, P = S + {2-1}, A = {0-0, 2-1, 2-2}: 1 - (1 + 2) / (3 + 2)."""
    gold = gold_of(HAND_SRC, HAND_TGT, {(0, 0), (1, 1)}, {(2, 1)})
    quality = Quality()
    quality.add(table_of({(0, 0), (2, 1), (2, 2)}, gold), gold)
    assert quality.aer == pytest.approx(0.4)
    assert quality.precision == pytest.approx(2 / 3)
    assert quality.recall == pytest.approx(1 / 2)
    figures = {"aer": quality.aer, "precision": quality.precision, "recall": quality.recall}
    assert quality.report() == figures


@given(st.lists(st.tuples(LINKS, LINKS, LINKS), min_size=1, max_size=4))
@settings(deadline=None)
def test_alignment_error_rate_is_och_and_neys(rows):
    words = side(list("abcdef"), [[0]])
    quality = Quality()
    for links, sure, possible in rows:
        gold = gold_of(words, words, sure, possible)
        quality.add(table_of(links, gold), gold)
    assert (quality.aer, quality.precision, quality.recall) == pytest.approx(slow_aer(rows))


@given(LINKS.filter(bool), LINKS)
@settings(deadline=None)
def test_perfect_is_0_and_nothing_is_1(sure, possible):
    words = side(list("abcdef"), [[0]])
    gold = gold_of(words, words, sure, possible)
    for links, aer in ((sure, 0.0), (sure | possible, 0.0), (set(), 1.0)):
        quality = Quality()
        quality.add(table_of(links, gold), gold)
        assert quality.aer == pytest.approx(aer)


def test_gold_links_that_do_not_fit_are_named():
    message = r"x: line 3: link 0-3 is out of range: the sentences have 3 and 3 units"
    with pytest.raises(UserError, match=message):
        make_gold(HAND_SRC, HAND_TGT, "0-0 0-3", "x: line 3")


def test_pairs_without_gold_links_are_left_out_and_none_at_all_is_an_error():
    lines = ("", "0-0", "0p0")
    empty, sure, possible = (make_gold(HAND_SRC, HAND_TGT, line, "x") for line in lines)
    assert with_links([empty, sure, possible], "x") == [sure, possible]
    message = r"y\.align: no gold links to measure on; give --src, --tgt and --gold FILE"
    with pytest.raises(UserError, match=message):
        with_links([empty, empty], "y.align")


# ---------------------------------------------------------------------------------- a model by hand


def positional_model() -> Transformer:
    """A model whose cross-attention is known.

    In layer 0, head 0 looks at the source position of the token that the row emits, and head 1 at
    the position before, that of the token that the row consumes. Layer 1 looks at everything
    equally.

    Embeddings are zero and the sub-layers add nothing, so that every state is its position's sines
    and cosines. Those of the position before are a linear function of them.
    """
    torch.manual_seed(0)
    config = tiny_config(d_model=64, n_heads=2, n_encoder_layers=1)
    model = Transformer(config, n_src_vocab=9, n_tgt_vocab=9, pad_id=0, joint=False).eval()
    with torch.no_grad():
        for table in (model.src_embedding.weight, model.tgt_embedding.weight):
            table.zero_()
        for name, parameter in model.named_parameters():
            if "w_o" in name or "w_out" in name:
                parameter.zero_()
        first, last = (layer.cross_attention for layer in model.decoder_layers)
        for linear in (first.w_q, first.w_k, last.w_q, last.w_k):
            linear.weight.zero_()
        states = torch.nn.functional.layer_norm(model.positions[:20].double(), (64,))
        same = torch.eye(32, 64).double()  # both heads have the 32 quickest dimensions as keys
        ridge = states[1:] @ states[1:].T + 0.01 * torch.eye(19)
        before = (states[1:].T @ torch.linalg.solve(ridge, states[:-1] @ same.T)).T
        first.w_q.weight.copy_(8 * torch.cat([same, before]))
        first.w_k.weight.copy_(8 * torch.cat([same, same]))
    return model


def words_of_one_token(n: int) -> Side:
    """A side of `n` words, each written by one token of id 4."""
    return replace(side(["w"] * n, [[k] for k in range(n)]), ids=[4] * n + [3])


def diagonal_gold_pairs(lengths: list[int]) -> list[Gold]:
    """Pairs of equally many words, the k-th linked to the k-th."""
    sides = [words_of_one_token(n) for n in lengths]
    return [gold_of(side, side, {(k, k) for k in range(len(side.units))}) for side in sides]


def test_a_model_that_copies_gives_the_diagonal_and_one_that_consumes_gives_it_shifted():
    model, gold_pairs = positional_model(), diagonal_gold_pairs([7, 3, 12, 5])
    table = measure(model, gold_pairs, bos_id=2, base=Rule())
    assert table[Rule(0, 0)].aer == 0 and table[Rule(0, 1, shift=True)].aer == 0
    assert best(table) == Rule(0, 0)
    for rule in (Rule(0, 0, shift=True), Rule(0, 1)):
        assert table[rule].aer > 0.7  # beside the diagonal, but on it at an end of the sentence
    uniform = table[Rule(1, 0)]  # every row is a tie, which the first word of the sentence wins
    assert uniform.n_links == 27 and uniform.n_links_sure == 4

    src, tgt = words_of_one_token(5), words_of_one_token(6)
    ((_, cross),) = cross_attention(model, [(src.ids, tgt.ids)], 2)
    assert {(k, k) for k in range(5)} <= read_links(cross, src, tgt, Rule(0, 0))


# ---------------------------------------------------------------------------- teacher-forced passes


def random_pairs(n: int, seed: int = 0) -> list[tuple[list[int], list[int]]]:
    """Ids of sentences of different lengths; eos is 3."""
    rng = np.random.default_rng(seed)

    def sentence() -> list[int]:
        return [*rng.integers(4, 11, rng.integers(1, 14)).tolist(), 3]

    return [(sentence(), sentence()) for _ in range(n)]


def test_batches_with_padding_equal_one_by_one(float64):
    model, pairs = tiny_model(n_decoder_layers=3), random_pairs(23)
    for batch_tokens in (1, 40, 4096):
        outputs = dict(cross_attention(model, pairs, 2, batch_tokens))
        assert sorted(outputs) == list(range(23))
        for i, (src, tgt) in enumerate(pairs):
            assert outputs[i].shape == (3, 4, len(tgt), len(src))
            assert np.allclose(outputs[i], slow_cross(model, src, tgt), atol=1e-12, rtol=0)
            assert np.allclose(outputs[i].sum(-1), 1, atol=1e-12, rtol=0)


def test_writing_attention_out_changes_nothing_but_rounding(float64):
    """Compare the written-out path with the fused kernel through the whole model, with padding."""
    model = tiny_model(n_encoder_layers=3)
    src, tgt_in = random_ids(3, 9, 13), random_ids(3, 7, 11, seed=1)
    src[1, 5:] = src[2, 1:] = 0
    trace = Trace()
    with torch.inference_mode():
        written_out = model.decode(tgt_in, model.encode(src, trace), src == 0, trace)
        assert torch.allclose(written_out, logits_of(model, src, tgt_in), atol=1e-10, rtol=0)
        single = model.float()
        written_out = single.decode(tgt_in, single.encode(src, trace), src == 0, trace)
        assert torch.allclose(written_out, logits_of(single, src, tgt_in), atol=1e-4, rtol=0)
    assert [len(trace.encoder_self), len(trace.decoder_self), len(trace.cross)] == [6, 4, 4]


def random_gold_pairs(n: int) -> list[Gold]:
    """Pairs of random words, written by random tokens, with random gold links."""
    rng, gold_pairs = np.random.default_rng(5), []
    for pair in random_pairs(n, seed=3):
        sides = []
        for ids in pair:
            words = rng.choice(WORDS, rng.integers(1, 5)).tolist()
            tokens = [rng.choice(len(words), rng.integers(0, 2)).tolist() for _ in ids[:-1]]
            sides.append(replace(side(words, tokens), ids=ids))
        sure, possible = (
            {tuple(rng.integers(0, len(side.units)) for side in sides) for _ in range(3)}
            for _ in range(2)
        )
        gold_pairs.append(gold_of(*sides, sure, possible))
    return gold_pairs


@pytest.mark.parametrize(
    "base",
    [Rule(), Rule(mask_punctuation=True), Rule(threshold=0.15), Rule(column_threshold=0.05)],
)
def test_measuring_equals_the_slow_loop_for_every_choice(float64, base):
    model, gold_pairs = tiny_model(n_decoder_layers=3), random_gold_pairs(6)
    cross = [slow_cross(model, gold.src.ids, gold.tgt.ids) for gold in gold_pairs]
    table = measure(model, gold_pairs, 2, base)
    for rule, quality in table.items():
        others = {"mask_eos": rule.mask_eos, "both": rule.both}
        assert replace(rule, layer=None, head=None, shift=False) == replace(base, **others)
        rows = []
        for gold, cross_of_pair in zip(gold_pairs, cross, strict=True):
            links = slow_links(cross_of_pair, gold.src, gold.tgt, rule)
            rows.append((links, pairs_of(gold.sure), pairs_of(gold.possible)))
        figures = (quality.aer, quality.precision, quality.recall)
        assert figures == pytest.approx(slow_aer(rows)), rule
    expected = {
        (*choice, *switches)
        for choice in choices(3, 4)
        for switches in itertools.product((False, True), repeat=3)
    }
    measured_choices = [(r.layer, r.head, r.shift, r.mask_eos, r.both) for r in table]
    assert set(measured_choices) == expected and len(measured_choices) == 8 * (3 * 4 + 3 + 1)
    assert table[best(table)].aer == min(quality.aer for quality in table.values())


# ----------------------------------------------------------------------------------- alignment.json


def test_a_rule_comes_back_from_its_file(measured):
    text = rule_to_json(measured, "测试, 3 pairs", [3, 4])
    rule, values = rule_from_json(text, 2, 2, "alignment.json")
    assert rule == best(measured) == list(measured)[11]
    assert "测试" in text and text.endswith("\n")
    assert values["chosen_on"] == "测试, 3 pairs" and values["steps"] == [3, 4]
    assert values["aer"] == pytest.approx(0.05)
    assert values["recall"] == 0.9 and values["precision"] == 1.0
    for row, (rule, quality) in zip(values["table"], measured.items(), strict=True):
        assert row == asdict(rule) | quality.report()


def test_a_rule_read_both_ways_comes_back_from_its_file(measured):
    both = {
        replace(rule, both=True, column_threshold=0.3, mask_eos=False): quality
        for rule, quality in measured.items()
    }
    rule, values = rule_from_json(rule_to_json(both, "x", [3]), 2, 2, "alignment.json")
    assert rule == list(both)[11] and rule.both and rule.column_threshold == 0.3
    assert all(row["both"] and not row["mask_eos"] for row in values["table"])


@pytest.mark.parametrize("key", ["as_trained", "as_opus_mt"])
def test_a_rule_that_was_never_measured_comes_back_with_its_reason(key):
    text = unmeasured_rule_to_json(Rule(1, 0), Reason(key), [0])
    rule, values = rule_from_json(text, 2, 2, "alignment.json")
    assert rule == Rule(1, 0) and saved_reason(values) == Reason(key)
    assert values["steps"] == [0] and values["table"] == []


def test_a_file_of_before_reads_rows_alone(measured):
    values = json.loads(rule_to_json(measured, "x", [3]))
    for part in (values, *values["table"]):
        del part["both"], part["column_threshold"]
    rule, values = rule_from_json(json.dumps(values), 2, 2, "alignment.json")
    assert rule == list(measured)[11] and not rule.both
    assert not any(row["both"] for row in values["table"])


def without(text: str, key: str) -> str:
    """The JSON object in `text` without a key."""
    values = json.loads(text)
    del values[key]
    return json.dumps(values)


def changed(**changes: object):
    """A function that changes the JSON object in a text."""
    return lambda text: json.dumps(json.loads(text) | changes)


DAMAGED = "alignment.json: damaged"
NAN_ROW = {"layer": 0, "head": 0, "shift": False, "aer": math.nan}


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda text: text[: len(text) // 2], f"{DAMAGED}; delete it, or make it anew"),
        (lambda text: "", DAMAGED),
        (lambda text: "[1, 2]", DAMAGED),
        (lambda text: "null", DAMAGED),
        (lambda text: without(text, "shift"), DAMAGED),
        (changed(layer=2, head=0, shift=False), "alignment.json: the model has no layer 2, head 0"),
        (changed(layer=0, head=2, shift=False), "alignment.json: the model has no layer 0, head 2"),
        (changed(layer=-1, head=None), "the model has no layer -1, mean of its heads"),
        (changed(layer=None, head=1), "alignment.json: "),
        (changed(layer="0"), "alignment.json: "),
        (changed(layer=True), DAMAGED),
        (changed(layer=1.0), DAMAGED),
        (changed(threshold="high"), DAMAGED),
        (changed(shift="no"), DAMAGED),
        (changed(both="no"), DAMAGED),
        (changed(column_threshold=None), DAMAGED),
        (changed(column_threshold=1.5), DAMAGED),
        (changed(table=[{"layer": 0, "head": 0, "shift": False, "both": 1, "aer": 0.1}]), DAMAGED),
        (changed(reason="a hunch"), DAMAGED),
        (changed(table=None), DAMAGED),
        (changed(table=[1]), DAMAGED),
        (changed(table=[{"aer": 0.1}]), DAMAGED),
        (changed(table=[NAN_ROW]), DAMAGED),
    ],
)
def test_a_damaged_or_foreign_rule_is_refused(measured, damage, message):
    with pytest.raises(UserError, match=re.escape(message)):
        rule_from_json(damage(rule_to_json(measured, "x", [3])), 2, 2, "runs/a/alignment.json")


def test_a_rule_says_in_words_what_it_reads():
    assert str(Rule()) == "mean of all layers"
    assert str(Rule(1, shift=True)) == "layer 1, mean of its heads, shifted"
    assert str(Rule(1, 0)) == "layer 1, head 0"
    assert str(Rule(1, 0, threshold=0.0)) == "layer 1, head 0, weights above 0"
    assert str(Rule(1, both=True)) == "layer 1, mean of its heads, both ways"
    assert str(Rule(1, 0, mask_eos=False, both=True)) == "layer 1, head 0, both ways, eos may win"


@pytest.mark.parametrize("value", [-0.1, 1.0, math.nan])
@pytest.mark.parametrize("name", ["threshold", "column_threshold"])
def test_a_threshold_out_of_range_is_named(name, value):
    with pytest.raises(UserError, match=rf"^{name}={value} is out of range"):
        Rule(**{name: value})
