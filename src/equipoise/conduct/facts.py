"""What the entered data of a participant say, in the form that the rules read."""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache

from equipoise.capture import Others, derive_item, derive_items, functions_over, to_known
from equipoise.conduct.parts import Value as Entered
from equipoise.conduct.state import FormRecord, Participant, TrialState
from equipoise.eligibility import (
    Answer,
    Case,
    Observation,
    Reading,
    Verdict,
    assess_case,
    items_attested,
    items_read,
)
from equipoise.language import Known, Value, evaluate, parse, unknown
from equipoise.problems import natural_order
from equipoise.safety import (
    AdverseRecord,
    RuleState,
    assess_stopping,
    count_events,
    read_adverse_event,
)
from equipoise.schedule import Expectation, expect_encounter, expect_form
from equipoise.study.criteria import Judgement, Rule
from equipoise.study.forms import Form
from equipoise.study.study import Study
from equipoise.study.vocabulary import worst_directions


def latest_values(
    study: Study, subject: Participant, *, encounter: str = "", before: FormRecord | None = None
) -> Others:
    """Every known value of every `form.item`, derived ones included, oldest first.

    `encounter` is where the rules will be read; `before` leaves out that record and later ones. The
    baseline of a value is its last one up to `baseline_day`; up to that day there is none yet.
    """

    @cache  # most records are of forms that derive nothing, and never look back
    def past() -> list[FormRecord]:
        return [r for r in in_time(subject) if before is None or _instant(r) < _instant(before)]

    ends_on = baseline_day(subject)
    if before is not None and ends_on is not None and before.on <= ends_on:
        ends_on = None

    def read(records: Iterable[FormRecord], name: str) -> tuple[Known, ...]:
        form, _, item = name.partition(".")
        found = (_known_of(study, r, item, subject) for r in records if r.form == form)
        return tuple(value for value in found if value is not None)

    def baseline(name: str) -> Known | None:
        early = [] if ends_on is None else [r for r in past() if r.on <= ends_on]
        return next(reversed(read(early, name)), None)

    return Others(encounter, lambda name: read(past(), name), baseline, worst_directions(study))


def baseline_day(subject: Participant) -> dt.date | None:
    """The last day that is before treatment: of the first infusion; without one, of randomization.

    None before either: a baseline is not known yet.
    """
    infused_on = [i.given_on for i in subject.infusions.values() if i.given_on]
    return min(infused_on, default=subject.randomized_on)


def assess_populations(study: Study, subject: Participant) -> Mapping[str, Value]:
    """Whether a participant belongs to each analysis population: true, false, or why unknown."""
    others = latest_values(study, subject)
    return {
        name: assess_condition(study, subject, population.members, others=others)
        for name, population in study.analysis.populations.items()
    }


def assess_condition(
    study: Study, subject: Participant, condition: str, *, others: Others
) -> Value:
    """A condition on a participant: facts such as `infused`, and `form.item`, the latest value."""

    def find(name: str) -> Value | None:
        if name in _FACTS:
            return _FACTS[name](study, subject)
        if name == "encounter":
            return Known(others.encounter)
        found = others.find(name) if "." in name else ()
        return found[-1] if found else unknown("missing", name) if "." in name else None

    return evaluate(parse(condition), find, functions=functions_over(others))


def expects(
    study: Study, subject: Participant, encounter: str, *, form: Form | None = None
) -> Expectation:
    """Whether a participant is expected at an encounter, and a form of it to be entered."""
    others = latest_values(study, subject, encounter=encounter)

    def assess(condition: str) -> Value:
        return assess_condition(study, subject, condition, others=others)

    if form is None:
        return expect_encounter(study.schedule, encounter, assess=assess)
    return expect_form(study.schedule, encounter, form, assess=assess)


def in_time(subject: Participant) -> list[FormRecord]:
    """The forms of a participant by the day they speak of, then by entry."""
    return sorted(subject.forms.values(), key=_instant)


def observations_of(
    study: Study,
    subject: Participant,
    *,
    until: dt.date = dt.date.max,
    items: Mapping[str, frozenset[str]] | None = None,
) -> Mapping[str, tuple[Observation, ...]]:
    """Every observation of every `form.item` up to a day, with its date and its ledger entry.

    `items` are those of each form that are wanted; without them, all.
    """
    found: dict[str, list[Observation]] = defaultdict(list)
    for record in (r for r in subject.forms.values() if r.on <= until):
        wanted = None if items is None else items.get(record.form, frozenset())
        for item, observation in _observe(study, record, subject, wanted=wanted):
            found[f"{record.form}.{item}"].append(observation)
    return {name: tuple(observed) for name, observed in found.items()}


def comes_later(study: Study, encounter: str) -> bool:
    """Whether an encounter belongs to an epoch after the first, so after randomization."""
    planned = study.schedule.encounters.get(encounter)
    return planned is not None and planned.epoch != next(iter(study.schedule.epochs), "")


def assess_participant(study: Study, subject: Participant, *, on: dt.date) -> Verdict:
    """The verdict as of the study's reference day; `on` is the day of a randomization to come."""
    return assess_case(study, case_of(study, subject, on=on, items=items_read(study)))


def case_of(
    study: Study,
    subject: Participant,
    *,
    on: dt.date,
    items: Mapping[str, frozenset[str]] | None = None,
) -> Case:
    """What is known of a participant as of the study's reference day, and what was judged.

    `items` are those of each form that are wanted; another reading may want others.
    """
    reference = {
        "consent": subject.consent.on if subject.consent else on,
        "screening": subject.screened_on,
        "randomization": subject.randomized_on or on,
    }[study.eligibility.reference_date]
    observed = observations_of(study, subject, until=reference, items=items)
    reading = Reading(study, observed, reference_on=reference)
    return Case(reading, answers_of(study, subject, observed))


def answers_of(
    study: Study, subject: Participant, observed: Mapping[str, Sequence[Observation]]
) -> Mapping[str, Answer]:
    """What was judged. What was attested counts only for the values that stood there then."""
    outdated = {
        rule
        for rule, paths in items_attested(study).items()
        if (answer := subject.answers.get(rule)) is not None
        and any(_comes_after(o.entry, answer.entry) for p in paths for o in observed.get(p, ()))
    }
    return {rule: a for rule, a in subject.answers.items() if rule not in outdated}


def list_participants(state: TrialState) -> list[Participant]:
    """Everybody, in the order of lists."""
    return sorted(state.participants.values(), key=lambda p: natural_order(p.code))


def adverse_records(study: Study, subject: Participant) -> tuple[AdverseRecord, ...]:
    """The adverse events entered for a participant; none where the study has no safety plan."""
    if study.safety is None:
        return ()
    items = dict.fromkeys(study.forms[study.safety.form].items)
    infused_on = tuple(sorted(i.given_on for i in subject.infusions.values() if i.given_on))
    return tuple(
        AdverseRecord(
            participant=subject.code,
            repeat=record.repeat,
            values={**items, **record.values},
            at=_changed_at(record)[-1],
            earlier=tuple(reversed(tuple(_earlier(record, items)))),
            infused_on=infused_on,
            reported_at=received.at if (received := subject.received.get(record.repeat)) else None,
        )
        for record in subject.forms.values()
        if record.form == study.safety.form
    )


def assess_rules(study: Study, state: TrialState) -> tuple[RuleState, ...]:
    """Where each stopping rule stands now, over everybody in the trial; no arm is known here."""
    plan = study.safety
    if plan is None or not plan.stopping:
        return ()
    people = state.participants.values()
    records = (record for p in people for record in adverse_records(study, p))
    events = (read_adverse_event(plan, record) for record in records)
    counts = {name: (n, n) for name, n in _count_people(people).items()}
    return assess_stopping(plan, {**counts, **count_events(plan, events)})


def find_judgement(study: Study, rule: str) -> Judgement | None:
    """The question behind a rule id such as `E6` or `5b-heart`, a judgement or an attestation."""
    for name, criterion in study.criteria:
        for id_, part in ((name, criterion), *((p.id, p) for p in _parts(criterion))):
            asked = part.judgement or part.attest
            if id_ == rule and asked is not None:
                return asked
    return None


def _count_people(people: Collection[Participant]) -> Mapping[str, int]:
    """The counts of `PEOPLE_COUNTS`."""
    return {
        "n_screened": len(people),
        "n_randomized": sum(p.is_randomized for p in people),
        "n_infused": sum(any(i.given_on for i in p.infusions.values()) for p in people),
        "n_withdrawn": sum(p.status == "withdrawn" for p in people),
        "n_completed": sum(p.status == "completed" for p in people),
    }


def _is_eligible(study: Study, subject: Participant) -> Value:
    """The verdict on what stands in the forms now: a correction may have made it another one."""
    on = max((r.on for r in subject.forms.values()), default=subject.screened_on)
    status = assess_participant(study, subject, on=on).status
    if status in ("eligible", "not_eligible"):
        return Known(status == "eligible")
    return unknown("awaiting_judgement" if status == "potential" else "missing", "eligible")


_FACTS: Mapping[str, Callable[[Study, Participant], Value]] = {
    "screened": lambda _, p: Known(bool(p.screened_on)),
    "consented": lambda _, p: Known(p.consent is not None),
    "eligible": _is_eligible,
    "randomized": lambda _, p: Known(p.is_randomized),
    "infused": lambda _, p: Known(any(i.given_on for i in p.infusions.values())),
    "withdrawn": lambda _, p: Known(p.status == "withdrawn"),
    "completed": lambda _, p: Known(p.status == "completed"),
    "treatment_stopped": lambda _, p: Known(p.treatment_stop is not None),
    "n_infusions": lambda _, p: Known(sum(1 for i in p.infusions.values() if i.given_on)),
    "n_missed": lambda _, p: Known(len(p.missed)),
}


def _changed_at(record: FormRecord) -> list[dt.datetime]:
    return [record.stamp.at, *(c.stamp.at for c in record.corrections)]


def _earlier(
    record: FormRecord, items: Mapping[str, None]
) -> Iterator[tuple[dt.datetime, Mapping[str, Entered]]]:
    """What the form said before each correction, last first, with the instant since which."""
    values: dict[str, Entered] = {**items, **record.values}
    since = _changed_at(record)[-2::-1]
    for correction, at in zip(record.corrections[::-1], since, strict=True):
        values = {**values, correction.item: correction.old}
        yield at, values


def _entry_of(record: FormRecord, item: str, *, is_derived: bool) -> str:
    """The entry that gave a value; a derived one is as old as the last change of its form."""
    if is_derived and record.corrections:
        return record.corrections[-1].stamp.entry
    return record.entry_of(item)


def _comes_after(entry: str, other: str) -> bool:
    """Of two entries of one participant, which are all in one chain."""
    return int(entry.rpartition(":")[2]) > int(other.rpartition(":")[2])


def _instant(record: FormRecord) -> tuple[dt.date, dt.datetime]:
    return record.on, record.stamp.at


def _known_of(study: Study, record: FormRecord, name: str, subject: Participant) -> Known | None:
    form = study.forms[record.form]
    if name in form.items:
        value = to_known(form.items[name], record.values.get(name))
        return value if isinstance(value, Known) else None
    if name not in form.derive:
        return None
    others = latest_values(study, subject, encounter=record.encounter, before=record)
    plain = derive_item(form, name, values=record.values, others=others)
    return None if plain is None else Known(plain, form.derive[name].unit)


def _parts(rule: Rule) -> Iterator[Rule]:
    for part in (*rule.all_, *rule.any_, *rule.none_):
        if isinstance(part, Rule):
            yield part
            yield from _parts(part)


def _observe(
    study: Study, record: FormRecord, subject: Participant, *, wanted: frozenset[str] | None
) -> Iterator[tuple[str, Observation]]:
    form = study.forms[record.form]
    derived: Mapping[str, Entered] = {}
    if form.derive and (wanted is None or wanted & form.derive.keys()):
        others = latest_values(study, subject, encounter=record.encounter, before=record)
        derived = derive_items(form, values=record.values, others=others)
    for item, value in {**record.values, **derived}.items():
        if value is None or (wanted is not None and item not in wanted):
            continue
        defined = form.derive[item] if item in derived else form.items[item]
        yield (
            item,
            Observation(
                form=record.form,
                item=item,
                encounter=record.encounter,
                value=value,
                unit=defined.unit,
                on=record.on,
                entry=_entry_of(record, item, is_derived=item in derived),
            ),
        )
