"""`maintrain ledger`: who holds what, how each pool stands against its promises, and why each request waits."""

from collections.abc import Iterable

import typer

from fleet.models.host import HostSet, Standing
from fleet.policy.explaining import next_grants
from starter.asynchronous import run
from starter.options import Json, MaybeCluster
from starter.picture import Picture, picture
from starter.session import facts, find_cluster, in_force
from starter.show import dump, print_json, say, table

app = typer.Typer()


@app.command()
def ledger(cluster: MaybeCluster = None, as_json: Json = False) -> None:
    """Who holds what; counts against buffers and floor; the queue with the reason of each wait."""
    run(_ledger(cluster, as_json))


async def _ledger(wanted: str | None, as_json: bool) -> None:
    async with facts() as store:
        fleet = (await in_force(store)).fleet
        seen = await picture(store, fleet, find_cluster(fleet, wanted).name)
    coming = next_grants(seen.facts)
    if as_json:
        print_json({**seen.plain(), "next": dump(coming)})
        return
    for line in ledger_lines(seen):
        say(line)
    if seen.facts.requests:
        say(f"\ngranted next: {', '.join(coming.requests) or 'none'} ({coming.reason})")


def ledger_lines(seen: Picture) -> list[str]:
    """The ledger for people."""
    lines = [f"cluster {seen.facts.cluster}, {_looked(seen)}", "", pools_table(seen)]
    lines += stop_lines(seen)
    if seen.facts.leases:
        rows = [(x.host, x.counted, x.holder, f"{x.since:%F %T}", x.why) for _, x in sorted(seen.facts.leases.items())]
        lines += ["", table(("host", "counted as", "held by", "since", "why"), rows)]
    elsewhere = out_without_lease(seen)
    if elsewhere:
        others = [(s.host, s.set, s.owner or "-", s.reason) for s in elsewhere]
        lines += ["", table(("host", "set", "owner", "why"), others)]
    if seen.facts.requests:
        waits = [(r.id, r.kind, len(r.hosts), f"{r.asked_at:%F %T}", r.waits_because) for r in seen.facts.requests]
        lines += ["", table(("waiting", "class", "hosts", "since", "because"), waits)]
    return lines


def pools_table(seen: Picture) -> str:
    """Each pool's sets against its promises."""
    rows = []
    for p in seen.pools:
        c, most = p.counts, p.limits
        planned, failed = f"{c.planned}/{most.planned_buffer}", f"{c.failed}/{most.failure_buffer}"
        rows.append((p.pool.name, most.members, c.up, most.floor, planned, failed, c.foreign, c.unknown))
    heads = ("pool", "members", "up", "floor", "planned/buffer", "failed/buffer", "foreign", "unknown")
    return table(heads, rows)


def stop_lines(seen: Picture) -> list[str]:
    """Stops, freezes, overrides, emergencies and autostops in force, a sentence each."""
    lines = [f"{s.kind} of {s.scope} by {s.actor} since {s.at:%F %T}: {s.reason}" for s in seen.facts.stops]
    lines += [
        f"override of {o.numbers or 'buffers and floors'} for {o.holder} by {o.actor} until {o.told_until}: {o.reason}"
        for o in seen.facts.overrides
    ]
    tripped = sorted((pool, b) for pool, b in seen.facts.breakers.items() if b.tripped)
    lines += [f"no repair is opened in pool {seen.facts.cluster}/{pool}: {b.reason}" for pool, b in tripped]
    lines += [f"{emergency} goes before all others in pool {pool}" for pool, emergency in seen.facts.urgent.items()]
    stopped = sorted((pool, a) for pool, a in seen.facts.autostops.items() if a.stopped)
    return lines + [f"autostop of pool {seen.facts.cluster}/{pool}: {a.reason}" for pool, a in stopped]


def out_without_lease(seen: Picture) -> Iterable[Standing]:
    """Hosts that are out and that no lease of ours holds, by name."""
    found = (s for s in seen.standings.values() if s.set is not HostSet.UP and s.host not in seen.facts.leases)
    return sorted(found, key=lambda s: s.host)


def _looked(seen: Picture) -> str:
    if seen.facts.observation is None or seen.seen_seconds is None:
        return "not observed yet"
    error = seen.facts.observation.error
    return f"observed {seen.seen_seconds:.0f} s ago" + (f", since then: {error}" if error else "")
