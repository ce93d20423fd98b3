"""The world of a rehearsal: the running trial, simulated time, and its virtual participants."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from equipoise.capture import Value
from equipoise.conduct import (
    SIGNERS,
    Act,
    Participant,
    RunningTrial,
    accept_accountability,
    correct_item,
    expects,
    latest_values,
    look_at_trail,
    record_trail_review,
    record_training,
    resume_trial,
    review_access,
    submit_form,
)
from equipoise.conduct.acts.people import digest_of_access, reviewed_by
from equipoise.conduct.parts import TrailFilter
from equipoise.conduct.reviewing.trail import MOST, covered_until, derive_trail_days
from equipoise.ledger import Entry, Store
from equipoise.problems import Problem, Refused
from equipoise.rehearsal.agenda import Agenda, Course, at_hour, working_day
from equipoise.rehearsal.body import Body
from equipoise.rehearsal.cells import FIRST, SECOND, VirtualUnit
from equipoise.rehearsal.filling import Occasion, fill_form
from equipoise.rehearsal.people import person_at, who_may
from equipoise.rehearsal.randomness import Randomness
from equipoise.rehearsal.vaults import NatureOf
from equipoise.study.forms import Form
from equipoise.study.roles import Role
from equipoise.study.study import Study

CORRECTION_REASONS = (
    "Misread from the source document",
    "Digits transposed at entry",
    "Corrected after checking with the source document",
)
STATEMENT = "My electronic signature binds me like one by hand"
AHEAD = dt.timedelta(days=7)
"""A training that lapses so soon is renewed."""
BOARD_TAKES = dt.timedelta(days=7)
"""From the pause to the meeting of the board, and from there to the sponsor's consent."""
REVIEWED = "I have reviewed each of these accesses; they are needed"
REASON_RESUMED = "The events were reviewed; the balance of benefit and risk is unchanged"


class World:
    """What all virtual people share. `refused` keeps acts that the trial did not accept.

    `cells` is the store of the cell unit's own record, `contents` what the sealed list gives.
    """

    def __init__(
        self,
        trial: RunningTrial,
        *,
        agenda: Agenda,
        randomness: Randomness,
        nature: NatureOf,
        cells: Store,
        contents: NatureOf,
    ) -> None:
        self.trial = trial
        self.agenda = agenda
        self.randomness = randomness
        self.nature = nature
        self.refused: list[Problem] = []
        self.unmet: Counter[str] = Counter()
        self.unit = VirtualUnit(
            trial,
            cells,
            agenda=agenda,
            randomness=randomness,
            contents=contents,
            refused=self.refused,
        )

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Many acts in one commit, in both records."""
        with self.trial.store.batch(), self.unit.unit.store.batch():
            yield

    @property
    def study(self) -> Study:
        """The study that is rehearsed."""
        return self.trial.study

    @property
    def is_full(self) -> bool:
        """Whether every planned place is taken."""
        people = self.trial.state.participants.values()
        n_taken = sum(1 for p in people if p.randomized_on is not None)
        return n_taken >= self.study.identity.planned_participants

    @property
    def is_over(self) -> bool:
        """Whether recruitment is complete and every casebook is closed."""
        people = self.trial.state.participants.values()
        return self.is_full and all(p.status == "screen_failed" or p.signature for p in people)

    def do(self, act: Act[...], *, by: str, reason: str = "", **command: Any) -> tuple[Entry, ...]:
        """One act, now; what the trial refuses is kept, and nothing is returned for it."""
        self.train(by)
        try:
            entries = act(self.trial, by=by, at=self.agenda.tick(), reason=reason, **command)
        except Refused as refused:
            self.refused += refused.problems
            return ()
        if any(entry.type == "StoppingRuleMet" for entry in entries):
            self.agenda.add(self._resume())
        return entries

    def supply(self) -> None:
        """The cell unit sees to it that the next participant finds stock, whatever their arm."""
        self.train(FIRST)
        self.unit.restock()

    def keep_supplied(self) -> Course:
        """The cell unit looks after its stock until nobody can come in any more."""
        while not self.is_full:
            self.supply()
            yield self.unit.next_look()

    def prepare(self, participant: str, encounter: str) -> str:
        """An ordered infusion from the cell unit: its label, or nothing."""
        for by in (FIRST, SECOND):
            self.train(by)
        return self.unit.prepare(participant, encounter)

    def hand_out(self, label: str) -> bool:
        """Hand out what was prepared, if it may be."""
        return self.unit.hand_out(label)

    def accept_accountability(self) -> None:
        """Who will sign says once what a signature means."""
        for person in self.trial.state.people.values():
            if person.role in (*SIGNERS, Role.ADMINISTRATOR):
                self.do(accept_accountability, by=person.person, statement=STATEMENT)

    def train(self, by: str, *, ahead: dt.timedelta = AHEAD) -> None:
        """Nobody waits with a training until it has lapsed."""
        person, on = self.trial.state.people[by], self.agenda.now.date()
        for name, training in self.study.identity.training.items():
            until = person.trained.get(name, on)
            if person.role in training.by and until is not None and until < on + ahead:
                who, at = Role.ADMINISTRATOR.value, self.agenda.tick()
                record_training(self.trial, by=who, at=at, person=by, training=name, on=on)

    def train_everybody(self, *, ahead: dt.timedelta = AHEAD) -> None:
        """Also those who only look on."""
        for person in self.trial.state.people:
            self.train(person, ahead=ahead)

    def review_access(self) -> None:
        """The administrator looks who still needs their access, where the study asks for it."""
        if not self.study.identity.access_review_months:
            return
        administrator = self.trial.state.people[Role.ADMINISTRATOR.value]
        seen = reviewed_by(self.trial.state, administrator)
        self.do(
            review_access,
            by=administrator.person,
            decisions={person.person: "keep" for person in seen},
            digest=digest_of_access(self.study, seen),
            meaning=REVIEWED,
        )

    def review_trails(self) -> None:
        """The monitor looks through what was recorded at each site since the last time."""
        monitor = Role.MONITOR.value
        for chain in derive_trail_days(self.study, self.trial.state):
            asked = TrailFilter(since=covered_until(self.trial.state, chain))
            look: dict[str, Any] = {"chain": chain, "asked": asked, "at": self.agenda.tick()}
            seen = look_at_trail(self.trial, **look)
            if len(seen.entries) > MOST:
                seen = look_at_trail(self.trial, **look, n_sample=MOST // 10)
            self.do(record_trail_review, by=monitor, seen=seen)

    @property
    def is_paused(self) -> bool:
        """Whether a stopping rule keeps everybody from being randomized and infused."""
        return bool(self.trial.state.pausing)

    def until_resumed(self) -> Course:
        """Wait from day to day while the trial is paused."""
        while self.is_paused:
            tomorrow = self.agenda.now.date() + dt.timedelta(days=1)
            yield at_hour(working_day(tomorrow), 2)

    def _resume(self) -> Course:
        """The board meets, and then the sponsor follows it: virtual trials always go on."""
        plan = self.study.safety
        for role in plan.resumed_by if plan else ():
            due = self.agenda.now.date() + BOARD_TAKES
            yield at_hour(working_day(due), 3)
            rules = self.trial.state.pausing
            if rules and role not in self.trial.state.agreed:
                self.do(resume_trial, by=role, reason=REASON_RESUMED, rules=rules)


class VirtualParticipant:
    """One virtual person who takes part: a code, a site, a body, and what happens to them."""

    def __init__(self, world: World, code: str, *, site: str) -> None:
        self.world = world
        self.code = code
        self.site = site
        self.randomness = world.randomness.of("person", code)
        self.body = Body(
            self.randomness, scenario=world.study.scenario, began_on=world.agenda.now.date()
        )

    @property
    def record(self) -> Participant:
        """What the trial knows of this person now."""
        return self.world.trial.state.participants[self.code]

    @property
    def today(self) -> dt.date:
        """The simulated day."""
        return self.world.agenda.now.date()

    def do(
        self, act: Act[...], *, role: str = Role.COORDINATOR, **command: Any
    ) -> tuple[Entry, ...]:
        """An act about this person by their site's person in a role."""
        by = person_at(self.site, Role(role))
        return self.world.do(act, by=by, participant=self.code, **command)

    def luck(self, *purpose: str) -> float:
        """A number between 0 and 1 that belongs to this person and purpose."""
        return float(self.randomness.of(*purpose).generator().random())

    def later(self, *purpose: str) -> dt.datetime:
        """Between five and twenty minutes from now."""
        return self.world.agenda.now + dt.timedelta(minutes=5 + 15 * self.luck("pause", *purpose))

    def submit_if_expected(self, form: Form, encounter: str) -> None:
        """Fill in a form unless its condition says that this person is not asked."""
        if expects(self.world.study, self.record, encounter, form=form).is_expected is not False:
            self.submit(form, encounter)

    def submit(
        self,
        form: Form,
        encounter: str,
        *,
        repeat: int = 0,
        given: Mapping[str, Value] | None = None,
    ) -> bool:
        """Fill in a form today; what was mistyped is corrected within days. False if refused."""
        by = who_may(self.site, form.by)
        study, on = self.world.study, self.today
        name = f"{encounter}/{form.form}/{repeat}"
        others = latest_values(study, self.record, encounter=encounter)
        occasion = Occasion(
            name=name, on=on, others=others, given=given or {}, certain=certain(study)
        )
        filled = fill_form(
            form,
            occasion,
            body=self.body,
            scenario=study.scenario,
            randomness=self.randomness.of("filling", name),
        )
        key: dict[str, Any] = {"encounter": encounter, "form": form.form, "repeat": repeat}
        entries = self.world.do(
            submit_form,
            by=by,
            participant=self.code,
            on=on,
            values=filled.values,
            not_done=filled.not_done,
            **key,
        )
        if entries and filled.slips:
            self.world.agenda.add(self._correct(form, key, truth=filled.slips))
        return bool(entries)

    def correct(self, key: Mapping[str, Any], item: str, *, value: Value, reason: str) -> bool:
        """Replace a value by the person who entered it."""
        record = self.record.forms[(key["encounter"], key["form"], key["repeat"])]
        entries = self.world.do(
            correct_item,
            by=record.stamp.by,
            reason=reason,
            participant=self.code,
            item=item,
            value=value,
            seen=record.version,
            **key,
        )
        return bool(entries)

    def _correct(self, form: Form, key: Mapping[str, Any], *, truth: Mapping[str, Value]) -> Course:
        name = "/".join(str(part) for part in key.values())
        yield at_hour(working_day(self.today + dt.timedelta(days=1)), 3 * self.luck("desk", name))
        for item, value in truth.items():
            if not (self.record.is_in_trial or form.repeats or form.records == "end"):
                return
            chosen = int(len(CORRECTION_REASONS) * self.luck("why", name, item))
            self.correct(key, item, value=value, reason=CORRECTION_REASONS[chosen])
            yield self.later("desk", name, item)


def certain(study: Study) -> tuple[str, ...]:
    """What is never left out or mistyped: the weight that a dose is computed from."""
    return (study.treatments.dose.weight,) if study.treatments.dose else ()
