"""An eligibility text becomes lists of criteria: headings, items, and which belongs to which.

Where the text kept its indentation, that decides; where it did not, the sequence of markers does.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from equipoise.exchange.criteria.items import (
    DEEPEST,
    CriteriaList,
    CriteriaReading,
    Gap,
    Item,
    Kind,
    Node,
    to_reading,
)
from equipoise.exchange.criteria.lines import (
    Heading,
    is_empty,
    read_heading,
    read_item,
    split_headings,
    split_lists,
    split_paragraph,
)
from equipoise.exchange.criteria.reading import read_join
from equipoise.exchange.criteria.sequence import place

_ELIGIBILITY = "Eligibility Criteria"
_NOTE = re.compile(
    r"\b(?:information listed above|not intended to contain all|other protocol[- ]defined"
    r"|other (?:inclusion|exclusion|eligibility)\b.*criteria (?:may|could|might|apply|will)"
    r"|additional (?:inclusion|exclusion|eligibility)?.*criteria (?:may|could|might|apply)"
    r"|(?:for )?(?:further|more) (?:information|details).*(?:contact|see|refer))\b",
    re.IGNORECASE,
)
_LONGEST_LABEL = 120
_SHORT_LABEL = re.compile(r"[A-Z][\w/-]*(?: [\w/-]+){0,3}")
_NOTHING = re.compile(
    r"(?:none|n/?a|not applicable|not specified|not provided|nil)\W*", re.IGNORECASE
)
_PLAIN = re.compile(
    r"\b(?:(?:non[- ]?)?inclusions?|exclusions?|criteri\w+|key|main|major|general|study|patients?|"
    r"subjects?|participants?|the|and|for|eligibility|crit[eè]res?|de|d)\b|\W|\d",
    re.IGNORECASE,
)


def read_criteria(lines: Iterable[str]) -> CriteriaReading:
    """Read the lines of an eligibility text, without its escapes, with their indentation."""
    gaps: list[Gap] = []
    lists: list[CriteriaList] = []
    blocks = list(_blocks(lines))
    for (heading, block), following in zip(blocks, [*blocks[1:], None], strict=False):
        is_said_again = following and heading and following[0] and following[0].kind == heading.kind
        if block or not is_said_again:
            lists += _read_block(heading, block, gaps)
    _name_headless(lists, gaps)
    return to_reading(lists, gaps)


Line = tuple[str, bool]
"""A line, and whether an empty one precedes it."""


def _blocks(lines: Iterable[str]) -> Iterator[tuple[Heading | None, list[Line]]]:
    """Cut at the headings of the lists; a heading may carry its first item on the same line."""
    heading: Heading | None = None
    block: list[Line] = []
    after_blank = False
    for line in lines:
        if not line.strip():
            after_blank = True
            continue
        for text in split_headings(line):
            found = read_heading(text)
            if found is None:
                block += [(part, after_blank) for part in split_lists(text)]
                continue
            if heading or block:
                yield heading, block
            heading, block = found, []
            block += [(part, False) for part in split_lists(found.rest)] if found.rest else []
        after_blank = False
    if heading or block:
        yield heading, block


def _read_block(
    heading: Heading | None, block: Sequence[Line], gaps: list[Gap]
) -> list[CriteriaList]:
    kind: Kind = heading.kind if heading else "unknown"
    where = f"{kind.title()} Criteria" if heading and kind != "unknown" else _ELIGIBILITY
    if heading and not heading.is_assumed and _PLAIN.sub("", heading.words):
        gaps.append(Gap(where, f"the list's heading says for whom: {heading.words}"))
    items = _items(block, where, gaps)
    if heading and not items and kind != "unknown":
        gaps.append(Gap(where, "the list is empty"))
    lists = [CriteriaList(kind)]
    if heading and heading.is_assumed:
        lists[0].marks.append("lost_heading")
        what = f"{heading.words}: read as inclusion, as requirements of that style are; check it"
        gaps.append(Gap(where, what))
    for label, members in _groups(items):
        if label is None:
            _arrange(members, lists)
            continue
        if not members:
            gaps.append(Gap(where, f"between the items: {label.text}"))
            continue
        node = Node("label", 0, label.text)
        lists[-1].nodes.append(node)
        parts = [CriteriaList(kind)]
        _arrange(members, parts)
        node.children = [child for part in parts for child in part.nodes]
    return [found for found in lists if found.nodes]


def _groups(items: Sequence[Item]) -> Iterator[tuple[Item | None, list[Item]]]:
    """The items under each label; those before the first stand alone."""
    label: Item | None = None
    members: list[Item] = []
    for item in items:
        if item.style != "label":
            members.append(item)
            continue
        if label or members:
            yield label, members
        label, members = item, []
    if label or members:
        yield label, members


def _arrange(items: Sequence[Item], lists: list[CriteriaList]) -> None:
    """Hang items into the last list, by indentation if there is any, else by sequence."""
    marked = {item.indent for item in items if item.style}
    if len(marked) > 1:
        lists[-1].nodes += _by_indent(items)
        return
    numbers = [item.number for item in items if item.style == "number"]
    stack: list[list[Node]] = [lists[-1].nodes]
    n_numbers = 0
    for item in items:
        n_numbers += item.style == "number"
        ahead = numbers[n_numbers:]
        if not place(Node(item.style, item.number, item.text), stack, ahead=ahead):
            lists.append(CriteriaList("unknown"))
            stack = [lists[-1].nodes]
            place(Node(item.style, item.number, item.text), stack, ahead=ahead)


Level = tuple[int, str, list[Node]]
"""An open list: how far its items are indented, how they are marked, the items."""


def _by_indent(items: Sequence[Item]) -> list[Node]:
    """An item that stands further in than another is a part of it."""
    top: list[Node] = []
    stack: list[Level] = []
    for item in items:
        node = Node(item.style, item.number, item.text)
        while stack and stack[-1][0] > item.indent:
            stack.pop()
        same = [
            i for i, (n, style, _) in enumerate(stack) if (n, style) == (item.indent, item.style)
        ]
        if same:
            del stack[same[-1] + 1 :]
            stack[-1][2].append(node)
            continue
        if not stack:
            level = top
        elif len(stack) == DEEPEST or _is_beside(item, stack[-1]):
            level = stack[-1][2]
        else:
            level = stack[-1][2][-1].children
        level.append(node)
        if not stack or stack[-1][2] is not level:
            stack.append((item.indent, item.style, level))
    return top


def _is_beside(item: Item, level: Level) -> bool:
    """Whether an item of another style belongs beside the last one: nothing announces it."""
    return level[0] == item.indent and not level[2][-1].text.endswith(":")


def _items(block: Sequence[Line], where: str, gaps: list[Gap]) -> list[Item]:
    """Markers apart from texts; a line without a marker continues, introduces, or is an item."""
    found = [read_item(line, after_blank=blank) for line, blank in block if not is_empty(line)]
    if not any(item.style for item in found):
        return _prose(found, where, gaps)
    items: list[Item] = []
    for index, item in enumerate(found):
        rest = found[index + 1 :]
        before = next((i for i in reversed(items) if i.style != "label"), None)
        if _NOTHING.fullmatch(item.text):
            gaps.append(Gap(where, f"the list says: {item.text}"))
        elif item.style:
            items.append(item)
        elif items and items[-1].style != "label" and _continues(item, items[-1]):
            items[-1] = _join(items[-1], item)
        elif _is_label(item, rest, before):
            items.append(Item("label", 0, item.text))
        elif _is_aside(item, before, found):
            gaps.append(Gap(where, f"between the items: {item.text}"))
        else:
            items.append(Item("bullet", 0, item.text, before.indent if before else 0))
    return items


def _prose(found: Sequence[Item], where: str, gaps: list[Gap]) -> list[Item]:
    """Lines without any marker: each an item, a single paragraph cut into its sentences."""
    texts = [item.text for item in found]
    if len(texts) == 1:
        texts = split_paragraph(texts[0])
        if len(texts) > 1:
            what = f"one paragraph was cut into {len(texts)} criteria: check them"
            gaps.append(Gap(where, what))
    apart = any(item.after_blank for item in found[1:])
    blanks = [item.after_blank for item in found] if len(texts) == len(found) else []
    merged: list[str] = []
    for index, text in enumerate(texts):
        is_wrapped = apart and bool(blanks) and not blanks[index]
        goes_on = is_wrapped or (bool(blanks) and text[:1].islower())
        if merged and goes_on and not merged[-1].endswith((":", ";")):
            merged[-1] = f"{merged[-1]} {text}"
        else:
            merged.append(text)
    notes = [text for text in merged if _NOTE.search(text) or _NOTHING.fullmatch(text)]
    gaps += [Gap(where, f"between the items: {text}") for text in notes]
    return [Item("bullet", 0, text) for text in merged if text not in notes]


def _continues(item: Item, before: Item) -> bool:
    """Whether a line without a marker goes on with the item before it."""
    if _NOTE.search(item.text):
        return False
    if item.indent > before.indent:
        return True
    is_open = not re.search(r"[.;:!?]$", before.text) and not item.after_blank
    is_label = item.text.endswith(":") and item.after_blank
    return (item.text[:1].islower() or is_open) and not is_label


def _is_label(item: Item, rest: Sequence[Item], before: Item | None) -> bool:
    """Whether a line introduces the items after it, which form a group of their own."""
    following = next(iter(rest), None)
    is_short = len(item.text) <= _LONGEST_LABEL
    is_said = item.text.endswith(":") or bool(read_join(item.text)) or item.text.isupper()
    is_said = is_said or (item.after_blank and bool(_SHORT_LABEL.fullmatch(item.text)))
    if not (is_short and is_said and following and following.style):
        return False
    goes_on = before is not None and following.style == "number" and following.number > 1
    is_only_intro = before is None and not any(_could_label(other) for other in rest)
    return not goes_on and (not is_only_intro or read_join(item.text) == "any")


def _could_label(item: Item) -> bool:
    is_short = item.after_blank and bool(_SHORT_LABEL.fullmatch(item.text))
    return not item.style and (item.text.endswith(":") or is_short)


def _is_aside(item: Item, before: Item | None, found: Sequence[Item]) -> bool:
    has_numbers = any(other.style == "number" for other in found)
    return (
        item.text.endswith(":")
        or (has_numbers and before is not None)
        or bool(_NOTE.search(item.text))
    )


def _join(before: Item, item: Item) -> Item:
    text = f"{before.text} {item.text}"
    return Item(before.style, before.number, text, before.indent, before.after_blank)


def _name_headless(lists: list[CriteriaList], gaps: list[Gap]) -> None:
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
        gaps.append(Gap(_ELIGIBILITY, what))
