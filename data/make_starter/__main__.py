"""Write the starter corpus: `data/starter/*.tsv` with English, Chinese and word links.

python -m data.make_starter            # writes the files, the same bytes on every run
python -m data.make_starter --stats    # prints constructions with their counts, and vocabulary
"""

import argparse
import random
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from transformer_mt.units import units

from . import (  # noqa: F401  (importing them registers their constructions)
    beginner,
    combined,
    conversation,
    coordinated,
    described,
    everyday,
    sentences,
    structures,
)
from .algebra import english_words, links, spell_english, word_units
from .beginner import OFTEN_TYPED
from .constructions import CONVERSATION, EXTENSION, RULES, STRUCTURES, SUPPLEMENT, build
from .coordinated import ASKED
from .free import BEGINNER, COORDINATED, FREE, TALK, load_free, typed_ways
from .lexicon import entries
from .phrases import Grammar

SEED = 2017
OUT = Path(__file__).parents[1] / "starter"
N_FIRST, N_SUPPLEMENT, N_EXTENSION, N_CONVERSATION = 20_000, 9_000, 1_800, 6_200  # training rows
N_VALID, N_TEST, N_STRUCTURE = 1_000, 1_000, 500
LEAST_WEIGHT = 0.75  # gives every construction at least forty training sentences
KEPT = 8  # occurrences of each word of a held-out sentence that must stay in training
CONTRACTED = 0.5  # share of the sentences that are contracted, among those that can be
AS_TYPED = "as typed"  # the construction of rows that repeat another in small letters and the like
OTHER_WORDS = "other words"  # that of rows whose Chinese stands in training for other English, too
SHORT = 8  # units at most of the free sentences that are repeated as they might be typed
FIRST = (  # sentences that a newcomer types first, so they stay in training
    "Good morning.",
    "Hello.",
    "Thank you.",
    "I love you.",
    "I like apples.",
    "What is your name?",
    "How are you?",
    "Where is the library?",
    "The weather is nice today.",
)


class Row(NamedTuple):
    english: str
    chinese: str
    links: str
    construction: str
    features: tuple[str, ...]
    chinese_words: tuple[str, ...]

    @property
    def line(self):
        return f"{self.english}\t{self.chinese}\t{self.links}"

    @property
    def words(self):
        """Everything that must occur in training: English units, Chinese characters and words.

        Numerals are left out.
        """
        pieces = {f"en {u.casefold()}" for u in units(self.english)}
        pieces |= {f"zh {u}" for u in (*units(self.chinese), *self.chinese_words)}
        return sorted(p for p in pieces if not p[-1].isascii() or not p[-1].isdigit())


def normalised(text):
    """Fold case and remove punctuation and spaces, as the leak check does."""
    return re.sub(r"[\W_]", "", text.casefold())


def realise(g, phrase):
    """Spell a phrase: English, Chinese, links and Chinese words.

    Links count units of the text, so each word must be exactly one unit or several whole ones.
    """
    en = english_words(phrase.en[""], contract=g.chance(CONTRACTED))
    zh = phrase.zh[""]
    english, chinese = spell_english(en), "".join(w.text for w in zh)
    assert units(english) == [u for w in en for u in word_units(w.text)], english
    assert units(chinese) == [u for w in zh for u in word_units(w.text)], chinese
    return english, chinese, links(en, zh), tuple(w.text for w in zh)


def draw(g, rule, taken):
    """Draw a new sentence of a construction; None when a hundred tries bring nothing new."""
    for _ in range(100):
        g.begin()
        english, chinese, pharaoh, words = realise(g, build(g, rule))
        keys = ("en", normalised(english)), ("zh", normalised(chinese))
        if not taken & set(keys):
            taken.update(keys)
            return Row(english, chinese, pharaoh, rule.name, tuple(sorted(g.features)), words)
    return None


def generate(g, rules, total, taken, least=0.0):
    """Draw about `total` rows, each construction in proportion to its weight.

    One that has no new sentence any more drops out.
    """
    weights = {rule.name: max(rule.weight, least) for rule in rules}
    weight = sum(weights.values())
    rows, due, exhausted = [], Counter(), set()
    while len(rows) < total:
        for rule in rules:
            due[rule.name] += weights[rule.name] / weight * min(total, 1000)
            while due[rule.name] >= 1 and rule.name not in exhausted:
                due[rule.name] -= 1
                row = draw(g, rule, taken)
                if row is None:
                    exhausted.add(rule.name)
                else:
                    rows.append(row)
    return rows


def split(rows, rng):
    """Split into train, valid, test, and what is left over.

    A row may leave the training set only while all its words stay there often enough.
    """
    words = [row.words for row in rows]
    counts = Counter(word for pieces in words for word in pieces)
    order = list(range(len(rows)))
    rng.shuffle(order)
    held = []
    for i in order:
        if len(held) == N_VALID + N_TEST:
            break
        if rows[i].english not in FIRST and all(counts[word] > KEPT for word in words[i]):
            counts.subtract(words[i])
            held.append(i)
    away = set(held)
    train = [row for i, row in enumerate(rows) if i not in away]
    rng.shuffle(train)
    valid, test = ([rows[i] for i in part] for part in (held[:N_VALID], held[N_VALID:]))
    return train[:N_FIRST], valid, test, train[N_FIRST:]


def free_rows(path, taken):
    """Read the free sentences of a file that are not taken yet."""
    rows = []
    for english, chinese, pharaoh in load_free(path):
        keys = {("en", normalised(english)), ("zh", normalised(chinese))}
        if not taken & keys:
            taken |= keys
            rows.append(Row(english, chinese, pharaoh, "free", ("free",), ()))
    return rows


def corpus():
    """Make the four splits as lists of rows: train, valid, test, test_structure.

    The supplement, the extension and the conversation are drawn after the rest, in this order, and go
    into training alone. So the held-out splits are those of the first corpus, and figures measured on
    them compare. The last two stand at the end of the file, so that they move no row of before.
    """
    g = Grammar(SEED)
    taken = set()
    free = free_rows(FREE, taken)
    rows = generate(g, list(RULES.values()), N_FIRST + N_VALID + N_TEST - len(free) + 300, taken, LEAST_WEIGHT)
    rng = random.Random(SEED)
    train, valid, test, left_over = split(free + rows, rng)
    seen = {pair for row in train for pair in feature_pairs(row)}
    known = {word for row in train for word in row.words}
    structure = [
        row
        for row in generate(g, list(STRUCTURES.values()), 3 * N_STRUCTURE, taken)
        if any(pair not in seen for pair in feature_pairs(row)) and known.issuperset(row.words)
    ]
    rng.shuffle(structure)
    structure = structure[:N_STRUCTURE]
    train += supplement(taken, train, left_over)
    rng.shuffle(train)
    train += extension(taken)
    train += talk(taken, train)
    return {"train": train, "valid": valid, "test": test, "test_structure": structure}


def supplement(taken, train, left_over):
    """Draw the training rows that were added to the first corpus, `train`.

    Free sentences that the first corpus left over, such as `Goodbye.`, are among them.
    """
    free = free_rows(BEGINNER, taken) + [row for row in left_over if row.construction == "free"]
    free += [
        Row(*way, AS_TYPED, (AS_TYPED,), ())
        for row in train + free
        if row.english in OFTEN_TYPED
        for way in typed_ways(row.english, row.chinese, row.links)
    ]
    rows = generate(Grammar(SEED + 1), list(SUPPLEMENT.values()), N_SUPPLEMENT - len(free), taken)
    return free + rows[: N_SUPPLEMENT - len(free)]


def extension(taken):
    """Draw the training rows that were added when the supplement existed."""
    taken |= {("en", normalised(english)) for _, english in entries(ASKED)}
    free = free_rows(COORDINATED, taken)
    rows = generate(Grammar(SEED + 2), list(EXTENSION.values()), N_EXTENSION, taken)
    rng = random.Random(SEED)
    rng.shuffle(rows)  # so that the cut takes from every construction
    rows = free + rows[: N_EXTENSION - len(free)]
    rng.shuffle(rows)
    return rows


def talk(taken, train):
    """Draw the training rows that were added last, when all others, `train`, existed.

    Short sentences that stand in training once were not learned. So all free ones are repeated as
    they might be typed: what people say to each other in every way, the others in small letters.
    """
    known = {normalised(row.chinese) for row in train}
    said, talked = [], set()
    for english, chinese, pharaoh in load_free(TALK):
        talked.add(english)  # in training already or not
        keys = ("en", normalised(english)), ("zh", normalised(chinese))
        is_known = normalised(chinese) in known
        if keys[0] in taken or (keys[1] in taken and not is_known):
            continue  # in training, or held out
        taken.update(keys)
        known.add(normalised(chinese))
        name = OTHER_WORDS if is_known else "free"
        said.append(Row(english, chinese, pharaoh, name, (name,), ()))
    there = {row.english for row in train}
    typed = [
        Row(*way, AS_TYPED, (AS_TYPED,), ())
        for row in train + said
        if row.construction in ("free", OTHER_WORDS) and row.english not in OFTEN_TYPED
        for way in typed_ways(row.english, row.chinese, row.links)
        if way[0] not in there and (row.english in talked or is_small(row, way))
    ]
    n_drawn = N_CONVERSATION - len(said) - len(typed)
    rows = generate(Grammar(SEED + 3), list(CONVERSATION.values()), n_drawn, taken)
    rng = random.Random(SEED)
    rng.shuffle(rows)  # so that the cut takes from every construction
    rows = said + typed + rows[:n_drawn]
    rng.shuffle(rows)
    return rows


def is_small(row, way):
    """Whether a way to type a short sentence is in small letters, with its own mark or without."""
    english = way[0]
    is_short = len(units(row.english)) <= SHORT
    return is_short and english == english.lower() and (english[-1] == row.english[-1] or english[-1].isalnum())


def feature_pairs(row):
    return [(a, b) for a in row.features for b in row.features if a < b]


def stats(splits):
    counts = Counter(row.construction for row in splits["train"])
    print(f"{'construction':40}  train")
    for name in [*RULES, *SUPPLEMENT, *EXTENSION, *CONVERSATION, "free", OTHER_WORDS, AS_TYPED]:
        print(f"{name:40} {counts[name]:6}")
    count = len(RULES) + len(SUPPLEMENT) + len(EXTENSION) + len(CONVERSATION)
    print(f"\n{count} constructions besides the free sentences")
    for name, rows in splits.items():
        sizes = [sum(len(units(text)) for text in side) for side in zip(*[row[:2] for row in rows], strict=True)]
        print(f"{name}: {len(rows)} pairs, {sizes[0]} English, {sizes[1]} Chinese units")
    train = splits["train"]
    print("English word types:", len({w for row in train for w in row.words if w.startswith("en ") and w[3].isalpha()}))
    print("Chinese characters:", len({u for row in train for u in units(row.chinese) if u.isalpha()}))
    print("Chinese word types:", len({w for row in train for w in row.chinese_words if w.isalpha()}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stats", action="store_true", help="print constructions and vocabulary instead of writing")
    args = parser.parse_args()
    splits = corpus()
    if args.stats:
        stats(splits)
        return
    OUT.mkdir(parents=True, exist_ok=True)
    for name, rows in splits.items():
        (OUT / f"{name}.tsv").write_bytes("".join(row.line + "\n" for row in rows).encode())


if __name__ == "__main__":
    main()
