"""See the attention of a sentence pair, `python -m transformer_mt.visualize RUN SENTENCE`.

It writes a dump of the numbers, the links read from them, a picture and a page.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformer_mt import cli
from transformer_mt.files import talk, typed_path
from transformer_mt.text import is_unspaced
from transformer_mt.units import format_links, split_units

if TYPE_CHECKING:
    from transformer_mt.inspector import Attention
    from transformer_mt.translator import Translator

EXAMPLE = """\
  python -m transformer_mt.visualize runs/starter-en-zh-tiny "I like apples."
  python -m transformer_mt.visualize runs/starter-en-zh-tiny "I draw." --target "我画。" --grid"""


def parse_args(argv: list[str]) -> argparse.Namespace:
    parser = cli.parser(
        "visualize", "Dump the attention of a translation, read links from it, draw it.", EXAMPLE
    )
    parser.add_argument("sentence", metavar="SENTENCE", help="what to translate and look at")
    parser.add_argument(
        "--target",
        metavar="TEXT",
        help="the attention of this translation instead of the model's own",
    )
    parser.add_argument(
        "--output-dir",
        type=typed_path,
        metavar="DIR",
        default=Path("attention"),
        help="default: attention/",
    )
    parser.add_argument(
        "--grid", action="store_true", help="a picture of all heads of the layer, too"
    )
    parser.add_argument(
        "--dump-qk", action="store_true", help="queries and keys in the dump, before scaling"
    )
    parser.add_argument(
        "--units",
        choices=["words", "subwords", "given"],
        default="words",
        help="what links index: English words and Chinese characters (default), subwords, or the "
        "tokens given",
    )
    cli.add_rule_options(parser)
    cli.add_decoding_options(parser)
    instead = "python -m transformer_mt.align RUN --src FILE --tgt FILE links many pairs"
    cli.add_moved(parser, ["--src", "--tgt", "--links"], instead)
    args = parser.parse_intermixed_args(argv)
    if args.output_dir.exists() and not args.output_dir.is_dir():
        parser.error(f"--output-dir {args.output_dir} is a file: name a folder")
    return args


def warn_of_one_token(text: str, language: str, where: str) -> None:
    """Say that a text without spaces is a single given token, to which all links would go."""
    if is_unspaced(language) and len(text.split()) == 1 and len(split_units(text)) > 1:
        talk(
            f"warning: {where} has no spaces, so that --units given takes it for one token; put "
            "spaces between its tokens, or leave --units out."
        )


def dump_arrays(attention: "Attention", with_queries_and_keys: bool) -> dict[str, Any]:
    """The arrays of `attention.npz`; their shapes are those of `Attention`."""
    from transformer_mt.inspector import KINDS

    arrays: dict[str, Any] = {kind: getattr(attention, kind) for kind in KINDS}
    if with_queries_and_keys:
        arrays |= {f"{kind}_queries": attention.queries[kind] for kind in KINDS}
        arrays |= {f"{kind}_keys": attention.keys[kind] for kind in KINDS}
    arrays |= {f"{name}_gate": gate for name, gate in attention.gates.items()}
    if attention.chosen is not None:
        arrays["cross_chosen"] = attention.chosen
    return arrays | {
        "src_tokens": attention.src.tokens,
        "tgt_tokens": attention.tgt.tokens,
        "tgt_in_tokens": attention.tgt_in_tokens,
    }


def description(
    translator: "Translator", attention: "Attention", args: argparse.Namespace
) -> dict[str, Any]:
    """What `attention.json` says: what was drawn, and how it was made."""
    src, tgt = attention.src, attention.tgt
    return {
        "src": src.text,
        "tgt": tgt.text,
        "forced": args.target is not None,
        "src_tokens": src.tokens,
        "tgt_tokens": tgt.tokens,
        "tgt_in_tokens": attention.tgt_in_tokens,
        "units": args.units,
        "src_units": src.unit_texts,
        "tgt_units": tgt.unit_texts,
        "alignment": format_links(attention.links),
        "rule": asdict(attention.rule),
        "reason": str(attention.reason),
        "run": str(translator.run_dir),
        "steps": translator.run.metadata["steps"],
        "direction": translator.config.direction,
        "log_probs": attention.log_probs.tolist(),
        "cross_attention": translator.config.model.cross_attention.value,
    }


def write_pictures(attention: "Attention", folder: Path, grid_layer: int | None) -> None:
    """Draw the links and, unless `grid_layer` is None, every head of that layer; or say why not."""
    from transformer_mt.view import plots

    # Pictures of another sentence must not stay beside this one's dump.
    for name in ("alignment", "heads"):
        for suffix in (".png", ".svg"):
            (folder / f"{name}{suffix}").unlink(missing_ok=True)
    if problem := plots.alignment(attention, folder / "alignment"):
        talk(f"no picture: {problem}")
    elif grid_layer is not None:
        plots.heads(attention, grid_layer, folder / "heads")


def write_all(translator: "Translator", attention: "Attention", args: argparse.Namespace) -> None:
    """The dump, the links, the page and the pictures."""
    import numpy as np

    from transformer_mt.alignment import reading
    from transformer_mt.files import write_atomically, write_text

    html = attention.page()  # a damaged alignment.json stops here, before anything is written
    arrays = dump_arrays(attention, args.dump_qk)

    def write_arrays(path: Path) -> None:
        with open(path, "wb") as file:  # given a name, numpy would add a suffix to it
            np.savez_compressed(file, **arrays)

    folder = args.output_dir
    write_atomically(folder / "attention.npz", write_arrays)
    write_text(folder / "alignment.txt", format_links(attention.links) + "\n")
    summary = description(translator, attention, args)
    write_text(folder / "attention.json", json.dumps(summary, ensure_ascii=False, indent=1) + "\n")
    write_text(folder / "attention.html", html)

    # A rule that averages over all layers names none; the last one stands for them.
    layer = attention.rule.layer
    if layer is None:
        layer = translator.config.model.n_decoder_layers - 1
    write_pictures(attention, folder, layer if args.grid else None)
    talk(f"{reading(attention.rule, attention.reason)}\nopen {folder / 'attention.html'}")


def main(argv: list[str]) -> None:
    args = parse_args(argv)
    config = cli.check_run(args.run, args)
    rule_options = cli.rule_options(args)
    # torch takes seconds to import, and a wrong option should be told at once.
    from transformer_mt.translator import Translator

    translator = Translator.from_pretrained(args.run, args.device, args.precision, args.workers)
    translator.decode = cli.decode_config(args, translator.decode)
    where = "the sentence"
    warned = cli.warn_of_other_language([args.sentence], config.src_language, where)
    if args.target is not None:
        cli.warn_of_other_language([args.target], config.tgt_language, "the target")
    if args.units == "given":
        warn_of_one_token(args.sentence, config.src_language, "the sentence")
        warn_of_one_token(args.target or "", config.tgt_language, "the target")
    rule, reason = translator.inspector.rule_of_options(rule_options)
    attention = translator.attention(args.sentence, args.target, args.units, rule)
    attention.reason = reason
    warned |= cli.warn_of_unknown(translator.unknown_share([args.sentence]), where)
    cli.warn_of_several(translator.n_several([args.sentence]), where)
    if args.target is None and not warned:
        # The page reads all of the line at once, and so does the search that is judged here.
        translation = translator.translate(args.sentence, split_sentences="off")
        if translation.doubt:
            talk(f"warning: {translation.doubt}.")
    write_all(translator, attention, args)
    print(attention.tgt.text)
    print(format_links(attention.links))


if __name__ == "__main__":
    cli.run(main)
