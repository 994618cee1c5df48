"""Results as JSON text: what orjson cannot write is written all the same, or refused by name."""

from __future__ import annotations

import datetime

import pytest

from express.cli.documents import encode
from express.cli.status import CommandError

HUGE = 123456789012345678901234567890


@pytest.mark.parametrize("number", [7, HUGE, -HUGE])
def test_integers_of_any_size(number: int) -> None:
    assert encode({"ä": [number]}) == f'{{"ä":[{number}]}}\n'.encode()
    assert encode({"ä": [number]}, indent=True) == f'{{\n  "ä": [\n    {number}\n  ]\n}}\n'.encode()


def test_what_is_no_json_is_named() -> None:
    with pytest.raises(CommandError, match=r"the result is no JSON: \$\.a is a timedelta"):
        encode({"a": datetime.timedelta(1)})
