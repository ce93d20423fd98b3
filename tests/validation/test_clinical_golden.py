"""Calculators against values that other people published."""

import pytest

from equipoise.clinical import (
    derive_acr_eular_2013,
    derive_bmi,
    derive_dlco_corrected,
    derive_egfr,
    derive_spap,
)

NO_FINDING = {
    "proximal_skin": False,
    "fingers": "none",
    "fingertips": "none",
    "telangiectasia": False,
    "nailfold": False,
    "lung": False,
    "raynaud": False,
    "antibody": False,
}


@pytest.mark.evidence(
    kind="published", source="equation of Inker 2021, N Engl J Med 385:1737, computed apart"
)
@pytest.mark.parametrize(
    ("sex", "age", "mg_dl", "expected"),
    [
        ("female", 50, 1.0, 68.63),
        ("male", 50, 1.0, 91.69),
        ("female", 60, 2.0, 28.07),
        ("male", 60, 2.5, 28.69),
    ],
)
def test_egfr_is_that_of_2021_and_not_of_2009(
    sex: str, age: int, mg_dl: float, expected: float
) -> None:
    """Values above κ would differ with the exponent -1.209 of 2009."""
    assert derive_egfr(mg_dl * 88.4, age, sex) == pytest.approx(expected, abs=0.005)


@pytest.mark.evidence(
    kind="published", source="equation of Inker 2021 solved for 30, computed apart"
)
@pytest.mark.parametrize(
    ("age", "female", "male"), [(40, 186, 236), (50, 176, 224), (60, 167, 213), (70, 159, 202)]
)
def test_egfr_of_30_lies_at_the_tabulated_creatinine(age: int, female: int, male: int) -> None:
    """The rounded creatinine of the table brackets the limit of 30."""
    for sex, umol_l in (("female", female), ("male", male)):
        above, below = (derive_egfr(umol_l + d, age, sex) for d in (-0.6, 0.6))

        assert above is not None
        assert below is not None
        assert below < 30 < above


@pytest.mark.evidence(
    kind="published",
    source="constants of Cotes, doi 10.1183/09031936.05.00034905, computed apart",
)
@pytest.mark.parametrize(
    ("sex", "hb", "factor"),
    [
        ("male", 8, 1.3397),
        ("male", 10, 1.1894),
        ("male", 12, 1.0892),
        ("female", 8, 1.2779),
        ("female", 9, 1.2013),
        ("female", 10, 1.1400),
        ("female", 12, 1.0480),
    ],
)
def test_dlco_is_corrected_as_cotes_has_it(sex: str, hb: float, factor: float) -> None:
    """Not the overcorrection 1.7 Hb_ref / (Hb + 0.7 Hb_ref): 1.2394 for a woman with 9 g/dL."""
    assert derive_dlco_corrected(100, hb, sex) == pytest.approx(100 * factor, abs=0.005)


@pytest.mark.evidence(kind="published", source="ATS/ERS 2005: reference hemoglobin 14.6 and 13.4")
@pytest.mark.parametrize(("sex", "hb"), [("male", 14.6), ("female", 13.4)])
def test_dlco_is_unchanged_at_the_reference_hemoglobin(sex: str, hb: float) -> None:
    """The factor is 1 where nothing is to be corrected."""
    assert derive_dlco_corrected(64.0, hb, sex) == pytest.approx(64.0)


@pytest.mark.evidence(kind="published", source="ASE 2010 guideline: 4 TRV² + RAP")
@pytest.mark.parametrize(
    ("trv", "by_rap"),
    [
        (2.8, (34.4, 39.4, 46.4)),
        (2.9, (36.6, 41.6, 48.6)),
        (3.2, (44.0, 49.0, 56.0)),
        (3.4, (49.2, 54.2, 61.2)),
    ],
)
def test_spap_moves_with_the_atrial_pressure(trv: float, by_rap: tuple[float, ...]) -> None:
    """The same jet is below or above 50 mmHg by the choice of 3, 8 or 15."""
    found = [derive_spap(trv, rap) for rap in (3, 8, 15)]

    assert found == [pytest.approx(v, abs=0.05) for v in by_rap]


@pytest.mark.evidence(kind="published", source="Quetelet: kg/m²; 16.5 at 1.60 m is 42.2 kg")
def test_bmi_at_the_limit_of_16_5() -> None:
    """42.2 kg at 1.60 m and 50.5 kg at 1.75 m."""
    assert derive_bmi(42.24, 160) == pytest.approx(16.5)
    assert derive_bmi(50.53, 175) == pytest.approx(16.5, abs=0.002)


@pytest.mark.evidence(kind="published", source="van den Hoogen 2013, Table 1")
@pytest.mark.parametrize(
    ("findings", "score"),
    [
        ({}, 0),
        ({"proximal_skin": True}, 9),
        ({"fingers": "puffy"}, 2),
        ({"fingers": "sclerodactyly"}, 4),
        ({"fingertips": "ulcers"}, 2),
        ({"fingertips": "scars"}, 3),
        ({"telangiectasia": True}, 2),
        ({"nailfold": True}, 2),
        ({"lung": True}, 2),
        ({"raynaud": True}, 3),
        ({"antibody": True}, 3),
        ({"raynaud": True, "antibody": True, "telangiectasia": True}, 8),
        ({"raynaud": True, "antibody": True, "fingers": "sclerodactyly"}, 10),
    ],
)
def test_acr_eular_weights(findings: dict[str, object], score: int) -> None:
    """Each item has its weight; of a pair the form offers only the higher finding."""
    assert derive_acr_eular_2013(**{**NO_FINDING, **findings}) == score  # type: ignore[arg-type]
