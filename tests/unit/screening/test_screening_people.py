"""One row a person, small counts hidden, and the command."""

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from equipoise.cli.commands import main
from equipoise.problems import Refused, Where
from equipoise.screening import Funnel, assess_people, prepare, run, screen, write_people
from equipoise.screening.engine import Engine
from equipoise.screening.funnel import CriterionCount
from equipoise.study.criteria import Criterion
from tests.unit.eligibility.small_study import judged, study

STUDY = study(
    (Criterion(number="1", is_="crp > 5 mg/L"), Criterion(number="2", is_="fertile")),
    (Criterion(number="1", is_="sex = male"), Criterion(number="2", judgement=judged())),
)
ROWS = pl.LazyFrame(
    {
        "person_id": ["a", "b", "c", "d"],
        "crp": [9.0, 1.0, None, 9.0],
        "fertile": [True, True, True, True],
        "sex": ["female", "male", "female", "female"],
        "E2": [False, False, False, None],
    }
)


def engine_for(rows: pl.LazyFrame = ROWS) -> Engine:
    return prepare(STUDY, rows, {}, reference_on=None, where=Where("people"))


def test_each_person_has_a_verdict_two_masks_and_what_decided() -> None:
    """Bits follow the record: I1, I2, E1, E2."""
    found = assess_people(engine_for(), ROWS).collect().rows()

    assert found == [
        ("a", "eligible", 0b0011, 0b0000, ""),
        ("b", "not_eligible", 0b0110, 0b0000, "I1 E1"),
        ("c", "undecided", 0b0010, 0b0001, "I1"),
        ("d", "potential", 0b0011, 0b1000, "E2"),
    ]


def test_without_an_id_rows_are_numbered() -> None:
    """From 1."""
    rows = ROWS.drop("person_id")

    assert assess_people(engine_for(rows), rows).collect()["person"].to_list() == [1, 2, 3, 4]


@pytest.mark.parametrize("ending", ["parquet", "csv", "arrow"])
def test_the_verdicts_are_written_as_the_ending_says(tmp_path: Path, ending: str) -> None:
    """And read back the same."""
    path = tmp_path / f"out.{ending}"
    write_people(engine_for(), ROWS, path)

    read = {"parquet": pl.read_parquet, "csv": pl.read_csv, "arrow": pl.read_ipc}[ending](path)
    assert read["met"].to_list() == [3, 6, 2, 3]
    assert read["verdict"].cast(pl.String).to_list()[0] == "eligible"


@pytest.mark.parametrize(
    ("name", "code"), [("out.xlsx", "EQ-E029"), ("no/such/folder/out.csv", "EQ-E030")]
)
def test_a_result_that_cannot_be_written_is_a_problem(tmp_path: Path, name: str, code: str) -> None:
    """By its ending or by its place."""
    with pytest.raises(Refused) as caught:
        write_people(engine_for(), ROWS, tmp_path / name)

    assert [p.code for p in caught.value.problems] == [code]
    assert caught.value.problems[0].advise("fr")


def test_more_criteria_than_bits_are_refused() -> None:
    """A mask that silently loses a criterion would call people eligible."""
    many = study(tuple(Criterion(number=str(n), is_="fertile") for n in range(1, 66)), ())
    engine = prepare(many, ROWS.select("fertile"), {}, reference_on=None, where=Where("people"))

    with pytest.raises(Refused) as caught:
        assess_people(engine, ROWS)

    assert [p.code for p in caught.value.problems] == ["EQ-E028"]


def funnel() -> Funnel:
    """97 met, 2 not, 1 unknown."""
    rows = pl.LazyFrame({"crp": [9.0] * 97 + [1.0] * 2 + [None]})
    single = study((Criterion(number="1", is_="crp > 5 mg/L"),), ())
    engine = prepare(single, rows, {}, reference_on=None, where=Where("people"))
    return run(engine, rows, where=Where("people"))


def test_small_counts_are_hidden_and_cannot_be_had_by_subtraction() -> None:
    """Where one part of a whole is small, the next goes with it; steps go altogether."""
    shown = funnel().suppressed(2)

    assert (shown.eligible, shown.not_eligible, shown.undecided, shown.potential) == (
        97,
        None,
        None,
        0,
    )
    (criterion,) = shown.criteria
    assert (criterion.met, criterion.not_met, criterion.unknown) == (97, None, None)
    assert shown.steps == ()
    assert funnel().suppressed(0) == funnel()


def test_whoever_lacks_a_reason_is_no_small_group_either() -> None:
    """Of 50 unknown people 48 miss a value: the other two would be had by subtraction."""
    few = CriterionCount("I1", 20, 30, 50, {"missing": 48, "stale": 10, "ambiguous": 0})
    many = CriterionCount("I1", 20, 30, 50, {"missing": 50, "stale": 10, "ambiguous": 0})

    assert few.suppressed(5).reasons == {"missing": None, "stale": None, "ambiguous": None}
    assert few.suppressed(5).unknown == 50
    assert many.suppressed(5) == many
    assert few.suppressed(0) == few


def first_study_table(folder: Path) -> Path:
    path = folder / "people.csv"
    path.write_text("age,hb,sex\n40,12,female\n17,12,male\n,7,female\n", encoding="utf-8")
    return path


def test_the_command_answers_for_machines_and_for_people(tmp_path: Path) -> None:
    """The keys that stay, those that came, and a table to read."""
    table, out = first_study_table(tmp_path), tmp_path / "out.parquet"
    order = ["screen", "studies/nct06722105", "--people", str(table)]
    root = Path(__file__).parents[3]
    order[1] = str(root / order[1])

    answered = CliRunner().invoke(
        main, [*order, "--json", "--settle", "--what-if", "--out", str(out)], standalone_mode=False
    )
    spoken = CliRunner().invoke(main, [*order, "--what-if"], standalone_mode=False)

    answer = json.loads(answered.stdout)
    assert {"people", "eligible", "not_eligible", "undecided", "potential"} <= answer.keys()
    assert answer["people"] == 3
    assert set(answer["criteria"][0]) == {"id", "met", "not_met", "unknown"}
    assert {"funnel", "settle", "whatif", "suppressed", "implausible"} <= answer.keys()
    assert pl.read_parquet(out).height == 3
    assert "3 people" in spoken.stdout
    assert "marrow read as all" in spoken.stdout


def test_a_frame_in_memory_is_screened_too() -> None:
    """Without a file between."""
    assert screen(STUDY, ROWS).eligible == 1
