"""Columns of a table become clean ones: typed, in one row a person, wrong cells marked."""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import msgspec
import polars as pl
from msgspec import Struct

from equipoise.language.values import Known
from equipoise.screening.columns import REFERENCE, Column
from equipoise.screening.compiler import (
    LARGEST,
    Grain,
    Judged,
    Operand,
    Sources,
    Term,
    column,
    constant,
)
from equipoise.screening.compiler.operands import Reasons, in_unit, never
from equipoise.screening.compiler.terms import TRUE, disjunction, inverse

_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
_DAY, _MONTH = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", r"^[0-9]{4}-[0-9]{2}$"
_TEXTS = (pl.String, pl.Categorical, pl.Enum)


class Clean(Struct, frozen=True):
    """One column of the table: the clean columns it gives, and where a cell is wrong.

    `is_wrong` is None where no cell can be; `may_be_infinite` asks for a look at the largest
    numbers, which costs a pass and is made only if something was not believed.
    """

    column: Column
    gives: Mapping[str, pl.Expr]
    grain: Grain = "f64"
    is_wrong: pl.Expr | None = None
    may_be_infinite: bool = False


def clean_columns(
    columns: Sequence[Column],
    schema: Mapping[str, pl.DataType],
    words: Mapping[str, Collection[str]] = {},
) -> list[Clean]:
    """How each column of a table with these types is read.

    `words` are texts that the columns will be compared with, which an enumeration must know.
    """
    return [_clean(c, schema[c.header], sorted(words.get(c.name, ()))) for c in columns]


class Read(Protocol):
    """A column as an engine reads it: the names of the clean columns that it gives."""

    @property
    def column(self) -> Column:
        """What the column means to the study."""
        ...

    @property
    def gives(self) -> Collection[str]:
        """The names of the clean columns."""
        ...

    @property
    def grain(self) -> Grain:
        """What numbers it can hold."""
        ...

    @property
    def may_be_infinite(self) -> bool:
        """Whether it can hold numbers past the largest, or none."""
        ...


def find_sources(cleaned: Sequence[Read], reference_on: dt.date | None) -> Sources:
    """What clean columns give to the criteria."""
    reference = find_reference((c.column for c in cleaned), reference_on)
    values: dict[str, Operand] = {}
    judgements: dict[str, Judged] = {}
    for clean in cleaned:
        found = clean.column
        if found.use == "value":
            is_bounded = found.type.plausible is not None
            values[found.name] = _operand(clean, reference, is_bounded=is_bounded)
        elif found.use == "judgement":
            judgements[found.name] = Judged(column(_first(found)))
    return Sources(values, judgements, reference)


def find_reference(columns: Iterable[Column], reference_on: dt.date | None) -> Operand:
    """The day that ages are counted to: that of the row, and `reference_on` where it has none."""
    if any(c.use == "reference" for c in columns):
        day = column(REFERENCE)
        absent = _absent(day)
        if reference_on is not None:
            day = Term("choose", (_is_there(day), day, absent, constant(reference_on)))
            return Operand(kind="date", low=day, high=day)
        opens, reasons = {REFERENCE: absent}, _missing(absent)
        return Operand(kind="date", low=day, high=day, opens=opens, reasons=reasons)
    if reference_on is None:
        return Operand(kind="never", opens={REFERENCE: TRUE}, reasons=_missing(TRUE))
    day = constant(reference_on)
    return Operand(kind="date", low=day, high=day, known=Known(reference_on))


def _is_there(term: Term) -> Term:
    return Term("not", (_absent(term),))


def _absent(term: Term) -> Term:
    return Term("is_null", (term,))


def _operand(clean: Read, reference: Operand, *, is_bounded: bool) -> Operand:
    """`is_bounded` says that plausible bounds will leave out what is no number or has no limit."""
    found, kind = clean.column, clean.column.type.kind
    low, high = column(_first(found)), column(_last(found, clean))
    valid: tuple[Term, ...] = ()
    if kind == "number" and clean.may_be_infinite and not is_bounded:
        valid = (
            Term("ge", (low, constant(-LARGEST))),
            Term("le", (low, constant(LARGEST))),
        )
    if kind == "date" and reference.kind == "never":
        return Operand(kind="never", opens=reference.opens, reasons=reference.reasons)
    if kind == "date" and reference.known is None:
        valid = (_is_there(reference.low),)
    operand = Operand(
        kind="text" if kind == "choice" else kind,  # type: ignore[arg-type]
        low=low,
        high=high,
        unit=found.type.unit if found.unit is None else found.unit,
        valid=valid,
        grain=clean.grain,
    )
    opens = {found.name: Term("not", (operand.is_known,))}
    operand = msgspec.structs.replace(operand, opens=opens, reasons=_absences(operand, clean))
    fitted = in_unit(operand, found.type.unit) if kind == "number" else operand
    if fitted is not None:
        return fitted
    return msgspec.structs.replace(never(operand, because="unit_unknown"), opens={found.name: TRUE})


def _absences(operand: Operand, clean: Read) -> Reasons:
    """Whatever is not there is missing; NaN is past every limit, where other numbers are wrong."""
    absent = inverse(operand.is_known)
    if clean.may_be_infinite:
        absent = disjunction((absent, Term("gt", (operand.low, constant(LARGEST)))))
    return _missing(absent)


def _missing(where: Term) -> Reasons:
    return {"missing": where}


def _first(found: Column) -> str:
    return f"judgement {found.name}" if found.use == "judgement" else found.name


def _last(found: Column, clean: Read) -> str:
    last = f"{found.name} last"
    return last if last in clean.gives else _first(found)


def _clean(found: Column, dtype: pl.DataType, words: Sequence[str]) -> Clean:
    cell = pl.col(found.header)
    if isinstance(dtype, pl.Null):
        empty = pl.Boolean if found.type.kind == "boolean" else pl.Float64
        return Clean(found, {_first(found): cell.cast(empty)})
    if isinstance(dtype, pl.Enum) and _is_closed(found, dtype):
        return Clean(found, {_first(found): _enumerated(cell, dtype, (*found.type.codes, *words))})
    if isinstance(dtype, _TEXTS):
        return _CLEAN_TEXT[found.type.kind](found, cell, dtype)
    return _clean_typed(found, cell, dtype)


def _clean_typed(found: Column, cell: pl.Expr, dtype: pl.DataType) -> Clean:
    kind, name = found.type.kind, _first(found)
    if kind == "number" and (dtype.is_numeric() or isinstance(dtype, pl.Decimal)):
        return _clean_number(found, cell, dtype)
    if kind == "boolean" and isinstance(dtype, pl.Boolean):
        return Clean(found, {name: cell})
    if kind == "date" and isinstance(dtype, pl.Date | pl.Datetime):
        return Clean(found, {name: cell if isinstance(dtype, pl.Date) else cell.cast(pl.Date)})
    nothing = pl.lit(None, dtype=_EMPTY[kind])
    return Clean(found, {name: nothing}, is_wrong=cell.is_not_null())


def _clean_number(found: Column, cell: pl.Expr, dtype: pl.DataType) -> Clean:
    name = _first(found)
    if dtype.is_integer():
        is_wide = dtype in (pl.UInt64, pl.Int128)
        return Clean(found, {name: cell.cast(pl.Float64) if is_wide else cell}, "int")
    if isinstance(dtype, pl.Float32):
        return Clean(found, {name: cell}, "f32", may_be_infinite=True)
    number = cell if isinstance(dtype, pl.Float64) else cell.cast(pl.Float64)
    return Clean(found, {name: number}, may_be_infinite=True)


def _enumerated(cell: pl.Expr, dtype: pl.Enum, words: Sequence[str]) -> pl.Expr:
    """An enumeration that knows every word it is compared with; a cast costs more than a rule."""
    if set(words) <= set(dtype.categories):
        return cell
    return cell.cast(pl.Enum(list(dict.fromkeys((*dtype.categories, *words)))))


def _is_closed(found: Column, dtype: pl.Enum) -> bool:
    """An enumeration that has no other words than the choices needs no look at its cells."""
    return bool(found.type.codes) and set(dtype.categories) <= set(found.type.codes)


def _text(cell: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    plain = cell if isinstance(dtype, pl.String) else cell.cast(pl.String)
    stripped = plain.str.strip_chars()
    return pl.when(stripped != "").then(stripped).otherwise(None)


def _number_text(found: Column, cell: pl.Expr, dtype: pl.DataType) -> Clean:
    text = _text(cell, dtype)
    number = pl.when(text.str.contains(_NUMBER)).then(text).otherwise(None)
    number = number.cast(pl.Float64, strict=False)
    number = pl.when(number.abs() <= LARGEST).then(number).otherwise(None)
    return Clean(found, {_first(found): number}, is_wrong=_lost(text, number))


def _boolean_text(found: Column, cell: pl.Expr, dtype: pl.DataType) -> Clean:
    text = _text(cell, dtype)
    lowered = text.str.to_lowercase()
    truth = (
        pl.when(lowered.is_in(["true", "yes", "1"]))
        .then(True)
        .when(lowered.is_in(["false", "no", "0"]))
        .then(False)
        .otherwise(None)
    )
    return Clean(found, {_first(found): truth}, is_wrong=_lost(text, truth))


def _day_text(found: Column, cell: pl.Expr, dtype: pl.DataType) -> Clean:
    text = _text(cell, dtype)
    is_month = text.str.contains(_MONTH)
    day = pl.when(text.str.contains(_DAY)).then(text).when(is_month).then(text + "-01")
    first = day.otherwise(None).str.to_date("%Y-%m-%d", strict=False)
    first = pl.when(first.dt.year() > 0).then(first)
    if found.use == "reference":
        first = pl.when(is_month).then(None).otherwise(first)
        return Clean(found, {_first(found): first}, is_wrong=_lost(text, first))
    last = pl.when(is_month).then(first.dt.month_end()).otherwise(first)
    gives = {_first(found): first, f"{found.name} last": last}
    return Clean(found, gives, is_wrong=_lost(text, first))


def _word_text(found: Column, cell: pl.Expr, dtype: pl.DataType) -> Clean:
    codes = found.type.codes
    text = _text(cell, dtype)
    is_wrong = ~text.is_in(list(codes)) if codes else None
    return Clean(found, {_first(found): text}, is_wrong=is_wrong)


def _lost(text: pl.Expr, read: pl.Expr) -> pl.Expr:
    return text.is_not_null() & read.is_null()


_CLEAN_TEXT = {
    "number": _number_text,
    "boolean": _boolean_text,
    "date": _day_text,
    "choice": _word_text,
    "text": _word_text,
    "any": _word_text,
}
_EMPTY: Mapping[str, type[pl.DataType]] = {
    "number": pl.Float64,
    "boolean": pl.Boolean,
    "date": pl.Date,
    "choice": pl.String,
    "text": pl.String,
    "any": pl.String,
}


def wrong_cells(cleaned: Sequence[Clean]) -> Iterator[tuple[Clean, pl.Expr]]:
    """Each column that can hold a wrong cell, and where it does."""
    for clean in cleaned:
        if clean.is_wrong is not None:
            yield clean, clean.is_wrong
        elif clean.may_be_infinite:
            cell = pl.col(clean.column.header)
            yield clean, cell.is_not_nan() & (cell.abs() > LARGEST)
