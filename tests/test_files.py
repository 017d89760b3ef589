"""Files and messages: atomic writes, locks, and progress as a bar or as lines of a log."""

import io
import os
import sys
import threading
from pathlib import Path

import pytest

from transformer_mt.config import UserError
from transformer_mt.files import (
    STANDARD,
    expanded,
    file_lock,
    progress,
    read_text,
    sync,
    talk,
    typed_path,
    write_atomically,
    write_folder,
    write_text,
)

# ------------------------------------------------------------------------------------------- paths


@pytest.mark.parametrize(
    "text, path",
    [
        ("~", "/home/ada"),
        ("~/runs/x", "/home/ada/runs/x"),
        ("~root/x", os.path.expanduser("~root") + "/x"),
        ("runs/~", "runs/~"),
        ("a~", "a~"),
        ("/~/x", "/~/x"),
        ("-", "-"),
        ("runs/x/", "runs/x/"),
    ],
)
def test_a_home_is_what_a_shell_takes_it_for(monkeypatch, text, path):
    monkeypatch.setenv("HOME", "/home/ada")
    assert expanded(text) == path and typed_path(text) == Path(path)


@pytest.mark.parametrize("text", ["./~", "./~/x", "./-", ".//~root"])
def test_a_name_that_only_looks_like_a_home_or_standard_input_stays(monkeypatch, tmp_path, text):
    monkeypatch.chdir(tmp_path)
    assert typed_path(text) == tmp_path / text[2:].lstrip("/")


def test_standard_input_and_output_are_read_and_written(monkeypatch, tmp_path, capsys):
    (tmp_path / "in").write_bytes("a\r\n你\n".encode())
    with open(tmp_path / "in", encoding="utf-8") as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert read_text(STANDARD) == ["a", "你"]
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UserError, match="there is no standard input; name a file"):
        read_text(STANDARD)
    write_text(STANDARD, "好\n")
    assert capsys.readouterr().out == "好\n"


# ------------------------------------------------------------------------------------------ writes


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    write_atomically(path, lambda temporary: temporary.write_text("new"))
    assert path.read_text() == "new"


def test_a_link_stays_one_and_a_pipe_is_written_to(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_atomically(tmp_path / "link", lambda path: path.write_text("new"))
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_text() == "new"
    (tmp_path / "a").symlink_to(tmp_path / "a")  # one that leads nowhere gives way
    write_atomically(tmp_path / "a", lambda path: path.write_text("new"))
    assert (tmp_path / "a").read_text() == "new"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_atomically(pipe, lambda path: path.write_text("text"))
    assert os.read(reader, 10) == b"text" and pipe.is_fifo()
    os.close(reader)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "link", "pipe", "real"]


def test_a_file_and_the_names_in_a_folder_are_brought_to_the_disk(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("text")
    synced = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    write_atomically(tmp_path / "file", lambda path: path.write_text("new"))
    assert synced == [(tmp_path / "file").stat().st_ino, tmp_path.stat().st_ino]


def test_a_file_that_cannot_be_opened_is_an_error_and_a_folder_is_not(tmp_path, monkeypatch):
    """Windows opens no folders."""
    (tmp_path / "file").touch()

    def refuse(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    sync(tmp_path)
    with pytest.raises(PermissionError, match="file"):
        sync(tmp_path / "file")


# ------------------------------------------------------------------------------------------- locks


def test_a_lock_is_waited_for_where_asked(tmp_path, monkeypatch):
    path, inside, was_told, order, log = (
        tmp_path / "lock",
        threading.Event(),
        threading.Event(),
        [],
        [],
    )
    monkeypatch.setattr(
        "transformer_mt.files.talk", lambda message: (log.append(message), was_told.set())
    )

    def first() -> None:
        with file_lock(path, wait=True):
            inside.set()
            assert was_told.wait(60)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait()
    with file_lock(path, wait=True):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]
    assert len(log) == 1 and log[0].startswith(f"waiting for process {os.getpid()} on ")


def test_a_lock_that_is_taken_names_its_owner_where_it_is_known(tmp_path):
    path = tmp_path / "lock"
    with file_lock(path, wait=False):
        with pytest.raises(UserError, match=f"in use by process {os.getpid()} on "):
            file_lock(path, wait=False).__enter__()
        (tmp_path / "lock.owner").unlink()
        with pytest.raises(UserError, match="in use by another process; wait until it is done"):
            file_lock(path, wait=False).__enter__()
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


# ---------------------------------------------------------------------------------------- messages


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch):
    """`clock.now` is the time that tqdm reads."""

    class Clock:
        now = 1000.0

    monkeypatch.setattr("tqdm.std.time", lambda: Clock.now)
    return Clock


def test_progress_in_a_log_is_a_plain_line_now_and_then(capsys, clock):
    with progress(total=60, unit="pairs", desc="align", shown=True) as bar:
        for _ in range(60):
            clock.now += 1
            bar.update(1)
        bar.set_postfix_str("loss 1.5", refresh=False)
        clock.now += 10
        bar.update(0)
    lines = capsys.readouterr().err.split("\n")
    assert lines[:2] == [
        "align: 17 %, 10 of 60 pairs, 1.00 pairs/s, 00:50 left",
        "align: 33 %, 20 of 60 pairs, 1.00 pairs/s, 00:40 left",
    ]
    assert len(lines) == 8 and lines[-1] == "" and "loss 1.5" in lines[-2]


def test_progress_of_what_has_no_known_end(capsys, clock):
    for _ in progress(iter(range(35)), total=None, unit="rows", desc="read", shown=True):
        clock.now += 1
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "read: 10 rows, 1.00 rows/s",
        "read: 20 rows, 1.00 rows/s",
        "read: 30 rows, 1.00 rows/s",
    ]


@pytest.mark.parametrize("stream, n", [(Terminal, 0.9), (io.StringIO, 9)])
def test_short_work_shows_no_progress(monkeypatch, clock, stream, n):
    monkeypatch.setattr(sys, "stderr", stream())
    for _ in progress(range(10), total=10, unit="pairs", shown=True):
        clock.now += n / 10
    assert sys.stderr.getvalue() == ""


def test_a_program_that_uses_the_library_sees_no_progress(monkeypatch, clock):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr("transformer_mt.files._is_watched", False)
    for _ in progress(range(100), total=100, unit="pairs"):
        clock.now += 1
    assert sys.stderr.getvalue() == ""


def test_progress_at_a_terminal_is_a_bar_that_goes_away(monkeypatch, clock):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress(total=100, unit="pairs", desc="align", shown=True) as bar:
        for _ in range(50):
            clock.now += 0.1
            bar.update(1)
        talk("a message above the bar")
    shown = sys.stderr.getvalue()
    assert "align:  50%|" in shown and "10.00 pairs/s" in shown
    assert "\ra message above the bar\n" in shown
    assert shown.rpartition("\r")[2] == "" and shown.split("\r")[-2].strip() == ""


def test_a_program_without_a_console_shows_no_progress(monkeypatch, capsys, clock):
    monkeypatch.setattr(sys, "stderr", None)
    for _ in progress(range(100), total=100, unit="pairs"):
        clock.now += 1
    assert capsys.readouterr().out == ""


def test_a_message_is_one_line_on_stderr(capsys):
    talk("two\twords")
    done = capsys.readouterr()
    assert (done.out, done.err) == ("", "two\twords\n")


def test_a_folder_is_written_whole_or_not_at_all(tmp_path):
    def fail(folder):
        (folder / "a").write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_folder(tmp_path / "new" / "folder", fail)
    assert list((tmp_path / "new").iterdir()) == []
    write_folder(tmp_path / "new" / "folder", lambda folder: (folder / "a").write_text("whole"))
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["folder"]
    with pytest.raises(UserError, match="folder exists already"):
        write_folder(tmp_path / "new" / "folder", fail)
    assert (tmp_path / "new" / "folder" / "a").read_text() == "whole"
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(UserError, match="link exists already"):
        write_folder(tmp_path / "link", fail)


def test_a_full_disk_is_named_by_the_file_that_was_wanted(tmp_path):
    def fill(path: Path) -> None:
        path.write_text("half")
        raise OSError(28, "No space left on device")

    for write, path in ((write_atomically, tmp_path / "a"), (write_folder, tmp_path / "b")):
        with pytest.raises(OSError) as error:
            write(path, fill if write is write_atomically else lambda folder: fill(folder / "x"))
        assert error.value.filename == str(path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_file_to_read(tmp_path):
    with pytest.raises(UserError, match=f"{tmp_path} is a folder; name a file"):
        read_text(tmp_path)
