"""From a study to its vault: what is drawn, and what each arm receives."""

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from equipoise.problems import Refused, problem
from equipoise.randomization import UNSTRATIFIED, Specification
from equipoise.rehearsal.randomness import Randomness
from equipoise.study.study import Study
from equipoise.vault import Vault, create_vault

NatureOf = Callable[[str, str], str]
"""`nature(number, encounter)`: the product that a virtual body received, or nothing."""


class VaultContents(Struct, frozen=True):
    """What a vault is made from: the list to draw, and what each arm receives when."""

    specification: Specification
    contents: Mapping[str, Mapping[str, str]]


def vault_contents(study: Study) -> VaultContents:
    """What the vault of a study holds, in a rehearsal as in the live trial.

    Raises:
        Refused: the study has no plan to randomize.
    """
    identity = study.identity
    plan = identity.randomization
    if plan is None:
        raise Refused([problem("EQ-R002", identity.study)])
    specification = Specification(
        study=identity.study,
        arms=tuple(identity.arms),
        ratio=plan.ratio,
        blocks=plan.blocks,
        n_planned=identity.planned_participants,
        strata=tuple(identity.sites) if "site" in plan.stratify else (UNSTRATIFIED,),
    )
    return VaultContents(specification, {name: arm.gives for name, arm in identity.arms.items()})


def prepare_rehearsal_vault(study: Study, directory: str | Path, *, seed: int) -> str:
    """Make the vault of a rehearsal; the same seed draws the same list. Returns its commitment."""
    made = vault_contents(study)
    return create_vault(
        directory,
        made.specification,
        contents=made.contents,
        realm="rehearsal",
        seed=Randomness(seed).of("vault").digest(),
    )


def nature_from(study: Study, vault: Vault) -> NatureOf:
    """What virtual bodies received, from a vault opened with the token `nature`."""
    known: dict[str, str] = {}

    def nature(number: str, encounter: str) -> str:
        if number not in known:
            known[number] = vault.nature(number)
        return study.identity.arms[known[number]].gives.get(encounter, "")

    return nature
