"""The first study, rehearsed whole from its folder, with its vault as it would run."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from equipoise.analysis import tabulate_populations
from equipoise.conduct import RunningTrial, TrialState, assess_participant, check_folder
from equipoise.ledger import SqliteStore, open_store, verify
from equipoise.problems import Refused
from equipoise.rehearsal import Rehearsal, nature_from, prepare_rehearsal_vault, rehearse
from equipoise.study.study import Study
from equipoise.vault import VaultClient, read_token, start_vault

FOLDER = Path(__file__).parents[2] / "studies" / "nct06722105"
Came = tuple[Study, Rehearsal, SqliteStore]


@pytest.fixture(scope="module")
def came(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Came]:
    """The study from its folder, rehearsed into a file beside a vault process."""
    study = check_folder(FOLDER).study
    assert study is not None
    directory = tmp_path_factory.mktemp("rehearsal")
    prepare_rehearsal_vault(study, directory / "vault", seed=2026)
    store = open_store(
        directory / "trial.db", study=study.identity.study, realm="rehearsal", create=True
    )
    with start_vault(directory / "vault") as process:
        tokens = {n: read_token(directory / "vault", n) for n in ("assign", "nature")}  # type: ignore[arg-type]
        rehearsal = rehearse(
            study,
            store=store,
            vault=VaultClient(process.socket_path, tokens["assign"]),
            nature=nature_from(study, VaultClient(process.socket_path, tokens["nature"])),
            seed=2026,
        )
    yield study, rehearsal, store
    store.close()


def state_of(came: Came) -> TrialState:
    study, _, store = came
    return RunningTrial(study, store).state


def test_eighteen_are_randomized_six_to_each_arm(came: Came) -> None:
    """The planned number, in balance, in less than a minute, from the opening to the lock."""
    _, rehearsal, _ = came
    state = state_of(came)

    assert rehearsal.randomized == 18
    assert set(rehearsal.by_arm.values()) == {6} and len(rehearsal.by_arm) == 3
    assert rehearsal.screened > 18
    assert rehearsal.seconds < 60
    assert state.locked is not None
    assert state.seals[-1].root == rehearsal.seal


def test_the_trial_refuses_nothing_of_it(came: Came) -> None:
    """Every form, judgement and infusion that the study asks for is one that it accepts."""
    _, rehearsal, _ = came

    assert [str(p) for p in rehearsal.refused] == []


def test_the_ledger_verifies_and_is_in_the_order_of_time(came: Came) -> None:
    """What was rehearsed is on record, whole and in order."""
    _, rehearsal, store = came
    entries = list(store.read())

    assert verify(store).ok
    assert len(entries) == rehearsal.entries
    assert all(a.at <= b.at for a, b in itertools.pairwise(entries))


def test_every_form_of_the_study_was_entered(came: Came) -> None:
    """Nothing of the folder stays untried: each form occurs, adverse events included."""
    study, _, _ = came
    entered = {key[1] for p in state_of(came).participants.values() for key in p.forms}

    assert entered == set(study.forms)


def test_doses_follow_the_weight_of_the_day(came: Came) -> None:
    """Two million cells for each kilogram, given once at each infusion encounter attended."""
    study, _, _ = came
    infusions = [i for p in state_of(came).randomized for i in p.infusions.values()]

    assert len(infusions) > 30
    assert all(i.status == "given" for i in infusions)
    assert all(i.target_cells == round(2_000_000 * i.weight_kg) for i in infusions)
    assert {i.encounter for i in infusions} == set(study.infusion_encounters)


def test_each_population_has_the_members_that_its_rule_names(came: Came) -> None:
    """Counted again by hand from the state; everybody can be told at the end."""
    study, _, _ = came
    state = state_of(came)
    rows = {row.name: row for row in tabulate_populations(study, state).rows}
    given = {
        p.code: sum(i.status == "given" for i in p.infusions.values()) for p in state.randomized
    }
    assert state.locked is not None
    on = state.locked.at.date()
    verdicts = {p.code: assess_participant(study, p, on=on) for p in state.randomized}
    both = {c for c, n in given.items() if n == 2 and verdicts[c].status == "eligible"}

    assert set(rows["randomized"].members) == set(given)
    assert set(rows["treated"].members) == {c for c, n in given.items() if n}
    assert set(rows["per_protocol"].members) == both
    assert 0 < len(both) < len(given)
    assert [row.unclear for row in rows.values()] == [(), (), ()]


def test_the_trial_does_not_pause_itself(came: Came) -> None:
    """No virtual event is so grave; conditions keep the contraception form from whom it spares."""
    state = state_of(came)
    asked = {p.code for p in state.randomized if any(k[1] == "contraception" for k in p.forms)}
    able = {
        p.code
        for p in state.randomized
        if p.forms["screening", "demography", 0].values["may_conceive"]
    }

    assert [name for name, met in state.met.items() if met.does == "pause"] == []
    assert asked == able
    assert 0 < len(able) < len(state.randomized)


def test_the_store_holds_no_arm(came: Came) -> None:
    """No name of an arm or a product is anywhere in the ledger of the blinded side."""
    study, _, store = came
    written = b"".join((e.body or b"") + e.reason.encode() for e in store.read())
    names = {*study.identity.arms, *(p for p in study.treatments.products if p != "cells")}

    assert [n for n in names if n.encode() in written] == []


def test_a_second_rehearsal_into_the_same_store_is_refused(came: Came) -> None:
    """A rehearsal starts on an empty store; what is there stays."""
    study, rehearsal, store = came
    with pytest.raises(Refused):
        rehearse(study, store=store, vault=VaultClient("nowhere"), nature=lambda *_: "", seed=1)

    assert sum(1 for _ in store.read()) == rehearsal.entries
