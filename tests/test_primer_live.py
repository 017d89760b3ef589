"""The primer with the model inside: what the page computes of any sentence is what Python computes,
and everything on the page follows."""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engines import EnginePage
from helpers import SENTENCES, make_run, write
from pages import Page
from selenium.webdriver import Chrome
from selenium.webdriver.support.ui import WebDriverWait

from transformer_mt import Translator
from transformer_mt.alignment import Rule
from transformer_mt.config import CrossAttention, EncoderGate, Norm
from transformer_mt.primer import live_part
from transformer_mt.view import live_data, page, primer_data
from transformer_mt.view.primer_data import primer_data as data_of

STATIC = {"run", "words", "scaling", "positions", "steps", "image", "sources"}
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
    assert found.keys() | STATIC == expected.keys() | {"unknown"}
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
    ("en-zh", Rule(), {"norm": Norm.pre, "encoder_gate": EncoderGate.channel}),
    (
        "zh-en",
        Rule(0, 1),
        {
            "norm": Norm.post,
            "cross_attention": CrossAttention.hard,
            "encoder_gate": EncoderGate.both,
        },
    ),
    (
        "en-zh",
        Rule(),
        {"encoder_gate": EncoderGate.spatial, "n_encoder_layers": 3, "n_decoder_layers": 1},
    ),
]


@pytest.mark.parametrize(("direction", "rule", "options"), MODELS)
def test_of_models_at_random(engine, tokenizers, folder, monkeypatch, direction, rule, options):
    """Both directions, with gates of their own and without; where the rule names a head, and where
    it names none."""
    monkeypatch.setattr(primer_data, "LONGEST_CHARACTERS", 400)  # models at random ramble
    run = make_run(folder / str(len(list(folder.iterdir()))), tokenizers, direction, model=options)
    rule_data = asdict(rule) | {"chosen_on": "nothing", "table": []}
    write(run / "alignment.json", json.dumps(rule_data))
    sentence = {"en-zh": "We draw.", "zh-en": "我画猫"}[direction]
    found = check_primer(engine, engine.load(run), sentence)
    assert found["study"]["on_tgt"] == (direction == "en-zh")


def test_characters_that_the_vocabulary_lacks_are_refused(engine, trained_run):
    """Of vocabularies without bytes, as imported ones may be."""
    engine.load(trained_run)
    engine.js("(engine.srcTokenizer.byte_fallback = false, 0)")
    caught = "(() => { try { engine.primer(a); } catch (error) { return error; } })()"
    found = engine.js(caught, "We see 猫!")
    assert (found["key"], found["values"]) == ("unknown", {"characters": ["猫"]})


# ----------------------------------------------------------------------------------- the page


class PrimerPage(Page):
    """A primer with the model inside, which takes a while to answer."""

    def wait(self, condition: str) -> "PrimerPage":
        WebDriverWait(self.browser, 120).until(lambda _: self.js(condition), condition)
        return self

    def type(self, text: str) -> None:
        """Put a text into the box as a keyboard does, and wait until the page has answered."""
        put = "(node.value = text, node.dispatchEvent(new InputEvent('input')))"
        self.js(f"((node, text) => {put})($('own-text'), arguments[0])", text)
        self.wait("$('own').ariaBusy === 'false'")

    def data(self) -> dict:
        """What the page draws from."""
        replace = "(_, value) => value instanceof Float32Array ? Array.from(value) : value"
        return json.loads(self.js(f"JSON.stringify({{...data, live: null}}, {replace})"))

    def values(self, selector: str) -> np.ndarray:
        return np.array([float(x) for x in self.each(selector, "node.dataset.value")])

    def heat(self, name: str) -> np.ndarray:
        cells = "[...node.querySelectorAll('td')].map((td) => td.dataset.value)"
        return np.array([[float(x) for x in row] for row in self.each(f"#{name} tbody tr", cells)])

    def says(self) -> str:
        return self.text("#own-status")


@pytest.fixture(scope="module")
def python(trained_run) -> Translator:
    return Translator(trained_run, "cpu", "fp32")


@pytest.fixture(scope="module")
def html(python, tmp_path_factory) -> Path:
    live = live_part(python)  # from now on it has the weights of the page
    text = page.render(data_of(python, "We see cats.") | {"live": live}, "primer_live.html")
    return write(tmp_path_factory.mktemp("primer") / "测试 page.html", text)


@pytest.fixture
def web(browser: Chrome, html) -> Iterator[PrimerPage]:
    opened = PrimerPage(browser, html.parent)
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get(html.as_uri())
    yield opened
    # The engine's script is the page's own.
    assert [each for each in opened.problems() if not each.startswith("blob:")] == []


def test_everything_follows_the_sentence(web, python):
    sentence = SENTENCES[1]
    web.type(sentence)
    web.wait("$('off-progress').textContent === ''")  # every head has been switched off
    expected = page.shown(data_of(python, sentence))
    found = web.data()
    order = lambda row: (row["kind"], row["layer"], row["head"])  # noqa: E731
    for data in (found, expected):
        data["off"]["rows"].sort(key=order)
    static = {key: found.pop(key) for key in STATIC}
    check_equal(found, {key: expected[key] for key in expected.keys() - STATIC})
    assert static["image"] == expected["image"]

    # And it is drawn: a number of every section, against the model.
    attention = python.attention(sentence, rule=Rule())
    layer, head = expected["cross"]["layer"], expected["cross"]["head"]
    assert (web.text("#src-text"), web.text("#tgt-text")) == (sentence, attention.tgt.text)
    assert sentence in web.text("#contents")
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-4)  # noqa: E731
    close(web.values("#s1-bars [data-bar]"), attention.cross[layer, head, 0])
    table = python.model.tgt_embedding.weight.detach()
    _, _, x = primer_data.character_vectors(python.tgt_tokenizer, table, attention.tgt.text)
    products = (x @ x.T).numpy()
    close(web.heat("s2-heat"), products)
    exps = np.exp(products - products.max(1, keepdims=True))
    close(web.heat("s3-heat"), exps / exps.sum(1, keepdims=True))
    shown = web.js("[layers[state.layer].layer, state.head]")
    assert shown == [expected["self"]["layer"], expected["self"]["head"]]  # the most telling one
    close(web.heat("s4-weights"), attention.encoder_self[tuple(shown)])
    close(web.heat("s7-heat"), attention.cross[layer, head])
    close(web.heat("s9-heat"), attention.decoder_self[layer, head])
    close(web.values("#s9-bars [data-bar]"), np.exp(attention.log_probs))
    assert len(web.each("#off [data-off]", "1")) == len(expected["off"]["rows"])
    assert web.each("#path li", "node.dataset.path") == [
        f"{name} {' '.join(map(str, sizes))}" for name, sizes in expected["path"]
    ]
    close(web.values("#s10-temporal [data-bar]"), expected["kinds"]["temporal"][0])


def test_a_longer_and_a_shorter_sentence_keep_what_was_chosen(web, python):
    web.type(SENTENCES[1])
    head = web.js("1 - self.head")  # not the one that the page begins with
    web.js("set({ token: 7, writing: 6, head: 1 - self.head }, drawHead)")
    web.type(SENTENCES[0])
    n = len(python.attention(SENTENCES[0]).src.ids)
    assert web.js("[state.token, state.head]") == [min(7, n - 1), head]
    assert web.heat("s4-weights").shape == (n, n)


def test_what_is_wrong_is_said_under_the_box(web):
    shown = web.text("#tgt-text")
    for text, says in (
        ("", "The box is empty."),
        (" \u3000 ", "The box is empty."),
        ("We see cats and " * 20, r"This is too long: \d+ tokens, and the page draws at most 40\."),
    ):
        web.type(text)
        assert re.match(says, web.says()), web.says()
        assert "The page still shows: \u2068We see cats.\u2069" in web.says()
        assert web.text("#tgt-text") == shown and web.find("#own-example").is_enabled()
    web.click("#language")
    assert re.search("太长了：共 .*最多画 40 个", web.says()) and "本页仍显示" in web.says()
    web.click("#language")
    web.type("We see 猫!")
    assert "lacks \u2068猫\u2069; the model reads bytes instead" in web.says()
    assert web.text("#src-text") == "We see 猫!"


def test_of_several_sentences_the_first_is_explained(web):
    web.type(f"{SENTENCES[2]} {SENTENCES[0]}")
    assert web.text("#src-text") == SENTENCES[2] and "the page explains the first" in web.says()
    web.type(SENTENCES[0])
    assert web.text("#src-text") == SENTENCES[0] and web.says() == ""


def test_the_way_back_to_the_example(web):
    before = web.data()
    assert not web.find("#own-example").is_enabled()
    web.type(SENTENCES[2])
    assert web.data()["src"]["text"] == SENTENCES[2]
    web.click("#own-example")
    assert web.data() == before and web.says() == ""
    assert web.js("$('own-text').value") == "We see cats."


def test_hostile_text_does_no_harm(web):
    text = "<img src=x onerror=alert(1)> & </b>"
    web.type(text)
    assert web.js("document.querySelectorAll('main img, nav img, header img').length") == 0
    assert text in web.js("$('own-text').value")


def test_forty_tokens_on_a_phone_in_both_languages(web, python):
    text = "We see cats and " * 20
    ids = python.src_tokenizer.encode([text])[0][: primer_data.LONGEST - 1]
    long_text = python.src_tokenizer.decode([ids])[0]
    assert len(python.src_tokenizer.encode([long_text])[0]) == primer_data.LONGEST
    metrics = {"width": 390, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    web.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        web.type(long_text)
        if web.text("#src-text") != long_text:  # its translation may not fit the page
            assert "translation is too long" in web.says() or "Chinese side" in web.says()
        for _ in range(2):
            assert web.js("document.documentElement.scrollWidth") <= 390
            assert not re.search(r"undefined|NaN|\[object", web.js("document.body.innerText"))
            web.click("#language")
    finally:
        web.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


# -------------------------------------------------------------------------------- the command


@pytest.fixture
def no_switching(monkeypatch) -> None:
    """Leave out what takes longest: translating without each head."""
    nothing = {"whole": {"text": "", "log_prob": 0.0}, "rows": []}
    monkeypatch.setattr(primer_data, "without_heads", lambda *_: nothing)


def test_the_command_puts_the_model_into_the_page(
    call, trained_run, tmp_path, monkeypatch, no_switching
):
    output = tmp_path / "page.html"
    done = call("primer", trained_run, "We see cats.", "--live", "--output", output)
    assert done.status == 0 and f"open {output}" in done.err
    text = output.read_text("utf-8")
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    assert len(json.loads(data)["live"]["tensors"]) > 10
    assert not re.search(r"https?://(?!www\.w3\.org)", text)
    assert not re.search(r"\beval\(|new Function|import\(|innerHTML", text)
    plain = tmp_path / "plain.html"
    assert call("primer", trained_run, "We see cats.", "--output", plain).status == 0
    assert "class Engine" not in plain.read_text("utf-8")

    for limit in (1000, output.stat().st_size - 1):
        monkeypatch.setattr(live_data, "LIMIT", limit)
        other = tmp_path / "other.html"
        error = call("primer", trained_run, "We see cats.", "--live", "--output", other).error
        assert "MB with" in error and "leave --live out" in error and not other.exists()
    monkeypatch.setattr(live_data, "LIMIT", output.stat().st_size)
    assert call("primer", trained_run, "We see cats.", "--live", "--output", other).status == 0
