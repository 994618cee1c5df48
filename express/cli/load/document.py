"""A measurement as JSON, for programs and for `--compare`, and the baseline that is read back from it.

The document is an interface: `version` changes when a field changes its meaning. Latencies are in milliseconds,
durations in seconds, rates per second, money in USD; only the samples, which are not meant for people, are in
nanoseconds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from express.cli.load.comparison import MIN_SLICES, Comparison, Sample, compare, samples_of
from express.cli.load.measurement import RANKS
from express.cli.load.quantities import NS_PER_MS, NS_PER_S
from express.cli.status import CommandError
from express.cli.streams import usable

if TYPE_CHECKING:
    from decimal import Decimal

    from express.cli.histogram import Histogram
    from express.cli.load.measurement import Measurement, Setting
    from express.cli.load.recording import Recording
    from express.cli.load.sweep import Sweep
    from express.types import JSON

REPORT: Final = "express bench"
SWEEP_REPORT: Final = "express bench --sweep"
VERSION: Final = 1

#: Conditions two measurements should share to be compared: path in the document, and name.
_CONDITIONS: Final = (
    (("workflow",), "workflow"),
    (("inputs",), "number of inputs"),
    (("workers",), "workers"),
    (("load", "rate"), "rate"),
    (("load", "in_flight"), "in flight"),
    (("machine", "python"), "Python"),
    (("machine", "system"), "system"),
    (("machine", "cpus"), "cpus"),
)


def document_of(measurement: Measurement) -> dict[str, JSON]:
    """Everything a report contains, ready for JSON."""
    recording = measurement.recording
    return {
        "report": REPORT,
        "version": VERSION,
        **conditions_of(measurement.setting),
        "interrupted": measurement.interrupted,
        "measured_s": recording.length / NS_PER_S,
        "rate": recording.rate,
        "started": recording.started,
        "succeeded": recording.succeeded,
        "failed": recording.failures.count,
        "unfinished": recording.unfinished,
        "late": recording.late,
        "latest_ms": recording.latest_ns / NS_PER_MS,
        "dropped": recording.dropped,
        "errors": [
            {"error": name, "count": count, "cause": recording.causes.get(name)}
            for name, count in recording.errors.most_common()
        ],
        "latency_ms": _latencies(measurement.latencies),
        "failed_latency_ms": _latencies(recording.failures),
        "histogram": [[value / NS_PER_MS, count] for value, count in measurement.latencies.buckets()],
        "slice_s": recording.slice_ns / NS_PER_S,
        "slices": [{"succeeded": piece.succeeded, "failed": piece.failed} for piece in recording.slices],
        "samples": {name: list(values) for name, values in _named_samples(recording)},
        "billing": _billing(measurement),
        "thresholds": [
            {"threshold": verdict.text, "measured": verdict.shown, "kept": verdict.kept}
            for verdict in measurement.verdicts
        ],
        "comparison": None if measurement.comparison is None else _comparison(measurement.comparison),
    }


def conditions_of(setting: Setting) -> dict[str, JSON]:
    """What was measured, under which load, on which machine."""
    load = setting.load
    return {
        "workflow": setting.workflow,
        "definition": setting.definition,
        "inputs": setting.inputs,
        "workers": setting.workers,
        "machine": setting.machine,
        "load": {
            "loop": "open" if load.is_open else "closed",
            "rate": None if load.rate is None else float(load.rate),
            "in_flight": load.in_flight,
            "warmup_s": load.warmup / NS_PER_S,
            "duration_s": load.duration / NS_PER_S,
            "drain_s": load.drain / NS_PER_S,
        },
    }


def sweep_document_of(sweep: Sweep, setting: Setting) -> dict[str, JSON]:
    """A sweep: its steps in the order of their rates, and the highest rate that held (`knee`, null if none did)."""
    return {
        "report": SWEEP_REPORT,
        "version": VERSION,
        **conditions_of(setting),
        "interrupted": sweep.interrupted,
        "steps": [
            {
                "rate": float(step.rate),
                "throughput": step.recording.rate,
                "latency_ms": _latencies(step.recording.latencies()),
                "errors": step.recording.error_share,
                "dropped": step.recording.dropped_share,
                "held": step.held,
            }
            for step in sweep.by_rate()
        ],
        "knee": None if sweep.knee is None else float(sweep.knee),
    }


def _latencies(histogram: Histogram) -> dict[str, JSON] | None:
    if not histogram.count:
        return None
    values = {"mean": histogram.mean, "min": histogram.minimum}
    values |= dict(zip((f"p{rank:g}" for rank in RANKS), histogram.percentiles(RANKS), strict=True))
    values["max"] = histogram.maximum
    return {name: value / NS_PER_MS for name, value in values.items()}


def _named_samples(recording: Recording) -> list[tuple[str, tuple[float, ...]]]:
    """The samples by name and unit; latencies in nanoseconds, so that they are read back as measured."""
    return [
        (sample.name, sample.values) if sample.name == "rate" else (f"{sample.name}_ns", sample.values)
        for sample in samples_of(recording)
    ]


def _billing(measurement: Measurement) -> dict[str, JSON]:
    recording, ended = measurement.recording, measurement.recording.ended
    return {
        "billed_duration_ms": recording.billed_ms / ended if ended else None,
        "billed_memory_mb": recording.billed_mb / ended if ended else None,
        "transitions": recording.transitions / recording.transitions_of if recording.transitions_of else None,
        "express_usd_per_million": _amount(measurement.million_express()),
        "standard_usd_per_million": _amount(measurement.million_standard()),
    }


def _amount(usd: Decimal | None) -> float | None:
    return None if usd is None else float(usd)


def _comparison(comparison: Comparison) -> dict[str, JSON]:
    def figure(name: str, value: float) -> float:
        return value if name == "rate" else value / NS_PER_MS

    return {
        "with": comparison.other,
        "remarks": list(comparison.remarks),
        "differences": [
            {
                "figure": one.name if one.name == "rate" else f"{one.name}_ms",
                **{part: figure(one.name, getattr(one, part)) for part in ("before", "now", "low", "high")},
                "shown": one.shown,
            }
            for one in comparison.differences
        ],
    }


# ------------------------------------------------------------------------------------------------------ baselines


@dataclass(frozen=True, slots=True)
class Baseline:
    """An earlier measurement, read from the file `name`."""

    name: str
    document: dict[str, Any]
    samples: tuple[Sample, ...]

    def compare(self, measurement: Measurement) -> Comparison:
        """Return how the measurement differs from this one, and which conditions differ."""
        now = conditions_of(measurement.setting)
        remarks = []
        for path, name in _CONDITIONS:
            theirs, ours = _at(self.document, path), _at(now, path)
            if theirs != ours:
                remarks.append(f"{name}: {_shown(theirs)} then, {_shown(ours)} now")
        return Comparison(self.name, compare(self.samples, samples_of(measurement.recording)), tuple(remarks))


def read_baseline(path: str) -> Baseline:
    """Read a report made with `--report FILE.json`. Raises CommandError for anything else."""
    with usable("read", path):
        text = Path(path).read_bytes()
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _no_report(path, f"it is not valid JSON: {error}") from None
    if not isinstance(document, dict) or document.get("report") != REPORT:
        is_sweep = isinstance(document, dict) and document.get("report") == SWEEP_REPORT
        raise _no_report(path, "it is a sweep" if is_sweep else f'it has no "report": "{REPORT}"')
    if document.get("version") != VERSION:
        raise _no_report(path, f"its version is {document.get('version')!r}, this express reads {VERSION}")
    samples = document.get("samples")
    if not isinstance(samples, dict) or not all(map(_is_sample, samples.values())):
        raise _no_report(path, "its samples are no lists of numbers")
    if max(map(len, samples.values()), default=0) < MIN_SLICES:
        raise _no_report(path, f"it has fewer than {MIN_SLICES} slices")
    return Baseline(path, document, tuple(_sample(name, values) for name, values in samples.items()))


def _no_report(path: str, reason: str) -> CommandError:
    return CommandError(
        f"--compare {path}: {reason}", hint="it takes a file written by `express bench ... --report FILE.json`"
    )


def _is_sample(values: object) -> bool:
    return isinstance(values, list) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in values
    )


def _sample(name: str, values: list[float]) -> Sample:
    return Sample(name.removesuffix("_ns"), tuple(map(float, values)))


def _at(document: dict[str, Any], path: tuple[str, ...]) -> object:
    value: object = document
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _shown(value: object) -> str:
    if value is None:
        return "none"
    return f"{value:,g}" if isinstance(value, float) else str(value)
