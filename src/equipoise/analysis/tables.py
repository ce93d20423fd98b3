"""The tables of a report as HTML; captions say whether they are pooled, dummy or unblinded."""

from collections.abc import Iterable, Sequence
from html import escape

from equipoise.analysis.adverse import (
    BEFORE,
    LATER,
    UNDATED,
    AdverseColumn,
    AdverseRow,
    AdverseTable,
)
from equipoise.analysis.baseline import BaselineRow, BaselineTable
from equipoise.analysis.course import Course, CoursePoint
from equipoise.analysis.deviations import KIND_NAMES, DeviationLine, count_deviations
from equipoise.analysis.figures.svg import tag
from equipoise.analysis.groups import Basis, find_shared_arms
from equipoise.analysis.populations import PopulationTable
from equipoise.analysis.summary import Summary
from equipoise.analysis.texts import (
    NO_BREAK,
    decimals_for,
    say_day,
    say_number,
    say_percent,
    say_share,
    word,
)
from equipoise.language import Reason
from equipoise.language.words import REASONS
from equipoise.problems import LANGUAGES, Language, Text
from equipoise.safety import AdverseEvent
from equipoise.study.study import Study


def say(key: str, language: Language, /, **values: object) -> str:
    """Words ready for HTML."""
    return escape(word(key, **values).say(language))


def badge(basis: Basis, language: Language) -> str:
    """The word that says by what a table counts."""
    return tag("span", say(f"basis_{basis}", language), class_=f"basis basis-{basis}")


def table(
    caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, notes: Sequence[str] = ()
) -> str:
    """A table of ready HTML cells; the first cell of a row names it, a lone one spans the row."""
    body = "".join(_row(cells, len(head)) for cells in rows)
    top = tag("tr", *(tag("th", h, scope="col") for h in head))
    drawn = tag(
        "table", tag("caption", caption), tag("thead", top), tag("tbody", body), class_="data"
    )
    return tag("div", drawn, class_="scroll") + "".join(tag("p", n, class_="note") for n in notes)


def show_populations(found: PopulationTable, *, language: Language) -> str:
    """Populations down: their rule, all members, those in each group, and who may be a member."""
    head = [say(f"population_{key}", language) for key in ("name", "rule", "n")]
    head += [escape(label.say(language)) for label in found.labels if found.basis != "pooled"]
    head.append(say("population_unclear", language))
    rows = [
        [
            escape(row.population.label.say(language)),
            tag("code", escape(row.population.members)),
            str(row.n),
            *(str(n) for n in row.sizes if found.basis != "pooled"),
            "<br>".join(_unclear(code, reasons, language) for code, reasons in row.unclear) or "–",
        ]
        for row in found.rows
    ]
    caption = f"{say('population_caption', language)} {badge(found.basis, language)}"
    return table(caption, head, rows, notes=[say("population_note", language)])


def _unclear(code: str, reasons: Iterable[Reason], language: Language) -> str:
    said = (f"{r.name} {REASONS[r.kind].say(language)}".strip() for r in reasons)
    return escape(f"{code}: {', '.join(said)}")


def show_baseline(found: BaselineTable, *, language: Language) -> str:
    """The baseline table: numbers as mean (SD) and median (Q1 - Q3), answers as n (%)."""
    head = [say("characteristic", language)]
    head += [
        f"{escape(label.say(language))}<br>n = {n}"
        for label, n in zip(found.labels, found.sizes, strict=True)
    ]
    rows = [cells for row in found.rows for cells in _baseline_rows(row, found.sizes, language)]
    caption = f"{say('baseline_caption', language)} {badge(found.basis, language)}"
    return table(caption, head, rows, notes=[say("baseline_note", language)])


def show_course(course: Course, *, language: Language) -> str:
    """Encounters down, groups across: the mean, and under it the change from baseline."""
    if course.is_empty:
        return tag("p", say("course_empty", language))
    head = [say("encounter", language)]
    head += [f"{escape(g.label.say(language))}<br>n = {g.n}" for g in course.groups]
    decimals = decimals_for(course.largest)
    starts = [_mean_sd(g.baseline, language, decimals=decimals) for g in course.groups]
    rows = [[tag("strong", say("baseline", language)), *starts]]
    for encounter, label in zip(course.encounters, course.labels, strict=True):
        rows += _course_rows(course, encounter, label, language)
    name = escape(course.endpoint.label.say(language))
    unit = f", {escape(course.endpoint.unit.say(language))}" if course.endpoint.unit else ""
    caption = f"{name}{unit} {badge(course.basis, language)}"
    notes = [say("course_note", language)]
    if course.shared:
        notes.append(say("course_shared_note", language))
    return table(caption, head, rows, notes=notes)


def show_shared_arms(study: Study, *, language: Language) -> str:
    """Which arms cannot differ yet, in a sentence each."""
    arms = study.identity.arms
    sentences = []
    for shared in find_shared_arms(study):
        names = Text(*(" / ".join(arms[a].label.say(x) for a in shared.arms) for x in LANGUAGES))
        words = say("shared_arms", language, arms=names, encounter=shared.until)
        sentences.append(tag("p", words, class_="warning"))
    return "".join(sentences)


def show_adverse_events(found: AdverseTable, study: Study, *, language: Language) -> str:
    """Participants with events (%) and events, by period and product."""
    head = [say("adverse_row", language)]
    head += [_adverse_head(c, study, language) for c in found.columns]
    rows = [_adverse_row(r, found.columns, language, has_bounds=True) for r in found.totals]
    rows.append([say("max_grade", language), *(_grades(c, language) for c in found.columns)])
    if found.terms:
        rows.append([say("adverse_terms", language)])
        rows += [_adverse_row(r, found.columns, language) for r in found.terms]
    caption = f"{say('adverse_caption', language)} {badge(found.basis, language)}"
    notes = [say("adverse_note", language, n=found.n_events)]
    return table(caption, head, rows, notes=notes)


def show_serious_events(events: Iterable[AdverseEvent], *, language: Language) -> str:
    """The listing of events that are serious, or whose seriousness is to be clarified."""
    listed = [e for e in events if e.is_serious is not False]
    if not listed:
        return tag("p", say("serious_none", language))
    keys = (
        "participant",
        "term",
        "onset",
        "after_infusion",
        "grade",
        "serious",
        "fatal",
        "related",
    )
    head = [say(f"serious_{key}", language) for key in (*keys, "known", "report_by")]
    rows = [
        [
            escape(e.participant),
            escape(e.term),
            _unbroken(say_day(e.onset_on)),
            "–" if e.days_after_infusion is None else str(e.days_after_infusion),
            "–" if e.grade is None else str(e.grade),
            *(_verdict(v, language) for v in (e.is_serious, e.is_fatal, e.is_related)),
            _unbroken(f"{e.known_at:%Y-%m-%d %H:%M}"),
            _unbroken(f"{e.report_by:%Y-%m-%d %H:%M}" if e.report_by else "–"),
        ]
        for e in listed
    ]
    return table(
        say("serious_caption", language), head, rows, notes=[say("serious_note", language)]
    )


def show_deviations(lines: Sequence[DeviationLine], *, language: Language) -> str:
    """How many deviations of each kind, and each of them; by number, all arms together."""
    if not lines:
        return tag("p", say("deviations_none", language))
    colon = f"{NO_BREAK}:" if language == "fr" else ":"
    counts = [
        f"{KIND_NAMES[kind].say(language)}{colon} {n} ({n_people})"
        for kind, (n, n_people) in count_deviations(lines).items()
    ]
    keys = ("participant", "kind", "on", "criteria", "what", "by")
    rows = [
        [
            escape(x.participant),
            escape(KIND_NAMES[x.deviation.kind].say(language)),
            _unbroken(say_day(x.deviation.on)),
            escape(", ".join(x.deviation.criteria) or "–"),
            escape(x.deviation.what or x.deviation.stamp.reason or "–"),
            escape(_deciders(x)),
        ]
        for x in lines
    ]
    head = [say(f"deviations_{key}", language) for key in keys]
    notes = [f"{say('deviations_counts', language)} {escape('; '.join(counts))}"]
    return table(say("deviations_caption", language), head, rows, notes=notes)


def _deciders(line: DeviationLine) -> str:
    """The two who decided on an exception, or who recorded the deviation."""
    override = line.deviation.override
    if override is None:
        return line.deviation.stamp.by
    return f"{override.requested_by}, {override.confirmed_by}"


def _row(cells: Sequence[str], n_columns: int) -> str:
    if len(cells) == 1:
        return tag("tr", tag("th", cells[0], colspan=n_columns, scope="colgroup"), class_="part")
    return tag("tr", tag("th", cells[0], scope="row"), *(tag("td", c) for c in cells[1:]))


def _baseline_rows(
    row: BaselineRow, sizes: Sequence[int], language: Language
) -> Iterable[Sequence[str]]:
    unit = f" ({escape(row.unit)})" if row.unit else ""
    label = escape(row.label.say(language)) + unit
    known = [n - missing for n, missing in zip(sizes, row.n_missing, strict=True)]
    yield [tag("strong", label), *(f"n = {n}" for n in known)]
    if row.summaries and any(known):
        decimals = decimals_for(max(s.maximum for s in row.summaries if s.maximum is not None))
        yield [
            say("mean_sd", language),
            *(_pair(s.mean, s.sd, language, decimals=decimals) for s in row.summaries),
        ]
        yield [
            say("median_quartiles", language),
            *(_quartiles(s, language, decimals=decimals) for s in row.summaries),
        ]
    for category in row.categories:
        shares = (say_share(n, of, language) for n, of in zip(category.counts, known, strict=True))
        yield [escape(category.label.say(language)), *shares]
    if any(row.n_missing):
        yield [say("missing", language), *map(str, row.n_missing)]


def _pair(mean: float | None, sd: float | None, language: Language, *, decimals: int = 1) -> str:
    if mean is None:
        return "–"
    spread = say_number(sd, language, decimals=decimals)
    return f"{say_number(mean, language, decimals=decimals)} ({spread})"


def _quartiles(s: Summary, language: Language, *, decimals: int) -> str:
    if s.median is None:
        return "–"
    q1, median, q3 = (say_number(q, language, decimals=decimals) for q in (s.q1, s.median, s.q3))
    return f"{median} ({q1} – {q3})"


def _mean_sd(point: CoursePoint, language: Language, *, decimals: int) -> str:
    if not point.n:
        return "n = 0"
    return f"{_pair(point.mean, point.sd, language, decimals=decimals)}, {_of(point.n)}"


def _course_rows(
    course: Course, encounter: str, label: Text, language: Language
) -> list[list[str]]:
    values, changes, decimals = [], [], decimals_for(course.largest)
    for group in course.groups:
        point = next((p for p in group.points if p.encounter == encounter), None)
        is_alike = any(group.key in s.arms and encounter in s.encounters for s in course.shared)
        mark = tag("sup", "†") if is_alike else ""
        values.append(_mean_sd(point, language, decimals=decimals) + mark if point else "")
        changes.append(
            _change(point, language, decimals=decimals) + mark if point and point.n_change else ""
        )
    rows = [[tag("strong", escape(label.say(language))), *values]]
    return [*rows, [say("course_change", language), *changes]] if any(changes) else rows


def _of(n: int) -> str:
    return f"n{NO_BREAK}={NO_BREAK}{n}"


def _change(point: CoursePoint, language: Language, *, decimals: int) -> str:
    change = _pair(point.mean_change, point.sd_change, language, decimals=decimals)
    return f"{change}, {_of(point.n_change)}"


def _adverse_head(column: AdverseColumn, study: Study, language: Language) -> str:
    if column.period in (BEFORE, LATER, UNDATED):
        period = say(f"period_{column.period}", language)
    else:
        order = study.infusion_encounters
        following = order[order.index(column.period) + 1 :][:1]
        key = "period_until" if following else "period_after"
        period = say(key, language, first=column.period, second="".join(following))
    product = escape(_shorten(column.label.say(language)))
    middle = tag("span", product, class_="soft") + "<br>" if product else ""
    return f"{period}<br>{middle}{_of(column.n_exposed)}"


def _shorten(label: str) -> str:
    """A product's name without what follows in brackets or after a comma."""
    return label.split(" (", maxsplit=1)[0].split(",", maxsplit=1)[0]


def _adverse_row(
    row: AdverseRow,
    columns: Sequence[AdverseColumn],
    language: Language,
    *,
    has_bounds: bool = False,
) -> list[str]:
    cells = []
    for count, column in zip(row.counts, columns, strict=True):
        share = f"{say_share(count.n_participants, column.n_exposed, language)} [{count.n_events}]"
        zero = "0"
        if has_bounds and count.upper_bound is not None:
            zero = f"0 (≤ {say_percent(count.upper_bound, language)})"
        cells.append(_unbroken(share if count.n_events else zero))
    return [escape(row.label.say(language)), *cells]


def _unbroken(words: str) -> str:
    """Words that stay in one line."""
    return tag("span", escape(words), class_="line")


def _grades(column: AdverseColumn, language: Language) -> str:
    shown = (word("grade_count", grade=g, n=n).say(language) for g, n in column.max_grades)
    return "<br>".join(map(_unbroken, shown)) or "–"


def _verdict(value: bool | None, language: Language) -> str:
    return say({True: "yes", False: "no", None: "to_clarify"}[value], language)
