"""Integers in other notations than digits: English words, Roman numerals, the letters of spreadsheet columns.

JavaScript has one type of number and calculates with rounded ones beyond 2^53, and the words are those of the rounded
number. So integers beyond it are floats here too, and the results equal those of jsonata-js 2.0.6.
"""

from __future__ import annotations

import math
import re
from functools import reduce
from operator import add
from typing import Final

_FEW: Final = (
    "Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve",
    "Thirteen", "Fourteen", "Fifteen", "Sixteen", "Seventeen", "Eighteen", "Nineteen",
)  # fmt: skip
_ORDINALS: Final = (
    "Zeroth", "First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth", "Eleventh",
    "Twelfth", "Thirteenth", "Fourteenth", "Fifteenth", "Sixteenth", "Seventeenth", "Eighteenth", "Nineteenth",
)  # fmt: skip
_DECADES: Final = ("Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety")
_MAGNITUDES: Final = ("Thousand", "Million", "Billion", "Trillion")

#: The characters of JavaScript's `\s`, for use in a class.
BLANK: Final = r"\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_BETWEEN_WORDS: Final = re.compile(rf",[{BLANK}]|[{BLANK}]and[{BLANK}]|[{BLANK}\\\-]")

_NUMERALS: Final = (
    (1000, "m"),
    (900, "cm"),
    (500, "d"),
    (400, "cd"),
    (100, "c"),
    (90, "xc"),
    (50, "l"),
    (40, "xl"),
    (10, "x"),
    (9, "ix"),
    (5, "v"),
    (4, "iv"),
    (1, "i"),
)
#: The largest exponent for which a power of 26 is a finite number in JavaScript.
_MOST_LETTERS: Final = 217

_NUMERAL_VALUES: Final = {"M": 1000, "D": 500, "C": 100, "L": 50, "X": 10, "V": 5, "I": 1}


def words(value: float, *, ordinal: bool) -> str:
    """A non-negative whole number in English, each word capitalised: `Nine Hundred and Nineteen`."""
    return _words(float(value), after="", ordinal=ordinal)


def _words(value: float, *, after: str, ordinal: bool) -> str:
    """The same as part of a number; `after`, the preceding text, decides on the conjunction."""
    if value < 100:
        return f" and {_below_hundred(int(value), ordinal)}" if after else _below_hundred(int(value), ordinal)
    if value < 1000:
        unit, name = 100, "Hundred"
    else:
        magnitude = min(math.floor(math.log10(value) / 3), len(_MAGNITUDES))
        unit, name = 1000**magnitude, _MAGNITUDES[magnitude - 1]
    count = float(math.floor(value / unit))
    rest = value - count * unit
    said = f"{_words(count, after='', ordinal=False)} {name}"
    if rest > 0:
        said += _words(rest, after=said, ordinal=ordinal)
    elif ordinal:
        said += "th"
    return f", {said}" if after else said


def _below_hundred(value: int, ordinal: bool) -> str:
    if value < 20:
        return (_ORDINALS if ordinal else _FEW)[value]
    tens, ones = divmod(value, 10)
    decade = _DECADES[tens - 2]
    if ones:
        return f"{decade}-{_below_hundred(ones, ordinal)}"
    return f"{decade[:-1]}ieth" if ordinal else decade


def _word_values() -> dict[str, float]:
    values = {word.lower(): float(index) for names in (_FEW, _ORDINALS) for index, word in enumerate(names)}
    for index, decade in enumerate(_DECADES, 2):
        values[decade.lower()] = values[f"{decade[:-1].lower()}ieth"] = index * 10.0
    values["hundred"] = values["hundredth"] = 100.0
    for index, magnitude in enumerate(_MAGNITUDES, 1):
        values[magnitude.lower()] = values[f"{magnitude.lower()}th"] = 1000.0**index
    return values


#: The value of each word, in the order in which a regular expression tries them.
WORD_VALUES: Final = _word_values()


def words_value(text: str) -> float:
    """The number that lower-case words spell; NaN if any of them is unknown."""
    segments = [0.0]
    for word in _BETWEEN_WORDS.split(text):
        value = WORD_VALUES.get(word, math.nan)
        if value < 100:
            top = segments.pop()
            if top >= 1000:
                segments.append(top)
                top = 0.0
            segments.append(top + value)
        else:
            segments.append(segments.pop() * value)
    return reduce(add, segments)


def roman(value: int) -> str:
    """Roman numerals in lower case; empty for zero."""
    thousands, value = divmod(value, 1000)
    numerals = ["m" * thousands]
    for worth, numeral in _NUMERALS[1:]:
        count, value = divmod(value, worth)
        numerals.append(numeral * count)
    return "".join(numerals)


def roman_value(text: str) -> float:
    """The value of upper-case Roman numerals; NaN if one is unknown."""
    total = 0
    largest = 1
    for digit in reversed(text):
        value = _NUMERAL_VALUES.get(digit)
        if value is None:
            return math.nan
        if value < largest:
            total -= value
        else:
            largest = value
            total += value
    return total


def letters(value: float, first: str) -> str:
    """1 is `first`, 26 the letter of z, 27 is twice `first`; empty for zero."""
    value = float(value)
    found = []
    while value > 0:
        found.append(chr(int((value - 1) % 26) + ord(first)))
        value = float(math.floor((value - 1) / 26))
    return "".join(reversed(found))


def letters_value(text: str, first: str) -> float:
    """The number that letters, `first` being 1, stand for; infinite for very many."""
    total = 0.0
    for index, letter in enumerate(reversed(text)):
        if index > _MOST_LETTERS:
            return math.inf
        total += (ord(letter) - ord(first) + 1) * 26.0**index
    return total
