"""How good are the translations? sacreBLEU, with the tokenizer that the target language needs."""

from sacrebleu.metrics.bleu import BLEU

from transformer_mt.text import is_chinese, is_unspaced, language_of


def bleu_metric(language: str) -> BLEU:
    """BLEU into `language` (Post 2018).

    Its tokenizer is `zh` for Chinese, `char` where words are not spaced and for Korean, whose words
    carry their particles, and else `13a`.
    """
    if is_chinese(language):
        return BLEU(tokenize="zh")
    by_character = is_unspaced(language) or language_of(language) == "ko"
    return BLEU(tokenize="char" if by_character else "13a")


def corpus_bleu(hypotheses: list[str], references: list[str], language: str) -> float:
    """Corpus BLEU from 0 to 100 against one reference per sentence."""
    return float(bleu_metric(language).corpus_score(hypotheses, [references]).score)
