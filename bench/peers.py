"""express beside other engines that run Amazon States Language locally, on the same workloads in the same run.

    python -m bench.peers --install /tmp/peers          installs them there first, from PyPI and npm
    python -m bench.peers                               those that are there already

- moto (`pip install 'moto[stepfunctions]'`, for `--python`): its interpreter, through boto3, as tests use it.
  Workloads with tasks are left out, because they would need Docker.
- aws-local-stepfunctions (`npm install aws-local-stepfunctions`, in `--node-modules`), which needs Node 22 or later:
  handlers in JavaScript.

Each peer runs in a process of its own, express in this one. What cannot run is reported with the reason, and the rest
is measured. A figure counts only if the output is the one express gives; retry delays are skipped. Prints the
Markdown table that the README quotes, and the command that made it.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Protocol

import express
from bench.machine import headline
from bench.throughput import START, START_BY_VALUE, make_legs
from bench.workload import SkippingRuntime, Workload, load_workloads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from express.types import JSON

#: Concurrent executions of every engine: moto has a thread for each.
IN_FLIGHT = 100
#: The lowest Node version that aws-local-stepfunctions claims to support.
NODE = 22
#: Seconds an engine may take for a workload beyond the measured time.
PATIENCE = 60.0

_PACKAGE = "aws-local-stepfunctions"


class Unable(Exception):
    """An engine cannot run a workload, or any at all; the text gives the reason."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Executions per second, and the output of the workload's first event."""

    rate: float
    output: JSON


class Peer(Protocol):
    """Another engine; `ready` raises Unable if it cannot run here, else returns its name with its version."""

    @property
    def name(self) -> str: ...

    def ready(self) -> str: ...

    def measure(self, workload: Workload, seconds: float) -> Figure: ...


class Express:
    """This engine in its default use: `start`, handlers by value."""

    name = "express"

    def ready(self) -> str:
        return f"express {express.__version__}"

    def measure(self, workload: Workload, seconds: float) -> Figure:
        async def main() -> Figure:
            async with SkippingRuntime() as runtime:
                result = await runtime.execute(workload.compile(isolate=True), workload.events(1)[0])
            legs = make_legs(workload)
            leg = legs.get(START_BY_VALUE) or legs[START]
            await leg(1)
            begin, done = time.perf_counter(), 0
            while done == 0 or time.perf_counter() - begin < seconds:
                await leg(1)
                done += workload.in_flight
            return Figure(done / (time.perf_counter() - begin), result.unwrap())

        return express.run(main())


@dataclass(frozen=True, slots=True)
class Moto:
    """moto's interpreter, run by `python`, which may have an environment of its own."""

    python: str = sys.executable
    name: str = "moto"

    def ready(self) -> str:
        if shutil.which(self.python) is None:
            raise Unable(f"there is no `{self.python}` (--python PATH)")
        asked = "import antlr4, importlib.metadata as m, platform as p; print(m.version('moto'), p.python_version())"
        done = subprocess.run([self.python, "-c", asked], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unable("not installed: pip install 'moto[stepfunctions]' (--python PATH)")
        version, python = done.stdout.split()
        return f"moto {version}, Python {python}"

    def measure(self, workload: Workload, seconds: float) -> Figure:
        if workload.has_tasks:
            raise Unable("Lambda functions need Docker")
        job = {
            "definition": workload.definition,
            "events": workload.events(workload.in_flight),
            "seconds": seconds,
            "patience": PATIENCE,
        }
        return ask([self.python, str(Path(__file__).with_name("peers_moto.py"))], job, seconds)


@dataclass(frozen=True, slots=True)
class LocalStepFunctions:
    """aws-local-stepfunctions from `modules`, a directory with `node_modules` in it, run by `node`."""

    node: str
    modules: Path
    name: str = _PACKAGE

    def ready(self) -> str:
        found = shutil.which(self.node)
        if found is None:
            raise Unable(f"there is no `{self.node}`: it needs Node {NODE} or later (--node PATH)")
        shown = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout.strip()
        major = shown.removeprefix("v").split(".")[0]
        if not major.isdigit() or int(major) < NODE:
            raise Unable(
                f"it needs Node {NODE} or later and `{self.node}` is {shown or 'something else'} (--node PATH)"
            )
        manifest = self.modules / "node_modules" / _PACKAGE / "package.json"
        if not manifest.is_file():
            raise Unable(f"not installed in {self.modules}: npm install {_PACKAGE} (--node-modules DIRECTORY)")
        return f"{_PACKAGE} {json.loads(manifest.read_text())['version']}, Node {shown}"

    def measure(self, workload: Workload, seconds: float) -> Figure:
        job = {
            "modules": str(self.modules.resolve()),
            "definition": workload.definition,
            "events": workload.events(workload.in_flight),
            "seconds": seconds,
        }
        return ask([self.node, str(Path(__file__).with_name("peers.mjs"))], job, seconds)


def ask(command: Sequence[str], job: dict[str, JSON], seconds: float) -> Figure:
    """Return a process's answer to a job of `seconds` seconds. Raises Unable with the reason it gives."""
    try:
        done = subprocess.run(
            command, input=json.dumps(job), capture_output=True, text=True, timeout=seconds + PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        raise Unable(f"no answer after {seconds + PATIENCE:.0f} s") from None
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise Unable(f"exit status {done.returncode}: {last}") from None
    if "error" in answer:
        raise Unable(answer["error"])
    return Figure(answer["rate"], answer["output"])


def install(directory: Path) -> tuple[str, str]:
    """Install the peers, and a Node for the one that needs it; return the paths of Python and Node.

    Raises SystemExit with the output of `pip` or `npm` when one fails.
    """
    python, node = directory / "python" / "bin" / "python", directory / "node_modules" / ".bin" / "node"
    directory.mkdir(parents=True, exist_ok=True)
    for command in (
        [sys.executable, "-m", "venv", str(directory / "python")],
        [str(python), "-m", "pip", "install", "--quiet", "moto[stepfunctions]"],
        ["npm", "install", "--prefix", str(directory), "--no-fund", "--no-audit", f"node@{NODE}", _PACKAGE],
    ):
        print(shlex.join(command), file=sys.stderr, flush=True)
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            raise SystemExit(f"{command[0]} cannot be run: {error.strerror}") from None
        if done.returncode:
            raise SystemExit(f"{shlex.join(command)} failed:\n{done.stderr.strip()}")
    return str(python), str(node)


# --------------------------------------------------------------------------------------------------------------
# side by side


def compare(workload: Workload, peers: Sequence[Peer], seconds: float, rounds: int) -> dict[str, Figure | str]:
    """Return each engine's figure, or the reason for having none, by its name; express comes first.

    The engines take turns and the median of the rounds counts, so that other load on the machine affects all of them.
    """
    measured: dict[str, list[Figure]] = {peer.name: [] for peer in peers}
    reasons: dict[str, str] = {}
    expected: JSON = None
    for round_ in range(rounds):
        for peer in peers:
            if peer.name in reasons:
                continue
            try:
                figure = peer.measure(workload, seconds)
            except Unable as reason:
                reasons[peer.name] = str(reason)
                continue
            if not round_ and peer is peers[0]:
                expected = _without_cause(figure.output)
            if _without_cause(figure.output) != expected:
                reasons[peer.name] = f"another output: {json.dumps(figure.output)[:80]}"
            measured[peer.name].append(figure)
    medians = {name: Figure(median(one.rate for one in ones), expected) for name, ones in measured.items() if ones}
    return {**medians, **reasons}


def _without_cause(output: JSON) -> JSON:
    """Drop the text of a Cause, which each engine words differently."""
    if isinstance(output, dict) and isinstance(output.get("err"), dict):
        return {**output, "err": {**output["err"], "Cause": None}}
    return output


def table(rows: Sequence[tuple[Workload, dict[str, Figure | str]]], names: Sequence[str]) -> str:
    """Executions per second as a Markdown table, with express's multiple of each peer; reasons below it."""
    lines = [
        f"| workload | express |{''.join(f' {name} | express is |' for name in names)}",
        f"|---|---|{'---|---|' * len(names)}",
    ]
    notes: defaultdict[str, list[str]] = defaultdict(list)
    for workload, figures in rows:
        own = figures[Express.name]
        cells = [_rate(own)]
        for name in names:
            figure = figures[name]
            cells += [_rate(figure), _ratio(own, figure)]
            if isinstance(figure, str):
                notes[f"{name}: {figure}"].append(workload.id)
        lines.append(f"| {workload.id} {workload.name} | {' | '.join(cells)} |")
    if notes:
        lines += ["", *(f"- not run: {note} ({', '.join(ids)})" for note, ids in notes.items())]
    return "\n".join(lines)


def _rate(figure: Figure | str) -> str:
    if isinstance(figure, str):
        return "-"
    return f"{figure.rate:,.0f}/s"


def _ratio(own: Figure | str, other: Figure | str) -> str:
    if isinstance(own, str) or isinstance(other, str):
        return ""
    ratio = own.rate / other.rate
    return f"{ratio:,.0f} times" if ratio >= 10 else f"{ratio:.1f} times"


def main(arguments: Sequence[str] | None = None) -> None:
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = parse_arguments(given)
    workloads = load_workloads()
    chosen = options.only.split(",") if options.only else list(workloads)
    unknown = [name for name in chosen if name not in workloads]
    if unknown:
        raise SystemExit(f"unknown workload {', '.join(unknown)}; there are {', '.join(workloads)}")
    if options.install is not None:
        options.python, options.node = install(options.install)
        options.node_modules = options.install
    peers: list[Peer] = []
    notes = [f"Made with `{shlex.join(['python', '-m', 'bench.peers', *given])}`."]
    for peer in (Express(), Moto(options.python), LocalStepFunctions(options.node, options.node_modules)):
        try:
            notes.append(f"- {peer.ready()}")
            peers.append(peer)
        except Unable as reason:
            notes.append(f"- {peer.name} not run: {reason}")
    rows = []
    for name in chosen:
        workload = replace(workloads[name], in_flight=IN_FLIGHT)
        print(f"{name} {workload.name} ...", file=sys.stderr, flush=True)
        rows.append((workload, compare(workload, peers, options.seconds, options.rounds)))
    print(table(rows, [peer.name for peer in peers[1:]]))
    print("\n" + "\n".join([*notes, f"- executions per second, {IN_FLIGHT} at once, on {headline()}"]))


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description="express beside other engines.")
    parser.add_argument("--only", metavar="W1,W4", help="only these workloads")
    parser.add_argument("--rounds", type=int, default=3, help="how often each engine runs a workload (default 3)")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long, each time (default 1)")
    parser.add_argument("--install", type=Path, metavar="DIRECTORY", help="install the others there, and use those")
    parser.add_argument("--python", default=sys.executable, help="the Python that has moto (default: this one)")
    parser.add_argument("--node", default="node", help=f"the Node to use, {NODE} or later (default: node)")
    parser.add_argument(
        "--node-modules", type=Path, default=Path(), help=f"where `npm install {_PACKAGE}` was run (default: here)"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
