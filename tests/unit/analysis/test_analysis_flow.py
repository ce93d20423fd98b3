"""The flow of participants, counted and drawn."""

from xml.etree import ElementTree

import pytest
from little_trial import START, person, stamp, study, trial
from msgspec.structs import replace

from equipoise.analysis import count_flow, draw_dummy_arms, plot_flow
from equipoise.conduct.parts import TreatmentChange
from equipoise.conduct.state import Participant

NOBODY: dict[str, object] = {"number": "", "randomized_on": None, "infusions": {}}


def unrandomized(i: int, status: str, *criteria: str) -> Participant:
    return person(i, status=status, failed_criteria=criteria, **NOBODY)


PEOPLE = (
    *(person(i) for i in range(1, 7)),
    person(7, infused=(0,), status="withdrawn"),
    person(8, infused=(), status="randomized"),
    unrandomized(9, "screening"),
    unrandomized(10, "randomizing"),
    unrandomized(11, "screen_failed", "I5", "E7"),
    unrandomized(12, "screen_failed", "I5"),
    unrandomized(13, "screen_failed"),
    unrandomized(14, "withdrawn"),
)


@pytest.mark.requirement("C62")
def test_everybody_is_counted_once() -> None:
    """Screened = in screening + failed + randomized; a group = withdrawn + completed + ongoing."""
    flow = count_flow(study(), trial(*PEOPLE))
    (group,) = flow.groups

    assert (flow.n_screened, flow.n_in_screening, flow.n_failed, flow.n_randomized) == (14, 2, 4, 8)
    assert flow.n_screened == flow.n_in_screening + flow.n_failed + flow.n_randomized
    assert (group.n_withdrawn, group.n_completed, group.n_ongoing) == (1, 6, 1)
    assert group.n == group.n_withdrawn + group.n_completed + group.n_ongoing
    assert group.received == (("V0", 7), ("V2", 6))


@pytest.mark.requirement("C62", "C72")
@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "Treatment stopped (n = 2)"), ("fr", "Traitement arrêté (n = 2)")],
)
def test_who_discontinued_the_intervention_is_counted_beside_who_left(
    language: str, words: str
) -> None:
    """As the diagram of CONSORT has it; a treatment that was resumed is none. The sums stay."""
    told = (START, "Rash", stamp(START), "site-01:9")
    stop, go_on = TreatmentChange(True, *told), TreatmentChange(False, *told)
    stopped = (
        person(20, infused=(0,), treatment_changes=(stop,)),
        person(21, infused=(0,), status="withdrawn", treatment_changes=(stop,)),
        person(22, treatment_changes=(stop, go_on)),
    )
    for people, n in ((PEOPLE, 0), ((*PEOPLE, *stopped), 2)):
        flow = count_flow(study(), trial(*people))
        (group,) = flow.groups
        assert group.n_stopped == n
        assert group.n == group.n_withdrawn + group.n_completed + group.n_ongoing
        drawn = "".join(ElementTree.fromstring(plot_flow(flow, language=language)).itertext())
        assert (words in drawn.replace("\u00a0", " ")) == bool(n)


def test_reasons_are_counted_by_criterion() -> None:
    """A person with two reasons counts under both; no criterion and leaving are reasons too."""
    flow = count_flow(study(), trial(*PEOPLE))

    assert dict(flow.reasons) == {"I5": 2, "E7": 1, "other": 1, "left": 1}


def test_groups_add_up_to_the_randomized() -> None:
    """By arm, real or dummy, nobody is lost."""
    state = trial(*PEOPLE)
    arms = {p.number: "twice" if i % 2 else "never" for i, p in enumerate(state.randomized)}
    dummy = draw_dummy_arms(state, labels=("A", "B"), seed=3)

    for given, basis in ((arms, "unblinded"), (dummy, "dummy")):
        flow = count_flow(study(), state, arms=given)
        assert flow.basis == basis
        assert sum(g.n for g in flow.groups) == flow.n_randomized == 8


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("has_arms", [False, True])
def test_the_diagram_is_accessible_and_safe_under_a_strict_policy(
    language: str, has_arms: bool
) -> None:
    """Role, title and description; no script, no style, and every count in words."""
    state = trial(*PEOPLE)
    arms = {p.number: "once" for p in state.randomized} if has_arms else None
    svg = plot_flow(count_flow(study(), state, arms=arms), language=language)
    root = ElementTree.fromstring(svg)
    names = {e.tag.rpartition("}")[2] for e in root.iter()}
    words = "".join(root.itertext()).replace("\u00a0", " ")

    assert root.get("role") == "img"
    assert {"title", "desc"} <= names
    assert not names & {"script", "style", "foreignObject"}
    assert not any(k == "style" or k.startswith("on") for e in root.iter() for k in e.attrib)
    for count in ("14", "(n = 4)", "(n = 8)", "(n = 2)"):
        assert count in words


def test_many_reasons_are_folded_into_one_line() -> None:
    """The side box stays short; no excluded person is silently dropped."""
    people = [unrandomized(i, "screen_failed", f"E{i}") for i in range(1, 15)]
    flow = count_flow(study(), trial(*people))
    svg = plot_flow(flow, language="en").replace("\u00a0", " ")

    assert "Less frequent reasons (n = 4)" in svg
    assert flow.groups[0].n == 0


def test_an_empty_trial_has_an_empty_flow() -> None:
    """Before the first participant the diagram shows zeros, not an error."""
    flow = count_flow(study(), trial())

    assert replace(flow, groups=()).n_screened == 0
    assert "(n\u00a0=\u00a00)" in plot_flow(flow, language="en")
