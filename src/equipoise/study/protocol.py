"""The protocol as immutable data: what is studied, in whom, by which arms, when and with what.

Every type here is one piece of a study folder; the published JSON Schema is made from them.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from equipoise.problems import Text, Where
from equipoise.study.roles import Role

Identifier = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
"""What an expression can name: no hyphen, which it would read as a minus."""
SiteCode = Annotated[str, Meta(pattern=r"^[A-Za-z0-9]{1,8}$")]
Count = Annotated[int, Meta(ge=0)]
Resumer = Literal["dsmb", "safety_officer"]
"""Who can be asked to agree before a paused trial goes on: the board, and the sponsor's officer."""
Positive = Annotated[float, Meta(gt=0)]
Rounding = Literal["half_even", "half_up", "up", "down"]


class Piece(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of a study folder; unknown keys are problems, never ignored."""


class Sponsor(Piece, frozen=True, kw_only=True):
    """Who is responsible for the trial."""

    name: str
    kind: Literal["academic", "industry", "government", "other"] = "other"


class StudyArm(Piece, frozen=True, kw_only=True):
    """A planned path of participants (USDM StudyArm): which product at which encounter."""

    type: Literal["experimental", "active_comparator", "placebo", "no_intervention", "other"]
    label: Text
    gives: Mapping[Identifier, Identifier] = {}
    description: Text | None = None


class Masking(Piece, frozen=True, kw_only=True):
    """Who does not know the arm: the registry's word and the roles it stands for.

    `telltale` are items, as `form.item`, that could tell what was given: outcome assessors neither
    see nor enter them.
    """

    schema: Literal["none", "single", "double", "triple", "quadruple"]
    masked: tuple[str, ...] = ()
    telltale: tuple[str, ...] = ()


class Factor(Piece, frozen=True, kw_only=True):
    """What participants are stratified by: exactly one level's condition is true of each."""

    label: Text
    levels: Mapping[Identifier, str]


class CodeBreakBound(Piece, frozen=True, kw_only=True):
    """How much may be known of everybody else once the code of so many participants was broken.

    Shares of their arms, averaged over who is broken: `guessed` rightly, and known as `certain`.
    """

    breaks: Annotated[int, Meta(ge=1)]
    guessed: Annotated[float, Meta(gt=0, le=1)]
    certain: Annotated[float, Meta(ge=0, le=1)] = 0.0


class RandomizationPlan(Piece, frozen=True, kw_only=True):
    """How participants are allocated. What else a scheme needs, and no more, is given with it.

    permuted_blocks: `blocks`, in turn or drawn (`block_order: random`); big_stick: `tolerance`;
    block_urn: `lambda`; biased_coin: `probability`; minimization: `probability`, `floor`, the least
    chance of an arm, and `leaves_out`, who does not count (empty: all do); imported: `digest`, the
    SHA-256 of the signed list. A share of 0 in `ratio` closes the arm.
    """

    scheme: Literal[
        "permuted_blocks",
        "complete",
        "random_allocation_rule",
        "big_stick",
        "block_urn",
        "biased_coin",
        "minimization",
        "imported",
    ]
    ratio: tuple[Count, ...]
    blocks: tuple[Annotated[int, Meta(ge=1)], ...] = ()
    block_order: Literal["in_turn", "random"] = "in_turn"
    tolerance: Count = 0
    lambda_: Count = field(default=0, name="lambda")
    probability: Annotated[float, Meta(ge=0, le=1)] = 0.0
    floor: Annotated[float, Meta(ge=0, le=1)] = 0.0
    digest: str = ""
    stratify: tuple[Identifier, ...] = ()
    factors: Mapping[Identifier, Factor] = {}
    after_breaks: CodeBreakBound | None = None
    leaves_out: tuple[Literal["withdrawn", "in_error"], ...] | None = None


class Site(Piece, frozen=True, kw_only=True):
    """A place where participants are seen; `time_zone` such as Europe/Paris says when its day is.

    Delegations and trainings of who works there hold by that day; without a zone by that of UTC.
    """

    label: Text
    country: str = ""
    time_zone: str = ""


class Population(Piece, frozen=True, kw_only=True):
    """Whom the registry says may take part; the criteria decide, this is checked against them."""

    minimum_age: str = ""
    maximum_age: str = ""
    sex: Literal["all", "female", "male", ""] = ""
    healthy_volunteers: bool | None = None


class Training(Piece, frozen=True, kw_only=True):
    """What these roles are trained in before they act, and again after so many months (0: once)."""

    label: Text
    by: tuple[Role, ...]
    months: Count = 0


class Identity(Piece, frozen=True, kw_only=True):
    """`study.yaml`: what the trial is.

    `access_review_months` and `trail_review_months` are after how many months each access, and
    each audit trail, is reviewed again; 0 where the study asks for no review.
    """

    study: Identifier
    title: Text
    identifiers: Mapping[str, str] = {}
    sponsor: Sponsor | None = None
    status: str = ""
    phase: tuple[str, ...] = ()
    purpose: str = ""
    model: str = ""
    allocation: str = ""
    planned_participants: Count = 0
    start: str = ""
    completion: str = ""
    population: Population = Population()
    arms: Mapping[Identifier, StudyArm] = {}
    masking: Masking | None = None
    randomization: RandomizationPlan | None = None
    sites: Mapping[SiteCode, Site] = {}
    roles: Mapping[Role, Text] = {}
    training: Mapping[Identifier, Training] = {}
    access_review_months: Count = 0
    trail_review_months: Count = 0


class Window(Piece, frozen=True, kw_only=True):
    """How many days before and after its planned day an encounter may take place."""

    before: Count = 0
    after: Count = 0


class Epoch(Piece, frozen=True, kw_only=True):
    """A period of the trial (USDM StudyEpoch)."""

    label: Text


class Encounter(Piece, frozen=True, kw_only=True):
    """A planned contact (USDM Encounter): either a day with its window, or a span of days.

    `when` is a condition on the participant: where it is false, the encounter is not expected.
    """

    label: Text
    epoch: Identifier
    when: str = ""
    day: int | None = None
    days: tuple[int, int] | None = None
    window: Window = Window()


class Schedule(Piece, frozen=True, kw_only=True):
    """`schedule.yaml`: the planned encounters, counted in days from day zero."""

    day_zero: Literal["first_infusion", "randomization", "consent"] = "randomization"
    epochs: Mapping[Identifier, Epoch] = {}
    encounters: Mapping[Identifier, Encounter] = {}


class Dose(Piece, frozen=True, kw_only=True):
    """An amount per kilogram of body weight, and every choice on the way from it to a volume.

    `counts` says which cells the amount means. The weight is rounded to `weight_step_kg` (0: as it
    was entered) and counts as `capped_at_kg` at most; a volume is rounded to `volume_step_ml`; both
    are as `rounding` says. With `final_volume_ml` every infusion is made up to it, so that its
    volume tells nothing.
    """

    per_kg: Positive
    unit: Text | str
    counts: Literal["viable", "total"] = "viable"
    weight: str = "vital_signs.weight"
    weight_within_days: Count = 0
    weight_range: tuple[float, float] = (30.0, 200.0)
    weight_step_kg: Annotated[float, Meta(ge=0)] = 0
    capped_at_kg: Positive | None = None
    volume_step_ml: Positive = 0.1
    rounding: Rounding = "half_even"
    final_volume_ml: Positive | None = None


class Bag(Piece, frozen=True, kw_only=True):
    """The container as the maker delivers it; viability is the fraction alive after thaw."""

    cells_per_ml: Positive
    volume_ml: Positive
    viability: Annotated[float, Meta(gt=0, le=1)]


class ReleaseTest(Piece, frozen=True, kw_only=True):
    """One line of a product's specification: a test, its method, its limit, when and what for.

    A number is held to `at_least` and `at_most`, a code of `choices` to `equals`. `thaw` tests are
    of each bag after thawing. What `may_follow` may come after a conditional release.
    """

    id: Identifier
    label: Text
    method: Text | None = None
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None
    choices: Mapping[Identifier, Text] = {}
    equals: str = ""
    at: Literal["release", "thaw"] = "release"
    decides: bool = True
    may_follow: bool = False


class Product(Piece, frozen=True, kw_only=True):
    """What an infusion contains; `active` says whether it is the studied product or its placebo.

    `thaw_minutes` is how long after thawing an infusion may still end, `minutes_out` how long a bag
    may be out of its storage in all before that; 0 where the maker sets no limit.
    """

    label: Text
    active: bool
    storage: Text | None = None
    specification: tuple[ReleaseTest, ...] = ()
    thaw_minutes: Count = 0
    minutes_out: Count = 0


class Bedside(Piece, frozen=True, kw_only=True):
    """How an infusion is given: who checks it, and whether stock comes first.

    With `second_person` two people compare participant and label, and start and end are recorded.
    With `declared_stock` nobody is randomized before the cell unit has declared enough of every
    product. `give_within_minutes` is how long after it was handed out an infusion may still end,
    the same for everybody; it must be set where a product has `thaw_minutes`.
    """

    second_person: bool = False
    give_within_minutes: Count = 0
    declared_stock: bool = False


class Treatments(Piece, frozen=True, kw_only=True):
    """`treatments.yaml`: the products, the dose that every infusion is prepared for, the bags."""

    products: Mapping[Identifier, Product] = {}
    dose: Dose | None = None
    bag: Bag | None = None
    bedside: Bedside = Bedside()


class StoppingRule(Piece, frozen=True, kw_only=True):
    """A rule over counts of the whole trial, all arms together; once it is true it `does` it.

    `pause` stops randomization and infusions until the roles of `resumed_by` agree to go on;
    `notify` tells. A rule is met once: a second pause on a higher count is a rule of its own.
    """

    id: Identifier
    label: Text
    met_if: str
    does: Literal["pause", "notify"]


class SafetyPlan(Piece, frozen=True, kw_only=True):
    """`safety.yaml`: how the adverse event form is read, the clocks that start from it, and when
    the trial pauses. `of_interest` is the item that holds a code of `special_interest`."""

    form: Identifier
    term: Identifier
    onset: Identifier
    grade: Identifier
    related: Identifier
    serious_if: str
    fatal_if: str = ""
    report_within_hours: Count = 24
    of_interest: Identifier | None = None
    special_interest: Mapping[Identifier, Text] = {}
    stopping: tuple[StoppingRule, ...] = ()
    resumed_by: tuple[Resumer, ...] = ("dsmb", "safety_officer")


class Endpoint(Piece, frozen=True, kw_only=True):
    """A variable that the analysis follows over encounters, as `form.item`."""

    id: Identifier
    label: Text
    item: str
    unit: Text | None = None
    lower_is_better: bool = False


class AnalysisPopulation(Piece, frozen=True, kw_only=True):
    """Who is analyzed together: `members` is true of them. Nothing in it can name an arm."""

    label: Text
    members: str


class GuessItem(Piece, frozen=True, kw_only=True):
    """Somebody's guess of what was given, as `form.item`, and which answers mean what.

    Every other answer means that they do not know.
    """

    label: Text
    item: str
    active: tuple[str, ...]
    placebo: tuple[str, ...]


class AnalysisPlan(Piece, frozen=True, kw_only=True):
    """`analysis.yaml`: the endpoints, the baseline table, the populations, the guesses."""

    endpoints: tuple[Endpoint, ...] = ()
    guesses: tuple[GuessItem, ...] = ()
    baseline: tuple[str, ...] = ()
    populations: Mapping[Identifier, AnalysisPopulation] = {}


class OtherReading(Piece, frozen=True, kw_only=True):
    """What eligibility.yaml would say under an option: by the id of a rule or criterion what it
    asks (`is`, `all`, `any`, `none`), by the name of a value the keys that differ."""

    rules: Mapping[str, Any] = {}
    values: Mapping[Name, Any] = {}


class Option(Text, frozen=True, forbid_unknown_fields=True):
    """One answer to a decision, and what it puts in place of what the folder assumes."""

    use: OtherReading | None = None


class Decision(Piece, frozen=True, kw_only=True):
    """`decisions.yaml`: one choice, its options, and who made it, when and why.

    `uncounted` says of a decision on eligibility why nobody can count for whom its options matter,
    those left aside that can be executed. It reads on from "because".
    """

    id: Identifier
    question: Text
    because: Text
    options: Mapping[str, Option] = {}
    status: Literal["open", "decided", "waived"] = "open"
    choice: str = ""
    by: str = ""
    on: dt.date | None = None
    why: str = ""
    affects: tuple[str, ...] = ()
    uncounted: Text | None = None


class Assumption(Piece, frozen=True, kw_only=True):
    """A value of the folder that rests on a decision: `{decision: ratio, assume: [1, 1]}`."""

    decision: str
    path: str
    value: object
    is_decided: bool
    where: Where
