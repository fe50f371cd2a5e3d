"""`maintrain fleet drift`: versions by layer over the hosts in production, against the pins and the desired ones."""

from typing import Annotated

import typer

from fleet.hostlist import compact
from fleet.models.drift import ComponentDrift, Drift
from fleet.policy.drift import drift, in_words
from starter.asynchronous import run
from starter.options import Json, MaybeCluster
from starter.picture import picture
from starter.session import facts, find_cluster, in_force
from starter.show import dump, print_json, say, table

FailOnDrift = Annotated[
    bool,
    typer.Option("--fail-on-drift", help="Exit code 1 when a host is off a pin, or on a set that is not allowed."),
]


def show_drift(cluster: MaybeCluster = None, fail_on_drift: FailOnDrift = False, as_json: Json = False) -> None:
    """Versions in production by layer; hosts off their pins, and on sets that are not allowed."""
    run(_drift(cluster, fail_on_drift, as_json))


async def _drift(wanted: str | None, fail: bool, as_json: bool) -> None:
    found = []
    async with facts() as store:
        fleet = (await in_force(store)).fleet
        for cluster in [find_cluster(fleet, wanted)] if wanted else fleet.clusters:
            seen = await picture(store, fleet, cluster.name)
            observed, entries = await store.versions(cluster.name), await store.matrix(cluster.name)
            rollouts = await store.rollout_facts(cluster.name, seen.facts.hosts)
            found.append(drift(cluster, seen.facts.hosts, seen.standings, observed, entries, rollouts))
    if as_json:
        print_json([_plain(each) for each in found])
    else:
        for each in found:
            _say(each)
    if fail and any(each.wrong for each in found):
        raise typer.Exit(1)


def _plain(found: Drift) -> dict[str, object]:
    counts = {
        "job_facing": found.job_facing,
        "untold": found.untold,
        "hosts_not_allowed": found.hosts_not_allowed,
        "hosts_behind": len(found.behind),
        "wrong": found.wrong,
    }
    return {**dump(found), "total": counts, "reason": in_words(found)}


def _say(found: Drift) -> None:
    rows = [_row(c) for c in found.components]
    say(table(("layer", "component", "wished for", "in production", "behind"), rows))
    for off in found.off_pin:
        if off.found is not None:
            say(f"off its pin: {off.host}: {off.component} is pinned at {off.pinned}, the host carries {off.found}")
    untold: dict[str, list[str]] = {}
    for off in found.off_pin:
        if off.found is None:
            untold.setdefault(off.component, []).append(off.host)
    for component, hosts in untold.items():
        say(f"pin not told: {component}: {compact(hosts)} ({len(hosts)})")
    for group in found.not_allowed:
        say(f"not allowed: {compact(group.hosts)} ({len(group.hosts)}): {group.reason}")
    if found.unread:
        say(f"never read: {compact(found.unread)} ({len(found.unread)}); compat adopt and visits read hosts")
    say(f"total: {in_words(found)}\n")


def _row(c: ComponentDrift) -> tuple[str, ...]:
    wished = ", ".join(c.wished) or "-"
    told = [f"{version} on {count}" for version, count in c.observed.items()]
    told += [f"not told by {c.silent}"] if c.silent else []
    return c.layer, c.component, f"pin {wished}" if c.job_facing else wished, ", ".join(told) or "-", str(c.behind)
