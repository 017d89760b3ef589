"""The documents: links lead somewhere, commands are true, and both READMEs have the same ones."""

import importlib
import re
import shlex

import pytest
from helpers import ROOT

READMES = ["README.md", "README.zh.md"]
DOCUMENTS = [
    *READMES,
    "data/starter/README.md",
    *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").glob("*.md"))),
]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```\n", "", text, flags=re.DOTALL | re.MULTILINE)


def commands(text: str) -> list[list[str]]:
    """The words of every line in a block of shell commands, comments left out."""
    blocks = re.findall(r"^```bash\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    lines = "".join(blocks).splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def anchors(text: str) -> set[str]:
    """The names that GitHub gives to the headings."""
    headings = re.findall(r"^#+ (.*)", without_code(text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name):
    text = read(name)
    targets = re.findall(r"\]\(([^)]*)\)|src=\"([^\"]*)\"", text)
    for target in ("".join(pair) for pair in targets):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        linked = (ROOT / name).parent / path if path else ROOT / name
        assert linked.exists(), target
        if anchor:
            assert anchor in anchors(linked.read_text(encoding="utf-8")), target


def test_both_readmes_have_the_same_commands():
    english, chinese = (commands(read(name)) for name in READMES)
    only_chinese = [words for words in chinese if "<镜像地址>" in " ".join(words)]
    assert len(only_chinese) == 3
    missing = [words for words in english if words not in chinese and words[0] != "git"]
    assert not missing
    extra = [words for words in chinese if words not in [*english, *only_chinese]]
    assert [words[0] for words in extra] == ["git"]


def test_chinese_paragraphs_are_not_wrapped():
    """A line break between two Chinese characters is shown as a space."""
    wide = "[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]"
    text = re.sub(r"^ {4}.*", "", without_code(read("README.zh.md")), flags=re.MULTILINE)
    assert not re.findall(rf".*{wide}\n *{wide}.*", text)


def test_every_training_command_composes(call):
    n_commands = 0
    for words in commands(read("README.md")):
        if "transformer_mt.train" not in words and "scripts/train.slurm" not in words:
            continue
        overrides = [word for word in words if re.match(r"[\w.]+=", word)]
        done = call("train", *overrides, "--cfg", "job")
        assert done.status == 0, (words, done.err)
        n_commands += 1
    assert n_commands == 12


def test_every_option_of_a_command_is_in_its_help(call):
    used: dict[str, set[str]] = {}
    for words in commands(read("README.md")):
        if words[:2] == ["python", "-m"] and words[2] != "transformer_mt.train":
            verb = words[2].removeprefix("transformer_mt.")
            used.setdefault(verb, set()).update(word for word in words if word.startswith("--"))
    looks = ("visualize", "explore", "primer")
    verbs = ("translate", "score", "evaluate", "align", *looks, "convert")
    assert used.keys() == set(verbs)
    for verb, options in used.items():
        words = set(re.findall(r"--[\w-]+", call(verb, "--help").out))
        assert options <= words, verb


@pytest.mark.parametrize("name", READMES)
def test_the_functions_of_the_primer_are_where_its_table_says(name):
    rows = re.findall(r"^\| .* \| (`.*`) \| \d+ \|$", read(name), flags=re.MULTILINE)
    assert len(rows) == 10
    for cell in rows:
        module = "view/equations.py"
        for word in re.findall(r"`([^`]*)`", cell):
            if word.endswith(".py"):
                module = word
            else:
                path = "transformer_mt." + module.removesuffix(".py").replace("/", ".")
                assert hasattr(importlib.import_module(path), word), f"{word} is not in {module}"


@pytest.mark.parametrize("name", READMES)
def test_the_scripts_that_are_named_exist(name):
    for path in re.findall(r"scripts/[\w/]+\.\w+", read(name)):
        assert (ROOT / path).is_file(), path


@pytest.mark.parametrize("name", READMES)
def test_the_file_tree_names_every_module_and_script(name):
    tree = "".join(re.findall(r"^ {4}.*\n", read(name), flags=re.MULTILINE))
    tree = tree[tree.index("    transformer_mt/") :]
    package = [path.name for path in (ROOT / "transformer_mt").rglob("*.py")]
    benchmarks = [path.name for path in (ROOT / "scripts" / "bench").glob("*.py")]
    named = re.findall(r"\w+\.py\b", tree)
    assert sorted(named) == sorted({*package, *benchmarks} - {"__init__.py"})
