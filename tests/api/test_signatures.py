"""Signature Version 4 with botocore as the client: what is let through, what is refused, and in which words."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest import mock

import boto3
import orjson
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from express.api import Signed
from express.api.messages import Request, Response
from express.api.signatures import read_keys
from tests.api.exchanges import Wire, echo
from tests.api.serving import ACCOUNT, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = {"AKIDONE": "secret/one+=", "AKIDTWO": "two"}
REGION = "eu-west-1"
NOW = datetime.now(UTC)
BODY = b'{"maxResults":5}'


def signed(
    key: str = "AKIDONE",
    secret: str = "secret/one+=",
    *,
    token: str | None = None,
    region: str = REGION,
    service: str = "states",
    url: str = "http://localhost:8083/",
    headers: dict[str, str] | None = None,
) -> Request:
    """A request as botocore signs it at NOW, and as the wire hands it on."""
    target = {"X-Amz-Target": "AWSStepFunctions.ListStateMachines", "Content-Type": "application/x-amz-json-1.0"}
    request = AWSRequest("POST", url, {**target, **(headers or {})}, BODY)
    # Tables are made when tests are collected, and some minutes may pass before they run.
    with mock.patch("botocore.auth.get_current_datetime", return_value=NOW):
        SigV4Auth(Credentials(key, secret, token), service, region).add_auth(request)
    prepared = request.prepare()
    sent = {name.lower().encode(): str(value).encode() for name, value in prepared.headers.items()}
    return Request(
        b"POST", {b"host": b"localhost:8083", **sent}, BODY, prepared.url[len("http://localhost:8083") :].encode()
    )


async def answer(request: Request, now: datetime = NOW) -> tuple[int, Any]:
    response = await Signed(echo, KEYS, REGION, lambda: now)(request)
    return response.status, orjson.loads(response.body)


def changed(request: Request, body: bytes | None = None, target: bytes | None = None, **headers: str | None) -> Request:
    """The same signature over something else; headers that are None are left out."""
    new = {
        name.replace("_", "-").encode(): None if value is None else value.encode() for name, value in headers.items()
    }
    merged = {name: value for name, value in {**request.headers, **new}.items() if value is not None}
    return Request(request.method, merged, request.body if body is None else body, target or request.target)


def authorization(**parts: str) -> str:
    """A header with other parts than botocore's."""
    day = f"{NOW:%Y%m%d}"
    usual = {
        "Credential": f"AKIDONE/{day}/{REGION}/states/aws4_request",
        "SignedHeaders": "content-type;host;x-amz-date;x-amz-target",
        "Signature": "0" * 64,
    }
    return "AWS4-HMAC-SHA256 " + ", ".join(f"{name}={value}" for name, value in {**usual, **parts}.items() if value)


@pytest.mark.parametrize(
    "request_",
    [
        signed(),
        signed("AKIDTWO", "two"),
        signed(token="a session token"),
        signed(url="http://localhost:8083/a%20path/~x?b=2&a=%2F1&a=0&c"),
        signed(headers={"X-Amz-Meta": "  many   blanks  "}),
        changed(signed(), x_amz_security_token="added behind the signature"),
        changed(signed(), user_agent="changed on the way", x_forwarded_for="10.0.0.1", x_amzn_trace_id="Root=1"),
    ],
    ids=["key", "other key", "session token", "path and query", "blanks", "late token", "unsigned headers"],
)
async def test_what_is_signed_with_a_known_key_is_let_through(request_: Request) -> None:
    assert await answer(request_) == (200, {"maxResults": 5})


DAY = f"{NOW:%Y%m%d}"
REFUSED = [
    ("unsigned", Request(b"POST", {b"host": b"localhost"}, BODY), "MissingAuthenticationTokenException", "Missing Authentication Token"),
    ("empty", changed(signed(), authorization=""), "MissingAuthenticationTokenException", "Missing Authentication Token"),
    ("basic", changed(signed(), authorization="Basic YTpi"), "IncompleteSignatureException", "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. "),
    ("no signature", changed(signed(), authorization=authorization(Signature="")), "IncompleteSignatureException", "Authorization header requires 'Signature' parameter. Authorization=AWS4-HMAC-SHA256"),
    ("no date", changed(signed(), x_amz_date=None), "IncompleteSignatureException", "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "),
    ("odd date", changed(signed(), x_amz_date=f"{DAY}T1"), "IncompleteSignatureException", f"Date must be in ISO-8601 'basic format'. Got '{DAY}T1'."),
    ("short credential", changed(signed(), authorization=authorization(Credential="AKIDONE/x")), "IncompleteSignatureException", "Credential must have exactly 5 slash-delimited elements"),
    ("host not signed", changed(signed(), authorization=authorization(SignedHeaders="x-amz-date;x-amz-target")), "InvalidSignatureException", "'host' must be a 'SignedHeader' in the AWS Authorization."),
    ("action not signed", changed(signed(), authorization=authorization(SignedHeaders="host;x-amz-date")), "InvalidSignatureException", "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization."),
    ("added header", changed(signed(), x_amz_more="1"), "InvalidSignatureException", "'x-amz-more' must be a 'SignedHeader'"),
    ("other region", signed(region="us-east-1"), "InvalidSignatureException", "Credential should be scoped to a valid region, not 'us-east-1'. "),
    ("other service", signed(service="s3"), "InvalidSignatureException", "Credential should be scoped to correct service: 'states'. "),
    ("other end", changed(signed(), authorization=authorization(Credential=f"AKIDONE/{DAY}/{REGION}/states/aws5")), "InvalidSignatureException", "Credential should be scoped with a valid terminator: 'aws4_request'. "),
    ("other day", changed(signed(), authorization=authorization(Credential=f"AKIDONE/20200101/{REGION}/states/aws4_request")), "InvalidSignatureException", "Date in Credential scope does not match YYYYMMDD"),
    ("unknown key", signed("AKIDTHREE", "secret/one+="), "UnrecognizedClientException", "The security token included in the request is invalid."),
    ("wrong secret", signed("AKIDONE", "two"), "InvalidSignatureException", "The request signature we calculated does not match the signature you provided. "),
    ("made up", changed(signed(), authorization=authorization()), "InvalidSignatureException", "The request signature we calculated"),
    ("not hexadecimal", changed(signed(), authorization=authorization(Signature="\u00e9")), "InvalidSignatureException", "The request signature we calculated"),
    ("other body", changed(signed(), body=b'{"maxResults":6}'), "InvalidSignatureException", "The request signature we calculated"),
    ("other action", changed(signed(), x_amz_target="AWSStepFunctions.DeleteStateMachine"), "InvalidSignatureException", "The request signature we calculated"),
    ("other host", changed(signed(), host="evil.example"), "InvalidSignatureException", "The request signature we calculated"),
    ("other path", changed(signed(), target=b"/else"), "InvalidSignatureException", "The request signature we calculated"),
    ("other time", changed(signed(), x_amz_date=f"{NOW + timedelta(seconds=9):%Y%m%dT%H%M%SZ}"), "InvalidSignatureException", "The request signature we calculated"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("request_", "error", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
async def test_anything_else_is_refused(request_: Request, error: str, message: str) -> None:
    status, found = await answer(request_)
    assert (status, found["__type"]) == (400, error)
    assert found["message"].startswith(message)


@pytest.mark.parametrize(
    ("minutes", "message"),
    [
        (-5, None),
        (-5.1, "Signature not yet current: {sent} is still later than {now} ({clock} + 5 min.)"),
        (4.9, None),
        (5.1, "Signature expired: {sent} is now earlier than {now} ({clock} - 5 min.)"),
    ],
)
async def test_a_signature_is_good_for_five_minutes(minutes: float, message: str | None) -> None:
    request = signed()
    sent = request.headers[b"x-amz-date"].decode()
    clock = datetime.strptime(sent, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) + timedelta(minutes=minutes)
    status, found = await answer(request, clock)
    if message is None:
        assert status == 200
    else:
        edge = clock - timedelta(minutes=5 if minutes > 0 else -5)
        shown = {"sent": sent, "now": f"{edge:%Y%m%dT%H%M%SZ}", "clock": f"{clock:%Y%m%dT%H%M%SZ}"}
        assert (found["__type"], found["message"]) == ("InvalidSignatureException", message.format(**shown))


async def test_a_mismatch_shows_what_has_been_signed_and_no_secret() -> None:
    _, found = await answer(signed("AKIDONE", "two"))
    assert "\n\nThe Canonical String for this request should have been\n'POST\n/\n\n" in found["message"]
    assert f"\n\nThe String-to-Sign should have been\n'AWS4-HMAC-SHA256\n{NOW:%Y%m%d}T" in found["message"]
    assert "secret/one" not in found["message"]


async def test_derived_keys_are_kept_within_bounds() -> None:
    gate = Signed(echo, KEYS, REGION, lambda: NOW)
    for _ in range(3):
        for key, secret in KEYS.items():
            assert (await gate(signed(key, secret))).status == 200
    assert len(gate._derived) == 2


@pytest.mark.parametrize("pieces", [[1000], [6, 9], [1, 2, 3, 4, 5]])
async def test_the_wire_hands_the_target_on_whole(pieces: list[int]) -> None:
    targets = []

    async def note(request: Request) -> Response:
        targets.append(request.target)
        return Response(200, b"{}")

    wire = Wire(note)
    data = b"POST /a/b?c=d HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
    for size in pieces:
        wire.send(data[:size])
        data = data[size:]
    wire.send(*([data] if data else []), b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
    await wire.answers()
    assert targets == [b"/a/b?c=d", b"/"]


# --------------------------------------------------------------------------------------------------------------- keys


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("AKID:secret", {"AKID": "secret"}),
        ("# ours\nAKID:se/cr+et=\n\n  OTHER:two  \n", {"AKID": "se/cr+et=", "OTHER": "two"}),
        ("AKID:secret,OTHER:two,", {"AKID": "secret", "OTHER": "two"}),
    ],
)
def test_lists_of_keys(text: str, keys: dict[str, str]) -> None:
    assert read_keys(text) == keys


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "there is no key in it"),
        ("# nothing\n", "there is no key in it"),
        ("AKID:secret\nAKIDsecret", "line 2: an entry is not of the form ID:SECRET"),
        ("AKID:sec ret", "line 1: an entry is not of the form ID:SECRET"),
        (":secret", "line 1: an entry is not of the form ID:SECRET"),
        ("AKID:", "line 1: an entry is not of the form ID:SECRET"),
        ("AKID:one\nAKID:two", "line 2: the key AKID is there twice"),
    ],
)
def test_what_is_no_list_of_keys(text: str, complaint: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        read_keys(text)
    assert str(caught.value) == complaint


# -------------------------------------------------------------------------------------------------------------- boto3


@contextmanager
def client(url: str, **credentials: str) -> Iterator[Any]:
    config = Config(inject_host_prefix=False, retries={"total_max_attempts": 1})
    made = boto3.client("stepfunctions", endpoint_url=url, region_name=ACCOUNT.region, config=config, **credentials)
    yield made
    made.close()


@pytest.mark.slow
def test_boto3() -> None:
    with serving() as served, served.renew():
        endpoint = served._endpoint
        served._endpoint = Signed(endpoint, KEYS, ACCOUNT.region)  # type: ignore[assignment]  # any Application will do
        with client(served.url, aws_access_key_id="AKIDTWO", aws_secret_access_key="two") as known:
            assert known.list_state_machines()["stateMachines"] == []
        with (
            client(served.url, aws_access_key_id="AKIDTWO", aws_secret_access_key="three") as wrong,
            pytest.raises(ClientError) as caught,
        ):
            wrong.list_state_machines()
        assert caught.value.response["Error"]["Code"] == "InvalidSignatureException"
        with (
            client(served.url, aws_access_key_id="NOBODY", aws_secret_access_key="three") as unknown,
            pytest.raises(ClientError) as caught,
        ):
            unknown.list_state_machines()
        assert caught.value.response["Error"]["Code"] == "UnrecognizedClientException"
