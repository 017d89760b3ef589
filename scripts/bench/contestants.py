"""What one would otherwise install: models of the same size as ours, and with our weights."""

import multiprocessing
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from transformer_mt.config import Config, ModelConfig
from transformer_mt.interchange import to_marian
from transformer_mt.model import Transformer, positional_encoding
from transformer_mt.run_dir import LoadedRun
from transformer_mt.tokenizer import Tokenizer


class PlainTransformer(nn.Module):
    """The model that the documentation of `torch.nn.Transformer` leads to."""

    def __init__(
        self, config: ModelConfig, n_src_vocab: int, n_tgt_vocab: int, pad_id: int
    ) -> None:
        super().__init__()
        self.pad_id = pad_id
        self.scale = config.d_model**0.5
        self.src_embedding = nn.Embedding(n_src_vocab, config.d_model)
        self.tgt_embedding = nn.Embedding(n_tgt_vocab, config.d_model)
        self.register_buffer("positions", positional_encoding(config.max_len, config.d_model))
        self.dropout = nn.Dropout(config.dropout)
        self.transformer = nn.Transformer(
            config.d_model,
            config.n_heads,
            config.n_encoder_layers,
            config.n_decoder_layers,
            config.d_ff,
            config.dropout,
            batch_first=True,
        )
        self.output = nn.Linear(config.d_model, n_tgt_vocab)

    def embed(self, ids: Tensor, embedding: nn.Embedding) -> Tensor:
        """Ids `(B, T)` to `(B, T, D)`."""
        return self.dropout(embedding(ids) * self.scale + self.positions[: ids.size(1)])

    def forward(self, src: Tensor, tgt_in: Tensor) -> Tensor:
        """Logits `(B, T, V)`."""
        padding = src == self.pad_id
        # A bool mask, because a float one beside bool padding is deprecated. Here True = hidden.
        n = tgt_in.size(1)
        hidden = torch.ones(n, n, dtype=torch.bool, device=src.device).triu(1)
        states = self.transformer(
            self.embed(src, self.src_embedding),
            self.embed(tgt_in, self.tgt_embedding),
            tgt_mask=hidden,
            src_key_padding_mask=padding,
            memory_key_padding_mask=padding,
        )
        return self.output(states)


# ------------------------------------------- MarianMT of Hugging Face, and CTranslate2


def run_of(
    model: Transformer, src: Tokenizer, tgt: Tokenizer, folder: Path = Path("bench")
) -> LoadedRun:
    """A model with its vocabularies, as the exports take them."""
    config = Config(model=model.config)
    return LoadedRun(folder, config, src, tgt, model, {"steps": [0]})


def marian(run: LoadedRun) -> Any:
    """MarianMT of the same size, with random weights."""
    from transformers import MarianConfig, MarianMTModel

    return MarianMTModel(MarianConfig(**to_marian.model_values(run)))


def marian_with_our_weights(run: LoadedRun) -> Any:
    """MarianMT as it opens our export."""
    from transformers import AutoModelForSeq2SeqLM

    with tempfile.TemporaryDirectory() as folder:
        to_marian.write(run, Path(folder), "bench")
        return AutoModelForSeq2SeqLM.from_pretrained(folder)


def start_engine(folder: Path, device: str, kind: str, n_threads: int, n_workers: int = 1) -> None:
    """Load CTranslate2's model in a process of its own."""
    import ctranslate2

    global engine
    engine = ctranslate2.Translator(
        str(folder), device, compute_type=kind, inter_threads=n_workers, intra_threads=n_threads
    )


def by_engine(pieces: list[list[str]], beam_size: int, n_tokens: int) -> list[list[str]]:
    """CTranslate2's translations of exactly `n_tokens`, in its process."""
    results = engine.translate_batch(
        pieces,
        beam_size=beam_size,
        min_decoding_length=n_tokens,
        max_decoding_length=n_tokens,
        max_batch_size=2048,  # sentences of like length together
        batch_type="tokens",
        disable_unk=True,
    )
    return [result.hypotheses[0] for result in results]


def ctranslate2_decoder(
    run: LoadedRun,
    folder: Path,
    device: str,
    kind: str,
    n_threads: int,
    n_tokens: int,
    n_workers: int = 1,
) -> Callable[[list[list[int]], int], list[list[int]]]:
    """Start CTranslate2 on the export of `run`, and return what translates ids, eos last, with a
    given beam size.
    """
    src, tgt = run.src_tokenizer, run.tgt_tokenizer
    context = multiprocessing.get_context("spawn")
    pool = context.Pool(1, start_engine, (folder, device, kind, n_threads, n_workers))
    # Return only when the model is read: its file may be temporary.
    pool.apply(by_engine, ([src.pieces([src.unk_id])], 1, n_tokens))

    def decode(ids: list[list[int]], beam_size: int) -> list[list[int]]:
        pieces = [src.pieces(row[:-1]) for row in ids]  # the model appends eos
        rows = pool.apply(by_engine, (pieces, beam_size, n_tokens))
        return [list(map(tgt.id_of, row)) for row in rows]

    return decode
