"""Processes that record and say so, for tests that run many and kill some.

`ledger_writer.py PLACE WRITER CHAINS N` starts when a line arrives on stdin, and after each durable
append prints `chain seq digest`. `ledger_writer.py PLACE FOLDER` is a nursery: for each line
`NAME HOW SITE` on stdin it forks a writer (so that none has to start Python anew), prints its
process number, and the writer says the same into the file FOLDER/NAME, until FOLDER/stop is there.
"""

import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from equipoise.ledger import Draft, Store, open_store, to_body
from equipoise.problems import Refused

AT = datetime(2026, 1, 5, tzinfo=UTC)
N_SITES = 8
PASSES = ("EQ-G017", "EQ-G021", "EQ-G028")  # while a server recovers


def draft(chain: str, stream: str, version: int, body: object = None) -> Draft:
    return Draft(
        chain=chain,
        stream=stream,
        version=version,
        type="Noted",
        at=AT,
        by=stream.partition("/")[0],
        role="tester",
        body=to_body({"k": version, "padding": "x" * (version % 700), "says": body}),
    )


def main(place: str, writer: str, n_chains: int, n: int) -> None:
    store = open_store(place)
    print("ready", flush=True)
    sys.stdin.readline()
    for k in range(n):
        parts = range(1 + k % 3)
        drafts = [draft(f"site/{(k + part) % n_chains}", f"{writer}/{part}", k) for part in parts]
        for entry in store.append(drafts):
            print(entry.chain, entry.seq, entry.digest, flush=True)


def record(place: str, say: Callable[[str], None], name: str, site: str) -> None:
    """At one site, through whatever happens to the server; says what was acknowledged."""
    store = persistently(lambda: open_store(place))
    k = 0
    while not stopped(name):
        drafts = [draft(f"site/{site}", f"{name}/{part}", k) for part in range(1 + k % 3)]
        try:
            made = persistently(lambda drafts=drafts: store.append(drafts))
            say("".join(f"{e.chain} {e.seq} {e.digest}\n" for e in made))
        except Refused as refused:
            if refused.problems[0].code != "EQ-G001":  # recorded, but the answer was lost
                raise
        k += 1
    store.close()


def race(place: str, say: Callable[[str], None], name: str, site: str) -> None:
    """For the same versions of one stream as everybody else; says `VERSION won` or the refusal."""
    store = open_store(place)
    while not (_folder / "go").exists():
        time.sleep(0.001)
    for k in range(60):
        try:
            store.append([draft(f"site/{site}", "race", k)])
            say(f"{k} won\n")
        except Refused as refused:
            say(f"{k} {refused.problems[0].code}\n")
    store.close()


def mix(place: str, say: Callable[[str], None], name: str, site: str) -> None:
    """At several sites and for the whole trial in turn; nobody else may be seen to interfere."""
    store, draw = open_store(place), random.Random(name)
    for k in range(40):
        one, other = draw.sample(range(N_SITES), 2)
        kind = draw.randrange(4)
        if kind == 0:
            store.append([draft(f"site/{n}", f"{name}/{n}", k) for n in (one, other)])
        elif kind == 1:
            alone(store, {f"site/{one}"}, version=k, name=name)
        elif kind == 2:
            alone(store, {f"site/{one}", f"site/{other}"}, version=k, name=name)
        else:
            alone(store, None, version=k, name=name)
    say("done\n")
    store.close()


def alone(store: Store, chains: set[str] | None, *, version: int, name: str) -> None:
    """Between two looks at what is held, only this process has recorded there."""
    with store.transaction(chains):
        before = seen(store, chains)
        time.sleep(0.001)
        assert seen(store, chains) == before
        for chain in sorted(chains or {"control"}):
            store.append([draft(chain, f"{name}/{chain}", version, sum(before.values()))])


def seen(store: Store, chains: set[str] | None) -> dict[str, int]:
    return {c: h.seq for c, h in store.heads().items() if chains is None or c in chains}


def persistently(act: Callable[[], object]) -> object:
    for _ in range(3000):
        try:
            return act()
        except Refused as refused:
            if refused.problems[0].code not in PASSES:
                raise
        time.sleep(0.01)
    raise TimeoutError


HOW = {"record": record, "mix": mix, "race": race}
_folder = Path()


def stopped(name: str) -> bool:
    return (_folder / "stop").exists()


def nursery(place: str, folder: str) -> None:
    global _folder  # noqa: PLW0603 - what the forked ones share
    _folder = Path(folder)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    for line in sys.stdin:
        name, how, site = line.split()
        child = os.fork()
        if child == 0:
            grow(place, HOW[how], name, site)
        print(child, flush=True)
    try:
        while True:
            os.wait()
    except ChildProcessError:
        pass


def grow(place: str, how: Callable[..., None], name: str, site: str) -> None:
    """One forked writer; what stops it, other than a kill, is in FOLDER/NAME.error."""
    said = os.open(_folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        how(place, lambda text: os.write(said, text.encode()), name, site)
    except BaseException:
        (_folder / f"{name}.error").write_text(traceback.format_exc())
    os._exit(0)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        nursery(sys.argv[1], sys.argv[2])
    else:
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
