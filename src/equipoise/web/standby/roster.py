"""The roster: who may come in at the emergency door, as the ledger last said.

It holds people and their roles, no participant and no value. With it, and with copied accounts, the
door opens while the main service and the ledger are away.
"""

import datetime as dt
import os
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from equipoise.conduct import Person, RunningTrial, TrialState, View
from equipoise.conduct.door import Events
from equipoise.ledger import Entry, MemoryStore, Realm
from equipoise.problems import Refused, problem
from equipoise.study.study import Study
from equipoise.vault import Vault


class Roster(Struct, frozen=True, kw_only=True):
    """The people of a trial and when the ledger said so."""

    study: str
    digest: str
    realm: Realm
    taken_at: dt.datetime
    people: tuple[Person, ...]
    commitment: str = ""


def roster_of(trial: RunningTrial, *, at: dt.datetime) -> Roster:
    """The roster of a trial as its ledger stands."""
    state = trial.state
    return Roster(
        study=state.study,
        digest=state.digest,
        realm=trial.realm,
        taken_at=at,
        people=tuple(state.people.values()),
        commitment=state.commitment,
    )


def write_roster(path: Path, roster: Roster) -> None:
    """Replace the file whole: a reader sees the old roster or the new one."""
    new = path.with_name(path.name + ".new")
    with suppress(FileNotFoundError):
        new.unlink()
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(roster))
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)


def read_roster(path: Path) -> Roster:
    """The roster in a file.

    Raises:
        Refused: there is none, or it cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Roster)
    except (OSError, msgspec.MsgspecError) as error:
        raise Refused([problem("EQ-W071", str(path), detail=type(error).__name__)]) from None


class RosteredTrial(RunningTrial):
    """A trial of which people alone are known; nothing is recorded here but by the vault."""

    def __init__(self, study: Study, vault: Vault | None, path: Path) -> None:
        roster = read_roster(path)
        if roster.study != study.identity.study:
            given = study.identity.study
            raise Refused([problem("EQ-W010", str(path), store=roster.study, study=given)])
        super().__init__(study, MemoryStore(roster.study, roster.realm), vault)
        self._path = path
        self._read_at, self._roster = 0, roster

    @property
    def roster(self) -> Roster:
        """The latest roster; the last one that could be read, if the file is gone since."""
        with self.lock, suppress(OSError, Refused):
            changed_at = self._path.stat().st_mtime_ns
            if changed_at != self._read_at:
                self._roster, self._read_at = read_roster(self._path), changed_at
        return self._roster

    @property
    def state(self) -> TrialState:
        """The people of the roster, and nobody else."""
        roster = self.roster
        people = {person.person: person for person in roster.people}
        return TrialState(
            study=roster.study,
            digest=roster.digest,
            people=people,
            commitment=roster.commitment,
        )

    def record(  # there is nothing here to record in
        self,
        view: View,  # noqa: ARG002
        events: Events,  # noqa: ARG002
        *,
        at: dt.datetime,  # noqa: ARG002
        reason: str,  # noqa: ARG002
    ) -> tuple[Entry, ...]:
        """Nothing: the ledger may be away. A barred account waits at this door all the same."""
        return ()
