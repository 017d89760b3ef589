"""Hostile files: every reader gives a result or one clear error, whatever the bytes.

FUZZ_EXAMPLES=100000 python -m pytest tests/test_fuzz.py is the long form.
"""

import gzip
import json
import os
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
from transformer_mt.config_file import load_config
from transformer_mt.corpus import read_aligned, read_csv, read_jsonl, read_tsv
from transformer_mt.files import read_text
from transformer_mt.run_dir import load_run, load_tensors
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
NASTY = st.sampled_from(
    ["\t", "\n", "\r", "\0", "\u2028", "\x85", "\ufeff", "0-0", "0p1", "-", "😀", "</s>", "▁", "⁇"]
)
LINES = st.lists(NASTY | st.text(max_size=8), max_size=12).map("".join)
BYTES = LINES.map(str.encode) | st.binary(max_size=60)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
PLAIN = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
)


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


CELLS = st.sampled_from(['"', '""', ",", ";", "\n", "\r\n", "a", "一", "\udcff", "sep=", "\ufeff"])
JSON_PARTS = st.sampled_from(
    ['{"en": "a", "zh": "b"}\n', '{"en": 1', "}", '"', "\n", "[", "\\ud800"]
)


@fuzz
@given(parts=st.lists(CELLS | NASTY, max_size=30), on_bad_row=st.sampled_from(OnBadRow))
@example(parts=['"a\n', '"b\n', '"c'], on_bad_row=OnBadRow.skip)
def test_csv(tmp_path, parts, on_bad_row):
    path = tmp_path / "rows.csv"
    body = "".join(parts)
    path.write_bytes(f'en,zh\n{body}\n"last, one",b\n'.encode(errors="surrogateescape"))
    config = DataConfig(columns=["en", "zh"], on_bad_row=on_bad_row)
    try:
        rows = list(read_csv(path, config))
    except UserError as error:
        assert on_bad_row is OnBadRow.error and "rows.csv: line " in str(error)
    else:
        assert len(rows) <= body.count("\n") + 2
        # A quote may run into the next line, but no row is read twice, nor is the last one lost.
        assert sum(row[:2] == ("last, one", "b") for row in rows) == 1 or '"' in body


@fuzz
@given(parts=st.lists(JSON_PARTS | NASTY, max_size=20), on_bad_row=st.sampled_from(OnBadRow))
def test_jsonl(tmp_path, parts, on_bad_row):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"en": "a", "zh": "b"}\n' + "".join(parts), encoding="utf-8")
    config = DataConfig(columns=["en", "zh"], on_bad_row=on_bad_row)
    try:
        rows = list(read_jsonl(path, config))
    except UserError as error:
        assert on_bad_row is OnBadRow.error and "rows.jsonl: line " in str(error)
    else:
        assert rows[0] == ("a", "b", None)


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
    rule = {
        "layer": 0,
        "head": None,
        "shift": False,
        "mask_eos": True,
        "mask_punctuation": False,
        "threshold": None,
    }
    for text in (
        content,
        json.dumps(value),
        json.dumps(rule | {"table": value}),
        json.dumps({"table": []} | {"layer": value}),
    ):
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
        assert all(0 <= i < len(tokenizer) for i in ids[0]) and isinstance(
            tokenizer.decode(ids)[0], str
        )
    except UserError as error:
        assert "src.spm.model" in str(error)


@pytest.fixture(scope="module")
def translator(trained_run) -> Translator:
    return Translator(trained_run, "cpu", "fp32")


@settings(fuzz, max_examples=max(5, fuzz.max_examples // 10))
@given(
    texts=st.lists(LINES | st.text(st.characters(exclude_categories=[]), max_size=40), max_size=3)
)
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


@settings(fuzz, max_examples=max(5, fuzz.max_examples // 10))
@given(text=LINES)
def test_a_sentence_to_look_at(translator, text):
    try:
        attention = translator.attention(text, rule=BASE, beam_size=1)
    except UserError as error:
        assert "is empty" in str(error) or "tokens, but the model reads at most" in str(error)
    else:
        assert all(
            0 <= i < len(attention.src.units) and 0 <= j < len(attention.tgt.units)
            for i, j in attention.links
        )


# ----------------------------------------------------------- a run directory that asks for too much


@pytest.mark.parametrize(
    "change",
    [{"d_model": 1_000_000}, {"n_encoder_layers": 10**9}, {"d_ff": 10**9}, {"max_len": 65536}],
)
def test_a_model_larger_than_its_file_is_not_built(trained_run, tmp_path, change, monkeypatch):
    import shutil

    run_dir = tmp_path / "run"
    shutil.copytree(trained_run, run_dir)
    values = yaml.safe_load((run_dir / "config.yaml").read_text(encoding="utf-8"))
    values["model"] |= change
    (run_dir / "config.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    if "max_len" in change:
        load_run(run_dir)  # a table of positions: 8 MB at this width
        return
    with pytest.raises(
        UserError, match=r"does not fit the model that config.yaml describes|is larger than memory"
    ):
        load_run(run_dir)


def test_tensors_of_another_kind_are_refused(trained_run, tmp_path):
    import shutil

    run_dir = tmp_path / "run"
    shutil.copytree(trained_run, run_dir)
    tensors, metadata = load_tensors(run_dir / "model.safetensors")
    tensors["src_embedding.weight"] = tensors["src_embedding.weight"][:, :3].contiguous()
    header = {"format": "1", "transformer_mt": json.dumps(metadata)}
    save_file(tensors, run_dir / "model.safetensors", header)
    with pytest.raises(UserError, match=r"src_embedding\.weight does not fit"):
        load_run(run_dir)


def test_translating_does_not_import_torchs_compiler(trained_run):
    code = (
        "import sys; from transformer_mt import Translator; "
        f"Translator({str(trained_run)!r}).translate(['Hello.']); "
        "print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert done.stdout == b"False\n"


def test_loading_gives_the_weights_of_the_file(trained_run):
    model = load_run(trained_run).model
    tensors, _ = load_tensors(trained_run / "model.safetensors")
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, tensors[name]) and not parameter.is_meta
    assert model.positions.device.type == "cpu"
    assert tiny_model().positions.dtype == model.positions.dtype
