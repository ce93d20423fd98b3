"""The trial that this process serves: opened at the first request, shared by its threads."""

import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Lock, local
from typing import TYPE_CHECKING

from django.conf import settings

from equipoise.conduct import RunningTrial
from equipoise.conduct.cells import CellUnit
from equipoise.ledger import Draft, Entry, Head, Store, open_store, without_password
from equipoise.ledger.entry import Realm
from equipoise.ledger.store import Heads
from equipoise.problems import Refused, problem
from equipoise.study.load import load_study
from equipoise.vault import VaultClient
from equipoise.web.standby.keeping import Keeper, Sources, use_keeper
from equipoise.web.standby.roster import RosteredTrial

if TYPE_CHECKING:
    from equipoise.web.tables.keeping import ReadTables

LOG = logging.getLogger(__name__)
LOST = frozenset({"EQ-G021", "EQ-G028"})
"""What a store says whose server is away, or was."""


class ThreadedStore:
    """A store with a connection for each thread that asks; its read tables follow each.

    Where its server is and what is wrong there, the log says; who asks is told to wait.
    """

    def __init__(self, place: str | Path) -> None:
        self._place = place
        self._own = local()
        with _telling_the_log():
            self.study = self._store.study
            self.realm: Realm = self._store.realm

    @property
    def _store(self) -> Store:
        if not hasattr(self._own, "store"):
            from equipoise.web.tables.opening import follow  # noqa: PLC0415 - models need Django set up

            self._own.store = open_store(self._place)
            follow(self._own.store)
        store: Store = self._own.store
        return store

    def tables(self) -> "ReadTables":
        """The read tables of this thread's connection, up to date."""
        from equipoise.web.tables.opening import tables_to_read  # noqa: PLC0415 - as above

        with _telling_the_log():
            return tables_to_read(self._store, self._place)

    def append(self, drafts: Sequence[Draft]) -> tuple[Entry, ...]:
        """Record all drafts or none."""
        with _telling_the_log():
            return self._store.append(drafts)

    def read(
        self,
        *,
        chain: str | None = None,
        after: int = 0,
        stream: str | None = None,
        until: Heads | None = None,
    ) -> Iterator[Entry]:
        """Entries in the order of recording."""
        with _telling_the_log():
            return _telling(self._store.read(chain=chain, after=after, stream=stream, until=until))

    def heads(self) -> dict[str, Head]:
        """The last entry of each chain.

        Each request begins with it. A connection that was lost is made anew before anybody is told,
        for a server that is back is no news; within a transaction it stays lost, with all of it.
        """
        with _telling_the_log():
            try:
                return self._store.heads()
            except Refused as refused:
                if [p.code for p in refused.problems] != ["EQ-G028"]:
                    raise
                return self._store.heads()

    @contextmanager
    def transaction(self, chains: Collection[str] | None = None) -> Iterator[None]:
        """One act of this thread."""
        with _telling_the_log(), self._store.transaction(chains):
            yield

    def batch(self) -> AbstractContextManager[None]:
        """Many acts in one commit; a rehearsal's privilege."""
        return self._store.batch()

    def restore(self, entries: Iterable[Entry]) -> int:
        """Write whole entries into an empty store."""
        return self._store.restore(entries)

    def redact(self, chain: str, seq: int, *, because: tuple[str, int]) -> None:
        """Take out one entry's body and salt, as `because` orders."""
        with _telling_the_log():
            self._store.redact(chain, seq, because=because)


def _telling(entries: Iterator[Entry]) -> Iterator[Entry]:
    with _telling_the_log():
        yield from entries


@contextmanager
def _telling_the_log() -> Iterator[None]:
    try:
        yield
    except Refused as refused:
        if LOST.isdisjoint(p.code for p in refused.problems):
            raise
        for told in refused.problems:
            LOG.warning("%s %s", told.code, told.message)
        raise Refused([problem("EQ-G052")]) from refused


_lock = Lock()
_running: list[RunningTrial] = []
_units: list[CellUnit] = []


def running_trial() -> RunningTrial:
    """The trial of this process.

    Raises:
        Refused: the study folder or the store cannot be read, or they do not belong together.
    """
    with _lock:
        if not _running:
            _running.append(_open())
        return _running[0]


def read_tables() -> "ReadTables":
    """The read tables of the trial of this process, up to date, for Django to read.

    Raises:
        Refused: there are none, and here they cannot be made (EQ-G041).
    """
    from equipoise.web.tables.opening import tables_to_read  # noqa: PLC0415 - as above

    store = running_trial().store
    return store.tables() if isinstance(store, ThreadedStore) else tables_to_read(store)


def use_trial(trial: RunningTrial | None) -> None:
    """Serve this trial from now on; None goes back to the one of the settings."""
    with _lock:
        _running[:] = [trial] if trial else []


def cell_unit() -> CellUnit:
    """The cell unit's record beside the trial of this process; only the sealed door has one.

    Raises:
        Refused: this process has no such record, or no way to ask what an infusion holds.
    """
    trial = running_trial()
    with _lock:
        if not _units or _units[0].trial is not trial:
            _units[:] = [_open_unit(trial)]
        return _units[0]


def cell_unit_if_any() -> CellUnit | None:
    """The same where this process has one; None at the other doors, and where no cells are served.

    Raises:
        Refused: there is one, and it cannot be opened.
    """
    if settings.DOOR != "sealed":
        return None
    try:
        return cell_unit()
    except Refused as refused:
        if {p.code for p in refused.problems} <= {"EQ-W060", "EQ-C053"}:
            return None
        raise


def use_cells(unit: CellUnit | None) -> None:
    """Serve this record from now on; None goes back to the one of the settings."""
    with _lock:
        _units[:] = [unit] if unit else []


def _open_unit(trial: RunningTrial) -> CellUnit:
    if trial.vault is None:
        raise Refused([problem("EQ-C053", trial.study.identity.study)])
    if settings.DOOR != "sealed" or not settings.CELLS:
        raise Refused([problem("EQ-W060", settings.DOOR)])
    if settings.STORE and Path(settings.CELLS).resolve() == Path(settings.STORE).resolve():
        raise Refused([problem("EQ-B067", settings.CELLS)])
    store = ThreadedStore(settings.CELLS)
    if (store.study, store.realm) != (trial.store.study, trial.realm):
        given = f"{trial.store.study} ({trial.realm})"
        raise Refused([problem("EQ-W061", store=f"{store.study} ({store.realm})", study=given)])
    return CellUnit(trial, store, trial.vault.contents)


def _open() -> RunningTrial:
    loaded = load_study(Path(settings.STUDY))
    if loaded.study is None:
        raise Refused(loaded.problems)
    if settings.DOOR == "emergency":
        emergency = VaultClient(settings.VAULT, _token())
        return RosteredTrial(loaded.study, emergency, Path(settings.ROSTER))
    store = ThreadedStore(settings.STORE)
    if store.study != loaded.study.identity.study:
        given = loaded.study.identity.study
        raise Refused(
            [problem("EQ-W010", without_password(settings.STORE), store=store.study, study=given)]
        )
    vault = VaultClient(settings.VAULT, _token()) if settings.VAULT else None
    return RunningTrial(loaded.study, store, vault)


def _token() -> str:
    return Path(settings.TOKEN).read_text(encoding="utf-8").strip() if settings.TOKEN else ""


def keep_ready() -> None:
    """Start what the emergency door does beside answering; the other doors need nothing."""
    loaded = load_study(Path(settings.STUDY)) if settings.DOOR == "emergency" else None
    if loaded is None or loaded.study is None:
        return
    sources = Sources(
        study=loaded.study,
        store=settings.STORE,
        accounts=settings.SITE_ACCOUNTS,
        roster=Path(settings.ROSTER),
    )
    keeper = Keeper(sources, VaultClient(settings.VAULT, _token()))
    use_keeper(keeper)
    keeper.start()
