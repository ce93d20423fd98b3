"""A file with faults of shape is made whole enough to look for the other faults of the folder.

What is mended never leaves the check: a study with an error is not loaded.
"""

import datetime as dt
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, get_args, get_origin

from equipoise.study.shape import (
    fields_of,
    fits,
    is_mapping,
    is_sequence,
    is_struct,
    member_for,
    nearest_key,
)

_PLAIN: Mapping[Any, object] = {str: "", int: 0, float: 0.0, bool: False, dt.date: dt.date.min}


def mend(value: object, kind: Any) -> object:
    """The nearest value that has the type: misspelt keys read as meant, wrong values left out."""
    kind = member_for(value, kind)
    if is_struct(kind):
        return _mend_struct(value if isinstance(value, dict) else {}, kind)
    if is_mapping(kind):
        keys, values = get_args(kind)
        given = value.items() if isinstance(value, dict) else ()
        return {k: mend(v, values) for k, v in given if fits(k, keys)}
    if is_sequence(kind):
        given_list = value if isinstance(value, list) else []
        return [mend(v, get_args(kind)[0]) for v in given_list]
    return value if fits(value, kind) else stand_in(kind)


def stand_in(kind: Any) -> object:
    """Some value of a type without parts."""
    arguments = get_args(kind)
    if get_origin(kind) is Literal:
        return arguments[0]
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return next(iter(kind))
    if get_origin(kind) is Annotated:
        return next(v for v in ("x", 0, 1, 1.0) if fits(v, kind))
    if get_origin(kind) is tuple:
        return [stand_in(a) for a in arguments]
    return _PLAIN[kind]


def _mend_struct(value: Mapping[str, object], kind: Any) -> dict[str, object]:
    fields = fields_of(kind)
    meant = {k if k in fields else nearest_key(k, kind): v for k, v in value.items()}
    mended: dict[str, object] = {}
    for name, (field, is_required) in fields.items():
        part = member_for(meant.get(name), field)
        has_parts = is_struct(part) or is_mapping(part) or is_sequence(part)
        if is_required or (name in meant and (has_parts or fits(meant[name], field))):
            mended[name] = mend(meant.get(name), field)
    return mended
