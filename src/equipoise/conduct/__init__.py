"""The running trial: the only place where anything happens.

Everything that happens is an event; everything you see is computed from events; everything that is
refused is explained. Acts are called with a `RunningTrial` and `by`, `at`, `reason`.
"""

from equipoise.conduct.capturing import (
    correct_item,
    miss_encounter,
    receive_adverse_event,
    submit_form,
)
from equipoise.conduct.door import ACTS, Act, RunningTrial, View, place_of
from equipoise.conduct.ending import (
    complete_participant,
    last_expected,
    lock_data,
    record_seal,
    seal_trial,
    withdraw_participant,
)
from equipoise.conduct.enrolling import fail_screening, judge_criterion, screen_participant
from equipoise.conduct.evolve import evolve, fold
from equipoise.conduct.facts import (
    adverse_records,
    assess_condition,
    assess_participant,
    assess_populations,
    assess_rules,
    baseline_day,
    case_of,
    expects,
    find_judgement,
    latest_values,
    observations_of,
)
from equipoise.conduct.infusing import find_weight, give_infusion, order_infusion, prepare_infusion
from equipoise.conduct.opening import Checked, check_folder, open_trial
from equipoise.conduct.overriding import (
    KINDS,
    confirm_override,
    decline_override,
    grounds_of,
    is_granted,
    may_override_all,
    record_deviation,
    request_override,
)
from equipoise.conduct.people import (
    add_person,
    bar_sign_in,
    change_delegation,
    end_of_training,
    record_training,
    remove_person,
)
from equipoise.conduct.randomizing import (
    finish_randomization,
    randomize_participant,
    record_number,
    request_randomization,
)
from equipoise.conduct.rules import check_duty
from equipoise.conduct.signing import (
    SIGNERS,
    accept_accountability,
    digest_of,
    is_signed,
    sign_casebook,
)
from equipoise.conduct.state import Participant, Person, TrialState
from equipoise.conduct.stopping import resume_trial

__all__ = [
    "ACTS",
    "KINDS",
    "SIGNERS",
    "Act",
    "Checked",
    "Participant",
    "Person",
    "RunningTrial",
    "TrialState",
    "View",
    "accept_accountability",
    "add_person",
    "adverse_records",
    "assess_condition",
    "assess_participant",
    "assess_populations",
    "assess_rules",
    "bar_sign_in",
    "baseline_day",
    "case_of",
    "change_delegation",
    "check_duty",
    "check_folder",
    "complete_participant",
    "confirm_override",
    "correct_item",
    "decline_override",
    "digest_of",
    "end_of_training",
    "evolve",
    "expects",
    "fail_screening",
    "find_judgement",
    "find_weight",
    "finish_randomization",
    "fold",
    "give_infusion",
    "grounds_of",
    "is_granted",
    "is_signed",
    "judge_criterion",
    "last_expected",
    "latest_values",
    "lock_data",
    "may_override_all",
    "miss_encounter",
    "observations_of",
    "open_trial",
    "order_infusion",
    "place_of",
    "prepare_infusion",
    "randomize_participant",
    "receive_adverse_event",
    "record_deviation",
    "record_number",
    "record_seal",
    "record_training",
    "remove_person",
    "request_override",
    "request_randomization",
    "resume_trial",
    "screen_participant",
    "seal_trial",
    "sign_casebook",
    "submit_form",
    "withdraw_participant",
]
