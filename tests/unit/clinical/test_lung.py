"""Predicted lung function at its edges, and without its tables."""

import math
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.clinical import GLI_SETS, Prediction, derive_prediction, lung
from equipoise.problems import Refused

WOMAN = {"gli_set": "fvc_gli_global_2022", "value": 2.65, "age_years": 50, "height_cm": 162}


def predict(**changed: object) -> Prediction | None:
    return derive_prediction(**{**WOMAN, "sex": "female", **changed})  # type: ignore[arg-type]


def test_another_set_is_refused() -> None:
    """Never predicted by the nearest one: the choice moves people across 80 %."""
    with pytest.raises(Refused, match="EQ-M003"):
        predict(gli_set="gli")


def test_without_the_tables_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is optional; what is missing is told with its remedy, when it is needed."""
    monkeypatch.setitem(sys.modules, "pyspiro", None)
    lung._load_tables.cache_clear()

    with pytest.raises(Refused, match="EQ-M004") as caught:
        predict()

    assert "equipoise[lung]" in caught.value.problems[0].hint
    assert predict(height_cm=1.62) is None


def test_no_numerical_library_is_loaded_before_a_prediction_is_asked_for() -> None:
    """Importing the calculators, and using all others, stays quick."""
    program = (
        "import sys, equipoise.clinical as c; c.derive_bmi(weight_kg=60, height_cm=170); "
        "sys.exit(bool({'numpy', 'pandas', 'pyspiro'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0, 0.0, 1e6])
@pytest.mark.parametrize("name", ["value", "age_years", "height_cm"])
def test_no_number_is_not_predicted(name: str, bad: float) -> None:
    """NaN, no end, nothing, and more than there can be."""
    assert predict(**{name: bad}) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"sex": "other"},
        {"height_cm": 1.62},
        {"age_years": 2.9},
        {"age_years": 95.1},
        {"group": "caucasian"},
        {"gli_set": "fvc_gli_2012"},
        {"gli_set": "fvc_gli_2012", "group": "martian"},
        {"gli_set": "dlco_gli_2017", "age_years": 86},
        {"gli_set": "dlco_gli_2017", "age_years": 4},
    ],
)
def test_outside_of_a_set_there_is_no_prediction(changed: dict[str, object]) -> None:
    """Its ages, its sexes, and a group where the set has groups and nowhere else."""
    assert predict(**changed) is None


SETS = st.sampled_from(
    [(name, group) for name in GLI_SETS for group in (["caucasian"] if "2012" in name else [""])]
)
SEXES = st.sampled_from(["female", "male"])


@settings(max_examples=60)
@given(
    chosen=SETS,
    sex=SEXES,
    age=st.floats(18, 85),
    height=st.floats(140, 205),
    value=st.floats(0.5, 10),
)
def test_the_parts_of_a_prediction_agree(
    *, chosen: tuple[str, str], sex: str, age: float, height: float, value: float
) -> None:
    """The limits lie around the median, at z = ±1.645; percent and z have one sign of judgement."""
    person = {"age_years": age, "height_cm": height, "sex": sex}
    named = {"gli_set": chosen[0], "group": chosen[1], **person}
    found = predict(**named, value=value)
    assert found is not None
    at_limit = predict(**named, value=found.lower_limit)

    assert 0 < found.lower_limit < found.median < found.upper_limit
    assert at_limit is not None
    assert at_limit.z == pytest.approx(-1.645)
    assert (found.percent < 100) == (found.z < 0)
    assert found.percent == pytest.approx(100 * value / found.median)


@settings(max_examples=60)
@given(SETS, SEXES, st.floats(18, 84.8), st.floats(0, 1))
def test_over_a_month_of_birth_the_ends_bound_the_prediction(
    chosen: tuple[str, str], sex: str, age: float, part: float
) -> None:
    """The curve of age bends, but within a month by less than anybody reports."""
    month = 31 / 365.25
    first, inside, last = (
        predict(gli_set=chosen[0], group=chosen[1], sex=sex, age_years=age + at)
        for at in (0, month * part, month)
    )
    assert first is not None
    assert inside is not None
    assert last is not None
    low, high = sorted((first.percent, last.percent))

    assert low - 0.001 < inside.percent < high + 0.001
