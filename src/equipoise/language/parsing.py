"""Text becomes an `Expression`, or a problem that says which character is in the way."""

import datetime as dt
import unicodedata
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from lark import Lark, Token, Transformer_NonRecursive, UnexpectedInput, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedToken, VisitError
from msgspec import Struct

from equipoise.language.tree import (
    Arithmetic,
    Call,
    Case,
    Combination,
    Comparison,
    Expression,
    Join,
    Literal,
    Membership,
    Name,
    Negative,
    Node,
    Not,
    Presence,
    Span,
    Within,
    walk,
)
from equipoise.language.units import find_unit, nearest_units
from equipoise.language.values import read_month
from equipoise.problems import Refused, Where, problem

LONGEST = 5000
"""Characters of one expression."""

DEEPEST = 64
"""Parts within parts, and brackets within brackets."""

_PLAIN_SIGNS = {"≤": "<=", "≥": ">=", "≠": "!="}


class _Fault(Struct, frozen=True):
    """A problem that does not yet know its place."""

    code: str
    at: int
    values: dict[str, object]


class _UnreadableError(Exception):
    def __init__(self, code: str, at: int, /, **values: object) -> None:
        self.fault = _Fault(code, at, values)
        super().__init__(code)


def parse(source: str, where: Where | None = None) -> Expression:
    """Read one expression, or raise `Refused`; `where` is the place of its first character."""
    parsed = _parse(source)
    if isinstance(parsed, _Fault):
        place = shift(where or Where(), parsed.at)
        raise Refused([problem(parsed.code, place, source=quote(source), **parsed.values)])
    return parsed


def shift(where: Where, characters: int) -> Where:
    """A place so many characters further on its line."""
    if where.column is None:
        return where
    return Where(where.file, where.line, where.column + characters, where.record)


def quote(source: str) -> str:
    """An expression as a message shows it: on one line, cut if long."""
    shown = " ".join(source.split())
    return shown if len(shown) <= 80 else f"{shown[:79]}…"


@lru_cache(maxsize=4096)
def _parse(source: str) -> Expression | _Fault:
    try:
        _check_characters(source)
        root = _build(source)
        _check_depth(root)
    except _UnreadableError as error:
        return error.fault
    except UnexpectedInput as error:
        return _describe(error, source)
    return Expression(source, root)


def _build(source: str) -> Node:
    try:
        return _Building().transform(_grammar().parse(source))
    except VisitError as error:  # lark's wrapping of what a method below raised
        raise error.orig_exc from None


def _check_characters(source: str) -> None:
    if len(source) > LONGEST:
        raise _UnreadableError("EQ-L003", 0, limit=f"{LONGEST} characters")
    for at, character in enumerate(source):
        if (
            unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co")
            and character not in "\t\r\n"
        ):
            raise _UnreadableError("EQ-L002", at, character=f"U+{ord(character):04X}", at=at + 1)


def _check_depth(root: Node) -> None:
    for node, depth in walk(root):
        if depth > DEEPEST:
            raise _UnreadableError("EQ-L003", node.span[0], limit=f"{DEEPEST} levels")


def _describe(error: UnexpectedInput, source: str) -> _Fault:
    if isinstance(error, UnexpectedToken) and error.token.type != "$END":
        at, found = error.token.start_pos or 0, str(error.token)
    elif isinstance(error, UnexpectedCharacters):
        at, found = error.pos_in_stream or 0, error.char
    else:
        return _Fault("EQ-L018", len(source), {})
    return _Fault("EQ-L001", at, {"found": found, "at": at + 1})


@cache
def _grammar() -> Lark:
    text = files("equipoise.language").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", propagate_positions=True, maybe_placeholders=False)


def _span(meta: Any) -> Span:
    return meta.start_pos, meta.end_pos


@v_args(meta=True)
class _Building(Transformer_NonRecursive[Token, Node]):
    """One method a rule of the grammar."""

    def any_of(self, meta: Any, parts: list[Node]) -> Node:
        return Combination("any", tuple(parts), 1, _span(meta))

    def all_of(self, meta: Any, parts: list[Node]) -> Node:
        return Combination("all", tuple(parts), len(parts), _span(meta))

    def negation(self, meta: Any, parts: list[Any]) -> Node:
        return Not(parts[1], _span(meta))

    def comparison(self, meta: Any, parts: list[Any]) -> Node:
        operators = tuple(_PLAIN_SIGNS.get(str(sign), str(sign)) for sign in parts[1::2])
        return Comparison(tuple(parts[::2]), operators, _span(meta))

    def membership(self, meta: Any, parts: list[Any]) -> Node:
        return Membership(parts[0], parts[1], False, _span(meta))

    def exclusion(self, meta: Any, parts: list[Any]) -> Node:
        return Membership(parts[0], parts[2], True, _span(meta))

    def set(self, _meta: Any, parts: list[Literal]) -> tuple[Literal, ...]:
        return tuple(parts)

    def presence(self, meta: Any, parts: list[Any]) -> Node:
        return Presence(parts[0], str(parts[1]).endswith(" known"), _span(meta))

    def within(self, meta: Any, parts: list[Any]) -> Node:
        return Within(parts[0], parts[1], str(parts[2]), parts[3], _span(meta))  # type: ignore[arg-type]

    def alternative(self, _meta: Any, parts: list[Node]) -> tuple[Node, ...]:
        return tuple(parts)

    def case(self, meta: Any, parts: list[Any]) -> Node:
        conditions, results = zip(*parts[:-1], strict=True)
        return Case(conditions, results, parts[-1], _span(meta))

    def arithmetic(self, meta: Any, parts: list[Any]) -> Node:
        return Arithmetic(str(parts[1]), parts[0], parts[2], _span(meta))

    def signed(self, meta: Any, parts: list[Any]) -> Node:
        return Negative(parts[1], _span(meta)) if parts[0] == "-" else parts[1]

    def quantified(self, meta: Any, parts: list[Any]) -> Node:
        join, least = _read_quantifier(str(parts[0]), n=len(parts[1]))
        return Combination(join, parts[1], least, _span(meta))

    def arguments(self, _meta: Any, parts: list[Node]) -> tuple[Node, ...]:
        return tuple(parts)

    def call(self, meta: Any, parts: list[Any]) -> Node:
        return Call(str(parts[0]), parts[1] if len(parts) > 1 else (), _span(meta))

    def recalled(self, meta: Any, parts: list[Token]) -> Node:
        name = Name(str(parts[1]), (parts[1].start_pos or 0, parts[1].end_pos or 0))
        return Call(" ".join(parts[0].split()), (name,), _span(meta))

    def name(self, meta: Any, parts: list[Token]) -> Node:
        return Name(str(parts[0]), _span(meta))

    def code(self, meta: Any, parts: list[Token]) -> Node:
        return Literal(str(parts[0]), "", _span(meta))

    def truth(self, meta: Any, parts: list[Token]) -> Node:
        return Literal(str(parts[0]) == "true", "", _span(meta))

    def string(self, meta: Any, parts: list[Token]) -> Node:
        return Literal(str(parts[0])[1:-1], "", _span(meta))

    def date(self, meta: Any, parts: list[Token]) -> Node:
        return Literal(_read_day(parts[0], dt.date.fromisoformat), "", _span(meta))

    def month(self, meta: Any, parts: list[Token]) -> Node:
        return Literal(_read_day(parts[0], read_month), "", _span(meta))

    def quantity(self, meta: Any, parts: list[Token]) -> Node:
        number = float(parts[0]) if "." in parts[0] else int(parts[0])
        return Literal(number, _read_unit(parts[1]) if len(parts) > 1 else "", _span(meta))

    def member(self, meta: Any, parts: list[Token]) -> Node:
        sign = -1 if parts[0] == "-" else 1
        unsigned: Any = self.quantity(meta, parts[1:] if parts[0].type == "SIGN" else parts)
        return Literal(sign * unsigned.value, unsigned.unit, unsigned.span)


def _read_quantifier(words: str, *, n: int) -> tuple[Join, int]:
    match words.split():
        case ["all", _]:
            return "all", n
        case ["any", _]:
            return "any", 1
        case ["none", _]:
            return "none", 1
        case at_least:
            return "at_least", int(at_least[2])


def _read_unit(token: Token) -> str:
    symbol = find_unit(str(token))
    if symbol is None:
        near = nearest_units(str(token))
        raise _UnreadableError("EQ-L004", token.start_pos or 0, unit=str(token), nearest=near)
    return symbol


def _read_day(token: Token, read: Any) -> Any:
    try:
        return read(str(token))
    except ValueError:
        raise _UnreadableError("EQ-L005", token.start_pos or 0, date=str(token)) from None
