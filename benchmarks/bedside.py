"""The bedside: one person against all criteria, beside the limits that we set for it."""

import datetime as dt
from collections.abc import Callable, Iterator

from benchmarks.figures import Figure, Sizes, cpu_seconds
from benchmarks.stage import Stage
from equipoise.conduct import assess_participant, observations_of
from equipoise.eligibility import Case, Reading, assess_case

VERDICT_MICROSECONDS = 50.0
EXPLANATION_MICROSECONDS = 2_000.0


def measure(stage: Stage, sizes: Sizes) -> Iterator[Figure]:
    """The bare verdict on what was observed, and the verdict with its whole way from the forms."""
    study, subject = stage.study, stage.first_randomized()
    on: dt.date = subject.randomized_on or subject.screened_on
    observed = observations_of(study, subject, until=on)

    def decide() -> None:
        reading = Reading(study, observed, reference_on=on)
        assess_case(study, Case(reading, subject.answers, is_brief=True))

    def explain() -> None:
        assess_participant(study, subject, on=on)

    works: list[tuple[str, Callable[[], None], float]] = [
        ("bedside: verdict alone, from observations", decide, VERDICT_MICROSECONDS),
        ("bedside: verdict and full explanation, from forms", explain, EXPLANATION_MICROSECONDS),
    ]
    for what, work, limit in works:
        work()
        times = [1e6 * cpu_seconds(work, times=sizes.verdicts) for _ in range(sizes.runs)]
        yield Figure(
            what=what,
            unit="µs CPU",
            ours=tuple(times),
            against="limit",
            theirs=(limit,) * sizes.runs,
            kind="limit",
        )
