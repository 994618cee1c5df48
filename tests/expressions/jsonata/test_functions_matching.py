"""`$contains`, `$match`, `$replace` and `$split` with strings, regular expressions and matchers of other making."""

from __future__ import annotations

from typing import Any

import pytest

from express.expressions.jsonata.regexes import compile_regex
from express.expressions.jsonata.values import UNDEFINED, Function, Value
from tests.expressions.jsonata.calling import call, exactly, label, of, refused


def regex(pattern: str, flags: str = "") -> Function:
    return compile_regex(pattern, flags, 0)


def finder(wanted: str, **changes: Any) -> Function:
    """A matcher that looks for a string, in the shape of the matcher protocol but for the changes."""

    def find(text: str, offset: int) -> Value:
        start = text.find(wanted, offset)
        end = start + len(wanted)
        following = of(lambda: find(text, end))
        found = {"match": wanted, "start": start, "end": end, "groups": ["group"], "next": following} | changes
        return UNDEFINED if start < 0 else {key: value for key, value in found.items() if value is not UNDEFINED}

    return of(lambda text: find(text, 0))


A = {"match": "a", "index": 0, "groups": []}

RESULTS: list[tuple[str, list[Value], Value]] = [
    ("contains", ["abracadabra", "bra"], True),
    ("contains", ["abracadabra", "x"], False),
    ("contains", ["abracadabra", ""], True),
    ("contains", ["abracadabra", regex("a.*A", "i")], True),
    ("contains", ["abracadabra", regex("x")], False),
    ("contains", ["", regex("x*")], True),
    ("contains", ["abc", finder("c")], True),
    ("contains", ["abc", finder("d")], False),
    ("contains", [UNDEFINED, "a"], UNDEFINED),
    (
        "match",
        ["a1b22", regex("[0-9]+")],
        [{"match": "1", "index": 1, "groups": []}, {"match": "22", "index": 3, "groups": []}],
    ),
    ("match", ["a1", regex("([a-z])([0-9])")], {"match": "a1", "index": 0, "groups": ["a", "1"]}),
    ("match", ["😀a", regex("a")], {"match": "a", "index": 2, "groups": []}),  # UTF-16 code units
    ("match", ["abc", regex("x")], UNDEFINED),
    ("match", ["aaa", regex("a"), 1], A),
    ("match", ["aaa", regex("a"), 1.5], [A, A | {"index": 1}]),
    ("match", ["aaa", regex("a"), 0], UNDEFINED),
    ("match", ["abca", finder("a")], [A | {"groups": ["group"]}, A | {"index": 3, "groups": ["group"]}]),
    ("match", [UNDEFINED, regex("a")], UNDEFINED),
    ("split", ["a, b, c", ", "], ["a", "b", "c"]),
    ("split", ["a", ","], ["a"]),
    ("split", ["", ","], [""]),
    ("split", ["", ""], []),
    ("split", ["a😀b", ""], ["a", "😀", "b"]),
    ("split", ["abc", "", 2], ["a", "b"]),
    ("split", ["a,b,c", ",", 2], ["a", "b"]),
    ("split", ["a,b,c", ",", 9], ["a", "b", "c"]),
    ("split", ["a,b,c", ",", 1.9], ["a"]),
    ("split", ["a,b,c", ",", 0.5], []),
    ("split", ["a,b,c", ",", 0], []),
    ("split", ["a,b,c", ",", 2**32], []),  # as JavaScript has it
    ("split", ["a1b22c", regex("[0-9]+")], ["a", "b", "c"]),
    ("split", ["a1b22c", regex("[0-9]+"), 2], ["a", "b"]),
    ("split", ["a1b22c", regex("[0-9]+"), 1.5], ["a", "b"]),
    ("split", ["a1b22c", regex("[0-9]+"), 3], ["a", "b", "c"]),
    ("split", ["a1b22c", regex("[0-9]+"), 0], []),
    ("split", ["abc", regex("x")], ["abc"]),
    ("split", ["abc", regex("x"), 1], ["abc"]),
    ("split", ["😀1é1", regex("1")], ["😀", "é", ""]),
    ("split", ["😀-é-", finder("-", start=2, end=3), 1], ["😀"]),
    ("split", ["abcbd", finder("b")], ["a", "c", "d"]),
    ("split", [UNDEFINED, ","], UNDEFINED),
    ("replace", ["John Smith and John Jones", "John", "Mr"], "Mr Smith and Mr Jones"),
    ("replace", ["John Smith and John Jones", "John", "Mr", 1], "Mr Smith and John Jones"),
    ("replace", ["aaaa", "a", "b", 1.5], "bbaa"),
    ("replace", ["aaaa", "a", "b", 0], "aaaa"),
    ("replace", ["a.b", ".", "$0$$"], "a$0$$b"),  # no pattern, no groups
    ("replace", ["abc", "b", UNDEFINED], "aundefinedc"),
    ("replace", ["abc", "x", UNDEFINED], "abc"),
    ("replace", ["abc", "x", of(lambda match: 1)], "abc"),
    ("replace", ["265USD", regex("([0-9]+)USD"), "$$$1"], "$265"),
    ("replace", ["abcabc", regex("b"), "[$0]"], "a[b]ca[b]c"),
    ("replace", ["abcabc", regex("b"), "[$0]", 1], "a[b]cabc"),
    ("replace", ["abcabc", regex("b"), "x", 0], "abcabc"),
    ("replace", ["abc", regex("x"), "y"], "abc"),
    ("replace", ["abc", regex("b"), "$1|$9|$x|$"], "a||$x|$c"),
    ("replace", ["ab", regex("(a)(x)?"), "<$1$2>"], "<a>b"),
    ("replace", ["ab", regex("(a)"), "$2$12$01"], "a2a1b"),
    ("replace", ["abcdefghijk", regex("(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)"), "$10$11$1 $ 1$-1$+2"], "ja1a a1b2k"),
    ("replace", ["😀a😀", regex("a"), "b"], "😀b😀"),
    ("replace", ["abc", regex("[a-c]"), of(lambda match: match["match"] * 2)], "aabbcc"),
    ("replace", ["a1b2", regex("([a-z])([0-9])"), of(lambda match: match["groups"][1])], "12"),
    ("replace", ["😀a", regex("a"), of(lambda match: f"{match['start']}-{match['end']}")], "😀2-3"),
    ("replace", ["abab", finder("b"), "[$0$1]"], "a[bgroup]a[bgroup]"),
    ("replace", ["ab", finder("b", groups=[1.5, None, UNDEFINED, [2]]), "$1$2$3$4"], "a1.5null"),
    ("replace", ["ab", finder("b", groups=UNDEFINED), "$1-"], "a-"),
    ("replace", ["abab", finder("b", end=UNDEFINED), of(lambda match: match["match"].upper())], "aBaB"),
    ("replace", [UNDEFINED, "a", "b"], UNDEFINED),
]


@pytest.mark.parametrize(("name", "arguments", "result"), RESULTS, ids=label)
def test_results(name: str, arguments: list[Value], result: Value) -> None:
    assert exactly(call(name, *arguments)) == exactly(result)


ERRORS: list[tuple[str, list[Value], str, int | None]] = [
    ("contains", ["a", UNDEFINED], "T0410", 2),
    ("contains", ["a", 1], "T0410", 2),
    ("contains", ["a", of(lambda text: 5)], "T1010", None),
    ("match", ["a", UNDEFINED], "T0410", 2),
    ("match", ["a", regex("a"), -1], "D3040", 3),
    ("match", ["ab", regex("b*")], "D1004", None),
    ("match", ["ab", regex("a|"), 1], "D1004", None),  # looked for though it does not count
    ("match", ["aa", finder("a", next=UNDEFINED)], "T1010", None),
    ("match", ["aa", finder("a", start=UNDEFINED)], "T1010", None),
    ("match", ["aa", of(lambda text: {"match": 1, "start": 0, "groups": []})], "T1010", None),
    ("split", ["a", UNDEFINED], "T0410", 2),
    ("split", ["a", ",", -1], "D3020", 3),
    ("split", ["a", regex("a"), -0.5], "D3020", 3),
    ("split", ["a", of(str.upper)], "T1010", None),
    ("replace", ["a", UNDEFINED, "b"], "T0410", 2),
    ("replace", ["a", regex("a"), UNDEFINED], "T0410", 3),
    ("replace", ["a", "", "b"], "D3010", 2),
    ("replace", ["a", "a", "b", -1], "D3011", 4),
    ("replace", ["a", regex("a"), "b", -1], "D3011", 4),
    ("replace", ["a", regex("a"), of(lambda match: 5)], "D3012", None),
    ("replace", ["a", regex("a"), of(lambda match: UNDEFINED)], "D3012", None),
    ("replace", ["a", "a", of(lambda match: "b")], "D3012", None),
    ("replace", ["a" * 1000, "a", "b" * 1001], "U1002", None),
    ("replace", ["a" * 1000, regex("a"), "b" * 1001], "U1002", None),
    ("replace", ["a" * 100_000, regex("a"), "b" * 1000], "U1001", None),
]


@pytest.mark.parametrize(("name", "arguments", "code", "index"), ERRORS, ids=label)
def test_errors(name: str, arguments: list[Value], code: str, index: int | None) -> None:
    error = refused(name, *arguments)
    assert (error.code, error.details.get("index")) == (code, index)


def test_replacement_functions_can_ask_for_the_next_match() -> None:
    following = of(lambda match: match["next"].call()["match"])
    assert call("replace", "a1b2", regex("[0-9]"), following, 1) == "a2b2"
