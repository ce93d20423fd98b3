"""The people of the trial: who has which role, where and when; and what changes it."""

import datetime as dt
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from msgspec import Struct

from equipoise.conduct import (
    Person,
    add_person,
    change_delegation,
    check_duty,
    invite_person,
    record_training,
    remove_person,
)
from equipoise.conduct.acts.people import check_manages, tasks_of
from equipoise.conduct.door import refuse_if
from equipoise.conduct.tasks import TASKS
from equipoise.problems import LANGUAGES, Problem, Refused, Text, natural_order, problem
from equipoise.study.forms import Item
from equipoise.study.roles import Role
from equipoise.web.entry.asking import Answers, Question, Ticks, ask, date_of
from equipoise.web.pages import Visit, page
from equipoise.web.server import code_for, fingerprint_of
from equipoise.web.texts import say, t, text_of
from equipoise.web.views.staff.confirming import may_confirm
from equipoise.web.views.staff.review import find_due

READERS = (Role.ADMINISTRATOR, Role.AUDITOR)


class Told(Struct, frozen=True):
    """Somebody in the list, whether the reader manages them or confirms their password, their tasks
    if not the whole role, their trainings, and what keeps them from acting today."""

    person: Person
    may_change: bool
    may_confirm: bool
    tasks: tuple[Text, ...]
    trainings: tuple[tuple[str, dt.date | None, bool], ...]
    lacks: tuple[Problem, ...]


@page(roles=READERS)
def people(visit: Visit) -> HttpResponse:
    """Everybody with a role, who acts and who has left."""
    found = sorted(visit.state.people.values(), key=lambda p: (not p.is_active, p.role, p.person))
    return visit.show(
        "people.html",
        told=[_tell(visit, p) for p in found],
        may_change=visit.may(Role.ADMINISTRATOR),
        review=find_due(visit),
        trains=bool(visit.study.identity.training),
    )


@page(roles=(Role.ADMINISTRATOR,), methods=("GET", "POST"))
def add(visit: Visit) -> HttpResponse:
    """Give somebody a role, and the code with which they choose their own password."""

    def act(answers: Answers) -> HttpResponse:
        person = str(answers["person"])
        add_person(
            visit.trial,
            **_by(visit, person),
            name=str(answers["name"]),
            role=Role(str(answers["role"])),
            **_place(visit, answers),
        )
        return _invite(visit, person)

    roles = visit.study.identity.roles
    words = {r.value: roles.get(r) or Text(r.value, r.value) for r in Role}
    items = {
        "person": Item(
            label=text_of("people.person"), type="text", help=text_of("people.person_help")
        ),
        "name": Item(label=text_of("people.full_name"), type="text"),
        "role": Item(label=text_of("people.role"), type="choice", choices=words),
        **_place_items(),
    }
    question = Question(
        title=t("people.add"),
        button=t("people.add_button"),
        lead=t("people.add_lead"),
        back=reverse("people"),
        items=items,
        ticks=(_sites(visit),),
    )
    return ask(visit, question, act=act)


@page(roles=(Role.ADMINISTRATOR,), methods=("GET", "POST"))
def delegate(visit: Visit, person: str) -> HttpResponse:
    """Change where and from when to when somebody acts."""
    known = _active(visit, person)
    ticks = _tasks(visit, known)

    def act(answers: Answers) -> HttpResponse:
        by = _by(visit, person, str(answers["reason"]))
        tasks = ticks.read(visit) if answers.get("extent") == "tasks" else ()
        if answers.get("extent") == "tasks" and not tasks:
            raise Refused([problem("EQ-W090", "extent", name=known.name)])
        change_delegation(visit.trial, **by, **_place(visit, answers), tasks=tasks)
        return visit.go("people", done=t("people.changed", name=known.name))

    question = Question(
        title=t("people.delegate", name=known.name),
        button=t("people.delegate_button"),
        lead=t("people.delegate_lead"),
        back=reverse("people"),
        facts=_facts(visit, known),
        items={**_place_items(), **(_extent() if ticks.boxes else {}), "reason": _reason()},
        ticks=(_sites(visit, known), *([ticks] if ticks.boxes else [])),
    )
    now: Answers = {
        "where": "ticked" if known.sites else "all",
        "from_on": known.from_on.isoformat() if known.from_on else None,
        "until_on": known.until_on.isoformat() if known.until_on else None,
        "extent": "tasks" if known.tasks else "role",
    }
    return ask(visit, question, act=act, known=now)


@page(roles=(Role.ADMINISTRATOR,), methods=("GET", "POST"))
def train(visit: Visit, person: str) -> HttpResponse:
    """Record a training that somebody completed."""
    known = _active(visit, person)
    asked = {
        name: training.label
        for name, training in visit.study.identity.training.items()
        if known.role in training.by
    }
    if not asked:
        raise Refused([problem("EQ-W029", person, name=known.name)])

    def act(answers: Answers) -> HttpResponse:
        record_training(
            visit.trial,
            **_by(visit, person),
            training=str(answers["training"]),
            on=date_of(answers, "on"),
        )
        return visit.go("people", done=t("people.trained", name=known.name))

    question = Question(
        title=t("people.train", name=known.name),
        button=t("people.train_button"),
        lead=t("people.train_lead"),
        back=reverse("people"),
        facts=_facts(visit, known),
        items={
            "training": Item(label=text_of("people.training"), type="choice", choices=asked),
            "on": Item(label=text_of("people.trained_on"), type="date"),
        },
    )
    return ask(visit, question, act=act, known={"on": visit.today.isoformat()})


@page(roles=(Role.ADMINISTRATOR,), methods=("GET", "POST"))
def remove(visit: Visit, person: str) -> HttpResponse:
    """Take somebody's role away; what they have open ends with their next click."""
    known = _active(visit, person)

    def act(answers: Answers) -> HttpResponse:
        remove_person(visit.trial, **_by(visit, person, str(answers["reason"])))
        return visit.go("people", done=t("people.gone", name=known.name))

    question = Question(
        title=t("people.remove", name=known.name),
        button=t("people.remove_button"),
        lead=t("people.remove_lead"),
        back=reverse("people"),
        facts=_facts(visit, known),
        items={"reason": _reason()},
        is_grave=True,
    )
    return ask(visit, question, act=act)


@page(roles=(Role.ADMINISTRATOR,), methods=("POST",))
def invite(visit: Visit, person: str) -> HttpResponse:
    """A new code, for a first password or a forgotten one; the old password counts until then."""
    return _invite(visit, _active(visit, person).person)


def _invite(visit: Visit, person: str) -> HttpResponse:
    """Show the code once: no administrator chooses or learns a password (ASVS 6.4.6).

    That it was made is on record before it is shown, and its owner reads so when they come in.
    """
    code = code_for(person)
    invite_person(visit.trial, **_by(visit, person), code=fingerprint_of(code))
    return visit.show(
        "invited.html",
        invited=visit.trial.state.people[person],
        code=code,
        address=visit.request.build_absolute_uri(reverse("welcome")),
    )


def _tell(visit: Visit, person: Person) -> Told:
    asked = visit.study.identity.training.items()
    trainings = tuple(
        (say(training.label), person.trained.get(name), name in person.trained)
        for name, training in asked
        if person.role in training.by
    )
    lacks = check_duty(visit.study, person, at=visit.now) if person.is_active else ()
    is_managed = person.is_active and not check_manages(visit.person, person)
    return Told(
        person=person,
        may_change=is_managed,
        may_confirm=may_confirm(visit, person),
        tasks=tuple(TASKS[x].label for x in person.tasks),
        trainings=trainings,
        lacks=lacks,
    )


def _active(visit: Visit, person: str) -> Person:
    known = visit.state.people.get(person)
    if known is None or not known.is_active:
        raise Refused([problem("EQ-C001", person, person=person)])
    refuse_if(check_manages(visit.person, known))
    return known


def _facts(visit: Visit, person: Person) -> tuple[tuple[str, str], ...]:
    role = visit.study.identity.roles.get(Role(person.role), person.role)
    return ((t("sign_in.username"), person.person), (t("people.role"), say(role)))


def _extent() -> dict[str, Item]:
    choices = {"role": text_of("people.whole_role"), "tasks": text_of("people.single_tasks")}
    return {"extent": Item(label=text_of("people.extent"), type="choice", choices=choices)}


def _tasks(visit: Visit, person: Person) -> Ticks:
    boxes = {name: TASKS[name].label for name in tasks_of(visit.study, person.role)}
    return Ticks("tasks", "extent", t("people.tasks"), boxes, person.tasks)


def _place_items() -> dict[str, Item]:
    days = {
        name: Item(label=text_of(f"people.{name}"), type="date", required=False, help=text)
        for name, text in (
            ("from_on", text_of("people.from_help")),
            ("until_on", text_of("people.until_help")),
        )
    }
    choices = {"all": text_of("people.all_sites"), "ticked": text_of("people.some_sites")}
    return {"where": Item(label=text_of("people.where"), type="choice", choices=choices), **days}


def _sites(visit: Visit, person: Person | None = None) -> Ticks:
    """A box for each open site; those of the person stay, whatever the folder says of them."""
    labels, ticked = visit.study.identity.sites, person.sites if person else ()
    boxes = {
        code: Text(*(f"{code} – {labels[code].label.say(x)}" for x in LANGUAGES))
        if code in labels
        else Text(code)
        for code in sorted({*visit.state.sites, *ticked}, key=natural_order)
    }
    return Ticks("sites", "where", t("people.sites"), boxes, ticked)


def _place(visit: Visit, answers: Answers) -> dict[str, Any]:
    """Where and when. What was posted is not cut down to the boxes: the act refuses other sites.

    Raises:
        Refused: sites are ticked beside all of them, or none although only some are meant.
    """
    sites = tuple(dict.fromkeys(visit.request.POST.getlist("sites")))
    if bool(sites) != (answers["where"] == "ticked"):
        raise Refused([problem("EQ-C185", "where")])
    days = {n: date_of(answers, n) if answers[n] else None for n in ("from_on", "until_on")}
    return {"sites": sites, **days}


def _by(visit: Visit, person: str, reason: str = "") -> dict[str, Any]:
    return {"by": visit.person.person, "at": visit.now, "reason": reason, "person": person}


def _reason() -> Item:
    return Item(label=text_of("common.reason"), type="text", help=text_of("common.reason_help"))
