"""Opening a store wherever it is: a SQLite file, or a schema of a PostgreSQL database."""

from pathlib import Path
from typing import TYPE_CHECKING, overload

from equipoise.ledger.addresses import is_address
from equipoise.ledger.entry import Realm
from equipoise.ledger.sqlite import SqliteStore, open_file
from equipoise.problems import Refused, problem

if TYPE_CHECKING:
    from equipoise.ledger.postgres import PostgresStore


@overload
def open_store(
    place: Path,
    *,
    study: str | None = None,
    realm: Realm | None = None,
    create: bool = False,
    read_only: bool = False,
) -> SqliteStore: ...


@overload
def open_store(
    place: str | Path,
    *,
    study: str | None = None,
    realm: Realm | None = None,
    create: bool = False,
    read_only: bool = False,
) -> "SqliteStore | PostgresStore": ...


def open_store(
    place: str | Path,
    *,
    study: str | None = None,
    realm: Realm | None = None,
    create: bool = False,
    read_only: bool = False,
) -> "SqliteStore | PostgresStore":
    """Open the store at a path or a `postgresql://` address; use it in this thread only.

    With `create`, make it if there is none; that needs study and realm. A given study or realm that
    is not the store's own is refused. In PostgreSQL the ledger is in the first schema of the
    `search_path`, which the address may set: `?options=-csearch_path%3Dmy_trial`.

    Raises:
        Refused: there is none, it is another one or damaged, or it cannot be opened.
    """
    if not is_address(place):
        path = Path(place)
        return open_file(path, study=study, realm=realm, create=create, read_only=read_only)
    try:
        from equipoise.ledger.postgres import open_address  # noqa: PLC0415 - the extra `postgres`
    except ImportError:
        raise Refused([problem("EQ-G019")]) from None
    return open_address(str(place), study=study, realm=realm, create=create, read_only=read_only)
