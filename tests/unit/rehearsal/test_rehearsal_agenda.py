"""Simulated time: one queue, in order, on working days."""

import datetime as dt

from equipoise.rehearsal.agenda import Agenda, Course, at_hour, working_day

START = dt.datetime(2026, 1, 5, 8, tzinfo=dt.UTC)


def test_courses_are_resumed_in_the_order_of_time() -> None:
    """Whoever's instant comes first goes on first, whichever began first."""
    agenda = Agenda(START)
    seen: list[tuple[str, dt.datetime]] = []

    def course(name: str, *hours: int) -> Course:
        for hour in hours:
            yield START + dt.timedelta(hours=hour)
            seen.append((name, agenda.now))

    agenda.add(course("a", 1, 4))
    agenda.add(course("b", 2, 3))
    agenda.add(course("nothing"))
    while agenda.next_at() is not None:
        agenda.step()

    assert [name for name, _ in seen] == ["a", "b", "b", "a"]


def test_no_instant_comes_twice() -> None:
    """Two at the same instant are a second apart; time never stands still."""
    agenda = Agenda(START)
    seen: list[dt.datetime] = []

    def course() -> Course:
        yield START + dt.timedelta(hours=1)
        seen.extend((agenda.tick(), agenda.tick()))

    agenda.add(course())
    agenda.add(course())
    while agenda.next_at() is not None:
        agenda.step()

    assert len(set(seen)) == 4 and seen == sorted(seen)


def test_sites_do_not_work_at_weekends_nor_at_night() -> None:
    """Saturday and Sunday become Monday; the day ends before 18:00."""
    friday, monday = dt.date(2026, 1, 9), dt.date(2026, 1, 12)

    assert working_day(friday) == friday
    assert {working_day(friday + dt.timedelta(days=n)) for n in (1, 2, 3)} == {monday}
    assert at_hour(friday, 2).hour == 10
    assert at_hour(friday, 30) == dt.datetime(2026, 1, 9, 17, 59, tzinfo=dt.UTC)
