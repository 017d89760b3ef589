"""Kill a training run at random moments until it is complete; compare it with an undisturbed one.

    python scripts/bench/torture.py --kills 100

Everything that could differ is on: dropout, subword sampling, gradient accumulation, averaging,
validation, cosine schedule. The run is tiny, and most of the time goes into starting Python. Prints
a table; the exit status is 1 when anything differs.
"""

import argparse
import json
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file

from transformer_mt import Translator
from transformer_mt.config import STARTER_DIR
from transformer_mt.run_dir import checkpoint_path, checkpoint_steps

N_STEPS = 40
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
SENTENCES = ["I like apples.", "Where is the library?", "She is reading a book."]
TIMES = ("tokens_per_second", "minutes")
"""Metrics that may differ."""


def command(run_dir: Path) -> list[str]:
    """The training command.

    The corpus is the starter's validation split, which each run prepares anew.
    """
    options = {
        "run_dir": run_dir,
        "data": "files",
        "data.train": STARTER_DIR / "valid.tsv",
        "data.cache_dir": cache_dir(run_dir),
        "tokenizer.vocab_size": 1500,
        "tokenizer.sampling_alpha": 0.3,
        "data.source_noise": 0.3,
        "model": "tiny",
        "model.d_model": 32,
        "model.d_ff": 64,
        "model.dropout": 0.2,
        "train.max_steps": N_STEPS,
        "train.max_epochs": "null",
        "train.token_budget": 400,
        "train.accumulate": 2,
        "train.lr": 0.003,
        "train.schedule": "cosine",
        "train.warmup_steps": 10,
        "train.average": 2,
        "train.validate_every": 8,
        "train.checkpoint_every": 1,
        "train.log_every": 1,
        "train.device": "cpu",
    }
    overrides = [f"{key}={value}" for key, value in options.items()]
    return [sys.executable, "-m", "transformer_mt.train", *overrides]


def cache_dir(run_dir: Path) -> Path:
    return run_dir.with_suffix(".cache")


def read_metrics(run_dir: Path) -> list[dict[str, float]]:
    """The whole lines of `metrics.jsonl`, without times."""
    path = run_dir / "metrics.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    # A kill may leave half a line.
    rows = [json.loads(line) for line in lines if line.endswith("\n")]
    return [{key: value for key, value in row.items() if key not in TIMES} for row in rows]


def outcome(run_dir: Path) -> dict[str, object]:
    """Everything that must be the same in every run."""
    last_step = checkpoint_steps(run_dir, "state")[-1]
    translations = Translator(run_dir, "cpu", "fp32").translate(SENTENCES)
    return {
        "weights, Adam's moments, random state": load_file(
            checkpoint_path(run_dir, "state", last_step)
        ),
        "weights to use": load_file(run_dir / "model.safetensors"),
        "metrics": read_metrics(run_dir),
        "translations": [translation.text for translation in translations],
    }


def is_same(a: object, b: object) -> bool:
    """Whether two values of `outcome` agree, tensors to the bit."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
    return a == b


def temporary_files(folder: Path) -> list[str]:
    """What writers leave behind when nobody clears up after them."""
    return [path.name for path in folder.iterdir() if re.search(r"parts-|\.\d+$", path.name)]


@dataclass
class Report:
    """What happened to all runs."""

    kills: Counter[str] = field(default_factory=Counter)
    """By the name of the signal."""
    n_redone: list[int] = field(default_factory=list)
    """For each kill, the updates that were logged but not saved."""
    differences: list[str] = field(default_factory=list)

    def show(self, n_runs: int) -> None:
        print(f"{'signal':<10}{'times':>6}")
        for name, times in sorted(self.kills.items()):
            print(f"{name:<10}{times:>6}")
        n_redone = max(self.n_redone, default=0)
        print(f"runs completed: {n_runs} of {N_STEPS} updates; "
              f"updates that had to be done again: at most {n_redone} a kill")  # fmt: skip
        differences = ", ".join(self.differences) or "none, to the bit"
        print(f"differences from the undisturbed run: {differences}")


def complete(run_dir: Path, seconds: float, rng: random.Random, report: Report) -> None:
    """Start a run again and again, and kill it after a random time, until it is complete.

    Args:
        seconds: how long an undisturbed run takes.
    Raises:
        SystemExit: it fails by itself.
    """
    patience, saved_step = 1.0, 0
    while True:
        process = subprocess.Popen(command(run_dir), stderr=subprocess.PIPE)
        try:
            _, err = process.communicate(timeout=rng.uniform(0.1, patience) * seconds)
        except subprocess.TimeoutExpired:
            number = rng.choice(SIGNALS)
            process.send_signal(number)
            _, err = process.communicate()
        else:
            if process.returncode:
                sys.exit(err.decode())
            return

        report.kills[number.name] += 1
        # 0: it was complete just before the signal.
        if process.returncode not in (-number, 128 + number, 0) or b"Traceback" in err:
            report.differences.append(
                f"{run_dir.name}: {number.name} ended with {process.returncode}: {err.decode()}"
            )
        before, saved_step = saved_step, max(checkpoint_steps(run_dir, "state"), default=0)
        if saved_step == before:  # the machine may have become slower than it was
            patience *= 1.5
        logged_step = max((int(row["step"]) for row in read_metrics(run_dir)), default=0)
        report.n_redone.append(logged_step - saved_step)
        print(
            f"{run_dir.name}, {report.kills.total()} kills, {saved_step} updates safe",
            file=sys.stderr,
        )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=100, help="at least this many (default: 100)")
    parser.add_argument("--seed", type=int, default=0, help="for moments and signals")
    args = parser.parse_args()
    rng, report, n_runs = random.Random(args.seed), Report(), 0
    # A shell may have Ctrl-C ignored, and the runs would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        undisturbed = folder / "undisturbed"
        start = time.monotonic()
        process = subprocess.run(command(undisturbed), stderr=subprocess.PIPE)
        seconds = time.monotonic() - start
        if process.returncode:
            sys.exit(process.stderr.decode())
        expected = outcome(undisturbed)

        while report.kills.total() < args.kills:
            n_runs += 1
            run_dir = folder / f"run-{n_runs}"
            complete(run_dir, seconds, rng, report)
            report.differences += [
                f"{run_dir.name}: left in the cache: {name}"
                for name in temporary_files(cache_dir(run_dir))
            ]
            report.differences += [
                f"{run_dir.name}: {name}"
                for name, value in outcome(run_dir).items()
                if not is_same(value, expected[name])
            ]
    report.show(n_runs)
    return 1 if report.differences else 0


if __name__ == "__main__":
    sys.exit(main())
