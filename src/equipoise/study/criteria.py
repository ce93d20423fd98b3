"""Eligibility as data: named values, and each criterion of the record with its own number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, field

from equipoise.problems import Text
from equipoise.study.protocol import Count, Name, Piece, Positive
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
