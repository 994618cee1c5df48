"""Executions recorded from AWS, replayed: their histories, event by event."""

from __future__ import annotations

import re
from typing import Any

import pytest

from express.testing import run_virtual
from tests.conformance.histories import Recorder, history_differences
from tests.conformance.replay import Replay
from tests.conformance.test_execution import needs_worker, params, replayed, worked

#: What a recording shows of a service's first answer, which a handler gives no more than a replay can: its result is
#: that of the whole job.
SUBMISSION = r"#\d+ TaskSubmitted\.taskSubmittedEventDetails\.output(?:Details)? is missing"
#: Until July 2024 the exit of a distributed Map followed from MapRunSucceeded. Recordings since November 2024, and
#: measurements of September 2026 (floci-io/floci pull request 3167), have it follow from MapRunStarted, as here.
OLD_MAP_RUN = r"#7 MapStateExited\.previousEventId: expected 5, got 4"
#: Such cases whose output shows what differs from run to run: a time, an ETag; masked, and its text reformatted.
OLD_AND_MASKED = rf"{OLD_MAP_RUN}|#\d+ (?:MapStateExited\.stateExited|ExecutionSucceeded\.executionSucceeded)EventDetails\.output: .*"

#: The cases that differ, and in nothing but this.
EXCEPTIONS: dict[str, tuple[str, ...]] = {
    SUBMISSION: (
        "base_callbacks.sfn_start_execution_sync[SFN_SYNC2]",
        "base_callbacks.sfn_start_execution_sync[SFN_SYNC]",
        "callback.start_execution_sync",
        "callback.start_execution_sync2",
        "callback.start_execution_sync_delegate_failure",
        "callback.start_execution_sync_delegate_timeout",
        "callback.sync_with_task_token",
        "credentials_base.cross_account_states_start_sync_execution[SFN_START_EXECUTION_SYNC_ROLE_ARN_INTRINSIC]",
        "credentials_base.cross_account_states_start_sync_execution[SFN_START_EXECUTION_SYNC_ROLE_ARN_JSONATA]",
        "credentials_base.cross_account_states_start_sync_execution[SFN_START_EXECUTION_SYNC_ROLE_ARN_PATH]",
        "credentials_base.cross_account_states_start_sync_execution[SFN_START_EXECUTION_SYNC_ROLE_ARN_PATH_CONTEXT]",
        "credentials_base.cross_account_states_start_sync_execution[SFN_START_EXECUTION_SYNC_ROLE_ARN_VARIABLE]",
    ),
    OLD_AND_MASKED: (
        "base_scenarios.map_item_batching_base_json_max_per_batch_jsonata",
        "base_scenarios.map_item_reader_base_list_objects_v2",
    ),
    OLD_MAP_RUN: (
        "base_scenarios.map_item_reader_base_csv_headers_first_line",
        "base_scenarios.map_item_reader_base_json_max_items",
        "base_scenarios.map_item_reader_csv_first_row_extra_fields",
        "base_scenarios.map_item_reader_csv_headers_decl_extra_fields",
        "base_scenarios.map_item_reader_csv_headers_first_row_typed_headers",
        "base_scenarios.map_item_reader_csv_max_items[0]",
        "base_scenarios.map_item_reader_csv_max_items_paths[100000000]",
        "base_scenarios.map_item_reader_csv_max_items_paths[100000001]",
        "base_scenarios.map_state_config_distributed_parameters",
        "base_scenarios.map_state_config_inline_item_selector",
        "base_scenarios.map_state_label",
        "base_scenarios.map_state_legacy_config_distributed",
        "base_scenarios.map_state_legacy_config_distributed_item_selector",
        "base_scenarios.map_state_legacy_config_distributed_parameters",
        "base_scenarios.map_state_tolerated_failure_count_path[0]",
        "base_scenarios.map_state_tolerated_failure_percentage_path[0]",
        "base_scenarios.map_state_tolerated_failure_percentage_path[100]",
        "base_scenarios.map_state_tolerated_failure_percentage_path[1]",
        "base_scenarios.map_state_tolerated_failure_values[count_literal]",
        "base_scenarios.map_state_tolerated_failure_values[percentage_literal]",
    ),
}
#: By case.
EXPECTED = {case: pattern for pattern, cases in EXCEPTIONS.items() for case in cases}


def history_params() -> list[Any]:
    """The cases whose history was recorded; those this version does not run are skipped and say why."""
    return [param for param in params() if not param.values[0] or "history" in param.values[0]]


@pytest.mark.parametrize("case", history_params())
def test_recorded_history(case: dict[str, Any]) -> None:
    if needs_worker(case):
        _, events = run_virtual(worked(case, Replay(case)))
        assert history_differences(case["history"], events) == []
        return
    recorder = Recorder()

    replayed(case, Replay(case), recorder)

    differences = history_differences(case["history"], recorder.events)
    pattern = EXPECTED.get(case["id"])
    if pattern is None:
        assert differences == []
    else:
        assert differences, "an exception no longer"
        assert [difference for difference in differences if not re.fullmatch(pattern, difference)] == []
    assert len(recorder.events) == recorder.counted + 1, "events written and events counted"


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("case", history_params())
def test_recorded_history_worked_out_elsewhere(case: dict[str, Any]) -> None:
    test_recorded_history(case)


@pytest.mark.slow
def test_the_exceptions_are_recorded_cases() -> None:
    known = {param.id for param in history_params()}
    assert known == {None} or EXPECTED.keys() <= known
