"""A site's process: `randomizer.py LEDGER SOCKET TOKEN CODE...` randomizes these, when told to go.

It prints `code number`, or `code EQ-C050` where another process was quicker. With a step of `STEPS`
before the codes it kills itself there, as a power cut would.
"""

import datetime as dt
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from equipoise.conduct import RunningTrial, randomize_participant
from equipoise.ledger import Entry, open_store
from equipoise.problems import Refused
from equipoise.vault import VaultClient
from tests.unit.conduct.conftest import small_study

N_PLANNED = 200
STEPS = ("RandomizationRequested", "asking", "answered", "ParticipantRandomized", "recorded")
"""An entry written and not committed, before and after the vault's answer, all of it on record."""


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DyingClient(VaultClient):
    """Asks the vault, and does not live to use the answer."""

    step = ""

    def assign(
        self, participant: str, *, stratum: str, proof: str, left_out: tuple[str, ...] = ()
    ) -> str:
        if self.step == "asking":
            die()
        number = super().assign(participant, stratum=stratum, proof=proof, left_out=left_out)
        if self.step == "answered":
            die()
        return number


class Dying:
    """Follows a ledger, until an entry of one kind is written and not committed yet."""

    def __init__(self, step: str) -> None:
        self.step = step

    def follow(self, entries: Sequence[Entry]) -> None:
        if any(entry.type == self.step for entry in entries):
            die()

    def took_out(self, chain: str, seq: int) -> None:
        """Nothing is taken out here."""


def main(ledger: str, path: str, token: str, codes: list[str]) -> None:
    store, client = open_store(Path(ledger)), DyingClient(path, token)
    if codes[0] in STEPS:
        client.step, *codes = codes
        store.follower = Dying(client.step)
    trial = RunningTrial(small_study(N_PLANNED), store, client)
    print("ready", flush=True)
    sys.stdin.readline()
    for code in codes:
        number = randomize(trial, code)
        if client.step == "recorded":
            die()
        print(code, number, flush=True)


def randomize(trial: RunningTrial, code: str) -> str:
    now = dt.datetime.now(dt.UTC)
    try:
        randomize_participant(trial, by="coordinator", at=now, participant=code, on=now.date())
    except Refused as refused:
        return refused.problems[0].code
    return trial.state.participants[code].number


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
