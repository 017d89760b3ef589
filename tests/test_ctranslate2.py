"""Runs as models of CTranslate2: the same ids, and the attention that the run's rule names."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from helpers import Done, make_run
from marian_models import LINES, make_directory

from transformer_mt import Translator, convert
from transformer_mt.alignment import Rule
from transformer_mt.config import Activation, Norm, TokenizerConfig

engine = pytest.importorskip("ctranslate2")

OWN = {
    "post, relu": {"norm": Norm.post},
    "pre, relu, untied": {"norm": Norm.pre, "tie_embeddings": False},
    "pre, gelu": {"norm": Norm.pre, "activation": Activation.gelu},
    "pre, swiglu, untied, joint": {
        "norm": Norm.pre, "activation": Activation.swiglu, "tie_embeddings": False, "joint": True,
    },
    "post, swish, joint": {"norm": Norm.post, "activation": Activation.swish, "joint": True},
}  # fmt: skip


@pytest.fixture
def own_run(tmp_path, tokenizers):
    def make(kind="post, relu", **options):
        model = dict(OWN[kind])
        joint = model.get("joint", False)
        both = (tokenizers[0], tokenizers[0]) if joint else tokenizers
        config = TokenizerConfig(joint=joint)
        return make_run(tmp_path / "run", both, model=model, tokenizer=config, **options)

    return make


def assert_same_greedy_ids(run_dir, folder, texts):
    """A translation that reaches our limit ends there, and so it does here."""
    ours = Translator(run_dir, "cpu")
    theirs = engine.Translator(str(folder), compute_type="float32", intra_threads=1)
    src, tgt = ours.src_tokenizer, ours.tgt_tokenizer
    prefix = src.pieces(src.prefix_ids)
    sources = src.encode(texts)
    outputs = ours.search(sources, ours.decode_options(beam_size=1))
    different = set()
    for ids, (hypothesis,), text in zip(sources, outputs, texts, strict=True):
        pieces = prefix + src.processor.encode(text, out_type=str)
        (result,) = theirs.translate_batch(
            [pieces],
            beam_size=1,
            disable_unk=True,
            suppress_sequences=[[tgt.pieces([i])[0]] for i in {tgt.pad_id, tgt.bos_id}],
            max_input_length=0,
            min_decoding_length=0,
            max_decoding_length=min(2 * len(ids) + 20, ours.config.model.max_len) - 1,
        )
        assert result.hypotheses[0] == tgt.pieces(hypothesis.ids)
        different.add(tuple(hypothesis.ids))
    assert len(different) > 5


@pytest.mark.parametrize("kind", OWN)
def test_greedy_translations_of_an_own_run_are_the_same(own_run, tmp_path, kind):
    run_dir = own_run(kind)
    convert.main([str(run_dir), str(tmp_path / "out"), "--to", "ctranslate2"])
    assert_same_greedy_ids(run_dir, tmp_path / "out", LINES["source"][::9])


def test_translations_of_a_trained_run_are_the_same(trained_run, tmp_path):
    convert.main([str(trained_run), str(tmp_path / "out"), "--to", "ctranslate2"])
    assert_same_greedy_ids(trained_run, tmp_path / "out", LINES["source"][:600:3])


@pytest.mark.parametrize("name", ["opus", "separate", "scratch"])
def test_translations_of_an_imported_run_are_the_same(tmp_path, name):
    pytest.importorskip("transformers")
    make_directory(tmp_path / "marian", name)
    code = ["--target-language", "yue"] if name == "opus" else []
    convert.main([str(tmp_path / "marian"), str(tmp_path / "run"), "--direction", "en-zh", *code])
    convert.main([str(tmp_path / "run"), str(tmp_path / "out"), "--to", "ctranslate2"])
    assert_same_greedy_ids(tmp_path / "run", tmp_path / "out", LINES["source"][::9])


@pytest.mark.parametrize("layer, head", [(1, None), (0, 3), (2, 0)])
def test_its_alignment_is_the_attention_that_the_run_reads_links_from(
    own_run, tmp_path, layer, head
):
    run_dir = own_run()
    rule = Rule(layer=layer, head=head)
    values = asdict(rule) | {"chosen_on": "a test", "steps": [7], "table": []}
    (run_dir / "alignment.json").write_text(json.dumps(values))
    convert.main([str(run_dir), str(tmp_path / "out"), "--to", "ctranslate2"])
    ours = Translator(run_dir, "cpu")
    theirs = engine.Translator(str(tmp_path / "out"), compute_type="float32", intra_threads=1)
    attention = ours.attention("I like apples.", beam_size=1)
    pieces = ours.src_tokenizer.processor.encode("I like apples.", out_type=str)
    (result,) = theirs.translate_batch(
        [pieces], beam_size=1, disable_unk=True, return_attention=True,
        suppress_sequences=[["<pad>"], ["<s>"]], max_decoding_length=len(attention.tgt.ids) - 1,
    )  # fmt: skip
    assert result.hypotheses[0] == attention.tgt.tokens[:-1]
    heads = attention.cross[layer].mean(0) if head is None else attention.cross[layer, head]
    # The end mark of neither side is in their table.
    np.testing.assert_allclose(np.array(result.attention[0]), heads[:-1, :-1], atol=1e-5)


@pytest.mark.parametrize("quantization", ["int8", "float16", "bfloat16", "int16"])
def test_quantized_weights_take_less_room_and_translate(own_run, tmp_path, quantization):
    run_dir = own_run()
    for kind in ("float32", quantization):
        folder = tmp_path / kind
        convert.main([str(run_dir), str(folder), "--to=ctranslate2", f"--quantization={kind}"])
    sizes = [(tmp_path / kind / "model.bin").stat().st_size for kind in ("float32", quantization)]
    assert sizes[1] < 0.75 * sizes[0]
    theirs = engine.Translator(str(tmp_path / quantization), intra_threads=1)
    (result,) = theirs.translate_batch([["▁I"]], max_decoding_length=5)
    assert result.hypotheses[0]


@pytest.mark.parametrize(
    "model, option",
    [
        ({"cross_attention": "hard"}, "model.cross_attention=hard"),
        ({"encoder_gate": "both"}, "model.encoder_gate=both"),
    ],
)
def test_what_it_cannot_say_is_refused(tmp_path, tokenizers, call, model, option):
    run_dir = make_run(tmp_path / "run", tokenizers, model=model)
    done: Done = call("convert", run_dir, tmp_path / "out", "--to", "ctranslate2")
    assert option in done.error and "train a run without it" in done.error
    assert not (tmp_path / "out").exists()


def test_the_card_can_be_followed(trained_run, tmp_path, monkeypatch, capsys):
    """Its program is run as it is, on a sentence in the place of the dots."""
    convert.main([str(trained_run), str(tmp_path / "out"), "--to", "ctranslate2"])
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    program = card.split("```python\n")[1].split("```")[0]
    program = program.replace('"…"', '"I like apples.", "You see books!"')
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    exec(program, {})
    expected = [
        t.text for t in Translator(trained_run).translate(["I like apples.", "You see books!"])
    ]
    assert capsys.readouterr().out.splitlines() == expected
