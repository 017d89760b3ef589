"""The commands as a person or a script meets them: pipes, files, errors in one line, exit statuses."""

import copy
import io
import json
import math
import os
import pickle
import pty
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import sacrebleu
import torch
import yaml
from helpers import ENVIRONMENT, pattern_pairs, running, start, training_config, training_options
from safetensors.torch import save_file

from transformer_mt import Translator
from transformer_mt import translate as translate_command
from transformer_mt.config import UserError
from transformer_mt.decoding import Hypothesis
from transformer_mt.run_dir import load_tensors, save_tensors
from transformer_mt.train import train
from transformer_mt.translator import Translation

SENTENCES = [
    "I like apples.",
    "They buy fish and cats every day!",
    "Teachers draw cars today.",
    "You see books!",
]


@pytest.fixture(scope="module")
def translator(trained_run) -> Translator:
    return Translator.from_pretrained(trained_run)


@pytest.fixture(scope="module")
def expected(translator) -> list[str]:
    """What the Python API makes of SENTENCES."""
    texts = [translation.text for translation in translator.translate(SENTENCES)]
    assert len(set(texts)) == len(texts) and all(texts)
    return texts


def lines(text: str) -> list[str]:
    assert text == "" or text.endswith("\n")
    return text.split("\n")[:-1]


# ----------------------------------------------------------------------------------------------------- train


def test_training_leaves_the_run_directory_and_nothing_else(trained_run):
    folder = trained_run.parents[1]
    assert [path.name for path in folder.iterdir()] == ["runs"]
    assert [path.name for path in trained_run.parent.iterdir()] == ["files-en-zh-tiny"]
    names = {path.name for path in trained_run.iterdir()} - {"tensorboard", "learning_curve.png"}
    assert names == {
        "config.yaml", "src.spm.model", "tgt.spm.model", "model.safetensors", "valid.tsv", "test.tsv", "checkpoints",
        "metrics.jsonl", ".lock",
    }  # fmt: skip
    config = yaml.safe_load((trained_run / "config.yaml").read_text("utf-8"))
    assert config["run_dir"] == "runs/files-en-zh-tiny" and config["train"]["max_steps"] == 150
    metadata = load_tensors(trained_run / "model.safetensors")[1]
    assert metadata["steps"] and metadata["valid_bleu"] > 0
    pairs = set(pattern_pairs())
    for split in ("valid", "test"):
        rows = [
            tuple(line.split("\t"))
            for line in lines((trained_run / f"{split}.tsv").read_text("utf-8"))
        ]
        assert rows and set(rows) <= pairs


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


GOOD = b"".join(f"{en}\t{zh}\n".encode() for en, zh in pattern_pairs()[:60])


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "bad.tsv: no such file"),
        (GOOD + b"only one column\n" + GOOD, "bad.tsv: line 61 has 1 column(s)"),
        (
            GOOD + b"Hello.\t\xe4\xbd\xff\n",
            f"bad.tsv: line 61 is not UTF-8 at byte offset {len(GOOD) + 7}",
        ),
        (b"", "bad.tsv: the file is empty"),
        (b"\t\nHello.\t\n\t\xe4\xbd\xa0\n", "no pair is left after cleaning (empty side: 3)"),
    ],
)
def test_a_bad_corpus_is_refused(tmp_path, cache_dir, content, message):
    corpus, run_dir = tmp_path / "bad.tsv", tmp_path / "run"
    if content is not None:
        write(corpus, content)
    with pytest.raises(UserError, match=re.escape(message)):
        train(training_config(corpus, cache_dir, run_dir))
    assert not run_dir.exists()


def test_a_user_error_of_training_is_one_line_and_exit_2(call, tmp_path, cache_dir):
    error = call(
        "train", *training_options(tmp_path / "bad.tsv", cache_dir, tmp_path / "run")
    ).error
    assert error == f"error: data.train={tmp_path / 'bad.tsv'}: no such file."


def test_bad_rows_can_be_counted_and_left_out(tmp_path, cache_dir, capsys):
    corpus = write(tmp_path / "bad.tsv", GOOD + b"only one column\n\xff\tx\n")
    changes = {"train.max_steps": 1, "data.on_bad_row": "skip"}
    assert train(training_config(corpus, cache_dir, tmp_path / "run", **changes)) == 0
    said = capsys.readouterr()
    assert any(
        "unreadable row" in line and line.split()[-1] == "2" for line in said.err.splitlines()
    )
    assert "warning: tokenizer.vocab_size=340 is more than the corpus allows" in said.err
    assert said.out == ""
    assert f"python -m transformer_mt.translate {tmp_path / 'run'}" in said.err


@pytest.mark.parametrize(
    "change, message",
    [
        ({"train.device": "cuda:31"}, "device=cuda:31: this machine has no such device"),
        ({"data.train": None}, "data.train is not set"),
        ({"data.train": "corpus.xyz"}, "data.train=corpus.xyz"),
        ({"data.train": ["a.en", "b.zh", "c.zh"]}, "give one file, or two line-aligned text files"),
        (
            {"tokenizer.src_model": "a.model", "tokenizer.tgt_model": "b.model"},
            "a.model: no such SentencePiece model",
        ),
    ],
)
def test_a_bad_option_of_training_is_refused(corpus_tsv, cache_dir, tmp_path, change, message):
    with pytest.raises(UserError, match=re.escape(message)):
        train(training_config(corpus_tsv, cache_dir, tmp_path / "run", **change))
    assert not (tmp_path / "run").exists()


def test_bf16_that_the_machine_lacks_is_refused(corpus_tsv, cache_dir, tmp_path, monkeypatch):
    for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False)
    with pytest.raises(UserError, match="precision=bf16: this machine's cpu has no bf16"):
        train(
            training_config(corpus_tsv, cache_dir, tmp_path / "run", **{"train.precision": "bf16"})
        )


def test_a_run_dir_that_is_something_else_is_left_alone(corpus_tsv, cache_dir, tmp_path):
    file = write(tmp_path / "file", "mine")
    with pytest.raises(UserError, match=f"run_dir={file} is a file"):
        train(training_config(corpus_tsv, cache_dir, file))
    folder = tmp_path / "folder"
    folder.mkdir()
    write(folder / "notes.txt", "mine")
    with pytest.raises(UserError, match=f"run_dir={folder} holds files that are not a run"):
        train(training_config(corpus_tsv, cache_dir, folder))
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_loss_that_is_not_finite_is_one_line(call, corpus_tsv, cache_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "transformer_mt.trainer.label_smoothed_loss", lambda states, *_: states.sum() * math.nan
    )
    options = training_options(corpus_tsv, cache_dir, tmp_path / "run")
    assert "the loss is nan" in call("train", *options).error


# ------------------------------------------------------------------------------------------------- translate


def test_arguments_and_lines_give_what_the_python_api_gives(call, trained_run, expected):
    done = call("translate", trained_run, *SENTENCES)
    assert (done.status, done.err) == (0, "")
    assert lines(done.out) == expected
    piped = call("translate", trained_run, stdin="\n".join(SENTENCES).encode())
    assert (piped.status, piped.out, piped.err) == (0, done.out, "")


def test_every_line_in_is_a_line_out_in_order(call, trained_run, expected, monkeypatch):
    monkeypatch.setattr(translate_command, "WINDOW", 3)
    given = ["", SENTENCES[1], "   ", SENTENCES[0], "", "", *SENTENCES[2:], ""]
    wanted = ["", expected[1], "", expected[0], "", "", *expected[2:], ""]
    for end in ("\n", "\r\n"):
        done = call("translate", trained_run, stdin=("\ufeff" + end.join(given) + end).encode())
        assert done.status == 0 and lines(done.out) == wanted
    assert call("translate", trained_run, stdin=b"").out == ""
    assert call("translate", trained_run, stdin=b"\n").out == "\n"
    assert call("translate", trained_run, "").out == "\n"


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
    pipe, found = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: found.append(pipe.read_text("utf-8")))
    reader.start()
    done = call("translate", trained_run, *SENTENCES, "--output", pipe)
    reader.join()
    assert (done.status, done.out, done.err) == (0, "", "")
    assert lines(found[0]) == expected and pipe.is_fifo()


def test_scores_are_told_where_the_translations_cannot_be_written(call, trained_run, tmp_path):
    (tmp_path / "file").touch()
    done = call(
        "evaluate", trained_run, "--split", "valid", "--output", tmp_path / "file" / "out.txt"
    )
    assert (
        done.status == 1 and "BLEU" in done.out and done.err.splitlines()[-1].startswith("error: ")
    )


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


def test_a_closed_stderr_is_no_reason_to_stop(trained_run, expected):
    program = (
        f"exec '{sys.executable}' -m transformer_mt.translate '{trained_run}' '{SENTENCES[0]}' 2>&-"
    )
    done = subprocess.run(["sh", "-c", program], stdout=subprocess.PIPE, check=True)
    assert lines(done.stdout.decode()) == expected[:1]


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


@pytest.mark.parametrize(
    "error, status",
    [
        (
            RuntimeError(
                "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
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
    assert (
        done.err
        == "error: out of memory; lower --batch-tokens or --beam-size, or take a machine with more.\n"
    )


def test_another_runtime_error_is_a_bug_and_keeps_its_traceback(call, trained_run, monkeypatch):
    def search(*_, **__):
        raise RuntimeError("shapes differ")

    monkeypatch.setattr("transformer_mt.translator.search", search)
    with pytest.raises(RuntimeError, match="shapes differ"):
        call("translate", trained_run, "Hello.")


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
def test_n_best_gives_n_lines_for_every_line(call, trained_run, expected, n):
    done = call(
        "translate",
        trained_run,
        "--n-best",
        n,
        stdin="\n".join(["", *SENTENCES, ""]).encode() + b"\n",
    )
    rows = [line.split(" ||| ") for line in lines(done.out)]
    assert [row[0] for row in rows] == [str(number) for number in range(1, 7) for _ in range(n)]
    assert [row[1] for row in rows[n::n]] == [*expected, ""]
    for start_row in range(0, len(rows), n):
        scores = [float(row[2]) for row in rows[start_row : start_row + n]]
        assert scores == sorted(scores, reverse=True)
    assert len({tuple(row[1:]) for row in rows[n : 2 * n]}) == n


def test_decoding_options_reach_the_search(call, trained_run, translator):
    for option, argument, value in (
        ("--beam-size", "beam_size", 1),
        ("--length-penalty", "length_penalty", 0.0),
    ):
        rows = map(
            json.loads,
            lines(call("translate", trained_run, "--json", option, value, *SENTENCES).out),
        )
        wanted, scores = translator.translate(SENTENCES, **{argument: value}), []
        for done, found in zip(rows, wanted, strict=True):
            assert done["text"] == found.text and done["score"] == pytest.approx(
                found.score, abs=1e-5
            )
            scores.append(found.score)
        assert scores != pytest.approx(
            [found.score for found in translator.translate(SENTENCES)], abs=1e-5
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
            "device=cuda:31: this machine has no such device",
        ),
        (["RUN", "--device", "tpu9", "Hello."], "device=tpu9 is unknown"),
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
    done = call(
        "translate", trained_run, stdin=f"{SENTENCES[0]}\n{long}\n{SENTENCES[0]}\n".encode()
    )
    assert done.status == 0 and len(lines(done.out)) == 3
    (warning,) = done.err.splitlines()
    n_pieces = len(translator.cut(long))
    assert n_pieces > 1
    assert warning == (
        f"warning: line 2 is longer than model.max_len=48 tokens: translated in {n_pieces} pieces."
    )  # fmt: skip
    best = call("translate", trained_run, "--n-best", 3, long)
    assert len(lines(best.out)) == 3


@pytest.mark.parametrize(
    "text",
    [
        " ".join(SENTENCES * 8),
        "apples " * 200,
        "x" * 500,
        "苹果" * 300,
        "！？。" * 200,
        "a  b\u3000c " * 90,
        "😀" * 99,
    ],
)
def test_pieces_fit_and_hold_all_the_text(translator, text):
    pieces = translator.cut(text.strip())
    assert all(0 < translator.n_tokens(piece) <= 48 for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_pieces_end_where_sentences_end(translator):
    pieces = translator.cut(" ".join(SENTENCES * 8))
    assert len(pieces) > 1 and all(piece[-1] in ".!" for piece in pieces)


def test_the_python_api_refuses_what_is_not_a_list_of_texts(translator):
    with pytest.raises(TypeError, match="list of texts"):
        translator.translate("I like apples.")
    with pytest.raises(UserError, match="text 2 has a lone surrogate at character 3"):
        translator.translate(["ok", "ab\ud800"])
    assert translator.translate([]) == []
    empty = translator.translate(["", " \t "], n_best=2)
    assert [translation.text for translation in empty] == ["", ""]
    assert [len(translation.candidates) for translation in empty] == [2, 2]


def test_the_python_api_ignores_batch_mates_and_order(translator):
    together = translator.translate(SENTENCES)
    alone = [translator.translate([sentence])[0] for sentence in reversed(SENTENCES)][::-1]
    assert [t.text for t in alone] == [t.text for t in together]
    assert [t.score for t in alone] == pytest.approx([t.score for t in together], abs=1e-5)
    assert all(isinstance(t, Translation) and t.n_pieces == 1 and t.n_tokens >= 2 for t in together)


# --------------------------------------------------------------------- translate as a process: pipes and signals


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


def test_a_signal_that_another_thread_takes_is_heard():
    """As is one that comes just before the wait for a line: neither of them wakes the thread that waits."""

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
            os.write(ours, b"\x04")
            assert process.wait(60) == 0
            assert process.stdout.read() == b""
            said = process.stderr.read().decode()
            assert "Type a sentence" in said and said.count("> ") == 3
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
            seen, deadline = b"", time.monotonic() + 100
            while seen.count(b"> ") < 2 and time.monotonic() < deadline:
                seen += os.read(ours, 4096)
            assert expected[0].encode() in seen
            os.write(ours, b"\x04")
            assert process.wait(60) == 0
    finally:
        os.close(ours)
        os.close(theirs)


# -------------------------------------------------------------------------------------------------- evaluate


def split_of(run: Path, name: str) -> tuple[list[str], list[str]]:
    rows = [line.split("\t") for line in lines((run / f"{name}.tsv").read_text("utf-8"))]
    return [row[0] for row in rows], [row[1] for row in rows]


def test_one_sentence_has_no_interval(call, trained_run, tmp_path):
    file = write(tmp_path / "one.txt", "苹果\n")
    report = json.loads(
        call("evaluate", trained_run, "--src", file, "--ref", file, "--hyp", file, "--json").out
    )
    assert (
        report["chrf"]["score"] == 100
        and report["bleu"]["interval"] == report["chrf"]["interval"] == 0
    )


@pytest.mark.parametrize("split", ["test", "valid"])
def test_scores_agree_with_sacrebleu(call, trained_run, translator, split, tmp_path):
    done = call(
        "evaluate", trained_run, "--split", split, "--json", "--output", tmp_path / "hyp.txt"
    )
    assert done.status == 0
    report = json.loads(done.out)
    sources, references = split_of(trained_run, split)
    hypotheses = [translation.text for translation in translator.translate(sources)]
    assert lines((tmp_path / "hyp.txt").read_text("utf-8")) == hypotheses
    bleu = sacrebleu.corpus_bleu(hypotheses, [references], tokenize="zh")
    assert 0 < bleu.score < 100
    assert report["bleu"]["score"] == pytest.approx(bleu.score, abs=1e-9)
    assert report["chrf"]["score"] == pytest.approx(
        sacrebleu.corpus_chrf(hypotheses, [references]).score, abs=1e-9
    )
    assert report["length_ratio"] == pytest.approx(bleu.sys_len / bleu.ref_len)
    assert "tok:zh" in report["bleu"]["signature"] and "version:" in report["bleu"]["signature"]
    assert "chrF" in report["chrf"]["signature"] or "nc:6" in report["chrf"]["signature"]
    assert 0 < report["bleu"]["interval"] < 60 and 0 < report["chrf"]["interval"] < 60
    assert (
        report["n"] == len(sources)
        and report["test_set"] == split
        and report["direction"] == "en-zh"
    )
    assert report["sentences_per_second"] > 0 and report["beam_size"] == 4


def test_the_report_for_people(call, trained_run):
    done = call("evaluate", trained_run, "--beam-size", 1)
    n = len(split_of(trained_run, "test")[0])
    first, bleu, chrf, ratio, speed = lines(done.out)
    assert first == f"test: {n} sentences, en-zh, 1 reference(s)"
    assert bleu.startswith("BLEU") and "±" in bleu and "tok:zh" in bleu
    assert chrf.startswith("chrF") and "±" in chrf and ratio.startswith("length ratio")
    assert "sentences/s" in speed and "beam size 1" in speed


def test_the_default_split_is_test(call, trained_run):
    hyp = trained_run.parent.parent / "hyp.txt"
    write(hyp, "\n".join(split_of(trained_run, "test")[1]))
    try:
        report = json.loads(call("evaluate", trained_run, "--hyp", hyp, "--json").out)
    finally:
        hyp.unlink()
    assert report["bleu"]["score"] == pytest.approx(100) and report["chrf"][
        "score"
    ] == pytest.approx(100)
    assert report["length_ratio"] == 1 and "sentences_per_second" not in report


def test_several_references(call, trained_run, tmp_path):
    src, hyp = (
        write(tmp_path / "src", "a b c d.\ne f g h."),
        write(tmp_path / "hyp", "我喜欢苹果。\n他们买鱼。"),
    )
    refs = ["我喜欢苹果。\n他们要买鱼！\n", "我爱吃苹果。\n他们买鱼。\n"]
    paths = [write(tmp_path / f"ref{i}", text) for i, text in enumerate(refs)]
    done = call(
        "evaluate",
        trained_run,
        "--src",
        src,
        "--ref",
        paths[0],
        "--ref",
        paths[1],
        "--hyp",
        hyp,
        "--json",
    )
    report = json.loads(done.out)
    expected = sacrebleu.corpus_bleu(
        ["我喜欢苹果。", "他们买鱼。"], [text.splitlines() for text in refs], tokenize="zh"
    ).score  # fmt: skip
    assert report["bleu"]["score"] == pytest.approx(expected, abs=1e-9) == pytest.approx(100)
    assert "nrefs:2" in report["bleu"]["signature"]
    one = json.loads(call("evaluate", trained_run, "--ref", paths[0], "--hyp", hyp, "--json").out)
    assert one["bleu"]["score"] < 99 and "nrefs:1" in one["bleu"]["signature"]


def test_one_sentence_is_scored(call, trained_run, tmp_path):
    src, ref = write(tmp_path / "src", SENTENCES[0]), write(tmp_path / "ref", "我喜欢苹果。")
    report = json.loads(call("evaluate", trained_run, "--src", src, "--ref", ref, "--json").out)
    assert report["n"] == 1 and 0 <= report["bleu"]["score"] <= 100


def test_english_targets_are_scored_by_13a(call, trained_run, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    config = (trained_run / "config.yaml").read_text("utf-8")
    write(run / "config.yaml", config.replace("direction: en-zh", "direction: zh-en"))
    ref, hyp = (
        write(tmp_path / "ref", "I like apples.\nYou, too."),
        write(tmp_path / "hyp", "I like fish.\nYou, too."),
    )
    report = json.loads(call("evaluate", run, "--ref", ref, "--hyp", hyp, "--json").out)
    assert "tok:13a" in report["bleu"]["signature"]
    expected = sacrebleu.corpus_bleu(
        ["I like fish.", "You, too."], [["I like apples.", "You, too."]]
    ).score
    assert report["bleu"]["score"] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["nowhere"], "nowhere: no run here"),
        (["RUN", "--hyp", "two"], "--hyp two: 2 lines, but the test set has"),
        (["RUN", "--src", "two", "--ref", "three"], "three: 3 lines, but two has 2"),
        (
            ["RUN", "--src", "two", "--ref", "two", "--ref", "three"],
            "three: 3 lines, but two has 2",
        ),
        (["RUN", "--src", "missing", "--ref", "two"], "missing: no such file"),
        (["RUN", "--src", "bytes", "--ref", "two"], "bytes: line 2 is not UTF-8 at byte offset 3"),
        (["RUN", "--src", "empty", "--ref", "empty"], "the test set is empty"),
        (["RUN", "--src", "two"], "--src needs --ref"),
        (["RUN", "--ref", "two"], "--ref needs --src"),
        (["RUN", "--test-set", "wmt1066"], "--test-set wmt1066: unknown to sacreBLEU"),
        (["RUN", "--test-set", "wmt14"], "--test-set wmt14: has no en-zh, but"),
        (["RUN", "--test-set", "wmt19", "--src", "two", "--ref", "two"], "not both"),
        (["RUN", "--split", "train"], "--split: invalid choice: 'train'"),
        (["RUN", "--device", "cuda:31"], "device=cuda:31"),
        (["RUN", "--beam-size", "0"], "--beam-size 0 is out of range"),
    ],
)
def test_a_bad_option_of_evaluate_is_one_line(
    call, trained_run, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    for name, content in {
        "two": b"a\nb\n",
        "three": b"a\nb\nc\n",
        "bytes": b"a\nb\xff\n",
        "empty": b"",
    }.items():
        write(tmp_path / name, content)
    error = call("evaluate", *(str(trained_run) if a == "RUN" else a for a in arguments)).error
    assert message in error


def test_a_test_set_that_cannot_be_fetched_is_one_line(call, trained_run, monkeypatch):
    def unreachable(*_):
        raise OSError("no route to host")

    monkeypatch.setattr(sacrebleu, "get_source_file", unreachable)
    error = call("evaluate", trained_run, "--test-set", "wmt19").error
    assert (
        "--test-set wmt19: cannot be fetched (no route to host); or give --src and --ref" in error
    )


def test_a_test_set_of_sacrebleu_is_read_from_its_files(call, trained_run, monkeypatch, tmp_path):
    src, ref = (
        write(tmp_path / "src", "\n".join(SENTENCES)),
        write(tmp_path / "ref", "我。\n你。\n他。\n她。"),
    )
    monkeypatch.setattr(sacrebleu, "get_source_file", lambda name, pair: str(src))
    monkeypatch.setattr(sacrebleu, "get_reference_files", lambda name, pair: [str(ref)])
    report = json.loads(call("evaluate", trained_run, "--test-set", "wmt19", "--json").out)
    assert report["test_set"] == "wmt19" and report["n"] == 4


def test_a_split_file_without_a_second_column_is_one_line(call, trained_run, tmp_path):
    shutil.copytree(trained_run, tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints"))
    write(tmp_path / "run" / "test.tsv", "a\tb\nc\n")
    error = call("evaluate", tmp_path / "run").error
    assert f"{tmp_path / 'run' / 'test.tsv'}: line 2 has no second column" in error


def test_help_shows_an_example():
    for verb in ("translate", "evaluate"):
        done = start(verb, "--help")
        assert (done.status, done.err) == (0, "")
        assert f"example:\n  python -m transformer_mt.{verb} runs/" in done.out


def test_an_unwritable_stdout_is_a_failure(trained_run):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with open("/dev/full", "wb") as full:
        done = start("translate", trained_run, "Hello.", stdout=full)
    assert done.status == 1
    assert done.err.startswith("error: ") and "No space left" in done.err


# ------------------------------------------------------------------------------------------------- weights that change


def test_a_translator_follows_its_weights(trained_run):
    """Changed in place, replaced, in another precision, copied, sent to another process."""
    text = ["I like apples and books today."]
    translator = Translator(trained_run, "cpu")
    before = translator.translate(text)[0].score
    assert pickle.loads(pickle.dumps(translator)).translate(text)[0].score == before
    copied = copy.deepcopy(translator)
    assert translator.model.double() and translator.translate(text)[0].score == pytest.approx(
        before, abs=1e-4
    )
    with torch.no_grad():
        for parameter in translator.model.parameters():
            parameter.mul_(0.5)
    changed = translator.translate(text)[0].score
    assert abs(changed - before) > 1e-3
    assert copied.translate(text)[0].score == before
    copied.model.load_state_dict(translator.model.state_dict())
    assert copied.translate(text)[0].score == pytest.approx(changed, abs=1e-4)
