"""The page in a real browser, off line: what it shows equals numpy, its switches work, and odd text
does no harm."""

import base64
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from helpers import slow_agree
from pages import Page
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from transformer_mt.alignment import Reason
from transformer_mt.snapshots import FILE, add_snapshot
from transformer_mt.units import split_units
from transformer_mt.view import page
from transformer_mt.view.page import reason_data, render, replay_data

KINDS = ("encoder_self", "decoder_self", "cross")
ASSETS = Path(page.__file__).parent / "assets"
ODD = '<script>alert(1)</script> & "it\'s" </script> <!-- 😀👩‍👩‍👧 مرحبا בעולם \\ \u2028 ]]>'
LONG = (
    "In the long run, children who read many books every day learn to write better than those who "
    "never read, even here"
)


# ---- Data of a model that does not exist: its weights are the softmax of its queries and keys ----


def sentence(text: str, language: str, rng: np.random.Generator, longest: int = 4) -> dict:
    """`text` cut at random: tokens inside words, across Chinese characters, and some of white space
    alone."""
    spans, at = [], 0
    while at < len(text):
        spans.append((at, min(len(text), at + int(rng.integers(1, longest + 1)))))
        at = spans[-1][1]
    units = [
        {
            "text": text[start:end],
            "tokens": [i for i, (a, b) in enumerate(spans) if a < end and start < b],
            "punctuation": not any(c.isalnum() for c in text[start:end]),
        }
        for start, end in split_units(text)
    ]
    tokens = [text[a:b].replace(" ", "▁") for a, b in spans] + ["</s>"]
    side = {"text": text, "language": language, "tokens": tokens, "units": units}
    return side | {"n_prefix": 0}


def pack(array: np.ndarray) -> str:
    return base64.b64encode(array.astype("<f4").tobytes()).decode("ascii")


def synthetic(
    src: dict,
    tgt: dict,
    seed: int = 0,
    layers: int = 2,
    n_heads: int = 2,
    d_head: int = 6,
    **more: object,
):
    """The page's data, and the arrays behind it."""
    rng = np.random.default_rng(seed)
    s, t = len(src["tokens"]), len(tgt["tokens"])
    tgt = tgt | {"in_tokens": ["<s>", *tgt["tokens"][:-1]]}
    sizes = {"encoder_self": (s, s), "decoder_self": (t, t), "cross": (t, s)}
    groups = ("weights", "queries", "keys", "values")
    arrays: dict[str, dict[str, np.ndarray]] = {group: {} for group in groups}
    for kind, (rows, columns) in sizes.items():
        q = rng.normal(scale=1.5, size=(layers, n_heads, rows, d_head)).astype(np.float32)
        k = rng.normal(scale=1.5, size=(layers, n_heads, columns, d_head)).astype(np.float32)
        scores = q.astype(float) @ k.astype(float).swapaxes(-1, -2) / np.sqrt(d_head)
        if kind == "decoder_self":
            scores[..., np.triu(np.ones((rows, columns), dtype=bool), 1)] = -np.inf
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights = (weights / weights.sum(-1, keepdims=True)).astype(np.float32)
        v = np.random.default_rng(seed + 99).normal(size=k.shape).astype(np.float32)
        for group, array in zip(groups, (weights, q, k, v), strict=True):
            arrays[group][kind] = array
    candidates, log_probs = [], []
    for i, token in enumerate(tgt["tokens"]):
        p = np.sort(rng.dirichlet(np.full(6, 0.4)))[::-1]
        others = [f"▁{name}" for name in ("maybe", "or", "this", "人", "<0xE6>")]
        taken = i % 7 == 6  # now and then the token taken is not among the candidates
        row = [*others[:5]] if taken else [token, *others[:4]]
        candidates.append([[piece, float(x)] for piece, x in zip(row, p, strict=False)])
        log_probs.append(float(np.log(p[5] if taken else p[0])))
    data = {
        "run": {
            "name": "synthetic",
            "direction": f"{src['language']}-{tgt['language']}",
            "step": 1200,
            "n_heads": n_heads,
            "d_head": d_head,
        },
        "src": src,
        "tgt": tgt,
        "n_layers": dict.fromkeys(KINDS, layers),
        "rule": {
            "layer": layers - 1,
            "head": 0,
            "shift": False,
            "mask_eos": True,
            "mask_punctuation": True,
            "threshold": None,
            "both": False,
            "column_threshold": 0.2,
        },
        "reason": reason_data(Reason("by_option")),
        "links": [],
        "gold": None,
        "aer": [],
        "roles": None,
        "candidates": candidates,
        "log_probs": log_probs,
        "left_out": (rng.normal(size=(t, s)) ** 3).tolist(),
    }
    data |= {
        group: {kind: pack(array) for kind, array in group_arrays.items()}
        for group, group_arrays in arrays.items()
    }
    data |= more
    data["links"] = links(data, arrays, **rule_of(data))
    return data, arrays


def random_pair(seed: int, **more: object):
    rng = np.random.default_rng(seed)
    words = [
        "I",
        "like",
        "3.50",
        "apples",
        ",",
        "don't",
        "you",
        "?",
        "  ",
        "internationalization",
        "!",
    ]
    signs = list("我喜欢苹果，不是吗？！三OK ")
    src = sentence(" ".join(rng.choice(words, rng.integers(2, 8))), "en", rng)
    src["n_prefix"] = seed % 2  # of every second source the first token is a mark
    tgt = sentence("".join(rng.choice(signs, rng.integers(2, 12))), "zh", rng, longest=3)
    return synthetic(src, tgt, seed, **more)


# ---- The same once more, by brute force ----


def rule_of(data: dict) -> dict:
    return {key: value for key, value in data["rule"].items() if "threshold" not in key}


def mean_of_heads(
    arrays: dict, kind: str, layer: int | None, head: int | None, shift: bool = False
) -> np.ndarray:
    weights = arrays["weights"][kind].astype(float)
    weights = weights if layer is None else weights[[layer]]
    weights = weights if head is None else weights[:, [head]]
    mean = weights.mean((0, 1))
    return mean[1:] if shift else mean


def covering(side: dict, token: int) -> list[int]:
    return [i for i, unit in enumerate(side["units"]) if token in unit["tokens"]]


def is_punctuation(side: dict, token: int) -> bool:
    units = covering(side, token)
    return bool(units) and all(side["units"][i]["punctuation"] for i in units)


def tokens_of_rows_and_columns(
    data, arrays, layer, head, shift, mask_eos, mask_punctuation, both
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Pairs of source and target token that rows find, and those that columns find."""
    weights, src, tgt = mean_of_heads(arrays, "cross", layer, head, shift), data["src"], data["tgt"]
    eos, n, rule = len(src["tokens"]) - 1, len(tgt["tokens"]) - 1, data["rule"]

    def is_allowed(s: int, t: int) -> bool:
        to_mark = mask_punctuation and is_punctuation(src, s) and not is_punctuation(tgt, t)
        return s >= src["n_prefix"] and not (mask_eos and s == eos) and not to_mark

    companions = [
        {s} | {o for o in range(eos) if set(covering(src, o)) & set(covering(src, s))}
        for s in range(eos + 1)
    ]
    words = np.array(
        [[sum(row[o] for o in together) for together in companions] for row in weights]
    )
    sums = [sum(words[t, s] for t in range(n) if is_allowed(s, t)) for s in range(eos + 1)]

    by_rows, by_columns = [], []
    for t in range(n):
        allowed = [s for s in range(eos) if is_allowed(s, t)]
        if rule["threshold"] is not None:
            by_rows += [(s, t) for s in allowed if words[t, s] > rule["threshold"]]
        elif allowed:
            winner = max(allowed, key=lambda s: words[t, s] / max(0.5, sums[s]))
            best = max(set(allowed) & companions[winner], key=lambda s: weights[t, s])
            if mask_eos or words[t, winner] >= weights[t, eos]:
                by_rows.append((best, t))
    for s in range(eos) if both else []:
        best = max(
            (t for t in range(n) if is_allowed(s, t)), key=lambda t: words[t, s], default=None
        )
        if best is not None and words[best, s] > rule["column_threshold"]:
            by_columns.append((s, best))
    return by_rows, by_columns


def units_of(data, pairs: list[tuple[int, int]]) -> set[tuple[int, int]]:
    """Pairs of source and target unit that pairs of tokens overlap."""
    return {
        (i, j) for s, t in pairs for i in covering(data["src"], s) for j in covering(data["tgt"], t)
    }


def token_links(data, arrays, **rule) -> set[tuple[int, int]]:
    """Of both ways those whose units have a link after they were joined."""
    by_rows, by_columns = tokens_of_rows_and_columns(data, arrays, **rule)
    if not rule["both"]:
        return set(by_rows)
    kept = set(map(tuple, links(data, arrays, **rule)))
    return {pair for pair in by_rows + by_columns if units_of(data, [pair]) & kept}


def links(data, arrays, **rule) -> list[list[int]]:
    by_rows, by_columns = (
        units_of(data, pairs) for pairs in tokens_of_rows_and_columns(data, arrays, **rule)
    )
    return sorted(map(list, slow_agree(by_rows, by_columns) if rule["both"] else by_rows))


def merged(matrix: np.ndarray, rows: dict, columns: dict, shift: bool = False) -> np.ndarray:
    """Units by units; the end mark is the last column, and the last row unless shifted."""
    wide = np.zeros((len(matrix), len(columns["units"]) + 1))
    for s in range(matrix.shape[1] - 1):
        for i in covering(columns, s):
            wide[:, i] += matrix[:, s] / len(covering(columns, s))
    wide[:, -1] = matrix[:, -1]
    out = [wide[unit["tokens"]].mean(0) for unit in rows["units"]]
    return np.array(out if shift else [*out, wide[-1]])


# ---- The browser ----


def pharaoh(text: str) -> list[list[int]]:
    return [[int(i), int(j)] for i, j in re.findall(r"(\d+)-(\d+)", text)]


class Viewer(Page):
    def open(self, data: dict, words: bool = False) -> "Viewer":
        """Most tests look at subwords, which the page shows on demand."""
        super().open(data)
        self.switch(merge=words)
        return self

    def panel_row(self, table: int, row: int) -> list[str]:
        """A row of a table of the panel, without its name."""
        rows = self.each(
            "#cell-panel tbody",
            "[...node.rows].map(row => [...row.cells].map(cell => cell.textContent))",
        )
        return [text.replace("−", "-") for text in rows[table][row][1:]]


@pytest.fixture
def web(browser: Chrome, tmp_path: Path) -> Iterator[Viewer]:
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    opened = Viewer(browser, tmp_path)
    yield opened
    assert opened.problems() == []


def close(actual, expected, atol: float = 2e-6) -> None:
    np.testing.assert_allclose(
        np.array(actual, dtype=float), np.array(expected, dtype=float), rtol=0, atol=atol
    )


# ---- The tests ----


def test_template_asks_for_nothing_outside():
    text = render(random_pair(0)[0])
    assert not re.search(r"https?:|//[a-z]+\.|@import|url\(|<link|<img| src=", text)


def test_control_characters_can_be_seen():
    """In every text of the page, and in nothing else."""
    page = random_pair(0)[0]
    controls = "".join(map(chr, (0, 7, 0x1B, 0x7F, 0x80, 0x9F, 0xD800, 0xDFFF, 0xFFFE, 0xFFFF)))
    page["src"]["text"] = page["src"]["tokens"][0] = f"a{controls}é 你"
    page["run"]["name"] = controls
    text = render(page)
    assert f'"a{len(controls) * chr(0xFFFD)}é 你"' in text
    assert not set(controls) & set(text) and "\\u00" not in text.replace("\\u003c", "")
    text.encode("utf-8")


def test_every_choice_shows_its_numbers(web):
    data, arrays = random_pair(1)
    web.open(data)
    for kind, layer, head in [
        *itertools.product(KINDS, (0, 1), (0, 1, None)),
        *((kind, None, None) for kind in KINDS),
    ]:
        web.choose(kind, layer, head)
        close(web.matrix(), mean_of_heads(arrays, kind, layer, head))
        assert web.js("document.querySelectorAll('.thumbs [aria-pressed=true]').length") == 1
    for kind, layer, head in [
        ("decoder_self", 1, 0),
        ("cross", 0, 1),
        ("encoder_self", 1, None),
    ]:  # the other way
        for name, value in (("kind", kind), ("layer", layer), ("head", head)):
            Select(web.find(f"#{name}")).select_by_value("" if value is None else str(value))
        close(web.matrix(), mean_of_heads(arrays, kind, layer, head))


def test_hovering_shows_row_column_and_cell(web):
    data, arrays = random_pair(2)
    weights = mean_of_heads(arrays, "cross", 1, 0)
    web.open(data)
    web.hover('#queries [data-row="1"]')
    close(web.weights_on("keys"), weights[1])
    assert (
        all(row == 1 for row, _ in web.cells("lit")) and len(web.cells("lit")) == weights.shape[1]
    )
    assert set(web.each("#pair path:not(.faint)", "+node.dataset.row")) == {1}
    web.hover('#keys [data-col="2"]')
    close(web.weights_on("queries"), weights[:, 2])
    web.hover('#matrix [data-row="1"][data-col="2"]')
    assert f"{weights[1, 2]:.4f}" in web.text("#readout") and "1.0000" in web.text("#readout")
    web.hover("h1")
    assert web.cells("lit") == set() and not any(web.weights_on("keys"))


def test_a_tap_or_the_keyboard_holds_a_row(web):
    data, arrays = random_pair(2)
    weights = mean_of_heads(arrays, "cross", 1, 0)
    web.open(data)
    web.focus('#queries [data-row="0"]')
    web.press(Keys.ARROW_RIGHT)
    close(web.weights_on("keys"), weights[1])
    web.press(Keys.ENTER)
    web.hover("h1")
    close(web.weights_on("keys"), weights[1])
    web.press(Keys.ESCAPE)
    assert web.cells("lit") == set()
    web.tap('#keys [data-col="2"]')
    close(web.weights_on("queries"), weights[:, 2])
    web.tap('#matrix [data-row="1"][data-col="0"]')
    close(web.number("#weight"), weights[1, 0], 6e-5)


EVERY_READING = """
const readings = [];
const get = (id) => document.getElementById(id);
const flip = (id, on) => get(id).checked === on || get(id).click();
const pairs = (nodes) => [...nodes].map(td => [+td.dataset.row, +td.dataset.col]);
const numbers = (tr) => [...tr.querySelectorAll("td")].map(td => Number(td.dataset.weight));
const switches = ["shift", "mask-eos", "mask-punctuation", "both", "merge"];
const cells = (name) => pairs(document.querySelectorAll(`#matrix td.${name}`));
for (const [layer, head] of arguments[0]) {
    const choice = `[data-layer="${layer ?? ''}"][data-head="${head ?? ''}"]`;
    document.querySelector(`[data-kind=cross]${choice}`).click();
    for (let bits = 0; bits < 32; bits++) {
        switches.forEach((id, i) => flip(id, Boolean(bits >> i & 1)));
        readings.push({
            layer, head, bits,
            pharaoh: get("links").textContent,
            links: cells("link"), byRows: cells("by-rows"), byColumns: cells("by-columns"),
            matrix: [...document.querySelectorAll("#matrix tbody tr")].map(numbers),
        });
    }
}
return readings;
"""


@pytest.mark.parametrize("seed", range(4))
def test_links_under_every_combination(web, seed):
    data, arrays = random_pair(10 + seed)
    data["rule"]["threshold"] = (None, 0.3)[seed % 2]
    data["links"] = links(data, arrays, **rule_of(data))
    web.open(data)
    assert "same as by the rule" in web.text("#links")
    for reading in web.browser.execute_script(EVERY_READING, [(0, 1), (1, None), (None, None)]):
        shift, mask_eos, mask_punctuation, both, merge = (
            bool(reading["bits"] >> i & 1) for i in range(5)
        )
        rule = {"layer": reading["layer"], "head": reading["head"], "shift": shift, "both": both}
        rule |= {"mask_eos": mask_eos, "mask_punctuation": mask_punctuation}
        words = links(data, arrays, **rule)
        assert pharaoh(reading["pharaoh"]) == words, rule
        expected = words if merge else token_links(data, arrays, **rule)
        expected = set(map(tuple, expected))
        assert {(c, r) for r, c in reading["links"]} == expected, rule
        ways = tokens_of_rows_and_columns(data, arrays, **rule)
        by_rows, by_columns = (units_of(data, way) if merge else set(way) for way in ways)
        rows_alone, columns_alone = expected - by_columns, expected - by_rows
        assert {(c, r) for r, c in reading["byRows"]} == (rows_alone if both else set()), rule
        assert {(c, r) for r, c in reading["byColumns"]} == (columns_alone if both else set()), rule
        matrix = mean_of_heads(arrays, "cross", reading["layer"], reading["head"], shift)
        close(
            reading["matrix"], merged(matrix, data["tgt"], data["src"], shift) if merge else matrix
        )


def test_rows_and_columns_are_told_apart_in_legend_and_lines(web):
    data, arrays = random_pair(12)
    data["rule"] |= {"both": True, "column_threshold": 0.1}
    data["links"] = links(data, arrays, **rule_of(data))
    web.open(data)
    assert "same as by the rule" in web.text("#links")
    assert "by rows alone" in web.text("#legend") and "by columns alone" in web.text("#legend")
    assert "joined with the largest weight of each column, above 0.1" in web.text("#rule-text")
    web.switch(soft=False)
    for name in ("by-rows", "by-columns"):
        cells = web.each(f"#pair path.{name}", "[+node.dataset.row, +node.dataset.col]")
        assert set(map(tuple, cells)) == web.cells(name)
    assert web.cells("by-rows") | web.cells("by-columns")
    web.switch(both=False)
    assert "alone" not in web.text("#legend")
    web.click("#rule")
    assert "same as by the rule" in web.text("#links")


def test_nothing_to_link_to(web):
    """Where every column is masked there is no link, rather than one to the first column."""
    src, tgt = (
        sentence("!", "en", np.random.default_rng(0)),
        sentence("好！", "zh", np.random.default_rng(0), longest=1),
    )
    data, _ = synthetic(src, tgt)
    assert data["links"] == [[0, 1]]
    assert pharaoh(web.open(data).text("#links")) == [[0, 1]]


def test_merging_self_attention(web):
    data, arrays = random_pair(5)
    web.open(data)
    web.switch(merge=True)
    web.choose("encoder_self", 0, 1)
    close(
        web.matrix(), merged(mean_of_heads(arrays, "encoder_self", 0, 1), data["src"], data["src"])
    )
    web.choose("decoder_self", 1, 1)
    one, tgt = mean_of_heads(arrays, "decoder_self", 1, 1), data["tgt"]
    moved = np.concatenate(
        [one[:, 1:], one[:, :1]], axis=1
    )  # bos last, so that inputs stand where `merged` wants them
    expected = merged(moved, tgt, tgt)
    close(web.matrix(), np.concatenate([expected[:, -1:], expected[:, :-1]], axis=1))
    assert not web.find("#shift").is_enabled() and not web.find("#soft").is_enabled()


def test_hard_view_draws_links_only(web):
    data, _ = random_pair(3)
    web.open(data)

    def drawn() -> list[tuple[int, int]]:
        return sorted(map(tuple, web.each("#pair path", "[+node.dataset.row, +node.dataset.col]")))

    assert len(drawn()) > len(web.cells("link"))
    web.switch(soft=False)
    assert drawn() == sorted(web.cells("link"))
    assert "hard" in web.find("#matrix").get_attribute("class")


def test_run_rule_and_gold(web):
    gold = [[0, 0], [1, 1]]
    reason = {"key": "chosen_on", "name": "my gold.align", "n_pairs": 7, "changed": False}
    data, arrays = random_pair(4, gold=gold, reason=reason)
    data["rule"] = data["rule"] | {"layer": 0, "head": None, "shift": True}
    data["links"] = links(data, arrays, **rule_of(data))
    web.open(data)
    close(web.matrix(), mean_of_heads(arrays, "cross", 0, None, True))
    assert "(chosen on my gold.align, 7 pairs)" in web.text("#rule-text")
    assert "same as by the rule" in web.text("#links")
    n_right = sum(pair in gold for pair in data["links"])
    n_wrong = len(data["links"]) - n_right
    expected = f"{n_right} of 2 sure gold links are found; {n_wrong} links are not among them."
    assert expected in web.text("#links")
    web.switch(merge=True)
    assert web.cells("gold") == {(j, i) for i, j in gold}
    web.switch(merge=False)
    src, tgt = data["src"], data["tgt"]
    assert web.cells("gold") == {
        (t, s)
        for i, j in gold
        for s in src["units"][i]["tokens"]
        for t in tgt["units"][j]["tokens"]
    }
    web.choose("encoder_self", 0, 0)
    web.switch(merge=True)
    web.click("#rule")
    assert web.js("document.getElementById('kind').value") == "cross" and web.js("state.shift")


def test_a_taught_head_is_shown_first_and_said_to_be_taught(web):
    """The page opens on it, and says that the other heads are the model's own."""
    data, arrays = random_pair(4)
    data["rule"] = data["rule"] | {"layer": 0, "head": 0, "shift": True, "mask_eos": False}
    data["reason"] = reason_data(Reason("no_gold", "de-zh", taught=True))
    data["links"] = links(data, arrays, **rule_of(data))
    web.open(data)
    chosen = [web.js(f"document.getElementById('{id}').value") for id in ("kind", "layer", "head")]
    assert chosen == ["cross", "0", "0"]
    close(web.matrix(), mean_of_heads(arrays, "cross", 0, 0, True))  # where the token is read
    english = "training taught this head word links, while the other heads are the model's own)."
    assert web.text("#rule-text").endswith(f"(no gold links for de-zh; {english}")
    assert web.text("#taught").startswith("This head was taught word links in training")
    web.click("#language")
    chinese = "训练时用词对齐教过这个头，其余的头是模型自己形成的）。"
    assert web.text("#taught").startswith("这个头在训练时学过词对齐")
    assert web.text("#rule-text").endswith(f"（de-zh 没有标准对齐，未经测量；{chinese}")
    web.choose("cross", 0, 1)
    assert web.text("#taught") == ""


@pytest.mark.parametrize(
    ("reason", "english", "chinese"),
    [
        (
            Reason("chosen_on", "the run's validation set, 1000 pairs"),
            "(chosen on the run's validation set, 1000 pairs).",
            "（依据本次训练的验证集（1000 对）选定）。",
        ),
        (
            Reason("chosen_on", "the run's test set, 3 pairs", changed=True),
            "(chosen on the run's test set, 3 pairs; changed by option).",
            "（依据本次训练的测试集（3 对）选定，又由选项更改）。",
        ),
        (
            Reason("chosen_on", "the packaged starter's validation set"),
            "(chosen on the packaged starter's validation set).",
            "（依据内置语料的验证集选定）。",
        ),
        (
            Reason("chosen_on", "测试, 2.align, 12 pairs"),
            "(chosen on 测试, 2.align, 12 pairs).",
            "（依据测试, 2.align（12 对）选定）。",
        ),
        (Reason("chosen_on", "mine"), "(chosen on mine).", "（依据mine选定）。"),
        (
            Reason("no_gold", "de-zh"),
            "(no gold links for de-zh).",
            "（de-zh 没有标准对齐，未经测量）。",
        ),
        (
            Reason("as_trained"),
            "(as its training had it).",
            "（与其训练时的做法相同）。",
        ),
        (
            Reason("as_opus_mt"),
            "(assumed, because opus-mt trains so).",
            "（opus-mt 通常这样训练，据此假定，未经测量）。",
        ),
        (
            Reason("by_option", changed=True),
            "(chosen by option; changed by option).",
            "（由选项指定，又由选项更改）。",
        ),
    ],
)
def test_the_reason_for_the_rule_in_both_languages(web, reason, english, chinese):
    """English is what the command line says, too."""
    web.open(random_pair(4, reason=reason_data(reason))[0])
    assert web.text("#rule-text").endswith(english) and english == f"({reason})."
    web.click("#language")
    assert web.text("#rule-text").endswith(chinese)


def test_heads_in_a_grid_of_layers(web):
    rates = {(0, 0): (0.5, 0.1), (0, 1): (0.2, 0.4), (1, 0): (0.9, 0.8), (1, None): (0.1, 0.9)}
    aer = [{"layer": layer, "head": head, "shift": bool(shift), "mask_eos": True, "both": False,
            "aer": steps[shift]}
           for (layer, head), steps in rates.items() for shift in (0, 1)]  # fmt: skip
    aer += [row | {"both": True, "aer": row["aer"] / 2} for row in aer]
    data, _ = random_pair(6, aer=aer)
    web.open(data)

    def grid(kind: str) -> list[dict]:
        box = "node.getBoundingClientRect()"
        return web.each(
            f"[data-kind={kind}]",
            f"({{choice: [node.dataset.layer, node.dataset.head], x: {box}.left, y: {box}.top, "
            "text: node.innerText, best: node.classList.contains('best'), "
            "name: node.ariaLabel})",
        )

    def best() -> list[list[str]]:
        return [cell["choice"] for cell in grid("cross") if cell["best"]]

    for kind in KINDS:
        cells = {tuple(cell["choice"]): cell for cell in grid(kind)}
        rows = [[cells[layer, head] for head in ("0", "1", "")] for layer in ("0", "1")]
        for row in rows:  # a layer is a row, its mean comes last
            assert len({cell["y"] for cell in row}) == 1
            assert [cell["x"] for cell in row] == sorted({cell["x"] for cell in row})
        for above, below in zip(*rows, strict=True):
            assert above["x"] == below["x"] and above["y"] < below["y"]
        assert cells["", ""]["y"] > rows[1][0]["y"]
    assert best() == [["1", ""]]
    first, *_, mean_of_all = grid("cross")
    assert "AER 0.500" in first["text"] and "AER" not in mean_of_all["text"]
    assert ["the lowest AER" in cell["name"] for cell in grid("cross")].count(True) == 1
    web.switch(both=True)
    assert "AER 0.250" in grid("cross")[0]["text"]
    web.switch(both=False, mask_eos=False)
    assert not any("AER" in cell["text"] for cell in grid("cross")) and best() == []
    web.switch(shift=True, mask_eos=True)
    assert best() == [["0", "0"]]
    pictures = web.each("canvas", "node.toDataURL()")
    assert (
        len(pictures) == len(set(pictures)) == 21
    )  # 3 kinds of 2 layers of 2 heads and their mean, and a mean of all


def test_heads_by_keyboard(web):
    web.open(random_pair(6)[0])
    web.focus("[data-kind=cross]")
    web.press(Keys.ARROW_RIGHT, Keys.ARROW_DOWN, Keys.ENTER)
    assert web.js("[state.kind, state.layer, state.head]") == ["cross", 1, 1]


def test_what_a_head_looks_at(web):
    nothing = [[None, None], [None, None]]
    heads = {
        "encoder_self": [[None, {"place": "previous", "share": 0.9153}], [None, None]],
        "decoder_self": nothing,
        "cross": [[None, None], [{"place": "aligned_read", "share": 0.5}, None]],
    }
    data, _ = random_pair(6, roles={"n_pairs": 100, "heads": heads})
    web.open(data)
    text = '[data-kind="{}"][data-layer="{}"][data-head="{}"]'
    assert "previous 92%" in web.text(text.format("encoder_self", 0, 1))
    assert "%" not in web.text(text.format("encoder_self", 0, 0))
    read = "looks at the word aligned to the one just read: 50% of its weight, over 100 validation"
    assert read in web.text("#role")
    web.choose("encoder_self", 0, 1)
    assert "looks at the previous token: 92%" in web.text("#role")
    web.choose("encoder_self", 0, None)
    assert web.text("#role") == ""
    web.choose("encoder_self", 0, 1)
    web.click("#language")
    assert "前一个词元：占其权重的 92%（在 100 对验证句上测得）" in web.text("#role")
    data["roles"]["n_pairs"] = 0  # a run that keeps no validation set
    assert "in this sentence" in web.open(data).text("#role")


def test_cell_shows_the_sum_that_made_it(web):
    data, arrays = random_pair(7)
    web.open(data)
    for kind, layer, head, r, c, shift in [
        ("cross", 1, 0, 1, 2, False),
        ("cross", 0, 1, 0, 1, True),
        ("encoder_self", 0, 0, 2, 2, False),
        ("decoder_self", 1, 1, 3, 1, False),
    ]:
        web.choose(kind, layer, head)
        if kind == "cross":
            web.switch(shift=shift)
        web.click(f'#matrix [data-row="{r}"][data-col="{c}"]')
        line = r + shift
        q = arrays["queries"][kind][layer, head, line].astype(float)
        keys = arrays["keys"][kind][layer, head].astype(float)
        exps = np.exp(keys @ q / np.sqrt(len(q)))[: line + 1 if kind == "decoder_self" else None]
        close(web.panel_row(0, 2), q * keys[c], 6e-4)
        close(web.number("#dot"), q @ keys[c], 6e-5)
        close(web.number("#score"), np.log(exps[c]), 6e-5)
        close([x for x in web.panel_row(1, 2) if x != "—"], exps / exps.sum(), 6e-5)
        np.testing.assert_allclose(web.number("#softmax-sum"), exps.sum(), rtol=1e-3)
        close(web.number("#weight"), arrays["weights"][kind][layer, head, line, c], 6e-5)
        assert f"Row {line}, column {c}" in web.text("#cell-panel")
        # The row's output: every value times its weight, added up.
        v = arrays["values"][kind][layer, head].astype(float)[: len(exps)]
        z = exps / exps.sum() @ v
        close(web.panel_row(2, 0), v[c], 6e-4)
        close(web.panel_row(2, 1), exps[c] / exps.sum() * v[c], 6e-4)
        close(web.panel_row(2, 2), z, 6e-4)
        close(web.number("#z0"), z[0], 6e-4)
    web.click('#matrix [data-row="1"][data-col="3"]')
    assert "May not be seen" in web.text("#cell-panel") and (1, 3) in web.cells("future")


@pytest.mark.parametrize("shift", [False, True])
def test_a_mean_lists_its_heads_and_leads_to_them(web, shift):
    data, arrays = random_pair(8)
    web.open(data)
    weights = arrays["weights"]["cross"].astype(float)
    web.choose("cross", None, None)
    web.switch(shift=shift)
    web.click('#matrix [data-row="1"][data-col="2"]')
    listed = web.each(
        "#parts tbody tr", "[...node.querySelectorAll('button')].map(b => +b.dataset.weight)"
    )
    expected = weights[:, :, 1 + shift, 2]
    close(listed, expected)  # rows are layers
    close(web.number("#mean"), expected.mean(), 6e-5)
    layer, head = np.unravel_index(expected.argmax(), expected.shape)
    web.click("#parts .largest")
    assert web.js("[state.layer, state.head]") == [layer, head]
    close(web.number("#weight"), expected.max(), 6e-5)
    assert web.js("document.activeElement.id") == "panel-title"
    web.choose("cross", 1, None)
    close(web.each("#parts button", "+node.dataset.weight"), expected[1])


def test_a_word_lists_its_subwords_and_leads_to_them(web):
    data, arrays = random_pair(8)
    web.open(data, words=True)
    weights = arrays["weights"]["cross"][1, 0].astype(float)
    sides = data["tgt"], data["src"]
    pairs = itertools.product(*(range(len(side["units"])) for side in sides))
    (r, c) = next(
        (r, c)
        for r, c in pairs
        if len(sides[0]["units"][r]["tokens"]) > 1 or len(sides[1]["units"][c]["tokens"]) > 1
    )
    web.click(f'#matrix [data-row="{r}"][data-col="{c}"]')
    rows, columns = sides[0]["units"][r]["tokens"], sides[1]["units"][c]["tokens"]
    part = weights[np.ix_(rows, columns)]
    close(web.each("#parts button", "+node.dataset.weight"), part.ravel())
    close(web.number("#mean"), merged(weights, *sides)[r, c], 6e-5)
    web.click("#parts .largest")
    close(web.number("#weight"), part.max(), 6e-5)
    assert not web.js("state.merge")


def test_words_come_first(web):
    """As in alignment.png; a word of one subword has its sum at once."""
    rng = np.random.default_rng(0)
    data, arrays = synthetic(
        sentence("I do", "en", rng, longest=1), sentence("好吗", "zh", rng, longest=1)
    )
    Page.open(web, data)
    weights = mean_of_heads(arrays, "cross", 1, 0)
    close(web.matrix(), merged(weights, data["tgt"], data["src"]))
    assert web.each("#matrix thead th .piece", "node.textContent") == ["I", "do", "</s>"]
    web.click('#matrix [data-row="1"][data-col="0"]')
    close(web.number("#weight"), weights[1, 0], 6e-5)


def test_matrix_by_keyboard(web):
    data, arrays = random_pair(2)
    web.open(data)
    web.focus('#matrix [tabindex="0"]')
    web.press(Keys.ARROW_DOWN, Keys.ARROW_RIGHT)
    assert f"{mean_of_heads(arrays, 'cross', 1, 0)[1, 1]:.4f}" in web.text("#readout")
    web.press(Keys.ENTER)
    assert web.js("document.activeElement.id") == "panel-title"
    close(web.number("#weight"), mean_of_heads(arrays, "cross", 1, 0)[1, 1], 6e-5)
    web.press(Keys.ESCAPE)
    assert web.js("document.getElementById('cell-panel').hidden")
    assert web.js("[document.activeElement.dataset.row, document.activeElement.dataset.col]") == [
        "1",
        "1",
    ]


def test_every_control_is_named_and_reachable(web):
    data, _ = random_pair(2)
    web.open(data)
    named = "Boolean(node.ariaLabel || node.innerText.trim() || node.labels?.[0]?.innerText.trim())"
    assert all(web.each("button, select, input", named))
    reached: set[str] = set()
    for _ in range(
        36
    ):  # the matrix, each side of the pair and each group of heads are one stop of the Tab key
        web.press(Keys.TAB)
        stop = "document.activeElement"
        reached.add(
            web.js(f"{stop}.id || {stop}.parentNode.id || {stop}.dataset.kind || {stop}.tagName")
        )
    assert reached >= {
        "language",
        "theme",
        "kind",
        "layer",
        "head",
        "soft",
        "shift",
        "mask-eos",
        "mask-punctuation",
    }
    assert reached >= {
        "merge",
        "both",
        "rule",
        "save",
        "keys",
        "queries",
        "TD",
        *KINDS,
        "previous",
        "next",
        "step",
        "left-out",
    }


def test_steps_of_the_translation(web):
    data, arrays = random_pair(9)
    web.open(data)
    n_steps = len(data["tgt"]["tokens"])
    web.focus("#next")
    for step in range(n_steps):
        token = data["tgt"]["tokens"][step]
        shown = web.each(
            "#candidates li", "[node.dataset.piece, +node.dataset.probability, node.className]"
        )
        assert [row[:2] for row in shown][:5] == data["candidates"][step]
        taken = [row for row in shown if row[2] == "taken"]
        assert [row[0] for row in taken] == [token]
        close(taken[0][1], np.exp(data["log_probs"][step]), 1e-9)
        assert web.text("#prefix") == "".join(data["tgt"]["tokens"][: step + 1])
        bars = web.each("#bars > div", "[+node.dataset.weight, +node.dataset.drop]")
        close([bar[0] for bar in bars], mean_of_heads(arrays, "cross", 1, 0)[step])
        close([bar[1] for bar in bars], data["left_out"][step])
        assert web.js("document.getElementById('step').value") == str(step)
        web.press(Keys.ARROW_RIGHT)
    web.press(Keys.ARROW_LEFT)
    assert web.js("state.step") == n_steps - 2
    web.focus("#step")
    web.press(Keys.HOME)
    assert web.js("state.step") == 0
    assert web.each("#bars .down", "1") == []
    web.switch(left_out=True)
    assert web.number("#bars .down span") == pytest.approx(data["left_out"][0][0], abs=0.006)


def with_snapshots(steps: int = 3) -> tuple[dict, dict[int, np.ndarray]]:
    """A page's data with snapshots of a sentence of their own, and the weights by step.

    The first translation says the same again and again, the next ones less and less so.
    """
    data, _ = random_pair(9)
    rng = np.random.default_rng(5)
    src_tokens, kept, by_step = ["▁He", "▁ran", ".", "</s>"], [], {}
    for i in range(steps):
        tgt_tokens = ["他", *["的"] * (2 * (steps - i)), "。", "</s>"]
        weights = rng.dirichlet(np.ones(4), size=(2, 2, len(tgt_tokens))).astype(np.float32)
        by_step[100 * (i + 1)] = weights
        kept.append({"step": 100 * (i + 1), "tgt_tokens": tgt_tokens, "weights": pack(weights)})
    return data | {"snapshots": {"src_tokens": src_tokens, "snapshots": kept}}, by_step


def replayed(web) -> np.ndarray:
    cells = "[...node.querySelectorAll('td')].map(td => Number(td.dataset.weight))"
    return np.array(web.each("#replay-matrix tbody tr", cells))


def test_the_replay_of_training(web):
    data, by_step = with_snapshots()
    tokens = [snapshot["tgt_tokens"] for snapshot in data["snapshots"]["snapshots"]]
    web.open(data)  # shows layer 1, head 0
    web.focus("#replay-next")
    for i, (step, weights) in enumerate(by_step.items()):
        close(replayed(web), weights[1, 0])
        assert web.text("#replay-text") == "".join(tokens[i][:-1])
        assert web.each("#replay-matrix tbody th", "node.textContent") == tokens[i]
        assert (
            web.each("#replay-matrix thead .piece", "node.textContent")
            == (data["snapshots"]["src_tokens"])
        )
        assert str(step) in web.text("#replay-step-text")
        assert web.js("+document.getElementById('replay-step').value") == i
        web.press(Keys.ARROW_RIGHT)
    close(replayed(web), by_step[300][1, 0])  # the end stays
    # What is chosen in the page is shown here, too.
    web.choose("cross", 0, None)
    close(replayed(web), by_step[300][0].mean(0))
    web.choose("cross", None, None)
    web.choose("encoder_self", 1, 1)
    close(replayed(web), by_step[300].mean((0, 1)))
    web.choose("cross", 0, 1)
    web.switch(shift=True)
    close(replayed(web), by_step[300][0, 1, 1:])
    assert web.each("#replay-matrix tbody th", "node.textContent") == tokens[2][:-1]
    web.click("#language")
    assert web.text("#replay h2") == "对齐是怎样形成的" and "300" in web.text("#replay-step-text")
    web.focus("#replay-step")
    web.press(Keys.HOME)
    close(replayed(web), by_step[100][0, 1, 1:])
    web.click("#replay-next")
    web.click("#replay-previous")
    close(replayed(web), by_step[100][0, 1, 1:])


def test_the_replay_plays_to_the_end_and_pauses(web):
    web.open(with_snapshots()[0])
    # What happens within one script, no timer comes between.
    press = """
        const seen = [];
        for (const id of arguments[0]) {
            $(`replay-${id}`).click();
            seen.push([$("replay-play").textContent, state.snapshot]);
        }
        return seen;
    """
    assert web.text("#replay-play") == "Play"
    assert web.browser.execute_script(press, ["play"]) == [["Pause", 0]]
    WebDriverWait(web.browser, 30).until(lambda _: web.text("#replay-play") == "Play")
    assert web.js("state.snapshot") == 2
    # From the beginning again; a pause; a person's own choice, which ends the play, too.
    assert web.browser.execute_script(press, ["play", "play", "play", "next"]) == [
        ["Pause", 0],
        ["Play", 0],
        ["Pause", 0],
        ["Play", 1],
    ]
    still = {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
    assert web.find("#replay-play").is_displayed()
    web.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", still)
    assert not web.find("#replay-play").is_displayed()


def test_no_replay_without_snapshots(web):
    data, _ = random_pair(9)
    web.open(data)  # as in a page that never has any
    assert not web.find("#replay").is_displayed()
    assert not web.open(data | {"snapshots": None}).find("#replay").is_displayed()
    assert web.open(with_snapshots()[0]).find("#replay").is_displayed()


def test_the_replay_fits_a_phone(web, screen):
    screen(390)
    web.open(with_snapshots()[0])
    box = "document.getElementById('replay').offsetHeight"
    heights = []
    for i in range(3):
        web.js("goToSnapshot(arguments[0])", i)
        heights.append(web.js(box))
        assert web.js("document.documentElement.scrollWidth") <= 390
    assert len(set(heights)) == 1  # nothing below moves while it plays
    web.tap("#replay-previous")
    assert web.js("state.snapshot") == 1


def test_snapshots_for_a_page(tmp_path):
    """Of many or of large ones, an even choice with both ends; of one alone, none."""
    rng = np.random.default_rng(0)

    def keep(steps: int, length: int) -> list[int] | None:
        (tmp_path / FILE).unlink(missing_ok=True)
        weights = rng.random((4, 4, length, length)).astype(np.float32)
        for step in range(1, steps + 1):
            add_snapshot(tmp_path, step, ["a"] * length, ["b"] * length, weights)
        data = replay_data(tmp_path)
        return data and [snapshot["step"] for snapshot in data["snapshots"]]

    assert replay_data(tmp_path) is None
    assert keep(1, 3) is None
    assert keep(2, 3) == [1, 2]
    many = keep(34, 3)
    assert many == [1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 34]
    large = keep(12, 70)
    assert large[0] == 1 and large[-1] == 12 and 2 <= len(large) < 12
    assert len(json.dumps(replay_data(tmp_path))) < 2_100_000
    assert keep(2, 170) is None


def test_language_and_theme(web):
    data, _ = random_pair(2)
    web.open(data)
    assert web.text("h1") == "Attention"
    web.click("#language")
    assert web.text("h1") == "注意力" and "第 1 层第 0 个头" in web.text("#matrix-title")
    assert not re.search(r"undefined|NaN", web.js("document.body.innerText"))
    background = "getComputedStyle(document.body).backgroundColor"
    before = web.js(background)
    web.click("#theme")
    assert web.js(background) != before
    web.click("#theme")
    assert web.js(background) == before
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    web.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    assert web.open(data).js(background) != before
    agent = {"userAgent": web.js("navigator.userAgent"), "acceptLanguage": "zh-CN"}
    web.browser.execute_cdp_cmd("Network.setUserAgentOverride", agent)
    assert web.open(data).text("h1") == "注意力"
    web.browser.execute_cdp_cmd("Network.setUserAgentOverride", agent | {"acceptLanguage": "en-US"})


def test_odd_text_does_no_harm(web):
    rng = np.random.default_rng(0)
    odd = [sentence(text, "en", rng, longest=9) for text in (ODD, ODD[::-1] + "<b>你好</b>&amp;")]
    data, _ = synthetic(*odd, layers=1)
    script = "</script><script>alert(1)</script>"
    data["candidates"][0][1][0] = data["run"]["name"] = data["reason"]["name"] = script
    data["reason"]["key"] = "chosen_on"
    web.open(data)
    elements = web.js("document.querySelectorAll('script, b').length")
    for side, tokens in zip(("src", "tgt"), ("keys", "queries"), strict=True):
        assert web.text(f"#{side}-text") == data[side]["text"]
        assert web.each(f"#{tokens} .piece", "node.textContent") == data[side]["tokens"]
    web.switch(merge=True, left_out=True)
    web.click('#matrix [data-row="1"][data-col="1"]')
    web.click("#language")
    others = "document.querySelectorAll('script, b:not(#mean)').length"
    assert web.js(others) == elements == 2 + 5  # ours, and the legend's shades
    for place in ("#candidates", "#rule-text", "#run"):
        assert script in web.text(place)


@pytest.mark.parametrize("width", [360, 1300])
def test_short_and_long_pairs(web, width):
    rng = np.random.default_rng(0)
    chinese = "从长远来看，每天读很多书的孩子比从不读书的孩子更会写作，" * 2
    long = sentence(LONG, "en", rng), sentence(chinese, "zh", rng, longest=2)
    one = sentence("Hi", "en", rng), sentence("嗨", "zh", rng)
    nothing = {"text": "", "language": "en", "tokens": ["</s>"], "units": []}
    assert min(len(side["tokens"]) for side in long) >= 35
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    web.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    for src, tgt in (long, one, (nothing, nothing)):
        web.open(synthetic(src, tgt)[0])
        assert web.matrix().shape == (len(tgt["tokens"]), len(src["tokens"]))
        for kind in KINDS:
            web.choose(kind, None, None)
            assert (
                web.js("document.documentElement.scrollWidth") <= width
            )  # wide things scroll in their own box
    web.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_what_was_not_computed_is_not_offered(web):
    """A page whose data come step by step has no effects of leaving out yet."""
    data, arrays = random_pair(9)
    web.open(data)
    assert web.find("#left-out").is_displayed()
    web.switch(left_out=True)
    data["left_out"] = None
    show(web, data)
    assert not web.find("#left-out").is_displayed()
    assert not web.find("#left-out-text").is_displayed() and web.each("#bars .down", "1") == []
    close(web.each("#bars > div", "+node.dataset.weight"), mean_of_heads(arrays, "cross", 1, 0)[0])


SHOW = """
const data = JSON.parse(arguments[0]);
for (const group of arguments[1]) {
    for (const kind in data[group]) data[group][kind] = floats(data[group][kind]);
}
show(data);
"""


def show(web: Page, data: dict, *typed: str) -> None:
    """Show other data on an open page; the groups `typed` as arrays of numbers, as an engine in the
    page would give them."""
    web.browser.execute_script(SHOW, json.dumps(data), typed)


def test_other_data_are_shown_without_a_reload(web):
    data, _ = random_pair(1)
    web.open(data)
    web.choose("cross", 0, 1)
    web.switch(shift=True, left_out=True)
    web.click('#matrix [data-row="0"][data-col="1"]')
    other, arrays = random_pair(2)
    show(web, other, "weights", "queries", "keys", "values")
    assert web.text("#src-text") == other["src"]["text"] and web.text("#tgt-text") != ""
    close(web.matrix(), mean_of_heads(arrays, "cross", 0, 1, True))
    assert web.js("state.leftOut") and web.js("document.getElementById('cell-panel').hidden")
    close(web.each("#bars > div", "+node.dataset.drop"), other["left_out"][0])
    # The same tokens, but other numbers: an open cell follows them.
    web.click('#matrix [data-row="0"][data-col="1"]')
    same, arrays = synthetic(other["src"], other["tgt"], seed=77)
    show(web, same)
    close(web.number("#weight"), arrays["weights"]["cross"][0, 1, 1, 1], 6e-5)
    # A model of another shape: what was chosen does not exist in it.
    third, arrays = random_pair(3, layers=1, n_heads=1)
    web.choose("encoder_self", 1, 1)
    show(web, third)
    close(web.matrix(), mean_of_heads(arrays, "encoder_self", None, None))
    web.choose("cross", 0, 0)
    close(web.matrix(), mean_of_heads(arrays, "cross", 0, 0, True))
    assert len(web.each("canvas", "1")) == 9


def test_size():
    unit = {"text": "international", "punctuation": False}
    side = {"text": "", "language": "en", "units": [unit | {"tokens": [i]} for i in range(30)]}
    side |= {"tokens": ["▁international"] * 30 + ["</s>"], "n_prefix": 0}
    data, _ = synthetic(side, side, layers=3, n_heads=4, d_head=64)
    assert len(render(data).encode()) < 1_500_000


# ---- How it looks ----


@pytest.fixture
def screen(web):
    """Set the size of the screen."""

    def resize(width: int, height: int = 900) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        web.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    yield resize
    web.browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("width", [390, 1400, 1920])
def test_the_matrix_fills_its_panel(web, screen, width):
    rng = np.random.default_rng(0)
    screen(width)
    pair = sentence("I like tea.", "en", rng, 9), sentence("我喜欢茶。", "zh", rng, 2)
    web.open(synthetic(*pair)[0])
    for kind in KINDS:
        web.choose(kind, 1, 0)
        room = web.js("document.getElementById('matrix-box').clientWidth")
        assert 0.9 * room <= web.js("document.getElementById('matrix').offsetWidth") <= room
    screen(1000)  # cells follow a window that changes
    WebDriverWait(web.browser, 10).until(
        lambda _: web.js("document.getElementById('matrix').offsetWidth") > 800
    )


@pytest.mark.parametrize("width", [390, 1400])
def test_forty_tokens_stay_legible(web, screen, width):
    rng = np.random.default_rng(0)
    screen(width)
    chinese = "从长远来看，每天读很多书的孩子比从不读书的孩子更会写作，" * 2
    long = sentence(LONG, "en", rng, longest=3), sentence(chinese, "zh", rng, longest=1)
    assert min(len(side["tokens"]) for side in long) >= 40
    web.open(synthetic(*long)[0])
    size = "[node.offsetWidth, node.offsetHeight, parseFloat(getComputedStyle(node).fontSize)]"
    for cell_width, cell_height, letters in web.each("#matrix td", size)[:50]:
        assert cell_width >= 24 and cell_height >= 24 and letters >= 9
    # The headings stay in sight when the box scrolls.
    place = "(() => { const box = node.getBoundingClientRect(); return [box.left, box.top]; })()"
    [before] = web.each("#matrix thead th:first-child", place)
    web.js("document.getElementById('matrix-box').scrollBy(300, 300)")
    [after] = web.each("#matrix thead th:first-child", place)
    close(after, before, 1)
    [column], [row] = (
        web.each(f"#matrix {heading}", place)
        for heading in ("thead th:last-child", "tbody tr:last-child th")
    )
    close([column[1], row[0]], [before[1], before[0]], 60)


def linear(color: str) -> np.ndarray:
    c = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear sRGB."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ rgb.clip(0, 1) / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


SIGHT = {  # Machado et al. 2009, severity 1
    "normal": np.eye(3),
    "protan": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deutan": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritan": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


@pytest.mark.parametrize("dark", [False, True])
def test_q_k_and_v_have_colours_that_everybody_tells_apart(dark):
    css = (ASSETS / "page.css").read_text("utf-8")
    colors = dict(
        re.findall(
            r"--(\w+): light-dark\(#\w+, (#\w+)\)" if dark else r"--(\w+): light-dark\((#\w+)", css
        )
    )
    luminance = {name: linear(color) @ [0.2126, 0.7152, 0.0722] for name, color in colors.items()}
    for name in "qkv":  # legible as text on a card: WCAG 2, AA
        low, high = sorted((luminance[name], luminance["card"]))
        assert (high + 0.05) / (low + 0.05) >= 4.5, name
    for sight, matrix in SIGHT.items():
        seen = {name: lab(np.array(matrix) @ linear(colors[name])) for name in "qkv"}
        for a, b in itertools.combinations("qkv", 2):
            assert np.linalg.norm(seen[a] - seen[b]) > 25, (sight, a, b)


# ---- The picture that is saved ----

SVG = "{http://www.w3.org/2000/svg}"


def test_the_view_saves_as_svg(web):
    data, _ = random_pair(12)
    data["rule"] |= {"both": True, "column_threshold": 0.1}
    data["src"]["tokens"][0] = "<b>&"
    web.open(data)
    n_rows, n_columns = web.matrix().shape
    text = web.js("viewAsSvg()")
    root = ElementTree.fromstring(text)
    assert root.tag == f"{SVG}svg" and float(root.get("width")) > 300
    # A rectangle for the ground and for each cell; the frames of the links.
    assert len(root.findall(f".//{SVG}rect")) == 1 + n_rows * n_columns
    framed = [node for node in root.iter(f"{SVG}rect") if node.get("stroke")]
    dashed = [node for node in framed if node.get("stroke-dasharray")]
    assert len(framed) == len(web.cells("link"))
    assert len(dashed) == len(web.cells("by-rows") | web.cells("by-columns"))
    # Headings once in the lines, once in the matrix.
    texts = [node.text for node in root.iter(f"{SVG}text")]
    labels = [*data["src"]["tokens"], *data["tgt"]["tokens"]]
    assert all(texts.count(label) >= 2 for label in labels)
    strokes = [node for node in root.iter(f"{SVG}path") if node.get("stroke")]
    assert len(strokes) == len(web.each("#pair path", "1"))
    # Self-contained, and in colours that every program knows.
    assert not re.search(r"href|url\(|<style|class=|var\(|color-mix|light-dark", text)
    colors = {node.get(name) for node in root.iter() for name in ("fill", "stroke")} - {
        None,
        "none",
    }
    assert all(re.fullmatch(r"#[0-9a-f]{6}", color) for color in colors)
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    web.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    assert web.js("viewAsSvg()") != text


def test_the_button_saves_the_file(web, tmp_path):
    web.browser.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    web.open(random_pair(2)[0], words=True)
    expected = web.js("viewAsSvg()")
    web.click("#save")
    path = tmp_path / "attention.svg"
    WebDriverWait(web.browser, 30).until(lambda _: path.exists() and path.stat().st_size)
    assert path.read_text("utf-8") == expected
