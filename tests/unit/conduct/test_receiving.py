"""At receipt: the delivery note, and what the bags' labels say."""

import pytest

from equipoise.conduct import RunningTrial, cells
from equipoise.problems import Refused

from .cell_course import CellCourse
from .conftest import Clock
from .test_opening import codes


@pytest.fixture
def unit(trial: RunningTrial, clock: Clock) -> CellCourse:
    return CellCourse(trial, clock)


@pytest.mark.requirement("C73")
@pytest.mark.parametrize(("declared", "lost"), [(None, 0), (4, 0), (5, 1), (3, -1)])
def test_the_delivery_note_is_held_against_what_came(
    declared: int | None, lost: int, unit: CellCourse
) -> None:
    """Four bags came, or were named as missing: what the note says otherwise is told."""
    unit.received("B1", declared=declared, bags=("B1-1", "B1-2", "B1-3"), missing=("B1-4",))
    balance = cells.balance_of(unit.unit.state, "B1")
    assert (balance.sent, balance.lost) == (4 if declared is None else declared, lost)
    unit.result("B1", "cd73", 97.0)
    unit.result("B1", "sterility", "no-growth")
    if lost:
        with pytest.raises(Refused) as refused:
            unit.do(cells.release_batch, batch="B1")
        assert codes(refused) == ["EQ-B077"]
        with pytest.raises(Refused) as refused:
            unit.do(cells.explain_difference, batch="B1")
        assert codes(refused) == ["EQ-B046"]
        unit.do(cells.explain_difference, batch="B1", reason="The maker miscounted")
    with pytest.raises(Refused) as refused:
        unit.do(cells.explain_difference, batch="B1", reason="Again")
    assert codes(refused) == ["EQ-B078"]
    unit.do(cells.release_batch, batch="B1")
    assert unit.unit.state.batches["B1"].status == "released"


@pytest.mark.requirement("C74")
def test_a_scan_is_kept_as_it_is(unit: CellCourse) -> None:
    """Of a bag that came, printable, and no longer than a label: nothing else of it is read."""
    for scans in ({"B1-9": "x"}, {"B1-1": "a\x1db"}, {"B1-1": ""}, {"B1-1": "9" * 201}):
        with pytest.raises(Refused) as refused:
            unit.received(
                "B1", donors=(unit.donor(f"D{len(unit.unit.state.donors)}"),), scans=scans
            )
        assert codes(refused) == ["EQ-B076"]
    unit.received("B1", scans={"B1-1": "=<E0291V00"})
    assert unit.unit.state.bags["B1-1"].scan == "=<E0291V00"
    assert unit.unit.state.bags["B1-2"].scan == ""
