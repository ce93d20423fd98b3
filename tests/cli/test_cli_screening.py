"""`equipoise screen`: a table of people, and the funnel."""

import re
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest

from .conftest import STUDY, answer_of, codes, refused, run

N_CRITERIA = len(
    re.findall(
        r'^  - number: "', (STUDY / "eligibility.yaml").read_text(encoding="utf-8"), re.MULTILINE
    )
)

PEOPLE = pl.DataFrame(
    {
        "person": ["a", "b", "c", "d", "e"],
        "age": [17, 34, 50, 71, None],
        "sex": ["female", "female", "male", None, "male"],
        "mrss": [22, 22, 30, 12, None],
        "bmi": [21.0, 15.9, 24.0, 25.0, 23.0],
        "E6": [False, False, True, False, None],
    }
)


def as_csv(folder: Path) -> Path:
    PEOPLE.write_csv(folder / "people.csv")
    return folder / "people.csv"


def test_a_table_becomes_a_funnel_in_which_every_person_is_counted(tmp_path: Path) -> None:
    """Ages 17 and 71, a body mass index of 15.9, uncontrolled pressure: four are out by one rule.

    Expected values are the record's own limits: 18 to 70 years, less than 16.5 kg/m².
    """
    result = run("screen", STUDY, "--people", as_csv(tmp_path), "--json")
    answer = answer_of(result)
    by_id = {c["id"]: (c["met"], c["not_met"], c["unknown"]) for c in answer["criteria"]}

    assert result.exit_code == 0
    assert answer["people"] == 5
    parts = ("eligible", "not_eligible", "undecided", "potential")
    assert sum(answer[part] for part in parts) == 5
    assert (answer["eligible"], answer["not_eligible"]) == (0, 4)
    assert len(answer["criteria"]) == N_CRITERIA > 20
    assert all(sum(counts) == 5 for counts in by_id.values())
    assert by_id["I3"] == (2, 2, 1)
    assert by_id["E9"] == (1, 4, 0)
    assert by_id["E6"] == (1, 3, 1)


def test_parquet_and_csv_say_the_same(tmp_path: Path) -> None:
    """The format of a file decides nothing."""
    PEOPLE.write_parquet(tmp_path / "people.parquet")
    funnels = [
        answer_of(run("screen", STUDY, "--people", path, "--json"))
        for path in (as_csv(tmp_path), tmp_path / "people.parquet")
    ]

    assert funnels[0] == funnels[1]


def test_for_a_person_it_is_a_table_with_a_line_a_criterion(tmp_path: Path) -> None:
    """The words and figures are those of the JSON answer."""
    people = as_csv(tmp_path)
    shown = run("screen", STUDY, "--people", people)
    answer = answer_of(run("screen", STUDY, "--people", people, "--json"))

    assert shown.exit_code == 0
    assert shown.stdout.startswith("5 people: 0 eligible, 4 not eligible")
    lines = [line.split() for line in shown.stdout.splitlines()[2:]]
    steps = {step["id"]: step for step in answer["funnel"]}
    assert lines == [
        [
            c["id"],
            *(str(c[key]) for key in ("met", "not_met", "unknown")),
            *(str(steps[c["id"]][key]) for key in ("failed", "unknown", "passed")),
        ]
        for c in answer["criteria"]
    ]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("absent.csv", None, "EQ-E020"),
        ("people.csv", "", "EQ-E020"),
        ("people.parquet", "no parquet", "EQ-E020"),
        ("people.csv", "age,hemoglobine\n40,12\n", "EQ-E021"),
        ("people.csv", "age\nforty\n", "EQ-E025"),
        ("people.xlsx", "age\n40\n", "EQ-E026"),
    ],
)
def test_a_table_that_cannot_be_used_is_a_problem(
    tmp_path: Path, name: str, content: str | None, code: str
) -> None:
    """Absent, empty, damaged, unknown columns, wrong cells, another program's file."""
    if content is not None:
        (tmp_path / name).write_text(content)

    assert refused("screen", STUDY, "--people", tmp_path / name, "--json") == [code]


def test_a_folder_with_faults_screens_nobody(tmp_path: Path) -> None:
    """The problems of the folder are told instead."""
    result = run("screen", tmp_path, "--people", as_csv(tmp_path))

    assert result.exit_code == 2
    assert codes(result) == ["EQ-S001"]
    assert result.stdout == ""


def test_without_vega_altair_a_plot_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what to install, and no file is left."""
    monkeypatch.setitem(sys.modules, "altair", None)
    plot = tmp_path / "funnel.html"

    asked = ("screen", STUDY, "--people", as_csv(tmp_path), "--plot", plot)

    assert refused(*asked) == ["EQ-E040"]
    assert not plot.exists()


def test_the_work_list_and_other_readings_give_no_small_group_away(tmp_path: Path) -> None:
    """A hidden count is no difference of the counts that are shown."""
    first = {"person": range(40), "sex": ["male"] * 40, "may_conceive": [False] * 40}
    spap = [50.0] * 2 + [50.0] * 8 + [20.0] * 30
    heart = {"lvef": [60.0] * 40, "gfr": [90.0] * 40, "dlco_corrected": [80.0] * 40}
    people = pl.DataFrame({**first, **heart, "spap": spap, "rhc_done": [False] * 40}).with_columns(
        pl.Series("age", [None] * 2 + [40] * 38)
    )
    people.write_parquet(tmp_path / "people.parquet")
    asked = ("screen", STUDY, "--people", tmp_path / "people.parquet", "--settle", "--what-if")

    whole = answer_of(run(*asked, "--json"))
    shown = answer_of(run(*asked, "--suppress", "5", "--json"))

    hidden = [row["people"] for row in whole["settle"] if row not in shown["settle"]]
    assert min(hidden) < 5 <= sum(hidden)
    assert len(hidden) != 1
    before = {(r["decision"], r["option"]): r for r in whole["whatif"]}
    assert before["pap-edges", "severe"]["changed"] == 10
    for row in shown["whatif"]:
        moves = before[row["decision"], row["option"]]["moves"]
        lost = [n for move, n in moves.items() if move not in row["moves"]]
        assert len(lost) != 1 and all(n >= 5 for n in row["moves"].values())
    reasons = {row["decision"]: row["because"]["en"] for row in shown["not_executable"]}
    assert reasons["wash-out"] == "no form records when another trial ended"
    spoken = run(*asked).stdout
    assert f"wash-out: no option can be counted, because {reasons['wash-out']}" in spoken
    assert f"onset: its other options cannot be counted, because {reasons['onset']}" in spoken


def test_why_a_criterion_is_unknown_is_counted_when_asked(tmp_path: Path) -> None:
    """Of five people one has no age and one no answer to E6; a few of them are never told."""
    people = as_csv(tmp_path)
    asked = ("screen", STUDY, "--people", people)

    answer = answer_of(run(*asked, "--reasons", "--json"))
    plain = answer_of(run(*asked, "--json"))
    hidden = answer_of(run(*asked, "--reasons", "--suppress", "2", "--json"))
    spoken = run(*asked, "--reasons").stdout.splitlines()

    by_id = {c["id"]: c for c in answer["criteria"]}
    assert len(by_id["I3"]["reasons"]) == 9
    assert {k: n for k, n in by_id["I3"]["reasons"].items() if n} == {"missing": 1}
    assert {k: n for k, n in by_id["E6"]["reasons"].items() if n} == {"awaiting_judgement": 1}
    for criterion in answer["criteria"]:
        criterion.pop("reasons")
    assert answer == plain
    told = {c["id"]: set(c["reasons"].values()) for c in hidden["criteria"]}
    assert told["I3"] == told["E6"] == {None}
    assert told["I2"] == {0, 5}
    line = next(n for n, text in enumerate(spoken) if text.startswith("E6 "))
    assert spoken[line + 1].strip() == "unknown because: 1 awaiting judgement"
    shown = run(*asked, "--reasons", "--suppress", "2").stdout
    assert "unknown because: hidden" in shown


WAREHOUSE = """\
CREATE TABLE patients (pid INTEGER, seen DATE, "Âge" INTEGER, gender VARCHAR);
INSERT INTO patients VALUES (1, '2026-03-27', 40, 'F'), (2, '2026-03-27', 17, 'M');
CREATE SCHEMA lab;
CREATE TABLE lab."mea""sures" (pid INTEGER, code VARCHAR, value DOUBLE, unit VARCHAR, taken DATE);
INSERT INTO lab."mea""sures" VALUES (1, 'hb', 95, 'g/L', '2026-03-01'),
  (1, 'hb', 140, 'g/L', '2026-01-01'), (2, 'hb', 120, 'stone', '2026-03-01');
"""
MAPPING = """\
people:
  table: patients
  person: pid
  reference_date: seen
  columns:
    age: {from: Âge, unit: years}
    sex: {from: gender, codes: {F: female, M: male}}
facts:
  table: lab."mea""sures"
  person: pid
  concept: code
  value: value
  unit: unit
  on: taken
  concepts: {hb: {gives: hb}}
"""


def test_a_mapping_means_the_same_for_a_database_and_for_files(tmp_path: Path) -> None:
    """The hemoglobin of the window counts, in grams per litre; stones are no unit of it."""
    database = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute(WAREHOUSE)
        for table, file in (("patients", "people"), ('lab."mea""sures"', "facts")):
            for ending in ("parquet", "csv"):
                connection.execute(f"COPY {table} TO '{tmp_path / file}.{ending}'")
    (tmp_path / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
    asked = ("screen", STUDY, "--mapping", tmp_path / "mapping.yaml", "--json")

    of_database = answer_of(run(*asked, "--people", database))
    of_parquet, of_csv = (
        answer_of(run(*asked, "--people", tmp_path / people, "--facts", tmp_path / facts))
        for people, facts in (("people.parquet", "facts.parquet"), ("people.csv", "facts.csv"))
    )

    assert of_database == of_parquet == of_csv
    texts = tmp_path / "texts.duckdb"
    with duckdb.connect(str(texts)) as connection:
        connection.execute(re.sub("DATE|DOUBLE", "VARCHAR", WAREHOUSE))
    assert answer_of(run(*asked, "--people", texts)) == of_database
    with duckdb.connect(str(texts)) as connection:
        connection.execute("UPDATE patients SET seen = '27.03.2026'")
    assert refused(*asked, "--people", texts) == ["EQ-E020"]
    by_id = {c["id"]: (c["met"], c["not_met"], c["unknown"]) for c in of_database["criteria"]}
    assert by_id["I3"] == (1, 1, 0)
    missing = tmp_path / "missing.yaml"
    missing.write_text(MAPPING.replace("table: patients", "table: folk"), encoding="utf-8")
    assert refused("screen", STUDY, "--people", database, "--mapping", missing) == ["EQ-E042"]


@pytest.mark.parametrize("more", [(), ("--what-if",)])
@pytest.mark.parametrize("day", ["yesterday", "27.03.2026", "2026-02-30"])
def test_a_day_that_is_none_is_a_problem(tmp_path: Path, day: str, more: tuple[str, ...]) -> None:
    """Of the people or of a measurement, and whatever else is asked."""
    (tmp_path / "mapping.yaml").write_text(MAPPING, encoding="utf-8")
    asked = ("screen", STUDY, "--mapping", tmp_path / "mapping.yaml", *more)
    for seen, taken in ((day, "2026-03-01"), ("2026-03-27", day)):
        people = f"pid,seen,Âge,gender\n1,{seen},40,F\n"
        (tmp_path / "people.csv").write_text(people, encoding="utf-8")
        (tmp_path / "facts.csv").write_text(f"pid,code,value,unit,taken\n1,hb,9,g/L,{taken}\n")
        files = ("--people", tmp_path / "people.csv", "--facts", tmp_path / "facts.csv")

        assert refused(*asked, *files) == ["EQ-E020"]


def test_a_database_gives_all_that_a_file_gives(tmp_path: Path) -> None:
    """Work list, reasons, other readings and the row of each person."""
    PEOPLE.write_parquet(tmp_path / "people.parquet")
    database = tmp_path / "people.duckdb"
    with duckdb.connect(str(database)) as connection:
        file = tmp_path / "people.parquet"
        connection.execute(f"CREATE TABLE people AS SELECT * FROM '{file}'")
    asked = ("--settle", "--reasons", "--what-if", "--json", "--out")

    of_file, of_database = (
        answer_of(run("screen", STUDY, "--people", people, *asked, tmp_path / out))
        for people, out in ((file, "file.csv"), (database, "database.csv"))
    )

    assert of_database == of_file
    assert of_file["settle"] and of_file["whatif"] and of_file["not_executable"]
    rows = [
        sorted((tmp_path / f"{name}.csv").read_text().splitlines()) for name in ("file", "database")
    ]
    assert rows[0] == rows[1]
    assert len(rows[0]) == 6


def test_a_database_names_its_tables_in_the_mapping(tmp_path: Path) -> None:
    """A file of measurements beside a database is not passed over."""
    asked = ("screen", STUDY, "--people", "any.duckdb", "--facts", tmp_path / "facts.csv")

    result = run(*asked)

    assert result.exit_code == 2
    assert "--facts" in result.stderr


def test_a_result_with_another_ending_is_refused_of_a_database_too(tmp_path: Path) -> None:
    """Nothing is written."""
    database = tmp_path / "people.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("CREATE TABLE people AS SELECT 'a' AS person, 40.0 AS age")

    asked = ("screen", STUDY, "--people", database, "--out", tmp_path / "out.xlsx")

    assert refused(*asked) == ["EQ-E029"]
