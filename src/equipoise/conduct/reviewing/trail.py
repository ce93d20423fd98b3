"""The review of the audit trail (ICH E6(R3) 4.2.3): what was looked at, by whom, what was found.

The system counts what a filter finds and draws the sample, from the record alone: whoever has the
chain finds the same entries again. The review holds numbers of entries, nothing of their content.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence

from msgspec import Struct

from equipoise.conduct import events as e
from equipoise.conduct.acts.people import add_months
from equipoise.conduct.acts.unblinding import check_tells_nothing
from equipoise.conduct.door import Events, RunningTrial, View, act, refuse_if
from equipoise.conduct.parts import TrailFilter, TrailReview
from equipoise.conduct.state import Person, TrialState
from equipoise.ledger import Entry, Head
from equipoise.ledger.store import find_entry
from equipoise.problems import Problem, Refused, Where, problem
from equipoise.study.roles import Role
from equipoise.study.study import Study

REVIEWERS = (Role.MONITOR, Role.DATA_MANAGER, Role.INVESTIGATOR)
"""Who reviews. An auditor reads the trail and the reviews, and stays apart from both."""
MOST = 500
"""Nobody looks at more entries at once; of more, a sample is drawn."""
SHORTEST = 3
"""A finding has at least so many characters."""
CONTROL = "control"
"""The chain of what concerns the whole trial."""


class Seen(Struct, frozen=True):
    """What a filter finds in a chain up to an entry, and which of it is looked at, in its order.

    `is_sample` is whether those were drawn; `until` is where the time that was looked at ends.
    """

    chain: str
    asked: TrailFilter
    up_to: int
    n_entries: int
    entries: tuple[Entry, ...]
    is_sample: bool
    until: dt.datetime


def look_at_trail(
    trial: RunningTrial,
    *,
    at: dt.datetime,
    chain: str,
    asked: TrailFilter,
    up_to: int | None = None,
    n_sample: int = 0,
) -> Seen:
    """Find the entries of a chain, up to its last one now or to `up_to`; 0 samples is every entry.

    Raises:
        Refused: the chain has no such entry.
    """
    with trial.lock:
        head = trial.store.heads().get(chain, Head(0, ""))
        last = head.seq if up_to is None else up_to
        if not 0 <= last <= head.seq:
            raise Refused([problem("EQ-C120", f"{chain} / {last}", chain=chain, seq=last)])
        known = trial.store.read(chain=chain, until={chain: Head(last, "")})
        found = [entry for entry in known if matches(entry, asked)]
        drawn_by, later = (find_entry(trial.store, chain, seq) for seq in (last, last + 1))
    is_sample = 0 < n_sample < len(found)
    looked = draw_sample(found, n_sample, seed=drawn_by.digest if drawn_by else "")
    ends = [x for x in (at, asked.before, later.at if later else None) if x is not None]
    given = (len(found), looked if is_sample else tuple(found), is_sample)
    return Seen(chain, asked, last, *given, until=min(ends))


def matches(entry: Entry, asked: TrailFilter) -> bool:
    """Whether a filter takes an entry."""
    if (asked.since and entry.at < asked.since) or (asked.before and entry.at >= asked.before):
        return False
    if asked.participant not in ("", entry.stream) or asked.person not in ("", entry.by):
        return False
    return not asked.form or _form_of(entry) == asked.form


def draw_sample(entries: Sequence[Entry], n: int, *, seed: str) -> tuple[Entry, ...]:
    """`n` of these, in their order: those whose SHA-256 of `seed:chain:seq` is the least.

    The seed is the digest of the last entry that was there, so nobody chooses who is drawn.
    """
    ranked = sorted(entries, key=lambda x: _rank(seed, x))
    return tuple(sorted(ranked[:n], key=lambda x: x.seq))


def review_trail(
    trial: RunningTrial,
    *,
    by: str,
    at: dt.datetime,
    chain: str,
    asked: TrailFilter,
    up_to: int,
    n_sample: int = 0,
    finding: str = "",
    entries: tuple[int, ...] = (),
) -> tuple[Entry, ...]:
    """Record a review of what stood there up to entry `up_to`; the system counts and draws anew.

    Raises:
        Refused: the chain has no such entry, or the review cannot be recorded so.
    """
    with trial.transaction():
        look = {"chain": chain, "asked": asked, "up_to": up_to, "n_sample": n_sample}
        seen = look_at_trail(trial, at=at, **look)  # type: ignore[arg-type]
        return record_trail_review(trial, by=by, at=at, seen=seen, finding=finding, entries=entries)


@act(*REVIEWERS)
def record_trail_review(
    view: View,
    *,
    by: str,
    at: dt.datetime,
    reason: str = "",
    seen: Seen,
    finding: str = "",
    entries: tuple[int, ...] = (),
) -> Events:
    """Record what was looked at, what was found, and which entries that points to."""
    where, finding = Where(record=seen.chain), finding.strip()
    looked = {x.seq for x in seen.entries}
    problems: list[Problem] = []
    if seen.chain not in chains_of(view.state, view.person):
        problems.append(problem("EQ-C175", where, chain=seen.chain))
    if len(looked) > MOST:
        problems.append(problem("EQ-C176", where, n=len(looked), most=MOST))
    if others := sorted(set(entries) - looked):
        problems.append(problem("EQ-C177", where, entries=", ".join(map(str, others))))
    if finding or entries:
        if len(finding) < SHORTEST:
            problems.append(problem("EQ-C178", where))
        problems += check_tells_nothing(view.study, [finding], where=where)
    refuse_if(problems)
    return [
        e.AuditTrailReviewed(
            chain=seen.chain,
            asked=seen.asked,
            up_to=seen.up_to,
            n_entries=seen.n_entries,
            sample=tuple(x.seq for x in seen.entries) if seen.is_sample else (),
            until=seen.until,
            finding=finding,
            entries=tuple(sorted(entries)),
        )
    ]


def chains_of(state: TrialState, person: Person) -> tuple[str, ...]:
    """The chains whose trail somebody may read: of each of their sites, and of the whole trial."""
    return (*(f"site-{site}" for site in state.sites if person.may_see(site)), CONTROL)


def derive_trail_days(study: Study, state: TrialState) -> Mapping[str, dt.date]:
    """By chain, until when its trail must be reviewed; nothing where the study asks for none."""
    months = study.identity.trail_review_months
    if not months or not state.sites:
        return {}
    chains = (*(f"site-{site}" for site in state.sites), CONTROL)
    return {c: add_months(covered_until(state, c).date(), months) for c in chains}


def list_reviews(state: TrialState) -> tuple[TrailReview, ...]:
    """Every review of every trail, as they were recorded."""
    every = (r for own in state.trail_reviews.values() for r in own)
    return tuple(sorted(every, key=lambda r: (r.stamp.at, r.chain)))


def opened_at(state: TrialState, chain: str) -> dt.datetime:
    """When the site of a chain was opened; of the whole trial, the first one."""
    stamp = state.sites.get(chain.removeprefix("site-"))
    return stamp.at if stamp else min(s.at for s in state.sites.values())


def covered_until(state: TrialState, chain: str) -> dt.datetime:
    """Up to when every entry of an open site was reviewed, or was in what was drawn from.

    A review of a single form or person, or of days that leave a gap before them, is on record and
    moves nothing.
    """
    covered = opened_at(state, chain)
    for review in state.trail_reviews.get(chain, ()):
        begins = review.asked.since
        if review.asked.is_whole and (begins is None or begins <= covered):
            covered = max(covered, review.until)
    return covered


def _form_of(entry: Entry) -> str:
    """The form that an entry is about; none once its content was taken out."""
    if entry.body is None or entry.type not in _OF_FORMS:
        return ""
    return str(getattr(e.from_entry(entry.type, entry.body), "form"))  # noqa: B009 - they have one


_OF_FORMS = (e.FormSubmitted.__name__, e.ItemCorrected.__name__)


def _rank(seed: str, entry: Entry) -> str:
    return hashlib.sha256(f"{seed}:{entry.chain}:{entry.seq}".encode()).hexdigest()
