"""`visualize` as a person meets it."""

import json
import re
import subprocess
import sys
import warnings
from dataclasses import asdict, replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from helpers import (
    ENVIRONMENT,
    Done,
    lines_of,
    make_run,
    pattern_pairs,
    slow_agree,
    slow_links,
    slow_soft,
    slow_ways,
    write,
    written,
)
from matplotlib.figure import Figure
from selenium.webdriver.support.ui import WebDriverWait

from transformer_mt import Translator
from transformer_mt.alignment import Rule, rule_from_json
from transformer_mt.config import UserError
from transformer_mt.decoding import Hypothesis
from transformer_mt.text import BREAKS
from transformer_mt.units import format_links, units
from transformer_mt.view import page, plots

# ---------------------------------------------------------------------------------- runs, made once


@pytest.fixture(scope="module")
def translator(linked_run) -> Translator:
    return Translator(linked_run, "cpu")


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
    assert [links] == lines_of(folder / "alignment.txt")
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
    assert description["alignment"] == lines_of(drawn[0] / "alignment.txt")[0]


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


@pytest.mark.parametrize(
    "target, warns", [("我喜欢苹果。", True), ("我 喜欢 苹果 。", False), ("猫", False)]
)
def test_a_given_target_without_spaces_is_warned_of(
    call, linked_run, tmp_path, no_matplotlib, target, warns
):
    options = ["--units", "given", "--output-dir", tmp_path, "--layer", "0", "--target", target]
    done = call("visualize", linked_run, "I like apples .", *options)
    warning = "warning: the target has no spaces, so that --units given takes it for one token"
    assert done.status == 0 and (warning in done.err) == warns
    done = call("visualize", linked_run, "I like apples.", *options[2:])
    assert warning not in done.err


def test_the_error_rate_has_an_axis_of_its_own(tmp_path, monkeypatch):
    """In a curve of a run that measured it; another run's has no empty picture."""
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda self, *_, **__: figures.append(self))
    monkeypatch.setattr(plots, "write_atomically", lambda path, write: write(path))
    events = [{"step": 100, "bleu": 2.0, "aer": 0.8}, {"step": 200, "bleu": 50.0, "aer": 0.1}]
    for names in ({"step", "bleu", "aer"}, {"step", "bleu"}):
        lines = [json.dumps({name: event[name] for name in names}) + "\n" for event in events]
        metrics = write(tmp_path / "metrics.jsonl", "".join(lines))
        plots.learning_curve(metrics, tmp_path / "curve.png")
    rates, none = ({axes.get_ylabel(): axes for axes in figure.axes} for figure in figures)
    assert rates.keys() == {"nats per token", "BLEU", "error rate"}
    assert rates["error rate"].lines[0].get_ydata().tolist() == [0.8, 0.1]
    assert none.keys() == {"nats per token", "BLEU"}
    assert [axes.get_xlabel() for axes in (rates["error rate"], none["nats per token"])] == [
        "updates", "updates",
    ]  # fmt: skip


def test_a_notebook_shows_the_page_in_a_frame(browser, translator, tmp_path):
    attention = translator.attention("I like apples.", rule=Rule(0))
    notebook = f"<!DOCTYPE html><meta charset=utf-8><body>{attention._repr_html_()}"
    browser.get_log("browser")
    browser.get(write(tmp_path / "notebook.html", notebook).as_uri())
    browser.switch_to.frame(0)
    WebDriverWait(browser, 20).until(lambda chrome: chrome.find_elements("css selector", "svg"))
    words = browser.find_element("css selector", "body").text
    assert "apples" in words
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    browser.switch_to.default_content()


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
    assert done.out == "\n\n" and lines_of(tmp_path / "a" / "alignment.txt") == [""]
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


# ---------------------------------------------------------------------------------------- bad input


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
        (["I draw.", "--output-dir", "FILE"], "--output-dir .* is a file: name a folder"),
        ([], "the following arguments are required: SENTENCE"),
        (["I draw.", "--batch-tokens", "0"], "--batch-tokens 0 is out of range"),
    ],
)
def test_a_mistake_is_one_line(call, linked_run, tmp_path, no_matplotlib, arguments, message):
    names = {"FILE": write(tmp_path / "file", "a\n")}
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


def test_what_the_model_cannot_know_is_warned_of(call, trained_run, tmp_path, no_matplotlib):
    """Not of a translation that somebody else made."""
    options = [trained_run, "Quantum cats. They draw.", "--output-dir", tmp_path / "out"]
    done = call("visualize", *options)
    assert "warning: outside of what this model has seen" in done.err and "quantum" in done.err
    assert "1 line holds several sentences" in done.err
    assert "outside" not in call("visualize", *options, "--target", "猫。").err
    assert "outside" not in call("visualize", trained_run, "I like apples.", *options[2:]).err


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


@pytest.mark.parametrize("flag", ["--src", "--tgt", "--links"])
def test_old_options_for_many_pairs_name_the_command_of_today(call, linked_run, flag):
    error = call("visualize", linked_run, flag, "x").error
    assert f"{flag}: python -m transformer_mt.align RUN --src FILE --tgt FILE" in error
