"""What every check shares: the study, its places, and how a missing reference is told."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Literal

from msgspec import Struct

from equipoise.problems import Problem, Text, Where, problem
from equipoise.study.forms import Derivation, Form, Item
from equipoise.study.study import Study

Path = tuple[str | int, ...]
Locate = Callable[[str, Path], Where]
Kind = Literal[
    "decision",
    "encounter",
    "epoch",
    "product",
    "role",
    "site",
    "form",
    "item",
    "criterion",
    "map",
    "factor",
]

_KINDS: Mapping[Kind, Text] = {
    "decision": Text("decision", "décision"),
    "encounter": Text("encounter", "visite"),
    "epoch": Text("epoch", "période"),
    "product": Text("product", "produit"),
    "role": Text("role", "rôle"),
    "site": Text("site", "centre"),
    "form": Text("form", "formulaire"),
    "item": Text("item", "donnée de formulaire"),
    "criterion": Text("criterion that a person judges", "critère jugé par une personne"),
    "map": Text("form with a body map", "formulaire avec carte du corps"),
    "factor": Text("factor of stratification", "facteur de stratification"),
}


class Places(Struct, frozen=True):
    """A study and the place of each of its parts."""

    study: Study
    locate: Locate

    def at(self, file: str, *path: str | int) -> Where:
        """Where a part of a file stands."""
        return self.locate(file, path)

    def item(self, name: str) -> Item | Derivation | None:
        """The item or derived value that `form.item` names, if there is one."""
        form, _, item = name.partition(".")
        return part_of(self.study.forms.get(form), item)

    @property
    def items(self) -> tuple[str, ...]:
        """Every item and derived value of the study, as `form.item`."""
        return tuple(f"{f}.{i}" for f, form in self.study.forms.items() for i in names_of(form))


def file_of(form: Form) -> str:
    """The file that a form stands in."""
    return f"forms/{form.form}.yaml"


def names_of(form: Form) -> tuple[str, ...]:
    """The items of a form and what it derives."""
    return (*form.items, *form.derive)


def part_of(form: Form | None, name: str) -> Item | Derivation | None:
    """The item or derived value of this name."""
    return None if form is None else form.items.get(name) or form.derive.get(name)


def check_known(name: str, known: Iterable[str], *, kind: Kind, where: Where) -> Iterator[Problem]:
    """Yield a problem if a name is not among the known ones; the likeliest is shown first."""
    names = list(known)
    if name not in names:
        near = get_close_matches(name, names, 3)
        listed = ", ".join((near or names)[:12]) or "-"
        yield problem("EQ-S020", where, kind=_KINDS[kind], name=name, known=listed)


def check_order(low: float, high: float, *, where: Where) -> Iterator[Problem]:
    """Yield a problem if a span begins after its end."""
    if low > high:
        yield problem("EQ-S022", where, low=f"{low:g}", high=f"{high:g}")
