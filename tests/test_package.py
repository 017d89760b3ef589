"""The wheel: installed elsewhere, it finds its configuration, its pages and its corpus."""

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

NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", "runs", "attention", "build", "dist", "__pycache__", ".*_cache"
)


def run(*command: object, **options: object) -> subprocess.CompletedProcess:
    done = subprocess.run(list(map(str, command)), capture_output=True, timeout=500, **options)
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
    return done


def pip(*arguments: object) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    run(*command, *arguments, env=environment)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, folder / "repository", ignore=NOT_COPIED)
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
    for pattern in ("*.py", "view/assets/*"):
        for path in (ROOT / "transformer_mt").rglob(pattern):
            assert str(path.relative_to(ROOT)) in names
    for path in (ROOT / "data" / "starter").glob("*.tsv"):
        assert f"transformer_mt/starter/{path.name}" in names
    assert not any(name.startswith(("data/", "docs/", "scripts/", "tests/")) for name in names)


def test_the_installed_package_is_the_one_that_runs(installed, tmp_path):
    code = "from transformer_mt.config import CONF_DIR, STARTER_DIR; print(CONF_DIR, STARTER_DIR)"
    done = run(sys.executable, "-c", code, env=installed, cwd=tmp_path)
    package = Path(installed["PYTHONPATH"]) / "transformer_mt"
    assert done.stdout.decode().split() == [str(package / "conf"), str(package / "starter")]


def test_the_installed_command_composes_its_configuration(installed, tmp_path):
    train = (sys.executable, "-m", "transformer_mt.train")
    done = run(*train, "--cfg", "job", "data=files", "model=base", env=installed, cwd=tmp_path)
    config = yaml.safe_load(done.stdout)
    assert config["model"]["d_model"] == 512 and config["data"]["name"] == "files"
    assert list(tmp_path.iterdir()) == []


def test_the_installed_command_trains_on_the_packaged_starter_from_an_empty_directory(
    installed, tmp_path
):
    options = (
        "model=tiny",
        "data.valid=null",
        "data.test=null",
        "data.held_out=20",
        "tokenizer.vocab_size=2000",
        "train.max_steps=1",
        f"data.cache_dir={tmp_path / 'cache'}",
    )
    (tmp_path / "empty").mkdir()
    where = {"env": installed, "cwd": tmp_path / "empty"}
    done = run(sys.executable, "-m", "transformer_mt.train", *options, **where)
    assert done.stdout == b""
    assert [path.name for path in (tmp_path / "empty").iterdir()] == ["runs"]
    translate = (sys.executable, "-m", "transformer_mt.translate", "runs/starter-en-zh-tiny")
    done = run(*translate, input=b"Good morning.\n\n", **where)
    assert done.stdout.count(b"\n") == 2 and done.stderr == b""
