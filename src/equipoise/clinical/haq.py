"""Health Assessment Questionnaire, disability index: scoring alone.

The words of the questionnaire are protected and not here.
"""

from collections.abc import Mapping, Sequence

HAQ_CATEGORIES: tuple[str, ...] = (
    "dressing",
    "arising",
    "eating",
    "walking",
    "hygiene",
    "reach",
    "grip",
    "activities",
)
"""The eight categories, each scored 0 to 3."""

HAQ_LEAST_CATEGORIES = 6
"""Fewer answered categories give no index (our rule, after the instrument's usual instruction)."""

_SCORES = (0, 1, 2, 3)


def derive_haq_category(items: Sequence[int | None], *, is_aided: bool) -> int | None:
    """Score of one category, 0 to 3: its worst answered item, at least 2 with an aid or with help.

    Fries et al. 1980, Arthritis Rheum 23:137, doi 10.1002/art.1780230202. An aid or help raises the
    category to 2 and never beyond: it is not one point more. None if no item was answered, whatever
    the aid. ValueError for an answer other than 0, 1, 2, 3.
    """
    answered = [_checked(item) for item in items if item is not None]
    if not answered:
        return None
    return max(*answered, 2 if is_aided else 0)


def derive_haq_di(categories: Mapping[str, int | None]) -> float | None:
    """Disability index, 0 to 3: the mean of the answered categories of `HAQ_CATEGORIES`.

    The scores are those after the rule for aids (`derive_haq_category`). Fries et al. 1980,
    doi 10.1002/art.1780230202. Our rule: at least six of the eight categories, otherwise None.
    ValueError for a score other than 0, 1, 2, 3.
    """
    known = [categories.get(name) for name in HAQ_CATEGORIES]
    answered = [_checked(score) for score in known if score is not None]
    if len(answered) < HAQ_LEAST_CATEGORIES:
        return None
    return sum(answered) / len(answered)


def _checked(score: int) -> int:
    if score not in _SCORES:
        raise ValueError("an answer of the questionnaire is 0, 1, 2 or 3")
    return score
