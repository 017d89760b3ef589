"""A run becomes a MarianMT directory, which `transformers` opens without any code of ours.

`marian.py` has the names of the tensors.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from transformer_mt import __version__
from transformer_mt.config import Activation, CrossAttention, EncoderGate, Norm, UserError
from transformer_mt.fast import NEVER
from transformer_mt.files import read_text, write_atomically, write_text
from transformer_mt.interchange import card
from transformer_mt.interchange.marian import (
    OUTPUT,
    OUTPUT_BIAS,
    SHARED,
    SRC_EMBEDDING,
    TGT_EMBEDDING,
    USUAL_LENGTH,
    key_biases,
    layer_name,
    reordered,
    theirs_from_ours,
)
from transformer_mt.model import Transformer
from transformer_mt.run_dir import LoadedRun, weights_of
from transformer_mt.tokenizer import Tokenizer


def write(run: LoadedRun, folder: Path, name: str, license: str | None = None) -> None:
    """Fill `folder` with the run's model and vocabularies as MarianMT has them, and a card.

    Args:
        name: of the exported model.
        license: None = that of the model that was imported, if it was.
    Raises:
        UserError: MarianMT has no word for something in this run.
    """
    check(run)
    write_json(folder / "config.json", model_values(run))
    write_json(folder / "generation_config.json", generation_values(run))
    write_json(folder / "tokenizer_config.json", tokenizer_values(run))
    write_vocabularies(run, folder)
    tensors = tensors_of(run.model)
    path = folder / "model.safetensors"
    write_atomically(path, lambda temporary: save_file(tensors, temporary, {"format": "pt"}))
    rule = run.path / "alignment.json"
    if rule.is_file():
        shutil.copyfile(rule, folder / rule.name)
    write_text(folder / "README.md", card.marian(run, name, license))


def check(run: LoadedRun) -> None:
    """Raise UserError for what MarianMT cannot say, with the option's name and the way out."""
    model, src, tgt = run.config.model, run.src_tokenizer, run.tgt_tokenizer
    wanted = (
        ("norm", model.norm is Norm.post),
        ("activation", model.activation is not Activation.swiglu),
        ("cross_attention", model.cross_attention is CrossAttention.soft),
        ("encoder_gate", model.encoder_gate is EncoderGate.none),
    )
    for key, holds in wanted:
        if not holds:
            fits_ctranslate2 = key in ("norm", "activation")
            way_out = "use --to ctranslate2" if fits_ctranslate2 else "train a run without it"
            value = getattr(model, key)
            raise UserError(f"{run.path}: model.{key}={value} has no place in MarianMT; {way_out}.")
    if marks(src)[:-1] != marks(tgt)[:-1] or src.pad_id != tgt.pad_id:
        raise UserError(
            f"{run.path}: MarianMT has one pad, unknown and end mark for both sides, but here they "
            "differ; use --to ctranslate2."
        )


def marks(tokenizer: Tokenizer) -> list[str]:
    """The texts of pad, unknown, end and start."""
    pad, unk, bos, eos = tokenizer.special_ids
    return tokenizer.pieces([pad, unk, eos, bos])


def have_same_ids(run: LoadedRun) -> bool:
    """Whether every id is the same piece on both sides, so that one vocab.json serves both."""
    src, tgt = run.src_tokenizer, run.tgt_tokenizer
    return src.pieces(list(range(len(src)))) == tgt.pieces(list(range(len(tgt))))


def write_json(path: Path, values: dict[str, Any]) -> None:
    write_text(path, json.dumps(values, ensure_ascii=False, indent=2) + "\n")


# ------------------------------------------------------------------------------------ settings


def model_values(run: LoadedRun) -> dict[str, Any]:
    """`config.json`."""
    config, tgt = run.config.model, run.tgt_tokenizer
    n = n_rows(run.model)
    guide = {"layer": config.guided_layer, "step": run.config.train.guide_step.value}
    return {
        "model_type": "marian",
        "architectures": ["MarianMTModel"],
        "is_encoder_decoder": True,
        "vocab_size": n,
        "decoder_vocab_size": n,
        "share_encoder_decoder_embeddings": is_shared(run.model),
        "tie_word_embeddings": config.tie_embeddings,
        "d_model": config.d_model,
        "encoder_layers": config.n_encoder_layers,
        "decoder_layers": config.n_decoder_layers,
        "encoder_attention_heads": config.n_heads,
        "decoder_attention_heads": config.n_heads,
        "encoder_ffn_dim": config.d_ff,
        "decoder_ffn_dim": config.d_ff,
        "max_position_embeddings": config.max_len,
        "activation_function": config.activation.value,
        "scale_embedding": True,
        "dropout": config.dropout,
        "attention_dropout": 0.0,
        "activation_dropout": 0.0,
        "pad_token_id": tgt.pad_id,
        "eos_token_id": tgt.eos_id,
        "bos_token_id": tgt.bos_id,
        "decoder_start_token_id": tgt.bos_id,
        "forced_eos_token_id": None,
        "torch_dtype": "float32",
        # What has no word there, for those who import it again.
        "transformer_mt": {
            "version": __version__,
            "steps": run.metadata["steps"],
            "length_penalty": run.config.decode.length_penalty,
            "chinese_script": run.config.data.chinese_script.value,
            "guide": guide if run.metadata.get("guided") else None,
        },
    }


def is_shared(model: Transformer) -> bool:
    """Whether one table serves source, target and output layer."""
    return model.src_embedding is model.tgt_embedding


def n_rows(model: Transformer) -> int:
    """Rows of both tables.

    transformers 4 gives both sides as many as the source has. So the smaller one is filled up with
    rows that are no piece and are never put out.
    """
    return max(model.src_embedding.num_embeddings, model.tgt_embedding.num_embeddings)


def generation_values(run: LoadedRun) -> dict[str, Any]:
    """`generation_config.json`: a search as near to ours as `generate` comes."""
    decode, tgt = run.config.decode, run.tgt_tokenizer
    never = sorted({tgt.pad_id, tgt.unk_id, tgt.bos_id} - {tgt.eos_id})
    return {
        "num_beams": decode.beam_size,
        "length_penalty": their_length_penalty(run),
        "early_stopping": "never" if decode.beam_size > 1 else False,
        "max_length": run.config.model.max_len,
        "bad_words_ids": [[i] for i in never],
        "renormalize_logits": True,
        "pad_token_id": tgt.pad_id,
        "eos_token_id": tgt.eos_id,
        "bos_token_id": tgt.bos_id,
        "decoder_start_token_id": tgt.bos_id,
    }


def their_length_penalty(run: LoadedRun) -> float:
    """The exponent of the length for `generate` that is nearest to ours.

    We divide by ((5 + n) / 6)^a and they by n^b. Near the usual length n the slopes of both agree
    for b = a n / (n + 5).
    """
    n = float(USUAL_LENGTH)
    path = run.path / "valid.tsv"
    if path.is_file():
        rows = [line.split("\t") for line in read_text(path)]
        targets = [run.convert_tgt(row[1]) for row in rows if len(row) > 1]
        ids = run.tgt_tokenizer.encode(targets)
        n = sum(map(len, ids)) / max(1, len(ids)) or n
    return round(run.config.decode.length_penalty * n / (n + 5), 2)


def tokenizer_values(run: LoadedRun) -> dict[str, Any]:
    """`tokenizer_config.json`."""
    pad, unk, eos, _ = marks(run.tgt_tokenizer)
    return {
        "tokenizer_class": "MarianTokenizer",
        "source_lang": run.config.src_language,
        "target_lang": run.config.tgt_language,
        "separate_vocabs": not have_same_ids(run),
        "model_max_length": run.config.model.max_len,
        "unk_token": unk,
        "eos_token": eos,
        "pad_token": pad,
        # transformers 4 would take spaces away by default.
        "clean_up_tokenization_spaces": False,
    }


# ------------------------------------------------------------------------ vocabularies and weights


def write_vocabularies(run: LoadedRun, folder: Path) -> None:
    """`source.spm` and `target.spm` as they are, and `vocab.json`, one for each side if need be."""
    src, tgt = run.src_tokenizer, run.tgt_tokenizer
    for name, tokenizer in (("source.spm", src), ("target.spm", tgt)):
        (folder / name).write_bytes(tokenizer.model)
    sides = {"vocab.json": src}
    if not have_same_ids(run):
        sides["target_vocab.json"] = tgt
    for name, tokenizer in sides.items():
        texts = tokenizer.pieces(list(range(len(tokenizer))))
        write_json(folder / name, {text: i for i, text in enumerate(texts)})


def tensors_of(model: Transformer) -> dict[str, Tensor]:
    """The model's tensors as MarianMT calls them, in its order of channels."""
    config, n = model.config, n_rows(model)
    order = theirs_from_ours(config.d_model)
    names = {
        "tgt_embedding.weight": SHARED if is_shared(model) else TGT_EMBEDDING,
        "src_embedding.weight": SRC_EMBEDDING,
        "output.weight": OUTPUT,
    }
    tensors = {}
    for ours, tensor in weights_of(model).items():
        if ours == "output.bias":
            continue
        theirs = names.get(ours) or layer_name(ours)
        tensor = reordered(ours, tensor.detach().cpu(), order)
        if ours in names:
            tensor = F.pad(tensor, (0, 0, 0, n - len(tensor)))
        tensors[theirs] = tensor.contiguous()
    for name in key_biases(config.n_encoder_layers, config.n_decoder_layers):
        tensors[name] = torch.zeros(config.d_model)
    bias = torch.zeros(1, model.output.out_features)
    if model.output.bias is not None:
        bias[0] = model.output.bias.detach()
        # `generate` masks the padding by itself, and other readers may not expect such a number.
        bias[bias <= NEVER] = 0
    tensors[OUTPUT_BIAS] = F.pad(bias, (0, n - bias.size(1)), value=NEVER)
    return tensors
