"""The columns and keys of the read tables, taken from their models, and the SQL that makes them."""

import hashlib
from collections.abc import Callable, Iterator
from operator import itemgetter

from django.db.models import Model

from equipoise.web.tables import models
from equipoise.web.tables.databases import PLACES, Database
from equipoise.web.tables.shape import Key, Row, Table

RULES = 2
"""To be counted up whenever other rows follow from the same entries."""


def _table(model: type[Model]) -> Table:
    meta = model._meta
    fields = [f for f in meta.local_fields if f.column]
    names = [f.name for f in fields]
    key = meta.pk.name if meta.pk is not None else ""
    keys = tuple(f.name for f in meta.pk_fields) if key == "pk" else (key,)
    return Table(
        name=meta.db_table,
        columns={f.name: f.get_internal_type() for f in fields},
        key=keys,
        owner=next(name for name in ("stream", "participant", "person") if name in names),
        may_be_null=frozenset(f.name for f in fields if f.null),
        indexes={index.name: tuple(index.fields) for index in meta.indexes},
        values=itemgetter(*names),
        key_of=_tuple_of(keys),
    )


def _tuple_of(names: tuple[str, ...]) -> Callable[[Row], Key]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda row: (row[names[0]],)


LINE, PARTICIPANT, FORM, CORRECTION, DEVIATION, SIGNATURE, INFUSION, PERSON = TABLES = tuple(
    map(_table, models.MODELS)
)


def making(database: Database) -> Iterator[str]:
    """The statements that make the tables, their indexes apart; those of the places first."""
    yield from (database.in_its_words(statement) for statement in PLACES)
    for table in TABLES:
        columns = [
            f'"{name}" {database.types[kind]}' + ("" if name in table.may_be_null else " NOT NULL")
            for name, kind in table.columns.items()
        ]
        columns.append(f"PRIMARY KEY ({', '.join(_quoted(table.key))})")
        yield f"CREATE TABLE {table.name} ({', '.join(columns)})"


def indexing() -> Iterator[str]:
    """The statements that make the indexes."""
    for table in TABLES:
        for name, columns in table.indexes.items():
            yield f"CREATE INDEX {name} ON {table.name} ({', '.join(_quoted(columns))})"


def _quoted(names: tuple[str, ...]) -> Iterator[str]:
    return (f'"{name}"' for name in names)


def _digest() -> str:
    shape = [(t.name, *t.columns.items(), t.key, *t.indexes.items()) for t in TABLES]
    return hashlib.sha256(repr(shape).encode()).hexdigest()


LAYOUT = f"{RULES}-{_digest()[:16]}"
"""Names what rows follow from an entry, and in which columns."""
