"""A reading as JSON, and as the words of a command."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkling.train.errors import InputError
from inkling.train.files.checked_json import Fields
from inkling.train.tables.reading import Reading


@given(st.builds(Reading, st.text(), seed=st.integers(0, 2**32), bits=st.integers(1, 8)))
def test_json_says_all_of_it(reading: Reading) -> None:
    assert Reading.from_json(Fields(reading.to_json(), "here")) == reading
    assert set(reading.to_json()) == {field.name for field in fields(Reading)}


def test_options_that_are_not_there_have_their_defaults_and_wrong_ones_are_named() -> None:
    assert Reading.from_json(Fields({"source": "iris", "target": None}, "here")) == Reading("iris")
    for name, value in (("source", 1), ("target", 1), ("bits", "4"), ("one_hot", "yes"), ("seed", -1)):
        with pytest.raises(InputError, match=name):
            Reading.from_json(Fields({"source": "iris", name: value}, "here"))


def test_words_repeat_it_without_folders() -> None:
    plain = ["iris", "--seed", "42", "--bits", "4", "--ranges", "fitted"]
    assert Reading("iris").words() == plain
    reading = Reading("/home/me/t.csv", "kind", one_hot=True)
    assert reading.words() == ["t.csv", "--target", "kind", *plain[1:], "--one-hot"]
    assert reading.words(("bits", "ranges")) == ["t.csv", "--target", "kind", "--seed", "42", "--one-hot"]
