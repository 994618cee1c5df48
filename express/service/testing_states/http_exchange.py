"""The request and the response of an HTTP Task, as inspection level TRACE shows them.

They are derived from the Task's Parameters and its result, because the real HTTP exchange is up to its handler. There
are no EventBridge connections here that could add anything, so `revealSecrets` has nothing to reveal.
Source: AWS guide "Call HTTPS APIs in Step Functions workflows", "Task state fields".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from express.payload import text_of

if TYPE_CHECKING:
    from express.types import JSON

#: The integration of HTTP Tasks.
RESOURCE: Final = ":http:invoke"
_PROTOCOL: Final = "https"


def request_of(parameters: JSON) -> dict[str, str]:
    """InspectionDataRequest of a call with these Parameters."""
    parameters = parameters if isinstance(parameters, dict) else {}
    url, query = str(parameters.get("ApiEndpoint", "")), parameters.get("QueryParameters")
    request = {
        "protocol": url.partition("://")[0] or _PROTOCOL,
        "method": str(parameters.get("Method", "")),
        "url": f"{url}?{urlencode(query, doseq=True)}" if isinstance(query, dict) and query else url,
        "headers": _headers(parameters.get("Headers")),
    }
    return request if "RequestBody" not in parameters else {**request, "body": _body(parameters["RequestBody"])}


def response_of(result: JSON) -> dict[str, str]:
    """InspectionDataResponse of a call that came back with this result."""
    result = result if isinstance(result, dict) else {}
    response = {
        "protocol": _PROTOCOL,
        "statusCode": str(result.get("StatusCode", "")),
        "statusMessage": str(result.get("StatusText", "")),
        "headers": _headers(result.get("Headers")),
    }
    return response if "ResponseBody" not in result else {**response, "body": _body(result["ResponseBody"])}


def _headers(headers: Any) -> str:
    """`[name: value, …]`."""
    pairs = headers.items() if isinstance(headers, dict) else ()
    shown = (f"{name}: {', '.join(map(str, value)) if isinstance(value, list) else value}" for name, value in pairs)
    return f"[{', '.join(shown)}]"


def _body(body: JSON) -> str:
    return body if isinstance(body, str) else text_of(body)
