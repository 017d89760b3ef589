"""How fast is it, side by side with what one would otherwise install? Needs the extra `bench`.

    python scripts/bench/bench.py train decode --corpus train.tsv --json bench.json
    python scripts/bench/bench.py rest growth
    python scripts/bench/bench.py batch --corpus train.tsv
    python scripts/bench/bench.py start --run RUN

All contestants take turns, on the same batches, and decode with the same weights:
torch.nn.Transformer written plainly, MarianMT of Hugging Face `transformers`, CTranslate2. The last
has a process of its own. In one process with torch both would take their threads from one OpenMP
library, which lets them sleep at once when there are more than cores; that alone makes one sentence
take 1.3 times as long with us, and twice as long with CTranslate2. A figure is the median of the
rounds, its spread the middle half of them, its ratio the median of those within a round. On a GPU
(`--device cuda`) the models are `base` and `big`.
"""

import argparse
import contextlib
import itertools
import json
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from contestants import (
    PlainTransformer,
    ctranslate2_decoder,
    marian,
    marian_with_our_weights,
    run_of,
)
from datasets import Dataset
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from transformer_mt.batches import Batch, make_batch, pad
from transformer_mt.config import (
    STARTER_DIR,
    Config,
    DataConfig,
    DecodeConfig,
    ModelConfig,
    Norm,
    Precision,
    TokenizerConfig,
    TrainConfig,
)
from transformer_mt.corpus import Corpus, prepare
from transformer_mt.decoding import Step, beam_search, shared_batches
from transformer_mt.fast import keep_freed_memory
from transformer_mt.interchange import to_ctranslate2
from transformer_mt.model import DecoderCache, Transformer
from transformer_mt.runtime import able_bf16, autocast
from transformer_mt.tokenizer import SpecialIds
from transformer_mt.trainer import Trainer
from transformer_mt.workers import available_cores, workers

SIZE = ModelConfig(
    d_model=256, n_heads=4, d_ff=1024, n_encoder_layers=3, n_decoder_layers=3, norm=Norm.post
)
BASE = replace(SIZE, d_model=512, n_heads=8, d_ff=2048, n_encoder_layers=6, n_decoder_layers=6)
TINY = replace(SIZE, d_model=128, d_ff=512, n_encoder_layers=2, n_decoder_layers=2)
BIG = replace(BASE, d_model=1024, n_heads=16, d_ff=4096)
TOKENS = 20  # decoded for every sentence
CPU = torch.device("cpu")
TABLES = ("train", "rest", "decode", "batch", "start", "growth")

Row = dict[str, float | str]
Decoder = Callable[[list[list[int]], int], list[list[int]]]
"""From source ids and a beam size to target ids."""


# ------------------------------------------------------------------------------------- measuring


def take_turns(
    work: dict[str, Callable[[int], object]], rounds: int, warm_up: int
) -> dict[str, list[float]]:
    """Seconds of every contestant in every round; `work[name](round)` is the same work for all."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for i in tqdm(range(-warm_up, rounds), file=sys.stderr, unit="round"):
        for name, run in work.items():
            # The threads of the contestant before wait for more work without sleeping at first.
            time.sleep(0.3)
            start = time.perf_counter()
            run(i % rounds)
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            if i >= 0:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def show(
    title: str, unit: str, seconds: dict[str, list[float]], n_done: Sequence[float], reference: str
) -> list[Row]:
    """Print and return one table.

    Args:
        n_done: what each round did, in the unit's numerator; 0 shows milliseconds.
        reference: the contestant that ratios compare with; above 1 is faster.
    """
    print(f"\n{title}\n\n| | {unit} | middle half | ratio to {reference} |\n|---|---|---|---|")
    rows: list[Row] = []
    for name, times in seconds.items():
        rates = [n / t if n else 1000 * t for n, t in zip(n_done, times, strict=True)]
        pairs = zip(seconds[reference], times, strict=True)
        ratio = statistics.median(theirs / ours for theirs, ours in pairs)
        low, middle, high = statistics.quantiles(rates, n=4, method="inclusive")
        print(f"| {name} | {middle:,.0f} | {low:,.0f} to {high:,.0f} | {ratio:.2f} |", flush=True)
        rows.append(
            {
                "table": title,
                "name": name,
                "unit": unit,
                "median": middle,
                "low": low,
                "high": high,
                "ratio": ratio,
            }
        )
    return rows


def n_weights(module: nn.Module, name_part: str = "") -> int:
    """Elements of the matrices whose names contain `name_part`."""
    return sum(
        parameter.numel()
        for name, parameter in module.named_parameters()
        if parameter.dim() == 2 and name_part in name
    )


def flops_per_update(model: Transformer, batch: Batch) -> float:
    """FLOP of the matrix products of forward and backward pass, padding not counted.

    There are 6 for each weight and token: a multiplication and an addition in the forward pass, and
    twice as many in the backward pass.
    """
    # Keys and values of cross-attention are made of the source; both matrices have one size.
    memory = 2 * n_weights(model.decoder_layers, "cross_attention.w_k")
    per_src_token = n_weights(model.encoder_layers) + memory
    per_tgt_token = n_weights(model.decoder_layers) - memory + model.output.weight.numel()
    n_src = int((batch.src != model.pad_id).sum())
    return 6.0 * (per_src_token * n_src + per_tgt_token * batch.n_tokens)


def product_rate(
    config: ModelConfig, n_vocab: int, n_rows: int, dtype: torch.dtype, device: str
) -> float:
    """FLOP/s of the model's own matrix products in a row: an update that did nothing else."""
    d, f = config.d_model, config.d_ff
    shapes = [(d, d)] * 8 + [(d, f), (f, d)] * 2 + [(d, n_vocab)]
    options: dict[str, Any] = {"dtype": dtype, "device": device}
    inputs = [
        (torch.randn(n_rows, n_in, **options), torch.randn(n_out, n_in, **options))
        for n_in, n_out in shapes
    ]
    times = take_turns({"": lambda _: [F.linear(x, weight) for x, weight in inputs]}, 8, 2)[""]
    flops = sum(2.0 * n_rows * n_in * n_out for n_in, n_out in shapes)
    return flops / statistics.median(times)


# ------------------------------------------------------------------------------ corpus and batches


def load_corpus(path: Path, cache: str, n_pieces: int = 8000) -> Corpus:
    """A TSV corpus through the toolkit's own preparation."""
    data = DataConfig(name="bench", train=str(path), cache_dir=cache)
    return prepare(Config(data=data, tokenizer=TokenizerConfig(vocab_size=n_pieces), model=SIZE))


def make_trainer(
    corpus: Corpus,
    model: ModelConfig,
    precision: Precision,
    device: str = "cpu",
    compile: bool = False,
    workers: int = 1,
) -> Trainer:
    options = TrainConfig(
        precision=precision, device=device, compile=compile, workers=workers, max_steps=1_000_000
    )
    return Trainer(Config(model=model, train=options), corpus)


def sorted_batches(trainer: Trainer, n: int, n_tokens: int) -> list[Batch]:
    """The toolkit's own batches: rows of like length."""
    trainer.sampler.token_budget = n_tokens
    return [trainer.load_batch(rows, 0)[0] for rows in trainer.sampler.epoch(0)[:n]]


def random_batches(corpus: Corpus, n: int, n_tokens: int) -> list[Batch]:
    """Rows in random order, until a batch has `n_tokens` padded target tokens."""
    src, tgt = corpus.src_tokenizer, corpus.tgt_tokenizer
    order = iter(np.random.default_rng(1).permutation(len(corpus.train)).tolist())
    batches = []
    for _ in range(n):
        src_ids: list[list[int]] = []
        tgt_ids: list[list[int]] = []
        while len(tgt_ids) * max(map(len, tgt_ids), default=0) < n_tokens:
            row = corpus.train[next(order)]
            src_ids.append(row["src_ids"])
            tgt_ids.append(row["tgt_ids"])
        batches.append(make_batch(src_ids, tgt_ids, src.pad_id, tgt.pad_id, tgt.bos_id))
    return batches


# ---------------------------------------------------------------------------------------- training


def our_update(corpus: Corpus, precision: Precision, workers: int) -> Callable[[Batch], object]:
    trainer = make_trainer(corpus, SIZE, precision, workers=workers)

    def update(batch: Batch) -> None:
        with trainer.workers():
            trainer.update([rows_of(batch, i, workers) for i in range(workers)], 1e-4)

    return update


def rows_of(batch: Batch, first: int, step: int) -> Batch:
    """Every so many rows of a batch."""
    tensors = (batch.src, batch.tgt_in, batch.tgt_out, batch.positions)
    return Batch(*(tensor[first::step] for tensor in tensors))


def their_update(
    model: nn.Module, forward: Callable[[Batch], Tensor], dtype: torch.dtype = torch.float32
) -> Callable[[Batch], None]:
    """An update as the documentation of torch has it; `forward` gives the logits of a batch."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, betas=(0.9, 0.98), eps=1e-9)
    model.train()

    def update(batch: Batch) -> None:
        with autocast(CPU, dtype):
            logits = forward(batch)
        labels = batch.tgt_out.masked_fill(~batch.positions, -100)
        loss = F.cross_entropy(logits.float().flatten(0, 1), labels.flatten(), label_smoothing=0.1)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return update


def marian_update(corpus: Corpus, dtype: torch.dtype) -> Callable[[Batch], None]:
    src, tgt = corpus.src_tokenizer, corpus.tgt_tokenizer
    ours = Transformer(SIZE, len(src), len(tgt), src.pad_id, joint=False)
    model = marian(run_of(ours, src, tgt))

    def forward(batch: Batch) -> Tensor:
        return model(
            input_ids=batch.src,
            attention_mask=batch.src != src.pad_id,
            decoder_input_ids=batch.tgt_in,
        ).logits

    return their_update(model, forward, dtype)


def train_table(corpus: Corpus, rounds: int, token_budget: int) -> list[Row]:
    """Updates of a model of 3 + 3 layers by everyone on the same batches."""
    n_src, n_tgt = len(corpus.src_tokenizer), len(corpus.tgt_tokenizer)
    updates: dict[str, Callable[[Batch], object]] = {}
    dtypes = {Precision.fp32: torch.float32}
    if able_bf16(CPU):
        dtypes[Precision.bf16] = torch.bfloat16
    for precision, dtype in dtypes.items():
        n_threads = torch.get_num_threads()
        updates[f"transformer_mt, {precision}"] = our_update(corpus, precision, n_threads)
        title = f"transformer_mt, {precision}, threads inside the operators"
        updates[title] = our_update(corpus, precision, 1)
        updates[f"MarianMT, {precision}"] = marian_update(corpus, dtype)
    plain = PlainTransformer(SIZE, n_src, n_tgt, corpus.src_tokenizer.pad_id)
    plain_update = their_update(plain, lambda batch: plain(batch.src, batch.tgt_in))
    updates["nn.Transformer, fp32"] = plain_update

    trainer = make_trainer(corpus, SIZE, Precision.fp32)
    batches = sorted_batches(trainer, rounds, token_budget)
    scattered = random_batches(corpus, rounds, token_budget)
    work: dict[str, Callable[[int], object]] = {
        name: lambda i, update=update: update(batches[i]) for name, update in updates.items()
    }
    unsorted = "nn.Transformer, fp32, batches not sorted by length"
    work[unsorted] = lambda i: plain_update(scattered[i])
    seconds = take_turns(work, rounds, 1)

    # The unsorted batches hold other numbers of tokens: scale the time to those of the others.
    n_tokens = [float(batch.n_tokens) for batch in batches]
    seconds[unsorted] = [
        time * n / batch.n_tokens
        for time, n, batch in zip(seconds[unsorted], n_tokens, scattered, strict=True)
    ]
    mean = statistics.mean(n_tokens)
    title = f"Training, {mean:,.0f} target tokens an update, {torch.get_num_threads()} threads"
    rows = show(title, "target tokens/s", seconds, n_tokens, "MarianMT, fp32")
    for precision, dtype in dtypes.items():
        limit = product_rate(SIZE, n_tgt, int(mean), dtype, "cpu")
        times = seconds[f"transformer_mt, {precision}"]
        rate = statistics.median(
            flops_per_update(trainer.model, batch) / time
            for batch, time in zip(batches, times, strict=True)
        )
        print(f"\n{precision}: {rate / 1e9:.0f} GFLOP/s in training, {limit / 1e9:.0f} by its"
              f" products alone: {rate / limit:.0%}")  # fmt: skip
    return rows


@contextlib.contextmanager
def free_products() -> Iterator[None]:
    """Inside, a matrix product on a CPU is nothing but the writing of zeros."""
    library = torch.library.Library("aten", "IMPL")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns that its own products are replaced
        library.impl("mm", lambda a, b: a.new_zeros(len(a), b.size(1)), "CPU")
        library.impl("bmm", lambda a, b: a.new_zeros(*a.shape[:2], b.size(2)), "CPU")
        library.impl("addmm", lambda _, a, b, **__: a.new_zeros(len(a), b.size(1)), "CPU")
    try:
        yield
    finally:
        library._destroy()


def rest_table(corpus: Corpus, rounds: int, token_budget: int) -> list[Row]:
    """What an update does besides its matrix products, and so its time where those are fast.

    It is measured for bf16, too, on any processor: those without bf16 emulate only the products.
    """
    trainer = make_trainer(corpus, SIZE, Precision.fp32)
    batches = sorted_batches(trainer, rounds, token_budget)

    def update(
        dtype: torch.dtype, products: Callable[[], AbstractContextManager[None]], i: int
    ) -> None:
        trainer.dtype = dtype
        with products():
            trainer.update([batches[i]], 1e-4)

    work = {
        "fp32": partial(update, torch.float32, contextlib.nullcontext),
        "fp32, zeros for products": partial(update, torch.float32, free_products),
        "bf16, zeros for products": partial(update, torch.bfloat16, free_products),
    }
    seconds = take_turns(work, rounds, 1)
    n_tokens = statistics.mean(batch.n_tokens for batch in batches)
    n_threads = torch.get_num_threads()
    title = f"Updates of transformer_mt, {n_tokens:,.0f} target tokens, {n_threads} threads"
    return show(title, "ms", seconds, [0.0] * rounds, "fp32")


# ---------------------------------------------------------------------------------------- decoding


def of_length(step: Step, n_tokens: int, eos_id: int) -> Step:
    """Let no translation end before it has `n_tokens`, eos counted."""

    def longer(ids: Tensor, cache: DecoderCache) -> Tensor:
        logits = step(ids, cache)
        if cache.n_steps < n_tokens:
            logits[..., eos_id] = -1e9
        return logits

    return longer


@torch.inference_mode()
def beam_search_of_length(
    model: Transformer, src: Tensor, n_tokens: int, special: SpecialIds, options: DecodeConfig
) -> list[list[int]]:
    """Translations of `src` `(B, S)` of exactly `n_tokens`, eos counted but not returned."""
    padding_mask = src == model.pad_id
    cache = model.start(model.encode(src), padding_mask if padding_mask.any() else None)
    step = of_length(model.step, n_tokens, special.eos)
    max_lengths = torch.full((len(src),), n_tokens, device=src.device)
    outputs = beam_search(step, cache, max_lengths, special, options)
    return [hypotheses[0].ids for hypotheses in outputs]


def our_decoder(model: Transformer, special: SpecialIds, dtype: torch.dtype) -> Decoder:
    def decode(ids: list[list[int]], beam_size: int) -> list[list[int]]:
        src = pad(ids, model.pad_id).to(model.device)
        with autocast(model.device, dtype):
            return beam_search_of_length(model, src, TOKENS, special, DecodeConfig(beam_size))

    return decode


def marian_decoder(model: Any, special: SpecialIds, dtype: torch.dtype) -> Decoder:
    @torch.inference_mode()
    def decode(ids: list[list[int]], beam_size: int) -> list[list[int]]:
        src = pad(ids, special.pad).to(model.device)
        with autocast(model.device, dtype):
            outputs = model.generate(
                input_ids=src,
                attention_mask=src != special.pad,
                num_beams=beam_size,
                do_sample=False,
                min_new_tokens=TOKENS,
                max_new_tokens=TOKENS,
                bad_words_ids=[[special.pad], [special.unk]],
            )
        return [row[1:].tolist() for row in outputs]  # without bos

    return decode


def decoders(corpus: Corpus, size: ModelConfig, device: torch.device) -> dict[str, Decoder]:
    """Every contestant, with the same random weights; ours is the first."""
    src, tgt = corpus.src_tokenizer, corpus.tgt_tokenizer
    special = tgt.special_ids
    torch.manual_seed(1)
    model = Transformer(size, len(src), len(tgt), src.pad_id, joint=False).eval()
    run = run_of(model, src, tgt)
    theirs = marian_with_our_weights(run).eval()

    contestants: dict[str, Decoder] = {}
    on_cpu = device.type == "cpu"
    dtypes = {"fp32": torch.float32} if on_cpu else {}
    if able_bf16(device):
        dtypes["bf16"] = torch.bfloat16
    for name, dtype in dtypes.items():
        contestants[f"transformer_mt, {name}"] = our_decoder(model, special, dtype)
        contestants[f"MarianMT, {name}"] = marian_decoder(theirs, special, dtype)
    with tempfile.TemporaryDirectory() as name:
        to_ctranslate2.write(run, Path(name), "bench")
        for kind in ("float32", "int8") if on_cpu else ("float16",):
            contestants[f"CTranslate2, {kind}"] = ctranslate2_decoder(
                run, Path(name), device.type, kind, torch.get_num_threads(), TOKENS
            )
    model.to(device)
    theirs.to(device)
    return contestants


def compare_translations(contestants: dict[str, Decoder], ids: list[list[int]], n: int) -> None:
    """Say how many translations agree with ours, all but the last token, which is our eos."""
    ours, *_ = contestants
    outputs = {name: decode(ids, n) for name, decode in contestants.items()}
    for name, rows in outputs.items():
        n_same = sum(
            a[: TOKENS - 1] == b[: TOKENS - 1] for a, b in zip(outputs[ours], rows, strict=True)
        )
        print(f"{name}: {n_same} of {len(ids)} translations as {ours}", file=sys.stderr)


def decode_table(
    corpus: Corpus, size: ModelConfig, n_sentences: list[int], args: argparse.Namespace
) -> list[Row]:
    """The same sentences, the same weights, exactly 20 steps."""
    contestants = decoders(corpus, size, torch.device(args.device))
    reference = next(name for name in contestants if name.startswith("CTranslate2"))
    ids = sorted(corpus.src_tokenizer.encode([pair.src for pair in corpus.test]), key=len)
    rows = []
    for n, beam_size in itertools.product(n_sentences, (1, 4)):
        # Each round has sentences of like length, from the shortest to the longest.
        starts = np.linspace(0, max(0, len(ids) - n), args.rounds, dtype=int).tolist()
        groups = [(ids[start:] * (1 + n // len(ids)))[:n] for start in starts]
        compare_translations(contestants, groups[0], beam_size)
        work: dict[str, Callable[[int], object]] = {
            name: lambda i, decode=decode: decode(groups[i], beam_size)  # noqa: B023
            for name, decode in contestants.items()
        }
        seconds = take_turns(work, args.rounds, 1)
        n_threads = torch.get_num_threads()
        title = f"Decoding, {n} sentence{'s' * (n > 1)}, beam {beam_size}, {n_threads} threads"
        unit, n_done = ("tokens/s", TOKENS * n) if n > 1 else ("ms", 0)
        rows += show(title, unit, seconds, [n_done] * args.rounds, reference)
    return rows


def batch_table(corpus: Corpus, args: argparse.Namespace) -> list[Row]:
    """Many sentences, exactly 20 steps each, everyone as it is fastest.

    Ours has workers of one thread; CTranslate2 has such workers, or threads inside the operators,
    as MarianMT has. All take batches of sentences of like length.
    """
    src, tgt = corpus.src_tokenizer, corpus.tgt_tokenizer
    special, n_cores = tgt.special_ids, available_cores()
    torch.manual_seed(1)
    model = Transformer(SIZE, len(src), len(tgt), src.pad_id, joint=False).eval()
    run = run_of(model, src, tgt)
    our_batch = our_decoder(model, special, torch.float32)
    their_batch = marian_decoder(marian_with_our_weights(run).eval(), special, torch.float32)

    def in_batches(decode: Decoder, n_workers: int) -> Decoder:
        def decode_all(ids: list[list[int]], beam_size: int) -> list[list[int]]:
            batches = shared_batches([len(row) for row in ids], 2048, n_workers)
            groups = [[ids[i] for i in batch] for batch in batches]
            outputs: list[list[int]] = [[] for _ in ids]
            with workers(n_workers) as share_out:
                results = share_out(lambda group: decode(group, beam_size), groups)
                for batch, rows in zip(batches, results, strict=True):
                    for i, row in zip(batch, rows, strict=True):
                        outputs[i] = row
            return outputs

        return decode_all

    contestants = {
        f"transformer_mt, {n_cores} workers": in_batches(our_batch, n_cores),
        "MarianMT": in_batches(their_batch, 1),
    }
    engines = {(n_cores, 1), (1, n_cores)}  # workers, threads
    with tempfile.TemporaryDirectory() as name:
        to_ctranslate2.write(run, Path(name), "bench")
        for n_workers, n_threads in sorted(engines):
            title = f"CTranslate2, float32, {n_workers} workers of {n_threads} threads"
            contestants[title] = ctranslate2_decoder(
                run, Path(name), "cpu", "float32", n_threads, TOKENS, n_workers
            )
    pairs = (corpus.test + corpus.valid)[: args.sentences]
    ids = src.encode([pair.src for pair in pairs])
    rows = []
    for beam_size in (1, 4):
        compare_translations(contestants, ids, beam_size)
        work: dict[str, Callable[[int], object]] = {
            name: lambda _, decode=decode: decode(ids, beam_size)  # noqa: B023
            for name, decode in contestants.items()
        }
        seconds = take_turns(work, args.rounds, 1)
        title = f"Decoding, {len(ids)} sentences in batches, beam {beam_size}"
        reference = next(name for name in contestants if name.startswith("CTranslate2"))
        n_done = [float(TOKENS * len(ids))] * args.rounds
        rows += show(title, "tokens/s", seconds, n_done, reference)
    return rows


# ---------------------------------------------------------------------------- whole commands, sizes


def start_table(run_dir: Path, rounds: int) -> list[Row]:
    """From cold to the answer, as whole commands."""
    reference = "import torch, load the weights"
    load = (
        "import torch; from safetensors.torch import load_file; from pathlib import Path; "
        f"load_file(Path({str(run_dir)!r}, 'model.safetensors'))"
    )
    commands = {
        reference: ["-c", load],
        "translate RUN 'Hello.'": ["-m", "transformer_mt.translate", str(run_dir), "Hello."],
    }
    for name in ("translate", "evaluate", "visualize", "train"):
        commands[f"{name} --help"] = ["-m", f"transformer_mt.{name}", "--help"]

    def run(command: list[str], _: int) -> None:
        output = subprocess.DEVNULL
        subprocess.run([sys.executable, *command], check=True, stdout=output, stderr=output)

    work = {name: partial(run, command) for name, command in commands.items()}
    return show("Start", "ms", take_turns(work, rounds, 1), [0.0] * rounds, reference)


def measure_updates(
    corpus: Corpus, model: ModelConfig, length: int, n_threads: int, args: argparse.Namespace
) -> dict[str, float]:
    """Updates on random ids, `length` on both sides.

    Has a process of its own, so that the peak of memory is its own.
    """
    torch.set_num_threads(n_threads)
    keep_freed_memory()
    rng = np.random.default_rng(1)
    n_rows = max(1, args.token_budget // length)
    ids = {
        "src_ids": rng.integers(5, len(corpus.src_tokenizer), (n_rows, length)).tolist(),
        "tgt_ids": rng.integers(5, len(corpus.tgt_tokenizer), (n_rows, length)).tolist(),
    }
    same_length = replace(corpus, train=Dataset.from_dict(ids))
    on_gpu = args.device == "cuda"
    precision = Precision.auto if on_gpu else Precision.fp32
    trainer = make_trainer(same_length, model, precision, args.device, compile=on_gpu)
    (batch,) = trainer.load_batch(np.arange(n_rows), 0)
    times = take_turns({"": lambda _: trainer.update([batch], 1e-4)}, args.rounds, 2)[""]
    seconds = statistics.median(times)
    if on_gpu:
        peak = torch.cuda.max_memory_allocated()
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "tokens_per_second": batch.n_tokens / seconds,
        "flops": flops_per_update(trainer.model, batch) / seconds,
        "peak_bytes": peak,
    }


Case = tuple[str, ModelConfig, int, int]
"""A name, a model, a sentence length and a number of threads."""


def growth_cases(args: argparse.Namespace) -> list[Case]:
    """What `growth` measures on this device."""
    if args.device == "cuda":
        return [("base", BASE, 32, 1), ("big", BIG, 32, 1)]
    n_threads = args.threads
    return [
        *((f"{n} tokens a sentence", SIZE, n, n_threads) for n in (8, 32, 128, 512)),
        ("tiny", TINY, 32, n_threads),
        ("base", BASE, 32, n_threads),
        ("one thread", SIZE, 32, 1),
    ]


def growth_table(corpus: Corpus, args: argparse.Namespace) -> list[Row]:
    """How speed and memory change with the size of what is trained."""
    print(
        f"\nTraining, random ids, {args.token_budget:,} target tokens an update on {args.device}\n"
    )
    print("| | target tokens/s | GFLOP/s of its matrix products | share of the peak | memory, GB |"
          "\n|---|---|---|---|---|")  # fmt: skip
    rows: list[Row] = []
    for name, model, length, n_threads in growth_cases(args):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            figures = pool.apply(measure_updates, (corpus, model, length, n_threads, args))
        share = f"{figures['flops'] / args.peak_tflops / 1e12:.1%}" if args.peak_tflops else ""
        print(f"| {name} | {figures['tokens_per_second']:,.0f} | {figures['flops'] / 1e9:,.0f}"
              f" | {share} | {figures['peak_bytes'] / 1e9:.2f} |", flush=True)  # fmt: skip
        rows.append({"table": "growth", "name": name, **figures})
    return rows


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("tables", nargs="*", metavar="TABLE", help=f"{', '.join(TABLES)} (default: train decode)")
    add("--corpus", type=Path, default=STARTER_DIR / "train.tsv", help="TSV (default: the starter)")
    add("--run", type=Path, help="a trained run, for start")
    add("--sentences", type=int, default=1000, help="for batch")
    add("--rounds", type=int, default=9)
    add("--threads", type=int, default=2)
    add("--token-budget", type=int, default=4500, help="padded tokens of an update")
    add("--device", choices=("cpu", "cuda"), default="cpu")
    add("--peak-tflops", type=float, help="of the device, to show the share reached")
    add("--json", type=Path, help="write all figures here")
    args = parser.parse_args()
    args.tables = args.tables or ["train", "decode"]
    if unknown := set(args.tables) - set(TABLES):
        names = ", ".join(sorted(unknown))
        parser.error(f"no such table: {names}; there are {', '.join(TABLES)}.")
    if "start" in args.tables and not args.run:
        parser.error("start needs --run RUN, a trained run.")
    return args


def measure(table: str, corpus: Corpus, args: argparse.Namespace) -> list[Row]:
    """Measure and print a table about the models of `corpus`."""
    if table == "train":
        return train_table(corpus, args.rounds, args.token_budget)
    if table == "rest":
        return rest_table(corpus, args.rounds, args.token_budget)
    if table == "growth":
        return growth_table(corpus, args)
    if table == "batch":
        return batch_table(corpus, args)
    if args.device == "cuda":
        return decode_table(corpus, BASE, [64, 1, 1024], args)
    return decode_table(corpus, SIZE, [64, 1], args)


def main() -> None:
    args = parse_args()
    torch.set_num_threads(args.threads)
    keep_freed_memory()
    warnings.filterwarnings("ignore")
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    rows: list[Row] = []
    tables = [table for table in args.tables if table != "start"]
    if tables:
        with tempfile.TemporaryDirectory() as cache:
            corpus = load_corpus(args.corpus, cache)
            for table in tables:
                rows += measure(table, corpus, args)
    if "start" in args.tables:
        rows += start_table(args.run, args.rounds)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
