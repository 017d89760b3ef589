"""Text in, translations out: the Python API over a run directory."""

import re
import warnings
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from transformer_mt import checkpoint
from transformer_mt.config import ChineseScript, DecodeConfig, Precision, UserError
from transformer_mt.decoding import search
from transformer_mt.device import autocast, choose_device, choose_dtype
from transformer_mt.text import is_chinese, is_unspaced, one_line, to_simplified

SENTENCE_END = re.compile(r"[。！？；…]+[”’」』）]*|[.!?;]+[\"')”’]*\s+")
SPACE = re.compile(r"\s+")
LONGEST_PIECE = 16
"""Characters of the longest piece of a SentencePiece vocabulary."""


@dataclass
class Candidate:
    """One of the n best translations."""

    text: str
    score: float
    """Log-probability divided by the length penalty; of a sentence cut in pieces, the sum over the pieces."""


@dataclass
class Translation:
    """What the model makes of one sentence."""

    src: str
    candidates: list[Candidate]
    """Best first."""
    n_tokens: int
    """Target tokens of the best one, eos counted."""
    n_pieces: int = 1
    """Into how many the sentence was cut because it is longer than the model's maximum."""

    @property
    def text(self) -> str:
        return self.candidates[0].text

    @property
    def score(self) -> float:
        return self.candidates[0].score


class Translator:
    """A trained model with its vocabularies."""

    def __init__(self, run_dir: str | Path, device: str = "auto", precision: str = "auto") -> None:
        run_dir = Path(run_dir)
        self.config, self.src_tokenizer, self.tgt_tokenizer, model, self.metadata = checkpoint.load_run(run_dir)
        self.run_dir = run_dir
        self.device = choose_device(device)
        self.dtype = choose_dtype(Precision[precision], self.device)
        self.model = model.to(self.device)
        self.convert: Callable[[str], str] = str
        if is_chinese(self.config.src_language) and self.config.data.chinese_script is ChineseScript.simplified:
            try:
                self.convert = to_simplified()
            except UserError as error:
                warnings.warn(f"the model knows simplified characters only; {error}", stacklevel=2)

    @classmethod
    def from_pretrained(cls, run_dir: str | Path, device: str = "auto", precision: str = "auto") -> "Translator":
        """Load a run directory.

        Args:
            device: auto, cpu, cuda, cuda:1 or mps.
            precision: auto, fp32 or bf16.
        Raises:
            UserError: no model there, a damaged one, or a device or precision that the machine lacks.
        """
        return cls(run_dir, device, precision)

    def translate(
        self,
        texts: list[str],
        beam_size: int | None = None,
        length_penalty: float | None = None,
        n_best: int = 1,
        batch_tokens: int = 2048,
        on_batch: Callable[[int], object] = lambda n: None,
    ) -> list[Translation]:
        """Translate each text, in order; an empty one stays empty. The batch has no influence on a translation.

        Args:
            beam_size: None = the run's `decode.beam_size`; 1 = greedy.
            length_penalty: None = the run's `decode.length_penalty`; 0 = off.
            n_best: candidates per text, at most `beam_size`; of a text cut in pieces, the k-th best of each are joined.
            batch_tokens: padded source tokens translated together.
            on_batch: hears how many pieces of text each batch finished.
        Raises:
            UserError: an option is out of range, or a text holds lone surrogates.
        """
        if isinstance(texts, str):
            raise TypeError("translate takes a list of texts")
        chosen = self.config.decode
        options = DecodeConfig(
            beam_size=chosen.beam_size if beam_size is None else beam_size,
            length_penalty=chosen.length_penalty if length_penalty is None else length_penalty,
        )
        if not 1 <= n_best <= options.beam_size:
            raise UserError(f"n_best={n_best} is out of range: it must be from 1 to beam_size={options.beam_size}.")
        if batch_tokens < 1:
            raise UserError(f"batch_tokens={batch_tokens} is out of range: it must be at least 1.")
        for i, text in enumerate(texts):
            try:
                text.encode("utf-8")
            except UnicodeEncodeError as error:
                raise UserError(f"text {i + 1} has a lone surrogate at character {error.start + 1}.") from None
        pieces = [self.cut(self.convert(one_line(text))) for text in texts]
        flat = [piece for group in pieces for piece in group]
        tgt = self.tgt_tokenizer
        with autocast(self.device, self.dtype):
            found = search(
                self.model,
                self.src_tokenizer.encode(flat),
                bos_id=tgt.bos_id,
                eos_id=tgt.eos_id,
                forbidden=[tgt.pad_id, tgt.unk_id, tgt.bos_id],
                beam_size=options.beam_size,
                alpha=options.length_penalty,
                batch_tokens=batch_tokens,
                n_best=n_best,
                on_batch=on_batch,
            )
        joint = "" if is_unspaced(self.config.tgt_language) else " "
        translations, start = [], 0
        for text, group in zip(texts, pieces, strict=True):
            hypotheses = found[start : start + len(group)]
            start += len(group)
            candidates = [
                Candidate(
                    one_line(joint.join(tgt.decode([h.ids for h in ranked]))), float(sum(h.score for h in ranked))
                )
                for ranked in zip(*hypotheses, strict=True)
            ] or [Candidate("", 0.0)] * n_best
            n_tokens = sum(len(each[0].ids) + 1 for each in hypotheses)
            translations.append(Translation(text, candidates, n_tokens, max(1, len(group))))
        return translations

    def cut(self, text: str) -> list[str]:
        """`text` in pieces that the model can read: cut at the ends of sentences, else at spaces, else anywhere."""
        pieces = []
        limit = self.config.model.max_len
        while text:
            window = text[: LONGEST_PIECE * limit]  # more cannot fit
            end = len(window)
            if end < len(text) or self.n_tokens(window) > limit:
                for ends in (SENTENCE_END.finditer(window), SPACE.finditer(window), re.finditer("(?s).", window)):
                    points = [match.end() for match in ends]
                    n_fitting = bisect_right(points, limit, key=lambda point: self.n_tokens(window[:point]))
                    end = points[n_fitting - 1] if n_fitting else 1
                    if n_fitting:
                        break
            pieces.append(text[:end].strip())
            text = text[end:].lstrip()
        return pieces

    def n_tokens(self, text: str) -> int:
        """Source tokens of `text`, eos counted."""
        return len(self.src_tokenizer.encode([text])[0])
