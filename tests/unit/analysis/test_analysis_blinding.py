"""Guesses in the report: counted by what was given, only once the arms are open."""

import datetime as dt

import pytest
from little_trial import BY, START, label, person, record, study, trial
from msgspec.structs import replace

from equipoise.analysis.blinding import Guesses, tabulate_guesses
from equipoise.analysis.groups import DummyArms
from equipoise.analysis.report import render_report
from equipoise.analysis.sections import Imprint
from equipoise.conduct.state import TrialState
from equipoise.study.forms import Form, Item
from equipoise.study.protocol import GuessItem
from equipoise.study.study import Study

AT = dt.datetime(2027, 7, 1, 8, 30, tzinfo=dt.UTC)
ARMS = {"R001": "twice", "R002": "once", "R003": "never", "R004": "never", "R005": "twice"}
RECEIVED = {
    (number, where): product
    for number, arm in ARMS.items()
    for where, product in study().identity.arms[arm].gives.items()
}
ANSWERS = {1: "a", 2: "p", 3: "p", 4: "?", 5: None}


def asking() -> Study:
    """The little study with a guess: a is active, p placebo, all else does not know."""
    asked = GuessItem(label=label("People <1>"), item="guess.said", active=("a",), placebo=("p",))
    form = Form(
        form="guess",
        title=label("Guess"),
        by=BY,
        at=("V3",),
        items={"said": Item(label=label("Said"), type="text", required=False)},
    )
    base = study()
    analysis = replace(base.analysis, guesses=(asked,))
    return replace(base, analysis=analysis, forms={**base.forms, "guess": form})


def state() -> TrialState:
    on = START + dt.timedelta(days=182)
    people = [person(i, record("guess", "V3", on, said=said)) for i, said in ANSWERS.items()]
    return trial(*people[:4], person(5), is_locked=True)


@pytest.mark.requirement("F28")
def test_guesses_are_counted_against_what_was_given() -> None:
    """Of the treated one guessed right and one wrong, of the others one right, one unsure."""
    (found,) = tabulate_guesses(asking(), state(), ARMS)

    assert (found.active, found.placebo) == (Guesses(1, 1, 0), Guesses(0, 1, 1))
    assert (found.bang_active.value, found.bang_placebo.value) == (0.0, 0.5)


@pytest.mark.requirement("F28")
@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_report_shows_them_by_real_arm_alone(language: str) -> None:
    def page(**more: object) -> str:
        imprint = Imprint("5ea1" * 16, "live", AT, language)  # type: ignore[arg-type]
        return render_report(asking(), state(), imprint=imprint, **more)  # type: ignore[arg-type]

    opened = page(arms=ARMS, received=RECEIVED)
    assert 'id="blinding"' in opened and "People &lt;1&gt;" in opened
    assert ("0,50" if language == "fr" else "0.50") in opened
    dummy = DummyArms(dict.fromkeys(ARMS, "X"), ("X", "Y"), 1)
    for blinded in (page(), page(dummy=dummy)):
        assert 'id="blinding"' not in blinded


def test_a_study_that_asks_nothing_shows_nothing() -> None:
    imprint = Imprint("5ea1" * 16, "live", AT, "en")
    asked = asking()
    silent = replace(asked, analysis=replace(asked.analysis, guesses=()))
    page = render_report(silent, state(), imprint=imprint, arms=ARMS, received=RECEIVED)

    assert 'id="blinding"' not in page
