"""Number pictures: `#,##0.00;(#,##0.00)` (XPath 3.1 fn:format-number 4.7; JSONata docs, `$formatNumber`).

A picture is parsed once, for one set of symbols, into a format that writes numbers. Rules and bugs are those of
jsonata-js 2.0.6: of several mistakes in a picture, the last in the order of the checks is reported, an exponent is
cut out at a wrong place after a prefix, grouping in a fraction takes all but its first separator from the integer
part. Where jsonata-js fails without a code or never returns, the closest code is used: D3086 for a picture without
active characters (as in AWS, measured), D1001 for more than 100 decimal places and for infinity, U1001 for a number
that no exponent brings into range.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import Final

from express.expressions.jsonata.errors import TIMEOUT, JSONataError
from express.expressions.jsonata.functions.numeric import round_
from express.expressions.jsonata.numerals import number_text
from express.expressions.jsonata.patterns.characters import join, spread
from express.expressions.jsonata.pictures.integers import regular_interval
from express.expressions.jsonata.values import number

#: Maximum decimal places of JavaScript's `toFixed`.
_MOST_PLACES: Final = 100
#: From here on `toFixed` writes the same as `String`.
_LARGEST_FIXED: Final = 1e21
#: Enough digits for all smaller numbers, so that only intended rounding happens.
_ROUNDING: Final = Context(prec=130, rounding=ROUND_HALF_UP)


@dataclass(frozen=True)
class Symbols:
    """The special characters of a picture and of the output: the options of `$formatNumber`.

    Their names have underscores here. Texts are UTF-16 code units; `zero_digit` is not empty.
    """

    decimal_separator: str = "."
    grouping_separator: str = ","
    exponent_separator: str = "e"
    minus_sign: str = "-"
    percent: str = "%"
    per_mille: str = "\u2030"
    zero_digit: str = "0"
    digit: str = "#"
    pattern_separator: str = ";"

    @cached_property
    def digits(self) -> str:
        """The ten decimal digits."""
        zero = ord(self.zero_digit[0])
        return "".join(chr((zero + digit) & 0xFFFF) for digit in range(10))

    @cached_property
    def counted(self) -> frozenset[str]:
        """Characters that stand for a digit."""
        return frozenset((*self.digits, self.digit))

    @cached_property
    def active(self) -> frozenset[str]:
        others = self.decimal_separator, self.exponent_separator, self.grouping_separator, self.pattern_separator
        return self.counted.union(others)


@dataclass(frozen=True, slots=True)
class _Parts:
    """The parts of a sub-picture (4.7.3)."""

    picture: str
    prefix: str
    suffix: str
    active: str
    mantissa: str
    exponent: str | None
    integer: str
    fraction: str


@dataclass(frozen=True, slots=True)
class _Variables:
    """The variables of a sub-picture (4.7.4).

    Sizes are in digits, places of grouping separators in digits between them and the point; `interval` is not 0 if
    those in the integer part are repeated.
    """

    picture: str
    prefix: str
    suffix: str
    integer_grouping: tuple[int, ...]
    interval: int
    fraction_grouping: tuple[int, ...]
    scaling: int
    least_integer: int
    least_fraction: int
    most_fraction: int
    least_exponent: int


@lru_cache(maxsize=256)
def read_picture(picture: str, symbols: Symbols) -> NumberFormat:
    """Parse a picture. Raises D3080 to D3093."""
    units, separator = spread(picture), symbols.pattern_separator
    pictures = units.split(separator) if separator else list(units)
    if len(pictures) > 2:
        raise JSONataError("D3080")
    if not pictures:
        raise JSONataError("D3086")
    parts = [_take_apart(each, symbols) for each in pictures]
    for each in parts:
        _validate(each, symbols)
    positive, *rest = [_analyse(each, symbols) for each in parts]
    negative = rest[0] if rest else replace(positive, prefix=symbols.minus_sign + positive.prefix)
    return NumberFormat(symbols, positive, negative)


def _take_apart(picture: str, symbols: Symbols) -> _Parts:
    edges = [
        index
        for index, character in enumerate(picture)
        if character in symbols.active and character != symbols.exponent_separator
    ]
    if not edges:
        raise JSONataError("D3085" if symbols.active.issuperset(picture) else "D3086")
    prefix, suffix = picture[: edges[0]], picture[edges[-1] + 1 :]
    mantissa = active = picture[edges[0] : edges[-1] + 1]
    exponent = None
    place = picture.find(symbols.exponent_separator, len(prefix))
    if 0 <= place <= len(picture) - len(suffix):
        mantissa, exponent = active[:place], active[place + 1 :]
    point = mantissa.find(symbols.decimal_separator)
    integer, fraction = (mantissa, suffix) if point < 0 else (mantissa[:point], mantissa[point + 1 :])
    return _Parts(picture, prefix, suffix, active, mantissa, exponent, integer, fraction)


def _validate(parts: _Parts, symbols: Symbols) -> None:
    """Raise the error of the last rule that the sub-picture breaks."""
    broken = [code for code, breaks in _rules(parts, symbols).items() if breaks]
    if broken:
        raise JSONataError(broken[-1])


def _rules(parts: _Parts, symbols: Symbols) -> dict[str, bool]:
    """Whether the sub-picture breaks each of the rules of 4.7.3."""
    picture, integer, exponent = parts.picture, parts.integer, parts.exponent
    grouping = symbols.grouping_separator
    point = picture.find(symbols.decimal_separator)
    beside_point = (picture[max(point - 1, 0) : point], picture[point + 1 : point + 2]) if point >= 0 else ()
    scaled = symbols.percent in picture, symbols.per_mille in picture
    last_optional = parts.fraction.rfind(symbols.digit)
    return {
        "D3081": point != picture.rfind(symbols.decimal_separator),
        "D3082": picture.find(symbols.percent) != picture.rfind(symbols.percent),
        "D3083": picture.find(symbols.per_mille) != picture.rfind(symbols.per_mille),
        "D3084": all(scaled),
        "D3085": symbols.counted.isdisjoint(parts.mantissa),
        "D3086": not symbols.active.issuperset(parts.active),
        "D3087": grouping in beside_point,
        "D3088": point < 0 and integer[-1:] == grouping,
        "D3089": grouping * 2 in picture,
        "D3090": _has_digit(integer[: max(integer.find(symbols.digit), 0)], symbols),
        "D3091": last_optional >= 0 and _has_digit(parts.fraction[last_optional:], symbols),
        "D3092": bool(exponent) and any(scaled),
        "D3093": exponent is not None and not (exponent and set(symbols.digits).issuperset(exponent)),
    }


def _has_digit(text: str, symbols: Symbols) -> bool:
    return not set(symbols.digits).isdisjoint(text)


def _analyse(parts: _Parts, symbols: Symbols) -> _Variables:
    scaling = least_integer = _count(parts.integer, symbols.digits)
    least_fraction = _count(parts.fraction, symbols.digits)
    most_fraction = _count(parts.fraction, symbols.counted)
    if least_integer == 0 and most_fraction == 0:
        if parts.exponent is None:
            least_integer = 1
        else:
            least_fraction = most_fraction = 1
    if parts.exponent is not None and least_integer == 0 and symbols.digit in parts.integer:
        least_integer = 1
    if least_integer == 0 and least_fraction == 0:
        least_fraction = 1
    if most_fraction > _MOST_PLACES:
        raise JSONataError("D1001", value=most_fraction)
    integer_grouping = _grouping(parts.integer, parts.integer, symbols, from_left=False)
    return _Variables(
        picture=parts.picture,
        prefix=parts.prefix,
        suffix=parts.suffix,
        integer_grouping=integer_grouping,
        interval=regular_interval(list(integer_grouping)),
        fraction_grouping=_grouping(parts.fraction, parts.integer, symbols, from_left=True),
        scaling=scaling,
        least_integer=least_integer,
        least_fraction=least_fraction,
        most_fraction=most_fraction,
        least_exponent=_count(parts.exponent or "", symbols.digits),
    )


def _count(text: str, characters: str | frozenset[str]) -> int:
    return sum(character in characters for character in text)


def _grouping(part: str, integer: str, symbols: Symbols, *, from_left: bool) -> tuple[int, ...]:
    """For each grouping separator, the number of digits on its left or right."""
    left = list(accumulate((character in symbols.counted for character in part), initial=0))
    places = []
    place = part.find(symbols.grouping_separator)
    while place >= 0:
        before = left[min(place, len(part))]
        places.append(before if from_left else left[-1] - before)
        place = integer.find(symbols.grouping_separator, place + 1)
    return tuple(places)


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """A parsed number picture."""

    symbols: Symbols
    positive: _Variables
    negative: _Variables

    def write(self, value: float) -> str:
        """The text of a number. Raises D1001 and U1001."""
        symbols = self.symbols
        variables = self.positive if value >= 0 else self.negative
        adjusted = number(number(value) * self._factor(variables))
        exponent = 0
        if variables.least_exponent:
            adjusted, exponent = _normalised(adjusted, variables.scaling)
        text = self._grouped(self._padded(adjusted, variables), variables)
        point = text.find(symbols.decimal_separator)
        if symbols.decimal_separator not in variables.picture or point == len(text) - 1:
            text = text[:-1]
        if variables.least_exponent:
            digits = self._fixed(exponent, 0)
            zeros = symbols.zero_digit * (variables.least_exponent - len(digits))
            text += symbols.exponent_separator + (symbols.minus_sign if exponent < 0 else "") + zeros + digits
        return join(variables.prefix + text + variables.suffix)

    def _factor(self, variables: _Variables) -> int:
        if self.symbols.percent in variables.picture:
            return 100
        return 1000 if self.symbols.per_mille in variables.picture else 1

    def _padded(self, value: float, variables: _Variables) -> str:
        """The digits of a number with the point and the required zeros (bullets 6 to 9)."""
        zero, separator = self.symbols.zero_digit, self.symbols.decimal_separator
        text = self._fixed(round_(value, variables.most_fraction), variables.most_fraction)
        text = text.replace(".", separator, 1) if "." in text else text + separator
        if len(zero) == 1:
            text = text.strip(zero)
        point = text.find(separator)
        before = zero * (variables.least_integer - point)
        after = zero * (variables.least_fraction - (len(text) - point - 1))
        return before + text + after

    def _fixed(self, value: float, places: int) -> str:
        """`Math.abs(value).toFixed(places)`, in the digits of the script."""
        if abs(value) < _LARGEST_FIXED:
            text = format(Decimal(abs(value)).quantize(Decimal(1).scaleb(-places), context=_ROUNDING), "f")
        else:
            text = number_text(abs(value))
        if self.symbols.zero_digit == "0":
            return text
        return "".join(self.symbols.digits[int(each)] if each.isdigit() else each for each in text)

    def _grouped(self, text: str, variables: _Variables) -> str:
        """The digits with grouping separators (bullets 10 and 11)."""
        separator = self.symbols.grouping_separator
        point = text.find(self.symbols.decimal_separator)
        if variables.interval:
            for place in range(point - variables.interval, 0, -variables.interval):
                text = text[:place] + separator + text[place:]
        else:
            for shift, digits in enumerate(variables.integer_grouping):
                place = point + shift - digits
                text = text[:place] + separator + text[place:]
        point = text.find(self.symbols.decimal_separator)
        for digits in variables.fraction_grouping:
            place = digits + point + 1
            text = text[:place] + separator + text[place:]
        return text


def _normalised(value: float, scaling: int) -> tuple[float, int]:
    """Mantissa and exponent, the mantissa with `scaling` digits before the point (bullet 5)."""
    if value <= 0:
        raise JSONataError(TIMEOUT)  # no power of ten brings it into range
    mantissa, exponent = float(value), 0
    least, most = float(f"1e{scaling - 1}"), float(f"1e{scaling}")
    while mantissa < least:
        mantissa *= 10
        exponent -= 1
    while mantissa > most:
        mantissa /= 10
        exponent += 1
    return number(mantissa), exponent
