"""Documents with parts missing, doubled or replaced: a problem, or a folder that checks."""

import copy
import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.conduct import check_folder
from equipoise.exchange.draft import Draft, draft_study, to_answer, write_draft
from equipoise.problems import Refused

DATA = Path(__file__).parents[2] / "data" / "records"
SAMPLES = {
    name: json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    for name in ("two_arms", "required_characteristics", "cohorts", "one_arm", "usdm_two_arms")
}
STRANGE = (
    *(None, True, -1, 0, 3.7, 10**30, float("inf"), "", " ", "x" * 3000, [], {}, [None], [[1]]),
    *(
        "18 Years",
        "\ud800",
        "\x00\x07",
        "NCT00000001",
        "Exclusion Criteria:",
        "1. a\n   2. b",
        "- ",
    ),
    *("{decision: x, assume: y}", "\u202eabc\u2028def", "<p>a<ul><li>b", "a: b\n# c", "= 3", "—"),
    *(
        {"id": "x"},
        {"text": 3},
        ["a", {"b": []}],
        "é" * 200,
        "[" * 60,
        "%s {0} {x}",
        "٣",
        "1.",
        "*",
    ),
)


def paths(node: object, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place in a document below its top."""
    inside = node.items() if isinstance(node, dict) else []
    inside = enumerate(node) if isinstance(node, list) else inside
    found = []
    for key, part in inside:
        found += [(*at, key), *paths(part, (*at, key))]
    return found


@st.composite
def damaged(draw: st.DrawFn) -> object:
    """A sample with one to six places removed or given something strange."""
    document = copy.deepcopy(SAMPLES[draw(st.sampled_from(sorted(SAMPLES)))])
    for _ in range(draw(st.integers(1, 6))):
        places = paths(document)
        if not places:
            break
        *outer, last = draw(st.sampled_from(places))
        node = document
        for key in outer:
            node = node[key]
        what = draw(st.sampled_from(("drop", "replace", "replace", "text")))
        if what == "drop":
            del node[last]
        elif what == "replace":
            node[last] = copy.deepcopy(draw(st.sampled_from(STRANGE)))
        else:
            node[last] = draw(st.text(max_size=60))
    return document


def draft_document(document: object, folder: Path) -> Draft | None:
    """The draft of a document written to a file; None for a problem."""
    path = folder / "record.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    try:
        return draft_study(path)
    except Refused as refused:
        assert all(p.code.startswith("EQ-D0") and p.message for p in refused.problems)
        return None


@settings(max_examples=250)
@given(damaged())
def test_a_damaged_document_is_read_or_is_a_problem(document: object) -> None:
    """No exception but `Refused`; the answer is JSON, and what it does not say is a gap."""
    with tempfile.TemporaryDirectory() as folder:
        draft = draft_document(document, Path(folder))
    if draft is not None:
        answer = to_answer(draft)
        assert json.loads(json.dumps(answer)) == answer
        unsaid = {key for key, value in answer["facts"].items() if value is None}
        assert unsaid <= {gap.where for gap in draft.gaps}


@settings(max_examples=40)
@given(damaged())
def test_a_damaged_document_gives_a_folder_that_checks(document: object) -> None:
    """Whatever is left of it, what is written has no error."""
    with tempfile.TemporaryDirectory() as folder:
        draft = draft_document(document, Path(folder))
        if draft is None:
            return
        write_draft(draft, Path(folder) / "study")
        checked = check_folder(Path(folder) / "study")
    assert checked.is_ok, [str(p) for p in checked.problems if p.severity == "error"]


@settings(max_examples=60)
@given(st.sampled_from(sorted(SAMPLES)), st.integers(0, 100_000))
def test_a_document_that_was_cut_off_is_a_problem(name: str, where: int) -> None:
    """EQ-D010 wherever it ends, EQ-D002 if nothing is left."""
    text = json.dumps(SAMPLES[name])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "record.json"
        path.write_text(text[: where % len(text)], encoding="utf-8")
        try:
            draft_study(path)
        except Refused as refused:
            assert {p.code for p in refused.problems} <= {"EQ-D010", "EQ-D002"}
            return
    raise AssertionError("a document that was cut off was read")


@settings(max_examples=60)
@given(st.text(max_size=600))
def test_any_criteria_text_gives_items_and_never_an_exception(text: str) -> None:
    """Criteria of any characters, in the registry's document."""
    document = copy.deepcopy(SAMPLES["two_arms"])
    document["protocolSection"]["eligibilityModule"]["eligibilityCriteria"] = text
    with tempfile.TemporaryDirectory() as folder:
        assert draft_document(document, Path(folder)) is not None
