"""Hostile files: every reader gives a result or one clear error, whatever the bytes.

`FUZZ_EXAMPLES=100000 python -m pytest tests/test_fuzz.py` is the long form.
"""

import gzip
import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from helpers import tiny_model
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from transformer_mt import Translator
from transformer_mt.alignment import BASE, rule_from_json
from transformer_mt.config import DataConfig, OnBadRow, UserError
from transformer_mt.corpus import read_aligned, read_tsv
from transformer_mt.files import read_text
from transformer_mt.run_dir import load_config, load_run, load_tensors
from transformer_mt.tokenizer import Tokenizer
from transformer_mt.units import parse_links, turn_links

fuzz = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "60")),
    deadline=None,
    database=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
few = settings(fuzz, max_examples=max(5, fuzz.max_examples // 10))
NASTY = st.sampled_from(
    ["\t", "\n", "\r", "\0", "\u2028", "\x85", "\ufeff", "0-0", "0p1", "-", "😀", "</s>", "▁", "⁇"]
)
LINES = st.lists(NASTY | st.text(max_size=8), max_size=12).map("".join)
BYTES = LINES.map(str.encode) | st.binary(max_size=60)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)


def containers(values: st.SearchStrategy) -> st.SearchStrategy:
    lists = st.lists(values, max_size=4)
    return lists | st.dictionaries(st.text(max_size=8), values, max_size=4)


PLAIN = st.recursive(SCALARS, containers)


@fuzz
@given(content=BYTES, links=st.sampled_from([None, "2"]), on_bad_row=st.sampled_from(OnBadRow))
@example(content=b"\xef\xbb\xbf\xff\tx\n", links=None, on_bad_row=OnBadRow.error)
@example(content=b"\xef\xbb\xbf", links=None, on_bad_row=OnBadRow.error)
def test_tsv(tmp_path, content, links, on_bad_row):
    path = tmp_path / "rows.tsv"
    path.write_bytes(content)
    try:
        rows = list(read_tsv(path, DataConfig(links_column=links, on_bad_row=on_bad_row)))
    except UserError as error:
        assert on_bad_row is OnBadRow.error and "rows.tsv: line " in str(error)
    else:
        text = content.removeprefix(b"\xef\xbb\xbf")
        assert len(rows) == text.count(b"\n") + (not text.endswith(b"\n") and text != b"")


@fuzz
@given(first=BYTES, second=BYTES, packed=st.booleans())
def test_aligned_text_and_damaged_gzip(tmp_path, first, second, packed):
    paths = [tmp_path / f"{name}.gz" for name in ("one", "two")]
    for path, content in zip(paths, (first, second), strict=True):
        path.write_bytes(gzip.compress(content)[: 20 + len(content)] if packed else content)
    try:
        list(read_aligned(paths, OnBadRow.skip))
    except UserError as error:
        assert ".gz" in str(error)


@fuzz
@given(content=BYTES)
def test_lines_of_a_command(tmp_path, content):
    path = tmp_path / "text"
    path.write_bytes(content)
    try:
        lines = read_text(path)
    except UserError as error:
        assert "is not UTF-8 at byte offset" in str(error)
    else:
        assert not any("\n" in line for line in lines)


@fuzz
@given(line=LINES)
@example(line="9" * 5000 + "-0")
@example(line="٣-٣")
def test_links(line):
    for read in (lambda: parse_links(line, 5, 5, "here"), lambda: turn_links(line, "here")):
        try:
            read()
        except UserError as error:
            assert "is not of the form i-j" in str(error) or "out of range" in str(error)


@fuzz
@given(content=BYTES | PLAIN.map(lambda value: yaml.safe_dump(value, allow_unicode=True).encode()))
@example(content=b"a: &a [1]\nb: *a\n")
@example(content=b"[" * 3000)
@example(content=b"!!python/object/apply:os.system ['touch hacked']")
@example(content=b"model: {d_model: " + b"9" * 5000 + b"}")
@example(content=b"2001-99-99: 1")
def test_config(tmp_path, content):
    (tmp_path / "config.yaml").write_bytes(content)
    try:
        load_config(tmp_path)
    except UserError as error:
        assert "config.yaml" in str(error) and len(str(error)) < 1000
    assert not Path("hacked").exists()


@pytest.mark.parametrize("first, form", [("[x, x]", "[{}]"), ("{x: 1}", "{{<<: [{}]}}")])
def test_a_bomb_of_aliases_is_refused_at_once(tmp_path, first, form):
    levels = [f"a0: &a0 {first}"]
    levels += [f"a{i}: &a{i} {form.format(', '.join([f'*a{i - 1}'] * 10))}" for i in range(1, 12)]
    (tmp_path / "config.yaml").write_text("\n".join([*levels, "model: *a11"]), encoding="utf-8")
    with pytest.raises(UserError, match=r"config\.yaml"):
        load_config(tmp_path)


@fuzz
@given(value=PLAIN, content=BYTES)
@example(value={"layer": 0, "head": None, "shift": False, "table": 3}, content=b"\xff")
@example(value={}, content=b"[" * 100_000)
def test_alignment_json(value, content):
    rule = {"layer": 0, "head": None, "shift": False}
    rule |= {"mask_eos": True, "mask_punctuation": False, "threshold": None}
    damaged = [value, rule | {"table": value}, {"table": [], "layer": value}]
    for text in (content, *map(json.dumps, damaged)):
        try:
            rule_from_json(text, 2, 4, "alignment.json")
        except UserError as error:
            assert "alignment.json" in str(error)


@fuzz
@given(header=PLAIN, body=st.binary(max_size=40), raw=st.booleans())
@example(header=None, body=struct.pack("<Q", 2**63), raw=True)
@example(
    header={"x": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}},
    body=b"",
    raw=False,
)
@example(header={"__metadata__": {"format": "1", "transformer_mt": "[]"}}, body=b"", raw=False)
@example(header={"__metadata__": {"format": "٣", "transformer_mt": "{}"}}, body=b"", raw=False)
def test_safetensors(tmp_path, header, body, raw):
    text = json.dumps(header).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(body if raw else struct.pack("<Q", len(text)) + text + body)
    try:
        _, metadata = load_tensors(path)
    except UserError as error:
        assert "model.safetensors" in str(error)
    else:
        assert isinstance(metadata, dict)


@fuzz
@given(content=st.binary(max_size=60))
def test_sentencepiece_model(content):
    try:
        Tokenizer(content, "src.spm.model")
    except UserError as error:
        assert "src.spm.model" in str(error)


@fuzz
@given(changes=st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=3))
def test_a_sentencepiece_model_with_other_bytes(trained_run, changes):
    content = bytearray((trained_run / "src.spm.model").read_bytes())
    for position, value in changes:
        content[position % len(content)] = value
    try:
        tokenizer = Tokenizer(bytes(content), "src.spm.model")
        ids = tokenizer.encode(["I like apples 苹果"])
        assert all(0 <= i < len(tokenizer) for i in ids[0])
        assert isinstance(tokenizer.decode(ids)[0], str)
    except UserError as error:
        assert "src.spm.model" in str(error)


@pytest.fixture(scope="module")
def translator(trained_run) -> Translator:
    return Translator(trained_run, "cpu", "fp32")


ANY_CHARACTERS = st.text(st.characters(exclude_categories=[]), max_size=40)


@few
@given(texts=st.lists(LINES | ANY_CHARACTERS, max_size=3))
@example(texts=["x" * 20_000])
@example(texts=["\u202e</script>\x00" * 3, "", " \t "])
def test_sentences(translator, texts):
    try:
        translations = translator.translate(texts, beam_size=1)
    except UserError as error:
        assert "lone surrogate" in str(error)
        return
    assert [translation.src for translation in translations] == texts
    assert all("\n" not in translation.text for translation in translations)


@few
@given(text=LINES)
def test_a_sentence_to_look_at(translator, text):
    try:
        attention = translator.attention(text, rule=BASE, beam_size=1)
    except UserError as error:
        assert "is empty" in str(error) or "tokens, but the model reads at most" in str(error)
    else:
        n_src, n_tgt = len(attention.src.units), len(attention.tgt.units)
        assert all(0 <= i < n_src and 0 <= j < n_tgt for i, j in attention.links)


# ----------------------------------------------------------- a run directory that asks for too much


@pytest.fixture
def run_copy(trained_run, tmp_path) -> Path:
    return Path(shutil.copytree(trained_run, tmp_path / "run"))


@pytest.mark.parametrize(
    "change",
    [{"d_model": 1_000_000}, {"n_encoder_layers": 10**9}, {"d_ff": 10**9}, {"max_len": 65536}],
)
def test_a_model_larger_than_its_file_is_not_built(run_copy, change):
    path = run_copy / "config.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    values["model"] |= change
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    if "max_len" in change:
        load_run(run_copy)  # only the table of positions grows: 8 MB at this width
        return
    message = r"does not fit the model that config.yaml describes|is larger than memory"
    with pytest.raises(UserError, match=message):
        load_run(run_copy)


def test_tensors_of_another_shape_are_refused(run_copy):
    tensors, metadata = load_tensors(run_copy / "model.safetensors")
    tensors["src_embedding.weight"] = tensors["src_embedding.weight"][:, :3].contiguous()
    header = {"format": "1", "transformer_mt": json.dumps(metadata)}
    save_file(tensors, run_copy / "model.safetensors", header)
    with pytest.raises(UserError, match=r"src_embedding\.weight does not fit"):
        load_run(run_copy)


def test_translating_does_not_import_torchs_compiler(trained_run):
    code = """
import sys
from transformer_mt import Translator
Translator(sys.argv[1]).translate(["Hello."])
print("torch._dynamo" in sys.modules)
"""
    assert subprocess.check_output([sys.executable, "-c", code, trained_run]) == b"False\n"


def test_loading_gives_the_weights_of_the_file(trained_run):
    model = load_run(trained_run).model
    tensors, _ = load_tensors(trained_run / "model.safetensors")
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, tensors[name]) and not parameter.is_meta
    assert model.positions.device.type == "cpu"
    assert tiny_model().positions.dtype == model.positions.dtype
