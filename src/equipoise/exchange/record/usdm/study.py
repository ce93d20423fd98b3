"""A study in CDISC USDM (JSON, version 4 and the parts of 3 that agree) as a record.

Codes are CDISC controlled terminology (DDF); each is known by its NCI code or, where a sponsor
wrote another, by its decoded words. Nothing of a recruitment stands in USDM: no status, no dates.
"""

import re
from collections.abc import Iterable, Iterator

from equipoise.exchange.criteria.items import Gap
from equipoise.exchange.criteria.reading import read_age_bounds
from equipoise.exchange.record.facts import AGE, DraftArm, FactReading, Facts, Record
from equipoise.exchange.record.tree import EMPTY, Steps, Tree
from equipoise.exchange.record.usdm.criteria import read_both_lists
from equipoise.exchange.record.usdm.words import (
    ARM_WORDS,
    MASKING_WORDS,
    MODEL_WORDS,
    PHASE_WORDS,
    PURPOSE_WORDS,
    ROLE_WORDS,
    TYPE_WORDS,
    Words,
)


def is_usdm(document: Tree) -> bool:
    """Whether a document is a USDM study."""
    study = document.get("study")
    is_wrapped = isinstance(study, dict) and "versions" in study
    return is_wrapped or ("usdmVersion" in document) or _is_version(document)


def _is_version(document: Tree) -> bool:
    return document.get("instanceType") == "Study" and "versions" in document


def from_usdm(document: Tree) -> Record:
    """Read the first design of the first version of a study; what it does not say is a gap."""
    steps = Steps()
    study = document if _is_version(document) else steps.branch(document, "study")
    version = _first(steps, study, "versions")
    design = _first(steps, version, "studyDesigns")
    people = _people(design, steps)
    criteria = read_both_lists(version, design, steps=steps)
    bounds = read_age_bounds(c.text for c in criteria.criteria if c.kind != "exclusion")
    facts = _facts(version, design, people=people, steps=steps)
    empty = (
        () if criteria.criteria else (Gap("Eligibility Criteria", "the record has no criteria"),)
    )
    missing = [k for k in facts.__struct_fields__ if getattr(facts, k) is None]
    return Record(
        title=_title(study, version, steps=steps),
        reading=FactReading(
            facts=facts,
            study_type=_word(steps.branch(design, "studyType"), TYPE_WORDS, "type", steps),
            sponsor_class="",
            masked_roles=tuple(_masked_roles(version, steps)),
            gaps=tuple(Gap(key, "not found in the record") for key in missing),
        ),
        arms=tuple(_arms(design, steps)),
        criteria=criteria,
        bounds=bounds,
        outcomes=tuple(_outcomes(design, steps)),
        gaps=(*steps.gaps, *empty),
        unread=tuple(_unread(version, design)),
    )


def _first(steps: Steps, node: Tree, name: str) -> Tree:
    rows = steps.rows(node, name)
    if len(rows) > 1:
        steps.complain(name, f"the record has {len(rows)}; the first is read")
    if not rows:
        steps.complain(name, "the record has none")
    return rows[0] if rows else EMPTY


def _people(design: Tree, steps: Steps) -> Tree:
    """The population; what it leaves to its cohorts is read where there is one cohort alone."""
    found = steps.branch(design, "population")
    cohorts = steps.rows(found, "cohorts")
    for cohort in cohorts:
        name = steps.text(cohort, "label") or steps.text(cohort, "name")
        steps.complain("population", f"a cohort of its own: {name or '-'}")
    if len(cohorts) != 1:
        return found
    own = {key: value for key, value in found.items() if value not in (None, [], "")}
    return {**cohorts[0], **own}


def _title(study: Tree, version: Tree, *, steps: Steps) -> str:
    titles = {
        steps.text(row, "type", "decode").lower(): steps.text(row, "text")
        for row in steps.rows(version, "titles")
    }
    for wanted in ("official", "public", "brief", "scientific", ""):
        for kind, text in titles.items():
            if wanted in kind and text:
                return text
    return steps.text(study, "label") or steps.text(study, "name")


def _facts(version: Tree, design: Tree, *, people: Tree, steps: Steps) -> Facts:
    sponsor, sponsor_id = _sponsor(version, steps)

    def word(node: Tree, words: Words, key: str) -> str | None:
        return _word(node, words, key, steps) or None

    return Facts(
        nct=_nct(version, steps),
        sponsor=sponsor or None,
        sponsor_id=sponsor_id or None,
        phase=word(_standard(design, "studyPhase", steps), PHASE_WORDS, "phase"),
        planned_participants=_number(people, "plannedEnrollmentNumber", steps),
        allocation=_allocation(design, steps),
        model=word(_code(design, ("model", "interventionModel"), steps), MODEL_WORDS, "model"),
        masking=word(_standard(design, "blindingSchema", steps), MASKING_WORDS, "masking"),
        purpose=_purpose(design, steps),
        minimum_age=_age(people, "minValue", steps),
        maximum_age=_age(people, "maxValue", steps),
        sex=_sex(people, steps),
        healthy_volunteers=steps.truth(people, "includesHealthySubjects"),
    )


def _word(code: Tree, words: Words, key: str, steps: Steps) -> str:
    """The registry's word for a code, by the code itself or by its decoded words."""
    number, decode = steps.text(code, "code"), steps.text(code, "decode")
    for word, (codes, shape) in words.items():
        if number in codes:
            return word
        if decode and re.search(shape, decode, re.IGNORECASE):
            return word
    if number or decode:
        steps.complain(key, f"no word of the registry: {decode or number}")
    return ""


def _standard(design: Tree, name: str, steps: Steps) -> Tree:
    """The code of an alias code; in older documents the code itself."""
    found = steps.branch(design, name)
    return steps.branch(found, "standardCode") if "standardCode" in found else found


def _code(design: Tree, names: Iterable[str], steps: Steps) -> Tree:
    return next((steps.branch(design, name) for name in names if design.get(name)), EMPTY)


def _nct(version: Tree, steps: Steps) -> str | None:
    names = ("text", "studyIdentifier")
    texts = [
        steps.text(r, n) for r in steps.rows(version, "studyIdentifiers") for n in names if n in r
    ]
    found = {text.upper() for text in texts if re.fullmatch(r"NCT\d{8}", text, re.IGNORECASE)}
    if len(found) > 1:
        steps.complain("nct", f"the record gives several values: {', '.join(sorted(found))}")
    return found.pop() if len(found) == 1 else None


def _sponsor(version: Tree, steps: Steps) -> tuple[str, str]:
    """The organization with the sponsor's role, and its own number of the study."""
    organizations = {steps.text(o, "id"): o for o in steps.rows(version, "organizations")}
    ids = [
        own_id
        for role in steps.rows(version, "roles")
        if _is_sponsor(steps.branch(role, "code"), steps)
        for own_id in steps.words(role, "organizationIds")
    ]
    scoped = {steps.text(row, "scopeId"): row for row in steps.rows(version, "studyIdentifiers")}
    if not ids:
        typed = [i for i, o in organizations.items() if _is_sponsor(steps.branch(o, "type"), steps)]
        ids = [i for i in typed if i in scoped]
    if len(set(ids)) != 1:
        return "", ""
    own = organizations.get(ids[0], EMPTY)
    name = steps.text(own, "label") or steps.text(own, "name")
    return name, steps.text(scoped.get(ids[0], EMPTY), "text")


def _is_sponsor(code: Tree, steps: Steps) -> bool:
    decode = steps.text(code, "decode").lower()
    return steps.text(code, "code") == "C70793" or decode in ("sponsor", "clinical study sponsor")


def _number(people: Tree, name: str, steps: Steps) -> int | None:
    """A quantity's number, or the highest of a range."""
    found = steps.branch(people, name)
    inner = steps.branch(found, "maxValue") if isinstance(found.get("maxValue"), dict) else found
    if inner is not found:
        steps.complain("planned_participants", "the record gives a range; its end is taken")
    key = "value" if "value" in inner else "maxValue"
    return steps.whole(inner, key)


def _allocation(design: Tree, steps: Steps) -> str | None:
    for row in steps.rows(design, "characteristics"):
        words = steps.text(row, "decode").lower()
        if steps.text(row, "code") in ("C46079", "C147145", "C25196") or "random" in words:
            return "NON_RANDOMIZED" if re.search(r"\bnon|\bnot\b", words) else "RANDOMIZED"
    return None


def _purpose(design: Tree, steps: Steps) -> str | None:
    names = ("intentTypes", "trialIntentTypes")
    rows = [row for name in names if name in design for row in steps.rows(design, name)]
    found = [_word(row, PURPOSE_WORDS, "purpose", steps) for row in rows]
    words = list(dict.fromkeys(word for word in found if word))
    if len(words) > 1:
        steps.complain("purpose", f"the record gives several values: {', '.join(words)}")
    return words[0] if len(words) == 1 else None


def _age(people: Tree, end: str, steps: Steps) -> str | None:
    """`18 Years`; older documents give the two numbers and one unit beside them."""
    bounds = steps.branch(people, "plannedAge")
    found = bounds.get(end)
    node, unit = (
        (bounds, end) if not isinstance(found, dict) else (steps.branch(bounds, end), "value")
    )
    number = steps.whole(node, unit)
    code = _standard(node, "unit", steps)
    word = steps.text(code, "decode").rstrip("s").title()
    if number is None or not word:
        return None
    age = f"{number} {word}" if number == 1 else f"{number} {word}s"
    if AGE.fullmatch(age):
        return age
    steps.complain("minimum_age" if end == "minValue" else "maximum_age", f"no age: {age}")
    return None


def _sex(people: Tree, steps: Steps) -> str | None:
    found = people.get("plannedSex")
    rows = (
        steps.rows(people, "plannedSex")
        if isinstance(found, list)
        else [steps.branch(people, "plannedSex")]
    )
    words = {steps.text(row, "decode").lower() for row in rows} - {""}
    if words & {"both", "all"} or {"male", "female"} <= words:
        return "ALL"
    return {"female": "FEMALE", "male": "MALE"}.get(" ".join(words))


def _masked_roles(version: Tree, steps: Steps) -> Iterator[str]:
    for role in steps.rows(version, "roles"):
        masking = role.get("masking")
        if not isinstance(masking, dict) or masking.get("isMasked") is not True:
            continue
        words = f"{steps.text(role, 'code', 'decode')} {steps.text(role, 'label')}".lower()
        found = [name for name, shape in ROLE_WORDS.items() if re.search(shape, words)]
        if found:
            yield found[0]
        else:
            steps.complain("Study Design", f"no role of a study folder: {words.strip()}")


def _arms(design: Tree, steps: Steps) -> Iterator[DraftArm]:
    rows = steps.rows(design, "arms") if "arms" in design else steps.rows(design, "studyArms")
    if not rows:
        steps.complain("arms", "the record has no arms")
    for row in rows:
        name = steps.text(row, "label") or steps.text(row, "name")
        about = steps.text(row, "description")
        if not name:
            steps.complain("arms", f"an arm without a name: {about or '-'}")
            continue
        kind = _word(steps.branch(row, "type"), ARM_WORDS, f"arm {name}", steps)
        if not kind:
            steps.complain("arms", f"the record gives no type: {name}")
        if not about:
            steps.complain(f"arm {name}", "the arm has no description")
        yield DraftArm(name, kind or None, about)


def _outcomes(design: Tree, steps: Steps) -> Iterator[str]:
    names = ("endpoints", "objectiveEndpoints")
    for objective in steps.rows(design, "objectives"):
        for row in (r for n in names if n in objective for r in steps.rows(objective, n)):
            if "primary" in steps.text(row, "level", "decode").lower():
                text = steps.text(row, "text") or steps.text(row, "description")
                if text:
                    yield text


def _unread(version: Tree, design: Tree) -> Iterator[Gap]:
    """What has no place in a draft."""
    names = ("encounters", "activities", "epochs", "scheduleTimelines", "estimands", "indications")
    parts = [(design, name) for name in names]
    others = ("studyInterventions", "amendments", "narrativeContentItems", "biomedicalConcepts")
    for node, name in (*parts, *((version, name) for name in others)):
        found = node.get(name)
        if isinstance(found, list) and found:
            yield Gap(name, f"{len(found)} have no place in a draft")
