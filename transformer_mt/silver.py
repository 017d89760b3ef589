"""Which words of a corpus belong together, where nobody has linked them? Silver links.

An aligner that needs no links itself finds them: eflomal (Östling and Tiedemann 2016). Its licence
is the GPL, so that it is called as a program of its own and never imported. The links become a
third column of the corpus, from which a head of attention learns.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from transformer_mt.config import DataConfig, OnBadRow, UserError
from transformer_mt.corpus import read_rows, source_paths
from transformer_mt.files import progress, talk, write_text
from transformer_mt.text import one_line
from transformer_mt.units import Link, format_links, parse_links, units

LONGEST = 1024
"""Units of a sentence that eflomal takes at most."""
ERROR_LINES = 5
"""Last lines of eflomal's messages that an error shows."""

TextPair = tuple[str, str]


def read_pairs(paths: list[Path], columns: list[str] | None, skip_bad_rows: bool) -> list[TextPair]:
    """The rows of a training corpus, read as training reads them, each side on one line.

    A row that cannot be read is two empty strings where such rows are skipped.

    Args:
        paths: what `data.train` takes: one file, or two line-aligned ones.
        columns: of the two texts, see `data.columns`; None = its default.
    Raises:
        UserError: a file or a row cannot be read; it speaks in terms of the command's options.
    """
    config = DataConfig(on_bad_row=OnBadRow.skip if skip_bad_rows else OnBadRow.error)
    try:
        if columns is not None:
            config = DataConfig(columns=columns, on_bad_row=config.on_bad_row)
        sources = source_paths("train", [str(path) for path in paths])
        with TemporaryDirectory() as scratch:
            rows = progress(
                read_rows(sources, config, Path(scratch)), total=None, unit="rows", desc="read"
            )
            pairs = [(one_line(first or ""), one_line(second or "")) for first, second, _ in rows]
    except UserError as error:
        raise UserError(in_options(str(error))) from None
    if not pairs:
        raise UserError(f"{paths[0]}: it has no rows.")
    return pairs


def in_options(message: str) -> str:
    """A message of the corpus's reader, in terms of the command instead of training's options."""
    message = message.replace("data.train=", "").replace(", data.links_column=None", "")
    message = message.replace("data.on_bad_row=skip", "--skip-bad-rows")
    message = message.replace("data.columns=[…]", "--columns NAME NAME")
    # A list, as in [en,zh], is two words on the command line.
    message = re.sub(r"\['?([\w.]+?)'?, ?'?([\w.]+?)'?\]", r"\1 \2", message)
    return message.replace("data.columns=", "--columns ")


def write_corpus(path: Path, pairs: list[TextPair], links: Iterable[str]) -> None:
    """Write a TSV file of source, target and links, whole or not at all: a row for each pair."""
    rows = ("\t".join((*pair, line)) for pair, line in zip(pairs, links, strict=True))
    write_text(path, "".join(row + "\n" for row in rows))


# ----------------------------------------------------------------------------------------- eflomal


def eflomal_links(pairs: list[TextPair]) -> list[str]:
    """A line of links for each pair, by eflomal: sure, `i-j`, where both of its directions have a
    link, and possible, `ipj`, where one has it.

    Raises:
        UserError: eflomal is not installed, or fails.
    """
    program = find_eflomal()
    lines = [(unit_line(first), unit_line(second)) for first, second in pairs]
    fitting = [row for row, pair in enumerate(lines) if all(map(fits, pair))]
    tell_unfit(len(pairs) - len(fitting))
    links = [""] * len(pairs)
    if not fitting:
        return links
    with TemporaryDirectory() as folder:
        found = run_eflomal(program, [lines[row] for row in fitting], Path(folder))
        for row, (forward, backward) in zip(fitting, found, strict=True):
            links[row] = join_directions(forward, backward)
    return links


def find_eflomal() -> str:
    """The program, on PATH or beside this Python, whose environment need not be activated.

    Raises:
        UserError: it is not installed.
    """
    name = "eflomal-align"
    program = shutil.which(name) or shutil.which(name, path=os.path.dirname(sys.executable))
    if program is None:
        raise UserError(
            'links need the aligner eflomal: pip install "transformer_mt[links]" (it builds with a '
            "C compiler); or put the links of another aligner into a third column, see README.md."
        )
    return program


def unit_line(text: str) -> str:
    """The units of `text`, as links count them, in small letters and with spaces between."""
    return " ".join(units(text)).lower()


def fits(line: str) -> bool:
    """Whether eflomal can align a line of units."""
    return 0 < len(line.split()) <= LONGEST


def tell_unfit(n_pairs: int) -> None:
    if n_pairs:
        talk(
            f"{n_pairs:,} pairs with a side that is empty or longer than {LONGEST} words: no links."
        )


def run_eflomal(
    program: str, lines: list[TextPair], folder: Path
) -> Iterator[tuple[set[Link], set[Link]]]:
    """Links of each pair of lines that eflomal finds forward, for each unit of the second side one
    of the first at most, and backward, the other way round; both name the first side first.

    Args:
        folder: for the files between the two programs.
    Raises:
        UserError: eflomal fails.
    """
    names = {"-s": "first", "-t": "second", "-f": "forward", "-r": "backward"}
    paths = {option: folder / name for option, name in names.items()}
    for option, side in zip(("-s", "-t"), zip(*lines, strict=True), strict=True):
        paths[option].write_text("".join(line + "\n" for line in side), encoding="utf-8")

    talk(f"eflomal: {len(lines):,} pairs, in both directions side by side …")
    options = [word for option, path in paths.items() for word in (option, str(path))]
    watch_program([program, "--model", "3", "-v", "--overwrite", *options], folder)

    found = [paths[option].read_text(encoding="utf-8").splitlines() for option in ("-f", "-r")]
    if [len(side) for side in found] != [len(lines)] * 2:
        raise UserError(f"{program}: it aligned {len(found[0])} of {len(lines)} pairs.")
    for number, (first, second) in enumerate(lines):
        n_first, n_second = len(first.split()), len(second.split())
        where = f"{program}: pair {number + 1}"
        forward, backward = (parse_links(s[number], n_first, n_second, where)[0] for s in found)
        yield forward, backward


def watch_program(command: list[str], folder: Path) -> None:
    """Run a program to its end, and say what stage it is in.

    Raises:
        UserError: it fails; its last messages are shown.
    """
    # Its own temporary files go where ours are removed. In a session of its own it can be stopped
    # together with the process that it starts in turn.
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        env=os.environ | {"TMPDIR": str(folder)},
        start_new_session=True,
    ) as process:
        last_lines: deque[str] = deque(maxlen=ERROR_LINES)
        try:
            for line in process.stderr or ():
                last_lines.append(line.strip())
                if line.startswith("Aligning"):
                    talk(f"eflomal: {line[0].lower()}{line[1:].strip()}")
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            raise
    if process.returncode:
        told = " / ".join(filter(None, last_lines)) or f"status {process.returncode}"
        raise UserError(f"{command[0]} failed: {told}")


def join_directions(forward: set[Link], backward: set[Link]) -> str:
    """A line of links: sure where both directions have a link, possible where one has it."""
    possible = " ".join(f"{i}p{j}" for i, j in sorted(forward ^ backward))
    return f"{format_links(forward & backward)} {possible}".strip()
