"""The facts of a registry page: each value known by its shape and section, or not at all."""

import re
from collections.abc import Iterable, Mapping, Sequence

from equipoise.exchange.criteria.items import Gap
from equipoise.exchange.record.facts import (
    AGE,
    ALLOCATIONS,
    CLASSES,
    DATE,
    MASKINGS,
    MODELS,
    PHASE,
    PURPOSES,
    ROLES,
    SEX,
    STATUSES,
    TYPES,
    FactReading,
    Facts,
)
from equipoise.exchange.record.page import Line, RegistryPage

_ABSENT = re.compile(r"-|–|N/A|NA|No limit", re.IGNORECASE)


_BASIC: Mapping[str, str] = {
    "status": STATUSES,
    "phase": PHASE,
    "planned_participants": r"([\d,]+) participants?",
    "type": TYPES,
}
_DESIGN: Mapping[str, str] = {
    "allocation": f"{ALLOCATIONS}|N/A",
    "model": MODELS,
    "purpose": PURPOSES,
    "masking": MASKINGS,
}
_ANYWHERE = re.compile(
    f"{STATUSES}|(EARLY_)?PHASE[1-4](/PHASE[1-4])?|{TYPES}|(NON_)?RANDOMIZED|{MODELS}|"
    r"[\d,]+ participants?"
)
Found = dict[str, list[str]]


def read_facts(page: RegistryPage, *, bounds: tuple[Sequence[str], Sequence[str]]) -> FactReading:
    """Read every fact of a page. `bounds` are the ages that criteria give as lowest and highest.

    A value that the page gives twice differently, or that could be two facts, is left unread.
    """
    found: Found = {}
    gaps: list[Gap] = []
    _read_basic(page, found, gaps)
    _read_design(page, found, gaps)
    _read_strays(page, found)
    _read_people(page, found, gaps, bounds=bounds)
    _read_sponsor(page, found, gaps)
    _read_identifiers(page, found, gaps)
    values: dict[str, str | None] = {"nct": page.nct or None}
    for key in (k for k in Facts.__struct_fields__ if k != "nct"):
        distinct = list(dict.fromkeys(found.get(key, ())))
        values[key] = distinct[0] if len(distinct) == 1 else None
        if len(distinct) > 1:
            gaps.append(Gap(key, f"the page gives several values: {', '.join(distinct)}"))
    gaps += [Gap(k, "not found on the page") for k, v in values.items() if v is None]
    participants = values.pop("planned_participants")
    volunteers = values.pop("healthy_volunteers")
    facts = Facts(
        **values,
        planned_participants=int(participants) if participants else None,
        healthy_volunteers=volunteers == "Yes" if volunteers else None,
    )
    return FactReading(
        facts=facts,
        study_type=next(iter(found.get("type", ())), ""),
        sponsor_class=next(iter(found.get("sponsor_class", ())), ""),
        masked_roles=tuple(found.get("masked_roles", ())),
        gaps=tuple(gaps),
    )


def _shape_of(text: str, shapes: Mapping[str, str]) -> str:
    return next((key for key, shape in shapes.items() if re.fullmatch(shape, text)), "")


def _read_basic(page: RegistryPage, found: Found, gaps: list[Gap]) -> None:
    dates: list[str] = []
    for line in page.lines_of("basic information"):
        key = _shape_of(line.text, _BASIC)
        if re.fullmatch(DATE, line.text):
            if line.label in ("start", "completion"):
                _note(found, line.label, line.text)
            elif not line.label:
                dates.append(line.text)
            else:
                gaps.append(Gap("Basic Information", f"{line.label}: {line.text}"))
        elif key and line.label in ("", key):
            _note(found, key, line.text)
        elif not _ABSENT.fullmatch(line.text):
            gaps.append(_unplaced("Basic Information", line))
    _read_dates(dates, found, gaps)


def _read_dates(dates: Sequence[str], found: Found, gaps: list[Gap]) -> None:
    """Two or three dates in order are start, (primary completion,) completion; one says nothing."""
    if len(dates) in (2, 3) and list(dates) == sorted(dates):
        found.setdefault("start", [dates[0]])
        found.setdefault("completion", [dates[-1]])
        gaps += [Gap("Basic Information", f"not placed: {date}") for date in dates[1:-1]]
    elif dates:
        several = ", ".join(dates)
        gaps.append(Gap("Basic Information", f"start or completion cannot be told: {several}"))


def _read_design(page: RegistryPage, found: Found, gaps: list[Gap]) -> None:
    others: list[Line] = []
    lines = page.lines_of("study design")
    for line in lines:
        roles = _roles_of(line.text)
        key = _shape_of(line.text, _DESIGN)
        if key and line.label in ("", key):
            _note(found, key, line.text)
        elif roles:
            found.setdefault("masked_roles", []).extend(r for r in roles if r)
            if "" in roles:
                gaps.append(Gap("Study Design", f"no role of a study folder: {line.text}"))
        elif line.label in _DESIGN and line.text == "OTHER":
            _note(found, line.label, line.text)
        elif line.text == "OTHER":
            others.append(line)
        elif not _ABSENT.fullmatch(line.text):
            gaps.append(_unplaced("Study Design", line))
    is_interventional = "INTERVENTIONAL" in found.get("type", ())
    if len(others) == 1 and is_interventional and "purpose" not in found:
        _note(found, "purpose", "OTHER")
    else:
        gaps += [_unplaced("Study Design", line) for line in others]


def _roles_of(text: str) -> list[str]:
    """Masked roles, when the line consists of nothing else."""
    words = re.sub(r"CARE PROVIDER", "CARE_PROVIDER", text.upper())
    words = re.sub(r"OUTCOMES? ASSESSOR", "OUTCOME_ASSESSOR", words)
    parts = [w.removesuffix("S") for w in re.split(r"[\s,;/()]+", words) if w]
    return [ROLES[p] for p in parts] if parts and all(p in ROLES for p in parts) else []


def _read_strays(page: RegistryPage, found: Found) -> None:
    """Words that mean one thing anywhere still count where their whole section is missing."""
    missing = [
        keys
        for name, keys in (("basic information", _BASIC), ("study design", _DESIGN))
        if not page.has(name)
    ]
    for section in page.sections:
        for line in section.lines if missing else ():
            if _ANYWHERE.fullmatch(line.text):
                for shapes in missing:
                    key = _shape_of(line.text, shapes)
                    if key:
                        _note(found, key, line.text)


def _note(found: Found, key: str, text: str) -> None:
    value = text.partition(" ")[0].replace(",", "") if key == "planned_participants" else text
    found.setdefault(key, []).append(value)


def _read_people(
    page: RegistryPage,
    found: Found,
    gaps: list[Gap],
    *,
    bounds: tuple[Sequence[str], Sequence[str]],
) -> None:
    """Ages, sex and volunteers stand as bare values after the criteria."""
    ages: list[str] = []
    for line in page.lines_of("eligibility criteria"):
        if AGE.fullmatch(line.text):
            if line.label in ("minimum_age", "maximum_age"):
                _note(found, line.label, line.text)
            else:
                ages.append(line.text)
        elif _ABSENT.fullmatch(line.text) and not line.label and "sex" not in found:
            ages.append("")
        elif SEX.fullmatch(line.text):
            _note(found, "sex", line.text)
        elif line.text in ("No", "Yes"):
            _note(found, "healthy_volunteers", line.text)
    _read_ages(ages, found, gaps, bounds=bounds)


def _read_ages(
    ages: Sequence[str],
    found: Found,
    gaps: list[Gap],
    *,
    bounds: tuple[Sequence[str], Sequence[str]],
) -> None:
    """Two ages are the lowest and the highest; one alone is what the criteria say it is."""
    stated = [a for a in ages if a]
    pair = stated if len(stated) == 2 else ages
    if len(pair) == 2 and stated:
        for key, age in zip(("minimum_age", "maximum_age"), pair, strict=True):
            if age:
                _note(found, key, age)
        return
    if len(stated) != 1:
        if stated:
            gaps.append(Gap("Eligibility Criteria", f"ages cannot be told: {', '.join(stated)}"))
        return
    age = stated[0]
    number = age.partition(" ")[0]
    is_low, is_high = (number in side for side in bounds)
    if is_high and not is_low:
        _note(found, "maximum_age", age)
    elif (is_low and not is_high) or (not is_high and age == "18 Years"):
        # A record that gives one age, and it is 18 years, gives the age of majority.
        _note(found, "minimum_age", age)
    else:
        gaps.append(Gap("Eligibility Criteria", f"lowest or highest age cannot be told: {age}"))
    where = "minimum_age" if "minimum_age" in found else "maximum_age"
    if where in found:
        gaps.append(Gap(where, f"one age stands alone ({age}); read from the criteria: check it"))


def _read_sponsor(page: RegistryPage, found: Found, gaps: list[Gap]) -> None:
    """The first name is the sponsor's; a class word in its place means that the name is lost."""
    lines = [line for line in page.lines_of("sponsors") if not _ABSENT.fullmatch(line.text)]
    is_class = [bool(re.fullmatch(CLASSES, line.text)) for line in lines]
    if lines and not is_class[0]:
        _note(found, "sponsor", lines[0].text)
        if len(lines) > 1 and is_class[1]:
            _note(found, "sponsor_class", lines[1].text)
    for index, line in enumerate(lines):
        if not is_class[index] and index > 0:
            gaps.append(Gap("Sponsors", f"a further organization: {line.text}"))
        elif is_class[index] and index == 0:
            gaps.append(Gap("Sponsors", f"a name is lost before: {line.text}"))


def _read_identifiers(page: RegistryPage, found: Found, gaps: list[Gap]) -> None:
    """An identifier is followed by its type and source; the sponsor's own says org_study_id."""
    current, seen = "", set[str]()
    waiting: dict[str, None] = {}
    for line in page.lines_of("other identifiers"):
        label, _, value = (part.strip() for part in line.text.partition(":"))
        kind = label.lower() if label.lower() in ("identifier type", "identifier source") else ""
        if not kind:
            current, seen = line.text, set()
            waiting[current] = None
            continue
        if not current or kind in seen:
            gaps.append(Gap("Other Identifiers", f"an identifier is lost before: {line.text}"))
            current = ""
            continue
        seen.add(kind)
        if kind == "identifier source" and value.lower() == "org_study_id":
            _note(found, "sponsor_id", current)
            waiting.pop(current, None)
        elif kind == "identifier type" and value not in ("-", ""):
            waiting.pop(current, None)
            gaps.append(Gap("Other Identifiers", f"{value}: {current}"))
    gaps += [Gap("Other Identifiers", f"not placed: {text}") for text in waiting]


def _unplaced(where: str, line: Line) -> Gap:
    return Gap(where, f"not placed: {line.raw or line.text}")


def is_person_value(line: Line) -> bool:
    """Whether a line of the eligibility section is a bare value and no criterion."""
    text = line.text
    shapes: Iterable[re.Pattern[str]] = (AGE, SEX, _ABSENT)
    return text in ("No", "Yes") or any(shape.fullmatch(text) for shape in shapes)
