"""What is inside a SentencePiece model? Its pieces, which are read and replaced here.

A model is a message of Protocol Buffers: fields, each a key and a value. The key holds the number
of the field and its wire type. Numbers are those of `sentencepiece_model.proto`: in the model 1 for
a piece, 2 for the trainer's settings, 3 for the normalizer's and 5 for the denormalizer's; in a
piece 1 for the text, 2 for the score, 3 for the kind.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from transformer_mt.config import UserError


class Kind(IntEnum):
    """What a piece is for."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    """It can be decoded, but no text is ever segmented into it."""
    BYTE = 6


@dataclass
class Piece:
    """One entry of a vocabulary."""

    text: str
    score: float
    """Log-probability, in a unigram model."""
    kind: Kind


VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES = 0, 1, 2, 5
"""Wire types: how the end of a value is found."""
PIECES, TRAINER, NORMALIZER, DENORMALIZER = 1, 2, 3, 5
TEXT, SCORE, KIND = 1, 2, 3
# Of the trainer's settings: for each mark its id and its text.
VOCAB_SIZE = 4
MARK_IDS = {"unk": 40, "bos": 41, "eos": 42, "pad": 43}
MARK_TEXTS = {"unk": 45, "bos": 46, "eos": 47, "pad": 48}
MODEL_TYPE, SPACE_AS_SUFFIX, BYTE_FALLBACK = 3, 24, 35
MODEL_TYPES = {1: "unigram", 2: "bpe", 3: "word", 4: "char"}
# Of the normalizer's settings, and of the denormalizer's.
CHARSMAP, DUMMY_PREFIX, REMOVE_SPACES, ESCAPE_SPACES = 2, 3, 4, 5


@dataclass
class Settings:
    """How a model normalises text and segments it."""

    type: str
    """A value of `MODEL_TYPES`."""
    byte_fallback: bool
    """Spell what is unknown in bytes."""
    add_dummy_prefix: bool
    """Begin every text with a space."""
    remove_extra_whitespaces: bool
    space_as_suffix: bool
    """Write the space of a word after it, and not before."""
    escape_spaces: bool
    """Write a space as U+2581."""
    charsmap: bytes
    """What the normalizer replaces, as SentencePiece compiled it; empty: nothing."""
    denormalizes: bool
    """Decoding has rules of its own."""


def read_pieces(model: bytes, where: str) -> list[Piece]:
    """The pieces of a serialised model, by id; raises UserError where it is damaged."""
    try:
        fields = list(_fields(model))
        # Without its last parts a truncated model would segment text, but differently.
        if not {PIECES, TRAINER, NORMALIZER} <= {number for number, _, _ in fields}:
            raise ValueError
        return [_piece(value) for number, value, _ in fields if number == PIECES]
    except (IndexError, ValueError, TypeError, struct.error):  # UnicodeDecodeError is a ValueError
        raise UserError(f"{where}: not a SentencePiece model, or a damaged one.") from None


def read_settings(model: bytes, where: str) -> Settings:
    """The settings of a serialised model; raises UserError where it is damaged."""
    try:
        parts: dict[int, Any] = {number: {} for number in (TRAINER, NORMALIZER, DENORMALIZER)}
        for number, value, _ in _fields(model):
            if number in parts and isinstance(value, bytes):
                # Of a message that comes twice, the later settings replace the earlier ones.
                parts[number] |= {setting: value for setting, value, _ in _fields(value)}
        trainer, normalizer, denormalizer = parts.values()
        charsmap = normalizer.get(CHARSMAP, b"")
        if not isinstance(charsmap, bytes):
            raise TypeError
        return Settings(
            type=MODEL_TYPES[trainer.get(MODEL_TYPE, 1)],
            byte_fallback=bool(trainer.get(BYTE_FALLBACK, 0)),
            add_dummy_prefix=bool(normalizer.get(DUMMY_PREFIX, 1)),
            remove_extra_whitespaces=bool(normalizer.get(REMOVE_SPACES, 1)),
            space_as_suffix=bool(trainer.get(SPACE_AS_SUFFIX, 0)),
            escape_spaces=bool(normalizer.get(ESCAPE_SPACES, 1)),
            charsmap=charsmap,
            denormalizes=bool(denormalizer.get(CHARSMAP, b"")),
        )
    except (IndexError, ValueError, TypeError, KeyError, struct.error):
        raise UserError(f"{where}: not a SentencePiece model, or a damaged one.") from None


def replace_pieces(model: bytes, pieces: Iterable[Piece], marks: dict[str, int]) -> bytes:
    """The model with other `pieces`; it normalises and segments text as before.

    Args:
        marks: the ids of unk, bos, eos and pad among the pieces.
    """
    pieces = list(pieces)
    new = [_message(PIECES, _serialised(piece)) for piece in pieces]
    rest = [raw for number, _, raw in _fields(model) if number != PIECES]
    settings = _number(VOCAB_SIZE, len(pieces))
    for mark, i in marks.items():
        settings += _number(MARK_IDS[mark], i)
        settings += _message(MARK_TEXTS[mark], pieces[i].text.encode())
    # Of a message that comes twice, the later settings replace the earlier ones.
    return b"".join([*new, *rest, _message(TRAINER, settings)])


def _fields(message: bytes) -> Iterator[tuple[int, bytes | int, bytes]]:
    """Number, value and serialised whole of each field.

    Raises:
        IndexError, ValueError: the message is damaged.
    """
    start = 0
    while start < len(message):
        key, at = _varint(message, start)
        value: bytes | int
        if key & 7 == VARINT:
            value, end = _varint(message, at)
        else:
            if key & 7 == LENGTH:
                size, at = _varint(message, at)
            else:
                size = {EIGHT_BYTES: 8, FOUR_BYTES: 4}.get(key & 7, len(message) + 1)
            end = at + size
            value = message[at:end]
            if end > len(message):
                raise ValueError
        yield key >> 3, value, message[start:end]
        start = end


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, lowest first, and where it ends."""
    number = shift = 0
    while True:
        byte = message[at]
        number |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return number, at


def _piece(message: bytes | int) -> Piece:
    if isinstance(message, int):
        raise TypeError
    values: dict[int, Any] = {number: value for number, value, _ in _fields(message)}
    (score,) = struct.unpack("<f", values.get(SCORE, bytes(4)))
    return Piece(bytes(values[TEXT]).decode(), score, Kind(values.get(KIND, Kind.NORMAL)))


def _serialised(piece: Piece) -> bytes:
    score = _key(SCORE, FOUR_BYTES) + struct.pack("<f", piece.score)
    return _message(TEXT, piece.text.encode()) + score + _number(KIND, piece.kind)


def _key(field: int, wire_type: int) -> bytes:
    return _bytes_of(field << 3 | wire_type)


def _number(field: int, value: int) -> bytes:
    return _key(field, VARINT) + _bytes_of(value)


def _message(field: int, value: bytes) -> bytes:
    return _key(field, LENGTH) + _bytes_of(len(value)) + value


def _bytes_of(number: int) -> bytes:
    """A number of at least 0 as a varint."""
    low = b""
    while number > 127:
        low += bytes([number & 127 | 128])
        number >>= 7
    return low + bytes([number])
