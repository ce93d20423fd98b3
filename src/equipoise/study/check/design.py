"""Checks of the design: arms, masking, allocation, sites, the schedule, the products."""

import datetime as dt
import math
import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from zoneinfo import available_timezones

from equipoise.problems import Problem, problem
from equipoise.study.check.conditions import check_factors
from equipoise.study.check.places import Path, Places, check_known, check_order, file_of
from equipoise.study.forms import Form, Item
from equipoise.study.protocol import Encounter, ReleaseTest, Treatments
from equipoise.study.roles import UNBLINDED_ROLES, Role

MASKABLE = ("participant", *(r.value for r in Role if r not in UNBLINDED_ROLES))
"""Who may be masked; the others must know what is in a bag to do their work."""

_DATE = re.compile(r"\d{4}-\d\d(-\d\d)?")


def check_design(places: Places) -> Iterator[Problem]:
    """Check `study.yaml`, `schedule.yaml` and `treatments.yaml` against each other."""
    yield from _check_dates(places)
    yield from _check_arms(places)
    yield from _check_masking(places)
    yield from _check_randomization(places)
    yield from _check_blocks(places)
    yield from _check_sites(places)
    yield from _check_schedule(places)
    yield from _check_treatments(places)
    yield from _check_products(places)


def _check_dates(places: Places) -> Iterator[Problem]:
    identity = places.study.identity
    given = (
        ("study.yaml", "start", identity.start),
        ("study.yaml", "completion", identity.completion),
        ("rehearsal.yaml", "start", places.study.scenario.start),
    )
    for file, key, value in given:
        if value and not _is_date(value):
            yield problem("EQ-S023", places.at(file, key), found=value)
    dates = (identity.start, identity.completion)
    if all(_is_date(d) for d in dates) and identity.completion < identity.start:
        where = places.at("study.yaml", "completion")
        yield problem("EQ-S022", where, low=identity.start, high=identity.completion)


def _is_date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        dt.date.fromisoformat(f"{text}-01"[:10])
    except ValueError:
        return False
    return True


def _check_arms(places: Places) -> Iterator[Problem]:
    study = places.study
    for name, arm in study.identity.arms.items():
        for encounter, product in arm.gives.items():
            where = places.at("study.yaml", "arms", name, "gives", encounter)
            yield from check_known(
                encounter, study.schedule.encounters, kind="encounter", where=where
            )
            yield from check_known(product, study.treatments.products, kind="product", where=where)


def _check_masking(places: Places) -> Iterator[Problem]:
    masking = places.study.identity.masking
    if masking is None:
        return
    yield from _check_telltale(places, masking.telltale)
    where = places.at("study.yaml", "masking", "masked")
    for name in masking.masked:
        if name in set(UNBLINDED_ROLES):
            yield problem("EQ-S040", where, role=name)
        else:
            yield from check_known(name, MASKABLE, kind="role", where=where)
    if (masking.schema == "none") == bool(masking.masked):
        listed = ", ".join(masking.masked) or "-"
        yield problem("EQ-S041", where, schema=masking.schema, masked=listed)


def _check_telltale(places: Places, names: tuple[str, ...]) -> Iterator[Problem]:
    """What is kept from outcome assessors is there, and is nothing that they enter themselves."""
    for index, name in enumerate(names):
        where = places.at("study.yaml", "masking", "telltale", index)
        yield from check_known(name, places.items, kind="item", where=where)
        form = places.study.forms.get(name.partition(".")[0])
        if form is not None and Role.OUTCOME_ASSESSOR in form.by:
            yield problem("EQ-S116", where, item=name, form=form.form)
    told = _close_over(places.study.forms, names)
    for form in places.study.forms.values():
        if Role.OUTCOME_ASSESSOR in form.by:
            yield from _check_reads_nothing(places, form, told)
    for encounter, planned in places.study.schedule.encounters.items():  # each is on their pages
        where = places.at("schedule.yaml", "encounters", encounter, "when")
        for name in (n for n in told if _reads("", planned.when, n)):
            yield problem("EQ-S121", where, item=name, name=encounter)


def _close_over(forms: Mapping[str, Form], names: tuple[str, ...]) -> tuple[str, ...]:
    """The names, and all that any form derives from them, in however many steps."""
    told = dict.fromkeys(names)
    rest = {
        f"{form.form}.{name}": (form, derivation.value)
        for form in forms.values()
        for name, derivation in form.derive.items()
    }
    while found := [n for n, (f, v) in rest.items() if any(_reads(f.form, v, x) for x in told)]:
        for name in found:
            told[name] = None
            del rest[name]
    return tuple(told)


def _reads(form: str, source: str, name: str) -> bool:
    """Whether an expression of a form names an item; one of its own form it names alone."""
    owner, _, own = name.partition(".")
    if re.search(rf"\b{re.escape(name)}\b", source):
        return True
    return owner == form and bool(re.search(rf"(?<![\w.]){re.escape(own)}(?![\w.])", source))


def _check_reads_nothing(places: Places, form: Form, names: tuple[str, ...]) -> Iterator[Problem]:
    """An assessor's form tells what it derives, warns of, asks or is itself shown by."""
    sources: list[tuple[Path, str]] = [
        (("when",), form.when),
        *((("derive", name), d.value) for name, d in form.derive.items()),
        *((("items", name), i.when) for name, i in form.items.items()),
        *((("checks", index), c.warn_if) for index, c in enumerate(form.checks)),
    ]
    for path, source in sources:
        for name in names:
            if _reads(form.form, source, name):
                yield problem("EQ-S121", places.at(file_of(form), *path), item=name, name=form.form)


def _check_randomization(places: Places) -> Iterator[Problem]:
    identity = places.study.identity
    plan = identity.randomization
    if plan is None:
        if identity.allocation == "randomized":
            yield problem("EQ-S047", places.at("study.yaml", "allocation"))
        return
    if identity.planned_participants == 0:
        yield problem("EQ-S042", places.at("study.yaml", "planned_participants"))
    if len(plan.ratio) != len(identity.arms) or len(plan.ratio) < 2:
        where = places.at("study.yaml", "randomization", "ratio")
        yield problem("EQ-S043", where, n_ratio=len(plan.ratio), n_arms=len(identity.arms))
    if plan.scheme == "minimization" and plan.leaves_out is None:
        yield problem("EQ-S130", places.at("study.yaml", "randomization", "scheme"))
    for arm, share in zip(identity.arms, plan.ratio, strict=False):
        if not share:
            where = places.at("study.yaml", "randomization", "ratio")
            yield problem("EQ-S131", where, arm=arm)
    yield from check_factors(places, plan)


def _check_blocks(places: Places) -> Iterator[Problem]:
    plan = places.study.identity.randomization
    if plan is None or not sum(plan.ratio) or plan.scheme != "permuted_blocks":
        return
    where = places.at("study.yaml", "randomization", "blocks")
    share = sum(plan.ratio)
    odd = [b for b in plan.blocks if b % share]
    if odd or not plan.blocks:
        yield problem("EQ-S044", where, blocks=", ".join(map(str, odd)) or "-", share=share)
        return
    if plan.block_order == "random":
        return
    left, turn = places.study.identity.planned_participants, 0
    while left > 0:
        left -= plan.blocks[turn % len(plan.blocks)]
        turn += 1
    if left < 0:
        planned = places.study.identity.planned_participants
        yield problem("EQ-S045", where, planned=planned, total=planned - left)


def _check_sites(places: Places) -> Iterator[Problem]:
    sites = places.study.identity.sites
    if not sites:
        yield problem("EQ-S046", places.at("study.yaml", "sites"))
    for code, site in sites.items():
        if site.time_zone and not is_zone(site.time_zone):
            where = places.at("study.yaml", "sites", code, "time_zone")
            yield problem("EQ-C150", where, site=code, zone=site.time_zone)
        if code.casefold() == "r":  # its participants would be called like the vault's numbers
            yield problem("EQ-S125", places.at("study.yaml", "sites", code), site=code)


def is_zone(name: str) -> bool:
    """Whether the IANA database has a time zone of this name."""
    return name in available_timezones()


def _check_schedule(places: Places) -> Iterator[Problem]:
    schedule = places.study.schedule
    for name, encounter in schedule.encounters.items():
        where = places.at("schedule.yaml", "encounters", name)
        epoch = places.at("schedule.yaml", "encounters", name, "epoch")
        yield from check_known(encounter.epoch, schedule.epochs, kind="epoch", where=epoch)
        if (encounter.day is None) == (encounter.days is None):
            yield problem("EQ-S021", where, encounter=name)
        elif encounter.days is not None:
            span = places.at("schedule.yaml", "encounters", name, "days")
            yield from check_order(*encounter.days, where=span)
    yield from _check_overlaps(places)


def _check_overlaps(places: Places) -> Iterator[Problem]:
    encounters = places.study.schedule.encounters
    spans = {n: span for n, e in encounters.items() if (span := _span(e)) is not None}
    for (one, (first, last)), (other, (begin, end)) in combinations(spans.items(), 2):
        if first <= end and begin <= last:
            where = places.at("schedule.yaml", "encounters", other)
            days = f"{max(first, begin)}..{min(last, end)}"
            yield problem("EQ-S024", where, one=one, other=other, days=days)


def _span(encounter: Encounter) -> tuple[int, int] | None:
    if encounter.day is None:
        return encounter.days
    return encounter.day - encounter.window.before, encounter.day + encounter.window.after


def _check_treatments(places: Places) -> Iterator[Problem]:
    dose = places.study.treatments.dose
    if dose is None:
        return
    where = places.at("treatments.yaml", "dose", "weight_range")
    yield from check_order(*dose.weight_range, where=where)
    where = places.at("treatments.yaml", "dose", "weight")
    yield from check_known(dose.weight, places.items, kind="item", where=where)
    weight = places.item(dose.weight)
    if isinstance(weight, Item) and weight.unit != "kg":
        yield problem("EQ-S048", where, item=dose.weight, unit=weight.unit or "-")
    room = math.inf if dose.final_volume_ml is None else dose.final_volume_ml
    needed = 0.0 if places.study.treatments.bag is None else _most_ml(places.study.treatments)
    if needed > room:
        where = places.at("treatments.yaml", "dose", "final_volume_ml")
        yield problem("EQ-S117", where, final=room, needed=f"{needed:.1f}")


def _most_ml(treatments: Treatments) -> float:
    """The suspension that the heaviest person needs from the least viable cells, in mL."""
    dose, bag = treatments.dose, treatments.bag
    assert dose is not None and bag is not None
    kg = min(dose.weight_range[1], dose.capped_at_kg or dose.weight_range[1])
    limits = [t.at_least / 100 for t in _viability_limits(treatments) if t.at_least]
    viability = min(bag.viability, *limits, 1.0) if dose.counts == "viable" else 1.0
    return dose.per_kg * kg / (bag.cells_per_ml * viability)


def _viability_limits(treatments: Treatments) -> Iterator[ReleaseTest]:
    for product in treatments.products.values():
        yield from (t for t in product.specification if t.id == "viability" and t.at == "thaw")


def _check_products(places: Places) -> Iterator[Problem]:
    """Each test has a limit and a name of its own; no time tells one product from another."""
    products = places.study.treatments.products
    for name, product in products.items():
        ids = [t.id for t in product.specification]
        for index, test in enumerate(product.specification):
            where = places.at("treatments.yaml", "products", name, "specification", index)
            if ids.index(test.id) < index:
                yield problem("EQ-S119", where, id=test.id)
            bounds = (test.at_least, test.at_most)
            if (bounds == (None, None)) != bool(test.equals):
                yield problem("EQ-S118", where, id=test.id)
            elif test.equals not in test.choices and (test.equals or test.choices):
                yield problem("EQ-B085", where, id=test.id, known=", ".join(test.choices) or "-")
            elif len(test.choices) == 1:
                yield problem("EQ-B086", where, id=test.id)
            if test.at == "thaw" and test.may_follow:
                yield problem("EQ-S120", where, id=test.id)
    windows = {n: (p.thaw_minutes, p.minutes_out) for n, p in products.items()}
    for name in [n for n, w in windows.items() if w != next(iter(windows.values()))]:
        where = places.at("treatments.yaml", "products", name, "thaw_minutes")
        yield problem("EQ-S115", where)
