"""Parses JSON text to a value that keeps every digit of its integers.

orjson silently reads an integer beyond 64 bits as a float; an order number of thirty digits would become another one.
Python's own parser keeps it but takes five times as long, so it reads only the rare text that could hold such a
number. orjson reads every text first, so invalid JSON is refused with the same message, whatever it contains.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from express.types import JSON

#: The shortest integers that can be beyond 64 bits: -9223372036854775809 and 18446744073709551616.
_LONG_INTEGER = re.compile(rb"-[0-9]{19}|[0-9]{20}")
#: Looking for a run of one character in a translated copy is many times faster than a search with `_LONG_INTEGER`.
_ALL_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_RUN = b"0" * 19


def parse_json(text: bytes) -> JSON:
    """The value of a UTF-8 JSON text. Raises orjson.JSONDecodeError."""
    value = orjson.loads(text)
    # (`in` would take twice as long as `find`: it tries its argument as a number first.)
    if text.translate(_ALL_DIGITS_ALIKE).find(_RUN) >= 0 and (long := _LONG_INTEGER.search(text)):
        try:
            return json.loads(text)
        except RecursionError:
            # Up to Python 3.11 its own parser goes less deep than orjson, and less still deep in other calls.
            document = text.decode()
            place = len(text[: long.start()].decode())
            raise orjson.JSONDecodeError("depth limit exceeded", document, place) from None
    return value
