"""`express env`: lines for a shell."""

from __future__ import annotations

import pytest

from express.cli import main

LINES = "export AWS_ENDPOINT_URL_SFN={}\nexport AWS_DISABLE_HOST_PREFIX_INJECTION=true\n"


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        ([], "http://127.0.0.1:8083"),
        (["--port", "9000"], "http://127.0.0.1:9000"),
        (["--host", "localhost"], "http://localhost:8083"),
        (["--host", "::1"], "'http://[::1]:8083'"),
    ],
)
def test_where_the_endpoint_is(arguments: list[str], url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["env", *arguments]) == 0
    assert capsys.readouterr().out == LINES.format(url)


def test_credentials_for_those_who_have_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["env", "--credentials"]) == 0
    names = [line.removeprefix("export ").partition("=")[0] for line in capsys.readouterr().out.splitlines()]
    assert names[2:] == ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"]


@pytest.mark.parametrize("port", ["x", "-1", "65536", "²"])
def test_no_port(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["env", "--port", port]) == 2
    assert "is not a port from 0 to 65535" in capsys.readouterr().err
