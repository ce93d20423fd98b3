"""`equipoise amend` and `equipoise vault amend`: a running trial comes to randomize otherwise."""

import datetime as dt
from pathlib import Path

import click

from equipoise.cli.allocation import vaulting
from equipoise.cli.answering import DONE
from equipoise.cli.keeping import FOLDER, OLD_FILE, store_option, vault_option

in_force_option = click.option(
    "--study", "in_force", required=True, type=FOLDER, help="The study folder now in force."
)
by_option = click.option("--by", required=True, help="Who does it: a person of the trial.")


@click.group()
def amend() -> None:
    """Change how a running trial randomizes: one asks, another agrees, the vault begins a part.

    In this order: `amend request`, `amend confirm`, `vault amend`, `amend apply`.
    """


@amend.command()
@click.argument("new", type=FOLDER)
@in_force_option
@store_option
@by_option
@click.option("--reason", required=True, help="Why the trial changes; it stands in the ledger.")
def request(new: Path, in_force: Path, store: str | Path, by: str, reason: str) -> int:
    """Ask that the trial goes on by the folder NEW, and say what that changes."""
    from equipoise.cli.folders import load_checked
    from equipoise.cli.trials import running_trial
    from equipoise.conduct import request_amendment
    from equipoise.conduct.events import AmendmentRequested, from_entry

    trial = running_trial(store, study=load_checked(in_force))
    entry, *_ = request_amendment(
        trial, by=by, at=dt.datetime.now(dt.UTC), reason=reason, to=load_checked(new)
    )
    asked = from_entry(entry.type, entry.body or b"")
    assert isinstance(asked, AmendmentRequested)
    for key, (was, now) in asked.changes.items():
        click.echo(f"{key}: {was or '-'} -> {now or '-'}")
    anew = ", ".join(name or "all participants" for name in asked.begins_anew)
    click.echo(f"A list of its own begins for: {anew or 'nobody; every list goes on'}")
    click.echo("Asked for. A second person in another role confirms: equipoise amend confirm.")
    return DONE


@amend.command()
@click.argument("new", type=FOLDER)
@in_force_option
@store_option
@by_option
def confirm(new: Path, in_force: Path, store: str | Path, by: str) -> int:
    """Agree, as the second person, to the folder NEW; nobody is randomized until it is in force."""
    from equipoise.cli.folders import load_checked
    from equipoise.cli.trials import running_trial
    from equipoise.conduct import confirm_amendment

    trial = running_trial(store, study=load_checked(in_force))
    confirm_amendment(trial, by=by, at=dt.datetime.now(dt.UTC), digest=load_checked(new).digest)
    click.echo("Agreed by two. Stop the vault, then: equipoise vault amend.")
    return DONE


@amend.command()
@click.argument("new", type=FOLDER)
@store_option
@vault_option
def apply(new: Path, store: str | Path, socket: str | Path) -> int:
    """Publish the vault's new commitment in the ledger: from now on the trial goes by NEW."""
    from equipoise.cli.folders import load_checked
    from equipoise.cli.trials import running_trial
    from equipoise.conduct import bring_into_force
    from equipoise.vault import VaultClient

    trial = running_trial(
        store, study=load_checked(new), vault=VaultClient(socket), is_amended=True
    )
    bring_into_force(trial, at=dt.datetime.now(dt.UTC))
    click.echo(f"In force. Commitment to the allocation: {trial.state.commitment}")
    click.echo("Start the doors anew with this folder.")
    return DONE


@click.command("amend")
@click.argument("directory", type=FOLDER)
@click.argument("new", type=FOLDER)
@store_option
@vaulting.by_option
@vaulting.reason_option
@click.option(
    "--owner", type=vaulting.ADDRESS, help="For a vault in a database: its owner's address."
)
@click.option(
    "--list",
    "signed",
    type=OLD_FILE,
    help="For a study whose scheme is `imported`: the new list that was signed.",
)
def amend_parts(
    directory: Path,
    new: Path,
    store: str | Path,
    by: str,
    reason: str,
    owner: str | None,
    signed: Path | None,
) -> int:
    """Begin a new part of the list for what the agreed folder NEW changes. Stop the vault first.

    Done once it is done: asked again it tells the same commitment.
    """
    from equipoise.cli.folders import load_checked
    from equipoise.cli.serving import read_signed
    from equipoise.cli.trials import running_trial
    from equipoise.conduct.door import refuse_if
    from equipoise.conduct.standing import check_gathered
    from equipoise.problems import Refused, problem
    from equipoise.rehearsal import vault_contents
    from equipoise.vault.keeping.amending import Agreement, amend_vault

    study, trial = load_checked(new), running_trial(store, read_only=True)
    state = trial.state
    asked = state.amendment
    if asked is None or asked.confirmed is None or asked.digest != study.digest:
        raise Refused([problem("EQ-C145", str(new), digest=study.digest[:12])])
    refuse_if(check_gathered(state))
    made = vault_contents(study)
    root = amend_vault(
        directory,
        made.specification,
        contents=made.contents,
        agreement=Agreement(
            digest=study.digest,
            agreed=(asked.requested.by, asked.confirmed.by),
            commitment=state.commitment,
        ),
        by=by,
        reason=reason,
        at=dt.datetime.now(dt.UTC),
        listed=read_signed(signed, made.specification) if signed is not None else (),
        owner=owner or "",
    )
    click.echo(f"Commitment to the allocation: {root}")
    click.echo("Back the vault up, serve it again, then: equipoise amend apply.")
    return DONE
