"""What was recorded once can be read for ever: an example of each event, never written anew."""

from pathlib import Path

import jsonschema
import msgspec
import pytest

from equipoise.conduct.cells import CELL_EVENTS
from equipoise.conduct.cells.door import CHAIN
from equipoise.conduct.cells.events import from_cell_entry
from equipoise.conduct.events import EVENTS, from_entry
from equipoise.conduct.schemas import event_schemas
from equipoise.ledger import Entry
from equipoise.ledger.checking import check_entry, start_of
from equipoise.ledger.keeping.archive import from_line

GOLDEN = Path(__file__).with_name("golden")
FILES = sorted(GOLDEN.glob("*.json"))


def read(path: Path) -> Entry:
    entry = from_line(path.read_bytes())
    assert isinstance(entry, Entry), entry
    return entry


@pytest.mark.requirement("C56")
def test_each_event_has_an_example_and_no_example_is_of_an_unknown_event() -> None:
    """`python -m tests.ledger.goldens` writes what is missing."""
    assert {p.name.partition(".")[0] for p in FILES} == {
        event.__name__ for event in (*EVENTS, *CELL_EVENTS)
    }


@pytest.mark.requirement("C56")
@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_an_example_is_read_as_it_was_recorded(path: Path) -> None:
    """Its digests hold, its schema fits, and every value of it is in the event that is read."""
    entry = read(path)
    assert entry.body is not None
    written = msgspec.json.decode(entry.body)
    of_cells = entry.chain == CHAIN
    event = (from_cell_entry if of_cells else from_entry)(entry.type, entry.body)
    known = msgspec.json.decode(msgspec.json.encode(event))

    assert check_entry(entry, start_of(entry, "live")) == ()
    jsonschema.Draft202012Validator(
        event_schemas(CELL_EVENTS if of_cells else EVENTS)[entry.type]
    ).validate(written)
    assert {field: known[field] for field in written} == written


def test_an_example_that_was_changed_is_found() -> None:
    """The examples are bound by their digests, as entries are."""
    entry = read(FILES[0])
    changed = msgspec.structs.replace(entry, body=(entry.body or b"").replace(b"some", b"other"))

    assert changed.body != entry.body
    assert [p.code for p in check_entry(changed, start_of(entry, "live"))] == ["EQ-G005"]
