"""Large-scale maintenances in the store: one a cluster, which has its pools to itself while it is at work."""

from datetime import timedelta

import pytest

from fleet.errors import Refused
from fleet.models.emergency import EmergencyHostState, EmergencySpec, EmergencyState
from fleet.models.large import LargePhase, LargeProgress
from fleet.models.ledger import Grant, Request, RequestClass, Settlement
from fleet.models.override import Override
from fleet.models.work import HostOutcome, Outcome
from tests.store.facts import NOW, ready
from tests.store.facts import C as CLUSTER
from tests.store.facts import P as POOL
from tests.store.test_emergencies import EMERGENCY, becomes, emergency, row

LARGE = f"large/{CLUSTER}/winter"


def large(name="winter", **changes):
    upgrade = {"component": "gpu-driver", "version": "550.3"}
    plan = {"at": NOW + timedelta(days=1), "steps": [{"domains": 1}, {"domains": 2}]}
    spec = EmergencySpec.model_validate({"name": name, "cluster": CLUSTER, "upgrades": [upgrade], "plan": plan})
    return emergency(name, **{"id": f"large/{CLUSTER}/{name}", "spec": spec, **changes})


async def test_a_cluster_has_one_at_a_time_and_emergencies_beside_it(store):
    await store.start_emergency(large(state=EmergencyState.ANNOUNCED), [row("gpu001")])
    await store.start_emergency(emergency(), [row("gpu002")])

    with pytest.raises(Refused, match=f"{LARGE} is open: {CLUSTER} has one large-scale maintenance at a time"):
        await store.start_emergency(large("spring"), [row("gpu003")])
    assert not await store.start_emergency(large(state=EmergencyState.ANNOUNCED), [row("gpu001")])
    await store.change_emergency(LARGE, becomes(state=EmergencyState.ABORTED))
    assert await store.start_emergency(large("spring"), [row("gpu003")])


@pytest.mark.parametrize("state", ["pending", "asked", "under_way", "held", "returning"])
async def test_it_has_its_pools_to_itself_until_its_last_host_is_back(store, state):
    await store.start_emergency(large(state=EmergencyState.ANNOUNCED), [row("gpu001", state=EmergencyHostState(state))])
    assert {} == await store.urgent_pools(CLUSTER)

    await store.change_emergency(LARGE, becomes(state=EmergencyState.RUNNING))
    assert {POOL: LARGE} == await store.urgent_pools(CLUSTER)

    await store.change_emergency(LARGE, becomes(row("gpu001", state=EmergencyHostState.DONE)))
    assert {} == await store.urgent_pools(CLUSTER)


async def test_an_emergency_goes_before_it_whichever_came_first(store):
    await store.start_emergency(large(), [row("gpu001")])
    await store.start_emergency(emergency(started_at=NOW + timedelta(hours=1)), [row("gpu002")])

    assert {POOL: EMERGENCY} == await store.urgent_pools(CLUSTER)


async def test_its_progress_is_kept(store):
    await store.start_emergency(large(), [row("gpu001")])
    progress = LargeProgress(round=2, domains={POOL: ("d002", "d003")}, phase=LargePhase.GATE, since=NOW, first_stop=2)

    await store.change_emergency(LARGE, becomes(progress=progress))

    assert progress == (await store.emergency(LARGE)).progress


async def test_its_override_is_in_force_from_a_grant_to_its_last_lease_and_no_longer(store):
    await ready(store)
    named = Override(actor="ann", reason="winter", lasts=3600.0, planned_buffer={POOL: 4}, floor={POOL: 0})
    stop = f"{LARGE}/1"
    asked = Request(
        id=stop,
        cluster=CLUSTER,
        kind=RequestClass.LARGE,
        holder=stop,
        hosts=("gpu0000", "gpu0001"),
        asked_at=NOW,
        override=named,
        partial=True,
    )
    await store.request(asked)
    granted = Settlement(reason="", grants=(Grant(request=stop, hosts=asked.hosts, reason="free"),))
    await store.settle(CLUSTER, NOW, lambda _: granted)

    [found] = (await store.facts(CLUSTER, NOW)).overrides
    assert ({POOL: 4}, {POOL: 0}, stop) == (found.planned_buffer, found.floor, found.holder)
    for lease in await store.leases(stop):
        await store.release(CLUSTER, lease.host, lease.operation, back(lease), NOW)
    assert () == (await store.facts(CLUSTER, NOW)).overrides


def back(lease):
    known = {"cluster": CLUSTER, "pool": POOL, "host": lease.host, "operation": lease.operation, "visit": lease.holder}
    return HostOutcome(**known, outcome=Outcome.UPGRADED, reason="so", at=NOW)


async def test_a_train_reckons_with_it_once_it_is_near(store):
    await ready(store)
    hosts = [row(f"gpu00{n:02d}", domain=f"d{n:03d}") for n in range(3)]
    await store.start_emergency(large(state=EmergencyState.ANNOUNCED), hosts)
    far = await store.train_facts(CLUSTER, POOL, NOW)
    await store.change_emergency(LARGE, becomes(state=EmergencyState.RUNNING))

    near = await store.train_facts(CLUSTER, POOL, NOW)

    assert ("", LARGE) == (far.held_by, near.held_by)
    assert 2 * near.visit_seconds == near.held_seconds


async def test_an_override_without_an_end_holds_for_as_long_as_a_lease_of_its_stop(store):
    """A gate may wait for a person over a weekend and longer."""
    await ready(store)
    named = Override(actor="ann", reason="winter", lasts=None, planned_buffer={POOL: 4}, floor={POOL: 0})
    stop = f"{LARGE}/1"
    known = {"id": stop, "cluster": CLUSTER, "kind": RequestClass.LARGE, "holder": stop, "partial": True}
    await store.request(Request(**known, hosts=("gpu0000",), asked_at=NOW, override=named))
    granted = Settlement(reason="", grants=(Grant(request=stop, hosts=("gpu0000",), reason="free"),))
    await store.settle(CLUSTER, NOW, lambda _: granted)
    late = NOW + timedelta(days=30)

    [found] = (await store.facts(CLUSTER, late)).overrides
    [entry] = [e for e in await store.audit_log(10) if e.action == "override"]

    assert (True, None) == (found.holds(late), found.until)
    assert f"for {stop} until its last host is back: 1 hosts" in entry.detail
    [lease] = await store.leases(stop)
    await store.release(CLUSTER, lease.host, lease.operation, back(lease), late)
    assert [late] == [o.until for o in await store.overrides(CLUSTER)]


@pytest.mark.parametrize(
    ("round_", "wished"),
    [((), []), (("d001",), ["asked", "in_round", "under_way"]), (("d002",), ["asked", "later", "under_way"])],
)
async def test_its_versions_are_wanted_where_its_round_is_and_nowhere_else_beforehand(store, round_, wished):
    """A host that goes to repair before its date or its gate gets what everyone has there."""
    begun = LargeProgress(round=1, domains={POOL: round_}, phase=LargePhase.OUT, since=NOW) if round_ else None
    hosts = [row("in_round"), row("later", domain="d002")]
    under_way = {s: row(s, state=EmergencyHostState(s)) for s in ("asked", "under_way") if begun}
    await store.start_emergency(large(state=EmergencyState.RUNNING, progress=begun), [*hosts, *under_way.values()])

    facts = await store.rollout_facts(CLUSTER, ["in_round", "later", *under_way])

    assert wished == sorted(facts.urgent)


async def test_what_it_does_on_its_hosts_is_told_in_the_words_of_the_catalogue(store):
    await ready(store)
    plan = {"at": NOW, "steps": [{"domains": 1}], "work": "power_cycle"}
    spec = EmergencySpec.model_validate({"name": "winter", "cluster": CLUSTER, "plan": plan})
    await store.start_emergency(large(spec=spec, targets={}), [row("gpu0000")])
    before = (await store.facts(CLUSTER, NOW)).works
    stop = f"{LARGE}/1"
    known = {"id": stop, "cluster": CLUSTER, "kind": RequestClass.LARGE, "holder": stop, "partial": True}
    await store.request(Request(**known, hosts=("gpu0000",), asked_at=NOW))
    waiting = (await store.facts(CLUSTER, NOW)).works
    granted = Settlement(reason="", grants=(Grant(request=stop, hosts=("gpu0000",), reason="free"),))
    await store.settle(CLUSTER, NOW, lambda _: granted)

    assert [{}, {LARGE: "power-cycle-host"}] == [before, waiting]
    assert {LARGE: "power-cycle-host"} == (await store.facts(CLUSTER, NOW, queue=False)).works


async def test_a_change_of_one_stop_reads_the_rows_of_that_stop_alone(store):
    stop = f"{LARGE}/2"
    await store.start_emergency(large(), [row("gpu001"), row("gpu002", stop=stop)])
    seen = []

    def change(before, hosts):
        seen.extend(h.host for h in hosts)
        return becomes()(before, hosts)

    await store.change_emergency(LARGE, change, stop=stop)

    assert ["gpu002"] == seen
