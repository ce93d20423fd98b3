"""The shape of a study file: every key and value against the types, all faults at once.

`msgspec.convert` stops at its first error; a statistician who edits a file wants them all.
"""

import datetime as dt
import types
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from equipoise.problems import Problem, Text, Where, problem

Locate = Callable[[tuple[str | int, ...]], Where]
Path = tuple[str | int, ...]

BLOCK = Text("a block of keys", "un bloc de clés")
LIST = Text("a list", "une liste")

_WORDS = {
    str: Text("text", "un texte"),
    int: Text("a whole number", "un nombre entier"),
    float: Text("a number", "un nombre"),
    bool: Text("true or false", "true ou false"),
    dt.date: Text("a date such as 2026-03-27", "une date telle que 2026-03-27"),
}


def check_shape(value: object, kind: Any, *, locate: Locate, path: Path = ()) -> Iterator[Problem]:
    """Yield a problem for each key or value that does not fit the type `kind`."""
    kind = member_for(value, kind)
    if is_struct(kind):
        yield from _check_struct(value, kind, locate=locate, path=path)
    elif is_mapping(kind):
        yield from _check_mapping(value, get_args(kind), locate=locate, path=path)
    elif is_sequence(kind):
        yield from _check_sequence(value, get_args(kind)[0], locate=locate, path=path)
    elif not fits(value, kind):
        yield _unexpected(value, _describe(kind), locate=locate, path=path)


def is_struct(kind: Any) -> bool:
    """Whether the type is a block of named keys."""
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def is_mapping(kind: Any) -> bool:
    """Whether the type is a block whose keys the author names."""
    origin = get_origin(kind)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def is_sequence(kind: Any) -> bool:
    """Whether the type is a list of any length."""
    return get_origin(kind) is tuple and get_args(kind)[-1] is ...


def fits(value: object, kind: Any) -> bool:
    """Whether a value without parts has the type."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def member_for(value: object, kind: Any) -> Any:
    """The member of a union that the value is most likely meant to be; other types as they are."""
    if get_origin(kind) not in (Union, types.UnionType):
        return kind
    members = [m for m in get_args(kind) if m is not types.NoneType]
    structs = [m for m in members if is_struct(m)]
    others = [m for m in members if m not in structs]
    if structs and (isinstance(value, dict) or not others):
        return structs[0]
    return others[0] if len(others) == 1 else kind


@cache
def fields_of(kind: Any) -> Mapping[str, tuple[Any, bool]]:
    """The keys of a block: each one's type, and whether it must be given."""
    hints = get_type_hints(kind, include_extras=True)
    return {f.encode_name: (hints[f.name], f.required) for f in msgspec.structs.fields(kind)}


def nearest_key(key: str, kind: Any) -> str:
    """The known key that an unknown one most resembles, or nothing."""
    return next(iter(get_close_matches(key, fields_of(kind), 1)), "")


def _check_struct(value: object, kind: Any, *, locate: Locate, path: Path) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield _unexpected(value, BLOCK, locate=locate, path=path)
        return
    fields = fields_of(kind)
    meant = {nearest_key(k, kind) for k in value if k not in fields}
    for key, part in value.items():
        if key in fields:
            yield from check_shape(part, fields[key][0], locate=locate, path=(*path, key))
        else:
            suggestion = nearest_key(key, kind) or ", ".join(fields)
            yield problem("EQ-S010", locate((*path, key)), key=key, suggestion=suggestion)
    for name, (_, is_required) in fields.items():
        # A misspelt key is one fault, not two.
        if is_required and name not in value and name not in meant:
            inside = str(path[-1]) if path else "file"
            yield problem("EQ-S011", locate(path), key=name, inside=inside)


def _check_mapping(value: object, kinds: Any, *, locate: Locate, path: Path) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield _unexpected(value, BLOCK, locate=locate, path=path)
        return
    for key, part in value.items():
        if not fits(key, kinds[0]):
            yield _unexpected(key, _describe(kinds[0]), locate=locate, path=(*path, key))
        yield from check_shape(part, kinds[1], locate=locate, path=(*path, key))


def _check_sequence(value: object, kind: Any, *, locate: Locate, path: Path) -> Iterator[Problem]:
    if not isinstance(value, list):
        yield _unexpected(value, LIST, locate=locate, path=path)
        return
    for index, part in enumerate(value):
        yield from check_shape(part, kind, locate=locate, path=(*path, index))


def _describe(kind: Any) -> Text:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return _one_of(arguments)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _one_of(tuple(k.value for k in kind))
    if origin is Annotated:
        return _bounded(arguments[0], arguments[1])
    if origin is tuple:
        inner = _describe(arguments[0])
        return Text(
            f"{len(arguments)} values, each {inner.en}, as in [1, 2]",
            f"{len(arguments)} valeurs, chacune {inner.fr}, comme dans [1, 2]",
        )
    if origin in (Union, types.UnionType):
        each = [_describe(a) for a in arguments]
        return Text(" or ".join(t.en for t in each), " ou ".join(t.fr for t in each))
    return _WORDS[kind]


def _one_of(choices: tuple[object, ...]) -> Text:
    listed = ", ".join(repr(c) for c in choices)
    return Text(f"one of {listed}", f"l'un de {listed}")


def _bounded(kind: Any, meta: msgspec.Meta) -> Text:
    word = _WORDS[kind]
    if meta.pattern is not None:
        return Text(f"text of the form {meta.pattern}", f"un texte de la forme {meta.pattern}")
    bounds = ((">=", meta.ge), (">", meta.gt), ("<=", meta.le))
    said = " and ".join(f"{sign} {limit}" for sign, limit in bounds if limit is not None)
    return Text(f"{word.en} {said}", f"{word.fr} {said.replace('and', 'et')}")


def _unexpected(value: object, expected: Text, *, locate: Locate, path: Path) -> Problem:
    key = ".".join(str(p) for p in path) or "file"
    return problem("EQ-S012", locate(path), key=key, expected=expected, found=repr(value)[:60])
