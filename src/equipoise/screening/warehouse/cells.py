"""What a column of a database gives to the criteria, by its type there."""

from collections.abc import Mapping

from msgspec import Struct
from sqlglot import exp

from equipoise.screening.columns import Column
from equipoise.screening.compiler import LARGEST, Grain
from equipoise.screening.warehouse.tables import FLOATS, INTEGERS, TEXTS, as_day, base_of
from equipoise.screening.warehouse.terms import literal
from equipoise.screening.warehouse.texts import days_of, lost, number_of, trimmed


class Given(Struct, frozen=True, kw_only=True):
    """A column, the SQL of each clean column that it gives, and where a cell is wrong or NaN."""

    column: Column
    gives: Mapping[str, exp.Expression]
    grain: Grain = "f64"
    wrong: exp.Expression | None = None
    no_number: exp.Expression | None = None
    may_be_infinite: bool = False


def give(found: Column, sql_type: str) -> Given | None:
    """None if a column of this type cannot give what it should."""
    base = base_of(sql_type)
    cell = exp.column(found.header, quoted=True)
    name = f"judgement {found.name}" if found.use == "judgement" else found.name
    if base in TEXTS:
        return _give_text(found, name, cell)
    match found.type.kind:
        case "number" if base in INTEGERS:
            return Given(column=found, gives={name: cell}, grain="int")
        case "number" if base in FLOATS:
            return _give_number(found, name, cell, base=base)
        case "boolean" if base == "boolean":
            return Given(column=found, gives={name: cell})
        case "date":
            day = as_day(cell, sql_type)
            return None if day is None else Given(column=found, gives={name: day})
    return None


def _give_text(found: Column, name: str, cell: exp.Expression) -> Given:
    text = trimmed(cell)
    match found.type.kind:
        case "number":
            number = number_of(text)
            return Given(column=found, gives={name: number}, wrong=lost(text, number))
        case "boolean":
            return _give_truth(found, name, text)
        case "date":
            first, last = days_of(text, is_exact=found.use == "reference")
            gives = {name: first}
            if found.use != "reference":
                gives[f"{name} last"] = last
            return Given(column=found, gives=gives, wrong=lost(text, first))
    text = trimmed(cell, found.type.codes)
    return Given(column=found, gives={name: text}, wrong=_not_a_choice(found, text))


def _give_truth(found: Column, name: str, text: exp.Expression) -> Given:
    lowered = exp.Lower(this=text)
    yes, no = [
        exp.In(this=lowered.copy(), expressions=[literal(w) for w in words])
        for words in (("true", "yes", "1"), ("false", "no", "0"))
    ]
    truth = exp.Case(ifs=[exp.If(this=yes, true=exp.true()), exp.If(this=no, true=exp.false())])
    is_word = exp.Or(this=yes.copy(), expression=no.copy())
    wrong = exp.Not(this=exp.Paren(this=is_word))
    return Given(column=found, gives={name: truth}, wrong=wrong)


def _give_number(found: Column, name: str, cell: exp.Expression, *, base: str) -> Given:
    """What is not a number is missing, as it is in a file."""
    number = cell if base == "double" else exp.cast(cell, "DOUBLE")
    infinity = exp.cast(exp.Literal.string("Infinity"), "DOUBLE")
    most = exp.LTE(this=number.copy(), expression=infinity)
    above = exp.And(this=exp.GT(this=number.copy(), expression=literal(LARGEST)), expression=most)
    below = exp.LT(this=number.copy(), expression=literal(-LARGEST))
    return Given(
        column=found,
        gives={name: number},
        wrong=exp.Or(this=exp.Paren(this=above), expression=below),
        no_number=exp.GT(this=number.copy(), expression=infinity.copy()),
        may_be_infinite=True,
    )


def _not_a_choice(found: Column, text: exp.Expression) -> exp.Expression | None:
    if not found.type.codes:
        return None
    is_known = exp.In(this=text.copy(), expressions=[literal(c) for c in found.type.codes])
    return exp.Not(this=exp.Paren(this=is_known))
