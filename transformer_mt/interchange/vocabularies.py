"""How do MarianMT's two files for each language, a SentencePiece model and the ids of its pieces in
vocab.json, become one SentencePiece model with the same ids?
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformer_mt.config import UserError
from transformer_mt.files import read_text
from transformer_mt.interchange.pieces import Kind, Piece, read_pieces, replace_pieces
from transformer_mt.tokenizer import Tokenizer


class Values:
    """The values of a JSON file, checked as they are taken; none where there is no file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values = read_json(path) if path.is_file() else {}

    def take(self, key: str, kind: Any, default: Any) -> Any:
        """The value of `key`, else `default`, as `kind`; raises UserError for another type."""
        value = self.values.get(key)
        if value is None:
            return default
        # A bool is an int for Python alone.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise UserError(f"{self.path}: {key}={value!r:.40} has the wrong type.")
        return value


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; raises UserError where the file is something else."""
    try:
        values = json.loads("\n".join(read_text(path)))
    except (ValueError, RecursionError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path}: not JSON, or a truncated file.") from None
    if not isinstance(values, dict):
        raise UserError(f"{path}: not a JSON object.")
    return values


# ------------------------------------------------------------------------------ vocabularies


@dataclass
class Vocabulary:
    """One side's ids, and the SentencePiece model that segments its text."""

    texts: list[str]
    """Of each id, as vocab.json has it."""
    spm: Path
    marks: dict[str, int]
    """Ids of unk, bos, eos and pad."""

    def tokenizer(self, prefix: str) -> Tokenizer:
        """The SentencePiece model with the ids of vocab.json.

        Each id keeps its piece. Those that this side's model does not have are the other side's:
        they can be decoded, but are never the result of encoding. Pieces of the model that are no
        ids follow behind, because without them the text would be segmented differently.
        """
        model = self.spm.read_bytes()
        own = {piece.text: piece for piece in read_pieces(model, str(self.spm))}
        pieces = [own.get(text, Piece(text, 0.0, Kind.UNUSED)) for text in self.texts]
        for i, piece in enumerate(pieces):
            is_mark = i in self.marks.values() or is_language_mark(piece.text)
            if i == self.marks["unk"]:
                pieces[i] = Piece(piece.text, piece.score, Kind.UNKNOWN)
            elif is_mark or piece.kind is Kind.CONTROL:
                pieces[i] = Piece(piece.text, piece.score, Kind.CONTROL)
            elif piece.kind is Kind.UNKNOWN:
                pieces[i] = Piece(piece.text, piece.score, Kind.UNUSED)
        kinds = (Kind.NORMAL, Kind.USER_DEFINED, Kind.BYTE)
        known = set(self.texts)
        orphans = [p for p in own.values() if p.kind in kinds and p.text not in known]
        model = replace_pieces(model, [*pieces, *orphans], self.marks)
        return Tokenizer(model, str(self.spm), prefix, len(pieces))


@dataclass
class Vocabularies:
    """Those of both sides, which may be one."""

    src: Vocabulary
    tgt: Vocabulary

    def tokenizers(self, src_prefix: str) -> tuple[Tokenizer, Tokenizer]:
        return self.src.tokenizer(src_prefix), self.tgt.tokenizer("")


def known_ids(tokenizer: Tokenizer) -> int | None:
    """How many ids the model knows, where its vocabulary has pieces beyond them."""
    n_pieces = tokenizer.processor.vocab_size()
    return len(tokenizer) if len(tokenizer) < n_pieces else None


def is_language_mark(text: str) -> bool:
    """Whether a piece tells the model the language to translate into, such as >>cmn_Hans<<."""
    return text.startswith(">>") and text.endswith("<<") and len(text) > 4


def read_vocabularies(folder: Path, values: Values, tokenizer_values: Values) -> Vocabularies:
    """The ids of both sides.

    Raises:
        UserError: they have gaps, or lack a mark that config.json names.
    """
    separate = tokenizer_values.take("separate_vocabs", bool, False)
    tgt_path = folder / ("target_vocab.json" if separate else "vocab.json")
    if not tgt_path.is_file():
        raise UserError(f"{folder}: no {tgt_path.name} here, but separate_vocabs=true.")
    sides = {}
    for side, path, spm in (
        ("src", folder / "vocab.json", folder / "source.spm"),
        ("tgt", tgt_path, folder / "target.spm"),
    ):
        texts = read_ids(path)
        id_of = {text: i for i, text in enumerate(texts)}
        marks = {}
        for mark, usual in (("unk", "<unk>"), ("eos", "</s>"), ("pad", "<pad>")):
            text = mark_text(tokenizer_values, f"{mark}_token", usual)
            if text not in id_of:
                raise UserError(f"{path}: has no {text}, which is {mark}.")
            marks[mark] = id_of[text]
        # The decoder's start is the bos of ours; sources never have it.
        marks["bos"] = marks["pad"]
        sides[side] = Vocabulary(texts, spm, marks)
    src, tgt = sides["src"], sides["tgt"]
    for mark, default in (("eos", 0), ("pad", 58100)):
        i = values.take(f"{mark}_token_id", int, default)
        if tgt.marks[mark] != i:
            text = tgt.texts[tgt.marks[mark]]
            raise UserError(f"{values.path}: {mark}_token_id={i} is not {text} of {tgt_path.name}.")
    start = values.take("decoder_start_token_id", int, 58100)
    if not 0 <= start < len(tgt.texts) or start == tgt.marks["eos"] or not can_start(tgt, start):
        raise UserError(
            f"{values.path}: decoder_start_token_id={start} is no mark such as <pad> or <s> of "
            f"{tgt_path.name}."
        )
    tgt.marks["bos"] = start
    return Vocabularies(src, tgt)


def can_start(tgt: Vocabulary, i: int) -> bool:
    """Whether an id is a mark: the padding, or what the SentencePiece model has as one."""
    return i == tgt.marks["pad"] or any(
        piece.text == tgt.texts[i] and piece.kind is Kind.CONTROL
        for piece in read_pieces(tgt.spm.read_bytes(), str(tgt.spm))
    )


def mark_text(tokenizer_values: Values, key: str, usual: str) -> str:
    """A mark's text, which some files wrap in a mapping with further settings."""
    value = tokenizer_values.take(key, str | dict, usual)
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else usual


def read_ids(path: Path) -> list[str]:
    """The texts of a vocab.json by id; raises UserError unless ids are 0, 1, 2, …"""
    id_of = read_json(path)
    if not all(type(i) is int for i in id_of.values()) or "" in id_of:
        raise UserError(f"{path}: not a vocabulary, which gives each piece a number.")
    if sorted(id_of.values()) != list(range(len(id_of))):
        raise UserError(f"{path}: its {len(id_of)} ids are not 0 to {len(id_of) - 1}.")
    return sorted(id_of, key=lambda text: id_of[text])


def language_mark(vocabularies: Vocabularies, target_language: str | None) -> str:
    """The piece that must stand before every source; empty where the model has none.

    Raises:
        UserError: the language to translate into is not given, or is none of the model's.
    """
    names = [text[2:-2] for text in vocabularies.src.texts if is_language_mark(text)]
    listed = ", ".join(sorted(names)) or "none"
    if target_language is None:
        if names:
            raise UserError(
                f"the model translates into several languages; give --target-language, one of "
                f"{listed}."
            )
        return ""
    if target_language not in names:
        raise UserError(f"--target-language {target_language}: the model has {listed}.")
    return f">>{target_language}<<"
