"""At the bedside: check and start, then the end; or afterwards, from paper."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from msgspec.structs import replace

from equipoise.conduct import (
    View,
    check_start,
    end_infusion,
    give_infusion,
    start_infusion,
)
from equipoise.conduct.parts import Infusion
from equipoise.ledger import Entry
from equipoise.problems import Refused, problem
from equipoise.study.forms import Item
from equipoise.supply import read_scans
from equipoise.web import saying
from equipoise.web.entry.asking import Answers, Question, ask, date_of
from equipoise.web.entry.second import identify_second
from equipoise.web.pages import Visit, page
from equipoise.web.texts import t, text_of
from equipoise.web.views.acts import encounter_label
from equipoise.web.views.participants import ENROLLERS


@page(roles=ENROLLERS, methods=("GET", "POST"), act="start_infusion")
def start(visit: Visit, code: str, encounter: str) -> HttpResponse:
    """Compare participant and bag, by two people; only then is the infusion begun."""
    infusion = _find(visit, code, encounter)
    label = encounter_label(visit, encounter)
    has_second = visit.study.treatments.bedside.second_person

    def act(answers: Answers) -> HttpResponse:
        second = identify_second(visit) if has_second else ""
        by = _by(visit, code, encounter)
        start_infusion(
            visit.trial,
            **by,
            on=visit.today,
            label=str(answers["label"]),
            scanned=str(answers.get("scanned", "")),
            checked_by=second,
        )
        done = t("start.done", encounter=label, at=saying.instant(by["at"]))
        return visit.go("participant", code=code, done=done)

    view = View(visit.study, visit.state, visit.person)
    stops = check_start(view, code, encounter=encounter, at=visit.now)
    question = Question(
        title=t("start.title", encounter=label),
        button=t("start.button"),
        lead=t("start.lead"),
        back=_back(code),
        code=code,
        facts=(
            (t("start.on"), saying.day(infusion.on)),
            (t("order.volume"), f"{saying.number(infusion.volume_ml)}\u00a0mL"),
            (t("start.until"), saying.instant(infusion.usable_until)),
        ),
        items=_scan_items(has_second=has_second),
        has_second=has_second,
        stops=() if visit.is_posted else stops,
    )
    return ask(visit, question, act=act, posted=_scanned(visit))


@page(roles=ENROLLERS, methods=("GET", "POST"), act="end_infusion")
def end(visit: Visit, code: str, encounter: str) -> HttpResponse:
    """Record when an infusion that runs was over, and how much went in."""
    infusion = _find(visit, code, encounter)
    if infusion.started_at is None or infusion.status != "started":
        raise Refused([problem("EQ-B075", f"{code} / {encounter}")])
    began = timezone.localtime(infusion.started_at)
    label = encounter_label(visit, encounter)

    def act(answers: Answers) -> HttpResponse:
        volume = answers["volume"]
        assert isinstance(volume, float)
        _, stopped = over_midnight(began.date(), f"{began:%H:%M}", answers["stopped"])
        assert stopped is not None
        by = _by(visit, code, encounter)
        entries = end_infusion(visit.trial, **by, volume_ml=volume, stopped_at=stopped)
        return _done(visit, code, label, entries=entries)

    question = Question(
        title=t("end.title", encounter=label),
        button=t("end.button"),
        lead=t("end.lead"),
        back=_back(code),
        code=code,
        facts=(
            (t("end.started"), saying.instant(infusion.started_at)),
            (t("end.checked"), visit.name_of(infusion.checked_by) or "–"),
            (t("cells.label"), infusion.label),
        ),
        items={
            "stopped": Item(label=text_of("end.stopped"), type="text"),
            "volume": _volume("end.volume"),
        },
    )
    return ask(visit, question, act=act, known={"volume": infusion.volume_ml})


@page(roles=ENROLLERS, methods=("GET", "POST"), act="give_infusion")
def give(visit: Visit, code: str, encounter: str) -> HttpResponse:
    """Enter from paper what was given without the check on this screen, and why."""
    infusion = _find(visit, code, encounter)
    label = encounter_label(visit, encounter)
    has_second = visit.study.treatments.bedside.second_person

    def act(answers: Answers) -> HttpResponse:
        volume, on = answers["volume"], date_of(answers, "on")
        assert isinstance(volume, float)
        started, stopped = over_midnight(on, answers["started"], answers["stopped"])
        second = identify_second(visit) if has_second else ""
        entries = give_infusion(
            visit.trial,
            **_by(visit, code, encounter),
            label=str(answers["label"]),
            scanned=str(answers.get("scanned", "")),
            reason=str(answers["reason"]),
            on=on,
            volume_ml=volume,
            started_at=started,
            stopped_at=stopped,
            checked_by=second,
        )
        return _done(visit, code, label, entries=entries)

    question = Question(
        title=t("give.title", encounter=label),
        button=t("give.button"),
        lead=t("give.lead"),
        back=_back(code),
        code=code,
        facts=(
            (t("order.volume"), f"{saying.number(infusion.volume_ml)}\u00a0mL"),
            (t("start.until"), saying.instant(infusion.usable_until)),
        ),
        items=_paper_items(has_second=has_second),
        has_second=has_second,
    )
    known: Answers = {"on": infusion.on.isoformat(), "volume": infusion.volume_ml}
    return ask(visit, question, act=act, known=known, posted=_scanned(visit))


def _find(visit: Visit, code: str, encounter: str) -> Infusion:
    infusion = visit.participant(code).infusions.get(encounter)
    if infusion is None:
        raise Refused([problem("EQ-C062", f"{code} / {encounter}", encounter=encounter)])
    return infusion


def _scan_items(*, has_second: bool) -> dict[str, Item]:
    """Card and bag; the card only where a second person compares them."""
    label = Item(label=text_of("start.label"), type="text")
    if not has_second:
        return {"label": label}
    card = Item(label=text_of("start.scanned"), type="text")
    return {"scanned": card, "label": replace(label, help=text_of("start.label_help"))}


def _paper_items(*, has_second: bool) -> dict[str, Item]:
    """What the paper says; times are optional where no second person compares them."""

    def text(name: str, *, required: bool = has_second) -> Item:
        return Item(label=text_of(name), type="text", required=required)

    return {
        **_scan_items(has_second=has_second),
        "on": Item(label=text_of("give.on"), type="date"),
        "started": text("give.started"),
        "stopped": text("give.stopped"),
        "volume": _volume("give.volume"),
        "reason": Item(
            label=text_of("common.reason"), type="text", help=text_of("common.reason_help")
        ),
    }


def _volume(label: str) -> Item:
    return Item(label=text_of(label), type="number", unit="mL", decimals=1)


def _scanned(visit: Visit) -> Mapping[str, str]:
    """What was posted, with label and card where they belong, whichever the symbol was read into.

    The post itself stays: what the second person proved is bound to it.
    """
    posted = visit.request.POST.dict()
    label, card = read_scans(posted.get("label", ""), posted.get("scanned", ""))
    return {**posted, "label": label, "scanned": card}


def _done(visit: Visit, code: str, label: str, *, entries: tuple[Entry, ...]) -> HttpResponse:
    has_departed = any(entry.type == "DeviationRecorded" for entry in entries)
    done = t("give.done_deviation" if has_departed else "give.done", encounter=label)
    return visit.go("participant", code=code, done=done)


def over_midnight(
    on: dt.date, started: object, stopped: object
) -> tuple[dt.datetime | None, dt.datetime | None]:
    """Start and end from the two times of the day; an end before the start is of the next day.

    Raises:
        Refused: one of them is no time.
    """
    begun, over = (_clock(on, x, where=w) for x, w in ((started, "started"), (stopped, "stopped")))
    if begun and over and over < begun:
        over = _clock(on + dt.timedelta(days=1), stopped, where="stopped")
    return begun, over


def _clock(on: dt.date, given: object, *, where: str) -> dt.datetime | None:
    """A time of the day at the site, as an instant; nothing if none was given.

    Raises:
        Refused: it is no time.
    """
    text = str(given or "").strip().replace("h", ":").replace(".", ":")
    if not text:
        return None
    try:
        at = dt.datetime.strptime(f"{on} {text}", "%Y-%m-%d %H:%M")  # noqa: DTZ007 - made aware next
        return timezone.make_aware(at).astimezone(dt.UTC)
    except (ValueError, OverflowError):  # the latter in the year 1
        raise Refused([problem("EQ-W063", where, found=text)]) from None


def _by(visit: Visit, code: str, encounter: str) -> dict[str, Any]:
    person = visit.person.person
    return {"by": person, "at": visit.now, "participant": code, "encounter": encounter}


def _back(code: str) -> str:
    return reverse("participant", kwargs={"code": code})
