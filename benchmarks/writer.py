"""One of eight writers: `python -m benchmarks.writer PLACE SOURCE STREAM CHAIN SECONDS [bare]`.

It loads nothing but the ledger. When a line arrives on stdin it records the forms of a rehearsal,
again and again, until the time is over; then it prints the seconds that each append took. `bare`
inserts the same rows with the driver alone, in a table without guards.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg

from benchmarks.bare import INSERT, to_row
from equipoise.ledger import Draft, Entry, open_store

Record = Callable[[int], object]
"""Records a form under this number; on return it is on disk."""


def main(place: str, source: str, stream: str, *, chain: str, seconds: float, how: str) -> None:
    with closing(open_store(Path(source))) as store:
        forms = [e for e in store.read() if e.type == "FormSubmitted"]
    with _bare(place, forms) if how == "bare" else _ours(place, forms, stream, chain) as record:
        record(0)
        print("ready", flush=True)
        sys.stdin.readline()
        times: list[float] = []
        began = time.perf_counter()
        while (at := time.perf_counter()) - began < seconds:
            record(len(times) + 1)
            times.append(time.perf_counter() - at)
    print("\n".join(map(str, times)))


@contextmanager
def _ours(place: str, forms: Sequence[Entry], stream: str, chain: str) -> Iterator[Record]:
    def draft(version: int) -> Draft:
        return to_draft(forms[version % len(forms)], chain=chain, stream=stream, version=version)

    with closing(open_store(place)) as store:
        yield lambda version: store.append([draft(version)])


@contextmanager
def _bare(place: str, forms: Sequence[Entry]) -> Iterator[Record]:
    rows = [to_row(form) for form in forms]
    with closing(psycopg.connect(place, autocommit=True)) as connection:
        yield lambda n: connection.execute(INSERT, rows[n % len(rows)], prepare=True)


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
    how = sys.argv[6] if len(sys.argv) > 6 else ""
    main(*sys.argv[1:4], chain=sys.argv[4], seconds=float(sys.argv[5]), how=how)
