"""Activities: tasks that external workers ask for (AWS guide "Learn about Activities in Step Functions").

Theory of operation. A task of an activity waits in the activity's queue (`Line`) until a worker polls for it
(GetActivityTask). The oldest task goes first, to the worker that has waited longest. A poll that finds the queue empty
is held for up to 60 seconds. The poll itself takes the task from the queue, in the step in which it is answered, and
only while the client is connected: no task is lost to a client that has left. From then on the worker has the token.

A queue belongs to the ARN, not to the activity. As at AWS, a task cannot begin to wait for an activity that does not
exist; one that waits when the activity is deleted continues to wait, and is found when the activity is created again.

Sources: API reference CreateActivity (idempotency), GetActivityTask; AWS guide "Service quotas"; answers recorded.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from express.errors import RUNTIME, EngineError
from express.names import check_name
from express.payload import text_of
from express.service import errors
from express.service.arns import is_activity_arn, read_activity_arn
from express.service.configuration import read_encryption
from express.service.tagging import add_tags, remove_tags
from express.states.lambda_function import cancelled
from express.states.state import Handler

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from express.service.arns import Account
    from express.types import JSON

#: A tenth of AWS's quota, as for state machines; concurrent polls of one activity, as at AWS.
MAX_ACTIVITIES: Final = 10_000
MAX_POLLS: Final = 1_000
#: How long a poll is held, in seconds (API reference GetActivityTask).
POLL_SECONDS: Final = 60


@dataclass(slots=True)
class Activity:
    """An activity. `created` is in seconds since the epoch; `encryption` is as the API shows it."""

    arn: str
    name: str
    created: float
    encryption: Mapping[str, Any]
    tags: dict[str, str] = field(default_factory=dict)


class Offer:
    """A task offered to workers.

    Awaiting it queues it until a worker takes it; the result is that worker's name, None for one without.
    """

    __slots__ = ("_payload", "_taken", "_within", "token")

    def __init__(self, within: AbstractContextManager[Line], token: str, payload: JSON) -> None:
        self._within = within
        self._payload = payload
        self._taken: asyncio.Future[str | None]
        self.token = token

    @property
    def input(self) -> str:
        """The payload as the worker gets it: JSON text."""
        return text_of(self._payload)

    def __await__(self) -> Generator[Any, None, str | None]:
        self._taken = asyncio.get_running_loop().create_future()
        with self._within as line:
            line.put(self)
            try:
                return (yield from self._taken)
            finally:
                line.withdraw(self)

    def take(self, worker: str | None) -> bool:
        """Hand the task to a worker. False when it is no longer awaited."""
        if self._taken.done():
            return False
        self._taken.set_result(worker)
        return True


class Line:
    """The queue of one activity: tasks that wait for workers, and polls that wait for tasks. `users` counts both."""

    def __init__(self) -> None:
        self.users = self.polls = 0
        self._offers: dict[str, Offer] = {}
        self._pollers: dict[asyncio.Future[None], None] = {}

    def put(self, offer: Offer) -> None:
        self._offers[offer.token] = offer
        self.wake()

    def withdraw(self, offer: Offer) -> None:
        self._offers.pop(offer.token, None)

    def take(self, worker: str | None) -> Offer | None:
        """Hand the worker the oldest task that is still awaited, if any."""
        while self._offers:
            offer = self._offers.pop(next(iter(self._offers)))
            if offer.take(worker):
                return offer
        return None

    async def wait(self, gone: asyncio.Future[None] | None) -> None:
        """Wait until there may be a task, or the client has gone."""
        poller: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def leave(_: asyncio.Future[None]) -> None:
            _resolve(poller)

        self._pollers[poller] = None
        if gone is not None:
            gone.add_done_callback(leave)
        try:
            await poller
        finally:
            self._pollers.pop(poller, None)
            if gone is not None:
                gone.remove_done_callback(leave)

    def wake(self) -> None:
        """If there are tasks, wake the poll that has waited longest."""
        if self._offers and self._pollers:
            _resolve(next(iter(self._pollers)))

    def wake_all(self) -> None:
        for poller in self._pollers:
            _resolve(poller)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class Activities:
    """The activities of an endpoint. `now` gives seconds since the epoch."""

    def __init__(self, account: Account, now: Callable[[], float]) -> None:
        self._account = account
        self._now = now
        self._activities: dict[str, Activity] = {}
        self._lines: dict[str, Line] = {}
        self._closed = False

    # ------------------------------------------------------------------------------------------ administration

    def create(self, request: Mapping[str, Any]) -> Activity:
        """CreateActivity. The same name gives the same activity, whatever its tags (recorded). Raises ServiceError."""
        name = request["name"]
        try:
            check_name(name)
        except ValueError:
            raise errors.invalid_name(name) from None
        encryption = read_encryption(request.get("encryptionConfiguration"))
        arn = self._account.activity_arn(name)
        activity = self._activities.get(arn)
        if activity is None:
            if len(self._activities) >= MAX_ACTIVITIES:
                raise errors.activity_limit(MAX_ACTIVITIES)
            activity = Activity(arn, name, self._now(), encryption)
            add_tags(activity, request.get("tags", ()))
            self._activities[arn] = activity
        elif activity.encryption != encryption:
            raise errors.activity_exists(arn)
        return activity

    def find(self, arn: str) -> Activity:
        """The activity of an ARN. Raises ServiceError."""
        activity = self._activities.get(arn)
        if activity is None:
            read_activity_arn(arn)
            raise errors.activity_missing(arn)
        return activity

    def delete(self, arn: str) -> None:
        """DeleteActivity; a missing activity is no error (recorded)."""
        if self._activities.pop(arn, None) is None:
            read_activity_arn(arn)

    def all(self) -> Iterable[Activity]:
        """All activities, sorted by ARN."""
        return [self._activities[arn] for arn in sorted(self._activities)]

    def taggable(self, arn: str) -> Activity:
        activity = self._activities.get(arn)
        if activity is None:
            raise errors.untaggable(arn)
        return activity

    def tag(self, arn: str, tags: Sequence[Mapping[str, str]]) -> None:
        add_tags(self.taggable(arn), tags)

    def untag(self, arn: str, keys: Sequence[str]) -> None:
        remove_tags(self.taggable(arn), keys)

    # ------------------------------------------------------------------------------------------ tasks and workers

    def handler(self, arn: str) -> Handler:
        """The handler that offers an activity's tasks to its workers."""

        def offer(token: str, payload: JSON) -> Offer:
            if arn not in self._activities:
                raise EngineError(RUNTIME, f"The activity {arn} does not exist.")
            return Offer(self._line(arn), token, payload)

        return Handler(
            call=offer,
            kind="worker",
            isolate=True,
            wants_context=False,
            for_function=False,
            failures=(),
            failure=cancelled,
        )

    async def poll(self, arn: str, worker: str | None, gone: asyncio.Future[None] | None = None) -> Offer | None:
        """GetActivityTask: the next task of an activity, None if there was none for a minute. Raises ServiceError.

        gone: done once the client has left.
        """
        self.find(arn)
        with self._line(arn) as line:
            if line.polls >= MAX_POLLS:
                raise errors.worker_limit(MAX_POLLS)
            line.polls += 1
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    while not self._closed and (gone is None or not gone.done()):
                        offer = line.take(worker)
                        if offer is not None:
                            return offer
                        await line.wait(gone)
            except TimeoutError:
                pass
            finally:
                line.polls -= 1
                # This poll may have been woken for a task that it has not taken: wake the next one.
                line.wake()
        return None

    @contextmanager
    def _line(self, arn: str) -> Iterator[Line]:
        """The queue of an activity, which exists as long as it has users."""
        line = self._lines.setdefault(arn, Line())
        line.users += 1
        try:
            yield line
        finally:
            line.users -= 1
            if not line.users:
                del self._lines[arn]

    def close(self) -> None:
        """End all polls."""
        self._closed = True
        for line in self._lines.values():
            line.wake_all()


class ActivityWorkers:
    """Implements `states.state.Resolver` for activities: their tasks are offered to workers."""

    has_functions = False
    names = ()

    def __init__(self, activities: Activities) -> None:
        self._activities = activities

    def handler(self, resource: str, function: str | None = None) -> Handler | None:
        return self._activities.handler(resource) if is_activity_arn(resource) else None
