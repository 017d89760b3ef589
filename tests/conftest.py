"""Fixtures of several test files: a small corpus, a trained run, a way to call the commands, and
a browser.
"""

import importlib
import json
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from helpers import (
    BACKWARD_RULE,
    LINKED,
    SENTENCES,
    Done,
    gold_links,
    linked_pairs,
    make_run,
    pattern_pairs,
    start,
    training_config,
    training_options,
    write,
)
from selenium.webdriver import Chrome, ChromeOptions, ChromeService

from transformer_mt import Translator, cli
from transformer_mt.alignment import Quality, Rule, choices
from transformer_mt.config import TokenizerConfig
from transformer_mt.config_file import load_config, save_config
from transformer_mt.tokenizer import Tokenizer, train_tokenizer
from transformer_mt.train import train

# A shell starts a background job with SIGINT ignored, and its children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Compute with one thread, which gives the same bits everywhere and leaves cores to others."""
    torch.set_num_threads(1)


@pytest.fixture
def float64() -> Iterator[None]:
    """Make float64 the default type inside the test."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.fixture(scope="session")
def corpus_tsv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`pattern_pairs` as a TSV file."""
    path = tmp_path_factory.mktemp("corpus") / "pairs.tsv"
    path.write_text("".join(f"{en}\t{zh}\n" for en, zh in pattern_pairs()), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def guided_tsv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`linked_pairs` as a TSV file."""
    path = tmp_path_factory.mktemp("guided") / "pairs.tsv"
    path.write_text("".join("\t".join(row) + "\n" for row in linked_pairs()), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared corpora, shared by the tests so that each is prepared once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def call(
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
):
    """Run a command inside this process, which saves starting one.

    An example is `call("translate", run, "Hello.", stdin=b"")`.
    """
    folder = tmp_path_factory.mktemp("stdin")

    def run(verb: str, *arguments: object, stdin: bytes = b"") -> Done:
        module = importlib.import_module(f"transformer_mt.{verb}")
        monkeypatch.setattr(sys, "argv", [f"{verb}.py", *map(str, arguments)])
        (folder / "stdin").write_bytes(stdin)
        monkeypatch.setenv("HYDRA_FULL_ERROR", "0")  # `train` sets it; it is put back at the end
        handler = signal.getsignal(signal.SIGTERM)
        capfd.readouterr()
        status = 0
        with (folder / "stdin").open(encoding="utf-8") as file:
            monkeypatch.setattr(sys, "stdin", file)
            try:
                module.main() if verb == "train" else cli.run(module.main)
            except SystemExit as stop:
                status = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
            finally:
                signal.signal(signal.SIGTERM, handler)
        captured = capfd.readouterr()
        return Done(status, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def trained_run(
    tmp_path_factory: pytest.TempPathFactory, corpus_tsv: Path, cache_dir: Path
) -> Path:
    """A run that the command made under its default name; its model knows a little."""
    folder = tmp_path_factory.mktemp("trained")
    changes = {
        "model": "tiny",
        "train.max_steps": 150,
        "train.validate_every": 75,
        "train.log_every": 25,
    }
    options = training_options(corpus_tsv, cache_dir, folder, **changes)
    overrides = [option for option in options if not option.startswith("run_dir=")]
    done = start("train", *overrides, cwd=folder)
    assert done.status == 0, done.err
    assert done.out == ""
    return folder / "runs" / "files-en-zh-tiny"


@pytest.fixture(scope="session")
def noisy_run(trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`trained_run`, but its configuration says that training saw sources in small letters."""
    run = tmp_path_factory.mktemp("noisy") / "run"
    shutil.copytree(trained_run, run, ignore=shutil.ignore_patterns("checkpoints", "tensorboard"))
    config = load_config(run)
    config.data.source_noise = 0.2
    save_config(run, config)
    return run


@pytest.fixture(scope="session")
def translator(trained_run: Path) -> Translator:
    return Translator.from_pretrained(trained_run)


@pytest.fixture(scope="session")
def expected(translator: Translator) -> list[str]:
    """What the Python API makes of SENTENCES."""
    texts = [translation.text for translation in translator.translate(SENTENCES)]
    assert len(set(texts)) == len(texts) and all(texts)
    return texts


@pytest.hookimpl(tryfirst=True)  # before pytest looks at `-m`
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that drives a browser, so that `-m "not browser"` leaves it out."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A headless Chromium without a network, one for the whole session."""
    chromium = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    driver = shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.fail(
            "no Chromium with chromedriver: `bash scripts/test.sh --with-browser` installs them, "
            "and -m 'not browser' leaves these tests out"
        )
    options = ChromeOptions()
    options.binary_location = chromium
    flags = (
        "headless=new",
        "no-sandbox",
        "disable-gpu",
        "disable-quic",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
        "lang=en-US",
        "window-size=1300,950",
        f"user-data-dir={tmp_path_factory.mktemp('chromium')}",
    )
    for flag in flags:
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with Chrome(options=options, service=ChromeService(driver)) as chrome:
        chrome.execute_cdp_cmd("Network.enable", {})
        offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        chrome.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
        yield chrome


@pytest.fixture(scope="session")
def linked_tsv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`pattern_pairs` with gold links in a third column."""
    rows = [f"{en}\t{zh}\t{gold_links(en, zh)}\n" for en, zh in pattern_pairs()]
    return write(tmp_path_factory.mktemp("linked") / "linked.tsv", "".join(rows))


@pytest.fixture(scope="session")
def linked_run(linked_tsv, cache_dir, tmp_path_factory) -> Path:
    """Trained a little on a corpus with gold links; validated once, at the end."""
    run = tmp_path_factory.mktemp("linked") / "run"
    assert train(training_config(linked_tsv, cache_dir, run, **LINKED)) == 0
    return run


@pytest.fixture(scope="session")
def backward_run(linked_run, tmp_path_factory) -> Path:
    """A run of the other direction than `linked_run`, with random weights, that reads its links
    from a head of its own.
    """
    folder = tmp_path_factory.mktemp("backward") / "run"
    translator = Translator(linked_run, "cpu")
    make_run(folder, (translator.src_tokenizer, translator.tgt_tokenizer), "zh-en")
    values = asdict(BACKWARD_RULE) | {"chosen_on": "nothing", "table": []}
    write(folder / "alignment.json", json.dumps(values))
    return folder


@pytest.fixture
def run_copy(linked_run, tmp_path) -> Path:
    """A copy of `linked_run` that a test may change."""
    copied = tmp_path / "copy"
    shutil.copytree(linked_run, copied, ignore=shutil.ignore_patterns("checkpoints", "tensorboard"))
    return copied


@pytest.fixture(scope="session")
def tokenizers() -> tuple[Tokenizer, Tokenizer]:
    """Tokenizers of English and Chinese.

    They have pieces of several characters, and bytes for characters that no line holds.
    """
    english = [en for en, _ in pattern_pairs()] + ["new york is interesting"] * 9
    chinese = [zh for _, zh in pattern_pairs()]
    options = TokenizerConfig(vocab_size=340)
    src, _ = train_tokenizer(english, options, dummy_prefix=True)
    tgt, _ = train_tokenizer(chinese, options, dummy_prefix=False)
    return src, tgt


@pytest.fixture
def measured() -> dict[Rule, Quality]:
    """A table of alignment quality by rule, with one best rule."""
    base = Rule(mask_punctuation=True, threshold=0.25)
    rules = [
        replace(base, layer=layer, head=head, shift=shift)
        for shift in (False, True)
        for layer, head in choices(2, 2)
    ]
    table = {rule: Quality(10, 10, n % 7, n % 7) for n, rule in enumerate(rules)}
    table[rules[11]] = Quality(10, 10, 9, 10)
    return table
