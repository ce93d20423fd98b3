"""Study files, written as people read and diff them: one key a line, nothing that says nothing."""

import datetime as dt
import os
import re
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

LINE_WIDTH = 100
_ALWAYS = ("assume", "is", "en")
"""Keys that are kept even when empty: an assumption may be that there is nothing."""

_FIRST = ("id", "number")
"""Keys by which people find a part; they lead it."""
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff]")
"""Characters that a reader of the file would not see; they are written as escapes."""
_LINES = re.compile(
    r"[^\W_][\x20-\x7e\u00a1-\u00ac\u00ae-\u024f\u2010-\u2027\u2190-\u22ff]*"
    r"(\n[^\W_][\x20-\x7e\u00a1-\u00ac\u00ae-\u024f\u2010-\u2027\u2190-\u22ff]*)+(?<! )"
)
"""Texts of several lines that a block of lines gives back exactly as they are."""


def write_study_files(directory: Path, pieces: Mapping[str, object]) -> None:
    """Write each piece (a type of the study, or plain maps and lists) under its file name.

    Keys keep the order of the types, empty values are left out. Each file appears whole or not at
    all; a file of that name is replaced. Raises `OSError` where the place cannot be written.
    """
    for name, piece in pieces.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, to_yaml(piece))


def to_yaml(piece: object) -> str:
    """A piece as YAML text in block style."""
    yaml = YAML()
    yaml.width = LINE_WIDTH
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = StringIO()
    yaml.dump(_plain(msgspec.to_builtins(piece, builtin_types=(dt.date,))), out)
    # A folded line ends in a space that says nothing.
    return re.sub(r" +\n", "\n", out.getvalue())


def _plain(value: object) -> object:
    if isinstance(value, dict):
        kept = {key: _plain(part) for key, part in value.items()}
        keys = sorted(kept, key=lambda key: key not in _FIRST)
        return {k: kept[k] for k in keys if k in _ALWAYS or kept[k] not in ("", None, {}, [])}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, str) and _LINES.fullmatch(value):
        return LiteralScalarString(value)
    if isinstance(value, str) and _UNSEEN.search(value):
        return DoubleQuotedScalarString(value)
    return value


def _replace(path: Path, text: str) -> None:
    """Write beside the file and move over it, so that a reader never sees half of one."""
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("w", encoding="utf-8", newline="\n") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
