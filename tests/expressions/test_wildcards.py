"""The patterns of StringMatches, against a table, the standard library, and hostile input."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from express.expressions.wildcards import PatternError, compile_wildcards


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("log.txt", ["log.txt"], ["log-txt", "log.txt2", ""]),
        ("", [""], ["a"]),
        ("*", ["", "anything", "*"], []),
        ("**", ["", "anything"], []),
        ("log-*.txt", ["log-.txt", "log-2025.txt"], ["log-.txt ", "log.txt", "a-log-.txt"]),
        ("*.log", [".log", "a.log"], ["a.logs"]),
        ("foo*", ["foo", "foobar"], ["fo", " foo"]),
        ("logs-*-*-done", ["logs---done", "logs-2025-04-done"], ["logs--done"]),
        ("*a*b*", ["ab", "xaxbx"], ["ba", "a"]),
        ("ab*ba", ["abba", "abxba"], ["aba", "ab", "ba"]),
        ("a*a*a", ["aaa", "axaxa"], ["aa"]),
        (r"file\*name", ["file*name"], ["fileXname", r"file\*name"]),
        (r"a\\*", ["a\\", "a\\b"], ["a", "ab"]),
        ("a?[b]", ["a?[b]"], ["axb"]),
    ],
)
def test_patterns(pattern: str, matching: list[str], others: list[str]) -> None:
    matches = compile_wildcards(pattern)
    assert [text for text in [*matching, *others] if matches(text)] == matching


@pytest.mark.parametrize("pattern", ["\\", "a\\b", "*\\", "\\\\\\"])
def test_a_backslash_before_anything_else_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        compile_wildcards(pattern)


@given(st.text("ab*", max_size=8), st.text("ab", max_size=12))
def test_agreement_with_fnmatch(pattern: str, text: str) -> None:
    assert compile_wildcards(pattern)(text) is fnmatch.fnmatchcase(text, pattern)


def test_hostile_patterns_take_linear_time() -> None:
    """Backtracking would take longer than anyone waits."""
    assert compile_wildcards("*" + "a*" * 5_000 + "b*")("a" * 200_000) is False
