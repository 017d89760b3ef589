"""What one would otherwise install: models of the same size as ours, and with our weights."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from transformer_mt.config import ModelConfig, Norm
from transformer_mt.model import Transformer, positional_encoding
from transformer_mt.tokenizer import SpecialIds


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


# ---------------------------------------------------------------- MarianMT of Hugging Face

MARIAN_NAMES = {
    "self_attention": "self_attn",
    "cross_attention": "encoder_attn",
    ".w_q.": ".q_proj.",
    ".w_k.": ".k_proj.",
    ".w_v.": ".v_proj.",
    ".w_o.": ".out_proj.",
    "self_residual.norm": "self_attn_layer_norm",
    "cross_residual.norm": "encoder_attn_layer_norm",
    "feed_forward.w_in": "fc1",
    "feed_forward.w_out": "fc2",
    "feed_forward_residual.norm": "final_layer_norm",
}
"""Parts of our parameters' names, and of theirs."""


def marian(config: ModelConfig, n_src_vocab: int, n_tgt_vocab: int, special: SpecialIds) -> Any:
    """MarianMT of the same size."""
    from transformers import MarianConfig, MarianMTModel

    return MarianMTModel(
        MarianConfig(
            vocab_size=n_src_vocab,
            decoder_vocab_size=n_tgt_vocab,
            share_encoder_decoder_embeddings=False,
            d_model=config.d_model,
            encoder_layers=config.n_encoder_layers,
            decoder_layers=config.n_decoder_layers,
            encoder_attention_heads=config.n_heads,
            decoder_attention_heads=config.n_heads,
            encoder_ffn_dim=config.d_ff,
            decoder_ffn_dim=config.d_ff,
            max_position_embeddings=config.max_len,
            scale_embedding=True,
            dropout=config.dropout,
            activation_function=config.activation.value,
            pad_token_id=special.pad,
            eos_token_id=special.eos,
            decoder_start_token_id=special.bos,
            forced_eos_token_id=None,
        )
    )


def marian_name(name: str) -> str:
    """`encoder_layers.0.self_attention.w_q.weight` as MarianMT calls it."""
    side, rest = name.split("_layers.")
    for ours, theirs in MARIAN_NAMES.items():
        rest = rest.replace(ours, theirs)
    return f"model.{side}.layers.{rest}"


@torch.no_grad()
def copy_to_marian(ours: Transformer, theirs: nn.Module) -> None:
    """Put our weights into MarianMT, so that both compute the same."""
    values = {
        "model.encoder.embed_tokens.weight": ours.src_embedding.weight,
        "model.decoder.embed_tokens.weight": ours.tgt_embedding.weight,
        "lm_head.weight": ours.tgt_embedding.weight,
        "model.encoder.embed_positions.weight": ours.positions,
        "model.decoder.embed_positions.weight": ours.positions,
    }
    for name, value in ours.state_dict().items():
        if "_layers." in name:
            values[marian_name(name)] = value
    state = theirs.state_dict()
    for name, value in values.items():
        state[name].copy_(value)
    for name, value in state.items():
        if name.endswith("k_proj.bias"):  # we have none
            value.zero_()


# ---------------------------------------------------------------------------- CTranslate2


def to_numpy(tensor: Tensor) -> np.ndarray:
    return tensor.detach().float().cpu().numpy()


def put_norm(target: Any, source: nn.LayerNorm) -> None:
    """Copy a layer norm."""
    target.gamma, target.beta = to_numpy(source.weight), to_numpy(source.bias)


def put_linear(target: Any, *sources: nn.Linear) -> None:
    """Copy linear layers of the same input, one below the other."""
    target.weight = np.concatenate([to_numpy(source.weight) for source in sources])
    target.bias = np.concatenate(
        [
            np.zeros(source.out_features, np.float32)
            if source.bias is None
            else to_numpy(source.bias)
            for source in sources
        ]
    )


def put_layer(target: Any, layer: nn.Module) -> None:
    """Copy an encoder or decoder layer; queries, keys and values are one matrix there."""
    own = layer.self_attention
    put_linear(target.self_attention.linear[0], own.w_q, own.w_k, own.w_v)
    put_linear(target.self_attention.linear[1], own.w_o)
    put_norm(target.self_attention.layer_norm, layer.self_residual.norm)
    if hasattr(layer, "cross_attention"):
        cross = layer.cross_attention
        put_linear(target.attention.linear[0], cross.w_q)
        put_linear(target.attention.linear[1], cross.w_k, cross.w_v)
        put_linear(target.attention.linear[2], cross.w_o)
        put_norm(target.attention.layer_norm, layer.cross_residual.norm)
    put_linear(target.ffn.linear_0, layer.feed_forward.w_in)
    put_linear(target.ffn.linear_1, layer.feed_forward.w_out)
    put_norm(target.ffn.layer_norm, layer.feed_forward_residual.norm)


def ctranslate2_model(ours: Transformer, folder: Path, special: SpecialIds) -> Path:
    """Write our weights in CTranslate2's format; its tokens are our ids, written as numbers."""
    from ctranslate2.specs import Activation, TransformerSpec

    config = ours.config
    spec = TransformerSpec.from_config(
        (config.n_encoder_layers, config.n_decoder_layers),
        config.n_heads,
        pre_norm=config.norm is Norm.pre,
        activation=Activation.RELU,
    )
    spec.encoder.embeddings[0].weight = to_numpy(ours.src_embedding.weight)
    spec.decoder.embeddings.weight = to_numpy(ours.tgt_embedding.weight)
    for side, layers in (
        (spec.encoder, ours.encoder_layers),
        (spec.decoder, ours.decoder_layers),
    ):
        side.position_encodings.encodings = to_numpy(ours.positions)
        side.scale_embeddings = True
        for target, layer in zip(side.layer, layers, strict=True):
            put_layer(target, layer)
    spec.decoder.projection.weight = to_numpy(ours.output.weight)

    n_src, n_tgt = ours.src_embedding.num_embeddings, ours.tgt_embedding.num_embeddings
    spec.register_source_vocabulary([str(i) for i in range(n_src)])
    spec.register_target_vocabulary([str(i) for i in range(n_tgt)])
    spec.config.bos_token = str(special.bos)
    spec.config.eos_token = str(special.eos)
    spec.config.unk_token = str(special.unk)
    spec.config.decoder_start_token = str(special.bos)
    spec.config.add_source_eos = False  # our ids have theirs
    spec.validate()
    spec.optimize()
    spec.save(str(folder))
    return folder


def start_engine(folder: Path, device: str, kind: str, n_threads: int) -> None:
    """Load CTranslate2's model in a process of its own."""
    import ctranslate2

    global engine
    engine = ctranslate2.Translator(
        str(folder), device, compute_type=kind, inter_threads=1, intra_threads=n_threads
    )


def by_engine(ids: list[list[int]], beam_size: int, n_tokens: int) -> list[list[int]]:
    """CTranslate2's translations of exactly `n_tokens`, in its process."""
    results = engine.translate_batch(
        [[str(token) for token in row] for row in ids],
        beam_size=beam_size,
        min_decoding_length=n_tokens,
        max_decoding_length=n_tokens,
        max_batch_size=0,
        disable_unk=True,
    )
    return [[int(token) for token in result.hypotheses[0]] for result in results]


def ctranslate2_decoder(
    folder: Path, device: str, kind: str, n_threads: int, n_tokens: int
) -> Callable[[list[list[int]], int], list[list[int]]]:
    """Start CTranslate2 on a model, and return what translates ids with a given beam size."""
    context = multiprocessing.get_context("spawn")
    pool = context.Pool(1, start_engine, (folder, device, kind, n_threads))
    # Return only when the model is read: its file may be temporary.
    pool.apply(by_engine, ([[0]], 1, n_tokens))
    return lambda ids, beam_size: pool.apply(by_engine, (ids, beam_size, n_tokens))
