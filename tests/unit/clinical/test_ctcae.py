"""CTCAE grades at their edges."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.clinical import CTCAE, derive_ctcae_grade
from equipoise.clinical.ctcae import Fall
from equipoise.problems import Refused

TERMS = [(version, term) for version, terms in CTCAE.items() for term in terms]
RISING = [(v, t) for v, t in TERMS if not isinstance(CTCAE[v][t], Fall)]
FALLING = [pair for pair in TERMS if pair not in RISING]


def grade(version: str, term: str, value: float, limit: float | None, *base: object) -> int | None:
    baseline, status = base or (None, None)
    return derive_ctcae_grade(
        version=version,
        term=term,
        value=value,
        limit=limit,
        baseline=baseline,  # type: ignore[arg-type]
        baseline_status=status,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("version", ["4.03", "7.0", "5", ""])
def test_another_version_is_refused(version: str) -> None:
    """Never graded by the nearest one."""
    with pytest.raises(Refused, match="EQ-M001"):
        grade(version, "platelets", 60, 150)


@pytest.mark.parametrize(("version", "term"), [("6.0", "lymphocytes"), ("5.0", "sodium")])
def test_a_term_that_the_version_does_not_have_is_refused(version: str, term: str) -> None:
    """Version 6.0 has no term for few lymphocytes."""
    with pytest.raises(Refused, match="EQ-M002"):
        grade(version, term, 0.3, 1.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0])
@pytest.mark.parametrize(("version", "term"), TERMS)
def test_no_number_has_no_grade(version: str, term: str, bad: float) -> None:
    """At the value and at what it is compared with."""
    assert grade(version, term, bad, 100, 50, "normal") is None
    rule = CTCAE[version][term]
    if isinstance(rule, Fall):
        needs_limit = rule.first is None
        assert (grade(version, term, rule.highest, bad) is None) == needs_limit
    else:
        assert grade(version, term, 50, bad, 50, "normal") is None
        assert grade(version, term, 50, 100, bad, "normal") is None


def test_counts_per_cubic_millimeter_are_not_taken_for_giga_per_liter() -> None:
    """1500 neutrophils/mm³ are 1.5 × 10⁹/L; hemoglobin in g/L is no hemoglobin in g/dL."""
    assert grade("5.0", "neutrophils", 1500, 1.8) is None
    assert grade("5.0", "platelets", 150_000, 150) is None
    assert grade("6.0", "hemoglobin", 110, 12) is None


@pytest.mark.parametrize(("version", "term"), FALLING)
def test_without_its_lower_limit_a_low_value_is_graded_only_where_that_cannot_matter(
    version: str, term: str
) -> None:
    """Grades from 2 on have limits of their own, the lowest limit of all the highest grade."""
    rule = CTCAE[version][term]
    assert isinstance(rule, Fall)

    assert grade(version, term, rule.below[-1] * 0.99, None) == len(rule.below) + 1
    assert grade(version, term, rule.below[0] * 0.99, None) == 2
    assert grade(version, term, rule.highest, None) == (None if rule.first is None else 0)


@pytest.mark.parametrize(("version", "term"), RISING)
@pytest.mark.parametrize("status", [None, "unknown", ""])
def test_a_high_value_has_no_grade_without_the_status_of_the_baseline(
    version: str, term: str, status: str | None
) -> None:
    """Nor without the baseline, nor without the limit."""
    assert grade(version, term, 500, 40, 30, status) is None
    assert grade(version, term, 500, 40, None, "normal") is None
    assert grade(version, term, 500, None, 30, "normal") is None


@given(st.sampled_from(FALLING), st.floats(0, 30), st.floats(0, 30), st.floats(0.1, 30))
def test_a_lower_value_never_has_a_lower_grade(
    pair: tuple[str, str], a: float, b: float, limit: float
) -> None:
    """0 to 4, and monotone, wherever the laboratory puts its limit."""
    low, high = sorted((a, b))
    grades = [grade(*pair, value, limit) for value in (low, high)]

    assert all(g in range(5) for g in grades)
    assert (grades[0] or 0) >= (grades[1] or 0)


@given(
    pair=st.sampled_from(RISING),
    values=st.tuples(st.floats(0, 3000), st.floats(0, 3000)),
    limit=st.floats(1, 300),
    baseline=st.floats(1, 300),
    status=st.sampled_from(["low", "normal", "high"]),
)
def test_a_higher_value_never_has_a_lower_grade(
    *,
    pair: tuple[str, str],
    values: tuple[float, float],
    limit: float,
    baseline: float,
    status: str,
) -> None:
    """0 to 4, and monotone, whatever the baseline was."""
    grades = [grade(*pair, value, limit, baseline, status) for value in sorted(values)]

    assert all(g in range(5) for g in grades)
    assert (grades[0] or 0) <= (grades[1] or 0)


def test_three_times_the_limit_is_not_above_it() -> None:
    """3 × 12.7 is 38.099999999999994 to a machine."""
    assert grade("5.0", "alt", 38.1, 12.7, 10, "normal") == 1
    assert grade("5.0", "alt", 38.2, 12.7, 10, "normal") == 2
