"""`promtool`, Prometheus's own checker, as the tests call it."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from grafana.prometheus import RULES

if TYPE_CHECKING:
    from pathlib import Path

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="needs promtool (Debian package prometheus)"
)


def promtool(*arguments: str | Path, input: str | None = None) -> str:  # noqa: A002 - as subprocess.run calls it
    """What promtool prints; the test fails if it finds fault."""
    done = subprocess.run(["promtool", *arguments], input=input, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check_alert(
    directory: Path,
    series: dict[str, str],
    minutes: int,
    alert: str,
    expected: list[dict[str, Any]],
    external_labels: dict[str, str] | None = None,
) -> None:
    """Let the rules run over the series (values one minute apart, in promtool's notation) and compare the alerts.

    `expected`: `exp_labels` and `exp_annotations` of each alert that fires then.
    """
    test = {
        "rule_files": [str(path) for path in sorted(RULES.glob("*.yml"), reverse=True)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "external_labels": external_labels or {},
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "alert_rule_test": [{"eval_time": f"{minutes}m", "alertname": alert, "exp_alerts": expected}],
            }
        ],
    }
    path = directory / "test.yml"
    path.write_text(json.dumps(test), encoding="utf-8")  # JSON is YAML too
    promtool("test", "rules", path)
