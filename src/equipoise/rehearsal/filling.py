"""A form filled in about a virtual person: what is asked, what is missing, what is mistyped."""

import datetime as dt
from collections.abc import Mapping, Sequence

from msgspec import Struct

from equipoise.capture import Others, Value, is_asked
from equipoise.rehearsal.body import Body
from equipoise.rehearsal.randomness import Randomness
from equipoise.study.forms import Form, Item
from equipoise.study.scenario import Scenario

REASONS_NOT_DONE = (
    "The person declined this measurement",
    "The equipment was not available",
    "Not assessable on this day",
)
_MISTYPED = ("number", "integer", "scale")


class Filled(Struct, frozen=True):
    """A form as somebody enters it; `slips` holds the true values of the items mistyped."""

    values: Mapping[str, Value]
    not_done: Mapping[str, str]
    slips: Mapping[str, Value]


class Occasion(Struct, frozen=True, kw_only=True):
    """When and about what a form is filled in: `name` tells occasions of one person apart."""

    name: str
    on: dt.date
    others: Others
    given: Mapping[str, Value] = {}
    certain: Sequence[str] = ()
    """Items that are neither left out nor mistyped, as `form.item`."""


def fill_form(
    form: Form, occasion: Occasion, *, body: Body, scenario: Scenario, randomness: Randomness
) -> Filled:
    """The true answers, less what is missing, with what is mistyped."""
    truth = ask(form, draw_answers(form, occasion, body=body), others=occasion.others)
    may_fail = [
        n for n in truth if not (n in occasion.given or f"{form.form}.{n}" in occasion.certain)
    ]
    missing = _draw_missing(form, may_fail, chance=scenario.missing_item, randomness=randomness)
    values = {n: v for n, v in truth.items() if n not in missing}
    not_done = {n: reason for n, reason in missing.items() if form.items[n].may_be_not_done}
    wrong: dict[str, Value] = {}
    chosen = randomness.of("slips").generator().random(len(may_fail))
    for name, luck in zip(may_fail, chosen, strict=True):
        if luck < scenario.correction and name in values:
            wrong |= _mistype(form, name, values=values, occasion=occasion, body=body)
    slips = {name: values[name] for name in wrong}
    return Filled({**values, **wrong}, not_done, slips)


def draw_answers(form: Form, occasion: Occasion, *, body: Body) -> dict[str, Value]:
    """An answer to every item, whether or not it will be asked."""
    on, name = occasion.on, occasion.name
    mapped = body.map_answers(form, on=on, occasion=name)
    single = {n: body.answer(form, n, on=on, occasion=name) for n in form.items if n not in mapped}
    drawn: dict[str, Value] = {
        **single,
        **mapped,
        **{n: v for n, v in occasion.given.items() if n in form.items},
    }
    return {n: drawn[n] for n in form.items}


def ask(form: Form, answers: Mapping[str, Value], *, others: Others) -> dict[str, Value]:
    """The answers to the items that the form asks for, given the other answers."""
    asked: dict[str, Value] = {n: v for n, v in answers.items() if v is not None}
    while True:
        kept = {n: v for n, v in asked.items() if is_asked(form, n, values=asked, others=others)}
        if len(kept) == len(asked):
            return kept
        asked = kept


def _draw_missing(
    form: Form, names: Sequence[str], *, chance: float, randomness: Randomness
) -> dict[str, str]:
    """Items left out, each with a reason."""
    generator = randomness.of("missing").generator()
    luck = generator.random(len(names))
    reasons = generator.integers(len(REASONS_NOT_DONE), size=len(names))
    return {
        name: REASONS_NOT_DONE[reason]
        for name, drawn, reason in zip(names, luck, reasons, strict=True)
        if drawn < chance and _may_be_missing(form.items[name])
    }


def _may_be_missing(item: Item) -> bool:
    return item.may_be_not_done or not item.required


def _mistype(
    form: Form, name: str, *, values: Mapping[str, Value], occasion: Occasion, body: Body
) -> dict[str, Value]:
    """Another number for an item, if the form would then still ask for the same items."""
    if form.items[name].type not in _MISTYPED:
        return {}
    other = body.answer(form, name, on=occasion.on, occasion=f"{occasion.name}/slip")
    others, wrong = occasion.others, {**values, name: other}
    stays = _asked(form, wrong, others=others) == _asked(form, values, others=others)
    return {name: other} if stays and other != values[name] else {}


def _asked(form: Form, values: Mapping[str, Value], *, others: Others) -> set[str]:
    return {n for n in form.items if is_asked(form, n, values=values, others=others)}
