"""Training as a person or a script meets it: what it refuses, what it leaves."""

import math
import os
import re
import shlex
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
import yaml
from helpers import (
    PEOPLE,
    THINGS,
    Done,
    lines,
    pattern_pairs,
    training_config,
    training_options,
    write,
)
from hydra.core.override_parser.overrides_parser import OverridesParser

from transformer_mt.config import Config, DecodeConfig, UserError
from transformer_mt.config_file import load_config
from transformer_mt.run_dir import (
    checkpoint_path,
    checkpoint_steps,
    load_run,
    load_tensors,
    save_tensors,
)
from transformer_mt.train import command, expand_paths, flat, folder_name, quote_path, train
from transformer_mt.translate import parse_args as parse_translate


def test_training_leaves_the_run_directory_and_nothing_else(trained_run):
    folder = trained_run.parents[1]
    assert [path.name for path in folder.iterdir()] == ["runs"]
    assert [path.name for path in trained_run.parent.iterdir()] == ["files-en-zh-tiny"]
    names = {path.name for path in trained_run.iterdir()} - {"tensorboard", "learning_curve.png"}
    assert names == {
        "config.yaml",
        "src.spm.model",
        "tgt.spm.model",
        "model.safetensors",
        "valid.tsv",
        "test.tsv",
        "words.txt",
        "checkpoints",
        "metrics.jsonl",
        "snapshots.json",
        ".lock",
    }
    config = yaml.safe_load((trained_run / "config.yaml").read_text("utf-8"))
    assert config["run_dir"] == "runs/files-en-zh-tiny" and config["train"]["max_steps"] == 150
    metadata = load_tensors(trained_run / "model.safetensors")[1]
    assert metadata["steps"] and metadata["valid_bleu"] > 0
    assert metadata["several_sentences"] == 0.0 and metadata["low_log_prob"] < 0
    words = lines((trained_run / "words.txt").read_text("utf-8"))
    assert {"i", "students", "apples", "every"} < set(words) and len(set(words)) == len(words)
    pairs = set(pattern_pairs())
    for split in ("valid", "test"):
        rows = [
            tuple(line.split("\t"))
            for line in lines((trained_run / f"{split}.tsv").read_text("utf-8"))
        ]
        assert rows and set(rows) <= pairs


GOOD = b"".join(f"{en}\t{zh}\n".encode() for en, zh in pattern_pairs()[:60])


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "bad.tsv: no such file"),
        (GOOD + b"only one column\n" + GOOD, "bad.tsv: line 61 has 1 column(s)"),
        (
            GOOD + b"Hello.\t\xe4\xbd\xff\n",
            f"bad.tsv: line 61 is not UTF-8 at byte offset {len(GOOD) + 7}",
        ),
        (b"", "bad.tsv: the file is empty"),
        (b"\t\nHello.\t\n\t\xe4\xbd\xa0\n", "no pair is left after cleaning (empty side: 3)"),
    ],
)
def test_a_bad_corpus_is_refused(tmp_path, cache_dir, content, message):
    corpus, run_dir = tmp_path / "bad.tsv", tmp_path / "run"
    if content is not None:
        write(corpus, content)
    with pytest.raises(UserError, match=re.escape(message)):
        train(training_config(corpus, cache_dir, run_dir))
    assert not run_dir.exists()


def test_a_user_error_of_training_is_one_line_and_exit_2(call, tmp_path, cache_dir):
    error = call(
        "train", *training_options(tmp_path / "bad.tsv", cache_dir, tmp_path / "run")
    ).error
    assert error == f"error: data.train={tmp_path / 'bad.tsv'}: no such file."


def test_bad_rows_can_be_counted_and_left_out(tmp_path, cache_dir, capsys):
    corpus = write(tmp_path / "bad.tsv", GOOD + b"only one column\n\xff\tx\n")
    changes = {"train.max_steps": 1, "data.on_bad_row": "skip"}
    assert train(training_config(corpus, cache_dir, tmp_path / "run", **changes)) == 0
    captured = capsys.readouterr()
    assert any(
        "unreadable row" in line and line.split()[-1] == "2" for line in captured.err.splitlines()
    )
    assert "warning: tokenizer.vocab_size=340 is more than the corpus allows" in captured.err
    assert captured.out == ""
    assert f"python -m transformer_mt.translate {tmp_path / 'run'}" in captured.err


@pytest.mark.parametrize(
    "change, message",
    [
        ({"train.device": "cuda:31"}, "device=cuda:31: this machine has no such device"),
        ({"data.train": None}, "data.train is not set"),
        ({"data.train": "corpus.xyz"}, "data.train=corpus.xyz"),
        ({"data.train": ["a.en", "b.zh", "c.zh"]}, "give one file, or two line-aligned text files"),
        (
            {"tokenizer.src_model": "a.model", "tokenizer.tgt_model": "b.model"},
            "a.model: no such SentencePiece model",
        ),
        ({"tokenizer.src_prefix": ">>zh<<"}, "tokenizer.src_prefix is for imported models alone"),
        ({"tokenizer.n_src_ids": 300}, "tokenizer.n_src_ids is for imported models alone"),
        ({"tokenizer.n_tgt_ids": 300}, "tokenizer.n_tgt_ids is for imported models alone"),
    ],
)
def test_a_bad_option_of_training_is_refused(corpus_tsv, cache_dir, tmp_path, change, message):
    with pytest.raises(UserError, match=re.escape(message)):
        train(training_config(corpus_tsv, cache_dir, tmp_path / "run", **change))
    assert not (tmp_path / "run").exists()


def test_an_output_bias_is_trained_where_it_is_asked_for(corpus_tsv, cache_dir, tmp_path):
    config = training_config(corpus_tsv, cache_dir, tmp_path / "run", **{"model.output_bias": True})
    assert train(config) == 0
    bias = load_run(tmp_path / "run").model.output.bias
    assert bias is not None and bias.abs().max() > 0


def test_bf16_that_the_machine_lacks_is_refused(corpus_tsv, cache_dir, tmp_path, monkeypatch):
    for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False)
    with pytest.raises(UserError, match="precision=bf16: this machine's cpu has no bf16"):
        train(
            training_config(corpus_tsv, cache_dir, tmp_path / "run", **{"train.precision": "bf16"})
        )


def test_a_run_dir_that_is_something_else_is_left_alone(corpus_tsv, cache_dir, tmp_path):
    file = write(tmp_path / "file", "mine")
    with pytest.raises(UserError, match=f"run_dir={file} is a file"):
        train(training_config(corpus_tsv, cache_dir, file))
    folder = tmp_path / "folder"
    folder.mkdir()
    write(folder / "notes.txt", "mine")
    with pytest.raises(UserError, match=f"run_dir={folder} holds files that are not a run"):
        train(training_config(corpus_tsv, cache_dir, folder))
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.mark.parametrize("resume", [True, False])
@pytest.mark.parametrize("text", ["", "name: something else\n", "- a\n- b\n", "a: [", "\0"])
def test_a_folder_with_a_config_of_something_else_is_no_run(
    corpus_tsv, cache_dir, tmp_path, text, resume
):
    folder = tmp_path / "project"
    folder.mkdir()
    write(folder / "config.yaml", text)
    with pytest.raises(UserError, match=f"run_dir={folder} holds files that are not a run"):
        train(training_config(corpus_tsv, cache_dir, folder, resume=resume))
    assert contents(tmp_path) == {"project/config.yaml": text.encode()}


@pytest.mark.parametrize("inside, run_dir", [(".", "."), (".", ""), ("sub", ".."), ("sub", "{}")])
def test_a_run_that_contains_the_current_directory_is_not_moved_aside(
    corpus_tsv, cache_dir, tmp_path, monkeypatch, inside, run_dir
):
    run = tmp_path / "run"
    assert train(training_config(corpus_tsv, cache_dir, run)) == 0
    (run / "sub").mkdir()
    before = contents(tmp_path)
    monkeypatch.chdir(run / inside)
    run_dir = run_dir.format(run)
    with pytest.raises(UserError, match="contains the current directory, so that its old run"):
        train(training_config(corpus_tsv, cache_dir, Path(run_dir), resume=False))
    assert contents(tmp_path) == before
    # Without its checkpoints it would be started over, too.
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(UserError, match="contains the current directory"):
        train(training_config(corpus_tsv, cache_dir, Path(run_dir)))


def test_a_run_in_the_current_directory_goes_on(corpus_tsv, cache_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for n_steps in (2, 4):
        options = training_config(corpus_tsv, cache_dir, Path("."), **{"train.max_steps": n_steps})
        assert train(options) == 0
        assert checkpoint_steps(tmp_path, "state")[-1] == n_steps


def test_a_damaged_run_can_be_started_over(corpus_tsv, cache_dir, tmp_path):
    run = tmp_path / "run"
    assert train(training_config(corpus_tsv, cache_dir, run)) == 0
    write(run / "config.yaml", "damaged")
    assert train(training_config(corpus_tsv, cache_dir, run, resume=False)) == 0
    assert (tmp_path / "run.old1" / "config.yaml").read_text() == "damaged"


@pytest.mark.parametrize(
    "name", ["my run", "it's", "a;b", "$HOME", "-dash", "~", "测试 (1)", "a\\b"]
)
def test_the_commands_that_are_printed_can_be_pasted(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command("translate", Path(name)))
    assert words[:3] == ["python", "-m", "transformer_mt.translate"]
    assert parse_translate(words[3:]).run.absolute() == tmp_path / name
    assert command("evaluate", Path("runs/x")) == "python -m transformer_mt.evaluate runs/x"


def test_loss_that_is_not_finite_is_one_line(call, corpus_tsv, cache_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "transformer_mt.trainer.label_smoothed_loss", lambda states, *_: states.sum() * math.nan
    )
    options = training_options(corpus_tsv, cache_dir, tmp_path / "run")
    assert "the loss is nan" in call("train", *options).error


# -------------------------------------------------------------------------------- the run directory


def test_a_start_killed_before_it_wrote_its_configuration_is_no_hindrance(
    corpus_tsv, cache_dir, tmp_path
):
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    (run_dir / ".lock").touch()
    (run_dir / ".lock.owner").write_text("process 1 on here")
    (run_dir / ".config.yaml.99.tmp").write_text("half")
    assert train(training_config(corpus_tsv, cache_dir, run_dir)) == 0
    assert not list(run_dir.rglob("*.tmp"))


def test_a_trained_run_without_checkpoints_is_kept_aside(corpus_tsv, cache_dir, tmp_path, capsys):
    run_dir = tmp_path / "run"
    assert train(training_config(corpus_tsv, cache_dir, run_dir)) == 0
    weights = (run_dir / "model.safetensors").read_bytes()
    shutil.rmtree(run_dir / "checkpoints")
    assert train(training_config(corpus_tsv, cache_dir, run_dir, **{"train.lr": 0.02})) == 0
    assert "the old run is kept as" in capsys.readouterr().err
    assert (run_dir.with_name("run.old1") / "model.safetensors").read_bytes() == weights


def test_a_run_that_another_process_trained_meanwhile_is_left_alone(
    corpus_tsv, cache_dir, tmp_path, monkeypatch
):
    from transformer_mt import corpus

    run_dir = tmp_path / "run"
    whole, other = corpus.prepare, []

    def slow(config, *rest):
        if not other:
            other.append(1)
            assert train(training_config(corpus_tsv, cache_dir, run_dir)) == 0
        return whole(config, *rest)

    monkeypatch.setattr(corpus, "prepare", slow)
    with pytest.raises(
        UserError, match="was trained by another process meanwhile; run the same command again"
    ):
        train(training_config(corpus_tsv, cache_dir, run_dir))
    assert checkpoint_steps(run_dir, "state") == [4]


# --------------------------------------------------------------------------------- the command line


@pytest.mark.parametrize(
    "override, message",
    [
        ("train.warmup=1", "train.warmup: no such option; did you mean train.warmup_steps?"),
        ("train.max_step=5", "train.max_step: no such option; did you mean train.max_steps?"),
        ("qwertz=5", "qwertz: no such option; --cfg job shows them all"),
        (
            "train.max_steps=many",
            "train.max_steps: Value 'many' of type 'str' could not be converted to Integer",
        ),
        ("train.lr=[1,2]", "train.lr"),
        ("resume=perhaps", "resume: Value 'perhaps' is not a valid bool"),
        (
            "model.norm=sideways",
            "model.norm: Invalid value 'sideways', expected one of [post, pre]",
        ),
        ("train.schedule=linear", "expected one of [inverse_sqrt, cosine]"),
        ("train.lr=7", "train.lr=7"),
        ("model.d_model=510", "model.d_model=510 is not divisible by model.n_heads=4; try 512"),
        ("decode.beam_size=0", "decode.beam_size=0 is out of range"),
        ("direction=en-fr", "direction=en-fr does not fit data.languages=[en,zh]"),
        ("model=huge", "'model/huge'; model is one of base, big, small, tiny."),
        ("experiment=none_such", "experiment is one of own, starter, tatoeba."),
        ("+train.lrr=0.5", "train.lrr: no such option; did you mean train.lr?"),
        ("++train.warmup=0.5", "train.warmup: no such option; did you mean train.warmup_steps?"),
        ("+qwertz=5", "qwertz: no such option"),
        ("+data.a.b=5", "data.a"),
        ("+train={lrr: 1}", "train"),
        ("--beam", "unrecognized arguments: --beam; options are written key=value"),
        ("--cfg=nope", "invalid choice: 'nope'"),
        ("train.lr=(", "train.lr=("),
        ("data.languages=en", "data.languages"),
        ("starter", "'starter' is no option: write OPTION=VALUE; did you mean experiment=starter?"),
        ("tiny", "did you mean model=tiny?"),
        ("我的", "'我的' is no option: write OPTION=VALUE, as in"),
        ("", "'' is no option"),
        ("train.lr=[1,", "an option cannot be read: no viable alternative at input '[1,'; put"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(call, monkeypatch, tmp_path, override, message):
    monkeypatch.chdir(tmp_path)
    error = call("train", override).error
    assert message in error and "hydra.cc" not in error
    assert list(tmp_path.iterdir()) == []


def test_help_explains_every_option_and_names_every_group(call, monkeypatch):
    for columns in ("80", "300"):
        monkeypatch.setenv("COLUMNS", columns)
        out = call("train", "--help").out
        assert max(map(len, out.splitlines())) <= int(columns) + 20
        rows = {line.split("=")[0].strip() for line in out.splitlines() if "=" in line}
        assert flat(asdict(Config())).keys() <= rows
        words = " ".join(out.split())
        assert "train.lr=0.001 Peak learning rate of Adam; above 0." in words
        assert "model= base, big, small, tiny" in words
        assert "tokenizer.type=unigram SentencePiece model type. One of: unigram, bpe." in words
        assert "One of: inverse_sqrt, cosine." in words
        assert "data.languages=[en,zh]" in words and "train.max_steps=null" in words


def test_cfg_job_prints_every_option_and_leaves_nothing(call, monkeypatch, tmp_path):
    own = tmp_path / "own"
    (own / "experiment").mkdir(parents=True)
    (own / "experiment" / "mine.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /model: tiny\ntrain:\n  lr: 0.25\n  seed: 7\n"
    )
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    done = call("train", "--config-dir", own, "experiment=mine", "train.seed=5", "--cfg", "job")
    assert done.status == 0, done.err
    config = yaml.safe_load(done.out)
    assert set(flat(config)) == set(flat(asdict(Config())))
    assert (
        config["train"]["lr"] == 0.25 and config["train"]["seed"] == 5
    )  # experiment, command line
    assert (
        config["model"]["d_model"] == 128
        and config["decode"]["beam_size"] == DecodeConfig().beam_size
    )
    assert list((tmp_path / "empty").iterdir()) == []


def test_a_plus_before_an_option_changes_nothing(call, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for plus in ("", "+", "++"):
        done = call("train", f"{plus}train.lr=0.25", f"{plus}model=tiny", "--cfg", "job")
        config = yaml.safe_load(done.out)
        assert config["train"]["lr"] == 0.25 and config["model"]["d_model"] == 128
    done = call("train", "--cfg", "hydra", "+hydra.job.name=x")
    assert yaml.safe_load(done.out)["hydra"]["job"]["name"] == "x"


def test_an_option_that_a_group_of_the_users_adds_is_refused_unless_it_exists(
    call, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own" / "mine").mkdir(parents=True)
    good, bad = tmp_path / "own" / "mine" / "good.yaml", tmp_path / "own" / "mine" / "bad.yaml"
    good.write_text("# @package _global_\ntrain:\n  seed: 9\n")
    bad.write_text("speed: 9\n")
    done = call("train", "--config-dir", "own", "+mine=good", "--cfg", "job")
    assert yaml.safe_load(done.out)["train"]["seed"] == 9
    assert "Key 'mine' not in" in call("train", "--config-dir=own", "+mine=bad").error
    assert "speed: no such option" in call("train", "--config-dir=own", "+speed=9").error


@pytest.mark.parametrize(
    "arguments",
    [
        ["train.seed=5", "--cfg", "job", "train.lr=0.25"],
        ["--cfg", "job", "train.seed=5", "train.lr=0.25"],
        ["train.seed=5", "train.lr=0.25", "--cfg=job"],
        ["train.seed=5", "-c", "job", "train.lr=0.25", "--resolve"],
        ["train.seed=5", "--config-dir", ".", "train.lr=0.25", "--cfg", "job"],
    ],
)
def test_overrides_stand_on_both_sides_of_a_flag(call, monkeypatch, tmp_path, arguments):
    monkeypatch.chdir(tmp_path)
    done = call("train", *arguments)
    assert done.status == 0, done.err
    config = yaml.safe_load(done.out)["train"]
    assert (config["seed"], config["lr"]) == (5, 0.25)


def test_flags_that_do_not_go_together_are_one_line(call):
    assert "give only one of --run, --multirun" in call("train", "--cfg", "job", "-m").error
    assert "--resolve belongs to --cfg job" in call("train", "--resolve").error


def swept(call, monkeypatch, *arguments: object) -> tuple[list[Config], Done]:
    """The configurations of a sweep, without training."""
    configs: list[Config] = []
    monkeypatch.setattr("transformer_mt.train.train", lambda config: configs.append(config) or 0)
    return configs, call("train", *arguments)


def test_a_sweep_takes_overrides_on_both_sides_of_its_flag(call, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    configs, done = swept(call, monkeypatch, "train.lr=0.25", "--multirun", "train.seed=1,2")
    assert done.status == 0, done.err
    assert [(config.train.lr, config.train.seed) for config in configs] == [(0.25, 1), (0.25, 2)]


@pytest.mark.parametrize(
    "option, values",
    [
        ("data.train=a.tsv,b.tsv", ["a.tsv", "b.tsv"]),
        ("data.train=my a.tsv, my (1).tsv", ["my a.tsv", "my (1).tsv"]),
        ("data.train='a,1.tsv','b.tsv'", ["a,1.tsv", "b.tsv"]),
        ('data.train="a,1.tsv",it\'s.tsv', ["a,1.tsv", "it's.tsv"]),
        ("data.train=it's.tsv,b's.tsv", ["it's.tsv", "b's.tsv"]),
        ("data.train=[a.en,a.zh],[my b.en,b.zh]", [["a.en", "a.zh"], ["my b.en", "b.zh"]]),
        ("data.valid=null,b.tsv", [None, "b.tsv"]),
        ("data.train=is,there.tsv", ["is,there.tsv"]),
        ("data.train=one.tsv", ["one.tsv"]),
        ("data.train=~/a.tsv,~/b.tsv", ["/home/ada/a.tsv", "/home/ada/b.tsv"]),
        ("run_dir=x,y", ["x", "y"]),
    ],
)
def test_a_sweep_over_paths(call, monkeypatch, tmp_path, option, values):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ada")
    write(tmp_path / "is,there.tsv", "")
    configs, done = swept(call, monkeypatch, "data=files", option, "--multirun")
    assert done.status == 0, done.err
    key = option.partition("=")[0]
    found = [flat(asdict(config))[key] for config in configs]
    assert found == values
    folders = {config.run_dir for config in configs}
    assert len(folders) == len(values)
    for folder in folders:
        name = folder.partition("/")[2]
        assert re.fullmatch(r"[\w@%+=:,.-]*", name), folder


def test_the_folders_of_a_sweep_are_plain_names_and_differ():
    assert folder_name("train.seed=1,train.lr=0.001") == "train.seed=1,train.lr=0.001"
    assert folder_name("data.train='a.tsv',train.seed=1") == "data.train=a.tsv,train.seed=1"
    hostile = ["a b", "a_b", "a;b", "a/b", "a'b", 'a"b', "a$b", "a*b", "[a,b]", "{a}", "a\\b"]
    names = [folder_name(f"data.train='{text}'") for text in hostile]
    assert len(set(names)) == len(hostile)
    assert all(re.fullmatch(r"[\w@%+=:,.-]+", name) for name in names)
    assert names[1] == "data.train=a_b"


def test_help_shows_options_and_an_example(call, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    done = call("train", "--help")
    assert done.status == 0 and done.err == ""
    assert "python -m transformer_mt.train experiment=tatoeba" in done.out
    for name in ("max_minutes", "token_budget", "run_dir", "vocab_size", "starter"):
        assert name in done.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_sweep_trains_every_point_and_leaves_nothing_else(
    call, monkeypatch, tmp_path, corpus_tsv, cache_dir
):
    monkeypatch.chdir(tmp_path)
    changes = {"train.max_steps": 2, "train.average": 1, "train.seed": "1,2"}
    done = call(
        "train", "--multirun", *training_options(corpus_tsv, cache_dir, "runs/sweep", **changes)
    )
    assert done.status == 0, done.err
    names = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
    assert names == ["multirun.yaml", "sweep-train.seed=1", "sweep-train.seed=2"]
    for name, seed in zip(names[1:], (1, 2), strict=True):
        config = yaml.safe_load((tmp_path / "runs" / name / "config.yaml").read_text("utf-8"))
        assert config["train"]["seed"] == seed and config["run_dir"] == f"runs/{name}"
        assert (tmp_path / "runs" / name / "model.safetensors").is_file()


# -------------------------------------------------------------------------------------------- paths


def parsed(argument: str):
    """What Hydra makes of the override; a sweep would be several values."""
    override = OverridesParser.create().parse_override(quote_path(argument))
    assert not override.is_sweep_override()
    return override.value() if not hasattr(override.value(), "text") else override.value().text


@pytest.mark.parametrize(
    "path",
    [
        "runs/plain", "测试", "my run", "my (1).tsv", "a,b.tsv", "a=b.tsv", "it's.tsv",
        'say "hi".tsv', "x[1].tsv", "[x].tsv", "{a}.tsv", "a:b", "~/runs", "a\\b.tsv", "a\\",
        "a\\'b", "a\\\\", "-dash", "100%", "a$b", "a#b", "a;b|c&d", "true", "1e5", "12", "é 😀",
        " lead", "trail ", "a=b=c", "*?", "@x", "null.tsv",
    ],
)  # fmt: skip
@pytest.mark.parametrize("key", ["run_dir", "data.train"])
def test_a_path_reaches_the_run_as_it_was_written(key, path):
    assert str(parsed(f"{key}={path}")) == path


@pytest.mark.parametrize(
    "value, paths",
    [
        ("[a.en,b.zh]", ["a.en", "b.zh"]),
        ("[my a.en, 我 (1).zh]", ["my a.en", "我 (1).zh"]),
        ("['a.en','b.zh']", ["a.en", "b.zh"]),
        ('["a b.en", "c=d.zh"]', ["a b.en", "c=d.zh"]),
        ("[it's.en,b.zh]", ["it's.en", "b.zh"]),
    ],
)
def test_two_aligned_files_stay_a_list(value, paths):
    assert [str(path) for path in parsed(f"data.train={value}")] == paths


@pytest.mark.parametrize(
    "argument",
    [
        "data.valid=null", "run_dir=", "run_dir='a b'", 'run_dir="a b"', "train.lr=0.1",
        "run_dir=runs/${model.name}", "data=files", "--multirun", "--cfg", "train.seed=1,2",
        "data.languages=[de,en]", "+x=a b",
    ],
)  # fmt: skip
def test_what_is_no_bare_path_is_left_alone(argument):
    assert quote_path(argument) == argument


def test_a_home_is_expanded_in_every_path_option(call, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ada")
    keys = ("data.valid", "data.test", "data.cache_dir", "tokenizer.src_model", "run_dir")
    options = [*(f"{key}=~/{key}" for key in keys), "tokenizer.tgt_model='~/quoted'"]
    root = os.path.expanduser("~root")
    configs, done = swept(call, monkeypatch, *options, "data.train=[~/a.en,~root/a.zh]")
    assert done.status == 0, done.err
    options = flat(asdict(configs[0]))
    assert [options[key] for key in keys] == [f"/home/ada/{key}" for key in keys]
    assert options["tokenizer.tgt_model"] == "/home/ada/quoted"
    assert options["data.train"] == ["/home/ada/a.en", f"{root}/a.zh"]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_named_like_a_home_stays(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    config = Config(run_dir="./~/x")
    config.data.train, config.data.cache_dir = "a~/b", "./~"
    expand_paths(config)
    assert config.run_dir == str(tmp_path / "~" / "x")
    assert config.data.train == "a~/b" and config.data.cache_dir == str(tmp_path / "~")


def test_a_home_is_expanded_for_hydras_own_flags(call, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "own" / "experiment").mkdir(parents=True)
    file = tmp_path / "own" / "experiment" / "mine.yaml"
    file.write_text("# @package _global_\ntrain:\n  seed: 9\n")
    for flag in (["--config-dir=~/own"], ["--config-dir", "~/own"]):
        done = call("train", *flag, "experiment=mine", "--cfg", "job")
        assert yaml.safe_load(done.out)["train"]["seed"] == 9


def test_odd_paths_go_through_the_whole_command(call, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    done = call(
        "train", "data=files", "data.train=my (1), 中文=x.tsv", "run_dir=a b/测试", "--cfg", "job"
    )
    assert done.status == 0, done.err
    config = yaml.safe_load(done.out)
    assert config["data"]["train"] == "my (1), 中文=x.tsv" and config["run_dir"] == "a b/测试"
    assert (
        "data.train=my (1).tsv: no such file"
        in call("train", "data=files", "data.train=my (1).tsv").error
    )
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------- beginning with another run


OTHER_TEXT = [
    (f"{person} draw {thing} at night.", f"{人}夜里画{物}。")
    for person, 人 in PEOPLE.items()
    for thing, 物 in THINGS.items()
]


@pytest.fixture
def other_corpus(tmp_path) -> Path:
    """Text to fine-tune on, with words that the trained run has not seen."""
    return write(tmp_path / "other.tsv", "".join(f"{en}\t{zh}\n" for en, zh in OTHER_TEXT))


def fine_tuning(corpus: Path, cache: Path, begin: Path, **changes: object) -> list[str]:
    """Overrides that begin with a run, with nothing said of its model and its vocabularies."""
    changes = {"init_from": begin, "train.max_steps": 1} | changes
    options = training_options(corpus, cache, Path("unused"))
    others = [o for o in options if not o.startswith(("run_dir=", "model.", "tokenizer."))]
    return others + [f"{key}={value}" for key, value in changes.items()]


def test_a_run_begins_with_the_weights_and_vocabularies_of_another(
    call, trained_run, other_corpus, cache_dir, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    changes = {"train.lr": 1e-9, "train.average": 1, "model.dropout": 0.25}
    done = call("train", *fine_tuning(other_corpus, cache_dir, trained_run, **changes))
    assert done.status == 0 and "begins with the model and the vocabularies of" in done.err
    # Its name is made of the model that it has.
    run = tmp_path / "runs" / "files-en-zh-tiny"
    for name in ("src.spm.model", "tgt.spm.model"):
        assert (run / name).read_bytes() == (trained_run / name).read_bytes()
    before, _ = load_tensors(trained_run / "model.safetensors")
    now, metadata = load_tensors(run / "model.safetensors")
    assert metadata["steps"] == [1] and before.keys() == now.keys()
    for name, tensor in now.items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=1e-8)
    old, config = load_config(trained_run), load_config(run)
    assert config.init_from == str(trained_run) and old.init_from is None
    assert asdict(config.model) == asdict(old.model) | {"dropout": 0.25}
    assert asdict(config.tokenizer) == asdict(old.tokenizer)
    held_out = lines((run / "valid.tsv").read_text("utf-8"))
    assert held_out and {tuple(line.split("\t")) for line in held_out} <= set(OTHER_TEXT)


def test_a_run_that_began_with_another_goes_on_without_it(
    call, trained_run, other_corpus, cache_dir, tmp_path
):
    begin, run = tmp_path / "begin", tmp_path / "run"
    shutil.copytree(trained_run, begin, ignore=shutil.ignore_patterns("checkpoints"))
    source = {"name": "somebody/opus-mt-en-zh", "license": "cc-by-4.0"}
    tensors, metadata = load_tensors(begin / "model.safetensors")
    save_tensors(begin / "model.safetensors", tensors, metadata | {"source": source})
    options = fine_tuning(other_corpus, cache_dir, begin, run_dir=run)
    assert call("train", *options).status == 0
    whole = fine_tuning(
        other_corpus, cache_dir, begin, run_dir=tmp_path / "whole", **{"train.max_steps": 3}
    )
    assert call("train", *whole).status == 0
    shutil.rmtree(begin)
    done = call("train", *options, "train.max_steps=3")
    assert done.status == 0 and "begins with" not in done.err
    # What two starts make is what one makes, to the bit.
    final = {
        name: load_tensors(checkpoint_path(tmp_path / name, "state", 3))[0]
        for name in ("run", "whole")
    }
    for name, tensor in final["whole"].items():
        if name.startswith("model."):
            assert torch.equal(tensor, final["run"][name]), name
    # The licence of an imported model is not lost on the way.
    assert load_tensors(run / "model.safetensors")[1]["source"] == source
    error = call("train", *options, f"init_from={trained_run}").error
    assert f"init_from={trained_run} (was {begin})" in error


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"model.d_model": 64}, "another model or other vocabularies: model.d_model=64 (there 32)"),
        ({"model.norm": "post"}, "model.norm=post (there pre)"),
        ({"model": "small"}, "model.d_ff=1024 (there 64), model.d_model=256 (there 32), "),
        ({"tokenizer.vocab_size": 8000}, "tokenizer.vocab_size=8000 (there 340)"),
        ({"tokenizer.joint": "true"}, "tokenizer.joint=True (there False)"),
        (
            {"tokenizer.src_model": "a.model", "tokenizer.tgt_model": "b.model"},
            "tokenizer.src_model=a.model (there None)",
        ),
        ({"direction": "zh-en"}, "translates en-zh, but this run zh-en; set direction"),
        ({"data.languages": "[en,de]", "direction": "en-de"}, "en-zh, but this run en-de"),
        ({"run_dir": "RUN"}, "is run_dir itself: name another run_dir"),
        ({"init_from": "nowhere"}, "nowhere: no run here"),
        ({"init_from": "untrained"}, "untrained: no model here"),
    ],
)
def test_a_beginning_that_does_not_fit_is_one_line(
    call, trained_run, other_corpus, cache_dir, tmp_path, monkeypatch, changes, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "untrained").mkdir()
    shutil.copy(trained_run / "config.yaml", tmp_path / "untrained")
    before = contents(trained_run)
    changes = {"run_dir": "run"} | changes
    if changes["run_dir"] == "RUN":
        # By another name.
        changes["run_dir"] = f"{trained_run}/../{trained_run.name}"
    error = call("train", *fine_tuning(other_corpus, cache_dir, trained_run, **changes)).error
    assert message in error
    assert not (tmp_path / "run").exists() and contents(trained_run) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"experiment": "tatoeba"},  # whose model and vocabularies are others: nobody typed those
        {"model.d_model": 32, "tokenizer.vocab_size": 340},
        {"tokenizer.sampling_alpha": 0.1, "model.dropout": 0.3, "model.name": "mine"},
    ],
)
def test_what_agrees_or_was_not_typed_is_no_contradiction(
    call, trained_run, other_corpus, cache_dir, tmp_path, changes
):
    run, old = tmp_path / "run", load_config(trained_run)
    options = fine_tuning(other_corpus, cache_dir, trained_run, run_dir=run, **changes)
    done = call("train", *options)
    assert done.status == 0, done.err
    config, now = load_config(run), flat(asdict(load_config(run)))
    free = ("model.name", "model.dropout", "tokenizer.sampling_alpha")
    for key, value in flat(asdict(old)).items():
        if key.startswith(("model.", "tokenizer.")) and key not in free:
            assert now[key] == value
    for key, value in changes.items():
        assert key == "experiment" or now[key] == value
    assert config.decode.beam_size == (5 if "experiment" in changes else 4)


def test_the_script_of_chinese_is_that_of_the_beginning(
    call, trained_run, other_corpus, cache_dir, tmp_path, monkeypatch
):
    begin = tmp_path / "begin"
    shutil.copytree(trained_run, begin, ignore=shutil.ignore_patterns("checkpoints"))
    text = (begin / "config.yaml").read_text("utf-8")
    write(begin / "config.yaml", text.replace("script: as_is", "script: simplified"))
    options = fine_tuning(other_corpus, cache_dir, begin, run_dir=tmp_path / "run")
    (config,), done = swept(call, monkeypatch, *options)
    assert done.status == 0 and config.data.chinese_script == "simplified"
    (config,), _ = swept(call, monkeypatch, *options, "data.chinese_script=as_is")
    assert config.data.chinese_script == "as_is"
    monkeypatch.undo()
    done = call("train", *options, "data.chinese_script=as_is")
    assert done.status == 0
    said = f"warning: data.chinese_script=as_is, but {begin} was trained with simplified."
    assert said in done.err.splitlines()


def test_a_sweep_over_beginnings(call, monkeypatch, trained_run, tmp_path):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained_run, tmp_path / "a", ignore=shutil.ignore_patterns("checkpoints"))
    shutil.copytree(trained_run, tmp_path / "b", ignore=shutil.ignore_patterns("checkpoints"))
    text = (tmp_path / "b" / "config.yaml").read_text("utf-8")
    write(tmp_path / "b" / "config.yaml", text.replace("dropout: 0.1", "dropout: 0.4"))
    configs, done = swept(call, monkeypatch, "--multirun", "init_from=a,b")
    assert done.status == 0, done.err
    assert [(config.init_from, config.model.dropout) for config in configs] == [
        ("a", 0.1), ("b", 0.4),
    ]  # fmt: skip


def test_a_configuration_from_a_program_must_fit_its_beginning_too(
    trained_run, other_corpus, cache_dir, tmp_path
):
    changes = {"init_from": str(trained_run), "model.n_heads": 4}
    with pytest.raises(UserError, match=re.escape("model.n_heads=4 (there 2)")):
        train(training_config(other_corpus, cache_dir, tmp_path / "run", **changes))
