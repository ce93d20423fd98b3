"""Body, kidney and heart at their edges: nothing rather than a number without meaning."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.clinical import (
    ANALYTES,
    derive_bmi,
    derive_body_surface,
    derive_dlco_corrected,
    derive_egfr,
    derive_spap,
    derive_uln_multiple,
    derive_unindexed_gfr,
    find_analyte_factor,
)
from equipoise.language import UNITS, convert

ANY = st.floats(allow_nan=True, allow_infinity=True)
NO_NUMBER = [math.nan, math.inf, -math.inf, -1.0, 1e300]


def test_calculators_give_nothing_where_they_are_not_defined() -> None:
    """No number comes of a height of zero, a child's creatinine, or a jet that was not seen."""
    undefined = [
        derive_bmi(weight_kg=0, height_cm=170),
        derive_bmi(weight_kg=60, height_cm=0),
        derive_body_surface(weight_kg=60, height_cm=0),
        derive_body_surface(weight_kg=0, height_cm=160),
        derive_unindexed_gfr(gfr=60, weight_kg=0, height_cm=160),
        derive_egfr(creatinine_umol_l=80, age_years=17, sex="female"),
        derive_egfr(creatinine_umol_l=0, age_years=40, sex="female"),
        derive_egfr(creatinine_umol_l=80, age_years=40, sex="other"),
        derive_dlco_corrected(dlco=60, hb_g_dl=0, sex="male"),
        derive_dlco_corrected(dlco=-1, hb_g_dl=12, sex="male"),
        derive_dlco_corrected(dlco=60, hb_g_dl=12, sex="other"),
        derive_spap(trv_m_s=0, rap_mmhg=3),
        derive_spap(trv_m_s=2.8, rap_mmhg=-1),
        derive_uln_multiple(value=40, upper_limit=0),
    ]

    assert undefined == [None] * len(undefined)


def test_a_unit_mistaken_gives_nothing() -> None:
    """Meters for centimeters, mg/dL for µmol/L, g/L for g/dL, cm/s for m/s."""
    mistaken = [
        derive_bmi(weight_kg=60, height_cm=1.62),
        derive_body_surface(weight_kg=60, height_cm=1.62),
        derive_egfr(creatinine_umol_l=1.0, age_years=50, sex="female"),
        derive_dlco_corrected(dlco=60, hb_g_dl=120, sex="female"),
        derive_spap(trv_m_s=280, rap_mmhg=3),
    ]

    assert mistaken == [None] * len(mistaken)


@pytest.mark.parametrize("bad", NO_NUMBER)
def test_no_calculator_takes_what_is_no_number(bad: float) -> None:
    """NaN, no end, less than nothing, and more than there can be: at every argument."""
    found = [
        derive_bmi(weight_kg=bad, height_cm=170),
        derive_bmi(weight_kg=60, height_cm=bad),
        derive_body_surface(weight_kg=bad, height_cm=170),
        derive_body_surface(weight_kg=60, height_cm=bad),
        derive_egfr(creatinine_umol_l=bad, age_years=50, sex="male"),
        derive_egfr(creatinine_umol_l=80, age_years=bad, sex="male"),
        derive_unindexed_gfr(gfr=bad, weight_kg=60, height_cm=170),
        derive_spap(trv_m_s=bad, rap_mmhg=3),
        derive_spap(trv_m_s=2.8, rap_mmhg=bad),
        derive_uln_multiple(value=bad, upper_limit=40),
        derive_uln_multiple(value=40, upper_limit=bad),
        derive_dlco_corrected(dlco=bad, hb_g_dl=12, sex="male"),
        derive_dlco_corrected(dlco=60, hb_g_dl=bad, sex="male"),
        derive_dlco_corrected(dlco=60, hb_g_dl=12, sex="male", age_years=bad),
    ]

    assert found == [None] * len(found)


@given(ANY, ANY, ANY, st.sampled_from(["female", "male", ""]))
def test_a_result_is_a_finite_number_or_nothing(a: float, b: float, c: float, sex: str) -> None:
    """Whatever goes in."""
    found = [
        derive_bmi(weight_kg=a, height_cm=b),
        derive_egfr(creatinine_umol_l=a, age_years=b, sex=sex),
        derive_unindexed_gfr(gfr=a, weight_kg=b, height_cm=c),
        derive_spap(trv_m_s=a, rap_mmhg=b),
        derive_uln_multiple(value=a, upper_limit=b),
        derive_dlco_corrected(dlco=a, hb_g_dl=b, sex=sex, age_years=c),
    ]

    assert all(x is None or (math.isfinite(x) and x >= 0) for x in found)


@given(
    st.floats(8, 4900),
    st.floats(0.001, 100),
    st.floats(18, 110),
    st.sampled_from(["female", "male"]),
)
def test_filtration_falls_with_creatinine_and_with_age(
    creatinine: float, more: float, age: float, sex: str
) -> None:
    """So that the bounds of an age known to the month bound the filtration."""
    here = derive_egfr(creatinine_umol_l=creatinine, age_years=age, sex=sex)
    further = derive_egfr(creatinine_umol_l=creatinine + more, age_years=age, sex=sex)
    older = derive_egfr(creatinine_umol_l=creatinine, age_years=age + 1, sex=sex)

    assert here is not None
    assert further is not None
    assert older is not None
    assert further < here
    assert older < here


@given(st.floats(2, 29), st.floats(0.01, 1), st.sampled_from(["female", "male"]))
def test_the_correction_falls_with_hemoglobin_and_is_the_law_of_series_resistances(
    hb: float, more: float, sex: str
) -> None:
    """1/DL = 1/Dm + 1/(θ Vc), θ in proportion to Hb, Dm/(θ Vc) = 0.7 at the reference."""
    reference = 14.6 if sex == "male" else 13.4
    membrane, blood = 1.7, 1.7 / 0.7 * hb / reference
    measured = 1 / (1 / membrane + 1 / blood)

    corrected = derive_dlco_corrected(dlco=measured, hb_g_dl=hb, sex=sex)
    richer = derive_dlco_corrected(dlco=measured, hb_g_dl=hb + more, sex=sex)

    assert corrected == pytest.approx(1 / (1 / membrane + 0.7 / 1.7))
    assert richer is not None
    assert corrected is not None
    assert richer < corrected


def test_boys_are_corrected_like_women() -> None:
    """The constant for men counts from 15 years."""
    boy = derive_dlco_corrected(dlco=60, hb_g_dl=10, sex="male", age_years=14)

    assert boy == derive_dlco_corrected(dlco=60, hb_g_dl=10, sex="female")
    assert boy != derive_dlco_corrected(dlco=60, hb_g_dl=10, sex="male", age_years=15)


def test_gfr_without_indexing_follows_the_body_surface() -> None:
    """A person of 1.73 m² has the same number in both units; a smaller one has less."""
    small = derive_unindexed_gfr(gfr=30, weight_kg=42, height_cm=155)

    assert derive_body_surface(weight_kg=70, height_cm=170) == pytest.approx(1.81, abs=0.005)
    assert small == pytest.approx(30 * 1.363 / 1.73, abs=0.05)


def test_three_times_the_limit_is_three_times_the_limit() -> None:
    """38.1 / 12.7 is 3.0000000000000004 to a machine, and would be above three times."""
    assert derive_uln_multiple(value=38.1, upper_limit=12.7) == 3
    assert derive_uln_multiple(value=0, upper_limit=12.7) == 0


@pytest.mark.parametrize("row", ANALYTES, ids=lambda row: row.analyte)
def test_an_analyte_converts_there_and_back_in_units_of_the_language(row: object) -> None:
    """The language knows every unit; a table of its own is needed where it would not convert."""
    assert isinstance(row, type(ANALYTES[0]))
    there = find_analyte_factor(
        analyte=row.analyte, source_unit=row.source_unit, target_unit=row.target_unit
    )
    back = find_analyte_factor(
        analyte=row.analyte, source_unit=row.target_unit, target_unit=row.source_unit
    )

    assert {row.source_unit, row.target_unit} <= set(UNITS)
    assert there == row.factor
    assert back == pytest.approx(1 / row.factor)
    assert convert(1.0, row.source_unit, row.target_unit) in (None, row.factor)


@pytest.mark.parametrize(
    "row", [row for row in ANALYTES if row.molar_mass], ids=lambda r: r.analyte
)
def test_the_molar_mass_gives_the_factor(row: object) -> None:
    """To five digits: what converts by the mass and what by the factor is the same."""
    assert isinstance(row, type(ANALYTES[0]))
    g_per_l = {"g/dL": 10, "mg/dL": 0.01}[row.source_unit]
    mol_per_l = {"mmol/L": 1e-3, "umol/L": 1e-6}[row.target_unit]

    assert row.factor == pytest.approx(g_per_l / row.molar_mass / mol_per_l, rel=5e-5)


def test_no_other_pair_converts() -> None:
    """Neither another substance nor another unit."""
    assert [
        find_analyte_factor(analyte=analyte, source_unit="mg/dL", target_unit="umol/L")
        for analyte in ("glucose", "ferritin")
    ] == [None, None]
