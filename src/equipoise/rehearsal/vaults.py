"""From a study to its vault: what is drawn, and what each arm receives."""

from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from equipoise.problems import Refused, problem
from equipoise.randomization import Specification, specify, stand_in_for
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
    contents = {name: arm.gives for name, arm in identity.arms.items()}
    return VaultContents(specify(identity, plan), contents)


def prepare_rehearsal_vault(study: Study, directory: str | Path, *, seed: int) -> str:
    """Make the vault of a rehearsal; the same seed draws the same list. Returns its commitment.

    A list made elsewhere is for the live trial alone: one block for all stands in for it.
    """
    made = vault_contents(study)
    return create_vault(
        directory,
        stand_in_for(made.specification),
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
