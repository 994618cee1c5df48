"""`mapItemReaderData`: the items of a distributed Map, from data in the form that its ItemReader reads.

CSV and JSON Lines are parsed as such; anything else (JSON, an inventory, a listing) must be given as JSON. A Parquet
file cannot be given: the request holds text. ItemsPointer and a literal MaxItems are applied.
Source: AWS guide "ItemReader (Map)".
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

import orjson

from express.definition.pointer import steps_of
from express.parsing import parse_json
from express.service.errors import ServiceError, validation

if TYPE_CHECKING:
    from express.service.testing_states.inspection import Inspection
    from express.types import JSON

_DELIMITERS: Final = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}


def read_item_data(text: str, config: JSON, inspection: Inspection) -> JSON:
    """The items. `config` is the Map's ReaderConfig. Raises ServiceError ValidationException."""
    config = config if isinstance(config, dict) else {}
    kind = config.get("InputType")
    if kind == "CSV":
        items: JSON = _read_csv(text, config)
    elif kind == "JSONL":
        items = [_parse(line) for line in text.splitlines() if line.strip()]
    else:
        items = _parse(text)
    if "ItemsPointer" in config:
        items = _follow(items, config["ItemsPointer"])
        inspection.note("afterItemsPointer", items)
    most = config.get("MaxItems")
    return items[:most] if isinstance(items, list) and isinstance(most, int) and most > 0 else items


def _read_csv(text: str, config: dict[str, JSON]) -> list[JSON]:
    delimiter, headers = config.get("CSVDelimiter"), config.get("CSVHeaders")
    rows = csv.reader(io.StringIO(text), delimiter=_DELIMITERS.get(str(delimiter), ","))
    try:
        records = [row for row in rows if row]
    except csv.Error as error:
        raise _invalid(f"must be valid CSV: {error}") from None
    if config.get("CSVHeaderLocation") != "GIVEN" or not isinstance(headers, list):
        headers, records = (records[0], records[1:]) if records else ([], [])
    width = len(headers)
    return [dict(zip(map(str, headers), [*row, *[""] * width], strict=False)) for row in records]


def _parse(text: str) -> JSON:
    try:
        return parse_json(text.encode())
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        raise _invalid("must be valid JSON, or what the InputType of the ReaderConfig says") from None


def _follow(value: JSON, pointer: JSON) -> JSON:
    """The value at a JSON Pointer (RFC 6901)."""
    for step in steps_of(str(pointer)):
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            raise _invalid(f"has nothing at the ItemsPointer '{pointer}'")
    return value


def _invalid(detail: str) -> ServiceError:
    return validation(f"MapItemReaderData {detail}")
