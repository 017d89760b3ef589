"""Score a run on a test set: `python -m transformer_mt.evaluate RUN` prints BLEU and chrF.

With several runs, or several files of translations, it compares them with the first.
"""

import argparse
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from transformer_mt import cli
from transformer_mt.config import ChineseScript, Config, UserError
from transformer_mt.files import STANDARD, read_text, talk, typed_path
from transformer_mt.text import language_of, one_line, same_languages

if TYPE_CHECKING:
    from transformer_mt.translator import Translator

EXAMPLE = """\
  python -m transformer_mt.evaluate runs/starter-en-zh-tiny
  python -m transformer_mt.evaluate runs/starter-en-zh-tiny --src news.en --ref news.zh
  python -m transformer_mt.evaluate runs/baseline runs/mine --ter"""

METRICS = {"bleu": "BLEU", "chrf": "chrF", "ter": "TER"}
"""What people call the metrics of a report."""


# ----------------------------------------------------------------------------------------- options


def parse_args(argv: list[str]) -> argparse.Namespace:
    parser = cli.parser(
        "evaluate",
        "Translate a test set and score the translations with sacreBLEU. Several runs, or several "
        "--hyp,\nare compared with the first.",
        EXAMPLE,
    )
    parser.add_argument(
        "others", metavar="RUN2", type=typed_path, nargs="*", help="runs to compare with RUN"
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
        action="append",
        help="score these translations instead of the model's own; several are compared",
    )
    parser.add_argument(
        "--ter", action="store_true", help="the translation edit rate, too; it takes its time"
    )
    parser.add_argument(
        "--output",
        type=typed_path,
        metavar="FILE",
        help="write the translations to FILE; with - the scores go to standard error",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    cli.add_decoding_options(parser)
    cli.add_moved(parser, ["--aer"], "python -m transformer_mt.align RUN --gold measures links")
    args = parser.parse_intermixed_args(argv)  # runs may stand between options
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
    inputs = [args.src, *(args.ref or []), *(args.hyp or [])]
    cli.check_one_standard_input(inputs)
    if args.others and args.hyp:
        parser.error("--hyp goes with one RUN; give several RUNs, or several --hyp")
    if args.output and (args.others or len(args.hyp or []) > 1):
        parser.error("--output is for one RUN, not for a comparison")
    cli.check_output("--output", args.output, inputs)


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
        split = args.split or "test"
        test_set = read_split(args.run, split)
        if args.others:  # one of them may know simplified characters only
            lines = [line or "" for line in test_set.references[0]]
            test_set.references = [[*converted(lines, config, args.run / f"{split}.tsv")]]
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
    texts = cli.read_aligned(*([src_file] if src_file else []), *ref_files)
    sources = [one_line(line) for line in texts.pop(0)] if src_file else [""] * len(texts[0])
    texts = [converted(lines, config, path) for lines, path in zip(texts, ref_files, strict=True)]
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
    if not path.is_file():
        raise UserError(f"{path}: no such file; give --src and --ref, or --test-set.")
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
    from transformer_mt.scoring import score, ter_metric

    runs = [args.run, *args.others]
    config = common_config(runs)
    for run in [] if args.hyp else runs:
        cli.check_run(run, args)
    if args.ter:
        ter_metric(config.tgt_language)  # that it cannot count is told before the work
    test_set = read_test_set(args, config)
    cli.warn_of_other_language(
        test_set.sources, config.src_language, f"{test_set.name}: the source"
    )
    for references in test_set.references:
        where = f"{test_set.name}: the reference"
        lines = [line for line in references if line is not None]
        cli.warn_of_other_language(lines, config.tgt_language, where)
    report: dict[str, Any] = {
        "direction": config.direction,
        "test_set": test_set.name,
        "n": len(test_set.sources),
    }
    if args.others or len(args.hyp or []) > 1:
        report["systems"] = compare(args, config, test_set)
        report["tests"] = signature_of_tests()
        print_report(args, report, comparison_text(report, len(test_set.references)), sys.stdout)
        return
    report = {"run": str(args.run)} | report
    if args.hyp:
        hypotheses = read_hypotheses(args.hyp[0], config, len(test_set.sources))
    else:
        hypotheses, speed = translate(load(args.run, args), test_set.sources)
        report |= speed
    # Translating took the time: whatever happens to the file, the scores are shown.
    problem = None
    if args.output:
        try:
            write_text(args.output, "".join(line + "\n" for line in hypotheses))
        except OSError as error:
            problem = error
    report |= score(hypotheses, test_set.references, config.tgt_language, args.ter)
    out = sys.stderr if args.output == STANDARD else sys.stdout
    print_report(args, report, report_text(report, len(test_set.references)), out)
    if problem:
        sys.stdout.flush()
        raise problem


def print_report(args: argparse.Namespace, report: dict[str, Any], text: str, out: IO[str]) -> None:
    print(json.dumps(report, ensure_ascii=False) if args.json else text, file=out)


def common_config(runs: list[Path]) -> Config:
    """The first run's configuration, for all of them.

    Where one of them knows simplified characters only, all translations are compared in those.

    Raises:
        UserError: they translate in different directions.
    """
    from transformer_mt.config_file import load_config

    first, *others = (load_config(run) for run in runs)
    for run, other in zip(runs[1:], others, strict=True):
        languages = [(c.src_language, c.tgt_language) for c in (first, other)]
        if not same_languages(*languages):
            raise UserError(
                f"{run}: translates {other.direction}, but {runs[0]} {first.direction}; only runs "
                "of one direction can be compared."
            )
        if other.data.chinese_script is ChineseScript.simplified:
            first.data.chinese_script = ChineseScript.simplified
    return first


def read_hypotheses(path: Path, config: Config, n: int) -> list[str]:
    """Translations from a file, n of them; raises UserError where there are more or fewer."""
    hypotheses = read_text(path)
    if len(hypotheses) != n:
        raise UserError(f"--hyp {path}: {len(hypotheses)} lines, but the test set has {n}.")
    hypotheses = converted(hypotheses, config, path)
    cli.warn_of_other_language(hypotheses, config.tgt_language, str(path))
    return hypotheses


def load(run: Path, args: argparse.Namespace) -> "Translator":
    """The run's model, which translates as the options say."""
    from transformer_mt.fast import keep_freed_memory
    from transformer_mt.translator import Translator

    keep_freed_memory()
    translator = Translator.from_pretrained(run, args.device, args.precision, args.workers)
    translator.decode = cli.decode_config(args, translator.decode)
    return translator


def translate(translator: "Translator", sources: list[str]) -> tuple[list[str], dict[str, Any]]:
    """The model's translations, and for the report how fast and with which options it made them."""
    cli.warn_of_unknown(translator.unknown_share(sources), "the source")
    # Loading the model is no part of the speed.
    start = time.perf_counter()
    translations = translator.translate(sources)
    seconds = time.perf_counter() - start
    n_tokens = sum(translation.n_tokens for translation in translations)
    return [translation.text for translation in translations], {
        "sentences_per_second": len(sources) / seconds,
        "tokens_per_second": n_tokens / seconds,
        "beam_size": translator.decode.beam_size,
        "length_penalty": translator.decode.length_penalty,
    }


def report_text(report: dict[str, Any], n_references: int) -> str:
    """Scores with their signatures, and the speed where something was translated."""
    lines = [
        f"{report['test_set']}: {report['n']} sentences, {report['direction']}, "
        f"{n_references} reference(s)"
    ]
    for key in filter(report.__contains__, METRICS):
        part = report[key]
        lines.append(
            f"{METRICS[key]:<14} {part['score']:.2f} ± {part['interval']:.2f}   {part['signature']}"
        )
    lines.append(f"{'length ratio':<14} {report['length_ratio']:.3f}")
    if "sentences_per_second" in report:
        lines.append(
            f"{'speed':<14} {report['sentences_per_second']:.1f} sentences/s, "
            f"{report['tokens_per_second']:.0f} tokens/s "
            f"(beam size {report['beam_size']}, length penalty {report['length_penalty']:g})"
        )
    return "\n".join(lines)


# ---- Several systems ----


def compare(args: argparse.Namespace, config: Config, test_set: TestSet) -> list[dict[str, Any]]:
    """The part of each run, or of each file of translations, in the report.

    All but the first have, in each metric, the difference to it and how likely it is by chance.
    """
    from transformer_mt.scoring import p_values, score

    n, references, language = len(test_set.sources), test_set.references, config.tgt_language
    systems: list[dict[str, Any]] = []
    outputs: list[list[str]] = []
    if args.hyp:
        outputs = [read_hypotheses(path, config, n) for path in args.hyp]
        systems = [{"hyp": str(path)} for path in args.hyp]
    else:
        warn_of_other_splits(args)
        runs = [args.run, *args.others]
        # All are loaded first, so that a damaged one is told before the others translate.
        for run, translator in zip(runs, [load(run, args) for run in runs], strict=True):
            hypotheses, speed = translate(translator, test_set.sources)
            outputs.append(converted(hypotheses, config, run))
            systems.append({"run": str(run)} | speed)
    for system, hypotheses in zip(systems, outputs, strict=True):
        system |= score(hypotheses, references, language, args.ter)
    for system, hypotheses in zip(systems[1:], outputs[1:], strict=True):
        values = p_values(outputs[0], hypotheses, references, language, args.ter)
        for name, tests in values.items():
            difference = system[name]["score"] - systems[0][name]["score"]
            system[name] |= {"difference": difference} | tests
    return systems


def warn_of_other_splits(args: argparse.Namespace) -> None:
    """Say where a run may have been trained on the text that the first run held out."""
    if args.ref or args.test_set:
        return
    name = f"{args.split or 'test'}.tsv"
    for run in args.others:
        if (
            not (run / name).is_file()
            or (run / name).read_bytes() != (args.run / name).read_bytes()
        ):
            talk(
                f"warning: {run} has not held out what {args.run} has: it may have been trained on "
                f"{args.run / name}."
            )


def signature_of_tests() -> str:
    """The tests of significance, in the manner of sacreBLEU's signatures."""
    from transformer_mt.scoring import TESTS

    # sacreBLEU's own way to choose the seed, which its other signatures name.
    seed = os.environ.get("SACREBLEU_SEED", "12345").lower()
    return "|".join([*(f"{kind}:{n}" for kind, n in TESTS.values()), f"seed:{seed}"])


def comparison_text(report: dict[str, Any], n_references: int) -> str:
    """A table for each metric, with a row for each system."""
    from transformer_mt.scoring import FEWEST

    systems = report["systems"]
    names = [system.get("run") or system["hyp"] for system in systems]
    width = max(24, *map(len, names))
    lines = [
        f"{report['test_set']}: {report['n']} sentences, {report['direction']}, "
        f"{n_references} reference(s)"
    ]
    is_untested = False
    for key in filter(systems[0].__contains__, METRICS):
        title = f"{METRICS[key]}{', lower is better' if key == 'ter' else ''}"
        lines.append(f"{title:<{width}}  {'':14} difference  p (bootstrap)  p (randomisation)")
        for name, part in zip(names, (system[key] for system in systems), strict=True):
            row = f"{name:<{width}}  {part['score']:6.2f} ± {part['interval']:<5.2f}"
            if "difference" in part:
                row += f" {part['difference']:+11.2f}"
                values = part["p_bootstrap"], part["p_randomisation"]
                is_tested = None not in values
                is_untested |= not is_tested
                row += "".join(f"{v:15.4f}" if is_tested else f"{'-':>15}" for v in values)
                row += " *" if is_tested and max(values) < 0.05 else ""
            lines.append(row.rstrip())
    lines.append(f"* both tests ({report['tests']}) find p < 0.05")
    if is_untested:
        lines.append(f"- not tested: fewer than {FEWEST} translations differ from the first")
    lines += [
        f"{METRICS[key]}: {systems[0][key]['signature']}"
        for key in filter(systems[0].__contains__, METRICS)
    ]
    return "\n".join(lines)


def main(argv: list[str]) -> None:
    evaluate_translations(parse_args(argv))


if __name__ == "__main__":
    cli.run(main)
