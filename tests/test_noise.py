"""Sources as people type them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transformer_mt.noise import FINAL_MARK, other_case, other_quotes, quiet, typed
from transformer_mt.units import split_units, units

TEXT = st.text(st.sampled_from("aZéİß3.,!?。？…'’\"“” 我-U.S."), max_size=20)


def variants(text: str) -> set[str]:
    """Everything that a text becomes."""
    return {typed(text, 1.0, (1, 0, row)) for row in range(100)}


def test_a_sentence_as_people_type_it():
    assert variants("Where's Mr. Li?") == {
        "where's mr. li?", "where’s mr. li?",
        "Where's Mr. Li", "Where’s Mr. Li",
        "where's mr. li", "where’s mr. li",
    }  # fmt: skip
    assert variants("你好吗？") == {"你好吗？", "你好吗"}
    assert variants("i like apples.") == {"I like apples.", "i like apples", "I like apples"}


@pytest.mark.parametrize(
    "text, without",
    [
        ("I see.", "I see"), ("Why?", "Why"), ("好！", "好"), ("In the U.S.", "In the U.S"),
        ("Wait...", "Wait..."), ("What?!", "What?!"), ("等等……", "等等……"), (".", "."),
        ('He said "no."', 'He said "no."'), ("I see", "I see"),
    ],
)  # fmt: skip
def test_only_a_single_mark_at_the_end_is_left_out(text, without):
    assert FINAL_MARK.sub("", text) == without


@pytest.mark.parametrize(
    "straight, curly",
    [
        ("I don't know.", "I don’t know."),
        ('"Come in," he said.', "“Come in,” he said."),
        ("He said ('I know.')", "He said (‘I know.’)"),
        ("the boys' books", "the boys’ books"),
    ],
)
def test_quotes_become_curly_and_straight_again(straight, curly):
    assert other_quotes(straight) == curly
    assert other_quotes(curly) == straight


def test_case_goes_both_ways():
    assert other_case("Hello, Tom!") == "hello, tom!"
    assert other_case("hello, tom!") == "Hello, tom!"
    assert other_case("你好") == "你好"


@pytest.mark.parametrize(
    "text, read",
    [
        ("I LIKE APPLES.", "i like apples."), ("STOP", "stop"), ("ÉTÉ À 5 H", "été à 5 h"),
        ("I", "I"), ("5 + 5", "5 + 5"), ("", ""), ("HELLO Tom", "HELLO Tom"),
        ("我有DVD", "我有DVD"), ("ON", "on"), ("İZMİR", "izmir"),
    ],
)  # fmt: skip
def test_only_a_text_that_is_all_in_capitals_is_quiet(text, read):
    assert quiet(text) == read


@given(st.text(st.sampled_from("ABÉİẞ ΣǅI.1我"), max_size=12))
def test_a_quiet_text_is_as_long(text):
    assert len(quiet(text)) == len(text)
    assert split_units(quiet(text)) == split_units(text)


@given(TEXT, st.integers(0, 2**40))
def test_units_stay_where_they_are(text, row):
    changed = typed(text, 1.0, (7, 3, row))
    before, after = split_units(text), split_units(changed)
    assert after == before[: len(after)] and len(before) - len(after) in (0, 1)
    assert [unit.lower() for unit in units(changed.replace("’", "'"))] == [
        unit.lower() for unit in units(text.replace("’", "'"))
    ][: len(after)] or set(text) & set("\"“”'’İ")


def test_the_same_place_gives_the_same_text_and_others_differ():
    text = "Where's the library?"
    rows = [typed(text, 0.5, (1, 2, row)) for row in range(400)]
    assert rows == [typed(text, 0.5, (1, 2, row)) for row in range(400)]
    for place in ((1, 3), (2, 2)):
        assert rows != [typed(text, 0.5, (*place, row)) for row in range(400)]
    # 200 expected; the bounds are five standard deviations of a fair coin away.
    assert 150 < np.sum([row != text for row in rows]) < 250
    assert {typed(text, 0.0, (1, 2, row)) for row in range(100)} == {text}
