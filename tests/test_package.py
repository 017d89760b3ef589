"""The wheel: built from a copy of the repository, installed elsewhere, it finds its configuration and its corpus."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from helpers import ENVIRONMENT, ROOT

pytestmark = pytest.mark.slow

STARTER = ROOT / "data" / "starter" / "train.tsv"
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "runs", "attention", "build", "dist", "__pycache__", ".*_cache"
)


def run(*command: object, **options: object) -> subprocess.CompletedProcess:
    done = subprocess.run(list(map(str, command)), capture_output=True, timeout=500, **options)
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
    return done


def pip(*arguments: object) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run(
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--quiet",
        *arguments,
        env=environment,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, folder / "repository", ignore=LEFT_OUT)
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, folder / "repository")
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> dict[str, str]:
    """The environment in which only the installed wheel is found."""
    target = tmp_path_factory.mktemp("installed")
    pip("install", "--no-deps", "--target", target, wheel)
    return ENVIRONMENT | {"PYTHONPATH": str(target)}


def test_configuration_and_starter_are_in_the_wheel(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in (ROOT / "conf").rglob("*.yaml"):
        assert f"transformer_mt/{path.relative_to(ROOT)}" in names
    for path in (ROOT / "transformer_mt").glob("*.py"):
        assert f"transformer_mt/{path.name}" in names
    for path in (ROOT / "data" / "starter").glob("*.tsv"):
        assert f"transformer_mt/starter/{path.name}" in names
    assert not any(name.startswith(("tests/", "scripts/")) for name in names)


def test_the_installed_package_is_the_one_that_runs(installed, tmp_path):
    code = "from transformer_mt.config import CONF_DIR, STARTER_DIR; print(CONF_DIR); print(STARTER_DIR)"
    lines = (
        run(sys.executable, "-c", code, env=installed, cwd=tmp_path).stdout.decode().splitlines()
    )
    package = Path(installed["PYTHONPATH"]) / "transformer_mt"
    assert lines == [str(package / "conf"), str(package / "starter")]


def test_the_installed_command_composes_its_configuration(installed, tmp_path):
    train = (sys.executable, "-m", "transformer_mt.train")
    done = run(*train, "--cfg", "job", "data=files", "model=base", env=installed, cwd=tmp_path)
    config = yaml.safe_load(done.stdout)
    assert config["model"]["d_model"] == 512 and config["data"]["name"] == "files"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(not STARTER.exists(), reason="needs data/starter/train.tsv")
def test_the_installed_command_trains_on_the_packaged_starter_from_an_empty_directory(
    installed, tmp_path
):
    options = (
        "model=tiny", "data.valid=null", "data.test=null", "data.held_out=20", "tokenizer.vocab_size=2000",
        "train.max_steps=1", f"data.cache_dir={tmp_path / 'cache'}",
    )  # fmt: skip
    (tmp_path / "empty").mkdir()
    where = {"env": installed, "cwd": tmp_path / "empty"}
    done = run(sys.executable, "-m", "transformer_mt.train", *options, **where)
    assert done.stdout == b""
    assert [path.name for path in (tmp_path / "empty").iterdir()] == ["runs"]
    translate = (sys.executable, "-m", "transformer_mt.translate", "runs/starter-en-zh-tiny")
    done = run(*translate, input=b"Good morning.\n\n", **where)
    assert done.stdout.count(b"\n") == 2 and done.stderr == b""
