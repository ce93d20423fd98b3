"""The criteria of one person as a page shows them: each answer, why, and what would decide it."""

import hashlib
from collections.abc import Collection, Iterator, Sequence

import msgspec
from django.urls import reverse
from msgspec import Struct

from equipoise.conduct import Participant, case_of, find_judgement
from equipoise.conduct.parts import Change
from equipoise.eligibility import (
    ASKED,
    Answer,
    Case,
    CriterionVerdict,
    Opening,
    Verdict,
    change_criterion,
    find_day,
    questions_of,
    settle,
    settle_criterion,
    terms_of,
)
from equipoise.language import Explanation, Input, Names, Reason, names_in, parse
from equipoise.language.alternatives import Alternative, say_alternative, say_change
from equipoise.language.words import REASONS, WORDS
from equipoise.study.criteria import Criterion, Judgement
from equipoise.study.forms import Form
from equipoise.study.protocol import Decision
from equipoise.study.roles import Role
from equipoise.study.study import Study
from equipoise.web import saying
from equipoise.web.pages import Visit
from equipoise.web.texts import language, say, t

MOST_SHOWN = 3
"""Ways, and conditions of one, that are shown: more is no work list."""


class FormLink(Struct, frozen=True):
    """Where a value is entered or read."""

    form: Form
    address: str
    is_entered: bool


class Told(Struct, frozen=True):
    """A value that was read, or why it is not known."""

    words: str
    value: str
    reason: str
    on: str
    links: tuple[FormLink, ...]


class Branch(Struct, frozen=True):
    """A part of a criterion in words, its answer, its text in the study, and what it read."""

    words: str
    text: str
    answer: str
    inputs: tuple[Told, ...]
    children: tuple["Branch", ...]


class Open(Struct, frozen=True):
    """Something that would settle an unknown: a question for a person, or a form."""

    rule: str = ""
    judgement: Judgement | None = None
    may_judge: bool = False
    words: str = ""
    reason: str = ""
    links: tuple[FormLink, ...] = ()


class Ways(Struct, frozen=True):
    """What it would take, the shortest ways first, and how many are not shown."""

    heading: str
    ways: tuple[str, ...]
    n_more: int = 0


class Judged(Struct, frozen=True):
    """A question that may be answered anew after randomization, and its answer so far."""

    rule: str
    judgement: Judgement
    answer: Answer | None


class Line(Struct, frozen=True):
    """A criterion on the page; `turned` is its last change if it differs from the proof, and
    `undecided` what nobody has decided of how to read it."""

    verdict: CriterionVerdict
    criterion: Criterion
    tree: Branch
    open: tuple[Open, ...]
    ways: tuple[Ways, ...]
    judged: tuple[Judged, ...] = ()
    turned: Change | None = None
    undecided: tuple[Decision, ...] = ()

    @property
    def look(self) -> str:
        """How its verdict is colored: against, unknown or fine."""
        if self.verdict.bars:
            return "bars"
        return "unknown" if self.verdict.status == "unknown" else "fine"


def mark_of(subject: Participant, verdict: Verdict) -> str:
    """A mark of what a page shows of the criteria: another one where anything has changed."""
    shown = msgspec.json.encode((verdict, subject.status, subject.number, subject.override))
    return hashlib.sha256(shown).hexdigest()[:16]


def lines_of(
    visit: Visit, subject: Participant, verdict: Verdict, *, judges: Collection[Role]
) -> list[Line]:
    """Every criterion; what would decide it only as long as anything can.

    `judges` are the roles that may answer questions here.
    """
    page = _Page(visit, subject, terms_of(visit.study).names, judges)
    openings = settle(visit.study, verdict)
    still_open = [d for d in visit.study.decisions if d.status == "open"]
    case = None
    if subject.status == "screening":
        case = case_of(visit.study, subject, on=visit.today)
    return [
        Line(
            found,
            criterion,
            page.branch(found.explanation),
            tuple(page.opened([o for o in openings if o.criterion == found.id])),
            tuple(_ways(visit.study, case, found)) if case else (),
            tuple(page.judged(found, criterion)),
            _turned(subject, found.id),
            tuple(d for d in still_open if d.id in criterion.decisions),
        )
        for found, (_, criterion) in zip(verdict.criteria, visit.study.criteria, strict=True)
    ]


def _turned(subject: Participant, criterion: str) -> Change | None:
    changes = (c for r in subject.reassessments for c in r.changes if c.criterion == criterion)
    last = next(iter(reversed(tuple(changes))), None)
    return last if last and last.now != last.fixed else None


def _ways(study: Study, case: Case, found: CriterionVerdict) -> Iterator[Ways]:
    names = terms_of(study).names
    if found.bars:
        changes = change_criterion(study, case, found.id).changes
        told = [
            say_change(
                change,
                language=language(),
                names=names,
                days=[find_day(study, case, s) for s in change.shifts],
            )
            for change in changes
            if len(change.shifts) <= MOST_SHOWN
        ]
        yield from _shown(t("eligibility.different"), told, n=len(changes))
        return
    if found.status != "unknown":
        return
    settlement = settle_criterion(study, case, found.id)
    if all(name.startswith(ASKED) for name in settlement.names):
        return  # the questions stand there with their buttons
    is_inclusion = found.kind == "inclusion"
    for key, ways in (
        ("satisfied_if", settlement.true if is_inclusion else settlement.false),
        ("bars_if", settlement.false if is_inclusion else settlement.true),
    ):
        yield from _shown(t(f"eligibility.{key}"), _told(ways, names), n=len(ways))
    if settlement.sure and len(settlement.sure[0]) < len(settlement.names):
        sure = [", ".join(names.label(n, language()) for n in s) for s in settlement.sure]
        yield from _shown(t("eligibility.sure"), sure, n=len(sure))


def _told(ways: Sequence[Alternative], names: Names) -> list[str]:
    return [
        say_alternative(way, language=language(), names=names)
        for way in ways
        if len(way.conditions) <= MOST_SHOWN
    ]


def _shown(heading: str, told: Sequence[str], *, n: int) -> Iterator[Ways]:
    if told:
        yield Ways(heading, tuple(told[:MOST_SHOWN]), n - len(told[:MOST_SHOWN]))


class _Page(Struct, frozen=True):
    """Who reads about whom, in which names."""

    visit: Visit
    subject: Participant
    names: Names
    judges: Collection[Role]

    def branch(self, node: Explanation) -> Branch:
        """A part and those under it."""
        words = node.words(language(), self.names)
        if node.id in self.names.rules and node.children and node.part in WORDS:
            words = f"{words} ({node.words(language())})"
        truth = "" if node.value is None else {True: "true", False: "false"}[node.value is True]
        return Branch(
            words=words,
            text=node.text,
            answer=truth or "unknown",
            inputs=tuple(self.tell(i) for i in node.inputs),
            children=tuple(self.branch(c) for c in node.children),
        )

    def tell(self, read: Input) -> Told:
        """One value with its day and the way to its form."""
        reasons = dict.fromkeys(REASONS[r.kind].say(language()) for r in read.reasons)
        days = dict.fromkeys(saying.day(s.on) for s in read.sources if s.on)
        return Told(
            words=self.names.label(read.name, language()),
            value=read.say_value(language(), self.names),
            reason=", ".join(reasons),
            on=", ".join(days),
            links=self.links(read.name),
        )

    def may_judge(self, judgement: Judgement) -> bool:
        """Whether this reader may answer a question here."""
        may = self.visit.may(*self.judges) and self.visit.may_do("judge_criterion")
        return may and self.visit.person.role in judgement.by

    def judged(self, found: CriterionVerdict, criterion: Criterion) -> Iterator[Judged]:
        """The questions that this reader may answer anew, once the proof is fixed, until the lock.

        One that nobody asked, because another value decides, is none.
        """
        if self.subject.verdict is None or self.visit.state.locked is not None:
            return
        changes = (c for r in self.subject.reassessments for c in r.changes)
        reasons = {*found.reasons, *(x for c in changes for x in c.reasons)}
        for rule, judgement in questions_of(found.id, criterion).items():
            answer = self.subject.answers.get(rule)
            is_asked = answer is not None or Reason("awaiting_judgement", rule) in reasons
            if is_asked and self.may_judge(judgement):
                yield Judged(rule, judgement, answer)

    def opened(self, openings: Sequence[Opening]) -> Iterator[Open]:
        """Questions with their buttons; then, for each form, what of it is missing and why."""
        study = self.visit.study
        by_form: dict[tuple[str, str], list[Opening]] = {}
        for opening in openings:
            rule = opening.judgement
            judgement = find_judgement(study, rule) if rule else None
            if judgement is None:
                by_form.setdefault((opening.form, opening.kind), []).append(opening)
                continue
            yield Open(rule=rule, judgement=judgement, may_judge=self.may_judge(judgement))
        for (form, _), missing in by_form.items():
            links: tuple[FormLink, ...] = ()
            if form in study.forms:
                links = (self.link(study.forms[form], item=missing[0].item),)
            labels = dict.fromkeys(_label(study, o) for o in missing)
            reason = REASONS[missing[0].kind].say(language())
            yield Open(words=", ".join(labels), reason=reason, links=links)

    def links(self, name: str) -> tuple[FormLink, ...]:
        """Where the value of a name is entered: the latest record of its form, or the empty one."""
        forms = dict.fromkeys(_forms_behind(self.visit.study, name, frozenset()))
        return tuple(self.link(self.visit.study.forms[form]) for form in forms)

    def link(self, form: Form, *, item: str = "") -> FormLink:
        """The way to a form, at one of its questions."""
        latest = self.subject.latest(form.form)
        encounter = latest.encounter if latest else next(iter(form.at), "")
        parts = {"code": self.subject.code, "encounter": encounter or "-", "form": form.form}
        repeat = latest.repeat if latest else int(form.repeats)
        address = reverse("form", kwargs={**parts, "repeat": repeat})
        at = f"#f-{item}" if item in form.items else ""
        return FormLink(form, address + at, latest is not None)


def _label(study: Study, opening: Opening) -> str:
    form = study.forms.get(opening.form)
    known = form.items.get(opening.item) or form.derive.get(opening.item) if form else None
    return say(known.label) if known else opening.name


def _forms_behind(study: Study, name: str, seen: frozenset[str]) -> Iterator[str]:
    form = name.partition(".")[0]
    if "." in name and form in study.forms:
        yield form
        return
    definition = study.eligibility.values.get(name)
    if definition is None or name in seen:
        return
    if definition.from_:
        yield from _forms_behind(study, definition.from_, seen | {name})
    elif definition.value:
        for inner in sorted(names_in(parse(definition.value))):
            yield from _forms_behind(study, inner, seen | {name})
