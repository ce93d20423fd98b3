"""The criteria of a study over columns: each one's answer, and what an open one waits for."""

from collections.abc import Callable, Mapping, Sequence

import msgspec
from msgspec import Struct

from equipoise.eligibility.types import REFERENCE, find_definition
from equipoise.language import parse
from equipoise.language.units import find_factor
from equipoise.screening.compiler.expressions import Scope, compile_expression
from equipoise.screening.compiler.operands import (
    CannotCompileError,
    Opens,
    Operand,
    Reasons,
    as_condition,
    believed,
    from_condition,
    in_unit,
    limited,
    merged,
    never,
)
from equipoise.screening.compiler.sharing import share
from equipoise.screening.compiler.terms import (
    FALSE,
    NULL,
    TRUE,
    Term,
    column,
    conjunction,
    disjunction,
    inverse,
    is_null,
)
from equipoise.study.criteria import Criterion, Judgement, Rule, ValueDefinition
from equipoise.study.study import Study


class Judged(Struct, frozen=True):
    """The column of a judgement: the answer, and whether it is too old to count."""

    answer: Term
    is_stale: Term = FALSE


class Sources(Struct, frozen=True):
    """What a table gives: values by name, judgements by id, and the reference date."""

    values: Mapping[str, Operand]
    judgements: Mapping[str, Judged]
    reference: Operand


class CompiledCriterion(Struct, frozen=True, kw_only=True):
    """`status` is met, not met or null; `waits` is true where it is null for another reason than
    a judgement that nobody gave, which differs from null only if it `has_judgement`; `opens` says
    for each name where it is a reason, `reasons` for each kind of them."""

    id: str
    is_inclusion: bool
    has_judgement: bool
    status: Term
    waits: Term
    opens: Opens = {}
    reasons: Reasons = {}

    @property
    def satisfied(self) -> Term:
        """True where the criterion lets the person in, false where it bars."""
        return self.status if self.is_inclusion else inverse(self.status)


class Plan(Struct, frozen=True):
    """All criteria in the order of the record; `definitions` are columns that they share, each
    over columns of the table and of definitions before it; `gaps` says what did not compile."""

    criteria: tuple[CompiledCriterion, ...]
    definitions: tuple[tuple[str, Term], ...]
    gaps: Mapping[str, str]


def compile_study(study: Study, sources: Sources) -> Plan:
    """Compile every criterion; one that has no column form is left out and named in `gaps`."""
    compiling = _Compiling(study, sources)
    criteria: list[CompiledCriterion] = []
    gaps: dict[str, str] = {}
    for name, criterion in study.criteria:
        try:
            criteria.append(compiling.criterion(name, criterion))
        except CannotCompileError as error:
            gaps[name] = str(error)
    return _shared(criteria, compiling.definitions, gaps)


def _shared(
    criteria: Sequence[CompiledCriterion], definitions: Mapping[str, Term], gaps: Mapping[str, str]
) -> Plan:
    outputs = dict(definitions)
    for criterion in criteria:
        outputs[f"status {criterion.id}"] = criterion.status
        if criterion.has_judgement:
            outputs[f"waits {criterion.id}"] = criterion.waits
    found = share(outputs, prefix="shared")
    renamed = []
    for criterion in criteria:
        status = found.pop(f"status {criterion.id}")
        waits = found.pop(f"waits {criterion.id}", is_null(status))
        renamed.append(msgspec.structs.replace(criterion, status=status, waits=waits))
    return Plan(tuple(renamed), tuple(found.items()), gaps)


class _Part(Struct, frozen=True):
    status: Term
    waits: Term
    opens: Opens = {}
    reasons: Reasons = {}


class _Compiling:
    """Values are compiled when asked for and once each, as a person's are read."""

    def __init__(self, study: Study, sources: Sources) -> None:
        self.study = study
        self.sources = sources
        self.definitions: dict[str, Term] = {}
        self._operands: dict[str, Operand] = {}
        self._under_way: set[str] = set()
        self._scope = Scope(self.lookup, sources.reference)

    def lookup(self, name: str) -> Operand | None:
        """The operand of a name; None if the study has no such value."""
        if name in self._operands:
            return self._operands[name]
        if name == REFERENCE and name not in self.sources.values:
            return self.sources.reference
        definition = find_definition(self.study, name)
        if definition is None:
            return None
        if name in self._under_way:
            return never()
        self._under_way.add(name)
        self._operands[name] = operand = self._define(name, self._value(name, definition))
        return operand

    def _value(self, name: str, definition: ValueDefinition) -> Operand:
        given = self.sources.values.get(name)
        if given is not None:
            return believed(given, name, definition.plausible)
        if not definition.value:
            return Operand(kind="never", opens={name: TRUE}, reasons={"missing": TRUE})
        operand = compile_expression(parse(definition.value), self._scope)
        return believed(_declared(operand, definition.unit), name, definition.plausible)

    def _define(self, name: str, operand: Operand) -> Operand:
        """Name what several criteria share, so that no engine computes it twice."""
        if operand.known is not None or operand.kind == "never":
            return operand
        low = self._share(f"{name} low", operand.low)
        high = low if operand.is_exact else self._share(f"{name} high", operand.high)
        valid = conjunction(operand.valid)
        shared = () if valid == TRUE else (self._share(f"{name} believed", valid),)
        return msgspec.structs.replace(operand, low=low, high=high, valid=shared)

    def _share(self, name: str, term: Term) -> Term:
        if term.op in ("column", "constant") or term in (TRUE, FALSE, NULL):
            return term
        self.definitions[name] = term
        return column(name)

    def criterion(self, name: str, criterion: Criterion) -> CompiledCriterion:
        is_inclusion = name.startswith("I")
        part = self._part(criterion, name=name, satisfied=is_inclusion)
        if criterion.when:
            condition = self._condition(criterion.when)
            if is_inclusion:
                applies = msgspec.structs.replace(condition, status=inverse(condition.status))
                part = _join(disjunction, (applies, part))
            else:
                part = _join(conjunction, (condition, part))
        return CompiledCriterion(
            id=name,
            is_inclusion=is_inclusion,
            has_judgement=part.waits != is_null(part.status),
            status=part.status,
            waits=part.waits,
            opens=part.opens,
            reasons=part.reasons,
        )

    def _part(self, part: Rule | str, *, satisfied: bool, name: str = "") -> _Part:
        if isinstance(part, str):
            return self._condition(part)
        name = name or part.id
        if part.judgement is not None:
            return self._judgement(part.judgement, name)
        if part.gap:
            if part.assume == "not_applicable":
                return _Part(TRUE if satisfied else FALSE, FALSE)
            return _Part(NULL, TRUE, {name: TRUE}, {"not_in_source": TRUE})
        for join, rules in (("all", part.all_), ("any", part.any_), ("none", part.none_)):
            if rules:
                return _join(_JOINS[join], [self._part(r, satisfied=satisfied) for r in rules])
        found = self._condition(part.is_)
        return found if part.attest is None else _awaiting_attestation(found)

    def _condition(self, source: str) -> _Part:
        operand = as_condition(compile_expression(parse(source), self._scope))
        status = operand.condition
        found = from_condition(status, (operand,))
        return _Part(status, is_null(status), found.opens, found.reasons)

    def _judgement(self, judgement: Judgement, name: str) -> _Part:
        judged = self.sources.judgements.get(name)
        if judged is None or not judgement.by:
            return _Part(NULL, FALSE, {name: TRUE}, {"awaiting_judgement": TRUE})
        is_fresh = inverse(judged.is_stale)
        status = judged.answer if is_fresh == TRUE else Term("masked", (judged.answer, is_fresh))
        reasons: Reasons = {
            "awaiting_judgement": is_null(judged.answer),
            "stale": conjunction((inverse(is_null(judged.answer)), judged.is_stale)),
        }
        return _Part(status, judged.is_stale, {name: is_null(status)}, reasons)


def _awaiting_attestation(part: _Part) -> _Part:
    """Where precision alone is lacking, a person may attest; no table says that one did."""
    others = disjunction(t for kind, t in part.reasons.items() if kind != "ambiguous")
    awaiting = conjunction((part.reasons.get("ambiguous", FALSE), inverse(others)))
    reasons = merged((part.reasons, {"awaiting_judgement": awaiting}))
    return msgspec.structs.replace(part, reasons=reasons)


def _join(combine: Callable[[Sequence[Term]], Term], parts: Sequence[_Part]) -> _Part:
    status = combine([p.status for p in parts])
    is_open = is_null(status)
    opens: dict[str, Term] = {}
    for part in parts:
        for name, term in part.opens.items():
            opens[name] = disjunction((opens.get(name, FALSE), term))
    return _Part(
        status,
        _waits(status, is_open, parts),
        {n: conjunction((is_open, t)) for n, t in opens.items()},
        limited(merged(p.reasons for p in parts), is_open),
    )


def _waits(status: Term, is_open: Term, parts: Sequence[_Part]) -> Term:
    """Where nothing under a rule waits for a judgement, whatever is null waits for data."""
    if all(p.waits == is_null(p.status) for p in parts):
        return is_null(status)
    return conjunction((is_open, disjunction(p.waits for p in parts)))


_JOINS: Mapping[str, Callable[[Sequence[Term]], Term]] = {
    "all": conjunction,
    "any": disjunction,
    "none": lambda terms: inverse(disjunction(terms)),
}


def _declared(operand: Operand, unit: str) -> Operand:
    """A computed value in the unit of its definition."""
    if operand.kind != "number" or not unit or operand.unit == unit:
        return operand
    if find_factor(operand.unit, unit) is None:
        return never(operand, because="unit_unknown")
    return in_unit(operand, unit) or never(operand, because="unit_unknown")
