"""The criteria of a study as one function of plain Python, for the verdict alone.

It says what it can tell at once, and None where it cannot: a value that is missing, imprecise or in
another unit, a number within the last digits of a limit. None joins as Kleene's unknown does, so
what is told holds whatever the full evaluation says of the rest; what stays None goes there.
"""

from collections.abc import Callable, Sequence
from typing import Any

from equipoise.eligibility.deciding import Person, is_waived, settled_verdicts
from equipoise.eligibility.plain import Find, Observed, PlainKind, read_answer, read_plain
from equipoise.eligibility.verdict import CriterionVerdict
from equipoise.language import parse
from equipoise.language.compiling import CLOSE
from equipoise.language.tree import (
    Arithmetic,
    Combination,
    Comparison,
    Literal,
    Membership,
    Name,
    Node,
    Not,
)
from equipoise.language.values import bounds_of
from equipoise.study.criteria import Criterion, Rule

Quick = Callable[[Person, Observed], Sequence[CriterionVerdict | None]]
"""The verdict on each criterion, None where only the full evaluation can tell."""

CANNOT_TELL = "None"
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}


def compile_criteria(criteria: Sequence[tuple[str, Criterion]], find: Find) -> Quick:
    """One function for all criteria; `find` gives the plain form of a name that has one."""
    writing = _Writing(find)
    rows = [f"        {writing.criterion(name, criterion)},\n" for name, criterion in criteria]
    source = (
        "def decide(person, observed):\n"
        "    on, answers = person.on, person.answers\n"
        f"    {writing.nothing_read()}\n"
        f"    return (\n{''.join(rows)}    )\n"
    )
    try:
        # The text holds our own words, numbered names and codes in quotes, nothing else.
        exec(compile(source, "<criteria>", "exec"), writing.constants)  # noqa: S102
    except (MemoryError, RecursionError, SyntaxError):  # deeper than Python's own parser goes
        told = (None,) * len(criteria)
        return lambda _person, _observed: told
    decide: Quick = writing.constants["decide"]
    return decide


class _Writing:
    """Source text under way: its constants, and a variable for each value that it reads."""

    def __init__(self, find: Find) -> None:
        self.find = find
        self.constants: dict[str, Any] = {"UNREAD": object()}
        self.variables: dict[str, str] = {}
        self.readers: dict[str, str] = {}
        self.n_parts = 0

    def nothing_read(self) -> str:
        """Each value is read when it is first asked for."""
        return " = ".join([*self.variables.values(), "_", "UNREAD"])

    def constant(self, value: object) -> str:
        name = f"k{len(self.constants)}"
        self.constants[name] = value
        return name

    def part(self) -> str:
        self.n_parts += 1
        return f"t{self.n_parts}"

    def criterion(self, name: str, criterion: Criterion) -> str:
        verdicts = settled_verdicts(name)
        met, not_met, free = (self.constant(v) for v in verdicts)
        if is_waived(criterion):
            return free
        part = self.part()
        told = f"{met} if ({part} := {self.rule(criterion, name)})"
        told += f" else None if {part} is None else {not_met}"
        if not criterion.when:
            return told
        when, concerns = self.expression(criterion.when), self.part()
        return f"({told}) if ({concerns} := {when}) else None if {concerns} is None else {free}"

    def rule(self, rule: Rule | str, name: str = "") -> str:
        if isinstance(rule, str):
            return self.expression(rule)
        if rule.judgement is not None:
            say = self.constant(read_answer(rule.judgement, name or rule.id))
            return f"{say}(answers, on)"
        if rule.gap:
            return CANNOT_TELL
        if rule.all_:
            return self.all_of([self.rule(part) for part in rule.all_])
        if rule.any_ or rule.none_:
            told = self.any_of([self.rule(part) for part in rule.any_ or rule.none_])
            return told if rule.any_ else self.negated(told)
        return self.expression(rule.is_)

    def expression(self, source: str) -> str:
        return self.condition(parse(source).root)

    def condition(self, node: Node) -> str:
        """True, False, or None, as source text."""
        match node:
            case Combination(join="all"):
                return self.all_of([self.condition(part) for part in node.operands])
            case Combination(join="any"):
                return self.any_of([self.condition(part) for part in node.operands])
            case Combination(join="none"):
                return self.negated(self.any_of([self.condition(part) for part in node.operands]))
            case Not():
                return self.negated(self.condition(node.operand))
            case Name():
                return self.read(node.name, "boolean") or CANNOT_TELL
            case Membership():
                return self.membership(node)
            case Comparison():
                links = zip(node.operands, node.operators, node.operands[1:], strict=False)
                return self.all_of([self.link(left, sign, right) for left, sign, right in links])
        return CANNOT_TELL

    def all_of(self, told: Sequence[str]) -> str:
        """False at the first that is false; reads no further."""
        if len(told) == 1:
            return told[0]
        parts = [self.part() for _ in told]
        false = " or ".join(f"({p} := {t}) is False" for p, t in zip(parts, told, strict=True))
        return f"(False if {false} else None if {_some_none(parts)} else True)"

    def any_of(self, told: Sequence[str]) -> str:
        """True at the first that is true; reads no further."""
        if len(told) == 1:
            return told[0]
        parts = [self.part() for _ in told]
        true = " or ".join(f"({p} := {t})" for p, t in zip(parts, told, strict=True))
        return f"(True if {true} else None if {_some_none(parts)} else False)"

    def negated(self, told: str) -> str:
        part = self.part()
        return f"(None if ({part} := {told}) is None else not {part})"

    def link(self, left: Node, sign: str, right: Node) -> str:
        """One comparison: with a limit, of a choice, or of two numbers of one unit."""
        if isinstance(left, Literal):
            left, sign, right = right, _TURNED[sign], left
        if sign in "!=":
            return self.choice(left, sign, right)
        if isinstance(right, Literal):
            return self.limit(left, sign, right)
        return self.order(left, sign, right)

    def choice(self, left: Node, sign: str, right: Node) -> str:
        """`sex = female`, where nothing is called female."""
        if not isinstance(left, Name) or not isinstance(right, Name) or self.find(right.name):
            return CANNOT_TELL
        value, part = self.read(left.name, "text"), self.part()
        equal = "==" if sign == "=" else "!="
        told = f"(None if ({part} := {value}) is None else {part} {equal} {right.name!r})"
        return told if value else CANNOT_TELL

    def limit(self, left: Node, sign: str, limit: Literal) -> str:
        bound = limit.value
        if type(bound) not in (int, float):
            return CANNOT_TELL
        assert isinstance(bound, int | float)
        margin = abs(bound) * CLOSE
        below, above = bound - margin, bound + margin
        plain = self.find(left.name) if isinstance(left, Name) else None
        if plain is not None and not plain.path:  # it may be known between bounds alone
            number = self.read(plain.name, "number") if plain.unit == limit.unit else ""
            tell = self.constant(_limit(sign, below, above))
            return f"{tell}({number})" if number else CANNOT_TELL
        number, unit = self.number(left)
        if not number or limit.unit != unit:
            return CANNOT_TELL
        part = self.part()
        true = f"{part} < {self.constant(below)}"
        false = f"{part} > {self.constant(above)}"
        if sign[0] == ">":
            true, false = false, true
        return (
            f"(None if ({part} := {number}) is None"
            f" else True if {true} else False if {false}"
            f" else {len(sign) == 2} if {part} == {self.constant(bound)} else None)"
        )

    def order(self, left: Node, sign: str, right: Node) -> str:
        (one, unit), (other, other_unit) = self.number(left), self.number(right)
        if not one or not other or unit != other_unit:
            return CANNOT_TELL
        first, second = self.part(), self.part()
        compare = self.constant(_LESS if sign[0] == "<" else _MORE)
        return (
            f"(None if ({first} := {one}) is None or ({second} := {other}) is None"
            f" else {compare}({first}, {second}))"
        )

    def number(self, node: Node) -> tuple[str, str]:
        """A number and its unit: a name, or a multiple of one; empty if it is neither."""
        match node:
            case Name():
                plain = self.find(node.name)
                if plain is not None and plain.path:
                    return self.read(node.name, "number"), plain.unit
            case Arithmetic(operator="*", left=Literal(value=int() | float() as times, unit="")):
                number, unit = self.number(node.right)
                part, factor = self.part(), self.constant(times)
                scaled = f"(None if ({part} := {number}) is None else {factor} * {part})"
                return scaled if number else "", unit
        return "", ""

    def membership(self, node: Membership) -> str:
        value = self.read(node.operand.name, "text") if isinstance(node.operand, Name) else ""
        codes = frozenset(m.value for m in node.members if isinstance(m.value, str))
        if not value or len(codes) != len(node.members):
            return CANNOT_TELL
        part, word = self.part(), "not in" if node.is_negated else "in"
        return f"(None if ({part} := {value}) is None else {part} {word} {self.constant(codes)})"

    def read(self, name: str, kind: PlainKind) -> str:
        """The plain value of a name, read once; empty if it has none of that kind."""
        plain = self.find(name)
        if plain is None or plain.kind != kind:
            return ""
        variable = self.variables.get(name)
        if variable is None:
            variable = self.variables[name] = f"v{len(self.variables)}"
            self.readers[name] = self.constant(read_plain(plain, self.find))
        call = f"{self.readers[name]}(person, observed)"
        return f"({variable} if {variable} is not UNREAD else ({variable} := {call}))"


def _some_none(parts: Sequence[str]) -> str:
    return " or ".join(f"{part} is None" for part in parts)


def _limit(sign: str, below: float, above: float) -> Callable[[Any], bool | None]:
    def tell(value: Any) -> bool | None:
        low, high = bounds_of(value)
        if not isinstance(low, int | float) or not isinstance(high, int | float):
            return None
        if high < below:
            return sign[0] == "<"
        return sign[0] == ">" if low > above else None

    return tell


def _less(one: float, other: float) -> bool | None:
    away, margin = one - other, max(abs(one), abs(other)) * CLOSE
    return True if away < -margin else False if away > margin else None


def _more(one: float, other: float) -> bool | None:
    return _less(other, one)


_LESS, _MORE = _less, _more
