"""Which part of the store an act holds while it decides."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

import pytest
from msgspec.structs import replace

from equipoise import conduct
from equipoise.conduct import ACTS, RunningTrial, View
from equipoise.conduct import events as e
from equipoise.conduct.door import AT_ONE_SITE, Act
from equipoise.problems import Refused
from equipoise.study.roles import Role

from .conftest import Clock, Course
from .test_capturing import correct
from .test_opening import codes
from .test_reporting import report
from .test_stopping import DEATH

Held = list[frozenset[str] | None]


@pytest.fixture
def held(trial: RunningTrial, monkeypatch: pytest.MonkeyPatch) -> Held:
    """What the transactions held, in their order."""
    seen: Held = []
    transaction = trial.store.transaction

    @contextmanager
    def spy(chains: Collection[str] | None = None) -> Iterator[None]:
        with transaction(chains):
            if not is_within:
                seen.append(None if chains is None else frozenset(chains))
            is_within.append(True)
            try:
                yield
            finally:
                is_within.pop()

    is_within: list[bool] = []
    monkeypatch.setattr(trial.store, "transaction", spy)
    return seen


SITE_1 = frozenset({"site-01"})


@pytest.mark.requirement("F02")
def test_what_concerns_one_participant_holds_their_site(course: Course, held: Held) -> None:
    """The daily work of a site: it hinders nobody elsewhere, and records what it did before."""
    code = course.screen()
    held.clear()
    course.consent(code)
    course.submit(code, "skin", arm=10, leg=10)
    correct(course, code, "arm", 11)
    course.judge(code)
    conduct.miss_encounter(
        course.trial, by="coordinator", at=course.clock(), reason="Travelling", participant=code,
        encounter="M3",
    )  # fmt: skip
    assert held == [SITE_1] * 5
    assert len(AT_ONE_SITE) == 4
    assert set(ACTS) > AT_ONE_SITE
    kinds = [x.type for x in course.trial.store.read(chain="site-01")]
    assert kinds[-1] == "EncounterMissed"


@pytest.mark.requirement("F02")
def test_what_looks_at_everybody_holds_everything(course: Course, held: Held) -> None:
    """Screening counts the randomized; randomization, infusions and seals decide for the trial."""
    code = course.eligible()
    held.clear()
    course.screen("02")
    course.randomize(code)
    course.order(code)
    conduct.seal_trial(course.trial, by="auditor", at=course.clock())
    assert set(held) == {None}


@pytest.mark.requirement("F02")
def test_an_adverse_event_holds_everything_from_the_start(
    course: Course, trial: RunningTrial, held: Held
) -> None:
    """It may meet a stopping rule, which is recorded for the whole trial with it."""
    safety = trial.study.safety
    assert safety is not None
    trial.study = replace(trial.study, safety=replace(safety, stopping=(DEATH,)))
    code = course.randomized()
    held.clear()
    report(course, code, grade=5, related=True)
    assert held == [None]
    assert trial.state.pausing == ("death",)


def test_without_a_safety_plan_no_form_is_special(
    course: Course, trial: RunningTrial, held: Held
) -> None:
    """Then no rule can be met."""
    code = course.randomized()
    trial.study = replace(trial.study, safety=None)
    held.clear()
    report(course, code)
    assert held == [SITE_1]


FURTHER: dict[str, Callable[[View], object]] = {
    "how many": lambda view: len(view.state.participants),
    "everybody": lambda view: list(view.state.participants.values()),
    "at another site": lambda view: view.state.participants.get("02-001"),
    "of another site": lambda view: view.state.at_site("02"),
}


@pytest.mark.requirement("F02", "D30")
@pytest.mark.parametrize("look", FURTHER)
def test_who_looks_beyond_the_site_decides_again_on_everything(
    course: Course, held: Held, look: str
) -> None:
    """The guard is not the list of acts but what they see: a change to an act cannot outrun it."""
    code = course.screen()
    course.screen("02")
    seen: list[object] = []

    def submit_form(view: View, *, by: str, at: object, participant: str) -> list[e.Happened]:
        view.participant(participant)
        seen.append(FURTHER[look](view))
        return [e.EncounterMissed(participant=participant, encounter="M3")]

    act = Act(submit_form, frozenset({Role.COORDINATOR}))
    held.clear()
    act(course.trial, by="coordinator", at=course.clock(), participant=code)
    assert held == [SITE_1, None]
    assert len(seen) == 1


@pytest.mark.requirement("F02", "D30")
@pytest.mark.parametrize("where", ["elsewhere", "counted"])
def test_what_belongs_elsewhere_is_recorded_by_who_holds_everything(
    course: Course, held: Held, where: str
) -> None:
    """An event of another chain, and one that a stopping rule counts, are decided twice at most."""
    code, other = course.screen(), course.screen("02")
    n_before = len(list(course.trial.store.read()))

    def submit_form(view: View, *, by: str, at: object, participant: str) -> list[e.Happened]:
        if where == "counted":
            return [e.ParticipantWithdrawn(participant=code, on=course.clock.today, cause="x")]
        return [
            e.EncounterMissed(participant=participant, encounter="M3"),
            e.EncounterMissed(participant=other, encounter="M3"),
        ]

    act = Act(submit_form, frozenset({Role.COORDINATOR}))
    held.clear()
    made = act(course.trial, by="coordinator", at=course.clock(), participant=code)
    assert held == [SITE_1, None]
    assert len(list(course.trial.store.read())) == n_before + len(made)


def test_a_participant_that_one_may_not_see_is_refused_as_before(
    course: Course, held: Held, clock: Clock
) -> None:
    """Unknown here, or somebody of another site: the same words, and nothing is recorded."""
    code = course.screen()
    n_before = len(list(course.trial.store.read()))
    held.clear()
    for participant in (code, "01-999", "nobody"):
        with pytest.raises(Refused) as caught:
            course.submit(participant, "consent", by="coordinator-02", version="1.0")
        assert codes(caught) == ["EQ-C003"]
    assert held == [SITE_1, SITE_1, frozenset({"site-nobody"})]
    assert len(list(course.trial.store.read())) == n_before
