"""What would settle the undecided, and what the other reading of a decision changes."""

from pathlib import Path

import msgspec
import polars as pl
import pytest

from equipoise.cli.folders import first_study, load_checked
from equipoise.problems import Refused, Where
from equipoise.screening import compare_readings, load_readings, prepare, settle, unread
from equipoise.study.criteria import Criterion
from tests.unit.eligibility.small_study import judged, study

STUDY = study(
    (Criterion(number="1", any_=("crp > 5 mg/L", "hb < 110 g/L")),),
    (Criterion(number="1", is_="bmi < 16.5 kg/m2"), Criterion(number="2", judgement=judged())),
)
OTHER = """\
lung-binding:
  B:
    - all:
        - any: [dlco < 80 %, fvc < 80 %]
        - any: [ild, 35 mmHg < spap < 50 mmHg, all: [rhc_done, 20 mmHg < mpap < 40 mmHg]]
"""


def test_the_work_list_names_what_is_missing_and_for_how_many() -> None:
    """Fewest answers first; what another answer has decided already is not asked for."""
    rows = pl.LazyFrame(
        {
            "crp": [9.0, None, None, None, 1.0],
            "hb": [None, None, 100.0, None, 120.0],
            "weight": [60.0, 60.0, None, 60.0, None],
            "height": [160.0, 160.0, 160.0, 160.0, None],
            "E2": [None, False, False, False, False],
        }
    )
    engine = prepare(STUDY, rows, {}, reference_on=None, where=Where("people"))

    found = [(m.names, m.people) for m in settle(engine, rows)]

    assert found == [(("E2",), 1), (("weight",), 1), (("crp", "hb"), 2)]


def lungs() -> pl.LazyFrame:
    """Everybody has thick skin and attributed organs; lungs and pressures in all combinations."""
    values = {
        "dlco": [60.0, 90.0],
        "fvc": [90.0],
        "ild": [True, False, None],
        "spap": [40.0, 35.0, 20.0, None],
        "mrss": [17.0],
        "5b-attribution": [True],
    }
    rows = pl.DataFrame({"row": [0]})
    for name, column in values.items():
        rows = rows.join(pl.DataFrame({name: column}), how="cross")
    no = ["renal_crisis", "hemolytic_anemia", "renal_insufficiency", "heart_failure", "rhythm"]
    no += ["mri_done", "rhc_done"]
    rest = {"av_block": "none", "effusion": "none", "duration": 5.0, "crp": 1.0, "hb": 14.0}
    return (
        rows.drop("row")
        .with_columns(
            *[pl.lit(False).alias(n) for n in no], *[pl.lit(v).alias(n) for n, v in rest.items()]
        )
        .lazy()
    )


def test_the_other_reading_of_the_lung_changes_exactly_whom_it_should(tmp_path: Path) -> None:
    """(A and B) or C against A and (B or C): normal lungs with raised pressure, no one else."""
    path = tmp_path / "readings.yaml"
    path.write_text(OTHER, encoding="utf-8")
    first = load_checked(first_study())
    severe = msgspec.structs.replace(
        first.eligibility,
        inclusion=tuple(c for c in first.eligibility.inclusion if c.number == "5"),
        exclusion=(),
    )
    moved = [
        msgspec.structs.replace(a, path=a.path.replace("inclusion.4", "inclusion.0"))
        for a in first.assumptions
        if a.decision == "lung-binding"
    ]
    alone = msgspec.structs.replace(first, eligibility=severe, assumptions=tuple(moved))

    found = compare_readings(alone, lungs(), load_readings(path))
    (difference,) = (d for d in found if d.decision == "lung-binding")

    normal_lungs = lungs().filter(pl.col("dlco") == 90).collect()
    raised = normal_lungs.filter(pl.col("spap") == 40).height
    unmeasured = normal_lungs.filter(pl.col("spap").is_null()).height
    assert (difference.decision, difference.option) == ("lung-binding", "B")
    assert difference.moves == {
        "eligible > not_eligible": raised,
        "undecided > not_eligible": unmeasured,
    }
    assert difference.changed == raised + unmeasured


def test_what_an_option_would_use_is_compared_without_a_file() -> None:
    """Fifty of systolic pressure is in neither band; each option puts it in one."""
    first = load_checked(first_study())
    alone = msgspec.structs.replace(
        first.eligibility,
        inclusion=(),
        exclusion=tuple(c for c in first.eligibility.exclusion if c.number in ("3", "14")),
    )
    study = msgspec.structs.replace(first, eligibility=alone, assumptions=())
    rows = pl.LazyFrame(
        {
            "dlco_corrected": [80.0] * 3,
            "lvef": [60.0] * 3,
            "gfr": [90.0] * 3,
            "rhc_done": [False] * 3,
            "spap": [50.0, 49.0, 51.0],
            "guardianship": ["none", "curatelle", "tutelle"],
        }
    )

    found = compare_readings(study, rows)

    moves = {(d.decision, d.option): dict(d.moves) for d in found}
    assert moves["pap-edges", "severe"] == {"eligible > not_eligible": 1}
    assert moves["curatelle", "both"] == {"eligible > not_eligible": 1}
    # Without the catheter nobody knows: 50 and 49 are open, 51 is out by the echo.
    assert moves["catheter-absent", "required"] == {"eligible > undecided": 2}
    assert "onset" not in unread(first, compare_readings(first, rows))
    assert {"attribution", "classification"} <= set(unread(first, found))


def test_numbers_and_joins_are_read_from_the_options_themselves() -> None:
    """Four low counts or one: the folder says which words the options are."""
    first = load_checked(first_study())
    rows = pl.LazyFrame({"neutrophils": [0.5], "platelets": [200.0]})

    found = compare_readings(first, rows)

    assert {(d.decision, d.option) for d in found} >= {
        ("marrow", "all"),
        ("hepatitis", "all"),
        ("lab-window", "14"),
        ("lab-window", "7"),
    }
    (marrow,) = (d for d in found if d.decision == "marrow")
    assert marrow.moves == {"not_eligible > undecided": 1}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("colour: {blue: 1}", "EQ-E035"),
        ("lab-window: {other: often}", "EQ-E036"),
        ("lab-window: 14", "EQ-E037"),
        ("lab-window: [", "EQ-S003"),
    ],
)
def test_a_wrong_reading_is_a_problem(tmp_path: Path, text: str, code: str) -> None:
    """Nothing is compared with a reading that is none."""
    path = tmp_path / "readings.yaml"
    path.write_text(text, encoding="utf-8")
    rows = pl.LazyFrame({"hb": [9.0]})

    with pytest.raises(Refused) as caught:
        compare_readings(load_checked(first_study()), rows, load_readings(path))

    assert [p.code for p in caught.value.problems] == [code]
