"""The sizes that keep the house habitable, from the design."""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import equipoise

SOURCE = Path(equipoise.__file__).parent
LIFTED: dict[str, tuple[int, str]] = {
    "analysis": (13, "each part of a report has a module; its figures have a package already"),
    "cli": (15, "each group of commands has a module, and what several share"),
}
"""File, or file:function, to its own limit and the reason."""


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(SOURCE)}:{node.name}", node


def test_modules_have_at_most_400_lines() -> None:
    """A module has one reason and fits in the head."""
    sizes = {
        str(p.relative_to(SOURCE)): len(p.read_text().splitlines()) for p in SOURCE.rglob("*.py")
    }

    assert {n: s for n, s in sizes.items() if s > LIFTED.get(n, (400, ""))[0]} == {}


def test_functions_have_at_most_50_lines_and_a_median_of_8() -> None:
    """Functions are short; without their docstrings half of them have at most eight lines."""
    sizes = {name: _body_lines(node) for name, node in functions()}

    assert {n: s for n, s in sizes.items() if s > LIFTED.get(n, (50, ""))[0]} == {}
    assert median(sizes.values()) <= 8


def test_packages_have_at_most_12_modules() -> None:
    """A package is a short list."""
    counts = {
        str(d.relative_to(SOURCE)): sum(1 for p in d.glob("*.py") if p.name != "__init__.py")
        for d in SOURCE.rglob("*")
        if d.is_dir()
    }

    assert {n: c for n, c in counts.items() if c > LIFTED.get(n, (12, ""))[0]} == {}


def test_at_most_20_public_names() -> None:
    """What a user imports from `equipoise` fits on one screen."""
    assert len(equipoise.__all__) <= 20
    assert all(hasattr(equipoise, name) for name in equipoise.__all__)


def _body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    doc = (
        (first.end_lineno or 0) - first.lineno + 1
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
        else 0
    )
    return (node.end_lineno or 0) - node.lineno + 1 - doc
