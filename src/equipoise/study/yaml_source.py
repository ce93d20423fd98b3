"""YAML with the place of every value, so that each problem can name its line.

Only what a study needs is read: maps, lists, texts, numbers, dates, true and false. Anchors and
tags are refused, for a reader of the file must see every value where it stands; and directives, for
`%YAML 1.1` would make every `no` of the file false.
"""

import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from msgspec import Struct
from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from equipoise.problems import Problem, Where, problem

Path_ = tuple[str | int, ...]
Position = tuple[int, int]

VALUE = "="
"""Added to a path, it asks where a text on one line begins, instead of where its key does."""

_DIRECTIVE = re.compile("(?:\\A|[\r\n\x85\u2028\u2029])\ufeff?%")
"""A line that begins so, after whatever ends a line for YAML."""

DEEPEST = 40
"""How far blocks may nest; a study needs twelve levels."""


class Source(Struct, frozen=True):
    """A file's bytes, its plain value, and the line and column of each of its parts."""

    file: str
    value: object
    positions: Mapping[Path_, Position]
    content: bytes = b""

    def locate(self, path: Sequence[str | int] = ()) -> Where:
        """The place of the value at `path`, or of its nearest parent."""
        here = tuple(path)
        while here and here not in self.positions:
            here = here[:-1]
        line, column = self.positions.get(here, (1, 1))
        return Where(self.file, line, column)


def load_yaml(path: Path, *, name: str) -> tuple[Source | None, tuple[Problem, ...]]:
    """Read one YAML file; `name` is how problems call it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return None, (problem("EQ-S005", Where(name), detail=error.strerror or str(error)),)
    return from_yaml(content, name=name)


@lru_cache(maxsize=64)
def from_yaml(content: bytes, *, name: str) -> tuple[Source | None, tuple[Problem, ...]]:
    """Read the bytes of one YAML file; every fault of the text is a problem, none is raised.

    A source comes back even with problems, as long as the text has a structure. It is kept: most of
    a folder that is read again is as it was, and the text takes most of the time.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return None, (problem("EQ-S002", Where(name, line), detail=error.reason),)
    if directive := _DIRECTIVE.search(text):
        line = text.count("\n", 0, directive.end()) + 1
        return None, (problem("EQ-S006", Where(name, line)),)
    yaml = YAML(typ="safe", pure=True)
    yaml.max_depth = DEEPEST
    yaml.composer.warn_double_anchors = False
    try:
        node = yaml.compose(text)
        reading = _Reading(name, text, yaml)
        value = reading.read(node, ()) if node is not None else {}
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = Where(name, mark.line + 1, mark.column + 1) if mark else Where(name, 1)
        detail = error.problem or error.context or ""
        if isinstance(error, MaxDepthExceededError):
            detail = f"blocks nest more than {DEEPEST} deep"
        return None, (problem("EQ-S003", where, detail=detail),)
    except (YAMLError, ValueError) as error:
        detail = str(error).strip().split("\n", 1)[0]
        return None, (problem("EQ-S003", Where(name, 1), detail=detail),)
    return Source(name, value, reading.positions, content), tuple(reading.problems)


class _Reading:
    """One pass over the nodes of a file: values, places and faults."""

    def __init__(self, name: str, text: str, yaml: YAML) -> None:
        self.name = name
        self.text = text
        self.yaml = yaml
        self.positions: dict[Path_, Position] = {}
        self.problems: list[Problem] = []

    def read(self, node: Node, path: Path_) -> object:
        """The plain value of a node."""
        if self._is_marked(node):
            # Not followed further: an anchored block may contain itself.
            self._complain("EQ-S006", _place(node))
            return None
        match node:
            case MappingNode():
                return self._mapping(node, path)
            case SequenceNode():
                return [self._part(n, (*path, i), _place(n)) for i, n in enumerate(node.value)]
            case _:
                return self._scalar(node, path)

    def _mapping(self, node: MappingNode, path: Path_) -> dict[str, object]:
        found: dict[str, object] = {}
        for key, value in node.value:
            if not self._is_plain(key):
                self._complain("EQ-S003", _place(key), detail="a key must be plain text")
            elif key.value in found:
                first = self.positions[(*path, key.value)][0]
                self._complain("EQ-S007", _place(key), key=key.value, first=first)
            else:
                found[key.value] = self._part(value, (*path, key.value), _place(key))
        return found

    def _part(self, node: Node, path: Path_, place: Position) -> object:
        self.positions[path] = place
        return self.read(node, path)

    def _scalar(self, node: Any, path: Path_) -> object:
        line, column = _place(node)
        if node.style in (None, "'", '"'):
            self.positions[(*path, VALUE)] = (line, column + (node.style is not None))
        try:
            value: object = self.yaml.constructor.construct_object(node)
            if not _is_unicode(node.value):
                raise ValueError("half of a surrogate pair")
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError("not a finite number")
        except ValueError as error:
            self._complain("EQ-S003", _place(node), detail=str(error))
            return None
        return value

    def _is_plain(self, key: Node) -> bool:
        return isinstance(key, ScalarNode) and not self._is_marked(key) and _is_unicode(key.value)

    def _is_marked(self, node: Node) -> bool:
        """Whether a tag or an anchor stands before the value, or an alias leads to it."""
        return self.text[node.start_mark.index : node.start_mark.index + 1] in ("!", "&")

    def _complain(self, code: str, place: Position, **values: object) -> None:
        made = problem(code, Where(self.name, *place), **values)
        if made not in self.problems:  # an anchored block is met again at each alias
            self.problems.append(made)


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= c <= "\udfff" for c in text)


def _place(node: Node) -> Position:
    return node.start_mark.line + 1, node.start_mark.column + 1
