"""The pump: feeds a Runtime from a source, and tells the source what became of each message.

Theory of operation. A few coroutines share the work. The feeder fetches only as many messages as there is room for
(`in_flight`) and starts an execution for each; nothing is ever buffered beyond that. Whoever ends puts its message
into one of three lists: done, to be tried again, dead. The settler takes the lists as they are and tells the source,
in one round trip each, however many have ended meanwhile; only then is there room again. So a message is acknowledged
after its execution has ended and never before, and a crash at any moment delivers it once more. Dead letters have a
settler of their own: a broker that has no memory for them still takes acknowledgements. Leases of what still runs are
extended at a third of their length.

A broker that goes away is asked again and again, less and less often; what has ended meanwhile waits, and counts as
in flight, so that nothing piles up. Messages the source delivers again while they are still in hand here (their
leases ran out during an outage) are not run twice.

Stopping: no more is fetched, what is in hand may end within `grace` seconds, what has not is aborted and left
unacknowledged: the next consumer gets it.

What is counted is counted in plain integers, for whoever scrapes (`express.metrics.Metrics.add_source`).
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

#: Messages fetched and not settled, at most, unless told otherwise.
IN_FLIGHT: Final = 1_000
#: Messages asked for at once: more make a round trip no cheaper for each, and its answer long.
BATCH: Final = 256
#: Kubernetes kills after 30 seconds.
GRACE: Final = 25.0
MAX_DELIVERIES: Final = 5
RETRIES: Final = Backoff(1.0, 60.0)
RECONNECTS: Final = Backoff(0.1, 10.0)
#: Characters that a header carries, at most.
_MAX_HEADER = 4_096
#: Seconds between two questions for the lag.
_ASK_EVERY = 5.0
#: Seconds to tell the source what has ended, when the grace is over.
_LAST_WORDS = 1.0
#: How a message can end. `invalid`: it is no JSON; `exhausted`: it was delivered too often to be tried once more.
OUTCOMES: Final = ("succeeded", "failed", "timed_out", "aborted", "invalid", "exhausted")
_NS = 1_000_000_000


class Pump:
    """Feeds `workflow` on `runtime` with the messages of `source`.

        pump = express.consumers.Pump(runtime, workflow, source)
        loop.add_signal_handler(signal.SIGTERM, pump.stop)
        await pump.run()

    in_flight: messages fetched and not settled, at most. max_deliveries: how often a message may be delivered; one
    that fails then, or comes once more, is a dead letter. outcomes: what is done with which. decode: from the body to
    the input, raising what it likes for what cannot be one. retries: how long a message waits to be tried again.
    grace: seconds for what runs when it is told to stop.

    Executions are named after the source and the message's id: a message that is delivered again has the same name.
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
        #: Since when (monotonic nanoseconds) which work gets no answer: one may fetch while nothing can be written.
        self._away: dict[str, int] = {}
        #: For whoever counts.
        self.outcome_counts = dict.fromkeys(OUTCOMES, 0)
        self.redelivered = 0
        self.dead_lettered = 0
        self.reconnections = 0
        self.lag: int | None = None
        self.is_running = False

    # ------------------------------------------------------------------------------------------ what it shows

    @property
    def name(self) -> str:
        """The source's."""
        return self._source.name

    @property
    def in_flight(self) -> int:
        """Messages fetched and not settled."""
        return len(self._held)

    @property
    def commit_gap(self) -> int:
        return self._source.commit_gap

    @property
    def is_connected(self) -> bool:
        """Whether it runs and its broker answered when it was last asked."""
        return self.is_running and not self._away

    @property
    def oldest_in_flight_ns(self) -> int:
        """How long the oldest message in flight has been, in nanoseconds; 0 without any. May be asked in any thread."""
        while True:
            try:
                oldest = next(iter(self._held.values()), None)
            except RuntimeError:
                # The loop's thread has changed it in between.
                continue
            return 0 if oldest is None else max(self._runtime.monotonic_ns() - oldest.begun_ns, 0)

    # ------------------------------------------------------------------------------------------ life

    async def run(self) -> None:
        """Feed until `stop`, or until the source has no more. Cancelling it aborts what runs, unacknowledged.

        Raises SourceError when the source cannot be used or, at the start, its broker not reached.
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
            # One is the reason, the others were cancelled for it.
            raise group.exceptions[0] from None
        finally:
            self.is_running = False
            self.lag = None
            await self._abort()
            await self._source.close()

    def stop(self) -> None:
        """Fetch no more, and let `run` return when what is in hand has ended, within the grace. Called in the loop's
        thread."""
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
        """Abort what runs and wait until it has ended; leave what has not begun."""
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
        """Those that are not in hand already. One that is has come again because its lease had run out."""
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
        """Start an execution for a message, unless it is known already how it ends."""
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
        except Exception as error:  # noqa: BLE001 - whatever it is, the message cannot be read, and others can
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
        """Count how it ended, and have done with its message what is to be done."""
        self.outcome_counts[result.status.lower()] += 1
        message.ended = True
        try:
            action = self._outcomes.of(result)
            check_action(action)
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody decides about the message, and others go on
            cause = f"What becomes of the message cannot be told: {_reason(error)}"
            self._died_of(message, type(error).__name__, cause, result.name)
            return
        if action == "ack":
            self._done.append(message)
        elif action == "leave" or message.lost:
            # Who has lost a message does not decide about it; that its work is done, however, can be told.
            self._left.append(message)
        elif action == "retry" and message.deliveries < self._max_deliveries:
            self._again.append((message, self._retries.after(message.deliveries)))
        else:
            self._died_of(message, result.error, result.cause, result.name)
        if not self._changed.is_set():
            self._changed.set()

    def _bury(self, message: Message, outcome: str, error: str, cause: str) -> None:
        """A dead letter that no execution was started for."""
        self.outcome_counts[outcome] += 1
        message.ended = True
        self._died_of(message, error, cause, None)

    def _died_of(self, message: Message, error: str | None, cause: str | None, name: str | None) -> None:
        self._dead.append((message, self._headers(message, error, cause, name)))
        self._died.set()

    def _headers(self, message: Message, error: str | None, cause: str | None, name: str | None) -> dict[str, str]:
        """Why it is dead. The ARN lacks the id that AWS, and the context object, put behind the name."""
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
        """Until something has been settled, or it is to stop."""
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
        """Tell the source about everything that has ended up to now, dead letters apart."""
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
        """Ask the source until it answers."""
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
        """Wait before asking again, for as long as the broker has been away already; no longer than until the stop."""
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
        """Extend the leases of what has not ended, at a third of their length."""
        lease = self._source.lease
        if lease is None:
            return
        while True:
            await asyncio.sleep(lease / 3)
            if any(not message.ended for message in self._held.values()):
                await self._insist("extend", self._extend)

    async def _extend(self) -> None:
        """For those that have not ended by now, however long the broker was away."""
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
                # Whoever feeds finds out too, and says so.
                self.lag = None
            await asyncio.sleep(_ASK_EVERY)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _writable(text: str | None) -> str:
    """For a header: not too long, and without halves of surrogate pairs, which no broker's client can write."""
    return (text or "")[:_MAX_HEADER].encode("utf-8", "replace").decode()
