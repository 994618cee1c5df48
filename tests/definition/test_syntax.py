"""Jackson's words for texts that are no JSON."""

from __future__ import annotations

import pytest

from express.definition.outline import outline
from express.definition.syntax import JSONSyntaxError, source_place

VALUE = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"

#: text, message, index of the character at fault, line and column as Jackson counts them
CASES: list[tuple[str, str, int, tuple[int, int]]] = [
    ("not a definition", f"Unrecognized token 'not': was expecting {VALUE}", 0, (1, 4)),
    ("nul", f"Unrecognized token 'nul': was expecting {VALUE}", 0, (1, 4)),
    ("[true1]", f"Unrecognized token 'true1': was expecting {VALUE}", 1, (1, 7)),
    ("[True]", f"Unrecognized token 'True': was expecting {VALUE}", 1, (1, 6)),
    ("[NaN]", "Non-standard token 'NaN': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow", 1, (1, 5)),
    (
        "[Infinity]",
        "Non-standard token 'Infinity': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow",
        1,
        (1, 10),
    ),
    ("{a: 1}", "Unexpected character ('a' (code 97)): was expecting double-quote to start field name", 1, (1, 3)),
    ("{'a': 1}", "Unexpected character (''' (code 39)): was expecting double-quote to start field name", 1, (1, 3)),
    ('{"a": 1,}', "Unexpected character ('}' (code 125)): was expecting double-quote to start field name", 8, (1, 10)),
    ("[1,]", f"Unexpected character (']' (code 93)): expected a valid value {VALUE}", 3, (1, 5)),
    ("[+1]", f"Unexpected character ('+' (code 43)): expected a valid value {VALUE}", 1, (1, 3)),
    (
        '{"a" 1}',
        "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value",
        5,
        (1, 7),
    ),
    (
        '{"a": 1\n "b": 2}',
        "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries",
        9,
        (2, 3),
    ),
    ("[1 2]", "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries", 3, (1, 5)),
    ("[1x]", "Unexpected character ('x' (code 120)): was expecting comma to separate Array entries", 2, (1, 4)),
    ("{} {}", "Unexpected character ('{' (code 123)): Expected space separating root-level values", 3, (1, 5)),
    ("[“a”]", f"Unexpected character ('“' (code 8220 / 0x201c)): expected a valid value {VALUE}", 1, (1, 3)),
    (
        "{} // done",
        (
            "Unexpected character ('/' (code 47)): maybe a (non-standard) comment? "
            "(not recognized as one since Feature 'ALLOW_COMMENTS' not enabled for parser)"
        ),
        3,
        (1, 5),
    ),
    ("[01]", "Invalid numeric value: Leading zeroes not allowed", 1, (1, 4)),
    (
        "[-a]",
        (
            "Unexpected character ('a' (code 97)) in numeric value: "
            "expected digit (0-9) to follow minus sign, for valid numeric value"
        ),
        2,
        (1, 4),
    ),
    ("[1.]", "Unexpected character (']' (code 93)) in numeric value: Decimal point not followed by a digit", 3, (1, 5)),
    (
        "[1e+]",
        "Unexpected character (']' (code 93)) in numeric value: Exponent indicator not followed by a digit",
        4,
        (1, 6),
    ),
    ("1e", "Unexpected end-of-input: Exponent indicator not followed by a digit", 2, (1, 3)),
    (
        '["a\nb"]',
        (
            "Illegal unquoted character ((CTRL-CHAR, code 10)): "
            "has to be escaped using backslash to be included in string value"
        ),
        3,
        (2, 1),
    ),
    ('["\\x"]', "Unrecognized character escape 'x' (code 120)", 2, (1, 5)),
    (
        '["\\u12g4"]',
        "Unexpected character ('g' (code 103)): expected a hex-digit for character escape sequence",
        6,
        (1, 8),
    ),
    ('"\\u1', "Unexpected end-of-input in character escape sequence", 4, (1, 5)),
    ('"\\', "Unexpected end-of-input in character escape sequence", 2, (1, 3)),
    ('["a', "Unexpected end-of-input: was expecting closing quote for a string value", 3, (1, 4)),
    ('{"a', "Unexpected end-of-input in field name", 3, (1, 4)),
    ('{"a"', "Unexpected end-of-input within/between Object entries", 4, (1, 5)),
    ('{"a":', "Unexpected end-of-input within/between Object entries", 5, (1, 6)),
    ('{"a":1,', "Unexpected end-of-input within/between Object entries", 7, (1, 8)),
    ("[1, ", "Unexpected end-of-input within/between Array entries", 4, (1, 5)),
    (
        "[",
        (
            "Unexpected end-of-input: expected close marker for Array "
            '(start marker at [Source: (String)"["; line: 1, column: 1])'
        ),
        1,
        (1, 2),
    ),
    (
        '{\r\n"a": [1}',
        (
            "Unexpected close marker '}': expected ']' "
            '(for Array starting at [Source: (String)"{\r\n"a": [1}"; line: 2, column: 6])'
        ),
        10,
        (2, 9),
    ),
]


@pytest.mark.parametrize(("text", "message", "position", "reached"), CASES, ids=[repr(case[0]) for case in CASES])
def test_what_is_wrong_and_where(text: str, message: str, position: int, reached: tuple[int, int]) -> None:
    with pytest.raises(JSONSyntaxError) as caught:
        outline(text)
    error = caught.value
    assert error.message == message
    assert error.position == position
    line, column = reached
    assert source_place(text, error.reached) == f'[Source: (String)"{text}"; line: {line}, column: {column}]'


def test_a_long_source_is_quoted_in_part() -> None:
    text = "x" * 620
    assert source_place(text, 3) == f'[Source: (String)"{"x" * 500}"[truncated 120 chars]; line: 1, column: 4]'
