"""ACR-CRISS 2016: how probable it is that early diffuse systemic sclerosis improved in a year.

Khanna et al. 2016, Arthritis Rheumatol 68:299, doi 10.1002/art.39501 (PMC4818571), Table 4. Never
analyze the index by its mean: it is U-shaped, and most values lie near 0 and 1.
"""

import math
from collections.abc import Mapping, Sequence

from msgspec import Struct

from equipoise.clinical.bounds import MRSS, PERCENT_PREDICTED, Domain, is_within


class CoreSet(Struct, frozen=True):
    """The five core measures of one visit; None is not known.

    Skin score 0 to 51, FVC 0 to 300 % of predicted, both global assessments 0 to 10, HAQ-DI 0 to 3.
    """

    mrss: float | None
    fvc_percent: float | None
    patient_global: float | None
    physician_global: float | None
    haq_di: float | None


CORE_DOMAINS: Mapping[str, Domain] = {
    "mrss": MRSS,
    "fvc_percent": PERCENT_PREDICTED,
    "patient_global": (0, 10),
    "physician_global": (0, 10),
    "haq_di": (0, 3),
}
_WEIGHTS: Mapping[str, float] = {
    "mrss": -0.81,
    "fvc_percent": 0.21,
    "patient_global": -0.40,
    "physician_global": -0.44,
    "haq_di": -3.41,
}
_CONSTANT = -5.54
_FVC: Domain = (1, 300)


def derive_acr_criss_2016(
    *, baseline: CoreSet, follow_up: CoreSet, has_organ_event: bool | None
) -> float | None:
    """Probability of improvement, 0 to 1, from baseline to one year later.

    Step 1: 0 after an organ event (`assess_organ_event`), whatever the measures. Step 2:
    p = e^x / (1 + e^x), x = -5.54 - 0.81 ΔmRSS + 0.21 ΔFVC% - 0.40 Δpatient - 0.44 Δphysician
    - 3.41 ΔHAQ-DI, Δ = follow-up minus baseline. Our rule: None if a measure is missing or outside
    its range (globals on 0 to 100 would saturate the index), or if it is not known whether there
    was an organ event.
    """
    if has_organ_event:
        return 0.0
    changes = {name: _find_change(baseline, follow_up, name) for name in _WEIGHTS}
    known = {name: change for name, change in changes.items() if change is not None}
    if has_organ_event is None or known.keys() < changes.keys():
        return None
    x = _CONSTANT + sum(weight * known[name] for name, weight in _WEIGHTS.items())
    return 1 / (1 + math.exp(-x))


def assess_organ_event(
    *,
    renal_crisis: bool | None,
    lung_decline: bool | None,
    heart_failure: bool | None,
    arterial_hypertension: bool | None,
) -> bool | None:
    """Step 1: whether an organ got significantly worse, due to systemic sclerosis.

    New scleroderma renal crisis; decline of the lung (`assess_lung_decline`); new left ventricular
    failure (ejection fraction 45 % or less) that needs treatment; new pulmonary arterial
    hypertension on right-heart catheterization that needs treatment (mPAP 25 mmHg or more, wedge
    15 or less, resistance above 3 WU). None if no event is known and one of them is not known.
    """
    return _any((renal_crisis, lung_decline, heart_failure, arterial_hypertension))


def assess_lung_decline(
    *,
    baseline_percent: float,
    follow_up_percent: float,
    is_confirmed: bool | None,
    has_interstitial_disease: bool | None,
) -> bool | None:
    """Whether the FVC fell by 15 % or more of its baseline, to below 80 % of predicted, confirmed
    by a second one within a month, with interstitial lung disease on high-resolution CT.

    Both in percent of predicted, 1 to 300; None otherwise, or if it hangs on what is not known.
    """
    if not is_within(baseline_percent, _FVC) or not is_within(follow_up_percent, _FVC):
        return None
    # In hundredths of the baseline: 85 of 100 is a fall of exactly 15 %.
    has_fallen = round(100 * follow_up_percent, 9) <= round(85 * baseline_percent, 9)
    conditions = (has_fallen, follow_up_percent < 80, is_confirmed, has_interstitial_disease)
    negated = _any(tuple(None if c is None else not c for c in conditions))
    return None if negated is None else not negated


def _any(conditions: Sequence[bool | None]) -> bool | None:
    if any(conditions):
        return True
    return None if None in conditions else False


def _find_change(baseline: CoreSet, follow_up: CoreSet, name: str) -> float | None:
    before, after = getattr(baseline, name), getattr(follow_up, name)
    are_measured = all(is_within(value, CORE_DOMAINS[name]) for value in (before, after))
    return after - before if are_measured else None
