"""Run directories: going on to the bit, refusing what does not fit, damaged files, signals."""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml
from helpers import (
    ENVIRONMENT,
    make_run,
    pattern_pairs,
    running,
    start,
    training_config,
    training_options,
)
from safetensors.torch import load_file, save_file

from transformer_mt.config import ChineseScript, Config, Norm, Schedule, UserError
from transformer_mt.config_file import load_config, save_config
from transformer_mt.corpus import prepare
from transformer_mt.run_dir import (
    average,
    checkpoint_path,
    checkpoint_steps,
    load_run,
    load_tensors,
    save_tensors,
)
from transformer_mt.snapshots import page_snapshots
from transformer_mt.train import train
from transformer_mt.trainer import Trainer
from transformer_mt.view import plots

ALL_KINDS_OF_CHANCE = {
    "model.dropout": 0.2, "tokenizer.sampling_alpha": 0.3, "train.accumulate": 2,
    "train.max_steps": 14, "train.token_budget": 1500, "train.log_every": 3,
    "train.validate_every": 5, "train.checkpoint_every": 4, "train.average": 2, "train.samples": 0,
    "data.source_noise": 0.4,
}  # fmt: skip
"""Dropout, subword sampling, noise and a few epochs; logged, validated and saved at different
steps."""
TIMES = {"tokens_per_second", "minutes"}
STATE_TIMES = {"seconds", "log_seconds"}
TENSORBOARD = vars(Trainer)["tensorboard"]
"""The property, which `without_pictures` hides."""


class PowerCut(Exception):
    """The run ends at once, without a chance to save anything."""


def die_at(monkeypatch: pytest.MonkeyPatch, step: int, how: int | None) -> None:
    """End a run at the update after `step`: by the signal `how`, or at once where that is None."""
    one_step = Trainer.one_step

    def interrupted(self: Trainer, batches: list) -> None:
        if self.state.step == step:
            if how is None:
                raise PowerCut
            signal.raise_signal(how)
        one_step(self, batches)

    monkeypatch.setattr(Trainer, "one_step", interrupted)


def last_state(run_dir: Path) -> Path:
    return checkpoint_path(run_dir, "state", checkpoint_steps(run_dir, "state")[-1])


def logged(run_dir: Path) -> list[dict]:
    """The events of `metrics.jsonl` without what the clock says."""
    lines = (run_dir / "metrics.jsonl").read_text("utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    return [{key: value for key, value in event.items() if key not in TIMES} for event in events]


def assert_equal_to_the_bit(run_dir: Path, other: Path) -> None:
    """Compare the weights to use, the last checkpoint with optimizer and random state, where the
    run stands, and what was logged.
    """
    ours, theirs = load_file(run_dir / "model.safetensors"), load_file(other / "model.safetensors")
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())

    assert last_state(run_dir).name == last_state(other).name
    ours, our_metadata = load_tensors(last_state(run_dir))
    theirs, their_metadata = load_tensors(last_state(other))
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []
    for key in STATE_TIMES:
        del our_metadata["state"][key], their_metadata["state"][key]
    assert our_metadata == their_metadata
    assert logged(run_dir) == logged(other)


@pytest.fixture(scope="module", autouse=True)
def without_pictures() -> Iterator[None]:
    """Leave out TensorBoard and the learning curve, which take longer than these runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "tensorboard", None)
        patch.setattr(plots, "learning_curve", lambda *_: None)
        yield


@pytest.fixture
def new_config(corpus_tsv, cache_dir, tmp_path):
    def make(name: str = "run", **changes) -> Config:
        return training_config(corpus_tsv, cache_dir, tmp_path / name, **changes)

    return make


@pytest.fixture(scope="module")
def whole_run(corpus_tsv, cache_dir, tmp_path_factory) -> Path:
    """A run with ALL_KINDS_OF_CHANCE that nothing interrupted."""
    run_dir = tmp_path_factory.mktemp("whole") / "run"
    assert train(training_config(corpus_tsv, cache_dir, run_dir, **ALL_KINDS_OF_CHANCE)) == 0
    return run_dir


@pytest.fixture
def small_run(whole_run, tmp_path) -> Path:
    """A copy of a complete run, to be spoilt."""
    shutil.copytree(whole_run, tmp_path / "run")
    return tmp_path / "run"


# ----------------------------------------------------------------------------------------- going on


@pytest.mark.parametrize(
    "step, how",
    [(6, signal.SIGTERM), (7, None), (10, signal.SIGINT), (0, signal.SIGTERM), (3, None)],
)
def test_an_interrupted_run_goes_on_to_the_bit(
    new_config, whole_run, monkeypatch, capsys, step, how
):
    """A signal stops it between two checkpoints, at one, or before the first.

    A power cut loses a few steps, which are made again.
    """
    config = new_config(**ALL_KINDS_OF_CHANCE)
    with monkeypatch.context() as patch:
        die_at(patch, step, how)
        if how is None:
            with pytest.raises(PowerCut):
                train(config)
        else:
            assert train(config) == 128 + how
            message = f"stopped at step {step + 1}; run the same command to go on"
            assert message in capsys.readouterr().err
            state = load_tensors(last_state(Path(config.run_dir)))[1]["state"]
            assert state["batch"] > 0  # in the middle of an epoch
    assert train(new_config(**ALL_KINDS_OF_CHANCE)) == 0
    assert_equal_to_the_bit(Path(config.run_dir), whole_run)


def test_early_validations_are_repeated_by_no_run_that_goes_on(new_config, monkeypatch, tmp_path):
    monkeypatch.setattr("transformer_mt.trainer.EARLY_STEPS", (1, 3, 4))
    options = ALL_KINDS_OF_CHANCE | {"train.validate_every": 5, "train.checkpoint_every": 2}
    assert train(new_config("whole", **options)) == 0
    with monkeypatch.context() as patch:
        die_at(patch, 5, None)
        with pytest.raises(PowerCut):
            train(new_config(**options))
        os.unlink(last_state(tmp_path / "run"))  # back to step 4
    assert train(new_config(**options)) == 0
    assert_equal_to_the_bit(tmp_path / "run", tmp_path / "whole")
    assert {event["step"] for event in logged(tmp_path / "run") if "valid_pairs" in event} == {
        1, 3, 4,
    }  # fmt: skip
    snapshots = [page_snapshots(tmp_path / name) for name in ("run", "whole")]
    assert snapshots[0] == snapshots[1]
    steps = [snapshot["step"] for snapshot in snapshots[0]["snapshots"]]
    assert steps[:4] == [1, 3, 4, 5] and steps == sorted(set(steps))


def test_an_interrupted_run_of_two_workers_goes_on_to_the_bit(new_config, monkeypatch, tmp_path):
    options = ALL_KINDS_OF_CHANCE | {"train.workers": 2}
    assert train(new_config("whole", **options)) == 0
    with monkeypatch.context() as patch:
        die_at(patch, 7, None)
        with pytest.raises(PowerCut):
            train(new_config(**options))
    assert train(new_config(**options)) == 0
    assert_equal_to_the_bit(tmp_path / "run", tmp_path / "whole")


def test_another_number_of_workers_is_warned_of(new_config, small_run, capsys):
    assert train(new_config(**ALL_KINDS_OF_CHANCE, **{"train.workers": 2})) == 0
    assert "warning: 1 workers before, 2 now: equal to rounding only" in capsys.readouterr().err


def test_a_run_killed_between_its_average_and_its_last_checkpoint_logs_the_average_once(
    new_config, whole_run, tmp_path, monkeypatch
):
    save = Trainer.save

    def killed(self: Trainer) -> None:
        if self.state.finished:
            raise PowerCut
        save(self)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "save", killed)
        with pytest.raises(PowerCut):
            train(new_config(**ALL_KINDS_OF_CHANCE))
    assert "average_bleu" in logged(tmp_path / "run")[-1]
    assert train(new_config(**ALL_KINDS_OF_CHANCE)) == 0
    assert_equal_to_the_bit(tmp_path / "run", whole_run)


def test_an_interrupted_run_in_bf16_goes_on_to_the_bit(
    new_config, whole_run, tmp_path, monkeypatch
):
    """torch emulates products in bf16 where the machine has none."""
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    changes = ALL_KINDS_OF_CHANCE | {"train.precision": "bf16"}
    with monkeypatch.context() as patch:
        die_at(patch, 7, None)
        with pytest.raises(PowerCut):
            train(new_config(**changes))
    for name in ("run", "whole"):
        assert train(new_config(name, **changes)) == 0
    assert_equal_to_the_bit(tmp_path / "run", tmp_path / "whole")
    losses = [event["loss"] for event in logged(tmp_path / "run") if "loss" in event]
    exact = [event["loss"] for event in logged(whole_run) if "loss" in event]
    assert losses != exact and losses == pytest.approx(exact, rel=0.05)


@pytest.mark.slow
def test_stopping_again_and_again_changes_nothing(new_config, whole_run, monkeypatch):
    for step in (1, 4, 6, 11):
        with monkeypatch.context() as patch:
            die_at(patch, step, signal.SIGTERM)
            assert train(new_config(**ALL_KINDS_OF_CHANCE)) == 143
    assert train(new_config(**ALL_KINDS_OF_CHANCE)) == 0
    assert_equal_to_the_bit(Path(new_config().run_dir), whole_run)


def test_the_reference_run_crosses_epochs(whole_run):
    state = load_tensors(last_state(whole_run))[1]["state"]
    assert state["step"] == 14 and state["epoch"] >= 1 and state["finished"] is True


def test_a_complete_run_says_so_and_is_left_as_it_is(new_config, small_run, capsys):
    def contents() -> dict[Path, bytes]:
        files = (path for path in small_run.rglob("*") if path.is_file())
        return {path: path.read_bytes() for path in files if path.name != "config.yaml"}

    before = contents()
    config = new_config(**ALL_KINDS_OF_CHANCE)
    assert train(config) == 0
    message = f"{config.run_dir} is complete after 14 steps; a higher limit goes on."
    assert message in capsys.readouterr().err
    assert contents() == before
    assert load_config(small_run) == config


def test_a_higher_limit_goes_on_with_a_complete_run(new_config, tmp_path):
    """The updates are those of one long run, where the schedule does not know the limit."""
    options = ALL_KINDS_OF_CHANCE | {"train.schedule": "inverse_sqrt", "train.average": 1}
    assert train(new_config("long", **options)) == 0
    assert train(new_config("short", **options | {"train.max_steps": 10})) == 0
    assert train(new_config("short", **options)) == 0
    long, _ = load_tensors(last_state(tmp_path / "long"))
    short, metadata = load_tensors(last_state(tmp_path / "short"))
    assert metadata["state"]["step"] == 14
    assert [name for name in long if not torch.equal(long[name], short[name])] == []


def test_what_may_change_on_going_on(new_config, monkeypatch, tmp_path, corpus_tsv):
    with monkeypatch.context() as patch:
        die_at(patch, 3, signal.SIGTERM)
        train(new_config(**ALL_KINDS_OF_CHANCE))
    (tmp_path / "run").rename(tmp_path / "moved")
    shutil.copy(corpus_tsv, tmp_path / "copy.tsv")  # data by content, not by path
    changes = {
        "train.max_steps": 6, "train.max_epochs": 9, "train.patience": 3, "train.validate_every": 4,
        "train.checkpoint_every": 2, "train.log_every": 1, "train.samples": 1, "train.average": 1,
        "decode.beam_size": 2, "data.train": str(tmp_path / "copy.tsv"),
    }  # fmt: skip
    assert train(new_config("moved", **ALL_KINDS_OF_CHANCE | changes)) == 0
    assert checkpoint_steps(tmp_path / "moved", "state")[-1] == 6
    assert load_config(tmp_path / "moved").decode.beam_size == 2


def test_differing_options_are_listed_with_the_two_ways_out(new_config, small_run):
    changes = {"train.lr": 0.02, "model.d_ff": 96, "train.seed": 3, "tokenizer.sampling_alpha": 0.1}
    message = (
        f"{small_run} was trained with other options: model.d_ff=96 (was 64), "
        "tokenizer.sampling_alpha=0.1 (was 0.3), train.lr=0.02 (was 0.01), "
        "train.seed=3 (was 1). Choose another run_dir, or start over with resume=false."
    )
    with pytest.raises(UserError, match=re.escape(message)):
        train(new_config(**ALL_KINDS_OF_CHANCE | changes))
    assert load_config(small_run).model.d_ff == 64


def test_another_direction_is_refused(new_config, small_run):
    with pytest.raises(UserError, match=r"direction=zh-en \(was en-zh\)"):
        train(new_config(**ALL_KINDS_OF_CHANCE, direction="zh-en"))


def test_differing_options_exit_with_2(call, corpus_tsv, cache_dir, small_run):
    changes = ALL_KINDS_OF_CHANCE | {"train.clip_norm": 2.0}
    options = training_options(corpus_tsv, cache_dir, small_run, **changes)
    assert "train.clip_norm=2.0 (was 1.0). Choose another run_dir" in call("train", *options).error


def test_another_corpus_is_refused(new_config, small_run, tmp_path):
    other = tmp_path / "other.tsv"
    other.write_text("".join(f"{en}\t{zh}\n" for en, zh in pattern_pairs()[5:]), encoding="utf-8")
    before = last_state(small_run).read_bytes()
    changes = {"data.train": str(other), "train.max_steps": 16}
    message = r"was trained on another corpus .*data\.train=.*other\.tsv.*resume=false"
    with pytest.raises(UserError, match=message):
        train(new_config(**ALL_KINDS_OF_CHANCE | changes))
    assert last_state(small_run).read_bytes() == before
    config = load_config(small_run)
    assert config.data.train != str(other) and config.train.max_steps != 16


def test_another_vocabulary_is_refused(new_config, small_run, tmp_path):
    own, changed = small_run / "src.spm.model", tmp_path / "changed.model"
    changed.write_bytes((small_run / "tgt.spm.model").read_bytes())
    models = {"tokenizer.src_model": str(own), "tokenizer.tgt_model": str(tmp_path / "gone.model")}
    assert train(new_config(**ALL_KINDS_OF_CHANCE | models)) == 0
    models["tokenizer.src_model"] = str(changed)
    message = r"tokenizer\.src_model=.*changed\.model: .*another vocabulary.*resume=false"
    with pytest.raises(UserError, match=message):
        train(new_config(**ALL_KINDS_OF_CHANCE | models))


def test_a_start_without_a_checkpoint_leaves_no_vocabulary_to_the_next(new_config, monkeypatch):
    with monkeypatch.context() as patch:
        die_at(patch, 0, None)
        with pytest.raises(PowerCut):
            train(new_config(**{"tokenizer.joint": True}))
    run_dir = Path(new_config().run_dir)
    stale = checkpoint_path(run_dir, "weights", 1)
    stale.parent.mkdir(exist_ok=True)
    stale.touch()
    assert (run_dir / "spm.model").exists()
    assert train(new_config(**{"tokenizer.joint": False, "train.validate_every": 4})) == 0
    assert {path.name for path in run_dir.glob("*spm.model")} == {"src.spm.model", "tgt.spm.model"}
    assert checkpoint_steps(run_dir, "weights") == [4]
    load_run(run_dir)


def test_starting_over_keeps_the_old_runs_aside(new_config, small_run, capsys):
    old = (small_run / "metrics.jsonl").read_bytes()
    changes = {"train.max_steps": 2, "model.d_ff": 96}
    for number in (1, 2):
        assert train(new_config(**ALL_KINDS_OF_CHANCE | changes, resume=False)) == 0
        aside = small_run.with_name(f"run.old{number}")
        assert f"the old run is kept as {aside}" in capsys.readouterr().err
        assert aside.is_dir()
    assert (small_run.with_name("run.old1") / "metrics.jsonl").read_bytes() == old
    assert load_config(small_run).model.d_ff == 96
    assert logged(small_run)[-1]["step"] == 2


def test_a_checkpoint_that_is_something_else_gives_way_to_the_one_before(
    new_config, small_run, capsys
):
    newest = max((small_run / "checkpoints").glob("state-*"))
    shutil.copy(small_run / "model.safetensors", newest.with_name("state-00000999.safetensors"))
    os.mkfifo(newest.with_name("state-00001000.safetensors"))
    assert train(new_config(**ALL_KINDS_OF_CHANCE)) == 0
    err = capsys.readouterr().err
    assert "no such file" in err
    assert "not a checkpoint to resume from" in err
    assert "Going on from step" in err


def test_a_job_that_is_started_again_does_not_start_over(new_config, small_run, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_MAX_RESTARTS", "3")
    with pytest.raises(UserError, match="resume=false would start over each time that torchrun"):
        train(new_config(resume=False))
    assert not small_run.with_name("run.old1").exists()


def test_another_number_of_threads_is_warned_of(new_config, small_run, capsys):
    torch.set_num_threads(2)
    try:
        assert train(new_config(**ALL_KINDS_OF_CHANCE)) == 0
    finally:
        torch.set_num_threads(1)
    assert "warning: 1 threads before, 2 now: equal to rounding only" in capsys.readouterr().err


def test_metrics_are_cut_back_to_the_checkpoint(new_config, small_run, monkeypatch):
    """Lines after the checkpoint, and the half line of a power cut, give way to new ones."""
    expected = logged(small_run)
    steps = checkpoint_steps(small_run, "state")
    assert steps == [12, 14]
    last_state(small_run).unlink()
    with (small_run / "metrics.jsonl").open("a") as file:
        file.write('{"step": 15, "loss": 1.0}\n{"step": 1')
    assert train(new_config(**ALL_KINDS_OF_CHANCE)) == 0
    assert logged(small_run) == expected


def test_tensorboard_shows_each_step_once_although_a_run_repeats_some(
    new_config, tmp_path, monkeypatch
):
    """A run that is killed has logged steps after its last checkpoint, and logs them again."""
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setattr(Trainer, "tensorboard", TENSORBOARD)
    config, run_dir = new_config(**ALL_KINDS_OF_CHANCE), tmp_path / "run"
    run_dir.mkdir()
    killed, resumed = (Trainer(config, prepare(config)) for _ in range(2))
    with monkeypatch.context() as patch:
        die_at(patch, 7, None)
        with pytest.raises(PowerCut):
            killed.train()
    killed.tensorboard.close()  # its thread might not have written everything
    assert logged(run_dir)[-1]["step"] == 6 > checkpoint_steps(run_dir, "state")[-1] == 5

    time.sleep(1)  # the names of event files count seconds, and give the order of reading
    resumed.resume()
    assert resumed.train() == 0
    resumed.tensorboard.close()
    scalars = EventAccumulator(str(run_dir / "tensorboard")).Reload()
    names = scalars.Tags()["scalars"]
    assert {"loss", "lr", "bleu", "average_bleu"} <= set(names)
    for name in set(names) - TIMES:
        values = [(event.step, event.value) for event in scalars.Scalars(name)]
        events = [event for event in logged(run_dir) if name in event]
        assert [step for step, _ in values] == [event["step"] for event in events], name
        assert [value for _, value in values] == pytest.approx([e[name] for e in events], rel=1e-5)


# ---------------------------------------------------------------------------------------- the files


def test_key_names(whole_run):
    """Old runs hold these names, so a changed one makes them unreadable."""
    names = set(load_file(whole_run / "model.safetensors"))
    assert {
        "src_embedding.weight", "tgt_embedding.weight", "encoder_norm.weight", "decoder_norm.bias",
        "encoder_layers.0.self_attention.w_q.weight", "decoder_layers.0.cross_attention.w_k.weight",
        "decoder_layers.0.feed_forward.w_in.bias", "decoder_layers.0.cross_residual.norm.weight",
    } <= names  # fmt: skip
    assert len(names) == 2 + 15 + 24 + 4
    tensors, metadata = load_tensors(last_state(whole_run))
    expected = {f"model.{name}" for name in names} | {"rng.cpu.0"}
    for key in ("step", "exp_avg", "exp_avg_sq"):
        expected |= {f"optimizer.{key}.{name}" for name in names}
    assert set(tensors) == expected
    assert metadata.keys() >= {"state", "corpus", "threads", "processes"}
    counts = {"step", "epoch", "batch", "seconds", "best_bleu", "best_step", "finished"}
    assert metadata["state"].keys() >= counts
    metadata = load_tensors(whole_run / "model.safetensors")[1]
    assert {"steps", "valid_bleu"} <= set(metadata)
    assert not list(whole_run.rglob("*.tmp"))


def test_only_two_checkpoints_and_the_weights_to_average_are_kept(whole_run):
    assert checkpoint_steps(whole_run, "state") == [12, 14]
    assert checkpoint_steps(whole_run, "weights") == [10, 14]


def test_files_have_the_permissions_of_the_umask(whole_run):
    mask = os.umask(0)
    os.umask(mask)
    for path in (whole_run / "model.safetensors", whole_run / "config.yaml", last_state(whole_run)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask, path


def test_tensors_come_back_as_they_were(tmp_path):
    tensors = {
        "a": torch.randn(3, 4).T,
        "b": torch.arange(5),
        "c": torch.tensor(1.5),
        "d": torch.ones(2).bfloat16(),
    }
    save_tensors(tmp_path / "t.safetensors", tensors, {"steps": [1, 2], "名": "值"})
    loaded, metadata = load_tensors(tmp_path / "t.safetensors")
    assert metadata == {"steps": [1, 2], "名": "值"}
    for name, tensor in tensors.items():
        assert torch.equal(loaded[name], tensor) and loaded[name].dtype == tensor.dtype


def test_the_average_is_the_mean():
    parts = [{"w": torch.tensor(values)} for values in ([1.0, 2.0], [3.0, 6.0], [5.0, 1.0])]
    assert average(parts)["w"].tolist() == [3.0, 3.0]


def test_the_configuration_comes_back(tmp_path):
    corpus, run_dir = Path("一 (1).tsv"), tmp_path / "测试"
    config = training_config(corpus, Path("cache"), run_dir, direction="zh-en")
    config.model.norm, config.train.schedule = Norm.post, Schedule.inverse_sqrt
    config.data.chinese_script, config.data.valid = ChineseScript.simplified, ["a.en", "b.zh"]
    config.train.max_minutes = 3
    run_dir.mkdir()
    save_config(run_dir, config)
    assert load_config(run_dir) == config
    assert "一 (1).tsv" in (run_dir / "config.yaml").read_text("utf-8")


# ------------------------------------------------------------------------------------ damaged files


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def garbage(path: Path) -> None:
    path.write_bytes(b"\x00\xff" * 100)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def rewrite(path: Path, **header: str) -> None:
    save_file(load_file(path), path, header)


@pytest.mark.parametrize(
    "damage, message",
    [
        (truncate, "truncated or damaged"),
        (garbage, "truncated or damaged"),
        (emptied, "truncated or damaged"),
        (
            lambda path: rewrite(path, format="2", transformer_mt="{}"),
            "format 2, but this version reads up to 1",
        ),
        (lambda path: rewrite(path, format="1", transformer_mt="{"), "truncated or damaged"),
        (lambda path: rewrite(path, format="pt"), "not written by transformer_mt"),
        (lambda path: rewrite(path), "not written by transformer_mt"),
    ],
)
@pytest.mark.parametrize("which", ["model", "state"])
def test_a_damaged_file_is_named(new_config, small_run, which, damage, message, capsys):
    path = small_run / "model.safetensors" if which == "model" else last_state(small_run)
    damage(path)
    if which == "state" and message == "truncated or damaged":  # an older one is whole
        assert train(new_config(**ALL_KINDS_OF_CHANCE | {"train.max_steps": 16})) == 0
        assert f"warning: {path}: {message}" in capsys.readouterr().err
        return
    with pytest.raises(UserError, match=f"{re.escape(str(path))}: {message}"):
        if which == "model":
            load_run(small_run)
        else:
            train(new_config(**ALL_KINDS_OF_CHANCE | {"train.max_steps": 16}))


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors: tensors | {"encoder_norm.weight": torch.ones(33)},
        lambda tensors: {n: t for n, t in tensors.items() if n != "encoder_norm.weight"},
    ],
)
@pytest.mark.parametrize("which", ["model", "state"])
def test_a_tensor_that_does_not_fit_is_named(new_config, small_run, which, change):
    path = small_run / "model.safetensors" if which == "model" else last_state(small_run)
    tensors, metadata = load_tensors(path)
    if which == "state":
        others = {n: t for n, t in tensors.items() if not n.startswith("model.")}
        weights = {n[len("model.") :]: t for n, t in tensors.items() if n.startswith("model.")}
        tensors = others | {f"model.{name}": tensor for name, tensor in change(weights).items()}
    else:
        tensors = change(tensors)
    save_tensors(path, tensors, metadata)
    message = f"{re.escape(str(path))}: tensor encoder_norm.weight does not fit the model"
    with pytest.raises(UserError, match=message):
        if which == "model":
            load_run(small_run)
        else:
            train(new_config(**ALL_KINDS_OF_CHANCE | {"train.max_steps": 16}))


def test_a_missing_part_is_named(small_run, tmp_path):
    with pytest.raises(UserError, match=r"nowhere: no run here \(looked for config\.yaml\)"):
        load_run(tmp_path / "nowhere")
    (small_run / "src.spm.model").rename(tmp_path / "aside")
    with pytest.raises(UserError, match=r"src\.spm\.model: no such SentencePiece model"):
        load_run(small_run)
    (small_run / "src.spm.model").write_bytes(b"garbage")
    with pytest.raises(UserError, match=r"src\.spm\.model: not a SentencePiece model"):
        load_run(small_run)
    (small_run / "model.safetensors").unlink()
    message = r"run: no model here \(looked for model\.safetensors\)\. Train first"
    with pytest.raises(UserError, match=message):
        load_run(small_run)


@pytest.mark.parametrize(
    "text, message",
    [
        (b"", "expected a mapping, found None"),
        (b"- a\n- b\n", "expected a mapping"),
        (b"model: 5\n", "model: expected a mapping, found 5"),
        (b"model: {d_model: [}\n", "damaged"),
        (b"\xff\xfe\x00", "damaged"),
        (b"[" * 100_000, "damaged"),
        (b"train: !!python/object/apply:os.mkdir [pwned]\n", "damaged"),
        (b"!!python/object/new:os.mkdir {args: [pwned]}\n", "damaged"),
        (b"modle: {}\n", "unknown key 'modle'"),
        (b"model: {d_modle: 5}\n", "unknown key 'd_modle'"),
        (b"model: {d_model: wide}\n", "d_model='wide' has the wrong type"),
        (b"model: {d_model: 1.5}\n", "d_model=1.5 has the wrong type"),
        (b"model: {norm: sideways}\n", "norm='sideways' is not one of post, pre"),
        (b"model: {norm: [pre]}\n", r"norm=\['pre'\] is not one of post, pre"),
        (b"data: {languages: [en, 1]}\n", "languages=.* has the wrong type"),
        (
            b"model: {d_model: 30, n_heads: 4}\n",
            "model.d_model=30 is not divisible by model.n_heads=4",
        ),
        (b"a: 1  # " + b"x" * 1_000_000, "damaged .longer than a configuration can be"),
        (b"train: {lr: 7}\n", "train.lr=7 is out of range"),
        (b"direction: en-fr\n", "direction=en-fr does not fit"),
    ],
)
def test_a_damaged_configuration_is_named(tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_bytes(text)
    path = re.escape(str(tmp_path / "config.yaml"))
    with pytest.raises(UserError, match=f"{path}: .*{message}") as error:
        load_config(tmp_path)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "pwned").exists()


def test_a_configuration_is_plain_yaml(whole_run):
    values = yaml.safe_load((whole_run / "config.yaml").read_text("utf-8"))
    sections = ["data", "tokenizer", "model", "train", "decode"]
    assert list(values) == ["run_dir", "resume", "init_from", "direction", *sections]
    assert values["train"]["max_epochs"] is None and values["model"]["norm"] == "pre"


# ------------------------------------------------------------------------------------- as a process


def test_sampled_segmentations_are_the_same_in_another_process(whole_run):
    """Without this no run with subword sampling could go on to the bit in a new process."""
    code = """
import sys
from pathlib import Path
from transformer_mt.tokenizer import Tokenizer
tokenizer = Tokenizer.load(Path(sys.argv[1]))
print(tokenizer.sample(["Students want apples and flowers every day."] * 20, 0.3, 5))
"""
    command = [sys.executable, "-c", code, str(whole_run / "src.spm.model")]
    first, second = (subprocess.check_output(command, env=ENVIRONMENT) for _ in range(2))
    assert first == second != b""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_the_same_command_goes_on_to_the_same_weights(
    corpus_tsv, cache_dir, tmp_path, number
):
    changes = {"model.dropout": 0.2, "train.max_steps": 200}
    changes |= {"train.log_every": 5, "train.average": 1}
    options = training_options(corpus_tsv, cache_dir, tmp_path / "run", **changes)
    assert train(training_config(corpus_tsv, cache_dir, tmp_path / "whole", **changes)) == 0
    with running("train", *options, stdin=None) as process:
        deadline = time.monotonic() + 300
        while not (tmp_path / "run" / "metrics.jsonl").exists() and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(number)
        out, err = process.communicate(timeout=100)
    assert process.returncode == 128 + number
    assert out == b"" and b"Traceback" not in err
    step = load_tensors(last_state(tmp_path / "run"))[1]["state"]["step"]
    assert 5 <= step < 200
    assert f"stopped at step {step}; run the same command to go on." in err.decode()
    done = start("train", *options)
    assert done.status == 0, done.err
    assert_equal_to_the_bit(tmp_path / "run", tmp_path / "whole")


def test_a_joint_model_with_two_vocabularies_of_unequal_size_is_refused(tmp_path, tokenizers):
    folder = make_run(tmp_path / "run", tokenizers)
    config = yaml.safe_load((folder / "config.yaml").read_text("utf-8"))
    config["tokenizer"]["joint"] = True
    (folder / "config.yaml").write_text(yaml.safe_dump(config), "utf-8")
    with pytest.raises(UserError, match=r"tokenizer\.joint=true, but its vocabularies have"):
        load_run(folder)
