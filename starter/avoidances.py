"""Avoidance as programs use it: the command line does, and so can any other system in Python.

async with Avoidances.open() as door:
rows = await door.request(Request("sim", "+2h", actor="ann", reason="no checkpoint yet", job="4711", key="4711-1"))
...
await door.withdraw("sim", "4711", "ann", "it is over")
"""

import re
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from activities.avoidance_door import AvoidanceDoor, Wish, job_wish, running_job
from fleet import hostlist, ids
from fleet.avoidance_words import until_of
from fleet.errors import InvalidInput
from fleet.models.avoidance import KEY_PATTERN, Avoidance, AvoidanceAsk, AvoidanceSource, Offer
from fleet.models.scheduler import Job
from fleet.ports.store import Store
from starter.engine import wake_all
from starter.session import facts, find_cluster, hands, in_force


@dataclass(frozen=True)
class Request:
    """What is asked of the trains of a cluster: for a job, or for hosts."""

    cluster: str
    until: str
    """`+2h`, or an ISO time with its zone."""
    actor: str
    reason: str
    job: str = ""
    hosts: str = ""
    """A hostlist, instead of a job."""
    user: str = ""
    """Whose budget it counts against; default: the job's user, for hosts the actor."""
    signal: str | None = None
    key: str = ""
    """Idempotency key, of `KEY_PATTERN`; default: a new one."""


class Avoidances:
    """Ask, look and take back. Every method raises what a command would show as its one error."""

    def __init__(self, store: Store, source: AvoidanceSource = AvoidanceSource.PROGRAM) -> None:
        self._store, self._source, self._door = store, source, AvoidanceDoor(store)

    @classmethod
    @asynccontextmanager
    async def open(cls, source: AvoidanceSource = AvoidanceSource.PROGRAM) -> "AsyncIterator[Avoidances]":
        """The door of the installation that the settings name."""
        async with facts() as store:
            yield cls(store, source)

    async def plan(self, request: Request) -> tuple[tuple[AvoidanceAsk, Offer], ...]:
        """What the trains would answer; nothing is written."""
        return await self._door.offers(await self._wish(request))

    async def request(self, request: Request) -> tuple[Avoidance, ...]:
        """Ask; a row for each pool with hosts of it, granted or refused with the reason. The same key again is the same
        request. Rows decide: with Temporal down they are in force.
        """
        return await self._door.ask(await self._wish(request))

    async def plan_ready(self, cluster: str, job: str) -> tuple[Avoidance, ...]:
        """What that word would end. `Refused` for a job that holds no hosts now; nothing is written."""
        found = await self._job(cluster, job)
        return await self.standing(cluster, found.id)

    async def ready(self, cluster: str, job: str, key: str = "") -> tuple[Avoidance, ...]:
        """A job's word that it may be visited now: what it was granted ends, and its notice needs no more time."""
        found = await self._job(cluster, job)
        wish = job_wish(cluster, found, self._key(cluster, key, found), self._source)
        return await self._door.ready(wish)

    async def withdraw(self, cluster: str, what: str, actor: str, reason: str) -> tuple[Avoidance, ...]:
        """Take back what stands, by its id or its job. `Refused` when nothing does."""
        return await self._door.withdraw(cluster, what, actor, reason)

    async def standing(self, cluster: str, what: str) -> tuple[Avoidance, ...]:
        """What was granted and is not over, by its id or its job."""
        return await self._door.standing(cluster, what)

    async def avoidances(
        self, cluster: str | None = None, *, over: bool | None = None, limit: int = 1000
    ) -> tuple[Avoidance, ...]:
        """The newest first."""
        return await self._store.avoidances(cluster, over=over, limit=limit)

    async def tell(self, rows: Iterable[Avoidance]) -> str:
        """Wake the trains of these rows. Never fails, for rows are in force."""
        trains = sorted({ids.train(row.ask.cluster, row.ask.pool) for row in rows})
        return await wake_all(trains, "the answer") if trains else ""

    async def _wish(self, request: Request) -> Wish:
        try:
            until = until_of(request.until, await self._store.clock())
        except ValueError as error:
            raise InvalidInput("--until", "", str(error)) from error
        if bool(request.job) == bool(request.hosts):
            raise InvalidInput("--job", "", "expected either --job or --hosts")
        if not re.fullmatch(KEY_PATTERN.strip("^$"), request.key):
            raise InvalidInput("--key", "", f"expected a key of {KEY_PATTERN}, found {request.key[:40]!r}")
        find_cluster((await in_force(self._store)).fleet, request.cluster)
        if request.job:
            job = await self._job(request.cluster, request.job)
            wish = job_wish(request.cluster, job, self._key(request.cluster, request.key, job), self._source)
            wish = replace(wish, user=request.user or wish.user)
        else:
            user, key = request.user or request.actor, self._key(request.cluster, request.key)
            wish = Wish(request.cluster, key, self._source, hosts=_hosts(request.hosts), user=user, actor=user)
        return replace(wish, until=until, why=request.reason, actor=request.actor, signal=request.signal)

    async def _job(self, cluster: str, job: str) -> Job:
        found = find_cluster((await in_force(self._store)).fleet, cluster)
        async with hands(found, self._store) as reach:
            return await running_job(reach.scheduler, job)

    def _key(self, cluster: str, key: str, job: Job | None = None) -> str:
        """Of one cluster: in another one the asker's key is another request."""
        run = "" if key or job is None else f"{job.id}.{job.restarts}/"
        return f"{cluster}/{run}{key or uuid.uuid4().hex}"


def _hosts(text: str) -> tuple[str, ...]:
    try:
        found = hostlist.expand(text)
    except ValueError as error:
        raise InvalidInput("--hosts", "", f"expected a hostlist such as gpu[001-004]: {error}") from error
    if not found:
        raise InvalidInput("--hosts", "", "expected a hostlist such as gpu[001-004], found none")
    return tuple(found)
