"""The program, which dies or meets something when it records a copy: `copier.py WAY WORD...`.

`before` and `after` kill this process before the copy is recorded, and once it is. `removed` takes
the role of who copies away, once the file is whole.
"""

import datetime as dt
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from equipoise.cli import main as program
from equipoise.cli.copying import recording
from equipoise.conduct import RunningTrial, remove_person
from equipoise.ledger import open_store


def beside(way: str, store: str, record: Callable[..., Any]) -> Callable[..., Any]:
    def recorded(trial: RunningTrial, **given: Any) -> object:
        if way == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        if way == "removed":
            now, other = dt.datetime.now(dt.UTC), RunningTrial(trial.study, open_store(store))
            remove_person(other, by="administrator", at=now, person=given["by"], reason="left")
        made: object = record(trial, **given)
        if way == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return made

    return recorded


def main(way: str, words: list[str]) -> None:
    store = words[words.index("--store") + 1]
    recording.record_copy = beside(way, store, recording.record_copy)  # type: ignore[assignment]
    program(words)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
