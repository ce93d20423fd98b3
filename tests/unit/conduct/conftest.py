"""A small trial: two arms, two infusions, four forms, three criteria; with a real vault."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from equipoise import conduct
from equipoise.conduct import Person, RunningTrial
from equipoise.conduct.events import PersonAdded
from equipoise.ledger import MemoryStore
from equipoise.problems import Text
from equipoise.randomization import Specification
from equipoise.study.criteria import Criterion, Eligibility, Judgement, ValueDefinition
from equipoise.study.forms import Derivation, EditCheck, Form, Item
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
from equipoise.study.study import Study
from equipoise.vault import LocalVault, VaultClient, create_vault, read_token

START = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)
SPECIFICATION = Specification(
    study="small", arms=("alpha", "omega"), ratio=(1, 1), blocks=(2,), n_planned=4
)
SITE_STAFF = (Role.COORDINATOR, Role.INVESTIGATOR)


def small_study(planned: int = 4) -> Study:
    """Adults whose score is 15 or more, willing in the investigator's judgement, not pregnant."""
    return Study(
        digest="d" * 64,
        identity=Identity(
            study="small",
            title=Text("A small trial", "Un petit essai"),
            planned_participants=planned,
            arms={
                "alpha": StudyArm(
                    type="experimental", label=Text("A"), gives={"M0": "cells", "M3": "cells"}
                ),
                "omega": StudyArm(
                    type="placebo", label=Text("O"), gives={"M0": "sham", "M3": "sham"}
                ),
            },
            randomization=RandomizationPlan(scheme="permuted_blocks", ratio=(1, 1), blocks=(2,)),
            sites={"01": Site(label=Text("Site 01")), "02": Site(label=Text("Site 02"))},
        ),
        schedule=Schedule(
            day_zero="first_infusion",
            epochs={"screening": Epoch(label=Text("S")), "treatment": Epoch(label=Text("T"))},
            encounters={
                "screening": Encounter(label=Text("Screening"), epoch="screening", days=(-28, -1)),
                "M0": Encounter(label=Text("M0"), epoch="treatment", day=0),
                "M3": Encounter(
                    label=Text("M3"), epoch="treatment", day=91, window=Window(before=7, after=7)
                ),
            },
        ),
        treatments=Treatments(
            products={
                "cells": Product(label=Text("Cells"), active=True),
                "sham": Product(label=Text("Sham"), active=False),
            },
            dose=Dose(per_kg=2e6, unit="cells", weight="vitals.weight"),
            bag=Bag(cells_per_ml=10e6, volume_ml=10.0, viability=0.85),
        ),
        eligibility=Eligibility(
            values={
                "score": ValueDefinition(from_="skin.total"),
                "pregnant": ValueDefinition(from_="vitals.pregnant"),
            },
            inclusion=(
                Criterion(number="1", text=Text("Score", "Score"), is_="score >= 15"),
                Criterion(
                    number="2",
                    text=Text("Willing"),
                    judgement=Judgement(ask=Text("Willing?"), by=(Role.INVESTIGATOR,)),
                ),
            ),
            exclusion=(Criterion(number="1", text=Text("Pregnant"), is_="pregnant"),),
        ),
        forms={
            "consent": Form(
                form="consent",
                title=Text("Consent", "Consentement"),
                by=SITE_STAFF,
                at=("screening",),
                records="consent",
                items={"version": Item(label=Text("Version"), type="text")},
            ),
            "skin": Form(
                form="skin",
                title=Text("Skin", "Peau"),
                by=(Role.INVESTIGATOR,),
                at=("screening", "M0", "M3"),
                items={
                    "arm": Item(label=Text("Arm skin"), type="scale", range=(0, 30)),
                    "leg": Item(
                        label=Text("Leg"), type="scale", range=(0, 30), may_be_not_done=True
                    ),
                },
                derive={"total": Derivation(label=Text("Total"), value="arm + leg")},
                checks=(EditCheck(id="high", warn_if="arm > 25", say=Text("High", "Haut")),),
            ),
            "vitals": Form(
                form="vitals",
                title=Text("Vital signs", "Constantes"),
                by=SITE_STAFF,
                at=("screening", "M0", "M3"),
                items={
                    "weight": Item(label=Text("Weight"), type="number", unit="kg", range=(2, 400)),
                    "pregnant": Item(label=Text("Pregnant"), type="boolean"),
                },
            ),
            "event": Form(
                form="event",
                title=Text("Event", "Événement"),
                by=SITE_STAFF,
                repeats=True,
                items={
                    "term": Item(label=Text("Term"), type="text"),
                    "onset_on": Item(label=Text("Since"), type="date", required=False),
                    "grade": Item(label=Text("Grade"), type="scale", range=(1, 5), required=False),
                    "related": Item(label=Text("Related"), type="boolean", required=False),
                    "serious": Item(label=Text("Serious"), type="boolean", required=False),
                },
            ),
        },
        safety=SafetyPlan(
            form="event",
            term="term",
            onset="onset_on",
            grade="grade",
            related="related",
            serious_if="serious",
        ),
    )


class Clock:
    """Time that moves on by a minute at each look."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> dt.datetime:
        self.at += dt.timedelta(minutes=1)
        return self.at

    @property
    def today(self) -> dt.date:
        return self.at.date()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def study() -> Study:
    return small_study()


@pytest.fixture
def vault_folder(study: Study, tmp_path: Path) -> Path:
    return make_vault(study, tmp_path / "vault")


def make_vault(study: Study, folder: Path) -> Path:
    contents = {name: arm.gives for name, arm in study.identity.arms.items()}
    planned = replace(SPECIFICATION, n_planned=study.identity.planned_participants)
    create_vault(folder, planned, contents=contents, realm="rehearsal")
    return folder


@pytest.fixture
def vault(vault_folder: Path) -> Iterator[LocalVault]:
    opened = LocalVault(vault_folder)
    yield opened
    opened.close()


@pytest.fixture
def trial(study: Study, vault: LocalVault, vault_folder: Path, clock: Clock) -> RunningTrial:
    return open_small(study, VaultClient(vault, read_token(vault_folder, "assign")), clock)


def open_small(study: Study, assigning: VaultClient, clock: Clock) -> RunningTrial:
    trial = RunningTrial(study, MemoryStore("small", "rehearsal"), assigning)
    people = [Person(role.value, role.value, role.value) for role in Role]
    people.append(Person("coordinator-02", "Coordinator 02", "coordinator", ("02",)))
    conduct.open_trial(trial, at=clock(), people=people)
    for who in conduct.SIGNERS:
        conduct.accept_accountability(trial, by=who.value, at=clock(), statement="It binds me")
    return trial


def open_second_account(
    trial: RunningTrial, clock: Clock, person: str, *, name: str, role: Role
) -> None:
    """Two accounts of one name, as a ledger of before may hold them: no act makes the second."""
    view = conduct.View(trial.study, trial.state, conduct.SYSTEM)
    added = [PersonAdded(person=person, name=name, role=role)]
    with trial.transaction():
        trial.record(view, added, at=clock(), reason="")


class Course:
    """Brings a participant as far as a test needs."""

    def __init__(self, trial: RunningTrial, clock: Clock) -> None:
        self.trial = trial
        self.clock = clock

    def screen(self, site: str = "01") -> str:
        entries = conduct.screen_participant(
            self.trial, by="coordinator", at=self.clock(), site=site, on=self.clock.today
        )
        return entries[0].stream

    def submit(
        self,
        code: str,
        form: str,
        *,
        encounter: str = "screening",
        by: str = "investigator",
        **values: object,
    ) -> None:
        conduct.submit_form(
            self.trial,
            by=by,
            at=self.clock(),
            participant=code,
            encounter=encounter,
            form=form,
            on=self.clock.today,
            values=values,  # type: ignore[arg-type]
        )

    def consent(self, code: str) -> None:
        self.submit(code, "consent", version="1.0")

    def judge(self, code: str, *, is_true: bool = True) -> None:
        conduct.judge_criterion(
            self.trial,
            by="investigator",
            at=self.clock(),
            participant=code,
            rule="I2",
            is_true=is_true,
            on=self.clock.today,
        )

    def eligible(self, site: str = "01") -> str:
        code = self.screen(site)
        self.consent(code)
        self.submit(code, "skin", arm=10, leg=10)
        self.submit(code, "vitals", weight=70.0, pregnant=False)
        self.judge(code)
        return code

    def randomize(self, code: str) -> str:
        conduct.randomize_participant(
            self.trial,
            by="coordinator",
            at=self.clock(),
            participant=code,
            on=self.clock.today,
        )
        return self.trial.state.participants[code].number

    def randomized(self, site: str = "01") -> str:
        code = self.eligible(site)
        self.randomize(code)
        return code

    def order(self, code: str, encounter: str = "M0") -> None:
        conduct.order_infusion(
            self.trial,
            by="coordinator",
            at=self.clock(),
            participant=code,
            encounter=encounter,
            on=self.clock.today,
        )


@pytest.fixture
def course(trial: RunningTrial, clock: Clock) -> Course:
    return Course(trial, clock)
