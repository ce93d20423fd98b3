"""One of eight writers: `python -m benchmarks.writer PLACE SOURCE STREAM CHAIN SECONDS`.

It loads nothing but the ledger. When a line arrives on stdin it records the forms of a rehearsal,
again and again, until the time is over; then it prints the seconds that each append took.
"""

import sys
import time
from contextlib import closing
from pathlib import Path

from equipoise.ledger import Draft, Entry, open_store


def main(place: str, source: str, stream: str, *, chain: str, seconds: float) -> None:
    with closing(open_store(Path(source))) as store:
        forms = [e for e in store.read() if e.type == "FormSubmitted"]

    def draft(version: int) -> Draft:
        return to_draft(forms[version % len(forms)], chain=chain, stream=stream, version=version)

    with closing(open_store(place)) as store:
        store.append([draft(0)])
        print("ready", flush=True)
        sys.stdin.readline()
        times: list[float] = []
        began = time.perf_counter()
        while (at := time.perf_counter()) - began < seconds:
            store.append([draft(len(times) + 1)])
            times.append(time.perf_counter() - at)
    print("\n".join(map(str, times)))


def to_draft(entry: Entry, *, chain: str, stream: str, version: int) -> Draft:
    return Draft(
        chain=chain,
        stream=stream,
        version=version,
        type=entry.type,
        at=entry.at,
        by=entry.by,
        role=entry.role,
        reason=entry.reason,
        body=entry.body or b"{}",
    )


if __name__ == "__main__":
    main(*sys.argv[1:4], chain=sys.argv[4], seconds=float(sys.argv[5]))
