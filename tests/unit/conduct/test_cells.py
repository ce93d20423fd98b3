"""The cell unit's record: what comes in, what may be used, what goes out, and back again."""

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from threading import Thread
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from equipoise import conduct
from equipoise.conduct import RunningTrial, cells
from equipoise.conduct.cells import events as c
from equipoise.conduct.cells import preparing
from equipoise.conduct.cells.door import CellAct
from equipoise.conduct.cells.events import CELL_EVENTS, from_cell_entry
from equipoise.conduct.cells.state import CellState, fold_cells
from equipoise.conduct.cells.tracing import bags_at_most, kept_until
from equipoise.conduct.events import PersonAdded
from equipoise.ledger import MemoryStore
from equipoise.problems import Refused, Text
from equipoise.study.protocol import Treatments, Window
from equipoise.study.roles import Role
from tests.refusing import refusal

from .cell_course import CELLS, SHAM, CellCourse, limit
from .conftest import Clock, Course
from .test_infusing import weigh
from .test_opening import codes

SEC = "FR000123{donation:0>13}E0000057000{expires:%Y%m%d}"


@pytest.fixture
def unit(trial: RunningTrial, clock: Clock) -> CellCourse:
    return CellCourse(trial, clock)


@pytest.mark.requirement("C73", "C74")
def test_a_batch_waits_in_quarantine_until_its_results_release_it(unit: CellCourse) -> None:
    unit.received("B1")
    assert unit.unit.state.batches["B1"].status == "quarantine"
    assert refusal(unit.do, cells.release_batch, batch="B1") == ["EQ-B031"]
    assert refusal(unit.thaw, "B1-1") == ["EQ-B034"]

    unit.result("B1", "cd73", 97.0)
    assert refusal(unit.do, cells.release_batch, batch="B1") == ["EQ-B033"]
    unit.result("B1", "sterility", "no-growth")
    unit.do(cells.release_batch, batch="B1")

    assert unit.unit.state.batches["B1"].status == "released"
    assert refusal(unit.do, cells.release_batch, batch="B1") == ["EQ-B032"]
    judged = cells.judge_batch(unit.trial.study, unit.unit.state, "B1")
    assert judged.met == ("cd73", "sterility")


def open_second_account(unit: CellCourse, *, of: str) -> str:
    """Another account of somebody of the unit, as a ledger may hold it, its name written anew."""
    name = unit.trial.state.people[of].name.upper()
    view = conduct.View(unit.trial.study, unit.trial.state, conduct.SYSTEM)
    added = [PersonAdded(person="again", name=name, role=Role.CELL_UNIT)]
    with unit.trial.transaction():
        unit.trial.record(view, added, at=unit.clock(), reason="")
    return "again"


def lifted(unit: CellCourse, batch: str = "B1", by: str = "cell_unit-2", **more: Any) -> Any:
    return unit.do(
        cells.lift_block, by=by, batch=batch, **({"reason": "The report says so"} | more)
    )


@pytest.mark.requirement("C73")
def test_a_result_that_blocks_is_confirmed_first(unit: CellCourse) -> None:
    """Half of the places stand on one of two batches of the same size."""
    for batch in ("B1", "B2"):
        unit.received(batch, bags=tuple(f"{batch}-{i}" for i in range(50)))
    unit.released("P1", product=SHAM, bags=tuple(f"P1-{i}" for i in range(400)))
    for batch in ("B1", "B2"):
        unit.result(batch, "cd73", 97.0)
        unit.result(batch, "sterility", "no-growth")
        unit.do(cells.release_batch, batch=batch)
    before = len(list(unit.store.read()))

    def places() -> int:
        study, state = unit.trial.study, unit.trial.state
        return cells.derive_places(study, unit.unit.state, state, on=unit.clock.today)

    there = places()
    with pytest.raises(Refused) as asked:
        unit.result("B1", "sterility", "growth", reason="Day 14", is_confirmed=False)
    (found,) = asked.value.problems
    assert (found.code, found.values["batch"]) == ("EQ-B087", "B1")
    assert found.values["tests"].say("fr") == "sterility"  # type: ignore[attr-defined]
    assert len(list(unit.store.read())) == before

    unit.result("B1", "sterility", "growth", reason="Day 14")
    assert unit.unit.state.batches["B1"].status == "blocked"
    assert found.values["n"] == there - places() == there // 2 > 0
    unit.result("B1", "sterility", "growth", reason="A second culture", is_confirmed=False)


@pytest.mark.requirement("C73")
def test_a_block_by_a_wrong_result_is_lifted_by_two_people(unit: CellCourse) -> None:
    """Corrected by one, agreed by another; then in quarantine, to be released anew. What was
    blocked meanwhile stays on record."""
    unit.released("B1")
    unit.result("B1", "sterility", "growth", reason="Typed beside it")
    assert refusal(lifted, unit) == ["EQ-B088"]  # the result still stands
    unit.result("B1", "sterility", "no-growth", reason="It was typed wrongly")
    assert refusal(unit.do, cells.release_batch, batch="B1") == ["EQ-B032"]
    assert unit.unit.state.batches["B1"].status == "blocked"

    assert refusal(lifted, unit, by="cell_unit") == ["EQ-B089"]
    assert refusal(lifted, unit, by=open_second_account(unit, of="cell_unit")) == ["EQ-B089"]
    assert refusal(lifted, unit, reason=" ") == ["EQ-B046"]
    lifted(unit)
    batch = unit.unit.state.batches["B1"]
    assert batch.status == "quarantine"
    ((failed, was, over),) = ((b.failed, b.stamp, b.lifted) for b in batch.blocks)
    assert (failed, was.by, over and over.by) == (("sterility",), "cell_unit", "cell_unit-2")
    assert refusal(lifted, unit) == ["EQ-B032"]
    unit.do(cells.release_batch, batch="B1")
    assert unit.unit.state.batches["B1"].status == "released"

    unit.result("B1", "cd73", 90.0, reason="Again")  # and it is blocked anew
    batch = unit.unit.state.batches["B1"]
    assert (batch.status, batch.blocked_for) == ("blocked", ("cd73",))


@pytest.mark.requirement("C73")
def test_each_result_that_blocks_is_corrected_and_agreed_by_somebody_else(unit: CellCourse) -> None:
    """One of two is corrected by the one who would lift: they cannot, nor while one still fails."""
    unit.received("B1")
    unit.result("B1", "cd73", 94.9)
    unit.result("B1", "sterility", "growth")
    assert unit.unit.state.batches["B1"].blocked_for == ("cd73", "sterility")
    unit.result("B1", "cd73", 97.0, reason="Misread")
    assert refusal(lifted, unit) == ["EQ-B088"]
    unit.result("B1", "sterility", "no-growth", by="cell_unit-2", reason="Misread")
    assert refusal(lifted, unit) == ["EQ-B089"]
    assert refusal(lifted, unit, by="cell_unit") == ["EQ-B089"]
    unit.result("B1", "sterility", "no-growth", reason="Compared")
    lifted(unit)
    assert unit.unit.state.batches["B1"].status == "quarantine"


@pytest.mark.requirement("C73")
@pytest.mark.parametrize("is_first", [True, False])
def test_a_block_by_a_person_is_never_lifted(unit: CellCourse, is_first: bool) -> None:
    """A recall before or after a wrong result: correcting the result does not undo it."""
    unit.released("B1")
    if is_first:
        unit.do(cells.block_batch, batch="B1", reason="Recalled by the maker")
    unit.result("B1", "cd73", 9.5, reason="Typed wrongly")
    if not is_first:
        unit.do(cells.block_batch, batch="B1", reason="Recalled by the maker")
    unit.result("B1", "cd73", 95.0, reason="Corrected")

    assert refusal(lifted, unit) == ["EQ-B088"]
    assert refusal(unit.do, cells.block_batch, batch="B1", reason="Again") == ["EQ-B032"]
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

    assert refusal(unit.received, "B2", **changes) == expected
    assert set(unit.unit.state.batches) == {"B1"}


@pytest.mark.requirement("C73")
@pytest.mark.parametrize(
    "name", ["L/7", "donor", "Receive", "declare", "..", "a b", "é1", "x" * 65]
)
def test_a_name_can_stand_in_an_address(unit: CellCourse, name: str) -> None:
    """Whatever cannot would shut the unit out of its pages, and an entry never goes away."""
    unit.donor("D1")
    for changes in ({"batch": name}, {"batch": "B1", "bags": (name,)}):
        assert set(refusal(unit.received, donors=("D1",), **changes)) == {"EQ-B068"}
    assert refusal(unit.received, "B1", donors=("D1",), missing=(name,)) == ["EQ-B068"]
    assert refusal(unit.donor, name) == ["EQ-B068"]
    unit.received("=W0000_17.a+b", donors=("D1",))


@pytest.mark.requirement("C65")
def test_a_ledger_with_other_chains_is_not_the_cell_units(
    unit: CellCourse, trial: RunningTrial
) -> None:
    """Donors written into the blinded ledger would stay there for ever."""
    before = len(list(trial.store.read()))
    assert refusal(cells.CellUnit, trial, trial.store, unit.unit.contents) == ["EQ-B066"]
    assert len(list(trial.store.read())) == before


@pytest.mark.requirement("C52")
def test_donors_and_batches_have_names_of_their_own(unit: CellCourse) -> None:
    """A shipment that is received twice is refused and tells what is there; nothing is replaced."""
    unit.received("B1")
    before = list(unit.unit.store.read())

    assert refusal(unit.received, "B1") == ["EQ-B021", "EQ-B021"]
    assert refusal(unit.donor, "D-B1") == ["EQ-B021", "EQ-B021"]
    assert list(unit.unit.store.read()) == before


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
        assert refusal(unit.received, "B1", european_code=code, donors=donors) == expected
    unit.received("B2", european_code=good, donors=("D2",))

    assert unit.unit.state.batches["B2"].european_code == good


def test_a_shipment_that_was_damaged_is_never_released(unit: CellCourse) -> None:
    unit.received("B1", product=SHAM, is_intact=False)
    unit.result("B1", "sterility", "no-growth")

    assert refusal(unit.do, cells.release_batch, batch="B1") == ["EQ-B048"]


def test_results_are_of_the_specification_and_replaced_with_a_reason(unit: CellCourse) -> None:
    unit.received("B1")

    assert refusal(unit.result, "B1", "ph", 7.0) == ["EQ-B027"]
    assert refusal(unit.result, "B1", "viability", 80.0) == ["EQ-B027"]
    assert refusal(unit.result, "B1", "cd73", "95") == ["EQ-B029"]
    assert refusal(unit.result, "B1", "sterility", 0.0) == ["EQ-B029"]
    assert refusal(unit.result, "B9", "cd73", 96.0) == ["EQ-B023"]
    unit.result("B1", "cd73", 96.0)
    assert refusal(unit.result, "B1", "cd73", 96.5) == ["EQ-B028"]
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
    assert refusal(unit.do, cells.hand_out, label=label) == ["EQ-B034"]
    tell = {"batch": "B1", "told": "The treating physician, by telephone"}
    assert refusal(unit.do, cells.tell_exposed, participant=other, **tell) == ["EQ-B060"]
    assert refusal(unit.do, cells.tell_exposed, batch="B1", participant=given, told=" ") == [
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
    assert refusal(unit.do, cells.tell_exposed, **tell) == ["EQ-B032"]
    assert refusal(unit.do, cells.block_batch, batch="B1") == ["EQ-B046"]
    unit.do(cells.block_batch, batch="B1", reason="Recalled by the maker")
    assert refusal(unit.do, cells.block_batch, batch="B1", reason="Again") == ["EQ-B032"]
    unit.do(cells.tell_exposed, **tell)


def test_a_sterility_result_in_time_makes_the_release_whole(unit: CellCourse) -> None:
    unit.received("B1", product=SHAM)
    unit.do(cells.release_batch, batch="B1", reason="Short shelf life")
    unit.result("B1", "sterility", "no-growth")

    assert unit.unit.state.batches["B1"].status == "released"


@pytest.mark.requirement("C15", "C41", "F24", "F25")
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
    assert refusal(unit.do, cells.hand_out, label=label) == ["EQ-B043"]
    assert refusal(unit.verify, label, drawn_ml=16.4) == ["EQ-B012"]
    unit.verify(label)
    assert refusal(unit.verify, label) == ["EQ-B043"]
    unit.do(cells.hand_out, label=label)

    infusion = unit.trial.state.participants[code].infusions["M0"]
    assert (infusion.status, infusion.label) == ("prepared", label)
    assert infusion.usable_until == unit.clock.at + dt.timedelta(minutes=120)
    (own,) = [e.body for e in unit.unit.store.read() if e.type == "PreparationMade"]
    (program,) = re.findall(rb'"computed_by":"([^"]*)"', own or b"")
    assert (
        program.decode() == f"equipoise {version('equipoise')} study/{unit.trial.study.digest[:12]}"
    )
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

    assert refusal(unit.do, cells.verify_preparation, label=label, **same) == ["EQ-B044"]
    again = open_second_account(unit, of="cell_unit")
    assert refusal(unit.do, cells.verify_preparation, by=again, label=label, **same) == ["EQ-B044"]
    assert refusal(unit.verify, "99999999") == ["EQ-B040"]


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
    out = [e for e in unit.trial.store.read() if e.type == "InfusionPrepared"]
    told = [i.usable_until - e.at for i, e in zip((cell, sham), out, strict=True)]
    assert told == [dt.timedelta(minutes=120)] * 2
    thawed = [unit.unit.state.bags[b].thawed_at for b in ("B1-1", "P1-1")]
    took = [e.at - at for e, at in zip(out, thawed, strict=True)]
    assert took[0] > took[1]  # the count of cells takes minutes, and the site is not told of them
    drawn = unit.unit.state.preparations
    assert [p.drawn_ml for p in drawn.values()] == [16.5, 16.5]
    assert [p.given_cells for p in drawn.values()] == [140_250_000, 0]


@pytest.mark.requirement("C73", "F24", "F28")
def test_what_could_be_given_too_late_is_not_handed_out(
    unit: CellCourse, course: Course, clock: Clock
) -> None:
    """The bag's time runs from the thaw, not from the count; what the site is told fits in it."""
    unit.released("B1")
    one, two = course.randomized(), course.randomized()
    for code in (one, two):
        course.order(code)
    unit.do(cells.thaw_bag, bag="B1-1")
    first = clock.at
    clock.at += dt.timedelta(minutes=60)
    unit.do(cells.count_bag, bag="B1-1", cells_per_ml=1e7, viability=0.85)
    label = unit.prepared(one, "B1-1", "B1-2")
    other = unit.prepared(two, "B1-3", "B1-4")
    for x in (label, other):
        unit.verify(x)
    assert unit.unit.state.preparations[label].usable_until == first + dt.timedelta(minutes=240)

    clock.at = first + dt.timedelta(minutes=120)
    assert refusal(unit.do, cells.hand_out, label=label) == ["EQ-B042"]
    unit.do(cells.hand_out, label=other)
    clock.at = first + dt.timedelta(minutes=119)
    unit.do(cells.hand_out, label=label)


def discarded(unit: CellCourse, label: str) -> list[str]:
    """The codes of what is said against destroying a preparation; none if it was destroyed."""
    try:
        unit.do(cells.discard_preparation, label=label, reason="Dropped")
    except Refused as said:
        return [p.code for p in said.problems]
    return []


def test_nothing_is_destroyed_while_it_is_handed_out(
    unit: CellCourse, course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the decision and the entry somebody else has it destroyed: they wait."""
    unit.released("B1")
    code = course.randomized()
    course.order(code)
    label = unit.prepared(code, "B1-1", "B1-2")
    unit.verify(label)
    said: list[list[str]] = []
    other = Thread(target=lambda: said.append(discarded(unit, label)))
    real = preparing.prepare_infusion

    def meanwhile(*args: Any, **command: Any) -> Any:
        other.start()
        other.join(0.3)
        return real(*args, **command)

    monkeypatch.setattr(preparing, "prepare_infusion", meanwhile)
    unit.do(cells.hand_out, label=label)
    other.join()

    assert said == [["EQ-B043"]]
    assert unit.unit.state.preparations[label].status == "verified"


@pytest.mark.requirement("C74")
def test_who_received_is_traced_even_if_it_is_on_record_as_destroyed(
    unit: CellCourse, course: Course
) -> None:
    """As an older version could record it: both, one after the other."""
    unit.released("B1")
    code = course.randomized()
    course.order(code)
    label = unit.handed_out(code, "B1-1", "B1-2")
    with unit.trial.lock, unit.store.transaction():
        view = unit.unit.view("cell_unit", at=unit.clock(), act="discard_preparation")
        gone = [c.PreparationDiscarded(label=label)]
        unit.unit.record(view, gone, at=unit.clock(), reason="Dropped")
    unit.give(code, label)

    found = cells.exposed_to(unit.unit.state, unit.trial.state, "B1")
    assert {(t.participant, t.given_on) for t in found} == {(code, unit.clock.today)}


@pytest.mark.requirement("C41", "F24")
def test_what_was_prepared_for_another_weight_does_not_go_out(
    unit: CellCourse, course: Course, trial: RunningTrial
) -> None:
    unit.released("B1")
    code = course.randomized()
    course.order(code)
    label = unit.prepared(code, "B1-1", "B1-2")
    unit.verify(label)
    weigh(course, code, 71.0)
    assert refusal(unit.do, cells.hand_out, label=label) == ["EQ-B062"]
    make = {"participant": code, "encounter": "M0", "bags": (), "label": "1"}
    assert "EQ-B062" in refusal(unit.do, cells.make_preparation, **make)
    course.order(code)
    assert refusal(unit.do, cells.hand_out, label=label) == ["EQ-B063"]

    assert discarded(unit, label) == []
    again = unit.prepared(code, "B1-3", "B1-4")
    unit.verify(again, target_cells=142_000_000, drawn_ml=16.7)
    unit.do(cells.hand_out, label=again)
    assert trial.state.participants[code].infusions["M0"].label == again


@pytest.mark.requirement("C73", "F24")
def test_what_came_back_is_destroyed_and_another_made(unit: CellCourse, course: Course) -> None:
    """It cannot go out again, and nobody is told to have received of it."""
    unit.released("B1")
    code = course.randomized()
    course.order(code)
    label = unit.handed_out(code, "B1-1", "B1-2")
    assert discarded(unit, label) == ["EQ-B043"]
    back = {"participant": code, "encounter": "M0", "label": label}
    conduct.take_back_infusion(unit.trial, by="cell_unit", at=unit.clock(), **back)
    assert refusal(unit.do, cells.hand_out, label=label) == ["EQ-C064"]
    assert discarded(unit, label) == []
    assert cells.exposed_to(unit.unit.state, unit.trial.state, "B1") == ()
    assert refusal(unit.prepared, code, "B1-3", "B1-4", label=label) == ["EQ-C064"]
    unit.give(code, unit.handed_out(code, "B1-3", "B1-4"))


def test_which_bags_make_an_infusion(unit: CellCourse, course: Course, clock: Clock) -> None:
    """Thawed, of the right product, within limits and time, not used, each once."""
    unit.released("B1")
    unit.released("P1", product=SHAM)
    code = course.randomized()
    assert refusal(unit.prepared, code, "B1-1") == ["EQ-C062"]
    course.order(code)
    unit.thaw("P1-1")
    unit.thaw("B1-4", viability=0.69)
    for bags, expected in (
        (("P1-1",), ["EQ-B041"]),
        (("B1-4",), ["EQ-B038"]),
        (("none",), ["EQ-B024"]),
    ):
        make = {"participant": code, "encounter": "M0", "bags": bags, "label": "1"}
        assert refusal(unit.do, cells.make_preparation, **make) == expected
    make = {"participant": code, "encounter": "M0", "label": "1"}
    assert refusal(unit.do, cells.make_preparation, bags=("B1-2",), **make) == ["EQ-B036"]
    unit.thaw("B1-2")
    unit.thaw("B1-3")
    twice = ("B1-2", "B1-2")
    assert refusal(unit.do, cells.make_preparation, bags=twice, **make) == ["EQ-B021"]
    assert refusal(unit.do, cells.make_preparation, bags=("B1-2",), **make) == ["EQ-B010"]
    for label in ("", " "):
        again = {**make, "label": label, "bags": ("B1-2", "B1-3")}
        assert refusal(unit.do, cells.make_preparation, **again) == ["EQ-C064"]
    unknown = {**make, "participant": "01-099", "bags": ("B1-2",)}
    assert refusal(unit.do, cells.make_preparation, **unknown) == ["EQ-C003"]
    clock.at += dt.timedelta(minutes=240)
    late = ("B1-2", "B1-3")
    assert refusal(unit.do, cells.make_preparation, bags=late, **make) == ["EQ-B042"] * 2


@pytest.mark.requirement("C73", "F24")
def test_time_and_expiry_stop_a_bag(unit: CellCourse, course: Course, clock: Clock) -> None:
    unit.released("B1", expires_on=clock.today + dt.timedelta(days=1))
    out = {"bag": "B1-1", "minutes": 10}
    assert refusal(unit.do, cells.record_time_out, **out) == ["EQ-B046"]
    assert refusal(unit.do, cells.record_time_out, bag="B1-1", minutes=0, reason="x") == ["EQ-B047"]
    unit.do(cells.record_time_out, reason="Inventory", **out)
    unit.do(cells.record_time_out, reason="Inventory", bag="B1-1", minutes=6)
    assert refusal(unit.thaw, "B1-1") == ["EQ-B037"]

    code = course.randomized()
    course.order(code)
    label = unit.prepared(code, "B1-2", "B1-3")
    clock.at += dt.timedelta(hours=5)
    assert refusal(unit.verify, label) == ["EQ-B042"]
    unit.do(cells.discard_preparation, label=label, reason="Too late")
    clock.at += dt.timedelta(days=2)
    assert refusal(unit.thaw, "B1-4") == ["EQ-B035"]


def test_nothing_is_made_of_cells_without_a_count(unit: CellCourse, course: Course) -> None:
    """Thawed with no figure, whatever it holds; then counted once, and again with a reason."""
    unit.released("B1")
    unit.released("P1", product=SHAM)
    code = course.randomized()
    course.order(code)
    good = {"cells_per_ml": 1e7, "viability": 0.85}

    assert refusal(unit.do, cells.count_bag, bag="B1-1", **good) == ["EQ-B036"]
    for bag in ("B1-1", "P1-1"):
        unit.do(cells.thaw_bag, bag=bag)
        assert refusal(unit.do, cells.thaw_bag, bag=bag) == ["EQ-B036"]
    make = {"participant": code, "encounter": "M0", "bags": ("B1-1",), "label": "1"}
    assert refusal(unit.do, cells.make_preparation, **make) == ["EQ-B039"]
    for counted in ({}, {"cells_per_ml": 1e7}, {"cells_per_ml": 1e7, "viability": 1.2}):
        assert "EQ-B039" in refusal(unit.do, cells.count_bag, bag="B1-1", **counted)
    unit.do(cells.count_bag, bag="B1-1", **good)
    assert refusal(unit.do, cells.count_bag, bag="B1-1", **good) == ["EQ-B028"]
    unit.do(cells.count_bag, bag="B1-1", reason="Counted twice", **good | {"viability": 0.57})
    assert unit.unit.state.bags["B1-1"].viability == 0.57


@pytest.mark.requirement("C73")
def test_every_test_after_thawing_is_asked_for_and_held_to_its_limit(
    unit: CellCourse, course: Course, trial: RunningTrial
) -> None:
    """One that decides, one for information; of a placebo too, which has no count."""
    looks = {"choices": {"clear": Text("Clear"), "cloudy": Text("Cloudy")}, "equals": "clear"}
    aspect = limit("aspect", **looks, at="thaw")
    more = (aspect, limit("ph", at_least=7, at="thaw", decides=False))
    products = {
        name: msgspec.structs.replace(p, specification=(*p.specification, *more))
        for name, p in trial.study.treatments.products.items()
    }
    treatments = msgspec.structs.replace(trial.study.treatments, products=products)
    trial.study = msgspec.structs.replace(trial.study, treatments=treatments)
    unit.released("B1")
    unit.released("P1", product=SHAM)
    code = course.randomized()
    course.order(code)
    make = {"participant": code, "encounter": "M0", "bags": ("B1-1",), "label": "1"}
    counts = {"B1-1": {"cells_per_ml": 1e7, "viability": 0.85}, "P1-1": {}}
    for bag, counted in counts.items():
        unit.do(cells.thaw_bag, bag=bag)
        assert refusal(unit.do, cells.count_bag, bag=bag, **counted) == ["EQ-B039"]
        for results, code_of in (
            ({"aspect": "clair"}, "EQ-B029"),
            ({"aspect": 1.0}, "EQ-B029"),
            ({"aspect": "clear", "ph": "clear"}, "EQ-B029"),
            ({"aspect": "clear", "sterility": "no-growth"}, "EQ-B027"),
        ):
            said = refusal(unit.do, cells.count_bag, bag=bag, results=results, **counted)
            assert said == [code_of]
        unit.do(cells.count_bag, bag=bag, results={"aspect": "cloudy"}, **counted)
        assert set(refusal(unit.do, cells.make_preparation, **make | {"bags": (bag,)})) >= {
            "EQ-B038"
        }
        fine = {"aspect": "clear", "ph": 6.9}
        unit.do(cells.count_bag, bag=bag, results=fine, reason="Looked again", **counted)
    assert refusal(unit.do, cells.make_preparation, **make) == ["EQ-B010"]


def test_the_limit_of_viability_is_held_to_the_decimal_that_was_counted(
    unit: CellCourse, course: Course, trial: RunningTrial
) -> None:
    """0.57 is 57 %, which 0.57 * 100 in binary is not."""
    cells_as_57 = msgspec.structs.replace(
        trial.study.treatments.products[CELLS],
        specification=(limit("viability", at_least=57, at="thaw"),),
    )
    products = {**trial.study.treatments.products, CELLS: cells_as_57}
    treatments = msgspec.structs.replace(trial.study.treatments, products=products)
    unit.released("B1")
    trial.study = msgspec.structs.replace(trial.study, treatments=treatments)
    code = course.randomized()
    course.order(code)
    unit.thaw("B1-1", viability=0.57)

    make = {"participant": code, "encounter": "M0", "bags": ("B1-1",), "label": "1"}
    assert 0.57 * 100 < 57
    assert refusal(unit.do, cells.make_preparation, **make) == ["EQ-B010"]


def test_no_thaw_where_the_site_could_not_be_told_until_when(
    unit: CellCourse, trial: RunningTrial
) -> None:
    unit.released("B1")
    bedside = msgspec.structs.replace(trial.study.treatments.bedside, give_within_minutes=0)
    treatments = msgspec.structs.replace(trial.study.treatments, bedside=bedside)
    trial.study = msgspec.structs.replace(trial.study, treatments=treatments)

    assert refusal(unit.do, cells.thaw_bag, bag="B1-1") == ["EQ-B061"]


def test_without_a_window_there_is_no_last_minute(
    unit: CellCourse, course: Course, trial: RunningTrial
) -> None:
    """A maker that sets no time after thawing: none is told to the site."""
    open_ended = {
        n: msgspec.structs.replace(p, thaw_minutes=0, minutes_out=0)
        for n, p in trial.study.treatments.products.items()
    }
    bedside = msgspec.structs.replace(trial.study.treatments.bedside, give_within_minutes=0)
    treatments = msgspec.structs.replace(
        trial.study.treatments, products=open_ended, bedside=bedside
    )
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
    assert refusal(unit.prepared, code, "B2-1", "B2-2") == ["EQ-B045"]

    assert refusal(unit.do, cells.discard_preparation, label=label) == ["EQ-B046"]
    unit.do(cells.discard_preparation, label=label, reason="The bag leaked")
    assert refusal(unit.do, cells.discard_preparation, label=label, reason="x") == ["EQ-B043"]
    assert unit.unit.state.bags["B1-1"].status == "destroyed"
    assert cells.exposed_to(unit.unit.state, unit.trial.state, "B1") == ()
    unit.handed_out(code, "B2-1", "B2-2")
    label = unit.trial.state.participants[code].infusions["M0"].label
    assert refusal(unit.do, cells.discard_preparation, label=label, reason="x") == ["EQ-B043"]
    make = {"participant": code, "encounter": "M0", "bags": (), "label": "1"}
    assert refusal(unit.do, cells.make_preparation, **make) == ["EQ-C063"]


@pytest.mark.requirement("C73")
def test_bags_leave_by_being_destroyed_or_returned(unit: CellCourse) -> None:
    unit.released("B1", missing=("B1-9",))
    unit.thaw("B1-1")
    go = {"reason": "End of the trial"}
    assert refusal(unit.do, cells.remove_bags, bags=("B1-2",), how="returned") == ["EQ-B046"]
    assert refusal(unit.do, cells.remove_bags, bags=(), how="returned", **go) == ["EQ-B046"]
    for bag, how in (("B1-1", "returned"), ("B1-9", "destroyed")):
        assert refusal(unit.do, cells.remove_bags, bags=(bag,), how=how, **go) == ["EQ-B036"]
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
    for name in ("D-B1", "B1", people[0]):
        assert people[0] in {t.participant for t in cells.trace(state, trial, name)}
    with pytest.raises(Refused) as unknown:
        cells.trace(state, trial, "D-B9")
    assert codes(unknown) == ["EQ-B070"]
    trace = cells.trace_participant(state, trial, people[1])
    assert [(t.batch, t.bag, t.encounter, t.given_on) for t in trace] == [
        ("B2", "B2-1", "M0", clock.today),
        ("B1", "B1-3", "M0", clock.today),
    ]
    assert kept_until(state, "B1").year == clock.today.year + 31


@pytest.mark.requirement("C74", "F24")
def test_who_is_exposed_is_told_though_the_trial_was_restored_behind(
    unit: CellCourse, course: Course, trial: RunningTrial
) -> None:
    """The older copy has the first participant but not their order, and not the second at all."""
    unit.released("B1")
    first = course.randomized()
    before = list(trial.store.read())
    second = course.randomized()
    for code, bags in ((first, ("B1-1", "B1-2")), (second, ("B1-3", "B1-4"))):
        course.order(code)
        unit.give(code, unit.handed_out(code, *bags))
    older = MemoryStore("small", "rehearsal")
    older.restore(before)
    behind = cells.CellUnit(RunningTrial(trial.study, older), unit.store, unit.unit.contents)

    traces = cells.exposed_to(behind.state, behind.trial.state, "B1")
    assert {(t.participant, t.is_in_trial, t.given_on) for t in traces} == {
        (first, False, None),
        (second, False, None),
    }
    by = {"by": "cell_unit", "at": unit.clock(), "reason": "Recalled"}
    labels = list(behind.state.preparations)
    assert refusal(cells.discard_preparation, behind, label=labels[0], **by) == ["EQ-C062"]
    assert refusal(cells.discard_preparation, behind, label=labels[1], **by) == ["EQ-C003"]
    cells.block_batch(behind, batch="B1", **by)
    cells.tell_exposed(behind, batch="B1", participant=second, told="A physician", **by)


@pytest.mark.requirement("C74")
def test_nothing_is_prepared_on_a_record_that_is_older_than_the_trial(
    unit: CellCourse, course: Course, trial: RunningTrial
) -> None:
    """What went out is not in the older copy. With a reason, on record, the unit goes on."""
    unit.released("B1", bags=tuple(f"b{i}" for i in range(9)))
    one, two, three = course.randomized(), course.randomized(), course.randomized()
    for code in (one, two, three):
        course.order(code)
    unit.verify(waiting := unit.prepared(two, "b0", "b1"))
    for bag in ("b4", "b5"):
        unit.thaw(bag)
    before = list(unit.store.read())
    gone = unit.handed_out(one, "b2", "b3")
    unit.store = MemoryStore("small", "rehearsal")
    unit.store.restore(before)
    unit.unit = cells.CellUnit(trial, unit.store, unit.unit.contents)

    make = {"participant": three, "encounter": "M0", "bags": ("b4", "b5"), "label": "5"}
    assert refusal(unit.do, cells.make_preparation, **make) == ["EQ-B069"]
    assert refusal(unit.do, cells.hand_out, label=waiting) == ["EQ-B069"]
    unit.do(cells.make_preparation, reason=f"No newer copy; sheet {gone} is kept", **make)
    unit.verify("5")
    unit.do(cells.hand_out, label="5")
    assert refusal(unit.do, cells.hand_out, label=waiting) == ["EQ-B069"]


@pytest.mark.requirement("C74")
def test_what_was_prepared_before_the_record_was_restored_is_not_thawed_anew(
    unit: CellCourse, course: Course, trial: RunningTrial
) -> None:
    """Computed again by the second person with a reason, on record; then it is handed out."""
    unit.released("B1", bags=tuple(f"b{i}" for i in range(9)))
    one, two, three = course.randomized(), course.randomized(), course.randomized()
    for code in (one, two, three):
        course.order(code)
    unit.verify(twice := unit.prepared(two, "b0", "b1"))
    once = unit.prepared(three, "b4", "b5")
    assert refusal(unit.verify, twice) == ["EQ-B043"]
    before = list(unit.store.read())
    gone = unit.handed_out(one, "b2", "b3")
    unit.store = MemoryStore("small", "rehearsal")
    unit.store.restore(before)
    unit.unit = cells.CellUnit(trial, unit.store, unit.unit.contents)

    reason = f"No newer copy; sheet {gone} is kept"
    assert refusal(unit.verify, once) == ["EQ-B069"]
    for label in (twice, once):
        unit.verify(label, reason=reason)
        unit.do(cells.hand_out, label=label)
    last = [e for e in unit.store.read() if e.type == "PreparationVerified"]
    assert [e.reason for e in last] == ["", reason, reason]
    infusions = [trial.state.participants[code].infusions["M0"] for code in (two, three)]
    assert [i.label for i in infusions] == [twice, once]
    assert not any(e.reason for e in trial.store.read() if e.type == "InfusionPrepared")


@pytest.mark.requirement("C74")
@pytest.mark.parametrize(
    ("expires", "kept"),
    [
        ("2027-03-31", "2057-03-31"),
        ("2027-01-29", "2057-01-29"),
        ("2027-02-28", "2057-02-28"),
        ("2028-02-29", "2058-03-01"),
        ("9969-12-31", "9999-12-31"),
        ("9970-01-01", "9999-12-31"),
        ("9999-12-31", "9999-12-31"),
    ],
)
def test_a_batch_is_kept_for_thirty_whole_years(unit: CellCourse, expires: str, kept: str) -> None:
    """Not a day less, and not an error for what is written as never to expire."""
    unit.received("B1", expires_on=dt.date.fromisoformat(expires))
    assert kept_until(unit.unit.state, "B1") == dt.date.fromisoformat(kept)


def test_bags_that_can_be_used_come_first_that_expire_first(unit: CellCourse, clock: Clock) -> None:
    unit.released("B1", bags=("L10", "L2", "L3"))
    unit.released("B2", bags=("E1", "E2"), expires_on=clock.today + dt.timedelta(days=30))
    unit.received("B3")
    unit.released("P1", product=SHAM)
    unit.thaw("L2")

    def usable(on: dt.date) -> list[str]:
        return [b.bag for b in cells.usable_bags(unit.unit.state, product=CELLS, on=on)]

    assert usable(clock.today) == ["L2", "E1", "E2", "L3", "L10"]
    assert usable(clock.today + dt.timedelta(days=31)) == ["L2", "L3", "L10"]


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


@pytest.mark.requirement("F22", "F23")
@pytest.mark.parametrize("span", [None, (80, 98)])
def test_declared_stock_lasts_for_who_is_randomized_last(
    unit: CellCourse, trial: RunningTrial, clock: Clock, span: tuple[int, int] | None
) -> None:
    """M3 is on day 91 with 7 days after: of 98 days, randomized in 30, a batch must last 128."""
    if span:
        known = trial.study.schedule.encounters
        m3 = msgspec.structs.replace(known["M3"], day=None, days=span, window=Window())
        schedule = msgspec.structs.replace(trial.study.schedule, encounters={**known, "M3": m3})
        trial.study = msgspec.structs.replace(trial.study, schedule=schedule)
    for lasts, expected in ((127, 0), (128, 2)):
        for batch, product in (("B", CELLS), ("P", SHAM)):
            unit.released(
                f"{batch}{lasts}",
                product=product,
                bags=tuple(f"{batch}{lasts}-{i}" for i in range(24)),
                expires_on=clock.today + dt.timedelta(days=lasts),
            )
        last = clock.today + dt.timedelta(days=30)
        found = cells.derive_places(trial.study, unit.unit.state, trial.state, on=last)
        assert found == expected


@pytest.mark.requirement("F22", "F23")
def test_bags_that_cannot_be_given_are_not_declared(
    unit: CellCourse, course: Course, trial: RunningTrial, clock: Clock
) -> None:
    """Out of storage too long; thawed, failed and destroyed. A share of six bags is one infusion:
    what fails within it moves nothing, for cells alone fail; of what goes beyond it all do."""
    unit.released("B1", bags=tuple(f"b{i}" for i in range(25)))
    unit.released("P1", product=SHAM, bags=tuple(f"p{i}" for i in range(25)))

    def places() -> int:
        return cells.derive_places(trial.study, unit.unit.state, trial.state, on=clock.today)

    assert places() == 2
    for bag, expected in (("b24", 2), ("b23", 1)):
        unit.do(cells.record_time_out, bag=bag, minutes=15, reason="Moved")
        assert places() == 2
        unit.do(cells.record_time_out, bag=bag, minutes=1, reason="Moved again")
        assert places() == expected
    unit.released("B2", bags=("b25",))
    assert places() == 2
    code = course.randomized()
    course.order(code)
    assert places() == 2
    for i in range(7):
        unit.thaw(f"b{i}", viability=0.5)
        unit.do(cells.remove_bags, bags=(f"b{i}",), how="destroyed", reason="Below the limit")
        assert places() == (2 if i < 6 else 1)


@pytest.mark.requirement("F22", "F23")
@pytest.mark.parametrize("lost", ["blocked", "grown", "removed", "out", "thawed"])
def test_what_is_lost_from_storage_is_declared_in_the_same_act(
    unit: CellCourse, trial: RunningTrial, clock: Clock, lost: str
) -> None:
    unit.released("B1", bags=tuple(f"b{i}" for i in range(24)))
    unit.released("P1", product=SHAM, bags=tuple(f"p{i}" for i in range(24)))
    until = clock.today + dt.timedelta(days=30)

    def lose(why: str) -> None:
        if lost == "blocked":
            unit.do(cells.block_batch, batch="B1", reason=why)
        elif lost == "grown":
            unit.result("B1", "sterility", "growth", reason=why)
        elif lost == "out":
            unit.do(cells.record_time_out, bag="b0", minutes=16, reason=why)
        else:
            unit.do(cells.remove_bags, bags=("b0",), how="destroyed", reason=why)

    if lost == "thawed":
        unit.thaw("b0", viability=0.5)
    conduct.declare_supply(trial, by="cell_unit", at=clock(), places=2, until_on=until)
    lose("Lost")
    expected = {"blocked": 0, "grown": 0, "thawed": 2}.get(lost, 1)
    assert trial.state.supply == (expected, until)
    assert lost == "thawed" or [e.type for e in trial.store.read()][-1] == "SupplyDeclared"


def test_without_a_standing_declaration_none_is_made(
    unit: CellCourse, trial: RunningTrial, clock: Clock
) -> None:
    """None was made, it is over, or the number stands as it was."""
    unit.released("B1", bags=tuple(f"b{i}" for i in range(26)))
    unit.released("P1", product=SHAM, bags=tuple(f"p{i}" for i in range(25)))
    unit.do(cells.remove_bags, bags=("b0",), how="destroyed", reason="Leaked")
    assert trial.state.supply is None
    until = clock.today
    conduct.declare_supply(trial, by="cell_unit", at=clock(), places=2, until_on=until)
    unit.do(cells.remove_bags, bags=("b1",), how="destroyed", reason="Leaked")
    clock.at += dt.timedelta(days=1)
    unit.do(cells.block_batch, batch="B1", reason="Recalled")
    assert trial.state.supply == (2, until)


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
    assert refusal(declare, -1) == ["EQ-B057"]
    assert refusal(declare, 1, days=-1) == ["EQ-B057"]
    declare(1)
    course.randomize(code)
    assert refusal(course.randomize, course.eligible()) == ["EQ-B056"]
    declare(4, days=0)
    clock.at += dt.timedelta(days=1)
    assert refusal(course.randomize, course.eligible()) == ["EQ-B056"]


def test_what_is_unknown_is_said(unit: CellCourse) -> None:
    unit.donor("D1")
    code = SEC.format(donation="1", expires=unit.clock.today + dt.timedelta(days=365))

    assert refusal(unit.received, "B1", donors=("D9",), european_code=code) == ["EQ-B020"]
    assert refusal(unit.do, cells.thaw_bag, bag="B9-1") == ["EQ-B024"]


def test_only_the_cell_unit_acts_here(unit: CellCourse) -> None:
    for by, expected in (("coordinator", ["EQ-C002"]), ("nobody", ["EQ-C001"])):
        assert refusal(unit.do, cells.register_donor, by=by, donor="D", donation="1") == expected
    conduct.remove_person(
        unit.trial, by="administrator", at=unit.clock(), person="cell_unit-2", reason="Left"
    )
    again = {"donor": "D", "donation": "1"}
    assert refusal(unit.do, cells.register_donor, by="cell_unit-2", **again) == ["EQ-C001"]


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
    for kind, body in (("BagStolen", b"{}"), ("BagsRemoved", b'{"bags":[],"how":"","by":""}')):
        with pytest.raises(Refused) as refused:
            from_cell_entry(kind, body)
        assert [p.code for p in refused.value.problems] == ["EQ-G065"]


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
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


@pytest.mark.requirement("C09")
def test_what_is_used_behind_the_sealed_door_is_on_record(unit: CellCourse) -> None:
    """In the cell unit's own ledger, which decides the same as before."""
    before, trial = unit.unit.state, dict(unit.trial.store.heads())
    by = unit.trial.state.people["cell_unit"]
    (entry,) = cells.record_use(unit.unit, by=by, at=unit.clock(), page="work_list", about="01-001")

    assert (entry.type, entry.by, entry.stream) == ("SealedDoorUsed", "cell_unit", "door")
    assert unit.unit.state.batches == before.batches
    assert dict(unit.trial.store.heads()) == trial
