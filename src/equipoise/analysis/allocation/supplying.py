"""Whether shipments tell who received the same: policies of resupply, and who watches them.

The adversary sees every shipment with the number of bags of each kind of box, without knowing what
a kind holds, the number of people that the cell unit declares, and each infusion. The study's own
policy orders by what was declared; the two beside it are common elsewhere and tell.
"""

from collections.abc import Callable
from itertools import combinations

import numpy as np
from msgspec import Struct

from equipoise.analysis.allocation.measuring import Numbers
from equipoise.analysis.allocation.pairing import Codes, Pairing, estimate_pairing
from equipoise.analysis.allocation.walking import Places, Setting, draw_sequences
from equipoise.analysis.texts import word
from equipoise.conduct.cells.tracing import bags_at_most
from equipoise.problems import Text
from equipoise.randomization import Walk
from equipoise.study.study import Study
from equipoise.supply import plan_preparation

TRIALS = 6_000
"""Half to learn from, half to tell."""
PAIRS = 160
LOW, CASE = 2, 4
"""Order when so few people could still be randomized; for so many people at a time."""
FAILS, LOST = 0.05, 0.02
"""After each infusion: the chance that a thawed bag of cells had failed before, that a stored bag
of some product breaks. Cells alone fail, which is how stock could tell."""
WEIGHTS = 21
SIGHTS = 32


class Watched(Struct, frozen=True):
    """A policy of resupply, and how well the adversary tells pairs: before and after they come to
    know what one participant received."""

    name: Text
    is_own: bool
    unbroken: Pairing
    broken: Pairing


class Site(Struct, frozen=True):
    """What the simulation takes of a study.

    `contents[arm, encounter]` numbers the product, `can_fail` says of which a thawed bag can fail;
    `days` are the days of the infusions from randomization, `rate` how many people come a day;
    `bags` are what people of different weights need, `bags_each` what the heaviest does.
    """

    contents: Places
    can_fail: Places
    days: Numbers
    rate: float
    bags: Places
    bags_each: int


class Stock:
    """What came, what is there and what is counted, of each product, one row a trial."""

    def __init__(self, site: Site, n_trials: int) -> None:
        n_encounters, n_products = site.contents.shape[1], len(site.can_fail)
        self.bags_each, self.n_encounters = site.bags_each, n_encounters
        self.case = CASE * n_encounters * site.bags_each
        self.received = np.full((n_trials, n_products), self.case)
        self.stored = self.received.copy()
        self.lost, self.thawed, self.last = (np.zeros_like(self.received) for _ in range(3))
        self.n_randomized, self.n_infused = (np.zeros(n_trials, dtype=np.int64) for _ in range(2))

    def declared(self) -> Places:
        """How many people may be randomized in all, as `derive_places` counts them, where no bag
        expires."""
        each = self.bags_each
        beyond = self.thawed.max(axis=1) - each * self.n_infused
        shares = self.n_infused + np.maximum(0, -(-beyond // each))
        left = np.maximum(0, self.received - self.lost - each * shares[:, None]) // each
        owed = self.n_randomized * self.n_encounters - self.n_infused
        places = np.maximum(0, left.min(axis=1) - owed) // self.n_encounters
        return np.asarray(self.n_randomized + places)

    def take(self, used: Places) -> None:
        """Bags of each product were thawed for an infusion."""
        self.last = used
        self.thawed += used
        self.stored -= used
        self.n_infused += 1

    def lose(self, broken: Places) -> None:
        """Stored bags of each product are no more."""
        self.lost += broken
        self.stored -= broken

    def receive(self, shipped: Places) -> None:
        """A shipment came."""
        self.received += shipped
        self.stored += shipped


Policy = Callable[[Stock], Places]


def by_declared(stock: Stock) -> Places:
    """The same of every product, when the declared number nears how many were randomized."""
    is_low = np.asarray(stock.declared() - stock.n_randomized < LOW)
    return np.asarray(is_low[:, None] * np.full_like(stock.received, stock.case))


def by_stock(stock: Stock) -> Places:
    """Each product by itself, up to a level, when few bags of it are left."""
    level = 2 * stock.bags_each
    return np.where(stock.stored < stock.bags_each, level - stock.stored, 0)


def after_each(stock: Stock) -> Places:
    """What was used, after every infusion."""
    return stock.last


POLICIES: tuple[tuple[str, Policy], ...] = (
    ("supply_by_declared", by_declared),
    ("supply_by_stock", by_stock),
    ("supply_after_each", after_each),
)


def watch_policies(
    study: Study, walk: Walk, setting: Setting, *, seed: int, n_trials: int = TRIALS
) -> tuple[Watched, ...]:
    """Every policy in this study's numbers, the study's own first; none where nothing differs."""
    site = site_of(study)
    if site is None:
        return ()
    watched = []
    for key, policy in POLICIES:
        randomness = np.random.default_rng(seed)
        _, arms = draw_sequences(walk, setting, n_sequences=n_trials, randomness=randomness)
        seen = run_policy(policy, site, arms, randomness=randomness)
        pairs = _pairs(setting.n, randomness)
        unbroken, broken = (_tell(site, arms, seen, pairs, is_broken=b) for b in (False, True))
        watched.append(Watched(word(key), policy is by_declared, unbroken, broken))
    return tuple(watched)


def site_of(study: Study) -> Site | None:
    """What the simulation takes of a study; None where every infusion holds the same."""
    encounters, arms = study.infusion_encounters, study.identity.arms.values()
    products = sorted({product for arm in arms for product in arm.gives.values()})
    if len(products) < 2 or any(set(arm.gives) != set(encounters) for arm in arms):
        return None
    numbers = {product: k for k, product in enumerate(products)}
    monthly = sum(study.scenario.accrual_per_month.values()) or 1.0
    planned = study.schedule.encounters
    return Site(
        contents=np.array([[numbers[arm.gives[e]] for e in encounters] for arm in arms]),
        can_fail=np.array([int(study.treatments.products[p].active) for p in products]),
        days=np.array([float(planned[e].day or 0) for e in encounters]),
        rate=monthly / 30,
        bags=_bags_of(study),
        bags_each=bags_at_most(study),
    )


def run_policy(
    policy: Policy, site: Site, arms: Places, *, randomness: np.random.Generator
) -> Places:
    """What is seen right after each infusion: bags shipped of each kind, and the declared number's
    change. By trial, participant and encounter."""
    n_trials, n = arms.shape
    n_encounters, n_products = site.contents.shape[1], len(site.can_fail)
    came = randomness.exponential(1 / site.rate, (n_trials, n)).cumsum(axis=1)
    order = (came[:, :, None] + site.days).reshape(n_trials, -1).argsort(axis=1, kind="stable")
    needed = randomness.choice(site.bags, (n_trials, n))
    everyone, each = np.arange(n_trials), np.eye(n_products, dtype=np.int64)
    stock = Stock(site, n_trials)
    seen = np.zeros((n_trials, n * n_encounters, n_products + 1), dtype=np.int64)
    declared = stock.declared()
    for infusion in order.T:
        who, encounter = np.divmod(infusion, n_encounters)
        stock.n_randomized += encounter == 0
        product = site.contents[arms[everyone, who], encounter]
        failed = site.can_fail[product] * (randomness.random(n_trials) < FAILS)
        stock.take(each[product] * (needed[everyone, who] + failed)[:, None])
        broken = each[randomness.integers(n_products, size=n_trials)]
        stock.lose(broken * (randomness.random((n_trials, 1)) < LOST))
        shipped = policy(stock)
        stock.receive(shipped)
        before, declared = declared, stock.declared()
        seen[everyone, infusion] = np.column_stack([shipped, declared - before])
    return seen.reshape(n_trials, n, n_encounters, n_products + 1)


def _tell(
    site: Site, arms: Places, seen: Places, pairs: tuple[Places, Places], *, is_broken: bool
) -> Pairing:
    """The pairs of each encounter; with a code-break the contents of the first are known too."""
    one, other = pairs
    same, known, sights = [], [], []
    for encounter in range(site.contents.shape[1]):
        held, sight = site.contents[arms, encounter], seen[:, :, encounter]
        same.append(held[:, one] == held[:, other])
        knows = np.broadcast_to(np.arange(len(one)) + encounter * len(one), same[-1].shape)
        sees = _compare(sight, one, other)
        if is_broken:
            first = np.zeros_like(one)
            knows = knows * len(site.can_fail) + held[:, :1]
            sees = sees * SIGHTS + _compare(sight, first, one)
            sees = sees * SIGHTS + _compare(sight, first, other)
        known.append(knows)
        sights.append(knows * SIGHTS**3 + sees)
    return estimate_pairing(*(np.concatenate(x, axis=1) for x in (same, known, sights)))


def _compare(sight: Places, one: Places, other: Places) -> Codes:
    """What followed the one and the other: a shipment, of the same kinds, a declared number that
    fell; a number below `SIGHTS`."""
    is_sent, has_fallen = sight[:, :, :-1] > 0, sight[:, :, -1] < 0
    is_any = np.any(is_sent, axis=2)
    is_same = np.all(is_sent[:, one] == is_sent[:, other], axis=2)
    facts = is_any[:, one], is_any[:, other], is_same, has_fallen[:, one], has_fallen[:, other]
    return np.asarray(sum(fact.astype(np.int64) << bit for bit, fact in enumerate(facts)))


def _pairs(n: int, randomness: np.random.Generator) -> tuple[Places, Places]:
    """All pairs of participants, or some of them, drawn, where they are many; never the first,
    of whom a code-break tells."""
    found = np.array([*combinations(range(1, n), 2)])
    if len(found) > PAIRS:
        found = found[randomness.choice(len(found), PAIRS, replace=False)]
    return found[:, 0], found[:, 1]


def _bags_of(study: Study) -> Places:
    """The bags that people of evenly spaced weights need; one where there is no dose."""
    dose, bag = study.treatments.dose, study.treatments.bag
    if dose is None or bag is None:
        return np.array([1])
    weights = np.linspace(*dose.weight_range, WEIGHTS)
    return np.array([plan_preparation(dose, bag, round(float(kg), 1)).n_bags for kg in weights])
