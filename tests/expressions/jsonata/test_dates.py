"""Dates written and read: `$now`, `$millis`, `$fromMillis`, `$toMillis`.

Expected values are those of jsonata-js 2.0.6, where it has one.
"""

from __future__ import annotations

import time

import pytest

from express.expressions.jsonata.evaluation import Evaluation, Limits
from express.expressions.jsonata.functions import BUILTINS
from express.expressions.jsonata.values import UNDEFINED, Value
from tests.expressions.jsonata.calling import call, exactly, label, refused

#: 2023-11-14T22:13:20.123Z
NOW = 1_700_000_000_123


@pytest.fixture(autouse=True)
def fixed_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: NOW * 1_000_000)


RESULTS: list[tuple[str, list[Value], Value]] = [
    ("fromMillis", [0], "1970-01-01T00:00:00.000Z"),
    ("fromMillis", [1521801216617], "2018-03-23T10:33:36.617Z"),
    ("fromMillis", [-1], "1969-12-31T23:59:59.999Z"),
    ("fromMillis", [1.9], "1970-01-01T00:00:00.001Z"),
    ("fromMillis", [-62135596800000], "0001-01-01T00:00:00.000Z"),
    ("fromMillis", [-62167219200000], "0000-01-01T00:00:00.000Z"),
    ("fromMillis", [253402300800000], "0000-01-01T00:00:00.000Z"),
    ("fromMillis", [8640000000000000], "5760-09-13T00:00:00.000Z"),
    ("fromMillis", [-8640000000000000], "-1821-04-20T00:00:00.000Z"),
    ("fromMillis", [8640000000000001], "0NaN-NaN-NaNTNaN:NaN:NaN.NaNZ"),
    ("fromMillis", [1521801216617, "[Y]"], "2018"),
    ("fromMillis", [1521801216617, "[Y0001]"], "2018"),
    ("fromMillis", [1521801216617, "[Y,2]"], "18"),
    ("fromMillis", [1521801216617, "[Y,2-2]"], "18"),
    ("fromMillis", [1521801216617, "[Y,*-3]"], "018"),
    ("fromMillis", [1521801216617, "[Y##01,2-2]"], "18"),
    ("fromMillis", [1521801216617, "[Y9,999,*]"], "2,018"),
    ("fromMillis", [1521801216617, "[YI]"], "MMXVIII"),
    ("fromMillis", [1521801216617, "[Yw]"], "two thousand and eighteen"),
    ("fromMillis", [1521801216617, "[M]"], "3"),
    ("fromMillis", [1521801216617, "[M01]"], "03"),
    ("fromMillis", [1521801216617, "[MN]"], "MARCH"),
    ("fromMillis", [1521801216617, "[Mn]"], "march"),
    ("fromMillis", [1521801216617, "[MNn]"], "March"),
    ("fromMillis", [1521801216617, "[MNn,3]"], "March"),
    ("fromMillis", [1521801216617, "[MNn,3-3]"], "Mar"),
    ("fromMillis", [1521801216617, "[MN,*-3]"], "MAR"),
    ("fromMillis", [1521801216617, "[MNn,0-0]"], ""),
    ("fromMillis", [1521801216617, "[MA]"], "C"),
    ("fromMillis", [1521801216617, "[D]"], "23"),
    ("fromMillis", [1521801216617, "[D1o]"], "23rd"),
    ("fromMillis", [1521801216617, "[Dwo]"], "twenty-third"),
    ("fromMillis", [1521801216617, "[DWw]"], "Twenty-Three"),
    ("fromMillis", [1521801216617, "[D01,1-1]"], "23"),
    ("fromMillis", [1521801216617, "[d]"], "82"),
    ("fromMillis", [1521801216617, "[d001]"], "082"),
    ("fromMillis", [1521801216617, "[F]"], "friday"),
    ("fromMillis", [1521801216617, "[F1]"], "5"),
    ("fromMillis", [1521801216617, "[FN]"], "FRIDAY"),
    ("fromMillis", [1521801216617, "[FNn,3-3]"], "Fri"),
    ("fromMillis", [1521801216617, "[FNn,2-2]"], "Fr"),
    ("fromMillis", [1521801216617, "[W]"], "12"),
    ("fromMillis", [1521801216617, "[w]"], "4"),
    ("fromMillis", [1521801216617, "[X]"], "2018"),
    ("fromMillis", [1521801216617, "[x]"], "3"),
    ("fromMillis", [1521801216617, "[xNn]"], "March"),
    ("fromMillis", [1521801216617, "[H]"], "10"),
    ("fromMillis", [1521801216617, "[H01]"], "10"),
    ("fromMillis", [1521801216617, "[h]"], "10"),
    ("fromMillis", [1521801216617, "[hw]"], "ten"),
    ("fromMillis", [1521801216617, "[P]"], "am"),
    ("fromMillis", [1521801216617, "[PN]"], "AM"),
    ("fromMillis", [1521801216617, "[PNn]"], "am"),
    ("fromMillis", [1521801216617, "[P1]"], "am"),
    ("fromMillis", [1521801216617, "[m]"], "33"),
    ("fromMillis", [1521801216617, "[m1]"], "33"),
    ("fromMillis", [1521801216617, "[s]"], "36"),
    ("fromMillis", [1521801216617, "[s,1]"], "36"),
    ("fromMillis", [1521801216617, "[f]"], "617"),
    ("fromMillis", [1521801216617, "[f001]"], "617"),
    ("fromMillis", [1521801216617, "[f01]"], "617"),
    ("fromMillis", [1521801216617, "[Z]"], "+00:00"),
    ("fromMillis", [1521801216617, "[z]"], "GMT+00:00"),
    ("fromMillis", [1521801216617, "[Z01:01t]"], "Z"),
    ("fromMillis", [1521801216617, "[Z0]"], "+0"),
    ("fromMillis", [1521801216617, "[Z00]"], "+00"),
    ("fromMillis", [1521801216617, "[Z0101]"], "+0000"),
    ("fromMillis", [1521801216617, "[Z01-01]"], "+00-00"),
    ("fromMillis", [1521801216617, "[C]"], "ISO"),
    ("fromMillis", [1521801216617, "[E]"], "ISO"),
    ("fromMillis", [1521801216617, "[CN]"], "ISO"),
    ("fromMillis", [1521801216617, "[Q1]"], "undefined"),
    ("fromMillis", [1521801216617, "[,2]"], "undefined"),
    ("fromMillis", [1521801216617, "[[Y]]"], "[Y]"),
    ("fromMillis", [1521801216617, "a]]b"], "a]b"),
    ("fromMillis", [1521801216617, "a]b"], "a]b"),
    ("fromMillis", [1521801216617, " [ Y 00 01 ] "], " 2018 "),
    ("fromMillis", [1521801216617, "[H#1]:[m\u0660\u0660]"], "10:\u0663\u0663"),
    ("fromMillis", [1521801216617, "[D1c]"], "23"),
    ("fromMillis", [1521801216617, "[Mn] [D1,2] x"], "march 23 x"),
    ("fromMillis", [1521801216617, "[Y,x]"], "2018"),
    ("fromMillis", [1521801216617, "[Y,2-x]"], "NaN"),
    ("fromMillis", [1521801216617, "[FI]"], "V"),
    ("fromMillis", [1521801216617, "[Ya1]"], "2a0a1a8"),
    ("fromMillis", [1521801216617, "[H01]:[m01] [Z]", "+0530"], "16:03 +05:30"),
    ("fromMillis", [1521801216617, "[H01]:[m01] [Z]", "-0500"], "05:33 -05:00"),
    ("fromMillis", [1521801216617, "[H01]:[m01] [Z]", "-0530"], "04:03 -06:30"),
    ("fromMillis", [1521801216617, "[H01]:[m01] [Z]", "0000"], "10:33 +00:00"),
    ("fromMillis", [1521801216617, "[H01]:[m01] [Z]", "-0000"], "10:33 +00:00"),
    ("fromMillis", [1521801216617, "[H01]:[m01] [Z]", "Z"], "NaN:NaN 0N:aN"),
    ("fromMillis", [1521801216617, "[H01]:[m01] [Z]", "+1400"], "00:33 +14:00"),
    ("fromMillis", [1521801216617, "[H01]:[m01] [Z]", "+0015"], "10:48 +00:15"),
    ("fromMillis", [1521801216617, "[H01]:[m01] [Z]", "-0015"], "09:18 -01:15"),
    ("fromMillis", [1521801216617, "[H01]:[m01] [Z]", "5"], "10:38 +00:05"),
    ("fromMillis", [1521801216617, "[H01]:[m01] [Z]", "+01:00"], "10:34 +00:01"),
    ("fromMillis", [1521801216617, "[Z0]", "+0530"], "+5:30"),
    ("fromMillis", [1521801216617, "[Z0]", "-0530"], "-6:-30"),
    ("fromMillis", [1521801216617, "[z0001]", "-0530"], "GMT-0630"),
    ("fromMillis", [1521801216617, "[Z01:01t]", "0000"], "Z"),
    ("fromMillis", [1521801216617, "[Z01:01]", "0000"], "+00:00"),
    ("fromMillis", [1521801216617, "[MNn]", "x"], "undefined"),
    ("fromMillis", [1521801216617, "[YI][Ya]|[P]", "x"], "|am"),
    ("fromMillis", [-62104060800000, "[Y] [d] [F1] [W] [X] [w] [x]"], "2 1 2 1 1 1 12"),
    ("fromMillis", [-59042908800000, "[Y] [d] [F1] [W] [X] [w] [x]"], "99 2 5 53 98 5 12"),
    ("fromMillis", [-59011459200000, "[Y] [d] [F1] [W] [X] [w] [x]"], "100 1 5 -99085 99 -99132 12"),
    ("fromMillis", [1230767999999, "[Y] [d] [F1] [W] [X] [w] [x]"], "2008 366 3 1 2009 1 1"),
    ("fromMillis", [1230768000000, "[Y] [d] [F1] [W] [X] [w] [x]"], "2009 1 4 1 2009 1 1"),
    ("fromMillis", [1262304000000, "[Y] [d] [F1] [W] [X] [w] [x]"], "2010 1 5 53 2009 5 12"),
    ("fromMillis", [1293840000000, "[Y] [d] [F1] [W] [X] [w] [x]"], "2011 1 6 52 2010 5 12"),
    ("fromMillis", [1356912000000, "[Y] [d] [F1] [W] [X] [w] [x]"], "2012 366 1 1 2013 1 1"),
    ("fromMillis", [1388448000000, "[Y] [d] [F1] [W] [X] [w] [x]"], "2013 365 2 1 2014 1 1"),
    ("fromMillis", [1451606400000, "[Y] [d] [F1] [W] [X] [w] [x]"], "2016 1 5 53 2015 5 12"),
    ("fromMillis", [1483142400000, "[Y] [d] [F1] [W] [X] [w] [x]"], "2016 366 6 52 2016 5 12"),
    ("fromMillis", [1609372800000, "[Y] [d] [F1] [W] [X] [w] [x]"], "2020 366 4 53 2020 5 12"),
    ("fromMillis", [1640995200000, "[Y] [d] [F1] [W] [X] [w] [x]"], "2022 1 6 52 2021 5 12"),
    ("fromMillis", [1706745600000, "[Y] [d] [F1] [W] [X] [w] [x]"], "2024 32 4 5 2024 1 2"),
    ("fromMillis", [1709164800000, "[Y] [d] [F1] [W] [X] [w] [x]"], "2024 60 4 9 2024 5 2"),
    ("fromMillis", [1727740800000, "[Y] [d] [F1] [W] [X] [w] [x]"], "2024 275 2 40 2024 1 10"),
    ("fromMillis", [8640000000000000, "[Y] [d] [F1] [W] [X] [w] [x]"], "275760 257 6 37 275760 2 9"),
    ("fromMillis", [-8640000000000000, "[Y] [d] [F1] [W] [X] [w] [x]"], "-271821 NaN 2 NaN -271821 NaN 4"),
    ("toMillis", ["2018"], 1514764800000),
    ("toMillis", ["2018-02"], 1517443200000),
    ("toMillis", ["2018-02-03"], 1517616000000),
    ("toMillis", ["2018-02-30"], 1519948800000),
    ("toMillis", ["2018-02-03T04:05:06"], 1517630706000),
    ("toMillis", ["2018-02-03T04:05:06Z"], 1517630706000),
    ("toMillis", ["2018-02-03T04:05:06.7Z"], 1517630706700),
    ("toMillis", ["2018-02-03T04:05:06.7899+01:00"], 1517627106789),
    ("toMillis", ["2018-02-03T04:05:06-0130"], 1517636106000),
    ("toMillis", ["2018-02-03T24:00:00Z"], 1517702400000),
    ("toMillis", ["2018T01:02:03Z"], 1514768523000),
    ("toMillis", ["0000"], -62167219200000),
    ("toMillis", ["0001-01-01T00:00:00Z"], -62135596800000),
    ("toMillis", ["0050"], -60589296000000),
    ("toMillis", ["9999-12-31T23:59:59.999Z"], 253402300799999),
    ("toMillis", ["2018-02-03Z"], 1517616000000),
    ("toMillis", ["2018-02-03T04:05:06+23:59"], 1517544366000),
    ("toMillis", ["2018-03-23", "[Y0001]-[M01]-[D01]"], 1521763200000),
    ("toMillis", ["23/3/18", "[D]/[M]/[Y]"], -1633996800000),
    ("toMillis", ["3/2018", "[M]/[Y]"], 1519862400000),
    ("toMillis", ["2018", "[Y]"], 1514764800000),
    ("toMillis", ["18", "[Y]"], -1640995200000),
    ("toMillis", ["99", "[Y0,2-2]"], 915148800000),
    ("toMillis", ["2018-082", "[Y]-[d001]"], 1521763200000),
    ("toMillis", ["2016-366", "[Y]-[d]"], 1483142400000),
    ("toMillis", ["82", "[d]"], 1679609600123),
    ("toMillis", ["March 23, 2018", "[MNn] [D], [Y]"], 1521763200000),
    ("toMillis", ["Mar 23 2018", "[MNn,3-3] [D] [Y]"], 1521763200000),
    ("toMillis", ["Friday 23 March 2018", "[FNn] [D] [MNn] [Y]"], 1521763200000),
    ("toMillis", ["23rd March 2018", "[D1o] [MNn] [Y]"], 1521763200000),
    ("toMillis", ["Twenty-Third of March, Two Thousand and Eighteen", "[Dwo] of [MNn], [Yw]"], 1521763200000),
    ("toMillis", ["MMXVIII-iii-w", "[YI]-[Mi]-[Da]"], 1521763200000),
    ("toMillis", ["10:33", "[H01]:[m01]"], 1699957980000),
    ("toMillis", ["10:33:36.617", "[H01]:[m01]:[s01].[f001]"], 1699958016617),
    ("toMillis", ["10:33 pm", "[h]:[m] [P]"], 1700001180000),
    ("toMillis", ["12:05 AM", "[h]:[m] [PN]"], 1699920300000),
    ("toMillis", ["12:05 PM", "[h]:[m] [PN]"], 1699963500000),
    ("toMillis", ["5", "[h]"], 1699938000000),
    ("toMillis", ["xx", "[P]"], 1700000000123),
    ("toMillis", ["00:30", "[H01]:[m01]"], 1699921800000),
    ("toMillis", ["2018-03-23T10:33:36.617Z", "[Y]-[M01]-[D01]T[H01]:[m01]:[s01].[f001]Z"], 1521801216617),
    ("toMillis", ["2018-03-23T10:33:36+05:30", "[Y]-[M01]-[D01]T[H01]:[m01]:[s01][Z01:01]"], 1521781416000),
    ("toMillis", ["2018-03-23T10:33:36-0530", "[Y]-[M01]-[D01]T[H01]:[m01]:[s01][Z0101]"], 1521817416000),
    ("toMillis", ["2018-03-23T10:33:36+5", "[Y]-[M01]-[D01]T[H01]:[m01]:[s01][Z0]"], 1521783216000),
    ("toMillis", ["2018-03-23T10:33:36GMT-05:00", "[Y]-[M01]-[D01]T[H01]:[m01]:[s01][z]"], 1521819216000),
    ("toMillis", ["+01.30", "[Z01.01]"], 1699994600123),
    ("toMillis", ["1,234", "[Y9,999,*]"], UNDEFINED),
    ("toMillis", ["2018-14-33", "[Y]-[M]-[D]"], 1551744000000),
    ("toMillis", ["0-1-1", "[Y]-[M]-[D]"], -2208988800000),
    ("toMillis", ["50-1-1", "[Y]-[M]-[D]"], -631152000000),
    ("toMillis", ["x2018", "x[Y]"], 1514764800000),
    ("toMillis", ["X2018", "x[Y]"], 1514764800000),
    ("toMillis", ["[2018]", "[[[Y]]]"], 1514764800000),
    ("toMillis", ["2018 ", "[Y]"], UNDEFINED),
    ("toMillis", ["20180323", "[Y0001][M01][D01]"], 1521763200000),
    ("toMillis", ["", "x"], UNDEFINED),
    ("toMillis", ["x", "x"], UNDEFINED),
    ("toMillis", ["2018-12-5", "[Y]-[W]-[F1]"], 1514764800000),
    ("toMillis", ["5", "[F1]"], 1700000000123),
]

RESULTS += [
    ("now", [], "2023-11-14T22:13:20.123Z"),
    ("now", ["[h]:[m] [P]", "-0500"], "5:13 pm"),
    ("millis", [], NOW),
    ("fromMillis", [UNDEFINED], UNDEFINED),
    ("toMillis", [UNDEFINED], UNDEFINED),
    ("fromMillis", [0, UNDEFINED, "0100"], "1970-01-01T01:00:00.000+01:00"),
]

CODES: list[tuple[str, list[Value], str]] = [
    ("fromMillis", [1521801216617, "[Y;o]"], "D3130"),
    ("fromMillis", [1521801216617, "[YN]"], "D3133"),
    ("fromMillis", [1521801216617, "[dn]"], "D3133"),
    ("fromMillis", [1521801216617, "[Do]"], "D3130"),
    ("fromMillis", [1521801216617, "[Y0\u0660]"], "D3131"),
    ("fromMillis", [1521801216617, "[]"], "D3132"),
    ("fromMillis", [1521801216617, "[Q]"], "D3132"),
    ("fromMillis", [1521801216617, "[Y"], "D3135"),
    ("fromMillis", [1521801216617, "[Z010101]"], "D3134"),
    ("fromMillis", [1521801216617, "[ZN]"], "D3134"),
    ("fromMillis", [1521801216617, "[Zo]"], "D3134"),
    ("toMillis", ["2018-2-3"], "D3110"),
    ("toMillis", ["2018-02-03T04:05"], "D3110"),
    ("toMillis", ["2018-02-03 04:05:06"], "D3110"),
    ("toMillis", [""], "D3110"),
    ("toMillis", ["x"], "D3110"),
    ("toMillis", ["20180203"], "D3110"),
    ("toMillis", ["2018-02-03T04:05:06z"], "D3110"),
    ("toMillis", [" 2018"], "D3110"),
    ("toMillis", ["2018\n"], "D3110"),
    ("toMillis", ["2018-082 5", "[Y]-[d001] [H]"], "D3136"),
    ("toMillis", ["march 23, 2018", "[MNn] [D], [Y]"], "D3136"),
    ("toMillis", ["Xyz 23 2018", "[MNn,3-3] [D] [Y]"], "D3136"),
    ("toMillis", ["twenty-third of march, two thousand and eighteen", "[Dw] of [Mn], [Yw]"], "D3136"),
    ("toMillis", ["2018 10", "[Y] [H]"], "D3136"),
    ("toMillis", ["3 10:05", "[M] [H]:[m]"], "D3136"),
    ("toMillis", ["10 36", "[H] [s]"], "D3136"),
    ("toMillis", ["2018-W12", "[X]-W[W]"], "D3136"),
    ("toMillis", ["2018-3 2", "[X]-[x] [w]"], "D3136"),
    ("toMillis", ["march", "[YNn]"], "D3133"),
    ("toMillis", ["x", "[C]"], "D3133"),
    ("toMillis", ["x", "[f"], "D3135"),
    ("toMillis", ["5", "[Do]"], "D3130"),
    ("toMillis", ["5", "[Q1]"], "D3133"),
]

#: Where jsonata-js gives not a number, or fails without a code.
NO_CODE_IN_JAVASCRIPT: list[tuple[str, list[Value], str]] = [
    ("fromMillis", [1521801216617, "[fN]"], "D3133"),
    ("fromMillis", [1521801216617, "[H,2000000]"], "U1002"),
    ("fromMillis", [1521801216617, "[MN]", "x"], "D3133"),
    ("fromMillis", [1521801216617, "[Yw]", "x"], "U1003"),
    ("toMillis", ["2018-13-01"], "D3110"),
    ("toMillis", ["2018-00-01"], "D3110"),
    ("toMillis", ["2018-02-32"], "D3110"),
    ("toMillis", ["2018-02-00"], "D3110"),
    ("toMillis", ["2018-02-03T24:00:01Z"], "D3110"),
    ("toMillis", ["2018-02-03T25:00:00Z"], "D3110"),
    ("toMillis", ["2018-02-03T04:05:06+24:00"], "D3110"),
    ("toMillis", ["2018-02-03+01:00"], "D3110"),
    ("toMillis", ["275761-1-1", "[Y]-[M]-[D]"], "D3110"),
    ("toMillis", ["5", "[Z01(01]"], "S0303"),
]


@pytest.mark.parametrize(("name", "arguments", "expected"), RESULTS, ids=label)
def test_results(name: str, arguments: list[Value], expected: Value) -> None:
    assert exactly(call(name, *arguments)) == exactly(expected)


@pytest.mark.parametrize(("name", "arguments", "code"), CODES + NO_CODE_IN_JAVASCRIPT, ids=label)
def test_errors(name: str, arguments: list[Value], code: str) -> None:
    assert refused(name, *arguments).code == code


def test_all_of_an_evaluation_is_one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(NOW, NOW + 10))
    monkeypatch.setattr(time, "time_ns", lambda: next(ticks) * 1_000_000)
    evaluation = Evaluation(Limits())
    moments = [BUILTINS["millis"].implementation(evaluation) for _ in range(3)]
    assert moments == [NOW, NOW, NOW]
    assert BUILTINS["now"].implementation(evaluation, UNDEFINED, UNDEFINED) == "2023-11-14T22:13:20.123Z"
    assert BUILTINS["toMillis"].implementation(evaluation, "2000", "[Y]") == 946_684_800_000
    assert BUILTINS["toMillis"].implementation(evaluation, "1:02:03.004", "[H]:[m]:[s].[f001]") == 1_699_923_723_004


@pytest.mark.parametrize(
    "millis", [0, 1, 951_782_400_000, 1_582_934_400_000, 4_102_444_799_999, -1, -2_208_988_800_000]
)
@pytest.mark.parametrize(
    "picture",
    [
        "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001]",
        "[D1o] [MNn] [Y0001], [h]:[m01]:[s01].[f001] [P]",
        "[Ya]/[MI]/[Di]/[H]/[m]/[s]/[f]",
    ],
)
def test_what_is_written_can_be_read(millis: int, picture: str) -> None:
    assert call("toMillis", call("fromMillis", millis, picture), picture) == millis


BOUNDED: list[tuple[str, list[Value], str]] = [
    ("fromMillis", [0, "[Y,900000]" * 100], "U1001"),
    ("toMillis", ["1" * 50, "[Y]" * 5_000], "U1001"),
    ("toMillis", ["one " * 20_000 + "1x", "[Yw][Mw][Dw]x"], "U1001"),
]


@pytest.mark.parametrize(("name", "arguments", "code"), BOUNDED, ids=label)
def test_bounds(name: str, arguments: list[Value], code: str) -> None:
    assert refused(name, *arguments).code == code
