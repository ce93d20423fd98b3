"""The register of unblinding: code-breaks from the vault, mistakes, and the end of the blind.

A break is recorded by the vault first, and from there in the ledger: by whom, when and why, never
what was answered, nor what was asked, which tells of an answer before.

The code is opened for analysis after the lock alone, when a blinded statistician has signed the
populations and a second person in another role has agreed.
"""

import datetime as dt
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence

import msgspec

from equipoise.conduct import events as e
from equipoise.conduct.door import Events, RunningTrial, View, act, at_record, refuse_if
from equipoise.conduct.evolve import fold
from equipoise.conduct.facts import assess_populations
from equipoise.conduct.parts import Proof, is_own
from equipoise.conduct.rules import (
    check_accountable,
    check_not_future,
    check_reason,
    check_since_screening,
)
from equipoise.conduct.state import Participant, Person, TrialState, Unblinding
from equipoise.language import Known
from equipoise.ledger import Entry
from equipoise.problems import Problem, Text, Where, natural_order, problem
from equipoise.study.roles import UNBLINDED_ROLES, Role
from equipoise.study.study import Study
from equipoise.vault import Break

BREAKERS = (Role.INVESTIGATOR, Role.SAFETY_OFFICER)
"""Who may break the code: physicians of the participant's site, and the safety officer."""
WITNESSES = tuple(r for r in Role if r not in UNBLINDED_ROLES | {Role.ADMINISTRATOR})
"""Who may tell that somebody came to know an arm: whoever works blinded."""
SECOND = (Role.DATA_MANAGER, Role.SAFETY_OFFICER)
"""Who agrees, beside the statistician, that the code is opened for analysis."""
SAYS_NOTHING = frozenset(
    {"without", "before", "after", "avant", "apres", "product", "produit", "suspension"}
    | {"infusion", "perfusion", "injection", "treatment", "traitement", "medium", "milieu"}
)
"""Words that the name of any product may contain, and that everybody needs."""
TELLS_ANYWHERE = ("placebo", "pbo", "verum", "sham", "simulacre")
"""What every trial calls one side of its blind; `active` is told by its place, below."""
_ACTIVE = re.compile(
    r"\bactives? (?:treatment|drug|product|arm|group|substance|medication|one)s?\b"
    r"|\b(?:traitement|produit|bras|groupe|medicament|principe|lot|sous|recu|eu)s? (?:l.)?actifs?\b"
    r"|\b(?:substance|branche) active\b|\bl.actif\b"
    r"|\b(?:on|got|had|given|received) (?:the )?active(?=\W*$|[.,;:)])"
    r"|^\W*(?:active|actif)\W*$"
    r"|\b(?:control|comparator) (?:arm|group)\b"
    r"|\b(?:bras|groupe) (?:de )?(?:controle|temoin|comparateur)\b"
)
_OTHER_CELLS = re.compile(
    r"\b(?:white|red|packed|mast|plasma) (?:blood )?cells?\b|\bcell (?:therapy )?unit\b"
)
"""Cells that everybody has, and the people who prepare: neither tells a product."""
_COUNTED = re.compile(r"((?:one|two|three|four|deux|trois|quatre) \w+) (?:of|de|d)\b")
"""How often an arm receives. Not `une`: it is an article, too."""


def record_breaks(
    trial: RunningTrial, breaks: Sequence[Break], *, at: dt.datetime
) -> tuple[Entry, ...]:
    """Record each break of the vault that the ledger does not have yet, once.

    `at` is now; when it was broken stands in the event. What the ledger cannot place waits:
    `find_unplaced` tells it. Until the lock the first of one person about one participant stands
    for all: that somebody asked once more tells what the first answer was.
    """
    made: tuple[Entry, ...] = ()
    with trial.transaction():
        state = trial.state
        for broken in find_missing(state, breaks):
            if broken.participant in state.participants and not _waits(state, broken):
                news = _record(trial, broken, at=at, state=state)
                # The trial knows what is committed alone; this is not, yet.
                state, made = fold(state, news), made + news
    return made


def _waits(state: TrialState, broken: Break) -> bool:
    return state.locked is None and broken.participant in unblinded_for(state, broken.by)


def _record(
    trial: RunningTrial, broken: Break, *, at: dt.datetime, state: TrialState
) -> tuple[Entry, ...]:
    event = e.CodeBroken(
        participant=broken.participant,
        kind=broken.kind,
        question="",  # the vault's log has it
        broken_at=broken.at,
        reference=reference_of(broken),
    )
    person = state.people.get(broken.by) or Person(broken.by, broken.by, broken.role)
    return trial.record(View(trial.study, state, person), [event], at=at, reason=broken.reason)


def find_missing(state: TrialState, breaks: Iterable[Break]) -> list[Break]:
    """The breaks of the vault that the ledger does not have: by their place and their time."""
    known = {(u.reference, u.broken_at) for _, u in list_unblindings(state)}
    return [b for b in breaks if (reference_of(b), b.at) not in known]


def find_unplaced(state: TrialState, breaks: Iterable[Break]) -> tuple[Problem, ...]:
    """Breaks for participants whom the ledger does not know: the two are not of one time."""
    return tuple(
        problem("EQ-V033", b.participant, participant=b.participant, reference=reference_of(b))
        for b in breaks
        if b.participant not in state.participants
    )


def reference_of(broken: Break) -> str:
    """Where a break stands in the vault's log; a restored vault counts on from an earlier place."""
    return f"vault:{broken.seq}"


@act(*WITNESSES)
def record_unblinding(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    participant: str,
    on: dt.date,
    learned: str,
) -> Events:
    """Tell that somebody came to know, by mistake, what a participant receives: who, when, how.

    What they know must not be told: words that name an arm or a product are refused.
    """
    subject = view.participant(participant)
    where = at_record(participant)
    problems = [
        *check_not_future(on, at=at, where=where),
        *check_since_screening(subject, on=on, where=where),
        *check_reason(reason, act="record_unblinding", where=where),
        *check_tells_nothing(view.study, (reason, learned), where=where),
    ]
    if not learned.strip():
        problems.append(problem("EQ-V034", where))
    refuse_if(problems)
    return [
        e.CodeBroken(
            participant=participant,
            kind="inadvertent",
            question="",
            broken_at=dt.datetime.combine(on, dt.time(), dt.UTC),
            learned=learned.strip(),
        )
    ]


@act(Role.SAFETY_OFFICER, Role.INVESTIGATOR)
def assess_unblinding(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    participant: str,
    entry: str,
    impact: str,
    action: str,
) -> Events:
    """Say what an unblinding of that entry means for the trial and what was done about it."""
    subject = view.participant(participant)
    where = at_record(participant)
    problems = list(check_tells_nothing(view.study, (impact, action), where=where))
    if entry not in {u.stamp.entry for u in subject.unblindings}:
        problems.append(problem("EQ-V035", where, entry=entry))
    if not impact.strip() or not action.strip():
        problems.append(problem("EQ-V036", where))
    refuse_if(problems)
    said = {"impact": impact.strip(), "action": action.strip()}
    return [e.UnblindingAssessed(participant=participant, entry=entry, **said)]


@act(Role.STATISTICIAN)
def sign_populations(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    meaning: str,
    digest: str,
    proof: Proof = "",
) -> Events:
    """Fix, blinded and after the lock, who belongs to which population (ICH E9 5.2, 7.1)."""
    problems = _check_to_sign(view, digest=digest, proof=proof)
    refuse_if(problems)
    return [e.PopulationsSigned(digest=digest, meaning=meaning, proof=proof)]


@act(*SECOND)
def agree_unblinding(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    meaning: str,
    digest: str,
    proof: Proof = "",
) -> Events:
    """Agree, as the second person, that the code is opened for these signed populations."""
    problems = _check_to_sign(view, digest=digest, proof=proof)
    signed = view.state.populations
    if signed is None or signed.digest != digest:
        problems.append(problem("EQ-V037", view.state.study))
    elif is_own(signed.stamp, view.person, people=view.state.people):
        problems.append(problem("EQ-C195", view.state.study, name=view.person.name))
    refuse_if(problems)
    return [e.UnblindingAgreed(digest=digest, meaning=meaning, proof=proof)]


def _check_to_sign(view: View, *, digest: str, proof: Proof) -> list[Problem]:
    problems = list(check_accountable(view.person, proof=proof))
    if view.state.locked is None:
        problems.append(problem("EQ-V038", view.state.study))
    elif digest != digest_of_populations(view.study, view.state):
        problems.append(problem("EQ-V039", view.state.study))
    return problems


def check_opened(study: Study, state: TrialState) -> tuple[Problem, ...]:
    """Whether the code may be opened for analysis: locked, populations signed, two people.

    The same populations as now: what was redacted or corrected since would show in the digest.
    """
    if state.locked is None:
        return (problem("EQ-V038", state.study),)
    if state.populations is None or state.unblinding is None:
        return (problem("EQ-V037", state.study),)
    digests = {state.populations.digest, state.unblinding.digest}
    if digests != {digest_of_populations(study, state)}:
        return (problem("EQ-V039", state.study),)
    return ()


def digest_of_populations(study: Study, state: TrialState) -> str:
    """SHA-256 of each participant's membership of each population: true, false or unknown."""
    members = {
        code: {
            name: value.value if isinstance(value, Known) else None
            for name, value in assess_populations(study, subject).items()
        }
        for code, subject in sorted(state.participants.items())
    }
    bound = ("equipoise/populations/1", study.digest, members)
    return hashlib.sha256(msgspec.json.encode(bound, order="deterministic")).hexdigest()


def list_unblindings(state: TrialState) -> list[tuple[Participant, Unblinding]]:
    """The register: each unblinding with its participant, the latest first."""
    found = [(p, u) for p in state.participants.values() for u in p.unblindings]
    return sorted(found, key=lambda pair: pair[1].broken_at, reverse=True)


def unblinded_for(state: TrialState, person: str) -> tuple[str, ...]:
    """The participants for whom somebody broke the code: no longer blinded about them."""
    broken = {p.code for p, u in list_unblindings(state) if u.reference and u.stamp.by == person}
    return tuple(sorted(broken, key=natural_order))


def check_tells_nothing(study: Study, texts: Iterable[str], *, where: Where) -> tuple[Problem, ...]:
    """No words that go into the blinded record name an arm or a product.

    Accents and a plural's `s` make no difference: who is in a hurry leaves them out. The title of
    the trial says nothing, and may be written whole.
    """
    pattern = _telling_pattern(study)
    title = study.identity.title
    neutral = [
        _OTHER_CELLS,
        *(re.compile(re.escape(_fold(x))) for x in (title.en, title.fr) if " " in x),
    ]
    found: set[str] = set()
    for text in texts:
        said = _fold(text)
        for phrase in neutral:
            said = phrase.sub(" ", said)
        found |= {m[0].strip() for p in (pattern, _ACTIVE) for m in p.finditer(said)}
        found |= set(_arm_letters(study).findall(text))
    return (problem("EQ-V032", where, words=", ".join(sorted(found))),) if found else ()


def _telling_pattern(study: Study) -> re.Pattern[str]:
    """Identifiers and names of arms and products, in both languages, and of them what tells.

    Of a product each word and each code such as MSC; of either what stands in brackets, if it is
    three words or more; of an arm how often it receives.
    """
    words = {*TELLS_ANYWHERE}
    for product in study.treatments.products.values():
        said = re.findall(r"[^\W\d_]{5,}", _fold(f"{product.label.en} {product.label.fr}"))
        words |= {word for word in said if word.removesuffix("s") not in SAYS_NOTHING}
    for name, label in _names(study):
        words.add(_fold(name.replace("_", " ")))
        for text in (label.en, label.fr):
            words.add(_fold(text))
            words |= {_fold(code) for code in re.findall(r"\b[A-Z][A-Z0-9]{2,}(?:-\d+)?\b", text)}
            inside = [
                part for group in re.findall(r"\(([^)]*)\)", text) for part in group.split(",")
            ]
            words |= {_fold(part.strip()) for part in inside if len(part.split()) > 2}
    for arm in study.identity.arms.values():
        counted = [_COUNTED.match(_fold(text)) for text in (arm.label.en, arm.label.fr)]
        words |= {m[1] for m in counted if m}
    stems = sorted(re.escape(word.removesuffix("s")) for word in words if len(word) > 2)  # not "A"
    return re.compile(rf"(?<!\w)(?:{'|'.join(stems)})s?(?!\w)")


def _arm_letters(study: Study) -> re.Pattern[str]:
    """`arm A`: a name of one letter or two tells after that word alone, and in its own case."""
    short = [n for name, label in _names(study) for n in (name, label.en, label.fr) if len(n) < 3]
    names = "|".join(sorted(re.escape(n.upper()) for n in short)) or r"(?!)"
    return re.compile(rf"(?i:arm|bras|group|groupe)\s+(?:{names})\b")


def _names(study: Study) -> list[tuple[str, Text]]:
    """Arms and products: identifier and label."""
    arms = [(name, arm.label) for name, arm in study.identity.arms.items()]
    return [*arms, *((name, p.label) for name, p in study.treatments.products.items())]


def _fold(text: str) -> str:
    """Small letters without accents."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in parts if not unicodedata.combining(c))
