"""Beam search against all translations there are, lattices by hand, greedy search and batches."""

import itertools
import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from helpers import logits_of, tiny_model
from hypothesis import given, settings
from hypothesis import strategies as st

from transformer_mt.batches import length_batches
from transformer_mt.config import DecodeConfig
from transformer_mt.decoding import (
    FEWEST_ROWS,
    Hypothesis,
    beam_search,
    length_penalty,
    search,
    shared_batches,
)
from transformer_mt.model import Transformer
from transformer_mt.tokenizer import SpecialIds

PAD, BOS, EOS = 0, 1, 2
NOT_WORDS = [PAD, BOS]
SPECIAL = SpecialIds(PAD, PAD, BOS, EOS)


class FakeModel:
    """Logits as a function of the sentence and of the whole prefix.

    It is step and cache in one, and counts the rows of every call.
    """

    def __init__(
        self, logits: Callable[[int, tuple[int, ...]], torch.Tensor], n_sentences: int
    ) -> None:
        self.logits = logits
        self.prefixes: list[list[tuple[int, ...]]] = [[()] for _ in range(n_sentences)]
        self.sentences = list(range(n_sentences))
        self.rows_per_call: list[int] = []

    def __call__(self, ids: torch.Tensor, cache: "FakeModel") -> torch.Tensor:
        assert cache is self and len(ids) == len(self.sentences)
        self.rows_per_call.append(ids.numel())
        if self.prefixes and ids.size(1) > len(self.prefixes[0]):
            self.reorder(torch.zeros_like(ids))  # all go on from the one that a sentence begins as
        self.prefixes = [
            [(*prefix, token) for prefix, token in zip(prefixes, tokens, strict=True)]
            for prefixes, tokens in zip(self.prefixes, ids.tolist(), strict=True)
        ]
        return torch.stack(
            [
                torch.stack([self.logits(b, prefix[1:]) for prefix in prefixes])
                for b, prefixes in zip(self.sentences, self.prefixes, strict=True)
            ]
        )

    def reorder(self, parents: torch.Tensor) -> None:
        self.prefixes = [
            [prefixes[n] for n in row]
            for prefixes, row in zip(self.prefixes, parents.tolist(), strict=True)
        ]

    def keep(self, sentences: torch.Tensor) -> None:
        rows = sentences.tolist()
        assert rows == sorted(set(rows)) and len(rows) < len(self.sentences)
        self.prefixes = [self.prefixes[b] for b in rows]
        self.sentences = [self.sentences[b] for b in rows]


def random_logits(
    seed: int, n_vocab: int, sharpness: float = 1.5
) -> Callable[[int, tuple[int, ...]], torch.Tensor]:
    """Float64 logits that every token of the prefix changes."""

    def logits(sentence: int, prefix: tuple[int, ...]) -> torch.Tensor:
        code = seed
        for token in (sentence, *prefix):
            code = (code * 1_000_003 + token + 1) % (2**61 - 1)
        generator = torch.Generator().manual_seed(code)
        return torch.randn(n_vocab, generator=generator, dtype=torch.float64) * sharpness

    return logits


def run(logits, beam: int, alpha: float, *, maximum, n_best=1, special=SPECIAL, n=1):
    """Search with a `FakeModel`; return the hypotheses of each sentence, and the model."""
    model = FakeModel(logits, n)
    limits = torch.tensor([maximum] * n if isinstance(maximum, int) else maximum)
    options = DecodeConfig(beam_size=beam, length_penalty=alpha, n_best=n_best)
    return beam_search(model, model, limits, special, options), model


def every_translation(
    logits, n_vocab: int, alpha: float, maximum: int, minimum: int = 1, sentence: int = 0
):
    """All there are, best first."""
    words = [token for token in range(n_vocab) if token not in (PAD, BOS, EOS)]
    hypotheses = []
    for length in range(minimum, maximum + 1):
        for ids in itertools.product(words, repeat=length - 1):
            log_probability = 0.0
            for t, token in enumerate((*ids, EOS)):
                log_probability += logits(sentence, ids[:t]).log_softmax(-1)[token].item()
            score = log_probability / ((5 + length) / 6) ** alpha
            hypotheses.append(Hypothesis(list(ids), score))
    return sorted(hypotheses, key=lambda hypothesis: -hypothesis.score)


def assert_same(hypotheses: list[Hypothesis], expected: list[Hypothesis]) -> None:
    assert [h.ids for h in hypotheses] == [h.ids for h in expected]
    assert [h.score for h in hypotheses] == pytest.approx([h.score for h in expected], abs=1e-10)


# ------------------------------------------------------------------------------ exhaustive, by hand


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0, 2.5])
@pytest.mark.parametrize("seed", range(4))
def test_a_wide_beam_finds_everything_in_order(seed, alpha):
    """Three words and at most four tokens: 1 + 3 + 9 + 27 translations."""
    expected = every_translation(random_logits(seed, 6), 6, alpha, 4)
    outputs, _ = run(random_logits(seed, 6), 40, alpha, maximum=4, n_best=40)
    assert len(expected) == 40
    assert_same(outputs[0], expected)


@pytest.mark.parametrize("n_best", [1, 3])
@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(4, 10))
def test_stopping_early_loses_no_winner(seed, alpha, n_best):
    """A beam as wide as all there is can miss one of the n best only by stopping too early."""
    logits = random_logits(seed, 5, sharpness=3.0)
    outputs, _ = run(logits, 63, alpha, maximum=6, n_best=n_best)
    assert_same(outputs[0], every_translation(logits, 5, alpha, 6)[:n_best])


@pytest.mark.parametrize("alpha", [0.0, 1.0, 2.5])
def test_a_search_ends_at_the_first_step_that_no_live_hypothesis_can_win(alpha):
    """A search without tensors that knows the same rule counts the steps."""
    for seed in range(20):
        logits = random_logits(seed, 5, sharpness=3.0)
        _, model = run(logits, 63, alpha, maximum=6)
        live, best, n_steps = {(): 0.0}, -math.inf, 0
        while live and max(live.values()) / ((5 + 6) / 6) ** alpha > best:
            n_steps += 1
            grown = {}
            for prefix, score in live.items():
                log_probs = logits(0, prefix).log_softmax(-1).tolist()
                best = max(best, (score + log_probs[EOS]) / ((5 + n_steps) / 6) ** alpha)
                if n_steps < 6:
                    grown |= {(*prefix, token): score + log_probs[token] for token in (3, 4)}
            live = grown
        assert len(model.rows_per_call) == n_steps, seed


def lattice(table: dict[str, dict[str, float]]):
    """Logits from probabilities such as `{"": {"a": 0.6, "b": 0.4}, "a": {"$": 1.0}}`.

    `$` is eos, and `a` has id 3.
    """
    names = {"$": EOS} | {chr(ord("a") + i): 3 + i for i in range(4)}

    def logits(_: int, prefix: tuple[int, ...]) -> torch.Tensor:
        word = "".join(chr(ord("a") + token - 3) for token in prefix)
        row = torch.full((7,), -1e9, dtype=torch.float64)
        for name, probability in table.get(word, {"$": 1.0}).items():
            row[names[name]] = math.log(probability)
        return row

    return logits


GARDEN = {
    "": {"a": 0.6, "b": 0.4},
    "a": {"c": 0.4, "d": 0.35, "$": 0.25},
    "b": {"c": 0.9, "$": 0.1},
    "bc": {"$": 0.8, "a": 0.2},
    "ac": {"$": 1.0},
    "ad": {"$": 1.0},
    "bca": {"$": 1.0},
}


def test_a_lattice_by_hand():
    """Greedy search takes a (0.6), then c: 0.6 * 0.4 = 0.24.

    Two slots have room for b as well: b c $ = 0.4 * 0.9 * 0.8 = 0.288.
    """
    greedy, _ = run(lattice(GARDEN), 1, 0.0, maximum=5)
    assert greedy[0][0].ids == [3, 5]
    assert greedy[0][0].score == pytest.approx(math.log(0.24), abs=1e-6)
    beam, _ = run(lattice(GARDEN), 2, 0.0, maximum=5, n_best=2)
    assert [h.ids for h in beam[0]] == [[4, 5], [3, 5]]
    assert [h.score for h in beam[0]] == pytest.approx([math.log(0.288), math.log(0.24)], abs=1e-6)


def test_the_length_penalty_decides_between_short_and_long():
    """$ has 0.4, and a b $ has 0.6 * 0.6 * 1 = 0.36.

    The score of three tokens is divided by (8/6)^alpha, that of one by 1.
    """
    table = {
        "": {"$": 0.4, "a": 0.6},
        "a": {"b": 0.6, "c": 0.4},
        "ab": {"$": 1.0},
        "ac": {"$": 1.0},
    }
    short, _ = run(lattice(table), 4, 0.0, maximum=4)
    assert short[0][0].ids == []
    assert short[0][0].score == pytest.approx(math.log(0.4), abs=1e-6)
    long, _ = run(lattice(table), 4, 1.0, maximum=4)
    assert long[0][0].ids == [3, 4]
    assert long[0][0].score == pytest.approx(math.log(0.36) * 6 / 8, abs=1e-6)


def test_the_formula_of_the_length_penalty():
    for length, alpha in itertools.product((1, 2, 7, 100), (0.0, 0.6, 1.0)):
        expected = ((5 + length) / 6) ** alpha
        assert length_penalty(length, alpha).item() == pytest.approx(expected, rel=1e-14)
    assert length_penalty(torch.tensor([1, 7]), 1.0).tolist() == [1.0, 2.0]


# -------------------------------------------------------------------------------- greedy and limits


@pytest.mark.parametrize("seed", range(5))
def test_one_slot_is_greedy_search(seed):
    logits = random_logits(seed, 9)
    limits = [3, 12, 12, 1]
    outputs, _ = run(logits, 1, 0.7, maximum=limits, n=4)
    for sentence, limit in enumerate(limits):
        ids, total = [], 0.0
        while True:
            log_probs = logits(sentence, tuple(ids)).log_softmax(-1)
            log_probs[NOT_WORDS] = -math.inf
            token = EOS if len(ids) == limit - 1 else int(log_probs.argmax())
            total += log_probs[token].item()
            if token == EOS:
                break
            ids.append(token)
        expected = Hypothesis(ids, total / ((5 + len(ids) + 1) / 6) ** 0.7)
        assert_same(outputs[sentence], [expected])


@pytest.mark.parametrize("beam", [1, 3, 21])
def test_the_limits_are_each_sentences_own(beam):
    for seed in range(5):
        logits = random_logits(seed, 7)
        outputs, _ = run(logits, beam, 1.0, maximum=[1, 6, 4], n=3, n_best=beam)
        lengths = [{len(h.ids) + 1 for h in hypotheses} for hypotheses in outputs]
        assert lengths[0] == {1} and max(lengths[1]) <= 6 and max(lengths[2]) <= 4


def test_forbidden_ids_never_come_out_however_probable():
    def logits(_: int, prefix: tuple[int, ...]) -> torch.Tensor:
        row = torch.zeros(8, dtype=torch.float64)
        row[[PAD, BOS, 5]] = 50.0
        row[EOS] = 0.1 * len(prefix) - 1
        return row

    special = SpecialIds(pad=PAD, unk=5, bos=BOS, eos=EOS)
    outputs, _ = run(logits, 4, 1.0, maximum=9, n_best=4, special=special)
    tokens = {token for hypothesis in outputs[0] for token in hypothesis.ids}
    assert tokens and tokens <= {3, 4, 6, 7}


@pytest.mark.parametrize("n_best", [1, 2, 5])
@pytest.mark.parametrize("seed", range(3))
def test_n_best_gives_n_different_ones_best_first(seed, n_best):
    outputs, _ = run(random_logits(seed, 8), 5, 0.6, maximum=[4, 9, 3], n=3, n_best=n_best)
    for hypotheses in outputs:
        assert len(hypotheses) == n_best == len({tuple(h.ids) for h in hypotheses})
        scores = [h.score for h in hypotheses]
        assert scores == sorted(scores, reverse=True)


def test_a_beam_wider_than_the_vocabulary():
    # 1 + 2 + 4 translations of two words
    outputs, _ = run(random_logits(0, 5), 7, 1.0, maximum=3, n_best=7)
    assert_same(outputs[0], every_translation(random_logits(0, 5), 5, 1.0, 3))


def test_scores_are_those_of_the_ids():
    """A score is the penalised log-probability of the ids beside it, whatever the beam keeps."""
    logits = random_logits(1, 12)
    outputs, _ = run(logits, 4, 0.8, maximum=8, n=3, n_best=4)
    for sentence, hypotheses in enumerate(outputs):
        for h in hypotheses:
            ids = (*h.ids, EOS)
            total = 0.0
            for t, token in enumerate(ids):
                total += logits(sentence, ids[:t]).log_softmax(-1)[token].item()
            assert h.score == pytest.approx(total / ((5 + len(ids)) / 6) ** 0.8, abs=1e-10)


# ------------------------------------------------------------------------------------------ batches


def test_finished_sentences_leave_the_batch():
    def logits(sentence: int, prefix: tuple[int, ...]) -> torch.Tensor:
        row = torch.zeros(5, dtype=torch.float64)
        row[EOS] = 60.0 if len(prefix) == sentence else -60.0  # sentence b has b words
        return row

    outputs, model = run(logits, 2, 0.0, maximum=10, n=4)
    assert model.rows_per_call == [4, 6, 4, 2]  # one hypothesis each at first, then two
    assert [len(hypotheses[0].ids) for hypotheses in outputs] == [0, 1, 2, 3]


@pytest.mark.parametrize("beam, n_best", [(1, 1), (2, 2), (5, 5), (5, 3), (5, 2), (4, 1)])
@pytest.mark.parametrize("sharpness", [1.5, 4.0])
def test_a_sentence_of_a_batch_is_searched_as_it_is_alone(sharpness, beam, n_best):
    """Each takes as many steps as alone and then leaves, with the hypotheses that it has alone."""
    logits = random_logits(11, 9, sharpness)
    limits = [2, 9, 5, 12, 7, 9]
    together, model = run(logits, beam, 0.6, maximum=limits, n=6, n_best=n_best)

    n_steps = []
    for sentence, limit in enumerate(limits):
        own_logits = partial(lambda b, _, prefix: logits(b, prefix), sentence)
        alone, own_model = run(own_logits, beam, 0.6, maximum=limit, n_best=n_best)
        assert_same(together[sentence], alone[0])
        n_steps.append(len(own_model.rows_per_call))

    assert len(set(n_steps)) >= 3, "too few sentences leave at steps of their own"
    n_sentences = [sum(n > step for n in n_steps) for step in range(max(n_steps))]
    n_rows = [n_sentences[0], *(beam * n for n in n_sentences[1:])]
    assert model.rows_per_call == n_rows


def sources_for(seed: int, n: int, longest: int = 12) -> list[list[int]]:
    """Ids of `n` sentences of several lengths, eos last."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, longest, (n,), generator=generator).tolist()
    return [[*torch.randint(3, 20, (k,), generator=generator).tolist(), EOS] for k in lengths]


def translate(
    model: Transformer,
    sources: list[list[int]],
    beam: int,
    batch_tokens: int = 10_000,
    n_best: int = 1,
    n_workers: int = 1,
) -> list[list[Hypothesis]]:
    options = DecodeConfig(beam, 0.8, n_best, batch_tokens)
    outputs = dict(search(model, sources, SPECIAL, options, n_workers=n_workers))
    assert sorted(outputs) == list(range(len(sources)))
    return [outputs[i] for i in range(len(sources))]


@pytest.mark.parametrize("beam, n_best", [(1, 1), (4, 4), (4, 2)])
@settings(max_examples=8, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 6))
def test_a_translation_does_not_depend_on_its_batch(beam, n_best, seed, n):
    torch.set_default_dtype(torch.float64)
    try:
        model = tiny_model(seed, n_src=20, n_tgt=20)
        sources = sources_for(seed, n)
        together = translate(model, sources, beam, n_best=n_best)
        for source, expected in zip(sources, together, strict=True):
            assert_same(translate(model, [source], beam, n_best=n_best)[0], expected)
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("beam", [1, 3])
def test_search_keeps_the_order_whatever_the_batches(float64, beam):
    model = tiny_model(3, n_src=20, n_tgt=20)
    sources = sources_for(1, 9)
    whole = translate(model, sources, beam)
    for batch_tokens in (1, 20, 50):
        batched = translate(model, sources, beam, batch_tokens)
        for expected, hypotheses in zip(whole, batched, strict=True):
            assert_same(hypotheses, expected)
    assert translate(model, [], beam) == []


@pytest.mark.parametrize("beam, n_workers, n", [(1, 2, 40), (3, 3, 40), (3, 8, 40), (3, 2, 3)])
def test_a_translation_does_not_depend_on_the_number_of_workers(float64, beam, n_workers, n):
    model = tiny_model(3, n_src=20, n_tgt=20)
    sources = sources_for(1, n)
    for batch_tokens in (30, 10_000):
        shared = translate(model, sources, beam, batch_tokens, n_workers=n_workers)
        for expected, hypotheses in zip(translate(model, sources, beam), shared, strict=True):
            assert_same(hypotheses, expected)


@given(
    lengths=st.lists(st.integers(1, 40), max_size=100),
    batch_tokens=st.integers(1, 500),
    n_workers=st.integers(1, 5),
)
def test_batches_are_shared_out(lengths, batch_tokens, n_workers):
    batches = shared_batches(lengths, batch_tokens, n_workers)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[i] for i in batch)
        assert len(batch) == 1 or (len(batch) - 1) * longest < batch_tokens
    if len(lengths) >= FEWEST_ROWS * n_workers and batch_tokens >= 100 * 40:
        n_tokens = [sum(lengths[i] for i in batch) for batch in batches]
        assert len(batches) == n_workers and max(n_tokens) - min(n_tokens) <= max(lengths)


def test_few_sentences_stay_together():
    assert shared_batches([5], 2048, 8) == [[0]]
    assert len(shared_batches([5] * FEWEST_ROWS, 2048, 8)) == 1


def test_the_model_by_steps_gives_the_scores_of_teacher_forcing(float64):
    model = tiny_model(5, n_src=20, n_tgt=20)
    sources = sources_for(2, 4)
    for source, hypotheses in zip(sources, translate(model, sources, 4, n_best=4), strict=True):
        assert len(hypotheses) == 4
        for h in hypotheses:
            tgt_in, tgt_out = [BOS, *h.ids], [*h.ids, EOS]
            logits = logits_of(model, torch.tensor([source]), torch.tensor([tgt_in]))[0]
            log_probs = logits.log_softmax(-1)[range(len(tgt_out)), tgt_out]
            expected = log_probs.sum().item() / ((5 + len(tgt_out)) / 6) ** 0.8
            assert h.score == pytest.approx(expected, abs=1e-9)


def test_the_limits_of_search_are_the_sentences_own():
    """A translation has at most twice the source's tokens plus 20, and at most `max_len`.

    The model is one where eos never wins, so that every translation reaches its limit.
    """
    model = tiny_model(6, n_src=20, n_tgt=20, max_len=30, tie_embeddings=False)
    with torch.no_grad():
        model.decoder_norm.bias[:] = model.output.weight[7] * 100  # one word always wins
    outputs = translate(model, [[5, EOS], [5, 6, 7, EOS], [5] * 20 + [EOS]], 1)
    assert [len(hypotheses[0].ids) + 1 for hypotheses in outputs] == [24, 28, 30]


def test_length_batches():
    lengths = [3, 9, 1, 9, 4, 2, 30]
    groups = list(length_batches(lengths, 18))
    assert sorted(i for group in groups for i in group) == list(range(7))
    assert groups[0] == [6]  # longer than the budget: alone
    for group in groups:
        assert len(group) == 1 or len(group) * max(lengths[i] for i in group) <= 18
    flat = [lengths[i] for group in groups for i in group]
    assert flat == sorted(lengths, reverse=True)
    assert list(length_batches([], 18)) == []
