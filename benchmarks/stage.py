"""The trial that the benchmarks work on: the first study, rehearsed up to a day in mid-course."""

import argparse
import datetime as dt
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct

from benchmarks.figures import Figure, Sizes, to_table
from equipoise.cli.folders import first_study, load_checked
from equipoise.cli.rehearsing import rehearse_into
from equipoise.conduct import Participant, RunningTrial
from equipoise.ledger import open_store
from equipoise.study.study import Study

START = dt.date(2026, 1, 5)
UNTIL = START + dt.timedelta(weeks=20)
NOON = dt.datetime(2026, 6, 1, 12, 0, tzinfo=dt.UTC)


class Stage(Struct, frozen=True):
    """A folder to write in, the study, and the ledger of its rehearsal."""

    directory: Path
    study: Study
    store: Path

    def trial(self) -> RunningTrial:
        """The trial, opened anew."""
        return RunningTrial(self.study, open_store(self.store))

    def first_randomized(self) -> Participant:
        """A participant with every form of the screening."""
        return self.trial().state.randomized[0]


def set_stage(directory: Path) -> Stage:
    """Rehearse into a new folder."""
    study = load_checked(first_study())
    rehearse_into(study, directory / "trial.db", seed=3, start=START, until=UNTIL)
    return Stage(directory, study, directory / "trial.db")


def run_alone(
    measure: Callable[[Stage, Sizes], Iterable[Figure]], *, name: str, says: str | None
) -> None:
    """One part by itself, on a ledger of so many entries, each figure printed as it comes."""
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description=says)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=1)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="equipoise-bench-") as folder:
        stage = set_stage(Path(folder))
        for figure in measure(stage, Sizes(runs=told.runs, entries=told.entries)):
            print(to_table([figure]).splitlines()[-1], flush=True)
