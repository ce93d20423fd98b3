"""Opening a store wherever it is: a SQLite file, or a schema of a PostgreSQL database."""

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, overload

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
    store: PostgresStore = _driver().open_address(
        str(place), study=study, realm=realm, create=create, read_only=read_only
    )
    return store


def create_ledger(address: str, *, study: str, realm: Realm, app_role: str) -> bool:
    """Make the tables of a ledger as their owner, for the role that will write to it.

    False where a ledger is there already; it is left alone.

    Raises:
        Refused: the database cannot be opened, the owner may not make them there, or the role could
            do more to the record than read it and add to it.
    """
    is_new: bool = _driver().create_at(address, study=study, realm=realm, app_role=app_role)
    return is_new


def read_address(address: str) -> dict[str, Any]:
    """What the driver is given for an address: `host`, `dbname`, ..., and how patient it is.

    Raises:
        Refused: the address is not well written, or there is no driver.
    """
    values: dict[str, Any] = _driver().read_address(address)
    return values


def _driver() -> ModuleType:
    try:
        return import_module("equipoise.ledger.postgres")  # of the extra `postgres`
    except ImportError:
        raise Refused([problem("EQ-G019")]) from None
