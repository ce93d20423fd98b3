"""Checks of the decisions: defined once, complete once taken, used in the folder as they are."""

from collections.abc import Iterator

import msgspec

from equipoise.language.words import nearest
from equipoise.problems import Problem, problem
from equipoise.study.check.places import Path, Places, check_known
from equipoise.study.criteria import find_rules, read_otherwise
from equipoise.study.protocol import Assumption, Decision, OtherReading

FILE = "decisions.yaml"


def check_decisions(places: Places) -> Iterator[Problem]:
    """Check `decisions.yaml`, and each place of the folder that rests on a decision."""
    ids = [d.id for d in places.study.decisions]
    for index, decision in enumerate(places.study.decisions):
        if decision.id in ids[:index]:
            yield problem("EQ-S050", places.at(FILE, "decisions", index, "id"), id=decision.id)
        yield from _check_decision(places, index, decision=decision)
        for option, meant in decision.options.items():
            path = ("decisions", index, "options", option, "use")
            yield from _check_reading(places, path, reading=meant.use or OtherReading())
    by_id = {d.id: d for d in places.study.decisions}
    for assumption in places.study.assumptions:
        yield from check_known(assumption.decision, by_id, kind="decision", where=assumption.where)
        if assumption.decision in by_id:
            yield from _check_use(assumption, by_id[assumption.decision])


def _check_decision(places: Places, index: int, *, decision: Decision) -> Iterator[Problem]:
    where = places.at(FILE, "decisions", index, "status")
    needed = {"by": decision.by, "on": decision.on, "why": decision.why}
    if decision.status == "decided":
        needed = {"choice": decision.choice, **needed}
    missing = [key for key, value in needed.items() if not value]
    if decision.status != "open" and missing:
        keys = ", ".join(missing)
        yield problem("EQ-S051", where, id=decision.id, status=decision.status, keys=keys)
    if decision.choice and decision.options and decision.choice not in decision.options:
        where = places.at(FILE, "decisions", index, "choice")
        options = ", ".join(decision.options)
        yield problem("EQ-S052", where, id=decision.id, choice=decision.choice, options=options)


def _check_reading(places: Places, path: Path, *, reading: OtherReading) -> Iterator[Problem]:
    """Another reading is checked as the text that it would replace."""
    eligibility = places.study.eligibility
    known = {"rules": find_rules(eligibility), "values": eligibility.values}
    for key, parts in (("rules", reading.rules), ("values", reading.values)):
        for name, part in parts.items():
            where = places.at(FILE, *path, key, name)
            if name not in known[key]:
                near = nearest(name, known[key])
                yield problem("EQ-S100", where, name=name, nearest=near)
                continue
            try:
                read_otherwise(eligibility, OtherReading(**{key: {name: part}}))
            except msgspec.ValidationError as error:
                yield problem("EQ-S101", where, name=name, detail=str(error))


def _check_use(assumption: Assumption, decision: Decision) -> Iterator[Problem]:
    if assumption.is_decided and decision.status == "open":
        yield problem("EQ-S053", assumption.where, id=decision.id)
    if not assumption.is_decided and decision.status == "decided":
        yield problem("EQ-S054", assumption.where, id=decision.id)
