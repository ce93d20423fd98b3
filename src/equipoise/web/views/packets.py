"""Sealed packets: where each is, what was opened while nothing answered, and what became of others.

Nothing on these pages says what is in a packet. Who enters one that breaks a code is not told what
it said.
"""

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone

from equipoise.conduct import PacketLine, account_packet, enter_packet, list_packets
from equipoise.conduct.packets.accounting import COUNTERS, ENDS
from equipoise.conduct.packets.entering import ENTERERS
from equipoise.problems import Refused, Text, problem
from equipoise.study.forms import Item
from equipoise.vault.packets.deriving import split_scanned
from equipoise.vault.packets.messages import OpenedPacket
from equipoise.web.entry.asking import Answers, Question, ask, date_of
from equipoise.web.pages import Visit, page
from equipoise.web.texts import t, text_of
from equipoise.web.views.eligibility import READERS
from equipoise.web.views.infusing.bedside import over_midnight


@page(roles=READERS)
def packets(visit: Visit) -> HttpResponse:
    """Every packet of the person's sites, and where it stands."""
    lines = _lines(visit)
    return visit.show(
        "packets.html",
        lines=lines,
        n_out=sum(line.stands == "out" for line in lines),
        n_opened=sum(line.stands == "opened" for line in lines),
        n_early=sum(line.is_out_of_order for line in lines),
        may_enter=visit.may(*ENTERERS),
        may_count=visit.may(*COUNTERS),
    )


@page(roles=ENTERERS, methods=("GET", "POST"))
def enter(visit: Visit) -> HttpResponse:
    """A packet was opened: its sheet is scanned or typed, with when, by whom and for whom."""

    def act(answers: Answers) -> HttpResponse:
        packet, code = split_scanned(str(answers["scanned"]))
        opened_at, _ = over_midnight(date_of(answers, "on"), answers["opened"], "")
        assert opened_at is not None
        participant = str(answers["participant"]).strip()
        told = OpenedPacket(
            packet=packet,
            code=code,
            participant=participant,
            opened_at=timezone.localtime(opened_at),
            opened_by=str(answers["opened_by"]).strip(),
            by=visit.person.person,
            reason=str(answers["reason"]),
        )
        as_it_is = answers["as_it_is"] is True
        enter_packet(visit.trial, told, at=visit.now, as_it_is=as_it_is)
        subject = visit.trial.state.participants[participant]
        done = t("packet.broken", packet=packet, participant=participant)
        if subject.packets[packet].kind == "randomization":
            done = t("randomize.done", participant=participant, number=subject.number)
        return visit.go("packets", done=done)

    names = ("scanned", "participant", "opened", "opened_by", "reason")
    text = {n: Item(label=text_of(f"packet.{n}"), type="text", help=_help(n)) for n in names}
    question = Question(
        title=t("packet.enter"),
        button=t("packet.enter_button"),
        lead=t("packet.enter_lead"),
        back=reverse("packets"),
        items={
            "scanned": text["scanned"],
            "participant": text["participant"],
            "on": Item(label=text_of("packet.on"), type="date"),
            "opened": text["opened"],
            "opened_by": text["opened_by"],
            "reason": text["reason"],
            "as_it_is": Item(
                label=text_of("packet.as_it_is"), type="boolean", help=_help("as_it_is")
            ),
        },
        is_grave=True,
    )
    known: Answers = {
        "on": visit.today.isoformat(),
        "opened_by": visit.person.person,
        "as_it_is": False,
    }
    return ask(visit, question, act=act, known=known)


@page(roles=COUNTERS, methods=("GET", "POST"))
def account(visit: Visit, packet: str) -> HttpResponse:
    """What became of a packet that was not used."""
    if packet not in {line.packet.packet for line in _lines(visit)}:
        raise Refused([problem("EQ-C130", packet, packet=packet)])

    def act(answers: Answers) -> HttpResponse:
        account_packet(
            visit.trial,
            by=visit.person.person,
            at=visit.now,
            reason=str(answers["reason"]),
            packet=packet,
            became=next(end for end in ENDS if end == answers["became"]),
            on=date_of(answers, "on"),
        )
        return visit.go("packets", done=t("packet.accounted", packet=packet))

    choices: dict[str, Text] = {end: text_of(f"packet_stands.{end}") for end in ENDS}
    question = Question(
        title=t("packet.account", packet=packet),
        button=t("packet.account_button"),
        lead=t("packet.account_lead"),
        back=reverse("packets"),
        items={
            "became": Item(label=text_of("packet.became"), type="choice", choices=choices),
            "on": Item(label=text_of("packet.since"), type="date"),
            "reason": Item(label=text_of("common.reason"), type="text", help=_help("why")),
        },
    )
    return ask(visit, question, act=act, known={"on": visit.today.isoformat()})


def _lines(visit: Visit) -> list[PacketLine]:
    return [x for x in list_packets(visit.state) if visit.person.may_see(x.packet.site)]


def _help(name: str) -> Text:
    return text_of(f"packet.{name}_help")
