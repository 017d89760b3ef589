"""What does a person see? Pictures by matplotlib (extra `viz`), imported only when one is drawn."""

import json
from pathlib import Path

from transformer_mt.checkpoint import write_atomically


def learning_curve(metrics: Path, picture: Path) -> bool:
    """Draw training loss, validation loss and BLEU over updates; False where matplotlib is not installed."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return False
    events = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    losses = figure.subplots()
    scores = losses.twinx()
    for axes, key, label, style in (
        (losses, "loss", "training loss (smoothed labels)", "tab:blue"),
        (losses, "valid_loss", "validation loss", "tab:orange"),
        (scores, "bleu", "validation BLEU", "tab:green"),
    ):
        points = [(event["step"], event[key]) for event in events if key in event]
        axes.plot(*zip(*points, strict=True) if points else ([], []), color=style, label=label)
    losses.set(xlabel="updates", ylabel="nats per token")
    scores.set(ylabel="BLEU", ylim=(0, None))
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    write_atomically(picture, lambda temporary: figure.savefig(temporary, format="png", dpi=150))
    return True
