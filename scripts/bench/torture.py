"""Kill a training run at random moments, again and again, until it is complete; then compare it with one never stopped.

    python scripts/bench/torture.py --kills 100

Everything that could differ is on: dropout, subword sampling, gradient accumulation, averaging, validation, cosine
schedule. The run is tiny, and most of the time goes into starting Python. Prints a table; the exit status is 1 when
anything differs.
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
from pathlib import Path

import torch
from safetensors.torch import load_file

from transformer_mt import Translator
from transformer_mt.config import STARTER_DIR
from transformer_mt.run_dir import checkpoint_path, checkpoint_steps

STEPS = 40
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
SENTENCES = ["I like apples.", "Where is the library?", "She is reading a book."]
TIMES = ("tokens_per_second", "minutes")
"""What a metrics line may differ in."""


def command(run_dir: Path) -> list[str]:
    """The training command; the corpus is the starter's validation split, prepared for each run anew."""
    options = {
        "data": "files", "data.train": STARTER_DIR / "valid.tsv", "data.cache_dir": run_dir.with_suffix(".cache"),
        "run_dir": run_dir, "model": "tiny", "model.d_model": 32, "model.d_ff": 64, "model.dropout": 0.2,
        "tokenizer.vocab_size": 1500, "tokenizer.sampling_alpha": 0.3, "train.max_steps": STEPS,
        "train.max_epochs": "null", "train.token_budget": 400, "train.accumulate": 2, "train.schedule": "cosine",
        "train.warmup_steps": 10, "train.lr": 0.003, "train.average": 2, "train.validate_every": 8,
        "train.checkpoint_every": 1, "train.log_every": 1, "train.device": "cpu",
    }  # fmt: skip
    overrides = [f"{key}={value}" for key, value in options.items()]
    return [sys.executable, "-m", "transformer_mt.train", *overrides]


def metrics(run_dir: Path) -> list[dict[str, float]]:
    """The whole lines of `metrics.jsonl`, without times."""
    path = run_dir / "metrics.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    rows = [json.loads(line) for line in lines if line.endswith("\n")]
    return [{key: value for key, value in row.items() if key not in TIMES} for row in rows]


def result(run_dir: Path) -> dict[str, object]:
    """Everything that must come out the same."""
    tensors = load_file(checkpoint_path(run_dir, "state", checkpoint_steps(run_dir, "state")[-1]))
    translator = Translator(run_dir, "cpu", "fp32")
    return {
        "weights, Adam's moments, random state": tensors,
        "weights to use": load_file(run_dir / "model.safetensors"),
        "metrics": metrics(run_dir),
        "translations": [found.text for found in translator.translate(SENTENCES)],
    }


def same(a: object, b: object) -> bool:
    if (
        isinstance(a, dict)
        and isinstance(b, dict)
        and all(isinstance(value, torch.Tensor) for value in a.values())
    ):
        return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
    return a == b


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=100, help="at least so many (default: 100)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments and signals")
    chosen = parser.parse_args()
    rng = random.Random(chosen.seed)
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell may have it ignored, and so would the runs
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = time.monotonic()
        done = subprocess.run(command(folder / "undisturbed"), stderr=subprocess.PIPE)
        if done.returncode:
            print(done.stderr.decode(), file=sys.stderr)
            return 1
        seconds = time.monotonic() - start  # of a whole run
        expected = result(folder / "undisturbed")
        kills: Counter[str] = Counter()
        redone, differing, n_runs = [], [], 0
        while kills.total() < chosen.kills:
            n_runs += 1
            run_dir, patience, safe = folder / f"killed-{n_runs}", 1.0, 0
            while True:
                process = subprocess.Popen(command(run_dir), stderr=subprocess.PIPE)
                try:
                    _, err = process.communicate(timeout=rng.uniform(0.1, patience) * seconds)
                    if process.returncode == 0:
                        break
                    print(err.decode(), file=sys.stderr)
                    return 1
                except subprocess.TimeoutExpired:
                    number = rng.choice(SIGNALS)
                    process.send_signal(number)
                    _, err = process.communicate()
                    kills[number.name] += 1
                    if process.returncode not in (-number, 128 + number, 0) or b"Traceback" in err:
                        differing.append(
                            f"run {n_runs}: {number.name} ended with {process.returncode}: {err.decode()}"
                        )
                before, safe = safe, max(checkpoint_steps(run_dir, "state"), default=0)
                patience *= (
                    1.0 if safe > before else 1.5
                )  # on a machine that has become slower than it was
                redone.append(max((int(row["step"]) for row in metrics(run_dir)), default=0) - safe)
                print(f"run {n_runs}, {kills.total()} kills, {safe} updates safe", file=sys.stderr)
            left = [
                path.name
                for path in run_dir.with_suffix(".cache").iterdir()
                if re.search("parts-|[.]\\d+$", path.name)
            ]
            differing += [f"run {n_runs}: left in the cache: {name}" for name in left]
            found = result(run_dir)
            differing += [
                f"run {n_runs}: {name}"
                for name in expected
                if not same(found[name], expected[name])
            ]
    print(f"{'signal':<10}{'times':>6}")
    for signal_name, times in sorted(kills.items()):
        print(f"{signal_name:<10}{times:>6}")
    print(
        f"runs completed: {n_runs} of {STEPS} updates; updates that had to be done again: at most {max(redone)} a kill"
    )
    print("differences from the undisturbed run: " + (", ".join(differing) or "none, to the bit"))
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
