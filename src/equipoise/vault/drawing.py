"""Making a vault: the list is drawn inside, sealed, and committed to; nobody sees it.

A vault is a folder: `vault.db`, `vault.key`, and one token file for each capability. Give each
process the token it needs and nothing else: the web application `assign.token`, the cell unit's
process `cells.token`, the door for code-breaks `emergency.token`, the statistician after the lock
`unblind.token`, the auditor `audit.token`, whoever prints sealed packets `packets.token`.
"""

import hashlib
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import get_args

from equipoise.ledger import Realm, open_store
from equipoise.ledger.sqlite import lock_beside
from equipoise.problems import Problem, Refused, has_errors, problem
from equipoise.randomization import Allocation, Specification, check_specification
from equipoise.vault.protocol import Capability
from equipoise.vault.sealing import (
    KEY_BYTES,
    SALT_BYTES,
    SEED_BYTES,
    Header,
    Seals,
    Slot,
    Source,
    commit,
    encode,
    padded_length,
    source_leaf,
)
from equipoise.vault.sequence.extending import longest_slot, seal_slot
from equipoise.vault.sequence.parts import number_of
from equipoise.vault.sequence.replaying import list_of
from equipoise.vault.stores.seam import ADDRESS, DATABASE, NEW, Place, databases
from equipoise.vault.tables import TABLES, TRIGGERS

KEY = "vault.key"
DRAFT = DATABASE + NEW
"""The database of a creation that is under way, or was killed."""
_DRAFTS = (DRAFT, ADDRESS + NEW)
HEADER = "header"
LIST_FORMAT = 2
Pieces = tuple[bytes, list[tuple[str, str, int, bytes]]]
"""A sealed header, and of each entry number, stratum, position and what is sealed."""


def create_vault(
    directory: str | Path,
    specification: Specification,
    *,
    contents: Mapping[str, Mapping[str, str]],
    realm: Realm,
    seed: bytes | None = None,
    listed: tuple[Allocation, ...] = (),
    place: Place | None = None,
) -> str:
    """Draw a list into a new vault and return the public commitment to it.

    `contents` says what each arm receives at each encounter. `seed` makes a rehearsal's list the
    same each time; a live list takes the operating system's randomness alone. `listed` is the
    list where the scheme says that it was made elsewhere, as `read_list` gave it. With a `place`
    the list is kept in that database, and the key in the folder all the same.
    """
    directory = Path(directory)
    _refuse_unless_sound(directory, specification, contents=contents, realm=realm, seed=seed)
    if (specification.scheme == "imported") != bool(listed):
        raise Refused([problem("EQ-V129", specification.study)])
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    seed = seed if seed is not None else secrets.token_bytes(SEED_BYTES)
    tokens = {name: secrets.token_hex(32) for name in capabilities(realm)}
    slots = seal_slots(specification, listed or list_of(specification, seed))
    salt = secrets.token_bytes(SALT_BYTES)
    source = encode(Source(specification=specification, contents=contents)).decode()
    header = Header(
        specification=specification,
        contents=contents,
        seed=seed,
        tokens={name: digest_token(token) for name, token in tokens.items()},
        root=commit(slots, source=source_leaf(source, seed=seed, salt=salt)),
        list_format=LIST_FORMAT,
        source=source,
        salt=salt,
        n_listed=len(slots),
    )
    key = secrets.token_bytes(KEY_BYTES)
    seals = Seals(key, specification.study, realm)
    pieces = _seal(header, slots=slots, seals=seals)

    def keep() -> None:
        for name, token in tokens.items():
            write_private(directory / f"{name}.token", token)
        write_private(directory / KEY, key.hex())

    if place is None:
        draft = _write_draft(directory, pieces, seals=seals)
        keep()
        draft.rename(directory / DATABASE)
    else:
        _put_at(place, pieces, directory=directory, seals=seals, keep=keep)
    sync_folder(directory)
    return header.root


def capabilities(realm: Realm) -> tuple[Capability, ...]:
    """The capabilities of a realm's vault: only virtual participants learn what they received."""
    names: tuple[Capability, ...] = get_args(Capability)
    return tuple(name for name in names if name != "nature" or realm == "rehearsal")


def seal_slots(
    specification: Specification, listed: tuple[Allocation, ...], *, part: int = 1
) -> list[Slot]:
    """The list with its numbers, `R-001` onward in list order, and fresh salts."""
    return [
        Slot(
            number=number_of(specification, place, n_listed=len(listed), part=part),
            allocation=allocation,
            salt=secrets.token_bytes(SALT_BYTES),
        )
        for place, allocation in enumerate(listed, start=1)
    ]


def name_of_header(part: int) -> str:
    """The name under which the header of a part is sealed; parts count from 1."""
    return HEADER if part == 1 else f"{HEADER}/{part}"


def digest_token(token: str) -> str:
    """What the vault keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def read_token(directory: str | Path, capability: Capability) -> str:
    """The token of a capability, from its file in a vault's folder."""
    path = Path(directory) / f"{capability}.token"
    if not path.is_file():
        raise Refused([problem("EQ-V012", str(path), path=str(path))])
    return path.read_text(encoding="ascii").strip()


def _refuse_unless_sound(
    directory: Path,
    specification: Specification,
    *,
    contents: Mapping[str, Mapping[str, str]],
    realm: Realm,
    seed: bytes | None,
) -> None:
    found: list[Problem] = [*check_specification(specification)]
    if not set(specification.arms) <= set(contents):  # those of a closed arm may be there too
        odd = ", ".join(sorted(set(specification.arms) - set(contents)))
        found.append(problem("EQ-V011", specification.study, detail=odd))
    if seed is not None and realm == "live":
        found.append(problem("EQ-V009", specification.study))
    if (directory / DATABASE).exists() or (directory / ADDRESS).exists():
        found.append(problem("EQ-V010", str(directory), path=str(directory)))
    elif (directory / KEY).exists() and not any((directory / name).exists() for name in _DRAFTS):
        # Perhaps the only key there is, of a vault that was lost.
        found.append(problem("EQ-V024", str(directory), path=str(directory / KEY)))
    found += check_journals(directory)
    if has_errors(found):
        raise Refused(found)


def check_journals(directory: Path) -> list[Problem]:
    """No journal of an earlier database lies here: a new one would take its pages for its own."""
    if (directory / DATABASE).exists():
        return []
    left = (directory / f"{DATABASE}-{kind}" for kind in ("wal", "journal"))
    return [problem("EQ-V025", str(directory), path=str(p)) for p in left if p.exists()]


def _seal(header: Header, *, slots: list[Slot], seals: Seals) -> Pieces:
    """The header and the rows of the list, every one of equal length."""
    length = longest_slot(header.specification)
    rows = [seal_slot(slot, seals=seals, length=length) for slot in slots]
    return seals.close(HEADER, header, length=padded_length([header])), rows


def _write_draft(directory: Path, pieces: Pieces, *, seals: Seals) -> Path:
    """Write beside, to be renamed: a vault is whole or it is not there."""
    draft = directory / DRAFT
    for left in directory.glob(f"{DRAFT}-*"):
        left.unlink()
    write_private(draft, "")
    store = open_store(draft, study=seals.study, realm=seals.realm, create=True)
    with store.transaction():
        for table in TABLES:
            store.connection.execute(table)
        header, slots = pieces
        store.connection.execute("INSERT INTO vault_header VALUES (?)", (header,))
        store.connection.executemany("INSERT INTO vault_slot VALUES (?, ?, ?, ?)", slots)
        for trigger in TRIGGERS.values():
            store.connection.execute(trigger)
    store.close()
    lock_beside(draft).unlink()
    return draft


def _put_at(
    place: Place, pieces: Pieces, *, directory: Path, seals: Seals, keep: Callable[[], None]
) -> None:
    """Put the list into a database; the folder says where, and is sure of it once that is done."""
    new = directory / (ADDRESS + NEW)

    def keep_all() -> None:
        keep()
        write_private(new, place.address)
        sync_folder(directory)

    header, slots = pieces
    databases().create_vault_at(
        place, study=seals.study, realm=seals.realm, header=header, slots=slots, keep=keep_all
    )
    new.rename(directory / ADDRESS)


def write_private(path: Path, text: str) -> None:
    """Write a file that its owner alone may read, on disk before this returns."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(directory: Path) -> None:
    """Put on disk which files a folder has."""
    descriptor = os.open(directory, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
