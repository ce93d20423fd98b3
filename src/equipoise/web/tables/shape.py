"""What a read table is, without saying which there are."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

Row = dict[str, Any]
Key = tuple[Any, ...]


class Table(Struct, frozen=True, eq=False):
    """A read table: columns with their kinds, the key, and the column that holds its stream.

    `values` gives the values of a row in the order of the columns, `key_of` those of its key.
    """

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    owner: str
    may_be_null: frozenset[str]
    indexes: Mapping[str, tuple[str, ...]]
    values: Callable[[Row], tuple[Any, ...]]
    key_of: Callable[[Row], Key]

    def owned_by(self, stream: str) -> str:
        """What the owner's column holds in the rows of a stream."""
        return stream.removeprefix("person/") if self.owner == "person" else stream
