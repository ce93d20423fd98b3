"""Age in completed years, from a birth date or from a month of birth alone."""

import datetime as dt


def completed_years(born: dt.date, on: dt.date) -> int:
    """Age in full years, as law and criteria count it: 70 until the day before the 71st birthday.

    Who is born on 29 February has the birthday on 1 March in other years. Negative before birth.
    """
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def age_range(birth_month: str, on: dt.date) -> tuple[int, int]:
    """The least and the greatest age in completed years of a person born in `YYYY-MM`.

    The two differ only within the month of the birthday, before its last day. ValueError if there
    is no such month.
    """
    first = dt.date.fromisoformat(f"{birth_month}-01")
    following = (first.replace(day=28) + dt.timedelta(days=4)).replace(day=1)
    last = following - dt.timedelta(days=1)
    return completed_years(last, on), completed_years(first, on)
