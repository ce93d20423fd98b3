"""What the entered data of a participant say, in the form that the rules read."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping

from equipoise.capture import Others, derive_items, to_known
from equipoise.conduct.events import Value
from equipoise.conduct.state import FormRecord, Participant
from equipoise.eligibility import Case, Observation, Reading, Verdict, assess_case
from equipoise.language import Known
from equipoise.safety import AdverseRecord
from equipoise.study.criteria import Judgement, Rule
from equipoise.study.study import Study


def latest_values(
    study: Study, subject: Participant, *, encounter: str = "", before: FormRecord | None = None
) -> Others:
    """Every known value of every `form.item`, derived ones included, oldest first.

    `encounter` is where the rules will be read; `before` leaves out that record and later ones.
    """
    past = [r for r in in_time(subject) if before is None or _instant(r) < _instant(before)]

    def find(name: str) -> tuple[Known, ...]:
        form, _, item = name.partition(".")
        found = (_known_of(study, r, item, subject) for r in past if r.form == form)
        return tuple(value for value in found if value is not None)

    return Others(encounter, find)


def in_time(subject: Participant) -> list[FormRecord]:
    """The forms of a participant by the day they speak of, then by entry."""
    return sorted(subject.forms.values(), key=_instant)


def observations_of(study: Study, subject: Participant) -> Mapping[str, tuple[Observation, ...]]:
    """Every observation of every `form.item`, with its date and its ledger entry."""
    found: dict[str, list[Observation]] = defaultdict(list)
    for record in subject.forms.values():
        others = latest_values(study, subject, encounter=record.encounter, before=record)
        for item, observation in _observe(study, record, others):
            found[f"{record.form}.{item}"].append(observation)
    return {name: tuple(observed) for name, observed in found.items()}


def assess_participant(study: Study, subject: Participant, *, on: dt.date) -> Verdict:
    """The verdict as of the study's reference day; `on` is the day of a randomization to come."""
    return assess_case(study, case_of(study, subject, on=on))


def case_of(study: Study, subject: Participant, *, on: dt.date) -> Case:
    """What is known of a participant as of the study's reference day, and what was judged."""
    reference = {
        "consent": subject.consent.on if subject.consent else on,
        "screening": subject.screened_on,
        "randomization": subject.randomized_on or on,
    }[study.eligibility.reference_date]
    reading = Reading(study, observations_of(study, subject), reference_on=reference)
    return Case(reading, subject.answers)


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


def find_judgement(study: Study, rule: str) -> Judgement | None:
    """The question behind a rule id such as `E6` or `5b-heart`."""
    for name, criterion in study.criteria:
        if name == rule and criterion.judgement is not None:
            return criterion.judgement
        for part in _parts(criterion):
            if part.id == rule and part.judgement is not None:
                return part.judgement
    return None


def _changed_at(record: FormRecord) -> list[dt.datetime]:
    return [record.stamp.at, *(c.stamp.at for c in record.corrections)]


def _earlier(
    record: FormRecord, items: Mapping[str, None]
) -> Iterator[tuple[dt.datetime, Mapping[str, Value]]]:
    """What the form said before each correction, last first, with the instant since which."""
    values: dict[str, Value] = {**items, **record.values}
    since = _changed_at(record)[-2::-1]
    for correction, at in zip(record.corrections[::-1], since, strict=True):
        values = {**values, correction.item: correction.old}
        yield at, values


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
    plain = derive_items(form, values=record.values, others=others)[name]
    return None if plain is None else Known(plain, form.derive[name].unit)


def _parts(rule: Rule) -> Iterator[Rule]:
    for part in (*rule.all_, *rule.any_, *rule.none_):
        if isinstance(part, Rule):
            yield part
            yield from _parts(part)


def _observe(study: Study, record: FormRecord, others: Others) -> Iterator[tuple[str, Observation]]:
    form = study.forms[record.form]
    derived = derive_items(form, values=record.values, others=others)
    units = {k: i.unit for k, i in form.items.items()} | {k: d.unit for k, d in form.derive.items()}
    for item, value in {**record.values, **derived}.items():
        if value is not None:
            yield (
                item,
                Observation(
                    form=record.form,
                    item=item,
                    encounter=record.encounter,
                    value=value,
                    unit=units.get(item, ""),
                    on=record.on,
                    entry=record.entry_of(item),
                ),
            )
