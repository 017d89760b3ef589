"""How fast is it, side by side with what one would otherwise install? Needs the extra `bench`.

    python scripts/bench/bench.py train rest decode steps start growth --corpus train.tsv --json bench.json

All contestants take turns, on the same batches, and decode with the same weights: torch.nn.Transformer written plainly,
MarianMT of Hugging Face `transformers`, CTranslate2. The last has a process of its own: beside torch, both would take
their threads from one OpenMP library, which lets them sleep at once when there are more than cores; that alone makes
one sentence take 1.3 times as long with us, and twice as long with CTranslate2. A figure is the median of the rounds,
its spread the middle half of them, its ratio the median of those within a round. On a GPU (`--device cuda`): `base` and
`big`.
"""

import argparse
import contextlib
import itertools
import json
import math
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
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm
from transformer_mt.steps import Decoder, Steps

from transformer_mt import steps
from transformer_mt.batches import Batch, make_batch
from transformer_mt.config import (
    STARTER_DIR,
    Config,
    DataConfig,
    ModelConfig,
    Norm,
    Precision,
    TokenizerConfig,
    TrainConfig,
)
from transformer_mt.corpus import Corpus, prepare
from transformer_mt.decoding import beam_search
from transformer_mt.fast import keep_freed_memory
from transformer_mt.model import Transformer, positional_encoding
from transformer_mt.runtime import able_bf16, autocast
from transformer_mt.trainer import Trainer

SIZE = ModelConfig(
    d_model=256, n_heads=4, d_ff=1024, n_encoder_layers=3, n_decoder_layers=3, norm=Norm.post
)
BASE = replace(SIZE, d_model=512, n_heads=8, d_ff=2048, n_encoder_layers=6, n_decoder_layers=6)
TINY = replace(SIZE, d_model=128, d_ff=512, n_encoder_layers=2, n_decoder_layers=2)
BIG = replace(BASE, d_model=1024, n_heads=16, d_ff=4096)
TOKENS = 20  # decoded for every sentence
Row = dict[str, float | str]


# ------------------------------------------------------------------------------------------------ measuring


def take_turns(
    work: dict[str, Callable[[int], object]], rounds: int, warm_up: int
) -> dict[str, list[float]]:
    """Seconds of every contestant in every round; `work[name](round)` does the same work for all."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for i in tqdm(range(-warm_up, rounds), file=sys.stderr, unit="round"):
        for name, run in work.items():
            time.sleep(
                0.3
            )  # until the threads of the one before no longer wait busily for more work
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
    """Print and return one table; `n_done` is what a round did, in the unit's numerator; 0 = show milliseconds."""
    print(f"\n{title}\n\n| | {unit} | middle half | ratio to {reference} |\n|---|---|---|---|")
    rows: list[Row] = []
    for name, times in seconds.items():
        rates = [n / t if n else 1000 * t for n, t in zip(n_done, times, strict=True)]
        pairs = zip(seconds[reference], times, strict=True)
        ratio = statistics.median(theirs / ours for theirs, ours in pairs)
        low, middle, high = statistics.quantiles(rates, n=4, method="inclusive")
        print(f"| {name} | {middle:,.0f} | {low:,.0f} to {high:,.0f} | {ratio:.2f} |", flush=True)
        rows.append({"table": title, "name": name, "unit": unit, "median": middle, "low": low, "high": high,
                     "ratio": ratio})  # fmt: skip
    return rows


def flops_per_update(model: Transformer, batch: Batch) -> float:
    """Of the matrix products of forward and backward pass, padding not counted: 6 per weight and token."""
    encoder = sum(p.numel() for p in model.encoder_layers.parameters() if p.dim() == 2)
    decoder = [p for name, p in model.decoder_layers.named_parameters() if p.dim() == 2]
    memory = sum(
        p.numel()
        for name, p in model.decoder_layers.named_parameters()
        if "cross_attention.w_k.weight" in name
    )
    memory *= 2  # keys and values are made of the source
    n_src, n_tgt = int((batch.src != model.pad_id).sum()), batch.n_tokens
    per_target = sum(p.numel() for p in decoder) - memory + model.output.weight.numel()
    return 6.0 * ((encoder + memory) * n_src + per_target * n_tgt)


def product_rate(
    config: ModelConfig, n_vocab: int, n_rows: int, dtype: torch.dtype, device: str
) -> float:
    """FLOP/s of the model's own matrix products in a row: what an update could reach if it did nothing else."""
    d, f = config.d_model, config.d_ff
    shapes = [(d, d)] * 8 + [(d, f), (f, d)] * 2 + [(d, n_vocab)]
    inputs = [(torch.randn(n_rows, a, dtype=dtype, device=device),
               torch.randn(b, a, dtype=dtype, device=device)) for a, b in shapes]  # fmt: skip
    times = take_turns({"": lambda _: [F.linear(x, w) for x, w in inputs]}, 8, 2)[""]
    return sum(2.0 * n_rows * a * b for a, b in shapes) / statistics.median(times)


# ---------------------------------------------------------------------------------------------- contestants


class PlainTransformer(nn.Module):
    """What the documentation of torch.nn.Transformer leads to."""

    def __init__(
        self, config: ModelConfig, n_src_vocab: int, n_tgt_vocab: int, pad_id: int
    ) -> None:
        super().__init__()
        self.pad_id, self.scale = pad_id, math.sqrt(config.d_model)
        self.src, self.tgt = (
            nn.Embedding(n_src_vocab, config.d_model),
            nn.Embedding(n_tgt_vocab, config.d_model),
        )
        self.register_buffer("positions", positional_encoding(config.max_len, config.d_model))
        self.dropout = nn.Dropout(config.dropout)
        self.transformer = nn.Transformer(
            config.d_model, config.n_heads, config.n_encoder_layers, config.n_decoder_layers, config.d_ff,
            config.dropout, batch_first=True,
        )  # fmt: skip
        self.output = nn.Linear(config.d_model, n_tgt_vocab)

    def forward(self, src: Tensor, tgt_in: Tensor) -> Tensor:
        padding = src == self.pad_id
        causal = (
            nn.Transformer.generate_square_subsequent_mask(tgt_in.size(1), device=src.device) < 0
        )
        states = self.transformer(
            self.dropout(self.src(src) * self.scale + self.positions[: src.size(1)]),
            self.dropout(self.tgt(tgt_in) * self.scale + self.positions[: tgt_in.size(1)]),
            tgt_mask=causal, src_key_padding_mask=padding, memory_key_padding_mask=padding,
        )  # fmt: skip
        return self.output(states)


def marian(
    config: ModelConfig, n_src_vocab: int, n_tgt_vocab: int, pad_id: int, bos_id: int, eos_id: int
) -> nn.Module:
    """MarianMT of the same size."""
    from transformers import MarianConfig, MarianMTModel

    sizes = {
        "d_model": config.d_model,
        "max_position_embeddings": config.max_len,
        "scale_embedding": True,
    }
    for side, n_layers in (
        ("encoder", config.n_encoder_layers),
        ("decoder", config.n_decoder_layers),
    ):
        sizes |= {
            f"{side}_layers": n_layers,
            f"{side}_attention_heads": config.n_heads,
            f"{side}_ffn_dim": config.d_ff,
        }
    return MarianMTModel(MarianConfig(
        vocab_size=n_src_vocab, decoder_vocab_size=n_tgt_vocab, share_encoder_decoder_embeddings=False,
        dropout=config.dropout, activation_function=config.activation.value, pad_token_id=pad_id, eos_token_id=eos_id,
        decoder_start_token_id=bos_id, forced_eos_token_id=None, **sizes,
    ))  # fmt: skip


def copy_to_marian(ours: Transformer, theirs: nn.Module) -> None:
    """Put our weights into MarianMT, so that both compute the same."""
    state = theirs.state_dict()
    new = {"model.encoder.embed_tokens.weight": ours.src_embedding.weight}
    for name in ("model.decoder.embed_tokens.weight", "lm_head.weight"):
        new[name] = ours.tgt_embedding.weight
    for side in ("encoder", "decoder"):
        new[f"model.{side}.embed_positions.weight"] = ours.positions
    names = {
        "self_attention.w_": "self_attn.", "cross_attention.w_": "encoder_attn.", "self_residual.norm":
        "self_attn_layer_norm", "cross_residual.norm": "encoder_attn_layer_norm", "feed_forward.w_in": "fc1",
        "feed_forward.w_out": "fc2", "feed_forward_residual.norm": "final_layer_norm",
    }  # fmt: skip
    for name, value in ours.state_dict().items():
        if "_layers." in name:
            side, rest = name.split("_layers.")
            for old, their in names.items():
                if f".{old}" in rest:
                    rest = rest.replace(old, their)
            for letter, their in (
                ("q", "q_proj"),
                ("k", "k_proj"),
                ("v", "v_proj"),
                ("o", "out_proj"),
            ):
                rest = rest.replace(f"attn.{letter}.", f"attn.{their}.")
            new[f"model.{side}.layers.{rest}"] = value
    for name, value in state.items():
        if name.endswith("k_proj.bias"):
            new[name] = torch.zeros_like(value)
    with torch.no_grad():
        for name, value in new.items():
            state[name].copy_(value)


def ctranslate2_model(ours: Transformer, folder: Path, bos: int, eos: int, unk: int) -> Path:
    """Write our weights in CTranslate2's format."""
    from ctranslate2.specs import Activation, TransformerSpec

    config = ours.config
    spec = TransformerSpec.from_config(
        (config.n_encoder_layers, config.n_decoder_layers), config.n_heads, pre_norm=config.norm is Norm.pre,
        activation=Activation.RELU,
    )  # fmt: skip

    def numpy(tensor: Tensor) -> np.ndarray:
        return tensor.detach().float().cpu().numpy()

    def norm(target: object, source: nn.LayerNorm) -> None:
        target.gamma, target.beta = numpy(source.weight), numpy(source.bias)

    def linear(target: object, *sources: nn.Linear) -> None:
        target.weight = np.concatenate([numpy(source.weight) for source in sources])
        target.bias = np.concatenate([
            np.zeros(source.out_features, np.float32) if source.bias is None else numpy(source.bias)
            for source in sources
        ])  # fmt: skip

    for side, embedding, layers in (
        (spec.encoder, ours.src_embedding, ours.encoder_layers),
        (spec.decoder, ours.tgt_embedding, ours.decoder_layers),
    ):
        (side.embeddings if side is spec.decoder else side.embeddings[0]).weight = numpy(
            embedding.weight
        )
        side.position_encodings.encodings = numpy(ours.positions)
        side.scale_embeddings = True
        for target, layer in zip(side.layer, layers, strict=True):
            own = layer.self_attention
            linear(target.self_attention.linear[0], own.w_q, own.w_k, own.w_v)
            linear(target.self_attention.linear[1], own.w_o)
            norm(target.self_attention.layer_norm, layer.self_residual.norm)
            if side is spec.decoder:
                cross = layer.cross_attention
                linear(target.attention.linear[0], cross.w_q)
                linear(target.attention.linear[1], cross.w_k, cross.w_v)
                linear(target.attention.linear[2], cross.w_o)
                norm(target.attention.layer_norm, layer.cross_residual.norm)
            linear(target.ffn.linear_0, layer.feed_forward.w_in)
            linear(target.ffn.linear_1, layer.feed_forward.w_out)
            norm(target.ffn.layer_norm, layer.feed_forward_residual.norm)
    spec.decoder.projection.weight = numpy(ours.output.weight)
    for register, n in ((spec.register_source_vocabulary, ours.src_embedding.num_embeddings),
                        (spec.register_target_vocabulary, ours.tgt_embedding.num_embeddings)):  # fmt: skip
        register([str(i) for i in range(n)])
    spec.config.bos_token, spec.config.eos_token, spec.config.unk_token = (
        str(bos),
        str(eos),
        str(unk),
    )
    spec.config.decoder_start_token = str(bos)
    spec.config.add_source_eos = False  # our ids have theirs
    spec.validate()
    spec.optimize()
    spec.save(str(folder))
    return folder


# ---------------------------------------------------------------------------------------------------- tables


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
) -> Trainer:
    options = TrainConfig(precision=precision, device=device, compile=compile, max_steps=1_000_000)
    return Trainer(Config(model=model, train=options), corpus)


def sorted_batches(trainer: Trainer, n: int, n_tokens: int) -> list[Batch]:
    """The toolkit's own: rows of like length."""
    trainer.sampler.token_budget = n_tokens
    return [trainer.load_batch(rows, 0)[0] for rows in trainer.sampler.epoch(0)[:n]]


def random_batches(corpus: Corpus, n: int, n_tokens: int) -> list[Batch]:
    """Rows in random order, cut where their padded target tokens reach `n_tokens`: no sorting by length."""
    rng, found = np.random.default_rng(1), []
    src, tgt = corpus.src_tokenizer, corpus.tgt_tokenizer
    order = iter(rng.permutation(len(corpus.train)).tolist())
    for _ in range(n):
        rows: list[dict[str, list[int]]] = []
        while len(rows) * max((len(row["tgt_ids"]) for row in rows), default=0) < n_tokens:
            rows.append(corpus.train[next(order)])
        ids = [row["src_ids"] for row in rows], [row["tgt_ids"] for row in rows]
        found.append(make_batch(*ids, src.pad_id, tgt.pad_id, tgt.bos_id))
    return found


def train_table(corpus: Corpus, rounds: int, token_budget: int) -> list[Row]:
    """Updates of a model of 3 + 3 layers by everyone on the same batches."""
    src, tgt = corpus.src_tokenizer, corpus.tgt_tokenizer
    sizes = (len(src), len(tgt), src.pad_id)
    corpus_trainer = make_trainer(corpus, SIZE, Precision.fp32)
    batches = sorted_batches(corpus_trainer, rounds, token_budget)
    scattered = random_batches(corpus, rounds, token_budget)

    def theirs(
        model: nn.Module, batches: list[Batch], bf16: bool, call: Callable[[Batch], Tensor]
    ) -> Callable:
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, betas=(0.9, 0.98), eps=1e-9)
        model.train()

        def update(i: int) -> None:
            batch = batches[i]
            with autocast(torch.device("cpu"), torch.bfloat16 if bf16 else torch.float32):
                logits = call(batch)
            labels = batch.tgt_out.masked_fill(~batch.positions, -100)
            loss = F.cross_entropy(
                logits.float().flatten(0, 1), labels.flatten(), label_smoothing=0.1
            )
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()

        return update

    def ours(precision: Precision, batches: list[Batch]) -> Callable[[int], object]:
        trainer = make_trainer(corpus, SIZE, precision)
        return lambda i: trainer.update([batches[i]], 1e-4)

    precisions = [Precision.fp32] + [Precision.bf16] * able_bf16(torch.device("cpu"))
    work: dict[str, Callable[[int], object]] = {}
    for precision in precisions:
        bf16 = precision is Precision.bf16
        work[f"transformer_mt, {precision.value}"] = ours(precision, batches)
        hf = marian(SIZE, *sizes, tgt.bos_id, tgt.eos_id)
        work[f"MarianMT, {precision.value}"] = theirs(
            hf, batches, bf16,
            lambda batch, model=hf: model(
                input_ids=batch.src, attention_mask=batch.src != src.pad_id, decoder_input_ids=batch.tgt_in
            ).logits,
        )  # fmt: skip
    plain = PlainTransformer(SIZE, *sizes)
    plain_call = lambda batch: plain(batch.src, batch.tgt_in)  # noqa: E731
    work["nn.Transformer, fp32"] = theirs(plain, batches, False, plain_call)
    last = "nn.Transformer, fp32, batches not sorted by length"
    work[last] = theirs(plain, scattered, False, plain_call)
    n_tokens = [float(batch.n_tokens) for batch in batches]
    n_scattered = [float(batch.n_tokens) for batch in scattered]
    seconds = take_turns(work, rounds, 1)
    # Its batches hold another number of tokens: scale its time to theirs.
    seconds[last] = [
        t * n / m for t, n, m in zip(seconds[last], n_tokens, n_scattered, strict=True)
    ]
    title = f"Training, {statistics.mean(n_tokens):,.0f} target tokens an update, {torch.get_num_threads()} threads"
    rows = show(title, "target tokens/s", seconds, n_tokens, "MarianMT, fp32")
    for precision in precisions:
        dtype = torch.bfloat16 if precision is Precision.bf16 else torch.float32
        limit = product_rate(SIZE, len(tgt), int(statistics.mean(n_tokens)), dtype, "cpu")
        flops = [flops_per_update(corpus_trainer.model, batch) for batch in batches]
        rate = statistics.median(
            f / t for f, t in zip(flops, seconds[f"transformer_mt, {precision.value}"], strict=True)
        )
        print(f"\n{precision.value}: {rate / 1e9:.0f} GFLOP/s in training, {limit / 1e9:.0f} by its products alone:"
              f" {rate / limit:.0%}")  # fmt: skip
    return rows


@contextlib.contextmanager
def free_products() -> Iterator[None]:
    """Inside, a matrix product on a CPU is nothing but the writing of zeros."""
    library = torch.library.Library("aten", "IMPL")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that torch's own are replaced
        library.impl("mm", lambda a, b: a.new_zeros(len(a), b.size(1)), "CPU")
        library.impl("bmm", lambda a, b: a.new_zeros(*a.shape[:2], b.size(2)), "CPU")
        library.impl("addmm", lambda _, a, b, **__: a.new_zeros(len(a), b.size(1)), "CPU")
    try:
        yield
    finally:
        library._destroy()


def rest_table(corpus: Corpus, rounds: int, token_budget: int) -> list[Row]:
    """What an update does besides its matrix products: what is left of its time where these are fast. Also for bf16 on
    a processor without it, which has nothing but the products to emulate."""
    trainer = make_trainer(corpus, SIZE, Precision.fp32)
    batches = sorted_batches(trainer, rounds, token_budget)

    def update(
        dtype: torch.dtype, products: Callable[[], contextlib.AbstractContextManager[None]], i: int
    ) -> None:
        trainer.dtype = dtype
        with products():
            trainer.update([batches[i]], 1e-4)

    work = {"fp32": partial(update, torch.float32, contextlib.nullcontext)}
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        work[f"{name}, zeros for products"] = partial(update, dtype, free_products)
    seconds = take_turns(work, rounds, 1)
    n_tokens = statistics.mean(batch.n_tokens for batch in batches)
    title = f"Updates of transformer_mt, {n_tokens:,.0f} target tokens, {torch.get_num_threads()} threads"
    return show(title, "ms", seconds, [0.0] * rounds, "fp32")


def start_engine(folder: str, device: str, kind: str, n_threads: int) -> None:
    """Load CTranslate2's model in a process of its own."""
    import ctranslate2

    global engine
    engine = ctranslate2.Translator(
        folder, device, compute_type=kind, inter_threads=1, intra_threads=n_threads
    )


def by_engine(ids: list[list[int]], n_beams: int) -> list[list[int]]:
    """CTranslate2's translations, in its process."""
    found = engine.translate_batch(
        [[str(token) for token in row] for row in ids], beam_size=n_beams, min_decoding_length=TOKENS,
        max_decoding_length=TOKENS, max_batch_size=0, disable_unk=True,
    )  # fmt: skip
    return [[int(token) for token in result.hypotheses[0]] for result in found]


def decode_table(
    corpus: Corpus, size: ModelConfig, n_sentences: list[int], options: argparse.Namespace
) -> list[Row]:
    """The same sentences, the same weights, exactly 20 steps."""
    src, tgt, rounds, device = (
        corpus.src_tokenizer,
        corpus.tgt_tokenizer,
        options.rounds,
        torch.device(options.device),
    )
    torch.manual_seed(1)
    model = Transformer(size, len(src), len(tgt), src.pad_id, joint=False).eval()
    hf = marian(size, len(src), len(tgt), src.pad_id, tgt.bos_id, tgt.eos_id).eval()
    copy_to_marian(model, hf)
    ids = sorted(src.encode([pair.src for pair in corpus.test]), key=len)
    n_threads, rows = torch.get_num_threads(), []
    with tempfile.TemporaryDirectory() as name:
        folder = ctranslate2_model(model, Path(name), tgt.bos_id, tgt.eos_id, tgt.unk_id)
        engines = {
            kind: multiprocessing.get_context("spawn").Pool(
                1, start_engine, (str(folder), device.type, kind, n_threads)
            )
            for kind in (("float32", "int8") if device.type == "cpu" else ("float16",))
        }
        for pool in engines.values():
            pool.apply(by_engine, (ids[:1], 1))  # it has read the model
    model.to(device)
    hf.to(device)
    precisions = ["fp32"] * (device.type == "cpu") + ["bf16"] * able_bf16(device)
    decoders = {name: Decoder(model, name == "bf16") for name in precisions}

    def batch_of(group: list[list[int]]) -> Tensor:
        return make_batch(group, group, src.pad_id, tgt.pad_id, tgt.bos_id).src.to(device)

    @torch.inference_mode()
    def by_us(
        groups: list[list[list[int]]], n_beams: int, precision: str, i: int
    ) -> list[list[int]]:
        limit = torch.full((len(groups[i]),), TOKENS, device=device)
        with autocast(device, torch.bfloat16 if precision == "bf16" else torch.float32):
            found = beam_search(
                Steps(decoders[precision], batch_of(groups[i])), limit, limit, tgt.bos_id, tgt.eos_id,
                [tgt.pad_id, tgt.unk_id, tgt.bos_id], n_beams, 1.0,
            )  # fmt: skip
        return [hypotheses[0].ids for hypotheses in found]

    @torch.inference_mode()
    def by_marian(
        groups: list[list[list[int]]], n_beams: int, bf16: bool, i: int
    ) -> list[list[int]]:
        table = batch_of(groups[i])
        with autocast(device, torch.bfloat16 if bf16 else torch.float32):
            found = hf.generate(
                input_ids=table, attention_mask=table != src.pad_id, num_beams=n_beams, do_sample=False,
                min_new_tokens=TOKENS, max_new_tokens=TOKENS, bad_words_ids=[[tgt.pad_id], [tgt.unk_id]],
            )  # fmt: skip
        return [row[1:].tolist() for row in found]

    def by_ctranslate2(
        groups: list[list[list[int]]], n_beams: int, kind: str, i: int
    ) -> list[list[int]]:
        return engines[kind].apply(by_engine, (groups[i], n_beams))

    for n, n_beams in itertools.product(n_sentences, (1, 4)):
        starts = np.linspace(0, max(0, len(ids) - n), rounds, dtype=int).tolist()
        groups = [(ids[start:] * (1 + n // len(ids)))[:n] for start in starts]
        work: dict[str, Callable[[int], list[list[int]]]] = {}
        for precision in precisions:
            work[f"transformer_mt, {precision}"] = partial(by_us, groups, n_beams, precision)
            work[f"MarianMT, {precision}"] = partial(
                by_marian, groups, n_beams, precision == "bf16"
            )
        for kind in engines:
            work[f"CTranslate2, {kind}"] = partial(by_ctranslate2, groups, n_beams, kind)
        (ours, *_), (reference, *_) = (
            work,
            (name for name in work if name.startswith("CTranslate2")),
        )
        by_ours = work[ours](0)
        for name, run in work.items():
            n_same = sum(
                a[: TOKENS - 1] == b[: TOKENS - 1] for a, b in zip(by_ours, run(0), strict=True)
            )
            print(f"{name}: {n_same} of {n} translations as {ours}", file=sys.stderr)
        seconds = take_turns(work, rounds, 1)
        title = f"Decoding, {n} sentence{'s' * (n > 1)}, beam {n_beams}, {n_threads} threads"
        rows += show(
            title,
            "tokens/s" if n > 1 else "ms",
            seconds,
            [TOKENS * n if n > 1 else 0] * rounds,
            reference,
        )
    return rows


def steps_table(corpus: Corpus, rounds: int) -> list[Row]:
    """What each way of `transformer_mt/steps.py` gains beside torch's own, by number of rows, greedily on a CPU."""
    src, tgt, rows = corpus.src_tokenizer, corpus.tgt_tokenizer, []
    model = Transformer(SIZE, len(src), len(tgt), src.pad_id, joint=False).eval()
    decoder = Decoder(model)
    torchs = {"FEW": 0, "FEW_LOGITS": 0, "MANY": 0, "FUSED": math.inf}
    ours = {name: getattr(steps, name) for name in torchs}
    ways = {
        "F.linear, fused attention": {},
        "FEW: (W x^T)^T": {"FEW": math.inf},
        "FEW_LOGITS: the output layer too": {
            "FEW": math.inf,
            "FEW_LOGITS": math.inf,
            "MANY": math.inf,
        },
        "MANY: the output layer in blocks": {"MANY": math.inf},
        "FUSED: the equation of attention": {"FUSED": 0},
        "as it is": ours,
    }

    @torch.inference_mode()
    def search(ids: Tensor, way: dict[str, float], _: int) -> None:
        limit = torch.full((len(ids),), TOKENS)
        vars(steps).update(torchs | way)
        try:
            beam_search(
                Steps(decoder, ids),
                limit,
                limit,
                tgt.bos_id,
                tgt.eos_id,
                [tgt.pad_id, tgt.bos_id],
                1,
                1.0,
            )
        finally:
            vars(steps).update(ours)

    for n in (1, 4, 16, 32, 64, 128, 256, 512):
        ids = torch.randint(5, len(src), (n, 10), generator=torch.Generator().manual_seed(1))
        seconds = take_turns(
            {name: partial(search, ids, way) for name, way in ways.items()}, rounds, 1
        )
        rows += show(
            f"Steps, {n} rows, {torch.get_num_threads()} threads",
            "ms",
            seconds,
            [0.0] * rounds,
            next(iter(ways)),
        )
    return rows


def start_table(run_dir: Path, rounds: int) -> list[Row]:
    """From cold to the answer, as whole commands."""
    load = (
        "import torch; from safetensors.torch import load_file; from pathlib import Path; "
        f"load_file(Path({str(run_dir)!r}, 'model.safetensors'))"
    )
    commands = {
        "import torch, load the weights": ["-c", load],
        "translate RUN 'Hello.'": ["-m", "transformer_mt.translate", str(run_dir), "Hello."],
        "translate --help": ["-m", "transformer_mt.translate", "--help"],
        "evaluate --help": ["-m", "transformer_mt.evaluate", "--help"],
        "visualize --help": ["-m", "transformer_mt.visualize", "--help"],
        "train --help": ["-m", "transformer_mt.train", "--help"],
    }
    work = {
        name: lambda _, command=command: subprocess.run(
            [sys.executable, *command],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name, command in commands.items()
    }
    seconds = take_turns(work, rounds, 1)
    return show("Start", "ms", seconds, [0.0] * rounds, "import torch, load the weights")


def measure_updates(
    corpus: Corpus, model: ModelConfig, length: int, options: argparse.Namespace
) -> dict[str, float]:
    """Updates on random ids, `length` on both sides, in a process of its own, so that the peak of memory is its own."""
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    rng = np.random.default_rng(1)
    src, tgt = corpus.src_tokenizer, corpus.tgt_tokenizer
    n_rows = max(1, options.token_budget // length)
    ids = {
        "src_ids": rng.integers(5, len(src), (n_rows, length)).tolist(),
        "tgt_ids": rng.integers(5, len(tgt), (n_rows, length)).tolist(),
    }
    same_length = replace(corpus, train=Dataset.from_dict(ids))
    on_gpu = options.device == "cuda"
    precision = Precision.auto if on_gpu else Precision.fp32
    trainer = make_trainer(same_length, model, precision, options.device, compile=on_gpu)
    (batch,) = trainer.load_batch(np.arange(n_rows), 0)
    times = take_turns({"": lambda _: trainer.update([batch], 1e-4)}, options.rounds, 2)[""]
    seconds = statistics.median(times)
    peak = (
        torch.cuda.max_memory_allocated()
        if on_gpu
        else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    )
    flops = flops_per_update(trainer.model, batch) / seconds
    return {"tokens_per_second": batch.n_tokens / seconds, "flops": flops, "peak_bytes": peak}


def growth_table(
    corpus: Corpus, cases: list[tuple[str, ModelConfig, int, int]], options: argparse.Namespace
) -> list[Row]:
    """How speed and memory change: each case is a name, a model, a sentence length and a number of threads."""
    print(
        f"\nTraining, random ids, {options.token_budget:,} target tokens an update on {options.device}\n"
    )
    print(
        "| | target tokens/s | GFLOP/s of its matrix products | share of the peak | memory, GB |\n|---|---|---|---|---|"
    )
    rows: list[Row] = []
    for name, model, length, n_threads in cases:
        case = argparse.Namespace(**{**vars(options), "threads": n_threads})
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            found = pool.apply(measure_updates, (corpus, model, length, case))
        share = f"{found['flops'] / options.peak_tflops / 1e12:.1%}" if options.peak_tflops else ""
        print(f"| {name} | {found['tokens_per_second']:,.0f} | {found['flops'] / 1e9:,.0f} | {share} |"
              f" {found['peak_bytes'] / 1e9:.2f} |", flush=True)  # fmt: skip
        rows.append({"table": "growth", "name": name, **found})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    names = ("train", "rest", "decode", "steps", "start", "growth")
    parser.add_argument(
        "tables", nargs="*", metavar="TABLE", help=f"of {', '.join(names)}; default: train decode"
    )
    parser.add_argument(
        "--corpus", type=Path, default=STARTER_DIR / "train.tsv", help="TSV; default: the starter"
    )
    parser.add_argument("--run", type=Path, help="a trained run, for start")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--token-budget", type=int, default=4500, help="padded tokens of an update")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument(
        "--peak-tflops", type=float, help="of the device, to show the share reached"
    )
    parser.add_argument("--json", type=Path, help="write all figures here")
    options = parser.parse_args()
    tables = options.tables or ["train", "decode"]
    if unknown := set(tables) - set(names):
        parser.error(
            f"no such table: {', '.join(sorted(unknown))}; choose from {', '.join(names)}."
        )
    if "start" in tables and not options.run:
        parser.error("start needs --run RUN, a trained run.")
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    warnings.filterwarnings("ignore")
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    rows: list[Row] = []
    if set(tables) - {"start"}:
        with tempfile.TemporaryDirectory() as cache:
            corpus = load_corpus(options.corpus, cache)
            if "train" in tables:
                rows += train_table(corpus, options.rounds, options.token_budget)
            if "rest" in tables:
                rows += rest_table(corpus, options.rounds, options.token_budget)
            if "decode" in tables:
                on_gpu = options.device == "cuda"
                rows += decode_table(
                    corpus, BASE if on_gpu else SIZE, [64, 1] + [1024] * on_gpu, options
                )
            if "steps" in tables:
                rows += steps_table(corpus, options.rounds)
            if "growth" in tables and options.device == "cuda":
                rows += growth_table(corpus, [("base", BASE, 32, 1), ("big", BIG, 32, 1)], options)
            elif "growth" in tables:
                cases = [
                    (f"{n} tokens a sentence", SIZE, n, options.threads) for n in (8, 32, 128, 512)
                ]
                cases += [("tiny", TINY, 32, options.threads), ("base", BASE, 32, options.threads)]
                cases += [("one thread", SIZE, 32, 1)]
                rows += growth_table(corpus, cases, options)
    if "start" in tables:
        rows += start_table(options.run, options.rounds)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
