"""Why an expression is true, false or unknown: the tree of its conditions with what each read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from equipoise.language.evaluation import Lookup, Setting, evaluate_node
from equipoise.language.functions import STANDARD_FUNCTIONS, Functions
from equipoise.language.parsing import parse
from equipoise.language.tree import Combination, Expression, Outline
from equipoise.language.values import (
    Interval,
    Known,
    Reason,
    Source,
    Unknown,
    Value,
    merge_reasons,
)
from equipoise.language.wording import Names, say_day, say_node, say_plain
from equipoise.language.words import REASONS, WORDS
from equipoise.problems import Language, Refused

Shown = bool | int | float | str | tuple[int | float | str, int | float | str] | None
"""A value as it is stored: days as ISO text, an interval as its two bounds, unknown as None."""

_STORED = (bool, int, float, str)

Part = Literal["", "all", "any", "none", "at_least", "not", "judgement", "attest", "gap", "when"]


class Input(Struct, frozen=True, omit_defaults=True):
    """A value that was read: what it is, or why it is not known, and where it comes from."""

    name: str
    value: Shown = None
    unit: str = ""
    reasons: tuple[Reason, ...] = ()
    sources: tuple[Source, ...] = ()

    def say(self, language: Language = "en", names: Names | None = None) -> str:
        """`C-reactive protein = 7.2 mg/L (1 Mar 2026, Laboratory, entry 01:17)`, or
        `C-reactive protein: missing`."""
        names = names or Names()
        label = names.label(self.name, language)
        colon = WORDS["colon"].say(language)
        if self.value is None:
            kinds = dict.fromkeys(REASONS[r.kind].say(language) for r in self.reasons)
            return f"{label}{colon}{', '.join(kinds)}"
        told = [t for s in self.sources for t in _say_source(s, names, language)]
        because = f" ({', '.join(dict.fromkeys(told))})" if told else ""
        return f"{label} = {self.say_value(language, names)}{because}"

    def say_value(self, language: Language = "en", names: Names | None = None) -> str:
        """The value alone, a choice by its label; nothing where it is unknown."""
        if self.value is None:
            return ""
        if isinstance(self.value, str) and names is not None:
            return say_plain(names.choice(self.name, self.value, language), "", language)
        return say_plain(self.value, self.unit, language)


def _say_source(source: Source, names: Names, language: Language) -> Iterator[str]:
    if source.on:
        yield say_day(source.on, language)
    named = names.values.get(source.name)
    if named and named.form:
        yield named.form.say(language)
    if source.entry:
        yield f"{WORDS['entry'].say(language)} {source.entry}"


class Explanation(Struct, frozen=True, omit_defaults=True):
    """A part's own words, its value or why it is unknown, the parts under it and what it read.

    `text` is as the study folder has it; `id` is the rule's own id where it has one; `part` says
    how the children are joined.
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

    def say(self, language: Language = "en", names: Names | None = None) -> str:
        """One line for each part, indented, with its answer, its words and what it read."""
        return "\n".join(self._lines(language, names or Names(), indent=""))

    def words(self, language: Language = "en", names: Names | None = None) -> str:
        """The part alone in words: those of its rule, how it is joined, or its condition's own."""
        names = names or Names()
        if self.part and self.id in names.rules:
            return names.rules[self.id].say(language)
        if self.part in WORDS and self.part != "not":
            return _say_join(self, language)
        return _say_source_text(self.text, language, names)

    def _lines(self, language: Language, names: Names, *, indent: str) -> list[str]:
        label = f"{self.id} {self.words(language, names)}".strip()
        line = f"{indent}{self._answer(language)} – {label}"
        if self.inputs:
            line += f" [{'; '.join(i.say(language, names) for i in self.inputs)}]"
        deeper = [c._lines(language, names, indent=f"{indent}  ") for c in self.children]
        return [line, *(line for lines in deeper for line in lines)]

    def _answer(self, language: Language) -> str:
        if self.value is not None:
            return say_plain(self.value, self.unit, language)
        told = dict.fromkeys(
            f"{r.name} {REASONS[r.kind].say(language)}".strip() for r in self.reasons
        )
        because = f" ({', '.join(told)})" if told and not self.inputs and not self.children else ""
        return WORDS["unknown"].say(language) + because


def _say_join(node: Explanation, language: Language) -> str:
    least = node.text.split()[2] if node.part == "at_least" else ""
    return WORDS[node.part].say(language).format(least)


def _say_source_text(text: str, language: Language, names: Names) -> str:
    """The words of a condition; its text, where that is of another time and no longer read."""
    try:
        return say_node(parse(text).root, language=language, names=names) if text else ""
    except Refused:
        return text


def explain(
    expression: Expression, lookup: Lookup, *, functions: Functions = STANDARD_FUNCTIONS
) -> Explanation:
    """Evaluate an expression and keep the way: conditions as children, values as inputs."""
    return _explain(expression.outline, Setting(lookup, functions))


def show(value: Value) -> Shown:
    """A value as explanations and verdicts store it."""
    if isinstance(value, Unknown):
        return None
    plain = value.value
    if isinstance(plain, Interval):
        return _plain(plain.low), _plain(plain.high)
    return _plain(plain)


def as_input(name: str, value: Value) -> Input:
    """What was read under a name."""
    if isinstance(value, Unknown):
        return Input(name, reasons=value.reasons)
    return Input(name, show(value), value.unit, sources=value.sources)


def _explain(outline: Outline, setting: Setting) -> Explanation:
    node, text = outline.node, outline.text
    value = evaluate_node(node, setting)
    reasons, unit = ((), value.unit) if isinstance(value, Known) else (merge_reasons([value]), "")
    if outline.parts:
        children = tuple(_explain(part, setting) for part in outline.parts)
        part: Part = node.join if isinstance(node, Combination) else "not"
        return Explanation(text, show(value), unit, reasons, children, part=part)
    read = ((name, setting.lookup(name)) for name in outline.names)
    inputs = tuple(as_input(name, value) for name, value in read if value is not None)
    return Explanation(text, show(value), unit, reasons, inputs=inputs)


def _plain(value: object) -> bool | int | float | str:
    if isinstance(value, _STORED):
        return value
    if isinstance(value, dt.date):
        return value.isoformat()
    raise TypeError(type(value))
