"""Clients of a vault, one thread each: `vault_runner.py SOCKET TOKEN`, the plan on stdin.

A line `client participant stratum manner` is a run. What came of it goes to stdout: when it was
asked and answered on the machine's clock, about whom, and the number, which is empty if none came.
"""

import sys
import time
from pathlib import Path
from threading import Lock, Thread

import msgspec

from equipoise.problems import Refused
from equipoise.vault import SocketDoor, VaultClient
from equipoise.vault.protocol import Assign
from equipoise.vault.sockets import connect_to

HURRY_SECONDS = 0.003
_printing = Lock()


def main(path: str, token: str) -> None:
    plans: dict[str, list[list[str]]] = {}
    for line in sys.stdin:
        client, *run = line.split()
        plans.setdefault(client, []).append(run)
    threads = [Thread(target=work, args=(path, token, runs)) for runs in plans.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def work(path: str, token: str, runs: list[list[str]]) -> None:
    patient = VaultClient(path, token)
    for participant, stratum, manner in runs:
        if manner == "hang":
            hang_up(path, token, participant, stratum)
        elif manner == "hurry":
            # Whoever does not wait for the answer has asked all the same, and asks again later.
            hurried = VaultClient(SocketDoor(path, timeout=HURRY_SECONDS), token)
            once(hurried, participant, stratum)
        elif manner == "reconnect":
            patient = VaultClient(path, token)
        for _ in range(2 if manner == "twice" else 1):
            while not once(patient, participant, stratum):
                time.sleep(0.02)


def once(client: VaultClient, participant: str, stratum: str) -> bool:
    asked, number = time.monotonic(), ""
    try:
        number = client.assign(participant, stratum=stratum, proof=f"proof of {participant}")
    except Refused as refused:
        if [p.code for p in refused.problems] != ["EQ-V017"]:
            raise
    tell(asked, participant, stratum, number)
    return bool(number)


def hang_up(path: str, token: str, participant: str, stratum: str) -> None:
    """Ask and close the line at once: the vault may or may not have heard."""
    asked = time.monotonic()
    proof = f"proof of {participant}"
    request = Assign(token=token, participant=participant, stratum=stratum, proof=proof)
    try:
        connection = connect_to(Path(path), timeout=1.0)
        connection.sendall(msgspec.json.encode(request) + b"\n")
        connection.close()
    except OSError:
        pass
    tell(asked, participant, stratum, "")


def tell(asked: float, participant: str, stratum: str, number: str) -> None:
    answered = time.monotonic() if number else float("inf")
    with _printing:
        print(asked, answered, participant, stratum, number, sep="\t", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
