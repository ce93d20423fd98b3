"""The pieces of a drafted study folder: what is stated, and a decision where nothing is."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import msgspec
from msgspec import Struct

from equipoise.exchange.criteria.items import LETTERS, Kind
from equipoise.exchange.criteria.quantities import BIRTH, RuleValue
from equipoise.exchange.criteria.reading import read_join
from equipoise.exchange.drafting.proposing import FORM, to_definitions, to_form
from equipoise.exchange.record.facts import DraftArm, FactReading
from equipoise.language import names_in, parse
from equipoise.problems import Text
from equipoise.study.criteria import Criterion, Eligibility, Judgement, Rule
from equipoise.study.protocol import (
    Decision,
    Identity,
    Masking,
    Population,
    Schedule,
    Sponsor,
    StudyArm,
    Treatments,
)
from equipoise.study.roles import Role


class DraftCriterion(Struct, frozen=True, kw_only=True):
    """One item of the record, with a rule where its words allow only one, and review marks."""

    id: str
    kind: Kind
    number: str | None
    parent: str | None
    text: str
    expression: str | None
    review: tuple[str, ...]


class FolderSource(Struct, frozen=True, kw_only=True):
    """Everything that the folder is written from."""

    study: str
    title: str
    reading: FactReading
    arms: tuple[DraftArm, ...]
    criteria: tuple[DraftCriterion, ...]
    lost: tuple[tuple[Kind, int, str], ...]
    bounds: tuple[Sequence[str], Sequence[str]]
    outcomes: tuple[str, ...]
    values: tuple[RuleValue, ...] = ()


SponsorKind = Literal["industry", "government", "other"]
_SPONSOR_KINDS: Mapping[str, SponsorKind] = {
    "INDUSTRY": "industry",
    "NIH": "government",
    "FED": "government",
    "OTHER_GOV": "government",
}
_ARM_TYPES: Mapping[str | None, str] = {
    "EXPERIMENTAL": "experimental",
    "ACTIVE_COMPARATOR": "active_comparator",
    "PLACEBO_COMPARATOR": "placebo",
    "SHAM_COMPARATOR": "placebo",
    "NO_INTERVENTION": "no_intervention",
}
_USUALLY_MASKED: Mapping[str, tuple[str, ...]] = {
    "none": (),
    "single": ("participant",),
    "double": ("participant", "investigator"),
    "triple": ("participant", "investigator", "outcome_assessor"),
    "quadruple": ("participant", "investigator", "outcome_assessor"),
}
"""What is assumed until somebody decides. The registry's fourth role, the care provider, is no role
of a study folder."""
_QUIET = ("needs_review", "judgement")


def to_pieces(source: FolderSource) -> Mapping[str, object]:
    """The files of the folder by name, ready to be written."""
    decisions = tuple(_decisions(source))
    return {
        "study.yaml": _identity(source),
        "decisions.yaml": {"decisions": decisions},
        "eligibility.yaml": _eligibility(source),
        "schedule.yaml": Schedule(),
        "treatments.yaml": Treatments(),
        **({f"forms/{FORM}.yaml": to_form(source.values)} if source.values else {}),
    }


def say_mark(mark: str, text: str) -> Text:
    """What a review mark asks about these words."""
    words: dict[str, str] = _words()["marks"][mark]
    found = re.search(r"10(3|6|9|12)\s?(/\s?\w+)", text)
    comma = re.search(r"\d+,\d{1,2}(?!\d)", text)
    values = {
        "found": comma[0] if mark == "decimal_comma" and comma else found[0] if found else "",
        "repaired": f"10^{found[1]}{found[2]}" if found else "",
    }
    return Text(words["en"].format_map(values), words["fr"].format_map(values))


@cache
def _words() -> dict[str, Any]:
    source = files("equipoise.exchange.drafting").joinpath("decisions.toml")
    return tomllib.loads(source.read_text(encoding="utf-8"))


def _decide(
    template: str, own_id: str = "", *, affects: tuple[str, ...] = (), **values: object
) -> Decision:
    words = _words()[template]
    question, because = (
        Text(*(words[part][language].format_map(values) for language in ("en", "fr")))
        for part in ("question", "because")
    )
    return Decision(id=own_id or template, question=question, because=because, affects=affects)


def _identity(source: FolderSource) -> dict[str, object]:
    """`study.yaml`; what it must say and the record does not is assumed under a decision."""
    facts = source.reading.facts
    numbers = {"nct": facts.nct, "sponsor": facts.sponsor_id}
    names = _arm_names(source.arms)
    identity = Identity(
        study=source.study,
        title=Text(source.title or source.study),
        identifiers={key: value for key, value in numbers.items() if value},
        sponsor=_sponsor(source),
        status=(facts.status or "").lower(),
        phase=_phases(facts.phase or ""),
        purpose=(facts.purpose or "").lower(),
        model=(facts.model or "").lower(),
        allocation=(facts.allocation or "").lower(),
        planned_participants=facts.planned_participants or 0,
        start=facts.start or "",
        completion=facts.completion or "",
        population=Population(
            minimum_age=(facts.minimum_age or "").lower(),
            maximum_age=(facts.maximum_age or "").lower(),
            sex=(facts.sex or "").lower(),  # type: ignore[arg-type]
            healthy_volunteers=facts.healthy_volunteers,
        ),
        arms={name: _arm(arm) for name, arm in zip(names, source.arms, strict=True)},
        masking=_masking(source),
    )
    built: dict[str, Any] = msgspec.to_builtins(identity)
    for name, arm in zip(names, source.arms, strict=True):
        if arm.type is None:
            assumed = {"decision": "arm-types", "assume": built["arms"][name]["type"]}
            built["arms"][name]["type"] = assumed
    if "masking" in built and not source.reading.masked_roles:
        usual = _USUALLY_MASKED[built["masking"]["schema"]]
        if usual:
            built["masking"]["masked"] = {"decision": "masked-roles", "assume": list(usual)}
    return built


def _phases(words: str) -> tuple[str, ...]:
    """`PHASE1/PHASE2` is phases 1 and 2; a trial without a phase has none."""
    found = re.findall(r"(EARLY_)?PHASE ?(\d)", words)
    return tuple(f"early {number}" if early else number for early, number in found)


def _sponsor(source: FolderSource) -> Sponsor | None:
    name = source.reading.facts.sponsor
    kind: SponsorKind = _SPONSOR_KINDS.get(source.reading.sponsor_class, "other")
    return Sponsor(name=name, kind=kind) if name else None


def _masking(source: FolderSource) -> Masking | None:
    schema = source.reading.facts.masking
    masked = () if schema == "NONE" else tuple(dict.fromkeys(source.reading.masked_roles))
    return Masking(schema=schema.lower(), masked=masked) if schema else None  # type: ignore[arg-type]


def _arm(arm: DraftArm) -> StudyArm:
    is_placebo = arm.type is None and arm.name.strip().lower() == "placebo"
    return StudyArm(
        type="placebo" if is_placebo else _ARM_TYPES.get(arm.type, "other"),  # type: ignore[arg-type]
        label=Text(arm.name),
        description=Text(arm.description) if arm.description else None,
    )


def _arm_names(arms: Iterable[DraftArm]) -> list[str]:
    names: list[str] = []
    for arm in arms:
        plain = re.sub(r"[^a-z0-9]+", "_", arm.name.lower()).strip("_")[:50]
        name = plain if plain[:1].isalpha() else f"arm_{plain}".rstrip("_")
        own, n = name, 1
        while own in names:
            n += 1
            own = f"{name}_v{n}"
        names.append(own)
    return names


def _eligibility(source: FolderSource) -> dict[str, object]:
    """`eligibility.yaml`; each proposed rule is assumed under the decision that asks for it."""
    eligibility = Eligibility(
        values=to_definitions(source.values),
        inclusion=tuple(_criteria(source, "inclusion")),
        exclusion=tuple(_criteria(source, "exclusion")),
    )
    built: dict[str, Any] = msgspec.to_builtins(eligibility)
    for kind in ("inclusion", "exclusion"):
        for criterion in built.get(kind, ()):
            own = [d for d in criterion.get("decisions", ()) if d.endswith("-rule")]
            _assume_rules(criterion, own[0] if own else "")
    return built


def _assume_rules(rule: dict[str, Any], decision: str) -> None:
    if "is" in rule:  # a rule without parts, so that the decision is its own
        rule["is"] = {"decision": decision, "assume": rule["is"]}
    for part in (*rule.get("all", ()), *rule.get("any", ())):
        _assume_rules(part, _rule_decision(part["id"]))


def _rule_decision(own_id: str) -> str:
    return f"{own_id.replace('.', '_')}-rule"


def _criteria(source: FolderSource, kind: Kind) -> Iterator[Criterion]:
    """The list with its lost items in their places."""
    found: list[tuple[float, Criterion]] = []
    top = [c for c in source.criteria if c.kind == kind and c.parent is None]
    place = 0.0
    for criterion in top:
        own = criterion.number or ""
        place = float(own) if own.isdecimal() else place + 0.01
        found.append((place, _criterion(criterion, source)))
    taken = {c.number for _, c in found}
    for lost_kind, number, what in source.lost:
        if lost_kind == kind and str(number) not in taken:
            own_id = f"criterion-{LETTERS[kind]}{number}"
            lost = Criterion(number=str(number), gap=what, decisions=(own_id,))
            found.append((float(number), lost))
    return (criterion for _, criterion in sorted(found, key=lambda pair: pair[0]))


def _criterion(criterion: DraftCriterion, source: FolderSource) -> Criterion:
    family = tuple(_family(criterion, source.criteria))
    rule = _rule(criterion, source.criteria)
    marks = dict.fromkeys(mark for member in family for mark in member.review)
    return Criterion(
        number=criterion.id[1:].replace("-", "x"),
        text=Text(criterion.text) if criterion.text else None,
        any_=rule.any_,
        all_=rule.all_,
        judgement=rule.judgement,
        is_=rule.is_,
        attest=rule.attest,
        record=_whole_text(criterion, source.criteria),
        review=tuple(marks),
        decisions=tuple(d.id for member in family for d in _criterion_decisions(member)),
    )


def _rule(criterion: DraftCriterion, everyone: Sequence[DraftCriterion]) -> Rule:
    """Parts stay parts only where the words before them say how they are joined, and no more.

    A proposed rule stands for a criterion only if it says all of its words.
    """
    parts = [c for c in everyone if c.parent == criterion.id]
    text = Text(criterion.text) if criterion.text else None
    join = read_join(criterion.text) if parts and "lost_item" not in criterion.review else ""
    if join == "all":
        return Rule(id=criterion.id, text=text, all_=tuple(_rule(c, everyone) for c in parts))
    if join == "any":
        return Rule(id=criterion.id, text=text, any_=tuple(_rule(c, everyone) for c in parts))
    if criterion.expression and not parts and "partial" not in criterion.review:
        attest = _attestation(criterion)
        return Rule(id=criterion.id, text=text, is_=criterion.expression, attest=attest)
    ask = Text(_whole_text(criterion, everyone))
    judgement = Judgement(ask=ask, by=(Role.INVESTIGATOR,))
    return Rule(id=criterion.id, text=text, judgement=judgement)


def _attestation(criterion: DraftCriterion) -> Judgement | None:
    """What is asked of a rule on age: within the month of a birthday the month does not tell."""
    if not {BIRTH.name, "age"} & names_in(parse(criterion.expression or "")):
        return None
    ask = _words()["attest"]["ask"]
    said = (ask[language].format(text=criterion.text) for language in ("en", "fr"))
    return Judgement(ask=Text(*said), by=(Role.INVESTIGATOR,), valid_days=0)


def _family(
    criterion: DraftCriterion, everyone: Sequence[DraftCriterion]
) -> Iterator[DraftCriterion]:
    yield criterion
    for part in everyone:
        if part.parent == criterion.id:
            yield from _family(part, everyone)


def _whole_text(criterion: DraftCriterion, everyone: Sequence[DraftCriterion]) -> str:
    """The item's text and those of its parts, one a line."""
    return "\n".join(c.text for c in _family(criterion, everyone) if c.text)


def _criterion_decisions(criterion: DraftCriterion) -> Iterator[Decision]:
    """One decision for each ambiguity of a criterion, and one for its proposed rule."""
    plain = criterion.id.replace(".", "_")
    for mark in criterion.review:
        if mark not in _QUIET:
            what = say_mark(mark, criterion.text)
            yield _decide(
                "mark",
                f"{plain}-{mark.replace('_', '-')}",
                id=criterion.id,
                what=what.en,
                what_fr=what.fr,
                text=criterion.text or "-",
            )
    if criterion.expression:
        rule = criterion.expression
        yield _decide(
            "rule", _rule_decision(criterion.id), id=criterion.id, rule=rule, text=criterion.text
        )


def open_questions(source: FolderSource) -> Iterator[Decision]:
    """What every trial must have decided and this record does not say."""
    yield from _design_decisions(source)
    yield from _age_decisions(source)
    if any(re.search(r"[<>≤≥]", c.text) for c in source.criteria):
        yield _decide("measurement-window")


def _decisions(source: FolderSource) -> Iterator[Decision]:
    yield from open_questions(source)
    facts = source.reading.facts
    missing = [k for k in facts.__struct_fields__ if getattr(facts, k) is None]
    for key in missing if source.title else ["title", *missing]:
        yield _decide("fact", f"fact-{key.replace('_', '-')}", name=key.replace("_", " "))
    nowhere = [c for c in source.criteria if c.kind == "unknown"]
    if nowhere:
        yield _decide("unplaced-criteria", names=" / ".join(c.text for c in nowhere if c.text))
    for kind, number, what in source.lost:
        name = f"{LETTERS[kind]}{number}"
        if kind != "unknown" and name not in {c.id for c in source.criteria}:
            yield _decide("criterion", f"criterion-{name}", id=name, what=what)
    for criterion in source.criteria:
        if criterion.kind != "unknown":
            yield from _criterion_decisions(criterion)


def _design_decisions(source: FolderSource) -> Iterator[Decision]:
    facts, reading = source.reading.facts, source.reading
    untyped = [arm.name for arm in source.arms if arm.type is None]
    if untyped:
        yield _decide("arm-types", names=", ".join(untyped), affects=("study.yaml:arms",))
    if facts.allocation == "RANDOMIZED":
        yield _decide("allocation-ratio", n=len(source.arms), affects=("randomization.ratio",))
        yield _decide("allocation-method", affects=("randomization.blocks",))
    if facts.masking not in (None, "NONE") and not reading.masked_roles:
        yield _decide("masked-roles", masking=facts.masking, affects=("masking.masked",))
    stated = " / ".join(source.outcomes)
    yield _decide(
        "primary-outcome",
        found=f"The record says: {stated}" if stated else "The record names no outcome.",
        found_fr=f"Le registre dit : {stated}" if stated else "Le registre n'en nomme aucun.",
        affects=("analysis.endpoints",),
    )
    yield _decide("visit-schedule", affects=("schedule.encounters",))
    yield _decide("follow-up", affects=("schedule.encounters",))
    if source.arms:
        names = " / ".join(arm.description or arm.name for arm in source.arms)
        yield _decide("products", names=names, affects=("treatments.products",))


def _age_decisions(source: FolderSource) -> Iterator[Decision]:
    """Whether the record's two statements of age agree, and on which day age is counted."""
    facts = source.reading.facts
    fields = (facts.minimum_age, facts.maximum_age)
    if not any(fields) and not any(source.bounds):
        return
    yield _decide("age-reference-date", affects=("eligibility.reference_date",))
    differs = any(
        stated and field and field.endswith("Years") and field.split(" ")[0] not in stated
        for field, stated in zip(fields, source.bounds, strict=True)
    )
    if differs:
        criteria = " - ".join(", ".join(dict.fromkeys(side)) or "?" for side in source.bounds)
        stated = " - ".join(field or "?" for field in fields)
        yield _decide("age-bounds", fields=stated, criteria=criteria)
