"""The names AWS refuses for state machines and executions."""

from __future__ import annotations

import re

import pytest

from express.names import MAX_NAME, check_name, fitting_name


@pytest.mark.parametrize("name", ["a", "Order-1_2.3", "x" * 80, "auftrag-\u00e4"])
def test_allowed(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("name", ["", "x" * 81, "a b", "a/c", "a b/c", "a:b", "a*", "{a}", "a\n", "a\x7f", 'a"', "a\\"])
def test_refused_in_the_words_of_aws(name: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"Invalid Name: '{name}'")):
        check_name(name)


@pytest.mark.parametrize("text", ["orders-17", "a", "x" * 80, "auftrag-\u00e4"])
def test_what_may_be_a_name_is_one(text: str) -> None:
    assert fitting_name(text) == text


@pytest.mark.parametrize("text", ["", "a b", "orders/eu:17", "x" * 81, "\ud800", "*" * 500])
def test_what_may_not_becomes_one_that_is_its_own(text: str) -> None:
    name = fitting_name(text)
    check_name(name)
    assert len(name) <= MAX_NAME
    assert name == fitting_name(text)
    assert name != fitting_name(f"{text}.")


def test_what_can_be_read_of_a_name_stays() -> None:
    assert fitting_name("orders/eu:17").startswith("orders-eu-17-")
