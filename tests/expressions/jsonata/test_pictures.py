"""Numbers by picture, in words and in other bases: `$formatNumber`, `$formatInteger`, `$parseInteger`, `$formatBase`.

Expected values are those of jsonata-js 2.0.6, where it has one.
"""

from __future__ import annotations

import pytest

from express.expressions.jsonata.errors import JSONataError
from express.expressions.jsonata.evaluation import Limits
from express.expressions.jsonata.values import UNDEFINED, Value
from tests.expressions.jsonata.calling import call, exactly, label, refused

RESULTS: list[tuple[str, list[Value], Value]] = [
    ("formatInteger", [123, "0000"], "0123"),
    ("formatInteger", [-3, "000"], "-003"),
    ("formatInteger", [12.7, "0"], "12"),
    ("formatInteger", [-12.2, "0"], "-13"),
    ("formatInteger", [1234567, "#,##0"], "1,234,567"),
    ("formatInteger", [1234567, "#.##0,0"], "123.456,7"),
    ("formatInteger", [1234567, "##,##,##0"], "12,34,567"),
    ("formatInteger", [1234567, "#:###,##0"], "1:234,567"),
    ("formatInteger", [12, "0,0,"], "1,2,"),
    ("formatInteger", [5, "0-00-0"], "0-00-5"),
    ("formatInteger", [1234, "🙂000"], "1🙂234"),
    ("formatInteger", [21, "0;o"], "21st"),
    ("formatInteger", [11, "0;o"], "11th"),
    ("formatInteger", [112, "0;o"], "112th"),
    ("formatInteger", [23, "0;c"], "23"),
    ("formatInteger", [4, "0;x;o"], "4;xth"),
    ("formatInteger", [42, "\u0660"], "\u0664\u0662"),
    ("formatInteger", [1234567, "#,##\u0660"], "\u0661,\u0662\u0663\u0664,\u0665\u0666\u0667"),
    ("formatInteger", [1e21, "0"], "1e+21"),
    ("formatInteger", [1.5e300, "#,##0"], "1.,5e+,300"),
    ("formatInteger", [9007199254740994, "0"], "9007199254740994"),
    ("formatInteger", [0, "A"], ""),
    ("formatInteger", [26, "A"], "Z"),
    ("formatInteger", [27, "a"], "aa"),
    ("formatInteger", [703, "A"], "AAA"),
    ("formatInteger", [-28, "a"], "-ab"),
    ("formatInteger", [1e17, "a"], "aafiwckseovfe"),
    ("formatInteger", [0, "I"], ""),
    ("formatInteger", [1994, "I"], "MCMXCIV"),
    ("formatInteger", [3999, "i"], "mmmcmxcix"),
    ("formatInteger", [4999, "i"], "mmmmcmxcix"),
    ("formatInteger", [0, "w"], "zero"),
    ("formatInteger", [13, "Ww"], "Thirteen"),
    ("formatInteger", [40, "w"], "forty"),
    ("formatInteger", [100, "w;o"], "one hundredth"),
    ("formatInteger", [20, "w;o"], "twentieth"),
    ("formatInteger", [21, "w;o"], "twenty-first"),
    ("formatInteger", [90, "Ww;o"], "Ninetieth"),
    ("formatInteger", [1000, "w;o"], "one thousandth"),
    ("formatInteger", [1000000, "w;o"], "one millionth"),
    ("formatInteger", [1001, "w"], "one thousand and one"),
    ("formatInteger", [1100, "w"], "one thousand, one hundred"),
    ("formatInteger", [110000, "w"], "one hundred and ten thousand"),
    ("formatInteger", [-1234, "W"], "-ONE THOUSAND, TWO HUNDRED AND THIRTY-FOUR"),
    ("formatInteger", [1000000000000000.0, "w"], "one thousand trillion"),
    ("formatInteger", [1e24, "w"], "one trillion trillion"),
    (
        "formatInteger",
        [1234567890123, "Ww"],
        "One Trillion, Two Hundred and Thirty-Four Billion, Five Hundred and Sixty-Seven Million, Eight Hundred and Ninety Thousand, One Hundred and Twenty-Three",
    ),
    (
        "formatInteger",
        [999999999999999, "w;o"],
        "nine hundred and ninety-nine trillion, nine hundred and ninety-nine billion, nine hundred and ninety-nine million, nine hundred and ninety-nine thousand, nine hundred and ninety-ninth",
    ),
    ("parseInteger", ["1,234", "#,##0"], 1234),
    ("parseInteger", ["1.234,5", "#.##0,0"], 12345),
    ("parseInteger", ["1-00-5", "0-00-0"], 1005),
    ("parseInteger", ["12th", "0;o"], 12),
    ("parseInteger", ["0x1F", "0"], 31),
    ("parseInteger", ["-0x1f", "0"], -31),
    ("parseInteger", [" \ufeff42px", "0"], 42),
    ("parseInteger", ["1e3", "0"], 1),
    ("parseInteger", ["\u0664\u0662", "\u0660"], 42),
    ("parseInteger", ["12345678901234567890", "0"], 1.2345678901234567e19),
    ("parseInteger", ["ZZ", "A"], 702),
    ("parseInteger", ["ab", "a"], 28),
    ("parseInteger", ["AB", "a"], -836),
    ("parseInteger", ["MCMXCIV", "I"], 1994),
    ("parseInteger", ["iiii", "i"], 4),
    ("parseInteger", ["IIX", "I"], 8),
    ("parseInteger", ["", "I"], 0),
    ("parseInteger", ["twelve", "w"], 12),
    ("parseInteger", ["TWENTY-ONE", "W"], 21),
    ("parseInteger", ["One Hundred and Two", "Ww"], 102),
    ("parseInteger", ["one million, two thousand", "w"], 1002000),
    ("parseInteger", ["twelfth", "w;o"], 12),
    ("parseInteger", ["ten trillion trillion", "w"], 1e25),
    ("parseInteger", ["two hundred thousandth", "w"], 200000),
    ("parseInteger", ["seven\\ten", "w"], 17),
    ("parseInteger", ["seven\xa0and\xa0ten", "w"], 17),
    ("parseInteger", ["hundred", "w"], 0),
    ("formatBase", [100, 2], "1100100"),
    ("formatBase", [-100, 16], "-64"),
    ("formatBase", [99.5, 10], "100"),
    ("formatBase", [100.5, 10], "100"),
    ("formatBase", [255, 36], "73"),
    ("formatBase", [0, 2], "0"),
    ("formatBase", [2.5, 2.5], "10"),
    ("formatBase", [1e21, 10], "1e+21"),
    ("formatBase", [1e21, 16], "3635c9adc5dea00000"),
    ("formatBase", [9007199254740992, 3], "1121202011211211122211100012101112"),
    ("formatBase", [7.822686139653117e22, 36], "cql70owwe1s0000"),
    ("formatBase", [1.5e300, 36], "n87ft250o8w" + "0" * 182),
    ("formatBase", [0.4, 7], "0"),
    ("formatBase", [-0.4, 7], "0"),
    ("formatBase", [5, 36.4], "5"),
    ("formatBase", [5, 1.5], "101"),
    ("formatNumber", [12345.6, "#,###.00"], "12,345.60"),
    ("formatNumber", [12345678.9, "9,999.99"], "12,345,678.90"),
    ("formatNumber", [123.9, "9999"], "0124"),
    ("formatNumber", [0.14, "01%"], "14%"),
    ("formatNumber", [0.14, "001‰"], "140‰"),
    ("formatNumber", [-6, "000"], "-006"),
    ("formatNumber", [1234.5678, "00.000e0"], "12.346e2"),
    ("formatNumber", [0.234, "0.0e0"], "2.3e-1"),
    ("formatNumber", [0.0234, "#.00e0"], "0.23e-1"),
    ("formatNumber", [123456, "0.0e000"], "1.2e005"),
    ("formatNumber", [1e-07, "#e0"], "0.e-6"),
    ("formatNumber", [-5, "#,##0;(#,##0)"], "(5)"),
    ("formatNumber", [5, "#,##0;(#,##0)"], "5"),
    ("formatNumber", [5, "0;-0"], "5"),
    ("formatNumber", [0, "#"], "0"),
    ("formatNumber", [0, "#.#"], ".0"),
    ("formatNumber", [0, ".#"], ".0"),
    ("formatNumber", [0.5, "#"], "0"),
    ("formatNumber", [1.5, "#"], "2"),
    ("formatNumber", [2.5, "0"], "2"),
    ("formatNumber", [0.125, "0.00"], "0.12"),
    ("formatNumber", [0.375, "0.00"], "0.38"),
    ("formatNumber", [1.005, "0.00"], "1.00"),
    ("formatNumber", [-0.4, "0"], "-0"),
    ("formatNumber", [1e21, "0"], "1e+21"),
    ("formatNumber", [1e25, "#,##0"], "1e,+25"),
    ("formatNumber", [123456789, "#,##,##0"], "1234,56,789"),
    ("formatNumber", [123456789, "##,####,#0"], "123,4567,89"),
    ("formatNumber", [12345, "#,#,##0"], "1,2,345"),
    ("formatNumber", [5, "000,000"], "000,005"),
    ("formatNumber", [0.123456789, "0.###,###"], "0.123,457"),
    ("formatNumber", [0.123456789, "#,##0.00,00"], "0.12,35"),
    ("formatNumber", [314977052457054617, "%a00  ;0."], "%a31497705245705457664  "),
    ("formatNumber", [1, "$0.00 USD"], "$1.00 USD"),
    ("formatNumber", [1, "'0'"], "'1'"),
    ("formatNumber", [5, "0e0"], "5e0"),
    ("formatNumber", [15, "0.0#e0 x"], "1.5e1 x"),
    ("formatNumber", [1152921504606846976, "0"], "1152921504606846976"),
    ("formatNumber", [1, "0." + "0" * 100], "1." + "0" * 100),
    ("formatNumber", [1234.5, "#.##0,0", {"decimal-separator": ",", "grouping-separator": "."}], "1.234,5"),
    ("formatNumber", [1234.5, "#,##\u0660.\u0660", {"zero-digit": "\u0660"}], "\u0661,\u0662\u0663\u0664.\u0665"),
    ("formatNumber", [-1234.5, "#,##0.0", {"minus-sign": "\u2212"}], "\u22121,234.5"),
    ("formatNumber", [0.5, "0pc", {"percent": "pc"}], "50pc"),
    ("formatNumber", [5, "0|(0)", {"pattern-separator": "|"}], "5"),
    ("formatNumber", [1234, "0.0E0", {"exponent-separator": "E"}], "1.2E3"),
    ("formatNumber", [12, "!!", {"digit": "!"}], "12"),
    ("formatNumber", [12, "0", {"foo": "x", "NaN": "y"}], "12"),
    ("formatNumber", [5, "05", {"pattern-separator": ""}], "5"),
    ("formatNumber", [5, "a0", {"zero-digit": "a"}], "f0"),
    ("formatNumber", [15, "00", {"zero-digit": "00"}], "15"),
]

RESULTS += [(name, [UNDEFINED, "0"], UNDEFINED) for name in ("formatInteger", "parseInteger", "formatNumber")]

CODES: list[tuple[str, list[Value], str]] = [
    ("formatInteger", [5, "\u03b1"], "D3130"),
    ("formatInteger", [5, "#"], "D3130"),
    ("formatInteger", [5, ""], "D3130"),
    ("formatInteger", [5, "0\u0660"], "D3131"),
    ("parseInteger", ["5", "\u03b1"], "D3130"),
    ("parseInteger", ["5", "0\u0660"], "D3131"),
    ("formatBase", [5, 1], "D3100"),
    ("formatBase", [5, 37], "D3100"),
    ("formatNumber", [12.5, "a0.0e0"], "D3093"),
    ("formatNumber", [1, "0;0;0"], "D3080"),
    ("formatNumber", [1, "0.0.0"], "D3081"),
    ("formatNumber", [1, "0%%"], "D3082"),
    ("formatNumber", [1, "0‰‰"], "D3083"),
    ("formatNumber", [1, "0%‰"], "D3084"),
    ("formatNumber", [1, "."], "D3085"),
    ("formatNumber", [1, "#a0"], "D3086"),
    ("formatNumber", [1, "0,.0"], "D3087"),
    ("formatNumber", [1, "0,"], "D3088"),
    ("formatNumber", [1, "0,,0"], "D3089"),
    ("formatNumber", [1, "0#"], "D3090"),
    ("formatNumber", [1, "0.#0"], "D3091"),
    ("formatNumber", [1, "0e0%"], "D3092"),
    ("formatNumber", [1, "0e#"], "D3093"),
    ("formatNumber", [1, "0e"], "D3093"),
    ("formatNumber", [1234567, "#🙂##0", {"grouping-separator": "🙂"}], "D3086"),
    ("formatNumber", [5, "0", {"grouping-separator": ""}], "D3089"),
    ("formatNumber", [5, "0", {"percent": ""}], "D3082"),
    ("formatNumber", [5, "0.0", {"decimal-separator": ""}], "D3086"),
]

#: Where jsonata-js gives not a number, or fails without a code.
NO_CODE_IN_JAVASCRIPT: list[tuple[str, list[Value], str]] = [
    ("parseInteger", ["x", "0;o"], "D3030"),
    ("parseInteger", ["", "0"], "D3030"),
    ("parseInteger", ["0x", "0"], "D3030"),
    ("parseInteger", ["42", "\u0660"], "D3030"),
    ("parseInteger", ["9" * 400, "0"], "D1001"),
    ("parseInteger", ["9" * 5000, "0"], "D1001"),
    ("parseInteger", ["a" * 300, "a"], "D1001"),
    ("parseInteger", ["mcx", "I"], "D3030"),
    ("parseInteger", ["seven  ten", "w"], "D3030"),
    ("parseInteger", ["", "w"], "D3030"),
    ("parseInteger", ["constructor", "w"], "D3030"),
    ("formatNumber", [1, ""], "D3085"),
    ("formatNumber", [1, "abc"], "D3086"),
    ("formatNumber", [1, "0." + "0" * 101], "D1001"),
    ("formatNumber", [1e308, "0%"], "D1001"),
    ("formatNumber", [5, "0", {"percent": 5}], "T0410"),
    ("formatNumber", [5, "0", {"zero-digit": ""}], "T0410"),
]

NO_CODE_IN_JAVASCRIPT += [
    ("formatInteger", [1, UNDEFINED], "T0410"),
    ("formatNumber", [1, UNDEFINED], "T0410"),
    # Where jsonata-js never returns.
    ("formatNumber", [0, "0.0e0"], "U1001"),
    ("formatNumber", [-5, "0.0e0"], "U1001"),
]


@pytest.mark.parametrize(("name", "arguments", "expected"), RESULTS, ids=label)
def test_results(name: str, arguments: list[Value], expected: Value) -> None:
    assert exactly(call(name, *arguments)) == exactly(expected)


@pytest.mark.parametrize(("name", "arguments", "code"), CODES + NO_CODE_IN_JAVASCRIPT, ids=label)
def test_errors(name: str, arguments: list[Value], code: str) -> None:
    assert refused(name, *arguments).code == code


BOUNDED: list[tuple[str, list[Value], str]] = [
    ("formatInteger", [2**40, "I"], "U1002"),
    ("formatInteger", [1, "0" * 200_000], "U1001"),
    ("formatNumber", [1, "#," * 100_000 + "0"], "U1001"),
    ("parseInteger", ["1" * 200_000, ",0" * 100_000], "U1001"),
]


@pytest.mark.parametrize(("name", "arguments", "code"), BOUNDED, ids=label)
def test_bounds(name: str, arguments: list[Value], code: str) -> None:
    assert refused(name, *arguments).code == code


def test_what_is_written_is_paid_for() -> None:
    with pytest.raises(JSONataError, match="U1002"):
        call("formatInteger", 900_000, "I", limits=Limits(size=500))


@pytest.mark.parametrize(
    "number", [*range(30), 42, 99, 100, 101, 999, 1000, 1001, 123_456, 10**6, 10**9 + 1, 10**12 + 7]
)
@pytest.mark.parametrize("picture", ["0", "#,##0", "000000", "0;o", "w", "Ww", "W;o", "a", "A", "\u0660"])
def test_what_is_written_can_be_read(number: int, picture: str) -> None:
    written = call("formatInteger", number, picture)
    if written:  # no letter stands for zero
        assert call("parseInteger", written, picture) == number


@pytest.mark.parametrize("number", [1, 4, 9, 14, 40, 90, 400, 999, 1994, 2024, 3888])
def test_roman_numerals_can_be_read(number: int) -> None:
    assert call("parseInteger", call("formatInteger", number, "I"), "I") == number
    assert call("parseInteger", call("formatInteger", number, "i"), "i") == number
