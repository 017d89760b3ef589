"""The benchmark compares what computes the same: its copies of our weights give our numbers."""

import statistics
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts" / "bench"))
import bench
from helpers import tiny_config
from transformer_mt.steps import Decoder, Steps

from transformer_mt import steps
from transformer_mt.batches import make_batch
from transformer_mt.config import Norm
from transformer_mt.decoding import beam_search
from transformer_mt.model import Transformer

PAD, UNK, BOS, EOS = 0, 1, 2, 3
SIZE = replace(tiny_config(d_model=32, n_heads=2, d_ff=48), norm=Norm.post)


@pytest.fixture
def model() -> Transformer:
    torch.manual_seed(5)
    return Transformer(SIZE, 40, 50, PAD, joint=False).eval()


@pytest.fixture
def sources() -> list[list[int]]:
    generator = torch.Generator().manual_seed(6)
    return [[*torch.randint(4, 40, (n,), generator=generator).tolist(), EOS] for n in (9, 7, 4, 2)]


def translations(
    model: Transformer, src: torch.Tensor, n_beams: int, length: int
) -> list[list[int]]:
    limit = torch.full((len(src),), length)
    found = beam_search(
        Steps(Decoder(model), src), limit, limit, BOS, EOS, [PAD, UNK, BOS], n_beams, 1.0
    )
    return [hypotheses[0].ids for hypotheses in found]


def test_marian_with_our_weights(model, sources):
    pytest.importorskip("transformers")
    theirs = bench.marian(SIZE, 40, 50, PAD, BOS, EOS).eval()
    bench.copy_to_marian(model, theirs)
    batch = make_batch(sources, [[5, 6, 7, EOS]] * 4, PAD, PAD, BOS)
    with torch.no_grad():
        logits = theirs(
            input_ids=batch.src, attention_mask=batch.src != PAD, decoder_input_ids=batch.tgt_in
        ).logits  # fmt: skip
        torch.testing.assert_close(logits, model(batch.src, batch.tgt_in), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("n_beams", [1, 4])
def test_ctranslate2_with_our_weights(model, sources, tmp_path, n_beams):
    ctranslate2 = pytest.importorskip("ctranslate2")
    folder = bench.ctranslate2_model(model, tmp_path, BOS, EOS, UNK)
    engine = ctranslate2.Translator(
        str(folder), compute_type="float32", inter_threads=1, intra_threads=1
    )
    found = engine.translate_batch(
        [[str(i) for i in row] for row in sources], beam_size=n_beams, min_decoding_length=8, max_decoding_length=8,
        disable_unk=True, length_penalty=0,
    )  # fmt: skip
    src = make_batch(sources, sources, PAD, PAD, BOS).src
    ours = translations(model, src, n_beams, 9)
    assert len({tuple(row) for row in ours}) > 1
    assert [[int(token) for token in result.hypotheses[0]] for result in found] == ours


def test_the_work_of_an_update_is_six_times_weights_times_tokens(model, sources):
    """Weights that see source tokens, weights that see target tokens, and the output layer, added up by hand."""
    targets = [[5, 6, 7, EOS], [5, EOS], [6, 7, EOS], [EOS]]
    batch = make_batch(sources, targets, PAD, PAD, BOS)
    d, f, n_src, n_tgt = 32, 48, 10 + 8 + 5 + 3, 4 + 2 + 3 + 1
    encoder = 2 * (4 * d * d + 2 * d * f) * n_src
    memory = 2 * 2 * d * d * n_src  # keys and values of cross-attention
    decoder = 2 * (6 * d * d + 2 * d * f) * n_tgt
    assert bench.flops_per_update(model, batch) == 6 * (encoder + memory + decoder + d * 50 * n_tgt)


def test_a_table_has_medians_and_ratios_within_rounds(capsys):
    seconds = {"slow": [2.0, 4.0, 8.0], "fast": [1.0, 1.0, 4.0]}
    rows = bench.show("Title", "tokens/s", seconds, [8.0, 8.0, 8.0], "slow")
    assert [row["median"] for row in rows] == [2.0, 8.0]
    assert [row["ratio"] for row in rows] == [1.0, statistics.median([2.0, 4.0, 2.0])]
    assert "| fast | 8 | 5 to 8 | 2.00 |" in capsys.readouterr().out


def test_products_are_zeros_for_a_while(model, sources):
    src = make_batch(sources, sources, PAD, PAD, BOS).src
    with torch.inference_mode():
        before = model.encode(src)
        with bench.free_products():
            assert not (torch.ones(2, 3) @ torch.ones(3, 4)).any()
            assert not (torch.ones(5, 2, 3) @ torch.ones(5, 3, 4)).any()
            assert not F.linear(torch.ones(2, 3), torch.ones(4, 3), torch.ones(4)).any()
        assert torch.equal(model.encode(src), before)


def test_what_an_update_does_besides_its_products_is_measured_in_both_precisions(
    corpus_tsv, cache_dir, monkeypatch
):
    monkeypatch.setattr(bench, "SIZE", SIZE)
    monkeypatch.setattr(bench.time, "sleep", lambda seconds: None)
    exact, found = bench.Trainer.update, []

    def update(trainer, batches, lr):
        found.append((trainer.dtype, bool((torch.ones(2, 2) @ torch.ones(2, 2)).any())))
        return exact(trainer, batches, lr)

    monkeypatch.setattr(bench.Trainer, "update", update)
    rows = bench.rest_table(bench.load_corpus(corpus_tsv, str(cache_dir), 400), 2, 500)
    assert [row["name"] for row in rows] == [
        "fp32",
        "fp32, zeros for products",
        "bf16, zeros for products",
    ]
    assert found == 3 * [
        (torch.float32, True),
        (torch.float32, False),
        (torch.bfloat16, False),
    ]  # one to warm up


def test_the_ways_of_a_step_are_left_as_they_were(corpus_tsv, cache_dir, monkeypatch):
    before = {name: value for name, value in vars(steps).items() if name.isupper()}
    monkeypatch.setattr(bench, "SIZE", SIZE)
    monkeypatch.setattr(bench.time, "sleep", lambda seconds: None)
    rows = bench.steps_table(bench.load_corpus(corpus_tsv, str(cache_dir), 400), 2)
    assert {name: value for name, value in vars(steps).items() if name.isupper()} == before
    assert {row["name"] for row in rows} > {"as it is"}
    assert all(row["median"] > 0 for row in rows)


def test_rows_in_random_order_fill_their_batches(corpus_tsv, cache_dir):
    corpus = bench.load_corpus(corpus_tsv, str(cache_dir), 400)
    for batch in bench.random_batches(corpus, 3, 100):
        assert 100 <= batch.tgt_out.numel() < 100 + 2 * max(batch.tgt_out.shape)
