"""Opening a store wherever it is: a SQLite file, or a schema of a PostgreSQL database."""

from pathlib import Path
from typing import TYPE_CHECKING, overload
from urllib.parse import urlsplit

from equipoise.ledger.entry import Realm
from equipoise.ledger.sqlite import SqliteStore, open_file
from equipoise.problems import Refused, problem

if TYPE_CHECKING:
    from equipoise.ledger.postgres import PostgresStore

HIDDEN = "postgresql://"


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


def is_address(place: str | Path) -> bool:
    """Whether a store's place is the address of a PostgreSQL database."""
    return str(place).startswith(("postgresql://", "postgres://"))


def without_password(place: str | Path) -> str:
    """A store's place as it may be shown: a path, or role, host and database alone."""
    if not is_address(place):
        return str(place)
    try:
        parts = urlsplit(str(place))
    except ValueError:
        return HIDDEN
    if "@" in parts.path + parts.query + parts.fragment:  # a password with a slash in it
        return HIDDEN
    who, at, host = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{who.partition(':')[0]}{at}{host}{parts.path}"
