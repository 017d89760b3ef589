"""How much code is it, and what imports what? Counts one package, or several side by side.

    python scripts/bench/count_code.py                       # transformer_mt of this checkout
    python scripts/bench/count_code.py ../before .           # two checkouts in one table
    python scripts/bench/count_code.py path/to/any/package

A line is blank, a full-line comment, part of a docstring, or code. The string below a field, which
describes it, counts as a docstring. A function's length is the number of lines from its `def` to
its end, without its docstring; the lines of an inner function count for the outer one, too.
"""

import argparse
import ast
import io
import statistics
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

PACKAGE = "transformer_mt"
# Tokens that do not make their line a line of code.
NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
           tokenize.ENCODING, tokenize.ENDMARKER}  # fmt: skip


@dataclass
class Function:
    """A function or method; `length` is in lines, its docstring left out."""

    name: str
    length: int


@dataclass
class Source:
    """What one module, or several together, consist of."""

    code: int
    comments: int
    """Full-line comments."""
    docstrings: int
    widths: list[int]
    """Characters of each line that is not blank."""
    functions: list[Function]

    def __add__(self, other: "Source") -> "Source":
        return Source(
            self.code + other.code,
            self.comments + other.comments,
            self.docstrings + other.docstrings,
            self.widths + other.widths,
            self.functions + other.functions,
        )

    def share_over(self, columns: int) -> float:
        """The part of the lines that are longer than `columns`."""
        return sum(width > columns for width in self.widths) / max(1, len(self.widths))


NO_FUNCTION = Function("none", 0)
NOTHING = Source(0, 0, 0, [], [])


def string_lines(tree: ast.AST) -> set[int]:
    """The numbers of the lines that string statements take."""
    numbers: set[int] = set()
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            numbers.update(range(node.lineno, node.end_lineno + 1))
    return numbers


def functions(tree: ast.AST, module: str) -> Iterator[Function]:
    """Every function and method, named as `module.Class.method`."""
    for node in ast.iter_child_nodes(tree):
        name = f"{module}.{node.name}" if hasattr(node, "name") else module
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = node.end_lineno - node.lineno + 1
            if ast.get_docstring(node) is not None:
                length -= node.body[0].end_lineno - node.body[0].lineno + 1
            yield Function(name, length)
        yield from functions(node, name)


def measure(text: str, module: str) -> Source:
    """Count the lines of one module."""
    tree = ast.parse(text)
    strings = string_lines(tree)

    comments: set[int] = set()
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            comments.add(token.start[0])
        elif token.type not in NO_CODE:
            code.update(range(token.start[0], token.end[0] + 1))

    lines = text.splitlines()
    blank = {number for number, line in enumerate(lines, start=1) if not line.strip()}
    return Source(
        code=len(code - strings - blank),
        comments=len(comments - code),
        docstrings=len(strings - blank),
        widths=[len(line) for line in lines if line.strip()],
        functions=list(functions(tree, module)),
    )


def read_package(folder: Path) -> dict[str, str]:
    """Read every module, by its name in the package: `view.page`, or `view` for its `__init__`."""
    texts = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        is_folder = parts[-1] == "__init__" and len(parts) > 1
        texts[".".join(parts[:-1] if is_folder else parts)] = path.read_text(encoding="utf-8")
    return texts


def imports(text: str, module: str, package: str, modules: set[str]) -> set[str]:
    """The modules of `package` that `module` imports anywhere, in functions and for types, too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:  # one dot is the folder of the module, each further dot the one above
                parents = [package, *module.split(".")][: -node.level]
                origin = ".".join([*parents, origin]).rstrip(".")
            names.add(origin)
            names |= {f"{origin}.{alias.name}" for alias in node.names}
    inner = {name.removeprefix(f"{package}.") for name in names if name.startswith(f"{package}.")}
    return (inner & modules) - {module}


def layers(graph: dict[str, set[str]]) -> list[list[str]]:
    """Modules from the bottom up: each imports only from the layers below its own.

    Raises:
        CycleError: some import each other in a circle; the second of its `args` names them.
    """
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    rows = []
    while sorter.is_active():
        row = sorter.get_ready()
        rows.append(sorted(row))
        sorter.done(*row)
    return rows


def package_folder(path: Path) -> Path:
    """The package to count: the folder itself, or `transformer_mt` in it where it is a checkout."""
    return (path / PACKAGE if (path / PACKAGE).is_dir() else path).resolve()


def summary(source: Source) -> dict[str, str]:
    """The figures of one package, ready to print."""
    longest = max(source.functions, key=lambda function: function.length, default=NO_FUNCTION)
    lengths = [function.length for function in source.functions or [NO_FUNCTION]]
    return {
        "lines of code": f"{source.code:,}",
        "lines of comments": f"{source.comments:,}",
        "lines of docstrings": f"{source.docstrings:,}",
        "lines of code per comment": per_comment(source),
        "median function, lines": f"{statistics.median(lengths):.0f}",
        "longest function, lines": f"{longest.name}, {longest.length}",
        "lines over 80 columns": f"{source.share_over(80):.1%}",
        "lines over 100 columns": f"{source.share_over(100):.1%}",
    }


def per_comment(source: Source) -> str:
    return f"{source.code / source.comments:.0f}" if source.comments else "none"


def show_totals(sources: dict[str, Source]) -> None:
    """Print whole packages side by side."""
    columns = [summary(source) for source in sources.values()]
    print(f"| | {' | '.join(sources)} |\n|---|{'---|' * len(sources)}")
    for title in columns[0]:
        print(f"| {title} | {' | '.join(column[title] for column in columns)} |")


def show_modules(title: str, sources: dict[str, Source]) -> None:
    """Print one package by module."""
    print(f"\n{title}\n")
    print("| module | code | comments | docstrings | code per comment | median function"
          " | longest function | over 80 | over 100 |")  # fmt: skip
    print(f"|---|{'---|' * 8}")
    for module, source in sources.items():
        row = summary(source)
        cells = " | ".join(cell.removeprefix(f"{module}.") for cell in row.values())
        print(f"| {module} | {cells} |")


def show_layers(package: str, texts: dict[str, str]) -> None:
    """Print what each module imports of its package, from the bottom up."""
    graph = {name: imports(text, name, package, set(texts)) for name, text in texts.items()}
    try:
        rows = layers(graph)
    except CycleError as error:
        # graphlib gives a circle in the order "is imported by".
        print(f"\nModules in a circle: {' <- '.join(error.args[1])}")
        return
    print("\nNo circle. From the bottom up:\n\n| layer | module | imports |\n|---|---|---|")
    for number, row in enumerate(rows, start=1):
        for module in row:
            print(f"| {number} | {module} | {', '.join(sorted(graph[module]))} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "folders", nargs="*", type=Path, metavar="FOLDER", default=[Path(__file__).parents[2]],
        help=f"a checkout, or any package's folder (default: {PACKAGE} of this checkout)",
    )  # fmt: skip
    args = parser.parse_args()

    texts = {str(folder): read_package(package_folder(folder)) for folder in args.folders}
    if empty := [folder for folder, modules in texts.items() if not modules]:
        parser.error(f"{', '.join(empty)}: no Python module there; name a package's folder.")
    sources = {
        folder: {module: measure(text, module) for module, text in modules.items()}
        for folder, modules in texts.items()
    }

    show_totals({folder: sum(each.values(), NOTHING) for folder, each in sources.items()})
    for folder in texts:
        show_modules(folder, sources[folder])
        show_layers(package_folder(Path(folder)).name, texts[folder])


if __name__ == "__main__":
    main()
