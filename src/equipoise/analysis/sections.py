"""The sections of a report, in their order."""

import datetime as dt
from collections.abc import Iterator, Sequence
from html import escape

from msgspec import Struct

from equipoise.analysis.adverse import Received, list_events, tabulate_adverse_events
from equipoise.analysis.baseline import tabulate_baseline
from equipoise.analysis.blinding import show_guesses, tabulate_guesses
from equipoise.analysis.course import Course, estimate_course
from equipoise.analysis.deviations import list_deviations
from equipoise.analysis.exposure import Treatment, departures_of
from equipoise.analysis.figures import plot_accrual, plot_course, plot_events, plot_flow
from equipoise.analysis.figures.svg import tag
from equipoise.analysis.flow import count_flow
from equipoise.analysis.groups import Arms, Basis, DummyArms, plan_comparisons, plan_sizes
from equipoise.analysis.populations import tabulate_populations
from equipoise.analysis.summary import estimate_detectable, estimate_power
from equipoise.analysis.tables import (
    badge,
    say,
    show_adverse_events,
    show_baseline,
    show_course,
    show_deviations,
    show_populations,
    show_serious_events,
    show_shared_arms,
    table,
)
from equipoise.analysis.texts import say_number, say_percent, word
from equipoise.analysis.values import Histories
from equipoise.conduct.state import Participant, TrialState
from equipoise.problems import Language
from equipoise.study.study import Study

POWER = 0.8
RECEIVED = ("infusion", "arm", "planned", "dispensed", "given", "dose")


class Imprint(Struct, frozen=True):
    """What stands on every page: the seal of the data, the realm, when it was made (UTC).

    `mark` is a random number in the head of a copy by arm, whose digest nobody can compute then.
    """

    seal: str
    realm: str
    generated_at: dt.datetime
    language: Language = "en"
    mark: str = ""


class Matter(Struct, frozen=True):
    """All that the sections draw from."""

    study: Study
    state: TrialState
    imprint: Imprint
    basis: Basis
    arms: Arms
    received: Received | None
    treatments: Sequence[Treatment] | None
    dummy: DummyArms | None
    histories: Histories

    @property
    def language(self) -> Language:
        """The language of the report."""
        return self.imprint.language


def describe_trial(matter: Matter) -> str:
    """What the trial is, and what the data are."""
    identity, language = matter.study.identity, matter.language
    masking = identity.masking
    sizes = " : ".join(str(n) for n in plan_sizes(matter.study).values())
    facts = {
        "identifiers": ", ".join(identity.identifiers.values()),
        "sponsor": identity.sponsor.name if identity.sponsor else "",
        "phase": " / ".join(identity.phase),
        "design": word("design", n=identity.planned_participants, sizes=sizes).say(language),
        "masking": word(f"masking_{masking.schema}").say(language) if masking else "",
        "arms": " · ".join(a.label.say(language) for a in identity.arms.values()),
        "data": word("data_locked" if matter.state.locked else "data_open").say(language),
        "seal": matter.imprint.seal,
        "study_digest": matter.state.digest or matter.study.digest,
        "generated_at": f"{matter.imprint.generated_at:%Y-%m-%d %H:%M} UTC",
    }
    rows = [
        tag("dt", say(f"fact_{key}", language)) + tag("dd", escape(fact))
        for key, fact in facts.items()
        if fact
    ]
    return _section("trial", matter, tag("dl", *rows))


def describe_flow(matter: Matter) -> str:
    """The CONSORT diagram."""
    flow = count_flow(matter.study, matter.state, arms=matter.arms)
    drawn = plot_flow(flow, language=matter.language)
    return _section("flow", matter, _figure(drawn, matter))


def describe_accrual(matter: Matter) -> str:
    """Randomized participants against the plan."""
    days = [p.randomized_on for p in matter.state.randomized if p.randomized_on]
    today = max([matter.imprint.generated_at.date(), *days])  # a rehearsal may lie in the future
    drawn = plot_accrual(matter.study, matter.state, today=today, language=matter.language)
    return _section("accrual", matter, _figure(drawn, matter, is_grouped=False))


def describe_populations(matter: Matter) -> str:
    """How many belong to each analysis population, by the expression of the study folder."""
    found = tabulate_populations(matter.study, matter.state, arms=matter.arms)
    if not found.rows:
        return ""
    shown = show_populations(found, language=matter.language)
    return _section("populations", matter, shown)


def describe_baseline(matter: Matter) -> str:
    """Who was randomized."""
    found = tabulate_baseline(
        matter.study, matter.state, arms=matter.arms, histories=matter.histories
    )
    return _section("baseline", matter, show_baseline(found, language=matter.language))


def describe_blinding(matter: Matter) -> str:
    """What people thought was given, against what was; only once the arms are open."""
    if matter.arms is None or isinstance(matter.arms, DummyArms):
        return ""
    found = tabulate_guesses(matter.study, matter.state, matter.arms)
    return _section("blinding", matter, show_guesses(found, matter.language)) if found else ""


def describe_courses(matter: Matter) -> str:
    """Every endpoint over time; none is called primary, since the study calls none so."""
    parts = [tag("p", say("course_intro", matter.language))]
    if matter.basis == "unblinded":
        parts.append(show_shared_arms(matter.study, language=matter.language))
    for course in _courses(matter):
        parts.append(tag("h3", escape(course.endpoint.label.say(matter.language))))
        if not course.is_empty:
            parts.append(_figure(plot_course(course, language=matter.language), matter))
        parts.append(show_course(course, language=matter.language))
    return _section("course", matter, *parts)


def describe_safety(matter: Matter) -> str:
    """Adverse events by what was received, and in time."""
    found = tabulate_adverse_events(
        matter.study, matter.state, received=matter.received, dummy=matter.dummy
    )
    drawn = plot_events(matter.study, matter.state, language=matter.language)
    shown = show_adverse_events(found, matter.study, language=matter.language)
    figure = _figure(drawn, matter, is_grouped=False)
    return _section("safety", matter, _tell_received(matter), shown, figure)


def _tell_received(matter: Matter) -> str:
    """Where what was received is known from, and each infusion in which it was not the arm's."""
    language = matter.language
    if matter.received is None:
        return ""
    if matter.treatments is None:
        return tag("p", say("received_as_planned", language), class_="warning")
    given = [t for t in matter.treatments if t.received_on is not None]
    apart = [*departures_of(given)]
    told = tag("p", say("received_on_record", language, n=len(given), apart=len(apart)))
    if not apart:
        return told
    products, arms = matter.study.treatments.products, matter.study.identity.arms
    rows = [
        [
            f"{escape(t.number)} / {escape(t.encounter)}",
            escape(arms[t.arm].label.say(language)),
            *(
                escape(products[p].label.say(language)) if p in products else escape(p or "–")
                for p in (t.planned, t.dispensed, t.received)
            ),
            f"{t.received_on}, {say_number(t.received_ml, language)} mL",
        ]
        for t in apart
    ]
    head = [say(f"received_{key}", language) for key in RECEIVED]
    return told + table(say("received_caption", language), head, rows)


def describe_serious(matter: Matter) -> str:
    """The listing of deaths and other serious events (ICH E3, 14.3.2)."""
    events = list_events(matter.study, matter.state)
    return _section("serious", matter, show_serious_events(events, language=matter.language))


def describe_deviations(matter: Matter) -> str:
    """The listing of departures from the protocol (ICH E3, 16.2.2)."""
    shown = show_deviations(list_deviations(matter.state), language=matter.language)
    return _section("deviations", matter, shown)


def describe_limits(matter: Matter) -> str:
    """What a trial of this size can show, computed from its planned arms."""
    language, sizes = matter.language, plan_sizes(matter.study)
    head = [
        say(k, language)
        for k in ("limits_compared", "limits_sizes", "limits_detectable", "limits_power")
    ]
    rows = [
        [
            escape(f"{_names(matter, one)} / {_names(matter, other)}"),
            f"{n1} / {n2}",
            say_number(estimate_detectable(n1, n2, power=POWER), language, decimals=2),
            say_percent(estimate_power(n1, n2, difference=1.0), language),
        ]
        for one, other in plan_comparisons(matter.study)
        if (n1 := sum(sizes[a] for a in one)) > 1 and (n2 := sum(sizes[a] for a in other)) > 1
    ]
    if not rows:
        return ""
    smallest = min(sizes.values())
    words = [say("limits_intro", language, n=matter.study.identity.planned_participants)]
    words += list(_limits_in_units(matter, smallest))
    notes = [say("limits_method", language)]
    shown = table(say("limits_caption", language), head, rows, notes=notes)
    return _section("limits", matter, *(tag("p", w) for w in words), shown)


def describe_assumptions(matter: Matter) -> str:
    """What nobody has decided: what this trial and this report assume instead."""
    language, study = matter.language, matter.study
    rows = []
    for decision in study.decisions:
        if decision.status != "open":
            continue
        assumed = [a for a in study.assumptions if a.decision == decision.id]
        rows.append(
            [
                escape(decision.id),
                escape(decision.question.say(language)),
                "<br>".join(f"{escape(a.path)} = {escape(_plain(a.value))}" for a in assumed)
                or "–",
            ]
        )
    if not rows:
        return _section("assumptions", matter, tag("p", say("assumptions_none", language)))
    head = [say(f"assumption_{k}", language) for k in ("id", "question", "value")]
    caption = say("assumptions_caption", language, n=len(rows))
    return _section("assumptions", matter, table(caption, head, rows))


def describe_unblindings(matter: Matter) -> str:
    """How often somebody came to know what a participant receives: counts for the board.

    What was asked and answered stays with whoever had to know.
    """
    language = matter.language
    found = [u for p in matter.state.participants.values() for u in p.unblindings]
    people = [p for p in matter.state.participants.values() if p.unblindings]
    if not found:
        return _section("unblindings", matter, tag("p", say("unblindings_none", language)))
    rows = [
        [
            say(f"unblindings_{kind}", language),
            str(n),
            str(sum(_was_unblinded(p, kind) for p in people)),
        ]
        for kind in ("emergency", "planned", "inadvertent")
        if (n := sum(u.kind == kind for u in found))
    ]
    head = [say(f"unblindings_{k}", language) for k in ("kind", "n", "people")]
    return _section("unblindings", matter, table(say("unblindings_caption", language), head, rows))


def _was_unblinded(participant: Participant, kind: str) -> bool:
    return any(u.kind == kind for u in participant.unblindings)


SECTIONS = (
    describe_trial,
    describe_flow,
    describe_accrual,
    describe_populations,
    describe_baseline,
    describe_courses,
    describe_blinding,
    describe_safety,
    describe_serious,
    describe_deviations,
    describe_unblindings,
    describe_limits,
    describe_assumptions,
)


def _courses(matter: Matter) -> Iterator[Course]:
    for endpoint in matter.study.analysis.endpoints:
        yield estimate_course(
            matter.study, matter.state, endpoint, arms=matter.arms, histories=matter.histories
        )


def _limits_in_units(matter: Matter, n: int) -> Iterator[str]:
    """The detectable difference of the smallest arms in each endpoint's own unit.

    The standard deviation is that of the changes seen so far, over all participants together: it
    needs no arm.
    """
    detectable = estimate_detectable(n, n, power=POWER)
    for endpoint in matter.study.analysis.endpoints:
        course = estimate_course(matter.study, matter.state, endpoint, histories=matter.histories)
        known = [p for p in course.groups[0].points if p.sd_change and p.n_change > 3]
        if known:
            last = known[-1]
            assert last.sd_change is not None
            yield say(
                "limits_in_units",
                matter.language,
                endpoint=endpoint.label,
                unit=endpoint.unit or "",
                encounter=last.encounter,
                sd=say_number(last.sd_change, matter.language),
                n=n,
                n_seen=last.n_change,
                detectable=say_number(detectable * last.sd_change, matter.language),
            )


def _names(matter: Matter, arms: tuple[str, ...]) -> str:
    return " + ".join(matter.study.identity.arms[a].label.say(matter.language) for a in arms)


def _section(key: str, matter: Matter, *content: str) -> str:
    title = tag("h2", say(f"section_{key}", matter.language))
    return tag("section", title, *content, id=key)


def _figure(drawn: str, matter: Matter, *, is_grouped: bool = True) -> str:
    caption = tag("figcaption", badge(matter.basis, matter.language)) if is_grouped else ""
    return tag("figure", caption, drawn)


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k}: {_plain(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value))
    return str(value)
