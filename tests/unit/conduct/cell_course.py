"""A cell unit beside the small trial, and its way from a donor to a label."""

import datetime as dt
from typing import Any

import msgspec

from equipoise import conduct
from equipoise.conduct import Person, RunningTrial, cells
from equipoise.conduct.cells import CellUnit
from equipoise.ledger import MemoryStore
from equipoise.problems import Text
from equipoise.study.protocol import Product, ReleaseTest

from .conftest import Clock

CELLS, SHAM = "cells", "sham"


def limit(name: str, **more: Any) -> ReleaseTest:
    return ReleaseTest(id=name, label=Text(name), **more)


GROWTH = {
    "no-growth": Text("No growth", "Absence de croissance"),
    "growth": Text("Growth", "Croissance"),
}
PRODUCTS = {
    CELLS: Product(
        label=Text("Cells"),
        active=True,
        thaw_minutes=240,
        minutes_out=15,
        specification=(
            limit("cd73", at_least=95),
            limit("hla-dr", at_most=2, decides=False),
            limit("sterility", choices=GROWTH, equals="no-growth", may_follow=True),
            limit("viability", at_least=70, at="thaw"),
        ),
    ),
    SHAM: Product(
        label=Text("Sham"),
        active=False,
        thaw_minutes=240,
        minutes_out=15,
        specification=(limit("sterility", choices=GROWTH, equals="no-growth", may_follow=True),),
    ),
}


class CellCourse:
    """Brings bags as far as a test needs. `holds` says what the sealed list gives, by number."""

    def __init__(self, trial: RunningTrial, clock: Clock) -> None:
        bedside = msgspec.structs.replace(trial.study.treatments.bedside, give_within_minutes=120)
        treatments = msgspec.structs.replace(
            trial.study.treatments,
            products=PRODUCTS,
            bedside=bedside,
            dose=msgspec.structs.replace(trial.study.treatments.dose, final_volume_ml=50.0),
        )
        trial.study = msgspec.structs.replace(trial.study, treatments=treatments)
        second = Person("cell_unit-2", "Second", "cell_unit")
        conduct.add_person(
            trial, by="administrator", at=clock(), person=second.person, name="S", role="cell_unit"
        )
        self.trial, self.clock = trial, clock
        self.holds: dict[str, str] = {}
        self.store = MemoryStore("small", "rehearsal")
        self.unit = CellUnit(trial, self.store, lambda n, _: self.holds.get(n, CELLS))
        self.n = 0

    def do(self, act: Any, *, by: str = "cell_unit", **command: Any) -> Any:
        return act(self.unit, by=by, at=self.clock(), **command)

    def donor(self, donor: str = "D1") -> str:
        self.do(cells.register_donor, donor=donor, donation=f"0000000{donor}")
        return donor

    def received(self, batch: str = "B1", *, product: str = CELLS, **more: Any) -> str:
        donors: tuple[str, ...] = ()
        if product == CELLS and "donors" not in more:
            donors = (f"D-{batch}",)
            self.donor(donors[0])
        command: dict[str, Any] = {
            "product": product,
            "shipment": f"S-{batch}",
            "donors": donors,
            "expires_on": self.clock.today + dt.timedelta(days=365),
            "bags": tuple(f"{batch}-{i}" for i in range(1, 5)),
            "volume_ml": 10.0,
            "cells_per_ml": 1e7 if product == CELLS else None,
        }
        self.do(cells.receive_batch, batch=batch, **(command | more))
        return batch

    def result(self, batch: str, test: str, result: float | str, **more: Any) -> Any:
        """A result, confirmed if it blocks the batch."""
        command = {"test": test, "result": result, "on": self.clock.today, "is_confirmed": True}
        return self.do(cells.record_result, batch=batch, **(command | more))

    def released(self, batch: str = "B1", *, product: str = CELLS, **more: Any) -> str:
        self.received(batch, product=product, **more)
        if product == CELLS:
            self.result(batch, "cd73", 97.0)
        self.result(batch, "sterility", "no-growth")
        self.do(cells.release_batch, batch=batch)
        return batch

    def thaw(self, bag: str, *, viability: float = 0.85, **more: Any) -> None:
        """Thaw a bag; one of cells is counted some minutes later."""
        self.do(cells.thaw_bag, bag=bag)
        if self.unit.state.batches[self.unit.state.bags[bag].batch].product == CELLS:
            self.clock.at += dt.timedelta(minutes=7)
            counted = {"cells_per_ml": 1e7, "viability": viability}
            self.do(cells.count_bag, bag=bag, **(counted | more))

    def prepared(self, code: str, *bags: str, label: str = "", encounter: str = "M0") -> str:
        """70 kg: 16.5 mL of two bags at 8.5 million viable cells a mL."""
        self.n += 1
        label = label or f"{self.n:08d}"
        for bag in bags:
            if self.unit.state.bags[bag].status == "stored":
                self.thaw(bag)
        self.do(
            cells.make_preparation, participant=code, encounter=encounter, bags=bags, label=label
        )
        return label

    def verify(self, label: str, **more: Any) -> None:
        same = {"target_cells": 140_000_000, "drawn_ml": 16.5, "n_bags": 2}
        self.do(cells.verify_preparation, by="cell_unit-2", label=label, **(same | more))

    def handed_out(self, code: str, *bags: str) -> str:
        label = self.prepared(code, *bags)
        self.verify(label)
        self.do(cells.hand_out, label=label)
        return label

    def give(self, code: str, label: str, encounter: str = "M0") -> None:
        about = {"by": "investigator", "participant": code, "encounter": encounter}
        on = self.clock.today
        conduct.start_infusion(self.trial, **about, at=self.clock(), on=on, label=label)
        at = self.clock()
        conduct.end_infusion(self.trial, **about, at=at, volume_ml=50.0, stopped_at=at)
