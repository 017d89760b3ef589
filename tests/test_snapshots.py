"""What a run keeps of one sentence's attention, validation by validation."""

import base64
import json

import numpy as np
import pytest

from transformer_mt.config import UserError
from transformer_mt.snapshots import FILE, MOST, add_snapshot, page_snapshots

SRC = ["▁I", "▁draw", ".", "</s>"]


def cross(n_rows: int, seed: int = 0) -> np.ndarray:
    """Weights `(2, 3, T, 4)`."""
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(4), size=(2, 3, n_rows)).astype(np.float32)


def steps(run_dir) -> list[int]:
    return [snapshot["step"] for snapshot in page_snapshots(run_dir)["snapshots"]]


def test_a_page_gets_what_was_kept(tmp_path):
    assert page_snapshots(tmp_path) is None
    targets = {100: ["的", "的", "</s>"], 200: ["我", "画", "。", "</s>"]}
    for step, tokens in targets.items():
        add_snapshot(tmp_path, step, SRC, tokens, cross(len(tokens), step))
    data = page_snapshots(tmp_path)
    assert data["src_tokens"] == SRC and steps(tmp_path) == [100, 200]
    for snapshot in data["snapshots"]:
        tokens = targets[snapshot["step"]]
        weights = np.frombuffer(base64.b64decode(snapshot["weights"]), "<f4")
        expected = cross(len(tokens), snapshot["step"])
        assert snapshot["tgt_tokens"] == tokens
        assert np.allclose(weights.reshape(expected.shape), expected, atol=1e-3)
    json.dumps(data, allow_nan=False)


def test_a_run_that_was_set_back_keeps_each_step_once(tmp_path):
    for step in (100, 200, 400, 700, 200, 400):
        add_snapshot(tmp_path, step, SRC, ["</s>"], cross(1))
    assert steps(tmp_path) == [100, 200, 400]


def test_the_file_of_a_long_run_stays_small(tmp_path):
    for step in range(1, 10 * MOST):
        add_snapshot(tmp_path, step, SRC, ["</s>"], cross(1))
        kept = steps(tmp_path)
        assert kept[0] == 1 and kept[-1] == step and len(kept) <= MOST
        assert kept == sorted(set(kept))
    assert len(kept) > MOST / 3


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"snapshots": 3}', '{"snapshots": [3]}', '{"snapshots": [{"step": "x"}]}'],
)
def test_half_a_file_counts_as_none(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    assert page_snapshots(tmp_path) is None
    add_snapshot(tmp_path, 5, SRC, ["</s>"], cross(1))
    assert steps(tmp_path) == [5]


def test_numbers_that_do_not_fit_are_one_line(tmp_path):
    add_snapshot(tmp_path, 5, SRC, ["</s>"], cross(1))
    data = json.loads((tmp_path / FILE).read_text("utf-8"))
    data["snapshots"][0]["tgt_tokens"].append("more")
    (tmp_path / FILE).write_text(json.dumps(data))
    with pytest.raises(UserError, match=r"snapshots\.json: damaged"):
        page_snapshots(tmp_path)
