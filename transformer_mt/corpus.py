"""Which pairs, in which batches? Reading, cleaning, splitting and tokenizing a corpus; batches under a token budget.

Everything goes through `datasets`, and what was prepared stays in Arrow files, memory-mapped, named after the content
that made it: host memory does not grow with the corpus, and a changed file or option is never read stale.
"""

import csv
import errno
import glob
import gzip
import hashlib
import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import (
    Dataset,
    Features,
    Value,
    concatenate_datasets,
    disable_progress_bars,
    load_dataset,
)
from datasets.exceptions import DatasetGenerationError
from datasets.utils.logging import CRITICAL, set_verbosity
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import (  # type: ignore[attr-defined]
    disable_progress_bars as disable_hub_bars,
)

from transformer_mt.config import (
    ChineseScript,
    Config,
    DataConfig,
    OnBadRow,
    TokenizerConfig,
    UserError,
)
from transformer_mt.files import decode_lines, file_lock, progress, sync, talk
from transformer_mt.runtime import worker_pool
from transformer_mt.text import is_chinese, is_unspaced, one_line, to_simplified
from transformer_mt.tokenizer import Tokenizer, load_tokenizers, train_tokenizer
from transformer_mt.units import turn_links

FORMAT = 1  # of the prepared corpora; raise it when the code below prepares them differently
TOKENIZER_SAMPLE = (
    500_000  # lines: preparing a million pairs peaks at 1.9 GB, with all of them at 3.2
)
PARALLEL_ROWS = 200_000  # below, starting processes costs more than they save
PART_ROWS = 100_000  # what one process loses at most when a preparation is interrupted
READERS = {".csv": "csv", ".jsonl": "json", ".parquet": "parquet"}
REASONS = (
    "unreadable row",
    "empty side",
    "too long",
    "length ratio",
    "duplicate",
    "also in validation or test",
)


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
    """Columns `src_ids` and `tgt_ids`, eos last; with subword sampling also the text, `src` and `tgt`."""
    valid: list[Pair]
    test: list[Pair]
    src_tokenizer: Tokenizer
    tgt_tokenizer: Tokenizer
    fingerprint: str
    """Of the training pairs and vocabularies, by content."""
    removed: dict[str, int]
    """Cleaning rule to the training pairs that it removed."""


def digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:24]


def file_digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def table(corpus: Corpus) -> str:
    """What cleaning removed, for a person."""
    rows = {f"removed: {rule}": n for rule, n in corpus.removed.items() if n}
    rows |= {
        "training pairs": len(corpus.train),
        "validation pairs": len(corpus.valid),
        "test pairs": len(corpus.test),
    }
    width = max(len(rule) for rule in rows)
    return "\n".join(f"  {rule:<{width}} {n:>10,}" for rule, n in rows.items())


# ---------------------------------------------------------------------------------------------------- reading


def read_lines(path: Path, on_bad_row: OnBadRow) -> Iterator[str | None]:
    """Lines of a UTF-8 file, `.gz` too; None stands for one that is not UTF-8 where such rows are skipped.

    Raises:
        UserError: with file, line and byte offset, when a line is not UTF-8; or a damaged `.gz`.
    """
    opener: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as file:
        way_out = "convert the file, or leave such rows out with data.on_bad_row=skip"
        try:
            yield from decode_lines(file, str(path), way_out, on_bad_row is OnBadRow.skip)
        except (EOFError, gzip.BadGzipFile, gzip.zlib.error) as error:  # type: ignore[attr-defined]
            raise UserError(f"{path}: damaged gzip file ({error}); pack it again.") from None


def read_tsv(path: Path, config: DataConfig) -> Iterator[dict[str, Any]]:
    """Rows `first`, `second`, `links` of a TSV file without quoting; the text is None where a row is skipped."""
    columns, links_column, on_bad_row = config.columns, config.links_column, config.on_bad_row
    if not all(column.isdecimal() for column in (*columns, links_column or "0")):
        raise UserError(
            f"data.columns={columns}, data.links_column={links_column}: columns of a TSV file are numbers from 0, "
            f"such as [0,1]."
        )
    wanted = [int(column) for column in columns]
    links = None if links_column is None else int(links_column)
    for number, line in enumerate(read_lines(path, on_bad_row), start=1):
        fields = [] if line is None else line.split("\t")
        if line is not None and max(wanted) >= len(fields) and on_bad_row is OnBadRow.error:
            raise UserError(
                f"{path}: line {number} has {len(fields)} column(s), but data.columns=[{','.join(columns)}] needs "
                f"{max(wanted) + 1}; mend it, or leave such rows out with data.on_bad_row=skip."
            )
        readable = max(wanted) < len(fields)
        yield {
            "first": fields[wanted[0]] if readable else None,
            "second": fields[wanted[1]] if readable else None,
            "links": fields[links] if links is not None and links < len(fields) else "",
        }


def read_aligned(paths: list[Path], on_bad_row: OnBadRow) -> Iterator[dict[str, Any]]:
    """Rows of two line-aligned text files; raises UserError when one is longer."""
    first, second = (read_lines(path, on_bad_row) for path in paths)
    n_rows, end = 0, object()
    while True:
        a, b = next(first, end), next(second, end)
        if a is end and b is end:
            return
        if a is end or b is end:
            raise UserError(
                f"{paths[0]} and {paths[1]} are not line-aligned: {paths[0 if a is end else 1]} ends after "
                f"{n_rows} line(s), the other goes on."
            )
        n_rows += 1
        readable = a is not None and b is not None
        yield {"first": a if readable else None, "second": b if readable else None, "links": ""}


def source_paths(key: str, value: Any) -> list[Path]:
    """The file or the two files that `data.train=…` and so on name; raises UserError when one is missing."""
    paths = [Path(str(name)) for name in (value if isinstance(value, (list, tuple)) else [value])]
    if len(paths) not in (1, 2):
        raise UserError(f"data.{key}={value}: give one file, or two line-aligned text files.")
    for path in paths:
        if not path.is_file():
            raise UserError(f"data.{key}={path}: no such file.")
        if path.stat().st_size == 0:
            raise UserError(f"data.{key}={path}: the file is empty.")
    suffix = paths[0].with_suffix("").suffix if paths[0].suffix == ".gz" else paths[0].suffix
    if len(paths) == 1 and suffix not in (".tsv", *READERS):
        raise UserError(
            f"data.{key}={paths[0]}: the format is told by the name: .tsv, .csv, .jsonl or .parquet (.gz too), "
            f"or two line-aligned text files, data.{key}=[file.en,file.zh]."
        )
    return paths


def named_columns(dataset: Dataset, config: DataConfig, where: str) -> Dataset:
    """`first`, `second` and `links` of a dataset with named, possibly nested, columns."""
    dataset = dataset.flatten()
    names = dict(zip(config.columns, ("first", "second"), strict=True))
    if config.links_column is not None:
        names[config.links_column] = "links"
    for column in names:
        if column not in dataset.column_names:
            raise UserError(
                f"{where}: no column {column} among {', '.join(dataset.column_names)}; set data.columns=[…]."
            )
        kind = getattr(dataset.features[column], "dtype", "list")
        if kind not in ("string", "large_string") and (names[column], kind) != ("links", "null"):
            raise UserError(f"{where}: column {column} holds values of type {kind}, not text.")
    return dataset.select_columns(list(names)).rename_columns(names)


def load_table(path: Path, suffix: str, on_bad_row: OnBadRow, plain: Path) -> Dataset:
    """All columns of a CSV, JSONL or Parquet file, `.gz` too, through a copy of its readable text, `plain`."""
    options: dict[str, Any] = {}
    if suffix == ".parquet" and path.suffix != ".gz":
        plain.unlink(missing_ok=True)  # of a start that was interrupted
        plain.symlink_to(path.resolve())
    elif suffix == ".parquet":
        with gzip.open(path) as packed, open(plain, "wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
    else:  # Arrow takes any bytes for text; a row without both sides is counted as unreadable
        empty = {".csv": ",", ".jsonl": "{}"}[suffix]
        with open(plain, "w", encoding="utf-8", newline="") as copy:
            copy.writelines(
                f"{empty if line is None else line}\n" for line in read_lines(path, on_bad_row)
            )
    if suffix == ".csv":
        # Every field is text, and nothing but an empty one is null: "None", "nan" and "null" are words.
        with open(plain, encoding="utf-8", newline="") as file:
            text = Features({name: Value("string") for name in next(csv.reader(file), [])})
        options = {"features": text, "keep_default_na": False, "na_values": [""]}
    set_verbosity(CRITICAL)  # of the library: the error that is raised says it in one line
    files = glob.escape(str(plain))
    return load_dataset(
        READERS[suffix], data_files=files, split="train", cache_dir=str(plain.parent), **options
    )


def load_from_hub(hub: str, hub_config: str | None, split: str) -> Dataset:
    """A split of a hub dataset; the copy of an earlier start where the hub cannot be reached now."""
    if not sys.stderr.isatty():  # a bar would be redrawn thousands of times in a log
        disable_hub_bars()
    unreachable: Exception | None = None
    try:
        HfApi().dataset_info(hub, timeout=10)
    except HfHubHTTPError:
        pass  # the hub is there: loading says what is wrong
    except Exception as error:
        unreachable = error
        datasets.config.HF_HUB_OFFLINE = True  # else it would be tried six times over half a minute
    try:
        return load_dataset(hub, hub_config, split=split)
    except Exception as error:  # the hub's client raises from half a dozen libraries
        cause = unreachable or error
        first_line = (str(cause).strip() or type(cause).__name__).splitlines()[0]
        raise UserError(
            f"{hub}: cannot be loaded from the hub ({first_line}); check the network, or train without it on "
            f"data=starter or on your own text with data=files."
        ) from None


def load_split(config: DataConfig, key: str, scratch: Path) -> Dataset:
    """One split as it was written, columns `first`, `second` and, where there are any, `links`; unread rows are null.

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
    paths = source_paths(key, value)
    where = str(paths[0])
    suffixes = [suffix for suffix in paths[0].suffixes if suffix != ".gz"]
    try:
        if len(paths) == 2 or suffixes[-1:] == [".tsv"]:

            def rows() -> Iterable[dict[str, Any]]:
                if len(paths) == 2:
                    source = read_aligned(paths, config.on_bad_row)
                else:
                    source = read_tsv(paths[0], config)
                return progress(source, total=None, unit="rows", desc=f"read {key}")

            text = Features({name: Value("string") for name in ("first", "second", "links")})
            return Dataset.from_generator(
                rows, features=text, cache_dir=str(scratch), fingerprint=key
            )
        loaded = load_table(
            paths[0], suffixes[-1], config.on_bad_row, scratch / f"{key}{suffixes[-1]}"
        )
    except Exception as error:  # the readers raise from half a dozen libraries
        cause = (isinstance(error, DatasetGenerationError) and error.__cause__) or error
        if isinstance(cause, UserError) or getattr(cause, "errno", None) == errno.ENOSPC:
            raise cause from None
        first_line = (str(cause).strip() or type(cause).__name__).splitlines()[0]
        if (
            "corresponds to no data" in first_line or "BatchSize" in first_line
        ):  # what the library says of no rows
            raise UserError(f"data.{key}={where}: it has no rows.") from None
        raise UserError(f"{where}: cannot be read: {first_line.rstrip('.!')}.") from None
    return named_columns(loaded, config, where)


# --------------------------------------------------------------------------------------------------- cleaning


def leak_key(text: str) -> str:
    """What makes two sentences the same for the splits: letters and digits, compatibility forms and case folded."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in folded if unicodedata.category(c)[0] in "LMN") or folded


def hash64(text: str) -> int:
    digest_8 = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest_8, "little", signed=True)


def clean_batch(batch: dict[str, list[Any]], config: DataConfig) -> dict[str, list[Any]]:
    """Text made ready, and for each row the first cleaning rule that it breaks (an index of REASONS, or -1)."""
    convert = to_simplified() if config.chinese_script is ChineseScript.simplified else None
    chinese = [is_chinese(language) for language in config.languages]
    out: dict[str, list[Any]] = {
        name: [] for name in ("first", "second", "reason", "pair", "first_key", "second_key")
    }
    for first, second in zip(batch["first"], batch["second"], strict=True):
        sides = [one_line(side or "") for side in (first, second)]
        if convert is not None:
            sides = [
                convert(side) if is_zh else side for side, is_zh in zip(sides, chinese, strict=True)
            ]
        shorter, longer = sorted(len(side.encode("utf-8", "replace")) for side in sides)
        broken = [first is None and second is None, shorter == 0, longer > config.max_bytes]
        broken.append(longer + 20 > config.max_ratio * (shorter + 20))
        reason = broken.index(True) if any(broken) else -1
        row = (
            *sides,
            reason,
            hash64("\t".join(sides)),
            *(hash64(leak_key(side)) for side in sides),
        )
        for values, value in zip(out.values(), row, strict=True):
            values.append(value)
    return out


def map_in_parts(
    dataset: Dataset, function: Callable[..., Any], prefix: str, desc: str, **options: Any
) -> Dataset:
    """`dataset.map`, batched, into files whose names begin with `prefix`; in parallel where it is large.

    A file that is there already was written by a start that was interrupted, and is used as it is.
    """
    starts = range(0, max(1, len(dataset)), PART_ROWS)
    parts = [dataset.select(range(start, min(start + PART_ROWS, len(dataset)))) for start in starts]
    paths = [Path(f"{prefix}-{start}.arrow") for start in starts]
    write_part = partial(map_part, function=function, options=options)
    if len(dataset) >= PARALLEL_ROWS:
        talk(f"{desc}: {len(dataset):,} pairs …")
    with ExitStack() as stack:
        run: Callable[..., Iterable[object]] = map
        if len(dataset) >= PARALLEL_ROWS:
            n_processes = min(os.cpu_count() or 1, 16, len(parts))
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


def clean(config: DataConfig, parts: Path) -> tuple[dict[str, Dataset], dict[str, int]]:
    """The three splits, and how many training pairs each rule removed.

    Validation and test keep every row that has text on both sides, so that scores stay comparable. The rules for
    training pairs are those of REASONS, in this order. A split that the corpus lacks is cut off the training pairs by
    the order of their hashes: it depends on nothing but the text.
    """
    splits: dict[str, Dataset] = {}
    for key in ("train", "valid", "test"):
        if getattr(config, key) is not None:
            raw = load_split(config, key, parts)
            splits[key] = map_in_parts(
                raw,
                clean_batch,
                f"{parts}/clean-{key}",
                f"clean {key}",
                fn_kwargs={"config": config},
            )
    reasons = {key: column(split, "reason").copy() for key, split in splits.items()}
    keep = {key: np.flatnonzero((reason != 0) & (reason != 1)) for key, reason in reasons.items()}
    train_reason = reasons["train"]

    pair = column(splits["train"], "pair")
    train = np.flatnonzero(train_reason == -1)
    train_reason[np.delete(train, np.unique(pair[train], return_index=True)[1])] = 4

    n_cut = max(1, min(config.held_out, int((train_reason == -1).sum()) // 20))
    for key in sorted(
        ("test", "valid"), key=lambda key: key not in splits
    ):  # the given first: a cut shares nothing
        if key not in splits:
            train = np.flatnonzero(train_reason == -1)
            splits[key], keep[key] = (
                splits["train"],
                np.sort(train[np.argsort(pair[train], kind="stable")][:n_cut]),
            )
            train_reason[keep[key]] = -2  # moved, not removed
        for name in ("first_key", "second_key"):
            leaks = np.isin(column(splits["train"], name), column(splits[key], name)[keep[key]])
            train_reason[(train_reason == -1) & leaks] = 5
    keep["train"] = np.flatnonzero(train_reason == -1)

    removed = {rule: int((train_reason == i).sum()) for i, rule in enumerate(REASONS)}
    if len(keep["train"]) == 0:
        counts = removed | {"cut off for validation and test": int((train_reason == -2).sum())}
        lost = ", ".join(f"{rule}: {n}" for rule, n in counts.items() if n) or "no rows"
        raise UserError(
            f"data.train={config.train}: no pair is left after cleaning ({lost}); see data.columns."
        )
    for key in ("valid", "test"):
        if len(keep[key]) == 0:
            raise UserError(
                f"data.{key}={getattr(config, key)}: no pair has text on both sides; see data.columns."
            )
    text = ["first", "second"]
    return {
        key: split.select(keep[key]).select_columns(
            text + ["links"] * (key != "train" and "links" in split.column_names)
        )
        for key, split in splits.items()
    }, removed


def column(dataset: Dataset, name: str) -> np.ndarray:
    """One column of numbers, without Python objects."""
    return np.asarray(dataset.select_columns(name).with_format("arrow")[:][name].to_numpy())


# ---------------------------------------------------------------------------------------------------- caching


@contextmanager
def parts_folder(path: Path) -> Iterator[Path]:
    """A folder for the parts of a preparation; it outlives an interruption, but not the end or a user's mistake."""
    path.mkdir(exist_ok=True)
    try:
        yield path
    except UserError:
        shutil.rmtree(path, ignore_errors=True)
        raise
    except (pa.ArrowInvalid, OSError) as error:
        if getattr(error, "errno", None) is not None:  # Arrow's own have none
            raise
        shutil.rmtree(path, ignore_errors=True)
        raise UserError(
            f"{path}: damaged ({error}), now removed; run the same command again."
        ) from None
    shutil.rmtree(path, ignore_errors=True)


def cached(root: Path, name: str, make: Callable[[Path], None]) -> Path:
    """The folder `root/name`, made by `make` beside it and renamed when it is complete."""
    path = root / name
    if not path.exists():
        root.mkdir(parents=True, exist_ok=True)
        with file_lock(root / f".{name}.lock", wait=True):
            if path.exists():  # another process made it meanwhile
                return path
            for left in root.glob(f"{name}.*"):  # by a process that was killed
                shutil.rmtree(left)
            work = root / f"{name}.{os.getpid()}"
            work.mkdir()
            try:
                make(work)
                for made in (*work.rglob("*"), work):
                    sync(made)
                work.rename(path)
                sync(root)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return path


def source_identity(config: DataConfig) -> list[str]:
    """What the corpus is made of: the content of its files, or the fingerprints of the hub's splits."""
    identity = []
    if config.train is None:
        raise UserError("data.train is not set: name a file, such as data.train=corpus.tsv.")
    for key in ("train", "valid", "test"):
        value = getattr(config, key)
        if value is None:
            identity.append("cut off")
        elif config.hub is not None:
            identity.append(load_from_hub(config.hub, config.hub_config, str(value))._fingerprint)
        else:
            identity += [file_digest(path) + path.suffix for path in source_paths(key, value)]
    return identity


def prepare(config: Config, run_dir: Path | None = None) -> Corpus:
    """Read, clean, split and tokenize the corpus of `config`, or find all that in the cache.

    Args:
        run_dir: vocabularies in it are used instead of training new ones (a run that resumes).
    Raises:
        UserError: anything wrong with the corpus, its options, or the vocabularies.
    """
    disable_progress_bars()  # of the library `datasets`; ours are quiet where stderr is a log
    data = config.data
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    root = Path(data.cache_dir or os.path.join(cache, "transformer_mt"))
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"data.cache_dir={root}: {error.strerror}; name a folder that can be written."
        ) from None
    # Enums are spelt as in the first version: a checkpoint holds this key, and its run must go on.
    options = {
        key: f"{type(value).__name__}.{value}" if isinstance(value, StrEnum) else value
        for key, value in asdict(data).items()
        if key not in ("name", "train", "valid", "test", "cache_dir")
    }
    text_key = digest(FORMAT, source_identity(data), options)

    def make_text(work: Path) -> None:
        with parts_folder(root / f"parts-{text_key}") as parts:
            splits, removed = clean(data, parts)
            for key, split in splits.items():
                split.save_to_disk(str(work / key))
        (work / "removed.json").write_text(json.dumps(removed), encoding="utf-8")

    text_dir = cached(root, f"text-{text_key}", make_text)
    text = {key: Dataset.load_from_disk(str(text_dir / key)) for key in ("train", "valid", "test")}
    removed = json.loads((text_dir / "removed.json").read_text(encoding="utf-8"))
    src_column, tgt_column = ("first", "second")[
        :: 1 if config.src_language == data.languages[0] else -1
    ]
    tokenizers = make_tokenizers(
        config, text["train"], text_key, root, run_dir, (src_column, tgt_column)
    )
    src_tokenizer, tgt_tokenizer = tokenizers
    sampling = config.tokenizer.sampling_alpha > 0
    ids_key = digest(
        FORMAT, text_key, src_tokenizer.fingerprint, tgt_tokenizer.fingerprint, config.direction,
        config.model.max_len, sampling,
    )  # fmt: skip

    def make_ids(work: Path) -> None:
        train = text["train"].rename_columns({src_column: "src", tgt_column: "tgt"})
        with parts_folder(root / f"parts-{ids_key}") as parts:
            ids = map_in_parts(
                train,
                encode_batch,
                f"{parts}/ids",
                "tokenize",
                fn_kwargs={"src_model": src_tokenizer.model, "tgt_model": tgt_tokenizer.model},
                remove_columns=[] if sampling else ["src", "tgt"],
            )
            longest = np.maximum(lengths(ids, "src_ids"), lengths(ids, "tgt_ids"))
            fits = np.flatnonzero(longest <= config.model.max_len)
            if len(fits) == 0:
                raise UserError(
                    f"model.max_len={config.model.max_len}: every training pair is longer; raise it."
                )
            ids.select(fits).save_to_disk(str(work))

    train = Dataset.load_from_disk(str(cached(root, f"ids-{ids_key}", make_ids)))
    n_long = len(text["train"]) - len(train)
    removed[f"over model.max_len={config.model.max_len} tokens"] = n_long
    return Corpus(
        train,
        held_out(text["valid"], (src_column, tgt_column)),
        held_out(text["test"], (src_column, tgt_column)),
        src_tokenizer,
        tgt_tokenizer,
        digest(ids_key),
        removed,
    )


def encode_batch(
    batch: dict[str, list[Any]], src_model: bytes, tgt_model: bytes
) -> dict[str, list[Any]]:
    return {
        "src_ids": Tokenizer(src_model, "source").encode(batch["src"]),
        "tgt_ids": Tokenizer(tgt_model, "target").encode(batch["tgt"]),
    }


def held_out(split: Dataset, columns: tuple[str, str]) -> list[Pair]:
    """A held-out split in the run's direction; links index the corpus's first language first and are turned with it."""
    links = (
        [line or "" for line in split["links"]]
        if "links" in split.column_names
        else [""] * len(split)
    )
    if columns[0] == "second":
        links = [turn_links(line, f"data.links_column: {line!r:.60}") for line in links]
    return [Pair(*row) for row in zip(split[columns[0]], split[columns[1]], links, strict=True)]


def make_tokenizers(
    config: Config,
    train: Dataset,
    text_key: str,
    root: Path,
    run_dir: Path | None,
    columns: tuple[str, str],
) -> tuple[Tokenizer, Tokenizer]:
    """The run's vocabularies: those in `run_dir`, the user's own, the cached ones, or new ones."""
    options: TokenizerConfig = config.tokenizer
    if run_dir is not None:
        kept = load_tokenizers(run_dir)
        for key, tokenizer in zip(("src_model", "tgt_model"), kept, strict=True):
            path = getattr(options, key)
            if path and os.path.isfile(path) and Path(path).read_bytes() != tokenizer.model:
                raise UserError(
                    f"tokenizer.{key}={path}: {run_dir} was trained with another vocabulary. Choose another run_dir, "
                    f"or start over with resume=false."
                )
        return kept
    if options.src_model:
        src = Tokenizer.load(Path(options.src_model))
        tgt = Tokenizer.load(Path(options.tgt_model)) if options.tgt_model else src
        for path, tokenizer in (
            (options.src_model, src),
            (options.tgt_model or options.src_model, tgt),
        ):
            if not tokenizer.lossless:
                talk(
                    f"warning: {path} changes text (full-width marks, spaces): scores are capped by what it loses."
                )
        return src, tgt
    sample = train
    if len(train) > TOKENIZER_SAMPLE:
        rng = np.random.default_rng(1)  # runs that differ in train.seed share their vocabulary
        sample = train.select(np.sort(rng.choice(len(train), TOKENIZER_SAMPLE, replace=False)))
    languages = (config.src_language, config.tgt_language)
    sides = (
        [((0, 1), languages)] if options.joint else [((0,), languages[:1]), ((1,), languages[1:])]
    )
    tokenizers = []
    for which, spoken in sides:
        used = [columns[i] for i in which]
        spaced = not any(is_unspaced(language) for language in spoken)
        key = digest(
            FORMAT, text_key, sorted(used), spaced, options.type, options.vocab_size, options.max_piece_length
        )  # fmt: skip

        def make(work: Path, used: list[str] = used, spaced: bool = spaced) -> None:
            talk(
                f"vocabulary: {options.type}, {options.vocab_size} pieces, from {len(sample):,} lines …"
            )
            lines = (line for name in sorted(used) for line in sample[name])
            tokenizer, warning = train_tokenizer(lines, options, dummy_prefix=spaced)
            if warning:
                talk(f"warning: {warning}")
            (work / "spm.model").write_bytes(tokenizer.model)

        tokenizers.append(Tokenizer.load(cached(root, f"spm-{key}", make) / "spm.model"))
    return tokenizers[0], tokenizers[-1]


def lengths(dataset: Dataset, name: str) -> np.ndarray:
    """Length of every list in a column, without reading the lists."""
    values = dataset.select_columns(name).with_format("arrow")[:][name]
    return np.asarray(pc.list_value_length(values).to_numpy()).astype(np.int32)
