"""What the first study's forms derive by calculators, against published values and plain sums."""

from itertools import product
from pathlib import Path

import pytest

from equipoise.capture import Others, Value, derive_items
from equipoise.language import Known
from equipoise.study.load import load_study
from equipoise.study.study import Study


@pytest.fixture(scope="module")
def study() -> Study:
    study = load_study(Path(__file__).parents[2] / "studies" / "nct06722105").study
    assert study is not None
    return study


def derived(study: Study, form: str, values: dict[str, Value], **others: Known) -> dict[str, Value]:
    """The derived values of a form, with the latest values of other forms by `form__item`."""
    known = {name.replace("__", "."): value for name, value in others.items()}
    found = Others(find=lambda name: (known[name],) if name in known else ())
    return dict(derive_items(study.forms[form], values=values, others=found))


CATEGORIES = ("dressing", "arising", "eating", "walking", "hygiene", "reach", "grip", "activities")


def haq(*scores: int, aided: tuple[str, ...] = ()) -> dict[str, Value]:
    aids: dict[str, Value] = {f"{name}_aided": name in aided for name in CATEGORIES}
    return {**dict(zip(CATEGORIES, scores, strict=True)), **aids}


@pytest.mark.evidence(
    kind="published", source="CLINHAQ scoring instructions (Wolfe): the sum of eight over 8"
)
def test_the_haq_index_is_the_mean_of_its_categories(study: Study) -> None:
    """Whole or not at all: a category that is empty gives no index."""
    values = haq(2, 1, 0, 3, 2, 1, 1, 2)

    assert set(values) == set(study.forms["haq"].items)
    assert derived(study, "haq", values)["index"] == 12 / 8
    for item in ("grip", "grip_aided"):
        found = derived(study, "haq", {**values, item: None})
        assert found["grip_score"] is found["index"] is None
        assert found["reach_score"] == 1


@pytest.mark.evidence(
    kind="published",
    source="CLINHAQ scoring instructions (Wolfe), after Fries 1980: an aid raises a category to 2",
)
@pytest.mark.parametrize(("worst", "with_aid"), [(0, 2), (1, 2), (2, 2), (3, 3)])
@pytest.mark.parametrize("category", CATEGORIES)
def test_an_aid_raises_its_own_category_to_two(
    study: Study, category: str, worst: int, with_aid: int
) -> None:
    """To 2 and not by one point; a category of 2 or 3 stays, and so do the other seven."""
    scores = [worst if name == category else 1 for name in CATEGORIES]

    found = derived(study, "haq", haq(*scores, aided=(category,)))

    expected = {f"{name}_score": 1 for name in CATEGORIES} | {f"{category}_score": with_aid}
    assert found == {**expected, "index": (7 + with_aid) / 8}


@pytest.mark.evidence(
    kind="published",
    source="van den Hoogen 2013, doi 10.1136/annrheumdis-2013-204424, Table 1, summed by hand",
)
def test_the_classification_is_the_sum_of_its_weights(study: Study) -> None:
    """Every combination of answers, against the weights of the paper."""
    skin = {"none": 0, "puffy": 2, "sclerodactyly": 4}
    tips = {"none": 0, "ulcers": 2, "scars": 3}
    plain = {"telangiectasia": 2, "nailfold": 2, "lung": 2, "raynaud": 3, "antibody": 3}
    for fingers, fingertips, proximal in product(skin, tips, (False, True)):
        for present in product((False, True), repeat=len(plain)):
            values: dict[str, Value] = {
                "fingers": fingers,
                "fingertips": fingertips,
                "proximal_skin": proximal,
                **dict(zip(plain, present, strict=True)),
            }
            expected = max(9 if proximal else 0, skin[fingers]) + tips[fingertips]
            expected += sum(
                w for w, is_there in zip(plain.values(), present, strict=True) if is_there
            )
            assert derived(study, "acr_eular", values) == {"score": expected}


@pytest.mark.evidence(
    kind="published",
    source="constants of Cotes, doi 10.1183/09031936.05.00034905, computed apart",
)
@pytest.mark.parametrize(
    ("sex", "hb", "factor"), [("male", 8, 1.3397), ("female", 9, 1.2013), ("female", 12, 1.0480)]
)
def test_the_dlco_is_corrected_by_the_latest_hemoglobin(
    study: Study, sex: str, hb: float, factor: float
) -> None:
    """In g/dL or in g/L; without a hemoglobin it is not known."""
    who = Known(sex)
    for hemoglobin in (Known(float(hb), "g/dL"), Known(10.0 * hb, "g/L")):
        found = derived(
            study,
            "lung_function",
            {"dlco": 50.0},
            laboratory__hemoglobin=hemoglobin,
            demography__sex=who,
        )
        assert found["dlco_cotes"] == pytest.approx(50 * factor, abs=0.05)
    assert derived(study, "lung_function", {"dlco": 50.0}, demography__sex=who) == {
        "dlco_cotes": None
    }


@pytest.mark.evidence(kind="published", source="Quetelet: 70 kg and 175 cm give 22.9 kg/m2 (WHO)")
def test_the_body_mass_index_takes_the_height_of_screening(study: Study) -> None:
    found = derived(study, "vital_signs", {"weight": 70.0}, demography__height=Known(175.0, "cm"))

    assert found == {"bmi": 22.9}


@pytest.mark.evidence(kind="identity", source="the sum over 17 areas")
def test_the_skin_score_is_the_sum_of_all_areas_or_nothing(study: Study) -> None:
    areas = [n for n, i in study.forms["mrss"].items.items() if i.area]
    values: dict[str, Value] = {a: k % 4 for k, a in enumerate(areas)}

    assert len(areas) == 17
    assert derived(study, "mrss", values)["total"] == sum(k % 4 for k in range(17))
    assert derived(study, "mrss", {**values, "face": None})["total"] is None
