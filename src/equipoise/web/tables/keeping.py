"""The one writer of the read tables: with each entry, behind it, or all of them anew."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from itertools import groupby, islice
from operator import attrgetter

from equipoise.conduct import events as e
from equipoise.ledger import Entry, Head, Store
from equipoise.ledger.store import find_entry
from equipoise.problems import Refused, problem
from equipoise.web.tables.databases import (
    Database,
    layout_of,
    naming_errors,
    place_at,
    positions_of,
)
from equipoise.web.tables.layout import LAYOUT, TABLES, indexing, making
from equipoise.web.tables.projecting import ONCE, Happening, Sheet, needed, project
from equipoise.web.tables.shape import Key, Table

AT_ONCE = 5000
"""So many entries are in memory at a time."""
SHORT = 1000
"""Who records writes at most so many entries of others that are not in the tables yet."""
MUCH = 20_000
"""Who lacks more entries than that has it quicker by writing all of them anew."""
NO_HEAD = Head(0, "")

Progress = Callable[[int, int], None]


def no_progress(_done: int, _total: int) -> None:
    """Nobody looks."""


class ReadTables:
    """The read tables of a store, in `database`: its own, or one aside for a store in memory.

    As the store's `follower` it writes within the transaction of each act. What is recorded while
    nobody follows leaves the tables behind, which their places tell; `catch_up` ends that.
    """

    def __init__(self, store: Store, database: Database) -> None:
        self.store = store
        self.database = database

    def follow(self, entries: Sequence[Entry]) -> None:
        """Write what was recorded just now. Tables of another layout, or far behind, stay so."""
        with self._naming_errors():
            if layout_of(self.database) != LAYOUT:
                return
            places = positions_of(self.database)
            news = [
                x
                for chain, found in groupby(sorted(entries, key=_CHAIN), _CHAIN)
                for x in self._after(places.get(chain, NO_HEAD), list(found))
            ]
            self._write(news)

    def took_out(self, chain: str, seq: int) -> None:
        """A body was taken out: its stream is written anew, from what is left of it.

        Tables of another layout may hold it in a way that nobody here knows, so they go.

        Raises:
            Refused: they cannot be dropped here (EQ-G041).
        """
        with self._naming_errors():
            known = layout_of(self.database)
            if known == LAYOUT:
                self._write_anew([(chain, seq)])
            elif known:
                drop(self.database, self.store.study)

    def is_current(self) -> bool:
        """Whether the tables hold every entry."""
        with naming_errors(self.database, self.store.study):
            if layout_of(self.database) != LAYOUT:
                return False
            return positions_of(self.database) == self.store.heads()

    def catch_up(self, *, progress: Progress = no_progress) -> None:
        """Write what is not in the tables yet; all of them anew where they are not of this ledger.

        Raises:
            Refused: there are none, and here they cannot be made (EQ-G041).
        """
        if self.is_current():
            return
        with self.store.transaction(), self._naming_errors(), self.database.transaction():
            if not self._continue():
                self._rebuild(progress)

    def rebuild(self, *, progress: Progress = no_progress) -> int:
        """Drop all rows and write them again from the ledger; gives back how many entries it has.

        All in one transaction: who interrupts it finds the tables as they were.

        Raises:
            Refused: the tables cannot be made here (EQ-G041).
        """
        with self.store.transaction(), self._naming_errors(), self.database.transaction():
            return self._rebuild(progress)

    def fill(self, entries: Iterable[Entry], *, progress: Progress = no_progress) -> None:
        """Make the tables, where there are none yet, and write these entries alone."""
        with self._naming_errors(), self.database.transaction():
            make_empty(self.database, self.store.study, is_filled_next=True)
            self._write(entries, is_new=True, progress=progress)

    def _after(self, place: Head, found: list[Entry]) -> Iterable[Entry]:
        """What the tables lack of a chain, up to these entries; nothing where that is much."""
        first = found[0]
        n_missing = first.seq - 1 - place.seq
        if n_missing == 0:
            return found if first.prev == place.digest or first.seq == 1 else ()
        if not 0 < n_missing <= SHORT:
            return ()
        return self._missing(place, first.chain) or ()

    def _missing(self, place: Head, chain: str) -> list[Entry] | None:
        """The entries of a chain after a place; None where the place is not in it."""
        news = list(self.store.read(chain=chain, after=place.seq))
        is_next = news and (news[0].prev == place.digest or place.seq == 0)
        return news if is_next else None

    def _continue(self) -> bool:
        """Write on from the places of the tables, if they are places of this ledger."""
        if layout_of(self.database) != LAYOUT:
            return False
        places, heads = positions_of(self.database), self.store.heads()
        n_missing = sum(x.seq for x in heads.values()) - sum(x.seq for x in places.values())
        if set(places) - set(heads) or n_missing > MUCH:
            return False
        news: list[Entry] = []
        for chain, head in heads.items():
            place = places.get(chain, NO_HEAD)
            missing = [] if place == head else self._missing(place, chain)
            if missing is None:
                return False
            news += missing
        self._write(news)
        return True

    def _rebuild(self, progress: Progress) -> int:
        total = sum(head.seq for head in self.store.heads().values())
        may_make = self.database.may_make()
        if may_make:
            make_empty(self.database, self.store.study, is_filled_next=True)
        elif layout_of(self.database) == LAYOUT:
            for name in self.database.names():
                if name != "read_layout":
                    self.database.execute(f"DELETE FROM {name}")  # noqa: S608 - a name of our own
        else:
            raise _not_here(self.store.study)
        self._write(self.store.read(), is_new=True, progress=lambda n, _: progress(n, total))
        for statement in indexing() if may_make else ():
            self.database.execute(statement)
        return total

    def _write(
        self, entries: Iterable[Entry], *, is_new: bool = False, progress: Progress = no_progress
    ) -> None:
        """Write these entries, and note the places of their chains."""
        sheet, n_done, orders = Sheet(), 0, []
        remaining = iter(entries)
        while batch := list(islice(remaining, AT_ONCE)):
            happenings = self._put(sheet, batch, is_new=is_new)
            orders += [x for _, x in happenings if isinstance(x, e.BodyRedacted)]
            place_at(self.database, {x.chain: Head(x.seq, x.digest) for x in batch})
            n_done += len(batch)
            progress(n_done, n_done)
        if not is_new:
            self._write_anew([(order.chain, order.seq) for order in orders])

    def _put(self, sheet: Sheet, batch: Sequence[Entry], *, is_new: bool) -> list[Happening]:
        happenings = [(x, None if x.body is None else e.from_entry(x.type, x.body)) for x in batch]
        self._load(sheet, happenings)
        for happening in happenings:
            project(sheet, happening)
        for table, rows in sheet.turn_over():
            if rows:
                self.database.write(table, rows, is_new=is_new and table in ONCE)
        return happenings

    def _load(self, sheet: Sheet, happenings: Sequence[Happening]) -> None:
        wanted: dict[Table, dict[Key, None]] = defaultdict(dict)
        for table, key in needed(happenings):
            if key not in sheet.known[table]:
                wanted[table][key] = None
        for table, keys in wanted.items():
            for row in self.database.load(table, keys):
                sheet.known[table][table.key_of(row)] = row

    def _write_anew(self, taken_out: Iterable[tuple[str, int]]) -> None:
        """The streams of these entries, from what is left of them, up to the place of the chain."""
        found = (find_entry(self.store, chain, seq) for chain, seq in taken_out)
        streams = {(x.chain, x.stream) for x in found if x is not None}
        places = positions_of(self.database) if streams else {}
        for chain, stream in sorted(streams):
            for table in TABLES:
                self.database.execute(
                    f'DELETE FROM {table.name} WHERE "{table.owner}" = ?',  # noqa: S608 - of our own
                    (table.owned_by(stream),),
                )
            until = {chain: places.get(chain, NO_HEAD)}
            self._put(Sheet(), list(self.store.read(stream=stream, until=until)), is_new=False)

    def _naming_errors(self) -> AbstractContextManager[None]:
        return naming_errors(self.database, self.store.study, code="EQ-G040")


def make_empty(database: Database, study: str, *, is_filled_next: bool = False) -> None:
    """Make empty tables in the place of those that are there, for the role that records.

    Who fills them next makes the indexes when that is done.

    Raises:
        Refused: here they cannot be made (EQ-G041).
    """
    drop(database, study)
    for statement in (*making(database), *(() if is_filled_next else indexing())):
        database.execute(statement)
    database.execute("INSERT INTO read_layout VALUES (?)", (LAYOUT,))
    database.grant()


def drop(database: Database, study: str) -> None:
    """Drop every read table, of whatever layout.

    Raises:
        Refused: here they cannot be dropped (EQ-G041).
    """
    if not database.may_make():
        raise _not_here(study)
    for name in database.names():
        database.execute(f"DROP TABLE {name}")


_CHAIN = attrgetter("chain")


def _not_here(study: str) -> Refused:
    return Refused([problem("EQ-G041", study, study=study)])
