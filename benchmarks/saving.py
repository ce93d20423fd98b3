"""A save: one form through `conduct` with its checks, beside the bare commit of what it records."""

import datetime as dt
from collections.abc import Iterator, Sequence

from benchmarks.bare import BareTable
from benchmarks.figures import Figure, Sizes, Watch
from benchmarks.stage import NOON, Stage
from equipoise.conduct import RunningTrial, screen_participant, submit_form
from equipoise.conduct.state import FormRecord
from equipoise.ledger import Entry

SITE = "01"


def measure(stage: Stage, sizes: Sizes) -> Iterator[Figure]:
    """The form with most values that was entered at the screening, for participants of one site."""
    trial = stage.trial()
    records = [r for r in stage.first_randomized().forms.values() if r.encounter == "screening"]
    consent = next(r for r in records if stage.study.forms[r.form].records == "consent")
    largest = max(records, key=lambda r: len(r.values))
    codes = _enroll(trial, consent, n=sizes.runs * sizes.saves)
    bare = BareTable(stage.directory / "save-bare.db")
    clock, cpu, bare_clock, bare_cpu = [], [], [], []
    for run in range(sizes.runs):
        ours, theirs = Watch(), Watch()
        for code in codes[run * sizes.saves : (run + 1) * sizes.saves]:
            with ours.running():
                recorded = _enter(trial, largest, code)
            with theirs.running():
                bare.commit(recorded)
        clock.append(1e3 * ours.seconds / sizes.saves)
        bare_clock.append(1e3 * theirs.seconds / sizes.saves)
        cpu.append(1e3 * ours.cpu_seconds / sizes.saves)
        bare_cpu.append(1e3 * theirs.cpu_seconds / sizes.saves)
    what = f"save: form '{largest.form}' with {len(largest.values)} values"
    for words, unit, mine, other in (
        ("on disk", "ms", clock, bare_clock),
        ("processor", "ms CPU", cpu, bare_cpu),
    ):
        yield Figure(
            what=f"{what}, {words}",
            unit=unit,
            ours=tuple(mine),
            against="bare INSERT and commit",
            theirs=tuple(other),
        )


def _enroll(trial: RunningTrial, consent: FormRecord, *, n: int) -> Sequence[str]:
    """Participants who have consented today, for whom nothing is entered yet."""
    codes = []
    with trial.store.batch():
        for _ in range(n):
            (entry,) = screen_participant(
                trial, by=f"coordinator-{SITE}", at=NOON, site=SITE, on=NOON.date()
            )
            codes.append(entry.stream)
            _enter(trial, consent, entry.stream)
    return codes


def _enter(trial: RunningTrial, record: FormRecord, code: str) -> tuple[Entry, ...]:
    role = record.stamp.role
    return submit_form(
        trial,
        by=f"{role}-{SITE}",
        at=NOON + dt.timedelta(hours=1),
        participant=code,
        encounter=record.encounter,
        form=record.form,
        on=NOON.date(),
        values=record.values,
        not_done=record.not_done,
    )
