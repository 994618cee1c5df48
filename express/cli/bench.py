"""`express bench` puts load on a workflow and checks its latencies and throughput against thresholds.

This module declares the arguments, validates all of them before anything runs, and prints. `express.cli.load`
measures.
"""

from __future__ import annotations

import argparse
import sys
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from express.cli.load.quantities import parse_duration, parse_rate
from express.cli.options import positive
from express.cli.status import FAILED, OK, CommandError
from express.cli.streams import STDIN, usable
from express.cli.watching import add_metrics_port, gathered_metrics_page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from express.cli import Subparsers
    from express.cli.load.document import Baseline
    from express.cli.load.measurement import Measurement
    from express.cli.load.recording import Recording
    from express.cli.load.schedule import Load
    from express.cli.load.session import Session
    from express.cli.load.thresholds import Threshold
    from express.types import JSON

#: Upper bounds on processes and concurrent executions: more would only overload the machine.
MAX_WORKERS: Final = 256
MAX_IN_FLIGHT: Final = 1_000_000
#: The first rate of a sweep.
FIRST_RATE: Final = Fraction(1_000)

_EPILOG = """\
load:
  --rate 5k            open loop: executions start on schedule, however the ones before them fare. Latency counts
                       from when an execution was due, also when it had to wait for a place (no coordinated omission).
                       Rates: 1000, 5k, 100/s, 6000/m.
  --in-flight 100      closed loop (the default): so many callers, each starts the next when he has his result
  --sweep              rates from --rate (default 1000) upwards until latency or throughput breaks: the knee

  --input is one JSON value or a JSON Lines file whose lines are cycled through. The load runs in processes of its
  own (--workers); each keeps a core busy in the open loop, to start on time.

thresholds (repeatable, or separated by commas; the exit status is 1 if one is missed):
  p50 p99 p99.9 ...    latency of the executions that succeeded; also mean, min, max:   'p99<5ms'  'max<=1s'
  rate                 executions per second that succeeded:                            'rate>=10000'
  errors               part that failed or did not end:                                 'errors<0.1%'
  dropped              part of the schedule (--rate) that was never started:            'dropped<=0'

examples:
  express bench order.asl.json --input order.json --tasks handlers:tasks --duration 30s --threshold 'p99<5ms'
  express bench order.asl.json --input orders.jsonl --tasks handlers:tasks --rate 2k --report before.json
  express bench order.asl.json --input orders.jsonl --tasks handlers:tasks --rate 2k --compare before.json
  express bench order.asl.json --tasks handlers:tasks --sweep --workers 4 --report sweep.html
"""


def add_parser(subparsers: Subparsers) -> None:
    """Declare `express bench`."""
    parser = subparsers.add_parser(
        "bench",
        help="put load on a workflow and measure it",
        description="Put load on a workflow and report throughput, latency and what AWS would charge.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("definition", metavar="DEFINITION", help="the workflow in Amazon States Language ('-': stdin)")
    parser.add_argument("--input", metavar="FILE|JSON|-", help="the input, or JSON Lines with many (default: {})")
    parser.add_argument("--tasks", metavar="MODULE:REGISTRY", help="the express.Tasks object with the handlers")
    parser.add_argument("--type", choices=("EXPRESS", "STANDARD"), default="EXPRESS", help="default: EXPRESS")
    load = parser.add_argument_group("load")
    loop = load.add_mutually_exclusive_group()
    loop.add_argument("--rate", metavar="N", type=_rate, help="start N executions per second")
    loop.add_argument("--in-flight", metavar="N", type=_crowd, help="keep N executions running (default: 100)")
    load.add_argument("--sweep", action="store_true", help="raise the rate until it is too high")
    load.add_argument("--duration", metavar="TIME", type=_length, help="measure so long (default: 10s, sweep: 3s)")
    load.add_argument("--warmup", metavar="TIME", type=_time, default="1s", help="load before that (default: 1s)")
    load.add_argument(
        "--drain", metavar="TIME", type=_time, default="5s", help="wait for what still runs then (default: 5s)"
    )
    load.add_argument("--workers", metavar="N", type=_workers, default=1, help="processes (default: 1)")
    load.add_argument(
        "--max-in-flight", metavar="N", type=_crowd, default=10_000, help="with --rate or --sweep (default: 10000)"
    )
    output = parser.add_argument_group("output")
    output.add_argument("--threshold", metavar="TERM<VALUE", action="append", default=[], help="see below")
    output.add_argument("--format", choices=("text", "json"), default="text", help="of stdout (default: text)")
    output.add_argument(
        "--report", metavar="FILE", action="append", default=[], help="also write FILE.json or FILE.html (repeatable)"
    )
    output.add_argument("--compare", metavar="FILE.json", help="an earlier report to hold this one against")
    add_metrics_port(output)
    output.add_argument("--progress", action=argparse.BooleanOptionalAction, default=True, help="default: shown")
    parser.set_defaults(handler=run)


def _checked(parse: Callable[[str], Any], accepts: Callable[[Any], bool], otherwise: str) -> Callable[[str], Any]:
    """Return an argparse type that parses with `parse` and rejects values that `accepts` refuses."""

    def read(text: str) -> Any:
        try:
            value = parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        if not accepts(value):
            raise argparse.ArgumentTypeError(f"{text!r} {otherwise}")
        return value

    return read


_rate = _checked(parse_rate, lambda rate: rate > 0, "is no rate: nothing would ever start")
_time = _checked(parse_duration, lambda time: True, "")
_length = _checked(parse_duration, lambda time: time > 0, "leaves no time to measure")
_workers = _checked(positive, lambda number: number <= MAX_WORKERS, f"is more than {MAX_WORKERS} processes")
_crowd = _checked(positive, lambda number: number <= MAX_IN_FLIGHT, f"is more than {MAX_IN_FLIGHT:,} at once")


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command."""
    from express.cli.load.document import read_baseline
    from express.cli.load.thresholds import parse_thresholds

    _check(arguments)
    thresholds = parse_thresholds(arguments.threshold)
    baseline = None if arguments.compare is None else read_baseline(arguments.compare)
    session = _open_session(arguments)
    with gathered_metrics_page(arguments.metrics_port) as session.metrics:
        if arguments.sweep:
            return _run_sweep(session, arguments)
        return _run_once(session, arguments, thresholds, baseline)


def _check(arguments: argparse.Namespace) -> None:
    """Raise CommandError for arguments that exclude each other, or files that cannot be written."""
    from pathlib import Path

    if arguments.definition == STDIN and arguments.input == STDIN:
        raise CommandError("the definition and the input cannot both come from stdin")
    if arguments.sweep:
        for name in ("in_flight", "threshold", "compare"):
            if getattr(arguments, name):
                raise CommandError(f"--sweep looks for a rate; --{name.replace('_', '-')} is for one measurement")
    if arguments.in_flight is not None and arguments.in_flight < arguments.workers:
        raise CommandError(
            f"--in-flight {arguments.in_flight} is less than one for each of {arguments.workers} workers"
        )
    for name in arguments.report:
        path = Path(name)
        if path.suffix not in (".json", ".html"):
            raise CommandError(f"--report {name}: what should it be?", hint="name it FILE.json or FILE.html")
        if not path.parent.is_dir():
            raise CommandError(f"--report {name}: there is no directory {path.parent}")


def _open_session(arguments: argparse.Namespace) -> Session:
    """Compile the workflow and read the inputs in the parent, which can report every error in them."""
    from express.cli.inputs import compile_workflow, refuse_to_overwrite_inputs
    from express.cli.load.inputs import read_inputs
    from express.cli.load.measurement import Setting, describe_machine
    from express.cli.load.session import Session
    from express.cli.streams import read_stdin

    stdin = read_stdin() if arguments.definition == STDIN else None
    workflow = compile_workflow(arguments.definition, arguments.tasks, machine_type=arguments.type, stdin=stdin)
    refuse_to_overwrite_inputs(arguments, [("--report", name) for name in arguments.report])
    inputs = read_inputs(arguments.input)
    definition = "stdin" if arguments.definition == STDIN else arguments.definition
    setting = Setting(workflow.name, definition, len(inputs), arguments.workers, _load(arguments), describe_machine())
    return Session(setting, arguments.definition, stdin, arguments.tasks, arguments.type, inputs, arguments.progress)


def _load(arguments: argparse.Namespace) -> Load:
    from express.cli.load.schedule import Load

    rate = arguments.rate or (FIRST_RATE if arguments.sweep else None)
    callers = arguments.in_flight or max(100, arguments.workers)
    duration = arguments.duration or parse_duration("3s" if arguments.sweep else "10s")
    in_flight = callers if rate is None else max(arguments.max_in_flight, arguments.workers)
    return Load(rate, in_flight, arguments.warmup, duration, arguments.drain)


# ------------------------------------------------------------------------------------------------- one measurement


def _run_once(
    session: Session, arguments: argparse.Namespace, thresholds: Sequence[Threshold], baseline: Baseline | None
) -> int:
    from dataclasses import replace

    from express.cli.load.document import document_of
    from express.cli.load.measurement import Measurement
    from express.cli.load.page import render_measurement
    from express.cli.load.summary import sections
    from express.cli.signals import say_ended

    recording, interrupted = session.measure(session.setting.load)
    verdicts = () if interrupted else tuple(threshold.verdict(recording) for threshold in thresholds)
    measurement = Measurement(session.setting, recording, verdicts, interrupted=interrupted)
    if baseline is not None:
        measurement = replace(measurement, comparison=baseline.compare(measurement))
    _publish(
        arguments,
        text=lambda: sections(measurement),
        document=lambda: document_of(measurement),
        page=lambda: render_measurement(measurement),
    )
    if interrupted:
        return say_ended()
    return _verdict(measurement)


def _verdict(measurement: Measurement) -> int:
    """Return the exit status; the reason for a failure goes to stderr, because stdout may be a file."""
    recording = measurement.recording
    for verdict in measurement.missed:
        print(f"express: threshold missed: {verdict.text} (measured: {verdict.shown})", file=sys.stderr)
    if not recording.succeeded:
        print(f"express: no execution succeeded: {_reason(recording)}", file=sys.stderr)
    return FAILED if measurement.missed or not recording.succeeded else OK


def _reason(recording: Recording) -> str:
    if recording.errors:
        worst = ", ".join(f"{name} {count:,}" for name, count in recording.errors.most_common(3))
        return f"{recording.failures.count:,} of {recording.started:,} failed ({worst})"
    if recording.unfinished:
        return f"none of the {recording.unfinished:,} that were started has ended in time"
    if recording.dropped:
        return f"none of the {recording.dropped:,} that were due was started; the rate is too high"
    return "none was due; the rate is too low for so short a time"


# --------------------------------------------------------------------------------------------------------- a sweep


def _run_sweep(session: Session, arguments: argparse.Namespace) -> int:
    from express.cli.load.document import sweep_document_of
    from express.cli.load.sweep import climb, render_sweep, sections
    from express.cli.signals import say_ended

    setting, load = session.setting, session.setting.load
    sweep = climb(session.measure_rate, load.rate or FIRST_RATE)
    _publish(
        arguments,
        text=lambda: sections(sweep, load.duration),
        document=lambda: sweep_document_of(sweep, setting),
        page=lambda: render_sweep(sweep, f"Load on {setting.workflow}", load.duration),
    )
    if sweep.interrupted:
        return say_ended()
    if not any(step.recording.succeeded for step in sweep.steps):
        print("express: no execution succeeded", file=sys.stderr)
    return OK if sweep.knee is not None else FAILED


# ---------------------------------------------------------------------------------------------------------- output


def _publish(
    arguments: argparse.Namespace,
    *,
    text: Callable[[], Any],
    document: Callable[[], dict[str, JSON]],
    page: Callable[[], str],
) -> None:
    """Print the report before writing the files, so that a file that cannot be written does not lose it."""
    import json
    from pathlib import Path

    from express.cli.load.summary import render
    from express.cli.terminal import wants_color

    def as_json() -> str:
        return json.dumps(document(), indent=2) + "\n"

    shown = as_json() if arguments.format == "json" else render(text(), bold=wants_color(sys.stdout))
    sys.stdout.write(_printable(shown))
    sys.stdout.flush()
    for name in arguments.report:
        with usable("write", name):
            Path(name).write_text(page() if name.endswith(".html") else as_json(), encoding="utf-8")


def _printable(text: str) -> str:
    """Replace what stdout cannot encode: blocks of plots by `#`, other characters by `?`."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        plain = "".join(character if character < "\u2580" or character > "\u259f" else "#" for character in text)
        return plain.encode(encoding, "replace").decode(encoding)
    return text
