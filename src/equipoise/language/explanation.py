"""Why an expression is true, false or unknown: the tree of its conditions with what each read."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from msgspec import Struct

from equipoise.language.evaluation import Lookup, Setting, evaluate_node
from equipoise.language.functions import STANDARD_FUNCTIONS, Functions
from equipoise.language.tree import Combination, Expression, Name, Node, Not, walk
from equipoise.language.values import (
    Interval,
    Known,
    Reason,
    Source,
    Unknown,
    Value,
    merge_reasons,
)
from equipoise.language.words import REASONS, WORDS
from equipoise.problems import Language

Shown = bool | int | float | str | tuple[int | float | str, int | float | str] | None
"""A value as it is stored: days as ISO text, an interval as its two bounds, unknown as None."""

Part = Literal["", "all", "any", "none", "at_least", "not", "judgement", "attest", "gap", "when"]


class Input(Struct, frozen=True, omit_defaults=True):
    """A value that was read: what it is, or why it is not known, and where it comes from."""

    name: str
    value: Shown = None
    unit: str = ""
    reasons: tuple[Reason, ...] = ()
    sources: tuple[Source, ...] = ()

    def say(self, language: Language = "en") -> str:
        """`crp 7.2 mg/L (2026-03-01)`, or `crp: missing`."""
        if self.value is None:
            kinds = dict.fromkeys(REASONS[r.kind].say(language) for r in self.reasons)
            return f"{self.name}: {', '.join(kinds)}"
        shown = f"{self.name} {say_value(self.value, language)}"
        shown += f" {self.unit}" if self.unit else ""
        days = dict.fromkeys(s.on.isoformat() for s in self.sources if s.on)
        return f"{shown} ({', '.join(days)})" if days else shown


class Explanation(Struct, frozen=True, omit_defaults=True):
    """A part's own words, its value or why it is unknown, the parts under it and what it read.

    `id` is the rule's own id where it has one; `part` says how the children are joined.
    """

    text: str = ""
    value: Shown = None
    unit: str = ""
    reasons: tuple[Reason, ...] = ()
    children: tuple[Explanation, ...] = ()
    inputs: tuple[Input, ...] = ()
    id: str = ""
    part: Part = ""

    @property
    def result(self) -> Value:
        """The truth of a condition, as a value."""
        return Unknown(self.reasons) if self.value is None else Known(self.value is True)

    def say(self, language: Language = "en") -> str:
        """One line for each part, indented, with its answer, its words and what it read."""
        return "\n".join(self._lines(language, ""))

    def _lines(self, language: Language, indent: str) -> list[str]:
        words = self.text or (WORDS[self.part].say(language) if self.part else "")
        words = f"{self.id} {words}".strip()
        line = f"{indent}{self._answer(language)}: {words}"
        if self.inputs:
            line += f" [{'; '.join(i.say(language) for i in self.inputs)}]"
        deeper = [c._lines(language, f"{indent}  ") for c in self.children]
        return [line, *(line for lines in deeper for line in lines)]

    def _answer(self, language: Language) -> str:
        if self.value is not None:
            return f"{say_value(self.value, language)} {self.unit}".strip()
        told = dict.fromkeys(r.say(language) for r in map(_Told, self.reasons))
        because = f" ({', '.join(told)})" if told and not self.inputs and not self.children else ""
        return WORDS["unknown"].say(language) + because


class _Told(Struct, frozen=True):
    reason: Reason

    def say(self, language: Language) -> str:
        return f"{self.reason.name} {REASONS[self.reason.kind].say(language)}".strip()


def explain(
    expression: Expression, lookup: Lookup, *, functions: Functions = STANDARD_FUNCTIONS
) -> Explanation:
    """Evaluate an expression and keep the way: conditions as children, values as inputs."""
    return _explain(expression.root, expression, Setting(lookup, functions))


def show(value: Value) -> Shown:
    """A value as explanations and verdicts store it."""
    if isinstance(value, Unknown):
        return None
    plain = value.value
    if isinstance(plain, Interval):
        return _plain(plain.low), _plain(plain.high)
    return _plain(plain)


def say_value(value: Shown, language: Language = "en") -> str:
    """A stored value in words: yes and no, decimal comma in French, bounds with a dash."""
    match value:
        case bool():
            return WORDS["yes" if value else "no"].say(language)
        case float():
            return f"{value:.6g}".replace(".", "," if language == "fr" else ".")
        case (low, high):
            return f"{say_value(low, language)} – {say_value(high, language)}"
    return str(value)


def as_input(name: str, value: Value) -> Input:
    """What was read under a name."""
    if isinstance(value, Unknown):
        return Input(name, reasons=value.reasons)
    return Input(name, show(value), value.unit, sources=value.sources)


def _explain(node: Node, expression: Expression, setting: Setting) -> Explanation:
    value = evaluate_node(node, setting)
    text = expression.text_of(node)
    reasons = merge_reasons([value])
    unit = value.unit if isinstance(value, Known) else ""
    if isinstance(node, Combination | Not):
        operands = node.operands if isinstance(node, Combination) else (node.operand,)
        children = tuple(_explain(n, expression, setting) for n in operands)
        part: Part = node.join if isinstance(node, Combination) else "not"
        return Explanation(text, show(value), unit, reasons, children, part=part)
    inputs = _inputs(node, setting)
    return Explanation(text, show(value), unit, reasons, inputs=inputs)


def _inputs(node: Node, setting: Setting) -> tuple[Input, ...]:
    names = dict.fromkeys(n.name for n, _ in walk(node) if isinstance(n, Name))
    values = [(name, setting.lookup(name)) for name in names]
    return tuple(as_input(name, value) for name, value in values if value is not None)


def _plain(value: object) -> bool | int | float | str:
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dt.date):
        return value.isoformat()
    raise TypeError(type(value))
