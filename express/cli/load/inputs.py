"""The inputs a benchmark cycles through: one JSON value, or JSON Lines with one for each line.

All of them are read before anything runs and stay in the memory of every worker, so their size is bounded.
"""

from __future__ import annotations

from typing import Final

import orjson

from express.cli.inputs import input_bytes
from express.cli.status import CommandError
from express.parsing import parse_json

#: Upper bound on the bytes of all inputs together.
MAX_INPUTS: Final = 64 << 20


def read_inputs(argument: str | None) -> tuple[bytes, ...]:
    """The JSON text of each input: `{}` without an argument. Raises CommandError for text that is no JSON."""
    if argument is None:
        return (b"{}",)
    source, data = input_bytes(argument)
    if len(data) > MAX_INPUTS:
        raise CommandError(f"{source}: {len(data):,} bytes are more than the {MAX_INPUTS:,} that are cycled through")
    try:
        parse_json(data)
    except orjson.JSONDecodeError as error:
        return _read_lines(source, data, error)
    return (data,)


def _read_lines(source: str, data: bytes, of_the_whole: orjson.JSONDecodeError) -> tuple[bytes, ...]:
    lines = {number: line for number, line in enumerate(data.splitlines(), 1) if line.strip()}
    if len(lines) < 2:
        raise CommandError(f"{source} is not valid JSON: {of_the_whole}") from of_the_whole
    for number, line in lines.items():
        try:
            parse_json(line)
        except orjson.JSONDecodeError as error:
            raise CommandError(
                f"{source} is not valid JSON: {of_the_whole}; nor is line {number}, if it is meant to be JSON Lines"
            ) from error
    return tuple(lines.values())
