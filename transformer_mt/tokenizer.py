"""How does text become ids, and back? By SentencePiece, trained so that nothing is lost."""

import hashlib
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import sentencepiece as spm

from transformer_mt.config import TokenizerConfig, UserError

PROBE = "Wait… (50%)  ok，好！（行）"
"""Full-width marks and a double space: what a lossy model does not give back."""

LONGEST_LINE = 65536
"""Bytes of a line that a vocabulary is trained on at most; SentencePiece's default is 4192."""
RESERVED = "\u2585"
"""SentencePiece's own mark for what is unknown: it does not train on lines that contain it."""


class SpecialIds(NamedTuple):
    """The ids of a vocabulary that are no text."""

    pad: int
    unk: int
    bos: int
    eos: int


class Tokenizer:
    """One vocabulary. Encoding appends eos; text can never become a special id."""

    def __init__(self, model: bytes, name: str, prefix: str = "", n_ids: int | None = None) -> None:
        """Load a serialised SentencePiece model.

        Args:
            name: the file to speak of in errors.
            prefix: a piece put before every text, see `tokenizer.src_prefix`.
            n_ids: later ids count as unknown, see `tokenizer.n_src_ids`; None = there are none.
        Raises:
            UserError: not a SentencePiece model, one without pad, unknown, bos and eos, or one that
                does not fit the arguments.
        """
        self.processor = spm.SentencePieceProcessor()
        try:
            # The constructor's `model_proto` would take an empty file.
            self.processor.load_from_serialized_proto(model)
            # A damaged file can have pieces that are not UTF-8.
            self.processor.id_to_piece(list(range(self.processor.vocab_size())))
        except (RuntimeError, UnicodeDecodeError):
            raise UserError(f"{name}: not a SentencePiece model, or a damaged one.") from None
        self.model = model
        self.name = name
        self.pad_id: int = self.processor.pad_id()
        self.unk_id: int = self.processor.unk_id()
        self.bos_id: int = self.processor.bos_id()
        self.eos_id: int = self.processor.eos_id()
        missing = [mark for mark in ("pad", "unk", "bos", "eos") if getattr(self, f"{mark}_id") < 0]
        if missing:
            raise UserError(
                f"{name}: the vocabulary has no {', '.join(missing)}; "
                f"train it with --pad_id=0 --unk_id=1 --bos_id=2 --eos_id=3."
            )
        n_pieces = self.processor.vocab_size()
        self.n_ids = n_pieces if n_ids is None else n_ids
        if not max(self.special_ids) < self.n_ids <= n_pieces:
            raise UserError(f"{name}: {n_pieces} pieces, of which the model cannot know {n_ids}.")
        self.prefix = prefix
        self.prefix_ids = [self.id_of_mark(prefix, name)] if prefix else []

    @classmethod
    def load(cls, path: Path, prefix: str = "", n_ids: int | None = None) -> "Tokenizer":
        """Read a `.model` file; raises UserError when it is missing or not a model that fits."""
        if not path.is_file():
            raise UserError(f"{path}: no such SentencePiece model.")
        if path.stat().st_size > 100_000_000:
            raise UserError(f"{path}: larger than 100 MB, which no SentencePiece model is.")
        return cls(path.read_bytes(), str(path), prefix, n_ids)

    def __len__(self) -> int:
        """Ids that the model knows."""
        return self.n_ids

    def id_of_mark(self, mark: str, name: str) -> int:
        """The id of a piece that is no text; raises UserError where the vocabulary has none."""
        i: int = self.processor.piece_to_id(mark)
        if i >= self.n_ids or not self.processor.is_control(i):
            raise UserError(f"{name}: {mark} is no mark of this vocabulary.")
        return i

    def id_of(self, piece: str) -> int:
        """The id of a piece of text; the unknown one where the model has none."""
        i: int = self.processor.piece_to_id(piece)
        return self.unk_id if i >= self.n_ids or self.processor.is_control(i) else i

    @property
    def arguments(self) -> dict[str, Any]:
        """What another process makes the same tokenizer of."""
        return {
            "model": self.model,
            "name": self.name,
            "prefix": self.prefix,
            "n_ids": self.n_ids,
        }

    @property
    def special_ids(self) -> SpecialIds:
        return SpecialIds(self.pad_id, self.unk_id, self.bos_id, self.eos_id)

    def shift_right(self, ids: list[int]) -> list[int]:
        """The decoder's input for a target that ends with eos: bos first, eos left out."""
        return [self.bos_id, *ids[:-1]]

    @property
    def fingerprint(self) -> str:
        """Changes when the ids of any text do."""
        parts = hashlib.sha256(self.model)
        if self.prefix or self.n_ids < self.processor.vocab_size():
            parts.update(f"{self.prefix} {self.n_ids}".encode())
        return parts.hexdigest()

    @property
    def lossless(self) -> bool:
        """Whether decoding gives back a probe with full-width punctuation and runs of spaces."""
        return self.decode(self.encode([PROBE]))[0] == PROBE

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Ids of each text by its best segmentation, eos last."""
        # One by one: for a list SentencePiece starts threads, which takes half a millisecond.
        return [self.encode_one(text) for text in texts]

    def encode_one(self, text: str) -> list[int]:
        """Ids of one text, eos last."""
        ids = self.processor.encode(text, add_eos=True)
        if self.unk_id in ids:
            # Where two languages share their ids, an imported vocabulary may have as a piece of the
            # other what it does not know in this one. Our own spell it in bytes.
            pieces = self.processor.encode(text, out_type=str)
            ids = [*map(self.id_of, pieces), self.eos_id]
        return self.known_ids(ids)

    def lacks(self, word: str) -> bool:
        """Whether no pieces spell `word`, but bytes or the unknown one."""
        ids = self.encode_one(word)
        return self.unk_id in ids or any(map(self.processor.is_byte, ids))

    def known_ids(self, ids: list[int]) -> list[int]:
        """`ids` as the model reads them: after the prefix, and unknown where it does not know
        them.
        """
        if self.n_ids < self.processor.vocab_size():
            ids = [i if i < self.n_ids else self.unk_id for i in ids]
        return [*self.prefix_ids, *ids]

    def sample(self, texts: list[str], alpha: float, seed: int) -> list[list[int]]:
        """Ids of each text, eos last, by a segmentation that is drawn from its 32 best.

        The probability of each is proportional to p^alpha (Kudo 2018, section 3.3). The same seed
        gives the same in every process, which the library's own sampling does not.

        Raises:
            UserError: the vocabulary is not a unigram model.
        """
        rng = np.random.default_rng(seed)
        samples = []
        for text in texts:
            try:
                segmentations = self.processor.nbest_encode(text, nbest_size=32, add_eos=True)
            except RuntimeError:
                raise UserError(
                    "tokenizer.sampling_alpha > 0 needs unigram vocabularies; set it to 0."
                ) from None
            scores = np.array([sum(map(self.processor.get_score, ids)) for ids in segmentations])
            # The largest of log p plus Gumbel noise is a draw from p.
            noise = rng.gumbel(size=len(scores))
            samples.append(self.known_ids(segmentations[int(np.argmax(alpha * scores + noise))]))
        return samples

    def decode(self, ids: list[list[int]]) -> list[str]:
        """Text of each list of ids.

        Special ids give nothing, but the unknown one ⁇, which byte fallback never needs.
        """
        # SentencePiece spells a space as U+2581, which comes back where the vocabulary lacks it.
        return [self.processor.decode(row).replace("\u2581", " ") for row in ids]

    def pieces(self, ids: list[int]) -> list[str]:
        """The vocabulary's name of each id."""
        return [self.processor.id_to_piece(i) for i in ids]

    def spans(self, ids: list[int]) -> tuple[str, list[tuple[int, int]]]:
        """The text of `ids`, and for each id the characters `(start, end)` that it writes.

        Special ids write none. Each of the bytes that spell a character writes all of it.
        """
        decoded = self.processor.decode(ids, return_type="offset_mapping")
        spans = list(decoded["offsets"])
        # The library gives the character to its last byte: share it with the bytes before.
        for i in reversed(range(len(ids) - 1)):
            if self.processor.is_byte(ids[i]) and spans[i][0] == spans[i][1]:
                spans[i] = spans[i + 1]
        return decoded["text"].replace("\u2581", " "), spans

    def written_spans(self, text: str) -> list[tuple[int, int]]:
        """The characters `(start, end)` of `text` itself that each id of its encoding stands for.

        They are the same characters as those of `spans` where the vocabulary changes nothing. Where
        it does, as from `…` to three dots, all that one character becomes stands for it.
        """
        encoded = self.processor.encode(text, return_type="offset_mapping")
        spans = list(encoded["offsets"])
        # The library gives a character to the last piece that it becomes: share it with the others.
        # A space before the first word stands for nothing, and one before a word is not all of it.
        for i, (piece, (start, end)) in enumerate(
            zip(self.pieces(encoded["ids"]), spans, strict=True)
        ):
            is_space = piece[:1] == "\u2581" and not text[start:end].strip(" ")
            if (start == end or is_space) and piece.strip("\u2581"):
                spans[i] = (start, end + 1)
        return [*((0, 0) for _ in self.prefix_ids), *spans, (len(text), len(text))]


def load_tokenizers(run_dir: Path, config: TokenizerConfig) -> tuple[Tokenizer, Tokenizer]:
    """Source and target vocabulary of a run directory; one object where both share a file."""
    if (run_dir / "spm.model").exists():
        joint = Tokenizer.load(run_dir / "spm.model")
        return joint, joint
    return (
        Tokenizer.load(run_dir / "src.spm.model", config.src_prefix, config.n_src_ids),
        Tokenizer.load(run_dir / "tgt.spm.model", n_ids=config.n_tgt_ids),
    )


def train_tokenizer(
    lines: Iterable[str], config: TokenizerConfig, dummy_prefix: bool
) -> tuple[Tokenizer, str]:
    """Train a vocabulary on `lines`.

    It is lossless by construction: there is no normalisation, white space is kept, and characters
    outside the vocabulary are spelt as UTF-8 bytes. A vocabulary that is too large for the corpus
    is lowered with a warning.

    Args:
        dummy_prefix: treat the first word of a line like the others, by a space before it; wrong
            where words are not spaced.
    Returns:
        The tokenizer and a warning, empty when there is none.
    Raises:
        UserError: there is no text that SentencePiece takes, or `vocab_size` is too small for the
            corpus's characters.
    """
    all_lines = [line for line in lines if line]
    if not all_lines:
        raise UserError("no vocabulary can be trained: the corpus has no text.")
    lines = [line for line in all_lines if is_trainable(line)]
    n_left_out = len(all_lines) - len(lines)
    left_out = (
        f"{n_left_out} of {len(all_lines)} lines had no part in the vocabulary, because "
        f"SentencePiece takes none over {LONGEST_LINE} bytes or with U+{ord(RESERVED):X}"
    )
    if not lines:
        raise UserError(f"{left_out}; split long lines into sentences.")
    vocab_size, warning = config.vocab_size, f"{left_out}. " if n_left_out else ""
    while True:
        try:
            model = train_model(lines, config, vocab_size, dummy_prefix)
            return Tokenizer(model, "the new vocabulary"), warning.strip()
        except RuntimeError as error:
            most, least = possible_sizes(str(error))
            if most is not None and most < vocab_size:
                vocab_size = most
                warning += (
                    f"tokenizer.vocab_size={config.vocab_size} is more than the corpus allows: "
                    f"{vocab_size} used."
                )
            elif least is not None:
                raise UserError(
                    f"tokenizer.vocab_size={config.vocab_size} is too small: the characters and "
                    f"bytes alone take {least}; raise it."
                ) from None
            else:
                raise


def is_trainable(line: str) -> bool:
    """Whether SentencePiece takes a line; it leaves out others without a word."""
    return len(line.encode()) <= LONGEST_LINE and RESERVED not in line


def train_model(
    lines: list[str], config: TokenizerConfig, vocab_size: int, dummy_prefix: bool
) -> bytes:
    """A serialised SentencePiece model; raises RuntimeError where the size is impossible."""
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=model,
        model_type=config.type,
        vocab_size=vocab_size,
        # Lossless: the library's defaults fold full-width marks and runs of spaces.
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        byte_fallback=True,
        character_coverage=0.9995,
        add_dummy_prefix=dummy_prefix,
        max_sentence_length=LONGEST_LINE,
        max_sentencepiece_length=16 if dummy_prefix else config.max_piece_length,
        pad_id=0,
        unk_id=1,
        bos_id=2,
        eos_id=3,
        minloglevel=2,
    )
    return model.getvalue()


def possible_sizes(message: str) -> tuple[int | None, int | None]:
    """The largest and the smallest vocabulary that an error of the trainer names; else None."""
    most = re.search(r"set it to a value <= (\d+)", message)
    least = re.search(r"required_chars\D*\d+ vs (\d+)", message)  # of unigram; then of BPE
    least = least or re.search(r"smaller than required_chars\D+\d+\D+(\d+)", message)
    return int(most[1]) if most else None, int(least[1]) if least else None
