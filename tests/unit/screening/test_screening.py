"""A table of people against the criteria: the funnel, and what is wrong with a table."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest
from msgspec.structs import replace

from equipoise.problems import Problem, Refused, Text
from equipoise.screening import Funnel, screen
from equipoise.screening.tables import MOST_PROBLEMS, PART, in_parts, open_table
from equipoise.study.criteria import Criterion, Rule
from equipoise.study.protocol import Product, StudyArm, Treatments
from equipoise.study.study import Study
from tests.unit.eligibility.small_study import INCLUSION, REFERENCE, judged, study

STUDY = study(
    (INCLUSION[1], INCLUSION[3]),
    (
        Criterion(number="2", any_=("bmi < 16.5 kg/m2", "crp > 5 mg/L")),
        Criterion(number="4", judgement=judged(valid_days=28)),
        Criterion(number="5", any_=(Rule(id="5x", judgement=judged()),)),
    ),
)
PEOPLE = """\
person_id,age,crp,bmi,sex,fertile,method,E4,5x
a,40,1,20,male,yes,,false,no
b,40,1,20,male,1,,false,
c,17,1,20,male,true,,false,false
d,40,,20,female,0,,FALSE,0
e,40,9,,female,true,bad,false,false
f,, ,,,,,,
"""


def write(folder: Path, text: str, name: str = "people.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def counts(funnel: Funnel) -> dict[str, tuple[int, int, int]]:
    return {c.id: (c.met, c.not_met, c.unknown) for c in funnel.criteria}


def refusals(people: Path, mapping: Mapping[str, str] | None = None) -> list[Problem]:
    with pytest.raises(Refused) as caught:
        screen(STUDY, people, mapping)
    for problem in caught.value.problems:
        assert problem.say("fr")
        assert problem.advise("fr")
    return list(caught.value.problems)


def test_the_funnel_counts_each_person_once(tmp_path: Path) -> None:
    """Six people; whom a criterion does not concern satisfies it; an empty cell is unknown."""
    funnel = screen(STUDY, write(tmp_path, PEOPLE))

    answer = funnel.to_answer()
    steps = answer.pop("funnel")

    assert answer == {
        "people": 6,
        "eligible": 1,
        "not_eligible": 2,
        "undecided": 2,
        "potential": 1,
        "criteria": tuple(
            {"id": name, "met": met, "not_met": not_met, "unknown": n_unknown}
            for name, met, not_met, n_unknown in (
                ("I2", 4, 1, 1),
                ("I4", 4, 1, 1),
                ("E2", 1, 3, 2),
                ("E4", 0, 5, 1),
                ("E5", 0, 4, 2),
            )
        ),
        "implausible": {},
        "suppressed": 0,
    }
    assert [(s["failed"], s["unknown"], s["passed"]) for s in steps] == [
        (1, 1, 4),
        (1, 1, 3),
        (0, 2, 2),
        (0, 2, 2),
        (0, 3, 1),
    ]


@pytest.mark.parametrize("name", ["people.parquet", "people.arrow", "people.ipc"])
def test_the_same_people_give_the_same_funnel_in_any_format(tmp_path: Path, name: str) -> None:
    """Typed columns say what text says; NaN is missing like null."""
    people = pl.DataFrame(
        {
            "age": [40, 40, 17, 40, 40, None],
            "crp": [1.0, 1.0, 1.0, float("nan"), 9.0, None],
            "bmi": [20.0, 20.0, 20.0, 20.0, None, None],
            "sex": ["male", "male", "male", "female", "female", None],
            "fertile": [True, True, True, False, True, None],
            "method": [None, None, None, None, "bad", None],
            "E4": [False] * 5 + [None],
            "5x": [False, None, False, False, False, None],
        }
    )
    path = tmp_path / name
    people.write_parquet(path) if name.endswith("parquet") else people.write_ipc(path)

    assert screen(STUDY, path) == screen(STUDY, write(tmp_path, PEOPLE))


def test_a_column_wins_over_what_would_be_computed(tmp_path: Path) -> None:
    """A body mass index that is given is not computed; given weight and height it is."""
    given = write(tmp_path, "bmi,weight,height\n30,42,160\n,42,160\n", "given.csv")
    computed = write(tmp_path, "weight,height\n42,160\n42,\n", "computed.csv")

    assert counts(screen(STUDY, given))["E2"] == (0, 0, 2)
    assert counts(screen(STUDY, computed))["E2"] == (1, 0, 1)


def test_what_is_not_believed_at_the_bedside_is_not_believed_in_a_table(tmp_path: Path) -> None:
    """A body mass index of 3 is a mistake, not an exclusion."""
    assert counts(screen(STUDY, write(tmp_path, "bmi,crp\n3,9\n3,1\n")))["E2"] == (1, 0, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("born,reference_date\n1980-05,2026-03-27\n1980-05-02,\n", (1, 0, 1)),
        ("born,reference_date\n2010-05,2026-03-27\n2010-05,2036-03-27\n", (1, 1, 0)),
    ],
)
def test_ages_count_to_the_reference_date_of_the_row(
    tmp_path: Path, text: str, expected: tuple[int, int, int]
) -> None:
    """Without one the age cannot be told."""
    assert counts(screen(STUDY, write(tmp_path, text)))["I2"] == expected


def test_one_reference_date_serves_all_rows(tmp_path: Path) -> None:
    """Days and months mean an age once there is a day to count to, whatever their type."""
    text = write(tmp_path, "born\n1980-05\n2010-05\n")
    typed = tmp_path / "typed.parquet"
    days = [dt.date(1980, 5, 2), dt.date(2010, 5, 2)]
    pl.DataFrame({"born": days}).write_parquet(typed)
    moments = tmp_path / "moments.parquet"
    pl.DataFrame({"born": days}).cast(pl.Datetime).write_parquet(moments)

    for people in (text, typed, moments):
        assert counts(screen(STUDY, people, reference_on=REFERENCE))["I2"] == (1, 1, 0)


def test_headers_may_be_mapped(tmp_path: Path) -> None:
    """A warehouse keeps its own names."""
    people = write(tmp_path, "AGE_Y,uncontrolled\n40,true\n")

    funnel = screen(STUDY, people, {"AGE_Y": "age", "uncontrolled": "E4"})

    assert counts(funnel)["I2"] == (1, 0, 0)
    assert funnel.not_eligible == 1


def test_a_long_file_is_read_in_parts_and_all_are_counted(tmp_path: Path) -> None:
    """No part is longer than a file that needs little memory."""
    n = 2 * PART + 3
    small: Study = study((Criterion(number="1", is_="crp > 5 mg/L"),), ())
    path = tmp_path / "many.parquet"
    crp = (pl.int_range(n, eager=True) % 10).cast(pl.Float64).alias("crp")
    crp.to_frame().write_parquet(path)

    parts = list(in_parts(open_table(path), path))
    funnel = screen(small, path)

    assert [p.collect()["crp"].equals(crp[k * PART :][:PART]) for k, p in enumerate(parts)] == [
        True,
        True,
        True,
    ]
    assert funnel.people == n
    assert funnel.eligible == (crp > 5).sum()


@pytest.mark.requirement("F29")
@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("age,mrs\n40,3\n", ["EQ-E021"]),
        ("AGE,mrs\n40,3\n", ["EQ-E021", "EQ-E021"]),
        ("person_id\na\n", ["EQ-E023"]),
        ("age,crp\n", ["EQ-E024"]),
        ("age\nforty\n", ["EQ-E025"]),
        ("age,sex\n1_0,female\n40,woman\n40,male\n1e999,male\n", ["EQ-E025"] * 3),
        ("fertile\nperhaps\n", ["EQ-E025"]),
        ("born\n1980-05\n", ["EQ-E027"]),
        ("born,reference_date\n1980-05,2026-03\n", ["EQ-E025"]),
        ("born,reference_date\nspring,2026-03-01\n", ["EQ-E025"]),
        ("", ["EQ-E020"]),
    ],
)
def test_what_is_wrong_with_a_table_is_told(tmp_path: Path, text: str, codes: list[str]) -> None:
    """All of it, and nobody is counted."""
    assert [p.code for p in refusals(write(tmp_path, text))] == codes


@pytest.mark.requirement("F29")
@pytest.mark.parametrize(
    "header", ["arm", "ARMCD", "TRT01A", "Traitement", "Stem_cells", "sham.product", "alpha"]
)
def test_a_column_that_may_tell_an_arm_is_named_as_such(tmp_path: Path, header: str) -> None:
    """As SDTM, ADaM or the study call it; mapped to a value, it is not read either."""
    arms = {"alpha": StudyArm(type="experimental", label=Text("First"))}
    products = {
        "x": Product(label=Text("Stem cells"), active=True),
        "y": Product(label=Text("Sham product"), active=False),
    }
    telling = replace(
        STUDY,
        identity=replace(STUDY.identity, arms=arms),
        treatments=Treatments(products=products),
    )
    people = write(tmp_path, f"age,{header}\n40,1\n")
    for mapping in ({}, {header: "crp"}):
        with pytest.raises(Refused) as refused:
            screen(telling, people, mapping=mapping)
        (found,) = refused.value.problems
        assert found.code == "EQ-V179"
        assert header in found.message and header in found.say("fr")


@pytest.mark.requirement("F29")
def test_a_column_of_the_study_is_read_whatever_it_is_called(tmp_path: Path) -> None:
    """The list of what may come in is the study's: a value of that name is one of its own."""
    values = dict(STUDY.eligibility.values)
    values["kit"] = values["crp"]
    own = replace(STUDY, eligibility=replace(STUDY.eligibility, values=values))
    assert screen(own, write(tmp_path, "age,kit\n40,1\n")).people == 1


def test_an_unknown_column_is_answered_with_the_nearest(tmp_path: Path) -> None:
    """The same goes for a mapped header that the table lacks."""
    people = write(tmp_path, "hbb\n3\n")
    (unknown,) = refusals(people)
    absent, unmapped = sorted(refusals(people, {"hemo": "hb"}), key=lambda p: str(p.values))

    assert "hb" in unknown.hint
    assert {absent.values["column"], unmapped.values["column"]} == {"hemo", "hbb"}


def test_two_columns_for_one_value_are_refused(tmp_path: Path) -> None:
    """Which of them counts is not for the program to guess."""
    found = refusals(write(tmp_path, "age,years\n40,41\n"), {"years": "age"})

    assert [p.code for p in found] == ["EQ-E022"]


def test_a_wrong_cell_is_found_by_its_line(tmp_path: Path) -> None:
    """The line is that of the file, with its header; a wholly wrong column is cut short."""
    (found,) = refusals(write(tmp_path, "age\n40\nforty\n"))
    many = refusals(write(tmp_path, "age\n" + "x\n" * 100, "many.csv"))

    assert (found.where.line, found.values["row"], found.values["value"]) == (3, 2, "forty")
    assert len(many) == MOST_PROBLEMS


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("absent.csv", "EQ-E020"),
        ("people.xlsx", "EQ-E026"),
        ("people", "EQ-E026"),
        ("broken.parquet", "EQ-E020"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path, name: str, code: str) -> None:
    """Missing, of another kind, or damaged."""
    if name != "absent.csv":
        write(tmp_path, "no table at all", name)

    assert [p.code for p in refusals(tmp_path / name)] == [code]


def test_a_parquet_column_of_the_wrong_type_is_a_problem(tmp_path: Path) -> None:
    """Numbers where a choice is expected, truth where a number is."""
    path = tmp_path / "typed.parquet"
    pl.DataFrame({"sex": [1, None], "age": [True, None]}).write_parquet(path)

    assert [p.values["column"] for p in refusals(path)] == ["sex", "age"]
