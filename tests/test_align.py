"""`align` as a person meets it: links of many pairs, error rates on gold links, and what training
says about alignments.
"""

import itertools
import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import sentencepiece as spm
from helpers import (
    BACKWARD_RULE,
    LINKED,
    Done,
    gold_links,
    lines_of,
    pattern_pairs,
    slow_aer,
    slow_cross,
    slow_links,
    training_config,
    write,
)

from transformer_mt import Translator
from transformer_mt.align import warn_of_few
from transformer_mt.alignment import BASE, Rule, agree, choices, rule_from_json
from transformer_mt.config import UserError
from transformer_mt.config_file import load_config
from transformer_mt.train import choose_alignment, train
from transformer_mt.units import format_links, units


@pytest.fixture(scope="module")
def translator(linked_run) -> Translator:
    return Translator(linked_run, "cpu")


# ----------------------------------------------------------------------------------- many sentences

EN = [
    "I like cats.",
    "",
    "They buy fish and cats every day!",
    "We see books today.",
    "  ",
    "Teachers draw.",
]
CN = ["我喜欢猫。", "我", "他们每天买鱼和猫！", "我们今天看见书é。", "", "老师画。"]


@pytest.fixture
def texts(tmp_path) -> tuple[Path, Path]:
    return (
        write(tmp_path / "我的.en", "".join(line + "\n" for line in EN)),
        write(tmp_path / "我的.zh", "".join(line + "\n" for line in CN)),
    )


def align(call, run: Path, texts: tuple[Path, Path], links: Path, *options: object) -> Done:
    return call("align", run, "--src", texts[0], "--tgt", texts[1], "--output", links, *options)


@pytest.mark.parametrize("name", ["words", "subwords", "given"])
def test_many_pairs_give_one_line_each_in_order(
    call, translator, linked_run, tmp_path, texts, name
):
    options = ["--units", name, "--layer", "1", "--head", "0", "--mask-punctuation"]
    (tmp_path / "new").mkdir()
    done = align(call, linked_run, texts, tmp_path / "new" / "out.align", *options)
    assert (done.status, done.out) == (0, "")
    output_lines = lines_of(tmp_path / "new" / "out.align")
    for english, chinese, line in zip(EN, CN, output_lines, strict=True):
        if english.strip() and chinese.strip():
            rule = Rule(1, 0, mask_punctuation=True)
            assert (
                line == format_links(translator.attention(english, chinese, name, rule).links) != ""
            )
        else:
            assert line == ""
    warned = [line for line in done.err.splitlines() if "warning" in line]
    assert warned == [
        f"warning: {texts[0]}, {texts[1]}: line 2 has an empty side, 2 in all: no links."
    ]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out.align"]


def test_a_line_of_invisible_characters_is_empty(call, linked_run, tmp_path):
    english = write(tmp_path / "a.en", "I like cats.\n\u200b\ufeff\n\ufeffI like cats.\n")
    chinese = write(tmp_path / "a.zh", "我喜欢猫。\n我\n\u200e我喜欢猫。\u200f\n")
    done = align(call, linked_run, (english, chinese), tmp_path / "out")
    first, second, third = lines_of(tmp_path / "out")
    assert first == third != "" == second
    assert f"{english}, {chinese}: line 2 has an empty side, 1 in all: no links." in done.err


def test_many_pairs_are_read_by_the_runs_choice(call, translator, linked_run, tmp_path, texts):
    write(tmp_path / "out.align", "mine\n").with_name("same").hardlink_to(tmp_path / "out.align")
    done = align(call, linked_run, texts, tmp_path / "out.align")
    assert (tmp_path / "same").read_text() == "mine\n", (
        "written beside and renamed, not over the old file"
    )
    rule, reason = translator.inspector.default_rule()
    assert f"links: {rule} ({reason})" in done.err
    assert lines_of(tmp_path / "out.align")[0] == format_links(
        translator.attention(EN[0], CN[0], rule=rule).links
    )


def test_a_dash_is_standard_input_and_output(call, linked_run, tmp_path, texts):
    assert align(call, linked_run, texts, tmp_path / "links").status == 0
    source = texts[0].read_bytes()
    done = call("align", linked_run, "--src", "-", "--tgt", texts[1], stdin=source)
    assert done.status == 0 and done.out == (tmp_path / "links").read_text()
    again = ["--src", "-", "--tgt", texts[1], "--output", "-"]
    assert call("align", linked_run, *again, stdin=source).out == done.out
    for files in (["--src", "-", "--tgt", "-"], ["--src", "x", "--tgt", "-", "--gold", "-"]):
        assert "can be read only once" in call("align", linked_run, *files).error


def test_two_directions_agree(call, translator, linked_run, backward_run, tmp_path, texts):
    align(
        call,
        linked_run,
        texts,
        tmp_path / "out",
        "--agree",
        backward_run,
        "--layer",
        "1",
        "--threshold",
        "0.1",
    )
    backward, rule = Translator(backward_run, "cpu"), replace(BASE, layer=1, threshold=0.1)
    other = replace(rule, head=1, shift=True)
    for english, chinese, line in zip(EN, CN, lines_of(tmp_path / "out"), strict=True):
        expected: set = set()
        if english.strip() and chinese.strip():
            one = translator.attention(english, chinese, rule=rule).links
            two = {(i, j) for j, i in backward.attention(chinese, english, rule=other).links}
            expected = agree(one, two)
        assert line == format_links(expected)


def test_a_pair_that_is_too_long_has_an_empty_line(call, linked_run, tmp_path, texts):
    write(texts[0], "I draw.\n" + "fish " * 60 + "\nI draw.\n")
    write(texts[1], "我画。\n鱼\n我画。\n")
    done = align(call, linked_run, texts, tmp_path / "x.align", "--layer", "0")
    warned = [line for line in done.err.splitlines() if line.startswith("warning: ")]
    assert done.status == 0 and len(warned) == 1
    assert f"{texts[0]}, {texts[1]}: line 2 has 6" in warned[0] and "No links." in warned[0]
    first, second, third = (tmp_path / "x.align").read_text().splitlines()
    assert first == third != "" == second


def test_a_failure_leaves_the_old_links_alone(call, linked_run, tmp_path, texts, monkeypatch):
    def fail(*_):
        raise UserError("half way")

    monkeypatch.setattr("transformer_mt.alignment.read_links", fail)
    old = write(tmp_path / "out" / "x.align", "mine\n")
    assert align(call, linked_run, texts, old, "--layer", "0").error == "error: half way"
    assert old.read_text() == "mine\n" and [path.name for path in old.parent.iterdir()] == [
        "x.align"
    ]


def test_lines_that_differ_in_number_are_refused(call, linked_run, tmp_path, texts):
    write(texts[1], "我\n我\n")
    assert align(call, linked_run, texts, tmp_path / "out").error == (
        f"error: {texts[1]}: 2 lines, but {texts[0]} has 6."
    )
    assert not (tmp_path / "out").exists()


# -------------------------------------------------------------------------------------- gold links


CHOICE = ("layer", "head", "shift", "mask_eos", "both")
"""What is chosen on gold links."""


def choice_of(row: dict) -> tuple:
    """The choice that a row of the table is about."""
    return tuple(row[key] for key in CHOICE)


def measured_by_hand(translator: Translator, path: Path) -> dict[tuple, tuple[float, float, float]]:
    """AER, precision and recall by layer, head, shift, mask of eos and ways, by slow loops over a
    split of the run.
    """
    rows: dict[tuple, list] = {}
    for line in lines_of(path):
        english, chinese, links = line.split("\t")
        src = translator.inspector.side(english, True, "words", "x")
        tgt = translator.inspector.side(chinese, False, "words", "x")
        cross = slow_cross(translator.model, src.ids, tgt.ids)
        sure = {tuple(map(int, link.split("-"))) for link in links.split() if "-" in link}
        possible = {tuple(map(int, link.split("p"))) for link in links.split() if "p" in link}
        for choice in choices(*cross.shape[:2]):
            for switches in itertools.product((False, True), repeat=3):
                key = (*choice, *switches)
                rule = replace(BASE, **dict(zip(CHOICE, key, strict=True)))
                model_links = slow_links(cross, src, tgt, rule)
                rows.setdefault(key, []).append((model_links, sure, possible))
    return {key: slow_aer(value) for key, value in rows.items()}


@pytest.fixture(scope="module")
def by_hand(translator, linked_run) -> dict[str, dict]:
    return {
        split: measured_by_hand(translator, linked_run / f"{split}.tsv")
        for split in ("valid", "test")
    }


@pytest.mark.parametrize("split", ["test", "valid"])
def test_the_table_equals_the_slow_loops(call, linked_run, by_hand, split):
    options = [] if split == "test" else [split]
    report = json.loads(call("align", linked_run, "--json", "--gold", *options).out)
    assert report["n"] == len(lines_of(linked_run / f"{split}.tsv")) and split in report["gold"]
    table = {choice_of(r): (r["aer"], r["precision"], r["recall"]) for r in report["table"]}
    assert table == {key: pytest.approx(value) for key, value in by_hand[split].items()}
    aer = {title: row["aer"] for title, row in report["rows"].items()}
    assert aer["best choice here"] == pytest.approx(
        min(value[0] for value in by_hand[split].values())
    )
    assert aer["best by rows alone"] == pytest.approx(
        min(value[0] for (*_, both), value in by_hand[split].items() if not both)
    )
    plotted = by_hand[split][1, None, False, True, False]
    assert aer["what is often plotted"] == pytest.approx(plotted[0])
    shifted = by_hand[split][1, None, True, True, False]
    assert aer["the same, shifted"] == pytest.approx(shifted[0])
    rule, _ = rule_from_json((linked_run / "alignment.json").read_text("utf-8"), 2, 2, "x")
    assert aer["the run's choice"] == pytest.approx(by_hand[split][choice_of(asdict(rule))][0])


def test_the_printed_table_is_the_same(call, linked_run, by_hand):
    done = call("align", linked_run, "--gold")
    assert done.status == 0
    blocks = re.split(r"^(?=emitting|consuming)", done.out, flags=re.MULTILINE)
    assert re.match(
        r"the run's test set: \d+ pairs with gold links, en-zh, alignment error rate\n", blocks[0]
    )
    ways_and_steps = itertools.product((False, True), repeat=2)
    for (both, shift), block in zip(ways_and_steps, blocks[1:], strict=True):

        def lower(layer: int | None, head: int | None, shift: bool = shift, both: bool = both):
            keys = [(layer, head, shift, mask_eos, both) for mask_eos in (False, True)]
            return min(by_hand["test"][key][0] for key in keys)

        head, *rows = block.splitlines()
        assert ("shifted" in head, "both ways" in head) == (shift, both)
        assert re.findall(r"head \d|mean", head) == ["head 0", "head 1", "mean"]
        for layer in (0, 1):
            numbers = [float(x) for x in re.findall(r"\d\.\d{3}", rows[layer])]
            expected = [lower(layer, column) for column in (0, 1, None)]
            assert rows[layer].startswith(f"layer {layer}") and numbers == pytest.approx(
                expected, abs=6e-4
            )
        assert float(rows[2].split()[-1]) == pytest.approx(lower(None, None), abs=6e-4)
    assert "what is often plotted" in done.out and "the run's choice" in done.out


def test_the_choice_is_saved_and_used_from_then_on(call, run_copy, tmp_path, texts, by_hand):
    (run_copy / "alignment.json").unlink()
    assert "the run's choice" not in call("align", run_copy, "--gold").out
    assert not (run_copy / "alignment.json").exists(), "only with --save"
    done = call(
        "align", run_copy, "--gold", "--save", "--no-mask-punctuation", "--threshold", "0.2"
    )
    assert f"saved: {run_copy / 'alignment.json'}" in done.err
    rule, values = rule_from_json((run_copy / "alignment.json").read_text("utf-8"), 2, 2, "x")
    assert not rule.mask_punctuation and rule.threshold == 0.2 and len(values["table"]) == 56
    assert values["aer"] == min(row["aer"] for row in values["table"])
    n = len(lines_of(run_copy / "test.tsv"))
    assert values["chosen_on"] == f"the run's test set, {n} pairs"
    report = json.loads(call("align", run_copy, "--gold", "--json").out)
    assert report["rows"]["the run's choice"]["aer"] == pytest.approx(values["aer"]), (
        "by its own masks and threshold"
    )
    done = align(call, run_copy, texts, tmp_path / "out")
    assert f"links: {rule} (chosen on {values['chosen_on']})" in done.err.splitlines()


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_choice_that_cannot_be_kept_does_not_lose_the_table(call, run_copy, as_json):
    """A folder of that name stands for a run that cannot be written to, which root can always."""
    shown = call("align", run_copy, "--gold", *as_json).out
    (run_copy / "alignment.json").unlink()
    (run_copy / "alignment.json").mkdir()
    done = call("align", run_copy, "--gold", "--save", *as_json)
    assert done.status == 2 and "Traceback" not in done.err
    assert done.out.splitlines()[:3] == shown.splitlines()[:3] or json.loads(done.out)["table"]
    last = done.err.splitlines()[-1]
    assert last.startswith(f"error: --save: {run_copy / 'alignment.json'} cannot be written (")


GIVEN_EN, GIVEN_CN = "I do n't like cats .\nWe buy fish .\n", "我 不 喜欢 猫 。\n我们 买 鱼 。\n"
GIVEN_LINKS = "0-0 1p1 2-1 3-2 4-3 5-4\n0-0 1-1 2-2 3-3\n"


@pytest.fixture
def given(tmp_path) -> list[Path]:
    names = {"x.en": GIVEN_EN, "x.zh": GIVEN_CN, "x.align": GIVEN_LINKS}
    return [write(tmp_path / name, text) for name, text in names.items()]


def on_given(given: list[Path]) -> list[object]:
    return ["--src", given[0], "--tgt", given[1], "--gold", given[2]]


def test_gold_links_of_given_tokens(call, translator, linked_run, given, backward_run):
    done = call("align", linked_run, *on_given(given), "--json", "--agree", backward_run)
    report = json.loads(done.out)
    assert report["gold"] == str(given[2]) and report["n"] == 2
    rows: dict[Rule, list] = {}
    agreed = []
    best_rule = min(report["table"], key=lambda row: row["aer"])
    best_rule = Rule(**{key: best_rule[key] for key in asdict(Rule())})
    backward = Translator(backward_run, "cpu")
    for english, chinese, links in zip(*(lines_of(path) for path in given), strict=True):
        sure = {tuple(map(int, link.split("-"))) for link in links.split() if "-" in link}
        possible = {tuple(map(int, link.split("p"))) for link in links.split() if "p" in link}
        for row in report["table"]:
            rule = Rule(**{key: row[key] for key in asdict(Rule())})
            model_links = translator.attention(english, chinese, "given", rule).links
            rows.setdefault(rule, []).append((model_links, sure, possible))
        one = translator.attention(english, chinese, "given", best_rule).links
        other = replace(BACKWARD_RULE, mask_punctuation=best_rule.mask_punctuation)
        two = backward.attention(chinese, english, "given", other).links
        agreed.append((agree(one, {(i, j) for j, i in two}), sure, possible))
    for row in report["table"]:
        rule = Rule(**{key: row[key] for key in asdict(Rule())})
        assert (row["aer"], row["precision"], row["recall"]) == pytest.approx(
            slow_aer(rows[rule])
        ), rule
    both = report["rows"]["both directions"]
    assert (both["aer"], both["precision"], both["recall"]) == pytest.approx(slow_aer(agreed))


@pytest.mark.parametrize(
    "which, text, message",
    [
        (
            2,
            "0-0\n0-4\n",
            "x.align: line 2: link 0-4 is out of range: the sentences have 4 and 4 units, from 0.",
        ),
        (
            2,
            "0-0 6p0\n\n",
            "x.align: line 1: link 6p0 is out of range: the sentences have 6 and 5 units, from 0.",
        ),
        (
            2,
            "0-0\n1:1\n",
            "x.align: line 2: link '1:1' is not of the form i-j (sure) or ipj (possible).",
        ),
        (2, "0-0\n", "x.align: 1 lines, but "),
        (1, "我 。\n", "x.zh: 1 lines, but "),
        (0, "I do n't like cats .\n\n", "x.en: line 2 is empty"),
        (2, "\n\n", "x.align: no gold links to measure on"),
        (2, None, "x.align: no such file"),
    ],
)
def test_gold_links_that_do_not_fit_name_file_line_and_link(
    call, linked_run, given, which, text, message
):
    given[which].unlink()
    if text is not None:
        write(given[which], text)
    assert f"{given[0].parent}/{message}" in call("align", linked_run, *on_given(given)).error


def test_a_gold_link_out_of_range_hints_at_other_units(call, linked_run, given):
    write(given[0], "I don't like cats.\nWe buy fish.\n")
    error = call("align", linked_run, *on_given(given)).error
    assert "x.align: line 1: link 4-3 is out of range" in error
    assert error.endswith("Or try --units words.")
    error = call("align", linked_run, *on_given(given), "--units", "words").error
    # There are no more given tokens than words.
    assert "x.align: line 1: link 5-4" in error and "Or try" not in error


def test_a_gold_pair_that_is_too_long_is_left_out_and_named(call, linked_run, given):
    write(given[1], "我 不 喜欢 猫 。\n" + "画 " * 60 + "\n")
    done = call("align", linked_run, *on_given(given), "--json")
    assert json.loads(done.out)["n"] == 1
    assert re.search(rf"warning: {given[1]}: line 2 has 6\d tokens, but .* Left out\.", done.err)


def test_exchanged_files_are_warned_of(call, linked_run, given, tmp_path):
    english, out = given[0], tmp_path / "out.align"
    files = ["--src", english, "--tgt", english, "--output", out]
    done = call("align", linked_run, *files, "--units", "given")
    assert done.status == 0 and len(lines_of(out)) == 2
    assert f"warning: {english} does not look like Chinese, which this run needs here" in done.err


def test_exchanged_gold_files_are_warned_of(call, linked_run, given, tmp_path):
    english, chinese, _ = given
    links = write(tmp_path / "links", "\n" * len(lines_of(english)))
    measured = ["--src", chinese, "--tgt", english, "--gold", links]
    warning = f"warning: {chinese} does not look like English, which this run needs here"
    assert warning in call("align", linked_run, *measured).err


def test_gold_links_out_of_range_in_the_runs_own_split(call, run_copy):
    write(run_copy / "test.tsv", "I draw.\t我画。\t0-0\nI draw.\t我画。\t0-0 7-0\n")
    error = call("align", run_copy, "--gold").error
    assert f"{run_copy / 'test.tsv'}: line 2: link 7-0 is out of range" in error


def test_a_run_without_gold_links_says_what_to_do(call, run_copy):
    write(run_copy / "test.tsv", "I draw.\t我画。\n")
    error = call("align", run_copy, "--gold").error
    assert "no gold links to measure on; give --src, --tgt and --gold FILE" in error
    (run_copy / "test.tsv").unlink()
    assert "test.tsv: no such file" in call("align", run_copy, "--gold").error


BATCH = ["--src", "FILE", "--tgt", "FILE"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "give --src FILE and --tgt FILE, or --gold valid or test"),
        (["--src", "FILE"], "give --src FILE and --tgt FILE"),
        (["--tgt", "FILE", "--gold", "FILE"], "give --src FILE and --tgt FILE"),
        (["--src", "NONE", "--tgt", "FILE"], "NONE: no such file"),
        ([*BATCH, "--gold", "NONE"], "NONE: no such file"),
        ([*BATCH, "--output", "FOLDER"], "is a folder; name a file"),
        ([*BATCH, "--output", "FOLDER/new/out"], "/new/out: no such folder"),
        ([*BATCH, "--gold"], "--gold needs a FILE of links between --src and --tgt; leave"),
        ([*BATCH, "--gold", ""], "--gold needs a FILE"),
        ([*BATCH, "--gold", "FILE", "--output", "x"], "argument --output: not allowed with"),
        (["--gold", "train"], "--gold train: give valid or test, or a file's --src and --tgt"),
        ([*BATCH, "--save"], "--save and --json belong to --gold"),
        ([*BATCH, "--json"], "--save and --json belong to --gold"),
        (["--gold", "--layer", "1"], "--gold measures every choice"),
        (["--gold", "--both"], "--gold measures every choice"),
        (["--gold", "--head", "1"], "--head needs --layer"),
        (["--gold", "--units", "given"], "--units given: the run's own gold links are between"),
        (["--gold", "--threshold", "2"], "--threshold=2.0 is out of range"),
        (["--gold", "--agree", "RUN"], "translates en-zh, but zh-en is needed"),
        ([*BATCH, "--agree", "RUN"], "translates en-zh, but zh-en is needed"),
        ([*BATCH, "--agree", "NONE"], "NONE: no run here"),
        ([*BATCH, "--layer", "2"], "--layer 2: the model has layers 0 to 1"),
        ([*BATCH, "--layer", "0", "--head", "-1"], "--head -1: the model has heads 0 to 1"),
        ([*BATCH, "--batch-tokens", "0"], "--batch-tokens 0 is out of range"),
        ([*BATCH, "--units", "letters"], "argument --units"),
    ],
)
def test_a_mistake_is_one_line(call, linked_run, tmp_path, arguments, message):
    names = {"FILE": write(tmp_path / "file", "a\n"), "NONE": tmp_path / "NONE"}
    names |= {"RUN": linked_run, "FOLDER": tmp_path}
    done = call("align", linked_run, *(names.get(word, word) for word in arguments))
    assert message in done.error and done.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_gold_links_may_be_between_words_of_a_file(call, linked_run, tmp_path):
    rows = [line.split("\t") for line in lines_of(linked_run / "test.tsv")]
    files = [
        write(tmp_path / name, "".join(f"{row[column]}\n" for row in rows))
        for column, name in enumerate(("src", "tgt", "links"))
    ]
    own = json.loads(call("align", linked_run, "--gold", "--json").out)
    options = ["--units", "words", "--json"]
    same = json.loads(call("align", linked_run, *on_given(files), *options).out)
    assert same["table"] == own["table"] and same["gold"] == str(files[2])


def test_a_damaged_choice_is_made_anew_where_one_is_made(call, linked_tsv, cache_dir, run_copy):
    write(run_copy / "alignment.json", "{")
    assert "alignment.json: damaged" in call("align", run_copy, "--gold").error
    assert call("align", run_copy, "--gold", "--save").status == 0
    saved = json.loads((run_copy / "alignment.json").read_text("utf-8"))
    assert saved["steps"] == Translator(run_copy, "cpu").run.metadata["steps"]
    write(run_copy / "alignment.json", "{")
    assert train(training_config(linked_tsv, cache_dir, run_copy, **LINKED)) == 0
    assert "chosen_on" in json.loads((run_copy / "alignment.json").read_text("utf-8"))


def test_a_choice_on_few_pairs_is_kept_with_a_warning(call, run_copy, given):
    done = call("align", run_copy, *on_given(given), "--save")
    assert done.status == 0 and "warning: 2 pairs are few" in done.err
    assert "2 pairs" in json.loads((run_copy / "alignment.json").read_text("utf-8"))["chosen_on"]
    rows = lines_of(run_copy / "test.tsv")
    write(run_copy / "test.tsv", "".join(row + "\n" for row in (rows * 20)[:20]))
    for options in (["--gold", "--save"], ["--gold"], on_given(given)):
        assert "are few" not in call("align", run_copy, *options).err


@pytest.mark.parametrize("head, warns", [(0, False), (1, True)])
def test_few_pairs_that_choose_another_head_than_the_taught_one(linked_run, capsys, head, warns):
    inspector = Translator(linked_run, "cpu").inspector
    inspector.run.metadata["guided"] = True
    layer = inspector.run.config.model.guided_layer
    warn_of_few(inspector, 3, Rule(layer, head))
    assert ("not the head that training taught" in capsys.readouterr().err) == warns


def test_a_choice_written_by_hand(call, run_copy, tmp_path, texts):
    """It need not say what it was chosen on; what it lacks, or what the model lacks, is named."""
    values = asdict(Rule(1, 0)) | {"table": []}
    write(run_copy / "alignment.json", json.dumps(values))
    done = align(call, run_copy, texts, tmp_path / "out")
    assert "layer 1, head 0" in done.err and "None" not in done.err
    write(run_copy / "alignment.json", json.dumps(asdict(Rule(9, 0))))
    assert "the model has no layer 9" in align(call, run_copy, texts, tmp_path / "out").error
    write(run_copy / "alignment.json", json.dumps({"layer": 1, "head": 0}))
    assert "alignment.json: damaged (it has no 'shift')" in call("align", run_copy, "--gold").error


def test_both_directions_of_given_tokens_that_are_white_space(
    call, linked_run, backward_run, given
):
    for path, text in zip(
        given, ("I do n't like cats .", "\u3000 我 不 喜欢 猫 。", "0-1"), strict=True
    ):
        write(path, text + "\n")
    report = json.loads(
        call("align", linked_run, *on_given(given), "--agree", backward_run, "--json").out
    )
    assert set(report["rows"]) >= {"both directions"}


# ----------------------------------------------------------------------------------------- training


def events(run: Path) -> list[dict]:
    return [json.loads(line) for line in lines_of(run / "metrics.jsonl")]


def test_training_logs_the_error_rate_and_keeps_the_choice(linked_run, by_hand):
    """Both are of the same weights, on the same gold; so is what the slow loops find."""
    logged = [event["aer"] for event in events(linked_run) if "aer" in event]
    assert len(logged) == 1
    rule, values = rule_from_json((linked_run / "alignment.json").read_text("utf-8"), 2, 2, "x")
    best_by_hand = min(by_hand["valid"].values())[0]
    assert values["aer"] == pytest.approx(best_by_hand) and logged[0] == pytest.approx(
        best_by_hand, abs=1e-4
    )
    assert by_hand["valid"][choice_of(asdict(rule))][0] == pytest.approx(best_by_hand)
    assert (
        values["chosen_on"]
        == f"the run's validation set, {len(lines_of(linked_run / 'valid.tsv'))} pairs"
    )


def test_the_error_rate_need_not_be_logged(linked_tsv, cache_dir, tmp_path):
    changes = LINKED | {"train.log_aer": False, "train.max_steps": 1}
    assert train(training_config(linked_tsv, cache_dir, tmp_path / "run", **changes)) == 0
    logged = events(tmp_path / "run")
    assert "valid_loss" in logged[-1] and not any("aer" in event for event in logged)
    assert (tmp_path / "run" / "alignment.json").exists()


def test_the_choice_is_made_again_for_new_weights_alone(linked_tsv, cache_dir, tmp_path):
    """Also when the run that made them was killed before it chose."""
    config = training_config(
        linked_tsv, cache_dir, tmp_path / "run", **LINKED | {"train.max_steps": 1}
    )
    path = tmp_path / "run" / "alignment.json"
    assert train(config) == 0
    text = path.read_text("utf-8")
    mine = json.dumps(json.loads(text) | {"chosen_on": "mine"})
    write(path, mine)
    assert train(config) == 0 and path.read_text("utf-8") == mine
    write(path, json.dumps(json.loads(mine) | {"steps": [0]}))
    assert train(config) == 0 and path.read_text("utf-8") == text


def test_a_choice_without_gold_pairs_is_told(run_copy, capsys):
    """No rule is saved that nothing was measured for."""
    (run_copy / "alignment.json").unlink()
    write(run_copy / "valid.tsv", f"{'cats ' * 200}\t猫\t0-0\nCats.\t猫。\n")
    choose_alignment(run_copy, load_config(run_copy))
    assert not (run_copy / "alignment.json").exists()
    assert "word links: no validation pair has gold links and fits" in capsys.readouterr().err


def test_in_the_other_direction_the_links_are_turned(linked_tsv, cache_dir, tmp_path):
    changes = LINKED | {"direction": "zh-en", "train.max_steps": 1}
    assert train(training_config(linked_tsv, cache_dir, tmp_path / "run", **changes)) == 0
    expected = measured_by_hand(Translator(tmp_path / "run", "cpu"), tmp_path / "run" / "valid.tsv")
    values = json.loads((tmp_path / "run" / "alignment.json").read_text("utf-8"))
    table = {choice_of(r): r["aer"] for r in values["table"]}
    assert table == {key: pytest.approx(value[0]) for key, value in expected.items()}


def test_gold_links_are_of_the_text_before_the_vocabulary_changes_it(cache_dir, tmp_path):
    def shifted(links: str) -> str:
        return re.sub(r"(\d+)([-p])", lambda match: f"{int(match[1]) + 1}{match[2]}", links)

    pairs = [(f"…{en}", zh, shifted(gold_links(en, zh))) for en, zh in pattern_pairs()]
    tsv = write(tmp_path / "c.tsv", "".join("\t".join(row) + "\n" for row in pairs))
    prefix = str(tmp_path / "folding")  # … becomes three dots
    spm.SentencePieceTrainer.train(
        sentence_iterator=(text for row in pairs for text in row[:2]),
        model_prefix=prefix,
        vocab_size=150,
        hard_vocab_limit=False,
        pad_id=0,
        unk_id=1,
        bos_id=2,
        eos_id=3,
        minloglevel=2,
    )
    changes = LINKED | {"train.max_steps": 1, "tokenizer.joint": True}
    changes["tokenizer.src_model"] = f"{prefix}.model"
    assert train(training_config(tsv, cache_dir, tmp_path / "run", **changes)) == 0
    translator = Translator(tmp_path / "run", "cpu")
    expected = measured_by_hand(translator, tmp_path / "run" / "valid.tsv")
    values = json.loads((tmp_path / "run" / "alignment.json").read_text("utf-8"))
    table = {choice_of(r): r["aer"] for r in values["table"]}
    assert table == {key: pytest.approx(value[0]) for key, value in expected.items()}
    (logged,) = [event["aer"] for event in events(tmp_path / "run") if "aer" in event]
    assert logged == pytest.approx(min(expected.values())[0], abs=1e-4)
    english, chinese, _ = lines_of(tmp_path / "run" / "valid.tsv")[0].split("\t")
    assert translator.attention(english, chinese).src.unit_texts == units(english)


@pytest.mark.parametrize("link", ["0-99", "0:0"])
def test_a_gold_link_that_does_not_fit_stops_training_before_it_starts(
    linked_tsv, cache_dir, tmp_path, link
):
    valid = write(
        tmp_path / "valid.tsv", f"I draw.\t我画。\t0-0\nI draw fish.\t我画鱼。\t0-0 {link}\n"
    )
    changes = LINKED | {"data.valid": str(valid), "train.max_steps": 1}
    with pytest.raises(UserError, match=rf"valid.*line 2.*{re.escape(link)}"):
        train(training_config(linked_tsv, cache_dir, tmp_path / "run", **changes))
    assert not (tmp_path / "run" / "metrics.jsonl").exists()
