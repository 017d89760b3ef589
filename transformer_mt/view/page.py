"""The self-contained pages: templates filled with data, and the data of `attention.html`."""

import base64
import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from transformer_mt import roles
from transformer_mt.alignment import Reason, Side, make_gold
from transformer_mt.files import read_text
from transformer_mt.inspector import KINDS, Attention, Inspector
from transformer_mt.run_dir import LoadedRun
from transformer_mt.snapshots import page_snapshots
from transformer_mt.text import page_language, visible
from transformer_mt.units import is_punctuation, split_units

AER_KEYS = ("layer", "head", "shift", "mask_eos", "both", "aer")
"""What the page shows of a row of `alignment.json`."""

GOLD_KEYS = {
    "the run's validation set": "valid",
    "the run's test set": "test",
    "the packaged starter's validation set": "starter",
}
"""Gold links that a page can name in both languages, as `alignment.json` names them."""

MOST_SNAPSHOTS = 12
SNAPSHOT_CHARACTERS = 2_000_000
"""What the replay of training may take of a page; twelve steps of `tiny` need a tenth of it."""


def render(data: dict[str, Any], template: str = "attention.html") -> str:
    """One HTML file: a template with its style sheets, scripts and data in place.

    Args:
        data: becomes JSON; no text in it can end the script element that holds it, and control
            characters become visible.
        template: a file in `assets/`; `__NAME.css__`, `__NAME.html__` or `__NAME.js__` stands for
            another file there, and `__DATA__` for the data.
    Raises:
        ValueError: a number is not finite, which JSON cannot write.
    """
    assets = Path(__file__).parent / "assets"

    def read(name: str) -> str:
        return (assets / name).read_text(encoding="utf-8")

    page = re.sub(r"__(\w+\.(?:css|html|js))__", lambda match: read(match[1]), read(template))
    # "</script>" inside a sentence would end the element, so that "<" is escaped.
    text = json.dumps(shown(data), ensure_ascii=False, allow_nan=False)
    return page.replace("__DATA__", text.replace("<", "\\u003c"))


def shown(data: Any) -> Any:
    """`data` with all of its text as a page can show it."""
    if isinstance(data, str):
        return visible(data)
    if isinstance(data, list | tuple):
        return [shown(item) for item in data]
    if isinstance(data, dict):
        return {key: shown(value) for key, value in data.items()}
    return data


def packed(array: np.ndarray) -> str:
    """Little-endian float32 in base64."""
    return base64.b64encode(array.astype("<f4").tobytes()).decode()


def side_data(side: Side, language: str) -> dict[str, Any]:
    """The tokens of a side, and the words or characters that links index."""
    units = [
        {
            "text": text,
            "tokens": np.flatnonzero(column).tolist(),
            "punctuation": is_punctuation(text),
        }
        for text, column in zip(side.unit_texts, side.overlap.T, strict=True)
    ]
    return {
        "text": side.text,
        "language": page_language(language),
        "tokens": side.tokens,
        "n_prefix": side.n_prefix,
        "units": units,
    }


def reason_data(reason: Reason) -> dict[str, Any]:
    """The reason as keys, because the page has the words of both languages.

    Returns:
        `key`, as in `Reason`, `changed` and `taught`. What the sentence speaks of is `gold`, a
        value of `GOLD_KEYS`, or else `name`: a file, or languages. `n_pairs` counts the gold pairs;
        None where `alignment.json` does not say how many.
    """
    name, n_pairs = reason.subject, None
    # `alignment.json` says it for people: "the run's validation set, 1000 pairs".
    if match := re.fullmatch(r"(.*), (\d+) pairs", name, re.DOTALL):
        name, n_pairs = match[1], int(match[2])
    subject = {"gold": GOLD_KEYS[name]} if name in GOLD_KEYS else {"name": name}
    switches = {"changed": reason.changed, "taught": reason.taught}
    return {"key": reason.key, "n_pairs": n_pairs} | switches | subject


def gold_links(run: LoadedRun, attention: Attention) -> list[list[int]] | None:
    """The sure gold links of this very pair, where it is one of the run's held-out pairs."""
    src, tgt = attention.src, attention.tgt
    if (src.units, tgt.units) != (split_units(src.text), split_units(tgt.text)):
        return None  # gold links are between words, these units are not
    for path in (run.path / "valid.tsv", run.path / "test.tsv"):
        for line in read_text(path) if path.is_file() else []:
            row = line.split("\t")
            if row[:2] == [src.text, tgt.text] and row[2:]:
                return np.argwhere(make_gold(src, tgt, row[2], str(path)).sure).tolist()
    return None


def roles_data(inspector: Inspector, attention: Attention | None) -> dict[str, Any] | None:
    """What each head looks at, where that is clear.

    Args:
        attention: of the sentence that the page shows; None where it shows any.
    Returns:
        `heads`, as `clear_roles` gives them, measured on `n_pairs` pairs of the run's validation
        set; 0 = on this very sentence, because the run keeps none; None = on nothing.
    """
    pairs = roles.held_out(inspector)
    own_pair = [make_gold(attention.src, attention.tgt, "", "")] if attention else []
    if not pairs and not own_pair:
        return None
    shares = roles.measure(inspector, pairs or own_pair)
    return {"n_pairs": len(pairs), "heads": roles.clear_roles(shares)}


def run_data(run: LoadedRun) -> dict[str, Any]:
    """What a page says of the model, and its sizes."""
    model = run.config.model
    return {
        "name": run.path.resolve().name,
        "direction": run.config.direction,
        "step": max(run.metadata["steps"]),
        "n_heads": model.n_heads,
        "d_head": model.d_model // model.n_heads,
        "cross_attention": model.cross_attention.value,
    }


def replay_data(run_dir: Path) -> dict[str, Any] | None:
    """The snapshots of `page_snapshots` that the page replays, evenly chosen, the last among them.

    There are at most `MOST_SNAPSHOTS`, and fewer where they are large. None where not even two of
    them fit, because one alone replays nothing.
    """
    kept = page_snapshots(run_dir)
    if kept is None:
        return None
    snapshots = kept["snapshots"]
    for n in range(min(MOST_SNAPSHOTS, len(snapshots)), 1, -1):
        places = np.linspace(0, len(snapshots) - 1, n).round().astype(int)
        chosen = [snapshots[i] for i in places]
        if sum(len(snapshot["weights"]) for snapshot in chosen) <= SNAPSHOT_CHARACTERS:
            return kept | {"snapshots": chosen}
    return None


def page_data(attention: Attention) -> dict[str, Any]:
    """What the attention page shows."""
    inspector, src, tgt = attention.inspector, attention.src, attention.tgt
    run, config = inspector.run, inspector.run.config
    saved = inspector.saved_rule()
    table = saved[1]["table"] if saved else []
    return {
        "run": run_data(run),
        "src": side_data(src, config.src_language),
        "tgt": side_data(tgt, config.tgt_language) | {"in_tokens": attention.tgt_in_tokens},
        "n_layers": {kind: len(getattr(attention, kind)) for kind in KINDS},
        "weights": {kind: packed(getattr(attention, kind)) for kind in KINDS},
        "queries": {kind: packed(attention.queries[kind]) for kind in KINDS},
        "keys": {kind: packed(attention.keys[kind]) for kind in KINDS},
        "values": {kind: packed(attention.values[kind]) for kind in KINDS},
        "rule": asdict(attention.rule),
        "reason": reason_data(attention.reason),
        "links": sorted(attention.links),
        "gold": gold_links(run, attention),
        "aer": [{key: row[key] for key in AER_KEYS} for row in table],
        "roles": roles_data(inspector, attention),
        "candidates": attention.candidates,
        "log_probs": attention.log_probs.tolist(),
        "left_out": inspector.left_out(src, tgt).round(4).tolist(),
        "snapshots": replay_data(run.path),
    }
