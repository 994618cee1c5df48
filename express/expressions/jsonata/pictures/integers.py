"""Integer pictures: `#,##0`, `Ww;o`, `I` (XPath 3.1 fn:format-integer; JSONata docs, `$formatInteger`).

A picture is parsed once into a format, which writes integers, reads them, and gives the pattern of one in a date. All
follows jsonata-js 2.0.6, even where that differs from XPath: a text to read need not match the picture, digits of
other scripts are not recognised in dates, and of separators at equal distances only commas are dropped when reading.

NaN occurs here, as in JavaScript, and is written `NaN`: callers decide whether it is allowed.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Final, TypeAlias

from express.expressions.jsonata.errors import MEMORY, STACK_OVERFLOW, JSONataError
from express.expressions.jsonata.numerals import as_double, number_text
from express.expressions.jsonata.patterns.characters import spread
from express.expressions.jsonata.pictures.words import (
    BLANK,
    WORD_VALUES,
    letters,
    letters_value,
    roman,
    roman_value,
    words,
    words_value,
)

#: The digit zero of different scripts.
_ZEROS: Final = (
    0x30, 0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0,
    0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620,
    0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
)  # fmt: skip
_ZERO_OF: Final = {chr(zero + digit): zero for zero in _ZEROS for digit in range(10)}
_ASCII_ZERO: Final = ord("0")
_SUFFIXES: Final = {"1": "st", "2": "nd", "3": "rd"}
#: The maximum length of a string that an evaluation may make.
_LONGEST: Final = 1_000_000
_NUMBER: Final = re.compile(rf"[{BLANK}]*([+-]?)(?:0[xX]([0-9a-fA-F]*)|([0-9]+))")


@dataclass(frozen=True, slots=True)
class Letters:
    """`A`, `a`: A B C ... Z AA AB."""

    first: str

    def write(self, value: float) -> str:
        return _signed(value, letters(abs(value), self.first))

    def read(self, text: str) -> float:
        return letters_value(spread(text), self.first)

    def pattern(self, width: float) -> str:
        return f"[{self.first}-{chr(ord(self.first) + 25)}]+"


@dataclass(frozen=True, slots=True)
class Roman:
    """`I`, `i`."""

    upper: bool

    def write(self, value: float) -> str:
        if math.isnan(value):
            return ""
        if abs(value) >= _LONGEST * 1000:
            raise JSONataError(MEMORY)
        text = roman(int(abs(value)))
        return _signed(value, text.upper() if self.upper else text)

    def read(self, text: str) -> float:
        return roman_value(text if self.upper else text.upper())

    def pattern(self, width: float) -> str:
        return "[MDCLXVI]+" if self.upper else "[mdclxvi]+"


@dataclass(frozen=True, slots=True)
class Words:
    """`W`, `w`, `Ww`; `case` is "upper", "lower" or "title"."""

    case: str
    ordinal: bool

    def write(self, value: float) -> str:
        if math.isnan(value):
            raise JSONataError(STACK_OVERFLOW)
        text = words(abs(value), ordinal=self.ordinal)
        return _signed(value, text.upper() if self.case == "upper" else text.lower() if self.case == "lower" else text)

    def read(self, text: str) -> float:
        return words_value(text.lower())

    def pattern(self, width: float) -> str:
        return f"(?:{'|'.join(WORD_VALUES)}|and|[\\-, ])+"


@dataclass(frozen=True, slots=True)
class Digits:
    """A picture with digits: at least `mandatory` of them, in the script whose zero is `zero`.

    `separators` are at distances from the right; if `interval` is not 0, the first of them is repeated at each such
    distance.
    """

    zero: int
    mandatory: float
    optional: int
    separators: tuple[tuple[int, str], ...]
    interval: int
    ordinal: bool

    def write(self, value: float) -> str:
        text = "NaN" if math.isnan(value) else number_text(abs(value))
        if self.mandatory > _LONGEST:
            raise JSONataError(MEMORY)
        if len(text) < self.mandatory:
            text = text.rjust(int(self.mandatory), "0")
        if self.zero != _ASCII_ZERO:
            text = "".join(chr(ord(digit) + self.zero - _ASCII_ZERO) for digit in text)
        text = self._separated(text)
        return _signed(value, text + self._suffix(text) if self.ordinal else text)

    def _separated(self, text: str) -> str:
        if self.interval:
            head = len(text) % self.interval or self.interval
            groups = [text[start : start + self.interval] for start in range(head, len(text), self.interval)]
            return self.separators[0][1].join([text[:head], *groups])
        for distance, separator in reversed(self.separators):
            place = len(text) - distance
            text = text[: max(place, 0)] + separator + text[place:]
        return text

    def _suffix(self, text: str) -> str:
        return "th" if text[-2:-1] == "1" else _SUFFIXES.get(text[-1], "th")

    def read(self, text: str) -> float:
        if self.ordinal:
            text = text[:-2]
        for separator in {","} if self.interval else {separator for _, separator in self.separators}:
            text = text.replace(separator, "")
        if self.zero != _ASCII_ZERO:
            codes = [ord(digit) - self.zero + _ASCII_ZERO for digit in text]
            text = "".join(map(chr, codes)) if min(codes, default=0) >= 0 else ""
        return parse_int(text)

    def pattern(self, width: float) -> str:
        """The pattern of a number; a positive `width` is the number of digits, including optional ones."""
        suffix = "(?:th|st|nd|rd)" if self.ordinal else ""
        if not width > 0:
            return f"[0-9]+{suffix}"
        high = number_text(width)
        low = number_text(width - self.optional)
        return f"[0-9]{{{f'{low},{high}' if self.optional else high}}}{suffix}"


@dataclass(frozen=True, slots=True)
class Numbering:
    """An unsupported numbering, such as by Greek letters; it can be parsed but not used: D3130."""

    token: str

    def write(self, value: float) -> str:
        raise JSONataError("D3130", value=self.token)

    def read(self, text: str) -> float:
        raise JSONataError("D3130", value=self.token)

    def pattern(self, width: float) -> str:
        raise JSONataError("D3130", value=self.token)


IntegerFormat: TypeAlias = Letters | Roman | Words | Digits | Numbering


@lru_cache(maxsize=256)
def read_picture(picture: str) -> IntegerFormat:
    """The format that an integer picture describes. Raises D3131 for digits of two scripts in it."""
    primary, semicolon, modifier = picture.rpartition(";")
    if not semicolon:
        primary, modifier = picture, ""
    ordinal = modifier.startswith("o")
    match primary:
        case "A" | "a":
            return Letters(primary)
        case "I" | "i":
            return Roman(upper=primary == "I")
        case "W" | "w" | "Ww":
            return Words({"W": "upper", "w": "lower", "Ww": "title"}[primary], ordinal)
    return _read_digits(primary, ordinal)


def _read_digits(picture: str, ordinal: bool) -> IntegerFormat:
    zeros: set[int] = set()
    mandatory = optional = 0
    separators: list[tuple[int, str]] = []
    for character in reversed(picture):
        if character in _ZERO_OF:
            mandatory += 1
            zeros.add(_ZERO_OF[character])
        elif character == "#":
            optional += 1
        else:
            separators.append((mandatory + optional, character))
    if len(zeros) > 1:
        raise JSONataError("D3131")
    if not zeros:
        return Numbering(picture)
    return Digits(zeros.pop(), mandatory, optional, tuple(separators), _interval(separators), ordinal)


def _interval(separators: list[tuple[int, str]]) -> int:
    """The interval at which a single separator repeats, or 0."""
    if len({separator for _, separator in separators}) != 1:
        return 0
    return regular_interval([distance for distance, _ in separators])


def regular_interval(distances: list[int]) -> int:
    """The greatest common divisor of all distances, if each of its multiples up to their number is present; else 0."""
    if not distances:
        return 0
    interval = reduce(math.gcd, distances)
    return interval if {interval * count for count in range(1, len(distances) + 1)} <= set(distances) else 0


def parse_int(text: str) -> float:
    """JavaScript's `parseInt`: the longest prefix of decimal or, after 0x, hexadecimal digits."""
    match = _NUMBER.match(text)
    if match is None or match[2] == "":
        return math.nan
    sign, hexadecimal, decimal = match.groups()
    value = float(decimal) if hexadecimal is None else as_double(int(hexadecimal, 16))
    return -value if sign == "-" else value


def _signed(value: float, text: str) -> str:
    return f"-{text}" if value < 0 else text
