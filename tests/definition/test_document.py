"""Reading definitions: every kind of source, everything that cannot be read, and where problems stand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from express.definition import messages
from express.definition.document import (
    MAX_CHARACTERS,
    MAX_COMPARISONS,
    MAX_NESTING,
    load_definition,
    read_definition,
)
from express.definition.problems import Problem
from express.errors import DefinitionError

if TYPE_CHECKING:
    from express.types import JSON

TEXT = '{\n  "StartAt": "Grüße",\n  "States": {\n    "Grüße": {"Type": "Pass", "End": true}\n  }\n}\n'
VALUE = {"StartAt": "Grüße", "States": {"Grüße": {"Type": "Pass", "End": True}}}


def refused(source: JSON) -> Problem:
    with pytest.raises(DefinitionError) as caught:
        load_definition(source)
    (problem,) = caught.value.problems
    assert isinstance(problem, Problem)
    return problem


# Sources


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "order.asl.json"
    file.write_bytes(TEXT.encode())
    return file


def test_a_path_gives_value_text_size_and_name(path: Path) -> None:
    for source in (path, str(path)):
        document = load_definition(source)
        assert document.value == VALUE
        assert document.text == TEXT
        assert document.size == len(TEXT.encode()) == len(TEXT) + 4
        assert (document.name, document.source) == ("order", path)
        assert document.problems == []


@pytest.mark.parametrize("source", [TEXT, TEXT.encode(), bytearray(TEXT.encode()), f" \n{TEXT}"])
def test_text_has_no_name(source: str | bytes) -> None:
    document = load_definition(source)
    assert (document.value, document.name, document.source) == (VALUE, None, None)


@pytest.mark.parametrize("source", [f"\ufeff{TEXT}", TEXT.encode("utf-8-sig")])
def test_a_byte_order_mark_is_no_part_of_the_text(source: str | bytes) -> None:
    document = load_definition(source)
    assert document.text == TEXT
    assert document.value == VALUE


def test_a_dict_has_the_size_of_its_compact_text_and_no_places() -> None:
    document = load_definition(VALUE)
    assert document.text == '{"StartAt":"Grüße","States":{"Grüße":{"Type":"Pass","End":true}}}'
    assert document.size == len(document.text.encode())
    document.report("SCHEMA_VALIDATION_FAILED", "no", "/States/Grüße")
    assert document.problems == [Problem("SCHEMA_VALIDATION_FAILED", "no", "/States/Grüße")]


def test_a_dict_is_copied() -> None:
    given: dict[str, JSON] = {"States": {"A": {}}}
    document = load_definition(given)
    given["States"]["A"]["Type"] = "Pass"
    assert document.value == {"States": {"A": {}}}


def test_the_name_is_the_file_up_to_the_first_dot(tmp_path: Path) -> None:
    for file, name in [("a.json", "a"), ("b.asl.json", "b"), ("c", "c"), (".json", None)]:
        (tmp_path / file).write_text("{}")
        assert load_definition(tmp_path / file).name == name


def test_read_definition_never_opens_a_file(path: Path) -> None:
    with pytest.raises(DefinitionError, match="INVALID_JSON_DESCRIPTION"):
        read_definition(str(path))


# What cannot be read


@pytest.mark.parametrize("source", ["", " ", "\n\t\r\n", b"", "[]", '"text"', b"17", b"null", b"true"])
def test_no_object(source: str | bytes) -> None:
    assert refused(source) == Problem("SCHEMA_VALIDATION_FAILED", "Definition must be a valid JSON object")


@pytest.mark.parametrize(
    ("source", "line", "column", "source_line", "location"),
    [
        (b"not a definition", 1, 1, "not a definition", "line: 1, column: 4"),
        ('{\n "a": 1,\n}', 3, 1, "}", "line: 3, column: 2"),
        ('{\r\n "a": NaN}', 2, 7, ' "a": NaN}', "line: 2, column: 10"),
        ('{"a": "', 1, 8, '{"a": "', "line: 1, column: 8"),
        ('{"a":\n', 2, 1, "", "line: 2, column: 1"),
        ('{"\\ud800": 1}', 1, 3, '{"\\ud800": 1}', "line: 1, column: 3"),
    ],
)
def test_no_json(source: str | bytes, line: int, column: int, source_line: str, location: str) -> None:
    problem = refused(source)
    assert problem.code == "INVALID_JSON_DESCRIPTION"
    assert (problem.line, problem.column, problem.source_line) == (line, column, source_line)
    assert problem.location is not None
    assert problem.location.startswith("[Source: (String)")
    assert problem.location.endswith(f"; {location}]")


def test_jackson_s_words_for_no_json() -> None:
    assert str(refused(b"not a definition")) == (
        "INVALID_JSON_DESCRIPTION: Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or "
        "token 'null', 'true' or 'false') at [Source: (String)\"not a definition\"; line: 1, column: 4]"
    )


def test_bytes_that_are_no_utf_8() -> None:
    problem = refused('{\n"é": "'.encode() + b"\xff")
    assert (problem.code, problem.message) == ("INVALID_JSON_DESCRIPTION", "Invalid UTF-8 byte 0xff")
    assert (problem.line, problem.column, problem.source_line) == (2, 7, '"é": "')
    assert refused(TEXT.encode("utf-16")).message == "Invalid UTF-8 byte 0xff"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({"a": float("nan")}, "Out of range float values are not JSON compliant"),
        ({"a": {1, 2}}, "Object of type set is not JSON serializable"),
    ],
)
def test_a_dict_that_is_no_json(source: dict[str, JSON], reason: str) -> None:
    problem = refused(source)
    assert problem.code == "INVALID_JSON_DESCRIPTION"
    assert problem.message.startswith(f"Definition is not JSON: {reason}")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "missing.json"
    for source, reason in [(missing, "No such file or directory"), (str(tmp_path), "Is a directory")]:
        name = str(source)
        assert refused(source) == Problem("MISSING_DESCRIPTION", f"Cannot read '{name}': {reason}", name)
    assert "null byte" in refused("a\0b").message
    assert len(refused("long" * 10_000).message) < 300


def test_words_are_a_text_where_they_are_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert refused("not a definition").code == "INVALID_JSON_DESCRIPTION"
    assert refused("not one " * 10_000).code == "INVALID_JSON_DESCRIPTION"
    assert refused("not a file.json").code == "MISSING_DESCRIPTION"
    (tmp_path / "not a definition").write_text("[]")
    assert refused("not a definition").message == messages.NOT_AN_OBJECT


def test_the_error_names_the_file_it_is_about(tmp_path: Path) -> None:
    file = tmp_path / "broken.json"
    file.write_text("{")
    with pytest.raises(DefinitionError) as caught:
        load_definition(file)
    assert caught.value.__notes__ == [f"in {file}"]


def test_the_limit_of_size() -> None:
    full = f'{{"Comment": "{"x" * (MAX_CHARACTERS - 15)}"}}'
    assert len(full) == MAX_CHARACTERS
    assert load_definition(full).size == MAX_CHARACTERS
    assert refused(f"{full} ").message == "Definition is 1048577 characters long, the maximum is 1048576"


def test_an_endless_file_is_not_read_to_its_end() -> None:
    if not Path("/dev/zero").exists():
        pytest.skip("there is no endless file here")
    assert refused(Path("/dev/zero")).message.startswith("Definition is")


def nested(depth: int) -> str:
    return '{"a":' + "[" * (depth - 1) + "]" * (depth - 1) + "}"


@pytest.mark.slow
@pytest.mark.parametrize("depth", [MAX_NESTING + 1, 3 * MAX_NESTING, 100_000])
def test_the_limit_of_nesting(depth: int) -> None:
    problem = refused(nested(depth))
    assert (problem.code, problem.message) == ("TOO_DEEPLY_NESTED", "Definition is nested more than 500 levels deep")
    assert (problem.line, problem.column) == (1, 5 + MAX_NESTING)
    assert load_definition(nested(MAX_NESTING)).problems == []


def test_a_dict_may_be_nested_as_deep_as_a_text() -> None:
    value: JSON = []
    for _ in range(100_000):
        value = [value]
    assert refused({"a": value}).code == "TOO_DEEPLY_NESTED"


# Keys written twice


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1, "b": {"a": 2}}', []),
        ('{"a": "\\"a\\": 1, \\"a\\": 2"}', []),
        (
            '{"States": {"A": {},\n "A": {}}}',
            [("ERROR", "DUPLICATE_STATE_NAME", "Duplicate State name: A", "/States/A", 2, 2, 3)],
        ),
        (
            '{"States": {"P": {"Branches": [{}, {"States": {"B": 1, "B": 2}}]}}}',
            [("ERROR", "DUPLICATE_STATE_NAME", "Duplicate State name: B", "/States/P/Branches[1]/States/B", 1, 56, 3)],
        ),
        (
            '{"States": {"M": {"ItemProcessor": {"States": {"B": 1, "\\u0042": 2}}}}}',
            [
                (
                    "ERROR",
                    "DUPLICATE_STATE_NAME",
                    "Duplicate State name: B",
                    "/States/M/ItemProcessor/States/B",
                    1,
                    56,
                    8,
                )
            ],
        ),
        (
            '{"States": {"A": {"Next": "x", "Next": "y"}}}',
            [
                (
                    "WARNING",
                    "DUPLICATE_FIELD",
                    "Field 'Next' appears more than once; only the last one counts",
                    "/States/A/Next",
                    1,
                    32,
                    6,
                )
            ],
        ),
        (
            '{"States": {"A": {"Result": {"States": {"B": 1, "B": 2}}}}}',
            [
                (
                    "WARNING",
                    "DUPLICATE_FIELD",
                    "Field 'B' appears more than once; only the last one counts",
                    "/States/A/Result/States/B",
                    1,
                    49,
                    3,
                )
            ],
        ),
    ],
)
def test_keys_written_twice(text: str, expected: list[tuple[str, str, str, str, int, int, int]]) -> None:
    problems = load_definition(text).problems
    found = [(p.severity, p.code, p.message, p.location, p.line, p.column, p.length) for p in problems]
    assert found == expected


# Places

DEFINITION = (
    "{\r\n"
    '  "StartAt": "A/B",\r\n'
    '  "States": {\r\n'
    '    "A/B": {"Type": "Choice", "Choices": [\r\n'
    '      {"Variable": "$.\\u00e9[0", "Next": "日本"}\r\n'
    "    ]}\r\n"
    "  }\r\n"
    "}"
)


@pytest.mark.parametrize(
    ("pointer", "options", "location", "place", "underlined"),
    [
        ("", {}, "/", (1, 1), "{"),
        ("/StartAt", {}, "/StartAt", (2, 14), '"A/B"'),
        ("/StartAt", {"on_key": True}, "/StartAt", (2, 3), '"StartAt"'),
        ("/States/A~1B", {}, "/States/A/B", (4, 5), '"A/B"'),
        ("/States/A~1B/Missing", {}, "/States/A/B/Missing", (4, 5), '"A/B"'),
        ("/States/A~1B/Choices/0", {}, "/States/A/B/Choices[0]", (5, 7), "{"),
        ("/States/A~1B/Choices/0/Next", {}, "/States/A/B/Choices[0]/Next", (5, 42), '"日本"'),
        ("/States/A~1B/Choices/0/Variable", {"offset": 3}, "/States/A/B/Choices[0]/Variable", (5, 29), "[0"),
        (
            "/States/A~1B/Choices/0/Variable",
            {"offset": 2, "length": 1},
            "/States/A/B/Choices[0]/Variable",
            (5, 23),
            "\\u00e9",
        ),
        ("/States/A~1B", {"at": "/States/A~1B/Type", "on_key": True}, "/States/A/B", (4, 13), '"Type"'),
    ],
)
def test_place(pointer: str, options: dict[str, JSON], location: str, place: tuple[int, int], underlined: str) -> None:
    document = load_definition(DEFINITION)
    document.report("CODE", "text", pointer, **options)
    (problem,) = document.problems
    assert problem.location == location
    assert (problem.line, problem.column) == place
    assert problem.source_line == DEFINITION.split("\r\n")[problem.line - 1]
    assert problem.source_line[problem.column - 1 : problem.column - 1 + problem.length] == underlined


def test_what_is_reported_is_kept_in_order() -> None:
    document = load_definition("{}")
    document.report("A", "first", "/x", severity="WARNING", suggestion="do it")
    document.report("B", "second", None)
    assert document.problems == [
        Problem("A", "first", "/x", "WARNING", "do it", 1, 1, 1, "{}"),
        Problem("B", "second"),
    ]


def test_many_problems_in_one_long_line_share_it() -> None:
    document = load_definition(f'{{"States": {{{",".join(f"{chr(34)}S{i}{chr(34)}: {{}}" for i in range(5000))}}}}}')
    for index in range(5000):
        document.report("CODE", "text", f"/States/S{index}")
    assert len({id(problem.source_line) for problem in document.problems}) == 1


def test_only_errors_make_a_definition_bad() -> None:
    document = load_definition("{}")
    document.report("NO_PATH", "a warning", "", severity="WARNING")
    assert not document.has_errors
    document.report("SCHEMA_VALIDATION_FAILED", "an error", "")
    assert document.has_errors


def test_there_are_suggestions_until_too_many_names_were_compared() -> None:
    document = load_definition("{}")
    names = [f"state{index}" for index in range(MAX_COMPARISONS // 2)]
    assert document.did_you_mean("Staet", ["State"]) == "did you mean `State`?"
    assert document.did_you_mean("nothing like it", names) is None
    assert document.did_you_mean("Staet", ["State"]) == "did you mean `State`?"
    assert document.did_you_mean("nothing like it", names) is None
    assert document.did_you_mean("Staet", ["State"]) is None
