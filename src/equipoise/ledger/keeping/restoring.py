"""Backup, restore and import: from a file that is checked first into a place that is empty.

A backup is a SQLite file with the ledger alone in it, or an archive; both are read in the same way.
Nothing is visible at the new place before everything in it has been checked.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from equipoise.ledger.addresses import is_address
from equipoise.ledger.entry import Entry, Head, Realm
from equipoise.ledger.keeping.archive import Making, opened_archive, write_archive
from equipoise.ledger.keeping.placing import placing
from equipoise.ledger.keeping.survey import Survey, survey
from equipoise.ledger.keeping.verification import (
    _DAMAGE,
    Verification,
    _check_guards,
    _entries,
    _report,
    _unreadable,
    verify,
)
from equipoise.ledger.opening import open_store
from equipoise.ledger.sqlite import SqliteStore
from equipoise.ledger.store import Store
from equipoise.problems import Problem, Refused, has_errors, problem

ZIP = b"PK"


class Source(Struct, frozen=True, kw_only=True):
    """A backup or an archive, open for reading.

    `ends` are the heads that it should have; `checked` is what is wrong with the file itself,
    `check_studies` what with the study folders in it, given the digests that the record has;
    `last_versions`, by stream, also counts entries that cannot be read, as far as that can be told.
    """

    study: str
    realm: Realm
    items: Callable[[], Iterator[Entry | Problem]]
    ends: Mapping[str, Head] | None = None
    site: str = ""
    checked: tuple[Problem, ...] = ()
    check_studies: Callable[[Collection[str]], tuple[Problem, ...]] = lambda _: ()
    last_versions: Callable[[], Mapping[str, int]] = dict


class Restored(Struct, frozen=True, kw_only=True):
    """What a restore found and did.

    `safe` is the last entry of each chain before which nothing is wrong, `affected` the streams, by
    chain, that have entries after it; where the chain cannot be told it is the empty text.
    """

    found: Verification
    safe: Mapping[str, Head]
    affected: Mapping[str, tuple[str, ...]]
    n_restored: int = 0

    @property
    def ok(self) -> bool:
        """Whether all of the source was sound."""
        return self.found.ok


def write_backup(store: Store, path: Path, *, making: Making | None = None) -> Verification:
    """Copy a ledger to a new file while others write to it; the copy is checked before it appears.

    Of a SQLite store SQLite's own online backup, with every table that is not the ledger's left out
    (accounts and sessions may lie in the same file); of another store, an archive.

    Raises:
        Refused: the file exists or cannot be written, or the copy is not sound.
    """
    _refuse_vault(store.heads())
    if not isinstance(store, SqliteStore):
        write_archive(store, path, making=making or Making())
        return _read(path).found
    with placing(path) as beside:
        try:
            with closing(sqlite3.connect(beside, isolation_level=None)) as copy:
                store.connection.backup(copy)  # in one step: one snapshot, and writers go on
                _leave_the_ledger_alone(copy)
        except sqlite3.Error as error:
            raise Refused(
                [problem("EQ-X003", str(path), place=str(path), detail=str(error))]
            ) from error
        found = verify(beside)
        if not found.ok:
            raise Refused(found.problems)
    return found


def restore(
    source: Path,
    target: str | Path,
    *,
    up_to_damage: bool = False,
    finish: Callable[[Store, bool], object] = lambda *_: None,
) -> Restored:
    """Fill a new store from a backup or a whole archive, if all of it is sound.

    With `up_to_damage` each chain is restored up to its last safe entry. `finish` works on the new
    store before it becomes visible, and is told whether it holds a whole ledger.

    Raises:
        Refused: something stands at `target`, in a database entries; or the source is no backup of
            a trial's whole ledger.
    """
    return _read(source, target=target, up_to_damage=up_to_damage, finish=finish)


def import_archive(
    source: Path, target: str | Path, *, finish: Callable[[Store, bool], object] = lambda *_: None
) -> Restored:
    """Fill a new store from an archive, a site's copy too: the same entries, the same heads.

    `finish` works on the new store before it becomes visible, as with `restore`.

    Raises:
        Refused: something stands at `target`, or the archive is damaged; the first damage first.
    """
    done = _read(source, target=target, may_be_part=True, finish=finish)
    if not done.ok:
        raise Refused(done.found.problems)
    return done


def check_moved(store: Store, origin: str | Path, *, tells_of_it: Callable[[Entry], bool]) -> None:
    """A ledger that is moved holds all that its origin holds, and no more.

    `tells_of_it` says which entry of the origin is the record of the very archive it was moved by.

    Raises:
        Refused: a chain ends otherwise in one of them; each such chain is named.
    """
    here, none = store.heads(), Head(0, "")
    with closing(open_store(origin, read_only=True)) as opened:
        there = opened.heads()
        beyond = list(opened.read(chain="control", after=here.get("control", none).seq))
        if len(beyond) == 1 and tells_of_it(beyond[0]):
            there["control"] = Head(beyond[0].seq - 1, beyond[0].prev)
    found = [
        problem("EQ-G070", chain, chain=chain, here=here.get(chain, none).seq, there=last.seq)
        for chain, last in sorted({**here, **there}.items())
        if here.get(chain) != there.get(chain)
    ]
    if found:
        raise Refused(found)


def _read(
    source: Path,
    *,
    target: str | Path | None = None,
    up_to_damage: bool = False,
    may_be_part: bool = False,
    finish: Callable[[Store, bool], object] = lambda *_: None,
) -> Restored:
    if isinstance(target, Path) and target.exists():
        raise Refused([problem("EQ-X002", str(target), file=target.name)])
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(_opened(source))
        except Refused as refused:
            return Restored(found=_report(refused.problems, n_read=0), safe={}, affected={})
        if opened.site and not may_be_part:
            raise Refused([problem("EQ-G034", str(source), site=opened.site)])
        seen = survey(
            opened.items(),
            study=opened.study,
            realm=opened.realm,
            ends=opened.ends,
            is_part=bool(opened.site),
        )
        _refuse_vault(seen.safe)
        told = _tell(seen, opened)
        if target is None or not (told.ok or up_to_damage):
            return told
        with _creating(target, opened) as store:
            store.restore(_safe_entries(opened, seen.safe))
            if store.heads() != seen.safe:
                raise Refused([problem("EQ-G031", detail="it changed while it was read")])
            finish(store, told.ok and not opened.site)
    return msgspec.structs.replace(told, n_restored=sum(h.seq for h in seen.safe.values()))


@contextmanager
def _opened(source: Path) -> Iterator[Source]:
    if _is_zip(source):
        with opened_archive(source) as archive:
            told = archive.manifest
            yield Source(
                study=told.study,
                realm=told.realm,
                site=told.site,
                items=archive.items,
                ends=archive.heads,
                checked=archive.check_members(),
                check_studies=archive.check_studies,
            )
        return
    try:
        store = open_store(source, read_only=True)
    except _DAMAGE as error:
        raise Refused([_unreadable(error, 0)]) from error
    with closing(store):
        yield Source(
            study=store.study,
            realm=store.realm,
            items=lambda: _entries(store),
            checked=_check_guards(store, 0),
            last_versions=lambda: _last_versions(store.connection),
        )


@contextmanager
def _creating(target: str | Path, source: Source) -> Iterator[Store]:
    """An empty store that is filled at `target` when all is done; in a database it is there."""
    if is_address(target):
        store = open_store(target, study=source.study, realm=source.realm)
        with closing(store), store.transaction():
            yield store
        return
    with placing(Path(target)) as beside:
        store = open_store(beside, study=source.study, realm=source.realm, create=True)
        with closing(store):
            yield store


def _safe_entries(source: Source, safe: Mapping[str, Head]) -> Iterator[Entry]:
    for item in source.items():
        if isinstance(item, Entry) and item.seq <= safe.get(item.chain, Head(0, "")).seq:
            yield item


def _tell(seen: Survey, source: Source) -> Restored:
    problems = (*seen.problems, *source.checked)
    if not has_errors(problems):
        problems += source.check_studies(seen.studies)
    found = _report(problems, n_read=seen.n_entries, heads=dict(seen.safe))
    affected = dict(seen.affected)
    if not found.ok:
        known = {stream for streams in affected.values() for stream in streams}
        last = source.last_versions()
        unread = {s for s, version in last.items() if version > seen.versions.get(s, -1)} - known
        affected |= {"": tuple(sorted(unread))} if unread else {}
    return Restored(found=found, safe=seen.safe, affected=affected)


def _is_zip(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(ZIP)) == ZIP


def _last_versions(connection: sqlite3.Connection) -> Mapping[str, int]:
    """The last version of each stream, read from an index alone, as far as that is sound."""
    query = "SELECT CAST(stream AS BLOB), max(version) FROM ledger_entry GROUP BY study, stream"
    try:
        rows = connection.execute(query).fetchall()
        return {stream.decode(errors="replace"): version for stream, version in rows}
    except _DAMAGE:
        return {}


def _leave_the_ledger_alone(copy: sqlite3.Connection) -> None:
    """One file, no journal beside it, and in it the ledger's own tables and nothing else."""
    copy.execute("PRAGMA journal_mode = DELETE")
    others = copy.execute(
        "SELECT type, name FROM sqlite_master WHERE type IN ('view', 'table') "
        "AND name NOT IN ('ledger_meta', 'ledger_entry') AND name NOT LIKE 'sqlite!_%' ESCAPE '!' "
        "ORDER BY type DESC"
    ).fetchall()
    for kind, name in others:
        quoted = name.replace('"', '""')
        copy.execute(f'DROP {kind} "{quoted}"')
    if others:
        copy.execute("VACUUM")  # what was dropped leaves no trace in the file


def _refuse_vault(heads: Mapping[str, Head]) -> None:
    if "vault" in heads:
        raise Refused([problem("EQ-G035")])
