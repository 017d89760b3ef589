"""Did translating become faster or slower? Compares two checkouts of the project side by side.

    python scripts/bench/versions.py ../before                    # with this checkout
    python scripts/bench/versions.py ../before ../after --threads 1
    python scripts/bench/versions.py ../before --run runs/starter-en-zh-tiny

Without --run the models are `tiny` and `small` with 8,000 pieces on each side and random weights,
and every translation has 20 tokens. With --run they are trained runs, which translate their own
test sets. Both versions read the same directories, and the only call is
`Translator.from_pretrained(run).translate(texts)`: time for text and vocabulary is part of it.

Each version has a process of its own, which sleeps while the other works. They take turns every
second or so, in changing order, on the same sentences. A ratio compares two turns that follow each
other: above 1 the new version is slower. There are two: of the time that passed, and of the
processor time of all threads. On a busy machine the first means little with several threads,
because each waits for the slowest; then use --threads 1. Seven rounds take about five minutes.
"""

import argparse
import itertools
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus_scale import write_corpus

SIZES = ("tiny", "small")
TOKENS = 20  # of every translation by random weights, which end none before its limit
BEAM_SIZES = (1, 4)
# By the number of sentences in a call: calls in a turn, and turns of each version in a round.
N_CALLS = {1: 4, 64: 1}
N_TURNS = {1: 5, 64: 2}
PAUSE = 0.05  # seconds after a turn, because idle OpenMP threads spin for up to 20 ms
HERE = Path(__file__).resolve()


# ------------------------------------------------------------------------- in a version's process


def serve(checkout: Path, n_threads: int, precision: str) -> None:
    """Answer requests, one on each line of standard input, until there are no more."""
    import gc

    import torch

    import transformer_mt

    if checkout not in Path(transformer_mt.__file__).parents:
        sys.exit(f"{transformer_mt.__file__} was imported instead of {checkout}")
    torch.set_num_threads(n_threads)
    translators: dict[str, Any] = {}
    for line in sys.stdin:  # asleep here while the other version works
        run, calls = json.loads(line)
        if run not in translators:
            translators[run] = transformer_mt.Translator.from_pretrained(run, "cpu", precision)
        translator = translators[run]
        gc.collect()
        gc.disable()
        start, cpu_start = time.perf_counter(), time.process_time()
        translations = [translator.translate(texts) for texts in calls]
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
        gc.enable()
        texts = [translation.text for by_call in translations for translation in by_call]
        print(json.dumps([seconds, cpu_seconds, texts]), flush=True)


# ----------------------------------------------------------------------- in the measuring process


def environment(checkout: Path, n_threads: int) -> dict[str, str]:
    """Let Python import the package of `checkout`, and keep freed memory as every command does."""
    return {
        **os.environ,
        "PYTHONPATH": str(checkout),
        "OMP_NUM_THREADS": str(n_threads),
        "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
        "MALLOC_TRIM_THRESHOLD_": str((1 << 31) - 1),
    }


@dataclass
class Answer:
    """What a version did in one turn."""

    seconds: float
    cpu_seconds: float
    """Summed over all threads."""
    texts: list[str]


class Version:
    """A checkout at work in a process of its own."""

    def __init__(self, checkout: Path, n_threads: int, precision: str) -> None:
        options = ["--serve", f"--threads={n_threads}", f"--precision={precision}"]
        self.process = subprocess.Popen(
            [sys.executable, HERE, str(checkout), *options],
            env=environment(checkout, n_threads),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def translate(self, run: Path, calls: list[list[str]]) -> Answer:
        """Translate each list of sentences by a call of its own."""
        print(json.dumps([str(run), calls]), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            sys.exit("the process of a version ended; its message stands above.")
        time.sleep(PAUSE)
        return Answer(*json.loads(line))


def make_runs(checkout: Path, folder: Path, n_threads: int) -> list[Path]:
    """Run directories of random weights: `checkout` trains two updates on a synthetic corpus."""
    corpus, runs = folder / "corpus.tsv", []
    write_corpus(corpus, 30_000, longest=6)
    for size in SIZES:
        runs.append(folder / size)
        options = {
            "run_dir": runs[-1],
            "data": "files",
            "data.train": corpus,
            "data.cache_dir": folder / "cache",
            "data.held_out": 500,
            "tokenizer.vocab_size": 8000,
            "model": size,
            "model.max_len": TOKENS,
            "train.max_steps": 2,
            "train.samples": 0,
            "train.device": "cpu",
        }
        overrides = [f"{key}={value}" for key, value in options.items()]
        done = subprocess.run(
            [sys.executable, "-m", "transformer_mt.train", *overrides],
            cwd=checkout,
            env=environment(checkout, n_threads),
            stderr=subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            sys.exit(f"{checkout} does not train:\n{done.stderr}")
    return runs


def with_beam_size(run: Path, beam_size: int, folder: Path) -> Path:
    """Copy what translating needs of `run`, and change `decode.beam_size`.

    Both versions read it from there, whatever the arguments of their `translate` are.
    """
    copy = Path(tempfile.mkdtemp(dir=folder))
    for path in run.iterdir():
        if path.is_file() and path.suffix in (".yaml", ".json", ".model", ".safetensors"):
            shutil.copy(path, copy)
    config = copy / "config.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(re.sub("beam_size: .*", f"beam_size: {beam_size}", text), encoding="utf-8")
    return copy


@dataclass
class Case:
    """What both versions do in a row of the table; each round takes other sentences."""

    name: str
    run: Path
    n_sentences: int
    sentences: list[str]

    def turns(self, round_number: int) -> list[list[list[str]]]:
        """The sentences of each call in each turn of this round."""
        n_calls, n_turns = N_CALLS[self.n_sentences], N_TURNS[self.n_sentences]
        texts = itertools.cycle(self.sentences)
        texts = itertools.islice(texts, round_number * n_turns * n_calls * self.n_sentences, None)
        calls = [list(itertools.islice(texts, self.n_sentences)) for _ in range(n_turns * n_calls)]
        return [calls[i : i + n_calls] for i in range(0, len(calls), n_calls)]


def make_cases(runs: list[Path], folder: Path) -> list[Case]:
    """Every run, with every beam size and number of sentences."""
    cases = []
    for run in runs:
        rows = (run / "test.tsv").read_text(encoding="utf-8").splitlines()
        sentences = [row.split("\t")[0] for row in rows]
        for beam_size in BEAM_SIZES:
            copy = with_beam_size(run, beam_size, folder)
            for n in N_CALLS:
                kind = "greedy" if beam_size == 1 else f"beam {beam_size}"
                name = f"{run.name}, {n} sentence{'s' * (n > 1)}, {kind}"
                cases.append(Case(name, copy, n, sentences))
    return cases


Pair = tuple[Answer, Answer]
"""The answers of the old and the new version to one request."""


def take_turns(cases: list[Case], old: Version, new: Version, n_rounds: int) -> list[list[Pair]]:
    """Let both versions do all cases in every round; the answers of each case.

    The first turn of a case is done twice: the first time warms up and does not count.
    """
    pairs: list[list[Pair]] = [[] for _ in cases]
    for number in range(n_rounds):
        for case, case_pairs in zip(cases, pairs, strict=True):
            turns = case.turns(number)
            if number == 0:
                old.translate(case.run, turns[0])
                new.translate(case.run, turns[0])
            for i, calls in enumerate(turns):
                # Change who goes first, so that what the first leaves behind meets both.
                if (number + i) % 2:
                    by_old = old.translate(case.run, calls)
                    by_new = new.translate(case.run, calls)
                else:
                    by_new = new.translate(case.run, calls)
                    by_old = old.translate(case.run, calls)
                case_pairs.append((by_old, by_new))
        print(f"round {number + 1} of {n_rounds}", file=sys.stderr)
    return pairs


def spread(ratios: list[float]) -> str:
    """Median and middle half."""
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def show(cases: list[Case], pairs: list[list[Pair]]) -> None:
    """Print the table: milliseconds of a call, ratios of turns, and how many texts are equal."""
    print("| | old, ms | new, ms | new / old | new / old, processor time | equal translations |")
    print("|---|---|---|---|---|---|")
    for case, case_pairs in zip(cases, pairs, strict=True):
        olds, news = zip(*case_pairs, strict=True)
        old_ms, new_ms = (
            statistics.median(
                1000 * answer.seconds / N_CALLS[case.n_sentences] for answer in answers
            )
            for answers in (olds, news)
        )
        ratio = spread([new.seconds / old.seconds for old, new in case_pairs])
        cpu_ratio = spread([new.cpu_seconds / old.cpu_seconds for old, new in case_pairs])
        texts = [both for old, new in case_pairs for both in zip(old.texts, new.texts, strict=True)]
        n_equal = sum(a == b for a, b in texts)
        print(f"| {case.name} | {old_ms:.1f} | {new_ms:.1f} | {ratio} | {cpu_ratio}"
              f" | {n_equal} of {len(texts)} |")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("old", type=Path, metavar="OLD", help="a checkout of the project")
    parser.add_argument("new", type=Path, metavar="NEW", nargs="?", default=HERE.parents[2],
                        help="another (default: this one)")  # fmt: skip
    parser.add_argument("--run", type=Path, nargs="+", metavar="RUN", help="trained runs to use")
    parser.add_argument("--rounds", type=int, default=7, help="at least 2 (default: 7)")
    parser.add_argument("--threads", type=int, default=2, help="of each version (default: 2)")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve(args.old, args.threads, args.precision)
        return
    for checkout in (args.old, args.new):
        if not (checkout / "transformer_mt").is_dir():
            parser.error(f"{checkout} is no checkout: there is no transformer_mt in it.")
    if args.rounds < 2:
        parser.error(f"--rounds {args.rounds} is too few: a middle half needs at least 2.")

    checkouts = args.old.resolve(), args.new.resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases = make_cases(args.run or make_runs(checkouts[0], folder, args.threads), folder)
        old, new = (Version(path, args.threads, args.precision) for path in checkouts)
        pairs = take_turns(cases, old, new, args.rounds)
    print(f"old: {checkouts[0]}\nnew: {checkouts[1]}\n{args.threads} threads, {args.precision}\n")
    show(cases, pairs)


if __name__ == "__main__":
    main()
