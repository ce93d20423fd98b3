"""One participant: who, where they stand in the schedule, and everything entered."""

from django.http import HttpResponse
from msgspec import Struct

from equipoise.conduct import (
    Participant,
    StratumChange,
    changes_of_stratum,
    check_ordered_weight,
    expects,
    is_signed,
)
from equipoise.conduct.acts.unblinding import WITNESSES
from equipoise.conduct.parts import Infusion
from equipoise.conduct.state import FormRecord
from equipoise.problems import Text, Where
from equipoise.schedule import Expectation
from equipoise.study.forms import Form
from equipoise.study.roles import Role
from equipoise.web.outlook import Stop, plan_stops
from equipoise.web.pages import Visit, page
from equipoise.web.views.participants import ENROLLERS, READERS

WRITERS = (Role.COORDINATOR, Role.INVESTIGATOR, Role.OUTCOME_ASSESSOR)
RECORDERS = (Role.COORDINATOR, Role.INVESTIGATOR, Role.DATA_MANAGER, Role.MONITOR)
"""Who records that the protocol was departed from."""
BLIND_TO_COURSE = frozenset({Role.OUTCOME_ASSESSOR})
"""Who measures outcomes must not see how a participant fares (reactions can tell the arm)."""
NO_ENCOUNTER = "-"
"""Stands in addresses for the missing encounter of a log form."""


class Leaf(Struct, frozen=True):
    """A form of an encounter: entered or not, and what this person may do with it."""

    form: Form
    encounter: str
    repeat: int
    record: FormRecord | None
    may_enter: bool
    expectation: Expectation


class Row(Struct, frozen=True):
    """An encounter with its forms and its infusion."""

    stop: Stop
    leaves: tuple[Leaf, ...]
    infusion: Infusion | None
    may_order: bool
    may_start: bool
    may_give: bool
    may_end: bool
    may_miss: bool


@page(roles=READERS)
def participant(visit: Visit, code: str) -> HttpResponse:
    """The participant's page."""
    subject = visit.participant(code)
    stops = plan_stops(visit.study, subject, today=visit.today)
    is_open, stands = visit.state.locked is None, is_signed(visit.study, subject)
    may_sign = is_open or (subject.signature is not None and not stands)
    may_change = subject.is_in_trial and is_open and visit.may_do("stop_treatment")
    return visit.show(
        "participant.html",
        subject=subject,
        site=visit.study.identity.sites.get(subject.site),
        rows=[_row(visit, subject, stop) for stop in stops],
        logs=_logs(visit, subject),
        stratum_changes=_stratum_changes(visit, subject),
        is_signed=stands,
        sees_course=visit.person.role not in BLIND_TO_COURSE,
        may_enroll=visit.may(*ENROLLERS) and is_open,
        may_stop=may_change and visit.may(*ENROLLERS) and is_to_treat(visit, subject),
        may_resume=may_change
        and visit.may(Role.INVESTIGATOR)
        and subject.treatment_stop is not None,
        may_deviate=visit.may(*RECORDERS) and is_open,
        may_tell=visit.may(*WITNESSES),
        may_sign=visit.may(Role.INVESTIGATOR) and visit.may_do("sign_casebook") and may_sign,
    )


def _stratum_changes(visit: Visit, subject: Participant) -> list[tuple[Text, StratumChange]]:
    """Each factor for which a correction changed the level, with its name; the one used stays."""
    plan = visit.study.identity.randomization
    factors = plan.factors if plan else {}
    changes = changes_of_stratum(visit.study, subject)
    return [(factors[c.factor].label, c) for c in changes if c.factor in factors]


def may_read(visit: Visit, form: Form) -> bool:
    """Whether this person may see a form: an outcome assessor sees their own forms alone."""
    return visit.person.role not in BLIND_TO_COURSE or visit.person.role in form.by


def may_enter(visit: Visit, form: Form) -> bool:
    """Whether this person enters a form."""
    may = visit.person.role in form.by and visit.may_do("submit_form", form.form)
    return visit.may(*WRITERS) and may and visit.state.locked is None


def _row(visit: Visit, subject: Participant, stop: Stop) -> Row:
    infusion = subject.infusions.get(stop.name)
    is_open = infusion is None or _is_to_order_anew(visit, subject, infusion)
    may_act = visit.may(*ENROLLERS) and subject.is_in_trial and visit.state.locked is None
    is_planned = stop.name in visit.study.infusion_encounters and is_to_treat(visit, subject)
    sees = visit.person.role not in BLIND_TO_COURSE
    is_out = infusion is not None and infusion.status == "prepared"
    may_infuse = visit.may(*ENROLLERS) and visit.state.locked is None
    return Row(
        stop=stop,
        leaves=tuple(_leaves(visit, subject, stop)),
        infusion=infusion if sees else None,
        may_order=may_act
        and visit.may_do("order_infusion")
        and is_planned
        and is_open
        and stop.timing != "not_expected",
        may_start=may_act
        and visit.may_do("start_infusion")
        and infusion is not None
        and is_out
        and not infusion.is_recalled
        and subject.treatment_stop is None,
        may_give=may_infuse and visit.may_do("give_infusion") and is_out,
        may_end=may_infuse
        and visit.may_do("end_infusion")
        and infusion is not None
        and infusion.status == "started",
        may_miss=visit.may(*WRITERS)
        and visit.may_do("miss_encounter")
        and subject.is_in_trial
        and subject.is_randomized
        and visit.state.locked is None
        and stop.is_waiting,
    )


def is_to_treat(visit: Visit, subject: Participant) -> bool:
    """Whether somebody was randomized, and an infusion is still to be given."""
    given = {i.encounter for i in subject.infusions.values() if i.status == "given"}
    is_left = not given.issuperset(visit.study.infusion_encounters)
    return subject.is_randomized and is_left and subject.treatment_stop is None


def _is_to_order_anew(visit: Visit, subject: Participant, infusion: Infusion) -> bool:
    """The weight of an order was corrected before anything was handed out for it."""
    where = Where(record=subject.code)
    changed = check_ordered_weight(visit.study, subject, infusion, where=where)
    return infusion.status == "ordered" and bool(changed)


def _leaves(visit: Visit, subject: Participant, stop: Stop) -> list[Leaf]:
    forms = [f for f in visit.study.forms_at(stop.name) if may_read(visit, f)]
    has_come = _has_come(visit, subject, stop)
    leaves = []
    for form in forms:
        record = subject.forms.get((stop.name, form.form, 0))
        expectation = expects(visit.study, subject, stop.name, form=form)
        may = may_enter(visit, form) and has_come and expectation.is_expected is not False
        leaves.append(Leaf(form, stop.name, 0, record, may, expectation))
    return leaves


def _has_come(visit: Visit, subject: Participant, stop: Stop) -> bool:
    """Whether the participant has come as far as this encounter."""
    if stop.timing == "missed" or not subject.is_in_trial:
        return False
    is_first = next(iter(visit.study.schedule.epochs), "") == stop.encounter.epoch
    return is_first or subject.is_randomized


def _logs(visit: Visit, subject: Participant) -> list[tuple[Form, list[FormRecord], bool]]:
    """The forms that repeat, with what was entered."""
    found = []
    for form in visit.study.forms.values():
        if (form.repeats or not form.at) and may_read(visit, form):
            records = [r for r in subject.forms.values() if r.form == form.form]
            may_add = may_enter(visit, form) and subject.consent is not None
            found.append((form, records, may_add and (form.repeats or not records)))
    return found
