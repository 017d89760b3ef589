"""What do the commands share? UTF-8, one-line errors, exit statuses, options."""

import argparse
import os
import re
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NoReturn

from transformer_mt import __version__
from transformer_mt.config import Config, DecodeConfig, ModelConfig, SplitSentences, UserError
from transformer_mt.config_file import config_of_model
from transformer_mt.files import STANDARD, check_readable, read_text, talk, typed_path, watch
from transformer_mt.text import other_language_warning

# --------------------------------------------------------------------------------- around the work


def run(main: Callable[[list[str]], None]) -> NoReturn:
    """Call `main` with the arguments, and exit with a status.

    0: done; a closed pipe counts as done. 1: the run failed, with a traceback for a bug. 2: a
    user's mistake. 130: Ctrl-C. 143: terminated.
    """
    open_streams()
    watch()
    # As an exception, so that a file half written is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    status = 0
    try:
        main(sys.argv[1:])
        # Here, and not as Python ends: a full disk or a closed pipe must set the status.
        sys.stdout.flush()
    except UserError as error:
        # A library says device=cuda:1; on the command line it was a flag.
        message = re.sub(r"^(device|precision|threshold|workers)=", r"--\1=", str(error))
        talk(f"error: {message}")
        status = 2
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:
        forget_stdout()
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        talk(
            "error: out of memory; lower --batch-tokens or --beam-size, "
            "or take a machine with more."
        )
        status = 1
    except OSError as error:
        talk(f"error: {error.filename or 'input or output'}: {error.strerror or error}.")
        status = 1
    sys.exit(status)


def open_streams() -> None:
    """Make both output streams UTF-8; drop what goes to one that the caller has closed."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        getattr(sys, name).reconfigure(encoding="utf-8", errors="backslashreplace")


def forget_stdout() -> None:
    """Drop what is still buffered, because Python would complain of the closed pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def is_out_of_memory(error: Exception) -> bool:
    """Whether `error` says so: Python's, or torch's, which for a CPU is a plain RuntimeError."""
    return isinstance(error, MemoryError) or bool(
        re.search("out of memory|can't allocate memory", str(error))
    )


def warn_of_other_language(lines: Iterable[str], code: str, where: str) -> bool:
    """Say that `lines`, which come from `where`, are in another script than the language's, and
    return whether they are.
    """
    if warning := other_language_warning(lines, code, where):
        talk(f"warning: {warning}")
    return bool(warning)


def warn_of_other_languages(
    sources: Iterable[str], targets: Iterable[str], config: Config, src_name: str, tgt_name: str
) -> None:
    """`warn_of_other_language` for both sides of sentence pairs."""
    warn_of_other_language(sources, config.src_language, src_name)
    warn_of_other_language(targets, config.tgt_language, tgt_name)


def read_aligned(*paths: Path) -> list[list[str]]:
    """The lines of files that belong together line by line.

    Raises:
        UserError: one is missing or not UTF-8, or they differ in their number of lines.
    """
    texts = [read_text(path) for path in paths]
    for path, lines in zip(paths, texts, strict=True):
        if len(lines) != len(texts[0]):
            raise UserError(f"{path}: {len(lines)} lines, but {paths[0]} has {len(texts[0])}.")
    return texts


UNKNOWN = 0.03
"""The share of unknown source tokens above which translations suffer noticeably."""


def warn_of_unknown(share: float, where: str) -> bool:
    """Say that a `share` of the tokens of `where` is unknown to the model, and return whether it
    was worth saying.
    """
    if share > UNKNOWN:
        talk(
            f"warning: {where}: {share:.0%} of the tokens are unknown to the model's vocabulary, "
            "and cannot be translated well."
        )
    return share > UNKNOWN


def warn_of_several(n_lines: int, where: str) -> None:
    """Say that `n_lines` of `where` hold several sentences, where each line is read as one."""
    if n_lines:
        count = "1 line holds" if n_lines == 1 else f"{n_lines} lines hold"
        talk(
            f"warning: {where}: {count} several sentences. The model learnt from single sentences, "
            "but here it reads all of a line at once, so expect worse results; give each sentence "
            "by itself."
        )


# ----------------------------------------------------------------------------------------- options


UNQUOTED = re.compile("unrecognized arguments: [^-]")


class Parser(argparse.ArgumentParser):
    """Raises UserError for a wrong option, instead of printing its usage and leaving."""

    def error(self, message: str) -> NoReturn:
        # Words that an argument without quotes was split into.
        hint = "put a text with spaces in quotes; " if UNQUOTED.match(message) else ""
        raise UserError(f"{message}; {hint}--help shows the options.")


class Moved(argparse.Action):
    """An option of version 0.1.0; its `const` says what has taken its place."""

    def __call__(
        self, parser: argparse.ArgumentParser, _: object, __: object, flag: str | None = None
    ) -> NoReturn:
        parser.error(f"{flag}: {self.const}")


def add_moved(parser: argparse.ArgumentParser, flags: Iterable[str], instead: str) -> None:
    """Refuse `flags` of version 0.1.0, and say what to do `instead`."""
    for flag in flags:
        parser.add_argument(flag, action=Moved, nargs="*", const=instead, help=argparse.SUPPRESS)


def parser(verb: str, description: str, example: str, takes_run: bool = True) -> Parser:
    """A parser for `python -m transformer_mt.VERB RUN`, with an example.

    Args:
        takes_run: whether the first argument is a run alone.
    """
    parser = Parser(
        prog=f"python -m transformer_mt.{verb}",
        description=description,
        epilog=f"example:\n{example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_version(parser)
    if takes_run:
        parser.add_argument(
            "run", metavar="RUN", type=typed_path, help="run directory that training wrote"
        )
    return parser


def add_version(parser: argparse.ArgumentParser) -> None:
    """The option `--version`, which prints it and ends."""
    parser.add_argument("--version", action="version", version=version())


def version() -> str:
    return f"transformer_mt {__version__}"


def check_run(run: Path, args: argparse.Namespace) -> Config:
    """The configuration of a run; raises UserError where it has no model, or where an option does
    not fit it.

    It needs no torch, which takes seconds to import: a mistake is told at once.
    """
    config = config_of_model(run)
    decode_config(args, config.decode)
    if hasattr(args, "layer"):
        check_layer(rule_options(args), config.model)
    return config


def check_input(flag: str, path: Path | None) -> None:
    """Raise UserError unless `path` is there; `-` is standard input."""
    if path is not None:
        check_readable(f"{flag} {path}", path)


def check_one_standard_input(paths: Iterable[Path | None]) -> None:
    """Raise UserError where more than one of the `paths` to read is standard input."""
    if sum(path == STANDARD for path in paths) > 1:
        raise UserError("- is given twice, but standard input can be read only once; name a file.")


def check_output(flag: str, path: Path | None, inputs: Iterable[Path | None] = ()) -> None:
    """Raise UserError unless a file can be made there: a folder is not made for it, and none of
    the `inputs` is lost to it.
    """
    if path is None or path == STANDARD:
        return
    if path.is_dir():
        raise UserError(f"{flag} {path} is a folder; name a file.")
    if not path.parent.is_dir():
        raise UserError(f"{flag} {path}: no such folder.")
    for each in inputs:
        if each is not None and each.is_file() and path.exists() and path.samefile(each):
            raise UserError(f"{flag} {path} is read, too, and would be lost; name another file.")


def add_decoding_options(parser: argparse.ArgumentParser) -> None:
    """The options that say how and where to translate."""
    parser.add_argument(
        "--beam-size",
        type=int,
        metavar="N",
        help="hypotheses kept, 1 = greedy (default: the run's)",
    )
    parser.add_argument(
        "--length-penalty", type=float, metavar="A", help="0 = off (default: the run's)"
    )
    parser.add_argument(
        "--split-sentences",
        choices=[choice.value for choice in SplitSentences],
        help="translate the sentences of a line one by one (default: the run's, which is auto: "
        "if its training text seldom had several in a line)",
    )
    add_batch_options(parser)


def add_batch_options(parser: argparse.ArgumentParser) -> None:
    """The options that say how much passes through the model at once, and where."""
    parser.add_argument(
        "--batch-tokens",
        type=int,
        metavar="N",
        help="padded tokens per batch (default: the run's)",
    )
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="threads that share the sentences on a CPU (default: one for each core)",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps")
    parser.add_argument(
        "--precision", default="auto", choices=["auto", "fp32", "bf16"], help="auto: bf16 on GPUs"
    )


def decode_config(args: argparse.Namespace, defaults: DecodeConfig) -> DecodeConfig:
    """`defaults`, which are a run's, but for the options that were typed.

    Raises:
        UserError: an option is out of range; its flag is named.
    """
    # A command has the flags that make sense for it; those not typed are None.
    names = [field.name for field in fields(DecodeConfig)]
    typed = {name: value for name in names if (value := getattr(args, name, None)) is not None}
    if "beam_size" in typed and "n_best" not in typed:
        # A narrower beam than the run's has no room for as many.
        typed["n_best"] = min(defaults.n_best, max(1, typed["beam_size"]))
    try:
        return replace(defaults, **typed)
    except UserError as error:
        # decode.beam_size=0 is how YAML says it; on the command line it was --beam-size 0.
        message = re.sub(
            r"decode\.(\w+)=", lambda match: f"--{match[1].replace('_', '-')} ", str(error)
        )
        raise UserError(message) from None


def add_rule_options(parser: argparse.ArgumentParser) -> None:
    """The options that say how links are read from attention."""
    parser.add_argument(
        "--layer",
        type=int,
        metavar="N",
        help="read links from this layer, from 0 (default: the run's choice)",
    )
    parser.add_argument(
        "--head",
        type=int,
        metavar="N",
        help="and from this head (default: the mean of the layer's)",
    )
    parser.add_argument(
        "--shift", action=argparse.BooleanOptionalAction, help="at the step that consumes the token"
    )
    parser.add_argument(
        "--both",
        action=argparse.BooleanOptionalAction,
        help="both ways: each target token's source, joined with each source token's target",
    )
    parser.add_argument(
        "--mask-punctuation",
        action=argparse.BooleanOptionalAction,
        help="words are not linked to punctuation marks",
    )
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="P",
        help="link to all weights above P, not to the largest",
    )


def rule_options(args: argparse.Namespace) -> dict[str, Any]:
    """Those of `add_rule_options` that were typed; raises UserError for a head without a layer."""
    names = ("layer", "head", "shift", "both", "mask_punctuation", "threshold")
    typed = {name: value for name in names if (value := getattr(args, name)) is not None}
    if "head" in typed and "layer" not in typed:
        raise UserError("--head needs --layer; --help shows the options.")
    return typed


def check_layer(options: dict[str, Any], model: ModelConfig) -> None:
    """Raise UserError for a `layer` or `head` that the model does not have."""
    for key, n in (("layer", model.n_decoder_layers), ("head", model.n_heads)):
        if key in options and not 0 <= options[key] < n:
            raise UserError(f"--{key} {options[key]}: the model has {key}s 0 to {n - 1}.")
