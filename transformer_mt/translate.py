"""Translate sentences: `python -m transformer_mt.translate RUN "Hello."`, or lines of standard input."""

import argparse
import contextlib
import json
import queue
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from transformer_mt import cli
from transformer_mt.config import UserError
from transformer_mt.files import decode_lines, talk

if TYPE_CHECKING:
    from transformer_mt.translator import Translation, Translator

WINDOW = 1024  # lines that are sorted and batched together
PAUSE = 0.05  # seconds without a new line after which a window is translated as it is

EXAMPLE = """  python -m transformer_mt.translate runs/starter-en-zh-tiny "Good morning." "How are you?"
  python -m transformer_mt.translate runs/starter-en-zh-tiny < english.txt > chinese.txt"""


def options(arguments: list[str]) -> argparse.Namespace:
    parser = cli.parser("translate", "Translate sentences, else lines of standard input.", EXAMPLE)
    parser.add_argument("sentences", metavar="SENTENCE", nargs="*", default=[])
    parser.add_argument(
        "--input", type=Path, metavar="FILE", help="lines of FILE instead of standard input"
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write to FILE instead of standard output"
    )
    parser.add_argument(
        "--n-best",
        type=int,
        default=1,
        metavar="N",
        help="N lines per input: line ||| text ||| score",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object per input line")
    cli.add_decoding_options(parser)
    chosen = parser.parse_intermixed_args(arguments)  # sentences may follow options
    if chosen.sentences and chosen.input:
        parser.error("give sentences or --input, not both")
    return chosen


def read_windows(file: IO[bytes], name: str) -> Iterator[list[str]]:
    """Lines in windows; a window also closes when the input pauses, so that a line typed is a line answered.

    Raises:
        UserError: a line is not UTF-8, after the windows before it.
    """
    lines: queue.Queue[str | None] = queue.Queue(maxsize=2 * WINDOW)
    failed: list[BaseException] = []

    def read() -> None:
        try:
            for line in decode_lines(file, name, "convert the input"):
                lines.put(line)
        except BaseException as error:  # of this thread: the one that translates raises it
            failed.append(error)
        finally:
            lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    ended = False
    while not ended:
        window: list[str] = []
        with contextlib.suppress(queue.Empty):
            while len(window) < WINDOW and not ended:
                # Never without end: a signal just before such a wait, or taken by another thread, would not be heard.
                line = lines.get(timeout=PAUSE if window else 1.0)
                ended = line is None
                window += [] if line is None else [line]
        if window:
            yield window
    if failed:
        raise failed[0]


def prompt() -> Iterator[list[str]]:
    """One line at a time from a terminal; Ctrl-D ends."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  (line editing)
    talk("Type a sentence and press Enter; Ctrl-D ends.")
    while True:
        try:
            if not sys.stdout.isatty():
                print("> ", end="", file=sys.stderr, flush=True)  # stdout is for results
            yield [input("> " if sys.stdout.isatty() else "")]
        except EOFError:
            return
        except UnicodeDecodeError:
            raise UserError("what was typed is not UTF-8; check the terminal's encoding.") from None


def show(translation: "Translation", number: int, chosen: argparse.Namespace, out: IO[str]) -> None:
    """Print one translation in the chosen form; `number` counts input lines from 1."""
    if chosen.json:
        fields: dict[str, Any] = {"line": number, "src": translation.src, "text": translation.text}
        fields["score"] = translation.score
        if chosen.n_best > 1:
            fields["n_best"] = [asdict(candidate) for candidate in translation.candidates]
        print(json.dumps(fields, ensure_ascii=False), file=out)
    elif chosen.n_best > 1:
        for candidate in translation.candidates:
            print(f"{number} ||| {candidate.text} ||| {candidate.score:.4f}", file=out)
    else:
        print(translation.text, file=out)


def translate(
    translator: "Translator", windows: Iterator[list[str]], chosen: argparse.Namespace, out: IO[str]
) -> None:
    """Translate window after window, in order."""
    number = 0
    for window in windows:
        translations = translator.translate(
            window,
            beam_size=chosen.beam_size,
            length_penalty=chosen.length_penalty,
            n_best=chosen.n_best,
            batch_tokens=chosen.batch_tokens,
        )
        for translation in translations:
            number += 1
            if translation.n_pieces > 1:
                talk(
                    f"warning: line {number} is longer than model.max_len={translator.config.model.max_len} tokens: "
                    f"translated in {translation.n_pieces} pieces."
                )
            show(translation, number, chosen, out)
        out.flush()


def main(arguments: list[str]) -> None:
    chosen = options(arguments)
    if chosen.input and (chosen.input.is_dir() or not chosen.input.exists()):
        raise UserError(f"--input {chosen.input}: no such file.")
    if chosen.output and chosen.output.is_dir():
        raise UserError(f"--output {chosen.output} is a folder; name a file.")
    for number, sentence in enumerate(chosen.sentences, start=1):
        if any("\ud800" <= character <= "\udfff" for character in sentence):
            raise UserError(f"sentence {number} is not UTF-8; check the terminal's encoding.")
    if chosen.output and not chosen.output.parent.is_dir():
        raise UserError(f"--output {chosen.output}: no such folder.")
    from transformer_mt.fast import keep_freed_memory
    from transformer_mt.files import write_atomically
    from transformer_mt.translator import Translator

    keep_freed_memory()
    translator = Translator.from_pretrained(chosen.run, chosen.device, chosen.precision)
    # Files are never closed, nor is sys.stdin itself read: Python aborts or waits when a thread still reads at the end.
    if chosen.sentences:
        windows = iter([[" ".join(sentence.split("\n")) for sentence in chosen.sentences]])
    elif chosen.input:
        windows = read_windows(open(chosen.input, "rb"), str(chosen.input))  # noqa: SIM115
    elif sys.stdin is None:
        raise UserError("there is no standard input: give sentences, or --input FILE.")
    elif sys.stdin.isatty():
        windows = prompt()
    else:
        windows = read_windows(open(sys.stdin.fileno(), "rb", closefd=False), "standard input")  # noqa: SIM115
    if chosen.output is None:
        translate(translator, windows, chosen, sys.stdout)
        return

    def write(path: Path) -> None:
        with open(path, "w", encoding="utf-8") as out:
            translate(translator, windows, chosen, out)

    write_atomically(chosen.output, write)


if __name__ == "__main__":
    cli.run(main)
