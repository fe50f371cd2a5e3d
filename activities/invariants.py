"""Gauges that must read zero, derived anew at every look of the dispatcher."""

from temporalio import activity

from activities.deps import Deps
from fleet.models.facts import LedgerFacts
from fleet.models.host import Standing
from fleet.policy.invariants import below_floor, breaches


async def measure_invariants(deps: Deps, facts: LedgerFacts, where: dict[str, Standing], ownerless: int) -> None:
    """Set `maintrain_invariant_breaches` for each invariant, and log what is not zero; the floor is told apart."""
    cluster = await deps.cluster(facts.cluster)
    found = breaches(facts, where, ownerless, await deps.store.versions(facts.cluster), cluster.pins)
    meter = activity.metric_meter()
    gauge = meter.create_gauge("maintrain_invariant_breaches", "Hosts that break an invariant; zero while all is well")
    for invariant, count in found.model_dump().items():
        gauge.set(count, {"cluster": facts.cluster, "invariant": invariant})
        if count:
            activity.logger.error(f"{count} hosts of {facts.cluster} break the invariant {invariant}")
    missing = meter.create_gauge("maintrain_below_floor_hosts", "Hosts that a pool lacks to its floor")
    for pool in facts.pools:
        missing.set(below_floor(facts, where, pool), {"cluster": facts.cluster, "pool": pool.name})
