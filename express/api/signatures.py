"""Signature Version 4: authenticates the sender of a request and protects its integrity.

A Signed application wraps the endpoint and passes on only requests that a known key has signed, within five minutes,
for this region and for the service `states`. Without `--auth` there is none, so requests do not pay for it.

The signature is a digest over the method, the path, the query, the signed headers and the body, made with a key derived
from the secret, the day, the region and the service. `host` and every `x-amz-*` header must be signed, and so the
action; only `x-amz-security-token` need not be, because some clients add it after signing, and session tokens are not
checked. A signature can be replayed within its five minutes, as at AWS: TLS keeps it secret in transit.

Sources: AWS IAM guide "Create a signed AWS API request" and "Troubleshoot Signature Version 4 signing"; names, statuses
and texts as services of AWS's JSON protocols send them (all with status 400, despite the list of common errors).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote_to_bytes

from express.api.messages import refusal
from express.service.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from express.api.messages import Application, Request, Response

SERVICE: Final = "states"
#: The maximum deviation of a client's clock.
WINDOW: Final = timedelta(minutes=5)

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_TERMINATOR: Final = "aws4_request"
_DATE_FORMAT: Final = "%Y%m%dT%H%M%SZ"
_PARAMETERS: Final = ("Credential", "Signature", "SignedHeaders")
_UNSIGNED: Final = b"x-amz-security-token"
_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
#: An entry of a list of keys: the id, and a secret without separators.
_KEY: Final = re.compile(r"(?P<id>\w{1,128}):(?P<secret>[^\s:,]+)")


def read_keys(text: str) -> dict[str, str]:
    """Secrets by access key id, from entries `ID:SECRET` separated by commas or line ends; `#` begins a comment line.

    Raises ValueError, which names the line of the entry and shows no secret.
    """
    keys: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#"):
            continue
        for entry in filter(None, map(str.strip, line.split(","))):
            match = _KEY.fullmatch(entry)
            if match is None:
                raise ValueError(f"line {number}: an entry is not of the form ID:SECRET")
            if match["id"] in keys:
                raise ValueError(f"line {number}: the key {match['id']} is there twice")
            keys[match["id"]] = match["secret"]
    if not keys:
        raise ValueError("there is no key in it")
    return keys


def _now() -> datetime:
    return datetime.now(UTC)


class Signed:
    """An application that requires signed requests. keys: secrets by access key id. now: the time, with a time zone."""

    def __init__(
        self, application: Application, keys: Mapping[str, str], region: str, now: Callable[[], datetime] = _now
    ) -> None:
        self._application = application
        self._keys = keys
        self._region = region
        self._now = now
        #: Derived keys of the last days, by key id and day.
        self._derived: dict[tuple[str, str], bytes] = {}

    async def __call__(self, request: Request) -> Response:
        try:
            self._check(request)
        except ServiceError as error:
            return refusal(error)
        return await self._application(request)

    def _check(self, request: Request) -> None:
        """Raise ServiceError unless a known key has signed the request."""
        signature = _read_signature(request)
        self._check_scope(signature)
        self._check_date(signature.date)
        secret = self._keys.get(signature.key_id)
        if secret is None:
            raise ServiceError("UnrecognizedClientException", "The security token included in the request is invalid.")
        canonical = _canonical_request(request, signature.headers)
        to_sign = "\n".join((_ALGORITHM, signature.date, signature.scope, hashlib.sha256(canonical).hexdigest()))
        key = self._key(signature.key_id, secret, signature.day)
        expected = hmac.digest(key, to_sign.encode("latin-1"), "sha256").hex()
        if not hmac.compare_digest(expected.encode(), signature.value.encode("latin-1")):
            raise _mismatch(canonical, to_sign)

    def _check_scope(self, signature: _Signature) -> None:
        wrong = []
        if signature.region != self._region:
            wrong.append(f"Credential should be scoped to a valid region, not '{signature.region}'. ")
        if signature.service != SERVICE:
            wrong.append(f"Credential should be scoped to correct service: '{SERVICE}'. ")
        if signature.terminator != _TERMINATOR:
            wrong.append(f"Credential should be scoped with a valid terminator: '{_TERMINATOR}'. ")
        if signature.day != signature.date[:8]:
            wrong.append(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
                f"'{signature.day}' != '{signature.date[:8]}', from '{signature.date}'. "
            )
        if wrong:
            raise _invalid("".join(wrong))

    def _check_date(self, date: str) -> None:
        try:
            sent = datetime.strptime(date, _DATE_FORMAT).replace(tzinfo=UTC)
        except ValueError:
            raise _incomplete(f"Date must be in ISO-8601 'basic format'. Got '{date}'.") from None
        now = self._now()
        clock, minutes = f"{now:{_DATE_FORMAT}}", WINDOW.seconds // 60
        if sent < now - WINDOW:
            edge = f"{now - WINDOW:{_DATE_FORMAT}}"
            raise _invalid(f"Signature expired: {date} is now earlier than {edge} ({clock} - {minutes} min.)")
        if sent > now + WINDOW:
            edge = f"{now + WINDOW:{_DATE_FORMAT}}"
            raise _invalid(f"Signature not yet current: {date} is still later than {edge} ({clock} + {minutes} min.)")

    def _key(self, key_id: str, secret: str, day: str) -> bytes:
        """The signing key for a day, the same for all requests of that day."""
        key = self._derived.get((key_id, day))
        if key is None:
            key = f"AWS4{secret}".encode()
            for part in (day, self._region, SERVICE, _TERMINATOR):
                key = hmac.digest(key, part.encode(), "sha256")
            if len(self._derived) > 2 * len(self._keys):
                self._derived.clear()
            self._derived[key_id, day] = key
        return key


@dataclass(frozen=True, slots=True)
class _Signature:
    """The fields of a request's signature. `headers` are the names of the signed ones, in their order."""

    key_id: str
    day: str
    region: str
    service: str
    terminator: str
    date: str
    headers: list[bytes]
    value: str

    @property
    def scope(self) -> str:
        return f"{self.day}/{self.region}/{self.service}/{self.terminator}"


def _read_signature(request: Request) -> _Signature:
    """The signature of a request. Raises ServiceError if it is missing or incomplete."""
    header = request.headers.get(b"authorization", b"").decode("latin-1")
    if not header:
        raise ServiceError("MissingAuthenticationTokenException", "Missing Authentication Token")
    algorithm, _, rest = header.partition(" ")
    parameters = dict(_parameter(entry) for entry in rest.split(",")) if algorithm == _ALGORITHM else {}
    date = request.headers.get(b"x-amz-date", b"").decode("latin-1")
    lacking = [
        f"Authorization header requires '{name}' parameter. " for name in _PARAMETERS if not parameters.get(name)
    ]
    if not date:
        lacking.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ")
    if lacking:
        raise _incomplete(f"{''.join(lacking)}Authorization={algorithm}")
    credential = parameters["Credential"].split("/")
    if len(credential) != 5:
        raise _incomplete(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            f"got '{parameters['Credential']}'"
        )
    headers = parameters["SignedHeaders"].encode("latin-1").split(b";")
    _check_signed(request.headers, headers)
    key_id, day, region, service, terminator = credential
    return _Signature(key_id, day, region, service, terminator, date, headers, parameters["Signature"])


def _parameter(entry: str) -> tuple[str, str]:
    name, _, value = entry.strip().partition("=")
    return name, value


def _check_signed(headers: Mapping[bytes, bytes], signed: list[bytes]) -> None:
    """Raise ServiceError unless all headers that affect the answer are signed."""
    for name in (b"host", *(name for name in headers if name.startswith(b"x-amz-") and name != _UNSIGNED)):
        if name not in signed:
            raise _invalid(f"'{name.decode('latin-1')}' must be a 'SignedHeader' in the AWS Authorization.")


def _canonical_request(request: Request, signed: list[bytes]) -> bytes:
    """The canonical form of the request, which client and server hash. The body counts as received."""
    path, _, query = request.target.partition(b"?")
    return b"\n".join(
        (
            request.method,
            quote(path, safe="/~").encode(),
            _canonical_query(query),
            *(name + b":" + b" ".join(request.headers.get(name, b"").split()) for name in signed),
            b"",
            b";".join(signed),
            hashlib.sha256(request.body).hexdigest().encode(),
        )
    )


def _canonical_query(query: bytes) -> bytes:
    pairs = [entry.partition(b"=")[::2] for entry in query.split(b"&") if entry]
    return "&".join(sorted(f"{_encoded(name)}={_encoded(value)}" for name, value in pairs)).encode()


def _encoded(text: bytes) -> str:
    return quote(unquote_to_bytes(text), safe="-_.~")


def _incomplete(message: str) -> ServiceError:
    return ServiceError("IncompleteSignatureException", message)


def _invalid(message: str) -> ServiceError:
    return ServiceError("InvalidSignatureException", message)


def _mismatch(canonical: bytes, to_sign: str) -> ServiceError:
    """The error with canonical request and string to sign, as at AWS: the client's own data, to find what is wrong."""
    shown = canonical.decode("utf-8", "replace")
    return _invalid(
        f"{_MISMATCH}\n\nThe Canonical String for this request should have been\n'{shown}'\n\n"
        f"The String-to-Sign should have been\n'{to_sign}'\n"
    )
