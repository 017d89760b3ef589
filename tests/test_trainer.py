"""One update against closed forms, and whole runs that take seconds.

The runs show limits, validation, stopping, averaging and learning.
"""

import base64
import itertools
import json
import math
import random
import signal
from contextlib import nullcontext
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from helpers import EXACT, logits_of, slow_cross, training_config, training_options
from torch.nn import functional as F

from transformer_mt.batches import Batch, make_batch
from transformer_mt.config import Precision, Schedule, TrainConfig, UserError
from transformer_mt.config_file import WEIGHTS
from transformer_mt.corpus import prepare
from transformer_mt.decoding import Hypothesis
from transformer_mt.run_dir import checkpoint_path, checkpoint_steps, load_tensors, weights_of
from transformer_mt.runtime import choose_device, choose_dtype
from transformer_mt.snapshots import page_snapshots
from transformer_mt.trainer import Trainer, learning_rate

# ------------------------------------------------------------------------------------- closed forms


def test_inverse_sqrt_is_the_papers_formula():
    d_model, warmup = 512, 4000
    lr = (d_model * warmup) ** -0.5
    config = TrainConfig(schedule=Schedule.inverse_sqrt, warmup_steps=warmup, lr=lr)
    for step in (1, 2, 1000, 3999, 4000, 4001, 10_000, 300_000):
        expected = d_model**-0.5 * min(step**-0.5, step * warmup**-1.5)
        assert learning_rate(step, 0.5, config) == pytest.approx(expected, rel=1e-12)


def test_cosine_rises_linearly_and_falls_with_progress():
    config = TrainConfig(schedule=Schedule.cosine, warmup_steps=10, lr=0.02)
    warmup = [learning_rate(step, 0.0, config) for step in (1, 5, 10)]
    assert warmup == pytest.approx([0.002, 0.01, 0.02])
    assert learning_rate(50, 0.0, config) == pytest.approx(0.02)
    assert learning_rate(50, 0.5, config) == pytest.approx(0.01)
    assert learning_rate(50, 1 / 3, config) == pytest.approx(0.015)
    assert learning_rate(50, 1.0, config) == pytest.approx(0, abs=1e-12)
    # Over the limit it does not rise again.
    assert learning_rate(50, 1.2, config) == pytest.approx(0, abs=1e-12)


# --------------------------------------------------------------------------------------- one update


@pytest.fixture
def make_trainer(corpus_tsv, cache_dir, tmp_path):
    """Make a trainer on the small corpus, with options changed; every call is a run of its own."""
    numbers = itertools.count()

    def make(changes: dict | None = None) -> Trainer:
        run_dir = tmp_path / f"run{next(numbers)}"
        config = training_config(corpus_tsv, cache_dir, run_dir, **(changes or {}))
        trainer = Trainer(config, prepare(config))
        run_dir.mkdir()
        return trainer

    return make


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    """A copy of the weights by name."""
    return {name: p.detach().clone() for name, p in trainer.model.named_parameters()}


def watch_gradients(trainer: Trainer) -> list[dict[str, torch.Tensor]]:
    """A list that grows by the gradients of every update that follows."""
    gradients = []
    step = trainer.optimizer.step

    def watched() -> None:
        gradients.append({name: p.grad.clone() for name, p in trainer.model.named_parameters()})
        step()

    trainer.optimizer.step = watched
    return gradients


def first_batch(trainer: Trainer) -> list[Batch]:
    return trainer.load_batch(trainer.sampler.epoch(0)[0], 0)


@pytest.mark.parametrize("k", [2, 3, 10_000])
def test_k_micro_batches_make_the_update_of_one(float64, make_trainer, k):
    """10,000 are more than the batch has rows, so each micro-batch is one row."""
    options = {"model.dropout": 0.0, "train.clip_norm": 0.0}
    whole, split = make_trainer(options), make_trainer(options | {"train.accumulate": k})
    for a, b in zip(whole.model.parameters(), split.model.parameters(), strict=True):
        assert torch.equal(a, b)
    whole_gradients, split_gradients = watch_gradients(whole), watch_gradients(split)
    for number in range(3):
        rows = np.arange(13 * number, 13 * (number + 1))  # of all lengths
        micro_batches = split.load_batch(rows, number)
        assert len(micro_batches) == min(k, 13)
        assert len({batch.n_tokens for batch in micro_batches}) > 1
        one = whole.update(whole.load_batch(rows, number), 1e-3)
        many = split.update(micro_batches, 1e-3)
        assert one == pytest.approx(many, rel=1e-10)
        for name, gradient in whole_gradients[-1].items():
            torch.testing.assert_close(split_gradients[-1][name], gradient, **EXACT)
    split_weights = weights(split)
    for name, tensor in weights(whole).items():
        # Not exact, because Adam divides tiny numbers by tiny ones.
        torch.testing.assert_close(split_weights[name], tensor, rtol=1e-7, atol=1e-9)


def test_an_update_is_adams_on_the_mean_loss_of_the_real_target_tokens(float64, make_trainer):
    """Compare gradient, loss, token count and norm with a plain computation over the batch."""
    options = {"model.dropout": 0.0, "train.clip_norm": 0.0, "train.label_smoothing": 0.0}
    trainer = make_trainer(options)
    gradients, before = watch_gradients(trainer), weights(trainer)
    pad_id = trainer.corpus.tgt_tokenizer.pad_id
    (batch,) = trainer.load_batch(np.arange(20), 0)
    assert batch.tgt_out.eq(pad_id).any()
    logits = logits_of(trainer.model, batch.src, batch.tgt_in).flatten(0, 1)
    loss = F.cross_entropy(logits, batch.tgt_out.flatten(), ignore_index=pad_id)
    names, parameters = zip(*trainer.model.named_parameters(), strict=True)
    expected = dict(zip(names, torch.autograd.grad(loss, parameters), strict=True))
    loss_sum, n_tokens, norm = trainer.update([batch], 1e-3)
    assert n_tokens == batch.tgt_out.ne(pad_id).sum()
    assert loss_sum / n_tokens == pytest.approx(loss.item(), rel=1e-10)
    squares = sum(gradient.square().sum().item() for gradient in expected.values())
    assert norm == pytest.approx(math.sqrt(squares), rel=1e-10)
    after = weights(trainer)
    for name, gradient in expected.items():
        torch.testing.assert_close(gradients[0][name], gradient, **EXACT)
        first_step = -1e-3 * gradient / (gradient.abs() + 1e-9)  # of Adam: lr * g / (|g| + eps)
        difference = after[name] - before[name]
        torch.testing.assert_close(difference, first_step, rtol=1e-6, atol=1e-12)


def test_three_updates_are_adams_with_the_papers_constants(float64, make_trainer):
    """Its moments use 0.9 and 0.98, both corrected for their start at 0, and 1e-9 (section 5.3)."""
    trainer = make_trainer({"model.dropout": 0.0})
    gradients, before = watch_gradients(trainer), weights(trainer)
    first, second = (dict.fromkeys(before, 0.0) for _ in range(2))
    for step, rows in enumerate((range(0, 8), range(8, 20), range(20, 24)), start=1):
        lr = 1e-3 * step
        trainer.update(trainer.load_batch(np.array(rows), step), lr)
        for name, gradient in gradients[-1].items():
            first[name] = 0.9 * first[name] + 0.1 * gradient
            second[name] = 0.98 * second[name] + 0.02 * gradient.square()
            mean = first[name] / (1 - 0.9**step)
            spread = (second[name] / (1 - 0.98**step)).sqrt()
            before[name] = before[name] - lr * mean / (spread + 1e-9)
    for name, now in weights(trainer).items():
        torch.testing.assert_close(now, before[name], rtol=1e-8, atol=1e-11)


def test_more_padding_does_not_change_the_loss(float64, make_trainer):
    trainer = make_trainer({"model.dropout": 0.0})
    (batch,) = first_batch(trainer)
    src_pad, tgt_pad = trainer.corpus.src_tokenizer.pad_id, trainer.corpus.tgt_tokenizer.pad_id
    wider = Batch(
        F.pad(batch.src, (0, 3), value=src_pad),
        F.pad(batch.tgt_in, (0, 4), value=tgt_pad),
        F.pad(batch.tgt_out, (0, 4), value=tgt_pad),
        F.pad(batch.positions, (0, 4), value=False),
    )
    trainer.model.eval()
    torch.testing.assert_close(
        trainer.loss(wider, trainer.model), trainer.loss(batch, trainer.model), **EXACT
    )


def test_clipping_scales_the_gradient_down_to_the_norm(float64, make_trainer):
    norms, gradients = [], []
    for clip_norm in (0.0, 0.01, 1e6):
        trainer = make_trainer({"model.dropout": 0.0, "train.clip_norm": clip_norm})
        watched = watch_gradients(trainer)
        _, _, norm = trainer.update(first_batch(trainer), 1e-3)
        norms.append(norm)
        gradients.append(watched[0])
    free, clipped, loose = gradients

    assert norms == pytest.approx([norms[0]] * 3, rel=1e-12)  # reported as before clipping
    assert norms[0] > 0.01
    total = math.sqrt(sum(gradient.square().sum().item() for gradient in clipped.values()))
    assert total == pytest.approx(0.01, rel=1e-4)
    for name, gradient in free.items():
        unclipped = clipped[name] * norms[0] / total
        torch.testing.assert_close(unclipped, gradient, rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(loose[name], gradient, **EXACT)


def test_one_batch_overfits(make_trainer):
    trainer = make_trainer({"model.dropout": 0.0, "train.label_smoothing": 0.0})
    micro_batches = first_batch(trainer)
    losses = []
    for _ in range(120):
        loss_sum, n_tokens, _ = trainer.update(micro_batches, 5e-3)
        losses.append(loss_sum / n_tokens)
    assert losses[0] > 4
    assert losses[-1] < 0.02


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_before_the_update(make_trainer, value):
    trainer = make_trainer()
    trainer.update(first_batch(trainer), 1e-3)
    trainer.state.step, trainer.state.epoch, trainer.state.batch = 41, 2, 6
    with torch.no_grad():
        trainer.model.tgt_embedding.weight[5, 0] = value
    before = weights(trainer)
    moments = [t.clone() for state in trainer.optimizer.state.values() for t in state.values()]
    message = r"the loss is nan, .* at step 42 \(epoch 3, batch 7\).*train\.lr=0\.01"
    with pytest.raises(UserError, match=message):
        trainer.update(first_batch(trainer), 1e-3)
    for name, tensor in weights(trainer).items():
        assert torch.equal(tensor.nan_to_num(7, 7, 7), before[name].nan_to_num(7, 7, 7)), name
    after = [t for state in trainer.optimizer.state.values() for t in state.values()]
    assert all(torch.equal(a, b) for a, b in zip(after, moments, strict=True))
    assert all(parameter.grad is None for parameter in trainer.model.parameters())


def test_a_gradient_that_is_not_finite_stops_before_the_update(make_trainer):
    """A finite loss whose gradient overflows would fill every weight with NaN."""
    trainer = make_trainer()
    trainer.model.output.weight.register_hook(lambda gradient: gradient * math.inf)
    before = weights(trainer)
    message = r"the loss is \d+\.\d+, the norm of its gradient (nan|inf) at step 1 "
    with pytest.raises(UserError, match=message):
        trainer.update(first_batch(trainer), 1e-3)
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights(trainer).items())


def test_a_run_ends_with_the_line_about_the_loss(make_trainer):
    trainer = make_trainer()
    with torch.no_grad():
        trainer.model.encoder_layers[0].feed_forward.w_in.bias[0] = math.nan
    with pytest.raises(UserError, match=r"at step 1 \(epoch 1, batch 1\)"):
        trainer.train()
    assert not (trainer.run_dir / WEIGHTS).exists()


@pytest.mark.parametrize("method", ["__init__", "update", "finish"])
@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_out_of_memory_names_the_knobs(
    call, corpus_tsv, cache_dir, tmp_path, monkeypatch, method, error
):
    def fail(*_):
        raise error

    monkeypatch.setattr(Trainer, method, fail)
    changes = {"train.accumulate": 3}
    done = call("train", *training_options(corpus_tsv, cache_dir, tmp_path / "run", **changes))
    assert done.status == 1
    advice = "lower train.token_budget=400 or model.max_len=48, raise train.accumulate=3"
    assert f"error: out of memory; {advice}" in done.err


def test_another_runtime_error_is_not_called_out_of_memory(
    call, corpus_tsv, cache_dir, tmp_path, monkeypatch
):
    def fail(*_):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(Trainer, "update", fail)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        call("train", *training_options(corpus_tsv, cache_dir, tmp_path / "run"))


# ------------------------------------------------------------------------------------------ workers


@pytest.mark.parametrize("n", [2, 3, 20])
def test_the_update_of_several_workers_is_that_of_one(float64, make_trainer, n):
    """Of 20 workers seven have no row."""
    options = {"model.dropout": 0.0, "train.accumulate": 2, "tokenizer.joint": True}
    one, several = make_trainer(options), make_trainer(options | {"train.workers": n})
    one_gradients, several_gradients = watch_gradients(one), watch_gradients(several)
    with several.workers():
        for number in range(3):
            rows = np.arange(13 * number, 13 * (number + 1))
            expected = one.update(one.load_batch(rows, number), 1e-3)
            result = several.update(several.load_batch(rows, number), 1e-3)
            assert result == pytest.approx(expected, rel=1e-10)
            for name, gradient in one_gradients[-1].items():
                torch.testing.assert_close(several_gradients[-1][name], gradient, **EXACT)
    for name, tensor in weights(one).items():
        torch.testing.assert_close(weights(several)[name], tensor, rtol=1e-7, atol=1e-9)


def test_workers_draw_dropout_of_their_own_and_repeat_it(make_trainer):
    """To the bit, side by side or one after the other, and whatever torch's generator does."""

    def gradients(changes: dict, side_by_side: bool) -> dict[str, torch.Tensor]:
        trainer = make_trainer({"model.dropout": 0.5} | changes)
        watched = watch_gradients(trainer)
        torch.manual_seed(int(side_by_side))
        with trainer.workers() if side_by_side else nullcontext():
            for number in range(2):
                trainer.state.batch = number
                trainer.update(trainer.load_batch(np.arange(12), number), 1e-3)
        return watched[-1]

    expected = gradients({"train.workers": 2}, True)
    for side_by_side in (True, False):
        for name, gradient in gradients({"train.workers": 2}, side_by_side).items():
            assert torch.equal(gradient, expected[name])
    other = gradients({"train.workers": 2, "train.seed": 2}, True)
    assert any(not torch.equal(other[name], expected[name]) for name in expected)


def test_each_share_of_an_update_has_another_dropout(make_trainer):
    trainer = make_trainer({"model.dropout": 0.5, "train.workers": 2})
    (batch, _) = trainer.load_batch(np.arange(8), 0)
    losses = [
        float(trainer.add_gradients(worker, [batch], batch.n_tokens)[0]) for worker in (0, 1, 0)
    ]
    assert losses[0] == losses[2] != losses[1]
    trainer.state.batch += 1
    assert float(trainer.add_gradients(0, [batch], batch.n_tokens)[0]) != losses[0]


def test_the_weights_of_all_workers_share_their_memory(make_trainer):
    trainer = make_trainer({"train.workers": 3})
    for replica in trainer.replicas:
        pairs = zip(replica.parameters(), trainer.model.parameters(), strict=True)
        assert all(a.data_ptr() == b.data_ptr() for a, b in pairs)


def test_validation_is_the_same_by_several_workers(float64, make_trainer):
    one, several = make_trainer(), make_trainer({"train.workers": 3})
    with several.workers():
        results = several.validate()
    assert results == pytest.approx(one.validate(), rel=1e-10)


def test_compiled_models_and_gpus_have_one_worker(make_trainer):
    assert make_trainer({"train.compile": True, "train.workers": 4}).n_workers == 1


# --------------------------------------------------------------------------------- subword sampling


def test_sampled_batches_depend_on_seed_epoch_and_batch_alone(make_trainer):
    options = {"tokenizer.sampling_alpha": 0.2}
    trainer, other = make_trainer(options), make_trainer(options)
    reseeded = make_trainer(options | {"train.seed": 9})
    rows = trainer.sampler.epoch(0)[0]

    def ids(trainer: Trainer, epoch: int, number: int) -> list:
        trainer.state.epoch = epoch
        (batch,) = trainer.load_batch(rows, number)
        return [*batch.src.tolist(), *batch.tgt_out.tolist()]

    first = ids(trainer, 0, 0)
    assert ids(other, 0, 0) == first == ids(trainer, 0, 0)
    for different in (ids(trainer, 1, 0), ids(trainer, 0, 1), ids(reseeded, 0, 0)):
        assert different != first


def test_sampled_batches_are_the_same_text(make_trainer):
    trainer = make_trainer({"tokenizer.sampling_alpha": 0.2})
    rows = trainer.sampler.epoch(0)[0]
    (batch,) = trainer.load_batch(rows, 0)
    tgt_ids = [ids[real].tolist() for ids, real in zip(batch.tgt_out, batch.positions, strict=True)]
    texts = trainer.corpus.tgt_tokenizer.decode(tgt_ids)
    assert texts == list(trainer.corpus.train[rows]["tgt"])


def test_how_sure_a_model_is_of_its_translations(make_trainer):
    """One in a hundred validation sentences is below the mark that a run keeps."""
    trainer = make_trainer()
    scores = trainer.validate()
    _, all_log_probs = trainer.translate([pair.src for pair in trainer.corpus.valid])
    n_below = sum(value < scores["low_log_prob"] for value in all_log_probs)
    assert n_below <= max(1, len(all_log_probs) // 100)


# ------------------------------------------------------------------------------------- source noise


def sources(trainer: Trainer, rows: np.ndarray, epoch: int, number: int) -> list[str]:
    """The sources of a batch as text."""
    trainer.state.epoch = epoch
    tokenizer = trainer.corpus.src_tokenizer
    (batch,) = trainer.load_batch(rows, number)
    return tokenizer.decode(
        [[i for i in row if i != tokenizer.pad_id] for row in batch.src.tolist()]
    )


def test_noise_depends_on_seed_epoch_and_row_alone(make_trainer):
    options = {"data.source_noise": 0.5}
    trainer, reseeded = make_trainer(options), make_trainer(options | {"train.seed": 9})
    rows = np.arange(30)
    first = sources(trainer, rows, 0, 0)
    plain = trainer.corpus.train[rows]["src"]
    assert 0 < sum(a != b for a, b in zip(first, plain, strict=True)) < 30
    # Neither the number of the batch, nor which rows share it, matters.
    assert sources(trainer, rows[::-1], 0, 7) == first[::-1]
    for different in (sources(trainer, rows, 1, 0), sources(reseeded, rows, 0, 0)):
        assert different != first


def test_noise_leaves_targets_and_held_out_text_alone(make_trainer):
    trainer, rows = make_trainer({"data.source_noise": 1.0}), np.arange(30)
    (batch,) = trainer.load_batch(rows, 0)
    data = trainer.corpus.train[rows]
    tgt_ids = [ids[real].tolist() for ids, real in zip(batch.tgt_out, batch.positions, strict=True)]
    assert tgt_ids == data["tgt_ids"]
    assert all(a != b for a, b in zip(sources(trainer, rows, 0, 0), data["src"], strict=True))
    assert all(pair.src[0].isupper() and pair.src[-1] in ".!" for pair in trainer.corpus.valid)


def test_a_noisy_source_that_is_too_long_gives_way(make_trainer):
    trainer, rows = make_trainer({"data.source_noise": 1.0}), np.arange(30)
    trainer.config.model.max_len = 2
    assert sources(trainer, rows, 0, 0) == trainer.corpus.train[rows]["src"]


# ---------------------------------------------------------------------------- validation and limits


def events(trainer: Trainer) -> list[dict]:
    """The events of `metrics.jsonl`."""
    lines = (trainer.run_dir / "metrics.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def scores_in_turn(trainer: Trainer, bleus: list[float]) -> None:
    """Replace validation by one that gives these BLEU scores in turn, the last one for ever."""
    scores = itertools.chain(bleus, itertools.repeat(bleus[-1]))
    losses = {"valid_loss": 1.0, "valid_perplexity": math.e, "valid_bits_per_character": 1.0}
    trainer.validate = lambda *_: losses | {"bleu": next(scores)}


def test_validation_loss_is_the_plain_cross_entropy_of_every_pair(make_trainer):
    trainer = make_trainer({"model.dropout": 0.5})
    pairs = trainer.corpus.valid
    src, tgt = trainer.corpus.src_tokenizer, trainer.corpus.tgt_tokenizer
    total, n_tokens = 0.0, 0
    trainer.model.eval()
    for pair in pairs:
        src_ids, tgt_ids = src.encode([pair.src]), tgt.encode([pair.tgt])
        batch = make_batch(src_ids, tgt_ids, src.pad_id, tgt.pad_id, tgt.bos_id)
        logits = logits_of(trainer.model, batch.src, batch.tgt_in)[0]
        total += F.cross_entropy(logits, batch.tgt_out[0], reduction="sum").item()
        n_tokens += batch.tgt_out.size(1)
    trainer.model.train()
    n_characters = sum(len(pair.tgt) for pair in pairs)
    expected = (pytest.approx(total, rel=1e-6), n_tokens, n_characters)
    assert trainer.validation_loss(pairs) == expected
    scores = trainer.validate()
    assert scores["valid_loss"] == pytest.approx(total / n_tokens, rel=1e-6)
    assert scores["valid_perplexity"] == pytest.approx(math.exp(total / n_tokens), rel=1e-5)
    bits = total / n_characters / math.log(2)
    assert scores["valid_bits_per_character"] == pytest.approx(bits, rel=1e-6)
    assert 0 <= scores["bleu"] <= 100


def test_pairs_over_the_maximum_are_left_out_of_the_validation_loss(make_trainer):
    trainer = make_trainer()
    pairs = trainer.corpus.valid[:3]
    expected = trainer.validation_loss(pairs)
    long = type(pairs[0])("apples " * 100, "苹果")
    assert trainer.validation_loss([pairs[0], long, *pairs[1:]]) == pytest.approx(expected)
    assert trainer.validation_loss([long]) == (0.0, 0, 0)
    assert len(trainer.translate([long.src, pairs[0].src])[0]) == 2


def test_a_loss_that_was_not_measured_is_not_told(make_trainer, capsys):
    """Neither as a perfect one, nor where it is kept."""
    trainer = make_trainer({"train.max_steps": 2, "train.average": 2, "train.validate_every": 1})
    pair = type(trainer.corpus.valid[0])
    trainer.corpus.valid[:] = [pair("apples " * 100, "苹果", "0-0"), pair("Apples.", "苹果" * 100)]
    assert trainer.train() == 0
    said = capsys.readouterr().err
    line = "2 of 2 validation pairs are longer than model.max_len=48 and not in the loss"
    assert said.count(line + ", nor in the alignment error rate.\n") == 1
    assert "step 2: no valid loss, BLEU " in said and "0.000" not in said
    logged = events(trainer)
    assert any("bleu" in event for event in logged)
    assert any("average_bleu" in event for event in logged)
    assert not any(key in event for event in logged for key in ("valid_loss", "aer"))
    assert not any("perplexity" in key or "bits" in key for event in logged for key in event)


def test_pairs_that_are_left_out_of_the_loss_are_counted(make_trainer, capsys):
    trainer = make_trainer({"train.max_steps": 1})
    long = type(trainer.corpus.valid[0])("apples " * 100, "苹果")
    trainer.corpus.valid[:] = [*trainer.corpus.valid[:3], long]
    assert trainer.train() == 0
    said = capsys.readouterr().err
    assert "1 of 4 validation pairs are longer than model.max_len=48 and not in the loss." in said
    assert "valid_loss" in events(trainer)[-1]


def test_validation_reads_the_ids_that_translate_reads(make_trainer, monkeypatch):
    """A source has one eos, at the end. A sentence that is too long is cut."""
    trainer, searched = make_trainer(), []

    def search(model, sources, *_):
        searched.extend(sources)
        return [(i, [Hypothesis([], 0.0)]) for i in range(len(sources))]

    monkeypatch.setattr("transformer_mt.trainer.search", search)
    texts, tokenizer = ["I like apples.", "", "I like apples. " * 40], trainer.corpus.src_tokenizer
    trainer.translate(texts)
    *whole, cut = tokenizer.encode(texts)
    assert searched[:2] == whole and len(cut) > 48
    assert searched[2] == [*cut[:47], tokenizer.eos_id]


def test_samples_are_shown(make_trainer, capsys):
    trainer = make_trainer({"train.samples": 2})
    trainer.validate()
    err = capsys.readouterr().err.splitlines()
    assert [line[:4] for line in err] == ["    ", "  → ", "  = "] * 2
    pairs = trainer.corpus.valid
    assert [err[0].strip(), err[3].strip()] == [pairs[0].src, pairs[-1].src]
    assert [err[2][4:], err[5][4:]] == [pairs[0].tgt, pairs[-1].tgt]
    trainer.config.train.samples = 0
    trainer.validate()
    assert capsys.readouterr().err == ""


def test_what_metrics_hold(make_trainer):
    options = {"train.max_steps": 6, "train.log_every": 2, "train.validate_every": 4}
    trainer = make_trainer(options | {"train.average": 3})
    assert trainer.train() == 0
    logged = events(trainer)
    losses = [event for event in logged if "loss" in event]
    assert [event["step"] for event in losses] == [2, 4, 6]
    names = {"step", "epoch", "loss", "lr", "grad_norm", "tokens_per_second", "minutes"}
    for event in losses:
        assert set(event) == names
        assert all(math.isfinite(value) for value in event.values())
        assert event["tokens_per_second"] > 0 and event["grad_norm"] > 0 and 2 < event["loss"] < 10
    rates = [learning_rate(step, (step - 1) / 6, trainer.config.train) for step in (2, 4, 6)]
    assert [event["lr"] for event in losses] == pytest.approx(rates, rel=1e-5)
    scored = [event for event in logged if "bleu" in event]
    assert [event["step"] for event in scored] == [4, 6]
    assert {"valid_loss", "valid_perplexity", "valid_bits_per_character", "bleu"} <= set(scored[0])
    assert "average_bleu" in logged[-1] and logged[-1]["step"] == 6
    assert (trainer.run_dir / WEIGHTS).is_file()


EARLY = {"train.max_steps": 6, "train.validate_every": 5, "train.average": 1, "train.samples": 2}
"""Validations of all pairs at steps 5 and 6; the tests put early ones before."""


@pytest.fixture
def early(monkeypatch) -> None:
    monkeypatch.setattr("transformer_mt.trainer.EARLY_STEPS", (2, 3, 5, 6))
    monkeypatch.setattr("transformer_mt.trainer.EARLY_PAIRS", 3)


def test_early_validations_look_at_a_part(early, make_trainer, capsys):
    trainer = make_trainer(EARLY)
    assert trainer.train() == 0
    scored = [event for event in events(trainer) if "bleu" in event]
    n = len(trainer.corpus.valid)
    rows = {0, (n - 1) // 2, n - 1}
    assert n > 3
    assert [(event["step"], event.get("valid_pairs")) for event in scored] == [
        (2, 3), (3, 3), (5, None), (6, None),
    ]  # fmt: skip
    said = capsys.readouterr().err
    assert f"on 3 of {n} pairs" in said and said.count(f" of {n} pairs") == 2
    # The same samples every time, and of each part what the whole has.
    shown = [line.strip() for line in said.splitlines() if line.startswith("    ")]
    assert shown == [trainer.corpus.valid[0].src, trainer.corpus.valid[-1].src] * 4
    pairs = [trainer.corpus.valid[i] for i in sorted(rows)]
    loss, n_tokens, _ = trainer.validation_loss(pairs)
    assert trainer.validate(sorted(rows))["valid_loss"] == pytest.approx(loss / n_tokens)


def test_early_validations_change_no_bit_and_choose_no_weights(early, make_trainer, monkeypatch):
    watched = make_trainer(EARLY | {"model.dropout": 0.3})
    validate, bleus = watched.validate, iter([99.0, 98.0, 1.0, 2.0])
    watched.validate = lambda *rows: validate(*rows) | {"bleu": next(bleus)}
    watched.train()
    assert watched.state.best_step == 6
    monkeypatch.setattr("transformer_mt.trainer.EARLY_STEPS", ())
    plain = make_trainer(EARLY | {"model.dropout": 0.3})
    plain.train()
    for name, tensor in weights(plain).items():
        assert torch.equal(tensor, weights(watched)[name]), name


def test_the_attention_of_one_sample_is_kept_at_each_validation(early, make_trainer):
    trainer = make_trainer(EARLY)
    trainer.train()
    data = page_snapshots(trainer.run_dir)
    src, tgt = trainer.corpus.src_tokenizer, trainer.corpus.tgt_tokenizer
    first, last = (src.encode([trainer.corpus.valid[i].src])[0] for i in (0, -1))
    src_ids = max(first, last, key=len)
    assert data["src_tokens"] == src.pieces(src_ids)
    assert [snapshot["step"] for snapshot in data["snapshots"]] == [2, 3, 5, 6]
    # The last one is of the model as it is now.
    snapshot = data["snapshots"][-1]
    tgt_ids = [tgt.processor.piece_to_id(piece) for piece in snapshot["tgt_tokens"]]
    expected = slow_cross(trainer.model.eval(), src_ids, tgt_ids)
    kept = np.frombuffer(base64.b64decode(snapshot["weights"]), "<f4").reshape(expected.shape)
    assert np.allclose(kept, expected, atol=1e-3)
    # A run that goes on adds to them.
    trainer.config.train.max_steps = 10
    trainer.train()
    data = page_snapshots(trainer.run_dir)
    assert [snapshot["step"] for snapshot in data["snapshots"]] == [2, 3, 5, 6, 10]


def test_the_logged_loss_is_the_mean_over_the_tokens_since_the_last_one(make_trainer):
    trainer = make_trainer({"train.max_steps": 4, "train.log_every": 2})
    scores_in_turn(trainer, [1.0])
    updates, update = [], trainer.update

    def watched(*arguments):
        updates.append(update(*arguments))
        return updates[-1]

    trainer.update = watched
    trainer.train()
    losses = [event for event in events(trainer) if "loss" in event]
    assert len(losses) == 2
    for event, pair in zip(losses, (updates[:2], updates[2:]), strict=True):
        (first_loss, first_tokens, _), (second_loss, second_tokens, norm) = pair
        mean = (first_loss + second_loss) / (first_tokens + second_tokens)
        assert event["loss"] == pytest.approx(mean, rel=1e-5)
        assert event["grad_norm"] == pytest.approx(norm, rel=1e-5)


@pytest.mark.parametrize("limit", ["steps", "epochs", "minutes"])
def test_each_limit_ends_the_run(make_trainer, limit):
    options = {"train.max_steps": None, "train.token_budget": 4000, "train.average": 1}
    options[f"train.max_{limit}"] = {"steps": 3, "epochs": 2, "minutes": 1}[limit]
    trainer = make_trainer(options)
    scores_in_turn(trainer, [1.0])
    n_batches = len(trainer.sampler.epoch(0))
    assert n_batches > 1
    if limit == "minutes":
        trainer.state.seconds = 59.9999
    assert trainer.train() == 0
    assert trainer.state.step == {"steps": 3, "epochs": 2 * n_batches, "minutes": 1}[limit]
    assert trainer.state.finished
    assert checkpoint_steps(trainer.run_dir, "state")[-1] == trainer.state.step


def test_progress_is_the_largest_spent_fraction(make_trainer):
    limits = {"train.max_steps": 100, "train.max_epochs": 10, "train.max_minutes": 2.0}
    trainer = make_trainer(limits)
    state = trainer.state
    state.step, state.epoch, state.batch, state.seconds = 10, 0, 0, 0.0
    assert trainer.spent(20) == pytest.approx(0.1)
    state.epoch, state.batch = 4, 10
    assert trainer.spent(20) == pytest.approx(0.45)
    state.seconds = 90.0
    assert trainer.spent(20) == pytest.approx(0.75)


@pytest.mark.parametrize("more", [0, 1, 100])
def test_an_epoch_of_fewer_batches_than_were_done_is_over(make_trainer, more):
    """A corpus that is prepared by a newer version may have fewer rows."""
    trainer = make_trainer({"train.max_steps": 2})
    trainer.state.batch = len(trainer.sampler.epoch(0)) + more
    assert trainer.train() == 0
    assert (trainer.state.step, trainer.state.epoch, trainer.state.batch) == (2, 1, 2)


def test_patience_ends_the_run(make_trainer):
    options = {"train.max_steps": 50, "train.validate_every": 2, "train.patience": 2}
    trainer = make_trainer(options | {"train.average": 1})
    scores_in_turn(trainer, [3.0, 2.0, 4.0, 4.0, 1.0, 9.0])
    assert trainer.train() == 0
    assert trainer.state.step == 10  # validations at 2, 4, 6 (the best), 8, 10
    assert (trainer.state.best_step, trainer.state.best_bleu) == (6, 4.0)
    tensors, metadata = load_tensors(trainer.run_dir / WEIGHTS)
    assert metadata["steps"] == [6] and metadata["valid_bleu"] == 4.0
    assert tensors.keys() == weights(trainer).keys()


def test_without_patience_bad_validations_do_not_end_the_run(make_trainer):
    trainer = make_trainer({"train.max_steps": 5, "train.validate_every": 1, "train.average": 1})
    scores_in_turn(trainer, [3.0, 2.0])
    trainer.train()
    assert trainer.state.step == 5


@pytest.mark.parametrize("average_bleu, steps", [(6.5, [3, 4, 5]), (6.0, [4])])
def test_the_average_is_used_only_when_it_scores_better(make_trainer, capsys, average_bleu, steps):
    trainer = make_trainer({"train.max_steps": 5, "train.validate_every": 1, "train.average": 3})
    scores_in_turn(trainer, [1.0, 2.0, 3.0, 6.0, 5.0, average_bleu])
    trainer.train()
    assert checkpoint_steps(trainer.run_dir, "weights") == [3, 4, 5]
    saved = {
        step: load_tensors(checkpoint_path(trainer.run_dir, "weights", step))[0]
        for step in (3, 4, 5)
    }
    tensors, metadata = load_tensors(trainer.run_dir / WEIGHTS)
    assert metadata["steps"] == steps
    for name, tensor in tensors.items():
        torch.testing.assert_close(tensor, sum(saved[step][name] for step in steps) / len(steps))
        # Training would go on from here.
        assert torch.equal(trainer.model.get_parameter(name), saved[5][name])
    verdict = "used" if len(steps) > 1 else "not used: the weights in use have 6.00"
    line = f"average of steps 3, 4, 5: BLEU {average_bleu:.2f}, {verdict}"
    assert line in capsys.readouterr().err

    # When the run goes on, 6.2 must beat what is in use; for patience it is a best one anyway.
    trainer.config.train.max_steps, trainer.config.train.average = 6, 1
    scores_in_turn(trainer, [6.2])
    trainer.train()
    assert trainer.state.bad_validations == 0 and trainer.state.best_step == 6
    assert load_tensors(trainer.run_dir / WEIGHTS)[1]["steps"] == (steps if len(steps) > 1 else [6])


def test_an_average_of_one_is_none_whatever_was_saved_before(make_trainer, capsys):
    trainer = make_trainer({"train.max_steps": 4, "train.validate_every": 2, "train.average": 3})
    trainer.train()
    assert "average of steps 2, 4" in capsys.readouterr().err
    trainer.config.train.max_steps, trainer.config.train.average = 6, 1
    trainer.train()
    assert trainer.state.step == 6 and "average" not in capsys.readouterr().err


def test_signals_are_as_before_after_a_run(make_trainer):
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    trainer = make_trainer({"train.max_steps": 1, "train.average": 1})
    scores_in_turn(trainer, [1.0])
    trainer.train()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_signal_that_is_ignored_stays_so(make_trainer, monkeypatch):
    """A script's shell starts `… &` with SIGINT ignored, because Ctrl-C is for the script alone."""
    trainer = make_trainer({"train.max_steps": 2, "train.average": 1})
    before = signal.getsignal(signal.SIGINT)
    scores_in_turn(trainer, [1.0])
    update = trainer.update
    trainer.update = lambda *arguments: signal.raise_signal(signal.SIGINT) or update(*arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert trainer.train() == 0 and trainer.state.step == 2
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_after_the_update(make_trainer, capsys, number):
    trainer = make_trainer({"train.max_steps": 50})
    update = trainer.update

    def interrupted(*arguments):
        if trainer.state.step == 2:
            signal.raise_signal(number)
        return update(*arguments)

    trainer.update = interrupted
    assert trainer.train() == 128 + number
    assert trainer.state.step == 3
    assert checkpoint_steps(trainer.run_dir, "state") == [3]
    assert "stopped at step 3" in capsys.readouterr().err


def test_a_limit_lowered_to_before_the_first_validation_still_gives_a_model(make_trainer):
    trainer = make_trainer({"train.max_steps": 3, "train.validate_every": 50})
    for _ in range(4):
        trainer.one_step(trainer.sampler.epoch(0))
    assert trainer.train() == 0
    assert trainer.state.step == trainer.state.best_step == 4
    model, _ = load_tensors(trainer.run_dir / WEIGHTS)
    torch.testing.assert_close(model, weights_of(trainer.model), rtol=0, atol=0)


# -------------------------------------------------------------------------------- precision, device


def test_bf16_is_refused_where_the_machine_lacks_it(make_trainer, monkeypatch):
    for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False)
    message = r"precision=bf16: this machine's cpu has no bf16.*use fp32"
    with pytest.raises(UserError, match=message):
        make_trainer({"train.precision": "bf16"})
    assert make_trainer({"train.precision": "auto"}).dtype is torch.float32


def test_auto_is_bf16_only_on_a_gpu_that_has_it(monkeypatch):
    for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: True)
    assert choose_dtype(Precision.auto, torch.device("cpu")) is torch.float32
    for has_it, dtype in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", Mock(return_value=has_it))
        assert choose_dtype(Precision.auto, torch.device("cuda")) is dtype


def test_bf16_runs_where_the_machine_has_it(make_trainer, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    trainer, exact = (make_trainer({"train.precision": name}) for name in ("bf16", "fp32"))
    assert trainer.dtype is torch.bfloat16
    for model in (trainer.model, exact.model):
        for module in model.modules():
            module.p = 0.0
    loss_sum, n_tokens, _ = trainer.update(first_batch(trainer), 1e-3)
    exact_sum, exact_tokens, _ = exact.update(first_batch(exact), 1e-3)
    assert n_tokens == exact_tokens
    assert loss_sum != exact_sum and loss_sum == pytest.approx(exact_sum, rel=0.02)
    assert all(parameter.dtype is torch.float32 for parameter in trainer.model.parameters())
    assert len(trainer.translate(["I like apples."])[0]) == 1


@pytest.mark.parametrize(
    "device, rule",
    [("cuda:7", "this machine has no such device"), ("gpu", "is unknown; use auto, cpu")],
)
def test_a_device_that_is_not_there_is_refused(make_trainer, device, rule):
    with pytest.raises(UserError, match=f"device={device}.*{rule}"):
        make_trainer({"train.device": device})


@pytest.mark.parametrize("n_processes, device", [("1", "mps"), ("2", "cpu")])
def test_processes_share_a_cpu_where_there_is_an_apple_gpu(monkeypatch, n_processes, device):
    """Gloo sends nothing between Apple's GPUs."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setenv("WORLD_SIZE", n_processes)
    assert choose_device("auto") == torch.device(device)


def test_precision_is_a_choice_of_the_configuration():
    assert {precision.value for precision in Precision} == {"auto", "fp32", "bf16"}


# ----------------------------------------------------------------------------------------- learning


@pytest.mark.slow
def test_learns_to_reverse_digits(tmp_path, cache_dir):
    """Go from a TSV file through corpus, vocabulary, training and decoding to unseen rows."""
    generator = random.Random(0)
    numbers = (
        "".join(generator.choices("0123456789", k=generator.randint(3, 5))) for _ in range(10_000)
    )
    rows = sorted(set(numbers))
    generator.shuffle(rows)
    path = tmp_path / "digits.tsv"
    lines = (f"{' '.join(row)}\t{' '.join(reversed(row))}\n" for row in rows)
    path.write_text("".join(lines), encoding="utf-8")
    changes = {
        "data.languages": ["en", "de"], "direction": "en-de", "data.held_out": 200,
        "tokenizer.vocab_size": 300, "model.d_model": 64, "model.n_heads": 4, "model.d_ff": 128,
        "model.dropout": 0.0, "train.max_steps": 500, "train.token_budget": 600,
        "train.warmup_steps": 100, "train.lr": 5e-3, "train.label_smoothing": 0.0,
        "train.validate_every": 10_000, "train.average": 1, "train.samples": 0,
    }  # fmt: skip
    config = training_config(path, cache_dir, tmp_path / "run", **changes)
    trainer = Trainer(config, prepare(config))
    trainer.run_dir.mkdir()
    assert trainer.train() == 0
    test = trainer.corpus.test
    translations, _ = trainer.translate([pair.src for pair in test])
    n_right = sum(text == pair.tgt for text, pair in zip(translations, test, strict=True))
    assert len(test) == 200
    assert n_right / len(test) > 0.97
