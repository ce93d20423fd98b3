"""Records at a place where writing may fail, and goes on: `disk_writer.py DATABASE N`.

For each of N appends it prints `kept SEQ DIGEST`, or `refused CODE` and tries the next one; the
same where the store cannot be opened.
"""

import sys
from pathlib import Path

from equipoise.ledger import open_store
from equipoise.problems import Refused
from tests.faults.ledger_writer import draft


def main(path: str, n: int) -> None:
    store = None
    version = 0
    for _ in range(n):
        try:
            store = store or open_store(Path(path))
            (entry,) = store.append([draft("site/1", "w/0", version)])
        except Refused as refused:
            print("refused", refused.problems[0].code, flush=True)
            continue
        version += 1
        print("kept", entry.seq, entry.digest, flush=True)
    print("done", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
