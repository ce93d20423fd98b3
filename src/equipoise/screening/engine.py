"""The compiled criteria over a Polars frame: one column a criterion, then verdicts and counts."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import get_args

import msgspec
import polars as pl
from msgspec import Struct

from equipoise.language.values import ReasonKind
from equipoise.screening.columns import Column, WrongCellError
from equipoise.screening.compiler import CompiledCriterion, Plan, Term, compile_study
from equipoise.screening.compiler.terms import columns_in, conjunction, disjunction, words_in
from equipoise.screening.counting import Counting
from equipoise.screening.funnel import Funnel, make_funnel
from equipoise.screening.polars_terms import to_polars
from equipoise.screening.reading import Clean, clean_columns, find_sources
from equipoise.screening.rows import RowReader
from equipoise.study.study import Study

SATISFIED = "all criteria"
"""The column that is true for the eligible, false for the others, null where undecided."""

WAITS = "waits for data"
KINDS: tuple[ReasonKind, ...] = get_args(ReasonKind)
_ROW = pl.Struct(dict.fromkeys(("status", "waits", *KINDS), pl.Boolean))


class Engine(Struct, frozen=True):
    """A study compiled for the columns of one table."""

    study: Study
    plan: Plan
    cleaned: tuple[Clean, ...]
    reference_on: dt.date | None

    @property
    def criteria(self) -> tuple[CompiledCriterion, ...]:
        """Every criterion in the order of the record, those that did not compile included."""
        compiled = {c.id: c for c in self.plan.criteria}
        return tuple(compiled.get(name) or _evaluated(name) for name, _ in self.study.criteria)

    @property
    def waiting(self) -> tuple[CompiledCriterion, ...]:
        """Criteria that may wait for a judgement, so that `waits` says more than null does."""
        return tuple(c for c in self.criteria if c.has_judgement)


def compile_for(
    study: Study,
    columns: Sequence[Column],
    schema: Mapping[str, pl.DataType],
    reference_on: dt.date | None = None,
) -> Engine:
    """Compile the criteria for a table; what cannot be is evaluated row by row."""
    first = clean_columns(columns, schema)
    plan = compile_study(study, find_sources(first, reference_on))
    terms = [c.status for c in plan.criteria] + [t for _, t in plan.definitions]
    words: dict[str, set[str]] = {}
    for term in terms:
        for name, word in words_in(term):
            words.setdefault(name, set()).add(word)
    return Engine(study, plan, tuple(clean_columns(columns, schema, words)), reference_on)


def judge(
    engine: Engine,
    rows: pl.LazyFrame,
    *,
    keep: Sequence[str] = (),
    extra: Mapping[str, Term] = {},
) -> pl.LazyFrame:
    """One column a criterion (`I3`: met, not met or null), `waits I5` where that says more, the
    columns in `keep` under their own names, and the terms of `extra` under theirs."""
    rows = _prepared(engine, rows, keep, extra)
    statuses = [to_polars(c.status).alias(c.id) for c in engine.criteria]
    waits = [to_polars(c.waits).alias(f"waits {c.id}") for c in engine.waiting]
    believed = [n for n, _ in engine.plan.definitions if n.endswith(" believed")]
    kept = [pl.col(f"keep {name}").alias(name) for name in keep]
    others = [pl.col(n) for n in (*believed, *_wrong(engine), *extra)]
    return rows.select(*kept, pl.col(_HEIGHT), *statuses, *waits, *others)


def _prepared(
    engine: Engine, rows: pl.LazyFrame, keep: Sequence[str], extra: Mapping[str, Term]
) -> pl.LazyFrame:
    """What the criteria read: clean columns, and what several criteria share."""
    definitions = {**dict(engine.plan.definitions), **extra}
    return _with_definitions(definitions, rows.select(*_inputs(engine, keep)))


def _wrong(engine: Engine) -> Mapping[str, pl.Expr]:
    """Where each column that can hold a wrong cell does."""
    return {
        f"wrong {c.column.header}": c.is_wrong for c in engine.cleaned if c.is_wrong is not None
    }


_HEIGHT = "row"
_PIECE = 400_000


def _inputs(engine: Engine, keep: Sequence[str]) -> Iterator[pl.Expr]:
    for clean in engine.cleaned:
        for name, expression in clean.gives.items():
            yield expression.alias(name)
    yield from (flag.alias(name) for name, flag in _wrong(engine).items())
    if engine.plan.gaps:
        yield from _row_by_row(engine)
    yield from (pl.col(name).alias(f"keep {name}") for name in keep)
    # Constants alone would make one row of any table.
    first = engine.cleaned[0].column.header
    yield pl.col(first).is_null().alias(_HEIGHT)


def _with_definitions(definitions: Mapping[str, Term], rows: pl.LazyFrame) -> pl.LazyFrame:
    waiting = dict(definitions)
    while waiting:
        ready = {n: t for n, t in waiting.items() if not columns_in(t) & waiting.keys()}
        rows = rows.with_columns(to_polars(t).alias(n) for n, t in ready.items())
        waiting = {n: t for n, t in waiting.items() if n not in ready}
    return rows


def verdicts(engine: Engine, judged: pl.LazyFrame) -> pl.LazyFrame:
    """Add `SATISFIED` and `WAITS`."""
    satisfied = conjunction(_column_of(c).satisfied for c in engine.criteria)
    by_data = [c for c in engine.criteria if c not in engine.waiting]
    waits = disjunction(
        (
            *(Term("column", (f"waits {c.id}",)) for c in engine.waiting),
            *(Term("is_null", (_column_of(c).status,)) for c in by_data),
        )
    )
    return judged.with_columns(to_polars(satisfied).alias(SATISFIED), to_polars(waits).alias(WAITS))


def _column_of(criterion: CompiledCriterion) -> CompiledCriterion:
    return msgspec.structs.replace(criterion, status=Term("column", (criterion.id,)))


def _evaluated(name: str) -> CompiledCriterion:
    """A criterion whose answers come from the rows."""
    row = f"rows {name}"
    return CompiledCriterion(
        id=name,
        is_inclusion=name.startswith("I"),
        has_judgement=True,
        status=Term("column", (f"{row} status",)),
        waits=Term("column", (f"{row} waits",)),
        opens={name: Term("is_null", (Term("column", (f"{row} status",)),))},
        reasons={kind: Term("column", (f"{row} {kind}",)) for kind in KINDS},
    )


def _row_by_row(engine: Engine) -> Iterator[pl.Expr]:
    columns = [c.column for c in engine.cleaned]
    cells = pl.struct(c.header for c in columns)
    for name in engine.plan.gaps:
        reader = RowReader(_only(engine.study, name), columns, engine.reference_on)
        answers = cells.map_batches(_Evaluating(reader), return_dtype=_ROW)
        for field in ("status", "waits", *KINDS):
            yield answers.struct.field(field).alias(f"rows {name} {field}")


class _Evaluating:
    """The reference evaluator over a batch of rows, for one criterion."""

    def __init__(self, reader: RowReader) -> None:
        self.reader = reader

    def __call__(self, rows: pl.Series) -> pl.Series:
        found = [self._answer(row) for row in rows.struct.unnest().iter_rows()]
        return pl.Series(found, dtype=_ROW)

    def _answer(self, row: tuple[object, ...]) -> dict[str, bool | None]:
        try:
            (criterion,) = self.reader.assess(row).criteria
        except WrongCellError:  # which is told where cells are checked
            return {"status": None, "waits": True, **dict.fromkeys(KINDS, False)}
        kinds = {r.kind for r in criterion.reasons}
        is_open = criterion.status == "unknown"
        satisfied = criterion.kind == "inclusion"
        status = None if is_open else criterion.status == "met"
        if criterion.status == "not_applicable":
            status = satisfied
        waits = is_open and kinds != {"awaiting_judgement"}
        told: dict[str, bool] = {kind: is_open and kind in kinds for kind in KINDS}
        return {"status": status, "waits": waits, **told}


def _only(study: Study, name: str) -> Study:
    """The study with one criterion alone."""
    kind = "inclusion" if name.startswith("I") else "exclusion"
    (criterion,) = (c for n, c in study.criteria if n == name)
    alone = {"inclusion": (), "exclusion": (), kind: (criterion,)}
    return msgspec.structs.replace(
        study, eligibility=msgspec.structs.replace(study.eligibility, **alone)
    )


def count(engine: Engine, parts: Iterable[pl.LazyFrame]) -> Mapping[str, int]:
    """Every count of the funnel, over the parts of one table.

    Polars computes the comparisons, and their bits are joined and counted as they come: to join
    columns that hold nulls would cost several times what the comparisons do.
    """
    wrong = tuple(_wrong(engine))
    counting = Counting(engine.criteria, dict(engine.plan.definitions), flags=wrong)
    leaves = [to_polars(term).alias(str(at)) for at, term in enumerate(counting.leaves)]
    compared = (_prepared(engine, rows, (), {}).select(*leaves, pl.col(_HEIGHT)) for rows in parts)
    # In one chunk, values and nulls begin at the same bit: else each column would be copied twice.
    return counting.count(piece.rechunk() for rows in compared for piece in _pieces(rows))


def _pieces(rows: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    return rows.collect_batches(chunk_size=_PIECE, maintain_order=False, engine="streaming")


def to_funnel(engine: Engine, counts: Mapping[str, int]) -> Funnel:
    """The funnel of counted people."""
    return make_funnel([(c.id, c.is_inclusion) for c in engine.criteria], counts)
