"""Task tokens, and the answers that arrive for them.

Theory of operation. A `Callback` is one attempt of a task that can be answered from outside. Its token is a number
and a keyed digest of it, so it cannot be guessed, and ended tasks need no record: a valid token that no task waits
for belonged to an ended one. Tokens are valid only in the process that made them.

An answer may come from any thread, including that of a handler, and before the handler has returned. Accepting it is
one atomic step: under the lock, the callback leaves the table and its outcome is set. A second answer, or the task's
timeout, finds the callback gone. An accepted answer is therefore never lost to a timeout.

The task waits in the execution's own asyncio task (law 4), within one `asyncio.timeout`, which a heartbeat reschedules.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
import threading
from typing import TYPE_CHECKING, Final

from express.errors import TIMEOUT, InvalidOutput, InvalidToken, StateError, TaskError, TaskTimedOut
from express.foreign import NotJSON
from express.names import check_text
from express.payload import cross

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from express.program import Heartbeat, Opening
    from express.types import JSON

#: In bytes; encoded together they are 44 characters without padding.
_DIGEST_SIZE: Final = 25
_NUMBER_SIZE: Final = 8


class Callback:
    """Implements `program.Callback`. Once known, `outcome` is a tuple of the output, or the error of the task."""

    __slots__ = ("_end", "_heartbeat", "_opening", "_scope", "_table", "_waiter", "outcome", "token")

    def __init__(self, table: Callbacks, token: str) -> None:
        self._table = table
        self.token = token
        self.outcome: tuple[JSON] | StateError | None = None
        self._opening: Opening
        self._scope: asyncio.Timeout | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._heartbeat: Heartbeat | None = None
        self._end: float | None = None

    async def answered(
        self,
        work: Callable[[], Awaitable[JSON]],
        opening: Opening,
        seconds: float | None,
        heartbeat: Heartbeat | None,
    ) -> JSON:
        """See `program.Callback`."""
        scope = asyncio.timeout(None)
        cancellations = self._cancelling()
        self._opening = opening
        failure: BaseException | None = None
        result: JSON = None
        self._table.register(self)
        try:
            async with scope:
                self._scope = scope
                if opening != "offer":
                    self._begin(seconds, heartbeat)
                result = await work()
                if opening == "offer":
                    self._begin(seconds, heartbeat)
                if opening != "job":
                    await self._told()
        except (Exception, asyncio.CancelledError) as error:
            # An accepted answer takes precedence over whatever the work has raised.
            if self._cancelling() > cancellations:
                raise
            failure = error
        finally:
            self._scope = None
            self._table.withdraw(self)
            if heartbeat is not None:
                heartbeat.renew = None
        try:
            return self._result(result, failure, is_late=scope.expired())
        finally:
            # A traceback keeps this frame alive, and the execution's frame this callback, for longer than needed.
            failure = self.outcome = None

    def _cancelling(self) -> int:
        """The number of pending cancellation requests of the current task."""
        task = asyncio.current_task(self._table.loop)
        return 0 if task is None else task.cancelling()

    def _begin(self, seconds: float | None, heartbeat: Heartbeat | None) -> None:
        """Start the timeout and the heartbeat of the task."""
        if seconds is not None:
            self._end = self._table.loop.time() + seconds
        if heartbeat is not None:
            self._heartbeat = heartbeat
            heartbeat.renew = self.beat
        self._reschedule()

    async def _told(self) -> None:
        """Wait for the outcome."""
        if self.outcome is None:
            self._waiter = self._table.loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    def _result(self, result: JSON, failure: BaseException | None, *, is_late: bool) -> JSON:
        outcome = self.outcome
        if isinstance(outcome, StateError):
            raise outcome
        if outcome is not None:
            return outcome[0]
        if is_late:
            raise StateError(TIMEOUT)
        if failure is not None:
            raise failure
        return result

    def waits(self, seconds: float, *, is_idle: bool) -> bool:
        """Whether only an answer or a worker can end the attempt in the next `seconds`.

        is_idle: the unfinished work does nothing itself.
        """
        scope = self._scope
        if scope is None or self.outcome is not None or scope.expired():
            return False
        due = scope.when()
        if due is not None and due <= self._table.loop.time() + seconds:
            return False
        return is_idle or self._waiter is not None or self._opening == "offer"

    # ------------------------------------------------------------------------------------------ from outside

    def settle(self, outcome: tuple[JSON] | StateError) -> None:
        """Set the outcome. Called once, under the lock, by the caller that removes this from the table."""
        self.outcome = outcome
        self._table.loop.call_soon_threadsafe(self._wake)

    def beat(self) -> None:
        """Restart the HeartbeatSeconds now."""
        self._table.loop.call_soon_threadsafe(self._reschedule)

    def _wake(self) -> None:
        if self._waiter is not None:
            if not self._waiter.done():
                self._waiter.set_result(None)
        elif self._scope is not None and not self._scope.expired() and self._opening != "submission":
            # A job, or an offer that no worker has taken, whose token was read from the history.
            self._scope.reschedule(self._table.loop.time())
        else:
            # The handler has yet to return; no more heartbeats are expected.
            self._heartbeat = None
            self._reschedule()

    def _reschedule(self) -> None:
        if self._scope is None or self._scope.expired():
            return
        due = self._end
        if self._heartbeat is not None:
            beat = self._table.loop.time() + self._heartbeat.seconds
            due = beat if due is None else min(beat, due)
        self._scope.reschedule(due)


class Callbacks:
    """The task tokens of one Runtime: those that tasks wait for, and the secret that validates all."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop
        self._waiting: dict[str, Callback] = {}
        self._lock = threading.Lock()
        self._secret = secrets.token_bytes(32)
        self._last = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def open(self) -> Callback:
        """A callback with a new token, not yet registered."""
        self._last += 1
        number = self._last.to_bytes(_NUMBER_SIZE, "big")
        return Callback(self, base64.urlsafe_b64encode(self._digest(number) + number).decode())

    def register(self, callback: Callback) -> None:
        self._waiting[callback.token] = callback

    def withdraw(self, callback: Callback) -> None:
        """Unregister a callback. When this returns, an answer accepted for it is in its `outcome`."""
        with self._lock:
            self._waiting.pop(callback.token, None)

    # ------------------------------------------------------------------------------------------ from outside

    def succeed(self, token: str, output: JSON) -> None:
        try:
            output, _ = cross(output)
        except NotJSON as error:
            self._find(token)
            raise InvalidOutput(str(error)) from None
        self._settle(token, (output,))

    def fail(self, token: str, error: str | None, cause: str | None) -> None:
        self._settle(token, TaskError(error, cause))

    def beat(self, token: str) -> None:
        self._find(token).beat()

    def _settle(self, token: str, outcome: tuple[JSON] | StateError) -> None:
        with self._lock:
            self._find(token).settle(outcome)
            del self._waiting[token]

    def _find(self, token: str) -> Callback:
        check_text("token", token)
        callback = self._waiting.get(token)
        if callback is not None:
            return callback
        raise TaskTimedOut if self._is_ours(token) else InvalidToken

    def _is_ours(self, token: str) -> bool:
        try:
            raw = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeEncodeError):
            return False
        return hmac.compare_digest(raw[:_DIGEST_SIZE], self._digest(raw[_DIGEST_SIZE:]))

    def _digest(self, number: bytes) -> bytes:
        return hashlib.blake2b(number, key=self._secret, digest_size=_DIGEST_SIZE).digest()
