"""The rules of the first study's forms over the visits, with what they should say."""

from pathlib import Path

import pytest

from equipoise.capture import Others, Value, derive_items, find_warnings
from equipoise.language import Known
from equipoise.study.load import load_study
from equipoise.study.study import Study
from equipoise.study.vocabulary import worst_directions


@pytest.fixture(scope="module")
def study() -> Study:
    study = load_study(Path(__file__).parents[3] / "studies" / "nct06722105").study
    assert study is not None
    return study


def before(study: Study, name: str, *values: float, unit: str = "") -> Others:
    """Earlier values of `form.item`, the first of them the one before treatment."""
    held = tuple(Known(v, unit) for v in values)
    return Others(
        "M6",
        lambda wanted: held if wanted == name else (),
        lambda wanted: held[0] if wanted == name else None,
        worst_directions(study),
    )


@pytest.mark.parametrize(
    ("form", "item", "unit", "earlier", "now", "check", "speaks"),
    [
        ("vital_signs", "weight", "kg", (70.0, 66.0), 62.9, "weight-baseline", True),
        ("vital_signs", "weight", "kg", (70.0, 66.0), 63.1, "weight-baseline", False),
        ("vital_signs", "weight", "kg", (70.0, 76.0), 77.1, "weight-baseline", True),
        ("lung_function", "fvc", "%", (80.0, 74.0), 69.0, "fvc-worst", True),
        ("lung_function", "fvc", "%", (80.0, 68.0), 69.0, "fvc-worst", False),
        ("lung_function", "fvc", "%", (80.0, 74.0), 71.0, "fvc-worst", False),
    ],
)
def test_a_check_compares_with_the_value_before_treatment(
    study: Study,
    form: str,
    item: str,
    unit: str,
    earlier: tuple[float, ...],
    now: float,
    check: str,
    speaks: bool,
) -> None:
    """More than a tenth of the weight; the lowest FVC so far by more than ten points."""
    others = before(study, f"{form}.{item}", *earlier, unit=unit)
    found = find_warnings(study.forms[form], values={item: now}, others=others)

    assert (check in {w.id for w in found}) is speaks


@pytest.mark.parametrize(
    ("baseline", "now", "is_worse"), [(10, 16, True), (10, 15, False), (34, 41, False)]
)
def test_the_skin_is_worse_by_points_and_share(
    study: Study, baseline: int, now: int, is_worse: bool
) -> None:
    """More than 5 points and a quarter of the total before; the change is derived beside it."""
    form = study.forms["mrss"]
    areas = [n for n, i in form.items.items() if i.area]
    values: dict[str, Value] = {a: now // 17 + (k < now % 17) for k, a in enumerate(areas)}
    others = before(study, "mrss.total", baseline)

    assert derive_items(form, values=values, others=others)["change"] == now - baseline
    found = {w.id for w in find_warnings(form, values=values, others=others)}
    assert ("worsening" in found) is is_worse
