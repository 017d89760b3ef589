"""What heads look at: the places, the shares and the words for them."""

import numpy as np
import pytest
from helpers import write

from transformer_mt import Translator, roles
from transformer_mt.alignment import Gold, Rule, make_gold
from transformer_mt.view import page


@pytest.fixture(scope="module")
def translator(linked_run) -> Translator:
    return Translator(linked_run, "cpu")


@pytest.fixture(scope="module")
def pairs(translator) -> list[Gold]:
    pairs = roles.held_out(translator.inspector)[:7]
    assert len(pairs) == 7 and any(gold.sure.any() for gold in pairs)
    return pairs


def slow_columns(gold: Gold, kind: str, place: str, row: int) -> set[int]:
    """The columns of a row that are a place, written down from what its name says."""
    src, tgt = gold.src, gold.tgt
    last = len(src.ids) - 1
    if kind == "encoder_self":
        word = {
            c for u in np.flatnonzero(src.overlap[row]) for c in np.flatnonzero(src.overlap[:, u])
        }
        return {
            "previous": {row - 1} if row else set(),
            "next": {row + 1} if row < last else set(),
            "word": word | {row},
            "first": {0} if row > 1 else set(),
            "end": {last} if row < last - 1 else set(),
        }[place]
    if kind == "decoder_self":  # column j holds token j - 1, column 0 the start mark
        inputs = {token: token + 1 for token in range(row)}
        return {
            "previous": {inputs[row - 1]} if row else set(),
            "one_before": {inputs[row - 2]} if row > 1 else set(),
            "start": {0} if row else set(),
        }[place]
    written = {"aligned": row, "aligned_read": row - 1}.get(place)
    if written is None:
        return {"first": {0}, "end": {last}}[place]
    links = np.argwhere(gold.sure)
    return {
        int(s)
        for i, j in links
        if written >= 0 and tgt.overlap[written, j]
        for s in np.flatnonzero(src.overlap[:, i])
    }


def test_shares_equal_what_the_names_say(translator, pairs):
    shares = roles.measure(translator.inspector, pairs)
    assert set(shares) == {"encoder_self", "decoder_self", "cross"}
    weights = [translator.attention(g.src.text, g.tgt.text, rule=Rule(0)) for g in pairs]
    for kind, by_place in shares.items():
        for place, share in by_place.items():
            rows = []
            for gold, attention in zip(pairs, weights, strict=True):
                maps = getattr(attention, kind)  # (L, H, rows, columns)
                for row in range(maps.shape[2]):
                    columns = sorted(slow_columns(gold, kind, place, row))
                    rows += [maps[:, :, row, columns].sum(-1)] if columns else []
            np.testing.assert_allclose(share, np.mean(rows, axis=0), atol=1e-5, err_msg=place)
    assert "aligned" in shares["cross"] and "aligned_read" in shares["cross"]


def test_a_role_is_the_place_with_most_of_the_weight():
    shares = {"cross": {"aligned": np.array([[0.2, 0.7]]), "end": np.array([[0.49, 0.1]])}}
    assert roles.clear_roles(shares) == {"cross": [[None, {"place": "aligned", "share": 0.7}]]}


def test_short_pairs_have_few_places(translator):
    """One token and the end mark, without links: nothing divides by zero."""
    inspector = translator.inspector
    pair = inspector.side("I", True, "words", "x"), inspector.side("我", False, "words", "x")
    shares = roles.measure(inspector, [make_gold(*pair, "", "x")])
    assert "aligned" not in shares["cross"]
    assert all(np.isfinite(x).all() for places in shares.values() for x in places.values())
    assert all(x.min() >= 0 and x.max() <= 1 + 1e-6 for p in shares.values() for x in p.values())


def test_pairs_that_do_not_fit_are_left_out(run_copy):
    lines = ["I draw.\t我画。\t0-0 1-1", "\t", "one", "fish " * 60 + "\t鱼", "I draw.\t我画。\tx"]
    write(run_copy / "valid.tsv", "".join(f"{line}\n" for line in lines))
    [gold] = roles.held_out(Translator(run_copy, "cpu").inspector)
    assert gold.src.text == "I draw." and gold.sure.sum() == 2


def test_without_a_validation_set_the_sentence_itself_is_measured(run_copy):
    (run_copy / "valid.tsv").unlink()
    translator = Translator(run_copy, "cpu")
    attention = translator.attention("I like cats.", "我喜欢猫。", rule=Rule(0))
    data = page.roles_data(translator.inspector, attention)
    assert data["n_pairs"] == 0 and set(data["heads"]) == {"encoder_self", "decoder_self", "cross"}
    for kind, layers in data["heads"].items():
        assert np.shape(np.array(layers, dtype=object))[:2] == getattr(attention, kind).shape[:2]
