"""From the plan of a study folder to what its vault draws from."""

from msgspec.structs import replace

from equipoise.randomization.specification import Specification
from equipoise.randomization.strata import strata_of
from equipoise.study.protocol import Identity, RandomizationPlan


def specify(identity: Identity, plan: RandomizationPlan) -> Specification:
    """The specification of a study's allocation, in a rehearsal as in the live trial."""
    settings = settings_of(plan, tuple(identity.arms), planned=identity.planned_participants)
    return replace(settings, study=identity.study, strata=strata_of(plan, identity.sites))


def stand_in_for(told: Specification) -> Specification:
    """What a rehearsal draws from: one block for all where the live list is made elsewhere."""
    if told.scheme != "imported":
        return told
    return replace(told, scheme="random_allocation_rule", digest="")


def settings_of(plan: RandomizationPlan, arms: tuple[str, ...], *, planned: int) -> Specification:
    """What a plan says of the draw itself, without its study and strata.

    An arm with a share of 0 is closed: nobody is allocated to it.
    """
    shares = [*zip(arms, plan.ratio, strict=False)]
    is_whole = len(arms) == len(plan.ratio)
    return Specification(
        study="",
        arms=tuple(arm for arm, share in shares if share) if is_whole else arms,
        ratio=tuple(share for _, share in shares if share) if is_whole else plan.ratio,
        blocks=plan.blocks,
        n_planned=planned,
        scheme=plan.scheme,
        block_order=plan.block_order,
        tolerance=plan.tolerance,
        lambda_=plan.lambda_,
        probability=_decimal(plan.probability),
        floor=_decimal(plan.floor),
        digest=plan.digest,
        leaves_out=plan.leaves_out or (),
    )


def _decimal(value: float) -> str:
    """As the folder has it: the shortest decimal of this number, so that chances are exact."""
    return repr(value) if value else ""
