"""How do preparation and memory grow with the corpus? Trains on synthetic corpora of growing size.

    python scripts/bench/corpus_scale.py 25000 1000000

Each size is started twice, from nothing (cleaning, vocabulary, tokenizing, 5 updates) and on the
prepared corpus. Prints the seconds of both, the peak memory of the command's main process, and the
speed of the updates of the second. Memory is shown with and without the pages of mapped files,
which the kernel takes back when memory is short. Linux only.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "ing")]
CHARACTERS = [chr(0x4E00 + 7 * i) for i in range(2500)]


def write_corpus(path: Path, n_pairs: int, longest: int = 24) -> None:
    """Write sentences of 4 to `longest` random words; no pair repeats."""
    rng = random.Random(n_pairs)
    words = ["".join(rng.choices(SYLLABLES, k=rng.randint(1, 4))) for _ in range(20_000)]
    translations = ["".join(rng.choices(CHARACTERS, k=rng.randint(1, 2))) for _ in words]
    # Frequencies as in language (Zipf's law).
    weights = list(accumulate(1 / (rank + 10) for rank in range(len(words))))
    with open(path, "w", encoding="utf-8") as file:
        for number in range(n_pairs):
            n_words = rng.randint(4, longest)
            sentence = rng.choices(range(len(words)), cum_weights=weights, k=n_words)
            english = " ".join(words[i] for i in sentence)
            chinese = "".join(translations[i] for i in sentence)
            file.write(f"{english} {number}.\t{chinese}{number}。\n")


@dataclass
class Usage:
    """What one training command needed."""

    seconds: float = 0.0
    peak: float = 0.0
    """Gigabytes."""
    own: float = 0.0
    """Gigabytes without the pages of mapped files, at their peak."""


def memory_sizes(process_id: int) -> dict[str, float]:
    """The lines of `/proc/PID/status` that tell sizes in kB, as gigabytes."""
    lines = Path(f"/proc/{process_id}/status").read_text(encoding="utf-8").splitlines()
    fields = [line.split() for line in lines if line.endswith(" kB")]
    return {name: int(size) / 2**20 for name, size, _ in fields}


def train(overrides: list[str]) -> Usage:
    """Run the training command, and watch its memory."""
    usage, start = Usage(), time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "transformer_mt.train", *overrides], stderr=subprocess.DEVNULL
    )
    while process.poll() is None:
        # A process that has just ended has no sizes any more.
        sizes = memory_sizes(process.pid)
        usage.peak = max(usage.peak, sizes.get("VmRSS:", 0.0))
        usage.own = max(usage.own, sizes.get("RssAnon:", 0.0))
        time.sleep(0.1)
    if process.returncode:
        sys.exit(f"the command failed: {' '.join(overrides)}")
    usage.seconds = time.perf_counter() - start
    return usage


def main() -> None:
    memory = f"{'peak':>9} {'own':>9}"
    print(
        f"{'pairs':>10} {'first start':>12} {memory} {'second start':>13} {memory} {'tokens/s':>9}"
    )
    for n_pairs in map(int, sys.argv[1:] or ["25000", "1000000"]):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            corpus = folder / "corpus.tsv"
            write_corpus(corpus, n_pairs)
            overrides = [
                "data=files",
                f"data.train={corpus}",
                f"data.cache_dir={folder / 'cache'}",
                "data.held_out=100",
                "train.max_steps=5",
                "train.validate_every=5",
                "train.log_every=5",
                "train.samples=0",
            ]
            first = train([*overrides, f"run_dir={folder / 'first'}"])
            second = train([*overrides, f"run_dir={folder / 'second'}"])
            metrics = (folder / "second" / "metrics.jsonl").read_text(encoding="utf-8")
        speed = json.loads(metrics.splitlines()[0])["tokens_per_second"]
        print(
            f"{n_pairs:>10,}"
            f" {first.seconds:>11.1f}s {first.peak:>6.2f} GB {first.own:>6.2f} GB"
            f" {second.seconds:>12.1f}s {second.peak:>6.2f} GB {second.own:>6.2f} GB"
            f" {speed:>9,.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
