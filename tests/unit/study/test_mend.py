"""A file with faults is made whole for the other checks, and nothing else is changed."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.study.check.mend import mend
from equipoise.study.forms import Form
from equipoise.study.load import FILES, kind_of, load_study

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["form", "title", "en", "items", "by", "x"]), inner)
    ),
    max_leaves=8,
)


def test_a_whole_file_is_left_as_it_is(first_study: Path) -> None:
    for name, source in load_study(first_study).sources.items():
        assert msgspec.convert(mend(source.value, kind_of(name)), kind_of(name)) == (
            msgspec.convert(source.value, kind_of(name))
        )


@settings(max_examples=25)
@pytest.mark.parametrize("kind", [*FILES.values(), Form])
@given(value=ANYTHING)
def test_whatever_stands_in_a_file_becomes_something_of_its_type(kind: type, value: object) -> None:
    assert isinstance(msgspec.convert(mend(value, kind), kind), kind)


def test_a_misspelt_key_is_read_as_meant_and_a_wrong_value_left_out() -> None:
    form = msgspec.convert(
        mend(
            {
                "form": "f",
                "titel": {"en": "F"},
                "by": ["investigator", "boss"],
                "ordr": "first",
                "area_item": {"range": 3},
                "items": {"a": {"label": {"en": "A"}, "type": "numbr", "range": [1]}, "b b": {}},
            },
            Form,
        ),
        Form,
    )
    assert (form.title.en, form.by, form.order) == ("F", ("investigator", "coordinator"), 0)
    assert form.area_item is not None
    assert form.area_item.range == (0, 0)
    assert list(form.items) == ["a"]
    assert form.items["a"].range is None
