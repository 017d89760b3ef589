"""Score a run on a test set: `python -m transformer_mt.evaluate RUN` prints BLEU and chrF."""

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformer_mt import cli
from transformer_mt.config import Config, UserError
from transformer_mt.files import STANDARD, read_text, talk, typed_path
from transformer_mt.text import language_of, one_line

EXAMPLE = """\
  python -m transformer_mt.evaluate runs/starter-en-zh-tiny
  python -m transformer_mt.evaluate runs/starter-en-zh-tiny --src news.en --ref news.zh"""

RESAMPLES = 1000
"""Samples of the test set that the bootstrap draws (Koehn 2004)."""


# ----------------------------------------------------------------------------------------- options


def parse_args(argv: list[str]) -> argparse.Namespace:
    parser = cli.parser(
        "evaluate", "Translate a test set and score the translations with sacreBLEU.", EXAMPLE
    )
    parser.add_argument(
        "--split", choices=["valid", "test"], help="kept in the run (default: test)"
    )
    parser.add_argument(
        "--src", type=typed_path, metavar="FILE", help="source sentences, one per line"
    )
    parser.add_argument(
        "--ref",
        type=typed_path,
        metavar="FILE",
        action="append",
        help="references; several are accepted, and one may lack lines that another has",
    )
    parser.add_argument(
        "--test-set", metavar="NAME", help="a test set that sacreBLEU knows, such as wmt19"
    )
    parser.add_argument(
        "--hyp",
        type=typed_path,
        metavar="FILE",
        help="score these translations instead of the model's own",
    )
    parser.add_argument(
        "--output",
        type=typed_path,
        metavar="FILE",
        help="write the translations to FILE; with - the scores go to standard error",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    cli.add_decoding_options(parser)
    args = parser.parse_args(argv)
    check_args(parser, args)
    return args


def check_args(parser: cli.Parser, args: argparse.Namespace) -> None:
    """Refuse options that do not go together; raises UserError."""
    if args.src and not args.ref:
        parser.error("--src needs --ref")
    if args.ref and not (args.src or args.hyp):
        parser.error("--ref needs --src, or --hyp")
    if args.test_set and (args.src or args.ref):
        parser.error("give --test-set or --src and --ref, not both")
    if args.split and (args.test_set or args.ref):
        parser.error("give --split, --test-set or --src and --ref, not several of them")
    cli.check_one_standard_input([args.src, *(args.ref or []), args.hyp])
    cli.check_output("--output", args.output)


# ---------------------------------------------------------------------------------------- test sets


@dataclass
class TestSet:
    """Sentences to translate, and how they should come out."""

    name: str
    sources: list[str]
    references: list[list[str | None]]
    """One list for each reference, in the order of `sources`; None where it has no such line."""


def read_test_set(args: argparse.Namespace, config: Config) -> TestSet:
    """The test set that the options name; raises UserError when it is empty or not aligned."""
    if args.test_set:
        # sacreBLEU has the shortest code of a language.
        direction = f"{language_of(config.src_language)}-{language_of(config.tgt_language)}"
        src_file, ref_files = sacrebleu_files(args.test_set, direction)
        test_set = read_aligned(args.test_set, src_file, ref_files, config)
    elif args.ref:
        test_set = read_aligned(str(args.src or args.ref[0]), args.src, args.ref, config)
    else:
        test_set = read_split(args.run, args.split or "test")
    if not test_set.sources:
        raise UserError(f"{test_set.name}: the test set is empty.")
    return test_set


def read_aligned(
    name: str, src_file: Path | None, ref_files: list[Path], config: Config
) -> TestSet:
    """Line-aligned files; without sources, which translations of `--hyp` do not need.

    Raises:
        UserError: they differ in their number of lines, or a sentence has no reference at all.
    """
    texts = [converted(read_text(path), config, path) for path in ref_files]
    sources = [one_line(line) for line in read_text(src_file)] if src_file else [""] * len(texts[0])
    for path, lines in zip(ref_files, texts, strict=True):
        if len(lines) != len(sources):
            raise UserError(
                f"{path}: {len(lines)} lines, but {src_file or ref_files[0]} has {len(sources)}."
            )
    references: list[list[str | None]] = [[] for _ in ref_files]
    for number, (source, *lines) in enumerate(zip(sources, *texts, strict=True), start=1):
        has_reference = any(lines)
        # An empty line is translated by an empty line.
        if not has_reference and (source or src_file is None):
            files = " and ".join(map(str, ref_files))
            raise UserError(f"{files}: line {number} is empty; each sentence needs a reference.")
        for column, line in zip(references, lines, strict=True):
            column.append(line if line or not has_reference else None)
    for path, column in zip(ref_files, references, strict=True):
        if n_empty := column.count(None):
            talk(f"{n_empty} of {len(sources)} lines of {path} are empty: not used as references.")
    return TestSet(name, sources, references)


def converted(lines: list[str], config: Config, path: Path) -> list[str]:
    """Target text of a file as training had it: nothing invisible around a line, and simplified
    where the run knows no other.
    """
    from transformer_mt.text import converter

    lines = [one_line(line) for line in lines]
    try:
        convert = converter(config.tgt_language, config.data.chinese_script)
    except UserError as error:
        talk(f"warning: the model knows simplified characters only, and {path} stays: {error}")
        return lines
    results = [convert(line) for line in lines]
    n_changed = sum(line != result for line, result in zip(lines, results, strict=True))
    if n_changed:
        talk(f"{n_changed} of {len(lines)} lines of {path} were made simplified, as in training.")
    return results


def read_split(run_dir: Path, split: str) -> TestSet:
    """Text that training held out and kept in the run."""
    path = run_dir / f"{split}.tsv"
    rows = [line.split("\t") for line in read_text(path)]
    for number, row in enumerate(rows, start=1):
        if len(row) < 2:
            raise UserError(f"{path}: line {number} has no second column.")
    # It is as training had it, and needs no conversion.
    return TestSet(split, [row[0] for row in rows], [[row[1] for row in rows]])


def sacrebleu_files(name: str, direction: str) -> tuple[Path, list[Path]]:
    """Source and references of a test set that sacreBLEU knows, fetched where they are not yet.

    Raises:
        UserError: the set is unknown, lacks the direction, or cannot be fetched.
    """
    from sacrebleu import get_reference_files, get_source_file
    from sacrebleu.dataset import DATASETS

    if name not in DATASETS:
        raise UserError(
            f"--test-set {name}: unknown to sacreBLEU; `sacrebleu --list` names those it has."
        )
    directions = DATASETS[name].langpairs
    if direction not in directions:
        raise UserError(
            f"--test-set {name}: has no {direction}, but {', '.join(sorted(directions))}."
        )
    try:
        src_file = Path(get_source_file(name, direction))
        return src_file, [Path(path) for path in get_reference_files(name, direction)]
    except (Exception, SystemExit) as error:  # the downloader raises all kinds of errors, or exits
        raise UserError(
            f"--test-set {name}: cannot be fetched ({error}); or give --src and --ref."
        ) from None


# ------------------------------------------------------------------------------ translation quality


def evaluate_translations(args: argparse.Namespace) -> None:
    """Translate a test set, or read its translations, and print their scores."""
    from transformer_mt.files import write_text
    from transformer_mt.run_dir import load_config

    config = load_config(args.run)
    test_set = read_test_set(args, config)
    cli.warn_of_other_language(
        test_set.sources, config.src_language, f"{test_set.name}: the source"
    )
    for references in test_set.references:
        where = f"{test_set.name}: the reference"
        lines = [line for line in references if line is not None]
        cli.warn_of_other_language(lines, config.tgt_language, where)
    report: dict[str, Any] = {
        "run": str(args.run),
        "direction": config.direction,
        "test_set": test_set.name,
        "n": len(test_set.sources),
    }
    if args.hyp:
        hypotheses = read_hypotheses(args.hyp, len(test_set.sources))
        hypotheses = converted(hypotheses, config, args.hyp)
        cli.warn_of_other_language(hypotheses, config.tgt_language, str(args.hyp))
    else:
        hypotheses, speed = translate(args, test_set.sources)
        report |= speed
    # Translating took the time: whatever happens to the file, the scores are shown.
    problem = None
    if args.output:
        try:
            write_text(args.output, "".join(line + "\n" for line in hypotheses))
        except OSError as error:
            problem = error
    report |= score(hypotheses, test_set.references, config.tgt_language)
    out = sys.stderr if args.output == STANDARD else sys.stdout
    if args.json:
        print(json.dumps(report, ensure_ascii=False), file=out)
    else:
        print(report_text(report, len(test_set.references)), file=out)
    if problem:
        sys.stdout.flush()
        raise problem


def read_hypotheses(path: Path, n: int) -> list[str]:
    hypotheses = read_text(path)
    if len(hypotheses) != n:
        raise UserError(f"--hyp {path}: {len(hypotheses)} lines, but the test set has {n}.")
    return hypotheses


def translate(args: argparse.Namespace, sources: list[str]) -> tuple[list[str], dict[str, Any]]:
    """The model's translations, and for the report how fast and with which options it made them."""
    from transformer_mt.fast import keep_freed_memory
    from transformer_mt.translator import Translator

    keep_freed_memory()
    translator = Translator.from_pretrained(args.run, args.device, args.precision, args.workers)
    options = translator.decode = cli.decode_config(args, translator.decode)
    cli.warn_of_unknown(translator.unknown_share(sources), "the source")
    # Loading the model is no part of the speed.
    start = time.perf_counter()
    translations = translator.translate(sources)
    seconds = time.perf_counter() - start
    n_tokens = sum(translation.n_tokens for translation in translations)
    return [translation.text for translation in translations], {
        "sentences_per_second": len(sources) / seconds,
        "tokens_per_second": n_tokens / seconds,
        "beam_size": options.beam_size,
        "length_penalty": options.length_penalty,
    }


def score(
    hypotheses: list[str], references: list[list[str | None]], language: str
) -> dict[str, Any]:
    """BLEU, chrF and the length ratio.

    A sentence is compared with the references that it has, those that are not None.

    Both scores come with sacreBLEU's signature and with half the width of the 95 % bootstrap
    interval, which is 0 for a single sentence.
    """
    from sacrebleu.metrics.chrf import CHRF

    from transformer_mt.scoring import bleu_metric

    results: dict[str, Any] = {}
    sets: Any = references  # its types have no None, which it takes all the same
    # A single sentence cannot be resampled; sacreBLEU then leaves the interval out.
    n_samples = RESAMPLES if len(hypotheses) > 1 else 1
    # Raw text goes in: each metric has its own way to find words, which its signature names.
    for name, metric in (("bleu", bleu_metric(language)), ("chrf", CHRF())):
        compute_in_floats(metric)
        result: Any = metric.corpus_score(hypotheses, sets, n_bootstrap=n_samples)
        results[name] = {
            "score": result.score,
            "interval": result._ci if len(hypotheses) > 1 else 0.0,
            "signature": str(metric.get_signature()),
        }
        if name == "bleu":
            results["length_ratio"] = result.sys_len / max(1, result.ref_len)
    return results


def compute_in_floats(metric: Any) -> None:
    """Let the metric compute in Python's floats.

    sacreBLEU resamples in numpy's float32, and fails when a sample scores 0.
    """
    compute = metric._compute_score_from_stats
    metric._compute_score_from_stats = lambda counts: compute([float(count) for count in counts])


def report_text(report: dict[str, Any], n_references: int) -> str:
    """Scores with their signatures, and the speed where something was translated."""
    lines = [
        f"{report['test_set']}: {report['n']} sentences, {report['direction']}, "
        f"{n_references} reference(s)"
    ]
    for key, title in (("bleu", "BLEU"), ("chrf", "chrF")):
        part = report[key]
        lines.append(
            f"{title:<14} {part['score']:.2f} ± {part['interval']:.2f}   {part['signature']}"
        )
    lines.append(f"{'length ratio':<14} {report['length_ratio']:.3f}")
    if "sentences_per_second" in report:
        lines.append(
            f"{'speed':<14} {report['sentences_per_second']:.1f} sentences/s, "
            f"{report['tokens_per_second']:.0f} tokens/s "
            f"(beam size {report['beam_size']}, length penalty {report['length_penalty']:g})"
        )
    return "\n".join(lines)


def main(argv: list[str]) -> None:
    evaluate_translations(parse_args(argv))


if __name__ == "__main__":
    cli.run(main)
