"""The dry run of a pin switch: whether every host in production may carry both pins, and what is in the way."""

from pydantic import Field

from fleet.hostlist import compact
from fleet.models.base import Fact
from fleet.models.fleetfile import Cluster, FleetFile
from fleet.models.pin import PinHostState, PinSpec, PinState
from fleet.policy.pin_check import PinCheck, check_switch
from fleet.ports.store import Store
from starter.production import in_production


class PinPlan(Fact):
    """What a pin switch would do."""

    cluster: str
    component: str
    pinned: str
    version: str
    hosts: int
    """In production."""
    check: PinCheck
    late: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Hosts that an earlier switch of the cluster left behind and still keeps closed, by its id."""


async def plan_switch(store: Store, fleet: FleetFile, cluster: Cluster, spec: PinSpec) -> PinPlan:
    """Plan from the facts; writes nothing."""
    production = await in_production(store, fleet, cluster)
    entries = await store.matrix(cluster.name)
    return PinPlan(
        cluster=cluster.name,
        component=spec.component,
        pinned=cluster.pins[spec.component],
        version=spec.version,
        hosts=len(production),
        check=check_switch(cluster, spec.component, spec.version, spec.together, production, entries),
        late=await _late(store, cluster.name),
    )


async def _late(store: Store, cluster: str) -> dict[str, tuple[str, ...]]:
    open_ = [s for s in await store.open_pin_switches(cluster) if s.state is PinState.LATE]
    late = {s.id: await store.pin_hosts(s.id, states=(PinHostState.LATE,)) for s in open_}
    return {switch: tuple(host.host for host in hosts) for switch, hosts in late.items() if hosts}


def plan_lines(plan: PinPlan) -> list[str]:
    """The plan in words."""
    check = plan.check
    lines = [
        f"{plan.component} {plan.pinned} to {plan.version} on {plan.hosts} hosts of {plan.cluster}: {check.reason}"
    ]
    lines += [f"  {len(gap.hosts)} hosts ({compact(gap.hosts)}): {gap.reason}" for gap in check.gaps]
    lines += [f"  rolled out first: {name} {version}" for name, version in check.co_rollouts.items()]
    lines += [f"  in the same window: --together {name}={version}" for name, version in check.breaking.items()]
    return lines + late_lines(plan)


def late_lines(plan: PinPlan) -> list[str]:
    """Who stays out of production, whatever becomes of the switch."""
    stays = "late for {}: closed to jobs until they carry the pins then in force"
    return [
        f"  {len(hosts)} hosts ({compact(hosts)}) stay {stays.format(switch)}" for switch, hosts in plan.late.items()
    ]
