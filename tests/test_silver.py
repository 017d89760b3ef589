"""Silver links: `align CORPUS` by a stand-in for eflomal, by eflomal itself where it is installed,
and by a run.
"""

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import (
    BACKWARD_RULE,
    ENVIRONMENT,
    Done,
    lines_of,
    linked_pairs,
    pattern_pairs,
    running,
    training_config,
    write,
)
from hypothesis import given
from hypothesis import strategies as st

from transformer_mt import Translator
from transformer_mt.corpus import prepare
from transformer_mt.guide import POSSIBLE, SURE, unpack
from transformer_mt.silver import LONGEST, eflomal_links, join_directions, unit_line
from transformer_mt.units import format_links, parse_links, split_units, units

READ_OPTIONS = """
import argparse, os, sys, time
parser = argparse.ArgumentParser()
for option in "-s", "-t", "-f", "-r", "--model":
    parser.add_argument(option, required=True)
options, _ = parser.parse_known_args()
pairs = list(zip(open(options.s, encoding="utf-8"), open(options.t, encoding="utf-8"), strict=True))
"""
STAND_IN = (
    READ_OPTIONS
    + """
print("Aligning with model 3 (35 iterations)", file=sys.stderr)
with open(options.f, "w") as forward, open(options.r, "w") as backward:
    for src, tgt in pairs:
        assert src == src.lower() and tgt == tgt.lower()
        n_src, n_tgt = len(src.split()), len(tgt.split())
        print(*(f"{min(j, n_src - 1)}-{j}" for j in range(n_tgt)), file=forward)
        print(*(f"{i}-0" for i in range(n_src)), file=backward)
"""
)
"""Forward the diagonal, which ends at the last word of the source; backward everything to the first
word of the target. So 0-0 alone is sure."""

Install = Callable[[str], Path]


def expected_links(src: str, tgt: str) -> str:
    """What `STAND_IN` finds in a pair, as a corpus has it."""
    n_src, n_tgt = len(units(src)), len(units(tgt))
    if n_src == 0 or n_tgt == 0:
        return ""
    possible = {(min(j, n_src - 1), j) for j in range(1, n_tgt)} | {(i, 0) for i in range(1, n_src)}
    # With one word on the source side the diagonal begins at 0-0, too.
    return " ".join(["0-0", *(f"{i}p{j}" for i, j in sorted(possible))])


@pytest.fixture
def install(tmp_path, monkeypatch) -> Install:
    """Puts a program called eflomal-align on PATH, written in Python."""

    def write_program(code: str) -> Path:
        path = write(tmp_path / "bin" / "eflomal-align", f"#!{sys.executable}\n{code}")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")
        return path

    return write_program


def rows_of(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in lines_of(path)]


# ----------------------------------------------------------------------------------------- a corpus


def test_a_corpus_gets_a_column_of_links(call, install, tmp_path):
    install(STAND_IN)
    pairs = [("I like İstanbul.", "我喜欢猫。"), ("", "猫"), ("Cats", "  "), ("Cats!", "猫！")]
    corpus = write(tmp_path / "我的.tsv", "".join(f"{s}\t{t}\t9-9\tnotes\n" for s, t in pairs))
    (tmp_path / "new").mkdir()
    done = call("align", corpus, "--output", tmp_path / "new" / "links.tsv")
    assert (done.status, done.out) == (0, "")
    expected = [[s, t.strip(), expected_links(s, t)] for s, t in pairs]
    assert rows_of(tmp_path / "new" / "links.tsv") == expected
    assert expected[0][2] == "0-0 1p0 1p1 2p0 2p2 3p0 3p3 3p4"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["links.tsv"]
    assert "2 pairs with a side that is empty or longer than" in done.err
    assert "eflomal: aligning with model 3 (35 iterations)" in done.err
    assert "2 of 4 pairs have links" in done.err and "data.links_column=2" in done.err


def test_every_kind_of_corpus_gives_the_same(call, install, tmp_path):
    install(STAND_IN)
    rows = "".join(f'"{s}","{t}"\n' for s, t in pattern_pairs()[:9])
    names = write(tmp_path / "a.csv", "en,zh\n" + rows)
    english = write(tmp_path / "a.en", "".join(s + "\n" for s, _ in pattern_pairs()[:9]))
    chinese = write(tmp_path / "a.zh", "".join(t + "\n" for _, t in pattern_pairs()[:9]))
    one = call("align", names, "--columns", "en", "zh")
    two = call("align", english, chinese)
    expected = [f"{s}\t{t}\t{expected_links(s, t)}\n" for s, t in pattern_pairs()[:9]]
    assert one.out == two.out == "".join(expected)
    assert "data.train" not in one.err  # standard output has no name


def test_a_field_with_a_break_or_a_tab_stays_in_its_row(call, install, tmp_path):
    install(STAND_IN)
    corpus = write(tmp_path / "a.csv", 'en,zh\n"Two\nlines\tand more","两\t行"\n')
    done = call("align", corpus, "--columns", "en", "zh")
    links = expected_links("Two lines and more", "两 行")
    assert done.out == f"Two lines and more\t两 行\t{links}\n"


def test_what_is_written_trains_at_once(call, install, tmp_path, cache_dir):
    install(STAND_IN)
    corpus = write(tmp_path / "a.tsv", "".join(f"{s}\t{t}\n" for s, t in pattern_pairs()))
    output = tmp_path / "links.tsv"
    assert call("align", corpus, "--output", output).status == 0
    options = {"data.links_column": "2", "data.held_out": 1}
    prepared = prepare(training_config(output, cache_dir, tmp_path / "run", **options))
    assert len(prepared.train) > 100
    for links in prepared.train["token_links"]:
        kinds = unpack(links)[:, 2].tolist()
        assert SURE in kinds and POSSIBLE in kinds


def test_bad_rows_are_named_or_left_empty(call, install, tmp_path):
    install(STAND_IN)
    corpus = write(tmp_path / "a.tsv", "Cats\t猫\nDogs\nFish\t鱼\n")
    error = call("align", corpus).error
    assert f"{corpus}: line 2 has 1 column" in error
    assert "--skip-bad-rows" in error and "data." not in error
    done = call("align", corpus, "--skip-bad-rows")
    assert done.out == "Cats\t猫\t0-0\n\t\t\nFish\t鱼\t0-0\n"


def test_options_that_do_not_fit_are_refused(call, linked_run, tmp_path):
    corpus = write(tmp_path / "a.tsv", "Cats\t猫\n")
    for options, message in (
        (["--src", "x"], "--src belongs to a run"),
        (["--gold"], "--gold belongs to a run"),
        (["--layer", "0"], "need --from RUN"),
        (["--agree", linked_run], "need --from RUN"),
        (["--output", tmp_path / "a.txt"], "end it in .tsv"),
        (["--output", corpus], "is read, too, and would be lost; name another file"),
        (["--columns", "en", "zh"], "--columns en zh: columns of a TSV file are numbers"),
    ):
        assert message in call("align", corpus, *options).error
    assert "belong to a corpus" in call("align", linked_run, "--gold", "--from", linked_run).error
    folder = call("align", linked_run, corpus).error
    assert f"{linked_run} is a folder" in folder and "--src" in folder and "--from" in folder
    named = write(tmp_path / "a.csv", "en,zh\nCats,猫\n")
    error = call("align", named).error
    assert "no column 0 among en, zh" in error and error.endswith("--columns NAME NAME.")
    missing = tmp_path / "nowhere.tsv"
    assert f"{missing}: no such file" in call("align", missing).error
    assert corpus.read_text("utf-8") == "Cats\t猫\n"


# ----------------------------------------------------------------------------------- the program


@given(st.text())
def test_eflomal_sees_as_many_words_as_links_count(text):
    line = unit_line(text)
    assert len(line.split()) == len(split_units(text))
    assert len(line.splitlines()) <= 1


def test_a_missing_program_says_how_to_get_it(call, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    error = call("align", write(tmp_path / "a.tsv", "Cats\t猫\n")).error
    assert 'pip install "transformer_mt[links]"' in error and "another aligner" in error


def test_the_program_is_found_beside_this_python(install, tmp_path, monkeypatch):
    program = install(STAND_IN)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(sys, "executable", str(program.with_name("python")))
    assert eflomal_links([("Cats", "猫")]) == ["0-0"]


@pytest.mark.parametrize(
    "code, message",
    [
        ("import sys; sys.exit('no memory left')", "failed: no memory left"),
        (READ_OPTIONS + "open(options.f, 'w'); open(options.r, 'w')", "it aligned 0 of 1 pairs"),
        (
            READ_OPTIONS
            + "for name in (options.f, options.r):\n    print('0-7', file=open(name, 'w'))",
            "link 0-7 is out of range",
        ),
    ],
    ids=["fails", "too few lines", "wrong links"],
)
def test_a_program_that_fails_leaves_no_file(call, install, tmp_path, code, message):
    install(code)
    corpus = write(tmp_path / "a.tsv", "Cats\t猫\n")
    assert message in call("align", corpus, "--output", tmp_path / "o.tsv").error
    assert not (tmp_path / "o.tsv").exists()


def test_what_it_cannot_take_is_not_given_to_it(install):
    install(STAND_IN)
    long = "cats " * (LONGEST + 1)
    assert eflomal_links([(long, "猫"), ("Cats", "猫"), ("\u200b", "猫")]) == ["", "0-0", ""]
    install("raise SystemExit('not called')")
    assert eflomal_links([("", "猫")]) == [""]


def test_an_interruption_ends_the_program_too(install, tmp_path):
    started = tmp_path / "started"
    program = install(
        f"import os, time\nwith open({str(started)!r} + '.part', 'w') as file:\n"
        f"    file.write(str(os.getpid()))\nos.rename(file.name, {str(started)!r})\ntime.sleep(600)"
    )
    corpus = write(tmp_path / "a.tsv", "Cats\t猫\n")
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    with running("align", corpus, env=ENVIRONMENT | {"PATH": path}) as process:
        deadline = time.monotonic() + 120
        while not started.exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


def test_both_directions_make_a_link_sure():
    assert join_directions({(0, 0), (1, 2)}, {(1, 2), (2, 1)}) == "1-2 0p0 2p1"
    assert join_directions({(3, 0)}, set()) == "3p0"
    assert join_directions(set(), set()) == ""


@pytest.mark.skipif(shutil.which("eflomal-align") is None, reason="eflomal-align is not installed")
def test_eflomal_itself_finds_most_links():
    rows = linked_pairs()
    n_right = n_sure = n_missed = 0
    for (src, tgt, gold), line in zip(rows, eflomal_links([row[:2] for row in rows]), strict=True):
        n_units = len(units(src)), len(units(tgt))
        gold_sure, gold_possible = parse_links(gold, *n_units, "gold")
        sure, possible = parse_links(line, *n_units, "eflomal")
        # Its marks have no links in the gold.
        words = {(i, j) for i, j in sure if units(src)[i] not in ".!"}
        n_right, n_sure = n_right + len(words & (gold_sure | gold_possible)), n_sure + len(words)
        n_missed += len(gold_sure - sure - possible)
    assert n_right > 0.8 * n_sure
    assert n_missed < 0.2 * sum(gold.count("-") for _, _, gold in rows)


# ------------------------------------------------------------------------------------------- a run


def align_by(call, run: Path, corpus: Path, output: Path, *options: object) -> Done:
    return call("align", corpus, "--from", run, "--output", output, "--device", "cpu", *options)


def test_links_of_a_run_are_read_both_ways_by_its_rule(call, linked_run, tmp_path):
    pairs = [*pattern_pairs()[:5], ("", "猫"), pattern_pairs()[7]]
    corpus = write(tmp_path / "a.tsv", "".join(f"{s}\t{t}\n" for s, t in pairs))
    done = align_by(call, linked_run, corpus, tmp_path / "o.tsv")
    assert done.status == 0 and "both ways" in done.err
    inspector = Translator(linked_run, "cpu").inspector
    for both, options in ((True, []), (False, ["--no-both"])):
        assert align_by(call, linked_run, corpus, tmp_path / "o.tsv", *options).status == 0
        rule, _ = inspector.rule_of_options({"both": both})
        links = inspector.align(pairs, "words", rule, str)
        expected = [[*pair, format_links(line)] for pair, line in zip(pairs, links, strict=True)]
        assert rows_of(tmp_path / "o.tsv") == expected
        assert expected[0][2] and not expected[5][2]


def test_a_run_of_the_other_direction_names_the_first_column_first(call, backward_run, tmp_path):
    pairs = pattern_pairs()[:6]
    corpus = write(tmp_path / "a.tsv", "".join(f"{s}\t{t}\n" for s, t in pairs))
    assert align_by(call, backward_run, corpus, tmp_path / "o.tsv", "--no-both").status == 0
    translator = Translator(backward_run, "cpu")
    for (english, chinese), row in zip(pairs, rows_of(tmp_path / "o.tsv"), strict=True):
        links = translator.attention(chinese, english, rule=BACKWARD_RULE).links
        assert row == [english, chinese, format_links({(j, i) for i, j in links})]


def test_a_corpus_with_its_columns_exchanged_is_told(call, linked_run, tmp_path):
    corpus = write(tmp_path / "a.tsv", "".join(f"{t}\t{s}\n" for s, t in pattern_pairs()[:6]))
    done = align_by(call, linked_run, corpus, tmp_path / "o.tsv")
    assert "column 1 does not look like English" in done.err


def test_a_row_of_several_sentences_is_told(call, linked_run, tmp_path):
    """The model translates them one by one, and `align` reads a row as one."""
    english, chinese = pattern_pairs()[0]
    corpus = write(tmp_path / "a.tsv", f"{english} {english}\t{chinese}{chinese}\n")
    done = align_by(call, linked_run, corpus, tmp_path / "o.tsv")
    assert "1 line holds several sentences" in done.err


def test_a_corpus_without_links_is_not_one_to_train_on(call, linked_run, tmp_path):
    corpus = write(tmp_path / "a.tsv", "\t猫\nCats\t\n")
    done = align_by(call, linked_run, corpus, tmp_path / "o.tsv")
    assert "0 of 2 pairs have links" in done.err and "train on them" not in done.err
