"""The dry run of a large-scale maintenance: its rounds with what is out in each, when it ends, what boards, and which
trains are at risk.
"""

from collections.abc import Sequence

from fleet.hostlist import compact
from fleet.models.base import Fact, Moment
from fleet.models.emergency import Emergency, EmergencyHost
from fleet.models.fleetfile import Cluster
from fleet.policy.large_checks import expected_end, told
from fleet.policy.large_rounds import planned_rounds, round_length, stands_aside_at, totals
from fleet.policy.limits import overridden
from fleet.policy.next_stop import next_stop
from fleet.ports.store import Store
from starter.emergency_plan import boarding_of
from starter.overrides import pools_of, promises
from starter.show import table


class PlannedPart(Fact):
    """One pool in one round."""

    round: int
    pool: str
    domains: tuple[str, ...]
    out: int
    """Hosts out at once."""
    planned_buffer: int
    floor: int
    """The limits that it is held to, with what the override names."""
    gate: str


class PlannedLarge(Fact):
    """What a large-scale maintenance would do."""

    large: str
    at: Moment
    trains_stand_aside: Moment
    jobs_told: Moment
    expected_end: Moment | None
    rounds: tuple[PlannedPart, ...]
    boards: dict[str, int]
    stays: dict[str, tuple[str, ...]]
    at_risk: tuple[str, ...] = ()
    """Trains whose cycle would end late."""


async def large_plan_of(
    store: Store, cluster: Cluster, large: Emergency, hosts: Sequence[EmergencyHost]
) -> PlannedLarge:
    """Plan from the facts; writes nothing."""
    plan, pools = large.spec.plan, pools_of(cluster, hosts)
    assert plan is not None, "only a large-scale maintenance has rounds"
    rounds = planned_rounds(plan, hosts)
    promised = await promises(store, cluster, pools)
    held_to = {n: overridden(x, large.override, n) if large.override else x for n, x in promised.items()}
    boards: dict[str, int] = {}
    stays: dict[str, tuple[str, ...]] = {}
    if plan.work is None:
        entries, versions = await store.matrix(cluster.name), await store.versions(cluster.name)
        boards, stays = boarding_of(cluster, large, hosts, entries, versions)
    parts = tuple(
        PlannedPart(
            round=each.number,
            pool=pool,
            domains=domains,
            out=each.hosts[pool],
            planned_buffer=held_to[pool].planned_buffer,
            floor=held_to[pool].floor,
            gate=plan.step(each.number).gate,
        )
        for each in rounds
        for pool, domains in each.domains.items()
    )
    return PlannedLarge(
        large=large.id,
        at=plan.at,
        trains_stand_aside=stands_aside_at(large, cluster.pools, hosts),
        jobs_told=large.told_from,
        expected_end=expected_end(large.spec, rounds, pools),
        rounds=parts,
        boards=boards,
        stays=stays,
        at_risk=await _at_risk(store, cluster, large, hosts),
    )


def large_lines(plan: PlannedLarge) -> list[str]:
    """The plan for people."""
    end = told(plan.expected_end) if plan.expected_end is not None else "no end within the pools' windows"
    rows = [(p.round, p.pool, " ".join(p.domains), f"{p.out}/{p.planned_buffer}", p.floor, p.gate) for p in plan.rounds]
    lines = [
        plan.large,
        f"jobs are told from {told(plan.jobs_told)}, trains stand aside from {told(plan.trains_stand_aside)}",
        f"begins at {told(plan.at)}, is expected to end at {end}",
        "",
        table(("round", "pool", "domains", "out/buffer", "floor", "gate"), rows),
    ]
    lines += [f"{what}: {count} hosts" for what, count in plan.boards.items()]
    lines += [f"nothing for {len(names)} hosts ({compact(names)}): {why}" for why, names in plan.stays.items()]
    return lines + [f"at risk: {train}" for train in plan.at_risk]


async def _at_risk(store: Store, cluster: Cluster, large: Emergency, hosts: Sequence[EmergencyHost]) -> tuple[str, ...]:
    """Trains whose open cycle is due after its date, and would not end in time with it in front."""
    plan = large.spec.plan
    assert plan is not None, "only a large-scale maintenance has rounds"
    seconds = sum(
        round_length(large.spec, each.number, cluster.pools, each.domains, each.every).total_seconds()
        for each in planned_rounds(plan, hosts)
    )
    found = []
    for pool in totals(hosts):
        facts = await store.train_facts(cluster.name, pool, await store.clock())
        if facts is None or facts.cycle is None or facts.cycle.due_at <= plan.at:
            continue
        update = {"held_by": large.id, "held_seconds": facts.held_seconds + seconds}
        risk = next_stop(facts.model_copy(update=update)).at_risk
        if risk:
            found.append(f"{cluster.name}/{pool}: {risk}")
    return tuple(found)
