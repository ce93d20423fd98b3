"""Donors and batches: what came, what its tests say, whether it may be used."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping

from equipoise.conduct.cells import events as c
from equipoise.conduct.cells.door import CellEvents, CellView, at_record, cell_act, refuse_if
from equipoise.conduct.cells.state import BatchRecord
from equipoise.conduct.cells.tracing import places_of
from equipoise.conduct.parts import is_own
from equipoise.problems import Problem, Text, Where, natural_order, problem
from equipoise.study.protocol import Product
from equipoise.supply import (
    Judged,
    Result,
    check_results,
    judge_results,
    names_of,
    read_european_code,
    tests_at,
)

_NAME = re.compile(r"[A-Za-z0-9=&][A-Za-z0-9._+=&-]{0,63}")
LONGEST_SCAN = 200
_BY_HAND = Text("a person blocked it", "une personne l'a bloqué")
_RESERVED = frozenset({"donor", "receive", "declare"})
"""A name is part of the addresses of the unit's pages: these words are pages of their own."""


@cell_act
def register_donor(
    view: CellView, *, by: str, at: dt.datetime, reason: str = "", donor: str, donation: str
) -> CellEvents:
    """Name a donor by the maker's donation number; nothing else of them is kept."""
    known = {*view.cells.donors, *view.cells.donors.values()}
    taken = [problem("EQ-B021", n, name=n) for n in (donor, donation) if not n or n in known]
    refuse_if([*taken, *_check_spelling((donor,), at=at_record(donor))])
    return [c.DonorRegistered(donor=donor, donation=donation)]


@cell_act
def receive_batch(
    view: CellView,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    batch: str,
    product: str,
    shipment: str,
    donors: tuple[str, ...] = (),
    expires_on: dt.date,
    bags: tuple[str, ...],
    missing: tuple[str, ...] = (),
    volume_ml: float,
    cells_per_ml: float | None = None,
    european_code: str = "",
    scans: Mapping[str, str] | None = None,
    is_intact: bool = True,
    declared: int | None = None,
) -> CellEvents:
    """Take in a shipment of one batch; it stays in quarantine until it is released.

    `declared` is how many bags the delivery note says: it is held against those named here.
    """
    where = at_record(batch)
    if product not in view.study.treatments.products:
        refuse_if([problem("EQ-B022", where, product=product)])
    problems = list(_check_names(view, batch, (*bags, *missing), at=where))
    problems += [problem("EQ-B020", where, donor=d) for d in donors if d not in view.cells.donors]
    if view.study.treatments.products[product].active != bool(donors):
        problems.append(problem("EQ-B025", where, n=len(donors)))
    if not bags or volume_ml <= 0 or (cells_per_ml is not None and cells_per_ml <= 0):
        problems.append(problem("EQ-B047", where))
    problems += _check_scans(scans or {}, bags=bags, at=where)
    problems += _check_code(european_code, expires_on, donations=_donations(view, donors), at=where)
    refuse_if(problems)
    return [
        c.BatchReceived(
            batch=batch,
            product=product,
            shipment=shipment,
            donors=donors,
            expires_on=expires_on,
            volume_ml=volume_ml,
            cells_per_ml=cells_per_ml,
            bags=bags,
            missing=missing,
            european_code=european_code,
            scans=scans or {},
            is_intact=is_intact,
            declared=declared,
        )
    ]


@cell_act
def explain_difference(
    view: CellView, *, by: str, at: dt.datetime, reason: str = "", batch: str
) -> CellEvents:
    """Say why other bags came than the delivery note says; until then nothing is released."""
    record = view.batch(batch)
    problems = [] if reason.strip() else [problem("EQ-B046", batch)]
    if not record.difference or record.explained:
        problems.append(problem("EQ-B078", batch))
    refuse_if(problems)
    return [c.DifferenceExplained(batch=batch)]


@cell_act
def record_result(
    view: CellView,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    batch: str,
    test: str,
    result: Result,
    on: dt.date,
    is_confirmed: bool = False,
) -> CellEvents:
    """Record a test's result; one outside its limit blocks the batch in the same breath, once it
    `is_confirmed` that it does (EQ-B087).

    That is also how a culture becomes positive after the cells were given: `exposed_to` then says
    who received them.
    """
    record = view.batch(batch)
    where = at_record(batch, test)
    tests = tests_at(view.product_of(record), "release")
    problems = list(check_results(tests, {test: result}, where=where))
    if test in record.results and not reason.strip():
        problems.append(problem("EQ-B028", where, test=test))
    refuse_if(problems)
    recorded = c.ResultRecorded(batch=batch, test=test, result=result, on=on)
    judged = judge_results(tests, {**record.results, test: result})
    failed = tuple(t for t in judged.failed if t not in record.blocked_for)
    if failed and not is_confirmed:
        names = names_of(tests, failed)
        n = places_of(view.study, view.cells, view.trial, batch, on=_declared_until(view, at))
        refuse_if([problem("EQ-B087", where, tests=names, batch=batch, n=n)])
    if failed:
        return [recorded, c.BatchBlocked(batch=batch, failed=failed)]
    if record.status == "conditional" and judged.is_released:
        return [recorded, c.BatchReleased(batch=batch)]
    return [recorded]


@cell_act
def release_batch(
    view: CellView, *, by: str, at: dt.datetime, reason: str = "", batch: str
) -> CellEvents:
    """Let a batch be used: all that decides is met; or, with a reason, but for what may follow."""
    record = view.batch(batch)
    where = at_record(batch)
    refuse_if(_check_releasable(record, view.product_of(record), where=where))
    judged = judge_release(record, view.product_of(record))
    if judged.pending and not reason.strip():
        names = names_of(view.product_of(record).specification, judged.pending)
        refuse_if([problem("EQ-B033", where, tests=names)])
    return [c.BatchReleased(batch=batch, pending=judged.pending)]


@cell_act
def block_batch(
    view: CellView, *, by: str, at: dt.datetime, reason: str = "", batch: str
) -> CellEvents:
    """Stop a batch for ever: a recall by the maker, a doubt. The reason stays on record."""
    record = view.batch(batch)
    problems = [] if reason.strip() else [problem("EQ-B046", batch)]
    if record.is_blocked_by_hand:
        problems.append(problem("EQ-B032", batch, status=record.status_name))
    refuse_if(problems)
    return [c.BatchBlocked(batch=batch)]


@cell_act
def lift_block(
    view: CellView, *, by: str, at: dt.datetime, reason: str = "", batch: str
) -> CellEvents:
    """Agree that what blocked a batch was entered wrongly, once somebody else has corrected it.

    The batch is in quarantine again, to be released anew. A block by a person is never lifted.
    """
    record = view.batch(batch)
    problems = [] if reason.strip() else [problem("EQ-B046", batch)]
    if record.status != "blocked":
        problems.append(problem("EQ-B032", batch, status=record.status_name))
    if record.is_blocked_by_hand:
        problems.append(problem("EQ-B088", batch, batch=batch, why=_BY_HAND))
    product = view.product_of(record)
    if failed := judge_release(record, product).failed:
        names = names_of(product.specification, failed)
        problems.append(problem("EQ-B088", batch, batch=batch, why=names))
    corrected = (record.recorded[test] for test in record.blocked_for)
    if any(is_own(stamp, view.person, people=view.trial.people) for stamp in corrected):
        problems.append(problem("EQ-B089", batch))
    refuse_if(problems)
    return [c.BlockLifted(batch=batch)]


def judge_release(record: BatchRecord, product: Product) -> Judged:
    """Where a batch stands against its specification at release."""
    return judge_results(tests_at(product, "release"), record.results)


def _check_releasable(record: BatchRecord, product: Product, *, where: Where) -> list[Problem]:
    if record.status != "quarantine":
        return [problem("EQ-B032", where, status=record.status_name)]
    judged = judge_release(record, product)
    found = []
    if judged.missing:
        names = names_of(product.specification, judged.missing)
        found.append(problem("EQ-B031", where, tests=names))
    if not record.is_intact:
        found.append(problem("EQ-B048", where))
    if record.difference and not record.explained:
        n, declared = len(record.bags), record.declared
        found.append(problem("EQ-B077", where, n=n, declared=declared))
    return found


def _declared_until(view: CellView, at: dt.datetime) -> dt.date:
    """The day until which places are declared, or today where none are."""
    return max(at.date(), view.trial.supply[1]) if view.trial.supply else at.date()


def _check_names(
    view: CellView, batch: str, bags: tuple[str, ...], *, at: Where
) -> Iterator[Problem]:
    """Batch and bags have names that nothing had before, nor one of them twice."""
    known = {*view.cells.batches, *view.cells.bags}
    taken = [n for n in (batch, *bags) if not n or n in known]
    taken += sorted({n for n in bags if bags.count(n) > 1}, key=natural_order)
    yield from (problem("EQ-B021", at, name=n) for n in taken)
    yield from _check_spelling((batch, *bags), at=at)


def _check_spelling(names: tuple[str, ...], *, at: Where) -> Iterator[Problem]:
    """What cannot stand in an address would close the pages that lead to it."""
    for name in names:
        if name and (not _NAME.fullmatch(name) or name.lower() in _RESERVED):
            yield problem("EQ-B068", at, name=name)


def _check_scans(
    scans: Mapping[str, str], *, bags: tuple[str, ...], at: Where
) -> Iterator[Problem]:
    """What a bag's label says, as scanned: of a bag that came, printable, and no novel."""
    for bag, scan in scans.items():
        if bag not in bags or not scan.isprintable() or not 0 < len(scan) <= LONGEST_SCAN:
            yield problem("EQ-B076", at, bag=bag, most=LONGEST_SCAN)


def _donations(view: CellView, donors: tuple[str, ...]) -> list[str]:
    return [view.cells.donors[d] for d in donors if d in view.cells.donors]


def _check_code(
    text: str, expires_on: dt.date, *, donations: list[str], at: Where
) -> Iterator[Problem]:
    """The European code, if one is given: sound, of this day, of one of these donations."""
    if not text:
        return
    code, problems = read_european_code(text, where=at)
    yield from problems
    if code is None:
        return
    if code.expires_on not in (None, expires_on):
        yield problem("EQ-B026", at, code=code.expires_on, batch=expires_on)
    if donations and not {code.donation, code.donation_sequence} & set(donations):
        yield problem("EQ-B049", at, donation=code.donation)
