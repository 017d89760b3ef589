"""The live page in a real browser, off line: what follows the keyboard is what Python computes,
what a person changes can be undone and shared, and hostile text does no harm."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from helpers import SENTENCES, write
from pages import Page
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.support.ui import WebDriverWait

from transformer_mt import Translator
from transformer_mt.run_dir import put_weights
from transformer_mt.view.equations import switch_off_head
from transformer_mt.view.live_data import live_data, pack_weights
from transformer_mt.view.page import render

HOSTILE = "<img src=x onerror=alert(1)>"
EXAMPLES = [["We draw fish and cats!", "我们画鱼和猫！"], ["You see books!", "你看书！"]]
IDLE = "$('studio').ariaBusy === 'false'"
SETTLED = f"{IDLE} && !found.error && data?.left_out !== null && found.page === data"


class LivePage(Page):
    """A live page, which takes a while to answer."""

    def open_at(self, path: Path, fragment: str = "") -> "LivePage":
        self.browser.get("about:blank")  # another fragment alone would not load the page again
        for log in ("browser", "performance"):
            self.browser.get_log(log)
        self.browser.get(path.as_uri() + fragment)
        return self

    def wait(self, condition: str = SETTLED) -> "LivePage":
        """Until a JavaScript expression holds; at first, until everything is computed."""
        WebDriverWait(self.browser, 60).until(lambda _: self.js(condition), condition)
        return self

    def type(self, selector: str, text: str) -> None:
        """Put a text in place of another, key by key."""
        self.focus(selector)
        self.js("document.querySelector(arguments[0]).select()", selector)
        self.press(text or Keys.DELETE)

    def translation(self) -> str:
        return self.text("#tgt-text")

    def unasked(self) -> list[str]:
        """Console messages and requests, but for the engine, which the page makes itself."""
        return [problem for problem in self.problems() if not problem.startswith("blob:")]


@pytest.fixture(scope="module")
def python(trained_run) -> Translator:
    """The weights that the page has, rounded to 16 bits."""
    translator = Translator(trained_run, "cpu", "fp32")
    put_weights(translator.model, pack_weights(translator.run, 16)[1], trained_run)
    return translator


@pytest.fixture(scope="module")
def html(python, tmp_path_factory) -> Path:
    """The page of the trained run."""
    data = live_data(python, pack_weights(python.run, 16)[0]) | {"examples": EXAMPLES}
    text = render(data, "explore.html")
    return write(tmp_path_factory.mktemp("live") / "测试 page.html", text)


@pytest.fixture
def live(browser: Chrome, html) -> LivePage:
    """The page with its first sentence translated."""
    return LivePage(browser, html.parent).open_at(html).wait()


# -------------------------------------------------------------------------------------- a sentence


def test_translation_and_numbers_follow_the_keyboard(live, python):
    assert live.js("document.getElementById('text').value") == EXAMPLES[0][0]
    for sentence in SENTENCES:
        live.type("#text", sentence)
        live.wait(f"choices.text === {json.dumps(sentence)}").wait()
        attention = python.attention(sentence)
        assert live.translation() == attention.tgt.text
        assert live.each("#keys .token .piece", "node.textContent")[-1] == "</s>"
        live.switch(merge=False, shift=False)
        live.choose("cross", 0, 1)
        np.testing.assert_allclose(live.matrix(), attention.cross[0, 1], atol=1e-5)
        live.click("#rule")
    assert live.unasked() == []


def test_leave_one_out_follows(live, python):
    live.type("#text", "You see books!")
    live.wait("choices.text === 'You see books!'").wait()
    attention = python.attention("You see books!")
    expected = python.inspector.left_out(attention.src, attention.tgt)
    live.switch(left_out=True)
    drops = [float(x) for x in live.each("#bars [data-drop]", "node.dataset.drop")]
    np.testing.assert_allclose(drops, expected[0], atol=1e-4)


def test_results_of_older_texts_are_dropped(live, python):
    """However fast one types, the last text wins, and few of the others are computed."""
    live.js(
        "(calls = 0, answer = engine.call, engine.call = (...values) => "
        "(values[0] === 'attention' && calls++, answer(...values)))"
    )
    texts = [SENTENCES[1][: n + 1] for n in range(len(SENTENCES[1]))]
    live.js(
        "arguments[0].forEach((text) => { $('text').value = text; "
        "$('text').dispatchEvent(new InputEvent('input', {bubbles: true})); })",
        texts,
    )
    live.wait(f"choices.text === {json.dumps(texts[-1])}").wait()
    assert live.translation() == python.translate([texts[-1]])[0].text
    assert live.js("calls") <= 2


def test_a_word_that_is_being_composed_waits(live):
    before = live.translation()
    live.js(
        "($('text').value = 'wo', $('text').dispatchEvent("
        "new InputEvent('input', {isComposing: true, bubbles: true})))"
    )
    assert live.js("choices.text") == EXAMPLES[0][0] and live.translation() == before
    live.js("($('text').value = '我', $('text').dispatchEvent(new CompositionEvent("
            "'compositionend')))")  # fmt: skip
    assert live.js("choices.text") == "我"


def test_sentences_to_start_from(live, python):
    assert live.text("#reference") == EXAMPLES[0][1]
    live.click("#examples button:nth-child(2)")
    live.wait("choices.text === 'You see books!'").wait()
    assert live.js("$('text').value") == "You see books!"
    assert live.translation() == python.translate(["You see books!"])[0].text
    assert live.text("#reference") == "你看书！"


def test_several_sentences_are_translated_one_by_one(live, python):
    texts = ["We draw fish and cats!", "You see books!", "I like tea."]
    line = "  ".join(texts)
    singly = [translation.text for translation in python.translate(texts)]
    live.type("#text", line)
    live.wait(f"choices.text === {json.dumps(line)}").wait()
    assert live.translation() == "".join(singly) == python.translate([line])[0].text
    assert live.each("#sentences button", "node.textContent") == texts
    assert "3 sentences" in live.text("#sentences span")
    assert live.js("data.src.text") == texts[2]  # the one that is being typed

    live.click("#sentences button:nth-of-type(1)")
    live.wait("choices.sentence === 0").wait()
    assert live.js("data.src.text") == texts[0] and live.translation() == "".join(singly)
    pressed = live.each("#sentences button", "node.getAttribute('aria-pressed')")
    assert pressed == ["true", "false", "false"]
    # What is changed is that sentence, and a link holds which.
    live.type("#target", "我喜欢苹果。")
    live.wait("choices.target !== null").wait()
    assert live.translation() == "我喜欢苹果。" + singly[1] + singly[2]
    assert live.text("#own-text") == singly[0]
    again = live.js("JSON.stringify(readFragment(fragmentOf(choices)).choices)")
    assert json.loads(again) == live.js("choices")

    live.type("#text", texts[1])
    live.wait(f"choices.text === {json.dumps(texts[1])}").wait()
    assert live.translation() == singly[1] and not live.find("#sentences").is_displayed()
    assert live.unasked() == []


def test_what_is_wrong_with_a_text_is_said(live, python):
    limit = python.config.model.max_len
    live.type("#text", "")
    live.wait("found.error?.key === 'empty'")
    assert "Type a sentence" in live.text("#status") and live.translation() == ""
    assert live.js("$('text').placeholder") == "Type a sentence"
    live.js(f"($('text').value = 'a b '.repeat({limit}), "
            "$('text').dispatchEvent(new InputEvent('input')))")  # fmt: skip
    live.wait("found.error?.key === 'tooLong'")
    assert f"at most {limit}" in live.text("#status")
    live.type("#text", "I like 鑫鑫.")
    live.wait("choices.text === 'I like 鑫鑫.'").wait()
    assert "lacks ⁨鑫⁩" in live.text("#status") and live.translation()
    assert live.unasked() == []


# ----------------------------------------------------------------------------- changes of a person


def test_the_translation_goes_on_from_another_candidate(live):
    own = live.translation()
    own_ids = live.js("data.tgt.ids")
    live.click("#next")
    live.click("#candidates li:not(.taken) button")
    live.wait("choices.prefix.length === 2").wait()
    prefix = live.js("choices.prefix")
    assert prefix[0] == own_ids[0] and prefix[1] != own_ids[1]
    assert live.js("data.tgt.ids.slice(0, 2)") == prefix
    assert live.text("#own-text") == own != live.translation()
    # The model's own beginning leads to the model's own translation.
    live.js("goOnFrom(arguments[0])", own_ids[:2])
    live.wait()
    assert live.js("data.tgt.ids") == own_ids
    live.click("#reset")
    live.wait("!choices.prefix.length && !found.own").wait()
    assert live.translation() == own and not live.find("#own-text").is_displayed()


def test_a_translation_of_ones_own(live, python):
    forced = "我喜欢苹果。"
    live.type("#target", forced)
    live.wait(f"choices.target === {json.dumps(forced)}").wait()
    attention = python.attention(EXAMPLES[0][0], forced)
    assert live.translation() == forced
    length = len(attention.log_probs)
    score = attention.log_probs.sum() / ((5 + length) / 6) ** python.decode.length_penalty
    assert float(live.text("#score").split()[1].replace("−", "-")) == pytest.approx(score, abs=1e-3)
    assert "no search" in live.text("#beam-text") and not live.find("#search").is_displayed()
    live.type("#target", "")
    live.wait("choices.target === null").wait()
    assert live.translation() == python.translate([EXAMPLES[0][0]])[0].text


def test_a_reference_can_be_looked_at(live):
    live.click("#force")
    live.wait("choices.target !== null").wait()
    assert live.translation() == EXAMPLES[0][1] == live.js("$('target').value")


def test_a_head_is_switched_off_and_on(live, python):
    before = live.matrix()
    own = live.translation()
    off = [("cross", 0, head) for head in range(python.config.model.n_heads)]
    live.choose("cross", 0, None)  # the mean of a layer stands for all of its heads
    live.click("#head-on")
    live.wait(f"choices.off.length === {len(off)}").wait()
    layer = python.model.attention_layers()["cross"][0]
    trained = layer.w_o.weight.detach().clone()
    try:
        layer.w_o.weight.data.zero_()
        assert live.translation() == python.translate([EXAMPLES[0][0]])[0].text
    finally:
        layer.w_o.weight.data.copy_(trained)
    assert live.text("#own-text") == own
    assert len(live.each(".thumbs button.off", "node")) == len(off)
    live.click("#head-on")
    live.wait("!choices.off.length").wait()
    live.click("#rule")
    np.testing.assert_array_equal(live.matrix(), before)
    assert live.translation() == own


def test_a_head_that_is_off_has_no_output_in_the_sum(live, python):
    live.switch(merge=False, shift=False)
    live.choose("cross", 0, 1)
    live.click("#head-on")
    live.wait("choices.off.length === 1").wait()
    with switch_off_head(python.model.attention_layers()["cross"][0], 1):
        attention = python.attention(EXAMPLES[0][0])
    assert live.translation() == attention.tgt.text
    np.testing.assert_allclose(live.matrix(), attention.cross[0, 1], atol=1e-5)
    live.click('#matrix td[data-row="0"][data-col="1"]')
    assert live.find("#off").is_displayed()
    assert live.number("#z0") == 0
    assert live.number("#weight") == pytest.approx(attention.cross[0, 1, 0, 1], abs=1e-4)


def test_the_temperature_of_a_head(live):
    """The sum that the page shows comes to the weight that the engine computed."""
    live.switch(merge=False, shift=False)
    live.choose("encoder_self", 0, 1)
    before = live.matrix()
    live.js("($('temperature').value = 2, $('temperature').dispatchEvent(new Event('input')))")
    live.wait("choices.temperatures.length === 1").wait()
    assert live.js("choices.temperatures") == [["encoder_self", 0, 1, 4]]
    sharper = live.matrix() ** 4
    np.testing.assert_allclose(sharper / sharper.sum(1, keepdims=True), before, atol=1e-4)
    live.click('#matrix td[data-row="0"][data-col="1"]')
    assert live.number("#weight") == pytest.approx(live.matrix()[0, 1], abs=1e-4)
    live.click(".change")
    live.wait("!choices.temperatures.length").wait()
    np.testing.assert_array_equal(live.matrix(), before)


# ---------------------------------------------------------------------------------------- the tree


def test_the_tree_leads_to_the_translation(live):
    best = live.each("#tree .node.best .piece", "node.textContent")
    assert best == live.js("data.tgt.tokens")
    # Step by step: what is not yet known is not shown.
    first, last = (live.js(f"Number($('tree-step').{end})") for end in ("min", "max"))
    while live.js("tree.step") > first:
        live.click("#tree-previous")
    assert not live.js("document.querySelector('#tree .best')")
    in_beam = live.each("#tree .node.in", "node")
    assert 1 <= len(in_beam) <= live.js("choices.beamSize")
    for _ in range(first, last):
        live.click("#tree-next")
    assert live.each("#tree .node.best .piece", "node.textContent") == best


def test_the_tree_by_keyboard(live):
    live.focus('#tree .node[data-node="0"]')
    for _ in live.js("data.tgt.tokens.slice(1)"):
        live.press(Keys.ARROW_RIGHT)
    chosen = live.js("tree.nodes[tree.chosen]")
    assert chosen["step"] > 1
    path = live.js("lineage(tree.chosen).map((i) => tree.nodes[i].token)")
    shown = live.each("#hypothesis .text > .piece", "node.textContent")
    assert shown == path
    total = live.js("lineage(tree.chosen).reduce((sum, i) => sum + tree.nodes[i].log_prob, 0)")
    assert chosen["sum"] == pytest.approx(total)


def test_the_translation_goes_on_from_a_hypothesis(live):
    live.click("#tree .node.cut")
    ids = live.js("lineage(tree.chosen).map((i) => tree.nodes[i].id)")
    live.click("#go-on")
    live.wait("choices.prefix.length > 0").wait()
    assert live.js("data.tgt.ids").copy()[: len(ids)] == ids
    assert live.text("#own-text")


def test_the_beam_size(live, python):
    live.js("($('beam-size').value = '1', $('beam-size').onchange())")
    live.wait("choices.beamSize === 1").wait()
    expected = python.translate([EXAMPLES[0][0]], beam_size=1)[0].text
    assert live.translation() == expected
    assert "Greedy" in live.text("#beam-text")


# ---------------------------------------------------------------------------------------- the link


def test_a_link_holds_sentence_changes_and_view(live, browser, html):
    live.type("#text", "You see books!")
    live.wait("choices.text === 'You see books!'").wait()
    live.choose("encoder_self", 0, 1)
    live.click("#head-on")
    live.wait("choices.off.length === 1").wait()
    live.choose("decoder_self", 0, None)
    live.click("#next")
    live.js("writeLink()")
    fragment = live.js("location.hash")
    expected = [live.translation(), live.js("JSON.stringify(choices)"), live.matrix().tolist()]

    again = LivePage(browser, html.parent).open_at(html, fragment).wait()
    assert [
        again.translation(), again.js("JSON.stringify(choices)"), again.matrix().tolist()
    ] == expected  # fmt: skip
    assert again.js("[state.kind, state.layer, state.head, state.step]") == [
        "decoder_self", 0, None, 1
    ]  # fmt: skip
    assert again.unasked() == []


@pytest.fixture
def tab(browser: Chrome) -> Iterator[Chrome]:
    """A tab of its own, whose history the pages of other tests have not filled."""
    first = browser.current_window_handle
    browser.switch_to.new_window("tab")
    yield browser
    browser.close()
    browser.switch_to.window(first)


def test_back_and_forward(tab, html):
    live = LivePage(tab, html.parent).open_at(html).wait()
    first = live.translation()
    live.click("#examples button:nth-child(2)")
    live.wait("choices.text === 'You see books!'").wait()
    second = live.translation()
    live.choose("cross", 0, 1)
    live.click("#head-on")
    live.wait("choices.off.length === 1").wait()
    live.js("history.back()")
    live.wait("!choices.off.length").wait()
    assert live.translation() == second
    live.js("history.back()")
    live.wait(f"choices.text === {json.dumps(EXAMPLES[0][0])}").wait()
    assert live.translation() == first and live.js("$('text').value") == EXAMPLES[0][0]
    live.js("history.forward()")
    live.wait("choices.text === 'You see books!'").wait()
    assert live.translation() == second


HEADS = "off=cross-0-99,cross-9-0,__proto__-0-0,cross-0-0,constructor-0-0&temperature=cross-0-0-0,x"


@pytest.mark.parametrize(
    "fragment",
    [
        f"#text={quote(HOSTILE)}&target={quote(HOSTILE)}",
        f"#text=I+draw.&{HEADS}&beam=1e9&penalty=-3&view=cross-99-0&step=-5",
        "#text=I+draw.&prefix=1.2.99999999.x&view=toString-0-0&step=1e99&beam=NaN",
        "#%E0%A4%A&text=I+draw.&&&==",
        "#javascript:alert(1)",
    ],
)
def test_a_hostile_link_does_no_harm(browser, html, fragment):
    page = LivePage(browser, html.parent).open_at(html, fragment)
    page.wait(IDLE)
    assert page.js("document.querySelectorAll('img').length") == 0
    assert page.unasked() == []
    page.type("#text", "You see books!")
    page.wait("choices.text === 'You see books!'").wait()
    assert page.translation()


def test_a_beginning_that_cannot_be_written_is_told(browser, html):
    page = LivePage(browser, html.parent).open_at(html, "#text=I+draw.&prefix=0")
    page.wait("found.error?.key === 'badPrefix'")
    assert "cannot write" in page.text("#status")
    page.click("#reset")
    page.wait()
    assert page.translation() and page.unasked() == []


# ---------------------------------------------------------------------------------- text and looks


def test_markup_that_one_types_stays_text(live):
    live.type("#text", HOSTILE)
    live.type("#target", HOSTILE)
    live.wait(f"choices.target === {json.dumps(HOSTILE)}").wait(IDLE)
    live.js("($('language').click(), $('theme').click())")
    assert live.js("document.querySelectorAll('img, script[src]').length") == 0
    assert live.unasked() == []


def test_both_languages(live):
    live.choose("cross", 0, None)
    live.click("#head-on")
    live.wait("choices.off.length > 0").wait()
    live.click("#tree .node")
    english = live.text("body")
    live.click("#language")
    chinese = live.text("body")
    for text in (english, chinese):
        visible = text.split('"tensors"')[0]
        assert "undefined" not in visible and "NaN" not in visible
    assert "束搜索" in chinese and "实时翻译" in chinese and "Beam search" in english
    # No English words are left but those of the sentence and of the field.
    left = live.each("[data-t]", "node.textContent")
    assert all(not text.isascii() for text in left if text)
    assert live.js("$('text').value") == EXAMPLES[0][0]


@pytest.mark.parametrize("width", [390, 1400])
def test_nothing_is_wider_than_the_screen(live, width):
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    live.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        live.wait("new Promise((done) => requestAnimationFrame(() => done(true)))")
        assert live.js("document.documentElement.scrollWidth") <= width
    finally:
        live.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_page_without_examples_waits_for_a_sentence(browser, python, tmp_path):
    data = live_data(python, pack_weights(python.run, 16)[0]) | {"examples": []}
    path = write(tmp_path / "page.html", render(data, "explore.html"))
    page = LivePage(browser, tmp_path).open_at(path)
    assert "Type a sentence" in page.text("#status")
    page.click("#language")
    assert "请输入" in page.text("#status") and not page.find("#viewer").is_displayed()
    page.type("#text", "You see books!")
    page.wait("choices.text === 'You see books!'").wait()
    assert page.translation() == python.translate(["You see books!"])[0].text
    assert page.unasked() == []
