"""A site's process: `randomizer.py LEDGER SOCKET TOKEN CODE...` randomizes these, when told to go.

It prints `code number`, or `code EQ-C050` where another process was quicker.
"""

import datetime as dt
import sys
from pathlib import Path

from equipoise.conduct import RunningTrial, randomize_participant
from equipoise.ledger import open_store
from equipoise.problems import Refused
from equipoise.vault import VaultClient
from tests.unit.conduct.conftest import small_study

N_PLANNED = 200


def main(ledger: str, path: str, token: str, codes: list[str]) -> None:
    trial = RunningTrial(small_study(N_PLANNED), open_store(Path(ledger)), VaultClient(path, token))
    print("ready", flush=True)
    sys.stdin.readline()
    for code in codes:
        print(code, randomize(trial, code), flush=True)


def randomize(trial: RunningTrial, code: str) -> str:
    now = dt.datetime.now(dt.UTC)
    try:
        randomize_participant(trial, by="coordinator", at=now, participant=code, on=now.date())
    except Refused as refused:
        return refused.problems[0].code
    return trial.state.participants[code].number


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
