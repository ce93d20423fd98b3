"""Conditions that several acts share."""

import datetime as dt
from zoneinfo import ZoneInfo

from equipoise.conduct.parts import STATUS_NAMES, Proof
from equipoise.conduct.state import Participant, Person, TrialState
from equipoise.problems import Problem, Text, Where, problem
from equipoise.study.study import Study

TIME_ZONES_AHEAD = dt.timedelta(hours=14)
TIME_ZONES_BEHIND = dt.timedelta(hours=12)
"""The earliest and the latest local date anywhere on Earth, seen from UTC."""
SITE_OPENED = Text("the opening of the site", "l'ouverture du centre")
SCREENED = Text("the start of screening", "le début de la sélection")
CONSENTED = Text("the consent", "le consentement")


def day_of(study: Study, person: Person, *, at: dt.datetime) -> dt.date:
    """The day of an instant where a person works: in the one zone of all their sites, else UTC."""
    sites = study.identity.sites
    zones = {sites[s].time_zone for s in person.sites or sites if s in sites}
    zone = zones.pop() if len(zones) == 1 else ""
    return at.astimezone(ZoneInfo(zone) if zone else dt.UTC).date()


def check_duty(study: Study, person: Person, *, at: dt.datetime) -> tuple[Problem, ...]:
    """The person acts in their role on the day that it is for them, with all its trainings."""
    on = day_of(study, person, at=at)
    problems = []
    if not person.is_active:
        return (problem("EQ-C001", person.person, person=person.person),)
    if not person.is_delegated(on):
        problems.append(problem("EQ-C096", person.person, person=person.name, on=on))
    for name, training in study.identity.training.items():
        if person.role not in training.by:
            continue
        if name not in person.trained:
            problems.append(problem("EQ-C097", person.person, training=training.label))
            continue
        until = person.trained[name]
        if until is not None and until < on:
            lapsed = problem("EQ-C098", person.person, training=training.label, until=until)
            problems.append(lapsed)
    return tuple(problems)


def check_accountable(person: Person, *, proof: Proof) -> tuple[Problem, ...]:
    """Who signs has accepted what a signature means, and signs by means that are theirs."""
    found = () if proof in ("passkey", "provider") else check_confirmed(person)
    if person.accepted_at is None:
        found += (problem("EQ-C106", person.person, name=person.name),)
    return found


def check_confirmed(person: Person) -> tuple[Problem, ...]:
    """Whoever made a code could have used it; so a second person asks its owner about it."""
    if person.is_confirmed:
        return ()
    return (problem("EQ-C190", person.person, name=person.name),)


def check_open(state: TrialState) -> tuple[Problem, ...]:
    """The trial is open and its data are not locked."""
    if not state.is_open:
        return (problem("EQ-C015", state.study),)
    if state.locked is not None:
        return (problem("EQ-C016", state.study, on=state.locked.at.date()),)
    return ()


def check_running(state: TrialState, *, where: Where) -> tuple[Problem, ...]:
    """No stopping rule has paused randomization and infusions."""
    if not state.pausing:
        return ()
    return (problem("EQ-C090", where, rules=", ".join(state.pausing)),)


def check_restored(state: TrialState, *, where: Where) -> tuple[Problem, ...]:
    """The ledger was not restored, or what was restored is proven whole or its gap attested."""
    if state.restored is None:
        return ()
    return (problem("EQ-C110", where, on=state.restored.stamp.at.date()),)


def check_amending(state: TrialState, *, where: Where) -> tuple[Problem, ...]:
    """No amendment is agreed that the vault has not begun yet."""
    if state.amendment is None or state.amendment.confirmed is None:
        return ()
    return (problem("EQ-C140", where, on=state.amendment.confirmed.at.date()),)


def check_in_force(study: Study, state: TrialState, *, where: Where) -> tuple[Problem, ...]:
    """The trial randomizes by this very folder, and no other one is on its way."""
    if state.digest not in ("", study.digest):
        return (problem("EQ-C019", where, digest=state.digest[:12]),)
    return check_amending(state, where=where)


def check_in_trial(state: TrialState, subject: Participant) -> tuple[Problem, ...]:
    """The trial is open and this participant has not left it."""
    problems = check_open(state)
    if not subject.is_in_trial:
        status = STATUS_NAMES["status"][subject.status]
        problems += (problem("EQ-C017", subject.code, participant=subject.code, status=status),)
    return problems


def check_treated(subject: Participant, *, where: Where) -> tuple[Problem, ...]:
    """The participant's treatment is not stopped."""
    stop = subject.treatment_stop
    if stop is None:
        return ()
    return (problem("EQ-C182", where, participant=subject.code, on=stop.on),)


def check_not_future(on: dt.date, *, at: dt.datetime, where: Where) -> tuple[Problem, ...]:
    """Nothing is recorded before it happened, in whatever time zone the site is."""
    if on > (at + TIME_ZONES_AHEAD).date():
        return (problem("EQ-C018", where, on=on),)
    return ()


def check_not_past(on: dt.date, *, at: dt.datetime, where: Where) -> tuple[Problem, ...]:
    """A randomization is of the day on which it is recorded, wherever the site is."""
    if on < (at - TIME_ZONES_BEHIND).date():
        return (problem("EQ-C181", where, on=on),)
    return ()


def check_since_opening(
    state: TrialState, site: str, *, on: dt.date, where: Where
) -> tuple[Problem, ...]:
    """Nobody entered screening, or consented, before the site took part in the trial."""
    opened = state.sites.get(site)
    if opened is None:
        return ()
    return _check_not_before(
        on, first=(opened.at - TIME_ZONES_BEHIND).date(), since=SITE_OPENED, where=where
    )


def check_since_consent(subject: Participant, *, on: dt.date, where: Where) -> tuple[Problem, ...]:
    """Nobody ended a participation that had not begun: with consent, or else with screening."""
    if subject.consent is None:
        return check_since_screening(subject, on=on, where=where)
    return _check_not_before(on, first=subject.consent.on, since=CONSENTED, where=where)


def check_since_screening(
    subject: Participant, *, on: dt.date, where: Where
) -> tuple[Problem, ...]:
    """Nothing is about a participant before their screening, or a consent that came before it."""
    first = min(subject.screened_on, subject.consent.on if subject.consent else dt.date.max)
    return _check_not_before(on, first=first, since=SCREENED, where=where)


def _check_not_before(
    on: dt.date, *, first: dt.date, since: Text, where: Where
) -> tuple[Problem, ...]:
    if on >= first:
        return ()
    return (problem("EQ-C206", where, on=on, since=since, first=first),)


def check_consented(subject: Participant, *, on: dt.date, where: Where) -> tuple[Problem, ...]:
    """Written consent comes first; nothing replaces it."""
    if subject.consent is None:
        return (problem("EQ-C040", where),)
    if on < subject.consent.on:
        return (problem("EQ-C041", where, on=on, consent=subject.consent.on),)
    return ()


def check_reason(reason: str, *, act: str, where: Where) -> tuple[Problem, ...]:
    """A reason of at least three characters: an inspector reads it in twenty years."""
    return () if len(reason.strip()) >= 3 else (problem("EQ-C004", where, act=act),)
