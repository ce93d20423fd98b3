"""A process to be killed: `tabler.py STORE act CODE` or `tabler.py STORE rebuild`.

It enters one adverse event after another, or rebuilds the read tables again and again, and prints a
line for each.
"""

import datetime as dt
import sys
from itertools import count
from pathlib import Path

from equipoise.conduct import RunningTrial, submit_form
from equipoise.ledger import is_address, open_store
from equipoise.web.server import use_django
from tests.unit.conduct.conftest import small_study


def main(place: str, what: str, code: str) -> None:
    use_django()
    from equipoise.web.tables.opening import follow

    store = open_store(place if is_address(place) else Path(place))
    tables, trial = follow(store), RunningTrial(small_study(), store)
    assert tables is not None
    print("ready", flush=True)
    for n in count(1):
        if what == "rebuild":
            tables.rebuild()
        else:
            now = dt.datetime.now(dt.UTC)
            submit_form(
                trial, by="investigator", at=now, participant=code, encounter="", form="event",
                repeat=len(trial.state.participants[code].forms), on=now.date(),
                values={"term": "Headache", "grade": 1},
            )  # fmt: skip
        print(n, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], (sys.argv[3:] or [""])[0])
