"""Pictures by matplotlib (extra `viz`), which is imported only when one is drawn."""

import json
import math
import re
import unicodedata
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from transformer_mt.alignment import merge_weights, shifted, soft
from transformer_mt.config import UserError
from transformer_mt.files import write_atomically
from transformer_mt.inspector import Attention
from transformer_mt.text import visible

DPI = 150
LONGEST_EDGE = 8000
"""Pixels. Some 100 units need more at full resolution; a larger picture takes gigabytes to draw."""

NOTO_FONTS = {
    **dict.fromkeys(("CJK", "HANGUL", "HIRAGANA", "KATAKANA", "BOPOMOFO"), "Noto Sans CJK"),
    **dict.fromkeys(("IDEOGRAPHIC", "HALFWIDTH", "FULLWIDTH"), "Noto Sans CJK"),
    **dict.fromkeys(("LATIN", "GREEK", "CYRILLIC", "MODIFIER"), "Noto Sans"),
    "MATHEMATICAL": "Noto Sans Math",
    "NKO": "Noto Sans NKo",
    "CANADIAN": "Noto Sans Canadian Aboriginal",
    "EGYPTIAN": "Noto Sans Egyptian Hieroglyphs",
    "TANGUT": "Noto Serif Tangut",
    "TIBETAN": "Noto Serif Tibetan",
}
"""Fonts of letters whose names begin so. Other fonts are called Noto Sans, then the script."""

PACKAGES = {"Noto Sans CJK": "fonts-noto-cjk"}
"""Debian's packages of fonts that are not in `fonts-noto-core`."""

MOST_NUMBERS = 300
"""Cells up to which a picture of weights also has their numbers."""


def learning_curve(metrics: Path, picture: Path) -> None:
    """Draw losses and BLEU over the updates and, below them, the alignment error rate where it was
    measured.

    Without matplotlib there is no picture.

    Args:
        metrics: `metrics.jsonl` of a run.
        picture: the PNG to write.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    events = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    # Losses and scores have nothing in common but the updates: one axis on either side. The error
    # rate, where there is one, has a picture of its own below.
    heights = [5, 2] if any("aer" in event for event in events) else [1]
    panels = figure.subplots(len(heights), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    losses, links = panels[0], panels[-1]
    scores = losses.twinx()

    for axes, key, label, color in (
        (losses, "loss", "training loss (smoothed labels)", "tab:blue"),
        (losses, "valid_loss", "validation loss", "tab:orange"),
        (losses, "guide_loss", "guide's loss", "tab:purple"),
        (scores, "bleu", "validation BLEU", "tab:green"),
        (links, "aer", "alignment error rate", "tab:red"),
    ):
        steps = [event["step"] for event in events if key in event]
        values = [event[key] for event in events if key in event]
        # The legend names what was measured alone.
        if values:
            axes.plot(steps, values, color=color, label=label)

    losses.set(ylabel="nats per token")
    scores.set(ylabel="BLEU", ylim=(0, None))
    if links is not losses:
        links.set(ylabel="error rate", ylim=(0, 1))
    panels[-1].set(xlabel="updates")
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    write_atomically(picture, lambda temporary: figure.savefig(temporary, format="png", dpi=DPI))


def alignment(attention: Attention, name: Path) -> str:
    """Draw the soft cross-attention that links are read from, over units, and mark the hard links.

    Args:
        name: without suffix; a PNG and an SVG are written.

    Returns:
        Why there is no picture, which is what has to be installed; empty when it was drawn.
    """
    rule, src, tgt = attention.rule, attention.src, attention.tgt
    try:
        figure, family = new_figure(src.text + tgt.text)
    except ImportError:
        return 'install matplotlib: pip install "transformer_mt[viz]".'
    except UserError as error:
        return str(error)
    from matplotlib.patches import Rectangle

    figure.set_size_inches(2 + 0.5 * len(src.units), 2 + 0.45 * len(tgt.units))
    axes = figure.subplots()
    # The picture shows the very map that the links were read from.
    weights = shifted(soft(attention.cross, rule.layer, rule.head), rule.shift)  # (T - 1, S)
    draw_weights(axes, attention, merge_weights(weights, src, tgt), family)
    for i, j in attention.links:
        corner = (i - 0.46, j - 0.46)  # a cell is 1 wide, with the unit's number at its centre
        style = "-"
        if rule.both and (i, j) not in attention.column_links:
            style = "--"
        elif (i, j) not in attention.row_links:
            style = ":"
        square = Rectangle(
            corner, 0.92, 0.92, fill=False, edgecolor="tab:orange", linewidth=2, linestyle=style
        )
        axes.add_patch(square)
    legend = "squares: links"
    if rule.both:
        legend += " (dashed: found by rows alone, dotted: by columns alone)"
    axes.set_xlabel(f"cross-attention, {rule}; {legend}", wrap=True)
    save_picture(figure, name)
    return ""


def heads(attention: Attention, layer: int, name: Path) -> None:
    """Draw the cross-attention of every head of a layer, side by side.

    Args:
        name: without suffix; a PNG and an SVG are written.
    """
    src, tgt = attention.src, attention.tgt
    figure, family = new_figure(src.text + tgt.text)
    n_heads = attention.cross.shape[1]
    # As square a grid as the number of heads allows.
    n_columns = math.ceil(math.sqrt(n_heads))
    n_rows = math.ceil(n_heads / n_columns)
    width, height = 1.2 + 0.35 * len(src.units), 1.2 + 0.32 * len(tgt.units)
    figure.set_size_inches(n_columns * width, n_rows * height)

    for head, axes in enumerate(figure.subplots(n_rows, n_columns, squeeze=False).flat):
        if head >= n_heads:
            axes.set_axis_off()
            continue
        weights = attention.cross[layer, head][:-1]  # without the row that emits eos: (T - 1, S)
        draw_weights(axes, attention, merge_weights(weights, src, tgt), family)
        axes.set_xlabel(f"layer {layer}, head {head}")
    save_picture(figure, name)


def draw_weights(axes: Any, attention: Attention, weights: np.ndarray, family: list[str]) -> None:
    """Draw weights as shades, and as numbers while there are few; source across, target down.

    Args:
        weights: `(U_t, U_s + 1)`, the source's eos last.
        family: fonts for the labels.
    """
    if len(weights):  # an empty translation has no rows
        axes.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    src_labels = [*map(visible, attention.src.unit_texts), "</s>"]
    tgt_labels = [visible(text) for text in attention.tgt.unit_texts]
    # Chinese characters fit beside each other, English words do not.
    is_upright = max(map(len, attention.src.unit_texts), default=0) <= 2
    axes.set_xticks(
        range(len(src_labels)),
        src_labels,
        fontfamily=family,
        rotation=0 if is_upright else 60,
        ha="center" if is_upright else "left",
        rotation_mode="anchor",
        parse_math=False,  # a sentence may hold dollar signs
    )
    axes.set_yticks(range(len(weights)), tgt_labels, fontfamily=family, parse_math=False)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if weights.size > MOST_NUMBERS:
        return
    for (row, column), weight in np.ndenumerate(weights):
        if weight >= 0.005:
            color = "white" if weight > 0.6 else "black"
            text = f"{weight:.2f}"
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color=color)


def new_figure(text: str) -> tuple[Any, list[str]]:
    """An empty figure, and a font family that has the letters of `text`.

    Raises:
        ImportError: matplotlib is not installed.
        UserError: no installed font has the letters.
    """
    from matplotlib import font_manager
    from matplotlib.figure import Figure
    from matplotlib.ft2font import FT2Font

    family = ["DejaVu Sans"]  # comes with matplotlib
    # Letters only: nobody misses a mark or an emoji as much.
    missing = {c for c in text if unicodedata.category(c)[0] == "L"}
    missing -= set(map(chr, FT2Font(font_manager.findfont("DejaVu Sans")).get_charmap()))
    installed = font_manager.findSystemFonts() if missing else []

    # Regular faces come before bold and slanted ones.
    for path in sorted(installed, key=lambda path: ("Regular" not in path, path)):
        try:
            new_letters = missing & set(map(chr, FT2Font(path).get_charmap()))
        except RuntimeError:  # not a font that matplotlib can read
            continue
        if new_letters:
            font_manager.fontManager.addfont(path)
            family.append(font_manager.FontProperties(fname=path).get_name())
            missing -= new_letters
        if not missing:
            break
    if missing:
        fonts = sorted({noto_font(letter) for letter in missing})
        packages = sorted({PACKAGES.get(font, "fonts-noto-core") for font in fonts})
        raise UserError(
            f"no installed font has {''.join(sorted(missing))[:8]}; install one, such as "
            f"{', '.join(fonts)} (on Debian and Ubuntu: apt install {' '.join(packages)})."
        )
    return Figure(layout="constrained"), family


def noto_font(letter: str) -> str:
    """The Noto font of a letter's script, which Unicode's name of the letter begins with."""
    name = unicodedata.name(letter, "")
    for beginning, font in NOTO_FONTS.items():
        if name.startswith(beginning):
            return font
    if match := re.match(
        r"(.+?) (?:(?:CAPITAL|SMALL|MODIFIER) )?(?:LETTER|SYLLABLE|CHARACTER)", name
    ):
        return f"Noto Sans {match[1].title()}"
    return "Noto Sans"


def save_picture(figure: Any, name: Path) -> None:
    """Write a figure as PNG and SVG; `name` has no suffix."""
    dpi = min(DPI, LONGEST_EDGE / max(figure.get_size_inches()))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # an emoji becomes a box
        for form in ("png", "svg"):
            write = partial(figure.savefig, format=form, dpi=dpi)
            write_atomically(name.with_suffix(f".{form}"), write)
