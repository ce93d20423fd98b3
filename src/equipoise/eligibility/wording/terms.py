"""What the criteria of a study are made of, put together once: labels, types, questions."""

from collections.abc import Mapping

from msgspec import Struct

from equipoise.eligibility.wording.naming import (
    attestations_of,
    judgements_of,
    names_of,
    node_of,
    types_of,
)
from equipoise.language import Names, ValueType
from equipoise.language.tree import Node
from equipoise.study.criteria import Judgement
from equipoise.study.study import Study

MOST_STUDIES = 8
"""Kept ready at a time; a process serves one, tests serve many."""


class Terms(Struct, frozen=True):
    """What people call its values, choices, rules and judgements; what its values can be; its
    questions, and the expressions of what can be attested, by the id of their rule; each criterion
    as one condition. It holds the study, so
    that no other takes its identity."""

    study: Study
    names: Names
    types: Mapping[str, ValueType]
    judgements: Mapping[str, Judgement]
    attestations: Mapping[str, str]
    nodes: Mapping[str, Node]


_KNOWN: dict[int, Terms] = {}


def terms_of(study: Study) -> Terms:
    """The terms of a study, made once."""
    found = _KNOWN.get(id(study))
    if found is None:
        if len(_KNOWN) >= MOST_STUDIES:
            _KNOWN.clear()
        nodes = {name: node_of(name, criterion) for name, criterion in study.criteria}
        found = _KNOWN[id(study)] = Terms(
            study,
            names_of(study),
            types_of(study),
            judgements_of(study),
            attestations_of(study),
            nodes,
        )
    return found
