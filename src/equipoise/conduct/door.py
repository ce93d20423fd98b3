"""The one door: every change of a trial is an act, decided purely and recorded in one transaction.

An act is a function `decide(view, *, by, at, reason, ...) -> events` under `@act(roles)`. Calling
the act with a `RunningTrial` checks who asks, decides on the present state, and appends the events,
all in one transaction of the store: no two acts ever decide on the same state.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from threading import RLock
from typing import Concatenate, Generic, ParamSpec

from msgspec import Struct

from equipoise.conduct import events as e
from equipoise.conduct.evolve import fold
from equipoise.conduct.facts import assess_rules
from equipoise.conduct.rules import check_duty
from equipoise.conduct.state import Participant, Person, TrialState
from equipoise.ledger import Draft, Entry, Realm, Store, merkle_root
from equipoise.problems import Problem, Refused, Where, problem
from equipoise.study.roles import Role
from equipoise.study.study import Study
from equipoise.vault import Vault

P = ParamSpec("P")
Events = Sequence[e.Happened]

SYSTEM = Person("system", "Equipoise", "administrator")
"""Who records what nobody decided: the first entries, and what follows from an act by a rule."""


class View(Struct, frozen=True):
    """What a decision may look at: the study, the state of the trial, and who asks."""

    study: Study
    state: TrialState
    person: Person

    def participant(self, code: str) -> Participant:
        """The participant, if this person may see them.

        Raises:
            Refused: no such participant at this person's sites.
        """
        found = self.state.participants.get(code)
        if found is None or not self.person.may_see(found.site):
            raise Refused([problem("EQ-C003", code, participant=code)])
        return found


class RunningTrial:
    """A study, its ledger and its vault: what acts work on.

    Threads of a process share it: each act holds `lock`, and so does who reads `store` directly.
    """

    def __init__(self, study: Study, store: Store, vault: Vault | None = None) -> None:
        self.study = study
        self.store = store
        self.vault = vault
        self._state = TrialState()
        self.lock = RLock()

    @property
    def state(self) -> TrialState:
        """The state as of the last committed entry: the known one plus what is new."""
        with self.lock:
            known = self._state.heads
            for chain, head in self.store.heads().items():
                if head.seq > known.get(chain, 0):
                    news = self.store.read(chain=chain, after=known.get(chain, 0))
                    self._state = fold(self._state, news)
            return self._state

    @property
    def realm(self) -> Realm:
        """`rehearsal` or `live`."""
        return self.store.realm

    def record(
        self, view: View, events: Events, *, at: dt.datetime, reason: str
    ) -> tuple[Entry, ...]:
        """Append the events that were decided on `view`."""
        versions: dict[str, int] = {}
        drafts = []
        for event in events:
            chain, stream = place_of(event)
            versions[stream] = versions.get(stream, view.state.versions.get(stream, 0)) + 1
            drafts.append(
                Draft(
                    chain=chain,
                    stream=stream,
                    version=versions[stream],
                    type=type(event).__name__,
                    at=at,
                    by=view.person.person,
                    role=view.person.role,
                    reason=reason,
                    body=e.to_entry_body(event),
                )
            )
        return self.store.append(drafts)


class Act(Generic[P]):
    """An act: its decision, and the roles that may ask for it."""

    def __init__(
        self, decide: Callable[Concatenate[View, P], Events], roles: frozenset[Role]
    ) -> None:
        self.decide = decide
        self.roles = roles
        self.name = decide.__name__
        self.__doc__ = decide.__doc__

    def __call__(
        self, trial: RunningTrial, /, *args: P.args, **kwargs: P.kwargs
    ) -> tuple[Entry, ...]:
        """Check, decide, record. Returns the entries; nothing is recorded when refused."""
        command: Mapping[str, object] = kwargs
        at, reason = command["at"], command.get("reason", "")
        assert isinstance(at, dt.datetime) and isinstance(reason, str)
        with trial.lock, trial.store.transaction():
            person = self._admit(trial, str(command["by"]), on=at.astimezone(dt.UTC).date())
            view = View(trial.study, trial.state, person)
            events = self.decide(view, *args, **kwargs)
            entries = trial.record(view, events, at=at, reason=reason)
            entries += _record_rules_met(trial, view.state, events, entries=entries)
            return entries + _seal(trial, view.state, events, entries=entries)

    def _admit(self, trial: RunningTrial, by: str, *, on: dt.date) -> Person:
        person = trial.state.people.get(by)
        if person is None:
            raise Refused([problem("EQ-C001", by, person=by)])
        refuse_if(check_duty(trial.study, person, on=on))
        if person.role not in self.roles:
            raise Refused([problem("EQ-C002", by, act=self.name, role=person.role)])
        return person


ACTS: dict[str, Act[...]] = {}


def act(*roles: Role) -> Callable[[Callable[Concatenate[View, P], Events]], Act[P]]:
    """Make a decision an act that these roles may ask for, and list it in `ACTS`."""

    def enroll(decide: Callable[Concatenate[View, P], Events]) -> Act[P]:
        made = Act(decide, frozenset(roles))
        ACTS[made.name] = made
        return made

    return enroll


def _record_rules_met(
    trial: RunningTrial, before: TrialState, events: Events, *, entries: Sequence[Entry]
) -> tuple[Entry, ...]:
    """The stopping rules that these entries made true, on record in the same transaction."""
    if not any(_may_meet_a_rule(trial.study, event) for event in events):
        return ()
    after, last = fold(before, entries), entries[-1]
    because = f"{last.chain}:{last.seq}"
    met = [
        e.StoppingRuleMet(rule=s.rule.id, does=s.rule.does, counts=s.counts, entry=because)
        for s in assess_rules(trial.study, after)
        if s.is_met and s.rule.id not in after.met
    ]
    return trial.record(View(trial.study, after, SYSTEM), met, at=last.at, reason="") if met else ()


SEALED = (e.CasebookSigned, e.OverrideRequested, e.OverrideConfirmed, e.DataLocked)
"""What is followed by a seal: a signature that was lost, or slipped in later, would show."""


def _seal(
    trial: RunningTrial, before: TrialState, events: Events, *, entries: Sequence[Entry]
) -> tuple[Entry, ...]:
    """The heads of all chains under one root, beside each signature and lock."""
    sealed: tuple[Entry, ...] = ()
    for event, entry in zip(events, entries, strict=False):
        if isinstance(event, SEALED):
            heads = trial.store.heads()
            seal = e.StudySealed(
                heads={chain: (head.seq, head.digest) for chain, head in heads.items()},
                root=merkle_root(heads),
                purpose=type(event).__name__,
                entry=f"{entry.chain}:{entry.seq}",
            )
            view = View(trial.study, fold(before, entries), SYSTEM)
            sealed += trial.record(view, [seal], at=entry.at, reason="")
    return sealed


def _may_meet_a_rule(study: Study, event: e.Happened) -> bool:
    """Whether an event can change what stopping rules count."""
    if isinstance(event, e.FormSubmitted | e.ItemCorrected):
        return study.safety is not None and event.form == study.safety.form
    return isinstance(event, _COUNTED)


_COUNTED = (
    e.ParticipantScreened,
    e.ParticipantRandomized,
    e.InfusionGiven,
    e.ParticipantWithdrawn,
    e.ParticipantCompleted,
)


def place_of(event: e.Happened) -> tuple[str, str]:
    """The chain and the stream that an event belongs to."""
    match event:
        case e.ParticipantScreened():
            return f"site-{event.site}", event.participant
        case (
            e.PersonAdded()
            | e.DelegationChanged()
            | e.TrainingRecorded()
            | e.SignInBarred()
            | e.AccountabilityAccepted()
            | e.PersonRemoved()
        ):
            return "control", f"person/{event.person}"
        case e.SiteOpened():
            return "control", f"site/{event.site}"
    participant = getattr(event, "participant", None)
    if participant is not None:
        return f"site-{participant.split('-')[0]}", participant
    return "control", "study"


def refuse_if(problems: Sequence[Problem]) -> None:
    """Raise `Refused` if there is any problem."""
    if problems:
        raise Refused(problems)


def at_record(*parts: str) -> Where:
    """A place such as `01-003 / M0 / mrss.face`."""
    return Where(record=" / ".join(part for part in parts if part))
