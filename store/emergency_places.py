"""Where emergencies stand: before which trains, and on which pools of a fleet file."""

from collections.abc import Collection

from sqlalchemy import Connection, bindparam, func, or_, select

from fleet.models.emergency import BUSY, OPEN_STATES, EmergencyState
from fleet.policy.large_rounds import rounds_left
from store.emergencies import LEFT, NEWEST_FIRST, read_all
from store.tables.emergencies import EMERGENCIES, EMERGENCY_HOSTS

_AHEAD = (EmergencyState.ANNOUNCED, EmergencyState.RUNNING)
_AHEAD_OF = NEWEST_FIRST.where(EMERGENCIES.c.cluster == bindparam("cluster_"), EMERGENCIES.c.state.in_(_AHEAD))


def emergency_ahead(connection: Connection, cluster: str, pool: str) -> tuple[str, int]:
    """The emergencies that go before a pool's train, and in how many rounds of domains they will be through there."""
    ahead = read_all(connection.execute(_AHEAD_OF, {"cluster_": cluster}))
    names, rounds = [], 0
    for one in ahead:
        if one.spec.plan is not None and one.state is EmergencyState.ANNOUNCED:
            continue  # its date may be far; trains go on until it is near
        these = (EMERGENCY_HOSTS.c.emergency == one.id) & (EMERGENCY_HOSTS.c.pool == pool)
        count = select(func.count(func.distinct(EMERGENCY_HOSTS.c.domain))).where(these)
        domains = connection.execute(count.where(EMERGENCY_HOSTS.c.state.in_(LEFT))).scalar_one()
        if domains:
            names.append(one.id)
            rounds += rounds_left(one, domains, connection.execute(count).scalar_one())
    return ", ".join(names), rounds


def emergencies_on(connection: Connection, clusters: Collection[str]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Cluster and pool: emergencies and large-scale maintenances with hosts there that are open, or over with a stop
    that has not ended yet.
    """
    statement = (
        select(EMERGENCIES.c.cluster, EMERGENCY_HOSTS.c.pool, EMERGENCIES.c.id)
        .join(EMERGENCY_HOSTS, EMERGENCIES.c.id == EMERGENCY_HOSTS.c.emergency)
        .where(EMERGENCIES.c.cluster.in_(clusters))
        .where(or_(EMERGENCIES.c.state.in_(OPEN_STATES), EMERGENCY_HOSTS.c.state.in_(BUSY)))
        .distinct()
        .order_by(EMERGENCIES.c.id)
    )
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for row in connection.execute(statement):
        place = (row.cluster, row.pool)
        found[place] = (*found.get(place, ()), row.id)
    return found
