"""Randomized, dispensed, received: three records that an analysis must not take for each other."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from equipoise import conduct
from equipoise.analysis import (
    Imprint,
    count_flow,
    render_report,
    tabulate_adverse_events,
    tabulate_populations,
)
from equipoise.analysis.exposure import departures_of, list_treatments, received_of
from equipoise.conduct import RunningTrial
from equipoise.conduct.parts import Stamp
from equipoise.problems import LANGUAGES, Refused, Text
from equipoise.study.protocol import AnalysisPlan, AnalysisPopulation
from equipoise.vault import LocalVault, VaultClient, read_token

from .cell_course import CELLS, SHAM, CellCourse
from .conftest import Clock, Course

ARM_OF = {CELLS: "alpha", SHAM: "omega"}
DOSE = 140_250_000
"""16.5 mL of bags with 10 million cells a mL, 85 % of them alive."""


@pytest.fixture
def unit(trial: RunningTrial, clock: Clock) -> CellCourse:
    infused = AnalysisPopulation(label=Text("Infused"), members="infused")
    everybody = AnalysisPopulation(label=Text("All"), members="randomized")
    plan = AnalysisPlan(populations={"all": everybody, "infused": infused})
    trial.study = replace(trial.study, analysis=plan)
    return CellCourse(trial, clock)


@pytest.fixture
def arms(course: Course, vault: LocalVault, vault_folder: Path) -> dict[str, str]:
    """Four people, two in each arm, as the trial's own vault has them, by number."""
    sealed = VaultClient(vault, read_token(vault_folder, "cells"))
    numbers = [course.randomize(course.eligible()) for _ in range(4)]
    return {n: ARM_OF[sealed.contents(n, "M0")] for n in numbers}


def give(course: Course, unit: CellCourse, code: str, *bags: str, ml: float = 50.0) -> None:
    """Order, hand out, give so much of the 50 mL."""
    course.order(code)
    label = unit.handed_out(code, *bags)
    about = {"by": "investigator", "participant": code, "encounter": "M0"}
    on = unit.clock.today
    conduct.start_infusion(unit.trial, **about, at=unit.clock(), on=on, label=label)
    at = unit.clock()
    conduct.end_infusion(unit.trial, **about, at=at, volume_ml=ml, stopped_at=at)


@pytest.fixture
def wronged(unit: CellCourse, course: Course, arms: dict[str, str]) -> str:
    """The number of somebody randomized to placebo whom the unit gave half a bag of cells.

    The unit had asked a list that is not this trial's. One of the cells arm got what was planned,
    one of the other what was planned too, and for the last one nothing was given.
    """
    unit.released("B1", bags=tuple(f"B1-{i}" for i in range(1, 7)))
    unit.released("P1", product=SHAM)
    code_of = {p.number: p.code for p in unit.trial.state.randomized}
    cells_arm = [n for n, arm in arms.items() if arm == "alpha"]
    others = [n for n, arm in arms.items() if arm == "omega"]
    unit.holds = {others[1]: SHAM}
    give(course, unit, code_of[cells_arm[0]], "B1-1", "B1-2")
    give(course, unit, code_of[others[0]], "B1-3", "B1-4", ml=25.0)
    give(course, unit, code_of[others[1]], "P1-1", "P1-2")
    course.order(code_of[cells_arm[1]])
    unit.handed_out(code_of[cells_arm[1]], "B1-5", "B1-6")
    conduct.submit_form(
        unit.trial,
        by="investigator",
        at=unit.clock(),
        participant=code_of[others[0]],
        encounter="",
        form="event",
        repeat=1,
        on=unit.clock.today,
        values={"term": "Fever", "onset_on": unit.clock.today.isoformat(), "serious": False},
    )
    return others[0]


def treatments_of(unit: CellCourse, arms: dict[str, str]):
    found = list_treatments(unit.trial.study, unit.trial.state, arms=arms, cells=unit.unit.state)
    return {t.number: t for t in found if t.encounter == "M0"}


@pytest.mark.requirement("F40")
def test_the_three_stand_apart(unit: CellCourse, arms: dict[str, str], wronged: str) -> None:
    """The arm, what the label handed out held, and what went in with its dose, each by itself."""
    found = treatments_of(unit, arms)
    shown = {
        n: (t.arm, t.planned, t.dispensed, t.received, t.received_ml, t.received_cells)
        for n, t in found.items()
    }
    right = [n for n, arm in arms.items() if arm == "alpha"]
    other = next(n for n, arm in arms.items() if arm == "omega" and n != wronged)
    assert shown == {
        right[0]: ("alpha", CELLS, CELLS, CELLS, 50.0, DOSE),
        right[1]: ("alpha", CELLS, CELLS, "", None, None),
        wronged: ("omega", SHAM, CELLS, CELLS, 25.0, DOSE // 2),
        other: ("omega", SHAM, SHAM, SHAM, 50.0, 0),
    }
    assert [t.number for t in departures_of(found.values())] == [wronged]


@pytest.mark.requirement("F40")
def test_effect_follows_the_arm_and_safety_what_went_in(
    unit: CellCourse, arms: dict[str, str], wronged: str
) -> None:
    """By intention to treat the wronged person counts with placebo, their fever with the cells."""
    study, state = unit.trial.study, unit.trial.state
    found = treatments_of(unit, arms)

    populations = {
        row.name: row.sizes for row in tabulate_populations(study, state, arms=arms).rows
    }
    assert populations == {"all": (2, 2), "infused": (1, 2)}
    assert [g.n for g in count_flow(study, state, arms=arms).groups] == [2, 2]

    safety = tabulate_adverse_events(study, state, received=received_of(found.values()))
    at_first = {c.label.en: c.n_exposed for c in safety.columns if c.period == "M0"}
    assert at_first == {"Cells": 2, "Sham": 1}
    fever = next(row for row in safety.terms if row.label.en == "Fever")
    assert [
        c.n_events for c, of in zip(fever.counts, safety.columns, strict=True) if of.period == "M0"
    ] == [1, 0]

    planned = {(t.number, t.encounter): t.planned for t in found.values()}
    taken_for = tabulate_adverse_events(study, state, received=planned)
    assert {c.label.en: c.n_exposed for c in taken_for.columns if c.period == "M0"} == {
        "Cells": 1,
        "Sham": 2,
    }


@pytest.mark.requirement("F40")
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_report_says_who_received_something_else(
    language: str, unit: CellCourse, arms: dict[str, str], wronged: str
) -> None:
    stamp = Stamp("data_manager", "data_manager", unit.clock(), "", "control:1")
    found = [*treatments_of(unit, arms).values()]

    def page(**known: object) -> str:
        return render_report(
            unit.trial.study,
            replace(unit.trial.state, locked=stamp),
            imprint=Imprint("s" * 64, "rehearsal", unit.clock(), language),
            arms=arms,
            received=received_of(found),
            **known,
        )

    told = page(treatments=found)
    rows = [row for row in told.split("<tr>") if f"{wronged} / M0" in row]
    assert len(rows) == 1
    assert [rows[0].index(word) for word in ("Sham", "Cells")] == sorted(
        rows[0].index(word) for word in ("Sham", "Cells")
    )
    said = {"en": "3 infusions given, 1 of them", "fr": "3 perfusions administrées, dont 1"}
    assert said[language] in told
    as_planned = {"en": "is taken from the arm", "fr": "est déduit du bras"}
    assert as_planned[language] not in told and as_planned[language] in page()


@pytest.mark.requirement("F40")
def test_a_label_that_the_cell_unit_does_not_know_stops_the_table(
    unit: CellCourse, arms: dict[str, str], wronged: str
) -> None:
    """What it held is not guessed from the arm."""
    lost = replace(unit.unit.state, preparations={})
    study, state = unit.trial.study, unit.trial.state
    found = list_treatments(study, state, arms=arms, cells=lost)
    assert {(t.received, t.received_cells) for t in found if t.received_on} == {("", None)}
    with pytest.raises(Refused) as refused:
        tabulate_adverse_events(study, state, received=received_of(found))
    assert [p.code for p in refused.value.problems] == ["EQ-A004"]
