"""Overrides: two people in two roles, a reason, bound to what they saw; and a deviation."""

import datetime as dt
from threading import Barrier, Thread

import msgspec
import pytest

from equipoise import conduct
from equipoise.conduct import SYSTEM, Person, RunningTrial, View
from equipoise.conduct.acts.randomizing import proof_of
from equipoise.conduct.events import StudyAmended
from equipoise.problems import Refused
from equipoise.study.roles import Role
from equipoise.study.study import Study

from .conftest import Clock, Course, open_second_account
from .test_capturing import correct
from .test_opening import codes


def overridable(study: Study, *numbers: str) -> Study:
    """The study that lets two people override these inclusion criteria; the first has parts."""
    score, *others = study.eligibility.inclusion
    score = msgspec.structs.replace(score, is_="", all_=("score >= 15", "score >= 14"))
    inclusion = tuple(
        msgspec.structs.replace(c, may_override=c.number in numbers) for c in (score, *others)
    )
    eligibility = msgspec.structs.replace(study.eligibility, inclusion=inclusion)
    return msgspec.structs.replace(study, eligibility=eligibility)


@pytest.fixture(autouse=True)
def allowed(trial: RunningTrial) -> None:
    trial.study = overridable(trial.study, "1")


@pytest.fixture
def code(course: Course) -> str:
    """Everything satisfied but the score, which is 12 of 15."""
    found = course.screen()
    course.consent(found)
    course.submit(found, "skin", arm=6, leg=6)
    course.submit(found, "vitals", weight=70.0, pregnant=False)
    course.judge(found)
    return found


REASON = "Rapidly worsening; the score lags behind"


def ask(
    course: Course, code: str, *criteria: str, by: str = "investigator", **other: object
) -> str:
    command: dict[str, object] = {"reason": REASON, "on": course.clock.today, **other}
    entries = conduct.request_override(
        course.trial,
        by=by,
        at=course.clock(),
        participant=code,
        criteria=criteria or ("I1",),
        **command,  # type: ignore[arg-type]
    )
    return f"{entries[0].chain}:{entries[0].seq}"


def confirm(course: Course, code: str, request: str, by: str = "safety_officer") -> None:
    conduct.confirm_override(
        course.trial,
        by=by,
        at=course.clock(),
        participant=code,
        request=request,
        on=course.clock.today,
    )


def decline(course: Course, code: str, request: str, by: str = "safety_officer") -> None:
    conduct.decline_override(
        course.trial,
        by=by,
        at=course.clock(),
        reason="Not enough evidence",
        participant=code,
        request=request,
    )


def grant(course: Course, code: str) -> None:
    confirm(course, code, ask(course, code))


def kinds(trial: RunningTrial, code: str) -> list[str]:
    return [e.type for e in trial.store.read(stream=code)]


@pytest.mark.requirement("F05", "C28")
def test_two_people_let_somebody_in_and_it_is_a_deviation(
    course: Course, trial: RunningTrial, code: str
) -> None:
    """Refused before, granted after; the proof shows the override, and so does the deviation."""
    with pytest.raises(Refused) as refused:
        course.randomize(code)
    assert codes(refused) == ["EQ-C054"]
    request = ask(course, code)
    with pytest.raises(Refused) as refused:
        course.randomize(code)
    assert codes(refused) == ["EQ-C054"]  # one person is not enough
    confirm(course, code, request)

    assert course.randomize(code).startswith("R-")

    assert kinds(trial, code)[-5:] == [
        "OverrideRequested",
        "OverrideConfirmed",
        "DeviationRecorded",
        "RandomizationRequested",
        "ParticipantRandomized",
    ]
    subject = trial.state.participants[code]
    (deviation,) = subject.deviations
    assert (deviation.kind, deviation.criteria) == ("eligibility_override", ("I1",))
    assert deviation.override == subject.granted
    assert subject.granted is not None
    told = subject.granted
    assert (told.requested_by, told.requested_as) == ("investigator", "investigator")
    assert (told.confirmed_by, told.confirmed_as) == ("safety_officer", "safety_officer")
    assert (told.request, told.reason, deviation.what) == (request, REASON, REASON)
    assert subject.proof.criteria[0].status == "not_met"
    (note,) = [e for e in trial.store.read(stream=code) if e.type == "RandomizationRequested"]
    assert msgspec.json.decode(note.body or b"")["override"]["confirmed_by"] == "safety_officer"
    assert proof_of(subject) != proof_of(msgspec.structs.replace(subject, granted=None))


def test_who_may_ask_confirm_decline_and_record(course: Course, code: str) -> None:
    """Each act for its roles, and for nobody else: the two sides of an override share no role."""
    roles = {name: conduct.ACTS[name].roles for name in conduct.ACTS if "override" in name}

    assert roles == {
        "request_override": {Role.INVESTIGATOR},
        "confirm_override": {Role.SAFETY_OFFICER},
        "decline_override": {Role.INVESTIGATOR, Role.SAFETY_OFFICER},
    }
    for role in set(Role) - {Role.INVESTIGATOR}:
        with pytest.raises(Refused) as refused:
            ask(course, code, by=role.value)
        assert codes(refused) == ["EQ-C002"]
    request = ask(course, code)
    for role in set(Role) - {Role.SAFETY_OFFICER}:
        with pytest.raises(Refused) as refused:
            confirm(course, code, request, by=role.value)
        assert codes(refused) == ["EQ-C002"]
        if role != Role.INVESTIGATOR:
            with pytest.raises(Refused) as refused:
                decline(course, code, request, by=role.value)
            assert codes(refused) == ["EQ-C002"]


@pytest.mark.requirement("C28")
@pytest.mark.parametrize(
    ("name", "role", "expected"),
    [
        ("Investigator ", Role.SAFETY_OFFICER, ["EQ-C085"]),  # the asker, under a second account
        ("Somebody else", Role.SAFETY_OFFICER, []),
    ],
)
def test_the_second_person_is_another(
    name: str, role: Role, expected: list[str], *, course: Course, code: str
) -> None:
    """A second account does not make a second person."""
    open_second_account(course.trial, course.clock, "new", name=name, role=role)
    conduct.accept_accountability(
        course.trial, by="new", at=course.clock(), statement="It binds me"
    )
    request = ask(course, code)
    if not expected:
        confirm(course, code, request, by="new")
        return
    with pytest.raises(Refused) as refused:
        confirm(course, code, request, by="new")
    assert codes(refused) == expected


def test_the_request_names_everything_that_stops_the_person(
    course: Course, trial: RunningTrial, clock: Clock, code: str
) -> None:
    """Too few, too many, nothing to override, none that may be; no reason, ahead of time."""
    for named in (("I2",), ("I1", "E1")):
        with pytest.raises(Refused) as refused:
            ask(course, code, *named)
        assert codes(refused) == ["EQ-C081"]
    with pytest.raises(Refused) as refused:
        ask(course, code, reason=" ", on=clock.today + dt.timedelta(days=3))
    assert codes(refused) == ["EQ-C018", "EQ-C004"]
    course.judge(code, is_true=False)
    with pytest.raises(Refused) as refused:
        ask(course, code, "I1", "I2")
    assert codes(refused) == ["EQ-C082"]  # only I1 may be overridden
    fine = course.eligible()
    with pytest.raises(Refused) as refused:
        ask(course, fine)
    assert codes(refused) == ["EQ-C080"]
    done = course.randomized()
    with pytest.raises(Refused) as refused:
        ask(course, done)
    assert codes(refused) == ["EQ-C023", "EQ-C080"]


@pytest.mark.requirement("C78")
def test_consent_is_never_overridden(course: Course, trial: RunningTrial) -> None:
    """Whatever a study allows: no consent, no request."""
    trial.study = overridable(trial.study, "1", "2")
    code = course.screen()
    with pytest.raises(Refused) as refused:
        ask(course, code, "I1", "I2", "E1")
    assert codes(refused) == ["EQ-C040", "EQ-C082"]
    course.consent(code)
    with pytest.raises(Refused) as refused:
        ask(course, code, "I1", "I2", "E1", on=course.clock.today - dt.timedelta(days=1))
    assert "EQ-C041" in codes(refused)


def test_by_itself_no_criterion_may_be_overridden(
    course: Course, trial: RunningTrial, study: Study, code: str
) -> None:
    """A study that says nothing allows nothing."""
    for asked, is_allowed in ((trial.study, True), (study, False)):
        verdict = conduct.assess_participant(
            asked, trial.state.participants[code], on=course.clock.today
        )
        assert conduct.may_override_all(asked, verdict) is is_allowed
    trial.study = study
    with pytest.raises(Refused) as refused:
        ask(course, code)
    assert codes(refused) == ["EQ-C082"]


def test_a_request_waits_once_and_is_decided_once(course: Course, code: str) -> None:
    """The same twice, a confirmation twice, of nothing, of another entry: refused."""
    with pytest.raises(Refused) as refused:
        confirm(course, code, "site-01:1")
    assert codes(refused) == ["EQ-C084"]
    with pytest.raises(Refused) as refused:
        decline(course, code, "site-01:1")
    assert codes(refused) == ["EQ-C084"]
    request = ask(course, code)
    with pytest.raises(Refused) as refused:
        ask(course, code)
    assert codes(refused) == ["EQ-C083"]
    with pytest.raises(Refused) as refused:
        confirm(course, code, "site-01:1")
    assert codes(refused) == ["EQ-C084"]
    confirm(course, code, request)
    with pytest.raises(Refused) as refused:
        confirm(course, code, request)
    assert codes(refused) == ["EQ-C084"]


@pytest.mark.parametrize("by", ["investigator", "safety_officer"])
@pytest.mark.parametrize("is_confirmed", [False, True])
def test_what_is_declined_lets_nobody_in(
    by: str, is_confirmed: bool, *, course: Course, code: str
) -> None:
    """Refused by the one, taken back by the other, even after it was confirmed; then asked anew."""
    request = ask(course, code)
    if is_confirmed:
        confirm(course, code, request)
    decline(course, code, request, by=by)
    override = course.trial.state.participants[code].override
    assert override is not None
    assert (override.status, override.criteria) == ("declined", ("I1",))
    for again in (confirm, decline):
        with pytest.raises(Refused) as refused:
            again(course, code, request)
        assert codes(refused) == ["EQ-C084"]
    with pytest.raises(Refused) as refused:
        course.randomize(code)
    assert codes(refused) == ["EQ-C054"]

    grant(course, code)
    assert course.randomize(code)


@pytest.mark.requirement("F05")
def test_an_override_fits_only_what_it_was_given_for(course: Course, code: str) -> None:
    """Another criterion turns bad, or the value behind it changes: refused, and asked anew."""
    request = ask(course, code)
    correct(course, code, "leg", 5, seen=1)
    with pytest.raises(Refused) as refused:
        confirm(course, code, request)
    assert codes(refused) == ["EQ-C087"]
    grant(course, code)  # asked anew, for what stands there now
    correct(course, code, "leg", 4, seen=2)
    with pytest.raises(Refused) as refused:
        course.randomize(code)
    assert codes(refused) == ["EQ-C054", "EQ-C087"]
    grant(course, code)
    course.judge(code, is_true=False)
    with pytest.raises(Refused) as refused:
        course.randomize(code)
    assert codes(refused) == ["EQ-C054", "EQ-C054", "EQ-C087"]
    course.judge(code)
    assert course.randomize(code)


def test_another_text_of_the_study_asks_anew(
    course: Course, trial: RunningTrial, code: str
) -> None:
    """An override is given under the criteria that people read; an amendment is another text."""
    grant(course, code)
    trial.study = msgspec.structs.replace(trial.study, digest="e" * 64)
    with pytest.raises(Refused) as refused:
        course.randomize(code)
    assert codes(refused) == ["EQ-C019"]
    amended = StudyAmended(digest="e" * 64, commitment="c", n_planned=4, n_open_decisions=0)
    view = View(trial.study, trial.state, SYSTEM)
    trial.record(view, [amended], at=course.clock(), reason="")
    with pytest.raises(Refused) as refused:
        course.randomize(code)
    assert codes(refused) == ["EQ-C054", "EQ-C087"]


def test_an_unneeded_override_leaves_no_trace(course: Course, code: str) -> None:
    """Once the criterion is satisfied nothing was overridden, so nothing deviates."""
    grant(course, code)
    correct(course, code, "leg", 20, seen=1)
    course.randomize(code)
    subject = course.trial.state.participants[code]
    assert (subject.deviations, subject.granted) == ((), None)


def test_what_is_unknown_may_be_overridden_too(course: Course, trial: RunningTrial) -> None:
    """A score that was not done bars as much as a low one, and stands in the proof as unknown."""
    code = course.screen()
    course.consent(code)
    course.submit(code, "vitals", weight=70.0, pregnant=False)
    course.judge(code)
    grant(course, code)
    course.randomize(code)

    subject = trial.state.participants[code]
    assert subject.proof.criteria[0].status == "unknown"
    assert [d.criteria for d in subject.deviations] == [("I1",)]


@pytest.mark.requirement("D09")
def test_two_confirmations_at_once_give_one(course: Course, trial: RunningTrial, code: str) -> None:
    """Whoever is second is told so."""
    request = ask(course, code)
    start, refused = Barrier(2), []

    def attempt() -> None:
        start.wait()
        try:
            confirm(course, code, request)
        except Refused as no:
            refused.append(no.problems[0].code)

    threads = [Thread(target=attempt) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert refused == ["EQ-C084"]
    assert kinds(trial, code).count("OverrideConfirmed") == 1


@pytest.mark.requirement("D02", "D28")
def test_a_cut_between_the_request_and_the_number_records_one_deviation(
    course: Course, trial: RunningTrial, code: str
) -> None:
    """The deviation is in the append of the request: asked again, nothing is added to it."""
    grant(course, code)
    vault, trial.vault = trial.vault, None
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            course.randomize(code)
        assert codes(refused) == ["EQ-C053"]
    trial.vault = vault
    course.randomize(code)
    found = kinds(trial, code)
    assert [found.count(k) for k in ("DeviationRecorded", "RandomizationRequested")] == [1, 1]


def test_other_deviations_are_recorded_by_people(course: Course, trial: RunningTrial) -> None:
    """What kind, since when, in what it consists; those of eligibility come from the acts."""
    code = course.randomized()
    command = {"participant": code, "on": course.clock.today}
    for kind, reason, expected in (
        ("eligibility_override", "By hand", ["EQ-C088"]),
        ("treatment", "x", ["EQ-C004"]),
    ):
        with pytest.raises(Refused) as refused:
            conduct.record_deviation(
                trial,
                by="monitor",
                at=course.clock(),
                reason=reason,
                kind=kind,  # type: ignore[arg-type]
                **command,
            )
        assert codes(refused) == expected
    conduct.record_deviation(
        trial,
        by="monitor",
        at=course.clock(),
        reason="Thawed twice",
        kind="treatment",
        **command,  # type: ignore[arg-type]
    )
    (found,) = trial.state.participants[code].deviations
    assert (found.kind, found.what, found.stamp.by) == ("treatment", "Thawed twice", "monitor")
    assert conduct.ACTS["record_deviation"].roles == {
        Role.COORDINATOR,
        Role.INVESTIGATOR,
        Role.DATA_MANAGER,
        Role.MONITOR,
    }


def test_one_human_being_by_name() -> None:
    """Case and blanks do not make somebody else."""
    from equipoise.conduct.acts.people import is_same_human

    one = Person("a", "Ada  Lovelace", "investigator")
    assert is_same_human(one, Person("b", "ada lovelace", "safety_officer"))
    assert not is_same_human(one, Person("b", "Ada Byron", "safety_officer"))
