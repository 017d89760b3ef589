"""Free everyday sentences, written and linked by hand in `free.tsv`: English, Chinese, links.

Links are written with the words themselves: `you=你 ; will~会` links `you` surely and `will` possibly; either side may
be several words, `..` joins what stands apart (`would..like=想要`), and a second mark adds more (`this=这~件`). A word
that occurs twice is taken from left to right. Punctuation of the same kind is linked in order.
"""

import re
from pathlib import Path

from transformer_mt.units import units

_MARKS = {"。": ".", "？": "?", "！": "!", "，": ",", "、": ",", "：": ":"}


def _find(part, words, used):
    """Positions of a run of units, the first one that is not used up, else the first at all."""
    wanted = units(part)
    starts = [i for i in range(len(words)) if words[i : i + len(wanted)] == wanted]
    if not starts:
        raise ValueError(f"{part!r} does not occur in {' '.join(words)!r}")
    fresh = [i for i in starts if i not in used]
    start = (fresh or starts)[0]
    return list(range(start, start + len(wanted)))


def _positions(text, words, used):
    found = [i for part in text.split("..") for i in _find(part.strip(), words, used)]
    return found


def read_links(spec, english, chinese):
    """The links that `spec` writes out, in Pharaoh form."""
    en, zh = [u.casefold() for u in units(english)], units(chinese)
    sure, possible = set(), set()
    used_en, used_zh = set(), set()
    for item in spec.split(";"):
        left, *rest = re.split(r"([=~])", item.strip())
        sources = _positions(left, en, used_en)
        for mark, right in zip(rest[::2], rest[1::2], strict=True):
            targets = _positions(right, zh, used_zh)
            (sure if mark == "=" else possible).update((i, j) for i in sources for j in targets)
            used_zh.update(targets)
        used_en.update(sources)
    for mark in ".?!,:":
        pairs = zip(
            [i for i, u in enumerate(en) if u == mark],
            [j for j, u in enumerate(zh) if _MARKS.get(u) == mark],
            strict=False,
        )
        sure.update(pairs)
    possible -= sure
    return " ".join([f"{i}-{j}" for i, j in sorted(sure)] + [f"{i}p{j}" for i, j in sorted(possible)])


def load_free():
    """The free sentences as (English, Chinese, Pharaoh links)."""
    lines = Path(__file__).with_suffix(".tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line]
    return [(english, chinese, read_links(spec, english, chinese)) for english, chinese, spec in rows]
