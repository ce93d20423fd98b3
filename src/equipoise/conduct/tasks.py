"""Single tasks of a role, as an investigator's delegation log lists them (ICH E6(R3) 2.3.3, 4.1).

Who has the whole role has every task of it. What is no task here, such as telling that somebody was
unblinded, everybody of the role may do.
"""

from collections.abc import Mapping

from msgspec import Struct

from equipoise.conduct.state import Person
from equipoise.problems import Problem, Text, problem
from equipoise.study.roles import Role
from equipoise.study.study import Study

CHANGERS = (Role.ADMINISTRATOR,)
"""Who enters a delegation."""
DELEGATED_ROLES = (Role.COORDINATOR, Role.INVESTIGATOR, Role.OUTCOME_ASSESSOR)
"""Who works for the investigator at a site; the sponsor's roles have no single tasks."""


class Task(Struct, frozen=True):
    """A task in words, and the acts that it takes; those on forms depend on the form."""

    label: Text
    acts: frozenset[str] = frozenset()


TASKS: Mapping[str, Task] = {
    "consent": Task(Text("Informed consent", "Consentement éclairé")),
    "screening": Task(
        Text("Screening", "Sélection"), frozenset({"screen_participant", "fail_screening"})
    ),
    "eligibility": Task(
        Text("Confirmation of eligibility", "Confirmation de l'éligibilité"),
        frozenset({"judge_criterion", "request_override", "decline_override"}),
    ),
    "randomization": Task(
        Text("Randomization", "Randomisation"),
        frozenset({"request_randomization", "record_call_off", "claim_packet", "account_packet"}),
    ),
    "forms": Task(
        Text("Entry and correction of forms", "Saisie et correction des formulaires"),
        frozenset({"miss_encounter"}),
    ),
    "infusions": Task(
        Text(
            "Infusions: order, bedside check, stop", "Perfusions : commande, contrôle au lit, arrêt"
        ),
        frozenset(
            {
                "order_infusion",
                "start_infusion",
                "end_infusion",
                "give_infusion",
                "stop_treatment",
                "resume_treatment",
            }
        ),
    ),
    "safety": Task(
        Text("Adverse events and unblinding", "Événements indésirables et levées d'aveugle"),
        frozenset({"assess_unblinding", "note_broken"}),
    ),
    "leaving": Task(
        Text("End of participation", "Fin de participation"),
        frozenset({"withdraw_participant", "complete_participant"}),
    ),
    "signature": Task(
        Text("Signature of casebooks, redaction", "Signature des cahiers, retrait de données"),
        frozenset({"sign_casebook", "order_redaction"}),
    ),
}
"""All of them, in the order of the log."""

_OF = {act: name for name, task in TASKS.items() for act in task.acts}


def task_of(study: Study, act: str, form: str = "") -> str:
    """The task that an act belongs to, on this form if it is about one; empty where it is none."""
    if act in ("submit_form", "correct_item"):
        return task_of_form(study, form)
    return _OF.get(act, "")


def task_of_form(study: Study, form: str) -> str:
    """The task of who enters a form."""
    known = study.forms.get(form)
    if known is not None and known.records == "consent":
        return "consent"
    return "safety" if study.safety is not None and study.safety.form == form else "forms"


def check_task(study: Study, person: Person, act: str, *, form: str = "") -> tuple[Problem, ...]:
    """What the act takes is delegated to the person."""
    task = task_of(study, act, form)
    if person.may_do(task):
        return ()
    label = TASKS[task].label
    roles = study.identity.roles
    by = [roles.get(r) or Text(r.value, r.value) for r in CHANGERS]
    who = Text(", ".join(x.en for x in by), ", ".join(x.fr for x in by))
    return (problem("EQ-C148", person.person, name=person.name, task=label, who=who),)
