"""`explore` as a person meets it, and the live page in a browser."""

import base64
import json
import re
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import make_run, write
from pages import Page
from selenium.webdriver import Chrome
from selenium.webdriver.support.ui import WebDriverWait

from transformer_mt import Translator, explore
from transformer_mt.alignment import Rule
from transformer_mt.config import ChineseScript, DataConfig, TokenizerConfig, UserError
from transformer_mt.interchange.pieces import Kind, Piece, read_pieces, replace_pieces
from transformer_mt.run_dir import load_run, weights_of
from transformer_mt.tokenizer import Tokenizer, train_tokenizer
from transformer_mt.view import live_data
from transformer_mt.view.live_data import pack_weights, rounded, vocabulary_data

HOSTILE = "</script><script>document.title = 'hostile'</script><img src=x onerror=alert(1)>\x07"


def run_with_rule(folder: Path, tokenizers: tuple, **options: object) -> Path:
    """A run with random weights, whose rule needs no choice."""
    run = make_run(folder, tokenizers, **options)
    rule = asdict(Rule()) | {"chosen_on": "nothing", "table": []}
    write(run / "alignment.json", json.dumps(rule))
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory, tokenizers) -> Path:
    run = run_with_rule(tmp_path_factory.mktemp("runs") / "测试 run", tokenizers)
    write(run / "valid.tsv", "I like apples.\t我喜欢苹果。\t0-0\nWe draw cats!\t我们画猫！\n")
    return run


def data_of(html: str) -> dict:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html)
    return json.loads(text)


# -------------------------------------------------------------------------------------- the command


def test_it_writes_one_page_and_says_where(call, run, tmp_path):
    output = tmp_path / "页.html"
    done = call("explore", run, "--output", output)
    assert (done.status, done.out) == (0, "")
    assert f"open {output} (" in done.err
    html = output.read_text("utf-8")
    data = data_of(html)
    assert data["examples"] == [["I like apples.", "我喜欢苹果。"], ["We draw cats!", "我们画猫！"]]
    assert data["page"]["run"]["name"] == "测试 run"
    # Nothing to load, and nothing that makes code of text.
    assert not re.search(r"https?://(?!www\.w3\.org)", html)
    assert not re.search(r"\beval\(|new Function|import\(|innerHTML", html)
    assert "default-src 'none'" in html


def test_the_page_goes_to_standard_output(call, run):
    done = call("explore", run, "--output", "-")
    assert done.status == 0 and done.out.startswith("<!doctype html>")
    assert "open" not in done.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--quantize", "4"], "invalid choice: 4"),
        (["--output", "no/such/folder.html"], "no such folder"),
        (["--output", "."], "is a folder"),
    ],
)
def test_wrong_options_are_told_at_once(call, run, options, message):
    assert message in call("explore", run, *options).error


def test_eight_bits_halve_the_page_and_their_cost_is_told(call, run, tmp_path, monkeypatch):
    scores = iter([30.04, 29.96])
    monkeypatch.setattr(explore, "bleu", lambda *_: next(scores))
    whole, half = tmp_path / "whole.html", tmp_path / "half.html"
    assert call("explore", run, "--output", whole).status == 0
    done = call("explore", run, "--output", half, "--quantize", 8)
    assert "BLEU 30.0 with float32 weights, 30.0 with those of the page (2 validation" in done.err
    sizes = [len(data_of(path.read_text("utf-8"))["weights"]) for path in (whole, half)]
    assert sizes[1] < 0.75 * sizes[0]  # rows of 16 numbers; of longer ones nearly half


def test_the_cost_is_that_of_the_weights_in_the_page(run):
    """Measured by translating with them: BLEU of a model whose weights are all 0 is 0."""
    translator = Translator(run, "cpu", "fp32")
    seen = []

    def bleu(translator, rows):
        seen.append({name: w.clone() for name, w in weights_of(translator.model).items()})
        return 0.0

    before = {name: w.clone() for name, w in weights_of(translator.model).items()}
    _, values = pack_weights(translator.run, 8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(explore, "bleu", bleu)
        explore.say_cost(translator, values)
    for found, expected in zip(seen, (before, values), strict=True):
        assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_without_validation_sentences_the_cost_is_not_measured(call, run, tmp_path):
    copied = tmp_path / "copy"
    shutil.copytree(run, copied)
    (copied / "valid.tsv").unlink()
    done = call("explore", copied, "--quantize", 8, "--output", tmp_path / "page.html")
    assert done.status == 0 and "not measured" in done.err
    assert data_of((tmp_path / "page.html").read_text("utf-8"))["examples"] == []


@pytest.mark.parametrize(
    ("limit", "way_out"), [(0.9, "--quantize 8 halves it"), (0.1, "take a smaller model")]
)
def test_a_page_that_is_too_large_is_refused(call, run, tmp_path, monkeypatch, limit, way_out):
    call("explore", run, "--output", tmp_path / "page.html")
    size = (tmp_path / "page.html").stat().st_size
    monkeypatch.setattr(live_data, "LIMIT", int(limit * size))
    error = call("explore", run, "--output", tmp_path / "other.html").error
    assert f"{size / 1e6:.1f} MB" in error and way_out in error
    assert not (tmp_path / "other.html").exists()


def test_the_recipes_stay_within_their_sizes():
    """Weights of `tiny` and `small` as the recipes build them, without the page around them."""
    import yaml

    from transformer_mt.config import CONF_DIR, ModelConfig
    from transformer_mt.config_file import config_from_dict
    from transformer_mt.model import Transformer

    for name, n_vocab, limit in (("tiny", 1700, 4_500_000), ("small", 4000, live_data.LIMIT)):
        values = yaml.safe_load((CONF_DIR / "model" / f"{name}.yaml").read_text("utf-8"))
        config = config_from_dict(ModelConfig, values, name)
        model = Transformer(config, n_vocab, n_vocab, 0, joint=False)
        n_weights = sum(parameter.numel() for parameter in model.parameters())
        assert 4 / 3 * 2 * n_weights + 600_000 < limit


def test_a_run_that_converts_its_source_is_told(call, tmp_path, tokenizers):
    data = DataConfig(chinese_script=ChineseScript.simplified)
    run = run_with_rule(tmp_path / "run", tokenizers, direction="zh-en", data=data)
    done = call("explore", run, "--output", tmp_path / "page.html")
    assert "simplified characters; the page does not" in done.err
    assert data_of((tmp_path / "page.html").read_text("utf-8"))["converts"] is True


# ------------------------------------------------------------------------------------------ packing


def test_weights_come_back_as_they_were_rounded(run):
    loaded = load_run(run)
    for bits, tolerance in ((16, 2**-11), (8, 1 / 254)):
        packed, values = pack_weights(loaded, bits)
        sizes = {each["name"]: each["shape"] for each in packed["tensors"]}
        assert {name: list(w.shape) for name, w in weights_of(loaded.model).items()} == sizes
        for name, weight in weights_of(loaded.model).items():
            largest = weight.abs().amax(-1, keepdim=True)
            assert ((values[name] - weight).abs() <= tolerance * largest * 1.001 + 1e-7).all()
        n_bytes = sum(
            np.prod(each["shape"]) * 2
            if each["bits"] == 16
            else each["shape"][0] * 4 + np.prod(each["shape"])
            for each in packed["tensors"]
        )
        assert len(base64.b64decode(packed["weights"])) == n_bytes


def test_a_row_of_zeros_stays_zero():
    data, values = rounded(torch.zeros(2, 3), 8)
    assert len(data) == 2 * 4 + 6 and not values.any()


def test_weights_that_do_not_fit_16_bits_are_refused(run):
    loaded = load_run(run)
    with torch.no_grad():
        loaded.model.output.weight[0, 0] = 1e5
    with pytest.raises(UserError, match=r"tgt_embedding.weight has numbers that are too large"):
        pack_weights(loaded, 16)


def changed(tokenizer: Tokenizer, kind: Kind) -> Tokenizer:
    """The vocabulary with its last piece of another kind."""
    pieces = read_pieces(tokenizer.model, "test")
    pieces[-1] = Piece(pieces[-1].text, pieces[-1].score, kind)
    marks = dict(zip(("pad", "unk", "bos", "eos"), tokenizer.special_ids, strict=True))
    return Tokenizer(replace_pieces(tokenizer.model, pieces, marks), "test.model")


def test_vocabularies_that_the_page_cannot_use_are_refused(tokenizers):
    src, _ = tokenizers
    for kind in (Kind.USER_DEFINED, Kind.UNUSED):
        with pytest.raises(UserError, match=r"test.model: .* user defined, or unused"):
            vocabulary_data(changed(src, kind))
    with pytest.raises(UserError, match="more pieces than the model has ids"):
        vocabulary_data(Tokenizer(src.model, "test.model", n_ids=len(src) - 1))
    with pytest.raises(UserError, match="begins every source with a mark"):
        vocabulary_data(Tokenizer(src.model, "test.model", prefix="<s>"))
    words = ["a b c d e f g"] * 50
    for kind in ("word", "char"):
        import io

        import sentencepiece as spm

        model = io.BytesIO()
        spm.SentencePieceTrainer.train(
            sentence_iterator=iter(words), model_writer=model, model_type=kind, vocab_size=11,
            pad_id=0, unk_id=1, bos_id=2, eos_id=3, minloglevel=2,
        )  # fmt: skip
        with pytest.raises(UserError, match=f"is of the type {kind}"):
            vocabulary_data(Tokenizer(model.getvalue(), "test.model"))


# ------------------------------------------------------------------------------------- in a browser


def opened(browser: Chrome, html: Path) -> Page:
    """The page, once its first translation is there."""
    page = Page(browser, html.parent)
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get(html.as_uri())
    WebDriverWait(browser, 60).until(lambda _: page.text("#tgt-text"))
    return page


def test_a_hostile_run_writes_no_script_into_the_page(browser, call, tmp_path, tokenizers):
    _, tgt = tokenizers
    lines = [f"I like {HOSTILE} apples" for _ in range(30)]
    src, _ = train_tokenizer(lines, TokenizerConfig(vocab_size=300), dummy_prefix=True)
    marks = dict(zip(("pad", "unk", "bos", "eos"), src.special_ids, strict=True))
    pieces = read_pieces(src.model, "test")
    pieces[-1] = Piece("</script><script>document.title='hostile'</script>\x07", 0.0, Kind.NORMAL)
    src = Tokenizer(replace_pieces(src.model, pieces, marks), "test.model")
    run = run_with_rule(tmp_path / "<script>alert(1)<", (src, tgt), model={"max_len": 90})
    write(run / "valid.tsv", f"{HOSTILE[:50]}\t<b>{HOSTILE[:40]}\n")
    html = tmp_path / "page.html"
    assert call("explore", run, "--output", html).status == 0
    text = html.read_text("utf-8")
    assert text.count("<script") == text.count("</script>") == 3
    page = opened(browser, html)
    assert browser.title.startswith("Live translation: </script>")
    # Its pieces are used as they are all the same.
    page.switch(merge=False)
    tokens = page.each("#keys .token .piece", "node.textContent")
    expected = Translator(run, "cpu").src_tokenizer
    shown = [
        piece.replace("\x07", "�") for piece in expected.pieces(expected.encode([HOSTILE[:50]])[0])
    ]
    assert tokens == shown
    assert [problem for problem in page.problems() if not problem.startswith("blob:")] == []
