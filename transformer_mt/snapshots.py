"""How does attention come about? The cross-attention of one validation sentence, kept in a run at
each validation, so that a page can replay it.
"""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

from transformer_mt.config import UserError
from transformer_mt.files import write_text

FILE = "snapshots.json"
"""In the run directory."""
MOST = 40
"""Snapshots kept. Of more, every second one goes, so that the file of a long run stays small."""


def add_snapshot(
    run_dir: Path, step: int, src_tokens: list[str], tgt_tokens: list[str], cross: np.ndarray
) -> None:
    """Keep what the model makes of the sentence now.

    What the file has of this step or of later ones is left over from before a run was resumed, and
    goes.

    Args:
        src_tokens: of the sentence, eos last; S of them, the same at each step.
        tgt_tokens: of the model's own translation, eos last; T of them.
        cross: the weights `(L, H, T, S)`. They are kept in float16.
    """
    kept = [each for each in _read(run_dir)["snapshots"] if each["step"] < step]
    weights = base64.b64encode(cross.astype("<f2").tobytes()).decode()
    snapshots = [*kept, {"step": step, "tgt_tokens": tgt_tokens, "weights": weights}]
    if len(snapshots) > MOST:
        del snapshots[1:-1:2]
    data = {"src_tokens": src_tokens, "shape": cross.shape[:2], "snapshots": snapshots}
    write_text(run_dir / FILE, json.dumps(data, ensure_ascii=False) + "\n")


def page_snapshots(run_dir: Path) -> dict[str, Any] | None:
    """What a page needs to replay training; None where the run kept nothing.

    Returns:
        `src_tokens`, and `snapshots`, oldest first: `step`, `tgt_tokens`, and `weights`, which are
        little-endian float32 `(L, H, T, S)` in base64, as everywhere in the pages.
    Raises:
        UserError: the file is damaged.
    """
    data = _read(run_dir)
    if not data["snapshots"]:
        return None
    try:
        for snapshot in data["snapshots"]:
            halves = np.frombuffer(base64.b64decode(snapshot["weights"]), "<f2")
            shape = (*data["shape"], len(snapshot["tgt_tokens"]), len(data["src_tokens"]))
            weights = halves.reshape(shape).astype("<f4")
            snapshot["weights"] = base64.b64encode(weights.tobytes()).decode()
    except (ValueError, TypeError, KeyError):
        raise UserError(f"{run_dir / FILE}: damaged; delete it to go on without it.") from None
    return {"src_tokens": data["src_tokens"], "snapshots": data["snapshots"]}


def _read(run_dir: Path) -> dict[str, Any]:
    """What the file holds; without a snapshot where there is none, or no whole one."""
    try:
        data = json.loads((run_dir / FILE).read_text(encoding="utf-8"))
        is_whole = all(isinstance(each["step"], int) for each in data["snapshots"])
        return data if is_whole else {"snapshots": []}
    except (OSError, ValueError, TypeError, KeyError):
        return {"snapshots": []}
