"""The report of a trial: blinded, with arms that mean nothing, or with the code opened."""

import datetime as dt
import string
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

import msgspec

from equipoise.analysis import DummyArms, draw_dummy_arms, write_report
from equipoise.analysis.adverse import Received
from equipoise.analysis.exposure import COLUMNS, Treatment, list_treatments, received_of
from equipoise.analysis.report import check_unblinding
from equipoise.cli.copying.recording import UNRECORDED, Taking
from equipoise.cli.rehearsing import cells_beside, running_vault
from equipoise.cli.tracing import read_cells
from equipoise.conduct import RunningTrial, TrialState, check_opened
from equipoise.exchange import Listing
from equipoise.ledger import merkle_root
from equipoise.problems import Language, Problem, Refused, problem
from equipoise.study.roles import Role
from equipoise.study.study import Study
from equipoise.vault import VaultClient, read_token


def write_trial_report(
    trial: RunningTrial,
    path: Path,
    *,
    language: Language = "en",
    vault: Path | None = None,
    cells: Path | None = None,
    by: str = "",
    dummy_seed: int | None = None,
    taking: Taking = UNRECORDED,
) -> None:
    """Write the report as one new HTML file.

    With `vault` it is by arm and by treatment received, with `dummy_seed` by arms drawn at random.
    What was received comes from `cells`, the cell unit's ledger, or the one beside the vault; only
    where there is none, from the arms, and then the report says so. `taking` records the copy.

    Raises:
        Refused: there is a file already or none can be made, the data are not locked, or this
            person may not know an arm. Then the vault was not asked.
    """
    if path.exists():
        raise Refused([problem("EQ-X002", str(path), file=path.name)])
    state, dummy = trial.state, _dummy_arms(trial, dummy_seed)
    arms, treatments, received = None, None, None
    if vault is not None:
        found = check_opening(trial.study, state, by=by, dummy=dummy)
        if found:
            raise Refused(found)
        arms = open_code(vault, state, by=by)
        treatments = find_treatments(trial, arms, cells=cells or cells_beside(vault))
        received = _planned(trial.study, arms) if treatments is None else received_of(treatments)
    write_report(
        trial.study,
        state,
        path=path,
        language=language,
        seal=merkle_root(trial.store.heads()),
        realm=trial.realm,
        generated_at=dt.datetime.now(dt.UTC),
        arms=arms,
        received=received,
        treatments=treatments,
        dummy=dummy,
        mark=taking.mark,
        finish=taking.finish,
    )


def list_received(trial: RunningTrial, *, vault: Path, cells: Path | None, by: str) -> Listing:
    """Each infusion as randomized, as dispensed and as received, one row each, after the lock.

    Raises:
        Refused: this person may not know an arm yet, or the cell unit's ledger is not there.
    """
    if found := check_opening(trial.study, trial.state, by=by, dummy=None):
        raise Refused(found)
    place = cells or cells_beside(vault)
    if not place.exists():
        raise Refused([problem("EQ-L024", str(place))])
    treatments = find_treatments(trial, open_code(vault, trial.state, by=by), cells=place)
    rows = (msgspec.structs.astuple(t) for t in treatments or ())
    return Listing(
        name="listing.treatments",
        columns=COLUMNS,
        rows=tuple(tuple(" ".join(x) if isinstance(x, tuple) else x for x in row) for row in rows),
    )


def find_treatments(
    trial: RunningTrial, arms: Mapping[str, str], *, cells: Path
) -> tuple[Treatment, ...] | None:
    """What the three records say of each infusion; None where no cell unit keeps one."""
    if not cells.exists():
        return None
    held = read_cells(trial, cells)
    return list_treatments(trial.study, trial.state, arms=arms, cells=held)


def _planned(study: Study, arms: Mapping[str, str]) -> Received:
    """What the arms give, for want of a record of what went in."""
    return {
        (number, encounter): product
        for number, arm in arms.items()
        for encounter, product in study.identity.arms[arm].gives.items()
    }


def check_opening(
    study: Study, state: TrialState, *, by: str, dummy: DummyArms | None
) -> tuple[Problem, ...]:
    """Whether the code may be opened now, by this person: asked before the vault is."""
    found = check_unblinding(state, arms={}, received=None, dummy=dummy)
    if state.locked is not None:
        found += check_opened(study, state)
    person = state.people.get(by)
    if person is None or not person.is_active:
        return (*found, problem("EQ-C001", by, person=by))
    if person.role != Role.UNBLINDED_STATISTICIAN:
        return (*found, problem("EQ-C002", by, act="report --vault", role=person.role))
    return found


def open_code(vault: Path, state: TrialState, *, by: str) -> dict[str, str]:
    """The arm of every number, from the vault's own process; it logs who asked and who agreed.

    Raises:
        Refused: it is the vault of another list.
    """
    with running_vault(vault) as process:
        client = VaultClient(process.socket_path, read_token(vault, "unblind"))
        check_vault_of(state, client, place=vault)
        assigned = client.open_list(by=by, reason="analysis after the lock", **agreed_on(state))
        return {a.number: a.arm for a in assigned}


def check_vault_of(state: TrialState, client: VaultClient, *, place: str | Path) -> None:
    """The vault holds the list that this trial committed to: asked before anything is opened.

    Raises:
        Refused: another one, of which what was agreed here says nothing.
    """
    if client.commitment() != state.commitment:
        raise Refused([problem("EQ-V015", str(place))])


class Agreed(TypedDict):
    """Who agreed that the code is opened, and the digest of the populations they signed."""

    agreed: tuple[str, ...]
    populations: str


def agreed_on(state: TrialState) -> Agreed:
    """What two people agreed on; `check_opening` comes before."""
    signed, agreed = state.populations, state.unblinding
    assert signed is not None and agreed is not None
    return {"agreed": (signed.stamp.by, agreed.stamp.by), "populations": signed.digest}


def _dummy_arms(trial: RunningTrial, seed: int | None) -> DummyArms | None:
    if seed is None:
        return None
    labels = string.ascii_uppercase[: len(trial.study.identity.arms)]
    return draw_dummy_arms(trial.state, labels=tuple(labels), seed=seed)
