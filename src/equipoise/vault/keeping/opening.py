"""Opening a vault's files: one process at a time, with the key from wherever it is kept.

The key is looked for in the environment (`EQUIPOISE_VAULT_KEY`, hexadecimal), then among the
credentials that systemd hands to a service (`$CREDENTIALS_DIRECTORY/vault.key`), then in the
vault's own folder. So the folder, and every backup of it, can be without the key.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from msgspec import Struct

from equipoise.problems import Refused, problem
from equipoise.vault.drawing import HEADER, KEY, digest_token, name_of_header
from equipoise.vault.sealing import Header, Seals
from equipoise.vault.stores.file import FileStore, open_vault_file
from equipoise.vault.stores.seam import (
    ADDRESS,
    DATABASE,
    NEW,
    VaultStore,
    address_file,
    databases,
    is_vault,
    read_place,
)
from equipoise.vault.tables import bring_up

KEY_VARIABLE = "EQUIPOISE_VAULT_KEY"
CREDENTIALS = "CREDENTIALS_DIRECTORY"


class Opened(Struct, frozen=True):
    """A vault's store, its seals, and what the header of each part says."""

    store: VaultStore
    seals: Seals
    parts: tuple[Header, ...]

    @property
    def header(self) -> Header:
        """The header of the first part, which has the tokens."""
        return self.parts[0]


def open_files(directory: Path) -> Opened:
    """Open the database with its key; a rotation that was cut short is finished or forgotten.

    Raises:
        Refused: there is no vault or no key, or the key opens nothing.
    """
    if not is_vault(directory):
        raise Refused([problem("EQ-V012", str(directory), path=str(directory))])
    try:
        store = _open_store(directory)
    except (ValueError, TypeError, sqlite3.DatabaseError) as error:
        raise _shut(directory, error) from None
    try:
        opened = _open_with(store, directory)
        settle_tokens(directory, opened.header)
        if isinstance(store, FileStore):
            with store.transaction():
                bring_up(store.connection, opened.parts[-1].list_format)
    except (InvalidTag, ValueError, TypeError, sqlite3.DatabaseError) as error:
        store.close()
        raise _shut(directory, error) from None
    except BaseException:
        store.close()
        raise
    return opened


def _open_store(directory: Path) -> VaultStore:
    address = read_place(directory)
    if address is None:
        return open_vault_file(directory / DATABASE)
    store: VaultStore = databases().open_vault_at(address)
    file = address_file(directory)
    if file is not None and file.name != ADDRESS:  # its making was cut short after it was done
        file.rename(directory / ADDRESS)
    return store


def find_key(directory: Path) -> str:
    """The key in hexadecimal, from the first place that has one.

    Raises:
        Refused: no place has one.
    """
    if given := os.environ.get(KEY_VARIABLE, "").strip():
        return given
    places = [directory / KEY]
    if handed := os.environ.get(CREDENTIALS):
        places.insert(0, Path(handed) / KEY)
    for place in places:
        if place.is_file():
            return place.read_text(encoding="ascii").strip()
    raise Refused([problem("EQ-V041", str(directory), path=str(directory))])


def is_key_here(directory: Path) -> bool:
    """Whether the key that opens the vault is the one in its own folder."""
    handed = os.environ.get(CREDENTIALS)
    is_elsewhere = bool(os.environ.get(KEY_VARIABLE, "").strip()) or (
        handed is not None and (Path(handed) / KEY).is_file()
    )
    return not is_elsewhere and (directory / KEY).is_file()


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Keep every other process away for a while."""
    descriptor = hold(directory)
    try:
        yield
    finally:
        os.close(descriptor)


def hold(directory: Path) -> int:
    """Keep every other process away while this one has the vault open.

    Raises:
        Refused: another process has it open.
    """
    descriptor = os.open(directory / "vault.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Refused([problem("EQ-V018", str(directory), path=str(directory))]) from None
    return descriptor


def _open_with(store: VaultStore, directory: Path) -> Opened:
    """With the key; or with the new one, if a rotation was cut short after it had committed."""
    new = directory / (KEY + NEW)
    try:
        opened = _try(store, find_key(directory))
    except (InvalidTag, ValueError):
        if not new.is_file():
            raise
        opened = _try(store, new.read_text(encoding="ascii").strip())
        settle(store)
        new.rename(directory / KEY)
    new.unlink(missing_ok=True)
    return opened


def settle(store: VaultStore) -> None:
    """After a rotation that was cut short: leave nothing that the old key opens.

    In a database its owner alone can, who is asked for the next rotation.
    """
    if isinstance(store, FileStore):
        store.scrub()


def _try(store: VaultStore, key: str) -> Opened:
    seals = Seals(bytes.fromhex(key), store.study, store.realm)
    rows = store.connection.execute("SELECT sealed FROM vault_header ORDER BY rowid").fetchall()
    pieces = [seals.open(name_of_header(k), sealed) for k, (sealed,) in enumerate(rows, start=1)]
    parts = tuple(msgspec.json.decode(piece, type=Header) for piece in pieces)
    if not parts:
        raise ValueError(HEADER)
    return Opened(store, seals, parts)


def settle_tokens(directory: Path, header: Header) -> None:
    """New tokens become the tokens once the header knows them, and are nothing before."""
    for new in directory.glob(f"*.token{NEW}"):
        name = new.name.partition(".")[0]
        if digest_token(new.read_text(encoding="ascii").strip()) == header.tokens.get(name):
            new.rename(directory / f"{name}.token")
        else:
            with suppress(FileNotFoundError):
                new.unlink()


def _shut(directory: Path, error: Exception) -> Refused:
    detail = type(error).__name__
    return Refused([problem("EQ-V013", str(directory), detail=detail)])
