"""A site's process: `acting.py STORE CODE...` enters the forms of these participants, when told to.

Ordinary forms hold the site's chain; each adverse event holds the whole store, and the first one of
all meets a stopping rule. It prints `CODE` for each participant, or the code of a refusal.
"""

import datetime as dt
import sys

from msgspec.structs import replace

from equipoise.conduct import RunningTrial, judge_criterion, submit_form
from equipoise.ledger import open_store
from equipoise.problems import Refused, Text
from equipoise.study.protocol import StoppingRule
from equipoise.study.study import Study
from equipoise.web.server import use_django
from tests.unit.conduct.conftest import small_study


def guarded_study() -> Study:
    """The small study, paused by any related death."""
    study = small_study(50)
    assert study.safety is not None
    rule = StoppingRule(
        id="death", label=Text("D", "D"), met_if="n_related_grade_5 >= 1", does="pause"
    )
    return replace(study, safety=replace(study.safety, stopping=(rule,)))


def main(store: str, codes: list[str]) -> None:
    opened = open_store(store)
    use_django()
    from equipoise.web.tables.opening import follow

    follow(opened)
    trial = RunningTrial(guarded_study(), opened)
    print("ready", flush=True)
    sys.stdin.readline()
    for code in codes:
        print(enter(trial, code), flush=True)


def enter(trial: RunningTrial, code: str) -> str:
    try:
        enter_forms(trial, code)
    except Refused as refused:
        return refused.problems[0].code
    return code


def enter_forms(trial: RunningTrial, code: str) -> None:
    death = {"term": "Sepsis", "grade": 5, "related": True, "serious": True}
    for form, encounter, values in (
        ("consent", "screening", {"version": "1.0"}),
        ("skin", "screening", {"arm": 10, "leg": 10}),
        ("event", "", death),
        ("vitals", "screening", {"weight": 70.0, "pregnant": False}),
    ):
        now = dt.datetime.now(dt.UTC)
        submit_form(
            trial, by="investigator", at=now, participant=code, encounter=encounter, form=form,
            on=now.date(), values=values,
        )  # fmt: skip
    now = dt.datetime.now(dt.UTC)
    judge_criterion(
        trial, by="investigator", at=now, participant=code, rule="I2", is_true=True, on=now.date()
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
