"""A new part of the sequence, where two people changed how the trial randomizes.

In one transaction what is closed is spent unseen and the new part is added, drawn from a seed of
its own; its commitment binds the one before. Killed at any moment, the vault is wholly the old one
or wholly the new.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from equipoise.ledger import Draft
from equipoise.problems import Problem, Refused, has_errors, problem
from equipoise.randomization import Allocation, Specification, check_amended, find_anew
from equipoise.vault.audit import check_vault
from equipoise.vault.drawing import LIST_FORMAT, name_of_header, seal_slots
from equipoise.vault.keeping.comparing import is_unproven
from equipoise.vault.keeping.opening import Opened, held, open_files
from equipoise.vault.keeping.rotating import note, replacing
from equipoise.vault.keeping.witness import witness_of
from equipoise.vault.revealing import PEOPLE_WHO_AGREE
from equipoise.vault.sealing import (
    SALT_BYTES,
    SEED_BYTES,
    Amendment,
    Header,
    Slot,
    Source,
    commit,
    encode,
    padded_length,
    source_leaf,
)
from equipoise.vault.sequence.extending import slot_length, write_slot
from equipoise.vault.sequence.opened import was_disclosed
from equipoise.vault.sequence.parts import in_force, part_of, serving
from equipoise.vault.sequence.replaying import list_of
from equipoise.vault.tables import IS_FREE


class Agreement(Struct, frozen=True, kw_only=True):
    """What the trial's ledger says: who agreed to which study folder, and what it last published.

    `digest` is that of the folder, `commitment` the last one before it.
    """

    digest: str
    agreed: tuple[str, ...]
    commitment: str


def amend_vault(  # noqa: PLR0913 - each is said by name
    directory: Path,
    specification: Specification,
    *,
    contents: Mapping[str, Mapping[str, str]],
    agreement: Agreement,
    by: str,
    reason: str,
    at: datetime,
    listed: tuple[Allocation, ...] = (),
    owner: str = "",
) -> str:
    """Begin a new part for what changes, and return the commitment to it; asked again, the same.

    `specification` is that of the whole trial from now on, `listed` its list where it was made
    elsewhere; `owner` the address of the owner of a vault in a database.

    Raises:
        Refused: the change is not one that can be made, nobody is named, fewer than two agreed, the
            vault is open elsewhere, not sound, or not the one that the ledger committed to.
    """
    if not by.strip() or not reason.strip():
        raise Refused([problem("EQ-V007")])
    with held(directory):
        opened = open_files(directory)
        with closing(opened.store):
            last, witness = opened.parts[-1], witness_of(directory)
            if _was_made(last, agreement):
                return last.root
            if witness is not None and not witness.agrees(opened.store):
                raise Refused([problem("EQ-V044", specification.study)])
            found = [*_check(opened, specification, contents=contents, agreement=agreement)]
            if (specification.scheme == "imported") != bool(listed):
                found.append(problem("EQ-V129", specification.study))
            if has_errors(found):
                raise Refused(found)
            header, slots = _draw(opened, specification, agreement, listed=listed)
            asked = {"digest": agreement.digest, "agreed": agreement.agreed}
            entry = note(opened.store, "Amended", by=by, reason=reason, at=at, asked=asked)
            with replacing(directory, opened, owner=owner) as store:
                _write(replace(opened, store=store), header, slots=slots, entry=entry)
            if witness is not None:
                witness.note(opened.store.heads()["vault"], is_lasting=True)
            return header.root


def _was_made(last: Header, agreement: Agreement) -> bool:
    """This very amendment is the vault's last one: then the ledger is still to be told."""
    amendment = last.amendment
    return (
        amendment is not None
        and amendment.digest == agreement.digest
        and agreement.commitment in (amendment.before, last.root)
    )


def _check(
    opened: Opened,
    specification: Specification,
    *,
    contents: Mapping[str, Mapping[str, str]],
    agreement: Agreement,
) -> Iterator[Problem]:
    study, last = specification.study, opened.parts[-1]
    yield from check_amended(in_force(opened.parts), specification)
    if contents != last.contents:
        yield problem("EQ-V174", study)
    people = {name.strip().casefold() for name in agreement.agreed if name.strip()}
    if len(people) < PEOPLE_WHO_AGREE:
        yield problem("EQ-V175", study)
    if agreement.commitment != last.root:
        yield problem("EQ-V015", study)
    if is_unproven(opened.store):
        yield problem("EQ-V044", study)
    if was_disclosed(opened.store):
        yield problem("EQ-V141", study)
    report = check_vault(opened.store, parts=opened.parts, seals=opened.seals)
    if not report.ok:
        yield problem("EQ-V177", study, codes=", ".join(sorted({p.code for p in report.problems})))


def _draw(
    opened: Opened,
    specification: Specification,
    agreement: Agreement,
    *,
    listed: tuple[Allocation, ...],
) -> tuple[Header, list[Slot]]:
    """The new part: its header, and its entries after those that its strata have already."""
    last, connection = opened.parts[-1], opened.store.connection
    told = replace(specification, strata=find_anew(in_force(opened.parts), specification))
    seed = secrets.token_bytes(SEED_BYTES)
    query = "SELECT stratum, max(position) FROM vault_slot GROUP BY stratum"
    taken: dict[str, int] = dict(connection.execute(query).fetchall())
    entries = tuple(
        replace(entry, order=entry.order + taken.get(entry.stratum, 0))
        for entry in listed or list_of(told, seed)
    )
    slots = seal_slots(told, entries, part=len(opened.parts) + 1)
    (n_given,) = connection.execute("SELECT count(*) FROM vault_assignment").fetchone()
    amendment = Amendment(
        before=last.root, strata=specification.strata, n_given=n_given, digest=agreement.digest
    )
    told_as_one = Source(specification=told, contents=last.contents, amendment=amendment)
    source, salt = encode(told_as_one).decode(), secrets.token_bytes(SALT_BYTES)
    header = Header(
        specification=told,
        contents=last.contents,
        seed=seed,
        tokens={},
        root=commit(slots, source=source_leaf(source, seed=seed, salt=salt)),
        list_format=LIST_FORMAT,
        source=source,
        salt=salt,
        n_listed=len(slots),
        amendment=amendment,
    )
    return header, slots


def _write(opened: Opened, header: Header, *, slots: list[Slot], entry: Draft) -> None:
    """All or nothing: spend what is closed, add the new part, and put the guards back."""
    connection, parts = opened.store.connection, (*opened.parts, header)
    before, after = opened.parts[-1].list_format, header.list_format
    with opened.store.transaction(), opened.store.loosened(before, becomes=after):
        free = connection.execute(f"SELECT number, stratum FROM vault_slot WHERE {IS_FREE}")  # noqa: S608 - our own words
        closed = [n for n, stratum in free.fetchall() if serving(parts, stratum) != part_of(n)]
        for number in closed:
            connection.execute("INSERT INTO vault_spent VALUES (?)", (number,))
        name = name_of_header(len(parts))
        sealed = opened.seals.close(name, header, length=padded_length([header]))
        connection.execute("INSERT INTO vault_header VALUES (?)", (sealed,))
        length = slot_length(connection, header) if slots else 0
        for slot in slots:
            write_slot(connection, slot, seals=opened.seals, length=length)
        opened.store.append([entry])
