"""The Step Functions API over HTTP, as boto3 and the aws CLI use it.

`wire` parses HTTP, `app` finds the action, `shapes` and `constraints` read its parameters, `operations` performs it
through `express.service`, `server` listens. `hosts` and `signatures` decide which requests are answered; `workers`
distributes them over several processes.
"""

from __future__ import annotations

from express.api.app import Endpoint
from express.api.counting import Counted, no_answers
from express.api.hosts import HostPolicy
from express.api.server import Server
from express.api.signatures import Signed
from express.api.wire import Limits

__all__ = ["Counted", "Endpoint", "HostPolicy", "Limits", "Server", "Signed", "no_answers"]
