"""`setup.sh`, `test.sh` and `quickstart.sh`: which torch is installed, when a browser is, and what
a new user is told.

pip, apt-get and pytest are stand-ins that write down how they are called.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import ROOT

TOOLS = ["bash", "cat", "cksum", "dirname", "grep", "paste", "touch", "tr"]
CPU_INDEX = "https://download.pytorch.org/whl/cpu"


class Checkout:
    """A copy of the scripts, on a machine that has only `TOOLS` and what a test adds."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.bin = folder / "bin"
        self.log = folder / "log"
        self.bin.mkdir()
        for name in ("pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, folder / name)
        shutil.copytree(ROOT / "scripts", folder / "scripts")
        for name in TOOLS:
            (self.bin / name).symlink_to(shutil.which(name))
        (self.bin / "python3").symlink_to(sys.executable)
        self.add("uname", "echo Linux")
        self.add("id", "echo 1000")
        for name in ("python", "ruff", "mypy"):
            self.add(name, folder=folder / ".venv" / "bin")

    def add(self, name: str, then: str = "", folder: Path | None = None) -> None:
        """A command that logs its name and arguments, then does `then`."""
        path = (folder or self.bin) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!{shutil.which("sh")}\necho "{name} $*" >>"{self.log}"\n{then}\n')
        path.chmod(0o755)

    def run(self, script: str, *args: str, **environment: str) -> subprocess.CompletedProcess:
        inherited = {name: value for name, value in os.environ.items() if name != "CI"}
        return subprocess.run(
            [self.bin / "bash", self.folder / "scripts" / script, *args],
            env=inherited | {"PATH": str(self.bin)} | environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def calls(self, part: str) -> list[str]:
        """The calls so far that contain `part`."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if part in line]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


needs_no_driver = pytest.mark.skipif(
    Path("/proc/driver/nvidia").exists(), reason="this machine has an NVIDIA driver"
)


@needs_no_driver
def test_without_a_driver_torch_comes_from_the_cpu_index_under_the_pinned_version(checkout):
    done = checkout.run("setup.sh", EXTRAS="viz")
    torch, rest = checkout.calls(" install ")
    assert done.returncode == 0 and CPU_INDEX in done.stderr
    version = re.search(r"^torch==.*", (ROOT / "constraints.txt").read_text(), re.MULTILINE)[0]
    assert torch.endswith(f"--index-url {CPU_INDEX} --timeout 5 --retries 0 {version}")
    assert "--index-url" not in rest and rest.endswith("-c constraints.txt -e .[viz]")
    assert "--quiet" not in torch + rest
    checkout.run("setup.sh", EXTRAS="viz")
    assert len(checkout.calls(" install ")) == 2, "the second time everything is there"


@needs_no_driver
def test_where_the_cpu_index_cannot_be_reached_pips_own_index_is_taken(checkout):
    fails = 'case "$*" in *download.pytorch.org*) exit 1;; esac'
    checkout.add("python", fails, checkout.folder / ".venv" / "bin")
    done = checkout.run("setup.sh", EXTRAS="viz")
    assert done.returncode == 0 and "the index that pip is set up with" in done.stderr
    assert checkout.calls(" install ")[-1].endswith("-e .[viz]")


def test_what_will_be_downloaded_is_announced_before_it_is(checkout):
    checkout.add("uname", "echo Darwin")
    said = checkout.run("setup.sh", EXTRAS="viz").stderr
    assert "300 MB to download" in said and "a few minutes" in said
    assert checkout.run("setup.sh", EXTRAS="viz").stderr == ""
    checkout.add("nvidia-smi")
    checkout.add("uname", "echo Linux")
    assert "3 GB to download" in checkout.run("setup.sh", EXTRAS="other").stderr


@pytest.mark.parametrize("language", ["zh_CN.UTF-8", "en_US.UTF-8"])
def test_the_quickstart_ends_with_what_to_open_and_to_type(tmp_path, language):
    folder = tmp_path / "my 项目"
    folder.mkdir()
    checkout = Checkout(folder)
    answer = (
        'case "$*" in *.translate*) printf "早上好。\\n我喜欢苹果。\\n图书馆在哪儿？\\n";; esac'
    )
    checkout.add("python", answer, folder / ".venv" / "bin")
    done = checkout.run("quickstart.sh", LANG=language, LC_ALL="")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[::2] == [
        "Good morning.", "I like apples.", "Where is the library?",
    ]  # fmt: skip
    assert done.stdout.splitlines()[1::2] == ["早上好。", "我喜欢苹果。", "图书馆在哪儿？"]
    verbs = re.findall(r"-m transformer_mt\.(\w+)", checkout.log.read_text())
    assert verbs == ["train", "evaluate", "translate", "visualize", "primer", "explore"]
    assert "-m transformer_mt.primer runs/starter-en-zh-tiny --live " in checkout.log.read_text()
    *_, last = done.stderr.split("Open in a browser:")
    for name in ("primer.html", "attention/attention.html", "explore.html"):
        assert f"    {(folder / name).as_uri()}\n" in last
    run = "runs/starter-en-zh-tiny"
    assert f"    .venv/bin/python -m transformer_mt.translate {run}\n" in last
    assert "    .venv/bin/python -m transformer_mt.train experiment=tatoeba\n" in last
    assert ("与你的模型对话" in last) == language.startswith("zh")


def test_a_quickstart_that_fails_says_nothing_of_what_it_has_not_made(checkout):
    checkout.add("python", 'case "$*" in *.train*) exit 130;; esac', checkout.folder / ".venv/bin")
    done = checkout.run("quickstart.sh")
    assert done.returncode == 130 and "Open in a browser" not in done.stderr
    assert not checkout.calls("transformer_mt.evaluate")


@pytest.mark.parametrize("name, then", [("nvidia-smi", ""), ("uname", "echo Darwin")])
def test_with_a_driver_or_on_a_mac_torch_is_the_ordinary_one(checkout, name, then):
    checkout.add(name, then)
    assert checkout.run("setup.sh", EXTRAS="viz").returncode == 0
    (call,) = checkout.calls(" install ")
    assert CPU_INDEX not in call


def test_without_a_browser_its_tests_are_left_out_and_a_line_says_so(checkout):
    done = checkout.run("test.sh", "-k", "beam")
    (call,) = checkout.calls("pytest")
    assert "-m not browser" in call and call.endswith("-k beam")
    assert "bash scripts/test.sh --with-browser runs them" in done.stderr
    assert not checkout.calls("apt-get")


@pytest.mark.parametrize("args, environment", [(["--with-browser"], {}), ([], {"CI": "true"})])
def test_a_browser_is_installed_when_asked_for_or_in_ci(checkout, args, environment):
    checkout.add("id", "echo 0")
    checkout.add("apt-get")
    done = checkout.run("test.sh", *args, "-x", **environment)
    (call,) = checkout.calls("pytest")
    assert "not browser" not in call and call.endswith("-x")
    assert "installing Chromium" in done.stderr
    assert "chromium-driver" in checkout.calls("apt-get install")[0]


def test_a_browser_that_is_asked_for_and_cannot_be_installed_is_an_error(checkout):
    done = checkout.run("test.sh", "--with-browser")
    assert done.returncode == 2 and not checkout.calls("pytest")
    assert "sudo apt-get install chromium chromium-driver" in done.stderr


def test_a_browser_that_is_there_is_used(checkout):
    for name in ("chromium", "chromedriver", "apt-get"):
        checkout.add(name)
    done = checkout.run("test.sh")
    (call,) = checkout.calls("pytest")
    assert "not browser" not in call and "Chromium" not in done.stderr
    assert not checkout.calls("apt-get")
