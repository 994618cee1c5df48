"""Regular expressions: JavaScript's, whichever engine searches them; the matcher protocol; bounds.

Expected values are those of V8 (node 20).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.evaluation import Evaluation, Limits
from express.expressions.jsonata.foreign_values import may_hold_nothing
from express.expressions.jsonata.parser import parse as parse_expression
from express.expressions.jsonata.patterns import translation
from express.expressions.jsonata.patterns.analysis import finds_captures, finds_places
from express.expressions.jsonata.patterns.backtracking import Backtracker
from express.expressions.jsonata.patterns.characters import join, spread
from express.expressions.jsonata.patterns.parser import parse
from express.expressions.jsonata.regexes import Regex, compile_regex
from express.expressions.jsonata.values import UNDEFINED, Function, Value

if TYPE_CHECKING:
    from express.expressions.jsonata.patterns.backtracking import Spans
    from express.expressions.jsonata.patterns.engine import Search
    from express.expressions.jsonata.patterns.syntax import Pattern

#: `(text, start, groups...)`, or the code of the error with which looking for more ends.
Found = tuple[Any, ...] | str


def found(function: Regex, text: str) -> list[Found]:
    """All matches, and the error after the last of them."""
    matches: list[Found] = []
    try:
        for match in function.matches(text, Evaluation(Limits())):
            groups = [None if group is UNDEFINED else group for group in match.groups]
            matches.append((match.match, match.start, *groups))
    except JSONataError as error:
        matches.append(error.code)
    return matches


def by_package(pattern: Pattern, *, in_blocks: bool) -> Search:
    """Searches with the `regex` package alone."""
    flags = regex.ASCII | (regex.IGNORECASE if pattern.ignore_case else 0)
    compiled = regex.compile(translation.translate(pattern, in_blocks=in_blocks), flags)

    def search(units: str, position: int) -> Spans | None:
        match = compiled.search(units, position)
        return None if match is None else match.regs

    return search


MATCHES: list[tuple[str, str, str, list[Found]]] = [
    ("a", "", "banana", [("a", 1), ("a", 3), ("a", 5)]),
    ("a+", "", "caaandaab", [("aaa", 1), ("aa", 6)]),
    ("^a|b$", "", "ab", [("a", 0), ("b", 1)]),
    ("^a", "", "ba", []),
    ("^b", "m", "a\nb", [("b", 2)]),
    ("a$", "", "a\nb", []),
    ("a$", "m", "a\nb\ra\u2028a", [("a", 0), ("a", 4), ("a", 6)]),
    ("x?$", "", "ab", [("", 2)]),
    ("hat", "i", "Bowler HAT", [("HAT", 7)]),
    (r"(\w+)\s(\w+)", "", "John Smith", [("John Smith", 0, "John", "Smith")]),
    (r"\d{2,3}", "", "1 12 123 1234", [("12", 2), ("123", 5), ("123", 9)]),
    (r"\d{2,3}?", "", "12345", [("12", 0), ("34", 2)]),
    ("a{,2}", "", "a{,2}", [("a{,2}", 0)]),
    ("a{2", "", "a{2", [("a{2", 0)]),
    ("{a}", "", "{a}", [("{a}", 0)]),
    ("]}", "", "]}", [("]}", 0)]),
    ("a]", "", "a]", [("a]", 0)]),
    (".", "", "a\n\r\u2028b", [("a", 0), ("b", 4)]),
    ("[^]", "", "\n", [("\n", 0)]),
    ("a[]|b", "", "ab", [("b", 1)]),
    (r"[\w-]+", "", "a-b", [("a-b", 0)]),
    (r"[\w-z]+", "", "-z!", [("-z", 0)]),
    ("[a-]+", "", "-a", [("-a", 0)]),
    (r"[\]\\]+", "", "\\]", [("\\]", 0)]),
    (r"[\b]", "", "\x08", [("\x08", 0)]),
    (r"\ba\b", "", "a ab ba", [("a", 0)]),
    (r"\Ba", "", "aa", [("a", 1)]),
    (r"\B", "", "", [("", 0)]),
    (r"\w+", "", "a\xe9_1", [("a", 0), ("_1", 2)]),
    (r"\s+", "", "\t\x0b\xa0\ufeff\u2003\u180e\x85\x1c", [("\t\x0b\xa0\ufeff\u2003", 0)]),
    (r"\d", "", "\u06631", [("1", 1)]),
    (r"[^\W\d]+", "", "ab1_", [("ab", 0), ("_", 3)]),
    (r"\cJ", "", "\n", [("\n", 0)]),
    (r"\c1", "", "\\c1", [("\\c1", 0)]),
    (r"[\c1]", "", "\x11", [("\x11", 0)]),
    (r"\x41\u0042", "", "AB", [("AB", 0)]),
    (r"\x4\u00", "", "x4u00", [("x4u00", 0)]),
    (r"\u{61}", "", "u" * 61, [("u" * 61, 0)]),
    (r"\p{L}", "", "p{L}", [("p{L}", 0)]),
    (r"\101\60", "", "A0", [("A0", 0)]),
    (r"\8\9", "", "89", [("89", 0)]),
    (r"\0", "", "\x00", [("\x00", 0)]),
    (r"\a\-\/", "", "a-/", [("a-/", 0)]),
    ("(a)|b", "", "ab", [("a", 0, "a"), ("b", 1, None)]),
    ("(?<x>a)(?<y>b)?", "", "aab", [("a", 0, "a", None), ("ab", 1, "a", "b")]),
    ("(?<q>[\"\\']).*?\\k<q>", "", "'a\"b'", [("'a\"b'", 0, "'")]),
    (r"\k<q>", "", "k<q>", [("k<q>", 0)]),
    ("([\"\\']).*?\\1", "", 'say "hi" to', [('"hi"', 4, '"')]),
    (r"(a)?\1b", "", "b aab", [("b", 0, None), ("aab", 2, "a")]),
    (r"\1(a)", "", "aa", [("a", 0, "a"), ("a", 1, "a")]),
    (r"(a\1)", "", "aa", [("a", 0, "a"), ("a", 1, "a")]),
    (r"\2(a)(b)", "", "ab", [("ab", 0, "a", "b")]),
    ("(?:(a)|(b))*", "", "ab", [("ab", 0, None, "b")]),
    ("((a)|b)+", "", "ab", [("ab", 0, "b", None)]),
    ("(z)((a+)?(b+)?(c))*", "", "zaacbbbcac", [("zaacbbbcac", 0, "z", "ac", "a", None, "c")]),
    ("(a*)*", "", "b", [("", 0, None), "D1004"]),
    ("(a*)+", "", "b", [("", 0, ""), "D1004"]),
    ("(a*)?", "", "b", [("", 0, None), "D1004"]),
    ("(?:a?)*?b", "", "aab", [("aab", 0)]),
    ("(?:|a)+b", "", "aab", [("aab", 0)]),
    ("(?=(a))*a", "", "a", [("a", 0, None)]),
    (r"(?:(?=(\w))a|b)+", "", "ab", [("ab", 0, None)]),
    (r"(?:(a)?b\1)+", "", "abab", [("abab", 0, None)]),
    (r"(?<=\$)\d+", "", "$42 17", [("42", 1)]),
    (r"(?<!\$)\b\d+", "", "$42 17", [("17", 4)]),
    (r"(?<=(\d+)(\d+))$", "", "1053", [("", 4, "1", "053")]),
    (r"(?<=\1(a))b", "", "aab", [("b", 2, "a")]),
    (r"(?=(a+))a*b\1", "", "baaabac", [("aba", 3, "a")]),
    (r"(?!(a))\1b", "", "b", [("b", 0, None)]),
    ("a(?=b)", "", "abac", [("a", 0)]),
    ("\u00e9", "i", "\xc9", [("\xc9", 0)]),
    ("[\u00e0-\u00fc]+", "i", "\xc0\xc9\xdc", [("\xc0\xc9\xdc", 0)]),
    ("[^\u00e0-\u00fc]", "i", "\xc0\xc9x", [("x", 2)]),
    ("\u017f", "i", "sS\u017f", [("\u017f", 2)]),
    ("\u212a", "i", "kK\u212a", [("\u212a", 2)]),
    ("\u03c3", "i", "\u03c2\u03a3\u03c3", [("\u03c2", 0), ("\u03a3", 1), ("\u03c3", 2)]),
    ("\u00df", "i", "\u1e9eSS", []),
    ("\u00b5", "i", "\u03bc\u039c", [("\u03bc", 0), ("\u039c", 1)]),
    ("(\u00e9)\\1", "i", "\xe9\xc9", [("\xe9\xc9", 0, "\xe9")]),
    (r"\w", "i", "\u017f", []),
    ("[^x]+", "i", "aXb", [("a", 0), ("b", 2)]),
    ("\u01c6", "i", "\u01c4\u01c5", [("\u01c4", 0), ("\u01c5", 1)]),
    (".", "", "\U0001f600", [("\ud83d", 0), ("\ude00", 1)]),
    ("\U0001f600", "", "a\U0001f600b", [("\U0001f600", 1)]),
    ("\U0001f600+", "", "\U0001f600\U0001f600", [("\U0001f600", 0), ("\U0001f600", 2)]),
    ("[\U0001f600]", "", "\U0001f600", [("\ud83d", 0), ("\ude00", 1)]),
    ("^.$", "", "\U0001f600", []),
    (r"\ud83d", "", "\U0001f600", [("\ud83d", 0)]),
    ("b", "", "\U0001f600b\U0001f600b", [("b", 2), ("b", 5)]),
    ("(.)(.)", "", "x\U0001f600y", [("x\ud83d", 0, "x", "\ud83d"), ("\ude00y", 2, "\ude00", "y")]),
    ("x*", "", "", [("", 0)]),
    ("x*", "", "a", [("", 0), "D1004"]),
    ("b|$", "", "abc", [("b", 1), "D1004"]),
    (".*?", "", "abc", [("", 0), "D1004"]),
    ("c|$", "", "abc", [("c", 2)]),
    ("(?:a|ab)(?:c|bcd)(?:d*)", "", "abcd", [("abcd", 0)]),
    ("a.*?c|b", "", "abcabc", [("abc", 0), ("abc", 3)]),
    ("(a+|b+)(?:c|d)", "", "aacbbd", [("aac", 0, "aa"), ("bbd", 3, "bb")]),
    (r"(\d+)(?:-(\d+))?", "", "12-34 56", [("12-34", 0, "12", "34"), ("56", 6, "56", None)]),
    (r"\d{1,12000}x", "", "12x", [("12x", 0)]),
    ("(?:a{100}){60}|b", "", "ab", [("b", 1)]),
]


@pytest.mark.slow
@pytest.mark.parametrize(("pattern", "flags", "text", "expected"), MATCHES)
def test_matches(pattern: str, flags: str, text: str, expected: list[Found]) -> None:
    """The rows are found by the engine that is chosen for them, by our own, and by the package where it agrees."""
    assert found(compile_regex(pattern, flags, 0), text) == expected
    tree = parse(spread(pattern), ignore_case="i" in flags, multiline="m" in flags)
    assert found(Regex(pattern, 0, Backtracker(tree).search), text) == expected
    if finds_places(tree) and finds_captures(tree):
        for in_blocks in (False, True):
            assert found(Regex(pattern, 0, by_package(tree, in_blocks=in_blocks)), text) == expected


@pytest.mark.parametrize(
    ("pattern", "places", "captures"),
    [
        ("a+b*(c|d)?", True, True),
        ("(a)+", True, True),
        (r"(a)\1", True, True),
        ("(?:(a)|b)*", True, False),
        ("((a)?b)+", True, False),
        (r"(?:(a)|b)*\1", False, False),
        ("(a*)*", False, True),
        ("(a?)?", False, True),
        (r"(a\1)", False, True),
        (r"\2(a)(b)", False, True),
        (r"(?<=\1(a))", False, True),
        ("a{6000}", False, True),
        ("a{0,20000}", False, True),
    ],
)
def test_where_the_package_agrees(pattern: str, places: bool, captures: bool) -> None:
    tree = parse(pattern, ignore_case=False, multiline=False)
    assert (finds_places(tree), finds_captures(tree)) == (places, captures)


_ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\w", r"\b", "^", "$", "\U0001f600", "\u00e9"])


def _larger(patterns: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(patterns, patterns).map("".join),
        st.tuples(patterns, patterns).map("|".join),
        patterns.map("({})".format),
        patterns.map("(?={})".format),
        patterns.map("(?!{})".format),
        patterns.map("(?<={})".format),
        st.tuples(patterns, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "*?", "+?", "??"])).map(
            lambda part: f"(?:{part[0]}){part[1]}"
        ),
        st.tuples(st.sampled_from(["a", "[ab]", "."]), st.sampled_from(["*", "+", "+?", "{2,}", "{1,3}?"])).map(
            "".join
        ),
    )


@settings(max_examples=300, deadline=None)
@given(
    pattern=st.recursive(_ATOMS, _larger, max_leaves=6),
    text=st.text(st.sampled_from("aabbc \n\u00e9\U0001f600"), max_size=8),
    ignore_case=st.booleans(),
)
def test_both_engines_find_the_same(pattern: str, text: str, ignore_case: bool) -> None:
    tree = parse(spread(pattern), ignore_case=ignore_case, multiline=False)
    own = Regex(pattern, 0, Backtracker(tree).search)
    chosen = compile_regex(pattern, "i" if ignore_case else "", 0)
    assert found(chosen, text) == found(own, text)


@pytest.mark.parametrize("length", [0, 1, 255, 256, 257, 511, 512, 513, 1000])
@pytest.mark.parametrize("pattern", ["a*", "a+?b", "a*?b", "a{3,}", "a{3,}?b", "(a*)(a)", "(a*?)(a*)b", "(a*)(a{200})"])
def test_blocks_take_what_they_stand_for(pattern: str, length: int) -> None:
    tree = parse(pattern, ignore_case=False, multiline=False)
    text = "a" * length + "b"
    assert by_package(tree, in_blocks=True)(text, 0) == by_package(tree, in_blocks=False)(text, 0)


INVALID: list[tuple[str, str]] = [
    ("(", "Unterminated group"),
    ("a)", "Unmatched ')'"),
    ("a**", "Nothing to repeat"),
    ("*", "Nothing to repeat"),
    ("[b-a]", "Range out of order in character class"),
    ("[a", "Unterminated character class"),
    ("a{2,1}", "numbers out of order in {} quantifier"),
    ("{1}", "Nothing to repeat"),
    ("(?i:a)", "Invalid group"),
    ("(?<1>a)", "Invalid capture group name"),
    ("(?<a>x)(?<a>y)", "Duplicate capture group name"),
    ("(?<a>x)\\k", "Invalid named reference"),
    ("(?<a>x)\\k<b>", "Invalid named capture referenced"),
    ("(?<a>x)[\\k]", "Invalid escape"),
    ("(?<=a)*", "Invalid quantifier"),
    ("^*", "Nothing to repeat"),
    ("\\", "\\ at end of pattern"),
    ("(?", "Invalid group"),
    ("+", "Nothing to repeat"),
    ("a{1}{2}", "Nothing to repeat"),
    ("(?<a", "Invalid capture group name"),
    ("(?#a)", "Invalid group"),
]


@pytest.mark.parametrize(("pattern", "reason"), INVALID)
def test_invalid_patterns(pattern: str, reason: str) -> None:
    with pytest.raises(JSONataError) as caught:
        compile_regex(pattern, "im", 7)
    assert (caught.value.code, caught.value.position, caught.value.value) == ("S0303", 7, pattern)
    assert caught.value.message == f"Invalid regular expression: /{pattern}/gim: {reason}"


@pytest.mark.parametrize("pattern", ["(" * 20_000, "(" * 50 + ")" * 50, "(?:" * 41 + ")" * 41, "a" * 10_001])
def test_what_is_too_large_is_refused(pattern: str) -> None:
    with pytest.raises(JSONataError, match="Regular expression too large"):
        compile_regex(pattern, "", 0)


# the matcher protocol -------------------------------------------------------------------------------------------


def called(function: Function, *arguments: Value) -> Value:
    """What a matcher gives, without `next`."""
    result = function.call(*arguments)
    return result if result is UNDEFINED else {name: result[name] for name in ("match", "start", "end", "groups")}


@pytest.mark.parametrize(
    ("pattern", "arguments", "expected"),
    [
        ("(b)(x)?", ["abc"], {"match": "b", "start": 1, "end": 2, "groups": ["b", UNDEFINED]}),
        ("x", ["abc"], UNDEFINED),
        ("b", ["abab", 2], {"match": "b", "start": 3, "end": 4, "groups": []}),
        ("b", ["ab", 2.7], UNDEFINED),
        ("b", ["ab", 3], UNDEFINED),
        ("b", ["ab", -1], {"match": "b", "start": 1, "end": 2, "groups": []}),
        ("b", ["ab", "1"], {"match": "b", "start": 1, "end": 2, "groups": []}),
        ("b", ["\U0001f600b"], {"match": "b", "start": 2, "end": 3, "groups": []}),
        ("", ["", 0, "more"], {"match": "", "start": 0, "end": 0, "groups": []}),
        # What JavaScript makes of what is no string.
        ("^u", [], {"match": "u", "start": 0, "end": 1, "groups": []}),
        ("^null$", [None], {"match": "null", "start": 0, "end": 4, "groups": []}),
        ("^false$", [False], {"match": "false", "start": 0, "end": 5, "groups": []}),
        (r"^1e\+21$", [1e21], {"match": "1e+21", "start": 0, "end": 5, "groups": []}),
        ("^1,,,2,3$", [[1, None, UNDEFINED, [2, [3]]]], {"match": "1,,,2,3", "start": 0, "end": 7, "groups": []}),
        ("O", [{}], {"match": "O", "start": 8, "end": 9, "groups": []}),
    ],
)
def test_a_regular_expression_is_a_function(pattern: str, arguments: list[Value], expected: Value) -> None:
    function = compile_regex(pattern, "", 0)
    assert called(function, *arguments) == expected
    assert function.arity == 2


def test_next_goes_on_behind_the_match() -> None:
    first = compile_regex("a", "", 0).call("banana")
    second = first["next"].call()
    assert [first["start"], second["start"], second["next"].call(UNDEFINED)["start"]] == [1, 3, 5]
    assert second["next"].call()["next"].call() is UNDEFINED
    assert first["next"].call()["start"] == 3  # whatever was asked in between


def test_a_later_match_must_not_be_empty() -> None:
    first = compile_regex("a*", "", 3).call("ba")
    assert first["match"] == ""
    with pytest.raises(JSONataError) as caught:
        first["next"].call()
    assert (caught.value.code, caught.value.position, caught.value.value) == ("D1004", 3, "a*")


def test_matches_know_what_is_around_them() -> None:
    matches = compile_regex("-", "", 0).matches("a\U0001f600-b-c", Evaluation(Limits()))
    assert [(match.before, match.after, match.end) for match in matches] == [("a\U0001f600", "b-c", 4), ("b", "c", 6)]


@pytest.mark.parametrize(("pattern", "expected"), [("(a)|b", True), ("a|b", False)])
def test_groups_may_hold_nothing(pattern: str, expected: bool) -> None:
    assert may_hold_nothing(parse_expression(f"$match(text, /{pattern}/)")) is expected


@pytest.mark.parametrize(
    "text", ["", "abc", "a\u00e9", "\U0001f600", "x\U0001f600y\U0010ffff", "\ud83d", "\ude00\ud83d"]
)
def test_code_units_come_together_again(text: str) -> None:
    units = spread(text)
    assert join(units) == text
    assert len(units) == len(text) + sum(character > "\uffff" for character in text)


# bounds ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^(a|aa)+$", "a" * 60 + "b"),
        ("^(a|aa)+$", "a" * 200_000 + "b"),
        (r"(\w|a)+\s\1", "a" * 200_000),
        ("(a*)*$", "a" * 30 + "b"),
        ("(a*)*$", "a" * 200_000 + "b"),
        ("(?:(a)|(b))*x?$", "ab" * 100_000),
        (r"(\w*\s*)*!", "a " * 100_000),
    ],
)
def test_a_match_that_takes_too_long_is_ended(pattern: str, text: str) -> None:
    with pytest.raises(JSONataError) as caught:
        list(compile_regex(pattern, "", 0).matches(text, Evaluation(Limits())))
    assert caught.value.code == "U1001"


@pytest.mark.parametrize(
    ("pattern", "text", "count"),
    [
        ("(a+)+$", "a" * 30 + "b", 0),
        (r"\w+\s+", "a" * 300, 0),
        (".*", "a" * 200_000, 1),
        ("(a|b)*c", "ab" * 1_000 + "c", 1),
        ("(?:(a)|(b))*c", "ab" * 500, 0),
        ("a", "a" * 10_000, 10_000),
    ],
)
def test_harmless_texts_are_searched(pattern: str, text: str, count: int) -> None:
    matches = compile_regex(pattern, "", 0).matches(text, Evaluation(Limits(matching=60)))
    assert sum(1 for _ in matches) == count


def test_texts_are_paid_for_before_they_are_searched() -> None:
    with pytest.raises(JSONataError, match="U1001"):
        next(compile_regex("a", "", 0).matches("a" * 200_000, Evaluation(Limits(steps=10_000))))


def test_captures_are_paid_for() -> None:
    with pytest.raises(JSONataError, match="U1001"):
        list(compile_regex("(?=(.*))a", "", 0).matches("a" * 1_000, Evaluation(Limits(steps=10_000))))


def test_searches_are_paid_for_together() -> None:
    evaluation = Evaluation(Limits(matching=0.0))
    with pytest.raises(JSONataError, match="U1001"):
        list(compile_regex("a", "", 0).matches("aaa", evaluation))
    with pytest.raises(JSONataError, match="U1001"):
        compile_regex("a", "", 0).within(evaluation).call("aaa")
    assert compile_regex("a", "", 0).call("aaa")["match"] == "a"
