"""Random histories: every act of the trial with such arguments that many are let through."""

import datetime as dt
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import replace

from equipoise import conduct
from equipoise.conduct import ACTS, KINDS, Person, RunningTrial
from equipoise.conduct.acts.people import digest_of_access, reviewed_by
from equipoise.conduct.acts.redacting import REDACTABLE
from equipoise.conduct.events import BodyRedacted
from equipoise.conduct.packets.accounting import ENDS
from equipoise.conduct.parts import TrailFilter
from equipoise.ledger import Store
from equipoise.problems import Refused
from equipoise.study.roles import Role
from equipoise.study.study import Study
from equipoise.vault.packets.messages import OpenedPacket, PacketRow
from tests.unit.conduct.conftest import Clock, Course, small_study

ENCOUNTERS = ("screening", "M0", "M3")
TEXTS = st.sampled_from(
    ["a name", "Ça va", "two\nlines", "nul \0 in it", "'; DROP TABLE read_form"]
)
VALUES: Mapping[str, Mapping[str, st.SearchStrategy[object]]] = {
    "consent": {"version": st.sampled_from(["1.0", "2.0"])},
    "skin": {"arm": st.integers(0, 30), "leg": st.one_of(st.none(), st.integers(0, 30))},
    "vitals": {"weight": st.sampled_from([70, 71.5, 1e2]), "pregnant": st.booleans()},
    "event": {
        "term": TEXTS,
        "grade": st.integers(1, 5),
        "related": st.booleans(),
        "serious": st.booleans(),
    },
}


class History:
    """A trial on a store, and somebody who does things in it."""

    def __init__(self, store: Store, draw: Callable[..., Any]) -> None:
        self.trial = RunningTrial(small_study(50), store)
        self.clock = Clock()
        self.draw = draw
        people = [Person(role.value, role.value, role.value) for role in Role]
        conduct.open_trial(self.trial, at=self.clock(), people=people)
        for who in conduct.SIGNERS:
            conduct.accept_accountability(
                self.trial, by=who.value, at=self.clock(), statement="It binds me"
            )
        rows = [
            PacketRow(
                packet=packet,
                batch=1,
                kind="code_break" if opens else "randomization",
                site="01",
                stratum="",
                opens=opens,
                root="3" * 64,
                at=self.clock(),
            )
            for packet, opens in (("P1-01", ""), ("P1-02", ""), ("B1-01", "P1-01"))
        ]
        conduct.record_packets(self.trial, rows, at=self.clock())

    def act(self, name: str) -> bool:
        """One act, by somebody who may as a rule; whether it was let through."""
        roles = sorted(role.value for role in ACTS[name].roles)
        arguments = ARGUMENTS[name](self)
        if arguments is None:
            return False
        with suppress(Refused):
            if name == "order_redaction":
                entry = arguments["entry"]
                conduct.redact_entry(
                    self.trial, by="investigator", at=self.clock(), reason="a name",
                    chain=entry.chain, seq=entry.seq, drop=arguments["drop"],
                )  # fmt: skip
            else:
                by, reason = self.pick(roles), self.draw(TEXTS).replace("\0", "")
                ACTS[name](self.trial, by=by, at=self.clock(), reason=reason, **arguments)
            return True
        return False

    def enroll(self) -> None:
        """Somebody who comes as far as to a number."""
        code = Course(self.trial, self.clock).eligible(self.pick(["01", "02"]))
        self.act_on(code)

    def act_on(self, code: str) -> None:
        """Give a participant a number."""
        day, at = self.clock.today, self.clock()
        with suppress(Refused):
            conduct.request_randomization(
                self.trial, by="coordinator", at=at, participant=code, on=day
            )
            conduct.record_number(
                self.trial, by="coordinator", at=at, participant=code, number=f"R{code}"
            )

    def pick(self, items: Any) -> Any:
        return self.draw(st.sampled_from(list(items)))

    def subject(self) -> str:
        """A participant, if there is any."""
        codes = list(self.trial.state.participants)
        return str(self.pick(codes)) if codes else "01-999"

    def about(self, **more: object) -> dict[str, object]:
        return {"participant": self.subject(), **more}

    def on(self) -> dt.date:
        return self.clock.today - dt.timedelta(days=self.draw(st.sampled_from([0, 0, 0, 3])))

    def values(self, form: str) -> dict[str, object]:
        return {item: self.draw(given) for item, given in VALUES[form].items()}

    def form(self) -> dict[str, object]:
        form = self.pick(VALUES)
        is_log = form == "event"
        return self.about(
            form=form,
            encounter="" if is_log else self.pick(ENCOUNTERS),
            repeat=self.draw(st.integers(0, 2)) if is_log else 0,
            on=self.on(),
            values=self.values(form),
        )

    def correction(self) -> dict[str, object] | None:
        code = self.subject()
        subject = self.trial.state.participants.get(code)
        if subject is None or not subject.forms:
            return None
        encounter, form, repeat = self.pick(subject.forms)
        item = self.pick(VALUES[form])
        seen = subject.forms[encounter, form, repeat].version
        place = {"encounter": encounter, "form": form, "repeat": repeat, "seen": seen}
        return {
            "participant": code,
            **place,
            "item": item,
            "value": self.values(form)[item],
            "seen": subject.forms[encounter, form, repeat].version,
        }

    def redaction(self) -> dict[str, object] | None:
        kinds = {kind.__name__ for kind in REDACTABLE}
        entries = [e for e in self.trial.store.read() if e.type in kinds]
        if not entries:
            return None
        entry = self.pick(entries)
        drop = ("term",) if b'"event"' in (entry.body or b"") else ()
        return {"entry": entry, "drop": drop}

    def infusion(self) -> dict[str, object]:
        return self.about(encounter=self.pick(["M0", "M3"]))

    def person(self) -> dict[str, object]:
        return {"person": self.pick([*self.trial.state.people, "nobody"])}


def _amended() -> Study:
    """The same folder with more people planned."""
    study = small_study(50)
    return replace(
        study, identity=replace(study.identity, planned_participants=60), digest="e" * 64
    )


def _request(h: History) -> dict[str, object]:
    code = h.subject()
    subject = h.trial.state.participants.get(code)
    asked = subject.override if subject else None
    return {"participant": code, "request": asked.requested.entry if asked else "site-01:1"}


def _signing(h: History) -> dict[str, object]:
    code = h.subject()
    subject = h.trial.state.participants.get(code)
    digest = conduct.digest_of(h.trial.study, subject) if subject else ""
    return {"participant": code, "meaning": "I endorse", "digest": digest}


def _review(h: History) -> dict[str, object]:
    seen = reviewed_by(h.trial.state, h.trial.state.people["administrator"])
    decisions = {p.person: "keep" for p in seen}
    if seen and h.draw(st.booleans()):
        decisions[h.pick(seen).person] = "end"
    digest = digest_of_access(h.trial.study, seen)
    return {"decisions": decisions, "digest": digest, "meaning": "I reviewed them"}


def _confirmation(h: History) -> dict[str, object]:
    person = h.pick(p.person for p in h.trial.state.people.values() if p.is_active)
    (chosen,) = conduct.record_password(h.trial, at=h.clock(), person=person, code=CODE)
    return {"person": person, "chosen": f"{chosen.chain}:{chosen.seq}"}


CODE = "a" * 32
"""The fingerprint of a code."""


def _populations(h: History) -> dict[str, object]:
    digest = conduct.digest_of_populations(h.trial.study, h.trial.state)
    return {"meaning": "I endorse", "digest": digest}


def _assessment(h: History) -> dict[str, object]:
    code = h.subject()
    subject = h.trial.state.participants.get(code)
    known = [u.stamp.entry for u in subject.unblindings] if subject else []
    return {
        "participant": code,
        "entry": h.pick([*known, "site-01:1"]),
        "impact": "None seen",
        "action": "Told the board",
    }


def _opened(kind: str) -> Callable[[History], dict[str, object]]:
    """A packet of this kind, opened for somebody."""

    def told(h: History) -> dict[str, object]:
        known = [p.packet for p in h.trial.state.packets.values() if p.kind == kind]
        opened = OpenedPacket(
            packet=h.pick([*known, "P9-01"]),
            code="",
            participant=h.subject(),
            opened_at=h.clock.at,
            opened_by=h.pick(["investigator", "somebody"]),
            by="coordinator",
            reason="Outage",
        )
        return {"told": opened}

    return told


ARGUMENTS: Mapping[str, Callable[[History], dict[str, Any] | None]] = {
    "accept_accountability": lambda _: {"statement": "It binds me"},
    "account_packet": lambda h: {
        "packet": h.pick([*h.trial.state.packets, "P9-01"]),
        "became": h.pick(ENDS),
        "on": h.on(),
    },
    "add_person": lambda h: {
        "person": h.pick(["ann", "bob"]),
        "name": h.pick(["Ann", "Bob"]),
        "role": h.pick(["coordinator", "monitor"]),
        "sites": h.pick([(), ("01",), ("01", "02")]),
        "from_on": h.pick([None, h.clock.today]),
    },
    "agree_unblinding": _populations,
    "assess_unblinding": _assessment,
    "attest_gap": lambda _: {},
    "change_delegation": lambda h: {**h.person(), "sites": h.pick([(), ("02",)])},
    "claim_packet": lambda h: {
        **_opened("randomization")(h),
        "as_it_is": h.draw(st.booleans()),
    },
    "complete_participant": lambda h: h.about(on=h.on()),
    "confirm_invitation": _confirmation,
    "confirm_override": lambda h: {**_request(h), "on": h.on(), "meaning": "I agree"},
    "correct_item": History.correction,
    "declare_supply": lambda h: {
        "places": h.draw(st.integers(0, 50)),
        "until_on": h.clock.today + dt.timedelta(days=30),
    },
    "decline_override": _request,
    "fail_screening": History.about,
    "end_infusion": lambda h: {
        **h.infusion(),
        "volume_ml": h.pick([0.0, 10.0]),
        "stopped_at": h.clock.at,
    },
    "give_infusion": lambda h: {
        **h.infusion(),
        "on": h.clock.today,
        "label": "L1",
        "volume_ml": 10.0,
    },
    "invite_person": lambda h: {**h.person(), "code": CODE},
    "judge_criterion": lambda h: h.about(rule="I2", is_true=h.draw(st.booleans()), on=h.on()),
    "lock_data": lambda h: None if h.draw(st.integers(0, 9)) else {},
    "miss_encounter": lambda h: h.about(encounter=h.pick(ENCOUNTERS)),
    "note_broken": _opened("code_break"),
    "order_infusion": lambda h: {**h.infusion(), "on": h.clock.today},
    "order_redaction": History.redaction,
    "prepare_infusion": lambda h: {**h.infusion(), "label": h.pick(["L1", "L2", "L\x003"])},
    "receive_adverse_event": lambda h: h.about(repeat=h.draw(st.integers(0, 2))),
    "recall_infusion": lambda h: {**h.infusion(), "label": h.pick(["L1", "L2"])},
    "record_call_off": History.about,
    "record_confirmation": lambda _: {"root": "0" * 64},
    "record_copy": lambda h: {
        "kind": h.pick(["tables", "report", "archive"]),
        "digest": "3" * 64,
        "seal": "1" * 64,
    },
    "record_deviation": lambda h: h.about(kind=h.pick(KINDS), on=h.on()),
    "record_number": lambda h: h.about(number=h.pick(["R1", "R2"])),
    "record_seal": lambda _: {"heads": {"control": (1, "2" * 64)}, "root": "1" * 64},
    "record_time_stamp": lambda h: {
        "root": "1" * 64,
        "service": "https://stamp.example",
        "stamped_at": h.clock(),
        "token": "AA==",
    },
    "record_trail_review": lambda h: {
        "seen": conduct.look_at_trail(
            h.trial,
            at=h.clock(),
            chain=h.pick(["site-01", "site-02", "control"]),
            asked=h.pick([TrailFilter(), TrailFilter(form="skin")]),
            n_sample=h.pick([0, 2]),
        ),
        "finding": h.pick(["", h.draw(TEXTS)]),
    },
    "record_training": lambda h: {**h.person(), "training": "gcp", "on": h.on()},
    "record_unblinding": lambda h: h.about(on=h.on(), learned="A colleague spoke of it"),
    "remove_person": lambda h: {"person": h.pick(["ann", "bob"])},
    "request_override": lambda h: h.about(
        criteria=h.pick([("I1",), ("I1", "I2")]), on=h.on(), meaning="I ask"
    ),
    "request_randomization": lambda h: h.about(on=h.on()),
    "resume_trial": lambda h: {"rules": h.trial.state.pausing or ("none",)},
    "confirm_amendment": lambda h: {
        "digest": h.trial.state.amendment.digest if h.trial.state.amendment else "e" * 64,
        "meaning": h.pick(["", "I agree"]),
    },
    "request_amendment": lambda _: {"to": _amended()},
    "resume_treatment": lambda h: h.about(on=h.on()),
    "review_access": _review,
    "screen_participant": lambda h: {"site": h.pick(["01", "02"]), "on": h.on()},
    "sign_casebook": _signing,
    "sign_populations": _populations,
    "stop_treatment": lambda h: h.about(on=h.on()),
    "start_infusion": lambda h: {**h.infusion(), "on": h.clock.today, "label": "L1"},
    "submit_form": History.form,
    "take_back_infusion": lambda h: {**h.infusion(), "label": h.pick(["L1", "L2"])},
    "withdraw_means": History.person,
    "withdraw_participant": lambda h: h.about(on=h.on()),
}
"""How each act is called."""

assert set(ARGUMENTS) == set(ACTS), set(ARGUMENTS) ^ set(ACTS)
REDACTED = BodyRedacted.__name__
