"""The metrics page: what is served, in which format, and what happens around it."""

from __future__ import annotations

import gzip
import http.client
import socket
import threading
from typing import TYPE_CHECKING, NamedTuple

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse
from prometheus_client.registry import Collector

import express
from express.metrics import Metrics
from express.metrics.server import serve_collector
from tests.runtime.machines import compiled, machine, run_clean, state, wait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

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


class Page(NamedTuple):
    """An answer, read to its end."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


def fetch(server: Server, path: str = "/metrics", method: str = "GET", **headers: str) -> Page:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request(method, path, headers={name.replace("_", "-"): text for name, text in headers.items()})
    response = connection.getresponse()
    page = Page(response.status, response.headers, response.read())
    connection.close()
    return page


def test_the_page(server: Server) -> None:
    response = fetch(server)
    body = response.body
    families = {family.name: family for family in parse(body.decode())}
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert families["express_executions_started"].samples[0].value == 1
    assert {"process_resident_memory_bytes", "python_gc_collections", "python_info"} <= set(families)
    assert server.url == f"http://127.0.0.1:{server.port}/metrics"


def test_openmetrics_by_negotiation_with_exemplars(server: Server) -> None:
    response = fetch(server, Accept=OPENMETRICS)
    body = response.body
    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    page = parse_openmetrics(body.decode())  # type: ignore[no-untyped-call]  # its parser has no types
    families = {family.name: family for family in page}
    exemplars = [s.exemplar for s in families["express_execution_duration_seconds"].samples if s.exemplar]
    assert [exemplar.labels for exemplar in exemplars] == [{"execution": "first"}]


def test_compressed_by_negotiation(server: Server) -> None:
    response = fetch(server, Accept_Encoding="gzip")
    body = response.body
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


def test_a_page_that_is_being_made_when_the_server_closes_is_whole(metrics: Metrics) -> None:
    """Closing does not wait for it either: it may be long."""
    asked, go_on = threading.Event(), threading.Event()
    pages: list[Page] = []

    class Slow(Collector):
        def collect(self) -> Iterator[Metric]:
            asked.set()
            assert go_on.wait(30)
            return metrics.collect()

        def describe(self) -> list[Metric]:
            return metrics.describe()

    server = serve_collector(Slow(), 0, "127.0.0.1")
    thread = threading.Thread(target=lambda: pages.append(fetch(server)))
    thread.start()
    assert asked.wait(30)
    server.close()
    go_on.set()
    thread.join(30)
    assert pages[0].status == 200
    assert samples_of(pages[0].body)["express_executions_total"] == 1


def samples_of(page: bytes) -> dict[str, float]:
    """The samples by name, those of several labels added up."""
    samples: dict[str, float] = {}
    for family in parse(page.decode()):
        for sample in family.samples:
            samples[sample.name] = samples.get(sample.name, 0) + sample.value
    return samples


def test_scrapes_while_the_runtime_closes() -> None:
    """Executions are aborted and counted once, and no page between shows more ends than starts."""
    pages: list[bytes] = []
    done = threading.Event()

    async def main() -> None:
        runtime = express.Runtime()
        workflow = compiled(machine(A=wait(3_600)))
        with Metrics(runtime).serve() as server:

            def scrape() -> None:
                while not done.is_set():
                    pages.append(fetch(server).body)

            async with runtime:
                thread = threading.Thread(target=scrape)
                thread.start()
                for _ in range(200):
                    await runtime.start(workflow)
                await runtime.close(0)
            done.set()
            thread.join()
            pages.append(fetch(server).body)

    express.run(main())
    counts = [samples_of(page) for page in pages]
    for page in counts:
        started, ended = (page.get(f"express_executions_{name}total", 0) for name in ("started_", ""))
        assert started == ended + page.get("express_executions_in_flight", 0)
    assert counts[-1]["express_executions_total"] == 200


def test_closing_twice_is_no_mistake(metrics: Metrics) -> None:
    server = metrics.serve()
    server.close()
    server.close()


def test_who_connects_and_says_nothing_holds_up_nobody(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30):
        assert fetch(server).status == 200


@pytest.mark.slow
def test_many_scrapes_while_the_runtime_works() -> None:
    """Every page is whole, and no counter goes down from one to the next."""
    pages: list[bytes] = []

    def scrape(server: Server, done: threading.Event) -> None:
        while not done.is_set():
            pages.append(fetch(server).body)

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
