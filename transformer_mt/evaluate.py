"""Score a run on a test set: `python -m transformer_mt.evaluate RUN` prints BLEU and chrF with their signatures."""

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformer_mt import cli
from transformer_mt.config import UserError
from transformer_mt.files import read_text, talk

if TYPE_CHECKING:
    from transformer_mt.alignment import Gold, Quality, Rule
    from transformer_mt.translator import Translator

EXAMPLE = """  python -m transformer_mt.evaluate runs/starter-en-zh-tiny
  python -m transformer_mt.evaluate runs/starter-en-zh-tiny --src news.en --ref news.zh --beam-size 1
  python -m transformer_mt.evaluate runs/starter-en-zh-tiny --aer --split valid"""

RESAMPLES = 1000  # of the bootstrap (Koehn 2004)


def options(arguments: list[str]) -> argparse.Namespace:
    parser = cli.parser(
        "evaluate", "Translate a test set and score the translations with sacreBLEU.", EXAMPLE
    )
    parser.add_argument(
        "--split", choices=["valid", "test"], help="kept in the run (default: test)"
    )
    parser.add_argument("--src", type=Path, metavar="FILE", help="source sentences, one per line")
    parser.add_argument(
        "--ref", type=Path, metavar="FILE", action="append", help="references; several are accepted"
    )
    parser.add_argument(
        "--test-set", metavar="NAME", help="a test set that sacreBLEU knows, such as wmt19"
    )
    parser.add_argument(
        "--hyp",
        type=Path,
        metavar="FILE",
        help="score these translations instead of the model's own",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write the translations to FILE"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--aer",
        action="store_true",
        help="alignment error rates instead, layer by head, on gold links",
    )
    parser.add_argument(
        "--gold-links", type=Path, metavar="FILE", help="Pharaoh links i-j, ipj of --src and --ref"
    )
    parser.add_argument(
        "--save", action="store_true", help="keep the best choice of layer and head in the run"
    )
    parser.add_argument(
        "--units",
        choices=["words", "given"],
        help="what links index: given with --gold-links, else words",
    )
    cli.add_link_options(parser)
    cli.add_decoding_options(parser)
    chosen = parser.parse_args(arguments)
    if chosen.src and not chosen.ref:
        parser.error("--src needs --ref")
    if chosen.ref and not (chosen.src or chosen.hyp):
        parser.error("--ref needs --src, or --hyp")
    if chosen.test_set and (chosen.src or chosen.ref):
        parser.error("give --test-set or --src and --ref, not both")
    given = (
        chosen.gold_links,
        chosen.save or None,
        chosen.agree,
        chosen.threshold,
        chosen.mask_punctuation,
    )
    if not chosen.aer and any(value is not None for value in given):
        parser.error(
            "--gold-links, --save, --agree, --threshold and --mask-punctuation belong to --aer"
        )
    if chosen.aer and (
        chosen.test_set
        or chosen.hyp
        or chosen.output
        or (bool(chosen.ref) != bool(chosen.gold_links))
    ):
        parser.error("--aer takes --split, or --src, --ref and --gold-links")
    if chosen.units and (not chosen.aer or (chosen.units == "given") != bool(chosen.gold_links)):
        parser.error("--units belongs to --aer: given with --gold-links, words without")
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
        raise UserError(
            f"--test-set {name}: unknown to sacreBLEU; `sacrebleu --list` names those it has."
        )
    if direction not in DATASETS[name].langpairs:
        raise UserError(
            f"--test-set {name}: has no {direction}, but {', '.join(sorted(DATASETS[name].langpairs))}."
        )
    try:
        return Path(get_source_file(name, direction)), [
            Path(f) for f in get_reference_files(name, direction)
        ]
    except (
        Exception,
        SystemExit,
    ) as error:  # sacreBLEU's downloader raises whatever its transport does, or exits
        raise UserError(
            f"--test-set {name}: cannot be fetched ({error}); or give --src and --ref."
        ) from None


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
        rows = [line.split("\t") for line in read_text(path)]
        if not all(len(row) >= 2 for row in rows):
            raise UserError(
                f"{path}: line {[len(row) >= 2 for row in rows].index(False) + 1} has no second column."
            )
        return split, [row[0] for row in rows], [[row[1] for row in rows]]
    references = [read_text(path) for path in ref_files]
    sources = read_text(src_file) if src_file else [""] * len(references[0])
    for path, lines in zip(ref_files, references, strict=True):
        if len(lines) != len(sources):
            raise UserError(
                f"{path}: {len(lines)} lines, but {src_file or ref_files[0]} has {len(sources)}."
            )
    return name, sources, references


def in_floats(metric: Any) -> None:
    """Let the metric compute in Python's floats: sacreBLEU resamples in float32, and fails when a sample scores 0."""
    compute = metric._compute_score_from_stats
    metric._compute_score_from_stats = lambda counts: compute([float(count) for count in counts])


def score(hypotheses: list[str], references: list[list[str]], language: str) -> dict[str, Any]:
    """BLEU and chrF, each with signature and the half width of the 95 % bootstrap interval, and the length ratio."""
    from sacrebleu.metrics.chrf import CHRF

    from transformer_mt.scoring import bleu_metric

    results: dict[str, Any] = {}
    for name, metric in (("bleu", bleu_metric(language)), ("chrf", CHRF())):
        in_floats(metric)
        result: Any = metric.corpus_score(
            hypotheses, references, n_bootstrap=RESAMPLES if len(hypotheses) > 1 else 1
        )
        interval = result._ci if len(hypotheses) > 1 else 0.0
        results[name] = {
            "score": result.score,
            "interval": interval,
            "signature": str(metric.get_signature()),
        }
        if name == "bleu":
            results["length_ratio"] = result.sys_len / max(1, result.ref_len)
    return results


def read_golds(translator: "Translator", chosen: argparse.Namespace) -> tuple[str, "list[Gold]"]:
    """Name and pairs of the chosen gold links."""
    from transformer_mt.alignment import make_gold, with_links
    from transformer_mt.translator import UnfitError

    if not chosen.gold_links:
        split = chosen.split or "test"
        return f"the run's {split} set", with_links(
            translator.read_golds(chosen.run / f"{split}.tsv"), split
        )
    files = (chosen.src, chosen.ref[0], chosen.gold_links)
    texts = [read_text(path) for path in files]
    for path, lines in zip(files, texts, strict=True):
        if len(lines) != len(texts[0]):
            raise UserError(f"{path}: {len(lines)} lines, but {chosen.src} has {len(texts[0])}.")
    cli.warn_of_other_language(texts[0], translator.config.src_language, str(files[0]))
    cli.warn_of_other_language(texts[1], translator.config.tgt_language, str(files[1]))
    golds = []
    for number, (src, ref, links) in enumerate(zip(*texts, strict=True), start=1):
        try:
            sides = [
                translator.side(text, is_src, "given", f"{path}: line {number}")
                for text, is_src, path in ((src, True, files[0]), (ref, False, files[1]))
            ]
        except UnfitError as error:
            talk(f"warning: {error} Left out.")
            continue
        golds.append(make_gold(sides[0], sides[1], links, f"{chosen.gold_links}: line {number}"))
    return str(chosen.gold_links), with_links(golds, str(chosen.gold_links))


def print_table(table: "dict[Rule, Quality]", n_layers: int, n_heads: int) -> None:
    """Alignment error rates, layer by head: at the step that emits a token, and shifted to the one that consumes it."""
    by_choice = {
        (rule.layer, rule.head, rule.shift): quality.aer for rule, quality in table.items()
    }
    names = [*(f"head {head}" for head in range(n_heads)), "mean"]
    heads: list[int | None] = [*range(n_heads), None]
    for shift, title in ((False, "emitting step"), (True, "consuming step (shifted)")):
        print(f"{title:<24}  " + " ".join(f"{name:>7}" for name in names))
        for layer in range(n_layers):
            row = " ".join(f"{by_choice[layer, head, shift]:7.3f}" for head in heads)
            print(f"{f'layer {layer}':<24}  {row}")
        print(f"{'all layers':<24}  {by_choice[None, None, shift]:{8 * n_heads + 7}.3f}")


def alignment_error(chosen: argparse.Namespace) -> None:
    """`--aer`: how well each choice of layer, head and shift agrees with gold links."""
    from dataclasses import replace

    import numpy as np
    from tqdm import tqdm

    from transformer_mt.alignment import Quality, Rule, best, rule_to_json
    from transformer_mt.files import write_text
    from transformer_mt.translator import Translator, reverse_of

    translator = Translator.from_pretrained(chosen.run, chosen.device, chosen.precision)
    name, golds = read_golds(translator, chosen)
    base = Rule(mask_punctuation=chosen.mask_punctuation is not False, threshold=chosen.threshold)
    with tqdm(total=len(golds), unit=" pairs", leave=False) as bar:
        table = translator.measure(golds, base, bar.update)
    rule, model = best(table), translator.config.model
    last = replace(base, layer=model.n_decoder_layers - 1)
    rows = {
        "best choice here": (str(rule), table[rule]),
        "what is often plotted": (str(last), table[last]),
        "the same, shifted": (str(replace(last, shift=True)), table[replace(last, shift=True)]),
    }
    saved = None
    try:
        saved = translator.saved_rule()
    except UserError:  # --save makes it anew
        if not chosen.save:
            raise
    if saved:
        kept, chosen_on = saved[0], saved[1].get("chosen_on")
        quality = table[kept] if kept in table else translator.measure(golds, kept)[kept]
        rows["the run's choice"] = (f"{kept}, chosen on {chosen_on}", quality)
    if chosen.agree:
        reverse, units = (
            reverse_of(translator, chosen.agree),
            "given" if chosen.gold_links else "words",
        )
        pairs = [
            [" ".join(s.unit_texts) if chosen.gold_links else s.text for s in (g.src, g.tgt)]
            for g in golds
        ]
        quality = Quality()
        links = translator.align([(s, t) for s, t in pairs], units, rule, "pair {}".format, reverse)
        for found, gold in zip(links, golds, strict=True):
            linked = np.zeros_like(gold.sure)
            for link in found:
                linked[link] = True
            quality.add(linked, gold)
        rows["both directions"] = (f"{rule}, and {chosen.agree}", quality)
    if chosen.save:
        text = rule_to_json(table, f"{name}, {len(golds)} pairs", translator.metadata["steps"])
        write_text(translator.run_dir / "alignment.json", text)
        talk(f"saved: {translator.run_dir / 'alignment.json'}")
    if chosen.json:
        report = {
            "run": str(chosen.run),
            "direction": translator.config.direction,
            "gold": name,
            "n": len(golds),
        }
        report["table"] = [
            {**asdict(other), **quality.report()} for other, quality in table.items()
        ]
        report["rows"] = {
            title: {"rule": text, **quality.report()} for title, (text, quality) in rows.items()
        }
        print(json.dumps(report, ensure_ascii=False))
        return
    print(
        f"{name}: {len(golds)} pairs with gold links, {translator.config.direction}, alignment error rate"
    )
    print_table(table, model.n_decoder_layers, model.n_heads)
    print(f"{'':<24} {'AER':>7} {'prec.':>7} {'recall':>7}")
    for title, (text, quality) in rows.items():
        print(
            f"{title:<24} {quality.aer:7.3f} {quality.precision:7.3f} {quality.recall:7.3f}   {text}"
        )


def print_report(report: dict[str, Any], n_references: int) -> None:
    """Scores with their signatures, and the speed where something was translated."""
    print(
        f"{report['test_set']}: {report['n']} sentences, {report['direction']}, {n_references} reference(s)"
    )
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


def main(arguments: list[str]) -> None:
    chosen = options(arguments)
    if chosen.aer:
        alignment_error(chosen)
        return
    from transformer_mt.files import write_text
    from transformer_mt.run_dir import load_config

    config = load_config(chosen.run)
    name, sources, references = read_test(chosen, config.direction)
    if not sources:
        raise UserError(f"{name}: the test set is empty.")
    report: dict[str, Any] = {"run": str(chosen.run), "direction": config.direction}
    report |= {"test_set": name, "n": len(sources)}
    if chosen.hyp:
        hypotheses = read_text(chosen.hyp)
        if len(hypotheses) != len(sources):
            raise UserError(
                f"--hyp {chosen.hyp}: {len(hypotheses)} lines, but the test set has {len(sources)}."
            )
    else:
        from tqdm import tqdm

        from transformer_mt.fast import keep_freed_memory
        from transformer_mt.translator import Translator

        keep_freed_memory()
        translator = Translator.from_pretrained(chosen.run, chosen.device, chosen.precision)
        start = time.perf_counter()
        with tqdm(total=len(sources), unit=" sentences", leave=False) as bar:
            found = translator.translate(
                sources,
                chosen.beam_size,
                chosen.length_penalty,
                batch_tokens=chosen.batch_tokens,
                on_batch=bar.update,
            )
        seconds = time.perf_counter() - start
        hypotheses = [translation.text for translation in found]
        report["sentences_per_second"] = len(sources) / seconds
        report["tokens_per_second"] = sum(translation.n_tokens for translation in found) / seconds
        report |= asdict(translator.decode_options(chosen.beam_size, chosen.length_penalty))
    problem = None
    if chosen.output:
        try:
            write_text(chosen.output, "".join(line + "\n" for line in hypotheses))
        except OSError as error:  # told last: the scores are not lost for it
            problem = error
    report |= score(hypotheses, references, config.tgt_language)
    if chosen.json:
        print(json.dumps(report, ensure_ascii=False))
    else:
        print_report(report, len(references))
    if problem:
        raise problem


if __name__ == "__main__":
    cli.run(main)
