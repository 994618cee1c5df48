"""The pump feeds a Runtime from a source and reports to the source what became of each message.

Theory of operation. A few coroutines share the work. The feeder fetches only as many messages as there is room for
(`in_flight`) and starts an execution for each; nothing is buffered beyond that. An execution that ends puts its
message into one of four lists: done, to be retried, dead, left unacknowledged. The settler passes the first two to
the source, each in one round trip however many messages have ended meanwhile, and only then frees their room. A
message is therefore acknowledged after its execution has ended and never before, and a crash at any moment delivers
it once more. Dead letters have their own settler, because a broker without memory for them still takes
acknowledgements. Leases of messages that have not ended are extended at a third of their length.

While the broker is unavailable, calls are repeated at growing intervals. Messages that end meanwhile stay in flight,
so nothing accumulates. A message that is redelivered while it is still in flight here (its lease expired during an
outage) is not executed twice.

Stopping: fetching ends, messages in flight have `grace` seconds to end, and the rest are aborted and left
unacknowledged for the next consumer.

Counters are plain integers, read at a scrape (`express.metrics.Metrics.add_source`).
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, Final

from express.consumers.outcomes import EXHAUSTED, INVALID_INPUT, Backoff, Outcomes, check_action
from express.errors import SourceUnavailable
from express.names import execution_arn, fitting_name
from express.parsing import parse_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from express.consumers.source import Message, Source
    from express.result import Result
    from express.runtime import Runtime
    from express.types import JSON
    from express.workflow import Workflow

log = logging.getLogger("express")

#: Default upper bound on messages fetched and not settled.
IN_FLIGHT: Final = 1_000
#: Upper bound on messages per fetch: more would not make each cheaper, only the reply longer.
BATCH: Final = 256
#: Seconds, below the 30 after which Kubernetes kills.
GRACE: Final = 25.0
MAX_DELIVERIES: Final = 5
RETRIES: Final = Backoff(1.0, 60.0)
RECONNECTS: Final = Backoff(0.1, 10.0)
#: Upper bound on the characters of a header.
_MAX_HEADER = 4_096
#: Seconds between two lag queries.
_ASK_EVERY = 5.0
#: Seconds to settle messages that have ended, after the grace period.
_LAST_WORDS = 1.0
#: How a message can end. `invalid`: it cannot be decoded; `exhausted`: delivered more than `max_deliveries` times.
OUTCOMES: Final = ("succeeded", "failed", "timed_out", "aborted", "invalid", "exhausted")
_NS = 1_000_000_000


class Pump:
    """Feeds `workflow` on `runtime` with the messages of `source`.

        pump = express.consumers.Pump(runtime, workflow, source)
        loop.add_signal_handler(signal.SIGTERM, pump.stop)
        await pump.run()

    in_flight: upper bound on messages fetched and not settled.
    max_deliveries: upper bound on deliveries; a message that fails on the last one, or is delivered again, is a dead
    letter.
    outcomes: the action for each result.
    decode: parses a body into the input; any exception it raises makes the message invalid.
    retries: delays before a message is retried.
    grace: seconds that messages in flight have to end after `stop`.

    Executions are named after the source and the message id, so a redelivered message has the same execution name.
    """

    def __init__(
        self,
        runtime: Runtime,
        workflow: Workflow,
        source: Source,
        *,
        in_flight: int = IN_FLIGHT,
        max_deliveries: int = MAX_DELIVERIES,
        outcomes: Outcomes | None = None,
        decode: Callable[[bytes], JSON] = parse_json,
        retries: Backoff = RETRIES,
        reconnects: Backoff = RECONNECTS,
        grace: float = GRACE,
    ) -> None:
        if in_flight < 1 or max_deliveries < 1 or grace < 0:
            raise ValueError("in_flight and max_deliveries must be positive, grace must not be negative")
        self._runtime = runtime
        self._workflow = workflow
        self._source = source
        self._limit = in_flight
        self._max_deliveries = max_deliveries
        self._outcomes = Outcomes() if outcomes is None else outcomes
        self._decode = decode
        self._retries = retries
        self._reconnects = reconnects
        self._grace = grace
        #: Messages fetched and not settled, by id, oldest first.
        self._held: dict[str, Message] = {}
        self._done: list[Message] = []
        self._again: list[tuple[Message, float]] = []
        self._dead: list[tuple[Message, Mapping[str, str]]] = []
        self._left: list[Message] = []
        self._changed = asyncio.Event()
        self._died = asyncio.Event()
        self._settled = asyncio.Event()
        self._stopping = asyncio.Event()
        self._limited: asyncio.Timeout | None = None
        #: Since when (monotonic nanoseconds) each kind of call fails: reads may succeed while writes fail.
        self._away: dict[str, int] = {}
        #: Counters for metrics.
        self.outcome_counts = dict.fromkeys(OUTCOMES, 0)
        self.redelivered = 0
        self.dead_lettered = 0
        self.reconnections = 0
        self.lag: int | None = None
        self.is_running = False

    # ------------------------------------------------------------------------------------------ what it shows

    @property
    def name(self) -> str:
        """The name of the source."""
        return self._source.name

    @property
    def in_flight(self) -> int:
        """Messages fetched and not settled."""
        return len(self._held)

    @property
    def commit_gap(self) -> int:
        """Messages that a crash now would deliver again although they are done; see `Source.commit_gap`."""
        return self._source.commit_gap

    @property
    def is_connected(self) -> bool:
        """Whether the pump runs and the broker answered its latest calls."""
        return self.is_running and not self._away

    @property
    def oldest_in_flight_ns(self) -> int:
        """Age of the oldest message in flight in nanoseconds, 0 if there is none. Safe in any thread."""
        while True:
            try:
                oldest = next(iter(self._held.values()), None)
            except RuntimeError:
                # The event loop's thread has changed the dict meanwhile.
                continue
            return 0 if oldest is None else max(self._runtime.monotonic_ns() - oldest.begun_ns, 0)

    # ------------------------------------------------------------------------------------------ life

    async def run(self) -> None:
        """Feed until `stop` is called or the source is exhausted.

        Cancellation aborts running executions and leaves their messages unacknowledged. Raises SourceError when the
        source cannot be used or, at the start, its broker cannot be reached.
        """
        await self._source.open()
        self.is_running = True
        try:
            async with asyncio.TaskGroup() as crew:
                works = (self._settle_for_ever, self._bury_for_ever, self._renew, self._ask_for_lag)
                hands = [crew.create_task(work()) for work in works]
                await self._feed_and_drain()
                for hand in hands:
                    hand.cancel()
        except BaseExceptionGroup as group:
            # The first is the cause; the other tasks were cancelled because of it.
            raise group.exceptions[0] from None
        finally:
            self.is_running = False
            self.lag = None
            await self._abort()
            await self._source.close()

    def stop(self) -> None:
        """Stop fetching; `run` returns when the messages in flight have ended, within the grace period.

        Call it in the event loop's thread.
        """
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._settled.set()
        if self._limited is not None:
            self._limited.reschedule(asyncio.get_running_loop().time() + self._grace)

    async def _feed_and_drain(self) -> None:
        if self._stopping.is_set():
            return
        try:
            async with asyncio.timeout(None) as self._limited:
                await self._feed()
                await self._until_empty()
        except TimeoutError:
            log.warning("source %s: %d messages have not ended in time", self.name, self.in_flight)
            await self._abort()
            try:
                async with asyncio.timeout(_LAST_WORDS):
                    await self._until_empty()
            except TimeoutError:
                log.warning("source %s: %d messages have ended and could not be settled", self.name, self.in_flight)
        finally:
            self._limited = None

    async def _abort(self) -> None:
        """Abort running executions and wait for their ends; leave messages whose execution has not started."""
        unended = [message for message in self._held.values() if not message.ended]
        running = [message.execution for message in unended if message.execution is not None]
        for execution in running:
            execution.stop()
        for execution in running:
            await execution
        self._left += [message for message in unended if message.execution is None]
        self._changed.set()

    # ------------------------------------------------------------------------------------------ the feeder

    async def _feed(self) -> None:
        source, held = self._source, self._held
        while not self._stopping.is_set():
            room = self._limit - len(held)
            if room <= 0:
                await self._until_settled()
                continue
            try:
                messages = await source.fetch(min(room, BATCH))
            except SourceUnavailable as error:
                await self._pause("fetch", error)
                continue
            if self._away:
                self._came_back("fetch")
            if messages is None:
                return
            for message in self._take(messages):
                await self._begin(message)

    def _take(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Return the messages not yet in flight; one already in flight was redelivered because its lease expired."""
        held, now = self._held, self._runtime.monotonic_ns()
        fresh = []
        for message in messages:
            known = held.get(message.id)
            if known is None:
                message.begun_ns = now
                held[message.id] = message
                fresh.append(message)
            else:
                known.deliveries, known.handle, known.lost = message.deliveries, message.handle, False
        return fresh

    async def _begin(self, message: Message) -> None:
        """Start an execution for a message, unless its outcome is known already."""
        if message.deliveries > 1:
            self.redelivered += 1
            if message.deliveries > self._max_deliveries:
                cause = f"The message was delivered {message.deliveries - 1} times and has not ended well."
                self._bury(message, "exhausted", EXHAUSTED, cause)
                return
        body = message.body
        if body is None:
            self._bury(message, "invalid", INVALID_INPUT, message.problem)
            return
        try:
            value = self._decode(body)
        except Exception as error:  # noqa: BLE001 - any error of `decode` concerns this message only
            self._bury(message, "invalid", INVALID_INPUT, f"The message cannot be read: {_reason(error)}")
            return
        name = fitting_name(f"{self._source.name}-{message.id}")
        execution = await self._runtime.start(self._workflow, value, name=name)
        if execution.done:
            self._end(message, await execution)
        else:
            message.execution = execution
            execution.add_done_callback(partial(self._end, message))

    def _end(self, message: Message, result: Result) -> None:
        """Count the outcome and put the message into the list for its action."""
        self.outcome_counts[result.status.lower()] += 1
        message.ended = True
        try:
            action = self._outcomes.of(result)
            check_action(action)
        except Exception as error:  # noqa: BLE001 - an error of the policy must not stop other messages
            cause = f"What becomes of the message cannot be told: {_reason(error)}"
            self._died_of(message, type(error).__name__, cause, result.name)
            return
        if action == "ack":
            self._done.append(message)
        elif action == "leave" or message.lost:
            # A consumer that lost the lease must not decide about the message, but may acknowledge one that is done.
            self._left.append(message)
        elif action == "retry" and message.deliveries < self._max_deliveries:
            self._again.append((message, self._retries.after(message.deliveries)))
        else:
            self._died_of(message, result.error, result.cause, result.name)
        if not self._changed.is_set():
            self._changed.set()

    def _bury(self, message: Message, outcome: str, error: str, cause: str) -> None:
        """Make a dead letter of a message for which no execution was started."""
        self.outcome_counts[outcome] += 1
        message.ended = True
        self._died_of(message, error, cause, None)

    def _died_of(self, message: Message, error: str | None, cause: str | None, name: str | None) -> None:
        self._dead.append((message, self._headers(message, error, cause, name)))
        self._died.set()

    def _headers(self, message: Message, error: str | None, cause: str | None, name: str | None) -> dict[str, str]:
        """Return the dead letter's headers; the ARN lacks the id that AWS and the context object append to the name."""
        headers = {
            "x-error": _writable(error),
            "x-cause": _writable(cause),
            "x-delivery-count": str(message.deliveries),
        }
        if name is not None:
            headers["x-execution-arn"] = execution_arn(self._workflow.arn, self._workflow.type, name)
        return headers

    # ------------------------------------------------------------------------------------------ the settler

    async def _until_empty(self) -> None:
        while self._held:
            await self._until_settled()

    async def _until_settled(self) -> None:
        """Wait until a message is settled or `stop` is called."""
        self._settled.clear()
        await self._settled.wait()

    async def _settle_for_ever(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._settle()

    async def _bury_for_ever(self) -> None:
        while True:
            await self._died.wait()
            self._died.clear()
            dead, self._dead = self._dead, []
            await self._insist("bury", partial(self._source.dead_letter, dead))
            self.dead_lettered += len(dead)
            self._let_go([message for message, _ in dead])

    async def _settle(self) -> None:
        """Report to the source every message that has ended so far, except dead letters."""
        source = self._source
        done, self._done = self._done, []
        again, self._again = self._again, []
        left, self._left = self._left, []
        self._let_go(left)
        if done:
            await self._insist("settle", partial(source.ack, done))
            self._let_go(done)
        if again:
            await self._insist("settle", partial(source.retry, again))
            self._let_go([message for message, _ in again])

    def _let_go(self, messages: list[Message]) -> None:
        for message in messages:
            del self._held[message.id]
        if messages:
            self._settled.set()

    async def _insist(self, work: str, call: Callable[[], Awaitable[None]]) -> None:
        """Repeat a call to the source until it succeeds."""
        while True:
            try:
                await call()
            except SourceUnavailable as error:
                await self._pause(work, error)
            else:
                if self._away:
                    self._came_back(work)
                return

    # ------------------------------------------------------------------------------------------ the broker is away

    async def _pause(self, work: str, error: SourceUnavailable) -> None:
        """Wait before the next attempt, about as long as the broker has been away; a `stop` meanwhile ends the wait."""
        now = self._runtime.monotonic_ns()
        if not self._away:
            log.warning("source %s: %s; trying again", self.name, error)
        since = self._away.setdefault(work, now)
        seconds = min(max(self._reconnects.first, (now - since) / _NS), self._reconnects.longest)
        if self._stopping.is_set():
            await asyncio.sleep(seconds)
            return
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait([stopping], timeout=seconds)
        stopping.cancel()

    def _came_back(self, work: str) -> None:
        since = self._away.pop(work, None)
        if since is not None and not self._away:
            self.reconnections += 1
            log.warning("source %s: back after %.1f s", self.name, (self._runtime.monotonic_ns() - since) / _NS)

    # ------------------------------------------------------------------------------------------ now and then

    async def _renew(self) -> None:
        """Extend the leases of messages that have not ended, at a third of their length."""
        lease = self._source.lease
        if lease is None:
            return
        while True:
            await asyncio.sleep(lease / 3)
            if any(not message.ended for message in self._held.values()):
                await self._insist("extend", self._extend)

    async def _extend(self) -> None:
        """Extend the leases of messages that have not ended at this attempt, which may come after an outage."""
        running = [message for message in self._held.values() if not message.ended and not message.lost]
        lost = await self._source.extend(running)
        for message in lost:
            message.lost = True
        if lost:
            log.warning("source %s: the leases of %d messages were lost to other consumers", self.name, len(lost))

    async def _ask_for_lag(self) -> None:
        while True:
            try:
                self.lag = await self._source.lag()
            except SourceUnavailable:
                # The feeder gets the error too, and logs it.
                self.lag = None
            await asyncio.sleep(_ASK_EVERY)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _writable(text: str | None) -> str:
    """Return text fit for a header: bounded, and without lone surrogates, which no broker's client can write."""
    return (text or "")[:_MAX_HEADER].encode("utf-8", "replace").decode()
