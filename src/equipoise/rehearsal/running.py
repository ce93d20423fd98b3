"""One whole virtual trial, through the acts of `conduct`."""

import datetime as dt
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator

from msgspec import Struct

from equipoise.conduct import (
    RunningTrial,
    agree_unblinding,
    digest_of_populations,
    lock_data,
    open_trial,
    seal_trial,
    sign_populations,
)
from equipoise.ledger import MemoryStore, Realm, Store
from equipoise.problems import Problem, Refused, problem
from equipoise.rehearsal.agenda import Agenda, at_hour, working_day
from equipoise.rehearsal.people import SITE_ROLES, demo_people
from equipoise.rehearsal.randomness import Randomness
from equipoise.rehearsal.screening import accrue, screening_encounters
from equipoise.rehearsal.vaults import NatureOf
from equipoise.rehearsal.world import World
from equipoise.study.roles import Role
from equipoise.study.study import Study
from equipoise.vault import Vault

Progress = Callable[[int, int, str], None]
"""`progress(done, total, words)`: participants who left and will leave, and where the trial is."""

USUAL_START = dt.date(2026, 1, 5)
STEPS_A_BATCH = 50
SEALS_EVERY = dt.timedelta(days=91)
USUAL_MONTHS = 12
"""Without a scenario recruitment lasts about this long, if half of the screened fail."""
SEALER = Role.DATA_MANAGER.value
ENDERS = {Role.STATISTICIAN: sign_populations, Role.SAFETY_OFFICER: agree_unblinding}
"""Who ends the blind after the lock, and how: the populations are signed, then agreed to."""
MEANING = "The populations are fixed; the code may be opened for their analysis."


class Rehearsal(Struct, frozen=True, kw_only=True):
    """What came of a rehearsal. `by_arm` may be told because nobody here is real.

    `seal` is the root over the ledger at the end, `seconds` the time it took, `refused` the acts
    that the trial did not accept: faults of the study folder to look into.
    """

    screened: int
    randomized: int
    by_arm: dict[str, int]
    completed: int
    entries: int
    seal: str
    seconds: float
    refused: tuple[Problem, ...] = ()


def rehearse(  # noqa: PLR0913  each is a choice of the caller, by name
    study: Study,
    *,
    store: Store,
    vault: Vault,
    nature: NatureOf,
    seed: int,
    cells: Store | None = None,
    contents: NatureOf | None = None,
    start: dt.date | None = None,
    until: dt.date | None = None,
    progress: Progress | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Rehearsal:
    """Run the trial with virtual people, from the opening to the lock, or to the day `until`.

    The same study, seed and vault seed give the same events. The cell unit's own record goes to
    `cells`, or is thrown away; it prepares what `contents` says, without it what bodies react to.

    Raises:
        Refused: the store is live or in use, or the study lacks what a rehearsal needs.
    """
    began = clock()
    found = check_rehearsal(study, realm=store.realm)
    if found:
        raise Refused(found)
    trial = RunningTrial(study, store, vault)
    agenda = Agenda(at_hour(working_day(start or start_of(study)), 0))
    beside = cells or MemoryStore(study.identity.study, "rehearsal")
    world = World(
        trial,
        agenda=agenda,
        randomness=Randomness(seed),
        nature=nature,
        cells=beside,
        contents=contents or nature,
    )
    with store.batch():
        open_trial(trial, at=agenda.tick(), people=demo_people(study), reason="Rehearsal")
        world.train_everybody()
        world.accept_accountability()
    agenda.add(world.keep_supplied())
    for site, per_month in accrual_rates(study).items():
        agenda.add(accrue(world, site, per_month=per_month))
    _run(world, until=until, progress=progress)
    seal = _finish(world, until=until)
    return _sum_up(world, seal=seal, seconds=clock() - began)


def check_rehearsal(study: Study, *, realm: Realm) -> tuple[Problem, ...]:
    """Everything that keeps a study from being rehearsed in this store."""
    name = study.identity.study
    found = [problem("EQ-R001", name, realm=realm)] if realm != "rehearsal" else []
    found += _check_design(study)
    if any(study.identity.sites) and not any(accrual_rates(study).values()):
        found.append(problem("EQ-R006", name))
    return tuple(found)


def accrual_rates(study: Study) -> dict[str, float]:
    """How many people a month each site screens."""
    given = study.scenario.accrual_per_month
    sites = study.identity.sites
    usual = 2 * study.identity.planned_participants / (USUAL_MONTHS * max(1, len(sites)))
    return {site: given.get(site, 0.0 if given else usual) for site in sites}


def _check_design(study: Study) -> Iterator[Problem]:
    name, identity = study.identity.study, study.identity
    if identity.randomization is None or len(identity.arms) < 2:
        yield problem("EQ-R002", name)
    if identity.planned_participants < 1:
        yield problem("EQ-R003", name)
    if not identity.sites:
        yield problem("EQ-R004", name)
    if not study.schedule.encounters:
        yield problem("EQ-R005", name)
    before = screening_encounters(study)
    consents = [f for f in study.forms.values() if f.records == "consent"]
    if not any(not f.at or set(f.at) & set(before) for f in consents):
        yield problem("EQ-R007", name)
    for form in study.forms.values():
        if not set(form.by) & set(SITE_ROLES):
            yield problem("EQ-R008", name, form=form.title)


def start_of(study: Study) -> dt.date:
    """The first day of the scenario, or of the record, or a fixed one where neither is a date."""
    for words in (study.scenario.start, study.identity.start):
        found = re.fullmatch(r"(\d{4})-(\d{2})(?:-(\d{2}))?", words)
        if found:
            return dt.date(int(found[1]), int(found[2]), int(found[3] or 1))
    return USUAL_START


def count_by_arm(study: Study, world: World) -> dict[str, int]:
    """Participants by what they would receive; arms that receive the same are counted together."""
    names: dict[tuple[str, ...], list[str]] = {}
    encounters = study.infusion_encounters
    for name, arm in study.identity.arms.items():
        names.setdefault(tuple(arm.gives.get(e, "") for e in encounters), []).append(name)
    counted = Counter(
        tuple(world.nature(p.number, e) for e in encounters) for p in world.trial.state.randomized
    )
    return {" / ".join(same): counted[given] for given, same in names.items()}


def _run(world: World, *, until: dt.date | None, progress: Progress | None) -> None:
    agenda = world.agenda
    seals_at = agenda.now + SEALS_EVERY
    while _has_more(world, until):
        with world.batch():
            for _ in range(STEPS_A_BATCH):
                if not _has_more(world, until):
                    break
                agenda.step()
            _refuse_hopeless(world)
            if agenda.now >= seals_at:
                world.train_everybody(ahead=2 * SEALS_EVERY)
                world.review_access()
                world.review_trails()
                seal_trial(world.trial, by=SEALER, at=agenda.tick(), reason="Quarterly seal")
                seals_at = agenda.now + SEALS_EVERY
        if progress is not None:
            _tell(world, progress)


def _has_more(world: World, until: dt.date | None) -> bool:
    next_at = world.agenda.next_at()
    is_soon = next_at is not None and (until is None or next_at.date() <= until)
    return is_soon and not world.is_over


def _finish(world: World, *, until: dt.date | None) -> str:
    """Lock if everybody has left; seal in any case."""
    trial, agenda = world.trial, world.agenda
    is_over = world.is_over
    with trial.store.batch():
        if is_over:
            world.do(lock_data, by=Role.DATA_MANAGER.value)
            digest = digest_of_populations(trial.study, trial.state)
            for role, act in ENDERS.items():
                world.do(act, by=role.value, meaning=MEANING, digest=digest)
        world.train(SEALER)
        reason = "Data lock" if is_over else f"Rehearsed until {until}"
        return seal_trial(trial, by=SEALER, at=agenda.tick(), reason=reason)


def _sum_up(world: World, *, seal: str, seconds: float) -> Rehearsal:
    state = world.trial.state
    people = state.participants.values()
    return Rehearsal(
        screened=len(people),
        randomized=len(state.randomized),
        by_arm=count_by_arm(world.study, world),
        completed=sum(1 for p in people if p.status == "completed"),
        entries=sum(head.seq for head in world.trial.store.heads().values()),
        seal=seal,
        seconds=seconds,
        refused=tuple(world.refused),
    )


def _tell(world: World, progress: Progress) -> None:
    state = world.trial.state
    planned = world.study.identity.planned_participants
    randomized = state.randomized
    n_left = sum(1 for p in randomized if not p.is_in_trial)
    words = f"{world.agenda.now.date()}: {len(randomized)} of {planned} randomized, {n_left} left"
    progress(len(randomized) + n_left, 2 * planned, words)


def _refuse_hopeless(world: World) -> None:
    """Stop where nearly nobody is ever eligible: the scenario does not fit the criteria."""
    state = world.trial.state
    n_screened, n_randomized = len(state.participants), len(state.randomized)
    if n_screened > 200 and n_screened > 50 * (n_randomized + 1):
        criterion, n = (*world.unmet.most_common(1), ("-", 0))[0]
        values = {
            "screened": n_screened,
            "randomized": n_randomized,
            "criterion": criterion,
            "n": n,
        }
        raise Refused([problem("EQ-R009", world.study.identity.study, **values)])
