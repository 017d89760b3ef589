"""Every option of the toolkit: its default, meaning, unit and range. Standard library only.

The dataclasses are the schema that Hydra checks `conf/` and the command line against, and what
`config.yaml` in a run directory is read back into. The text below a field explains it. Rules that
types cannot express live in `__post_init__`.
"""

import ast
import inspect
from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any


class UserError(ValueError):
    """A user's mistake, told in one line that says what to do; commands exit with status 2."""


# The names are what YAML and the command line say.
OnBadRow = StrEnum("OnBadRow", ["error", "skip"])
ChineseScript = StrEnum("ChineseScript", ["as_is", "simplified"])
TokenizerType = StrEnum("TokenizerType", ["unigram", "bpe"])
Norm = StrEnum("Norm", ["post", "pre"])
Activation = StrEnum("Activation", ["relu", "gelu", "swish", "swiglu"])
CrossAttention = StrEnum("CrossAttention", ["soft", "hard"])
EncoderGate = StrEnum("EncoderGate", ["none", "channel", "spatial", "both"])
Schedule = StrEnum("Schedule", ["inverse_sqrt", "cosine"])
GuideStep = StrEnum("GuideStep", ["consume", "emit"])
SplitSentences = StrEnum("SplitSentences", ["auto", "on", "off"])
Precision = StrEnum("Precision", ["auto", "fp32", "bf16"])


def check(key: str, value: Any, holds: bool, rule: str) -> None:
    """Refuse `key=value` with the rule it breaks, unless it `holds`."""
    if not holds:
        raise UserError(f"{key}={value} is out of range: it must be {rule}.")


@dataclass
class DataConfig:
    """Which corpus, and how it is cleaned and split."""

    name: str = "files"
    """Names the corpus in `run_dir`."""
    hub: str | None = None
    """Dataset on the Hugging Face hub; null: `train`, `valid` and `test` are files."""
    hub_config: str | None = None
    """Configuration of the hub dataset, such as en-zh."""
    languages: list[str] = field(default_factory=lambda: ["en", "zh"])
    """Language codes of the two text columns, parallel to `columns`: ISO 639, with or without
    a script (ja, jpn, jpn_Jpan)."""
    columns: list[str] = field(default_factory=lambda: ["0", "1"])
    """Text columns: numbers from 0 for TSV; names for CSV, JSONL, Parquet and the hub, where
    `translation.en` is a nested one. Other columns of a file may hold anything."""
    links_column: str | None = None
    """Column with word links in Pharaoh form, first column first; null: there is none. Those of
    validation and test are gold, and those of training pairs guide attention, see
    `train.guide_weight`."""
    train: Any = None
    """Split name on the hub, or a .tsv, .csv, .jsonl or .parquet file (.gz too), or two
    line-aligned text files."""
    valid: Any = None
    """Likewise; null: the validation split is cut off the training split."""
    test: Any = None
    """Likewise; null: the test split is cut off the training split."""
    on_bad_row: OnBadRow = OnBadRow.error
    """A row that cannot be read stops the run and is named (error), or is counted and left out
    (skip): its bytes are not UTF-8, a column is missing, a CSV row has more columns than the
    header, a quote is not closed, a line is not a JSON object, a number stands for text. Links that
    do not fit their sentences likewise; with skip the pair stays, without them."""
    chinese_script: ChineseScript = ChineseScript.as_is
    """simplified: convert traditional characters with OpenCC (extra `zh`)."""
    max_bytes: int = 2000
    """Training pairs with a longer side, in UTF-8 bytes, are removed; at least 1."""
    max_ratio: float = 4.0
    """Training pairs are removed when the longer side has more than this many times the bytes of
    the shorter, 20 bytes granted to each; at least 1. (An English sentence and its Chinese
    translation are about equally long in bytes.)"""
    source_noise: float = 0.0
    """Probability that training sees a source as people type it, anew in each epoch: in small
    letters, without its final mark, with other quotes (see `noise.py`). From 0 (off) to 1. Held-out
    text stays as it is. Above 0, translating reads a sentence ALL IN CAPITALS in small letters."""
    held_out: int = 1000
    """Pairs cut off for a split that the corpus lacks, at most a twentieth of it; at least 1."""
    cache_dir: str | None = None
    """Where prepared corpora are kept; null: `transformer_mt` in the user's cache directory."""

    def __post_init__(self) -> None:
        check("data.max_bytes", self.max_bytes, self.max_bytes >= 1, "at least 1")
        check("data.max_ratio", self.max_ratio, self.max_ratio >= 1, "at least 1")
        noise = self.source_noise
        check("data.source_noise", noise, 0 <= noise <= 1, "from 0 (off) to 1")
        check("data.held_out", self.held_out, self.held_out >= 1, "at least 1")
        for key, value in (("languages", self.languages), ("columns", self.columns)):
            check(
                f"data.{key}",
                value,
                len(value) == 2 and value[0] != value[1],
                "a list of two different entries",
            )


@dataclass
class TokenizerConfig:
    """Vocabularies, and how text is segmented."""

    type: TokenizerType = TokenizerType.unigram
    """SentencePiece model type."""
    vocab_size: int = 8000
    """Pieces per vocabulary, lowered with a warning where the corpus is too small; at least 300."""
    max_piece_length: int = 16
    """Longest piece, in characters, of a language written without spaces; from 1 to 16. Where words
    are short, as in Chinese, a small one keeps pieces from running across them: sequences get
    longer, word links cleaner. With `joint` it holds for both languages if one of them is such."""
    joint: bool = False
    """One vocabulary for both languages instead of one each."""
    sampling_alpha: float = 0.0
    """Subword regularisation in training, for unigram (Kudo 2018): 0 = off, else the smoothing of
    the sampled segmentations, smaller = more varied. From 0 to 1."""
    src_model: str | None = None
    """An existing SentencePiece `.model` for the source; null: train one. With `joint` it serves
    both sides."""
    tgt_model: str | None = None
    """Likewise for the target."""
    src_prefix: str = ""
    """A piece put before every source, such as >>cmn_Hans<<, by which an imported model is told the
    language to translate into."""
    n_src_ids: int | None = None
    """Ids that the model knows. Later pieces of an imported vocabulary only help to segment text,
    and count as unknown. null: all."""
    n_tgt_ids: int | None = None
    """Likewise for the target."""

    def __post_init__(self) -> None:
        size, length, alpha = self.vocab_size, self.max_piece_length, self.sampling_alpha
        check("tokenizer.vocab_size", size, 300 <= size <= 1_000_000, "from 300 to 1000000")
        check("tokenizer.max_piece_length", length, 1 <= length <= 16, "from 1 to 16")
        check("tokenizer.sampling_alpha", alpha, 0 <= alpha <= 1, "from 0 (off) to 1")
        if alpha and self.type is not TokenizerType.unigram:
            raise UserError(
                f"tokenizer.sampling_alpha={alpha} needs tokenizer.type=unigram; or set it to 0."
            )
        if self.joint and self.tgt_model:
            raise UserError(
                "tokenizer.tgt_model is set, but tokenizer.joint=true uses tokenizer.src_model "
                "for both."
            )
        if not self.joint and bool(self.src_model) != bool(self.tgt_model):
            raise UserError("set both tokenizer.src_model and tokenizer.tgt_model, or neither.")


@dataclass
class ModelConfig:
    """Sizes and kinds of the Transformer's parts."""

    name: str = "custom"
    """Names the model in `run_dir`."""
    d_model: int = 256
    """Width of the residual stream; a multiple of `n_heads`, even."""
    n_heads: int = 4
    """Attention heads in every layer; at least 1."""
    d_ff: int = 1024
    """Inner width of the feed-forward layers; at least 1."""
    n_encoder_layers: int = 3
    """At least 1."""
    n_decoder_layers: int = 3
    """At least 1."""
    dropout: float = 0.1
    """Probability of zeroing an element of a sub-layer's output or of the embeddings; from 0 to
    below 1."""
    norm: Norm = Norm.pre
    """Layer normalisation after the residual sum (post, the paper) or before the sub-layer
    (pre)."""
    activation: Activation = Activation.relu
    """Nonlinearity of the feed-forward layers; relu is the paper's, swish that of opus-mt."""
    cross_attention: CrossAttention = CrossAttention.soft
    """soft: the weighted sum of all values. hard: the value of the largest weight alone, trained
    straight through."""
    encoder_gate: EncoderGate = EncoderGate.none
    """Scales the encoder's output by learned numbers from 0 to 1 (CBAM): one for each channel, for
    each position (spatial), or both."""
    tie_embeddings: bool = True
    """One matrix for target embedding and output layer, and for the source embedding too where the
    vocabulary is joint."""
    guide_layer: int | None = None
    """The decoder layer, from 0, whose first head of cross-attention word links guide, see
    `train.guide_weight`; null: the last but one, or the only one."""
    output_bias: bool = False
    """A number added to the logit of each piece, as imported models have it."""
    max_len: int = 512
    """Longest sentence in tokens, the end mark included; at least 8. Longer training pairs are
    removed, longer sentences are translated in pieces."""

    def __post_init__(self) -> None:
        for key in ("d_model", "n_heads", "d_ff", "n_encoder_layers", "n_decoder_layers"):
            check(f"model.{key}", getattr(self, key), getattr(self, key) >= 1, "at least 1")
        check("model.dropout", self.dropout, 0 <= self.dropout < 1, "from 0 to below 1")
        check("model.max_len", self.max_len, 8 <= self.max_len <= 65536, "from 8 to 65536")
        if self.d_model % self.n_heads:
            step = self.n_heads if self.n_heads % 2 == 0 else 2 * self.n_heads  # it is even, too
            near = max(1, round(self.d_model / step)) * step
            raise UserError(
                f"model.d_model={self.d_model} is not divisible by model.n_heads={self.n_heads}; "
                f"try {near}."
            )
        layer, n_layers = self.guide_layer, self.n_decoder_layers
        rule = f"from 0 to below model.n_decoder_layers={n_layers}, or null"
        check("model.guide_layer", layer, layer is None or 0 <= layer < n_layers, rule)
        is_even, rule = self.d_model % 2 == 0, "even (positions are sine and cosine pairs)"
        check("model.d_model", self.d_model, is_even, rule)

    @property
    def guided_layer(self) -> int:
        """The layer that `guide_layer` means."""
        return max(0, self.n_decoder_layers - 2) if self.guide_layer is None else self.guide_layer


@dataclass
class TrainConfig:
    """Updates, their limits, and what is measured and saved on the way."""

    max_steps: int | None = None
    """Limit in updates; null: none. The first limit reached ends the run."""
    max_epochs: int | None = 30
    """Limit in passes over the training split; null: none."""
    max_minutes: float | None = None
    """Limit in minutes of training and validation, summed over resumed runs; null: none."""
    token_budget: int = 4096
    """Rows times the longer of the padded source and the padded target, per update, over all
    processes; at least 1."""
    accumulate: int = 1
    """Micro-batches that an update is split into: the same update with less memory; at least 1."""
    lr: float = 1e-3
    """Peak learning rate of Adam; above 0."""
    schedule: Schedule = Schedule.cosine
    """After the warm-up: proportional to 1/sqrt(step) (the paper), or a half cosine of progress
    down to 0."""
    warmup_steps: int = 400
    """Updates over which the learning rate rises linearly; at least 1."""
    label_smoothing: float = 0.1
    """Probability mass spread evenly over the vocabulary; from 0 to below 1."""
    guide_weight: float = 0.5
    """Weight of a second loss, by which a head of cross-attention learns the word links of training
    pairs (Garg et al. 2019), where `data.links_column` gives any; 0 = off; at most 100."""
    guide_possible: float = 0.5
    """Weight of a token's possible links beside 1 of its sure ones; from 0, which leaves them out,
    to 1. One half suits an aligner's links, where those are sure that both directions found."""
    guide_doubt: float = 0.0
    """How far links are doubted, from 0 to 1: with 0.1 none pulls more than ten times its weight. A
    head that sees the same pairs often then does not learn an aligner's errors by heart, but it
    learns more slowly."""
    guide_step: GuideStep = GuideStep.consume
    """When that head looks at the counterpart of a target token: at the step that has the token as
    its input (consume), or at the one before, which predicts it (emit)."""
    clip_norm: float = 1.0
    """Gradients are scaled down to this norm; 0 = off."""
    average: int = 4
    """Checkpoints at validations whose weights are averaged at the end, if that scores better; 1 =
    off."""
    patience: int = 0
    """Validations without a better BLEU after which the run ends; 0 = off."""
    validate_every: int = 500
    """Updates between validations; at least 1."""
    checkpoint_every: int = 500
    """Updates between checkpoints; at least 1. Validations and the end are checkpoints too."""
    log_every: int = 50
    """Updates between logged training losses; at least 1."""
    samples: int = 3
    """Validation sentences whose translations are shown at each validation; at least 0."""
    log_aer: bool = True
    """Measure the alignment error rate at each validation, where the corpus has gold links."""
    precision: Precision = Precision.auto
    """auto: bf16 on GPUs that have it, else fp32."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1 or mps; auto takes a GPU where there is one."""
    workers: int | None = None
    """Threads that share the rows of an update on a CPU, with operators of one thread each; null:
    one for each core that the process may use; 1: torch's own threads inside the operators. With
    torchrun or `compile` there is one."""
    compile: bool = False
    """Compile the model with torch.compile: slower to start, faster on GPUs."""
    seed: int = 1
    """Chance in initialisation, dropout, data order and subword sampling; from 0 to 2^63 - 1."""

    def __post_init__(self) -> None:
        for key in ("max_steps", "max_epochs", "max_minutes"):
            value = getattr(self, key)
            holds = value is None or value > 0
            check(f"train.{key}", value, holds, "above 0, or null for no limit")
        if self.max_steps is None and self.max_epochs is None and self.max_minutes is None:
            raise UserError(
                "no limit is set: give train.max_steps, train.max_epochs or train.max_minutes."
            )
        counts = ("token_budget", "accumulate", "warmup_steps", "average")
        intervals = ("validate_every", "checkpoint_every", "log_every")
        for key in (*counts, *intervals):
            check(f"train.{key}", getattr(self, key), getattr(self, key) >= 1, "at least 1")
        is_number = self.workers is None or self.workers >= 1
        check("train.workers", self.workers, is_number, "at least 1, or null for one per core")
        for key in ("clip_norm", "patience", "samples"):
            check(f"train.{key}", getattr(self, key), getattr(self, key) >= 0, "at least 0")
        # Steps and ranks are added to it, and torch takes 64 bits.
        check("train.seed", self.seed, 0 <= self.seed < 2**63, f"from 0 to {2**63 - 1}")
        check("train.lr", self.lr, 0 < self.lr < 1, "above 0 and below 1")
        smoothing = self.label_smoothing
        check("train.label_smoothing", smoothing, 0 <= smoothing < 1, "from 0 to below 1")
        weight = self.guide_weight
        check("train.guide_weight", weight, 0 <= weight <= 100, "from 0 (off) to 100")
        possible = self.guide_possible
        check("train.guide_possible", possible, 0 <= possible <= 1, "from 0 to 1")
        doubt = self.guide_doubt
        check("train.guide_doubt", doubt, 0 <= doubt <= 1, "from 0 to 1")


@dataclass
class DecodeConfig:
    """How to search for a translation, and how much to give."""

    beam_size: int = 4
    """Hypotheses kept per sentence; 1 = greedy; at most 1000."""
    length_penalty: float = 1.0
    """Exponent A of the GNMT length penalty ((5 + length) / 6)^A that a score is divided by; 0 =
    off, at most 10."""
    n_best: int = 1
    """Translations given for each sentence; from 1 to `beam_size`."""
    split_sentences: SplitSentences = SplitSentences.auto
    """Translate the sentences of a line one by one and join them. auto: if fewer than one in twenty
    training sources held several, so that the model did not learn to translate such lines."""
    batch_tokens: int = 2048
    """Padded source tokens that are translated together; at least 1."""

    def __post_init__(self) -> None:
        beam_size, penalty = self.beam_size, self.length_penalty
        check("decode.beam_size", beam_size, 1 <= beam_size <= 1000, "from 1 to 1000")
        check("decode.length_penalty", penalty, 0 <= penalty <= 10, "from 0 to 10")
        fits = 1 <= self.n_best <= beam_size
        check("decode.n_best", self.n_best, fits, f"from 1 to the beam size, {beam_size}")
        check("decode.batch_tokens", self.batch_tokens, self.batch_tokens >= 1, "at least 1")


@dataclass
class Config:
    """All options of a run."""

    run_dir: str = "runs/${data.name}-${direction}-${model.name}"
    """Everything that a run writes."""
    resume: bool = True
    """Go on with what is in `run_dir`; false starts over and moves the old run aside."""
    init_from: str | None = None
    """A run whose weights and vocabularies this one begins with, as in fine-tuning on other text;
    null: begin with random weights. Options of `model` and `tokenizer` that are not given are that
    run's, and those given must agree with it, but for model.dropout, model.guide_layer and
    tokenizer.sampling_alpha."""
    direction: str = "en-zh"
    """Source and target, two of `data.languages`."""
    data: DataConfig = field(default_factory=DataConfig)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    decode: DecodeConfig = field(default_factory=DecodeConfig)

    def __post_init__(self) -> None:
        first, second = self.data.languages
        if self.direction not in (f"{first}-{second}", f"{second}-{first}"):
            raise UserError(
                f"direction={self.direction} does not fit data.languages=[{first},{second}]; "
                f"use {first}-{second} or {second}-{first}."
            )

    @property
    def src_language(self) -> str:
        first, second = self.data.languages
        return first if self.direction == f"{first}-{second}" else second

    @property
    def tgt_language(self) -> str:
        first, second = self.data.languages
        return second if self.direction == f"{first}-{second}" else first


def explanations(section: Any, prefix: str = "") -> dict[str, str]:
    """The text below each field of a configuration or a section of it: `{"train.lr": "Peak …"}`.

    A section has the text below its class, as in `{"train": "Updates, …"}`.
    """
    (source,) = ast.parse(inspect.getsource(type(section))).body
    assert isinstance(source, ast.ClassDef)
    texts = {}
    for statement, below in zip(source.body, source.body[1:], strict=False):
        match statement, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(str(text))):
                texts[name] = " ".join(text.split())
    explained: dict[str, str] = {}
    for each in fields(section):
        value = getattr(section, each.name)
        if is_dataclass(value):
            explained[prefix + each.name] = " ".join((type(value).__doc__ or "").split())
            explained |= explanations(value, f"{prefix}{each.name}.")
        else:
            explained[prefix + each.name] = texts[each.name]
    return explained


_HERE = Path(__file__).parent


def package_dir(name: str, in_checkout: str) -> Path:
    """A folder that the wheel carries as `transformer_mt/NAME` and a checkout keeps elsewhere."""
    packaged = _HERE / name
    return packaged if packaged.is_dir() else _HERE.parent / in_checkout


CONF_DIR = package_dir("conf", "conf")
STARTER_DIR = package_dir("starter", "data/starter")
