"""A registry page, cut into sections, as a record."""

from collections.abc import Iterable

from equipoise.exchange.criteria.items import Gap
from equipoise.exchange.criteria.listing import read_criteria
from equipoise.exchange.criteria.reading import read_age_bounds
from equipoise.exchange.record.facts import Record
from equipoise.exchange.record.page import RegistryPage
from equipoise.exchange.record.page_arms import read_arms
from equipoise.exchange.record.page_facts import is_person_value, read_facts

_READ = {
    "",
    "basic information",
    "study design",
    "study groups",
    "interventions",
    "eligibility criteria",
    "sponsors",
    "other identifiers",
}


def from_registry_page(page: RegistryPage) -> Record:
    """Read a page that has been cut into sections."""
    section = page.lines_of("eligibility criteria")
    found = read_criteria([line.raw for line in section if not is_person_value(line)])
    bounds = read_age_bounds(c.text for c in found.criteria if c.kind != "exclusion")
    arms, arm_gaps = read_arms(page)
    return Record(
        title=page.title,
        reading=read_facts(page, bounds=bounds),
        arms=arms,
        criteria=found,
        bounds=bounds,
        outcomes=tuple(line.text for line in page.lines_of("primary outcomes")),
        gaps=(*_heads(page), *arm_gaps),
        unread=tuple(_unread(page)),
    )


def _heads(page: RegistryPage) -> tuple[Gap, ...]:
    return tuple(Gap("Page head", f"not placed: {line.text}") for line in page.lines_of(""))


def _unread(page: RegistryPage) -> Iterable[Gap]:
    """Sections that have no place in a study folder, and sections that are empty."""
    for section in page.sections:
        if not section.lines and section.name != "study results":
            yield Gap(section.title, "the section is empty on the page")
        elif section.name in ("brief summary", "detailed description"):
            n = len(section.lines)
            yield Gap(section.title, f"{n} paragraphs have no place in a study folder")
        elif section.name not in _READ:
            yield from (Gap(section.title, f"not placed: {line.raw}") for line in section.lines)
