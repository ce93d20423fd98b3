"""What the columns of a table of people mean to a study, and how their cells are read."""

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from typing import Literal, cast

import msgspec
from msgspec import Struct

from equipoise.conduct import check_tells_nothing
from equipoise.language import Known, Unknown, Value, ValueType, convert, read_value, unknown
from equipoise.problems import Problem, Where, problem
from equipoise.screening.compiler import LARGEST
from equipoise.study.criteria import Judgement, Rule
from equipoise.study.study import Study
from equipoise.study.vocabulary import criteria_names

IGNORED = frozenset({"id", "person", "person_id", "participant"})
"""Columns that only say who a row is."""

TELLING = frozenset(
    {"arm", "armcd", "actarm", "actarmcd", "trt01p", "trt01a", "trtp", "trta", "trt"}
    | {"allocation", "treatment", "treatment_arm", "randomization", "randomisation", "kit"}
    | {"bras", "traitement", "attribution"}
)
"""What a column of arms is called: in CDISC SDTM and ADaM, in English and in French."""

REFERENCE = "reference_date"
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}(-[0-9]{2})?")
_TRUE, _FALSE = {"true", "yes", "1"}, {"false", "no", "0"}


class Column(Struct, frozen=True):
    """A column by its name in the file, and the value, judgement or date that it gives."""

    header: str
    name: str
    use: Literal["value", "judgement", "reference"]
    type: ValueType
    role: str = ""
    unit: str | None = None
    """The unit of the numbers in the file, where it is not that of the study; `""` for none."""


class WrongCellError(Exception):
    """A cell that is not of its column's kind."""


def find_columns(
    study: Study,
    headers: Sequence[str],
    mapping: Mapping[str, str],
    *,
    where: Where,
    units: Mapping[str, str] = {},
) -> tuple[tuple[Column, ...], tuple[Problem, ...]]:
    """The columns that the study knows; the others are problems. `mapping` renames headers."""
    known = _known_columns(study)
    columns: list[Column] = []
    problems: list[Problem] = []
    for header in headers:
        name = mapping.get(header, header)
        if name in IGNORED and name not in known:
            continue
        if header not in known and tells_an_arm(study, header):
            problems.append(problem("EQ-V179", where, column=header))
        elif name not in known:
            near = ", ".join(get_close_matches(name, known, n=3, cutoff=0))
            problems.append(problem("EQ-E021", where, column=header, nearest=near))
        elif any(c.name == name for c in columns):
            problems.append(problem("EQ-E022", where, column=header, name=name))
        else:
            column = _column(header, name, known[name])
            columns.append(msgspec.structs.replace(column, unit=units.get(name)))
    for header in sorted(set(mapping) - set(headers)):
        near = ", ".join(get_close_matches(header, headers, n=3, cutoff=0))
        problems.append(problem("EQ-E021", where, column=header, nearest=near))
    return tuple(columns), tuple(problems)


def tells_an_arm(study: Study, header: str) -> bool:
    """Whether a column is called like what somebody was allocated to, or was given."""
    if header.strip().lower() in TELLING:
        return True
    said = header.replace("_", " ").replace(".", " ")
    return bool(check_tells_nothing(study, (said,), where=Where()))


def known_headers(
    study: Study, headers: Sequence[str], mapping: Mapping[str, str] = {}
) -> list[str]:
    """The headers that mean something to a study, or say who a row is."""
    known = {*_known_columns(study), *IGNORED}
    return [h for h in headers if mapping.get(h, h) in known]


def read_cell(column: Column, cell: object) -> Value:
    """One cell as a value in the unit of its column; empty and NaN are missing."""
    plain = _plain(column.type.kind, cell)
    if plain is not None and column.type.codes and plain not in column.type.codes:
        raise WrongCellError(cell)
    value = _in_study_unit(column, read_value(plain, column.type.kind, name=column.name))
    is_vague = (
        column.use == "reference" and isinstance(plain, str) and len(plain) < len("2026-03-27")
    )
    if is_vague or value == unknown("undefined", column.name):
        raise WrongCellError(cell)
    return value


def _in_study_unit(column: Column, value: Value) -> Value:
    """A number in the unit of the study; a number without unit is never assumed to fit."""
    if column.type.kind != "number" or isinstance(value, Unknown):
        return value
    unit = column.type.unit if column.unit is None else column.unit
    number = convert(cast("float", value.value), unit, column.type.unit)
    if number is None:
        return unknown("unit_unknown", column.name)
    return Known(number, column.type.unit)


def _plain(kind: str, cell: object) -> object:
    """A cell as JSON would hold it."""
    if isinstance(cell, str):
        cell = _from_text(kind, cell.strip())
    if isinstance(cell, Decimal):
        cell = float(cell)
    if isinstance(cell, float) and math.isnan(cell):
        return None
    if isinstance(cell, int | float) and abs(cell) > LARGEST:
        raise WrongCellError(cell)
    if kind in ("date", "month") and isinstance(cell, str) and not _DAY.fullmatch(cell):
        raise WrongCellError(cell)
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat()
    return cell.isoformat() if isinstance(cell, dt.date) else cell


def _column(header: str, name: str, meaning: ValueType | Judgement) -> Column:
    if isinstance(meaning, Judgement):
        role = meaning.by[0] if meaning.by else ""
        return Column(header, name, "judgement", ValueType("boolean"), role)
    return Column(header, name, "reference" if name == REFERENCE else "value", meaning)


def judgements_of(study: Study) -> Mapping[str, Judgement]:
    """Every question that a person answers, by the id of its criterion or rule."""
    known: dict[str, Judgement] = {}
    for name, criterion in study.criteria:
        _add_judgements(criterion, name, known)
    return known


def _known_columns(study: Study) -> Mapping[str, ValueType | Judgement]:
    return {**judgements_of(study), **criteria_names(study)}


def _add_judgements(rule: Rule | str, name: str, known: dict[str, Judgement]) -> None:
    if isinstance(rule, str):
        return
    if rule.judgement is not None:
        known[name] = rule.judgement
    for part in (*rule.all_, *rule.any_, *rule.none_):
        _add_judgements(part, part.id if isinstance(part, Rule) else "", known)


def _from_text(kind: str, text: str) -> object:
    if not text:
        return None
    if kind == "boolean":
        lowered = text.lower()
        return True if lowered in _TRUE else False if lowered in _FALSE else text
    if kind == "number":
        return float(text) if _NUMBER.fullmatch(text) else text
    return text
