"""The primer: an introduction to attention recomputed from a run's own model, `python -m transformer_mt.primer RUN`.

`view/equations.py` has the equations, `view/primer_data.py` what they give on one sentence pair, and
`view/assets/primer.html` shows it.
"""

import argparse
from pathlib import Path

from transformer_mt import cli
from transformer_mt.config import Config, UserError
from transformer_mt.files import talk
from transformer_mt.text import language_of

EXAMPLE = """  python -m transformer_mt.primer runs/starter-en-zh-tiny
  python -m transformer_mt.primer runs/starter-en-zh-tiny "I like apples." --output apples.html"""

DEFAULTS = {"zh": "早上好", "en": "Good morning."}


def options(arguments: list[str]) -> argparse.Namespace:
    parser = cli.parser(
        "primer", "Walk through attention, step by step, with a run's own numbers.", EXAMPLE
    )
    parser.add_argument(
        "sentence", metavar="SENTENCE", nargs="?",
        help="in the run's source language (default: 早上好 with Good morning.)",
    )  # fmt: skip
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        default=Path("primer.html"),
        help="default: primer.html",
    )
    chosen = parser.parse_intermixed_args(arguments)
    if chosen.output.is_dir():
        parser.error(f"--output {chosen.output} is a folder: name a file")
    return chosen


def default_pair(config: Config) -> tuple[str, str]:
    """Source and target of the default sentence; raises UserError for a run of other languages."""
    codes = [language_of(code) for code in (config.src_language, config.tgt_language)]
    if sorted(codes) != sorted(DEFAULTS):
        raise UserError(
            f"the default sentence is Chinese and English, but this run is {config.direction}; give a SENTENCE."
        )
    return DEFAULTS[codes[0]], DEFAULTS[codes[1]]


def main(arguments: list[str]) -> None:
    chosen = options(arguments)
    from transformer_mt.files import write_text
    from transformer_mt.translator import Translator
    from transformer_mt.view import page
    from transformer_mt.view.primer_data import primer_data

    translator = Translator.from_pretrained(chosen.run, "cpu", "fp32")
    src, tgt = (
        (chosen.sentence, None) if chosen.sentence is not None else default_pair(translator.config)
    )
    data = primer_data(translator, src, tgt)
    write_text(chosen.output, page.render(data, "primer.html"))
    talk(f"open {chosen.output}")
    print(data["tgt"]["text"])


if __name__ == "__main__":
    cli.run(main)
