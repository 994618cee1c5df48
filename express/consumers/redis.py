"""Redis Streams as a source: one consumer of a consumer group (Redis 7 or later).

Redis keeps an idle time and a delivery count for each pending message, and a lease needs no more: any consumer claims
a message that has been idle longer than the lease (XAUTOCLAIM), whether its consumer has died or given it back.
XAUTOCLAIM counts as a delivery. XCLAIM with JUSTID does not, so it can extend a lease, or set through its IDLE when a
message may be claimed again (https://redis.io/docs/latest/commands/xclaim/).

A consumer that was suspended for longer than its leases must not claim back messages that others own by now, so it
first asks which it still owns. Acknowledged messages stay in the stream; its writer trims it (XADD ... MAXLEN). A
message trimmed before it has ended is lost, and a warning is logged.

Replies are used as they come from the wire, RESP2, because redis-py's own objects would double their cost.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import redis.asyncio
from redis import exceptions as refusals
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from express.consumers.source import Message
from express.errors import SourceError, SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

log = logging.getLogger("express")

LEASE: Final = 60.0
#: Seconds. Redis would refuse a number too large for it only at the first fetch.
MAX_LEASE: Final = 30 * 86_400
FIELD: Final = "body"
#: Stands for all fields, as an object of strings.
ALL_FIELDS: Final = "*"
#: Milliseconds XREADGROUP waits for a first message.
_BLOCK = 1_000
#: Upper bound on the seconds between two scans for messages to claim.
_CLAIM_EVERY = 1.0
#: Timeout in seconds for connecting, and for each reply.
_PATIENCE = 10.0
#: Upper bound on the ids in one command.
_CHUNK = 1_000
#: Prefixes of errors for a missing group, or its stream (the only one of the two XINFO reports).
_GONE = ("NOGROUP", "no such key")
#: Prefixes of transient Redis errors.
_PASSING = ("MISCONF", "MASTERDOWN", "NOREPLICAS", "UNBLOCKED", "BUSY ")


class RedisSource:
    """A consumer of `group` on `stream`.

    field: the field of an entry that holds the JSON; `*`: the entry itself, as an object of strings.
    lease: seconds after which the messages of a silent consumer go to another.
    start: where a new group begins, `0` for all entries or `$` for new ones only.
    dead_letters: the stream that receives dead letters, with all their fields.
    """

    commit_gap = 0

    def __init__(
        self,
        client: redis.asyncio.Redis,
        stream: str,
        group: str,
        *,
        consumer: str | None = None,
        field: str = FIELD,
        lease: float = LEASE,
        start: str = "0",
        dead_letters: str | None = None,
    ) -> None:
        if not 0 < lease <= MAX_LEASE:
            raise SourceError(f"the lease must be positive, and {MAX_LEASE // 86_400} days at most")
        #: All processes of the group share one source name.
        self.name = f"{stream}.{group}"
        self.lease = lease
        self.dead_letters = dead_letters or f"{stream}:dead"
        self._client = client
        # Leave replies raw: the client's objects are not needed.
        client.response_callbacks.clear()
        self._stream = stream
        self._group = group
        self._consumer = consumer or f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._field = field.encode()
        self._start = start
        self._lease_ms = max(int(lease * 1_000), 1)
        self._cursor: bytes = b"0-0"
        #: Counts of reads sent and answered: unequal after a read was cut off.
        self._reads_sent = self._reads_answered = 0
        self._claim_every = min(lease / 3, _CLAIM_EVERY)
        self._claim_at = 0.0

    # ------------------------------------------------------------------------------------------ life

    async def open(self) -> None:
        try:
            await self._make_group(self._start)
        except BaseException:
            await self._client.aclose()
            raise

    async def _make_group(self, start: str) -> None:
        try:
            await self._ask("XGROUP", "CREATE", self._stream, self._group, start, "MKSTREAM")
        except SourceError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def close(self) -> None:
        """Leave the group, unless this consumer has pending messages, which Redis would forget with the consumer.

        A read that was cut off may still assign messages to this consumer at any moment, so it then stays too.
        """
        with suppress(SourceError):
            if self._reads_sent == self._reads_answered and not await self._pending(b"-", 1):
                await self._ask("XGROUP", "DELCONSUMER", self._stream, self._group, self._consumer)
        with suppress(refusals.RedisError, OSError):
            await self._client.aclose()

    # ------------------------------------------------------------------------------------------ in

    async def fetch(self, most: int) -> Sequence[Message] | None:
        now = asyncio.get_running_loop().time()
        if now >= self._claim_at:
            claimed = await self._claim(most, now)
            if claimed:
                return claimed
        block = max(min(_BLOCK, int((self._claim_at - now) * 1_000)), 1)
        who = ("GROUP", self._group, self._consumer)
        self._reads_sent += 1
        reply = await self._ask("XREADGROUP", *who, "COUNT", most, "BLOCK", block, "STREAMS", self._stream, ">")
        self._reads_answered += 1
        if not reply:
            return []
        return [self._message(id_, fields, 1) for id_, fields in reply[0][1]]

    async def _claim(self, most: int, now: float) -> list[Message]:
        """Claim messages idle for a lease, one step of a scan at a time; rest when a scan is complete."""
        self._reads_sent += 1
        command = ("XAUTOCLAIM", self._stream, self._group, self._consumer, self._lease_ms, self._cursor, "COUNT", most)
        self._cursor, entries, *trimmed = await self._ask(*command)
        self._reads_answered += 1
        if self._cursor == b"0-0":
            self._claim_at = now + self._claim_every
        if trimmed and trimmed[0]:
            log.warning("source %s: %d messages were trimmed before they had ended", self.name, len(trimmed[0]))
        if not entries:
            return []
        # The reply to XAUTOCLAIM has no delivery counts.
        pending = await self._ask_all(("XPENDING", self._stream, self._group, id_, id_, 1) for id_, _ in entries)
        counts = {rows[0][0]: rows[0][3] for rows in pending if rows}
        return [self._message(id_, fields, counts.get(id_, 2)) for id_, fields in entries]

    def _message(self, id_: bytes, fields: list[bytes], deliveries: int) -> Message:
        wanted = self._field
        for index in range(0, len(fields), 2):
            if fields[index] == wanted:
                return Message(id_.decode(), fields[index + 1], deliveries, (id_, fields))
        if wanted == ALL_FIELDS.encode():
            return Message(id_.decode(), _as_object(fields), deliveries, (id_, fields))
        return Message(id_.decode(), None, deliveries, (id_, fields), f"The entry has no field '{wanted.decode()}'.")

    # ------------------------------------------------------------------------------------------ out

    async def ack(self, messages: Sequence[Message]) -> None:
        for chunk in _chunks([message.handle[0] for message in messages]):
            await self._ask("XACK", self._stream, self._group, *chunk)

    async def retry(self, messages: Sequence[tuple[Message, float]]) -> None:
        """Set each message's idle time to the lease less the delay, so that it can be claimed after the delay."""
        own = await self._own()
        delays = [(message.handle[0], int(delay * 1_000)) for message, delay in messages if message.handle[0] in own]
        await self._ask_all(self._claim_own([id_], max(self._lease_ms - delay, 0)) for id_, delay in delays)
        due = asyncio.get_running_loop().time() + min(delay for _, delay in messages)
        self._claim_at = min(self._claim_at, due)

    def _claim_own(self, ids: list[bytes], idle_ms: int) -> tuple[Any, ...]:
        return ("XCLAIM", self._stream, self._group, self._consumer, 0, *ids, "IDLE", idle_ms, "JUSTID")

    async def dead_letter(self, messages: Sequence[tuple[Message, Mapping[str, str]]]) -> None:
        """Write the dead letters, then acknowledge their messages.

        A Redis transaction continues after a failed command and would acknowledge messages that could not be written.
        This order may write a letter twice but loses none.
        """
        letters: list[tuple[Any, ...]] = []
        for message, headers in messages:
            id_, fields = message.handle
            origin = ("x-original-stream", self._stream, "x-original-id", id_)
            reason = [text for header in headers.items() for text in header]
            letters.append(("XADD", self.dead_letters, "*", *fields, *reason, *origin))
        for chunk in _chunks(letters):
            await self._ask_all(chunk)
        await self.ack([message for message, _ in messages])

    async def extend(self, messages: Sequence[Message]) -> Sequence[Message]:
        own = await self._own()
        kept = [message.handle[0] for message in messages if message.handle[0] in own]
        for chunk in _chunks(kept):
            await self._ask(*self._claim_own(chunk, 0))
        return [message for message in messages if message.handle[0] not in own]

    async def _own(self) -> set[bytes]:
        """Return the ids this consumer still owns; another may have claimed any that was idle for a lease."""
        own: set[bytes] = set()
        start = b"-"
        while True:
            rows = await self._pending(start, _CHUNK)
            own.update(row[0] for row in rows)
            if len(rows) < _CHUNK:
                return own
            start = b"(" + rows[-1][0]

    async def _pending(self, start: bytes, most: int) -> list[list[Any]]:
        """Return rows of id, consumer, idle milliseconds and deliveries for this consumer's messages from an id on."""
        rows: list[list[Any]] = await self._ask("XPENDING", self._stream, self._group, start, "+", most, self._consumer)
        return rows

    async def lag(self) -> int | None:
        """Entries not yet delivered to the group; None if Redis has lost count, for example after an XDEL."""
        for flat in await self._ask("XINFO", "GROUPS", self._stream):
            group = dict(zip(flat[::2], flat[1::2], strict=True))
            if group[b"name"] == self._group.encode():
                lag: int | None = group.get(b"lag")
                return lag
        return None

    # ------------------------------------------------------------------------------------------ asking

    async def _ask(self, *command: Any) -> Any:
        """Return the reply to a command. Raises SourceUnavailable or SourceError."""
        try:
            return await self._client.execute_command(*command)  # type: ignore[no-untyped-call]  # so redis-py has it
        except (refusals.RedisError, OSError) as error:
            await self._refused(error)

    async def _ask_all(self, commands: Iterable[tuple[Any, ...]]) -> list[Any]:
        """Return the replies to several commands in one round trip. Raises for the first that is refused."""
        pipeline = self._client.pipeline(transaction=False)
        pipeline.response_callbacks.clear()
        for command in commands:
            pipeline.execute_command(*command)
        try:
            replies: list[Any] = await pipeline.execute()
        except (refusals.RedisError, OSError) as error:
            await self._refused(error)
        return replies

    async def _refused(self, error: Exception) -> None:
        """Translate an error of the client into SourceUnavailable or SourceError, and raise it."""
        # For a pipeline, the client's text contains the command (with the message body), and the reason as a tuple.
        text = str(error).rpartition(" caused error: ")[2].strip("(',)\"")
        if isinstance(error, refusals.AuthenticationError | refusals.AuthorizationError | refusals.NoPermissionError):
            raise SourceError(f"Redis refuses {self.name}: {text}") from error
        if text.startswith(_GONE):
            # The group was deleted, or the server came back without its data. Its position is unknown, so all entries
            # are delivered again rather than risk a loss.
            await self._make_group("0")
            raise SourceUnavailable("the consumer group was gone and has been made again") from error
        if isinstance(error, refusals.OutOfMemoryError | refusals.ReadOnlyError) or text.startswith(_PASSING):
            raise SourceUnavailable(f"Redis refuses for now: {text}") from error
        if isinstance(error, refusals.ResponseError):
            raise SourceError(f"Redis cannot serve {self.name}: {text}") from error
        raise SourceUnavailable(f"Redis does not answer: {text or type(error).__name__}") from error


def _as_object(fields: list[bytes]) -> bytes:
    texts = [field.decode("utf-8", "replace") for field in fields]
    return json.dumps(dict(zip(texts[::2], texts[1::2], strict=True))).encode()


def _chunks(items: list[Any]) -> Iterable[list[Any]]:
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))


# --------------------------------------------------------------------------------------------------------------
# addresses


def from_url(url: str, dead_letters: str | None = None) -> RedisSource:
    """Return the source for `redis[s]://[user:password@]host[:port]/STREAM?group=GROUP`.

    Further parameters: consumer, field, lease, start, db. Raises SourceError, without showing the password.
    """
    parts = urlsplit(url)
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    stream = unquote(parts.path[1:])
    values = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = values.keys() - {"group", "consumer", "field", "lease", "start", "db"}
    if unknown:
        raise SourceError(f"{shown}: unknown parameter {', '.join(sorted(unknown))}")
    if not stream or not values.get("group"):
        raise SourceError(f"{shown}: write redis://HOST:PORT/STREAM?group=GROUP")
    try:
        lease, db = float(values.get("lease", LEASE)), int(values.get("db", 0))
        return RedisSource(
            _client(parts, db),
            stream,
            values["group"],
            consumer=values.get("consumer"),
            field=values.get("field", FIELD),
            lease=lease,
            start=values.get("start", "0"),
            dead_letters=dead_letters,
        )
    except (ValueError, SourceError) as error:
        raise SourceError(f"{shown}: {error}") from None


def _client(parts: SplitResult, db: int) -> redis.asyncio.Redis:
    """Return a client that never retries: the pump decides about delays and giving up."""
    return redis.asyncio.Redis(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 6379,
        db=db,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        ssl=parts.scheme == "rediss",
        protocol=2,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=_PATIENCE,
        socket_connect_timeout=_PATIENCE,
    )
