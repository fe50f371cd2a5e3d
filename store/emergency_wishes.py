"""Which hosts emergencies and large-scale maintenances want to carry their versions, as boarding and repair read it."""

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, bindparam, false, or_, select

from fleet.models.emergency import Emergency, EmergencyHostState, EmergencyState, Urgent
from fleet.policy.emergency_wish import passed_domains, round_domains, wished_states
from store.emergencies import NEWEST_FIRST, read_all
from store.tables.emergencies import EMERGENCIES, EMERGENCY_HOSTS

_WISHED = (EmergencyState.RUNNING, EmergencyState.STOPPED, EmergencyState.DONE, EmergencyState.ABORTED)
_WISHES = NEWEST_FIRST.where(EMERGENCIES.c.cluster == bindparam("cluster_"), EMERGENCIES.c.state.in_(_WISHED))


def urgent_wishes(connection: Connection, cluster: str, hosts: Sequence[str]) -> dict[str, tuple[Urgent, ...]]:
    """What emergencies want these hosts to carry, by host, the newest first."""
    wanted = set(hosts)
    found: dict[str, tuple[Urgent, ...]] = {}
    for one in read_all(connection.execute(_WISHES, {"cluster_": cluster})):
        its = tuple(
            Urgent(emergency=one.id, component=component, version=version, since=one.started_at)
            for component, version in one.targets.items()
        )
        named = select(EMERGENCY_HOSTS.c.host).where(EMERGENCY_HOSTS.c.emergency == one.id, _wanted_on(one))
        for host in wanted.intersection(connection.execute(named).scalars()):
            found[host] = (*found.get(host, ()), *its)
    return found


def _wanted_on(one: Emergency) -> ColumnElement[bool]:
    """On which of its hosts its versions are wanted. A row that was written as left out at the start is of a host that
    was never selected: what is left out later is so by a stop, or after the start.
    """
    if one.over and not one.spec.stays:
        return false()
    selected = (EMERGENCY_HOSTS.c.stop != "") | (EMERGENCY_HOSTS.c.at > one.started_at)
    left_out = (EMERGENCY_HOSTS.c.state == EmergencyHostState.LEFT_OUT) & selected
    waits = EMERGENCY_HOSTS.c.state == EmergencyHostState.PENDING
    through = passed_domains(one)
    if through is not None:
        left_out &= _within(through)
    return or_(
        EMERGENCY_HOSTS.c.state.in_(wished_states(one.state, large=one.spec.plan is not None)),
        left_out if one.state is EmergencyState.DONE else false(),
        waits & _within(round_domains(one)),
    )


def _within(domains: Mapping[str, Sequence[str]]) -> ColumnElement[bool]:
    """Rows of hosts in these domains of pools."""
    places = ((EMERGENCY_HOSTS.c.pool == pool) & EMERGENCY_HOSTS.c.domain.in_(its) for pool, its in domains.items())
    return or_(false(), *places)
