"""JSON Schema of a study folder, made from the types, so that an editor knows every key."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from equipoise.study.forms import Form
from equipoise.study.load import FILES

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REF = "#/$defs/{name}"


def study_schemas() -> Mapping[str, dict[str, Any]]:
    """One schema for each kind of file, by the file's name without `.yaml`; `form` for forms."""
    kinds = {Path(name).stem: kind for name, kind in FILES.items()} | {"form": Form}
    return {name: _schema_of(kind) for name, kind in kinds.items()}


def write_schemas(directory: Path) -> tuple[Path, ...]:
    """Write each schema to `NAME.schema.json`; the paths written."""
    written = []
    for name, schema in study_schemas().items():
        path = directory / f"{name}.schema.json"
        path.write_text(json.dumps(schema, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        written.append(path)
    return tuple(written)


def _schema_of(kind: Any) -> dict[str, Any]:
    (root,), parts = msgspec.json.schema_components([kind], ref_template=_REF)
    return {"$schema": DIALECT, **root, "$defs": {name: _open(p) for name, p in parts.items()}}


def _open(schema: Any) -> Any:
    """The schema with a decision accepted in place of each value inside it."""
    opened = dict(schema)
    if isinstance(opened.get("properties"), dict):
        opened["properties"] = {k: _decidable(v) for k, v in opened["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(opened.get(key), dict):
            opened[key] = _decidable(opened[key])
    if "anyOf" in opened:
        opened["anyOf"] = [_open(member) for member in opened["anyOf"]]
    return opened


def _decidable(schema: Any) -> dict[str, Any]:
    """`schema`, or `{decision, assume}` or `{decision, is}` around a value of it."""
    default = {"default": schema["default"]} if "default" in schema else {}
    inner = _open({k: v for k, v in schema.items() if k != "default"})
    named = {"decision": {"type": "string"}}
    return {
        **default,
        "if": {"type": "object", "required": ["decision"], "properties": named},
        "then": {
            "properties": {**named, "assume": inner, "is": inner},
            "additionalProperties": False,
            "oneOf": [{"required": ["assume"]}, {"required": ["is"]}],
        },
        "else": inner,
    }
