"""Every scheme rehearsed from the opening to the lock, with strata from what was entered."""

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rehearsal_study import IDENTITY, run, study

from equipoise.conduct import TrialState, fold
from equipoise.problems import Text
from equipoise.study.protocol import Factor, RandomizationPlan
from equipoise.vault import LocalVault, VaultClient

SMOKING = Factor(
    label=Text("Smoking", "Tabac"),
    levels={"smoker": "visit.is_smoker", "other": "not visit.is_smoker"},
)
PLANS = [
    {"scheme": "complete"},
    {"scheme": "random_allocation_rule"},
    {"scheme": "permuted_blocks", "blocks": (2, 4), "block_order": "random"},
    {"scheme": "big_stick", "tolerance": 2},
    {"scheme": "block_urn", "lambda_": 2},
    {"scheme": "biased_coin", "probability": 0.7},
    {"scheme": "minimization", "probability": 0.8, "floor": 0.1},
    {"scheme": "imported", "digest": "0" * 64},
]


@pytest.mark.requirement("F01", "F18", "C69")
@pytest.mark.parametrize("changes", PLANS, ids=lambda c: c["scheme"])
def test_each_scheme_is_rehearsed_over_strata(tmp_path: Path, changes: dict[str, Any]) -> None:
    """All are randomized in the stratum of what was entered, and the whole replays."""
    plan = RandomizationPlan(
        **{"ratio": (1, 1), "stratify": ("site", "smoking"), "factors": {"smoking": SMOKING}},
        **changes,
    )
    identity = msgspec.structs.replace(IDENTITY, randomization=plan)
    given = msgspec.structs.replace(study(), identity=identity)
    came, store = run(tmp_path / "v", given)
    assert came.randomized == 8
    people = fold(TrialState(), store.read()).randomized
    for person in people:
        entered = person.forms["screening", "visit", 0].values["is_smoker"]
        level = "smoker" if entered else "other"
        assert person.stratum == f"{person.site}/{level}"
    vault = LocalVault(tmp_path / "v")
    report = VaultClient(vault).verify()
    vault.close()
    assert (report.ok, report.n_assigned) == (True, 8)
    assert len(Counter(p.stratum for p in people)) > 1
