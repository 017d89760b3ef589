"""Text in, translations out: the Python API over a run directory."""

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import overload

from transformer_mt.alignment import Rule, Side, make_side, read_links, soft_of_traces
from transformer_mt.config import DecodeConfig, Precision, SplitSentences, UserError
from transformer_mt.decoding import Hypothesis, Look, forced_log_probs, search
from transformer_mt.files import progress, read_text, talk
from transformer_mt.inspector import Attention, Inspector
from transformer_mt.markup import Marked, cut_blocks, put_back, take_apart
from transformer_mt.names import Named, name_marks, without_names
from transformer_mt.run_dir import load_run, load_words
from transformer_mt.runtime import choose_device, choose_dtype
from transformer_mt.sentences import sentence_ends, split_sentences
from transformer_mt.text import BREAKS, is_unspaced, one_line, refuse_surrogates, same_languages
from transformer_mt.units import Link, split_units, words
from transformer_mt.workers import count_workers

CLAUSE_END = re.compile(r"[；，：…]+[”’」』）]*|[;,:]+[\"')”’]*\s+")
SPACE = re.compile(r"\s+")
ANYWHERE = re.compile(r"(?s).")
Spans = list[tuple[int, int]]
"""Characters from start to end."""
SELDOM = 0.05
"""A model whose training text had fewer lines of several sentences than this part did not learn to
translate them."""
SHOWN = 5
"""Unknown words that a warning names."""
LONGEST_WORD = 40
"""Characters of such a word that it shows."""
LONGEST_PIECE = 16
"""Characters of the longest piece of a vocabulary that we train."""


@dataclass
class Candidate:
    """One of the n best translations."""

    text: str
    score: float
    """Log-probability divided by the length penalty; of several pieces, the sum over them."""
    links: set[Link] | None = None
    """Word links, source first, between the units (see `units.py`) of the sentence and of `text`;
    None where they were not asked for."""
    displaced: list[str] | None = None
    """Marks of `text` that no link placed, so that they are at the nearest place; None unless
    markup was asked for."""


@dataclass
class Translation:
    """The translations of one line."""

    src: str
    candidates: list[Candidate]
    """Best first."""
    n_tokens: int
    """Target tokens of the best one, eos counted."""
    n_pieces: int = 1
    """How many pieces were translated by themselves: the sentences, or parts of those that are
    longer than the model's maximum."""
    n_sentences: int = 1
    """How many sentences the line was split into."""
    unknown: list[str] = field(default_factory=list)
    """Words of `src` that were not in the training text, as far as the run knows."""
    is_unlikely: bool = False
    """Whether the model is less sure than it was of 99 in 100 validation sentences."""

    @property
    def text(self) -> str:
        return self.candidates[0].text

    @property
    def score(self) -> float:
        return self.candidates[0].score

    @property
    def doubt(self) -> str:
        """Why the text may be outside of what the model has seen; empty: nothing says so."""
        reasons = []
        if self.unknown:
            shown = [shorten(word) for word in self.unknown[:SHOWN]]
            words = ", ".join(shown) + (" …" if len(self.unknown) > SHOWN else "")
            reasons.append(f"not in its training text: {words}")
        if self.is_unlikely:
            reasons.append("it is unsure of the translation")
        return f"outside of what this model has seen ({'; '.join(reasons)})" if reasons else ""


@dataclass
class Score:
    """How likely the model finds a given translation."""

    log_prob: float
    """In nats, eos included: the sum of `log_probs`. nan where the pair does not fit the model."""
    tokens: list[str]
    """Of the translation, eos last."""
    log_probs: list[float]
    """Of each token, given the source and the tokens before it."""


class Translator:
    """A trained model with its vocabularies.

    Nothing is kept between two calls, so that several threads may share one.
    """

    def __init__(
        self,
        run_dir: str | Path,
        device: str = "auto",
        precision: str = "auto",
        workers: int | None = None,
    ) -> None:
        """See `from_pretrained`."""
        if precision not in Precision.__members__:
            names = ", ".join(Precision.__members__)
            raise UserError(f"precision={precision} is not one of {names}.")
        self.run = load_run(Path(run_dir))
        self.device = choose_device(device)
        self.dtype = choose_dtype(Precision[precision], self.device)
        if workers is not None and workers < 1:
            raise UserError(f"workers={workers} is out of range: it must be at least 1.")
        self.n_workers = count_workers(workers, self.device)
        self.run.model.to(self.device)
        self.run_dir = self.run.path
        self.config = self.run.config
        self.src_tokenizer = self.run.src_tokenizer
        self.tgt_tokenizer = self.run.tgt_tokenizer
        self.model = self.run.model
        self.metadata = self.run.metadata
        self.inspector = Inspector(self.run)
        self.decode = self.config.decode
        """How to search, where `translate` is not told otherwise."""

    @classmethod
    def from_pretrained(
        cls,
        run_dir: str | Path,
        device: str = "auto",
        precision: str = "auto",
        workers: int | None = None,
    ) -> "Translator":
        """Load a run directory.

        Args:
            device: auto, cpu, cuda, cuda:1 or mps.
            precision: auto, fp32 or bf16.
            workers: threads that share the sentences on a CPU; None = one for each core.
        Raises:
            UserError: no model there, a damaged one, or a device or precision that the machine
                lacks.
        """
        return cls(run_dir, device, precision, workers)

    @overload
    def translate(  # type: ignore[overload-overlap]  # a text is an Iterable[str], too
        self,
        texts: str,
        beam_size: int | None = None,
        length_penalty: float | None = None,
        n_best: int | None = None,
        batch_tokens: int | None = None,
        align: bool = False,
        rule: Rule | None = None,
        split_sentences: str | None = None,
        markup: bool = False,
    ) -> Translation: ...

    @overload
    def translate(
        self,
        texts: Iterable[str],
        beam_size: int | None = None,
        length_penalty: float | None = None,
        n_best: int | None = None,
        batch_tokens: int | None = None,
        align: bool = False,
        rule: Rule | None = None,
        split_sentences: str | None = None,
        markup: bool = False,
    ) -> list[Translation]: ...

    def translate(
        self,
        texts: str | Iterable[str],
        beam_size: int | None = None,
        length_penalty: float | None = None,
        n_best: int | None = None,
        batch_tokens: int | None = None,
        align: bool = False,
        rule: Rule | None = None,
        split_sentences: str | None = None,
        markup: bool = False,
    ) -> Translation | list[Translation]:
        """Translate a text, or each of several, in order; an empty one stays empty.

        The batch has no influence on a translation. The sentences of a text are translated one by
        one and joined, unless `split_sentences` says otherwise. A sentence, or a text that is not
        split, that is ALL IN CAPITALS is read in small letters where training saw such sources
        (`data.source_noise`).

        Args:
            texts: one text, which gives one `Translation`; or several, which give a list of them:
                whatever gives texts one after the other, such as a list, a generator, the lines of
                an open file, a column of a table.
            beam_size: None = as `decode` says, which is the run's; 1 = greedy.
            length_penalty: likewise; 0 = off.
            n_best: candidates for each text, at most `beam_size`; fewer where several would be the
                same text. Where a text is cut in pieces, the k-th best of each are joined.
            batch_tokens: padded source tokens translated together.
            align: read the word links of each candidate, by one forced pass over all of them.
            rule: how links are read; None = as the run's `alignment.json` says, see
                `Inspector.default_rule`.
            split_sentences: auto, on or off; None = as `decode` says.
            markup: the texts have inline markup, see `markup.py`. It is not translated, and word
                links say where it goes in each candidate.
        Raises:
            UserError: an option is out of range, or a text holds lone surrogates, or a character
                that is more tokens than the model reads.
            TypeError: `texts` are no texts.
        """
        options = self.decode_options(
            beam_size, length_penalty, n_best, batch_tokens, split_sentences
        )
        if align and markup:
            raise UserError(
                "align and markup exclude each other: links count the words of the text without "
                "its markup, which is not what is printed."
            )
        several = [texts] if isinstance(texts, str) else text_list(texts)
        for i, text in enumerate(several, start=1):
            refuse_surrogates(text, f"text {i}")
        if align or markup:
            rule = rule or self.inspector.default_rule()[0]
            self.inspector.check("words", rule)
            translate = self.translate_marked if markup else self.translate_plain
            translations = translate(several, options, rule)
        else:
            translations = self.translate_plain(several, options)
        return translations[0] if isinstance(texts, str) else translations

    def translate_plain(
        self, texts: list[str], options: DecodeConfig, rule: Rule | None = None
    ) -> list[Translation]:
        """Translate texts without markup.

        Args:
            rule: how word links are read; None = no links.
        """
        splits = self.splits(options.split_sentences)
        sentences = [self.sentences(text, splits) for text in texts]
        # A sentence that is too long becomes several pieces, an empty text none.
        pieces = [[piece for part in parts for piece in self.cut(part)] for parts in sentences]
        sources = self.run.encode_src(piece for group in pieces for piece in group)
        # All pieces are searched together; each text takes back as many as it gave.
        hypotheses, ids = iter(self.search(sources, options, rule)), iter(sources)
        translations = []
        for text, parts, group in zip(texts, sentences, pieces, strict=True):
            n_best_of_each = list(islice(hypotheses, len(group)))
            ids_of_each = list(islice(ids, len(group)))
            sides = self.src_sides(text, group, ids_of_each) if rule else None
            translations.append(self.join(text, n_best_of_each, rule, sides))
            translations[-1].n_sentences = max(1, len(parts))
            translations[-1].unknown = self.unknown_words(text)
            translations[-1].is_unlikely = any(
                self.is_unlikely(each[0], options.length_penalty) for each in n_best_of_each
            )
        return translations

    def translate_marked(
        self, texts: list[str], options: DecodeConfig, rule: Rule
    ) -> list[Translation]:
        """Translate the words of each text, and set its markup around their translations."""
        blocks = [cut_blocks(text) for text in texts]
        lines = [
            take_apart(part, any("<" in block for block in parts[::2]))
            for parts in blocks
            for part in parts[1::2]
        ]
        translations = iter(self.translate_lines(lines, options, rule))
        return [
            join_blocks(text, parts, list(islice(translations, len(parts) // 2)))
            for text, parts in zip(texts, blocks, strict=True)
        ]

    def translate_lines(
        self, lines: list[Marked], options: DecodeConfig, rule: Rule
    ) -> list[Translation]:
        """Translate lines that were taken apart, and set their markup again.

        A line with placeholders is translated with names for them: where these are numbers, once
        with figures and once with words, of which the likelier is taken. Where no name came
        through, it is translated without.
        """
        languages = self.config.src_language, self.config.tgt_language
        tries: list[tuple[int, Named | None]] = []
        for n, line in enumerate(lines):
            all_named = [name_marks(line, *languages, in_words) for in_words in (False, True)]
            tries += [(n, named) for named in all_named if named] or [(n, None)]
        best: dict[int, Translation] = {}
        while tries:
            plain_texts = [lines[n].plain if named is None else named.plain for n, named in tries]
            found = self.translate_plain(plain_texts, options, rule)
            for (n, named), translation in zip(tries, found, strict=True):
                is_placed = self.place_markup(lines[n], named, translation)
                if is_placed and (n not in best or translation.score > best[n].score):
                    best[n] = translation
            tries = [(n, None) for n in range(len(lines)) if n not in best]
        return [best[n] for n in range(len(lines))]

    def place_markup(self, line: Marked, named: Named | None, translation: Translation) -> bool:
        """Set the markup of a line in the candidates of its translation.

        Args:
            named: the line with names, if that was translated. Candidates without one are dropped.

        Returns:
            Whether the best candidate has every name. If not, nothing is changed.
        """
        unspaced = is_unspaced(self.config.tgt_language)
        candidates: dict[str, Candidate] = {}
        for n, candidate in enumerate(translation.candidates):
            text, links = candidate.text, candidate.links or set()
            known: dict[int, int] = {}
            if named is not None:
                found = without_names(named, text, links)
                if found is None and n == 0:
                    return False
                if found is None:
                    continue
                text, links, known = found
            text, displaced = put_back(line, text, links, unspaced, known)
            candidates.setdefault(text, Candidate(text, candidate.score, displaced=displaced))
        translation.candidates = list(candidates.values())
        return True

    def join(
        self,
        src: str,
        pieces: list[list[Hypothesis]],
        rule: Rule | None = None,
        src_sides: list[tuple[int, Side]] | None = None,
    ) -> Translation:
        """The translation of a sentence from those of its pieces, n best each.

        Args:
            rule: how links are read; None = there are none.
            src_sides: with `rule`, those of the pieces.
        """
        space = "" if is_unspaced(self.config.tgt_language) else " "
        # Several segmentations spell the same text; the first, which is the best, stands for all.
        candidates: dict[str, Candidate] = {}
        for hypotheses in zip(*pieces, strict=True):  # the k-th best of every piece
            texts = self.tgt_tokenizer.decode([hypothesis.ids for hypothesis in hypotheses])
            text = one_line(space.join(texts))
            if text in candidates:
                continue
            score = sum(hypothesis.score for hypothesis in hypotheses)
            candidates[text] = Candidate(text, float(score))
            if rule is not None and src_sides is not None:
                tgt_units = units_in_pieces(text, texts)
                candidates[text].links = self.links(hypotheses, src_sides, tgt_units, rule)
        if not pieces:
            candidates[""] = Candidate("", 0.0, None if rule is None else set())
        # eos is a token that was searched for, too.
        n_tokens = sum(len(hypotheses[0].ids) + 1 for hypotheses in pieces)
        return Translation(src, list(candidates.values()), n_tokens, max(1, len(pieces)))

    def src_sides(
        self, text: str, pieces: list[str], ids: list[list[int]]
    ) -> list[tuple[int, Side]]:
        """The side of each piece of a source, and the number of its first unit in the whole."""
        units = units_in_pieces(self.run.convert_src(one_line(text)), pieces)
        return [
            (first, make_side(self.src_tokenizer, piece_ids, spans, self.run.as_read(piece)))
            for piece_ids, (first, spans), piece in zip(ids, units, pieces, strict=True)
        ]

    def links(
        self,
        hypotheses: Iterable[Hypothesis],
        src_sides: list[tuple[int, Side]],
        tgt_units: list[tuple[int, Spans]],
        rule: Rule,
    ) -> set[Link]:
        """The links of a translation, whose pieces are `hypotheses` with their attention."""
        links: set[Link] = set()
        rule = replace(rule, layer=0, head=0)  # the hypotheses kept its map alone
        pieces = zip(hypotheses, src_sides, tgt_units, strict=True)
        for hypothesis, (src_first, src), (tgt_first, units) in pieces:
            tgt_ids = [*hypothesis.ids, self.tgt_tokenizer.eos_id]
            tgt = make_side(self.tgt_tokenizer, tgt_ids, units)
            assert hypothesis.attention is not None, "the search was asked for it"
            found = read_links(hypothesis.attention[None, None].numpy(), src, tgt, rule)
            links |= {(src_first + i, tgt_first + j) for i, j in found}
        return links

    def score(
        self,
        pairs: Iterable[tuple[str, str]],
        batch_tokens: int | None = None,
        where: Callable[[int], str] = lambda i: f"pair {i + 1}",
    ) -> list[Score]:
        """The log-probability of each given translation, in order.

        It is what the search adds up for a translation of its own, before the length penalty. An
        empty source has the empty translation, with certainty. Any other translation of it scores
        nan, with a warning; so does a pair that is too long for the model. Characters that the
        vocabulary lacks are scored as unknown, with a warning, though no search writes them.

        Args:
            pairs: source and translation.
            batch_tokens: padded tokens of the longer side that pass through the model together;
                None = as `decode` says.
            where: what to call pair number i (from 0) in warnings and errors.
        Raises:
            UserError: a text holds lone surrogates, or the model's scores are not finite.
        """
        options = self.decode_options(batch_tokens=batch_tokens)
        scores = []
        ids: dict[int, tuple[list[int], list[int]]] = {}
        for i, (src, tgt) in enumerate(pair_list(pairs)):
            is_empty = not one_line(src) and not one_line(tgt)
            scores.append(Score(0.0 if is_empty else math.nan, [], []))
            if not is_empty and (both := self.pair_ids(src, tgt, where(i))):
                ids[i] = both

        unk_id = self.tgt_tokenizer.unk_id
        if lacking := [i for i, (_, tgt_ids) in ids.items() if unk_id in tgt_ids]:
            talk(
                f"warning: {where(lacking[0])}: the vocabulary lacks some characters of the "
                f"translation, {len(lacking)} such in all: scored as unknown."
            )
        numbers, bos_id = list(ids), self.tgt_tokenizer.bos_id
        forced = forced_log_probs(
            self.model,
            list(ids.values()),
            bos_id,
            options.batch_tokens,
            self.dtype,
            self.n_workers,
        )
        with progress(total=len(ids), unit="pairs") as bar:
            for row, log_probs in forced:
                i, values = numbers[row], log_probs.tolist()
                scores[i] = Score(math.fsum(values), self.tgt_tokenizer.pieces(ids[i][1]), values)
                bar.update()
        if not all(math.isfinite(scores[i].log_prob) for i in ids):
            raise UserError(
                f"{self.run_dir}: the model gives numbers that are not finite; "
                f"its weights are damaged."
            )
        return scores

    def pair_ids(self, src: str, tgt: str, where: str) -> tuple[list[int], list[int]] | None:
        """Ids of a source and its translation; None, with a warning, where there is no source or
        one of them is too long for the model.
        """
        refuse_surrogates(src, f"{where}: the source")
        refuse_surrogates(tgt, f"{where}: the translation")
        (src_ids,) = self.run.encode_src([self.run.convert_src(one_line(src))])
        (tgt_ids,) = self.tgt_tokenizer.encode([self.run.convert_tgt(one_line(tgt))])
        limit = self.config.model.max_len
        if not one_line(src):
            problem = "the source is empty"
        elif (n := max(len(src_ids), len(tgt_ids))) > limit:
            side = "source" if len(src_ids) == n else "translation"
            problem = (
                f"the {side} has {n} tokens, but the model reads at most model.max_len={limit}"
            )
        else:
            return src_ids, tgt_ids
        talk(f"warning: {where}: {problem}. No score.")
        return None

    def decode_options(
        self,
        beam_size: int | None = None,
        length_penalty: float | None = None,
        n_best: int | None = None,
        batch_tokens: int | None = None,
        split_sentences: str | None = None,
    ) -> DecodeConfig:
        """`decode`, but for the options given; raises UserError when one is out of range."""
        given = {
            "beam_size": beam_size,
            "length_penalty": length_penalty,
            "n_best": n_best,
            "batch_tokens": batch_tokens,
            "split_sentences": split_sentences,
        }
        changes = {key: value for key, value in given.items() if value is not None}
        if n_best is None and beam_size is not None:
            # A narrower beam than the run's has no room for as many.
            changes["n_best"] = min(self.decode.n_best, max(1, beam_size))
        return replace(self.decode, **changes)  # type: ignore[arg-type]

    def search(
        self,
        sources: list[list[int]],
        options: DecodeConfig | None = None,
        rule: Rule | None = None,
    ) -> list[list[Hypothesis]]:
        """Translations of ids, eos last, in order; of each the n best, best first.

        Args:
            rule: with its map, the hypotheses keep their attention.
        Raises:
            UserError: the model's scores are not finite.
        """
        # Batches come by length, not in order.
        outputs: list[list[Hypothesis]] = [[] for _ in sources]
        special = self.tgt_tokenizer.special_ids
        options = options or self.decode
        look: Look | None = None
        if rule is not None:
            look = partial(soft_of_traces, layer=rule.layer, head=rule.head)
        with progress(total=len(sources), unit="sentences") as bar:
            for i, hypotheses in search(
                self.model, sources, special, options, self.dtype, self.n_workers, look
            ):
                outputs[i] = hypotheses
                bar.update()
        # A search among numbers that are not finite ends without a hypothesis.
        if not all(outputs):
            raise UserError(
                f"{self.run_dir}: the model gives numbers that are not finite; "
                f"its weights are damaged."
            )
        return outputs

    def splits(self, choice: str | None = None) -> bool:
        """Whether the sentences of a line are translated one by one.

        Args:
            choice: auto, on or off; None = as `decode` says.
        Raises:
            UserError: it is none of these.
        """
        choice = choice or self.decode.split_sentences
        if choice not in SplitSentences.__members__:
            names = ", ".join(SplitSentences)
            raise UserError(f"split_sentences={choice} is not one of {names}.")
        if choice == SplitSentences.auto:
            return self.several_sentences < SELDOM
        return choice == SplitSentences.on

    @cached_property
    def several_sentences(self) -> float:
        """The part of the training sources that held several sentences; 1 where it is not known."""
        share = self.metadata.get("several_sentences")
        if isinstance(share, (int, float)):
            return float(share)
        # A run of an older version does not say; its validation text is like what it trained on.
        lines: list[str] = []
        with suppress(UserError):  # an imported model has none
            lines = read_text(self.run_dir / "valid.tsv")
        several = [len(split_sentences(line.split("\t")[0])) > 1 for line in lines]
        return sum(several) / len(lines) if lines else 1.0

    def sentences(self, text: str, splits: bool | None = None) -> list[str]:
        """The sentences of a line as the model reads them, or all of it as one.

        Args:
            splits: whether they are translated one by one; None = see `splits`.
        """
        line = self.run.convert_src(one_line(text))
        splits = self.splits() if splits is None else splits
        return split_sentences(line) if splits else [line]

    def n_several(self, texts: Iterable[str]) -> int:
        """How many of `texts` hold several sentences, which would be translated one by one."""
        return sum(len(self.sentences(text)) > 1 for text in texts)

    def cut(self, text: str) -> list[str]:
        """`text` in pieces that the model can read: cut at the ends of sentences, else of clauses,
        else at spaces, else anywhere.
        """
        pieces = []
        limit = self.config.model.max_len
        while text:
            window = text[: LONGEST_PIECE * limit]  # more cannot fit
            end = len(window)
            if end < len(text) or self.n_tokens(window) > limit:
                end = self.last_cut(window)
            pieces.append(text[:end].strip())
            text = text[end:].lstrip()
        return pieces

    def last_cut(self, text: str) -> int:
        """Where to cut `text` so that its beginning fits the model: after the last sentence that
        fits, else the last clause, the last word, or the last character.
        """
        for points in cut_points(text):
            # Longer prefixes have more tokens, so the last point that fits is found by halving.
            n_fitting = bisect_right(
                points, self.config.model.max_len, key=lambda point: self.n_tokens(text[:point])
            )
            if n_fitting:
                return points[n_fitting - 1]
        # Even one character may not fit, where a vocabulary spells it in bytes or writes it out.
        raise UserError(
            f"the character {text[0]} alone is {self.n_tokens(text[0])} tokens, but the model "
            f"reads at most model.max_len={self.config.model.max_len}; leave it out."
        )

    @cached_property
    def known_words(self) -> frozenset[str] | None:
        """Those of the training sources; None where the run does not say."""
        known = load_words(self.run_dir)
        return None if known is None else frozenset(known)

    def unknown_words(self, text: str) -> list[str]:
        """The words of `text` that were not in the training text, each once, in small letters.

        Where a run does not say which words were, these are the words that the vocabulary has to
        spell in bytes, or does not know at all.
        """
        found = dict.fromkeys(words(self.run.convert_src(one_line(text))))
        if self.known_words is not None:
            return [word for word in found if word not in self.known_words]
        return [word for word in found if self.src_tokenizer.lacks(word)]

    def is_unlikely(self, hypothesis: Hypothesis, alpha: float) -> bool:
        """Whether the model is less sure of a translation than of 99 in 100 of validation.

        Args:
            alpha: of the length penalty that it was searched with.
        """
        limit = self.metadata.get("low_log_prob")  # older runs and imported ones have none
        return isinstance(limit, float) and hypothesis.log_prob_per_token(alpha) < limit

    def unknown_share(self, texts: list[str]) -> float:
        """The part of the source tokens of `texts` that the vocabulary does not know, from 0 to 1.

        Vocabularies that we train spell everything in bytes, but imported ones may not.
        """
        tokenizer = self.src_tokenizer
        ids = self.run.encode_src(self.run.convert_src(one_line(text)) for text in texts)
        n_tokens = sum(map(len, ids)) - len(ids) * (1 + len(tokenizer.prefix_ids))
        return sum(row.count(tokenizer.unk_id) for row in ids) / max(1, n_tokens)

    def n_tokens(self, text: str) -> int:
        """Source tokens of `text`, eos counted."""
        return len(self.run.encode_src([text])[0])

    def attention(
        self,
        src: str,
        tgt: str | None = None,
        units: str = "words",
        rule: Rule | None = None,
        beam_size: int | None = None,
        length_penalty: float | None = None,
    ) -> Attention:
        """All attention weights of one teacher-forced pass, in float32.

        Args:
            tgt: a translation to force; None = the model's own, searched for as in `translate`.
            units: what links index: `words`, `subwords`, or `given` (both texts are split at
                spaces).
            rule: how links are read; None = as the run's `alignment.json` says, see
                `Inspector.default_rule`.
        Raises:
            UserError: an empty or too long sentence, or an option out of range.
        """
        self.inspector.check(units, rule)
        if not isinstance(src, str) or not isinstance(tgt, str | None):
            kind = type(tgt if isinstance(src, str) else src).__name__
            raise TypeError(f"attention takes one sentence (str) and its translation, not {kind}")
        src_side = self.inspector.side(src, True, units, "the sentence")
        if tgt is not None:
            tgt_side = self.inspector.side(tgt, False, units, "the target")
        else:
            options = self.decode_options(beam_size, length_penalty, n_best=1)
            (hypotheses,) = self.search([src_side.ids], options)
            ids = [*hypotheses[0].ids, self.tgt_tokenizer.eos_id]
            # The model's own translation was not given in tokens, so it is split into words.
            tgt_side = make_side(self.tgt_tokenizer, ids, "words" if units == "given" else units)
        return self.inspector.attention(src_side, tgt_side, rule)


def join_blocks(src: str, parts: list[str], translations: list[Translation]) -> Translation:
    """The translation of a line from those of its texts.

    Args:
        parts: as `cut_blocks` gives them.
        translations: of the texts.
    """
    candidates: dict[str, Candidate] = {}
    for k in range(max((len(each.candidates) for each in translations), default=1)):
        # A text without words has one translation alone.
        chosen = [each.candidates[: k + 1][-1] for each in translations]
        pieces = zip([candidate.text for candidate in chosen], parts[2::2], strict=True)
        text = parts[0] + "".join(map("".join, pieces))
        displaced = [mark for candidate in chosen for mark in candidate.displaced or ()]
        score = float(sum(candidate.score for candidate in chosen))
        candidates.setdefault(text, Candidate(text, score, displaced=displaced))
    return Translation(
        src,
        list(candidates.values()),
        sum(each.n_tokens for each in translations),
        max(1, sum(each.n_pieces for each in translations)),
        max(1, sum(each.n_sentences for each in translations)),
        list(dict.fromkeys(word for each in translations for word in each.unknown)),
        any(each.is_unlikely for each in translations),
    )


def units_in_pieces(text: str, pieces: list[str]) -> list[tuple[int, Spans]]:
    """The units of `text` that each piece has: the number of the first, and where each is in the
    piece.

    Args:
        pieces: they follow each other in `text`, but for what `one_line` removes around them.
    """
    units, end = split_units(text), 0
    if pieces == [text]:
        return [(0, units)]
    unit_starts, unit_ends = [a for a, _ in units], [b for _, b in units]
    found = []
    for piece in pieces:
        core = one_line(piece)
        start = text.index(core, end)
        end = start + len(core)
        shift = piece.translate(BREAKS).index(core) - start  # from the text to the piece
        first, last = bisect_right(unit_ends, start), bisect_left(unit_starts, end)
        spans = [(max(a, start) + shift, min(b, end) + shift) for a, b in units[first:last]]
        found.append((first, spans))
    return found


def shorten(word: str) -> str:
    """`word` for a message: the beginning of one that is too long to be a word at all."""
    return word if len(word) <= LONGEST_WORD else f"{word[:LONGEST_WORD]}…"


def text_list(texts: Iterable[str]) -> list[str]:
    """Several texts as a list, because an iterator can be read only once.

    Raises:
        TypeError: something else was given.
    """
    wanted = "translate takes a text (str), or several in a list or an iterator"
    try:
        # Bytes would give numbers, and a mapping its keys.
        iterator = None if isinstance(texts, bytes | Mapping) else iter(texts)
    except TypeError:
        iterator = None
    if iterator is None:
        raise TypeError(f"{wanted}, not {type(texts).__name__}")
    whole = list(iterator)
    for i, text in enumerate(whole, start=1):
        if not isinstance(text, str):
            raise TypeError(f"{wanted}, but text {i} is of type {type(text).__name__}")
    return whole


def pair_list(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Pairs of texts as a list; raises TypeError where one is none, as of a pair alone."""
    whole = list(pairs)
    for i, pair in enumerate(whole, start=1):
        is_pair = isinstance(pair, tuple | list) and len(pair) == 2
        if not is_pair or not all(isinstance(text, str) for text in pair):
            raise TypeError(
                "score takes pairs of source and translation, such as [(src, tgt)], but pair "
                f"{i} is {pair!r:.40}"
            )
    return whole


def cut_points(text: str) -> Iterator[list[int]]:
    """Where `text` may be cut: after sentences; failing that, after clauses, after spaces, or after
    every character.
    """
    yield sentence_ends(text)
    for ends in (CLAUSE_END, SPACE, ANYWHERE):
        yield [match.end() for match in ends.finditer(text)]


def reverse_of(translator: Translator, run_dir: Path) -> Translator:
    """The model in `run_dir`; raises UserError unless its direction is the other one."""
    reverse = Translator(run_dir, str(translator.device))
    src, tgt = translator.config.src_language, translator.config.tgt_language
    others = reverse.config.tgt_language, reverse.config.src_language
    if not same_languages((src, tgt), others):
        raise UserError(
            f"{run_dir}: translates {reverse.config.direction}, but {tgt}-{src} is needed to agree."
        )
    return reverse
