"""The hand-made starter pairs: format, distinctness and word links."""

import re
import sys
from pathlib import Path

import pytest

from transformer_mt.units import units

sys.path.insert(0, str(Path(__file__).parents[1]))
from data.make_starter.free import BEGINNER, COORDINATED, FREE, load_free

REQUIRED = [
    ("Good morning.", "早上好。"),
    ("Hello.", "你好。"),
    ("Thank you.", "谢谢你。"),
    ("How are you?", "你好吗？"),
    ("I love you.", "我爱你。"),
    ("What is your name?", "你叫什么名字？"),
    ("Good night.", "晚安。"),
    ("Goodbye.", "再见。"),
    ("Nice to meet you.", "很高兴认识你。"),
]


@pytest.fixture(scope="module")
def rows():
    return load_free(FREE) + load_free(BEGINNER) + load_free(COORDINATED)


def test_there_are_enough_pairs_and_the_required_ones(rows):
    assert len(rows) >= 1_150
    assert {(english, chinese) for english, chinese, _ in rows}.issuperset(REQUIRED)


@pytest.mark.parametrize("side", [0, 1])
def test_sentences_are_distinct(rows, side):
    folded = [re.sub(r"[\W_]", "", row[side].casefold()) for row in rows]
    assert len(set(folded)) == len(folded)


def test_each_side_looks_like_its_language(rows):
    for english, chinese, _ in rows:
        assert re.fullmatch(r"[A-Z][A-Za-z0-9' ,.?!-]*[.?!]", english), english
        assert re.fullmatch(r"[\u4e00-\u9fff，。？！、]+[。？！]", chinese), chinese


def test_links_are_in_range_and_not_repeated(rows):
    for english, chinese, links in rows:
        pairs = [
            tuple(map(int, re.fullmatch(r"(\d+)[-p](\d+)", link).groups()))
            for link in links.split()
        ]
        assert len(pairs) == len(set(pairs)), english
        assert all(i < len(units(english)) and j < len(units(chinese)) for i, j in pairs), english
        assert any("-" in link for link in links.split()), english


def write(folder, *lines):
    path = folder / "free.tsv"
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "row, links",
    [
        (
            "I have two cats.\t我有两只猫。\ti=我 ; have=有 ; two=两~只 ; cats=猫",
            "0-0 1-1 2-2 3-4 4-5 2p3",
        ),
        ("Let's go.\t我们走吧。\tlet's=我们..吧 ; go=走", "0-0 0-1 0-3 1-2 2-4"),
        ("Put it down!\t放下！\tput..down=放下", "0-0 0-1 2-0 2-1 3-2"),
        ("No, no.\t不，不。\tno=不 ; no~不", "0-0 1-1 3-3 2p2"),
        ("Wait, please.\t请等。\twait=等 ; please=请", "0-1 2-0 3-2"),
    ],
)
def test_chunks_become_links(tmp_path, row, links):
    english, chinese, _ = row.split("\t")
    assert load_free(write(tmp_path, row)) == [(english, chinese, links)]


@pytest.mark.parametrize(
    "spec, culprit",
    [
        ("go=走 ; cats=猫", "cats=猫"),  # no such English word
        ("go=跑", "go=跑"),  # no such Chinese word
        ("go=走 ; go=走", "go=走"),  # taken already
        ("go", "go"),
        ("go=走 ;i=我", "go=走 ;i=我"),
        ("go= ", "go= "),
        ("", ""),
    ],
)
def test_a_bad_chunk_is_named_with_its_line(tmp_path, spec, culprit):
    path = write(tmp_path, "I go.\t我走。\ti=我 ; go=走", f"I go.\t我走。\t{spec}")
    with pytest.raises(ValueError, match=re.escape(f"{path}, line 2: chunk {culprit!r}")):
        load_free(path)


def test_a_row_without_three_fields_is_named_with_its_line(tmp_path):
    path = write(tmp_path, "I go.\t我走。")
    with pytest.raises(ValueError, match="line 1: expected 3 fields, found 2"):
        load_free(path)
