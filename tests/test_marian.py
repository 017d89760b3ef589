"""MarianMT checkpoints as runs, and runs as MarianMT checkpoints: the same numbers, ids, text."""

import ast

import pytest
import torch
from helpers import ROOT, make_run
from marian_models import KINDS, LINES, make_directory

from transformer_mt import Translator, convert
from transformer_mt.config import Activation, Norm
from transformer_mt.fast import NEVER
from transformer_mt.model import Trace
from transformer_mt.run_dir import load_run, weights_of
from transformer_mt.text import one_line

transformers = pytest.importorskip("transformers")

CODES = {"opus": "cmn_Hans"}
SENTENCES = LINES["source"][::29]
ODD = [
    "ＡＢＣ　full width", "emoji 😀 here", "a — dash…", "½ cup", "zero\u200bwidth", "▁ mark",
    "https://example.org/a?b=c", "苹果 in English", "“quoted” (50%)", "New York", "ok，好！",
]  # fmt: skip
TATOEBA = ROOT.parent / "shared" / "data" / "tatoeba" / "test.tsv"
CLOSE = {"rtol": 0, "atol": 1e-10}


@pytest.fixture(scope="module", params=KINDS)
def imported(request, tmp_path_factory):
    """Of each kind the directory, the model in it, and the run that was made of it."""
    name = request.param
    folder = tmp_path_factory.mktemp("marian")
    model = make_directory(folder / name, name)
    code = [f"--target-language={CODES[name]}"] if name in CODES else []
    convert.main([str(folder / name), str(folder / "run"), *code])
    return folder / name, model, folder / "run"


def in_float64(run_dir):
    """The run, with everything that is computed in float64; so must be their table of positions."""
    run = load_run(run_dir)
    run.model.double()
    return run


def exact_positions(theirs, ours):
    """Give `theirs` our table of positions, which is the same but for its rounding to float32."""
    half = ours.positions.size(1) // 2
    table = torch.cat((ours.positions[:, 0::2], ours.positions[:, 1::2]), dim=1)
    assert half * 2 == table.size(1)
    for side in (theirs.get_encoder(), theirs.get_decoder()):
        assert (side.embed_positions.weight - table).abs().max() < 1e-6
        side.embed_positions.weight.data = table


def assert_same_numbers(theirs, run):
    """Logits and every attention weight of two sentences of unlike length, in float64."""
    ours, tgt = run.model, run.tgt_tokenizer
    exact_positions(theirs, ours)
    theirs.config._attn_implementation = "eager"
    theirs.set_attn_implementation("eager")
    generator = torch.Generator().manual_seed(3)
    pad, n_src, n_tgt = run.src_tokenizer.pad_id, len(run.src_tokenizer), len(tgt)
    src = torch.randint(0, n_src - 1, (2, 9), generator=generator)
    src[src == pad] += 1
    src[1, 6:] = pad
    tgt_in = torch.randint(0, n_tgt - 1, (2, 7), generator=generator)
    tgt_in[:, 0] = tgt.bos_id
    trace = Trace()
    with torch.no_grad():
        outputs = theirs(
            input_ids=src,
            attention_mask=src != pad,
            decoder_input_ids=tgt_in,
            output_attentions=True,
        )
        logits = ours.decode(tgt_in, ours.encode(src, trace), src == pad, trace)
    # Nothing puts out their padding, and we give it no probability.
    others = torch.arange(n_tgt)[torch.arange(n_tgt) != tgt.pad_id]
    torch.testing.assert_close(logits[..., others], outputs.logits[..., others], **CLOSE)
    # Nor does anything put out the rows that fill up the smaller table.
    assert (outputs.logits[..., n_tgt:] < -1e8).all()
    for ours_, theirs_ in (
        (trace.encoder_self, outputs.encoder_attentions),
        (trace.decoder_self, outputs.decoder_attentions),
        (trace.cross, outputs.cross_attentions),
    ):
        assert len(ours_) == len(theirs_) > 0
        for layer, weights in zip(ours_, theirs_, strict=True):
            torch.testing.assert_close(layer.weights[0], weights[0], **CLOSE)
            torch.testing.assert_close(layer.weights[1], weights[1], **CLOSE)


def test_logits_and_attention_of_an_imported_run_are_those_of_marianmt(imported):
    _, theirs, run_dir = imported
    run = in_float64(run_dir)
    if run.config.model.output_bias:
        assert run.model.output.bias[run.tgt_tokenizer.pad_id] == NEVER
    assert_same_numbers(theirs, run)


def their_ids(folder, run, texts, is_target=False):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    if is_target:
        return tokenizer(text_target=texts)["input_ids"]
    prefix = run.config.tokenizer.src_prefix
    return tokenizer([f"{prefix} {text}" if prefix else text for text in texts])["input_ids"]


def assert_same_ids(folder, run, lines):
    for texts in (lines, ODD):
        assert run.src_tokenizer.encode(texts) == their_ids(folder, run, texts)
        assert run.tgt_tokenizer.encode(texts) == their_ids(folder, run, texts, is_target=True)


def test_ids_of_both_languages_on_both_sides_are_those_of_marian_tokenizer(imported):
    folder, _, run_dir = imported
    assert_same_ids(folder, load_run(run_dir), LINES["source"][::7] + LINES["target"][::7])


needs_tatoeba = pytest.mark.skipif(
    not TATOEBA.is_file(), reason="needs the Tatoeba corpus beside the checkout"
)


@needs_tatoeba
def test_ids_of_a_thousand_real_lines_are_those_of_marian_tokenizer(imported):
    folder, _, run_dir = imported
    assert_same_ids_of_tatoeba(folder, run_dir)


def assert_same_ids_of_tatoeba(folder, run_dir):
    rows = [line.split("\t") for line in TATOEBA.read_text(encoding="utf-8").splitlines()[:1000]]
    run = load_run(run_dir)
    assert_same_ids(folder, run, [row[0] for row in rows])
    assert_same_ids(folder, run, [row[1] for row in rows])


def test_text_becomes_no_mark(imported):
    run = load_run(imported[2])
    for tokenizer in (run.src_tokenizer, run.tgt_tokenizer):
        n = len(tokenizer.prefix_ids)
        for text in ("<pad>", "</s> a", "<s>", ">>yue<< hello", ">>cmn_Hans<<"):
            ids = tokenizer.encode([text])[0][n:-1]
            assert not {tokenizer.pad_id, tokenizer.eos_id} & set(ids)
            assert not any(tokenizer.processor.is_control(i) for i in ids)


def greedy(theirs, tokenizer, text, prefix, run):
    """Ids of `generate` without bos and eos, within our own limit of length."""
    batch = tokenizer([f"{prefix} {text}" if prefix else text], return_tensors="pt")
    limit = min(2 * batch["input_ids"].size(1) + 20, run.config.model.max_len)
    tgt = run.tgt_tokenizer
    with torch.no_grad():
        ids = theirs.generate(
            **batch,
            num_beams=1,
            do_sample=False,
            max_new_tokens=limit - 1,
            forced_eos_token_id=None,
            bad_words_ids=[[i] for i in {tgt.pad_id, tgt.unk_id, tgt.bos_id}],
        )[0].tolist()[1:]
    return ids[: ids.index(tgt.eos_id)] if tgt.eos_id in ids else ids


def assert_same_greedy_ids(theirs, folder, run_dir, texts):
    translator = Translator(run_dir, "cpu")
    translator.model.double()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    prefix = translator.config.tokenizer.src_prefix
    for text in texts:
        options = translator.decode_options(beam_size=1)
        ((ours,),) = translator.search(translator.src_tokenizer.encode([text]), options)
        expected = greedy(theirs, tokenizer, text, prefix, translator.run)
        assert ours.ids == expected
        decoded = tokenizer.decode(expected, skip_special_tokens=True)
        assert one_line(translator.tgt_tokenizer.decode([ours.ids])[0]) == one_line(decoded)


def test_greedy_translations_of_an_imported_run_are_those_of_generate(imported):
    folder, theirs, run_dir = imported
    assert_same_greedy_ids(theirs, folder, run_dir, SENTENCES[:6] + ODD)


def test_links_of_an_imported_run_are_those_of_the_head_that_marian_guides(imported):
    """The first head of their last layer, in the row of the step that puts out the token. The rows
    compete for the columns.
    """
    _, theirs, run_dir = imported
    translator = Translator(run_dir, "cpu")
    rule, _ = translator.inspector.default_rule()
    attention = translator.attention(SENTENCES[1], None, "subwords", rule)
    src, tgt = attention.src, attention.tgt
    theirs.set_attn_implementation("eager")
    with torch.no_grad():
        outputs = theirs(
            input_ids=torch.tensor([src.ids]),
            decoder_input_ids=torch.tensor([[theirs.config.decoder_start_token_id, *tgt.ids[:-1]]]),
            output_attentions=True,
        )
    weights = outputs.cross_attentions[-1][0, 0, :-1, src.n_prefix : -1]  # of words alone
    shares = weights / weights.sum(0).clamp(min=0.5)
    assert attention.links == {(s, t) for t, s in enumerate(shares.argmax(-1).tolist())}


def test_a_directory_that_transformers_saves_again_is_the_same_run(imported, tmp_path):
    folder, _, run_dir = imported
    if folder.name == "tc-big":
        pytest.skip("transformers 5 saves what lm_head.weight has in the file, which is not used")
    saved_again(folder, tmp_path / "saved")
    code = [f"--target-language={CODES[folder.name]}"] if folder.name in CODES else []
    convert.main([str(tmp_path / "saved"), str(tmp_path / "run"), *code])
    assert_same_run(load_run(run_dir), load_run(tmp_path / "run"))


# ----------------------------------------------------------------------------- own runs


OWN = {
    "relu, separate": {"activation": Activation.relu},
    "gelu, separate, untied": {"activation": Activation.gelu, "tie_embeddings": False},
    "swish, joint": {"activation": Activation.swish, "joint": True},
    "relu, joint, untied": {"tie_embeddings": False, "joint": True},
}


@pytest.fixture(scope="module", params=OWN)
def exported(request, tmp_path_factory, tokenizers):
    """An own run of each kind, and its export."""
    folder = tmp_path_factory.mktemp("own")
    model = dict(OWN[request.param])
    joint = model.pop("joint", False)
    run_dir = own_run(folder / "run", tokenizers, joint, model)
    convert.main([str(run_dir), str(folder / "out"), "--to", "marian"])
    return run_dir, folder / "out"


def own_run(folder, tokenizers, joint, model):
    from transformer_mt.config import TokenizerConfig

    if joint:
        tokenizers = (tokenizers[0], tokenizers[0])
    return make_run(
        folder,
        tokenizers,
        model={"norm": Norm.post, "joint": joint} | model,
        tokenizer=TokenizerConfig(joint=joint),
    )


def test_an_export_opens_in_transformers_with_the_same_numbers(exported):
    run_dir, folder = exported
    theirs = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder).double().eval()
    assert_same_numbers(theirs, in_float64(run_dir))


def test_an_export_has_the_same_ids_and_greedy_translations(exported):
    run_dir, folder = exported
    run = load_run(run_dir)
    spaces = ["two  spaces", " leading", "trailing ", "a\u3000b"]
    assert_same_ids(folder, run, [*LINES["source"][::7], *LINES["target"][::7], *spaces])
    theirs = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder).double().eval()
    exact_positions(theirs, in_float64(run_dir).model)
    assert_same_greedy_ids(theirs, folder, run_dir, SENTENCES[:12])


def saved_again(folder, again):
    """What `transformers` writes after it has opened `folder`."""
    transformers.AutoModelForSeq2SeqLM.from_pretrained(folder).save_pretrained(again)
    transformers.AutoTokenizer.from_pretrained(folder).save_pretrained(again)


def test_an_export_that_transformers_saves_again_is_the_same_run(exported, tmp_path):
    run_dir, folder = exported
    saved_again(folder, tmp_path / "saved")
    convert.main([str(tmp_path / "saved"), str(tmp_path / "run")])
    assert_same_run(load_run(run_dir), load_run(tmp_path / "run"))


@needs_tatoeba
def test_an_export_has_the_same_ids_of_a_thousand_real_lines(exported):
    run_dir, folder = exported
    assert_same_ids_of_tatoeba(folder, run_dir)


def test_the_card_can_be_followed(exported, monkeypatch, capsys):
    """Its program is run as it is, on sentences in the place of the dots."""
    _, folder = exported
    card = (folder / "README.md").read_text(encoding="utf-8")
    program = card.split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(folder.parent)
    exec(program.replace('"…"', '"I like apples.", "You see books!"'), {})
    assert len(ast.literal_eval(capsys.readouterr().out.splitlines()[-1])) == 2


def test_an_export_imported_again_is_the_same_run(exported, tmp_path):
    run_dir, folder = exported
    convert.main([str(folder), str(tmp_path / "again")])
    before, after = load_run(run_dir), load_run(tmp_path / "again")
    assert_same_run(before, after)


def assert_same_run(before, after):
    assert after.config.model.output_bias == before.config.model.output_bias
    tensors = weights_of(after.model)
    assert tensors.keys() == weights_of(before.model).keys()
    for name, tensor in weights_of(before.model).items():
        assert torch.equal(tensor, tensors[name]), name
    assert after.config.direction == before.config.direction
    assert after.config.decode == before.config.decode
    assert after.metadata["steps"] == before.metadata["steps"]
    lines = [*LINES["source"][::7], *LINES["target"][::7], *ODD, "two  spaces", " leading"]
    for side in ("src_tokenizer", "tgt_tokenizer"):
        ids = getattr(before, side).encode(lines)
        assert getattr(after, side).encode(lines) == ids
        assert getattr(after, side).decode(ids) == getattr(before, side).decode(ids)


def test_an_imported_run_goes_out_and_comes_back_the_same(imported, tmp_path):
    folder, _, run_dir = imported
    convert.main([str(run_dir), str(tmp_path / "out"), "--to", "marian"])
    name = folder.name
    code = [f"--target-language={CODES[name]}"] if name in CODES else []
    convert.main([str(tmp_path / "out"), str(tmp_path / "again"), *code])
    assert_same_run(load_run(run_dir), load_run(tmp_path / "again"))
