"""Starting the doors and the vault."""

import datetime as dt
import fcntl
import os
import signal
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import click
from msgspec import Struct

from equipoise.cli.answering import DONE, show_problems, telling_time
from equipoise.cli.folders import (
    Kept,
    kept_with,
    load_checked,
    not_writable,
)
from equipoise.cli.rehearsing import cells_beside
from equipoise.cli.trials import read_tables, trial_on
from equipoise.conduct import (
    RunningTrial,
    check_vault_fits,
    find_numbers_beyond,
    find_unplaced,
    record_breaks,
    record_packets,
)
from equipoise.conduct import cells as cell_acts
from equipoise.conduct.rules import check_amending
from equipoise.ledger import (
    Store,
    is_address,
    open_store,
)
from equipoise.problems import Refused, Where, problem
from equipoise.randomization import Allocation, Specification, read_list
from equipoise.rehearsal import vault_contents
from equipoise.study.study import Study
from equipoise.vault import VaultClient, create_vault, serve_vault
from equipoise.vault.server import Serve
from equipoise.vault.stores.seam import Place
from equipoise.web.standby.roster import read_roster, roster_of

_NAMES = "HOSTS HTTPS TIME_ZONE ORIGIN PASSKEY_DOMAIN PASSWORDS "
_NAMES += "OIDC_ISSUER OIDC_CLIENT OIDC_SECRET OIDC_CLAIM OIDC_SCOPES OIDC_NAME"
FROM_OUTSIDE = tuple(f"EQUIPOISE_{name}" for name in _NAMES.split())
"""What a door takes from the environment of `equipoise serve`: how it is reached, who comes in."""


def keep_vault(
    directory: Path,
    *,
    socket: Path | None,
    study: Path | None,
    realm: str | None,
    signed: Path | None = None,
    place: Place | None = None,
    beside: Serve | None = None,
) -> int:
    """Make the vault if a study is given, then answer until told to stop.

    `signed` is the list of a study whose list was made elsewhere, `place` a database for the list.
    It answers at `socket`, by a way `beside` it, or both.
    """
    if study is None and socket is None and beside is None:
        raise click.UsageError("Nothing to do: give --create, --socket or --listen.")
    if study is not None and realm is None:
        raise click.UsageError("Say --realm live or --realm rehearsal with --create.")
    if study is not None:
        made = vault_contents(load_checked(study))
        listed = read_signed(signed, made.specification) if signed is not None else ()
        root = create_vault(
            directory,
            made.specification,
            contents=made.contents,
            realm="live" if realm == "live" else "rehearsal",
            listed=listed,
            place=place,
        )
        click.echo(f"Commitment to the allocation: {root}")
    if socket is not None and not socket.absolute().parent.is_dir():
        raise not_writable(socket, FileNotFoundError("no such folder"))
    if socket is not None or beside is not None:
        where = "over TLS" if socket is None else f"at {socket}"
        click.echo(f"The vault answers {where} until it is stopped (Ctrl-C).")
        serve_vault(directory, socket, beside=beside)
    return DONE


def read_signed(path: Path, specification: Specification) -> tuple[Allocation, ...]:
    """The list that the statistician signed; what is odd but not wrong is shown.

    Raises:
        Refused: it is not the signed one, or not a list of this study.
    """
    entries, odd = read_list(path.read_bytes(), specification, name=path.name)
    show_problems(odd)
    return entries


class Keys(Struct, frozen=True):
    """What a door opens besides the ledger: the folder of its files, accounts, vault and token."""

    keep: Path | None
    accounts: str | Path | None
    socket: str | Path
    token: Path = Path()


def serve_door(
    directory: Path,
    *,
    store: str | Path,
    keys: Keys,
    door: str,
    host: str,
    port: int,
    cells: Path | None = None,
) -> int:
    """Serve one door until told to stop. `cells` is the cell unit's ledger, made if need be.

    Raises:
        Refused: folder, store and vault are not of one trial, or the server did not start.
    """
    from equipoise.web.server import serve

    study = load_checked(directory)
    kept = kept_with(store, keys.keep, study=study.identity.study)
    client = VaultClient(keys.socket, keys.token.read_text(encoding="ascii").strip())
    if door == "emergency":
        check_token(client, keys.token, door=door)
        check_roster(study, client, path=roster_beside(kept), store=store)
    else:
        with closing(open_store(store)) as opened:
            trial = trial_on(opened, store, study=study)
            check_trial(trial, socket=keys.socket)
            check_token(client, keys.token, door=door)
            bring_tables_up(opened)
            if door == "site" and trial.state.is_open:
                catch_up(trial, client)
    ensure_accounts(accounts_of(keys, kept, door=door), kept)
    settings = door_settings(directory, store=store, keys=keys, kept=kept, door=door)
    settings |= {name: os.environ[name] for name in FROM_OUTSIDE if name in os.environ}
    own = cells or cells_beside(keys.token.parent)
    settings |= cell_settings(study, store, cells=own, door=door)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the server ends with this process
    url = f"http://{host}:{port}"
    click.echo(f"The {door} door is served at {url}/ until it is stopped (Ctrl-C).")
    try:
        status = serve(settings, host=host, port=port)
    except KeyboardInterrupt:
        return DONE
    if status:
        raise Refused([problem("EQ-X902", url, url=url)])
    return DONE


def bring_tables_up(store: Store) -> None:
    """Bring the read tables up to date; where this role cannot make them, say so and go on.

    The trial does not wait for them: nothing but the audit trail and reports reads them.
    """
    try:
        with telling_time("bringing the read tables up to date"):
            read_tables(store).catch_up()
    except Refused as refused:
        if {p.code for p in refused.problems} != {"EQ-G041"}:
            raise
        show_problems(refused.problems)


def ensure_accounts(accounts: str | Path, kept: Kept) -> None:
    """Make the accounts, or bring them up to date; two doors start at once."""
    from equipoise.web.server import prepare_accounts

    with kept.accounts.with_name(kept.accounts.name + ".lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        prepare_accounts(accounts, {})


def check_trial(trial: RunningTrial, *, socket: str | Path) -> None:
    """The vault that answers is the trial's own, and holds the list that it committed to.

    Raises:
        Refused: it is not, or does not.
    """
    state, vault = trial.state, VaultClient(socket)
    found = check_vault_fits(trial.study, realm=trial.realm, vault=vault)
    if state.commitment not in ("", vault.commitment()):
        found += (problem("EQ-V015", trial.study.identity.study),)
    if found:
        raise Refused([*check_amending(state, where=Where(record=state.study)), *found])


def check_roster(study: Study, vault: VaultClient, *, path: Path, store: str | Path) -> None:
    """The same for the emergency door, by its roster: the ledger may be away, but at first.

    It opens while an amendment is under way, too: any commitment of the vault's parts will do.

    Raises:
        Refused: the vault is another trial's, or there is neither a roster nor a ledger.
    """
    try:
        roster = read_roster(path)
    except Refused:
        with closing(open_store(store, read_only=True)) as opened:
            trial = trial_on(opened, store, study=study)
            roster = roster_of(trial, at=dt.datetime.now(dt.UTC))
    name = study.identity.study
    contents = {arm: plan.gives for arm, plan in study.identity.arms.items()}
    asks = partial(vault.fits, name, realm=roster.realm, specification=None, contents=contents)
    found = [] if asks() else [problem("EQ-V145", name, realm=roster.realm)]
    found += [] if asks(commitment=roster.commitment) else [problem("EQ-V015", name)]
    if found:
        raise Refused(found)


def catch_up(trial: RunningTrial, vault: VaultClient) -> None:
    """Record packets that were printed and breaks that were answered while the ledger was away, and
    compare the numbers."""
    breaks, now = vault.breaks(), dt.datetime.now(dt.UTC)
    record_packets(trial, vault.packets(), at=now)
    record_breaks(trial, breaks, at=now)
    for found in find_unplaced(trial.state, breaks):
        click.echo(str(found), err=True)
    if trial.state.restored is None:
        try:
            compare_numbers(trial, vault)
        except Refused as refused:  # the vault assigns nothing until they agree; the rest goes on
            show_problems(refused.problems)


def compare_numbers(trial: RunningTrial, vault: VaultClient) -> int:
    """Hold the ledger's numbers against the vault's; tell those that the vault alone has.

    Raises:
        Refused: as `find_numbers_beyond` says.
    """
    beyond = find_numbers_beyond(trial.state, vault)
    for participant, number in beyond:
        found = problem("EQ-V048", participant, participant=participant, number=number)
        click.echo(str(found), err=True)
    return len(beyond)


def check_token(vault: VaultClient, token: Path, *, door: str) -> None:
    """The token opens what this door asks, and nothing that the other one does.

    The vault is asked with empty words: what it allows it then refuses as incomplete.

    Raises:
        Refused: the blinded process would hold the cell unit's capability, or another mistake.
    """
    allowed = {
        "site": _is_allowed(lambda: vault.assign("", stratum="", proof="")),
        "sealed": _is_allowed(lambda: vault.contents("", "")),
        "emergency": _is_allowed(lambda: vault.reveal("", "", by="", reason="")),
    }
    if [name for name, is_allowed in allowed.items() if is_allowed] != [door]:
        raise Refused([problem("EQ-X904", str(token), door=door)])


def _is_allowed(ask: Callable[[], str]) -> bool:
    try:
        ask()
    except Refused as refused:
        return {"EQ-V001", "EQ-V187"}.isdisjoint(p.code for p in refused.problems)
    return True


def door_settings(
    directory: Path,
    *,
    store: str | Path,
    keys: Keys,
    kept: Kept,
    door: str,
    other_door: str = "",
) -> dict[str, str]:
    """The environment of a web process; each door knows its own capability alone."""
    ready = {
        "EQUIPOISE_ROSTER": str(roster_beside(kept).resolve()),
        "EQUIPOISE_SITE_ACCOUNTS": _absolute(keys.accounts or kept.accounts),
    }
    return {
        "EQUIPOISE_STUDY": str(directory.resolve()),
        "EQUIPOISE_STORE": _absolute(store),
        "EQUIPOISE_ACCOUNTS": _absolute(accounts_of(keys, kept, door=door)),
        "EQUIPOISE_VAULT": str(keys.socket),
        "EQUIPOISE_TOKEN": str(keys.token.resolve()),
        "EQUIPOISE_DOOR": door,
        "EQUIPOISE_SECRET": str(kept.secret(door).resolve()),
        "EQUIPOISE_OTHER_DOOR": other_door,
        **(ready if door == "emergency" else {}),
        **({"EQUIPOISE_SESSIONS": _own_sessions(kept)} if door == "sealed" else {}),
    }


def roster_beside(kept: Kept) -> Path:
    """The file that says who may come in while the ledger is away."""
    return kept.folder / f"{kept.name}.roster.json"


def _own_sessions(kept: Kept) -> str:
    """The folder of the sealed door's sessions, for nobody else to read."""
    folder = kept.folder / f"{kept.name}.sealed-sessions"
    folder.mkdir(mode=0o700, exist_ok=True)
    return str(folder.resolve())


def accounts_of(keys: Keys, kept: Kept, *, door: str) -> str | Path:
    """The users and sessions of a door; the emergency door has its own: all else may be away."""
    if door == "emergency":
        return kept.accounts.with_name(f"emergency-{kept.accounts.name}")
    return keys.accounts or kept.accounts


def cell_settings(study: Study, store: str | Path, *, cells: Path, door: str) -> dict[str, str]:
    """The cell unit's ledger for the sealed door, made where there is none; nothing for the other.

    Raises:
        Refused: what is there belongs to another trial, or is the trial's own ledger.
    """
    if door != "sealed":
        return {}
    if not is_address(store) and Path(store).resolve() == cells.resolve():
        raise Refused([problem("EQ-B067", str(cells))])
    with closing(open_store(store, read_only=True)) as ledger:
        realm = ledger.realm
    name = study.identity.study
    with closing(open_store(cells, study=name, realm=realm, create=True)) as own:
        cell_acts.refuse_shared(own)
    return {"EQUIPOISE_CELLS": str(cells.resolve())}


def _absolute(place: str | Path) -> str:
    return str(place if is_address(place) else Path(place).resolve())
