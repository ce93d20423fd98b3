"""From the first contact to randomization, or to the end of screening."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from equipoise.conduct import (
    Participant,
    assess_participant,
    case_of,
    fail_screening,
    find_judgement,
    finish_randomization,
    judge_criterion,
    request_randomization,
    screen_participant,
)
from equipoise.eligibility import Case, Reading, Verdict, assess_case, settle
from equipoise.rehearsal.agenda import Course, at_hour, working_day
from equipoise.rehearsal.following import follow
from equipoise.rehearsal.people import person_at, who_may
from equipoise.rehearsal.world import VirtualParticipant, World
from equipoise.study.criteria import Judgement, Rule
from equipoise.study.forms import Form
from equipoise.study.protocol import Encounter
from equipoise.study.roles import Role
from equipoise.study.study import Study

DAYS_A_MONTH = 365.25 / 12
MAY_JUDGE = (Role.INVESTIGATOR, Role.COORDINATOR)
FULL = "All places are taken: recruitment is complete"


def accrue(world: World, site: str, *, per_month: float) -> Course:
    """People come to a site, independently of each other, until every place is taken."""
    generator = world.randomness.of("accrual", site).generator()
    days = 0.0
    start = world.agenda.now.date()
    while per_month > 0:
        days += float(generator.exponential(DAYS_A_MONTH / per_month))
        yield at_hour(working_day(start + dt.timedelta(days=int(days))), 2 * generator.random())
        if world.is_full:
            return
        world.agenda.add(take_part(world, site))


def take_part(world: World, site: str) -> Course:
    """One person's way through the trial, from the first contact on."""
    today = world.agenda.now.date()
    entries = world.do(
        screen_participant, by=person_at(site, Role.COORDINATOR), site=site, on=today
    )
    if not entries:
        return
    person = VirtualParticipant(world, entries[0].stream, site=site)
    yield from _enter_screening(person)
    yield person.later("screened")
    generator = person.randomness.of("decision day").generator()
    decides_on = working_day(person.today + dt.timedelta(days=int(generator.integers(4, 13))))
    yield at_hour(decides_on, 4 + 2 * generator.random())
    yield from world.until_resumed()
    yield from _decide(person)
    if person.record.is_randomized:
        yield from follow(person, before=screening_encounters(world.study))


def screening_encounters(study: Study) -> tuple[str, ...]:
    """The encounters before randomization: those of the first epoch; in a study of one epoch,
    those up to day 0, and at least the first."""
    encounters = study.schedule.encounters
    epochs = tuple(study.schedule.epochs)
    if len(epochs) > 1:
        return tuple(name for name, e in encounters.items() if e.epoch == epochs[0])
    before = tuple(name for name, e in encounters.items() if first_day(e) <= 0)
    return before or tuple(encounters)[:1]


def first_day(encounter: Encounter) -> int:
    """The first planned day of an encounter."""
    return encounter.days[0] if encounter.days else encounter.day or 0


def screening_forms(study: Study) -> Iterator[tuple[str, Form]]:
    """What is entered before randomization, the consent first."""
    encounters = screening_encounters(study)
    for form in study.forms.values():
        if form.records == "consent":
            yield next((e for e in encounters if e in form.at), ""), form
    for encounter in encounters:
        for form in study.forms_at(encounter):
            if form.records == "":
                yield encounter, form


def judgements(study: Study) -> Iterator[tuple[str, str, Judgement, bool]]:
    """Every question to a person: criterion, rule, question, the answer in favor of taking part."""
    for name, criterion in study.criteria:
        for rule, judgement, favor in _questions(criterion, favor=name.startswith("I")):
            yield name, name if rule is criterion else rule.id, judgement, favor


def _questions(rule: Rule, *, favor: bool) -> Iterator[tuple[Rule, Judgement, bool]]:
    if rule.judgement is not None:
        yield rule, rule.judgement, favor
    for parts, is_favor in ((rule.all_, favor), (rule.any_, favor), (rule.none_, not favor)):
        for part in parts:
            if isinstance(part, Rule):
                yield from _questions(part, favor=is_favor)


def _enter_screening(person: VirtualParticipant) -> Course:
    study = person.world.study
    began_on, first, last = person.today, None, ""
    for encounter, form in screening_forms(study):
        if encounter and encounter != last:
            day = first_day(study.schedule.encounters[encounter])
            first = day if first is None else first
            comes_on = working_day(began_on + dt.timedelta(days=max(0, day - first)))
            if comes_on > person.today:
                yield at_hour(comes_on, 2 * person.luck("hour", encounter))
            last = encounter
        yield person.later("screening", encounter, form.form)
        person.submit_if_expected(form, encounter)


def _decide(person: VirtualParticipant) -> Course:
    verdict = _assess(person)
    if not any(c.bars for c in verdict.criteria):
        yield from _judge(person)
        verdict = _assess(person)
    if _unknown(verdict) and not any(c.bars for c in verdict.criteria):
        yield from _complete(person)
        yield from _attest(person)
        verdict = _assess(person)
    reason = _why_not(person, verdict)
    if reason is not None:
        person.do(fail_screening, reason=reason)
        return
    yield person.later("randomization")
    yield from person.world.until_resumed()
    if person.world.is_full:
        person.do(fail_screening, reason=FULL)
        return
    person.world.supply()
    person.do(request_randomization, role=Role.INVESTIGATOR, on=person.today)
    if person.record.status == "randomizing":
        world = person.world
        by = person_at(person.site, Role.INVESTIGATOR)
        finish_randomization(world.trial, by=by, at=world.agenda.tick(), participant=person.code)


def _assess(person: VirtualParticipant) -> Verdict:
    return assess_participant(person.world.study, person.record, on=person.today)


def _unknown(verdict: Verdict) -> list[str]:
    return [c.id for c in verdict.criteria if c.status == "unknown"]


def _why_not(person: VirtualParticipant, verdict: Verdict) -> str | None:
    """The reason that ends screening; empty where a criterion says it all."""
    barring = [c.id for c in verdict.criteria if c.bars]
    unknown = _unknown(verdict)
    person.world.unmet.update(barring or unknown)
    if barring:
        return ""
    if unknown:
        return f"Could not be determined: {', '.join(unknown)}"
    return FULL if person.world.is_full else None


def _judge(person: VirtualParticipant) -> Course:
    """The questions that only a person can answer, by somebody who may."""
    scenario = person.world.study.scenario
    for criterion, rule, judgement, favor in judgements(person.world.study):
        by = who_may(person.site, [r for r in judgement.by if r in MAY_JUDGE])
        if by and rule:
            yield person.later("judgement", rule)
            against = scenario.judgement_unmet.get(criterion, 1 - scenario.judgement_met)
            answer = favor if person.luck("answer", rule) >= against else not favor
            person.world.do(
                judge_criterion,
                by=by,
                participant=person.code,
                rule=rule,
                is_true=answer,
                on=person.today,
            )


def _attest(person: VirtualParticipant) -> Course:
    """Whose month of birth does not tell the age is asked; which day it was, chance decides."""
    study = person.world.study
    for opening in settle(study, _assess(person)):
        asked = find_judgement(study, opening.judgement)
        by = who_may(person.site, [r for r in asked.by if r in MAY_JUDGE]) if asked else ""
        if by and opening.kind == "awaiting_judgement":
            rule = opening.judgement
            yield person.later("attestation", rule)
            is_true = person.luck("answer", rule) >= 1 / 2
            person.world.do(
                judge_criterion,
                by=by,
                participant=person.code,
                rule=rule,
                is_true=is_true,
                on=person.today,
            )


def _complete(person: VirtualParticipant) -> Course:
    """Measure what was left out at screening: a criterion cannot be known without it."""
    for (encounter, name, repeat), record in list(person.record.forms.items()):
        form = person.world.study.forms[name]
        for item in record.not_done:
            yield person.later("completion", name, item)
            value = person.body.answer(form, item, on=record.on, occasion="completion")
            key = {"encounter": encounter, "form": name, "repeat": repeat}
            reason = "Measured after all: needed for eligibility"
            person.correct(key, item, value=value, reason=reason)


class ReadingEffect(Struct, frozen=True):
    """For how many of the people screened one option of a decision matters.

    `people` have another answer to a criterion; `criteria` counts them by criterion, `moves` those
    of another verdict, as `eligible > not_eligible`.
    """

    decision: str
    option: str
    people: int
    moves: Mapping[str, int]
    criteria: Mapping[str, int]


def count_effects(
    study: Study, people: Iterable[Participant], others: Iterable[tuple[str, str, Study]]
) -> tuple[ReadingEffect, ...]:
    """Everybody who was screened, assessed as the trial did and again under each other reading.

    `others` are decisions, options, and the study under each. People are as they are recorded now,
    at their randomization or, without one, when screening ended.
    """
    cases = [case_of(study, p, on=_screened_until(p)) for p in people]
    before = [_assess_again(study, case) for case in cases]
    found = []
    for decision, option, other in others:
        pairs = [(v, _assess_again(other, c)) for v, c in zip(before, cases, strict=True)]
        moves = Counter(f"{a.status} > {b.status}" for a, b in pairs if a.status != b.status)
        changed = [_changed(*pair) for pair in pairs]
        criteria = Counter(name for names in changed for name in names)
        n_people = sum(bool(names) for names in changed)
        in_order = {name: criteria[name] for name, _ in study.criteria if name in criteria}
        found.append(
            ReadingEffect(decision, option, n_people, dict(sorted(moves.items())), in_order)
        )
    return tuple(found)


def _screened_until(person: Participant) -> dt.date:
    entered = [record.on for record in person.forms.values()]
    judged = [answer.on for answer in person.answers.values()]
    return max([*entered, *judged], default=person.screened_on)


def _assess_again(study: Study, case: Case) -> Verdict:
    read = case.reading
    reading = Reading(study, read.observations, reference_on=read.reference_on)
    return assess_case(study, Case(reading, case.answers, is_brief=True))


def _changed(before: Verdict, after: Verdict) -> list[str]:
    """The criteria that have another answer."""
    pairs = zip(before.criteria, after.criteria, strict=True)
    return [a.id for a, b in pairs if a.status != b.status]
