"""Emergencies in the store: started once, changed in one transaction, and what grants, trains and boarding read."""

from datetime import timedelta

import pytest

from fleet.errors import InvalidInput, Refused
from fleet.models.emergency import (
    Emergency,
    EmergencyChange,
    EmergencyHost,
    EmergencyHostState,
    EmergencySpec,
    EmergencyState,
)
from fleet.models.ledger import Grant, Request, RequestClass, Settlement
from fleet.models.override import Override
from fleet.policy.emergency_orders import emergency_subject
from tests.store.facts import NOW, ready
from tests.store.facts import C as CLUSTER
from tests.store.facts import P as POOL

EMERGENCY = f"emergency/{CLUSTER}/hole"
SHA = "ab" * 32
BROUGHT = ("done", "handed_over", "held", "returning")


def emergency(name="hole", **changes):
    upgrade = {"component": "gpu-driver", "version": "550.3", "image": {"file": "driver.bin", "sha256": SHA}}
    spec = EmergencySpec.model_validate({"name": name, "cluster": CLUSTER, "upgrades": [upgrade], "width": 2})
    values = {
        "id": f"emergency/{CLUSTER}/{name}",
        "spec": spec,
        "targets": {"gpu-driver": "550.3"},
        "state": EmergencyState.RUNNING,
        "started_at": NOW,
        "started_by": "ann",
        "why": "a hole",
        "changed_at": NOW,
    }
    return Emergency(**{**values, **changes})


def row(host, pool=POOL, domain="d001", **changes):
    return EmergencyHost(host=host, pool=pool, domain=domain, **changes)


def becomes(*rows, **changes):
    return lambda before, _: EmergencyChange(emergency=before.model_copy(update=changes), hosts=rows)


async def test_it_is_started_once_and_audited(store):
    first = await store.start_emergency(emergency(), [row("gpu001")])
    again = await store.start_emergency(emergency(started_at=NOW + timedelta(1)), [row("gpu002")])

    assert [True, False] == [first, again]
    assert ("gpu001",) == tuple(h.host for h in await store.emergency_hosts(EMERGENCY))
    [entry] = await store.audit_log(10, emergency_subject(EMERGENCY))
    assert ("ann", "emergency start", "a hole") == (entry.actor, entry.action, entry.reason)
    with pytest.raises(Refused, match="with another spec"):
        await store.start_emergency(emergency(override=named(4)), [])


def named(number, actor="ann"):
    return Override(actor=actor, reason="a hole", lasts=60.0, planned_buffer={POOL: number})


async def test_a_start_that_another_repeats_with_the_same_numbers_is_the_same(store):
    first = await store.start_emergency(emergency(override=named(4)), [row("gpu001")])
    again = await store.start_emergency(emergency(override=named(4, "bob")), [row("gpu001")])

    assert [True, False] == [first, again]
    assert "ann" == (await store.emergency(EMERGENCY)).override.actor


async def test_one_is_unfinished_while_it_is_open_or_a_stop_of_it_has_hosts(store):
    for name in ("open", "busy", "through"):
        await store.start_emergency(emergency(name), [row("gpu001"), row("gpu002")])
    busy = row("gpu001", state=EmergencyHostState.UNDER_WAY, stop="s/1")
    await store.change_emergency(f"emergency/{CLUSTER}/busy", becomes(busy, state=EmergencyState.ENDED))
    await store.change_emergency(f"emergency/{CLUSTER}/through", becomes(state=EmergencyState.ENDED))

    assert [f"emergency/{CLUSTER}/{name}" for name in ("busy", "open")] == [
        *await store.unfinished_emergencies(CLUSTER)
    ]
    assert () == await store.unfinished_emergencies("another")


async def test_it_changes_with_its_hosts_in_one_transaction_or_not_at_all(store):
    await store.start_emergency(emergency(), [row("gpu001"), row("gpu002")])

    await store.change_emergency(
        EMERGENCY, becomes(row("gpu002", state=EmergencyHostState.DONE, stop="s/1", reason="so"), stops=1)
    )

    def fails(before, _):
        raise Refused("no")

    with pytest.raises(Refused):
        await store.change_emergency(EMERGENCY, fails)
    assert 1 == (await store.emergency(EMERGENCY)).stops
    assert {"gpu001": "pending", "gpu002": "done"} == {h.host: h.state for h in await store.emergency_hosts(EMERGENCY)}
    assert ["gpu002"] == [h.host for h in await store.emergency_hosts(EMERGENCY, "s/1")]
    assert {"pending": 1, "done": 1} == dict(await store.count_emergency_hosts(EMERGENCY))
    with pytest.raises(InvalidInput):
        await store.change_emergency("emergency/c/other", fails)


async def test_pools_are_urgent_while_a_running_one_has_hosts_to_take_there(store):
    await store.start_emergency(emergency(), [row("gpu001"), row("sto001", "storage", state=EmergencyHostState.DONE)])
    later = emergency("later", started_at=NOW + timedelta(1))
    await store.start_emergency(later, [row("gpu002"), row("sto002", "storage")])

    assert {POOL: EMERGENCY, "storage": later.id} == await store.urgent_pools(CLUSTER)
    assert {} == await store.urgent_pools("elsewhere")

    await store.change_emergency(EMERGENCY, becomes(state=EmergencyState.STOPPED))
    await store.change_emergency(later.id, becomes(row("gpu002", state=EmergencyHostState.UNDER_WAY)))
    assert {"storage": later.id} == await store.urgent_pools(CLUSTER)
    assert [later.id, EMERGENCY] == [e.id for e in await store.emergencies(CLUSTER)]


@pytest.mark.parametrize(
    ("state", "wished"),
    [
        ("announced", ()),
        ("running", (*BROUGHT, "pending", "asked", "under_way")),
        ("stopped", BROUGHT),
        ("aborted", BROUGHT),
        ("done", (*BROUGHT, "jobs_kept_it", "was_out")),
        ("ended", ()),
    ],
)
async def test_what_it_brought_stays_wished_for_and_what_it_did_not_bring_only_while_it_runs(store, state, wished):
    """`never` is a host that the selector left out; the last two of it were left out in its course."""
    out = EmergencyHostState.LEFT_OUT
    by_state = [row(s.value, state=s) for s in EmergencyHostState if s is not out]
    await store.start_emergency(emergency(), [*by_state, row("never", state=out), row("jobs_kept_it"), row("was_out")])
    now = NOW + timedelta(hours=1)
    left = [row("jobs_kept_it", state=out, stop=f"{EMERGENCY}/1"), row("was_out", state=out)]
    await store.change_emergency(EMERGENCY, becomes(*left, state=EmergencyState(state), changed_at=now))

    facts = await store.rollout_facts(CLUSTER, [h.host for h in await store.emergency_hosts(EMERGENCY)])

    assert {host: ["550.3"] for host in sorted(wished)} == {
        host: [u.version for u in its] for host, its in sorted(facts.urgent.items())
    }


async def test_what_is_not_to_stay_is_wished_for_until_it_is_through(store):
    passing = emergency()
    passing = passing.model_copy(update={"spec": passing.spec.model_copy(update={"stays": False})})
    await store.start_emergency(passing, [row("gpu001", state=EmergencyHostState.DONE)])
    seen = []
    for state in (EmergencyState.RUNNING, EmergencyState.STOPPED, EmergencyState.DONE):
        await store.change_emergency(EMERGENCY, becomes(state=state))
        seen.append(list((await store.rollout_facts(CLUSTER, ["gpu001"])).urgent))

    assert [["gpu001"], ["gpu001"], []] == seen


async def test_its_images_are_known_to_drivers(store):
    await store.start_emergency(emergency(), [])

    assert [("gpu-driver", "550.3", "driver.bin", SHA)] == [
        (i.component, i.version, i.file, i.sha256) for i in await store.rollout_images()
    ]


async def test_a_part_that_is_granted_is_what_the_request_names_from_then_on(store):
    await ready(store)
    asked = Request(
        id=f"{EMERGENCY}/1",
        cluster=CLUSTER,
        kind=RequestClass.EMERGENCY,
        holder=f"{EMERGENCY}/1",
        hosts=("gpu001", "gpu002"),
        asked_at=NOW,
        override=named(4),
        partial=True,
    )
    assert asked == await store.request(asked)
    grant = Grant(request=asked.id, hosts=("gpu002",), reason="free")

    await store.settle(CLUSTER, NOW, lambda _: Settlement(reason="granted", grants=(grant,)))

    assert ["gpu002"] == [lease.host for lease in await store.leases(asked.holder)]
    assert ("gpu002",) == (await store.request(asked)).hosts
    [inforce] = (await store.facts(CLUSTER, NOW)).overrides
    assert {POOL: 4} == inforce.planned_buffer
    [entry] = await store.audit_log(1)
    assert f"planned buffer of {POOL} 4, for" in entry.detail


async def test_a_train_knows_for_how_long_emergencies_go_before_it(store):
    await ready(store)
    its = [row(f"gpu00{n}", POOL, f"d00{n}") for n in range(1, 6)]
    await store.start_emergency(emergency(), [*its, row("gpu006", POOL, "d006", state=EmergencyHostState.DONE)])

    facts = await store.train_facts(CLUSTER, POOL, NOW)

    assert (EMERGENCY, 3 * facts.visit_seconds) == (facts.held_by, facts.held_seconds)
