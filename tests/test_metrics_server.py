"""The metrics page: what is served, in which format, and what happens around it."""

from __future__ import annotations

import gzip
import http.client
import socket
import threading
from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

import express
from express.metrics import Metrics
from tests.runtime.machines import compiled, machine, run_clean, state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from express.metrics import Server

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


async def measured() -> Metrics:
    """The metrics of a Runtime that has run one execution and is closed."""
    async with express.Runtime() as runtime:
        metrics = Metrics(runtime)
        await runtime.execute(compiled(machine(A=state("Pass"))), name="first")
    return metrics


@pytest.fixture
def metrics() -> Metrics:
    return run_clean(measured())


@pytest.fixture
def server(metrics: Metrics) -> Iterator[Server]:
    with metrics.serve() as server:
        yield server


def fetch(server: Server, path: str = "/metrics", method: str = "GET", **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request(method, path, headers={name.replace("_", "-"): text for name, text in headers.items()})
    response = connection.getresponse()
    response.body = response.read()  # type: ignore[attr-defined]
    connection.close()
    return response


def test_the_page(server: Server) -> None:
    response = fetch(server)
    body: bytes = response.body  # type: ignore[attr-defined]
    families = {family.name: family for family in parse(body.decode())}
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert families["express_executions_started"].samples[0].value == 1
    assert {"process_resident_memory_bytes", "python_gc_collections", "python_info"} <= set(families)
    assert server.url == f"http://127.0.0.1:{server.port}/metrics"


def test_openmetrics_by_negotiation_with_exemplars(server: Server) -> None:
    response = fetch(server, Accept=OPENMETRICS)
    body: bytes = response.body  # type: ignore[attr-defined]
    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    page = parse_openmetrics(body.decode())  # type: ignore[no-untyped-call]
    families = {family.name: family for family in page}
    exemplars = [s.exemplar for s in families["express_execution_duration_seconds"].samples if s.exemplar]
    assert [exemplar.labels for exemplar in exemplars] == [{"execution": "first"}]


def test_compressed_by_negotiation(server: Server) -> None:
    response = fetch(server, Accept_Encoding="gzip")
    body: bytes = response.body  # type: ignore[attr-defined]
    assert b"express_executions_started_total" in gzip.decompress(body)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 404), ("GET", "/metrics/", 404), ("POST", "/metrics", 405), ("GET", "/metrics?name[]=x", 200)],
)
def test_there_is_nothing_else(server: Server, method: str, path: str, status: int) -> None:
    assert fetch(server, path, method).status == status


def test_a_port_in_use(server: Server, metrics: Metrics) -> None:
    with pytest.raises(OSError, match=f"metrics cannot be served on 127.0.0.1:{server.port}: Address already in use"):
        metrics.serve(server.port)


def test_a_host_that_is_elsewhere(metrics: Metrics) -> None:
    with pytest.raises(OSError, match=r"metrics cannot be served on 192\.0\.2\.1:0: "):
        metrics.serve(0, "192.0.2.1")


def test_a_host_that_is_none(metrics: Metrics) -> None:
    with pytest.raises(OSError, match=r"metrics cannot be served on no\.such\.host\.invalid:0: "):
        metrics.serve(0, "no.such.host.invalid")


def test_a_closed_server_gives_its_port_back(metrics: Metrics) -> None:
    with metrics.serve() as first:
        port = first.port
    with pytest.raises(ConnectionRefusedError):
        fetch(first)
    with metrics.serve(port) as second:
        assert fetch(second).status == 200
    assert not [thread for thread in threading.enumerate() if thread.name == "express-metrics"]


def test_closing_twice_is_no_mistake(metrics: Metrics) -> None:
    server = metrics.serve()
    server.close()
    server.close()


def test_who_connects_and_says_nothing_holds_up_nobody(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30):
        assert fetch(server).status == 200


def test_many_scrapes_while_the_runtime_works() -> None:
    """Every page is whole, and no counter goes down from one to the next."""
    pages: list[bytes] = []

    def scrape(server: Server, done: threading.Event) -> None:
        while not done.is_set():
            pages.append(fetch(server).body)  # type: ignore[attr-defined]

    async def main() -> None:
        async with express.Runtime() as runtime:
            metrics = Metrics(runtime)
            workflow = compiled(machine(A=state("Pass")))
            metrics.register(workflow)
            done = threading.Event()
            with metrics.serve() as server:
                thread = threading.Thread(target=scrape, args=(server, done))
                thread.start()
                while len(pages) < 5:
                    async for _ in runtime.map(workflow, [{}] * 500):
                        pass
                done.set()
                thread.join()

    express.run(main())
    counts = [
        {
            sample.name: sample.value
            for family in parse(page.decode())
            for sample in family.samples
            if "bucket" not in sample.name
        }
        for page in pages
    ]
    started = [page["express_executions_started_total"] for page in counts]
    assert started == sorted(started)
    assert started[-1] > 0
    for page in counts:
        assert page["express_execution_duration_seconds_count"] <= page["express_executions_started_total"] + 1
        assert page["express_executions_in_flight"] >= 0
