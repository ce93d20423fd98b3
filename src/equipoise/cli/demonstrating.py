"""`equipoise demo`: the first study, rehearsed to its end, then opened in mid-course.

The same virtual trial is run three times. Once to its lock, for the report. Twice more, moved in
time and stopped today: when all are randomized and visits are due, and when half are and sites
screen. One of these two is served.
"""

import datetime as dt
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import click

from equipoise.cli.answering import DONE, as_json
from equipoise.cli.folders import first_study, kept_beside, load_checked
from equipoise.cli.rehearsing import (
    cells_beside,
    rehearse_into,
    running_vault,
    show_progress,
    vault_beside,
)
from equipoise.cli.reporting import write_trial_report
from equipoise.cli.serving import Keys, accounts_of, door_settings, ensure_accounts
from equipoise.cli.staging import choose_day
from equipoise.cli.trials import running_trial
from equipoise.conduct import TrialState
from equipoise.problems import Refused, problem
from equipoise.rehearsal import demo_people
from equipoise.study.study import Study

PASSWORD = "equipoise"  # noqa: S105 - a rehearsal on this machine; the log-in page shows it
READY_SECONDS = 60
LAST_PORT = 65535
DOORS = (("site", "assign"), ("sealed", "cells"), ("emergency", "emergency"))
"""The doors in the order of their ports, and the capability of each."""
CURRENT, RECRUITING, COMPLETE, REPORT = "trial.db", "recruiting.db", "complete.db", "report.html"


def run_demo(
    directory: Path,
    *,
    folder: Path | None,
    seed: int,
    port: int,
    is_fresh: bool,
    is_recruiting: bool,
    is_headless: bool,
    is_json: bool,
) -> int:
    """Rehearse if need be, serve both doors, open the browser, wait for the end."""
    began = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = folder or first_study()
    study = load_checked(folder)
    if is_fresh or not _is_current(directory, study):
        _rehearse_demo(study, directory, seed=seed, is_quiet=is_json)
    store = directory / (RECRUITING if is_recruiting else CURRENT)
    with ExitStack() as running:
        sites = serve_doors(running, folder, store, port=find_ports(port))
        state = running_trial(store, study=study).state
        if not is_headless:
            webbrowser.open(sites[0])
        wait_for_stop = _listen_for_stop()
        _tell(
            study,
            state,
            sites,
            directory=directory,
            seconds=time.monotonic() - began,
            is_json=is_json,
        )
        wait_for_stop()
        click.echo("\nStopping.", err=True)
    return DONE


def _listen_for_stop() -> Callable[[], object]:
    """A wait that Ctrl-C or SIGTERM ends, also one that came before the waiting began."""
    heard, told = os.pipe()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os.write(told, b"."))
    return lambda: os.read(heard, 1)


def _is_current(directory: Path, study: Study) -> bool:
    """Whether a finished demo of this very text of the study lies here."""
    if not all((directory / name).exists() for name in (CURRENT, RECRUITING, COMPLETE, REPORT)):
        return False
    try:
        return running_trial(directory / CURRENT, study=study).state.is_open
    except Refused:
        return False


def _rehearse_demo(study: Study, directory: Path, *, seed: int, is_quiet: bool) -> None:
    """Make all files beside the old ones and swap: a demo that is there is a whole one."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        with show_progress(is_shown=not is_quiet, label="Rehearsing to the end") as progress:
            rehearse_into(study, made / COMPLETE, seed=seed, progress=progress)
        complete = running_trial(made / COMPLETE, study=study)
        write_trial_report(
            complete,
            made / REPORT,
            vault=vault_beside(made / COMPLETE),
            by="unblinded_statistician",
        )
        today = dt.datetime.now(dt.UTC).date()
        for name, words in ((CURRENT, "Rehearsing up to today"), (RECRUITING, "And to its middle")):
            is_recruiting = name == RECRUITING
            day = choose_day(
                study, complete.state, weekday=today.weekday(), is_recruiting=is_recruiting
            )
            start = _opened_on(complete.state) + (today - day)
            with show_progress(is_shown=not is_quiet, label=words) as progress:
                rehearse_into(
                    study, made / name, seed=seed, start=start, until=today, progress=progress
                )
            make_accounts(study, made / name)
        shutil.rmtree(directory, ignore_errors=True)
        made.rename(directory)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _opened_on(state: TrialState) -> dt.date:
    return min(stamp.at.date() for stamp in state.sites.values())


def make_accounts(study: Study, store: Path) -> None:
    """An account with the demo's password for everybody of a rehearsal."""
    from equipoise.web.server import prepare_accounts

    passwords = {person.person: PASSWORD for person in demo_people(study)}
    prepare_accounts(kept_beside(store).accounts, passwords)


def serve_doors(
    running: ExitStack, folder: Path, store: Path, *, port: int
) -> tuple[str, str, str]:
    """Start the vault and the three doors; they end with this program."""
    from equipoise.web.server import start_server

    kept = kept_beside(store)
    process = running.enter_context(running_vault(kept.vault))
    site, sealed, emergency = (f"http://127.0.0.1:{port + n}" for n in range(3))
    urls = (site, sealed, emergency)
    doors = []
    for number, (door, token) in enumerate(DOORS):
        keys = Keys(None, None, process.socket_path, kept.vault / f"{token}.token")
        settings = door_settings(
            folder,
            store=store,
            keys=keys,
            kept=kept,
            door=door,
            other_door=site if number else sealed,
        )
        settings["EQUIPOISE_DEMO_PASSWORD"] = PASSWORD
        if zone := os.environ.get("EQUIPOISE_TIME_ZONE"):
            settings["EQUIPOISE_TIME_ZONE"] = zone
        if door == "emergency":
            ensure_accounts(accounts_of(keys, kept, door=door), kept)
        if door == "sealed":
            settings["EQUIPOISE_CELLS"] = str(cells_beside(kept.vault).resolve())
        server = start_server(settings, host="127.0.0.1", port=port + number)
        doors.append(running.enter_context(server))
    for url, started in zip(urls, doors, strict=True):  # they get ready side by side
        wait_until_ready(f"{url}/sign-in/", started)
    return urls


def wait_until_ready(url: str, server: subprocess.Popen[bytes]) -> None:
    """Return when the server answers.

    Raises:
        Refused: it ended, or said nothing for a minute.
    """
    deadline = time.monotonic() + READY_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - our own loopback
            return
        except OSError as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()  # it is an answer too, with its connection
            time.sleep(0.1)
    raise Refused([problem("EQ-X902", url, url=url)])


def find_ports(first: int) -> int:
    """The first port from here on that is free together with the next two."""
    for port in range(first, min(first + 1000, LAST_PORT - 1), len(DOORS)):
        if all(_is_free(port + n) for n in range(len(DOORS))):
            return port
    raise Refused([problem("EQ-X903", str(first), port=first)])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _tell(
    study: Study,
    state: TrialState,
    sites: tuple[str, str, str],
    *,
    directory: Path,
    seconds: float,
    is_json: bool,
) -> None:
    """Say where it is and who may log in."""
    people = [p for p in state.people.values() if p.is_active]
    report = str((directory / REPORT).resolve())
    if is_json:
        as_json(
            {
                "site": sites[0],
                "sealed": sites[1],
                "emergency": sites[2],
                "randomized": len(state.randomized),
                "report": report,
                "people": [p.person for p in people],
                "password": PASSWORD,
                "seconds": round(seconds, 1),
            }
        )
        return
    title = study.identity.title.say("en")
    click.echo(f"\n{title}\n{len(state.randomized)} randomized, in {seconds:.0f} s.\n")
    click.echo(f"  Sites, blinded:            {sites[0]}")
    click.echo(f"  Cell unit, not blinded:    {sites[1]}")
    click.echo(f"  To break a code:           {sites[2]}")
    click.echo(f"  Report of the whole trial: {report}\n")
    click.echo(f"  Password of everybody: {PASSWORD}")
    click.echo("  Log in as: " + ", ".join(p.person for p in people))
    click.echo("\nCtrl-C stops. `equipoise demo` goes on where you left it; --fresh begins anew;")
    click.echo("--recruiting opens the same trial in mid-recruitment, to screen and randomize in.")
