"""Problems as frames, JSON and GitHub annotations."""

from __future__ import annotations

import json

import pytest

from express.definition.document import load_definition
from express.definition.problems import Problem
from express.definition.render import as_diagnostic, escape_controls, render_github, render_json, render_text
from express.errors import DefinitionError

FIELD = Problem(
    "SCHEMA_VALIDATION_FAILED",
    "Field 'Nxt' is not supported",
    "/States/A",
    suggestion="did you mean `Next`?",
    line=12,
    column=7,
    length=5,
    source_line='      "Nxt": "B"',
)


def frame(problem: Problem) -> list[str]:
    return render_text([problem], source_name="order.asl.json").splitlines()


def marked(source_line: str, column: int, length: int) -> tuple[str, str]:
    """The source line and the caret line of a frame, without the gutter."""
    lines = frame(Problem("C", "m", "/", line=1, column=column, length=length, source_line=source_line))
    return lines[3].removeprefix("1 | "), lines[4].removeprefix("  | ")


def test_a_frame() -> None:
    assert render_text([FIELD], source_name="order.asl.json") == (
        "error[SCHEMA_VALIDATION_FAILED]: Field 'Nxt' is not supported\n"
        "  --> order.asl.json:12:7 (/States/A)\n"
        "   |\n"
        '12 |       "Nxt": "B"\n'
        "   |       ^^^^^\n"
        "   = help: did you mean `Next`?\n"
    )


def test_a_frame_without_place_suggestion_or_location() -> None:
    assert frame(Problem("MISSING_END_STATE", "Workflow has no terminal state")) == [
        "error[MISSING_END_STATE]: Workflow has no terminal state",
        " --> order.asl.json",
    ]
    assert frame(Problem("C", "m", "/States/A", "WARNING")) == ["warning[C]: m", " --> order.asl.json (/States/A)"]


def test_frames_are_separated_by_a_blank_line() -> None:
    problem = Problem("C", "m")
    assert render_text([problem, problem], source_name="x") == "error[C]: m\n --> x\n\nerror[C]: m\n --> x\n"
    assert render_text([], source_name="x") == ""


def test_an_unreadable_file_is_named_once() -> None:
    with pytest.raises(DefinitionError) as caught:
        load_definition("no/such.json")
    assert render_text(caught.value.problems, source_name="no/such.json") == (
        "error[MISSING_DESCRIPTION]: Cannot read 'no/such.json': No such file or directory\n --> no/such.json\n"
    )


def test_jackson_s_quotation_of_the_source_is_not_repeated() -> None:
    with pytest.raises(DefinitionError) as caught:
        load_definition('{"a": [1,\n 2}')
    assert render_text(caught.value.problems, source_name="x.json").splitlines() == [
        (
            "error[INVALID_JSON_DESCRIPTION]: Unexpected close marker '}': "
            "expected ']' (for Array starting at line: 1, column: 7)"
        ),
        " --> x.json:2:3",
        "  |",
        "2 |  2}",
        "  |   ^",
    ]


def test_colour_changes_nothing_but_colour() -> None:
    painted = render_text([FIELD], source_name="x.json", color=True)
    plain = render_text([FIELD], source_name="x.json")
    assert "\x1b[1;31merror[SCHEMA_VALIDATION_FAILED]\x1b[0m" in painted
    assert "\x1b[1;31m^^^^^\x1b[0m" in painted
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[1;31m", "\x1b[1;34m", "\x1b[1;36m"):
        painted = painted.replace(code, "")
    assert painted == plain


@pytest.mark.parametrize(
    ("source_line", "column", "length", "shown", "carets"),
    [
        ('"a": 1', 6, 1, '"a": 1', "     ^"),
        ('"a": 1', 7, 1, '"a": 1', "      ^"),
        ('\t"a":\t1', 2, 3, '    "a":    1', "    ^^^"),
        ('\t"a":\t1', 7, 1, '    "a":    1', "            ^"),
        ('"日本": 1', 1, 4, '"日本": 1', "^^^^^^"),
        ('"日本": 1', 7, 1, '"日本": 1', "        ^"),
        ("e\u0301 x", 4, 1, "e\u0301 x", "  ^"),
        ("\u1112\u1161\u11ab x", 5, 1, "\u1112\u1161\u11ab x", "   ^"),
        ("\u1112\ud7b0\ud7cb x", 5, 1, "\u1112\ud7b0\ud7cb x", "   ^"),
        ("\u0939\u093f x", 4, 1, "\u0939\u093f x", "   ^"),
        ("\ua98f\ua9c0 x", 4, 1, "\ua98f\ua9c0 x", "   ^"),
        ("\u5b57\u302a x", 4, 1, "\u5b57\u302a x", "   ^"),
        ("a\u20dd x", 4, 1, "a\u20dd x", "  ^"),
        ("a\u200dx", 3, 1, "a\\u200dx", "       ^"),
        ("\U0001f600\ufe0f x", 4, 1, "\U0001f600\ufe0f x", "   ^"),
        ("a\x1b[31mb", 2, 1, "a\\x1b[31mb", " ^^^^"),
        ("a\u202eb", 3, 1, "a\\u202eb", "       ^"),
        ("", 1, 1, "", "^"),
        ("x" * 100, 100, 1, "x" * 100, " " * 99 + "^"),
        ("x" * 101, 1, 3, "x" * 100 + "…", "^^^"),
        ("a" * 500 + "bcd" + "e" * 500, 501, 3, "…" + "a" * 40 + "bcd" + "e" * 57 + "…", " " * 41 + "^^^"),
        ("a" * 500 + "bcd", 501, 3, "…" + "a" * 40 + "bcd", " " * 41 + "^^^"),
        ("a" * 200, 1, 200, "a" * 100 + "…", "^" * 100),
    ],
)
def test_the_carets_stand_below_the_place(source_line: str, column: int, length: int, shown: str, carets: str) -> None:
    assert marked(source_line, column, length) == (shown, carets)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("plain é日本 😀", "plain é日本 😀"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("line\nfeed\ttab\r", "line\\nfeed\\ttab\\r"),
        ("\u202e\u200b\ud800", "\\u202e\\u200b\\ud800"),
        ("no\u00a0break", "no\u00a0break"),
    ],
)
def test_nothing_reaches_the_terminal_that_it_might_obey(text: str, escaped: str) -> None:
    assert escape_controls(text) == escaped
    shown = render_text([Problem("C", text, f"/{text}", suggestion=text)], source_name=text)
    assert shown == f"error[C]: {escaped}\n --> {escaped} (/{escaped})\n  = help: {escaped}\n"


def test_json_is_the_answer_of_the_service_with_places() -> None:
    problems = [FIELD, Problem("MISSING_END_STATE", "Workflow has no terminal state")]
    text = render_json(problems, source_name="order.asl.json")
    assert text.endswith("}\n")
    assert json.loads(text) == {
        "file": "order.asl.json",
        "result": "FAIL",
        "diagnostics": [
            {
                "severity": "ERROR",
                "code": "SCHEMA_VALIDATION_FAILED",
                "message": "Field 'Nxt' is not supported",
                "location": "/States/A",
                "line": 12,
                "column": 7,
                "length": 5,
                "suggestion": "did you mean `Next`?",
            },
            {"severity": "ERROR", "code": "MISSING_END_STATE", "message": "Workflow has no terminal state"},
        ],
        "truncated": False,
    }


def test_warnings_do_not_fail() -> None:
    result = json.loads(render_json([Problem("NO_PATH", "m", "/", "WARNING")], source_name="x"))
    assert result["result"] == "OK"
    assert json.loads(render_json([], source_name="x")) == {
        "file": "x",
        "result": "OK",
        "diagnostics": [],
        "truncated": False,
    }


def test_the_service_s_diagnostic_has_no_place() -> None:
    assert as_diagnostic(FIELD) == {
        "severity": "ERROR",
        "code": "SCHEMA_VALIDATION_FAILED",
        "message": "Field 'Nxt' is not supported",
        "location": "/States/A",
    }


@pytest.mark.parametrize(
    ("problem", "source_name", "text"),
    [
        (
            FIELD,
            "order.asl.json",
            (
                "::error file=order.asl.json,line=12,col=7,endColumn=12,title=SCHEMA_VALIDATION_FAILED::"
                "Field 'Nxt' is not supported (/States/A)%0Ahelp: did you mean `Next`?\n"
            ),
        ),
        (Problem("C", "m", None, "WARNING"), "x", "::warning file=x,title=C::m\n"),
        (
            Problem("C", "100%: a,b\n", "/"),
            "a:b,c%.json",
            "::error file=a%3Ab%2Cc%25.json,title=C::100%25: a,b\\n (/)\n",
        ),
    ],
)
def test_github(problem: Problem, source_name: str, text: str) -> None:
    assert render_github([problem], source_name=source_name) == text


def test_a_problem_without_a_place_can_be_rendered() -> None:
    bare = [Problem("C", "m", "/x")]
    assert render_text(bare, source_name="f") == "error[C]: m\n --> f (/x)\n"
    assert json.loads(render_json(bare, source_name="f"))["diagnostics"] == [
        {"severity": "ERROR", "code": "C", "message": "m", "location": "/x"}
    ]
    assert render_github(bare, source_name="f") == "::error file=f,title=C::m (/x)\n"
