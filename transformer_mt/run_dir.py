"""What is a trained model on disk? A directory with its configuration, vocabularies and weights.

Every file is written whole or not at all, and nothing is pickled.
"""

import json
import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.overrides import TorchFunctionMode

from transformer_mt.config import Config, ModelConfig, UserError
from transformer_mt.config_file import WEIGHTS, config_of_model
from transformer_mt.files import read_text, talk, write_atomically, write_text
from transformer_mt.model import Transformer
from transformer_mt.noise import quiet
from transformer_mt.text import converter
from transformer_mt.tokenizer import Tokenizer, load_tokenizers


class DamagedError(UserError):
    """A file is truncated or otherwise not what was written."""


FORMAT = 1
"""Version of the run directory; a newer one is refused."""
MOST_WORDS = 50_000
"""Words of the training sources that a run keeps at most."""


def checksum(tensors: dict[str, Tensor]) -> int:
    """CRC-32 of the bytes of all tensors, in the order of their names."""
    value = 0
    for name in sorted(tensors):
        value = zlib.crc32(tensors[name].reshape(-1).view(torch.uint8).numpy().data, value)
    return value


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> None:
    """Write tensors and JSON metadata into one safetensors file."""
    # The format takes no views, and what is read on another machine must not name a GPU.
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    header = {
        "format": str(FORMAT),
        "transformer_mt": json.dumps(metadata),
        "crc32": str(checksum(plain)),
    }
    try:
        write_atomically(path, lambda temporary: save_file(plain, temporary, header))
    except SafetensorError as error:  # a full disk, for one
        raise OSError(0, str(error), str(path)) from None


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the tensors and the metadata that `save_tensors` wrote.

    Raises:
        DamagedError: the file is missing, truncated, or otherwise not what was written.
        UserError: it is of another program, or of a newer format.
    """
    if not path.is_file():
        raise DamagedError(f"{path}: no such file.")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            if not header.get("format", "").isdigit() or "transformer_mt" not in header:
                raise UserError(f"{path}: not written by transformer_mt.")
            if int(header["format"]) > FORMAT:
                raise UserError(
                    f"{path}: format {header['format']}, but this version reads up to {FORMAT}; "
                    f"upgrade transformer_mt."
                )
            metadata = json.loads(header["transformer_mt"])
            if not isinstance(metadata, dict):
                raise UserError(f"{path}: not written by transformer_mt.")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            # Bits that changed on the disk leave the format intact. Old files have no checksum.
            if header.get("crc32", "") not in ("", str(checksum(tensors))):
                raise ValueError("its checksum is another")
            return tensors, metadata
    except UserError:
        raise
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise DamagedError(f"{path}: truncated or damaged ({error}).") from None


def weights_of(model: Transformer) -> dict[str, Tensor]:
    """The model's tensors, a shared one under its first name only."""
    return dict(model.named_parameters())


def put_weights(model: Transformer, tensors: dict[str, Tensor], where: Path) -> None:
    """Copy `tensors` into the model.

    Raises:
        UserError: they have other names or shapes than the model's own, or are no floats.
    """
    own = weights_of(model)
    floats = (torch.float64, torch.float32, torch.float16, torch.bfloat16)  # not those of 8 bits
    wrong = sorted(own.keys() ^ tensors.keys())
    if not wrong:
        wrong = [
            name
            for name, tensor in tensors.items()
            if tensor.shape != own[name].shape or tensor.dtype not in floats
        ]
    if wrong:
        raise UserError(
            f"{where}: tensor {wrong[0]} does not fit the model that config.yaml describes."
        )
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(tensors[name])


def average(weights: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each tensor."""
    return {name: torch.stack([w[name] for w in weights]).mean(0) for name in weights[0]}


# ------------------------------------------------------------------------------------ a trained run


def save_tokenizers(run_dir: Path, src: Tokenizer, tgt: Tokenizer) -> None:
    """`spm.model` where both sides share one vocabulary, else one file for each."""
    named = {"spm.model": src} if src is tgt else {"src.spm.model": src, "tgt.spm.model": tgt}
    for name, tokenizer in named.items():
        write_atomically(run_dir / name, partial(Path.write_bytes, data=tokenizer.model))


def save_words(run_dir: Path, known: Iterable[str]) -> None:
    """Write `words.txt`, the words of the training sources, one a line."""
    write_text(run_dir / "words.txt", "".join(f"{word}\n" for word in known))


def load_words(run_dir: Path) -> list[str] | None:
    """The words of the training sources; None where the run does not say."""
    path = run_dir / "words.txt"
    return read_text(path) if path.is_file() else None


def build_model(config: Config, src: Tokenizer, tgt: Tokenizer) -> Transformer:
    joint = config.tokenizer.joint
    return Transformer(config.model, len(src), len(tgt), src.pad_id, joint)


class _Uninitialised(TorchFunctionMode):
    """Leaves modules that are made inside without initial values, because weights are about to be
    read into them, and memory that nobody writes to is not taken.

    Tensors on the device `meta` would do the same, but import torch's compiler, which takes as long
    as importing torch itself.
    """

    INITIALISERS = ("normal_", "uniform_", "kaiming_uniform_", "fill_", "zero_")

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if getattr(function, "__name__", "") in self.INITIALISERS:
            return args[0] if args else kwargs["tensor"]
        return function(*args, **(kwargs or {}))


def empty_model(config: Config, src: Tokenizer, tgt: Tokenizer, where: Path) -> Transformer:
    """A model whose weights are about to be read; `where` it is described, for errors."""
    try:
        with _Uninitialised():
            return build_model(config, src, tgt)
    except (RuntimeError, TypeError, OverflowError):  # from 64 bits on
        raise UserError(f"{where}: describes a model that is larger than memory.") from None


@dataclass
class LoadedRun:
    """A trained model in memory, with everything that was kept beside it."""

    path: Path
    config: Config
    src_tokenizer: Tokenizer
    tgt_tokenizer: Tokenizer
    """The same object as `src_tokenizer` where both languages share a vocabulary."""
    model: Transformer
    """On the CPU, for inference."""
    metadata: dict[str, Any]
    """Says after which `steps` the weights were taken."""

    @cached_property
    def convert_src(self) -> Callable[[str], str]:
        """Do to a source what training did to its characters."""
        return self._converter(self.config.src_language)

    @cached_property
    def convert_tgt(self) -> Callable[[str], str]:
        """Do to a target what training did to its characters."""
        return self._converter(self.config.tgt_language)

    def as_read(self, text: str) -> str:
        """A converted source with the letters that the model reads, as many as it has.

        They are small where all are capitals, which models seldom know, and where training saw
        sources in small letters. Whoever shows the source shows it as it was written.
        """
        return quiet(text) if self.config.data.source_noise > 0 else text

    def encode_src(self, texts: Iterable[str]) -> list[list[int]]:
        """Ids of converted sources, eos last."""
        return self.src_tokenizer.encode(list(map(self.as_read, texts)))

    def _converter(self, language: str) -> Callable[[str], str]:
        try:
            return converter(language, self.config.data.chinese_script)
        except UserError as error:
            # Text in the other script is translated worse, but it is translated.
            talk(f"warning: the model knows simplified characters only; {error}")
            return str


def load_run(run_dir: Path) -> LoadedRun:
    """Read a run directory.

    Raises:
        UserError: there is no trained model, or part of it is damaged or of a newer format.
    """
    config, weights = config_of_model(run_dir), run_dir / WEIGHTS
    src, tgt = load_tokenizers(run_dir, config.tokenizer)
    if config.tokenizer.joint and len(src) != len(tgt):
        raise UserError(
            f"{run_dir}: config.yaml says tokenizer.joint=true, but its vocabularies have "
            f"{len(src)} and {len(tgt)} ids."
        )
    tensors, metadata = load_tensors(weights)
    steps = metadata.get("steps")
    if not isinstance(steps, list) or not steps or not all(type(step) is int for step in steps):
        raise UserError(
            f"{weights}: does not say after which steps; not written by transformer_mt."
        )
    check_size(config.model, tensors, len(tgt), weights)
    model = empty_model(config, src, tgt, run_dir / "config.yaml")
    put_weights(model, tensors, weights)
    if not all(parameter.isfinite().all() for parameter in model.parameters()):
        raise UserError(f"{weights}: holds numbers that are not finite.")
    # Absolute, because the program may change its working directory later.
    return LoadedRun(run_dir.absolute(), config, src, tgt, model.eval(), metadata)


def check_size(
    model: ModelConfig, tensors: dict[str, Tensor], n_tgt_vocab: int, where: Path
) -> None:
    """Raise UserError unless a model as described has about the size of `tensors`.

    It comes before the model is built, because what config.yaml describes may be larger than the
    file, and than memory.
    """
    n_layers = model.n_encoder_layers + model.n_decoder_layers
    embedding = tensors.get("tgt_embedding.weight", torch.empty(0))
    expected = (n_tgt_vocab, model.d_model)
    if n_layers > len(tensors) or embedding.shape != expected:
        raise UserError(
            f"{where}: does not fit the model that config.yaml describes: {len(tensors)} tensors "
            f"for {n_layers} layers, and an embedding of {tuple(embedding.shape)} instead of "
            f"{expected}."
        )


# -------------------------------------------------------------------------------------- checkpoints


def checkpoint_steps(run_dir: Path, kind: str) -> list[int]:
    """Steps of the files `checkpoints/KIND-STEP.safetensors`, oldest first.

    Args:
        kind: `state` for what resuming needs, `weights` for what the average is made of.
    """
    names = (
        re.fullmatch(rf"{kind}-(\d+)\.safetensors", path.name)
        for path in (run_dir / "checkpoints").glob("*")
    )
    return sorted(int(match[1]) for match in names if match)


def checkpoint_path(run_dir: Path, kind: str, step: int) -> Path:
    return run_dir / "checkpoints" / f"{kind}-{step:08d}.safetensors"


def prune_checkpoints(run_dir: Path, kind: str, step: int, keep: int) -> None:
    """Delete all but the newest `keep` up to the one of `step`, which is safe by now.

    Later ones are left over from before a damaged checkpoint was given up; they go, too.
    """
    steps = checkpoint_steps(run_dir, kind)
    newest = [s for s in steps if s <= step][-keep:]
    for old in set(steps) - set(newest):
        checkpoint_path(run_dir, kind, old).unlink()


def save_checkpoint(
    path: Path,
    model: Transformer,
    optimizer: torch.optim.Optimizer,
    random: list[dict[str, Tensor]],
    metadata: dict[str, Any],
) -> None:
    """Write everything that a run needs to go on to the bit.

    Args:
        random: the random state of each process, by device.
        metadata: holds `state` and `corpus` at least.
    """
    tensors = {f"model.{name}": value for name, value in weights_of(model).items()}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state[parameter].items():
            tensors[f"optimizer.{key}.{name}"] = value
    for number, states in enumerate(random):
        tensors |= {f"rng.{device}.{number}": state for device, state in states.items()}
    save_tensors(path, tensors, metadata)


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and metadata of a checkpoint; raises DamagedError when it is not what was written."""
    tensors, metadata = load_tensors(path)
    if not {"corpus", "state"} <= metadata.keys():
        raise DamagedError(f"{path}: not a checkpoint to resume from.")
    return tensors, metadata


def restore_checkpoint(
    tensors: dict[str, Tensor], model: Transformer, optimizer: torch.optim.Optimizer, where: Path
) -> dict[str, Tensor]:
    """Put a checkpoint's weights into `model` and its moments into `optimizer`.

    Returns:
        The random states by device and process, such as `cpu.0`.
    """
    put_weights(model, with_prefix(tensors, "model."), where)
    for name, parameter in model.named_parameters():
        if f"optimizer.step.{name}" in tensors:
            optimizer.state[parameter] = {
                key: tensors[f"optimizer.{key}.{name}"].to(parameter.device)
                for key in ("step", "exp_avg", "exp_avg_sq")
            }
    return with_prefix(tensors, "rng.")


def with_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin so, without the prefix."""
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
