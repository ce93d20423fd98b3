"""A rehearsal: one whole virtual trial, beside the ledger alone taking the same entries."""

import datetime as dt
import os
from collections.abc import Iterator

from benchmarks.figures import Figure, Sizes, cpu_seconds
from benchmarks.ledger import to_draft
from benchmarks.stage import START, Stage
from equipoise.cli.rehearsing import rehearse_into
from equipoise.ledger import open_store

LIMIT_SECONDS = 60.0
STEPS_A_BATCH = 10


def measure(stage: Stage, sizes: Sizes) -> Iterator[Figure]:
    """Processor seconds of the rehearsal and its vault's process; entries a second."""
    until = START + dt.timedelta(weeks=sizes.weeks) if sizes.weeks else None
    seconds, rates, bare_rates = [], [], []
    for run in range(sizes.runs):
        path = stage.directory / f"rehearsal-{run}.db"
        began = _cpu_of_family()
        done = rehearse_into(stage.study, path, seed=run + 1, start=START, until=until)
        took = _cpu_of_family() - began
        seconds.append(took)
        rates.append(done.entries / took)
        bare_rates.append(done.entries / _seconds_to_record_again(stage, run))
    yield Figure(
        what="rehearsal: one whole virtual trial",
        unit="s CPU",
        ours=tuple(seconds),
        against="limit",
        theirs=(LIMIT_SECONDS,) * sizes.runs,
        kind="limit",
    )
    yield Figure(
        what="rehearsal: entries",
        unit="/s CPU",
        ours=tuple(rates),
        against="the ledger alone, same entries",
        theirs=tuple(bare_rates),
        is_rate=True,
    )


def _seconds_to_record_again(stage: Stage, run: int) -> float:
    """What it costs to append the same entries, in batches, without a trial around them."""
    drafts = [to_draft(e) for e in open_store(stage.directory / f"rehearsal-{run}.db").read()]
    study = stage.study.identity.study
    again = stage.directory / f"again-{run}.db"
    store = open_store(again, study=study, realm="rehearsal", create=True)

    def record() -> None:
        for first in range(0, len(drafts), STEPS_A_BATCH):
            with store.batch():
                for draft in drafts[first : first + STEPS_A_BATCH]:
                    store.append([draft])

    return cpu_seconds(record)


def _cpu_of_family() -> float:
    """Of this process and of those that it started and saw ending."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
