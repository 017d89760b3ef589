"""The live page: a trained model in one HTML file, `python -m transformer_mt.explore RUN`.

Whoever opens the file types a sentence, and a browser translates it without a network, and shows
every number of the way. `view/live_data.py` packs the model, `view/assets/engine.js` runs it.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformer_mt import cli
from transformer_mt.files import STANDARD, talk, typed_path

if TYPE_CHECKING:
    from torch import Tensor

    from transformer_mt.translator import Translator

EXAMPLE = """\
  python -m transformer_mt.explore runs/starter-en-zh-tiny
  python -m transformer_mt.explore runs/tatoeba-en-zh-small --quantize 8 --output small.html"""

N_MEASURED = 200
"""Sentences of the validation set on which the cost of fewer bits is measured."""


def parse_args(argv: list[str]) -> argparse.Namespace:
    parser = cli.parser(
        "explore",
        "Write the model into a page that translates what one types, and shows every number.",
        EXAMPLE,
    )
    parser.add_argument(
        "--output",
        type=typed_path,
        metavar="FILE",
        default=Path("explore.html"),
        help="default: explore.html",
    )
    parser.add_argument(
        "--quantize",
        type=int,
        choices=[8],
        help="hold weights in 8 bits instead of 16, which halves the page, and say what it costs",
    )
    args = parser.parse_intermixed_args(argv)
    cli.check_output("--output", args.output)
    return args


def bleu(translator: "Translator", rows: list[list[str]]) -> float:
    """BLEU of the model as it is now, on pairs of source and reference."""
    from transformer_mt.scoring import corpus_bleu

    translations = translator.translate([row[0] for row in rows])
    texts = [translation.text for translation in translations]
    return corpus_bleu(texts, [row[1] for row in rows], translator.config.tgt_language)


def say_cost(translator: "Translator", values: dict[str, "Tensor"]) -> None:
    """Say what BLEU it costs to have these weights; the translator has them from now on."""
    from transformer_mt.files import read_text
    from transformer_mt.run_dir import put_weights

    path = translator.run_dir / "valid.tsv"
    lines = read_text(path) if path.is_file() else []
    rows = [line.split("\t") for line in lines if "\t" in line]
    if not rows:
        talk(f"8 bits: what they cost is not measured, because there is no {path}.")
        return
    # Evenly over the file, because its beginning may be of one kind.
    rows = rows[:: -(-len(rows) // N_MEASURED)]
    before = bleu(translator, rows)
    put_weights(translator.model, values, path)
    after = bleu(translator, rows)
    talk(
        f"8 bits: BLEU {before:.1f} with float32 weights, {after:.1f} with those of the page "
        f"({len(rows)} validation sentences)."
    )


def way_out_of_size(page: bytes, bits: int, weights: dict[str, Any]) -> str:
    """What a person can do whose page is too large."""
    from transformer_mt.view.live_data import LIMIT

    halved = len(page) - len(weights["weights"]) // 2
    return "--quantize 8 halves it" if bits == 16 and halved <= LIMIT else "take a smaller model"


def main(argv: list[str]) -> None:
    args = parse_args(argv)
    cli.check_run(args.run, args)
    # torch takes seconds to import, and a wrong run should be told at once.
    from transformer_mt.files import write_text
    from transformer_mt.translator import Translator
    from transformer_mt.view import page
    from transformer_mt.view.live_data import check_size, live_data, pack_weights

    translator = Translator.from_pretrained(args.run, "cpu", "fp32")
    bits = args.quantize or 16
    weights, values = pack_weights(translator.run, bits)
    data = live_data(translator, weights)
    if data["converts"]:
        talk("the run converts its source to simplified characters; the page does not.")
    html = page.render(data, "explore.html")
    way_out = way_out_of_size(html.encode(), bits, weights)
    check_size(html.encode(), translator.run, bits, way_out)
    if bits == 8:
        say_cost(translator, values)
    write_text(args.output, html)
    if args.output != STANDARD:  # the page itself is what a program reads there
        talk(f"open {args.output} ({len(html.encode()) / 1e6:.1f} MB)")


if __name__ == "__main__":
    cli.run(main)
