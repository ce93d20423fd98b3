"""A trial that comes to randomize otherwise: who asks, who agrees, and what waits for it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from msgspec.structs import replace

from equipoise import conduct
from equipoise.conduct import Person, RunningTrial
from equipoise.conduct.events import AmendmentRequested, from_entry
from equipoise.ledger import MemoryStore
from equipoise.problems import Refused, Text
from equipoise.randomization import check_specification, specify
from equipoise.study.protocol import Decision, Factor, RandomizationPlan, Site, StudyArm
from equipoise.study.roles import Role
from equipoise.study.study import Study
from equipoise.vault import LocalVault, VaultClient, create_vault, read_token
from equipoise.vault.keeping.amending import Agreement, amend_vault
from equipoise.vault.packets.messages import OpenedPacket, Printed

from .conftest import Clock, Course, open_second_account, small_study
from .test_opening import codes
from .test_packets import told_of

SKIN = {"mild": "skin.total < 25", "severe": "skin.total >= 25"}
SITE_03 = {"03": Site(label=Text("Site 03"))}


def base() -> Study:
    """Stratified by site and skin, so that a site or a level that comes needs a list."""
    study = small_study(planned=4)
    plan = RandomizationPlan(
        scheme="permuted_blocks",
        ratio=(1, 1),
        blocks=(4,),
        stratify=("site", "skin"),
        factors={"skin": Factor(label=Text("Skin", "Peau"), levels=SKIN)},
    )
    return replace(study, identity=replace(study.identity, randomization=plan))


def amended(study: Study, digest: str = "e", **changes: object) -> Study:
    """The same folder with other keys of `study.yaml`, and so another digest."""
    plan = study.identity.randomization
    assert plan is not None
    known = RandomizationPlan.__struct_fields__
    of_plan = {k: v for k, v in changes.items() if k in known}
    others = {k: v for k, v in changes.items() if k not in known}
    identity = replace(study.identity, randomization=replace(plan, **of_plan), **others)
    return replace(study, identity=identity, digest=digest * 64)


def of_three_arms() -> Study:
    """Of which `closing` then gives the third to nobody."""
    study = base()
    third = StudyArm(type="active_comparator", label=Text("T"), gives={"M0": "cells"})
    arms = {**study.identity.arms, "tau": third}
    return amended(study, "d", arms=arms, ratio=(1, 1, 1), blocks=(3,), planned_participants=12)


def closing(study: Study) -> Study:
    return amended(study, ratio=(1, 1, 0), blocks=(2,))


def with_site(study: Study, digest: str = "e") -> Study:
    return amended(study, digest, sites={**study.identity.sites, **SITE_03})


class Amending(Course):
    """A course with the files of its vault, so that the vault can be stopped and amended."""

    def __init__(self, trial: RunningTrial, clock: Clock, folder: Path) -> None:
        super().__init__(trial, clock)
        self.folder = folder
        self.vault: LocalVault | None = None
        self.serve()

    def serve(self) -> None:
        self.vault = LocalVault(self.folder, now=self.clock)
        self.trial.vault = VaultClient(self.vault, read_token(self.folder, "assign"))

    def packets(self) -> VaultClient:
        assert self.vault is not None
        return VaultClient(self.vault, read_token(self.folder, "packets"))

    def stop(self) -> None:
        if self.vault is not None:
            self.vault.close()
        self.vault = None

    def request(self, to: Study, by: str = "statistician", reason: str = "Amendment 2") -> None:
        conduct.request_amendment(self.trial, by=by, at=self.clock(), reason=reason, to=to)

    def confirm(self, to: Study, by: str = "safety_officer") -> None:
        conduct.confirm_amendment(self.trial, by=by, at=self.clock(), digest=to.digest)

    def amend_vault(self, to: Study) -> str:
        asked = self.trial.state.amendment
        assert asked is not None and asked.confirmed is not None
        assert to.identity.randomization is not None
        self.stop()
        root = amend_vault(
            self.folder,
            specify(to.identity, to.identity.randomization),
            contents={name: arm.gives for name, arm in to.identity.arms.items()},
            agreement=Agreement(
                digest=to.digest,
                agreed=(asked.requested.by, asked.confirmed.by),
                commitment=self.trial.state.commitment,
            ),
            by="keeper",
            reason="Amendment 2",
            at=self.clock(),
        )
        self.serve()
        return root

    def apply(self, to: Study) -> None:
        """As the command does: a trial on the new folder, in the same ledger."""
        self.trial = RunningTrial(to, self.trial.store, self.trial.vault)
        conduct.bring_into_force(self.trial, at=self.clock())

    def amend(self, to: Study) -> None:
        self.request(to)
        self.confirm(to)
        self.amend_vault(to)
        self.apply(to)

    def eligible_as(self, site: str, arm: int) -> str:
        code = self.screen(site)
        self.consent(code)
        self.submit(code, "skin", arm=arm, leg=10)
        self.submit(code, "vitals", weight=70.0, pregnant=False)
        self.judge(code)
        return code

    def randomized_as(self, site: str, arm: int) -> str:
        return self.randomize(self.eligible_as(site, arm))


@pytest.fixture
def opening(tmp_path: Path, clock: Clock) -> Iterator[Callable[[Study], Amending]]:
    made: list[Amending] = []

    def make(study: Study) -> Amending:
        assert study.identity.randomization is not None
        told = specify(study.identity, study.identity.randomization)
        contents = {name: arm.gives for name, arm in study.identity.arms.items()}
        create_vault(tmp_path / "v", told, contents=contents, realm="rehearsal")
        trial = RunningTrial(study, MemoryStore("small", "rehearsal"))
        course = Amending(trial, clock, tmp_path / "v")
        people = [Person(role.value, role.value, role.value) for role in Role]
        conduct.open_trial(trial, at=clock(), people=people)
        same = {"name": "Safety_Officer", "role": Role.DATA_MANAGER}
        open_second_account(trial, clock, "data_manager-2", **same)  # type: ignore[arg-type]
        made.append(course)
        return course

    yield make
    for course in made:
        course.stop()


@pytest.mark.requirement("F34")
def test_a_new_site_gets_its_list_and_the_others_go_on(
    opening: Callable[[Study], Amending],
) -> None:
    """Before: no such site. After: its first number is of the new part, the others' of the old."""
    study = base()
    course = opening(study)
    first = course.randomized_as("01", 10)
    with pytest.raises(Refused) as refused:
        course.screen("03")
    assert codes(refused) == ["EQ-C014"]

    new = with_site(study)
    course.amend(new)

    state = course.trial.state
    assert (state.digest, state.amendment) == (new.digest, None)
    assert set(state.sites) == {"01", "02", "03"}
    assert course.trial.vault is not None
    assert state.commitment == course.trial.vault.commitment() == state.commitments[1]
    assert len(set(state.commitments)) == 2
    assert (first, course.randomized_as("03", 20)) == ("R-001", "R2-005")
    assert course.randomized_as("01", 10) == "R-002"
    assert state.participants["01-001"].number == first
    kinds = [entry.type for entry in course.trial.store.read(chain="control")]
    kinds = kinds[kinds.index("AmendmentRequested") :]
    assert kinds == [
        "AmendmentRequested", "AmendmentConfirmed", "StudySealed", "StudyAmended", "SiteOpened",
    ]  # fmt: skip


@pytest.mark.requirement("F34")
@pytest.mark.parametrize(
    ("changes", "told", "anew"),
    [
        ({"planned_participants": 6}, {"planned_participants": ("4", "6")}, 0),
        ({"ratio": (2, 1), "blocks": (3, 3)}, {"randomization.blocks": ("[4]", "[3,3]"),
         "randomization.ratio": ("[1,1]", "[2,1]")}, 4),
        ({"factors": {"skin": Factor(label=Text("Skin", "Peau"), levels={
            "mild": "skin.total < 22", "grave": "skin.total < 25 and skin.total >= 22",
            "severe": "skin.total >= 25"})}}, None, 2),
    ],
    ids=["planned", "ratio", "level"],
)  # fmt: skip
def test_what_changes_and_what_begins_anew_is_on_record(
    opening: Callable[[Study], Amending],
    changes: dict[str, object],
    told: dict[str, tuple[str, str]] | None,
    anew: int,
) -> None:
    """Two people see the same: each key as it was and as it is, and whose list begins anew."""
    study = base()
    course = opening(study)
    course.randomized_as("01", 10)
    new = amended(study, **changes)
    course.amend(new)
    (asked,) = [
        from_entry(x.type, x.body or b"")
        for x in course.trial.store.read(stream="study")
        if x.type == "AmendmentRequested"
    ]
    assert isinstance(asked, AmendmentRequested)
    assert told is None or dict(asked.changes) == told
    assert len(asked.begins_anew) == anew
    assert course.randomized_as("01", 12).startswith("R2-" if anew else "R-")


@pytest.mark.requirement("F34", "F36")
def test_more_people_can_be_planned(opening: Callable[[Study], Amending]) -> None:
    """Full at four; six planned by two people, and the lists go on where they stood."""
    study = base()
    course = opening(study)
    numbers = [course.randomized_as("01", 10) for _ in range(4)]
    with pytest.raises(Refused) as refused:
        course.screen("01")
    assert codes(refused) == ["EQ-C020"]
    course.amend(amended(study, planned_participants=6))
    numbers += [course.randomized_as("01", 10) for _ in range(2)]
    assert numbers == ["R-001", "R-002", "R-003", "R-004", "R-017", "R-018"]


@pytest.mark.requirement("F34")
def test_a_closed_arm_is_given_to_nobody_any_more(
    opening: Callable[[Study], Amending],
) -> None:
    """Closed with a share of 0; of three arms two go on, and who has the third keeps it."""
    study = of_three_arms()
    course = opening(study)
    for _ in range(3):
        course.randomized_as("01", 10)
    course.amend(closing(study))
    for _ in range(9):
        course.randomized_as("01", 10)
    assert course.vault is not None
    nature = VaultClient(course.vault, read_token(course.folder, "nature"))
    given = [nature.nature(p.number) for p in course.trial.state.randomized]
    assert sorted(given[:3]) == ["alpha", "omega", "tau"]
    assert "tau" not in given[3:]
    assert nature.verify().ok


@pytest.mark.requirement("F34", "D02")
def test_between_agreement_and_force_nobody_is_randomized(
    opening: Callable[[Study], Amending],
) -> None:
    """All else goes on; a door that still has the old folder randomizes nobody afterwards."""
    study = base()
    course = opening(study)
    waiting = course.eligible()
    new = with_site(study)
    course.request(new)
    early = course.randomize(waiting)
    assert early == "R-001"
    waiting = course.eligible()
    course.confirm(new)
    for _ in ("agreed", "the vault is amended"):
        with pytest.raises(Refused) as refused:
            course.randomize(waiting)
        assert codes(refused) == ["EQ-C140"]
        course.submit(course.screen(), "consent", version="1.0")
        if course.trial.state.amendment:
            course.amend_vault(new)
    old = course.trial
    course.apply(new)
    course.trial, current = old, course.trial
    with pytest.raises(Refused) as refused:
        course.randomize(waiting)
    assert codes(refused) == ["EQ-C019"]
    course.trial = current
    assert course.randomize(waiting) == "R-002"


@pytest.mark.requirement("F34")
def test_two_people_in_two_roles_agree(opening: Callable[[Study], Amending]) -> None:
    """Not who asked, nor a second account of theirs, nor the same role, nor another text."""
    study = base()
    course = opening(study)
    new = with_site(study)
    with pytest.raises(Refused) as refused:
        course.confirm(new)
    assert codes(refused) == ["EQ-C145"]
    with pytest.raises(Refused) as refused:
        course.request(new, by="coordinator")
    assert codes(refused) == ["EQ-C002"]
    with pytest.raises(Refused) as refused:
        course.request(new, reason="")
    assert codes(refused) == ["EQ-C004"]
    course.request(new, by="data_manager")
    for second in ("data_manager", "data_manager-2"):
        with pytest.raises(Refused) as refused:
            course.confirm(new, by=second)
        assert codes(refused) == ["EQ-C146"]
    course.request(new, by="data_manager-2")
    with pytest.raises(Refused) as refused:
        course.confirm(new, by="safety_officer")  # the printed name is the same
    assert codes(refused) == ["EQ-C146"]
    course.request(with_site(study, "f"))
    with pytest.raises(Refused) as refused:
        course.confirm(new)
    assert codes(refused) == ["EQ-C145"]
    with pytest.raises(Refused) as refused:  # a signature, by who never said that it binds
        conduct.confirm_amendment(
            course.trial, by="safety_officer", at=course.clock(), digest="f" * 64, meaning="I agree"
        )
    assert codes(refused) == ["EQ-C106"]
    course.confirm(with_site(study, "f"))
    with pytest.raises(Refused) as refused:
        course.request(new)
    assert codes(refused) == ["EQ-C140"]


@pytest.mark.requirement("F34")
def test_a_number_on_its_way_comes_first(opening: Callable[[Study], Amending]) -> None:
    """The vault may have given it: the agreement waits until it is on record."""
    study = base()
    course = opening(study)
    code = course.eligible()
    on = course.clock.today
    conduct.request_randomization(
        course.trial, by="coordinator", at=course.clock(), participant=code, on=on
    )
    new = with_site(study)
    course.request(new)
    with pytest.raises(Refused) as refused:
        course.confirm(new)
    assert codes(refused) == ["EQ-C147"]
    course.randomize(code)
    course.confirm(new)
    assert course.trial.state.amendment is not None


@pytest.mark.requirement("F34", "F37")
def test_packets_are_accounted_for_before_and_drawn_no_more_after(
    opening: Callable[[Study], Amending],
) -> None:
    """Paper in a safe would go on giving what the amendment closes."""
    study = base()
    course = opening(study)
    who = {"by": "unblinded_statistician", "reason": "For an outage"}
    assert study.identity.randomization is not None
    strata = specify(study.identity, study.identity.randomization).strata
    who["stratum"] = next(s for s in strata if "01" in s and "mild" in s)
    printed = course.packets().print_packets("01", n=2, **who)
    conduct.record_packets(course.trial, course.packets().packets(), at=course.clock())
    new = with_site(study)
    course.request(new)
    with pytest.raises(Refused) as refused:
        course.confirm(new)
    assert codes(refused) == ["EQ-C137"] and "P1-01, P1-02" in str(refused.value)

    code = course.eligible_as("01", 10)
    told = OpenedPacket(
        packet="P1-01",
        code=printed.packets[0].code,
        participant=code,
        opened_at=course.clock(),
        opened_by="investigator",
        by="coordinator",
        reason="The server was down",
    )
    conduct.enter_packet(course.trial, told, at=course.clock())
    gone = {"packet": "P1-02", "became": "destroyed", "on": course.clock.today}
    conduct.account_packet(
        course.trial, by="coordinator", at=course.clock(), reason="Amendment 2", **gone
    )
    course.confirm(new)
    course.amend_vault(new)
    course.apply(new)

    with pytest.raises(Refused) as refused:
        course.packets().print_packets("01", n=1, **who)
    assert codes(refused) == ["EQ-V165"]
    again = course.packets().print_packets("01", batch=printed.batch, **who)
    assert again.packets == printed.packets
    assert course.trial.state.participants[code].number == printed.packets[0].number
    assert course.randomized_as("01", 10) == "R-001"  # the list is where it was
    assert course.packets().verify().problems == ()


def printed_for(course: Amending) -> Printed:
    """Three packets of site 01, one of each arm, of which the ledger knows."""
    course.clock()
    printed = course.packets().print_packets(
        "01", n=3, stratum="01/mild", by="unblinded_statistician", reason="For an outage"
    )
    assert sorted(p.arm for p in printed.packets if p.arm) == ["alpha", "omega", "tau"]
    conduct.record_packets(course.trial, course.packets().packets(), at=course.clock())
    return printed


def account(course: Amending, became: Literal["lost", "destroyed"]) -> None:
    for packet in ("P1-01", "P1-02", "P1-03"):
        conduct.account_packet(
            course.trial, by="monitor", at=course.clock(), packet=packet, became=became,
            on=course.clock.today, reason="Counted",
        )  # fmt: skip


@pytest.mark.requirement("F34", "F37", "D27")
def test_no_packet_gives_anything_after_an_amendment(
    opening: Callable[[Study], Amending],
) -> None:
    """Lost paper may be found: the agreement waits. What turns up after all is refused, whatever
    is in it and whenever it is said to have been opened; else the refusal would tell an arm.
    """
    study = of_three_arms()
    course = opening(study)
    printed = printed_for(course)
    early = course.clock()
    account(course, "lost")
    new = closing(study)
    course.request(new)
    with pytest.raises(Refused) as refused:
        course.confirm(new)
    assert codes(refused) == ["EQ-C137"] and "P1-01, P1-02, P1-03" in str(refused.value)
    account(course, "destroyed")
    course.amend(new)

    code = course.eligible_as("01", 10)
    for opened_at in (early, course.clock()):
        for packet in ("P1-01", "P1-02", "P1-03"):
            told = told_of(printed, packet, code, course.clock, opened_at=opened_at)
            with pytest.raises(Refused) as refused:
                conduct.enter_packet(course.trial, told, at=course.clock(), as_it_is=True)
            assert codes(refused) == ["EQ-V165"]
    assert not course.trial.state.participants[code].packets
    assert course.randomize(code).startswith("R2-")
    assert course.packets().verify().problems == ()


@pytest.mark.requirement("F34", "F37")
def test_paper_printed_since_the_agreement_is_accounted_for_first(
    opening: Callable[[Study], Amending],
) -> None:
    """However it came about, the trial does not go by the new folder while it is out."""
    study = of_three_arms()
    course = opening(study)
    new = closing(study)
    course.request(new)
    course.confirm(new)
    printed_for(course)
    course.amend_vault(new)
    with pytest.raises(Refused) as refused:
        course.apply(new)
    assert codes(refused) == ["EQ-C137"]
    account(course, "destroyed")
    course.apply(new)
    assert course.trial.state.digest == new.digest


@pytest.mark.requirement("F34", "F37", "D27")
def test_a_packet_opened_before_the_agreement_counts_until_the_vault_is_amended(
    opening: Callable[[Study], Amending],
) -> None:
    """Said to be destroyed, it was opened for somebody: kept. Opened since: like the others."""
    study = of_three_arms()
    course = opening(study)
    printed = printed_for(course)
    early, late = (course.eligible_as("01", 10) for _ in range(2))
    opened_at = course.clock()
    account(course, "destroyed")
    new = closing(study)
    course.request(new)
    course.confirm(new)

    told = told_of(printed, "P1-01", late, course.clock, opened_at=course.clock())
    with pytest.raises(Refused) as refused:
        conduct.enter_packet(course.trial, told, at=course.clock(), as_it_is=True)
    assert codes(refused) == ["EQ-C140"]
    told = told_of(printed, "P1-02", early, course.clock, opened_at=opened_at)
    conduct.enter_packet(course.trial, told, at=course.clock())
    course.amend_vault(new)
    course.apply(new)
    number = course.trial.state.participants[early].number
    assert number == next(p.number for p in printed.packets if p.packet == "P1-02")
    conduct.enter_packet(course.trial, told, at=course.clock())  # once, however often
    assert course.trial.state.participants[early].number == number


def test_what_an_amendment_may_not_change(opening: Callable[[Study], Amending]) -> None:
    """Each is refused by its own name, and nothing is recorded."""
    study = base()
    course = opening(study)
    for _ in range(2):
        course.randomized_as("01", 10)
    heads = course.trial.store.heads()
    plan = study.identity.randomization
    assert plan is not None

    def refused(to: Study) -> list[str]:
        with pytest.raises(Refused) as caught:
            course.request(to)
        return codes(caught)

    assert refused(replace(study, digest="e" * 64)) == ["EQ-C144"]
    title = replace(study.identity, title=Text("Another"))
    other = replace(with_site(study), identity=title, forms={})
    assert refused(other) == ["EQ-C141", "EQ-C144"]
    one = {"01": study.identity.sites["01"]}
    assert refused(amended(study, sites=one)) == ["EQ-C142"]
    assert refused(amended(study, planned_participants=1)) == ["EQ-C143"]
    assert refused(amended(study, stratify=("site",))) == ["EQ-V173", "EQ-V173"]
    assert refused(amended(study, scheme="complete", blocks=())) == ["EQ-V171"]
    arms = {**study.identity.arms, "new": study.identity.arms["alpha"]}
    added = amended(study, arms=arms, ratio=(1, 1, 2))
    assert refused(added) == ["EQ-C141", "EQ-V172"]
    assert refused(amended(study, ratio=(1, 0))) == ["EQ-V105"]
    bare = replace(study.identity, randomization=None)
    assert refused(replace(study, identity=bare, digest="e" * 64)) == ["EQ-R002"]
    assert course.trial.store.heads() == heads


@pytest.mark.requirement("F34", "F35")
def test_decisions_that_were_all_made_stay_made(opening: Callable[[Study], Amending]) -> None:
    """A trial without an open decision gets none by an amendment."""
    study = base()
    course = opening(study)
    asked = Decision(id="ratio", question=Text("?"), because=Text("-"))
    with pytest.raises(Refused) as refused:
        course.request(replace(with_site(study), decisions=(asked,)))
    assert codes(refused) == ["EQ-C011"]


@pytest.mark.requirement("F34", "C69")
def test_it_comes_into_force_with_the_vaults_own_commitment_alone(
    opening: Callable[[Study], Amending],
) -> None:
    """Not without agreement, not without a vault, not before the vault was amended for it."""
    study = base()
    course = opening(study)
    new = with_site(study)

    def refused(to: Study, vault: VaultClient | None) -> list[str]:
        with pytest.raises(Refused) as caught:
            trial = RunningTrial(to, course.trial.store, vault)
            conduct.bring_into_force(trial, at=course.clock())
        return codes(caught)

    vault = course.trial.vault
    assert isinstance(vault, VaultClient)
    assert refused(new, vault) == ["EQ-C145"]
    course.request(new)
    assert refused(new, vault) == ["EQ-C145"]
    course.confirm(new)
    assert refused(with_site(study, "f"), vault) == ["EQ-C145"]
    assert refused(new, None) == ["EQ-C053"]
    assert refused(new, vault) == ["EQ-V145"]
    course.amend_vault(new)
    course.apply(new)
    assert len(course.trial.state.commitments) == 2

    # Other conditions of the same levels: the vault's strata are the same, its commitment is not.
    levels = {"mild": "skin.total < 24", "severe": "skin.total >= 24"}
    third = amended(new, "f", factors={"skin": Factor(label=Text("Skin", "Peau"), levels=levels)})
    course.request(third)
    course.confirm(third)
    vault = course.trial.vault
    assert isinstance(vault, VaultClient)
    assert refused(third, vault) == ["EQ-V178"]
    course.amend_vault(third)
    course.apply(third)
    assert len(set(course.trial.state.commitments)) == 3


def test_a_locked_trial_is_not_amended(opening: Callable[[Study], Amending]) -> None:
    """After the lock there is nobody to randomize."""
    study = base()
    course = opening(study)
    conduct.lock_data(course.trial, by="data_manager", at=course.clock())
    with pytest.raises(Refused) as refused:
        course.request(with_site(study))
    assert codes(refused) == ["EQ-C016"]


@pytest.mark.requirement("F18", "F19")
@pytest.mark.parametrize(
    ("leaves_out", "expected"),
    [
        (None, ()),
        ((), ()),
        (("withdrawn",), ("01-001",)),
        (("in_error",), ("01-002",)),
        (("withdrawn", "in_error"), ("01-001", "01-002")),
    ],
)
def test_who_is_not_counted_is_fixed_with_the_request(
    opening: Callable[[Study], Amending],
    leaves_out: tuple[str, ...] | None,
    expected: tuple[str, ...],
) -> None:
    """One withdrew, one was randomized in error: the rule decides, on record before the vault."""
    study = amended(
        base(), "d", scheme="minimization", blocks=(), probability=0.8, floor=0.1,
        leaves_out=leaves_out,
    )  # fmt: skip
    course = opening(study)
    numbers = [course.randomized_as("01", 10) for _ in range(3)]
    said = {"by": "investigator", "reason": "Moved away", "on": course.clock.today}
    conduct.withdraw_participant(
        course.trial,
        at=course.clock(),
        participant="01-001",
        **said,  # type: ignore[arg-type]
    )
    conduct.record_deviation(
        course.trial, at=course.clock(), participant="01-002", kind="randomized_in_error",
        **said,  # type: ignore[arg-type]
    )  # fmt: skip
    numbers.append(course.randomized_as("01", 10))
    state = course.trial.state
    assert state.participants["01-004"].left_out == expected
    assert state.participants["01-003"].left_out == ()
    assert len(set(numbers)) == 4
    assert course.vault is not None
    sealed = course.vault._connection.execute(
        "SELECT sealed FROM vault_slot WHERE number = ?", (numbers[3],)
    ).fetchone()[0]
    mask = {(): "", ("01-001",): "1", ("01-002",): "2", ("01-001", "01-002"): "3"}[expected]
    assert f'"left_out":"{mask}"' in course.vault._seals.open(numbers[3], sealed).decode()


@pytest.mark.requirement("F18", "F19")
def test_in_blocks_nothing_of_who_left_is_used_again(
    opening: Callable[[Study], Amending],
) -> None:
    """The next number is the next entry, whoever withdrew before."""
    course = opening(base())
    assert course.randomized_as("01", 10) == "R-001"
    conduct.withdraw_participant(
        course.trial, by="investigator", at=course.clock(), reason="Moved away",
        participant="01-001", on=course.clock.today,
    )  # fmt: skip
    assert course.randomized_as("01", 10) == "R-002"


@pytest.mark.requirement("F18", "F34")
def test_the_rule_on_who_counts_is_a_version_of_its_own(
    opening: Callable[[Study], Amending],
) -> None:
    """It changes by an amendment alone, with a commitment of its own, and for lists not at all."""
    study = amended(base(), "d", scheme="minimization", blocks=(), probability=0.8, floor=0.1)
    course = opening(study)
    course.randomized_as("01", 10)
    course.amend(amended(study, leaves_out=("withdrawn",)))
    assert course.randomized_as("01", 10) == "R2-001"
    assert len(set(course.trial.state.commitments)) == 2
    listed = specify(base().identity, base().identity.randomization)  # type: ignore[arg-type]
    wrong = check_specification(replace(listed, leaves_out=("withdrawn",)))
    assert [p.code for p in wrong] == ["EQ-V111"]
