"""What every command that takes sentences does around its work: UTF-8, one-line errors, exit statuses."""

import argparse
import os
import re
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NoReturn

from transformer_mt.config import UserError
from transformer_mt.files import talk
from transformer_mt.text import other_language_warning


def is_out_of_memory(error: Exception) -> bool:
    """Whether `error` is Python's or torch's way to say so; torch's for a CPU is a plain RuntimeError."""
    return isinstance(error, MemoryError) or bool(
        re.search("out of memory|can't allocate memory", str(error))
    )


def open_streams() -> None:
    """Make both output streams UTF-8; one that the caller closed goes nowhere, since nobody listens."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        getattr(sys, name).reconfigure(encoding="utf-8", errors="backslashreplace")


def run(main: Callable[[list[str]], None]) -> NoReturn:
    """Call `main` with the arguments and exit: 0 done (a closed pipe, too), 2 the user's mistake, 130 Ctrl-C,
    143 terminated, 1 with a traceback for a bug."""
    open_streams()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    status = 0
    try:
        main(sys.argv[1:])
        sys.stdout.flush()
    except UserError as error:
        talk(f"error: {error}")
        status = 2
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # nothing is left to say to a closed pipe
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        talk(
            "error: out of memory; lower --batch-tokens or --beam-size, or take a machine with more."
        )
        status = 1
    except OSError as error:
        talk(f"error: {error.filename or 'input or output'}: {error.strerror or error}.")
        status = 1
    sys.exit(status)


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; --help shows the options.")


def parser(verb: str, description: str, example: str) -> argparse.ArgumentParser:
    """An argument parser with RUN and an example; a wrong option is one line."""
    made = Parser(
        prog=f"python -m transformer_mt.{verb}",
        description=description,
        epilog=f"example:\n{example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("run", metavar="RUN", type=Path, help="run directory that training wrote")
    return made


def add_decoding_options(made: argparse.ArgumentParser) -> None:
    """The options that say how and where to translate; unset ones come from the run."""
    made.add_argument(
        "--beam-size",
        type=int,
        metavar="N",
        help="hypotheses kept, 1 = greedy (default: the run's)",
    )
    made.add_argument(
        "--length-penalty", type=float, metavar="A", help="0 = off (default: the run's)"
    )
    made.add_argument(
        "--batch-tokens", type=int, metavar="N", default=2048, help="padded source tokens per batch"
    )
    made.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps")
    made.add_argument(
        "--precision", default="auto", choices=["auto", "fp32", "bf16"], help="auto: bf16 on GPUs"
    )


def add_link_options(made: argparse.ArgumentParser) -> None:
    """The options that say how links are read from attention."""
    made.add_argument(
        "--agree",
        type=Path,
        metavar="RUN2",
        help="join with the links of a run in the other direction",
    )
    made.add_argument(
        "--mask-punctuation",
        action=argparse.BooleanOptionalAction,
        help="words are not linked to punctuation marks",
    )
    made.add_argument(
        "--threshold",
        type=float,
        metavar="P",
        help="link to all weights above P, not to the largest",
    )


def warn_of_other_language(lines: Iterable[str], code: str, where: str) -> None:
    """Say that `lines`, which come from `where`, are in another script than the language's."""
    if warning := other_language_warning(lines, code, where):
        talk(f"warning: {warning}")
