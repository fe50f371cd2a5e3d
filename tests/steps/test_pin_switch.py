"""A pin switch's deeds on a simulated cluster: asking, closing, clearing, committing, opening."""

import asyncio
from datetime import timedelta

from activities.pin import PinSwitching
from activities.pin_closing import PinClosing
from fleet import ids
from fleet.models.ledger import Grant, RequestClass, Settlement
from fleet.models.matrix import MatrixEntry
from fleet.models.pin import JobsFate, PinHost, PinHostState, PinState
from fleet.models.scheduler import JobKind
from tests.scenarios.site import CLUSTER, POOL
from tests.steps.pins import INPUT, LATE, MINE, SWITCH, Switch, moving, now, run
from tests.steps.site import StepSite, no_fence


async def test_closing_keeps_jobs_off_its_hosts_and_those_in_others_hands_apart(switch):
    await switch.begin()
    await switch.close()

    main, late = ids.reservation("pin_nccl_1"), ids.reservation("pin_nccl_1_0")
    assert {**dict.fromkeys(MINE, main), LATE: late} == await switch.closed()
    assert (await switch.row()).closed_at is not None
    assert PinHostState.LATE is (await switch.hosts())[LATE]
    first = await switch.row()
    await switch.close()
    assert first == await switch.row()


async def test_a_host_that_returned_since_the_grant_has_the_cluster_asked_for_anew(switch):
    await switch.begin()
    switch.site.world.undrain_by_other(LATE)
    await switch.close()

    found = await switch.row()
    assert (PinState.REQUESTING, 1, None) == (found.state, found.ask, found.closed_at)
    assert "gpu006 returned meanwhile: the cluster is asked for anew" == found.reason
    assert {} == await switch.closed()
    assert () == await switch.site.store.leases(SWITCH)


async def test_a_look_files_the_request_and_closes_only_once_it_is_granted(switch):
    site = switch.site
    await switch.begin(PinState.CHECKING)
    await switch.tested()
    await site.store.withdraw(SWITCH, "again", now())
    await switch.become(state=PinState.REQUESTING, ask=1, approved_by="bob")

    waits = await run(PinSwitching(switch.deps).review_pin, INPUT)
    assert ("wait", "requesting") == (waits.action, waits.state)
    request = (await site.store.facts(CLUSTER, now())).requests[0]
    assert (f"{SWITCH}~1", RequestClass.PIN_SWITCH, "bob") == (request.id, request.kind, request.actor)
    assert ("ann", 900.0) == (request.override.actor, request.override.lasts)

    granted = Settlement(reason="granted", grants=(Grant(request=request.id, reason="free", hosts=MINE),))
    await site.store.settle(CLUSTER, now(), lambda _: granted)
    again = await run(PinSwitching(switch.deps).review_pin, INPUT)
    assert ("again", "closing") == (again.action, again.state)
    assert dict.fromkeys(MINE, PinHostState.TO_MOVE) == await switch.hosts()


async def test_jobs_are_awaited_and_then_it_moves(switch):
    await switch.begin()
    job = switch.site.world.submit_job(hosts=["gpu003"])
    await switch.close()
    clearing = asyncio.create_task(run(PinClosing(switch.deps).clear_pin, INPUT))
    await asyncio.sleep(0.5)
    assert not clearing.done()
    assert PinState.CLOSING is (await switch.row()).state

    switch.site.world.end_job(job)
    await clearing
    assert PinState.MOVING is (await switch.row()).state


async def test_jobs_that_may_be_requeued_are_held_and_released_when_it_opens(switch):
    await switch.begin(jobs=JobsFate.REQUEUE)
    job = switch.site.world.submit_job(hosts=["gpu003", "gpu004"])
    await switch.close()
    await run(PinClosing(switch.deps).clear_pin, INPUT)

    found = await switch.row()
    assert (PinState.MOVING, (job,)) == (found.state, found.held_jobs)
    await switch.become(state=PinState.RELEASING, committed_at=now())
    await run(PinClosing(switch.deps).open_pin, INPUT)
    kinds = [row.kind for row in switch.site.world.journal() if str(row.job) == job]
    assert "job_released" in kinds
    assert {LATE: ids.reservation("pin_nccl_1_0")} == await switch.closed()


async def test_jobs_that_do_not_end_in_time_send_it_back(switch):
    await switch.begin(jobs=JobsFate.REQUEUE, clear_within=timedelta(seconds=2))
    job = switch.site.world.submit_job(hosts=["gpu003"], kind=JobKind.NOT_REQUEUEABLE)
    await switch.close()
    await run(PinClosing(switch.deps).clear_pin, INPUT)

    found = await switch.row()
    assert (PinState.RESTORING, f"1 jobs did not end in time, such as {job}") == (found.state, found.reason)


async def test_the_pin_comes_into_force_when_every_host_was_read_back(switch):
    await moving(switch)
    await run(PinClosing(switch.deps).commit_pin, INPUT)

    found = await switch.row()
    assert (PinState.RELEASING, "every host that returns carries nccl 2.22") == (found.state, found.reason)
    assert {"nccl": "2.22"} == (await switch.deps.cluster(CLUSTER)).pins


async def test_a_host_in_production_that_nobody_closed_sends_it_back(switch):
    await moving(switch)
    await switch.site.store.withdraw("none", "nothing", now())
    await switch.put(*(PinHost(host=h, pool=POOL, state=PinHostState.CHECKED, batch=0) for h in MINE))
    switch.site.world.undrain_by_other(LATE)
    await switch.site.hands.scheduler.open_to_jobs("pin_nccl_1_0", no_fence)
    await run(PinClosing(switch.deps).commit_pin, INPUT)

    found = await switch.row()
    assert (PinState.RESTORING, "gpu006 got into production with the old pin meanwhile") == (found.state, found.reason)
    assert {"nccl": "2.21"} == (await switch.deps.cluster(CLUSTER)).pins


async def test_an_entry_that_turned_broken_in_its_window_sends_it_back_before_gates_shut_every_host_out(switch):
    await moving(switch)
    broken = MatrixEntry(verdict="broken", components={"gpu-driver": "550.*"}, pins={"nccl": "2.22"})
    await switch.site.store.add_matrix(CLUSTER, (broken,), "ann", "jobs hang", now())
    await run(PinClosing(switch.deps).commit_pin, INPUT)

    found = await switch.row()
    assert (PinState.RESTORING, None) == (found.state, found.committed_at)
    why = "3 of 3 hosts could not return, 1 may be left behind: the matrix lists gpu-driver 550.*"
    assert found.reason.startswith(why)
    assert {"nccl": "2.21"} == (await switch.deps.cluster(CLUSTER)).pins


async def test_a_window_that_is_over_sends_it_back(switch):
    await moving(switch)
    await switch.become(closed_at=now() - timedelta(minutes=6))
    await run(PinClosing(switch.deps).commit_pin, INPUT)
    assert (PinState.RESTORING, "its window is over") == ((await switch.row()).state, (await switch.row()).reason)


async def test_going_back_opens_late_hosts_too(switch):
    await moving(switch)
    await switch.become(state=PinState.RELEASING)
    await run(PinClosing(switch.deps).open_pin, INPUT)
    assert {} == await switch.closed()
    assert PinHostState.CAUGHT_UP is (await switch.hosts())[LATE]


async def test_a_late_host_is_opened_once_it_carries_the_pin(switch):
    await moving(switch)
    await switch.tested()
    await run(PinClosing(switch.deps).commit_pin, INPUT)
    await run(PinClosing(switch.deps).open_pin, INPUT)
    await switch.become(state=PinState.LATE)
    waits = await run(PinSwitching(switch.deps).review_pin, INPUT)
    assert ("wait", "late") == (waits.action, waits.state)
    assert f"{CLUSTER}/{LATE} did not follow {SWITCH}" in switch.deps.pager.titles

    await switch.site.hands.hardware.start_apply(LATE, "nccl", "2.22", no_fence)
    await asyncio.sleep(1.2)
    done = await run(PinSwitching(switch.deps).review_pin, INPUT)
    assert "done" == done.state
    assert {} == await switch.closed()


async def test_jobs_are_told_once_when_the_cluster_is_asked_for(tmp_path):
    site = await StepSite.open(tmp_path, drain={"deadline": "1s", "signal": "USR1"})
    switch = await Switch(site).begin(PinState.REQUESTING)
    await switch.tested()
    job = site.world.submit_job(hosts=["gpu003"])
    for _ in range(2):
        await run(PinSwitching(switch.deps).review_pin, INPUT)
    await switch.become(state=PinState.REQUESTING, ask=1)  # a host returned meanwhile
    await run(PinSwitching(switch.deps).review_pin, INPUT)
    assert [job] == [str(r.job) for r in site.world.journal() if r.kind == "job_signalled"]
    await site.close()
