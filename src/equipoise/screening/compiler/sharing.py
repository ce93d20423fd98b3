"""What several terms have in common is computed once, under a name of its own."""

from collections import Counter
from collections.abc import Mapping

from equipoise.screening.compiler.terms import Term, column

_LIGHT = frozenset({"is_null", "not", "is_true"})
_REPEATING = frozenset({"least", "greatest"})
"""What an engine writes its arguments several times for."""

_CHEAP = frozenset({"column", "constant", "null", "true", "false"})


def share(outputs: Mapping[str, Term], *, prefix: str) -> dict[str, Term]:
    """The same outputs, with the terms that they share before them as outputs of their own.

    Terms are a graph with few nodes; written out as trees they can be without limit.
    """
    uses: Counter[Term] = Counter()
    waiting = list(outputs.values())
    while waiting:
        term = waiting.pop()
        if term.op in _CHEAP:
            continue
        uses[term] += 1
        if uses[term] == 1:
            waiting.extend(a for a in term.args if isinstance(a, Term))
            if term.op in _REPEATING:
                waiting.extend(a for a in term.args if isinstance(a, Term))
    sharing = _Sharing(uses, prefix)
    for name, term in outputs.items():
        sharing.found[name] = sharing.rebuild(term)
    return sharing.found


class _Sharing:
    def __init__(self, uses: Mapping[Term, int], prefix: str) -> None:
        self.uses = uses
        self.prefix = prefix
        self.found: dict[str, Term] = {}
        self._built: dict[Term, Term] = {}

    def rebuild(self, term: Term) -> Term:
        """The term with names where something is shared."""
        if term.op in _CHEAP:
            return term
        if term not in self._built:
            self._built[term] = self._named(term)
        return self._built[term]

    def _named(self, term: Term) -> Term:
        args = tuple(self.rebuild(a) if isinstance(a, Term) else a for a in term.args)
        built = Term(term.op, args)
        if self.uses[term] < 2 or (term.op in _LIGHT and _is_column(args[0])):
            return built
        name = f"{self.prefix} {len(self.found)}"
        self.found[name] = built
        return column(name)


def _is_column(part: object) -> bool:
    return isinstance(part, Term) and part.op == "column"
