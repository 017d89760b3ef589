"""What a page with the model inside is made of: a run's weights and vocabularies, packed for a
browser.

`assets/tokenizer.js`, `assets/model.js` and `assets/engine.js` unpack them and translate. The live
page and the primer have them.
"""

import base64
import json
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from transformer_mt.config import ChineseScript, UserError
from transformer_mt.files import read_text
from transformer_mt.interchange.pieces import Kind, read_pieces, read_settings
from transformer_mt.run_dir import LoadedRun, weights_of
from transformer_mt.text import is_chinese, is_unspaced, page_language
from transformer_mt.tokenizer import Tokenizer
from transformer_mt.translator import Translator
from transformer_mt.view.page import AER_KEYS, reason_data, replay_data, roles_data, run_data

LIMIT = 22_000_000
"""Bytes of a page at most: what a model of the size `small` takes, and phones still open."""
N_EXAMPLES = 12
"""Sentences of the corpus to start from."""
EXAMPLE_CHARACTERS = range(8, 61)
"""Their length."""
KINDS = (Kind.NORMAL, Kind.UNKNOWN, Kind.CONTROL, Kind.BYTE)
"""Pieces that the page knows how to use."""


# ------------------------------------------------------------------------------------- vocabularies


def vocabulary_data(tokenizer: Tokenizer) -> dict[str, Any]:
    """A vocabulary as `Tokenizer` in `tokenizer.js` takes it.

    Raises:
        UserError: the page cannot do what the vocabulary does.
    """
    name = tokenizer.name
    pieces = read_pieces(tokenizer.model, name)
    settings = read_settings(tokenizer.model, name)
    problems = {
        f"is of the type {settings.type}": settings.type not in ("unigram", "bpe"),
        "writes spaces after words": settings.space_as_suffix or not settings.escape_spaces,
        "has rules for decoding": settings.denormalizes,
        "has pieces that the user defined, or unused ones": any(
            piece.kind not in KINDS for piece in pieces
        ),
        "has more pieces than the model has ids": len(tokenizer) < len(pieces),
        "begins every source with a mark": bool(tokenizer.prefix_ids),
    }
    for problem, is_there in problems.items():
        if is_there:
            raise UserError(f"{name}: the live page cannot use this vocabulary: it {problem}.")
    return {
        "type": settings.type,
        "pieces": [piece.text for piece in pieces],
        # Nine digits give back the same float32.
        "scores": [float(f"{piece.score:.9g}") for piece in pieces],
        "kinds": [piece.kind.value for piece in pieces],
        "byte_fallback": settings.byte_fallback,
        "add_dummy_prefix": settings.add_dummy_prefix,
        "remove_extra_whitespaces": settings.remove_extra_whitespaces,
        "charsmap": base64.b64encode(settings.charsmap).decode(),
        **tokenizer.special_ids._asdict(),
    }


def packed_json(data: Any) -> str:
    """JSON in base64: what `page.render` does to text would change control characters."""
    return base64.b64encode(json.dumps(data, ensure_ascii=False).encode()).decode()


# ------------------------------------------------------------------------------------------ weights


def rounded(tensor: Tensor, bits: int) -> tuple[bytes, Tensor]:
    """A tensor as the page holds it: its bytes, and the numbers that they stand for.

    Args:
        bits: 16 for float16; 8 for a matrix as whole numbers from -127 to 127, each row with a
            float32 scale of its own. The scales come first.
    """
    if bits == 16:
        halves = tensor.half()
        return halves.numpy().astype("<f2").tobytes(), halves.float()
    scales = tensor.abs().amax(1, keepdim=True) / 127
    steps = (tensor / scales.clamp(min=torch.finfo(torch.float32).tiny)).round().to(torch.int8)
    data = scales.numpy().astype("<f4").tobytes() + steps.numpy().tobytes()
    return data, steps.float() * scales


def pack_weights(run: LoadedRun, bits: int) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The weights of a run, with `bits` for each number of a matrix and 16 for the others.

    Returns:
        What `unpack` in `model.js` takes, and the weights that the page will have, by name.
    Raises:
        UserError: a weight is too large for float16.
    """
    tensors, parts, values = [], [], {}
    for name, tensor in weights_of(run.model).items():
        if tensor.abs().max() > torch.finfo(torch.float16).max:
            raise UserError(f"{run.path}: {name} has numbers that are too large for 16 bits.")
        own_bits = bits if tensor.dim() == 2 else 16
        data, values[name] = rounded(tensor.detach().float(), own_bits)
        tensors.append({"name": name, "shape": list(tensor.shape), "bits": own_bits})
        parts.append(data)
    return {"tensors": tensors, "weights": base64.b64encode(b"".join(parts)).decode()}, values


# --------------------------------------------------------------------------------------------- page


def examples(run: LoadedRun) -> list[list[str]]:
    """Short sentence pairs that training held out, source first, spread over the file."""
    path = run.path / "valid.tsv"
    rows = [line.split("\t")[:2] for line in read_text(path)] if path.is_file() else []
    rows = [row for row in rows if len(row) == 2 and len(row[0]) in EXAMPLE_CHARACTERS]
    places = np.linspace(0, len(rows) - 1, min(N_EXAMPLES, len(rows))).astype(int)
    return [rows[i] for i in places]


def model_data(translator: Translator, weights: dict[str, Any]) -> dict[str, Any]:
    """The model and its vocabularies, as `Engine` in `engine.js` takes them.

    Args:
        weights: as `pack_weights` gives them.
    Raises:
        UserError: a vocabulary does what the page cannot do.
    """
    run, config = translator.run, translator.config
    src, tgt = run.src_tokenizer, run.tgt_tokenizer
    is_simplified = config.data.chinese_script is ChineseScript.simplified
    return {
        "languages": {
            "src": page_language(config.src_language),
            "tgt": page_language(config.tgt_language),
        },
        # The page has no OpenCC: a traditional source is translated worse than by the command.
        "converts": is_simplified and is_chinese(config.src_language),
        # Whether a source that is all in capitals is read in small letters.
        "quiets": config.data.source_noise > 0,
        # Whether the sentences of a text are translated one by one, and what joins them.
        "splits": translator.splits(),
        "space": "" if is_unspaced(config.tgt_language) else " ",
        "config": asdict(config.model),
        "decode": asdict(config.decode),
        "vocabularies": {
            "src": packed_json(vocabulary_data(src)),
            # None: one vocabulary serves both sides.
            "tgt": None if tgt is src else packed_json(vocabulary_data(tgt)),
        },
        **weights,
    }


def live_data(translator: Translator, weights: dict[str, Any]) -> dict[str, Any]:
    """What the live page is filled with.

    Args:
        weights: as `pack_weights` gives them.
    Raises:
        UserError: a vocabulary does what the page cannot do, or `alignment.json` is damaged.
    """
    run, inspector = translator.run, translator.inspector
    rule, reason = inspector.default_rule()
    saved = inspector.saved_rule()
    table = saved[1]["table"] if saved else []
    return {
        # The part of `page_data` that is the same for every sentence.
        "page": {
            "run": run_data(run),
            "rule": asdict(rule),
            "reason": reason_data(reason),
            "aer": [{key: row[key] for key in AER_KEYS} for row in table],
            "roles": roles_data(inspector, None),
            "snapshots": replay_data(run.path),
        },
        "examples": examples(run),
        **model_data(translator, weights),
    }


def check_size(page: bytes, run: LoadedRun, bits: int, way_out: str) -> None:
    """Raise UserError where a page with the model inside is larger than it may be.

    Args:
        bits: of each weight.
        way_out: what a person can do then.
    """
    if len(page) <= LIMIT:
        return
    n_weights = sum(parameter.numel() for parameter in run.model.parameters())
    raise UserError(
        f"{run.path}: the page would have {len(page) / 1e6:.1f} MB with "
        f"{n_weights / 1e6:.1f} million weights of {bits} bits, but at most {LIMIT / 1e6:.0f} MB "
        f"open well on a phone; {way_out}."
    )
