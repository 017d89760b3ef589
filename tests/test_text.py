"""A line of text, and the language it is in."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transformer_mt.text import (
    is_chinese,
    is_written_in,
    language_name,
    language_of,
    one_line,
    other_language_warning,
)

BREAKING = "\t\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029\u3000\u00a0 "
TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(BREAKING))


@settings(deadline=None)
@given(text=TEXT)
def test_one_line_is_one_line_and_a_fixed_point(text):
    line = one_line(text + "\n a\tb \u2028")
    assert len(line.splitlines()) == 1
    assert "\t" not in line
    assert line == line.strip() == one_line(line)
    assert line.replace(" ", "") == one_line(text + " a b").replace(" ", "")


def test_codes_of_chinese_are_one_language():
    for code in ("zh", "zh_CN", "zho-Hans", "cmn", "yue", "ZH"):
        assert language_of(code) == "zh" and is_chinese(code) and language_name(code) == "Chinese"
    assert language_of("en-US") == "en" and not is_chinese("ja") and language_name("ja") == "ja"


@pytest.mark.parametrize(
    "text, code, expected",
    [
        ("I draw.", "en", True),
        ("我画画。", "en", False),
        ("我画 OK", "en", True),
        ("Я рисую", "ru", True),
        ("我画画。", "zh_CN", True),
        ("I draw.", "zh", False),
        ("iPhone", "zh", True),
        ("ＯＫ", "zh", True),
        ("iPhone 15 Pro", "zh", False),
        ("12.5 %", "zh", False),
        ("anything", "tlh", True),
    ],
)
def test_a_letter_of_its_script_tells_a_language(text, code, expected):
    assert is_written_in(text, code) == expected


def test_lines_mostly_in_another_script_are_warned_of():
    english, chinese = ["I draw.", "You draw."], ["我画画。", "你画画。", "。"]
    assert other_language_warning(chinese, "zh", "my.zh") == ""
    assert other_language_warning([], "zh", "my.zh") == ""
    assert other_language_warning(["", "12", "!"], "zh", "my.zh") == ""  # no letters
    assert other_language_warning([*english, *chinese], "zh", "my.zh") == ""  # half of them
    assert other_language_warning([*english, chinese[0]], "zh", "my.en") == (
        "my.en does not look like Chinese, which this run needs here; "
        "are source and target exchanged?"
    )
    assert other_language_warning(chinese, "de", "x").startswith("x does not look like de, which")
