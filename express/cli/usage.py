"""Reads the quantities a bill is computed from: from results of a run, a metrics endpoint, or an assumption.

Each source gives a `Usage` for each workflow: executions, billed gigabyte-seconds, and, where known, the state
transitions that Standard workflows are billed by. Sources may be mixed; usages of one name are added up.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Final

from express.cli.status import CommandError
from express.cli.streams import usable
from express.pricing import gigabyte_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client.samples import Sample

    from express.types import JSON

#: Seconds a metrics endpoint may take to answer.
SCRAPE_TIMEOUT: Final = 10.0
#: Upper bound on bytes read of a metrics page; a Runtime with bounded labels stays far below.
MAX_PAGE: Final = 64 << 20

#: Upper bound of each quantity of a bill, far beyond what a month has room for; without one, numbers made up in a file
#: would be too large for the arithmetic, and for JSON.
MOST_USED: Final = 10**15

_STARTED: Final = "express_executions_started_total"
_BILLED: Final = "express_execution_billed_gigabyte_seconds_total"
_TRANSITIONS: Final = "express_state_transitions_total"


@dataclass(slots=True)
class Usage:
    """`executions` started, their billed `gigabyte_seconds`, their state `transitions` or None where not counted."""

    workflow: str
    executions: Decimal
    gigabyte_seconds: Decimal
    transitions: Decimal | None

    @property
    def greatest(self) -> Decimal:
        """The greatest of the three quantities."""
        return max(self.executions, self.gigabyte_seconds, self.transitions or Decimal(0))

    def __add__(self, other: Usage) -> Usage:
        known = self.transitions is not None and other.transitions is not None
        return Usage(
            self.workflow,
            self.executions + other.executions,
            self.gigabyte_seconds + other.gigabyte_seconds,
            self.transitions + other.transitions if known else None,  # type: ignore[operator]
        )

    def scaled(self, factor: Decimal) -> Usage:
        """The same work `factor` times."""
        transitions = None if self.transitions is None else self.transitions * factor
        return Usage(self.workflow, self.executions * factor, self.gigabyte_seconds * factor, transitions)


def merged(usages: Iterable[Usage]) -> list[Usage]:
    """One usage for each workflow, in the order of first appearance."""
    found: dict[str, Usage] = {}
    for usage in usages:
        known = found.get(usage.workflow)
        found[usage.workflow] = usage if known is None else known + usage
    return list(found.values())


# ------------------------------------------------------------------------------------------------- results of a run


def read_results(path: str, transitions_each: Decimal | None) -> Usage:
    """Read the result lines of `express run --events ... --billing`; lines never executed cost nothing."""
    usage = Usage(Path(path).name.split(".")[0], Decimal(0), Decimal(0), transitions_each and Decimal(0))
    megabyte_ms = 0
    executions = 0
    for number, line in enumerate(_lines(path), 1):
        document = _result(line, f"{path}, line {number}")
        if document.get("status") == "INVALID":
            continue
        try:
            billing = document["billing"]
            megabyte_ms += _whole(billing["billed_duration_ms"]) * _whole(billing["billed_memory_mb"])
        except ValueError as error:
            raise CommandError(f"{path}, line {number}: billed {error}, which is no whole number") from None
        except (KeyError, TypeError):
            raise CommandError(
                f"{path}, line {number} has no billing",
                hint="write the results with `express run DEFINITION --events FILE --billing`",
            ) from None
        executions += 1
    usage.executions = Decimal(executions)
    usage.gigabyte_seconds = gigabyte_seconds(megabyte_ms)
    if transitions_each is not None:
        usage.transitions = executions * transitions_each
    return usage


def _whole(amount: JSON) -> int:
    if type(amount) is not int or amount < 0:
        raise ValueError(json.dumps(amount)[:60])
    return amount


def _lines(path: str) -> Iterator[bytes]:
    with usable("read", path), open(path, "rb") as file:
        yield from (line for line in file if line.strip())


def _result(line: bytes, place: str) -> dict[str, JSON]:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{place} is not valid JSON: {error}") from None
    if not isinstance(document, dict):
        raise CommandError(f"{place} is no result of a run")
    return document


# ------------------------------------------------------------------------------------------------ a metrics endpoint


def read_metrics(url: str) -> list[Usage]:
    """Return what the workflows behind a metrics endpoint have used since their process started."""
    return list(usages_of_page(_fetch(url), url))


def _fetch(url: str) -> str:
    from http.client import HTTPException
    from urllib.error import URLError
    from urllib.request import urlopen

    if not url.isascii():
        raise CommandError(f"cannot read {url}: a URL has only ASCII characters", hint="write others as %XX")
    try:
        with urlopen(url, timeout=SCRAPE_TIMEOUT) as response:  # http(s) only: the caller has checked the scheme
            page: bytes = response.read(MAX_PAGE)
    except HTTPException as error:
        # Their texts say little without the class.
        raise CommandError(f"cannot read {url}: {type(error).__name__}: {error}") from None
    except (URLError, OSError, ValueError) as error:
        raise CommandError(f"cannot read {url}: {getattr(error, 'reason', error)}") from None
    return page.decode("utf-8", "replace")


def usages_of_page(page: str, source: str) -> Iterator[Usage]:
    """Yield the usages on a metrics page; raises CommandError for a page without metrics of express."""
    from prometheus_client.parser import text_string_to_metric_families

    counts: dict[str, dict[str, Decimal]] = {}
    try:
        for family in text_string_to_metric_families(page):
            for sample in family.samples:
                if sample.name in (_STARTED, _BILLED, _TRANSITIONS):
                    workflow = sample.labels.get("workflow", "")
                    of_workflow = counts.setdefault(workflow, {})
                    of_workflow[sample.name] = of_workflow.get(sample.name, Decimal(0)) + _counted(sample)
    except (ValueError, KeyError, InvalidOperation) as error:
        raise CommandError(f"{source} is no metrics page: {error}") from None
    if not counts:
        raise CommandError(
            f"{source} has no metrics of express", hint=f"the page should have `{_STARTED}`: is it the right port?"
        )
    for workflow, samples in counts.items():
        yield Usage(
            workflow, samples.get(_STARTED, Decimal(0)), samples.get(_BILLED, Decimal(0)), samples.get(_TRANSITIONS)
        )


def _counted(sample: Sample) -> Decimal:
    value = Decimal(repr(sample.value))
    if not (value.is_finite() and value >= 0):
        raise ValueError(f"{sample.name} is {sample.value}")
    return value


# ------------------------------------------------------------------------------------------------------ assumptions


def assumed(name: str, *, billed_ms: int, billed_mb: int, transitions: Decimal) -> Usage:
    """Return the usage of one execution of a workflow, by assumption."""
    return Usage(name, Decimal(1), gigabyte_seconds(billed_ms * billed_mb), transitions)


def longest_way(definition: dict[str, JSON]) -> int:
    """Return the state transitions of an execution that takes the longest path without loops; for a valid definition.

    Every branch of a Parallel is counted, and one iteration of each Map. This is an assumption to start from: loops
    are not counted, and choices may take a shorter path.
    """
    states: dict[str, dict[str, JSON]] = definition.get("States", {})
    lengths: dict[str, int] = {}
    start = definition.get("StartAt")
    # Depth-first without recursion: a state is left once all its successors have been left.
    pending: list[tuple[str, bool]] = [(start, False)] if isinstance(start, str) and start in states else []
    entered: set[str] = set()
    while pending:
        name, leaving = pending.pop()
        if leaving:
            onwards = max((lengths.get(following, 0) for following in _successors(states[name])), default=0)
            lengths[name] = 1 + sum(map(longest_way, _nested(states[name]))) + onwards
        elif name not in entered:
            entered.add(name)
            pending.append((name, True))
            pending += [(following, False) for following in _successors(states[name]) if following in states]
    return lengths.get(start, 0) if isinstance(start, str) else 0


def _nested(state: dict[str, JSON]) -> Iterator[dict[str, JSON]]:
    yield from state.get("Branches", ())
    yield from filter(None, (state.get("ItemProcessor"), state.get("Iterator")))


def _successors(state: dict[str, JSON]) -> Iterator[str]:
    yield from filter(None, (state.get("Next"), state.get("Default")))
    yield from filter(None, (rule.get("Next") for rule in state.get("Choices", ())))
    yield from filter(None, (catcher.get("Next") for catcher in state.get("Catch", ())))
