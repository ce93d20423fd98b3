"""What an expression says before anybody has a value: names, kinds, units, codes, functions."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from itertools import pairwise

from equipoise.language.evaluation import kind_of
from equipoise.language.functions import (
    STANDARD_FUNCTIONS,
    Function,
    Functions,
    ValueType,
    shares_unit,
)
from equipoise.language.parsing import parse, quote, shift
from equipoise.language.tree import (
    Arithmetic,
    Call,
    Comparison,
    Expression,
    Literal,
    Membership,
    Name,
    Negative,
    Node,
    Presence,
    parts_of,
)
from equipoise.language.units import convert, find_factor
from equipoise.problems import Problem, Refused, Text, Where, problem

Names = Mapping[str, ValueType]
BOOLEAN, NUMBER = ValueType("boolean"), ValueType("number")
_ANY = ValueType("any")

KINDS: Mapping[str, Text] = {
    "number": Text("a number", "un nombre"),
    "boolean": Text("yes or no", "oui ou non"),
    "choice": Text("a choice", "un choix"),
    "text": Text("text", "du texte"),
    "date": Text("a day", "un jour"),
    "any": Text("any value", "une valeur quelconque"),
}


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
    checking = _Checking(expression, names, functions=functions, where=where or Where())
    found = checking.infer(expression.root)
    if result is not None and found is not None:
        checking.expect(expression.root, found, result)
    return tuple(checking.problems)


def infer_type(
    expression: Expression, names: Names, *, functions: Functions = STANDARD_FUNCTIONS
) -> ValueType | None:
    """What an expression gives, or None if it is wrong."""
    checking = _Checking(expression, names, functions=functions, where=Where())
    found = checking.infer(expression.root)
    return None if checking.problems else found


class _Checking:
    """One pass over an expression. `infer` gives a part's type, None after a problem."""

    def __init__(
        self, expression: Expression, names: Names, *, functions: Functions, where: Where
    ) -> None:
        self.expression = expression
        self.names = names
        self.functions = functions
        self.where = where
        self.problems: list[Problem] = []

    def complain(self, code: str, node: Node, /, **values: object) -> None:
        place = shift(self.where, node.span[0])
        made = problem(code, place, source=self.text(node), **values)
        if made not in self.problems:  # a part may be looked at twice
            self.problems.append(made)

    def text(self, node: Node) -> str:
        return quote(self.expression.text_of(node))

    def infer(self, node: Node) -> ValueType | None:
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
        self._logic(node)
        return BOOLEAN

    def _logic(self, node: Node) -> None:
        match node:
            case Comparison():
                self._comparison(node)
            case Membership():
                self._membership(node)
            case Presence():
                self.infer(node.operand)
            case _:
                for part in parts_of(node):
                    self._condition(part)

    def expect(self, node: Node, found: ValueType, expected: ValueType) -> None:
        """The type of the whole must be what it is needed for."""
        if "any" in (found.kind, expected.kind):
            return
        if _family(found) != _family(expected):
            given, needed = KINDS[found.kind], KINDS[expected.kind]
            self.complain("EQ-L013", node, found=given, expected=needed)
        elif find_factor(found.unit, expected.unit) is None and not _is_bare(node, found):
            given, needed = Text(found.unit or "–"), Text(expected.unit or "–")
            self.complain("EQ-L013", node, found=given, expected=needed)

    def _name(self, node: Name) -> ValueType | None:
        found = self.names.get(node.name)
        if found is None:
            self.complain("EQ-L006", node, name=node.name, nearest=_nearest(node.name, self.names))
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
        return self._scaled(node, sides[0], sides[1])

    def _scaled(self, node: Arithmetic, left: ValueType, right: ValueType) -> ValueType | None:
        if node.operator in "+-":
            return left if self._has_same_unit(node, left, right) else None
        if not right.unit:
            return ValueType("number", left.unit)
        if node.operator == "*" and not left.unit:
            return ValueType("number", right.unit)
        if node.operator == "/" and left.unit and find_factor(right.unit, left.unit):
            return NUMBER
        self.complain(
            "EQ-L016",
            node,
            found=Text(f"{left.unit or 1} {node.operator} {right.unit}"),
            operator=node.operator,
        )
        return None

    def _date_arithmetic(self, node: Arithmetic) -> ValueType | None:
        right = self.infer(node.right)
        if right is None:
            return None
        if right.kind == "date" and node.operator == "-":
            return ValueType("number", "days")
        if right.kind == "number" and node.operator in "+-":
            days = ValueType("number", "days")
            return ValueType("date") if self._has_same_unit(node, days, right) else None
        self.complain("EQ-L016", node, found=KINDS["date"], operator=node.operator)
        return None

    def _comparison(self, node: Comparison) -> None:
        directions = {sign[0] for sign in node.operators}
        if len(node.operators) > 1 and directions not in ({"<"}, {">"}):
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
        if isinstance(node, Name):
            named = self.names.get(node.name)
            return named if named is not None and named.codes else None
        if isinstance(node, Call) and node.function in self.functions:
            quiet = _Checking(
                self.expression, self.names, functions=self.functions, where=self.where
            )
            found = quiet.infer(node)
            return found if found is not None and found.codes else None
        return None

    def _code(self, node: Node, side: Node, code: str, *, is_quoted: bool) -> None:
        kind = self._choice(side)
        named = None if is_quoted else self.names.get(code)
        codes = kind.codes if kind is not None else ()
        if code in codes:
            if named is not None:
                self.complain("EQ-L014", node, name=code)
        elif named is None or _family(named) != "text":
            self.complain("EQ-L010", node, code=code, name=self.text(side), known=", ".join(codes))

    def _order(self, node: Node, left: Node, right: Node, *, is_equality: bool = False) -> None:
        kinds = [self.infer(left), self.infer(right)]
        if kinds[0] is None or kinds[1] is None or "any" in (kinds[0].kind, kinds[1].kind):
            return
        families = [_family(kinds[0]), _family(kinds[1])]
        if families[0] != families[1] or (families[0] in ("text", "boolean") and not is_equality):
            names = [KINDS[k.kind] for k in kinds if k is not None]
            self.complain("EQ-L009", node, left=names[0], right=names[1])
        elif families[0] == "number" and self._has_same_unit(node, kinds[0], kinds[1]):
            self._limit(node, left, kinds[0], right)
            self._limit(node, right, kinds[1], left)

    def _limit(self, node: Node, side: Node, kind: ValueType, limit: Node) -> None:
        """A limit beyond everything that is believed is most often a unit mistaken."""
        if not isinstance(limit, Literal) or kind.plausible is None:
            return
        value = convert(float(str(limit.value)), limit.unit, kind.unit)
        low, high = kind.plausible
        if value is not None and not low <= value <= high:
            self.complain(
                "EQ-L017",
                node,
                limit=self.text(limit),
                low=f"{low:g}",
                high=f"{high:g}",
                unit=kind.unit,
                name=self.text(side),
            )

    def _has_same_unit(self, node: Node, left: ValueType, right: ValueType) -> bool:
        if left.kind != "number" or right.kind != "number":
            return True
        if find_factor(right.unit, left.unit) is not None:
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
        else:
            for member in node.members:
                self._order(node, node.operand, member, is_equality=True)

    def _call(self, node: Call) -> ValueType | None:
        function = self.functions.get(node.function)
        if function is None:
            nearest = _nearest(node.function, self.functions)
            self.complain("EQ-L011", node, name=node.function, nearest=nearest)
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
        if function.takes_name:
            return found[0]
        return ValueType("number", found[0].unit) if function.keeps_unit else function.result

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
        if _family(expected) != _family(found):
            self._misfit(node, KINDS[expected.kind], KINDS[found.kind])
            return False
        unit = kinds[0].unit if shares_unit(function, at) else expected.unit
        if find_factor(found.unit, unit) is None:
            self._misfit(node, Text(unit or "–"), Text(found.unit or "–"))
            return False
        return True

    def _misfit(self, node: Call, expected: Text, found: Text) -> None:
        self.complain("EQ-L012", node, function=node.function, expected=expected, found=found)


def _family(kind: ValueType) -> str:
    """Choices are texts to a comparison."""
    return "text" if kind.kind == "choice" else kind.kind


def _is_bare(node: Node, found: ValueType) -> bool:
    """A sum of plain numbers may be declared with any unit, such as points."""
    return not found.unit and found.kind == "number" and not isinstance(node, Literal)


def _nearest(name: str, known: Mapping[str, object]) -> str:
    return ", ".join(get_close_matches(name, known, n=3, cutoff=0)) or "–"
