"""What each entry writes into the read tables: pure, and of one stream alone.

The entries of a stream, in their order, give its rows, whatever else is in the ledger. So a stream
can be written anew by itself, and what is written as things happen is what a rebuild gives.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from equipoise.conduct import events as e
from equipoise.ledger import Entry
from equipoise.web.tables.databases import to_text
from equipoise.web.tables.layout import (
    CORRECTION,
    DEVIATION,
    FORM,
    INFUSION,
    LINE,
    PARTICIPANT,
    PERSON,
    SIGNATURE,
    TABLES,
)
from equipoise.web.tables.shape import Key, Row, Table

Happening = tuple[Entry, e.Happened | None]
"""An entry with its event; None once its body was taken out."""

Place = tuple[str, str, int, str]
"""Encounter, form, repeat and item, as far as an event has them."""
NOWHERE: Place = ("", "", 0, "")

_encode = msgspec.json.Encoder(order="sorted").encode
ONCE = frozenset({LINE, CORRECTION, DEVIATION, SIGNATURE})
"""Rows that nothing changes: their key is that of their entry."""


class Sheet:
    """Rows in hand: those that were loaded, and those that are to be written."""

    def __init__(self) -> None:
        self.known: dict[Table, dict[Key, Row]] = {table: {} for table in TABLES}
        self._changed: dict[Table, dict[Key, Row]] = {t: {} for t in TABLES if t not in ONCE}
        self._added: dict[Table, list[tuple[object, ...]]] = {table: [] for table in ONCE}

    def find(self, table: Table, *key: Any) -> Row | None:
        """A row that is known."""
        return self.known[table].get(key)

    def add(self, table: Table, values: tuple[object, ...]) -> None:
        """Write a row that nothing changes any more, in the order of the columns."""
        self._added[table].append(values)

    def put(self, table: Table, row: Row) -> None:
        """Write a row, in the place of one with the same key."""
        key = table.key_of(row)
        self._changed[table][key] = self.known[table][key] = row

    def turn_over(self) -> Iterator[tuple[Table, list[tuple[object, ...]]]]:
        """What is to be written, once; what is many and seldom needed again is forgotten."""
        for table, added in self._added.items():
            yield table, added
            added.clear()
        for table, changed in self._changed.items():
            yield table, list(map(table.values, changed.values()))
            changed.clear()
        self.known[FORM].clear()


def needed(happenings: Iterable[Happening]) -> Iterator[tuple[Table, Key]]:
    """The rows that these build on."""
    for _, event in happenings:
        code = getattr(event, "participant", None)
        if code is not None:
            yield PARTICIPANT, (code,)
        find = _NEEDS.get(type(event))
        if find is not None:
            yield find(event)


def project(sheet: Sheet, happening: Happening) -> None:
    """Write what an entry says."""
    entry, event = happening
    kind, at = type(event), to_text(entry.at)
    where = _PLACES[kind](event) if kind in _PLACES else NOWHERE
    reason = entry.reason or _text(getattr(event, "reason", ""))
    sheet.add(LINE, _line(entry, at, where, reason=reason, is_empty=event is None))
    if kind in _WRITERS:
        _WRITERS[kind](sheet, event, Stamp(entry, at))
    subject = sheet.find(PARTICIPANT, getattr(event, "participant", None))
    if subject is not None:
        subject["last_entry"], subject["last_at"] = f"{entry.chain}:{entry.seq}", at
        if kind in _CHANGES:
            subject |= _CHANGES[kind](event)
        if kind is e.ParticipantRandomized and subject["left_on"]:  # entered from paper afterwards
            subject["status"] = "withdrawn"
        sheet.put(PARTICIPANT, subject)


class Stamp(NamedTuple):
    """The entry of an event, and its instant as the tables hold it."""

    entry: Entry
    at: str

    @property
    def site(self) -> str:
        """The site whose chain holds the entry; empty for the control chain."""
        chain = self.entry.chain
        return chain.removeprefix("site-") if chain.startswith("site-") else ""

    @property
    def who(self) -> Row:
        """Who recorded it, as what, and when."""
        return {"by": self.entry.by, "role": self.entry.role, "at": self.at}

    @property
    def place(self) -> Row:
        """Where it stands in the ledger, at which site, and who recorded it."""
        entry = self.entry
        return {"chain": entry.chain, "seq": entry.seq, "site": self.site, **self.who}


def _line(
    entry: Entry, at: str, where: Place, *, reason: str, is_empty: bool
) -> tuple[object, ...]:
    """The values of a line in the order of its columns: there is one an entry, so it is quick."""
    return (
        entry.stream,
        entry.version,
        entry.chain,
        entry.seq,
        entry.type,
        *where,
        entry.by,
        entry.role,
        at,
        reason,
        is_empty,
    )


def _json(value: object) -> str:
    return _encode(value).decode()


def _text(value: str) -> str:
    """A free text as every database keeps it: one of them cannot hold the character zero."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _screened(sheet: Sheet, x: e.ParticipantScreened, stamp: Stamp) -> None:
    row = {
        "participant": x.participant,
        "site": x.site,
        "status": "screening",
        "number": "",
        "screened_on": x.on.isoformat(),
        "consent_version": "",
        "consent_on": None,
        "randomized_on": None,
        "left_on": None,
        "cause": "",
        "last_entry": "",
        "last_at": stamp.at,
    }
    sheet.put(PARTICIPANT, row)


def _submitted(sheet: Sheet, x: e.FormSubmitted, stamp: Stamp) -> None:
    row = {
        "participant": x.participant,
        "encounter": x.encounter,
        "form": x.form,
        "repeat": x.repeat,
        "site": stamp.site,
        "done_on": x.on.isoformat(),
        "days_late": (stamp.entry.at.date() - x.on).days,
        "content": _json(x.values),
        "not_done": _json(x.not_done),
        "n_warnings": len(x.warnings),
        "version": x.version,
        "entry": f"{stamp.entry.chain}:{stamp.entry.seq}",
        **stamp.who,
        "changed_at": stamp.at,
    }
    sheet.put(FORM, row)


def _corrected(sheet: Sheet, x: e.ItemCorrected, stamp: Stamp) -> None:
    form = sheet.find(FORM, x.participant, x.encounter, x.form, x.repeat)
    content = msgspec.json.decode(form["content"]) if form else {}
    row = {
        **stamp.place,
        "reason": _text(stamp.entry.reason or x.reason),
        "participant": x.participant,
        "encounter": x.encounter,
        "form": x.form,
        "repeat": x.repeat,
        "item": x.item,
        "old": _json(content[x.item]) if x.item in content else None,
        "new": _json(x.value),
        "not_done": _text(x.not_done),
    }
    sheet.add(CORRECTION, CORRECTION.values(row))
    if form is None:  # it was taken out; what was left of it comes again, further on
        return
    not_done = msgspec.json.decode(form["not_done"])
    not_done.pop(x.item, None)
    if x.not_done:
        not_done[x.item] = x.not_done
    now = {
        "content": _json({**content, x.item: x.value}),
        "not_done": _json(not_done),
        "version": form["version"] + 1,
        "changed_at": stamp.at,
    }
    sheet.put(FORM, {**form, **now})


def _deviated(sheet: Sheet, x: e.DeviationRecorded, stamp: Stamp) -> None:
    row = {
        **stamp.place,
        "participant": x.participant,
        "kind": x.kind,
        "since": x.on.isoformat(),
        "what": _text(x.what),
        "criteria": " ".join(x.criteria),
    }
    sheet.add(DEVIATION, DEVIATION.values(row))


_Signed = (
    e.CasebookSigned
    | e.OverrideRequested
    | e.OverrideConfirmed
    | e.PopulationsSigned
    | e.UnblindingAgreed
    | e.AccessReviewed
    | e.AmendmentConfirmed
)


def _signed(sheet: Sheet, x: _Signed, stamp: Stamp) -> None:
    row = {
        **stamp.place,
        "participant": stamp.entry.stream,
        "signed": type(x).__name__,
        "meaning": _text(x.meaning),
        "digest": getattr(x, "digest", ""),
        "proof": x.proof,
    }
    sheet.add(SIGNATURE, SIGNATURE.values(row))


def _ordered(sheet: Sheet, x: e.InfusionOrdered, stamp: Stamp) -> None:
    row = {
        "participant": x.participant,
        "encounter": x.encounter,
        "site": stamp.site,
        "ordered_on": x.on.isoformat(),
        "weight_kg": x.weight_kg,
        "target_cells": x.target_cells,
        "volume_ml": x.volume_ml,
        "n_bags": x.n_bags,
        "status": "ordered",
        "label": "",
        "given_on": None,
        "given_ml": None,
    }
    sheet.put(INFUSION, row)


def _infused(
    sheet: Sheet,
    x: e.InfusionPrepared | e.InfusionTakenBack | e.InfusionStarted | e.InfusionGiven,
    _: Stamp,
) -> None:
    known = sheet.find(INFUSION, x.participant, x.encounter)
    if known is None:
        return
    if isinstance(x, e.InfusionPrepared):
        changes: Row = {"status": "prepared", "label": _text(x.label)}
    elif isinstance(x, e.InfusionTakenBack):
        changes = {"status": "ordered", "label": ""}
    elif isinstance(x, e.InfusionStarted):
        changes = {"status": "started", "given_on": x.on.isoformat()}
    else:
        on = x.on.isoformat() if x.volume_ml > 0 else None
        changes = {"status": "given", "given_on": on, "given_ml": x.volume_ml}
    sheet.put(INFUSION, {**known, **changes})


def _added(sheet: Sheet, x: e.PersonAdded, _: Stamp) -> None:
    row = {"person": x.person, "name": _text(x.name), "role": x.role, "is_active": True}
    sheet.put(PERSON, {**row, **_delegation(x)})


def _delegated(sheet: Sheet, x: e.DelegationChanged | e.PersonRemoved, _: Stamp) -> None:
    known = sheet.find(PERSON, x.person)
    if known is not None:
        changes = {"is_active": False} if isinstance(x, e.PersonRemoved) else _delegation(x)
        sheet.put(PERSON, {**known, **changes})


def _delegation(x: e.PersonAdded | e.DelegationChanged) -> Row:
    return {
        "sites": " ".join(x.sites),
        "from_on": x.from_on and x.from_on.isoformat(),
        "until_on": x.until_on and x.until_on.isoformat(),
        "tasks": " ".join(x.tasks),
    }


_WRITERS: dict[type, Callable[[Sheet, Any, Stamp], None]] = {
    e.ParticipantScreened: _screened,
    e.FormSubmitted: _submitted,
    e.ItemCorrected: _corrected,
    e.DeviationRecorded: _deviated,
    e.CasebookSigned: _signed,
    e.OverrideRequested: _signed,
    e.OverrideConfirmed: _signed,
    e.PopulationsSigned: _signed,
    e.UnblindingAgreed: _signed,
    e.AccessReviewed: _signed,
    e.AmendmentConfirmed: _signed,
    e.InfusionOrdered: _ordered,
    e.InfusionPrepared: _infused,
    e.InfusionTakenBack: _infused,
    e.InfusionStarted: _infused,
    e.InfusionGiven: _infused,
    e.PersonAdded: _added,
    e.DelegationChanged: _delegated,
    e.PersonRemoved: _delegated,
}
_PLACES: dict[type, Callable[[Any], Place]] = {
    e.FormSubmitted: lambda x: (x.encounter, x.form, x.repeat, ""),
    e.ItemCorrected: lambda x: (x.encounter, x.form, x.repeat, x.item),
    e.AdverseEventReceived: lambda x: ("", "", x.repeat, ""),
    e.EncounterMissed: lambda x: (x.encounter, "", 0, ""),
    e.InfusionOrdered: lambda x: (x.encounter, "", 0, ""),
    e.InfusionPrepared: lambda x: (x.encounter, "", 0, ""),
    e.InfusionTakenBack: lambda x: (x.encounter, "", 0, ""),
    e.InfusionRecalled: lambda x: (x.encounter, "", 0, ""),
    e.InfusionStarted: lambda x: (x.encounter, "", 0, ""),
    e.InfusionGiven: lambda x: (x.encounter, "", 0, ""),
}
_NEEDS: dict[type, Callable[[Any], tuple[Table, Key]]] = {
    e.DelegationChanged: lambda x: (PERSON, (x.person,)),
    e.PersonRemoved: lambda x: (PERSON, (x.person,)),
    e.ItemCorrected: lambda x: (FORM, (x.participant, x.encounter, x.form, x.repeat)),
    e.InfusionPrepared: lambda x: (INFUSION, (x.participant, x.encounter)),
    e.InfusionTakenBack: lambda x: (INFUSION, (x.participant, x.encounter)),
    e.InfusionStarted: lambda x: (INFUSION, (x.participant, x.encounter)),
    e.InfusionGiven: lambda x: (INFUSION, (x.participant, x.encounter)),
}
_CHANGES: dict[type, Callable[[Any], Row]] = {
    e.ConsentSigned: lambda x: {
        "consent_version": _text(x.version),
        "consent_on": x.on.isoformat(),
    },
    e.ScreeningFailed: lambda _: {"status": "screen_failed"},
    e.RandomizationRequested: lambda x: {
        "status": "randomizing",
        "randomized_on": x.on.isoformat(),
    },
    e.RandomizationCalledOff: lambda _: {"status": "screening", "randomized_on": None},
    e.ParticipantRandomized: lambda x: {"status": "randomized", "number": x.number},
    e.ParticipantWithdrawn: lambda x: {
        "status": "withdrawn",
        "left_on": x.on.isoformat(),
        "cause": _text(x.cause),
    },
    e.ParticipantCompleted: lambda x: {"status": "completed", "left_on": x.on.isoformat()},
}
"""What an event changes in the row of its participant."""
