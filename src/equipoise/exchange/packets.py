"""Sealed packets on paper: for each a sheet for the outside and one that goes into the envelope.

A packet to randomize says nothing of an arm. One that breaks a code, and the cell unit's, have the
same lines for every arm, padded to the same length, so that neither layout nor size tells anything.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct
from reportlab.graphics.barcode.qr import QrCode
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.lib.utils import simpleSplit
from reportlab.pdfgen.canvas import Canvas

from equipoise.exchange.paper import blank_paper, to_latin, write_lines, write_words
from equipoise.problems import Language, Text
from equipoise.study.study import Study
from equipoise.vault.packets.messages import Printed, PrintedPacket

Use = Literal["randomization", "code_break", "cells"]
LETTERS: Mapping[Use, str] = {"randomization": "P", "code_break": "B", "cells": "C"}
LEFT, VALUES = 20 * mm, 75 * mm
BOLD, SIZE = "Helvetica-Bold", 13
WORDS: Mapping[str, Text] = {
    "randomization": Text("To randomize one participant", "Pour randomiser un participant"),
    "code_break": Text("To break one code", "Pour lever un aveugle"),
    "cells": Text("For the cell unit: one number", "Pour l'unité cellulaire : un numéro"),
    "study": Text("Study", "Étude"),
    "site": Text("Site", "Centre"),
    "stratum": Text("Stratum", "Strate"),
    "packet": Text("Packet", "Enveloppe"),
    "opens": Text("Breaks the code of", "Lève l'aveugle de"),
    "number": Text("Randomization number", "Numéro de randomisation"),
    "code": Text("Code", "Code"),
    "arm": Text("Arm", "Bras"),
    "participant": Text("Participant", "Participant"),
    "opened": Text("Opened on, at", "Ouverte le, à"),
    "by": Text("Opened by", "Ouverte par"),
    "why": Text("Why", "Motif"),
    "nothing": Text("nothing", "rien"),
    "printed": Text("Printed", "Imprimée"),
    "rehearsal": Text("REHEARSAL - not for a participant", "RÉPÉTITION - pas pour un participant"),
    "outside": Text(
        "OUTSIDE: stick it on an opaque envelope", "DEHORS : à coller sur une enveloppe opaque"
    ),
    "inside": Text(
        "INSIDE: fold it, printed side in", "DEDANS : plier, face imprimée à l'intérieur"
    ),
}
OUTSIDE: Mapping[Use, tuple[Text, ...]] = {
    "randomization": (
        Text("Open it only while nothing answers, and the lowest packet first.",
             "À n'ouvrir que si rien ne répond, et la plus basse d'abord."),
        Text("Check every criterion and the consent on paper before.",
             "Vérifier avant, sur papier, chaque critère et le consentement."),
    ),
    "code_break": (
        Text("Open it only if care depends on it and the emergency door is down too.",
             "À n'ouvrir que si le soin en dépend et que la porte d'urgence est en panne."),
        Text("Whoever opens it is no longer blinded for this participant.",
             "Qui l'ouvre n'est plus en aveugle pour ce participant."),
    ),
    "cells": (
        Text("Open it when the site orders an infusion for this number while nothing answers.",
             "À ouvrir quand le centre commande pour ce numéro alors que rien ne répond."),
        Text("The site must not learn what is in it.",
             "Le centre ne doit pas savoir ce qu'elle dit."),
    ),
}  # fmt: skip
INSIDE: Mapping[Use, tuple[Text, ...]] = {
    "randomization": (
        Text("Write participant, time and name below, at once.",
             "Noter ci-dessous le participant, l'heure et le nom, aussitôt."),
        Text("Order the infusion from the cell unit by this number.",
             "Commander la perfusion à l'unité cellulaire par ce numéro."),
        Text("When all is back: enter the forms, then this sheet (Packets). Keep the sheet.",
             "Au retour : saisir les formulaires, puis cette feuille (Enveloppes). La garder."),
    ),
    "code_break": (
        Text("Tell it only to those who treat the patient; never write it into the casebook.",
             "Ne le dire qu'aux soignants ; ne jamais l'écrire dans le cahier d'observation."),
        Text("Write time, name and reason below, at once.",
             "Noter ci-dessous l'heure, le nom et le motif, aussitôt."),
        Text("When all is back: enter it (Packets), without what it says. Seal the sheet again.",
             "Au retour : la saisir (Enveloppes), sans ce qu'elle dit. Resceller la feuille."),
    ),
    "cells": (
        Text("Prepare what stands here, under a label, as for an order at the sealed door.",
             "Préparer ce qui est écrit, sous étiquette, comme pour une commande."),
        Text("Enter it in the cell unit's record when all is back.",
             "Le saisir dans le registre de l'unité cellulaire au retour."),
        Text("", ""),
    ),
}  # fmt: skip
WRITTEN: Mapping[Use, tuple[str, ...]] = {
    "randomization": ("participant", "opened", "by", "why"),
    "code_break": ("participant", "opened", "by", "why"),
    "cells": ("participant", "opened", "by"),
}
"""What people write on the inner sheet by hand."""


class Envelope(Struct, frozen=True, kw_only=True):
    """What stands on both sheets of one packet; `mark` is what the symbol outside says."""

    use: Use
    mark: str
    secret: str
    outside: tuple[tuple[str, str], ...]
    inside: tuple[tuple[str, str], ...]


def print_packets(
    study: Study, printed: Printed, *, at: dt.datetime, is_rehearsal: bool, language: Language
) -> dict[str, bytes]:
    """A PDF a use, by file name: two pages a packet, the outside first."""
    found = {}
    for use, letter in LETTERS.items():
        envelopes = [*_envelopes(study, printed, use=use, at=at, language=language)]
        if envelopes:
            name = f"{letter}{printed.batch}-site-{printed.site}.pdf"
            found[name] = _bind(envelopes, is_rehearsal=is_rehearsal, language=language)
    return found


def _envelopes(
    study: Study, printed: Printed, *, use: Use, at: dt.datetime, language: Language
) -> Iterable[Envelope]:
    kind = "randomization" if use == "randomization" else "code_break"
    has_numbers = any(p.kind == "randomization" for p in printed.packets)
    for packet in printed.packets:
        if packet.kind == kind and (use != "cells" or has_numbers):
            yield _envelope(study, printed, packet, use=use, at=at, language=language)


def _envelope(
    study: Study,
    printed: Printed,
    packet: PrintedPacket,
    *,
    use: Use,
    at: dt.datetime,
    language: Language,
) -> Envelope:
    def rows(**values: str) -> tuple[tuple[str, str], ...]:
        return tuple((WORDS[name].say(language), value) for name, value in values.items())

    name = study.identity.identifiers.get("sponsor", study.identity.study)
    groups = "-".join(packet.code[k : k + 4] for k in range(0, len(packet.code), 4))
    where = rows(study=name, site=printed.site)
    when = rows(stratum=printed.stratum or "-", printed=f"{at:%Y-%m-%d %H:%M} UTC")
    number = rows(number=packet.number)
    told = _told(study, packet, language)
    mark, secret = packet.packet, f"{packet.packet} {packet.code}"
    own, inside = rows(packet=packet.packet), rows(packet=packet.packet, code=groups) + number
    if use == "code_break":
        own, inside = rows(packet=packet.packet, opens=packet.opens), inside + told
    elif use == "cells":
        mark, secret, own, inside = packet.number, "", number, number + told[1:]
    return Envelope(use=use, mark=mark, secret=secret, outside=where + own + when, inside=inside)


def _told(study: Study, packet: PrintedPacket, language: Language) -> tuple[tuple[str, str], ...]:
    """Arm and infusions in the study's words, every value as long as the longest of any arm."""
    if not packet.arm:
        return ()
    arms, products = study.identity.arms, study.treatments.products
    nothing = WORDS["nothing"].say(language)
    names = {arm: made.label.say(language) for arm, made in arms.items()}
    given = {"": nothing} | {n: p.label.say(language) for n, p in products.items()}
    visits = {
        e: study.schedule.encounters[e].label.say(language) for e in study.infusion_encounters
    }
    rows = _wrapped(WORDS["arm"].say(language), names[packet.arm], names.values())
    for encounter, label in visits.items():
        rows += _wrapped(label, given[packet.gives.get(encounter, "")], given.values())
    return rows


def _wrapped(name: str, value: str, all_of_them: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """A value in as many lines as the longest of all that might stand there, each as long."""
    split = [simpleSplit(to_latin(one), BOLD, SIZE, A4[0] - LEFT - VALUES) for one in all_of_them]
    own = simpleSplit(to_latin(value), BOLD, SIZE, A4[0] - LEFT - VALUES)
    rows = []
    for k in range(max(map(len, split))):
        lines = [one[k] if k < len(one) else "" for one in split]
        line = own[k] if k < len(own) else ""
        padded = line + " " * (max(map(_length, lines)) - _length(line))
        rows.append(("" if k else name, padded))
    return tuple(rows)


def _length(words: str) -> int:
    """The bytes that words take in a page: some characters are written as several."""
    return sum(4 if ord(c) > 126 else 2 if c in "()\\" else 1 for c in to_latin(words))


def _bind(envelopes: Sequence[Envelope], *, is_rehearsal: bool, language: Language) -> bytes:
    paper, canvas = blank_paper(A4, "packets", is_compressed=False)
    for one in envelopes:
        for is_outside in (True, False):
            if is_rehearsal:
                words = WORDS["rehearsal"].say(language)
                write_words(canvas, words, at=(LEFT, 12 * mm), size=11, is_bold=True)
            _sheet(canvas, one, is_outside=is_outside, language=language)
            canvas.showPage()
    canvas.save()
    return paper.getvalue()


def _sheet(canvas: Canvas, one: Envelope, *, is_outside: bool, language: Language) -> None:
    height = A4[1] - 25 * mm
    side = WORDS["outside" if is_outside else "inside"].say(language)
    write_words(canvas, side, at=(LEFT, height), size=9)
    title = WORDS[one.use].say(language)
    write_words(canvas, title, at=(LEFT, height - 10 * mm), size=18, is_bold=True)
    symbol = one.mark if is_outside else one.secret
    if symbol:
        QrCode(symbol, width=40 * mm, height=40 * mm).drawOn(canvas, 150 * mm, height - 42 * mm)
    height -= 24 * mm
    for name, value in one.outside if is_outside else one.inside:
        write_words(canvas, name, at=(LEFT, height), size=11)
        write_words(canvas, value, at=(VALUES, height), size=SIZE, is_bold=True)
        height -= 8 * mm
    height -= 8 * mm
    notes = (OUTSIDE if is_outside else INSIDE)[one.use]
    height = write_lines(canvas, [n.say(language) for n in notes], at=(LEFT, height), size=11)
    if not is_outside:
        for name in WRITTEN[one.use]:
            height -= 10 * mm
            write_words(canvas, WORDS[name].say(language), at=(LEFT, height), size=11)
            canvas.rect(VALUES, height - 3 * mm, 110 * mm, 9 * mm)
