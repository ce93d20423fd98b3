"""The second pass of the leak test: no word is searched; a classifier tries to guess the arms.

It sees what the blinded side sees of each participant in whole rehearsals, in which the virtual
bodies react to nothing: how many entries there are, how long, in which order and how far apart,
numbers and labels. It learns from some and guesses the others. What it gets right beyond chance
would be told by the software.
"""

import itertools
import math
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from equipoise.cli.rehearsing import running_vault, vault_beside
from equipoise.ledger import Entry, MemoryStore
from equipoise.rehearsal import nature_from, prepare_rehearsal_vault, rehearse, vault_contents
from equipoise.study.study import Study
from equipoise.vault import VaultClient, create_vault, read_token
from tests.guessing import TOO_GOOD, guess_kits, is_beyond_luck, label_features

from .conftest import AGREED

SEEDS = range(40, 60) if os.environ.get("EQUIPOISE_NIGHTLY") else range(40, 43)
Features = NDArray[np.float64]
Trial = tuple[list[Entry], dict[str, str]]


@pytest.fixture(scope="module")
def trials(study: Study, tmp_path_factory: pytest.TempPathFactory) -> list[Trial]:
    """Whole rehearsals: their entries, and the arm of each participant."""
    return [rehearsed(study, tmp_path_factory.mktemp(f"s{seed}"), seed=seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def seen(trials: list[Trial]) -> tuple[Features, list[str]]:
    """What is seen of each participant, and the arm that each one has."""
    rows, arms = [], []
    for entries, listed in trials:
        for participant, arm in listed.items():
            own = [e for e in entries if e.stream == participant]
            rows.append(features_of(own, entries))
            arms.append(arm)
    return np.array(rows), arms


def rehearsed(study: Study, folder: Path, *, seed: int) -> Trial:
    vault = vault_beside(folder / "trial.db")
    prepare_rehearsal_vault(study, vault, seed=seed)
    same = next(iter(study.treatments.products))
    store = MemoryStore(study.identity.study, "rehearsal")
    with running_vault(vault) as process:
        rehearse(
            study,
            store=store,
            vault=VaultClient(process.socket_path, read_token(vault, "assign")),
            nature=lambda _number, _encounter: same,
            contents=nature_from(
                study, VaultClient(process.socket_path, read_token(vault, "nature"))
            ),
            seed=seed,
        )
        opened = VaultClient(process.socket_path, read_token(vault, "unblind"))
        listed = {
            a.participant: a.arm for a in opened.open_list(by="test", reason="leak test", **AGREED)
        }
    return list(store.read()), listed


def features_of(own: list[Entry], everything: list[Entry]) -> list[float]:
    """Lengths, counts, orders, waits, numbers: of all entries, and of those around infusions."""
    found = [float(len(own)), float(np.mean([len(e.body or b"") for e in own]))]
    number = next(e for e in own if e.type == "ParticipantRandomized")
    found += [float(c) for c in b"".join([number.body or b""])[-6:]]
    place = {(e.chain, e.seq): n for n, e in enumerate(everything)}
    for kind in ("InfusionOrdered", "InfusionPrepared", "InfusionStarted", "InfusionGiven"):
        of_kind = [e for e in own if e.type == kind]
        found += [float(len(of_kind)), float(sum(len(e.body or b"") for e in of_kind))]
        found += [float(sum(sum(e.body or b"") % 97 for e in of_kind[:1]))]
        found += [float(sum(place[e.chain, e.seq] % 7 for e in of_kind[:1]))]
    waits = [(b.at - a.at).total_seconds() for a, b in itertools.pairwise(own)]
    return [*found, float(np.mean(waits)), float(np.median(waits)), float(min(waits))]


def guess_others(features: Features, arms: list[str]) -> int:
    """How many are guessed right by the nearest mean of the others, each left out in turn."""
    scaled = (features - features.mean(0)) / (features.std(0) + 1e-9)
    names, n_right = sorted(set(arms)), 0
    for n, arm in enumerate(arms):
        others = [k for k in range(len(arms)) if k != n]
        means = [scaled[[k for k in others if arms[k] == a]].mean(0) for a in names]
        nearest = min(range(len(names)), key=lambda a: float(((scaled[n] - means[a]) ** 2).sum()))
        n_right += names[nearest] == arm
    return n_right


def is_beyond_chance(n_right: int, arms: list[str]) -> bool:
    """By the exact binomial distribution."""
    n, chance = len(arms), 1 / len(set(arms))
    ways = (math.comb(n, k) * chance**k * (1 - chance) ** (n - k) for k in range(n_right, n + 1))
    return sum(ways) < TOO_GOOD


def test_the_classifier_finds_a_leak_that_is_there(seen: tuple[Features, list[str]]) -> None:
    """One more feature, an order that hangs a little on the arm, and it guesses well."""
    features, arms = seen
    noise = random.Random(5)
    leak = np.array([[sorted(set(arms)).index(a) * 2 + noise.gauss(0, 0.7)] * 8 for a in arms])

    assert is_beyond_chance(guess_others(np.hstack([features, leak]), arms), arms)


@pytest.mark.requirement("C65", "F14", "F21", "F28")
def test_no_arm_is_guessed_from_lengths_orders_and_waits(
    seen: tuple[Features, list[str]],
) -> None:
    """Whole rehearsals: as many right as by chance."""
    features, arms = seen
    n_right = guess_others(features, arms)

    assert len(arms) == 18 * len(SEEDS)
    assert not is_beyond_chance(n_right, arms), (n_right, len(arms))


def kits_of(
    study: Study, entries: list[Entry], arms: dict[str, str]
) -> Iterator[tuple[list[float], str]]:
    """What is seen of each kit that was handed out, and what it held."""
    for entry in entries:
        if entry.type == "InfusionPrepared":
            told = msgspec.json.decode(entry.body or b"")
            features = [*label_features(told["label"]), float(len(entry.body or b""))]
            gives = study.identity.arms[arms[entry.stream]].gives
            yield features, gives[told["encounter"]]


@pytest.mark.requirement("C65", "F21", "F28")
def test_no_label_of_a_rehearsal_tells_what_it_is_on(study: Study, trials: list[Trial]) -> None:
    """Every kit of whole rehearsals: from its label a classifier names the contents by luck."""
    kits = [kit for entries, arms in trials for kit in kits_of(study, entries, arms)]
    seen, held = [features for features, _ in kits], [product for _, product in kits]
    n_right, n, luck = guess_kits(seen, held)

    assert len(kits) > 30 * len(SEEDS)
    assert not is_beyond_luck(n_right, n, luck), (n_right, n)
    leaking = [[*row, product == "cells"] for row, product in kits]
    assert is_beyond_luck(*guess_kits(leaking, held))


@pytest.mark.requirement("C65", "D17", "F23")
def test_the_vault_takes_as_long_for_each_arm(study: Study, tmp_path: Path) -> None:
    """A thousand numbers, given in their order: how long each took says nothing of its arm."""
    made = vault_contents(study)
    arms = made.specification.arms
    specification = replace(made.specification, n_planned=999)
    create_vault(tmp_path / "v", specification, contents=made.contents, realm="rehearsal")
    with running_vault(tmp_path / "v") as process:
        client = VaultClient(process.socket_path, read_token(tmp_path / "v", "assign"))
        waits = []
        for n in range(999):
            began = time.perf_counter()
            client.assign(f"01-{n:04}", stratum=specification.strata[0], proof="p")
            waits.append(time.perf_counter() - began)
        opened = VaultClient(process.socket_path, read_token(tmp_path / "v", "unblind"))
        listed = opened.open_list(by="test", reason="leak test", **AGREED)
    ranks = np.argsort(np.argsort(waits)) - (len(waits) - 1) / 2
    for arm in arms:
        own = ranks[[a.arm == arm for a in listed]]
        # Wilcoxon's sum of ranks, which is normal for so many.
        spread = math.sqrt(len(own) * (len(waits) - len(own)) * (len(waits) + 1) / 12)
        assert len(own) == 333
        assert abs(own.sum() / spread) < 4.5
