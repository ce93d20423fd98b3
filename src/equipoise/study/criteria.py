"""Eligibility as data: named values, and each criterion of the record with its own number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, convert, field
from msgspec.structs import replace

from equipoise.problems import Text
from equipoise.study.protocol import Count, Name, OtherReading, Piece, Positive
from equipoise.study.roles import Role


class ValueDefinition(Piece, frozen=True, kw_only=True):
    """A named value: taken `from` an item, or computed by the expression `value`.

    `within_days` is how old an observation may be at the reference date; `plausible` bounds what
    is believed; `pick` says which of several observations counts. `analyte` names the substance by
    whose molar mass mass and amount concentrations convert.
    """

    from_: str = field(default="", name="from")
    value: str = ""
    unit: str = ""
    analyte: str = ""
    plausible: tuple[float, float] | None = None
    within_days: Count | None = None
    pick: Literal["latest", "first"] = "latest"
    label: Text | None = None


class Judgement(Piece, frozen=True, kw_only=True):
    """A question that only a person can answer; the answer expires after `valid_days`."""

    ask: Text
    by: tuple[Role, ...]
    valid_days: Count | None = None


class Rule(Piece, frozen=True, kw_only=True):
    """A part of a criterion. It has exactly one of `is`, `all`, `any`, `none`, `judgement`, `gap`.

    A rule under `all`, `any` or `none` may be a bare expression instead. Beside `is`, `attest` is
    what a person is asked where the recorded values are not precise enough to tell.
    """

    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$")] = ""
    text: Text | None = None
    is_: str = field(default="", name="is")
    all_: tuple[Rule | str, ...] = field(default=(), name="all")
    any_: tuple[Rule | str, ...] = field(default=(), name="any")
    none_: tuple[Rule | str, ...] = field(default=(), name="none")
    attest: Judgement | None = None
    judgement: Judgement | None = None
    gap: str = ""
    assume: Literal["", "not_applicable"] = ""


class Criterion(Rule, frozen=True, kw_only=True):
    """One numbered criterion of the record (USDM EligibilityCriterion).

    `record` is the source's own text where a draft kept it; `review` lists what a person must look
    at before the rule counts; `decisions` names the readings that this rule rests on.
    `may_override` says that two people may let somebody in who does not satisfy it.
    """

    number: Annotated[str, Meta(pattern=r"^[0-9]+[A-Za-z0-9.]*$")]
    when: str = ""
    record: str = ""
    review: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()
    may_override: bool = False


class Eligibility(Piece, frozen=True, kw_only=True):
    """`eligibility.yaml`: the reference date, the named values, both lists.

    `analytes` gives molar masses in g/mol, beside those that every study knows.
    """

    reference_date: Literal["consent", "screening", "randomization"] = "randomization"
    values: Mapping[Name, ValueDefinition] = {}
    analytes: Mapping[Name, Positive] = {}
    inclusion: tuple[Criterion, ...] = ()
    exclusion: tuple[Criterion, ...] = ()


def find_rules(eligibility: Eligibility) -> dict[str, Rule]:
    """Every criterion by its id, such as `I5`, and every rule that has one."""
    found: dict[str, Rule] = {}
    for letter, criteria in (("I", eligibility.inclusion), ("E", eligibility.exclusion)):
        for criterion in criteria:
            found |= {rule.id: rule for rule in _inside(criterion) if rule.id}
            found[f"{letter}{criterion.number}"] = criterion
    return found


def _inside(rule: Rule) -> list[Rule]:
    parts = [p for p in (*rule.all_, *rule.any_, *rule.none_) if isinstance(p, Rule)]
    return [rule, *(r for part in parts for r in _inside(part))]


def read_otherwise(eligibility: Eligibility, reading: OtherReading) -> Eligibility:
    """The eligibility under another reading; names that it does not have change nothing.

    Raises:
        msgspec.ValidationError: for what is no rule, or no key of a value.
    """
    rules = {name: convert(rule, Rule) for name, rule in reading.rules.items()}
    values = dict(eligibility.values)
    for name in values.keys() & reading.values.keys():
        changes = convert(reading.values[name], dict[str, Any])
        convert(changes, ValueDefinition)
        values[name] = replace(values[name], **changes)
    return replace(
        eligibility,
        values=values,
        inclusion=tuple(_otherwise(c, rules, f"I{c.number}") for c in eligibility.inclusion),
        exclusion=tuple(_otherwise(c, rules, f"E{c.number}") for c in eligibility.exclusion),
    )


def _otherwise(rule: Rule, rules: Mapping[str, Rule], name: str) -> Any:
    other = rules.get(name)
    if other is not None:
        keys = ("is_", "all_", "any_", "none_", "judgement", "gap", "assume")
        return replace(rule, **{key: getattr(other, key) for key in keys})
    parts = {key: getattr(rule, key) for key in ("all_", "any_", "none_")}
    return replace(
        rule,
        **{
            key: tuple(p if isinstance(p, str) else _otherwise(p, rules, p.id) for p in inner)
            for key, inner in parts.items()
        },
    )
