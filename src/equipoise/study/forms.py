"""Forms as data: items, skip logic, derived values and edit checks of one page of capture."""

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct

from equipoise.problems import Language, Text
from equipoise.study.protocol import Identifier, Name, Piece
from equipoise.study.roles import Role

Side = Literal["", "right", "left"]
ItemType = Literal["number", "integer", "boolean", "choice", "date", "month", "text", "scale"]


class Item(Piece, frozen=True, kw_only=True):
    """One question. `range` refuses, `usual` warns, `when` (an expression) hides it if false.

    A number may be entered in one of `units` instead of its own `unit`, in which it is kept and
    read; `analyte` names the substance by which mass and amount convert.
    """

    label: Text
    type: ItemType
    unit: str = ""
    units: tuple[str, ...] = ()
    analyte: Identifier | None = None
    range: tuple[float, float] | None = None
    usual: tuple[float, float] | None = None
    decimals: Annotated[int, Meta(ge=0, le=6)] | None = None
    choices: Mapping[str, Text] = {}
    required: bool = True
    may_be_not_done: bool = False
    when: str = ""
    help: Text | None = None
    area: str = ""
    side: Side = ""


class ItemValue(Struct, frozen=True):
    """A value together with its question: whoever tells of it knows how it is written."""

    item: Item
    value: object

    def say(self, language: Language) -> str:
        """The answer in words; whoever shows it to a reader writes numbers and days their way."""
        if self.value is None or self.value == "":
            return "–"
        if isinstance(self.value, bool):
            return Text("yes" if self.value else "no", "oui" if self.value else "non").say(language)
        choice = self.item.choices.get(str(self.value))
        said = choice.say(language) if choice else str(self.value)
        return f"{said} {self.item.unit}".strip()


class Derivation(Piece, frozen=True, kw_only=True):
    """A value computed from others: unknown as long as an input is."""

    label: Text
    value: str
    unit: str = ""


class EditCheck(Piece, frozen=True, kw_only=True):
    """A rule over the values of a form; where it is true, `say` is shown and recorded."""

    id: Identifier
    warn_if: str
    say: Text


class Area(Piece, frozen=True, kw_only=True):
    """A body area of a map; `both` makes one item for each side."""

    area: Name
    label: Text
    both: bool = False

    @property
    def sides(self) -> tuple[tuple[str, Side], ...]:
        """The items this area makes: each item's name and its side."""
        if not self.both:
            return ((self.area, ""),)
        return ((f"{self.area}_right", "right"), (f"{self.area}_left", "left"))


class AreaItem(Piece, frozen=True, kw_only=True):
    """The item that every area of a map gets."""

    type: Literal["scale"] = "scale"
    range: tuple[float, float]
    may_be_not_done: bool = True


class Form(Piece, frozen=True, kw_only=True):
    """`forms/*.yaml`: a page of capture. `at` names its encounters; `when` is a condition on the
    participant, and may name the `encounter`; `repeats` makes a log; `order` sorts the forms of an
    encounter; `records` says that entering it is also the written consent, or the end."""

    form: Name
    title: Text
    by: tuple[Role, ...]
    at: tuple[Identifier, ...] = ()
    when: str = ""
    order: int = 0
    records: Literal["", "consent", "end"] = ""
    repeats: bool = False
    map: Literal["", "body"] = ""
    areas: tuple[Area, ...] = ()
    area_item: AreaItem | None = None
    items: Mapping[Name, Item] = {}
    derive: Mapping[Name, Derivation] = {}
    checks: tuple[EditCheck, ...] = ()
