"""What the virtual cell unit does: stock before it is short, and infusions from real bags.

It asks the same acts as a real one. Minutes pass between thawing and counting, more of them the
more bags there are; what is ready waits, and goes out `READY_AFTER` the site asked, so that the
trial's ledger cannot tell how long it took.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from equipoise.conduct import RunningTrial, cells, declare_supply
from equipoise.conduct.cells import BagRecord, CellUnit
from equipoise.conduct.cells.tracing import bags_at_most
from equipoise.ledger import Store
from equipoise.problems import Problem, Refused, Where
from equipoise.rehearsal.agenda import Agenda, Course, at_hour, working_day
from equipoise.rehearsal.randomness import Randomness
from equipoise.study.protocol import Bag, Product, ReleaseTest
from equipoise.study.roles import Role
from equipoise.supply import Result, Thawed, draw_label, plan_mixture, tests_after_thaw, tests_at

FIRST, SECOND = Role.CELL_UNIT.value, f"{Role.CELL_UNIT.value}-2"
"""Who prepares, and who computes again."""

PEOPLE_A_BATCH = 5
SHELF_LIFE = dt.timedelta(days=730)
CULTURE_TAKES = dt.timedelta(days=14)
PEOPLE_AHEAD = 3
READY_AFTER = dt.timedelta(minutes=45)
FETCH, COUNT = dt.timedelta(minutes=2), dt.timedelta(minutes=3)
"""At most to fetch a bag, and to count one: times of the cell unit alone, which tell the arm."""
LOOKS_EVERY = dt.timedelta(days=14)
DECLARED_FOR = dt.timedelta(days=60)
REASON_CONDITIONAL = "Cultures are awaited; no growth so far"


class VirtualUnit:
    """The cell unit of a rehearsal. `refused` is where it notes what the trial does not accept."""

    def __init__(
        self,
        trial: RunningTrial,
        store: Store,
        *,
        agenda: Agenda,
        randomness: Randomness,
        contents: Callable[[str, str], str],
        refused: list[Problem],
    ) -> None:
        self.unit = CellUnit(trial, store, contents)
        self.agenda = agenda
        self.randomness = randomness.of("cell unit")
        self.refused = refused
        self._n_batches = 0
        self._clock = agenda.now

    def restock(self) -> None:
        """Receive what the next participants could need, whatever their arms, and declare it."""
        trial, on = self.unit.trial, self.agenda.now.date()
        identity = trial.study.identity
        if not trial.study.infusion_encounters or trial.study.treatments.bag is None:
            return
        taken = sum(p.randomized_on is not None for p in trial.state.participants.values())
        wanted = min(taken + PEOPLE_AHEAD, identity.planned_participants)
        if self._places(on) < wanted:
            for name in {p: None for arm in identity.arms.values() for p in arm.gives.values()}:
                self._receive(name, trial.study.treatments.products[name])
        places = self._places(on)
        declared, until_on = trial.state.supply or (-1, dt.date.min)
        if declared != places or until_on < on + LOOKS_EVERY + LOOKS_EVERY:
            self._declare(places=places, until_on=on + DECLARED_FOR)

    def next_look(self) -> dt.datetime:
        """When the freezer is looked into again: in two weeks."""
        return at_hour(working_day(self.agenda.now.date() + LOOKS_EVERY), 1)

    def prepare(self, participant: str, encounter: str) -> str:
        """Thaw, count, compose, compute twice; gives the label, or nothing if it was refused."""
        trial, self._clock = self.unit.trial, self.agenda.now
        subject = trial.state.participants[participant]
        product = self.unit.contents(subject.number, encounter)
        label = self._draw_label(participant, encounter)
        target = subject.infusions[encounter]
        try:
            bags = self._thaw_enough(product, target.target_cells, volume_ml=target.volume_ml)
            self._do(
                cells.make_preparation,
                at=self._clock,
                participant=participant,
                encounter=encounter,
                bags=bags,
                label=label,
            )
            mine = self.unit.state.preparations[label]
            self._do(
                cells.verify_preparation,
                by=SECOND,
                at=self._clock,
                label=label,
                target_cells=mine.target_cells,
                drawn_ml=mine.drawn_ml,
                n_bags=len(mine.draws),
            )
        except Refused as refused:
            self.refused += refused.problems
            return ""
        return label

    def hand_out(self, label: str) -> bool:
        """Hand out what was prepared; false if it was refused."""
        try:
            self._do(cells.hand_out, at=self.agenda.tick(), label=label)
        except Refused as refused:
            self.refused += refused.problems
            return False
        return True

    def _do(
        self,
        act: Callable[..., Any],
        *,
        by: str = FIRST,
        at: dt.datetime | None = None,
        **more: Any,
    ) -> None:
        act(self.unit, by=by, at=at or self.agenda.now, **more)

    def _places(self, on: dt.date) -> int:
        trial = self.unit.trial
        until_on = on + DECLARED_FOR
        return cells.derive_places(trial.study, self.unit.state, trial.state, on=until_on)

    def _declare(self, *, places: int, until_on: dt.date) -> None:
        declare_supply(
            self.unit.trial, by=FIRST, at=self.agenda.tick(), places=places, until_on=until_on
        )

    def _receive(self, name: str, product: Product) -> None:
        """One batch: enough bags for some people, its results, its release."""
        self._n_batches += 1
        study, today = self.unit.trial.study, self.agenda.now.date()
        batch, nominal = f"L{self._n_batches:03d}", study.treatments.bag
        assert nominal is not None
        donors: tuple[str, ...] = ()
        if product.active:
            donors = (f"D{self._n_batches:03d}",)
            self._do(cells.register_donor, donor=donors[0], donation=f"{self._n_batches:013d}")
        n = PEOPLE_A_BATCH * len(study.infusion_encounters) * bags_at_most(study)
        self._do(
            cells.receive_batch,
            batch=batch,
            product=name,
            shipment=f"S{self._n_batches:03d}",
            donors=donors,
            expires_on=today + SHELF_LIFE,
            bags=tuple(f"{batch}-{i:03d}" for i in range(1, n + 1)),
            declared=n,
            volume_ml=nominal.volume_ml,
            cells_per_ml=nominal.cells_per_ml if product.active else None,
        )
        tests = tests_at(product, "release")
        for test in (t for t in tests if not t.may_follow):
            self._record(batch, test)
        waits = any(t.may_follow for t in tests)
        self._do(cells.release_batch, batch=batch, reason=REASON_CONDITIONAL if waits else "")
        if waits:
            self.agenda.add(self._follow_up(batch, [t for t in tests if t.may_follow]))

    def _record(self, batch: str, test: ReleaseTest) -> None:
        on = self.agenda.now.date()
        self._do(cells.record_result, batch=batch, test=test.id, result=_good(test), on=on)

    def _follow_up(self, batch: str, tests: list[ReleaseTest]) -> Course:
        yield self.agenda.now + CULTURE_TAKES
        for test in tests:
            self._record(batch, test)

    def _thaw_enough(self, product: str, target_cells: int, *, volume_ml: float) -> tuple[str, ...]:
        """Thaw one bag after the other until they hold the dose."""
        study, on = self.unit.trial.study, self.agenda.now.date()
        dose, nominal = study.treatments.dose, study.treatments.bag
        assert dose is not None and nominal is not None
        taken: list[Thawed] = []
        for bag in cells.usable_bags(self.unit.state, product=product, on=on):
            counted = self._thaw(bag, nominal, study.treatments.products[product])
            if counted is None:
                continue
            taken.append(counted)
            _, problems = plan_mixture(
                dose, taken, target_cells=target_cells, volume_ml=volume_ml, where=Where()
            )
            if {p.code for p in problems} != {"EQ-B010"}:  # enough, or never
                break
        return tuple(t.bag for t in taken)

    def _thaw(self, bag: BagRecord, nominal: Bag, product: Product) -> Thawed | None:
        """Thaw and count a bag; one that fails its limits is destroyed, and another taken."""
        self._clock += FETCH * float(self.randomness.of("fetch", bag.bag).generator().random())
        self._do(cells.thaw_bag, at=self._clock, bag=bag.bag)
        results = {t.id: _good(t) for t in tests_after_thaw(product)}
        if not product.active:
            if results:
                self._do(cells.count_bag, at=self._clock, bag=bag.bag, results=results)
            return Thawed(bag.bag, bag.volume_ml, nominal.cells_per_ml, nominal.viability)
        per_ml, viability = self._count(bag, nominal)
        limits = {t.id: t.at_least for t in tests_at(product, "thaw")}
        self._clock += COUNT
        self._do(
            cells.count_bag,
            at=self._clock,
            bag=bag.bag,
            cells_per_ml=per_ml,
            viability=viability,
            results=results,
        )
        if 100 * viability < (limits.get("viability") or 0):
            self._do(
                cells.remove_bags,
                at=self._clock,
                bags=(bag.bag,),
                how="destroyed",
                reason="Viability below limit",
            )
            return None
        return Thawed(bag.bag, bag.volume_ml, per_ml, viability)

    def _count(self, bag: BagRecord, nominal: Bag) -> tuple[float, float]:
        """Cells per mL and viability; without room in the infusion they are as the maker says."""
        dose = self.unit.trial.study.treatments.dose
        if dose is None or dose.final_volume_ml is None:
            return nominal.cells_per_ml, nominal.viability
        drawn = self.randomness.of("thaw", bag.bag).generator()
        viability = min(0.99, max(0.5, float(drawn.normal(nominal.viability, 0.04))))
        return round(float(nominal.cells_per_ml * drawn.normal(1, 0.05)), -4), round(viability, 2)

    def _draw_label(self, participant: str, encounter: str) -> str:
        used: Mapping[str, object] = self.unit.state.preparations
        generator = self.randomness.of("label", participant, encounter).generator()
        return draw_label(lambda below: int(generator.integers(below)), used=used.keys())


def _good(test: ReleaseTest) -> Result:
    """A result that any maker would be glad of."""
    if test.equals:
        return test.equals
    if test.at_least is not None:
        return test.at_least + (0 if test.at_most is None else (test.at_most - test.at_least) / 2)
    assert test.at_most is not None
    return test.at_most / 2
