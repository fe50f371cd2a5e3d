"""The one way in for requests to keep away, however they come: by a job's comment, an update, HTTP or a command. The
hosts and the user of a job are taken from the scheduler, never from who asks.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import ValidationError

from fleet import ids
from fleet.errors import InvalidInput, Refused
from fleet.models.avoidance import (
    Avoidance,
    AvoidanceAsk,
    AvoidanceChange,
    AvoidanceSource,
    AvoidanceState,
    Offer,
)
from fleet.models.base import Moment
from fleet.models.facts import AvoidanceFacts
from fleet.models.host import Host
from fleet.models.scheduler import Job
from fleet.policy.avoidance import offer
from fleet.ports.scheduler import Scheduler
from fleet.ports.store import Store


@dataclass(frozen=True)
class Wish:
    """A request before it is split by pool. `key` begins with its cluster, and tells it from the asker's other ones."""

    cluster: str
    key: str
    source: AvoidanceSource
    hosts: tuple[str, ...]
    user: str
    actor: str
    why: str = ""
    until: Moment | None = None
    """None for a word that names no date."""
    signal: str | None = None
    job: str = ""
    restarts: int = 0


def job_wish(cluster: str, job: Job, key: str, source: AvoidanceSource) -> Wish:
    """What a job asks: of the trains of its own hosts, on its own user's budget."""
    user = job.user[:64]
    return Wish(cluster, key, source, hosts=job.hosts, user=user, actor=user, job=job.id, restarts=job.restarts)


async def running_job(scheduler: Scheduler, job_id: str) -> Job:
    """A job that holds hosts, as of now. `Refused` when none of that id does."""
    job = (await scheduler.view(not_before=time.monotonic())).jobs.get(job_id)
    if job is None or not job.holds or job.ours:
        raise Refused(f"job {job_id[:200]} holds no hosts now")
    return job


class AvoidanceDoor:
    """Ask, look and take back. Raises what the store raises, and `InvalidInput` or `Refused` with the reason."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def ask(self, wish: Wish) -> tuple[Avoidance, ...]:
        """What the train of each pool with hosts of the wish answers; repeating it changes nothing."""
        asks = await self._asks(wish)
        return tuple([await self._store.ask_avoidance(ask, await self._store.clock(), offer) for ask in asks])

    async def offers(self, wish: Wish) -> tuple[tuple[AvoidanceAsk, Offer], ...]:
        """What they would answer; nothing is written."""
        found = []
        for ask in await self._asks(wish):
            before = next(iter(await self._store.avoidances_of(ask.cluster, ask.id)), None)
            if before is not None:
                reason = f"as it was answered before: {before.state}: {before.reason}"
                until = before.until if before.state is AvoidanceState.GRANTED else None
                found.append((before.ask, Offer(until=until, planned=before.planned, reason=reason)))
                continue
            facts = await self._store.avoidance_facts(ask.cluster, ask.pool, await self._store.clock())
            found.append((ask, offer(ask, facts)))
        return tuple(found)

    async def refuse(self, wish: Wish, why: str) -> None:
        """Answer words that can't be read with what was expected."""

        def decide(_: AvoidanceAsk, __: AvoidanceFacts) -> Offer:
            return Offer(until=None, reason=f"refused: {why}")

        for ask in await self._asks(wish):
            await self._store.ask_avoidance(ask, await self._store.clock(), decide)

    async def ready(self, wish: Wish, said_at: Moment | None = None) -> tuple[Avoidance, ...]:
        """Note a job's word that it may be visited now; none is noted for a word of `said_at` where the job was granted
        something since.
        """
        if not wish.job:
            raise InvalidInput("job", "", "expected a job: hosts alone can't say that they are ready")
        # Its own key: the job may have asked to be avoided under the same one.
        asks = await self._asks(replace(wish, key=f"{wish.key}/ready"))
        said = [await self._store.say_ready(ask, await self._store.clock(), said_at) for ask in asks]
        return tuple(row for row in said if row is not None)

    async def withdraw(
        self, cluster: str, what: str, actor: str, why: str, said_at: Moment | None = None
    ) -> tuple[Avoidance, ...]:
        """Take back what stands, by its id or its job. `Refused` when nothing does. `said_at`: only what was asked by
        then, for a word that may be heard again.
        """
        found = [r for r in await self.standing(cluster, what) if said_at is None or r.asked_at <= said_at]
        if not found:
            raise Refused(f"nothing that was granted to {what[:80]!r} in {cluster} stands")
        state = AvoidanceState.WITHDRAWN
        changes = [AvoidanceChange(id=row.id, state=state, reason=f"withdrawn by {actor}: {why}") for row in found]
        return await self._store.change_avoidances(cluster, changes, actor, await self._store.clock())

    async def standing(self, cluster: str, what: str) -> tuple[Avoidance, ...]:
        """What was granted and is not over, by its id or its job."""
        rows = await self._store.avoidances_of(cluster, what, over=False) if what else ()
        return tuple(row for row in rows if row.state is AvoidanceState.GRANTED)

    async def _asks(self, wish: Wish) -> tuple[AvoidanceAsk, ...]:
        members = {host.name: host for host in await self._store.hosts(wish.cluster)}
        return asks_of(wish, members, await self._store.clock())


def asks_of(wish: Wish, members: Mapping[str, Host], now: Moment) -> tuple[AvoidanceAsk, ...]:
    """A wish as the requests to each pool's train. `InvalidInput` when none of its hosts is a member of a pool, or one
    that was named is not, and for what no row takes.
    """
    pools: dict[str, list[str]] = {}
    strangers = []
    for name in dict.fromkeys(wish.hosts):
        host = members.get(name)
        if host is not None and not host.decommissioned:
            pools.setdefault(host.pool, []).append(name)
        else:
            strangers.append(name)
    # A job may run beyond our pools; a host that a person named, and misspelt, would be visited.
    if not pools or (strangers and not wish.job):
        some: Sequence[str] = strangers[:3]
        raise InvalidInput("hosts", wish.cluster, f"expected members of a pool, found {', '.join(some) or 'none'}")
    try:
        return tuple(_ask_of(wish, pool, hosts, now) for pool, hosts in sorted(pools.items()))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise InvalidInput("request", ".".join(str(part) for part in first["loc"]), first["msg"]) from error


def _ask_of(wish: Wish, pool: str, hosts: Sequence[str], now: Moment) -> AvoidanceAsk:
    return AvoidanceAsk(
        id=ids.avoidance(wish.source.value, wish.key, pool),
        cluster=wish.cluster,
        pool=pool,
        job=wish.job,
        restarts=wish.restarts,
        user=wish.user,
        hosts=tuple(sorted(hosts)),
        until=wish.until or now,
        signal=wish.signal,
        source=wish.source,
        actor=wish.actor,
        why=wish.why,
    )
