"""The primer with the model inside: what the page computes of any sentence is what Python computes,
and everything on the page follows."""

import base64
import json

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engines import EnginePage
from helpers import SENTENCES, make_run, write
from pages import Page
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.support.ui import WebDriverWait

from transformer_mt import Translator
from transformer_mt.alignment import Rule
from transformer_mt.config import CrossAttention, EncoderGate, Norm
from transformer_mt.view import live_data, page, primer_data
from transformer_mt.view.primer_data import LONGEST, character_vectors
from transformer_mt.view.primer_data import primer_data as data_of

STATIC = {"run", "words", "scaling", "positions", "steps", "image"}
"""What is the same for every sentence."""


# --------------------------------------------------------------------- what the engine computes


@pytest.fixture(scope="module")
def engine(browser: Chrome, tmp_path_factory) -> EnginePage:
    return EnginePage(browser, tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("runs")


def is_array(value: Any) -> bool:
    """Whether these are numbers, in lists of one shape."""
    try:
        return np.array(value).dtype.kind in "fi"
    except ValueError:
        return False


def check_equal(found: Any, expected: Any, where: str = "") -> None:
    """The same structure, the same text, and numbers within 1e-4; base64 holds arrays."""
    if isinstance(expected, dict):
        assert found.keys() >= expected.keys(), where
        for key, value in expected.items():
            check_equal(found[key], value, f"{where}.{key}")
    elif isinstance(expected, str) and isinstance(found, list):
        numbers = np.frombuffer(base64.b64decode(expected), "<f4")
        np.testing.assert_allclose(found, numbers, rtol=0, atol=1e-4, err_msg=where)
    elif isinstance(expected, list) and not is_array(expected):
        assert len(found) == len(expected), where
        for i, pair in enumerate(zip(found, expected, strict=True)):
            check_equal(*pair, f"{where}[{i}]")
    elif isinstance(expected, str | bool | None):
        assert found == expected, where
    else:
        # Gradients and variances may be large.
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4, err_msg=where)


def check_primer(engine: EnginePage, translator: Translator, sentence: str) -> dict:
    """Everything of `primer_data`, heads that are off included, against the engine's."""
    expected = page.shown(data_of(translator, sentence))
    found = engine.js("engine.primer(a)", sentence)
    assert STATIC | found.keys() == expected.keys() | {"unknown"}
    ids = [found[side]["ids"] for side in ("src", "tgt")]
    heads = [[row[key] for key in ("kind", "layer", "head")] for row in expected["off"]["rows"]]
    off = "c.map((head) => engine.withoutHead(a, b, ...head))"
    found["off"]["rows"] = engine.js(off, *ids, heads)
    check_equal(found, {key: expected[key] for key in expected.keys() - STATIC})
    return found


def test_the_engine_gives_what_python_gives(engine, trained_run):
    """Of a trained model, into Chinese."""
    translator = engine.load(trained_run)
    for sentence in [*SENTENCES[:3], "We draw 猫 and fish!"]:
        found = check_primer(engine, translator, sentence)
        assert found["study"]["by_character"] and found["study"]["on_tgt"]
    assert found["unknown"] == ["猫"]


MODELS = [
    {"norm": Norm.pre},
    {"norm": Norm.post, "cross_attention": CrossAttention.hard, "encoder_gate": EncoderGate.both},
    {"encoder_gate": EncoderGate.channel, "n_encoder_layers": 1, "n_decoder_layers": 3},
    {"encoder_gate": EncoderGate.spatial, "n_encoder_layers": 3, "n_decoder_layers": 1},
]


@pytest.mark.parametrize("options", MODELS, ids=str)
@pytest.mark.parametrize("direction", ["en-zh", "zh-en"])
def test_of_models_at_random(engine, tokenizers, folder, direction, options):
    """Both directions, with gates of their own and without; where the rule names a head, and where
    it names none."""
    run = make_run(folder / str(len(list(folder.iterdir()))), tokenizers, direction, model=options)
    rule = Rule(0, 1) if options.get("encoder_gate") is EncoderGate.both else Rule()
    write(run / "alignment.json", json.dumps(asdict(rule) | {"chosen_on": "nothing", "table": []}))
    sentence = {"en-zh": "We draw.", "zh-en": "我画猫"}[direction]
    found = check_primer(engine, engine.load(run), sentence)
    assert found["study"]["on_tgt"] == (direction == "en-zh")
