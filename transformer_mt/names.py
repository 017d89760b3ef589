"""Names that stand in for placeholders and code while a model translates.

`He lives in {city}.` without its placeholder is no sentence, and a model makes no good one of it.
So it reads `He lives in Tom.`, and the placeholder takes the place of that name in the translation.
Where the translation does not have each name once, the line is translated without.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from transformer_mt.marks import JOINT, Style
from transformer_mt.markup import Marked, is_alphabetic, space_between
from transformer_mt.noise import is_all_capitals
from transformer_mt.text import language_of
from transformer_mt.units import Link, split_units

NAMES = {
    "en": ["Tom", "Mary", "John", "Kate", "Mike", "Lucy"],
    "zh": ["汤姆", "玛丽", "约翰", "凯特", "迈克", "露西"],
}
"""One each for the placeholders of a line; other languages have those of English."""
NUMBERS = ["25", "36", "47", "58", "69", "82"]
COUNTS = {
    "en": ["five", "six", "eight", "nine", "ten", "seven"],
    "zh": ["五", "六", "八", "九", "十", "七"],
}
"""Numbers as words. A model of everyday sentences may never have seen a figure."""
_NUMERIC = (
    r"%(?:\(\w+\)|<\w+>)?[^A-Za-z(<]*l*[diufFeEgGxXn]"
    r"|\W*(?:(?:\w+[._])?(?:n|num|number|count|total)|\w+(?:Count|Number|Total))\W*"
    r"|\{\w*:[^{}]*[dfFeEgGnN0,%]\d*\}|\{\s*\w+\s*,\s*(?:number|ordinal|plural|selectordinal)\b.*"
)
NUMERIC = re.compile(f"(?:{_NUMERIC})(?:{JOINT}(?:{_NUMERIC}))*")


@dataclass(frozen=True)
class Named:
    """The plain text of a line with a name for each mark that reads as a word."""

    plain: str
    units: list[int | None]
    """The unit of the text without names that each unit is; None for names."""
    words: dict[int, set[str]]
    """What the name for a mark, which is given by its number, may be in the translation."""


def name_marks(
    marked: Marked, src_language: str, tgt_language: str, in_words: bool = False
) -> Named | None:
    """The line with names; None where there is nothing to name, or there are too few names.

    Args:
        in_words: write numbers in words; None where there is none, or the languages have none here.
    """
    numbers = [
        number
        for number, mark in enumerate(marked.marks)
        if mark.is_word and mark.style is not Style.picture
    ]
    numeric = [n for n in numbers if NUMERIC.fullmatch(marked.marks[n].text)]
    if not marked.plain or not numbers or (in_words and not numeric):
        return None
    languages = language_of(src_language), language_of(tgt_language)
    names = _unused(marked, *(NAMES.get(code, NAMES["en"]) for code in languages))
    counts = (COUNTS.get(code, []) for code in languages)
    figures = _unused(marked, *(counts if in_words else (NUMBERS, NUMBERS)))
    chosen = {}
    for number in numbers:
        pool = figures if number in numeric else names
        if not pool:
            return None
        chosen[number] = pool.pop(0)
    written = {number: src for number, (src, _) in chosen.items()}
    if is_all_capitals(marked.plain):  # or it would no longer be
        written = {number: src.upper() for number, src in written.items()}
    plain, old_starts = _insert(marked, written)
    old_units = {start: n for n, (start, _) in enumerate(split_units(marked.plain))}
    units = [old_units.get(old_starts[start]) for start, _ in split_units(plain)]
    words = {
        number: {*pair, *map(str.capitalize, pair), written[number]}
        for number, pair in chosen.items()
    }
    return Named(plain, units, words)


def _unused(marked: Marked, src: list[str], tgt: list[str]) -> list[tuple[str, str]]:
    """The pairs of words of both languages that a line does not have itself."""
    pairs = zip(src, tgt, strict=False)
    return [pair for pair in pairs if pair[0].lower() not in marked.plain.lower()]


def _insert(marked: Marked, names: dict[int, str]) -> tuple[str, list[int]]:
    """The plain text with names, and where each of its characters was before; -1 for names."""
    plain, end = "", 0
    old: list[int] = []
    for gap in marked.gaps:
        plain += marked.plain[end : gap.start]
        old += range(end, gap.start)
        end = gap.start
        numbers = [number for number in gap.numbers if number in names]
        if not numbers:
            continue
        end += marked.plain[end : end + 1] == " "
        # Spaces as the line has them, but a name is a word of its own.
        before, _, rest = gap.written.partition(marked.marks[numbers[0]].text)
        after = rest.rpartition(marked.marks[numbers[-1]].text)[2]
        words = names[numbers[0]]
        for number in numbers[1:]:
            words += space_between(words[-1], names[number][0], " ") + names[number]
        text = space_between(gap.left, words[0], before) + words
        text += space_between(words[-1], gap.right, after)
        plain += text
        old += [-1] * len(text)
    return plain + marked.plain[end:], [*old, *range(end, len(marked.plain))]


def _find_word(word: str, text: str) -> Iterator[tuple[int, int]]:
    """Where a word is in a text, other than as a part of a longer one."""
    for match in re.finditer(re.escape(word), text):
        before, after = text[: match.start()][-1:], text[match.end() :][:1]
        is_weekday = before in ("期", "周") and word in COUNTS["zh"]
        if not is_weekday and not (
            is_alphabetic(word) and (is_alphabetic(before) or is_alphabetic(after))
        ):
            yield match.span()


def without_names(
    named: Named, translation: str, links: set[Link]
) -> tuple[str, set[Link], dict[int, int]] | None:
    """A translation without its names.

    Args:
        links: between the units of `named.plain` and `translation`.

    Returns:
        The text; the links between the units of the plain text without names and of that text; and
        for each mark that was named, at which character of the text its name was. None where a
        name is not in the translation once.
    """
    spans = {}
    for number, words in named.words.items():
        found = [span for word in words for span in _find_word(word, translation)]
        if len(found) != 1:
            return None
        spans[number] = found[0]
    text, end = "", 0
    old: list[int] = []  # where each character of `text` was; -1 for a new space
    points = {}
    for number, (start, stop) in sorted(spans.items(), key=lambda item: item[1]):
        kept = translation[end:start].rstrip(" ") if end < start else ""
        text, old = text + kept, [*old, *range(end, end + len(kept))]
        rest = translation[stop:].lstrip(" ")
        spaces = translation[end + len(kept) : len(translation) - len(rest)]
        points[number] = len(text)
        joint = space_between(text[-1:], rest[:1], spaces)
        text, old, end = text + joint, [*old, *[-1] * len(joint)], len(translation) - len(rest)
    text, old = text + translation[end:], [*old, *range(end, len(translation))]
    new_units = {old[start]: n for n, (start, _) in enumerate(split_units(text))}
    tgt_units = [new_units.get(start) for start, _ in split_units(translation)]
    new_links = {(named.units[i], tgt_units[j]) for i, j in links}
    return text, {(i, j) for i, j in new_links if i is not None and j is not None}, points
