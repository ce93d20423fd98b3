"""Infusions: ordered with the weight of the day, prepared, given."""

import datetime as dt

import msgspec
import pytest

from equipoise import conduct
from equipoise.conduct import RunningTrial
from equipoise.problems import Refused, Where
from equipoise.study.protocol import Treatments
from equipoise.study.roles import Role

from .conftest import Clock, Course, open_second_account
from .test_opening import codes


def prepare(course: Course, code: str, label: str, encounter: str = "M0") -> None:
    conduct.prepare_infusion(
        course.trial,
        by="cell_unit",
        at=course.clock(),
        participant=code,
        encounter=encounter,
        label=label,
    )


def give(course: Course, code: str, label: str, **changes: object) -> None:
    command: dict[str, object] = {
        "encounter": "M0",
        "on": course.clock.today,
        "volume_ml": 16.5,
        "reason": "From paper",
    }
    conduct.give_infusion(
        course.trial,
        by="investigator",
        at=course.clock(),
        participant=code,
        label=label,
        **(command | changes),  # type: ignore[arg-type]
    )


def start(course: Course, code: str, label: str, **changes: object) -> None:
    command: dict[str, object] = {"encounter": "M0", "on": course.clock.today}
    conduct.start_infusion(
        course.trial,
        by="investigator",
        at=course.clock(),
        participant=code,
        label=label,
        **(command | changes),  # type: ignore[arg-type]
    )


@pytest.mark.requirement("C41", "F24")
def test_an_infusion_goes_from_order_to_participant(course: Course, trial: RunningTrial) -> None:
    """70 kg: 1.4 x 10^8 cells in 16.5 mL from two bags; then the label, then what was given."""
    code = course.randomized()
    course.order(code)
    ordered = trial.state.participants[code].infusions["M0"]
    prepare(course, code, "48213377")
    give(course, code, "48213377")
    given = trial.state.participants[code].infusions["M0"]

    assert (ordered.target_cells, ordered.volume_ml, ordered.n_bags) == (140_000_000, 16.5, 2)
    assert (ordered.weight_kg, ordered.status) == (70.0, "ordered")
    assert (given.status, given.label, given.given_ml) == ("given", "48213377", 16.5)


@pytest.mark.requirement("F25")
def test_no_order_without_a_fit_weight(course: Course, trial: RunningTrial, clock: Clock) -> None:
    """Yesterday's weight does not count, nor one that no adult has, nor none."""
    code = course.randomized()
    clock.at += dt.timedelta(days=1)
    with pytest.raises(Refused) as refused:
        course.order(code)
    assert codes(refused) == ["EQ-B002"]

    course.submit(code, "vitals", encounter="M0", weight=7.0, pregnant=False)
    with pytest.raises(Refused) as refused:
        course.order(code)
    assert codes(refused) == ["EQ-B003"]

    trial.study = msgspec.structs.replace(
        trial.study,
        treatments=msgspec.structs.replace(
            trial.study.treatments,
            dose=msgspec.structs.replace(trial.study.treatments.dose, weight="skin.kg"),
        ),
    )
    with pytest.raises(Refused) as refused:
        course.order(code)
    assert codes(refused) == ["EQ-B001"]


def test_an_order_fits_the_study(course: Course, trial: RunningTrial, clock: Clock) -> None:
    """Only a randomized participant, a planned encounter, once; only where a dose is defined."""
    waiting, code = course.eligible(), course.randomized()
    course.order(code)

    for subject, encounter, expected in (
        (waiting, "M0", "EQ-C039"),
        (code, "screening", "EQ-C060"),
        (code, "M0", "EQ-C061"),
    ):
        with pytest.raises(Refused) as refused:
            course.order(subject, encounter)
        assert codes(refused) == [expected]

    trial.study = msgspec.structs.replace(trial.study, treatments=Treatments())
    with pytest.raises(Refused) as refused:
        course.order(code, "M3")
    assert codes(refused) == ["EQ-B004"]


@pytest.mark.requirement("F24")
def test_the_wrong_bag_is_refused(course: Course) -> None:
    """The label on the bag must be the one prepared for this participant and encounter."""
    code, other = course.randomized(), course.randomized()
    course.order(code)
    course.order(other)
    prepare(course, code, "11112222")
    prepare(course, other, "33334444")

    with pytest.raises(Refused) as refused:
        give(course, code, "33334444")
    assert codes(refused) == ["EQ-C065"]


def test_steps_come_in_order_and_labels_once(course: Course, clock: Clock) -> None:
    """Not prepared, not given; not twice; no label twice; no other day; no impossible volume."""
    code, other = course.randomized(), course.randomized()
    with pytest.raises(Refused) as refused:
        prepare(course, code, "1")
    assert codes(refused) == ["EQ-C062"]

    course.order(code)
    course.order(other)
    with pytest.raises(Refused) as refused:
        give(course, code, "1")
    assert codes(refused) == ["EQ-C063"]

    prepare(course, code, "1")
    for subject, label, expected in (
        (code, "2", "EQ-C063"),
        (other, "1", "EQ-C064"),
        (other, "", "EQ-C064"),
    ):
        with pytest.raises(Refused) as refused:
            prepare(course, subject, label)
        assert codes(refused) == [expected]

    yesterday = clock.today - dt.timedelta(days=1)
    for changes, expected in (({"on": yesterday}, "EQ-C066"), ({"volume_ml": 160.0}, "EQ-C067")):
        with pytest.raises(Refused) as refused:
            give(course, code, "1", **changes)
        assert codes(refused) == [expected]


@pytest.fixture
def at_bedside(trial: RunningTrial) -> None:
    """A study in which two people compare participant and bag."""
    treatments = trial.study.treatments
    bedside = msgspec.structs.replace(treatments.bedside, second_person=True)
    treatments = msgspec.structs.replace(treatments, bedside=bedside)
    trial.study = msgspec.structs.replace(trial.study, treatments=treatments)


def at(course: Course, *, minutes: int = 30) -> dict[str, object]:
    """Start and end of an infusion that ends now, some time after the randomization."""
    course.clock.at += dt.timedelta(minutes=30)
    end = course.clock.at
    return {"started_at": end - dt.timedelta(minutes=minutes), "stopped_at": end}


@pytest.mark.requirement("F24")
@pytest.mark.usefixtures("at_bedside")
def test_two_people_scan_participant_and_bag(course: Course, trial: RunningTrial) -> None:
    """Wrong person, wrong visit, nobody else, the same person, somebody of elsewhere: refused."""
    code, other = course.randomized(), course.randomized(site="02")
    for subject, label in ((code, "11112222"), (other, "33334444")):
        course.order(subject)
        prepare(course, subject, label)
    same = trial.state.people["investigator"].name.upper()
    open_second_account(trial, course.clock, "again", name=same, role=Role.COORDINATOR)
    good = {"scanned": code, "checked_by": "coordinator", **at(course)}
    for changes, expected in (
        ({"scanned": other}, ["EQ-B050"]),
        ({"scanned": ""}, ["EQ-B050"]),
        ({"checked_by": ""}, ["EQ-B053"]),
        ({"checked_by": "investigator"}, ["EQ-B053"]),
        ({"checked_by": "again"}, ["EQ-B053"]),
        ({"checked_by": "nobody"}, ["EQ-B053"]),
        ({"checked_by": "coordinator-02"}, ["EQ-B054"]),
        ({"checked_by": "monitor"}, ["EQ-B054"]),
        ({"started_at": None}, ["EQ-B055"]),
        (at(course, minutes=0), ["EQ-B055"]),
        (at(course, minutes=-5), ["EQ-B055"]),
        (at(course, minutes=60 * 25), ["EQ-B055", "EQ-C184"]),
        (at(course, minutes=60 * 24 * 3), ["EQ-B055", "EQ-C184"]),
    ):
        with pytest.raises(Refused) as refused:
            give(course, code, "11112222", **{**good, **changes})
        assert codes(refused) == expected, changes
    give(course, code, "11112222", **good)

    given = trial.state.participants[code].infusions["M0"]
    assert (given.status, given.checked_by) == ("given", "coordinator")
    assert given.stopped_at - given.started_at == dt.timedelta(minutes=30)


@pytest.mark.requirement("F24")
def test_a_bag_of_another_visit_is_named_as_that(course: Course, clock: Clock) -> None:
    code = course.randomized()
    course.order(code)
    prepare(course, code, "1")
    give(course, code, "1")
    clock.at += dt.timedelta(days=91)
    course.submit(code, "vitals", encounter="M3", weight=70.0, pregnant=False)
    course.order(code, "M3")
    prepare(course, code, "3", encounter="M3")

    with pytest.raises(Refused) as refused:
        give(course, code, "1", encounter="M3")
    assert codes(refused) == ["EQ-B051"]


@pytest.mark.requirement("F24", "C73")
def test_an_infusion_ends_before_its_bag_does(course: Course, trial: RunningTrial) -> None:
    """Begun in time and over late: a fact, with a deviation; without an end, or with one to come,
    nobody knows."""
    code, late = course.randomized(), course.randomized()
    until = course.clock.at + dt.timedelta(minutes=40)
    for subject, label in ((code, "1"), (late, "2")):
        course.order(subject)
        conduct.prepare_infusion(
            course.trial,
            by="cell_unit",
            at=course.clock(),
            participant=subject,
            encounter="M0",
            label=label,
            usable_until=until,
        )
    start = {"started_at": until - dt.timedelta(minutes=30)}
    for stopped_at in (None, until):
        with pytest.raises(Refused) as refused:
            give(course, code, "1", **start, stopped_at=stopped_at)
        assert codes(refused) == ["EQ-B055"]
    course.clock.at = until
    give(course, code, "1", **start, stopped_at=until)
    assert trial.state.participants[code].deviations == ()

    with pytest.raises(Refused) as refused:
        give(course, late, "2")
    assert codes(refused) == ["EQ-B055"]
    over = until + dt.timedelta(seconds=1)
    give(course, late, "2", **start, stopped_at=over)
    given = trial.state.participants[late]
    assert (given.infusions["M0"].status, given.infusions["M0"].stopped_at) == ("given", over)
    assert [(d.kind, d.on) for d in given.deviations] == [("treatment", course.clock.today)]
    assert given.deviations[0].what.startswith("The bag was to be given until ")


def weigh(course: Course, code: str, weight: float) -> None:
    trial = course.trial
    conduct.correct_item(
        trial,
        by="coordinator",
        at=course.clock(),
        reason="Misread",
        participant=code,
        encounter="screening",
        form="vitals",
        item="weight",
        seen=trial.state.participants[code].forms["screening", "vitals", 0].version,
        value=weight,
    )


@pytest.mark.requirement("C41", "F24", "F25")
def test_a_weight_corrected_after_the_order_stops_the_infusion(
    course: Course, trial: RunningTrial
) -> None:
    """Not handed out until it is ordered anew; not begun once it is out; begun, it is told."""
    code = course.randomized()
    course.order(code)
    weigh(course, code, 80.0)
    with pytest.raises(Refused) as refused:
        prepare(course, code, "1")
    assert codes(refused) == ["EQ-B062"]
    course.order(code)
    assert trial.state.participants[code].infusions["M0"].target_cells == 160_000_000
    with pytest.raises(Refused) as refused:
        course.order(code)
    assert codes(refused) == ["EQ-C061"]
    prepare(course, code, "1")

    weigh(course, code, 70.0)
    for act, expected in (
        (lambda: course.order(code), ["EQ-C061"]),
        (lambda: start(course, code, "1"), ["EQ-B062"]),
    ):
        with pytest.raises(Refused) as refused:
            act()
        assert codes(refused) == expected
    ordered = trial.state.participants[code].infusions["M0"]
    give(course, code, "1", **at(course), volume_ml=ordered.volume_ml)
    found = trial.state.participants[code].deviations
    assert [d.kind for d in found] == ["treatment"]
    assert "computed from 80.0 kg" in found[0].what


def test_a_weight_that_is_gone_stops_the_infusion_too(course: Course, trial: RunningTrial) -> None:
    """The study now reads it from another item, or has no dose at all: then nothing is held."""
    code = course.randomized()
    course.order(code)
    for dose, expected in (
        (msgspec.structs.replace(trial.study.treatments.dose, weight="skin.kg"), ["EQ-B062"]),
        (None, []),
    ):
        treatments = msgspec.structs.replace(trial.study.treatments, dose=dose)
        trial.study = msgspec.structs.replace(trial.study, treatments=treatments)
        found = conduct.check_ordered_weight(
            trial.study,
            trial.state.participants[code],
            trial.state.participants[code].infusions["M0"],
            where=Where(),
        )
        assert [p.code for p in found] == expected


@pytest.mark.requirement("F24", "C73")
def test_what_was_handed_out_is_taken_back(course: Course, trial: RunningTrial) -> None:
    """The order waits again, in the same words whatever it held; its label is never used again."""
    code, other = course.randomized(), course.randomized()
    for subject in (code, other):
        course.order(subject)

    def take_back(label: str, **more: str) -> None:
        command = {"participant": code, "encounter": "M0", "label": label, **more}
        conduct.take_back_infusion(trial, by="cell_unit", at=course.clock(), **command)

    with pytest.raises(Refused) as refused:
        take_back("1")
    assert codes(refused) == ["EQ-C063"]
    prepare(course, code, "1")
    for label, more, expected in (
        ("2", {}, "EQ-C065"),
        ("1", {"reason": "Cells clumped"}, "EQ-B064"),
        ("1", {"participant": "01-099"}, "EQ-C003"),
    ):
        with pytest.raises(Refused) as refused:
            take_back(label, **more)
        assert codes(refused) == [expected]
    take_back("1")

    infusion = trial.state.participants[code].infusions["M0"]
    assert (infusion.status, infusion.label, infusion.usable_until) == ("ordered", "", None)
    for subject in (code, other):
        with pytest.raises(Refused) as refused:
            prepare(course, subject, "1")
        assert codes(refused) == ["EQ-C064"]
    weigh(course, code, 80.0)
    course.order(code)
    with pytest.raises(Refused) as refused:
        prepare(course, code, "1")
    assert codes(refused) == ["EQ-C064"]
    prepare(course, code, "3")
    give(course, code, "3")


def test_no_words_go_with_what_is_handed_out(course: Course) -> None:
    code = course.randomized()
    course.order(code)
    with pytest.raises(Refused) as refused:
        conduct.prepare_infusion(
            course.trial,
            by="cell_unit",
            at=course.clock(),
            reason="Thawed twice",
            participant=code,
            encounter="M0",
            label="1",
        )
    assert codes(refused) == ["EQ-B064"]
