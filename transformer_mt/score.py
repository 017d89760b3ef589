"""Score given translations: `python -m transformer_mt.score RUN --src FILE --tgt FILE`, or pairs
from standard input.
"""

import argparse
import json
import math
import sys
from typing import TYPE_CHECKING, Any

from transformer_mt import cli
from transformer_mt.config import UserError
from transformer_mt.files import STANDARD, read_text, talk, typed_path

if TYPE_CHECKING:
    from transformer_mt.translator import Score

WINDOW = 4096
"""Pairs that are sorted by length and batched together."""

EXAMPLE = """\
  python -m transformer_mt.score runs/starter-en-zh-tiny --src my.en --tgt my.zh
  python -m transformer_mt.score runs/starter-en-zh-tiny --json < pairs.tsv"""

Pair = tuple[str, str]


def parse_args(argv: list[str]) -> argparse.Namespace:
    parser = cli.parser(
        "score",
        "Print the log-probability of each given translation, one number a line. Pairs come from "
        "two files,\nor from standard input: source, tab, translation.",
        EXAMPLE,
    )
    parser.add_argument(
        "--src", type=typed_path, metavar="FILE", help="source sentences, one per line"
    )
    parser.add_argument(
        "--tgt", type=typed_path, metavar="FILE", help="their translations, line by line"
    )
    parser.add_argument(
        "--json", action="store_true", help="one JSON object per pair, with each token's part"
    )
    cli.add_batch_options(parser)
    args = parser.parse_args(argv)
    if bool(args.src) != bool(args.tgt):
        parser.error("give both --src FILE and --tgt FILE, or pairs on standard input")
    cli.check_one_standard_input([args.src, args.tgt])
    cli.check_input("--src", args.src)
    cli.check_input("--tgt", args.tgt)
    return args


def read_pairs(args: argparse.Namespace) -> tuple[list[Pair], str]:
    """The pairs to score, and where they come from.

    Raises:
        UserError: there are none, two files are not aligned, or a line has no second column.
    """
    if args.src:
        sources, targets = cli.read_aligned(args.src, args.tgt)
        pairs, name = list(zip(sources, targets, strict=True)), f"{args.src}, {args.tgt}"
    else:
        if sys.stdin is not None and sys.stdin.isatty():
            talk("Type a source, a tab and its translation on each line; Ctrl-D ends.")
        name = "standard input"
        pairs = [
            split_line(line, f"{name}: line {number}")
            for number, line in enumerate(read_text(STANDARD), start=1)
        ]
    if not pairs:
        raise UserError(f"{name}: there is nothing to score.")
    return pairs, name


def split_line(line: str, where: str) -> Pair:
    """Source and translation of a line of TSV; further columns, such as links, are ignored.

    An empty line is a pair of empty texts.
    """
    src, tab, rest = line.partition("\t")
    if line.strip() and not tab:
        raise UserError(f"{where} has no second column.")
    return src, rest.partition("\t")[0]


def output_line(number: int, pair: Pair, score: "Score", as_json: bool) -> str:
    """What to print for a pair."""
    if not as_json:
        return f"{score.log_prob:.4f}"
    fields: dict[str, Any] = {"line": number, "src": pair[0], "tgt": pair[1]}
    # JSON has no nan.
    fields["log_prob"] = None if math.isnan(score.log_prob) else score.log_prob
    fields |= {"tokens": score.tokens, "log_probs": score.log_probs}
    return json.dumps(fields, ensure_ascii=False)


def main(argv: list[str]) -> None:
    args = parse_args(argv)
    cli.check_run(args.run, args)
    # torch takes seconds to import, and a wrong option should be told at once.
    from transformer_mt.fast import keep_freed_memory
    from transformer_mt.translator import Translator

    keep_freed_memory()
    translator = Translator.from_pretrained(args.run, args.device, args.precision, args.workers)
    options = cli.decode_config(args, translator.decode)
    pairs, name = read_pairs(args)
    sources, targets = [src for src, _ in pairs], [tgt for _, tgt in pairs]
    names = f"{name}: the source", f"{name}: the translation"
    cli.warn_of_other_languages(sources, targets, translator.config, *names)
    cli.warn_of_unknown(translator.unknown_share(sources), names[0])
    cli.warn_of_several(translator.n_several(sources), names[0])
    for start in range(0, len(pairs), WINDOW):
        window = pairs[start : start + WINDOW]
        places = [f"{name}: line {start + i}" for i in range(1, len(window) + 1)]
        scores = translator.score(window, options.batch_tokens, places.__getitem__)
        for number, (pair, score) in enumerate(zip(window, scores, strict=True), start=start + 1):
            print(output_line(number, pair, score, args.json))


if __name__ == "__main__":
    cli.run(main)
