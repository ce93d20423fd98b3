"""A warehouse's own columns, units and days become values of the study."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from equipoise.problems import Refused
from equipoise.screening import apply_mapping, load_mapping, screen
from equipoise.screening.mapping import Concept, Facts, latest
from equipoise.study.criteria import Criterion, ValueDefinition
from tests.unit.eligibility.small_study import REFERENCE, VALUES, judged, study

STUDY = study(
    (Criterion(number="1", is_="hb >= 110 g/L"), Criterion(number="2", is_="crp > 5 mg/L")),
    (Criterion(number="1", is_="sex = male"), Criterion(number="2", judgement=judged())),
)
MAPPING = """\
people:
  person: pid
  columns:
    hb: {from: hgb, unit: g/dL, on: hgb_day}
    sex: {from: gender, codes: {F: female, M: male}}
    E2: {from: uncontrolled}
facts:
  person: pid
  concept: code
  value: value
  unit: unit
  on: day
  concepts:
    "1988-5": {gives: crp}
"""
OLD, RECENT = REFERENCE - dt.timedelta(days=29), REFERENCE - dt.timedelta(days=28)
PEOPLE = pl.LazyFrame(
    {
        "pid": [1, 2, 3, 4],
        "hgb": [11.0, 10.9, 12.0, 12.0],
        "hgb_day": [RECENT, RECENT, OLD, REFERENCE + dt.timedelta(days=1)],
        "gender": ["F", "F", "M", "F"],
        "uncontrolled": [False] * 4,
    }
)

CRP = Concept(gives="crp", unit="mg/L")


def fact(person: int, value: float | None, unit: str, days: int) -> dict[str, object]:
    day = REFERENCE - dt.timedelta(days=days)
    return {"pid": person, "code": "1988-5", "value": value, "unit": unit, "day": day}


FACTS = pl.LazyFrame(
    [
        fact(1, 1.0, "mg/dL", 30),  # first, which this study picks: 10 mg/L
        fact(1, 1.0, "mg/L", 2),
        fact(2, 9.0, "mg/L", 5),
        fact(2, 4.0, "mg/L", 5),  # the same day, and another number
        fact(3, 9.0, "kg", 5),  # no unit of a concentration
        fact(4, 0.9, "mg/dL", 5),
        fact(4, 9.0, "mg/L", 5),  # the same day and the same number
        {**fact(2, 99.0, "mg/L", 1), "code": "other"},
    ]
)


def mapped(tmp_path: Path, text: str = MAPPING) -> Path:
    path = tmp_path / "mapping.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_wide_and_long_tables_feed_one_row_a_person(tmp_path: Path) -> None:
    """Units convert, days count, and two numbers of one day are conflicting."""
    table = apply_mapping(
        STUDY, load_mapping(mapped(tmp_path)), PEOPLE, FACTS, reference_on=REFERENCE
    )

    rows = table.rows.sort("person").collect()
    funnel = screen(STUDY, table.rows, units=table.units, reference_on=REFERENCE)

    assert rows["hb"].to_list() == [11.0, 10.9, None, None]
    assert rows["crp"].to_list() == [10.0, None, None, 9.0]
    assert rows["sex"].to_list() == ["female", "female", "male", "female"]
    counted = {c.id: (c.met, c.not_met, c.unknown) for c in funnel.criteria}
    assert counted["I1"] == (1, 1, 2)
    assert counted["I2"] == (2, 0, 2)
    assert (funnel.eligible, funnel.not_eligible, funnel.undecided) == (1, 2, 1)


@pytest.mark.parametrize(
    ("unit", "counted"), [("mg/L", 9.0), ("ug/mL", 9.0), ("mg/dl", 90.0), ("10*9/L", None)]
)
def test_a_unit_column_may_hold_ucum_codes(
    tmp_path: Path, unit: str, counted: float | None
) -> None:
    """`10*9/L` and `mg/dL` are read as elsewhere; what is no unit of the quantity gives nothing."""
    facts = pl.LazyFrame([fact(1, 9.0, unit, 5)])
    table = apply_mapping(
        STUDY, load_mapping(mapped(tmp_path)), PEOPLE, facts, reference_on=REFERENCE
    )

    assert table.rows.sort("person").collect()["crp"].to_list()[0] == counted


def test_a_number_without_a_unit_is_compared_with_nothing(tmp_path: Path) -> None:
    """Whether it is g/L or g/dL, no one may guess."""
    bare = MAPPING.replace("{from: hgb, unit: g/dL, on: hgb_day}", "{from: hgb}")
    table = apply_mapping(
        STUDY, load_mapping(mapped(tmp_path, bare)), PEOPLE, FACTS, reference_on=REFERENCE
    )

    funnel = screen(STUDY, table.rows, units=table.units)

    assert funnel.criteria[0].unknown == 4


def test_each_person_has_a_reference_date_of_their_own(tmp_path: Path) -> None:
    """Windows end there, for measurements too."""
    text = MAPPING.replace(
        "  person: pid\n  columns", "  person: pid\n  reference_date: on\n  columns"
    )
    days = [REFERENCE, OLD - dt.timedelta(days=30), REFERENCE, REFERENCE]
    people = PEOPLE.with_columns(pl.Series("on", days))

    table = apply_mapping(STUDY, load_mapping(mapped(tmp_path, text)), people, FACTS)

    rows = table.rows.sort("person").collect()
    assert rows["hb"].to_list() == [11.0, None, None, None]
    assert rows["crp"].to_list() == [10.0, None, None, 9.0]


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        ([7.2, 7.3], None),
        ([7.3, 7.2, 7.3], None),
        ([-0.25, -0.125], None),
        ([-0.25, -0.25], -0.25),
        ([0.0, -0.0], 0.0),
        ([7.25, float("nan")], 7.25),
        ([1e300, 7.0], None),
        ([5.0], 5.0),
    ],
)
def test_numbers_of_one_day_count_if_they_are_the_same(
    values: list[float], counts: float | None
) -> None:
    """However little they differ; what is not a number is no second one."""
    rows = [{**fact(1, v, "mg/L", 3), "pid": 1} for v in values]
    feeds = Facts(person="pid", concept="code", value="value", on="day", concepts={"1988-5": CRP})

    found = latest(STUDY, feeds, pl.LazyFrame(rows), reference_on=REFERENCE).collect()

    assert found["value"].to_list() == [counts]


def test_measurements_alone_make_people(tmp_path: Path) -> None:
    """Whoever has none that counts is still a person."""
    text = "facts:\n" + MAPPING.split("facts:\n")[1]

    table = apply_mapping(
        STUDY, load_mapping(mapped(tmp_path, text)), None, FACTS, reference_on=REFERENCE
    )

    assert table.rows.sort("person").collect()["crp"].to_list() == [10.0, None, None, 9.0]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (MAPPING.replace("gives: crp", "gives: crb"), ["EQ-E038"]),
        (MAPPING.replace("from: hgb,", "from: hgp,"), ["EQ-E039"]),
        (MAPPING.replace("concept: code", "concept: cod"), ["EQ-E039"]),
        ("people: {columns: {}}", ["EQ-E037"]),
        ("peple: {person: pid}", ["EQ-E037"]),
        ("{}", ["EQ-E023"]),
        (MAPPING.replace("gives: crp", "gives: fertile"), ["EQ-E041"]),
        (MAPPING.replace("gives: crp", "gives: E2"), ["EQ-E041", "EQ-E022"]),
        (MAPPING.replace("gives: crp", "gives: hb"), ["EQ-E022"]),
        (MAPPING + "    other: {gives: crp}\n", ["EQ-E022"]),
        (
            MAPPING.replace("    hb:", "    reference_date: {from: hgb_day}\n    hb:").replace(
                "  person: pid\n  columns", "  person: pid\n  reference_date: hgb_day\n  columns"
            ),
            ["EQ-E022"],
        ),
    ],
)
def test_a_wrong_mapping_is_a_problem(tmp_path: Path, text: str, codes: list[str]) -> None:
    """Which names are wrong, and what there is instead."""
    with pytest.raises(Refused) as caught:
        apply_mapping(
            STUDY, load_mapping(mapped(tmp_path, text)), PEOPLE, FACTS, reference_on=REFERENCE
        )

    assert [p.code for p in caught.value.problems] == codes
    assert all(p.advise("fr") for p in caught.value.problems)


def test_days_need_a_day_to_count_to(tmp_path: Path) -> None:
    """Without one no window has an end."""
    with pytest.raises(Refused) as caught:
        apply_mapping(STUDY, load_mapping(mapped(tmp_path)), PEOPLE, FACTS)

    assert [p.code for p in caught.value.problems] == ["EQ-E027"]


def test_a_unit_that_is_alone_of_its_kind_is_looked_at_too(tmp_path: Path) -> None:
    """Points are not kilograms, though nothing converts into points."""
    points = {**VALUES, "share": ValueDefinition(from_="history.skin", unit="points")}
    assessed = study((Criterion(number="1", is_="share < 40 points"),), (), points)
    text = "facts:\n" + MAPPING.split("facts:\n")[1].replace("gives: crp", "gives: share")
    facts = pl.LazyFrame([fact(1, 7.0, "kg", 2), fact(2, 8.0, "points", 2)])

    table = apply_mapping(
        assessed, load_mapping(mapped(tmp_path, text)), None, facts, reference_on=REFERENCE
    )

    assert table.rows.sort("person").collect()["share"].to_list() == [None, 8.0]


def test_a_column_of_the_measurements_is_not_the_day_of_the_person(tmp_path: Path) -> None:
    """Though it is called like it."""
    text = MAPPING.replace(
        "  person: pid\n  columns", "  person: pid\n  reference_date: on\n  columns"
    )
    people = PEOPLE.with_columns(pl.lit(REFERENCE).alias("on"))
    facts = FACTS.with_columns(pl.lit(dt.date(1999, 1, 1)).alias("reference_date"))

    table = apply_mapping(STUDY, load_mapping(mapped(tmp_path, text)), people, facts)

    assert table.rows.sort("person").collect()["crp"].to_list() == [10.0, None, None, 9.0]


def test_people_are_called_alike_in_both_tables(tmp_path: Path) -> None:
    """Whether 1 is "01" no one may guess; words of an enumeration are words."""
    feeds = load_mapping(mapped(tmp_path))
    words = FACTS.with_columns(pl.col("pid").cast(pl.String))
    with pytest.raises(Refused) as caught:
        apply_mapping(STUDY, feeds, PEOPLE, words, reference_on=REFERENCE)
    assert [p.code for p in caught.value.problems] == ["EQ-E045"]

    people = PEOPLE.with_columns(pl.col("pid").cast(pl.String).cast(pl.Categorical))
    table = apply_mapping(STUDY, feeds, people, words, reference_on=REFERENCE)

    assert table.rows.sort("person").collect()["crp"].to_list() == [10.0, None, None, 9.0]
