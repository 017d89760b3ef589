"""Word links of sentence pairs, read from a run's attention, and how right they are.

`python -m transformer_mt.align RUN --src FILE --tgt FILE` writes the links of each pair;
`python -m transformer_mt.align RUN --gold` measures every way to read them on gold links;
`python -m transformer_mt.align CORPUS --output FILE` adds links to a training corpus.
"""

import argparse
import json
import shlex
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformer_mt import cli
from transformer_mt.config import UserError
from transformer_mt.config_file import config_of_model
from transformer_mt.files import STANDARD, talk, typed_path
from transformer_mt.text import one_line

if TYPE_CHECKING:
    from transformer_mt.alignment import Gold, Quality, Rule
    from transformer_mt.inspector import Inspector
    from transformer_mt.translator import Translator

USAGE = """\
python -m transformer_mt.align RUN --src FILE --tgt FILE [--output FILE] [options]
       python -m transformer_mt.align RUN --gold [LINKS] [--save] [options]
       python -m transformer_mt.align CORPUS [CORPUS] --output FILE.tsv [--from RUN] [options]"""
DESCRIPTION = """\
The first writes the word links of sentence pairs that a run reads from its attention, one line
i-j ... for each pair, from 0, source first. The second prints the alignment error rate of every way
to read them. The third writes a corpus to train on with data.links_column=2: its two columns of
text, in their order, and word links, first column first; i-j is sure, ipj possible. The links are
those of the aligner eflomal (extra links), or with --from those of a run."""
EXAMPLE = """\
  python -m transformer_mt.align runs/starter-en-zh-tiny --src my.en --tgt my.zh --output my.links
  python -m transformer_mt.align runs/starter-en-zh-tiny --gold valid
  python -m transformer_mt.align runs/mine --src gold.en --tgt gold.zh --gold gold.links --save
  python -m transformer_mt.align my.tsv --output my.links.tsv
  python -m transformer_mt.align my.en my.zh --from runs/mine --output my.links.tsv"""


FEW_PAIRS = 20
"""With fewer gold pairs `--save` warns: others may choose another head."""


def parse_args(argv: list[str]) -> argparse.Namespace:
    parser = cli.parser("align", DESCRIPTION, EXAMPLE, takes_run=False)
    parser.usage = USAGE
    parser.add_argument(
        "subject",
        metavar="RUN or CORPUS",
        type=typed_path,
        nargs="+",
        help="run directory that training wrote; or a training corpus, as data.train takes it: a "
        ".tsv, .csv, .jsonl or .parquet file (.gz, too), or two line-aligned text files",
    )
    parser.add_argument(
        "--src", type=typed_path, metavar="FILE", help="source sentences, one per line"
    )
    parser.add_argument(
        "--tgt", type=typed_path, metavar="FILE", help="their translations, line by line"
    )
    parser.add_argument(
        "--units",
        choices=["words", "subwords", "given"],
        help="what links index: words and Chinese characters, subwords, or the tokens given "
        "(default: words; given with --gold FILE)",
    )
    parser.add_argument(
        "--agree",
        type=typed_path,
        metavar="RUN2",
        help="join with the links of a run in the other direction",
    )
    outcome = parser.add_mutually_exclusive_group()
    outcome.add_argument(
        "--output",
        type=typed_path,
        metavar="FILE",
        default=STANDARD,
        help="write to FILE instead of standard output, which is -",
    )
    outcome.add_argument(
        "--gold",
        nargs="?",
        const="",
        metavar="LINKS",
        help="measure on these gold links: valid or test (default), kept in the run, or a FILE of "
        "i-j, ipj of --src and --tgt",
    )
    parser.add_argument("--save", action="store_true", help="keep the best way in the run")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    cli.add_rule_options(parser)
    cli.add_batch_options(parser)
    corpus = parser.add_argument_group("options of CORPUS")
    corpus.add_argument(
        "--from",
        dest="teacher",
        type=typed_path,
        metavar="RUN",
        help="read the links from this run, both ways unless --no-both is given",
    )
    corpus.add_argument(
        "--columns",
        nargs=2,
        metavar="NAME",
        help="the two columns of text (default: 0 1)",
    )
    corpus.add_argument(
        "--skip-bad-rows",
        action="store_true",
        help="write an empty row for one that cannot be read, instead of stopping there",
    )
    args = parser.parse_args(argv)
    args.run, args.corpus = args.subject[0], None
    if is_corpus(args.subject):
        args.run, args.corpus = args.teacher, args.subject
        check_corpus_args(parser, args)
    else:
        check_args(parser, args)
    if args.gold is not None:
        args.gold = typed_path(args.gold) if args.src else args.gold or "test"
    inputs = [args.src, args.tgt, args.gold if args.src else None]
    cli.check_one_standard_input(inputs)
    for flag, path in zip(("--src", "--tgt", "--gold"), inputs, strict=True):
        cli.check_input(flag, path)
    return args


def is_corpus(paths: list[Path]) -> bool:
    """Whether the first arguments name a corpus, whether it is there or not: a run is a folder."""
    suffixes = (".tsv", ".csv", ".jsonl", ".parquet", ".gz")
    is_file = paths[0].is_file() or paths[0].suffix in suffixes
    return len(paths) > 1 or (is_file and not paths[0].is_dir())


def check_corpus_args(parser: cli.Parser, args: argparse.Namespace) -> None:
    """Refuse options that do not go with a corpus, or not without a run; raises UserError."""
    for name in ("src", "tgt", "gold", "units", "save", "json"):
        if getattr(args, name) not in (None, False):
            parser.error(f"--{name} belongs to a run, and {args.corpus[0]} is a corpus")
    if args.teacher is None and (args.agree or cli.rule_options(args)):
        parser.error("--agree, and how links are read from attention, need --from RUN")
    for path in args.corpus:
        if path.is_dir():
            parser.error(
                f"{path} is a folder: a run takes --src FILE and --tgt FILE, and a corpus, which "
                "is one file or two, takes --from RUN"
            )
    if len(args.corpus) > 2:
        parser.error(f"give one file, or two line-aligned ones, not {len(args.corpus)}")
    if args.output == STANDARD:
        return
    cli.check_output("--output", args.output, args.corpus)
    if args.output.suffix != ".tsv":
        parser.error(
            f"--output {args.output}: training tells the format by the name: end it in .tsv"
        )


def check_args(parser: cli.Parser, args: argparse.Namespace) -> None:
    """Refuse options that do not go together; raises UserError."""
    if args.teacher or args.columns or args.skip_bad_rows:
        parser.error(f"--from, --columns and --skip-bad-rows belong to a corpus, not to {args.run}")
    if bool(args.src) != bool(args.tgt) or (args.src is None and args.gold is None):
        parser.error("give --src FILE and --tgt FILE, or --gold valid or test")
    cli.check_output("--output", args.output, [args.src, args.tgt])
    if args.gold is None:
        if args.save or args.json:
            parser.error("--save and --json belong to --gold")
        return
    if not cli.rule_options(args).keys() <= {"mask_punctuation", "threshold"}:
        parser.error("--gold measures every choice; leave --layer, --head, --shift and --both out")
    if args.src and not args.gold:
        parser.error(
            "--gold needs a FILE of links between --src and --tgt; leave these two out to measure "
            "on the run's own gold links"
        )
    if args.src is None:
        if args.gold not in ("", "valid", "test"):
            parser.error(
                f"--gold {args.gold}: give valid or test, or a file's --src and --tgt, too"
            )
        if args.units not in (None, "words"):
            parser.error(f"--units {args.units}: the run's own gold links are between words")


def read_aligned(translator: "Translator", *paths: Path) -> list[list[str]]:
    """Lines of files that belong together, sources and targets first; see `cli.read_aligned`."""
    texts = cli.read_aligned(*paths)
    cli.warn_of_other_languages(texts[0], texts[1], translator.config, *map(str, paths[:2]))
    cli.warn_of_unknown(translator.unknown_share(texts[0]), str(paths[0]))
    cli.warn_of_several(translator.n_several(texts[0]), str(paths[0]))
    return texts


# ------------------------------------------------------------------------------------------- links


def write_links(
    translator: "Translator", args: argparse.Namespace, rule_options: dict[str, Any]
) -> None:
    """Write one line of links for each pair of lines, in order."""
    from transformer_mt.alignment import reading
    from transformer_mt.files import write_text
    from transformer_mt.translator import reverse_of
    from transformer_mt.units import format_links

    sources, targets = read_aligned(translator, args.src, args.tgt)
    rule, reason = translator.inspector.rule_of_options(rule_options)
    talk(reading(rule, reason))

    # A warning or an error of a pair says where it stands.
    names = [f"{args.src}, {args.tgt}: line {number}" for number in range(1, len(sources) + 1)]
    empty = [
        name
        for name, src, tgt in zip(names, sources, targets, strict=True)
        if not one_line(src) or not one_line(tgt)
    ]
    if empty:
        talk(f"warning: {empty[0]} has an empty side, {len(empty)} in all: no links.")

    pairs = list(zip(sources, targets, strict=True))
    reverse = None if args.agree is None else reverse_of(translator, args.agree).inspector
    links = translator.inspector.align(
        pairs,
        args.units or "words",
        rule,
        names.__getitem__,
        reverse,
        translator.decode.batch_tokens,
    )
    write_text(args.output, "".join(format_links(line) + "\n" for line in links))


# ------------------------------------------------------------------------------------------ corpus


def align_corpus(args: argparse.Namespace) -> None:
    """Write a training corpus with links: eflomal's, or those of the run that `--from` names."""
    from transformer_mt import silver

    pairs = silver.read_pairs(args.corpus, args.columns, args.skip_bad_rows)
    links = silver.eflomal_links(pairs) if args.teacher is None else links_of_run(args, pairs)
    silver.write_corpus(args.output, pairs, links)
    n_linked = sum(map(bool, links))
    talk(f"{n_linked:,} of {len(pairs):,} pairs have links")
    if n_linked and args.output != STANDARD:
        talk(f"train on them with: data.train={shlex.quote(str(args.output))} data.links_column=2")


def links_of_run(args: argparse.Namespace, pairs: list[tuple[str, str]]) -> list[str]:
    """A line of links for each pair, first column first, as the run of `--from` reads them."""
    from transformer_mt.alignment import reading
    from transformer_mt.translator import reverse_of
    from transformer_mt.units import format_links

    translator = load(args)
    config = translator.config
    for side, language in enumerate(config.data.languages):
        texts = [pair[side] for pair in pairs]
        cli.warn_of_other_language(texts, language, f"{args.corpus[-1]}: column {side + 1}")
    # A corpus has its columns in the order of data.languages, whatever the direction of the run.
    tgt_first = config.tgt_language == config.data.languages[0]
    sources = [pair[1 if tgt_first else 0] for pair in pairs]
    cli.warn_of_several(translator.n_several(sources), str(args.corpus[0]))
    rule, reason = translator.inspector.rule_of_options({"both": True} | cli.rule_options(args))
    talk(reading(rule, reason))
    links = translator.inspector.align(
        [(tgt, src) for src, tgt in pairs] if tgt_first else pairs,
        "words",
        rule,
        lambda row: f"{args.corpus[0]}: row {row + 1}",
        None if args.agree is None else reverse_of(translator, args.agree).inspector,
        translator.decode.batch_tokens,
    )
    return [format_links({(j, i) for i, j in line} if tgt_first else line) for line in links]


# ----------------------------------------------------------------------------------------- quality


def measure(translator: "Translator", args: argparse.Namespace) -> None:
    """Print how well each choice of layer, head, step and ways agrees with gold links."""
    from transformer_mt.alignment import Rule, best

    base = Rule(mask_punctuation=args.mask_punctuation is not False, threshold=args.threshold)
    inspector, model = translator.inspector, translator.config.model
    if not args.save:
        inspector.saved_rule()  # a damaged file is told before the work
    name, gold_pairs = read_gold_pairs(translator, args)
    # One pass over the pairs measures every layer and head, at both steps, one way and both.
    table = inspector.measure(gold_pairs, base)

    rows = compared_rules(table, replace(base, layer=model.n_decoder_layers - 1))
    rows |= rule_of_run(inspector, gold_pairs, table, will_be_replaced=args.save)
    if args.agree:
        quality = quality_of_both(translator, gold_pairs, best(table), args)
        rows["both directions"] = (f"{best(table)}, and {args.agree}", quality)
    direction = translator.config.direction
    if args.json:
        report = {
            "run": str(args.run),
            "direction": direction,
            "gold": name,
            "n": len(gold_pairs),
            "table": [asdict(rule) | quality.report() for rule, quality in table.items()],
            "rows": {
                title: {"rule": rule} | quality.report() for title, (rule, quality) in rows.items()
            },
        }
        print(json.dumps(report, ensure_ascii=False))
    else:
        print(f"{name}: {len(gold_pairs)} pairs with gold links, {direction}, alignment error rate")
        print_table(table, model.n_decoder_layers, model.n_heads)
        print_rows(rows)
    if args.save:
        # Measuring took the time: whatever happens to the file, the table has been shown.
        sys.stdout.flush()
        warn_of_few(inspector, len(gold_pairs), best(table))
        save_rule(translator, table, f"{name}, {len(gold_pairs)} pairs")


def warn_of_few(inspector: "Inspector", n_pairs: int, rule: "Rule") -> None:
    """Say that `n_pairs` are few to choose a `rule` on, and whether it leaves a taught head."""
    if n_pairs < FEW_PAIRS:
        leaves = inspector.is_guided and not inspector.is_taught(rule)
        untaught = "; the choice is not the head that training taught links" if leaves else ""
        talk(
            f"warning: {n_pairs} pairs are few to choose on{untaught}. Measure on {FEW_PAIRS} or "
            "more."
        )


def save_rule(translator: "Translator", table: "dict[Rule, Quality]", chosen_on: str) -> None:
    """Keep the best rule in the run; raises UserError where its folder cannot be written to."""
    from transformer_mt.alignment import rule_to_json
    from transformer_mt.files import write_text

    path = translator.run_dir / "alignment.json"
    try:
        write_text(path, rule_to_json(table, chosen_on, translator.metadata["steps"]))
    except OSError as error:
        raise UserError(
            f"--save: {path} cannot be written ({error.strerror or error}); the choice is not kept."
        ) from None
    talk(f"saved: {path}")


def read_gold_pairs(translator: "Translator", args: argparse.Namespace) -> tuple[str, "list[Gold]"]:
    """Name and pairs of the gold links: those of a split of the run, or of a gold set in files."""
    from transformer_mt.alignment import with_links

    if args.src is None:
        pairs = translator.inspector.read_gold_pairs(args.run / f"{args.gold}.tsv")
        return f"the run's {args.gold} set", with_links(pairs, args.gold)
    return str(args.gold), with_links(read_gold_set(translator, args), str(args.gold))


def read_gold_set(translator: "Translator", args: argparse.Namespace) -> "list[Gold]":
    """The pairs of `--src`, `--tgt` and `--gold`, but for those that the model cannot read."""
    from transformer_mt.alignment import make_gold
    from transformer_mt.inspector import UnfitError
    from transformer_mt.units import OutOfRangeError

    texts = read_aligned(translator, args.src, args.tgt, args.gold)
    gold_pairs, side, units = [], translator.inspector.side, args.units or "given"
    for number, (src, tgt, links) in enumerate(zip(*texts, strict=True), start=1):
        try:
            src_side = side(src, True, units, f"{args.src}: line {number}")
            tgt_side = side(tgt, False, units, f"{args.tgt}: line {number}")
        except UnfitError as error:
            talk(f"warning: {error} Left out.")
            continue
        try:
            gold = make_gold(src_side, tgt_side, links, f"{args.gold}: line {number}")
        except OutOfRangeError as error:
            # A given token is one word or several, so that sentences have no fewer words.
            hint = " Or try --units words." if units == "given" else ""
            raise UserError(f"{error}{hint}") from None
        gold_pairs.append(gold)
    return gold_pairs


Rows = dict[str, tuple[str, "Quality"]]
"""Title to the rule in words and its quality."""


def compared_rules(table: "dict[Rule, Quality]", last_layer: "Rule") -> Rows:
    """The best rule, one way and both, beside the mean of the last layer, which is what one often
    sees plotted.
    """
    from transformer_mt.alignment import best

    by_rows = {rule: quality for rule, quality in table.items() if not rule.both}
    rules = {
        "best choice here": best(table),
        "best by rows alone": best(by_rows),
        "what is often plotted": last_layer,
        "the same, shifted": replace(last_layer, shift=True),
    }
    return {title: (str(rule), table[rule]) for title, rule in rules.items()}


def rule_of_run(
    inspector: "Inspector",
    gold_pairs: "list[Gold]",
    table: "dict[Rule, Quality]",
    will_be_replaced: bool,
) -> Rows:
    """The rule in the run's `alignment.json`; none where there is no such file.

    Raises:
        UserError: the file is damaged, unless it `will_be_replaced`.
    """
    from transformer_mt.alignment import saved_reason

    try:
        saved = inspector.saved_rule()
    except UserError:
        if not will_be_replaced:
            raise
        return {}
    if saved is None:
        return {}
    rule, reason = saved[0], saved_reason(saved[1])
    # The table has the rules of one pair of thresholds, with punctuation masked or not.
    quality = table[rule] if rule in table else inspector.measure(gold_pairs, rule)[rule]
    return {"the run's choice": (f"{rule}, {reason}", quality)}


def quality_of_both(
    translator: "Translator", gold_pairs: "list[Gold]", rule: "Rule", args: argparse.Namespace
) -> "Quality":
    """The quality of links that are joined with those of the run of `--agree`."""
    import numpy as np

    from transformer_mt.alignment import Quality
    from transformer_mt.translator import reverse_of

    reverse = reverse_of(translator, args.agree)
    # The texts again, for the other model has a vocabulary of its own.
    units = args.units or ("given" if args.src else "words")
    if units == "given":
        sides = [(gold.src.unit_texts, gold.tgt.unit_texts) for gold in gold_pairs]
        pairs = [(" ".join(src), " ".join(tgt)) for src, tgt in sides]
    else:
        pairs = [(gold.src.text, gold.tgt.text) for gold in gold_pairs]
    links = translator.inspector.align(pairs, units, rule, "pair {}".format, reverse.inspector)

    quality = Quality()
    for pair_links, gold in zip(links, gold_pairs, strict=True):
        linked = np.zeros_like(gold.sure)  # (U_s, U_t)
        for link in pair_links:
            linked[link] = True
        quality.add(linked, gold)
    return quality


def print_table(table: "dict[Rule, Quality]", n_layers: int, n_heads: int) -> None:
    """Alignment error rates, layer by head, each the lower one of masking eos and not.

    They are told for the step that emits a token, and shifted to the one that consumes it; for the
    rows of the map, and for rows and columns joined.
    """
    by_choice: dict[tuple[int | None, int | None, bool, bool], float] = {}
    for rule, quality in table.items():
        choice = (rule.layer, rule.head, rule.shift, rule.both)
        by_choice[choice] = min(quality.aer, by_choice.get(choice, 1.0))
    names = [*(f"head {head}" for head in range(n_heads)), "mean"]
    heads: list[int | None] = [*range(n_heads), None]
    for both, ways in ((False, ""), (True, ", both ways")):
        for shift, step in ((False, "emitting step"), (True, "consuming step (shifted)")):
            print(f"{step + ways:<35}  " + " ".join(f"{name:>7}" for name in names))
            for layer in range(n_layers):
                row = " ".join(f"{by_choice[layer, head, shift, both]:7.3f}" for head in heads)
                print(f"{f'layer {layer}':<35}  {row}")
            print(f"{'all layers':<35}  {by_choice[None, None, shift, both]:{8 * n_heads + 7}.3f}")


def print_rows(rows: Rows) -> None:
    print(f"{'':<24} {'AER':>7} {'prec.':>7} {'recall':>7}")
    for title, (rule, quality) in rows.items():
        rates = " ".join(f"{rate:7.3f}" for rate in quality.report().values())
        print(f"{title:<24} {rates}   {rule}")


def load(args: argparse.Namespace) -> "Translator":
    """The run, with the options of the command."""
    # torch takes seconds to import, and a wrong option should be told at once.
    from transformer_mt.translator import Translator

    translator = Translator.from_pretrained(args.run, args.device, args.precision, args.workers)
    translator.decode = cli.decode_config(args, translator.decode)
    return translator


def main(argv: list[str]) -> None:
    args = parse_args(argv)
    if args.run is not None:
        cli.check_run(args.run, args)
    if args.agree is not None:
        config_of_model(args.agree)
    rule_options = cli.rule_options(args)
    if args.corpus is not None:
        align_corpus(args)
    elif args.gold is None:
        write_links(load(args), args, rule_options)
    else:
        measure(load(args), args)


if __name__ == "__main__":
    cli.run(main)
