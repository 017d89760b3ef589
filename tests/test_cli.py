"""Around every command: UTF-8, one-line errors, exit statuses, options."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from helpers import ENVIRONMENT, SENTENCES, lines, start

from transformer_mt import cli
from transformer_mt.config import DecodeConfig, UserError
from transformer_mt.files import STANDARD


@pytest.mark.parametrize(
    "error, status",
    [
        (
            RuntimeError(
                "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to "
                "allocate 9 bytes"
            ),
            1,
        ),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), 1),
        (MemoryError(), 1),
    ],
)
def test_out_of_memory_names_the_knobs(call, trained_run, monkeypatch, error, status):
    def search(*_, **__):
        raise error

    monkeypatch.setattr("transformer_mt.translator.search", search)
    done = call("translate", trained_run, "Hello.")
    assert done.status == status and done.out == ""
    assert done.err == (
        "error: out of memory; lower --batch-tokens or --beam-size, or take a machine with more.\n"
    )


def test_another_runtime_error_is_a_bug_and_keeps_its_traceback(call, trained_run, monkeypatch):
    def search(*_, **__):
        raise RuntimeError("shapes differ")

    monkeypatch.setattr("transformer_mt.translator.search", search)
    with pytest.raises(RuntimeError, match="shapes differ"):
        call("translate", trained_run, "Hello.")


def test_a_closed_stderr_is_no_reason_to_stop(trained_run, expected):
    program = (
        f"exec '{sys.executable}' -m transformer_mt.translate '{trained_run}' '{SENTENCES[0]}' 2>&-"
    )
    done = subprocess.run(["sh", "-c", program], stdout=subprocess.PIPE, check=True)
    assert lines(done.stdout.decode()) == expected[:1]


@pytest.mark.parametrize("ignored", [False, True])
def test_an_interrupt_is_heard_unless_whoever_started_the_command_has_it_ignored(ignored):
    code = (
        "import signal\nfrom transformer_mt import cli\n"
        "cli.run(lambda arguments: signal.raise_signal(signal.SIGINT) or print('went on'))"
    )
    words = [
        "sh",
        "-c",
        'trap "" INT; exec "$@"' if ignored else 'exec "$@"',
        "sh",
        sys.executable,
        "-c",
        code,
    ]
    done = subprocess.run(words, env=ENVIRONMENT, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (
        (0, b"went on\n", b"") if ignored else (130, b"", b"")
    )


def test_help_shows_an_example():
    for verb in ("translate", "evaluate"):
        done = start(verb, "--help")
        assert (done.status, done.err) == (0, "")
        assert f"example:\n  python -m transformer_mt.{verb} runs/" in done.out


@pytest.mark.parametrize("verb", ["visualize", "primer"])
def test_a_sentence_without_quotes_is_told_to_have_some(call, trained_run, verb):
    error = call(verb, trained_run, "I", "like", "apples").error
    assert "like apples" in error and "quotes" in error
    assert "quotes" not in call(verb, trained_run, "I", "--like").error


def test_an_empty_path_is_told(call, trained_run):
    """It is not the current directory."""
    assert "RUN: the path is empty" in call("translate", "", "Hello.").error
    error = call("translate", trained_run, "--output=", "Hello.").error
    assert "--output: the path is empty" in error


def test_an_unwritable_stdout_is_a_failure(trained_run):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with open("/dev/full", "wb") as full:
        done = start("translate", trained_run, "Hello.", stdout=full)
    assert done.status == 1
    assert done.err.startswith("error: ") and "No space left" in done.err


def test_options_that_were_typed_take_the_place_of_the_runs():
    defaults = DecodeConfig(beam_size=7, length_penalty=0.5, batch_tokens=100)
    parser = cli.parser("translate", "", "")
    cli.add_decoding_options(parser)
    assert cli.decode_config(parser.parse_args(["RUN"]), defaults) == defaults
    typed = parser.parse_args(["RUN", "--beam-size", "2", "--length-penalty", "0"])
    assert cli.decode_config(typed, defaults) == DecodeConfig(2, 0.0, batch_tokens=100)
    with pytest.raises(UserError, match="--batch-tokens -3 is out of range: it must be"):
        cli.decode_config(parser.parse_args(["RUN", "--batch-tokens", "-3"]), defaults)


@pytest.mark.parametrize(
    "verb, arguments",
    [
        ("translate", ["--input", "~/x", "--output", "~/y"]),
        ("evaluate", ["--src", "~/x", "--ref", "~/y", "--ref", "~/z", "--output", "~/o"]),
        ("evaluate", ["--ref", "~/y", "--hyp", "~/h"]),
        ("align", ["--src=~/x", "--tgt=~/y", "--gold", "~/g", "--agree", "~/b"]),
        ("visualize", ["a", "--output-dir", "~/d"]),
        ("align", ["--src", "~/x", "--tgt", "~/y", "--output", "~/z", "--agree", "~/b"]),
        ("primer", ["--output", "~/p.html"]),
    ],
)
def test_a_home_is_expanded_in_every_path_option(monkeypatch, tmp_path, verb, arguments):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in "xyg":
        (tmp_path / name).touch()
    module = importlib.import_module(f"transformer_mt.{verb}")
    args = module.parse_args(["~/run", *arguments])
    paths = {
        path
        for value in vars(args).values()
        for path in (value if isinstance(value, list) else [value])
        if isinstance(path, Path) and path not in (Path("attention"), STANDARD)
    }
    assert len(paths) == 1 + sum("~" in argument for argument in arguments)
    assert all(path.parent == tmp_path for path in paths)


def test_an_option_that_a_library_refuses_is_named_by_its_flag(call, trained_run):
    for verb, option, value, rule in (
        ("translate", "device", "tpu9", "is unknown; use auto, cpu"),
        ("visualize", "device", "cuda:31", "this machine has no such device"),
        ("visualize", "threshold", "1.5", "is out of range: it must be from 0 to below 1"),
        ("translate", "workers", "0", "is out of range: it must be at least 1"),
    ):
        error = call(verb, trained_run, "Hello.", f"--{option}", value).error
        assert error.startswith(f"error: --{option}={value}") and rule in error
    error = call("align", trained_run, "--gold", "--threshold", "-0.5").error
    assert error.startswith("error: --threshold=-0.5 is out of range")


@pytest.mark.parametrize(
    "verb, options",
    [
        ("translate", ["--input", "FILE"]),
        ("align", ["--src", "FILE", "--tgt", "OTHER"]),
        ("align", ["--src", "OTHER", "--tgt", "FILE"]),
        ("evaluate", ["--src", "FILE", "--ref", "OTHER"]),
        ("evaluate", ["--ref", "OTHER", "--hyp", "FILE"]),
    ],
)
def test_a_text_that_is_read_is_not_written_over(call, trained_run, tmp_path, verb, options):
    names = {"FILE": tmp_path / "mine", "OTHER": tmp_path / "other"}
    for path in names.values():
        path.write_text("hello\n", encoding="utf-8")
    (tmp_path / "link").symlink_to(names["FILE"])
    arguments = [names.get(option, option) for option in options]
    error = call(verb, trained_run, *arguments, "--output", tmp_path / "link").error
    assert error.endswith("link is read, too, and would be lost; name another file.")
    assert names["FILE"].read_text(encoding="utf-8") == "hello\n"


@pytest.mark.parametrize("verb", ["align", "score"])
def test_a_wrong_file_is_told_by_its_option(call, trained_run, tmp_path, verb):
    good = tmp_path / "good"
    good.touch()
    error = call(verb, trained_run, "--src", good, "--tgt", tmp_path).error
    assert error == f"error: --tgt {tmp_path} is a folder; name a file."
    error = call(verb, trained_run, "--src", tmp_path / "no", "--tgt", good).error
    assert error == f"error: --src {tmp_path / 'no'}: no such file."
