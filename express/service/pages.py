"""Pages of a list, and the tokens that lead from one to the next.

A token holds the end of its page and its expiry, after 24 hours (API reference, `nextToken`), and is bound to its list.
A keyed digest authenticates it, so the endpoint stores nothing; a token that is forged, altered, expired or used for
another list is refused with AWS's InvalidToken. A client that goes from page to page sees every item that is there all
the time exactly once, whatever is added or deleted meanwhile: a page begins after a key, not at an index.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import orjson

from express.service.errors import invalid_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")

#: The sort key of a list, ascending: names, or numbers.
Key: TypeAlias = "str | int"

#: The page size where `maxResults` is 0 or missing.
DEFAULT_RESULTS: Final = 100
#: The lifetime of a token in seconds.
LIFETIME: Final = 24 * 60 * 60

_DIGEST_SIZE: Final = 16


class Pager:
    """Cuts lists into pages. `now` gives the seconds since the epoch."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._secret = secrets.token_bytes(32)

    def page(
        self,
        items: Iterable[T],
        key: Callable[[T], Key],
        *,
        of: str,
        token: str | None = None,
        max_results: int | None = None,
        fits: Callable[[T], bool] | None = None,
    ) -> tuple[list[T], str | None]:
        """The items of one page and the token of the next page, None for the last page.

        items: the whole list, in ascending order of `key`. of: identifies the list and all request parameters; a token
        is valid for that list alone. fits: called with each item after the first of the page; False ends the page.
        Raises ServiceError InvalidToken.
        """
        after = None if token is None else self._read(token, of)
        size = max_results or DEFAULT_RESULTS
        page: list[T] = []
        for item in items:
            if after is not None and key(item) <= after:  # type: ignore[operator]  # keys of one list are of one type
                continue
            if len(page) == size or (page and fits is not None and not fits(item)):
                return page, self._write(key(page[-1]), of)
            page.append(item)
        return page, None

    def _write(self, key: Key, of: str) -> str:
        body = orjson.dumps([key, int(self._now()) + LIFETIME])
        return base64.urlsafe_b64encode(self._digest(body, of) + body).decode()

    def _read(self, token: str, of: str) -> Key:
        try:
            raw = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeEncodeError):
            raise invalid_token() from None
        digest, body = raw[:_DIGEST_SIZE], raw[_DIGEST_SIZE:]
        if not hmac.compare_digest(digest, self._digest(body, of)):
            raise invalid_token()
        key, deadline = orjson.loads(body)
        if deadline < self._now():
            raise invalid_token()
        found: Key = key
        return found

    def _digest(self, body: bytes, of: str) -> bytes:
        text = of.encode(errors="surrogatepass") + b"\0" + body
        return hashlib.blake2b(text, key=self._secret, digest_size=_DIGEST_SIZE).digest()
