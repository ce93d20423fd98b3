"""Every part of an expression as a part of a sentence, in French and in English."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from equipoise.language.calculating import kind_of
from equipoise.language.functions import Kind
from equipoise.language.tree import (
    Arithmetic,
    Call,
    Case,
    Combination,
    Comparison,
    Literal,
    Membership,
    Name,
    Negative,
    Node,
    Not,
    Presence,
    Within,
)
from equipoise.language.values import Interval
from equipoise.language.wording.naming import Names
from equipoise.language.wording.phrases import (
    DAYS,
    FUNCTIONS,
    JOINS,
    NUMBERS,
    OTHER,
    PAIRS,
    VISITS,
    WITHIN,
)
from equipoise.language.wording.quantities import FIXED, say_month, say_plain
from equipoise.problems import Language, Text

_OPPOSITES = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "=": "!=", "!=": "="}
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}
_SIGNS = {"*": "×", "/": "÷", "-": "−", "+": "+"}
_CONDITIONS = (Comparison, Membership, Presence, Not, Combination, Within)


class Voice(Struct, frozen=True):
    """A language, and what the names are called in it."""

    language: Language
    names: Names

    def fill(self, text: Text, *words: object, **named: object) -> str:
        """A template with its places filled; French signs keep their spaces."""
        said = text.say(self.language)
        if self.language == "fr":
            for sign in (" :", " »", " ;"):
                said = said.replace(sign, FIXED + sign[1:])
            said = said.replace("« ", f"«{FIXED}")
        return said.format(*words, **named)

    def say(self, key: str, *words: object) -> str:
        """One of the other words."""
        return self.fill(OTHER[key], *words)

    def answer(self, subject: str, said: str) -> str:
        """What is said of a subject; a question is answered."""
        return f"{subject} {said}" if subject.endswith("?") else self.say("is", subject, said)

    def choice(self, name: str, code: str) -> str:
        """A choice of a value, in quotation marks: it may be several words."""
        return self.say("quoted", self.names.choice(name, code, self.language))

    def listed(self, parts: list[str]) -> str:
        """Conditions one after the other."""
        return f"{FIXED if self.language == 'fr' else ''}; ".join(parts)


def say_node(node: Node, *, language: Language = "en", names: Names | None = None) -> str:
    """A condition, or a value, in words.

    `hb < 11 g/dL` is "Hemoglobin: below 11 g/dL" and "Hémoglobine : moins de 11 g/dL".
    """
    voice = Voice(language, names or Names())
    return _condition(node, voice)


def _condition(node: Node, voice: Voice) -> str:
    return _SPEAKERS.get(type(node), _asked)(node, voice)


def _asked(node: Node, voice: Voice) -> str:
    """A value where a condition stands: it is to be true."""
    is_value = isinstance(node, Case) or kind_of_node(node, voice) not in ("any", "boolean")
    said = _phrase(node, voice)
    return said if is_value else voice.answer(said, voice.say("yes"))


def _literal(node: Literal, voice: Voice) -> str:
    if isinstance(node.value, bool):
        return voice.say("always" if node.value else "never")
    return _phrase(node, voice)


def _combination(node: Combination, voice: Voice) -> str:
    parts = _flat(node)
    if len(parts) == 1 and node.least == 1:
        only = Not(parts[0], node.span) if node.join == "none" else parts[0]
        return _condition(only, voice)
    limits = _limits(parts, voice)
    if limits and node.join in ("all", "any"):
        word = voice.say("or" if node.join == "any" else "and")
        return voice.answer(_subject(_left(parts[0]), voice), word.join(limits))
    said = [_held(part, voice) for part in parts]
    if len(said) == 2 and node.join in PAIRS:
        return voice.fill(PAIRS[node.join], *said)
    return voice.fill(JOINS[node.join], voice.listed(said), node.least)


def _left(node: Node) -> Node:
    return node.operands[0] if isinstance(node, Comparison) else node


def _limits(parts: Sequence[Node], voice: Voice) -> list[str]:
    """Several limits on one value, without its label; nothing if they are not all of that kind."""
    found = []
    for part in parts:
        match part:
            case Comparison(operands=(Name() as left, right), operators=(sign,)) if (
                left.name == getattr(_left(parts[0]), "name", None)
            ):
                found.append(_relation(sign, right, voice, beside=left))
            case _:
                return []
    return found


def _flat(node: Combination) -> tuple[Node, ...]:
    """The conditions, those of a like combination among them in its place."""
    found: list[Node] = []
    for part in node.operands:
        if isinstance(part, Combination) and part.join == node.join in ("all", "any"):
            found += _flat(part)
        else:
            found.append(part)
    return tuple(found)


def _held(node: Node, voice: Voice) -> str:
    """A condition that holds together within another."""
    said = _condition(node, voice)
    is_open = isinstance(node, Combination) and len(node.operands) > 1
    return f"({said})" if is_open or isinstance(node, Case) else said


def _not(node: Not, voice: Voice) -> str:
    match node.operand:
        case Name() as name:
            return voice.answer(_phrase(name, voice), voice.say("no"))
        case Comparison(operators=(sign,)) as compared:
            return _condition(replace(compared, operators=(_OPPOSITES[sign],)), voice)
        case Membership() as chosen:
            return _condition(replace(chosen, is_negated=not chosen.is_negated), voice)
        case Presence() as present:
            return _condition(replace(present, is_known=not present.is_known), voice)
        case Not(operand=inner):
            return _condition(inner, voice)
        case Combination(join="any", operands=parts):
            return _condition(Combination("none", parts, 1, node.span), voice)
    return voice.say("not", _held(node.operand, voice))


def _presence(node: Presence, voice: Voice) -> str:
    word = "known" if node.is_known else "unknown"
    return voice.answer(_subject(node.operand, voice), voice.say(word))


def _membership(node: Membership, voice: Voice) -> str:
    members = [_operand(m, voice, beside=node.operand) for m in node.members]
    if not node.is_negated:
        said = voice.say("or").join((", ".join(members[:-1]), members[-1])[len(members) < 2 :])
    elif len(members) == 1:
        said = voice.fill(NUMBERS["!="], members[0])
    else:
        said = voice.say("neither", voice.say("nor").join(members))
    return voice.answer(_subject(node.operand, voice), said)


def _within(node: Within, voice: Voice) -> str:
    distance, anchor = _operand(node.distance, voice), _day(node.anchor, voice)
    said = voice.fill(WITHIN[node.side], distance, anchor)
    return voice.answer(_subject(node.operand, voice), said)


def _comparison(node: Comparison, voice: Voice) -> str:
    if len(node.operators) == 1:
        left, right, sign = *node.operands, node.operators[0]
        if isinstance(left, Literal) and not isinstance(right, Literal):
            left, right, sign = right, left, _MIRRORED[sign]
        return voice.answer(_subject(left, voice), _relation(sign, right, voice, beside=left))
    if len(node.operators) == 2 and {*node.operators} <= {"<", "<=", ">", ">="}:
        middle = node.operands[1]
        first, second = _MIRRORED[node.operators[0]], node.operators[1]
        return voice.answer(_subject(middle, voice), _range(node, first, second, voice))
    links = tuple(
        Comparison(node.operands[at : at + 2], (sign,), node.span)
        for at, sign in enumerate(node.operators)
    )
    return _condition(Combination("all", links, len(links), node.span), voice)


def _range(node: Comparison, first: str, second: str, voice: Voice) -> str:
    """`18 years <= age <= 70 years` from 18 to 70 years; `35 < x < 50` above 35 and below 50."""
    low, middle, high = node.operands
    if (first, second) == (">=", "<=") and isinstance(low, Literal) and isinstance(high, Literal):
        if isinstance(low.value, dt.date) and isinstance(high.value, dt.date):
            days = [say_plain(x.value, "", voice.language) for x in (low, high)]
            return voice.say("from_day", *days)
        if _is_number(low) and _is_number(high):
            if low.unit == high.unit:
                low = Literal(low.value, "", low.span)
            return voice.say("from_to", *(_operand(x, voice) for x in (low, high)))
    relations = (
        _relation(sign, limit, voice, beside=middle)
        for sign, limit in ((first, low), (second, high))
    )
    return voice.say("and").join(relations)


def _relation(sign: str, right: Node, voice: Voice, *, beside: Node) -> str:
    if isinstance(right, Literal) and isinstance(right.value, bool) and sign in "!=":
        return voice.say("yes" if right.value == (sign == "=") else "no")
    if "date" in (kind_of_node(right, voice), kind_of_node(beside, voice)):
        return voice.fill(DAYS[sign], _day(right, voice))
    return voice.fill(NUMBERS[sign], _operand(right, voice, beside=beside))


def _operand(node: Node, voice: Voice, *, beside: Node | None = None) -> str:
    """What stands on the other side: a literal as it is, everything else in quotation marks."""
    named = beside.name if isinstance(beside, Name) else ""
    match node:
        case Literal(value=str() as code):
            return voice.choice(named, code)
        case Literal() | Negative(operand=Literal()):
            return _phrase(node, voice)
        case Name(name=code) if code not in voice.names.values and named:
            return voice.choice(named, code)
        case Arithmetic(operator="*", left=Literal() as number, right=other):
            if _is_number(number) and not isinstance(other, Literal):
                return voice.say("times", _phrase(number, voice), _operand(other, voice))
    return voice.say("quoted", _phrase(node, voice))


def _day(node: Node, voice: Voice) -> str:
    match node:
        case Literal(value=Interval(low=dt.date() as low)):
            return voice.say("month", say_month(low, voice.language))
        case Literal(value=dt.date() as day):
            return voice.say("day", say_plain(day, "", voice.language))
        case Literal():
            return _phrase(node, voice)
    return voice.say("named_day", voice.say("quoted", _phrase(node, voice)))


def _subject(node: Node, voice: Voice) -> str:
    said = _phrase(node, voice)
    return f"({said})" if isinstance(node, Case) else said


def _phrase(node: Node, voice: Voice) -> str:
    """A value in words."""
    match node:
        case Name():
            return voice.names.label(node.name, voice.language)
        case Literal(value=Interval(low=dt.date() as low)):
            return say_month(low, voice.language)
        case Literal():
            return say_plain(node.value, node.unit, voice.language) or '""'
        case Negative():
            return f"−{_inner(node.operand, voice)}"
        case Arithmetic():
            left, right = _inner(node.left, voice), _inner(node.right, voice)
            return f"{left}{FIXED}{_SIGNS[node.operator]}{FIXED}{right}"
        case Call():
            return _call(node, voice)
        case Case():
            return _case(node, voice)
    return f"({_condition(node, voice)})"


def _inner(node: Node, voice: Voice) -> str:
    """An operand of a calculation, in brackets where it is one itself."""
    said = _phrase(node, voice)
    return f"({said})" if isinstance(node, Arithmetic | Negative | Case) else said


def _call(node: Call, voice: Voice) -> str:
    name = VISITS.get(node.function, node.function)
    said = [_part(a, voice) for a in node.arguments]
    joined = voice.listed(said)
    if node.function in voice.names.functions:
        return f"{voice.names.functions[node.function].say(voice.language)} ({joined})"
    template = FUNCTIONS.get(name)
    if template is None:
        return f"{node.function.replace('_', ' ')} ({joined})"
    return voice.fill(template, all=joined)


def _part(node: Node, voice: Voice) -> str:
    is_condition = isinstance(node, _CONDITIONS) or kind_of_node(node, voice) == "boolean"
    return _condition(node, voice) if is_condition else _phrase(node, voice)


def _case(node: Case, voice: Voice) -> str:
    pairs = zip(node.conditions, node.results, strict=True)
    told = [voice.say("if", _held(c, voice), _phrase(r, voice)) for c, r in pairs]
    told.append(voice.say("otherwise", _phrase(node.otherwise, voice)))
    return voice.listed(told)


def kind_of_node(node: Node, voice: Voice) -> Kind:
    """What sort of value a part has, as far as its words tell."""
    match node:
        case Literal():
            return kind_of(node.value) or "any"
        case Name():
            return voice.names.kind(node.name)
        case Arithmetic():
            left = kind_of_node(node.left, voice)
            is_day = left == "date" and kind_of_node(node.right, voice) != "date"
            return "date" if is_day and node.operator in "+-" else "number"
        case Negative():
            return "number"
        case Call():
            picks = VISITS.get(node.function, node.function) in ("first", "latest", "previous")
            return kind_of_node(node.arguments[0], voice) if picks and node.arguments else "any"
        case Case():
            return kind_of_node(node.otherwise, voice)
    return "boolean"


def _is_number(node: Literal) -> bool:
    return isinstance(node.value, int | float) and not isinstance(node.value, bool)


_SPEAKERS: Mapping[type, Callable[[Any, Voice], str]] = {
    Literal: _literal,
    Combination: _combination,
    Not: _not,
    Presence: _presence,
    Membership: _membership,
    Within: _within,
    Comparison: _comparison,
}
