"""Numbers of the analysis against numbers from outside."""

import pytest

from equipoise.analysis import (
    estimate_detectable,
    estimate_power,
    estimate_upper_bound,
    summarize,
)

MPG = (
    21.0, 21.0, 22.8, 21.4, 18.7, 18.1, 14.3, 24.4, 22.8, 19.2, 17.8, 16.4, 17.3, 15.2, 10.4, 10.4,
    14.7, 32.4, 30.4, 33.9, 21.5, 15.5, 15.2, 13.3, 19.2, 27.3, 26.0, 30.4, 15.8, 19.7, 15.0, 21.4,
)  # fmt: skip
HP = (
    110, 110, 93, 110, 175, 105, 245, 62, 95, 123, 123, 180, 180, 180, 205, 215,
    230, 66, 52, 65, 97, 150, 150, 245, 175, 66, 91, 113, 264, 175, 335, 109,
)  # fmt: skip


@pytest.mark.evidence(kind="published", source="R datasets: summary() and sd() of mtcars$mpg, hp")
@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (MPG, (10.4, 15.425, 19.2, 20.090625, 22.8, 33.9, 6.026948)),
        (HP, (52.0, 96.5, 123.0, 146.6875, 180.0, 335.0, 68.56287)),
    ],
)
def test_summaries_are_those_of_r(sample: tuple[float, ...], expected: tuple[float, ...]) -> None:
    """Minimum, quartiles of type 7, mean, maximum and the standard deviation with n - 1."""
    s = summarize(sample)

    found = (s.minimum, s.q1, s.median, s.mean, s.q3, s.maximum, s.sd)
    assert found == pytest.approx(expected, rel=1e-6)


def test_small_samples_have_no_spread() -> None:
    """One value has no standard deviation; none has nothing."""
    assert (summarize([3.0]).mean, summarize([3.0]).sd) == (3.0, None)
    assert (summarize([]).n, summarize([]).mean) == (0, None)


@pytest.mark.evidence(
    kind="published",
    source="Hanley and Lippman-Hand, JAMA 1983;249:1743, exact bounds of 0/10 to 0/100",
)
@pytest.mark.parametrize(("n", "percent"), [(10, 26), (20, 14), (30, 10), (50, 6), (100, 3)])
def test_bounds_of_no_event_are_the_published_ones(n: int, percent: int) -> None:
    """If nothing goes wrong, the risk may still be this high."""
    assert round(100 * estimate_upper_bound(n)) == percent


@pytest.mark.parametrize(("n", "percent"), [(6, 39), (12, 22), (18, 15)])
def test_bounds_at_the_sizes_of_the_first_study(n: int, percent: int) -> None:
    """0 of 6, 12 and 18."""
    assert round(100 * estimate_upper_bound(n)) == percent


@pytest.mark.evidence(kind="published", source="R ?power.t.test: n = 20, delta = 1, sd = 1")
def test_power_is_that_of_r() -> None:
    """R prints 0.8689528."""
    assert estimate_power(20, 20, difference=1.0) == pytest.approx(0.8689528, abs=1e-5)


@pytest.mark.evidence(kind="published", source="R ?power.t.test: power = 0.90, delta = 1")
def test_power_at_the_sample_size_that_r_gives() -> None:
    """R gives n = 22.02110 for a power of 0.90: 22 fall just short of it, 23 exceed it."""
    assert estimate_power(22, 22, difference=1.0) < 0.90 < estimate_power(23, 23, difference=1.0)
    assert estimate_power(22, 22, difference=1.0) == pytest.approx(0.90, abs=1e-3)


@pytest.mark.parametrize(
    ("n1", "points", "power"), [(6, 5, 0.18), (6, 8, 0.38), (12, 5, 0.24), (12, 8, 0.51)]
)
def test_power_at_the_sizes_of_the_first_study(n1: int, points: float, power: float) -> None:
    """Against six on placebo, with a standard deviation of 7.6 points (ASSET, 12 months)."""
    assert round(estimate_power(n1, 6, difference=points / 7.6), 2) == power


@pytest.mark.parametrize(("n1", "points"), [(6, 13.6), (12, 11.3)])
def test_detectable_differences_at_the_sizes_of_the_first_study(n1: int, points: float) -> None:
    """80 % power needs a difference that no treatment of the disease has ever shown."""
    found = estimate_detectable(n1, 6)

    assert round(found * 7.6, 1) == points
    assert estimate_power(n1, 6, difference=found) == pytest.approx(0.8, abs=1e-6)
