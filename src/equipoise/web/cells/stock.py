"""What is in stock: donors, batches with their results and release, bags, what may be declared."""

import datetime as dt
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from msgspec.structs import replace

from equipoise.conduct import cells, declare_supply
from equipoise.conduct.cells import BatchRecord
from equipoise.conduct.cells.receiving import LONGEST_SCAN
from equipoise.conduct.cells.tracing import kept_until
from equipoise.problems import Refused, Text, natural_order, problem
from equipoise.study.forms import Item
from equipoise.study.roles import Role
from equipoise.supply import names_of, tests_at
from equipoise.web.cells.specifying import item_of, limit_of
from equipoise.web.cells.viewing import viewed
from equipoise.web.entry.asking import Answers, Question, ask, date_of
from equipoise.web.pages import Visit, page
from equipoise.web.running import cell_unit
from equipoise.web.texts import t, text_of

UNIT = (Role.CELL_UNIT,)
DECLARED_DAYS = 30


@page(roles=UNIT)
@viewed
def stock(visit: Visit) -> HttpResponse:
    """Every batch with its bags, and for how many people there is enough of everything."""
    unit = cell_unit()
    state = unit.state
    until = _declared_until(visit)
    places = cells.derive_places(visit.study, state, visit.state, on=until)
    return visit.show(
        "stock.html",
        batches=sorted(
            state.batches.values(), key=lambda b: (b.expires_on, natural_order(b.batch))
        ),
        balances={name: cells.balance_of(state, name) for name in state.batches},
        products=visit.study.treatments.products,
        places=places,
        declared=visit.state.supply,
        n_randomized=len(visit.state.randomized),
        today=visit.today,
    )


@page(roles=UNIT, methods=("POST",))
def declare(visit: Visit) -> HttpResponse:
    """Tell the sites, by one number, that there is enough whatever the next arms are."""
    until = _declared_until(visit)
    places = cells.derive_places(visit.study, cell_unit().state, visit.state, on=until)
    declare_supply(visit.trial, **_by(visit), places=places, until_on=until)
    return visit.go("stock", done=t("stock.declared"))


@page(roles=UNIT, methods=("GET", "POST"))
def donor(visit: Visit) -> HttpResponse:
    """Register a donor by the maker's donation number."""

    def act(answers: Answers) -> HttpResponse:
        name, donation = str(answers["donor"]), str(answers["donation"])
        cells.register_donor(cell_unit(), **_by(visit), donor=name, donation=donation)
        return visit.go("stock", done=t("stock.donor_done", donor=name))

    items = {
        "donor": Item(label=text_of("stock.donor"), type="text"),
        "donation": Item(label=text_of("stock.donation"), type="text"),
    }
    return ask(visit, _question("donor", reverse("stock"), items), act=act)


@page(roles=UNIT, methods=("GET", "POST"))
def receive(visit: Visit) -> HttpResponse:
    """Take in a shipment of one batch."""

    def act(answers: Answers) -> HttpResponse:
        batch = str(answers["batch"])
        millions, declared = answers["millions"], answers["declared"]
        assert isinstance(declared, int)
        bags = _names(answers["bags"])
        cells.receive_batch(
            cell_unit(),
            **_by(visit),
            batch=batch,
            product=str(answers["product"]),
            shipment=str(answers["shipment"]),
            donors=_names(answers["donors"]),
            expires_on=date_of(answers, "expires_on"),
            bags=bags,
            scans=_scans(bags, answers["scans"]),
            declared=declared,
            missing=_names(answers["missing"]),
            volume_ml=float(str(answers["volume"])),
            cells_per_ml=millions * 1e6 if isinstance(millions, int | float) else None,
            european_code=str(answers["code"] or ""),
            is_intact=bool(answers["is_intact"]),
        )
        return visit.go("batch", batch=batch, done=t("stock.received", batch=batch))

    bag = visit.study.treatments.bag
    known: Answers = {"volume": bag.volume_ml if bag else None}
    question = _question("receive", reverse("stock"), _shipment(visit))
    return ask(visit, question, act=act, known=known)


@page(roles=UNIT)
@viewed
def batch(visit: Visit, batch: str) -> HttpResponse:
    """One batch: its papers, results, bags, and who received of it."""
    record = find_batch(batch)
    state = cell_unit().state
    product = visit.study.treatments.products[record.product]
    exposed = cells.exposed_to(state, visit.state, batch)
    return visit.show(
        "batch.html",
        batch=record,
        product=product,
        tests=[(x, record.results.get(x.id)) for x in tests_at(product, "release")],
        judged=cells.judge_batch(visit.study, state, batch),
        bags=[state.bags[b] for b in sorted(record.bags, key=natural_order)],
        balance=cells.balance_of(state, batch),
        exposed=[x for x in exposed if x.given_on or not x.is_in_trial],
        out=list({x.label: x for x in exposed if x.is_out}.values()),
        ready=list({x.label: x for x in exposed if x.is_ready}.values()),
        encounters=visit.study.schedule.encounters,
        kept_until=kept_until(state, batch),
        blocks=[(b, names_of(product.specification, b.failed)) for b in record.blocks],
        limit_of=limit_of,
        item_of=item_of,
    )


@page(roles=UNIT, methods=("GET", "POST"))
def release(visit: Visit, batch: str) -> HttpResponse:
    """Release a batch; with a reason, before what may follow is there."""
    find_batch(batch)

    def act(answers: Answers) -> HttpResponse:
        cells.release_batch(cell_unit(), **_by(visit, answers), batch=batch)
        return visit.go("batch", batch=batch, done=t("stock.released", batch=batch))

    items = {"reason": _reason(is_required=False)}
    return ask(visit, _question("release", _back(batch), items, batch=batch), act=act)


@page(roles=UNIT, methods=("GET", "POST"))
def explain(visit: Visit, batch: str) -> HttpResponse:
    """Say why other bags came than the delivery note says."""
    find_batch(batch)

    def act(answers: Answers) -> HttpResponse:
        cells.explain_difference(cell_unit(), **_by(visit, answers), batch=batch)
        return visit.go("batch", batch=batch, done=t("stock.explained", batch=batch))

    question = _question("explain", _back(batch), {"reason": _reason()}, batch=batch)
    return ask(visit, question, act=act)


@page(roles=UNIT, methods=("GET", "POST"))
def block(visit: Visit, batch: str) -> HttpResponse:
    """Block a batch for ever."""
    find_batch(batch)

    def act(answers: Answers) -> HttpResponse:
        cells.block_batch(cell_unit(), **_by(visit, answers), batch=batch)
        return visit.go("batch", batch=batch, done=t("stock.blocked", batch=batch))

    items = {"reason": _reason()}
    question = _question("block", _back(batch), items, batch=batch, is_grave=True)
    return ask(visit, question, act=act)


@page(roles=UNIT, methods=("POST",))
def tell(visit: Visit, batch: str) -> HttpResponse:
    """Record who was told that somebody had received of a blocked batch.

    The participant is posted: beside the batch in an address they would tell the arm in a log.
    """
    find_batch(batch)
    code = visit.request.POST.get("participant", "").strip()
    visit.participant(code)

    def act(answers: Answers) -> HttpResponse:
        told = str(answers["told"])
        cells.tell_exposed(cell_unit(), **_by(visit), batch=batch, participant=code, told=told)
        return visit.go("batch", batch=batch, done=t("stock.told_done"))

    items = {"told": Item(label=text_of("stock.told"), type="text")}
    question = _question("tell", _back(batch), items, participant=code, batch=batch)
    return ask(visit, replace(question, carried={"participant": code}), act=act)


@page(roles=UNIT, methods=("GET", "POST"))
def bag_out(visit: Visit, batch: str, bag: str) -> HttpResponse:
    """A bag was out of storage for a while, was destroyed, or went back."""
    find_batch(batch)

    def act(answers: Answers) -> HttpResponse:
        command = _by(visit, answers)
        if answers["what"] == "time_out":
            minutes = answers["minutes"]
            n = minutes if isinstance(minutes, int) else 0
            cells.record_time_out(cell_unit(), **command, bag=bag, minutes=n)
        elif answers["what"] == "returned":
            cells.remove_bags(cell_unit(), **command, bags=(bag,), how="returned")
        else:
            cells.remove_bags(cell_unit(), **command, bags=(bag,), how="destroyed")
        return visit.go("batch", batch=batch, done=t("stock.bag_done"))

    choices = {name: text_of(f"bag.{name}") for name in ("time_out", "destroyed", "returned")}
    items = {
        "what": Item(label=text_of("stock.what"), type="choice", choices=choices),
        "minutes": Item(
            label=text_of("stock.minutes"), type="integer", range=(1, 10000), required=False
        ),
        "reason": _reason(),
    }
    return ask(visit, _question("bag", _back(batch), items, bag=bag), act=act)


@page(roles=UNIT)
@viewed
def trace(visit: Visit) -> HttpResponse:
    """From a donor to all who received, and from a participant to all donors."""
    asked = visit.request.GET.get("q", "").strip()[:64]
    state = cell_unit().state
    found = cells.trace(state, visit.state, asked) if asked else ()
    return visit.show(
        "trace.html",
        asked=asked,
        found=found,
        donations=state.donors,
        encounters=visit.study.schedule.encounters,
    )


def find_batch(name: str) -> BatchRecord:
    """A batch of the cell unit's record.

    Raises:
        Refused: there is none of this name.
    """
    found = cell_unit().state.batches.get(name)
    if found is None:
        raise Refused([problem("EQ-B023", name, batch=name)])
    return found


def _declared_until(visit: Visit) -> dt.date:
    """The last day on which somebody may be randomized on what is declared now."""
    return visit.now.date() + dt.timedelta(days=DECLARED_DAYS)


def _shipment(visit: Visit) -> dict[str, Item]:
    products = visit.study.treatments.products
    choices = {name: product.label for name, product in products.items()}
    names = text_of("stock.names")

    def text(name: str, *, required: bool = True, help: Text | None = None) -> Item:  # noqa: A002
        return Item(label=text_of(f"stock.{name}"), type="text", required=required, help=help)

    return {
        "product": Item(label=text_of("stock.product"), type="choice", choices=choices),
        "batch": text("batch"),
        "shipment": text("shipment"),
        "donors": text("donors", required=False, help=names),
        "expires_on": Item(label=text_of("stock.expires"), type="date"),
        "declared": Item(label=text_of("stock.note"), type="integer", range=(1, 10000)),
        "bags": text("bags", help=names),
        "scans": text("scans", required=False, help=text_of("stock.scans_help")),
        "missing": text("missing", required=False, help=names),
        "volume": Item(label=text_of("stock.volume"), type="number", unit="mL", range=(0.1, 1000)),
        "millions": Item(
            label=text_of("stock.millions"), type="number", range=(0.01, 1000), required=False
        ),
        "code": text("code", required=False),
        "is_intact": Item(label=text_of("stock.intact"), type="boolean"),
    }


def _question(
    name: str, back: str, items: dict[str, Item], *, is_grave: bool = False, **values: object
) -> Question:
    return Question(
        title=t(f"stock.{name}_title", **values),
        button=t(f"stock.{name}_button"),
        back=back,
        items=items,
        is_grave=is_grave,
    )


def _reason(*, is_required: bool = True) -> Item:
    help_text = text_of("common.reason_help")
    label = text_of("common.reason")
    return Item(label=label, type="text", help=help_text, required=is_required)


def _names(given: object) -> tuple[str, ...]:
    return tuple(str(given or "").replace(",", " ").split())


def _scans(bags: tuple[str, ...], given: object) -> dict[str, str]:
    """What each bag's label says, in the order of the bags.

    Raises:
        Refused: there are not as many as bags.
    """
    scans = str(given or "").split()
    if len(scans) not in (0, len(bags)):
        raise Refused([problem("EQ-B076", "scans", bag=", ".join(bags), most=LONGEST_SCAN)])
    return dict(zip(bags, scans, strict=False))


def _by(visit: Visit, answers: Answers | None = None) -> dict[str, Any]:
    reason = str((answers or {}).get("reason") or "")
    return {"by": visit.person.person, "at": visit.now, "reason": reason}


def _back(batch: str) -> str:
    return reverse("batch", kwargs={"batch": batch})
