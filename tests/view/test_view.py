from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.errors import HostState
from fleet.models.facts import LedgerFacts
from fleet.models.host import Host, HostSet, Standing
from fleet.models.ledger import Autostop, Counted, LeaseHost, Request, RequestClass
from fleet.models.observation import Observation
from fleet.models.override import OverrideInForce
from fleet.models.stop import Stop, StopKind
from fleet.models.train import Cycle, Domain, DomainProgress, DomainState, NextStop, StopAction
from fleet.models.work import HostWork, Step, StepKind
from fleet.policy.limits import Limits
from fleet.view import cycle_view, duration_words, fenced, host_view, ledger_view, table, visit_view
from tests.host_policy.build import NOW, pool

LIMITS = {"gpu-train": Limits(members=16, planned_buffer=4, failure_buffer=2, floor=10)}
HOUR = timedelta(hours=1)


def facts(**changes):
    values = {
        "cluster": "east",
        "now": NOW,
        "pools": (pool(),),
        "failed_reasons": (),
        "hosts": {},
        "leases": {},
        "requests": (),
        "observation": Observation(cluster="east", began_at=NOW - timedelta(seconds=9), hosts={}),
        "autostops": {},
        "stops": (),
    }
    return LedgerFacts(**{**values, **changes})


def host(name):
    return Host(cluster="east", name=name, pool="gpu-train", since=NOW)


def lease(name, holder="visit/1", counted=Counted.PLANNED, **changes):
    values = {"since": NOW - HOUR, "why": "two upgrades", **changes}
    return LeaseHost(
        cluster="east",
        host=name,
        request=holder,
        holder=holder,
        operation=f"{holder}#{name}",
        counted=counted,
        **values,
    )


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3725, "1 h 2 min"),
        (3605, "1 h"),
        (90000, "1 d 1 h"),
        (-61, "-1 min 1 s"),
        (-0.5, "0 s"),
    ],
)
def test_durations_are_told_by_their_two_largest_units(seconds, expected):
    assert duration_words(seconds) == expected


def test_a_table_is_aligned_plain_text():
    found = table(("host", "state"), [("gpu001", "up"), ("a", "in\nrepair")])
    assert found.splitlines() == ["host    state", "------  ---------", "gpu001  up", "a       in repair"]


def test_a_table_without_rows_has_its_headers():
    assert table(("host",), []) == "host\n----"


def test_a_code_block_can_not_be_broken_by_its_text():
    assert fenced("a ``` b") == "````\na ``` b\n````"


def test_the_ledger_shows_pools_against_their_promises():
    sets = [HostSet.UP] * 10 + [HostSet.PLANNED] * 4 + [HostSet.FAILED, HostSet.FOREIGN]
    hosts = {f"gpu{i:03}": host(f"gpu{i:03}") for i in range(16)}
    standings = {n: Standing(host=n, set=s, reason="") for n, s in zip(hosts, sets, strict=True)}
    lines = ledger_view(facts(hosts=hosts), standings, LIMITS).splitlines()
    row = next(line for line in lines if line.startswith("gpu-train"))
    assert row.split() == ["gpu-train", "16", "10/10", "4/4", "1/2", "1", "0"]
    assert "Observed 9 s ago." in lines


def test_the_ledger_shows_leases_with_holder_and_age_and_which_are_late():
    leases = {n: lease(n, expected_end=NOW - HOUR) for n in ("gpu001", "gpu002", "gpu003", "gpu004")}
    leases["gpu009"] = lease("gpu009", "host/east/gpu009", Counted.FAILED)
    rows = [" ".join(line.split()) for line in ledger_view(facts(leases=leases), {}, LIMITS).splitlines()]
    assert "visit/1 planned gpu001, gpu002, gpu003 and 1 more 1 h two upgrades (4 past the expected end)" in rows
    assert "host/east/gpu009 failed gpu009 1 h two upgrades" in rows


def test_the_ledger_tells_why_each_request_waits():
    request = Request(
        id="visit/2",
        cluster="east",
        kind=RequestClass.TRAIN,
        holder="visit/2",
        hosts=("gpu001", "gpu002"),
        asked_at=NOW - HOUR,
        waits_because="the planned buffer of 4 is full",
    )
    rows = [" ".join(line.split()) for line in ledger_view(facts(requests=(request,)), {}, LIMITS).splitlines()]
    assert "visit/2 train 2 1 h the planned buffer of 4 is full" in rows


def test_the_ledger_shows_what_is_stopped_and_why():
    stop = Stop(kind=StopKind.STOP, cluster="east", actor="ada", reason="power work", at=NOW - HOUR)
    autostop = Autostop(stopped=True, since=NOW - HOUR, reason="2 of 2 failed")
    override = OverrideInForce(
        request="r", holder="pin/east/cuda", actor="bob", reason="12.6", since=NOW - HOUR, until=NOW + HOUR
    )
    known = facts(stops=(stop,), autostops={"gpu-train": autostop}, overrides=(override,))
    text = ledger_view(known, {}, LIMITS)
    rows = [" ".join(line.split()) for line in text.splitlines()]
    assert "stop cluster east 1 h ada: power work" in rows
    assert "override pin/east/cuda 1 h bob: 12.6" in rows
    assert "autostop gpu-train 1 h 2 of 2 failed" in rows


def test_a_quiet_ledger_says_so():
    text = ledger_view(facts(observation=None), {}, LIMITS)
    for sentence in (
        "No stop, freeze, override or autostop is in force.",
        "Nothing waits.",
        "No leases.",
        "not been observed yet",
    ):
        assert sentence in text


def cycle(states, **changes):
    domains = tuple(
        DomainProgress(domain=Domain(name=f"rack-{i}", hosts=("a", "b")), state=state, reason="r")
        for i, state in enumerate(states)
    )
    values = {"number": 3, "opened_at": NOW - HOUR, "due_at": NOW + 2 * HOUR, **changes}
    return Cycle(cluster="east", pool="gpu-train", domains=domains, **values)


def test_a_cycle_tells_how_far_it_is_and_what_comes_next_and_why():
    following = NextStop(
        action=StopAction.WAIT, until=NOW + HOUR, reason="the notice runs", at_risk="4 visits need 9 h, 2 h are left"
    )
    states = [DomainState.VISITED, DomainState.DUE, DomainState.VISITING]
    lines = cycle_view(cycle(states), following, NOW).splitlines()
    assert lines[0] == "**Cycle 3 of east/gpu-train**: 1 of 3 domains over, due in 2 h"
    assert "Next: wait for 1 h: the notice runs" in lines
    assert "At risk: 4 visits need 9 h, 2 h are left" in lines
    assert [line.split()[0] for line in lines if line.startswith("rack")] == ["rack-2", "rack-1", "rack-0"]


def test_a_late_cycle_is_overdue_and_a_closed_one_closed():
    assert "overdue by 1 h" in cycle_view(cycle([], due_at=NOW - HOUR), None, NOW)
    assert "closed 1 h ago" in cycle_view(cycle([], closed_at=NOW - HOUR), None, NOW)


def test_a_visit_tells_what_it_waits_for_who_is_at_work_and_how_the_others_ended():
    text = visit_view("rack-1", {"gpu001": "handed over: gpu is slow"}, ["gpu002"], "1 host at work")
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[0] == "**Visit to rack-1**: 1 host at work"
    assert lines[-3:-1] == ["gpu002 under way", "gpu001 handed over: gpu is slow"]


def work(steps=(), **changes):
    return HostWork(cluster="east", pool="gpu-train", host="gpu001", operation="v#gpu001", steps=steps, **changes)


def test_a_host_shows_what_it_waits_for_what_is_done_and_what_is_to_come():
    steps = (
        Step(key="drain", kind=StepKind.DRAIN, expected=HOUR),
        Step(key="gate", kind=StepKind.GATE, expected=timedelta(0)),
    )
    found = host_view(
        work(steps, trouble="flash failed", host_state=HostState.UNKNOWN), [("drain", "drained")], "a BMC"
    )
    lines = [" ".join(line.split()) for line in found.splitlines()]
    assert lines[0] == "**gpu001** of east/gpu-train, v#gpu001"
    for line in ("Trouble: flash failed", "Now: a BMC", "drain drained", "gate to come, about 0 s"):
        assert line in lines


words = st.text(max_size=200)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([0, 1, 7, 199, 1500]), words)
def test_every_view_of_a_large_fleet_stays_small_and_says_how_many_more_there_are(count, said):
    names = [f"gpu{i:05}" for i in range(count)]
    leases = {n: lease(n, f"host/east/{n}", Counted.FAILED, why=said) for n in names}
    stops = tuple(Stop(kind=StopKind.STOP, pool=n, actor="ada", reason=said, at=NOW) for n in names)
    views = [
        ledger_view(facts(leases=leases, stops=stops), {}, LIMITS),
        cycle_view(cycle([DomainState.DUE] * count), NextStop(action=StopAction.WAIT, reason=said), NOW),
        visit_view(said, dict.fromkeys(names, said), names, said),
        host_view(work(trouble=said), [(n, said) for n in names], said),
    ]
    for view in views:
        assert len(view.encode()) < 4000
        assert view.count("```") % 2 == 0
        assert count < 200 or " more" in view
