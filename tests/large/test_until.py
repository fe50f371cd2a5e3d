"""The end that a large-scale maintenance is held to, in the midst of a round and where nothing more can be had."""

from datetime import timedelta

import pytest

from fleet.models.emergency import EmergencyHostState, EmergencyState
from fleet.models.large import LargePhase
from fleet.policy.large_plan import large_step
from tests.large.make import HOSTS, LARGE, at, both, large, plan, rows
from tests.policy.make import NOW, NodeBase, ago, facts, host, names, seen

ASKED, UNDER_WAY, DONE = EmergencyHostState.ASKED, EmergencyHostState.UNDER_WAY, EmergencyHostState.DONE
HELD = EmergencyHostState.HELD
MEMBERS = [host(name) for name in names(HOSTS)]
LONG_AGO = plan(at=ago(days=4), until=ago(days=2))
RAMP = {"ramp_up": {"domains": 1, "pause": "10m"}}


def step_of(progress, its, plan_=LONG_AGO, **known):
    return large_step(large(progress=progress, plan_=plan_), its, facts(hosts=MEMBERS, **known))


@pytest.mark.parametrize("progress", [at(LargePhase.UP), at(LargePhase.CLEARING, 0, ())], ids=["later", "first"])
def test_what_can_not_be_had_is_waited_for_until_its_end_and_no_longer(progress):
    hosts = rows(**both(DONE)) if progress.round else rows()
    down = {h.host: seen(h.host, base=NodeBase.DOWN) for h in hosts if h.state is EmergencyHostState.PENDING}

    waits = step_of(progress, hosts, plan(until=NOW + timedelta(seconds=1)), nodes=down)
    ends = step_of(progress, hosts, nodes=down)

    assert (EmergencyState.RUNNING, False) == (waits.state, waits.over)
    assert (EmergencyState.ABORTED, True) == (ends.state, ends.over)
    assert f"2026-02-27 12:00:00+00:00 has passed; {len(down)} hosts were not taken" in ends.reason


def test_a_round_that_was_interrupted_begins_nothing_more_after_its_end():
    hosts = rows(**{"gpu001": both(UNDER_WAY)["gpu001"]})

    early = step_of(at(), hosts, plan(until=NOW + timedelta(minutes=70)))
    step = step_of(at(), hosts)
    after = step_of(step.progress, rows(**{"gpu001": both(DONE)["gpu001"]}))

    assert [("gpu002",)] == [stop.hosts for stop in early.stops]
    assert ((), (), EmergencyState.RUNNING) == (step.stops, step.halts, step.state)
    assert "nothing more of it begins: round 1 needs 1h10m and would end after 2026-02-27" in step.reason
    assert ((), EmergencyState.ABORTED, True) == (after.stops, after.state, after.over)
    assert "15 hosts were not taken" in after.reason


def test_a_stop_that_is_still_asked_for_when_it_is_too_late_is_halted():
    step = step_of(at(), rows(**both(ASKED)))

    assert ((), (f"{LARGE}/1",)) == (step.stops, step.halts)
    assert step.progress.closed.startswith("round 1 needs 1h10m")
    assert "" == step.asks


def test_one_that_was_stopped_before_its_hosts_came_out_ends_once_it_is_resumed_too_late():
    step = step_of(at(), rows())

    assert ((), EmergencyState.ABORTED, True) == (step.stops, step.state, step.over)


def test_held_hosts_return_as_ever_and_then_it_ends():
    event = {**LONG_AGO, **RAMP}
    hosts = rows(**{"gpu001": both(HELD)["gpu001"]})

    held = step_of(at(), hosts, event)
    back = step_of(held.progress, rows(**{"gpu001": both(DONE)["gpu001"]}), event)

    assert (("gpu001",), (), LargePhase.UP) == (held.released, held.stops, held.progress.phase)
    assert (EmergencyState.ABORTED, True) == (back.state, back.over)


def test_what_was_begun_in_time_is_through_when_all_of_it_is_back():
    done = {name: {"state": DONE, "stop": f"{LARGE}/1"} for name in names(HOSTS)}

    assert EmergencyState.DONE is step_of(at(), rows(**done)).state
