"""Time travel: the trial, or one participant's casebook, as of a seal or an instant.

As of a **seal**, or the root of any other moment: each chain up to the entry that it is over. That
is exact, always.

As of an **instant**: each stream (a participant, a person, a site, the study) up to, and without,
its first entry that bears a later instant. Entries are ordered by their numbers, never by the
clock: where the clock was set back, an entry that bears an early instant but was recorded after one
that bears a later one belongs to what came later, and `n_after_jump` counts it. So what is shown is
a state that the stream once had, nothing in it bears a later instant than asked for, and a later
instant never shows less.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from equipoise.conduct import events as e
from equipoise.conduct.door import RunningTrial
from equipoise.conduct.evolve import fold
from equipoise.conduct.state import Participant, TrialState
from equipoise.ledger import Entry, Head, RootSearch, Store
from equipoise.problems import Refused, problem

Moment = dt.datetime | str
"""An aware instant, or the root of a seal or of another moment of the record."""


class Casebook(Struct, frozen=True):
    """One participant as of a moment; `n_after_jump` entries bear a time that is not theirs."""

    participant: Participant
    n_after_jump: int = 0


def state_as_of(trial: RunningTrial, moment: Moment) -> TrialState:
    """The whole trial as of a moment: one reading of the ledger.

    Raises:
        Refused: at no moment the record had this root.
    """
    with trial.lock:
        if isinstance(moment, str):
            until = sealed_heads(trial.store, moment)
            return fold(TrialState(), trial.store.read(until=until))
        return fold(TrialState(), _until(trial.store.read(), moment, late=[]))


def casebook_as_of(trial: RunningTrial, *, participant: str, moment: Moment) -> Casebook:
    """One participant as of a moment: their own stream is read, nothing else.

    As of a seal the control chain is read too; as of another root, the record up to its end.

    Raises:
        Refused: at no moment the record had this root, or there was no such participant then.
    """
    late: list[Entry] = []
    with trial.lock:
        if isinstance(moment, str):
            until = sealed_heads(trial.store, moment)
            entries = list(trial.store.read(stream=participant, until=until))
        else:
            entries = list(_until(trial.store.read(stream=participant), moment, late=late))
    found = fold(TrialState(), entries).participants.get(participant)
    if found is None:
        raise Refused([problem("EQ-C003", participant, participant=participant)])
    return Casebook(found, len(late))


class LateEntry(Struct, frozen=True):
    """An entry recorded long after the day that it speaks of; both times stay on record."""

    entry: Entry
    event: e.Happened
    on: dt.date
    n_days: int


def late_entries(trial: RunningTrial, *, days: int) -> tuple[LateEntry, ...]:
    """Entries recorded more than `days` days after the day they speak of, the latest first.

    A correction speaks of the day of its form. An entry whose body was taken out tells no day.
    """
    with trial.lock:
        state = trial.state
        found = [
            LateEntry(entry, event, on, (entry.at.date() - on).days)
            for entry in trial.store.read()
            if entry.body is not None
            and (event := e.from_entry(entry.type, entry.body))
            and (on := _day_of(event, state))
        ]
    late = (x for x in found if x.n_days > days)
    return tuple(sorted(late, key=lambda x: (-x.n_days, x.entry.stream, x.entry.seq)))


def _day_of(event: e.Happened, state: TrialState) -> dt.date | None:
    """The day that an event speaks of, where it speaks of another than that of its entry."""
    if isinstance(event, e.ItemCorrected):
        forms = state.participants[event.participant].forms
        return forms[event.encounter, event.form, event.repeat].on
    if isinstance(event, e.PacketOpened):
        return event.opened_at.date()
    if isinstance(event, e.CodeBroken):
        return event.broken_at.date()
    on = getattr(event, "on", None)
    return on if isinstance(on, dt.date) else None


def sealed_heads(store: Store, root: str) -> Mapping[str, Head]:
    """The heads of the recorded seal with this root, or of the moment that had it.

    Raises:
        Refused: there is none.
    """
    for entry in store.read(stream="study"):
        if entry.type == "StudySealed" and entry.body is not None:
            sealed = e.from_entry(entry.type, entry.body)
            if isinstance(sealed, e.StudySealed) and sealed.root == root:
                return {chain: Head(*head) for chain, head in sealed.heads.items()}
    search = RootSearch(root)
    for entry in store.read():
        search.note(entry)
    if search.found is None:
        raise Refused([problem("EQ-C114", root, seal=root)])
    return search.found


def _until(entries: Iterable[Entry], at: dt.datetime, *, late: list[Entry]) -> Iterator[Entry]:
    """Each stream up to its first entry later than `at`; `late` gets those that bear no later."""
    ended: set[str] = set()
    for entry in entries:
        if entry.at > at:
            ended.add(entry.stream)
        elif entry.stream in ended:
            late.append(entry)
        else:
            yield entry
