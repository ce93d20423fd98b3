"""The cell unit's record: what comes in, what may be used, what goes out, and back again."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from equipoise import conduct
from equipoise.conduct import RunningTrial, cells
from equipoise.conduct.cells.door import CellAct
from equipoise.conduct.cells.events import CELL_EVENTS, from_cell_entry
from equipoise.conduct.cells.state import CellState, fold_cells
from equipoise.conduct.cells.tracing import bags_at_most, kept_until
from equipoise.problems import Refused
from equipoise.study.protocol import Treatments

from .cell_course import CELLS, SHAM, CellCourse
from .conftest import Clock, Course
from .test_opening import codes

SEC = "FR000123{donation:0>13}E0000057000{expires:%Y%m%d}"


@pytest.fixture
def unit(trial: RunningTrial, clock: Clock) -> CellCourse:
    return CellCourse(trial, clock)


def refused(act: Any, *args: Any, **command: Any) -> list[str]:
    with pytest.raises(Refused) as raised:
        act(*args, **command)
    return codes(raised)


@pytest.mark.requirement("C73", "C74")
def test_a_batch_waits_in_quarantine_until_its_results_release_it(unit: CellCourse) -> None:
    unit.received("B1")
    assert unit.unit.state.batches["B1"].status == "quarantine"
    assert refused(unit.do, cells.release_batch, batch="B1") == ["EQ-B031"]
    assert refused(unit.thaw, "B1-1") == ["EQ-B034"]

    unit.result("B1", "cd73", 97.0)
    assert refused(unit.do, cells.release_batch, batch="B1") == ["EQ-B033"]
    unit.result("B1", "sterility", "No growth")
    unit.do(cells.release_batch, batch="B1")

    assert unit.unit.state.batches["B1"].status == "released"
    assert refused(unit.do, cells.release_batch, batch="B1") == ["EQ-B032"]
    judged = cells.judge_batch(unit.trial.study, unit.unit.state, "B1")
    assert judged.met == ("cd73", "sterility")


@pytest.mark.requirement("C73")
def test_what_fails_blocks_the_batch_for_ever(unit: CellCourse) -> None:
    unit.received("B1")
    unit.result("B1", "cd73", 94.9)

    assert unit.unit.state.batches["B1"].status == "blocked"
    assert refused(unit.do, cells.release_batch, batch="B1") == ["EQ-B032"]
    unit.result("B1", "cd73", 97.0, reason="Measured anew")
    assert unit.unit.state.batches["B1"].status == "blocked"


def test_information_never_stops_anything(unit: CellCourse) -> None:
    unit.released("B1")
    unit.result("B1", "hla-dr", 60.0)

    assert unit.unit.state.batches["B1"].status == "released"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"product": "salt"}, ["EQ-B022"]),
        ({"donors": ("D9",)}, ["EQ-B020"]),
        ({"donors": ()}, ["EQ-B025"]),
        ({"product": SHAM, "donors": ("D-B1",)}, ["EQ-B025"]),
        ({"bags": ()}, ["EQ-B047"]),
        ({"volume_ml": 0.0}, ["EQ-B047"]),
        ({"cells_per_ml": 0.0}, ["EQ-B047"]),
        ({"bags": ("B1-1",)}, ["EQ-B021"]),
        ({"bags": ("X", "X")}, ["EQ-B021"]),
        ({"bags": ("X", "")}, ["EQ-B021"]),
        ({"missing": ("B2-1",)}, ["EQ-B021"]),
        ({"european_code": "FR1"}, ["EQ-B014"]),
    ],
)
def test_what_cannot_be_received(
    unit: CellCourse, changes: dict[str, Any], expected: list[str]
) -> None:
    unit.released("B1")

    assert refused(unit.received, "B2", **changes) == expected
    assert set(unit.unit.state.batches) == {"B1"}


def test_donors_and_batches_have_names_of_their_own(unit: CellCourse) -> None:
    unit.received("B1")

    assert refused(unit.received, "B1") == ["EQ-B021", "EQ-B021"]
    assert refused(unit.donor, "D-B1") == ["EQ-B021", "EQ-B021"]


@pytest.mark.requirement("C74")
def test_the_european_code_must_fit_the_papers(unit: CellCourse) -> None:
    """Expiry and donation in the code are those of the shipment."""
    unit.donor("D1")
    expires = unit.clock.today + dt.timedelta(days=365)
    unit.do(cells.register_donor, donor="D2", donation="5" * 13)
    good = SEC.format(donation="5" * 13, expires=expires)
    for code, donors, expected in (
        (SEC.format(donation="5" * 13, expires=dt.date(2026, 1, 1)), ("D2",), ["EQ-B026"]),
        (good, ("D1",), ["EQ-B049"]),
    ):
        assert refused(unit.received, "B1", european_code=code, donors=donors) == expected
    unit.received("B2", european_code=good, donors=("D2",))

    assert unit.unit.state.batches["B2"].european_code == good


def test_a_shipment_that_was_damaged_is_never_released(unit: CellCourse) -> None:
    unit.received("B1", product=SHAM, is_intact=False)
    unit.result("B1", "sterility", "no growth")

    assert refused(unit.do, cells.release_batch, batch="B1") == ["EQ-B048"]


def test_results_are_of_the_specification_and_replaced_with_a_reason(unit: CellCourse) -> None:
    unit.received("B1")

    assert refused(unit.result, "B1", "ph", 7.0) == ["EQ-B027"]
    assert refused(unit.result, "B1", "viability", 80.0) == ["EQ-B027"]
    assert refused(unit.result, "B1", "cd73", "95") == ["EQ-B029"]
    assert refused(unit.result, "B1", "sterility", 0.0) == ["EQ-B029"]
    assert refused(unit.result, "B9", "cd73", 96.0) == ["EQ-B023"]
    unit.result("B1", "cd73", 96.0)
    assert refused(unit.result, "B1", "cd73", 96.5) == ["EQ-B028"]
    unit.result("B1", "cd73", 96.5, reason="Misread")
    assert unit.unit.state.batches["B1"].results["cd73"] == 96.5


@pytest.mark.requirement("C73", "F24")
def test_a_late_positive_culture_says_who_received_the_cells(
    unit: CellCourse, course: Course
) -> None:
    """Released but for sterility, given, then growth: blocked, and these are to be told of."""
    unit.received("B1")
    unit.result("B1", "cd73", 97.0)
    unit.do(cells.release_batch, batch="B1", reason="No other batch; cultures so far negative")
    assert unit.unit.state.batches["B1"].status == "conditional"
    given, waiting, other = course.randomized(), course.randomized(), course.randomized()
    for code in (given, waiting, other):
        course.order(code)
    unit.give(given, unit.handed_out(given, "B1-1", "B1-2"))
    label = unit.prepared(waiting, "B1-3", "B1-4")
    unit.verify(label)

    unit.result("B1", "sterility", "growth")

    state = unit.unit.state
    assert state.batches["B1"].status == "blocked"
    exposed = cells.exposed_to(state, unit.trial.state, "B1")
    assert {(t.participant, t.given_on) for t in exposed} == {
        (given, unit.clock.today),
        (waiting, None),
    }
    assert refused(unit.do, cells.hand_out, label=label) == ["EQ-B034"]
    tell = {"batch": "B1", "told": "The treating physician, by telephone"}
    assert refused(unit.do, cells.tell_exposed, participant=other, **tell) == ["EQ-B060"]
    assert refused(unit.do, cells.tell_exposed, batch="B1", participant=given, told=" ") == [
        "EQ-B060"
    ]
    unit.do(cells.tell_exposed, participant=given, **tell)
    assert unit.unit.state.batches["B1"].told[given][0] == tell["told"]


def test_only_of_a_blocked_batch_is_anybody_told(unit: CellCourse, course: Course) -> None:
    unit.released("B1")
    code = course.randomized()
    course.order(code)
    unit.handed_out(code, "B1-1", "B1-2")

    tell = {"batch": "B1", "participant": code, "told": "A physician"}
    assert refused(unit.do, cells.tell_exposed, **tell) == ["EQ-B032"]
    assert refused(unit.do, cells.block_batch, batch="B1") == ["EQ-B046"]
    unit.do(cells.block_batch, batch="B1", reason="Recalled by the maker")
    assert refused(unit.do, cells.block_batch, batch="B1", reason="Again") == ["EQ-B032"]
    unit.do(cells.tell_exposed, **tell)


def test_a_sterility_result_in_time_makes_the_release_whole(unit: CellCourse) -> None:
    unit.received("B1", product=SHAM)
    unit.do(cells.release_batch, batch="B1", reason="Short shelf life")
    unit.result("B1", "sterility", "no growth")

    assert unit.unit.state.batches["B1"].status == "released"


@pytest.mark.requirement("C41", "F24", "F25")
def test_an_infusion_is_composed_computed_twice_and_handed_out(
    unit: CellCourse, course: Course
) -> None:
    """70 kg from bags of 85 %: 10 + 6.5 mL, made up to 50; the site learns label and time alone."""
    unit.released("B1")
    code = course.randomized()
    course.order(code)
    label = unit.prepared(code, "B1-1", "B1-2")

    made = unit.unit.state.preparations[label]
    assert (made.draws, made.drawn_ml) == ((("B1-1", 10.0), ("B1-2", 6.5)), 16.5)
    assert (made.medium_ml, made.volume_ml, made.target_cells) == (33.5, 50.0, 140_000_000)
    assert refused(unit.do, cells.hand_out, label=label) == ["EQ-B043"]
    assert refused(unit.verify, label, drawn_ml=16.4) == ["EQ-B012"]
    unit.verify(label)
    assert refused(unit.verify, label) == ["EQ-B043"]
    unit.do(cells.hand_out, label=label)

    infusion = unit.trial.state.participants[code].infusions["M0"]
    thawed_at = unit.unit.state.bags["B1-1"].thawed_at
    assert thawed_at is not None
    assert (infusion.status, infusion.label) == ("prepared", label)
    assert infusion.usable_until == thawed_at + dt.timedelta(minutes=240)
    written = [e.body for e in unit.trial.store.read() if e.type == "InfusionPrepared"]
    assert len(written) == 1
    assert not any(word in (written[0] or b"") for word in (b"B1", b"cells", b"0.85"))


@pytest.mark.requirement("F25")
def test_who_prepared_is_not_the_second_person(unit: CellCourse, course: Course) -> None:
    unit.released("B1")
    code = course.randomized()
    course.order(code)
    label = unit.prepared(code, "B1-1", "B1-2")
    same = {"target_cells": 140_000_000, "drawn_ml": 16.5, "n_bags": 2}

    assert refused(unit.do, cells.verify_preparation, label=label, **same) == ["EQ-B044"]
    assert refused(unit.verify, "99999999") == ["EQ-B040"]


@pytest.mark.requirement("F21", "F28")
def test_a_placebo_goes_the_same_way_and_looks_the_same(unit: CellCourse, course: Course) -> None:
    """Two participants of one weight: what the site's ledger holds differs by the label alone."""
    unit.released("B1")
    unit.released("P1", product=SHAM)
    one, two = course.randomized(), course.randomized()
    unit.holds[unit.trial.state.participants[two].number] = SHAM
    for code, bags in ((one, ("B1-1", "B1-2")), (two, ("P1-1", "P1-2"))):
        course.order(code)
        unit.give(code, unit.handed_out(code, *bags))

    cell, sham = (unit.trial.state.participants[c].infusions["M0"] for c in (one, two))
    for field in ("weight_kg", "target_cells", "volume_ml", "n_bags", "given_ml", "status"):
        assert getattr(cell, field) == getattr(sham, field)
    assert cell.usable_until is not None and sham.usable_until is not None
    assert cell.usable_until - cell.stamp.at == sham.usable_until - sham.stamp.at
    drawn = unit.unit.state.preparations
    assert [p.drawn_ml for p in drawn.values()] == [16.5, 16.5]
    assert [p.given_cells for p in drawn.values()] == [140_250_000, 0]


def test_which_bags_make_an_infusion(unit: CellCourse, course: Course, clock: Clock) -> None:
    """Thawed, of the right product, within limits and time, not used, each once."""
    unit.released("B1")
    unit.released("P1", product=SHAM)
    code = course.randomized()
    assert refused(unit.prepared, code, "B1-1") == ["EQ-C062"]
    course.order(code)
    unit.thaw("P1-1")
    unit.thaw("B1-4", viability=0.69)
    for bags, expected in (
        (("P1-1",), ["EQ-B041"]),
        (("B1-4",), ["EQ-B038"]),
        (("none",), ["EQ-B024"]),
    ):
        make = {"participant": code, "encounter": "M0", "bags": bags, "label": "1"}
        assert refused(unit.do, cells.make_preparation, **make) == expected
    make = {"participant": code, "encounter": "M0", "label": "1"}
    assert refused(unit.do, cells.make_preparation, bags=("B1-2",), **make) == ["EQ-B036"]
    unit.thaw("B1-2")
    unit.thaw("B1-3")
    twice = ("B1-2", "B1-2")
    assert refused(unit.do, cells.make_preparation, bags=twice, **make) == ["EQ-B021"]
    assert refused(unit.do, cells.make_preparation, bags=("B1-2",), **make) == ["EQ-B010"]
    for label in ("", " "):
        again = {**make, "label": label, "bags": ("B1-2", "B1-3")}
        assert refused(unit.do, cells.make_preparation, **again) == ["EQ-C064"]
    unknown = {**make, "participant": "01-099", "bags": ("B1-2",)}
    assert refused(unit.do, cells.make_preparation, **unknown) == ["EQ-C003"]
    clock.at += dt.timedelta(minutes=240)
    late = ("B1-2", "B1-3")
    assert refused(unit.do, cells.make_preparation, bags=late, **make) == ["EQ-B042"] * 2


@pytest.mark.requirement("C73", "F24")
def test_time_and_expiry_stop_a_bag(unit: CellCourse, course: Course, clock: Clock) -> None:
    unit.released("B1", expires_on=clock.today + dt.timedelta(days=1))
    out = {"bag": "B1-1", "minutes": 10}
    assert refused(unit.do, cells.record_time_out, **out) == ["EQ-B046"]
    assert refused(unit.do, cells.record_time_out, bag="B1-1", minutes=0, reason="x") == ["EQ-B047"]
    unit.do(cells.record_time_out, reason="Inventory", **out)
    unit.do(cells.record_time_out, reason="Inventory", bag="B1-1", minutes=6)
    assert refused(unit.thaw, "B1-1") == ["EQ-B037"]

    code = course.randomized()
    course.order(code)
    label = unit.prepared(code, "B1-2", "B1-3")
    clock.at += dt.timedelta(hours=5)
    assert refused(unit.verify, label) == ["EQ-B042"]
    unit.do(cells.discard_preparation, label=label, reason="Too late")
    clock.at += dt.timedelta(days=2)
    assert refused(unit.thaw, "B1-4") == ["EQ-B035"]


def test_no_thaw_without_a_count(unit: CellCourse) -> None:
    unit.released("B1")
    unit.released("P1", product=SHAM)

    for counted in ({}, {"cells_per_ml": 1e7}, {"cells_per_ml": 1e7, "viability": 1.2}):
        assert "EQ-B039" in refused(unit.do, cells.thaw_bag, bag="B1-1", **counted)
    unit.do(cells.thaw_bag, bag="P1-1")
    assert refused(unit.do, cells.thaw_bag, bag="P1-1") == ["EQ-B036"]


def test_without_a_window_there_is_no_last_minute(
    unit: CellCourse, course: Course, trial: RunningTrial
) -> None:
    """A maker that sets no time after thawing: none is told to the site."""
    open_ended = {
        n: msgspec.structs.replace(p, thaw_minutes=0, minutes_out=0)
        for n, p in trial.study.treatments.products.items()
    }
    treatments = msgspec.structs.replace(trial.study.treatments, products=open_ended)
    trial.study = msgspec.structs.replace(trial.study, treatments=treatments)
    unit.released("B1")
    code = course.randomized()
    course.order(code)
    unit.give(code, unit.handed_out(code, "B1-1", "B1-2"))

    assert trial.state.participants[code].infusions["M0"].usable_until is None


def test_one_preparation_at_a_time(unit: CellCourse, course: Course) -> None:
    unit.released("B1")
    unit.released("B2")
    code = course.randomized()
    course.order(code)
    label = unit.prepared(code, "B1-1", "B1-2")
    assert refused(unit.prepared, code, "B2-1", "B2-2") == ["EQ-B045"]

    assert refused(unit.do, cells.discard_preparation, label=label) == ["EQ-B046"]
    unit.do(cells.discard_preparation, label=label, reason="The bag leaked")
    assert refused(unit.do, cells.discard_preparation, label=label, reason="x") == ["EQ-B043"]
    assert unit.unit.state.bags["B1-1"].status == "destroyed"
    assert cells.exposed_to(unit.unit.state, unit.trial.state, "B1") == ()
    unit.handed_out(code, "B2-1", "B2-2")
    label = unit.trial.state.participants[code].infusions["M0"].label
    assert refused(unit.do, cells.discard_preparation, label=label, reason="x") == ["EQ-B043"]
    make = {"participant": code, "encounter": "M0", "bags": (), "label": "1"}
    assert refused(unit.do, cells.make_preparation, **make) == ["EQ-C063"]


@pytest.mark.requirement("C73")
def test_bags_leave_by_being_destroyed_or_returned(unit: CellCourse) -> None:
    unit.released("B1", missing=("B1-9",))
    unit.thaw("B1-1")
    go = {"reason": "End of the trial"}
    assert refused(unit.do, cells.remove_bags, bags=("B1-2",), how="returned") == ["EQ-B046"]
    assert refused(unit.do, cells.remove_bags, bags=(), how="returned", **go) == ["EQ-B046"]
    for bag, how in (("B1-1", "returned"), ("B1-9", "destroyed")):
        assert refused(unit.do, cells.remove_bags, bags=(bag,), how=how, **go) == ["EQ-B036"]
    unit.do(cells.remove_bags, bags=("B1-1", "B1-2"), how="destroyed", **go)
    unit.do(cells.remove_bags, bags=("B1-3",), how="returned", **go)

    balance = cells.balance_of(unit.unit.state, "B1")
    assert (balance.sent, balance.lost) == (5, 0)
    assert balance.by_status == {"missing": 1, "destroyed": 2, "returned": 1, "stored": 1}


@pytest.mark.requirement("C74")
def test_donor_and_participant_are_traced_both_ways(
    unit: CellCourse, course: Course, clock: Clock
) -> None:
    """Of three batches of two donors: all recipients of each donor, and back to each."""
    unit.released("B1")
    unit.released("B2", donors=("D-B1",))
    unit.released("B3")
    people = [course.randomized() for _ in range(3)]
    for code, bags in zip(
        people, (("B1-1", "B1-2"), ("B2-1", "B1-3"), ("B3-1", "B3-2")), strict=True
    ):
        course.order(code)
        unit.give(code, unit.handed_out(code, *bags))
    state, trial = unit.unit.state, unit.trial.state

    reached = {t.participant for t in cells.trace_donor(state, trial, "D-B1")}
    assert reached == set(people[:2])
    for code in people:
        back = {d for t in cells.trace_participant(state, trial, code) for d in t.donors}
        assert back == {"D-B1"} if code in reached else back == {"D-B3"}
    trace = cells.trace_participant(state, trial, people[1])
    assert [(t.batch, t.bag, t.encounter, t.given_on) for t in trace] == [
        ("B2", "B2-1", "M0", clock.today),
        ("B1", "B1-3", "M0", clock.today),
    ]
    assert kept_until(state, "B1").year == clock.today.year + 31


def test_bags_that_can_be_used_come_first_that_expire_first(unit: CellCourse, clock: Clock) -> None:
    unit.released("B1", bags=("L1", "L2"))
    unit.released("B2", bags=("E1", "E2"), expires_on=clock.today + dt.timedelta(days=30))
    unit.received("B3")
    unit.released("P1", product=SHAM)
    unit.thaw("L2")

    def usable(on: dt.date) -> list[str]:
        return [b.bag for b in cells.usable_bags(unit.unit.state, product=CELLS, on=on)]

    assert usable(clock.today) == ["L2", "E1", "E2", "L1"]
    assert usable(clock.today + dt.timedelta(days=31)) == ["L2", "L1"]


@pytest.mark.requirement("F22", "F23")
def test_places_depend_on_what_came_and_never_on_what_was_given(
    trial: RunningTrial, clock: Clock, course: Course
) -> None:
    """Two worlds that differ by the sealed list alone declare the same number at each step."""
    told: list[list[int]] = []
    unit = CellCourse(trial, clock)
    bags_each = bags_at_most(trial.study)
    assert bags_each == 6  # 200 kg, the least viable cells: 400 million / 7 million a mL
    n = 12 * 4 + 4
    unit.released("B1", bags=tuple(f"b{i}" for i in range(n)))
    unit.released("P1", product=SHAM, bags=tuple(f"p{i}" for i in range(n)))
    code = course.randomized()
    course.order(code)
    for holds in (CELLS, SHAM):
        unit.holds[trial.state.participants[code].number] = holds
        told.append([])

    def places() -> int:
        on = clock.today
        return cells.derive_places(trial.study, unit.unit.state, trial.state, on=on)

    before = places()
    assert before == 4  # one infusion is on its way and one is owed; three more people fit
    unit.holds[trial.state.participants[code].number] = SHAM
    unit.handed_out(code, "p0", "p1")
    assert places() == before
    other = course.randomized()
    assert places() == before
    course.order(other)
    unit.handed_out(other, "b0", "b1")
    assert places() == before


def test_what_is_thrown_away_counts_for_every_product(
    unit: CellCourse, course: Course, trial: RunningTrial, clock: Clock
) -> None:
    unit.released("B1", bags=tuple(f"b{i}" for i in range(24)))
    unit.released("P1", product=SHAM, bags=tuple(f"p{i}" for i in range(24)))
    code = course.randomized()
    course.order(code)

    def places() -> int:
        return cells.derive_places(trial.study, unit.unit.state, trial.state, on=clock.today)

    assert places() == 2
    label = unit.prepared(code, "b0", "b1")
    unit.do(cells.discard_preparation, label=label, reason="Dropped")
    assert places() == 1
    unit.do(cells.remove_bags, bags=("p0",), how="destroyed", reason="Leaked")
    assert places() == 1


def test_a_study_without_infusions_or_dose_needs_no_stock(
    unit: CellCourse, trial: RunningTrial
) -> None:
    study = msgspec.structs.replace(trial.study, treatments=Treatments())
    assert bags_at_most(study) == 1
    arms = {n: msgspec.structs.replace(a, gives={}) for n, a in study.identity.arms.items()}
    bare = msgspec.structs.replace(
        study, identity=msgspec.structs.replace(study.identity, arms=arms)
    )
    assert cells.derive_places(bare, unit.unit.state, trial.state, on=unit.clock.today) == 0


@pytest.mark.requirement("F22", "F23")
def test_nobody_is_randomized_before_stock_for_every_next_arm_is_declared(
    unit: CellCourse, course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """The same words whether nothing was declared, too little, or too long ago."""
    bedside = msgspec.structs.replace(trial.study.treatments.bedside, declared_stock=True)
    treatments = msgspec.structs.replace(trial.study.treatments, bedside=bedside)
    trial.study = msgspec.structs.replace(trial.study, treatments=treatments)
    code = course.eligible()

    def declare(places: int, days: int = 7) -> None:
        until = clock.today + dt.timedelta(days=days)
        conduct.declare_supply(trial, by="cell_unit", at=clock(), places=places, until_on=until)

    said = []
    for places in (None, 0):
        if places is not None:
            declare(places)
        with pytest.raises(Refused) as raised:
            course.randomize(code)
        said += [(p.code, p.message, p.hint) for p in raised.value.problems]
    assert len(set(said)) == 1 and said[0][0] == "EQ-B056"
    assert refused(declare, -1) == ["EQ-B057"]
    assert refused(declare, 1, days=-1) == ["EQ-B057"]
    declare(1)
    course.randomize(code)
    assert refused(course.randomize, course.eligible()) == ["EQ-B056"]
    declare(4, days=0)
    clock.at += dt.timedelta(days=1)
    assert refused(course.randomize, course.eligible()) == ["EQ-B056"]


def test_what_is_unknown_is_said(unit: CellCourse) -> None:
    unit.donor("D1")
    code = SEC.format(donation="1", expires=unit.clock.today + dt.timedelta(days=365))

    assert refused(unit.received, "B1", donors=("D9",), european_code=code) == ["EQ-B020"]
    assert refused(unit.do, cells.thaw_bag, bag="B9-1") == ["EQ-B024"]


def test_only_the_cell_unit_acts_here(unit: CellCourse) -> None:
    for by, expected in (("coordinator", ["EQ-C002"]), ("nobody", ["EQ-C001"])):
        assert refused(unit.do, cells.register_donor, by=by, donor="D", donation="1") == expected
    conduct.remove_person(
        unit.trial, by="administrator", at=unit.clock(), person="cell_unit-2", reason="Left"
    )
    again = {"donor": "D", "donation": "1"}
    assert refused(unit.do, cells.register_donor, by="cell_unit-2", **again) == ["EQ-C001"]


@pytest.mark.requirement("C01", "C04")
def test_the_record_is_a_ledger_like_the_other(unit: CellCourse, course: Course) -> None:
    """Chained, replayed to the same state, a redacted entry says nothing, each act is listed."""
    unit.released("B1")
    code = course.randomized()
    course.order(code)
    unit.handed_out(code, "B1-1", "B1-2")
    entries = list(unit.store.read())

    assert {e.chain for e in entries} == {"cells"}
    assert [e.prev for e in entries[1:]] == [e.digest for e in entries[:-1]]
    assert fold_cells(CellState(), entries) == unit.unit.state
    gone = msgspec.structs.replace(entries[0], body=None, salt="")
    assert fold_cells(CellState(), [gone]).donors == {}
    assert all(isinstance(a, CellAct) and a.__doc__ for a in cells.CELL_ACTS.values())
    assert all(e.__doc__ for e in CELL_EVENTS)
    with pytest.raises(KeyError):
        from_cell_entry("BagStolen", b"{}")


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["receive", "release", "thaw", "destroy", "return", "block"]),
        st.integers(0, 7),
        st.integers(1, 6),
    ),
    max_size=30,
)


@pytest.mark.requirement("C73")
@given(STEPS)
@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_no_bag_is_ever_lost(unit: CellCourse, steps: list[tuple[str, int, int]]) -> None:
    """Whatever is done, in whatever order: each bag that was sent is in one place, and counted."""
    unit.n += 1
    run = f"R{unit.n}x"
    names: list[str] = []
    for what, i, n in steps:
        if what == "receive":
            names.append(f"{run}{len(names)}")
            bags = tuple(f"{names[-1]}-{k}" for k in range(1, n + 1))
            unit.received(names[-1], product=SHAM, bags=bags, missing=(f"{names[-1]}-0",))
            continue
        batch = names[i % len(names)] if names else "none"
        act, command = {
            "release": (cells.release_batch, {"batch": batch}),
            "thaw": (cells.thaw_bag, {"bag": f"{batch}-{n}"}),
            "destroy": (cells.remove_bags, {"bags": (f"{batch}-{n}",), "how": "destroyed"}),
            "return": (cells.remove_bags, {"bags": (f"{batch}-{n}",), "how": "returned"}),
            "block": (cells.block_batch, {"batch": batch}),
        }[what]
        with suppress(Refused):
            unit.do(act, reason="As it came", **command)
    state = unit.unit.state
    sent = Counter(b for b in _sent(unit) if b.startswith(run))
    assert set(sent.values()) <= {1}
    for name in names:
        balance = cells.balance_of(state, name)
        assert balance.lost == 0
        assert balance.sent == sum(1 for b in sent if b.startswith(f"{name}-"))


def _sent(unit: CellCourse) -> Iterator[str]:
    """Every bag that any shipment ever named, straight from the entries."""
    for entry in unit.store.read():
        if entry.type == "BatchReceived":
            body = msgspec.json.decode(entry.body or b"{}")
            yield from (*body["bags"], *body["missing"])
