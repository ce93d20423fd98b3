"""The text of a registry mirror's page: sections with a heading and a blurb, values without labels.

The page is what remains after a conversion that loses markup, labels, indentation and the first
paragraph of many sections. So a value is known by what it is and by the section it stands in, never
by the number of its line; and two readings of a value mean that it is not read.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from equipoise.exchange.record.words import clean_text

SECTIONS: Mapping[str, str] = {
    "study results": r"has (not )?(yet )?published|check back later",
    "basic information": r"recruitment status",
    "official title": r"official (study )?title",
    "brief summary": r"synopsis",
    "detailed description": r"narrative",
    "conditions": r"disease areas",
    "keywords": r"keywords",
    "study design": r"(trial|study) is (structured|built)",
    "study groups": r"each (study )?(arm|cohort|group)\b",
    "interventions": r"drugs, procedures",
    "primary outcomes": r"primary (outcomes?|endpoints?)",
    "secondary outcomes": r"secondary (outcomes?|endpoints?)",
    "other outcomes": r"(other|exploratory) (outcomes?|endpoints?)",
    "eligibility criteria": r"participation requirements",
    "sponsors": r"organi[sz]ations (funding|paying)",
    "responsible party": r"primary responsibility",
    "principal investigators": r"investigators? (leading|who lead)",
    "central contacts": r"contacts? (for|with) (questions|your questions)",
    "locations": r"(sites|places|facilities) (where|that)",
    "countries": r"countries",
    "references": r"(publications|articles)",
    "related links": r"links",
    "other identifiers": r"registry numbers",
}
"""Each known section and the words by which its blurb is known when the heading is lost."""

_BLURB = re.compile(
    r"(Get|Review|Dive|See|Explore|Understand|Learn|Check|Meet|Identify|Reach|Find|Browse|"
    r"Discover|Access|View|Track|Read|Look|Know|Take)\b.{20,260}\.$|The study team has\b.*"
)
_LABELS: Mapping[str, str] = {
    "recruitment status": "status",
    "overall status": "status",
    "clinical phase": "phase",
    "phase": "phase",
    "total enrollment": "planned_participants",
    "enrollment": "planned_participants",
    "study classification": "type",
    "study type": "type",
    "study start date": "start",
    "start date": "start",
    "primary completion date": "primary_completion",
    "study completion date": "completion",
    "completion date": "completion",
    "allocation method": "allocation",
    "allocation": "allocation",
    "intervention model": "model",
    "observation model": "model",
    "primary study purpose": "purpose",
    "primary purpose": "purpose",
    "blinding strategy": "masking",
    "masking": "masking",
    "minimum eligible age": "minimum_age",
    "minimum age": "minimum_age",
    "maximum eligible age": "maximum_age",
    "maximum age": "maximum_age",
    "eligible sex": "sex",
    "sex": "sex",
    "accepts healthy volunteers": "healthy_volunteers",
    "healthy volunteers": "healthy_volunteers",
    "lead sponsor": "sponsor",
}

_LABELED = ("basic information", "study design", "eligibility criteria", "sponsors")


class Line(Struct, frozen=True):
    """A line of the page without its escapes; `label` is what the page itself calls its value.

    `raw` is the line with such a label still before the value.
    """

    text: str
    label: str = ""
    raw: str = ""


class Section(Struct, frozen=True):
    """A section and its lines; `name` is lower case, empty for what precedes every heading."""

    name: str
    lines: tuple[Line, ...]

    @property
    def title(self) -> str:
        """The heading as people read it."""
        return self.name.title() if self.name else "Page head"


class RegistryPage(Struct, frozen=True):
    """A page cut into sections, in the order of the page."""

    title: str
    nct: str
    sections: tuple[Section, ...]

    def lines_of(self, *names: str) -> tuple[Line, ...]:
        """The lines of the sections with these names."""
        return tuple(line for s in self.sections if s.name in names for line in s.lines)

    def has(self, name: str) -> bool:
        """Whether the page has this section, be it empty."""
        return any(s.name == name for s in self.sections)


def read_registry_page(text: str) -> RegistryPage | None:
    """Cut a page into sections; None if the text has neither an NCT line nor two known sections."""
    lines = [line for line in text.replace("\ufeff", "").splitlines() if line.strip()]
    sections = _sections([clean_text(line) for line in lines])
    heads = [line for s in sections[:1] for line in s.lines]
    nct = _nct(line.text for s in sections for line in s.lines)
    if not nct and sum(s.name in SECTIONS for s in sections) < 2:
        return None
    is_head = re.compile(r"(NCT (ID|number)|Last Updated)\b", re.IGNORECASE)
    free = [line for line in heads if not is_head.match(line.text)]
    is_titled = bool(free and heads[0] is free[0])
    rest = tuple(free[1:] if is_titled else free)
    first = (Section("", rest),) if rest else ()
    title = free[0].text if is_titled else ""
    return RegistryPage(title, nct, (*first, *_labeled(sections[1:])))


def _nct(lines: Iterable[str]) -> str:
    """The page's own number; numbers of other trials stand inside sentences and never count."""
    own = re.compile(r"(?:NCT (?:ID|number)\s*:?\s*)?(NCT\d{8})", re.IGNORECASE)
    found = {m[1].upper() for m in map(own.fullmatch, lines) if m}
    return found.pop() if len(found) == 1 else ""


def _sections(lines: Sequence[str]) -> list[Section]:
    """Headings begin sections, and so does a known blurb whose heading is lost."""
    cut: list[tuple[str, list[Line]]] = [("", [])]
    after_heading = False
    for index, text in enumerate(lines):
        following = lines[index + 1] if index + 1 < len(lines) else ""
        name = _heading(text, following)
        if name:
            cut.append((name, []))
        elif _BLURB.fullmatch(text) and (after_heading or _blurb_of(text)):
            if not after_heading and _blurb_of(text) != cut[-1][0]:
                cut.append((_blurb_of(text), []))
        else:
            cut[-1][1].append(Line(text))
        after_heading = bool(name)
    return [Section(name, tuple(found)) for name, found in cut]


def _heading(text: str, following: str) -> str:
    name = text.rstrip(":").lower()
    if name in SECTIONS:
        return name
    is_unknown = (
        len(text) <= 60
        and text[:1].isupper()
        and text[-1:] not in ".;:,"
        and _BLURB.fullmatch(following)
        and not _blurb_of(following)
    )
    return name if is_unknown else ""


def _blurb_of(text: str) -> str:
    """The section that a blurb introduces, if it names it in words of its own."""
    if not _BLURB.fullmatch(text):
        return ""
    found = [s for s, words in SECTIONS.items() if re.search(words, text, re.IGNORECASE)]
    return found[0] if len(found) == 1 else ""


def _labeled(sections: Iterable[Section]) -> Iterable[Section]:
    """A line that is a known label, or begins with one and a colon, names the value after it."""
    for section in sections:
        yield Section(section.name, tuple(_with_labels(section)))


def _with_labels(section: Section) -> Iterable[Line]:
    waiting = ""
    for line in section.lines:
        before, _, after = (part.strip() for part in line.text.partition(":"))
        label = _LABELS.get(before.lower(), "") if section.name in _LABELED else ""
        if label and not after:
            waiting = label
            continue
        yield Line(after if label else line.text, label or waiting, line.text)
        waiting = ""
