"""Which pieces of a sentence do word links index? One rule for both languages; standard library only."""

import re

# In this order: a number with inner separators (3.50, 10:30, 1,000), a word with inner apostrophes or hyphens
# (don't, twenty-one) in any alphabet but Chinese, and otherwise every visible character alone.
_HAN = "\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_UNIT = re.compile(rf"\d+(?:[.,:]\d+)*(?![^\W{_HAN}])|[^\W{_HAN}]+(?:['’\-][^\W{_HAN}]+)*|\S")


def split_units(text: str) -> list[tuple[int, int]]:
    """Character spans `(start, end)` of the units of `text`, in order.

    A unit is a word or number written in an alphabet, a single Chinese character, or a single punctuation mark.
    White space belongs to no unit. The same rule serves English and Chinese, so a sentence that mixes both is safe.
    """
    return [match.span() for match in _UNIT.finditer(text)]


def units(text: str) -> list[str]:
    """The units of `text` themselves; see `split_units`."""
    return [text[start:end] for start, end in split_units(text)]
