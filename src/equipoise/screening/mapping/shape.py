"""A mapping file: which column of a warehouse feeds which value, in which unit, of which day.

    people:                          # one row a person; may be left out if `facts` has everything
      table: patients                # in a database; a file needs none
      person: patient_id
      reference_date: included_on    # or --reference-date for all
      columns:
        hb: {from: hgb, unit: g/L, on: hgb_day}
        sex: {from: gender, codes: {F: female, M: male}}
    facts:                           # one row a measurement
      table: measurements
      person: patient_id
      concept: code
      value: value
      unit: unit_code                # a column; or `unit` at each concept
      on: taken_on
      concepts:
        "1988-5": {gives: crp, unit: mg/L}

A number without a unit is compared with nothing that has one. A value whose day is known counts
if it is not after the reference date and not older than the study lets it be (`within_days`). Of
several, the one that the study picks (`pick`) counts; if those of that day differ, none does.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct, field

from equipoise.problems import Refused, Where, problem
from equipoise.study.yaml_source import load_yaml


class Feed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A column of a table with one row a person: `codes` translates its words."""

    from_: str = field(name="from")
    unit: str = ""
    on: str = ""
    codes: Mapping[str, str] = {}


class People(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table with one row a person."""

    person: str
    table: str = ""
    reference_date: str = ""
    columns: Mapping[str, Feed] = {}


class Concept(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A concept of a table with one row a measurement, and the value that it gives."""

    gives: str
    unit: str = ""


class Facts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table with one row a measurement: its columns."""

    person: str
    concept: str
    value: str
    on: str
    table: str = ""
    unit: str = ""
    concepts: Mapping[str, Concept] = {}


class Mapped(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping file."""

    people: People | None = None
    facts: Facts | None = None


def load_mapping(path: Path) -> Mapped:
    """Read a mapping file.

    Raises:
        Refused: if it is no YAML, or not of this shape.
    """
    source, problems = load_yaml(path, name=path.name)
    if source is None or problems:
        raise Refused(problems)
    try:
        return msgspec.convert(source.value, Mapped)
    except msgspec.ValidationError as error:
        raise Refused([problem("EQ-E037", Where(path.name), detail=str(error))]) from error
