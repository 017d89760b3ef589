"""The tokenizer that a metric needs follows from the language; differences are tested."""

import itertools
import random

import pytest
import sacrebleu

from transformer_mt import scoring
from transformer_mt.config import UserError
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


# ------------------------------------------------------------------------------------ significance

REFERENCES = [
    "我喜欢苹果。", "他们每天买鱼。", "老师今天画车！", "你看见书。", "学生想要很多猫。",
    "我们喜欢花和书。", "她看见了一条鱼。", "他想买一辆车。", "老师和学生画狗。", "你们今天买花。",
]  # fmt: skip
GOOD = [line.replace("今天", "明天").replace("鱼", "猫鱼") for line in REFERENCES]
BAD = [line[:3] + line[4:] for line in REFERENCES]


def bleu_of(hypotheses: list[str]) -> float:
    return float(sacrebleu.corpus_bleu(hypotheses, [REFERENCES], tokenize="zh").score)


def test_approximate_randomisation_is_the_share_of_larger_differences():
    """Of all exchanges there are, one by one."""
    # Halves are better in one system or in the other, so that chance has a say.
    first, other = GOOD[:6] + BAD[6:], BAD[:5] + GOOD[5:8] + REFERENCES[8:]
    differing = [i for i in range(len(first)) if first[i] != other[i]]
    difference, n_larger = abs(bleu_of(first) - bleu_of(other)), 0
    for exchange in itertools.product([False, True], repeat=len(differing)):
        a, b = list(first), list(other)
        for i in itertools.compress(differing, exchange):
            a[i], b[i] = b[i], a[i]
        n_larger += abs(bleu_of(a) - bleu_of(b)) > difference + 1e-9
    expected = n_larger / 2 ** len(differing)
    assert 0.05 < expected < 0.95
    values = scoring.p_values(first, other, [REFERENCES], "zh")
    assert values["bleu"]["p_randomisation"] == pytest.approx(expected, abs=0.02)


def test_the_paired_bootstrap_is_the_share_of_samples_that_stray_further():
    first, other = GOOD[:6] + BAD[6:], BAD[:5] + GOOD[5:8] + REFERENCES[8:]
    rng, differences = random.Random(0), []
    for _ in range(800):
        rows = rng.choices(range(10), k=10)
        scores = [
            sacrebleu.corpus_bleu(
                [system[i] for i in rows], [[REFERENCES[i] for i in rows]], tokenize="zh"
            ).score
            for system in (first, other)
        ]
        differences.append(abs(scores[1] - scores[0]))
    difference, mean = abs(bleu_of(first) - bleu_of(other)), sum(differences) / len(differences)
    expected = sum(d - mean > difference for d in differences) / len(differences)
    values = scoring.p_values(first, other, [REFERENCES], "zh")
    assert values["bleu"]["p_bootstrap"] == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize("n_differing, is_tested", [(0, False), (5, False), (6, True)])
def test_too_few_differences_are_not_tested(n_differing, is_tested):
    """sacreBLEU would call each of them significant."""
    other = BAD[:n_differing] + REFERENCES[n_differing:]
    values = scoring.p_values(REFERENCES, other, [REFERENCES], "zh", with_ter=True)
    assert values.keys() == {"bleu", "chrf", "ter"}
    for tests in values.values():
        assert tests.keys() == {"p_bootstrap", "p_randomisation"}
        assert all((p is not None) == is_tested for p in tests.values())


# --------------------------------------------------------------------------------------------- TER


@pytest.mark.parametrize(
    "language, hypothesis, reference, n_edits, n_words",
    [
        ("zh", "我喜欢苹果。", "我爱苹果。", 2, 5),
        ("zh_Hans", "今天我看书。", "我今天看书。", 1, 6),  # two characters move together
        ("ja", "魚食。", "魚肉食。", 1, 4),
        ("en", "we like the apples", "We like apples", 1, 3),
        ("zh_Latn", "wo xihuan pingguo", "wo ai pingguo", 1, 3),
        ("ko", "나는 사과를 먹는다", "나는 배를 먹는다", 1, 3),
    ],
)
def test_an_edit_is_one_of_a_word_or_of_an_ideograph(
    language, hypothesis, reference, n_edits, n_words
):
    result = scoring.score([hypothesis], [[reference]], language, with_ter=True)["ter"]
    assert result["score"] == pytest.approx(100 * n_edits / n_words)
    assert "tok:tercom" in result["signature"]


@pytest.mark.parametrize("language", ["th", "lao", "my_Mymr", "km", "bo"])
def test_ter_is_refused_where_nothing_tells_words_apart(language):
    with pytest.raises(UserError, match=f"--ter: {language} has no spaces between words"):
        scoring.ter_metric(language)
