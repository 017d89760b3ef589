"""The units that links index, plain text from the tokens of a gold set, and links as text."""

import re
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from transformer_mt.config import UserError
from transformer_mt.units import (
    format_links,
    is_punctuation,
    join_given,
    parse_links,
    split_units,
    turn_links,
    units,
    words,
)

WORD = st.text(st.sampled_from("aZé3,.!?()'-我，。（ß😀"), min_size=1, max_size=4)
WORDS = st.lists(WORD, min_size=1, max_size=8)
LINKS = st.sets(st.tuples(st.integers(0, 12), st.integers(0, 12)))


# -------------------------------------------------------------------------------------------- units


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", []),
        ("  \t ", []),
        ("I don't like twenty-one apples.", ["I", "don't", "like", "twenty-one", "apples", "."]),
        (
            "It costs 1,000.50 at 10:30, no?",
            ["It", "costs", "1,000.50", "at", "10:30", ",", "no", "?"],
        ),
        ("我喜欢NBA，3个！", ["我", "喜", "欢", "NBA", "，", "3", "个", "！"]),
        (
            "3.5kg's at 10:30am, 5kg in 2014-15",
            ["3.5kg's", "at", "10:30am", ",", "5kg", "in", "2014", "-", "15"],
        ),
        (
            "cafe\u0301s du soir, e\u0301te\u0301-la",
            ["cafe\u0301s", "du", "soir", ",", "e\u0301te\u0301-la"],
        ),
        ("“Naïve” – ok…", ["“", "Naïve", "”", "–", "ok", "…"]),
        ("हिन्दी में क्षेत्र।", ["हिन्दी", "में", "क्षेत्र", "।"]),
        ("الْعَرَبِيَّةُ שָׁלוֹם తెలుగు", ["الْعَرَبِيَّةُ", "שָׁלוֹם", "తెలుగు"]),
        ("می\u200cخواهم بروم", ["می\u200cخواهم", "بروم"]),
        ("র\u200c্যাব ന്\u200d, a\u20dd", ["র\u200c্যাব", "ന്\u200d", ",", "a\u20dd"]),
        ("co\u00adoperate, soft\u00ad end", ["co\u00adoperate", ",", "soft", "end"]),
        (
            "5\u00adkg 1\u2060000 twen\u00adty\u00ad-one",
            ["5\u00adkg", "1\u2060000", "twen\u00adty\u00ad-one"],
        ),
        ("a\u200bb\ufeffc \u200b \ufeff", ["a", "b", "c"]),
        ("\u200ehi\u200f! \u202bשלום\u202c \u2067x\u2069", ["hi", "!", "שלום", "x"]),
        ("w\u200ex \u2060 \u00ad \u200d \ufe0f \u3164 y", ["w\u200ex", "y"]),
        ("ที่นี่ ๑๒ บาท", ["ที่", "นี่", "๑๒", "บ", "า", "ท"]),
        ("ສະບາຍດີ", ["ສ", "ະ", "ບ", "າ", "ຍ", "ດີ"]),
        ("សួស្ដី។", ["សួ", "ស្", "ដី", "។"]),
        ("မြန်မာ", ["မြ", "န်", "မာ"]),
        ("葛\U000e0100城", ["葛\U000e0100", "城"]),
        ("\u0301 a", ["\u0301", "a"]),
    ],
)
def test_units_are_words_numbers_characters_and_marks(text, expected):
    assert units(text) == expected


EMOJI = [
    "😀",
    "❤\ufe0f",
    "👍🏽",
    "☝\ufe0f🏽",
    "👩\u200d👩\u200d👧",
    "🧑🏽\u200d💻",
    "🏃\u200d♀\ufe0f",
    "🏳\ufe0f\u200d🌈",
    "🇨🇳",
    "🇩🇪",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "1\ufe0f\u20e3",
    "2\u20e3",
    "#\ufe0f\u20e3",
]


@given(st.lists(st.sampled_from([*EMOJI, "我", "。", "!"]), min_size=1, max_size=8))
@settings(deadline=None)
@example(EMOJI)
def test_an_emoji_is_one_unit_whatever_is_beside_it(sequence):
    assert units("".join(sequence)) == sequence
    assert units("ok" + "a".join(sequence) + "ok")[1::2] == sequence


def test_emoji_are_punctuation_but_for_digits():
    assert all(map(is_punctuation, [emoji for emoji in EMOJI if emoji[0] not in "12"]))
    assert not any(map(is_punctuation, ["1\ufe0f\u20e3", "ि", "é"]))


def test_words_are_the_same_however_they_are_typed():
    assert words("DON’T buy 3 apples, Tom!") == words("don't buy 3 Apples tom")
    assert words("DON’T buy 3 apples!") == ["don't", "buy", "apples"]
    assert words("我有3个iPhone。") == ["我", "有", "个", "iphone"]


@given(st.text(st.sampled_from("ab3.,:'’- \t\u3000我々〇𠀀é!😀\u0301_"), max_size=30))
@settings(deadline=None)
@example("3.50元 don't\u3000\U00020000")
def test_units_cover_everything_but_white_space_once_and_in_order(text):
    end = 0
    for first, last in split_units(text):
        assert end <= first < last and not text[end:first].strip()
        end = last
    assert not text[end:].strip()


def test_punctuation_has_neither_letters_nor_digits():
    assert all(map(is_punctuation, ["。", "...", "", "$", "😀", "“"]))
    assert not any(map(is_punctuation, ["a.", "3", "我", "é", "½", "..x"]))


# ------------------------------------------------------------------------------ tokens of gold sets


@pytest.mark.parametrize(
    "tokens, text",
    [
        ("He said : wait , do n't go !", "He said: wait, don't go!"),
        ("John 's dog ( a big one ) barked ; why ?", "John's dog (a big one) barked; why?"),
        (") a 's", ") a's"),
        ("a 'sudden n'te", "a 'sudden n'te"),
        ("“ Yes ” – 3 . 5 %", "“ Yes ” – 3. 5 %"),
    ],
)
def test_english_tokens_are_joined_as_english_is_written(tokens, text):
    assert join_given(tokens.split(" "), spaced=True)[0] == text


@pytest.mark.parametrize(
    "tokens, text",
    [
        ("我 喜欢 苹果 。", "我喜欢苹果。"),
        ("IBM PC 很 好", "IBM PC很好"),
        ("2023 年 5 月 10 20", "2023年5月10 20"),
        ("用 Windows 10 。", "用Windows 10。"),
        ("C++ Java", "C++Java"),
        ("( a , b )", "(a,b)"),
    ],
)
def test_chinese_tokens_are_joined_without_spaces_but_between_latin_ones(tokens, text):
    assert join_given(tokens.split(" "), spaced=False)[0] == text


@given(WORDS, st.booleans())
@settings(deadline=None)
def test_spans_give_back_the_tokens_and_between_them_are_spaces_alone(tokens, spaced):
    text, spans = join_given(tokens, spaced)
    assert [text[start:end] for start, end in spans] == tokens
    assert spans[0][0] == 0 and spans[-1][1] == len(text)
    gaps = [text[end:start] for (_, end), (start, _) in pairwise(spans)]
    assert set(gaps) <= {"", " "}
    assert text.replace(" ", "") == "".join(tokens)


@given(WORDS)
@settings(deadline=None)
def test_english_is_what_replacing_strings_gives(tokens):
    """Tokens are joined by spaces, and the spaces before and after certain marks are removed."""
    expected = re.sub(r" (?=[,.;:!?)])", "", " ".join(tokens)).replace("( ", "(")
    assert join_given(tokens, spaced=True)[0] == expected


def test_an_empty_token_takes_no_space():
    """Two spaces in a row give an empty token."""
    assert join_given(["a", "", "b"], spaced=True) == ("a b", [(0, 1), (1, 1), (2, 3)])


# -------------------------------------------------------------------------------------------- links


@given(LINKS, LINKS)
@settings(deadline=None)
def test_links_are_read_as_they_were_written(sure, possible):
    line = " ".join([*(f"{i}p{j}" for i, j in possible), format_links(sure)])
    assert parse_links(line, 13, 13, "gold") == (sure, possible - sure)


def test_links_are_written_in_order():
    assert format_links({(10, 0), (2, 11), (2, 3), (0, 1)}) == "0-1 2-3 2-11 10-0"
    assert format_links([]) == ""


@given(LINKS, LINKS)
@settings(deadline=None)
def test_links_turned_round(sure, possible):
    line = " ".join([format_links(sure), *(f"{i}p{j}" for i, j in possible)])
    turned = parse_links(turn_links(line, "gold"), 13, 13, "gold")
    assert turned == ({(j, i) for i, j in sure}, {(j, i) for i, j in possible - sure})


@pytest.mark.parametrize(
    "bad", ["1", "1-", "-1", "1-2-3", "1:2", "a-b", "1P2", "١-٢", "1--2", "²-1"]
)
def test_what_is_no_link_is_named_with_its_place(bad):
    message = re.escape(f"x.align: line 7: link {bad!r} is not of the form i-j")
    with pytest.raises(UserError, match=message):
        parse_links(f"0-0 {bad}", 3, 3, "x.align: line 7")
    with pytest.raises(UserError, match=re.escape(repr(bad))):
        turn_links(f"0-0 {bad}", "gold")


@pytest.mark.parametrize("bad", ["3-0", "0-2", "0p2", "99-99"])
def test_a_link_beyond_a_sentence_is_named_with_its_place(bad):
    message = f"x.align: line 7: link {bad} is out of range: the sentences have 3 and 2"
    with pytest.raises(UserError, match=message):
        parse_links(f"2-1 {bad}", 3, 2, "x.align: line 7")
