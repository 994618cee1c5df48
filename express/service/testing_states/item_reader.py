"""`mapItemReaderData`: the items of a distributed Map, from data in the form that its ItemReader reads.

CSV and JSON Lines are parsed as such; anything else (JSON, an inventory, a listing) must be given as JSON. A Parquet
file cannot be given: the request holds text. ItemsPointer and a literal MaxItems are applied.
Source: AWS guide "ItemReader (Map)".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from express.service.errors import validation
from express.states.item_formats import DELIMITERS, Unreadable, follow, read_csv, read_json, read_json_lines

if TYPE_CHECKING:
    from express.service.testing_states.inspection import Inspection
    from express.types import JSON


def read_item_data(text: str, config: JSON, inspection: Inspection) -> JSON:
    """The items. `config` is the Map's ReaderConfig. Raises ServiceError ValidationException."""
    config = config if isinstance(config, dict) else {}
    try:
        items = _read(text, config)
        if "ItemsPointer" in config:
            items = follow(items, str(config["ItemsPointer"]))
            inspection.note("afterItemsPointer", items)
    except Unreadable as error:
        raise validation(f"MapItemReaderData is not what the ItemReader reads: {error}") from None
    most = config.get("MaxItems")
    return items[:most] if isinstance(items, list) and isinstance(most, int) and most > 0 else items


def _read(text: str, config: dict[str, Any]) -> JSON:
    kind = config.get("InputType")
    if kind == "JSONL":
        return read_json_lines(text)
    if kind != "CSV":
        return read_json(text)
    delimiter, headers = str(config.get("CSVDelimiter")), config.get("CSVHeaders")
    if config.get("CSVHeaderLocation") != "GIVEN" or not isinstance(headers, list):
        headers = None
    return read_csv(text, delimiter if delimiter in DELIMITERS else "COMMA", headers and list(map(str, headers)))
