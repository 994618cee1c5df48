"""Compose file, Prometheus's configuration and Grafana's provisioning agree with each other."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from express.metrics.families import FAMILIES
from grafana.boards import BOARDS
from grafana.load import main
from grafana.prometheus import RULES
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


def test_scrapes_where_the_load_serves(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    (target,) = _read("prometheus.yml")["scrape_configs"][0]["static_configs"][0]["targets"]
    assert f"default: {target.partition(':')[2]};" in capsys.readouterr().out


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
