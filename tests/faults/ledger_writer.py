"""A process that records and says so: `ledger_writer.py PATH WRITER CHAINS N`.

After each durable append it prints `chain seq digest`. It starts when a line arrives on stdin.
"""

import sys
from datetime import UTC, datetime

from equipoise.ledger import Draft, open_store, to_body

AT = datetime(2026, 1, 5, tzinfo=UTC)


def main(path: str, writer: str, n_chains: int, n: int) -> None:
    store = open_store(path)
    print("ready", flush=True)
    sys.stdin.readline()
    for k in range(n):
        drafts = [
            Draft(
                chain=f"site/{(k + part) % n_chains}",
                stream=f"{writer}/{part}",
                version=k,
                type="Noted",
                at=AT,
                by=writer,
                role="tester",
                body=to_body({"k": k, "padding": "x" * (k % 700)}),
            )
            for part in range(1 + k % 3)
        ]
        for entry in store.append(drafts):
            print(entry.chain, entry.seq, entry.digest, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
