"""What a benchmark cycles through: one JSON value, or the lines of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from express.cli.load import inputs
from express.cli.status import CommandError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('{"n": 1}', (b'{"n": 1}',)),
        ('{\n  "n": 1\n}\n', (b'{\n  "n": 1\n}\n',)),
        ("[1,\n2]", (b"[1,\n2]",)),
        ('{"n": 1}\n', (b'{"n": 1}\n',)),
        ('{"n": 1}\n\n[2]\r\nnull', (b'{"n": 1}', b"[2]", b"null")),
    ],
)
def test_values_and_lines(tmp_path: Path, text: str, values: tuple[bytes, ...]) -> None:
    path = tmp_path / "input"
    path.write_text(text, newline="")
    assert inputs.read_inputs(str(path)) == values


def test_none_is_an_empty_object() -> None:
    assert inputs.read_inputs(None) == (b"{}",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not valid JSON"),
        ("{'n': 1}", "is not valid JSON"),
        ('{"n": 1}\n{"n": }\n', "is not valid JSON: .*; nor is line 2, if it is meant to be JSON Lines"),
        ('{"n": 1,\n}', "nor is line 1, if it is meant"),
    ],
)
def test_what_is_neither(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "input"
    path.write_text(text)
    with pytest.raises(CommandError, match=message):
        inputs.read_inputs(str(path))


def test_there_is_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "MAX_INPUTS", 10)
    path = tmp_path / "input"
    path.write_text('{"n": 12345}')
    with pytest.raises(CommandError, match="12 bytes are more than the 10 that are cycled through"):
        inputs.read_inputs(str(path))
