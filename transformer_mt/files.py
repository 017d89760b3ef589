"""Files and what is said: atomic writes, locks, lines of UTF-8, and a line for the person who watches."""

import ctypes
import fcntl
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from transformer_mt.config import UserError


def talk(message: str) -> None:
    """One line for the person who watches; stdout is for results."""
    print(message, file=sys.stderr, flush=True)


def read_text(path: Path) -> list[str]:
    """Lines of a UTF-8 file; raises UserError when it is missing or not UTF-8."""
    if path.is_dir() or not path.exists():
        raise UserError(f"{path}: no such file.")
    with open(path, "rb") as file:
        return [line or "" for line in decode_lines(file, str(path), "convert the file")]


def decode_lines(
    lines: Iterable[bytes], name: str, way_out: str, skip: bool = False
) -> Iterator[str | None]:
    """Lines of UTF-8 without their end, LF or CR LF, and without a byte order mark.

    Args:
        name: of the file, for the error.
        way_out: what to do about a line that is not UTF-8; likewise.
        skip: None stands for such a line.
    Raises:
        UserError: with line and byte offset, when a line is not UTF-8.
    """
    offset = 0
    for number, line in enumerate(lines, start=1):
        try:
            text = line.decode()  # not utf-8-sig, which counts an error's offset without the mark
            text = text.removeprefix("\ufeff") if number == 1 else text
            if text:  # not a mark and nothing else
                yield text.removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError as error:
            if not skip:
                where = f"{name}: line {number} is not UTF-8 at byte offset {offset + error.start}"
                raise UserError(f"{where}; {way_out}.") from None
            yield None
        offset += len(line)


_UMASK = os.umask(0o022)
os.umask(_UMASK)


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, bring it to the disk, then rename it: a reader never sees half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file():  # a pipe or a device is written to, not replaced
        write(path)
        return
    path = Path(os.path.realpath(path))  # a link stays one
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        os.chmod(temporary, 0o666 & ~_UMASK)  # safetensors makes its files private
        sync(temporary)
        os.replace(temporary, path)
        sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


@contextmanager
def file_lock(path: Path, wait: bool) -> Iterator[None]:
    """Inside, no other process is: `flock`, which the kernel takes from a process that dies. The file stays.

    Args:
        wait: for another process to leave, else refuse.
    Raises:
        UserError: another process is inside, and `wait` is false.
    """
    global _n_held
    with open(path, "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read(200).strip() or "another process"
            if not wait:
                raise UserError(
                    f"{path.parent} is in use by {owner}; wait until it is done, stop it, or name another folder."
                ) from None
            talk(f"waiting for {owner} to prepare the same corpus …")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        _n_held += 1
        try:
            yield
        finally:
            _n_held -= 1


_n_held, _parent = 0, 0


def _note_parent() -> None:
    global _parent
    _parent = os.getpid()


def _die_with_parent() -> None:
    """In a process forked while a lock is held, which would keep it: let the kernel end it together with its parent,
    to which alone Ctrl-C speaks."""
    if _n_held:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if _n_held and sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != _parent:  # that died before
            os.kill(os.getpid(), signal.SIGKILL)


os.register_at_fork(before=_note_parent, after_in_child=_die_with_parent)
