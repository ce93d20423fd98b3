"""Writes a golden example of each event that has none with all its fields yet:
`python -m tests.ledger.goldens`.

Examples are kept for ever: none is ever written over. A change that they cannot live with is a
change that old ledgers cannot live with.
"""

import datetime as dt
import random
import types
import typing
from pathlib import Path
from typing import Any

import msgspec

from equipoise.conduct.cells import CELL_EVENTS
from equipoise.conduct.cells.door import CHAIN, stream_of
from equipoise.conduct.cells.events import CellEvent
from equipoise.conduct.events import EVENTS, Happened
from equipoise.conduct.events.places import place_of
from equipoise.ledger import Draft, MemoryStore, to_body
from equipoise.ledger.keeping.archive import to_line

GOLDEN = Path(__file__).with_name("golden")
AT = dt.datetime(2026, 3, 27, 8, 15, 30, 250_000, tzinfo=dt.UTC)
WORDS = {
    "participant": "01-003",
    "site": "01",
    "encounter": "M0",
    "person": "coordinator",
    "number": "R-004",
    "root": "5f" * 32,
    "digest": "c3" * 32,
    "study_digest": "a1" * 32,
    "commitment": "0e" * 32,
    "chain": "site-01",
    "entry": "site-01:12",
    "request": "site-01:11",
}


def main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for event in (*EVENTS, *CELL_EVENTS):
        files = sorted(GOLDEN.glob(f"{event.__name__}.*.json"))
        line = line_of(example_of(event))
        if not any(fields_of(line) == fields_of(file.read_bytes()) for file in files):
            (GOLDEN / f"{event.__name__}.{len(files) + 1}.json").write_bytes(line)
            print(event.__name__)


def fields_of(line: bytes) -> frozenset[str]:
    """The fields of the event in a line of an archive."""
    return frozenset(msgspec.json.decode(msgspec.json.decode(line)["body"]))


def line_of(event: Happened | CellEvent) -> bytes:
    """The event as the first entry of its chain, as an archive has it."""
    store = MemoryStore("GOLDEN", "live", draw_bytes=random.Random(1).randbytes)
    of_cells = isinstance(event, CellEvent)
    chain, stream = (CHAIN, stream_of(event)) if of_cells else place_of(event)
    draft = Draft(
        chain=chain,
        stream=stream,
        version=1,
        type=type(event).__name__,
        at=AT,
        by="coordinator",
        role="coordinator",
        reason="Écrit à la main",
        body=to_body(event),
    )
    return to_line(store.append([draft])[0])


def example_of(kind: Any, name: str = "") -> Any:
    """A value of a type in which every field is filled, those with defaults too."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = typing.get_type_hints(kind)
        return kind(**{f: example_of(hints[f], f) for f in kind.__struct_fields__})
    if origin in (typing.Union, types.UnionType):
        return example_of(next(a for a in args if a is not type(None)), name)
    if origin is typing.Literal:
        return args[0]
    if origin is tuple:
        several = args[:1] if args[-1] is Ellipsis else args
        return tuple(example_of(a, name) for a in several)
    if isinstance(origin, type) and issubclass(origin, typing.Mapping):
        return {example_of(args[0], "key"): example_of(args[1], name)}
    plain = {str: WORDS.get(name, f"some {name}"), int: 3, float: 2.5, bool: True}
    plain |= {dt.date: AT.date(), dt.datetime: AT, Any: {"status": "met"}}
    return plain[kind]


if __name__ == "__main__":
    main()
