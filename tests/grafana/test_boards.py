"""The dashboards are what their Python says, well laid out, and ask only for metrics that exist."""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any

import pytest

from express.metrics.families import FAMILIES
from grafana.boards import BOARDS, DIRECTORY, Board, text_of
from grafana.panels import COLUMNS
from grafana.prometheus import RULES

_SUFFIXES = {
    "counter": ("",),
    "gauge": ("",),
    "summary": ("_sum", "_count"),
    "histogram": ("_bucket", "_sum", "_count"),
}
#: Series that others than express make: prometheus_client, and Prometheus itself for each target.
_FOREIGN = {
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "python_gc_collections_total",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "up",
}
boards = pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.file)


def _panels(board: Board) -> list[dict[str, Any]]:
    panels: list[dict[str, Any]] = board.render()["panels"]
    return panels


@boards
def test_committed_json_is_what_the_generator_writes(board: Board) -> None:
    committed = (DIRECTORY / f"{board.file}.json").read_text(encoding="utf-8")
    assert committed == text_of(board), "run `python -m grafana.boards`"


def test_there_are_no_other_dashboards() -> None:
    assert {path.stem for path in DIRECTORY.iterdir()} == {board.file for board in BOARDS}


@boards
def test_panels_stay_on_the_board_and_apart(board: Board) -> None:
    places = [(panel["title"], panel["gridPos"]) for panel in _panels(board)]
    for title, place in places:
        assert place["x"] + place["w"] <= COLUMNS, title
    for (title, one), (other_title, other) in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above, f"{title!r} lies on {other_title!r}"


@boards
def test_lines_of_panels_are_full(board: Board) -> None:
    covered = sum(panel["gridPos"]["w"] * panel["gridPos"]["h"] for panel in _panels(board))
    assert covered == COLUMNS * max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in _panels(board))


@boards
def test_panels_are_numbered_and_titled_apart(board: Board) -> None:
    panels = _panels(board)
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    titles = [panel["title"] for panel in panels if panel["type"] != "row"]
    assert len(titles) == len(set(titles))


@boards
def test_metrics_exist(board: Board) -> None:
    exposed = {family.name + suffix for family in FAMILIES for suffix in _SUFFIXES[family.kind]}
    recorded = set(re.findall(r"record: (\S+)", (RULES / "recording.yml").read_text(encoding="utf-8")))
    expressions = [target["expr"] for panel in _panels(board) for target in panel.get("targets", ())]
    asked = {name for expression in expressions for name in re.findall(r"([\w:]+)\{", expression)}
    assert len(asked) > 5
    assert asked <= exposed | recorded | _FOREIGN


@boards
def test_labels_of_legends_are_kept_by_their_queries(board: Board) -> None:
    for panel in _panels(board):
        for target in panel.get("targets", ()):
            kept = {
                label.strip() for labels in re.findall(r"by \(([^)]*)\)", target["expr"]) for label in labels.split(",")
            }
            wanted = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert wanted <= kept, panel["title"]


def test_every_default_family_is_on_a_board() -> None:
    """A metric nobody looks at is either missing from a board or not worth having."""
    text = "".join(text_of(board) for board in BOARDS) + (RULES / "recording.yml").read_text(encoding="utf-8")
    elsewhere = {"express_executions_started_total", "express_execution_billed_gigabyte_seconds_total"}
    unseen = {family.name for family in FAMILIES if not family.optional and family.name not in text}
    assert unseen <= elsewhere


@boards
def test_address_and_siblings(board: Board) -> None:
    document = json.loads(text_of(board))
    assert document["uid"] == f"express-{board.file}"
    assert document["tags"] == ["express"]
    assert document["links"][0]["tags"] == ["express"]


def test_link_of_the_table_leads_to_the_board_of_the_workflow() -> None:
    overview, workflow, _ = (board.render() for board in BOARDS)
    (table,) = (panel for panel in overview["panels"] if panel["type"] == "table")
    (link,) = (
        property_["value"][0]["url"]
        for override in table["fieldConfig"]["overrides"]
        for property_ in override["properties"]
        if property_["id"] == "links"
    )
    assert link.startswith(f"/d/{workflow['uid']}?")
    names = {variable["name"] for variable in workflow["templating"]["list"]}
    assert set(re.findall(r"\$\{(\w+):queryparam\}", link)) | set(re.findall(r"var-(\w+)=", link)) == names
