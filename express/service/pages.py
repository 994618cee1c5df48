"""Pages of a list, and the tokens that lead from one to the next.

A token says where the last page ended, for which list, and until when it may be used: 24 hours (API reference,
`nextToken`). It carries a keyed digest, so the endpoint remembers nothing, and a token that was made up, altered,
used for another list or too late is AWS's InvalidToken. Everything that was there while a client went from page to page
is seen exactly once, whatever is added or deleted meanwhile: a page begins behind a key, not at a number.
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

#: What a list is ordered by, ascending: names, or numbers.
Key: TypeAlias = "str | int"

#: `maxResults` of 0 or none.
DEFAULT_RESULTS: Final = 100
#: How long a token lives, in seconds.
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
        """The items of one page and the token of the next, None behind the last.

        items: the whole list, in ascending order of `key`. of: which list it is, with all that was asked for; a token
        is good for that list alone. fits: asked about each item that would follow the first of the page. Raises
        ServiceError InvalidToken.
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
