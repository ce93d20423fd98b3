"""A registry page becomes a draft: what it states, what must be decided, a folder to start from.

A draft never invents. Texts stay as the record has them, in the record's language; a rule is
proposed only where the words can mean nothing else; whatever finds no place is listed.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from equipoise.exchange.criteria_list import RecordCriterion, read_criteria
from equipoise.exchange.criteria_reading import propose_expression, read_age_bounds, read_marks
from equipoise.exchange.draft_folder import (
    DraftCriterion,
    FolderSource,
    open_questions,
    say_mark,
    to_pieces,
)
from equipoise.exchange.registry_arms import DraftArm, read_arms
from equipoise.exchange.registry_facts import Facts, Gap, is_person_value, read_facts
from equipoise.exchange.registry_page import RegistryPage, read_registry_page
from equipoise.problems import Refused, problem
from equipoise.study.write import write_study_files

LARGEST_RECORD = 5_000_000
"""Bytes. The longest registry pages have a tenth of this."""

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


class Draft(Struct, frozen=True, kw_only=True):
    """What a record gave: its facts, arms and criteria, the gaps, and the pieces of a folder."""

    study: str
    title: str
    facts: Facts
    arms: tuple[DraftArm, ...]
    criteria: tuple[DraftCriterion, ...]
    gaps: tuple[Gap, ...]
    pieces: Mapping[str, object]


def draft_study(record_path: Path) -> Draft:
    """Read a registry page (.txt). Refused if the file is no such page."""
    text = _load_text(record_path)
    page = read_registry_page(text)
    if page is None:
        raise Refused([problem("EQ-D005", str(record_path), file=record_path.name)])
    return from_registry_page(page)


def from_registry_page(page: RegistryPage) -> Draft:
    """Draft a study from a page that has been cut into sections."""
    section = page.lines_of("eligibility criteria")
    found = read_criteria([line.raw for line in section if not is_person_value(line)])
    bounds = read_age_bounds(c.text for c in found.criteria if c.kind != "exclusion")
    reading = read_facts(page, bounds=bounds)
    arms, arm_gaps = read_arms(page)
    criteria = tuple(_to_draft(found.criteria))
    study = _name(page, reading.facts)
    gaps_of_page = (
        *_title_gap(page),
        *_type_gap(reading.study_type),
        *reading.gaps,
        *arm_gaps,
        *found.gaps,
        *_mark_gaps(criteria),
        *_unread(page),
    )
    source = FolderSource(
        study=study,
        title=page.title,
        reading=reading,
        arms=arms,
        criteria=criteria,
        lost=found.lost,
        bounds=bounds,
        outcomes=tuple(line.text for line in page.lines_of("primary outcomes")),
    )
    undecided = [Gap(d.id, f"{d.question.en} {d.because.en}") for d in open_questions(source)]
    return Draft(
        study=study,
        title=page.title,
        facts=reading.facts,
        arms=arms,
        criteria=criteria,
        gaps=(*gaps_of_page, *undecided),
        pieces=to_pieces(source),
    )


def write_draft(draft: Draft, directory: Path) -> None:
    """Write the study folder. Refused if the directory holds anything."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        n_found = sum(1 for _ in directory.iterdir())
        if n_found:
            where = str(directory)
            raise Refused([problem("EQ-D006", where, directory=where, n_found=n_found)])
        write_study_files(directory, draft.pieces)
        (directory / "forms").mkdir()
    except OSError as error:
        detail = error.strerror or str(error)
        where = str(directory)
        raise Refused([problem("EQ-D007", where, directory=where, detail=detail)]) from error


def to_answer(draft: Draft) -> dict[str, object]:
    """The draft as `equipoise draft --json` prints it."""
    keys = ("study", "facts", "arms", "criteria", "gaps")
    answer = {key: getattr(draft, key) for key in keys}
    plain: dict[str, object] = msgspec.json.decode(msgspec.json.encode(answer))
    return plain


def _load_text(path: Path) -> str:
    where, name = str(path), path.name
    try:
        n_bytes = path.stat().st_size
        if n_bytes > LARGEST_RECORD:
            limit = LARGEST_RECORD
            raise Refused([problem("EQ-D008", where, file=name, n_bytes=n_bytes, limit=limit)])
        content = path.read_bytes()
    except OSError as error:
        detail = error.strerror or str(error)
        raise Refused([problem("EQ-D001", where, file=name, detail=detail)]) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused([problem("EQ-D003", where, file=name, detail=error.reason)]) from error
    if not text.strip():
        raise Refused([problem("EQ-D002", where, file=name)])
    if "\0" in text:
        raise Refused([problem("EQ-D003", where, file=name, detail="NUL")])
    if text.lstrip()[:200].lower().startswith(("<!doctype", "<html", "<?xml", "<head", "<body")):
        raise Refused([problem("EQ-D004", where, file=name)])
    return text


def _to_draft(criteria: tuple[RecordCriterion, ...]) -> list[DraftCriterion]:
    """Add review marks and, where it is certain, a rule."""
    parents = {c.parent for c in criteria}
    drafts: list[DraftCriterion] = []
    for index, criterion in enumerate(criteria):
        later = {c.parent for c in criteria[index + 1 :]} - {None}
        has_parts = criterion.id in parents
        goes_on = criterion.parent in later
        marks = read_marks(criterion.text, has_parts=has_parts, goes_on=goes_on)
        drafts.append(
            DraftCriterion(
                id=criterion.id,
                kind=criterion.kind,
                number=criterion.number,
                parent=criterion.parent,
                text=criterion.text,
                expression=None if has_parts else propose_expression(criterion.text),
                review=tuple(dict.fromkeys((*marks, *criterion.marks))),
            )
        )
    return drafts


def _name(page: RegistryPage, facts: Facts) -> str:
    """The study's identifier: its number in the registry, else the sponsor's, else `draft`."""
    for candidate in (page.nct, facts.sponsor_id or ""):
        name = "".join(c if c.isascii() and c.isalnum() else "-" for c in candidate.lower())[:64]
        if name[:1].isalpha():
            return name
    return "draft"


def _title_gap(page: RegistryPage) -> tuple[Gap, ...]:
    heads = page.lines_of("")
    lost = () if page.title else (Gap("title", "not found on the page"),)
    return (*lost, *(Gap("Page head", f"not placed: {line.text}") for line in heads))


def _type_gap(study_type: str) -> tuple[Gap, ...]:
    if study_type in ("", "INTERVENTIONAL"):
        return ()
    return (Gap("Basic Information", f"{study_type}: a study folder describes a trial"),)


def _mark_gaps(criteria: tuple[DraftCriterion, ...]) -> list[Gap]:
    quiet = ("needs_review", "judgement")
    return [
        Gap(c.id, say_mark(mark, c.text).en)
        for c in criteria
        for mark in c.review
        if mark not in quiet
    ]


def _unread(page: RegistryPage) -> list[Gap]:
    """Sections that have no place in a study folder, and sections that are empty."""
    gaps: list[Gap] = []
    for section in page.sections:
        if not section.lines and section.name != "study results":
            gaps.append(Gap(section.title, "the section is empty on the page"))
        elif section.name in ("brief summary", "detailed description"):
            n = len(section.lines)
            gaps.append(Gap(section.title, f"{n} paragraphs have no place in a study folder"))
        elif section.name not in _READ:
            gaps += [Gap(section.title, f"not placed: {line.raw}") for line in section.lines]
    return gaps
