"""Several processes on one run: two equal one, locks, ranks that die, signals, and what a killed
writer leaves."""

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import torch
from helpers import ENVIRONMENT, running, training_config, training_options

from transformer_mt.config import UserError
from transformer_mt.files import file_lock
from transformer_mt.run_dir import checkpoint_path, checkpoint_steps, load_tensors
from transformer_mt.train import train

EVEN = {
    "model.dropout": 0.0,
    "train.token_budget": 30,
    "train.log_every": 1,
    "train.validate_every": 10,
}
"""Without chance; some updates have a single row, fewer than there are processes."""


WIDE = """
import sys, time
from pathlib import Path
import torch
torch.set_default_dtype(torch.float64)
from transformer_mt.train import main
main()
def is_gloo(task):
    try:
        return "gloo" in task.read_text(encoding="utf-8")
    except OSError:  # it has just ended
        return False
deadline = time.monotonic() + 10  # a thread that ended stays in /proc for a moment
# Python would shut down under it.
while any(is_gloo(task) for task in Path("/proc/self/task").glob("*/comm")):
    if time.monotonic() > deadline:
        sys.exit("gloo's threads were left running")
    time.sleep(0.05)
"""
"""The command in float64; fails if the process group outlives it."""


@contextmanager
def torchrun(n: int, *options: str, module: str = "transformer_mt.train"):
    """`torchrun --nproc-per-node n`, or a plain process where n is 1."""
    launcher = (
        ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(n)] if n > 1 else []
    )
    program = [module] if module.endswith(".py") else ["-m", module]
    process = subprocess.Popen(
        [sys.executable, *launcher, *program, *options],
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stderr.close()


def finish(process: subprocess.Popen) -> tuple[int, str]:
    _, err = process.communicate(timeout=300)
    return process.returncode, err.decode()


def final(run_dir: Path) -> tuple[dict, dict]:
    """Tensors and metadata of the newest checkpoint."""
    step = checkpoint_steps(run_dir, "state")[-1]
    return load_tensors(checkpoint_path(run_dir, "state", step))


def losses(run_dir: Path) -> list[float]:
    import json

    lines = map(json.loads, (run_dir / "metrics.jsonl").read_text(encoding="utf-8").splitlines())
    return [line[key] for line in lines for key in ("loss", "valid_loss", "bleu") if key in line]


def train_both(
    corpus_tsv: Path, cache_dir: Path, tmp_path: Path, module: str, **changes: object
) -> list[Path]:
    """The same run by one process and by two."""
    folders = []
    for n in (1, 2):
        folders.append(tmp_path / f"by-{n}")
        options = training_options(corpus_tsv, cache_dir, folders[-1], **EVEN | changes)
        with torchrun(n, *options, module=module) as process:
            status, err = finish(process)
        assert status == 0, err
        assert err.count("parameters, ") == 1  # one process talks
    return folders


@pytest.mark.slow
@pytest.mark.parametrize("accumulate", [2])
@pytest.mark.parametrize("guided", [False, True])
def test_two_processes_equal_one_in_float64(
    corpus_tsv, guided_tsv, cache_dir, tmp_path, accumulate, guided
):
    module = tmp_path / "wide.py"
    module.write_text(WIDE, encoding="utf-8")
    changes = {"train.max_steps": 20, "train.accumulate": accumulate}
    if guided:
        changes["data.links_column"] = "2"
    corpus = guided_tsv if guided else corpus_tsv
    one, two = train_both(corpus, cache_dir, tmp_path, str(module), **changes)
    ours, theirs = final(one)[0], final(two)[0]
    assert {name for name in theirs if name not in ours} == {"rng.cpu.1"}
    for name, tensor in ours.items():
        if name.startswith("model."):
            assert tensor.dtype is torch.float64
            torch.testing.assert_close(theirs[name], tensor, rtol=0, atol=1e-9)
    assert losses(two) == losses(one)  # rounded to six digits


@pytest.mark.slow
def test_two_processes_equal_one_in_float32(corpus_tsv, cache_dir, tmp_path):
    changes = {"train.max_steps": 20, "train.checkpoint_every": 1, "train.token_budget": 400}
    one, two = train_both(corpus_tsv, cache_dir, tmp_path, "transformer_mt.train", **changes)
    for ours, theirs in zip(losses(one), losses(two), strict=True):
        assert theirs == pytest.approx(ours, rel=1e-4)
    first = {"train.max_steps": 1, "train.token_budget": 400}
    (tmp_path / "first").mkdir()
    one, two = train_both(
        corpus_tsv, cache_dir, tmp_path / "first", "transformer_mt.train", **first
    )
    ours, theirs = final(one)[0], final(two)[0]
    gradients = [
        name for name in ours if name.startswith("optimizer.exp_avg.")
    ]  # a tenth of the first gradient
    assert gradients
    for name in gradients:
        assert (theirs[name] - ours[name]).norm() <= 1e-5 * ours[name].norm(), name


def wait_for_step(run_dir: Path, step: int) -> None:
    """Until a checkpoint of `step` or later is there."""
    deadline = time.monotonic() + 300
    while not any(s >= step for s in checkpoint_steps(run_dir, "state")):
        assert time.monotonic() < deadline
        time.sleep(0.05)


LONG = EVEN | {
    "train.max_steps": 100_000,
    "train.validate_every": 100_000,
    "train.checkpoint_every": 5,
}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the process in /proc")
def test_a_rank_that_dies_ends_the_job_and_another_number_of_processes_goes_on(
    corpus_tsv, cache_dir, tmp_path
):
    run_dir = tmp_path / "run"
    with torchrun(2, *training_options(corpus_tsv, cache_dir, run_dir, **LONG)) as process:
        wait_for_step(run_dir, 5)
        environments = {path.parent.name: path for path in Path("/proc").glob("[0-9]*/environ")}
        ranks = []
        for pid, path in environments.items():
            try:
                parent = int((path.parent / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == process.pid and b"RANK=1" in path.read_bytes().split(b"\0"):
                    ranks.append(int(pid))
            except (OSError, ValueError):
                continue
        assert len(ranks) == 1
        start = time.monotonic()
        os.kill(ranks[0], signal.SIGKILL)
        status, err = finish(process)
    assert time.monotonic() - start < 60
    assert status != 0 and "SIGKILL" in err
    reached = checkpoint_steps(run_dir, "state")[-1]
    options = training_options(
        corpus_tsv, cache_dir, run_dir, **LONG | {"train.max_steps": reached + 3}
    )
    with torchrun(1, *options) as process:
        status, err = finish(process)
    assert status == 0, err
    assert "warning: 2 processes before, 1 now: equal to rounding only" in err
    assert final(run_dir)[1]["state"]["step"] == reached + 3


@pytest.mark.slow
def test_two_processes_stop_together_and_go_on_to_the_bit(corpus_tsv, cache_dir, tmp_path):
    chance = {
        "model.dropout": 0.2,
        "tokenizer.sampling_alpha": 0.3,
        "train.schedule": "inverse_sqrt",
    }
    limits = {"train.validate_every": 100_000, "train.checkpoint_every": 100_000}
    whole, halved = tmp_path / "whole", tmp_path / "halved"
    with torchrun(2, *training_options(corpus_tsv, cache_dir, halved, **LONG | chance)) as process:
        wait_for_step(halved, 5)
        process.send_signal(signal.SIGTERM)
        finish(process)
    stopped_at = checkpoint_steps(halved, "state")[-1]
    assert stopped_at >= 5
    end = {"train.max_steps": stopped_at + 5}
    for run_dir in (whole, halved):
        with torchrun(
            2, *training_options(corpus_tsv, cache_dir, run_dir, **LONG | chance | limits | end)
        ) as process:
            status, err = finish(process)
        assert status == 0, err
    ours, theirs = final(whole)[0], final(halved)[0]
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_a_number_of_processes_without_a_rank_is_one_line(
    call, corpus_tsv, cache_dir, tmp_path, monkeypatch
):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", "29500")
    options = training_options(corpus_tsv, cache_dir, tmp_path / "run")
    assert call("train", *options).error == (
        "error: WORLD_SIZE=2 is set, but not RANK: start the processes with torchrun, "
        "or unset WORLD_SIZE to train with one."
    )
    assert not (tmp_path / "run").exists()
    monkeypatch.delenv("MASTER_PORT")
    assert "not RANK, MASTER_PORT:" in call("train", *options).error
    monkeypatch.setenv("RANK", "x")
    assert "RANK=x is not a number: start" in call("train", *options).error
    monkeypatch.setenv("WORLD_SIZE", "two")
    assert "WORLD_SIZE=two is not a number: start" in call("train", *options).error


def test_a_run_directory_belongs_to_one_process(corpus_tsv, cache_dir, tmp_path):
    """And is free again when that one is killed."""
    run_dir = tmp_path / "run"
    options = training_options(corpus_tsv, cache_dir, run_dir, **LONG)
    with running("train", *options, start_new_session=True) as process:
        wait_for_step(run_dir, 5)
        for resume in (True, False):
            config = training_config(corpus_tsv, cache_dir, run_dir, **LONG, resume=resume)
            with pytest.raises(
                UserError, match=f"run is in use by process {process.pid} on .*; wait"
            ):
                train(config)
        assert not run_dir.with_name("run.old1").exists()
    reached = checkpoint_steps(run_dir, "state")[-1]
    assert (
        train(
            training_config(
                corpus_tsv, cache_dir, run_dir, **LONG | {"train.max_steps": reached + 2}
            )
        )
        == 0
    )


LOCKED_WORK = """
import os, sys, time
from pathlib import Path
from transformer_mt.files import file_lock
from transformer_mt.runtime import worker_pool

def work(number):
    os.write(1, b"ready\\n")  # at once: what two processes print may come in pieces
    time.sleep(600)

with file_lock(Path(sys.argv[1]), wait=False), worker_pool(2) as pool:
    list(pool.map(work, range(2)))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_and_the_lock_end_with_the_process_that_is_stopped(tmp_path, number):
    process = subprocess.Popen(
        [sys.executable, "-c", LOCKED_WORK, tmp_path / "lock"],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process, ExitStack() as stack:
        stack.callback(process.kill)  # a failed assertion would wait for it
        assert [process.stdout.readline() for _ in range(2)] == ["ready\n"] * 2
        with pytest.raises(UserError, match="in use"), file_lock(tmp_path / "lock", wait=False):
            pass
        start = time.monotonic()
        if number == signal.SIGINT:  # from a keyboard it goes to the whole group
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        process.wait(60)
        with file_lock(tmp_path / "lock", wait=False):  # free at once
            pass
        assert process.stdout.read() == ""  # ends when the last worker has
        assert time.monotonic() - start < 60
        assert process.stderr.read().count("Traceback") == (number == signal.SIGINT)


def test_a_damaged_part_of_the_average_is_left_out(corpus_tsv, cache_dir, tmp_path, capsys):
    options = LONG | {"train.max_steps": 12, "train.validate_every": 4, "train.average": 3}
    run_dir = tmp_path / "run"
    assert train(training_config(corpus_tsv, cache_dir, run_dir, **options)) == 0
    damage(checkpoint_path(run_dir, "weights", 8), "inside")
    options |= {"train.max_steps": 13}
    assert train(training_config(corpus_tsv, cache_dir, run_dir, **options)) == 0
    assert "its checksum is another). It is left out of the average." in capsys.readouterr().err


def damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    half = len(data) // 2
    damaged = {
        "truncated": data[:half],
        "empty": b"",
        "garbage": b"\0" * len(data),
        "inside": data[:-half] + b"\0" * half,
    }
    path.write_bytes(damaged[how])


@pytest.mark.parametrize("how", ["truncated", "empty", "garbage", "inside"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    corpus_tsv, cache_dir, tmp_path, capsys, how
):
    limits = LONG | {"train.max_steps": 12, "model.dropout": 0.2}
    whole, damaged = tmp_path / "whole", tmp_path / "damaged"
    for run_dir in (whole, damaged):
        assert train(training_config(corpus_tsv, cache_dir, run_dir, **limits)) == 0
    damage(checkpoint_path(damaged, "state", 12), how)
    with (damaged / "metrics.jsonl").open("ab") as file:
        file.write(b"\0\0\n")
    (damaged / "checkpoints" / ".state-00000015.safetensors.99.tmp").write_bytes(b"half")
    capsys.readouterr()
    assert train(training_config(corpus_tsv, cache_dir, damaged, **limits)) == 0
    err = capsys.readouterr().err
    assert (
        "state-00000012.safetensors: truncated or damaged" in err
        and "Going on from step 10 instead." in err
    )
    ours, theirs = final(whole)[0], final(damaged)[0]
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert not list(damaged.rglob("*.tmp"))
    assert checkpoint_steps(damaged, "state") == checkpoint_steps(whole, "state")


def test_when_every_checkpoint_is_damaged_the_way_out_is_named(corpus_tsv, cache_dir, tmp_path):
    limits = LONG | {"train.max_steps": 12}
    run_dir = tmp_path / "run"
    assert train(training_config(corpus_tsv, cache_dir, run_dir, **limits)) == 0
    for step in checkpoint_steps(run_dir, "state"):
        checkpoint_path(run_dir, "state", step).write_bytes(b"")
    with pytest.raises(
        UserError, match="No older checkpoint is left; start over with resume=false"
    ):
        train(training_config(corpus_tsv, cache_dir, run_dir, **limits))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_run_killed_again_and_again_equals_one_never_stopped():
    """The short form of `scripts/bench/torture.py`."""
    script = Path(__file__).parents[1] / "scripts" / "bench" / "torture.py"
    done = subprocess.run(
        [sys.executable, script, "--kills", "3"], env=ENVIRONMENT, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
    assert "differences from the undisturbed run: none, to the bit" in done.stdout.decode()
