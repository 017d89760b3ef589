"""The starter corpus: its files are what the generator writes, and as their README promises."""

import re
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from transformer_mt.units import units

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from data.make_starter import __main__ as make_starter  # noqa: E402

SPLITS = ("train", "valid", "test", "test_structure")
HELD_OUT = SPLITS[1:]


@pytest.fixture(scope="module")
def corpus():
    return make_starter.corpus()


@pytest.fixture(scope="module")
def files():
    paths = {name: ROOT / "data" / "starter" / f"{name}.tsv" for name in SPLITS}
    return {name: path.read_bytes().decode("utf-8") for name, path in paths.items()}


@pytest.fixture(scope="module")
def rows(files):
    return {name: [line.split("\t") for line in text.splitlines()] for name, text in files.items()}


@pytest.fixture(scope="module")
def as_typed(corpus):
    """The lines of training that repeat a sentence in another way to type it."""
    rows = (row for row in corpus["train"] if row.construction == make_starter.AS_TYPED)
    return {row.line for row in rows}


@pytest.fixture(scope="module")
def proper(rows, as_typed):
    """The rows without those that repeat another as it might be typed."""
    return {name: [row for row in rows[name] if "\t".join(row) not in as_typed] for name in SPLITS}


def english_words(row):
    return {u.casefold() for u in units(row[0]) if not u[0].isdigit()}


def test_the_files_are_what_the_script_writes(corpus, files):
    assert {name: "".join(row.line + "\n" for row in corpus[name]) for name in SPLITS} == files


def test_sizes(rows, files):
    sizes = {"train": 37_000, "valid": 1_000, "test": 1_000, "test_structure": 500}
    assert {name: len(rows[name]) for name in SPLITS} == sizes
    assert sum(len(text.encode()) for text in files.values()) < 5_000_000


def test_every_row_is_english_chinese_links(proper):
    for row in (row for name in SPLITS for row in proper[name]):
        english, chinese, _ = row
        assert re.fullmatch(r"[A-Z0-9][A-Za-z0-9 ,.?!'’:\-é]*[.?!]", english), english
        assert "  " not in english and not re.search(r" [,.?!]|[’]", english), english
        assert not re.search(r"[ ,.?!;()]", re.sub(r"\d+\.\d+", "", chinese)), chinese
        assert chinese[-1] in "。？！", chinese


def test_links_are_in_range_and_never_repeat(rows):
    for english, chinese, links in (row for name in SPLITS for row in rows[name]):
        matches = [re.fullmatch(r"(\d+)[-p](\d+)", link) for link in links.split()]
        pairs = [(int(match[1]), int(match[2])) for match in matches]
        assert pairs, english
        assert len(set(pairs)) == len(pairs), english
        assert max(i for i, _ in pairs) < len(units(english)), english
        assert max(j for _, j in pairs) < len(units(chinese)), english


def test_each_occurrence_of_a_word_links_to_its_own_counterpart(rows):
    """Where a word occurs twice on both sides, each occurrence has one counterpart.

    越来越 and A不A are exceptions.
    """
    for english, chinese, links in (row for name in SPLITS for row in rows[name]):
        en, zh = [u.casefold() for u in units(english)], units(chinese)
        pairs = {tuple(map(int, re.split("[-p]", link))) for link in links.split()}
        left, right = defaultdict(set), defaultdict(set)
        for i, j in pairs:
            if en[i].isalpha() and en.count(en[i]) > 1 and zh.count(zh[j]) > 1:
                left[i, zh[j]].add(j)
                right[j, en[i]].add(i)
        for (i, _), linked in left.items():
            low, high = min(linked), max(linked)
            between = "".join(zh[low : high + 1])
            apart = high - low >= len(linked)  # not the characters of one word, such as 姐姐
            assert not apart or between == "越来越" or between[1] == "不", (english, chinese, en[i])
        for (j, _), linked in right.items():
            between = en[min(linked) : max(linked) + 1]
            repeated = len(between) == 3 and between[1] == "and"  # such as "more and more"
            assert len(linked) == 1 or repeated, (english, chinese, zh[j])


@pytest.fixture(scope="module")
def in_other_words(corpus):
    """The lines of training whose Chinese stands there for other English, too."""
    rows = (row for row in corpus["train"] if row.construction == make_starter.OTHER_WORDS)
    return {row.line for row in rows}


def test_no_sentence_occurs_twice_in_either_language(proper, in_other_words):
    kept = [row for name in SPLITS for row in proper[name]]
    for side in (0, 1):
        sentences = [make_starter.normalised(row[side]) for row in kept]
        assert len(set(sentences)) == len(sentences)
        kept = [row for row in kept if "\t".join(row) not in in_other_words]


def test_other_words_for_the_same_are_in_training_alone(rows, proper, in_other_words):
    others = [line.split("\t") for line in in_other_words]
    assert len(others) > 20
    known = {row[1] for row in proper["train"] if "\t".join(row) not in in_other_words} | {
        row[1] for row in others
    }
    held_out = {make_starter.normalised(row[1]) for name in HELD_OUT for row in rows[name]}
    for row in others:
        assert row[1] in known and make_starter.normalised(row[1]) not in held_out, row


def test_what_is_typed_often_occurs_in_other_spellings_in_training_alone(proper, as_typed, rows):
    def folded(row):
        return tuple(make_starter.normalised(side) for side in row[:2])

    known = {folded(row) for row in proper["train"]}
    typed = [line.split("\t") for line in as_typed]
    assert len({row[0] for row in typed}) == len(typed) > 300
    assert all(folded(row) in known for row in typed)
    assert all(row[1][-1] in "。？！" for row in typed)
    train = {row[0]: row for row in rows["train"]}
    assert train.keys() >= make_starter.OFTEN_TYPED
    assert train["hello"] == ["hello", "你好。", "0-0 0-1"]
    assert train["Hello!"] == ["Hello!", "你好！", "0-0 0-1 1-2"]
    assert train["how are you"][1] == "你好吗？"


def test_every_held_out_word_occurs_in_training(corpus, rows):
    known = {word for row in rows["train"] for word in english_words(row)}
    known_zh = {u for row in rows["train"] for u in units(row[1])}
    for row in (row for name in HELD_OUT for row in rows[name]):
        assert english_words(row) <= known, row
        assert {u for u in units(row[1]) if not u[0].isdigit()} <= known_zh, row
    words = {word for row in corpus["train"] for word in row.words}
    assert all(words.issuperset(row.words) for name in HELD_OUT for row in corpus[name])


def test_vocabulary_and_constructions(corpus):
    train = corpus["train"]
    english = {u.casefold() for row in train for u in units(row.english) if u[0].isalpha()}
    chinese = {word for row in train for word in row.chinese_words if word.isalpha()}
    assert len(english) >= 1_200 and len(chinese) >= 1_200
    assert len({row.construction for row in train}) >= 150
    assert sum(row.construction == "free" for name in SPLITS for row in corpus[name]) >= 800
    for name in ("train", "valid", "test"):
        assert any(row.construction == "free" for row in corpus[name])


def test_structure_rows_combine_what_training_never_combines(corpus):
    in_training = {pair for row in corpus["train"] for pair in make_starter.feature_pairs(row)}
    for row in corpus["test_structure"]:
        assert not in_training.issuperset(make_starter.feature_pairs(row)), row.english


def test_training_has_none_of_the_combinations_that_are_held_out(corpus):
    in_training = {pair for row in corpus["train"] for pair in make_starter.feature_pairs(row)}
    held_out = {tuple(sorted(rule.features)) for rule in make_starter.STRUCTURES.values()}
    assert len(held_out) == 16
    assert not held_out & in_training


def test_the_supplement_is_in_training_alone(corpus):
    for name in HELD_OUT:
        constructions = {row.construction for row in corpus[name]}
        assert not constructions & make_starter.SUPPLEMENT.keys()
    assert make_starter.SUPPLEMENT.keys() <= {row.construction for row in corpus["train"]}


@pytest.fixture(scope="module")
def parts(corpus):
    """Training in its order: first corpus and supplement, extension, conversation."""
    train, later = corpus["train"], make_starter.N_CONVERSATION
    start = len(train) - later - make_starter.N_EXTENSION
    return train[:start], train[start:-later], train[-later:]


def test_the_extension_and_the_conversation_stand_at_the_end_of_training_alone(corpus, parts):
    first, extension, conversation = ({row.construction for row in part} for part in parts)
    repeated = {make_starter.AS_TYPED, make_starter.OTHER_WORDS}
    assert make_starter.EXTENSION.keys() | {"free"} == extension
    assert make_starter.CONVERSATION.keys() | {"free"} | repeated == conversation
    for constructions in (
        first,
        *({row.construction for row in corpus[name]} for name in HELD_OUT),
    ):
        assert not constructions & (
            make_starter.EXTENSION.keys() | make_starter.CONVERSATION.keys()
        )


def test_what_people_say_stands_in_training_in_every_way_to_type_it(rows):
    train = {row[0]: row[1] for row in rows["train"]}
    for way in ("Turn left.", "turn left", "Turn left", "turn left.", "turn left!"):
        assert train[way].rstrip("。！") == "左转"


def test_what_a_model_is_asked_is_not_in_what_was_added_for_it(parts):
    lines = (
        (ROOT / "scripts" / "bench" / "first_sentences.tsv")
        .read_text(encoding="utf-8")
        .splitlines()
    )
    asked = [line.split("\t")[1] for line in lines if line.startswith("new\t")]
    asked += [sentence for _, sentence in make_starter.entries(make_starter.ASKED)]
    assert len(asked) == 32
    added = {
        make_starter.normalised(row.english)
        for part in parts[1:]
        for row in part
        if row.construction != make_starter.AS_TYPED  # which repeats what was there
    }
    assert added.isdisjoint(map(make_starter.normalised, asked))


def test_what_a_newcomer_types_first_is_in_training(rows):
    english = {row[0]: row[1] for row in rows["train"]}
    assert english["Good morning."] == "早上好。"
    assert english.keys() >= set(make_starter.FIRST)


def test_each_sentence_of_a_row_begins_with_a_capital(proper):
    boundary = re.compile(r"(?<!Mr)(?<!Ms)(?<!Mrs)(?<!Dr)[.?!] (.)")
    first = [match[1] for row in proper["train"] for match in boundary.finditer(row[0])]
    assert len(first) >= 300
    assert all(letter.isupper() or letter.isdigit() for letter in first)


@pytest.mark.parametrize(
    ("verb", "forms"),
    [
        ("study", ("studies", "studied", "studied", "studying")),
        ("swim", ("swims", "swam", "swum", "swimming")),
        ("write", ("writes", "wrote", "written", "writing")),
        ("play", ("plays", "played", "played", "playing")),
        ("watch", ("watches", "watched", "watched", "watching")),
        ("have", ("has", "had", "had", "having")),
    ],
)
def test_verb_forms(verb, forms):
    from data.make_starter.algebra import gerund, participle, past, third_person

    assert (third_person(verb), past(verb), participle(verb), gerund(verb)) == forms


def test_chinese_numbers():
    from data.make_starter.phrases import number_zh

    numbers = {2: "二", 10: "十", 12: "十二", 20: "二十", 99: "九十九"}
    assert {n: number_zh(n) for n in numbers} == numbers
    assert number_zh(2, before_measure=True) == "两"
