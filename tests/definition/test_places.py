"""Lines and columns of a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from express.definition.outline import outline
from express.definition.places import Lines, span_of

TEXT = "ab\ncd\r\nef\rgh\n"


@pytest.mark.parametrize(
    ("start", "end", "place"),
    [
        (0, 1, (1, 1, 1, "ab")),
        (1, 2, (1, 2, 1, "ab")),
        (2, 3, (1, 3, 1, "ab")),
        (3, 5, (2, 1, 2, "cd")),
        (4, 12, (2, 2, 1, "cd")),
        (7, 9, (3, 1, 2, "ef")),
        (10, 12, (4, 1, 2, "gh")),
        (13, 14, (5, 1, 1, "")),
    ],
)
def test_place(start: int, end: int, place: tuple[int, int, int, str]) -> None:
    assert Lines(TEXT).place(start, end) == place


def test_only_json_line_breaks_break_lines() -> None:
    assert Lines("a\u2028\x0b\x0c\x85b\nc").place(6, 7) == (1, 7, 1, "a\u2028\x0b\x0c\x85b")


@given(st.text(st.sampled_from("ab\r\né😀"), max_size=20))
def test_line_and_column_lead_back_to_the_character(text: str) -> None:
    lines = Lines(text)
    for index, char in enumerate(text):
        place = lines.place(index, index + 1)
        if char not in "\r\n":
            assert place.source_line[place.column - 1] == char
        assert not set(place.source_line) & set("\r\n")


SPANS = '{"k": "a\\u00e9\\ud83d\\ude00z", "n": 12, "o": {"x": 1}, "l": [[1], {}]}'


@pytest.mark.parametrize(
    ("pointer", "on_key", "offset", "length", "text"),
    [
        ("/k", False, 0, 0, '"a\\u00e9\\ud83d\\ude00z"'),
        ("/k", True, 0, 0, '"k"'),
        ("/k", False, 1, 1, "\\u00e9"),
        ("/k", False, 2, 1, "\\ud83d\\ude00"),
        ("/k", False, 1, 0, "\\u00e9\\ud83d\\ude00z"),
        ("/k", False, 0, 2, "a\\u00e9"),
        ("/k", False, 3, 99, "z"),
        ("/n", False, 0, 0, "12"),
        ("/n", False, 5, 1, "12"),
        ("/o", False, 0, 0, '"o"'),
        ("/o/x", True, 0, 0, '"x"'),
        ("/l/0", False, 0, 0, "["),
        ("/l/1", True, 0, 0, "{"),
        ("", False, 0, 0, "{"),
    ],
)
def test_characters_that_stand_for_a_value(pointer: str, on_key: bool, offset: int, length: int, text: str) -> None:
    node = outline(SPANS).nearest(pointer)
    start, end = span_of(SPANS, node, on_key=on_key, offset=offset, length=length)
    assert SPANS[start:end] == text
