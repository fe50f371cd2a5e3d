"""Which stops to come would be joint visits, for the dry runs of trains and rollouts."""

from collections.abc import Collection, Sequence
from datetime import datetime

from fleet.models.base import Fact
from fleet.models.facts import TrainFacts
from fleet.models.fleetfile import Cluster
from fleet.models.joint import Joining, Place
from fleet.models.rollout import RolloutSpec
from fleet.models.rollouts import Rollout
from fleet.models.train import Cycle, DomainProgress, DomainState
from fleet.policy.domains import form_domains
from fleet.policy.meeting import is_aligned, joining_of
from fleet.ports.store import Store


class PlannedMeeting(Fact):
    """Domains that would be visited together."""

    cluster: str
    rollout: str
    places: tuple[str, ...]
    reason: str


async def planned_meetings(
    store: Store, cluster: Cluster, places: Collection[Place], at: datetime
) -> tuple[PlannedMeeting, ...]:
    """Of the aligned rollouts under way, for stops at these domains, each as if it were next, by the jobs last seen."""
    rollouts = [r for r in await store.rollouts() if is_aligned(r, cluster.name)]
    found: dict[Place, PlannedMeeting] = {}
    for rollout in sorted(rollouts, key=lambda r: (-r.spec.priority, r.started_at, r.id)):
        for place, meeting in (await _meetings(store, cluster, rollout, places, at)).items():
            found.setdefault(place, meeting)
    return tuple(found.values())


async def meetings_of(store: Store, cluster: Cluster, spec: RolloutSpec, at: datetime) -> tuple[PlannedMeeting, ...]:
    """Of a rollout once it is open everywhere, each meeting once."""
    whole = Rollout(
        spec=spec, phase=len(spec.phases) - 1, counted_since=at, started_at=at, started_by="plan", changed_at=at
    )
    if not is_aligned(whole, cluster.name):
        return ()
    found: dict[frozenset[str], PlannedMeeting] = {}
    for meeting in (await _meetings(store, cluster, whole, None, at)).values():
        found.setdefault(frozenset(meeting.places), meeting)
    return tuple(found.values())


async def _meetings(
    store: Store, cluster: Cluster, rollout: Rollout, places: Collection[Place] | None, at: datetime
) -> dict[Place, PlannedMeeting]:
    trains = [_as_in_cycle(t) for p in cluster.pools if (t := await store.train_facts(cluster.name, p.name, at))]
    asked = places if places is not None else _all_places(trains)
    ledger, frozen = await store.facts(cluster.name, at), await store.cohort(rollout.id)
    joinings = joining_of(rollout, ledger, trains, frozen, await store.versions(cluster.name), asked, cluster.topology)
    return {p: _meeting(cluster.name, rollout.id, j) for p, j in joinings.items() if j.partners}


def _meeting(cluster: str, rollout: str, joining: Joining) -> PlannedMeeting:
    return PlannedMeeting(
        cluster=cluster, rollout=rollout, places=tuple(map(str, joining.partners)), reason=joining.reason
    )


def _all_places(trains: Sequence[TrainFacts]) -> set[Place]:
    cycles = [t.cycle for t in trains if t.cycle is not None]
    return {Place(pool=c.pool, domain=d.domain.name) for c in cycles for d in c.domains}


def _as_in_cycle(train: TrainFacts) -> TrainFacts:
    """Between cycles: as if the next one had just opened."""
    if train.cycle is not None and train.cycle.closed_at is None:
        return train
    domains = form_domains(train.hosts, train.pool.domain, train.pool.replicas)
    cycle = Cycle(
        cluster=train.cluster,
        pool=train.pool.name,
        number=train.cycle.number + 1 if train.cycle is not None else 1,
        opened_at=train.now,
        due_at=train.now + train.pool.cycle_bound,
        domains=tuple(DomainProgress(domain=d, state=DomainState.DUE) for d in domains),
    )
    return train.model_copy(update={"cycle": cycle})
