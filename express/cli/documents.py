"""Results as JSON documents: what `express run` prints, and the input of `--query`.

A single result is printed as its output alone, like the return value of a function; only a failed one needs the
document around it. A line of a stream is always the document, so that every line has the same shape. `--query` sees
the whole document in both cases, with `name` and `billing`, which are otherwise left out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import orjson

from express import payload
from express.cli.status import CommandError
from express.foreign import NotJSON

if TYPE_CHECKING:
    from collections.abc import Callable

    from express import Result
    from express.cli.jsonl import Event
    from express.types import JSON

#: Status of a line that is no JSON and was not executed, and the error AWS returns for such an input.
INVALID = "INVALID"
INVALID_INPUT = "InvalidExecutionInput"


def outcome(result: Result) -> dict[str, JSON]:
    """`{"status", "output"}` of a success, `{"status", "error", "cause"}` otherwise; keys AWS omits are absent."""
    if result.status == "SUCCEEDED":
        return {"status": result.status, "output": result.output}
    document: dict[str, JSON] = {"status": result.status}
    if result.error is not None:
        document["error"] = result.error
    if result.cause is not None:
        document["cause"] = result.cause
    return document


def whole(result: Result) -> dict[str, JSON]:
    """The outcome with the execution's name and billing."""
    billing = result.billing
    return {
        **outcome(result),
        "name": result.name,
        "billing": {
            "duration_ms": billing.duration_ms,
            "memory_bytes": billing.memory_bytes,
            "billed_duration_ms": billing.billed_duration_ms,
            "billed_memory_mb": billing.billed_memory_mb,
            "cost_usd": billing.cost_usd,
        },
    }


def broken_line(event: Event) -> bytes:
    """The result line of an event that could not be read."""
    return encode({"line": event.line, "status": INVALID, "error": INVALID_INPUT, "cause": event.problem})


def result_line(query: Callable[[JSON], JSON] | None, *, billing: bool = False) -> Callable[[int, Result], bytes]:
    """Return a function from (line number, result) to the line to print, with `billing` if wanted."""
    if query is None:
        document = whole if billing else outcome
        return lambda line, result: _encode_result({"line": line, **document(result)})
    return lambda line, result: encode(query({"line": line, **whole(result)}))


class Unwritable(Exception):
    """A result that is no JSON, which trusted handlers can return; `line` is the line to print for it."""

    def __init__(self, line: bytes) -> None:
        super().__init__(line)
        self.line = line


def _encode_result(document: dict[str, JSON]) -> bytes:
    try:
        return encode(document)
    except CommandError as error:
        said: dict[str, JSON] = {"line": document["line"], "status": document["status"]}
        for key in ("error", "cause"):
            if isinstance(document.get(key), str):
                said[key] = document[key].encode("utf-8", "replace").decode()
        raise Unwritable(encode({**said, "unwritable": error.message})) from error


def encode(document: JSON, *, indent: bool = False) -> bytes:
    """Serialise with a newline at the end, indented for people or compact for programs."""
    option = orjson.OPT_APPEND_NEWLINE | (orjson.OPT_INDENT_2 if indent else 0)
    try:
        return orjson.dumps(document, option=option)
    except TypeError:
        return _encode_liberally(document, indent=indent)


def _encode_liberally(document: JSON, *, indent: bool) -> bytes:
    """Serialise integers beyond 64 bits, which orjson refuses; raise CommandError for what is no JSON."""
    try:
        compact = payload.encode(document)
    except NotJSON as error:
        raise CommandError(f"the result is no JSON: {error}") from error
    text = json.dumps(document, indent=2, ensure_ascii=False).encode() if indent else compact
    return text + b"\n"
