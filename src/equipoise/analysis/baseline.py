"""The baseline table: who was randomized, as they were before the first infusion."""

from collections import Counter
from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from equipoise.analysis.groups import Arms, Basis, Group, form_groups
from equipoise.analysis.summary import Summary, summarize
from equipoise.analysis.texts import word
from equipoise.analysis.values import Histories, find_baseline, find_item, label_of, to_number
from equipoise.conduct.parts import Value
from equipoise.conduct.state import Participant, TrialState
from equipoise.problems import Text
from equipoise.study.forms import Derivation, Item
from equipoise.study.study import Study

_YES_NO: Mapping[Value, Text] = {True: word("yes"), False: word("no")}


class Category(Struct, frozen=True):
    """One answer and how many gave it in each group."""

    label: Text
    counts: tuple[int, ...]


class BaselineRow(Struct, frozen=True):
    """One item: a summary in each group if it is a number, else the count of each answer."""

    name: str
    label: Text
    unit: str
    n_missing: tuple[int, ...]
    summaries: tuple[Summary, ...] = ()
    categories: tuple[Category, ...] = ()


class BaselineTable(Struct, frozen=True):
    """Rows by item, columns by group."""

    basis: Basis
    labels: tuple[Text, ...]
    sizes: tuple[int, ...]
    rows: tuple[BaselineRow, ...]


def tabulate_baseline(
    study: Study, state: TrialState, *, arms: Arms = None, histories: Histories | None = None
) -> BaselineTable:
    """Everybody randomized, by group; the last value before or at the first infusion counts."""
    basis, groups = form_groups(study, state, arms)
    read = histories or Histories(study)
    return BaselineTable(
        basis=basis,
        labels=tuple(g.label for g in groups),
        sizes=tuple(len(g.members) for g in groups),
        rows=tuple(
            _tabulate(study, name, groups=groups, read=read) for name in study.analysis.baseline
        ),
    )


def _tabulate(
    study: Study, name: str, *, groups: tuple[Group, ...], read: Histories
) -> BaselineRow:
    held = [[_value_at_baseline(read, p, name) for p in g.members] for g in groups]
    known: list[list[Value]] = [[v for v in values if v is not None] for values in held]
    _, item = find_item(study, name)
    row = BaselineRow(
        name=name,
        label=label_of(study, name),
        unit=item.unit if item else "",
        n_missing=tuple(len(v) - len(k) for v, k in zip(held, known, strict=True)),
    )
    choices = _choices(item, known)
    if choices is None:
        numbers = [[n for n in map(to_number, k) if n is not None] for k in known]
        return replace(row, summaries=tuple(summarize(n) for n in numbers))
    counts = [Counter(k) for k in known]
    categories = (Category(label, tuple(c[v] for c in counts)) for v, label in choices.items())
    return replace(row, categories=tuple(categories))


def _value_at_baseline(read: Histories, person: Participant, name: str) -> Value:
    found = find_baseline(person, read.of(person, name))
    return found.value if found else None


def _choices(
    item: Item | Derivation | None, known: list[list[Value]]
) -> Mapping[Value, Text] | None:
    """The possible answers; none for words and dates, which are only counted; None for numbers."""
    if isinstance(item, Item) and item.type in ("choice", "boolean"):
        choices: Mapping[Value, Text] = dict(item.choices.items())
        return choices if item.type == "choice" else _YES_NO
    if isinstance(item, Item) and item.type in ("text", "date", "month"):
        return {}
    seen = {v for values in known for v in values}
    if seen and all(isinstance(v, bool) for v in seen):
        return _YES_NO
    if any(isinstance(v, str) for v in seen):
        return {v: Text(str(v)) for v in sorted(seen, key=str)}
    return None
