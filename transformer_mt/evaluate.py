"""Score a run on a test set: `python -m transformer_mt.evaluate RUN` prints BLEU and chrF with their signatures."""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from transformer_mt import command
from transformer_mt.config import UserError

EXAMPLE = """  python -m transformer_mt.evaluate runs/starter-en-zh-tiny
  python -m transformer_mt.evaluate runs/starter-en-zh-tiny --src news.en --ref news.zh --beam-size 1"""

RESAMPLES = 1000  # of the bootstrap (Koehn 2004)


def options(arguments: list[str]) -> argparse.Namespace:
    parser = command.parser("evaluate", "Translate a test set and score the translations with sacreBLEU.", EXAMPLE)
    parser.add_argument("--split", choices=["valid", "test"], help="kept in the run (default: test)")
    parser.add_argument("--src", type=Path, metavar="FILE", help="source sentences, one per line")
    parser.add_argument("--ref", type=Path, metavar="FILE", action="append", help="references; several are accepted")
    parser.add_argument("--test-set", metavar="NAME", help="a test set that sacreBLEU knows, such as wmt19")
    parser.add_argument("--hyp", type=Path, metavar="FILE", help="score these translations instead of the model's own")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the translations to FILE")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    command.add_decoding_options(parser)
    chosen = parser.parse_args(arguments)
    if chosen.src and not chosen.ref:
        parser.error("--src needs --ref")
    if chosen.ref and not (chosen.src or chosen.hyp):
        parser.error("--ref needs --src, or --hyp")
    if chosen.test_set and (chosen.src or chosen.ref):
        parser.error("give --test-set or --src and --ref, not both")
    if chosen.split and (chosen.test_set or chosen.ref):
        parser.error("give --split, --test-set or --src and --ref, not several of them")
    if chosen.output and chosen.output.is_dir():
        parser.error(f"--output {chosen.output} is a folder: name a file")
    return chosen


def sacrebleu_files(name: str, direction: str) -> tuple[Path, list[Path]]:
    """Source and references of a test set that sacreBLEU knows; raises UserError for an unknown or unreachable one."""
    from sacrebleu import get_reference_files, get_source_file
    from sacrebleu.dataset import DATASETS

    if name not in DATASETS:
        raise UserError(f"--test-set {name}: unknown to sacreBLEU; `sacrebleu --list` names those it has.")
    if direction not in DATASETS[name].langpairs:
        raise UserError(f"--test-set {name}: has no {direction}, but {', '.join(sorted(DATASETS[name].langpairs))}.")
    try:
        return Path(get_source_file(name, direction)), [Path(f) for f in get_reference_files(name, direction)]
    except (Exception, SystemExit) as error:  # sacreBLEU's downloader raises whatever its transport does, or exits
        raise UserError(f"--test-set {name}: cannot be fetched ({error}); or give --src and --ref.") from None


def read_test(chosen: argparse.Namespace, direction: str) -> tuple[str, list[str], list[list[str]]]:
    """Name, sources and references (one list per reference) of the chosen test set."""
    if chosen.test_set:
        src_file, ref_files = sacrebleu_files(chosen.test_set, direction)
        name = chosen.test_set
    elif chosen.ref:
        src_file, ref_files, name = chosen.src, chosen.ref, str(chosen.src or chosen.ref[0])
    else:
        split = chosen.split or "test"
        path = chosen.run / f"{split}.tsv"
        rows = [line.split("\t") for line in command.read_text(path)]
        if not all(len(row) >= 2 for row in rows):
            raise UserError(f"{path}: line {[len(row) >= 2 for row in rows].index(False) + 1} has no second column.")
        return split, [row[0] for row in rows], [[row[1] for row in rows]]
    references = [command.read_text(path) for path in ref_files]
    sources = command.read_text(src_file) if src_file else [""] * len(references[0])
    for path, lines in zip(ref_files, references, strict=True):
        if len(lines) != len(sources):
            raise UserError(f"{path}: {len(lines)} lines, but {src_file or ref_files[0]} has {len(sources)}.")
    return name, sources, references


def in_floats(metric: Any) -> None:
    """Let the metric compute in Python's floats: sacreBLEU resamples in float32, and fails when a sample scores 0."""
    compute = metric._compute_score_from_stats
    metric._compute_score_from_stats = lambda counts: compute([float(count) for count in counts])


def score(hypotheses: list[str], references: list[list[str]], language: str) -> dict[str, Any]:
    """BLEU and chrF, each with signature and the half width of the 95 % bootstrap interval, and the length ratio."""
    from transformer_mt.scoring import bleu_metric, chrf_metric

    results: dict[str, Any] = {}
    for name, metric in (("bleu", bleu_metric(language)), ("chrf", chrf_metric())):
        in_floats(metric)
        result: Any = metric.corpus_score(hypotheses, references, n_bootstrap=RESAMPLES if len(hypotheses) > 1 else 1)
        interval = getattr(result, "_ci", 0.0)
        results[name] = {"score": result.score, "interval": interval, "signature": str(metric.get_signature())}
        if name == "bleu":
            results["length_ratio"] = result.sys_len / max(1, result.ref_len)
    return results


def main(arguments: list[str]) -> None:
    chosen = options(arguments)
    from transformer_mt.checkpoint import load_config, write_text

    config = load_config(chosen.run)
    name, sources, references = read_test(chosen, config.direction)
    if not sources:
        raise UserError(f"{name}: the test set is empty.")
    report: dict[str, Any] = {"run": str(chosen.run), "direction": config.direction}
    report |= {"test_set": name, "n": len(sources)}
    if chosen.hyp:
        hypotheses = command.read_text(chosen.hyp)
        if len(hypotheses) != len(sources):
            raise UserError(f"--hyp {chosen.hyp}: {len(hypotheses)} lines, but the test set has {len(sources)}.")
    else:
        from tqdm import tqdm

        from transformer_mt.translator import Translator

        translator = Translator.from_pretrained(chosen.run, chosen.device, chosen.precision)
        start = time.perf_counter()
        with tqdm(total=len(sources), unit=" sentences", leave=False) as bar:
            found = translator.translate(
                sources, chosen.beam_size, chosen.length_penalty, batch_tokens=chosen.batch_tokens, on_batch=bar.update
            )
        seconds = time.perf_counter() - start
        hypotheses = [translation.text for translation in found]
        report["sentences_per_second"] = len(sources) / seconds
        report["tokens_per_second"] = sum(translation.n_tokens for translation in found) / seconds
        for key in ("beam_size", "length_penalty"):
            given = getattr(chosen, key)
            report[key] = getattr(config.decode, key) if given is None else given
    if chosen.output:
        write_text(chosen.output, "".join(line + "\n" for line in hypotheses))
    report |= score(hypotheses, references, config.tgt_language)
    if chosen.json:
        print(json.dumps(report, ensure_ascii=False))
        return
    print(f"{name}: {len(sources)} sentences, {config.direction}, {len(references)} reference(s)")
    for key, title in (("bleu", "BLEU"), ("chrf", "chrF")):
        part = report[key]
        print(f"{title:<14} {part['score']:.2f} ± {part['interval']:.2f}   {part['signature']}")
    print(f"{'length ratio':<14} {report['length_ratio']:.3f}")
    if "sentences_per_second" in report:
        print(
            f"{'speed':<14} {report['sentences_per_second']:.1f} sentences/s, "
            f"{report['tokens_per_second']:.0f} tokens/s "
            f"(beam size {report['beam_size']}, length penalty {report['length_penalty']:g})"
        )


if __name__ == "__main__":
    command.run(main)
