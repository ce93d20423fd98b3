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
