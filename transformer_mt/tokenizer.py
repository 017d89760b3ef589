"""How text becomes ids and back: SentencePiece, trained so that nothing that was written is lost."""

import hashlib
import io
import re
from collections.abc import Iterable
from pathlib import Path

import sentencepiece as spm

from transformer_mt.config import TokenizerConfig, UserError

PROBE = "Wait… (50%)  ok，好！（行）"
"""Full-width marks and a double space: what a lossy model does not give back."""


class Tokenizer:
    """One vocabulary. Encoding appends eos; text can never become a special id."""

    def __init__(self, model: bytes, name: str) -> None:
        """Load a serialised SentencePiece model; `name` is the file to speak of in errors.

        Raises:
            UserError: not a SentencePiece model, or one without pad, unknown, bos and eos.
        """
        self.processor = spm.SentencePieceProcessor()
        try:
            self.processor.load_from_serialized_proto(model)  # model_proto= would take an empty file
        except RuntimeError:
            raise UserError(f"{name}: not a SentencePiece model, or a damaged one.") from None
        self.model = model
        self.pad_id: int = self.processor.pad_id()
        self.unk_id: int = self.processor.unk_id()
        self.bos_id: int = self.processor.bos_id()
        self.eos_id: int = self.processor.eos_id()
        missing = [mark for mark in ("pad", "unk", "bos", "eos") if getattr(self, f"{mark}_id") < 0]
        if missing:
            raise UserError(
                f"{name}: the vocabulary has no {', '.join(missing)}; train it with --pad_id=0 --unk_id=1 "
                f"--bos_id=2 --eos_id=3."
            )

    @classmethod
    def load(cls, path: Path) -> "Tokenizer":
        """Read a `.model` file; raises UserError when it is missing or not a model."""
        if not path.is_file():
            raise UserError(f"{path}: no such SentencePiece model.")
        return cls(path.read_bytes(), str(path))

    def __len__(self) -> int:
        return int(self.processor.vocab_size())

    @property
    def fingerprint(self) -> str:
        """Changes when the model does."""
        return hashlib.sha256(self.model).hexdigest()

    @property
    def lossless(self) -> bool:
        """Whether decoding gives back a probe with full-width punctuation and runs of spaces."""
        return self.decode(self.encode([PROBE]))[0] == PROBE

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Ids of each text by its best segmentation, eos last."""
        return self.processor.encode(texts, add_eos=True, num_threads=1)

    def sample(self, texts: list[str], alpha: float, seed: int) -> list[list[int]]:
        """Ids of each text by a segmentation drawn under `seed` (Kudo 2018; BPE: Provilkov et al. 2020), eos last."""
        spm.set_random_generator_seed(seed)
        return [
            self.processor.encode(text, add_eos=True, enable_sampling=True, alpha=alpha, nbest_size=-1)
            for text in texts
        ]

    def decode(self, ids: list[list[int]]) -> list[str]:
        """Text of each list of ids; special ids give nothing, the unknown one ⁇ (never met with byte fallback).

        SentencePiece writes a space as U+2581; where the vocabulary lacks it, it comes back as that and is put right.
        """
        return [text.replace("\u2581", " ") for text in self.processor.decode(ids, num_threads=1)]

    def pieces(self, ids: list[int]) -> list[str]:
        """The vocabulary's name of each id."""
        return [self.processor.id_to_piece(i) for i in ids]


def load_tokenizers(run_dir: Path) -> tuple[Tokenizer, Tokenizer]:
    """Source and target vocabulary of a run directory; one and the same object where they share one."""
    if (run_dir / "spm.model").exists():
        joint = Tokenizer.load(run_dir / "spm.model")
        return joint, joint
    return Tokenizer.load(run_dir / "src.spm.model"), Tokenizer.load(run_dir / "tgt.spm.model")


def train_tokenizer(lines: Iterable[str], config: TokenizerConfig, dummy_prefix: bool) -> tuple[Tokenizer, str]:
    """Train a vocabulary on `lines`.

    Lossless by construction: identity normalisation, white space kept, characters outside the vocabulary spelt as
    UTF-8 bytes. `dummy_prefix` treats the first word of a line like the others; wrong where words are not spaced.

    Returns:
        The tokenizer and a warning, empty when there is none.
    Raises:
        UserError: there is no text, or `vocab_size` is too small for the corpus's characters.
    """
    lines = list(lines)
    if not any(lines):
        raise UserError("no vocabulary can be trained: the corpus has no text.")
    warning = ""
    vocab_size = config.vocab_size
    while True:
        model = io.BytesIO()
        try:
            spm.SentencePieceTrainer.train(
                sentence_iterator=iter(lines),
                model_writer=model,
                model_type=config.type.value,
                vocab_size=vocab_size,
                byte_fallback=True,
                character_coverage=0.9995,
                normalization_rule_name="identity",
                remove_extra_whitespaces=False,
                add_dummy_prefix=dummy_prefix,
                max_sentence_length=65536,
                pad_id=0,
                unk_id=1,
                bos_id=2,
                eos_id=3,
                minloglevel=2,
            )
            return Tokenizer(model.getvalue(), "the new vocabulary"), warning
        except RuntimeError as error:
            too_high = re.search(r"set it to a value <= (\d+)", str(error))
            too_low = re.search(r"required_chars\D*\d+ vs (\d+)", str(error)) or re.search(
                r"smaller than required_chars\D+(\d+)\D+(\d+)", str(error)
            )
            if too_high and int(too_high[1]) < vocab_size:
                vocab_size = int(too_high[1])
                warning = f"tokenizer.vocab_size={config.vocab_size} is more than the corpus allows: {vocab_size} used."
            elif too_low:
                raise UserError(
                    f"tokenizer.vocab_size={config.vocab_size} is too small: the characters and bytes alone take "
                    f"{too_low[too_low.lastindex or 1]}; raise it."
                ) from None
            else:
                raise
