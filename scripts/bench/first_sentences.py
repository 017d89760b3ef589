"""Does a model survive a beginner? Translates the sentences of `first_sentences.tsv`.

    python scripts/bench/first_sentences.py runs/starter-en-zh-tiny

A row is its list, English, and the Chinese that is right, with `|` between several. `typed` are
twenty of the first things that a person types; `new` are twenty sentences in words of the starter
corpus, none of which it holds. Both steered it. `further` are 72 everyday sentences that did
not, 19 of which it holds.
"""

import sys
from collections import Counter
from pathlib import Path

from transformer_mt.translator import Translator

SENTENCES = Path(__file__).with_suffix(".tsv")


def main(run: str) -> None:
    lines = SENTENCES.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines]
    translations = Translator.from_pretrained(run).translate([english for _, english, _ in rows])
    right = Counter[str]()
    for (kind, english, accepted), translation in zip(rows, translations, strict=True):
        good = translation.text in accepted.split("|")
        right[kind] += good
        print("right" if good else "wrong", english, translation.text, sep="\t")
    for kind, n in Counter(kind for kind, _, _ in rows).items():
        print(f"{kind}: {right[kind]} of {n} right")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
