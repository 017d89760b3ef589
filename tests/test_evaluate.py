"""The command `evaluate`: scores, test sets, reports."""

import json
import shutil
import sys
from pathlib import Path

import pytest
import sacrebleu
from helpers import SENTENCES, lines, make_run, write

from transformer_mt.config import DataConfig


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_scores_are_told_where_the_translations_cannot_be_written(call, trained_run):
    done = call("evaluate", trained_run, "--split", "valid", "--output", "/dev/full")
    assert (
        done.status == 1 and "BLEU" in done.out and done.err.splitlines()[-1].startswith("error: ")
    )


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
        (["RUN", "--device", "cuda:31"], "--device=cuda:31"),
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


def test_the_languages_of_a_test_set_are_found_whatever_their_codes(
    call, tokenizers, monkeypatch, tmp_path
):
    data = DataConfig(languages=["eng_Latn", "zho_Hans"])
    run = make_run(tmp_path / "run", tokenizers, "eng_Latn-zho_Hans", data=data)
    text = write(tmp_path / "text", "我。\n")
    pairs = []
    monkeypatch.setattr(sacrebleu, "get_source_file", lambda name, pair: pairs.append(pair) or text)
    monkeypatch.setattr(sacrebleu, "get_reference_files", lambda name, pair: [text])
    done = call("evaluate", run, "--test-set", "wmt19", "--device", "cpu", "--json")
    assert pairs == ["en-zh"] and json.loads(done.out)["n"] == 1


def test_a_split_file_without_a_second_column_is_one_line(call, trained_run, tmp_path):
    shutil.copytree(trained_run, tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints"))
    write(tmp_path / "run" / "test.tsv", "a\tb\nc\n")
    error = call("evaluate", tmp_path / "run").error
    assert f"{tmp_path / 'run' / 'test.tsv'}: line 2 has no second column" in error


def test_exchanged_files_are_warned_of(call, trained_run, tmp_path):
    english, chinese = write(tmp_path / "en", "I like apples.\n"), write(tmp_path / "zh", "我。\n")
    done = call("evaluate", trained_run, "--src", chinese, "--ref", english)
    assert done.status == 0
    assert f"warning: {chinese}: the source does not look like English" in done.err
    assert f"warning: {chinese}: the reference does not look like Chinese" in done.err


# ------------------------------------------------------------------------------------- references


def scored(call, run, *arguments, stdin: bytes = b"") -> tuple[dict, str]:
    """The report of `evaluate --json`, and what it said."""
    done = call("evaluate", run, *arguments, "--json", stdin=stdin)
    assert done.status == 0, done
    return json.loads(done.out), done.err


HYPOTHESES = ["我喜欢苹果。", "他们买鱼。", "你看见书！"]
FIRST = ["我爱吃苹果。", "他们要买鱼！", "你看书！"]


@pytest.mark.parametrize("empty", ["", "  ", "\u3000"])
@pytest.mark.parametrize("complete_one_first", [True, False])
def test_an_empty_line_of_a_further_reference_is_no_reference(
    call, trained_run, tmp_path, empty, complete_one_first
):
    second = [empty, "他们买鱼。", empty]
    hyp = write(tmp_path / "hyp", "\n".join(HYPOTHESES))
    paths = [write(tmp_path / "a", "\n".join(FIRST) + "\n"),
             write(tmp_path / "b", "\n".join(second) + "\n")]  # fmt: skip
    if not complete_one_first:
        paths.reverse()
    report, said = scored(call, trained_run, "--ref", paths[0], "--ref", paths[1], "--hyp", hyp)
    # Each sentence alone, against the references that it has; counts are summed by hand.
    references = [FIRST, [None, "他们买鱼。", None]]
    bleu = sacrebleu.corpus_bleu(HYPOTHESES, references, tokenize="zh")
    assert report["bleu"]["score"] == pytest.approx(bleu.score) and bleu.score < 90
    chrf = sacrebleu.corpus_chrf(HYPOTHESES, references).score
    assert report["chrf"]["score"] == pytest.approx(chrf)
    n_characters = [len("我爱吃苹果。"), len("他们买鱼。"), len("你看书！")]
    assert report["length_ratio"] == pytest.approx(16 / sum(n_characters))
    assert f"2 of 3 lines of {tmp_path / 'b'} are empty: not used as references." in said
    assert str(tmp_path / "a") not in said


def test_a_sentence_without_any_reference_is_named(call, trained_run, tmp_path):
    hyp = write(tmp_path / "hyp", "\n".join(HYPOTHESES))
    one, two = write(tmp_path / "one", "我\n\n他\n"), write(tmp_path / "two", "\n \n他\n")
    error = call("evaluate", trained_run, "--ref", one, "--ref", two, "--hyp", hyp).error
    assert f"{one} and {two}: line 2 is empty; each sentence needs a reference" in error
    error = call("evaluate", trained_run, "--ref", one, "--hyp", hyp).error
    assert f"{one}: line 2 is empty" in error
    # Nothing is to be translated there, and nothing was.
    src = write(tmp_path / "src", "I.\n\nHe.\n")
    report, _ = scored(call, trained_run, "--src", src, "--ref", one)
    assert report["n"] == 3


@pytest.mark.parametrize("mark", ["\ufeff", "\u200b", " \u200e "])
def test_what_is_invisible_around_a_line_is_not_scored(call, trained_run, tmp_path, mark):
    plain = write(tmp_path / "plain", "\n".join(FIRST) + "\n")
    marked = write(tmp_path / "marked", "\n".join(mark + line for line in FIRST) + "\n")
    for ref, hyp in ((plain, marked), (marked, plain)):
        report, _ = scored(call, trained_run, "--ref", ref, "--hyp", hyp)
        assert report["bleu"]["score"] == pytest.approx(100)
        assert report["chrf"]["score"] == pytest.approx(100)
    hidden = write(tmp_path / "hidden", f"{FIRST[0]}\n{mark}\n{FIRST[2]}\n")
    _, said = scored(call, trained_run, "--ref", plain, "--ref", hidden, "--hyp", plain)
    assert f"1 of 3 lines of {hidden} are empty" in said


def test_translations_in_another_language_are_warned_of(call, trained_run, tmp_path):
    ref = write(tmp_path / "ref", "\n".join(FIRST) + "\n")
    hyp = write(tmp_path / "hyp", "I like apples.\nThey buy fish.\nYou read.\n")
    _, said = scored(call, trained_run, "--ref", ref, "--hyp", hyp)
    assert f"{hyp} does not look like Chinese" in said


def test_references_are_made_simplified_where_the_run_knows_no_other(call, trained_run, tmp_path):
    pytest.importorskip("opencc")
    run = tmp_path / "run"
    run.mkdir()
    config = (trained_run / "config.yaml").read_text("utf-8")
    write(run / "config.yaml", config.replace("script: as_is", "script: simplified"))
    simplified = write(tmp_path / "simplified", "我们喜欢书。\n学生画猫。\n我。\n")
    traditional = write(tmp_path / "traditional", "我們喜歡書。\n學生畫貓。\n我。\n")
    report, said = scored(call, run, "--ref", traditional, "--hyp", simplified)
    assert report["bleu"]["score"] == pytest.approx(100)
    assert said == f"2 of 3 lines of {traditional} were made simplified, as in training.\n"
    report, said = scored(call, run, "--ref", simplified, "--hyp", traditional)
    assert report["bleu"]["score"] == pytest.approx(100) and str(traditional) in said
    report, said = scored(call, run, "--ref", simplified, "--hyp", simplified)
    assert said == ""
    # A run that knows both scripts is scored as the text is.
    report, said = scored(call, trained_run, "--ref", traditional, "--hyp", simplified)
    assert report["bleu"]["score"] < 90 and said == ""


def test_a_script_that_cannot_be_converted_now_is_told(call, trained_run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "opencc", None)
    run = tmp_path / "run"
    run.mkdir()
    config = (trained_run / "config.yaml").read_text("utf-8")
    write(run / "config.yaml", config.replace("script: as_is", "script: simplified"))
    text = write(tmp_path / "text", "我們喜歡書。\n學生。\n")
    _, said = scored(call, run, "--ref", text, "--hyp", text)
    assert f"warning: the model knows simplified characters only, and {text} stays" in said


# --------------------------------------------------------------------------------- standard streams


def test_a_dash_is_standard_input(call, trained_run, tmp_path):
    ref = write(tmp_path / "ref", "\n".join(FIRST) + "\n")
    hyp = "\n".join(HYPOTHESES).encode()
    named, _ = scored(call, trained_run, "--ref", ref, "--hyp", write(tmp_path / "hyp", hyp))
    piped, _ = scored(call, trained_run, "--ref", ref, "--hyp", "-", stdin=hyp)
    assert piped == named
    error = call("evaluate", trained_run, "--ref", "-", "--hyp", "-").error
    assert "standard input can be read only once" in error
    error = call("evaluate", trained_run, "--src", "-", "--ref", ref, stdin=b"a\n").error
    assert f"{ref}: 3 lines, but - has 1" in error


def test_with_the_translations_on_standard_output_the_scores_are_beside(call, trained_run):
    done = call("evaluate", trained_run, "--split", "valid", "--output", "-")
    assert len(lines(done.out)) == len(split_of(trained_run, "valid")[0])
    assert "BLEU" in done.err and "BLEU" not in done.out


def test_no_folder_is_made_for_the_translations(call, trained_run, tmp_path):
    error = call("evaluate", trained_run, "--output", tmp_path / "new" / "out.txt").error
    assert f"--output {tmp_path / 'new' / 'out.txt'}: no such folder." in error
    assert list(tmp_path.iterdir()) == []


# --------------------------------------------------------------------------------- several systems


@pytest.fixture
def systems(tmp_path) -> tuple[list[Path], Path, list[list[str]]]:
    """Files of translations, of their references, and what the former hold: ten lines each."""
    references = [f"我们{verb}苹果和{thing}。" for verb in ("喜欢", "买") for thing in "书猫狗车鱼"]
    good = [*references[:4], *(line.replace("苹果", "梨") for line in references[4:])]
    bad = [line[::-1] for line in references]
    near = [good[0] + "！", *good[1:]]
    texts = [good, bad, near]
    paths = [
        write(tmp_path / name, "".join(line + "\n" for line in text))
        for name, text in zip(("good", "bad", "near"), texts, strict=True)
    ]
    return paths, write(tmp_path / "ref", "\n".join(references)), texts


def test_translations_are_compared_with_the_first(call, trained_run, systems):
    paths, ref, texts = systems
    flags = [word for path in paths for word in ("--hyp", path)]
    report, _ = scored(call, trained_run, "--ref", ref, *flags, "--ter")
    assert [system["hyp"] for system in report["systems"]] == [str(path) for path in paths]
    assert report["n"] == 10 and report["tests"] == "bs:1000|ar:10000|seed:12345"
    references = [lines(ref.read_text("utf-8") + "\n")]
    first = report["systems"][0]
    for system, text in zip(report["systems"], texts, strict=True):
        # What is said of each alone is what a call for it alone says.
        bleu = sacrebleu.corpus_bleu(text, references, tokenize="zh").score
        ter = sacrebleu.corpus_ter(text, references, normalized=True, asian_support=True).score
        assert system["bleu"]["score"] == pytest.approx(bleu)
        assert system["ter"]["score"] == pytest.approx(ter)
        for name in ("bleu", "chrf", "ter"):
            part = system[name]
            if system is first:
                assert "difference" not in part and "p_bootstrap" not in part
            else:
                assert part["difference"] == pytest.approx(part["score"] - first[name]["score"])
    _, bad, near = report["systems"]
    assert bad["bleu"]["p_bootstrap"] < 0.05 and bad["bleu"]["p_randomisation"] < 0.05
    # One sentence differs.
    assert near["bleu"]["p_bootstrap"] is near["bleu"]["p_randomisation"] is None


def test_the_table_of_a_comparison(call, trained_run, systems):
    paths, ref, _ = systems
    flags = [word for path in paths for word in ("--hyp", path)]
    done = call("evaluate", trained_run, "--ref", ref, *flags, "--ter")
    out = lines(done.out)
    assert done.status == 0 and done.err == ""
    assert out[0] == f"{ref}: 10 sentences, en-zh, 1 reference(s)"
    for start, title in ((1, "BLEU"), (5, "chrF"), (9, "TER, lower is better")):
        assert out[start].startswith(title + " ") and "difference" in out[start]
        names = [line.split()[0] for line in out[start + 1 : start + 4]]
        assert names == [str(path) for path in paths]
        first, bad, near = out[start + 1 : start + 4]
        assert "±" in first and first.split()[-2] == "±"
        assert bad.endswith(" *") and near.split()[-2:] == ["-", "-"]
    assert out[13] == "* both tests (bs:1000|ar:10000|seed:12345) find p < 0.05"
    assert out[14] == "- not tested: fewer than 6 translations differ from the first"
    assert [line.split(": ")[0] for line in out[15:]] == ["BLEU", "chrF", "TER"]
    assert "tok:zh" in out[15]


def test_runs_are_compared_with_the_first(call, trained_run, tokenizers, tmp_path):
    weak = make_run(tmp_path / "weak", tokenizers)
    shutil.copy(trained_run / "valid.tsv", weak)
    options = ["--split", "valid", "--beam-size", 1, "--device", "cpu"]
    report, said = scored(call, trained_run, *options, weak, trained_run)
    assert said == ""
    first, other, again = report["systems"]
    assert [system["run"] for system in (first, other, again)] == [
        str(trained_run), str(weak), str(trained_run),
    ]  # fmt: skip
    alone, _ = scored(call, trained_run, *options)
    assert first["bleu"] == alone["bleu"] and first["length_ratio"] == alone["length_ratio"]
    assert again["bleu"]["difference"] == 0 and again["bleu"]["p_bootstrap"] is None
    assert other["bleu"]["difference"] < 0 and other["bleu"]["p_randomisation"] < 0.05
    assert first["beam_size"] == other["beam_size"] == 1 and other["sentences_per_second"] > 0


def test_a_run_that_held_out_other_text_is_warned_of(call, trained_run, tokenizers, tmp_path):
    other = make_run(tmp_path / "other", tokenizers)
    _, said = scored(call, trained_run, other, "--beam-size", 1)
    name = trained_run / "test.tsv"
    assert f"{other} has not held out what {trained_run} has: it may have been trained on" in said
    src = write(tmp_path / "src", "\n".join(SENTENCES))
    ref = write(tmp_path / "ref", "\n".join("我你他她"))
    _, said = scored(call, trained_run, other, "--src", src, "--ref", ref, "--beam-size", 1)
    assert str(name) not in said


def test_all_are_compared_in_simplified_characters_where_one_knows_no_other(
    call, trained_run, systems, tmp_path
):
    pytest.importorskip("opencc")
    run = tmp_path / "run"
    run.mkdir()
    config = (trained_run / "config.yaml").read_text("utf-8")
    write(run / "config.yaml", config.replace("script: as_is", "script: simplified"))
    ref = write(tmp_path / "ref", "我們買書。\n" * 3)
    mixed, other = write(tmp_path / "mixed", "我们買書。\n" * 3), write(tmp_path / "b", "他\n" * 3)
    report, _ = scored(call, run, "--ref", ref, "--hyp", mixed, "--hyp", other)
    assert report["systems"][0]["bleu"]["score"] == pytest.approx(100)
    from transformer_mt.evaluate import common_config

    assert common_config([trained_run, run]).data.chinese_script == "simplified"
    assert common_config([trained_run, trained_run]).data.chinese_script == "as_is"


def test_ter_is_shown_for_one_run_too(call, trained_run, systems):
    paths, ref, _ = systems
    report, _ = scored(call, trained_run, "--ref", ref, "--hyp", paths[0], "--ter")
    assert report["ter"]["score"] > 0 and "asian:yes" in report["ter"]["signature"]
    done = call("evaluate", trained_run, "--ref", ref, "--hyp", paths[0], "--ter")
    assert lines(done.out)[3].startswith("TER ") and "±" in lines(done.out)[3]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["RUN", "RUN", "--output", "out"], "--output is for one RUN"),
        (["RUN", "--hyp", "two", "--hyp", "two", "--output", "out"], "--output is for one RUN"),
        (["RUN", "RUN", "--hyp", "two"], "--hyp goes with one RUN"),
        (["RUN", "nowhere"], "nowhere: no run here"),
        (["RUN", "empty_run"], "empty_run: no model here"),
        (["RUN", "reverse"], "reverse: translates zh-en, but"),
        (["RUN", "--ref", "two", "--hyp", "two", "--hyp", "three"], "--hyp three: 3 lines, but th"),
        (["RUN", "--ref", "two", "--hyp", "-", "--hyp", "-"], "- is given twice"),
    ],
)
def test_a_bad_comparison_is_one_line(call, trained_run, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "two", "a\nb\n")
    write(tmp_path / "three", "a\nb\nc\n")
    config = (trained_run / "config.yaml").read_text("utf-8")
    for name, text in (
        ("empty_run", config),
        ("reverse", config.replace("direction: en-zh", "direction: zh-en")),
    ):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "config.yaml", text)
    error = call("evaluate", *(str(trained_run) if a == "RUN" else a for a in arguments)).error
    assert message in error


def test_ter_into_a_language_without_spaces_is_refused_before_the_work(call, tokenizers, tmp_path):
    data = DataConfig(languages=["en", "th"])
    run = make_run(tmp_path / "run", tokenizers, "en-th", data=data)
    assert "--ter: th has no spaces between words" in call("evaluate", run, "--ter").error


def test_the_old_option_for_links_names_the_command_of_today(call, trained_run):
    for options in (["--aer"], ["--aer", "valid"]):
        error = call("evaluate", trained_run, *options).error
        assert "--aer" in error and "transformer_mt.align RUN --gold" in error
