"""`express cost`: the published worked examples to the cent, from every kind of source, in every format."""

from __future__ import annotations

import csv
import http.server
import io
import json
import socket
import threading
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from express.cli import main
from express.cli.status import CommandError
from express.cli.usage import longest_way, usages_of_page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from express.types import JSON

PASS: dict[str, JSON] = {"Type": "Pass", "End": True}
FOUR_STATES = {
    "StartAt": "A",
    "States": {**{name: {"Type": "Pass", "Next": following} for name, following in ("AB", "BC", "CD")}, "D": PASS},
}

METRICS = """\
# TYPE express_executions_started_total counter
express_executions_started_total{workflow="orders"} 3.0
express_executions_started_total{workflow="refunds"} 1.0
# TYPE express_execution_billed_gigabyte_seconds_total counter
express_execution_billed_gigabyte_seconds_total{workflow="orders"} 0.01875
express_execution_billed_gigabyte_seconds_total{workflow="refunds"} 0.00625
# TYPE express_state_transitions_total counter
express_state_transitions_total{workflow="orders",type="Pass"} 12.0
express_state_transitions_total{workflow="orders",type="Task"} 3.0
express_state_transitions_total{workflow="refunds",type="Pass"} 2.0
"""


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "four.asl.json").write_text(json.dumps(FOUR_STATES))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def costs(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, JSON]:
    assert main(["cost", *arguments, "--format", "json"]) == 0
    document: dict[str, JSON] = json.loads(capsys.readouterr().out)
    return document


def billed(duration: str) -> str:
    return f'{{"status":"SUCCEEDED","billing":{{"billed_duration_ms":{duration},"billed_memory_mb":64}}}}'


def cents(usd: float) -> str:
    return f"{usd:.2f}"


@pytest.mark.parametrize(
    ("arguments", "express", "standard"),
    [
        pytest.param(["--executions", "100000000", "--duration", "10000"], "482.97", "9999.90", id="X2"),
        pytest.param(["--executions", "1000000", "--duration", "30000"], "32.25", "99.90", id="X3"),
        pytest.param(["--executions", "1000", "--duration", "11300"], "0.01", "0.00", id="X4"),
        pytest.param(["--executions", "100000", "--duration", "100"], "0.11", "9.90", id="S1"),
        pytest.param(
            ["--executions", "1000", "--duration", "100", "--transitions", "17"], "0.00", "0.33", id="X5, free tier off"
        ),
    ],
)
def test_published_examples(
    arguments: list[str], express: str, standard: str, capsys: pytest.CaptureFixture[str]
) -> None:
    document = costs(capsys, "four.asl.json", *arguments)
    assert (cents(document["express"]["total_usd"]), cents(document["standard"]["total_usd"])) == (express, standard)


def test_results_of_a_run(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The lines `express run --events --billing` writes are the input of `express cost`."""
    (directory / "events.jsonl").write_text('{"n": 1}\n{"n": 2}\nbroken\n')
    assert main(["run", "four.asl.json", "--events", "events.jsonl", "--billing", "--output", "four.jsonl"]) == 3
    document = costs(capsys, "four.jsonl", "--transitions", "4", "--executions", "1000000")
    assert document["executions"] == 1_000_000
    # One unit of 100 ms x 64 MB each.
    assert document["gigabyte_seconds"] == pytest.approx(1_000_000 * 0.00625)
    assert cents(document["express"]["total_usd"]) == "1.10"
    assert cents(document["standard"]["total_usd"]) == "99.90"
    assert [share["workflow"] for share in document["workflows"]] == ["four"]


def test_without_transitions_standard_is_not_guessed(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = {"line": 1, "status": "SUCCEEDED", "billing": {"billed_duration_ms": 100, "billed_memory_mb": 64}}
    (directory / "run.jsonl").write_text(json.dumps(line))
    assert costs(capsys, "run.jsonl")["standard"] is None
    assert main(["cost", "run.jsonl"]) == 0
    assert "Standard: not known" in capsys.readouterr().out


@pytest.fixture
def endpoint() -> Iterator[str]:
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(METRICS.encode())

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/metrics"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_metrics_endpoint(endpoint: str, capsys: pytest.CaptureFixture[str]) -> None:
    document = costs(capsys, endpoint, "--executions", "4000000")
    assert document["gigabyte_seconds"] == pytest.approx(25_000)
    assert [(share["workflow"], share["executions"], share["transitions"]) for share in document["workflows"]] == [
        ("orders", 3_000_000, 15_000_000),
        ("refunds", 1_000_000, 2_000_000),
    ]
    assert sum(share["usd"] for share in document["workflows"]) == pytest.approx(document["express"]["total_usd"])


def test_the_csv_has_every_charge_and_every_workflow(endpoint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", endpoint, "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["type"], row["item"], Decimal(row["quantity"])) for row in rows] == [
        ("express", "requests", 4),
        ("express", "duration, tier 1", Decimal("0.025") / 3600),
        ("express", "duration, tier 2", 0),
        ("express", "duration, tier 3", 0),
        ("standard", "state transitions", 0),
        ("workflow", "orders", 3),
        ("workflow", "refunds", 1),
    ]


@pytest.mark.parametrize(
    ("name", "text", "arguments", "message"),
    [
        ("a.json", json.dumps(FOUR_STATES), [], "a.json is a definition: how long does an execution take?"),
        ("a.jsonl", '{"status": "SUCCEEDED"}', [], "a.jsonl, line 1 has no billing"),
        ("a.jsonl", '{"status": "INVALID"}\n{]', [], "a.jsonl, line 2 is not valid JSON"),
        ("a.jsonl", "[1]", [], "a.jsonl, line 1 is no result of a run"),
        ("a.jsonl", "", ["--executions", "5"], "the sources hold no execution to scale from"),
        ("a.jsonl", '{"billing": 5}', [], "a.jsonl, line 1 has no billing"),
        ("a.jsonl", billed('"x"'), [], 'a.jsonl, line 1: billed "x", which is no whole number'),
        ("a.jsonl", billed("1e400"), [], "a.jsonl, line 1: billed Infinity, which is no whole number"),
        ("a.jsonl", billed("-100"), [], "a.jsonl, line 1: billed -100, which is no whole number"),
        ("a.jsonl", "[" * 100_000, [], "a.jsonl is nested too deeply"),
        (
            "a.jsonl",
            billed("1") + "\n" + "[" * 100_000,
            [],
            "a.jsonl, line 2 is not valid JSON: maximum recursion depth",
        ),
        *(
            (
                "a.json",
                f'{{"StartAt":"A",\n"States":{{"A":{state}}}}}',
                ["--duration", "100"],
                f"a.json is no valid definition: {problem}",
            )
            for state, problem in (
                ("5", "Expected value of type [OBJECT] (line 2, column 15)"),
                ('{"Type":"Choice","Choices":5}', "Expected value of type [ARRAY] (line 2, column 42)"),
                (
                    '{"Type":"Map","ItemProcessor":5,"End":true}',
                    "Expected value of type [OBJECT] (line 2, column 45)",
                ),
                ('{"Type":"Pass","Next":5}', "Expected value of type [STRING] (line 2, column 37)"),
                ('{"Type":"Pass","Next":"A"}', "Workflow has no terminal state\n"),
                (
                    '{"Type":"Pass","End":true,"Result":' + "[" * 600 + "]" * 600 + "}",
                    "Definition is nested more than 500 levels deep (line 2, column 547)",
                ),
            )
        ),
        (
            "a.jsonl",
            billed("100"),
            ["--executions", "9" * 400],
            "a has more executions, gigabyte-seconds or state transitions than",
        ),
        ("a.jsonl", billed("9" * 4_000), [], "a has more executions, gigabyte-seconds or state transitions than"),
        ("a.json", json.dumps(FOUR_STATES), ["--duration", "9" * 4_000], "a has more executions, gigabyte-seconds or"),
    ],
)
def test_bad_sources(
    name: str, text: str, arguments: list[str], message: str, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (directory / name).write_text(text)
    assert main(["cost", name, *arguments]) == 2
    assert f"express: {message}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--transitions", "1e999999"], "'1e999999' is more than 1,000,000,000"),
        (["--transitions", "-1"], "'-1' is not a number of 0 or more"),
        (["--transitions", "NaN"], "'NaN' is not a number of 0 or more"),
        (["--duration", "-100"], "'-100' is not a whole number of 1 or more"),
    ],
)
def test_bad_amounts(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "four.asl.json", *arguments]) == 2
    assert f"argument {arguments[0]}: {message}" in capsys.readouterr().err


@pytest.mark.parametrize("source", ["missing.jsonl", "http://127.0.0.1:1/metrics", "http://a b/", "http://127.0.0.1/é"])
def test_a_source_that_cannot_be_read(source: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", source]) == 2
    assert capsys.readouterr().err.startswith(f"express: cannot read {source}: ")


@pytest.mark.parametrize(
    "answer", [b"220 ready\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"]
)
def test_what_answers_is_no_web_server(answer: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/metrics"

        def serve() -> None:
            with server.accept()[0] as connection:
                connection.recv(65_536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        assert main(["cost", url]) == 2
        thread.join()
    assert f"express: cannot read {url}: " in capsys.readouterr().err


@pytest.mark.parametrize("number", ["NaN", "+Inf", "-1"])
def test_a_page_with_numbers_that_are_no_counts(number: str) -> None:
    page = METRICS.replace("3.0", number)
    with pytest.raises(CommandError, match="no metrics page: express_executions_started_total is"):
        list(usages_of_page(page, "there"))


@pytest.mark.parametrize("page", ["", "up 1\n", "<html>"])
def test_a_page_of_somebody_else(page: str) -> None:
    with pytest.raises(Exception, match=r"(no metrics|metrics page)") as raised:
        list(usages_of_page(page, "there"))
    assert type(raised.value).__name__ == "CommandError"


@pytest.mark.parametrize(
    ("states", "transitions"),
    [
        ({"A": PASS}, 1),
        ({"A": {"Type": "Pass", "Next": "A"}}, 1),
        ({"A": {"Type": "Choice", "Choices": [{"Next": "B"}], "Default": "C"}, "B": {"Next": "C"}, "C": PASS}, 3),
        ({"A": {"Type": "Parallel", "Branches": [FOUR_STATES, FOUR_STATES], "End": True}}, 9),
        ({"A": {"Type": "Map", "ItemProcessor": FOUR_STATES, "Catch": [{"Next": "B"}], "End": True}, "B": PASS}, 6),
        ({str(i): {"Next": str(i + 1)} for i in range(3_000)} | {"A": {"Next": "0"}}, 3_001),
    ],
)
def test_the_longest_way(states: dict[str, JSON], transitions: int) -> None:
    assert longest_way({"StartAt": "A", "States": states}) == transitions
