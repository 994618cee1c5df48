"""A real Prometheus for a few minutes: started on a free port, asked through its HTTP API, gone without a trace.

The tests ask it what the boards and rules ask; `render` draws its answers. It scrapes every second, so that a window
of a few seconds already holds a rate. API: https://prometheus.io/docs/prometheus/latest/querying/api/
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from http.client import HTTPException
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self, TypeAlias
from urllib.parse import urlencode
from urllib.request import urlopen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: A series of a range query: its labels, and (seconds since the epoch, value) in order.
Series: TypeAlias = "tuple[dict[str, str], list[tuple[float, float]]]"
#: A series of an instant query: its labels and its value.
Sample: TypeAlias = "tuple[dict[str, str], float]"

RULES = Path(__file__).parent / "rules"

SCRAPE_SECONDS = 1
_START_SECONDS = 20.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.1
_ATTEMPTS = 3


class PrometheusError(Exception):
    """Prometheus does not start, does not answer, or refuses a query; the message says which and why."""


def installed() -> bool:
    """Whether there is a `prometheus` to start (Debian package `prometheus`)."""
    return shutil.which("prometheus") is not None


class Prometheus:
    """A running Prometheus that scrapes `targets` (address by instance name) as job `express`, under the rules here.

    `configuration`, if there is one, says all that instead. A context manager; leaving it stops the process and
    deletes its data.
    """

    def __init__(
        self,
        targets: Mapping[str, str],
        rules: Path = RULES,
        *,
        configuration: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._configuration = configuration or _configuration(targets, rules)
        self._environment = environment
        self._resources = ExitStack()
        self.url = ""

    def __enter__(self) -> Self:
        with self._resources as resources:
            directory = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="express-prometheus-")))
            config = directory / "prometheus.yml"
            config.write_text(json.dumps(self._configuration), encoding="utf-8")  # JSON is YAML too
            log = resources.enter_context((directory / "log").open("w+", encoding="utf-8"))
            self._start(config, directory / "data", log, resources)
            self._resources = resources.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def _start(self, config: Path, data: Path, log: IO[str], resources: ExitStack) -> None:
        """Start on a free port; another process may take it first, so try again."""
        for _ in range(_ATTEMPTS):
            port = _free_port()
            process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={config}",
                    f"--storage.tsdb.path={data}",
                    f"--web.listen-address=127.0.0.1:{port}",
                    # Prometheus 3 expands the variables in external labels unasked.
                    "--enable-feature=exemplar-storage,expand-external-labels",
                    "--log.level=warn",
                ],
                env={**os.environ, **(self._environment or {})},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            self.url = f"http://127.0.0.1:{port}"
            if self._is_ready(process):
                resources.callback(stop, process)
                return
            stop(process)
        log.seek(0)
        raise PrometheusError(f"prometheus does not start:\n{log.read()[-2000:]}")

    def _is_ready(self, process: subprocess.Popen[bytes]) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            try:
                with urlopen(f"{self.url}/-/ready", timeout=1) as answer:
                    if answer.status == 200:
                        return True
            except (OSError, HTTPException):  # it refuses connections at first and says 503 while it loads
                time.sleep(_POLL_SECONDS)
        return False

    def ask(self, path: str, **parameters: str | float) -> Any:
        """The data of an API answer. Raises PrometheusError with Prometheus's own words."""
        try:
            with urlopen(f"{self.url}/api/v1/{path}?{urlencode(parameters)}", timeout=10) as answer:
                return json.load(answer)["data"]
        except OSError as error:
            told = error.read().decode() if hasattr(error, "read") else str(error)
            raise PrometheusError(f"{path} {parameters}: {told}") from None

    def instant(self, expression: str, at: float | None = None) -> list[Sample]:
        """The expression's value for each series, now or at a moment. A scalar is a series without labels."""
        data = self.ask("query", query=expression, time=time.time() if at is None else at)
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(series["metric"], float(series["value"][1])) for series in data["result"]]

    def range(self, expression: str, start: float, end: float, step: float) -> list[Series]:
        """The expression's values from start to end (seconds since the epoch), one every `step` seconds."""
        data = self.ask("query_range", query=expression, start=start, end=end, step=step)
        return [
            (series["metric"], [(float(at), float(value)) for at, value in series["values"]])
            for series in data["result"]
        ]

    def exemplars(self, expression: str, start: float, end: float) -> list[tuple[dict[str, str], float, float]]:
        """The labels, moment and value of each exemplar of the expression's series."""
        found = self.ask("query_exemplars", query=expression, start=start, end=end)
        return [
            (exemplar["labels"], float(exemplar["timestamp"]), float(exemplar["value"]))
            for series in found
            for exemplar in series["exemplars"]
        ]

    def rules(self) -> list[dict[str, Any]]:
        """Every recording and alerting rule, with its health and last error."""
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]

    def wait_until(self, holds: Callable[[Self], bool], seconds: float, what: str) -> None:
        """Ask again and again until it holds. Raises PrometheusError after so many seconds."""
        deadline = time.monotonic() + seconds
        while not holds(self):
            if time.monotonic() > deadline:
                raise PrometheusError(f"after {seconds:g} s still not so: {what}")
            time.sleep(_POLL_SECONDS)


def _configuration(targets: Mapping[str, str], rules: Path) -> dict[str, Any]:
    interval = f"{SCRAPE_SECONDS}s"
    labelled = [{"targets": [address], "labels": {"instance": name}} for name, address in targets.items()]
    return {
        "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
        "rule_files": [str(path) for path in sorted(rules.glob("*.yml"))],
        "scrape_configs": [{"job_name": "express", "static_configs": labelled}],
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def stop(process: subprocess.Popen[Any]) -> None:
    """End a process, by force if it takes its time."""
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def interpolate(expression: str, variables: Mapping[str, str], *, step: float, span: float) -> str:
    """The expression as Grafana sends it: its variables replaced by what is chosen, its intervals by seconds.

    `step` is the distance of two points of the panel, `span` the board's time range, both in seconds.
    `$__rate_interval` is four scrapes, or a step and a scrape if that is longer (Grafana docs, "Prometheus template
    variables").
    """
    rate_interval = max(4 * SCRAPE_SECONDS, step + SCRAPE_SECONDS)
    values = {"__rate_interval": f"{rate_interval:.0f}s", "__range": f"{span:.0f}s", **variables}
    for name in sorted(values, key=len, reverse=True):
        expression = expression.replace(f"${name}", values[name])
    return expression
