"""What nobody can count of the decisions on eligibility is said, or told as a problem."""

import shutil
from pathlib import Path

import msgspec

from equipoise.cli.folders import first_study
from equipoise.conduct import check_folder
from equipoise.eligibility import Uncounted, check_readings, find_uncounted, other_readings
from equipoise.problems import Text, Where
from equipoise.study.criteria import Criterion
from equipoise.study.protocol import Assumption, Decision, Option, OtherReading
from equipoise.study.study import Study
from tests.unit.eligibility.small_study import judged, study

T = Text
REASON = T("nobody records it", "personne ne le note")


def decision(name: str, uncounted: Text | None = None, **options: Option) -> Decision:
    return Decision(id=name, question=T("?"), because=T("?"), options=options, uncounted=uncounted)


def resting_on(*decisions: Decision, named: tuple[str, ...]) -> Study:
    """A study whose only criterion names these decisions; a window of 28 days rests on another."""
    small = study((Criterion(number="1", judgement=judged(), decisions=named),), ())
    places = {"window": "eligibility.yaml:values.hb.within_days", "elsewhere": "forms/lab.yaml:at"}
    assumptions = tuple(
        Assumption(decision=name, path=path, value=28, is_decided=False, where=Where())
        for name, path in places.items()
    )
    return msgspec.structs.replace(small, decisions=decisions, assumptions=assumptions)


USED = Option("No", use=OtherReading(rules={"I1": {"is": "crp > 5 mg/L"}}))
STUDY = resting_on(
    decision("words", a=Option("A"), b=Option("B")),
    decision("used", a=Option("A"), b=USED),
    decision("partly", REASON, a=Option("A"), b=USED),
    decision("explained", REASON, a=Option("A")),
    decision("window", **{"28": Option("28 days"), "7": Option("7 days")}),
    decision("elsewhere", a=Option("A")),
    decision("unnamed", a=Option("A")),
    msgspec.structs.replace(decision("taken", a=Option("A")), status="decided"),
    named=("words", "used", "partly", "explained", "taken"),
)


def test_a_decision_that_is_words_alone_is_told_at_its_place() -> None:
    """Not one that can be executed, says why not, was taken, or has nothing to do with it."""
    found = list(check_readings(STUDY, lambda path: Where(record=".".join(map(str, path)))))

    assert [(p.code, str(p.where), p.severity) for p in found] == [
        ("EQ-E061", "decisions.0", "warning")
    ]
    assert "words" in found[0].message
    assert found[0].say("fr") and found[0].advise("fr")


def test_what_is_not_counted_is_named_with_its_reason() -> None:
    """None where the folder does not say; also of a decision of which some options were."""
    counted = [(name, option) for name, option, _ in other_readings(STUDY)]

    assert counted == [("used", "b"), ("partly", "b"), ("window", "7")]
    assert find_uncounted(STUDY, counted) == (
        Uncounted("words"),
        Uncounted("partly", ("b",), REASON),
        Uncounted("explained", (), REASON),
    )


def test_the_folder_that_does_not_say_why_is_warned(tmp_path: Path) -> None:
    """`equipoise check` reads the reason from the file; without it there is a warning there."""
    folder = Path(shutil.copytree(first_study(), tmp_path / "study"))
    path = folder / "decisions.yaml"
    text = path.read_text(encoding="utf-8")
    start = text.index("    uncounted:\n", text.index("  - id: wash-out\n"))
    end = text.index("\n\n", start)
    path.write_text(text[:start] + text[end:], encoding="utf-8")
    line = text[: text.index("  - id: wash-out\n")].count("\n") + 1

    found = check_folder(folder)

    assert [(p.code, p.where.file, p.where.line) for p in found.problems] == [
        ("EQ-E061", "decisions.yaml", line)
    ]
    assert found.is_ok
