"""Whether a visit takes domains of other pools along: when that interrupts fewer jobs than one visit after the other.

A job that has hosts in two domains is interrupted twice when they are visited apart and once when they are visited
together; it counts once, however many hosts it has. Nobody waits longer than its own cycle allows.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from fleet.models.base import Moment
from fleet.models.facts import LedgerFacts
from fleet.models.joint import Joining, Joint, Place, Stopover
from fleet.models.ledger import Request


def join(own: Stopover, others: Sequence[Stopover], jobs: Mapping[str, Sequence[str]], wait_seconds: float) -> Joining:
    """The domains to visit together with `own`: one of each other pool at most, as long as each saves interruptions.

    `jobs` are those seen on each host; `wait_seconds` is what the rollout's spec allows.
    """
    chosen: list[Stopover] = [own]
    in_time = min(wait_seconds, own.slack_seconds)
    near = [o for o in others if o.units & own.units and o.place.pool != own.place.pool and o.hosts]
    near = [o for o in near if o.arrives_seconds < min(in_time, o.slack_seconds)]
    while True:
        taken = {c.place.pool for c in chosen}
        saving = [(_saved(chosen, o, jobs), o) for o in near if o.place.pool not in taken]
        best = max(saving, key=lambda s: (s[0], str(s[1].place)), default=None)
        if best is None or best[0] <= 0:
            break
        chosen.append(best[1])
    if len(chosen) == 1:
        return Joining(reason="no domain of another pool that can come in time shares its jobs")
    wait = min([wait_seconds, *(c.slack_seconds for c in chosen)])
    together, apart = _interrupted(chosen, jobs), sum(_interrupted([c], jobs) for c in chosen)
    names = ", ".join(str(c.place) for c in chosen[1:])
    reason = f"visited together with {names}: {together} jobs are interrupted instead of {apart}"
    places = tuple(c.place for c in chosen)
    return Joining(partners=places, together=together, apart=apart, wait_seconds=wait, reason=reason)


def joint_of(joining: Joining, visit: str, rollout: str, now: Moment) -> Joint | None:
    """What the caller's request says of the meeting; None when it goes alone."""
    if not joining.partners:
        return None
    until = now + timedelta(seconds=joining.wait_seconds)
    why = f"{rollout}: {joining.reason}"
    return Joint(key=visit, place=joining.partners[0], partners=joining.partners, until=until, why=why)


def called(place: Place, requests: Iterable[Request], now: Moment) -> Joint | None:
    """The oldest meeting to which waiting requests of others call a domain, as its own request's part."""
    found = [r.joint for r in requests if r.joint is not None and r.joint.place != place and now < r.joint.until]
    joint = next((j for j in found if place in j.partners), None)
    return None if joint is None else joint.model_copy(update={"place": place})


def invited(pool: str, requests: Iterable[Request], now: Moment) -> frozenset[str]:
    """Domains of a pool to which others' waiting requests call its train."""
    calls = [r.joint for r in requests if r.joint is not None and now < r.joint.until]
    here = {(j.key, j.place) for j in calls if j.place.pool == pool}
    return frozenset(p.domain for j in calls for p in j.partners if p.pool == pool and (j.key, p) not in here)


def jobs_seen(facts: LedgerFacts) -> dict[str, tuple[str, ...]]:
    """Jobs on each host, as last observed."""
    look = facts.observation
    return {name: seen.jobs for name, seen in look.hosts.items()} if look is not None else {}


def _saved(chosen: Sequence[Stopover], more: Stopover, jobs: Mapping[str, Sequence[str]]) -> int:
    return _interrupted(chosen, jobs) + _interrupted([more], jobs) - _interrupted([*chosen, more], jobs)


def _interrupted(stops: Iterable[Stopover], jobs: Mapping[str, Sequence[str]]) -> int:
    return len({job for stop in stops for host in stop.hosts for job in jobs.get(host, ())})
