"""A client of Lambda's Invoke API, for functions that another process runs.

The runtime interface emulator, `sam local start-lambda` and compatible servers accept `POST
/2015-03-31/functions/NAME/invocations` with the event as body. Errors are those of AWS Step Functions: the function's
own error has its errorType as name and the error document as cause, a refusal by the API is `Lambda.<Exception>`, and a
server that cannot be reached or does not answer is `Lambda.SdkClientException`. The client never retries; the state's
Retry does.

The emulators are less exact than Lambda. They omit the header that marks an error (issue 20 of the runtime interface
emulator), so a document that looks like an error counts as one; and they report a timeout of the function as plain
text.

The client is aiohttp: its connection pool is bounded, it is several times as fast as httpx, and aiobotocore builds on
it too.

Sources: Lambda API reference, Invoke; AWS guide "Handling errors in Step Functions workflows", "Handle transient Lambda
service exceptions"; recorded errors of missing functions.
"""

from __future__ import annotations

import asyncio
import uuid
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import quote, urlsplit

import aiohttp
import orjson

from express.errors import RUNTIME, EngineError, InvalidTasks, StateError
from express.parsing import parse_json
from express.payload import PAYLOAD_LIMIT, encode, text_of
from express.states.lambda_function import failure_document, wrap
from express.states.state import Handler
from express.tasks.function_names import name_and_qualifier
from express.tasks.functions import handler_failure

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import AsyncGenerator, Callable, Mapping

    from express.states.task_context import TaskContext
    from express.types import JSON

#: Timeouts in seconds for connecting and for the answer: a function runs for 15 minutes at most.
_CONNECT: Final = 5.0
_ANSWER: Final = 16 * 60.0
#: Seconds an idle connection is kept: less than the 5 of servers (Node, uvicorn), which must not close it first.
_KEEP_ALIVE: Final = 4.0
#: The upper bound of a response in bytes (Lambda quotas: 6 MB for synchronous invocations).
_LONGEST: Final = 6_291_556

#: The possible fields of an error document, in Python and in Node.js.
_ERROR_FIELDS: Final = frozenset(("errorMessage", "errorType", "requestId", "stackTrace", "trace", "cause"))
#: The API's error names by HTTP status, for responses that do not name their error.
_BY_STATUS: Final = {404: "ResourceNotFoundException", 429: "TooManyRequestsException"}
_SERVER_ERROR: Final = "ServiceException"
_CLIENT_ERROR: Final = "AWSLambdaException"
_TIMED_OUT: Final = b"Task timed out after"


#: The connections of an endpoint: a pool for each event loop in use, with the generator that closes it.
Sessions: TypeAlias = (
    "dict[AbstractEventLoop, tuple[aiohttp.ClientSession, AsyncGenerator[aiohttp.ClientSession, None]]]"
)


@dataclass(frozen=True, slots=True)
class Reply:
    """The HTTP response to an invocation."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class LambdaEndpoint:
    """A server that implements Lambda's Invoke API, as two handlers.

    `direct` calls functions whose ARN is the Resource; `invoked` serves `lambda:invoke`, whose Parameters hold the
    whole request. url, connections: see `Tasks.http`.
    """

    def __init__(self, url: str, connections: int) -> None:
        if connections < 1:
            raise InvalidTasks(f"there must be one connection or more to {url}, not {connections}")
        self._url = _read_url(url)
        self._connections = connections
        self._sessions: Sessions = {}
        weakref.finalize(self, _close_all, self._sessions).atexit = False
        self.direct = _handler(self._call)
        self.invoked = _handler(self._invoke)

    async def _call(self, payload: JSON, context: TaskContext) -> JSON:
        """Call the function that the Resource names: payload in, result out."""
        name, qualifier = name_and_qualifier(context.resource)
        reply = await self._post(name, qualifier, encode(payload), {})
        return await _result(name, reply, lambda body, _: body.decode("utf-8", "replace"))

    async def _invoke(self, parameters: JSON, context: TaskContext) -> JSON:
        """`lambda:invoke`: Parameters in, the response of Invoke out."""
        request = parameters if isinstance(parameters, dict) else {}
        function = _text(request, "FunctionName")
        if function is None:
            raise EngineError(RUNTIME, f"The Parameters '{text_of(parameters)}' name no function to invoke")
        name, qualifier = name_and_qualifier(function)
        headers = {"X-Amz-Invocation-Type": _text(request, "InvocationType") or "RequestResponse"}
        client_context = _text(request, "ClientContext")
        if client_context is not None:
            headers["X-Amz-Client-Context"] = client_context
        qualifier = _text(request, "Qualifier") or qualifier
        reply = await self._post(name, qualifier, encode(request.get("Payload", {})), headers)
        if reply.status in (202, 204):
            # An asynchronous invocation, or a dry run.
            return {"Payload": "", "StatusCode": reply.status}
        result = wrap(await _result(name, reply, lambda _, document: text_of(document)))
        return {**result, "ExecutedVersion": reply.headers.get("X-Amz-Executed-Version", result["ExecutedVersion"])}

    async def _post(self, name: str, qualifier: str | None, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Raises StateError Lambda.SdkClientException when there is no answer."""
        session = await self._session()
        url = self._url.format(name=quote(name, safe=""))
        if qualifier is not None:
            url = f"{url}?Qualifier={quote(qualifier, safe='')}"
        try:
            async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                return Reply(response.status, response.headers, await _read(response))
        except TimeoutError as error:
            late = "Connect" if isinstance(error, aiohttp.ConnectionTimeoutError) else "Read"
            raise _unreachable(f"{late} timed out") from None
        except aiohttp.ClientConnectorError as error:
            reason = error.os_error.strerror or error.os_error
            raise _unreachable(f"Connect to {error.host}:{error.port} failed: {reason}") from None
        except (aiohttp.ClientError, ValueError) as error:
            raise _unreachable(str(error) or type(error).__name__) from None

    async def _session(self) -> aiohttp.ClientSession:
        """The session of the running event loop, opened on first use."""
        loop = asyncio.get_running_loop()
        known = self._sessions.get(loop)
        if known is None:
            holder = _hold(self._sessions, loop, self._connections)
            # `anext` does not suspend here, so no other call runs in between.
            known = self._sessions[loop] = await anext(holder), holder
        return known[0]


async def _hold(
    sessions: Sessions, loop: AbstractEventLoop, connections: int
) -> AsyncGenerator[aiohttp.ClientSession, None]:
    """A generator that opens a session and closes it when it is itself closed.

    The event loop closes it at shutdown, as it does all its asynchronous generators (`asyncio.run` triggers that), or
    the endpoint does.
    """
    connector = aiohttp.TCPConnector(limit=connections, keepalive_timeout=_KEEP_ALIVE)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=_ANSWER)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Content-Type": "application/json"},
    ) as session:
        try:
            yield session
        finally:
            sessions.pop(loop, None)


def _close_all(sessions: Sessions) -> None:
    """Close the sessions of a collected endpoint in the event loops that are still open."""
    for loop, (_, holder) in tuple(sessions.items()):
        if not loop.is_closed():
            asyncio.run_coroutine_threadsafe(_close(holder), loop)


async def _close(holder: AsyncGenerator[aiohttp.ClientSession, None]) -> None:
    await holder.aclose()


def _handler(call: Callable[..., Any]) -> Handler:
    return Handler(
        call=call,
        kind="async",
        isolate=True,
        wants_context=True,
        for_function=False,
        failures=(Exception, asyncio.CancelledError),
        failure=handler_failure,
        named_by_class=True,
    )


def _read_url(text: str) -> str:
    """The URL of an invocation, with `{name}` in place of the function."""
    try:
        parts = urlsplit(text)
        is_server = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except (ValueError, AttributeError):
        # An invalid port, an unclosed bracket, or no text at all.
        is_server = False
    if not is_server or parts.query or parts.fragment:
        raise InvalidTasks(f"{text!r} is no URL of a server: write http://HOST:PORT")
    url = text.rstrip("/").replace("{", "%7B").replace("}", "%7D")
    return url if url.endswith("/invocations") else f"{url}/2015-03-31/functions/{{name}}/invocations"


def _text(parameters: dict[str, JSON], name: str) -> str | None:
    value = parameters.get(name)
    if value is None or isinstance(value, str):
        return value
    raise EngineError(RUNTIME, f"The {name} of the task is no string: {text_of(value)}")


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body. Raises StateError for one longer than Lambda would return."""
    chunks, size = [], 0
    async for chunk in response.content.iter_any():
        chunks.append(chunk)
        size += len(chunk)
        if size > _LONGEST:
            error_type = "Function.ResponseSizeTooLarge"
            message = f"Response payload size exceeded maximum allowed payload size ({_LONGEST} bytes)."
            raise StateError(error_type, failure_document(message, error_type))
    return b"".join(chunks)


async def _result(name: str, reply: Reply, cause: Callable[[bytes, JSON], str]) -> JSON:
    """The function's result. Raises StateError for a failed call; `cause` words the function's own error."""
    try:
        document = await _parse(reply.body)
    except orjson.JSONDecodeError:
        document, is_json = None, False
    else:
        is_json = True
    if "X-Amz-Function-Error" in reply.headers or _is_error(document):
        error_type = document.get("errorType") if isinstance(document, dict) else None
        if isinstance(error_type, str) and error_type:
            raise StateError(error_type, cause(reply.body, document))
        raise _unknown(reply)
    if reply.status >= 300:
        raise _refusal(name, reply, document)
    if not is_json:
        raise _unknown(reply)
    return document


async def _parse(body: bytes) -> JSON:
    """Parse a body; a long one in a thread, so that it does not block the event loop."""
    return parse_json(body) if len(body) <= PAYLOAD_LIMIT else await asyncio.to_thread(parse_json, body)


def _is_error(document: JSON) -> bool:
    """Whether an unmarked document is an error: it has the fields of an error document and no others."""
    return (
        isinstance(document, dict)
        and document.keys() <= _ERROR_FIELDS
        and isinstance(document.get("errorMessage"), str)
        and isinstance(document.get("errorType"), str)
    )


def _unknown(reply: Reply) -> StateError:
    """The error, in AWS's words, of a function that failed without an error type; `Sandbox.Timedout` for a timeout."""
    text = reply.body.decode("utf-8", "replace")
    if reply.body.startswith(_TIMED_OUT):
        return StateError("Sandbox.Timedout", failure_document(f"Error: {text.strip()}", "Sandbox.Timedout"))
    return StateError(
        "Lambda.Unknown",
        f"The cause could not be determined because Lambda did not return an error type. Returned payload: {text}",
    )


def _refusal(name: str, reply: Reply, document: JSON) -> StateError:
    """An error of the API itself: the function is missing, there are too many calls, the server is broken."""
    members = document if isinstance(document, dict) else {}
    named = reply.headers.get("x-amzn-ErrorType", "").partition(":")[0]
    code = named or _BY_STATUS.get(reply.status, _SERVER_ERROR if reply.status >= 500 else _CLIENT_ERROR)
    if not code.endswith("Exception"):
        code += "Exception"
    message = members.get("Message") or members.get("message")
    if not isinstance(message, str):
        text = reply.body.decode("utf-8", "replace").strip()
        message = text[:1000] or f"The call of the function {name} was answered with HTTP status {reply.status}."
    request_id = reply.headers.get("x-amzn-RequestId") or uuid.uuid4()
    return StateError(
        f"Lambda.{code}",
        f"{message} (Service: AWSLambda; Status Code: {reply.status}; Error Code: {code}; "
        f"Request ID: {request_id}; Proxy: null)",
    )


def _unreachable(why: str) -> StateError:
    return StateError("Lambda.SdkClientException", f"Unable to execute HTTP request: {why}")
