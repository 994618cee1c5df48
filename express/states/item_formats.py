"""The forms in which an ItemReader finds the items of a Map: CSV, JSON and JSON Lines.

CSV as recorded of AWS: fields stay strings, short rows are padded with empty strings and long ones cut, empty lines
are no records, and duplicate headers are refused. A backslash escapes the character behind it and disappears. The
members of an item stand in the order of a Java HashMap: that is inferred, but two recordings fit no simpler order.

Source: AWS guide "ItemReader (Map)".
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

import orjson

from express.definition.pointer import steps_of
from express.parsing import parse_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from express.types import JSON

DELIMITERS: Final = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}


class Unreadable(ValueError):
    """The data has not the form it should have. The text says what is wrong."""


def read_csv(text: str, delimiter: str, headers: Sequence[str] | None) -> list[JSON]:
    """One object for each record. `delimiter` is AWS's name of it; without `headers` the first row has them."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=DELIMITERS[delimiter], escapechar="\\")
    try:
        records = [row for row in rows if row]
    except csv.Error as error:
        raise Unreadable(f"The data is not valid CSV: {error}") from None
    if headers is None:
        headers, records = (records[0], records[1:]) if records else ([], [])
    if len(set(headers)) < len(headers):
        raise Unreadable("CSV headers cannot contain duplicates.")
    columns = [(headers[column], column) for column in _in_hash_order(headers)]
    return [{header: (row[column] if column < len(row) else "") for header, column in columns} for row in records]


def _in_hash_order(headers: Sequence[str]) -> list[int]:
    """The indices of the headers in the order in which a Java HashMap lists such keys."""
    buckets = 16
    while len(headers) > 0.75 * buckets:
        buckets *= 2
    return sorted(range(len(headers)), key=lambda column: _java_hash(headers[column]) % buckets)


def _java_hash(text: str) -> int:
    """`HashMap.hash` of a Java String, which is made of UTF-16 units."""
    units = text.encode("utf-16-be", "surrogatepass")
    code = 0
    for high, low in zip(units[::2], units[1::2], strict=True):
        code = (31 * code + (high << 8 | low)) & 0xFFFFFFFF
    return code ^ code >> 16


def read_json(text: str) -> JSON:
    try:
        return parse_json(text.encode())
    except (orjson.JSONDecodeError, UnicodeEncodeError) as error:
        raise Unreadable(f"The data is not valid JSON: {error}") from None


def read_json_lines(text: str) -> list[JSON]:
    return [read_json(line) for line in text.split("\n") if line.strip()]


def follow(value: JSON, pointer: str) -> JSON:
    """The value at a JSON Pointer (RFC 6901)."""
    for step in steps_of(pointer):
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            raise Unreadable(f"The data has nothing at the ItemsPointer '{pointer}'")
    return value
