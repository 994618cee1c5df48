"""Pointers, and AWS's way to write them."""

from __future__ import annotations

import pytest

from express.definition.pointer import escape_key, render_location, steps_of

VALUE = {"States": {"a/b": {"Choices": [{"Next": "x"}, {"And": [{}, {}]}], "0": {"1": 1}}, "t~1": {}}}


@pytest.mark.parametrize(
    ("pointer", "location"),
    [
        ("", "/"),
        ("/States", "/States"),
        ("/States/a~1b", "/States/a/b"),
        ("/States/t~01/Next", "/States/t~1/Next"),
        ("/States/a~1b/Choices/0/Next", "/States/a/b/Choices[0]/Next"),
        ("/States/a~1b/Choices/1/And/1", "/States/a/b/Choices[1]/And[1]"),
        ("/States/a~1b/Choices/9/Next", "/States/a/b/Choices[9]/Next"),
        ("/States/a~1b/0/1", "/States/a/b/0/1"),
        ("/States/missing/Next", "/States/missing/Next"),
    ],
)
def test_location_as_aws_writes_it(pointer: str, location: str) -> None:
    assert render_location(pointer, VALUE) == location


@pytest.mark.parametrize("key", ["", "a", "a/b", "~", "~1", "/~0", "0", "a b"])
def test_a_key_survives_a_pointer(key: str) -> None:
    assert steps_of(f"/x/{escape_key(key)}") == ["x", key]


def test_the_root_has_no_steps() -> None:
    assert steps_of("") == []
