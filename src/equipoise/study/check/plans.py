"""Checks of what is made from the data: the safety plan, the analysis, the rehearsal."""

from collections.abc import Iterator

from equipoise.problems import Problem, problem
from equipoise.study.check.places import Places, check_known, check_order
from equipoise.study.check.rules import judged
from equipoise.study.forms import Form, Item
from equipoise.study.scenario import Draw, EventDraw, Scenario

NUMERIC = ("number", "integer", "scale")
_SAFETY_TYPES = {
    "term": ("text", "choice"),
    "onset": ("date",),
    "grade": NUMERIC,
    "related": ("choice", "boolean"),
    "of_interest": ("choice",),
}
_KINDS_OF_DRAW = ("choice", "chance", "normal", "lognormal", "uniform", "days_ago")
REHEARSAL = "rehearsal.yaml"


def check_plans(places: Places) -> Iterator[Problem]:
    """Check `safety.yaml`, `analysis.yaml` and `rehearsal.yaml` against the forms and arms."""
    yield from _check_safety(places)
    yield from _check_analysis(places)
    yield from _check_scenario(places, places.study.scenario)


def _check_safety(places: Places) -> Iterator[Problem]:
    plan = places.study.safety
    if plan is None:
        return
    forms = places.study.forms
    where = places.at("safety.yaml", "form")
    yield from check_known(plan.form, forms, kind="form", where=where)
    ids = [rule.id for rule in plan.stopping]
    for index, name in enumerate(ids):
        if name in ids[:index]:
            yield problem("EQ-S062", places.at("safety.yaml", "stopping", index, "id"), id=name)
    if not plan.resumed_by and any(rule.does == "pause" for rule in plan.stopping):
        yield problem("EQ-S090", places.at("safety.yaml", "resumed_by"))
    if plan.form not in forms:
        return
    if not forms[plan.form].repeats:
        yield problem("EQ-S070", where, form=plan.form)
    names = {key: getattr(plan, key) for key in _SAFETY_TYPES if getattr(plan, key)}
    for key, name in names.items():
        where = places.at("safety.yaml", key)
        items = forms[plan.form].items
        yield from check_known(name, items, kind="item", where=where)
        if name in items and items[name].type not in _SAFETY_TYPES[key]:
            wanted = ", ".join(_SAFETY_TYPES[key])
            yield problem("EQ-S071", where, item=name, type=items[name].type, wanted=wanted)


def _check_analysis(places: Places) -> Iterator[Problem]:
    plan = places.study.analysis
    for index, endpoint in enumerate(plan.endpoints):
        where = places.at("analysis.yaml", "endpoints", index, "item")
        yield from check_known(endpoint.item, places.items, kind="item", where=where)
        item = places.item(endpoint.item)
        if isinstance(item, Item) and item.type not in NUMERIC:
            wanted = ", ".join(NUMERIC)
            yield problem("EQ-S071", where, item=endpoint.item, type=item.type, wanted=wanted)
    for index, guess in enumerate(plan.guesses):
        where = places.at("analysis.yaml", "guesses", index, "item")
        yield from check_known(guess.item, places.items, kind="item", where=where)
        item = places.item(guess.item)
        choices = item.choices if isinstance(item, Item) else {}
        strange = [c for c in (*guess.active, *guess.placebo) if choices and c not in choices]
        if strange:
            known = ", ".join(choices)
            values = {"item": guess.item, "codes": ", ".join(strange), "known": known}
            yield problem("EQ-S075", where, **values)
    for index, name in enumerate(plan.baseline):
        where = places.at("analysis.yaml", "baseline", index)
        yield from check_known(name, places.items, kind="item", where=where)


def _check_scenario(places: Places, scenario: Scenario) -> Iterator[Problem]:
    yield from _check_accrual(places, scenario)
    known = judged(places)
    for name in scenario.judgement_unmet:
        where = places.at(REHEARSAL, "judgement_unmet", name)
        yield from check_known(name, known, kind="criterion", where=where)
    for name, draw in scenario.items.items():
        yield from _check_item_draw(places, name, draw=draw)
    maps = [f.form for f in places.study.forms.values() if f.areas]
    for name, draw in scenario.maps.items():
        where = places.at(REHEARSAL, "maps", name)
        yield from check_known(name, maps, kind="map", where=where)
        yield from _check_draw(places, ("maps", name), draw=draw)
    for index, event in enumerate(scenario.events):
        yield from _check_event(places, index, event=event)


def _check_accrual(places: Places, scenario: Scenario) -> Iterator[Problem]:
    sites = places.study.identity.sites
    where = places.at(REHEARSAL, "accrual_per_month")
    for site in scenario.accrual_per_month:
        at = places.at(REHEARSAL, "accrual_per_month", site)
        yield from check_known(site, sites, kind="site", where=at)
    idle = [s for s in sites if not scenario.accrual_per_month.get(s)]
    if scenario != Scenario() and idle:
        yield problem("EQ-S072", where, sites=", ".join(idle))


def _check_item_draw(places: Places, name: str, *, draw: Draw) -> Iterator[Problem]:
    where = places.at(REHEARSAL, "items", name)
    yield from _check_draw(places, ("items", name), draw=draw)
    own = [i for i in places.items if isinstance(places.item(i), Item)]
    yield from check_known(name, own, kind="item", where=where)
    item = places.item(name)
    if not isinstance(item, Item):
        return
    strange = [c for c in draw.choice if item.choices and c not in item.choices]
    if strange:
        known = ", ".join(item.choices)
        yield problem("EQ-S075", where, item=name, codes=", ".join(strange), known=known)
    ends = [e for e in (draw.low, draw.high, *(draw.uniform or ())) if e is not None]
    if item.range and any(not item.range[0] <= e <= item.range[1] for e in ends):
        low, high = item.range
        yield problem("EQ-S076", where, item=name, low=f"{low:g}", high=f"{high:g}")


def _check_draw(places: Places, path: tuple[str, str], *, draw: Draw) -> Iterator[Problem]:
    where = places.at(REHEARSAL, *path)
    given = [k for k in _KINDS_OF_DRAW if getattr(draw, k) not in (None, {})]
    if len(given) != 1:
        yield problem("EQ-S073", where, name=path[1], given=", ".join(given) or "-")
    if _has_no_spread(draw):
        yield problem("EQ-S077", where, name=path[1])
    if draw.choice and not sum(draw.choice.values()):
        yield problem("EQ-S074", where, name=path[1])
    for span in ((draw.low, draw.high), draw.uniform, draw.days_ago):
        if span and span[0] is not None and span[1] is not None:
            yield from check_order(span[0], span[1], where=where)
    for product in draw.effect:
        at = places.at(REHEARSAL, *path, "effect", product)
        products = places.study.treatments.products
        yield from check_known(product, products, kind="product", where=at)


def _has_no_spread(draw: Draw) -> bool:
    spreads = [pair[1] for pair in (draw.normal, draw.lognormal) if pair]
    return any(s < 0 for s in spreads) or (draw.lognormal is not None and draw.lognormal[0] <= 0)


def _check_event(places: Places, index: int, *, event: EventDraw) -> Iterator[Problem]:
    path = ("events", index)
    for product in event.after_infusion:
        where = places.at(REHEARSAL, *path, "after_infusion", product)
        products = places.study.treatments.products
        yield from check_known(product, products, kind="product", where=where)
    if not sum(event.grades.values()):
        yield problem("EQ-S074", places.at(REHEARSAL, *path, "grades"), name=event.term)
    plan = places.study.safety
    form = places.study.forms.get(plan.form) if plan else None
    if form is not None:
        yield from _check_event_values(places, index, event=event, form=form)


def _check_event_values(
    places: Places, index: int, *, event: EventDraw, form: Form
) -> Iterator[Problem]:
    for name, value in event.values.items():
        where = places.at(REHEARSAL, "events", index, "values", name)
        yield from check_known(name, form.items, kind="item", where=where)
        choices = form.items[name].choices if name in form.items else {}
        if choices and value not in choices:
            yield problem("EQ-S075", where, item=name, codes=str(value), known=", ".join(choices))
