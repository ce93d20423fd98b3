"""What is wrong with criteria whose every expression is right: nobody could answer them yet."""

from collections.abc import Callable, Iterator

from equipoise.problems import Problem, Where, problem
from equipoise.study.criteria import Criterion, Rule
from equipoise.study.study import Study

Path = tuple[str | int, ...]
Locate = Callable[[Path], Where]


def check_eligibility(study: Study, locate: Locate | None = None) -> tuple[Problem, ...]:
    """Judgements that nobody can give, and criteria that still wait for review.

    Names, units, expressions, numbers and decisions are the study's own check. `locate` gives the
    place of a part of eligibility.yaml.
    """
    find = locate or (lambda _path: Where("eligibility.yaml"))
    return tuple(
        found
        for kind, criteria in (
            ("inclusion", study.eligibility.inclusion),
            ("exclusion", study.eligibility.exclusion),
        )
        for at, criterion in enumerate(criteria)
        for found in _check_criterion(criterion, (kind, at), locate=find)
    )


def _check_criterion(criterion: Criterion, path: Path, *, locate: Locate) -> Iterator[Problem]:
    name = f"{str(path[0])[0].upper()}{criterion.number}"
    if criterion.review:
        marks = "; ".join(criterion.review)
        yield problem("EQ-E009", locate(path), criterion=name, marks=marks)
    yield from _check_rule(criterion, path, name=name, locate=locate)


def _check_rule(rule: Rule, path: Path, *, name: str, locate: Locate) -> Iterator[Problem]:
    for key, asked in (("judgement", rule.judgement), ("attest", rule.attest)):
        if asked is None:
            continue
        if not asked.by:
            yield problem("EQ-E011", locate((*path, key)), criterion=name)
        if not rule.id and not isinstance(rule, Criterion):
            yield problem("EQ-E012", locate(path), criterion=name)
    for join in ("all", "any", "none"):
        parts: tuple[Rule | str, ...] = getattr(rule, f"{join}_")
        for at, part in enumerate(parts):
            if isinstance(part, Rule):
                yield from _check_rule(part, (*path, join, at), name=name, locate=locate)
