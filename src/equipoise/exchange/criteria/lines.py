"""The lines of an eligibility text: markers, headings, and lists that stand inside a paragraph."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from msgspec import Struct

from equipoise.exchange.criteria.items import ROMAN, Item, Kind

LONGEST_HEADING = 160
_ROMAN_NUMBER = r"x{0,1}(?:ix|iv|v?i{1,3}|v)|x{1,2}"
_SPECIES = r"(?:coli|pylori|difficile|aureus|pneumoniae|albicans|tuberculosis|jirovecii|cruzi)\b"
MARKERS = (
    ("number", re.compile(r"[(\[#]?\s?(\d{1,2})\s?(?:[.)\]]+(?!\d)\s*|[-–]\s+(?![\d.]))(?=\S)")),
    ("bullet", re.compile(r"([*•●▪◦·‣∙■□○➢✓]|[-–—−](?=\s|[A-Z])|o(?=\s{2,}))\s*(?=\S)")),
    ("roman", re.compile(rf"[(\[]?({_ROMAN_NUMBER}|{_ROMAN_NUMBER.upper()})[.)\]]\s+(?=\S)")),
    ("letter", re.compile(rf"[(\[]?([a-zA-Z])(?:\.\s+(?!{_SPECIES})|[)\]]\s*)(?=\S)")),
)
_DOTTED = re.compile(r"(\d{1,2}(?:\.\d{1,2}){1,3})[.)]?\s+(?=[A-Z])")
_EMPTY = re.compile(r"[\W_]*|[(\[]?(\d{1,3}|[a-z])[.)\]]")

_WORDS = r"(?:[\w/&,'-]+\s+){0,5}?"
_WHOM = (
    "for|of|are|includes?|in|at|to|the|all|part|cohort|group|arm|phase|stage|study|stratum|step|as|"
    "patients?|subjects?|participants?|healthy|controls?|general|main|key"
)
_FOR = (
    rf"(?:\s*[-–:(]?\s*\(?(?:{_WHOM})\b[^:]{{0,80}}\)?"
    r"|\s*\([^)]{0,80}\)|\s+[\w]{1,12})?"
)
_HEADING = re.compile(
    rf"(?!.*\b(?:meet|meets|meeting|fulfil\w*|any|no|with|who|must|satisf\w+)\b.*criteria)"
    rf"(?:{_WORDS}(non[- ]?inclusions?|inclusions?|exclusions?|ineligibility|entry)\s+"
    r"criteri(?:a|ons?|as)"
    rf"{_FOR}\s*(:.*|[-–]\s*)?"
    rf"|(inclusions?|exclusions?|inclusion/exclusion)\s*(:.*)"
    rf"|(inclusions?|exclusions?|included|excluded)\s*()"
    rf"|criteria\s+for\s+(inclusion|exclusion|entry)\b[^:]{{0,60}}(:.*)?"
    rf"|crit[eè]res?\s+(?:de\s+|d['’])?(non[- ]inclusion|inclusion|exclusion)\b[^:]{{0,60}}(:.*)?)",
    re.IGNORECASE,
)
_SENTENCE = re.compile(
    r"(?:(?:patients?|subjects?|participants?|individuals?|volunteers?|people|women|children|they)"
    r"\b[^.:]{0,80}?\b(?:are|is|will be|must be|should be)\s+(?:\w+\s+)?"
    r"(eligible|included|ineligible|not eligible|excluded|not included)\b[^.:]{0,80}:"
    r"|(?:the\s+)?(exclusions?|inclusions?)\b[^.:]{0,40}:)\s*",
    re.IGNORECASE,
)
_ALL_CRITERIA = re.compile(
    r"(?:key |main )?(?:eligibility|selection|participation|study) criteria\s*:?", re.IGNORECASE
)
_REQUIREMENTS = re.compile(
    r"(disease characteristics|patient characteristics|prior/?\s?concurrent therapy"
    r"|prior and concurrent therapy)\s*:?\s*(.*)",
    re.IGNORECASE,
)
"""Headings of older records: each states what is required, so that their lists are inclusion."""

_KINDS: Mapping[str, Kind] = {
    "inclusion": "inclusion",
    "included": "inclusion",
    "entry": "inclusion",
    "eligible": "inclusion",
    "exclusion": "exclusion",
    "excluded": "exclusion",
    "ineligible": "exclusion",
    "ineligibility": "exclusion",
    "not eligible": "exclusion",
    "not included": "exclusion",
}
_INLINE_HEADING = re.compile(
    r"(?<=[.;:,)])\s+(?=(?:Key |Main |Major |General |Additional )?"
    r"(?:Inclusion|Exclusion|Non-?[Ii]nclusion) [Cc]riteria\s*[:-])"
    r"|(?<=[a-z0-9)])\s+(?=(?:Key |Main |Major |General |Additional )?"
    r"(?:Inclusion|Exclusion) Criteria\s*:|(?:INCLUSION|EXCLUSION) CRITERIA\b)"
    r"|(?<=[.;])\s+(?=(?:inclusion|exclusion) criteria\s*:)"
)


class Heading(Struct, frozen=True):
    """A heading of a list: its kind, its words if it names a list, what follows on the line.

    `is_assumed` says that the kind is the convention of a style, not a word of the record.
    """

    kind: Kind
    words: str
    rest: str = ""
    is_assumed: bool = False


def read_heading(line: str) -> Heading | None:
    """The heading that a line is, or None for an item of a list."""
    text = re.sub(r"^[*#_\s]+(?=\w)|(?<=[\w:)])[*_\s]+$", "", line.strip())
    text = re.sub(r"(?<=:)\*+|\*+(?=:)", "", text)
    text = re.sub(r"^(?:\d{1,2}(?:\.\d)?[.)]\s*|[A-Z][.)]\s+|[IVX]{1,4}[.)]\s+)", "", text)
    head = text.partition(":")[0]
    if len(head) > LONGEST_HEADING:
        return None
    if match := _REQUIREMENTS.fullmatch(text):
        return Heading("inclusion", match[1], match[2], is_assumed=True)
    if _ALL_CRITERIA.fullmatch(text):
        return Heading("unknown", "")
    if match := _HEADING.fullmatch(text):
        groups = match.groups()
        word = next(g for g in groups[0::2] if g)
        rest = "".join(g for g in groups[1::2] if g)
        if "/" in word:
            return Heading("unknown", head, rest.lstrip(":-– ").strip())
        return Heading(_kind(word), head.strip(), rest.lstrip(":-– ").strip())
    if (match := _SENTENCE.match(text)) and match.end() == len(text):
        return Heading(_kind(match[1] or match[2]), "")
    return None


def _kind(word: str) -> Kind:
    plain = word.lower().rstrip("s")
    return "exclusion" if plain.startswith("non") else _KINDS.get(plain, "unknown")


def split_headings(line: str) -> list[str]:
    """Cut a line before each heading inside it; a word or two before one belong to it."""
    parts: list[str] = []
    for part in _INLINE_HEADING.split(line):
        if parts and len(parts[-1].split()) < 3 and parts[-1][-1:] not in ".;:":
            parts[-1] = f"{parts[-1]} {part}"
        else:
            parts.append(part)
    return [part for part in parts if part.strip()]


def read_item(line: str, *, after_blank: bool = False) -> Item:
    """Marker apart from text; a line without a marker has an empty style."""
    indent = len(line) - len(line.lstrip())
    body = line.strip()
    if dotted := _DOTTED.match(body):
        depth, number = dotted[1].count("."), int(dotted[1].rpartition(".")[2])
        return Item("number", number, body[dotted.end() :], indent + 2 * depth, after_blank)
    for style, pattern in MARKERS:
        match = pattern.match(body)
        if match:
            number = _number(style, match[1])
            return Item(style, number, body[match.end() :].strip(), indent, after_blank)
    return Item("", 0, body, indent, after_blank)


def _number(style: str, marker: str) -> int:
    if style == "number":
        return int(marker)
    if style == "roman":
        return ROMAN.index(marker.lower()) + 1 if marker.lower() in ROMAN else 1
    return ord(marker.lower()) - 96 if style == "letter" else 0


def is_empty(line: str) -> bool:
    """Whether a line holds a marker and nothing else, or nothing."""
    return bool(_EMPTY.fullmatch(line.strip()))


_INLINE = (
    re.compile(r"(?:^|(?<=\s))[(\[]?(\d{1,2})[.)\]]\s+(?=\S)"),
    re.compile(r"(?:^|(?<=\s))[(\[]?([a-z])[)\]]\s+(?=\S)"),
)
_INLINE_BULLET = re.compile(
    r"(?:^|(?<=[\s:;.]))[•●▪◦‣■]\s*(?=\S)|(?:^|(?<=[:;.]))\s+[-*–]\s+(?=[A-Z0-9≥≤<>])"
)
_SENTENCES = re.compile(r"(?<=[a-z0-9)%]{2}\.)\s+(?=[A-Z(])")


def split_lists(line: str) -> Iterable[str]:
    """A list that stands in one line, `1) a; 2) b` or `• a • b`, as one line an item."""
    indent = line[: len(line) - len(line.lstrip())]
    body = line.strip()
    for pattern in _INLINE:
        starts = list(_consecutive(pattern.finditer(body)))
        if len(starts) > 1:
            return _cut(body, starts, indent)
    starts = [m.start() for m in _INLINE_BULLET.finditer(body)]
    return _cut(body, starts, indent) if len(starts) > 1 else [line]


def _cut(body: str, starts: list[int], indent: str) -> list[str]:
    cuts = [0, *starts, len(body)]
    parts = [body[a:b].strip() for a, b in pairwise(cuts)]
    deeper = "  " if parts[0] else ""
    head = [indent + parts[0]] if parts[0] else []
    return [*head, *(indent + deeper + part for part in parts[1:] if part)]


def _consecutive(found: Iterable[re.Match[str]]) -> Iterator[int]:
    """The starts of markers that count up by one from the first."""
    expected = 1
    for match in found:
        number = int(match[1]) if match[1].isdecimal() else ord(match[1]) - 96
        if number == expected:
            yield match.start()
            expected += 1


def split_paragraph(text: str) -> list[str]:
    """The sentences, or the parts between semicolons, of a paragraph that is a whole list."""
    parts = [p.strip() for p in re.split(r";\s+", text)]
    if len(parts) < 3:
        parts = [p.strip() for p in _SENTENCES.split(text)]
    return [p for p in parts if p]
