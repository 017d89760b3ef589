"""Translate sentences: `python -m transformer_mt.translate RUN "Hello."`, or lines of stdin."""

import argparse
import contextlib
import json
import math
import queue
import re
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from transformer_mt import cli
from transformer_mt.config import UserError
from transformer_mt.files import STANDARD, decode_lines, standard_input, talk, typed_path
from transformer_mt.markup import take_apart
from transformer_mt.text import language_name
from transformer_mt.units import format_links

if TYPE_CHECKING:
    from transformer_mt.alignment import Rule
    from transformer_mt.translator import Candidate, Translation, Translator

WINDOW = 1024
"""Lines that are sorted by length and batched together."""
PAUSE = 0.05
"""Seconds without a new line after which a window is translated as it is."""
LONGEST_WAIT = 0.2
"""Seconds after its first line at which a window is translated in any case: a steady trickle of
lines has no pause."""

PAGE = Path("attention.html")
"""What `:attention` writes."""

COMMANDS = ("attention", "exit", "help", "quit")
COMMAND = re.compile(r"[:：](\w+)(?:\s.*)?|(?:/|[:：]\s+)(\w+)")
"""A line that means a command, as people type it: `:help`, `: help` or `/help`."""
HINTS = {
    "exit": "to leave, type :quit or press Ctrl-D",
    "quit": "to leave, type :quit or press Ctrl-D",
    "help": "for help, type :help",
}
"""What to say below the translation of a word that may have been meant as a command."""

HELP = """\
  :attention  write the page that shows the attention of the last sentence
  :help       this list
  :quit       end; so does Ctrl-D
A score is a log-probability, divided by a length penalty: the closer to 0, the surer the model."""

EXAMPLE = """\
  python -m transformer_mt.translate runs/starter-en-zh-tiny "Good morning." "How are you?"
  python -m transformer_mt.translate runs/starter-en-zh-tiny < english.txt > chinese.txt"""


# ----------------------------------------------------------------------------------------- options


def parse_args(argv: list[str]) -> argparse.Namespace:
    parser = cli.parser("translate", "Translate sentences, else lines of standard input.", EXAMPLE)
    parser.add_argument("sentences", metavar="SENTENCE", nargs="*", default=[])
    parser.add_argument(
        "--input",
        type=typed_path,
        metavar="FILE",
        help="lines of FILE instead of standard input, which is -",
    )
    parser.add_argument(
        "--output",
        type=typed_path,
        metavar="FILE",
        help="write to FILE instead of standard output, which is -",
    )
    parser.add_argument(
        "--n-best",
        type=int,
        metavar="N",
        help="up to N lines per input, no text twice: line ||| text ||| score",
    )
    parser.add_argument(
        "--align",
        action="store_true",
        help="each translation's word links beside it: text ||| 0-0 1-2, source first, from 0",
    )
    parser.add_argument(
        "--markup",
        action="store_true",
        help="keep tags, placeholders and code, and set them around the words they belong to",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object per input line")
    cli.add_decoding_options(parser)
    args = parser.parse_intermixed_args(argv)  # sentences may follow options
    check_args(parser, args)
    return args


def check_args(parser: cli.Parser, args: argparse.Namespace) -> None:
    """Raise UserError for what needs no model to be seen wrong."""
    if args.sentences and args.input:
        parser.error("give sentences or --input, not both")
    if args.align and args.markup:
        parser.error(
            "give --align or --markup, not both: links count the words of the text without its "
            "markup"
        )
    cli.check_input("--input", args.input)
    cli.check_output("--output", args.output, [args.input])
    for number, sentence in enumerate(args.sentences, start=1):
        # Python reads bytes that are not UTF-8 from the command line as lone surrogates.
        if any("\ud800" <= character <= "\udfff" for character in sentence):
            raise UserError(f"sentence {number} is not UTF-8; check the terminal's encoding.")


# ------------------------------------------------------------------------------------------- input


def is_prompt(args: argparse.Namespace) -> bool:
    """Whether a person types the sentences, one at a time."""
    has_input = args.sentences or args.input not in (None, STANDARD)
    return not has_input and sys.stdin is not None and sys.stdin.isatty()


def input_windows(args: argparse.Namespace) -> Iterator[list[str]]:
    """The sentences to translate, in windows: arguments, or lines of a file or of stdin.

    Files stay open to the end, because Python aborts, or waits, when it closes a file that a thread
    still reads.
    """
    if args.sentences:
        return iter([[" ".join(sentence.split("\n")) for sentence in args.sentences]])
    if args.input not in (None, STANDARD):
        return read_windows(open(args.input, "rb"), str(args.input))
    return read_windows(standard_input(), "standard input")


def read_windows(file: IO[bytes], name: str) -> Iterator[list[str]]:
    """Lines in windows. One also closes when the input pauses or trickles, because a line typed
    wants to be a line answered.

    Raises:
        UserError: a line is not UTF-8, after the windows before it.
    """
    lines: queue.Queue[str | None] = queue.Queue(maxsize=2 * WINDOW)  # None = the end
    errors: list[BaseException] = []

    def read() -> None:
        try:
            for line in decode_lines(file, name, "convert the input"):
                lines.put(line)
        except BaseException as error:  # the thread that translates raises it
            errors.append(error)
        finally:
            lines.put(None)

    # A thread of its own reads, because a read from a pipe cannot be given a time limit.
    threading.Thread(target=read, daemon=True).start()
    ended = False
    while not ended:
        window: list[str] = []
        closing_time = math.inf
        with contextlib.suppress(queue.Empty):
            while len(window) < WINDOW and not ended and time.monotonic() < closing_time:
                # Wait for a second at most. A signal that came just before, or that another thread
                # took, does not end a wait.
                line = lines.get(timeout=PAUSE if window else 1.0)
                if line is None:
                    ended = True
                else:
                    closing_time = min(closing_time, time.monotonic() + LONGEST_WAIT)
                    window.append(line)
        if window:
            yield window
    if errors:
        raise errors[0]


# ------------------------------------------------------------------------------------------ prompt


def prompt(translator: "Translator") -> Iterator[list[str]]:
    """One sentence at a time from a terminal, and commands, which begin with a colon.

    What is no command, as `quit`, is a sentence like others.
    """
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  (lines can be edited)
    talk(greeting(translator))
    talk("Type a sentence and press Enter. :help shows what else there is, Ctrl-D ends.")
    last = ""
    while (line := typed_line()) is not None:
        match command_of(line):
            case "":
                last = line
                yield [line]
                if hint := HINTS.get(line.strip().lower()):
                    talk(f"  ({hint})")
            case "quit" | "exit":
                return
            case "help":
                talk(HELP)
            case "attention":
                show_attention(translator, last)
            case problem:
                talk(problem)


def command_of(line: str) -> str:
    """The command that a line is, or what is wrong with it; empty: the line is a sentence."""
    text = line.strip()
    match = COMMAND.fullmatch(text)
    if match is None:
        return ""
    name = (match[1] or match[2]).lower()
    if name in COMMANDS:
        is_alone = text.lower().endswith(name)
        return name if is_alone else f":{name} stands alone: leave out what follows it."
    return f"{text}: no such command; :help lists them." if text == f":{match[1]}" else ""


def typed_line() -> str | None:
    """What was typed; None = the end. What is not UTF-8 is told, and asked for again."""
    while True:
        try:
            # `input` prints its prompt to stdout, which is for results where it is no terminal.
            if not sys.stdout.isatty():
                print("> ", end="", file=sys.stderr, flush=True)
            line = input("> " if sys.stdout.isatty() else "")
            line.encode()  # by the locale, bytes that are not UTF-8 may come as lone surrogates
            return line
        except EOFError:
            return None
        except UnicodeError:
            talk("what was typed is not UTF-8; check the terminal's encoding, and type it again.")


def greeting(translator: "Translator") -> str:
    """Which model this is, what it translates, and what it knows."""
    config, data = translator.config, translator.config.data
    n_parameters = sum(parameter.numel() for parameter in translator.model.parameters())
    languages = f"{language_name(config.src_language)} to {language_name(config.tgt_language)}"
    if source := translator.metadata.get("source"):
        corpus = f"made from {source['name']}"
    elif data.name == "files":
        files = data.train if isinstance(data.train, list) else [data.train]
        corpus = f"trained on {', '.join(Path(str(file)).name for file in files)}"
    else:
        corpus = f"trained on {data.name}"
    return (
        f"{translator.run_dir.name}: {languages}, {n_parameters / 1e6:.1f} million parameters, "
        f"{corpus}; it knows such text, and little else."
    )


def show_attention(translator: "Translator", sentence: str) -> None:
    """Write the page of a sentence, and say where it is; of a line of several, the last one's."""
    if not sentence.strip():
        talk("Type a sentence first.")
        return
    sentences = translator.sentences(sentence)
    if len(sentences) > 1:
        talk(f"the last of the {len(sentences)} sentences: {sentences[-1]}")
    try:
        translator.attention(sentences[-1]).save(PAGE)
    except UserError as error:  # the sentence is too long, for one
        talk(f"no page: {error}")
    except OSError as error:
        talk(f"no page: {error.filename or PAGE}: {error.strerror or error}.")
    else:
        talk(f"open {PAGE.absolute().as_uri()}")


# ------------------------------------------------------------------------------------------ output


def translate(
    translator: "Translator",
    windows: Iterator[list[str]],
    rule: "Rule | None",
    markup: bool,
    as_json: bool,
    out: IO[str],
    at_prompt: bool = False,
) -> None:
    """Translate window after window, and print in order.

    Text that the model cannot know is a warning, the first time, and the number of such lines is
    told at the end; at a prompt it is one each time, below its translation.

    Args:
        rule: how word links are read; None = there are none.
        markup: they place the markup of the lines, and are not printed.
        at_prompt: a person types the lines, and is told the score of each translation.
    """
    options: dict[str, Any] = {"align": rule is not None and not markup, "markup": markup}
    number = 0  # of the input line, from 1
    n_texts = n_doubtful = 0
    warned = False
    for window in windows:
        lines = [take_apart(line) for line in window] if markup else []
        words = [line.plain for line in lines] if markup else window
        if number == 0 or at_prompt:
            # The first lines tell whether source and target are exchanged.
            language = translator.config.src_language
            warned = cli.warn_of_other_language(words, language, "the input")
        if not warned:
            warned = cli.warn_of_unknown(translator.unknown_share(words), "the input")
        for n, translation in enumerate(translator.translate(window, rule=rule, **options)):
            number += 1
            n_texts += bool(window[n].strip())
            name = "the line" if at_prompt else f"line {number}"
            if markup and (messages := lines[n].messages):
                talk(f"{name}: not translated inside of {' and '.join(messages)}.")
            if translation.n_pieces > translation.n_sentences:
                talk(
                    f"warning: {name} is longer than "
                    f"model.max_len={translator.config.model.max_len} tokens: "
                    f"translated in {translation.n_pieces} pieces."
                )
            if displaced := translation.candidates[0].displaced:
                talk(
                    f"{name}: no link says where {' '.join(displaced)} belongs: set at the "
                    "nearest place."
                )
            for line in output_lines(translation, number, as_json, translator.decode.n_best):
                print(line, file=out)
            if at_prompt and translation.text:
                out.flush()  # the translation comes first
                talk(f"  score {translation.score:.2f}")
            if translation.doubt and not warned:
                n_doubtful += 1
                out.flush()
                if at_prompt:
                    talk(f"warning: {translation.doubt}.")
                elif n_doubtful == 1:
                    talk(f"warning: {name}: {translation.doubt}.")
        out.flush()
    if n_doubtful > 1 and not at_prompt:
        more = "1 more line is" if n_doubtful == 2 else f"{n_doubtful - 1} more lines are"
        talk(f"warning: {more} outside of what this model has seen, of {n_texts} in all.")


def output_lines(
    translation: "Translation", number: int, as_json: bool, n_best: int
) -> Iterator[str]:
    """What to print for input line `number`."""
    if as_json:
        best = candidate_fields(translation.candidates[0])
        fields: dict[str, Any] = {"line": number, "src": translation.src} | best
        if n_best > 1:
            fields["n_best"] = [candidate_fields(each) for each in translation.candidates]
        yield json.dumps(fields, ensure_ascii=False)
        return
    for candidate in translation.candidates if n_best > 1 else translation.candidates[:1]:
        columns = [candidate.text]
        if n_best > 1:
            columns = [str(number), candidate.text, f"{candidate.score:.4f}"]
        if candidate.links is not None:
            columns.append(format_links(candidate.links))
        yield " ||| ".join(columns)


def candidate_fields(candidate: "Candidate") -> dict[str, Any]:
    """What the JSON of a candidate says."""
    fields: dict[str, Any] = {"text": candidate.text, "score": candidate.score}
    if candidate.links is not None:
        fields["links"] = format_links(candidate.links)
    if candidate.displaced is not None:
        fields["displaced"] = candidate.displaced
    return fields


def main(argv: list[str]) -> None:
    args = parse_args(argv)
    cli.check_run(args.run, args)
    from transformer_mt.fast import keep_freed_memory
    from transformer_mt.files import write_atomically
    from transformer_mt.translator import Translator

    keep_freed_memory()
    translator = Translator.from_pretrained(args.run, args.device, args.precision, args.workers)
    translator.decode = cli.decode_config(args, translator.decode)
    rule = None
    if args.align or args.markup:
        from transformer_mt.alignment import reading

        rule, reason = translator.inspector.default_rule()
        talk(reading(rule, reason))
    at_prompt = is_prompt(args)
    windows = prompt(translator) if at_prompt else input_windows(args)
    if args.output in (None, STANDARD):
        translate(translator, windows, rule, args.markup, args.json, sys.stdout, at_prompt)
        return

    def write(path: Path) -> None:
        with open(path, "w", encoding="utf-8") as out:
            translate(translator, windows, rule, args.markup, args.json, out, at_prompt)

    write_atomically(args.output, write)


if __name__ == "__main__":
    cli.run(main)
