"""Which pieces of a sentence do word links index? And the links themselves, as text."""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache

from transformer_mt.config import UserError
from transformer_mt.text import INVISIBLE, JOINING

# Chinese characters, and the letters of Thai, Lao, Burmese and Khmer, which have no spaces either.
_ALONE = re.compile(
    "[\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\ua9e0-\ua9ff\uaa60-\uaa7f]"
)


@cache
def _kind(character: str) -> str:
    """The kind of a character, as a character that the patterns below can name."""
    category = unicodedata.category(character)
    if character in ".,:'-#*":
        return character
    if character == "’":
        return "'"
    if character.isspace() or character in "\u200b\ufeff":
        return " "
    if character in INVISIBLE:
        return "i"
    if character == "\u200d":
        return "z"  # the zero-width joiner
    if character in JOINING:
        return "j"
    if character == "\u20e3":
        return "k"  # the frame of a keycap
    if category[0] == "M":
        return "m"
    if category == "Nd":
        return "0"
    if _ALONE.match(character):
        return "字"
    if category[0] in "LN" or character == "_":
        return "a"
    if "\U0001f1e6" <= character <= "\U0001f1ff":
        return "F"  # half a flag
    if "\U0001f3fb" <= character <= "\U0001f3ff":
        return "t"  # a skin tone
    return "!"


# A unit is, in this order of trying: a keycap, a number with inner separators (3.50, 10:30am,
# 1,000), one without, a word with inner apostrophes or hyphens (don't, twenty-one) in an alphabet,
# an emoji, and otherwise every visible character alone.
_MARKS = "[mjzk]*"  # they belong to the character before
_DIGIT = "0(?!j?k)"  # that of a keycap is none
_LETTER = f"(?:a|{_DIGIT})"
_LETTERS = f"{_LETTER}{_MARKS}(?:i*{_LETTER}{_MARKS})*"
_WORD = f"{_LETTERS}(?:i*['-]i*{_LETTERS})*"
_NUMBER = f"(?:{_DIGIT})+(?:[.,:](?:{_DIGIT})+)+{_MARKS}(?:i*{_WORD})?"
_INTEGER = f"(?:{_DIGIT})+(?!i*[a0mjzk])"
_PICTURE = "(?:FF|[!F])[tmjzk]*(?:(?<=z)![tmjzk]*)*"
_UNIT = re.compile(f"[0#*]j?k|{_NUMBER}|{_INTEGER}|{_WORD}|{_PICTURE}|[^ ijz]{_MARKS}")


def split_units(text: str) -> list[tuple[int, int]]:
    """Character spans `(start, end)` of the units of `text`, in order.

    A unit is a word or number written in an alphabet, a single character of Chinese or another
    script without spaces, a punctuation mark, or an emoji. Combining marks and joiners belong to
    the character before, other invisible characters to the word that they are inside. White space
    and the zero-width space belong to no unit. The same rule serves all languages, so that a
    sentence may mix them.
    """
    kinds = "".join(map(_kind, text))
    return [match.span() for match in _UNIT.finditer(kinds)]


def units(text: str) -> list[str]:
    """The units of `text` themselves; see `split_units`."""
    return [text[start:end] for start, end in split_units(text)]


def words(text: str) -> list[str]:
    """The units of `text` that have letters, however somebody types them: in small letters, with
    straight apostrophes.
    """
    plain = (unit.lower().replace("’", "'") for unit in units(text))
    return [unit for unit in plain if any(map(str.isalpha, unit))]


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


@lru_cache(maxsize=2**14)
def is_punctuation(unit: str) -> bool:
    """Whether `unit` has neither letters nor digits."""
    # A combining mark belongs to a letter, but for those of emoji.
    return not any(
        unicodedata.category(character)[0] in "LMN" and _kind(character) not in "jk"
        for character in unit
    )


# ----------------------------------------------------------------------------------- Pharaoh links

Link = tuple[int, int]


class OutOfRangeError(UserError):
    """A link points beyond a sentence."""


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
        UserError: a link has another form; or, as OutOfRangeError, points beyond a sentence.
    """
    links: dict[str, set[Link]] = {"-": set(), "p": set()}  # sure, possible
    for link in line.split():
        i, kind, j = split_link(link, where)
        if i >= n_first or j >= n_second:
            raise OutOfRangeError(
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
