"""What looks computed, and what only has a dollar in it."""

from __future__ import annotations

import pytest

from express.definition.lookalikes import likeness

PATH, CALL = "a JSONPath", "an Intrinsic Function"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("$", PATH),
        ("$.a", PATH),
        ("$.a b", PATH),
        ("$['a'][0]", PATH),
        ("$..a", PATH),
        ("$.a[", PATH),
        ("$.", PATH),
        ("$$", PATH),
        ("$$.Task.Token", PATH),
        ("$$[0]", PATH),
        ("$order.id", PATH),
        ("$order[0]", PATH),
        ("$größe.x", PATH),
        ("$.a\n.b", PATH),
        ("$order", None),
        ("$LATEST", None),
        ("$5.00", None),
        ("$ 5", None),
        ("$_.a", None),
        ("$$$", None),
        ("${AWS::Region}", None),
        (" $.a", None),
        ("a.$", None),
        ("", None),
        ("States.UUID()", CALL),
        ("States.Format('{}', $.a)", CALL),
        ("States.Format(", None),
        ("States.ALL", None),
        ("States.()", None),
        ("Use States.UUID()", None),
        (5, None),
        (None, None),
        (["$.a"], None),
        ({"a": "$.a"}, None),
    ],
)
def test_likeness(value: object, expected: str | None) -> None:
    assert likeness(value) == expected
