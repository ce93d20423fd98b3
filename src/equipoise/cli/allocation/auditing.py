"""`equipoise vault open`, `prove`, `audit`: the list opened, one entry shown, all drawn again."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from equipoise.cli.answering import (
    DONE,
    PROBLEMS,
    as_json,
    json_option,
    problem_rows,
    show_problems,
)
from equipoise.cli.keeping import FOLDER, NEW_FILE, OLD_FILE, STORE, VaultPlace, store_option
from equipoise.problems import Problem, Refused, has_errors, problem

if TYPE_CHECKING:
    from equipoise.conduct import RunningTrial
    from equipoise.vault.sequence.opened import Inclusion, OpenedList


@click.command("open")
@click.argument("directory", type=FOLDER)
@click.option(
    "-o", "--output", required=True, type=NEW_FILE, help="The opened list, a new JSON file."
)
@click.option("--study", required=True, type=FOLDER, help="The trial's study folder.")
@store_option
@click.option("--by", required=True, help="The unblinded statistician who opens it.")
@click.option("--reason", required=True, help="Why; the vault logs it.")
def open_list(
    directory: Path, output: Path, study: Path, store: str | Path, by: str, reason: str
) -> int:
    """Write the whole list with its seed, after the lock; nobody is randomized from it any more."""
    from equipoise.cli.folders import load_checked, not_writable
    from equipoise.cli.rehearsing import running_vault
    from equipoise.cli.reporting import agreed_on, check_opening, check_vault_of
    from equipoise.cli.trials import running_trial
    from equipoise.vault import VaultClient, read_token

    trial = running_trial(store, study=load_checked(study), read_only=True)
    found = [*check_opening(trial.study, trial.state, by=by, dummy=None)]
    if output.exists():
        found.append(problem("EQ-X002", str(output), file=output.name))
    if found:
        raise Refused(found)
    with running_vault(directory) as process:
        client = VaultClient(process.socket_path, read_token(directory, "unblind"))
        check_vault_of(trial.state, client, place=directory)
        try:
            output.touch(mode=0o600)
        except OSError as error:
            raise not_writable(output, error) from None
        try:
            opened = client.disclose(by=by, reason=reason, **agreed_on(trial.state))
        except BaseException:
            output.unlink()  # an empty file would stand in the way of the next try
            raise
    output.write_bytes(msgspec.json.format(msgspec.json.encode(opened), indent=1) + b"\n")
    click.echo(f"{len(opened.entries)} entries, {len(opened.used)} used. Written to {output}.")
    return DONE


@click.command()
@click.argument("socket", type=VaultPlace(exists=True, path_type=Path))
@click.option(
    "--store",
    type=STORE,
    help="The trial's ledger: tells the packets that nobody accounted for.",
)
@json_option
def status(socket: str | Path, store: str | Path | None, is_json: bool) -> int:
    """Ask a running vault whether all is as it was drawn, and which strata have come to their end.

    Anybody may ask: it tells the commitment, how many numbers were given, and never an arm.
    """
    from equipoise.cli.trials import running_trial
    from equipoise.conduct.standing import check_accounted
    from equipoise.vault import VaultClient

    report = VaultClient(socket).verify()
    if store is not None:
        out = check_accounted(running_trial(store, read_only=True).state)
        report = msgspec.structs.replace(report, problems=(*report.problems, *out))
    if is_json:
        rows = problem_rows(report.problems)
        answer = {"ok": report.ok, "commitment": report.commitment, "assigned": report.n_assigned}
        as_json({**answer, "problems": rows})
    else:
        show_problems(report.problems)
        click.echo(f"Commitment to the allocation: {report.commitment}")
        click.echo(f"{report.n_assigned} numbers given.")
    return DONE if report.ok else PROBLEMS


@click.command()
@click.argument("opened", type=OLD_FILE)
@click.argument("number")
@click.option("-o", "--output", required=True, type=NEW_FILE, help="The proof, a JSON file.")
def prove(opened: Path, number: str, output: Path) -> int:
    """Write the proof that one NUMBER with its arm is in the committed list, and nothing else."""
    from equipoise.cli.folders import not_writable
    from equipoise.vault.sequence.opened import OpenedList
    from equipoise.vault.sequence.opened import prove as show

    told = _read(opened)
    proof = show(told, number) if isinstance(told, OpenedList) else None
    if proof is None:
        raise Refused([problem("EQ-V142", number, number=number)])
    try:
        output.write_bytes(msgspec.json.format(msgspec.json.encode(proof), indent=1) + b"\n")
    except OSError as error:
        raise not_writable(output, error) from None
    click.echo(f"{number} is entry {proof.index} of the committed list. Written to {output}.")
    return DONE


@click.command()
@click.argument("opened", metavar="LIST", type=OLD_FILE)
@store_option
@json_option
def audit(opened: Path, store: str | Path, is_json: bool) -> int:
    """Draw the opened LIST again and hold it against the ledger; or the proof of one entry."""
    from equipoise.cli.trials import running_trial
    from equipoise.vault.sequence.opened import OpenedList

    told = _read(opened)
    trial = running_trial(store, read_only=True)
    commitment = trial.state.commitment
    if isinstance(told, OpenedList):
        found = _check_list(told, trial)
        n, n_used = len(told.entries), len(told.used)
        answer: dict[str, object] = {"entries": n, "allocated": n_used}
        said = (
            f"{n} {'entry leads' if n == 1 else 'entries lead'} to the published commitment "
            f"{commitment}.\n{n_used} {'allocation is' if n_used == 1 else 'allocations are'} "
            f"{'that' if n_used == 1 else 'those'} of the ledger, drawn again alike."
        )
    else:
        commitment = _leads_to(told, trial)
        found = tuple(_check_one(told, trial, commitment))
        answer = {"number": told.number, "entry": told.index}
        said = (
            f"{told.number} with its arm is entry {told.index} of the list of the published "
            f"commitment {commitment}. The proof shows no other entry."
        )
    is_ok = not has_errors(found)
    if is_json:
        rows = problem_rows(found)
        as_json({"ok": is_ok, **answer, "commitment": commitment, "problems": rows})
    else:
        show_problems(found)
        if is_ok:
            click.echo(said)
    return DONE if is_ok else PROBLEMS


def _read(path: Path) -> "OpenedList | Inclusion":
    from equipoise.vault.sequence.opened import Inclusion, OpenedList

    raw = path.read_bytes()
    try:
        if b'"entries"' in raw:
            return msgspec.json.decode(raw, type=OpenedList)
        return msgspec.json.decode(raw, type=Inclusion)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused([problem("EQ-V143", str(path), detail=str(error))]) from None


def _check_list(opened: "OpenedList", trial: "RunningTrial") -> tuple[Problem, ...]:
    from equipoise.conduct.acts.randomizing import proof_of
    from equipoise.vault.sequence.opened import Recorded, check_opened

    recorded = [
        Recorded(
            participant=code,
            number=p.number,
            stratum=p.stratum,
            proof=proof_of(p),
            left_out=p.left_out,
        )
        for code, p in trial.state.participants.items()
        if p.number
    ]
    told, known = ((x.study, x.realm) for x in (opened, trial.store))
    late = () if _was_committed_first(trial) else (problem("EQ-V139", opened.study),)
    commitment = trial.state.commitment
    packets = {p.batch: p.commitment for p in trial.state.packets.values() if p.commitment}
    found = check_opened(opened, commitment=commitment, recorded=recorded, packets=packets)
    return (*_check_trial(told, known), *late, *found)


def _leads_to(proof: "Inclusion", trial: "RunningTrial") -> str:
    """The published commitment that the entry leads to, computed from it; empty if it is none."""
    from equipoise.vault.sequence.verify_proof import root_from

    try:
        root = root_from(msgspec.to_builtins(proof))
    except ValueError:  # what should be hexadecimal is not
        return ""
    packets = {p.commitment for p in trial.state.packets.values()} - {""}
    return root if root in packets.union(trial.state.commitments) else ""


def _check_one(proof: "Inclusion", trial: "RunningTrial", commitment: str) -> Iterator[Problem]:
    """The entry leads to what was published, and the file says of itself what is so."""
    yield from _check_trial((proof.study,), (trial.store.study,))
    if not commitment:
        yield problem("EQ-V140", proof.number, number=proof.number)
    elif commitment != proof.root:
        yield problem("EQ-V211", proof.number)


def _check_trial(told: tuple[str, ...], known: tuple[str, ...]) -> tuple[Problem, ...]:
    """The file names the ledger's own trial; what it names is not bound by the commitment."""
    if told == known:
        return ()
    return (problem("EQ-V210", told[0], found=", ".join(told), known=", ".join(known)),)


def _was_committed_first(trial: "RunningTrial") -> bool:
    """Each commitment was recorded before anybody asked for a number of its part."""
    from equipoise.vault.sequence.parts import part_of

    entries = [*trial.store.read()]
    committed = [e.at for e in entries if e.type in ("AllocationCommitted", "StudyAmended")]
    asked = {e.stream: e.at for e in entries if e.type == "RandomizationRequested"}
    subjects = trial.state.participants.items()
    listed = [(code, p.number) for code, p in subjects if p.number and not p.packet]
    parts = [(part_of(number), asked[code]) for code, number in listed if code in asked]
    return bool(committed) and all(
        0 < part <= len(committed) and committed[part - 1] <= at for part, at in parts
    )
