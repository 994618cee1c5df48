"""Whatever an expression is made of, its text never becomes Python: names and strings of every kind, in every place."""

from __future__ import annotations

import ast
import json
from typing import Any

import pytest

from express.expressions.jsonata import Expression, JSONataError, compile  # noqa: A004 - the verb users know

NASTY = [
    "'",
    '"',
    "\\",
    "\n",
    "\r\n",
    "\x00",
    "\u2028",
    "ünïcödé",
    '"""',
    "'); import os; ('",
    '") or __import__("os").system("x") or ("',
    "{evaluation}",
    "%s%(data)s",
    "__class__",
    "__builtins__",
    "__import__",
    "data",
    "states",
    "variables",
    "evaluation",
    "UNDEFINED",
    "v1",
    "t1",
    "k1",
    "lambda",
    "None",
    "True",
    "import",
    "def",
    "return",
    "nonlocal",
    " ",
    "",
    "a b",
    "#",
    "~",
    "😀",
]


@pytest.mark.parametrize("text", NASTY)
def test_strings(text: str) -> None:
    quoted = json.dumps(text)
    assert compile(quoted)() == text
    assert compile(f"{quoted} & {quoted}")() == text * 2
    assert compile(f"[{quoted}, {{{quoted}: {quoted}}}]")() == [text, {text: text}]
    assert compile(f"$map([1, 2], function($v) {{ {quoted} }})")() == [text, text]


@pytest.mark.parametrize("name", [name for name in NASTY if name])
def test_field_names(name: str) -> None:
    inner: dict[str, Any] = {"x": 1}
    data = {name: {name: inner}}
    assert compile(f"`{name}`.`{name}`.x")(data) == 1
    assert compile(f"`{name}`[`{name}`.x = 1].`{name}`")(data) == inner
    assert compile(f"{json.dumps(name)}.{json.dumps(name)}.x")({name: {name: [inner]}}.get(name)) != 1
    assert compile(f"*.`{name}`^(`{name}`)")(data) == inner


@pytest.mark.parametrize("name", [name for name in NASTY if name.isidentifier()])
def test_variables(name: str) -> None:
    assert compile(f"${name}")(None, {name: 5}) == 5
    assert compile(f"(${name} := 1; ${name} + 1)")() == 2
    assert compile(f"(function(${name}) {{ ${name} }})(3)")() == 3
    assert compile(f"$map([1, 2], function(${name}) {{ ${name} * 2 }})")() == [2, 4]
    assert compile(f"[5, 6]#${name}[${name} = 1]")() == 6
    assert compile(f"list@${name}.(${name} + 1)")({"list": [5, 6]}) == [6, 7]


@pytest.mark.parametrize("pattern", ["a'b", 'a"b', "a\\\\b", "(?:__class__)", "\\n", "[\\]]", "{evaluation}"])
def test_regular_expressions(pattern: str) -> None:
    assert compile(f"$contains('zzz', /{pattern}/)")() is False


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "data.__class__",
        "().__class__.__bases__",
        "$eval('1')",
        "$__import__('os')",
        "`__globals__`",
    ],
)
def test_python_is_out_of_reach(text: str) -> None:
    try:
        result = compile(text)({"a": 1})
    except JSONataError:
        return
    assert not result


def test_generated_code_has_no_names_of_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names in the module are those the emitter numbers; field names and strings are constants only."""
    seen: list[ast.Module] = []
    make = ast.Module

    def remember(body: list[ast.stmt], ignored: list[ast.TypeIgnore]) -> ast.Module:
        seen.append(make(body, ignored))
        return seen[-1]

    monkeypatch.setattr(ast, "Module", remember)
    text = "(secret1 . `secret2`[secret3 = 'secret4']; $secret5 := 1; function($secret6) { $secret7 })"
    assert isinstance(compile(text), Expression)
    names = {node.id for node in ast.walk(seen[0]) if isinstance(node, ast.Name)}
    names |= {node.arg for node in ast.walk(seen[0]) if isinstance(node, ast.arg)}
    names |= {node.attr for node in ast.walk(seen[0]) if isinstance(node, ast.Attribute)}
    assert not [name for name in names if "secret" in name]


def test_generated_code_sees_no_builtins_of_python() -> None:
    assert compile("1").evaluate.__globals__["__builtins__"] == {}
