"""How good are the translations, and is a difference more than chance? sacreBLEU answers both, with
the tokenizer that the target language needs.
"""

from typing import Any

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacrebleu.metrics.ter import TER
from sacrebleu.significance import PairedTest

from transformer_mt.config import UserError
from transformer_mt.text import is_chinese, is_unspaced, language_of

RESAMPLES = 1000
"""Samples of the test set that a bootstrap draws (Koehn 2004)."""
TRIALS = 10_000
"""Times that approximate randomisation exchanges translations (Riezler and Maxwell 2005)."""
FEWEST = 6
"""Translations that must differ for a test: with n of them two of the 2^n exchanges are as
different as the systems, and from 6 on those are less than 5 %. sacreBLEU does not count them, so
that it would call two equal systems significantly different."""
TESTS = {"p_bootstrap": ("bs", RESAMPLES), "p_randomisation": ("ar", TRIALS)}
"""Our names of the paired tests, with sacreBLEU's and the number of samples."""

References = list[list[str | None]]
"""One list for each reference, in the order of the hypotheses; None where it has no such line."""


def bleu_metric(language: str) -> BLEU:
    """BLEU into `language` (Post 2018).

    Its tokenizer is `zh` for Chinese, `char` where words are not spaced and for Korean, whose words
    carry their particles, and else `13a`.
    """
    if is_chinese(language):
        return BLEU(tokenize="zh")
    by_character = is_unspaced(language) or language_of(language) == "ko"
    return BLEU(tokenize="char" if by_character else "13a")


def ter_metric(language: str) -> TER:
    """The translation edit rate into `language` (Snover et al. 2006); lower is better.

    An edit is one of a word, in Chinese and Japanese of an ideograph.

    Raises:
        UserError: words are not spaced, and sacreBLEU cannot tell them apart.
    """
    if language_of(language) in ("zh", "ja"):
        return TER(normalized=True, asian_support=True)
    if is_unspaced(language):
        raise UserError(
            f"--ter: {language} has no spaces between words, which TER counts; leave it out."
        )
    return TER()


def metrics(language: str, with_ter: bool) -> dict[str, Any]:
    """sacreBLEU's metrics, by the names that they have in a report."""
    chosen: dict[str, Any] = {"bleu": bleu_metric(language), "chrf": CHRF()}
    if with_ter:
        chosen["ter"] = ter_metric(language)
    for metric in chosen.values():
        compute_in_floats(metric)
    return chosen


def compute_in_floats(metric: Any) -> None:
    """Let the metric compute in Python's floats.

    sacreBLEU resamples in numpy's float32, and fails when a sample scores 0.
    """
    compute = metric._compute_score_from_stats
    metric._compute_score_from_stats = lambda counts: compute([float(count) for count in counts])


def corpus_bleu(hypotheses: list[str], references: list[str], language: str) -> float:
    """Corpus BLEU from 0 to 100 against one reference per sentence."""
    return float(bleu_metric(language).corpus_score(hypotheses, [references]).score)


def score(
    hypotheses: list[str], references: References, language: str, with_ter: bool = False
) -> dict[str, Any]:
    """BLEU, chrF, perhaps TER, and the length ratio.

    A sentence is compared with the references that it has, those that are not None.

    Each score comes with sacreBLEU's signature and with half the width of the 95 % bootstrap
    interval, which is 0 for a single sentence.
    """
    results: dict[str, Any] = {}
    # A single sentence cannot be resampled; sacreBLEU then leaves the interval out.
    n_samples = RESAMPLES if len(hypotheses) > 1 else 1
    # Raw text goes in: each metric has its own way to find words, which its signature names.
    for name, metric in metrics(language, with_ter).items():
        result = metric.corpus_score(hypotheses, references, n_bootstrap=n_samples)
        results[name] = {
            "score": result.score,
            "interval": result._ci if len(hypotheses) > 1 else 0.0,
            "signature": str(metric.get_signature()),
        }
        if name == "bleu":
            results["length_ratio"] = result.sys_len / max(1, result.ref_len)
    return results


def p_values(
    first: list[str],
    other: list[str],
    references: References,
    language: str,
    with_ter: bool = False,
) -> dict[str, dict[str, float | None]]:
    """How likely chance alone would make two systems as different as these are.

    The two tests pair the systems sentence by sentence: paired bootstrap (Koehn 2004) and paired
    approximate randomisation.

    Returns:
        For each metric the value of each of `TESTS`; None where fewer than `FEWEST` translations
        differ.
    """
    chosen = metrics(language, with_ter)
    if sum(a != b for a, b in zip(first, other, strict=True)) < FEWEST:
        return {name: dict.fromkeys(TESTS) for name in chosen}
    values: dict[str, dict[str, float | None]] = {name: {} for name in chosen}
    sets: Any = references  # its types have no None, which it takes all the same
    for title, (kind, n_samples) in TESTS.items():
        test = PairedTest([("", first), ("", other)], chosen, sets, kind, n_samples)
        _, results = test()
        # It calls the metrics by names of its own, but in their order.
        columns = [column for key, column in results.items() if key != "System"]
        for name, (_, result) in zip(chosen, columns, strict=True):
            assert not isinstance(result, str)
            values[name][title] = result.p_value
    return values
