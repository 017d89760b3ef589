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
import contestants
import exports
from helpers import tiny_config

from transformer_mt import Translator
from transformer_mt.batches import make_batch, pad
from transformer_mt.config import DecodeConfig, Norm
from transformer_mt.interchange import to_ctranslate2
from transformer_mt.model import Transformer
from transformer_mt.tokenizer import SpecialIds

SPECIAL = SpecialIds(pad=0, unk=1, bos=2, eos=3)
SIZE = replace(tiny_config(d_model=32, n_heads=2, d_ff=48), norm=Norm.post)


@pytest.fixture
def model() -> Transformer:
    torch.manual_seed(5)
    return Transformer(SIZE, 40, 50, SPECIAL.pad, joint=False).eval()


@pytest.fixture
def sources() -> list[list[int]]:
    generator = torch.Generator().manual_seed(6)
    return [
        [*torch.randint(4, 40, (n,), generator=generator).tolist(), SPECIAL.eos]
        for n in (9, 7, 4, 2)
    ]


def batch_of(src: list[list[int]], tgt: list[list[int]]):
    return make_batch(src, tgt, SPECIAL.pad, SPECIAL.pad, SPECIAL.bos)


@pytest.fixture
def run(tokenizers):
    """A random model with real vocabularies."""
    src, tgt = tokenizers
    torch.manual_seed(11)
    model = Transformer(SIZE, len(src), len(tgt), src.pad_id, joint=False).eval()
    return contestants.run_of(model, src, tgt)


LINES = ["They buy fish and cats every day!", "I like apples.", "We see books", "You"]


def test_marian_with_our_weights(run):
    pytest.importorskip("transformers")
    theirs = contestants.marian_with_our_weights(run).eval()
    batch = batch_of(run.src_tokenizer.encode(LINES), [[5, 6, 7, SPECIAL.eos]] * 4)
    with torch.no_grad():
        logits = theirs(
            input_ids=batch.src,
            attention_mask=batch.src != SPECIAL.pad,
            decoder_input_ids=batch.tgt_in,
        ).logits
        ours = run.model.output(run.model(batch.src, batch.tgt_in))
    torch.testing.assert_close(logits, ours, rtol=1e-4, atol=1e-4)


def test_marian_of_our_size_has_as_many_weights(run):
    pytest.importorskip("transformers")
    theirs = contestants.marian(run)
    # Theirs has biases of the keys, a table of positions, and both sides' tables are of one size.
    n_key_biases = (2 + 2 * 2) * SIZE.d_model
    n_filled = abs(len(run.src_tokenizer) - len(run.tgt_tokenizer)) * SIZE.d_model
    n_theirs = sum(p.numel() for n, p in theirs.named_parameters() if "embed_positions" not in n)
    n_ours = sum(parameter.numel() for parameter in run.model.parameters())
    assert n_theirs == n_ours + n_key_biases + n_filled


@pytest.mark.parametrize("beam_size", [1, 4])
def test_ctranslate2_with_our_weights(run, tmp_path, beam_size):
    pytest.importorskip("ctranslate2")
    to_ctranslate2.write(run, tmp_path, "bench")
    decode = contestants.ctranslate2_decoder(run, tmp_path, "cpu", "float32", 1, 8)
    sources = run.src_tokenizer.encode(LINES)
    src = pad(sources, SPECIAL.pad)
    ours = bench.beam_search_of_length(run.model, src, 9, SPECIAL, DecodeConfig(beam_size))
    assert len({tuple(row) for row in ours}) > 1
    assert decode(sources, beam_size) == ours


@pytest.mark.parametrize("beam_size", [1, 4])
def test_a_translation_that_would_end_early_has_its_length(model, sources, beam_size):
    src = pad(sources, SPECIAL.pad)
    with torch.no_grad():
        model.output.weight[SPECIAL.eos] *= 100  # now it ends most translations at once
    rows = bench.beam_search_of_length(model, src, 12, SPECIAL, DecodeConfig(beam_size))
    assert [len(row) for row in rows] == [11] * 4
    assert SPECIAL.eos not in {token for row in rows for token in row}


def test_the_work_of_an_update_is_six_times_weights_times_tokens(model, sources):
    """By hand: weights that see source tokens, those that see target tokens, the output layer."""
    eos = SPECIAL.eos
    batch = batch_of(sources, [[5, 6, 7, eos], [5, eos], [6, 7, eos], [eos]])
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
    src = pad(sources, SPECIAL.pad)
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
    exact = bench.Trainer.update
    updates = []

    def update(trainer, batches, lr):
        has_products = bool((torch.ones(2, 2) @ torch.ones(2, 2)).any())
        updates.append((trainer.dtype, has_products))
        return exact(trainer, batches, lr)

    monkeypatch.setattr(bench.Trainer, "update", update)
    rows = bench.rest_table(bench.load_corpus(corpus_tsv, str(cache_dir), 400), 2, 500)
    assert [row["name"] for row in rows] == [
        "fp32",
        "fp32, zeros for products",
        "bf16, zeros for products",
    ]
    # A round to warm up, and two that count.
    each_round = [(torch.float32, True), (torch.float32, False), (torch.bfloat16, False)]
    assert updates == 3 * each_round


def test_rows_in_random_order_fill_their_batches(corpus_tsv, cache_dir):
    corpus = bench.load_corpus(corpus_tsv, str(cache_dir), 400)
    for batch in bench.random_batches(corpus, 3, 100):
        assert 100 <= batch.tgt_out.numel() < 100 + 2 * max(batch.tgt_out.shape)


@pytest.mark.parametrize("beam_size", [1, 4])
def test_an_export_that_is_ranked_as_we_rank_translates_alike(trained_run, tmp_path, beam_size):
    pytest.importorskip("ctranslate2")
    run = Translator(trained_run, "cpu")
    to_ctranslate2.write(run.run, tmp_path, "export")
    decode = exports.engine_decoder(tmp_path, run, beam_size, 1)
    texts = [translation.text for translation in run.translate(LINES, beam_size=beam_size)]
    assert decode(LINES) == texts
