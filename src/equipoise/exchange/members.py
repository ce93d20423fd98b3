"""What lies in an archive of the ledger beside its entries: schemas, and the study folder."""

import json
from collections.abc import Mapping, Sequence

from msgspec import Struct

from equipoise.conduct import event_schemas
from equipoise.study.load import Loaded


def schema_members(kinds: Sequence[type[Struct]]) -> Mapping[str, bytes]:
    """What each of these kinds of entry holds, by name of the member."""
    return {
        f"schemas/{name}.schema.json": json.dumps(schema, indent=1, sort_keys=True).encode()
        for name, schema in event_schemas(kinds).items()
    }


def study_members(loaded: Loaded) -> Mapping[str, bytes]:
    """The study folder byte for byte, under the first digits of its digest."""
    assert loaded.study is not None
    digest = loaded.study.digest[:12]
    return {f"study/{digest}/{name}": source.content for name, source in loaded.sources.items()}
