"""The report: one file, what it says, and when it is refused."""

import datetime as dt
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from little_trial import event, person, skin, stamp, study, trial
from msgspec.structs import replace

from equipoise.analysis import (
    Imprint,
    draw_dummy_arms,
    render_report,
    tabulate_populations,
    write_report,
)
from equipoise.conduct.state import TrialState, Unblinding
from equipoise.problems import LANGUAGES, Refused, Text, Where
from equipoise.study.protocol import AnalysisPopulation, Assumption

AT = dt.datetime(2027, 7, 1, 8, 30, tzinfo=dt.UTC)
SEAL = "5ea1" * 16
STUDY = study()
ARMS = {"R001": "twice", "R002": "once", "R003": "never", "R004": "never", "R005": "twice"}
RECEIVED = {
    (number, where): product
    for number, arm in ARMS.items()
    for where, product in STUDY.identity.arms[arm].gives.items()
}
VISITS = (("screening", -14), ("V0", 0), ("V1", 30), ("V2", 91), ("V3", 182))


def state(*, is_locked: bool = False) -> TrialState:
    people = [
        person(
            i,
            *(skin(i, where, day, 20.0 + (i * day) % 11, sex="f") for where, day in VISITS),
            event(i, 1, 10 * i, hospital=i == 1, term=f"Fever & <b>chills</b> {i}"),
        )
        for i in range(1, 6)
    ]
    return trial(*people, is_locked=is_locked)


def report(language: str = "en", *, realm: str = "rehearsal", **more: Any) -> str:
    locked = more.pop("is_locked", False)
    made = more.pop("study", STUDY)
    imprint = Imprint(SEAL, realm, AT, language)  # type: ignore[arg-type]
    return render_report(made, state(is_locked=locked), imprint=imprint, **more)


class Reader(HTMLParser):
    """Collects tags, attributes and words, and checks that every tag is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""

    def handle_starttag(self, name: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((name, dict(attrs)))
        if name not in ("meta", "br"):
            self.open.append(name)

    def handle_endtag(self, name: str) -> None:
        assert self.open.pop() == name

    def handle_data(self, data: str) -> None:
        self.words += data


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["pooled", "dummy", "unblinded"])
def test_the_report_is_one_safe_well_formed_file(language: str, kind: str) -> None:
    """No script, nothing fetched, no style attribute, every tag closed, ids unique."""
    more: dict[str, Any] = {}
    if kind == "dummy":
        more["dummy"] = draw_dummy_arms(state(), labels=("A", "B"), seed=1)
    if kind == "unblinded":
        more = {"arms": ARMS, "received": RECEIVED, "is_locked": True}
    reader = read(report(language, **more))
    names = {name for name, _ in reader.seen}
    ids = [a["id"] for _, a in reader.seen if "id" in a]

    assert not names & {"script", "link", "img", "iframe", "object"}
    assert all(not {"style", "src", "href"} & set(a) for _, a in reader.seen)
    assert len(ids) == len(set(ids))
    assert {a["lang"] for n, a in reader.seen if n == "html"} == {language}
    assert {f"basis basis-{kind}"} == {
        a["class"] for _, a in reader.seen if (a.get("class") or "").startswith("basis ")
    }


def test_the_report_has_its_sections_in_order() -> None:
    """Trial, flow, accrual, baseline, courses, safety, listings, limits, open decisions."""
    sections = [a["id"] for n, a in read(report()).seen if n == "section"]

    assert sections == [
        "trial",
        "flow",
        "accrual",
        "baseline",
        "course",
        "safety",
        "serious",
        "deviations",
        "unblindings",
        "limits",
        "assumptions",
    ]


def test_what_people_typed_is_shown_as_they_typed_it() -> None:
    """Markup in a title or a term is words, not markup."""
    page = report()
    reader = read(page)

    assert "<b>chills" not in page
    assert "<trial>" not in page
    assert "Fever & <b>chills</b> 1" in reader.words


@pytest.mark.requirement("C71")
@pytest.mark.parametrize("realm", ["rehearsal", "live"])
@pytest.mark.parametrize("given", [{"arms": ARMS}, {"received": RECEIVED}])
def test_nothing_is_unblinded_before_the_data_are_locked(
    realm: str, given: dict[str, Any], tmp_path: Path
) -> None:
    """In either realm, by arm or by product; and no file is left behind."""
    path = tmp_path / "report.html"

    with pytest.raises(Refused) as refused:
        write_report(
            STUDY,
            state(),
            path=path,
            language="en",
            seal=SEAL,
            realm=realm,
            generated_at=AT,
            **given,
        )

    assert [p.code for p in refused.value.problems] == ["EQ-A001"]
    assert not path.exists()


def test_real_and_dummy_arms_are_never_mixed() -> None:
    """A reader must know which of them a table shows."""
    dummy = draw_dummy_arms(state(), labels=("A", "B"), seed=1)

    with pytest.raises(Refused) as refused:
        report(arms=ARMS, dummy=dummy, is_locked=True)

    assert [p.code for p in refused.value.problems] == ["EQ-A005"]


@pytest.mark.requirement("C65", "C66")
def test_a_blinded_report_names_no_product_group_and_flags_no_arms() -> None:
    """Pooled, the arms stand in the description of the trial and nowhere in a table."""
    page = report()
    tables = "".join(re.findall(r"<table.*?</table>", page, re.S))
    course = page.split('id="course"')[1].split("<section")[0]

    assert "cells dummy" not in tables.split("Compared")[0]
    assert "Cells" not in tables
    assert "cells" not in course
    assert "have received the same" not in page


def test_an_unblinded_report_says_which_arms_are_alike_until_when() -> None:
    """The reader is warned before the first figure."""
    words = read(report(arms=ARMS, received=RECEIVED, is_locked=True)).words

    assert "Up to and including V2 these arms have received the same" in words
    assert "cells cells / cells dummy" in words
    assert "together up to V2" in words


def test_a_rehearsal_in_the_future_is_not_dated_before_its_own_data() -> None:
    """Accrual is told as of the last randomization where that lies after the report."""
    imprint = Imprint(SEAL, "rehearsal", dt.datetime(2025, 1, 1, tzinfo=dt.UTC))

    page = render_report(STUDY, state(), imprint=imprint)

    assert "5 of 18 planned participants were randomized by 2026-01-09" in page


def test_seal_and_realm_stand_on_every_page() -> None:
    """In the footer of each printed page; a rehearsal has its mark, a live trial has none."""
    rehearsal, live = report(), report(realm="live")
    footer = re.search(r'@bottom-left \{ content: "([^"]*)"', rehearsal)

    assert footer is not None
    assert SEAL in footer[1]
    assert "REHEARSAL" in footer[1]
    assert 'class="watermark"' in rehearsal
    assert 'class="watermark"' not in live
    assert "REHEARSAL" not in live


def test_the_footer_cannot_break_out_of_the_style_sheet() -> None:
    """A seal is hexadecimal; what is not is escaped."""
    made = replace(STUDY, identity=replace(STUDY.identity, study='x"</style><b>'))

    page = report(study=made)

    assert page.count("</style>") == 1
    read(page)


def test_what_nobody_decided_is_listed_with_what_is_assumed() -> None:
    """Open decisions with their assumptions; decided ones are not assumptions."""
    assumed = Assumption(
        decision="ratio",
        path="study.yaml:ratio",
        value={"a": [1, 1]},
        is_decided=False,
        where=Where(),
    )
    words = read(report(study=replace(STUDY, assumptions=(assumed,)))).words

    assert "Which ratio?" in words
    assert "study.yaml:ratio = a: 1, 1" in words
    assert "Which dose?" not in words
    assert "Every decision has been made." in read(report(study=replace(STUDY, decisions=()))).words


def test_the_limits_of_the_trial_are_computed() -> None:
    """Six against six and twelve against six, in standard deviations and in the endpoint's unit."""
    words = read(report()).words.replace("\u00a0", " ")

    assert "1.80" in words
    assert "1.49" in words
    assert re.search(r"Skin score: the changes to V3 have a standard deviation of \d+\.\d", words)


def test_without_planned_numbers_the_limits_are_left_out() -> None:
    """No size, no sentence about it."""
    made = replace(STUDY, identity=replace(STUDY.identity, planned_participants=0))

    assert 'id="limits"' not in report(study=made)


def test_serious_events_are_listed_and_none_is_said() -> None:
    """The listing has the serious one alone; a trial without any says so."""
    listing = report().split('id="serious"')[1].split("</section>")[0]
    empty = render_report(STUDY, trial(), imprint=Imprint(SEAL, "live", AT))

    assert "chills&lt;/b&gt; 1" in listing
    assert "chills&lt;/b&gt; 2" not in listing
    assert "No serious event is on record" in empty
    assert "Nobody has a value yet." in empty


@pytest.mark.requirement("C67", "F30")
def test_unblindings_are_counted_for_the_board_and_nobody_is_named() -> None:
    """By kind, with how many people each concerns; a trial without any says so."""

    def broken(kind: str) -> Unblinding:
        return Unblinding(kind, "arm", AT, "vault:7", "the nurse", stamp(AT.date()))  # type: ignore[arg-type]

    known = trial(
        replace(person(1), unblindings=(broken("emergency"), broken("emergency"))),
        replace(person(2), unblindings=(broken("emergency"), broken("inadvertent"))),
    )
    page = render_report(STUDY, known, imprint=Imprint(SEAL, "live", AT))
    told = page.split('id="unblindings"')[1].split("</section>")[0]
    cells = re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", told)

    assert cells[3:] == ["Code broken in an emergency", "3", "2", "By mistake", "1", "1"]
    assert "nurse" not in told and "vault:7" not in told
    assert "Nobody came to know" in report()


def test_the_report_is_written_to_a_file(tmp_path: Path) -> None:
    """UTF-8, the same text as rendered, and the path comes back."""
    path = tmp_path / "report.html"
    written = write_report(
        STUDY, state(), path=path, language="fr", seal=SEAL, realm="live", generated_at=AT
    )

    assert written == path
    assert path.read_text(encoding="utf-8") == report("fr", realm="live")
    assert "Événements indésirables" in path.read_text(encoding="utf-8")


def test_a_group_without_values_shows_dashes_and_zeros() -> None:
    """An arm of which nothing is known yet stands in every table; an event may lack its grade."""
    held = state(is_locked=True)
    first = held.participants["01-001"]
    bare = {k: r for k, r in first.forms.items() if r.form == "event"}
    ((key, record),) = bare.items()
    bare[key] = replace(record, values={**record.values, "grade": None})
    held = replace(held, participants={**held.participants, "01-001": replace(first, forms=bare)})
    undated = event(2, 2, None)
    second = held.participants["01-002"]
    forms = {**second.forms, ("", "event", 2): undated}
    held = replace(held, participants={**held.participants, "01-002": replace(second, forms=forms)})
    arms = {**ARMS, "R005": "never"}

    page = render_report(
        STUDY, held, imprint=Imprint(SEAL, "live", AT), arms=arms, received=RECEIVED
    )

    assert "<td>n = 0</td>" in page
    assert "<td>–</td>" in page
    assert "No date of onset" in page
    assert 'pointer-events="none">?</text>' in page


def test_every_word_exists_in_both_languages() -> None:
    """The same `{names}` in English and French, and nothing left empty."""
    from equipoise.analysis.texts import WORDS

    for key, text in WORDS.items():
        assert text.en and text.fr, key
        assert set(re.findall(r"{(\w+)", text.en)) == set(re.findall(r"{(\w+)", text.fr)), key


def test_numbers_are_written_as_each_language_writes_them() -> None:
    """Decimal comma and a space before the sign in French; no minus before zero."""
    from equipoise.analysis.texts import decimals_for, say_number, say_share, word

    assert say_number(-1.25, "fr", decimals=2) == "\u22121,25"
    assert say_number(-0.01, "en") == "0.0"
    assert say_number(None, "en") == "–"
    assert (say_share(5, 18, "en"), say_share(5, 18, "fr")) == ("5 (28%)", "5 (28\u00a0%)")
    assert say_share(0, 0, "en") == "0"
    assert (decimals_for(3.0), decimals_for(51.0), decimals_for(None)) == (2, 1, 1)
    assert word("dummy_arm", label=Text("x", "y")) == Text("Dummy arm x", "Bras fictif y")


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_population_is_counted_by_its_rule(language: str) -> None:
    """Members in all and by arm, and who cannot be told yet, with the reason."""
    members = {
        "Everybody": "randomized",
        "Both infusions": "n_infusions >= 2",
        "Scored": "skin.left > 0",
    }
    plan = replace(
        STUDY.analysis,
        populations={
            f"p{i}": AnalysisPopulation(label=Text(name, f"{name} (fr)"), members=rule)
            for i, (name, rule) in enumerate(members.items())
        },
    )
    made = replace(STUDY, analysis=plan)
    known = state(is_locked=True)
    fewer = person(6, infused=(0,), number="R006")
    known = replace(known, participants={**known.participants, fewer.code: fewer})
    arms = {**ARMS, "R006": "once"}
    table = tabulate_populations(made, known, arms=arms)

    assert [row.n for row in table.rows] == [6, 5, 5]
    assert [row.sizes for row in table.rows] == [(2, 2, 2), (2, 1, 2), (2, 1, 2)]
    assert [code for code, _ in table.rows[2].unclear] == ["01-006"]
    assert tabulate_populations(made, known).rows[0].sizes == (6,)
    given = {**RECEIVED, ("R006", "V0"): "cells"}
    imprint = Imprint(SEAL, "rehearsal", AT, language)  # type: ignore[arg-type]
    page = read(render_report(made, known, imprint=imprint, arms=arms, received=given))
    assert "n_infusions >= 2" in page.words
    assert "01-006: skin.left" in page.words
