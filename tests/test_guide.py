"""Guided cross-attention against plain computations over characters, cells and whole updates."""

import itertools
import json
import re

import numpy as np
import pytest
import torch
from helpers import linked_pairs, slow_cross, tiny_model, training_config
from torch.nn import functional as F

from transformer_mt import alignment
from transformer_mt.alignment import make_side
from transformer_mt.batches import make_links
from transformer_mt.config import Config, GuideStep, ModelConfig, OnBadRow, TrainConfig, UserError
from transformer_mt.config_file import WEIGHTS, save_config
from transformer_mt.corpus import prepare
from transformer_mt.guide import guide_loss, token_links, unit_links, unpack, weighted
from transformer_mt.run_dir import load_tensors, save_tokenizers
from transformer_mt.train import train
from transformer_mt.trainer import Trainer
from transformer_mt.translator import Translator

# ------------------------------------------------------------------------------- links of a pair


def sides(tokenizers, src: str, tgt: str):
    return tuple(
        make_side(tokenizer, tokenizer.encode_one(text), "words", text)
        for tokenizer, text in zip(tokenizers, (src, tgt), strict=True)
    )


def test_links_are_numbers_target_first(tokenizers):
    src, tgt = sides(tokenizers, "I see cats.", "我看见猫。")
    expected = [[0, 0, 2], [2, 1, 1], [3, 2, 2]]
    assert sorted(unit_links("0-0 1p2 2-3", src, tgt, False, "here").tolist()) == expected
    assert sorted(unit_links("0-0 2p1 3-2", src, tgt, True, "here").tolist()) == expected
    assert unit_links("", src, tgt, False, "here").shape == (0, 3)
    with pytest.raises(UserError, match=r"here: link 4-0 is out of range: .* 4 and 5 units"):
        unit_links("4-0", src, tgt, False, "here")
    with pytest.raises(UserError, match=r"here: link 5-0 is out of range: .* 5 and 4 units"):
        unit_links("5-0", src, tgt, True, "here")


def test_tokens_are_linked_where_they_share_characters_with_linked_units(tokenizers):
    rows = [
        *linked_pairs()[::29],
        ("new york is interesting", "很有趣的纽约", "0-4 0-5 1-4 1p5 3-0 3p1 3-2"),
        ("I see 𠀀 zq.", "我看见𠀀。", "0-0 1-1 1-2 2-3 3p3"),  # characters spelt in bytes
    ]
    for src_text, tgt_text, line in rows:
        src, tgt = sides(tokenizers, src_text, tgt_text)
        links = unit_links(line, src, tgt, False, "here")
        expected = {}
        spans = [tokenizer.written_spans(text) for tokenizer, text in
                 zip(tokenizers, (src_text, tgt_text), strict=True)]  # fmt: skip
        for (s, src_span), (t, tgt_span) in itertools.product(*map(enumerate, spans)):
            for j, i, weight in links.tolist():
                shares = [
                    set(range(*span)) & set(range(*unit))
                    for span, unit in ((src_span, src.units[i]), (tgt_span, tgt.units[j]))
                ]
                if all(shares):
                    expected[t, s] = max(weight, expected.get((t, s), 0))
        found = {(t, s): weight for t, s, weight in token_links(links, src, tgt).tolist()}
        assert found == expected and found


def test_the_weight_of_a_token_is_shared_and_eos_takes_that_of_tokens_without_links():
    links = [np.array([[0, 1, 2], [0, 0, 1], [2, 2, 1]]), np.zeros((0, 3)), np.array([[1, 0, 2]])]
    src, tgt = [[5, 6, 7, 3], [5, 3], [5, 3]], [[4, 4, 4, 4, 3], [4, 3], [4, 4, 3]]
    made = make_links(links, src, tgt)
    weights = {tuple(cell): weight for cell, weight in zip(made.cells.T.tolist(), made.weights.tolist(), strict=True)}  # fmt: skip  # noqa: E501
    third = pytest.approx(1 / 3)
    assert weights == {
        (0, 0, 1): pytest.approx(2 / 3), (0, 0, 0): third, (0, 1, 3): 1, (0, 2, 2): 1,
        (0, 3, 3): 1, (2, 0, 1): 1, (2, 1, 0): 1,
    }  # fmt: skip
    assert make_links([np.zeros((0, 3))], src[:1], tgt[:1]) is None
    assert make_links([], src, tgt) is None


# ------------------------------------------------------------------------------------- the corpus


@pytest.fixture
def make_trainer(guided_tsv, cache_dir, tmp_path):
    """Make a trainer on the linked corpus, with options changed; every call is a run of its own."""
    numbers = itertools.count()

    def make(**changes: object) -> Trainer:
        run_dir = tmp_path / f"run{next(numbers)}"
        options = {"data.links_column": "2", "model.n_decoder_layers": 2} | changes
        config = training_config(guided_tsv, cache_dir, run_dir, **options)
        trainer = Trainer(config, prepare(config))
        run_dir.mkdir()
        return trainer

    return make


@pytest.mark.parametrize("direction", ["en-zh", "zh-en"])
@pytest.mark.parametrize("alpha, noise", [(0.0, 0.0), (0.3, 0.0), (0.0, 1.0), (0.3, 1.0)])
def test_links_of_training_pairs_are_kept(make_trainer, direction, alpha, noise):
    """Also between the tokens of a sampled segmentation, or of a source in small letters without
    its final mark: those of a unit have its links.
    """
    options = {"tokenizer.sampling_alpha": alpha, "data.source_noise": noise}
    trainer = make_trainer(direction=direction, **options)
    lines = {(src, tgt): line for src, tgt, line in linked_pairs()}
    corpus, n_seen = trainer.corpus, 0
    data = corpus.train[:40]
    src_ids, tgt_ids = data["src_ids"], data["tgt_ids"]
    as_written = {}  # how each source is written in the corpus
    if noise:
        plain = data["src"]
        data["src"], src_ids = trainer.noisy_sources(data, np.arange(40))
        as_written = dict(zip(data["src"], plain, strict=True))
        assert data["src"] != plain
    if alpha:
        src_ids, tgt_ids = trainer.sampled_ids(data, src_ids, 0)
        assert src_ids != data["src_ids"] and tgt_ids != data["tgt_ids"]
    elif not noise:
        assert set(data) == {"src_ids", "tgt_ids", "token_links"}
    for src_row, tgt_row, links in zip(
        src_ids, tgt_ids, trainer.links(data, src_ids, tgt_ids), strict=True
    ):
        src = make_side(corpus.src_tokenizer, src_row, "words")
        tgt = make_side(corpus.tgt_tokenizer, tgt_row, "words")
        is_turned = direction == "zh-en"
        text = as_written.get(src.text, src.text)
        line = lines[(tgt.text, text) if is_turned else (text, tgt.text)]
        expected = token_links(unit_links(line, src, tgt, is_turned, "here"), src, tgt)
        expected = weighted(expected, 0.5)
        assert links.tolist() == expected.tolist()
        n_seen += len(links)
    assert n_seen > 100


def test_without_links_or_weight_nothing_is_guided(make_trainer, tmp_path, corpus_tsv):
    guided = make_trainer()
    assert guided.guided
    off = make_trainer(**{"train.guide_weight": 0.0})
    elsewhere = make_trainer(**{"data.train": str(corpus_tsv), "data.links_column": None})
    for trainer in (off, elsewhere):
        assert not trainer.guided
        assert set(trainer.corpus.train.column_names) == {"src_ids", "tgt_ids"}
        (batch,) = trainer.load_batch(np.arange(5), 0)
        assert batch.links is None
    # A checkpoint holds it.
    assert off.corpus.fingerprint == guided.corpus.fingerprint


def test_links_that_do_not_fit_are_told_or_left_out(cache_dir, tmp_path, capsys):
    rows = linked_pairs()[:60]
    rows[7] = (*rows[7][:2], "0-0 77-0")
    path = tmp_path / "pairs.tsv"
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    options = {"data.links_column": "2", "data.held_out": 1}
    src = rows[7][0]
    problem = f"{path}: line 8: link 77-0 is out of range"
    with pytest.raises(UserError, match=f"{re.escape(problem)}.*=skip"):
        prepare(training_config(path, cache_dir, tmp_path / "run", **options))
    assert "vocabulary" not in capsys.readouterr().err, "told before they are trained"
    skip = {"data.on_bad_row": OnBadRow.skip}
    for _ in range(2):  # made, and found in the cache
        corpus = prepare(training_config(path, cache_dir, tmp_path / "run", **options, **skip))
        err = capsys.readouterr().err
        assert f"1 of {len(corpus.train)} training pairs" in err and problem in err
    numbers = [len(unpack(links)) for links in corpus.train["token_links"]]
    texts = corpus.src_tokenizer.decode(corpus.train["src_ids"])
    assert [text for text, n in zip(texts, numbers, strict=True) if n == 0] == [src]
    # Where nothing is guided they do no harm.
    prepare(training_config(path, cache_dir, tmp_path / "run", **options, **{"train.guide_weight": 0.0}))  # fmt: skip  # noqa: E501
    assert "link" not in capsys.readouterr().err


@pytest.mark.parametrize("is_given", [True, False])
def test_links_of_held_out_pairs_that_do_not_fit_are_told_or_left_out(
    make_trainer, tmp_path, capsys, is_given
):
    """With the place in the user's file, also where the pairs were cut off the training pairs."""
    path = tmp_path / ("valid.tsv" if is_given else "pairs.tsv")
    rows = linked_pairs()[:20] if is_given else linked_pairs()
    unfit = [(src, tgt, "0-0 77-0") for src, tgt, _ in rows]
    path.write_text("".join("\t".join(row) + "\n" for row in unfit), encoding="utf-8")
    options = {"data.valid": str(path), "data.test": str(path)} if is_given else {}
    options |= {} if is_given else {"data.train": str(path), "train.guide_weight": 0.0}
    with pytest.raises(UserError, match=rf"{re.escape(str(path))}: line \d+: link 77-0.*=skip"):
        make_trainer(**options)
    limits = {"train.max_steps": 1, "data.on_bad_row": OnBadRow.skip}
    trainer = make_trainer(**options, **limits)
    err = capsys.readouterr().err
    n = len(trainer.corpus.valid)
    assert f"{n} of {n} validation pairs" in err and str(path) in err
    assert trainer.train() == 0 and trainer.gold_pairs == {}


@pytest.mark.parametrize("suffix, place", [(".csv", "row 3"), (".jsonl", "row 3")])
def test_in_other_formats_a_row_is_named(cache_dir, tmp_path, suffix, place):
    names = ("en", "zh", "links")
    rows = [*linked_pairs()[:2], (*linked_pairs()[2][:2], "0:0"), *linked_pairs()[3:60]]
    lines = [json.dumps(dict(zip(names, row, strict=True))) for row in rows]
    if suffix == ".csv":
        lines = [",".join(row) for row in (names, *rows)]
    path = tmp_path / f"pairs{suffix}"
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    options = {"data.columns": ["en", "zh"], "data.links_column": "links", "data.held_out": 1}
    config = training_config(path, cache_dir, tmp_path / "run", **options)
    with pytest.raises(UserError, match=re.escape(f"{path}: {place}: link '0:0'")):
        prepare(config)


@pytest.mark.parametrize(
    "line, changes, reason",
    [
        ("99-99", {"data.on_bad_row": OnBadRow.skip}, "no training pair has links"),
        ("0p0", {"train.guide_possible": 0.0}, "no training pair has sure links"),
        ("", {}, "no training pair has links"),
    ],
)
def test_a_guide_without_links_that_weigh_is_none_and_says_so(
    make_trainer, guided_tsv, tmp_path, capsys, line, changes, reason
):
    """Also where validation pairs have gold links."""
    path = tmp_path / "pairs.tsv"
    rows = [(src, tgt, line) for src, tgt, _ in linked_pairs()]
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    valid = tmp_path / "valid.tsv"
    valid.write_text("They sing.\t他们唱歌。\t0-0\n", encoding="utf-8")
    limits = {"train.max_steps": 2, "train.log_every": 1}
    options = {"data.train": str(path), "data.valid": str(valid), "data.test": str(valid)}
    trainer = make_trainer(**options, **limits, **changes)
    capsys.readouterr()
    assert trainer.train() == 0
    err = capsys.readouterr().err
    assert f"{reason}" in err and "so no head is guided" in err
    assert "guide cross-attention" not in err
    assert logged(trainer, "guide_loss") == []
    assert load_tensors(trainer.run_dir / WEIGHTS)[1]["guided"] is False
    # A run that goes on says the same.
    later = Trainer(trainer.config, trainer.corpus)
    later.config.train.max_steps = 3
    later.resume()
    assert later.train() == 0 and "so no head is guided" in capsys.readouterr().err


def test_one_pair_with_a_link_is_enough_for_a_guide(make_trainer, tmp_path, capsys):
    path = tmp_path / "pairs.tsv"
    rows = [(src, tgt, "0-0" if n == 9 else "0p0") for n, (src, tgt, _) in enumerate(linked_pairs())]  # fmt: skip  # noqa: E501
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    options = {"data.train": str(path), "train.guide_possible": 0.0, "train.max_steps": 1}
    trainer = make_trainer(**options, **{"tokenizer.sampling_alpha": 0.3})
    assert trainer.guided and trainer.train() == 0
    err = capsys.readouterr().err
    assert "guide cross-attention" in err and "no head" not in err


def test_one_process_of_several_tells_of_links_that_do_not_fit(
    cache_dir, tmp_path, monkeypatch, capsys
):
    path = tmp_path / "pairs.tsv"
    rows = [(*linked_pairs()[0][:2], "9-99"), *linked_pairs()[1:60]]
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    options = {"data.links_column": "2", "data.held_out": 1, "data.on_bad_row": OnBadRow.skip}
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank, n_told in (("0", 1), ("1", 0)):
        monkeypatch.setenv("RANK", rank)
        prepare(training_config(path, cache_dir, tmp_path / "run", **options))
        assert capsys.readouterr().err.count("9-99") == n_told


# --------------------------------------------------------------------------------------- the model


def test_a_guide_changes_no_bit_of_the_states_and_writes_out_one_map(monkeypatch):
    model = tiny_model(n_decoder_layers=3, guide_layer=1)
    src, tgt_in = torch.tensor([[4, 5, 6, 3], [7, 3, 0, 0]]), torch.tensor([[2, 4, 5], [2, 6, 0]])
    plain = model(src, tgt_in)
    calls, fused = [], F.scaled_dot_product_attention
    monkeypatch.setattr(
        F, "scaled_dot_product_attention", lambda *args: calls.append(1) or fused(*args)
    )
    guided: list[torch.Tensor] = []
    assert torch.equal(model(src, tgt_in, guided), plain)
    assert len(calls) == 2 + 2 * 3  # of the encoder, and twice of every decoder layer
    (weights,) = guided
    for row, (src_ids, tgt_ids) in enumerate([([4, 5, 6, 3], [4, 5, 9]), ([7, 3], [6, 9])]):
        expected = slow_cross(model, src_ids, tgt_ids)[1, 0]
        actual = weights[row, : len(tgt_ids), : len(src_ids)].detach().numpy()
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


def test_under_autocast_the_guided_weights_are_float32():
    model, ids, guided = tiny_model(), torch.tensor([[4, 5, 3]]), []
    with torch.autocast("cpu", torch.bfloat16):
        model(ids, ids, guided)
    assert guided[0].dtype is torch.float32
    torch.testing.assert_close(guided[0].sum(-1), torch.ones(1, 3))


@pytest.mark.parametrize("n, given, layer", [(1, None, 0), (2, None, 0), (6, None, 4), (6, 5, 5)])
def test_which_layer_is_guided(n, given, layer):
    assert ModelConfig(n_decoder_layers=n, guide_layer=given).guided_layer == layer


@pytest.mark.parametrize("layer", [-1, 3])
def test_a_layer_that_is_not_there_is_refused(layer):
    with pytest.raises(UserError, match=f"model.guide_layer={layer} .*n_decoder_layers=3"):
        ModelConfig(n_decoder_layers=3, guide_layer=layer)


@pytest.mark.parametrize("weight", [-0.1, 101, float("nan")])
def test_a_weight_out_of_range_is_refused(weight):
    with pytest.raises(UserError, match=f"train.guide_weight={weight} is out of range"):
        TrainConfig(guide_weight=weight)


# -------------------------------------------------------------------------------------- the update


@pytest.mark.parametrize("possible, rows", [(0.5, [[0, 1, 1], [1, 0, 0.5]]), (0, [[0, 1, 1]])])
def test_possible_links_weigh_less_or_nothing(possible, rows):
    links = np.array([[0, 1, 2], [1, 0, 1]], dtype=np.int32)
    assert weighted(links, possible).tolist() == rows
    assert weighted(unpack(b""), possible).shape == (0, 3)


def plain_loss(trainer: Trainer, rows: list[int]) -> tuple[float, int]:
    """The guide's loss cell by cell, pair by pair, from the attention of single passes."""
    step, layer = trainer.config.train.guide_step, trainer.config.model.guided_layer
    lines = {src: line for src, _, line in linked_pairs()}
    src_tokenizer, tgt_tokenizer = trainer.corpus.src_tokenizer, trainer.corpus.tgt_tokenizer
    total, n_tokens = 0.0, 0
    for row in rows:
        data = trainer.corpus.train[row]
        src = make_side(src_tokenizer, data["src_ids"], "words")
        tgt = make_side(tgt_tokenizer, data["tgt_ids"], "words")
        sure, possible = alignment.parse_links(lines[src.text], 99, 99, "here")
        model = trainer.model.eval()
        attention = slow_cross(model, src.ids, tgt.ids)[layer, 0]
        n_tokens += len(tgt.ids)
        for t in range(len(tgt.ids) - 1):
            weights = {}
            for s in range(len(src.ids) - 1):
                for links, weight in ((possible, 0.5), (sure, 1.0)):
                    if any(src.overlap[s, i] and tgt.overlap[t, j] for i, j in links):
                        weights[s] = weight
            weights = weights or {len(src.ids) - 1: 1.0}
            for s, weight in weights.items():
                share = weight / sum(weights.values())
                at = t + 1 if step is GuideStep.consume else t
                doubt = trainer.config.train.guide_doubt or 1e-9
                total -= share * float(np.log((attention[at, s] + doubt) / (1 + doubt)))
    return total, n_tokens


@pytest.mark.parametrize("step", list(GuideStep))
@pytest.mark.parametrize("layer", [None, 1])
@pytest.mark.parametrize("doubt", [0.0, 0.1])
def test_the_loss_is_the_cross_entropy_of_the_cells(float64, make_trainer, step, layer, doubt):
    options = {"train.guide_step": step, "model.guide_layer": layer, "train.guide_doubt": doubt}
    options["model.dropout"] = 0.0
    trainer = make_trainer(**options)
    rows = np.arange(0, 60, 3)
    expected, n_tokens = plain_loss(trainer, rows.tolist())
    (batch,) = trainer.load_batch(rows, 0)
    _, guide = trainer.losses(batch, trainer.model)
    assert batch.n_tokens == n_tokens
    assert guide.item() == pytest.approx(expected, rel=1e-10)


def test_an_update_is_of_both_losses_over_the_same_tokens(float64, make_trainer):
    options = {"model.dropout": 0.0, "train.clip_norm": 0.0, "train.label_smoothing": 0.0}
    trainer = make_trainer(**options, **{"train.guide_weight": 0.7})
    (batch,) = trainer.load_batch(np.arange(20), 0)
    guided: list[torch.Tensor] = []
    logits = trainer.model.output(trainer.model(batch.src, batch.tgt_in, guided))
    pad_id = trainer.corpus.tgt_tokenizer.pad_id
    labels = batch.tgt_out.flatten()
    nll = F.cross_entropy(logits.flatten(0, 1), labels, ignore_index=pad_id, reduction="sum")
    guide = guide_loss(guided[0], batch.links, GuideStep.consume, 0.0)
    parameters = dict(trainer.model.named_parameters())
    whole = (nll + 0.7 * guide) / batch.n_tokens
    expected = torch.autograd.grad(whole, list(parameters.values()))
    loss_sum, n_tokens, norm = trainer.update([batch], 1e-3)
    assert loss_sum == pytest.approx(nll.item(), rel=1e-10)  # that of the guide is told apart
    assert trainer.state.guide_loss_sum == pytest.approx(guide.item(), rel=1e-10)
    assert n_tokens == batch.n_tokens
    assert norm == pytest.approx(float(torch.stack([g.norm() for g in expected]).norm()), rel=1e-9)


@pytest.mark.parametrize("split", [{"train.accumulate": 3}, {"train.workers": 2, "train.accumulate": 2}])  # fmt: skip  # noqa: E501
def test_a_split_update_is_that_of_the_whole(float64, make_trainer, split):
    options = {"model.dropout": 0.0, "train.clip_norm": 0.0}
    one, several = make_trainer(**options), make_trainer(**options, **split)
    with several.workers():
        for number in range(2):
            rows = np.arange(13 * number, 13 * (number + 1))
            expected = one.update(one.load_batch(rows, number), 1e-3)
            result = several.update(several.load_batch(rows, number), 1e-3)
            assert result == pytest.approx(expected, rel=1e-10)
    sums = [trainer.state.guide_loss_sum for trainer in (one, several)]
    assert sums[0] == pytest.approx(sums[1], rel=1e-10) and sums[0] > 0
    pairs = zip(one.model.parameters(), several.model.parameters(), strict=True)
    for ours, theirs in pairs:
        torch.testing.assert_close(ours, theirs, rtol=1e-7, atol=1e-9)


def test_a_process_without_rows_has_no_links(make_trainer, monkeypatch):
    trainer = make_trainer()
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    (batch,) = trainer.load_batch(np.arange(1), 0)
    assert batch.n_tokens == 0 and batch.links is None


@pytest.mark.parametrize("doubt, worst, pull", [(0.0, -np.log(1e-9), 1e9), (0.1, np.log(11), 10)])
def test_attention_that_is_zero_gives_a_finite_loss_and_gradient(doubt, worst, pull):
    attention = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]], requires_grad=True)
    links = make_links([np.array([[0, 1, 2]])], [[4, 3]], [[4, 3]])
    loss = guide_loss(attention, links, GuideStep.consume, doubt)
    loss.backward()
    assert loss.item() == pytest.approx(worst, rel=1e-5)
    assert attention.grad.flatten().tolist() == pytest.approx([0, 0, 0, -pull], rel=1e-5)


# ---------------------------------------------------------------------------------------- the runs


def logged(trainer: Trainer, key: str) -> list[float]:
    lines = (trainer.run_dir / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [event[key] for event in map(json.loads, lines) if key in event]


def test_a_run_logs_the_mean_of_the_guides_loss(make_trainer):
    trainer = make_trainer(**{"train.max_steps": 4, "train.log_every": 2, "train.accumulate": 2})
    sums, update = [0.0], trainer.update

    def watched(*arguments):
        before = trainer.state.guide_loss_sum
        _, n_tokens, _ = result = update(*arguments)
        sums.append((trainer.state.guide_loss_sum - before, n_tokens))
        return result

    trainer.update = watched
    assert trainer.train() == 0
    first, second, third, fourth = sums[1:]
    expected = [
        (a[0] + b[0]) / (a[1] + b[1]) for a, b in ((first, second), (third, fourth))
    ]  # fmt: skip
    assert logged(trainer, "guide_loss") == pytest.approx(expected, rel=1e-5)
    assert len(logged(trainer, "aer")) == 1
    assert load_tensors(trainer.run_dir / WEIGHTS)[1]["guided"] is True


def test_a_run_goes_on_to_the_bit(guided_tsv, cache_dir, tmp_path):
    options = {
        "data.links_column": "2", "model.dropout": 0.2, "tokenizer.sampling_alpha": 0.3,
        "data.source_noise": 0.5,
        "train.accumulate": 2, "train.log_every": 3, "train.schedule": "inverse_sqrt",
        "train.average": 1, "train.validate_every": 4, "train.samples": 0,
    }  # fmt: skip

    def run(name: str, n_steps: int) -> Config:
        changes = options | {"train.max_steps": n_steps}
        config = training_config(guided_tsv, cache_dir, tmp_path / name, **changes)
        assert train(config) == 0
        return config

    run("whole", 8)
    run("halved", 4)
    run("halved", 8)
    states = [
        load_tensors(tmp_path / name / "checkpoints" / "state-00000008.safetensors")
        for name in ("whole", "halved")
    ]
    (ours, whole), (theirs, halved) = states
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []
    assert whole["state"]["guide_loss_sum"] == halved["state"]["guide_loss_sum"] > 0


def test_a_run_that_began_without_a_guide_goes_on_without(make_trainer):
    """As those of older versions did, whose checkpoints do not speak of it."""
    trainer = make_trainer(**{"train.max_steps": 4, "train.log_every": 1})
    trainer.guided = False
    trainer.config.train.max_steps = 2
    assert trainer.train() == 0
    later = Trainer(trainer.config, trainer.corpus)
    assert later.guided
    later.config.train.max_steps = 4
    later.resume()
    assert not later.guided
    assert later.train() == 0
    assert len(logged(later, "loss")) == 4 and logged(later, "guide_loss") == []


@pytest.mark.slow
@pytest.mark.parametrize("step", list(GuideStep))
def test_learns_the_links(make_trainer, step):
    options = {"train.guide_step": step, "train.max_steps": 500, "train.validate_every": 500}
    # Pieces that run across words would limit what can be reached.
    trainer = make_trainer(**options, **{"tokenizer.max_piece_length": 1})
    assert trainer.train() == 0
    base = alignment.Rule(mask_eos=False)
    table = alignment.measure(trainer.model, list(trainer.gold_pairs.values()), 2, base)
    best = alignment.best(table)
    assert table[best].aer < 0.05
    assert (best.layer, best.head, best.shift) == (0, 0, step is GuideStep.consume)


@pytest.mark.slow
def test_a_compiled_model_is_guided_all_the_same(make_trainer):
    options = {"model.dropout": 0.0, "train.clip_norm": 0.0}
    plain, compiled = make_trainer(**options), make_trainer(**options, **{"train.compile": True})
    for trainer in (plain, compiled):
        trainer.update(trainer.load_batch(np.arange(12), 0), 1e-3)
    assert compiled.state.guide_loss_sum == pytest.approx(plain.state.guide_loss_sum, rel=1e-4)


def test_links_are_read_from_the_guided_head_and_said_to_be_taught(make_trainer, monkeypatch):
    """Without gold links, where nothing can be measured; with `alignment.json` where it is best."""
    trainer = make_trainer(**{"train.max_steps": 1, "model.guide_layer": 1})
    trainer.train()
    run_dir = trainer.run_dir
    save_config(run_dir, trainer.config)
    save_tokenizers(run_dir, trainer.corpus.src_tokenizer, trainer.corpus.tgt_tokenizer)
    inspector = Translator(run_dir, "cpu").inspector
    monkeypatch.setattr(inspector, "read_gold_pairs", lambda *args, **kwargs: [])
    rule, reason = inspector.default_rule()
    assert rule == alignment.Rule(1, 0, shift=True, mask_eos=False)
    assert reason == alignment.Reason("no_gold", "en-zh", taught=True)
    for head, taught in ((0, True), (1, False)):
        table = {alignment.Rule(1, head): alignment.Quality(1, 1, 1, 1)}
        text = alignment.rule_to_json(table, "gold", [1])
        (run_dir / "alignment.json").write_text(text, encoding="utf-8")
        assert inspector.default_rule()[1].taught is taught
    inspector.run.metadata.pop("guided")  # as of an older version
    assert not inspector.is_guided
