"""Timestamps: which texts are RFC 3339 as AWS accepts it, which instant they name, and how instants are printed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from express.expressions.timestamps import format_timestamp, parse_timestamp
from tests.expressions.recorded import case_params, recorded

SECOND = 1_000_000_000
#: 2016-03-14T01:59:00Z
PI_DAY = 1_457_920_740 * SECOND
YEAR_1, YEAR_9999 = -62_135_596_800 * SECOND, 253_402_300_799 * SECOND


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2016-03-14T01:59:00Z", PI_DAY),
        ("2016-03-14T01:59:00.5Z", PI_DAY + SECOND // 2),
        ("2016-03-14T01:59:00.000000Z", PI_DAY),
        ("2016-03-14T01:59:00.243167252Z", PI_DAY + 243_167_252),
        ("2016-03-14T01:59:00+00:00", PI_DAY),
        ("2016-03-14T01:59:00-00:00", PI_DAY),
        ("2016-03-14T03:59:00+02:00", PI_DAY),
        ("2016-03-13T20:29:00.25-05:30", PI_DAY + SECOND // 4),
        ("1969-12-31T23:59:59.999999999Z", -1),
        ("2016-02-29T00:00:00Z", 1_456_704_000 * SECOND),
        ("0001-01-01T00:00:00Z", YEAR_1),
        ("9999-12-31T23:59:59Z", YEAR_9999),
    ],
)
def test_timestamps(text: str, instant: int) -> None:
    assert parse_timestamp(text) == instant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2016-12-05 21:29:29Z",
        "2016-12-05t21:29:29Z",
        "2016-12-05T21:29:29z",
        "2016-12-05T21:29:29",
        "2016-12-05T21:29Z",
        "2016-12-05",
        "05-12-2016T21:29:29Z",
        "2016-13-05T21:29:29Z",
        "2015-02-29T00:00:00Z",
        "2016-12-05T25:29:29Z",
        "2016-12-05T24:00:00Z",
        "2016-12-05T23:60:00Z",
        "2016-12-05T23:59:60Z",
        "2016-12-05T21:29:29.Z",
        "2016-12-05T21:29:29.1234567890Z",
        "2016-12-05T21:29:29,5Z",
        "2016-12-05T21:29:29+0100",
        "2016-12-05T21:29:29+18:01",
        "2016-12-05T21:29:29+01:60",
        "2016-12-05T21:29:29Z ",
        " 2016-12-05T21:29:29Z",
        "2016-12-05T21:29:29Z\n",
        "٢٠١٦-12-05T21:29:29Z",
        "0000-01-01T00:00:00Z",
        "2025-01-01T00%3A00%3A00Z",
    ],
)
def test_other_texts(text: str) -> None:
    assert parse_timestamp(text) is None


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (PI_DAY, "2016-03-14T01:59:00Z"),
        (PI_DAY + 250_000_000, "2016-03-14T01:59:00.250Z"),
        (PI_DAY + 1_000, "2016-03-14T01:59:00.000001Z"),
        (PI_DAY + 1, "2016-03-14T01:59:00.000000001Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
    ],
)
def test_format_takes_as_few_threes_of_digits_as_it_needs(instant: int, text: str) -> None:
    assert format_timestamp(instant) == text


@given(st.integers(YEAR_1, YEAR_9999))
def test_what_is_printed_reads_back(instant: int) -> None:
    assert parse_timestamp(format_timestamp(instant)) == instant


@pytest.mark.slow
@given(st.datetimes(timezones=st.timezones()).filter(lambda moment: 2 < moment.year < 9998))
def test_offsets_agree_with_the_standard_library(moment: datetime) -> None:
    text = moment.isoformat()
    if len(text.rpartition("+")[2]) > len("12:00") or text.count(":") > 3:
        return  # historical offsets with seconds
    elapsed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    microseconds = (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds
    assert parse_timestamp(text) == microseconds * 1000


def wait_cases() -> list[dict[str, object]]:
    cases = []
    for case in recorded("execution/base__wait.json") + recorded("execution/scenarios__base_scenarios.json"):
        (state, *others) = case["definition"]["States"].values()
        if not others and state["Type"] == "Wait" and any(name.startswith("Timestamp") for name in state):
            cases.append(case)
    return cases


@pytest.mark.parametrize("case", case_params(wait_cases()))
def test_recorded_waits(case: dict[str, dict[str, dict[str, dict[str, str]]]]) -> None:
    (state,) = case["definition"]["States"].values()
    literal = state.get("Timestamp", "{%")
    text = next(iter(case["input"].values())) if literal.startswith("{%") else literal
    succeeded = str(case["expected"]["status"]) == "SUCCEEDED"
    assert isinstance(text, str)
    assert (parse_timestamp(text) is not None) is succeeded
