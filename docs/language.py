"""The manual of the language, `docs/reference/language.md`, printed from chapters of `tests/spec`.

A chapter's docstring is its introduction, each test a rule with its examples, each table of the
chapter stands under the first rule that checks it. So nothing is said here that no test holds.
"""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from types import ModuleType
from typing import Any, get_args

from equipoise.clinical.calculators import _ALL, Parameter
from equipoise.language import UNITS, History, Interval, Known, Unknown
from equipoise.language.units import Unit
from equipoise.language.values import Reason, ReasonKind

CHAPTERS = (
    "first",
    "values",
    "logic",
    "comparisons",
    "numbers",
    "days",
    "visits",
    "cases",
    "functions",
    "limits",
)
"""In the order in which they are read; the grammar stands before the limits."""

UNTOLD = {
    "test_history_is_the_callers",
    "test_calculators_join_by_name_with_their_units",
    "test_a_function_may_be_the_studys_own",
    "test_every_unit_converts_within_its_quantity_and_to_no_other",
    "test_the_functions_that_every_rule_has",
}
"""Tests of what a writer of rules does not meet, or reads in another chapter."""

INTRODUCTION = """This page is made of the chapters in `tests/spec`, whose examples are run by every
test: what stands here is what the program does. Each table has what is written and what it gives:
`missing crp` means that it cannot be told because nobody entered `crp`. To write a first rule, read
the first chapter and the one on values; the others are for looking things up.
"""


def language(made: str) -> str:
    """The whole page."""
    parts = [f"# The language of rules\n\n{made}{INTRODUCTION}"]
    for name in CHAPTERS:
        module = importlib.import_module(f"tests.spec.test_language_{name}")
        if name == "limits":
            parts.append(_grammar())
        parts.append(_chapter(module))
        if name == "values":
            parts.append(_units())
        if name == "functions":
            parts.append(_calculators())
    return "\n".join(parts)


def _chapter(module: ModuleType) -> str:
    title, _, prose = (inspect.getdoc(module) or "").partition("\n")
    tables = {
        name: value.strip()
        for name, value in vars(module).items()
        if isinstance(value, str) and ("|---" in value or value.startswith("\n```"))
    }
    parts = [f"## {title}\n", f"{prose.strip()}\n", *_given(module)]
    for node in ast.parse(inspect.getsource(module)).body:
        is_rule = isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        if is_rule and node.name not in UNTOLD:
            parts += _rule(getattr(module, node.name))
            used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            parts += [f"{tables.pop(name)}\n" for name in list(tables) if name in used]
    return "\n".join(parts)


def _rule(test: Any) -> Iterator[str]:
    said = " ".join((inspect.getdoc(test) or "").split())
    words = test.__name__.removeprefix("test_").replace("_", " ")
    yield f"**{words[0].upper()}{words[1:]}.** {said}\n"
    for mark in getattr(test, "pytestmark", []):
        if mark.name == "parametrize":
            yield from _examples(*mark.args)


def _examples(names: Any, values: Any) -> Iterator[str]:
    """The cases of a test that has the text of a rule among its arguments."""
    heads = [n.strip() for n in names.split(",")] if isinstance(names, str) else list(names)
    rows = [row if len(heads) > 1 else (row,) for row in values]
    if heads == ["source"]:
        yield f"{', '.join(_code(row[0]) for row in rows if len(row[0]) < 80)}\n"
    elif heads[:1] == ["source"]:
        body = [
            f"| {_code(source)} | {_cell(given)} |" for source, given in rows if len(source) < 80
        ]
        yield "\n".join(["| written | gives |", "|---|---|", *body]) + "\n"


def _given(module: ModuleType) -> Iterator[str]:
    """What the names of the examples stand for."""
    name = {"values": "PERSON", "cases": "VALUES"}.get(module.__name__.rpartition("_")[2], "")
    values: Mapping[str, Any] = vars(module).get(name, {})
    histories: Mapping[str, History] = vars(module).get("HISTORIES", {})
    if values:
        rows = [f"| `{name}` | {_value(value)} |" for name, value in values.items()]
        yield "In the examples:\n"
        yield "\n".join(["| name | value |", "|---|---|", *rows]) + "\n"
    if histories:
        heads = "| name | at earlier visits | at this visit | before treatment | worse is |"
        rows = [f"| `{name}` | {' | '.join(_history(h))} |" for name, h in histories.items()]
        yield "In the examples:\n"
        yield "\n".join([heads, "|---|---|---|---|---|", *rows]) + "\n"


def _history(history: History) -> Iterator[str]:
    yield ", ".join(_value(v) for v in history.earlier)
    yield _value(history.current) if history.current else ""
    yield _value(history.baseline) if history.baseline else ""
    yield history.worst


def _value(value: Any) -> str:
    if isinstance(value, Unknown):
        return _reasons(value.reasons)
    return f"{_cell(value.value)} {value.unit}".strip() if isinstance(value, Known) else ""


def _cell(given: Any) -> str:
    """An expected value of a chapter: a plain one, its unit beside it, or reasons."""
    match given:
        case bool():
            return str(given).lower()
        case Interval():
            return f"between {_cell(given.low)} and {_cell(given.high)}"
        case (number, str(unit)):
            return f"{_cell(number)} {unit}"
        case str() if re.match(r"[a-z_]+( |$)", given) and _is_reason(given):
            return "unknown: " + given
        case int() if given > 10**20:
            return "a number of 400 digits"
        case None:
            return "nonsense"
    return str(getattr(given, "expected", given))


def _is_reason(text: str) -> bool:
    return text.split(" ", maxsplit=1)[0] in get_args(ReasonKind)


def _reasons(reasons: tuple[Reason, ...]) -> str:
    return "unknown: " + ", ".join(f"{r.kind} {r.name}".strip() for r in reasons)


def _code(source: str) -> str:
    """With the names of hidden characters in their place."""
    shown = "".join(c if c.isprintable() else f"[U+{ord(c):04X}]" for c in source)
    return f"`{shown}`".replace("|", "\\|")


def _units() -> str:
    """Every unit, quantity by quantity."""
    by_quantity: dict[str, list[Unit]] = {}
    for unit in UNITS.values():
        by_quantity.setdefault(unit.quantity, []).append(unit)
    rows = [
        f"| {quantity} | {', '.join(f'`{u.symbol}`' for u in units)} | "
        f"{', '.join(f'`{u.ucum}`' for u in units)} |"
        for quantity, units in by_quantity.items()
    ]
    head = (
        "**The units.** Those of one line convert into each other; mass and amount concentrations "
        "of a substance do by its molar mass, where the value names its `analyte`.\n\n"
    )
    return head + "\n".join(["| quantity | units | UCUM |", "|---|---|---|", *rows]) + "\n"


def _calculators() -> str:
    """Every calculator with what it takes, in order, and its source."""
    rows = [
        f"| `{name}` | {_takes(calculator.takes)} | {_kind(*calculator.gives)} | "
        f"{_does(calculator.call)}{calculator.source} |"
        for name, calculator in _ALL.items()
    ]
    head = (
        "### Calculators\n\nFor criteria and values of `eligibility.yaml`. Arguments stand in this "
        "order; outside the bounds in brackets there is no result.\n\n"
    )
    return head + "\n".join(
        [
            "| function | takes | gives | what it is, and its source |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _takes(takes: Mapping[str, Parameter]) -> str:
    if len(takes) > 6 and len(set(takes.values())) == 1:
        return (
            f"{', '.join(f'`{n}`' for n in takes)}: each {_parameter(next(iter(takes.values())))}"
        )
    return ", ".join(f"`{name}` {_parameter(p)}".strip() for name, p in takes.items())


def _parameter(parameter: Parameter) -> str:
    kind = _kind(parameter.kind, parameter.unit)
    if parameter.domain is None:
        return kind
    low, high = parameter.domain
    return f"{kind} ({low:g} to {high:g})"


def _kind(kind: str, unit: str) -> str:
    return unit or {"boolean": "yes/no"}.get(kind, kind)


def _does(call: Any) -> str:
    paragraph = (inspect.getdoc(call) or "").split("\n\n")[0]
    is_own = inspect.isfunction(call) and paragraph
    return f"{' '.join(paragraph.split())} " if is_own else ""


def _grammar() -> str:
    text = files("equipoise.language").joinpath("grammar.lark").read_text(encoding="utf-8")
    return f"## The grammar\n\nIn the notation of Lark (EBNF).\n\n```text\n{text.strip()}\n```\n"
