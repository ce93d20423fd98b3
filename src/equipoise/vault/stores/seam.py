"""What the vault needs of its store, whichever it is; and which one a vault's folder names.

Statements are written once, with `?` for values. A vault in a database has the same folder as one
in a file, with its key and tokens; instead of `vault.db` the file `vault.address` says where.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

from msgspec import Struct

from equipoise.ledger import Store
from equipoise.problems import Refused, problem

DATABASE, ADDRESS = "vault.db", "vault.address"
NEW = ".new"
"""What was written but is not finished bears this ending."""


class Rows(Protocol):
    """What a statement gives."""

    def fetchone(self) -> Any:
        """The next row, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """The rows, one by one."""
        ...


class Connection(Protocol):
    """Runs one statement."""

    def execute(self, query: str, values: Sequence[Any] = (), /) -> Rows:
        """Its rows; a `?` stands for each value."""
        ...


class VaultStore(Store, Protocol):
    """A store of the vault: a ledger for its log, and its own tables beside it."""

    @property
    def connection(self) -> Connection:
        """The vault's own tables are asked and written here, within a transaction."""
        ...

    def missing_guards(self, list_format: int) -> list[str]:
        """The guards of the vault's own tables that are gone or rewritten."""
        ...

    def loosened(self, list_format: int, *, becomes: int) -> AbstractContextManager[None]:
        """Within a transaction: nothing of the vault's own tables is guarded while the body runs.

        The guards that are put back are those of the format that the list `becomes`.
        """
        ...

    def scrub(self) -> None:
        """Leave nothing in the store's own files that was replaced."""
        ...

    def close(self) -> None:
        """Close it; what was recorded stays."""
        ...


class Place(Struct, frozen=True):
    """A database for a vault: the address that it uses, and that of the tables' owner."""

    address: str
    owner: str = ""


def is_vault(directory: Path) -> bool:
    """Whether a folder is that of a vault, in a file or a database."""
    return (directory / DATABASE).is_file() or address_file(directory) is not None


def address_file(directory: Path) -> Path | None:
    """The file that names the vault's database; it is not finished if the making was cut short."""
    files = (directory / ADDRESS, directory / (ADDRESS + NEW))
    return next((file for file in files if file.is_file()), None)


def read_place(directory: Path) -> str | None:
    """The address of the vault's database, None for a vault in a file."""
    file = address_file(directory)
    return None if file is None else file.read_text(encoding="utf-8").strip()


def databases() -> ModuleType:
    """The vault in PostgreSQL, whose driver is there only if it was asked for.

    Raises:
        Refused: it is not there.
    """
    try:
        return import_module("equipoise.vault.stores.postgres")  # of the extra `postgres`
    except ImportError:
        raise Refused([problem("EQ-G019")]) from None
