"""Which pieces of a sentence do word links index? And the links themselves, as text."""

import re
import unicodedata
from collections.abc import Iterable

from transformer_mt.config import UserError

# A unit is, in this order of trying: a number with inner separators (3.50, 10:30am, 1,000), one
# without, a word with inner apostrophes or hyphens (don't, twenty-one) in any alphabet but Chinese,
# and otherwise every visible character alone.
_HAN = "\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_LETTERS = rf"(?:[^\W{_HAN}][\u0300-\u036f]*)+"  # with their accents
_WORD = rf"{_LETTERS}(?:['’\-]{_LETTERS})*"
_UNIT = re.compile(rf"\d+(?:[.,:]\d+)+(?:{_WORD})?|\d+(?![^\W{_HAN}])|{_WORD}|\S")


def split_units(text: str) -> list[tuple[int, int]]:
    """Character spans `(start, end)` of the units of `text`, in order.

    A unit is a word or number written in an alphabet, a single Chinese character, or a single
    punctuation mark. White space belongs to no unit. The same rule serves English and Chinese, so
    that a sentence may mix both.
    """
    return [match.span() for match in _UNIT.finditer(text)]


def units(text: str) -> list[str]:
    """The units of `text` themselves; see `split_units`."""
    return [text[start:end] for start, end in split_units(text)]


def join_given(tokens: list[str], spaced: bool) -> tuple[str, list[tuple[int, int]]]:
    """Plain text of the `tokens` of a gold set, as the model knows it, and the span of each.

    Where words are `spaced` (English), tokens are joined by a space, but not before , . ; : ! ? )
    's n't and not after (. Elsewhere (Chinese) they are joined without, but for one space between
    two Latin letters or digits.
    """
    text, spans = "", []
    for token in tokens:
        if text and token and _has_space_between(text, token, spaced):
            text += " "
        spans.append((len(text), len(text) + len(token)))
        text += token
    return text, spans


def _has_space_between(text: str, token: str, spaced: bool) -> bool:
    """Whether a space is written between `text` and the `token` that follows."""
    if not spaced:
        return _is_latin(text[-1]) and _is_latin(token[0])
    return text[-1] != "(" and token[0] not in ",.;:!?)" and token not in ("'s", "n't")


def _is_latin(character: str) -> bool:
    return character.isdigit() or "LATIN" in unicodedata.name(character, "")


def is_punctuation(unit: str) -> bool:
    """Whether `unit` has neither letters nor digits."""
    return not any(unicodedata.category(character)[0] in "LMN" for character in unit)


# ----------------------------------------------------------------------------------- Pharaoh links

Link = tuple[int, int]


def split_link(link: str, where: str) -> tuple[int, str, int]:
    """The parts of `i-j` (sure) or `ipj` (possible); raises UserError for any other form."""
    match = re.fullmatch(r"([0-9]{1,9})([-p])([0-9]{1,9})", link)
    if match is None:
        raise UserError(
            f"{where}: link {link!r:.40} is not of the form i-j (sure) or ipj (possible)."
        )
    return int(match[1]), match[2], int(match[3])


def parse_links(line: str, n_first: int, n_second: int, where: str) -> tuple[set[Link], set[Link]]:
    """Sure links and possible links of a line in Pharaoh form, counted from 0.

    Args:
        n_first: units of the first sentence; `n_second` of the second.
        where: file and line, to speak of in errors.
    Raises:
        UserError: a link has another form, or points beyond a sentence.
    """
    links: dict[str, set[Link]] = {"-": set(), "p": set()}  # sure, possible
    for link in line.split():
        i, kind, j = split_link(link, where)
        if i >= n_first or j >= n_second:
            raise UserError(
                f"{where}: link {link} is out of range: the sentences have {n_first} and "
                f"{n_second} units, from 0."
            )
        links[kind].add((i, j))
    # A link that is given as both is sure.
    return links["-"], links["p"] - links["-"]


def format_links(links: Iterable[Link]) -> str:
    """`0-0 1-2 …`, in order."""
    return " ".join(f"{i}-{j}" for i, j in sorted(links))


def turn_links(line: str, where: str) -> str:
    """A line of Pharaoh links with its two sides exchanged.

    Raises:
        UserError: a link has another form; it says `where`.
    """
    links = (split_link(link, where) for link in line.split())
    return " ".join(f"{j}{kind}{i}" for i, kind, j in links)
