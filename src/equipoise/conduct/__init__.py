"""The running trial: the only place where anything happens.

Everything that happens is an event; everything you see is computed from events; everything that is
refused is explained. Acts are called with a `RunningTrial` and `by`, `at`, `reason`.
"""

from equipoise.conduct.acts.capturing import (
    correct_item,
    miss_encounter,
    receive_adverse_event,
    submit_form,
)
from equipoise.conduct.acts.ending import (
    complete_participant,
    last_expected,
    lock_data,
    record_seal,
    record_time_stamp,
    seal_trial,
    withdraw_participant,
)
from equipoise.conduct.acts.enrolling import fail_screening, judge_criterion, screen_participant
from equipoise.conduct.acts.infusing import (
    find_weight,
    give_infusion,
    order_infusion,
    prepare_infusion,
)
from equipoise.conduct.acts.overriding import (
    KINDS,
    confirm_override,
    decline_override,
    grounds_of,
    is_granted,
    may_override_all,
    record_deviation,
    request_override,
)
from equipoise.conduct.acts.people import (
    add_person,
    bar_sign_in,
    change_delegation,
    end_of_training,
    record_means,
    record_training,
    remove_person,
    withdraw_means,
)
from equipoise.conduct.acts.randomizing import (
    finish_randomization,
    randomize_participant,
    record_number,
    request_randomization,
)
from equipoise.conduct.acts.redacting import order_redaction, redact_entry
from equipoise.conduct.acts.restoring import attest_gap, confirm_restore, record_restored
from equipoise.conduct.acts.signing import (
    SIGNERS,
    accept_accountability,
    digest_of,
    is_signed,
    sign_casebook,
)
from equipoise.conduct.acts.stopping import resume_trial
from equipoise.conduct.as_of import Casebook, casebook_as_of, state_as_of
from equipoise.conduct.door import ACTS, SYSTEM, Act, RunningTrial, View, place_of
from equipoise.conduct.evolve import evolve, fold
from equipoise.conduct.facts import (
    LateForm,
    adverse_records,
    assess_condition,
    assess_participant,
    assess_populations,
    assess_rules,
    baseline_day,
    case_of,
    expects,
    find_judgement,
    late_forms,
    latest_values,
    observations_of,
)
from equipoise.conduct.opening import Checked, check_folder, open_trial
from equipoise.conduct.rules import check_duty
from equipoise.conduct.schemas import event_schemas
from equipoise.conduct.state import Participant, Person, TrialState

__all__ = [
    "ACTS",
    "KINDS",
    "SIGNERS",
    "SYSTEM",
    "Act",
    "Casebook",
    "Checked",
    "LateForm",
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
    "attest_gap",
    "bar_sign_in",
    "baseline_day",
    "case_of",
    "casebook_as_of",
    "change_delegation",
    "check_duty",
    "check_folder",
    "complete_participant",
    "confirm_override",
    "confirm_restore",
    "correct_item",
    "decline_override",
    "digest_of",
    "end_of_training",
    "event_schemas",
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
    "late_forms",
    "latest_values",
    "lock_data",
    "may_override_all",
    "miss_encounter",
    "observations_of",
    "open_trial",
    "order_infusion",
    "order_redaction",
    "place_of",
    "prepare_infusion",
    "randomize_participant",
    "receive_adverse_event",
    "record_deviation",
    "record_means",
    "record_number",
    "record_restored",
    "record_seal",
    "record_time_stamp",
    "record_training",
    "redact_entry",
    "remove_person",
    "request_override",
    "request_randomization",
    "resume_trial",
    "screen_participant",
    "seal_trial",
    "sign_casebook",
    "state_as_of",
    "submit_form",
    "withdraw_means",
    "withdraw_participant",
]
