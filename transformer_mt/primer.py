"""The primer: attention from nothing, with a run's own numbers, `python -m transformer_mt.primer
RUN`.

`view/equations.py` has the equations, `view/primer_data.py` what they give on one sentence pair,
and `view/assets/primer.html` shows it. With `--live` the model is in the page, and
`view/assets/primer_engine.js` computes the same for any sentence.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformer_mt import cli
from transformer_mt.config import Config, UserError
from transformer_mt.files import STANDARD, talk, typed_path
from transformer_mt.text import language_of

if TYPE_CHECKING:
    from transformer_mt.translator import Translator

EXAMPLE = """\
  python -m transformer_mt.primer runs/starter-en-zh-tiny
  python -m transformer_mt.primer runs/starter-en-zh-tiny "I like apples." --output apples.html
  python -m transformer_mt.primer runs/starter-en-zh-tiny --live"""

DEFAULTS = {"zh": "我喜欢红色的苹果。", "en": "I like red apples."}
STUDY = "早上好"
"""The characters of sections 2 and 3 that go with the default pair."""
BITS = 16
"""Of each weight in a page with the model inside."""
WAY_OUT = "leave --live out, or take a smaller model"


def parse_args(argv: list[str]) -> argparse.Namespace:
    parser = cli.parser(
        "primer", "Walk through attention, step by step, with a run's own numbers.", EXAMPLE
    )
    parser.add_argument(
        "sentence",
        metavar="SENTENCE",
        nargs="?",
        help="in the run's source language (default: I like red apples. with 我喜欢红色的苹果。)",
    )
    parser.add_argument(
        "--output",
        type=typed_path,
        metavar="FILE",
        default=Path("primer.html"),
        help="default: primer.html",
    )
    parser.add_argument(
        "--live",
        action="store_true",
        help="put the model into the page, which then computes for any sentence that one types",
    )
    args = parser.parse_intermixed_args(argv)
    cli.check_output("--output", args.output)
    return args


def default_pair(config: Config) -> tuple[str, str]:
    """Source and target of the default sentence.

    Raises:
        UserError: the run is of other languages.
    """
    src, tgt = language_of(config.src_language), language_of(config.tgt_language)
    if {src, tgt} != set(DEFAULTS):
        raise UserError(
            f"the default sentence is Chinese and English, but this run is {config.direction}; "
            "give a SENTENCE."
        )
    return DEFAULTS[src], DEFAULTS[tgt]


def live_part(translator: "Translator") -> dict[str, Any]:
    """The model as the page holds it. Its weights have 16 bits there, and so has the translator's
    model from now on, so that all numbers of the page come from one model.
    """
    from transformer_mt.run_dir import put_weights
    from transformer_mt.view.live_data import check_size, model_data, pack_weights
    from transformer_mt.view.primer_data import any_sentence_data

    run = translator.run
    weights, values = pack_weights(run, BITS)
    check_size(weights["weights"].encode(), run, BITS, WAY_OUT)  # before the rest takes minutes
    put_weights(translator.model, values, run.path)
    data = model_data(translator, weights)
    if data["converts"]:
        talk("the run converts its source to simplified characters; the page does not.")
    return data | {"primer": any_sentence_data(translator)}


def main(argv: list[str]) -> None:
    args = parse_args(argv)
    config = cli.check_run(args.run, args)
    src, tgt, study = args.sentence, None, None
    if src is None:
        src, tgt = default_pair(config)
        study = STUDY
    else:
        cli.warn_of_other_language([src], config.src_language, "the sentence")
    from transformer_mt.files import write_text
    from transformer_mt.translator import Translator
    from transformer_mt.view import page
    from transformer_mt.view.live_data import check_size
    from transformer_mt.view.primer_data import primer_data

    # Its numbers are to be followed with a pencil: no GPU and no bf16, which round otherwise.
    translator = Translator.from_pretrained(args.run, "cpu", "fp32")
    live = {"live": live_part(translator)} if args.live else {}
    data = primer_data(translator, src, tgt, study) | live
    html = page.render(data, "primer_live.html" if live else "primer.html")
    if live:
        check_size(html.encode(), translator.run, BITS, WAY_OUT)
    write_text(args.output, html)
    if args.output != STANDARD:  # the page itself is what a program reads there
        talk(f"open {args.output}")
        print(data["tgt"]["text"])


if __name__ == "__main__":
    cli.run(main)
