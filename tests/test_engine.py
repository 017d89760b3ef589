"""The engine of the live page in a real browser: token ids, numbers and translations equal those of
Python.
"""

import copy
import json
import random
import sys
import unicodedata
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import sentencepiece as spm
import torch
from engines import EnginePage
from helpers import ROOT, VARIANTS, lines_of, make_run, pattern_pairs, write
from selenium.webdriver import Chrome
from test_sentences import LINES as SEVERAL

from transformer_mt import Translator
from transformer_mt.alignment import Rule
from transformer_mt.config import STARTER_DIR, Activation, EncoderGate, Norm, TokenizerConfig
from transformer_mt.inspector import KINDS
from transformer_mt.model import Trace
from transformer_mt.noise import quiet
from transformer_mt.sentences import split_sentences
from transformer_mt.text import one_line
from transformer_mt.tokenizer import Tokenizer, train_tokenizer
from transformer_mt.units import is_punctuation, split_units
from transformer_mt.view.equations import switch_off_head
from transformer_mt.view.page import page_data

ODD_LINES = [
    "a", " ", "  two  spaces   inside ", "tab\tand\u2028line\u0085break", "Hello, world…",
    "ｆｕｌｌ　ｗｉｄｔｈ１２３！（行）", "½ ﬁ ² ㎏ ℌ Å Ω ﷺ ｶﾞ", "é e\u0301 a\u0308\u0323 ซ้ำ",
    "👩‍👩‍👧‍👦 🇨🇳 ❤️ 👍🏽 1️⃣ 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "\x00 \x01\x7f\x9f nul", "\u200b\ufeffzero\u200dwidth\u200b \u00ad",
    "▁▁ a▁b", "</s> <s> <unk> <pad> <0x41> ⁇", "𠮷野家 𝒳 \U000f0000", "السلام عليكم 3.50, 10:30am",
    "don't twenty-one ’tis 1,000 x_y", "…", "\\n \"quoted\" <b>&amp;</b> </script>", "word" * 30,
    "我" * 40, "a b " * 30, "\u2585 \ufffd \uffff", "ﾊﾝｶｸ ㍿ Ⅳ ①", "\u0300lone mark", "＂＃＄％",
]  # fmt: skip
MODELS = [
    {},
    *VARIANTS,
    {"norm": Norm.post, "activation": Activation.swish, "tie_embeddings": False},
    {"n_heads": 1, "d_ff": 7, "n_encoder_layers": 1},
]
"""Every option of the model once, pre- and post-norm; sizes that no block of four divides."""


@pytest.fixture(scope="module")
def engine(browser: Chrome, tmp_path_factory) -> EnginePage:
    return EnginePage(browser, tmp_path_factory.mktemp("engine"))


def corpus_lines() -> list[str]:
    """A thousand lines: those of test sets in both languages, and odd ones."""
    paths = [STARTER_DIR / "test.tsv", ROOT.parent / "shared/data/tatoeba/test.tsv"]
    lines = [
        text
        for path in paths
        if path.is_file()
        for row in lines_of(path)[:400]
        for text in row.split("\t")[:2]
    ]
    return [*lines[: 1000 - len(ODD_LINES)], *ODD_LINES]


def starter_tokenizer(side: int, **options: object) -> Tokenizer:
    lines = [row.split("\t")[side] for row in lines_of(STARTER_DIR / "train.tsv")[:3000]]
    config = TokenizerConfig(**({"vocab_size": 1700} | options))
    return train_tokenizer(lines, config, dummy_prefix=side == 0)[0]


def foreign_tokenizer(folder: Path, **options: object) -> Tokenizer:
    """A vocabulary as others train it, with SentencePiece's own defaults, which lose something."""
    rows = [row.split("\t")[:2] for row in lines_of(STARTER_DIR / "train.tsv")[:3000]]
    settings = {"vocab_size": 2500, "character_coverage": 0.995} | options
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(text for row in rows for text in row),
        model_prefix=str(folder / "foreign"),
        pad_id=0, unk_id=1, bos_id=2, eos_id=3, minloglevel=2, **settings,
    )  # fmt: skip
    return Tokenizer.load(folder / "foreign.model")


def check_tokenizer(engine: EnginePage, tokenizer: Tokenizer) -> None:
    """Ids, spans and decoded text of a thousand lines, and what ids at random decode to."""
    engine.load_tokenizer(tokenizer)
    lines = corpus_lines()
    encoded = engine.js("a.map((line) => tokenizer.encode(line))", lines)
    ids = tokenizer.encode(lines)
    assert [each["ids"] for each in encoded] == ids
    for line, each in zip(lines, encoded, strict=True):
        assert each["spans"] == [list(span) for span in tokenizer.written_spans(line)], line

    draw = random.Random(1)
    bytes_only = [i for i in range(len(tokenizer)) if tokenizer.processor.is_byte(i)]
    for _ in range(200):
        choice = draw.choice([range(len(tokenizer)), bytes_only or range(len(tokenizer))])
        ids.append(draw.choices(choice, k=12))
    decoded = engine.js("a.map((ids) => tokenizer.spans(ids))", ids)
    for row, each in zip(ids, decoded, strict=True):
        text, spans = tokenizer.spans(row)
        assert "".join(each["characters"]) == text
        assert each["spans"] == [list(span) for span in spans]


# ------------------------------------------------------------------------------------ text and ids


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_ids_are_those_of_python(engine, kind, side):
    check_tokenizer(engine, starter_tokenizer(side, type=kind))


@pytest.mark.parametrize(
    "options",
    [
        {"model_type": "unigram"},
        {"model_type": "bpe", "normalization_rule_name": "nfkc_cf"},
        {"model_type": "unigram", "byte_fallback": True, "normalization_rule_name": "nfkc"},
        {"model_type": "bpe", "remove_extra_whitespaces": False, "add_dummy_prefix": False},
    ],
)
def test_ids_of_vocabularies_that_normalise_text(engine, tmp_path, options):
    check_tokenizer(engine, foreign_tokenizer(tmp_path, **options))


def assigned_characters() -> list[str]:
    """All characters that this Python's Unicode knows; the browser's may be newer."""
    characters = map(chr, range(sys.maxunicode + 1))
    return [c for c in characters if unicodedata.category(c) not in ("Cn", "Cs", "Co")]


def test_lines_are_cleaned_as_in_python(engine):
    texts = [f"{c}a{c}b{c}" for c in assigned_characters()]
    assert engine.js("a.map(oneLine)", texts) == [one_line(text) for text in texts]


def test_capitals_are_small_where_python_makes_them_so(engine):
    draw, some = random.Random(3), "ABÉİẞΣǅⅣⒶªʰI .1我a"
    texts = [line.upper() for line in corpus_lines()]
    texts += ["".join(draw.choices(some, k=draw.randrange(6))) for _ in range(2000)]
    expected = [quiet(text) for text in texts]
    assert engine.js("a.map(quiet)", texts) == expected
    assert expected != texts


def test_units_are_those_of_python(engine):
    characters = assigned_characters()
    marked = [f"{c}1" for c in characters]
    units = engine.js("a.map((text) => splitUnits([...text]))", marked)
    for text, each in zip(marked, units, strict=True):
        assert each == [list(span) for span in split_units(text)], hex(ord(text[0]))
    assert engine.js("a.map(isPunctuation)", characters) == list(map(is_punctuation, characters))

    draw, some = random.Random(2), "aé我1#*.,:'’-_ \u200d\u0301\ufe0f\u20e3👍🏽🇨\u200b\u00ad"
    texts = [*corpus_lines(), *("".join(draw.choices(some, k=12)) for _ in range(2000))]
    units = engine.js("a.map((text) => splitUnits([...text]))", texts)
    assert units == [[list(span) for span in split_units(text)] for text in texts]


def test_sentences_end_where_python_has_them_end(engine):
    """Lines of the corpora two by two, those of the rule's own tests, and marks at random."""
    lines = [line for line in map(one_line, corpus_lines()) if line]
    draw = random.Random(0)
    ends = ["Mr.", "No.", "a.m.", "U.S.", "St.", "p.", "I", "He", "went", "7", "我", "说", "é", "²"]
    marks = [".", "!", "?", "...", "。", "！", "…", "”", "“", '"', "'", "）", "(", " ", " ", " "]
    noise = ["".join(draw.choices(ends + marks, k=draw.randrange(2, 30))) for _ in range(3000)]
    several = [f"{a} {b}" for a, b in pairwise(lines)] + [f"{a}{b}" for a, b in pairwise(lines)]
    written = [line.replace(" | ", space) for line in SEVERAL for space in ("", " ")]
    texts = [one_line(text) for text in (*several, *written, *noise)]
    expected = [split_sentences(text) for text in texts]
    assert engine.js("a.map(splitSentences)", texts) == expected
    assert sum(len(sentences) > 1 for sentences in expected) > 2000


# ----------------------------------------------------------------------------------------- numbers


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("runs")


def random_run(folder: Path, tokenizers: tuple, **model: object) -> Path:
    """A run with random weights, whose rule needs no choice."""
    run = make_run(folder / str(len(list(folder.iterdir()))), tokenizers, model=model)
    rule = asdict(Rule()) | {"chosen_on": "nothing", "table": []}
    write(run / "alignment.json", json.dumps(rule))
    return run


def shaped(page: dict, kind: str, name: str) -> np.ndarray:
    """An array of the engine's page, `(L, H, …, …)`."""
    n_rows = len(page["src" if kind == "encoder_self" else "tgt"]["ids"])
    n_columns = len(page["tgt" if kind == "decoder_self" else "src"]["ids"])
    first = n_rows if name in ("weights", "queries") else n_columns
    n_layers, n_heads = page["n_layers"][kind], page["run"]["n_heads"]
    last = n_columns if name == "weights" else page["run"]["d_head"]
    return np.array(page[name][kind]).reshape(n_layers, n_heads, first, last)


def check_numbers(page: dict, translator: Translator) -> None:
    """Everything that the engine computed in a forced pass, against Python's in float64."""
    model = copy.deepcopy(translator.model).double()
    src, tgt = (torch.tensor([page[side]["ids"]]) for side in ("src", "tgt"))
    tgt_in = torch.tensor([translator.tgt_tokenizer.shift_right(tgt[0].tolist())])
    trace = Trace()
    with torch.inference_mode():
        logits = model.decode(tgt_in, model.encode(src, trace), src == model.pad_id, trace)
    log_probs = logits[0].log_softmax(-1)
    top = log_probs.exp().topk(5)
    np.testing.assert_allclose(
        page["log_probs"], log_probs.gather(1, tgt[0][:, None])[:, 0], atol=1e-4
    )
    found = [[probability for _, probability in row] for row in page["candidates"]]
    np.testing.assert_allclose(found, top.values, atol=1e-5)
    for kind in KINDS:
        layers = getattr(trace, kind)
        for name, field in (
            ("weights", "weights"),
            ("queries", "q"),
            ("keys", "k"),
            ("values", "v"),
        ):
            expected = torch.cat([getattr(layer, field) for layer in layers])
            atol = 1e-5 if name == "weights" else 1e-4
            np.testing.assert_allclose(shaped(page, kind, name), expected, atol=atol)


@pytest.mark.parametrize("options", MODELS, ids=str)
def test_numbers_are_those_of_python(engine, tokenizers, folder, options):
    """Of models at random, with every option once."""
    run = random_run(folder, tokenizers, **options)
    translator = engine.load(run)
    page = engine.js("engine.attention(a, {target: b})", "We draw fish and cats!", "我喜欢苹果。")
    check_numbers(page, translator)


def test_numbers_of_weights_of_eight_bits(engine, tokenizers, folder):
    translator = engine.load(random_run(folder, tokenizers), bits=8)
    page = engine.js("engine.attention(a, {target: b})", "We draw fish and cats!", "我喜欢苹果。")
    check_numbers(page, translator)


# ---------------------------------------------------------------------------------- translations


@pytest.fixture(scope="module")
def translator(engine, trained_run) -> Translator:
    """With the weights of the engine's page, which holds the trained run."""
    return engine.load(trained_run)


@pytest.fixture(scope="module")
def sentences() -> list[str]:
    """Patterns that the model knows, and text that it has never seen."""
    return [en for en, _ in pattern_pairs()][::3] + corpus_lines()[::20] + ODD_LINES[3:]


def fitting(translator: Translator, lines: list[str]) -> list[str]:
    """The lines that the model reads whole; others the page refuses."""
    limit = translator.config.model.max_len
    return [
        line for line in lines if one_line(line) and translator.n_tokens(one_line(line)) <= limit
    ]


def found(engine: EnginePage, lines: list[str], settings: dict) -> list[dict]:
    """The engine's best translation of each line."""
    return engine.js("a.map((line) => engine.translate(line, b)[0])", lines, settings)


def test_greedy_ids_are_those_of_python(engine, translator, sentences):
    lines = fitting(translator, sentences)
    assert len(lines) > 200
    sources = translator.src_tokenizer.encode([one_line(line) for line in lines])
    options = translator.decode_options(beam_size=1)
    expected = [hypotheses[0] for hypotheses in translator.search(sources, options)]
    translations = found(engine, lines, {"beamSize": 1, "nBest": 1})
    assert [each["ids"] for each in translations] == [each.ids for each in expected]
    np.testing.assert_allclose(
        [each["score"] for each in translations], [each.score for each in expected], atol=1e-4
    )


@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_beam_search_finds_what_python_finds(engine, translator, sentences, penalty):
    lines = fitting(translator, sentences)
    settings = {"beamSize": 4, "lengthPenalty": penalty, "nBest": 1}
    texts = [each["text"] for each in found(engine, lines, settings)]
    expected = [
        each.text for each in translator.translate(lines, beam_size=4, length_penalty=penalty)
    ]
    # Sums in another order may turn a near tie round.
    n_equal = sum(a == b for a, b in zip(texts, expected, strict=True))
    assert n_equal >= 0.995 * len(lines), (n_equal, len(lines))


def test_n_best_translations_come_with_their_scores(engine, translator):
    line = "They buy fish and cats every day!"
    settings = {"beamSize": 4, "nBest": 4, "lengthPenalty": 0.6}
    expected = translator.translate(line, beam_size=4, n_best=4, length_penalty=0.6)
    hypotheses = engine.js("engine.translate(a, b)", line, settings)
    assert [each["text"] for each in hypotheses] == [each.text for each in expected.candidates]
    np.testing.assert_allclose(
        [each["score"] for each in hypotheses],
        [each.score for each in expected.candidates],
        atol=1e-4,
    )


def test_capitals_are_read_in_small_letters_where_training_saw_them(engine, noisy_run, trained_run):
    for run, reads_small in ((noisy_run, True), (trained_run, False)):
        engine.load(run)
        loud, small = (
            engine.js("engine.attention(a)", text) for text in ("WE DRAW FISH!", "we draw fish!")
        )
        assert (loud["src"]["ids"] == small["src"]["ids"]) == reads_small
        assert loud["src"]["text"] == "WE DRAW FISH!"
        assert [unit["text"] for unit in loud["src"]["units"]] == ["WE", "DRAW", "FISH", "!"]


def test_the_tree_tells_how_the_beam_went(engine, translator):
    settings = {"beamSize": 3, "nBest": 1, "lengthPenalty": 1}
    page = engine.js("engine.attention(a, b)", "Teachers draw cars today.", settings)
    tree, eos = page["tree"], translator.tgt_tokenizer.eos_id
    parents = {each["parent"] for each in tree}
    for i, each in enumerate(tree):
        parent = (
            tree[each["parent"]] if each["parent"] >= 0 else {"sum": 0, "step": 0, "best": True}
        )
        assert each["sum"] == pytest.approx(parent["sum"] + each["log_prob"])
        assert each["step"] == parent["step"] + 1
        assert parent["best"] or not each["best"]
        assert (each["fate"] == "lived") == any(
            other["parent"] == i and other["fate"] != "cut" for other in tree
        )
        assert (each["fate"] == "ended") == (each["id"] == eos and each["fate"] != "cut")
        if each["fate"] == "ended":
            assert each["score"] == pytest.approx(each["sum"] / ((5 + each["step"]) / 6))
    assert parents == {-1} | {i for i, each in enumerate(tree) if i in parents}
    for step in range(1, max(each["step"] for each in tree) + 1):
        level = [each for each in tree if each["step"] == step]
        kept = [each["sum"] for each in level if each["fate"] != "cut"]
        assert 1 <= len(kept) <= 3
        assert min(kept) >= max([each["sum"] for each in level if each["fate"] == "cut"] or [-1e9])
    best = [each["id"] for each in tree if each["best"]]
    assert best == page["tgt"]["ids"]
    assert page["hypotheses"][0]["score"] == max(each["score"] or -1e9 for each in tree)


def test_the_data_of_the_attention_page(engine, translator):
    """They are those of view/page.py, but for what the engine leaves to the viewer."""
    src, tgt = "Teachers don't draw 3.50 cars 👍🏽 today.", "我今天画车和猫。"
    attention = translator.attention(src, tgt)
    expected = page_data(attention)
    page = engine.js("engine.attention(a, {target: b})", src, tgt)
    for side in ("src", "tgt"):
        ids = page[side].pop("ids")
        assert ids == getattr(attention, side).ids
    for key in ("run", "src", "tgt", "n_layers", "rule", "reason", "gold", "aer"):
        assert page[key] == expected[key], key
    names = [[name for name, _ in row] for row in page["candidates"]]
    assert names == [[name for name, _ in row] for row in expected["candidates"]]
    pieces = translator.tgt_tokenizer.pieces
    assert names == [pieces(ids) for ids in page["candidate_ids"]]
    assert expected.keys() <= page.keys()
    # Its own translation is read from the ids, which may spell another text than they decode to.
    own = engine.js("engine.attention(a, {beamSize: 1, nBest: 1})", src)
    attention = translator.attention(src, beam_size=1)
    expected = page_data(attention)
    for side in ("src", "tgt"):
        own[side].pop("ids")
        assert own[side] == expected[side]


# ------------------------------------------------------------------------------ what one can change


def test_leave_one_out(engine, translator):
    attention = translator.attention("We draw fish and cats!", "我喜欢苹果。")
    expected = translator.inspector.left_out(attention.src, attention.tgt)
    left_out = engine.js(
        "engine.leftOut(engine.attention(a, {target: b}))", "We draw fish and cats!", "我喜欢苹果。"
    )
    np.testing.assert_allclose(left_out, expected, atol=1e-4)


@pytest.mark.parametrize("gate", [EncoderGate.both, EncoderGate.channel])
def test_leave_one_out_of_gated_models(engine, tokenizers, folder, gate):
    run = random_run(folder, tokenizers, encoder_gate=gate)
    other = engine.load(run)
    attention = other.attention("We draw fish!", "我画鱼。")
    expected = other.inspector.left_out(attention.src, attention.tgt)
    left_out = engine.js(
        "engine.leftOut(engine.attention(a, {target: b}))", "We draw fish!", "我画鱼。"
    )
    np.testing.assert_allclose(left_out, expected, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_head_switched_off_adds_nothing(engine, tokenizers, folder, kind):
    """As where its rows of W_O are zero, see equations.switch_off_head."""
    run = random_run(folder, tokenizers, norm=Norm.post)
    translator = engine.load(run)
    src, tgt = "We draw fish and cats!", "我喜欢苹果。"
    with switch_off_head(translator.model.attention_layers()[kind][1], 2):
        page = engine.js("engine.attention(a, {target: b, off: [c]})", src, tgt, [kind, 1, 2])
        check_numbers(page, translator)
    whole = engine.js("engine.attention(a, {target: b})", src, tgt)
    assert whole["log_probs"] != page["log_probs"]
    check_numbers(whole, translator)


@pytest.mark.parametrize("kind", KINDS)
def test_the_temperature_of_a_head(engine, tokenizers, folder, kind):
    """It is as if the head's queries were shorter by that factor."""
    run = random_run(folder, tokenizers)
    translator = engine.load(run)
    settings = {"target": "我喜欢苹果。", "temperatures": [[kind, 1, 2, 2.5]]}
    page = engine.js("engine.attention(a, b)", "We draw fish and cats!", settings)
    w_q = translator.model.attention_layers()[kind][1].w_q
    with torch.no_grad():
        for parameter in (w_q.weight, w_q.bias):
            parameter[8:12] /= 2.5
    numbers = shaped(page, kind, "queries")
    numbers[1, 2] /= 2.5
    page["queries"][kind] = numbers.ravel().tolist()
    check_numbers(page, translator)


def test_a_translation_goes_on_from_a_given_beginning(engine, tokenizers, folder):
    run = random_run(folder, tokenizers)
    translator = engine.load(run)
    line, greedy = "We draw fish.", {"beamSize": 1, "nBest": 1}
    (whole,) = engine.js("engine.translate(a, b)", line, greedy)
    assert len(whole["ids"]) > 4
    (same,) = engine.js("engine.translate(a, b)", line, greedy | {"prefix": whole["ids"][:3]})
    assert same["ids"] == whole["ids"] and same["score"] == pytest.approx(whole["score"])
    # Another token than the best: from there on, each is the likeliest after those before.
    page = engine.js("engine.attention(a, b)", line, greedy)
    prefix = [*whole["ids"][:2], page["candidate_ids"][2][1]]
    other = engine.js("engine.attention(a, b)", line, greedy | {"prefix": prefix})
    assert other["tgt"]["ids"][:3] == prefix
    check_numbers(other, translator)
    special = translator.tgt_tokenizer.special_ids
    for t, ids in enumerate(other["candidate_ids"]):
        best = next(i for i in ids if i not in (special.pad, special.unk, special.bos))
        at_limit = t == len(other["tgt"]["ids"]) - 1
        assert t < 3 or at_limit or best == other["tgt"]["ids"][t]
    assert other["hypotheses"][0]["score"] == pytest.approx(
        sum(other["log_probs"]) / ((5 + len(other["log_probs"])) / 6)
    )
    # The end is a choice, too.
    ended = engine.js("engine.attention(a, b)", line, greedy | {"prefix": [*prefix, special.eos]})
    assert ended["tgt"]["ids"] == [*prefix, special.eos]


def test_what_is_wrong_with_a_text_is_said_by_a_key(engine, tokenizers, folder):
    engine.load(random_run(folder, tokenizers))
    attempt = """((settings) => {
        try { return engine.attention(a, settings).unknown; }
        catch (error) { return [error instanceof EngineError, error.key, error.values]; }
    })(b)"""
    assert engine.js(attempt, " \u200b\t", {}) == [True, "empty", {}]
    assert engine.js(attempt, "I draw.", {"target": " "}) == [True, "empty", {}]
    is_ours, key, values = engine.js(attempt, "I draw. " * 30, {})
    assert is_ours and key == "tooLong" and values["n"] > values["limit"] == 40
    # Bytes spell what the vocabulary lacks; the page tells which characters those are.
    assert engine.js(attempt, "I draw 猫 😀.", {}) == ["猫", "😀"]
