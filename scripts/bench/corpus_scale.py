"""How do preparation and memory grow with the corpus? Trains a few steps on synthetic corpora of growing size.

    python scripts/bench/corpus_scale.py 25000 1000000

For each size: seconds of a first start (cleaning, vocabulary, tokenizing, 5 updates) and of a second start on the
prepared corpus, the peak memory of the command's main process in each, all of it and without the pages of mapped files,
which the kernel takes back when memory is short, and the speed of the updates of the second. Linux.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from itertools import accumulate
from pathlib import Path

SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "ing")]
CHARACTERS = [chr(0x4E00 + 7 * i) for i in range(2500)]


def write_corpus(path: Path, n_pairs: int, longest: int = 24) -> None:
    """Write sentences of 4 to `longest` random words, as frequent as words are (Zipf); no pair repeats."""
    rng = random.Random(n_pairs)
    words = ["".join(rng.choices(SYLLABLES, k=rng.randint(1, 4))) for _ in range(20_000)]
    translations = ["".join(rng.choices(CHARACTERS, k=rng.randint(1, 2))) for _ in words]
    weights = list(accumulate(1 / (rank + 10) for rank in range(len(words))))
    with open(path, "w", encoding="utf-8") as file:
        for number in range(n_pairs):
            chosen = rng.choices(range(len(words)), cum_weights=weights, k=rng.randint(4, longest))
            english = " ".join(words[i] for i in chosen)
            chinese = "".join(translations[i] for i in chosen)
            file.write(f"{english} {number}.\t{chinese}{number}。\n")


def train(arguments: list[str]) -> tuple[float, float, float]:
    """Seconds, peak gigabytes and peak gigabytes that are not of mapped files, of one training command."""
    start, peak, own = time.perf_counter(), 0.0, 0.0
    process = subprocess.Popen(
        [sys.executable, "-m", "transformer_mt.train", *arguments], stderr=subprocess.DEVNULL
    )
    while process.poll() is None:
        lines = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines()
        sizes = {
            line.split()[0]: int(line.split()[1]) / 2**20
            for line in lines
            if line.startswith(("VmRSS", "RssAnon"))
        }
        peak, own = max(peak, sizes.get("VmRSS:", 0.0)), max(own, sizes.get("RssAnon:", 0.0))
        time.sleep(0.1)
    if process.returncode:
        sys.exit(f"the command failed: {' '.join(arguments)}")
    return time.perf_counter() - start, peak, own


def main() -> None:
    memory = f"{'peak':>9} {'own':>9}"
    print(
        f"{'pairs':>10} {'first start':>12} {memory} {'second start':>13} {memory} {'tokens/s':>9}"
    )
    for n_pairs in map(int, sys.argv[1:] or ["25000", "1000000"]):
        with tempfile.TemporaryDirectory() as folder:
            corpus = Path(folder, "corpus.tsv")
            write_corpus(corpus, n_pairs)
            row = f"{n_pairs:>10,}"
            for attempt in (1, 2):
                arguments = [
                    "data=files", f"data.train={corpus}", f"data.cache_dir={folder}/cache",
                    f"run_dir={folder}/run{attempt}",
                    "train.max_steps=5", "train.validate_every=5", "train.log_every=5", "data.held_out=100",
                    "train.samples=0",
                ]  # fmt: skip
                seconds, peak, own = train(arguments)
                row += f" {seconds:>{11 + attempt - 1}.1f}s {peak:>6.2f} GB {own:>6.2f} GB"
            lines = Path(folder, "run2", "metrics.jsonl").read_text(encoding="utf-8").splitlines()
            print(f"{row} {json.loads(lines[0])['tokens_per_second']:>9,.0f}", flush=True)


if __name__ == "__main__":
    main()
