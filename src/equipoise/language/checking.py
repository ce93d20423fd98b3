"""What an expression says before anybody has a value: names, kinds, units, codes, functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from equipoise.language.calculating import kind_of
from equipoise.language.functions import (
    STANDARD_FUNCTIONS,
    Function,
    Functions,
    ValueType,
    converts,
    family,
    number_like,
    shares_unit,
)
from equipoise.language.parsing import parse, quote, shift
from equipoise.language.tree import (
    Arithmetic,
    Call,
    Case,
    Comparison,
    Expression,
    Literal,
    Membership,
    Name,
    Negative,
    Node,
    Presence,
    Within,
    parts_of,
)
from equipoise.language.units import convert
from equipoise.language.words import KINDS, nearest
from equipoise.problems import Problem, Refused, Text, Where, problem

Names = Mapping[str, ValueType]
BOOLEAN, NUMBER = ValueType("boolean"), ValueType("number")
_CALENDAR = {"years", "months"}
"""Units of time without a fixed number of days."""


def check_source(
    source: str,
    names: Names,
    *,
    functions: Functions = STANDARD_FUNCTIONS,
    where: Where | None = None,
    result: ValueType | None = None,
) -> tuple[Problem, ...]:
    """Read and check an expression; what `Refused` would carry comes back among the problems."""
    try:
        expression = parse(source, where)
    except Refused as refused:
        return refused.problems
    return check_expression(expression, names, functions=functions, where=where, result=result)


def check_expression(
    expression: Expression,
    names: Names,
    *,
    functions: Functions = STANDARD_FUNCTIONS,
    where: Where | None = None,
    result: ValueType | None = None,
) -> tuple[Problem, ...]:
    """Every problem of an expression; `result` is what it must give, `where` where it starts."""
    checking = _Checking(expression, names, functions, where or Where())
    found = checking.infer(expression.root)
    if result is not None and found is not None:
        checking.expect(expression.root, found, result)
    return tuple(checking.problems)


def infer_type(
    expression: Expression, names: Names, *, functions: Functions = STANDARD_FUNCTIONS
) -> ValueType | None:
    """What an expression gives, or None if it is wrong."""
    checking = _Checking(expression, names, functions, Where())
    found = checking.infer(expression.root)
    return None if checking.problems else found


@dataclass
class _Checking:
    """One pass over an expression. `infer` gives a part's type, None after a problem."""

    expression: Expression
    names: Names
    functions: Functions
    where: Where
    problems: list[Problem] = field(default_factory=list)
    types: dict[int, ValueType | None] = field(default_factory=dict)

    def complain(self, code: str, node: Node, /, **values: object) -> None:
        place = shift(self.where, node.span[0])
        made = problem(code, place, source=self.text(node), **values)
        if made not in self.problems:  # a part may be looked at twice
            self.problems.append(made)

    def text(self, node: Node) -> str:
        return quote(self.expression.text_of(node))

    def infer(self, node: Node) -> ValueType | None:
        if id(node) not in self.types:  # else nested equalities double the work at each level
            self.types[id(node)] = self._infer(node)
        return self.types[id(node)]

    def _infer(self, node: Node) -> ValueType | None:
        match node:
            case Literal():
                return ValueType(kind_of(node.value) or "any", node.unit)
            case Name():
                return self._name(node)
            case Call():
                return self._call(node)
            case Negative():
                return self._number(node.operand, operator="-")
            case Arithmetic():
                return self._arithmetic(node)
            case Case():
                return self._case(node)
        self._logic(node)
        return BOOLEAN

    def _logic(self, node: Node) -> None:
        match node:
            case Comparison():
                self._comparison(node)
            case Membership():
                self._membership(node)
            case Within():
                self._within(node)
            case Presence():
                self.infer(node.operand)
            case _:
                for part in parts_of(node):
                    self._condition(part)

    def _case(self, node: Case) -> ValueType | None:
        """All branches give one kind in one quantity: that of the first."""
        for condition in node.conditions:
            self._condition(condition)
        results = (*node.results, node.otherwise)
        found = [self.infer(result) for result in results]
        first = found[0]
        if first is None:
            return None
        for result, other in zip(results[1:], found[1:], strict=True):
            if other is not None:
                self.expect(result, other, first)
        return ValueType(first.kind, first.unit, first.codes, molar_mass=first.molar_mass)

    def _within(self, node: Within) -> None:
        """Days alone: `within 5 % of 80 %` could be read in two ways."""
        distance = self.infer(node.distance)
        days = [self.infer(side) for side in (node.operand, node.anchor)]
        wrong = [d for d in days if d is not None and d.kind not in ("date", "any")]
        for found in wrong:
            self.complain("EQ-L019", node, found=KINDS[found.kind])
        if distance is not None and None not in days and not wrong:
            self._moved(Arithmetic("-", node.anchor, node.distance, node.span), distance)

    def expect(self, node: Node, found: ValueType, expected: ValueType) -> None:
        """The type of the whole must be what it is needed for."""
        if "any" in (found.kind, expected.kind):
            return
        if family(found) != family(expected):
            given, needed = KINDS[found.kind], KINDS[expected.kind]
            self.complain("EQ-L013", node, found=given, expected=needed)
        elif not converts(found, expected) and not _is_bare(node, found):
            given, needed = Text(found.unit or "–"), Text(expected.unit or "–")
            self.complain("EQ-L013", node, found=given, expected=needed)

    def _name(self, node: Name) -> ValueType | None:
        found = self.names.get(node.name)
        if found is None:
            self.complain("EQ-L006", node, name=node.name, nearest=nearest(node.name, self.names))
        return found

    def _condition(self, node: Node) -> None:
        found = self.infer(node)
        if found is not None:
            self.expect(node, found, BOOLEAN)

    def _number(self, node: Node, *, operator: str) -> ValueType | None:
        found = self.infer(node)
        if found is None or found.kind in ("number", "any"):
            return found
        self.complain("EQ-L016", node, found=KINDS[found.kind], operator=operator)
        return None

    def _arithmetic(self, node: Arithmetic) -> ValueType | None:
        left = self.infer(node.left)
        if left is not None and left.kind == "date":
            return self._date_arithmetic(node)
        sides = (left, self._number(node.right, operator=node.operator))
        if left is not None and left.kind not in ("number", "any"):
            self.complain("EQ-L016", node, found=KINDS[left.kind], operator=node.operator)
            return None
        if sides[0] is None or sides[1] is None:
            return None
        if node.operator == "/" and isinstance(node.right, Literal) and not node.right.value:
            self.complain("EQ-L021", node)
            return None
        return self._scaled(node, sides[0], sides[1])

    def _scaled(self, node: Arithmetic, left: ValueType, right: ValueType) -> ValueType | None:
        if node.operator in "+-":
            return number_like(left) if self._has_same_unit(node, left, right) else None
        if not right.unit:
            return number_like(left)
        if node.operator == "*" and not left.unit:
            return number_like(right)
        if node.operator == "/" and left.unit and converts(right, left):
            return NUMBER
        found = Text(f"{left.unit or 1} {node.operator} {right.unit}")
        self.complain("EQ-L016", node, found=found, operator=node.operator)
        return None

    def _date_arithmetic(self, node: Arithmetic) -> ValueType | None:
        right = self.infer(node.right)
        if right is None:
            return None
        if right.kind == "date" and node.operator == "-":
            return ValueType("number", "days")
        if right.kind in ("number", "any") and node.operator in "+-":
            return self._moved(node, right)
        self.complain("EQ-L016", node, found=KINDS["date"], operator=node.operator)
        return None

    def _moved(self, node: Arithmetic, distance: ValueType) -> ValueType | None:
        """A day, so far before or after another."""
        if distance.kind not in ("number", "any"):
            self.complain("EQ-L016", node, found=KINDS[distance.kind], operator=node.operator)
            return None
        days = ValueType("number", distance.unit if distance.unit in _CALENDAR else "days")
        if not self._has_same_unit(node, days, distance):
            return None
        if isinstance(node.right, Literal) and distance.unit in _CALENDAR:
            months = convert(float(str(node.right.value)), distance.unit, "months")
            if months is None or not months.is_integer():
                self.complain("EQ-L020", node, distance=self.text(node.right))
                return None
        return ValueType("date")

    def _comparison(self, node: Comparison) -> None:
        if len(node.operators) > 1 and {s[0] for s in node.operators} not in ({"<"}, {">"}):
            self.complain("EQ-L015", node)
            return
        for sign, (left, right) in zip(node.operators, pairwise(node.operands), strict=True):
            if sign in "!=":
                self._equality(node, left, right)
            else:
                self._order(node, left, right)

    def _equality(self, node: Node, left: Node, right: Node) -> None:
        for side, other in ((left, right), (right, left)):
            known = self._choice(side)
            if known is not None and isinstance(other, Name):
                self._code(node, side, other.name, is_quoted=False)
                return
            if known is not None and isinstance(other, Literal):
                self._code(node, side, str(other.value), is_quoted=True)
                return
        first, last = sorted((left, right), key=self._is_new)
        if self._is_new(last) and self.infer(first) is None:
            return  # the bare name may be a code of what is wrong
        self._order(node, left, right, is_equality=True)

    def _is_new(self, node: Node) -> bool:
        """A bare name that nothing has."""
        return isinstance(node, Name) and node.name not in self.names

    def _choice(self, node: Node) -> ValueType | None:
        """The type of an operand that has codes."""
        found: ValueType | None = None
        if isinstance(node, Name):
            found = self.names.get(node.name)
        elif isinstance(node, Call | Case):
            found = self.infer(node)
        return found if found is not None and found.codes else None

    def _code(self, node: Node, side: Node, code: str, *, is_quoted: bool) -> None:
        kind = self._choice(side)
        named = None if is_quoted else self.names.get(code)
        codes = kind.codes if kind is not None else ()
        if code in codes:
            if named is not None:
                self.complain("EQ-L014", node, name=code)
        elif named is None or family(named) != "text":
            self.complain("EQ-L010", node, code=code, name=self.text(side), known=", ".join(codes))

    def _order(self, node: Node, left: Node, right: Node, *, is_equality: bool = False) -> None:
        kinds = [self.infer(left), self.infer(right)]
        if kinds[0] is None or kinds[1] is None or "any" in (kinds[0].kind, kinds[1].kind):
            return
        sort, other = family(kinds[0]), family(kinds[1])
        if sort != other or (sort in ("text", "boolean") and not is_equality):
            left_kind, right_kind = KINDS[kinds[0].kind], KINDS[kinds[1].kind]
            self.complain("EQ-L009", node, left=left_kind, right=right_kind)
        elif sort == "number" and self._has_same_unit(node, kinds[0], kinds[1]):
            self._limit(node, left, kinds[0], right)
            self._limit(node, right, kinds[1], left)

    def _limit(self, node: Node, side: Node, kind: ValueType, limit: Node) -> None:
        """A limit beyond everything that is believed is most often a unit mistaken."""
        if not isinstance(limit, Literal) or kind.plausible is None:
            return
        number = float(str(limit.value))
        value = convert(number, limit.unit, kind.unit, molar_mass=kind.molar_mass)
        low, high = kind.plausible
        if value is not None and not low <= value <= high:
            believed = {"low": f"{low:g}", "high": f"{high:g}"}
            self.complain(
                "EQ-L017",
                node,
                **believed,
                unit=kind.unit,
                limit=self.text(limit),
                name=self.text(side),
            )

    def _has_same_unit(self, node: Node, left: ValueType, right: ValueType) -> bool:
        if left.kind != "number" or right.kind != "number":
            return True
        if converts(right, left):
            if left.unit != right.unit and len({left.unit, right.unit} & _CALENDAR) == 1:
                self.complain("EQ-L023", node, left=left.unit, right=right.unit)
            return True
        if left.unit and right.unit:
            self.complain("EQ-L007", node, left=left.unit, right=right.unit)
        else:
            self.complain("EQ-L008", node, unit=left.unit or right.unit)
        return False

    def _membership(self, node: Membership) -> None:
        if self._choice(node.operand) is not None:
            for member in node.members:
                self._code(node, node.operand, str(member.value), is_quoted=True)
            return
        for member in node.members:
            self._order(node, node.operand, member, is_equality=True)

    def _call(self, node: Call) -> ValueType | None:
        function = self.functions.get(node.function)
        if function is None:
            near = nearest(node.function, self.functions)
            self.complain("EQ-L011", node, name=node.function, nearest=near)
            return None
        if function.takes_name and [type(a) for a in node.arguments] != [Name]:
            self._misfit(node, Text("one name", "un nom"), Text(self.text(node)))
            return None
        kinds = [self.infer(argument) for argument in node.arguments]
        if not self._has_count(node, function) or None in kinds:
            return None
        found = [k for k in kinds if k is not None]
        fits = [self._argument(node, function, found, at=at) for at in range(len(found))]
        if not all(fits):
            return None
        if function.needs_direction and not found[0].worst and found[0].kind != "any":
            self.complain("EQ-L022", node, name=self.text(node.arguments[0]))
            return None
        if function.keeps_unit:
            return number_like(found[0])
        return found[0] if function.result.kind == "any" else function.result

    def _has_count(self, node: Call, function: Function) -> bool:
        most, n = len(function.parameters), len(node.arguments)
        least = most - function.n_optional
        if n < least or (n > most and not function.is_variadic):
            expected = f"{least} to {most}" if least < most else str(most)
            french = f"{least} à {most} valeurs" if least < most else f"{most} valeur(s)"
            self._misfit(node, Text(f"{expected} value(s)", french), Text(str(n)))
            return False
        return True

    def _argument(
        self, node: Call, function: Function, kinds: Sequence[ValueType], *, at: int
    ) -> bool:
        expected, found = function.parameters[min(at, len(function.parameters) - 1)], kinds[at]
        if "any" in (expected.kind, found.kind):
            return True
        if family(expected) != family(found):
            self._misfit(node, KINDS[expected.kind], KINDS[found.kind])
            return False
        unit = kinds[0].unit if shares_unit(function, at) else expected.unit
        if not converts(found, ValueType("number", unit, molar_mass=kinds[0].molar_mass)):
            self._misfit(node, Text(unit or "–"), Text(found.unit or "–"))
            return False
        return True

    def _misfit(self, node: Call, expected: Text, found: Text) -> None:
        self.complain("EQ-L012", node, function=node.function, expected=expected, found=found)


def _is_bare(node: Node, found: ValueType) -> bool:
    """A sum of plain numbers may be declared with any unit, such as points."""
    return not found.unit and found.kind == "number" and not isinstance(node, Literal)
