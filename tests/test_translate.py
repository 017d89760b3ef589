"""The command `translate`: lines in, lines out, in order; pipes, files, signals, a prompt."""

import copy
import io
import json
import os
import pty
import re
import shutil
import signal
import threading
import time
from dataclasses import replace

import pytest
import torch
from helpers import SENTENCES, lines, running, start, write
from safetensors.torch import save_file

from transformer_mt import translate as translate_command
from transformer_mt.alignment import BASE, Rule
from transformer_mt.config import UserError
from transformer_mt.decoding import Hypothesis
from transformer_mt.markup import take_apart
from transformer_mt.run_dir import load_tensors, save_tensors
from transformer_mt.translator import units_in_pieces
from transformer_mt.units import format_links


def test_arguments_and_lines_give_what_the_python_api_gives(call, trained_run, expected):
    done = call("translate", trained_run, *SENTENCES)
    assert (done.status, done.err) == (0, "")
    assert lines(done.out) == expected
    piped = call("translate", trained_run, stdin="\n".join(SENTENCES).encode())
    assert (piped.status, piped.out, piped.err) == (0, done.out, "")


def test_every_line_in_is_a_line_out_in_order(call, trained_run, expected, monkeypatch):
    monkeypatch.setattr(translate_command, "WINDOW", 3)
    texts = ["", SENTENCES[1], "   ", SENTENCES[0], "", "", *SENTENCES[2:], ""]
    translations = ["", expected[1], "", expected[0], "", "", *expected[2:], ""]
    for end in ("\n", "\r\n"):
        done = call("translate", trained_run, stdin=("\ufeff" + end.join(texts) + end).encode())
        assert done.status == 0 and lines(done.out) == translations
    assert call("translate", trained_run, stdin=b"").out == ""
    assert call("translate", trained_run, stdin=b"\n").out == "\n"
    assert call("translate", trained_run, "").out == "\n"


def test_a_steady_trickle_of_lines_is_answered_before_it_ends(monkeypatch):
    """A line every 30 ms never leaves a pause of 50 ms."""

    def lines_in_time(*_):
        for number in range(40):
            time.sleep(0.03)
            yield f"line {number}"

    monkeypatch.setattr(translate_command, "decode_lines", lines_in_time)
    windows = list(translate_command.read_windows(None, "a pipe"))
    assert [line for window in windows for line in window] == [f"line {n}" for n in range(40)]
    assert len(windows) >= 3 and max(map(len, windows)) < 20


def test_a_source_in_another_script_is_warned_of_once(call, trained_run):
    done = call("translate", trained_run, "我喜欢苹果。", "你们画画。")
    warning = "warning: the input does not look like English, which this run needs here"
    assert done.status == 0 and done.err.count("warning") == 1 and warning in done.err


def test_a_closed_stderr_does_not_stop_the_work(trained_run, tmp_path):
    """The warning of a long line finds nobody; the translations are written all the same."""
    long = write(tmp_path / "long.txt", "I like apples. " * 60 + "\n")
    out = tmp_path / "out.txt"
    arguments = ("translate", trained_run, "--input", long, "--output", out)
    with running(*arguments) as process:
        process.stderr.close()
        assert process.wait(timeout=300) == 0
    assert len(lines(out.read_text(encoding="utf-8"))) == 1


def test_a_line_break_inside_an_argument_does_not_make_two_lines(call, trained_run, expected):
    done = call("translate", trained_run, "I like\napples.", SENTENCES[1])
    assert lines(done.out) == expected[:2]


def test_a_line_break_that_the_model_writes_does_not_make_two_lines(
    call, trained_run, translator, monkeypatch
):
    newline = translator.tgt_tokenizer.processor.piece_to_id("<0x0A>")
    apple = translator.tgt_tokenizer.encode(["猫"])[0][:-1]
    ids = [newline, *apple, newline, *apple]
    monkeypatch.setattr(
        "transformer_mt.translator.search", lambda *_: [(0, [Hypothesis(ids, -1.0)])]
    )
    assert lines(call("translate", trained_run, "Cats.").out) == ["猫 猫"]


def test_input_and_output_files(call, trained_run, expected, tmp_path):
    source, target = write(tmp_path / "in.txt", "\n".join(SENTENCES)), tmp_path / "输出.txt"
    done = call("translate", trained_run, "--input", source, "--output", target)
    assert (done.status, done.out, done.err) == (0, "", "")
    assert lines(target.read_text("utf-8")) == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.txt", "输出.txt"]


def test_a_failed_translation_leaves_the_output_as_it_was(call, trained_run, tmp_path):
    target = write(tmp_path / "out.txt", "old\n")
    assert call("translate", trained_run, "--output", target, stdin=b"Hello.\n\xff\n").status == 2
    assert target.read_text() == "old\n"
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]


def test_an_output_that_is_a_pipe_is_written_to(call, trained_run, expected, tmp_path):
    pipe, outputs = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: outputs.append(pipe.read_text("utf-8")))
    reader.start()
    done = call("translate", trained_run, *SENTENCES, "--output", pipe)
    reader.join()
    assert (done.status, done.out, done.err) == (0, "", "")
    assert lines(outputs[0]) == expected and pipe.is_fifo()


def test_an_input_that_is_a_pipe_is_not_waited_for_after_an_error(trained_run, tmp_path):
    """Its other end is open, and says nothing more."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with (
        running("translate", trained_run, "--input", pipe) as process,
        open(pipe, "wb", buffering=0) as writer,
    ):
        writer.write(b"Hello.\n")
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130


def test_running_out_of_memory_while_reading_is_told(monkeypatch):
    """Not taken for the end of the input."""

    def lines(*_: object):
        yield "one"
        raise MemoryError

    monkeypatch.setattr(translate_command, "decode_lines", lines)
    windows = translate_command.read_windows(io.BytesIO(), "x")
    assert next(windows) == ["one"]
    with pytest.raises(MemoryError):
        next(windows)


def test_an_output_that_is_a_link_stays_one(call, trained_run, expected, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real").write_text("old\n")
    assert call("translate", trained_run, *SENTENCES, "--output", tmp_path / "link").status == 0
    assert (
        lines((tmp_path / "real").read_text("utf-8")) == expected
        and (tmp_path / "link").is_symlink()
    )


def test_weights_that_give_no_numbers_are_one_line(call, trained_run, tmp_path):
    run_dir = shutil.copytree(trained_run, tmp_path / "run")
    tensors, metadata = load_tensors(run_dir / "model.safetensors")
    save_tensors(
        run_dir / "model.safetensors",
        {name: tensor * 1e30 for name, tensor in tensors.items()},
        metadata,
    )
    assert (
        "the model gives numbers that are not finite" in call("translate", run_dir, "Hello.").error
    )


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.int8, torch.bool, torch.complex64])
def test_weights_that_are_no_floats_are_one_line(call, trained_run, tmp_path, dtype):
    run_dir = shutil.copytree(trained_run, tmp_path / "run")
    tensors, metadata = load_tensors(run_dir / "model.safetensors")
    header = {"format": "1", "transformer_mt": json.dumps(metadata)}
    save_file(
        {name: tensor.to(dtype) for name, tensor in tensors.items()},
        run_dir / "model.safetensors",
        header,
    )
    assert "does not fit the model" in call("translate", run_dir, "Hello.").error


def test_json_gives_one_object_per_line(call, trained_run, expected, translator):
    done = call(
        "translate", trained_run, "--json", stdin="\n".join([*SENTENCES, ""]).encode() + b"\n"
    )
    objects = [json.loads(line) for line in lines(done.out)]
    assert [o["line"] for o in objects] == [1, 2, 3, 4, 5]
    assert [o["src"] for o in objects] == [*SENTENCES, ""]
    assert [o["text"] for o in objects] == [*expected, ""]
    assert objects[0]["score"] == pytest.approx(
        translator.translate(SENTENCES[:1])[0].score, abs=1e-5
    )
    assert objects[0]["score"] < 0 and "\\u" not in done.out
    best = json.loads(call("translate", trained_run, "--json", "--n-best", 3, SENTENCES[0]).out)[
        "n_best"
    ]
    assert [set(candidate) for candidate in best] == [{"text", "score"}] * 3
    assert best[0]["text"] == expected[0]


@pytest.mark.parametrize("n", [2, 4])
def test_n_best_gives_up_to_n_lines_for_every_line(call, trained_run, expected, n):
    done = call(
        "translate",
        trained_run,
        "--n-best",
        n,
        stdin="\n".join(["", *SENTENCES, ""]).encode() + b"\n",
    )
    rows = [line.split(" ||| ") for line in lines(done.out)]
    groups = [[row[1:] for row in rows if row[0] == str(number)] for number in range(1, 7)]
    assert sum(map(len, groups)) == len(rows)
    assert [group[0][0] for group in groups] == ["", *expected, ""]
    # An empty line has one translation, whatever is asked for.
    assert [len(group) for group in groups] == [1, n, n, n, n, 1]
    for group in groups:
        scores = [float(score) for _, score in group]
        assert scores == sorted(scores, reverse=True)
        assert len({text for text, _ in group}) == len(group)


def test_a_text_that_several_hypotheses_spell_is_given_once(
    call, trained_run, translator, monkeypatch
):
    """The best of them stands for all."""
    newline = translator.tgt_tokenizer.processor.piece_to_id("<0x0A>")
    cat, dog = (translator.tgt_tokenizer.encode([text])[0][:-1] for text in ("猫", "狗"))
    spellings = [cat, dog, [newline, *cat]]
    found = [Hypothesis(ids, -float(k)) for k, ids in enumerate(spellings, start=1)]
    monkeypatch.setattr("transformer_mt.translator.search", lambda *_: [(0, found)])
    done = call("translate", trained_run, "--n-best", 3, "Cats.")
    assert lines(done.out) == ["1 ||| 猫 ||| -1.0000", "1 ||| 狗 ||| -2.0000"]
    done = call("translate", trained_run, "--n-best", 3, "--json", "Cats.")
    assert [row["text"] for row in json.loads(done.out)["n_best"]] == ["猫", "狗"]


def test_a_dash_is_standard_input_and_output(call, trained_run, expected):
    done = call(
        "translate",
        trained_run,
        "--input",
        "-",
        "--output",
        "-",
        stdin="\n".join(SENTENCES).encode(),
    )
    assert (done.status, done.err) == (0, "") and lines(done.out) == expected


def test_a_file_named_dash_is_read_and_written(call, trained_run, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "-", SENTENCES[0])
    assert lines(call("translate", trained_run, "--input", "./-").out) == expected[:1]
    assert call("translate", trained_run, SENTENCES[1], "--output", "./-").out == ""
    assert lines((tmp_path / "-").read_text("utf-8")) == expected[1:2]


def test_decoding_options_reach_the_search(call, trained_run, translator):
    for option, argument, value in (
        ("--beam-size", "beam_size", 1),
        ("--length-penalty", "length_penalty", 0.0),
    ):
        rows = map(
            json.loads,
            lines(call("translate", trained_run, "--json", option, value, *SENTENCES).out),
        )
        translations, scores = translator.translate(SENTENCES, **{argument: value}), []
        for row, translation in zip(rows, translations, strict=True):
            assert row["text"] == translation.text and row["score"] == pytest.approx(
                translation.score, abs=1e-5
            )
            scores.append(translation.score)
        assert scores != pytest.approx(
            [translation.score for translation in translator.translate(SENTENCES)], abs=1e-5
        )
    assert call("translate", trained_run, "--batch-tokens", 1, *SENTENCES).out == call(
        "translate", trained_run, *SENTENCES
    ).out  # fmt: skip


def test_a_moved_run_works(call, trained_run, expected, tmp_path):
    moved = tmp_path / "测试 (1)"
    shutil.copytree(trained_run, moved)
    shutil.rmtree(moved / "checkpoints")
    assert lines(call("translate", moved, *SENTENCES).out) == expected


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["nowhere", "Hello."], "nowhere: no run here (looked for config.yaml)"),
        (["RUN", "--input", "nothing.txt"], "--input nothing.txt: no such file"),
        (["RUN", "--input", "nothing.txt", "Hello."], "give sentences or --input, not both"),
        (["RUN", "--beam-size", "0", "Hello."], "--beam-size 0 is out of range: it must be from 1"),
        (["RUN", "--beam-size", "many", "Hello."], "--beam-size: invalid int value: 'many'"),
        (["RUN", "--length-penalty", "-1", "Hello."], "--length-penalty -1.0 is out of range"),
        (
            ["RUN", "--n-best", "5", "Hello."],
            "--n-best 5 is out of range: it must be from 1 to the beam size, 4",
        ),
        (["RUN", "--n-best", "0", "Hello."], "--n-best 0 is out of range"),
        (["RUN", "--batch-tokens", "0", "Hello."], "--batch-tokens 0 is out of range"),
        (
            ["RUN", "--device", "cuda:31", "Hello."],
            "--device=cuda:31: this machine has no such device",
        ),
        (["RUN", "--device", "tpu9", "Hello."], "--device=tpu9 is unknown"),
        (["RUN", "--precision", "fp8", "Hello."], "--precision: invalid choice: 'fp8'"),
        (["RUN", "--bean-size", "3", "Hello."], "--bean-size"),
        (["RUN", "--output", "no/folder/out.txt", "Hello."], "no/folder"),
        (["RUN", "a lone surrogate \udcff"], "sentence 1 is not UTF-8"),
        ([], "RUN"),
    ],
)
def test_a_bad_option_of_translate_is_one_line(call, trained_run, arguments, message):
    error = call("translate", *(str(trained_run) if a == "RUN" else a for a in arguments)).error
    assert message in error


def test_a_run_without_a_model_is_one_line(call, trained_run, tmp_path):
    shutil.copytree(trained_run, tmp_path / "run", ignore=shutil.ignore_patterns("*.safetensors"))
    error = call("translate", tmp_path / "run", "Hello.").error
    assert f"{tmp_path / 'run'}: no model here (looked for model.safetensors). Train first" in error


def test_input_that_is_not_utf8_is_named_by_line_and_byte(call, trained_run, expected, tmp_path):
    data = SENTENCES[0].encode() + b"\nI like \xff\n"
    done = call("translate", trained_run, stdin=data)
    assert done.status == 2
    assert (
        done.err
        == "error: standard input: line 2 is not UTF-8 at byte offset 22; convert the input.\n"
    )
    assert lines(done.out) == expected[:1]  # what came before was answered
    file = write(tmp_path / "bad.txt", data)
    assert (
        f"{file}: line 2 is not UTF-8 at byte offset 22"
        in call("translate", trained_run, "--input", file).err
    )
    file.write_bytes(b"\xef\xbb\xbfab\nx\xff\n")  # the mark counts
    for options in (
        ["translate", "RUN", "--input", file],
        ["evaluate", "RUN", "--src", file, "--ref", file],
    ):
        error = call(*[trained_run if option == "RUN" else option for option in options]).err
        assert f"{file}: line 2 is not UTF-8 at byte offset 7;" in error


def test_a_sentence_over_the_maximum_is_translated_in_pieces(call, trained_run, translator):
    long = " ".join(SENTENCES * 8)
    stdin = f"{SENTENCES[0]}\n{long}\n{SENTENCES[0]}\n".encode()
    done = call("translate", trained_run, "--split-sentences", "off", stdin=stdin)
    assert done.status == 0 and len(lines(done.out)) == 3
    (warning,) = done.err.splitlines()
    n_pieces = len(translator.cut(long))
    assert n_pieces > 1
    assert warning == (
        f"warning: line 2 is longer than model.max_len=48 tokens: translated in {n_pieces} pieces."
    )  # fmt: skip
    best = call("translate", trained_run, "--split-sentences", "off", "--n-best", 3, long)
    assert len(lines(best.out)) == 3


def test_text_that_the_model_cannot_know_is_said_once(call, trained_run):
    texts = [SENTENCES[0], "Quantum cats.", SENTENCES[1], "More flux.", "Quarks."]
    done = call("translate", trained_run, stdin="\n".join(texts).encode())
    assert done.status == 0 and len(lines(done.out)) == 5
    warning, last = done.err.splitlines()
    assert last.startswith("warning: 2 more lines") and "of 5 in all" in last
    start = (
        "warning: line 2: outside of what this model has seen (not in its training text: quantum"
    )
    assert warning.startswith(start)
    done = call("translate", trained_run, stdin="北京\n".encode())
    assert "does not look like English" in done.err and len(done.err.splitlines()) == 1


def test_the_sentences_of_a_line_are_translated_one_by_one(call, trained_run, translator):
    """As the training text had one in each line; a line stays a line."""
    alone = [translation.text for translation in translator.translate(SENTENCES)]
    stdin = f"{' '.join(SENTENCES)}\n\n{SENTENCES[0]}\n".encode()
    done = call("translate", trained_run, stdin=stdin)
    assert lines(done.out) == ["".join(alone), "", alone[0]] and done.err == ""
    off = call("translate", trained_run, "--split-sentences", "off", stdin=stdin)
    whole = translator.translate(" ".join(SENTENCES), split_sentences="off")
    assert lines(off.out) == [whole.text, "", alone[0]]
    wrong = call("translate", trained_run, "--split-sentences", "never", "Hi.")
    assert wrong.status == 2 and "'never'" in wrong.err


# ------------------------------------------------------------------ as a process: pipes and signals


def test_a_pipe_in_a_locale_that_is_not_utf8(trained_run, expected, tmp_path):
    (tmp_path / "测试").symlink_to(trained_run)
    done = start(
        "translate",
        "测试",
        stdin="\n".join([SENTENCES[0], "", SENTENCES[1]]).encode(),
        cwd=tmp_path,
    )
    assert (done.status, done.err) == (0, "")
    assert lines(done.out) == [expected[0], "", expected[1]]


def test_a_line_is_answered_before_the_input_ends_and_a_closed_pipe_is_no_error(
    trained_run, expected
):
    """`… | translate RUN | head -1`"""
    with running("translate", trained_run) as process:
        process.stdin.write(f"{SENTENCES[0]}\n".encode())
        process.stdin.flush()
        assert process.stdout.readline().decode() == expected[0] + "\n"  # the input is still open
        process.stdout.close()
        process.stdin.write(f"{SENTENCES[1]}\n".encode())
        process.stdin.close()
        assert process.wait(60) == 0
        assert process.stderr.read() == b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_quietly(trained_run, expected, number):
    with running("translate", trained_run) as process:
        process.stdin.write(f"{SENTENCES[0]}\n".encode())
        process.stdin.flush()
        assert process.stdout.readline().decode() == expected[0] + "\n"
        process.send_signal(number)
        assert process.wait(60) == 128 + number
        assert process.stdout.read() == b"" and process.stderr.read() == b""


def test_a_signal_that_another_thread_takes_is_heard():
    """As is one that comes just before the wait for a line: neither of them wakes the thread that
    waits."""

    def handler(number, frame):
        raise InterruptedError(number)

    before = signal.signal(signal.SIGUSR1, handler)
    reader, writer = os.pipe()
    try:
        with open(reader, "rb") as file:
            windows = translate_command.read_windows(file, "the pipe")
            os.write(writer, b"one\n")
            assert next(windows) == ["one"]
            threading.Timer(
                0.3, lambda: signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
            ).start()
            with pytest.raises(InterruptedError):
                next(windows)
            os.close(writer)  # ends the thread that reads
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_it_prompts_at_a_terminal_and_only_results_go_to_stdout(trained_run, expected):
    ours, theirs = pty.openpty()
    try:
        with running("translate", trained_run, stdin=theirs) as process:
            os.write(ours, f"{SENTENCES[0]}\n".encode())
            assert process.stdout.readline().decode() == expected[0] + "\n"
            os.write(ours, f"{SENTENCES[1]}\n".encode())
            assert process.stdout.readline().decode() == expected[1] + "\n"
            for _ in range(2):
                os.write(ours, b"Quantum cats.\n")
                assert process.stdout.readline()
            os.write(ours, b"\x04")
            assert process.wait(60) == 0
            assert process.stdout.read() == b""
            log = process.stderr.read().decode()
            assert "Type a sentence" in log and log.count("> ") == 5
            # Elsewhere once a run, here below each translation.
            assert log.count("outside of what this model has seen") == 2
    finally:
        os.close(ours)
        os.close(theirs)


def test_it_prompts_where_both_ends_are_a_terminal(trained_run, expected):
    ours, theirs = pty.openpty()
    try:
        with running(
            "translate", trained_run, stdin=theirs, stdout=theirs, stderr=theirs
        ) as process:
            os.write(ours, f"{SENTENCES[0]}\n".encode())
            screen, deadline = b"", time.monotonic() + 100
            while screen.count(b"> ") < 2 and time.monotonic() < deadline:
                screen += os.read(ours, 4096)
            assert expected[0].encode() in screen and b"  score -" in screen
            os.write(ours, b"\x04")
            assert process.wait(60) == 0
    finally:
        os.close(ours)
        os.close(theirs)


def typed(monkeypatch, capfd, translator, *lines_in: str) -> tuple[list[str], str]:
    """What the prompt passes on of the lines, and what it says on stderr."""
    lines_left = iter(lines_in)
    monkeypatch.setattr(translate_command, "typed_line", lambda: next(lines_left, None))
    sentences = [window[0] for window in translate_command.prompt(translator)]
    assert not list(lines_left)
    return sentences, capfd.readouterr().err


def test_the_prompt_says_which_model_it_is(monkeypatch, capfd, translator, trained_run):
    sentences, said = typed(monkeypatch, capfd, translator, SENTENCES[0], "", "Who: me?")
    assert sentences == [SENTENCES[0], "", "Who: me?"]
    n = sum(parameter.numel() for parameter in translator.model.parameters())
    assert f"{trained_run.name}: English to Chinese, {n / 1e6:.1f} million parameters" in said
    assert "trained on pairs.tsv" in said
    monkeypatch.setitem(translator.metadata, "source", {"name": "someone/opus", "license": None})
    assert "made from someone/opus" in typed(monkeypatch, capfd, translator)[1]


def test_the_prompt_knows_commands(monkeypatch, capfd, translator, tmp_path):
    monkeypatch.chdir(tmp_path)
    sentences, said = typed(
        monkeypatch, capfd, translator, ":attention", SENTENCES[0], ":help", ":foo", ":attention"
    )
    assert sentences == SENTENCES[:1]
    assert "Type a sentence first." in said and ":foo: no such command" in said
    assert all(f"\n  {word} " in said for word in (":attention", ":help", ":quit"))
    page = tmp_path / "attention.html"
    assert f"open {page.as_uri()}\n" in said
    assert page.read_text("utf-8") == translator.attention(SENTENCES[0]).page()
    sentences, _ = typed(monkeypatch, capfd, translator, "a", " :quit ")
    assert sentences == ["a"]


@pytest.mark.parametrize("line", [":quit", ":exit", "/quit", ": quit", "/exit", ":QUIT"])
def test_the_prompt_knows_commands_as_people_type_them(monkeypatch, capfd, translator, line):
    sentences, said = typed(monkeypatch, capfd, translator, "a", "/help", ": help", line)
    assert sentences == ["a"] and said.count("\n  :quit ") == 2


@pytest.mark.parametrize("line", ["quit", "Exit", "help"])
def test_a_word_that_may_be_meant_as_a_command_is_translated_with_a_hint(
    monkeypatch, capfd, translator, line
):
    sentences, said = typed(monkeypatch, capfd, translator, "Help me.", line)
    assert sentences == ["Help me.", line]
    assert said.splitlines()[-1].startswith("  (") and ":" in said.splitlines()[-1]
    assert sum(each.startswith("  (") for each in said.splitlines()) == 1


def test_what_is_no_command_is_a_sentence(monkeypatch, capfd, translator):
    texts = ["/etc", ": see below", "/help me", ":foo bar", ":)", "/", ":"]
    assert typed(monkeypatch, capfd, translator, *texts)[0] == texts


def test_a_command_takes_no_more_words(monkeypatch, capfd, translator, tmp_path):
    monkeypatch.chdir(tmp_path)
    sentences, said = typed(monkeypatch, capfd, translator, "We draw.", ":attention 3", ":quit now")
    assert sentences == ["We draw."] and ":attention stands alone" in said
    assert ":quit stands alone" in said and not list(tmp_path.iterdir())


def test_of_several_sentences_the_page_shows_the_last(monkeypatch, capfd, translator, tmp_path):
    monkeypatch.chdir(tmp_path)
    line = " ".join(SENTENCES[:2])
    _, said = typed(monkeypatch, capfd, translator, line, ":attention")
    assert f"the last of the 2 sentences: {SENTENCES[1]}\n" in said
    page = (tmp_path / "attention.html").read_text("utf-8")
    assert page == translator.attention(SENTENCES[1]).page()


def test_bytes_that_are_not_utf8_do_not_end_the_prompt(monkeypatch, capfd):
    """They come as lone surrogates or as an error, by the locale."""
    decoding = UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
    answers = iter(["caf\udce9", decoding, "Hello."])

    def answer(_):
        value = next(answers)
        if isinstance(value, Exception):
            raise value
        return value

    monkeypatch.setattr("builtins.input", answer)
    assert translate_command.typed_line() == "Hello."
    assert capfd.readouterr().err.count("what was typed is not UTF-8") == 2


def test_a_long_line_at_the_prompt_has_no_number(translator, capfd):
    windows = iter([["I like apples. " * 60]])
    out = io.StringIO()
    translator_off = copy.copy(translator)
    translator_off.decode = replace(translator.decode, split_sentences="off")
    translate_command.translate(translator_off, windows, None, False, False, out, at_prompt=True)
    assert "warning: the line is longer than" in capfd.readouterr().err


def test_a_page_that_cannot_be_written_does_not_end_the_prompt(
    monkeypatch, capfd, translator, tmp_path
):
    monkeypatch.chdir(tmp_path)
    lines_in = ["fish " * 60, ":attention", "We draw.", ":attention"]
    (tmp_path / "attention.html").mkdir()
    sentences, said = typed(monkeypatch, capfd, translator, *lines_in)
    assert len(sentences) == 2
    assert "no page: the sentence has" in said and "no page: attention.html" in said


# ------------------------------------------------------------------------------------------- links


def test_links_beside_each_translation(call, translator, trained_run):
    """They are those of a forced pass over the pair alone."""
    lines_in = ["I like cats.", "", "They buy fish and cats every day!", "  We draw. "]
    texts = [translation.text for translation in translator.translate(lines_in)]
    expected = [
        format_links(translator.attention(line, rule=BASE).links) if line else ""
        for line in lines_in
    ]
    translations = translator.translate(lines_in, align=True, rule=BASE)
    assert [format_links(each.candidates[0].links) for each in translations] == expected
    assert [translation.text for translation in translations] == texts
    assert all(c.links is None for c in translator.translate(lines_in[0]).candidates)

    rule, _ = translator.inspector.default_rule()
    links = [
        format_links(translator.attention(line, rule=rule).links) if line else ""
        for line in lines_in
    ]
    stdin = "".join(line + "\n" for line in lines_in).encode()
    done = call("translate", trained_run, "--align", stdin=stdin)
    assert lines(done.out) == [" ||| ".join(pair) for pair in zip(texts, links, strict=True)]
    assert f"links: {rule}" in done.err
    done = call("translate", trained_run, "--align", "--json", stdin=stdin)
    assert [json.loads(line)["links"] for line in lines(done.out)] == links
    assert "links" not in json.loads(call("translate", trained_run, "--json", "I draw.").out)


def test_links_of_each_of_the_n_best(call, translator, trained_run):
    rule = Rule(0, 1, both=True, column_threshold=0.1, mask_eos=False)
    translation = translator.translate("They buy fish.", n_best=4, align=True, rule=rule)
    assert len(translation.candidates) > 1
    for candidate in translation.candidates:
        # The text may be spelled otherwise than the search spelled it.
        src = translator.inspector.side("They buy fish.", True, "words", "x")
        tgt = translator.inspector.side(candidate.text, False, "words", "x")
        assert all(i < len(src.units) and j < len(tgt.units) for i, j in candidate.links)
    best = translator.attention("They buy fish.", rule=rule)
    assert translation.candidates[0].links == best.links
    done = call("translate", trained_run, "--align", "--n-best", "4", "They buy fish.")
    assert all(line.count(" ||| ") == 3 for line in lines(done.out))
    done = call("translate", trained_run, "--align", "--n-best", "2", "--json", "They buy fish.")
    assert all("links" in each for each in json.loads(done.out)["n_best"])


@pytest.mark.parametrize("split", ["on", "off"])
def test_links_of_a_line_in_pieces_index_the_whole(translator, split):
    """The links of every piece are those of the piece alone, moved to its place."""
    one = "They buy fish and cats every day!"
    whole = " ".join([one] * 12)
    translation = translator.translate(whole, align=True, rule=BASE, split_sentences=split)
    assert translation.n_pieces > 1
    pieces = [one] * 12 if split == "on" else translator.cut(whole)
    expected, src_before, tgt_before = set(), 0, 0
    for piece in pieces:
        attention = translator.attention(piece, rule=BASE)
        expected |= {(i + src_before, j + tgt_before) for i, j in attention.links}
        src_before += len(attention.src.units)
        tgt_before += len(attention.tgt.units)
    assert translation.candidates[0].links == expected


def test_units_that_two_pieces_share():
    """A piece has its part of a word, and nothing of the words of others."""
    assert units_in_pieces("ab cd ef", ["ab c", "d ef"]) == [
        (0, [(0, 2), (3, 4)]),
        (1, [(0, 1), (2, 4)]),
    ]
    assert units_in_pieces("a。b", [" a。", "", "\tb"]) == [
        (0, [(1, 2), (2, 3)]),
        (2, []),
        (2, [(1, 2)]),
    ]


def test_a_word_that_is_none_is_shortened_in_the_warning(translator):
    text = "a" * 1000
    doubt = replace(translator.translate("x"), unknown=[text, "b"]).doubt
    assert f"{'a' * 40}…, b)" in doubt and "a" * 41 not in doubt


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda t: t.score(("Hi.", "你好。")), r"pair 1 is 'Hi.'"),
        (lambda t: t.score([("Hi.", None)]), r"pair 1 is \('Hi.', None\)"),
        (lambda t: t.attention(["Hi."]), "one sentence .* not list"),
        (lambda t: t.attention("Hi.", 5), "not int"),
    ],
)
def test_texts_of_another_kind_are_named(translator, call, message):
    with pytest.raises(TypeError, match=message):
        call(translator)


def test_a_rule_that_the_model_has_no_head_for_is_named(translator):
    with pytest.raises(UserError, match="the model has no layer 9"):
        translator.translate("I draw.", align=True, rule=Rule(9))


@pytest.mark.parametrize("workers", [1, 3])
def test_hypotheses_that_do_not_end_change_no_links(translator, workers, monkeypatch):
    """Those of like length pass together; alone each has the same attention."""
    monkeypatch.setattr("transformer_mt.decoding.LOOK_TOKENS", 7)
    monkeypatch.setattr(translator, "n_workers", workers)
    texts = ["I like cats.", "They buy fish and cats every day!", "We draw.", "You"] * 5
    for text, translation in zip(
        texts, translator.translate(texts, align=True, rule=BASE), strict=True
    ):
        assert translation.candidates[0].links == translator.attention(text, rule=BASE).links


MARKED = [
    "<b>I</b> like <i>cats</i>.",
    "",
    "They buy {count} fish and ``cats`` every day!",
    "<p>We draw.</p>",
    "{a} {b}",
    "I like cats.",
]


def test_markup_is_kept(call, translator, trained_run):
    translations = translator.translate(MARKED, markup=True)
    assert [each.src for each in translations] == MARKED
    for line, translation in zip(MARKED, translations, strict=True):
        for mark in take_apart(line).marks:
            assert translation.text.count(mark.text) == line.count(mark.text)
        assert translation.candidates[0].links is None
    texts = [translation.text for translation in translations]
    plain = translator.translate("We draw.")
    assert texts[3] == f"<p>{plain.text}</p>"
    assert texts[1] == "" and texts[4] == "{a} {b}"
    assert texts[5] == translator.translate(MARKED[5]).text

    stdin = "".join(line + "\n" for line in MARKED).encode()
    done = call("translate", trained_run, "--markup", stdin=stdin)
    assert done.status == 0 and lines(done.out) == texts
    for number, translation in enumerate(translations, start=1):
        is_said = f"line {number}: no link says where" in done.err
        assert is_said == bool(translation.candidates[0].displaced)
    done = call("translate", trained_run, "--markup", "--json", stdin=stdin)
    values = [json.loads(line) for line in lines(done.out)]
    assert [value["text"] for value in values] == texts
    assert [value["displaced"] for value in values] == [
        translation.candidates[0].displaced for translation in translations
    ]
    assert values[0]["src"] == MARKED[0] and "links" not in values[0]


def test_a_message_that_is_carried_whole_is_said(call, trained_run):
    message = "{n, plural, one {# cat} other {# cats}}"
    done = call("translate", trained_run, "--markup", "I like {x}.", f"They buy {message}.")
    assert done.status == 0 and lines(done.out)[1].count(message) == 1
    assert f"line 2: not translated inside of {message}." in done.err
    assert "line 1: not" not in done.err


def test_markup_in_each_of_the_n_best_and_in_long_lines(translator):
    translation = translator.translate("<b>They</b> buy <i>fish</i>.", n_best=4, markup=True)
    plain = translator.translate("They buy fish.", n_best=4).candidates
    assert len(translation.candidates) == len(plain) > 1
    for marked, candidate in zip(translation.candidates, plain, strict=True):
        words = re.sub("<.*?>", "", marked.text)
        assert words.replace(" ", "") == candidate.text.replace(" ", "")
        assert marked.score == candidate.score
    long = " ".join(["They <b>buy</b> fish and <i>cats</i> every day!"] * 12)
    translation = translator.translate(long, markup=True)
    assert translation.n_pieces > 1
    assert [translation.text.count(tag) for tag in ("<b>", "</b>", "<i>", "</i>")] == [12] * 4


def test_a_name_that_comes_through_places_its_mark(translator, monkeypatch):
    """Where it does not, the line is translated without names."""
    asked = []

    def search(sources, *_):
        asked.append(translator.src_tokenizer.decode([row[:-1] for row in sources]))
        hypotheses = []
        for text in asked[-1]:
            tgt = "汤姆画画。" if text == "Tom draws." else "画画。"
            (ids,) = translator.tgt_tokenizer.encode([tgt])
            attention = torch.ones(len(ids), len(translator.src_tokenizer.encode([text])[0]))
            hypotheses.append([Hypothesis(ids[:-1], -1.0, attention)])
        return hypotheses

    monkeypatch.setattr(translator, "search", search)
    texts = ["{name} draws.", "We draw {x}."]
    translations = translator.translate(texts, markup=True, rule=BASE)
    assert asked == [["Tom draws.", "We draw Tom."], ["We draw."]]
    assert translations[0].text == "{name}画画。"
    assert translations[1].text.count("{x}") == 1


def test_a_number_is_translated_as_a_figure_and_as_a_word(translator, monkeypatch):
    """The likelier translation is taken."""

    def search(sources, *_):
        hypotheses = []
        for row in sources:
            src = translator.src_tokenizer.decode([row[:-1]])[0]
            tgt, score = ("我买了五条鱼。", -1.0) if "five" in src else ("我25岁。", -2.0)
            (ids,) = translator.tgt_tokenizer.encode([tgt])
            hypotheses.append([Hypothesis(ids[:-1], score, torch.ones(len(ids), len(row)))])
        return hypotheses

    monkeypatch.setattr(translator, "search", search)
    translation = translator.translate("I buy %d fish.", markup=True, rule=BASE)
    assert (translation.text, translation.score) == ("我买了%d条鱼。", -1.0)


def test_blocks_are_translated_apart(translator):
    line = "  <ul><li>We <b>draw</b>.</li> <li>They buy fish</li><li>---</li></ul>"
    texts = ["We <b>draw</b>.", "They buy fish"]
    translation = translator.translate(line, markup=True, n_best=2)
    parts = [translator.translate(text, markup=True, n_best=2) for text in texts]
    n_candidates = max(len(part.candidates) for part in parts)
    assert len(translation.candidates) == n_candidates
    first, second = (part.text for part in parts)
    assert translation.text == f"  <ul><li>{first}</li> <li>{second}</li><li>---</li></ul>"
    assert translation.score == pytest.approx(sum(part.score for part in parts))
    assert (translation.src, translation.n_sentences) == (line, 3)
    assert translator.translate("<p></p>", markup=True).text == "<p></p>"
    escaped = translator.translate("<p>We draw & buy</p>", markup=True).text
    assert "& " not in escaped


def test_links_and_markup_exclude_each_other(call, translator, trained_run):
    with pytest.raises(UserError, match="align and markup exclude each other"):
        translator.translate("I draw.", align=True, markup=True)
    done = call("translate", trained_run, "--align", "--markup", "I draw.")
    assert done.status == 2 and "give --align or --markup, not both" in done.err
