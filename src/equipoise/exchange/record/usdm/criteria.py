"""The eligibility criteria of a USDM study: items whose texts are XHTML with tags in them."""

import re
from collections.abc import Iterator, Mapping

import msgspec

from equipoise.exchange.criteria.items import LETTERS, CriteriaReading, Gap, Kind
from equipoise.exchange.criteria.listing import read_criteria
from equipoise.exchange.record.tree import EMPTY, Steps, Tree
from equipoise.exchange.record.usdm.markup import to_lines
from equipoise.exchange.record.words import one_line


class _Lists:
    """The lines of both lists, and how the document identifies each of their criteria."""

    def __init__(self) -> None:
        self.lines: dict[Kind, list[str]] = {"unknown": [], "inclusion": [], "exclusion": []}
        self.names: dict[Kind, list[str]] = {"unknown": [], "inclusion": [], "exclusion": []}

    def add(self, kind: Kind, identifier: str, *, lines: list[str], label: str) -> None:
        """A criterion's lines: its text, or its label where the text is only a list; its parts."""
        match = re.fullmatch(r"\D*?0*(\d{1,4}[A-Za-z]?)", identifier)
        self.names[kind].append(match[1].lower() if match else "")
        is_list = lines[0].startswith(" ")
        first = label or "-" if is_list else re.sub(r"^[*•-] +", "", lines[0].strip())
        own = lines if is_list else lines[1:]
        position = len(self.names[kind])
        self.lines[kind] += [f"{position}. {first}", *(f"   {line}" for line in own)]

    def all_lines(self) -> list[str]:
        """Both lists under their headings; what has no kind stands before them."""
        headed = [
            (f"{kind.title()} Criteria:", *lines) if kind != "unknown" else lines
            for kind, lines in self.lines.items()
            if lines
        ]
        return [line for lines in headed for line in lines]


def read_both_lists(version: Tree, design: Tree, *, steps: Steps) -> CriteriaReading:
    """Both lists, each criterion under the document's own identifier."""
    items = {steps.text(i, "id"): i for i in steps.rows(version, "eligibilityCriterionItems")}
    tags = _tags(version, design, steps=steps)
    lists = _Lists()
    for row in _criteria_rows(version, design, steps=steps):
        item = items.get(steps.text(row, "criterionItemId"), row)
        text = steps.raw(item, "text") or steps.raw(row, "text") or steps.raw(row, "description")
        lines, unknown = to_lines(text, tags)
        for name in unknown:
            steps.complain("Eligibility Criteria", f"the tag {name or '-'} has no value")
        label = steps.text(row, "label") or steps.text(row, "name")
        if lines:
            kind = _kind(steps.branch(row, "category"), steps)
            lists.add(kind, steps.text(row, "identifier"), lines=lines, label=label)
        else:
            steps.complain("Eligibility Criteria", f"a criterion without a text: {label or '-'}")
    return _renamed(read_criteria(lists.all_lines()), lists)


def _renamed(found: CriteriaReading, lists: _Lists) -> CriteriaReading:
    """The ids with the document's identifiers in them, where those are all there and distinct."""
    new: dict[str, str] = {}
    for kind, names in lists.names.items():
        own = [c.id for c in found.criteria if c.kind == kind and c.parent is None]
        if len(own) == len(names) == len(set(names)) and all(names):
            new |= {i: f"{LETTERS[kind]}{name}" for i, name in zip(own, names, strict=True)}

    def rename(own_id: str) -> str:
        first, dot, rest = own_id.partition(".")
        return f"{new.get(first, first)}{dot}{rest}"

    renamed = tuple(
        msgspec.structs.replace(
            c,
            id=rename(c.id),
            parent=rename(c.parent) if c.parent else None,
            number=rename(c.id)[1:] if c.id in new else c.number,
        )
        for c in found.criteria
    )
    return CriteriaReading(
        renamed, found.lost, tuple(Gap(rename(g.where), g.what) for g in found.gaps)
    )


def _criteria_rows(version: Tree, design: Tree, *, steps: Steps) -> list[Tree]:
    """The criteria of the design; older documents have them in the population."""
    for node, name in (
        (design, "eligibilityCriteria"),
        (version, "eligibilityCriteria"),
        (steps.branch(design, "population"), "criteria"),
        (version, "criteria"),
    ):
        if node.get(name):
            return steps.rows(node, name)
    return []


def _kind(category: Tree, steps: Steps) -> Kind:
    code, words = steps.text(category, "code"), steps.text(category, "decode").lower()
    if code == "C25370" or "exclu" in words:
        return "exclusion"
    return "inclusion" if code == "C25532" or "inclu" in words else "unknown"


def _tags(version: Tree, design: Tree, *, steps: Steps) -> Mapping[str, str]:
    """The value of each tag that a text may hold: the attribute that its reference names."""
    tags: dict[str, str] = {}
    known = dict(_by_id(version))
    for dictionary in steps.rows(version, "dictionaries") or steps.rows(design, "dictionaries"):
        for row in steps.rows(dictionary, "parameterMaps"):
            reference = steps.raw(row, "reference")
            own_id = re.search(r'\bid="([^"]*)"', reference)
            attribute = re.search(r'\battribute="([^"]*)"', reference)
            if own_id and attribute:
                found = known.get(own_id[1], EMPTY).get(attribute[1])
                if isinstance(found, str | int | float) and not isinstance(found, bool):
                    number = isinstance(found, float) and found.is_integer()
                    tags[steps.text(row, "tag")] = one_line(str(int(found) if number else found))
            elif reference and "<" not in reference:
                tags[steps.text(row, "tag")] = one_line(reference)
    return tags


def _by_id(node: object) -> Iterator[tuple[str, Tree]]:
    waiting = [node]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            if isinstance(found.get("id"), str):
                yield found["id"], found
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found
