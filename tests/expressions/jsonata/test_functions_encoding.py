"""Base64 and URL functions."""

from __future__ import annotations

import pytest

from express.expressions.jsonata.values import UNDEFINED, Value
from tests.expressions.jsonata.calling import call, exactly, label, refused

RESULTS: list[tuple[str, list[Value], Value]] = [
    ("base64encode", ["myuser:mypass"], "bXl1c2VyOm15cGFzcw=="),
    ("base64encode", [""], ""),
    ("base64encode", ["é"], "6Q=="),
    ("base64encode", ["一😀"], "AD0A"),  # low bytes of the code units
    ("base64encode", [UNDEFINED], UNDEFINED),
    ("base64decode", ["bXl1c2VyOm15cGFzcw=="], "myuser:mypass"),
    ("base64decode", ["6Q=="], "é"),
    ("base64decode", ["-_-_"], "ûÿ¿"),
    ("base64decode", ["YWI"], "ab"),
    ("base64decode", ["YWIx "], "ab1"),
    ("base64decode", ["Y W\n%I"], "ab"),
    ("base64decode", ["YQ==YQ=="], "a"),
    ("base64decode", ["=YQ"], ""),
    ("base64decode", ["YWJjA"], "abc"),
    ("base64decode", ["YWéJj"], "abc"),
    ("base64decode", ["YWJj😀YWJj"], "abc"),  # the low byte of its first half is an equals sign
    ("base64decode", [UNDEFINED], UNDEFINED),
    ("encodeUrlComponent", ["?x=test &é😀"], "%3Fx%3Dtest%20%26%C3%A9%F0%9F%98%80"),
    ("encodeUrlComponent", ["AZaz09-_.!~*'()"], "AZaz09-_.!~*'()"),
    ("encodeUrlComponent", [";/?:@&=+$,#[]"], "%3B%2F%3F%3A%40%26%3D%2B%24%2C%23%5B%5D"),
    ("encodeUrlComponent", [UNDEFINED], UNDEFINED),
    ("encodeUrl", ["https://mozilla.org/?x=шеллы"], "https://mozilla.org/?x=%D1%88%D0%B5%D0%BB%D0%BB%D1%8B"),
    ("encodeUrl", [";/?:@&=+$,#[]%"], ";/?:@&=+$,#%5B%5D%25"),
    ("encodeUrl", [UNDEFINED], UNDEFINED),
    ("decodeUrlComponent", ["%3Fx%3Dtest%20%c3%a9+é"], "?x=test é+é"),
    ("decodeUrlComponent", ["%F0%9F%98%80%2F"], "😀/"),
    ("decodeUrlComponent", [UNDEFINED], UNDEFINED),
    ("decodeUrl", ["%3b%2F%3F%3A%40%26%3D%2B%24%2C%23%25%41"], "%3b%2F%3F%3A%40%26%3D%2B%24%2C%23%A"),
    ("decodeUrl", ["https://mozilla.org/?x=%C3%A9%2f%C3%BC"], "https://mozilla.org/?x=é%2fü"),
    ("decodeUrl", [UNDEFINED], UNDEFINED),
]


@pytest.mark.parametrize(("name", "arguments", "result"), RESULTS, ids=label)
def test_results(name: str, arguments: list[Value], result: Value) -> None:
    assert exactly(call(name, *arguments)) == exactly(result)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("encodeUrl", "\ud800"),
        ("encodeUrlComponent", "a\udc00b"),
        ("decodeUrl", "%"),
        ("decodeUrl", "%E0%A4%A"),
        ("decodeUrlComponent", "%4"),
        ("decodeUrlComponent", "%zz"),
        ("decodeUrlComponent", "%ff"),
        ("decodeUrlComponent", "%C3é"),
        ("decodeUrlComponent", "%c0%80"),  # not the shortest form
        ("decodeUrlComponent", "%ed%a0%80"),  # a surrogate
    ],
)
def test_malformed_urls(name: str, text: str) -> None:
    error = refused(name, text)
    assert (error.code, error.value) == ("D3140", text)
    assert f"Malformed URL passed to ${name}()" in str(error)


def test_message_quotes_what_no_text_can_hold() -> None:
    assert str(refused("encodeUrl", "a\ud800")) == 'D3140: Malformed URL passed to $encodeUrl(): "a\\ud800"'
