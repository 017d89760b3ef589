"""Text in, translations and attention out: the Python API over a run directory."""

import re
import sys
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from transformer_mt import alignment
from transformer_mt.alignment import Gold, Quality, Reason, Rule, Side
from transformer_mt.config import (
    STARTER_DIR,
    ChineseScript,
    Config,
    CrossAttention,
    DecodeConfig,
    Precision,
    UserError,
)
from transformer_mt.decoding import Hypothesis, search
from transformer_mt.model import AttentionWeights
from transformer_mt.run_dir import load_run
from transformer_mt.runtime import autocast, choose_device, choose_dtype
from transformer_mt.steps import Decoder
from transformer_mt.text import (
    BREAKS,
    is_chinese,
    is_unspaced,
    language_of,
    one_line,
    to_simplified,
)
from transformer_mt.units import Link, join_given, turn_links

SENTENCE_END = re.compile(r"[。！？；…]+[”’」』）]*|[.!?;]+[\"')”’]*\s+")
SPACE = re.compile(r"\s+")
LONGEST_PIECE = 16
"""Characters of the longest piece of a SentencePiece vocabulary."""


class UnfitError(UserError):
    """A sentence has more tokens than the model reads, or characters that it cannot write."""


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


@dataclass
class Attention:
    """Every attention of one teacher-forced pass over a finished translation. Layers and heads count from 0; a row sums
    to 1 over the positions that it may see. S source tokens and T target tokens, eos included."""

    src: Side
    tgt: Side
    """The tokens that the rows emit."""
    tgt_in_tokens: list[str]
    """What the decoder reads, bos first: the columns of `decoder_self`."""
    encoder_self: np.ndarray
    """Float32 `(L, H, S, S)`."""
    decoder_self: np.ndarray
    """Float32 `(L, H, T, T)`."""
    cross: np.ndarray
    """Float32 `(L, H, T, S)`."""
    queries: dict[str, np.ndarray]
    """By kind, `(L, H, rows, K)`, before scaling."""
    keys: dict[str, np.ndarray]
    """By kind, `(L, H, columns, K)`."""
    log_probs: np.ndarray
    """Of every target token, `(T,)`, in nats."""
    candidates: list[list[tuple[str, float]]]
    """The model's five best tokens at every step, with their probabilities."""
    rule: Rule
    links: set[Link]
    """Between units, source first, as `rule` reads them."""
    gates: dict[str, np.ndarray]
    """Of the encoder's output, where the model has them: `channel` `(D,)` and `spatial` `(S,)`, from 0 to 1."""
    chosen: np.ndarray | None
    """The columns of `cross` whose values hard cross-attention took, `(L, H, T)`; None where it is soft."""

    def huggingface(self) -> dict[str, tuple[Tensor, ...]]:
        """The tuples that Hugging Face encoder-decoder models return, `(1, H, rows, columns)` for each layer; bertviz
        takes them as `encoder_attention`, `decoder_attention` and `cross_attention`."""
        named = {"encoder": self.encoder_self, "decoder": self.decoder_self, "cross": self.cross}
        return {
            f"{name}_attentions": tuple(torch.from_numpy(w)[:, None]) for name, w in named.items()
        }


def refuse_surrogates(text: str, where: str) -> None:
    """Raise UserError where `text` is not Unicode: input that was not UTF-8."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UserError(
            f"{where} has a lone surrogate at character {error.start + 1}: it was not UTF-8."
        ) from None


def converter(config: Config, language: str) -> Callable[[str], str]:
    """What training did to the characters of `language`: simplified Chinese, where so configured."""
    if not is_chinese(language) or config.data.chinese_script is not ChineseScript.simplified:
        return str
    try:
        return to_simplified()
    except UserError as error:
        warnings.warn(f"the model knows simplified characters only; {error}", stacklevel=3)
        return str


class Translator:
    """A trained model with its vocabularies."""

    def __init__(self, run_dir: str | Path, device: str = "auto", precision: str = "auto") -> None:
        run_dir = Path(run_dir)
        self.config, self.src_tokenizer, self.tgt_tokenizer, model, self.metadata = load_run(
            run_dir
        )
        self.run_dir = run_dir
        self.device = choose_device(device)
        if precision not in Precision.__members__:
            raise UserError(
                f"precision={precision} is not one of {', '.join(Precision.__members__)}."
            )
        self.dtype = choose_dtype(Precision[precision], self.device)
        self.model = model.to(self.device)
        self._decoder: tuple[object, Decoder] | None = None
        self.convert = converter(self.config, self.config.src_language)

    @classmethod
    def from_pretrained(
        cls, run_dir: str | Path, device: str = "auto", precision: str = "auto"
    ) -> "Translator":
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
        options = self.decode_options(beam_size, length_penalty)
        if not 1 <= n_best <= options.beam_size:
            raise UserError(
                f"n_best={n_best} is out of range: it must be from 1 to beam_size={options.beam_size}."
            )
        if batch_tokens < 1:
            raise UserError(f"batch_tokens={batch_tokens} is out of range: it must be at least 1.")
        for i, text in enumerate(texts):
            refuse_surrogates(text, f"text {i + 1}")
        pieces = [self.cut(self.convert(one_line(text))) for text in texts]
        flat = self.src_tokenizer.encode([piece for group in pieces for piece in group])
        found = self.search(flat, options, batch_tokens, n_best, on_batch)
        joint = "" if is_unspaced(self.config.tgt_language) else " "
        translations, start = [], 0
        for text, group in zip(texts, pieces, strict=True):
            hypotheses = found[start : start + len(group)]
            start += len(group)
            candidates = [
                Candidate(
                    one_line(joint.join(self.tgt_tokenizer.decode([h.ids for h in ranked]))),
                    float(sum(h.score for h in ranked)),
                )
                for ranked in zip(*hypotheses, strict=True)
            ] or [Candidate("", 0.0)] * n_best
            n_tokens = sum(len(each[0].ids) + 1 for each in hypotheses)
            translations.append(Translation(text, candidates, n_tokens, max(1, len(group))))
        return translations

    @property
    def decoder(self) -> Decoder:
        """What translates: the model's decoder laid out for single positions, anew where its weights have changed."""
        weights = tuple(
            (p.data_ptr(), 0 if p.is_inference() else p._version) for p in self.model.parameters()
        )
        state = (weights, torch.get_num_threads())
        if self._decoder is None or self._decoder[0] != state:
            self._decoder = state, Decoder(self.model, self.dtype is torch.bfloat16)
        return self._decoder[1]

    def decode_options(self, beam_size: int | None, length_penalty: float | None) -> DecodeConfig:
        """The run's options, but for those that are given; raises UserError when one is out of range."""
        given = {"beam_size": beam_size, "length_penalty": length_penalty}
        return replace(
            self.config.decode, **{key: value for key, value in given.items() if value is not None}
        )  # type: ignore[arg-type]

    def search(
        self,
        sources: list[list[int]],
        options: DecodeConfig,
        batch_tokens: int = 2048,
        n_best: int = 1,
        on_batch: Callable[[int], object] = lambda n: None,
    ) -> list[list[Hypothesis]]:
        """Translations of ids, best first; see `decoding.search`. Raises UserError when the model gives no numbers."""
        tgt = self.tgt_tokenizer
        with autocast(self.device, self.dtype):
            found = search(
                self.decoder,
                sources,
                bos_id=tgt.bos_id,
                eos_id=tgt.eos_id,
                forbidden=[tgt.pad_id, tgt.unk_id, tgt.bos_id],
                beam_size=options.beam_size,
                alpha=options.length_penalty,
                batch_tokens=batch_tokens,
                n_best=n_best,
                on_batch=on_batch,
            )
        if not all(found):
            raise UserError(
                f"{self.run_dir}: the model gives numbers that are not finite; its weights are damaged."
            )
        return found

    def cut(self, text: str) -> list[str]:
        """`text` in pieces that the model can read: cut at the ends of sentences, else at spaces, else anywhere."""
        pieces = []
        limit = self.config.model.max_len
        while text:
            window = text[: LONGEST_PIECE * limit]  # more cannot fit
            end = len(window)
            if end < len(text) or self.n_tokens(window) > limit:
                for ends in (
                    SENTENCE_END.finditer(window),
                    SPACE.finditer(window),
                    re.finditer("(?s).", window),
                ):
                    points = [match.end() for match in ends]
                    n_fitting = bisect_right(
                        points, limit, key=lambda point: self.n_tokens(window[:point])
                    )
                    end = points[n_fitting - 1] if n_fitting else 1
                    if n_fitting:
                        break
            pieces.append(text[:end].strip())
            text = text[end:].lstrip()
        return pieces

    def n_tokens(self, text: str) -> int:
        """Source tokens of `text`, eos counted."""
        return len(self.src_tokenizer.encode([text])[0])

    # ---------------------------------------------------------------------------------------------- attention

    @cached_property
    def convert_tgt(self) -> Callable[[str], str]:
        return converter(self.config, self.config.tgt_language)

    def side(self, text: str, is_src: bool, units: str, where: str) -> Side:
        """A written sentence as the model reads it.

        Args:
            units: `words`, `subwords`, or `given`: the tokens of `text` between single spaces.
            where: what to call the sentence in errors.
        Raises:
            UserError: it is empty or too long, or the vocabulary lacks a character of the target.
        """
        tokenizer, convert, language = (
            (self.src_tokenizer, self.convert, self.config.src_language)
            if is_src
            else (self.tgt_tokenizer, self.convert_tgt, self.config.tgt_language)
        )
        refuse_surrogates(text, where)
        bounds = None
        if units == "given":  # one that is other white space, as U+3000, counts, too
            tokens = text.translate(BREAKS).strip(" ").split(" ")
            text, bounds = join_given(list(map(convert, tokens)), not is_unspaced(language))
        else:
            text = convert(one_line(text))
        if not text:
            raise UserError(f"{where} is empty.")
        ids = tokenizer.encode([text])[0]
        if len(ids) > self.config.model.max_len:
            raise UnfitError(
                f"{where} has {len(ids)} tokens, but the model reads at most model.max_len="
                f"{self.config.model.max_len}; shorten it."
            )
        if not is_src and tokenizer.unk_id in ids:
            raise UnfitError(
                f"{where}: the vocabulary lacks some of its characters ({text:.60}); leave them out."
            )
        side = alignment.make_side(tokenizer, ids, bounds or units)
        if bounds is not None and side.text != text:
            raise UserError(
                f"{where}: the vocabulary changes the text ({text:.60}); use --units words."
            )
        return side

    def attention(
        self,
        src: str,
        tgt: str | None = None,
        units: str = "words",
        rule: Rule | None = None,
        beam_size: int | None = None,
        length_penalty: float | None = None,
    ) -> Attention:
        """All attention weights of one teacher-forced pass, in float32 whatever the precision of translating.

        Args:
            tgt: a translation to force; None = the model's own, found with `beam_size` and `length_penalty`.
            units: what links index: `words`, `subwords`, or `given` (both texts are split at single spaces).
            rule: how links are read; None = as the run's `alignment.json` says, see `default_rule`.
        Raises:
            UserError: an empty or too long sentence, or an option out of range.
        """
        model = self.config.model
        if units not in ("words", "subwords", "given"):
            raise UserError(f"units={units} is not one of words, subwords, given.")
        if rule and (rule.layer, rule.head) not in alignment.choices(
            model.n_decoder_layers, model.n_heads
        ):
            raise UserError(
                f"the model has no {rule}: its layers are 0 to {model.n_decoder_layers - 1}, heads 0 to "
                f"{model.n_heads - 1}."
            )
        src_side = self.side(src, True, units, "the sentence")
        if tgt is None:
            options = self.decode_options(beam_size, length_penalty)
            ids = [*self.search([src_side.ids], options)[0][0].ids, self.tgt_tokenizer.eos_id]
            tgt_side = alignment.make_side(
                self.tgt_tokenizer, ids, "words" if units == "given" else units
            )
        else:
            tgt_side = self.side(tgt, False, units, "the target")
        if rule is None:
            rule, _ = self.default_rule()
        return self.force(src_side, tgt_side, rule)

    @torch.inference_mode()
    def force(self, src: Side, tgt: Side, rule: Rule) -> Attention:
        """The attention of one pair that is in tokens already."""
        model = self.model
        kinds = model.attention_layers()
        queries: dict[str, list[np.ndarray]] = {kind: [] for kind in kinds}
        keys: dict[str, list[np.ndarray]] = {kind: [] for kind in kinds}

        def note(found: list[np.ndarray]) -> Callable[..., None]:
            def hook(_: object, __: object, output: Tensor) -> None:  # (1, n, D) to (H, n, K)
                heads = output[0].view(output.size(1), model.config.n_heads, -1).transpose(0, 1)
                found.append(heads.float().cpu().numpy())

            return hook

        hooks = [
            projection.register_forward_hook(note(into[kind]))
            for kind, layers in kinds.items()
            for layer in layers
            for projection, into in ((layer.w_q, queries), (layer.w_k, keys))
        ]
        src_ids = torch.tensor([src.ids], device=self.device)
        tgt_in = torch.tensor([[self.tgt_tokenizer.bos_id, *tgt.ids[:-1]]], device=self.device)
        weights = AttentionWeights()
        try:
            padding = torch.zeros_like(src_ids, dtype=torch.bool)
            logits = model.decode(tgt_in, model.encode(src_ids, weights), padding, weights=weights)
        finally:
            for hook in hooks:
                hook.remove()
        log_probs = logits[0].float().log_softmax(-1).cpu()
        top = log_probs.exp().topk(min(5, log_probs.size(-1)))
        stacked = {kind: torch.cat(getattr(weights, kind)).float().cpu().numpy() for kind in kinds}
        return Attention(
            src,
            tgt,
            self.tgt_tokenizer.pieces(tgt_in[0].tolist()),
            **stacked,
            queries={kind: np.stack(found) for kind, found in queries.items()},
            keys={kind: np.stack(found) for kind, found in keys.items()},
            log_probs=log_probs.gather(1, torch.tensor(tgt.ids)[:, None])[:, 0].numpy(),
            candidates=[
                list(zip(self.tgt_tokenizer.pieces(ids), probabilities, strict=True))
                for ids, probabilities in zip(
                    top.indices.tolist(), top.values.tolist(), strict=True
                )
            ],
            rule=rule,
            links=alignment.read_links(stacked["cross"], src, tgt, rule),
            gates={name: gate[0].float().cpu().numpy() for name, gate in weights.gates.items()},
            chosen=stacked["cross"].argmax(-1)
            if model.config.cross_attention is CrossAttention.hard
            else None,
        )

    @torch.inference_mode()
    def left_out(self, src: Side, tgt: Side) -> np.ndarray:
        """By how many nats the log-probability of each target token falls when a source token is hidden: `(T, S)`."""
        n = len(src.ids)
        rows = torch.tensor([src.ids] * (n + 1))
        rows[torch.arange(n), torch.arange(n)] = (
            self.src_tokenizer.pad_id
        )  # the last row hides nothing
        tgt_in = torch.tensor([[self.tgt_tokenizer.bos_id, *tgt.ids[:-1]]], device=self.device)
        found = []
        for part in torch.split(
            rows, max(1, min(64, 2**24 // (len(tgt.ids) * len(self.tgt_tokenizer))))
        ):
            logits = self.model(part.to(self.device), tgt_in.expand(len(part), -1))
            labels = torch.tensor(tgt.ids, device=self.device).expand(len(part), -1)[..., None]
            found.append(logits.float().log_softmax(-1).gather(2, labels)[..., 0].cpu())
        log_probs = torch.cat(found)
        return np.asarray((log_probs[-1] - log_probs[:-1]).T.numpy())

    def align(
        self,
        pairs: Iterable[tuple[str, str]],
        units: str,
        rule: Rule,
        where: Callable[[int], str],
        reverse: "Translator | None" = None,
        batch_tokens: int = 4096,
        on_batch: Callable[[int], object] = lambda n: None,
    ) -> list[set[Link]]:
        """Hard links of many pairs, in order; a pair with a side that is empty or does not fit the model has none.

        Args:
            where: what to call pair number i (from 0) in errors.
            reverse: a model of the other direction; its links, read by its own rule, are joined with these.
            batch_tokens: padded tokens of the longer side that pass through the model together.
        Raises:
            UserError: `reverse` has other vocabularies, and links of subwords are wanted.
        """
        if reverse is not None:
            theirs = reverse.tgt_tokenizer.fingerprint, reverse.src_tokenizer.fingerprint
            if units == "subwords" and theirs != (
                self.src_tokenizer.fingerprint,
                self.tgt_tokenizer.fingerprint,
            ):
                raise UserError(
                    f"{reverse.run_dir}: its subwords are others; join links of words, or of given tokens."
                )
            pairs = list(pairs)
            other, _ = reverse.default_rule()
            other = replace(other, threshold=rule.threshold, mask_punctuation=rule.mask_punctuation)
            backward = reverse.align(
                [(tgt, src) for src, tgt in pairs],
                units,
                other,
                where,
                None,
                batch_tokens,
                on_batch,
            )
            forward = self.align(pairs, units, rule, where, None, batch_tokens, on_batch)
            return [
                alignment.agree(f, {(i, j) for j, i in b}) if f and b else set()
                for f, b in zip(forward, backward, strict=True)
            ]
        links: list[set[Link]] = []
        texts = iter(pairs)
        while window := list(islice(texts, 4096)):
            sides = {}
            for n, (src, tgt) in enumerate(window, start=len(links)):
                if one_line(src) and one_line(tgt):
                    try:
                        sides[n] = (
                            self.side(src, True, units, where(n)),
                            self.side(tgt, False, units, where(n)),
                        )
                    except UnfitError as error:
                        tqdm.write(f"warning: {error} No links.", file=sys.stderr)
            on_batch(len(window) - len(sides))
            links += [set() for _ in window]
            numbers = list(sides)
            ids = [(src.ids, tgt.ids) for src, tgt in sides.values()]
            for row, cross in alignment.cross_attention(
                self.model, ids, self.tgt_tokenizer.bos_id, batch_tokens, on_batch
            ):
                links[numbers[row]] = alignment.read_links(cross, *sides[numbers[row]], rule)
        return links

    def measure(
        self, golds: list[Gold], base: Rule, on_batch: Callable[[int], object] = lambda n: None
    ) -> dict[Rule, Quality]:
        """The quality of every choice of layer, head and shift on gold links."""
        return alignment.measure(self.model, golds, self.tgt_tokenizer.bos_id, base, on_batch)

    def read_golds(self, path: Path, turn: bool = False) -> list[Gold]:
        """The pairs of a TSV file that have gold links in their third column, but for those that do not fit the model.

        Args:
            turn: the file's first column is this model's target.
        Raises:
            UserError: the file is missing, or its links do not fit.
        """
        from transformer_mt.files import read_text

        golds = []
        for number, line in enumerate(read_text(path), start=1):
            row = line.split("\t")
            if len(row) < 3 or not row[2]:
                continue
            where = f"{path}: line {number}"
            src, tgt = row[1::-1] if turn else row[:2]
            with suppress(UnfitError):
                sides = self.side(src, True, "words", where), self.side(tgt, False, "words", where)
                golds.append(
                    alignment.make_gold(
                        *sides, turn_links(row[2], where) if turn else row[2], where
                    )
                )
        return golds

    def default_rule(self) -> tuple[Rule, Reason]:
        """How links are read, and why so: as `alignment.json` says; without it chosen now on the packaged starter's
        validation set; for other languages the mean of the last layer but one."""
        if saved := self.saved_rule():
            return saved[0], Reason("chosen_on", str(saved[1].get("chosen_on")))
        src, tgt = language_of(self.config.src_language), language_of(self.config.tgt_language)
        if {src, tgt} == {"en", "zh"} and (
            golds := self.read_golds(STARTER_DIR / "valid.tsv", turn=src == "zh")
        ):
            best = alignment.best(self.measure(golds, alignment.BASE))
            return best, Reason("chosen_on", "the packaged starter's validation set")
        layer = max(0, self.config.model.n_decoder_layers - 2)
        return replace(alignment.BASE, layer=layer), Reason("no_gold", self.config.direction)

    def saved_rule(self) -> tuple[Rule, dict[str, Any]] | None:
        """The rule in the run's `alignment.json` and everything else that it says; None where there is no such file."""
        path, model = self.run_dir / "alignment.json", self.config.model
        if not path.is_file():
            return None
        return alignment.rule_from_json(
            path.read_bytes(), model.n_decoder_layers, model.n_heads, str(path)
        )


def reverse_of(translator: Translator, run_dir: Path | None) -> Translator | None:
    """The model in `run_dir`, None where there is none; raises UserError unless its direction is the other one."""
    if run_dir is None:
        return None
    reverse = Translator(run_dir, str(translator.device))
    src, tgt = translator.config.src_language, translator.config.tgt_language
    if (reverse.config.src_language, reverse.config.tgt_language) != (tgt, src):
        raise UserError(
            f"{run_dir}: translates {reverse.config.direction}, but {tgt}-{src} is needed to agree."
        )
    return reverse
