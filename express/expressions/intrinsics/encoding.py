"""Intrinsics for encoding, decoding and hashing (AWS guide, sections of these names)."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from express.expressions.intrinsics.registry import ArgumentsError, intrinsic
from express.expressions.values import java_text, utf16_length

if TYPE_CHECKING:
    from collections.abc import Callable

    from express.types import JSON

#: Maximum length of a text for these functions, in characters.
_TEXT_LIMIT: Final = 10_000
_FOREIGN: Final = re.compile(r"[^A-Za-z0-9+/_-]+")

ALGORITHMS: Final[dict[str, Callable[[bytes], Any]]] = {
    "MD5": partial(hashlib.md5, usedforsecurity=False),
    "SHA-1": partial(hashlib.sha1, usedforsecurity=False),
    "SHA-256": hashlib.sha256,
    "SHA-384": hashlib.sha384,
    "SHA-512": hashlib.sha512,
}


def _limited(text: JSON) -> str:
    if type(text) is not str or utf16_length(text) > _TEXT_LIMIT:
        raise ArgumentsError
    return text


@intrinsic("States.Base64Encode", 1)
def base64_encode(text: JSON) -> str:
    """The MIME Base64 of the text's UTF-8, on one line."""
    return base64.b64encode(_limited(text).encode("utf-8", "replace")).decode("ascii")


@intrinsic("States.Base64Decode", 1)
def base64_decode(text: JSON) -> str:
    """The UTF-8 text that Base64 `text` encodes.

    Decoding is as lenient as the service's (observed): foreign characters are skipped, padding may be missing,
    everything after the first `=` is ignored, bytes that are not valid UTF-8 become U+FFFD.
    """
    symbols = _FOREIGN.sub("", _limited(text).partition("=")[0])
    if len(symbols) % 4 == 1:  # six bits do not make a byte
        symbols = symbols[:-1]
    padded = symbols + "=" * (-len(symbols) % 4)
    return base64.b64decode(padded.replace("-", "+").replace("_", "/")).decode("utf-8", "replace")


@intrinsic("States.Hash", 2, writes=True)
def hash_(data: JSON, algorithm: JSON) -> str:
    """The lower-case hexadecimal digest of the data's text; data other than a string is serialised first."""
    digest = ALGORITHMS.get(algorithm) if type(algorithm) is str else None
    if digest is None:
        raise ArgumentsError
    text = _limited(data if type(data) is str else java_text(data))
    hexadecimal: str = digest(text.encode("utf-8", "replace")).hexdigest()
    return hexadecimal
