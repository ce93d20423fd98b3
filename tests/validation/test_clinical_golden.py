"""Body, kidney, heart, gas transfer and units against values that other people published."""

import math

import pytest

from equipoise.clinical import (
    derive_bmi,
    derive_body_surface,
    derive_dlco_corrected,
    derive_egfr,
    derive_spap,
    find_analyte_factor,
)


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
        ("female", 50, 0.5, 114.19),
        ("male", 50, 0.6, 117.60),
    ],
)
def test_egfr_is_that_of_2021_and_not_of_2009(
    sex: str, age: int, mg_dl: float, expected: float
) -> None:
    """Above κ and below it; above, values would differ with the exponent -1.209 of 2009."""
    assert derive_egfr(creatinine_umol_l=mg_dl * 88.4, age_years=age, sex=sex) == pytest.approx(
        expected, abs=0.005
    )


@pytest.mark.evidence(
    kind="published", source="equation of Inker 2021 solved for 30, computed apart"
)
@pytest.mark.parametrize(
    ("age", "female", "male"), [(40, 186, 236), (50, 176, 224), (60, 167, 213), (70, 159, 202)]
)
def test_egfr_of_30_lies_at_the_tabulated_creatinine(age: int, female: int, male: int) -> None:
    """The rounded creatinine of the table brackets the limit of 30."""
    for sex, umol_l in (("female", female), ("male", male)):
        above, below = (
            derive_egfr(creatinine_umol_l=umol_l + d, age_years=age, sex=sex) for d in (-0.6, 0.6)
        )

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
    assert derive_dlco_corrected(dlco=100, hb_g_dl=hb, sex=sex) == pytest.approx(
        100 * factor, abs=0.005
    )


@pytest.mark.evidence(kind="published", source="ATS/ERS 2005: reference hemoglobin 14.6 and 13.4")
@pytest.mark.parametrize(("sex", "hb"), [("male", 14.6), ("female", 13.4)])
def test_dlco_is_unchanged_at_the_reference_hemoglobin(sex: str, hb: float) -> None:
    """The factor is 1 where nothing is to be corrected."""
    assert derive_dlco_corrected(dlco=64.0, hb_g_dl=hb, sex=sex) == pytest.approx(64.0)


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
    found = [derive_spap(trv_m_s=trv, rap_mmhg=rap) for rap in (3, 8, 15)]

    assert found == [pytest.approx(v, abs=0.05) for v in by_rap]


@pytest.mark.evidence(kind="published", source="Quetelet: kg/m²; 16.5 at 1.60 m is 42.2 kg")
def test_bmi_at_the_limit_of_16_5() -> None:
    """42.2 kg at 1.60 m and 50.5 kg at 1.75 m."""
    assert derive_bmi(weight_kg=42.24, height_cm=160) == pytest.approx(16.5)
    assert derive_bmi(weight_kg=50.53, height_cm=175) == pytest.approx(16.5, abs=0.002)


@pytest.mark.evidence(kind="published", source="Du Bois 1916: 0.007184 × W^0.425 × H^0.725")
@pytest.mark.parametrize(
    ("weight", "height", "surface"), [(60, 160, 1.62), (70, 170, 1.81), (80, 180, 2.00)]
)
def test_body_surface_is_that_of_the_nomogram(weight: float, height: float, surface: float) -> None:
    """To the two decimals of the nomogram."""
    found = derive_body_surface(weight_kg=weight, height_cm=height)

    assert found == pytest.approx(surface, abs=0.005)


@pytest.mark.evidence(
    kind="published",
    source="standard atomic weights, IUPAC 2021: C 12.011, H 1.008, N 14.007, O 15.999",
)
@pytest.mark.parametrize(
    ("analyte", "atoms", "source_unit", "target_unit", "per_gram"),
    [
        ("creatinine", (4, 7, 3, 1), "mg/dL", "umol/L", 1e4),
        ("glucose", (6, 12, 0, 6), "mg/dL", "mmol/L", 10),
        ("bilirubin", (33, 36, 4, 6), "mg/dL", "umol/L", 1e4),
    ],
)
def test_a_mass_converts_by_the_atoms_of_its_substance(
    *,
    analyte: str,
    atoms: tuple[int, ...],
    source_unit: str,
    target_unit: str,
    per_gram: float,
) -> None:
    """Creatinine is rounded to 88.4, as every equation of filtration has it."""
    weights = (12.011, 1.008, 14.007, 15.999)
    molar = sum(n * weight for n, weight in zip(atoms, weights, strict=True))
    factor = find_analyte_factor(analyte=analyte, source_unit=source_unit, target_unit=target_unit)

    assert factor == pytest.approx(per_gram / molar, rel=5e-5)


@pytest.mark.evidence(
    kind="published", source="CTCAE 5.0 gives its limits in both units, rounded to one decimal"
)
@pytest.mark.parametrize(
    ("analyte", "conventional", "si", "units"),
    [
        ("hemoglobin", 10.0, 6.2, ("g/dL", "mmol/L")),
        ("glucose", 160, 8.9, ("mg/dL", "mmol/L")),
        ("glucose", 250, 13.9, ("mg/dL", "mmol/L")),
        ("glucose", 500, 27.8, ("mg/dL", "mmol/L")),
        ("glucose", 55, 3.1, ("mg/dL", "mmol/L")),
    ],
)
def test_limits_printed_in_both_units_agree(
    analyte: str, conventional: float, si: float, units: tuple[str, str]
) -> None:
    """The pairs that the National Cancer Institute prints."""
    factor = find_analyte_factor(analyte=analyte, source_unit=units[0], target_unit=units[1])

    assert factor is not None
    assert round(conventional * factor, 1) == si


@pytest.mark.evidence(
    kind="published",
    source="GLI 2017 with its 2020 correction: a0 of DLCO -7.034920, -5.159451; of TLCO -8.129189, "
    "-6.253720",
)
@pytest.mark.parametrize("a0", [(-7.034920, -8.129189), (-5.159451, -6.253720)])
def test_diffusing_capacity_converts_as_its_reference_equations_do(a0: tuple[float, float]) -> None:
    """The medians in both units differ by the exponential of their constants."""
    factor = find_analyte_factor(
        analyte="dlco", source_unit="mmol/min/kPa", target_unit="mL/min/mmHg"
    )

    assert factor == pytest.approx(math.exp(a0[0] - a0[1]), abs=5e-5)
