"""SentencePiece models with other pieces: what stays, what changes, and what is refused."""

import numpy as np
import pytest
import sentencepiece as spm
from helpers import SENTENCES

from transformer_mt.alignment import Rule, hard, make_side
from transformer_mt.config import UserError
from transformer_mt.interchange.pieces import Kind, Piece, read_pieces, replace_pieces
from transformer_mt.tokenizer import Tokenizer

MARK = ">>cmn_Hans<<"


def test_pieces_are_those_that_the_library_reads(tokenizers):
    for tokenizer in tokenizers:
        pieces = read_pieces(tokenizer.model, "test")
        processor = tokenizer.processor
        assert len(pieces) == len(tokenizer)
        for i, piece in enumerate(pieces):
            assert piece.text == processor.id_to_piece(i)
            assert piece.score == processor.get_score(i)
            assert (piece.kind is Kind.CONTROL) == processor.is_control(i)
            assert (piece.kind is Kind.UNKNOWN) == processor.is_unknown(i)
            assert (piece.kind is Kind.BYTE) == processor.is_byte(i)


def test_the_same_pieces_in_another_order_segment_alike(tokenizers):
    src, _ = tokenizers
    pieces = read_pieces(src.model, "test")
    order = [*range(50, len(pieces)), *range(50)]
    place = {old: new for new, old in enumerate(order)}
    marks = {mark: place[getattr(src, f"{mark}_id")] for mark in ("unk", "bos", "eos", "pad")}
    model = replace_pieces(src.model, [pieces[i] for i in order], marks)
    moved = Tokenizer(model, "test")
    assert moved.special_ids._asdict() == marks
    ids = src.encode([*SENTENCES, "你好 😀  two spaces"])
    assert moved.encode([*SENTENCES, "你好 😀  two spaces"]) == [
        [place[i] for i in row] for row in ids
    ]
    assert moved.decode(moved.encode(SENTENCES)) == SENTENCES


@pytest.mark.parametrize(
    "change",
    [
        lambda m: b"",
        lambda m: b"text",
        lambda m: m[:-1],
        lambda m: m[: len(m) // 2],
        lambda m: b"\x0a" + m,
        lambda m: m[3:],
    ],
)
def test_a_damaged_model_is_refused(tokenizers, change):
    with pytest.raises(UserError, match=r"source\.spm: not a SentencePiece model"):
        read_pieces(change(tokenizers[0].model), "source.spm")


@pytest.fixture(scope="module")
def imported(tokenizers) -> tuple[Tokenizer, int]:
    """A vocabulary as an import makes it: with a mark, a piece of the other side, and at its end
    pieces that the model does not know. It spells nothing in bytes.
    """
    src, _ = tokenizers
    pieces = [p for p in read_pieces(src.model, "test") if p.kind is not Kind.BYTE]
    beyond = [p for p in pieces if p.kind is Kind.NORMAL and set(p.text) & set("bfw")]
    others = [p for p in pieces if p not in beyond]
    known = [Piece(MARK, 0.0, Kind.CONTROL), *others, Piece("苹果", 0.0, Kind.UNUSED)]
    marks = {"unk": 2, "bos": 1, "eos": 4, "pad": 1}
    assert [known[i].text for i in marks.values()] == ["<unk>", "<pad>", "</s>", "<pad>"]
    model = without_byte_fallback(replace_pieces(src.model, [*known, *beyond], marks))
    return Tokenizer(model, "src.spm.model", MARK, len(known)), len(known)


def without_byte_fallback(model: bytes) -> bytes:
    """A later setting of the trainer's field 35, which is false, counts."""
    return model + b"\x12\x03" + bytes([35 << 3 & 127 | 128, 35 << 3 >> 7]) + b"\x00"


def test_an_imported_vocabulary_has_a_mark_before_every_text(imported):
    tokenizer, _ = imported
    for ids in [*tokenizer.encode([*SENTENCES, ""]), *tokenizer.sample(SENTENCES, 0.3, 1)]:
        assert ids[0] == 0 and ids[-1] == tokenizer.eos_id
    text, spans = tokenizer.spans(tokenizer.encode(["I like"])[0])
    assert spans[0] == (0, 0) and "cmn" not in text


def test_pieces_beyond_those_that_the_model_knows_are_unknown(imported):
    tokenizer, n = imported
    assert len(tokenizer) == n
    processor = tokenizer.processor
    beyond = [processor.id_to_piece(i) for i in range(n, processor.vocab_size())]
    ids = tokenizer.encode(beyond)
    assert all(max(row) < n for row in ids)
    assert sum(tokenizer.unk_id in row for row in ids) > len(beyond) / 2
    sampled = tokenizer.sample(beyond, 0.3, 1)
    assert all(max(row) < n for row in sampled)
    assert tokenizer.id_of(beyond[0]) == tokenizer.unk_id


def test_a_piece_of_the_other_language_is_found_by_its_text(imported):
    tokenizer, n = imported
    assert tokenizer.id_of("苹果") == n - 1
    assert n - 1 in tokenizer.encode(["I like 苹果"])[0]
    assert tokenizer.id_of(MARK) == tokenizer.id_of("</s>") == tokenizer.unk_id


def test_a_vocabulary_that_does_not_fit_its_options_is_refused(imported):
    tokenizer, n = imported
    for options, message in (
        ({"prefix": ">>fr<<"}, ">>fr<< is no mark"),
        ({"prefix": "▁I"}, "▁I is no mark"),
        ({"n_ids": n + 1000}, "cannot know"),
        ({"n_ids": 3}, "cannot know 3"),
        ({"n_ids": -1}, "cannot know -1"),
    ):
        with pytest.raises(UserError, match=message):
            Tokenizer(tokenizer.model, "src.spm.model", **options)


def test_the_mark_changes_the_fingerprint(imported):
    tokenizer, n = imported
    others = [Tokenizer(tokenizer.model, "x"), Tokenizer(tokenizer.model, "x", MARK),
              Tokenizer(tokenizer.model, "x", "", n)]  # fmt: skip
    assert len({t.fingerprint for t in [tokenizer, *others]}) == 4
    again = Tokenizer(**tokenizer.arguments)
    assert again.fingerprint == tokenizer.fingerprint
    assert again.encode(SENTENCES) == tokenizer.encode(SENTENCES)


def test_the_mark_is_no_unit_and_wins_no_link(imported, tokenizers):
    tokenizer, _ = imported
    (ids,) = tokenizer.encode(["I like"])
    words, subwords = (make_side(tokenizer, ids, units) for units in ("words", "subwords"))
    assert words.unit_texts == ["I", "like"]
    assert len(subwords.units) == len(ids) - 2
    assert subwords.overlap.tolist() == np.eye(len(ids), dtype=bool)[:, 1:-1].tolist()
    tgt = make_side(tokenizers[1], tokenizers[1].encode(["我喜欢"])[0], "words")
    maps = np.full((len(tgt.ids) - 1, len(ids)), 0.01)
    maps[:, 0], maps[:, 1] = 0.6, 0.2
    for rule in (Rule(), Rule(threshold=0.15)):
        assert {s for _, s in np.argwhere(hard(maps, words, tgt, rule))} == {1}


def test_the_library_reads_what_was_written(imported):
    tokenizer, _ = imported
    processor = spm.SentencePieceProcessor(model_proto=tokenizer.model)
    assert processor.id_to_piece(processor.bos_id()) == "<pad>"
    assert processor.is_unused(processor.piece_to_id("苹果"))
