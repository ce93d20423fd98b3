"""The listing of departures from the protocol: each once, with who decided, all arms together."""

import datetime as dt

from little_trial import person, stamp, trial
from msgspec.structs import replace

from equipoise.analysis.deviations import count_deviations, list_deviations
from equipoise.analysis.tables import show_deviations
from equipoise.conduct.parts import Override
from equipoise.conduct.state import Deviation, TrialState

DAY = dt.date(2026, 3, 2)
OVERRIDE = Override(
    criteria=("I5",),
    requested_by="p1",
    requested_as="investigator",
    request="site-01:7",
    confirmed_by="p9",
    confirmed_as="safety_officer",
    confirmation="site-01:8",
    reason="Worse <by the day>",
)
EXCEPTION = Deviation("eligibility_override", DAY, OVERRIDE.reason, ("I5",), OVERRIDE, stamp(DAY))
THAWED = Deviation("treatment", DAY, "Thawed twice", (), None, stamp(DAY))


def deviated() -> TrialState:
    return trial(
        replace(person(2), deviations=(THAWED,)),
        replace(person(1), deviations=(EXCEPTION, THAWED)),
    )


def test_each_is_listed_once_by_participant() -> None:
    """In the order of recording; counted by kind, with how many people it concerns."""
    lines = list_deviations(deviated())

    assert [x.deviation for x in lines] == [EXCEPTION, THAWED, THAWED]
    assert lines[0].participant < lines[2].participant
    assert count_deviations(lines) == {"treatment": (2, 2), "eligibility_override": (1, 1)}
    assert list_deviations(trial(person(1))) == ()


def test_the_table_says_who_decided_and_what_they_typed_is_words() -> None:
    """Two names where two decided; none on record is said so, in both languages."""
    shown = show_deviations(list_deviations(deviated()), language="fr")

    assert "p1, p9" in shown
    assert "Worse &lt;by the day&gt;" in shown
    assert "Éligibilité : dérogation\u00a0: 1 (1)" in shown
    assert "Thawed twice" in shown
    assert "No deviation" in show_deviations((), language="en")
    assert "Aucune déviation" in show_deviations((), language="fr")
