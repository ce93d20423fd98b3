"""What records a copy that a command takes out of a trial.

The file is whole before it is recorded and gets its name afterwards. Killed in between, a process
leaves an entry without a copy, or a nameless file; never, under its name, a copy without an entry.
"""

import datetime as dt
import hashlib
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from equipoise.cli.trials import running_trial, trial_on
from equipoise.conduct import RunningTrial, check_copier, check_duty, record_copy
from equipoise.conduct.cells import CellUnit, record_use
from equipoise.conduct.cells.door import CHAIN
from equipoise.conduct.parts import CopyKind
from equipoise.ledger import Finish, Store, do_nothing, open_store
from equipoise.problems import Refused, problem
from equipoise.study.roles import UNBLINDED_ROLES


class Taking(NamedTuple):
    """`finish` records a copy once it is whole; `mark` is the random number that it bears."""

    finish: Finish
    mark: str = ""


UNRECORDED = Taking(do_nothing)
"""Of a rehearsal nobody has to say who takes a copy."""


class Archiving(NamedTuple):
    """A ledger that is open to be copied, and what records it."""

    store: Store
    finish: Finish


def take_copy(
    trial: RunningTrial, *, by: str, kind: CopyKind, site: str = "", is_by_arm: bool = False
) -> Taking:
    """What records this copy; asked before anything is written, and before the vault is.

    Raises:
        Refused: nobody is named and the trial is live, or this person may not take it.
    """
    if not by:
        _refuse_live(trial.store)
        return UNRECORDED
    now = dt.datetime.now(dt.UTC)
    found = check_copier(
        trial.study, trial.state, by=by, at=now, kind=kind, site=site, is_by_arm=is_by_arm
    )
    if found:
        raise Refused(found)

    def record(path: Path, seal: str) -> None:
        record_copy(
            trial,
            by=by,
            at=dt.datetime.now(dt.UTC),
            kind=kind,
            site=site,
            is_by_arm=is_by_arm,
            digest=digest_of_file(path),
            seal=seal,
        )

    return Taking(record, secrets.token_hex(16) if is_by_arm else "")


@contextmanager
def archiving(
    store: str | Path, *, by: str, site: str, trial: str | Path | None
) -> Iterator[Archiving]:
    """A ledger open to be archived: the trial's, or the cell unit's beside its `trial`.

    Raises:
        Refused: nobody is named and the trial is live, or this person may not take it.
    """
    with closing(open_store(store, read_only=True)) as opened:
        if not by:
            _refuse_live(opened)
            yield Archiving(opened, do_nothing)
        elif CHAIN in opened.heads():
            with _cell_unit(store, trial) as unit:
                yield Archiving(unit.store, _recording_in(unit, by=by))
        else:
            running = running_trial(store)
            taking = take_copy(running, by=by, kind="archive", site=site)
            yield Archiving(running.store, taking.finish)


@contextmanager
def _cell_unit(cells: str | Path, trial: str | Path | None) -> Iterator[CellUnit]:
    """The cell unit's ledger to record in, beside the trial that says who its people are."""
    if trial is None:
        raise Refused([problem("EQ-C165", str(cells))])
    with (
        closing(open_store(trial, read_only=True)) as ledger,
        closing(open_store(cells, study=ledger.study, realm=ledger.realm)) as own,
    ):
        running = trial_on(ledger, trial)
        yield CellUnit(running, own, lambda *_: "")


def _recording_in(unit: CellUnit, *, by: str) -> Finish:
    """What records in the cell unit's own ledger that it was copied: it tells every arm."""
    study, state, now = unit.trial.study, unit.trial.state, dt.datetime.now(dt.UTC)
    person = state.people.get(by)
    if person is None:
        raise Refused([problem("EQ-C001", by, person=by)])
    found = check_duty(study, person, at=now)
    if person.role not in UNBLINDED_ROLES:
        found += (problem("EQ-C002", by, act="copy: cells", role=person.role),)
    if found:
        raise Refused(found)

    def record(path: Path, _: str) -> None:
        at, about = dt.datetime.now(dt.UTC), digest_of_file(path)
        record_use(unit, by=person, at=at, page="ledger export", about=about)

    return record


def _refuse_live(store: Store) -> None:
    if store.realm == "live":
        raise Refused([problem("EQ-C165", store.study)])


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
