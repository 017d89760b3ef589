"""Which module imports which: one direction, each alone, and nothing heavy where it is not
needed."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import ENVIRONMENT, training_options

PACKAGE = Path(__file__).parents[1] / "transformer_mt"
MODULES = sorted(
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    for path in PACKAGE.rglob("*.py")
    if path.stem != "__init__"
)
COMMANDS = {
    path.stem
    for path in PACKAGE.glob("*.py")
    if '__name__ == "__main__"' in path.read_text("utf-8")
}
LAYERS = (
    {"config"},
    {"files", "text", "fast", "runtime", "workers", "batches"},
    {"sentences", "units", "tokenizer", "model", "scoring", "config_file", "snapshots"}
    | {"marks", "interchange.pieces"},
    {"cli", "noise", "markup", "interchange.marian", "interchange.vocabularies"},
    {"run_dir", "decoding", "names"},
    {"alignment"},
    {"guide", "interchange.card"},
    {"corpus", "inspector", "interchange.from_marian"},
    {"interchange.hub", "interchange.to_marian", "interchange.to_ctranslate2"},
    {"trainer", "translator", "silver", "roles"},
    {"view.equations", "view.plots", "view.page"},
    {"view.sources"},
    {"view.primer_data", "view.live_data"},
    COMMANDS,
)
"""From the bottom up: a module imports from layers below its own, never from beside or above."""
LATE = {"inspector": {"view.page", "view.plots"}}
"""The exception: an `Attention` shows itself, and imports what it needs when it is asked to."""


def imports(module: str) -> tuple[set[str], set[str]]:
    """Modules of the package, and top-level names of everything else, that a module imports
    anywhere."""
    ours, others = set(), set()
    for node in ast.walk(
        ast.parse((PACKAGE / (module.replace(".", "/") + ".py")).read_text("utf-8"))
    ):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import"
            names = [node.module]
            if node.module.startswith(
                "transformer_mt"
            ):  # a module's name, or a module and what it defines
                names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            package, _, rest = name.partition(".")
            if package == "transformer_mt":
                ours |= {rest, rest.rpartition(".")[0]} & set(MODULES) or {rest}
            else:
                others.add(package)
    return ours & set(MODULES), others


def reach(module: str) -> set[str]:
    """All modules of the package that a module imports, however far away."""
    reached, waiting = set(), [module]
    while waiting:
        for name in imports(waiting.pop())[0] - reached:
            reached.add(name)
            waiting.append(name)
    return reached


def test_the_modules_are_where_they_are_expected():
    assert {"train", "translate", "evaluate"} <= COMMANDS
    assert {"config", "model", "trainer", "decoding", "run_dir", "view.page"} <= set(MODULES)


def test_every_module_has_its_layer():
    assert sorted(module for layer in LAYERS for module in layer) == MODULES


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module):
    """Also those inside functions, and those for types alone."""
    below: set[str] = LATE.get(module, set()).copy()
    for layer in LAYERS:
        if module in layer:
            break
        below |= layer
    assert imports(module)[0] <= below


def test_only_train_imports_hydra_and_only_plots_imports_matplotlib():
    for module in MODULES:
        _, others = imports(module)
        assert others & {"hydra", "omegaconf"} == (
            {"hydra", "omegaconf"} if module == "train" else set()
        ), module
        assert ("matplotlib" in others) == (module == "view.plots"), module
        assert ("datasets" in others) == (module == "corpus"), module


def test_config_needs_the_standard_library_alone_and_model_torch_alone():
    assert imports("config")[1] <= sys.stdlib_module_names
    assert imports("units")[1] <= sys.stdlib_module_names
    assert imports("model")[1] - sys.stdlib_module_names == {"torch"}
    assert imports("fast")[1] - sys.stdlib_module_names == {"torch"}
    assert imports("decoding")[1] - sys.stdlib_module_names == {"torch"}


# `align` also writes the corpus that is trained on.
@pytest.mark.parametrize("command", sorted(COMMANDS - {"train", "align"}))
def test_what_comes_after_training_reaches_neither_corpus_nor_trainer(command):
    assert not reach(command) & {"corpus", "trainer", "train"}


def python(code: str, *arguments: object) -> subprocess.CompletedProcess:
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=ENVIRONMENT,
        capture_output=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done


def test_each_module_imports_alone():
    """In a process of its own each; what others have written is imported once, before the processes
    part."""
    code = """
import importlib, os, sys
import datasets, hydra, numpy, sacrebleu, safetensors.torch, sentencepiece, torch, tqdm, yaml
for module in sys.argv[1:]:
    assert not any(name.startswith("transformer_mt") for name in sys.modules)
    child = os.fork()
    if not child:
        try:
            importlib.import_module(f"transformer_mt.{module}")
        except BaseException as error:
            print(module, repr(error), flush=True)
            os._exit(1)
        os._exit(0)
    os.waitpid(child, 0)
"""
    assert python(code, *MODULES).stdout.decode() == ""


def test_translating_and_scoring_import_neither_hydra_nor_datasets(trained_run):
    code = """
import json, sys
from transformer_mt import evaluate, translate
run = sys.argv[1]
translate.main([run, "I like apples."])
evaluate.main([run, "--beam-size", "1"])
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
    lines = python(code, trained_run).stdout.decode().splitlines()
    assert len(lines) > 3
    loaded = set(json.loads(lines[-1]))
    assert "torch" in loaded and "sacrebleu" in loaded
    assert not loaded & {"hydra", "omegaconf", "datasets", "pandas", "matplotlib", "tensorboard"}


@pytest.mark.parametrize("command", sorted(COMMANDS - {"train"}))
def test_help_imports_nothing_heavy(command):
    code = f"""
import runpy, sys
sys.argv = ["{command}", "--help"]
try:
    runpy.run_module("transformer_mt.{command}", run_name="__main__")
except SystemExit as stop:
    assert stop.code in (0, None), stop.code
heavy = {{"torch", "numpy", "hydra", "datasets", "sentencepiece", "sacrebleu", "filelock", "tqdm"}}
print(sorted(heavy & set(sys.modules)))
"""
    out = python(code).stdout.decode()
    assert out.startswith("usage: python -m transformer_mt.") and out.splitlines()[-1] == "[]"


def test_help_of_train_imports_hydra_alone():
    code = """
import runpy, sys
sys.argv = ["train", "--help"]
try:
    runpy.run_module("transformer_mt.train", run_name="__main__")
except SystemExit as stop:
    assert stop.code in (0, None), stop.code
print(sorted({"torch", "numpy", "datasets", "sentencepiece", "sacrebleu"} & set(sys.modules)))
"""
    out = python(code).stdout.decode()
    assert out.startswith("Train a Transformer to translate.") and out.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", sorted(COMMANDS - {"train", "convert", "__main__"}))
def test_a_wrong_run_or_option_is_told_without_torch(command, linked_run):
    texts = {"translate": ["Hello."], "visualize": ["Hello."], "align": ["--gold"]}.get(command, [])
    cases = [(["nowhere", *texts], "nowhere: no run here")]
    if command not in ("primer", "explore"):
        cases.append(([linked_run, *texts, "--batch-tokens", "0"], "--batch-tokens 0 is out of"))
    if command == "visualize":
        cases.append(([linked_run, *texts, "--layer", "7"], "--layer 7: the model has layers"))
    code = f"""
import sys
from transformer_mt import {command}
from transformer_mt.config import UserError
try:
    {command}.main(sys.argv[1:])
except UserError as error:
    print(error)
print("torch" in sys.modules)
"""
    for arguments, message in cases:
        error, has_torch = python(code, *arguments).stdout.decode().splitlines()
        assert error.startswith(message) and has_torch == "False"


def test_the_package_itself_imports_nothing_heavy():
    code = """
import sys
import transformer_mt
assert "torch" not in sys.modules
assert transformer_mt.__version__
try:
    transformer_mt.nothing
except AttributeError as error:
    assert "nothing" in str(error)
else:
    raise AssertionError
from transformer_mt import Translation, Translator
assert callable(Translator.from_pretrained) and "torch" in sys.modules
"""
    python(code)


AS_ON_WINDOWS = """
import importlib, os, shutil, sys

# These have code of their own for each system, and choose it by sys.platform.
import datasets, filelock, hydra, matplotlib, numpy, sacrebleu, safetensors.torch, sentencepiece
import torch, torch.distributed.nn, tqdm

for name in ("fcntl", "resource"):
    sys.modules[name] = None  # what is None here cannot be imported
del os.register_at_fork
shutil._use_fd_functions = False  # else rmtree opens folders
open_path = os.open

def open_file(path, *rest, **options):
    if os.path.isdir(path):
        raise PermissionError(13, "Permission denied", path)
    return open_path(path, *rest, **options)

os.open = open_file

modules, run_dir, *options = sys.argv[1:]
for module in modules.split():
    importlib.import_module(f"transformer_mt.{module}")

from transformer_mt import train, translate, visualize
sys.argv[1:] = options
train.main()
translate.main([run_dir, "I like apples."])
visualize.main([run_dir, "I like apples.", "--output-dir", os.path.join(run_dir, "attention")])
"""


def test_everything_works_without_what_windows_lacks(corpus_tsv, tmp_path):
    run_dir = tmp_path / "run"
    limits = {"train.max_steps": 2, "train.validate_every": 1}
    options = training_options(corpus_tsv, tmp_path / "cache", run_dir, **limits)
    python(AS_ON_WINDOWS, " ".join(MODULES), run_dir, *options)
    assert (run_dir / "model.safetensors").is_file()
    assert (run_dir / "attention" / "attention.html").is_file()
