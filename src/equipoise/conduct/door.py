"""The one door: every change of a trial is an act, decided purely and recorded in one transaction.

An act is a function `decide(view, *, by, at, reason, ...) -> events` under `@act(roles)`. Calling
the act with a `RunningTrial` checks who asks, decides on the present state, and appends the events,
all in one transaction of the store: no two acts ever decide on the same state.

Most acts hold the whole store meanwhile. Those of `AT_ONE_SITE` hold the chain of their
participant's site, so that sites record side by side. That is right because they look at nothing
but this participant and the control chain, and add to this participant's chain alone: nobody writes
to the control chain but acts that hold the whole store, which wait for them and they for it. It is
not left to trust. Such an act sees its own site alone; if it looks further, or what it decides
could meet a stopping rule or belongs elsewhere, all of it is taken back before anything is
recorded, and it decides anew holding the whole store. So an act never asks for more while it holds
something, and no two ever wait in a circle. Forms of adverse events hold all from the start.
"""

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from threading import RLock
from typing import Concatenate, Generic, ParamSpec

from msgspec import Struct
from msgspec.structs import replace

from equipoise.conduct import events as e
from equipoise.conduct.events.places import chain_of, place_of
from equipoise.conduct.evolve import fold
from equipoise.conduct.facts import assess_rules
from equipoise.conduct.parts import SERVER
from equipoise.conduct.rules import check_duty
from equipoise.conduct.state import Participant, Person, TrialState
from equipoise.conduct.tasks import check_task
from equipoise.ledger import Draft, Entry, Head, Realm, Store, merkle_root, to_body
from equipoise.problems import Problem, Refused, Where, problem
from equipoise.study.roles import Role
from equipoise.study.study import Study
from equipoise.vault import Vault

P = ParamSpec("P")
Events = Sequence[e.Happened]

AT_ONE_SITE = frozenset({"submit_form", "correct_item", "miss_encounter", "judge_criterion"})
"""The acts that concern one participant, look at no other, and come often."""

SYSTEM = Person(SERVER, "Equipoise", "administrator")
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
        self._known: dict[str, Head] = {}
        self._own: dict[str, Head] = {}  # what was recorded here and not read yet
        self._pending: list[Entry] | None = None  # recorded here, and not committed yet
        self.lock = RLock()

    @property
    def state(self) -> TrialState:
        """The state as of the last committed entry: the known one plus what is new.

        Raises:
            Refused: the record went back: it has lost an entry that was read or recorded here.
        """
        with self.lock:
            heads = self.store.heads()
            for chain, seen in (*self._known.items(), *self._own.items()):
                head = heads.get(chain, _NO_HEAD)
                if head != seen and head.seq <= seen.seq:
                    raise _went_back(chain, seen)
            for chain, head in heads.items():
                if head != self._known.get(chain):
                    self._state = fold(self._state, self._read_news(chain, heads))
                    self._known[chain] = head
                    self._own.pop(chain, None)
            return self._state

    def _read_news(self, chain: str, heads: Mapping[str, Head]) -> Iterator[Entry]:
        """What a chain has beyond the entry that is known; it must be bound to that one."""
        known, own = self._known.get(chain, _NO_HEAD), self._own.get(chain, _NO_HEAD)
        for entry in self.store.read(chain=chain, after=known.seq, until=heads):
            if entry.seq - 1 == known.seq != 0 and entry.prev != known.digest:
                raise _went_back(chain, known)
            if entry.seq == own.seq and entry.digest != own.digest:
                raise _went_back(chain, own)
            yield entry

    @contextmanager
    def transaction(self, chains: Collection[str] | None = None) -> Iterator[None]:
        """A transaction of the store; what is recorded in it counts once it is committed."""
        with self.lock:
            inner: list[Entry] = []
            outer, self._pending = self._pending, inner
            try:
                with self.store.transaction(chains):
                    yield
            finally:
                self._pending = outer
            self._note(inner)

    def _note(self, entries: Iterable[Entry]) -> None:
        if self._pending is None:
            self._own |= {x.chain: Head(x.seq, x.digest) for x in entries}
        else:
            self._pending += entries

    @property
    def realm(self) -> Realm:
        """`rehearsal` or `live`."""
        return self.store.realm

    def record(
        self, view: View, events: Events, *, at: dt.datetime, reason: str
    ) -> tuple[Entry, ...]:
        """Append the events that were decided on `view`."""
        about = self.study.digest
        placed = [(*place_of(x), e.with_origin(x, about, reason=reason)) for x in events]
        known = view.state.versions
        drafts = to_drafts(placed, known=known, by=view.person, at=at, reason=reason)
        entries = self.store.append(drafts)
        self._note(entries)
        return entries


def to_drafts(
    placed: Iterable[tuple[str, str, Struct]],
    *,
    known: Mapping[str, int],
    by: Person,
    at: dt.datetime,
    reason: str,
) -> list[Draft]:
    """Events, each with its chain and stream, as the next versions of their streams.

    `known` are the versions of the streams so far.
    """
    versions, drafts = dict[str, int](), list[Draft]()
    for chain, stream, event in placed:
        versions[stream] = versions.get(stream, known.get(stream, 0)) + 1
        drafts.append(
            Draft(
                chain=chain,
                stream=stream,
                version=versions[stream],
                type=type(event).__name__,
                at=at,
                by=by.person,
                role=by.role,
                reason="" if e.has_reason(event) else reason,
                body=to_body(event),
            )
        )
    return drafts


_NO_HEAD = Head(0, "")


def _went_back(chain: str, known: Head) -> Refused:
    """After a failover or a recovery; nothing may be decided on what the record no longer has."""
    return Refused([problem("EQ-G055", f"{chain} / {known.seq}", chain=chain, seq=known.seq)])


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
        chain = self._chain_alone(trial.study, command)
        with trial.lock:
            if chain is not None:
                with suppress(_LooksFurther), trial.transaction({chain}):
                    view = self._view(trial, command, at=at, chain=chain)
                    events = self.decide(view, *args, **kwargs)
                    _keep_to(chain, trial.study, events)
                    return trial.record(view, events, at=at, reason=reason)
            with trial.transaction():
                view = self._view(trial, command, at=at)
                events = self.decide(view, *args, **kwargs)
                entries = trial.record(view, events, at=at, reason=reason)
                entries += _record_rules_met(trial, view.state, events, entries=entries)
                return entries + _seal(trial, view.state, events, entries=entries)

    def _chain_alone(self, study: Study, command: Mapping[str, object]) -> str | None:
        """The one chain that is enough to hold, if the act is one of those."""
        is_safety = study.safety is not None and command.get("form") == study.safety.form
        if self.name not in AT_ONE_SITE or is_safety:
            return None
        return chain_of(str(command["participant"]))

    def _view(
        self,
        trial: RunningTrial,
        command: Mapping[str, object],
        *,
        at: dt.datetime,
        chain: str | None = None,
    ) -> View:
        state = trial.state
        person = self._admit(trial, command, at=at)
        if chain is not None:
            state = replace(state, participants=_OneSite(state.participants, chain))
        return View(trial.study, state, person)

    def _admit(
        self, trial: RunningTrial, command: Mapping[str, object], *, at: dt.datetime
    ) -> Person:
        by, form = str(command["by"]), str(command.get("form", ""))
        person = trial.state.people.get(by)
        if person is None:
            raise Refused([problem("EQ-C001", by, person=by)])
        refuse_if(check_duty(trial.study, person, at=at))
        if person.role not in self.roles:
            raise Refused([problem("EQ-C002", by, act=self.name, role=person.role)])
        refuse_if(check_task(trial.study, person, self.name, form=form))
        return person


class _LooksFurther(Exception):
    """An act that holds one site's chain needs more than that."""


class _OneSite(Mapping[str, Participant]):
    """The participants of one chain; who looks for others is told that there is more."""

    def __init__(self, everybody: Mapping[str, Participant], chain: str) -> None:
        self._everybody = everybody
        self._chain = chain

    def __getitem__(self, code: str) -> Participant:
        if chain_of(code) != self._chain:
            raise _LooksFurther
        return self._everybody[code]

    def __iter__(self) -> Iterator[str]:
        raise _LooksFurther

    def __len__(self) -> int:
        raise _LooksFurther


def _keep_to(chain: str, study: Study, events: Events) -> None:
    """What was decided belongs to this chain alone, and no rule could be met by it."""
    if any(place_of(x)[0] != chain or _may_meet_a_rule(study, x) for x in events):
        raise _LooksFurther


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


SEALED = (
    e.CasebookSigned,
    e.OverrideRequested,
    e.OverrideConfirmed,
    e.DataLocked,
    e.PopulationsSigned,
    e.UnblindingAgreed,
    e.AccessReviewed,
    e.AmendmentConfirmed,
)
"""A seal follows these: a signature that was lost, or slipped in later, would show."""


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
    e.ParticipantScreened, e.ParticipantRandomized, e.InfusionStarted, e.InfusionGiven,
    e.ParticipantWithdrawn, e.ParticipantCompleted,
)  # fmt: skip


def refuse_if(problems: Sequence[Problem]) -> None:
    """Raise `Refused` if there is any problem."""
    if problems:
        raise Refused(problems)


def at_record(*parts: str) -> Where:
    """A place such as `01-003 / M0 / mrss.face`."""
    return Where(record=" / ".join(part for part in parts if part))
