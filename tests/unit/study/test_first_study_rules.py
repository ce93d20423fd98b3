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


WEIGHT = ("vital_signs", "weight", "kg", "weight-baseline")
FVC = ("lung_function", "fvc", "%", "fvc-loss")


@pytest.mark.parametrize(
    ("rule", "earlier", "now", "speaks"),
    [
        (WEIGHT, (70.0, 66.0), 62.9, True),
        (WEIGHT, (70.0, 66.0), 63.1, False),
        (WEIGHT, (70.0, 76.0), 77.1, True),
        (FVC, (80.0, 74.0), 69.0, True),
        (FVC, (80.0, 74.0), 71.0, False),
    ],
)
def test_a_check_compares_with_the_value_before_treatment(
    study: Study, rule: tuple[str, ...], earlier: tuple[float, ...], now: float, *, speaks: bool
) -> None:
    """More than a tenth of the weight; more than ten points of the FVC."""
    form, item, unit, check = rule
    others = before(study, f"{form}.{item}", *earlier, unit=unit)
    found = find_warnings(study.forms[form], values={item: now}, others=others)

    assert (check in {w.id for w in found}) is speaks


@pytest.mark.parametrize(("earlier", "speaks"), [((0.5, 0.75), True), ((0.5, 1.5), False)])
def test_a_check_knows_the_worst_so_far(
    study: Study, earlier: tuple[float, ...], *, speaks: bool
) -> None:
    """An index of 1, half a point over the first: worst after 0.75, and not after 1.5."""
    form = study.forms["haq"]
    values: dict[str, Value] = {
        name: False if item.type == "boolean" else 1 for name, item in form.items.items()
    }
    found = find_warnings(form, values=values, others=before(study, "haq.index", *earlier))

    assert ("index-worst" in {w.id for w in found}) is speaks


@pytest.mark.parametrize(
    ("baseline", "now", "is_worse"), [(10, 16, True), (10, 15, False), (34, 41, False)]
)
def test_the_skin_is_worse_by_points_and_share(
    study: Study, baseline: int, now: int, *, is_worse: bool
) -> None:
    """More than 5 points and a quarter of the total before; the change is derived beside it."""
    form = study.forms["mrss"]
    areas = [n for n, i in form.items.items() if i.area]
    values: dict[str, Value] = {a: now // 17 + (k < now % 17) for k, a in enumerate(areas)}
    others = before(study, "mrss.total", baseline)

    assert derive_items(form, values=values, others=others)["change"] == now - baseline
    found = {w.id for w in find_warnings(form, values=values, others=others)}
    assert ("worsening" in found) is is_worse
