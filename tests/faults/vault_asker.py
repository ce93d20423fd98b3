"""A process that asks a vault for numbers: `vault_asker.py SOCKET TOKEN FIRST LAST`.

It prints `participant number` for each, and asks again while the vault is away.
"""

import sys
import time

from equipoise.problems import Refused
from equipoise.vault import VaultClient


def main(path: str, token: str, first: int, last: int) -> None:
    client = VaultClient(path, token)
    print("ready", flush=True)
    sys.stdin.readline()
    for k in range(first, last):
        print(f"p{k % 200}", ask(client, f"p{k % 200}"), flush=True)


def ask(client: VaultClient, participant: str) -> str:
    while True:
        try:
            return client.assign(participant, stratum="", proof="proof")
        except Refused as refused:
            if [p.code for p in refused.problems] != ["EQ-V017"]:
                raise
            time.sleep(0.02)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
