"""Signatures: which arguments pass, what is put in for missing ones, and whom the errors blame."""

from __future__ import annotations

import pytest

from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.signatures import compile_signature, letter_of
from express.expressions.jsonata.values import UNDEFINED, Function, Value
from tests.expressions.jsonata.calling import exactly, of

IDENTITY = of(lambda value: value)

#: signature, arguments, context item, arguments completed
ACCEPTED: list[tuple[str, list[Value], Value, list[Value]]] = [
    ("<s>", ["a"], None, ["a"]),
    ("<s>", [UNDEFINED], None, [UNDEFINED]),
    ("<n>", [1.5], None, [1.5]),
    ("<b>", [False], None, [False]),
    ("<l>", [None], None, [None]),
    ("<o>", [{"a": 1}], None, [{"a": 1}]),
    ("<x>", [IDENTITY], None, [IDENTITY]),
    ("<f>", [IDENTITY], None, [IDENTITY]),
    ("<j>", [[1]], None, [[1]]),
    ("<:n>", [], None, []),
    ("<>", [], None, []),
    ("< s , n >", ["a", 1], None, ["a", 1]),  # unknown symbols do not count
    # missing arguments
    ("<s-nn?:s>", ["a", 1], None, ["a", 1, UNDEFINED]),
    ("<s-nn?:s>", [1], "x", ["x", 1, UNDEFINED]),
    ("<s-nn?:s>", [1, 2], "x", ["x", 1, 2]),
    ("<s->", [], "x", ["x"]),
    ("<x-b?:s>", [], None, [None, UNDEFINED]),
    ("<x-b?:s>", [UNDEFINED], 7, [UNDEFINED, UNDEFINED]),
    ("<(nsb)-:n>", [], True, [True]),
    ("<o-f?:o>", [IDENTITY], {"a": 1}, [{"a": 1}, IDENTITY]),
    ("<s?->", [], 5, [5]),  # `?` before `-` takes a context item of any kind
    # arrays
    ("<a>", [5], None, [[5]]),
    ("<a>", [[5]], None, [[5]]),
    ("<a>", [UNDEFINED], None, [UNDEFINED]),
    ("<a>", [IDENTITY], None, [[IDENTITY]]),
    ("<a<n>:n>", [[1, 2.5]], None, [[1, 2.5]]),
    ("<a<n>:n>", [[]], None, [[]]),
    ("<a<n>:n>", [5], None, [[5]]),
    ("<a<a<n>>>", [[["a"]]], None, [[["a"]]]),  # only the outermost kind of item is looked at
    ("<a<n", [[1]], None, [[1]]),  # brackets left open
    ("<a<o>>", [[{}, {"a": 1}]], None, [[{}, {"a": 1}]]),
    ("<a+>", [1, [2], UNDEFINED], None, [[1], [2], UNDEFINED]),
    ("<a<n>+>", [[1], [2, 3]], None, [[1], [2, 3]]),
    # one or more (jsonata-js 2.0.6 gives the first several times, later versions and the suite do not)
    ("<n+s->", [1, 2, "a"], None, [1, 2, "a"]),
    ("<n+s->", [1, 2], "b", [1, 2, "b"]),
    # what takes nothing uses up an argument all the same (jsonata-js)
    ("<s?n+:a<n>>", [1, 2, 3], None, [1, 2, 3, UNDEFINED]),
]


@pytest.mark.parametrize(("signature", "arguments", "context", "completed"), ACCEPTED)
def test_arguments_are_completed(
    signature: str, arguments: list[Value], context: Value, completed: list[Value]
) -> None:
    assert exactly(compile_signature(signature).validate(arguments, context)) == exactly(completed)


#: signature, arguments, context item, code, index of the culprit, its value
REFUSED: list[tuple[str, list[Value], Value, str, int, Value]] = [
    ("<s>", [1], None, "T0410", 1, 1),
    ("<s>", [None], None, "T0410", 1, None),
    ("<n>", [True], None, "T0410", 1, True),
    ("<b>", [0], None, "T0410", 1, 0),
    ("<s>", [], None, "T0410", 1, UNDEFINED),
    ("<s>", ["a", "b"], None, "T0410", 2, "b"),
    ("<:n>", [1], None, "T0410", 1, 1),
    ("<f>", [UNDEFINED], None, "T0410", 1, UNDEFINED),
    ("<j>", [IDENTITY], None, "T0410", 1, IDENTITY),
    ("<(sn)>", [True], None, "T0410", 1, True),
    ("<a+>", [], None, "T0410", 1, UNDEFINED),
    ("<s-nn?:s>", ["a"], None, "T0410", 2, UNDEFINED),
    ("<s-nn?:s>", ["a", 1, 2, 3], None, "T0410", 4, 3),
    ("<s-nn?:s>", [1], 5, "T0411", 1, 5),
    ("<s->", [], None, "T0411", 1, None),
    ("<ns->", [1], 2, "T0411", 2, 2),
    ("<a<n>>", ["3"], None, "T0412", 1, "3"),
    ("<a<n>>", [[1, 2, "3"]], None, "T0412", 1, [1, 2, "3"]),
    ("<a<n>>", [[1, True]], None, "T0412", 1, [1, True]),
    ("<sa<s>>", ["a", [None]], None, "T0412", 2, [None]),
]


@pytest.mark.parametrize(("signature", "arguments", "context", "code", "index", "value"), REFUSED)
def test_arguments_are_refused(
    signature: str, arguments: list[Value], context: Value, code: str, index: int, value: Value
) -> None:
    with pytest.raises(JSONataError) as raised:
        compile_signature(signature).validate(arguments, context)
    assert raised.value.code == code
    assert exactly(raised.value.details["index"]) == exactly(index)
    assert exactly(raised.value.value) == exactly(value)


@pytest.mark.parametrize(
    ("signature", "code", "position"),
    [
        ("<n<n>>", "S0401", 14),
        ("<<n>>", "S0401", 13),
        ("<s(a<n>s)>", "S0402", 14),
        ("<s?+>", "S0201", 12),
        ("<s++>", "S0201", 12),
    ],
)
def test_signatures_are_refused(signature: str, code: str, position: int) -> None:
    with pytest.raises(JSONataError) as raised:
        compile_signature(signature, 12)
    assert (raised.value.code, raised.value.position) == (code, position)


def test_messages_name_argument_and_type() -> None:
    with pytest.raises(JSONataError) as raised:
        compile_signature("<a<n>>").validate([["a"]], None)
    assert str(raised.value) == 'T0412: Argument 1 of function undefined must be an array of "numbers"'


def test_what_needs_no_check_is_known_by_type() -> None:
    text, numbers, rest, function = compile_signature("<sa<n>xf?>").parameters
    assert str in text.plain
    assert list not in numbers.plain  # its items have to be looked at
    assert {list, dict, int, bool, Function} <= rest.plain
    assert function.plain == {Function}


@pytest.mark.parametrize(
    ("signature", "required", "plain"),
    [("<s-nn?:s>", 2, True), ("<s->", 1, True), ("<n?>", 0, True), ("<:n>", 0, True), ("<a+>", 1, False)],
)
def test_how_many_arguments_are_required(signature: str, required: int, plain: bool) -> None:
    compiled = compile_signature(signature)
    assert (compiled.required, compiled.plain) == (required, plain)


@pytest.mark.parametrize(
    ("value", "letter"),
    [
        ("", "s"),
        (0, "n"),
        (0.5, "n"),
        (True, "b"),
        (None, "l"),
        ([], "a"),
        ({}, "o"),
        (IDENTITY, "f"),
        (UNDEFINED, "m"),
    ],
)
def test_kinds_have_letters(value: Value, letter: str) -> None:
    assert letter_of(value) == letter


def test_functions_of_any_class_are_functions() -> None:
    class Special(Function):
        __slots__ = ()

    special = Special(lambda: 1, 0)
    assert compile_signature("<f>").validate([special], None) == [special]
