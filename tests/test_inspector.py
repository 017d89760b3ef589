"""Attention, links and rules of sentence pairs, each against the model asked directly."""

import base64
import json
import math
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import sentencepiece as spm
import torch
from helpers import logits_of, make_run, pattern_pairs, slow_links, write

from transformer_mt import Translator
from transformer_mt.alignment import BASE, Rule, Side, agree, best, make_side, rule_to_json
from transformer_mt.config import ChineseScript, DataConfig, UserError
from transformer_mt.model import key_mask
from transformer_mt.snapshots import add_snapshot
from transformer_mt.tokenizer import Tokenizer
from transformer_mt.translator import reverse_of
from transformer_mt.view import page, plots


@pytest.fixture(scope="module")
def run_dir(tokenizers, tmp_path_factory) -> Path:
    return make_run(tmp_path_factory.mktemp("hand") / "en-zh", tokenizers)


@pytest.fixture(scope="module")
def translator(run_dir) -> Translator:
    return Translator.from_pretrained(run_dir, "cpu")


@pytest.fixture(scope="module")
def reverse(tokenizers, tmp_path_factory) -> Translator:
    folder = tmp_path_factory.mktemp("hand")
    return Translator(make_run(folder / "zh-en", tokenizers, "zh-en"), "cpu")


SRC, TGT = "I like apples and books every day.", "我每天喜欢苹果和书é。"


@pytest.fixture(scope="module")
def attention(translator):
    return translator.attention(SRC, TGT, rule=Rule(1, 2))


def test_every_array_has_the_shape_that_its_tokens_say(translator, attention):
    src, tgt = translator.src_tokenizer, translator.tgt_tokenizer
    s, t = len(attention.src.tokens), len(attention.tgt.tokens)
    assert attention.src.ids == src.encode([SRC])[0] and attention.tgt.ids == tgt.encode([TGT])[0]
    assert attention.src.tokens[-1] == attention.tgt.tokens[-1] == "</s>"
    assert attention.tgt_in_tokens == ["<s>", *attention.tgt.tokens[:-1]]
    assert attention.src.text == SRC and attention.tgt.text == TGT and s != t
    expected = {"encoder_self": (2, s, s), "decoder_self": (3, t, t), "cross": (3, t, s)}
    for kind, (n_layers, rows, columns) in expected.items():
        assert getattr(attention, kind).shape == (n_layers, 4, rows, columns), kind
        assert attention.queries[kind].shape == (n_layers, 4, rows, 4), kind
        assert attention.keys[kind].shape == (n_layers, 4, columns, 4), kind
        assert {getattr(attention, kind).dtype, attention.keys[kind].dtype} == {np.dtype("float32")}
    assert attention.log_probs.shape == (t,)
    assert [len(row) for row in attention.candidates] == [5] * t


def test_every_row_sums_to_1_over_what_it_may_see(attention):
    for kind in ("encoder_self", "decoder_self", "cross"):
        assert np.allclose(getattr(attention, kind).sum(-1), 1, atol=1e-6), kind
    t = len(attention.tgt.tokens)
    assert (attention.decoder_self[:, :, ~np.tri(t, dtype=bool)] == 0).all(), "the future"
    assert (attention.decoder_self[:, :, np.tri(t, dtype=bool)] > 0).all()
    assert (attention.encoder_self > 0).all() and (attention.cross > 0).all()


def test_the_weights_are_the_softmax_of_queries_and_keys(attention):
    for kind in ("encoder_self", "decoder_self", "cross"):
        q, k = (some[kind].astype(float) for some in (attention.queries, attention.keys))
        for i, h in np.ndindex(q.shape[:2]):
            for t in range(q.shape[2]):
                scores = np.array([np.dot(q[i, h, t], key) for key in k[i, h]]) / np.sqrt(4)
                if kind == "decoder_self":
                    scores = scores[: t + 1]
                expected = np.exp(scores - scores.max())
                row = getattr(attention, kind)[i, h, t, : len(scores)]
                assert np.allclose(row, expected / expected.sum(), atol=1e-5), (kind, i, h, t)


def test_the_values_weighted_and_added_up_are_what_the_heads_give(translator, attention):
    trace = translator.inspector.forced_pass(attention.src, attention.tgt).trace
    for kind in ("encoder_self", "decoder_self", "cross"):
        z = getattr(attention, kind) @ attention.values[kind]  # (L, H, rows, K)
        for i, layer in enumerate(getattr(trace, kind)):
            expected = layer.z[0].numpy()  # (rows, D), heads side by side
            assert np.allclose(np.hstack(list(z[i])), expected, atol=1e-5), (kind, i)


def test_the_pass_is_the_one_that_the_fused_path_computes(translator, attention):
    src = torch.tensor([attention.src.ids])
    tgt_in = torch.tensor([[translator.tgt_tokenizer.bos_id, *attention.tgt.ids[:-1]]])
    with torch.inference_mode():
        log_probs = logits_of(translator.model, src, tgt_in)[0].log_softmax(-1)  # (T, V)
    for t, token in enumerate(attention.tgt.ids):
        assert attention.log_probs[t] == pytest.approx(float(log_probs[t, token]), abs=1e-4)
        order = log_probs[t].argsort(descending=True)[:5].tolist()
        pieces = translator.tgt_tokenizer.pieces(order)
        assert [piece for piece, _ in attention.candidates[t]] == pieces
        probabilities = [float(log_probs[t, i].exp()) for i in order]
        assert [p for _, p in attention.candidates[t]] == pytest.approx(probabilities, abs=1e-5)


def test_looking_leaves_nothing_behind(translator, attention):
    again = translator.attention(SRC, TGT, rule=Rule(1, 2))
    for kind, queries in again.queries.items():
        assert np.array_equal(queries, attention.queries[kind])
    assert not any(module._forward_hooks for module in translator.model.modules())


@pytest.mark.parametrize(
    "rule",
    [
        Rule(1, 2),
        Rule(2, None, shift=True),
        Rule(threshold=0.1, mask_punctuation=True),
        Rule(1, 2, both=True, column_threshold=0.05),
    ],
)
@pytest.mark.parametrize("units", ["words", "subwords"])
def test_links_are_read_from_the_dumped_weights(translator, rule, units):
    attention = translator.attention(SRC, TGT, units, rule)
    src, tgt = attention.src, attention.tgt
    assert attention.rule == rule
    assert attention.links == slow_links(attention.cross, src, tgt, rule) != set()
    assert all(i < len(src.units) and j < len(tgt.units) for i, j in attention.links)


def test_without_a_target_the_model_translates(translator):
    for options in ({"beam_size": 1}, {"beam_size": 3, "length_penalty": 0.5}):
        own = translator.attention("We like cats.", rule=Rule(0), **options)
        assert own.tgt.ids[-1] == translator.tgt_tokenizer.eos_id
        expected = translator.translate(["We like cats."], **options)[0].text
        assert translator.tgt_tokenizer.decode([own.tgt.ids])[0].strip() == expected
    with pytest.raises(UserError, match="beam_size=0"):
        translator.attention("We like cats.", beam_size=0)


def test_an_empty_translation_can_be_looked_at(translator):
    src = translator.inspector.side(SRC, True, "words", "x")
    tgt = make_side(translator.tgt_tokenizer, [translator.tgt_tokenizer.eos_id], "words")
    attention = translator.inspector.attention(src, tgt, Rule(1, shift=True))
    assert attention.links == set()
    assert attention.cross.shape[2] == 1 and attention.tgt_in_tokens == ["<s>"]


def test_given_units_are_the_tokens_between_spaces(translator):
    tokens = "I do n't like apples .", "我 不 喜欢 苹果 。"
    attention = translator.attention(*tokens, "given", Rule(1))
    src, tgt = attention.src, attention.tgt
    assert src.text == "I don't like apples." and tgt.text == "我不喜欢苹果。"
    assert src.unit_texts == ["I", "do", "n't", "like", "apples", "."]
    assert tgt.unit_texts[2] == "喜欢"
    assert attention.links == slow_links(attention.cross, src, tgt, Rule(1))
    own = translator.attention("I like apples .", None, "given", Rule(1))
    assert own.src.unit_texts == ["I", "like", "apples", "."]
    assert own.tgt.units == make_side(translator.tgt_tokenizer, own.tgt.ids, "words").units


TOO_LONG = "tokens, but the model reads at most model.max_len=40; shorten it"


@pytest.mark.parametrize(
    "src, tgt, message",
    [
        ("", TGT, "the sentence is empty"),
        (" \t\n", TGT, "the sentence is empty"),
        (SRC, "", "the target is empty"),
        ("I " * 40, TGT, rf"the sentence has \d+ {TOO_LONG}"),
        (SRC, "我" * 40, f"the target has 41 {TOO_LONG}"),
        ("I like \udcff.", TGT, "the sentence.*lone surrogate"),
        (SRC, "我\ud800", "the target.*lone surrogate"),
    ],
)
def test_a_sentence_that_cannot_be_looked_at_is_refused(translator, src, tgt, message):
    for units in ("words", "given"):
        with pytest.raises(UserError, match=message):
            translator.attention(src, tgt, units, Rule(0))


@pytest.mark.parametrize("n", [1, 3])
def test_leaving_out_does_not_depend_on_how_many_at_once(translator, monkeypatch, n):
    attention = translator.attention(SRC, TGT, rule=Rule(0))
    src, tgt, split = attention.src, attention.tgt, torch.split
    expected = translator.inspector.left_out(src, tgt)
    monkeypatch.setattr(torch, "split", lambda rows, _: split(rows, n))
    np.testing.assert_allclose(translator.inspector.left_out(src, tgt), expected, atol=1e-5)


def test_a_target_with_unknown_characters_is_refused(run_dir, tmp_path):
    """There are such characters only where a vocabulary spells nothing in bytes."""
    prefix = str(tmp_path / "foreign")
    special_ids = {"pad_id": 0, "unk_id": 1, "bos_id": 2, "eos_id": 3}
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter([zh for _, zh in pattern_pairs()]),
        model_prefix=prefix,
        vocab_size=60,
        add_dummy_prefix=False,
        minloglevel=2,
        **special_ids,
    )
    foreign = Translator(run_dir, "cpu")
    foreign.run.tgt_tokenizer = Tokenizer.load(Path(prefix + ".model"))
    assert foreign.inspector.side("我喜欢书。", False, "words", "x").text == "我喜欢书。"
    message = r"the target: the vocabulary lacks some of its characters .我喜欢龘"
    with pytest.raises(UserError, match=message):
        foreign.attention(SRC, "我喜欢龘。", rule=Rule(0))
    foreign.run.src_tokenizer = foreign.run.tgt_tokenizer  # it knows no English letters
    side = foreign.inspector.side("I like cats", True, "given", "x")
    assert side.unit_texts == ["I", "like", "cats"]


def test_the_page_of_an_attention(translator, attention, tmp_path):
    assert attention.page() == page.render(page.page_data(attention))
    attention.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text("utf-8") == attention.page()
    frame = HTMLParser()
    found = []
    frame.handle_starttag = lambda tag, attributes: found.append((tag, dict(attributes)))
    frame.feed(attention._repr_html_())
    ((tag, attributes),) = found
    assert tag == "iframe" and attributes["srcdoc"] == attention.page()


def test_the_page_replays_what_the_run_kept(translator, run_dir, attention, tmp_path):
    assert page.page_data(attention)["snapshots"] is None
    copied = shutil.copytree(run_dir, tmp_path / "run")
    cross = attention.cross[..., :1, :2]
    for step in (10, 20):
        add_snapshot(copied, step, ["▁I", "</s>"], ["</s>"], cross)
    inspector = Translator.from_pretrained(copied, "cpu").inspector
    data = page.page_data(replace(attention, inspector=inspector))["snapshots"]
    assert data["src_tokens"] == ["▁I", "</s>"]
    assert [snapshot["step"] for snapshot in data["snapshots"]] == [10, 20]
    numbers = np.frombuffer(base64.b64decode(data["snapshots"][1]["weights"]), "<f4")
    np.testing.assert_allclose(numbers, cross.ravel(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["links.png", "links.svg", "links"])
def test_the_picture_of_an_attention(attention, tmp_path, name):
    pytest.importorskip("matplotlib")
    attention.plot(tmp_path / name)
    assert {path.name for path in tmp_path.iterdir()} == {"links.png", "links.svg"}
    with pytest.raises(UserError, match=r"links\.pdf: a picture is \.png or \.svg"):
        attention.plot("links.pdf")


def test_without_matplotlib_a_picture_says_what_to_install(attention, tmp_path, monkeypatch):
    monkeypatch.setattr(plots, "alignment", lambda *_: "install matplotlib: pip install …")
    with pytest.raises(UserError, match="install matplotlib"):
        attention.plot(tmp_path / "links.png")


def test_hugging_face_tuples(attention):
    """Each has one tensor `(1, H, rows, columns)` for each layer."""
    s, t = len(attention.src.tokens), len(attention.tgt.tokens)
    tuples = attention.huggingface()
    shapes = {name: [tuple(w.shape) for w in layers] for name, layers in tuples.items()}
    assert shapes == {
        "encoder_attentions": [(1, 4, s, s)] * 2,
        "decoder_attentions": [(1, 4, t, t)] * 3,
        "cross_attentions": [(1, 4, t, s)] * 3,
    }
    assert all(isinstance(layers, tuple) for layers in tuples.values())
    kinds = {"encoder": "encoder_self", "decoder": "decoder_self", "cross": "cross"}
    for name, kind in kinds.items():
        for i, layer in enumerate(tuples[f"{name}_attentions"]):
            assert np.array_equal(layer[0].numpy(), getattr(attention, kind)[i])


@pytest.mark.parametrize("view", ["head_view", "model_view"])
def test_bertviz_takes_them(attention, view):
    bertviz = pytest.importorskip("bertviz")
    tuples = attention.huggingface()
    page = getattr(bertviz, view)(
        encoder_attention=tuples["encoder_attentions"],
        decoder_attention=tuples["decoder_attentions"],
        cross_attention=tuples["cross_attentions"],
        encoder_tokens=attention.src.tokens,
        decoder_tokens=attention.tgt_in_tokens,
        html_action="return",
    )
    assert "svg" in page.data


@pytest.mark.parametrize("n_tokens", [1, 70])
def test_leaving_a_source_token_out_is_hiding_it_from_everyone(tokenizers, tmp_path, n_tokens):
    """The test masks it in every layer by hand. 70 tokens take more than one batch."""
    translator = Translator(make_run(tmp_path / "run", tokenizers, model={"max_len": 80}), "cpu")
    model = translator.model
    src_ids = [*(4 + (7 * i) % 90 for i in range(n_tokens)), 3]
    src = Side("", src_ids, [""] * len(src_ids), [], np.zeros((len(src_ids), 0), dtype=bool))
    tgt = translator.inspector.side("我喜欢书。", False, "words", "x")
    changes = translator.inspector.left_out(src, tgt)
    assert changes.shape == (len(tgt.ids), len(src.ids))

    def log_probs(hidden: int | None) -> torch.Tensor:
        padding = torch.zeros(1, len(src_ids), dtype=torch.bool)
        if hidden is not None:
            padding[0, hidden] = True
        x = model.embed(torch.tensor([src_ids]), model.src_embedding, 0, len(src_ids))
        for layer in model.encoder_layers:
            x = layer(x, key_mask(padding))
        tgt_in = torch.tensor([[2, *tgt.ids[:-1]]])
        rows = model.decode(tgt_in, model.encoder_norm(x), padding)[0].log_softmax(-1)
        return rows[torch.arange(len(tgt.ids)), tgt.ids]

    with torch.inference_mode():
        whole = log_probs(None)
        for s in {0, len(src_ids) // 2, len(src_ids) - 1}:
            assert np.allclose(changes[:, s], (whole - log_probs(s)).numpy(), atol=1e-4), s
    assert np.abs(changes).max() > 0.01


def test_chinese_script_is_converted_as_in_training(tokenizers, tmp_path):
    pytest.importorskip("opencc")
    data = DataConfig(chinese_script=ChineseScript.simplified)
    forward = Translator(make_run(tmp_path / "en-zh", tokenizers, data=data), "cpu")
    backward = Translator(make_run(tmp_path / "zh-en", tokenizers, "zh-en", data=data), "cpu")
    assert forward.attention("I draw.", "我畫。", rule=Rule(0)).tgt.text == "我画。"
    assert backward.attention("我畫。", "I draw.", rule=Rule(0)).src.text == "我画。"
    assert backward.inspector.side("學生 畫", True, "given", "x").unit_texts == ["学生", "画"]


# ------------------------------------------------------------- vocabularies that change the text


@pytest.fixture(scope="module")
def lossy(tokenizers, tmp_path_factory) -> Translator:
    """Its vocabularies of SentencePiece's usual kind fold marks, spaces and (English) case."""
    folder = tmp_path_factory.mktemp("lossy")
    pairs = pattern_pairs() + [("Wait... fine (50%)!", "株式会社,!")] * 9
    vocabularies = []
    for side, (texts, rule) in enumerate(
        zip(zip(*pairs, strict=True), ("nmt_nfkc_cf", "nmt_nfkc"), strict=True)
    ):
        spm.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_prefix=str(folder / str(side)),
            vocab_size=130,
            hard_vocab_limit=False,
            character_coverage=1.0,
            normalization_rule_name=rule,
            pad_id=3,
            minloglevel=2,
        )
        vocabularies.append(Tokenizer.load(folder / f"{side}.model"))
    return Translator(make_run(folder / "run", tuple(vocabularies)), "cpu")


@pytest.mark.parametrize(
    "src, plain, units",
    [
        ("Wait ⅷ I like apples.", "wait viii i like apples.", [0, 1, 2, 3, 4, 5]),
        ("I like ﬁne  cats ！", "i like fine cats !", [0, 1, 2, 3, 4]),
        ("Ｗait\u3000㊿％", "wait 50%", [0, 1, 2]),
        ("I like\u2581cats", "i like\u2581cats", [0, 1, 2, 3]),
        ("I \u200blike cats", "i like cats", [0, 1, 2]),
    ],
)
def test_links_index_the_text_as_it_was_written(lossy, src, plain, units):
    """The model reads the same of `plain`, whose units i are the written ones `units[i]`."""
    rule, tgt, plain_tgt = Rule(1, 2), "我喜欢，㍿！", "我喜欢,株式会社!"
    written, normal = (
        lossy.attention(src, tgt, rule=rule),
        lossy.attention(plain, plain_tgt, rule=rule),
    )
    assert (written.src.text, written.tgt.text) == (src, tgt)
    assert written.src.ids == normal.src.ids and written.tgt.ids == normal.tgt.ids
    tgt_units = [0, 1, 2, 3, 4, 4, 4, 4, 5]
    assert written.links == {(units[i], tgt_units[j]) for i, j in normal.links} != set()


def test_given_tokens_are_those_given_whatever_the_vocabulary_does(lossy, capsys):
    """A line that the vocabulary changes does not stop the others."""
    pairs = [
        ("Wait … I like ﬁne cats ！", "我 喜欢 ， ㍿ ！"),
        ("\ufeffI like \u2581 cats", "我 喜欢 猫"),
        ("I like cats", "我 喜欢 龘"),
        ("I like cats", "我 喜欢 猫 。"),
    ]
    links = lossy.inspector.align(pairs, "given", Rule(1, 2), "line {}".format)
    for (src, tgt), links_of_pair in zip(pairs, links, strict=True):
        if "龘" in tgt:
            assert links_of_pair == set()
            continue
        attention = lossy.attention(src, tgt, "given", Rule(1, 2))
        assert attention.src.unit_texts == src.removeprefix("\ufeff").split(" ")
        assert attention.tgt.unit_texts == tgt.split(" ")
        assert links_of_pair == slow_links(
            attention.cross, attention.src, attention.tgt, Rule(1, 2)
        )
        assert links_of_pair
    (warning,) = capsys.readouterr().err.splitlines()
    assert warning.startswith("warning: line 2: the vocabulary lacks some of its characters")


def test_gold_links_are_of_what_was_annotated(lossy, tmp_path):
    path = write(tmp_path / "gold.tsv", "Wait… I like ﬁne cats！\t我喜欢㍿！\t2-0 5-3 6-4\n")
    (gold,) = lossy.inspector.read_gold_pairs(path)
    assert gold.src.unit_texts == ["Wait", "…", "I", "like", "ﬁne", "cats", "！"]
    assert gold.tgt.unit_texts == ["我", "喜", "欢", "㍿", "！"]
    assert gold.src.overlap[:-1].any(0).all() and gold.tgt.overlap[:-1].any(0).all()
    assert np.argwhere(gold.sure).tolist() == [[2, 0], [5, 3], [6, 4]]


# ------------------------------------------------------------------------- many pairs, gold links


PAIRS = [
    ("I like apples.", "我喜欢苹果。"),
    ("We buy cats and dogs every day!", "我们每天买猫和狗！"),
    ("", "我"),
    ("Students draw.", "  "),
    ("They see fish.", "他们看见鱼é。"),
]


@pytest.mark.parametrize("units", ["words", "subwords", "given"])
def test_many_pairs_are_each_as_alone(translator, units):
    rule = Rule(1, 3, shift=True, mask_punctuation=True)
    links = translator.inspector.align(PAIRS, units, rule, str)
    assert len(links) == len(PAIRS)
    for (src, tgt), links_of_pair in zip(PAIRS, links, strict=True):
        alone = set()
        if src.strip() and tgt.strip():
            alone = translator.attention(src, tgt, units, rule).links
        assert links_of_pair == alone
    assert links[0] and links[4] and not links[2] and not links[3]
    assert translator.inspector.align([], units, rule, str) == []


def test_a_pair_that_does_not_fit_has_no_links_and_is_named(translator, capsys):
    pairs = [*PAIRS[:2], ("I " * 40, "我"), *PAIRS[4:]]
    links = translator.inspector.align(pairs, "words", Rule(0), "pair {}".format)
    before = translator.inspector.align(PAIRS[:2], "words", Rule(0), str)
    after = translator.inspector.align(PAIRS[4:], "words", Rule(0), str)
    assert links == [*before, set(), *after]
    warning = r"warning: pair 2 has \d+ tokens, but .*model.max_len=40; shorten it\. No links\.$"
    assert re.match(warning, capsys.readouterr().err)


def test_links_of_other_subwords_are_not_joined(translator, reverse, run_dir, monkeypatch):
    monkeypatch.setattr(type(reverse.inspector), "default_rule", lambda self: (Rule(0), "a test"))
    assert translator.inspector.align(PAIRS, "subwords", Rule(0), str, reverse.inspector)[0]
    monkeypatch.setattr(reverse.run, "src_tokenizer", reverse.tgt_tokenizer)
    message = "its subwords are others; join links of words, or of given tokens"
    with pytest.raises(UserError, match=message):
        translator.inspector.align(PAIRS, "subwords", Rule(0), str, reverse.inspector)
    translator.inspector.align(PAIRS[:1], "words", Rule(0), str, reverse.inspector)


def test_given_tokens_of_white_space_count(translator):
    """Without them, the links of the tokens that follow would be off by one."""
    tokens = translator.inspector.side("\u3000 我 喜欢 \u00a0 鱼", False, "given", "x")
    assert tokens.unit_texts == ["\u3000", "我", "喜欢", "\u00a0", "鱼"]
    assert translator.inspector.side(" 我\t鱼 \n", False, "given", "x").unit_texts == ["我", "鱼"]


def test_runs_of_spaces_separate_given_tokens_once(translator):
    side = translator.inspector.side("  I like   apples  . ", True, "given", "x")
    assert side.unit_texts == ["I", "like", "apples", "."]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_attention_is_that_of_float32_whatever_the_precision(run_dir, monkeypatch, precision):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    attention = Translator(run_dir, "cpu", precision).attention(SRC, TGT, rule=Rule(1))
    queries, keys = attention.queries["cross"], attention.keys["cross"]
    scores = queries @ keys.swapaxes(-1, -2) / math.sqrt(queries.shape[-1])
    expected = torch.from_numpy(scores).softmax(-1).numpy()
    np.testing.assert_allclose(attention.cross, expected, atol=1e-6)


def test_both_directions_are_joined(translator, reverse, monkeypatch):
    """The other model reads by its own rule, except for the masks and the threshold asked for."""
    own = Rule(2, 1, shift=True)
    monkeypatch.setattr(type(reverse.inspector), "default_rule", lambda self: (own, "a test"))
    rule = Rule(1, 0, mask_punctuation=True)
    joined = translator.inspector.align(PAIRS, "words", rule, str, reverse.inspector)
    changed_rule = replace(own, mask_punctuation=True)
    for (src, tgt), links in zip(PAIRS, joined, strict=True):
        if not src.strip() or not tgt.strip():
            assert links == set()
            continue
        forward = translator.attention(src, tgt, rule=rule).links
        backward = {(i, j) for j, i in reverse.attention(tgt, src, rule=changed_rule).links}
        assert links == agree(forward, backward)
        assert forward & backward <= links <= forward | backward


def test_agreement_needs_a_run_of_the_other_direction(translator, reverse, tokenizers, tmp_path):
    assert reverse_of(translator, reverse.run_dir).config.direction == "zh-en"
    # Codes of the same languages.
    data = DataConfig(languages=["eng_Latn", "zho_Hans"])
    same = make_run(tmp_path / "run", tokenizers[::-1], "zho_Hans-eng_Latn", data=data)
    assert reverse_of(translator, same).config.direction == "zho_Hans-eng_Latn"
    message = re.escape(f"{translator.run_dir}: translates en-zh, but zh-en is needed")
    with pytest.raises(UserError, match=message):
        reverse_of(translator, translator.run_dir)


GOLD_TSV = (
    "I like apples.\t我喜欢苹果。\t0-0 1-1 1-2 2p3\nNo links.\t没有。\nI draw.\t我画。\t\n"
    + ("I " * 40 + "\t我\t39-0\nWe buy fish.\t我们买鱼。\t0-0 0-1 1-2 2-3 3-4\n")
)


def test_gold_links_are_read_from_a_tsv(translator, reverse, tmp_path, capsys):
    """Pairs without links, or too long, are left out. The other direction turns links round."""
    path = write(tmp_path / "gold.tsv", GOLD_TSV)
    gold_pairs = translator.inspector.read_gold_pairs(path)
    assert f"1 of 3 pairs with gold links in {path} do not fit the model" in capsys.readouterr().err
    assert [gold.src.text for gold in gold_pairs] == ["I like apples.", "We buy fish."]
    assert gold_pairs[0].tgt.text == "我喜欢苹果。"
    assert np.argwhere(gold_pairs[0].sure).tolist() == [[0, 0], [1, 1], [1, 2]]
    assert np.argwhere(gold_pairs[0].possible).tolist() == [[0, 0], [1, 1], [1, 2], [2, 3]]
    turned = reverse.inspector.read_gold_pairs(path, turn=True)
    assert [gold.src.text for gold in turned] == ["我喜欢苹果。", "我们买鱼。"]
    for gold, turned_gold in zip(gold_pairs, turned, strict=True):
        assert np.array_equal(gold.possible, turned_gold.possible.T)


@pytest.mark.parametrize(
    "link, message", [("0-6", "link 0-6 is out of range"), ("0=0", "link '0=0' is not")]
)
def test_gold_links_that_do_not_fit_are_named_with_file_and_line(
    translator, tmp_path, link, message
):
    path = write(tmp_path / "gold.tsv", f"{GOLD_TSV}I like apples.\t我喜欢苹果。\t1-1 {link}\n")
    with pytest.raises(UserError, match=re.escape(f"{path}: line 6: {message}")):
        translator.inspector.read_gold_pairs(path)


def test_without_a_file_the_rule_is_chosen_on_the_starter(
    translator, reverse, tmp_path, monkeypatch
):
    monkeypatch.setattr("transformer_mt.inspector.STARTER_DIR", tmp_path)
    write(tmp_path / "valid.tsv", GOLD_TSV)
    for inspector, turn in ((translator.inspector, False), (reverse.inspector, True)):
        rule, reason = inspector.default_rule()
        gold_pairs = inspector.read_gold_pairs(tmp_path / "valid.tsv", turn)
        assert rule == best(inspector.measure(gold_pairs, BASE))
        assert str(reason) == "chosen on the packaged starter's validation set"
    assert translator.attention("I draw.", "我画。").rule == translator.inspector.default_rule()[0]


def test_the_starter_is_for_all_codes_of_english_and_chinese(tokenizers, tmp_path, monkeypatch):
    monkeypatch.setattr("transformer_mt.inspector.STARTER_DIR", tmp_path)
    write(tmp_path / "valid.tsv", GOLD_TSV)
    for code, key in (("zho_Hans", "chosen_on"), ("cmn", "chosen_on"), ("zh_Latn", "no_gold")):
        data = DataConfig(languages=["eng_Latn", code])
        run = make_run(tmp_path / code, tokenizers, f"eng_Latn-{code}", data=data)
        assert Translator(run, "cpu").inspector.default_rule()[1].key == key


def test_for_other_languages_the_rule_is_the_last_layer_but_one(tokenizers, tmp_path):
    data = DataConfig(languages=["de", "zh"])
    for n_layers, layer in ((3, 1), (1, 0)):
        sizes = {"n_decoder_layers": n_layers}
        run = make_run(tmp_path / str(n_layers), tokenizers, "de-zh", data=data, model=sizes)
        rule, reason = Translator(run, "cpu").inspector.default_rule()
        assert rule == replace(BASE, layer=layer) and str(reason) == "no gold links for de-zh"


def test_the_runs_own_file_is_used_and_checked(tokenizers, tmp_path, measured):
    run = make_run(tmp_path / "run", tokenizers)
    translator, path = Translator(run, "cpu"), run / "alignment.json"
    write(path, rule_to_json(measured, "its own gold", [3]))
    rule, reason = translator.inspector.default_rule()
    assert rule == best(measured) and str(reason) == "chosen on its own gold"
    assert translator.attention("I draw.", "我画。").rule == best(measured)
    no_such_layer = json.loads(path.read_text(encoding="utf-8")) | {"layer": 9}
    for content in (b"{", b"\xff\xfe", json.dumps(no_such_layer).encode()):
        path.write_bytes(content)
        with pytest.raises(UserError, match=re.escape(f"{path}: ")):
            translator.inspector.default_rule()


def test_several_threads_may_look_inside_at_once(translator):
    """Four threads look, beside one that translates. Each gets what it gets alone."""
    sources = [
        ("I like apples.", "我喜欢苹果。"),
        ("We buy cats and dogs every day!", "我们买猫和狗！"),
    ]
    alone = [translator.attention(*pair, rule=Rule(1)) for pair in sources]
    texts = [translation.text for translation in translator.translate([src for src, _ in sources])]

    def look(i: int) -> bool:
        attention, expected = translator.attention(*sources[i % 2], rule=Rule(1)), alone[i % 2]
        return all(
            np.array_equal(getattr(attention, kind), getattr(expected, kind))
            and np.array_equal(attention.queries[kind], expected.queries[kind])
            and np.array_equal(attention.keys[kind], expected.keys[kind])
            for kind in ("encoder_self", "decoder_self", "cross")
        )

    def translate(_: int) -> bool:
        translations = translator.translate([src for src, _ in sources])
        return [translation.text for translation in translations] == texts

    with ThreadPoolExecutor(5) as pool:
        right = list(pool.map(lambda i: translate(i) if i % 5 == 4 else look(i), range(100)))
    assert all(right)
