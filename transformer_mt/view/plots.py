"""What does a person see? Pictures by matplotlib (extra `viz`), imported only when one is drawn."""

import json
import math
import unicodedata
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from transformer_mt.alignment import merge_weights, shifted, soft
from transformer_mt.config import UserError
from transformer_mt.files import write_atomically
from transformer_mt.translator import Attention


def learning_curve(metrics: Path, picture: Path) -> None:
    """Draw training loss, validation loss, BLEU and, where it was measured, the alignment error rate over updates;
    nothing without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    events = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    losses = figure.subplots()
    scores = losses.twinx()
    for axes, key, label, style in (
        (losses, "loss", "training loss (smoothed labels)", "tab:blue"),
        (losses, "valid_loss", "validation loss", "tab:orange"),
        (scores, "bleu", "validation BLEU", "tab:green"),
        (scores, "aer", "alignment error rate, %", "tab:red"),
    ):
        factor = 100 if key == "aer" else 1
        points = [(event["step"], factor * event[key]) for event in events if key in event]
        if key == "aer" and not points:
            continue
        axes.plot(*zip(*points, strict=True) if points else ([], []), color=style, label=label)
    losses.set(xlabel="updates", ylabel="nats per token")
    scores.set(ylabel="BLEU", ylim=(0, None))
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    write_atomically(picture, lambda temporary: figure.savefig(temporary, format="png", dpi=150))


def alignment(attention: Attention, name: Path) -> str:
    """Draw the soft cross-attention that links are read from, over units, with the hard links marked.

    Args:
        name: without suffix; a PNG and an SVG are written.
    Returns:
        Why there is no picture: what has to be installed; empty when it was drawn.
    """
    rule, src, tgt = attention.rule, attention.src, attention.tgt
    try:
        figure, family = new_figure(src.text + tgt.text)
    except (ImportError, UserError) as error:
        return (
            str(error)
            if isinstance(error, UserError)
            else 'install matplotlib: pip install "transformer_mt[viz]".'
        )
    weights = shifted(soft(attention.cross, rule.layer, rule.head), rule.shift)
    figure.set_size_inches(2 + 0.5 * len(src.units), 2 + 0.45 * len(tgt.units))
    axes = figure.subplots()
    draw_weights(axes, attention, merge_weights(weights, src, tgt), family)
    from matplotlib.patches import Rectangle

    for i, j in attention.links:
        axes.add_patch(
            Rectangle(
                (i - 0.46, j - 0.46), 0.92, 0.92, fill=False, edgecolor="tab:orange", linewidth=2
            )
        )
    axes.set_xlabel(f"cross-attention, {rule}; squares: links")
    save_picture(figure, name)
    return ""


def heads(attention: Attention, layer: int, name: Path) -> None:
    """Draw the cross-attention of every head of a layer, side by side; arguments as for `alignment`."""
    figure, family = new_figure(attention.src.text + attention.tgt.text)
    n_heads = attention.cross.shape[1]
    columns = math.ceil(math.sqrt(n_heads))
    rows = math.ceil(n_heads / columns)
    size = 1.2 + 0.35 * len(attention.src.units), 1.2 + 0.32 * len(attention.tgt.units)
    figure.set_size_inches(columns * size[0], rows * size[1])
    for head, axes in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
        if head >= n_heads:
            axes.set_axis_off()
            continue
        draw_weights(
            axes,
            attention,
            merge_weights(attention.cross[layer, head][:-1], attention.src, attention.tgt),
            family,
        )
        axes.set_xlabel(f"layer {layer}, head {head}")
    save_picture(figure, name)


def draw_weights(axes: Any, attention: Attention, weights: np.ndarray, family: list[str]) -> None:
    """Weights `(U_t, U_s + 1)` as shades, and as numbers while there are few; source across, target down."""
    if len(weights):  # an empty translation has no rows
        axes.imshow(weights, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    src_labels = [*attention.src.unit_texts, "</s>"]
    upright = max(map(len, attention.src.unit_texts), default=0) <= 2
    axes.set_xticks(range(len(src_labels)), src_labels, fontfamily=family, rotation=0 if upright else 60,
                    ha="center" if upright else "left", rotation_mode="anchor", parse_math=False)  # fmt: skip
    axes.set_yticks(
        range(len(weights)), attention.tgt.unit_texts, fontfamily=family, parse_math=False
    )
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if weights.size <= 300:
        for (row, column), weight in np.ndenumerate(weights):
            if weight >= 0.005:
                color = "white" if weight > 0.6 else "black"
                axes.text(
                    column, row, f"{weight:.2f}", ha="center", va="center", fontsize=8, color=color
                )


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
    missing = {c for c in text if unicodedata.category(c)[0] == "L"}
    missing -= set(map(chr, FT2Font(font_manager.findfont("DejaVu Sans")).get_charmap()))
    installed = (
        sorted(font_manager.findSystemFonts(), key=lambda path: ("Regular" not in path, path))
        if missing
        else []
    )
    for path in installed:
        try:
            has = missing & set(map(chr, FT2Font(path).get_charmap()))
        except RuntimeError:  # not a font that matplotlib can read
            continue
        if has:
            font_manager.fontManager.addfont(path)
            family.append(font_manager.FontProperties(fname=path).get_name())
            missing -= has
        if not missing:
            break
    if missing:
        raise UserError(
            f"no installed font has {''.join(sorted(missing))[:8]}; install one, such as Noto Sans CJK (on Debian and "
            f"Ubuntu: apt install fonts-noto-cjk)."
        )
    figure = Figure(layout="constrained")
    return figure, family


def save_picture(figure: Any, name: Path) -> None:
    dpi = min(
        150, 8000 / max(figure.get_size_inches())
    )  # some 100 units; a larger picture takes gigabytes
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # an emoji becomes a box
        for form in ("png", "svg"):
            write_atomically(
                name.with_suffix(f".{form}"), partial(figure.savefig, format=form, dpi=dpi)
            )
