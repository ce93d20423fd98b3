"""Lists of criteria: items, and which item belongs to which, found by sequence alone.

Indentation is lost on the way, so the order of markers decides: after "5." and two bullets, a list
that starts again at 1, 2, 3 and is followed by "6." belongs to the second bullet. Where two
readings are possible the outer one is taken and a review mark says so.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from msgspec import Struct

from equipoise.exchange.registry_facts import Gap

Kind = Literal["inclusion", "exclusion", "unknown"]
LETTERS: dict[str, str] = {"inclusion": "I", "exclusion": "E", "unknown": "C"}


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


@dataclass
class _Node:
    style: str
    number: int
    text: str
    marks: list[str] = field(default_factory=list)
    children: list["_Node"] = field(default_factory=list)


@dataclass
class _List:
    kind: Kind
    nodes: list[_Node] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)


Item = tuple[str, int, str]
"""How an item is marked (number, bullet, letter, roman, or not at all), which one, its text."""

_MARKERS = (
    ("number", re.compile(r"\(?(\d{1,2})\s?[.)](?!\d)\s*(?=\S)")),
    ("bullet", re.compile(r"([*•●▪◦·‣]|[-–—](?=\s))\s*(?=\S)")),
    ("roman", re.compile(r"\(?(i{1,3}|iv|vi{0,3}|ix|x)[.)]\s+(?=\S)")),
    ("letter", re.compile(r"\(?([a-zA-Z])[.)]\s+(?=\S)")),
)
_ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")
_HEADING = re.compile(
    r"(?:[*#\-\d.)]{0,3}\s*)(?!.*\b(?:meet|meets|meeting|fulfil\w*|any|no|with)\b.*criteria)"
    r"(?:(?:[\w/-]+\s+){0,3}?(inclusions?|exclusions?)\s+criteri(?:a|on)"
    r"(?:\s+(?:for|of|are|include)\b[^:]{0,60})?\s*(:.*|-\s*)?"
    r"|(inclusions?|exclusions?)\s*(:.*))",
    re.IGNORECASE,
)
_OPENER = re.compile(
    r":$|\b(following|defined (as|by)|either|criteria|includes?|including)\W*$", re.IGNORECASE
)
_CONNECTIVE = re.compile(r"\b(or|and)\W*$", re.IGNORECASE)
FARTHEST_JUMP = 5
"""How many numbers a list may lose in one place before the item is taken for another list's."""


def read_criteria(lines: Iterable[str]) -> CriteriaReading:
    """Read the eligibility section's lines (without the bare values of ages and sex)."""
    gaps: list[Gap] = []
    lists: list[_List] = []
    for heading, block in _blocks(lines):
        lists += _read_block(heading, block, gaps)
    _name_headless(lists, gaps)
    taken: set[str] = set()
    criteria: list[RecordCriterion] = []
    lost: list[tuple[Kind, int, str]] = []
    for found in lists:
        criteria += _flatten(found, taken, gaps)
        lost += _lost_items(found, gaps)
    return CriteriaReading(tuple(criteria), tuple(lost), tuple(gaps))


def _blocks(lines: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Cut at the headings of the lists; a heading may carry its first item on the same line."""
    heading, block = "", list[str]()
    for line in lines:
        for text in re.split(r"(?<=[.;])\s+(?=(?:Inclusion|Exclusion) criteria\s*:)", line):
            match = _HEADING.fullmatch(text)
            if not match:
                block.append(text)
                continue
            if heading or block:
                yield heading, block
            heading, block = (match[1] or match[3]).lower()[:9], []
            rest = (match[2] or match[4] or "").lstrip(":- ").strip()
            block += [rest] if rest else []
    if heading or block:
        yield heading, block


def _read_block(heading: str, block: Sequence[str], gaps: list[Gap]) -> list[_List]:
    kind: Kind = {"inclusion": "inclusion", "exclusion": "exclusion"}.get(heading, "unknown")  # type: ignore[assignment]
    where = f"{heading.title()} Criteria" if heading else "Eligibility Criteria"
    items = _items(block, where, gaps)
    if heading and not items:
        gaps.append(Gap(where, "the list is empty"))
    lists = [_List(kind)]
    numbers = [n for style, n, _ in items if style == "number"]
    stack: list[list[_Node]] = [lists[0].nodes]
    n_numbers = 0
    for style, number, text in items:
        n_numbers += style == "number"
        if not _place(_Node(style, number, text), stack, ahead=numbers[n_numbers:]):
            lists.append(_List("unknown"))
            stack = [lists[-1].nodes]
            _place(_Node(style, number, text), stack, ahead=numbers[n_numbers:])
    return [found for found in lists if found.nodes]


def _items(block: Sequence[str], where: str, gaps: list[Gap]) -> list[Item]:
    """Markers apart from texts; a line without a marker in a marked list continues or is a gap."""
    items: list[Item] = []
    marked = [_marker(line) for line in block]
    is_marked = any(style for style, _, _ in marked)
    has_numbers = any(style == "number" for style, _, _ in marked)
    for style, number, text in marked:
        before = items[-1] if items else None
        if style or not is_marked:
            items.append((style or "bullet", number, text))
        elif before and (text[:1].islower() or not re.search(r"[.;:!?]$", before[2])):
            items[-1] = (before[0], before[1], f"{before[2]} {text}")
        elif text.endswith(":") or has_numbers:
            gaps.append(Gap(where, f"between the items: {text}"))
        else:
            items.append(("bullet", 0, text))
    return items


def _marker(line: str) -> Item:
    for style, pattern in _MARKERS:
        match = pattern.match(line)
        if match:
            text = line[match.end() :]
            if style == "number":
                return style, int(match[1]), text
            if style == "roman":
                return style, _ROMAN.index(match[1]) + 1, text
            return style, ord(match[1].lower()) - 96 if style == "letter" else 0, text
    return "", 0, line


def _place(node: _Node, stack: list[list[_Node]], *, ahead: Sequence[int]) -> bool:
    """Hang a node where the sequence wants it; False if it must begin another list."""
    if not stack[0]:
        stack[0].append(node)
        return True
    depth = _depth_for(node, stack, ahead)
    if depth == 0:
        return False
    if depth is not None:
        del stack[depth:]
        _mend_jump(stack[-1], node)
        stack[-1].append(node)
        return True
    _nest(node, stack)
    return True


def _depth_for(node: _Node, stack: list[list[_Node]], ahead: Sequence[int]) -> int | None:
    """Which open list the node continues, counted from 1 (outermost); None: a list of its own.

    Zero says that the node restarts a list and belongs under nothing.
    """
    if node.style == "roman" and not any(level[-1].style == "roman" for level in stack):
        letters = [level for level in stack if level[-1].style == "letter"]
        if any(level[-1].number == 8 for level in letters) and node.number == 1:
            node.style, node.number = "letter", 9
    same = [d for d, level in enumerate(stack, 1) if level[-1].style == node.style]
    if node.style == "bullet":
        return same[-1] if same else None
    exact = [d for d in same if stack[d - 1][-1].number + 1 == node.number]
    if exact:
        is_again = node.number in ahead and 1 not in ahead[: list(ahead).index(node.number)]
        if len(exact) > 1:
            node.marks.append("scope")
        return exact[-1] if len(exact) > 1 and is_again else exact[0]
    last = stack[-1][-1]
    if not same or (node.number == 1 and _is_nested(stack[same[0] - 1][-1], last, ahead)):
        return None
    jumps = {d: node.number - stack[d - 1][-1].number for d in same}
    near = {d: jump for d, jump in jumps.items() if 1 < jump <= FARTHEST_JUMP}
    if near:
        return min(near, key=lambda d: (near[d], -d))
    return None if _OPENER.search(last.text) or last.style == "bullet" else 0


def _is_nested(outer: _Node, last: _Node, ahead: Sequence[int]) -> bool:
    """Whether a list restarting at 1 lies inside `last`: the outer list goes on after its run."""
    if _OPENER.search(last.text) or last.style != outer.style:
        return True
    run = 1
    for number in ahead:
        if number != run + 1:
            return 0 < number - outer.number <= FARTHEST_JUMP
        run = number
    return False


def _mend_jump(level: list[_Node], node: _Node) -> None:
    """Parts that follow an item which announces none belong to the lost item after it."""
    last = level[-1]
    is_jump = node.style != "bullet" and node.number > last.number + 1
    if is_jump and last.children and not _OPENER.search(last.text):
        lost = _Node(last.style, last.number + 1, "", ["lost_item"], last.children)
        last.children = []
        level.append(lost)


def _nest(node: _Node, stack: list[list[_Node]]) -> None:
    """Begin a list under the last item, or under the lost one that its last word announces."""
    last = stack[-1][-1]
    is_open = bool(_OPENER.search(last.text))
    if not is_open and len(stack) > 1 and _CONNECTIVE.search(last.text):
        last = _Node(last.style, last.number + 1, "", ["lost_item"])
        stack[-1].append(last)
    elif not is_open:
        last.marks.append("scope")
    last.children.append(node)
    stack.append(last.children)


def _name_headless(lists: list[_List], gaps: list[Gap]) -> None:
    """A list without a heading beside one with the other heading is the other list."""
    for index, found in enumerate(lists):
        if found.kind != "unknown":
            continue
        others = {other.kind for other in lists} - {"unknown"}
        n_unknown = sum(other.kind == "unknown" for other in lists)
        is_first = index == 0 and others == {"exclusion"}
        is_second = index == 1 and others == {"inclusion"}
        if n_unknown == 1 and (is_first or is_second):
            found.kind = "inclusion" if is_first else "exclusion"
            what = f"a list has lost its heading; its place says {found.kind}: check it"
        else:
            what = "criteria without a heading: inclusion or exclusion is not said"
        found.marks.append("lost_heading")
        gaps.append(Gap("Eligibility Criteria", what))


def _flatten(found: _List, taken: set[str], gaps: list[Gap]) -> Iterator[RecordCriterion]:
    letter = LETTERS[found.kind]
    styles = {node.style for node in found.nodes}
    if styles != {"number"}:
        what = f"the {found.kind} list is not numbered: its ids are positions"
        gaps.append(Gap("Eligibility Criteria", f"{what}, and a lost first item would not show"))
    for position, node in enumerate(found.nodes, 1):
        number = node.number if node.style == "number" else position
        own_id = _unused(f"{letter}{number}", taken)
        node.marks.extend(found.marks)
        yield from _walk(node, own_id, parent=None, kind=found.kind, taken=taken, gaps=gaps)


def _walk(
    node: _Node,
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


def _own_number(node: _Node) -> str | None:
    if node.style == "number":
        return str(node.number)
    if node.style == "letter":
        return chr(96 + node.number)
    return _ROMAN[node.number - 1] if node.style == "roman" else None


def _letter(node: _Node, position: int) -> str:
    if node.style == "bullet":
        first, last = divmod(position - 1, 26)
        return (chr(96 + first) if first else "") + chr(97 + last)
    return _own_number(node) or str(position)


def _unused(wanted: str, taken: set[str]) -> str:
    """The id, or the id with the next letter where two lists share a number."""
    found, n = wanted, 1
    while found in taken:
        n += 1
        found = f"{wanted}-{n}"
    taken.add(found)
    return found


def _lost_items(found: _List, gaps: list[Gap]) -> Iterator[tuple[Kind, int, str]]:
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
            for number in range(before + 1, after):
                yield found.kind, number, what


def _losses(node: _Node) -> Iterator[str]:
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
