"""What do workers gain, on a quiet machine and on a busy one? Needs the extra `bench`.

    python scripts/bench/busy.py RUN --corpus lines.txt
    python scripts/bench/busy.py RUN --competitors 2

RUN is a trained run. The same sentences are translated and the same updates made by torch's threads
inside every operator, by one thread, and by workers of one thread each; all take turns. With
competitors, as many other processes compute all the time meanwhile, and a second table is made.
"""

import argparse
import contextlib
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from bench import load_corpus, show, take_turns

from transformer_mt.config import STARTER_DIR, Config, DecodeConfig, ModelConfig, TrainConfig
from transformer_mt.corpus import Corpus
from transformer_mt.decoding import search
from transformer_mt.fast import keep_freed_memory
from transformer_mt.run_dir import LoadedRun, load_run
from transformer_mt.trainer import Trainer
from transformer_mt.workers import available_cores

MODELS = {
    "tiny": ModelConfig(d_model=128, d_ff=512, n_encoder_layers=2, n_decoder_layers=2),
    "small": ModelConfig(),
}
UPDATES = (("tiny", 800), ("small", 750), ("small", 3000))
"""A model, and padded tokens of an update."""

Way = tuple[str, int, int]
"""A name, a number of workers, and of threads inside the operators of a single one."""


def ways() -> list[Way]:
    n = available_cores()
    several = sorted({count for count in (2, 4, 8, n) if 1 < count <= max(2, n)})
    return [
        ("one thread", 1, 1),
        (f"{n} threads in every operator", 1, n),
        *((f"{count} workers", count, 1) for count in several),
    ]


@contextlib.contextmanager
def competitors(n: int) -> Iterator[None]:
    """Inside, n other processes compute all the time."""
    loop = [sys.executable, "-c", "while True: pass"]
    processes = [subprocess.Popen(loop) for _ in range(n)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def translating(run: LoadedRun, sources: list[list[int]], beam_size: int, way: Way, _: int) -> None:
    _, n_workers, n_threads = way
    torch.set_num_threads(n_threads)
    options = DecodeConfig(beam_size=beam_size)
    special = run.tgt_tokenizer.special_ids
    for _ in search(run.model, sources, special, options, n_workers=n_workers):
        pass


def updating(corpus: Corpus, model: ModelConfig, n_tokens: int, way: Way) -> Callable[[int], None]:
    """Make updates of a model that has learned nothing yet, in one way."""
    _, n_workers, n_threads = way
    options = TrainConfig(max_steps=1_000_000, workers=n_workers, token_budget=n_tokens)
    trainer = Trainer(Config(model=model, train=options), corpus)
    batches = trainer.sampler.epoch(0)

    def update(i: int) -> None:
        torch.set_num_threads(n_threads)
        with trainer.workers():
            for number in range(4 * i, 4 * i + 4):
                trainer.update(trainer.load_batch(batches[number], number), 1e-4)

    return update


def tables(
    work: dict[str, dict[str, Callable[[int], object]]], n_competitors: int, rounds: int
) -> None:
    """Measure every piece of work on the quiet machine, and beside competitors."""
    for title, by_way in work.items():
        quiet = take_turns(by_way, rounds, 1)
        show(f"{title}, quiet", "ms", quiet, [0] * rounds, "one thread")
        if not n_competitors:
            continue
        with competitors(n_competitors):
            busy = take_turns(by_way, rounds, 1)
        show(f"{title}, {n_competitors} competitors", "ms", busy, [0] * rounds, "one thread")
        print("\nof the quiet machine's speed: ", end="")
        kept = {
            name: statistics.median(quiet[name]) / statistics.median(times)
            for name, times in busy.items()
        }
        print(", ".join(f"{name} {share:.2f}" for name, share in kept.items()))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="a trained run")
    parser.add_argument("--input", type=Path, metavar="FILE", help="lines (default: its test.tsv)")
    parser.add_argument("--sentences", type=int, default=512)
    parser.add_argument("--corpus", type=Path, default=STARTER_DIR / "train.tsv", metavar="TSV")
    parser.add_argument("--competitors", type=int, default=0, metavar="N")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=["translate", "train"])
    args = parser.parse_args()
    keep_freed_memory()
    run = load_run(args.run)
    lines = (args.input or args.run / "test.tsv").read_text("utf-8").splitlines()
    sources = run.src_tokenizer.encode([line.split("\t")[0] for line in lines[: args.sentences]])
    work: dict[str, dict[str, Callable[[int], object]]] = {}
    if args.only != "train":
        for beam_size in (1, 4):
            work[f"Translating {len(sources)} sentences, beam {beam_size}"] = {
                way[0]: partial(translating, run, sources, beam_size, way) for way in ways()
            }
    with tempfile.TemporaryDirectory() as cache:
        if args.only != "translate":
            corpus = load_corpus(args.corpus, cache)
            for name, n_tokens in UPDATES:
                work[f"Four updates of {name}, {n_tokens} padded tokens each"] = {
                    way[0]: updating(corpus, MODELS[name], n_tokens, way) for way in ways()
                }
        tables(work, args.competitors, args.rounds)


if __name__ == "__main__":
    main()
