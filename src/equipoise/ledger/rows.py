"""Entries as rows of a database: the same columns and the same bytes in every kind of store."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from equipoise.ledger.checking import at_entry, refuse_if
from equipoise.ledger.entry import Entry, Realm, to_instant
from equipoise.ledger.store import Store
from equipoise.problems import Refused, problem

SCHEMA_VERSION = 1
COLUMNS = tuple(Entry.__struct_fields__)
NUMBERS = ("seq", "version")
_AT = COLUMNS.index("at")


def to_row(entry: Entry) -> list[object]:
    """The values of an entry as they are stored, in the order of `COLUMNS`."""
    row: list[object] = [getattr(entry, column) for column in COLUMNS]
    row[_AT] = to_instant(entry.at)
    return row


def to_entry(row: Sequence[Any]) -> Entry:
    """The entry of a row, whose texts may be bytes, so that damaged ones can be named.

    Raises:
        Refused: a value is not what it should be.
    """
    values = dict(zip(COLUMNS, row, strict=True))
    try:
        texts = {c: _text(v) for c, v in values.items() if c not in (*NUMBERS, "body")}
        at = datetime.fromisoformat(texts["at"])
        if at.tzinfo is None or to_instant(at) != texts["at"] or not _has_types(values):
            raise ValueError("a field is not of its type")
        return Entry(**{**values, **texts, "at": at})
    except (ValueError, AttributeError) as error:
        chain = values["chain"]
        name = chain.decode(errors="replace") if isinstance(chain, bytes) else str(chain)
        where = at_entry(name, values["seq"])
        raise Refused([problem("EQ-G007", where, detail=str(error))]) from None


def read_meta(rows: Sequence[Sequence[Any]]) -> tuple[str, Realm]:
    """Study and realm, of the rows of `ledger_meta`: study, realm, layout.

    Raises:
        Refused: it is no ledger, or one of another layout.
    """
    if len(rows) != 1 or rows[0][1] not in ("rehearsal", "live"):
        raise Refused([problem("EQ-G008", detail="ledger_meta", n_read=0)])
    study, realm, version = rows[0]
    if version != SCHEMA_VERSION:
        raise Refused([problem("EQ-G013", study, found=version, expected=SCHEMA_VERSION)])
    return study, cast(Realm, realm)


def refuse_other(store: Store, study: str | None, *, realm: Realm | None) -> None:
    """Refuse a store that is not of this study or realm, where one is given."""
    found = []
    if study not in (None, store.study):
        found.append(problem("EQ-G009", store.study, expected=study, found=store.study))
    if realm not in (None, store.realm):
        found.append(problem("EQ-G010", store.study, expected=realm, found=store.realm))
    refuse_if(found)


def _text(value: Any) -> str:
    text: str = value if isinstance(value, str) else value.decode()
    return text


def _has_types(values: dict[str, Any]) -> bool:
    is_counted = all(type(values[c]) is int for c in NUMBERS)
    return is_counted and isinstance(values["body"], bytes | None)
