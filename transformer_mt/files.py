"""Files and messages: atomic writes, locks, lines of UTF-8, and talk to the person who watches.

`tqdm` and `filelock` are imported by the functions that need them, so that `--help` comes at once.
"""

import os
import shutil
import socket
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from errno import EPIPE
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from transformer_mt.config import UserError

if TYPE_CHECKING:
    from tqdm import tqdm

STANDARD = Path("-")
"""Standard input where lines are read, standard output where text is written."""
LOG_INTERVAL = 10.0  # seconds between two lines of progress in a log

# The umask can only be read by setting it. Do it once, before there are threads to disturb.
_UMASK = os.umask(0o022)
os.umask(_UMASK)


# ---------------------------------------------------------------------------------------- messages


def talk(message: str) -> None:
    """Print a line for the person who watches, above a progress bar; stdout is for results.

    Where nobody listens any more, as in `2>&1 | head`, the work goes on all the same.
    """
    from tqdm import tqdm

    with suppress(BrokenPipeError):
        tqdm.write(message, file=sys.stderr)
        sys.stderr.flush()


class _LogLines:
    """A file for tqdm that prints each redraw of a bar as a line of its own."""

    def write(self, text: str) -> None:
        line = " ".join(text.split())  # no carriage return, nor the spaces that wipe an older bar
        if line:
            with suppress(BrokenPipeError):
                print(line, file=sys.stderr, flush=True)


_is_watched = False


def watch() -> None:
    """Tell `progress` that somebody watches: commands do so when they start."""
    global _is_watched
    _is_watched = True


def progress(
    iterable: Iterable[Any] | None = None,
    *,
    total: int | None,
    unit: str,
    desc: str = "",
    layout: str = "",
    shown: bool | None = None,
) -> "tqdm[Any]":
    """Show on stderr how far the work is: iterate over the result, or call its `update(n)`.

    At a terminal it is a bar, with rate and time left, that appears after a second and goes away
    when the work is done. In a log it is a plain line every ten seconds. Short work shows nothing.

    Args:
        total: what counts as all of the work, in `unit`s; None = not known.
        unit: a plural, such as `pairs`.
        desc: what the work is, where that is not plain.
        layout: in tqdm's terms; a log leaves out the bar itself.
        shown: None = if a command called `watch`, because a program that uses the library may not
            want bars on its terminal.
    """
    from tqdm import tqdm

    options: dict[str, Any] = {"total": total, "unit": f" {unit}", "desc": desc or None}
    if shown is None:
        shown = _is_watched
    options |= {"disable": not shown, "leave": False, "bar_format": layout or None}
    if sys.stderr is None:  # a program without a console
        options["disable"] = True
    elif sys.stderr.isatty():
        return tqdm(iterable, delay=1, dynamic_ncols=True, **options)
    if layout:
        options["bar_format"] = layout.replace("|{bar}|", "")
    else:
        known_end = total is not None
        share = "{percentage:.0f} %, {n_fmt} of {total_fmt}" if known_end else "{n_fmt}"
        left = ", {remaining} left" if known_end else ""
        lead = f"{desc}: " if desc else ""
        options["bar_format"] = lead + share + "{unit}, {rate_noinv_fmt}" + left + "{postfix}"
    return tqdm(
        iterable,
        file=_LogLines(),
        delay=LOG_INTERVAL,
        mininterval=LOG_INTERVAL,
        miniters=0,  # look at the clock at each update, however few there are
        **options,
    )


# ------------------------------------------------------------------------------------------- paths


def expanded(text: str) -> str:
    """The path that a person typed: `~` and `~user` at its beginning are a home, as in a shell.

    A shell leaves the `~` of `--output=~/x` and `run_dir=~/x` to the program. `./~` and `./-` are
    names in the current directory; they become absolute, because `Path` drops what sets them apart.
    """
    if text.startswith(".") and str(Path(text)).startswith(("~", "-")):
        return os.path.abspath(text)
    return os.path.expanduser(text)


def typed_path(text: str) -> Path:
    """`expanded` as a `Path`, for an option of a command; raises ArgumentTypeError for none."""
    if not text:  # it would be the current directory
        raise ArgumentTypeError("the path is empty; name a file or folder")
    return Path(expanded(text))


# ------------------------------------------------------------------------------------------- lines


def standard_input() -> IO[bytes]:
    """Standard input as bytes; raises UserError where the caller has closed it.

    It is not `sys.stdin` itself, because Python aborts, or waits, when it closes a file that a
    thread still reads.
    """
    if sys.stdin is None:
        raise UserError("there is no standard input; name a file.")
    return open(sys.stdin.fileno(), "rb", closefd=False)


def check_readable(name: str, path: Path) -> None:
    """Raise UserError unless `path`, called `name`, can be read; `-` is standard input."""
    if path == STANDARD:
        return
    if path.is_dir():
        raise UserError(f"{name} is a folder; name a file.")
    if not path.exists():
        raise UserError(f"{name}: no such file.")


def read_text(path: Path) -> list[str]:
    """Lines of a UTF-8 file or, for `-`, of standard input.

    Raises:
        UserError: it is missing or not UTF-8.
    """
    if path == STANDARD:
        with standard_input() as file:
            return [line or "" for line in decode_lines(file, "standard input", "convert it")]
    check_readable(str(path), path)
    with open(path, "rb") as file:
        return list(decode_lines(file, str(path), "convert the file"))


def decode_lines(
    lines: Iterable[bytes], name: str, way_out: str, skip: bool = False
) -> Iterator[str]:
    """Lines of UTF-8 without their end, LF or CR LF, and without a byte order mark.

    Args:
        name: of the file, for the error.
        way_out: what to do about a line that is not UTF-8; likewise.
        skip: give such a line all the same, with lone surrogates for the bytes that are not UTF-8.
    Raises:
        UserError: with line and byte offset, when a line is not UTF-8.
    """
    offset = 0
    for number, line in enumerate(lines, start=1):
        try:
            # Not by the codec utf-8-sig, whose errors count the offset without the mark.
            text = line.decode()
        except UnicodeDecodeError as error:
            if not skip:
                where = f"{name}: line {number} is not UTF-8 at byte offset {offset + error.start}"
                raise UserError(f"{where}; {way_out}.") from None
            text = line.decode(errors="surrogateescape")
        text = text.removeprefix("\ufeff") if number == 1 else text
        if text:  # a file with a mark and nothing else has no line
            yield text.removesuffix("\n").removesuffix("\r")
        offset += len(line)


# ------------------------------------------------------------------------------------------ writes


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    is_folder = path.is_dir()
    try:
        descriptor = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
    except PermissionError:
        if is_folder:  # Windows opens no folders, and keeps their names safe by itself
            return
        raise
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Let an error of the disk, such as a full one, say that it concerns `path`."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno not in (None, EPIPE):  # a pipe is no file
            error.filename = str(path)
        raise


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, bring it to the disk, then rename it.

    A reader sees the old file or the new one, never half of it, and after a crash too.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file():  # a pipe or a device is written to, not replaced
        write(path)
        return
    path = Path(os.path.realpath(path))  # a link stays one
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with named(path):
            write(temporary)
        os.chmod(temporary, 0o666 & ~_UMASK)  # safetensors makes its files private
        sync(temporary)
        os.replace(temporary, path)
        sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all; `-` is standard output."""
    if path == STANDARD:
        sys.stdout.write(text)
        return
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_folder(folder: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a folder beside `folder`, then rename it: it is there whole or not at all.

    Raises:
        UserError: there is something of that name.
    """
    if folder.exists() or folder.is_symlink():
        raise UserError(f"{folder} exists already; name another folder.")
    folder = folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        temporary.mkdir()
        with named(folder):
            write(temporary)
        sync(temporary)
        os.rename(temporary, folder)
        sync(folder.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


# ------------------------------------------------------------------------------------------- locks


@contextmanager
def file_lock(path: Path, wait: bool) -> Iterator[None]:
    """Keep other processes out while the body runs; the lock of a process that dies is free again.

    The file `path` stays. A file beside it, `.owner`, names the process that holds the lock.

    Args:
        wait: until another process has left, instead of refusing.
    Raises:
        UserError: another process is inside, and `wait` is false.
    """
    from filelock import FileLock, Timeout

    lock, owner = FileLock(path), path.with_name(f"{path.name}.owner")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        name = "another process"
        with suppress(OSError):  # it has not written its name yet
            name = owner.read_text(encoding="utf-8") or name
        if not wait:
            raise UserError(
                f"{path.parent} is in use by {name}; "
                "wait until it is done, stop it, or name another folder."
            ) from None
        talk(f"waiting for {name} to prepare the same corpus …")
        lock.acquire()
    try:
        owner.write_text(f"process {os.getpid()} on {socket.gethostname()}", encoding="utf-8")
        yield
    finally:
        owner.unlink(missing_ok=True)
        lock.release()
