"""The traps that others fell into, a test each with its name. What is told here in one place is told in full where the
part that could fall into it is tested.
"""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from activities.operations import lost_operations
from activities.reboot import Rebooting
from drivers.slurm.jobs import parse_jobs
from drivers.slurm.nodes import parse_nodes
from fleet.errors import BadAnswer, InvalidInput, Refused
from fleet.models.drivers import SimulatedFault
from fleet.models.fleetfile import FleetFile
from fleet.models.host import HostSet
from fleet.models.ladder import Rung
from fleet.models.ledger import Autostop, Counted, RequestClass, RequestState
from fleet.models.operation import OVER, OperationState, Said, Word
from fleet.models.rungs import LadderFacts, RungEnd
from fleet.models.scope import ScopePart
from fleet.models.windows import Window
from fleet.models.work import StepAction, StepKind
from fleet.policy.autostop import autostop
from fleet.policy.draining import DrainState, drained
from fleet.policy.grants import settle
from fleet.policy.ladder import next_rung
from fleet.policy.limits import limits
from fleet.policy.limits import problems as limit_problems
from fleet.policy.operation_checks import check_operation
from fleet.policy.operation_orders import speak
from fleet.policy.operation_progress import OperationFacts, progress
from fleet.policy.owners import unowned
from fleet.policy.sets import standings
from fleet.policy.windows import begin
from tests.host_policy.test_draining import OURS, node, view
from tests.host_policy.test_ladder import HARDWARE, climbed, repair
from tests.policy.make import NOW, facts, lease, names, pool, request, seen
from tests.policy.noticing import Looks
from tests.policy.operations import asked, operation
from tests.scenarios.site import CLUSTER
from tests.steps.conftest import site
from tests.steps.site import no_fence, order
from tests.steps.test_inventory_after_boot import DRIVER, HOST, REBOOT
from tests.store.facts import fleet_file

__all__ = ["site"]

HOUR = timedelta(hours=1)


def granted(settled) -> set[str]:
    return {grant.request for grant in settled.grants}


def waits(settled) -> dict[str, str]:
    return {wait.request: wait.reason for wait in settled.waits}


class NobodyRuns:
    """The engine, as it answers when an operation was written and its start was lost."""

    async def running(self, workflow_id: str) -> bool:
        return False

    async def wake(self, workflow_id: str) -> bool:
        return False


async def test_an_accepted_but_inert_request(site):
    """What was accepted is a row, and the dispatcher takes up each row that no workflow looks after."""
    its = operation(scope=(ScopePart(cluster=CLUSTER, kind="host", name="gpu003"),)).spec
    written, new = await site.store.submit_operation(its, await site.store.clock())
    deps = replace(site.deps, engine=NobodyRuns())

    found = await lost_operations(deps, await site.store.facts(CLUSTER, await site.store.clock()))

    assert (True, (written.id,)) == (new, found)


def test_a_breaker_that_also_blocks_recovery():
    looks = Looks(rule=Looks(12).rule.model_copy(update={"at_once": 1}))
    looks.lose("gpu001", "gpu002", "gpu003")
    looks.looks(4)
    assert looks.tripped
    repairing = request("host/c1/gpu001", ["gpu001"], RequestClass.REPAIR, holder="host/c1/gpu001")
    down = {name: seen(name, **looks.down[name]) for name in looks.down}

    settled = settle(facts(requests=[repairing], nodes=down))

    assert {"host/c1/gpu001"} == granted(settled)


@given(percent=st.integers(1, 100), members=st.integers(1, 75_000))
def test_a_percent_limit_computed_with_swapped_arguments(percent, members):
    promised = limits(pool(planned_buffer=f"{percent}%", failure_buffer=f"{percent}%", floor=f"{percent}%"), members)
    exact = members * percent / 100
    assert max(1, int(exact)) == promised.planned_buffer == promised.failure_buffer
    assert exact <= promised.floor < exact + 1


@given(failed=st.integers(2, 1000), members=st.integers(12, 1000))
def test_a_failure_stop_that_is_disabled_after_half_of_the_fleet(failed, members):
    its = pool()
    before = autostop(its, limits(its, members), 2, timedelta(seconds=1), Autostop(), NOW)
    after = autostop(its, limits(its, members), min(failed, members), timedelta(seconds=1), before, NOW)
    assert (True, True) == (before.stopped, after.stopped)


def test_a_default_budget_of_the_whole_fleet():
    assert 4 == limits(pool(), 400).planned_buffer
    assert 394 == limits(pool(), 400).floor
    document = fleet_file().model_dump(mode="json")
    del document["clusters"][0]["pools"][0]["failure_buffer"]
    with pytest.raises(ValidationError, match="failure_buffer"):
        FleetFile.model_validate(document)
    assert "failure_buffer: expected at least 1" in limit_problems(pool(failure_buffer=0), 12)[0]


def test_budgets_that_do_not_compose():
    """A train, a person's rack and an emergency, each of which fits by itself, on a buffer of four."""
    one, two, three = names(3, 1), names(3, 4), names(3, 7)
    kinds = (RequestClass.TRAIN, RequestClass.AD_HOC, RequestClass.EMERGENCY)
    requests = [request(k.value, hosts, k) for k, hosts in zip(kinds, (one, two, three), strict=True)]

    settled = settle(facts(requests=requests))

    assert {"emergency"} == granted(settled)
    assert {"train", "ad_hoc"} == waits(settled).keys()
    assert {"train"} == granted(settle(facts(requests=requests[:1])))


@pytest.mark.parametrize("state", OVER)
@pytest.mark.parametrize("said", list(Said))
def test_a_status_that_goes_from_complete_back_to_in_progress(state, said):
    over = operation(state.value, reason="it is over")
    with pytest.raises(Refused, match="is over"):
        speak(Word(said=said, actor="ann", reason="late", at=NOW))(over)


def test_a_stale_cache_that_is_read_as_drained():
    assert DrainState.DRAINED is drained("gpu001", OURS, view(node(), began=2.0), acknowledged=1.0).state
    assert DrainState.DOUBTFUL is drained("gpu001", OURS, view(node(), began=1.0), acknowledged=1.0).state
    assert DrainState.DOUBTFUL is drained("gpu001", OURS, view(None, began=2.0), acknowledged=1.0).state


async def test_a_task_that_is_completed_without_the_version_changing(site):
    site.world.set_fault(SimulatedFault(kind="version_unchanged", host=HOST))
    await site.drain()
    await site.hands.hardware.start_apply(HOST, DRIVER.component, DRIVER.version, no_fence)
    while (await site.hands.hardware.tasks(HOST, DRIVER.component))[-1].state != "done":  # noqa: ASYNC110 - the BMC's
        await asyncio.sleep(0.1)

    found = await site.run(Rebooting(site.deps).reboot, order(StepKind.REBOOT, step=REBOOT, applied=(DRIVER,)))

    assert StepAction.HAND_OVER is found.action
    assert "expected 550.2 after the reboot, found" in found.reason


def test_two_actors_that_clear_each_others_drain_reason():
    theirs = "admin: disk check"
    assert DrainState.FOREIGN is drained("gpu001", OURS, view(node(reason=theirs)), 1.0).state
    shown = standings(facts(nodes={"gpu001": seen("gpu001", draining=True, reason=theirs)}))["gpu001"]
    assert (HostSet.FOREIGN, theirs) == (shown.set, shown.owner)
    mine = request("repair", ["gpu001"], RequestClass.REPAIR)
    taken = settle(facts(requests=[mine], nodes={"gpu001": seen("gpu001", draining=True, reason=theirs)}))
    assert "gpu001 is foreign" in waits(taken)["repair"]


def test_a_deletion_that_loses_the_event_that_would_have_cleared():
    """Whoever drained the host and would have undrained it is gone with its lease: the host is shown, and paged."""
    orphan = seen("gpu001", draining=True, reason="maintrain:planned:visit/c1/gpu-train/1/d001/0#gpu001")
    (found,) = unowned(facts(nodes={"gpu001": orphan}))
    assert ("gpu001", HostSet.UNKNOWN) == (found.host, found.set)
    assert found.reason.startswith("orphan: drained by us")


def test_a_retry_counter_that_counts_a_refused_attempt():
    ladder = repair(Rung.RETRY, Rung.REBOOT, per_rung=1)
    refused = LadderFacts(climbed=climbed(Rung.RETRY, end=RungEnd.REFUSED))
    failed = LadderFacts(climbed=climbed(Rung.RETRY))
    assert Rung.REBOOT is next_rung(ladder, HARDWARE, refused).rung
    assert Rung.REBOOT is next_rung(ladder, HARDWARE, failed).rung


@pytest.mark.parametrize("answer", ["", "{}", "null", "[]", '{"nodes": null}', '{"nodes": []}', '{"nodes": [{}]}'])
def test_malformed_state_that_is_read_as_empty(answer):
    with pytest.raises(BadAnswer):
        parse_nodes(answer, "sinfo")
    with pytest.raises(BadAnswer):
        parse_jobs(answer, "squeue")


def test_a_cancel_that_races_the_start():
    word = Word(said=Said.CANCEL, actor="ann", reason="not today", at=NOW)
    its = asked(state=RequestState.GRANTED)
    held = frozenset({"c1/gpu001"})
    before = operation("asking", word=word)
    assert OperationState.CANCELLED is progress(OperationFacts(op=before, now=NOW, needed=HOUR, requests=(its,))).state
    for state in ("preparing", "working"):
        after = operation(state, word=word)
        step = progress(OperationFacts(op=after, now=NOW, needed=HOUR, requests=(its,), held=held))
        assert OperationState.CLOSING is step.state, "its hosts end at their next safe point, and return"


def test_a_window_that_is_shorter_than_the_drain():
    fleet = fleet_file()
    short = operation(earliest=NOW, latest=NOW + timedelta(minutes=65), duration=HOUR).spec
    with pytest.raises(InvalidInput, match="latest"):
        check_operation(short, fleet, fleet.clusters[0].pools, NOW)
    check_operation(
        operation(earliest=NOW, latest=NOW + 3 * HOUR, duration=HOUR).spec, fleet, fleet.clusters[0].pools, NOW
    )


def test_a_stuck_host_that_blocks_everyone():
    stuck = lease("gpu001", "visit/c1/gpu-train/1/d001/0", since=NOW - timedelta(days=9), expected_end=NOW - HOUR)
    failed = lease("gpu002", "host/c1/gpu002", Counted.FAILED, since=NOW - timedelta(days=9))
    settled = settle(
        facts(leases=[stuck, failed], requests=[request("same", ["gpu001"]), request("other", names(3, 5))])
    )
    assert {"other"} == granted(settled)
    assert "waits for gpu001" in waits(settled)["same"]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        # The clocks go forward at 02:00 on 2026-03-29: a window from 02:30 opens when they jump.
        ("2026-03-29T00:00", "2026-03-29T01:00"),
        ("2026-03-28T12:00", "2026-03-29T01:00"),
        # They go back at 03:00 on 2026-10-25: of the doubled hour the first one counts.
        ("2026-10-24T12:00", "2026-10-25T00:30"),
    ],
)
def test_daylight_saving_changes_in_windows(at, expected):
    window = Window(opens="02:30", closes="06:00", zone="Europe/Berlin")
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert datetime.fromisoformat(expected).replace(tzinfo=UTC) == begin([window], moment, HOUR)
