"""`visualize` and `evaluate --aer` as a person meets them, and what training says about
alignments."""

import itertools
import json
import re
import shutil
import subprocess
import sys
import warnings
from dataclasses import asdict, replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import sentencepiece as spm
from helpers import (
    ENVIRONMENT,
    PEOPLE,
    THINGS,
    VERBS,
    Done,
    make_run,
    pattern_pairs,
    slow_aer,
    slow_agree,
    slow_cross,
    slow_links,
    slow_soft,
    slow_ways,
    training_config,
    written,
)

from transformer_mt import Translator
from transformer_mt.alignment import BASE, Rule, agree, choices, rule_from_json
from transformer_mt.config import UserError
from transformer_mt.decoding import Hypothesis
from transformer_mt.run_dir import load_config
from transformer_mt.text import BREAKS
from transformer_mt.train import choose_alignment, train
from transformer_mt.units import format_links, units
from transformer_mt.view import page, plots

ZH = PEOPLE | VERBS | THINGS | {"and": "和", "today": "今天", ".": "。", "!": "！"}


def gold_links(english: str, chinese: str) -> str:
    """The links of a pattern pair: each word to its characters; `every` and `day` to 每天, which is
    only possible.
    """
    links, at = [], 0
    for i, word in enumerate(units(english)):
        if word in ("every", "day"):
            start = chinese.index("每天")
            links += [f"{i}p{start}", f"{i}p{start + 1}"]
            continue
        places = [k for k in range(len(chinese)) if chinese.startswith(ZH[word], k)]
        start = (
            next((k for k in places if k >= at), places[0])
            if word in ("and", *THINGS)
            else places[0]
        )
        at = start + 1 if word in ("and", *THINGS) else at
        links += [f"{i}-{k}" for k in range(start, start + len(ZH[word]))]
    return " ".join(links)


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def lines(path: Path) -> list[str]:
    text = path.read_text("utf-8")
    assert text == "" or text.endswith("\n")
    return text.split("\n")[:-1]


# ---------------------------------------------------------------------------------- runs, made once


@pytest.fixture(scope="module")
def linked_tsv(tmp_path_factory) -> Path:
    rows = [f"{en}\t{zh}\t{gold_links(en, zh)}\n" for en, zh in pattern_pairs()]
    return write(tmp_path_factory.mktemp("linked") / "linked.tsv", "".join(rows))


LINKED = {
    "data.links_column": "2",
    "model.n_decoder_layers": 2,
    "train.max_steps": 60,
    "train.validate_every": 60,
    "train.average": 1,
}


@pytest.fixture(scope="module")
def linked_run(linked_tsv, cache_dir, tmp_path_factory) -> Path:
    """Trained a little on a corpus with gold links; validated once, at the end."""
    run = tmp_path_factory.mktemp("linked") / "run"
    assert train(training_config(linked_tsv, cache_dir, run, **LINKED)) == 0
    return run


@pytest.fixture(scope="module")
def translator(linked_run) -> Translator:
    return Translator(linked_run, "cpu")


BACKWARD_RULE = Rule(1, 1, shift=True)


@pytest.fixture(scope="module")
def backward_run(translator, tmp_path_factory) -> Path:
    """Of the other direction, with random weights, and reading its links from a head of its own."""
    folder = tmp_path_factory.mktemp("backward") / "run"
    make_run(folder, (translator.src_tokenizer, translator.tgt_tokenizer), "zh-en")
    values = asdict(BACKWARD_RULE) | {"chosen_on": "nothing", "table": []}
    write(folder / "alignment.json", json.dumps(values))
    return folder


@pytest.fixture
def run_copy(linked_run, tmp_path) -> Path:
    """One that a test may change."""
    copied = tmp_path / "copy"
    shutil.copytree(linked_run, copied, ignore=shutil.ignore_patterns("checkpoints", "tensorboard"))
    return copied


@pytest.fixture
def no_matplotlib(monkeypatch) -> None:
    """As where the extra `viz` is not installed; also saves the time of drawing."""
    for name in [
        *(name for name in sys.modules if name.partition(".")[0] == "matplotlib"),
        "matplotlib",
    ]:
        monkeypatch.setitem(sys.modules, name, None)


# ------------------------------------------------------------------------------------- one sentence

SENTENCE = "They buy fish and cats every day!"
FILES = {
    "attention.npz",
    "attention.json",
    "alignment.txt",
    "attention.html",
    "alignment.png",
    "alignment.svg",
}


@pytest.fixture(scope="module")
def drawn(linked_run, tmp_path_factory) -> tuple[Path, Done, list[str]]:
    """What a process of its own made, in a locale that is not UTF-8: the folder, its output, the
    modules it loaded."""
    folder = tmp_path_factory.mktemp("drawn") / "测试"
    code = """
import sys
from transformer_mt import visualize

def main(argv):
    visualize.main(argv)
    print("\\n".join(sys.modules), file=sys.stderr)

visualize.cli.run(main)
"""
    arguments = [linked_run, SENTENCE, "--output-dir", folder, "--grid", "--dump-qk"]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=ENVIRONMENT,
        capture_output=True,
        timeout=200,
    )
    messages = done.stderr.decode().splitlines()
    split = next((i for i, line in enumerate(messages) if line == "sys"), len(messages))
    return (
        folder,
        Done(done.returncode, done.stdout.decode(), "\n".join(messages[:split])),
        messages[split:],
    )


def test_everything_is_written_and_nothing_else(drawn):
    folder, done, _ = drawn
    assert done.status == 0, done
    assert {path.name for path in folder.iterdir()} == FILES | {"heads.png", "heads.svg"}
    text, links = done.out.splitlines()
    assert [links] == lines(folder / "alignment.txt")
    assert json.loads((folder / "attention.json").read_text("utf-8"))["tgt"] == text
    assert f"open {folder / 'attention.html'}" in done.err and "Warning" not in done.err


def test_looking_loads_neither_hydra_nor_datasets(drawn):
    loaded = {name.partition(".")[0] for name in drawn[2]}
    assert {"torch", "matplotlib"} <= loaded
    assert not loaded & {"hydra", "omegaconf", "datasets", "pandas", "tensorboard", "sacrebleu"}


def test_the_dump_is_what_the_python_api_returns(drawn, translator):
    folder = drawn[0]
    attention = translator.attention(SENTENCE)
    arrays = np.load(folder / "attention.npz", allow_pickle=False)
    s, t = len(attention.src.tokens), len(attention.tgt.tokens)
    shapes = {"encoder_self": (1, 2, s, s), "decoder_self": (2, 2, t, t), "cross": (2, 2, t, s)}
    assert set(arrays) == {
        *shapes, *(f"{kind}_{what}" for kind in shapes for what in ("queries", "keys")),
        "src_tokens", "tgt_tokens", "tgt_in_tokens",
    }  # fmt: skip
    for kind, shape in shapes.items():
        assert arrays[kind].shape == shape and arrays[kind].dtype == np.float32
        assert np.allclose(arrays[kind], getattr(attention, kind), atol=1e-5)
        assert np.allclose(arrays[kind].sum(-1), 1, atol=1e-5)
        q, k = (arrays[f"{kind}_{what}"].astype(float) for what in ("queries", "keys"))
        scores = np.exp(q @ k.swapaxes(-1, -2) / np.sqrt(16))
        scores = np.tril(scores) if kind == "decoder_self" else scores
        assert np.allclose(arrays[kind], scores / scores.sum(-1, keepdims=True), atol=1e-4)
    assert arrays["src_tokens"].tolist() == [*translator.src_tokenizer.pieces(attention.src.ids)]
    assert (
        arrays["tgt_tokens"][-1] == "</s>"
        and arrays["tgt_in_tokens"].tolist() == attention.tgt_in_tokens
    )
    assert arrays["tgt_in_tokens"][1:].tolist() == arrays["tgt_tokens"][:-1].tolist()


def test_the_description_says_what_was_drawn_and_how(drawn, translator, linked_run):
    description = json.loads((drawn[0] / "attention.json").read_text("utf-8"))
    arrays = np.load(drawn[0] / "attention.npz", allow_pickle=False)
    rule, values = rule_from_json((linked_run / "alignment.json").read_text("utf-8"), 2, 2, "x")
    assert (
        description["rule"] == asdict(rule)
        and description["reason"] == f"chosen on {values['chosen_on']}"
    )
    assert (
        description["src"] == SENTENCE
        and description["src_units"] == units(SENTENCE)
        and description["units"] == "words"
    )
    assert (
        description["forced"] is False
        and description["direction"] == "en-zh"
        and description["run"] == str(linked_run)
    )
    assert description["steps"] == [60]
    for name in ("src_tokens", "tgt_tokens", "tgt_in_tokens"):
        assert description[name] == arrays[name].tolist()
    assert (
        len(description["log_probs"]) == len(description["tgt_tokens"])
        and max(description["log_probs"]) < 0
    )
    attention = translator.attention(SENTENCE)
    assert description["alignment"] == format_links(
        slow_links(arrays["cross"], attention.src, attention.tgt, rule)
    )
    assert description["alignment"] == lines(drawn[0] / "alignment.txt")[0]


def test_the_pictures_are_pictures(drawn, translator):
    from matplotlib.image import imread

    n_links = len(translator.attention(SENTENCE).links)
    for name in ("alignment", "heads"):
        picture = imread(drawn[0] / f"{name}.png")
        assert min(picture.shape[:2]) > 200 and np.ptp(picture[..., :3]) > 0.9
        svg = (drawn[0] / f"{name}.svg").read_text("utf-8")
        assert svg.startswith("<?xml") and svg.rstrip().endswith("</svg>")
        assert svg.count("stroke: #ff7f0e") == (n_links if name == "alignment" else 0)


def test_the_page_holds_the_numbers_and_needs_no_network(drawn):
    html = (drawn[0] / "attention.html").read_text("utf-8")
    assert "__DATA__" not in html and "They" in html
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", html)


def visualize(call, folder: Path, *arguments: object) -> tuple[dict, dict[str, np.ndarray], Done]:
    """The description and the arrays that the command wrote."""
    done = call("visualize", *arguments, "--output-dir", folder)
    assert done.status == 0, done
    with np.load(folder / "attention.npz", allow_pickle=False) as arrays:
        return json.loads((folder / "attention.json").read_text("utf-8")), dict(arrays), done


def test_without_matplotlib_the_rest_is_written_and_one_line_says_what_to_install(
    call, linked_run, tmp_path, no_matplotlib
):
    description, arrays, done = visualize(call, tmp_path / "a", linked_run, SENTENCE, "--grid")
    assert {path.name for path in (tmp_path / "a").iterdir()} == FILES - {
        "alignment.png",
        "alignment.svg",
    }
    assert [line for line in done.err.splitlines() if "picture" in line] == [
        'no picture: install matplotlib: pip install "transformer_mt[viz]".'
    ]
    assert not any("queries" in name for name in arrays), "only with --dump-qk"
    assert done.out.splitlines() == [description["tgt"], description["alignment"]]


@pytest.mark.parametrize("broken", [False, True])
def test_without_a_font_that_has_the_letters_one_line_says_what_to_install(
    call, linked_run, tmp_path, monkeypatch, broken
):
    fonts = [str(write(tmp_path / "broken.ttf", b"no font at all"))] if broken else []
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda *_, **__: fonts)
    _, _, done = visualize(
        call, tmp_path / "a", linked_run, "I draw.", "--target", "我画。", "--layer", "0", "--grid"
    )
    assert {path.name for path in (tmp_path / "a").iterdir()} == FILES - {
        "alignment.png",
        "alignment.svg",
    }
    problems = [line for line in done.err.splitlines() if "picture" in line]
    assert len(problems) == 1 and re.search(
        r"no installed font has [我画]+; install one, .*fonts-noto-cjk", problems[0]
    )


@pytest.mark.parametrize("name", ["words", "subwords", "given"])
def test_a_given_target_is_forced_and_links_index_the_units_asked_for(
    call, translator, linked_run, tmp_path, no_matplotlib, name
):
    pairs = {"given": ("I do n't like cats .", "我 不 喜欢 猫 。")}
    english, chinese = pairs.get(name, ("I like cats.", "我喜欢猫。"))
    options = [
        "--units",
        name,
        "--target",
        chinese,
        "--layer",
        "1",
        "--head",
        "0",
        "--shift",
        "--mask-punctuation",
    ]
    description, arrays, _ = visualize(call, tmp_path / "a", linked_run, english, *options)
    assert (
        description["forced"] is True
        and description["units"] == name
        and description["tgt"] == chinese.replace(" ", "")
    )
    expected = {
        "words": (["I", "like", "cats", "."], list("我喜欢猫。")),
        "given": (english.split(" "), chinese.split(" ")),
        "subwords": (None, None),
    }[name]
    if name == "subwords":
        assert len(description["src_units"]) == len(description["src_tokens"]) - 1
        assert (
            "".join(description["src_units"]) == english
            and "".join(description["tgt_units"]) == chinese
        )
    else:
        assert (description["src_units"], description["tgt_units"]) == expected
    rule = Rule(1, 0, shift=True, mask_punctuation=True)
    assert description["rule"] == asdict(rule) and description["reason"].startswith(
        "chosen by option"
    )
    inspector = translator.inspector
    sides = inspector.side(english, True, name, "x"), inspector.side(chinese, False, name, "x")
    assert description["alignment"] == format_links(slow_links(arrays["cross"], *sides, rule))


@pytest.mark.parametrize(
    "options, change",
    [
        (["--shift"], {"shift": True}),
        (["--no-shift"], {"shift": False}),
        (["--threshold", "0.15"], {"threshold": 0.15}),
        (["--mask-punctuation"], {"mask_punctuation": True}),
        (["--both"], {"both": True}),
        (["--no-both"], {"both": False}),
        (["--no-mask-punctuation"], {"mask_punctuation": False}),
        (["--layer", "0"], {"layer": 0, "head": None, "shift": False, "mask_punctuation": True}),
        (
            ["--layer", "1", "--head", "1"],
            {"layer": 1, "head": 1, "shift": False, "mask_punctuation": True},
        ),
    ],
)
def test_options_change_the_runs_choice(call, run_copy, tmp_path, no_matplotlib, options, change):
    saved_rule = Rule(
        0,
        1,
        shift="--no-shift" in options,
        mask_punctuation="--no-mask-punctuation" in options,
        both="--no-both" in options,
    )
    write(
        run_copy / "alignment.json",
        json.dumps(asdict(saved_rule) | {"chosen_on": "my gold", "table": []}),
    )
    description, _, done = visualize(
        call, tmp_path / "a", run_copy, "I draw.", "--target", "我画。", *options
    )
    rule = replace(saved_rule, **change)
    assert description["rule"] == asdict(rule)
    assert description["reason"] == (
        "chosen by option" if "--layer" in options else "chosen on my gold; changed by option"
    )
    assert f"links: {rule} ({description['reason']})" in done.err.splitlines()


def test_pictures_of_another_sentence_do_not_stay(call, linked_run, tmp_path):
    visualize(call, tmp_path, linked_run, SENTENCE, "--grid")
    assert (tmp_path / "heads.png").exists()
    visualize(call, tmp_path, linked_run, SENTENCE)
    assert (tmp_path / "alignment.png").exists() and not (tmp_path / "heads.png").exists()


def test_a_rule_that_was_changed_does_not_claim_to_be_the_chosen_one(
    call, run_copy, tmp_path, no_matplotlib
):
    description, _, done = visualize(call, tmp_path, run_copy, SENTENCE, "--threshold", "0.2")
    assert (
        description["reason"].endswith("; changed by option")
        and ", weights above 0.2 (chosen on" in done.err
    )


def test_the_python_api_names_what_is_out_of_range(translator):
    with pytest.raises(
        UserError, match="the model has no layer 7, mean of its heads: its layers are 0 to 1"
    ):
        translator.attention(SENTENCE, rule=Rule(layer=7))
    with pytest.raises(UserError, match="units=letters is not one of words, subwords, given"):
        translator.attention(SENTENCE, units="letters")


def test_decoding_options_change_the_translation(
    call, translator, linked_run, tmp_path, no_matplotlib
):
    for beam_size, penalty in ((1, 0.0), (5, 3.0)):
        options = ["--layer", "0", "--beam-size", beam_size, "--length-penalty", penalty]
        description, _, _ = visualize(call, tmp_path / "a", linked_run, SENTENCE, *options)
        assert (
            description["tgt"].strip()
            == translator.translate([SENTENCE], beam_size, penalty)[0].text
        )


def test_an_empty_translation_does_no_harm(call, linked_run, tmp_path, monkeypatch, recwarn):
    monkeypatch.setattr(Translator, "search", lambda *_, **__: [[Hypothesis([], 0.0)]])
    description, arrays, done = visualize(
        call, tmp_path / "a", linked_run, "I draw.", "--layer", "0"
    )
    assert (
        description["tgt"] == ""
        and description["alignment"] == ""
        and arrays["cross"].shape[2] == 1
    )
    assert done.out == "\n\n" and lines(tmp_path / "a" / "alignment.txt") == [""]
    assert "Warning" not in done.err and not recwarn.list


def test_odd_text_does_no_harm(call, linked_run, tmp_path):
    """What a page, a picture, or mathematical typesetting could stumble over."""
    odd = r'a $\frac$ <b> & " </script> 🧋 م'
    with warnings.catch_warnings(record=True) as caught_warnings:
        options = ["--target", r"我 $\oops$ \ 🫠", "--layer", "0", "--units", "given", "--grid"]
        description, _, done = visualize(call, tmp_path / "a", linked_run, odd, *options)
    assert description["src_units"] == odd.split(" ") and description["tgt_units"] == [
        "我",
        r"$\oops$",
        "\\",
        "🫠",
    ]
    assert (tmp_path / "a" / "alignment.png").exists() and (tmp_path / "a" / "heads.svg").exists()
    assert "Warning" not in done.err and not caught_warnings, (
        "a letter without a glyph is a box in the picture, not a warning"
    )


# ------------------------------------------------------------------------------------ what is drawn


@pytest.fixture
def figures(monkeypatch) -> list:
    """Figures instead of files."""
    drawings: list = []
    monkeypatch.setattr(plots, "save_picture", lambda figure, name: drawings.append((figure, name)))
    return drawings


def merged(rows: list[list[float]], src, tgt) -> np.ndarray:
    """Over units, by the slow loop: `(U_t, U_s + 1)`."""
    weights = np.zeros((len(tgt.units), len(src.units) + 1))
    for j in range(len(tgt.units)):
        own = [t for t in range(len(tgt.ids) - 1) if j in written(tgt, t)]
        for t in own:
            for s, share in enumerate(rows[t]):
                for i in written(src, s) if s < len(src.ids) - 1 else [-1]:
                    weights[j, i] += share / max(1, len(written(src, s))) / len(own)
    return weights


def test_a_sentence_without_units_has_a_picture(call, linked_run, tmp_path):
    done = call(
        "visualize", linked_run, "\u2581", "--target", "我画。", "--output-dir", tmp_path / "out"
    )
    assert done.status == 0 and (tmp_path / "out" / "alignment.png").exists()


def test_a_damaged_choice_is_made_anew_where_one_is_made(call, linked_tsv, cache_dir, run_copy):
    write(run_copy / "alignment.json", "{")
    assert "alignment.json: damaged" in call("evaluate", run_copy, "--aer").error
    assert call("evaluate", run_copy, "--aer", "--save").status == 0
    saved = json.loads((run_copy / "alignment.json").read_text("utf-8"))
    assert saved["steps"] == Translator(run_copy, "cpu").run.metadata["steps"]
    write(run_copy / "alignment.json", "{")
    assert train(training_config(linked_tsv, cache_dir, run_copy, **LINKED)) == 0
    assert "chosen_on" in json.loads((run_copy / "alignment.json").read_text("utf-8"))


def test_both_directions_of_given_tokens_that_are_white_space(
    call, linked_run, backward_run, given
):
    for path, text in zip(
        given, ("I do n't like cats .", "\u3000 我 不 喜欢 猫 。", "0-1"), strict=True
    ):
        write(path, text + "\n")
    report = json.loads(
        call("evaluate", linked_run, *on_given(given), "--agree", backward_run, "--json").out
    )
    assert set(report["rows"]) >= {"both directions"}


def test_a_picture_of_a_long_pair_is_not_larger_than_memory(translator, tmp_path):
    from matplotlib.image import imread

    attention = translator.attention("I draw. " * 4, "我画。" * 4, rule=Rule(0))
    figure, _ = plots.new_figure("")
    figure.set_size_inches(900, 40)
    plots.save_picture(figure, tmp_path / "wide")
    assert imread(tmp_path / "wide.png").shape[1] == 8000
    assert plots.alignment(attention, tmp_path / "long") == ""
    assert 1000 < max(imread(tmp_path / "long.png").shape[:2]) <= 8000


@pytest.mark.parametrize(
    "rule",
    [
        Rule(),
        Rule(1, shift=True),
        Rule(1, 0, threshold=0.1),
        Rule(1, 0, both=True, column_threshold=0.1),
    ],
)
def test_the_picture_shows_the_weights_the_units_and_the_links(translator, figures, tmp_path, rule):
    attention = translator.attention("I like 3 cats.", "我喜欢3猫é。", rule=rule)
    assert plots.alignment(attention, tmp_path / "alignment") == ""
    [(figure, name)] = figures
    [axes] = figure.axes
    rows = slow_soft(attention.cross, rule.layer, rule.head)
    expected = merged(rows[1:] if rule.shift else rows[:-1], attention.src, attention.tgt)
    assert name == tmp_path / "alignment"
    assert np.allclose(axes.images[0].get_array(), expected, atol=1e-6)
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        *units("I like 3 cats."),
        "</s>",
    ]
    assert [label.get_text() for label in axes.get_yticklabels()] == list("我喜欢3猫é。")
    centres = {
        (round(p.get_x() + p.get_width() / 2), round(p.get_y() + p.get_height() / 2))
        for p in axes.patches
    }
    assert centres == attention.links
    src, tgt = attention.src, attention.tgt
    by_rows, by_columns = slow_ways(attention.cross, src, tgt, rule)
    assert attention.links == (slow_agree(by_rows, by_columns) if rule.both else by_rows)
    for patch in axes.patches:
        link = tuple(round(n + 0.46) for n in patch.get_xy())
        of_two_ways = {(True, True): "-", (True, False): "--", (False, True): ":"}
        found = link in by_rows, link in by_columns or not rule.both
        assert patch.get_linestyle() == of_two_ways[found]
    assert ("dashed: found by rows alone" in axes.get_xlabel()) == rule.both
    for text in axes.texts:
        column, row = text.get_position()
        assert text.get_text() == f"{expected[row, column]:.2f}"
    assert str(rule) in axes.get_xlabel()


def test_the_grid_shows_every_head_of_a_layer(translator, figures, tmp_path):
    attention = translator.attention("I draw.", "我画。", rule=Rule(1, 1))
    plots.heads(attention, 1, tmp_path / "heads")
    [(figure, _)] = figures
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.get_xlabel() for axes in shown] == ["layer 1, head 0", "layer 1, head 1"]
    for head, axes in enumerate(shown):
        expected = merged(attention.cross[1, head][:-1].tolist(), attention.src, attention.tgt)
        assert np.allclose(axes.images[0].get_array(), expected, atol=1e-6)


@pytest.mark.parametrize("options, layer", [((), 0), (("--layer", "1"), 1)])
def test_the_grid_is_of_the_layer_that_links_are_read_from(
    call, run_copy, tmp_path, figures, options, layer
):
    write(
        run_copy / "alignment.json",
        json.dumps(asdict(Rule(0, 1)) | {"chosen_on": "x", "table": []}),
    )
    visualize(call, tmp_path / "a", run_copy, "I draw.", "--target", "我画。", "--grid", *options)
    labels = [axes.get_xlabel() for axes in figures[1][0].axes]
    assert figures[1][1].name == "heads" and labels[0] == f"layer {layer}, head 0"


def test_the_fonts_chosen_have_every_letter():
    pytest.importorskip("matplotlib")
    from matplotlib import font_manager
    from matplotlib.ft2font import FT2Font

    text = "They like 苹果 é ñ Ω 我们"
    try:
        _, family = plots.new_figure(text)
    except UserError as error:
        pytest.skip(str(error))
    for letter in set(text) - {" "}:
        files = [font_manager.findfont(name, fallback_to_default=False) for name in family]
        assert any(ord(letter) in FT2Font(file).get_charmap() for file in files), letter


CONTROLS = [*range(1, 9), 14, 0x1B, 0x1C, 0x1F, 0x7F, 0x80, 0x85, 0x9F, 0xFFFE, 0xFFFF]


@pytest.mark.parametrize("code", CONTROLS)
def test_pictures_of_control_characters_are_xml(translator, tmp_path, code):
    """The characters are seen, and the rest is as it was."""
    pytest.importorskip("matplotlib")
    src = f"I{chr(code)}draw -- <!-- &amp; cats ]]> {chr(code)} ."
    attention = translator.attention(src, "我画猫。", "given", Rule(0))
    assert plots.alignment(attention, tmp_path / "a") == ""
    plots.heads(attention, 0, tmp_path / "b")
    for path in tmp_path.glob("*.svg"):
        text = path.read_text("utf-8")
        ElementTree.fromstring(text)
        assert chr(code) not in text
        assert "\ufffd" in text or code in BREAKS  # which are spaces, as in a line


def test_what_is_drawn_holds_no_lone_surrogate(translator, figures, tmp_path):
    attention = translator.attention("I draw cats.", "我画猫。", rule=Rule(0))
    side = attention.src
    odd = replace(attention, src=replace(side, text=side.text.replace("cats", "ca\ud800s")))
    plots.alignment(odd, tmp_path / "a")
    labels = [label.get_text() for label in figures[0][0].axes[0].get_xticklabels()]
    assert "ca\ufffds" in labels


@pytest.mark.parametrize(
    "letter, font, package",
    [
        ("한", "Noto Sans CJK", "fonts-noto-cjk"),
        ("あ", "Noto Sans CJK", "fonts-noto-cjk"),
        ("龘", "Noto Sans CJK", "fonts-noto-cjk"),
        ("ก", "Noto Sans Thai", "fonts-noto-core"),
        ("ह", "Noto Sans Devanagari", "fonts-noto-core"),
        ("ع", "Noto Sans Arabic", "fonts-noto-core"),
        ("ש", "Noto Sans Hebrew", "fonts-noto-core"),
        ("ა", "Noto Sans Georgian", "fonts-noto-core"),
        ("Ա", "Noto Sans Armenian", "fonts-noto-core"),
        ("አ", "Noto Sans Ethiopic", "fonts-noto-core"),
        ("த", "Noto Sans Tamil", "fonts-noto-core"),
        ("ᐁ", "Noto Sans Canadian Aboriginal", "fonts-noto-core"),
        ("ᱚ", "Noto Sans Ol Chiki", "fonts-noto-core"),
        ("Ѫ", "Noto Sans", "fonts-noto-core"),
    ],
)
def test_the_font_that_is_advised_has_the_script_that_is_missing(
    monkeypatch, letter, font, package
):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda *_, **__: [])
    monkeypatch.setattr("matplotlib.ft2font.FT2Font.get_charmap", lambda _: {})
    with pytest.raises(UserError, match=f"such as {font} .*apt install {package}[)]"):
        plots.new_figure(letter)


def test_each_script_that_is_missing_has_its_font(monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda *_, **__: [])
    with pytest.raises(UserError) as caught:
        plots.new_figure("I ก 画 한 ข")
    assert "install one, such as Noto Sans CJK, Noto Sans Thai (on Debian" in str(caught.value)
    assert "apt install fonts-noto-cjk fonts-noto-core)" in str(caught.value)


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
    return call("visualize", run, "--src", texts[0], "--tgt", texts[1], "--links", links, *options)


@pytest.mark.parametrize("name", ["words", "subwords", "given"])
def test_many_pairs_give_one_line_each_in_order(
    call, translator, linked_run, tmp_path, texts, name
):
    options = ["--units", name, "--layer", "1", "--head", "0", "--mask-punctuation"]
    done = align(call, linked_run, texts, tmp_path / "new" / "out.align", *options)
    assert (done.status, done.out) == (0, "")
    output_lines = lines(tmp_path / "new" / "out.align")
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
    first, second, third = lines(tmp_path / "out")
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
    assert lines(tmp_path / "out.align")[0] == format_links(
        translator.attention(EN[0], CN[0], rule=rule).links
    )


def test_a_dash_is_standard_input_and_output(call, linked_run, tmp_path, texts):
    assert align(call, linked_run, texts, tmp_path / "links").status == 0
    source = texts[0].read_bytes()
    files = ["--src", "-", "--tgt", texts[1], "--links", "-"]
    done = call("visualize", linked_run, *files, stdin=source)
    assert done.status == 0 and done.out == (tmp_path / "links").read_text()
    files = ["--src", "-", "--tgt", "-", "--links", "-"]
    assert "can be read only once" in call("visualize", linked_run, *files).error


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
    for english, chinese, line in zip(EN, CN, lines(tmp_path / "out"), strict=True):
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


# ---------------------------------------------------------------------------------------- bad input

BATCH = ["--src", "FILE", "--tgt", "FILE", "--links", "FILE"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([""], "the sentence is empty"),
        (["   "], "the sentence is empty"),
        (
            ["fish " * 60],
            r"the sentence has \d+ tokens, but the model reads at most model.max_len=48",
        ),
        (["I draw.", "--target", ""], "the target is empty"),
        (
            ["I draw.", "--target", "画" * 60],
            r"the target has \d+ tokens, but the model reads at most",
        ),
        (["I \udcff draw."], "the sentence.*lone surrogate"),
        (["I draw.", "--layer", "2"], "--layer 2: the model has layers 0 to 1"),
        (["I draw.", "--layer", "-1"], "--layer -1: the model has layers 0 to 1"),
        (["I draw.", "--layer", "0", "--head", "2"], "--head 2: the model has heads 0 to 1"),
        (["I draw.", "--head", "0"], "--head needs --layer"),
        (["I draw.", "--layer", "x"], "argument --layer: invalid int value: 'x'"),
        (["I draw.", "--threshold", "1.5"], "threshold"),
        (["I draw.", "--threshold", "-1"], "threshold"),
        (["I draw.", "--threshold", "nan"], "threshold"),
        (["I draw.", "--units", "letters"], "argument --units"),
        (["I draw.", "--beam-size", "0"], "--beam-size 0 is out of range"),
        (["I draw.", "--agree", "RUN2"], "--agree is for many pairs"),
        (["I draw.", "--output-dir", "FILE"], "--output-dir .* is a file: name a folder"),
        ([], "give a SENTENCE, or --src, --tgt and --links"),
        (
            ["--src", "FILE", "--tgt", "FILE"],
            "many pairs need --src FILE, --tgt FILE and --links FILE",
        ),
        (["--links", "FILE", "I draw."], "many pairs need"),
        (["I draw.", *BATCH], "give one SENTENCE, or"),
        (["--src", "NONE", "--tgt", "FILE", "--links", "FILE"], "NONE: no such file"),
        ([*BATCH, "--agree", "RUN"], "translates en-zh, but zh-en is needed"),
        ([*BATCH, "--agree", "NONE"], "NONE: no run here"),
        ([*BATCH, "--batch-tokens", "0"], "--batch-tokens 0 is out of range"),
    ],
)
def test_a_mistake_is_one_line(call, linked_run, tmp_path, no_matplotlib, arguments, message):
    names = {"FILE": write(tmp_path / "file", "a\n"), "NONE": tmp_path / "NONE", "RUN": linked_run}
    folder = [] if "--output-dir" in arguments else ["--output-dir", tmp_path / "out"]
    done = call("visualize", linked_run, *(names.get(word, word) for word in arguments), *folder)
    assert re.search(message, done.error), done.err
    assert {path.name for path in tmp_path.iterdir()} == {"file"} and names[
        "FILE"
    ].read_text() == "a\n"


def test_a_damaged_choice_of_the_run_is_one_line_and_writes_nothing(
    call, run_copy, tmp_path, no_matplotlib
):
    for damage in (b"{", b"\xff\xfe"):
        write(run_copy / "alignment.json", damage)
        for options in ([], ["--layer", "0"]):
            done = call(
                "visualize", run_copy, "I draw.", "--output-dir", tmp_path / "out", *options
            )
            assert (
                str(run_copy / "alignment.json") in done.error and not (tmp_path / "out").exists()
            )


def test_a_run_that_is_none_is_one_line(call, tmp_path):
    assert "no run here" in call("visualize", tmp_path / "测试", "I draw.").error


# ----------------------------------------------------------------------------------- evaluate --aer


CHOICE = ("layer", "head", "shift", "mask_eos", "both")
"""What `evaluate --aer` chooses."""


def choice_of(row: dict) -> tuple:
    """The choice that a row of the table is about."""
    return tuple(row[key] for key in CHOICE)


def measured_by_hand(translator: Translator, path: Path) -> dict[tuple, tuple[float, float, float]]:
    """AER, precision and recall by layer, head, shift, mask of eos and ways, by slow loops over a
    split of the run.
    """
    rows: dict[tuple, list] = {}
    for line in lines(path):
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
    options = [] if split == "test" else ["--split", split]
    report = json.loads(call("evaluate", linked_run, "--aer", "--json", *options).out)
    assert report["n"] == len(lines(linked_run / f"{split}.tsv")) and split in report["gold"]
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
    done = call("evaluate", linked_run, "--aer")
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


def test_the_choice_is_saved_and_used_from_then_on(
    call, run_copy, tmp_path, no_matplotlib, by_hand
):
    (run_copy / "alignment.json").unlink()
    assert "the run's choice" not in call("evaluate", run_copy, "--aer").out
    assert not (run_copy / "alignment.json").exists(), "only with --save"
    done = call(
        "evaluate", run_copy, "--aer", "--save", "--no-mask-punctuation", "--threshold", "0.2"
    )
    assert f"saved: {run_copy / 'alignment.json'}" in done.err
    rule, values = rule_from_json((run_copy / "alignment.json").read_text("utf-8"), 2, 2, "x")
    assert not rule.mask_punctuation and rule.threshold == 0.2 and len(values["table"]) == 56
    assert values["aer"] == min(row["aer"] for row in values["table"])
    n = len(lines(run_copy / "test.tsv"))
    assert values["chosen_on"] == f"the run's test set, {n} pairs"
    report = json.loads(call("evaluate", run_copy, "--aer", "--json").out)
    assert report["rows"]["the run's choice"]["aer"] == pytest.approx(values["aer"]), (
        "by its own masks and threshold"
    )
    description, _, done = visualize(
        call, tmp_path / "a", run_copy, "I draw.", "--target", "我画。"
    )
    assert (
        description["rule"] == asdict(rule)
        and description["reason"] == f"chosen on {values['chosen_on']}"
    )


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_choice_that_cannot_be_kept_does_not_lose_the_table(call, run_copy, as_json):
    """A folder of that name stands for a run that cannot be written to, which root can always."""
    shown = call("evaluate", run_copy, "--aer", *as_json).out
    (run_copy / "alignment.json").unlink()
    (run_copy / "alignment.json").mkdir()
    done = call("evaluate", run_copy, "--aer", "--save", *as_json)
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
    return ["--aer", "--src", given[0], "--ref", given[1], "--gold-links", given[2]]


def test_gold_links_of_given_tokens(call, translator, linked_run, given, backward_run):
    done = call("evaluate", linked_run, *on_given(given), "--json", "--agree", backward_run)
    report = json.loads(done.out)
    assert report["gold"] == str(given[2]) and report["n"] == 2
    rows: dict[Rule, list] = {}
    agreed = []
    best_rule = min(report["table"], key=lambda row: row["aer"])
    best_rule = Rule(**{key: best_rule[key] for key in asdict(Rule())})
    backward = Translator(backward_run, "cpu")
    for english, chinese, links in zip(*(lines(path) for path in given), strict=True):
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
    assert f"{given[0].parent}/{message}" in call("evaluate", linked_run, *on_given(given)).error


def test_a_gold_pair_that_is_too_long_is_left_out_and_named(call, linked_run, given):
    write(given[1], "我 不 喜欢 猫 。\n" + "画 " * 60 + "\n")
    done = call("evaluate", linked_run, *on_given(given), "--json")
    assert json.loads(done.out)["n"] == 1
    assert re.search(rf"warning: {given[1]}: line 2 has 6\d tokens, but .* Left out\.", done.err)


@pytest.mark.parametrize("target", ["OK", "iPhone", "我 like", "ＯＫ"])
def test_one_latin_word_is_in_any_language(call, linked_run, tmp_path, target, no_matplotlib):
    _, _, done = visualize(call, tmp_path / "out", linked_run, "ＤＲＡＷ", "--target", target)
    assert "does not look like" not in done.err


@pytest.mark.parametrize(
    "arguments, warning",
    [
        (["我画画。", "--target", "我画画。"], "the sentence does not look like English"),
        (["画", "--target", "画"], "the sentence does not look like English"),
        (["I draw.", "--target", "I draw."], "the target does not look like Chinese"),
        (["I draw.", "--target", "iPhone 15 Pro"], "the target does not look like Chinese"),
    ],
)
def test_text_in_another_script_is_warned_of(
    call, linked_run, tmp_path, no_matplotlib, arguments, warning
):
    """It may be right: a name stays in Latin letters."""
    description, _, done = visualize(call, tmp_path / "out", linked_run, *arguments)
    assert description["src"] == arguments[0] and description["tgt"] == arguments[2]
    warned = [line for line in done.err.splitlines() if "warning" in line]
    needed = "which this run needs here; are source and target exchanged?"
    assert warned == [f"warning: {warning}, {needed}"]


def test_exchanged_files_are_warned_of(call, linked_run, given, tmp_path):
    english, out = given[0], tmp_path / "out.align"
    files = ["--src", english, "--tgt", english, "--links", out]
    done = call("visualize", linked_run, *files, "--units", "given")
    assert done.status == 0 and len(lines(out)) == 2
    assert f"warning: {english} does not look like Chinese, which this run needs here" in done.err


def test_exchanged_gold_files_are_warned_of(call, linked_run, given, tmp_path):
    english, chinese, _ = given
    links = write(tmp_path / "links", "\n" * len(lines(english)))
    measured = ["--aer", "--src", chinese, "--ref", english, "--gold-links", links]
    warning = f"warning: {chinese} does not look like English, which this run needs here"
    assert warning in call("evaluate", linked_run, *measured).err


def test_gold_links_out_of_range_in_the_runs_own_split(call, run_copy):
    write(run_copy / "test.tsv", "I draw.\t我画。\t0-0\nI draw.\t我画。\t0-0 7-0\n")
    error = call("evaluate", run_copy, "--aer").error
    assert f"{run_copy / 'test.tsv'}: line 2: link 7-0 is out of range" in error


def test_a_run_without_gold_links_says_what_to_do(call, run_copy):
    write(run_copy / "test.tsv", "I draw.\t我画。\n")
    error = call("evaluate", run_copy, "--aer").error
    assert "no gold links to measure on; give --src, --ref and --gold-links" in error
    (run_copy / "test.tsv").unlink()
    assert "test.tsv: no such file" in call("evaluate", run_copy, "--aer").error


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--save"], "belong to --aer"),
        (["--gold-links", "x"], "belong to --aer"),
        (["--agree", "x"], "belong to --aer"),
        (
            ["--aer", "--src", "x", "--ref", "y"],
            "--aer takes --split, or --src, --ref and --gold-links",
        ),
        (["--aer", "--gold-links", "x"], "--aer takes --split, or"),
        (["--aer", "--test-set", "wmt19"], "--aer takes --split, or"),
        (["--aer", "--hyp", "x"], "--aer takes --split, or"),
        (["--aer", "--output", "x"], "--aer takes --split, or"),
        (["--aer", "--threshold", "2"], "threshold"),
        (["--threshold", "0"], "belong to --aer"),
        (["--no-mask-punctuation"], "belong to --aer"),
        (
            ["--aer", "--units", "given"],
            "--units belongs to --aer: given with --gold-links, words without",
        ),
        (["--units", "words"], "--units belongs to --aer"),
        (["--aer", "--agree", "RUN"], "translates en-zh, but zh-en is needed"),
    ],
)
def test_options_of_the_measurement_that_do_not_go_together(call, linked_run, arguments, message):
    done = call(
        "evaluate", linked_run, *(linked_run if word == "RUN" else word for word in arguments)
    )
    assert message in done.error


# ----------------------------------------------------------------------------------------- training


def events(run: Path) -> list[dict]:
    return [json.loads(line) for line in lines(run / "metrics.jsonl")]


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
        == f"the run's validation set, {len(lines(linked_run / 'valid.tsv'))} pairs"
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
    english, chinese, _ = lines(tmp_path / "run" / "valid.tsv")[0].split("\t")
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


def spans_of(translator: Translator, text: str) -> list[tuple]:
    """Of the source's words and of its subwords."""
    side = translator.inspector.side
    return [tuple(side(text, True, name, "x").units) for name in ("words", "subwords")]


def test_gold_on_the_page_is_only_for_the_units_it_was_made_for(translator, tmp_path):
    """Links between words are not links between subwords, even where those of the source are the
    same."""
    run = make_run(tmp_path / "run", (translator.src_tokenizer, translator.tgt_tokenizer), "zh-en")
    one = Translator(run, "cpu")
    both = [(en, zh) for en, zh in pattern_pairs() if len(set(spans_of(one, zh))) == 1]
    assert both, "no sentence of characters alone"
    english, chinese = both[0]
    write(run / "valid.tsv", f"{chinese}\t{english}\t0-0 0p1\n")
    assert page.gold_links(one.run, one.attention(chinese, english, rule=Rule(0))) == [[0, 0]]
    assert page.gold_links(one.run, one.attention(chinese, english + " ", "words", Rule(0))) == [
        [0, 0]
    ]
    assert page.gold_links(one.run, one.attention(chinese, "I draw.", rule=Rule(0))) is None
    assert page.gold_links(one.run, one.attention(chinese, english, "subwords", Rule(0))) is None
    (run / "valid.tsv").write_bytes(b"one\ttwo\n\xff\tthree\n")
    with pytest.raises(UserError, match=r"valid\.tsv.* line 2"):
        page.gold_links(one.run, one.attention(chinese, english, rule=Rule(0)))
