"""The tokenizer that BLEU needs follows from the language, whatever its code."""

import pytest

from transformer_mt.scoring import bleu_metric, corpus_bleu


@pytest.mark.parametrize(
    "codes, tokenizer",
    [
        ("zh zho chi cmn zho_Hans zh-Hant-TW yue_Hant", "zh"),
        ("ja jpn jpn_Jpan ko kor kor_Hang th tha_Thai lo lao khm_Khmr my mya bur", "char"),
        ("en eng_Latn de ger fra_Latn hin_Deva arb_Arab zh_Latn ja_Latn tlh", "13a"),
    ],
)
def test_the_tokenizer_follows_from_the_language(codes, tokenizer):
    for code in codes.split():
        assert bleu_metric(code).tokenizer.signature() == tokenizer, code


def test_japanese_is_scored_by_character_whatever_its_code():
    hypotheses, references = ["私は毎日りんごを食べます。"], ["私は毎日バナナを食べます。"]
    scores = {corpus_bleu(hypotheses, references, code) for code in ("ja", "jpn", "jpn_Jpan")}
    assert len(scores) == 1 and scores.pop() > 40
