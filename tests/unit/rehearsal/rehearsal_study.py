"""A small study in Python, one infusion; names of arms and products occur nowhere else."""

from pathlib import Path
from typing import Any

import msgspec

from equipoise.ledger import MemoryStore
from equipoise.problems import Text
from equipoise.rehearsal import Rehearsal, nature_from, prepare_rehearsal_vault, rehearse
from equipoise.study.criteria import Criterion, Eligibility, Judgement, Rule, ValueDefinition
from equipoise.study.forms import Form, Item
from equipoise.study.protocol import (
    Bag,
    Dose,
    Encounter,
    Epoch,
    Identity,
    Product,
    RandomizationPlan,
    SafetyPlan,
    Schedule,
    Site,
    StudyArm,
    Treatments,
    Window,
)
from equipoise.study.roles import Role
from equipoise.study.scenario import Draw, EventDraw, Scenario
from equipoise.study.study import Study
from equipoise.vault import LocalVault, VaultClient, read_token

T = Text
SITE_STAFF = (Role.COORDINATOR, Role.INVESTIGATOR)

CONSENT = Form(
    form="consent",
    title=T("Consent"),
    by=SITE_STAFF,
    at=("screening",),
    records="consent",
    items={
        "version": Item(label=T("Version"), type="text"),
        "signed_on": Item(label=T("Signed on"), type="date"),
    },
)
VISIT = Form(
    form="visit",
    title=T("Visit"),
    by=(Role.OUTCOME_ASSESSOR,),
    at=("screening", "D0", "D30", "D60"),
    order=1,
    items={
        "weight": Item(label=T("Weight"), type="number", unit="kg", range=(30, 200)),
        "score": Item(
            label=T("Score"), type="integer", range=(0, 100), may_be_not_done=True, decimals=0
        ),
        "is_smoker": Item(label=T("Smokes"), type="boolean"),
        "packs": Item(label=T("Packs a day"), type="scale", range=(0, 5), when="is_smoker"),
        "color": Item(
            label=T("Color"), type="choice", choices={"red": T("Red"), "blue": T("Blue")}
        ),
        "birth_month": Item(label=T("Born"), type="month"),
        "remark": Item(label=T("Remark"), type="text", required=False),
    },
)
BAG_FORM = Form(
    form="infusion",
    title=T("Infusion"),
    by=SITE_STAFF,
    at=("D0",),
    order=2,
    items={"minutes": Item(label=T("Minutes"), type="integer", range=(1, 600))},
)
ADVERSE = Form(
    form="adverse_event",
    title=T("Adverse event"),
    by=(Role.INVESTIGATOR,),
    order=3,
    repeats=True,
    items={
        "term": Item(label=T("What"), type="text"),
        "onset_on": Item(label=T("Since"), type="date"),
        "grade": Item(label=T("Grade"), type="scale", range=(1, 5)),
        "related": Item(
            label=T("Related"), type="choice", choices={"no": T("No"), "yes": T("Yes")}
        ),
        "fatal": Item(label=T("Fatal"), type="boolean"),
    },
)
END = Form(
    form="end",
    title=T("End"),
    by=(Role.INVESTIGATOR,),
    order=4,
    records="end",
    items={
        "cause": Item(
            label=T("Cause"),
            type="choice",
            choices={"completed": T("Completed"), "withdrew": T("Withdrew"), "died": T("Died")},
        )
    },
)
IDENTITY = Identity(
    study="small",
    title=T("A small study"),
    planned_participants=8,
    arms={
        "falcon": StudyArm(type="experimental", label=T("Falcon"), gives={"D0": "ruby"}),
        "heron": StudyArm(type="placebo", label=T("Heron"), gives={"D0": "opal"}),
    },
    randomization=RandomizationPlan(scheme="permuted_blocks", ratio=(1, 1), blocks=(4,)),
    sites={"A": Site(label=T("A")), "B": Site(label=T("B"))},
)
SCHEDULE = Schedule(
    day_zero="first_infusion",
    epochs={"screening": Epoch(label=T("Screening")), "treatment": Epoch(label=T("Treatment"))},
    encounters={
        "screening": Encounter(label=T("Screening"), epoch="screening", days=(-28, -1)),
        "D0": Encounter(label=T("D0"), epoch="treatment", day=0),
        "D30": Encounter(
            label=T("D30"), epoch="treatment", day=30, window=Window(before=5, after=5)
        ),
        "D60": Encounter(
            label=T("D60"), epoch="treatment", day=60, window=Window(before=7, after=7)
        ),
    },
)
ELIGIBILITY = Eligibility(
    values={"score": ValueDefinition(from_="visit.score")},
    inclusion=(
        Criterion(number="1", is_="score >= 20"),
        Criterion(number="2", judgement=Judgement(ask=T("Willing?"), by=(Role.INVESTIGATOR,))),
    ),
    exclusion=(
        Criterion(
            number="1",
            any_=(
                Rule(id="1a", judgement=Judgement(ask=T("Ill?"), by=(Role.INVESTIGATOR,))),
                Rule(
                    id="1b",
                    none_=(Rule(id="1c", judgement=Judgement(ask=T("Well?"), by=SITE_STAFF)),),
                ),
            ),
        ),
    ),
)
STUDY = Study(
    identity=IDENTITY,
    eligibility=ELIGIBILITY,
    schedule=SCHEDULE,
    treatments=Treatments(
        products={
            "ruby": Product(label=T("Ruby"), active=True),
            "opal": Product(label=T("Opal"), active=False),
        },
        dose=Dose(per_kg=1e6, unit="cells", weight="visit.weight", weight_range=(35, 150)),
        bag=Bag(cells_per_ml=1e7, volume_ml=10, viability=0.85),
    ),
    safety=SafetyPlan(
        form="adverse_event",
        term="term",
        onset="onset_on",
        grade="grade",
        related="related",
        serious_if="fatal",
        fatal_if="fatal",
    ),
    forms={f.form: f for f in (CONSENT, VISIT, BAG_FORM, ADVERSE, END)},
    digest="0" * 64,
)


def scenario(**changes: Any) -> Scenario:
    """What is assumed of the small study's people."""
    usual = Scenario(
        accrual_per_month={"A": 4.0, "B": 4.0},
        start="2026-01-05",
        items={
            "visit.weight": Draw(normal=(70, 10), low=45, high=110, person=0.98),
            "visit.score": Draw(normal=(40, 12), person=0.9, monthly=-1, effect={"ruby": -10}),
            "visit.is_smoker": Draw(chance=0.4, person=1.0),
        },
        events=(
            EventDraw(
                term=T("Headache"),
                per_month=0.2,
                after_infusion={"ruby": 0.3},
                grades={"1": 3, "2": 1},
                values={"related": "no"},
            ),
        ),
    )
    return msgspec.structs.replace(usual, **changes)


def study(**changes: Any) -> Study:
    """The small study with another scenario; `changes` are fields of the scenario."""
    return msgspec.structs.replace(STUDY, scenario=scenario(**changes))


def run(
    directory: Path, given: Study, *, seed: int = 1, **options: Any
) -> tuple[Rehearsal, MemoryStore]:
    """Rehearse in memory with a vault from the same seed."""
    prepare_rehearsal_vault(given, directory, seed=seed)
    store = MemoryStore(given.identity.study, "rehearsal")
    vault = LocalVault(directory)
    try:
        came = rehearse(
            given,
            store=store,
            vault=VaultClient(vault, read_token(directory, "assign")),
            nature=nature_from(given, VaultClient(vault, read_token(directory, "nature"))),
            seed=seed,
            **options,
        )
    finally:
        vault.close()
    return came, store
