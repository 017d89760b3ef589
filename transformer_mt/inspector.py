"""What does a trained model look at? A sentence pair in, attention, links and rules out."""

import html
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from transformer_mt import alignment, guide
from transformer_mt.alignment import Gold, Quality, Reason, Rule, Side
from transformer_mt.config import STARTER_DIR, CrossAttention, UserError
from transformer_mt.files import expanded, progress, read_text, talk, write_text
from transformer_mt.model import Trace
from transformer_mt.run_dir import LoadedRun
from transformer_mt.text import (
    BREAKS,
    INVISIBLE,
    JOINING,
    is_unspaced,
    language_of,
    one_line,
    refuse_surrogates,
)
from transformer_mt.units import Link, join_given, turn_links

KINDS = ("encoder_self", "decoder_self", "cross")
"""Of attention, as `Trace` and `Attention` name them."""
N_CANDIDATES = 5
"""Tokens that `Attention.candidates` names at every step."""
WINDOW = 4096
"""Pairs that `align` reads, sorts by length and batches together."""


class UnfitError(UserError):
    """A sentence has more tokens than the model reads, or characters that it cannot write."""


@dataclass
class ForcedPass:
    """One teacher-forced pass over a finished translation: B = 1 pair."""

    tgt_in: list[int]
    """The decoder's input, bos first."""
    memory: Tensor
    """The encoder's output `(1, S, D)`."""
    logits: Tensor
    """`(1, T, V)`."""
    trace: Trace
    """Everything that attention computed."""


@dataclass
class Attention:
    """Every attention weight of one teacher-forced pass over a finished translation.

    Layers and heads count from 0. A row sums to 1 over the positions that it may see. S source
    tokens and T target tokens, eos included.
    """

    src: Side
    tgt: Side
    """The tokens that the rows emit."""
    tgt_in_tokens: list[str]
    """The decoder's input, bos first: the columns of `decoder_self`."""
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
    values: dict[str, np.ndarray]
    """By kind, `(L, H, columns, K)`."""
    log_probs: np.ndarray
    """Log-probability of every target token, `(T,)`, in nats."""
    candidates: list[list[tuple[str, float]]]
    """The model's best tokens at every step, with their probabilities."""
    rule: Rule
    links: set[Link]
    """Between units, source first, as `rule` reads them."""
    row_links: set[Link]
    """Those that the rows of the rule's map find, before they are joined with the columns'."""
    column_links: set[Link]
    """Those that its columns find; none where the rule reads rows alone."""
    gates: dict[str, np.ndarray]
    """The gates on the encoder's output, where the model has them: `channel` `(D,)` and `spatial`
    `(S,)`, from 0 to 1."""
    chosen: np.ndarray | None
    """The columns of `cross` whose values hard cross-attention took, `(L, H, T)`, but for ties;
    None where it is soft."""

    reason: Reason
    """Why links are read by `rule`."""
    inspector: "Inspector" = field(repr=False)
    """Of the model that computed all this."""

    def page(self) -> str:
        """One HTML file that shows everything here, and needs no network."""
        from transformer_mt.view import page

        return page.render(page.page_data(self))

    def save(self, path: str | Path) -> None:
        """Write the page, as in `attention.save("page.html")`."""
        write_text(Path(expanded(str(path))), self.page())

    def plot(self, path: str | Path) -> None:
        """Draw the links over the weights that they were read from, as PNG and as SVG.

        Args:
            path: `alignment.png`, `alignment.svg`, or without a suffix; both files are written.
        Raises:
            UserError: another kind of picture, or matplotlib is missing (extra `viz`), or a font.
        """
        from transformer_mt.view import plots

        name = Path(expanded(str(path)))
        if name.suffix not in ("", ".png", ".svg"):
            raise UserError(f"{path}: a picture is .png or .svg.")
        if problem := plots.alignment(self, name.with_suffix("")):
            raise UserError(problem)

    def _repr_html_(self) -> str:
        """The page in a frame of its own, by which a notebook shows it."""
        # A frame keeps the page's styles and scripts apart from the notebook's.
        page = html.escape(self.page())
        return f'<iframe srcdoc="{page}" style="width: 100%; height: 720px; border: 0"></iframe>'

    def huggingface(self) -> dict[str, tuple[Tensor, ...]]:
        """The tuples that Hugging Face encoder-decoder models return: for each layer a tensor
        `(1, H, rows, columns)`.

        bertviz takes them as `encoder_attention`, `decoder_attention` and `cross_attention`.
        """
        kinds = {"encoder": self.encoder_self, "decoder": self.decoder_self, "cross": self.cross}
        return {
            f"{kind}_attentions": tuple(torch.from_numpy(weights)[:, None])
            for kind, weights in kinds.items()
        }


class Inspector:
    """Looks inside a trained model, in float32 whatever the precision of translating.

    Nothing is kept between two calls, so that several threads may share one.
    """

    def __init__(self, run: LoadedRun) -> None:
        self.run = run

    # ------------------------------------------------------------------ one sentence pair

    def side(self, text: str, is_src: bool, units: str, where: str) -> Side:
        """A written sentence as the model reads it.

        Args:
            units: `words`, `subwords`, or `given`: the tokens of `text` between spaces.
            where: what to call the sentence in errors.
        Raises:
            UserError: it is empty or too long, or the vocabulary lacks a character of the target.
        """
        run = self.run
        tokenizer = run.src_tokenizer if is_src else run.tgt_tokenizer
        convert = run.convert_src if is_src else run.convert_tgt
        language = run.config.src_language if is_src else run.config.tgt_language
        refuse_surrogates(text, where)
        # Character spans of the given tokens; other units are found in the text later.
        bounds = None
        if units == "given":
            # Only U+0020 separates, any number of it: a token may be other white space, as U+3000.
            line = text.translate(BREAKS).lstrip(" " + INVISIBLE + JOINING)
            tokens = [token for token in line.split(" ") if token]
            text, bounds = join_given(list(map(convert, tokens)), not is_unspaced(language))
        else:
            text = convert(one_line(text))
        if not text:
            raise UserError(f"{where} is empty.")
        # The model may read other letters than were written; the side shows these.
        read = run.as_read(text) if is_src else text
        ids = tokenizer.encode([read])[0]
        if len(ids) > run.config.model.max_len:
            raise UnfitError(
                f"{where} has {len(ids)} tokens, but the model reads at most model.max_len="
                f"{run.config.model.max_len}; shorten it."
            )
        if not is_src and tokenizer.unk_id in ids:
            raise UnfitError(
                f"{where}: the vocabulary lacks some of its characters ({text:.60}); "
                f"leave them out."
            )
        return replace(alignment.make_side(tokenizer, ids, bounds or units, read), text=text)

    def check(self, units: str, rule: Rule | None) -> None:
        """Raise UserError for units that do not exist, or a rule that the model has no head for."""
        if units not in ("words", "subwords", "given"):
            raise UserError(f"units={units} is not one of words, subwords, given.")
        model = self.run.config.model
        choices = alignment.choices(model.n_decoder_layers, model.n_heads)
        if rule and (rule.layer, rule.head) not in choices:
            raise UserError(
                f"the model has no {rule}: its layers are 0 to {model.n_decoder_layers - 1}, "
                f"heads 0 to {model.n_heads - 1}."
            )

    @torch.inference_mode()
    def forced_pass(self, src: Side, tgt: Side) -> ForcedPass:
        """Send one pair through the model and watch all of its attention."""
        model, trace = self.run.model, Trace()
        tgt_in = self.run.tgt_tokenizer.shift_right(tgt.ids)
        src_ids = torch.tensor([src.ids], device=model.device)
        tgt_ids = torch.tensor([tgt_in], device=model.device)
        padding_mask = torch.zeros_like(src_ids, dtype=torch.bool)
        # The caller may have entered autocast.
        with torch.autocast(model.device.type, enabled=False):
            memory = model.encode(src_ids, trace)
            logits = model.decode(tgt_ids, memory, padding_mask, trace)
        return ForcedPass(tgt_in, memory, logits, trace)

    @torch.inference_mode()
    def attention(self, src: Side, tgt: Side, rule: Rule | None = None) -> Attention:
        """All attention weights of a pair, and the links that `rule` reads from them.

        Args:
            rule: None = as the run's `alignment.json` says, see `default_rule`.
        """
        reason = Reason("by_option", taught=rule is not None and self.is_taught(rule))
        if rule is None:
            rule, reason = self.default_rule()
        run, forced = self.run, self.forced_pass(src, tgt)
        layers = {kind: getattr(forced.trace, kind) for kind in KINDS}
        weights = {kind: stacked([layer.weights for layer in layers[kind]]) for kind in KINDS}
        # How likely each token was, and which others came close.
        log_probs = forced.logits[0].float().log_softmax(-1).cpu()  # (T, V)
        top = log_probs.exp().topk(min(N_CANDIDATES, log_probs.size(-1)))
        is_hard = run.config.model.cross_attention is CrossAttention.hard
        rows, columns = alignment.read_ways(weights["cross"], src, tgt, rule)
        return Attention(
            src,
            tgt,
            run.tgt_tokenizer.pieces(forced.tgt_in),
            **weights,
            queries={kind: stacked([layer.q for layer in layers[kind]]) for kind in KINDS},
            keys={kind: stacked([layer.k for layer in layers[kind]]) for kind in KINDS},
            values={kind: stacked([layer.v for layer in layers[kind]]) for kind in KINDS},
            log_probs=log_probs.gather(1, torch.tensor(tgt.ids)[:, None])[:, 0].numpy(),
            candidates=[
                list(zip(run.tgt_tokenizer.pieces(ids), probabilities, strict=True))
                for ids, probabilities in zip(
                    top.indices.tolist(), top.values.tolist(), strict=True
                )
            ],
            rule=rule,
            links=alignment.agree(rows, columns) if rule.both else rows,
            row_links=rows,
            column_links=columns,
            gates={
                name: gate[0].float().cpu().numpy() for name, gate in forced.trace.gates.items()
            },
            chosen=weights["cross"].argmax(-1) if is_hard else None,
            reason=reason,
            inspector=self,
        )

    @torch.inference_mode()
    def left_out(self, src: Side, tgt: Side) -> np.ndarray:
        """By how many nats the log-probability of each target token falls when a source token is
        hidden: `(T, S)`.
        """
        run, model = self.run, self.run.model
        # Row s hides source token s; the last row hides nothing.
        rows = torch.tensor([src.ids] * (len(src.ids) + 1))
        rows[:-1].fill_diagonal_(run.src_tokenizer.pad_id)
        tgt_in = torch.tensor([run.tgt_tokenizer.shift_right(tgt.ids)], device=model.device)
        labels = torch.tensor([tgt.ids], device=model.device)[..., None]  # (1, T, 1)
        # As many rows at once as give at most 64 MB of logits.
        n_rows = max(1, min(64, 2**24 // (len(tgt.ids) * len(run.tgt_tokenizer))))
        parts = []
        # Padding is masked in every layer, so that a source token that becomes padding is hidden.
        for part in torch.split(rows, n_rows):
            part = part.to(model.device)
            logits = model.decode(
                tgt_in.expand(len(part), -1), model.encode(part), part == model.pad_id
            )
            log_probs = logits.float().log_softmax(-1)
            parts.append(log_probs.gather(2, labels.expand(len(part), -1, -1))[..., 0].cpu())
        log_probs = torch.cat(parts)  # (S + 1, T)
        return np.asarray((log_probs[-1] - log_probs[:-1]).T.numpy())

    # ------------------------------------------------------------------ many pairs

    def align(
        self,
        pairs: list[tuple[str, str]],
        units: str,
        rule: Rule,
        where: Callable[[int], str],
        reverse: "Inspector | None" = None,
        batch_tokens: int = 4096,
    ) -> list[set[Link]]:
        """Hard links of many pairs, in order.

        A pair with a side that is empty or does not fit the model has none.

        Args:
            where: what to call pair number i (from 0) in errors.
            reverse: a model of the other direction, whose links are joined with these.
            batch_tokens: padded tokens of the longer side that pass through the model together.
        Raises:
            UserError: `reverse` has other vocabularies, and links of subwords are wanted.
        """
        if reverse is not None:
            return self._align_and_agree(pairs, units, rule, where, reverse, batch_tokens)
        links: list[set[Link]] = [set() for _ in pairs]
        with progress(total=len(pairs), unit="pairs") as bar:
            for start in range(0, len(pairs), WINDOW):
                numbers = range(start, min(start + WINDOW, len(pairs)))
                sides = {}
                for i in numbers:
                    pair = self.sides(*pairs[i], units, where(i))
                    if pair is not None:
                        sides[i] = pair
                bar.update(len(numbers) - len(sides))
                # Batches come out of order, by length; `fitting` leads back to the pair.
                fitting = list(sides)
                ids = [(src.ids, tgt.ids) for src, tgt in sides.values()]
                for row, cross in alignment.cross_attention(
                    self.run.model, ids, self.run.tgt_tokenizer.bos_id, batch_tokens
                ):
                    links[fitting[row]] = alignment.read_links(cross, *sides[fitting[row]], rule)
                    bar.update()
        return links

    def sides(self, src: str, tgt: str, units: str, where: str) -> tuple[Side, Side] | None:
        """Both sides of a pair; None where one is empty or, with a warning, where one does not fit
        the model.
        """
        if not one_line(src) or not one_line(tgt):
            return None
        try:
            return self.side(src, True, units, where), self.side(tgt, False, units, where)
        except UnfitError as error:
            talk(f"warning: {error} No links.")
            return None

    def _align_and_agree(
        self,
        pairs: list[tuple[str, str]],
        units: str,
        rule: Rule,
        where: Callable[[int], str],
        reverse: "Inspector",
        batch_tokens: int,
    ) -> list[set[Link]]:
        """The links of `align`, joined with those of `reverse`, read by its own rule."""
        run, other = self.run, reverse.run
        ours = run.src_tokenizer.fingerprint, run.tgt_tokenizer.fingerprint
        theirs = other.tgt_tokenizer.fingerprint, other.src_tokenizer.fingerprint
        if units == "subwords" and ours != theirs:
            raise UserError(
                f"{other.path}: its subwords are others; join links of words, or of given tokens."
            )
        turned = [(tgt, src) for src, tgt in pairs]
        # The other model has a best head of its own, but masks are a matter of the task.
        reverse_rule = replace(
            reverse.default_rule()[0],
            threshold=rule.threshold,
            mask_punctuation=rule.mask_punctuation,
        )
        backward = reverse.align(turned, units, reverse_rule, where, None, batch_tokens)
        forward = self.align(pairs, units, rule, where, None, batch_tokens)
        return [
            alignment.agree(f, {(i, j) for j, i in b}) if f and b else set()
            for f, b in zip(forward, backward, strict=True)
        ]

    # ------------------------------------------------------------------ rules

    @property
    def is_guided(self) -> bool:
        """Whether a head was taught links in training."""
        return bool(self.run.metadata.get("guided"))

    def is_taught(self, rule: Rule) -> bool:
        """Whether a rule reads the head that was taught links in training."""
        taught = (self.run.config.model.guided_layer, guide.HEAD)
        return self.is_guided and (rule.layer, rule.head) == taught

    def measure(self, gold_pairs: list[Gold], base: Rule) -> dict[Rule, Quality]:
        """The quality of every choice on gold links, see `alignment.measure`."""
        return alignment.measure(self.run.model, gold_pairs, self.run.tgt_tokenizer.bos_id, base)

    def read_gold_pairs(self, path: Path, turn: bool = False) -> list[Gold]:
        """The pairs of a TSV file that have gold links in their third column.

        Those that do not fit the model are left out and counted in a line.

        Args:
            turn: the file's first column is this model's target.
        Raises:
            UserError: the file is missing, or its links do not fit.
        """
        gold_pairs, n_unfit = [], 0
        for number, line in enumerate(read_text(path), start=1):
            row = line.split("\t")
            # A row of a held-out split may lack links.
            if len(row) < 3 or not row[2]:
                continue
            where = f"{path}: line {number}"
            src, tgt = (row[1], row[0]) if turn else (row[0], row[1])
            links = turn_links(row[2], where) if turn else row[2]
            try:
                src_side = self.side(src, True, "words", where)
                tgt_side = self.side(tgt, False, "words", where)
            except UnfitError:
                n_unfit += 1
                continue
            gold_pairs.append(alignment.make_gold(src_side, tgt_side, links, where))
        if n_unfit:
            talk(
                f"{n_unfit} of {len(gold_pairs) + n_unfit} pairs with gold links in {path} do not "
                f"fit the model (model.max_len={self.run.config.model.max_len} tokens, its "
                "vocabulary): left out."
            )
        return gold_pairs

    def default_rule(self) -> tuple[Rule, Reason]:
        """How links are read, and why so.

        It is the rule of `alignment.json`. Without that file it is chosen now on the packaged
        starter's validation set, which takes a pass over it; for other languages it is the guided
        head, or else the mean of the last layer but one.
        """
        if saved := self.saved_rule():
            rule, reason = saved[0], alignment.saved_reason(saved[1])
            return rule, replace(reason, taught=self.is_taught(rule))
        config = self.run.config
        src, tgt = language_of(config.src_language), language_of(config.tgt_language)
        if {src, tgt} == {"en", "zh"}:
            gold_pairs = self.read_gold_pairs(STARTER_DIR / "valid.tsv", turn=src == "zh")
            if gold_pairs:
                rule = alignment.best(self.measure(gold_pairs, alignment.BASE))
                subject = "the packaged starter's validation set"
                return rule, Reason("chosen_on", subject, taught=self.is_taught(rule))
        if self.is_guided:
            rule = guide.guided_rule(config.model.guided_layer, config.train.guide_step)
            return rule, Reason("no_gold", config.direction, taught=True)
        layer = max(0, config.model.n_decoder_layers - 2)
        return replace(alignment.BASE, layer=layer), Reason("no_gold", config.direction)

    def rule_of_options(self, options: dict[str, Any]) -> tuple[Rule, Reason]:
        """How links are read, and why so: as `default_rule` says, but for the options of a command.

        Args:
            options: fields of `Rule`. With `layer` among them nothing else of the run's choice
                counts; the model has it, see `cli.check_layer`.
        """
        if "layer" not in options:
            rule, reason = self.default_rule()
        else:
            choice = {key: options[key] for key in ("layer", "head") if key in options}
            rule = replace(alignment.BASE, **choice)
            reason = Reason("by_option", taught=self.is_taught(rule))
        changed_rule = replace(rule, **options)
        return changed_rule, replace(reason, changed=changed_rule != rule)

    def saved_rule(self) -> tuple[Rule, dict[str, Any]] | None:
        """The rule in the run's `alignment.json` and everything else that it says; None where there
        is no such file.
        """
        path, model = self.run.path / "alignment.json", self.run.config.model
        if not path.is_file():
            return None
        return alignment.rule_from_json(
            path.read_bytes(), model.n_decoder_layers, model.n_heads, str(path)
        )


def stacked(layers: list[Tensor]) -> np.ndarray:
    """Tensors `(1, …)` of all layers as one float32 array `(L, …)`."""
    return np.asarray(torch.cat(layers).float().cpu().numpy())
