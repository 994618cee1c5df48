"""The names AWS refuses for state machines and executions."""

from __future__ import annotations

import re

import pytest

from express.names import check_name


@pytest.mark.parametrize("name", ["a", "Order-1_2.3", "x" * 80, "auftrag-\u00e4"])
def test_allowed(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("name", ["", "x" * 81, "a b", "a/c", "a b/c", "a:b", "a*", "{a}", "a\n", "a\x7f", 'a"', "a\\"])
def test_refused_in_the_words_of_aws(name: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"Invalid Name: '{name}'")):
        check_name(name)
