"""A small study with two cell arms that are alike at first, and a state built by hand."""

import datetime as dt
from typing import Any

from msgspec.structs import replace

from equipoise.conduct.parts import Infusion, Stamp
from equipoise.conduct.state import Correction, FormRecord, Participant, TrialState
from equipoise.problems import Text
from equipoise.study.forms import Derivation, Form, Item
from equipoise.study.protocol import (
    AnalysisPlan,
    Decision,
    Encounter,
    Endpoint,
    Epoch,
    Identity,
    Product,
    RandomizationPlan,
    SafetyPlan,
    Schedule,
    StudyArm,
    Treatments,
)
from equipoise.study.roles import Role
from equipoise.study.study import Study

START = dt.date(2026, 1, 5)
BY = (Role.INVESTIGATOR,)


def stamp(on: dt.date, *, hour: int = 9) -> Stamp:
    at = dt.datetime(on.year, on.month, on.day, hour, tzinfo=dt.UTC)
    return Stamp("p1", "investigator", at, "", "site-01:1")


def label(words: str) -> Text:
    return Text(words, f"{words} (fr)")


def arm(first: str, second: str) -> StudyArm:
    return StudyArm(
        type="experimental", label=label(f"{first} {second}"), gives={"V0": first, "V2": second}
    )


SKIN = Form(
    form="skin",
    title=label("Skin"),
    by=BY,
    at=("screening", "V0", "V1", "V2", "V3"),
    items={
        "left": Item(label=label("Left"), type="number", required=False),
        "right": Item(label=label("Right"), type="number", required=False),
        "sex": Item(
            label=label("Sex"),
            type="choice",
            choices={"f": label("Female"), "m": label("Male")},
            required=False,
        ),
        "note": Item(label=label("Note"), type="text", required=False),
        "smokes": Item(label=label("Smokes"), type="boolean", required=False),
    },
    derive={"total": Derivation(label=label("Total"), value="left + right", unit="points")},
)
EVENT = Form(
    form="event",
    title=label("Event"),
    by=BY,
    repeats=True,
    items={
        "term": Item(label=label("Term"), type="text"),
        "onset": Item(label=label("Onset"), type="date"),
        "grade": Item(label=label("Grade"), type="integer"),
        "related": Item(label=label("Related"), type="boolean"),
        "hospital": Item(label=label("Hospital"), type="boolean"),
        "fatal": Item(label=label("Fatal"), type="boolean"),
    },
)


def encounter(day: int | None = None, *, days: tuple[int, int] | None = None) -> Encounter:
    return Encounter(label=label(f"Day {day}"), epoch="all", day=day, days=days)


def study() -> Study:
    """The study."""
    arms = {
        "twice": arm("cells", "cells"),
        "once": arm("cells", "dummy"),
        "never": arm("dummy", "dummy"),
    }
    return Study(
        identity=Identity(
            study="little",
            title=Text("A little <trial>", "Un petit <essai>"),
            planned_participants=18,
            arms=arms,
            start="2026-01",
            completion="2027-06-01",
            randomization=RandomizationPlan(scheme="permuted_blocks", ratio=(1, 1, 1), blocks=(9,)),
        ),
        schedule=Schedule(
            day_zero="first_infusion",
            epochs={"all": Epoch(label=label("All"))},
            encounters={
                "screening": encounter(days=(-28, -1)),
                "V0": encounter(0),
                "V1": encounter(30),
                "V2": encounter(91),
                "V3": encounter(182),
            },
        ),
        treatments=Treatments(
            products={
                "cells": Product(label=label("Cells, living"), active=True),
                "dummy": Product(label=label("Placebo"), active=False),
            }
        ),
        safety=SafetyPlan(
            form="event",
            term="term",
            onset="onset",
            grade="grade",
            related="related",
            serious_if="fatal or hospital",
            fatal_if="fatal",
        ),
        analysis=AnalysisPlan(
            endpoints=(Endpoint(id="skin", label=label("Skin score"), item="skin.total"),),
            baseline=("skin.sex", "skin.total", "skin.note", "skin.smokes"),
        ),
        decisions=(
            Decision(id="ratio", question=label("Which ratio?"), because=label("Silent.")),
            Decision(
                id="dose", question=label("Which dose?"), because=label("."), status="decided"
            ),
        ),
        forms={"skin": SKIN, "event": EVENT},
        digest="d" * 64,
    )


def record(form: str, where: str, on: dt.date, repeat: int = 0, /, **values: Any) -> FormRecord:
    return FormRecord(
        encounter=where,
        form=form,
        repeat=repeat,
        on=on,
        values=values,
        not_done={},
        warnings=(),
        stamp=stamp(on),
    )


def infusion(where: str, on: dt.date) -> Infusion:
    return Infusion(
        encounter=where,
        on=on,
        weight_kg=70.0,
        target_cells=140_000_000,
        volume_ml=14.0,
        n_bags=2,
        stamp=stamp(on),
        status="given",
        label="x",
        given_on=on,
        given_ml=14.0,
    )


def person(
    i: int, *records: FormRecord, infused: tuple[int, ...] = (0, 91), **more: Any
) -> Participant:
    """The i-th randomized participant, infused on these days; day 0 is `START` + i."""
    zero = START + dt.timedelta(days=i)
    places = dict(zip(("V0", "V2"), infused, strict=False))
    made = Participant(
        code=f"01-{i:03d}",
        site="01",
        screened_on=zero - dt.timedelta(days=14),
        stamp=stamp(zero),
        status="completed",
        number=f"R{i:03d}",
        randomized_on=zero - dt.timedelta(days=1),
        forms={(r.encounter, r.form, r.repeat): r for r in records},
        infusions={w: infusion(w, zero + dt.timedelta(days=d)) for w, d in places.items()},
    )
    return replace(made, **more)


def skin(i: int, where: str, day: int, left: float | None, **more: Any) -> FormRecord:
    """The skin form of the i-th participant on a day; the total is left + 10."""
    on = START + dt.timedelta(days=i + day)
    return record("skin", where, on, left=left, right=10.0, **more)


def event(i: int, repeat: int, day: int | None, /, **values: Any) -> FormRecord:
    """An adverse event of the i-th participant that began on a day."""
    on = START + dt.timedelta(days=i + (day or 0))
    given = {"term": "Fever", "grade": 1, "related": False, "hospital": False, "fatal": False}
    onset = None if day is None else on.isoformat()
    return record("event", "", on, repeat, **{**given, "onset": onset, **values})


def corrected(before: FormRecord, item: str, value: object, *, on: dt.date) -> FormRecord:
    """The form after a correction on a day."""
    change = Correction(item, before.values.get(item), value, stamp(on))
    return replace(
        before, values={**before.values, item: value}, corrections=(*before.corrections, change)
    )


def trial(*people: Participant, is_locked: bool = False) -> TrialState:
    """The state of a trial with these people."""
    return TrialState(
        study="little",
        digest="d" * 64,
        sites={"01": stamp(START)},
        participants={p.code: p for p in people},
        locked=stamp(START) if is_locked else None,
    )
