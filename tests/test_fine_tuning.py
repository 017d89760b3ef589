"""Training goes on from an imported model: the output bias is trained, unused ids stay unused."""

import json
import math

import pytest
import torch
from helpers import lines, training_options

from transformer_mt.config_file import load_config
from transformer_mt.run_dir import load_tensors

pytest.importorskip("transformers", reason="makes its models with transformers")
from marian_models import KINDS, make_directory


@pytest.mark.parametrize("name", list(KINDS))
def test_training_goes_on_from_an_imported_model(name, call, corpus_tsv, cache_dir, tmp_path):
    make_directory(tmp_path / "marian", name)
    begin, run = tmp_path / "begin", tmp_path / "run"
    code = ["--target-language", "cmn_Hans"] if KINDS[name].codes else []
    assert call("convert", tmp_path / "marian", begin, *code).status == 0
    options = [
        option
        for option in training_options(corpus_tsv, cache_dir, run)
        if not option.startswith(("model.", "tokenizer."))
    ]
    limits = ["train.max_steps=40", "train.validate_every=20", "train.lr=0.003"]
    done = call("train", *options, *limits, f"init_from={begin}")
    assert done.status == 0, done.err
    losses = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    losses = [row["loss"] for row in losses if "loss" in row]
    assert all(map(math.isfinite, losses)) and losses[-1] < 0.75 * losses[0], losses
    before, _ = load_tensors(begin / "model.safetensors")
    now, metadata = load_tensors(run / "model.safetensors")
    assert metadata["source"]["name"]
    assert before.keys() == now.keys()
    if "output.bias" in before:
        old, new = before["output.bias"], now["output.bias"]
        unused = old < -1e8
        assert unused.any() and torch.equal(old[unused], new[unused])
        assert not torch.equal(old[~unused], new[~unused])
    config = load_config(run)
    assert config.tokenizer == load_config(begin).tokenizer
    done = call("train", *options, *limits, f"init_from={begin}", "train.max_steps=44")
    assert done.status == 0 and "begins with" not in done.err, done.err
    rows = (run / "valid.tsv").read_bytes()
    before, after = (
        sum(float(line) for line in lines(call("score", path, stdin=rows).out))
        for path in (begin, run)
    )
    assert before < 1.2 * after < 0
    done = call("evaluate", run, begin, "--split", "valid", "--beam-size", 1, "--json")
    report = json.loads(lines(done.out)[0])
    assert [system["run"] for system in report["systems"]] == [str(run), str(begin)]
    assert call("convert", run, tmp_path / "out", "--to", "marian").status == 0
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "It was fine-tuned from marian on `files`; its weights are of step" in card
