"""What the body of each event holds, as JSON Schema: for whoever reads an archive without us."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from equipoise.conduct.events import EVENTS


def event_schemas(kinds: Sequence[type[Struct]] = EVENTS) -> Mapping[str, dict[str, Any]]:
    """JSON Schema of the body of each event, by the name that its entries bear as their type.

    `kinds` are the trial's events, or those of the cell unit's ledger.
    """
    roots, parts = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    named = {kind.__name__: root for kind, root in zip(kinds, roots, strict=True)}
    return {
        name: {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **root,
            "$defs": {part: parts[part] for part in _named_in(root, parts)},
        }
        for name, root in named.items()
    }


def _named_in(root: object, parts: Mapping[str, Any]) -> list[str]:
    """The definitions that a schema refers to, and those that they refer to."""
    known: dict[str, None] = {}
    waiting = [root]
    while waiting:
        text = msgspec.json.encode(waiting.pop()).decode()
        for name in re.findall(r'"#/\$defs/([^"]+)"', text):
            if name not in known:
                known[name] = None
                waiting.append(parts[name])
    return sorted(known)
