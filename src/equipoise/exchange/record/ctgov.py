"""A study of ClinicalTrials.gov API v2 (JSON) as a record; its modules are known by their names.

Source: the API's published data structure and enumerations (clinicaltrials.gov/data-api).
"""

import re
from collections.abc import Iterable

from equipoise.exchange.criteria.items import CriteriaReading, Gap
from equipoise.exchange.criteria.listing import read_criteria
from equipoise.exchange.criteria.reading import read_age_bounds
from equipoise.exchange.record.facts import (
    ALLOCATIONS,
    ARM_TYPES,
    DATE,
    MASKINGS,
    MODELS,
    PHASE,
    PURPOSES,
    ROLES,
    SEX,
    STATUSES,
    TYPES,
    DraftArm,
    FactReading,
    Facts,
    Record,
)
from equipoise.exchange.record.tree import Steps, Tree, leaves
from equipoise.exchange.record.words import clean_lines, one_line

MODULES = ("identificationModule", "eligibilityModule", "designModule", "statusModule")
_READ = (*MODULES, "sponsorCollaboratorsModule", "armsInterventionsModule", "outcomesModule")
_DESIGN = "designModule"


def is_ctgov(document: Tree) -> bool:
    """Whether a document is a study of the registry, whole or from its protocol section down."""
    return "protocolSection" in document or any(name in document for name in MODULES)


def from_ctgov(document: Tree) -> Record:
    """Read one study; what it does not say is None and a gap."""
    steps = Steps()
    is_whole = "protocolSection" in document
    protocol = steps.branch(document, "protocolSection") if is_whole else document
    criteria = read_criteria(_criteria_lines(protocol, steps))
    bounds = read_age_bounds(c.text for c in criteria.criteria if c.kind != "exclusion")
    title = _title(protocol, steps)
    facts = _facts(protocol, steps)
    arms = tuple(_arms(protocol, steps))
    outcomes = tuple(_outcomes(protocol, steps))
    reading = FactReading(
        facts=facts,
        study_type=_word(protocol, steps, path=(_DESIGN, "studyType"), known=TYPES, name="type"),
        sponsor_class=steps.text(protocol, "sponsorCollaboratorsModule", "leadSponsor", "class"),
        masked_roles=tuple(_masked_roles(protocol, steps)),
        gaps=tuple(_missing(facts)),
    )
    return Record(
        title=title,
        reading=reading,
        arms=arms,
        criteria=_with_gap_if_empty(criteria),
        bounds=bounds,
        outcomes=outcomes,
        gaps=tuple(steps.gaps),
        unread=tuple(_unread(document, protocol, is_whole=is_whole)),
    )


def _title(protocol: Tree, steps: Steps) -> str:
    names = ("officialTitle", "briefTitle")
    titles = [steps.text(protocol, "identificationModule", name) for name in names]
    return next((title for title in titles if title), "")


def _criteria_lines(protocol: Tree, steps: Steps) -> list[str]:
    return clean_lines(steps.raw(protocol, "eligibilityModule", "eligibilityCriteria"))


def _with_gap_if_empty(criteria: CriteriaReading) -> CriteriaReading:
    if criteria.criteria:
        return criteria
    gap = Gap("Eligibility Criteria", "the record has no criteria")
    return CriteriaReading((), criteria.lost, (*criteria.gaps, gap))


def _facts(protocol: Tree, steps: Steps) -> Facts:
    design = (_DESIGN, "designInfo")

    def word(name: str, known: str, *path: str) -> str | None:
        return _word(protocol, steps, path=path, known=known, name=name) or None

    model = word("model", MODELS, *design, "interventionModel")
    return Facts(
        nct=word("nct", r"NCT\d{8}", "identificationModule", "nctId"),
        sponsor=steps.text(protocol, "sponsorCollaboratorsModule", "leadSponsor", "name") or None,
        sponsor_id=steps.text(protocol, "identificationModule", "orgStudyIdInfo", "id") or None,
        status=word("status", STATUSES, "statusModule", "overallStatus"),
        phase=_phase(protocol, steps),
        planned_participants=_participants(protocol, steps),
        allocation=word("allocation", ALLOCATIONS, *design, "allocation"),
        model=model or word("model", f"{MODELS}|OTHER", *design, "observationalModel"),
        masking=word("masking", MASKINGS, *design, "maskingInfo", "masking"),
        purpose=word("purpose", f"{PURPOSES}|OTHER", *design, "primaryPurpose"),
        start=_date(protocol, steps, name="start"),
        completion=_date(protocol, steps, name="completion"),
        minimum_age=_age(protocol, steps, name="minimum"),
        maximum_age=_age(protocol, steps, name="maximum"),
        sex=word("sex", SEX.pattern, "eligibilityModule", "sex"),
        healthy_volunteers=_volunteers(protocol, steps),
    )


def _word(protocol: Tree, steps: Steps, *, path: tuple[str, ...], known: str, name: str) -> str:
    """A word of the registry's list; another one is a gap."""
    found = steps.text(protocol, *path)
    plain = re.sub(r"[\s/-]+", "_", found.upper())
    if not found or re.fullmatch(known, plain):
        return plain
    steps.complain(name, f"no word of the registry: {found}")
    return ""


def _phase(protocol: Tree, steps: Steps) -> str | None:
    """`["PHASE1", "PHASE2"]` is `PHASE1/PHASE2`; trials without phases say NA."""
    found = "/".join(word.upper() for word in steps.words(protocol, _DESIGN, "phases"))
    if not found or re.fullmatch(PHASE, found):
        return found or None
    steps.complain("phase", f"no word of the registry: {found}")
    return None


def _participants(protocol: Tree, steps: Steps) -> int | None:
    count = steps.whole(protocol, _DESIGN, "enrollmentInfo", "count")
    if count is not None and steps.text(protocol, _DESIGN, "enrollmentInfo", "type") == "ACTUAL":
        what = f"{count} is the number of those who took part; the planned one is not in the record"
        steps.complain("planned_participants", what)
    return count


def _date(protocol: Tree, steps: Steps, *, name: str) -> str | None:
    found = steps.text(protocol, "statusModule", f"{name}DateStruct", "date")
    if not found or re.fullmatch(DATE, found):
        return found or None
    steps.complain(name, f"no date: {found}")
    return None


def _age(protocol: Tree, steps: Steps, *, name: str) -> str | None:
    found = steps.text(protocol, "eligibilityModule", f"{name}Age")
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?(year|month|week|day|hour|minute)(s?)", found.lower())
    if match:
        return f"{match[1]} {match[2].title()}{match[3]}"
    if found and not re.fullmatch(r"n/?a.*|no(ne)?\b.*|-", found.lower()):
        steps.complain(f"{name}_age", f"no age: {found}")
    return None


def _volunteers(protocol: Tree, steps: Steps) -> bool | None:
    found = steps.branch(protocol, "eligibilityModule").get("healthyVolunteers")
    words = {"yes": True, "accepts healthy volunteers": True, "true": True}
    words |= {"no": False, "does not accept healthy volunteers": False, "false": False}
    if isinstance(found, str) and found.strip().lower() in words:
        return words[found.strip().lower()]
    return steps.truth(protocol, "eligibilityModule", "healthyVolunteers")


def _missing(facts: Facts) -> Iterable[Gap]:
    for key in facts.__struct_fields__:
        if getattr(facts, key) is None:
            yield Gap(key, "not found in the record")


def _masked_roles(protocol: Tree, steps: Steps) -> Iterable[str]:
    for word in steps.words(protocol, _DESIGN, "designInfo", "maskingInfo", "whoMasked"):
        role = ROLES.get(word.upper(), "")
        if role:
            yield role
        else:
            steps.complain("Study Design", f"no role of a study folder: {word}")


def _arms(protocol: Tree, steps: Steps) -> Iterable[DraftArm]:
    """The arm groups; an arm without words of its own is described by what it is given."""
    rows = steps.rows(protocol, "armsInterventionsModule", "armGroups")
    if not rows:
        steps.complain("arms", "the record has no arms")
    for row in rows:
        name, kind = steps.text(row, "label"), steps.text(row, "type").upper().replace(" ", "_")
        own = steps.text(row, "description")
        given = "; ".join(steps.words(row, "interventionNames"))
        if not name:
            steps.complain("arms", f"an arm without a name: {own or given or '-'}")
            continue
        if kind and kind not in ARM_TYPES:
            steps.complain(f"arm {name}", f"no type of the registry: {kind}")
        if not (own or given):
            steps.complain(f"arm {name}", "the arm has no description")
        arm_type = kind if kind in ARM_TYPES else None
        if arm_type is None:
            steps.complain("arms", f"the record gives no type: {name}")
        yield DraftArm(name, arm_type, own or given)
    named = {name for row in rows for name in steps.words(row, "interventionNames")}
    for row in steps.rows(protocol, "armsInterventionsModule", "interventions"):
        name = steps.text(row, "name")
        if name and not any(other.endswith(name) for other in named):
            steps.complain("Interventions", f"in no arm: {name}")


def _outcomes(protocol: Tree, steps: Steps) -> Iterable[str]:
    for row in steps.rows(protocol, "outcomesModule", "primaryOutcomes"):
        measure, frame = steps.text(row, "measure"), steps.text(row, "timeFrame")
        if measure:
            yield f"{measure} ({frame})" if frame else measure


def _unread(document: Tree, protocol: Tree, *, is_whole: bool) -> Iterable[Gap]:
    """What has no place in a study folder."""
    steps = Steps()
    for row in steps.rows(protocol, "sponsorCollaboratorsModule", "collaborators"):
        yield Gap("Sponsors", f"a further organization: {steps.text(row, 'name')}")
    for row in steps.rows(protocol, "identificationModule", "secondaryIdInfos"):
        kind = steps.text(row, "type") or "further number"
        yield Gap("Other Identifiers", f"{kind}: {steps.text(row, 'id')}")
    for name in ("conditions", "keywords"):
        for word in steps.words(protocol, "conditionsModule", name):
            yield Gap(name.title(), f"not placed: {word}")
    perspective = steps.text(protocol, _DESIGN, "designInfo", "timePerspective")
    if perspective:
        yield Gap("Study Design", f"not placed: {perspective}")
    for key, part in (*protocol.items(), *(document.items() if is_whole else ())):
        n = sum(1 for _ in leaves(part))
        if key not in (*_READ, "conditionsModule", "protocolSection", "hasResults") and n:
            yield Gap(one_line(key), f"{n} values have no place in a study folder")
