"""What several test files share: a small corpus, small models, a trained run, and ways to call the commands."""

import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from transformer_mt import cli
from transformer_mt.checkpoint import config_from_dict
from transformer_mt.config import Config, ModelConfig
from transformer_mt.model import Transformer

ROOT = Path(__file__).parents[1]
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job has it ignored, hence its children

PEOPLE = {"I": "我", "You": "你", "We": "我们", "They": "他们", "Students": "学生", "Teachers": "老师"}
VERBS = {"like": "喜欢", "buy": "买", "see": "看见", "want": "想要", "draw": "画"}
THINGS = {"apples": "苹果", "books": "书", "cats": "猫", "dogs": "狗", "cars": "车", "flowers": "花", "fish": "鱼"}
WHEN = {"": "", " today": "今天", " every day": "每天"}
ENDS = {".": "。", "!": "！"}


def pattern_pairs() -> list[tuple[str, str]]:
    """A few hundred short English-Chinese pairs of several lengths, no sentence twice."""
    pairs = []
    for person, 人 in PEOPLE.items():
        for verb, 动 in VERBS.items():
            for i, (thing, 物) in enumerate(THINGS.items()):
                for when, 时 in WHEN.items():
                    end = list(ENDS)[len(pairs) % 2]
                    others = [list(THINGS.items())[(i + k) % len(THINGS)] for k in range(1, len(pairs) % 4)]
                    english = " and ".join([thing, *(en for en, _ in others)])
                    chinese = "和".join([物, *(zh for _, zh in others)])
                    pairs.append((f"{person} {verb} {english}{when}{end}", f"{人}{时}{动}{chinese}{ENDS[end]}"))
    return pairs


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """The tests share two cores with whatever else runs; one thread also gives the same bits everywhere."""
    torch.set_num_threads(1)


@pytest.fixture
def float64() -> Iterator[None]:
    """Everything that is made inside is float64."""
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
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared corpora, shared by the tests so that each is prepared once."""
    return tmp_path_factory.mktemp("cache")


def tiny_config(**changes: object) -> ModelConfig:
    """A model for equivalence tests, without dropout unless asked for."""
    options: dict = {
        "d_model": 16, "n_heads": 4, "d_ff": 24, "n_encoder_layers": 2, "n_decoder_layers": 2, "dropout": 0.0,
        "max_len": 64,
    }  # fmt: skip
    return ModelConfig(**(options | changes))


def tiny_model(seed: int = 0, n_src: int = 13, n_tgt: int = 11, joint: bool = False, **changes: object) -> Transformer:
    """A random model in evaluation mode whose attention is far from uniform and whose biases are not zero; pad is 0."""
    torch.manual_seed(seed)
    model = Transformer(tiny_config(**changes), n_src, n_tgt, pad_id=0, joint=joint)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return model.eval()


def random_ids(rows: int, length: int, n_vocab: int, seed: int = 0) -> torch.Tensor:
    """Ids `(rows, length)`, no padding (0) among them."""
    return torch.randint(1, n_vocab, (rows, length), generator=torch.Generator().manual_seed(seed))


@dataclass
class Done:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line of a user's mistake."""
        assert self.status == 2, self
        assert self.out == "", self
        assert "Traceback" not in self.err, self
        lines = [line for line in self.err.splitlines() if "error: " in line]
        assert len(lines) == 1 and self.err.splitlines()[-1] == lines[0], self
        return lines[0]


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory):
    """Run a command inside this process, which saves starting one: `call("translate", run, "Hello.", stdin=b"")`."""
    folder = tmp_path_factory.mktemp("stdin")

    def run(verb: str, *arguments: object, stdin: bytes = b"") -> Done:
        module = importlib.import_module(f"transformer_mt.{verb}")
        monkeypatch.setattr(sys, "argv", [f"{verb}.py", *map(str, arguments)])
        (folder / "stdin").write_bytes(stdin)
        monkeypatch.setenv("HYDRA_FULL_ERROR", "0")  # `train` sets it: put back at the end
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


ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "", "LC_ALL": "C"}
"""Of the commands: one thread, and a locale that is not UTF-8."""


@contextmanager
def running(*arguments: object, **options: object) -> Iterator[subprocess.Popen]:
    """`python -m transformer_mt.…` with pipes of bytes; it does not outlive the test."""
    where = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": ENVIRONMENT}
    command_line = [sys.executable, "-m", f"transformer_mt.{arguments[0]}", *map(str, arguments[1:])]
    process = subprocess.Popen(command_line, **(where | options))
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.close()


def start(*arguments: object, stdin: bytes = b"", **options: object) -> Done:
    """Run `python -m transformer_mt.…` to its end."""
    with running(*arguments, **options) as process:
        out, err = process.communicate(stdin, timeout=300)
        return Done(process.returncode, (out or b"").decode(), (err or b"").decode())


TRAINING = {
    "model.name": "tiny", "model.d_model": 32, "model.n_heads": 2, "model.d_ff": 64, "model.n_encoder_layers": 1,
    "model.n_decoder_layers": 1, "model.max_len": 48, "tokenizer.vocab_size": 340, "train.device": "cpu",
    "train.max_steps": 4, "train.max_epochs": None, "train.token_budget": 400, "train.warmup_steps": 10,
    "train.log_every": 2, "train.lr": 0.01, "train.precision": "fp32",
}  # fmt: skip
"""Options of a training run of seconds."""


def training_options(corpus: Path, cache: Path, run_dir: Path, **changes: object) -> list[str]:
    """`TRAINING` as overrides of the command."""
    options = {"data": "files", "data.train": corpus, "data.cache_dir": cache, "run_dir": run_dir} | TRAINING | changes
    return [f"{key}={'null' if value is None else value}" for key, value in options.items()]


def training_config(corpus: Path, cache: Path, run_dir: Path, **changes: object) -> Config:
    """`TRAINING` as a `Config`."""
    options = {"data.train": str(corpus), "data.cache_dir": str(cache), "run_dir": str(run_dir)} | TRAINING | changes
    nested: dict = {}
    for key, value in options.items():
        section, _, name = key.rpartition(".")
        (nested.setdefault(section, {}) if section else nested)[name] = value
    config: Config = config_from_dict(Config, nested, "test")
    return config


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory: pytest.TempPathFactory, corpus_tsv: Path, cache_dir: Path) -> Path:
    """A run that the command made under its default name, in a directory that was empty; the model knows a little."""
    folder = tmp_path_factory.mktemp("trained")
    changes = {"model": "tiny", "train.max_steps": 150, "train.validate_every": 75, "train.log_every": 25}
    options = training_options(corpus_tsv, cache_dir, folder, **changes)
    done = start("train", *(option for option in options if not option.startswith("run_dir=")), cwd=folder)
    assert done.status == 0, done.err
    assert done.out == ""
    return folder / "runs" / "files-en-zh-tiny"
