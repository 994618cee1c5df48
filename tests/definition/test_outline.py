"""Spans of values: what the outline cuts out of a text is that value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from express.definition.outline import Node, outline, string_position
from express.definition.pointer import escape_key
from express.definition.syntax import JSONSyntaxError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from express.types import JSON

_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["", "a/b", "~", "~1", "0", 'q"q', "\\", "é", "日本", "😀", "\u2028", "tab\there", "line\nfeed"]
)
_SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | _TEXTS
)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4), max_leaves=12
)
_BLANKS = st.sampled_from(["", " ", "\n", "\r\n", "\r", "\t", " \n  "])


@st.composite
def written(draw: st.DrawFn, values: st.SearchStrategy[JSON] = _VALUES) -> tuple[JSON, str]:
    """A value and one of its many spellings: blanks anywhere, characters escaped or not."""

    def write(value: JSON) -> str:
        if isinstance(value, dict):
            members = (f"{blank()}{write(key)}{blank()}:{blank()}{write(item)}{blank()}" for key, item in value.items())
            return f"{{{','.join(members) or blank()}}}"
        if isinstance(value, list):
            return f"[{','.join(f'{blank()}{write(item)}{blank()}' for item in value) or blank()}]"
        return json.dumps(value, ensure_ascii=draw(st.booleans()))

    def blank() -> str:
        return draw(_BLANKS)

    value = draw(values)
    return value, f"{blank()}{write(value)}{blank()}"


def walk(value: JSON, node: Node, pointer: str = "") -> Iterator[tuple[JSON, Node, str]]:
    yield value, node, pointer
    if isinstance(value, dict):
        assert isinstance(node.members, dict)
        for key, item in value.items():
            yield from walk(item, node.members[key], f"{pointer}/{escape_key(key)}")
    elif isinstance(value, list):
        assert isinstance(node.members, list)
        for index, item in enumerate(value):
            yield from walk(item, node.members[index], f"{pointer}/{index}")


@given(written())
def test_every_span_is_the_text_of_its_value(case: tuple[JSON, str]) -> None:
    value, text = case
    result = outline(text)
    for item, node, pointer in walk(value, result.root):
        assert json.loads(text[node.start : node.end]) == item
        assert result.nearest(pointer) is node
    assert not result.repeated


@given(written())
def test_every_key_span_is_the_text_of_its_key(case: tuple[JSON, str]) -> None:
    value, text = case
    for _, node, _ in walk(value, outline(text).root):
        if isinstance(node.members, dict):
            for key, member in node.members.items():
                assert json.loads(text[member.key_start : member.key_end]) == key
        elif isinstance(node.members, list):
            assert all(item.key_start == -1 for item in node.members)


@given(written(_TEXTS))
def test_an_offset_counts_characters_of_the_value_not_of_the_text(case: tuple[str, str]) -> None:
    value, text = case
    start = outline(text).root.start
    for offset in range(len(value) + 1):
        rest = text[string_position(text, start, offset) :]
        assert json.loads(f'"{rest}') == value[offset:]
    assert text[string_position(text, start, len(value) + 5)] == '"'


_NEARLY_JSON = st.lists(
    st.sampled_from(
        [
            *'{}[]:,"',
            '"a"',
            '"b":',
            "1",
            "-",
            "0",
            ".5",
            "e",
            "+",
            "true",
            "nul",
            "l",
            " ",
            "\n",
            "\\",
            "\\u0041",
            "/",
            "x",
        ]
    ),
    max_size=12,
).map("".join)


@pytest.mark.slow
@settings(max_examples=500)
@given(_NEARLY_JSON)
def test_the_outline_accepts_exactly_what_the_parser_accepts(text: str) -> None:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        with pytest.raises(JSONSyntaxError) as caught:
            outline(text)
        assert 0 <= caught.value.position <= len(text)
    else:
        outline(text)


@pytest.mark.parametrize(
    ("text", "repeated"),
    [
        ('{"a": 1, "a": 2}', [("/a", 9)]),
        ('{"a": 1, "b": 2}', []),
        ('{"a": {"b": 1, "b": 2, "b": 3}}', [("/a/b", 15), ("/a/b", 23)]),
        ('[{"a": 1}, {"a": 1, "\\u0061": 2}]', [("/1/a", 20)]),
        ('{"x/y": [0, {"~": 1, "~": 1}]}', [("/x~1y/1/~0", 21)]),
    ],
)
def test_keys_that_repeat_an_earlier_key(text: str, repeated: list[tuple[str, int]]) -> None:
    assert [(pointer, node.key_start) for pointer, node in outline(text).repeated] == repeated


def test_nearest_stops_at_what_the_text_has() -> None:
    text = '{"a": [10, {"b": 1}]}'
    result = outline(text)
    spans = {
        pointer: text[node.start : node.end]
        for pointer in ("/a/1/b", "/a/1/c", "/a/7", "/a/x", "/z/z")
        for node in [result.nearest(pointer)]
    }
    assert spans == {
        "/a/1/b": "1",
        "/a/1/c": '{"b": 1}',
        "/a/7": '[10, {"b": 1}]',
        "/a/x": '[10, {"b": 1}]',
        "/z/z": text,
    }


@pytest.mark.slow
def test_depth_is_no_matter() -> None:
    depth = 100_000
    result = outline("[" * depth + "]" * depth)
    assert (result.root.start, result.root.end) == (0, 2 * depth)
    with pytest.raises(JSONSyntaxError, match="expected close marker for Array"):
        outline("[" * depth)
