"""Base64 and URL functions (JSONata docs, "String functions"), as Node.js and JavaScript encode and decode."""

from __future__ import annotations

import base64
import functools
import re
import string
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote_to_bytes

from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.functions.registry import function
from express.expressions.jsonata.values import UNDEFINED, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from express.expressions.jsonata.evaluation import Evaluation

#: Characters that `encodeURIComponent` and `encodeURI` do not escape, besides letters, digits and `_.-~`.
_COMPONENT_SAFE: Final = "!*'()"
_RESERVED: Final = ";/?:@&=+$,#"

_MALFORMED: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPES: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
#: `decodeURI` leaves the escapes of reserved characters unchanged.
_UNRESERVED_ESCAPES: Final = re.compile(r"(?:%(?!2[346BCF]|3[ABDF]|40)[0-9A-F]{2})+", re.IGNORECASE)

#: Characters encoded at a time.
_PART: Final = 1 << 16
#: Steps for an escape, and for a run of them.
_ESCAPE_COST: Final = 8
_RUN_COST: Final = 12

_ALPHABET: Final = string.ascii_letters.encode() + string.digits.encode() + b"+/-_"
_FOREIGN: Final = bytes(set(range(256)) - set(_ALPHABET))
_STANDARD_ALPHABET: Final = bytes.maketrans(b"-_", b"+/")


@function("base64encode", "<s-:s>", bounded=True)
def base64_encode(evaluation: Evaluation, text: str | Undefined) -> Value:
    """The Base64 of the string as bytes; of a code unit beyond U+00FF only the low byte is kept."""
    if isinstance(text, Undefined):
        return UNDEFINED
    evaluation.make(len(text) * 4 // 3)
    return base64.b64encode(_octets(text)).decode("ascii")


@function("base64decode", "<s-:s>", bounded=True, cost=8)
def base64_decode(evaluation: Evaluation, text: str | Undefined) -> Value:
    """The bytes that a Base64 text encodes, each as the character with its number.

    As lenient as Node.js: foreign characters are skipped, the URL alphabet is accepted too, padding may be missing
    and text after it is ignored.
    """
    if isinstance(text, Undefined):
        return UNDEFINED
    evaluation.make(len(text))
    symbols = _octets(text).partition(b"=")[0].translate(_STANDARD_ALPHABET, _FOREIGN)
    if len(symbols) % 4 == 1:  # six bits do not make a byte
        symbols = symbols[:-1]
    return base64.b64decode(symbols + b"=" * (-len(symbols) % 4)).decode("latin-1")


def _octets(text: str) -> bytes:
    """The text as bytes: the low byte of each UTF-16 code unit, as in Node.js."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass")[::2]


@function("encodeUrlComponent", "<s-:s>", bounded=True, cost=11)
def encode_url_component(evaluation: Evaluation, text: str | Undefined) -> Value:
    """`encodeURIComponent`. Raises D3140 for a lone surrogate."""
    return _encoded(evaluation, text, _COMPONENT_SAFE, "encodeUrlComponent")


@function("encodeUrl", "<s-:s>", bounded=True, cost=11)
def encode_url(evaluation: Evaluation, text: str | Undefined) -> Value:
    """`encodeURI`, which does not escape the separators of a URL. Raises D3140 for a lone surrogate."""
    return _encoded(evaluation, text, _COMPONENT_SAFE + _RESERVED, "encodeUrl")


@function("decodeUrlComponent", "<s-:s>", bounded=True, cost=15)
def decode_url_component(evaluation: Evaluation, text: str | Undefined) -> Value:
    """`decodeURIComponent`. Raises D3140 for escapes that are incomplete or not valid UTF-8."""
    return _decoded(evaluation, text, _ESCAPES, "decodeUrlComponent")


@function("decodeUrl", "<s-:s>", bounded=True, cost=15)
def decode_url(evaluation: Evaluation, text: str | Undefined) -> Value:
    """`decodeURI`, which leaves the escapes of separators unchanged. Raises D3140 like `decodeURIComponent`."""
    return _decoded(evaluation, text, _UNRESERVED_ESCAPES, "decodeUrl")


def _encoded(evaluation: Evaluation, text: str | Undefined, safe: str, name: str) -> Value:
    if isinstance(text, Undefined):
        return UNDEFINED
    evaluation.make(len(text))
    try:
        return "".join([quote(part, safe=safe) for part in _parts(evaluation, text)])
    except UnicodeEncodeError:
        raise JSONataError("D3140", value=text, functionName=name) from None


def _parts(evaluation: Evaluation, text: str) -> Iterator[str]:
    for start in range(0, len(text), _PART):
        evaluation.spend(min(len(text), _PART) >> 2)
        yield text[start : start + _PART]


def _decoded(evaluation: Evaluation, text: str | Undefined, escapes: re.Pattern[str], name: str) -> Value:
    if isinstance(text, Undefined):
        return UNDEFINED
    evaluation.make(len(text))
    escapes_there = text.count("%")
    if not escapes_there:
        return text
    evaluation.spend(_ESCAPE_COST * escapes_there)
    try:
        if not _MALFORMED.search(text):
            return escapes.sub(functools.partial(_unescaped, evaluation), text)
    except UnicodeDecodeError:
        pass
    raise JSONataError("D3140", value=text, functionName=name)


def _unescaped(evaluation: Evaluation, run: re.Match[str]) -> str:
    evaluation.spend(_RUN_COST)
    return unquote_to_bytes(run[0]).decode()
