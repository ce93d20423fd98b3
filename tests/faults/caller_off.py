"""A site's process: `caller_off.py LEDGER SOCKET TOKEN WAY CODE...`, when told to go.

WAY is `finish` or `call-off`; `before`, `within` and `after` take the first request back and kill
this process before the vault is asked, once it answered, or once it is recorded. It prints
`code word` for each: the number, `off`, or the code of a refusal.
"""

import datetime as dt
import os
import signal
import sys
from pathlib import Path

from equipoise.conduct import RunningTrial, call_off_randomization, finish_randomization
from equipoise.ledger import open_store
from equipoise.problems import Refused
from equipoise.vault import VaultClient
from tests.faults.randomizer import N_PLANNED
from tests.unit.conduct.conftest import small_study


class Dying(VaultClient):
    """Kills its process beside a question."""

    way = ""

    def call_off(self, participant: str, *, proof: str) -> None:
        if self.way == "before":
            die()
        super().call_off(participant, proof=proof)
        if self.way == "within":
            die()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(ledger: str, path: str, token: str, *rest: str) -> None:
    way, *codes = rest
    vault = Dying(path, token)
    vault.way = way
    trial = RunningTrial(small_study(N_PLANNED), open_store(Path(ledger)), vault)
    print("ready", flush=True)
    sys.stdin.readline()
    for code in codes:
        print(code, do(trial, way, code), flush=True)
        if way == "after":
            die()


def do(trial: RunningTrial, way: str, code: str) -> str:
    given = {"by": "coordinator", "at": dt.datetime.now(dt.UTC), "participant": code}
    try:
        if way == "finish":
            finish_randomization(trial, **given)  # type: ignore[arg-type]
            return trial.state.participants[code].number
        call_off_randomization(trial, **given, reason="Left")  # type: ignore[arg-type]
    except Refused as refused:
        return refused.problems[0].code
    return "off"


if __name__ == "__main__":
    main(*sys.argv[1:])
