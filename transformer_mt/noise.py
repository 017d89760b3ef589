"""How do people type? In small letters, without the final mark, with the quotes of their keyboard.

Training that sees each source now and then as it might be typed makes a model that does not mind.
Such a model knows small letters, so that it can read in them what is all in capitals.
"""

import re

import numpy as np

from transformer_mt.text import letters
from transformer_mt.units import split_units

FINAL_MARK = re.compile(r"(?<=[^\s.!?。！？…])[.!?。！？]$")
"""The only mark at the end: `...`, `?!` and the like stay."""
CURLY = (
    (re.compile(r"(?<!\S)'|(?<=[(\[“])'"), "‘"),
    (re.compile("'"), "’"),
    (re.compile(r'(?<!\S)"|(?<=[(\[‘])"'), "“"),
    (re.compile('"'), "”"),
)
"""Straight quotes and what a word processor makes of them; the first that fits."""
STRAIGHT = str.maketrans("‘’“”", "''\"\"")


def typed(text: str, probability: float, place: tuple[int, ...]) -> str:
    """`text`, or with `probability` the same as somebody might type it.

    It then has its capitals changed, its final mark left out, or both, and in half of the cases its
    quotes changed. What is changed already is changed back: a text in small letters begins with a
    capital, and curly quotes become straight.

    Units (see `units.py`) stay where they are, but for a final mark, so that word links stay right.

    Args:
        place: numbers that stand for where this is in training; the same give the same text.
    """
    rng = np.random.default_rng(place)
    if rng.random() >= probability:
        return text
    changed, kind, with_quotes = text, rng.integers(3), rng.random() < 0.5
    if kind != 0:
        changed = other_case(changed)
    if kind != 1:
        changed = FINAL_MARK.sub("", changed)
    if with_quotes:
        changed = other_quotes(changed)
    # A few letters have another length in the other case.
    spans = split_units(changed)
    return changed if changed and spans == split_units(text)[: len(spans)] else text


def other_case(text: str) -> str:
    """`text` in small letters; where it is already, with a capital at its beginning."""
    lower = text.lower()
    return lower if lower != text else text[:1].upper() + text[1:]


def is_all_capitals(text: str) -> bool:
    """Whether `text` has several letters, and all of them are capitals.

    Letters without case do not go with them: 我有DVD has a name in capitals, and is not loud.
    """
    own = letters(text)
    return len(own) > 1 and all(map(str.isupper, own))


def quiet(text: str) -> str:
    """`text`, in small letters if it is all in capitals.

    It keeps its length, so that places in it stay right: of İ, which is longer in small, i is left.
    """
    if not is_all_capitals(text):
        return text
    return "".join(character.lower()[0] for character in text)


def other_quotes(text: str) -> str:
    """Curly quotes and apostrophes instead of straight ones; where there are none, the reverse."""
    if "'" not in text and '"' not in text:
        return text.translate(STRAIGHT)
    for straight, curly in CURLY:
        text = straight.sub(curly, text)
    return text
