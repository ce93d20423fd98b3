"""What was observed of an item: by participant, by encounter, and at baseline."""

import datetime as dt
from collections.abc import Mapping

from msgspec import Struct

from equipoise.conduct.facts import baseline_day, observations_of
from equipoise.conduct.parts import Value
from equipoise.conduct.state import Participant
from equipoise.problems import Text
from equipoise.study.forms import Derivation, Form, Item
from equipoise.study.study import Study


class Observed(Struct, frozen=True):
    """One value with its encounter and day."""

    encounter: str
    on: dt.date
    value: Value


class Histories:
    """The observations of each participant, read once and kept for the tables of one report."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._kept: dict[str, Mapping[str, tuple[Observed, ...]]] = {}

    def of(self, person: Participant, name: str) -> tuple[Observed, ...]:
        """What was observed of `form.item`, in order of days."""
        if person.code not in self._kept:
            self._kept[person.code] = {
                item: tuple(
                    sorted((Observed(o.encounter, o.on, o.value) for o in found), key=_by_day)
                )
                for item, found in observations_of(self._study, person).items()
            }
        return self._kept[person.code].get(name, ())


def first_infused_on(person: Participant) -> dt.date | None:
    """The day of the first infusion that was given."""
    return min((i.given_on for i in person.infusions.values() if i.given_on), default=None)


def find_baseline(person: Participant, history: tuple[Observed, ...]) -> Observed | None:
    """The last value before or at the first infusion; without infusion, at randomization."""
    last_on = baseline_day(person)
    if last_on is None:
        return None
    return next((o for o in reversed(history) if o.on <= last_on), None)


def find_item(study: Study, name: str) -> tuple[Form, Item | Derivation | None]:
    """The form of `form.item` and its item or derived value; None for the item of a body map."""
    form_name, _, item = name.partition(".")
    form = study.forms[form_name]
    return form, form.items.get(item) or form.derive.get(item)


def label_of(study: Study, name: str) -> Text:
    """How people call `form.item`: the item's words, after the form's if it is derived."""
    form, item = find_item(study, name)
    if item is None:
        return Text(name)
    if isinstance(item, Derivation):
        return Text(
            f"{form.title.say('en')}: {item.label.say('en').lower()}",
            f"{form.title.say('fr')} : {item.label.say('fr').lower()}",
        )
    return item.label


def to_number(value: Value) -> float | None:
    """The value if it is a number; true and false are none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _by_day(observed: Observed) -> dt.date:
    return observed.on
