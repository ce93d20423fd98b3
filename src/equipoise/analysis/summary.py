"""Numbers that describe a sample, and what a sample of a size can show."""

import math
from collections.abc import Sequence
from functools import cache
from statistics import NormalDist

import numpy as np
from msgspec import Struct

_NORMAL = NormalDist()


class Summary(Struct, frozen=True):
    """A sample: standard deviation with n - 1, quantiles as R's type 7; None where undefined."""

    n: int
    mean: float | None = None
    sd: float | None = None
    median: float | None = None
    q1: float | None = None
    q3: float | None = None
    minimum: float | None = None
    maximum: float | None = None


def summarize(values: Sequence[float]) -> Summary:
    """Describe a sample. One value has a mean but no standard deviation."""
    if not values:
        return Summary(0)
    sample = np.asarray(values, dtype=np.float64)
    q1, median, q3 = (float(q) for q in np.quantile(sample, (0.25, 0.5, 0.75)))
    return Summary(
        n=len(values),
        mean=float(sample.mean()),
        sd=float(sample.std(ddof=1)) if len(values) > 1 else None,
        median=median,
        q1=q1,
        q3=q3,
        minimum=float(sample.min()),
        maximum=float(sample.max()),
    )


def estimate_upper_bound(n: int, *, level: float = 0.95) -> float:
    """The largest risk that is compatible with no event in `n` people: one-sided, exact.

    Clopper and Pearson's bound for 0 of n, which is 1 - (1 - level)^(1/n).
    """
    return 1.0 - math.pow(1.0 - level, 1.0 / n)


def estimate_power(n1: int, n2: int, *, difference: float, alpha: float = 0.05) -> float:
    """Power of the two-sided t test for two groups; `difference` is in standard deviations.

    Exact by the noncentral t distribution, integrated over the estimate of the standard deviation.
    """
    freedom = n1 + n2 - 2
    shift = difference * math.sqrt(n1 * n2 / (n1 + n2))
    bound = _critical(freedom, alpha)
    return _tail(bound, freedom=freedom, shift=shift)


def estimate_detectable(n1: int, n2: int, *, power: float = 0.8, alpha: float = 0.05) -> float:
    """The true difference, in standard deviations, that the t test finds with this power."""
    low, high = 0.0, 1.0
    while estimate_power(n1, n2, difference=high, alpha=alpha) < power:
        high *= 2
    for _ in range(50):
        middle = (low + high) / 2
        if estimate_power(n1, n2, difference=middle, alpha=alpha) < power:
            low = middle
        else:
            high = middle
    return high


@cache
def _critical(freedom: int, alpha: float) -> float:
    """The two-sided critical value of Student's t."""
    low, high = 0.0, 1.0
    while _tail(high, freedom=freedom, shift=0.0) > alpha:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        if _tail(middle, freedom=freedom, shift=0.0) > alpha:
            low = middle
        else:
            high = middle
    return high


def _tail(bound: float, *, freedom: int, shift: float) -> float:
    """The chance that |T| exceeds `bound`, T noncentral t; midpoint rule over s / sigma."""
    s, weight = _spread(freedom)
    inside = [_NORMAL.cdf(bound * x - shift) - _NORMAL.cdf(-bound * x - shift) for x in s]
    return float(1.0 - np.dot(inside, weight))


@cache
def _spread(freedom: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The distribution of s / sigma, a scaled chi, at the midpoints of narrow steps."""
    n_steps, top = 400, 1.0 + 6.0 / math.sqrt(freedom)
    s = (np.arange(n_steps) + 0.5) * top / n_steps
    log_density = (freedom - 1) * np.log(s) - freedom * s * s / 2
    weight = np.exp(log_density - log_density.max())
    weight /= weight.sum()
    return tuple(s.tolist()), tuple(weight.tolist())
