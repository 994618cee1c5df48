"""Compose file, Prometheus's configuration and Grafana's provisioning agree with each other."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import Any
from urllib.request import urlopen

import pytest
import yaml

from express.metrics.families import FAMILIES
from grafana.boards import BOARDS
from grafana.load import loaded, main
from grafana.prometheus import RULES, Prometheus, installed
from tests.grafana.promtool import needs_promtool, promtool

_DIRECTORY = RULES.parent


def _read(path: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((_DIRECTORY / path).read_text(encoding="utf-8"))
    return document


def _mounts(service: str) -> dict[str, str]:
    """Host path by the path in the container, without named volumes."""
    volumes: list[str] = _read("docker-compose.yml")["services"][service]["volumes"]
    return {inside: outside for outside, inside, *_ in (volume.split(":") for volume in volumes) if outside[0] == "."}


@needs_promtool
def test_configuration_and_its_rules_pass_promtool() -> None:
    printed = promtool("check", "config", _DIRECTORY / "prometheus.yml")
    assert "2 rule files found" in printed


@pytest.mark.slow
@pytest.mark.skipif(not installed(), reason="needs prometheus (Debian package prometheus)")
def test_the_configuration_scrapes_an_express_and_says_where_the_runbooks_are() -> None:
    """The very file that the compose file mounts, but for the port, which may be taken here, and the pace."""
    configuration = _read("prometheus.yml")
    configuration["rule_files"] = [str(_DIRECTORY / path) for path in configuration["rule_files"]]
    configuration["global"] |= {"scrape_interval": "1s", "evaluation_interval": "1s"}
    runbooks = {"RUNBOOKS": "https://wiki.example/express"}
    with loaded(["worker-1"], period=8.0) as targets:
        configuration["scrape_configs"][0]["static_configs"][0]["targets"] = [*targets.values()]
        with Prometheus({}, configuration=configuration, environment=runbooks) as prometheus:
            prometheus.wait_until(
                lambda asked: bool(asked.instant('up{job="express"} == 1 and on (instance) express_build_info')),
                30,
                "scraped",
            )
            prometheus.wait_until(
                lambda asked: bool(asked.instant("instance:express_executions_failed:objective")), 30, "recorded"
            )
            assert {rule["health"] for rule in prometheus.rules()} <= {"ok", "unknown"}
            with urlopen(f"{prometheus.url}/federate?match[]=express_build_info", timeout=10) as answer:
                assert 'runbooks="https://wiki.example/express"' in answer.read().decode()


def test_alerts_leave_without_the_label_that_is_in_their_links() -> None:
    configuration = _read("prometheus.yml")
    assert configuration["global"]["external_labels"] == {"runbooks": "${RUNBOOKS}"}
    (relabelling,) = configuration["alerting"]["alert_relabel_configs"]
    assert relabelling == {"action": "labeldrop", "regex": "runbooks"}
    assert "RUNBOOKS" in _read("docker-compose.yml")["services"]["prometheus"]["environment"]


def test_scrapes_where_the_load_serves(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    (target,) = _read("prometheus.yml")["scrape_configs"][0]["static_configs"][0]["targets"]
    assert f"default: {target.partition(':')[2]};" in capsys.readouterr().out


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="needs docker-compose (Debian package)")
def test_the_compose_file_is_understood() -> None:
    done = subprocess.run(
        ["docker-compose", "-f", str(_DIRECTORY / "docker-compose.yml"), "config"],
        env={**os.environ, "RUNBOOKS": "https://wiki.example/express", "EXECUTION_URL": "https://logs.example/?q="},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    assert services["prometheus"]["environment"] == {"RUNBOOKS": "https://wiki.example/express"}
    assert services["grafana"]["environment"]["EXECUTION_URL"] == "https://logs.example/?q="


@pytest.mark.parametrize("service", ["prometheus", "grafana"])
def test_mounted_paths_exist(service: str) -> None:
    for outside in _mounts(service).values():
        assert (_DIRECTORY / outside).exists()


@pytest.mark.parametrize("service", ["prometheus", "grafana"])
def test_images_are_pinned(service: str) -> None:
    _, _, tag = _read("docker-compose.yml")["services"][service]["image"].partition(":")
    assert tag.lstrip("v").count(".") == 2


def test_nothing_listens_beyond_this_host() -> None:
    services = _read("docker-compose.yml")["services"]
    assert "--web.listen-address=127.0.0.1:9090" in services["prometheus"]["command"]
    assert services["grafana"]["environment"]["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"


def test_grafana_finds_prometheus_and_knows_how_often_it_scrapes() -> None:
    (source,) = _read("provisioning/datasources/prometheus.yml")["datasources"]
    assert source["type"] == "prometheus"
    assert source["url"] == "http://127.0.0.1:9090"
    assert source["jsonData"]["timeInterval"] == _read("prometheus.yml")["global"]["scrape_interval"]


def test_exemplars_are_stored_and_lead_on_by_the_executions_name() -> None:
    services = _read("docker-compose.yml")["services"]
    assert "--enable-feature=exemplar-storage" in services["prometheus"]["command"]
    (source,) = _read("provisioning/datasources/prometheus.yml")["datasources"]
    (destination,) = source["jsonData"]["exemplarTraceIdDestinations"]
    assert destination["name"] == "execution"
    # A doubled dollar is a literal one: the name is filled in by the browser, the address by the environment.
    assert destination["url"] == "${EXECUTION_URL}$${__value.raw}"
    assert "EXECUTION_URL" in services["grafana"]["environment"]
    assert any(family.name == "express_execution_duration_seconds" for family in FAMILIES)


def test_dashboards_are_provisioned_from_where_they_are_mounted() -> None:
    (provider,) = _read("provisioning/dashboards/express.yml")["providers"]
    path = provider["options"]["path"]
    assert _mounts("grafana")[path] == "./dashboards"
    home = _read("docker-compose.yml")["services"]["grafana"]["environment"][
        "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"
    ]
    assert home == f"{path}/{BOARDS[0].file}.json"
    assert (_DIRECTORY / "dashboards" / f"{BOARDS[0].file}.json").exists()
