"""Random MarianMT directories in the layouts that real ones have."""

import io
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sentencepiece as spm
import torch
from helpers import pattern_pairs

LINES = {
    "source": [en for en, _ in pattern_pairs()] + ["New York, 50% — it’s (not) far…"] * 5,
    "target": [zh for _, zh in pattern_pairs()] + ["纽约，百分之50——“不”远……"] * 5,
}
MARKS = {"<unk>", "</s>", "<s>", "<pad>"}


def train_spm(lines: list[str], **options: Any) -> bytes:
    """A unigram model as opus-mt has them: it normalises, and spells nothing in bytes."""
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, vocab_size=160, minloglevel=2,
        hard_vocab_limit=False, **options,
    )  # fmt: skip
    return model.getvalue()


def texts(model: bytes) -> list[str]:
    processor = spm.SentencePieceProcessor(model_proto=model)
    return [processor.id_to_piece(i) for i in range(len(processor))]


@dataclass
class Kind:
    """What one kind of directory has of its own."""

    config: dict[str, Any] = field(default_factory=dict)
    eos_first: bool = True
    """Else the marks are among the pieces."""
    codes: tuple[str, ...] = ()
    separate: bool = False
    """A vocabulary for each side."""
    half: bool = False
    pickled: bool = False
    stale: bool = False
    """`lm_head.weight` is in the file and was never trained."""
    has_bias: bool = True


TWO_TABLES = {"share_encoder_decoder_embeddings": False}
KINDS = {
    "opus": Kind({"activation_function": "swish"}, codes=(">>cmn_Hans<<", ">>yue<<"), pickled=True),
    "tc-big": Kind({"activation_function": "relu"}, eos_first=False, half=True, stale=True),
    "tiny": Kind(
        {"activation_function": "relu", "encoder_layers": 3, "decoder_layers": 1}, half=True
    ),
    "separate": Kind(TWO_TABLES, separate=True),
    "untied": Kind(TWO_TABLES | {"tie_word_embeddings": False}, separate=True, pickled=True),
    "shared, untied": Kind({"tie_word_embeddings": False}),
    "two tables": Kind(TWO_TABLES),
    "scratch": Kind({"scale_embedding": False}, has_bias=False),
}


def make_vocabulary(pieces: list[str], kind: Kind) -> dict[str, int]:
    """`vocab.json`: without some pieces of the .spm files, and with an entry that neither has."""
    plain = [text for text in dict.fromkeys(pieces) if text not in MARKS]
    plain = [text for i, text in enumerate(plain) if i % 23 != 7] + ["▁neither"]
    if kind.eos_first:
        order = ["</s>", "<unk>", *kind.codes, *plain, "<pad>"]
    else:
        order = [*plain[:60], "</s>", *plain[60:90], "<unk>", *plain[90:], "<pad>"]
    return {text: i for i, text in enumerate(order)}


def make_directory(folder: Path, name: str, seed: int = 1) -> Any:
    """Write a MarianMT directory of this kind, and return the model that it holds, in float64."""
    from transformers import MarianConfig, MarianMTModel

    kind = KINDS[name]
    folder.mkdir()
    models = {side: train_spm(lines) for side, lines in LINES.items()}
    for side, model in models.items():
        (folder / f"{side}.spm").write_bytes(model)
    src, tgt = texts(models["source"]), texts(models["target"])
    if kind.separate:
        vocabularies = [make_vocabulary(src, kind), make_vocabulary(tgt, kind)]
        # One padding id for both: fill up the smaller one.
        n = max(map(len, vocabularies))
        for vocabulary in vocabularies:
            del vocabulary["<pad>"]
            while len(vocabulary) < n - 1:
                vocabulary[f"filler{len(vocabulary)}"] = len(vocabulary)
            vocabulary["<pad>"] = n - 1
    else:
        vocabularies = [make_vocabulary(src + tgt, kind)]
    for vocabulary, file in zip(vocabularies, ("vocab.json", "target_vocab.json"), strict=False):
        (folder / file).write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    ids = vocabularies[-1]
    options: dict[str, Any] = {
        "vocab_size": len(vocabularies[0]), "decoder_vocab_size": len(ids), "d_model": 64,
        "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4,
        "decoder_attention_heads": 4, "encoder_ffn_dim": 96, "decoder_ffn_dim": 96,
        "max_position_embeddings": 64, "scale_embedding": True, "pad_token_id": ids["<pad>"],
        "eos_token_id": ids["</s>"], "decoder_start_token_id": ids["<pad>"], "bos_token_id": 0,
        "forced_eos_token_id": ids["</s>"], "num_beams": 6, "max_length": 512,
        "bad_words_ids": [[ids["<pad>"]]],
    }  # fmt: skip
    options |= kind.config
    theirs = {key: value for key, value in options.items() if not is_of_generation(key)}
    torch.manual_seed(seed)
    model = MarianMTModel(MarianConfig(**theirs)).eval()
    make_random(model, options, kind)
    values = theirs | {"model_type": "marian"}
    generation = {key: value for key, value in options.items() if is_of_generation(key)}
    if kind.pickled:  # as old ones have it
        values |= generation
    else:
        (folder / "generation_config.json").write_text(json.dumps(generation))
    (folder / "config.json").write_text(json.dumps(values))
    tokenizer = {
        "source_lang": "eng", "target_lang": "zho", "separate_vocabs": kind.separate,
        "tokenizer_class": "MarianTokenizer",
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    save_state(folder, model, kind)
    return model.double()


def is_of_generation(key: str) -> bool:
    return key in ("num_beams", "max_length", "bad_words_ids")


@torch.no_grad()
def make_random(model: Any, options: dict[str, Any], kind: Kind) -> None:
    """Numbers far enough from uniform attention, in the precision of the file."""
    for name, parameter in model.named_parameters():
        if "embed_positions" in name:
            continue
        if "embed_tokens" in name or "shared" in name or "lm_head" in name:
            std = 1 / math.sqrt(options["d_model"]) if options["scale_embedding"] else 1.0
            parameter.normal_(std=std)
        else:
            parameter.add_(torch.randn_like(parameter) * 0.2)
        if kind.half:
            parameter.copy_(parameter.half().float())
    pad = options["pad_token_id"]
    for table in (model.get_encoder().embed_tokens, model.get_decoder().embed_tokens):
        table.weight[pad] = 0
    if kind.has_bias:
        bias = torch.randn_like(model.final_logits_bias)
        bias[0, pad] = 0
        model.final_logits_bias.copy_(bias.half().float() if kind.half else bias)


def save_state(folder: Path, model: Any, kind: Kind) -> None:
    """The weights in the layout of this kind."""
    from safetensors.torch import save_file

    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    if kind.half:
        state = {name: tensor.half() for name, tensor in state.items()}
    if kind.stale:
        state["lm_head.weight"] = torch.randn_like(state["lm_head.weight"])
    if kind.pickled:
        torch.save(state, folder / "pytorch_model.bin")
        return
    kept = {"shared"} if kind.config.get("share_encoder_decoder_embeddings", True) else set()
    if not kind.config.get("tie_word_embeddings", True):
        kept |= {"embed_tokens", "lm_head"}
    kept |= {"lm_head"} if kind.stale else set()
    kept |= set() if kept & {"shared"} else {"embed_tokens"}
    tables = ("shared", "embed_tokens", "lm_head", "embed_positions")
    state = {
        name: tensor
        for name, tensor in state.items()
        if not any(part in name for part in tables) or any(part in name for part in kept)
    }
    save_file(state, folder / "model.safetensors", {"format": "pt"})
