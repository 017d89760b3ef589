"""What do imports and exports cost, and what does int8 lose? Needs the extra `bench`.

    python scripts/bench/exports.py --run RUN              # BLEU and speed of a run's exports
    python scripts/bench/exports.py --run RUN --src news.en --ref news.zh
    python scripts/bench/exports.py --real-size            # opus-mt's size, random weights

With `--run` the run and its exports translate the same test set with the same beam and the same
length penalty, in turns; of each the best of the rounds counts. With `--real-size` a MarianMT
directory of 6 + 6 layers, width 512 and 65,001 pieces is imported, in a process of its own, and
everyone takes 30 steps for 16 sentences.
"""

import argparse
import json
import math
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from transformer_mt import Translator, convert
from transformer_mt.decoding import length_penalty
from transformer_mt.fast import keep_freed_memory
from transformer_mt.files import read_text
from transformer_mt.scoring import corpus_bleu

KINDS = ("float32", "int8")


def engine_decoder(
    folder: Path, run: Translator, beam_size: int, n_threads: int
) -> Callable[[list[str]], list[str]]:
    """Translate with a CTranslate2 export, ranked by the run's length penalty."""
    import ctranslate2

    engine = ctranslate2.Translator(str(folder), inter_threads=1, intra_threads=n_threads)
    src, tgt = run.src_tokenizer, run.tgt_tokenizer
    never = tgt.pieces(sorted({tgt.pad_id, tgt.bos_id} - {tgt.eos_id}))
    alpha = run.decode.length_penalty

    def rank(candidate: tuple[list[str], float]) -> float:
        tokens, score = candidate
        return score / float(length_penalty(len(tokens) + 1, alpha))

    def decode(texts: list[str]) -> list[str]:
        sources = src.encode(texts)
        longest = 2 * max(map(len, sources)) + 20  # the run's limit for the longest of them
        results = engine.translate_batch(
            [src.pieces(ids[:-1]) for ids in sources],
            beam_size=beam_size,
            num_hypotheses=beam_size,
            length_penalty=0,
            return_scores=True,
            disable_unk=True,
            suppress_sequences=[[text] for text in never],
            max_input_length=0,
            min_decoding_length=0,
            max_decoding_length=min(longest, run.config.model.max_len) - 1,
            max_batch_size=2048,
            batch_type="tokens",
        )
        best = [max(zip(r.hypotheses, r.scores, strict=True), key=rank)[0] for r in results]
        return tgt.decode([list(map(tgt.id_of, tokens)) for tokens in best])

    return decode


def compare_exports(args: argparse.Namespace) -> None:
    """BLEU, speed and size of a run and of its exports to CTranslate2."""
    run = Translator(args.run, "cpu")
    if args.src:
        sources, references = read_text(args.src), read_text(args.ref)
    else:
        rows = [line.split("\t") for line in read_text(args.run / "test.tsv")]
        sources, references = [row[0] for row in rows], [row[1] for row in rows]
    print("| | beam | BLEU | sentences/s | as fast | MB |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folders = {kind: Path(name) / kind for kind in KINDS}
        for kind, folder in folders.items():
            arguments = [str(args.run), str(folder), "--to=ctranslate2", f"--quantization={kind}"]
            convert.main(arguments)
        for beam_size in (1, 4):
            decoders: dict[str, Callable[[list[str]], list[str]]] = {
                "transformer_mt": lambda texts, n=beam_size: [
                    t.text for t in run.translate(texts, beam_size=n)
                ]
            }
            sizes = {"transformer_mt": (args.run / "model.safetensors").stat().st_size}
            for kind, folder in folders.items():
                title = f"CTranslate2, {kind}"
                decoders[title] = engine_decoder(folder, run, beam_size, args.threads)
                sizes[title] = (folder / "model.bin").stat().st_size
            seconds = dict.fromkeys(decoders, math.inf)
            outputs = {}
            for _ in range(args.rounds):
                for title, decode in decoders.items():
                    start = time.perf_counter()
                    outputs[title] = decode(sources)
                    seconds[title] = min(seconds[title], time.perf_counter() - start)
            for title, lines in outputs.items():
                bleu = corpus_bleu(lines, references, run.config.tgt_language)
                rate, ratio = (
                    len(sources) / seconds[title],
                    seconds["transformer_mt"] / seconds[title],
                )
                print(f"| {title} | {beam_size} | {bleu:.2f} | {rate:.1f} | {ratio:.2f} |"
                      f" {sizes[title] / 1e6:.1f} |", flush=True)  # fmt: skip


# ------------------------------------------------------------------------------- the real size


def make_real_size(folder: Path, n_pieces: int) -> None:
    """A MarianMT directory of opus-mt's size, with random weights."""
    import io

    import sentencepiece as spm
    from transformers import MarianConfig, MarianMTModel

    from transformer_mt.config import STARTER_DIR

    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(read_text(STARTER_DIR / "train.tsv")), model_writer=model,
        vocab_size=2000, hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    for side in ("source", "target"):
        (folder / f"{side}.spm").write_bytes(model.getvalue())
    processor = spm.SentencePieceProcessor(model_proto=model.getvalue())
    texts = ["</s>", *(processor.id_to_piece(i) for i in range(len(processor)))]
    texts = [*dict.fromkeys(texts), *(f"▁piece{i}" for i in range(n_pieces))][: n_pieces - 1]
    ids = {text: i for i, text in enumerate([*texts, "<pad>"])}
    (folder / "vocab.json").write_text(json.dumps(ids), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text('{"source_lang": "en", "target_lang": "zh"}')
    config = MarianConfig(
        vocab_size=n_pieces, d_model=512, encoder_layers=6, decoder_layers=6,
        encoder_attention_heads=8, decoder_attention_heads=8, encoder_ffn_dim=2048,
        decoder_ffn_dim=2048, max_position_embeddings=512, activation_function="swish",
        scale_embedding=True, eos_token_id=0, pad_token_id=n_pieces - 1,
        decoder_start_token_id=n_pieces - 1,
    )  # fmt: skip
    MarianMTModel(config).save_pretrained(folder)


def timed_import(folder: str, run_dir: str) -> tuple[float, float]:
    """Seconds of an import, and the bytes by which it raised the peak of memory (on Linux)."""
    before = peak_memory()
    start = time.perf_counter()
    convert.main([folder, run_dir])
    return time.perf_counter() - start, peak_memory() - before


def peak_memory() -> float:
    """Bytes. `getrusage` would count the parent process, too."""
    status = Path("/proc/self/status").read_text()
    return 1024 * float(status.split("VmHWM:")[1].split()[0])


def measure_real_size(args: argparse.Namespace) -> None:
    """Time and memory of the import, and the speed of everyone on the same weights."""
    import bench
    from contestants import ctranslate2_decoder
    from transformers import AutoModelForSeq2SeqLM

    from transformer_mt.interchange import to_ctranslate2

    bench.TOKENS = 30
    with tempfile.TemporaryDirectory() as name:
        folder, run_dir = Path(name) / "marian", Path(name) / "run"
        folder.mkdir()
        make_real_size(folder, args.pieces)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            seconds, memory = pool.apply(timed_import, (str(folder), str(run_dir)))
        print(f"import: {seconds:.1f} s, {memory / 1e6:,.0f} MB")
        run = Translator(run_dir, "cpu").run
        special = run.tgt_tokenizer.special_ids
        decoders = {
            "transformer_mt": bench.our_decoder(run.model, special, torch.float32),
            "MarianMT": bench.marian_decoder(
                AutoModelForSeq2SeqLM.from_pretrained(folder).eval(), special, torch.float32
            ),
        }
        files = {"run": run_dir / "model.safetensors"}
        for kind in KINDS:
            out = Path(name) / kind
            out.mkdir()
            to_ctranslate2.write(run, out, kind, kind)
            files[kind] = out / "model.bin"
            options: tuple[Any, ...] = (run, out, "cpu", "default", args.threads, bench.TOKENS)
            decoders[f"CTranslate2, {kind}"] = ctranslate2_decoder(*options)
        for kind, path in files.items():
            print(f"{kind}: {path.stat().st_size / 1e6:,.0f} MB")
        texts = ["I like apples and books, and they like fish."] * 16
        ids = run.src_tokenizer.encode(texts)
        for beam_size in (1, 4):
            work = {
                title: lambda _, decode=decode, n=beam_size: decode(ids, n)
                for title, decode in decoders.items()
            }
            times = bench.take_turns(work, args.rounds, 1)
            title = f"16 sentences, {bench.TOKENS} steps, beam {beam_size}"
            bench.show(title, "ms", times, [0.0] * args.rounds, "MarianMT")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, help="a trained run")
    parser.add_argument("--src", type=Path, help="test set (default: the run's)")
    parser.add_argument("--ref", type=Path)
    parser.add_argument("--real-size", action="store_true")
    parser.add_argument("--pieces", type=int, default=65001)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    if not args.run and not args.real_size:
        parser.error("give --run RUN or --real-size.")
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    torch.set_num_threads(args.threads)
    keep_freed_memory()
    if args.run:
        compare_exports(args)
    if args.real_size:
        measure_real_size(args)


if __name__ == "__main__":
    main()
