"""A line of text, and the language it is in."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transformer_mt.text import (
    FIRST_CODES,
    LANGUAGES,
    SCRIPTS,
    is_chinese,
    is_unspaced,
    is_written_in,
    language_name,
    language_of,
    one_line,
    other_language_warning,
    page_language,
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


FAMILY = "👩\u200d👩\u200d👧"
ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"


@pytest.mark.parametrize(
    "mark",
    "\ufeff\u200b\u200e\u200f\u2060\u202b\u2067\u00ad\u061c\ufe0f\u200d\u115f\u17b4\ufff0\U0001d173\U000e0001"
    "\x00\x01\x1a\x7f\x9f",
)
def test_invisible_characters_at_the_start_are_removed(mark):
    for line in (f"{mark}I draw.", f" {mark} {mark}{mark}I draw.", f"\n{mark}\tI draw. \n"):
        assert one_line(line) == "I draw."
    assert one_line(f"I{mark}draw.") == f"I{mark}draw."
    assert one_line(mark) == one_line(f" {mark} ") == ""


@pytest.mark.parametrize(
    "code, page",
    [("en", "en"), ("zh", "zh"), ("zho_Hans", "zh-Hans"), ("eng", "en"), ("zh_TW", "zh-TW")],
)
def test_pages_name_languages_as_bcp_47_does(code, page):
    assert page_language(code) == page


def test_at_the_end_those_stay_that_belong_to_a_character():
    assert one_line("\u202bשלום\u202c\u200f \ufeff\u200b\u00ad") == "שלום"
    for end in ("❤\ufe0f", FAMILY, ENGLAND, "ന്\u200d", "क्\u200c", "葛\U000e0100", "1\ufe0f\u20e3"):
        assert one_line(f"\u200b {end} \u200e") == end


@pytest.mark.parametrize(
    "codes, expected",
    [
        ("zh zho chi cmn yue wuu lzh zho_Hans zho_Hant yue_Hant zh-Hant-TW ZH-hans-cn", "zh"),
        ("en eng EN en_US en-GB eng_Latn en-Latn-US", "en"),
        ("ja jpn jpn_Jpan ja_JP ja-Jpan-JP", "ja"),
        ("de deu ger deu_Latn de_AT de-1996", "de"),
        ("th tha tha_Thai th_TH", "th"),
        ("my mya bur mya_Mymr", "my"),
        ("ko kor kor_Hang ko_Kore", "ko"),
        ("ar ara arb arz ary arb_Arab", "ar"),
        ("fa fas per pes prs pes_Arab", "fa"),
        ("no nb nor nob nob_Latn", "no"),
        ("lv lav lvs", "lv"),
        ("et est ekk", "et"),
        ("sw swa swh", "sw"),
        ("sr srp scc sr_Latn sr_Cyrl srp_Cyrl sr-Latn-RS", "sr"),
        ("uz uzb uzn uz_Cyrl", "uz"),
        ("ms msa may zsm zsm_Latn", "ms"),
        ("he heb iw heb_Hebr", "he"),
        ("zh_Latn cmn-Latn-CN", "zh_Latn"),
        ("ja_Latn jpn_Latn", "ja_Latn"),
        ("tlh TLH tlh_Latn", "tlh"),
    ],
)
def test_all_codes_of_a_language_are_one(codes, expected):
    for code in codes.split():
        assert language_of(code) == expected, code


def test_the_table_of_languages_holds_each_code_once():
    codes = " ".join(LANGUAGES.values()).replace("/", " ").split()
    assert len(codes) == len(set(codes)) == len(FIRST_CODES)
    assert len([code for code in set(FIRST_CODES.values()) if len(code) == 2]) >= 180
    assert {script for scripts in LANGUAGES for script in scripts.split()} <= SCRIPTS.keys()


@pytest.mark.parametrize(
    "codes, expected",
    [
        ("zh jpn_Jpan tha lao_Laoo km khm_Khmr my mya_Mymr yue_Hant shn_Mymr bod xyz_Thai", True),
        ("en kor_Hang vie hin_Deva zh_Latn ja_Latn th-Latn xyz tlh_Latn", False),
    ],
)
def test_the_script_says_whether_words_are_spaced(codes, expected):
    for code in codes.split():
        assert is_unspaced(code) == expected, code


def test_a_name_is_for_every_code():
    assert {language_name(code) for code in ("en", "eng", "eng_Latn", "en_US")} == {"English"}
    assert {language_name(code) for code in ("zh", "zho_Hans", "chi", "lzh")} == {"Chinese"}


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
        ("我画画。", "tlh", True),
        ("私は描く", "jpn_Jpan", True),
        ("I draw it", "jpn_Jpan", False),
        ("I draw it", "eng_Latn", True),
        ("我画画。", "eng", False),
        ("我画画。", "zho_Hant", True),
        ("Я читам", "sr", True),
        ("Ja čitam", "srp", True),
        ("Ja čitam", "sr_Cyrl", False),
        ("Я читам", "sr-Latn", False),
        ("wǒ huà huà", "zh_Latn", True),
        ("我画画。", "zh_Latn", False),
        ("ខ្ញុំ គូរ", "khm_Khmr", True),
        ("I draw it", "xyz_Cyrl", False),
        ("I draw it", "xyz_Abcd", True),
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
