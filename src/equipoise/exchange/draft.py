"""A record becomes a draft: what it states, what must be decided, a folder to start from.

A draft never invents. Texts stay as the record has them, in the record's language; a rule is
proposed where its words state one, and waits for review; whatever finds no place is listed.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from equipoise.exchange.criteria.items import Gap, RecordCriterion
from equipoise.exchange.criteria.reading import read_marks
from equipoise.exchange.drafting.folder import (
    DraftCriterion,
    FolderSource,
    open_questions,
    say_mark,
    to_pieces,
)
from equipoise.exchange.drafting.proposing import Proposals, propose_rules
from equipoise.exchange.record.facts import DraftArm, Facts, Record
from equipoise.exchange.record.opening import LARGEST_RECORD, open_record
from equipoise.problems import Refused, problem
from equipoise.study.write import write_study_files

__all__ = ["LARGEST_RECORD", "Draft", "draft_study", "from_record", "to_answer", "write_draft"]


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
    """Read a registry page, ClinicalTrials.gov JSON or USDM JSON; Refused if it is none."""
    return from_record(open_record(record_path))


def from_record(record: Record) -> Draft:
    """Draft a study from a record that has been read."""
    proposals = propose_rules(record.criteria.criteria)
    criteria = tuple(_to_draft(record.criteria.criteria, proposals))
    study = _name(record.reading.facts)
    gaps = (
        *(() if record.title else (Gap("title", "not found in the record"),)),
        *_type_gap(record.reading.study_type),
        *_masking_gap(record),
        *record.reading.gaps,
        *record.gaps,
        *record.criteria.gaps,
        *_mark_gaps(criteria),
        *record.unread,
    )
    source = FolderSource(
        study=study,
        title=record.title,
        reading=record.reading,
        arms=record.arms,
        criteria=criteria,
        lost=record.criteria.lost,
        bounds=record.bounds,
        outcomes=record.outcomes,
        values=tuple(proposals.values.values()),
    )
    undecided = [Gap(d.id, f"{d.question.en} {d.because.en}") for d in open_questions(source)]
    return Draft(
        study=study,
        title=record.title,
        facts=record.reading.facts,
        arms=record.arms,
        criteria=criteria,
        gaps=tuple(dict.fromkeys((*gaps, *undecided))),
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
        (directory / "forms").mkdir(exist_ok=True)
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


def _to_draft(criteria: tuple[RecordCriterion, ...], proposals: Proposals) -> list[DraftCriterion]:
    """Add review marks and, where the words state one, a rule."""
    parents = {c.parent for c in criteria}
    last_of: dict[str | None, int] = {c.parent: at for at, c in enumerate(criteria)}
    drafts: list[DraftCriterion] = []
    for index, criterion in enumerate(criteria):
        has_parts = criterion.id in parents
        goes_on = criterion.parent is not None and last_of[criterion.parent] > index
        rule = proposals.rules.get(criterion.id)
        marks = read_marks(criterion.text, has_parts=has_parts, goes_on=goes_on, proposal=rule)
        drafts.append(
            DraftCriterion(
                id=criterion.id,
                kind=criterion.kind,
                number=criterion.number,
                parent=criterion.parent,
                text=criterion.text,
                expression=rule.expression if rule else None,
                review=tuple(dict.fromkeys((*marks, *criterion.marks))),
            )
        )
    return drafts


def _name(facts: Facts) -> str:
    """The study's identifier: its number in the registry, else the sponsor's, else `draft`."""
    for candidate in (facts.nct or "", facts.sponsor_id or ""):
        name = "".join(c if c.isascii() and c.isalnum() else "-" for c in candidate.lower())[:64]
        if name[:1].isalpha():
            return name
    return "draft"


def _type_gap(study_type: str) -> tuple[Gap, ...]:
    if study_type in ("", "INTERVENTIONAL"):
        return ()
    return (Gap("Study Type", f"{study_type}: a study folder describes a trial"),)


def _masking_gap(record: Record) -> tuple[Gap, ...]:
    roles = record.reading.masked_roles
    if record.reading.facts.masking != "NONE" or not roles:
        return ()
    return (Gap("masking", f"said to be NONE, and yet these are masked: {', '.join(roles)}"),)


def _mark_gaps(criteria: Iterable[DraftCriterion]) -> list[Gap]:
    quiet = ("needs_review", "judgement")
    return [
        Gap(c.id, say_mark(mark, c.text).en)
        for c in criteria
        for mark in c.review
        if mark not in quiet
    ]
