"""`maintrain host lemons`: hosts that keep failing whatever boards on them."""

from typing import Any

from activities.lemon_facts import Found, lemons_of
from fleet.models.host import Standing
from starter.asynchronous import run
from starter.options import Json, MaybeCluster
from starter.picture import picture
from starter.session import facts, find_cluster, in_force
from starter.show import dump, print_json, say, table

Listed = tuple[str, Found, Standing | None]
"""Cluster, lemon, and where it stands; None for one that is no member any more."""


def lemons(cluster: MaybeCluster = None, as_json: Json = False) -> None:
    """Hosts that failed often, under different versions, and more than bad luck explains."""
    run(_lemons(cluster, as_json))


async def _lemons(wanted: str | None, as_json: bool) -> None:
    listed: list[Listed] = []
    async with facts() as store:
        fleet = (await in_force(store)).fleet
        now = await store.clock()
        for cluster in [find_cluster(fleet, wanted)] if wanted else fleet.clusters:
            found = await lemons_of(store, cluster.name, now)
            where = (await picture(store, fleet, cluster.name)).standings if found else {}
            listed += [(cluster.name, one, where.get(host)) for host, one in found.items()]
    if as_json:
        print_json([_plain(*each) for each in listed])
        return
    if not listed:
        say("no host fails more than bad luck explains")
    for each in listed:
        _say(*each)


def _say(cluster: str, found: Found, standing: Standing | None) -> None:
    """One lemon: its numbers, where it is, and its failures."""
    say(f"{cluster}/{found.lemon.host}: {found.lemon.reason}")
    say(f"  now {f'{standing.set}: {standing.reason}' if standing else 'gone'}")
    rows = [
        (f"{t.at:%F %T}", ", ".join(f"{c} {v}" for c, v in t.versions.items()), t.category or "-", t.detail or "-")
        for t in found.failures
    ]
    say(table(("failed at", "with", "found", "said"), rows) + "\n")


def _plain(cluster: str, found: Found, standing: Standing | None) -> dict[str, Any]:
    return {
        "cluster": cluster,
        **dump(found.lemon),
        "standing": dump(standing) if standing else None,
        "trials": [dump(trial) for trial in found.failures],
    }
