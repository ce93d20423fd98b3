"""Criteria as a record lists them: the tree of a list, and the flat items with their ids."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from msgspec import Struct

Kind = Literal["inclusion", "exclusion", "unknown"]
LETTERS: dict[str, str] = {"inclusion": "I", "exclusion": "E", "unknown": "C"}
FARTHEST_JUMP = 5
"""How many numbers a list may lose in one place before the item is taken for another list's."""


DEEPEST = 5
"""Lists within lists; what would lie deeper stands in the last of them, and ids stay short."""


class Gap(Struct, frozen=True):
    """Something the record does not say, or says where nobody could place it."""

    where: str
    what: str


class RecordCriterion(Struct, frozen=True, kw_only=True):
    """One item of the record; `number` is the record's own, None where it has none.

    A lost item that still has parts keeps its place, with an empty text.
    """

    id: str
    kind: Kind
    number: str | None
    parent: str | None
    text: str
    marks: tuple[str, ...] = ()


class CriteriaReading(Struct, frozen=True):
    """All criteria in the record's order, the numbers each list has lost, and what is unplaced."""

    criteria: tuple[RecordCriterion, ...]
    lost: tuple[tuple[Kind, int, str], ...]
    gaps: tuple[Gap, ...]


class Item(Struct, frozen=True):
    """A line of a list: how it is marked (number, bullet, letter, roman, label or not at all).

    `indent` counts the spaces before it; `after_blank` says that an empty line precedes it.
    """

    style: str
    number: int
    text: str
    indent: int = 0
    after_blank: bool = False


@dataclass
class Node:
    """An item while its list is gathered."""

    style: str
    number: int
    text: str
    marks: list[str] = field(default_factory=list)
    children: list["Node"] = field(default_factory=list)


@dataclass
class CriteriaList:
    """One list of the record under its heading."""

    kind: Kind
    nodes: list[Node] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)


ROMAN = (
    *("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"),
    *("xi", "xii", "xiii", "xiv", "xv", "xvi", "xvii", "xviii", "xix", "xx"),
)


def to_reading(lists: list[CriteriaList], gaps: list[Gap]) -> CriteriaReading:
    """Give every item its id, and name what each list has lost."""
    taken: set[str] = set()
    criteria: list[RecordCriterion] = []
    lost: list[tuple[Kind, int, str]] = []
    for found in lists:
        criteria += _flatten(found, taken, gaps)
        lost += _lost_items(found, gaps)
    return CriteriaReading(tuple(criteria), tuple(lost), tuple(gaps))


def _flatten(found: CriteriaList, taken: set[str], gaps: list[Gap]) -> Iterator[RecordCriterion]:
    letter = LETTERS[found.kind]
    if {node.style for node in found.nodes} != {"number"}:
        what = f"the {found.kind} list is not numbered: its ids are positions"
        gap = Gap("Eligibility Criteria", f"{what}, and a lost first item would not show")
        gaps += [gap] if gap not in gaps else []
    before = sum(1 for own_id in taken if own_id[0] == letter and "." not in own_id)
    for position, node in enumerate(found.nodes, before + 1):
        number = node.number if node.style == "number" else position
        own_id = _unused(f"{letter}{number}", taken)
        node.marks.extend(found.marks)
        yield from _walk(node, own_id, parent=None, kind=found.kind, taken=taken, gaps=gaps)


def _walk(
    node: Node,
    own_id: str,
    *,
    parent: str | None,
    kind: Kind,
    taken: set[str],
    gaps: list[Gap],
) -> Iterator[RecordCriterion]:
    gaps += [Gap(own_id, what) for what in _losses(node)]
    yield RecordCriterion(
        id=own_id,
        kind=kind,
        number=_own_number(node),
        parent=parent,
        text=node.text,
        marks=tuple(dict.fromkeys(node.marks)),
    )
    for position, child in enumerate(node.children, 1):
        part = str(child.number) if child.style == "number" else _letter(child, position)
        child_id = _unused(f"{own_id}.{part}", taken)
        yield from _walk(child, child_id, parent=own_id, kind=kind, taken=taken, gaps=gaps)


def _own_number(node: Node) -> str | None:
    if node.style == "number":
        return str(node.number)
    if node.style == "letter":
        return chr(96 + node.number)
    return ROMAN[node.number - 1] if node.style == "roman" else None


def _letter(node: Node, position: int) -> str:
    if node.style in ("bullet", "label"):
        first, last = divmod(position - 1, 26)
        return (chr(96 + first) if 0 < first <= 26 else "") + chr(97 + last)
    return _own_number(node) or str(position)


def _unused(wanted: str, taken: set[str]) -> str:
    """The id, or the id with the next number where two lists share one."""
    found, n = wanted, 1
    while found in taken:
        n += 1
        found = f"{wanted}-{n}"
    taken.add(found)
    return found


def _lost_items(found: CriteriaList, gaps: list[Gap]) -> Iterator[tuple[Kind, int, str]]:
    """The numbers that a numbered list skips, at its start and between."""
    numbers = [node.number for node in found.nodes if node.style == "number"]
    where = f"{found.kind.title()} Criteria"
    if numbers and numbers[0] > 1 and found.nodes[0].style == "number":
        gaps.append(Gap(where, f"the list starts at {numbers[0]}"))
        for number in range(1, min(numbers[0], FARTHEST_JUMP + 1)):
            yield found.kind, number, f"the list starts at {numbers[0]}"
    for before, after in pairwise(numbers):
        if after > before + 1:
            what = f"the list goes from {before} to {after}"
            gaps.append(Gap(where, what))
            for number in range(before + 1, min(after, before + FARTHEST_JUMP + 1)):
                yield found.kind, number, what


def _losses(node: Node) -> Iterator[str]:
    """What an item has lost of itself or of its parts."""
    if "lost_item" in node.marks:
        yield "the item's own text is lost; its parts are kept"
    numbers = [c.number for c in node.children if c.style == "number"]
    if numbers and numbers != list(range(1, len(numbers) + 1)):
        node.marks.append("lost_item")
        yield f"numbers are missing among its parts: {', '.join(map(str, numbers))} are there"
    if len(node.children) < 2 and re.search(r"\b(either|both)\W*$", node.text, re.IGNORECASE):
        node.marks.append("lost_item")
        yield f"it announces two parts or more; {len(node.children)} found"
