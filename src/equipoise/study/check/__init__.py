"""Everything that is wrong in a study folder, beyond the shape of its files."""

from pathlib import Path

import msgspec

from equipoise.problems import Problem, Where, has_errors
from equipoise.study.check.choices import check_decisions
from equipoise.study.check.claims import check_claims
from equipoise.study.check.conditions import check_circles
from equipoise.study.check.design import check_design
from equipoise.study.check.expressions import check_expressions
from equipoise.study.check.mend import mend
from equipoise.study.check.pages import check_forms
from equipoise.study.check.places import Locate, Places
from equipoise.study.check.places import Path as Path_
from equipoise.study.check.plans import check_plans
from equipoise.study.check.rules import check_eligibility
from equipoise.study.check.words import check_words
from equipoise.study.load import FILES, Loaded, assemble, kind_of, load_study
from equipoise.study.study import Study

__all__ = ["check_folder", "check_study"]

_UNREADABLE = frozenset({"EQ-S002", "EQ-S003", "EQ-S005", "EQ-S006"})
_CHECKS = (
    check_design,
    check_decisions,
    check_eligibility,
    check_forms,
    check_plans,
    check_expressions,
    check_circles,
    check_claims,
    check_words,
)


def check_study(study: Study, locate: Locate) -> tuple[Problem, ...]:
    """Check all references and rules of a study; `locate` gives the place of a part of a file."""
    places = Places(study, locate)
    return tuple(found for check in _CHECKS for found in check(places))


def check_folder(directory: Path) -> Loaded:
    """Load a study folder and check all of it; the study is None if anything is an error.

    Where a file has faults of shape, the rest of the folder is checked as if these were mended, so
    that one reading tells all.
    """
    loaded = load_study(directory)
    unread = {p.where.file for p in loaded.problems if p.code in _UNREADABLE} - set(loaded.sources)
    if "study.yaml" not in loaded.sources or unread:
        return loaded
    study = loaded.study or _mended(loaded)
    faults = [_paths_at(p.where, loaded)[-1:] for p in loaded.problems]
    found = list(loaded.problems)
    for late in check_study(study, loaded.locate):
        if not any(_is_related(late, fault, loaded=loaded) for fault in faults):
            found.append(late)
    found.sort(key=_in_order)
    kept = None if has_errors(found) else loaded.study
    return Loaded(kept, tuple(found), loaded.sources, loaded.assumptions)


def _mended(loaded: Loaded) -> Study:
    pieces = {}
    for name, source in loaded.sources.items():
        value = mend(source.value, kind_of(name))
        if name not in FILES and isinstance(value, dict):
            value["form"] = Path(name).stem
        pieces[name] = msgspec.convert(value, kind_of(name))
    return assemble(pieces, assumptions=loaded.assumptions, digest="")


def _paths_at(where: Where, loaded: Loaded) -> list[Path_]:
    """The parts of a file that begin at a place, outermost first, each led by the file's name."""
    source = loaded.sources.get(where.file)
    here = (where.line, where.column)
    places = source.positions.items() if source else ()
    return sorted(((where.file, *p) for p, at in places if at == here), key=len)


def _is_related(late: Problem, fault: list[Path_], *, loaded: Loaded) -> bool:
    """Whether a problem stands inside or around a fault of shape, and may only follow from it."""
    paths = _paths_at(late.where, loaded)
    return any(a[: len(b)] == b or b[: len(a)] == a for a in paths for b in fault)


def _in_order(found: Problem) -> tuple[str, int, int, str]:
    """Files in the order of the folder's list, and each from top to bottom."""
    names = list(FILES)
    file = found.where.file
    rank = f"{names.index(file)}" if file in names else f"9{file}"
    return rank, found.where.line or 0, found.where.column or 0, found.code
