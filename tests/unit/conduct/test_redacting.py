"""Redaction: a personal datum is taken out by an act; nothing else is lost, and the gap is told."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from equipoise import conduct
from equipoise.conduct import Person, RunningTrial, TrialState, fold
from equipoise.ledger import Draft, open_store, verify
from equipoise.problems import Refused
from equipoise.study.roles import Role
from equipoise.study.study import Study

from .conftest import Clock, Course
from .test_capturing import correct
from .test_ending import sign
from .test_infusing import give, prepare, start
from .test_opening import codes

NAME = "Jeanne Dupont"


@pytest.fixture
def filed(study: Study, clock: Clock, tmp_path: Path) -> Iterator[RunningTrial]:
    """The small trial in a SQLite file."""
    store = open_store(tmp_path / "t.db", study="small", realm="rehearsal", create=True)
    trial = RunningTrial(study, store)
    conduct.open_trial(trial, at=clock(), people=[Person(r.value, r.value, r.value) for r in Role])
    yield trial
    store.close()


def redact(trial: RunningTrial, at: dt.datetime, entry: str, *drop: str, **given: str) -> str:
    chain, _, seq = entry.rpartition(":")
    command = {"by": "investigator", "reason": "A name was typed", **given}
    made = conduct.redact_entry(trial, at=at, chain=chain, seq=int(seq), drop=drop, **command)
    return f"{made[0].chain}:{made[0].seq}"


@pytest.mark.requirement("C03", "C11")
def test_a_name_goes_and_everything_else_stays(
    filed: RunningTrial, clock: Clock, tmp_path: Path
) -> None:
    """Gone from the file; the ledger verifies and says so; read anew it gives the same state."""
    course = Course(filed, clock)
    code = course.screen()
    course.submit(code, "consent", version="1.0")
    course.submit(code, "event", encounter="", term=f"Headache of {NAME}", grade=2)
    correct_grade(filed, clock, code)
    before = filed.state.participants[code]
    record = before.forms["", "event", 0]

    order = redact(filed, clock(), record.stamp.entry, "term")

    after = filed.state.participants[code].forms["", "event", 0]
    assert after.values == {**record.values, "term": None}
    assert after.not_done == {"term": "redacted"}
    assert fold(TrialState(), filed.store.read()) == filed.state
    told = verify(filed.store)
    assert told.ok
    assert [(p.code, p.values["because"]) for p in told.problems] == [("EQ-G006", order)]
    files = [p.read_bytes() for p in tmp_path.iterdir()]
    assert not any(NAME.encode() in content for content in files)


def correct_grade(trial: RunningTrial, clock: Clock, code: str) -> None:
    conduct.correct_item(
        trial,
        by="investigator",
        at=clock(),
        reason="Looked up",
        participant=code,
        encounter="",
        form="event",
        item="grade",
        value=3,
        seen=1,
    )


@pytest.mark.requirement("C11")
def test_a_corrected_value_stays_when_the_correction_is_taken_out(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """The value of now is carried over, not the one before it; an older text goes alone."""
    code = course.screen()
    course.consent(code)
    course.submit(code, "skin", arm=10, leg=10)
    correct(course, code, "arm", 12)
    record = trial.state.participants[code].forms["screening", "skin", 0]

    redact(trial, clock(), record.entries["arm"])

    after = trial.state.participants[code].forms["screening", "skin", 0]
    assert dict(after.values) == {"arm": 12, "leg": 10}
    assert after.corrections == ()
    assert fold(TrialState(), trial.store.read()) == trial.state
    correct(course, code, "arm", 13, seen=3)
    assert fold(TrialState(), trial.store.read()) == trial.state


@pytest.mark.requirement("C11", "C14")
def test_who_may_take_out_what(course: Course, trial: RunningTrial, clock: Clock) -> None:
    """An investigator, with a reason, the content of a form, once; nothing of the control chain."""
    code = course.eligible()
    entry = trial.state.participants[code].forms["screening", "skin", 0].stamp.entry
    judged = next(x for x in trial.store.read() if x.type == "CriterionJudged")
    cases: list[tuple[str, tuple[str, ...], dict[str, str], str]] = [
        (entry, (), {"reason": " "}, "EQ-C004"),
        (entry, (), {"by": "data_manager"}, "EQ-C002"),
        (entry, ("nose",), {}, "EQ-C032"),
        ("site-01:999", (), {}, "EQ-C120"),
        ("control:1", (), {}, "EQ-C121"),
        (f"site-01:{judged.seq}", (), {}, "EQ-C121"),
    ]
    n_entries = len(list(trial.store.read()))
    for at, drop, given, code_of in cases:
        with pytest.raises(Refused) as refused:
            redact(trial, clock(), at, *drop, **given)
        assert codes(refused) == [code_of]
    assert len(list(trial.store.read())) == n_entries
    redact(trial, clock(), entry)
    with pytest.raises(Refused) as refused:
        redact(trial, clock(), entry)
    assert codes(refused) == ["EQ-C121"]


@pytest.mark.requirement("C03")
@pytest.mark.parametrize(
    ("reason", "is_refused"),
    [
        ("It named jeanne DUPONT", True),
        ("It said: asked her sister Anne", True),
        ("A name was typed", False),
    ],
)
def test_a_reason_never_repeats_what_goes(
    filed: RunningTrial, clock: Clock, reason: str, is_refused: bool
) -> None:
    """The text of an item, or of why one is missing; a short one, as in 'at', tells nobody."""
    course = Course(filed, clock)
    code = course.screen()
    course.submit(code, "consent", version="a")
    conduct.submit_form(
        filed,
        by="investigator",
        at=clock(),
        participant=code,
        encounter="screening",
        form="skin",
        on=clock.today,
        values={"arm": 3},
        not_done={"leg": "asked her sister Anne"},
    )
    course.submit(code, "event", encounter="", term=NAME, grade=2)
    forms = filed.state.participants[code].forms
    chosen = forms["screening", "skin", 0] if "sister" in reason else forms["", "event", 0]

    if is_refused:
        with pytest.raises(Refused) as refused:
            redact(filed, clock(), chosen.stamp.entry, reason=reason)
        assert codes(refused) == ["EQ-C154"]
        return
    redact(filed, clock(), chosen.stamp.entry, "term", reason=reason)
    redact(filed, clock(), forms["screening", "consent", 0].stamp.entry, reason=reason)


def say(trial: RunningTrial, course: Course, code: str, what: str) -> None:
    """Record something about a participant in which a name is typed."""
    ask = {"by": "investigator", "at": course.clock(), "participant": code, "reason": ABOUT}
    today = course.clock.today
    match what:
        case "EncounterMissed":
            conduct.miss_encounter(trial, **ask, encounter="M0")
        case "ScreeningFailed":
            conduct.fail_screening(trial, **ask)
        case "DeviationRecorded":
            conduct.record_deviation(trial, **ask, kind="other", on=today)
        case "ParticipantWithdrawn":
            conduct.withdraw_participant(trial, **ask, on=today)
        case "CodeBroken":
            conduct.record_unblinding(trial, **ask, on=today, learned=NAME)
        case "FormSubmitted":
            course.submit(code, "event", encounter="", term=f"Headache of {NAME}", grade=2)
        case "ItemCorrected":
            course.submit(code, "skin", arm=10, leg=10)
            correct(course, code, "arm", 12, reason=ABOUT)


ABOUT = f"The file of {NAME} was read"
SPOKEN = (
    "EncounterMissed",
    "ScreeningFailed",
    "DeviationRecorded",
    "ParticipantWithdrawn",
    "CodeBroken",
    "FormSubmitted",
    "ItemCorrected",
)


@pytest.mark.requirement("C03", "C11")
@pytest.mark.parametrize("what", SPOKEN)
def test_a_name_in_a_reason_or_a_text_goes_too(
    filed: RunningTrial, clock: Clock, tmp_path: Path, what: str
) -> None:
    """From the entry, its reason and the file; that it happened, and on which day, stays."""
    course = Course(filed, clock)
    code = course.screen()
    course.submit(code, "consent", version="1.0")
    say(filed, course, code, what)
    before = filed.state.participants[code]
    entry = next(x for x in filed.store.read() if x.type == what and NAME.encode() in x.body)
    assert not [x for x in filed.store.read() if NAME in x.reason]

    with pytest.raises(Refused) as refused:
        redact(filed, clock(), f"{entry.chain}:{entry.seq}", reason=f"{ABOUT}: headache of {NAME}")
    assert codes(refused) == ["EQ-C154"]
    drop = ("term",) if what == "FormSubmitted" else ()
    redact(filed, clock(), f"{entry.chain}:{entry.seq}", *drop)

    after = filed.state.participants[code]
    assert (after.status, after.missed.keys()) == (before.status, before.missed.keys())
    assert [d.on for d in after.deviations] == [d.on for d in before.deviations]
    assert len(after.unblindings) == len(before.unblindings)
    assert {k: r.on for k, r in after.forms.items()} == {k: r.on for k, r in before.forms.items()}
    assert NAME not in repr(filed.state)
    assert verify(filed.store).ok
    assert fold(TrialState(), filed.store.read()) == filed.state
    files = [p.read_bytes() for p in tmp_path.iterdir()]
    assert not any(NAME.encode() in content for content in files)


@pytest.mark.requirement("C03")
def test_what_was_said_of_an_unblinding_follows_it(filed: RunningTrial, clock: Clock) -> None:
    """The assessment is about the entry that takes its place; an item cannot be dropped there."""
    course = Course(filed, clock)
    code = course.screen()
    say(filed, course, code, "CodeBroken")
    (known,) = filed.state.participants[code].unblindings
    said = {"impact": "none", "action": "told the monitor", "entry": known.stamp.entry}
    conduct.assess_unblinding(filed, by="safety_officer", at=clock(), participant=code, **said)
    with pytest.raises(Refused) as refused:
        redact(filed, clock(), known.stamp.entry, "term")
    assert codes(refused) == ["EQ-C032"]
    redact(filed, clock(), known.stamp.entry)
    (now,) = filed.state.participants[code].unblindings
    assert (now.learned, now.impact, now.action) == ("redacted", "none", "told the monitor")
    assert now.broken_at == known.broken_at


@pytest.mark.requirement("C03", "C72")
def test_a_stop_of_treatment_that_is_taken_out_keeps_its_place(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """Resumed since, the treatment goes on; twice taken out, too. Day and stop stay on record."""
    code = course.randomized()
    ask = {"by": "investigator", "participant": code, "on": clock.today}
    conduct.stop_treatment(trial, at=clock(), **ask, reason=ABOUT)
    conduct.resume_treatment(trial, at=clock(), **ask, reason="It was another cause")
    assert not [x for x in trial.store.read() if NAME in x.reason]
    for reason in ("A name was typed", "What was said of it names a place"):
        stop = trial.state.participants[code].treatment_changes[0]
        redact(trial, clock(), stop.stamp.entry, reason=reason)
        subject = trial.state.participants[code]
        told = [(c.is_stopped, c.on, c.cause) for c in subject.treatment_changes]
        assert told == [
            (True, clock.today, "redacted"),
            (False, clock.today, "It was another cause"),
        ]
        assert subject.treatment_stop is None
    assert fold(TrialState(), trial.store.read()) == trial.state
    assert NAME not in repr(trial.state)


@pytest.mark.requirement("C03", "F24")
def test_why_an_infusion_was_entered_from_paper_can_be_taken_out(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """It was given, and it is from paper: that stays. An end at the screen holds no text."""
    code, other = course.randomized(), course.randomized()
    for n, one in enumerate((code, other)):
        course.order(one)
        prepare(course, one, str(n))
    give(course, code, "0", reason=ABOUT)
    before = trial.state.participants[code].infusions["M0"]
    entry = next(x for x in trial.store.read() if x.type == "InfusionGiven")
    redact(trial, clock(), f"{entry.chain}:{entry.seq}")
    after = trial.state.participants[code].infusions["M0"]
    assert (before.entered_late, after.entered_late) == (ABOUT, "A name was typed")
    assert msgspec.structs.replace(after, entered_late=ABOUT) == before
    assert fold(TrialState(), trial.store.read()) == trial.state
    assert NAME not in repr(trial.state)

    start(course, other, "1")
    conduct.end_infusion(
        trial, by="coordinator", at=clock(), participant=other, encounter="M0",
        volume_ml=16.5, stopped_at=clock.at,
    )  # fmt: skip
    *_, ended = (x for x in trial.store.read() if x.type == "InfusionGiven")
    with pytest.raises(Refused) as refused:
        redact(trial, clock(), f"{ended.chain}:{ended.seq}")
    assert codes(refused) == ["EQ-C121"]


def test_what_holds_no_text_is_not_taken_out(filed: RunningTrial, clock: Clock) -> None:
    """Nothing would be gained, and who recorded it would change."""
    course = Course(filed, clock)
    code = course.screen()
    course.submit(code, "consent", version="1.0")
    course.submit(code, "vitals", weight=70.0, pregnant=True)
    ask = {"by": "investigator", "at": clock(), "participant": code}
    (failed,) = conduct.fail_screening(filed, **ask)
    with pytest.raises(Refused) as refused:
        redact(filed, clock(), f"{failed.chain}:{failed.seq}")
    assert codes(refused) == ["EQ-C121"]


def test_a_reason_of_before_stays_where_it_was(filed: RunningTrial, clock: Clock) -> None:
    """An entry from before reasons stood in the content has it in the digest of its chain."""
    course = Course(filed, clock)
    code = course.screen()
    left = conduct.events.DeviationRecorded(
        participant=code, kind="other", on=clock.today, what=ABOUT
    )
    body = msgspec.json.encode(left).replace(b',"reason":""', b"")
    version = filed.state.versions[code] + 1
    draft = Draft(
        chain="site-01", stream=code, version=version, type="DeviationRecorded", at=clock(),
        by="investigator", role="investigator", reason=ABOUT, body=body,
    )  # fmt: skip
    (old,) = filed.store.append([draft])
    assert conduct.events.reason_of(old) == ABOUT
    (told,) = filed.state.participants[code].deviations
    assert told.stamp.reason == ABOUT
    redact(filed, clock(), f"{old.chain}:{old.seq}")
    (now,) = [x for x in filed.store.read() if x.seq == old.seq and x.chain == old.chain]
    assert (now.body, now.reason, conduct.events.reason_of(now)) == (None, ABOUT, ABOUT)
    (told,) = filed.state.participants[code].deviations
    assert (told.what, told.stamp.reason) == ("redacted", "A name was typed")


@pytest.mark.requirement("C03")
def test_nobody_corrects_over_a_redaction_that_they_have_not_seen(
    filed: RunningTrial, clock: Clock
) -> None:
    """The form that was open at its first version is not taken for the one that came after."""
    course = Course(filed, clock)
    code = course.screen()
    course.submit(code, "consent", version="1.0")
    say(filed, course, code, "ItemCorrected")
    entry = filed.state.participants[code].forms["screening", "skin", 0].entry_of("arm")
    redact(filed, clock(), entry)
    for stale in (1, 2):
        with pytest.raises(Refused) as refused:
            correct(course, code, "arm", 11, seen=stale)
        assert codes(refused) == ["EQ-C042"]
    correct(course, code, "arm", 11, seen=3)
    assert fold(TrialState(), filed.store.read()) == filed.state


@pytest.mark.requirement("C03", "C55")
@pytest.mark.parametrize("signed", ["before", "after"])
@pytest.mark.parametrize("what", SPOKEN)
def test_a_signature_falls_alike_for_who_was_there_and_who_reads_it_anew(
    filed: RunningTrial, clock: Clock, what: str, signed: str
) -> None:
    """Given before what is taken out or after it; and no name stays where it says why it fell."""
    course = Course(filed, clock)
    code = course.screen()
    course.submit(code, "consent", version="1.0")
    course.submit(code, "vitals", weight=70.0, pregnant=False)
    ask = {"by": "investigator", "at": clock()}
    conduct.accept_accountability(filed, **ask, statement="It binds me")
    if signed == "before":
        sign(course, code)
    say(filed, course, code, what)
    if signed == "after":
        sign(course, code)
    entry = next(x for x in filed.store.read() if x.type == what and NAME.encode() in x.body)
    redact(filed, clock(), f"{entry.chain}:{entry.seq}")
    anew = fold(TrialState(), filed.store.read())
    assert anew == filed.state and NAME not in repr(filed.state.participants[code].signature)
    assert not conduct.is_signed(filed.study, filed.state.participants[code])
