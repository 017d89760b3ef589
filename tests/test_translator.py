"""The Python API: translations in order, long sentences in pieces, weights that change."""

import copy
import math
import pickle
from dataclasses import replace

import pytest
import torch
from datasets import Dataset
from helpers import SENTENCES

from transformer_mt import Translator
from transformer_mt.config import UserError
from transformer_mt.translator import Candidate, Translation
from transformer_mt.units import units


@pytest.mark.parametrize(
    "text",
    [
        " ".join(SENTENCES * 8),
        "apples " * 200,
        "x" * 500,
        "苹果" * 300,
        "！？。" * 200,
        "a  b\u3000c " * 90,
        "😀" * 99,
    ],
)
def test_pieces_fit_and_hold_all_the_text(translator, text):
    pieces = translator.cut(text.strip())
    assert all(0 < translator.n_tokens(piece) <= 48 for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_pieces_end_where_sentences_end(translator):
    pieces = translator.cut(" ".join(SENTENCES * 8))
    assert len(pieces) > 1 and all(piece[-1] in ".!" for piece in pieces)


def test_capitals_are_read_in_small_letters_where_training_saw_them(noisy_run, translator):
    """By everything that reads a source; what is shown is what was written."""
    noisy = Translator(noisy_run)
    small, loud = "we draw fish and cats!", "WE DRAW FISH AND CATS!"
    expected, found = noisy.translate([small, loud], align=True)
    assert found.candidates == expected.candidates and found.src == loud
    assert noisy.score([(loud, "我们画鱼。")]) == noisy.score([(small, "我们画鱼。")])
    assert noisy.n_tokens(loud) == noisy.n_tokens(small) < translator.n_tokens(loud)
    for unit_kind in ("words", "subwords", "given"):
        as_typed = noisy.attention(loud, units=unit_kind)
        assert as_typed.src.ids == noisy.attention(small, units=unit_kind).src.ids
        assert as_typed.src.text == loud and len(as_typed.src.overlap) == len(as_typed.src.ids)
    # Each sentence of a line by itself, but the line where it is one for the model.
    several = f"{loud} I like Cats."
    texts = noisy.translate([small, "I like Cats."])
    assert noisy.translate(several).text == "".join(each.text for each in texts)
    whole = [noisy.attention(text).src.ids for text in (several, several.lower())]
    assert whole[0] != whole[1]
    # Markup and its names leave a text in capitals.
    marked = [text.replace("CATS", "<b>CATS</b>") for text in (loud, f"{loud[:-1]} {{X}}!")]
    for text, translation in zip(marked, noisy.translate(marked, markup=True), strict=True):
        assert all(translation.text.count(tag) == text.count(tag) for tag in ("<b>", "</b>", "{X}"))
    assert noisy.translate(marked[0], markup=True).score == pytest.approx(expected.score)
    # Where training saw no small letters, capitals are as likely.
    assert translator.attention(loud).src.ids != translator.attention(small).src.ids


def test_sentences_are_translated_one_by_one(translator):
    text = " ".join(SENTENCES)
    alone = translator.translate(SENTENCES, n_best=2)
    together = translator.translate(text, n_best=2, align=True)
    assert (together.n_sentences, together.n_pieces) == (4, 4)
    assert together.text == "".join(translation.text for translation in alone)
    assert together.candidates[1].text == "".join(each.candidates[1].text for each in alone)
    assert together.score == pytest.approx(sum(translation.score for translation in alone))
    assert together.n_tokens == sum(translation.n_tokens for translation in alone)
    # Links index the words of the line.
    aligned, offsets = translator.translate(SENTENCES, align=True), [0, 0]
    links = set()
    for translation in aligned:
        links |= {(i + offsets[0], j + offsets[1]) for i, j in translation.candidates[0].links}
        offsets[0] += len(units(translation.src))
        offsets[1] += len(units(translation.text))
    assert together.candidates[0].links == links


def test_words_that_were_not_in_the_training_text(translator, tmp_path):
    known, unknown = translator.translate(["STUDENTS don't like apples.", "Quantum cats, Ann! 7"])
    assert known.unknown == ["don't"] and unknown.unknown == ["quantum", "ann"]
    assert "not in its training text: quantum, ann" in unknown.doubt
    # A run of an older version has no list; what has to be spelt in bytes was not in its text.
    older = copy.copy(translator)
    older.run_dir, older.metadata = tmp_path, {"steps": [1]}
    vars(older).pop("known_words", None)
    assert older.unknown_words("They like cats 㐂 buy 北㐂") == ["㐂", "北"]


def test_translations_that_the_model_is_unsure_of(translator):
    plain = translator.translate("I like apples.")
    limit = translator.metadata["low_log_prob"]
    assert not plain.is_unlikely and plain.doubt == ""
    (ids,) = translator.src_tokenizer.encode(["I like apples."])
    ((hypothesis, *_),) = translator.search([ids])
    (score,) = translator.score([("I like apples.", plain.text)])
    alpha = translator.decode.length_penalty
    log_prob = hypothesis.log_prob_per_token(alpha)
    assert (
        log_prob == pytest.approx(score.log_prob / len(score.tokens), rel=1e-4) and log_prob > limit
    )
    other = copy.copy(translator)
    other.metadata = translator.metadata | {"low_log_prob": log_prob + 0.01}
    doubtful = other.translate("I like apples.")
    assert doubtful.is_unlikely and "it is unsure of the translation" in doubtful.doubt
    # The least sure of several sentences counts.
    assert other.translate("I like apples. We buy cats.").is_unlikely


def test_whether_sentences_are_split_is_what_the_corpus_says(translator, trained_run, tmp_path):
    assert translator.metadata["several_sentences"] == 0.0 and translator.splits()
    assert not translator.splits("off")
    with pytest.raises(UserError, match="split_sentences=no is not one of auto, on, off"):
        translator.translate("Hello.", split_sentences="no")
    other = copy.copy(translator)
    other.metadata = translator.metadata | {"several_sentences": 0.2}
    vars(other).pop("several_sentences", None)
    assert not other.splits() and other.splits("on")
    assert other.sentences("Hi. You.") == ["Hi. You."]


@pytest.mark.parametrize(
    "valid, splits",
    [
        ("Hi.\t你好。\nBye.\t再见。\n", True),
        ("Hi. You.\t你好。你。\nBye.\t再见。\n", False),
        (None, False),
    ],
)
def test_a_run_of_an_older_version_is_judged_by_its_validation_text(
    translator, tmp_path, valid, splits
):
    """Without any, as an imported model, it translates a line as one sentence, as it did."""
    older = copy.copy(translator)
    older.run_dir, older.metadata = tmp_path, {"steps": [1]}
    vars(older).pop("several_sentences", None)
    if valid is not None:
        (tmp_path / "valid.tsv").write_text(valid, encoding="utf-8")
    assert older.splits() is splits


def test_texts_may_come_from_anything_that_gives_them(translator, tmp_path):
    texts = ["I like apples.", "We buy cats."]
    expected = [translation.text for translation in translator.translate(texts)]
    path = tmp_path / "texts"
    path.write_text("".join(text + "\n" for text in texts), encoding="utf-8")
    with path.open(encoding="utf-8") as file:
        for given in (tuple(texts), iter(texts), (text for text in texts), map(str, texts), file):
            assert [translation.text for translation in translator.translate(given)] == expected


def test_one_text_gives_one_translation(translator):
    for options in ({}, {"beam_size": 2, "n_best": 2}, {"align": True}):
        (expected,) = translator.translate(["I like apples."], **options)
        assert translator.translate("I like apples.", **options) == expected
    assert translator.translate("").text == ""


@pytest.mark.parametrize(
    "given, named",
    [
        (None, "not NoneType"),
        (3, "not int"),
        (b"I like apples.", "not bytes"),
        ({"I like apples.": "我喜欢苹果。"}, "not dict"),
        (["ok", None], "text 2 is of type NoneType"),
        ([["ok"]], "text 1 is of type list"),
        ([b"ok"], "text 1 is of type bytes"),
    ],
)
def test_what_is_no_text_is_a_type_error_that_says_what_is_wanted(translator, given, named):
    with pytest.raises(TypeError, match=rf"takes a text \(str\), or several .*{named}"):
        translator.translate(given)


class Column:
    """A column of a table, which can be asked for an item and nothing else."""

    def __init__(self, items):
        self.items = items

    def __getitem__(self, i):
        return self.items[i]


def test_a_column_of_a_table_is_translated(translator, expected):
    for given in (Column(SENTENCES), Dataset.from_dict({"en": SENTENCES})["en"]):
        assert [translation.text for translation in translator.translate(given)] == expected


def test_a_character_that_does_not_fit_the_model_is_named(translator, monkeypatch):
    monkeypatch.setattr(translator.config.model, "max_len", 4)
    with pytest.raises(UserError, match=r"the character 𠀀 alone is \d tokens, .*max_len=4"):
        translator.translate(["I", "𠀀"])


def test_a_run_is_found_after_the_working_directory_has_changed(trained_run, tmp_path, monkeypatch):
    monkeypatch.chdir(trained_run.parent)
    translator = Translator(trained_run.name, "cpu")
    rule = translator.inspector.default_rule()
    monkeypatch.chdir(tmp_path)
    assert translator.run_dir == trained_run
    assert translator.inspector.default_rule() == rule


def test_the_python_api_refuses_texts_that_are_not_unicode(translator):
    with pytest.raises(UserError, match="text 2 has a lone surrogate at character 3"):
        translator.translate(["ok", "ab\ud800"])
    assert translator.translate([]) == []
    empty = translator.translate(["", " \t "], n_best=2)
    assert [translation.text for translation in empty] == ["", ""]
    assert [len(translation.candidates) for translation in empty] == [1, 1]


def test_a_narrower_beam_gives_as_many_as_it_can(translator):
    translator = copy.copy(translator)
    translator.decode = replace(translator.decode, n_best=3)
    assert len(translator.translate(["I like apples."])[0].candidates) == 3
    assert len(translator.translate(["I like apples."], beam_size=2)[0].candidates) == 2
    assert translator.attention("I like apples.", beam_size=1).tgt.text
    with pytest.raises(UserError, match="n_best=3 is out of range"):
        translator.translate(["I like apples."], beam_size=2, n_best=3)


def test_the_python_api_ignores_batch_mates_and_order(translator):
    together = translator.translate(SENTENCES)
    alone = [translator.translate([sentence])[0] for sentence in reversed(SENTENCES)][::-1]
    assert [t.text for t in alone] == [t.text for t in together]
    assert [t.score for t in alone] == pytest.approx([t.score for t in together], abs=1e-5)
    assert all(isinstance(t, Translation) and t.n_pieces == 1 and t.n_tokens >= 2 for t in together)


def test_several_workers_translate_as_one(trained_run):
    """Changed weights and another precision reach the workers, too."""
    one, three = (Translator(trained_run, "cpu", workers=n) for n in (1, 3))
    assert (one.n_workers, three.n_workers) == (1, 3)
    texts = [f"{sentence} {i}" for i, sentence in enumerate(SENTENCES * 10)]
    for translator in (one, three):
        translator.model.double()
    for ours, theirs in zip(three.translate(texts), one.translate(texts), strict=True):
        assert (ours.src, ours.text, ours.n_tokens) == (theirs.src, theirs.text, theirs.n_tokens)
        assert ours.score == pytest.approx(theirs.score, rel=1e-10)
    for translator in (one, three):
        with torch.no_grad():
            for parameter in translator.model.parameters():
                parameter.mul_(0.9)
    assert [t.text for t in three.translate(texts)] == [t.text for t in one.translate(texts)]
    with pytest.raises(UserError, match="workers=0 is out of range"):
        Translator(trained_run, workers=0)


def test_an_error_of_a_worker_is_an_error(trained_run):
    translator = Translator(trained_run, "cpu", workers=2)
    with torch.no_grad():
        translator.model.tgt_embedding.weight.fill_(math.nan)
    with pytest.raises(UserError, match="not finite; its weights are damaged"):
        translator.translate(SENTENCES * 10)


def test_a_translator_follows_its_weights(trained_run):
    """They are changed in place, replaced, made float64, copied, or sent to another process."""
    text = ["I like apples and books today."]
    translator = Translator(trained_run, "cpu")
    before = translator.translate(text)[0].score
    assert pickle.loads(pickle.dumps(translator)).translate(text)[0].score == before
    copied = copy.deepcopy(translator)
    translator.model.double()
    assert translator.translate(text)[0].score == pytest.approx(before, abs=1e-4)
    with torch.no_grad():
        for parameter in translator.model.parameters():
            parameter.mul_(0.5)
    changed = translator.translate(text)[0].score
    assert abs(changed - before) > 1e-3
    assert copied.translate(text)[0].score == before
    copied.model.load_state_dict(translator.model.state_dict())
    assert copied.translate(text)[0].score == pytest.approx(changed, abs=1e-4)


def test_empty_texts_have_one_candidate_each_an_object_of_its_own(translator):
    first, second = translator.translate(["", ""], n_best=3)
    assert first.candidates == second.candidates == [Candidate("", 0.0)]
    first.candidates[0].text = "changed"
    assert second.text == ""


def test_the_kth_candidate_of_a_text_in_pieces_joins_the_kth_of_each_piece(translator):
    text = " ".join(SENTENCES * 8)
    pieces = translator.translate(translator.cut(text), n_best=3, split_sentences="off")
    assert len(pieces) > 1
    (whole,) = translator.translate([text], n_best=3, split_sentences="off")
    assert whole.n_pieces == len(pieces)
    for k, candidate in enumerate(whole.candidates):
        parts = [piece.candidates[k] for piece in pieces]
        joined = "".join(part.text for part in parts)
        assert "".join(candidate.text.split()) == "".join(joined.split())
        assert candidate.score == pytest.approx(sum(part.score for part in parts), abs=1e-4)
