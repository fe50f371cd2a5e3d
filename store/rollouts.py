"""Rollouts and the cohorts of their phases."""

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, insert, select, update

from fleet.errors import InvalidInput, Refused
from fleet.models.audit import AuditEntry
from fleet.models.base import Moment
from fleet.models.event import EventKind, event
from fleet.models.images import Image
from fleet.models.rollout import RollBack, RolloutSpec
from fleet.models.rollouts import OPEN_STATES, HostKey, Offboarded, Rollout, RolloutChange, RolloutFacts, RolloutState
from fleet.policy.emergency_checks import emergency_images
from fleet.policy.rollout_images import image_of
from fleet.policy.wanted import offboarded
from store import documents
from store.audit import write_audit
from store.emergencies import emergencies_in
from store.emergency_wishes import urgent_wishes
from store.events import write_event
from store.part import Part
from store.tables.fleet import HOST_VERSIONS, HOSTS
from store.tables.rollouts import COHORTS, ROLLOUTS

_HOSTS_AT_ONCE = 500
_IN_ORDER = select(ROLLOUTS.c.id, ROLLOUTS.c.document).order_by(ROLLOUTS.c.started_at, ROLLOUTS.c.id)
_RUNNING = select(ROLLOUTS.c.id).where(ROLLOUTS.c.state == RolloutState.RUNNING)
# Of those that run alone: a join reads the cohorts of all that ever did.
_TO_TRY = (
    select(COHORTS.c.host)
    .join(HOSTS, (HOSTS.c.cluster == COHORTS.c.cluster) & (HOSTS.c.name == COHORTS.c.host))
    .where(COHORTS.c.rollout.in_(_RUNNING), COHORTS.c.tried_at.is_(None))
    .where(COHORTS.c.cluster == bindparam("cluster_"), HOSTS.c.pool == bindparam("pool_"))
    .where(HOSTS.c.retired_at.is_(None))
)
_CARRIED = (
    select(HOST_VERSIONS.c.host, HOST_VERSIONS.c.versions)
    .join(HOSTS, (HOSTS.c.cluster == HOST_VERSIONS.c.cluster) & (HOSTS.c.name == HOST_VERSIONS.c.host))
    .where(HOST_VERSIONS.c.cluster == bindparam("cluster_"), HOSTS.c.pool == bindparam("pool_"))
    .where(HOSTS.c.retired_at.is_(None))
)
_ENDED = select(ROLLOUTS.c.component).where(ROLLOUTS.c.state == RolloutState.OFFBOARDED)
_OFFBOARDED = _IN_ORDER.where(ROLLOUTS.c.component.in_(_ENDED))
"""Those of the same components that stand as well: a stage of one may be the version of another."""


class Rollouts(Part):
    """Rollouts."""

    async def start_rollout(self, spec: RolloutSpec, actor: str, reason: str, now: Moment) -> bool:
        """Write a rollout; False when this very spec was started before. Audited.

        Raises Refused when another spec of the same component and version was.
        """

        def work(connection: Connection) -> bool:
            known = _read(connection, spec.id)
            if known is not None and known.spec != spec:
                raise Refused(f"{spec.id} was started before with another spec, and is {known.state}: {known.reason}")
            if known is not None:
                return False
            rollout = Rollout(
                spec=spec, started_at=now, started_by=actor, changed_at=now, counted_since=now, reason=reason
            )
            row = {"id": spec.id, "component": spec.component, "started_at": now}
            connection.execute(insert(ROLLOUTS).values(**row, state=rollout.state, document=documents.dump(rollout)))
            subject = f"rollout {spec.id}"
            entry = AuditEntry(at=now, actor=actor, action="rollout start", subject=subject, reason=reason)
            write_audit(connection, entry)
            return True

        return await self._database.write(work, lock=f"rollout/{spec.id}")

    async def rollouts(self) -> tuple[Rollout, ...]:
        """All that were ever started, oldest first."""
        return await self._database.read(_all)

    async def rollout(self, rollout_id: str) -> Rollout | None:
        """One of them."""
        return await self._database.read(lambda connection: _read(connection, rollout_id))

    async def change_rollout(self, rollout_id: str, decide: Callable[[Rollout], RolloutChange]) -> Rollout:
        """Read a rollout, decide, and write what it becomes with its cohort and audit entry, in one transaction.

        Raises InvalidInput for an unknown one; what `decide` raises leaves all as it was.
        """

        def work(connection: Connection) -> Rollout:
            before = _read(connection, rollout_id)
            if before is None:
                raise InvalidInput("rollout", rollout_id, "expected one that was started")
            after, cohort, audit = decide(before)
            if after != before:
                values = {"state": after.state, "document": documents.dump(after)}
                connection.execute(update(ROLLOUTS).where(ROLLOUTS.c.id == rollout_id).values(**values))
            known = {(row.cluster, row.host) for row in _cohort_rows(connection, rollout_id)} if cohort else set()
            rows = [_row(rollout_id, key, after.phase) for key in cohort if key not in known]
            if rows:
                connection.execute(insert(COHORTS), rows)
            if audit is not None:
                write_audit(connection, audit)
            if after.state is RolloutState.OFFBOARDED and before.state is not after.state:
                _tell_offboarded(connection, after)
            return after

        return await self._database.write(work, lock=f"rollout/{rollout_id}")

    async def rollout_facts(self, cluster: str, hosts: Iterable[str]) -> RolloutFacts:
        """What decides what these hosts are wanted to carry: every rollout, and the cohorts that they are in."""
        names = list(hosts)

        def work(connection: Connection) -> RolloutFacts:
            rollouts = _all(connection)
            cohorts: dict[str, dict[str, int]] = {}
            for start in range(0, len(names) if rollouts else 0, _HOSTS_AT_ONCE):
                some = names[start : start + _HOSTS_AT_ONCE]
                these = (COHORTS.c.cluster == cluster) & COHORTS.c.host.in_(some)
                for row in connection.execute(select(COHORTS).where(these)):
                    cohorts.setdefault(row.host, {})[row.rollout] = row.phase
            urgent = urgent_wishes(connection, cluster, names)
            return RolloutFacts.model_construct(rollouts=rollouts, cohorts=cohorts, urgent=urgent)

        return await self._database.read(work)

    async def cohort(self, rollout_id: str) -> dict[HostKey, int]:
        """Hosts that were frozen into a phase, and which."""

        def work(connection: Connection) -> dict[HostKey, int]:
            return {(row.cluster, row.host): row.phase for row in _cohort_rows(connection, rollout_id)}

        return await self._database.read(work)

    async def offboarded(self, component: str | None = None) -> tuple[Offboarded, ...]:
        """Versions that board nowhere any more, of one component or of all."""
        statement = _OFFBOARDED if component is None else _OFFBOARDED.where(ROLLOUTS.c.component == component)
        return await self._database.glance(lambda connection: _ended(connection, statement))

    async def rollout_images(self) -> tuple[Image, ...]:
        """Images that rollouts and emergencies name, whatever became of these."""
        found = [image_of(rollout.spec) for rollout in await self._database.glance(_all)]
        urgent = [emergency_images(one) for one in await self._database.glance(emergencies_in)]
        return tuple(image for image in (*found, *(i for its in urgent for i in its)) if image is not None)


def open_rollouts(connection: Connection) -> tuple[Rollout, ...]:
    """Those that are running or paused, oldest first."""
    return tuple(_each(connection, _IN_ORDER.where(ROLLOUTS.c.state.in_(OPEN_STATES))))


def hosts_first(connection: Connection, cluster: str, pool: str) -> frozenset[str]:
    """Hosts that a train visits before others: those of the open phases of running rollouts (the last phase aside)
    that no visit has tried it on yet, and those that carry a version which is rolled back at once.
    """
    found = set(connection.execute(_TO_TRY, {"cluster_": cluster, "pool_": pool}).scalars())
    bad = {
        (e.component, v) for e in _ended(connection, _OFFBOARDED) if e.roll_back is RollBack.AT_ONCE for v in e.versions
    }
    for row in connection.execute(_CARRIED, {"cluster_": cluster, "pool_": pool}) if bad else ():
        versions = documents.load_notes(row.versions, "host_versions", f"{cluster}/{row.host}")
        if not bad.isdisjoint(versions.items()):
            found.add(row.host)
    return frozenset(found)


def _ended(connection: Connection, statement: "Select[Any]") -> tuple[Offboarded, ...]:
    return offboarded(_each(connection, statement))


def _all(connection: Connection) -> tuple[Rollout, ...]:
    return tuple(_each(connection, _IN_ORDER))


def _each(connection: Connection, statement: "Select[Any]") -> list[Rollout]:
    rows = connection.execute(statement)
    return [documents.load(Rollout, row.document, "rollouts", row.id) for row in rows]


def _read(connection: Connection, rollout_id: str) -> Rollout | None:
    text = connection.execute(select(ROLLOUTS.c.document).where(ROLLOUTS.c.id == rollout_id)).scalar_one_or_none()
    return None if text is None else documents.load(Rollout, text, "rollouts", rollout_id)


def _cohort_rows(connection: Connection, rollout_id: str) -> "Iterable[Row[Any]]":
    return connection.execute(select(COHORTS).where(COHORTS.c.rollout == rollout_id))


def _tell_offboarded(connection: Connection, rollout: Rollout) -> None:
    """In each cluster where hosts were chosen for it; in one order everywhere, since each holds its events up."""
    spec, now = rollout.spec, rollout.changed_at
    for cluster in sorted({*spec.clusters, *(row.cluster for row in _cohort_rows(connection, rollout.id))}):
        more = {"subject": f"rollout {rollout.id}", "reason": rollout.reason}
        data = {"component": spec.component, "version": spec.version}
        occasion = f"{rollout.id}/{cluster}/{now.isoformat()}"
        write_event(connection, event(EventKind.OFFBOARDED, occasion, now, (cluster, None), **more, data=data))


def _row(rollout_id: str, key: HostKey, phase: int) -> dict[str, object]:
    return {"rollout": rollout_id, "cluster": key[0], "host": key[1], "phase": phase}
