"""See the attention: `python -m transformer_mt.visualize RUN SENTENCE` writes dump, links, picture and page."""

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformer_mt import cli
from transformer_mt.config import UserError
from transformer_mt.files import read_text, talk

if TYPE_CHECKING:
    from transformer_mt.alignment import Rule
    from transformer_mt.translator import Attention, Translator

EXAMPLE = """  python -m transformer_mt.visualize runs/starter-en-zh-tiny "I like apples."
  python -m transformer_mt.visualize runs/starter-en-zh-tiny --src my.en --tgt my.zh --units given --links my.align"""


def options(arguments: list[str]) -> argparse.Namespace:
    parser = cli.parser(
        "visualize", "Dump the attention of a translation, read links from it, draw it.", EXAMPLE
    )
    parser.add_argument(
        "sentence", metavar="SENTENCE", nargs="?", help="what to translate and look at"
    )
    parser.add_argument(
        "--target",
        metavar="TEXT",
        help="the attention of this translation instead of the model's own",
    )
    parser.add_argument(
        "--output-dir",
        type=Path,
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
        "--src", type=Path, metavar="FILE", help="many pairs: source sentences, one per line"
    )
    parser.add_argument("--tgt", type=Path, metavar="FILE", help="their translations, line by line")
    parser.add_argument(
        "--links", type=Path, metavar="FILE", help="write one line of links for each pair"
    )
    parser.add_argument(
        "--units", choices=["words", "subwords", "given"], default="words",
        help="what links index: English words and Chinese characters (default), subwords, or the tokens given",
    )  # fmt: skip
    cli.add_link_options(parser)
    parser.add_argument(
        "--layer",
        type=int,
        metavar="N",
        help="read links from this layer, from 0 (default: the run's)",
    )
    parser.add_argument(
        "--head",
        type=int,
        metavar="N",
        help="and from this head (default: the mean of the layer's)",
    )
    parser.add_argument(
        "--shift", action=argparse.BooleanOptionalAction, help="at the step that consumes the token"
    )
    cli.add_decoding_options(parser)
    chosen = parser.parse_intermixed_args(arguments)
    batch = [name for name in ("src", "tgt", "links") if getattr(chosen, name)]
    if batch and len(batch) < 3:
        parser.error("many pairs need --src FILE, --tgt FILE and --links FILE")
    if batch and (chosen.sentence is not None or chosen.target is not None):
        parser.error("give one SENTENCE, or --src, --tgt and --links, not both")
    if not batch and chosen.sentence is None:
        parser.error("give a SENTENCE, or --src, --tgt and --links")
    if chosen.agree and not batch:
        parser.error("--agree is for many pairs: --src, --tgt and --links")
    if chosen.links and chosen.links.is_dir():
        parser.error(f"--links {chosen.links} is a folder: name a file")
    if chosen.head is not None and chosen.layer is None:
        parser.error("--head needs --layer")
    if chosen.output_dir.exists() and not chosen.output_dir.is_dir():
        parser.error(f"--output-dir {chosen.output_dir} is a file: name a folder")
    return chosen


def choose_rule(translator: "Translator", chosen: argparse.Namespace) -> tuple["Rule", str]:
    """How to read links, and why so: the options, else the run's choice."""
    from transformer_mt.alignment import BASE

    model = translator.config.model
    if chosen.layer is not None:
        for key, n in (("layer", model.n_decoder_layers), ("head", model.n_heads)):
            value = getattr(chosen, key)
            if value is not None and not 0 <= value < n:
                raise UserError(f"--{key} {value}: the model has {key}s 0 to {n - 1}.")
        rule, reason = replace(BASE, layer=chosen.layer, head=chosen.head), "chosen by option"
    else:
        rule, reason = translator.default_rule()
    keys = ("shift", "threshold", "mask_punctuation")
    made = replace(
        rule, **{key: value for key in keys if (value := getattr(chosen, key)) is not None}
    )
    return made, reason if made == rule else f"{reason}; changed by option"


def align_files(translator: "Translator", chosen: argparse.Namespace) -> None:
    """One line of links for each pair of lines, in order."""
    from tqdm import tqdm

    from transformer_mt.files import write_text
    from transformer_mt.translator import reverse_of
    from transformer_mt.units import format_links

    sources, targets = read_text(chosen.src), read_text(chosen.tgt)
    if len(sources) != len(targets):
        raise UserError(f"{chosen.tgt}: {len(targets)} lines, but {chosen.src} has {len(sources)}.")
    rule, reason = choose_rule(translator, chosen)
    talk(f"links: {rule} ({reason})")
    names = [f"{chosen.src}, {chosen.tgt}: line {number}" for number in range(1, len(sources) + 1)]
    empty = [
        name
        for name, *pair in zip(names, sources, targets, strict=True)
        if not all(map(str.strip, pair))
    ]
    if empty:
        talk(f"warning: {empty[0]} has an empty side, {len(empty)} in all: no links.")
    reverse = reverse_of(translator, chosen.agree)
    cli.warn_of_other_language(sources, translator.config.src_language, str(chosen.src))
    cli.warn_of_other_language(targets, translator.config.tgt_language, str(chosen.tgt))
    with tqdm(
        total=len(sources) * (1 if reverse is None else 2), unit=" pairs", leave=False
    ) as bar:
        pairs = zip(sources, targets, strict=True)
        links = translator.align(
            pairs, chosen.units, rule, names.__getitem__, reverse, chosen.batch_tokens, bar.update
        )
    write_text(chosen.links, "".join(format_links(line) + "\n" for line in links))


def write_all(
    translator: "Translator", attention: "Attention", chosen: argparse.Namespace, reason: str
) -> None:
    """The dump, the links, the picture and the page."""
    import numpy as np

    from transformer_mt.files import write_atomically, write_text
    from transformer_mt.units import format_links
    from transformer_mt.view import page, plots

    folder, src, tgt, model = (
        chosen.output_dir,
        attention.src,
        attention.tgt,
        translator.config.model,
    )
    saved = translator.saved_rule()  # a damaged one stops here, before anything is written
    arrays: dict[str, Any] = {kind: getattr(attention, kind) for kind in page.KINDS}
    if chosen.dump_qk:
        arrays |= {f"{kind}_queries": attention.queries[kind] for kind in page.KINDS}
        arrays |= {f"{kind}_keys": attention.keys[kind] for kind in page.KINDS}
    arrays |= {f"{name}_gate": gate for name, gate in attention.gates.items()}
    if attention.chosen is not None:
        arrays["cross_chosen"] = attention.chosen
    arrays |= {
        "src_tokens": src.tokens,
        "tgt_tokens": tgt.tokens,
        "tgt_in_tokens": attention.tgt_in_tokens,
    }

    def dump(path: Path) -> None:
        with open(path, "wb") as file:
            np.savez_compressed(file, **arrays)

    write_atomically(folder / "attention.npz", dump)
    links = format_links(attention.links)
    write_text(folder / "alignment.txt", links + "\n")
    description = {
        "src": src.text, "tgt": tgt.text, "forced": chosen.target is not None,
        "src_tokens": src.tokens, "tgt_tokens": tgt.tokens, "tgt_in_tokens": attention.tgt_in_tokens,
        "units": chosen.units, "src_units": src.unit_texts, "tgt_units": tgt.unit_texts, "alignment": links,
        "rule": asdict(attention.rule), "reason": reason,
        "run": str(translator.run_dir), "steps": translator.metadata["steps"], "direction": translator.config.direction,
        "log_probs": attention.log_probs.tolist(), "cross_attention": model.cross_attention.value,
    }  # fmt: skip
    write_text(
        folder / "attention.json", json.dumps(description, ensure_ascii=False, indent=1) + "\n"
    )
    write_text(
        folder / "attention.html",
        page.render(
            page.page_data(translator, attention, reason, saved[1]["table"] if saved else [])
        ),
    )
    for name in ("alignment", "heads"):
        for form in ("png", "svg"):  # of another sentence
            (folder / f"{name}.{form}").unlink(missing_ok=True)
    problem = plots.alignment(attention, folder / "alignment")
    if chosen.grid and not problem:
        layer = model.n_decoder_layers - 1 if attention.rule.layer is None else attention.rule.layer
        plots.heads(attention, layer, folder / "heads")
    if problem:
        talk(f"no picture: {problem}")
    talk(f"links: {attention.rule} ({reason})\nopen {folder / 'attention.html'}")


def main(arguments: list[str]) -> None:
    chosen = options(arguments)
    from transformer_mt.translator import Translator
    from transformer_mt.units import format_links

    translator = Translator.from_pretrained(chosen.run, chosen.device, chosen.precision)
    if chosen.src:
        align_files(translator, chosen)
        return
    config = translator.config
    cli.warn_of_other_language([chosen.sentence], config.src_language, "the sentence")
    cli.warn_of_other_language([chosen.target or ""], config.tgt_language, "the target")
    rule, reason = choose_rule(translator, chosen)
    attention = translator.attention(
        chosen.sentence, chosen.target, chosen.units, rule, chosen.beam_size, chosen.length_penalty
    )
    write_all(translator, attention, chosen, reason)
    print(attention.tgt.text)
    print(format_links(attention.links))


if __name__ == "__main__":
    cli.run(main)
