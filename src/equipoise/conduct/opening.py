"""Set-up: is the study ready; then its sites, its people, and the commitment to the allocation.

And the same once more, where two people agreed to go on by an amended folder.
"""

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from equipoise.conduct import events as e
from equipoise.conduct.acts.people import check_person, check_tasks
from equipoise.conduct.door import SYSTEM, RunningTrial, View, refuse_if
from equipoise.conduct.standing import check_gathered
from equipoise.conduct.state import Person
from equipoise.eligibility import check_eligibility, check_readings
from equipoise.ledger import Entry, Realm
from equipoise.problems import Problem, Where, has_errors, problem
from equipoise.randomization import check_randomization, specify, stand_in_for
from equipoise.study.check import check_folder as check_study_folder
from equipoise.study.load import load_study
from equipoise.study.study import Study
from equipoise.vault import Vault


class Checked(Struct, frozen=True):
    """A folder's study, or None where it cannot be read, and all that was found."""

    study: Study | None
    problems: tuple[Problem, ...]

    @property
    def is_ok(self) -> bool:
        """Whether the study can be rehearsed; open decisions do not hinder that."""
        return self.study is not None and not has_errors(self.problems)


def check_folder(directory: Path) -> Checked:
    """Read and check a study folder; problems are in order of file and line."""
    loaded = check_study_folder(directory)
    problems = list(loaded.problems)
    study = loaded.study or load_study(directory).study
    if study is not None:
        problems += check_eligibility(study, lambda path: loaded.locate("eligibility.yaml", path))
        problems += check_readings(study, lambda path: loaded.locate("decisions.yaml", path))
    identity = loaded.study.identity if loaded.study else None
    if identity is not None and identity.randomization is not None:
        problems += check_randomization(
            identity.randomization,
            tuple(identity.arms),
            planned=identity.planned_participants,
            locate=lambda key: loaded.locate("study.yaml", ("randomization", key)),
        )
    problems.sort(key=lambda p: (p.where.file, p.where.line or 0, p.where.column or 0, p.code))
    return Checked(study, tuple(problems))


def open_trial(
    trial: RunningTrial, *, at: dt.datetime, people: Iterable[Person], reason: str = ""
) -> tuple[Entry, ...]:
    """Open the trial on its study folder: sites, people, the vault's commitment; once only.

    Raises:
        Refused: the trial is open, or live with decisions still open, or the vault is another's.
    """
    study, state = trial.study, trial.state
    n_open = sum(d.status == "open" for d in study.decisions)
    problems = []
    if state.is_open:
        problems.append(problem("EQ-C010", study.identity.study, study=study.identity.study))
    if trial.realm == "live" and n_open:
        problems.append(problem("EQ-C011", study.identity.study, n=n_open))
    if trial.vault is not None:
        problems += check_vault_fits(study, realm=trial.realm, vault=trial.vault)
    refuse_if(problems)
    opened: list[e.Happened] = [
        e.StudyOpened(study=study.identity.study, digest=study.digest, n_open_decisions=n_open)
    ]
    opened += [e.SiteOpened(site=site) for site in study.identity.sites]
    opened += _added(people, study=study, on=at.date())
    if trial.vault is not None:
        commitment = trial.vault.commitment()
        planned = study.identity.planned_participants
        opened.append(e.AllocationCommitted(commitment=commitment, n_planned=planned))
    return trial.record(View(study, state, SYSTEM), opened, at=at, reason=reason)


def bring_into_force(trial: RunningTrial, *, at: dt.datetime) -> tuple[Entry, ...]:
    """Record the commitment to the vault's new part: from here on the trial is on its new folder.

    `trial.study` is that folder. What two people agreed on is checked again on the present state.

    Raises:
        Refused: nobody agreed on this folder, the vault was not amended for it, or there is a
            packet whose end is not known.
    """
    study, vault = trial.study, trial.vault
    with trial.transaction():
        state = trial.state
        asked, where = state.amendment, Where(record=state.study)
        if asked is None or asked.confirmed is None or asked.digest != study.digest:
            refuse_if([problem("EQ-C145", where, digest=study.digest[:12])])
        if vault is None:
            refuse_if([problem("EQ-C053", where)])
        assert vault is not None
        refuse_if(check_vault_fits(study, realm=trial.realm, vault=vault))
        refuse_if(check_gathered(state))
        commitment = vault.commitment()
        if commitment in state.commitments:
            refuse_if([problem("EQ-V178", where)])
        happened: list[e.Happened] = [
            e.StudyAmended(
                digest=study.digest,
                commitment=commitment,
                n_planned=study.identity.planned_participants,
                n_open_decisions=sum(d.status == "open" for d in study.decisions),
            )
        ]
        new = [site for site in study.identity.sites if site not in state.sites]
        happened += [e.SiteOpened(site=site) for site in new]
        return trial.record(View(study, state, SYSTEM), happened, at=at, reason="")


def check_vault_fits(study: Study, *, realm: Realm, vault: Vault) -> tuple[Problem, ...]:
    """Whether a vault was made for this study and realm, as far as it tells without an arm."""
    identity = study.identity
    contents = {name: arm.gives for name, arm in identity.arms.items()}
    plan = identity.randomization
    told = specify(identity, plan) if plan else None
    allowed = [told]
    if told is not None and realm == "rehearsal":
        allowed.append(stand_in_for(told))
    is_fit = any(
        vault.fits(identity.study, realm=realm, specification=one, contents=contents)
        for one in dict.fromkeys(allowed)
    )
    return () if is_fit else (problem("EQ-V145", identity.study, realm=realm),)


def _added(people: Iterable[Person], *, study: Study, on: dt.date) -> list[e.Happened]:
    """The first people and their trainings, each held against those before."""
    known: dict[str, Person] = {}
    added: list[e.Happened] = []
    problems: list[Problem] = []
    for p in people:
        problems += check_person(p, known=known, sites=tuple(study.identity.sites))
        problems += check_tasks(study, p)
        known[p.person] = p
        added.append(
            e.PersonAdded(
                person=p.person,
                name=p.name,
                role=p.role,
                sites=p.sites,
                from_on=p.from_on,
                until_on=p.until_on,
                tasks=p.tasks,
            )
        )
        for name, until in p.trained.items():
            added.append(e.TrainingRecorded(person=p.person, training=name, on=on, until_on=until))
    refuse_if(problems)
    return added
