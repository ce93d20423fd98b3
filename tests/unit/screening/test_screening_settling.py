"""What would settle the undecided, and what the other reading of a decision changes."""

from itertools import combinations, product
from pathlib import Path
from random import Random

import msgspec
import polars as pl
import pytest

from equipoise.cli.folders import first_study, load_checked
from equipoise.eligibility import find_uncounted
from equipoise.problems import Refused, Where
from equipoise.screening import compare_readings, load_readings, prepare, settle
from equipoise.study.criteria import Criterion, Rule
from tests.agreement.people import one_by_one
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

    found = [(m.kind, m.names, m.people) for m in settle(engine, rows)]

    assert found == [
        ("settles", ("E2",), 1),
        ("settles", ("weight",), 1),
        ("settles", ("crp", "hb"), 2),
        # One of the two lets in, and only both would keep out.
        ("may settle", ("crp",), 2),
        ("may settle", ("hb",), 2),
    ]


DECIDES = study(
    (
        Criterion(number="1", any_=("crp > 5 mg/L", "hb < 110 g/L and sex = male")),
        Criterion(number="2", none_=("weight > 60 kg", Rule(id="2a", judgement=judged()))),
        Criterion(number="3", when="sex = female", is_="fertile"),
    ),
    (
        Criterion(number="1", when="sex = male", all_=("height > 180 cm", "not (hb >= 130 g/L)")),
        Criterion(number="2", is_="fertile and (method = bad or weight < 50 kg)"),
    ),
)
VALUES: dict[str, tuple[object, ...]] = {
    "crp": (1.0, 9.0),
    "hb": (100.0, 120.0, 140.0),
    "sex": ("female", "male"),
    "weight": (45.0, 55.0, 65.0),
    "2a": (True, False),
    "fertile": (True, False),
    "height": (170.0, 190.0),
    "method": ("good", "bad"),
}
SCHEMA = pl.DataFrame({name: values[:2] for name, values in VALUES.items()}).schema


def verdicts_of(people: list[dict[str, object]]) -> list[str]:
    """By the evaluator that decides at the bedside."""
    table = pl.DataFrame(people, schema=SCHEMA)
    return [verdict.status for verdict in one_by_one(DECIDES, table)]


def test_what_may_settle_a_person_does_for_some_answers_and_no_fewer_do() -> None:
    """Every answer to every set of up to three is tried at the bedside, for people with holes.

    Expected are the sets of which some answers decide, without those that hold a smaller one.
    """
    chance = Random(7)
    for _ in range(40):
        person = {n: chance.choice([None, *v]) for n, v in VALUES.items()}
        if verdicts_of([person])[0] not in ("undecided", "potential"):
            continue
        rows = pl.DataFrame([person], schema=SCHEMA).lazy()
        engine = prepare(DECIDES, rows, {}, reference_on=None, where=Where("people"))
        found = settle(engine, rows)
        (sure,) = (set(m.names) for m in found if m.kind == "settles")
        may = [set(m.names) for m in found if m.kind == "may settle"] + [sure]

        for names in (set(c) for n in (1, 2, 3) for c in combinations(VALUES, n)):
            if any(person[name] is not None for name in names):
                continue
            tried = [
                {**person, **dict(zip(sorted(names), answers, strict=True))}
                for answers in product(*(VALUES[name] for name in sorted(names)))
            ]
            told = verdicts_of(tried)
            decides = any(v in ("eligible", "not_eligible") for v in told)
            if any(listed == names for listed in may):
                assert decides, (person, names)
            if decides:
                assert any(listed <= names for listed in may), (person, names)
            if sure <= names:
                assert all(v in ("eligible", "not_eligible") for v in told), (person, names)


def test_a_criterion_that_nobody_can_answer_is_never_what_may_settle() -> None:
    """A gap of the record stays open; two of three are asked for together."""
    lost = study(
        (Criterion(number="1", gap="lost"),),
        (Criterion(number="1", is_="at least 2 of (fertile, sex = male, crp > 5 mg/L)"),),
    )
    rows = pl.LazyFrame({"crp": [None], "fertile": [None], "sex": ["male"]})
    engine = prepare(lost, rows, {}, reference_on=None, where=Where("people"))

    found = [(m.kind, m.names, m.people) for m in settle(engine, rows)]

    assert found == [
        ("settles", ("I1", "crp", "fertile"), 1),
        ("may settle", ("crp", "fertile"), 1),
    ]


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


def test_every_open_decision_on_eligibility_is_counted_or_says_why_not() -> None:
    """None of the first study is passed over in silence."""
    first = load_checked(first_study())
    rows = pl.LazyFrame({"neutrophils": [0.5], "platelets": [200.0]})

    found = compare_readings(first, rows)
    uncounted = find_uncounted(first, [(d.decision, d.option) for d in found])

    assert {u.decision: u.counted for u in uncounted} == {
        "age-date": (),
        "classification": (),
        "onset": ("first-any",),
        "gfr-formula": ("ckd-epi-2021", "measured"),
        "upper-limits": (),
        "neoplasm-date": (),
        "ahsct-signers": (),
        "immunosuppressants": (),
        "wash-out": (),
        "exceptions": (),
    }
    assert all(u.because and u.because.en and u.because.fr for u in uncounted)


WELL = {
    **{n: [False] for n in ("renal_crisis", "hemolytic_anemia", "renal_insufficiency", "rhythm")},
    **{n: [False] for n in ("heart_failure", "mri_done", "rhc_done", "better_explained")},
    **{n: [False] for n in ("neoplasm", "myelodysplasia", "in_other_trial", "may_conceive")},
    **{n: [True] for n in ("insurance", "signed_copy", "2-willing", "2-available", "I6", "I7")},
    **{n: [False] for n in ("E6", "E7", "E10", "E12")},
    **{"age": [50], "sex": ["female"], "acr_eular": [15], "duration": [5.0], "mrss": [17.0]},
    **{"dlco": [60.0], "fvc": [90.0], "fvc_equation": ["gli_2012"], "ild": [True]},
    **{"dlco_corrected": [60.0], "spap": [20.0], "lvef": [60.0], "5b-attribution": [True]},
    **{"effusion": ["none"], "av_block": ["none"], "guardianship": ["none"], "hiv": ["negative"]},
    **{"crp": [1.0], "hb": [14.0], "neutrophils": [4.0], "platelets": [200.0]},
    **{
        "lymphocytes": [2.0],
        "alt": [20.0],
        "alt_upper": [40.0],
        "ast": [20.0],
        "ast_upper": [40.0],
    },
    **{"gfr": [80.0], "gfr_method": ["clearance"], "creatinine": [70.0]},
    **{"weight": [60.0], "height": [165.0]},
}


@pytest.mark.requirement("C03")
@pytest.mark.parametrize(
    ("option", "person", "move"),
    [
        (("inclusion-1", "consent"), {"signed_copy": [None]}, "eligible > undecided"),
        (("inclusion-1", "consent"), {}, None),
        (("inclusion-1", "other"), {}, "eligible > undecided"),
        (("exclusion-1", "other"), {}, "eligible > undecided"),
        # A low FVC alone lets in, and by another equation it has to be worked out again.
        (("fvc-equation", "gli-2012"), {"dlco": [90.0], "fvc": [70.0]}, None),
        (("fvc-equation", "gli-global"), {"dlco": [90.0], "fvc": [70.0]}, "eligible > potential"),
        (("fvc-equation", "gli-global"), {}, None),
        # 32 % as the laboratory corrects; Cotes with 14 g/dL gives 28 * (9.38 + 14) / (1.7 * 14).
        (
            ("dlco-correction", "cotes-window"),
            {"dlco": [28.0], "dlco_corrected": [32.0]},
            "eligible > not_eligible",
        ),
        # CKD-EPI 2021: a woman of 50 with 300 umol/L has 16 mL/min/1.73 m2.
        (("gfr-formula", "ckd-epi-2021"), {"creatinine": [300.0]}, "eligible > not_eligible"),
        (("gfr-formula", "measured"), {"gfr_method": ["other"]}, "eligible > potential"),
        (("gfr-formula", "measured"), {}, None),
        # Du Bois: 60 kg and 165 cm are 1.66 m2, so 29.5 mL/min are 30.7 for each 1.73 m2.
        (("gfr-indexing", "indexed"), {"gfr": [29.5]}, "not_eligible > eligible"),
        (("gfr-indexing", "indexed"), {"gfr": [28.0]}, None),
        (("attribution", "heart"), {"5b-attribution": [None]}, "potential > eligible"),
        (
            ("attribution", "heart"),
            {"5b-attribution": [False], "ild": [False], "rhythm": [True]},
            None,
        ),
    ],
)
def test_each_option_of_the_first_study_moves_whom_its_words_say(
    option: tuple[str, str], person: dict[str, list[object]], move: str | None
) -> None:
    """One person who may take part by all that is assumed, and one thing that is different."""
    first = load_checked(first_study())

    found = compare_readings(first, pl.LazyFrame({**WELL, **person}))

    (difference,) = (d for d in found if (d.decision, d.option) == option)
    assert dict(difference.moves) == ({move: 1} if move else {})


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
