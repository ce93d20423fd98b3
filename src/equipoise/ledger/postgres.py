"""The store in a schema of a PostgreSQL database; one schema is one study in one realm.

A `PostgresStore` belongs to one connection, and a connection to one thread. Who appends holds the
chains that are written, so sites record side by side; the table's own guards hold them too, whoever
inserts. A connection that is lost is made anew, but never within a transaction.
"""

import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from operator import attrgetter
from typing import Any, Literal
from urllib.parse import unquote

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import AdminShutdown, CrashShutdown
from psycopg.pq import TransactionStatus

from equipoise.ledger.addresses import split_address, without_password
from equipoise.ledger.checking import refuse_if, whole
from equipoise.ledger.entry import Draft, Entry, Head, Realm, link
from equipoise.ledger.postgres_tables import (
    Connection,
    check_guards,
    check_rights,
    create_tables,
    has_tables,
)
from equipoise.ledger.rows import COLUMNS, read_meta, refuse_other, to_entry, to_row
from equipoise.ledger.store import (
    DrawBytes,
    Follower,
    Heads,
    Held,
    chains_of,
    check_redaction,
    draw_salts,
    faster,
    refuse_live_batch,
    refuse_unless_empty,
    up_to,
)
from equipoise.problems import Problem, Refused, problem

PAGE = 2000
_SEQ = attrgetter("seq")
PATIENCE: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
SESSION = {
    "default_transaction_isolation": "read committed",  # who waited for a chain sees its end
    "lock_timeout": "60s",
    "idle_in_transaction_session_timeout": "300s",  # a stopped program holds nothing for ever
}

_NAMES = ", ".join(COLUMNS)
_INSERT = (
    f"INSERT INTO ledger_entry ({_NAMES}) "  # noqa: S608 - no value from outside
    f"VALUES ({', '.join(['%s'] * len(COLUMNS))})"
)
_COPY = f"COPY ledger_entry ({_NAMES}) FROM STDIN"
_HOLD = "SELECT ledger_hold(%s::text[])"
_LAST = (
    "SELECT c, seq, digest FROM {chains}, LATERAL (SELECT seq, digest FROM ledger_entry "
    'WHERE chain = c COLLATE "C" ORDER BY seq DESC LIMIT 1) AS last'
)
_HEADS_OF = _LAST.format(chains="unnest(%s::text[]) AS c")
# Every chain, from one to the next in the index, not from entry to entry.
_HEADS = (  # noqa: S608
    "WITH RECURSIVE known(c) AS (SELECT min(chain) FROM ledger_entry UNION ALL SELECT (SELECT "
    "min(chain) FROM ledger_entry WHERE chain > known.c) FROM known WHERE known.c IS NOT NULL) "
) + _LAST.format(chains="known")
_UNSAFE = (
    "SELECT name FROM unnest(ARRAY['fsync', 'full_page_writes', 'synchronous_commit']) AS name "
    "WHERE current_setting(name) = 'off'"
)
# What the server keeps to now, it keeps to in this session, whatever is changed meanwhile.
_PIN = "SELECT set_config('synchronous_commit', current_setting('synchronous_commit'), false)"


class PostgresStore:
    """A store on a connection that others may share.

    Within a transaction that is already open, `append` joins it and the caller commits.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        reopen: Callable[[], Connection] | None = None,
        draw_bytes: DrawBytes = secrets.token_bytes,
    ) -> None:
        self._connection = connection
        self._reopen = reopen
        self._draw_bytes = draw_bytes
        self._held = Held()
        self._known: dict[str, Head] = {}
        self.follower: Follower | None = None
        meta = connection.execute("SELECT study, realm, schema_version FROM ledger_meta")
        self.study, self.realm = read_meta(meta.fetchall())

    @property
    def connection(self) -> Connection:
        """The connection; made anew if it was lost and no transaction was."""
        if self._connection.closed and self._reopen is not None and not self._held.is_open:
            self._connection = self._reopen()
        return self._connection

    def append(self, drafts: Sequence[Draft]) -> tuple[Entry, ...]:
        """Record all drafts or none. On return they are on disk, unless a transaction is open."""
        is_alone = self._is_idle()
        is_single = is_alone and len(drafts) == 1 and self.follower is None
        if is_single and drafts[0].chain in self._known:
            entry = self._append_next(drafts[0])
            if entry is not None:
                return (entry,)
        chains = chains_of(drafts)
        with self.transaction(chains):
            entries = self._link(drafts, self._heads_of(chains))
            for entry in entries:
                self._insert(entry)
            if self.follower is not None:
                self.follower.follow(entries)
        if is_alone:
            self._known |= {entry.chain: Head(entry.seq, entry.digest) for entry in entries}
        return entries

    def read(
        self,
        *,
        chain: str | None = None,
        after: int = 0,
        stream: str | None = None,
        until: Heads | None = None,
    ) -> Iterator[Entry]:
        """Entries in the order of recording, as they are when the reading starts."""
        keys = {"chain": chain, "study": stream and self.study, "stream": stream}
        wanted = {name: value for name, value in keys.items() if value is not None}
        # Places are given before the commit, so only the heads tell what was there at the start.
        heads = self.heads() if chain is None else self._heads_of([chain])
        if until is not None:
            heads = {c: min(h, heads[c], key=_SEQ) for c, h in until.items() if c in heads}
        rows = self._pages(wanted, after, by="position" if chain is None else "seq")
        return up_to(heads, map(to_entry, rows))

    def heads(self) -> dict[str, Head]:
        """The last entry of each chain."""
        return dict(sorted(self._find_heads(_HEADS, []).items()))

    @contextmanager
    def transaction(self, chains: Collection[str] | None = None) -> Iterator[None]:
        """One act: entries and the caller's tables commit together, or nothing does."""
        connection, is_first = self.connection, not self._held.is_open
        with self._held.over(chains), self._naming_errors(), connection.transaction():
            if is_first:
                connection.execute(_HOLD, [None if chains is None else sorted(chains)])
            yield
            # A transaction that was lost or spoiled meanwhile would end without a word.
            if connection.info.transaction_status != TransactionStatus.INTRANS:
                raise psycopg.OperationalError("the transaction had ended already")

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Many acts in one commit; refused in a live store."""
        refuse_live_batch(self.realm)
        with self.transaction():
            yield

    def restore(self, entries: Iterable[Entry]) -> int:
        """Write whole entries into this empty store; all or none."""
        n_written = 0
        with self.transaction():
            refuse_unless_empty(self)
            with self._connection.cursor() as cursor, cursor.copy(_COPY) as copy:
                for entry in whole(entries, study=self.study, realm=self.realm):
                    copy.write_row(to_row(entry))
                    n_written += 1
        return n_written

    def redact(self, chain: str, seq: int, *, because: tuple[str, int]) -> None:
        """Take out one entry's body and salt, as `because` orders.

        The old row leaves the table's file when its owner runs VACUUM FULL; the server's log and
        its backups keep it as long as they are kept.
        """
        with self.transaction():
            check_redaction(self, chain, seq, because=because)
            self._connection.execute("SELECT ledger_redact(%s, %s)", [chain, seq])
            if self.follower is not None:
                self.follower.took_out(chain, seq)

    def check_guards(self, n_read: int) -> tuple[Problem, ...]:  # noqa: ARG002 - what a file needs
        """Whether the guards still stand, and nobody has too many rights."""
        with self._naming_errors():
            return check_guards(self.connection)

    def close(self) -> None:
        """Close the connection; what is recorded stays."""
        self._reopen = None
        self._connection.close()

    def _is_idle(self) -> bool:
        is_free = self.connection.info.transaction_status == TransactionStatus.IDLE
        return is_free and self.connection.autocommit

    def _append_next(self, draft: Draft) -> Entry | None:
        """Record after the entry that this store itself recorded last: one trip to the server.

        The table's guard holds the chain and refuses what is not its next entry; then None.
        """
        (entry,) = self._link([draft], {draft.chain: self._known.pop(draft.chain)})
        with self._naming_errors():
            try:
                self._write(entry)
            except psycopg.IntegrityError:
                return None
        self._known[draft.chain] = Head(entry.seq, entry.digest)
        return entry

    def _link(self, drafts: Sequence[Draft], heads: Heads) -> tuple[Entry, ...]:
        salts = draw_salts(self._draw_bytes)
        linked = link(drafts, heads=heads, study=self.study, realm=self.realm, salts=salts)
        return tuple(linked)

    def _insert(self, entry: Entry) -> None:
        try:
            self._write(entry)
        except psycopg.IntegrityError as error:
            raise faster(entry) from error

    def _write(self, entry: Entry) -> None:
        written = self._connection.execute(_INSERT, to_row(entry), prepare=True)
        if written.rowcount != 1:  # a rule of the database can swallow a row without a word
            raise Refused([problem("EQ-G017", self.study, detail="INSERT 0")])

    def _heads_of(self, chains: Collection[str]) -> dict[str, Head]:
        return self._find_heads(_HEADS_OF, [sorted(chains)])

    def _find_heads(self, query: str, values: list[object]) -> dict[str, Head]:
        rows = self._fetch(query, values)
        return {chain: Head(seq, digest) for chain, seq, digest in rows}

    def _pages(
        self, wanted: dict[str, str], after: int, *, by: Literal["position", "seq"]
    ) -> Iterator[Sequence[Any]]:
        """The rows that are there now, page by page: a long ledger is never whole in memory."""
        where = " AND ".join([*(f"{name} = %s" for name in wanted), "seq > %s"])
        values = [*wanted.values(), after]
        last = self._last(by, where, values)
        query = (
            f"SELECT {by}, {_NAMES} FROM ledger_entry "  # noqa: S608 - no value from outside
            f"WHERE {where} AND {by} > %s AND {by} <= %s ORDER BY {by} LIMIT {PAGE}"
        )
        place = 0
        while place < last:
            rows = self._fetch(query, [*values, place, last])
            yield from (row[1:] for row in rows)
            place = rows[-1][0] if rows else last

    def _last(self, by: str, where: str, values: list[object]) -> int:
        """Where the rows end."""
        query = f"SELECT max({by}) FROM ledger_entry WHERE {where}"  # noqa: S608 - no value from outside
        return self._fetch(query, values)[0][0] or 0

    def _fetch(self, query: str, values: Sequence[object]) -> list[Any]:
        with self._naming_errors():
            return self.connection.execute(query, values, binary=True).fetchall()

    @contextmanager
    def _naming_errors(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            detail = error.diag.message_primary or " ".join(str(error).split())
            if self._connection.closed or isinstance(error, AdminShutdown | CrashShutdown):
                self._connection.close()
                raise Refused([problem("EQ-G028", self.study, detail=detail)]) from error
            raise Refused([problem("EQ-G017", self.study, detail=detail)]) from error


def open_address(
    address: str, *, study: str | None, realm: Realm | None, create: bool, read_only: bool
) -> PostgresStore:
    """Open the store at an address; with `create`, make it if there is none.

    A live store is made by its owner with `create_tables`, never here; and it is written by a role
    that can only read and add, on a server that keeps what it confirms.
    """
    with connecting(address, read_only=read_only) as connection:
        if not has_tables(connection):
            _create(connection, study, realm, is_wanted=create, place=without_password(address))

        def reopen() -> Connection:
            with connecting(address, read_only=read_only) as anew:
                refuse_other(PostgresStore(anew), store.study, realm=store.realm)
                _refuse_unsafe(anew, store, address, read_only=read_only)
            return anew

        store = PostgresStore(connection, reopen=reopen)
        refuse_other(store, study, realm=realm)
        _refuse_unsafe(connection, store, address, read_only=read_only)
    return store


def read_address(address: str) -> dict[str, Any]:
    """What the driver is given for an address.

    Within a minute it notices that a server far away is gone, where the address says nothing else
    of it; else a program waits for hours at a connection that nobody will ever answer.
    """
    if not _is_readable(address):
        place = without_password(address)
        raise Refused([problem("EQ-G021", place, place=place, detail="?")])
    return PATIENCE | conninfo_to_dict(address)


def create_at(address: str, *, study: str, realm: Realm, app_role: str) -> bool:
    """Make the tables as their owner, for the role that will write; False if a ledger is there."""
    place = without_password(address)
    with connecting(address, read_only=False) as connection:
        try:
            with closing(connection), connection.transaction():
                if connection.execute("SELECT current_schema()").fetchone() == (None,):
                    path = connection.execute("SHOW search_path").fetchone()
                    raise Refused([problem("EQ-G051", place, schema=path[0] if path else "")])
                if has_tables(connection):
                    return False
                create_tables(connection, study=study, realm=realm, app_role=app_role)
                refuse_if(check_rights(connection, app_role))
        except psycopg.Error as error:
            detail = error.diag.message_primary or " ".join(str(error).split())
            raise Refused([problem("EQ-G050", place, place=place, detail=detail)]) from error
    return True


@contextmanager
def connecting(address: str, *, read_only: bool) -> Iterator[Connection]:
    """A connection for the body to look at; closed if that does not end well."""
    place = without_password(address)
    values = make_conninfo(**read_address(address))
    settings = SESSION | ({"default_transaction_read_only": "on"} if read_only else {})
    connection = None
    try:
        connection = psycopg.connect(values, autocommit=True, client_encoding="utf8")
        for name, value in settings.items():
            connection.execute("SELECT set_config(%s, %s, false)", [name, value])
        yield connection
    except BaseException as error:
        if connection is not None:
            connection.close()
        if isinstance(error, psycopg.Error):
            detail = " ".join(str(error).split())
            raise Refused([problem("EQ-G021", place, place=place, detail=detail)]) from error
        raise


def _is_readable(address: str) -> bool:
    """Whether the driver reads the password that is meant; else its messages could show a part."""
    try:
        read = conninfo_to_dict(address)
    except psycopg.ProgrammingError:
        return False
    parts = split_address(address)
    if parts is None:
        return False
    return parts.password is None or unquote(parts.password) == read.get("password", "")


def _create(
    connection: Connection,
    study: str | None,
    realm: Realm | None,
    *,
    is_wanted: bool,
    place: str,
) -> None:
    if not (is_wanted and study and realm):
        raise Refused([problem("EQ-G012", place, path=place)])
    if realm == "live":
        raise Refused([problem("EQ-G027", place, place=place)])
    create_tables(connection, study=study, realm=realm)


def _refuse_unsafe(
    connection: Connection, store: PostgresStore, address: str, *, read_only: bool
) -> None:
    """A live trial is written on a server that keeps its word, by a role that can only add."""
    if store.realm != "live" or read_only:
        return
    place = without_password(address)
    settings = connection.execute(_UNSAFE).fetchall()
    found = [problem("EQ-G020", place, place=place, setting=name) for (name,) in settings]
    refuse_if([*found, *check_rights(connection, connection.info.user)])
    connection.execute(_PIN)
