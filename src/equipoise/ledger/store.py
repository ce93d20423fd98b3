"""The store as everyone sees it, and the one in memory."""

import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from threading import RLock
from typing import Protocol

import msgspec

from equipoise.ledger.checking import at_entry, is_order, order_in, refuse_if, whole
from equipoise.ledger.entry import Draft, Entry, Head, Realm, link
from equipoise.problems import Refused, problem

SALT_BYTES = 16
DrawBytes = Callable[[int], bytes]
Heads = Mapping[str, Head]


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
        self,
        *,
        chain: str | None = None,
        after: int = 0,
        stream: str | None = None,
        until: Heads | None = None,
    ) -> Iterator[Entry]:
        """Entries in the order of recording, those with `seq` greater than `after`.

        `until` gives an older state: of each chain named, the entries up to that head; no others.
        """
        ...

    def heads(self) -> dict[str, Head]:
        """The last entry of each chain."""
        ...

    def transaction(self, chains: Collection[str] | None = None) -> AbstractContextManager[None]:
        """One act: what is appended within, and the caller's own tables, commit together.

        Without `chains` nobody else records anything meanwhile. With them, nobody else records in
        these chains, nor does an act that holds the whole store run; within, only these chains can
        be written (ValueError), so that no two acts ever wait for each other. A store that cannot
        hold single chains holds all.
        """
        ...

    def batch(self) -> AbstractContextManager[None]:
        """Many acts in one commit; a rehearsal's privilege."""
        ...

    def restore(self, entries: Iterable[Entry]) -> int:
        """Write whole entries, in their order, into an empty store; returns how many.

        Digests, salts and missing bodies stay what they were.

        Raises:
            Refused: the store is not empty, or the entries are not a whole and sound ledger of its
                study and realm. Then nothing was written.
        """
        ...

    def redact(self, chain: str, seq: int, *, because: tuple[str, int]) -> None:
        """Take out the body and the salt of one entry, as the entry `because` orders.

        Asked again, it removes what traces may be left.

        Raises:
            Refused: there is no such entry, or no order for exactly that one; or it is an order.
        """
        ...


class Follower(Protocol):
    """What is kept beside the entries, in the transaction that records them: read tables.

    A store that lies in a database has one or none (`follower`); what it raises takes all back.
    """

    def follow(self, entries: Sequence[Entry]) -> None:
        """These entries were recorded just now; the transaction is still open."""
        ...

    def took_out(self, chain: str, seq: int) -> None:
        """The body of this entry was taken out just now; the transaction is still open."""
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
        self._held = Held()
        self._entries: list[Entry] = []
        self._heads: dict[str, Head] = {}
        self._taken: set[tuple[str, int]] = set()
        self._redacted: list[tuple[int, Entry]] = []

    def append(self, drafts: Sequence[Draft]) -> tuple[Entry, ...]:
        """Record all drafts or none."""
        with self._lock, self.transaction(chains_of(drafts)):
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
        self,
        *,
        chain: str | None = None,
        after: int = 0,
        stream: str | None = None,
        until: Heads | None = None,
    ) -> Iterator[Entry]:
        """Entries in the order of recording, as they are when the reading starts."""
        with self._lock:
            entries = tuple(self._entries)
        for entry in up_to(until, entries):
            if chain not in (None, entry.chain) or stream not in (None, entry.stream):
                continue
            if entry.seq > after:
                yield entry

    def heads(self) -> dict[str, Head]:
        """The last entry of each chain."""
        with self._lock:
            return dict(self._heads)

    @contextmanager
    def transaction(self, chains: Collection[str] | None = None) -> Iterator[None]:
        """All that is appended within, or nothing if it ends in an exception."""
        with self._lock, self._held.over(chains):
            n_before, heads = len(self._entries), dict(self._heads)
            n_redacted = len(self._redacted)
            try:
                yield
            except BaseException:
                self._taken -= {(e.stream, e.version) for e in self._entries[n_before:]}
                for place, entry in reversed(self._redacted[n_redacted:]):
                    self._entries[place] = entry
                del self._redacted[n_redacted:], self._entries[n_before:]
                self._heads = heads
                raise
            if self._held.is_outermost:
                self._redacted.clear()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Many acts at once; refused in a live store."""
        refuse_live_batch(self.realm)
        with self.transaction():
            yield

    def restore(self, entries: Iterable[Entry]) -> int:
        """Write whole entries into this empty store; all or none."""
        with self.transaction():
            refuse_unless_empty(self)
            for entry in whole(entries, study=self.study, realm=self.realm):
                self._add(entry)
            return len(self._entries)

    def redact(self, chain: str, seq: int, *, because: tuple[str, int]) -> None:
        """Take out one entry's body and salt, as `because` orders."""
        with self.transaction():
            entry = check_redaction(self, chain, seq, because=because)
            place = self._entries.index(entry)
            self._redacted.append((place, entry))
            self._entries[place] = msgspec.structs.replace(entry, body=None, salt="")

    def _add(self, entry: Entry) -> None:
        if (entry.stream, entry.version) in self._taken:
            raise faster(entry)
        self._entries.append(entry)
        self._heads[entry.chain] = Head(entry.seq, entry.digest)
        self._taken.add((entry.stream, entry.version))


class Held:
    """Which chains the transaction that is open in a store may write; None: all of them."""

    def __init__(self) -> None:
        self._open: list[frozenset[str] | None] = []

    @property
    def is_open(self) -> bool:
        """Whether a transaction is open."""
        return bool(self._open)

    @property
    def is_outermost(self) -> bool:
        """Whether the transaction that is open is in no other."""
        return len(self._open) == 1

    @contextmanager
    def over(self, chains: Collection[str] | None) -> Iterator[None]:
        """A transaction over these chains; inside another, over some of its chains."""
        wanted = None if chains is None else frozenset(chains)
        held = self._open[-1] if self._open else None
        if held is not None and (wanted is None or not wanted <= held):
            raise ValueError("a transaction that holds some chains writes to these alone")
        self._open.append(wanted)
        try:
            yield
        finally:
            self._open.pop()


def chains_of(drafts: Iterable[Draft]) -> frozenset[str]:
    """The chains that drafts will be recorded in."""
    return frozenset(draft.chain for draft in drafts)


def up_to(until: Heads | None, entries: Iterable[Entry]) -> Iterator[Entry]:
    """The entries that an older state has; all without one."""
    if until is None:
        return iter(entries)
    last = {chain: head.seq for chain, head in until.items()}
    return (entry for entry in entries if entry.seq <= last.get(entry.chain, 0))


def find_entry(store: Store, chain: str, seq: int) -> Entry | None:
    """One entry, if it is there."""
    if not 0 < seq < 2**63:  # no store counts further
        return None
    return next(iter(store.read(chain=chain, after=seq - 1, until={chain: Head(seq, "")})), None)


def check_redaction(store: Store, chain: str, seq: int, *, because: tuple[str, int]) -> Entry:
    """The entry whose body may be taken out, because that entry orders it.

    Raises:
        Refused: it may not.
    """
    entry, order = find_entry(store, chain, seq), find_entry(store, *because)
    is_ordered = order is not None and order_in(order) == (chain, seq)
    if entry is None or is_order(entry) or not is_ordered:
        named = "{}:{}".format(*because)
        raise Refused([problem("EQ-G023", at_entry(chain, seq), because=named)])
    return entry


def refuse_unless_empty(store: Store) -> None:
    """Whole entries come first or not at all."""
    refuse_if([problem("EQ-G025", store.study)] if store.heads() else [])


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
