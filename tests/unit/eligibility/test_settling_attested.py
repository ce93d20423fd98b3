"""What would settle a criterion that only a person's word can tell."""

import pytest

from equipoise.eligibility import Answer, Case, Observation, Reading
from equipoise.eligibility.wording.alternatives import settle_criterion
from equipoise.study.criteria import Criterion
from equipoise.study.study import Study
from tests.unit.eligibility.small_study import REFERENCE, answered, judged, observed, study

ADULT = Criterion(number="1", is_="18 years <= age <= 70 years", attest=judged())


def adults() -> Study:
    return study((ADULT,), ())


def case_of(*observations: Observation, answers: dict[str, Answer] | None = None) -> Case:
    found = {f"{o.form}.{o.item}": [o] for o in observations}
    return Case(Reading(adults(), found, reference_on=REFERENCE), answers or {})


@pytest.mark.parametrize(
    ("born", "names"),
    [("2008-03", ("judgement I1",)), ("", ("age",)), ("1980-01", ()), ("2012-01", ())],
)
def test_only_where_the_month_cannot_tell_is_a_word_asked_for(
    born: str, names: tuple[str, ...]
) -> None:
    """Otherwise the month of birth itself is what is missing, or nothing is."""
    case = case_of(observed("history.born", born))

    assert settle_criterion(adults(), case, "I1").names == names


def test_a_word_that_was_given_settles() -> None:
    """Nothing is left to ask."""
    case = case_of(observed("history.born", "2008-03"), answers={"I1": answered("I1", True)})

    assert settle_criterion(adults(), case, "I1").names == ()
