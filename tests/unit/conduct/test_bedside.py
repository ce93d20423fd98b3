"""At the bedside: what is checked before an infusion begins, and what its end records."""

import datetime as dt

import msgspec
import pytest

from equipoise import conduct
from equipoise.conduct import RunningTrial, cells
from equipoise.problems import Refused

from .cell_course import SHAM, CellCourse
from .conftest import Clock, Course
from .test_ending import leave, sign
from .test_infusing import give, start
from .test_opening import codes


def end(course: Course, code: str, **changes: object) -> None:
    at = course.clock()
    command: dict[str, object] = {"encounter": "M0", "volume_ml": 16.5, "stopped_at": at}
    conduct.end_infusion(
        course.trial,
        by="coordinator",
        at=at,
        participant=code,
        **(command | changes),  # type: ignore[arg-type]
    )


def handed_out(course: Course, label: str = "1", *, minutes: int = 0) -> str:
    code = course.randomized()
    course.order(code)
    until = course.clock.at + dt.timedelta(minutes=minutes) if minutes else None
    conduct.prepare_infusion(
        course.trial,
        by="cell_unit",
        at=course.clock(),
        participant=code,
        encounter="M0",
        label=label,
        usable_until=until,
    )
    return code


@pytest.mark.requirement("F24")
def test_a_start_is_checked_then_recorded_then_ended(course: Course, trial: RunningTrial) -> None:
    """Wrong bag, other day, time over: refused before it begins. One start a label."""
    code = handed_out(course, minutes=30)
    tomorrow = course.clock.today + dt.timedelta(days=1)
    for label, changes, expected in (
        ("2", {}, ["EQ-C065"]),
        ("1", {"scanned": "01-099"}, ["EQ-B050"]),
        ("1", {"on": tomorrow}, ["EQ-C066"]),
    ):
        with pytest.raises(Refused) as refused:
            start(course, code, label, **changes)
        assert codes(refused) == expected
    with pytest.raises(Refused) as refused:
        end(course, code)
    assert codes(refused) == ["EQ-B075"]
    start(course, code, "1")

    running = trial.state.participants[code].infusions["M0"]
    assert (running.status, running.started_at) == ("started", course.clock.at)
    assert running.given_on == course.clock.today
    times = {"started_at": course.clock.at, "stopped_at": course.clock.at + dt.timedelta(minutes=1)}
    for again, told in ((start, {}), (give, times)):
        with pytest.raises(Refused) as refused:
            again(course, code, "1", **told)
        assert codes(refused) == ["EQ-B072"]
    course.trial = RunningTrial(trial.study, trial.store)  # another process, another screen
    with pytest.raises(Refused) as refused:
        start(course, code, "1")
    assert codes(refused) == ["EQ-B072"]
    end(course, code)
    over = trial.state.participants[code].infusions["M0"]
    assert (over.status, over.given_ml, over.entered_late) == ("given", 16.5, "")
    assert over.stopped_at == course.clock.at and over.started_at == running.started_at
    assert trial.state.participants[code].deviations == ()
    with pytest.raises(Refused) as refused:
        start(course, code, "1")
    assert codes(refused) == ["EQ-C063"]


@pytest.mark.requirement("F24", "C73")
def test_nothing_begins_after_the_time_of_its_bag(course: Course, trial: RunningTrial) -> None:
    """To the second. What began all the same is told afterwards, with a reason and a deviation."""
    code = handed_out(course, minutes=30)
    infusion = trial.state.participants[code].infusions["M0"]
    assert infusion.usable_until is not None
    late = infusion.usable_until + dt.timedelta(seconds=1)
    course.clock.at = late - dt.timedelta(minutes=1)  # the clock moves on at each look
    with pytest.raises(Refused) as refused:
        start(course, code, "1")
    assert codes(refused) == ["EQ-B071"]
    times = {"started_at": late, "stopped_at": late + dt.timedelta(minutes=2)}
    course.clock.at = late + dt.timedelta(minutes=5)
    with pytest.raises(Refused) as refused:
        give(course, code, "1", **times, reason="")
    assert codes(refused) == ["EQ-C004"]
    give(course, code, "1", **times)
    given = trial.state.participants[code]
    assert given.infusions["M0"].entered_late == "From paper"
    (departed,) = given.deviations
    assert departed.what.startswith("The time of this bag was over at ")


@pytest.mark.requirement("F24", "C73")
def test_an_infusion_that_began_in_time_may_end_late(course: Course, trial: RunningTrial) -> None:
    """That is a deviation (EQ-B052); so is less than was ordered (EQ-B073); more than the bag holds
    cannot be."""
    code = handed_out(course, minutes=30)
    start(course, code, "1")
    for changes, expected in (
        ({"volume_ml": 16.6}, ["EQ-C067"]),
        ({"volume_ml": -0.1}, ["EQ-C067"]),
        ({"stopped_at": course.clock.at}, ["EQ-B055"]),
        ({"stopped_at": course.clock.at + dt.timedelta(hours=1)}, ["EQ-B055"]),
    ):
        with pytest.raises(Refused) as refused:
            end(course, code, **changes)
        assert codes(refused) == expected, changes
    course.clock.at += dt.timedelta(minutes=40)
    end(course, code, volume_ml=5.0)
    found = [d.what for d in trial.state.participants[code].deviations]
    assert found[0].startswith("The bag was to be given until ")
    assert found[1].startswith("5.0 mL were infused of the 16.5 mL that were ordered.")


@pytest.mark.requirement("F24")
def test_a_start_of_which_nothing_went_in_is_no_infusion(
    course: Course, trial: RunningTrial
) -> None:
    """From paper it would not have been one at all."""
    code, other = handed_out(course, "1"), handed_out(course, "2")
    with pytest.raises(Refused) as refused:
        give(course, other, "2", volume_ml=0.0)
    assert codes(refused) == ["EQ-C067"]
    start(course, code, "1")
    end(course, code, volume_ml=0.0)
    infusion = trial.state.participants[code].infusions["M0"]
    assert (infusion.status, infusion.given_on, infusion.given_ml) == ("given", None, 0.0)
    assert len(trial.state.participants[code].deviations) == 1


@pytest.mark.requirement("F24", "C62")
def test_what_went_in_before_somebody_left_is_entered_afterwards(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """From paper: up to that day; nothing of later, nothing after the lock, and no start."""
    code, other = handed_out(course, "1"), handed_out(course, "2")
    for one in (code, other):
        leave(course, one)
    give(course, code, "1")
    infusion = trial.state.participants[code].infusions["M0"]
    assert (infusion.status, infusion.given_on) == ("given", clock.today)
    with pytest.raises(Refused) as refused:
        start(course, other, "2")
    assert codes(refused) == ["EQ-C017"]
    clock.at += dt.timedelta(days=1)
    with pytest.raises(Refused) as refused:
        give(course, other, "2")
    assert codes(refused) == ["EQ-C017", "EQ-C066"]
    for one in (code, other):
        sign(course, one)
    conduct.lock_data(trial, by="data_manager", at=clock(), reason="end")
    with pytest.raises(Refused) as refused:
        give(course, other, "2", on=clock.today - dt.timedelta(days=1))
    assert codes(refused) == ["EQ-C016"]


@pytest.mark.requirement("F24", "C73")
def test_what_began_before_it_was_recalled_is_no_deviation(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """Both entered from paper: one began a minute before the cell unit asked, one with it."""
    before, after = handed_out(course, "1"), handed_out(course, "2")
    clock.at += dt.timedelta(hours=1, seconds=30)
    for code, label in ((before, "1"), (after, "2")):
        about = {"participant": code, "encounter": "M0", "label": label}
        conduct.recall_infusion(trial, by="cell_unit", at=clock(), **about)
    for code, label, minutes in ((before, "1", 1), (after, "2", 0)):
        asked = trial.state.participants[code].infusions["M0"].recalled_at
        assert asked is not None
        began = asked.replace(second=0) - dt.timedelta(minutes=minutes)
        over = began + dt.timedelta(minutes=1)
        give(course, code, label, started_at=began, stopped_at=over)
    told = {c: [d.what for d in p.deviations] for c, p in trial.state.participants.items()}
    assert told == {before: [], after: ["The cell unit asks not to give this."]}


@pytest.mark.requirement("F24")
def test_the_end_is_told_though_the_participant_left_and_before_the_lock(
    course: Course, trial: RunningTrial
) -> None:
    code = handed_out(course)
    start(course, code, "1")
    conduct.withdraw_participant(
        trial,
        by="investigator",
        at=course.clock(),
        reason="Wants to go home",
        participant=code,
        on=course.clock.today,
    )
    assert "EQ-B079" in lock(trial, course)
    end(course, code)
    assert trial.state.participants[code].infusions["M0"].status == "given"
    assert "EQ-B079" not in lock(trial, course)


def lock(trial: RunningTrial, course: Course) -> list[str]:
    """Why the data cannot be locked: somebody who left and is not signed is left aside here."""
    with pytest.raises(Refused) as refused:
        conduct.lock_data(trial, by="data_manager", at=course.clock(), reason="end")
    return codes(refused)


@pytest.mark.requirement("F24", "C73", "C65")
@pytest.mark.parametrize("product", ["cells", SHAM])
def test_what_is_out_of_a_blocked_batch_is_not_given(
    product: str, course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """The same mark in the same words for cells and placebo; it comes back, or is stopped."""
    unit = CellCourse(trial, clock)
    unit.released("B1", product=product, bags=tuple(f"B1-{i}" for i in range(1, 9)))
    unit.released("B2", product=product)
    waiting, running, done, elsewhere = (course.randomized() for _ in range(4))
    for code in (waiting, running, done, elsewhere):
        unit.holds[trial.state.participants[code].number] = product
        course.order(code)
    labels = {
        code: unit.handed_out(code, *bags)
        for code, bags in (
            (waiting, ("B1-1", "B1-2")),
            (running, ("B1-3", "B1-4")),
            (done, ("B1-5", "B1-6")),
            (elsewhere, ("B2-1", "B2-2")),
        )
    }
    start(course, running, labels[running])
    unit.give(done, labels[done])
    before = len(list(trial.store.read()))
    unit.do(cells.block_batch, batch="B1", reason="Positive culture")

    added = list(trial.store.read())[before:]
    assert [(e.type, e.stream, e.reason) for e in added] == [
        ("InfusionRecalled", waiting, ""),
        ("InfusionRecalled", running, ""),
    ]
    assert msgspec.json.decode(added[0].body or b"") == {
        "participant": waiting,
        "encounter": "M0",
        "label": labels[waiting],
    }
    state = {c: p.infusions["M0"] for c, p in trial.state.participants.items() if p.infusions}
    assert {c: i.is_recalled for c, i in state.items()} == {
        waiting: True,
        running: True,
        done: False,
        elsewhere: False,
    }
    with pytest.raises(Refused) as refused:
        start(course, waiting, labels[waiting])
    assert codes(refused) == ["EQ-B074"]
    end(course, running, volume_ml=20.0)
    out = [x.participant for x in cells.exposed_to(unit.unit.state, trial.state, "B1") if x.is_out]
    assert set(out) == {waiting}
    about = {"participant": waiting, "encounter": "M0", "label": labels[waiting]}
    conduct.take_back_infusion(trial, by="cell_unit", at=clock(), **about)
    assert not trial.state.participants[waiting].infusions["M0"].is_recalled


def test_a_mark_is_set_once_and_without_words(course: Course, trial: RunningTrial) -> None:
    code = handed_out(course)
    about = {"participant": code, "encounter": "M0", "label": "1"}
    for changes, expected in (
        ({"label": "2"}, ["EQ-C065"]),
        ({"reason": "Positive culture"}, ["EQ-B064"]),
    ):
        with pytest.raises(Refused) as refused:
            conduct.recall_infusion(trial, by="cell_unit", at=course.clock(), **(about | changes))
        assert codes(refused) == expected
    conduct.recall_infusion(trial, by="cell_unit", at=course.clock(), **about)
    with pytest.raises(Refused) as refused:
        conduct.recall_infusion(trial, by="cell_unit", at=course.clock(), **about)
    assert codes(refused) == ["EQ-C063"]
    give(course, code, "1")
    (departed,) = trial.state.participants[code].deviations
    assert departed.what.startswith("The cell unit asks not to give this.")


def test_a_batch_is_blocked_after_the_lock_too(
    course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """Nothing is given any more, and the trial takes no mark."""
    unit = CellCourse(trial, clock)
    unit.released("B1")
    conduct.lock_data(trial, by="data_manager", at=clock(), reason="end")
    unit.do(cells.block_batch, batch="B1", reason="Positive culture")
    assert unit.unit.state.batches["B1"].status == "blocked"
