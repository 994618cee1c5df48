"""Operators and conditions, with what they refuse.

Every row is an expression on DOCUMENT with what it gives; the answers are those of jsonata-js 2.0.6.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from express.expressions.jsonata.values import UNDEFINED
from tests.expressions.jsonata.evaluating import Failure, evaluated, exactly

CASES: list[tuple[str, Any]] = [
    ("1 + 2", 3),
    ("1 + 0.5", 1.5),
    ("0.5 + 0.5", 1),
    ("7 - 2.5", 4.5),
    ("2 * 3.5", 7),
    ("7 / 2", 3.5),
    ("8 / 2", 4),
    ("5 % 3", 2),
    ("-5 % 3", -2),
    ("5 % -3", 2),
    ("5.5 % 2", 1.5),
    ("-order.id", -7),
    ("-missing", UNDEFINED),
    ("1 + missing", UNDEFINED),
    ("missing * 2", UNDEFINED),
    ("0.1 + 0.2", 0.30000000000000004),
    ("9007199254740991 + 2", 9007199254740992),
    ("1e300 * 1e8 * 0", 0),
    ("1 + 2 * 3 - 4 / 2 % 3", 5),
    ('1 + "a"', Failure("T2002", 3)),
    ('"a" + 1', Failure("T2001", 5)),
    ("true + 1", Failure("T2001", 6)),
    ("1 + null", Failure("T2002", 3)),
    ("null * missing", Failure("T2001", 6)),
    ("list + 1", Failure("T2001", 6)),
    ("1 / 0 + 1", Failure("D1001", 7)),
    ('-"a"', Failure("D1002", 1)),
    ("-null", Failure("D1002", 1)),
    ("-flag", Failure("D1002", 1)),
    ("1 < 2", True),
    ("2 <= 2", True),
    ('"a" < "b"', True),
    ('"b" >= "c"', False),
    ("1 < missing", UNDEFINED),
    ("missing < 1", UNDEFINED),
    ('1 < "a"', Failure("T2009", 3)),
    ('"a" < 1', Failure("T2009", 5)),
    ("true < 1", Failure("T2010", 6)),
    ("1 < null", Failure("T2010", 3)),
    ("missing > null", Failure("T2010", 9)),
    ("list < 1", Failure("T2010", 6)),
    ('"\\uffff" < "\\ud83d\\ude00"', False),
    ("1 = 1", True),
    ("1 = 1.0", True),
    ("1 = true", False),
    ("true = 1", False),
    ("0 = false", False),
    ('"a" = "a"', True),
    ("null = null", True),
    ("missing = missing", False),
    ("missing != 1", False),
    ("missing = null", False),
    ("list = [1,2,3]", True),
    ("order.note = null", True),
    ('{"a":1,"b":2} = {"b":2,"a":1}', True),
    ("1 != 2", True),
    ('"1" != 1', True),
    ("1/0 = 1/0", True),
    ("0/0 = 0/0", False),
    ("1 in list", True),
    ('"1" in list', False),
    ("true in [1]", False),
    ("1 in 1", True),
    ("missing in list", False),
    ("1 in missing", False),
    ("[1] in nested", False),
    ("null in [null]", True),
    ("true and false", False),
    ('1 and "a"', True),
    ("missing or 0", False),
    ("[] or [0, [0]]", False),
    ('[[1]] and {"a": 1}', True),
    ('{} or ""', False),
    ("null or null", False),
    ('true or $error("no")', True),
    ('false and $error("no")', False),
    ('false or (1 + "a")', Failure("T2002", 8)),
    ('true and (1 < "a")', Failure("T2009", 8)),
    ('false or $sum("a")', Failure("T0412", 8)),
    ('"a" & "b"', "ab"),
    ('"a" & 1', "a1"),
    ("1 & 2.5", "12.5"),
    ('"a" & null', "anull"),
    ('"a" & missing', "a"),
    ("missing & missing", ""),
    ('"a" & true', "atrue"),
    ('"x" & [1, "b"]', 'x[1,"b"]'),
    ('{"a": 1.0} & ""', '{"a":1}'),
    ('1e21 & ""', "1e+21"),
    ('0.1 + 0.2 & ""', "0.3"),
    ('"f" & $sum', "f"),
    ('4 / 2 & ""', "2"),
    ('9007199254740993 * 3 & ""', "27021597764223000"),
    ("1 / 0 > 5", True),
    ("0 / 0 > 5", False),
    ("0 / 0 = 0 / 0", False),
    ("1 / 0 + 1", Failure("D1001", 7)),
    ("1e308 * 10 - 1", Failure("D1001", 12)),
    ("0 / 0 + 1", Failure("T2001", 7)),
    ("1 + 0 / 0", Failure("T2002", 3)),
    ('1 / 0 & ""', Failure("D3001", 7)),
    ("$string(1 / 0)", Failure("D3001", 8)),
    ("[1..3]", [1, 2, 3]),
    ("[3..1]", []),
    ("[1..1]", [1]),
    ("[missing..3]", []),
    ('["a"..3]', Failure("T2003", 6)),
    ("[1.5..3]", Failure("T2003", 6)),
    ("[1..10000001]", Failure("D2014", 4)),
    ('{"a": [0..2]}', {"a": [0, 1, 2]}),
    ("[1, 2..4, 5]", [1, 2, 3, 4, 5]),
    ("flag ? 1 : 2", 1),
    ("missing ? 1 : 2", 2),
    ("missing ? 1", UNDEFINED),
    ("none ? 1 : 2", 2),
    ("flag ? missing : 2", UNDEFINED),
    ('order.id = 7 ? "seven" : order.id = 8 ? "eight" : "other"', "seven"),
]


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text for text, _ in CASES])
def test_operator(text: str, expected: Any) -> None:
    assert exactly(evaluated(text)) == exactly(expected)


@pytest.mark.parametrize("value", [True, False, 0, 1, 2, -1, 0.5, 1e300, "1", None, [], {}, [5], UNDEFINED], ids=repr)
@pytest.mark.parametrize("limit", ["0", "1", "-1", "0.5", "1000"])
@pytest.mark.parametrize("sign", ["<", "<=", ">", ">="])
def test_a_literal_limit_is_compared_with_like_any_number(sign: str, limit: str, value: Any) -> None:
    """The code for a literal guesses what the value is; with a variable in its place nothing is guessed."""
    data, bindings = {"a": value}, {"limit": json.loads(limit)}
    for template in ("$.a {} {}", "$not($.a {} {})", "$.a {} {} ? 'yes' : 'no'"):
        guessed = evaluated(template.format(sign, limit), data)
        looked_up = evaluated(template.format(sign, "$limit"), data, bindings)
        assert getattr(guessed, "code", guessed) == getattr(looked_up, "code", looked_up)
