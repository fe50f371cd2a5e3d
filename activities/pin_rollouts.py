"""The sliding co-rollouts of a pin switch: they bring hosts to versions that both pins were tested with."""

from collections import Counter

from temporalio import activity

from activities.deps import Deps
from fleet.errors import Refused
from fleet.models.host import Host
from fleet.models.messages import RolloutInput
from fleet.models.pin import PinSwitch
from fleet.models.rollout import Cohort, Phase, RolloutSpec
from fleet.policy.pin_check import PinCheck


async def open_co_rollouts(
    deps: Deps, switch: PinSwitch, check: PinCheck, up: tuple[Host, ...]
) -> tuple[RolloutInput, ...]:
    """Write the rollouts that the check names, as a person's `maintrain rollout start` would; their workflows' inputs.

    One of the same version that exists already, with whatever spec, is left as it is: it gets hosts there, too.
    """
    cluster, versions = switch.spec.cluster, await deps.store.versions(switch.spec.cluster)
    found = []
    for component, version in check.co_rollouts.items():
        carried = Counter(v for host in up if (v := versions.get(host.name, {}).get(component)) not in (None, version))
        if not carried:
            continue
        spec = _spec(cluster, component, version, str(carried.most_common(1)[0][0]))
        why = f"co-rollout of {switch.id}: {switch.why}"
        try:
            await deps.store.start_rollout(spec, switch.started_by, why, await deps.clock())
        except Refused as known:
            activity.logger.info(f"{switch.id} goes on with a rollout that is there: {known}")
        found.append(RolloutInput(rollout=spec.id, cluster=cluster))
    return tuple(found)


def _spec(cluster: str, component: str, version: str, prior: str) -> RolloutSpec:
    """One domain first, then every host: what a person who wants more phases starts beforehand."""
    first = Phase(name="first", cohort=Cohort(count=1))
    return RolloutSpec(
        component=component,
        version=version,
        prior=prior,
        clusters=(cluster,),
        phases=(first, Phase(name="everywhere")),
    )
