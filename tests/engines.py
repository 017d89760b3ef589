"""The live page's engine in a real browser, beside the Python that it must equal."""

import json
from pathlib import Path
from typing import Any

from helpers import write
from selenium.webdriver import Chrome

from transformer_mt import Translator
from transformer_mt.run_dir import put_weights
from transformer_mt.view import page
from transformer_mt.view.live_data import live_data, pack_weights, vocabulary_data
from transformer_mt.view.primer_data import any_sentence_data

ASSETS = Path(page.__file__).parent / "assets"
SCRIPTS = ("tokenizer.js", "sentences.js", "model.js", "engine.js", "primer_engine.js")


class EnginePage:
    """A page with nothing but the engine in it."""

    def __init__(self, browser: Chrome, folder: Path):
        code = "\n".join((ASSETS / name).read_text("utf-8") for name in SCRIPTS)
        path = write(folder / "engine.html", f'<meta charset="utf-8"><script>{code}</script>')
        self.browser = browser
        browser.get(path.as_uri())

    def js(self, script: str, *arguments: Any) -> Any:
        """The value of an expression, in which the arguments are `a`, `b` and so on.

        They pass as JSON, because the driver would change lone surrogates and slow lists down.
        """
        names = "abcdef"[: len(arguments)]
        values = [json.dumps(argument) for argument in arguments]
        replace = "(_, value) => value instanceof Float32Array ? Array.from(value) : value"
        code = f"""
            const [{", ".join(names)}] = [...arguments].map((text) => JSON.parse(text));
            return JSON.stringify({script}, {replace});
        """
        return json.loads(self.browser.execute_script(code, *values))

    def load(self, run_dir: Path, bits: int = 16) -> Translator:
        """Put a run into the page as `engine`, and return a translator with the very weights that
        the page has, rounded to `bits`.
        """
        translator = Translator(run_dir, "cpu", "fp32")
        weights, values = pack_weights(translator.run, bits)
        put_weights(translator.model, values, run_dir)
        primer = {"primer": any_sentence_data(translator)}
        data = page.shown(live_data(translator, weights) | primer)
        self.js("(globalThis.engine = new Engine(a), 0)", data)
        return translator

    def load_tokenizer(self, tokenizer: Any) -> None:
        self.js("(globalThis.tokenizer = new Tokenizer(a), 0)", vocabulary_data(tokenizer))
