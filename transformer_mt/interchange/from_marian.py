"""A MarianMT directory becomes a run: exactly the same model and the same ids, or an error.

`marian.py` has the names of the tensors. What is not understood is refused by its name.
"""

import math
import pickle
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from transformer_mt.alignment import Reason, Rule, reading, unmeasured_rule_to_json
from transformer_mt.config import (
    Activation,
    ChineseScript,
    Config,
    DataConfig,
    DecodeConfig,
    GuideStep,
    ModelConfig,
    Norm,
    TokenizerConfig,
    UserError,
)
from transformer_mt.config_file import WEIGHTS, save_config
from transformer_mt.fast import NEVER
from transformer_mt.files import talk, write_atomically, write_text
from transformer_mt.guide import guided_rule
from transformer_mt.interchange.marian import (
    OUTPUT,
    OUTPUT_BIAS,
    POSITIONS,
    SHARED,
    SRC_EMBEDDING,
    TGT_EMBEDDING,
    USUAL_LENGTH,
    key_biases,
    layer_name,
    ours_from_theirs,
    reordered,
    theirs_from_ours,
)
from transformer_mt.interchange.vocabularies import (
    Values,
    known_ids,
    language_mark,
    read_vocabularies,
)
from transformer_mt.model import positional_encoding
from transformer_mt.run_dir import empty_model, save_tensors, save_tokenizers, weights_of
from transformer_mt.text import language_of
from transformer_mt.tokenizer import Tokenizer

FILES = ("config.json", "vocab.json", "source.spm", "target.spm")
"""What every MarianMT directory has beside its weights."""
OTHER_FILES = (
    "generation_config.json",
    "tokenizer_config.json",
    "target_vocab.json",
    "README.md",
    "alignment.json",
)
SAFETENSORS, PICKLE = "model.safetensors", "pytorch_model.bin"

ACTIVATIONS = {
    "relu": Activation.relu,
    "gelu": Activation.gelu,
    "swish": Activation.swish,
    "silu": Activation.swish,
}
FLOATS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)

MODEL_TYPE = re.compile(r"(?im)^\W*model(?: type)?\W*:[^\n]*?\b(transformer(?:-\w+)*)\b")
"""What a card of opus-mt calls its recipe: `transformer-align` and others with -align gave Marian
the word links of the training pairs (--guided-alignment); `transformer-big` did not."""


def write_run(
    folder: Path,
    work: Path,
    run_dir: Path,
    name: str,
    direction: str | None = None,
    target_language: str | None = None,
) -> None:
    """Read a MarianMT directory and fill `work` with a run.

    Args:
        run_dir: where the run will be.
        name: of the model, which the run remembers.
        direction: such as en-zh; None = as the directory says.
        target_language: such as cmn_Hans, where the model translates into several.
    Raises:
        UserError: a file is missing or damaged, or says something that our model cannot be.
    """
    missing = [file for file in FILES if not (folder / file).is_file()]
    if missing:
        raise UserError(f"{folder}: no {missing[0]} here; it is not a whole MarianMT directory.")
    values = Values(folder / "config.json")
    tokenizer_values = Values(folder / "tokenizer_config.json")
    vocabularies = read_vocabularies(folder, values, tokenizer_values)
    code = language_mark(vocabularies, target_language)
    src, tgt = vocabularies.tokenizers(code)
    config = Config(
        run_dir=str(run_dir),
        **languages(folder, tokenizer_values, direction, target_language),
        tokenizer=TokenizerConfig(
            src_prefix=code, n_src_ids=known_ids(src), n_tgt_ids=known_ids(tgt)
        ),
        model=model_config(values, name),
        decode=decode_config(folder, values),
    )
    state = State(folder)
    bias = read_bias(state, values, tgt)
    config.model.output_bias = bias is not None
    embeddings = read_embeddings(state, values, config, len(src), len(tgt))

    n_layers = config.model.n_encoder_layers + config.model.n_decoder_layers
    if n_layers > len(state.tensors):
        raise UserError(f"{state.path}: too few tensors for the {n_layers} layers of config.json.")
    steps, guided = put_noted(config, values)
    reason = None if "transformer_mt" in values.values else reason_of_card(folder / "README.md")
    if reason is not None and reason.taught:
        guided = True
        config.model.guide_layer = config.model.n_decoder_layers - 1
        config.train.guide_step = GuideStep.emit
    tensors = {}
    order = ours_from_theirs(config.model.d_model)
    for ours, parameter in weights_of(empty_model(config, src, tgt, values.path)).items():
        if ours == "output.bias" and bias is not None:
            tensors[ours] = bias
        elif ours in embeddings:
            tensors[ours] = reordered(ours, embeddings[ours], order)
        else:
            tensor = state.take(layer_name(ours), tuple(parameter.shape))
            tensors[ours] = reordered(ours, tensor, order)
    state.check_rest(config.model)

    save_config(work, config)
    save_tokenizers(work, src, tgt)
    metadata = {
        "steps": steps,
        "guided": guided,
        "source": {"name": name, "license": licence_of(folder / "README.md")},
    }
    save_tensors(work / WEIGHTS, tensors, metadata)
    rule = folder / "alignment.json"
    if rule.is_file():
        write_atomically(work / rule.name, lambda path: path.write_bytes(rule.read_bytes()))
    elif reason is not None:
        theirs = marian_rule(config.model)
        write_text(work / rule.name, unmeasured_rule_to_json(theirs, reason, steps))
        talk(f"{reading(theirs, reason)}; align --gold --save measures them")


# ------------------------------------------------------------------------------------ settings


def model_config(values: Values, name: str) -> ModelConfig:
    """Their sizes as ours; the output bias is found later.

    The defaults are those of MarianConfig, for keys that a file leaves out.

    Raises:
        UserError: a value that our model cannot have.
    """
    path = values.path
    model_type = values.take("model_type", str, "none")
    if model_type != "marian":
        raise UserError(f"{path}: model_type={model_type} is not marian.")
    for key in ("normalize_before", "normalize_embedding", "add_final_layer_norm"):
        if values.take(key, bool, False):
            raise UserError(f"{path}: {key}=true is not what MarianMT computes.")
    for key, default in (("attention_heads", 16), ("ffn_dim", 4096)):
        encoder, decoder = (
            values.take(f"{side}_{key}", int, default) for side in ("encoder", "decoder")
        )
        if encoder != decoder:
            raise UserError(
                f"{path}: encoder_{key}={encoder} and decoder_{key}={decoder} differ, but a run "
                "has one for both."
            )
    activation = values.take("activation_function", str, "gelu")
    if activation not in ACTIVATIONS:
        names = ", ".join(ACTIVATIONS)
        raise UserError(f"{path}: activation_function={activation} is not one of {names}.")
    tied = values.take("tie_word_embeddings", bool, True)
    scaled = values.take("scale_embedding", bool, False)
    try:
        return ModelConfig(
            name=name.rpartition("/")[2],
            d_model=values.take("d_model", int, 1024),
            n_heads=values.take("encoder_attention_heads", int, 16),
            d_ff=values.take("encoder_ffn_dim", int, 4096),
            n_encoder_layers=values.take("encoder_layers", int, 12),
            n_decoder_layers=values.take("decoder_layers", int, 12),
            dropout=float(values.take("dropout", float | int, 0.1)),
            norm=Norm.post,
            activation=ACTIVATIONS[activation],
            tie_embeddings=tied and scaled,
            max_len=values.take("max_position_embeddings", int, 1024),
        )
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def decode_config(folder: Path, values: Values) -> DecodeConfig:
    """How their `generate` searches, as near as ours comes to it.

    They divide by n^b and we by ((5 + n) / 6)^a. Near the length n the slopes of both agree for
    a = b (n + 5) / n.
    """
    path = folder / "generation_config.json"
    generation = Values(path) if path.is_file() else values
    if generation.take("forced_bos_token_id", int, None) is not None:
        raise UserError(f"{generation.path}: forced_bos_token_id is not what MarianMT has.")
    beam_size = generation.take("num_beams", int, DecodeConfig.beam_size)
    b = generation.take("length_penalty", float | int, 1.0)
    a = round(b * (USUAL_LENGTH + 5) / USUAL_LENGTH, 2)
    try:
        return DecodeConfig(beam_size=beam_size, length_penalty=min(max(a, 0.0), 10.0))
    except UserError as error:
        raise UserError(f"{generation.path}: {error}") from None


def put_noted(config: Config, values: Values) -> tuple[list[int], bool]:
    """Put into `config` what the toolkit's own export has noted beside their values.

    Returns:
        After which steps the weights were taken, 0 is no step of ours; whether we guided a head.
    """
    noted = values.take("transformer_mt", dict, {})
    try:
        config.data.chinese_script = ChineseScript(noted.get("chinese_script", "as_is"))
        penalty = noted.get("length_penalty", config.decode.length_penalty)
        config.decode = replace(config.decode, length_penalty=float(penalty))
        if guide := noted.get("guide"):
            config.model = replace(config.model, guide_layer=guide["layer"])
            config.train.guide_step = GuideStep(guide["step"])
        return [int(step) for step in noted.get("steps", [0])], bool(guide)
    except (ValueError, TypeError, KeyError):
        raise UserError(f"{values.path}: transformer_mt={noted!r:.60} is damaged.") from None


def languages(
    folder: Path, tokenizer_values: Values, direction: str | None, target_language: str | None
) -> dict[str, Any]:
    """`direction` and `data` of the run.

    Raises:
        UserError: the languages are not given and not known, or are no two languages.
    """
    if direction is None:
        codes = [tokenizer_values.take(f"{side}_lang", str, "") for side in ("source", "target")]
        codes[1] = target_language or codes[1]
        if not all(codes):
            raise UserError(
                f"{folder}: does not say which languages it translates; give --direction, such as "
                "en-zh."
            )
        codes = list(map(language_of, codes))
    else:
        codes = direction.split("-")
    if len(codes) != 2 or not all(re.fullmatch(r"\w+", code) for code in codes):
        raise UserError(f"{'-'.join(codes)} is no direction; give --direction, such as en-zh.")
    if codes[0] == codes[1]:
        raise UserError(
            f"{folder}: both languages are {codes[0]}; give --direction, such as en-zh."
        )
    data = DataConfig(name="marian", languages=codes)
    return {"direction": "-".join(codes), "data": data}


def reason_of_card(card: Path) -> Reason | None:
    """Why word links are read from the head that Marian guides, by a model's README.md; None where
    it names a recipe without word links.
    """
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    recipe = MODEL_TYPE.search(text)
    if recipe is None:
        return Reason("as_opus_mt")
    return Reason("as_trained", taught=True) if recipe[1].lower().endswith("-align") else None


def marian_rule(model: ModelConfig) -> Rule:
    """How links are read from the head that Marian guides: the first of the last layer, at the step
    that emits the token (its default, --transformer-guided-alignment-layer last).

    Eos may not win. Marian's loss has no term for a target token without links, so that weight on
    eos does not say that there is no counterpart: a head may rest there for want of a better place.
    """
    rule = guided_rule(model.n_decoder_layers - 1, GuideStep.emit)
    return replace(rule, mask_eos=True)


def licence_of(card: Path) -> str | None:
    """The licence that a model's README.md names; None where it names none."""
    if not card.is_file():
        return None
    head = re.match(r"---\s*\n(.*?)\n---", card.read_text(encoding="utf-8", errors="replace"), re.S)
    try:
        values = yaml.safe_load(head[1]) if head else {}
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    licence = values.get("license") if isinstance(values, dict) else None
    return licence if isinstance(licence, str) else None


# ----------------------------------------------------------------------------------- weights


class State:
    """The tensors of a MarianMT directory, checked and removed as they are taken."""

    def __init__(self, folder: Path) -> None:
        """Read `model.safetensors`, else `pytorch_model.bin`, which may hold nothing but tensors.

        Raises:
            UserError: there is neither, it is damaged, or it runs code.
        """
        self.path = folder / SAFETENSORS
        if self.path.is_file():
            try:
                self.tensors: dict[str, Tensor] = load_file(self.path)
            except (SafetensorError, OSError, ValueError) as error:
                raise UserError(f"{self.path}: truncated or damaged ({error}).") from None
        else:
            self.path = folder / PICKLE
            if not self.path.is_file():
                raise UserError(f"{folder}: no {SAFETENSORS} and no {PICKLE} here.")
            self.tensors = read_pickle(self.path)

    def take(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """The tensor `name` in float32; raises UserError where it is missing or another."""
        if name not in self.tensors:
            raise UserError(f"{self.path}: tensor {name} is missing.")
        tensor = self.tensors.pop(name)
        if tuple(tensor.shape) != shape:
            raise UserError(
                f"{self.path}: tensor {name} is of {tuple(tensor.shape)} instead of {shape}."
            )
        if tensor.dtype not in FLOATS:
            raise UserError(f"{self.path}: tensor {name} is of type {tensor.dtype}.")
        if not tensor.isfinite().all():
            raise UserError(f"{self.path}: tensor {name} holds numbers that are not finite.")
        return tensor.to(torch.float32)

    def take_first(self, names: tuple[str, ...], shape: tuple[int, ...]) -> Tensor:
        """One tensor that may be there under several names: the first counts.

        The others are copies. If not, that is told: in some models `lm_head.weight` was never
        trained (transformers issue 26216).
        """
        present = [name for name in names if name in self.tensors] or [names[0]]
        first = self.take(present[0], shape)
        for name in present[1:]:
            if not torch.equal(self.take(name, shape), first):
                talk(f"{self.path}: {name} differs from {present[0]} and is not used.")
        return first

    def check_rest(self, model: ModelConfig) -> None:
        """Raise UserError for tensors that have no place in the run."""
        for name in POSITIONS:
            if name in self.tensors:
                self.check_positions(name, model.d_model)
        not_needed = key_biases(model.n_encoder_layers, model.n_decoder_layers)
        unknown = sorted(self.tensors.keys() - set(not_needed))
        if unknown:
            raise UserError(f"{self.path}: tensor {unknown[0]} is none of MarianMT's.")

    def check_positions(self, name: str, d_model: int) -> None:
        """Raise UserError unless a stored table of positions is the sines that it should be."""
        tensor = self.tensors[name]
        table = self.take(name, (*tensor.shape[:1], d_model))
        expected = positional_encoding(len(table), d_model)[:, theirs_from_ours(d_model)]
        is_half = tensor.dtype in (torch.float16, torch.bfloat16)
        if (table - expected).abs().max() > (2e-3 if is_half else 1e-3):
            raise UserError(f"{self.path}: {name} holds learned positions instead of sines.")


def read_pickle(path: Path) -> dict[str, Tensor]:
    """The tensors of a pickle, of which nothing else is unpickled.

    Raises:
        UserError: it is damaged, or holds something else.
    """
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise UserError(
            f"{path}: holds more than tensors, which is not read because it could run any program; "
            f"or it is damaged. Look for {SAFETENSORS}."
        ) from None
    except (RuntimeError, OSError, EOFError, ValueError, KeyError, TypeError, IndexError) as error:
        first_line = (str(error).splitlines() or ["it ends early"])[0]
        raise UserError(f"{path}: truncated or damaged ({first_line:.100}).") from None
    if not isinstance(tensors, dict) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in tensors.items()
    ):
        raise UserError(f"{path}: not a mapping of names to tensors.")
    return {name: tensor.detach() for name, tensor in tensors.items()}


def n_rows(values: Values) -> tuple[int, int]:
    """Rows of the tables of source and target, which may be more than the vocabularies have ids."""
    n_src = values.take("vocab_size", int, 58101)
    is_shared = values.take("share_encoder_decoder_embeddings", bool, True)
    return n_src, n_src if is_shared else values.take("decoder_vocab_size", int, n_src)


def read_bias(state: State, values: Values, tgt: Tokenizer) -> Tensor | None:
    """The bias of the output layer, `(V,)`; None where it is 0 for every piece.

    Raises:
        UserError: an id that is no piece could be put out.
    """
    _, n = n_rows(values)
    if n < len(tgt):
        raise UserError(f"{values.path}: {n} rows for a vocabulary of {len(tgt)} ids.")
    bias = state.take(OUTPUT_BIAS, (1, n))[0]
    if (bias[len(tgt) :] > NEVER).any():
        raise UserError(f"{values.path}: {n} rows, but the vocabulary has only {len(tgt)} ids.")
    bias = bias[: len(tgt)].clone()
    # Their padding has a logit, which `generate` masks before the softmax.
    bias[tgt.pad_id] = 0
    if not bias.any():
        return None
    bias[tgt.pad_id] = NEVER
    return bias


def read_embeddings(
    state: State, values: Values, config: Config, n_src: int, n_tgt: int
) -> dict[str, Tensor]:
    """Embeddings and output layer under our names; `config` says afterwards if they are joint.

    They are joint where both sides share ids, table and output layer. Where their embeddings are
    not scaled by sqrt(D), ours are divided by it, and the output layer is not tied to them.
    """
    model = config.model
    d = model.d_model
    is_shared = values.take("share_encoder_decoder_embeddings", bool, True)
    is_tied = values.take("tie_word_embeddings", bool, True)
    n_src_rows, n_tgt_rows = n_rows(values)
    if n_src_rows < n_src:
        raise UserError(f"{values.path}: {n_src_rows} rows for a vocabulary of {n_src} ids.")
    if is_shared and is_tied:
        names = (SHARED, SRC_EMBEDDING, TGT_EMBEDDING, OUTPUT)
        src = tgt = output = state.take_first(names, (n_src_rows, d))
    else:
        # Of a shared table transformers 4 stores one copy, and 5 one for each use.
        shared = state.tensors.pop(SHARED, None) if is_shared else None
        if shared is not None:
            state.tensors = {SRC_EMBEDDING: shared, TGT_EMBEDDING: shared} | state.tensors
        src = state.take(SRC_EMBEDDING, (n_src_rows, d))
        tgt = state.take_first((TGT_EMBEDDING, *((OUTPUT,) if is_tied else ())), (n_tgt_rows, d))
        output = tgt if is_tied else state.take(OUTPUT, (n_tgt_rows, d))
    if not values.take("scale_embedding", bool, False):
        src, tgt = src / math.sqrt(d), tgt / math.sqrt(d)
    config.tokenizer.joint = is_shared and model.tie_embeddings and n_src == n_tgt
    return {
        "src_embedding.weight": src[:n_src],
        "tgt_embedding.weight": tgt[:n_tgt],
        "output.weight": output[:n_tgt],
    }
