"""Options: every YAML file composes, every bad value is refused in one line."""

import re
from dataclasses import asdict, replace

import pytest
from helpers import TRAINING, training_config
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from transformer_mt.config import (
    CONF_DIR,
    STARTER_DIR,
    Config,
    DataConfig,
    DecodeConfig,
    ModelConfig,
    TokenizerConfig,
    TrainConfig,
    UserError,
    explanations,
)
from transformer_mt.train import flat


def composed(*overrides: str) -> Config:
    """What the command would be given."""
    OmegaConf.register_new_resolver("starter", lambda name: str(STARTER_DIR / name), replace=True)
    ConfigStore.instance().store(name="schema", node=Config)
    with initialize_config_dir(config_dir=str(CONF_DIR), version_base="1.3"):
        config = OmegaConf.to_object(compose("config", overrides=list(overrides)))
    assert isinstance(config, Config)
    return config


def choices(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF_DIR / group).glob("*.yaml"))


# -------------------------------------------------------------------------------------- composition


def test_every_group_of_the_configuration_is_tested():
    assert {path.parent.name for path in CONF_DIR.rglob("*.yaml")} == {
        CONF_DIR.name,
        "data",
        "model",
        "experiment",
    }
    assert choices("data") == ["files", "news_commentary", "opus100", "starter", "tatoeba", "wmt19"]
    assert choices("model") == ["base", "big", "small", "tiny"]


def test_the_defaults():
    config = composed()
    assert (config.data.name, config.model.name, config.direction) == ("starter", "small", "en-zh")
    assert config.run_dir == "runs/starter-en-zh-small"
    assert config.data.train == str(STARTER_DIR / "train.tsv") and config.data.links_column == "2"
    assert (config.src_language, config.tgt_language) == ("en", "zh")
    small = config.model
    assert (small.d_model, small.n_heads, small.d_ff) == (256, 4, 1024)
    assert (small.n_encoder_layers, small.n_decoder_layers) == (3, 3)


@pytest.mark.parametrize(
    "group, name", [(g, name) for g in ("data", "model") for name in choices(g)]
)
def test_every_choice_composes(group, name):
    config = composed(f"{group}={name}", "direction=zh-en")
    assert getattr(config, group).name == name
    assert name in config.run_dir and "zh-en" in config.run_dir
    assert (config.src_language, config.tgt_language) == ("zh", "en")


@pytest.mark.parametrize("name", choices("experiment"))
def test_every_experiment_composes(name):
    config = composed(f"experiment={name}")
    assert name in config.run_dir
    data = {"own": "files"}.get(name, name)
    assert config != composed(f"data={data}", f"model={config.model.name}")


def test_a_command_line_beats_an_experiment_which_beats_the_defaults():
    plain, experiment = composed("data=tatoeba"), composed("experiment=tatoeba")
    assert experiment.tokenizer.vocab_size != plain.tokenizer.vocab_size
    both = composed("experiment=tatoeba", "tokenizer.vocab_size=1234", "model=tiny")
    assert both.tokenizer.vocab_size == 1234 and both.model.name == "tiny"
    assert both.train.lr == experiment.train.lr
    assert both.model.dropout == experiment.model.dropout


def test_other_languages_need_two_options_only():
    config = composed("data=files", "data.train=x.tsv", "data.languages=[de,en]", "direction=de-en")
    assert (config.src_language, config.tgt_language) == ("de", "en")


@pytest.mark.parametrize(
    "direction, sides", [("en-zh-CN", ("en", "zh-CN")), ("zh-CN-en", ("zh-CN", "en"))]
)
def test_a_language_code_may_have_a_hyphen(direction, sides):
    config = composed(
        "data=files", "data.train=x.tsv", "data.languages=[en,zh-CN]", f"direction={direction}"
    )
    assert (config.src_language, config.tgt_language) == sides
    with pytest.raises(
        UserError, match=r"direction=en-zh does not fit .*; use en-zh-CN or zh-CN-en"
    ):
        replace(config, direction="en-zh")


# --------------------------------------------------------------------------------------- bad values


@pytest.mark.parametrize(
    "kind, values, message",
    [
        (DataConfig, {"max_bytes": 0}, "data.max_bytes=0 is out of range: it must be at least 1"),
        (
            DataConfig,
            {"max_ratio": 0.5},
            "data.max_ratio=0.5 is out of range: it must be at least 1",
        ),
        (DataConfig, {"held_out": 0}, "data.held_out=0 is out of range"),
        (DataConfig, {"languages": ["en"]}, "data.languages=['en'] is out of range"),
        (DataConfig, {"languages": ["en", "en"]}, "a list of two different entries"),
        (DataConfig, {"columns": ["1", "1"]}, "data.columns=['1', '1'] is out of range"),
        (DataConfig, {"columns": ["0", "1", "2"]}, "data.columns="),
        (
            TokenizerConfig,
            {"vocab_size": 299},
            "tokenizer.vocab_size=299 is out of range: it must be from 300",
        ),
        (
            TokenizerConfig,
            {"vocab_size": 1_000_001},
            "tokenizer.vocab_size=1000001 is out of range",
        ),
        (
            TokenizerConfig,
            {"sampling_alpha": -0.1},
            "tokenizer.sampling_alpha=-0.1 is out of range",
        ),
        (DataConfig, {"source_noise": 1.1}, "data.source_noise=1.1 is out of range"),
        (TokenizerConfig, {"sampling_alpha": 1.1}, "it must be from 0 (off) to 1"),
        (
            TokenizerConfig,
            {"joint": True, "src_model": "a", "tgt_model": "b"},
            "tokenizer.tgt_model is set, but",
        ),
        (
            TokenizerConfig,
            {"src_model": "a"},
            "set both tokenizer.src_model and tokenizer.tgt_model",
        ),
        (
            TokenizerConfig,
            {"tgt_model": "a"},
            "set both tokenizer.src_model and tokenizer.tgt_model",
        ),
        (ModelConfig, {"d_model": 0}, "model.d_model=0 is out of range: it must be at least 1"),
        (
            ModelConfig,
            {"d_model": 510, "n_heads": 8},
            "model.d_model=510 is not divisible by model.n_heads=8; try 512",
        ),
        (ModelConfig, {"d_model": 100, "n_heads": 3}, "try 102."),
        (
            ModelConfig,
            {"d_model": 15, "n_heads": 3},
            "model.d_model=15 is out of range: it must be even",
        ),
        (ModelConfig, {"n_heads": 0}, "model.n_heads=0 is out of range"),
        (ModelConfig, {"d_ff": -1}, "model.d_ff=-1 is out of range"),
        (ModelConfig, {"n_encoder_layers": 0}, "model.n_encoder_layers=0 is out of range"),
        (ModelConfig, {"n_decoder_layers": 0}, "model.n_decoder_layers=0 is out of range"),
        (
            ModelConfig,
            {"dropout": 1.0},
            "model.dropout=1.0 is out of range: it must be from 0 to below 1",
        ),
        (ModelConfig, {"dropout": -0.1}, "model.dropout=-0.1 is out of range"),
        (ModelConfig, {"max_len": 1}, "model.max_len=1 is out of range"),
        (ModelConfig, {"max_len": 65_537}, "model.max_len=65537 is out of range"),
        (
            TrainConfig,
            {"max_steps": 0},
            "train.max_steps=0 is out of range: it must be above 0, or null",
        ),
        (TrainConfig, {"max_epochs": -1}, "train.max_epochs=-1 is out of range"),
        (TrainConfig, {"max_minutes": 0.0}, "train.max_minutes=0.0 is out of range"),
        (TrainConfig, {"max_epochs": None}, "no limit is set: give train.max_steps"),
        (TrainConfig, {"token_budget": 0}, "train.token_budget=0 is out of range"),
        (TrainConfig, {"accumulate": 0}, "train.accumulate=0 is out of range"),
        (TrainConfig, {"lr": 0.0}, "train.lr=0.0 is out of range: it must be above 0 and below 1"),
        (TrainConfig, {"lr": 1.0}, "train.lr=1.0 is out of range"),
        (TrainConfig, {"lr": float("nan")}, "train.lr=nan is out of range"),
        (TrainConfig, {"warmup_steps": 0}, "train.warmup_steps=0 is out of range"),
        (TrainConfig, {"label_smoothing": 1.0}, "train.label_smoothing=1.0 is out of range"),
        (TrainConfig, {"clip_norm": -1.0}, "train.clip_norm=-1.0 is out of range"),
        (TrainConfig, {"average": 0}, "train.average=0 is out of range"),
        (TrainConfig, {"patience": -1}, "train.patience=-1 is out of range"),
        (TrainConfig, {"validate_every": 0}, "train.validate_every=0 is out of range"),
        (TrainConfig, {"checkpoint_every": 0}, "train.checkpoint_every=0 is out of range"),
        (TrainConfig, {"log_every": 0}, "train.log_every=0 is out of range"),
        (TrainConfig, {"samples": -1}, "train.samples=-1 is out of range"),
        (TrainConfig, {"seed": -1}, "train.seed=-1 is out of range"),
        (TrainConfig, {"seed": 2**63}, "train.seed=9223372036854775808 is out of range"),
        (
            DecodeConfig,
            {"beam_size": 0},
            "decode.beam_size=0 is out of range: it must be from 1 to 1000",
        ),
        (DecodeConfig, {"length_penalty": -0.1}, "decode.length_penalty=-0.1 is out of range"),
        (DecodeConfig, {"length_penalty": 11.0}, "it must be from 0 to 10"),
        (DecodeConfig, {"n_best": 0}, "decode.n_best=0 is out of range"),
        (
            DecodeConfig,
            {"n_best": 3, "beam_size": 2},
            "decode.n_best=3 is out of range: it must be from 1 to the beam size, 2",
        ),
        (
            DecodeConfig,
            {"batch_tokens": 0},
            "decode.batch_tokens=0 is out of range: it must be at least 1",
        ),
        (
            Config,
            {"direction": "en-fr"},
            "direction=en-fr does not fit data.languages=[en,zh]; use en-zh or zh-en",
        ),
        (Config, {"direction": "zh"}, "direction=zh does not fit"),
    ],
)
def test_a_value_out_of_range_is_refused_with_its_rule(kind, values, message):
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        kind(**values)
    assert "\n" not in str(caught.value)


def test_the_width_that_is_suggested_is_accepted():
    for d_model in range(1, 70):
        for n_heads in range(1, 13):
            try:
                ModelConfig(d_model=d_model, n_heads=n_heads)
            except UserError as error:
                if near := re.search(r"try (\d+)", str(error)):
                    ModelConfig(d_model=int(near[1]), n_heads=n_heads)


# --------------------------------------------------------------------------- names and explanations


def test_option_names_are_those_of_the_schema():
    names = flat(asdict(Config()))
    assert len(names) == len(set(names))
    assert {
        "run_dir",
        "resume",
        "direction",
        "train.max_minutes",
        "tokenizer.sampling_alpha",
    } <= set(names)


def test_every_option_is_explained_by_the_text_below_it():
    texts = explanations(Config())
    options = flat(asdict(Config())).keys()
    assert texts.keys() == {*options, "data", "tokenizer", "model", "train", "decode"}
    assert texts["train.lr"] == "Peak learning rate of Adam; above 0."
    assert texts["train"].startswith("Updates, their limits") and all(texts.values())


def test_the_options_of_the_tests_are_options():
    assert set(TRAINING) <= set(flat(asdict(Config())))
    assert training_config("a", "b", "c").train.max_steps == TRAINING["train.max_steps"]
