"""Everyday sentences, written and linked by hand in `free.tsv` and the other tables beside it.

A line is English, Chinese, chunks. Chunks are separated by ` ; ` and name the words themselves.
`cats=猫` is a sure link, `will~会` a possible one, and `two=两~只` has both. Either side may be several
words; `..` joins words that stand apart (`would..like=想要`). A chunk takes the first words that no
earlier chunk took. Punctuation marks of the same kind are linked in order.
"""

import re
from pathlib import Path

from transformer_mt.units import units

FREE = Path(__file__).with_suffix(".tsv")
BEGINNER = Path(__file__).with_name("beginner.tsv")
COORDINATED = Path(__file__).with_name("coordinated.tsv")
TALK = Path(__file__).with_name("conversation.tsv")
CHUNK = re.compile(r"([^=~]*[^=~\s])(?:=([^=~\s]+))?(?:~([^=~\s]+))?")
MARKS = {"。": ".", "？": "?", "！": "!", "，": ",", "、": ",", "：": ":"}


def take(part: str, words: list[str], used: set[int]) -> list[int]:
    """Find the units of `part` among `words` and mark their positions as used.

    Each run between `..` takes the first free place.

    Raises:
        KeyError: there is none.
    """
    found: list[int] = []
    for run in part.split(".."):
        wanted = [unit.casefold() for unit in units(run)]
        for start in range(len(words) - len(wanted) + 1):
            places = range(start, start + len(wanted))
            if words[start : start + len(wanted)] == wanted and not used.intersection(places):
                found += places
                break
        else:
            raise KeyError(part)
    used.update(found)
    return found


def read_links(english: str, chinese: str, spec: str) -> str:
    """Turn the chunks of `spec` into Pharaoh links, sure ones first.

    Raises:
        ValueError: a chunk does not fit; the message names it.
    """
    en, zh = [unit.casefold() for unit in units(english)], units(chinese)
    used_en: set[int] = set()
    used_zh: set[int] = set()
    links: dict[str, set[tuple[int, int]]] = {"-": set(), "p": set()}
    for chunk in spec.split(" ; "):
        match = CHUNK.fullmatch(chunk)
        try:
            if match is None or not (match[2] or match[3]):
                raise KeyError(chunk)
            left = take(match[1], en, used_en)
            for mark, right in (("-", match[2]), ("p", match[3])):
                links[mark] |= {(i, j) for j in (take(right, zh, used_zh) if right else ()) for i in left}
        except KeyError:
            raise ValueError(f"chunk {chunk!r} does not fit {english} {chinese}") from None
    for mark in ".?!,:":
        places = [i for i, unit in enumerate(en) if unit == mark]
        answers = [j for j, unit in enumerate(zh) if MARKS.get(unit) == mark]
        if len(places) == len(answers):
            links["-"].update(zip(places, answers, strict=True))
    return " ".join(f"{i}{mark}{j}" for mark in "-p" for i, j in sorted(links[mark]))


def typed_ways(english: str, chinese: str, pharaoh: str) -> list[tuple[str, str, str]]:
    """The other ways to type a sentence: in small letters, with `!` for the full stop, without a mark.

    The Chinese keeps its mark but for `!`, as one writes it whatever was typed.
    """
    last = len(units(english)) - 1
    inner = " ".join(link for link in pharaoh.split() if not link.startswith((f"{last}-", f"{last}p")))
    ways = []
    for start in (english, english.lower()):
        for mark in {"?": ("?", ""), "!": ("!", ".", "")}.get(english[-1], (".", "!", "")):
            answer = chinese[:-1] + {"!": "！", ".": "。"}.get(mark, chinese[-1])
            ways.append((start[:-1] + mark, answer, pharaoh if mark else inner))
    return [way for way in dict.fromkeys(ways) if way[0] != english]


def load_free(path: Path = FREE) -> list[tuple[str, str, str]]:
    """Read the sentences as (English, Chinese, Pharaoh links).

    Raises:
        ValueError: a mistake; the message names file, line and chunk.
    """
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        fields = line.split("\t")
        if len(fields) != 3:
            raise ValueError(f"{path}, line {number}: expected 3 fields, found {len(fields)}")
        try:
            rows.append((fields[0], fields[1], read_links(*fields)))
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from None
    return rows
