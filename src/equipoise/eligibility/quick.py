"""The criteria of a study as one function of plain Python, for the verdict alone.

Each part is true, false, `Unknown` with its reasons, or None where this code cannot tell: a value
in another unit or contradicted, a number within the last digits of a limit. None joins as Kleene's
unknown does, so what is told holds whatever the reference evaluator says of the rest; what stays
None goes there.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

from equipoise.eligibility.deciding import Person, is_waived, open_verdict, settled_verdicts
from equipoise.eligibility.plain import Find, Observed, PlainKind, read_answer, read_plain
from equipoise.eligibility.verdict import CriterionVerdict
from equipoise.language import Interval, Unknown, merge_reasons, parse, unknown
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

Told = bool | Unknown | None

CANNOT_TELL = "None"

CLOSE = 1e-9
"""Two numbers that differ by more than this share compare alike before and after rounding."""

_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "!=": "!="}


def compile_criteria(criteria: Sequence[tuple[str, Criterion]], find: Find) -> Quick:
    """One function for all criteria; `find` gives the plain form of a name that has one."""
    counting = _Writing(find)
    for name, criterion in criteria:
        counting.criterion(name, criterion)
    writing = _Writing(find, shared=[name for name, n in counting.uses.items() if n > 1])
    rows = [f"        {writing.criterion(name, criterion)},\n" for name, criterion in criteria]
    source = (
        "def decide(person, observed):\n"
        "    on, answers = person.on, person.answers\n"
        f"{''.join(writing.reads)}"
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
    """Source text under way: its constants, and a variable for each value that it reads.

    Values that several parts ask for are `shared`: read before all rules. The others are read in
    their place, which what came before may spare.
    """

    def __init__(self, find: Find, shared: Collection[str] = ()) -> None:
        self.find = find
        self.shared = shared
        self.uses: Counter[str] = Counter()
        self.in_place: dict[str, str] = {}
        self.constants: dict[str, Any] = {"Unknown": Unknown}
        self.variables: dict[str, str] = {}
        self.reads: list[str] = []
        self.n_parts = 0

    def constant(self, value: object) -> str:
        name = f"k{len(self.constants)}"
        self.constants[name] = value
        return name

    def part(self) -> str:
        self.n_parts += 1
        return f"t{self.n_parts}"

    def named(self, told: str) -> tuple[str, str]:
        """An expression, and the variable that holds what it gave."""
        if told.isidentifier():
            return told, told
        if told in self.in_place:
            return told, self.in_place[told]
        part = self.part()
        return f"({part} := {told})", part

    def criterion(self, name: str, criterion: Criterion) -> str:
        verdicts = settled_verdicts(name)
        met, not_met, free = (self.constant(v) for v in verdicts)
        if is_waived(criterion):
            return free
        body = self.rule(criterion, name)
        if criterion.when:
            when, part = self.expression(criterion.when), self.part()
            limited = self.constant(partial(_limit_to, name.startswith("I")))
            body = f"({limited}({part}, {body}) if ({part} := {when}) is not False else {free})"
        told, open_ = self.part(), self.constant(partial(_leave_open, name))
        decided = f"{met} if ({told} := {body}) is True else {not_met} if {told} is False"
        return f"{decided} else {open_}({told})"

    def rule(self, rule: Rule | str, name: str = "") -> str:
        if isinstance(rule, str):
            return self.expression(rule)
        if rule.judgement is not None:
            say = self.constant(read_answer(rule.judgement, name=name or rule.id))
            return f"{say}(answers, on)"
        if rule.gap:
            return self.constant(unknown("not_in_source", name or rule.id))
        if rule.all_:
            return self.all_of([self.rule(part) for part in rule.all_])
        if rule.any_ or rule.none_:
            told = self.any_of([self.rule(part) for part in rule.any_ or rule.none_])
            return told if rule.any_ else self.negated(told)
        told = self.expression(rule.is_)
        return told if rule.attest is None else self.decided(told)

    def decided(self, told: str) -> str:
        """Only a truth: where a person may attest, what is open is left to the long way."""
        given, part = self.named(told)
        return f"({part} if {given}.__class__ is bool else None)"

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
        false, parts = self.take(told, "False", "or")
        true = " and ".join(f"{part} is True" for part in parts)
        return f"(False if {false} else True if {true} else {self.joined(parts)})"

    def any_of(self, told: Sequence[str]) -> str:
        """True at the first that is true; reads no further."""
        if len(told) == 1:
            return told[0]
        true, parts = self.take(told, "True", "or")
        false = " and ".join(f"{part} is False" for part in parts)
        return f"(True if {true} else False if {false} else {self.joined(parts)})"

    def take(self, told: Sequence[str], wanted: str, join: str) -> tuple[str, Sequence[str]]:
        named = [self.named(t) for t in told]
        return f" {join} ".join(f"{given} is {wanted}" for given, _ in named), [p for _, p in named]

    def joined(self, parts: Sequence[str]) -> str:
        return f"{self.constant(_join)}({', '.join(parts)})"

    def negated(self, told: str) -> str:
        given, part = self.named(told)
        return f"(not {part} if {given}.__class__ is bool else {part})"

    def plainly(self, value: str, told: Callable[[str], str]) -> str:
        """What is told of a value, unless it is no plain one."""
        given, part = self.named(value)
        is_open = f"{given} is None or {part}.__class__ is Unknown"
        return f"({part} if {is_open} else {told(part)})"

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
        value, equal = self.read(left.name, "text"), "==" if sign == "=" else "!="
        told = self.plainly(value, lambda part: f"{part} {equal} {right.name!r}")
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
        low, high, same = (self.constant(n) for n in (below, above, bound))
        true, false = ("<", low), (">", high)
        if sign[0] == ">":
            true, false = false, true
        return self.plainly(
            number,
            lambda part: (
                f"True if {part} {true[0]} {true[1]} else False if {part} {false[0]} {false[1]}"
                f" else {len(sign) == 2} if {part} == {same} else None"
            ),
        )

    def order(self, left: Node, sign: str, right: Node) -> str:
        (one, unit), (other, other_unit) = self.number(left), self.number(right)
        if not one or not other or unit != other_unit:
            return CANNOT_TELL
        compare = self.constant(partial(_order, sign[0]))
        return f"{compare}({one}, {other})"

    def number(self, node: Node) -> tuple[str, str]:
        """A number and its unit: a name, or a multiple of one; empty if it is neither."""
        match node:
            case Name():
                plain = self.find(node.name)
                if plain is not None and (value := self.read(node.name, "number")):
                    exact = value if plain.path else f"{self.constant(_exact)}({value})"
                    return exact, plain.unit
            case Arithmetic(operator="*", left=Literal(value=int() | float() as times, unit="")):
                number, unit = self.number(node.right)
                factor = self.constant(times)
                return number and self.plainly(number, lambda part: f"{factor} * {part}"), unit
        return "", ""

    def membership(self, node: Membership) -> str:
        value = self.read(node.operand.name, "text") if isinstance(node.operand, Name) else ""
        codes = frozenset(m.value for m in node.members if isinstance(m.value, str))
        if not value or not codes or len(codes) != len(node.members):
            return CANNOT_TELL
        word, among = "not in" if node.is_negated else "in", self.constant(codes)
        return self.plainly(value, lambda part: f"{part} {word} {among}")

    def read(self, name: str, kind: PlainKind) -> str:
        """The plain value of a name, read once; empty if it has none of that kind."""
        plain = self.find(name)
        if plain is None or plain.kind != kind:
            return ""
        self.uses[name] += 1
        variable = self.variables.get(name)
        if variable is not None:
            return variable
        variable = self.variables[name] = f"v{len(self.variables)}"
        call = f"{self.constant(read_plain(plain, self.find))}(person, observed)"
        if name in self.shared:
            self.reads.append(f"    {variable} = {call}\n")
            return variable
        self.in_place[read := f"({variable} := {call})"] = variable
        return read


def _leave_open(name: str, value: CriterionVerdict | Unknown | None) -> CriterionVerdict | None:
    """Not a truth: a verdict already, or reasons why there is none."""
    return open_verdict(name, value.reasons) if isinstance(value, Unknown) else value


def _limit_to(is_inclusion: bool, concerns: Told, told: Told) -> Told:
    """A rule for those whom it concerns, or may: nobody else fails an inclusion for it."""
    if concerns is True or (concerns is not None and told is is_inclusion):
        return told
    return _join(concerns, told)


def _join(*told: Told) -> Unknown | None:
    """Parts of which none decides: all reasons, unless one cannot be told."""
    if None in told:
        return None
    return Unknown(merge_reasons(part for part in told if isinstance(part, Unknown)))


def _exact(value: Any) -> Any:
    return None if type(value) is Interval else value


def _limit(sign: str, below: float, above: float) -> Callable[[object], Told]:
    """A comparison of what may be known between bounds alone."""

    def tell(value: object) -> Told:
        if value is None or isinstance(value, Unknown):
            return value
        low, high = bounds_of(value)
        if not isinstance(low, int | float) or not isinstance(high, int | float):
            return None
        if high < below:
            return sign[0] == "<"
        return sign[0] == ">" if low > above else None

    return tell


def _order(sign: str, one: Any, other: Any) -> Told:
    if one is None or other is None:
        return None
    if type(one) is Unknown or type(other) is Unknown:
        return Unknown(merge_reasons(v for v in (one, other) if type(v) is Unknown))
    away: float
    away, margin = one - other, max(abs(one), abs(other)) * CLOSE
    if -margin <= away <= margin:
        return None
    return (away < 0) == (sign == "<")
