"""How fast is the live page, and does it translate as Python does?

    python scripts/bench/page_speed.py RUN [--src FILE] [--lines 1000]

opens the run's engine in Chromium, without a window, and prints as JSON the median milliseconds for
each translation, and how many sentences have the same token ids, the same greedy ids and the same
text by beam search as with Python, whose model has the page's weights, too.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from engines import EnginePage  # noqa: E402
from selenium.webdriver import Chrome, ChromeOptions, ChromeService  # noqa: E402

from transformer_mt.files import read_text, typed_path  # noqa: E402
from transformer_mt.text import one_line  # noqa: E402

TIMED = """a.map((line) => {
  const start = performance.now();
  const hypotheses = engine.translate(line, b);
  return { ms: performance.now() - start, ids: hypotheses[0].ids, text: hypotheses[0].text };
})"""
"""What the page runs for each line; nothing is drawn."""


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=typed_path, metavar="RUN")
    parser.add_argument(
        "--src", type=typed_path, metavar="FILE", help="a sentence a line (default: the test set)"
    )
    parser.add_argument("--lines", type=int, default=1000, help="of these (default: 1000)")
    return parser.parse_args()


def chromium(folder: str) -> Chrome:
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    for flag in ("headless=new", "no-sandbox", "disable-gpu", f"user-data-dir={folder}/profile"):
        options.add_argument(f"--{flag}")
    browser = Chrome(options=options, service=ChromeService(shutil.which("chromedriver")))
    browser.set_script_timeout(100)
    return browser


def measured(page: EnginePage, lines: list[str], settings: dict) -> tuple[float, list[dict]]:
    """The median of milliseconds, and the translations."""
    page.js(TIMED, lines[:20], settings)  # the browser compiles what runs often
    # The driver waits for a call two minutes at most, and the machine may be busy.
    parts = [page.js(TIMED, lines[i : i + 10], settings) for i in range(0, len(lines), 10)]
    outputs = [output for part in parts for output in part]
    return sorted(output["ms"] for output in outputs)[len(outputs) // 2], outputs


def main() -> None:
    args = parse_args()
    rows = read_text(args.src or args.run / "test.tsv")[: args.lines]
    lines = [row.split("\t")[0] for row in rows]
    with tempfile.TemporaryDirectory() as folder, chromium(folder) as browser:
        page = EnginePage(browser, Path(folder))
        translator = page.load(args.run)
        sources = translator.src_tokenizer.encode([one_line(line) for line in lines])
        ids = page.js("a.map((line) => engine.readText(engine.srcTokenizer, line).ids)", lines)

        greedy_ms, outputs = measured(page, lines, {"beamSize": 1, "nBest": 1})
        options = translator.decode_options(beam_size=1)
        greedy = translator.search(sources, options)
        n_greedy = sum(a["ids"] == b[0].ids for a, b in zip(outputs, greedy, strict=True))

        beam_ms, outputs = measured(page, lines, {})
        # The page takes a line as one sentence.
        found = translator.translate(lines, split_sentences="off")
        texts = [each.text for each in found]
        n_texts = sum(a["text"] == b for a, b in zip(outputs, texts, strict=True))
    n_tokens = sorted(map(len, sources))[len(sources) // 2]
    report = {
        "lines": len(lines),
        "median_source_tokens": n_tokens,
        "beam_size": translator.decode.beam_size,
        "greedy_ms": round(greedy_ms, 1),
        "beam_ms": round(beam_ms, 1),
        "equal_token_ids": sum(a == b for a, b in zip(ids, sources, strict=True)),
        "equal_greedy_ids": n_greedy,
        "equal_beam_texts": n_texts,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
