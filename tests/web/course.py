"""The way of an eligible person through the acts, for tests that look at a later page."""

import datetime as dt
from calendar import monthrange
from collections.abc import Mapping

from equipoise.conduct import (
    RunningTrial,
    assess_participant,
    cells,
    give_infusion,
    judge_criterion,
    order_infusion,
    prepare_infusion,
    randomize_participant,
    screen_participant,
    submit_form,
)
from equipoise.conduct.cells import CellUnit
from equipoise.eligibility import settle
from equipoise.study.forms import Form, Item
from equipoise.study.roles import Role

from .conftest import SECOND, name_of

TODAY = dt.datetime.now(dt.UTC).date()
IS_LAST_OF_MONTH = TODAY.day >= monthrange(TODAY.year - 18, TODAY.month)[1]
"""Then whoever was born in this month eighteen years ago has had the birthday: no age is open."""
COORDINATOR, INVESTIGATOR = name_of(Role.COORDINATOR), name_of(Role.INVESTIGATOR)

# A woman of 46 with early disease, a skin score of 22 and anemia: eligible by 5a.
ANSWERS: Mapping[str, object] = {
    "insurance": True,
    "is_copy_given": True,
    "birth_month": "1980-05",
    "sex": "female",
    "height": 165.0,
    "first_non_raynaud_on": f"{TODAY.year - 1}-0{1 + TODAY.month % 9}",
    "proximal_skin": True,
    "weight": 70.0,
    "hemoglobin": 10.2,
    "crp": 12.0,
    "version": "1.0",
}


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def plausible(name: str, item: Item) -> object:
    """An unremarkable answer."""
    if name in ANSWERS:
        return ANSWERS[name]
    low, high = item.usual or item.range or (1, 1)
    return {
        "boolean": False,
        "choice": next(iter(item.choices), ""),
        "scale": 2 if name.startswith(("f", "h")) else 1,
        "number": (low + high) / 2,
        "integer": round((low + high) / 2),
        "date": TODAY.isoformat(),
        "month": "2025-01",
        "text": "R1",
    }[item.type]


def answers(form: Form) -> dict[str, object]:
    """Answers to every item that is always asked."""
    items = {n: i for n, i in form.items.items() if not i.when and i.required}
    return {n: plausible(n, i) for n, i in items.items()}


def enter(trial: RunningTrial, code: str, form: str, encounter: str = "screening") -> None:
    definition = trial.study.forms[form]
    by = next(n for r in definition.by for n in [name_of(r)])
    given = answers(definition)
    if form == "laboratory" and encounter == "screening":
        given["hiv"] = "negative"
    submit_form(
        trial,
        by=by,
        at=now(),
        participant=code,
        encounter=encounter,
        form=form,
        on=TODAY,
        values=given,
    )


def screened(trial: RunningTrial, *, site: str = "01") -> str:
    return screen_participant(trial, by=COORDINATOR, at=now(), site=site, on=TODAY)[0].stream


def consented(trial: RunningTrial, *, site: str = "01") -> str:
    code = screened(trial, site=site)
    enter(trial, code, "consent")
    return code


def eligible(trial: RunningTrial) -> str:
    code = screened(trial)
    for form in trial.study.forms_at("screening"):
        enter(trial, code, form.form)
    subject = trial.state.participants[code]
    verdict = assess_participant(trial.study, subject, on=TODAY)
    for rule in {o.judgement for o in settle(trial.study, verdict) if o.judgement}:
        judge_criterion(
            trial,
            by=INVESTIGATOR,
            at=now(),
            participant=code,
            rule=rule,
            is_true=not rule.startswith("E"),
            on=TODAY,
        )
    return code


def randomized(trial: RunningTrial) -> str:
    """Since midnight, so that an infusion may have been given at any time of the day."""
    code = eligible(trial)
    at = dt.datetime.combine(TODAY, dt.time(), dt.UTC)
    randomize_participant(trial, by=COORDINATOR, at=at, participant=code, on=TODAY)
    return code


def ordered(trial: RunningTrial) -> str:
    code = randomized(trial)
    enter(trial, code, "vital_signs", "M0")
    order_infusion(trial, by=COORDINATOR, at=now(), participant=code, encounter="M0", on=TODAY)
    return code


def prepared(trial: RunningTrial, label: str = "12345678") -> str:
    code = ordered(trial)
    by = name_of(Role.CELL_UNIT)
    prepare_infusion(trial, by=by, at=now(), participant=code, encounter="M0", label=label)
    return code


def stocked(unit: CellUnit, n: int = 6, *, lasts: int = 400) -> None:
    """One released batch of each product: L1 of cells, from the donor D1, and P1."""
    by = {"by": name_of(Role.CELL_UNIT), "at": now()}
    cells.register_donor(unit, **by, donor="D1", donation="0000000000001")
    products = unit.trial.study.treatments.products
    for product, definition in products.items():
        batch, donors = ("L1", ("D1",)) if definition.active else ("P1", ())
        cells.receive_batch(
            unit,
            **by,
            batch=batch,
            product=product,
            shipment=f"S-{batch}",
            donors=donors,
            expires_on=TODAY + dt.timedelta(days=lasts),
            bags=tuple(f"{batch}-{i}" for i in range(1, n + 1)),
            volume_ml=10.0,
            cells_per_ml=1e7 if donors else None,
        )
        for test in definition.specification:
            if test.at == "release":
                good = test.equals or (100.0 if test.at_least else 0.0)
                cells.record_result(unit, **by, batch=batch, test=test.id, result=good, on=TODAY)
        cells.release_batch(unit, **by, batch=batch)


ANOTHER = "What was prepared before is on another record"


def composed(
    unit: CellUnit,
    code: str,
    *,
    by: str = SECOND,
    verified_by: str = "",
    reason: str = ANOTHER,
) -> str:
    """An ordered infusion of 70 kg, composed of two bags of what the sealed list says."""
    number = unit.trial.state.participants[code].number
    product = unit.trial.study.treatments.products[unit.contents(number, "M0")]
    counted = {"cells_per_ml": 1e7, "viability": 0.85} if product.active else {}
    free = [
        b.bag
        for b in cells.usable_bags(unit.state, product=unit.contents(number, "M0"), on=TODAY)
        if b.status == "stored"
    ][:2]
    for bag in free:
        cells.thaw_bag(unit, by=by, at=now(), bag=bag)
        if counted:
            cells.count_bag(unit, by=by, at=now(), bag=bag, **counted)
    label = f"{70_000_000 + len(unit.state.preparations):08d}"
    cells.make_preparation(
        unit,
        by=by,
        at=now(),
        participant=code,
        encounter="M0",
        bags=tuple(free),
        label=label,
        reason=reason,
    )
    if verified_by:
        same = {"target_cells": 140_000_000, "drawn_ml": 16.5, "n_bags": 2}
        cells.verify_preparation(unit, by=verified_by, at=now(), label=label, **same)
    return label


def typed(form: Form, values: Mapping[str, object]) -> dict[str, str]:
    """What a browser posts for values."""
    posted: dict[str, str] = {}
    for name, value in values.items():
        kind = form.items[name].type
        if kind in ("date", "month"):
            parts = str(value).split("-")
            posted |= {
                f"{name}.{p}": v for p, v in zip(("year", "month", "day"), parts, strict=False)
            }
        elif isinstance(value, bool):
            posted[name] = "yes" if value else "no"
        else:
            posted[name] = str(value)
    return posted


def day(name: str, on: dt.date = TODAY) -> dict[str, str]:
    """What a browser posts for a day."""
    return {
        f"{name}.day": str(on.day),
        f"{name}.month": str(on.month),
        f"{name}.year": str(on.year),
    }


def given(trial: RunningTrial) -> str:
    """Somebody who has had the first infusion."""
    code = prepared(trial, label=f"{1 + len(trial.state.participants):08d}")
    infusion = trial.state.participants[code].infusions["M0"]
    over = now()
    give_infusion(
        trial,
        by=COORDINATOR,
        at=over,
        reason="From paper",
        participant=code,
        encounter="M0",
        on=infusion.on,
        label=infusion.label,
        volume_ml=infusion.volume_ml,
        scanned=code,
        started_at=trial.state.participants[code].randomized_at,
        stopped_at=over,
        checked_by=INVESTIGATOR,
    )
    return code


def fallen_ill(trial: RunningTrial, code: str, **values: object) -> None:
    """A serious adverse event of somebody."""
    form = trial.study.forms["adverse_event"]
    told = {"term": "Deep vein thrombosis", "grade": 3, "hospitalization": True, **values}
    taken = [
        repeat for _, name, repeat in trial.state.participants[code].forms if name == form.form
    ]
    submit_form(
        trial,
        by=INVESTIGATOR,
        at=now(),
        participant=code,
        encounter="",
        form=form.form,
        repeat=max(taken, default=0) + 1,
        on=TODAY,
        values={**answers(form), **told},
    )


def busy(trial: RunningTrial) -> dict[str, str]:
    """A trial with somebody at every stage, at two sites; their codes by stage."""
    found = {
        "screened": screened(trial),
        "consented": consented(trial),
        "eligible": eligible(trial),
        "given": given(trial),
        "ordered": ordered(trial),
        "elsewhere": consented(trial, site="02"),
    }
    fallen_ill(trial, found["given"])
    return found
