"""Counting code: kinds of lines, lengths of functions, layers and circles."""

import subprocess
import sys
from graphlib import CycleError
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts" / "bench"))
import count_code

BENCH = Path(count_code.__file__).parent

MODULE = '''"""What it is,
on two lines."""

# A comment of its own.
import os  # a comment beside code

TEXT = """a string

with a # that is no comment"""
FIELD = 1
"""Describes the field."""


class Box:
    """A docstring."""

    @property
    def double(self, x=1):
        """Another one."""
        # A second comment.
        def inner():
            return 2

        return inner() * x
'''


def test_each_line_has_one_kind():
    source = count_code.measure(MODULE, "box")
    assert (source.code, source.comments, source.docstrings) == (10, 2, 5)
    assert len(source.widths) == 17


def test_functions_are_measured_without_their_docstrings():
    lengths = {f.name: f.length for f in count_code.measure(MODULE, "box").functions}
    assert lengths == {"box.Box.double": 6, "box.Box.double.inner": 2}


def test_shares_of_long_lines():
    source = count_code.measure("x = 1\n\ny = 2\n" + "#" * 90 + "\n" + "#" * 101 + "\n", "long")
    assert (source.share_over(80), source.share_over(100)) == (0.5, 0.25)


def write_package(folder: Path, **modules: str) -> Path:
    for name, text in modules.items():
        path = folder / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_imports_of_every_form_are_of_the_package_alone(tmp_path):
    folder = write_package(
        tmp_path / "pack",
        a="import os",
        b="from pack import a",
        c="import pack.a\nfrom pack.b import x",
        inner__d="def f():\n    from ..a import y\n    from . import e",
        inner__e="from pack.missing import z",
    )
    texts = count_code.read_package(folder)
    graph = {
        name: count_code.imports(text, name, "pack", set(texts)) for name, text in texts.items()
    }
    assert graph == {
        "a": set(),
        "b": {"a"},
        "c": {"a", "b"},
        "inner.d": {"a", "inner.e"},
        "inner.e": set(),
    }
    assert count_code.layers(graph) == [["a", "inner.e"], ["b", "inner.d"], ["c"]]


def test_a_circle_is_named(tmp_path, capsys):
    with pytest.raises(CycleError):
        count_code.layers({"a": {"b"}, "b": {"a"}})
    count_code.show_layers("pack", {"a": "import pack.b", "b": "import pack.a", "c": ""})
    assert capsys.readouterr().out.startswith("\nModules in a circle: ")


def run(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(BENCH / "count_code.py"), *map(str, arguments)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_packages_stand_side_by_side(tmp_path):
    write_package(tmp_path / "transformer_mt", config="x = 1  # one\n")  # as in a checkout
    done = run(tmp_path, BENCH)
    assert done.returncode == 0, done.stderr
    assert f"| | {tmp_path} | {BENCH} |" in done.stdout
    assert "| lines of code | 1 | " in done.stdout and "| 1 | config |  |" in done.stdout


def test_a_folder_without_modules_is_named(tmp_path):
    done = run(tmp_path)
    assert done.returncode == 2 and f"{tmp_path}: no Python module" in done.stderr
