"""A whole cycle over a simulated site whose server suggests continuing as new after 50 events, amid wake-ups."""

import time
from pathlib import Path

from temporalio.client import WorkflowExecutionStatus

from fleet import ids
from tests.replay.early import EarlySite, early_site
from tests.scenarios.site import CLUSTER, POOL, fleet_document
from tests.workflows.conftest import DYNAMIC, SUGGESTED_AT

TRAIN, DISPATCHER = ids.train(CLUSTER, POOL), ids.dispatcher(CLUSTER)


def test_a_cycle_completes_while_train_and_dispatcher_continue_as_new_over_and_over(tmp_path: Path):
    with early_site(tmp_path, fleet_document(4, 2), DYNAMIC) as early:
        early.site.start_train()
        wake_until_closed(early)

        trains, dispatchers = runs(early, TRAIN), runs(early, DISPATCHER)
        assert {"upgraded"} == {o.outcome for o in early.site.outcomes().values()}
        assert [] == early.site.observed()["violation_details"]
        assert {} == early.site.leases()
        assert WorkflowExecutionStatus.RUNNING == early.ask(early.workflow(TRAIN).describe()).status

    assert any('"under_way":["visit/' in begun for _, begun in trains), "a run ended with a visit under way"
    assert len(dispatchers) > 2
    assert max(length for length, _ in (*trains, *dispatchers)) < 4 * SUGGESTED_AT


def wake_until_closed(early: EarlySite) -> None:
    """Wake train and dispatcher many times a second."""
    deadline = time.monotonic() + 120
    while (cycle := early.site.cycle()) is None or cycle.closed_at is None:
        assert time.monotonic() < deadline, f"the cycle is not closed: {cycle}"
        early.signal(TRAIN, "wake")
        early.signal(DISPATCHER, "wake")
        time.sleep(0.05)


def runs(early: EarlySite, workflow_id: str) -> list[tuple[int, str]]:
    """Length and input of every run of an id, the latest first."""
    found, run = [], early.ask(early.workflow(workflow_id).describe()).run_id
    while run:
        history = early.ask(early.workflow(workflow_id, run).fetch_history())
        begun = history.events[0].workflow_execution_started_event_attributes
        found.append((len(history.events), begun.input.payloads[0].data.decode()))
        run = begun.continued_execution_run_id
    return found
