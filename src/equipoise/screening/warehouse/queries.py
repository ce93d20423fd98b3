"""The queries of a screening: counts of everybody, and who is not excluded, with the reasons."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, get_args

import msgspec
from msgspec import Struct
from sqlglot import exp

from equipoise.screening.compiler import FALSE, TRUE, CompiledCriterion, Plan, Term, column
from equipoise.screening.compiler.terms import (
    columns_in,
    conjunction,
    disjunction,
    inverse,
    is_null,
)
from equipoise.screening.warehouse.terms import cast, literal, to_sql

Dialect = Literal["duckdb", "postgres", "spark"]
DIALECTS: tuple[Dialect, ...] = get_args(Dialect)


class Warehouse(Struct, frozen=True):
    """A plan over one table: `inputs` are the SQL behind each column that the plan reads,
    `wrong` says for a header where its cells are not of their kind, `steps` are queries that
    come before, each by its name, and `no_numbers` says where a value is NaN, so missing."""

    plan: Plan
    table: exp.Expression
    inputs: Mapping[str, exp.Expression]
    wrong: Mapping[str, exp.Expression] = {}
    person: str = ""
    steps: Sequence[tuple[str, exp.Select]] = ()
    no_numbers: Mapping[str, exp.Expression] = {}


def count_query(warehouse: Warehouse, dialect: Dialect) -> str:
    """One row with every count of the funnel, called and ordered as in `count_names`."""
    columns = _counts(warehouse, dialect)
    return _judged(warehouse).select(*columns, copy=False).sql(dialect, pretty=True)


def count_names(warehouse: Warehouse) -> list[str]:
    """The counts as `make_funnel` calls them; a database may cut long names off."""
    return [c.alias for c in _counts(warehouse, "duckdb")]


def _counts(warehouse: Warehouse, dialect: Dialect) -> list[exp.Alias]:
    criteria = warehouse.plan.criteria
    so_far: list[Term] = []
    columns = [_alias(exp.Count(this=exp.Star()), "people")]
    satisfied = conjunction(_named(c).satisfied for c in criteria)
    waits = disjunction(_waits(c) for c in criteria)
    columns += [
        _counted(satisfied, "eligible", dialect),
        _counted(is_null(satisfied), "open", dialect),
        _counted(conjunction((is_null(satisfied), inverse(waits))), "potential", dialect),
    ]
    for criterion in criteria:
        status = column(criterion.id)
        so_far.append(_named(criterion).satisfied)
        columns += [
            _counted(status, f"met {criterion.id}", dialect),
            _counted(is_null(status), f"unknown {criterion.id}", dialect),
            _counted(conjunction(so_far), f"passed {criterion.id}", dialect),
            _counted(is_null(conjunction(so_far)), f"open {criterion.id}", dialect),
        ]
    for name in _believed(warehouse.plan):
        value = name.removesuffix(" believed")
        is_implausible = inverse(column(name))
        if value in warehouse.no_numbers:
            is_implausible = conjunction((is_implausible, inverse(column(f"no number {value}"))))
        columns.append(_counted(is_implausible, f"implausible {value}", dialect))
    columns += [_counted(column(f"wrong {h}"), f"wrong {h}", dialect) for h in warehouse.wrong]
    return columns


def people_query(warehouse: Warehouse, dialect: Dialect, *, is_everybody: bool = False) -> str:
    """Everybody whom no criterion excludes: `person`, `is_eligible`, `waits`, and `met` and
    `unknown` masks.

    Unless `is_everybody`, who fails one criterion is left out before anything is explained: that
    is ten times faster than to explain everybody, and they are most.
    """
    plan = warehouse.plan
    possible = () if is_everybody else _possible(warehouse)
    criteria = plan.criteria
    satisfied = conjunction(_named(c).satisfied for c in criteria)
    waits = disjunction(_waits(c) for c in criteria)
    columns = [
        _alias(exp.column("person", quoted=True), "person"),
        _alias(to_sql(satisfied), "is_eligible"),
        _alias(to_sql(waits), "waits"),
        _alias(_mask([column(c.id) for c in criteria]), "met"),
        _alias(_mask([is_null(column(c.id)) for c in criteria]), "unknown"),
    ]
    return _judged(warehouse, possible).select(*columns, copy=False).sql(dialect, pretty=True)


def reasons_query(
    warehouse: Warehouse, extra: Mapping[str, Term], names: Sequence[str], dialect: Dialect
) -> str:
    """One row: how many people each of the conditions `names` among `extra` is true of."""
    columns = [_counted(column(name), name, dialect) for name in names]
    judged = _judged(warehouse, extra=extra, kept=names)
    return judged.select(*columns, copy=False).sql(dialect, pretty=True)


def groups_query(
    warehouse: Warehouse,
    extra: Mapping[str, Term],
    names: Sequence[str],
    dialect: Dialect,
    *,
    among: str = "",
) -> str:
    """A row for each combination of the conditions `names` among `extra`, the number of its
    people last; of those alone for whom the condition `among` is true, if one is named."""
    flags = [exp.column(name, quoted=True) for name in names]
    kept = [*names, *([among] if among else [])]
    judged = _judged(warehouse, extra=extra, kept=kept)
    judged = judged.select(*flags, _alias(exp.Count(this=exp.Star()), "people"), copy=False)
    if among:
        judged = judged.where(exp.column(among, quoted=True), copy=False)
    if flags:
        judged = judged.group_by(*(f.copy() for f in flags), copy=False)
    return judged.sql(dialect, pretty=True)


def both(before: Warehouse, after: Warehouse) -> tuple[Warehouse, dict[str, Term], tuple[str, ...]]:
    """Two readings over the same people: one warehouse, what is computed besides, and the names of
    whether each is satisfied and waits, before and after."""
    theirs = {n: f"other {n}" for n, _ in after.plan.definitions}
    extra = {theirs[n]: renamed(term, theirs) for n, term in after.plan.definitions}
    for name, plan, names in (("before", before.plan, {}), ("after", after.plan, theirs)):
        satisfied = conjunction(c.satisfied for c in plan.criteria)
        waits = disjunction(c.waits for c in plan.criteria)
        extra[f"{name} satisfied"] = renamed(satisfied, names)
        extra[f"{name} waits"] = renamed(waits, names)
    asked = ("before satisfied", "before waits", "after satisfied", "after waits")
    inputs = {**before.inputs, **after.inputs}
    return msgspec.structs.replace(before, inputs=inputs), extra, asked


def renamed(term: Term, names: Mapping[str, str]) -> Term:
    """A term over columns of other names; terms are a graph, of which each node is made once."""
    made: dict[Term, Term] = {}

    def rename(part: Term) -> Term:
        if part not in made:
            if part.op == "column":
                name = str(part.args[0])
                made[part] = column(names.get(name, name))
            else:
                args = tuple(rename(a) if isinstance(a, Term) else a for a in part.args)
                made[part] = Term(part.op, args)
        return made[part]

    return rename(term)


def _possible(warehouse: Warehouse) -> list[exp.Expression]:
    defined = dict(warehouse.plan.definitions)
    return [to_sql(is_possible(c.satisfied, defined)) for c in warehouse.plan.criteria]


def is_possible(term: Term, defined: Mapping[str, Term]) -> Term:
    """Whether a term is not false, without any null left: a filter that a database can order."""
    if term.op == "column" and str(term.args[0]) in defined:
        return is_possible(defined[str(term.args[0])], defined)
    parts = [a for a in term.args if isinstance(a, Term)]
    match term.op:
        case "and":
            return conjunction(is_possible(p, defined) for p in parts)
        case "or":
            return disjunction(is_possible(p, defined) for p in parts)
        case "not":
            return inverse(is_certain(parts[0], defined))
        case "masked":
            believed = is_certain(parts[1], defined)
            return disjunction((is_possible(parts[0], defined), inverse(believed)))
        case "null" | "true":
            return TRUE
        case "false" | "is_null" | "is_true":
            return term
    return Term("is_not_false", (term,))


def is_certain(term: Term, defined: Mapping[str, Term]) -> Term:
    """Whether a term is true, without any null left."""
    if term.op == "column" and str(term.args[0]) in defined:
        return is_certain(defined[str(term.args[0])], defined)
    parts = [a for a in term.args if isinstance(a, Term)]
    match term.op:
        case "and":
            return conjunction(is_certain(p, defined) for p in parts)
        case "or":
            return disjunction(is_certain(p, defined) for p in parts)
        case "not":
            return inverse(is_possible(parts[0], defined))
        case "masked":
            return conjunction(is_certain(p, defined) for p in parts)
        case "null" | "false":
            return FALSE
        case "true" | "is_null" | "is_true":
            return term
    return Term("is_true", (term,))


def _judged(
    warehouse: Warehouse,
    possible: Sequence[exp.Expression] = (),
    *,
    extra: Mapping[str, Term] = {},
    kept: Sequence[str] | None = None,
) -> exp.Select:
    """A query whose `FROM` has one column a criterion, after the definitions in layers; with
    `kept`, these columns among `extra` in place of the criteria."""
    columns = [_alias(sql.copy(), name) for name, sql in warehouse.inputs.items()]
    columns += [_alias(sql.copy(), f"wrong {h}") for h, sql in warehouse.wrong.items()]
    columns += [_alias(sql.copy(), f"no number {n}") for n, sql in warehouse.no_numbers.items()]
    person = warehouse.person
    columns.append(_alias(_person(person), "person"))
    query = _select(columns, warehouse.table.copy())
    ctes = [("input", query)]
    for at, layer in enumerate(_layers({**dict(warehouse.plan.definitions), **extra})):
        defined = [_alias(to_sql(t), n) for n, t in layer]
        ctes.append((f"step{at}", _select([exp.Star(), *defined], ctes[-1][0])))
    judged = _kept(warehouse, ctes[-1][0]) if kept is None else _only(kept, ctes[-1][0])
    if possible:
        judged = judged.where(*possible, copy=False)
    outer = exp.Select().from_("judged", copy=False)
    before = [(name, step.copy()) for name, step in warehouse.steps]
    for name, cte in [*before, *ctes, ("judged", judged)]:
        outer = outer.with_(exp.to_identifier(name, quoted=True), as_=cte, copy=False)
    return outer


def _person(header: str) -> exp.Expression:
    """Who a row is: without a column for it, its number, as in a file."""
    if header:
        return exp.column(header, quoted=True)
    return exp.Window(this=exp.RowNumber())


def _only(names: Sequence[str], source: str) -> exp.Select:
    return _select([exp.column(n, quoted=True) for n in names] or [literal(1)], source)


def _kept(warehouse: Warehouse, source: str) -> exp.Select:
    statuses = [_alias(to_sql(c.status), c.id) for c in warehouse.plan.criteria]
    waits = [
        _alias(to_sql(c.waits), f"waits {c.id}") for c in warehouse.plan.criteria if c.has_judgement
    ]
    kept = ["person", *_believed(warehouse.plan), *(f"wrong {h}" for h in warehouse.wrong)]
    kept += [f"no number {n}" for n in warehouse.no_numbers]
    others = [exp.column(n, quoted=True) for n in kept]
    return _select([*others, *statuses, *waits], source)


def _select(columns: Sequence[exp.Expression], source: exp.Expression | str) -> exp.Select:
    """Without copies: a plan has thousands of parts, and each copy would copy all under it."""
    return exp.Select().select(*columns, copy=False).from_(source, copy=False)


def _layers(definitions: Mapping[str, Term]) -> Iterator[Sequence[tuple[str, Term]]]:
    waiting = dict(definitions)
    while waiting:
        ready = [(n, t) for n, t in waiting.items() if not columns_in(t) & waiting.keys()]
        yield ready
        for name, _ in ready:
            del waiting[name]


def _believed(plan: Plan) -> list[str]:
    return [n for n, _ in plan.definitions if n.endswith(" believed")]


def _named(criterion: CompiledCriterion) -> CompiledCriterion:
    return CompiledCriterion(
        id=criterion.id,
        is_inclusion=criterion.is_inclusion,
        has_judgement=criterion.has_judgement,
        status=column(criterion.id),
        waits=criterion.waits,
    )


def _waits(criterion: CompiledCriterion) -> Term:
    if criterion.has_judgement:
        return column(f"waits {criterion.id}")
    return is_null(column(criterion.id))


def _alias(part: exp.Expression, name: str) -> exp.Alias:
    return exp.Alias(this=part, alias=exp.to_identifier(name, quoted=True))


def _counted(term: Term, name: str, dialect: Dialect) -> exp.Alias:
    condition = to_sql(term)
    if dialect == "postgres":
        some = exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=condition))
        return _alias(some, name)
    return _alias(exp.Anonymous(this="COUNT_IF", expressions=[condition]), name)


def _mask(flags: Sequence[Term]) -> exp.Expression:
    """A sum of powers of two; a null flag adds nothing."""
    total: exp.Expression = cast(literal(0), "BIGINT")
    for bit, flag in enumerate(flags):
        is_set = cast(to_sql(Term("is_true", (flag,))), "INT")
        power = exp.Mul(this=cast(is_set, "BIGINT"), expression=literal(1 << bit))
        total = exp.Add(this=total, expression=power)
    return total
