"""List the commands: `python -m transformer_mt`."""

import argparse

from transformer_mt import cli
from transformer_mt.config import UserError

COMMANDS = {
    "train": "train a model, or go on with one",
    "translate": "translate sentences, lines of text, or what you type",
    "evaluate": "score translations of a test set, compare models",
    "score": "say how likely the model finds given translations",
    "visualize": "look at the attention of one translation: a page, a picture, the numbers",
    "explore": "put the model into one web page, for any sentence that one types",
    "primer": "understand attention step by step, with the numbers of your model",
    "align": "write word links of sentence pairs or a corpus, or measure them",
    "convert": "open a MarianMT model as a run, or export a run",
}


def main(argv: list[str]) -> None:
    if argv and argv[0] in COMMANDS:
        raise UserError(f"write python -m transformer_mt.{argv[0]}, with a dot.")
    if argv and not argv[0].startswith("-"):
        raise UserError(f"{argv[0]} is no command; python -m transformer_mt lists them.")
    lines = "\n".join(f"  {verb:<10} {text}" for verb, text in COMMANDS.items())
    parser = cli.Parser(
        prog="python -m transformer_mt",
        usage="python -m transformer_mt.COMMAND ...",
        description=f"{cli.version()}: train a Transformer to translate, and look inside.",
        epilog=f"commands:\n{lines}\n\nEach explains itself: python -m transformer_mt.train --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    cli.add_version(parser)
    parser.parse_args(argv)
    parser.print_help()


if __name__ == "__main__":
    cli.run(main)
