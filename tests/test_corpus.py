"""Corpora from files: reading, cleaning, splitting, vocabularies, caching."""

import csv
import errno
import gzip
import io
import json
import multiprocessing
import os
import random
import re
import signal
import threading
import time
import unicodedata
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from transformer_mt import corpus as corpus_module
from transformer_mt.config import (
    ChineseScript,
    Config,
    DataConfig,
    ModelConfig,
    OnBadRow,
    TokenizerConfig,
    TokenizerType,
    TrainConfig,
    UserError,
)
from transformer_mt.corpus import Pair, cached, leak_key, prepare, table

HELD_OUT = [("Where is the station?", "车站在哪里？")]
TRICKY = [  # (as written, as it must be read) on both sides
    (('He said: "Wait!"', "他说：“等一下！”"), ('He said: "Wait!"', "他说：“等一下！”")),
    (('"Quoted" at the start', '"引号"在前'), ('"Quoted" at the start', '"引号"在前')),
    (("One, two; three.", "一，二；三。"), ("One, two; three.", "一，二；三。")),
    (("None", "没有"), ("None", "没有")),
    (("nan", "奶奶"), ("nan", "奶奶")),
    (("null", "空"), ("null", "空")),
    (("NA", "不适用"), ("NA", "不适用")),
    (("N/A", "无"), ("N/A", "无")),
    (("007", "1.50"), ("007", "1.50")),
    (("true", "真"), ("true", "真")),
    (("2024-01-02", "二〇二四年"), ("2024-01-02", "二〇二四年")),
    (("Line\u2028separated here", "行\u2028分隔"), ("Line separated here", "行 分隔")),
    (("A form\x0bfeed \x85 inside", "换\x0b页\x85符"), ("A form feed   inside", "换 页 符")),
    (("Ends with a space ", " 空格"), ("Ends with a space", "空格")),
    (("A cat 😀 e\u0301", "猫㐂𠮷"), ("A cat 😀 e\u0301", "猫㐂𠮷")),
    (("Back\\slash \\n stays", "反斜杠\\t"), ("Back\\slash \\n stays", "反斜杠\\t")),
]
WRITTEN = [row for row, _ in TRICKY]
READ = [row for _, row in TRICKY]


def visible(folder: Path) -> list[Path]:
    """What is in a cache beside its locks."""
    return sorted(path for path in folder.iterdir() if not path.name.endswith(".lock"))


def tsv(*rows):
    return "".join("\t".join(row) + "\n" for row in rows)


@pytest.fixture
def make_corpus(tmp_path):
    """`make_corpus(train, **options)` prepares text, given as the content of a TSV file or as a
    path, with its own cache."""

    def write(name, content):
        if not isinstance(content, (str, bytes)):
            return str(content)
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def make(
        train,
        valid=None,
        test=None,
        direction="en-zh",
        tokenizer=None,
        model=None,
        run_dir=None,
        seed=1,
        **options,
    ):
        contents = {"train": train, "valid": valid, "test": test}
        paths = {
            k: v if isinstance(v, list) else write(f"{k}.tsv", v)
            for k, v in contents.items()
            if v is not None
        }
        config = Config(
            direction=direction,
            data=DataConfig(**{"cache_dir": str(tmp_path / "cache")} | paths | options),
            tokenizer=tokenizer or TokenizerConfig(vocab_size=400),
            model=model or ModelConfig(),
            train=TrainConfig(seed=seed),
        )
        return prepare(config, run_dir)

    return make


def train_pairs(corpus):
    """The training text, from its ids: reading, cleaning and encoding all have to be right."""
    src = corpus.src_tokenizer.decode(corpus.train["src_ids"])
    return list(zip(src, corpus.tgt_tokenizer.decode(corpus.train["tgt_ids"]), strict=True))


def pairs(split):
    return [(pair.src, pair.tgt) for pair in split]


def numbered(n):
    return [(f"Sentence number {i} is here.", f"这里是第{i}句话。") for i in range(n)]


# ------------------------------------------------------------------------------------------ reading


def as_tsv(rows):
    return tsv(*rows).encode()


def as_csv(rows):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([("en", "zh"), *rows])
    return out.getvalue().encode()


def as_jsonl(rows):
    return "".join(
        json.dumps({"en": en, "zh": zh}, ensure_ascii=False) + "\n" for en, zh in rows
    ).encode()


def as_parquet(rows):
    out = io.BytesIO()
    pq.write_table(pa.table({"en": [en for en, _ in rows], "zh": [zh for _, zh in rows]}), out)
    return out.getvalue()


FORMATS = {"tsv": as_tsv, "csv": as_csv, "jsonl": as_jsonl, "parquet": as_parquet}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("kind", [*FORMATS, "aligned"])
def test_every_format_gives_the_same_corpus(make_corpus, tmp_path, kind, packed):
    def write(name, content):
        path = tmp_path / (name + ".gz" * packed)
        path.write_bytes(gzip.compress(content) if packed else content)
        return path

    def split(name, rows):
        if kind == "aligned":
            sides = zip(*rows, strict=True)
            return [
                str(write(f"{name}.{i}", "".join(s + "\n" for s in side).encode()))
                for i, side in enumerate(sides)
            ]
        return write(f"{name}.{kind}", FORMATS[kind](rows))

    columns = {} if kind in ("tsv", "aligned") else {"columns": ["en", "zh"]}
    corpus = make_corpus(
        split("train", WRITTEN),
        split("valid", HELD_OUT),
        split("test", HELD_OUT),
        max_ratio=9,
        **columns,
    )
    assert train_pairs(corpus) == READ
    assert pairs(corpus.valid) == pairs(corpus.test) == HELD_OUT
    assert sum(corpus.removed.values()) == 0


@pytest.mark.parametrize("kind", ["tsv", "csv", "jsonl"])
@pytest.mark.parametrize(
    "encode", [lambda b: b.replace(b"\n", b"\r\n"), lambda b: b"\xef\xbb\xbf" + b]
)
def test_windows_line_ends_and_byte_order_marks_are_no_text(make_corpus, tmp_path, kind, encode):
    path = tmp_path / f"train.{kind}"
    path.write_bytes(encode(FORMATS[kind](numbered(4))))
    columns = {} if kind == "tsv" else {"columns": ["en", "zh"]}
    held_out = tmp_path / f"held_out.{kind}"
    held_out.write_bytes(encode(FORMATS[kind](HELD_OUT)))
    corpus = make_corpus(path, held_out, held_out, **columns)
    assert train_pairs(corpus) == numbered(4)
    assert pairs(corpus.valid) == HELD_OUT


def test_a_file_may_end_without_a_line_end(make_corpus):
    corpus = make_corpus(tsv(*numbered(4)).removesuffix("\n"), tsv(*HELD_OUT), tsv(*HELD_OUT))
    assert train_pairs(corpus) == numbered(4)


def test_further_tsv_columns_are_ignored_and_columns_can_be_chosen(make_corpus):
    rows = [(str(i), zh, en, "2024", "") for i, (en, zh) in enumerate(numbered(4))]
    held_out = tsv(("9", HELD_OUT[0][1], HELD_OUT[0][0], "x"))
    assert train_pairs(make_corpus(tsv(*rows), held_out, held_out, columns=["2", "1"])) == numbered(
        4
    )


def test_nested_columns_of_jsonl_are_reached_by_dots(make_corpus, tmp_path):
    def write(name, rows):
        path = tmp_path / name
        lines = [
            json.dumps({"id": i, "translation": {"en": en, "zh": zh}})
            for i, (en, zh) in enumerate(rows)
        ]
        path.write_text("\n".join(lines) + "\n")
        return path

    held_out = write("held.jsonl", HELD_OUT)
    corpus = make_corpus(
        write("train.jsonl", numbered(4)),
        held_out,
        held_out,
        columns=["translation.en", "translation.zh"],
    )
    assert train_pairs(corpus) == numbered(4)


def test_tabs_and_line_breaks_in_jsonl_become_spaces(make_corpus, tmp_path):
    path = tmp_path / "train.jsonl"
    rows = [("Good\tmorning,\nall\r\nof you.", "大家\n早上\t好。"), *numbered(3)]
    path.write_bytes(as_jsonl(rows))
    held_out = tmp_path / "held.jsonl"
    held_out.write_bytes(as_jsonl([("Two\nlines", "两\n行")]))
    corpus = make_corpus(path, held_out, held_out, columns=["en", "zh"])
    assert train_pairs(corpus)[0] == ("Good morning, all  of you.", "大家 早上 好。")
    assert pairs(corpus.valid) == [("Two lines", "两 行")]


@pytest.mark.parametrize(
    "name", ["我的 (1).tsv", "a[1].csv", "what?*.jsonl", "x,y=z.parquet", "v1.2.tsv.gz"]
)
def test_unusual_file_names(make_corpus, tmp_path, name):
    kind = name.removesuffix(".gz").rpartition(".")[2]
    path = tmp_path / name
    (tmp_path / f"what--*.{kind}").write_bytes(
        FORMATS[kind](numbered(9))
    )  # must not be taken for it
    content = FORMATS[kind](numbered(6))
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    columns = {} if kind == "tsv" else {"columns": ["en", "zh"]}
    corpus = make_corpus(path, **columns)
    assert sorted(train_pairs(corpus) + pairs(corpus.valid) + pairs(corpus.test)) == sorted(
        numbered(6)
    )


def test_relative_paths(make_corpus, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.csv").write_bytes(as_csv(numbered(6)))
    assert len(make_corpus(["mine.csv"], columns=["en", "zh"]).train) == 4


HEADER_AND_ROWS = {
    "an_index": ",en,zh\n0,{0},{1}\n1,{2},{3}\n",
    "several_empty_names": ",,en,zh\n0,a,{0},{1}\n1,b,{2},{3}\n",
    "one_name_twice": "id,en,id,zh\n0,{0},1,{1}\n0,{2},1,{3}\n",
    "blank_lines_above": "\n \n,,\nen,zh\n{0},{1}\n{2},{3}\n",
    "blank_lines_between": "en,zh\n\n{0},{1}\n\n\n{2},{3}\n\n",
    "a_comma": "sep=,\nen,zh\n{0},{1}\n{2},{3}\n",
    "a_semicolon": "sep=;\nen;zh\n{0};{1}\n{2};{3}\n",
    "a_tab": '\n"sep=\t"\r\nen\tzh\r\n{0}\t{1}\r\n{2}\t{3}\r\n',
    "capitals": "SEP=;\nen;zh\n{0};{1}\n{2};{3}\n",
    "a_mark_above_it": "\ufeffsep=,\nen,zh\n{0},{1}\n{2},{3}\n",
    "a_long_field_elsewhere": f'en,x,zh\n{{0}},"{"x" * 200_000}",{{1}}\n{{2}},,{{3}}\n',
    "a_comma_at_the_end_of_rows": "en,zh\n{0},{1},\n{2},{3},\n",
    "a_comma_at_the_end_of_one_row": "en,zh\n{0},{1}\n{2},{3},\n",
    "a_comma_and_a_space_at_the_end": "en,zh\n{0},{1}, \n{2},{3}\n",
    "commas_at_the_end_of_all_lines": "en,zh,,\n{0},{1},,\n{2},{3},,\n",
    "carriage_returns_alone": "en,zh\r{0},{1}\r{2},{3}\r",
    "carriage_returns_and_line_feeds_in_cells": 'en,zh,note\r{0},{1},"a\nb\rc"\r{2},{3},\r',
    "line_ends_converted_twice": 'en,zh\r\r\n{0},{1}\r\r\n"{2}",{3}\r\r\n',
    "all_quoted": '"en","zh"\n"{0}","{1}"\n"{2}","{3}"\n',
    "fewer_fields_than_the_header_but_both_sides": "en,zh,note\n{0},{1}\n{2},{3},x\n",
    "joined_files": 'en,zh\n{0},{1}\n\ufeff"{2}",{3}\n',
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("form", HEADER_AND_ROWS.values(), ids=HEADER_AND_ROWS)
def test_only_the_columns_that_are_asked_for_matter_in_csv(make_corpus, tmp_path, form, packed):
    rows = [("I see a cat.", "我看见一只猫。"), ("She likes tea.", "她喜欢茶。")]
    content = form.format(*rows[0], *rows[1]).encode()
    path = tmp_path / ("train.csv" + ".gz" * packed)
    path.write_bytes(gzip.compress(content) if packed else content)
    held_out = tmp_path / "held.csv"
    held_out.write_bytes(as_csv(HELD_OUT))
    corpus = make_corpus(path, held_out, held_out, columns=["en", "zh"])
    assert train_pairs(corpus) == rows
    assert sum(corpus.removed.values()) == 0


@pytest.mark.parametrize("end", ["\r", "\n\r\n", " \r\r\n", "\n\ufeff"], ids=ascii)
def test_lines_of_jsonl_end_in_many_ways(tmp_path, end):
    path, rows = tmp_path / "train.jsonl", [('Say "a".', "一"), ('A "', '"二'), ("c", "三")]
    path.write_text(as_jsonl(rows).decode().replace("\n", end), encoding="utf-8", newline="")
    split = load(path)
    assert list(zip(split["first"], split["second"], strict=True)) == rows


JSON_LAYOUTS = {
    "an_array": lambda rows: json.dumps(rows),
    "an_array_over_lines": lambda rows: json.dumps(rows, indent=2),
    "an_array_of_lines": lambda rows: "[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n",
    "objects_on_one_line": lambda rows: "".join(map(json.dumps, rows)),
    "objects_over_lines": lambda rows: "\n".join(json.dumps(row, indent=1) for row in rows),
    "objects_that_begin_where_one_ends": lambda rows: (
        json.dumps(rows, indent=1).replace("},\n {", "}, {").replace('"en"', '\n"en"')
    ),
    "a_line_break_in_an_object": lambda rows: "\n".join(map(json.dumps, rows)).replace(
        ', "zh"', ',\r\n"zh"'
    ),
}


@pytest.mark.parametrize("layout", JSON_LAYOUTS.values(), ids=JSON_LAYOUTS)
def test_objects_of_jsonl_may_be_laid_out_otherwise(tmp_path, layout):
    path, rows = tmp_path / "train.jsonl", numbered(5)
    path.write_text(layout([{"en": en, "zh": zh, "a": [{"b": []}]} for en, zh in rows]))
    split = load(path)
    assert list(zip(split["first"], split["second"], strict=True)) == rows


def test_a_broken_object_of_several_lines_takes_no_other_with_it(tmp_path):
    path, rows = tmp_path / "train.jsonl", numbered(4)
    lines = as_jsonl(rows).decode().splitlines()
    lines.insert(2, '{"en": "a", "zh":')  # what follows might be its value
    path.write_text("\n".join(lines))
    with pytest.raises(UserError, match=r"train\.jsonl: line 3 is not a JSON object"):
        load(path)
    split = load(path, on_bad_row=OnBadRow.skip)
    read = list(zip(split["first"], split["second"], strict=True))
    assert read == [*rows[:2], (None, None), *rows[2:]]


OTHERS_IN_JSON = {
    "another_type_after_ten_megabytes": [1, *["x" * 1000] * 11_000, {"y": 2}],
    "types_by_turns": [1, "a", None, [2], {"b": 3}, [{"c": None}], 1.5, True],
    "numbers_without_end": [int("9" * 4000), 10**300, float("inf"), float("nan")],
    "deep": [json.loads("[" * 200 + "]" * 200)],
    "surrogates": ["\ud800"],
}


@pytest.mark.parametrize("others", OTHERS_IN_JSON.values(), ids=OTHERS_IN_JSON)
def test_only_the_columns_that_are_asked_for_matter_in_jsonl(make_corpus, tmp_path, others):
    path = tmp_path / "train.jsonl"
    rows = numbered(len(others))
    lines = [
        json.dumps({"a": a, "en": en, "zh": zh}) for a, (en, zh) in zip(others, rows, strict=True)
    ]
    lines[0] = lines[0].replace("9" * 4000, "9" * 5000)
    path.write_text("\n\n".join(lines), encoding="utf-8")
    split = load(path)
    assert list(zip(split["first"], split["second"], strict=True)) == rows


def load(path, columns=("en", "zh"), **options):
    """The rows of a file, as they are before they are cleaned."""
    config = DataConfig(train=str(path), columns=list(columns), **options)
    return corpus_module.load_split(config, "train", path.parent)


OTHERS_IN_PARQUET = {
    "map": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64())),
    "list_of_maps": pa.array([[[("a", 1)]], None], pa.list_(pa.map_(pa.string(), pa.int64()))),
    "struct_with_a_map": pa.array(
        [{"m": [("a", 1)]}, None], pa.struct({"m": pa.map_(pa.string(), pa.int64())})
    ),
    "nothing": pa.nulls(2),
    "bytes": pa.array([b"\xff", None]),
    "duration": pa.array([1, 2], pa.duration("s")),
}


@pytest.mark.parametrize("other", OTHERS_IN_PARQUET.values(), ids=OTHERS_IN_PARQUET)
def test_only_the_columns_that_are_asked_for_matter_in_parquet(tmp_path, other):
    path = tmp_path / "train.parquet"
    rows = numbered(2)
    en, zh = zip(*rows, strict=True)
    pq.write_table(pa.table({"other": other, "en": en, "zh": zh}), path)
    split = load(path)
    assert list(zip(split["first"], split["second"], strict=True)) == rows


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.dictionary(pa.int32(), pa.string()),
        pa.dictionary(pa.int8(), pa.large_string()),
    ],
    ids=str,
)
def test_every_type_of_text_in_parquet_is_text(make_corpus, tmp_path, kind):
    path = tmp_path / "train.parquet"
    rows = [*numbered(30), ("", "空"), (None, "空的")]
    sides = [pa.array(side).cast(kind) for side in zip(*rows, strict=True)]
    nested = pa.StructArray.from_arrays(sides, names=["en", "zh"])
    pq.write_table(pa.table({"translation": nested, "en": sides[0], "zh": sides[1]}), path)
    for columns in (["en", "zh"], ["translation.en", "translation.zh"]):
        corpus = make_corpus(path, columns=columns)
        got = train_pairs(corpus) + pairs(corpus.valid) + pairs(corpus.test)
        assert sorted(got) == sorted(numbered(30))
        assert corpus.removed["empty side"] == 2


BREAKS = ["\r", "\n", "\r\n", "\x0b", "\x0c", "\x1c", "\x1e", "\x85", "\u2028", "\u2029"]


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("mark", BREAKS, ids=ascii)
def test_a_line_break_in_a_field_is_a_space(make_corpus, tmp_path, kind, mark):
    if kind == "tsv" and "\n" in mark:
        pytest.skip("the end of a row")
    rows = [(f"She {mark}likes tea{i}.{mark}", f"她{mark}喜欢{mark}茶{i}。") for i in range(3)]
    path, held_out = tmp_path / f"train.{kind}", tmp_path / f"held.{kind}"
    path.write_bytes(FORMATS[kind](rows))
    held_out.write_bytes(FORMATS[kind](HELD_OUT))
    columns = {} if kind == "tsv" else {"columns": ["en", "zh"]}
    corpus = make_corpus(path, held_out, held_out, **columns)
    # A carriage return and a line feed in a cell of CSV are one line end of its text.
    space = " " * (1 if kind == "csv" else len(mark))
    assert train_pairs(corpus) == [
        (f"She {space}likes tea{i}.", f"她{space}喜欢{space}茶{i}。") for i in range(3)
    ]


def test_a_carriage_return_outside_quotes_ends_no_row_either(tmp_path):
    path = tmp_path / "train.csv"
    path.write_bytes("en,zh\nShe \rlikes tea.,她\r喜欢茶。\r\nGood.,好。\n".encode())
    split = load(path)
    assert split["first"][:] == ["She  likes tea.", "Good."]
    assert split["second"][:] == ["她 喜欢茶。", "好。"]


# ---------------------------------------------------------------------------------------- bad input


def test_a_missing_file_is_named(make_corpus, tmp_path):
    with pytest.raises(
        UserError, match=re.escape(f"data.train={tmp_path / 'no.tsv'}: no such file")
    ):
        make_corpus(tmp_path / "no.tsv")
    with pytest.raises(
        UserError, match=re.escape(f"data.valid={tmp_path / 'no.zh'}: no such file")
    ):
        (tmp_path / "some.en").write_text("a\n")
        make_corpus(tsv(*numbered(4)), [str(tmp_path / "some.en"), str(tmp_path / "no.zh")])
    with pytest.raises(UserError, match=r"data\.train is not set"):
        make_corpus(None)


def test_an_unknown_suffix_or_number_of_files_is_refused(make_corpus, tmp_path):
    (tmp_path / "a.txt").write_text("x\ty\n")
    with pytest.raises(UserError, match=r"a\.txt.*\.tsv, \.csv, \.jsonl or \.parquet"):
        make_corpus(tmp_path / "a.txt")
    with pytest.raises(UserError, match=r"data\.train=\['a', 'b', 'c'\]: give one file, or two"):
        make_corpus(["a", "b", "c"])


def test_a_row_with_one_column_stops_or_is_counted(make_corpus, tmp_path):
    text = tsv(*numbered(2), ("alone",), *numbered(5)[2:])
    with pytest.raises(
        UserError, match=re.escape(f"{tmp_path / 'train.tsv'}: line 3 has 1 column(s)")
    ):
        make_corpus(text)
    corpus = make_corpus(text, tsv(*HELD_OUT), tsv(*HELD_OUT), on_bad_row=OnBadRow.skip)
    assert train_pairs(corpus) == numbered(5)
    assert corpus.removed["unreadable row"] == 1
    with pytest.raises(UserError, match="line 2 has 2 column"):
        make_corpus("a\tb\tc\nd\te\n", columns=["0", "2"])


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("line", [1, 3])
def test_bytes_that_are_not_utf8_are_named_or_counted(make_corpus, tmp_path, packed, mark, line):
    good = tsv(*numbered(5)).encode().splitlines(keepends=True)
    bad = b"ab\xff\tx\n"
    content = mark + b"".join([*good[: line - 1], bad, *good[line - 1 :]])
    path = tmp_path / ("train.tsv" + ".gz" * packed)
    path.write_bytes(gzip.compress(content) if packed else content)
    offset = content.index(b"\xff")
    message = f"{path}: line {line} is not UTF-8 at byte offset {offset};"
    with pytest.raises(UserError, match=re.escape(message)):
        make_corpus(path)
    corpus = make_corpus(path, tsv(*HELD_OUT), tsv(*HELD_OUT), on_bad_row=OnBadRow.skip)
    assert train_pairs(corpus) == numbered(5)
    assert corpus.removed["unreadable row"] == 1


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_other_formats_that_are_not_utf8_are_named_or_counted_too(make_corpus, tmp_path, kind):
    path = tmp_path / f"train.{kind}"
    content = FORMATS[kind](numbered(5)).replace("第3句".encode(), b"\xff")
    path.write_bytes(content)
    offset, line = content.index(b"\xff"), 5 if kind == "csv" else 4
    with pytest.raises(
        UserError, match=re.escape(f"{path}: line {line} is not UTF-8 at byte offset {offset};")
    ):
        make_corpus(path, columns=["en", "zh"])
    held_out = tmp_path / f"held.{kind}"
    held_out.write_bytes(FORMATS[kind](HELD_OUT))
    corpus = make_corpus(path, held_out, held_out, columns=["en", "zh"], on_bad_row=OnBadRow.skip)
    assert train_pairs(corpus) == numbered(5)[:3] + numbered(5)[4:]
    assert corpus.removed["unreadable row"] == 1


@pytest.mark.parametrize("kind", ["tsv", "csv", "jsonl"])
@pytest.mark.parametrize(
    "damage", [lambda b: b[:-20], lambda b: b"not gzip at all", lambda b: b[:30] + b"?" + b[31:]]
)
def test_a_damaged_gz_is_named(make_corpus, tmp_path, kind, damage):
    path = tmp_path / f"train.{kind}.gz"
    path.write_bytes(damage(gzip.compress(FORMATS[kind](numbered(50)))))
    with pytest.raises(UserError, match=re.escape(f"{path}: ")):
        make_corpus(path, **({} if kind == "tsv" else {"columns": ["en", "zh"]}))


@pytest.mark.parametrize("key", ["train", "valid"])
@pytest.mark.parametrize("kind", ["tsv", "csv", "jsonl", "parquet"])
def test_a_file_without_rows_is_refused(make_corpus, tmp_path, kind, key):
    path = tmp_path / f"none.{kind}"
    path.write_bytes(
        {"tsv": b"\xef\xbb\xbf", "csv": b"en,zh\n", "jsonl": b"\n", "parquet": as_parquet([])}[kind]
    )
    named = {} if kind == "tsv" else {"columns": ["en", "zh"]}
    if key == "valid" and named:
        (tmp_path / f"train.{kind}").write_bytes(FORMATS[kind](numbered(50)))
    files = (
        [path]
        if key == "train"
        else [tmp_path / f"train.{kind}" if named else tsv(*numbered(50)), path]
    )
    with pytest.raises(UserError, match=re.escape(f"data.{key}={path}: it has no rows.")):
        make_corpus(*files, **named)


def test_unequal_aligned_files_are_refused_with_both_names(make_corpus, tmp_path):
    en, zh = tmp_path / "c.en", tmp_path / "c.zh"
    en.write_text("a\nb\nc\n")
    zh.write_text("一\n二\n")
    with pytest.raises(
        UserError, match=re.escape(f"{en} and {zh} are not line-aligned: {zh} ends after 2 line(s)")
    ):
        make_corpus([str(en), str(zh)])
    with pytest.raises(
        UserError, match=re.escape(f"{zh} and {en} are not line-aligned: {zh} ends after 2 line(s)")
    ):
        make_corpus([str(zh), str(en)])


def test_aligned_files_skip_a_line_that_is_bad_on_one_side(make_corpus, tmp_path):
    en, zh = tmp_path / "c.en", tmp_path / "c.zh"
    rows = numbered(5)
    en.write_bytes(
        b"".join(b"\xff\n" if i == 1 else row[0].encode() + b"\n" for i, row in enumerate(rows))
    )
    zh.write_text("".join(row[1] + "\n" for row in rows))
    with pytest.raises(
        UserError,
        match=re.escape(f"{en}: line 2 is not UTF-8 at byte offset {len(rows[0][0]) + 1}"),
    ):
        make_corpus([str(en), str(zh)])
    corpus = make_corpus(
        [str(en), str(zh)], tsv(*HELD_OUT), tsv(*HELD_OUT), on_bad_row=OnBadRow.skip
    )
    assert train_pairs(corpus) == rows[:1] + rows[2:]
    assert corpus.removed["unreadable row"] == 1


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_an_unknown_column_is_named_among_those_there(make_corpus, tmp_path, kind):
    path = tmp_path / f"train.{kind}"
    path.write_bytes(FORMATS[kind](numbered(4)))
    with pytest.raises(UserError, match=re.escape(f"{path}: no column english among en, zh")):
        make_corpus(path, columns=["english", "zh"])
    with pytest.raises(UserError, match=re.escape(f"{path}: no column links among en, zh")):
        make_corpus(path, columns=["en", "zh"], links_column="links")


@pytest.mark.parametrize(
    "changed, kind",
    [
        ({"en": ["I", "like"]}, "a list in column en"),
        ({"links": ["0-0"]}, "a list in column links"),
        ({"zh": 7}, "a number in column zh"),
        ({"zh": True}, "true or false in column zh"),
        ({"en": {"a": "I like it."}}, "an object in column en"),
        ({"en": "I \ud800 like it."}, "a lone surrogate in column en"),
    ],
)
def test_a_value_that_is_no_text_is_named(make_corpus, tmp_path, changed, kind):
    path, row = tmp_path / "train.jsonl", {"en": "I like it.", "zh": "我喜欢。", "links": "0-0"}
    path.write_text(json.dumps(row | changed), encoding="utf-8")
    with pytest.raises(UserError, match=rf"train\.jsonl: line 1 has {kind}"):
        make_corpus(path, columns=["en", "zh"], links_column="links")


def test_a_links_column_without_any_is_one(make_corpus, tmp_path):
    path = tmp_path / "train.jsonl"
    rows = [json.dumps({"en": en, "zh": zh, "links": None}) for en, zh in numbered(30)]
    path.write_text("\n".join(rows), encoding="utf-8")
    assert {
        pair.links for pair in make_corpus(path, columns=["en", "zh"], links_column="links").valid
    } == {""}


@pytest.mark.parametrize("columns", [["en", "zh"], ["0", "-1"]])
def test_tsv_columns_must_be_numbers(make_corpus, columns):
    with pytest.raises(UserError, match=re.escape(str(columns)) + ".*numbers from 0"):
        make_corpus(tsv(*numbered(4)), columns=columns)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_file_of_another_kind_is_named_and_no_library_talks(make_corpus, tmp_path, caplog, kind):
    path = tmp_path / f"train.{kind}"
    path.write_bytes(b'{"en": "a", "zh": \n"\n\x00,' * 3)
    with pytest.raises(UserError, match=re.escape(f"{path}: ")):
        make_corpus(path, columns=["en", "zh"])
    assert caplog.records == []


@pytest.mark.parametrize("kind", ["tsv", "csv", "jsonl"])
@pytest.mark.parametrize("content", [b"", b"\n"])
def test_an_empty_file_is_an_empty_corpus(make_corpus, tmp_path, kind, content):
    path = tmp_path / f"train.{kind}"
    path.write_bytes(content)
    columns = {} if kind == "tsv" else {"columns": ["en", "zh"]}
    with pytest.raises(UserError, match=re.escape(str(path))):
        make_corpus(path, on_bad_row=OnBadRow.skip, **columns)


BAD_ROWS = {  # what is written, and the message of its first line
    "csv": {
        "a_comma_without_quotes": (
            "I like it, too.,我也喜欢它。",
            "has 3 columns, but the header has 2",
        ),
        "three_columns_more": ("a,b,c,d,e", "has 5 columns, but the header has 2"),
        "a_comma_less": ("alone", r"has 1 column\(s\), but data.columns=\[en,zh\] needs 2"),
        "an_open_quote": ('"Hello.,你好。', "opens a quote and never closes it"),
        "an_open_quote_in_the_second_field": (
            'Hello.,"你好。',
            "opens a quote and never closes it",
        ),
        "bytes": ("a\udcff,b", "is not UTF-8 at byte offset"),
    },
    "jsonl": {
        "half_a_row": ('{"en": "a", "zh":', "is not a JSON object"),
        "no_object": ('["a", "b"]', "is not a JSON object"),
        "no_json": ("a,b", "is not a JSON object"),
        "more_than_an_object": ('5 {"en": "a", "zh": "b"}', "is not a JSON object"),
        "a_number": ('{"en": "a", "zh": 7}', "has a number in column zh, not text"),
        "a_list": ('{"en": ["a"], "zh": "b"}', "has a list in column en, not text"),
        "a_lone_surrogate": (r'{"en": "\ud800", "zh": "b"}', "has a lone surrogate in column en"),
        "too_deep": ("[" * 100_000, "is not a JSON object"),
        "bytes": ('{"en": "a\udcff", "zh": "b"}', "is not UTF-8 at byte offset"),
    },
    "tsv": {
        "a_tab_less": ("alone", r"has 1 column\(s\), but data.columns=\[0,1\] needs 2"),
        "an_empty_line": ("", r"has 1 column\(s\), but data.columns=\[0,1\] needs 2"),
        "bytes": ("a\udcff\tb", "is not UTF-8 at byte offset"),
    },
}


@pytest.mark.parametrize("place", [0, 2, 5], ids=["first", "middle", "last"])
@pytest.mark.parametrize(
    "kind, name", [(kind, name) for kind, rows in BAD_ROWS.items() for name in rows]
)
def test_a_bad_row_is_named_or_left_out_alone(make_corpus, tmp_path, kind, name, place):
    written, message = BAD_ROWS[kind][name]
    lines = FORMATS[kind](numbered(5)).splitlines(keepends=True)
    place += kind == "csv"  # the header
    lines.insert(place, written.encode(errors="surrogateescape") + b"\n")
    path, held_out = tmp_path / f"train.{kind}", tmp_path / f"held.{kind}"
    path.write_bytes(b"".join(lines))
    held_out.write_bytes(FORMATS[kind](HELD_OUT))
    columns = {} if kind == "tsv" else {"columns": ["en", "zh"]}
    with pytest.raises(UserError, match=f"{path.name}: line {place + 1} {message}") as error:
        make_corpus(path, held_out, held_out, **columns)
    assert "data.on_bad_row=skip" in str(error.value) and "\n" not in str(error.value)
    corpus = make_corpus(path, held_out, held_out, on_bad_row=OnBadRow.skip, **columns)
    assert train_pairs(corpus) == numbered(5)
    assert corpus.removed["unreadable row"] == 1


@pytest.mark.parametrize(
    "bad, n_bad",
    [
        (b'"Two lines,\nof which one is \xff.",\xe4\xb8\x80\n', 1),
        (b'"Three \xff lines,\nof which\n""two"", are good.","a\nb"\n', 1),
        (b'a,"b\n\xff\nc"\n', 1),
        (b'"He said\n"no, thanks" to me","b"\n', 2),  # each line of it is one
        (b'"Not closed,\nb\n"a, b",c\n', None),
    ],
    ids=["second_line", "first_line", "second_field", "bare_quotes", "not_closed"],
)
def test_no_half_of_a_bad_row_of_several_lines_is_read(tmp_path, bad, n_bad):
    path = tmp_path / "train.csv"
    good = as_csv(numbered(4)).splitlines(keepends=True)
    path.write_bytes(b"".join([*good[:3], bad, *good[3:]]))
    with pytest.raises(UserError, match=r"train\.csv: line [456] (is not UTF-8|opens a quote)"):
        load(path)
    split = load(path, on_bad_row=OnBadRow.skip)
    rows = list(zip(split["first"], split["second"], strict=True))
    if n_bad is None:  # the rows after the quote that is not closed
        assert rows == [*numbered(2), (None, None), (None, None), ("a, b", "c"), *numbered(4)[2:]]
    else:
        assert rows == [*numbered(2), *[(None, None)] * n_bad, *numbered(4)[2:]]


def test_lines_are_counted_over_rows_of_several_lines(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text('\n\nen,zh\n"a\nb\nc",d\n\ne,"f\ng"\nalone\n')
    with pytest.raises(UserError, match=r"train\.csv: line 10 has 1 column"):
        load(path)


def test_a_quote_that_is_not_closed_does_not_take_a_long_file_with_it(tmp_path, monkeypatch):
    monkeypatch.setattr(corpus_module, "LONGEST_RECORD", 10)
    path, rows = tmp_path / "train.csv", numbered(100)
    path.write_bytes(as_csv(rows).replace(b"Sentence number 50", b'"Sentence number 50'))
    with pytest.raises(UserError, match=r"train\.csv: line 52 opens a quote"):
        load(path)
    split = load(path, on_bad_row=OnBadRow.skip)
    assert split["first"].count(None) == 1 and split["first"][51:] == [en for en, _ in rows[51:]]


def test_a_header_that_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "train.csv"
    path.write_bytes(b"en\xff,zh\na,b\n")
    with pytest.raises(UserError, match=r"train\.csv: line 1, the header, cannot be read"):
        load(path, on_bad_row=OnBadRow.skip)
    path.write_bytes(b"en,zh,en\na,b,c\n")
    with pytest.raises(UserError, match=r"train\.csv: 2 columns are named en; rename them"):
        load(path)


@pytest.mark.parametrize("kind", [pa.int64(), pa.bool_(), pa.list_(pa.string())], ids=str)
def test_a_column_of_parquet_that_is_no_text_is_named(tmp_path, kind):
    path = tmp_path / "train.parquet"
    pq.write_table(pa.table({"en": ["a"], "zh": pa.array([None], kind)}), path)
    with pytest.raises(UserError, match=r"train\.parquet: column zh holds values of type"):
        load(path)


def test_a_row_of_parquet_that_is_not_utf8_is_named_or_left_out(tmp_path):
    path = tmp_path / "train.parquet"
    broken = pa.array([b"a", b"\xff", b"c"]).view(pa.string())
    pq.write_table(pa.table({"en": broken, "zh": ["d", "e", "f"]}), path)
    with pytest.raises(UserError, match=r"train\.parquet: row 2 is not UTF-8"):
        load(path)
    assert load(path, on_bad_row=OnBadRow.skip)["first"][:] == ["a", None, "c"]


def test_a_corpus_that_cleaning_empties_says_what_took_it(make_corpus, tmp_path):
    with pytest.raises(
        UserError, match=r"train\.tsv: no pair is left.*empty side: 2, length ratio: 1"
    ):
        make_corpus("a\t\n\tb\nc\t" + "长" * 500 + "\n", tsv(*HELD_OUT), tsv(*HELD_OUT))


def test_a_held_out_split_without_text_is_named(make_corpus, tmp_path):
    with pytest.raises(
        UserError, match=re.escape(f"data.valid={tmp_path / 'valid.tsv'}: no pair has text")
    ):
        make_corpus(tsv(*numbered(4)), "a\t\n", tsv(*HELD_OUT))


def test_one_row_is_enough_when_the_other_splits_are_given(make_corpus):
    corpus = make_corpus(tsv(("Hello.", "你好。")), tsv(*HELD_OUT), tsv(*HELD_OUT))
    assert train_pairs(corpus) == [("Hello.", "你好。")]


def test_the_smallest_corpora(make_corpus):
    corpus = make_corpus(tsv(*numbered(3)))
    assert (len(corpus.train), len(corpus.valid), len(corpus.test)) == (1, 1, 1)
    for n in (1, 2):
        with pytest.raises(UserError, match=f"no pair is left.*{n}"):
            make_corpus(tsv(*numbered(n)))


def test_a_cache_that_cannot_be_written_is_named(make_corpus, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(UserError, match=re.escape(f"data.cache_dir={tmp_path / 'cache'}: ")):
        make_corpus(tsv(*numbered(4)))


def test_the_home_of_the_cache_may_be_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "~/x")
    monkeypatch.chdir(tmp_path)
    assert corpus_module.cache_folder(DataConfig()) == tmp_path / "x" / "transformer_mt"
    assert corpus_module.cache_folder(DataConfig(cache_dir="~/c")) == tmp_path / "c"


# --------------------------------------------------------------------------- cleaning and splitting


def test_cleaning_counts_each_rule(make_corpus):
    rows = [
        *numbered(6),
        ("only one column",),
        ("", "空"),
        ("Empty.", "\u3000 "),
        ("Too long " + "x" * 2000, "长" * 500),
        ("Short.", "长" * 90),
        ("Y" * 85, "一"),  # 85 + 20 > 4 * (3 + 20)
        numbered(6)[2],
        numbered(6)[2],
        (
            " " + numbered(6)[3][0],
            numbered(6)[3][1] + "\t.",
        ),  # equal once the white space around it is gone
        ("Where is the station?", "那个车站在哪儿呀？"),
    ]
    corpus = make_corpus(tsv(*rows), tsv(*HELD_OUT), tsv(*HELD_OUT), on_bad_row=OnBadRow.skip)
    assert corpus.removed == {
        "unreadable row": 1,
        "empty side": 2,
        "too long": 1,
        "length ratio": 2,
        "duplicate": 3,
        "also in validation or test": 1,
        "over model.max_len=512 tokens": 0,
    }
    assert train_pairs(corpus) == numbered(6)
    shown = table(corpus)
    assert re.search(r"removed: duplicate +3$", shown, re.MULTILINE)
    assert re.search(r"training pairs +6$", shown, re.MULTILINE)
    assert "over model.max_len" not in shown  # it removed nothing


def test_a_pair_at_the_limits_stays(make_corpus):
    fits = [("x" * 2000, "长" * 600), ("Y" * 72, "一")]  # 72 + 20 = 4 * (3 + 20)
    corpus = make_corpus(
        tsv(*fits), tsv(*HELD_OUT), tsv(*HELD_OUT), model=ModelConfig(max_len=3000)
    )
    assert train_pairs(corpus) == fits


def test_pairs_longer_than_the_model_are_counted(make_corpus):
    long = ("word " * 60 + "end.", "词" * 60)
    corpus = make_corpus(
        tsv(*numbered(6), long), tsv(*HELD_OUT), tsv(*HELD_OUT), model=ModelConfig(max_len=50)
    )
    assert long not in train_pairs(corpus)
    assert len(corpus.train) == 6
    assert corpus.removed["over model.max_len=50 tokens"] == 1
    with pytest.raises(UserError, match=r"model\.max_len=8: every training pair is longer"):
        make_corpus(tsv(*numbered(6)), tsv(*HELD_OUT), tsv(*HELD_OUT), model=ModelConfig(max_len=8))


def test_held_out_rows_stay_whatever_the_rules_for_training(make_corpus):
    odd = [("Yes.", "长" * 900), ("x" * 3000, "二"), *HELD_OUT, *HELD_OUT]
    corpus = make_corpus(tsv(*numbered(4)), tsv(*odd, ("half", "")), tsv(*odd[::-1]))
    assert pairs(corpus.valid) == odd
    assert pairs(corpus.test) == odd[::-1]


def folded(text):
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text).casefold())


def assert_no_leak(corpus):
    train, held_out = train_pairs(corpus), pairs(corpus.valid) + pairs(corpus.test)
    for side in (0, 1):
        shared = {folded(pair[side]) for pair in train} & {folded(pair[side]) for pair in held_out}
        assert not shared


LEAKS = [
    ("Good morning!", "您早。"),
    ("GOOD MORNING", "大家早。"),
    ("Ｇｏｏｄ　ｍｏｒｎｉｎｇ．", "早。"),
    ("“Good” morning…", "早安。"),
    ("Morning.", "早上好"),
    ("A good morning to you.", "早上好！"),
    ("It costs 50 yuan.", "价格５０元。"),
]


def test_no_given_split_leaks_into_training(make_corpus):
    valid, test = [("Good morning.", "早上好。")], [("The price is fifty.", "价格50元")]
    corpus = make_corpus(tsv(*numbered(4), *LEAKS), tsv(*valid), tsv(*test))
    assert corpus.removed["also in validation or test"] == len(LEAKS)
    assert train_pairs(corpus) == numbered(4)


@pytest.mark.parametrize("direction", ["en-zh", "zh-en"])
def test_no_split_that_is_cut_off_leaks(make_corpus, direction):
    rng = random.Random(0)
    marks = [".", "!", "", "…"]
    rows = []
    for _ in range(400):  # few distinct sides: most rows have relatives
        i, j = rng.randrange(150), rng.randrange(150)
        en, zh = f"Sentence {i} here", f"第{j}句话在这里"
        rows.append(
            (rng.choice([en, en.upper()]) + rng.choice(marks), zh + rng.choice(["。", "！", ""]))
        )
    corpus = make_corpus(tsv(*rows), direction=direction)
    assert len(corpus.train) > 100
    assert len(corpus.valid) == len(corpus.test) >= 10
    assert corpus.removed["also in validation or test"] > 0
    assert_no_leak(corpus)
    assert (
        len(corpus.train) + len(corpus.valid) + len(corpus.test) + sum(corpus.removed.values())
        == 400
    )


@pytest.mark.parametrize("split", ["valid", "test"])
def test_a_split_that_is_cut_off_shares_nothing_with_one_that_is_given(make_corpus, split):
    rows = numbered(60)
    others = tsv(*[(en.upper(), "别的" + zh) for en, zh in rows[:30]])
    corpus = make_corpus(tsv(*rows), **{split: others})
    assert_no_leak(corpus)
    shared = {folded(pair.src) for pair in corpus.valid} & {
        folded(pair.src) for pair in corpus.test
    }
    assert not shared
    assert corpus.removed["also in validation or test"] == 30


def test_punctuation_alone_is_a_text_of_its_own():
    assert leak_key("？！") == leak_key("?!")
    assert leak_key("...") != leak_key("?!") != ""
    assert leak_key("C++") == leak_key("c")  # signs are no letters


def test_the_cut_is_the_same_in_any_order_of_rows(make_corpus):
    rows = numbered(100)
    corpus = make_corpus(tsv(*rows), held_out=4)
    shuffled = random.Random(1).sample(rows, len(rows))
    again = make_corpus(tsv(*shuffled), held_out=4)
    for split in ("valid", "test"):
        assert len(getattr(corpus, split)) == 4
        assert set(pairs(getattr(corpus, split))) == set(pairs(getattr(again, split)))
    assert set(train_pairs(corpus)) == set(train_pairs(again))
    more = make_corpus(tsv(*rows, ("A new row at the end.", "最后新的一行。")), held_out=4)
    assert (
        len(set(pairs(more.valid + more.test)) & set(pairs(corpus.valid + corpus.test))) >= 6
    )  # a cut moves little


def test_at_most_a_twentieth_is_cut_off(make_corpus):
    corpus = make_corpus(tsv(*numbered(100)), held_out=1000)
    assert (len(corpus.train), len(corpus.valid), len(corpus.test)) == (90, 5, 5)


# ------------------------------------------------------------------------- direction, links, script

LINKED = [("I see two cats.", "我看见两只猫。", "0-0 1-1 1-2 2p3 3-5"), ("Good.", "好。", "")]


def test_both_directions_share_the_text_and_links_are_turned_round(make_corpus, tmp_path):
    splits = (tsv(*numbered(6)), tsv(*LINKED), tsv(*LINKED))
    forward = make_corpus(*splits, links_column="2")
    assert forward.valid == [Pair(*row) for row in LINKED]
    assert train_pairs(forward) == numbered(6)
    backward = make_corpus(*splits, links_column="2", direction="zh-en")
    assert backward.valid == [
        Pair(LINKED[0][1], LINKED[0][0], "0-0 1-1 2-1 3p2 5-3"),
        Pair("好。", "Good.", ""),
    ]
    assert train_pairs(backward) == [(zh, en) for en, zh in numbered(6)]
    assert backward.fingerprint != forward.fingerprint
    assert len(list((tmp_path / "cache").glob("text-*"))) == 1
    assert len(list((tmp_path / "cache").glob("spm-*"))) == 2


def test_links_end_where_the_line_does(make_corpus):
    held_out = tsv(*LINKED).replace("\n", "\r\n")
    assert make_corpus(tsv(*numbered(6)), held_out, held_out, links_column="2").valid == [
        Pair(*row) for row in LINKED
    ]


LINKS_FILES = {
    "tsv": lambda rows: tsv(*rows).encode(),
    "csv": lambda rows: as_csv(rows).replace(b"en,zh\n", b"en,zh,links\n"),
    "jsonl": lambda rows: b"".join(
        json.dumps(dict(zip(("en", "zh", "links"), row, strict=True))).encode() + b"\n"
        for row in rows
    ),
    "parquet": lambda rows: parquet_bytes(
        dict(zip(("en", "zh", "links"), zip(*rows, strict=True), strict=True))
    ),
}


def parquet_bytes(columns):
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


@pytest.mark.parametrize("kind", LINKS_FILES)
@pytest.mark.parametrize(
    "written, read",
    [
        ("0-0 1-1\n", "0-0 1-1"),
        ("\r\n0-0\r\n", "0-0"),
        ("0-0\n1-1", "0-0 1-1"),
        (" \u20280-0\x85\t", "0-0"),
        ("\n", ""),
    ],
    ids=ascii,
)
def test_line_breaks_in_the_links_column_are_no_part_of_it(
    make_corpus, tmp_path, kind, written, read
):
    if kind == "tsv":
        written = re.sub(r"[\n\t]", "\v", written)
    path = tmp_path / f"all.{kind}"
    path.write_bytes(LINKS_FILES[kind]([("I see.", "我看见。", written), ("Good.", "好。", "0-0")]))
    columns = ["0", "1", "2"] if kind == "tsv" else ["en", "zh", "links"]
    train = tmp_path / f"train.{kind}"
    train.write_bytes(LINKS_FILES[kind]([(*row, written) for row in numbered(4)]))
    options = {"columns": columns[:2], "links_column": columns[2]}
    for pair in make_corpus(train, path, path, **options).valid[:1]:
        assert pair == Pair("I see.", "我看见。", read)


@pytest.mark.parametrize("links_column", ["2", "7"])
@pytest.mark.parametrize("n_files", [1, 3])
def test_a_links_column_beyond_all_columns_is_refused(make_corpus, links_column, n_files):
    files = [tsv(*numbered(30)), tsv(*HELD_OUT), tsv(*HELD_OUT)][:n_files]
    with pytest.raises(UserError, match=rf"data\.links_column={links_column}: no row .* column"):
        make_corpus(*files, links_column=links_column)


def test_one_file_with_the_links_column_is_enough(make_corpus):
    corpus = make_corpus(tsv(*numbered(6)), tsv(*HELD_OUT), tsv(*LINKED), links_column="2")
    assert corpus.test == [Pair(*row) for row in LINKED] and corpus.valid[0].links == ""


def test_a_row_without_links_is_a_pair_without_links_in_both_directions(make_corpus, tmp_path):
    rows = [dict(zip(("en", "zh", "links"), row, strict=True)) for row in LINKED]
    rows[1]["links"] = None
    held_out = tmp_path / "held.jsonl"
    held_out.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    train = tmp_path / "train.jsonl"
    train.write_bytes(as_jsonl(numbered(4)).replace(b"}", b', "links": ""}'))
    options = {"columns": ["en", "zh"], "links_column": "links"}
    assert make_corpus(train, held_out, held_out, **options).valid == [Pair(*row) for row in LINKED]
    backward = make_corpus(train, held_out, held_out, direction="zh-en", **options)
    assert backward.valid[1] == Pair("好。", "Good.", "")


def test_other_languages_need_only_their_names(make_corpus):
    corpus = make_corpus(
        tsv(("Guten Tag.", "Good day."), *numbered(5)), direction="de-en", languages=["de", "en"]
    )
    assert len(corpus.train) == 4


def test_chinese_script_simplified_converts_the_chinese_side_only(make_corpus):
    pytest.importorskip("opencc")
    traditional = ("The word 漢 is written so.", "這隻貓喜歡漢語。")
    held_out = ("Where is 臺 the station?", "車站在哪裡？")
    train = tsv(traditional, *numbered(4))
    corpus = make_corpus(
        train, tsv(held_out), tsv(held_out), chinese_script=ChineseScript.simplified
    )
    assert train_pairs(corpus)[0] == (traditional[0], "这只猫喜欢汉语。")
    assert pairs(corpus.valid) == [(held_out[0], "车站在哪里？")]
    assert (
        train_pairs(make_corpus(train, tsv(held_out), tsv(held_out)))[0] == traditional
    )  # as_is is another cache entry
    leaking = make_corpus(
        tsv(("Another.", "车站在哪里"), *numbered(4)),
        tsv(held_out),
        chinese_script=ChineseScript.simplified,
    )
    assert leaking.removed["also in validation or test"] == 1


def test_simplified_without_opencc_names_the_extra(make_corpus, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "opencc", None)
    with pytest.raises(UserError, match=r"transformer_mt\[zh\]"):
        make_corpus(tsv(*numbered(4)), chinese_script=ChineseScript.simplified)


# ------------------------------------------------------------------------------------------ caching


def state(folder):
    return {
        path.relative_to(folder): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_second_start_reads_the_cache(make_corpus, tmp_path, monkeypatch):
    first = make_corpus(tsv(*numbered(30)))
    corpus = state(tmp_path / "cache")
    assert len(corpus) > 8

    def forbidden(*args, **kwargs):
        raise AssertionError("made again")

    for name in ("clean", "load_split", "train_tokenizer", "encode_batch"):
        monkeypatch.setattr(corpus_module, name, forbidden)
    second = make_corpus(tsv(*numbered(30)))
    assert state(tmp_path / "cache") == corpus
    assert second.fingerprint == first.fingerprint
    assert second.removed == first.removed
    assert (train_pairs(second), second.valid, second.test) == (
        train_pairs(first),
        first.valid,
        first.test,
    )


def test_nothing_but_finished_folders_stays_in_the_cache(make_corpus, tmp_path):
    make_corpus(tsv(*numbered(30)))
    names = sorted(path.name.partition("-")[0] for path in visible(tmp_path / "cache"))
    assert names == ["ids", "spm", "spm", "text", "words"]


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_a_file_that_changes_under_its_name_is_read_again(make_corpus, tmp_path, split):
    text = {
        "train": tsv(*numbered(20)),
        "valid": tsv(("One.", "一。")),
        "test": tsv(("Two.", "二。")),
    }
    before = make_corpus(**text)
    stat = os.stat(tmp_path / f"{split}.tsv")
    changed = {
        "train": text["train"].replace("number 7 ", "number X "),
        "valid": tsv(("Six.", "六。")),
    }
    path = tmp_path / f"{split}.tsv"
    new = changed.get(split, tsv(("Ten.", "十。")))
    paths = {key: tmp_path / f"{key}.tsv" for key in text}
    path.write_text(new)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # same name, same size, same time
    assert path.stat().st_size == stat.st_size
    after = make_corpus(**paths)
    if split == "train":
        assert ("Sentence number X is here.", "这里是第7句话。") in train_pairs(after)
        assert after.fingerprint != before.fingerprint
    else:
        expected = pairs(getattr(before, split)) != pairs(getattr(after, split))
        assert expected
    path.write_text(text[split])
    assert make_corpus(**paths).fingerprint == before.fingerprint


def test_the_same_content_under_another_name_is_the_same_corpus(make_corpus, tmp_path):
    first = make_corpus(tsv(*numbered(20)))
    (tmp_path / "copy.tsv").write_text(tsv(*numbered(20)))
    assert make_corpus(tmp_path / "copy.tsv").fingerprint == first.fingerprint
    assert len(visible(tmp_path / "cache")) == 5


def test_the_key_of_a_corpus_stays_what_it_was(make_corpus, tmp_path):
    """Checkpoints hold what is made of it: with another key, existing runs would not go on."""
    make_corpus(tsv(*numbered(4)), tsv(*HELD_OUT), tsv(*HELD_OUT))
    (folder,) = (tmp_path / "cache").glob("text-*")
    assert folder.name == f"text-{corpus_module.CACHE_FORMAT}-6948b003ae8ec66ce28a73fd"


def test_caches_of_an_older_version_are_made_again_and_its_runs_go_on(
    make_corpus, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(corpus_module, "CACHE_FORMAT", corpus_module.CACHE_FORMAT - 1)
        patch.setattr(corpus_module, "one_line", str.upper)
        old = make_corpus(tsv(*numbered(30)))
    model = old.src_tokenizer.model, old.tgt_tokenizer.model
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    for name, content in zip(("src", "tgt"), model, strict=True):
        (run_dir / f"{name}.spm.model").write_bytes(content)
    new = make_corpus(tsv(*numbered(30)), run_dir=run_dir)
    assert train_pairs(old)[0] == ("SENTENCE NUMBER 0 IS HERE.", "这里是第0句话。")
    assert train_pairs(new)[0] == numbered(1)[0]
    assert new.fingerprint == old.fingerprint  # a checkpoint holds it


def test_a_changed_setting_is_made_again(make_corpus):
    long = (
        "A rather longer sentence than the others, for once, is this.",
        "这一句比其他的句子要长得多。",
    )
    text = tsv(*numbered(20), long)
    held_out = (tsv(*HELD_OUT), tsv(*HELD_OUT))
    first = make_corpus(text, *held_out)
    assert long in train_pairs(first)
    shorter = make_corpus(text, *held_out, max_bytes=50)
    assert long not in train_pairs(shorter)
    assert shorter.removed["too long"] == 1
    assert (
        len(
            {
                c.fingerprint
                for c in (
                    first,
                    shorter,
                    make_corpus(text, *held_out, model=ModelConfig(max_len=40)),
                )
            }
        )
        == 3
    )
    other = make_corpus(
        text, *held_out, tokenizer=TokenizerConfig(vocab_size=310, type=TokenizerType.bpe)
    )
    assert len(other.src_tokenizer) == 310
    assert other.fingerprint != first.fingerprint


def test_subword_sampling_keeps_the_text_beside_the_ids(make_corpus):
    corpus = make_corpus(
        tsv(*numbered(10)), tokenizer=TokenizerConfig(vocab_size=400, sampling_alpha=0.1)
    )
    assert list(zip(corpus.train["src"], corpus.train["tgt"], strict=True)) == train_pairs(corpus)
    back = make_corpus(
        tsv(*numbered(10)),
        direction="zh-en",
        tokenizer=TokenizerConfig(vocab_size=400, sampling_alpha=0.1),
    )
    assert list(zip(back.train["src"], back.train["tgt"], strict=True)) == train_pairs(back)
    assert set(make_corpus(tsv(*numbered(10))).train.column_names) == {"src_ids", "tgt_ids"}


def test_what_the_training_sources_hold(make_corpus):
    rows = [
        ("Hello, Tom. How are you?", "你好，汤姆。你好吗？"),
        ("I don’t know 3.", "我不知道3。"),
    ]
    rows += [(f"Hello {name}.", f"你好{name}。") for name in ("Ann", "Bob")]
    corpus = make_corpus(tsv(*rows), tsv(("See.", "看。")), tsv(("Go.", "走。")))
    assert corpus.several_sentences == 1 / 4
    assert corpus.words[0] == "hello"
    others = {"tom", "how", "are", "you", "i", "don't", "know", "ann", "bob"}
    assert set(corpus.words) == {"hello", *others}
    back = make_corpus(tsv(*rows), tsv(("See.", "看。")), tsv(("Go.", "走。")), direction="zh-en")
    assert back.words[:2] == ["你", "好"] and "知" in back.words and "。" not in back.words


def test_source_noise_keeps_the_text_and_changes_nothing_else(make_corpus):
    """The fingerprint is in checkpoints, and the cache need not read and clean a corpus again."""
    plain, path = make_corpus(tsv(*numbered(10))), tsv(*numbered(10))
    noisy = make_corpus(path, source_noise=0.5)
    assert list(zip(noisy.train["src"], noisy.train["tgt"], strict=True)) == train_pairs(noisy)
    assert noisy.train["src_ids"][:] == plain.train["src_ids"][:]
    assert noisy.fingerprint == plain.fingerprint
    assert (noisy.valid, noisy.test) == (plain.valid, plain.test)


@pytest.mark.parametrize("stage", ["clean", "train_tokenizer", "encode_batch", "lengths"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_interrupted_preparation_leaves_no_broken_cache(
    make_corpus, tmp_path, monkeypatch, stage, error
):
    whole = getattr(corpus_module, stage)
    with monkeypatch.context() as patch:

        def interrupted(*args, **kwargs):
            whole(*args, **kwargs)
            raise error(5, "stopped here")

        patch.setattr(corpus_module, stage, interrupted)
        with pytest.raises(error, match="stopped here"):
            make_corpus(tsv(*numbered(30)))
    assert not [
        path
        for path in visible(tmp_path / "cache")
        if "." in path.name or path.name.startswith("tmp")
    ]
    corpus = make_corpus(tsv(*numbered(30)))
    assert len(corpus.train) == 28
    assert len(train_pairs(corpus)) == 28


def test_a_full_disk_is_not_blamed_on_the_corpus(make_corpus, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(corpus_module, "read_tsv", full)
        with pytest.raises(OSError, match="No space left"):
            make_corpus(tsv(*numbered(30)))
    assert len(make_corpus(tsv(*numbered(30))).train) == 28


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_an_interrupted_reading_is_done_again(make_corpus, tmp_path, monkeypatch, kind):
    path = tmp_path / f"train.{kind}"
    path.write_bytes(FORMATS[kind](numbered(30)))
    with monkeypatch.context() as patch:

        def interrupted(*args, **kwargs):
            raise KeyboardInterrupt

        patch.setattr(corpus_module, "clean_batch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            make_corpus(path, columns=["en", "zh"])
    assert len(make_corpus(path, columns=["en", "zh"]).train) == 28


@pytest.mark.parametrize("stage", ["clean_batch", "encode_batch"])
def test_an_interrupted_preparation_goes_on_with_the_part_that_was_lost(
    make_corpus, tmp_path, monkeypatch, stage
):
    monkeypatch.setattr(corpus_module, "PART_ROWS", 10)
    expected = make_corpus(tsv(*numbered(35)), cache_dir=str(tmp_path / "other"))
    whole, rows = getattr(corpus_module, stage), []

    def counted(batch, *args, **kwargs):
        if len(rows) == 20 and not resumed:
            raise KeyboardInterrupt
        columns = whole(batch, *args, **kwargs)
        rows.extend(next(iter(batch.values())))
        return columns

    resumed, n_reads = False, []
    read = corpus_module.read_tsv
    monkeypatch.setattr(corpus_module, stage, counted)
    monkeypatch.setattr(corpus_module, "read_tsv", lambda *args: n_reads.append(1) or read(*args))
    with pytest.raises(KeyboardInterrupt):
        make_corpus(tsv(*numbered(35)))
    assert len(rows) == 20
    resumed = True
    corpus = make_corpus(tsv(*numbered(35)))
    assert len(rows) == (35 if stage == "clean_batch" else len(corpus.train))  # no row twice
    assert len(n_reads) == 1  # nor was the file read twice
    assert (
        train_pairs(corpus) == train_pairs(expected) and corpus.fingerprint == expected.fingerprint
    )
    assert not [path for path in visible(tmp_path / "cache") if path.name.startswith("parts")]


@pytest.fixture
def two_processes(monkeypatch):
    """Even a small corpus is prepared in parallel."""
    monkeypatch.setattr(corpus_module, "PARALLEL_ROWS", 10)
    monkeypatch.setattr(corpus_module, "PART_ROWS", 10)
    monkeypatch.setattr(corpus_module, "available_cores", lambda: 2)


def test_several_processes_prepare_what_one_does(make_corpus, tmp_path, request, capsys):
    alone = make_corpus(tsv(*numbered(35)), cache_dir=str(tmp_path / "other"))
    assert "pairs …" not in capsys.readouterr().err
    request.getfixturevalue("two_processes")
    shared = make_corpus(tsv(*numbered(35)))
    assert train_pairs(shared) == train_pairs(alone) and shared.fingerprint == alone.fingerprint
    assert shared.train.features == alone.train.features
    log = capsys.readouterr().err.splitlines()
    assert "clean train: 35 pairs …" in log and "tokenize: 33 pairs …" in log


def interrupt_parent(batch: dict, config: object) -> dict:
    """Ctrl-C while several processes work."""
    if multiprocessing.parent_process() is None:
        return corpus_module.clean_batch(batch, config)
    if "number 0 " in batch["first"][0]:
        os.kill(os.getppid(), signal.SIGINT)
    time.sleep(30)
    return batch


def test_an_interrupt_of_parallel_work_is_one(make_corpus, monkeypatch, two_processes):
    with monkeypatch.context() as patch:
        patch.setattr(corpus_module, "clean_batch", interrupt_parent)
        start = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            make_corpus(tsv(*numbered(30)))
        assert time.monotonic() - start < 20
    assert multiprocessing.active_children() == []
    assert len(make_corpus(tsv(*numbered(30))).train) == 28


def refuse(batch: dict, config: object) -> dict:
    raise UserError("refused by a worker")


def test_a_mistake_that_a_worker_finds_is_told(make_corpus, monkeypatch, two_processes):
    monkeypatch.setattr(corpus_module, "clean_batch", refuse)
    with pytest.raises(UserError, match="refused by a worker"):
        make_corpus(tsv(*numbered(30)))


@pytest.mark.parametrize("damage", ["empty", "cut", "zeros"])
def test_a_damaged_part_is_removed_and_told(make_corpus, tmp_path, monkeypatch, damage):
    monkeypatch.setattr(corpus_module, "PART_ROWS", 10)
    with monkeypatch.context() as patch:
        patch.setattr(corpus_module, "column", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            make_corpus(tsv(*numbered(35)))
    (part,) = tmp_path.glob("cache/parts-*/clean-train-10.arrow")
    content = part.read_bytes()
    if damage == "zeros":  # the end of the file, as if there were no more rows
        one = pa.ipc.open_stream(content).read_all().slice(0, 5)
        with pa.OSFile(str(part), "wb") as file, pa.ipc.new_stream(file, one.schema) as stream:
            stream.write_table(one)
        part.write_bytes(part.read_bytes() + bytes(500))
    else:
        os.truncate(part, 0 if damage == "empty" else len(content) * 2 // 3)
    with pytest.raises(
        UserError, match=re.escape(f"{part.parent}: damaged") + ".*run the same command again"
    ):
        make_corpus(tsv(*numbered(35)))
    assert len(make_corpus(tsv(*numbered(35))).train) == 33


def test_a_cached_folder_appears_whole_or_not_at_all(tmp_path):
    def broken(work):
        (work / "half").write_text("x")
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        cached(tmp_path, "thing", broken)
    assert visible(tmp_path) == []
    assert (
        cached(tmp_path, "thing", lambda work: (work / "whole").write_text("x"))
        == tmp_path / "thing"
    )
    assert visible(tmp_path) == [tmp_path / "thing"] and (tmp_path / "thing" / "whole").exists()
    cached(tmp_path, "thing", broken)  # there already: not called


def test_what_a_killed_preparation_left_is_removed(tmp_path):
    (tmp_path / "thing.1234").mkdir()
    (tmp_path / "thing.1234" / "half").write_text("x")
    (tmp_path / "thing2.1234").mkdir()
    os.umask(umask := os.umask(0o022))
    path = cached(tmp_path, "thing", lambda work: (work / "whole").write_text("x"))
    assert visible(tmp_path) == [path, tmp_path / "thing2.1234"]
    assert path.stat().st_mode & 0o777 == 0o777 & ~umask


def test_two_that_need_the_same_make_it_once(tmp_path):
    corpus, barrier = [], threading.Barrier(2)

    def make(work):
        time.sleep(0.2)  # the other one has to wait
        corpus.append(work)

    def need():
        barrier.wait()
        assert cached(tmp_path, "thing", make).is_dir()

    threads = [threading.Thread(target=need) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(corpus) == 1


# ------------------------------------------------------------------------------------- vocabularies


def test_vocabularies_learn_from_the_training_split_alone(make_corpus):
    corpus = make_corpus(tsv(*numbered(40)), tsv(("zyx zyx zyx", "龘龘")), tsv(("qqq", "齉")))
    english, chinese = (
        t.pieces(list(range(len(t)))) for t in (corpus.src_tokenizer, corpus.tgt_tokenizer)
    )
    assert not any(set("zyxq") & set(piece) for piece in english if not piece.startswith("<"))
    assert not any(set("龘齉") & set(piece) for piece in chinese)


@pytest.mark.parametrize("n_lines", [1000, 20])
def test_runs_that_differ_in_their_seed_share_a_vocabulary(
    make_corpus, tmp_path, monkeypatch, n_lines
):
    """Also where it is trained on a sample of the lines."""
    monkeypatch.setattr(corpus_module, "TOKENIZER_SAMPLE", n_lines)
    first, second = (make_corpus(tsv(*numbered(40)), seed=seed) for seed in (1, 2))
    assert first.src_tokenizer.model == second.src_tokenizer.model
    assert len(list((tmp_path / "cache").glob("spm-*"))) == 2  # one for each language
    assert first.fingerprint == second.fingerprint


def test_a_joint_vocabulary_is_one(make_corpus):
    corpus = make_corpus(tsv(*numbered(40)), tokenizer=TokenizerConfig(vocab_size=400, joint=True))
    assert corpus.src_tokenizer.fingerprint == corpus.tgt_tokenizer.fingerprint
    assert corpus.src_tokenizer.encode(["这里 here"])[0][:-1]
    back = make_corpus(
        tsv(*numbered(40)), direction="zh-en", tokenizer=TokenizerConfig(vocab_size=400, joint=True)
    )
    assert back.src_tokenizer.fingerprint == corpus.src_tokenizer.fingerprint
    assert train_pairs(back) == [(zh, en) for en, zh in train_pairs(corpus)]
    assert back.fingerprint != corpus.fingerprint


def test_only_the_spaced_side_begins_with_a_space(make_corpus):
    corpus = make_corpus(tsv(*numbered(40)))
    assert corpus.src_tokenizer.pieces(corpus.src_tokenizer.encode(["Sentence"])[0])[0].startswith(
        "▁"
    )
    assert not corpus.tgt_tokenizer.pieces(corpus.tgt_tokenizer.encode(["这里"])[0])[0].startswith(
        "▁"
    )


def test_a_run_that_goes_on_keeps_its_vocabularies(make_corpus, tmp_path):
    first = make_corpus(tsv(*numbered(40)))
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    (run_dir / "src.spm.model").write_bytes(first.src_tokenizer.model)
    (run_dir / "tgt.spm.model").write_bytes(first.tgt_tokenizer.model)
    other = tsv(*[(f"Other words {i} altogether.", f"完全不同的词{i}。") for i in range(40)])
    corpus = make_corpus(other, run_dir=run_dir)
    assert corpus.src_tokenizer.fingerprint == first.src_tokenizer.fingerprint
    assert corpus.tgt_tokenizer.fingerprint == first.tgt_tokenizer.fingerprint
    assert ("Other words 1 altogether.", "完全不同的词1。") in train_pairs(corpus) + pairs(
        corpus.valid + corpus.test
    )
