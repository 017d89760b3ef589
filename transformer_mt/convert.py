"""Open a MarianMT checkpoint as a run, or give a run to other programs: `python -m
transformer_mt.convert FROM TO`.
"""

import argparse
from pathlib import Path

from transformer_mt import cli
from transformer_mt.config import UserError
from transformer_mt.files import talk, write_folder

EXAMPLE = """\
  python -m transformer_mt.convert Helsinki-NLP/opus-mt-zh-en runs/opus-zh-en
  python -m transformer_mt.convert Helsinki-NLP/opus-mt-en-zh runs/opus-en-zh \\
      --target-language cmn_Hans
  python -m transformer_mt.convert runs/mine mine-marian --to marian
  python -m transformer_mt.convert runs/mine mine-ct2 --to ctranslate2 --quantization int8"""

QUANTIZATIONS = (
    "float32", "float16", "bfloat16", "int16",
    "int8", "int8_float32", "int8_float16", "int8_bfloat16",
)  # fmt: skip


def parse_args(argv: list[str]) -> argparse.Namespace:
    parser = cli.Parser(
        prog="python -m transformer_mt.convert",
        description="Open a MarianMT checkpoint as a run, or give a run to other programs.",
        epilog=f"examples:\n{EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    cli.add_version(parser)
    parser.add_argument(
        "source",
        metavar="FROM",
        help="a MarianMT directory or its name on the Hugging Face hub; or a run directory",
    )
    parser.add_argument("folder", metavar="TO", type=Path, help="a folder that does not exist yet")
    parser.add_argument(
        "--to", choices=["marian", "ctranslate2"], help="what to make of a run (FROM)"
    )
    parser.add_argument(
        "--direction",
        metavar="SRC-TGT",
        help="languages of a checkpoint, such as en-zh (default: as it says)",
    )
    parser.add_argument(
        "--target-language",
        metavar="CODE",
        help="of a checkpoint that translates into several, such as cmn_Hans",
    )
    parser.add_argument(
        "--quantization", choices=QUANTIZATIONS, help="of the weights, for CTranslate2"
    )
    parser.add_argument(
        "--license", metavar="ID", help="of the exported model, for its card, such as cc-by-4.0"
    )
    args = parser.parse_intermixed_args(argv)
    if args.quantization and args.to != "ctranslate2":
        parser.error("--quantization needs --to ctranslate2")
    if args.folder.exists() or args.folder.is_symlink():
        raise UserError(f"{args.folder} exists already; name another folder.")
    return args


def check_options(args: argparse.Namespace, is_run: bool) -> None:
    """Raise UserError for options that are for the other direction."""
    if is_run and args.to is None:
        raise UserError(f"{args.source} is a run: say --to marian or --to ctranslate2.")
    wrong = ("direction", "target_language") if is_run else ("to", "license")
    for name in wrong:
        if getattr(args, name) is not None:
            kind = "a run" if is_run else "no run"
            raise UserError(f"--{name.replace('_', '-')}: {args.source} is {kind}.")


def main(argv: list[str]) -> None:
    args = parse_args(argv)
    source = Path(args.source)
    is_run = (source / "config.yaml").is_file()
    check_options(args, is_run)
    if is_run:
        export_run(source, args)
    else:
        import_marian(source, args)
    talk(f"saved: {args.folder}")


def export_run(run_dir: Path, args: argparse.Namespace) -> None:
    """Write the run in the format of another program."""
    from transformer_mt.run_dir import load_run

    run = load_run(run_dir)
    if args.to == "marian":
        from transformer_mt.interchange import to_marian

        write_folder(
            args.folder, lambda work: to_marian.write(run, work, args.folder.name, args.license)
        )
    else:
        from transformer_mt.interchange import to_ctranslate2

        write_folder(
            args.folder,
            lambda work: to_ctranslate2.write(
                run, work, args.folder.name, args.quantization, args.license
            ),
        )


def import_marian(source: Path, args: argparse.Namespace) -> None:
    """Write a MarianMT checkpoint as a run."""
    from transformer_mt.interchange import from_marian, hub

    folder = source if source.exists() else hub.fetch(args.source)
    name = source.resolve().name if source.exists() else args.source
    write_folder(
        args.folder,
        lambda work: from_marian.write_run(
            folder, work, args.folder, name, args.direction, args.target_language
        ),
    )


if __name__ == "__main__":
    cli.run(main)
