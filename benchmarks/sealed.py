"""The vault: an assignment through its socket, beside a bare round trip and bare commits."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from benchmarks.bare import BareTable
from benchmarks.figures import Figure, Sizes, Watch
from benchmarks.stage import Stage
from equipoise.ledger import open_store
from equipoise.randomization import Specification
from equipoise.vault import VaultClient, create_vault, read_token, start_vault
from equipoise.vault.sockets import connect_to

ASKED, ANSWERED = 200, 40
"""Bytes of a question and of its answer, as the vault's own."""
SHARE = 0.5
"""An assignment is one durable commit, and may take as long again for all else."""


def measure(stage: Stage, sizes: Sizes) -> Iterator[Figure]:
    """Assignments a second, each on disk with its log entry before it is answered."""
    vault = stage.directory / "bench.vault"
    n_planned = sizes.runs * sizes.assigns
    specification = Specification(
        study="bench", arms=("a", "b"), ratio=(1, 1), blocks=(4, 6), n_planned=n_planned
    )
    create_vault(vault, specification, contents={"a": {}, "b": {}}, realm="rehearsal")
    bare = BareTable(stage.directory / "vault-bare.db")
    entry = next(iter(open_store(stage.store).read()))
    rates, trips, durable = [], [], []
    with (
        start_vault(vault, socket_path=stage.directory / "v.sock") as process,
        _echo(stage.directory / "echo.sock") as echo,
    ):
        client = VaultClient(process.socket_path, read_token(vault, "assign"))
        for run in range(sizes.runs):
            ours, trip, commit = Watch(), Watch(), Watch()
            for i in range(sizes.assigns):
                with ours.running():
                    client.assign(f"01-{run * sizes.assigns + i:05}", stratum="", proof="p" * 64)
                with trip.running():
                    _round_trip(echo)
                with commit.running():
                    bare.commit([entry])
            rates.append(sizes.assigns / ours.seconds)
            trips.append(sizes.assigns / trip.seconds)
            durable.append(SHARE * sizes.assigns / commit.seconds)
    told = Figure(
        what="vault: assign through the socket",
        unit="/s",
        ours=tuple(rates),
        against="bare socket round trip",
        theirs=tuple(trips),
        is_rate=True,
    )
    yield told
    alone = f"{SHARE:.0%} of the bare commits alone"
    yield replace(told, against=alone, theirs=tuple(durable), kind="limit")


@contextmanager
def _echo(path: Path) -> Iterator[socket.socket]:
    """A connection to a process that answers at once and knows nothing."""
    command = [sys.executable, "-m", "benchmarks.echo", str(path), str(ANSWERED)]
    with subprocess.Popen(command) as process:
        while not path.exists() and process.poll() is None:
            time.sleep(0.02)
        with connect_to(path, timeout=30) as connection:
            yield connection


def _round_trip(connection: socket.socket) -> None:
    connection.sendall(b"x" * ASKED)
    assert len(connection.recv(ANSWERED)) == ANSWERED
