"""The store as everyone sees it, and the one in memory."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from threading import RLock
from typing import Protocol

from equipoise.ledger.entry import Draft, Entry, Head, Realm, link
from equipoise.problems import Refused, problem

SALT_BYTES = 16
DrawBytes = Callable[[int], bytes]


class Store(Protocol):
    """Where entries are kept: added, read, never changed."""

    @property
    def study(self) -> str:
        """The study whose record this is."""
        ...

    @property
    def realm(self) -> Realm:
        """Rehearsal or live; a store never changes its realm."""
        ...

    def append(self, drafts: Sequence[Draft]) -> tuple[Entry, ...]:
        """Record all drafts or none; durable on return. Refused if a stream has moved on."""
        ...

    def read(
        self, *, chain: str | None = None, after: int = 0, stream: str | None = None
    ) -> Iterator[Entry]:
        """Entries in the order of recording, those with `seq` greater than `after`."""
        ...

    def heads(self) -> dict[str, Head]:
        """The last entry of each chain."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """One act: what is appended within, and the caller's own tables, commit together."""
        ...

    def batch(self) -> AbstractContextManager[None]:
        """Many acts in one commit; a rehearsal's privilege."""
        ...


class MemoryStore:
    """A store in memory, for tests and quick rehearsals; safe among threads."""

    def __init__(
        self, study: str, realm: Realm, *, draw_bytes: DrawBytes = secrets.token_bytes
    ) -> None:
        self.study = study
        self.realm: Realm = realm
        self._draw_bytes = draw_bytes
        self._lock = RLock()
        self._entries: list[Entry] = []
        self._heads: dict[str, Head] = {}
        self._taken: set[tuple[str, int]] = set()

    def append(self, drafts: Sequence[Draft]) -> tuple[Entry, ...]:
        """Record all drafts or none."""
        with self._lock, self.transaction():
            for entry in link(
                drafts,
                heads=self._heads,
                study=self.study,
                realm=self.realm,
                salts=draw_salts(self._draw_bytes),
            ):
                self._add(entry)
            return tuple(self._entries[len(self._entries) - len(drafts) :])

    def read(
        self, *, chain: str | None = None, after: int = 0, stream: str | None = None
    ) -> Iterator[Entry]:
        """Entries in the order of recording, as they are when the reading starts."""
        with self._lock:
            entries = tuple(self._entries)
        for entry in entries:
            if chain not in (None, entry.chain) or stream not in (None, entry.stream):
                continue
            if entry.seq > after:
                yield entry

    def heads(self) -> dict[str, Head]:
        """The last entry of each chain."""
        with self._lock:
            return dict(self._heads)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is appended within, or nothing if it ends in an exception."""
        with self._lock:
            n_before, heads = len(self._entries), dict(self._heads)
            try:
                yield
            except BaseException:
                self._taken -= {(e.stream, e.version) for e in self._entries[n_before:]}
                del self._entries[n_before:]
                self._heads = heads
                raise

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Many acts at once; refused in a live store."""
        refuse_live_batch(self.realm)
        with self.transaction():
            yield

    def _add(self, entry: Entry) -> None:
        if (entry.stream, entry.version) in self._taken:
            raise faster(entry)
        self._entries.append(entry)
        self._heads[entry.chain] = Head(entry.seq, entry.digest)
        self._taken.add((entry.stream, entry.version))


def draw_salts(draw_bytes: DrawBytes) -> Iterator[bytes]:
    """Salts without end."""
    while True:
        yield draw_bytes(SALT_BYTES)


def faster(entry: Entry) -> Refused:
    """Somebody else has recorded this version of the stream."""
    return Refused([problem("EQ-G001", entry.stream, stream=entry.stream, version=entry.version)])


def refuse_live_batch(realm: Realm) -> None:
    """A live trial commits each act by itself."""
    if realm != "rehearsal":
        raise Refused([problem("EQ-G011", realm=realm)])
