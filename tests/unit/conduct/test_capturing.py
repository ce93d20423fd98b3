"""Entering and correcting forms."""

import datetime as dt

import pytest

from equipoise import conduct
from equipoise.conduct import RunningTrial
from equipoise.problems import Refused, Text
from equipoise.study.forms import Item, ItemValue

from .conftest import Clock, Course
from .test_opening import codes


def correct(course: Course, code: str, item: str, value: object, **changes: object) -> None:
    command: dict[str, object] = {
        "by": "investigator",
        "reason": "Misread the sheet",
        "encounter": "screening",
        "form": "skin",
        "seen": 1,
    } | changes
    conduct.correct_item(
        course.trial,
        at=course.clock(),
        participant=code,
        item=item,
        value=value,  # type: ignore[arg-type]
        **command,  # type: ignore[arg-type]
    )


@pytest.fixture
def code(course: Course) -> str:
    entered = course.screen()
    course.consent(entered)
    course.submit(entered, "skin", arm=10, leg=10)
    return entered


@pytest.mark.requirement("C01", "C03")
def test_a_correction_keeps_what_stood_there(
    course: Course, trial: RunningTrial, code: str
) -> None:
    """The new value counts; the old one, who changed it, when and why, stay with it."""
    correct(course, code, "arm", 12)
    record = trial.state.participants[code].forms["screening", "skin", 0]
    (correction,) = record.corrections

    assert (record.values["arm"], record.values["leg"], record.version) == (12, 10, 2)
    assert (correction.old, correction.new, correction.item) == (10, 12, "arm")
    assert (correction.stamp.by, correction.stamp.reason) == ("investigator", "Misread the sheet")
    assert record.entry_of("arm") != record.entry_of("leg") == record.stamp.entry


@pytest.mark.requirement("C14")
def test_no_correction_without_a_reason(course: Course, code: str) -> None:
    """An empty reason, or two letters, is refused."""
    for reason in ("", "  ", "ok"):
        with pytest.raises(Refused) as refused:
            correct(course, code, "arm", 12, reason=reason)
        assert codes(refused) == ["EQ-C004"]


@pytest.mark.requirement("D11")
def test_who_saw_an_older_version_is_told_what_changed(course: Course, code: str) -> None:
    """The second of two people does not overwrite the first unseen."""
    correct(course, code, "arm", 12)
    with pytest.raises(Refused) as refused:
        correct(course, code, "arm", 14)
    assert codes(refused) == ["EQ-C042"]
    assert "12" in refused.value.problems[0].message

    correct(course, code, "leg", 11, seen=2)
    with pytest.raises(Refused) as refused:
        correct(course, code, "leg", 12, seen=1)
    assert codes(refused) == ["EQ-C042"]


def test_a_stale_version_of_an_untouched_form_names_who_entered_it(
    course: Course, code: str
) -> None:
    """A version that never was is refused too."""
    with pytest.raises(Refused) as refused:
        correct(course, code, "arm", 12, seen=7)
    assert "investigator" in refused.value.problems[0].message


def test_a_correction_is_of_something_and_to_something_else(course: Course, code: str) -> None:
    """Unknown items and forms, what was never entered, and the same value are refused."""
    cases = {
        "EQ-C032": lambda: correct(course, code, "nose", 1),
        "EQ-C034": lambda: correct(course, code, "arm", 10),
        "EQ-C037": lambda: correct(course, code, "weight", 1.0, form="vitals"),
        "EQ-C031": lambda: correct(course, code, "x", 1, form="nothing"),
        "EQ-F003": lambda: correct(course, code, "arm", 99),
        "EQ-C033": lambda: correct(course, code, "arm", 12, by="coordinator"),
    }
    for expected, attempt in cases.items():
        with pytest.raises(Refused) as refused:
            attempt()
        assert codes(refused) == [expected]


@pytest.mark.requirement("C28", "C34")
def test_the_sponsor_cannot_write_data_of_a_site(
    course: Course, trial: RunningTrial, code: str
) -> None:
    """No role of the sponsor enters or corrects: the site does, and keeps control."""
    sponsor = ("data_manager", "monitor", "statistician", "safety_officer", "administrator")
    for by in sponsor:
        for attempt in (
            lambda by=by: correct(course, code, "leg", 9, by=by),
            lambda by=by: course.submit(code, "vitals", by=by, weight=70.0, pregnant=False),
        ):
            with pytest.raises(Refused) as refused:
                attempt()
            assert codes(refused) == ["EQ-C002"]


def test_an_item_can_be_marked_as_not_done_and_back(
    course: Course, trial: RunningTrial, code: str
) -> None:
    """A correction leaves out a value, and brings another."""
    correct(course, code, "leg", None, not_done="Bandage")
    record = trial.state.participants[code].forms["screening", "skin", 0]
    assert (record.values["leg"], record.not_done) == (None, {"leg": "Bandage"})

    correct(course, code, "leg", 9, seen=2)
    record = trial.state.participants[code].forms["screening", "skin", 0]
    assert (record.values["leg"], record.not_done) == (9, {})


@pytest.mark.requirement("C08", "C61")
def test_what_an_edit_check_said_is_recorded(course: Course, trial: RunningTrial) -> None:
    """A warning does not hinder the entry and stays beside it."""
    code = course.screen()
    course.consent(code)
    course.submit(code, "skin", arm=28, leg=1)

    record = trial.state.participants[code].forms["screening", "skin", 0]
    assert record.warnings == ("high",)


def test_a_form_is_entered_once_where_it_belongs(
    course: Course, trial: RunningTrial, clock: Clock, code: str
) -> None:
    """Twice, at another encounter, before randomization, or by another role is refused."""
    cases = {
        ("EQ-C030",): lambda: course.submit(code, "skin", arm=1, leg=1),
        ("EQ-C038",): lambda: course.submit(code, "consent", encounter="M3", version="2"),
        ("EQ-C039",): lambda: course.submit(code, "skin", encounter="M3", arm=1, leg=1),
        ("EQ-C033",): lambda: course.submit(
            course.screen() and code,
            "skin",
            encounter="screening",
            by="outcome_assessor",
            arm=1,
            leg=1,
        ),
        ("EQ-C031",): lambda: course.submit(code, "nothing"),
    }
    for expected, attempt in cases.items():
        with pytest.raises(Refused) as refused:
            attempt()
        assert set(expected) <= set(codes(refused))


def test_a_log_form_repeats_and_stays_open(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """Adverse events can be entered after the participant left, but belong to no encounter."""
    code = course.randomized()
    conduct.withdraw_participant(
        trial, by="investigator", at=clock(), participant=code, on=clock.today, reason="Wish"
    )
    for repeat in (1, 2):
        conduct.submit_form(
            trial,
            by="investigator",
            at=clock(),
            participant=code,
            encounter="",
            form="event",
            repeat=repeat,
            on=clock.today,
            values={"term": "Fever"},
        )
    with pytest.raises(Refused) as refused:
        course.submit(code, "event", encounter="M0", term="Fever")

    assert codes(refused) == ["EQ-C038"]
    assert len(trial.state.participants[code].forms) == 5


@pytest.mark.requirement("C13")
def test_nothing_is_observed_in_the_future(trial: RunningTrial, clock: Clock, code: str) -> None:
    """A date further ahead than any time zone is refused."""
    with pytest.raises(Refused) as refused:
        conduct.submit_form(
            trial,
            by="investigator",
            at=clock(),
            participant=code,
            encounter="screening",
            form="vitals",
            on=clock.today + dt.timedelta(days=2),
            values={"weight": 70.0, "pregnant": False},
        )
    assert codes(refused) == ["EQ-C018"]


def test_a_missed_encounter_is_said_with_a_reason(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """Missed is recorded once, and then takes no form; a visited one cannot be missed."""
    code = course.randomized()

    def miss(encounter: str, reason: str = "Snow") -> list[str]:
        with pytest.raises(Refused) as refused:
            conduct.miss_encounter(
                trial,
                by="coordinator",
                at=clock(),
                participant=code,
                encounter=encounter,
                reason=reason,
            )
        return codes(refused)

    conduct.miss_encounter(
        trial, by="coordinator", at=clock(), participant=code, encounter="M3", reason="Snow"
    )

    assert miss("M3") == ["EQ-C036"]
    assert miss("screening") == ["EQ-C036"]
    assert miss("M0", reason="") == ["EQ-C004"]
    assert miss("M99") == ["EQ-C035"]
    with pytest.raises(Refused) as refused:
        course.submit(code, "skin", encounter="M3", arm=1, leg=1)
    assert codes(refused) == ["EQ-C036"]


@pytest.mark.requirement("F02")
@pytest.mark.parametrize(
    ("item", "value", "english", "french"),
    [
        (Item(label=Text("W"), type="number", unit="kg"), 70.5, "70.5 kg", "70.5 kg"),
        (Item(label=Text("P"), type="boolean"), False, "no", "non"),
        (Item(label=Text("P"), type="boolean"), True, "yes", "oui"),
        (Item(label=Text("C"), type="choice", choices={"a": Text("One", "Un")}), "a", "One", "Un"),
        (Item(label=Text("T"), type="text"), None, "–", "–"),
    ],
)
def test_a_value_is_said_with_its_question(
    item: Item, value: object, *, english: str, french: str
) -> None:
    told = ItemValue(item, value)
    assert (told.say("en"), told.say("fr")) == (english, french)
