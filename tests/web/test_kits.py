"""Kits of both contents from the cell unit's own pages: nothing that leaves tells them apart."""

import os
from pathlib import Path

import pytest
from django.test import Client

from equipoise.conduct import RunningTrial, cells, take_back_infusion
from equipoise.conduct.cells import CellUnit
from equipoise.ledger import MemoryStore
from equipoise.study.roles import Role
from equipoise.study.study import Study
from equipoise.web.running import use_cells, use_trial
from tests.guessing import guess_kits, is_beyond_luck, label_features

from . import course
from .conftest import SECOND, SignIn, at_door, enter_as, name_of, open_here, sealed_side

N_KITS = 2000 if os.environ.get("EQUIPOISE_NIGHTLY") else 240
FIRST = name_of(Role.CELL_UNIT)


def with_both(trial: RunningTrial, unit: CellUnit) -> dict[str, str]:
    """Participants whose first infusion is ordered: one for whom it holds cells, one placebo."""
    found: dict[str, str] = {}
    while len(found) < 2:
        code = course.ordered(trial)
        number = trial.state.participants[code].number
        found.setdefault(unit.contents(number, "M0"), code)
    return found


def thawed(unit: CellUnit, product: str) -> list[str]:
    """Two bags as the unit takes them from its freezer; of cells they are counted."""
    usable = cells.usable_bags(unit.state, product=product, on=course.TODAY)
    bags = [b.bag for b in usable if b.status == "stored"][:2]
    for bag in bags:
        cells.thaw_bag(unit, by=FIRST, at=course.now(), bag=bag)
        if unit.trial.study.treatments.products[product].active:
            counted = {"cells_per_ml": 1e7, "viability": 0.85}
            cells.count_bag(unit, by=FIRST, at=course.now(), bag=bag, **counted)
    return bags


def handed_out(desk: Client, unit: CellUnit, code: str, bags: list[str]) -> str:
    """Composed and handed out at the pages, computed twice; the label."""
    address = f"/work-list/{code}/M0/"
    made = desk.post(address, {"bag": bags, "reason": "The one before came back"})
    assert made.status_code == 302, made.content.decode()
    record = cells.preparation_for(unit.state, code, "M0")
    assert record is not None
    same = {"target_cells": 140_000_000, "drawn_ml": 16.5, "n_bags": 2}
    cells.verify_preparation(unit, by=SECOND, at=course.now(), label=record.label, **same)
    gone = desk.post(f"{address}hand-out/", {"is_checked": "yes"})
    assert gone.status_code == 302
    return record.label


@pytest.mark.requirement("C65", "F21", "F23", "F28")
@pytest.mark.timeout(1800)
def test_no_kit_tells_what_it_holds(trial: RunningTrial, unit: CellUnit, sign_in: SignIn) -> None:
    """Labels, times, lengths of entries and papers, cells and placebo in turn: a classifier that
    learned from half of the kits names the others by luck alone."""
    course.stocked(unit, N_KITS + 2)
    holding = with_both(trial, unit)
    desk = sign_in(Role.CELL_UNIT, door="sealed")
    seen, held = [], []
    for _ in range(N_KITS // 2):
        for product, code in holding.items():
            label = handed_out(desk, unit, code, thawed(unit, product))
            *_, entry = trial.store.read(stream=code)
            infusion = trial.state.participants[code].infusions["M0"]
            assert entry.type == "InfusionPrepared" and infusion.usable_until is not None
            left = (infusion.usable_until - entry.at).total_seconds()
            lengths = len(entry.body or b""), len(entry.reason)
            seen.append([*label_features(label), round(left), *lengths])
            held.append(product)
            by = {"by": FIRST, "at": course.now()}
            take_back_infusion(trial, **by, participant=code, encounter="M0", label=label)
            cells.discard_preparation(unit, **by, label=label, reason="It came back")
    assert len(set(held)) == 2 and len(held) >= N_KITS - 1
    n_right, n, luck = guess_kits(seen, held)
    assert not is_beyond_luck(n_right, n, luck), (n_right, n)
    leaking = [[*row, (h == "cells") + row[0] / 20] for row, h in zip(seen, held, strict=True)]
    assert is_beyond_luck(*guess_kits(leaking, held))  # the classifier finds one that is there


@pytest.mark.requirement("C65", "F21", "F23")
def test_the_label_is_the_same_paper_whatever_it_is_for(
    study: Study, tmp_path: Path, accounts: Path
) -> None:
    """Two trials that differ by the sealed list alone: every byte of it, and every header."""
    contents, answers = [], []
    for seed in (3, 2):
        folder = tmp_path / str(seed)
        opened = open_here(study, folder, seed=seed)
        sealed = sealed_side(opened, folder)
        assert sealed.vault is not None
        store = MemoryStore(study.identity.study, "rehearsal")
        unit = CellUnit(sealed, store, sealed.vault.contents)
        course.stocked(unit)
        code = course.ordered(opened)
        contents.append(unit.contents(opened.state.participants[code].number, "M0"))
        label = course.composed(unit, code)
        with at_door("sealed"):
            use_trial(sealed)
            use_cells(unit)
            paper = enter_as(Role.CELL_UNIT).get(f"/work-list/{code}/M0/label.pdf")
            answers.append((paper.status_code, dict(paper.headers), paper.content))
            use_cells(None)
            use_trial(None)
        sealed.vault._door.close()  # type: ignore[attr-defined]

    assert len(set(contents)) == 2
    assert answers[0] == answers[1]
    assert answers[0][1]["Content-Disposition"] == f'inline; filename="label-{label}.pdf"'
    assert answers[0][2].startswith(b"%PDF")
