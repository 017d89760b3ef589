"""Which sentence pairs does a model learn from? Files or a hub dataset in, token ids out.

`prepare` tells the story, and the parts below it come in its order: reading, cleaning and
splitting, vocabularies and ids, and the cache that all of them write to.

Everything goes through the library `datasets`: what is prepared lies in memory-mapped Arrow files,
so that host memory does not grow with the corpus. Each file is named after the content that it was
made of, so that a changed corpus or option is never read stale.
"""

import csv
import errno
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import sys
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from datasets import Dataset, concatenate_datasets, disable_progress_bars, load_dataset
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import (  # type: ignore[attr-defined]
    disable_progress_bars as disable_hub_bars,
)

from transformer_mt.alignment import make_side
from transformer_mt.config import (
    ChineseScript,
    Config,
    DataConfig,
    OnBadRow,
    TokenizerConfig,
    UserError,
)
from transformer_mt.files import (
    decode_lines,
    file_lock,
    progress,
    sync,
    talk,
    typed_path,
    write_atomically,
)
from transformer_mt.guide import token_links, unit_links, unpack, weighted
from transformer_mt.run_dir import MOST_WORDS
from transformer_mt.runtime import rank, worker_pool
from transformer_mt.sentences import split_sentences
from transformer_mt.text import is_chinese, is_unspaced, one_line, to_simplified
from transformer_mt.tokenizer import Tokenizer, load_tokenizers, train_tokenizer
from transformer_mt.units import parse_links, split_units, turn_links, words
from transformer_mt.workers import available_cores

FORMAT = 1
"""Part of a corpus's fingerprint. Checkpoints hold that, so that raising this ends all runs."""
CACHE_FORMAT = 4
"""Version of the cache's contents; raise it when the code below prepares them differently. A run
that goes on then trains on what is prepared now."""
TOKENIZER_SAMPLE = 500_000
"""Lines that a vocabulary is trained on at most: 1.9 GB of memory at the peak. With all lines of a
million pairs it was 3.2 GB."""
PARALLEL_ROWS = 200_000
"""With fewer rows, starting processes costs more than they save."""
PART_ROWS = 100_000
"""Rows of one file of a preparation: what a process loses at most when it is interrupted."""

SPLITS = ("train", "valid", "test")
FORMATS = (".tsv", ".csv", ".jsonl", ".parquet")
Row = tuple[str | None, str | None, str | None]
"""First side, second side and links. Null links: the row has no such column."""
ROW_SCHEMA = pa.schema([(name, pa.string()) for name in ("first", "second", "links")])
UNREADABLE_ROW: Row = (None, None, None)
LONGEST_RECORD = 10_000
"""Lines of a CSV record; with more, its quote was never closed."""
JSON_KINDS = {float: "a number", bool: "true or false", list: "a list", dict: "an object"}
REASONS = (
    "unreadable row",
    "empty side",
    "too long",
    "length ratio",
    "duplicate",
    "also in validation or test",
)
"""Why a training pair is removed; a row breaks the first of these rules that it breaks."""
UNREADABLE, EMPTY, _, _, DUPLICATE, LEAKED = range(len(REASONS))
KEPT, MOVED = -1, -2  # to validation or test


@dataclass
class Pair:
    """One held-out sentence pair; `links` are Pharaoh links, source first, or empty."""

    src: str
    tgt: str
    links: str = ""


@dataclass
class Corpus:
    """A corpus ready to train on."""

    train: Dataset
    """Columns `src_ids`, `tgt_ids`, eos last. Where links guide attention `token_links`, too, see
    `guide.unpack`; those of one pair at least weigh something. With subword sampling or source
    noise also what is segmented afresh: `src`, `tgt` and perhaps `unit_links`."""
    valid: list[Pair]
    test: list[Pair]
    src_tokenizer: Tokenizer
    tgt_tokenizer: Tokenizer
    several_sentences: float
    """The part of the training sources that hold more than one sentence, from 0 to 1."""
    words: list[str]
    """Those of the training sources, see `units.words`, the most frequent first."""
    fingerprint: str
    """Stands for the content of the training pairs and vocabularies."""
    removed: dict[str, int]
    """How many training pairs each cleaning rule removed."""


@dataclass
class UnfitLinks:
    """Pairs of a split whose links do not fit their sentences."""

    source: str
    """The option that names the file they come from: a split may be cut off the training pairs."""
    n: int = 0
    row: int = 0
    """Of the first one, from 1, in the order of the file."""
    problem: str = ""
    """Its own."""


@dataclass
class Text:
    """A corpus that is clean and split, but not tokenized."""

    splits: dict[str, Dataset]
    """Columns `first` and `second`, in the order of `data.languages`, and perhaps `links`."""
    removed: dict[str, int]
    unfit_links: dict[str, UnfitLinks]
    """By split."""
    key: str
    """Names it in the cache."""


def prepare(config: Config, run_dir: Path | None = None) -> Corpus:
    """Read, clean, split and tokenize the corpus of `config`, or find all that in the cache.

    Args:
        run_dir: a run that goes on, or that this one begins with; its vocabularies are used instead
            of new ones.
    Raises:
        UserError: anything wrong with the corpus, its options, or the vocabularies.
    """
    disable_progress_bars()  # those of the library; ours stay plain in a log
    cache = cache_folder(config.data)
    text = prepare_text(config.data, cache)
    for split, unfit in text.unfit_links.items():
        # Links of training pairs serve the guide alone.
        if unfit.n and (split != "train" or config.train.guide_weight > 0):
            tell_unfit_links(config.data, split, unfit, len(text.splits[split]))
    # Both directions share the text in the cache. Which of its two columns is the source?
    columns = ("first", "second")
    if config.src_language != config.data.languages[0]:
        columns = ("second", "first")
    src, tgt = prepare_tokenizers(config, text, cache, run_dir, columns)
    train, ids_key = prepare_ids(config, text, cache, src, tgt, columns)

    # Pairs over `model.max_len` were left out when their ids were made.
    n_long = len(text.splits["train"]) - len(train)
    return Corpus(
        train,
        held_out_pairs(text.splits["valid"], columns),
        held_out_pairs(text.splits["test"], columns),
        src,
        tgt,
        *what_sources_hold(text, cache, columns[0]),
        fingerprint=digest(ids_key),
        removed=text.removed | {f"over model.max_len={config.model.max_len} tokens": n_long},
    )


def what_sources_hold(text: Text, cache: Path, column: str) -> tuple[float, list[str]]:
    """The part of the training lines in `column` that hold more than one sentence, and the words of
    all of them; both of a sample where there are many lines.
    """

    def make(work: Path) -> None:
        split, counts = text.splits["train"], Counter[str]()
        n_lines, n_several = min(len(split), TOKENIZER_SAMPLE), 0
        sample = split.select(np.linspace(0, len(split) - 1, num=n_lines, dtype=int))
        for line in sample[column]:
            n_several += len(split_sentences(line)) > 1
            counts.update(words(line))
        common = [word for word, _ in counts.most_common(MOST_WORDS)]
        found = {"several": n_several / n_lines, "words": common}
        (work / "found.json").write_text(json.dumps(found), encoding="utf-8")

    name = f"words-{CACHE_FORMAT}-{digest(FORMAT, text.key, column)}"
    found = json.loads((cached(cache, name, make) / "found.json").read_text(encoding="utf-8"))
    return found["several"], found["words"]


def held_out_pairs(split: Dataset, columns: tuple[str, str]) -> list[Pair]:
    """Validation or test pairs in the run's direction.

    Links index the corpus's first language first, and are turned round where that is the target.
    """
    links = [""] * len(split)
    if "links" in split.column_names:
        links = [line or "" for line in split["links"]]
    if columns[0] == "second":
        links = [turn_links(line, f"data.links_column: {line!r:.60}") for line in links]
    return [Pair(*row) for row in zip(split[columns[0]], split[columns[1]], links, strict=True)]


def table(corpus: Corpus) -> str:
    """What cleaning removed and what is left, for a person."""
    rows = {f"removed: {rule}": n for rule, n in corpus.removed.items() if n}
    rows |= {
        "training pairs": len(corpus.train),
        "validation pairs": len(corpus.valid),
        "test pairs": len(corpus.test),
    }
    width = max(len(rule) for rule in rows)
    return "\n".join(f"  {rule:<{width}} {n:>10,}" for rule, n in rows.items())


# ----------------------------------------------------------------------------------------- reading


def load_split(config: DataConfig, key: str, scratch: Path) -> Dataset:
    """One split as it was written: columns `first`, `second` and perhaps `links`.

    Both sides are null where a row could not be read and such rows are skipped. `links` is null
    where a row of a file has no such column.

    Args:
        key: `train`, `valid` or `test`.
        scratch: folder for intermediate Arrow files; those that are complete there are used.
    Raises:
        UserError: whatever is wrong with the files, or the hub cannot be reached.
    """
    value = getattr(config, key)
    if config.hub is not None:
        return named_columns(
            load_from_hub(config.hub, config.hub_config, str(value)), config, config.hub
        )
    paths, written = source_paths(key, value), scratch / f"{key}.arrow"
    try:
        if not written.exists():
            rows = read_rows(paths, config, scratch)
            shown = progress(rows, total=None, unit="rows", desc=f"read {key}")
            write_atomically(written, partial(write_rows, rows=shown))
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        if getattr(error, "errno", None) == errno.ENOSPC:
            raise
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{paths[0]}: cannot be read: {first_line.rstrip('.!')}.") from None
    split = Dataset.from_file(str(written))
    if len(split) == 0:
        raise UserError(f"data.{key}={paths[0]}: it has no rows.")
    return split


def read_rows(paths: list[Path], config: DataConfig, scratch: Path) -> Iterator[Row]:
    """Rows of a file, or of two aligned ones; raises UserError where one cannot be read."""
    if len(paths) == 2:
        return read_aligned(paths, config.on_bad_row)
    file_format = format_of(paths[0])
    if file_format == ".parquet":
        return read_parquet(paths[0], config, scratch)
    return {".tsv": read_tsv, ".csv": read_csv, ".jsonl": read_jsonl}[file_format](paths[0], config)


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write rows to an Arrow file, from which the library reads them."""
    iterator = iter(rows)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, ROW_SCHEMA) as stream:
        while batch := list(islice(iterator, 1000)):
            columns = [pa.array(values, pa.string()) for values in zip(*batch, strict=True)]
            stream.write_batch(pa.record_batch(columns, schema=ROW_SCHEMA))


def source_paths(key: str, value: Any) -> list[Path]:
    """The file or the two aligned files that `data.train=…` and so on name.

    Raises:
        UserError: one is missing or empty, or its name does not tell a format.
    """
    # Hydra gives a list for [a,b] and anything that YAML knows for a single value.
    paths = [Path(str(name)) for name in (value if isinstance(value, (list, tuple)) else [value])]
    if len(paths) not in (1, 2):
        raise UserError(f"data.{key}={value}: give one file, or two line-aligned text files.")
    for path in paths:
        if not path.is_file():
            raise UserError(f"data.{key}={path}: no such file.")
        if path.stat().st_size == 0:
            raise UserError(f"data.{key}={path}: the file is empty.")
    if len(paths) == 1 and format_of(paths[0]) not in FORMATS:
        raise UserError(
            f"data.{key}={paths[0]}: the format is told by the name: .tsv, .csv, .jsonl or "
            f".parquet (.gz too), or two line-aligned text files, data.{key}=[file.en,file.zh]."
        )
    return paths


def format_of(path: Path) -> str:
    """The last suffix of a file's name, before `.gz`."""
    return path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix


def read_lines(path: Path, on_bad_row: OnBadRow, by_cr: bool = False) -> Iterator[str]:
    """Lines of a UTF-8 file, `.gz` too, without their ends and byte order marks.

    Where bad rows are skipped, bytes that are not UTF-8 are lone surrogates; see `is_unicode`.

    Args:
        by_cr: whether lines may end in a lone carriage return, as on an old Mac; they do if the
            first one does.
    Raises:
        UserError: with file, line and byte offset, when a line is not UTF-8; or a damaged `.gz`.
    """
    opener: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as file:
        lines: Iterable[bytes] = file
        way_out = "convert the file, or leave such rows out with data.on_bad_row=skip"
        try:
            if by_cr and first_line_end(file) == b"\r":
                # Latin-1 stands for the bytes themselves.
                text = io.TextIOWrapper(file, encoding="latin-1", newline="\r")
                lines = (line.encode("latin-1") for line in text)
            for line in decode_lines(lines, str(path), way_out, on_bad_row is OnBadRow.skip):
                yield line.removeprefix("\ufeff")  # in the middle, too, of files that were joined
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise UserError(f"{path}: damaged gzip file ({error}); pack it again.") from None


def first_line_end(file: BinaryIO) -> bytes:
    """The first line end outside of quotes, or nothing; `file` is at its beginning again."""
    unquoted = re.sub(rb'"[^"]*"', b"", file.read(65536))
    file.seek(0)
    # Two carriage returns before a line feed come from a line end that was converted twice.
    match = re.search(rb"\r*\n|\r", unquoted)
    return match[0] if match else b""


def is_unicode(text: str) -> bool:
    """Whether `text` has no lone surrogates, which stand for bytes that are not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def bad_row(where: str, problem: str, on_bad_row: OnBadRow) -> Row:
    """The row to write for one that cannot be read; raises UserError unless such are skipped."""
    if on_bad_row is OnBadRow.error:
        raise UserError(
            f"{where} {problem}; mend it, or leave such rows out with data.on_bad_row=skip."
        )
    return UNREADABLE_ROW


def read_aligned(paths: list[Path], on_bad_row: OnBadRow) -> Iterator[Row]:
    """Rows of two line-aligned text files; raises UserError when one is longer."""
    first_lines, second_lines = (read_lines(path, on_bad_row) for path in paths)
    n_rows = 0
    while True:
        first, second = next(first_lines, None), next(second_lines, None)
        if first is None and second is None:
            return
        if first is None or second is None:
            shorter = paths[0 if first is None else 1]
            raise UserError(
                f"{paths[0]} and {paths[1]} are not line-aligned: {shorter} ends after {n_rows} "
                f"line(s), the other goes on."
            )
        n_rows += 1
        # A line that cannot be read takes its counterpart with it.
        is_read = is_unicode(first) and is_unicode(second)
        yield (first, second, None) if is_read else UNREADABLE_ROW


def read_tsv(path: Path, config: DataConfig) -> Iterator[Row]:
    """Rows of a TSV file, which has no header and no quoting; further columns are ignored."""
    columns, links_column = config.columns, config.links_column
    if not all(column.isdecimal() for column in (*columns, links_column or "0")):
        raise UserError(
            f"data.columns={columns}, data.links_column={links_column}: columns of a TSV file are "
            f"numbers from 0, such as [0,1]."
        )
    lines = enumerate(read_lines(path, config.on_bad_row), start=1)
    records = ((i, line.split("\t") if is_unicode(line) else None) for i, line in lines)
    return rows_of_fields(path, records, [int(name) for name in column_names(config)], config)


def read_csv(path: Path, config: DataConfig) -> Iterator[Row]:
    """Rows of a CSV file by RFC 4180, whose first record that is not blank names the columns."""
    records = csv_records(path, config.on_bad_row)
    for number, header in records:
        if header is None:
            raise UserError(f"{path}: line {number}, the header, cannot be read; mend it.")
        if any(name.strip() for name in header):
            break
    else:
        return
    check_columns(str(path), column_names(config), header)
    places = [header.index(name) for name in column_names(config)]
    yield from rows_of_fields(path, records, places, config, width=len(header))


def rows_of_fields(
    path: Path,
    records: Iterable[tuple[int, list[str] | None]],
    places: list[int],
    config: DataConfig,
    width: int | None = None,
) -> Iterator[Row]:
    """Pick the columns of a row from its fields; the rules of TSV and CSV.

    Args:
        records: numbers of lines, and the fields there; None is a record that cannot be read.
        places: of the first and the second side, and perhaps of links, which may be missing.
        width: number of columns that the header names; more fields are an error.
    """
    first, second, *links_places = places
    n_needed = max(first, second) + 1
    for number, fields in records:
        if fields is None:
            yield UNREADABLE_ROW
        elif len(fields) < n_needed:
            problem = (
                f"has {len(fields)} column(s), but data.columns=[{','.join(config.columns)}] needs "
                f"{n_needed}"
            )
            yield bad_row(f"{path}: line {number}", problem, config.on_bad_row)
        elif width is not None and any(map(str.strip, fields[width:])):
            # As from a comma in a sentence without quotes. Trailing commas do no harm.
            problem = f"has {len(fields)} columns, but the header has {width}"
            yield bad_row(f"{path}: line {number}", problem, config.on_bad_row)
        else:
            has_links = bool(links_places) and links_places[0] < len(fields)
            links = fields[links_places[0]] if has_links else None
            yield fields[first], fields[second], links


def csv_records(path: Path, on_bad_row: OnBadRow) -> Iterator[tuple[int, list[str] | None]]:
    """Records of a CSV file that are not blank, each with the number of its first line.

    None is a record that cannot be read. A first line `sep=;` names another delimiter.

    Raises:
        UserError: a quote is not closed, and bad rows are not skipped.
    """
    # `one_line` makes spaces of these carriage returns; to `csv` they would end a record.
    lines = (
        line.rstrip("\r").replace("\r", " ").replace("\n", " ")
        for line in read_lines(path, on_bad_row, by_cr=True)
    )
    delimiter, number, n_records = ",", 1, 0
    ahead: list[str] = []  # lines from `number` on that were read already
    n_suspect = 0  # lines of `ahead` that may be the rest of a broken record
    while ahead or (ahead := list(islice(lines, 1))):
        line, n_seen = ahead[0], 1
        fields: list[str] | None = line.split(delimiter)
        if '"' in line:
            fields, n_seen = quoted_record(ahead, lines, delimiter)
        if fields is None:
            bad_row(f"{path}: line {number}", "opens a quote and never closes it", on_bad_row)
        n_lines = 1 if fields is None else n_seen
        # Of a broken record every line is read again. The last one closes a quote that it lacks.
        is_rest = n_suspect > 0 and n_lines == 1 and line.count('"') % 2 == 1
        if is_rest or not all(map(is_unicode, ahead[:n_lines])):
            fields = None
        hint = re.fullmatch('"?sep=([^"])"?', line, re.IGNORECASE) if n_records == 0 else None
        if hint is not None:
            delimiter = hint[1]
        elif line.strip():
            n_records += 1
            yield number, fields
        n_suspect = max(n_suspect, n_seen) - n_lines
        number += n_lines
        del ahead[:n_lines]


def quoted_record(
    ahead: list[str], lines: Iterator[str], delimiter: str
) -> tuple[list[str] | None, int]:
    """The fields of a record with quotes, and how many lines were looked at.

    None stands for a record whose quotes do not close.

    Args:
        ahead: the first lines of the record; more are added from `lines`.
    """

    def needed() -> Iterator[str]:
        for i in range(LONGEST_RECORD):
            if i == len(ahead):
                ahead.extend(islice(lines, 1))
            if i == len(ahead):
                return
            yield ahead[i] + "\n"

    csv.field_size_limit(2**31 - 1)  # columns that nobody asked for may be long
    reader = csv.reader(needed(), delimiter=delimiter, strict=True)
    try:
        return next(reader), reader.line_num
    except csv.Error:
        if reader.line_num > 1:
            return None, reader.line_num
    # On one line text after a closing quote is let pass, as in `"Yes", he said`.
    fields = next(csv.reader([ahead[0] + "\n"], delimiter=delimiter))
    return None if fields[-1].endswith("\n") else fields, 1


def read_jsonl(path: Path, config: DataConfig) -> Iterator[Row]:
    """Rows of a JSON Lines file; a value that is null or missing is no text."""
    names = column_names(config)
    seen: dict[str, Any] = {}  # all columns, in order
    for number, row in json_records(path, config.on_bad_row):
        if row is None:
            yield bad_row(f"{path}: line {number}", "is not a JSON object", config.on_bad_row)
            continue
        columns = dict(nested_values(row))
        seen |= columns
        values = [columns.get(name) for name in names]
        if problem := json_problem(names, values):
            yield bad_row(f"{path}: line {number}", problem, config.on_bad_row)
        else:
            first, second, *links = values
            yield first, second, (links[0] or "") if links else None
    if seen:
        check_columns(str(path), names, list(seen))


def json_records(path: Path, on_bad_row: OnBadRow) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Objects of a JSON Lines file, each with the number of its first line; None is a line that
    cannot be read.

    A line may have several objects, an object several lines, and all may be in one array.
    """
    lines = read_lines(path, on_bad_row, by_cr=True)
    between = r"\s*"
    ahead: list[str] = []  # lines from `number` on that were read already
    number, n_lines, is_first = 1, 1, True  # the next object is thought to have `n_lines`
    while True:
        ahead.extend(islice(lines, max(0, n_lines - len(ahead))))
        if not ahead:
            return
        text = "\n".join(ahead[:n_lines]).lstrip()
        if is_first and text:
            is_first = False
            if text.startswith("["):
                text, between = text[1:], r"[\s,\]]*"
        objects, rest, goes_on = json_objects(text, between)
        if objects or not rest:
            yield from ((number, found) for found in objects)
            number += n_lines - bool(rest)
            ahead[:n_lines] = [rest] if rest else []
            n_lines = 1
        elif goes_on and len(ahead) >= n_lines < LONGEST_RECORD:
            n_lines += 1
        else:
            yield number, None
            # The lines after it are read again, because they may be other objects.
            del ahead[0]
            number, n_lines = number + 1, 1


def json_objects(text: str, between: str) -> tuple[list[dict[str, Any]], str, bool]:
    """The objects at the beginning of `text`, the rest, and whether that may go on after it.

    Args:
        between: a pattern for what may be between two objects.
    """
    if not is_unicode(text):
        return [], text, False
    # As integers, numbers that nobody asked for could be too long.
    decoder = json.JSONDecoder(parse_int=float)
    objects: list[dict[str, Any]] = []
    place = end_of(between, text, 0)
    while place < len(text):
        try:
            value, end = decoder.raw_decode(text, place)
        except json.JSONDecodeError as error:
            goes_on = text[place] == "{" and not text[error.pos :].strip()
            return objects, text[place:], goes_on
        except RecursionError:
            break
        if not isinstance(value, dict):
            break
        objects.append(value)
        place = end_of(between, text, end)
    return objects, text[place:], False


def end_of(pattern: str, text: str, place: int) -> int:
    """Where the text at `place` that `pattern` matches ends; it may be empty."""
    match = re.compile(pattern).match(text, place)
    return match.end() if match else place


def json_problem(names: list[str], values: list[Any]) -> str:
    """What is wrong with the values of a row; empty: nothing."""
    for name, value in zip(names, values, strict=True):
        if not isinstance(value, str | None):
            return f"has {JSON_KINDS[type(value)]} in column {name}, not text"
        if value is not None and not is_unicode(value):
            return f"has a lone surrogate in column {name}"
    return ""


def nested_values(row: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """All values of an object and of those inside it, which are named as in translation.en."""
    for name, value in row.items():
        yield prefix + name, value
        if isinstance(value, dict):
            yield from nested_values(value, f"{prefix}{name}.")


def read_parquet(path: Path, config: DataConfig, scratch: Path) -> Iterator[Row]:
    """Rows of a Parquet file, of which only the columns that are needed are read."""
    plain = path
    if path.suffix == ".gz":
        plain = scratch / path.stem
        with gzip.open(path) as packed, open(plain, "wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
    names, number = column_names(config), 0
    with pq.ParquetFile(plain) as file:
        if file.metadata.num_rows == 0:
            return
        schema = flattened(file.schema_arrow.empty_table()).schema
        check_columns(str(path), names, schema.names)
        for name, is_links in zip(names, (False, False, True), strict=False):
            kind = schema.field(name).type
            if not is_text(kind) and not (is_links and pa.types.is_null(kind)):
                raise UserError(f"{path}: column {name} holds values of type {kind}, not text.")
        for batch in file.iter_batches(columns=names, batch_size=1000):
            table = flattened(pa.Table.from_batches([batch]))
            # Arrow takes any bytes for text.
            columns = [
                table[name].cast(pa.string()).cast(pa.binary()).to_pylist() for name in names
            ]
            for row in zip(*columns, strict=True):
                number += 1
                try:
                    first, second, *links = (value and value.decode() for value in row)
                except UnicodeDecodeError:
                    yield bad_row(f"{path}: row {number}", "is not UTF-8", config.on_bad_row)
                else:
                    yield first, second, (links[0] or "") if links else None


def flattened(table: pa.Table) -> pa.Table:
    """`table` with the parts of nested columns as columns, which are named as in translation.en."""
    while any(map(pa.types.is_struct, table.schema.types)):
        table = table.flatten()
    return table


def is_text(kind: pa.DataType) -> bool:
    """Whether an Arrow type is one of those for text."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return kind in (pa.string(), pa.large_string(), pa.string_view())


def column_names(config: DataConfig) -> list[str]:
    """The columns that are needed: both sides, and links where there are any."""
    return [*config.columns, *([] if config.links_column is None else [config.links_column])]


def check_columns(where: str, names: list[str], among: list[str]) -> None:
    """Raise UserError unless each of `names` is one column `among` those that are there."""
    for name in names:
        if name not in among:
            listed = re.sub(r"\s", " ", ", ".join(among))
            raise UserError(f"{where}: no column {name} among {listed}; set data.columns=[…].")
        if among.count(name) > 1:
            raise UserError(f"{where}: {among.count(name)} columns are named {name}; rename them.")


def load_from_hub(hub: str, hub_config: str | None, split: str) -> Dataset:
    """A split of a hub dataset, or the copy of an earlier start where the hub cannot be reached."""
    if not sys.stderr.isatty():  # a bar would be redrawn thousands of times in a log
        disable_hub_bars()
    unreachable: Exception | None = None
    try:
        HfApi().dataset_info(hub, timeout=10)
        talk(f"{hub}: split {split} …")
    except HfHubHTTPError:
        pass  # the hub is there: loading says what is wrong
    except Exception as error:
        unreachable = error
        # Without this the library would try six times, for half a minute.
        datasets.config.HF_HUB_OFFLINE = True
    try:
        return load_dataset(hub, hub_config, split=split)
    except Exception as error:  # the hub's client raises from half a dozen libraries
        cause = unreachable or error
        first_line = (str(cause).strip() or type(cause).__name__).splitlines()[0]
        raise UserError(
            f"{hub}: cannot be loaded from the hub ({first_line}); check the network, or train "
            f"without it on data=starter or on your own text with data=files."
        ) from None


def named_columns(dataset: Dataset, config: DataConfig, where: str) -> Dataset:
    """`first`, `second` and `links` of a hub dataset, whose columns may be nested."""
    dataset = dataset.flatten()  # {"translation": {"en": …}} becomes the column translation.en
    names = dict(zip(column_names(config), ("first", "second", "links"), strict=False))
    check_columns(where, list(names), dataset.column_names)
    for column in names:
        kind = getattr(dataset.features[column], "dtype", "list")
        # A column of links without any has the type null.
        is_text = kind in ("string", "large_string", "string_view")
        if not is_text and (names[column], kind) != ("links", "null"):
            raise UserError(f"{where}: column {column} holds values of type {kind}, not text.")
    return dataset.select_columns(list(names)).rename_columns(names)


# --------------------------------------------------------------------------- cleaning and splitting


def prepare_text(config: DataConfig, cache: Path) -> Text:
    """The clean splits of the corpus, made now or found in the cache."""
    # Enums are spelt as in the first version: a checkpoint holds this key, and its run must go on.
    options = {
        name: f"{type(value).__name__}.{value}" if isinstance(value, StrEnum) else value
        for name, value in asdict(config).items()
        if name not in ("name", "train", "valid", "test", "cache_dir", "source_noise")
    }
    key = digest(FORMAT, source_identity(config), options)

    def make(work: Path) -> None:
        with parts_folder(cache / f"parts-{CACHE_FORMAT}-{key}") as parts:
            splits, removed, unfit = clean(config, parts)
            for name, split in splits.items():
                split.save_to_disk(str(work / name))
        unfit_links = {name: asdict(links) for name, links in unfit.items()}
        counts = {"removed": removed, "unfit_links": unfit_links}
        (work / "counts.json").write_text(json.dumps(counts), encoding="utf-8")

    folder = cached(cache, f"text-{CACHE_FORMAT}-{key}", make)
    splits = {name: Dataset.load_from_disk(str(folder / name)) for name in SPLITS}
    counts = json.loads((folder / "counts.json").read_text(encoding="utf-8"))
    unfit = {name: UnfitLinks(**links) for name, links in counts["unfit_links"].items()}
    return Text(splits, counts["removed"], unfit, key)


def source_identity(config: DataConfig) -> list[str]:
    """What the corpus is made of: the content of its files, or fingerprints of the hub's splits."""
    if config.train is None:
        raise UserError("data.train is not set: name a file, such as data.train=corpus.tsv.")
    identity = []
    for key in SPLITS:
        value = getattr(config, key)
        if value is None:
            identity.append("cut off")
        elif config.hub is not None:
            identity.append(load_from_hub(config.hub, config.hub_config, str(value))._fingerprint)
        else:
            identity += [file_digest(path) + path.suffix for path in source_paths(key, value)]
    return identity


def clean(
    config: DataConfig, parts: Path
) -> tuple[dict[str, Dataset], dict[str, int], dict[str, UnfitLinks]]:
    """The three splits, how many training pairs each rule removed, and pairs with unfit links.

    Validation and test keep every row that has text on both sides, so that scores stay comparable.
    The rules for training pairs are those of REASONS, in this order. A split that the corpus lacks
    is cut off the training pairs.
    """
    # Rules that need nothing but the row come first, in parallel.
    given = [key for key in SPLITS if getattr(config, key) is not None]
    splits = {key: load_split(config, key, parts) for key in given}
    refuse_missing_links(config, splits)
    for key in given:
        options = {"fn_kwargs": {"config": config}}
        prefix, desc = f"{parts}/clean-{key}", f"clean {key}"
        splits[key] = map_in_parts(splits[key], clean_batch, prefix, desc, **options)

    # `reason` says of each training row whether it is kept, moved, or which rule removes it. The
    # rules that need the other rows work on columns of hashes: 25 million pairs fit in memory.
    reason = column(splits["train"], "reason").copy()
    keep = {}
    for key in splits.keys() - {"train"}:
        broken = column(splits[key], "reason")
        keep[key] = np.flatnonzero((broken != UNREADABLE) & (broken != EMPTY))
    mark_duplicates(splits["train"], reason)
    n_cut = max(1, min(config.held_out, int((reason == KEPT).sum()) // 20))
    # The given splits come first, so that a cut shares nothing with them.
    for key in sorted(("test", "valid"), key=lambda key: key not in splits):
        if key not in splits:
            splits[key], keep[key] = splits["train"], cut_off(splits["train"], reason, n_cut)
        mark_leaks(splits["train"], reason, splits[key], keep[key])
    keep["train"] = np.flatnonzero(reason == KEPT)

    # The user hears what was removed, because a rule that removes half of a corpus is a mistake.
    removed = {rule: int((reason == i).sum()) for i, rule in enumerate(REASONS)}
    refuse_empty_splits(config, keep, removed, n_moved=int((reason == MOVED).sum()))
    unfit = {
        key: unfit_links(splits[key], keep[key], key if key in given else "train") for key in SPLITS
    }
    return {key: text_of(splits[key].select(keep[key])) for key in splits}, removed, unfit


def refuse_missing_links(config: DataConfig, splits: dict[str, Dataset]) -> None:
    """Raise UserError where `data.links_column` names a column that no file has."""
    if config.links_column is None or config.hub is not None:
        return
    if all(split.data.column("links").null_count == len(split) for split in splits.values()):
        raise UserError(
            f"data.links_column={config.links_column}: no row of the corpus has that column; "
            f"columns of a TSV file are numbers from 0, and null stands for no links."
        )


def clean_batch(batch: dict[str, list[Any]], config: DataConfig) -> dict[str, list[Any]]:
    """Text on one line each, in the script that is wanted, and the first rule that a row breaks.

    Returns:
        Columns `first`, `second`; `reason`, an index of REASONS or KEPT; 64-bit hashes: `pair` of
        the row, `first_key` and `second_key` of what a leak between the splits goes by; and, where
        there is such a column, `links` and `links_problem`.
    """
    convert = to_simplified() if config.chinese_script is ChineseScript.simplified else None
    is_converted = [convert is not None and is_chinese(language) for language in config.languages]
    names = ("first", "second", "reason", "pair", "first_key", "second_key")
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for first, second in zip(batch["first"], batch["second"], strict=True):
        sides = [one_line(side or "") for side in (first, second)]
        if convert is not None:
            sides = [
                convert(side) if convertible else side
                for side, convertible in zip(sides, is_converted, strict=True)
            ]
        reason = broken_rule(sides, config, is_read=first is not None or second is not None)
        keys = [hash64(leak_key(side)) for side in sides]
        row = (*sides, reason, hash64("\t".join(sides)), *keys)
        for name, value in zip(names, row, strict=True):
            columns[name].append(value)
    if "links" in batch:
        columns["links"] = [one_line(links or "") for links in batch["links"]]
        rows = zip(columns["links"], columns["first"], columns["second"], strict=True)
        columns["links_problem"] = [links_problem(*row) for row in rows]
        if config.on_bad_row is OnBadRow.skip:
            pairs = zip(columns["links"], columns["links_problem"], strict=True)
            columns["links"] = ["" if problem else links for links, problem in pairs]
    return columns


def links_problem(links: str, first: str, second: str) -> str:
    """Why the links of a row do not fit its sentences; empty: they do."""
    if not links:
        return ""
    try:
        parse_links(links, len(split_units(first)), len(split_units(second)), "")
    except UserError as error:
        return str(error).removeprefix(": ").removesuffix(".")
    return ""


def broken_rule(sides: list[str], config: DataConfig, is_read: bool) -> int:
    """The first rule of REASONS that a row breaks by itself, or KEPT."""
    shorter, longer = sorted(len(side.encode("utf-8", "replace")) for side in sides)  # bytes
    broken = [
        not is_read,
        shorter == 0,
        longer > config.max_bytes,
        longer + 20 > config.max_ratio * (shorter + 20),
    ]
    return broken.index(True) if any(broken) else KEPT


def leak_key(text: str) -> str:
    """Equal for sentences that the splits must not share: letters and digits alone, case folded.

    Compatibility forms (full-width letters, for one) are folded, too.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in folded if unicodedata.category(c)[0] in "LMN") or folded


def hash64(text: str) -> int:
    digest_8 = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest_8, "little", signed=True)


def mark_duplicates(train: Dataset, reason: np.ndarray) -> None:
    """Mark all but the first of equal pairs in `reason`."""
    kept = np.flatnonzero(reason == KEPT)
    _, first_places = np.unique(column(train, "pair")[kept], return_index=True)
    reason[np.delete(kept, first_places)] = DUPLICATE


def cut_off(train: Dataset, reason: np.ndarray, n: int) -> np.ndarray:
    """Take `n` training rows for another split: mark them in `reason`, and return their numbers.

    They are those with the lowest hashes. So the cut depends on the text alone, not on the order of
    the rows, and a corpus that grows a little keeps most of it.
    """
    kept = np.flatnonzero(reason == KEPT)
    by_hash = np.argsort(column(train, "pair")[kept], kind="stable")
    rows = np.sort(kept[by_hash[:n]])
    reason[rows] = MOVED
    return rows


def mark_leaks(train: Dataset, reason: np.ndarray, held_out: Dataset, rows: np.ndarray) -> None:
    """Mark in `reason` the training rows that share a side with one of the `rows` of `held_out`."""
    for name in ("first_key", "second_key"):
        shared = np.isin(column(train, name), column(held_out, name)[rows])
        reason[(reason == KEPT) & shared] = LEAKED


def refuse_empty_splits(
    config: DataConfig, keep: dict[str, np.ndarray], removed: dict[str, int], n_moved: int
) -> None:
    """Raise UserError where cleaning left a split without pairs."""
    if len(keep["train"]) == 0:
        counts = removed | {"cut off for validation and test": n_moved}
        lost = ", ".join(f"{rule}: {n}" for rule, n in counts.items() if n) or "no rows"
        raise UserError(
            f"data.train={config.train}: no pair is left after cleaning ({lost}); see data.columns."
        )
    for key in ("valid", "test"):
        if len(keep[key]) == 0:
            raise UserError(
                f"data.{key}={getattr(config, key)}: no pair has text on both sides; "
                f"see data.columns."
            )


def unfit_links(split: Dataset, rows: np.ndarray, source: str) -> UnfitLinks:
    """Those of these `rows` whose links do not fit their sentences."""
    if "links_problem" not in split.column_names:
        return UnfitLinks(source)
    problems = split.select_columns("links_problem").with_format("arrow")[:]["links_problem"]
    unfit = rows[pc.binary_length(problems).to_numpy()[rows] > 0]
    if len(unfit) == 0:
        return UnfitLinks(source)
    first = int(unfit[0])
    return UnfitLinks(source, len(unfit), first + 1, problems[first].as_py())


def tell_unfit_links(config: DataConfig, split: str, unfit: UnfitLinks, n_pairs: int) -> None:
    """Say how many of the `n_pairs` of a split have links that do not fit, and name the first.

    Raises:
        UserError: bad rows are not skipped.
    """
    example = f"{place_of_row(config, unfit)}: {unfit.problem}"
    if config.on_bad_row is OnBadRow.error:
        raise UserError(f"{example}; mend it, or leave such links out with data.on_bad_row=skip.")
    if rank() == 0:
        name = {"train": "training", "valid": "validation", "test": "test"}[split]
        talk(
            f"warning: {unfit.n:,} of {n_pairs:,} {name} pairs have links that do not fit their "
            f"sentences, and go without links. The first is {example}. Check "
            f"that links name the side of {config.languages[0]} first, that they count from 0, and "
            f"that they count words, marks and single Chinese characters."
        )


def place_of_row(config: DataConfig, unfit: UnfitLinks) -> str:
    """Where the first pair with unfit links stands."""
    source = getattr(config, unfit.source)
    if config.hub is not None:
        return f"{config.hub}: split {source}, row {unfit.row}"
    path = source_paths(unfit.source, source)[0]
    # A row of the other formats need not be a line.
    return f"{path}: {'line' if format_of(path) == '.tsv' else 'row'} {unfit.row}"


def text_of(split: Dataset) -> Dataset:
    """The columns of text, and that of links where there is one."""
    names = ("first", "second", "links")
    return split.select_columns([name for name in names if name in split.column_names])


def column(dataset: Dataset, name: str) -> np.ndarray:
    """One column of numbers, without Python objects."""
    return np.asarray(dataset.select_columns(name).with_format("arrow")[:][name].to_numpy())


# ---------------------------------------------------------------------------- vocabularies and ids


def prepare_tokenizers(
    config: Config, text: Text, cache: Path, run_dir: Path | None, columns: tuple[str, str]
) -> tuple[Tokenizer, Tokenizer]:
    """Source and target vocabulary: those of `run_dir`, the user's own, or trained ones."""
    if run_dir is not None:
        return tokenizers_of_run(config.tokenizer, run_dir)
    for key in ("src_prefix", "n_src_ids", "n_tgt_ids"):
        if getattr(config.tokenizer, key):
            raise UserError(f"tokenizer.{key} is for imported models alone; leave it out.")
    if config.tokenizer.src_model:
        return tokenizers_of_user(config.tokenizer)
    languages = (config.src_language, config.tgt_language)
    if config.tokenizer.joint:
        joint = train_cached(config.tokenizer, text, cache, columns, languages)
        return joint, joint
    src = train_cached(config.tokenizer, text, cache, columns[:1], languages[:1])
    tgt = train_cached(config.tokenizer, text, cache, columns[1:], languages[1:])
    return src, tgt


def tokenizers_of_run(options: TokenizerConfig, run_dir: Path) -> tuple[Tokenizer, Tokenizer]:
    """The vocabularies of a run that goes on; raises UserError where the options name others."""
    tokenizers = load_tokenizers(run_dir, options)
    for key, tokenizer in zip(("src_model", "tgt_model"), tokenizers, strict=True):
        path = getattr(options, key)
        if path and os.path.isfile(path) and Path(path).read_bytes() != tokenizer.model:
            raise UserError(
                f"tokenizer.{key}={path}: {run_dir} was trained with another vocabulary. Choose "
                f"another run_dir, or start over with resume=false."
            )
    return tokenizers


def tokenizers_of_user(options: TokenizerConfig) -> tuple[Tokenizer, Tokenizer]:
    """The SentencePiece models that the options name, with a warning for those that lose text."""
    src_path, tgt_path = options.src_model, options.tgt_model or options.src_model
    assert src_path and tgt_path
    src = Tokenizer.load(Path(src_path))
    tgt = Tokenizer.load(Path(tgt_path)) if options.tgt_model else src
    for path, tokenizer in ((src_path, src), (tgt_path, tgt)):
        if not tokenizer.lossless:
            talk(
                f"warning: {path} changes text (full-width marks, spaces): "
                "scores are capped by what it loses."
            )
    return src, tgt


def train_cached(
    options: TokenizerConfig,
    text: Text,
    cache: Path,
    columns: tuple[str, ...],
    languages: tuple[str, ...],
) -> Tokenizer:
    """A vocabulary of the training text in `columns`, which are in `languages`; kept in the cache.

    Neither the direction nor `train.seed` has an influence on it, so that runs share it.
    """
    columns = tuple(sorted(columns))
    spaced = not any(is_unspaced(language) for language in languages)
    key = digest(
        FORMAT,
        text.key,
        columns,
        spaced,
        options.type,
        options.vocab_size,
        options.max_piece_length,
    )

    def make(work: Path) -> None:
        sample = text.splits["train"]
        if len(sample) > TOKENIZER_SAMPLE:
            rows = np.random.default_rng(1).choice(len(sample), TOKENIZER_SAMPLE, replace=False)
            sample = sample.select(np.sort(rows))
        talk(
            f"vocabulary: {options.type}, {options.vocab_size} pieces, from {len(sample):,} lines …"
        )
        lines = (line for name in columns for line in sample[name])
        tokenizer, warning = train_tokenizer(lines, options, dummy_prefix=spaced)
        if warning:
            talk(f"warning: {warning}")
        (work / "spm.model").write_bytes(tokenizer.model)

    return Tokenizer.load(cached(cache, f"spm-{CACHE_FORMAT}-{key}", make) / "spm.model")


def prepare_ids(
    config: Config,
    text: Text,
    cache: Path,
    src: Tokenizer,
    tgt: Tokenizer,
    columns: tuple[str, str],
) -> tuple[Dataset, str]:
    """The training pairs as ids, without those that are longer than the model reads.

    Returns:
        The pairs, and the key that names them in the cache.
    """
    max_len, sampling = config.model.max_len, config.tokenizer.sampling_alpha > 0
    with_text = segments_afresh(config)
    key = digest(
        FORMAT, text.key, src.fingerprint, tgt.fingerprint, config.direction, max_len, sampling
    )
    pairs = text.splits["train"].rename_columns(dict(zip(columns, ("src", "tgt"), strict=True)))
    # The text's key stands for its links, too. Whether a run uses them is no part of the key, nor
    # is noise, so that it is what it was before there were such.
    guided = config.train.guide_weight > 0 and has_links(pairs, config.data)
    pairs = pairs.select_columns(["src", "tgt", *(["links"] if guided else [])])
    kept = ("links-" if guided else "") + ("text-" if with_text and not sampling else "")
    name = f"{CACHE_FORMAT}-{kept}{key}"

    def make(work: Path) -> None:
        options = {
            "fn_kwargs": {"src": src.arguments, "tgt": tgt.arguments, "config": config},
            "remove_columns": [c for c in pairs.column_names if c == "links" or not with_text],
        }
        with parts_folder(cache / f"parts-{name}") as parts:
            ids = map_in_parts(pairs, encode_batch, f"{parts}/ids", "tokenize", **options)
            longest = np.maximum(lengths(ids, "src_ids"), lengths(ids, "tgt_ids"))
            fitting = np.flatnonzero(longest <= max_len)
            if len(fitting) == 0:
                raise UserError(
                    f"model.max_len={max_len}: every training pair is longer; raise it."
                )
            ids.select(fitting).save_to_disk(str(work))

    train = Dataset.load_from_disk(str(cached(cache, f"ids-{name}", make)))
    if guided and not any_weighs(train, config.train.guide_possible):
        train = train.select_columns([c for c in train.column_names if not c.endswith("_links")])
    return train, key


def segments_afresh(config: Config) -> bool:
    """Whether each epoch segments text anew, so that the text is needed beside its ids."""
    return config.tokenizer.sampling_alpha > 0 or config.data.source_noise > 0


def has_links(pairs: Dataset, config: DataConfig) -> bool:
    """Whether any pair has links."""
    if config.links_column is None or "links" not in pairs.column_names:
        return False
    links = pairs.select_columns("links").with_format("arrow")[:]["links"]
    return bool(pc.any(pc.greater(pc.binary_length(links), 0)).as_py())


def encode_batch(
    batch: dict[str, list[Any]], src: dict[str, Any], tgt: dict[str, Any], config: Config
) -> dict[str, list[Any]]:
    """The ids of a batch of text, by the vocabularies whose `arguments` are given; and where there
    are links, those between the ids, as bytes.
    """
    src_tokenizer, tgt_tokenizer = Tokenizer(**src), Tokenizer(**tgt)
    src_ids, tgt_ids = src_tokenizer.encode(batch["src"]), tgt_tokenizer.encode(batch["tgt"])
    columns: dict[str, list[Any]] = {"src_ids": src_ids, "tgt_ids": tgt_ids}
    if "links" not in batch:
        return columns
    columns |= {"unit_links": [], "token_links": []}
    tgt_first = config.tgt_language == config.data.languages[0]
    rows = zip(batch["src"], batch["tgt"], batch["links"], src_ids, tgt_ids, strict=True)
    for src_text, tgt_text, line, src_row, tgt_row in rows:
        of_units = of_tokens = b""
        # A pair that is too long has no part in training.
        if line and max(len(src_row), len(tgt_row)) <= config.model.max_len:
            src_side = make_side(src_tokenizer, src_row, "words", src_text)
            tgt_side = make_side(tgt_tokenizer, tgt_row, "words", tgt_text)
            # Links that do not fit are gone, or have stopped the run, see `tell_unfit_links`.
            links = unit_links(line, src_side, tgt_side, tgt_first, "")
            of_units = links.tobytes()
            of_tokens = token_links(links, src_side, tgt_side).tobytes()
        columns["unit_links"].append(of_units)
        columns["token_links"].append(of_tokens)
    if not segments_afresh(config):
        del columns["unit_links"]
    return columns


def any_weighs(train: Dataset, possible: float) -> bool:
    """Whether any pair has links that weigh something in training, see `guide.weighted`."""
    links = train.select_columns("token_links").with_format("arrow")[:]["token_links"]
    rows = (row.as_py() for row in links)
    return any(len(weighted(unpack(row), possible)) > 0 for row in rows if row)


def lengths(dataset: Dataset, name: str) -> np.ndarray:
    """Length of every list in a column, without reading the lists."""
    values = dataset.select_columns(name).with_format("arrow")[:][name]
    return np.asarray(pc.list_value_length(values).to_numpy()).astype(np.int32)


# --------------------------------------------------------------------------------------- the cache


def cache_folder(config: DataConfig) -> Path:
    """The folder that prepared corpora are kept in; raises UserError where it cannot be written."""
    parent = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folder = typed_path(config.cache_dir or os.path.join(parent, "transformer_mt"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"data.cache_dir={folder}: {error.strerror}; name a folder that can be written."
        ) from None
    return folder


def digest(*parts: object) -> str:
    """A name for whatever is made of `parts`, and of nothing else."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:24]


def file_digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def cached(cache: Path, name: str, make: Callable[[Path], None]) -> Path:
    """The folder `cache/name`, made by `make` beside it and renamed when it is complete."""
    path = cache / name
    if path.exists():
        return path
    cache.mkdir(parents=True, exist_ok=True)
    with file_lock(cache / f".{name}.lock", wait=True):
        if path.exists():  # another process made it while this one waited
            return path
        for old in cache.glob(f"{name}.*"):  # left over from a process that was killed
            shutil.rmtree(old)
        work = cache / f"{name}.{os.getpid()}"
        work.mkdir()
        try:
            make(work)
            for written in (*work.rglob("*"), work):
                sync(written)
            work.rename(path)
            sync(cache)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return path


@contextmanager
def parts_folder(path: Path) -> Iterator[Path]:
    """A folder for the parts of a preparation.

    It outlives an interruption, so that the next start takes the parts that are complete. It goes
    at the end, after a user's mistake, and when one of its files turns out to be damaged.
    """
    path.mkdir(exist_ok=True)
    try:
        yield path
    except UserError:
        shutil.rmtree(path, ignore_errors=True)
        raise
    except (pa.ArrowInvalid, OSError) as error:
        if getattr(error, "errno", None) is not None:  # not of Arrow, whose errors have none
            raise
        shutil.rmtree(path, ignore_errors=True)
        raise UserError(
            f"{path}: damaged ({error}), now removed; run the same command again."
        ) from None
    shutil.rmtree(path, ignore_errors=True)


def map_in_parts(
    dataset: Dataset, function: Callable[..., Any], prefix: str, desc: str, **options: Any
) -> Dataset:
    """`dataset.map`, batched, into files whose names begin with `prefix`.

    A large dataset is shared out to processes. The library's own (`num_proc`) outlive a run that is
    killed. A file that is there already was written by a start that was interrupted, and is used.

    Args:
        desc: what is done, for the line that shows how far it is.
        options: of `dataset.map`.
    """
    starts = range(0, max(1, len(dataset)), PART_ROWS)
    parts = [dataset.select(range(start, min(start + PART_ROWS, len(dataset)))) for start in starts]
    paths = [Path(f"{prefix}-{start}.arrow") for start in starts]
    write_part = partial(map_part, function=function, options=options)
    with ExitStack() as stack:
        run: Callable[..., Iterable[object]] = map
        if len(dataset) >= PARALLEL_ROWS:
            talk(f"{desc}: {len(dataset):,} pairs …")
            n_processes = min(available_cores(), 16, len(parts))
            run = stack.enter_context(worker_pool(n_processes)).map
        bar = stack.enter_context(progress(total=len(dataset), unit="pairs", desc=desc))
        for part, _ in zip(parts, run(write_part, parts, paths), strict=True):
            bar.update(len(part))

    results = [Dataset.from_file(str(path)) for path in paths]
    for part, result, path in zip(parts, results, paths, strict=True):
        if len(result) != len(part):
            raise pa.ArrowInvalid(f"{path}: {len(result)} rows of {len(part)}")
    return concatenate_datasets(results)


def map_part(
    part: Dataset, path: Path, function: Callable[..., Any], options: dict[str, Any]
) -> None:
    """Write what `function` makes of a part to `path`, whole or not at all."""
    if not path.exists():
        disable_progress_bars()  # in a process of its own they are on again
        part.map(function, batched=True, cache_file_name=str(path), **options)
        sync(path)
