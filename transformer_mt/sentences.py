"""Where does a sentence end? By its marks, without a model, for languages that have such marks."""

import re
from itertools import pairwise

MARKS = re.compile(r"([.!?。！？؟।]+)([\"'”’」』）》)\]]*)(\s*)")
"""Marks, quotes and brackets that close after them, and spaces."""
OPENING, CLOSING = "“「『（《([", "”」』）》)]"
CHINESE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
"""Letters of Chinese and Japanese, which need no space after a mark."""
SAID = re.compile("[^。！？]{0,12}[说說道问問喊叫答]")
"""What goes on after a quotation, as in “你好！”她说。"""
TITLES = re.compile(
    "mrs?|ms|messrs|dr|prof|st|mt|gen|col|capt|lt|sgt|rev|hon|gov|sen|rep", re.IGNORECASE
)
"""A name follows these abbreviations."""
NUMBERED = re.compile("nos?|pp?|figs?|vol|ch|sec|art", re.IGNORECASE)
"""A number follows these."""
SHORT = re.compile(
    r"etc|inc|ltd|co|corp|jr|sr|dept|approx|est|vs|cf|al|jan|feb|aug|sept|oct|nov|dec"
    r"|(?!i$)([^\W\d_]\.)*[^\W\d_]",
    re.IGNORECASE,
)
"""A sentence may end after these and those of single letters, such as a.m. and U.S."""
FIRST_WORDS = re.compile(
    r"(I|You|He|She|It|We|They|My|Your|His|Her|Its|Our|Their|The|This|That|These|Those|There|Here"
    r"|A|An|But|And|So|Yes|No|Who|What|When|Where|Why|How|Is|Are|Was|Do|Does|Did|Can|If|In|At|On)\b"
)
"""Words with a capital that begin sentences, and no names."""


def split_sentences(text: str) -> list[str]:
    """The sentences of `text`, without the spaces between them.

    What is inside quotes or brackets is not split.
    """
    places = [0, *sentence_ends(text), len(text)]
    parts = (text[start:end].strip() for start, end in pairwise(places))
    return [part for part in parts if part]


def sentence_ends(text: str) -> list[int]:
    """Where sentences end inside `text`, behind the spaces that follow them."""
    ends, start, seen, depth, is_quoted = [], 0, 0, 0, False
    for match in MARKS.finditer(text):
        for character in text[seen : match.end()]:
            depth += (character in OPENING) - (character in CLOSING)
            is_quoted ^= character == '"'
        seen = match.end()
        is_open = depth > 0 or is_quoted
        if not is_open and ends_sentence(text[start : match.start()][-40:], match):
            ends.append(match.end())
            start, depth = match.end(), 0
    return [end for end in ends if end < len(text)]


def ends_sentence(before: str, match: re.Match[str]) -> bool:
    """Whether marks end a sentence.

    Args:
        before: the end of what is before them in their sentence.
        match: of `MARKS`.
    """
    marks, closing, space = match.groups()
    after = match.string[match.end() : match.end() + 40].lstrip(OPENING + "\"'‘")
    if not re.search(r"[^\W\d_]", before):  # 1. or "..."
        return False
    if marks.startswith(".."):
        return bool(space) and after[:1].isupper()
    if set(marks) & set("。！？") or CHINESE.match(before[-1]):
        return not (closing and SAID.match(after))
    if not space:  # somebody forgot it, as in Hello!How are you?
        return "." not in marks and bool(re.match(r"[A-Z][a-z']*\s", after))
    if closing and after[:1].islower():  # "Where?" he asked.
        return False
    return marks != "." or not is_abbreviation(before.split()[-1], after)


def is_abbreviation(word: str, after: str) -> bool:
    """Whether the full stop behind `word` is part of it, and no sentence ends there."""
    word = word.lstrip(OPENING + "\"'‘-")
    if NUMBERED.fullmatch(word):
        return after[:1].isdecimal()
    is_short = SHORT.fullmatch(word) and not FIRST_WORDS.match(after)
    return bool(is_short or TITLES.fullmatch(word))
