"""A new key: everything is sealed anew in one transaction, and the old key opens nothing.

The new key is on disk before anything is sealed under it. Killed at any moment, the vault opens
with the old key or with the new one, whole; the next opening puts the files in order. The list, its
numbers and the commitment stay what they were.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from equipoise.ledger import Draft, to_body
from equipoise.problems import Refused, problem
from equipoise.vault.drawing import (
    KEY,
    capabilities,
    digest_token,
    name_of_header,
    sync_folder,
    write_private,
)
from equipoise.vault.keeping.opening import (
    Opened,
    held,
    is_key_here,
    open_files,
    settle_tokens,
)
from equipoise.vault.sealing import KEY_BYTES, Header, Seals, Slot, padded_length
from equipoise.vault.sequence.extending import slot_length
from equipoise.vault.stores.seam import NEW, VaultStore, databases, read_place


def rotate_key(
    directory: Path,
    *,
    by: str,
    reason: str,
    at: datetime,
    to: Path | None = None,
    is_all: bool = False,
    owner: str = "",
) -> None:
    """Seal a vault anew under a fresh key; missing tokens are made, those there stay.

    `to` is where the new key goes if the vault's folder does not keep it: a new file. With
    `is_all` every token is made anew, and those given out open nothing more. `owner` is the address
    of the owner of a vault in a database, who alone may replace what is sealed.

    Raises:
        Refused: the vault is open elsewhere, nobody is named, or there is a file at `to`.
    """
    if not by.strip() or not reason.strip():
        raise Refused([problem("EQ-V007")])
    if to is not None and to.exists():
        raise Refused([problem("EQ-V042", str(to), path=str(to))])
    if to is None and not is_key_here(directory):
        raise Refused([problem("EQ-V043", str(directory))])
    with held(directory):
        opened = open_files(directory)
        with closing(opened.store), replacing(directory, opened, owner=owner) as store:
            new = Seals(secrets.token_bytes(KEY_BYTES), opened.seals.study, opened.seals.realm)
            write_private(to or directory / (KEY + NEW), new.key.hex())
            header = _with_tokens(directory, opened, is_all=is_all)
            sync_folder(directory)
            entry = note(store, "Rotated", by=by, reason=reason, at=at)
            seal_anew(replace(opened, store=store), header, new=new, entry=entry)
            store.scrub()
            if to is None:
                (directory / (KEY + NEW)).rename(directory / KEY)
            settle_tokens(directory, header)
            sync_folder(directory)


@contextmanager
def replacing(directory: Path, opened: Opened, *, owner: str) -> Iterator[VaultStore]:
    """The store of a vault as somebody has it who may change what is fixed.

    Raises:
        Refused: the vault is in a database, and the owner's address is missing or of another vault.
    """
    if read_place(directory) is None:
        yield opened.store
        return
    if not owner:
        raise Refused([problem("EQ-V199", str(directory))])
    with databases().owned(owner) as store:
        query = "SELECT sealed FROM vault_header ORDER BY rowid"
        held = [s.connection.execute(query).fetchall() for s in (opened.store, store)]
        if held[0] != held[1]:
            raise Refused([problem("EQ-V203", str(directory))])
        yield store


def _with_tokens(directory: Path, opened: Opened, *, is_all: bool) -> Header:
    known = dict(opened.header.tokens)
    for name in capabilities(opened.seals.realm):
        if is_all or name not in known:
            token = secrets.token_hex(32)
            write_private(directory / f"{name}.token{NEW}", token)
            known[name] = digest_token(token)
    return replace(opened.header, tokens=known)


def seal_anew(opened: Opened, header: Header, *, new: Seals, entry: Draft) -> None:
    """Open every piece with the old key and close it with the new one, all or nothing."""
    store, connection = opened.store, opened.store.connection
    rows = connection.execute("SELECT number, sealed FROM vault_slot ORDER BY rowid").fetchall()
    slots = [msgspec.json.decode(opened.seals.open(n, s), type=Slot) for n, s in rows]
    length = slot_length(connection, header)
    list_format = opened.parts[-1].list_format
    with store.transaction(), store.loosened(list_format, becomes=list_format):
        rows = connection.execute("SELECT rowid FROM vault_header ORDER BY rowid").fetchall()
        for k, part in enumerate((header, *opened.parts[1:]), start=1):
            sealed = new.close(name_of_header(k), part, length=padded_length([part]))
            connection.execute(
                "UPDATE vault_header SET sealed = ? WHERE rowid = ?", (sealed, *rows[k - 1])
            )
        for slot in slots:
            row = (new.close(slot.number, slot, length=length), slot.number)
            connection.execute("UPDATE vault_slot SET sealed = ? WHERE number = ?", row)
        store.append([entry])


def note(
    store: VaultStore,
    kind: str,
    *,
    by: str,
    reason: str,
    at: datetime,
    asked: Mapping[str, object] | None = None,
) -> Draft:
    """An entry of the vault's log about its keeping."""
    head = store.heads().get("vault")
    return Draft(
        chain="vault",
        stream="vault",
        version=head.seq + 1 if head else 1,
        type=kind,
        at=at,
        by=by,
        role="keeper",
        reason=reason,
        body=to_body({"asked": asked or {}, "refused": []}),
    )
