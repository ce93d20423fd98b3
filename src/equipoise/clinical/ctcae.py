"""Laboratory grades of CTCAE (National Cancer Institute), by pinned version.

The criteria of versions 5.0 and 6.0 for the terms below, read in their transcription by the R
package admiral (`ncictcaev5.json`, `ncictcaev6.json`). A version of tomorrow is refused and never
taken for one of these.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from equipoise.clinical.bounds import LIMIT, RESULT, is_within, round_off
from equipoise.problems import Refused, problem

BaselineStatus = Literal["low", "normal", "high"]
BASELINES: tuple[BaselineStatus, ...] = ("low", "normal", "high")
"""Where the baseline lay to the limits that its own laboratory gave at the time."""


class Fall(Struct, frozen=True):
    """A term that is graded by how low a value is.

    Grade 1 is below `first`, or below the lower limit of normal where that is None; the grades from
    2 on are below the values of `below`. `highest` is the greatest value believed, in `unit`.
    """

    unit: str
    highest: float
    below: tuple[float, ...]
    first: float | None = None


class Rise(Struct, frozen=True):
    """A term that is graded by how high a value is, in any one unit (`unit` in expressions).

    `above_limit` has the multiples of the upper limit of normal above which the grades from 1 on
    start. Where the baseline was one of `counts_if`, its multiples count instead, or both count
    (`with_limit`): grade 1 starts at `first`, which is included or not, the grades from 2 on above
    `above_baseline`.
    """

    unit: str
    above_limit: tuple[float, ...]
    above_baseline: tuple[float, ...]
    counts_if: tuple[BaselineStatus, ...] = ("high",)
    first: float | None = None
    is_first_included: bool = True
    with_limit: bool = False


_HEMOGLOBIN = Fall("g/dL", 30, (10.0, 8.0))
_LEUKOCYTES = Fall("10^9/L", 1000, (3.0, 2.0, 1.0))
_LIVER_5 = Rise("U/L", (1, 3, 5, 20), (3, 5, 20), first=1.5)
_LIVER_6 = Rise("U/L", (1, 3, 5, 20), (1.5, 2, 4), first=1.0)
_CREATININE_5 = Rise("umol/L", (1, 1.5, 3, 6), (1.5, 3), counts_if=BASELINES, with_limit=True)
_CREATININE_6 = Rise("umol/L", (1, 1.5, 3, 6), (1.5, 3), counts_if=("low",), with_limit=True)

CTCAE: Mapping[str, Mapping[str, Fall | Rise]] = {
    "5.0": {
        "hemoglobin": _HEMOGLOBIN,
        "leukocytes": _LEUKOCYTES,
        "neutrophils": Fall("10^9/L", 500, (1.5, 1.0, 0.5)),
        "lymphocytes": Fall("10^9/L", 1000, (0.8, 0.5, 0.2)),
        "platelets": Fall("10^9/L", 5000, (75, 50, 25)),
        "alt": _LIVER_5,
        "ast": _LIVER_5,
        "bilirubin": Rise(
            "umol/L", (1, 1.5, 3, 10), (1.5, 3, 10), first=1.0, is_first_included=False
        ),
        "creatinine": _CREATININE_5,
    },
    "6.0": {
        "hemoglobin": _HEMOGLOBIN,
        "leukocytes": _LEUKOCYTES,
        "neutrophils": Fall("10^9/L", 500, (1.0, 0.5, 0.1), first=1.5),
        "platelets": Fall("10^9/L", 5000, (75, 50, 10)),
        "alt": _LIVER_6,
        "ast": _LIVER_6,
        "bilirubin": Rise("umol/L", (1, 1.5, 3, 10), (1.5, 2.5, 10), first=1.0),
        "creatinine": _CREATININE_6,
    },
}
"""The terms of each version. Version 6.0 has no term for few lymphocytes."""


def derive_ctcae_grade(
    *,
    version: str,
    term: str,
    value: float,
    limit: float | None,
    baseline: float | None = None,
    baseline_status: str | None = None,
) -> int | None:
    """Grade of a laboratory result, 0 (none) to 4, as far as the laboratory decides it.

    `value` in the unit of the term: g/dL for hemoglobin, 10⁹/L for cells; `limit` is the lower
    limit of normal of these, and the upper limit of `alt`, `ast`, `bilirubin` and `creatinine`,
    whose `baseline` and its status (`low`, `normal`, `high`) are also needed; value, limit and
    baseline in one unit. Grade 4 of anemia is clinical: hemoglobin is graded 3 at most. Of liver
    enzymes above 5 times the limit at baseline, version 6.0 leaves grade 3 open; they are graded
    like any other raised baseline. None where what is missing or cannot be could change the grade.
    `Refused`: a version (EQ-M001) or a term of it (EQ-M002) that is not here.
    """
    if version not in CTCAE:
        raise Refused([problem("EQ-M001", version=version, known=", ".join(CTCAE))])
    rule = CTCAE[version].get(term)
    if rule is None:
        known = ", ".join(CTCAE[version])
        raise Refused([problem("EQ-M002", version=version, term=term, known=known)])
    if isinstance(rule, Fall):
        return _grade_fall(rule, value, limit=limit)
    if not is_within(value, RESULT) or baseline_status not in BASELINES:
        return None
    if not is_within(limit, LIMIT) or not is_within(baseline, LIMIT):
        return None
    return _grade_rise(rule, value, limit=limit, baseline=baseline, status=baseline_status)


def _grade_fall(rule: Fall, value: float, *, limit: float | None) -> int | None:
    if not is_within(value, (0, rule.highest)):
        return None
    passed = [grade for grade, below in enumerate(rule.below, start=2) if value < below]
    if passed:
        return max(passed)
    start = limit if rule.first is None else rule.first
    return int(value < start) if is_within(start, (0, rule.highest)) else None


def _grade_rise(rule: Rise, value: float, *, limit: float, baseline: float, status: str) -> int:
    by_limit = _count_passed(value, limit, rule.above_limit)
    if status not in rule.counts_if:
        return by_limit
    above = _count_passed(value, baseline, rule.above_baseline)
    by_baseline = above + 1 if above else _grade_first(rule, value, baseline)
    return max(by_limit, by_baseline) if rule.with_limit else by_baseline


def _grade_first(rule: Rise, value: float, baseline: float) -> int:
    if rule.first is None:
        return 0
    start = round_off(rule.first * baseline)
    return int(value > start or (rule.is_first_included and value == start))


def _count_passed(value: float, unit: float, multiples: Sequence[float]) -> int:
    return sum(value > round_off(multiple * unit) for multiple in multiples)
