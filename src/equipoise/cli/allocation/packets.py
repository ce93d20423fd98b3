"""`equipoise packets`: print sealed packets, enter those that were opened, list where each is."""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import click

from equipoise.cli.allocation.vaulting import client_by
from equipoise.cli.answering import DONE, as_json, json_option, show_problems
from equipoise.cli.keeping import FOLDER, OLD_FILE, store_option, vault_option
from equipoise.problems import LANGUAGES, Language, Refused, problem
from equipoise.study.roles import Role

if TYPE_CHECKING:
    from equipoise.conduct import TrialState
    from equipoise.vault import VaultClient


@click.group()
def packets() -> None:
    """Sealed packets for the hours in which nothing answers."""


@packets.command("print")
@click.argument("directory", type=FOLDER)
@store_option
@vault_option
@click.option("--token", required=True, type=OLD_FILE, help="The file packets.token.")
@click.option("--site", required=True, help="The site that keeps them.")
@click.option("--stratum", default="", help="The stratum, where the study has any.")
@click.option("-n", "n", default=0, help="How many to randomize; each has one to break its code.")
@click.option("--batch", default=0, help="Print this batch again, as it was.")
@click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True)
@click.option("--by", required=True, help="The unblinded statistician who prints.")
@click.option("--reason", required=True, help="Why; the vault logs it.")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder on the unblinded side for the PDFs; made if need be.",
)
def print_(
    directory: Path,
    store: str | Path,
    socket: str | Path,
    token: Path,
    site: str,
    stratum: str,
    n: int,
    batch: int,
    language: Language,
    by: str,
    reason: str,
    output: Path,
) -> int:
    """Print packets for a site; without -n those that break the codes of numbers given so far.

    Whoever prints sees arms. Each PDF has two pages a packet: the outside, then what goes in.
    """
    from equipoise.cli.folders import load_checked
    from equipoise.cli.reporting import check_vault_of
    from equipoise.cli.trials import running_trial
    from equipoise.conduct import record_packets
    from equipoise.conduct.door import at_record, refuse_if
    from equipoise.conduct.rules import check_amending
    from equipoise.exchange.packets import print_packets

    study = load_checked(directory)
    trial = running_trial(store, study=study)
    if site not in study.identity.sites:
        raise Refused([problem("EQ-V154", site, most=99)])
    _refuse_blinded(trial.state, by)
    if n:  # they would be out when the vault is amended
        refuse_if(check_amending(trial.state, where=at_record(site)))
    client = client_by(socket, token)
    check_vault_of(trial.state, client, place=socket)
    _refuse_older(trial.state, client)
    _make(output)
    now = dt.datetime.now(dt.UTC)
    printed = client.print_packets(site, stratum=stratum, n=n, batch=batch, by=by, reason=reason)
    rows = client.packets()
    record_packets(trial, rows, at=now)
    at = next(row.at for row in rows if row.batch == printed.batch)
    papers = print_packets(
        study, printed, at=at, is_rehearsal=trial.realm == "rehearsal", language=language
    )
    _write(papers, output)
    for name in papers:
        click.echo(str(output / name))
    click.echo(f"Batch {printed.batch}: {len(printed.packets)} packets for site {printed.site}.")
    if printed.root:
        click.echo(f"Commitment to their numbers: {printed.root}")
    return DONE


@packets.command()
@click.argument("directory", type=FOLDER)
@store_option
@vault_option
@click.option("--token", required=True, type=OLD_FILE, help="The file assign.token.")
@click.option("--participant", required=True, help="For whom it was opened.")
@click.option("--scanned", required=True, help="Packet and code, as the inner sheet has them.")
@click.option("--opened-at", required=True, help="When: 2026-11-29T21:05, of this machine's zone.")
@click.option("--opened-by", required=True, help="User name, or the name of somebody else.")
@click.option("--by", required=True, help="Who enters it: a person of the trial.")
@click.option("--reason", required=True, help="Why a packet was needed.")
@click.option("--as-it-is", is_flag=True, help="Even if something should have stopped it.")
def enter(
    directory: Path,
    store: str | Path,
    socket: str | Path,
    token: Path,
    participant: str,
    scanned: str,
    opened_at: str,
    opened_by: str,
    by: str,
    reason: str,
    as_it_is: bool,
) -> int:
    """Enter a packet that was opened while nothing answered; once, however often it is asked."""
    from equipoise.cli.folders import load_checked
    from equipoise.cli.trials import running_trial
    from equipoise.conduct import enter_packet
    from equipoise.vault.packets.deriving import split_scanned
    from equipoise.vault.packets.messages import OpenedPacket

    packet, code = split_scanned(scanned)
    try:
        at = dt.datetime.fromisoformat(opened_at)
    except ValueError:
        raise click.BadParameter("no date with a time", param_hint="--opened-at") from None
    told = OpenedPacket(
        packet=packet,
        code=code,
        participant=participant,
        opened_at=at if at.tzinfo else at.astimezone(),
        opened_by=opened_by,
        by=by,
        reason=reason,
    )
    trial = running_trial(store, study=load_checked(directory), vault=client_by(socket, token))
    enter_packet(trial, told, at=dt.datetime.now(dt.UTC), as_it_is=as_it_is)
    number = trial.state.participants[participant].number
    click.echo(f"{packet} is entered for {participant}, who has the number {number}.")
    return DONE


@packets.command("list")
@store_option
@json_option
def list_(store: str | Path, is_json: bool) -> int:
    """Every packet and where it stands; those of which nobody knows are named."""
    from equipoise.cli.trials import running_trial
    from equipoise.conduct import list_packets
    from equipoise.conduct.standing import check_accounted

    state = running_trial(store, read_only=True).state
    rows = [
        {
            "packet": line.packet.packet,
            "site": line.packet.site,
            "kind": line.packet.kind,
            "stands": line.stands,
            "participant": line.participant.code if line.participant else "",
            "opened_at": line.use.opened_at.isoformat() if line.use else "",
            "entered_at": line.use.stamp.at.isoformat() if line.use else "",
            "is_out_of_order": line.is_out_of_order,
        }
        for line in list_packets(state)
    ]
    if is_json:
        as_json({"packets": rows})
        return DONE
    for row in rows:
        early = "out of order" if row.pop("is_out_of_order") else ""
        click.echo("  ".join(str(x) for x in (*row.values(), early) if x))
    show_problems(check_accounted(state))
    return DONE


def _refuse_blinded(state: "TrialState", by: str) -> None:
    person = state.people.get(by)
    if person is None or not person.is_active or person.role != Role.UNBLINDED_STATISTICIAN:
        raise Refused([problem("EQ-C136", by, by=by)])


def _refuse_older(state: "TrialState", client: "VaultClient") -> None:
    """A vault that was restored from before a batch would give its name to another one."""
    batches = {p.batch for p in state.packets.values()}
    lost = sorted(batches - {row.batch for row in client.packets()})
    if lost:
        raise Refused([problem("EQ-V151", str(batch), batch=batch) for batch in lost])


def _make(folder: Path) -> None:
    """A folder that can be written to, before anything is drawn."""
    from equipoise.cli.folders import not_writable

    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise not_writable(folder, error) from None


def _write(papers: dict[str, bytes], output: Path) -> None:
    """Files for their owner alone; none is ever written over. What is lost is printed again."""
    from equipoise.cli.folders import not_writable

    taken = [name for name in papers if (output / name).exists()]
    if taken:
        raise Refused([problem("EQ-X002", str(output / name), file=name) for name in taken])
    try:
        for name, paper in papers.items():
            (output / name).touch(mode=0o600)
            (output / name).write_bytes(paper)
    except OSError as error:
        raise not_writable(output, error) from None
