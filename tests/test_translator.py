"""Text in, translations out: candidates of texts that are empty, and of texts cut in pieces."""

import pytest
from helpers import make_run

from transformer_mt import Translator


@pytest.fixture(scope="module")
def translator(tokenizers, tmp_path_factory) -> Translator:
    return Translator(make_run(tmp_path_factory.mktemp("hand") / "run", tokenizers), "cpu")


def test_an_empty_text_has_candidates_that_are_objects_of_their_own(translator):
    (translation,) = translator.translate([""], n_best=3)
    assert [(candidate.text, candidate.score) for candidate in translation.candidates] == [
        ("", 0)
    ] * 3
    assert len({id(candidate) for candidate in translation.candidates}) == 3
    translation.candidates[0].text = "changed"
    assert [candidate.text for candidate in translation.candidates] == ["changed", "", ""]


def test_the_kth_candidate_of_a_text_in_pieces_joins_the_kth_of_each_piece(translator):
    text = "I like apples and books every day. " * 8
    pieces = translator.translate(translator.cut(text), n_best=3)
    assert len(pieces) > 1
    (whole,) = translator.translate([text], n_best=3)
    assert whole.n_pieces == len(pieces)
    for k, candidate in enumerate(whole.candidates):
        parts = [piece.candidates[k] for piece in pieces]
        joined = "".join(part.text for part in parts)
        assert "".join(candidate.text.split()) == "".join(joined.split())
        assert candidate.score == pytest.approx(sum(part.score for part in parts), abs=1e-4)
